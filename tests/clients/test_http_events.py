#!/usr/bin/python3
"""Server-sent events of queries, as EventSource and curl read them, and requests to /ksql that run as a whole or not at all."""
import http.client
import json
import os
import sys
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chromium import PROGRAM, Chromium  # noqa: E402
from millrace_server import Skipped, case, launch, run  # noqa: E402

import psycopg  # noqa: E402

LISTED = "http://app.example:3000"
SERVER = launch("--http-origins", LISTED)


def sql(*statements):
    with psycopg.connect(host=SERVER.host, port=SERVER.port, user="http", autocommit=True) as connection:
        for statement in statements:
            answer = connection.execute(statement)
        return answer.fetchall() if answer.description else None


def open_events(text, headers={}, **properties):
    host, port = SERVER.http.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.request("GET", "/query-stream?" + urllib.parse.urlencode({"sql": text, **properties}),
                       headers={"Accept": "text/event-stream", **headers})
    return connection.getresponse()


def next_event(answer):
    """Returns the next event as (name, id, data); None at the end."""
    name, number, data = "message", None, []
    while line := answer.readline().decode().rstrip("\n"):
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "id":
            number = value
        elif field == "data":
            data.append(value)
    return (name, number, json.loads("\n".join(data))) if data else None


def ksql(text):
    host, port = SERVER.http.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.request("POST", "/ksql", json.dumps({"ksql": text}))
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


@case
def rows_come_as_events_until_the_limit():
    sql("CREATE STREAM ticks (id INT KEY, v VARCHAR) WITH (PARTITIONS = 1)", "INSERT INTO ticks VALUES (1, 'a'), (2, 'two\nlines')")
    answer = open_events("SELECT * FROM ticks EMIT CHANGES LIMIT 2", **{"auto.offset.reset": "earliest"})
    assert answer.status == 200 and answer.headers["content-type"] == "text/event-stream", answer.headers
    name, _, header = next_event(answer)
    assert name == "header" and header["columnNames"] == ["ID", "V"] and header["queryId"], header
    assert next_event(answer) == ("message", None, [1, "a"])
    assert next_event(answer) == ("message", None, [2, "two\nlines"])
    assert next_event(answer) == ("end", "end", {"finalMessage": "Limit Reached"})
    assert answer.read() == b""
    assert open_events("SELECT 1", {"Last-Event-ID": "end"}).status == 204


@case
def deleted_rows_are_events_of_their_own():
    sql("CREATE TABLE followed (id INT PRIMARY KEY, v VARCHAR)", "INSERT INTO followed VALUES (1, NULL)")
    answer = open_events("SELECT * FROM followed EMIT CHANGES", **{"auto.offset.reset": "earliest"})
    assert next_event(answer)[0] == "header"
    assert next_event(answer) == ("message", None, [1, None])
    sql("DELETE FROM followed WHERE id = 1")
    assert next_event(answer) == ("delete", None, [1, None])
    answer.close()


@case
def a_look_up_ends_and_an_error_has_a_status():
    sql("CREATE TABLE looked_up (id INT PRIMARY KEY, v VARCHAR)", "INSERT INTO looked_up VALUES (1, 'x')")
    answer = open_events("SELECT v FROM looked_up WHERE id = 1")
    assert [next_event(answer)[0] for _ in range(3)] == ["header", "message", "end"]
    answer = open_events("SELECT nothing FROM looked_up")
    assert answer.status == 400 and "NOTHING" in json.loads(answer.read())["message"].upper()


@case
def a_get_changes_nothing():
    sql("CREATE SEQUENCE numbers", "CREATE TABLE unchanged (id INT PRIMARY KEY, v INT)", "INSERT INTO unchanged VALUES (1, 1)")
    for text in ("INSERT INTO unchanged VALUES (2, 2)", "UPDATE unchanged SET v = 2", "DELETE FROM unchanged WHERE id = 1", "DROP TABLE unchanged",
                 "CREATE TABLE made (id INT PRIMARY KEY)", "SELECT nextval('numbers')", "SELECT * FROM unchanged FOR UPDATE",
                 "SELECT 1; DROP TABLE unchanged", "SET 'auto.offset.reset' = 'earliest'", "PRINT unchanged FROM BEGINNING LIMIT 1", "SHOW TABLES"):
        answer = open_events(text)
        assert answer.status == 400, (text, answer.status, answer.read())
    assert sql("SELECT * FROM unchanged") == [(1, 1)] and sql("SELECT nextval('numbers')") == [(1,)]
    assert "MADE" not in json.dumps(ksql("SHOW TABLES;")[1])


@case
def an_event_source_of_a_browser_reads_and_stops_at_the_end():
    if not PROGRAM:
        raise Skipped("chromium is not installed")
    sql("CREATE STREAM watched (id INT KEY, v INT) WITH (PARTITIONS = 1)", "INSERT INTO watched VALUES (1, 10), (2, 20), (3, 30)")
    url = f"http://{SERVER.http}/query-stream?" + urllib.parse.urlencode(
        {"sql": "SELECT * FROM watched EMIT CHANGES LIMIT 3;", "auto.offset.reset": "earliest"})
    tab = Chromium({"app.example": "127.0.0.1", "evil.example": "127.0.0.1"})
    try:
        script = """
            return await new Promise(done => {
              const seen = [], source = new EventSource(%s);
              source.onmessage = event => seen.push(JSON.parse(event.data));
              source.addEventListener('end', () => seen.push('end'));
              source.onerror = () => { if (source.readyState === EventSource.CLOSED) done(seen); };
            });""" % json.dumps(url)
        tab.open(LISTED)
        # The stream ends, and the browser reconnects. The status 204 then makes the browser stop.
        assert tab.run(script) == [[1, 10], [2, 20], [3, 30], "end"]
        tab.open("http://evil.example")
        assert tab.run(script) == []
    finally:
        tab.close()


@case
def a_request_with_a_wrong_statement_runs_none():
    sql("CREATE STREAM whole (id INT KEY, v INT) WITH (PARTITIONS = 1)")
    for text, word in (("CREATE STREAM ok1 AS SELECT * FROM whole; CREATE STREAM bad1 AS SELECT id, nope FROM whole;", "NOPE"),
                       ("CREATE STREAM ok1 AS SELECT * FROM whole; DROP STREAM IF EXISTS other; DROP STREAM nobody;", "nobody"),
                       ("CREATE TYPE ok1 AS STRUCT<a INT>; CREATE STREAM whole (id INT KEY) WITH (KAFKA_TOPIC = 'ok1', PARTITIONS = 1);", "exists"),
                       ("CREATE STREAM ok1 (id INT KEY) WITH (PARTITIONS = 1); INSERT INTO ok1 SELECT id, v FROM whole;", "Incompatible schema"),
                       ("CREATE STREAM ok1 AS SELECT * FROM whole; SELECT * FROM whole;", "/query"),
                       ("CREATE STREAM ok1 AS SELECT * FROM whole; SET 'no.such' = 'x';", "no.such")):
        status, answer = ksql(text)
        assert status == 400 and word.upper() in answer["message"].upper(), (text, status, answer)
        assert answer["entities"] == [] and answer["statementText"] in text, answer
        assert "OK1" not in json.dumps(ksql("SHOW STREAMS; SHOW TYPES; SHOW TOPICS;")[1]).upper(), text


@case
def a_statement_may_need_earlier_ones_of_its_request():
    status, answer = ksql("""
        CREATE TYPE pair AS STRUCT<a INT, b INT>;
        SET 'auto.offset.reset' = 'earliest';
        CREATE STREAM step1 (id INT KEY, p pair, v INT) WITH (KAFKA_TOPIC = 'steps', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
        CREATE STREAM step2 AS SELECT id, p->a AS a, v FROM step1;
        INSERT INTO step1 (id, v) VALUES (1, 2);
        CREATE TABLE step3 AS SELECT id, COUNT(*) AS n FROM step2 GROUP BY id;
        INSERT INTO step2 SELECT id, v AS a, v FROM step1;
        DROP TABLE step3;
        CREATE TABLE step3 AS SELECT id, SUM(a) AS n FROM step2 GROUP BY id;
        DESCRIBE step3;""")
    assert status == 200, answer
    assert {"STEP1", "STEP2"} <= {each["name"] for each in ksql("SHOW STREAMS;")[1][0]["streams"]}


run()
