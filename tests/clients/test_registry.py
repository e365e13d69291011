#!/usr/bin/python3
"""The schema registry over HTTP: what its clients ask, what goes wrong, everything twice, from many at once, and after a kill."""
import http.client
import json
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time

from millrace_server import Skipped, case, check_less, is_sanitized, launch, run, timed, wait_until

try:
    import confluent_kafka
    import psycopg
    OBSTACLE = None
except ImportError as missing:
    OBSTACLE = f"{missing.name} is not installed"

PATIENCE_S = 20
SERVER = None if OBSTACLE else launch("--registry", "127.0.0.1:0")
TYPE = "application/vnd.schemaregistry.v1+json"


def ask(method, path, body=None, server=None, place=None):
    """Returns the status and the answer; for an error its number."""
    host, port = (place or (server or SERVER).registry).rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE_S)
    connection.request(method, path, json.dumps(body) if isinstance(body, (dict, list)) else body, {"Content-Type": TYPE})
    answer = connection.getresponse()
    assert answer.headers["content-type"] == TYPE, answer.headers["content-type"]
    text = answer.read().decode()
    connection.close()
    if path.split("?")[0].endswith("/schema"):
        return answer.status, text
    told = json.loads(text)
    if answer.status >= 400:
        assert told["error_code"] // 100 in (answer.status, 4, 5) and told["message"], told
        return answer.status, told["error_code"]
    return answer.status, told


def record(*fields, name="R"):
    return json.dumps({"type": "record", "name": name, "fields": list(fields)}, separators=(",", ":"))


def field(name, kind="int", **more):
    return {"name": name, "type": kind, **more}


def register(subject, text, server=None, **more):
    status, told = ask("POST", f"/subjects/{subject}/versions", {"schema": text, **more}, server)
    assert status == 200, told
    return told["id"]


def sql(*statements, server=None):
    server = server or SERVER
    with psycopg.connect(host=server.host, port=server.port, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


@case
def mistyped_fields_are_refused():
    for method, path, body in (("POST", "/subjects/typo/versions", {"schem": record(field("a"))}),
                               ("POST", "/subjects/typo/versions", {"schema": record(field("a")), "schemaTyp": "PROTOBUF"}),
                               ("PUT", "/config/typo", {"compatibilityy": "FULL"}), ("PUT", "/mode/typo", {"mdoe": "READONLY"})):
        assert ask(method, path, body) == (422, 422), body
    # A schema without its envelope is the usual first mistake.
    assert ask("POST", "/subjects/typo/versions", {"type": "string"}) == (422, 42201)
    # Fields of other versions are ignored, as in Confluent's registry.
    assert ask("POST", "/subjects/typo/versions", {"schema": record(field("typo")), "guid": "x"})[0] == 200


@case
def everything_twice_is_the_same():
    first = register("twice-value", record(field("a")))
    assert register("twice-value", " " + record(field("a"))) == first
    assert register("twice-key", record(field("a"))) == first
    wider = record(field("a"), field("b", default=1))
    second = register("twice-value", wider)
    assert register("twice-value", wider) == second != first
    assert ask("GET", "/subjects/twice-value/versions") == (200, [1, 2])
    for _ in range(2):
        assert ask("POST", "/subjects/twice-value", {"schema": wider}) == (
            200, {"subject": "twice-value", "version": 2, "id": second, "schema": wider})
        assert ask("PUT", "/config/twice-value", {"compatibility": "FULL"}) == (200, {"compatibility": "FULL"})
        assert ask("GET", f"/schemas/ids/{second}") == (200, {"schema": wider})
    uses = ask("GET", f"/schemas/ids/{first}/versions")[1]
    assert uses == [{"subject": "twice-key", "version": 1}, {"subject": "twice-value", "version": 1}], uses
    assert ask("DELETE", "/subjects/twice-value") == (200, [1, 2])
    assert ask("DELETE", "/subjects/twice-value") == (404, 40404)
    assert ask("DELETE", "/subjects/twice-value?permanent=true") == (200, [1, 2])
    assert ask("DELETE", "/subjects/twice-value?permanent=true") == (404, 40401)
    assert ask("GET", "/config/twice-value") == (404, 40408)
    assert register("twice-value", wider) == second and ask("GET", "/subjects/twice-value/versions") == (200, [1])


@case
def each_error_has_its_number():
    register("wrong-value", record(field("a")))
    ask("PUT", "/mode/wrong-shut", {"mode": "READONLY"})
    for method, path, body, status, code in (
            ("GET", "/subjects/nobody/versions", None, 404, 40401),
            ("GET", "/subjects/nobody/versions/1", None, 404, 40401),
            ("GET", "/subjects/wrong-value/versions/2", None, 404, 40402),
            ("GET", "/schemas/ids/1000000", None, 404, 40403),
            ("GET", "/schemas/ids/x", None, 404, 40403),
            ("POST", "/subjects/wrong-value", {"schema": '"int"'}, 404, 40403),
            ("POST", "/subjects/nobody", {"schema": '"int"'}, 404, 40401),
            ("DELETE", "/subjects/wrong-value?permanent=true", None, 404, 40405),
            ("DELETE", "/subjects/wrong-value/versions/1?permanent=true", None, 404, 40407),
            ("GET", "/config/nobody", None, 404, 40408),
            ("GET", "/mode/nobody", None, 404, 40409),
            ("DELETE", "/config/nobody", None, 404, 40401),
            ("GET", "/subjects/wrong-value/versions/none", None, 422, 42202),
            ("GET", "/subjects/wrong-value/versions/-2", None, 422, 42202),
            ("POST", "/subjects/wrong-value/versions", {"schema": "{"}, 422, 42201),
            ("POST", "/subjects/wrong-value/versions", {"schema": record({"name": "x"})}, 422, 42201),
            ("POST", "/subjects/wrong-value/versions", {"schema": "message M {", "schemaType": "PROTOBUF"}, 422, 42201),
            ("POST", "/subjects/wrong-value/versions", {"schema": "[1]", "schemaType": "JSON"}, 422, 42201),
            ("POST", "/subjects/wrong-value/versions", {"schema": '"int"', "schemaType": "XML"}, 422, 42201),
            ("POST", "/subjects/wrong-value/versions", {"schema": ""}, 422, 42201),
            ("POST", "/subjects/wrong-value/versions", {}, 422, 42201),
            ("POST", "/subjects/wrong-value/versions", {"schema": '"nowhere.Type"'}, 422, 42201),
            ("POST", "/subjects/wrong-value/versions",
             {"schema": '"x.Y"', "references": [{"name": "x.Y", "subject": "nobody", "version": 1}]}, 422, 42201),
            ("POST", "/subjects/wrong-value/versions", {"schema": '"int"', "id": 77}, 422, 42205),
            ("POST", "/subjects/wrong-shut/versions", {"schema": '"int"'}, 422, 42205),
            ("POST", "/subjects/wrong-value/versions", {"schema": record(field("b"))}, 409, 409),
            ("POST", "/subjects/wrong-value/versions", {"schema": '"' + "x" * (2 << 20) + '"'}, 422, 42209),
            ("POST", "/subjects/wrong-value/versions", {"schema": '"int"', "references": [{}] * 1000}, 422, 42201),
            ("POST", "/subjects/wrong-value/versions", "{not json", 400, 400),
            ("POST", "/subjects/wrong-value/versions", "", 422, 422),
            ("POST", "/compatibility/subjects/wrong-value/versions/9", {"schema": '"int"'}, 404, 40402),
            ("PUT", "/config", {"compatibility": "PERHAPS"}, 422, 42203),
            ("PUT", "/mode", {"mode": "PERHAPS"}, 422, 42204),
            ("PUT", "/mode/wrong-value", {"mode": "IMPORT"}, 422, 42205),
            ("GET", "/nowhere", None, 404, 404),
            ("PATCH", "/subjects", None, 405, 405)):
        told = ask(method, path, body)
        assert told == (status, code), (method, path, told)
    assert ask("GET", "/subjects/wrong-value/versions") == (200, [1])


@case
def the_manual_is_right():
    """Each curl of docs/REGISTRY.md, on a server of its own, answers what stands below it."""
    if not shutil.which("curl"):
        raise Skipped("curl is not installed")
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "REGISTRY.md")) as page:
        lines = page.read().splitlines()
    examples = [(line[2:], lines[number + 1]) for number, line in enumerate(lines) if line.startswith("$ curl ")]
    server = launch("--registry", "127.0.0.1:0")
    try:
        for command, wanted in examples:
            answer = subprocess.run(command.replace("localhost:8081", server.registry), shell=True, capture_output=True, text=True,
                                    timeout=PATIENCE_S)
            assert answer.stdout == wanted, (command, answer)
    finally:
        server.stop()
    assert len(examples) >= 10, examples


@case
def the_main_listener_has_it_as_well():
    ours = register("both-value", '"long"')
    assert ask("GET", f"/schemas/ids/{ours}", place=SERVER.http) == (200, {"schema": '"long"'})
    assert ask("GET", "/subjects/both-value/versions", place=SERVER.http) == (200, [1])


@case
def levels_are_kept_by_kind():
    """Each change is (kind, old schema, new schema, the levels among BACKWARD and FORWARD that allow it)."""
    proto = 'syntax = "proto3"; message M { %s }'.__mod__
    closed = '{"type":"object","additionalProperties":false,"properties":{%s}}'.__mod__
    for number, (kind, old, new, allowed) in enumerate((
            ("AVRO", record(field("a")), record(field("a"), field("b", default=1)), {"BACKWARD", "FORWARD"}),
            ("AVRO", record(field("a")), record(field("a"), field("b")), {"FORWARD"}),
            ("AVRO", record(field("a"), field("b")), record(field("a")), {"BACKWARD"}),
            ("AVRO", '"int"', '"long"', {"BACKWARD"}),
            ("AVRO", '"int"', '"string"', set()),
            ("PROTOBUF", proto("int32 a = 1;"), proto("int32 a = 1; string b = 2;"), {"BACKWARD", "FORWARD"}),
            ("PROTOBUF", proto("int32 a = 1;"), proto("string a = 1;"), set()),
            ("JSON", closed('"a":{"type":"integer"}'), closed('"a":{"type":"integer"},"b":{"type":"string"}'), {"BACKWARD"}),
            ("JSON", closed('"a":{"type":"integer"}'), closed('"a":{"type":"number"}'), {"BACKWARD"}),
            ("JSON", '{"type":"string"}', '{"type":"integer"}', set()))):
        subject = f"level-{number}"
        register(subject, old, schemaType=kind)
        for level, holds in (("BACKWARD", "BACKWARD" in allowed), ("FORWARD", "FORWARD" in allowed),
                             ("FULL", len(allowed) == 2), ("FULL_TRANSITIVE", len(allowed) == 2), ("NONE", True)):
            assert ask("PUT", f"/config/{subject}", {"compatibility": level})[0] == 200
            checked = ask("POST", f"/compatibility/subjects/{subject}/versions/latest?verbose=true", {"schema": new, "schemaType": kind})
            assert checked[1]["is_compatible"] == holds and bool(checked[1]["messages"]) != holds, (old, new, level, checked)
            if not holds:
                assert ask("POST", f"/subjects/{subject}/versions", {"schema": new, "schemaType": kind}) == (409, 409)
        register(subject, new, schemaType=kind)


@case
def references_are_found_and_protected():
    register("place-value", record(field("lat", "double"), name="Place"))
    trip = register("trip-value", record(field("from", "Place"), name="Trip"),
                    references=[{"name": "Place", "subject": "place-value", "version": 1}])
    assert ask("GET", "/subjects/place-value/versions/1/referencedby") == (200, [trip])
    assert ask("DELETE", "/subjects/place-value") == (422, 42206)
    register("common.proto", 'syntax = "proto3"; message P { int32 x = 1; }', schemaType="PROTOBUF")
    told = ask("GET", "/schemas/ids/%d" % register(
        "uses-value", 'syntax = "proto3"; import "common.proto"; message U { P p = 1; }', schemaType="PROTOBUF",
        references=[{"name": "common.proto", "subject": "common.proto", "version": 1}]))[1]
    assert told["schemaType"] == "PROTOBUF" and told["references"][0]["subject"] == "common.proto", told
    assert len(ask("GET", f"/schemas?subjectPrefix=trip")[1]) == 1


@case
def references_outside_of_the_registry_are_refused():
    for place in ("http://127.0.0.1:1/s.json", "file:///etc/hostname"):
        schema = json.dumps({"type": "object", "properties": {"a": {"$ref": place}}})
        assert ask("POST", "/subjects/outside-value/versions", {"schema": schema, "schemaType": "JSON"}) == (422, 42201), place
    assert ask("GET", "/subjects/outside-value/versions") == (404, 40401)


@case
def many_at_once_get_one_id_for_one_schema():
    ask("PUT", "/config/crowd-value", {"compatibility": "NONE"})
    ids, problems = {}, []

    def visit(turn):
        try:
            for number in range(20):
                text = record(field(f"f{(number + turn) % 20}"))
                ids.setdefault(text, set()).add(register("crowd-value", text))
        except Exception as problem:
            problems.append(problem)
    threads = [threading.Thread(target=visit, args=(turn,)) for turn in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems
    assert len(ids) == 20 and all(len(each) == 1 for each in ids.values()), ids
    assert ask("GET", "/subjects/crowd-value/versions") == (200, list(range(1, 21)))


@timed
@case
def a_check_of_large_schemas_delays_no_other_request():
    wide = record(*(field(f"f{number}", ["null", "string"], default=None, doc="x" * 150) for number in range(3000)))
    ask("PUT", "/config/wide-value", {"compatibility": "FULL_TRANSITIVE"})
    for number in range(20):
        register("wide-value", wide.replace('"f0"', f'"g{number}"'))
    done = []
    checker = threading.Thread(target=lambda: done.append(
        ask("POST", "/compatibility/subjects/wide-value/versions", {"schema": wide})))
    checker.start()
    slowest = 0
    while checker.is_alive():
        begun = time.monotonic()
        assert ask("GET", "/config")[0] == 200
        slowest = max(slowest, time.monotonic() - begun)
    assert done == [(200, {"is_compatible": True})], done
    check_less(slowest, 10 if is_sanitized() else 1, "the slowest answer")


@case
def a_registered_schema_is_what_sql_reads_and_writes():
    number = register("trips-value", record(field("city", ["null", "string"], default=None), field("km", "double")))
    sql("CREATE STREAM trips WITH (KAFKA_TOPIC = 'trips', VALUE_FORMAT = 'AVRO', PARTITIONS = 1)")
    producer = confluent_kafka.Producer({"bootstrap.servers": SERVER.kafka})
    producer.produce("trips", b"\0" + struct.pack(">i", number) + b"\x02\x0cLahore" + struct.pack("<d", 2.5))
    assert producer.flush(PATIENCE_S) == 0
    wait_until(lambda: sql("SELECT city, km FROM trips") == [("Lahore", 2.5)], lambda: sql("SELECT * FROM trips"))
    sql("CREATE TABLE per_city WITH (FORMAT = 'AVRO') AS SELECT city, SUM(km) AS km FROM trips GROUP BY city")
    told = ask("GET", "/subjects/PER_CITY-value/versions/latest")
    topic = [subject for subject in ask("GET", "/subjects")[1] if subject.lower() == "per_city-value"]
    assert topic, told
    fields = json.loads(ask("GET", f"/subjects/{topic[0]}/versions/latest")[1]["schema"])["fields"]
    assert [each["name"] for each in fields] == ["KM"], fields


@case
def all_of_it_survives_a_kill():
    folder = tempfile.mkdtemp(prefix="millrace-registry-")
    server = launch("--registry", "127.0.0.1:0", data_dir=folder)
    try:
        first = register("a-value", record(field("a")), server)
        register("a-value", record(field("a"), field("b", default=0)), server)
        register("b-value", 'syntax = "proto3"; message M { int32 a = 1; }', server, schemaType="PROTOBUF")
        ask("DELETE", "/subjects/a-value/versions/1", server=server)
        ask("PUT", "/config/a-value", {"compatibility": "FORWARD"}, server)
        ask("PUT", "/config", {"compatibility": "NONE"}, server)
        ask("PUT", "/mode/b-value", {"mode": "READONLY"}, server)

        def all_that_is_there():
            return [ask("GET", path, server=server) for path in (
                "/subjects", "/schemas?deleted=true", "/subjects/a-value/versions", "/subjects/a-value/versions?deleted=true",
                f"/schemas/ids/{first}", "/config", "/config/a-value", "/mode/b-value", "/contexts")]
        before = all_that_is_there()
        os.kill(server.pid, signal.SIGKILL)
        server.stop()
        server = launch("--registry", "127.0.0.1:0", data_dir=folder)
        assert all_that_is_there() == before
        assert ask("POST", "/subjects/b-value/versions", {"schema": '"int"'}, server) == (422, 42205)
        assert register("c-value", '"bytes"', server) == 4
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if SERVER:
    import atexit
    atexit.register(SERVER.stop)
run(OBSTACLE)
