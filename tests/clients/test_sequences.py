#!/usr/bin/python3
"""Sequences: no number is assigned twice, to any session and after any end of the server. After a clean stop no number
is skipped."""
import os
import shutil
import signal
import tempfile
import threading

import psycopg
import psycopg2

from millrace_server import case, launch, patience, run, wait_until

CONNECTIONS = 8
ROUNDS = 3


def connect(server):
    connection = psycopg2.connect(host=server.host, port=server.port, user="millrace", dbname="millrace")
    connection.autocommit = True
    return connection


def ask(connection, text, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(text, parameters)
        return cursor.fetchall() if cursor.description else None


def number(connection, text, *parameters):
    return ask(connection, text, *parameters)[0][0]


class Directory:
    """Data that remain when a server is killed."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="millrace-sequences-")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def launch(self):
        return launch(data_dir=self.path)


class Taker(threading.Thread):
    """Takes numbers until the server has ended, and uses some of them as keys of rows that it writes."""

    def __init__(self, server, index):
        super().__init__(daemon=True)
        self.connection = connect(server)
        self.index = index
        self.given, self.written = [], []

    def run(self):
        try:
            while True:
                if self.index % 4 == 3:
                    self.written += [row[0] for row in ask(self.connection,
                                     "INSERT INTO kept (what) VALUES ('a'), ('b') RETURNING id")]
                elif self.index % 4 == 2:
                    self.given += [row[0] for row in ask(self.connection, "SELECT nextval('given') FROM generate_series(1, 40)")]
                else:
                    self.given.append(number(self.connection, "SELECT nextval('given')"))
        except psycopg2.Error:
            pass


@case
def no_number_comes_twice_over_kills():
    with Directory() as data:
        server = data.launch()
        connection = connect(server)
        ask(connection, "CREATE SEQUENCE given")
        ask(connection, "CREATE TABLE kept (id BIGINT PRIMARY KEY DEFAULT nextval('given'), what TEXT)")
        numbers, written = [], []
        for _ in range(ROUNDS):
            takers = [Taker(server, i) for i in range(CONNECTIONS)]
            for taker in takers:
                taker.start()
            wait_until(lambda: sum(len(t.given) for t in takers) > 2000 and sum(len(t.written) for t in takers) > 50)
            os.kill(server.pid, signal.SIGKILL)
            for taker in takers:
                taker.join(patience(20))
                assert not taker.is_alive()
                numbers += taker.given
                written += taker.written
            server.stop()
            server = data.launch()
        connection = connect(server)
        numbers.append(number(connection, "SELECT nextval('given')"))
        everything = numbers + written
        assert len(everything) == len(set(everything)), "some numbers came twice"
        # No other row has overwritten these rows.
        there = {row[0] for row in ask(connection, "SELECT id FROM kept")}
        assert there >= set(written), sorted(set(written) - there)[:5]
        # Only numbers that were reserved and not assigned are skipped: at most 4096 at each end of a server.
        assert max(everything) < len(everything) + len(there) + (ROUNDS + 1) * 4096, (max(everything), len(everything))
        server.stop()


@case
def a_stop_in_peace_skips_nothing():
    with Directory() as data:
        server = data.launch()
        connection = connect(server)
        ask(connection, "CREATE SEQUENCE peaceful START 10 INCREMENT 5")
        ask(connection, "CREATE SEQUENCE untouched")
        for round_number in range(3):
            assert number(connection, "SELECT nextval('peaceful')") == 10 + 10 * round_number
            assert number(connection, "SELECT nextval('peaceful')") == 15 + 10 * round_number
            assert number(connection, "SELECT last_value FROM peaceful") == 15 + 10 * round_number
            server.stop()
            server = data.launch()
            connection = connect(server)
            assert ask(connection, "SELECT last_value, is_called FROM peaceful") == [(15 + 10 * round_number, True)]
        assert ask(connection, "SELECT last_value, is_called FROM untouched") == [(1, False)]
        server.stop()


@case
def setval_holds_over_a_kill_and_for_all_sessions():
    with Directory() as data:
        server = data.launch()
        one, other = connect(server), connect(server)
        ask(one, "CREATE SEQUENCE moved")
        assert number(other, "SELECT nextval('moved')") == 1
        ask(one, "SELECT setval('moved', 1000)")
        assert number(other, "SELECT nextval('moved')") == 1001
        ask(other, "ALTER SEQUENCE moved RESTART WITH 500")
        assert number(one, "SELECT nextval('moved')") == 500
        ask(one, "SELECT setval('moved', 7000)")
        os.kill(server.pid, signal.SIGKILL)
        server.stop()
        server = data.launch()
        assert number(connect(server), "SELECT nextval('moved')") == 7001
        server.stop()


@case
def nextval_of_a_serial_column_continues_after_a_restart():
    statements = [("a", "SELECT nextval('a_id_seq')", ()), ("b", "SELECT nextval(pg_get_serial_sequence('b', 'id'))", ()),
                  ("c", "SELECT nextval(%s)", ("c_id_seq",)), ("d", "INSERT INTO other VALUES (nextval('d_id_seq')) RETURNING id", ()),
                  ("nextval", "SELECT nextval('nextval_nextval_seq')", ())]
    with Directory() as data:
        server = data.launch()
        connection = connect(server)
        ask(connection, "CREATE TABLE other (id INT PRIMARY KEY)")
        for name, _, _ in statements:
            column = "nextval" if name == "nextval" else "id"
            ask(connection, f"CREATE TABLE {name} ({column} SERIAL PRIMARY KEY, what TEXT)")
            ask(connection, f"INSERT INTO {name} (what) VALUES ('x'), ('y'), ('z')")
        connection.close()
        server.stop()
        server = data.launch()
        with psycopg.connect(host=server.host, port=server.port, user="millrace", dbname="millrace", autocommit=True) as one:
            for name, text, parameters in statements:
                assert one.execute(text, parameters or None).fetchall() == [(4,)], (name, text)
        connection = connect(server)
        assert number(connection, "SELECT nextval('a_id_seq')") == 5
        assert number(connection, "INSERT INTO a (what) VALUES ('new') RETURNING id") == 6
        server.stop()


@case
def copy_gives_rows_their_numbers():
    server = launch()
    connection = connect(server)
    ask(connection, "CREATE SEQUENCE copied")
    ask(connection, "CREATE TABLE lines (id BIGINT PRIMARY KEY DEFAULT nextval('copied'::regclass), what TEXT)")
    rows = 20_000
    import io
    with connection.cursor() as cursor:
        cursor.copy_expert("COPY lines (what) FROM STDIN", io.StringIO("".join(f"line {i}\n" for i in range(rows))))
    assert ask(connection, "SELECT count(*), count(DISTINCT id), min(id) FROM lines") == [(rows, rows, 1)]
    ask(connection, "INSERT INTO lines (what) VALUES ('last')")
    assert number(connection, "SELECT count(*) FROM lines") == rows + 1
    server.stop()


@case
def prepared_statements_take_a_number_each_time():
    server = launch()
    connection = connect(server)
    ask(connection, "CREATE SEQUENCE prepared")
    ask(connection, "CREATE TABLE made (id BIGINT PRIMARY KEY DEFAULT nextval('prepared'), what TEXT)")
    ask(connection, "PREPARE take AS SELECT nextval('prepared')")
    assert [number(connection, "EXECUTE take") for _ in range(3)] == [1, 2, 3]
    ask(connection, "PREPARE by_name (text) AS SELECT nextval($1)")
    assert number(connection, "EXECUTE by_name ('prepared')") == 4
    ask(connection, "PREPARE put (text) AS INSERT INTO made (what) VALUES ($1)")
    for what in ("a", "b"):
        ask(connection, f"EXECUTE put ('{what}')")
    assert ask(connection, "SELECT id, what FROM made ORDER BY id") == [(5, "a"), (6, "b")]
    server.stop()


if __name__ == "__main__":
    run()
