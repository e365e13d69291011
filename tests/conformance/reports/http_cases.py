"""Procedures that a program types over HTTP: ksqlDB's API and the REST proxy."""
import http.client
import json

from tools import ask, check, comes, connect, create_topic, define, report
from patience import patience, wait_until


@report(58)
def deletes_are_seen_by_followers(server):
    with connect(server) as c:
        define(c, """
            CREATE TABLE t58 (id STRING PRIMARY KEY, v STRING) WITH (kafka_topic='t58', value_format='JSON', partitions=1);
            CREATE STREAM d58 (id STRING KEY, x STRING) WITH (kafka_topic='t58', value_format='KAFKA');
            INSERT INTO t58 VALUES ('a','1');
            INSERT INTO d58 (id, x) VALUES ('a', NULL);
            INSERT INTO t58 VALUES ('b','2');
        """)
        comes(c, "SELECT * FROM t58", [("b", "2")])
    follow(server, "/query", {"ksql": "SELECT * FROM t58 EMIT CHANGES;", "streamsProperties": {"auto.offset.reset": "earliest"}}, "c")
    follow(server, "/query-stream", {"sql": "SELECT * FROM t58 EMIT CHANGES;", "properties": {"auto.offset.reset": "earliest"}}, "d")
    with connect(server) as c:
        c.execute("INSERT INTO t58 VALUES ('n', NULL)")
    deleted, of_nulls = [], []
    for line in follow(server, "/query-stream", {"sql": "SELECT * FROM t58 EMIT CHANGES;",
                                                 "properties": {"auto.offset.reset": "earliest"}}, "e"):
        if '"e"' in line and '"3"' not in line:
            deleted.append(line.replace('"e"', '"n"'))
        elif '"n"' in line:
            of_nulls.append(line)
    assert deleted and of_nulls and deleted[-1] != of_nulls[-1], (deleted, of_nulls)


def follow(server, path, body, key):
    """The lines of a push query while a row of `key` is written and deleted, until the row z behind them has come."""
    host, port = server.http.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=patience(30))
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    check(answer.status, 200)
    lines = [answer.readline().decode()]
    with connect(server) as c:
        define(c, f"""
            INSERT INTO t58 VALUES ('{key}','3');
            INSERT INTO d58 (id, x) VALUES ('{key}', NULL);
            INSERT INTO t58 VALUES ('z{key}','9');
        """)
    while f'"z{key}"' not in lines[-1]:
        lines.append(answer.readline().decode())
        assert lines[-1], lines
    connection.close()
    if path == "/query":
        deleted = [line for line in lines if f'["{key}",null]' in line.replace(" ", "")]
        assert deleted and '"tombstone":true' in deleted[0].replace(" ", ""), lines
        assert any(f'["{key}","3"]' in line for line in lines), lines
    return lines


@report(59)
def times_over_rest(server):
    wanted = [[1, "2003-10-20", "00:00:12", "1970-01-01T03:25:43.335", "aGk=", 1.5],
              [2, "1969-12-31", "23:59:59.001", "1969-12-31T23:59:59.999", None, None],
              [3, None, None, "2024-02-29T00:00:00.000", None, -0.01]]
    with connect(server) as c:
        c.execute("CREATE TABLE t59 (id INT PRIMARY KEY, d DATE, t TIME, ts TIMESTAMP, b BYTES, n DECIMAL(6,2)) "
                  "WITH (kafka_topic='t59', value_format='JSON', partitions=1)")
        c.execute("INSERT INTO t59 VALUES (1,'2003-10-20','00:00:12','1970-01-01T03:25:43.335',TO_BYTES('hi','utf8'),1.50), "
                  "(2,'1969-12-31','23:59:59.001','1969-12-31T23:59:59.999',NULL,NULL), (3,NULL,NULL,'2024-02-29T00:00:00',NULL,-0.01)")
    statement = "SELECT * FROM t59 WHERE id IN (1,2,3);"
    status, answer = ask(server, "POST", "/query", {"ksql": statement})
    check(status, 200)
    check(sorted(each["row"]["columns"] for each in answer if "row" in each), wanted)
    assert "`ID` INTEGER KEY" in answer[0]["header"]["schema"], answer[0]
    status, answer = ask(server, "POST", "/query-stream", {"sql": statement, "properties": {}})
    check(status, 200)
    lines = [json.loads(line) for line in answer.splitlines()] if isinstance(answer, str) else answer
    check(lines[0]["columnTypes"], ["INTEGER", "DATE", "TIME", "TIMESTAMP", "BYTES", "DECIMAL(6, 2)"])
    check(sorted(line for line in lines if isinstance(line, list)), wanted)


@report(61)
def an_inserts_stream_of_nested_values(server):
    lines = ['{"target":"s61"}',
             '{"k":"a","st":{"p":"one","q":{"h":1}},"a":[{"x":1},null],"m":{"q":[1,2]},"d":1.25,"ts":"2024-01-02T03:04:05.678","b":"aGk="}',
             '{"K":"b","ST":{"P":"x"}}', '{"k":"c","st":{"unknown":1}}', '{"k":"d","d":1234567.1}', '{"k":"e","nope":1}',
             '{"k":"f","a":[{"x":"t"}]}', '{"k":"g","d":"3.10"}']
    with connect(server) as c:
        c.execute("CREATE STREAM s61 (k VARCHAR KEY, st STRUCT<p STRING, q STRUCT<h INT>>, a ARRAY<STRUCT<x INT>>, m MAP<VARCHAR, ARRAY<INT>>, "
                  "d DECIMAL(5,2), ts TIMESTAMP, b BYTES) WITH (kafka_topic='s61', value_format='AVRO', partitions=1)")
        status, answer = ask(server, "POST", "/inserts-stream", "\n".join(lines) + "\n", "application/vnd.ksqlapi.delimited.v1")
        check(status, 200)
        answers = {each["seq"]: each for each in map(json.loads, answer.splitlines())} if isinstance(answer, str) else {answer["seq"]: answer}
        check({seq: each["status"] for seq, each in answers.items()},
              {seq: "error" if seq in (3, 5) else "ok" for seq in range(7)})
        assert answers[3]["error_code"] == 40001 and "column D: expected DECIMAL(5, 2), got 1234567.1" in answers[3]["message"], answers[3]
        assert answers[5]["error_code"] == 40001 and "column A[].X: expected INTEGER, got t" in answers[5]["message"], answers[5]
        comes(c, "SELECT k FROM s61", [(k,) for k in "abceg"])
        check(str(c.execute("SELECT d FROM s61 WHERE k = 'g'").fetchone()[0]), "3.10")
        check(c.execute("SELECT ts FROM s61 WHERE k = 'a'").fetchone()[0].isoformat()[:23], "2024-01-02T03:04:05.678")


@report(62)
def a_wrong_member_name_in_the_body(server):
    for body, wanted in (({"Ksql": "SHOW STREAMS;"}, 400), ({"ksql": "SHOW STREAMS;", "foo": 1}, "list"), ({}, 400), ({"ksql": None}, 400),
                         ({"ksql": ""}, []), ({"ksql": "SHOW STREAMS"}, "list")):
        status, answer = ask(server, "POST", "/ksql", body)
        if wanted == 400:
            assert status == 400 and answer["error_code"] == 40000, (body, answer)
            assert "the body of the request has no string named ksql or sql" in answer["message"], (body, answer)
        else:
            assert status == 200, (body, answer)
            assert answer == [] if wanted == [] else "streams" in answer[0], (body, answer)


@report(64)
def content_types(server):
    host, port = server.http.rsplit(":", 1)
    for content in ("application/json", "application/vnd.ksql.v1+json", "application/vnd.ksql.v1+json; charset=utf-8",
                    "application/x-www-form-urlencoded", None, "text/plain"):
        for path, body, wanted in (("/ksql", "SHOW STREAMS;", "application/json"), ("/query", "SELECT 1;", "application/vnd.ksql.v1+json")):
            connection = http.client.HTTPConnection(host, int(port), timeout=patience(20))
            connection.request("POST", path, json.dumps({"ksql": body}), {"Content-Type": content} if content else {})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200 and answer.headers["content-type"].startswith(wanted), (path, content, answer.status, answer.headers)


def cluster(server):
    return ask(server, "GET", "/v3/clusters")[1]["data"][0]["cluster_id"]


@report(119)
def avro_in_by_v3_out_by_v2(server):
    schema = json.dumps({"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"},
                                                                    {"name": "b", "type": ["null", "string"], "default": None}]})
    base = f"/v3/clusters/{cluster(server)}/topics"
    check(ask(server, "POST", base, {"topic_name": "r119", "partitions_count": 1})[0], 201)
    status, answer = ask(server, "POST", "/subjects/r119-value/versions", {"schema": schema})
    check(status, 200)
    values = [{"a": 1, "b": {"string": "x"}}, {"a": 2, "b": None}, {"a": 3, "b": None}]
    for offset, (how, value) in enumerate(zip(({"schema_id": answer["id"]}, {"schema_version": 1}, {"schema": schema}), values)):
        status, written = ask(server, "POST", base + "/r119/records", {"value": {"type": "AVRO", **how, "data": value}})
        assert status == 200 and written["offset"] == offset, (how, status, written)
    v2 = "application/vnd.kafka.v2+json"
    check(ask(server, "POST", "/consumers/g119", {"name": "i", "format": "avro", "auto.offset.reset": "earliest"}, v2)[0], 200)
    check(ask(server, "POST", "/consumers/g119/instances/i/subscription", {"topics": ["r119"]}, v2)[0], 204)
    found = []

    def are_read():
        found.extend(ask(server, "GET", "/consumers/g119/instances/i/records?timeout=2500", accept="application/vnd.kafka.avro.v2+json")[1])
        return len(found) >= 3
    wait_until(are_read, lambda: str(found))
    check([(each["offset"], each["value"]) for each in found], list(enumerate(values)))


@report(121)
def committed_offsets_of_the_proxy_hold(server):
    v2 = "application/vnd.kafka.v2+json"
    create_topic(server, "t121", 1)
    check(ask(server, "POST", "/topics/t121", {"records": [{"value": i, "partition": 0} for i in range(14)]},
              "application/vnd.kafka.json.v2+json")[0], 200)

    def instance(name):
        check(ask(server, "POST", "/consumers/g121", {"name": name, "format": "json", "auto.offset.reset": "earliest",
                                                      "auto.commit.enable": "false"}, v2)[0], 200)
        base = f"/consumers/g121/instances/{name}"
        check(ask(server, "POST", base + "/subscription", {"topics": ["t121"]}, v2)[0], 204)
        return base

    def values(base, count):
        found = []

        def are_read():
            found.extend(each["value"] for each in ask(server, "GET", base + "/records?timeout=3000",
                                                       accept="application/vnd.kafka.json.v2+json")[1])
            return len(found) >= count
        wait_until(are_read, lambda: str(found))
        return found
    a = instance("a")
    check(values(a, 14), list(range(14)))
    check(ask(server, "POST", a + "/offsets", {"offsets": [{"topic": "t121", "partition": 0, "offset": 9}]}, v2)[0], 204)
    status, answer = ask(server, "GET", a + "/offsets", {"partitions": [{"topic": "t121", "partition": 0}]}, v2)
    check((status, answer["offsets"][0]["offset"]), (200, 10))
    check(ask(server, "DELETE", a, content=v2)[0], 204)
    b = instance("b")
    check(values(b, 4), [10, 11, 12, 13])
    check(ask(server, "GET", b + "/records?timeout=500", accept="application/vnd.kafka.json.v2+json")[1], [])
