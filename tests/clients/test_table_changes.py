#!/usr/bin/python3
"""UPDATE, DELETE, INSERT ... SELECT, TRUNCATE and SERIAL with several sessions: no count is wrong, no row is lost."""
import subprocess
import threading
import time
from decimal import ROUND_HALF_UP, Decimal

import psycopg
from millrace_server import case, check_took_less, patience, run, start_server, timed, wait_until

SERVER = start_server()


def connect(**options):
    options.setdefault("prepare_threshold", None)
    return psycopg.connect(host=SERVER.host, port=SERVER.port, user="millrace", dbname="millrace", autocommit=True, **options)


def fill(c, name, rows, key=""):
    c.execute(f"DROP TABLE IF EXISTS {name} DELETE TOPIC")
    c.execute(f"CREATE TABLE {name} (id INT {key}, v INT)")
    c.execute(f"INSERT INTO {name} SELECT g, 0 FROM generate_series(1, {rows}) AS t(g)")


def await_statement(text):
    """Returns when another session works on a statement that contains `text`: it waits for a lock then."""
    with connect() as c:
        wait_until(lambda: c.execute("SELECT query FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() "
                                     "AND query LIKE %s", (f"%{text}%",)).fetchall(), f"no session works on {text}")


def together(*functions):
    """Runs the functions in threads of their own, and raises the first failure."""
    failures = []

    def guarded(function):
        try:
            function()
        except Exception as error:  # told below
            failures.append(error)
    threads = [threading.Thread(target=guarded, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def raises(kind, function):
    try:
        function()
    except kind as error:
        return str(error)
    raise AssertionError(f"{kind} was expected")


@case
def another_session_changes_all_that_was_acknowledged():
    with connect() as a, connect() as b:
        for rows in (1_000, 20_000):
            fill(a, "fresh", rows)
            assert b.execute("UPDATE fresh SET v = 1").rowcount == rows
            assert b.execute("SELECT COUNT(*), MIN(v) FROM fresh").fetchone() == (rows, 1)
            assert a.execute("DELETE FROM fresh WHERE v = 1").rowcount == rows
            assert b.execute("SELECT COUNT(*) FROM fresh").fetchone() == (0,)


@case
def a_rebuilt_table_does_not_go_back():
    with connect() as a, connect() as b, connect() as other:
        fill(a, "rebuilt", 20_000)
        for _ in range(5):
            a.execute("UPDATE rebuilt SET v = v + 1")
        a.execute("ALTER TABLE rebuilt ADD COLUMN z INT")
        assert b.execute("SELECT COUNT(*), MIN(v), MAX(v) FROM rebuilt").fetchone() == (20_000, 5, 5)
        a.execute("ALTER TABLE rebuilt ADD COLUMN y INT")
        assert other.execute("UPDATE rebuilt SET v = v + 1").rowcount == 20_000
        a.execute("ALTER TABLE rebuilt ADD PRIMARY KEY (id)")
        assert b.execute("SELECT v FROM rebuilt WHERE id = 20000").fetchall() == [(6,)]
        a.execute("ALTER TABLE rebuilt ADD COLUMN x INT")
        assert b.execute("SELECT v FROM rebuilt WHERE id = 1").fetchall() == [(6,)]


@case
def a_duplicate_key_is_reported_as_in_postgresql():
    with connect() as c:
        fill(c, "keyed", 3, "PRIMARY KEY")
        for statement in ("UPDATE keyed SET id = 2 WHERE id = 1", "UPDATE keyed SET id = 9 WHERE id < 3"):
            try:
                c.execute(statement)
            except psycopg.errors.UniqueViolation as error:
                assert error.diag.sqlstate == "23505"
                continue
            raise AssertionError(statement)
        assert c.execute("SELECT id FROM keyed ORDER BY id").fetchall() == [(1,), (2,), (3,)]


@case
def a_number_keeps_its_digits_as_a_parameter():
    """A NUMERIC parameter with fewer digits than the column used to become a hundredth."""
    columns = {"two": 2, "many": 9}
    with connect() as c:
        c.execute("DROP TABLE IF EXISTS priced DELETE TOPIC")
        c.execute("CREATE TABLE priced (id INT PRIMARY KEY, two NUMERIC(12,2), many NUMERIC)")
        c.execute("INSERT INTO priced VALUES (1, 0, 0)")
        for text in ("1.00", "10000", "1.5", "0.10", "1E+3", "-1.00", "99.99", "123456.78", "1.005", "0", "7.7777", "99999.995"):
            for column, digits in columns.items():
                value = Decimal(text)
                expected = value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
                for statement in (f"UPDATE priced SET {column} = %s WHERE id = 1", f"UPDATE priced SET ({column}, id) = (%s, 1)",
                                  f"INSERT INTO priced (id, {column}) SELECT 1, %s", f"INSERT INTO priced (id, {column}) VALUES (1, %s)",
                                  f"INSERT INTO priced (id, {column}) VALUES (1, %s) ON CONFLICT (id) DO UPDATE SET {column} = excluded.{column}",
                                  f"UPDATE priced SET {column} = s.x FROM (VALUES (%s::numeric)) AS s(x)"):
                    for prepare in (False, True):
                        c.execute(statement, (value,), prepare=prepare)
                        assert c.execute(f"SELECT {column} FROM priced").fetchall() == [(expected,)], (statement, text)


@case
def a_declared_number_beside_a_whole_one_is_not_whole():
    with connect() as c:
        fill(c, "whole", 3)
        c.execute("UPDATE whole SET v = id")
        for statement, value, expected in (("SELECT %s / 4", "2", "0.5"), ("SELECT 4 / %s", "2.5", "1.6"), ("SELECT sum(v * %s) FROM whole", "0.5", "3"),
                                           ("SELECT count(*) FROM whole WHERE v > %s", "1.5", "2"), ("SELECT count(*) FROM whole WHERE v = %s", "2", "1"),
                                           ("SELECT count(*) FROM whole WHERE v BETWEEN %s AND 9", "2.5", "1")):
            assert c.execute(statement, (Decimal(value),)).fetchone()[0] == Decimal(expected), (statement, value)


@case
def a_number_in_returning_has_the_described_type():
    """The server used to end on RETURNING ARRAY[%s] with a NUMERIC, and bal + %s lost the decimal point."""
    with connect() as c:
        c.execute("DROP TABLE IF EXISTS told DELETE TOPIC")
        c.execute("CREATE TABLE told (id INT PRIMARY KEY, bal NUMERIC(12,2))")
        c.execute("INSERT INTO told VALUES (1, 10.5)")
        for text in ("1.5", "1.00", "10000", "0.123456"):
            value = Decimal(text)
            for shown, expected in (("bal + %s", Decimal("10.5") + value), ("coalesce(%s, bal)", value), ("greatest(bal, %s)", max(Decimal("10.5"), value))):
                assert c.execute(f"UPDATE told SET bal = bal RETURNING {shown}", (value,)).fetchall() == [(expected,)], (shown, text)
            for shown in ("ARRAY[%s]", "ROW(%s)", "ARRAY[ARRAY[%s]]"):
                try:
                    c.execute(f"UPDATE told SET bal = bal RETURNING {shown}", (value,))
                except psycopg.errors.DatatypeMismatch:
                    pass  # an array without a type is not supported yet; the server survives
        assert c.execute("SELECT bal FROM told").fetchall() == [(Decimal("10.5"),)]


@case
def a_long_text_is_no_deep_tree():
    """5,000 conditions used to end the server, as did a row that is assigned to a thousand columns, since
    libpg_query repeats it."""
    columns = ", ".join(f"c{i}" for i in range(1000))
    with connect() as c:
        fill(c, "long", 3, "PRIMARY KEY")
        for condition in (" OR ".join(f"id = {i}" for i in range(5000)), " AND ".join(f"id <> {i}" for i in range(5, 5000)),
                          " OR ".join(f"(id = {i} AND v = 0)" for i in range(5000))):
            assert c.execute(f"UPDATE long SET v = v WHERE {condition}").rowcount >= 2
            assert c.execute(f"SELECT count(*) FROM long WHERE {condition}").fetchone()[0] >= 2
            assert c.execute(f"SELECT count(*) FROM (SELECT id FROM long WHERE {condition} FOR UPDATE) q").fetchone()[0] >= 2
        c.execute("DROP TABLE IF EXISTS very_wide DELETE TOPIC")
        c.execute(f"CREATE TABLE very_wide (id INT PRIMARY KEY, {', '.join(f'c{i} INT' for i in range(1000))})")
        c.execute("INSERT INTO very_wide (id) VALUES (1)")
        for source in (f"(SELECT {', '.join(f'id + {i} - {i}' for i in range(1000))} FROM long WHERE id = 2)",
                       "ROW(" + ", ".join("c1 + 1 + 1 + 1" for _ in range(1000)) + ")"):
            assert "too long a text" in raises(psycopg.errors.ProgramLimitExceeded, lambda: c.execute(f"UPDATE very_wide SET ({columns}) = {source}"))
        some = ", ".join(f"c{i}" for i in range(100))
        assert c.execute(f"UPDATE very_wide SET ({some}) = (SELECT {', '.join(f'id + {i}' for i in range(100))} FROM long WHERE id = 2)").rowcount == 1
        assert c.execute("SELECT c0, c99, c100 FROM very_wide").fetchone() == (2, 101, None)


@case
def a_change_is_seen_as_a_whole():
    with connect() as a, connect() as b:
        fill(a, "whole", 30_000)
        fill(a, "second", 1, "PRIMARY KEY")
        seen, is_over = set(), threading.Event()

        def change():
            for _ in range(4):
                with a.transaction():
                    a.execute("UPDATE whole SET v = v + 1")
                    a.execute("UPDATE second SET v = v + 1")
            is_over.set()

        def read():
            while not is_over.is_set():
                seen.add(b.execute("SELECT COUNT(*), MIN(whole.v), MAX(whole.v), MAX(second.v) FROM whole, second").fetchone())
        together(change, read)
        assert all(count == 30_000 and low == high == other for count, low, high, other in seen), seen
        assert b.execute("SELECT MIN(v), MAX(v) FROM whole").fetchone() == (4, 4)


@case
def increments_are_not_lost():
    with connect() as c:
        for key in ("PRIMARY KEY", ""):
            fill(c, "counter", 1, key)

            def add():
                with connect() as own:
                    for _ in range(50):
                        assert own.execute("UPDATE counter SET v = v + 1 WHERE id = 1").rowcount == 1
            together(*[add] * 4)
            assert c.execute("SELECT v FROM counter").fetchall() == [(200,)]


@case
def deleted_rows_do_not_come_back():
    with connect() as c:
        for key in ("PRIMARY KEY", ""):
            fill(c, "gone", 300, key)

            def remove():
                with connect() as own:
                    for i in range(40):
                        own.execute("DELETE FROM gone WHERE id = %s", (i + 1,))

            def change():
                with connect() as own:
                    for _ in range(40):
                        own.execute("UPDATE gone SET v = v + 1")
            together(remove, change)
            assert c.execute("SELECT COUNT(*), MIN(id) FROM gone").fetchone() == (260, 41)


@case
def transfers_keep_the_sum():
    with connect() as c:
        fill(c, "accounts", 10, "PRIMARY KEY")

        def move(number):
            with connect() as own:
                for i in range(30):
                    with own.transaction():
                        own.execute("UPDATE accounts SET v = v - 1 WHERE id = %s", ((number + i) % 10 + 1,))
                        own.execute("UPDATE accounts SET v = v + 1 WHERE id = %s", ((number + 3 * i + 1) % 10 + 1,))
        together(*[lambda n=n: move(n) for n in range(4)])
        assert c.execute("SELECT SUM(v), COUNT(*) FROM accounts").fetchone() == (0, 10)


@case
def a_transaction_sees_what_it_has_written():
    with connect() as c, connect() as other:
        for key in ("PRIMARY KEY", ""):
            fill(c, "own", 5, key)
            fill(c, "copies", 0, key)
            with c.transaction():
                assert c.execute("UPDATE own SET v = 7 WHERE id = 2").rowcount == 1
                assert c.execute("SELECT v FROM own WHERE id = 2").fetchall() == [(7,)]
                assert c.execute("UPDATE own SET v = v + 1").rowcount == 5
                assert c.execute("DELETE FROM own WHERE id = 1").rowcount == 1
                c.execute("INSERT INTO own VALUES (9, 90)")
                assert c.execute("SELECT id, v FROM own ORDER BY id").fetchall() == [(2, 8), (3, 1), (4, 1), (5, 1), (9, 90)]
                assert c.execute("INSERT INTO copies SELECT id, v FROM own").rowcount == 5
                assert c.execute("SELECT SUM(v) FROM copies").fetchone() == (101,)
                assert other.execute("SELECT COUNT(*), SUM(v) FROM own").fetchone() == (5, 0)
                assert other.execute("SELECT COUNT(*) FROM copies").fetchone() == (0,)
            assert other.execute("SELECT COUNT(*), SUM(v) FROM own").fetchone() == (5, 101)
            assert other.execute("SELECT COUNT(*), SUM(v) FROM copies").fetchone() == (5, 101)


@case
def truncate_can_be_rolled_back():
    with connect() as c, connect() as other:
        fill(c, "emptied", 100)
        try:
            with c.transaction():
                c.execute("TRUNCATE emptied")
                assert c.execute("SELECT COUNT(*) FROM emptied").fetchone() == (0,)
                assert other.execute("SELECT COUNT(*) FROM emptied").fetchone() == (100,)
                raise KeyError
        except KeyError:
            pass
        assert other.execute("SELECT COUNT(*) FROM emptied").fetchone() == (100,)
        with c.transaction():
            c.execute("TRUNCATE emptied")
            c.execute("INSERT INTO emptied VALUES (1, 1)")
        assert other.execute("SELECT * FROM emptied").fetchall() == [(1, 1)]


@case
def truncate_is_undone_where_others_are():
    """TRUNCATE is undone together with a group of statements that fails, but not by a savepoint, since it would free
    no space then."""
    with connect() as c:
        fill(c, "undone", 5, "PRIMARY KEY")
        for script in ("TRUNCATE undone; SELECT nope FROM undone", "DELETE FROM undone; TRUNCATE undone; INSERT INTO undone VALUES ('x', 1)",
                       "INSERT INTO undone VALUES (9, 9); TRUNCATE undone; INSERT INTO undone VALUES (NULL, 1)"):
            try:
                c.execute(script)
            except psycopg.Error:
                pass
            else:
                raise AssertionError(script)
            assert c.execute("SELECT COUNT(*) FROM undone").fetchone() == (5,), script
        try:
            with c.pipeline():
                c.execute("TRUNCATE undone")
                c.execute("INSERT INTO undone VALUES (NULL, 1)")
        except psycopg.Error:
            pass
        assert c.execute("SELECT COUNT(*) FROM undone").fetchone() == (5,)
        c.execute("BEGIN")
        c.execute("SAVEPOINT s")
        c.execute("TRUNCATE undone")
        c.execute("ROLLBACK TO s")
        assert c.execute("SELECT COUNT(*) FROM undone").fetchone() == (5,)
        c.execute("COMMIT")
        assert c.execute("SELECT COUNT(*) FROM undone").fetchone() == (5,)
        c.execute("INSERT INTO undone VALUES (9, 9); TRUNCATE undone")
        assert c.execute("SELECT COUNT(*) FROM undone").fetchone() == (0,)


@case
def a_second_writer_waits_for_its_turn_and_no_longer():
    with connect() as a, connect() as b:
        fill(a, "turns", 3, "PRIMARY KEY")
        a.execute("BEGIN")
        a.execute("UPDATE turns SET v = 1 WHERE id = 1")
        b.execute("SET lock_timeout = '200ms'")
        for statement in ("UPDATE turns SET v = 2 WHERE id = 2", "DELETE FROM turns", "TRUNCATE turns", "DROP TABLE turns",
                          "ALTER TABLE turns ADD COLUMN z INT", "INSERT INTO turns SELECT 7, 7"):
            assert "lock timeout" in raises(psycopg.errors.LockNotAvailable, lambda s=statement: b.execute(s))
        assert b.execute("SELECT v FROM turns WHERE id = 1").fetchall() == [(0,)]
        a.close()  # in the middle of it
        b.execute("SET lock_timeout = '10s'")
        assert b.execute("UPDATE turns SET v = v + 2").rowcount == 3
        assert b.execute("SELECT MIN(v), MAX(v) FROM turns").fetchone() == (2, 2)


@timed
@case
def sessions_that_wait_for_each_other_get_a_deadlock_error():
    with connect() as a, connect() as b:
        fill(a, "first", 3, "PRIMARY KEY")
        fill(a, "second", 3, "PRIMARY KEY")
        a.execute("BEGIN")
        a.execute("UPDATE first SET v = 1")
        b.execute("BEGIN")
        b.execute("UPDATE second SET v = 2")
        waiting = threading.Thread(target=lambda: a.execute("UPDATE second SET v = 1"))
        waiting.start()
        await_statement("UPDATE second SET v = 1")
        began = time.monotonic()
        assert "deadlock" in raises(psycopg.errors.DeadlockDetected, lambda: b.execute("UPDATE first SET v = 2"))
        # b has not sent ROLLBACK, but no longer blocks a.
        waiting.join(timeout=5)
        check_took_less(began, 5)
        a.execute("COMMIT")
        b.execute("ROLLBACK")
        for table in ("first", "second"):
            assert b.execute(f"SELECT MIN(v), MAX(v) FROM {table}").fetchone() == (1, 1), table


@case
def a_session_that_waits_too_long_gets_an_error_that_names_the_timeout():
    with connect() as a, connect() as b:
        fill(a, "timed", 3, "PRIMARY KEY")
        a.execute("BEGIN")
        a.execute("UPDATE timed SET v = 1")
        b.execute("SET statement_timeout = '200ms'")
        assert "statement timeout" in raises(psycopg.errors.QueryCanceled, lambda: b.execute("UPDATE timed SET v = 2"))
        # An idle transaction that holds locks is ended.
        b.execute("SET statement_timeout = 0; SET lock_timeout = '10s'")
        with connect(options="-c idle_in_transaction_session_timeout=300ms") as idle:
            a.execute("ROLLBACK")
            idle.execute("BEGIN")
            idle.execute("UPDATE timed SET v = 1")
            assert b.execute("UPDATE timed SET v = 3").rowcount == 3
            raises((psycopg.errors.IdleInTransactionSessionTimeout, psycopg.OperationalError), lambda: idle.execute("SELECT 1"))
        assert b.execute("SELECT MIN(v), MAX(v) FROM timed").fetchone() == (3, 3)


@case
def a_read_only_transaction_changes_nothing():
    with connect() as c:
        fill(c, "read", 3, "PRIMARY KEY")
        for statement in ("UPDATE read SET v = 1", "DELETE FROM read", "TRUNCATE read", "INSERT INTO read VALUES (7, 7)",
                          "INSERT INTO read SELECT 7, 7", "DROP TABLE read", "CREATE TABLE other (a INT)"):
            c.execute("BEGIN READ ONLY")
            assert c.execute("SELECT COUNT(*) FROM read").fetchone() == (3,)
            raises(psycopg.errors.ReadOnlySqlTransaction, lambda s=statement: c.execute(s))
            c.execute("ROLLBACK")
        assert c.execute("SELECT COUNT(*), MAX(v) FROM read").fetchone() == (3, 0)


@case
def a_change_can_be_canceled_and_has_changed_nothing():
    with connect() as c, connect() as other:
        fill(c, "canceled", 100_000)
        c.execute("SET statement_timeout = '40ms'")
        try:
            changed = c.execute("UPDATE canceled SET v = v + (SELECT MAX(n) FROM generate_series(1, 300000) AS t(n))").rowcount
            assert changed == 100_000
        except psycopg.errors.QueryCanceled:
            changed = 0
        c.execute("SET statement_timeout = 0")
        assert other.execute("SELECT COUNT(*) FROM canceled WHERE v > 0").fetchone() == (changed,)
        assert other.execute("DELETE FROM canceled").rowcount == 100_000


@case
def prepared_changes_follow_the_definition():
    with connect() as a, connect() as b:
        insert = "INSERT INTO plans SELECT %s::int, %s::text"
        update = "UPDATE plans SET v = %s::text WHERE id = %s::int"
        b.execute("DROP TABLE IF EXISTS plans")
        b.execute("CREATE TABLE plans (id INT, v TEXT)")
        a.execute(insert, (1, "one"), prepare=True)
        a.execute(update, ("uno", 1), prepare=True)
        b.execute("ALTER TABLE plans ADD COLUMN z INT")
        b.execute("UPDATE plans SET z = 9")
        a.execute(update, ("due", 1), prepare=True)
        a.execute(insert, (2, "two"), prepare=True)
        assert b.execute("SELECT id, v, z FROM plans ORDER BY id").fetchall() == [(1, "due", 9), (2, "two", None)]
        b.execute("ALTER TABLE plans ADD PRIMARY KEY (id)")
        a.execute(insert, (3, "three"), prepare=True)
        assert b.execute("SELECT COUNT(*) FROM plans").fetchone() == (3,)
        b.execute("DROP TABLE plans")
        b.execute("CREATE TABLE plans (v TEXT, id INT)")
        raises(psycopg.Error, lambda: a.execute(insert, (4, "four"), prepare=True))
        a.execute(update, ("x", 1), prepare=True)
        assert b.execute("SELECT COUNT(*) FROM plans").fetchone() == (0,)
        returning = "INSERT INTO plans (id) VALUES (%s) RETURNING v, id"
        assert a.execute(returning, (5,), prepare=True).fetchone() == (None, 5)
        b.execute("DROP TABLE plans")
        b.execute("CREATE TABLE plans (id INT)")
        raises(psycopg.Error, lambda: a.execute(returning, (6,), prepare=True))
        assert b.execute("SELECT COUNT(*) FROM plans").fetchone() == (0,)


@case
def serial_numbers_come_behind_those_that_are_given():
    with connect() as a, connect() as b:
        for key in ("PRIMARY KEY", ""):
            a.execute("DROP TABLE IF EXISTS numbered")
            a.execute(f"CREATE TABLE numbered (id SERIAL {key}, w TEXT)")

            def insert(c):
                return c.execute("INSERT INTO numbered (w) VALUES ('new') RETURNING id").fetchone()[0]
            assert insert(a) == 1
            with b.cursor() as cursor, cursor.copy("COPY numbered (id, w) FROM STDIN") as copy:
                for i in (2, 3, 10):
                    copy.write_row((i, "copied"))
            assert insert(a) == 11
            b.execute("INSERT INTO numbered VALUES (20, 'given')")
            assert insert(a) == 21
            b.execute("INSERT INTO numbered SELECT g, 'selected' FROM generate_series(30, 32) AS t(g)")
            assert insert(a) == 33
            with b.transaction():
                b.execute("INSERT INTO numbered VALUES (40, 'held')")
                assert insert(a) == 41
            b.execute("UPDATE numbered SET w = 'changed' WHERE id = 41")
            assert a.execute("SELECT COUNT(*), MAX(id) FROM numbered").fetchone() == (13, 41)
            b.execute("INSERT INTO numbered VALUES (2147483647, 'last')")
            raises(psycopg.errors.NumericValueOutOfRange, lambda: insert(a))
            assert a.execute("SELECT w FROM numbered WHERE id = 2147483647").fetchall() == [("last",)]


@case
def a_read_that_is_cut_short_fails():
    with connect() as a, connect() as b:
        for statement in ("TRUNCATE long", "DROP TABLE long"):
            a.execute("DROP TABLE IF EXISTS long")
            a.execute("CREATE TABLE long (id INT, what TEXT)")
            a.execute("INSERT INTO long SELECT g, 'some text that takes its room in what is sent ' || g::text FROM generate_series(1, 100000) AS t(g)")
            assert a.execute("SELECT COUNT(*) FROM long").fetchone() == (100_000,)

            def read():
                rows = 0
                for _ in b.cursor().stream("SELECT id, what FROM long"):
                    rows += 1
                    if rows == 1:
                        a.execute(statement)
                assert rows == 100_000, rows
            try:
                read()
            except psycopg.Error as error:
                assert "while it was read" in str(error) or "was dropped" in str(error), error


@case
def truncate_ends_a_push_query():
    with connect() as a:
        fill(a, "pushed", 3, "PRIMARY KEY")
        reader = subprocess.Popen(["psql", "-h", SERVER.host, "-p", str(SERVER.port), "-U", "millrace", "-d", "millrace", "-At", "-v",
                                   "ON_ERROR_STOP=1", "-v", "FETCH_COUNT=1", "-c", "SELECT id, v FROM pushed EMIT CHANGES"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert reader.stdout.readline(), "psql shows no row"  # so the statement has begun
        a.execute("TRUNCATE pushed")
        out, errors = reader.communicate(timeout=patience(20))
        assert reader.returncode != 0 and "pushed" in errors.lower(), (out, errors)


run()
