#!/usr/bin/python3
"""SELECT ... FROM RECORDS(...) EMIT CHANGES: each record once and in order, the place of the first record, revoked rights, and
a topic that is dropped."""
import os
import tempfile
import threading

from cluster_nodes import eventually
from millrace_server import Skipped, case, launch, run

try:
    import psycopg
except ImportError:
    psycopg = None

SECRET = "geheim-4711"


def file_with(text):
    handle, path = tempfile.mkstemp()
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def connect(server, user="millrace", **options):
    return psycopg.connect(host="127.0.0.1", port=server.port, user=user, dbname="millrace", autocommit=True, **options)


class Follower:
    """Reads the rows of a statement on a thread, until the statement ends."""

    def __init__(self, server, statement, **options):
        self.rows, self.error = [], None
        self._connection = connect(server, **options)
        self._thread = threading.Thread(target=self._read, args=(statement,))
        self._thread.start()

    def _read(self, statement):
        try:
            for row in self._connection.cursor().stream(statement):
                self.rows.append(row)
        except psycopg.Error as error:
            self.error = error

    def end(self):
        self._thread.join(60)
        assert not self._thread.is_alive(), "the statement has not ended"
        self._connection.close()
        return self


@case
def each_record_is_shown_once_and_in_order():
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    server = launch()
    with connect(server) as c:
        c.execute("CREATE STREAM orders (id INT KEY, v INT) WITH (PARTITIONS = 3)")
        c.execute("INSERT INTO orders VALUES (0, 0)")
        follower = Follower(server, "SELECT partition, \"offset\", key FROM RECORDS('orders', from_offset => 0) EMIT CHANGES LIMIT 3000")
        narrow = Follower(server, "SELECT key FROM RECORDS('orders', from_offset => 0, max_bytes => 2000) WHERE key = '2999' EMIT CHANGES LIMIT 1")
        for first in range(1, 3000, 100):
            c.execute("INSERT INTO orders VALUES " + ", ".join(f"({each}, 0)" for each in range(first, min(first + 100, 3000))))
        rows = follower.end().rows
        assert sorted(int(key) for _, _, key in rows) == list(range(3000)), len(rows)
        for partition in range(3):
            offsets = [offset for at, offset, _ in rows if at == partition]
            assert offsets == list(range(len(offsets))), f"the order of partition {partition}"
        assert narrow.end().rows == [("2999",)], "a read of few bytes continues behind the last record"
        c.execute("SET auto.offset.reset = 'earliest'")
        assert len(c.execute("SELECT key FROM RECORDS('orders') EMIT CHANGES LIMIT 3000").fetchall()) == 3000
    server.stop()


@case
def a_statement_ends_when_its_topic_or_its_right_ends():
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    server = launch("--access-file", file_with("host all all 127.0.0.1/32 scram-sha-256\n"),
                    "--superuser-password-file", file_with(SECRET + "\n"))
    with connect(server, password=SECRET) as root:
        root.execute("CREATE STREAM orders (id INT KEY, v INT) WITH (PARTITIONS = 1)")
        root.execute(f"CREATE USER ann PASSWORD '{SECRET}'")
        statement = "SELECT key FROM RECORDS('orders', from_offset => 0) EMIT CHANGES"
        assert Follower(server, statement, user="ann", password=SECRET).end().error.sqlstate == "42501"
        root.execute("GRANT SELECT ON orders TO ann")
        follower = Follower(server, statement, user="ann", password=SECRET)
        root.execute("INSERT INTO orders VALUES (1, 1)")
        eventually(lambda: follower.rows == [("1",)])
        root.execute("REVOKE SELECT ON orders FROM ann")
        root.execute("INSERT INTO orders VALUES (2, 2)")
        assert follower.end().error.sqlstate == "42501" and follower.rows == [("1",)], follower.rows
        follower = Follower(server, statement, password=SECRET)
        eventually(lambda: len(follower.rows) == 2)
        root.execute("DROP STREAM orders DELETE TOPIC")
        assert follower.end().error.sqlstate == "42P01", follower.error
    server.stop()


run()
