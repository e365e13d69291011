#!/usr/bin/python3
"""Links to other Kafka clusters: a second Millrace, with and without TLS and SASL, and servers that answer wrongly."""
import atexit
import contextlib
import glob
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import urllib.request

import psycopg

from millrace_server import case, launch, run, wait_until
from patience import patience

FOLDER = tempfile.mkdtemp(prefix="millrace-links-")
SECRET = "geheim-4711"
WRONG = "falsch-0815"
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


def path(name):
    return os.path.join(FOLDER, name)


def write(name, text):
    with open(path(name), "w", encoding="utf-8") as file:
        file.write(text)
    return path(name)


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def make_certificates():
    """Two authorities; the first has signed a certificate for localhost and one for another host."""
    for name in ("ca", "other_ca"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", f"/CN={name}", "-keyout", path(f"{name}.key"), "-out", path(f"{name}.crt"))
    for name, extension in (("broker", "subjectAltName=DNS:localhost"), ("client", "extendedKeyUsage=clientAuth")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
                "-keyout", path(f"{name}.key"), "-out", path(f"{name}.csr"))
        openssl("x509", "-req", "-in", path(f"{name}.csr"), "-CA", path("ca.crt"), "-CAkey", path("ca.key"),
                "-CAcreateserial", "-days", "2", "-extfile", write(f"{name}.ext", extension), "-out", path(f"{name}.crt"))


make_certificates()
SECRETS = path("secrets")
os.mkdir(SECRETS)
for _name in ("ca.crt", "other_ca.crt"):
    shutil.copy(path(_name), SECRETS)
write("secrets/prod.password", SECRET + "\n")
write("secrets/wrong.password", WRONG + "\n")
FOREIGN = launch()
SECURE = launch("--access-file", write("rules", "hostssl all all all scram-sha-256\n"),
                "--superuser-password-file", write("password", SECRET + "\n"),
                "--tls-cert", path("broker.crt"), "--tls-key", path("broker.key"), kafka="localhost:0")
DATA = tempfile.mkdtemp(prefix="millrace-links-data-")
atexit.register(shutil.rmtree, DATA, ignore_errors=True)


def launch_own():
    return launch("--secrets-dir", SECRETS, data_dir=DATA, keeps_log=True)


OWN = launch_own()


def connect(server=None, user="millrace", **options):
    server = server or OWN
    connection = psycopg.connect(host=server.host, port=server.port, user=user, dbname="shop", autocommit=True, **options)
    connection.notices = []
    connection.add_notice_handler(lambda notice: connection.notices.append(notice.message_primary))
    return connection


def fails(connection, statement):
    """The SQLSTATE, the message and the hint of a statement that fails."""
    try:
        connection.execute(statement)
    except psycopg.Error as error:
        return error.sqlstate, error.diag.message_primary, error.diag.message_hint or ""
    raise AssertionError(f"did not fail: {statement}")


def properties(**given):
    return ", ".join(f"'{name.replace('_', '.')}' = '{value}'" for name, value in given.items())


def create(name, **given):
    return f"CREATE OR REPLACE LINK {name} WITH ({properties(**given)})"


def fill_foreign():
    with connect(FOREIGN) as c:
        c.execute("CREATE STREAM orders (id INT KEY, city VARCHAR) WITH (KAFKA_TOPIC = 'orders', PARTITIONS = 3, "
                  "VALUE_FORMAT = 'JSON')")
        c.execute("CREATE STREAM offers (id INT KEY, city VARCHAR) WITH (KAFKA_TOPIC = 'offers', PARTITIONS = 1)")
        c.execute("INSERT INTO orders VALUES (1, 'Lahore'), (2, 'Karachi'), (3, 'Lahore')")


fill_foreign()


@case
def the_first_five_minutes():
    with connect() as c:
        c.execute(create("prod", bootstrap_servers=FOREIGN.kafka))
        assert any(notice.startswith("link prod: cluster ") and "1 broker, " in notice for notice in c.notices), c.notices
        topics = dict((name, partitions) for name, partitions, _ in c.execute("SHOW TOPICS FROM LINK prod").fetchall())
        assert topics["orders"] == 3 and topics["offers"] == 1, topics
        assert [row[0] for row in c.execute("SHOW TOPICS FROM LINK prod LIKE 'ord%'").fetchall()] == ["orders"]
        lines = [row[0] for row in c.execute("PRINT 'orders' FROM LINK prod FROM BEGINNING LIMIT 3").fetchall()]
        records = [line for line in lines if line.startswith("rowtime:")]
        assert len(records) == 3 and sum("Lahore" in line for line in records) == 2, lines
        wait_until(lambda: row_of(c, "prod")[1] == "CONNECTED")
        described = dict(c.execute("DESCRIBE LINK prod").fetchall())
        assert described["property bootstrap.servers"] == FOREIGN.kafka, described


@case
def print_follows_a_topic():
    with connect() as c, connect(FOREIGN) as foreign:
        c.execute(create("followed", bootstrap_servers=FOREIGN.kafka))
        lines, is_printing = [], threading.Event()

        def follow():
            with connect() as follower:
                for row in follower.cursor().stream("PRINT 'offers' FROM LINK followed FROM BEGINNING LIMIT 2"):
                    lines.append(row[0])
                    is_printing.set()
        foreign.execute("INSERT INTO offers VALUES (1, 'first')")
        thread = threading.Thread(target=follow)
        thread.start()
        assert is_printing.wait(patience(20))
        foreign.execute("INSERT INTO offers VALUES (2, 'second')")
        thread.join(patience(20))
        assert not thread.is_alive() and any("second" in line for line in lines), lines


@case
def a_link_is_kept_over_a_restart():
    global OWN
    with connect() as c:
        c.execute(create("kept", bootstrap_servers=FOREIGN.kafka))
        c.execute(create("dropped", bootstrap_servers=FOREIGN.kafka))
        c.execute("DROP LINK dropped")
        assert fails(c, "DROP LINK dropped")[0] == "42704"
        c.execute("DROP LINK IF EXISTS dropped")
        assert c.notices == [] or "skipping" in c.notices[-1], c.notices
    OWN.stop()
    OWN = launch_own()
    with connect() as c:
        names = [row[0] for row in c.execute("SHOW LINKS").fetchall()]
        assert "kept" in names and "dropped" not in names, names
        assert "orders" in [row[0] for row in c.execute("SHOW TOPICS FROM LINK kept").fetchall()]


@case
def names_are_taken_once():
    with connect() as c:
        c.execute(create("once", bootstrap_servers=FOREIGN.kafka))
        again = f"LINK {{}} once WITH ({properties(bootstrap_servers=FOREIGN.kafka)})"
        assert fails(c, "CREATE " + again.format(""))[:2] == ("42710", "link once already exists")
        c.execute("CREATE " + again.format("IF NOT EXISTS"))
        assert c.notices[-1] == "link once already exists, skipping", c.notices
        assert fails(c, "SHOW TOPICS FROM LINK \"Once\"")[:2] == ("42704", "link Once does not exist")


@case
def errors_name_address_cause_and_remedy():
    with connect() as c, closed_port() as nobody:
        state, message, _ = fails(c, create("bad", bootstrap_servers=nobody))
        assert (state, message) == ("08006", f"link bad: {nobody}: connection refused"), (state, message)
        later = create("bad", bootstrap_servers=nobody, connect="later")
        c.execute(later)
        wait_until(lambda: "connection refused" in (row_of(c, "bad")[4] or ""))
        assert row_of(c, "bad")[1] == "CONNECTING"
        assert fails(c, "SHOW TOPICS FROM LINK bad")[1] == f"link bad: {nobody}: connection refused"
        c.execute(create("prod", bootstrap_servers=FOREIGN.kafka))
        assert fails(c, "PRINT 'order' FROM LINK prod")[:2] == ("42P01", 'link prod: there is no topic "order"')
        for wrong, part in ((dict(), "bootstrap.servers"), (dict(bootstrap_servers="x"), "HOST:PORT"),
                            (dict(bootstrap_servers=nobody, isolation_level="x"), "committed"),
                            (dict(bootstrap_servers=nobody, no_such="x"), "no such setting"),
                            (dict(bootstrap_servers=nobody, connect="x"), "now or later")):
            state, message, _ = fails(c, create("bad", **(wrong or dict(client_id="x"))))
            assert state in ("22023", "0A000") and part in message, (state, message)


def row_of(connection, link):
    return next(row for row in connection.execute("SHOW LINKS").fetchall() if row[0] == link)


@contextlib.contextmanager
def closed_port():
    """An address at which no process listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@contextlib.contextmanager
def answering(answer):
    """A server that sends these bytes to each client after its first request, and keeps the connection open."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        clients = []

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    clients.append(client)
                    client.recv(4096)
                    if answer:
                        client.sendall(answer)
        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        for client in clients:
            client.close()


@case
def servers_that_are_no_brokers_are_recognized():
    with connect() as c:
        for answer, part in ((b"HTTP/1.1 400 Bad Request\r\n\r\n", "an HTTP server answers"),
                             (b"\x15\x03\x03\x00\x02\x02\x28", "the broker speaks TLS on this port"),
                             (b"\x7f\xff\xff\xff" + b"x" * 100, "does not answer like a Kafka broker"),
                             (b"\x00\x00\x00\x04\x00\x00\x00\x63", "does not belong to the request ApiVersions")):
            with answering(answer) as address:
                state, message, _ = fails(c, create("strange", bootstrap_servers=address))
                assert part in message and address in message, (state, message)


@case
def a_silent_broker_does_not_delay_other_statements():
    with connect() as waiting, connect() as other, answering(b"") as address:
        outcome = []
        thread = threading.Thread(target=lambda: outcome.append(
            fails(waiting, create("silent", bootstrap_servers=address, socket_connection_setup_timeout_ms=3000))))
        thread.start()
        other.execute(create("prod", bootstrap_servers=FOREIGN.kafka))
        for _ in range(20):
            assert other.execute("SHOW TOPICS FROM LINK prod").fetchall()
            assert other.execute("SELECT 1").fetchone() == (1,)
        thread.join(patience(30))
        assert not thread.is_alive() and "no answer within" in outcome[0][1], outcome


@case
def a_drop_ends_the_statements_that_wait():
    with connect() as waiting, connect() as other, answering(b"") as address:
        for statement in ("SHOW TOPICS FROM LINK silent", "PRINT 'orders' FROM LINK silent FROM BEGINNING"):
            other.execute(create("silent", bootstrap_servers=address, connect="later"))
            outcome = []
            thread = threading.Thread(target=lambda text=statement, to=outcome: to.append(fails(waiting, text)))
            thread.start()
            wait_until(lambda text=statement: other.execute(
                "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query = %s", (text,)).fetchall())
            other.execute("DROP LINK silent")
            thread.join(patience(20))
            # Two errors are possible, because the DROP may have been executed before the statement
            # began.
            assert not thread.is_alive() and ("was dropped" in outcome[0][1] or "does not exist" in outcome[0][1]), outcome


@case
def two_links_are_independent():
    with connect() as c, closed_port() as nobody:
        c.execute(create("one", bootstrap_servers=FOREIGN.kafka))
        c.execute(create("two", bootstrap_servers=nobody, connect="later"))
        wait_until(lambda: row_of(c, "two")[4] and row_of(c, "one")[1] == "CONNECTED")
        c.execute(create("two", bootstrap_servers=FOREIGN.kafka))
        wait_until(lambda: row_of(c, "two")[1] == "CONNECTED")
        assert row_of(c, "one")[2] == row_of(c, "two")[2], c.execute("SHOW LINKS").fetchall()
        c.execute("DROP LINK two")
        assert c.execute("SHOW TOPICS FROM LINK one").fetchall()


@case
def a_restart_does_not_wait_for_brokers():
    global OWN
    with answering(b"") as address:
        with connect() as c:
            c.execute(create("silent", bootstrap_servers=address, connect="later"))
            for statement in (create("also", bootstrap_servers=address), "SHOW TOPICS FROM LINK silent"):
                threading.Thread(target=give_up, args=(connect(), statement), daemon=True).start()
            wait_until(lambda: len(c.execute(
                "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%LINK%'").fetchall()) >= 3)
        OWN.stop()
        OWN = launch_own()
        with connect() as c:
            assert row_of(c, "silent")[1] == "CONNECTING"
            c.execute("DROP LINK silent")


def give_up(connection, statement):
    """Executes a statement that the end of the server interrupts."""
    with contextlib.suppress(psycopg.Error):
        connection.execute(statement)


@case
def rest_clients_use_links():
    def post(path, text):
        body = json.dumps({"ksql": text, "streamsProperties": {}}).encode()
        request = urllib.request.Request(f"http://{OWN.http}{path}", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=patience(20)) as answer:
            return answer.read().decode()
    post("/ksql", create("rest", bootstrap_servers=FOREIGN.kafka) + ";")
    assert "rest" in post("/ksql", "SHOW LINKS;")
    assert "orders" in post("/ksql", "SHOW TOPICS FROM LINK rest;")
    assert FOREIGN.kafka in post("/ksql", "DESCRIBE LINK rest;")
    assert "Lahore" in post("/query", "PRINT 'orders' FROM LINK rest FROM BEGINNING LIMIT 3;")
    post("/ksql", "DROP LINK rest;")


@case
def a_role_needs_the_right_to_create_links():
    def as_user(name, password):
        return connect(SECURE, user=name, password=password, sslmode="require")
    with as_user("millrace", SECRET) as admin:
        for name in ("owner", "stranger"):
            admin.execute(f"CREATE USER {name} PASSWORD 'p'")
        with as_user("owner", "p") as owner, as_user("stranger", "p") as stranger:
            link = create("mine", bootstrap_servers=FOREIGN.kafka)
            assert fails(owner, link)[:2] == ("42501", "permission denied to create links")
            admin.execute("GRANT ALL ON ALL TO stranger")
            assert fails(stranger, link)[0] == "42501"
            admin.execute("GRANT CREATE LINK ON ALL TO owner")
            owner.execute(link)
            admin.execute("REVOKE CREATE LINK ON ALL FROM owner")
            assert fails(owner, create("more", bootstrap_servers=FOREIGN.kafka))[0] == "42501"
            assert owner.execute("SHOW TOPICS FROM LINK mine").fetchall()
            for statement in ("SHOW TOPICS FROM LINK mine", "PRINT 'orders' FROM LINK mine", "DESCRIBE LINK mine",
                              "DROP LINK mine"):
                assert fails(stranger, statement)[:2] == ("42501", "permission denied for link mine")
            assert stranger.execute("SHOW LINKS").fetchall() == []
            assert [row[0] for row in owner.execute("SHOW LINKS").fetchall()] == ["mine"]
            owner.execute("DROP LINK mine")


@case
def secrets_are_references_and_never_shown():
    with connect() as c:
        for name in ("sasl_password", "sasl_jaas_config", "ssl_key_pem"):
            state, message, hint = fails(c, create("literal", bootstrap_servers=FOREIGN.kafka, **{name: SECRET}))
            assert state == "22023" and "the secret itself" in message and "${file:NAME}" in hint, (state, message)
            assert SECRET not in message + hint
        for name in ("bootstrap_servers", "sasl_username", "client_id"):
            shown = {**dict(bootstrap_servers=FOREIGN.kafka), name: "${file:prod.password}"}
            state, message, _ = fails(c, create("shown", **shown))
            assert state == "22023" and message.endswith("cannot refer to a secret") and SECRET not in message, message
        state, message, _ = fails(c, create("escape", bootstrap_servers=FOREIGN.kafka, security_protocol="SSL",
                                            ssl_ca_location="../password"))
        assert state == "22023" and "ssl.ca.location" in message, message


def secure(**changed):
    return create("secure", **{**dict(bootstrap_servers=SECURE.kafka, security_protocol="SASL_SSL", sasl_username="millrace",
                                      sasl_mechanism="SCRAM-SHA-256", sasl_password="${file:prod.password}",
                                      ssl_ca_location="ca.crt"), **changed})


@case
def tls_and_sasl():
    with connect() as c:
        for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
            c.execute(secure(sasl_mechanism=mechanism))
            assert isinstance(c.execute("SHOW TOPICS FROM LINK secure").fetchall(), list)
            described = dict(c.execute("DESCRIBE LINK secure").fetchall())
            assert described["property sasl.password"] == "${file:prod.password}", described
        port = SECURE.kafka.rsplit(":", 1)[1]
        for changed, state, part in (
                (dict(sasl_password="${file:wrong.password}"), "28P01", 'SASL/SCRAM-SHA-256 was refused for user "millrace"'),
                (dict(sasl_password="${file:none}"), "22023", "no such file"),
                (dict(bootstrap_servers=f"127.0.0.1:{port}"), "08006", 'not for the host "127.0.0.1"'),
                (dict(ssl_ca_location="other_ca.crt"), "08006", "is not accepted")):
            found = fails(c, secure(**changed))
            assert found[0] == state and part in found[1] and SECRET not in "".join(found), found
        # The password of this link is replaced while the link is refused.
        write("secrets/changed.password", WRONG + "\n")
        c.execute(create("refused", bootstrap_servers=SECURE.kafka, security_protocol="SASL_SSL", sasl_username="millrace",
                         sasl_mechanism="PLAIN", sasl_password="${file:changed.password}", ssl_ca_location="ca.crt",
                         connect="later"))
        wait_until(lambda: row_of(c, "refused")[1] == "REFUSED")
        assert 'SASL/PLAIN was refused for user "millrace"' in row_of(c, "refused")[4], row_of(c, "refused")
        shown = str(c.execute("SHOW LINKS").fetchall() + c.execute("DESCRIBE LINK refused").fetchall())
        assert WRONG not in shown and SECRET not in shown, shown
        c.execute("DROP LINK refused")


@case
def a_properties_file_describes_a_link():
    write("secrets/client.properties", f"bootstrap.servers={SECURE.kafka}\nsecurity.protocol=SASL_SSL\n"
          "sasl.mechanism=SCRAM-SHA-512\nssl.ca.location=ca.crt\ngroup.id=reports\n"
          "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required "
          f'username="millrace" password="{SECRET}";\n')
    with connect() as c:
        c.execute("CREATE OR REPLACE LINK filed FROM FILE 'client.properties'")
        assert c.notices[-1] == "these properties of the file do not concern links: group.id", c.notices
        assert isinstance(c.execute("SHOW TOPICS FROM LINK filed").fetchall(), list)
        assert SECRET not in str(c.execute("DESCRIBE LINK filed").fetchall())


@case
def no_secret_is_left_anywhere():
    for name in glob.glob(os.path.join(DATA, "**"), recursive=True):
        if os.path.isfile(name):
            with open(name, "rb") as file:
                content = file.read()
                assert SECRET.encode() not in content and WRONG.encode() not in content, name


run()
