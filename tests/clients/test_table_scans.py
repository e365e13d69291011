#!/usr/bin/python3
"""A scan shows its table as of one commit, on all partitions, whatever is written meanwhile."""
import contextlib
import os
import shutil
import tempfile
import threading
import time

import psycopg

from millrace_server import case, launch, run, wait_until

FOLDER = tempfile.mkdtemp(prefix="millrace-table-scans-")
_LITTLE = ("--state-memory", "1MB", "--checkpoint-interval-ms", "100", "--checkpoint-journal-bytes", "65536")


@contextlib.contextmanager
def two_clients(name, *settings):
    """A reader and a writer, with a server of their own."""
    server = launch(*settings, data_dir=os.path.join(FOLDER, name))
    try:
        options = {"host": server.host, "port": server.port, "autocommit": True}
        with psycopg.connect(**options) as reader, psycopg.connect(**options) as writer:
            yield reader, writer
    finally:
        server.stop()


@contextlib.contextmanager
def writing(write):
    """Calls write(number) for 0, 1, ... on another thread while the block runs."""
    is_over, failures = threading.Event(), []

    def work():
        try:
            number = 0
            while not is_over.is_set():
                write(number)
                number += 1
        except Exception as error:  # the thread of the test reports it
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
    assert not failures, failures[0]


def check_scans_show_beginnings(name, *settings):
    """Records increase the counts of their keys in turn: in each commit, the keys up to some key have the count n, and
    the others n - 1."""
    keys, at_once = 20_000, 1_999
    with two_clients(name, *settings) as (reader, writer):
        reader.execute("CREATE STREAM turns (k INT KEY) WITH (partitions=1)")
        reader.execute("CREATE TABLE taken AS SELECT k, COUNT(*) AS n FROM turns GROUP BY k")

        def write(number):
            with writer.cursor().copy("COPY turns FROM STDIN") as copy:
                first = number * at_once
                copy.write("".join(f"{i % keys}\n" for i in range(first, first + at_once)))

        for number in range(keys // at_once + 1):
            write(number)
        shown = set()
        with writing(lambda number: write(keys // at_once + 1 + number)):
            until = time.monotonic() + 8
            while time.monotonic() < until or len(shown) < 3:
                counts = dict(reader.execute("SELECT k, n FROM taken").fetchall())
                records = sum(counts.values())
                expected = {k: records // keys + (k < records % keys) for k in range(min(keys, records))}
                wrong = [(k, counts.get(k), n) for k, n in expected.items() if counts.get(k) != n]
                assert not wrong, f"of {records} records {len(wrong)} keys are not as they were: {wrong[:5]}"
                shown.add(records)
    print(f"{len(shown)} different moments")


@case
def a_scan_shows_what_one_commit_left():
    check_scans_show_beginnings("memory")


@case
def a_scan_shows_what_one_commit_left_also_from_the_disk():
    check_scans_show_beginnings("disk", *_LITTLE)


@case
def later_rows_are_not_shown_without_earlier_ones():
    """Each event is written when the event before it is in the table, in another partition."""
    fillers = 30_000
    with two_clients("partitions") as (reader, writer):
        reader.execute("CREATE STREAM events (k VARCHAR KEY) WITH (partitions=4)")
        reader.execute("CREATE TABLE seen AS SELECT k, COUNT(*) AS n FROM events GROUP BY k")
        with writer.cursor().copy("COPY events FROM STDIN") as copy:
            copy.write("".join(f"filler-{i}\n" for i in range(fillers)))

        def write(number):
            writer.execute(f"INSERT INTO events (k) VALUES ('event-{number}')")
            while not writer.execute(f"SELECT n FROM seen WHERE k = 'event-{number}'").fetchall():
                continue

        shown = set()
        with writing(write):
            until = time.monotonic() + 8
            while time.monotonic() < until or len(shown) < 3:
                rows = reader.execute("SELECT k FROM seen").fetchall()
                events = {int(k[6:]) for (k,) in rows if k.startswith("event-")}
                missing = sorted(set(range(max(events, default=-1) + 1)) - events)
                assert not missing, f"event {max(events)} is shown, and not {missing[:5]}"
                shown.add(len(events))
    print(f"{len(shown)} different moments")


@case
def tables_of_one_statement_are_of_one_moment():
    """Each event is written to the second table when the first table has it, so the second table never has an event
    that the first one lacks."""
    fillers = 20_000
    with two_clients("statement") as (reader, writer):
        for name in "first", "second":
            reader.execute(f"CREATE STREAM to_{name} (k VARCHAR KEY) WITH (partitions=4)")
            reader.execute(f"CREATE TABLE {name} AS SELECT k, COUNT(*) AS n FROM to_{name} GROUP BY k")
            with writer.cursor().copy(f"COPY to_{name} FROM STDIN") as copy:
                copy.write("".join(f"filler-{i}\n" for i in range(fillers)))
            counted = writer.execute(f"SELECT COUNT(*) FROM {name}").fetchone()  # after its own records
            assert counted == (fillers,), counted

        def write(number):
            for name in "first", "second":
                writer.execute(f"INSERT INTO to_{name} (k) VALUES ('event-{number}')")
                while not writer.execute(f"SELECT n FROM {name} WHERE k = 'event-{number}'").fetchall():
                    continue

        shown = set()
        with writing(write):
            until = time.monotonic() + 8
            while time.monotonic() < until or len(shown) < 3:
                both, ahead, behind = reader.execute(
                    "SELECT COUNT(*), COUNT(f.k), COUNT(s.k) FROM first f FULL JOIN second s ON f.k = s.k"
                ).fetchone()
                assert ahead == both, f"{both - ahead} of the second table are not in the first"
                assert behind >= both - 1, f"{both - behind} of the first table are not in the second"
                other = reader.execute(
                    "SELECT COUNT(*) FROM first a FULL JOIN first b ON a.k = b.k WHERE a.k IS NULL OR b.k IS NULL"
                ).fetchone()
                assert other == (0,), f"a table differs from itself in {other} rows"
                shown.add(both)
    print(f"{len(shown)} different moments")


@case
def joins_by_key_show_tables_of_one_moment():
    """A transaction changes a row of one table and its partner in another one. Joins look up the partner by the key that
    they find in the first table, or read the first rows of one table for LIMIT, and always find both changes."""
    pairs = 3_000
    with two_clients("joins-by-key") as (reader, writer):
        writer.execute("CREATE TABLE heads (id INT PRIMARY KEY, partner INT, n INT)")
        writer.execute("CREATE TABLE partners (id INT PRIMARY KEY, n INT)")
        for name, row in (("heads", "{0}\t{1}\t0\n"), ("partners", "{1}\t0\n")):
            with writer.cursor().copy(f"COPY {name} FROM STDIN") as copy:
                copy.write("".join(row.format(i, (i * 7) % pairs) for i in range(pairs)))

        def write(number):
            head = number % 10
            with writer.transaction():
                writer.execute("UPDATE heads SET n = %s WHERE id = %s", (number, head))
                writer.execute("UPDATE partners SET n = %s WHERE id = %s", (number, head * 7 % pairs))

        statements = (
            "SELECT h.id, h.n, p.n FROM heads h JOIN partners p ON p.id = h.partner WHERE h.id = 3",
            "SELECT h.id, h.n, p.n FROM heads h, partners p WHERE p.id = h.partner AND h.id IN (1, 3, 5, 7)",
            "SELECT h.id, h.n, (SELECT p.n FROM partners p WHERE p.id = h.partner) FROM heads h WHERE h.id IN (2, 4)",
            "SELECT h.id, h.n, p.n FROM heads h JOIN partners p ON p.id = h.partner LIMIT 400")
        for statement in statements:
            lines = "\n".join(row[0] for row in reader.execute("EXPLAIN " + statement).fetchall())
            assert "Look up table PARTNERS by PARTNER of table HEADS" in lines, lines
        moments = set()
        with writing(write):
            until = time.monotonic() + 5
            while time.monotonic() < until or len(moments) < 3:
                for statement in statements:
                    rows = reader.execute(statement).fetchall()
                    assert rows, statement
                    torn = [row for row in rows if row[1] != row[2]]
                    assert not torn, f"{statement}: {torn[:5]}"
                    moments.update(row[1] for row in rows)
    print(f"{len(moments)} different moments")


@case
def a_join_with_limit_reads_on_if_the_limit_cuts_the_last_rows_of_a_table():
    rows = 1_900
    with two_clients("last-rows") as (reader, writer):
        writer.execute("CREATE TABLE heads (id INT PRIMARY KEY, partner INT)")
        writer.execute("CREATE TABLE partners (id INT PRIMARY KEY)")
        with writer.cursor().copy("COPY heads FROM STDIN") as copy:
            copy.write("".join(f"{i}\t{i}\n" for i in range(rows)))
        with writer.cursor().copy("COPY partners FROM STDIN") as copy:
            copy.write("".join(f"{i}\n" for i in range(1_000, rows)))
        for limit in (100, 450, 700, 850, 890, 899, 1_000):
            found = reader.execute(
                f"SELECT h.id FROM heads h JOIN partners p ON p.id = h.partner LIMIT {limit}").fetchall()
            assert len(set(found)) == len(found) == min(limit, 900), (limit, len(found))


@case
def scans_of_several_clients_do_not_wait_for_each_other():
    with two_clients("several") as (reader, writer):
        reader.execute("CREATE STREAM events (k INT KEY) WITH (partitions=4)")
        reader.execute("CREATE TABLE counts AS SELECT k, COUNT(*) AS n FROM events GROUP BY k")
        others = [psycopg.connect(host=reader.info.host, port=reader.info.port, autocommit=True) for _ in range(3)]
        counts = [0] * len(others)
        until = time.monotonic() + 8

        def write(number):
            with writer.cursor().copy("COPY events FROM STDIN") as copy:
                copy.write("".join(f"{k}\n" for k in range(number % 100, 200)))

        def scan(i):
            while time.monotonic() < until or counts[i] <= 10:
                others[i].execute("SELECT k, n FROM counts").fetchall()
                counts[i] += 1

        threads = [threading.Thread(target=scan, args=(i,), daemon=True) for i in range(len(others))]
        with writing(write):
            for thread in threads:
                thread.start()
            wait_until(lambda: not any(thread.is_alive() for thread in threads), lambda: f"a scan waits for ever, after {counts}", 60)
        for each in others:
            each.close()
        assert min(counts) > 10, counts  # no scan has failed


if __name__ == "__main__":
    try:
        run()
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
