#!/usr/bin/python3
"""The command lines that courses teach for Confluent's interface, typed as written, and millrace context."""
import atexit
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile

from millrace_server import binary, case, has_limit, launch, obstacle_of_own_client, patience, run, wait_until

HOME = tempfile.mkdtemp(prefix="millrace-confluent-home-")
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "XDG_"))} | {"HOME": HOME}
FILE = f"{HOME}/.config/millrace/contexts.json"
# The program selects its command line by the name under which it was called.
os.makedirs(f"{HOME}/bin")
os.symlink(os.path.abspath(binary()), f"{HOME}/bin/confluent")
CONFLUENT = f"{HOME}/bin/confluent"


def remove_home():
    """Servers that a failed case has left running end when their folder is removed."""
    if os.path.exists(FILE):
        with open(FILE) as file:
            for context in json.load(file)["contexts"]:
                subprocess.run([CONFLUENT, "kafka", "cluster", "delete", context["id"], "--force"], env=ENVIRONMENT,
                               capture_output=True, timeout=patience(60))
    shutil.rmtree(HOME, ignore_errors=True)


atexit.register(remove_home)


def program(*words, stdin="", status=0):
    done = subprocess.run(words, input=stdin, text=True, capture_output=True, timeout=patience(60), env=ENVIRONMENT)
    assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
    return done.stderr if status else done.stdout


def confluent(line, stdin="", status=0):
    """Runs one line of the session, as it is written."""
    return program(CONFLUENT, *line.split(), stdin=stdin, status=status)


def context(line, stdin="", status=0):
    return program(binary(), "context", *line.split(), stdin=stdin, status=status)


def fields(box):
    """| Name | value | lines as a dictionary."""
    return {row[1].strip(): row[2].strip() for row in (line.split("|") for line in box.splitlines() if line.startswith("|"))}


class Terminal:
    """The program at a terminal of its own."""

    def __init__(self, line):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(CONFLUENT, [CONFLUENT, *line.split()], ENVIRONMENT)
        self.seen = ""

    def write(self, text):
        os.write(self.fd, text.encode())

    def read(self, limit_s):
        if not select.select([self.fd], [], [], limit_s)[0]:
            return False
        try:
            self.seen += os.read(self.fd, 65536).decode(errors="replace")
        except OSError:  # the program has ended
            return False
        return True

    def expect(self, words, count=1):
        while self.seen.count(words) < count:
            assert self.read(patience(60)), (words, self.seen)

    def status(self):
        while self.read(patience(60)):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@case
@has_limit(120)
def the_session_of_the_course_from_login_to_clean_up():
    login = Terminal("login")
    login.expect("Address of a server")
    login.write("\n")
    assert login.status() == 0 and "Logged in" in login.seen, login.seen

    environment = json.loads(confluent("environment create course -o json"))
    assert re.fullmatch(r"env-[a-z0-9]{6}", environment["id"]) and environment["name"] == "course", environment
    assert environment["is_current"] is False and "stream_governance_package" in environment, environment
    assert confluent(f"environment use {environment['id']}") == f"Using environment \"{environment['id']}\".\n"

    cluster = fields(confluent("kafka cluster create orders --cloud gcp --region us-west1"))
    assert list(cluster) == ["Current", "ID", "Name", "Type", "Ingress Limit (MB/s)", "Egress Limit (MB/s)", "Storage", "Cloud",
                             "Region", "Availability", "Status", "Endpoint", "REST Endpoint"], cluster
    assert re.fullmatch(r"lkc-[a-z0-9]{6}", cluster["ID"]), cluster
    assert (cluster["Name"], cluster["Cloud"], cluster["Region"], cluster["Status"]) == ("orders", "local", "local", "UP"), cluster
    assert confluent(f"kafka cluster use {cluster['ID']}") == (
        f"Set Kafka cluster \"{cluster['ID']}\" as the active cluster for environment \"{environment['id']}\".\n")
    assert cluster["ID"] in confluent("kafka cluster list")
    assert json.loads(confluent("kafka cluster describe -o json"))["is_current"] is True

    assert confluent("kafka topic create early") == 'Created topic "early".\n'
    assert "no API key is chosen" in confluent("kafka topic consume early", status=1)
    key = json.loads(program(CONFLUENT, "api-key", "create", "--description", "for the course", "--resource", cluster["ID"], "-o", "json"))
    assert sorted(key) == ["api_key", "api_secret"], key
    assert confluent(f"api-key use {key['api_key']} --resource {cluster['ID']}") == f"Using API Key \"{key['api_key']}\".\n"
    assert key["api_key"] in confluent(f"api-key list --resource {cluster['ID']}")
    assert os.stat(FILE).st_mode & 0o777 == 0o600 and os.stat(os.path.dirname(FILE)).st_mode & 0o777 == 0o700

    assert confluent("kafka topic create poems --partitions 2") == 'Created topic "poems".\n'
    assert "already exists" in confluent("kafka topic create poems", status=1)
    assert re.search(r"poems +\| +false +\| +1 +\| +2", confluent("kafka topic list")), confluent("kafka topic list")
    assert fields(confluent("kafka topic describe poems"))["Partition Count"] == "2"

    # Two terminals: a consumer that waits for records, and a producer.
    consumer, producer = Terminal("kafka topic consume poems -b"), Terminal("kafka topic produce poems")
    producer.expect("Starting Kafka Producer. Use Ctrl-C or Ctrl-D to exit.")
    producer.expect(">")
    producer.write("O Captain! My Captain!\nour fearful trip is done\n")
    consumer.expect("O Captain! My Captain!")
    consumer.expect("our fearful trip is done")
    producer.write("\x04")
    assert producer.status() == 0, producer.seen
    consumer.write("\x03")
    assert consumer.status() == 0, consumer.seen

    keyed = Terminal("kafka topic produce poems --parse-key --delimiter :")
    keyed.expect(">")
    keyed.write("whitman:The prize we sought is won\n")
    keyed.expect(">", 2)
    keyed.write("\x03")
    assert keyed.status() == 0, keyed.seen
    reader = Terminal("kafka topic consume poems -b --group readers --print-key")
    reader.expect("whitman\tThe prize we sought is won")
    reader.write("\x03")
    assert reader.status() == 0, reader.seen

    assert "nothing was deleted" in confluent("kafka topic delete poems", stdin="n\n", status=1)
    assert confluent("kafka topic delete poems", stdin="y\n").endswith('Deleted topic "poems".\n')
    assert confluent(f"api-key delete {key['api_key']} --force") == f"Deleted API key \"{key['api_key']}\".\n"
    assert "still has the cluster" in confluent(f"environment delete {environment['id']} --force", status=1)
    data = cluster["Storage"]
    assert os.path.isdir(data)
    assert confluent(f"kafka cluster delete {cluster['ID']}", stdin="y\n").endswith(f"Deleted Kafka cluster \"{cluster['ID']}\".\n")
    assert not os.path.exists(data)
    assert confluent(f"environment delete {environment['id']} --force") == f"Deleted environment \"{environment['id']}\".\n"
    assert confluent("logout").startswith("You are now logged out.")


@case
def commands_without_a_meaning_name_others_to_use():
    for line, words in (("billing cost list", "has no bill"), ("iam user list", "CREATE USER"), ("flink shell", "millrace sql"),
                        ("kafka acl list", "GRANT"), ("schema-registry cluster describe", "schema registry that each server has")):
        message = confluent(line, status=1)
        assert "has no meaning without Confluent's service" in message and words in message, message
    assert 'unrecognized command "confluent kafkaa"' in confluent("kafkaa", status=1)
    assert "kafka topic consume NAME" in confluent("--help") and "api-key" not in confluent("kafka topic --help")
    assert "--from-beginning" in confluent("kafka topic consume --help")
    assert "NAME is missing" in confluent("kafka topic create", status=1)
    assert "no cluster is chosen" in confluent("kafka topic list", status=1)
    assert program(binary(), "confluent", "environment", "list", "-o", "json").startswith("[")


@case
@has_limit(120)
def a_context_starts_stops_and_starts_a_server_again():
    created = context("create shop")
    found = re.fullmatch(r"Created context shop: Kafka at (\S+), SQL at (\S+)\.\n", created)
    assert found, created
    assert 'a cluster with the name "shop" exists already' in context("create shop", status=1)
    sql = (binary(), "sql", "--context", "shop", "-t", "-c")
    assert program(*sql, "SELECT current_user AS u").strip() == "millrace"
    program(*sql, "CREATE STREAM orders (id INT KEY, city VARCHAR)")
    assert "running" in context("list")
    context("stop shop")
    assert "stopped" in context("list") and fields(context("show shop"))["Status"] == "DOWN"
    assert program(*sql, "SELECT 1", status=2).startswith("error: connection to server")
    assert found[1] in context("start shop")
    assert program(*sql, "INSERT INTO orders VALUES (1, 'Oslo')", "-c", "SELECT city FROM orders LIMIT 1").split()[-1] == "Oslo"
    properties = dict(line.split("=", 1) for line in context("properties shop").splitlines())
    assert properties["bootstrap.servers"] == found[1] and properties["sasl.username"] == "millrace", properties
    file = f"{HOME}/client.properties"
    with open(file, "w") as lines:
        lines.write(context("properties shop"))
    assert "orders" in program(binary(), "topic", "list", "-b", found[1], "--command-config", file)
    assert context("delete shop", stdin="y\n").endswith("Deleted context shop.\n")
    assert 'no cluster has the id or the name "shop"' in context("use shop", status=1)


@case
def a_server_that_runs_already_is_known_by_its_address():
    server = launch()
    where = f"--url {server.kafka} --sql {server.host}:{server.port}"
    assert "the chosen one" in confluent(f"login {where} --name here --save")
    assert confluent("kafka topic create there") == 'Created topic "there".\n'
    # A server without an access file needs no key, and accepts one.
    assert confluent("kafka topic produce there", stdin="one\n") == ""
    key = json.loads(confluent("api-key create --use -o json"))
    assert confluent("kafka topic produce there", stdin="two\n") == ""
    reader = Terminal("kafka topic consume there -b")
    reader.expect("one")
    reader.expect("two")
    reader.write("\x03")
    assert reader.status() == 0
    # A second login keeps the cluster's ID and its keys.
    cluster = json.loads(confluent("kafka cluster describe here -o json"))["id"]
    assert cluster in confluent(f"login {where} --name here --save")
    assert json.loads(confluent("kafka cluster describe here -o json"))["id"] == cluster
    assert key["api_key"] in confluent("api-key list")
    properties = context("properties here")
    assert f"sasl.username={key['api_key']}" in properties, properties
    server.stop()
    assert fields(confluent("kafka cluster describe here"))["Status"] == "DOWN"
    assert "no Kafka server answers" in confluent("kafka topic list", status=1)
    confluent("kafka cluster delete here --force")
    assert "no Kafka server answers" in confluent(f"login {where}", status=1)


@case
def a_damaged_file_of_contexts_is_named():
    with open(FILE) as file:
        kept = file.read()
    with open(FILE, "w") as file:
        file.write("{")
    message = context("list", status=1)
    assert FILE in message and "damaged" in message, message
    with open(FILE, "w") as file:
        file.write(kept)
    assert "NAME" in context("list") or "No server is known" in context("list")


run(obstacle_of_own_client())
