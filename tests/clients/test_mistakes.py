#!/usr/bin/python3
"""Mistakes at a shell: clients at the port of another protocol, and mistyped command lines. Each answer names the
remedy."""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from millrace_server import binary, case, launch, run, wait_until  # noqa: E402
from patience import patience  # noqa: E402

import psycopg  # noqa: E402


SERVER = launch(keeps_log=True)
HTTP_HINT = "Connect to the address in --http (port 8088 by default)."
PG_HINT = "Connect to the address in --pg (port 7432 by default)."


def place(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)


def sent_and_answered(address, sent):
    """Returns all bytes that the server sends until it closes the connection."""
    with socket.create_connection(place(address), timeout=30) as connection:
        connection.sendall(sent)
        answer = b""
        while more := connection.recv(65536):
            answer += more
    return answer


def logged(text, again):
    """Repeats the connection: if several connections end within a second, the log has the first one and counts the
    others."""
    def look():
        again()
        with open(SERVER.log) as log:
            return text in log.read()
    wait_until(look, text, 30)


def refused_by_postgresql(host, port, sslmode="prefer"):
    try:
        psycopg.connect(host=host, port=port, user="ada", sslmode=sslmode, connect_timeout=20)
    except psycopg.OperationalError as error:
        return str(error)
    raise AssertionError("the client is connected")


def millrace(*arguments, stdin="", environment=None):
    """Returns the status and the output of the command."""
    done = subprocess.run([binary(), *arguments], input=stdin, text=True, capture_output=True, timeout=60,
                          env={**os.environ, **(environment or {})})
    return done.returncode, done.stdout + done.stderr


PG = f"{SERVER.host}:{SERVER.port}"


# --- The port of another protocol

@case
def http_clients_read_the_right_port():
    for address, protocol in ((SERVER.kafka, "Kafka"), (PG, "PostgreSQL")):
        for request in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /ksql HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
                        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
            answer = sent_and_answered(address, request).decode()
            assert answer.startswith("HTTP/1.1 400 Bad Request\r\n") and HTTP_HINT in answer, (protocol, request, answer)
            assert f"this port uses the {protocol} protocol, not the HTTP protocol" in answer, answer
        logged(f"an HTTP client has connected to the {protocol} port; the port for it is in --http (8088 by default)",
               lambda: sent_and_answered(address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))


@case
def postgresql_clients_show_the_right_port():
    for address, protocol in ((SERVER.kafka, "Kafka"), (SERVER.http, "HTTP")):
        host, port = place(address)
        for sslmode in ("prefer", "disable"):
            told = refused_by_postgresql(host, port, sslmode)
            assert f"this port uses the {protocol} protocol, not the PostgreSQL protocol" in told and PG_HINT in told, (protocol, told)
        logged(f"a PostgreSQL client has connected to the {protocol} port; the port for it is in --pg (7432 by default)",
               lambda: refused_by_postgresql(host, port))
        status, told = millrace("sql", "-h", host, "-p", str(port), "-c", "SELECT 1")
        assert status == 2 and PG_HINT in told, told


@case
def kafka_clients_are_logged_with_the_right_port():
    name = b"kcat"
    api_versions = struct.pack(">hhih", 18, 3, 1, len(name)) + name + b"\0\x05kcat\x061.7.0\0"
    for address, protocol in ((PG, "PostgreSQL"), (SERVER.http, "HTTP")):
        logged(f"a Kafka client has connected to the {protocol} port; the port for it is in --kafka (9092 by default)",
               lambda: sent_and_answered(address, struct.pack(">i", len(api_versions)) + api_versions))
        status, told = millrace("topic", "list", "-b", address)
        assert status == 1 and f"A server that uses the {protocol} protocol answers there." in told and "--kafka" in told, told


@case
def clients_with_tls_get_an_alert_and_a_line_in_the_log():
    hello = b"\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03" + b"x" * 250
    alert = b"\x15\x03\x01\x00\x02\x02\x28"
    assert sent_and_answered(SERVER.kafka, hello) == alert
    logged("a client with TLS has connected to the Kafka port, which has no TLS; set --tls-cert and --tls-key of the server, or "
           "security.protocol=PLAINTEXT", lambda: sent_and_answered(SERVER.kafka, hello))


@case
def the_right_clients_are_served_as_before():
    with psycopg.connect(host=SERVER.host, port=SERVER.port, user="ada", autocommit=True) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    # The first byte alone does not show the version of HTTP.
    with socket.create_connection(place(SERVER.http), timeout=30) as connection:
        for byte in b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n":
            connection.sendall(bytes([byte]))
        answer = b""
        while more := connection.recv(65536):
            answer += more
        assert answer.startswith(b"HTTP/1.1 200"), answer
    assert millrace("topic", "list", "-b", SERVER.kafka)[0] == 0


# --- Command lines

@case
def words_of_other_programs_are_translated():
    for arguments, words in (
            (("topic", "remove", "x"), ('unrecognized action "remove"; did you mean delete?', "list, describe, create")),
            (("topic", "ls"), ("did you mean list?",)),
            (("topic", "creat", "x"), ("did you mean create?",)),
            (("group", "rm", "x"), ("did you mean delete?",)),
            (("context", "show-all"), ("Actions: list, create",)),
            (("topic", "list", "--host", "x:1"), ("Use --bootstrap-server HOST:PORT.",)),
            (("produce", "x", "--acks", "1"), ("Use --request-required-acks ACKS.",)),
            (("produce", "x", "--property", "parsekey=true"), ("Did you mean parse.key?",)),
            (("produce", "x", "--property", "acks=2"), ("--producer-property acks=...",)),
            (("config", "--entity-type", "topic"), ("millrace config topic NAME",)),
            (("server", "--port", "9092"), ("--kafka HOST:PORT, --pg HOST:PORT, --http HOST:PORT",)),
            (("server", "--listeners", "PLAINTEXT://127.0.0.1:9092"), ("Use --kafka 127.0.0.1:9092, without PLAINTEXT://.",)),
            (("server", "-D", "./data"), ("Use --data-dir PATH.",)),
            (("server", "--tls"), ("Use --tls-cert FILE --tls-key FILE.",)),
            (("list",), ("millrace topic list lists the topics",)),
            (("nosuch",), ("subcommands are server, check, backup",)),
            (("-p", "7432"), ('a subcommand precedes the option "-p"',)),
            (("kafka-dump-log", "--files", "x"), ("the tools are kafka-topics, kafka-consumer-groups",)),
            (("kafka-acls", "--list"), ("GRANT SELECT ON orders TO ann",)),
            (("kafka-server-start.sh", "server.properties"), ("millrace server runs a server",)),
            (("check", "/nosuch"), ("Use --data-dir /nosuch.",)),
            (("check", "--nosuch"), ("The options are --",)),
            (("backup", "/nosuch"), ("Use millrace backup --data-dir PATH --to /nosuch.",)),
            (("server", "start"), ("without a word runs a server",)),
            (("sql", "-h", "db:7432", "-c", "SELECT 1"), ("Use -h db -p 7432.",)),
            (("sql", "db:7432"), ("Use -h db -p 7432.",)),
            (("sql", "\\dt"), ("Use -c to run a statement",)),
            (("produce", "x", "a.csv"), ('unexpected argument "a.csv"', "millrace produce orders < orders.jsonl")),
            (("consume", "x", "-o", "beginning"), ("Use --from-beginning, or --offset PLACE.",)),
            (("topic", "create", "x", "-p", "3"), ("Use --partitions N.",)),
            (("produce", "x", "-p", "3"), ("Use --partition N.",)),
            (("confluent", "kafka", "topic", "lst"), ("Did you mean confluent kafka topic list?",)),
            (("confluent", "kafk", "topic", "list"), ('unrecognized command "confluent kafk topic list"',)),
            (("group", "reset-offsets", "g", "--to-earliest", "--execute", "--dry-run"), ("exclude each other",)),
            (("topic", "alter", "x", "--config", "retention.ms=1"), ("millrace config topic NAME retention.ms=3600000",)),
            (("consume", "x", "-n", "1"), ("Use --max-messages N.",)),
            (("consume", "x", "--limit", "1"), ("Use --max-messages N.",)),
            (("consume", "x", "--beginning"), ("Use --from-beginning.",)),
            (("consume", "x", "--from-start"), ("Use --from-beginning.",)),
            (("consume", "x", "--from-earliest"), ("Use --from-beginning.",)),
            (("consume", "x", "--earliest"), ("Use --from-beginning.",)),
            (("consume", "x", "-g", "billing"), ("Use --group GROUP.",)),
            (("consume", "-t", "x"), ("millrace consume TOPIC",)),
            (("consume", "x", "--json"), ("millrace sql --format json",)),
            (("consume", "x", "--nosuch"), ("The options are --until-end, --topic, --include",)),
            (("consume",), ("millrace consume orders --from-beginning",)),
            (("produce",), ("millrace produce orders < orders.jsonl",)),
            (("produce", "x", "--message", "hello"), ("echo 'text' | millrace produce TOPIC",)),
            (("produce", "x", "--key", "k"), ("--property parse.key=true --property key.separator=:",)),
            (("produce", "x", "-H", "a=b"), ("--property parse.headers=true",)),
            (("produce", "x", "-z", "gzip"), ("Use --compression-codec CODEC.",)),
            (("topic", "create", "x", "-r", "3"), ("Use --replication-factor N.",)),
            (("topic", "create", "x", "--retention", "7d"), ("Use --config retention.ms=604800000.",)),
            (("topic", "list", "x"), ('unexpected argument "x"', "The options are --bootstrap-server")),
            (("topic", "consume", "x"), ("millrace consume TOPIC prints",)),
            (("topic", "add-partitions", "x"), ("did you mean alter?",)),
            (("topic", "--bootstrap-server", "db:9092", "--list"),
             ("the action is the first word", "Use millrace topic list --bootstrap-server db:9092\n")),
            (("topic", "-b", "db:9092", "list"), ("Use millrace topic list -b db:9092\n",)),
            (("topic", "--topic", "list", "--create"), ("Use millrace topic create --topic list\n",)),
            (("topic", "--nosuch"), ('an action precedes the option "--nosuch"', "Actions: list, describe")),
            (("group", "--bootstrap-server", "db:9092", "--group", "g", "--reset-offsets", "--to-earliest", "--topic", "a b", "--execute"),
             ("Use millrace group reset-offsets --bootstrap-server db:9092 --group g --to-earliest --topic 'a b' --execute\n",)),
            (("group", "lag", "x"), ("did you mean describe?",)),
            (("group", "reset-offsets"), ("the name of a group is missing", "millrace group list")),
            (("group", "reset-offsets", "g"), ("--topic orders --to-earliest",)),
            (("cluster", "list"), ("did you mean status?",)),
            (("context", "set", "x"), ("did you mean use?",)),
            (("config", "set", "orders", "retention.ms=1000"), ("Use millrace config topic orders retention.ms=1000.",)),
            (("config", "set", "topic", "t", "retention.ms=7d"),
             ('the first word is topic, group or broker, not "set"', "Use millrace config topic t retention.ms=7d.")),
            (("config", "set", "orders", "retention.ms=1000", "-b", "db:9092"),
             ("Use millrace config topic orders retention.ms=1000 -b db:9092.",)),
            (("config", "topic", "orders", "--set", "retention.ms=1000"), ("millrace config topic NAME KEY=VALUE changes one.",)),
            (("config", "orders"), ("Use millrace config topic orders.",)),
            (("config", "set", "retention.ms", "1000"), ("millrace config topic NAME KEY=VALUE changes one",)),
            (("config", "topic", "orders", "retention.ms", "1000"), ("Use retention.ms=1000.",)),
            (("config", "broker", "num.partitions=1"), ("Use millrace config broker 1 num.partitions=1.",)),
            (("sql", "--query", "SELECT 1"), ("Use -c 'SELECT ...'.",)),
            (("sql", "-u", "ada"), ("Use --username USER.",)),
            (("sql", "http://127.0.0.1:8088"), ("SQL uses PostgreSQL's port",))):
        status, told = millrace(*arguments)
        assert status in (1, 2), (arguments, status, told)
        for word in words:
            assert word in told, (arguments, told)


@case
def settings_of_other_servers_are_translated():
    for line, words in (
            ('listeners = "PLAINTEXT://127.0.0.1:9092"', 'use kafka = "127.0.0.1:9092", without PLAINTEXT://'),
            ('advertised.listeners = "PLAINTEXT://db:9092"', 'use kafka-advertised = "HOST:PORT", without PLAINTEXT://'),
            ('[server]\npg = "127.0.0.1:0"', "leave out the line [server]"),
            ('[listeners]\nkafka = "127.0.0.1:0"', "leave out the line [listeners]"),
            ("port = 9092", "--kafka HOST:PORT, --pg HOST:PORT")):
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/millrace.toml", "w") as settings:
                settings.write(line + "\n")
            status, told = millrace("server", "--config", f"{folder}/millrace.toml", "--data-dir", f"{folder}/data")
            assert status in (1, 2) and words in told, (line, status, told)


@case
def the_tools_of_kafka_are_subcommands():
    status, told = millrace("kafka-topics", "--bootstrap-server", SERVER.kafka, "--list")
    assert status == 0, told


@case
def the_offsets_of_a_group_are_reset_with_and_without_execute():
    assert millrace("topic", "create", "executed", "-b", SERVER.kafka, "--partitions", "1")[0] == 0
    assert millrace("produce", "executed", "-b", SERVER.kafka, stdin="a\nb\n")[0] == 0
    for option in ((), ("--execute",)):
        status, told = millrace("group", "reset-offsets", "executing", "--topic", "executed", "--to-latest", *option,
                                "-b", SERVER.kafka)
        assert status == 0 and "Group executing continues from:" in told, told


@case
def a_refused_session_time_out_is_logged_with_its_limits():
    def text(value):
        return struct.pack(">h", len(value)) + value

    asked_ms = 100
    join = (struct.pack(">hhi", 11, 0, 1) + text(b"app") + text(b"hasty") + struct.pack(">i", asked_ms) + text(b"") + text(b"consumer")
            + struct.pack(">i", 1) + text(b"range") + struct.pack(">i", 0))

    def refused():
        with socket.create_connection(place(SERVER.kafka), timeout=30) as connection:
            connection.sendall(struct.pack(">i", len(join)) + join)
            assert connection.recv(4)

    logged('session.timeout.ms is out of range group="hasty" session_timeout_ms=100 group.min.session.timeout.ms=6000 '
           "group.max.session.timeout.ms=1800000", refused)


@case
def commands_of_psql_name_the_statement():
    for command, words in (("\\dt", 'millrace sql -c "SHOW TABLES"'), ("\\d orders", 'millrace sql -c "DESCRIBE orders"'),
                           ("\\copy t FROM x", '-c "COPY orders FROM STDIN CSV HEADER" < orders.csv'),
                           ("\\i x.sql", "millrace sql -f orders.sql"), ("\\timing", "or psql, which has \\timing")):
        status, told = millrace("sql", "-p", str(SERVER.port), "-c", command)
        assert status == 1 and words in told, (command, told)
    assert millrace("sql", "-p", str(SERVER.port), "-c", "\\q") == (0, "")


@case
def copy_names_the_delimiter_of_the_file():
    def refused(options, data):
        status, told = millrace("sql", "-p", str(SERVER.port), "-c", f"COPY delimited FROM STDIN {options}", stdin=data)
        assert status == 1, told
        return told

    create = "CREATE TABLE delimited (id INT PRIMARY KEY, city VARCHAR)"
    assert millrace("sql", "-p", str(SERVER.port), "-c", create)[0] == 0
    for options, data, words in (
            ("CSV HEADER", "id;city\n1;Lahore\n", "The line has semicolons, and the delimiter of this COPY is ','."),
            ("CSV", "1\tLahore\n", "DELIMITER E'\\t')"), ("", "1,Lahore\n", "the delimiter of this COPY is a tab"),
            ("CSV", "1|Lahore\n", "DELIMITER '|')"), ("CSV", "1,Lahore,x\n", "The columns are id, city."),
            ("WITH (FORMAT parquet)", "", "The formats are csv, json")):
        assert words in refused(options, data), (options, data, refused(options, data))


@case
def an_unknown_path_of_http_names_the_right_one():
    def answer(path):
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        return sent_and_answered(SERVER.http, request.encode()).decode()

    for path, words in (("/streams", "POST /ksql runs statements"), ("/tables", "SHOW STREAMS;"),
                        ("/queries", "POST /ksql"), ("/v1/ksql", "use POST /ksql"), ("/api/v1/query", "use POST /query"),
                        ("/records", "POST /query-stream returns rows"), ("/admin", "the console is at /console/"),
                        ("/version", "GET /info"), ("/clusters", "GET /v3/clusters"), ("/healt", "did you mean /healthz?"),
                        ("/orders", "POST /ksql runs statements, POST /query-stream returns rows")):
        told = answer(path)
        assert " 404 " in told.split("\r\n")[0] and words in told, (path, told)
    told = answer("/ksql")
    assert " 405 " in told.split("\r\n")[0] and "use POST: -d '" in told, told


@case
def users_and_rights_without_an_access_file_get_a_warning():
    unchecked = "not checked, because the server was started without --access-file"
    status, told = millrace("sql", "-p", str(SERVER.port), "-c", "CREATE USER ann PASSWORD 'a long password'")
    assert status == 0 and "WARNING:  passwords and rights are " + unchecked in told, told
    assert "start the server with --access-file FILE" in told and "clients need neither a role nor a password" in told, told
    request = urllib.request.Request(f"http://{SERVER.http}/ksql", json.dumps({"ksql": "DROP USER ann;"}).encode())
    with urllib.request.urlopen(request, timeout=patience(30)) as answer:
        warnings = json.load(answer)[0]["warnings"]
    assert len(warnings) == 1 and unchecked in warnings[0]["message"], warnings


@case
def refused_topics_and_servers_name_the_command():
    assert millrace("topic", "create", "again", "-b", SERVER.kafka, "--partitions", "3")[0] == 0
    for arguments, words in (
            (("topic", "create", "again", "-b", SERVER.kafka), "--if-not-exists accepts the existing topic"),
            (("topic", "create", "other", "--replication-factor", "3", "-b", SERVER.kafka), "Leave out --replication-factor."),
            (("topic", "create", "-b", SERVER.kafka), "millrace topic create orders"),
            (("topic", "alter", "again", "-b", SERVER.kafka), "--partitions 6 adds partitions"),
            (("topic", "alter", "again", "--partitions", "1", "-b", SERVER.kafka), "CREATE STREAM copy WITH (PARTITIONS = 1)"),
            (("sql", "-p", "1", "-c", "SELECT 1"), "Start a server with millrace server")):
        status, told = millrace(*arguments)
        assert status in (1, 2) and words in told, (arguments, status, told)


@case
def an_unknown_context_lists_the_known_ones():
    with tempfile.TemporaryDirectory() as home:
        names = {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home, "XDG_STATE_HOME": home}
        status, told = millrace("context", "use", "nosuch", environment=names)
        assert status == 1 and "millrace context create NAME" in told, told
        for name in ("orders", "billing"):
            status, told = millrace("context", "create", name, "--endpoint", SERVER.kafka, environment=names)
            assert status == 0, told
        assert oct(os.stat(f"{home}/millrace/contexts.json").st_mode & 0o777) == "0o600"
        assert os.listdir(f"{home}/millrace") == ["contexts.json"]  # no file of an unfinished write is left
        status, told = millrace("context", "use", "nosuch", environment=names)
        assert status == 1 and "Known names: orders, billing." in told, told
        assert 'Did you mean "orders"?' in millrace("context", "use", "order", environment=names)[1]


@case
def refused_records_and_settings_name_the_remedy():
    def produce(topic, *arguments, stdin):
        status, told = millrace("produce", topic, "-b", SERVER.kafka, *arguments, stdin=stdin)
        assert status in (1, 2), told
        return told

    def create(name, *arguments):
        return millrace("topic", "create", name, "-b", SERVER.kafka, "--partitions", "1", *arguments)

    assert create("newest", "--config", "cleanup.policy=compact")[0] == 0
    told = produce("newest", stdin="without a key\n")
    assert "cleanup.policy=compact" in told and "--property parse.key=true" in told, told
    assert "parse.key" not in produce("newest", "--producer-property", "acks=2", stdin="x\n")
    assert "acks=2 is not 0, 1 or all" in produce("newest", "--producer-property", "acks=2", stdin="x\n")
    told = produce("newest", stdin="x" * 2_000_000 + "\n")
    assert "a record of 2000000 bytes is larger than max.request.size of the producer, 1000000 bytes" in told, told
    assert "--producer-property max.request.size=N" in told, told
    assert create("small", "--config", "max.message.bytes=1000")[0] == 0
    assert "max.message.bytes=N" in produce("small", stdin="x" * 5000 + "\n")
    for setting, words in (("retention=1d", "did you mean retention.ms?"), ("retention.ms=1d", "1d is 86400000"),
                           ("cleanup.polici=compact", "did you mean cleanup.policy?"),
                           ("min.cleanable.dirty.ratio=7", "a number from 0 to 1"),
                           ("retention.ms=-7", "a whole number of milliseconds, -1 or more"),
                           ("retention.hours=5", "did you mean retention.ms=18000000?"),
                           ("retention.minutes=2", "did you mean retention.ms=120000?"),
                           ("retention.days=x", "did you mean retention.ms?")):
        status, told = create("x", "--config", setting)
        assert status == 1 and words in told, (setting, told)


@case
def copy_of_another_encoding_names_the_bytes_and_the_conversion():
    with tempfile.TemporaryDirectory() as folder, \
            psycopg.connect(host=SERVER.host, port=SERVER.port, user="ada", autocommit=True) as connection:
        connection.execute("CREATE TABLE encoded (id INT PRIMARY KEY, city VARCHAR)")
        for options, data, words in (("CSV HEADER", b"id,city\n1,Z\xfcrich\n", '"UTF8": 0xfc'),
                                     ("(FORMAT json)", b'{"id": 1, "city": "Orl\xe9ans"}\n', '"UTF8": 0xe9 0x61 0x6e')):
            try:
                with connection.cursor().copy(f"COPY encoded FROM STDIN {options}") as copy:
                    copy.write(data)
                raise AssertionError(f"accepted: {data}")
            except psycopg.errors.CharacterNotInRepertoire as error:
                assert error.sqlstate == "22021", error.sqlstate
                assert error.diag.message_primary == f"invalid byte sequence for encoding {words}", error
                assert "iconv -f latin1 -t utf8" in error.diag.message_hint, error.diag.message_hint
                assert "SET client_encoding = 'LATIN1'" in error.diag.message_hint, error.diag.message_hint
        # The remedies of the hint.
        with open(f"{folder}/latin1.csv", "wb") as file:
            file.write(b"1,Z\xfcrich\n")
        converted = subprocess.run(["iconv", "-f", "latin1", "-t", "utf8", f"{folder}/latin1.csv"], capture_output=True, check=True)
        with connection.cursor().copy("COPY encoded FROM STDIN CSV") as copy:
            copy.write(converted.stdout)
        connection.execute("SET client_encoding = 'LATIN1'")
        with connection.cursor().copy("COPY encoded FROM STDIN CSV") as copy:
            copy.write(b"2,Z\xfcrich\n")
        connection.execute("SET client_encoding = 'UTF8'")
        assert connection.execute("SELECT city FROM encoded ORDER BY id").fetchall() == [("Zürich",), ("Zürich",)]


@case
def copy_with_an_unknown_column_lists_the_columns():
    create = "CREATE TABLE towns (id INT PRIMARY KEY, city VARCHAR, amount INT)"
    assert millrace("sql", "-p", str(SERVER.port), "-c", create)[0] == 0
    for column, words in (("town", "Columns: ID, CITY, AMOUNT."), ("amuont", "Did you mean AMOUNT? Columns: ID, CITY, AMOUNT.")):
        status, told = millrace("sql", "-p", str(SERVER.port), "-c", f"COPY towns (id, {column}) FROM STDIN CSV", stdin="1,2\n")
        assert status == 1 and f'column "{column}" of relation "towns" does not exist' in told and words in told, told
        assert "LINE 1" not in told, told


@case
def a_missing_file_of_the_password_is_named():
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/rules", "w") as rules:
            rules.write("host all all 127.0.0.1/32 scram-sha-256\n")
        open(f"{folder}/empty", "w").close()
        for name, words in (("missing", f"{folder}/missing: No such file or directory"), ("empty", "its first line is empty")):
            status, told = millrace("server", "--data-dir", f"{folder}/data", "--access-file", f"{folder}/rules",
                                    "--superuser-password-file", f"{folder}/{name}", "--kafka", "127.0.0.1:0", "--pg", "127.0.0.1:0",
                                    "--http", "127.0.0.1:0")
            assert status == 1 and words in told and "--superuser-password-file" in told, (status, told)


run()
