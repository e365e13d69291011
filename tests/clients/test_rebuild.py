#!/usr/bin/python3
"""CREATE OR REPLACE TABLE ... WITH (REBUILD = true): readers see the old table or the new one, whatever happens meanwhile."""
import functools
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import psycopg

from millrace_server import Skipped, binary, case, is_sanitized, launch, run, wait_until

KEYS = 200
ROWS = 4_000 if is_sanitized() else 40_000

wait_for = functools.partial(wait_until, seconds=60)


def connect(server):
    return psycopg.connect(host=server.host, port=server.port, user="millrace", dbname="millrace", autocommit=True)


def queries(connection):
    return {row[0]: row[1] for row in connection.execute("SHOW QUERIES").fetchall()}


def fill(connection, first, count):
    with connection.cursor().copy("COPY events FROM STDIN") as copy:
        copy.write("".join(f"k{i % KEYS}\t{i}\n" for i in range(first, first + count)))


def prepare(server):
    with connect(server) as c:
        c.execute("CREATE STREAM events (k VARCHAR KEY, v BIGINT)")
        # The counts in rebuilt rows start again from 0, so an old row cannot be mistaken for a new one.
        c.execute("CREATE TABLE t AS SELECT k, 1000000000 + COUNT(*) AS n FROM events GROUP BY k")
        for first in range(0, ROWS, 1000):
            fill(c, first, 1000)


def rows(connection):
    while True:
        try:
            return dict(connection.execute("SELECT k, n FROM t").fetchall())
        except psycopg.errors.ObjectNotInPrerequisiteState as error:
            # A look-up waits while the tables are exchanged. A look-up that has already returned rows cannot wait:
            # it fails, because the rest of its rows would come from another table.
            if "while it was read" not in str(error):
                raise


def is_old(n):
    return n > 1_000_000_000


REBUILD = "CREATE OR REPLACE TABLE t WITH (REBUILD = true) AS SELECT k, SUM(v) - SUM(v) + COUNT(*) AS n FROM events GROUP BY k"


class Readers:
    """Clients that read the whole table, follow it, and write, as long as the block runs."""

    def __init__(self, server):
        self.server = server
        self.stop = threading.Event()
        self.failures = []
        self.scans = self.written = 0
        self.threads = [threading.Thread(target=each) for each in (self.scan, self.write)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def scan(self):
        was_new = False
        while not self.stop.is_set():
            try:
                with connect(self.server) as c:
                    while not self.stop.is_set():
                        found = list(rows(c).values())
                        self.scans += 1
                        kinds = {is_old(n) for n in found}
                        if len(kinds) > 1:
                            self.failures.append(f"{sum(map(is_old, found))} of {len(found)} rows are old")
                        if was_new and kinds == {True}:
                            self.failures.append("old rows after new ones")
                        was_new = was_new or kinds == {False}
            except psycopg.errors.ObjectNotInPrerequisiteState as error:
                self.failures.append(str(error))
            except psycopg.Error:
                time.sleep(0.02)  # the server was killed

    def write(self):
        """Continues with the numbers that are not known to be stored."""
        while not self.stop.is_set():
            try:
                with connect(self.server) as c:
                    while not self.stop.is_set():
                        fill(c, ROWS + self.written, 50)
                        self.written += 50
                        time.sleep(0.01)
            except psycopg.Error:
                time.sleep(0.02)


def check_equals_fresh(connection):
    """The rebuilt table is the one that the same definition makes from the beginning."""
    connection.execute("CREATE TABLE fresh AS SELECT k, SUM(v) - SUM(v) + COUNT(*) AS n FROM events GROUP BY k")
    wait_for(lambda: dict(connection.execute("SELECT k, n FROM fresh").fetchall()) == rows(connection))


def topic_rows(connection):
    """Returns the table as a query reads it from its topic."""
    connection.execute("CREATE TABLE copy AS SELECT k, n FROM t")
    return wait_for(lambda: dict(connection.execute("SELECT k, n FROM copy").fetchall()) == rows(connection))


@case
def readers_see_the_old_table_or_the_new_one():
    server = launch()
    try:
        prepare(server)
        with connect(server) as c, Readers(server) as readers:
            wait_for(lambda: len(rows(c)) == KEYS)
            c.execute(REBUILD)
            wait_for(lambda: queries(c).get("CTAS_T_1") == "RUNNING")
            assert "CTAS_T_0" not in queries(c)
            seen = readers.scans
            wait_for(lambda: readers.failures or readers.scans > seen + 5)  # readers of the new table
        assert not readers.failures, readers.failures[:3]
        print(f"{readers.scans} scans, {readers.written} rows meanwhile")
        with connect(server) as c:
            check_equals_fresh(c)
            topic_rows(c)
    finally:
        server.stop()


@case
def followers_see_the_difference_at_once():
    """A push query, and a query that reads the topic: before the exchange each sees only old rows, and after it only
    new ones."""
    server = launch()
    try:
        prepare(server)
        with connect(server) as c:
            wait_for(lambda: len(rows(c)) == KEYS)
            c.execute("CREATE TABLE kinds AS SELECT CASE WHEN n > 1000000000 THEN 'old' ELSE 'new' END AS kind, "
                      "COUNT(*) AS keys FROM t GROUP BY CASE WHEN n > 1000000000 THEN 'old' ELSE 'new' END")
            wait_for(lambda: c.execute("SELECT keys FROM kinds WHERE kind = 'old'").fetchall() == [(KEYS,)])
            c.execute(REBUILD)
            wait_for(lambda: c.execute("SELECT keys FROM kinds WHERE kind = 'new'").fetchall() == [(KEYS,)])
            left = c.execute("SELECT keys FROM kinds WHERE kind = 'old'").fetchall()
            assert left in ([], [(0,)]), left
    finally:
        server.stop()


@case
def kill_9_while_it_is_built_and_while_it_takes_its_place():
    data_dir = tempfile.mkdtemp(prefix="millrace-rebuild-")
    server = launch(data_dir=data_dir)
    try:
        prepare(server)
        with connect(server) as c:
            wait_for(lambda: len(rows(c)) == KEYS)
        with Readers(server) as readers:
            with connect(server) as c:
                c.execute(REBUILD)
            for i in range(8):
                time.sleep(0.05 + 0.12 * i)
                os.kill(server.pid, signal.SIGKILL)
                server = readers.server = launch(data_dir=data_dir)
            with connect(server) as c:
                wait_for(lambda: queries(c).get("CTAS_T_1") == "RUNNING")
            scans = readers.scans
            wait_for(lambda: readers.scans > scans + 20)  # the table is also read after the exchange
        assert not readers.failures, readers.failures[:3]
        with connect(server) as c:
            assert "CTAS_T_0" not in queries(c)
            assert not any(is_old(n) for n in rows(c).values())
            check_equals_fresh(c)
            topic_rows(c)
        print(f"{readers.scans} scans over eight kills")
    finally:
        server.stop()
        shutil.rmtree(data_dir, ignore_errors=True)


@case
def kill_9_at_the_worst_moments():
    """The table is rebuilt again and again, in both directions; the server is killed during the build, or as soon as
    both queries run."""
    data_dir = tempfile.mkdtemp(prefix="millrace-rebuild-")
    chance = random.Random(46)
    keys, rounds = 5_000 if is_sanitized() else 60_000, 10
    server = launch(data_dir=data_dir)
    stood = 0
    try:
        with connect(server) as c:
            c.execute("CREATE STREAM events (k BIGINT KEY, v BIGINT)")
            c.execute("CREATE TABLE t AS SELECT k, COUNT(*) AS n FROM events GROUP BY k")
            c.execute("CREATE TABLE kinds AS SELECT n / 1000000 AS kind, COUNT(*) AS keys FROM t GROUP BY n / 1000000")
            with c.cursor().copy("COPY events FROM STDIN") as copy:
                copy.write("".join(f"{i}\t{i}\n" for i in range(keys)))
            wait_for(lambda: c.execute("SELECT kind, keys FROM kinds").fetchall() == [(0, keys)])
        for kind in range(1, rounds + 1):
            kills_standing = kind % 2 == 0
            try:
                with connect(server) as c:
                    before = set(queries(c))
                    c.execute("CREATE OR REPLACE TABLE t WITH (REBUILD = true) AS "
                              f"SELECT k, {kind} * 1000000 + SUM(v) - SUM(v) + COUNT(*) AS n FROM events GROUP BY k")
                    built = next(iter(set(queries(c)) - before), None)
                    until = time.monotonic() + (10 if kills_standing else chance.uniform(0, 0.6))
                    while time.monotonic() < until:
                        state = queries(c).get(built)
                        if kills_standing and state == "PAUSED":
                            stood += 1
                            time.sleep(chance.uniform(0, 0.15))
                            break
                        if state == "RUNNING":
                            break
            finally:
                os.kill(server.pid, signal.SIGKILL)
                server = launch(data_dir=data_dir)
            with connect(server) as c:
                found = {n // 1_000_000 for n in rows(c).values()}
                assert found in ({kind - 1}, {kind}), (found, kind)
                wait_for(lambda: queries(c).get(built) == "RUNNING" and len(queries(c)) == 2)
                found = list(rows(c).values())
                assert len(found) == keys and set(found) == {kind * 1_000_000 + 1}, set(found)
                wait_for(lambda: [row for row in c.execute("SELECT kind, keys FROM kinds").fetchall() if row[1]]
                         == [(kind, keys)])
        print(f"{rounds} rebuilds, killed {stood} times while both stood")
    finally:
        server.stop()
        shutil.rmtree(data_dir, ignore_errors=True)


@case
def rows_that_only_the_old_one_has_are_deleted():
    server = launch()
    try:
        prepare(server)
        with connect(server) as c:
            wait_for(lambda: len(rows(c)) == KEYS)
            c.execute("CREATE TABLE copy AS SELECT k, n FROM t")
            wait_for(lambda: len(c.execute("SELECT k FROM copy").fetchall()) == KEYS)
            c.execute("CREATE OR REPLACE TABLE t WITH (REBUILD = true) AS "
                      f"SELECT k, COUNT(*) * 1 AS n FROM events WHERE v % {KEYS} < 7 GROUP BY k")
            wait_for(lambda: len(rows(c)) == 7)
            wait_for(lambda: len(c.execute("SELECT k FROM copy").fetchall()) == 7)
            assert dict(c.execute("SELECT k, n FROM copy").fetchall()) == rows(c)
    finally:
        server.stop()


@case
def a_new_definition_that_fails_leaves_the_old_one_alone():
    server = launch()
    try:
        prepare(server)
        with connect(server) as c:
            wait_for(lambda: len(rows(c)) == KEYS)
            fill(c, ROWS, 200_000)  # more records than the query reads before the pause
            c.execute(REBUILD)
            c.execute("PAUSE CTAS_T_1")
            subprocess.run([binary(), "topic", "delete", "_rebuild_1", "-b", server.kafka], check=True,
                           stdout=subprocess.DEVNULL)
            shown = wait_for(lambda: [row for row in c.execute("SHOW QUERIES").fetchall()
                                      if row[0] == "CTAS_T_1" and row[1] == "ERROR"])[0]
            assert any("was deleted" in str(cell) for cell in shown), shown
            fill(c, ROWS, KEYS)
            wait_for(lambda: sum(n - 1_000_000_000 for n in rows(c).values()) == ROWS + 200_000 + KEYS)
            assert queries(c)["CTAS_T_0"] == "RUNNING"
            c.execute("TERMINATE CTAS_T_1")
            c.execute(REBUILD)
            wait_for(lambda: queries(c) == {"CTAS_T_2": "RUNNING"})
            check_equals_fresh(c)
    finally:
        server.stop()


@case
def a_full_disk_puts_it_off():
    """The disk is filled until the difference does not fit; the old table stays in use, and the new one replaces it
    once space is available."""
    disk = tempfile.mkdtemp(prefix="millrace-rebuild-disk-")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600m", "tmpfs", disk], stderr=subprocess.DEVNULL,
                      check=False).returncode:
        os.rmdir(disk)
        raise Skipped("no right to mount a small file system")
    keys, server = 60_000, None
    filler = os.path.join(disk, "filler")
    try:
        server = launch(data_dir=os.path.join(disk, "data"))
        with connect(server) as c:
            c.execute("CREATE STREAM events (k BIGINT KEY, v VARCHAR) WITH (GENERATOR = 'datagen', "
                      f"ROWS_PER_SECOND = {keys}, NUMBER_OF_ROWS = {keys}, 'fields.v.length' = 600)")
            c.execute("CREATE TABLE t AS SELECT k, LATEST_BY_OFFSET(v) AS v, COUNT(*) AS n FROM events GROUP BY k")
            wait_for(lambda: len(rows(c)) == keys)
            room = os.statvfs(disk)
            with open(filler, "wb") as file:
                for _ in range((room.f_bavail * room.f_frsize >> 20) - 160):
                    file.write(b"x" * (1 << 20))
            c.execute("CREATE OR REPLACE TABLE t WITH (REBUILD = true) AS SELECT k, LATEST_BY_OFFSET(v) AS v, "
                      "1000000000 + MAX(k) - MAX(k) + COUNT(*) AS n FROM events GROUP BY k")
            until = time.monotonic() + 12
            put_off = None
            while time.monotonic() < until and not put_off:
                put_off = next((row for row in c.execute("SHOW QUERIES").fetchall() if row[0] == "CTAS_T_2" and row[7]), None)
                time.sleep(0.2)
            print(put_off)
            for _ in range(5):
                try:
                    assert len({is_old(n) for n in rows(c).values()}) == 1
                except psycopg.Error:  # the read met the moment at which the queries restart
                    pass
            os.remove(filler)
            wait_for(lambda: queries(c).get("CTAS_T_2") == "RUNNING" and "CTAS_T_1" not in queries(c))
            assert set(rows(c).values()) == {1_000_000_001}
            topic_rows(c)
    finally:
        if server:
            server.stop()
        subprocess.run(["umount", "-l", disk], check=False)
        os.rmdir(disk)


@case
def it_can_be_given_up():
    server = launch()
    try:
        prepare(server)
        with connect(server) as c:
            wait_for(lambda: len(rows(c)) == KEYS)
            c.execute("PAUSE ALL")
            c.execute(REBUILD)
            c.execute("PAUSE CTAS_T_1")
            wait_for(lambda: queries(c).get("CTAS_T_1") == "PAUSED" or "CTAS_T_0" not in queries(c))
            refused = []
            for statement in (REBUILD, "TERMINATE CTAS_T_0", "CREATE OR REPLACE TABLE t AS SELECT k, COUNT(*) AS n "
                              "FROM events GROUP BY k"):
                try:
                    c.execute(statement)
                except psycopg.Error as error:
                    refused.append(str(error).split("\n")[0])
            if "CTAS_T_0" in queries(c):  # otherwise the rebuild was faster than the test
                assert len(refused) == 3 and all("is being rebuilt by" in each for each in refused), refused
                try:
                    c.execute("TERMINATE CTAS_T_1")
                    assert "CTAS_T_1" not in queries(c)
                except psycopg.errors.ObjectNotInPrerequisiteState as error:
                    assert "is just ending" in str(error), error
                    wait_for(lambda: "CTAS_T_0" not in queries(c))
            c.execute("RESUME ALL")
            fill(c, ROWS, KEYS)
            wait_for(lambda: len(queries(c)) == 1)
            c.execute("DROP TABLE t DELETE TOPIC")
            assert not queries(c)
    finally:
        server.stop()


run()
