#!/usr/bin/python3
"""An external schema registry (--schema-registry-url): another server's, behind a proxy that can fail in all the
ways in which a registry fails."""
import atexit
import base64
import http.client
import http.server
import json
import os
import shutil
import tempfile
import threading
import time

from millrace_server import case, check_took_less, launch, run, timed, wait_until
from schema_wire import header, zigzag as avro_int

try:
    import confluent_kafka
    import psycopg
    OBSTACLE = None
except ImportError as missing:
    OBSTACLE = f"{missing.name} is not installed"

PATIENCE_S = 30
JSON = "application/vnd.schemaregistry.v1+json"


class Front:
    """Passes requests on, or fails in the way that `mode` requests."""

    def __init__(self, target):
        self.mode, self.target, self.asked, self.secret = "pass", target, [], None
        front = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self):
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size)
                front.asked.append((self.command, self.path))
                mode = front.mode
                if front.secret and self.headers.get("Authorization") != "Basic " + front.secret:
                    return self.reply(401, b'{"error_code":401,"message":"Unauthorized"}')
                if mode == "hang":
                    time.sleep(60)  # longer than the server waits for an answer
                if mode == "rubbish":
                    return self.reply(200, b"<html>sign in, please</html>")
                if mode == "elsewhere":
                    return self.reply(404, b"<html>no such page</html>")
                if mode == "odd":
                    return self.reply(200, b'{"schema": 7, "id": "x"}')
                if mode == "broken":
                    return self.reply(500, b'{"error_code":50001,"message":"Error in the backend data store"}')
                if mode == "endless":
                    self.send_response(200)
                    self.end_headers()
                    try:
                        while True:
                            self.wfile.write(b" " * 65536)
                    except OSError:
                        self.close_connection = True
                    return None
                if mode == "cut":
                    self.close_connection = True
                    return self.connection.close()
                connection = http.client.HTTPConnection(front.target, timeout=30)
                connection.request(self.command, self.path, body or None, {"Content-Type": JSON})
                response = connection.getresponse()
                return self.reply(response.status, response.read())

            def reply(self, status, body):
                self.send_response(status)
                self.send_header("Content-Type", JSON)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = answer

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


REGISTRY = None if OBSTACLE else launch("--registry", "127.0.0.1:0")
FRONT = None if OBSTACLE else Front(REGISTRY.registry)
DATA = None if OBSTACLE else tempfile.mkdtemp(prefix="millrace-outside-")
SERVER = None if OBSTACLE else launch("--schema-registry-url", FRONT.url, data_dir=DATA)


def sql(*statements, server=None):
    """Runs the statements; returns the rows of the last one."""
    server = server or SERVER
    with psycopg.connect(host=server.host, port=server.port, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def refusal(statement, server=None):
    try:
        sql(statement, server=server)
    except psycopg.Error as error:
        return str(error)
    raise AssertionError("it was not refused")


def ask(method, path, body=None, place=None):
    connection = http.client.HTTPConnection(place or REGISTRY.registry, timeout=30)
    connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": JSON})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def register(subject, schema, kind="AVRO", references=()):
    status, answer = ask("POST", f"/subjects/{subject}/versions",
                         {"schema": json.dumps(schema), "schemaType": kind, "references": list(references)})
    assert status == 200, answer
    return answer["id"]


def produce(topic, values, server=None):
    producer = confluent_kafka.Producer({"bootstrap.servers": (server or SERVER).kafka})
    for value in values:
        producer.produce(topic, value=value, partition=0)
    assert producer.flush(PATIENCE_S) == 0


def record(fields, name="R"):
    return {"type": "record", "name": name, "fields": [{"name": n, "type": t} for n, t in fields]}


def rows(statement, count, server=None):
    """Waits until the statement returns that many rows. The session waits long for the source, which a registry may delay."""
    wait = f"SET 'read.wait.ms' = '{int(1000 * PATIENCE_S)}'"
    return wait_until(lambda: (found := sql(wait, statement, server=server)) and len(found) >= count and found,
                      lambda: str(sql(wait, statement, server=server)), PATIENCE_S)


def error_of(query, server=None):
    """Returns the last error of the query that writes `query`, from SHOW QUERIES."""
    return next((str(row) for row in sql("SHOW QUERIES", server=server) if query in str(row)), "")


def with_cities():
    """Creates the stream O1 with one row, because the cases of a lane also run without the cases of the other lane."""
    if not any("O1" in row for row in sql("SHOW STREAMS")):
        sql("CREATE STREAM o1 (id INT, city VARCHAR) WITH (KAFKA_TOPIC = 'o1', PARTITIONS = 1, VALUE_FORMAT = 'AVRO')",
            "INSERT INTO o1 VALUES (1, 'Lahore')")
    # After this SELECT the server keeps the schema, so later reads of it need no registry.
    assert sql("SELECT city FROM o1") == [("Lahore",)]


def with_queries_of_w():
    """The stream W, and the stream W2 and the table W3 that are made from it."""
    if not any("W" in row for row in sql("SHOW STREAMS")):
        sql("CREATE STREAM w (id INT) WITH (KAFKA_TOPIC = 'w', PARTITIONS = 1, VALUE_FORMAT = 'AVRO')",
            "CREATE STREAM w2 AS SELECT id FROM w",
            "CREATE TABLE w3 AS SELECT 1 AS one, COUNT(*) AS n FROM w GROUP BY 1")


@case
def statements_register_and_infer_there():
    with_cities()
    sql("CREATE STREAM o2 WITH (VALUE_FORMAT = 'PROTOBUF') AS SELECT id, city FROM o1")
    status, subjects = ask("GET", "/subjects")
    assert status == 200 and {"o1-value", "o2-value"} <= set(subjects), subjects
    sql("CREATE STREAM o3 WITH (KAFKA_TOPIC = 'o1', VALUE_FORMAT = 'AVRO')")
    assert rows("SELECT id, city FROM o3", 1) == [(1, "Lahore")]
    assert rows("SELECT id, city FROM o2", 1) == [(1, "Lahore")]
    shown = {row[0]: row for row in sql("SHOW SCHEMAS")}
    assert "o1-value" in shown and shown["o2-value"][3] == "PROTOBUF", shown
    # This server stores no schemas, and refuses requests for them with the address of the registry.
    status, answer = ask("GET", "/subjects", place=SERVER.http)
    assert status == 501 and FRONT.url in answer["message"], answer


@case
def records_of_others_are_read_by_their_ids():
    base = register("base", record([("street", "string")], "Address"))
    assert base > 0
    number = register("deep-value", {"type": "record", "name": "Person", "fields": [
        {"name": "name", "type": "string"}, {"name": "home", "type": "Address"}]},
        references=[{"name": "Address", "subject": "base", "version": 1}])
    sql("CREATE STREAM deep WITH (KAFKA_TOPIC = 'deep', PARTITIONS = 1, VALUE_FORMAT = 'AVRO')")
    other = register("unrelated", record([("name", "string"), ("more", "int")], "Person"))
    text = lambda t: avro_int(len(t)) + t.encode()
    produce("deep", [header(number) + text("Ann") + text("Mall Road"), header(other) + text("Bob") + avro_int(7),
                     header(4711) + text("Eve"), header(number) + text("Cid") + text("Canal Bank")])
    assert rows("SELECT name, home->street FROM deep", 3) == [("Ann", "Mall Road"), ("Bob", None), ("Cid", "Canal Bank")]


@case
def schemas_that_the_registry_refuses_are_refused():
    register("narrow-value", record([("ID", "int")], "KsqlDataSourceSchema"))
    sql("CREATE STREAM narrow_in (k INT KEY, id VARCHAR) WITH (KAFKA_TOPIC = 'narrow_in', PARTITIONS = 1, VALUE_FORMAT = 'JSON')")
    said = refusal("CREATE STREAM narrow WITH (KAFKA_TOPIC = 'narrow', VALUE_FORMAT = 'AVRO') AS SELECT * FROM narrow_in")
    assert "Could not register schema for topic" in said and "ncompatible" in said, said
    said = refusal("CREATE STREAM none WITH (KAFKA_TOPIC = 'none', PARTITIONS = 1, VALUE_FORMAT = 'AVRO')")
    assert "does not exist in the Schema Registry" in said, said
    assert not any(row[1] == "NONE" for row in sql("SHOW STREAMS"))


@case
def assertions_and_drops_ask_there():
    sql("ASSERT SCHEMA SUBJECT 'base'", "ASSERT SCHEMA ID 1", "ASSERT NOT EXISTS SCHEMA SUBJECT 'nowhere'")
    said = refusal("ASSERT SCHEMA SUBJECT 'nowhere' TIMEOUT 1 SECOND")
    assert "does not exist" in said, said
    sql("CREATE STREAM goes (id INT) WITH (KAFKA_TOPIC = 'goes', PARTITIONS = 1, VALUE_FORMAT = 'AVRO')")
    assert "goes-value" in ask("GET", "/subjects")[1]
    sql("DROP STREAM goes DELETE TOPIC")
    assert "goes-value" not in ask("GET", "/subjects")[1]


@case
def a_statement_that_is_wrong_registers_nothing():
    before = ask("GET", "/subjects")[1]
    refusal("CREATE STREAM bad WITH (VALUE_FORMAT = 'AVRO') AS SELECT nothing FROM o1")
    refusal("CREATE STREAM o1 (id INT) WITH (KAFKA_TOPIC = 'fresh', PARTITIONS = 1, VALUE_FORMAT = 'AVRO')")
    assert ask("GET", "/subjects")[1] == before


@timed
@case
def records_wait_for_a_registry_that_fails():
    with_cities()
    with_queries_of_w()
    expected = 0
    for mode in ("broken", "rubbish", "cut", "elsewhere", "odd", "endless"):
        # A schema that no cache contains yet.
        number = register(f"w-{mode}", record([("ID", "int"), (mode, "int")]))
        FRONT.mode = mode
        produce("w", [header(number) + avro_int(expected) + avro_int(0), header(number) + avro_int(expected + 1) + avro_int(0)])
        wait_until(lambda: "waits: schema id" in error_of("W2"), lambda: mode + ": " + error_of("W2"), PATIENCE_S)
        try:
            assert len(sql("SELECT id FROM w2")) == expected
        except psycopg.errors.ObjectNotInPrerequisiteState as error:
            assert "W2 is still reading its sources" in str(error), error
        said = refusal("SELECT id FROM w")
        assert "W cannot be read yet: schema id" in said, said
        began = time.monotonic()
        assert sql("SELECT city FROM o1") == [("Lahore",)]  # the other queries do not wait
        check_took_less(began, 5)
        FRONT.mode = "pass"
        expected += 2
        assert [row[0] for row in rows("SELECT id FROM w2", expected)] == list(range(expected))
    # The task of w3 waits by itself, and may be later than the task of w2.
    counted = lambda: sql("SELECT n FROM w3 WHERE one = 1")
    wait_until(lambda: counted() == [(expected,)], lambda: f"{expected}: {counted()}", PATIENCE_S)
    wait_until(lambda: not any("waits" in str(row) for row in sql("SHOW QUERIES")), lambda: str(sql("SHOW QUERIES")), PATIENCE_S)


@timed
@case
def statements_fail_in_time_and_others_do_not_wait():
    with_cities()
    for mode, word in (("broken", "backend data store"), ("rubbish", "not JSON"), ("cut", "cannot send a request"),
                       ("elsewhere", "not JSON"), ("endless", "more than")):
        FRONT.mode = mode
        said = refusal("CREATE STREAM f WITH (KAFKA_TOPIC = 'o1', VALUE_FORMAT = 'AVRO')")
        assert word in said and FRONT.url in said, (mode, said)
        assert "schema registry" in refusal("SHOW SCHEMAS")
    FRONT.mode = "hang"
    waiting = [threading.Thread(target=refusal, daemon=True, args=(
        f"CREATE STREAM h{i} WITH (KAFKA_TOPIC = 'o1', VALUE_FORMAT = 'AVRO')",)) for i in range(20)]
    for each in waiting:
        each.start()
    wait_until(lambda: sql("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'CREATE STREAM h%'") == [(20,)],
               "twenty statements wait for the registry")
    began = time.monotonic()
    sql("CREATE STREAM plain (id INT) WITH (KAFKA_TOPIC = 'plain', PARTITIONS = 1, VALUE_FORMAT = 'JSON')", "DROP STREAM plain")
    check_took_less(began, 5, "a statement that needs no schema has waited")
    for each in waiting:
        each.join(PATIENCE_S)
        assert not each.is_alive()
    FRONT.mode = "pass"
    sql("CREATE STREAM f WITH (KAFKA_TOPIC = 'o1', VALUE_FORMAT = 'AVRO')", "DROP STREAM f")


@case
def garbage_does_not_wait():
    """Unknown ids are errors of their records, as with the built-in registry."""
    with_cities()
    with_queries_of_w()
    produce("w", [header(1_000_000 + i) + b"x" for i in range(200)])
    number = register("w-last", record([("ID", "int"), ("last", "int")]))
    before = len(sql("SELECT id FROM w2"))
    produce("w", [header(number) + avro_int(99) + avro_int(0)])
    assert rows("SELECT id FROM w2", before + 1)[-1] == (99,)


@case
def a_start_needs_no_registry():
    global SERVER
    with_cities()
    with_queries_of_w()
    number = register("w-after", record([("ID", "int"), ("after", "int")]))
    SERVER.stop()
    FRONT.mode = "cut"
    SERVER = launch("--schema-registry-url", FRONT.url, data_dir=DATA)
    sql("INSERT INTO o1 VALUES (2, 'Quetta')")  # its definition contains the schema
    produce("w", [header(number) + avro_int(100) + avro_int(0)])
    wait_until(lambda: "waits: schema id" in error_of("W2"), lambda: error_of("W2"), PATIENCE_S)
    FRONT.mode = "pass"
    wait_until(lambda: (100,) in sql("SELECT id FROM w2"), "the record has not come", PATIENCE_S)


@case
def a_missing_password_for_the_registry_is_reported():
    FRONT.secret = base64.b64encode(b"ann:secret").decode()
    said = refusal("CREATE STREAM p WITH (KAFKA_TOPIC = 'o1', VALUE_FORMAT = 'AVRO')")
    assert "401" in said and "credentials" in said, said
    host = FRONT.url.removeprefix("http://")
    with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False) as file:
        file.write("ann:secret\n")
    for flags in (["--schema-registry-url", f"http://ann:secret@{host}"],
                  ["--schema-registry-url", f"http://127.0.0.1:1,{FRONT.url}",  # the first address does not answer
                   "--schema-registry-credentials-file", file.name]):
        server = launch(*flags, keeps_log=True)
        sql("CREATE STREAM p (id INT) WITH (KAFKA_TOPIC = 'p', PARTITIONS = 1, VALUE_FORMAT = 'AVRO')", server=server)
        sql("SHOW SCHEMAS", server=server)
        assert "secret" not in ask("GET", "/subjects", place=server.http)[1]["message"]
        with open(server.log) as log:
            assert "secret" not in log.read()
        server.stop()
    os.unlink(file.name)
    FRONT.secret = None


@case
def print_shows_records_whose_schemas_are_known():
    number = register("w-printed", record([("ID", "int"), ("printed", "string")]))
    produce("shown", [header(number) + avro_int(5) + avro_int(2) + b"hi"])
    wait_until(lambda: '"printed":"hi"' in str(sql("PRINT shown FROM BEGINNING LIMIT 1")).replace(" ", ""),
               lambda: str(sql("PRINT shown FROM BEGINNING LIMIT 1")), PATIENCE_S)


def stop_all():
    SERVER.stop()
    REGISTRY.stop()
    shutil.rmtree(DATA, ignore_errors=True)


if __name__ == "__main__":
    if not OBSTACLE:
        atexit.register(stop_all)
    run(OBSTACLE)
