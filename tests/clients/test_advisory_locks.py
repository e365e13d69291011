#!/usr/bin/python3
"""Several advisory-lock calls in one SELECT: they run from left to right, as PostgreSQL evaluates a list."""
import itertools
import threading

import psycopg

from millrace_server import case, run, start_server, wait_until

SERVER = start_server()


def connect():
    return psycopg.connect(host=SERVER.host, port=SERVER.port, user="millrace", dbname="millrace", autocommit=True)


# The functions that take one number. expected() is the model: each answer depends on how often the
# session holds the lock.
CALLS = ("pg_advisory_lock", "pg_try_advisory_lock", "pg_advisory_unlock", "pg_advisory_unlock_all",
         "pg_advisory_lock_shared", "pg_advisory_unlock_shared")


def expected(calls):
    """Returns the answers, and how often the lock is held in the end: exclusively and shared."""
    held = {"": 0, "_shared": 0}
    answers = []
    for call in calls:
        kind = "_shared" if call.endswith("_shared") else ""
        if call == "pg_advisory_unlock_all":
            held = {"": 0, "_shared": 0}
            answers.append("")
        elif "unlock" in call:
            answers.append(held[kind] > 0)
            held[kind] = max(0, held[kind] - 1)
        else:
            held[kind] += 1
            answers.append(True if "try" in call else "")
    return tuple(answers), held


def written(call, number):
    return f"{call}()" if call.endswith("_all") else f"{call}({number})"


def upgrades(calls):
    """An exclusive lock on a number that the session has locked in shared mode is refused; another test covers this."""
    held = False
    for call in calls:
        if call == "pg_advisory_lock_shared":
            held = True
        elif call in ("pg_advisory_unlock_shared", "pg_advisory_unlock_all"):
            held = False
        elif held and call in ("pg_advisory_lock", "pg_try_advisory_lock"):
            return True
    return False


@case
def every_pair_of_calls_runs_from_left_to_right():
    with connect() as a, connect() as b:
        for number, calls in enumerate(itertools.product(CALLS, CALLS), 100):
            if upgrades(calls):
                continue
            answers, held = expected(calls)
            row = a.execute("SELECT " + ", ".join(written(call, number) for call in calls)).fetchone()
            assert row == answers, (calls, row, answers)
            free = held[""] == 0 and held["_shared"] == 0
            assert b.execute(f"SELECT pg_try_advisory_lock({number})").fetchone() == (free,), calls
            assert b.execute(f"SELECT pg_try_advisory_lock_shared({number})").fetchone() == (held[""] == 0,), calls
            a.execute("SELECT pg_advisory_unlock_all()")
            b.execute("SELECT pg_advisory_unlock_all()")


@case
def select_lists_with_several_lock_calls_leave_the_expected_locks():
    with connect() as a, connect() as b:
        row = a.execute("SELECT pg_advisory_lock(55), pg_advisory_unlock(55)").fetchone()
        assert row == ("", True), row
        assert b.execute("SELECT pg_try_advisory_lock(55)").fetchone() == (True,)
        row = a.execute("SELECT pg_advisory_lock(56), pg_advisory_lock(56), pg_advisory_unlock(56), pg_advisory_unlock(56)").fetchone()
        assert row == ("", "", True, True), row
        assert b.execute("SELECT pg_try_advisory_lock(56)").fetchone() == (True,)
        # The calls also work with parameters, in the extended protocol, and within a transaction.
        with a.transaction():
            row = a.execute("SELECT pg_advisory_xact_lock(%s), pg_advisory_lock(%s), pg_advisory_unlock(%s), set_config('my.x', 'y', true)",
                            (57, 58, 58), prepare=True).fetchone()
            assert row == ("", "", True, "y"), row
            assert b.execute("SELECT pg_try_advisory_lock(57), pg_try_advisory_lock(58)").fetchone() == (False, True)
        assert b.execute("SELECT pg_try_advisory_lock(57)").fetchone() == (True,)


@case
def calls_behind_one_that_waits_have_not_begun():
    with connect() as a, connect() as b, connect() as c:
        a.execute("SELECT pg_advisory_lock(1)")
        rows = []
        text = "SELECT pg_try_advisory_lock(2), pg_advisory_lock(1), pg_try_advisory_lock(3), pg_advisory_unlock(1)"
        waiting = threading.Thread(target=lambda: rows.append(b.execute(text).fetchone()))
        waiting.start()
        wait_until(lambda: c.execute("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_try_advisory_lock(2)%'")
                   .fetchone() == (1,))
        # The call before the waiting call has run exactly once; the call after it has not run.
        assert c.execute("SELECT pg_try_advisory_lock(2)").fetchone() == (False,)
        assert c.execute("SELECT pg_try_advisory_lock(3), pg_advisory_unlock(3)").fetchone() == (True, True)
        assert not rows
        assert a.execute("SELECT pg_advisory_unlock(1)").fetchone() == (True,)
        waiting.join(60)
        assert rows == [(True, "", True, True)], rows
        assert b.execute("SELECT pg_advisory_unlock(2), pg_advisory_unlock(2)").fetchone() == (True, False)
        assert a.execute("SELECT pg_try_advisory_lock(1)").fetchone() == (True,)


run()
