#!/usr/bin/python3
"""A client that applies the rows of a push query by their op keeps an exact copy, over PostgreSQL and over each route of
HTTP."""
import http.client
import json
import os
import random
import sys
import threading
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from millrace_server import case, run, start_server  # noqa: E402

import psycopg  # noqa: E402

SERVER = start_server()
END = 1_000_000  # the key of the row that is written last
# Each entry has the query that the client follows, and a SELECT that returns the same rows: a key and a value.
FOLLOWED = {
    "a table": ("SELECT op, id, n FROM stock EMIT CHANGES", "SELECT id, n FROM stock"),
    "rows that enter and leave a WHERE": ("SELECT op, id, n FROM stock WHERE n > 50 OR n IS NULL EMIT CHANGES",
                                          "SELECT id, n FROM stock WHERE n > 50 OR n IS NULL"),
    "the table of a query": ("SELECT op, id, n FROM doubled EMIT CHANGES", "SELECT id, n FROM doubled"),
    "a join": ("SELECT op, s.id AS id, label FROM stock s JOIN labels l ON s.id = l.id EMIT CHANGES",
               "SELECT s.id, label FROM stock s JOIN labels l ON s.id = l.id"),
}


def connect():
    return psycopg.connect(host=SERVER.host, port=SERVER.port, user="op", autocommit=True)


def apply(copy, op, key, value):
    """Applies one row of the push query; its op must fit the copy."""
    if op == "insert":
        assert key not in copy, f"{key} is inserted twice"
    elif op == "update":
        assert key in copy, f"{key} is updated before it is inserted"
    elif op == "delete":
        assert key in copy, f"{key} is deleted before it is inserted"
        del copy[key]
        return
    else:
        raise AssertionError(f"op is {op}")
    copy[key] = value


def rows_by_postgres(query):
    with connect() as connection:
        yield from connection.cursor().stream(query)


def rows_by_http(query):
    host, port = SERVER.http.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=120)
    connection.request("POST", "/query-stream", json.dumps({"sql": query + ";"}),
                       {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    answer.readline()  # the names of the columns
    while line := answer.readline():
        op, key, value, *mark = json.loads(line)
        assert mark == ([{"tombstone": True}] if op == "delete" else []), line
        yield op, key, value


def open_answer(method, path, body=None):
    """Returns an answer that has begun; a wait of 120 s for a line fails."""
    host, port = SERVER.http.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=120)
    connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    return answer


def rows_by_query(query):
    """POST /query answers with one array of objects, one to a line, each with a comma behind it."""
    answer = open_answer("POST", "/query", {"ksql": query + ";"})
    assert "header" in json.loads(answer.readline().strip().lstrip(b"[").rstrip(b","))
    while line := answer.readline():
        if not line.strip():
            continue
        row = json.loads(line.strip().rstrip(b","))["row"]
        op, key, value = row["columns"]
        assert row.get("tombstone", False) == (op == "delete"), line
        yield op, key, value


def rows_by_sql(query):
    """POST /sql marks each row with u or d before its columns: d is a delete, and u is each other op."""
    answer = open_answer("POST", "/sql", {"sql": query})
    assert "head" in json.loads(answer.readline())
    while line := answer.readline():
        row = json.loads(line)
        if not isinstance(row, list):
            continue
        mark, op, key, value = row
        assert mark == ("d" if op == "delete" else "u"), line
        yield op, key, value


def rows_by_events(query):
    """GET /query-stream sends server-sent events: deletes are events of the name `delete`."""
    answer = open_answer("GET", "/query-stream?sql=" + urllib.parse.quote(query))
    name = "message"
    while line := answer.readline():
        field, _, text = line.decode().rstrip("\n").partition(": ")
        if field == "event":
            name = text
        elif field == "data" and name != "header":
            op, key, value = json.loads(text)
            assert name == ("delete" if op == "delete" else "message"), (name, text)
            yield op, key, value
        elif not field:
            name = "message"


def copy_of(rows, failures):
    """Returns the copy at the moment of the row END."""
    copy = {}
    try:
        for op, key, value in rows:
            apply(copy, op, key, value)
            if END in copy:
                return copy
        failures.append("the rows ended")
    except Exception as error:  # the case reports it
        failures.append(repr(error))
    return copy


def change_at_random(connection, seed, changes):
    chance = random.Random(seed)
    for _ in range(changes):
        key, n = chance.randrange(20), chance.randrange(100)
        match chance.randrange(5):
            case 0 | 1:
                connection.execute("INSERT INTO stock VALUES (%s, %s)", (key, n))
            case 2:
                connection.execute("UPDATE stock SET n = NULL WHERE id = %s", (key,))
            case 3:
                connection.execute("DELETE FROM stock WHERE id = %s", (key,))
            case 4:
                table = chance.choice(("INSERT INTO labels VALUES (%s, %s)", "DELETE FROM labels WHERE id = %s"))
                connection.execute(table, (key, f"l{n}") if "VALUES" in table else (key,))


def follows(name, rows_of):
    query, select = FOLLOWED[name]
    failures, copies = [], []
    with connect() as connection:
        connection.execute("DELETE FROM stock")
        connection.execute("DELETE FROM labels")
        change_at_random(connection, seed=7, changes=30)
        follower = threading.Thread(target=lambda: copies.append(copy_of(rows_of(query), failures)), daemon=True)
        follower.start()
        change_at_random(connection, seed=11, changes=500)
        connection.execute("INSERT INTO labels VALUES (%s, 'end')", (END,))
        connection.execute("INSERT INTO stock VALUES (%s, 99)", (END,))
        follower.join(120)
        assert copies and not failures, (failures, copies)
        expected = dict(connection.execute(select).fetchall())
    assert copies[0] == expected, (set(copies[0].items()) ^ set(expected.items()))


def make_tables():
    with connect() as connection:
        connection.execute("CREATE TABLE stock (id INT PRIMARY KEY, n INT) WITH (PARTITIONS = 1)")
        connection.execute("CREATE TABLE labels (id INT PRIMARY KEY, label VARCHAR) WITH (PARTITIONS = 1)")
        connection.execute("CREATE TABLE doubled AS SELECT id, n * 2 AS n FROM stock")


make_tables()


@case
def a_copy_by_op_over_postgresql_equals_the_table():
    for name in FOLLOWED:
        follows(name, rows_by_postgres)


@case
def a_copy_by_op_over_http_equals_the_table():
    for name in FOLLOWED:
        follows(name, rows_by_http)


@case
def a_copy_by_op_over_query_equals_the_table():
    for name in FOLLOWED:
        follows(name, rows_by_query)


@case
def a_copy_by_op_over_sql_equals_the_table():
    for name in FOLLOWED:
        follows(name, rows_by_sql)


@case
def a_copy_by_op_over_events_equals_the_table():
    for name in FOLLOWED:
        follows(name, rows_by_events)


@case
def a_select_without_op_has_the_same_columns_over_each_route():
    """`*` never includes the pseudo column, and a projection without it has no further column."""
    with connect() as connection:
        connection.execute("DELETE FROM stock")
        connection.execute("INSERT INTO stock VALUES (1, 2)")
    query = "SELECT * FROM stock EMIT CHANGES LIMIT 1"
    names = json.loads(open_answer("POST", "/query-stream", {"sql": query + ";"}).readline())["columnNames"]
    assert names == ["ID", "N"], names
    head = json.loads(open_answer("POST", "/sql", {"sql": query}).readline())["head"]
    assert [column["name"] for column in head["columns"]] == ["id", "n"], head
    with connect() as connection:
        assert [column.name for column in connection.execute(query).description] == ["id", "n"]


run()
