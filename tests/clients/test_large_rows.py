#!/usr/bin/python3
"""Rows of megabytes: a client that reads gets them all, from any kind of query; for a client that does not read, the
server holds a few of them."""
import atexit
import select
import socket
import time

import psycopg
from psycopg import sql

from millrace_server import Deadline, case, is_sanitized, launch, patience, run

MB = 1 << 20
LIMIT_MB = 320  # a session with a slow client may hold three rows of 12 MB at a time, as on a busy machine
# The sizes add up to much more than one session may hold.
SIZES_MB = [1, 2, 12, 1, 1, 1, 12, 3, 1, 12, 2, 12, 12, 12, 5, 12]
SERVER = launch("--memory-limit", f"{LIMIT_MB}MB", "--state-memory", "1GB")
atexit.register(SERVER.stop)


def connect(server=SERVER):
    return psycopg.connect(host=server.host, port=server.port, autocommit=True)


def expected(sizes=None):
    return sorted((i, size * MB) for i, size in enumerate(sizes or SIZES_MB))


def received(rows):
    return sorted((row[0], len(row[1])) for row in rows)


def held_mb():
    with open(f"/proc/{SERVER.pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("RssAnon:"))


def settled_mb():
    """Returns the held memory in MB, as soon as it no longer changes because rows that were sent have been freed. Half
    a second lies between two looks: the allocator returns freed memory after one second, in small steps."""
    held = held_mb()
    for _ in range(20):
        time.sleep(0.5)
        before, held = held, held_mb()
        if abs(held - before) < 1:
            break
    return held


@case
def rows_are_written():
    with connect() as connection:
        connection.execute("CREATE STREAM texts (id INT KEY, v VARCHAR) WITH (partitions = 2)")
        connection.execute("CREATE TABLE kept (id INT PRIMARY KEY, v VARCHAR) WITH (partitions = 2)")
        connection.execute("CREATE TABLE latest AS SELECT id, LATEST_BY_OFFSET(v) AS v FROM texts GROUP BY id")
        for i, size in enumerate(SIZES_MB):
            for source in ("texts", "kept"):
                with connection.cursor().copy(f"COPY {source} FROM STDIN") as copy:
                    copy.write(f"{i}\t{'x' * (size * MB)}\n")


@case
def all_of_a_table_or_a_stream():
    with connect() as connection:
        for source in ("kept", "latest", "texts"):
            for query in ("SELECT * FROM {}", "SELECT id, UCASE(v) AS v FROM {}"):
                rows = connection.execute(query.format(source)).fetchall()
                assert received(rows) == expected(), (source, query, received(rows))


@case
def many_keys():
    keys = list(range(len(SIZES_MB)))
    with connect() as connection:
        for source in ("kept", "latest"):
            for condition in (sql.SQL("id IN ({})").format(sql.SQL(", ").join(keys)), sql.SQL("id = ANY(%s)")):
                query = sql.SQL("SELECT * FROM {} WHERE {}").format(sql.Identifier(source.upper()), condition)
                rows = connection.execute(query, [keys] if "ANY" in query.as_string(connection) else None).fetchall()
                assert received(rows) == expected(), (query, received(rows))


@case
def one_key_with_many_windows():
    """The rows together exceed the limit of a session; they are read as the client takes them."""
    windows, size = 1_000, 100_000
    with connect() as connection:
        connection.execute("SET \"read.wait.ms\" = 60000")
        connection.execute("CREATE STREAM timed (id INT KEY, ts BIGINT, v VARCHAR) WITH (partitions = 1, timestamp = 'ts')")
        connection.execute("CREATE TABLE by_second AS SELECT id, COLLECT_LIST(v) AS vs FROM timed "
                           "WINDOW TUMBLING (SIZE 1 SECOND) GROUP BY id")
        for first in range(0, windows, 100):
            with connection.cursor().copy("COPY timed FROM STDIN") as copy:
                copy.write("".join(f"1\t{i * 1000}\t{'x' * size}\n" for i in range(first, first + 100)))
        connection.execute("SELECT id FROM by_second WHERE id = 2").fetchall()
        with connect() as reader:
            before = settled_mb()
            with connection.cursor() as cursor:
                rows = 0
                for start, values in cursor.stream("SELECT windowstart, vs FROM by_second WHERE id = 1"):
                    assert start == rows * 1000 and len(values[0]) == size, (start, len(values))
                    if rows == 100:  # the other rows wait for this one
                        grown = settled_mb() - before
                        assert reader.execute("SELECT 1").fetchall() == [(1,)]
                    rows += 1
            assert rows == windows, rows
        print(f"  grown by {grown:.0f} MB")
        if not is_sanitized():
            assert grown < LIMIT_MB / 8, grown  # a session may hold an eighth of the limit
        connection.execute("DROP TABLE by_second")


@case
def push_queries():
    with connect() as connection:
        connection.execute("SET auto.offset.reset = 'earliest'")
        query = f"SELECT * FROM texts EMIT CHANGES LIMIT {len(SIZES_MB)}"
        assert received(connection.execute(query)) == expected()
        assert received(connection.cursor().stream(query)) == expected()


@case
def push_queries_of_tables():
    """The rows that such a query stores do not count against the limit for rows that are being sent. The
    server sends only as many stored rows as the client has room for."""
    sizes = [1] * 20
    server = launch("--memory-limit", "128MB")
    atexit.register(server.stop)
    with connect(server) as connection:
        connection.execute("CREATE STREAM written (id INT KEY, v VARCHAR) WITH (partitions = 1)")
        connection.execute("CREATE TABLE small AS SELECT id, LATEST_BY_OFFSET(v) AS v FROM written GROUP BY id")
        for i, size in enumerate(sizes):
            with connection.cursor().copy("COPY written FROM STDIN") as copy:
                copy.write(f"{i}\t{'x' * (size * MB)}\n")
        assert received(connection.execute("SELECT * FROM small")) == expected(sizes)
        connection.execute("SET auto.offset.reset = 'earliest'")
        query = f"SELECT * FROM small EMIT CHANGES LIMIT {len(sizes)}"
        for _ in range(3):
            assert received(connection.execute(query)) == expected(sizes)
            assert received(connection.cursor().stream(query)) == expected(sizes)


@case
def cursors():
    with connect() as connection, connection.transaction():
        connection.execute("DECLARE c CURSOR FOR SELECT * FROM kept")
        rows = []
        while some := connection.execute("FETCH 3 FROM c").fetchall():
            rows += some
        assert received(rows) == expected()


@case
def a_row_that_is_too_long_is_refused():
    with connect() as connection:
        try:
            connection.execute("SELECT v, v, v, v, v, v FROM kept WHERE id = 2").fetchall()
            raise AssertionError("it came")
        except psycopg.Error as error:
            assert "a row is longer than 64 MB" in str(error) or "memory-limit is" in str(error), error
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


@case
def clients_that_do_not_read():
    """Many clients hold as much as their accounts allow; a client that reads is served once they are gone."""
    before = held_mb()
    idle = []
    for _ in range(60):
        connection = connect()
        with socket.socket(fileno=connection.fileno()) as plain:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            plain.detach()
        connection.pgconn.send_query(b"SELECT * FROM kept")
        idle.append(connection)
    waiting = set(idle)
    while waiting:  # each answer has begun
        waiting -= set(select.select(waiting, [], [], patience(20))[0] or [None])
    grown = settled_mb() - before
    print(f"  grown by {grown:.0f} MB")
    if not is_sanitized():
        assert grown < 2 * LIMIT_MB, grown
    for connection in idle:
        connection.close()
    deadline = Deadline(20)
    while True:
        try:
            with connect() as connection:
                assert received(connection.execute("SELECT * FROM kept")) == expected()
                return
        except psycopg.errors.OutOfMemory:  # until the server has noticed that the other clients have disconnected
            deadline.check()
            time.sleep(0.1)


run()
