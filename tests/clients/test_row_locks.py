#!/usr/bin/python3
"""SELECT ... FOR UPDATE and similar clauses with several sessions: between the reading under a lock and the change of a
row, no other session changes the row."""
import os
import random
import socket
import threading
import time

import psycopg
from millrace_server import case, check_took_less, run, start_server, timed, wait_until

SERVER = start_server()


def connect(**options):
    return psycopg.connect(host=SERVER.host, port=SERVER.port, user="millrace", dbname="millrace", autocommit=True, **options)


def fill(c, name, rows):
    c.execute(f"DROP TABLE IF EXISTS {name} DELETE TOPIC")
    c.execute(f"CREATE TABLE {name} (id INT PRIMARY KEY, v INT, done BOOLEAN DEFAULT false)")
    c.execute(f"INSERT INTO {name} (id, v) SELECT g, 0 FROM generate_series(1, {rows}) AS t(g)")


def await_statement(text):
    """Returns when another session works on a statement that contains `text`: it waits for a lock then."""
    with connect() as c:
        wait_until(lambda: c.execute("SELECT query FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() "
                                     "AND query LIKE %s", (f"%{text}%",)).fetchall(), f"no session works on {text}")


def error_of(function):
    try:
        function()
    except psycopg.Error as error:
        return error.diag.sqlstate
    return None


@case
def read_and_written_under_a_lock_no_increment_is_lost():
    with connect() as c:
        fill(c, "counted", 2)

        def increment():
            with connect() as own:
                for _ in range(50):
                    with own.transaction():
                        value = own.execute("SELECT v FROM counted WHERE id = 1 FOR UPDATE").fetchone()[0]
                        own.execute("UPDATE counted SET v = %s WHERE id = 1", (value + 1,))
        threads = [threading.Thread(target=increment) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert c.execute("SELECT v FROM counted WHERE id = 1").fetchone() == (200,)


@case
def others_wait_and_see_what_was_committed():
    with connect() as a, connect() as b:
        fill(a, "waited", 3)
        seen = []
        with a.transaction():
            a.execute("SELECT * FROM waited ORDER BY id FOR UPDATE")
            a.execute("UPDATE waited SET v = 7 WHERE id = 1")
            waiter = threading.Thread(target=lambda: seen.extend(b.execute("SELECT v FROM waited WHERE id = 1 FOR UPDATE").fetchall()))
            waiter.start()
            await_statement("FROM waited WHERE id = 1 FOR UPDATE")
            assert not seen  # it waits; a session that only reads does not wait
            with connect() as c:
                assert c.execute("SELECT v FROM waited WHERE id = 1").fetchone() == (0,)
        waiter.join()
        assert seen == [(7,)]


@timed
@case
def a_session_that_does_not_want_to_wait_does_not_wait():
    with connect() as a, connect() as b:
        fill(a, "busy", 3)
        with a.transaction():
            a.execute("SELECT * FROM busy WHERE id = 2 FOR NO KEY UPDATE")
            began = time.monotonic()
            assert error_of(lambda: b.execute("SELECT * FROM busy WHERE id = 1 FOR UPDATE NOWAIT")) == "55P03"
            assert b.execute("SELECT * FROM busy FOR UPDATE SKIP LOCKED").fetchall() == []
            check_took_less(began, 2)
            b.execute("SET lock_timeout = '200ms'")
            assert error_of(lambda: b.execute("SELECT * FROM busy FOR SHARE")) == "55P03"
            assert error_of(lambda: b.execute("UPDATE busy SET v = 1")) == "55P03"
        assert b.execute("SELECT count(*) FROM (SELECT * FROM busy FOR UPDATE NOWAIT) AS q").fetchone() == (3,)
        assert b.execute("UPDATE busy SET v = 1").rowcount == 3  # the lock of a statement outside of a transaction ends with the statement


@case
def a_queue_of_jobs_gives_each_job_once():
    with connect() as c:
        fill(c, "jobs", 60)
        taken, mutex = [], threading.Lock()

        def work(statement):
            with connect() as own:
                idle = 0
                while idle < 40:
                    row = own.execute(statement).fetchone()
                    if row is None:
                        idle += 1
                        time.sleep(0.005)
                        continue
                    with mutex:
                        taken.append(row[0])
        one = """UPDATE jobs SET done = true WHERE id = (SELECT id FROM jobs WHERE NOT done ORDER BY id
                 FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING id"""
        threads = [threading.Thread(target=work, args=(one,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken) == list(range(1, 61)), sorted(taken)


@case
def for_update_locks_rows_of_tables_only():
    with connect() as c:
        fill(c, "one", 1)
        fill(c, "two", 1)
        c.execute("CREATE TABLE IF NOT EXISTS sums WITH (partitions = 1) AS SELECT v, count(*) AS n FROM one GROUP BY v EMIT CHANGES")
        c.execute("CREATE STREAM IF NOT EXISTS said (id INT KEY, w VARCHAR) WITH (kafka_topic = 'said', value_format = 'json', partitions = 1)")
        assert error_of(lambda: c.execute("SELECT * FROM sums FOR UPDATE")) == "42809"
        assert error_of(lambda: c.execute("SELECT * FROM said FOR UPDATE")) == "42809"
        assert error_of(lambda: c.execute("SELECT * FROM one FOR UPDATE OF two")) == "42P01"
        assert error_of(lambda: c.execute("SELECT count(*) FROM one GROUP BY v FOR UPDATE")) == "0A000"
        with connect() as other, c.transaction():
            c.execute("SELECT * FROM one AS o JOIN two AS t ON o.id = t.id FOR UPDATE OF t")
            assert other.execute("UPDATE one SET v = 1").rowcount == 1
            other.execute("SET lock_timeout = '200ms'")
            assert error_of(lambda: other.execute("UPDATE two SET v = 1")) == "55P03"
        with c.transaction():
            c.execute("SET TRANSACTION READ ONLY")
            assert error_of(lambda: c.execute("SELECT * FROM one FOR UPDATE")) == "25006"


@case
def a_cursor_locks_until_its_transaction_ends():
    with connect() as a, connect() as b:
        fill(a, "scrolled", 5)
        b.execute("SET lock_timeout = '200ms'")
        with a.transaction():
            a.execute("DECLARE c CURSOR FOR SELECT id FROM scrolled ORDER BY id FOR UPDATE")
            assert a.execute("FETCH 2 FROM c").fetchall() == [(1,), (2,)]
            assert error_of(lambda: b.execute("DELETE FROM scrolled")) == "55P03"
        assert error_of(lambda: a.execute("DECLARE h CURSOR WITH HOLD FOR SELECT id FROM scrolled FOR UPDATE")) == "0A000"
        assert b.execute("DELETE FROM scrolled").rowcount == 5


@timed
@case
def a_terminated_session_keeps_no_lock_though_it_does_not_read():
    a, b = connect(), connect()
    fill(b, "ended", 1)
    a.execute("BEGIN")
    a.execute("SELECT * FROM ended FOR UPDATE")
    began = time.monotonic()
    assert b.execute("SELECT pg_terminate_backend(%s)", (a.info.backend_pid,)).fetchone() == (True,)
    assert b.execute("UPDATE ended SET v = 1").rowcount == 1
    check_took_less(began, 1)
    a.close()
    b.close()


@case
def two_sessions_that_wait_for_each_other_get_an_error():
    with connect() as a, connect() as b:
        fill(a, "left_side", 1)
        fill(a, "right_side", 1)
        with a.transaction():
            a.execute("SELECT * FROM left_side FOR UPDATE")
            with b.transaction(force_rollback=True):
                b.execute("SELECT * FROM right_side FOR UPDATE")
                waiter = threading.Thread(target=lambda: a.execute("SELECT * FROM right_side FOR UPDATE"))
                waiter.start()
                await_statement("FROM right_side FOR UPDATE")
                assert error_of(lambda: b.execute("SELECT * FROM left_side FOR UPDATE")) == "40P01"
            waiter.join()


@timed
@case
def a_statement_whose_lock_arrives_at_its_time_out_changes_nothing_and_keeps_no_lock():
    """The sessions wait about as long as they hold the lock, and grants often meet time-outs. Some waits are cancelled,
    and some clients disconnect."""
    with connect() as c:
        fill(c, "storm", 1)
    until, mutex, idle, counts = time.monotonic() + 12, threading.Lock(), [], {"certain": 0, "uncertain": 0}

    def change(number):
        dice, own = random.Random(number), connect()
        while time.monotonic() < until:
            own.execute(f"SET lock_timeout = '{dice.randint(1, 6)}ms'")
            error = error_of(lambda: own.execute("UPDATE storm SET v = v + 1 WHERE id = 1"))
            assert error in (None, "55P03", "57014"), error
            with mutex:
                counts["certain"] += error is None
                counts["uncertain"] += error == "57014"
            if error == "55P03":
                time.sleep(dice.random() * 0.05)
        with mutex:
            idle.append(own)

    def disturb(number):
        dice = random.Random(number)
        while time.monotonic() < until:
            own = connect()
            waiter = threading.Thread(target=error_of, args=(lambda: own.execute("SELECT * FROM storm FOR UPDATE"),))
            waiter.start()
            time.sleep(dice.random() * 0.01)
            if dice.random() < 0.5:
                own.cancel()
            else:
                with socket.socket(fileno=os.dup(own.fileno())) as same:
                    same.shutdown(socket.SHUT_RDWR)
            waiter.join()
            own.close()

    threads = [threading.Thread(target=change, args=(n,)) for n in range(12)] + [threading.Thread(target=disturb, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with connect() as c:
        c.execute("SET lock_timeout = '3s'")  # the idle sessions are still connected, and must not have the lock
        (v,) = c.execute("UPDATE storm SET v = v WHERE id = 1 RETURNING v").fetchone()
        assert counts["certain"] <= v <= counts["certain"] + counts["uncertain"], (v, counts)
    for own in idle:
        own.close()


run()
