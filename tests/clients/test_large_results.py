#!/usr/bin/python3
"""The results of rows are far larger than the rows. The server survives, and holds at most as many results at a time as
its settings allow."""
import atexit

import psycopg

from millrace_server import case, is_sanitized, launch, run, wait_until

ROWS = 20_000
MOST_MB = 900  # a large part is memory that the allocator has not returned to the kernel
SERVER = launch("--memory-limit", "1GB")
atexit.register(SERVER.stop)


def connect():
    return psycopg.connect(host=SERVER.host, port=SERVER.port, autocommit=True)


def held_mb():
    with open(f"/proc/{SERVER.pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("RssAnon:"))


def rows_or_none(connection, query, parameters=None):
    """Returns the rows, or None while the table has not caught up with its sources."""
    try:
        return connection.execute(query, parameters).fetchall()
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        assert "still reading its sources" in str(error), error
        return None


def watch_until(condition, seconds=150):
    """Waits for the condition, and returns the most memory, in MB, that the server used meanwhile."""
    most = 0

    def is_so():
        nonlocal most
        most = max(most, held_mb())
        return condition()
    wait_until(is_so, lambda: f"{most:.0f} MB at most", seconds)
    return most


@case
def rows_are_written():
    with connect() as connection:
        connection.execute("CREATE TABLE t (id INT PRIMARY KEY, a INT, s VARCHAR)")
        connection.execute(
            f"INSERT INTO t SELECT g, g % 10, 'r' FROM generate_series(1, {ROWS}) g")
        connection.execute("CREATE STREAM st (id INT KEY, a INT, s VARCHAR) WITH (partitions = 4)")
        with connection.cursor().copy("COPY st (id, a, s) FROM STDIN") as copy:
            for i in range(ROWS):
                copy.write(f"{i}\t{i % 10}\tr\n")


@case
def a_push_query_shows_a_table_whose_rows_become_large():
    with connect() as connection:
        for item in ("id, repeat(s, 4000) AS x FROM t", "id, repeat(s, 20000) AS x FROM t",
                     "a, collect_list(s) AS x FROM t GROUP BY a"):
            assert len(connection.execute(f"SELECT {item} EMIT CHANGES LIMIT 5").fetchall()) == 5


@case
def windows_that_overlap_keep_lists():
    """Each record changes sixty windows, each with a list; the results of one batch take many commits. Records of
    several partitions are read in the order of their times, each with its own position."""
    with connect() as connection:
        connection.execute(
            "CREATE TABLE hopping AS SELECT a, COLLECT_LIST(id) AS ids, COUNT(*) AS n FROM st "
            "WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 1 MINUTE) GROUP BY a")

        def is_whole():
            sums = dict(rows_or_none(connection, "SELECT a, SUM(n) FROM hopping GROUP BY a") or [])
            return len(sums) == 10 and set(sums.values()) == {60 * ROWS // 10}

        wait_until(is_whole, "the windows are not whole", 150, pause_s=0.5)  # each look reads 60 windows of each key
        rows = connection.execute("SELECT n, array_length(ids) FROM hopping").fetchall()
        assert all(length == n for n, length in rows)
        connection.execute("DROP TABLE hopping DELETE TOPIC")


@case
def a_table_of_large_values():
    with connect() as connection:
        connection.execute(
            "CREATE TABLE large AS SELECT id, REPEAT(s, 200000) AS x FROM t WHERE id <= 8000")

        def is_whole():
            last = range(7_990, 8_001)  # some records in each partition
            found = rows_or_none(
                connection, "SELECT id, LENGTH(x) FROM large WHERE id = ANY(%s)", [list(last)]) or []
            assert all(length == 200_000 for _, length in found)
            return len(found) == len(last)

        most = watch_until(is_whole)
        print(f"  held at most {most:.0f} MB")
        assert is_sanitized() or most < MOST_MB, most
        connection.execute("DROP TABLE large DELETE TOPIC")


@case
def sub_queries_within_sub_queries():
    with connect() as connection:
        connection.execute(
            "INSERT INTO t SELECT g, g % 1000, 'r' || g FROM generate_series(1, 100000) g")
        before = held_mb()
        for condition in ("a = (SELECT (SELECT (SELECT (SELECT a))))",
                          "a = (SELECT (SELECT b.a FROM t b WHERE b.id = q.id))",
                          "s = (SELECT (SELECT (SELECT (SELECT s))))"):
            found = connection.execute(f"SELECT COUNT(*) FROM t q WHERE {condition}").fetchone()[0]
            assert found == 100_000, (condition, found)
        assert is_sanitized() or held_mb() - before < 300, held_mb() - before


run()
