#!/usr/bin/python3
"""Queries that are replaced in a cluster of three while records arrive and nodes die, freeze and return: each record
counts once, and no record of an older plan follows one of a newer plan. MILLRACE_CLUSTER_ROUNDS sets the number of
disturbances."""
import collections
import json
import os
import random
import threading
import time

from cluster_cases import all_is_well, cluster
from cluster_load import read_all
from cluster_nodes import eventually
from cluster_sql import connect, owner_of, refusal, rows_of, run_on, running, shows
from millrace_server import Skipped, case, run

try:
    import psycopg
except ImportError:
    psycopg = None

PARTITIONS, PRODUCTS = 3, 7


def sql_cluster():
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    return cluster()


class Producer:
    """Writes consecutive numbers at any node that accepts them, and remembers the acknowledged ones."""

    def __init__(self, nodes, stream, chance):
        self.nodes, self.stream, self.chance = nodes, stream, chance
        self.next, self.acknowledged = 0, []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._write, daemon=True)
        self.thread.start()

    def _write(self):
        connection = None
        while not self.stopping.is_set():
            number, self.next = self.next, self.next + 1
            try:
                if connection is None:
                    connection = connect(self.chance.choice(running(self.nodes)))
                    connection.execute("SET statement_timeout = '15s'")
                connection.execute(f"INSERT INTO {self.stream} VALUES ({number % 5}, {number}, {number % PRODUCTS})")
                self.acknowledged.append(number)
            except (psycopg.Error, OSError):
                if connection is not None:
                    connection.close()
                connection = None
                time.sleep(0.05)

    def await_more(self, count=30):
        before = len(self.acknowledged)
        eventually(lambda: len(self.acknowledged) > before + count, 90)

    def stop(self):
        self.stopping.set()
        self.thread.join(60)
        assert not self.thread.is_alive()


def insert_soon(node, statement):
    """Repeats the INSERT until it is acknowledged, because the leader of the partition may have died."""
    def is_acknowledged():
        try:
            run_on(node, statement)
            return True
        except psycopg.Error:
            return False
    eventually(is_acknowledged, 60, 0.2)


def replace_soon(node, statement, timeout_s=90):
    """Repeats the statement if its outcome is unknown, because the replacement of a query by its present definition
    changes nothing."""
    def is_replaced():
        try:
            run_on(node, "SET statement_timeout = '15s'", statement)
            return True
        except psycopg.Error:
            return False
    eventually(is_replaced, timeout_s, 0.2)


def tagged(version):
    return f"CREATE OR REPLACE STREAM tagged AS SELECT person, id, product, {version} AS made_by FROM sales"


def sums(version):
    return ("CREATE OR REPLACE TABLE sums AS SELECT product, COUNT(*) AS n, SUM(id) AS ids, "
            f"COUNT(*) * {version} AS times FROM sales GROUP BY product")


def check_tagged(nodes, ids, last):
    """Checks that each record exists once, and that the records are in the order of the versions."""
    seen = collections.Counter()
    for number, values in read_all(nodes.bootstrap, "tagged", PARTITIONS).items():
        rows = [{name.lower(): field for name, field in json.loads(value).items()} for value in values]
        seen.update(row["id"] for row in rows)
        versions = [row["made_by"] for row in rows]
        back = next((i for i in range(1, len(versions)) if versions[i] < versions[i - 1]), None)
        assert back is None, f"partition {number}: version {versions[back]} behind {versions[back - 1]}, at {back}"
        assert not versions or versions[-1] == last, (number, versions[-1], last)
    twice = [number for number, count in seen.items() if count > 1]
    assert not twice, f"twice: {twice[:5]}"
    assert set(seen) == set(ids), (f"{len(seen)} for {len(ids)}", sorted(set(ids) - set(seen))[:5], sorted(set(seen) - set(ids))[:5])


def check_sums(nodes, ids, last):
    counts = collections.Counter(i % PRODUCTS for i in ids)
    expected = [(p, n, sum(i for i in ids if i % PRODUCTS == p), n * last) for p, n in counts.items()]
    for node in running(nodes):
        shows(node, "SELECT product, n, ids, times FROM sums", expected)


@case
def a_replaced_query_keeps_its_state_on_any_node():
    nodes = sql_cluster()
    run_on(nodes.nodes[1], "CREATE STREAM visits (person INT KEY, page INT) WITH (partitions = 1)",
           "CREATE TABLE pages AS SELECT page, COUNT(*) AS n FROM visits GROUP BY page",
           "CREATE STREAM early AS SELECT person, page FROM visits WHERE page < 3")
    all_is_well(nodes)
    owner = owner_of(nodes, "pages")
    for i in range(20):
        run_on(nodes.nodes[1 + i % 3], f"INSERT INTO visits VALUES ({i}, {i % 5})")
    for node in nodes.nodes.values():
        shows(node, "SELECT page, n FROM pages", [(p, 4) for p in range(5)])
        shows(node, "SELECT page FROM early", [(p,) for p in range(3) for _ in range(4)])
    other = next(node for node in nodes.nodes.values() if node is not owner)
    query = next(row[0] for row in rows_of(other, "SHOW QUERIES") if row[3] == "PAGES")
    run_on(other, "CREATE OR REPLACE STREAM early AS SELECT person, page FROM visits WHERE page = 3",
           "CREATE OR REPLACE TABLE pages AS SELECT page, COUNT(*) AS n, COUNT(*) * 10 AS tens FROM visits WHERE page <> 4 "
           "GROUP BY page HAVING COUNT(*) > 1")
    # When all nodes have the new result, the node that runs the query has the new plan.
    for node in nodes.nodes.values():
        shows(node, "SELECT page, n, tens FROM pages", [(p, 4, 40) for p in range(5)])
        assert [row[0] for row in rows_of(node, "SHOW QUERIES") if row[3] == "PAGES"] == [query]
    for i in range(20):
        run_on(nodes.nodes[1 + i % 3], f"INSERT INTO visits VALUES ({i}, {i % 5})")
    for node in nodes.nodes.values():
        shows(node, "SELECT page, n, tens FROM pages", [(p, 8, 80) for p in range(4)] + [(4, 4, 40)])
        shows(node, "SELECT page FROM early", [(p,) for p in range(3) for _ in range(4)] + [(3,)] * 4)
    said = refusal(other, "CREATE OR REPLACE TABLE pages AS SELECT page, SUM(person) AS n FROM visits GROUP BY page")
    assert "not upgradeable" in said, said
    owner.kill()
    for node in running(nodes):
        shows(node, "SELECT page, n, tens FROM pages", [(p, 8, 80) for p in range(4)] + [(4, 4, 40)])
    nodes.start_all()
    all_is_well(nodes)


@case
def a_stream_and_a_table_of_clients_become_results_of_queries():
    """A stream and a table without a query get one. The rows that clients have written stay in their topics."""
    nodes = sql_cluster()
    run_on(nodes.nodes[1], "CREATE STREAM clicks (person INT KEY, page INT) WITH (partitions = 2)",
           "CREATE STREAM own (person INT KEY, page INT) WITH (partitions = 2)",
           "CREATE TABLE tally (page INT PRIMARY KEY, n BIGINT) WITH (partitions = 2)",
           "INSERT INTO own VALUES (100, 100)", "INSERT INTO tally VALUES (100, 100)")
    all_is_well(nodes)
    for i in range(20):
        run_on(nodes.nodes[1 + i % 3], f"INSERT INTO clicks VALUES ({i}, {i % 5})")
    run_on(nodes.nodes[2], "CREATE OR REPLACE STREAM own AS SELECT person, page FROM clicks WHERE page < 2",
           "CREATE OR REPLACE TABLE tally AS SELECT page, COUNT(*) AS n FROM clicks GROUP BY page")
    for node in nodes.nodes.values():
        shows(node, "SELECT page FROM own", [(100,)] + [(p,) for p in range(2) for _ in range(4)])
        shows(node, "SELECT page, n FROM tally", [(p, 4) for p in range(5)])
        said = refusal(node, "INSERT INTO tally VALUES (7, 7)")
        assert "tally" in said.lower(), said
    owner = owner_of(nodes, "tally")
    owner.kill()
    for i in range(20):
        insert_soon(running(nodes)[i % 2], f"INSERT INTO clicks VALUES ({100 + i}, {i % 5})")
    # An INSERT with an unknown outcome was repeated, so the expected rows are those in the source.
    pages = [row[0] for row in rows_of(running(nodes)[0], "SELECT page FROM clicks")]
    assert len(pages) >= 40, len(pages)
    tally = sorted(collections.Counter(pages).items())
    for node in running(nodes):
        shows(node, "SELECT page, n FROM tally", tally)
        shows(node, "SELECT page FROM own", [(100,)] + [(page,) for page in pages if page < 2])
    nodes.start_all()
    all_is_well(nodes)
    shows(owner, "SELECT page, n FROM tally", tally)
    # The topic of the table has the row of the client and those of the query.
    run_on(owner, "CREATE TABLE all_rows (page INT PRIMARY KEY, n BIGINT) WITH (kafka_topic = 'tally', partitions = 2)")
    shows(owner, "SELECT page, n FROM all_rows", [*tally, (100, 100)])


def mishap(nodes, chance, version, what):
    """Replaces both queries while the node that runs one of them is disturbed."""
    sink = chance.choice(["tagged", "sums"])
    owner = owner_of(nodes, sink)
    others = [node for node in running(nodes) if node is not owner]
    at = chance.choice(others)
    print(f"version {version}: {what} node {owner.number}, which runs {sink}; asked at node {at.number}", flush=True)
    if what == "none":
        at = chance.choice(running(nodes))
    if what == "kill":
        killer = threading.Timer(chance.uniform(0, 0.3), owner.kill)
        killer.start()
    if what in ("freeze", "back"):
        owner.freeze()
        # The owner of the tasks is frozen. Depending on this pause, the other nodes have not noticed it yet, or
        # another node has taken over the tasks.
        time.sleep(chance.choice([0, 0, 3]))
    for statement in (tagged(version), sums(version)):
        replace_soon(at, statement)
    if what == "kill":
        killer.join()
    if what == "back":
        # The node that takes over after the kill may not have read the command yet.
        new = owner_of(nodes, sink, at=at)
        eventually(lambda: new is not owner_of(nodes, sink, at=at) or rows_of(at, "SELECT product FROM sums LIMIT 1"))
        owner.thaw()
        time.sleep(chance.uniform(0, 0.1))
        new.kill()
    if what == "freeze":
        time.sleep(chance.uniform(0, 3))
        owner.thaw()
    time.sleep(chance.uniform(0, 1))
    nodes.start_all()


@case
def queries_are_replaced_under_a_producer_while_nodes_die_and_freeze():
    nodes = sql_cluster()
    chance = random.Random(int(os.environ.get("MILLRACE_CLUSTER_SEED", "1")))
    run_on(nodes.nodes[1], f"CREATE STREAM sales (person INT KEY, id INT, product INT) WITH (partitions = {PARTITIONS})",
           tagged(1), sums(1))
    all_is_well(nodes)
    owner_of(nodes, "sums")
    producer = Producer(nodes, "sales", chance)
    rounds = int(os.environ.get("MILLRACE_CLUSTER_ROUNDS", "3"))
    kinds = ["none", "kill", "back", "freeze"]
    for version in range(2, rounds + 2):
        producer.await_more()
        mishap(nodes, chance, version, kinds[version - 2] if version - 2 < len(kinds) else chance.choice(kinds))
    producer.await_more()
    producer.stop()
    all_is_well(nodes)
    ids = sorted(row[0] for row in rows_of(nodes.nodes[1], "SELECT id FROM sales"))
    assert len(ids) == len(set(ids)), "a row was written twice"
    missing = set(producer.acknowledged) - set(ids)
    assert not missing, f"lost: {sorted(missing)[:5]}"
    for node in running(nodes):
        shows(node, "SELECT id FROM tagged", [(i,) for i in ids])
    check_tagged(nodes, ids, rounds + 1)
    check_sums(nodes, ids, rounds + 1)
    for node in nodes.nodes.values():
        node.kill()
    nodes.start_all()
    all_is_well(nodes)
    more = [ids[-1] + 1000 + i for i in range(10)]
    for i in more:
        run_on(nodes.nodes[1 + i % 3], f"INSERT INTO sales VALUES ({i % 5}, {i}, {i % PRODUCTS})")
    for node in running(nodes):
        shows(node, "SELECT id FROM tagged", [(i,) for i in [*ids, *more]])
    check_tagged(nodes, [*ids, *more], rounds + 1)
    check_sums(nodes, [*ids, *more], rounds + 1)
    print(f"{len(ids) + len(more)} rows", flush=True)


run()
