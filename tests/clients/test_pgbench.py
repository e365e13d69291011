#!/usr/bin/python3
"""pgbench 15, as written: -i in all of its ways, -S in all of its protocols; and tables without a key after a crash."""
import os
import shutil
import signal
import subprocess
import tempfile

import psycopg
from millrace_server import case, launch, run, start_server

# Debian's postgresql-client has a script named pgbench that fails if the real program is not
# installed, so the test runs it.
try:
    OBSTACLE = None if subprocess.run(["pgbench", "--version"], capture_output=True, check=False).returncode == 0 else "no pgbench: Debian's postgresql-15 has it"
except FileNotFoundError:
    OBSTACLE = "no pgbench: Debian's postgresql-15 has it"
SERVER = start_server()
ROWS = 100_000


def pgbench(server, *arguments, ok=True):
    done = subprocess.run(["pgbench", "-h", server.host, "-p", str(server.port), "-U", "millrace", *arguments, "millrace"],
                          capture_output=True, text=True, timeout=100)
    assert not ok or done.returncode == 0, done.stderr[-2000:]
    return done.stdout, done.stderr


def connect(server=SERVER, **options):
    return psycopg.connect(host=server.host, port=server.port, user="millrace", dbname="millrace", autocommit=True, **options)


def is_refused(connection, statement, kind):
    try:
        connection.execute(statement)
    except kind:
        return
    raise AssertionError(f"it is taken: {statement}")


def check_tables(connection):
    counts = {name: connection.execute(f"SELECT COUNT(*) FROM pgbench_{name}").fetchone()[0]
              for name in ("accounts", "branches", "tellers", "history")}
    assert counts == {"accounts": ROWS, "branches": 1, "tellers": 10, "history": 0}, counts
    keys = connection.execute("SELECT relname, pg_get_constraintdef(c.oid) FROM pg_constraint c JOIN pg_class t ON conrelid = t.oid "
                              "WHERE relname LIKE 'pgbench%' ORDER BY relname").fetchall()
    assert keys == [("pgbench_accounts", "PRIMARY KEY (aid)"), ("pgbench_branches", "PRIMARY KEY (bid)"),
                    ("pgbench_tellers", "PRIMARY KEY (tid)")], keys


@case
def initializes_and_selects():
    pgbench(SERVER, "-i")
    with connect() as c:
        check_tables(c)
        assert c.execute("SELECT aid, bid, abalance FROM pgbench_accounts WHERE aid = 777").fetchall() == [(777, 1, 0)]
    for protocol in ("simple", "extended", "prepared"):
        out, _ = pgbench(SERVER, "-S", "-M", protocol, "-c", "2", "-t", "200")
        assert "number of transactions actually processed: 400/400" in out, out


@case
def initializes_again_from_rows_of_the_server():
    pgbench(SERVER, "-i", "-I", "dtGvp")
    with connect() as c:
        check_tables(c)


@case
def updates_as_tpc_b_does():
    for protocol in ("simple", "prepared"):
        # with -n pgbench keeps its history table
        out, _ = pgbench(SERVER, "-n", "-c", "4", "-j", "2", "-t", "40", "-M", protocol)
        assert "number of transactions actually processed: 160/160" in out, out
        with connect() as c:
            sums = c.execute("SELECT (SELECT SUM(abalance) FROM pgbench_accounts), (SELECT SUM(bbalance) FROM pgbench_branches), "
                             "(SELECT SUM(tbalance) FROM pgbench_tellers), (SELECT SUM(delta) FROM pgbench_history)").fetchone()
            assert len(set(sums)) == 1, sums
    with connect() as c:
        assert c.execute("SELECT COUNT(*) FROM pgbench_history").fetchone() == (320,)


@case
def survives_a_kill():
    folder = tempfile.mkdtemp(prefix="millrace-no-key-")
    try:
        server = launch(data_dir=folder)
        with connect(server) as c:
            c.execute("CREATE TABLE log (n INT, what TEXT)")
            c.execute("CREATE TEMP TABLE mine (a INT)")
            c.execute("CREATE TABLE numbered (id SERIAL PRIMARY KEY, what TEXT)")
            for i in range(10):
                c.execute("INSERT INTO log VALUES (%s, 'same')", (i % 2,))
                c.execute("INSERT INTO numbered (what) VALUES ('x')")
            c.execute("CREATE TABLE keyed (n INT, what TEXT)")
            c.execute("INSERT INTO keyed SELECT g, 'r' FROM generate_series(1, 1000) AS t(g)")
            c.execute("ALTER TABLE keyed ADD PRIMARY KEY (n)")
            os.kill(server.pid, signal.SIGKILL)
        server.stop()
        server = launch(data_dir=folder)
        with connect(server) as c:
            assert [n for n, in c.execute("SELECT n FROM log").fetchall()] == [0, 1] * 5
            assert c.execute("INSERT INTO log VALUES (7, 'new')").rowcount == 1
            assert [n for n, in c.execute("SELECT n FROM log").fetchall()] == [0, 1] * 5 + [7]
            assert c.execute("SELECT COUNT(*), MIN(n), MAX(n) FROM keyed").fetchall() == [(1000, 1, 1000)]
            assert c.execute("SELECT what FROM keyed WHERE n = 500").fetchall() == [("r",)]
            c.execute("INSERT INTO numbered (what) VALUES ('y')")
            with c.cursor() as cursor, cursor.copy("COPY numbered (what) FROM STDIN") as copy:
                copy.write_row(("z",))
            assert c.execute("SELECT id FROM numbered WHERE what <> 'x' ORDER BY id").fetchall() == [(11,), (12,)]
            topics = [row[0] for row in c.execute("SHOW TOPICS").fetchall()]
            assert not [name for name in topics if name.startswith("pg_temp")], topics
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@case
def temporary_tables_end_with_their_session():
    with connect() as first, connect() as second:
        for c, text in ((first, "a"), (second, "b")):
            c.execute("CREATE TEMP TABLE mine (what TEXT)")
            c.execute("INSERT INTO mine VALUES (%s)", (text,))
        assert first.execute("SELECT what FROM mine").fetchall() == [("a",)]
        assert second.execute("SELECT what FROM mine").fetchall() == [("b",)]
    with connect() as c:
        is_refused(c, "SELECT * FROM mine", psycopg.errors.UndefinedTable)


@case
def temporary_tables_belong_to_one_session():
    with connect() as owner, connect() as stranger:
        owner.execute("CREATE TEMP TABLE secret (what TEXT)")
        owner.execute("INSERT INTO secret VALUES ('mine')")
        (name,) = [row[0] for row in owner.execute("SHOW TABLES").fetchall() if row[0].endswith(".SECRET")]
        for statement in (f'SELECT * FROM "{name}"', f"SELECT * FROM `{name}`", f"INSERT INTO `{name}` VALUES ('x')", f"DELETE FROM `{name}`",
                          f"DROP TABLE `{name}`", f"CREATE TABLE spied AS SELECT * FROM `{name}`"):
            is_refused(stranger, statement, psycopg.Error)
        assert owner.execute("SELECT * FROM secret").fetchall() == [("mine",)]
        owner.execute("CREATE TABLE pg_temp.other (a INT)")
        is_refused(stranger, "SELECT * FROM other", psycopg.errors.UndefinedTable)
        is_refused(stranger, "DROP TABLE pg_temp.secret", psycopg.errors.UndefinedTable)
        owner.execute("DROP TABLE pg_temp.other")
        for discard in ("DISCARD ALL", "DISCARD TEMP"):
            owner.execute(discard)
            is_refused(owner, "SELECT * FROM secret", psycopg.errors.UndefinedTable)
            owner.execute("CREATE TEMP TABLE secret (what TEXT)")
            assert owner.execute("SELECT COUNT(*) FROM secret").fetchone() == (0,)


@case
def transactions_write_what_they_truncate():
    with connect() as c:
        c.execute("CREATE TABLE batch (n INT)")
        c.execute("INSERT INTO batch VALUES (1)")
        with c.transaction():
            c.execute("INSERT INTO batch VALUES (2)")
            c.execute("TRUNCATE batch")
            c.execute("INSERT INTO batch VALUES (3)")
        assert c.execute("SELECT n FROM batch").fetchall() == [(3,)]
        c.execute("DROP TABLE batch")


run(OBSTACLE)
