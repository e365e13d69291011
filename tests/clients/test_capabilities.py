#!/usr/bin/python3
"""The table of statements in docs/cluster/sql.md, row by row: on one server and on a cluster of three."""
import os
import re

from cluster_cases import cluster
from cluster_nodes import eventually
from cluster_sql import connect, psycopg
from millrace_server import Skipped, case, run, start_server

MANUAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "cluster", "sql.md")
ROW = re.compile(r"\| `(?P<statement>[^`]+)` \| (?P<alone>yes|no) \| (?P<cluster>yes|no) \| (?P<level>\d*) \| (?P<note>[^|]*)\|")
REFUSAL = "not supported in a cluster yet"


def rows():
    with open(MANUAL, encoding="utf-8") as manual:
        found = [match.groupdict() for match in map(ROW.fullmatch, manual.read().split("\n")) if match]
    assert len(found) > 15, found
    return found


def prepare(c):
    c.execute("CREATE TABLE capable (id INT PRIMARY KEY, v INT)")
    c.execute("CREATE STREAM shown (id INT KEY, v INT) WITH (PARTITIONS = 1)")
    c.execute("CREATE TABLE altered (id INT PRIMARY KEY, v INT)")
    c.execute("CREATE STREAM plain (id INT KEY, v INT) WITH (PARTITIONS = 1)")
    c.execute("INSERT INTO capable VALUES (1, 1), (2, 2)")
    c.execute("INSERT INTO shown VALUES (1, 1), (2, 2)")
    c.execute("CREATE STREAM read AS SELECT * FROM shown EMIT CHANGES")
    c.execute("CREATE TABLE counted AS SELECT v, COUNT(*) AS n FROM shown GROUP BY v")


def outcome(connection, statement):
    """Returns None, or the text of the error."""
    try:
        for part in statement.split("; "):
            connection.execute(part)
    except psycopg.Error as error:
        return f"{error.sqlstate}: {error}"
    return None


def check(connect_next, place):
    wrong = []
    for row in rows():
        with connect_next() as c:
            error = outcome(c, row["statement"])
        is_right = error is None if row[place] == "yes" else error is not None and "0A000" in error and REFUSAL in error
        if not is_right:
            wrong.append((row["statement"], row[place], error))
    assert not wrong, wrong


@case
def each_row_is_true_on_one_server():
    server = start_server()

    def connect_alone():
        return psycopg.connect(host=server.host, port=server.port, user="millrace", dbname="millrace", autocommit=True)
    with connect_alone() as c:
        prepare(c)
    check(connect_alone, "alone")


@case
def each_row_is_true_on_three_nodes():
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    nodes = cluster()
    with connect(nodes.nodes[1]) as c:
        prepare(c)
    for node in nodes.nodes.values():
        with connect(node) as c:
            eventually(lambda c=c: c.execute("SELECT count(*) FROM capable").fetchone() == (2,))
    numbers = iter(range(1_000_000))
    check(lambda: connect(nodes.nodes[1 + next(numbers) % 3]), "cluster")


run()
