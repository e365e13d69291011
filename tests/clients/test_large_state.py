#!/usr/bin/python3
"""Tables that hardly fit into memory: their contents are right, also after a restart."""
import collections
import os
import random
import shutil
import tempfile
import time

import confluent_kafka
import psycopg

from millrace_server import Deadline, case, launch, patience, run

FOLDER = tempfile.mkdtemp(prefix="millrace-large-state-")
KEYS = 40_000
_TIMEOUT_S = 60
_LITTLE = ("--state-memory", "1MB", "--checkpoint-interval-ms", "100", "--checkpoint-journal-bytes", "65536")


def connect(server):
    return psycopg.connect(host=server.host, port=server.port, autocommit=True)


class Node:
    """A server with hardly any memory for state, and a connection to it."""

    def __init__(self, name):
        self._data = os.path.join(FOLDER, name)

    def __enter__(self):
        self.server = launch(*_LITTLE, data_dir=self._data)
        self.connection = connect(self.server)
        return self

    def __exit__(self, *_):
        self.connection.close()
        self.server.stop()

    def restart(self):
        self.__exit__()
        self.__enter__()


def key(number):
    return f"customer-{number * 7919 % 1_000_003:07}"


def fill(connection, table, columns, rows):
    with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def eventually(connection, query, expected):
    """Returns the rows in order as soon as they are the expected ones, or after the time-out."""
    end = Deadline(_TIMEOUT_S)
    while True:
        rows = sorted(connection.execute(query).fetchall())
        if rows == expected or end.is_over():
            return rows
        time.sleep(0.2)


def check_equal(rows, expected, what):
    assert len(rows) == len(expected), f"{what}: {len(rows)} rows where {len(expected)} should be"
    wrong = [(row, right) for row, right in zip(rows, expected) if row != right]
    assert not wrong, f"{what}: {len(wrong)} rows are wrong, the first: {wrong[0]}"


def server_value(connection, subject, name):
    for row in connection.execute("SHOW SERVER").fetchall():
        if row[0] == subject and row[1] == name:
            return int(row[2])
    raise AssertionError(f"SHOW SERVER has no {subject} {name}")


@case
def groups_are_counted_found_and_scanned_from_the_disk():
    chance = random.Random(1)
    expected = collections.defaultdict(lambda: [0, 0])
    with Node("groups") as node:
        node.connection.execute("CREATE STREAM paid (who VARCHAR, cents BIGINT) WITH (partitions=3)")
        node.connection.execute("""CREATE TABLE balance AS SELECT who, COUNT(*) AS payments, SUM(cents) AS cents
                                   FROM paid GROUP BY who""")
        for life in range(3):
            numbers = list(range(KEYS)) if life == 0 else [chance.randrange(KEYS) for _ in range(20_000)]
            payments = [(key(number), chance.randrange(100)) for number in numbers]
            for who, cents in payments:
                expected[who][0] += 1
                expected[who][1] += cents
            fill(node.connection, "paid", "who, cents", payments)
            right = sorted((who, *sums) for who, sums in expected.items())
            check_equal(eventually(node.connection, "SELECT * FROM balance", right), right, "all rows")
            assert server_value(node.connection, "memory", "tables bytes") < 8 << 20
            for number in range(0, KEYS, 997):
                found = node.connection.execute("SELECT * FROM balance WHERE who = %s", (key(number),)).fetchall()
                assert found == [(key(number), *expected[key(number)])], found
            assert not node.connection.execute("SELECT * FROM balance WHERE who = 'nobody'").fetchall()
            keeping = [row for row in tasks(node.connection) if row["state entries"] > 0]
            entries = sum(row["state entries"] for row in keeping)
            assert entries == KEYS, entries
            # The new groups do not fit into memory: their task waits for state.mdb, and reports the time.
            assert life > 0 or any(row["held back ms"] > 0 for row in keeping), keeping
            if life == 1:
                node.restart()


def tasks(connection):
    cursor = connection.execute("SHOW TASKS")
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


@case
def pages_that_look_ups_bring_into_memory_leave_it_again():
    with Node("looked-up") as node:
        node.connection.execute("CREATE STREAM paid (who VARCHAR KEY, cents BIGINT) WITH (partitions=1)")
        node.connection.execute("CREATE TABLE balance AS SELECT who, SUM(cents) AS cents FROM paid GROUP BY who")
        fill(node.connection, "paid", "who, cents", [(key(number), number) for number in range(KEYS)])
        right = sorted((key(number),) for number in range(KEYS))
        check_equal(eventually(node.connection, "SELECT who FROM balance", right), right, "filled")
        node.restart()
        for first in range(0, KEYS, 500):
            keys = ", ".join(f"'{key(number)}'" for number in range(first, first + 500))
            assert len(node.connection.execute(f"SELECT * FROM balance WHERE who IN ({keys})").fetchall()) == 500
        end = Deadline(10)
        while (held := sum(task["state bytes"] for task in tasks(node.connection))) > 3 << 20:
            end.check(lambda: f"{held} bytes of tables are in memory, and nothing changes them")
            time.sleep(0.1)


@case
def rows_come_go_and_are_joined_from_the_disk():
    chance = random.Random(2)
    now = {}
    with Node("rows") as node:
        node.connection.execute("CREATE TABLE cities (name VARCHAR PRIMARY KEY, people BIGINT) WITH (partitions=2)")
        node.connection.execute("CREATE TABLE shown AS SELECT * FROM cities WHERE people >= 0")
        node.connection.execute("CREATE STREAM visits (name VARCHAR KEY, id INT) WITH (partitions=2)")
        node.connection.execute("""CREATE STREAM seen AS SELECT v.name AS name, v.id AS id, c.people AS people
                                   FROM visits v JOIN cities c ON v.name = c.name""")
        for life in range(3):
            changed = []
            for number in range(KEYS if life == 0 else 10_000):
                name = key(number if life == 0 else chance.randrange(KEYS))
                # A negative number is hidden by the filter, so the row leaves the second table.
                people = chance.randrange(10_000) if life == 0 or chance.random() < 0.7 else -1
                changed.append((name, people))
                now[name] = people
            fill(node.connection, "cities", "name, people", changed)
            right = sorted((name, people) for name, people in now.items() if people >= 0)
            check_equal(eventually(node.connection, "SELECT name, people FROM shown", right), right, "shown")
            if life == 0:
                node.restart()
        names = [key(number) for number in range(0, KEYS, 37)]
        fill(node.connection, "visits", "name, id", [(name, i) for i, name in enumerate(names)])
        right = sorted((name, i, now[name]) for i, name in enumerate(names))
        check_equal(eventually(node.connection, "SELECT name, id, people FROM seen", right), right, "joined")


MINUTE = 60_000


def windows_of(connection, table, keys):
    names = ", ".join(f"'{name}'" for name in keys)
    return sorted(connection.execute(f"SELECT who, WINDOWSTART, n FROM {table} WHERE who IN ({names})").fetchall())


@case
def windows_are_counted_found_and_scanned_from_the_disk():
    chance = random.Random(3)
    counts = collections.Counter()  # by key and minute
    latest = 0
    with Node("windows") as node:
        node.connection.execute("""CREATE STREAM clicks (who VARCHAR KEY, ts BIGINT)
                                   WITH (partitions=1, timestamp='ts')""")
        node.connection.execute("""CREATE TABLE per_minute AS SELECT who, COUNT(*) AS n FROM clicks
                                   WINDOW TUMBLING (SIZE 1 MINUTE, RETENTION 20 MINUTES, GRACE PERIOD 10 MINUTES)
                                   GROUP BY who""")
        # The first round adds each key once in each minute. The second round adds random keys, also in minutes that
        # have left memory. In the third round minutes expire.
        for life, minutes in enumerate((range(0, 8), range(0, 8), range(8, 24))):
            clicks = []
            for minute in minutes:
                numbers = range(0, KEYS, 4) if life == 0 else [chance.randrange(0, KEYS, 4) for _ in range(2_000)]
                clicks += [(key(number), minute * MINUTE + chance.randrange(MINUTE)) for number in numbers]
            counts.update((who, at // MINUTE * MINUTE) for who, at in clicks)
            latest = max(latest, *(at for _, at in clicks))
            fill(node.connection, "clicks", "who, ts", clicks)
            kept = {group: n for group, n in counts.items() if group[1] > latest - 20 * MINUTE}
            right = sorted((who, start, n) for (who, start), n in kept.items())
            check_equal(eventually(node.connection, "SELECT who, WINDOWSTART, n FROM per_minute", right), right,
                        f"windows of life {life}")
            assert server_value(node.connection, "memory", "tables bytes") < 8 << 20
            asked = {key(number) for number in range(0, KEYS, 404)}
            check_equal(windows_of(node.connection, "per_minute", asked),
                        [row for row in right if row[0] in asked], "windows of some keys")
            if life < 2:
                node.restart()
        # The windows from before the restart have expired, and their number is known again.
        fill(node.connection, "clicks", "who, ts", [("last", 60 * MINUTE)])
        right = [("last", 60 * MINUTE, 1)]
        check_equal(eventually(node.connection, "SELECT who, WINDOWSTART, n FROM per_minute", right), right, "the end")
        assert sum(row["state entries"] for row in tasks(node.connection)) <= 1 + 4 * 2_000


@case
def final_results_are_written_once_each_from_the_disk():
    with Node("finals") as node:
        node.connection.execute("""CREATE STREAM clicks (who VARCHAR KEY, ts BIGINT)
                                   WITH (partitions=1, timestamp='ts')""")
        node.connection.execute("""CREATE TABLE finals AS SELECT who, COUNT(*) AS n FROM clicks
                                   WINDOW TUMBLING (SIZE 1 MINUTE, RETENTION 30 MINUTES, GRACE PERIOD 5 MINUTES)
                                   GROUP BY who EMIT FINAL""")
        # Long keys lie in the order of their hashes.
        names = [key(number) + (number % 3 == 0) * ("x" * 420) for number in range(0, KEYS, 4)]
        right = []
        for minute in range(3):
            fill(node.connection, "clicks", "who, ts", [(who, minute * MINUTE) for who in names])
            fill(node.connection, "clicks", "who, ts", [(who, minute * MINUTE) for who in names[::10]])
            right += [(who, minute * MINUTE, 1 + (i % 10 == 0)) for i, who in enumerate(names)]
        assert not node.connection.execute("SELECT * FROM finals").fetchall(), "no window has closed"
        fill(node.connection, "clicks", "who, ts", [("last", 9 * MINUTE)])
        for _ in range(3):  # restarts while windows are open
            node.restart()
        right.sort()
        check_equal(eventually(node.connection, "SELECT who, WINDOWSTART, n FROM finals", right), right, "finals")
        deadline = Deadline(_TIMEOUT_S)
        while (written := records_in(node.server, "finals")) < len(right) and not deadline.is_over():
            time.sleep(0.1)
        assert written == len(right), f"{written} results are written where {len(right)} should be"


def records_in(server, topic):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": server.kafka, "group.id": "none"})
    try:
        _, end = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, 0), timeout=patience(10))
        return end
    finally:
        consumer.close()


@case
def a_scan_goes_on_while_the_table_changes():
    server = launch(*_LITTLE)
    try:
        with connect(server) as connection, connect(server) as other:
            connection.execute("CREATE STREAM clicks (who VARCHAR, n INT) WITH (partitions=1)")
            connection.execute("CREATE TABLE counts AS SELECT who, COUNT(*) AS n FROM clicks GROUP BY who")
            fill(connection, "clicks", "who, n", [(key(number), 1) for number in range(KEYS)])
            right = sorted((key(number),) for number in range(KEYS))
            check_equal(eventually(connection, "SELECT who FROM counts", right), right, "before")
            with connection.transaction(), connection.cursor(name="slow") as cursor:
                cursor.execute("SELECT who, n FROM counts")
                rows = cursor.fetchmany(100)
                fill(other, "clicks", "who, n", [(key(number), 1) for number in range(0, 2 * KEYS, 2)])
                while more := cursor.fetchmany(5_000):
                    rows += more
            seen = collections.Counter(who for who, _ in rows)
            assert max(seen.values()) == 1, "a row is there twice"
            missing = [who for (who,) in right if who not in seen]
            assert not missing, f"{len(missing)} rows are missing, the first: {missing[0]}"
            assert all(n in (1, 2) for _, n in rows)
    finally:
        server.stop()


if __name__ == "__main__":
    try:
        run()
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
