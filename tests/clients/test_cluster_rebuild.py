#!/usr/bin/python3
"""Tables that are rebuilt in a cluster of three, while clients write and read at all nodes and the node that runs the
queries dies or is frozen: readers see the old table or the new one, and each record counts once.
MILLRACE_CLUSTER_ROUNDS sets the number of rebuilds."""
import collections
import json
import os
import random
import re
import threading
import time

from cluster_cases import all_is_well, cluster
from cluster_nodes import eventually
from cluster_sql import connect, psycopg, refusal, rows_of, run_on, running, shows
from millrace_server import Skipped, case, patience, run

KEYS, FIRST_ROWS, PARTITIONS = 50, 5_000, 2
OLD = 1_000_000_000  # is added to the counts of every second definition, so that their rows differ


def sql_cluster():
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    return cluster()


def rebuild(version):
    """Odd versions count from OLD, and even ones from 0. The aggregates differ, so the state cannot be kept."""
    counted = f"{OLD} + COUNT(*)" if version % 2 else "SUM(v) - SUM(v) + COUNT(*)"
    return f"CREATE OR REPLACE TABLE t WITH (REBUILD = true) AS SELECT k, {counted} AS n FROM events GROUP BY k"


def is_of(version, n):
    return (n > OLD) == (version % 2 == 1)


def prepare(nodes):
    run_on(nodes.nodes[1], f"CREATE STREAM events (k INT KEY, v BIGINT) WITH (PARTITIONS = {PARTITIONS})",
           f"CREATE TABLE t AS SELECT k, {OLD} + COUNT(*) AS n FROM events GROUP BY k")
    with connect(nodes.nodes[1]) as c, c.cursor().copy("COPY events FROM STDIN") as copy:
        copy.write("".join(f"{i % KEYS}\t{i}\n" for i in range(FIRST_ROWS)))
    all_is_well(nodes)
    shows(nodes.nodes[2], "SELECT COUNT(*) FROM t", [(KEYS,)])


class Clients:
    """A reader and a writer at each node, as long as the block runs. Readers fail if a SELECT shows rows of two
    definitions, or those of the former one after those of the present one, or only a part of the keys."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.stopping = threading.Event()
        self.version = 1  # the newest version that was asked for
        self.failures, self.acknowledged = [], []
        self.scans = collections.Counter()
        each = [(target, node) for node in nodes.nodes.values() for target in (self.read, self.write)]
        self.threads = [threading.Thread(target=target, args=(node,), daemon=True) for target, node in each]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()

    def each_turn(self, node, turn):
        connection = None
        while not self.stopping.is_set():
            try:
                if connection is None:
                    connection = connect(node)
                    connection.execute("SET statement_timeout = '20s'")
                turn(connection)
            except (psycopg.Error, OSError):
                if connection is not None:
                    connection.close()
                connection = None
                time.sleep(0.1)

    def read(self, node):
        seen = 0  # the newest version whose rows this reader has seen

        def turn(connection):
            nonlocal seen
            asked = self.version
            found = [row[0] for row in connection.execute("SELECT n FROM t").fetchall()]
            self.scans[node.number] += 1
            if len(found) != KEYS:
                self.failures.append(f"node {node.number}: {len(found)} keys")
            is_new = {is_of(asked, n) for n in found}
            if self.version != asked:
                return  # the next rebuild has begun meanwhile
            if len(is_new) > 1:
                self.failures.append(f"node {node.number}: {sum(is_of(asked, n) for n in found)} of {len(found)} rows are new")
            if seen == asked and is_new == {False}:
                self.failures.append(f"node {node.number}: rows before version {asked} after those of it")
            if is_new == {True}:
                seen = asked
        self.each_turn(node, turn)

    def write(self, node):
        number = FIRST_ROWS * (10 ** node.number)

        def turn(connection):
            nonlocal number
            number += 1
            connection.execute(f"INSERT INTO events VALUES ({number % KEYS}, {number})")
            self.acknowledged.append(number)
            time.sleep(0.01)
        self.each_turn(node, turn)


def runner(nodes):
    """Returns the node that runs the queries of the table, as soon as it is known."""
    def find():
        try:
            states = [row[1] for row in rows_of(running(nodes)[0], "SHOW QUERIES") if row[3] == "T"]
        except psycopg.Error:
            return None
        found = [re.fullmatch(r"\w+ on node (\d)", state) for state in states]
        return next((nodes.nodes[int(match[1])] for match in found if match), None)
    return eventually(find, 60)


def queries_of_t(node):
    return {row[0]: row[1] for row in rows_of(node, "SHOW QUERIES") if row[3] == "T"}


def await_one_query(nodes, patience_s=120):
    """Waits until every running node knows only the new query."""
    def is_over():
        try:
            return all(len(queries_of_t(node)) == 1 for node in running(nodes))
        except psycopg.Error:
            return False
    eventually(is_over, patience_s, 0.1)


def shows_version(node, version):
    """Returns whether the node answers, and with rows of this version."""
    try:
        return all(is_of(version, row[0]) for row in rows_of(node, "SELECT n FROM t LIMIT 5"))
    except psycopg.Error:
        return False


def check_tables(nodes, version, acknowledged):
    """Compares the table at each node, and its topic, with a count of the stream."""
    events = rows_of(running(nodes)[0], "SELECT v, k FROM events")
    numbers = [row[0] for row in events]
    assert len(numbers) == len(set(numbers)), "a row was written twice"
    missing = set(acknowledged) - set(numbers)
    assert not missing, f"lost: {sorted(missing)[:5]}"
    base = OLD if version % 2 else 0
    expected = {k: base + n for k, n in collections.Counter(row[1] for row in events).items()}
    for node in running(nodes):
        shows(node, "SELECT k, n FROM t", sorted(expected.items()))

    def is_in_topic():
        last = {}
        for values in read_keyed(nodes).values():
            last.update(values)
        return {k: n for k, n in last.items() if n is not None} == expected
    eventually(is_in_topic, 60, 0.5)
    return len(numbers)


def read_keyed(nodes):
    """Returns the last committed value of each key in the topic of the table, by partition."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
    consumer = Consumer({"bootstrap.servers": nodes.bootstrap, "group.id": "check", "enable.partition.eof": True,
                         "isolation.level": "read_committed", "enable.auto.commit": False})
    partitions = range(len(consumer.list_topics("t", timeout=20).topics["t"].partitions))
    consumer.assign([TopicPartition("t", number, OFFSET_BEGINNING) for number in partitions])
    found, left = {number: {} for number in partitions}, set(partitions)
    while left:
        message = consumer.poll(patience(20))
        assert message is not None, "the topic of the table does not answer"
        if message.error():
            left.discard(message.partition())
            continue
        key = int.from_bytes(message.key(), "big", signed=True) if len(message.key()) == 4 else int(message.key())
        value = message.value() and {name.lower(): field for name, field in json.loads(message.value()).items()}
        found[message.partition()][key] = value["n"] if value else None
    consumer.close()
    return found


@case
def a_table_is_rebuilt_while_clients_of_all_nodes_read_and_write():
    nodes = sql_cluster()
    prepare(nodes)
    with Clients(nodes) as clients:
        kind = f"CASE WHEN n > {OLD} THEN 'old' ELSE 'new' END"
        run_on(nodes.nodes[3], f"CREATE TABLE kinds AS SELECT {kind} AS kind, COUNT(*) AS keys FROM t GROUP BY {kind}")
        shows(nodes.nodes[3], "SELECT keys FROM kinds WHERE kind = 'old'", [(KEYS,)])
        clients.version = 2
        run_on(nodes.nodes[2], rebuild(2))
        said = refusal(nodes.nodes[3], rebuild(2))
        assert "being rebuilt" in said or "continues" in said, said
        await_one_query(nodes)
        seen = dict(clients.scans)
        eventually(lambda: clients.failures or all(clients.scans[n] > seen.get(n, 0) + 5 for n in nodes.nodes), 90)
    assert not clients.failures, clients.failures[:3]
    # The query that counts the rows of the table by kind has read the changes that the rebuild
    # wrote.
    shows(nodes.nodes[1], "SELECT kind, keys FROM kinds WHERE keys > 0", [("new", KEYS)])
    count = check_tables(nodes, 2, clients.acknowledged)
    print(f"{count} rows, {sum(clients.scans.values())} scans", flush=True)
    run_on(nodes.nodes[1], "DROP TABLE kinds", "DROP TABLE t DELETE TOPIC", "DROP STREAM events DELETE TOPIC")


def disturb(nodes, chance, what):
    """Disturbs the node that runs the queries, at once, while both queries stand, or some time later."""
    owner = runner(nodes)
    moment = chance.choice(["soon", "standing", "later"])
    print(f"{what} node {owner.number}, {moment}", flush=True)
    if moment == "standing":
        asked = next(node for node in running(nodes) if node is not owner)
        deadline = time.monotonic() + 20

        def stands():
            try:
                states = queries_of_t(asked)
            except psycopg.Error:
                return False
            return time.monotonic() > deadline or len(states) == 1 or all(s.startswith("PAUSED") for s in states.values())
        eventually(stands, 60, 0.01)
    elif moment == "later":
        time.sleep(chance.uniform(0.3, 1.5))
    if what == "kill":
        owner.kill()
        time.sleep(chance.uniform(0, 3))
        owner.start()
    elif what == "freeze":
        owner.freeze()
        time.sleep(chance.uniform(3, 6))  # the others take over
        owner.thaw()


@case
def the_node_that_runs_the_queries_dies_or_freezes_in_the_middle():
    nodes = sql_cluster()
    prepare(nodes)
    chance = random.Random(int(os.environ.get("MILLRACE_CLUSTER_SEED", "1")))
    rounds = int(os.environ.get("MILLRACE_CLUSTER_ROUNDS", "3"))
    kinds = ["kill", "freeze", "kill"]
    with Clients(nodes) as clients:
        for version in range(2, rounds + 2):
            clients.version = version
            at = chance.choice(running(nodes))

            def is_begun(at=at, version=version):
                try:
                    run_on(at, rebuild(version))
                    return True
                except psycopg.Error as error:
                    return "being rebuilt" in str(error)  # the outcome of an earlier attempt was unknown
            eventually(is_begun, 60, 0.2)
            disturb(nodes, chance, kinds[(version - 2) % len(kinds)])
            await_one_query(nodes)
            all_is_well(nodes)
            for node in running(nodes):
                eventually(lambda node=node, version=version: shows_version(node, version), 60)
    assert not clients.failures, clients.failures[:3]
    count = check_tables(nodes, rounds + 1, clients.acknowledged)
    print(f"{count} rows, {sum(clients.scans.values())} scans, {rounds} rebuilds", flush=True)


run()
