#!/usr/bin/python3
"""Values that cannot be computed in push queries, over PostgreSQL and over HTTP, and push queries that skip records."""
import http.client
import json
import os
import queue
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from millrace_server import case, run, start_server  # noqa: E402
from patience import patience  # noqa: E402

import psycopg  # noqa: E402

SERVER = start_server()


def connect():
    return psycopg.connect(host=SERVER.host, port=SERVER.port, user="values", autocommit=True)


def post(path, body, accept="application/json"):
    host, port = SERVER.http.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=patience(60))
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json", "Accept": accept})
    return connection.getresponse()


with connect() as setup:
    setup.execute("CREATE STREAM numbers (id INT KEY, n INT) WITH (PARTITIONS = 1)")
    setup.execute("INSERT INTO numbers VALUES (1, 5), (2, 0)")


@case
def a_push_query_that_skips_records_explains_its_wait():
    notices = queue.Queue()
    rows = []
    with connect() as reader, connect() as writer:
        reader.add_notice_handler(lambda notice: notices.put((notice.severity, notice.message_primary,
                                                              notice.message_hint)))
        following = threading.Thread(
            target=lambda: rows.extend(reader.execute("SELECT id FROM numbers EMIT CHANGES LIMIT 1").fetchall()))
        following.start()
        severity, message, hint = notices.get(timeout=patience(30))
        assert severity == "NOTICE", severity
        assert message == "the query waits for new records, and skips 2 records of NUMBERS", message
        assert "SET 'auto.offset.reset' = 'earliest'" in hint, hint
        writer.execute("INSERT INTO numbers VALUES (3, 1)")
        following.join(patience(30))
        assert rows == [(3,)], rows
        assert notices.empty()


@case
def a_push_query_that_reads_all_records_has_no_notice():
    with connect() as reader:
        notices = []
        reader.add_notice_handler(lambda notice: notices.append(notice.message_primary))
        reader.execute("SET 'auto.offset.reset' = 'earliest'")
        assert reader.execute("SELECT id FROM numbers EMIT CHANGES LIMIT 1").fetchall() == [(1,)]
        assert notices == [], notices


@case
def a_push_query_over_http_warns():
    answer = post("/query", {"ksql": "SELECT id, 10 / n AS x FROM numbers EMIT CHANGES LIMIT 2;",
                             "streamsProperties": {"auto.offset.reset": "earliest"}}, "application/vnd.ksql.v1+json")
    text = answer.read().decode()
    assert answer.status == 200, text
    assert "[2,null]" in text, text
    assert "WARNING: 1 value could not be computed so far (first: partition 0, offset 1: division by zero)" in text, text


@case
def a_select_over_http_fails():
    answer = post("/query", {"ksql": "SELECT id, 10 / n AS x FROM numbers;"}, "application/vnd.ksql.v1+json")
    text = answer.read().decode()
    assert "division by zero" in text, (answer.status, text)


run()
