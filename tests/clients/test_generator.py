#!/usr/bin/python3
"""Generated streams: rows arrive at the requested rate, and no row is missing or duplicated, whatever happens to the
server or the topic."""
import functools
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time

import psycopg

from kafka_wire import Connection, array, string
from millrace_server import Skipped, case, is_sanitized, launch, run, timed, wait_until

wait_for = functools.partial(wait_until, seconds=30)


def connect(server):
    return psycopg.connect(host=server.host, port=server.port, user="millrace", dbname="millrace", autocommit=True)


def ids(connection, stream="s"):
    """Returns the ids of all stored rows, in order."""
    return sorted(row[0] for row in connection.execute(f"SELECT id FROM {stream}").fetchall())


def position(connection, query):
    """Returns the position of the generator: the number of its next row, as SHOW TASKS shows it."""
    for task in connection.execute("SHOW TASKS").fetchall():
        for cell in task:
            if any(query in str(each) for each in task) and str(cell).startswith("generated@"):
                return int(cell.split("@")[1])
    return None


def position_at_rest(connection, query):
    """Returns the position of a paused generator when it no longer changes."""
    def is_paused():
        return [row[1] for row in connection.execute("SHOW QUERIES").fetchall() if row[0] == query] == ["PAUSED"]

    def rests():
        before = position(connection, query)
        time.sleep(0.3)
        return is_paused() and position(connection, query) == before and before
    return wait_for(rests)


def query_of(connection, stream="S"):
    for row in connection.execute("SHOW QUERIES").fetchall():
        if row[0].startswith(f"GENERATOR_{stream}_"):
            return row[0]
    return None


def delete_all_records(server, topic):
    delete_records, to_the_end = 21, -1
    body = array([string(topic) + array([struct.pack(">iq", 0, to_the_end)])]) + struct.pack(">i", 1000)
    with Connection(server.kafka) as wire:
        assert struct.unpack(">qh", wire.ask(delete_records, 0, body)[-10:])[1] == 0


def measured_rate(server, rows_per_second, seconds):
    with connect(server) as c:
        c.execute("CREATE STREAM s (id BIGINT KEY, city VARCHAR, amount DECIMAL(8,2)) "
                  f"WITH (GENERATOR = 'datagen', ROWS_PER_SECOND = {rows_per_second})")
        query = query_of(c)
        wait_for(lambda: position(c, query))
        first, begun = position(c, query), time.monotonic()
        time.sleep(seconds)
        last, ended = position(c, query), time.monotonic()
        c.execute("DROP STREAM s DELETE TOPIC")
        return (last - first) / (ended - begun)


@timed
@case
def rows_come_at_their_rate():
    if is_sanitized():
        raise Skipped("a sanitizer is too slow to keep a rate")
    server = launch()
    try:
        # Other programs use the CPU, too: the bound is wider than the rate of a quiet machine needs.
        for rows_per_second, seconds in ((100, 4), (5_000, 3), (100_000, 3)):
            rate = measured_rate(server, rows_per_second, seconds)
            print(f"asked for {rows_per_second} rows/s, made {rate:.0f}")
            assert abs(rate / rows_per_second - 1) < 0.05, rate
    finally:
        server.stop()


@case
def no_row_is_lost_or_doubled_by_kill_9():
    data_dir = tempfile.mkdtemp(prefix="millrace-generator-")
    rows_per_second = 2_000 if is_sanitized() else 20_000
    server = launch(data_dir=data_dir)
    look_ups, failures, stop = [0], [], threading.Event()
    present = [server]

    def look_up():
        """Another client keeps counting through all restarts: a count never decreases."""
        seen = 0
        while not stop.is_set():
            try:
                with connect(present[0]) as c:
                    while not stop.is_set():
                        found = c.execute("SELECT n FROM counts WHERE one = 'all_0'").fetchall()
                        look_ups[0] += 1
                        if found and found[0][0] < seen:
                            failures.append(f"{found[0][0]} after {seen}")
                        seen = max(seen, found[0][0] if found else 0)
            except psycopg.Error:
                time.sleep(0.02)

    try:
        with connect(server) as c:
            c.execute("CREATE STREAM s (id BIGINT KEY, one VARCHAR, number BIGINT) "
                      f"WITH (GENERATOR = 'datagen', ROWS_PER_SECOND = {rows_per_second}, SEED = 3, "
                      "'fields.one.prefix' = 'all_', 'fields.one.max' = 0)")
            c.execute("CREATE TABLE counts AS SELECT one, COUNT(*) AS n FROM s GROUP BY one")
        other = threading.Thread(target=look_up)
        other.start()
        made = 0
        for _ in range(4):
            with connect(server) as c:
                query = query_of(c)
                made = wait_for(lambda: (now := position(c, query) or 0) > made + 2000 and now)
            os.kill(server.pid, signal.SIGKILL)
            time.sleep(0.1)
            server = present[0] = launch(data_dir=data_dir)
        with connect(server) as c:
            query = query_of(c)
            before = wait_for(lambda: position(c, query))
            wait_for(lambda: position(c, query) > before)  # it continues automatically
            c.execute(f"PAUSE {query}")
            made = position_at_rest(c, query)
            there = ids(c)
            assert there == list(range(1, made + 1)), (len(there), len(set(there)), made)
            wait_for(lambda: c.execute("SELECT n FROM counts WHERE one = 'all_0'").fetchall() == [(made,)])
        stop.set()
        other.join()
        assert not failures, failures[:3]
        assert look_ups[0] > 20
        # A generator with the same seed that is never killed generates the same rows.
        with connect(server) as c:
            c.execute("CREATE STREAM again (id BIGINT KEY, one VARCHAR, number BIGINT) "
                      f"WITH (GENERATOR = 'datagen', ROWS_PER_SECOND = {rows_per_second}, SEED = 3, "
                      f"NUMBER_OF_ROWS = 5000, 'fields.one.prefix' = 'all_', 'fields.one.max' = 0)")
            wait_for(lambda: len(ids(c, "again")) == 5000)
            numbers = [sorted(c.execute(f"SELECT id, number FROM {name} WHERE id <= 5000").fetchall())
                       for name in ("s", "again")]
            assert numbers[0] == numbers[1]
        print(f"{made} rows over four kills, {look_ups[0]} look-ups meanwhile")
    finally:
        stop.set()
        server.stop()
        shutil.rmtree(data_dir, ignore_errors=True)


@case
def deleted_records_are_not_made_again():
    data_dir = tempfile.mkdtemp(prefix="millrace-generator-")
    server = launch(data_dir=data_dir)
    try:
        with connect(server) as c:
            c.execute("CREATE STREAM s (id BIGINT KEY) WITH (PARTITIONS = 1, GENERATOR = 'datagen', "
                      "ROWS_PER_SECOND = 1000, NUMBER_OF_ROWS = 500)")
            query = query_of(c)
            wait_for(lambda: len(ids(c)) == 500)
        delete_all_records(server, "s")
        with connect(server) as c:
            assert ids(c) == []
        os.kill(server.pid, signal.SIGKILL)
        server = launch(data_dir=data_dir)
        with connect(server) as c:
            c.execute("CREATE OR REPLACE STREAM s (id BIGINT KEY) WITH (PARTITIONS = 1, GENERATOR = 'datagen', "
                      "ROWS_PER_SECOND = 1000, NUMBER_OF_ROWS = 600)")
            wait_for(lambda: ids(c) == list(range(501, 601)))
            assert query_of(c) == query
    finally:
        server.stop()
        shutil.rmtree(data_dir, ignore_errors=True)


@case
def a_dropped_one_makes_no_rows():
    server = launch()
    try:
        with connect(server) as c:
            c.execute("CREATE STREAM s (id BIGINT KEY) WITH (GENERATOR = 'datagen', ROWS_PER_SECOND = 1000)")
            wait_for(lambda: ids(c))
            c.execute("DROP STREAM s")
            c.execute("CREATE STREAM s (id BIGINT KEY) WITH (KAFKA_TOPIC = 's')")
            there = len(ids(c))
            # Another one makes 500 rows meanwhile, at the same rate.
            c.execute("CREATE STREAM clock (id BIGINT KEY) WITH (GENERATOR = 'datagen', ROWS_PER_SECOND = 1000)")
            wait_for(lambda: len(ids(c, "clock")) >= 500)
            assert len(ids(c)) == there
    finally:
        server.stop()


@case
def a_full_disk_stops_it_until_there_is_room():
    if is_sanitized():
        raise Skipped("too slow to fill a disk")
    disk = tempfile.mkdtemp(prefix="millrace-generator-disk-")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", disk],
                      stderr=subprocess.DEVNULL, check=False).returncode:
        os.rmdir(disk)
        raise Skipped("no right to mount a small file system")
    server = None
    try:
        filler = os.path.join(disk, "filler")
        with open(filler, "wb") as file:
            file.write(b"x" * (60 << 20))
        server = launch(data_dir=os.path.join(disk, "data"))
        with connect(server) as c:
            c.execute("CREATE STREAM s (id BIGINT KEY, text VARCHAR) WITH (GENERATOR = 'datagen', "
                      "ROWS_PER_SECOND = 10000, 'fields.text.length' = 1000)")
            query = query_of(c)

            def error():
                return [row for row in c.execute("SHOW QUERIES").fetchall()
                        if row[0] == query and any("full" in str(cell) or "space" in str(cell) for cell in row)]

            shown = wait_for(error, seconds=60)
            print(shown[0])
            stopped_at = position(c, query) or 0
            os.remove(filler)
            wait_for(lambda: (position(c, query) or 0) > stopped_at + 5_000, seconds=60)
            c.execute(f"PAUSE {query}")
            made = position_at_rest(c, query)
            there = ids(c)
            assert there == list(range(1, made + 1)), (len(there), made)
    finally:
        if server:
            server.stop()
        subprocess.run(["umount", "-l", disk], check=False)
        os.rmdir(disk)


run()
