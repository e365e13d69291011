#!/usr/bin/python3
"""Limits answer with an SQLSTATE of class 53 or 54, in every shape of expression; the limit of partitions reports the
room that is left, to every kind of client."""
import re
import urllib.request

import psycopg

from millrace_server import Skipped, case, launch, patience, run, wait_until

try:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic
except ImportError:
    AdminClient = None

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


def refusal(futures):
    """The message of the error with which the only request of an administrator failed."""
    (future,) = futures.values()
    try:
        future.result()
    except KafkaException as error:
        assert error.args[0].name() == "INVALID_REQUEST", error
        return error.args[0].str()
    raise AssertionError("the request was accepted")


@case
def the_limit_of_partitions_names_the_room_that_is_left():
    if AdminClient is None:
        raise Skipped("confluent-kafka is not installed")
    server = launch()
    admin = AdminClient({"bootstrap.servers": server.kafka})

    def metric(name):
        with urllib.request.urlopen(f"http://{server.http}/metrics") as page:
            return int(re.search(rf"^{name} (\d+)$", page.read().decode(), re.MULTILINE)[1])

    def room():
        return metric("millrace_log_topic_partitions_limit") - metric("millrace_log_topic_partitions")
    try:
        with psycopg.connect(host=server.host, port=server.port, user="millrace", dbname="millrace", autocommit=True) as connection:
            most = room()
            assert most > 30_000, most
            for number in range(most // 10_000):
                future, = admin.create_topics([NewTopic(f"many-{number}", 10_000, 1)], request_timeout=patience(60)).values()
                future.result()
            shown = {row[1]: int(row[2]) for row in connection.execute("SHOW SERVER").fetchall() if row[1].startswith("topic partitions")}
            left = room()
            assert shown["topic partitions limit"] - shown["topic partitions"] == left == most % 10_000, (shown, left)
            expected = f"too many partitions for one data directory: {{}} were requested, and {left} more are possible"
            assert refusal(admin.create_topics([NewTopic("beyond", left + 1, 1)])) == expected.format(left + 1)
            future, = admin.create_topics([NewTopic("growing", 1, 1)]).values()
            future.result()
            left -= 1
            expected = expected.replace(f"and {left + 1} more", f"and {left} more")
            assert refusal(admin.create_partitions([NewPartitions("growing", left + 2)])) == expected.format(left + 1)
            for statement in (f"CREATE TABLE beyond (id INT PRIMARY KEY, v INT) WITH (PARTITIONS = {left + 1})",
                              f"CREATE STREAM beyond (id INT KEY, v INT) WITH (PARTITIONS = {left + 1})"):
                try:
                    connection.execute(statement)
                except psycopg.Error as error:
                    assert error.sqlstate == "54000" and f"and {left} more are possible" in str(error), (error.sqlstate, error)
                else:
                    raise AssertionError(statement)
            # Nothing of the refused topics is left, and the room comes back with the deletion of a topic.
            assert room() == left and "beyond" not in admin.list_topics(timeout=patience(20)).topics, room()
            future, = admin.delete_topics(["many-0"], request_timeout=patience(60)).values()
            future.result()
            wait_until(lambda: room() == left + 10_000, lambda: room(), 60)
            connection.execute(f"CREATE TABLE beyond (id INT PRIMARY KEY, v INT) WITH (PARTITIONS = {left + 1})")
    finally:
        server.stop()


try:
    run()
finally:
    SERVER.stop()
