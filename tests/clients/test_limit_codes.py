#!/usr/bin/python3
"""Limits answer with an SQLSTATE of class 53 or 54, in every shape of expression."""
import psycopg

from millrace_server import case, launch, run

SERVER = launch("--memory-limit", "64MB")


def sqlstate(statement):
    with psycopg.connect(host=SERVER.host, port=SERVER.port, user="millrace", dbname="millrace", autocommit=True) as connection:
        try:
            rows = connection.execute(statement).fetchall()
        except psycopg.Error as refused:
            assert not connection.closed, refused
            return refused.sqlstate
        raise AssertionError(f"{statement}: {str(rows)[:200]}")


_MANY = "GENERATE_SERIES(1, 900000)"
_TOO_MANY_ITEMS = (
    "SELECT GENERATE_SERIES(1, 1000001)",
    "SELECT ARRAY_LENGTH(GENERATE_SERIES(1, 5000000))",
    "SELECT CASE WHEN true THEN GENERATE_SERIES(1, 1000001) END",
)
_TOO_LARGE = (
    "SELECT LPAD('a', 70000000, 'x')",
    "SELECT REPLACE(LPAD('a', 100000, 'a'), 'a', LPAD('b', 1000, 'b'))",
    "SELECT LPAD('a', 40000000, 'x') || LPAD('a', 40000000, 'x')",
)
_TOO_MUCH_MEMORY = (
    f"SELECT TRANSFORM({_MANY}, x => LPAD('a', 1000, 'x'))",
    f"SELECT REDUCE({_MANY}, '', (s, x) => s || LPAD('a', 1000, 'x'))",
    f"SELECT TRANSFORM({_MANY}, x => {_MANY})",
)


@case
def too_many_items_of_a_series():
    for statement in _TOO_MANY_ITEMS:
        assert sqlstate(statement) == "54000", (statement, sqlstate(statement))


@case
def a_value_that_is_too_large():
    for statement in _TOO_LARGE:
        assert sqlstate(statement) in ("54000", "53200"), (statement, sqlstate(statement))


@case
def values_that_take_too_much_memory():
    for statement in _TOO_MUCH_MEMORY:
        assert sqlstate(statement) in ("53200", "54000"), (statement, sqlstate(statement))


try:
    run()
finally:
    SERVER.stop()
