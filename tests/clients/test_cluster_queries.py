#!/usr/bin/python3
"""Queries in a cluster of three: each runs on one node, all nodes have its state, and another node continues when it
dies. MILLRACE_CLUSTER_ROUNDS sets the number of disturbances."""
import collections
import os
import random
import threading
import time

from cluster_cases import all_is_well, cluster, metadata_of
from cluster_nodes import eventually
from cluster_sql import connect, owner_of, refusal, rows_of, run_on, running, shows, state_of
from millrace_server import Skipped, case, run, wait_until

try:
    import psycopg
except ImportError:
    psycopg = None


def sql_cluster():
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    return cluster()


def define(nodes, *statements, at=1):
    run_on(nodes.nodes[at], *statements)
    all_is_well(nodes)

    def names(node):
        return [sorted(row[0] for row in rows_of(node, f"SHOW {what}")) for what in ("TABLES", "STREAMS", "QUERIES")]
    for node in running(nodes):
        eventually(lambda node=node: names(node) == names(nodes.nodes[at]))


@case
def a_stateless_query_goes_on_when_the_node_that_runs_it_is_killed():
    nodes = sql_cluster()
    define(nodes, "CREATE STREAM plain (k INT KEY, v INT) WITH (partitions = 3)",
           "CREATE STREAM doubled AS SELECT k, v * 2 AS w FROM plain WHERE v > 0")
    owner = owner_of(nodes, "doubled")
    for i in range(1, 21):
        run_on(nodes.nodes[1 + i % 3], f"INSERT INTO plain VALUES ({i % 4}, {i}), ({i % 4}, -1)")
    for node in running(nodes):
        shows(node, "SELECT w FROM doubled", [(2 * i,) for i in range(1, 21)])
    owner.kill()
    others = running(nodes)
    for i in range(21, 41):
        run_on(others[i % 2], f"INSERT INTO plain VALUES ({i % 4}, {i})")
    for node in others:
        shows(node, "SELECT w FROM doubled", [(2 * i,) for i in range(1, 41)])
    eventually(lambda: owner_of(nodes, "doubled") is not owner)
    nodes.start_all()
    all_is_well(nodes)
    shows(owner, "SELECT w FROM doubled", [(2 * i,) for i in range(1, 41)])


@case
def a_table_is_read_at_any_node_and_has_what_the_session_wrote():
    nodes = sql_cluster()
    define(nodes, "CREATE STREAM visits (person INT KEY, page VARCHAR) WITH (partitions = 3)",
           "CREATE TABLE by_page AS SELECT page, COUNT(*) AS n FROM visits GROUP BY page", at=2)
    owner_of(nodes, "by_page")
    for i in range(30):
        with connect(nodes.nodes[1 + i % 3]) as c:
            c.execute(f"INSERT INTO visits VALUES ({i}, 'p{i % 5}')")
            assert c.execute(f"SELECT n FROM by_page WHERE page = 'p{i % 5}'").fetchall() == [(i // 5 + 1,)], i
    for node in running(nodes):
        assert sorted(rows_of(node, "SELECT page, n FROM by_page")) == [(f"p{i}", 6) for i in range(5)]


class OwnWrites:
    """A session that writes a row, and then asks the table of a query for its count. Each answer must have all rows that
    were acknowledged to this session."""

    def __init__(self, node):
        self.region = f"at node {node.number}"
        self.acknowledged = self.unknown = self.rows = self.refused = 0
        self.wrong = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(node,), daemon=True)
        self._thread.start()

    def _run(self, node):
        while not self._stopping.is_set():
            try:
                with connect(node) as session:
                    session.execute("SET read.wait.ms = 300")
                    while not self._stopping.is_set():
                        self._step(session)
            except psycopg.Error:
                time.sleep(0.05)  # the session was lost

    def _step(self, session):
        try:
            session.execute("INSERT INTO regional VALUES (%s, %s)", (self.acknowledged, self.region))
            self.acknowledged += 1
        except psycopg.Error:
            self.unknown += 1
            raise
        try:
            found = session.execute("SELECT n FROM per_region WHERE region = %s", (self.region,)).fetchone()
        except psycopg.errors.ObjectNotInPrerequisiteState:
            self.refused += 1
            return
        self.rows += 1
        if not self.acknowledged <= (found[0] if found else 0) <= self.acknowledged + self.unknown:
            self.wrong.append((found, self.acknowledged, self.unknown))

    def answers(self):
        return self.rows + self.refused

    def stop(self):
        self._stopping.set()
        self._thread.join(120)
        assert not self._thread.is_alive(), "a statement did not end"


def leads_nothing(asked, frozen):
    partitions = metadata_of(asked, "regional").topics["regional"].partitions.values()
    return all(partition.leader != frozen.number for partition in partitions)


@case
def a_look_up_has_the_rows_of_its_session_or_fails_while_other_nodes_are_frozen():
    nodes = sql_cluster()
    define(nodes, "CREATE STREAM regional (k INT KEY, region VARCHAR) WITH (partitions = 3)",
           "CREATE TABLE per_region AS SELECT region, COUNT(*) AS n FROM regional GROUP BY region")
    owner = owner_of(nodes, "per_region")
    for asked in (node for node in running(nodes) if node is not owner):
        session = OwnWrites(asked)
        for frozen in (node for node in running(nodes) if node is not asked):
            before = session.answers()
            eventually(lambda before=before, session=session: session.answers() > before)
            frozen.freeze()
            eventually(lambda asked=asked, frozen=frozen: leads_nothing(asked, frozen))
            before = session.answers()
            eventually(lambda before=before, session=session: session.answers() > before)
            frozen.thaw()
            all_is_well(nodes)
        session.stop()
        print(f"  {session.rows} answers, {session.refused} refused, {session.unknown} writes unknown")
        assert not session.wrong, session.wrong[:3]
        assert session.rows > 0


@case
def rows_that_were_read_at_one_node_are_read_at_each():
    nodes = sql_cluster()
    define(nodes, "CREATE STREAM counted (k INT KEY, v INT) WITH (partitions = 1)",
           "CREATE TABLE sums AS SELECT k, SUM(v) AS s FROM counted GROUP BY k")
    owner_of(nodes, "sums")
    with connect(nodes.nodes[1]) as a, connect(nodes.nodes[2]) as b, connect(nodes.nodes[3]) as c:
        seen = 0
        for i in range(60):
            a.execute("INSERT INTO counted VALUES (1, 1)")
            for session in (b, c, a):
                row = session.execute("SELECT s FROM sums WHERE k = 1").fetchone()
                assert (row[0] if row else 0) >= seen, (i, row, seen)
                seen = row[0] if row else seen


@case
def queries_are_stopped_and_go_on_from_any_node():
    nodes = sql_cluster()
    define(nodes, "CREATE STREAM fed (v INT) WITH (partitions = 1)", "CREATE STREAM passed AS SELECT v FROM fed")
    owner_of(nodes, "passed")
    query = next(row[0] for row in rows_of(nodes.nodes[1], "SHOW QUERIES") if row[3] == "PASSED")
    run_on(nodes.nodes[1], "INSERT INTO fed VALUES (1)")
    shows(nodes.nodes[3], "SELECT v FROM passed", [(1,)])
    run_on(nodes.nodes[3], f"PAUSE {query}")
    for node in running(nodes):
        eventually(lambda node=node: state_of(node, "passed") == "PAUSED")
    run_on(nodes.nodes[1], "INSERT INTO fed VALUES (2)")
    define(nodes, "CREATE STREAM passed_meanwhile AS SELECT v FROM fed")  # another query passes both records
    shows(nodes.nodes[2], "SELECT v FROM passed_meanwhile", [(1,), (2,)])
    assert rows_of(nodes.nodes[2], "SELECT v FROM passed") == [(1,)]
    run_on(nodes.nodes[2], f"RESUME {query}")
    shows(nodes.nodes[1], "SELECT v FROM passed", [(1,), (2,)])

    def states():
        return {node.number: [row[4] for row in rows_of(node, "SHOW TASKS") if row[0] == query] for node in running(nodes)}

    def are_right():
        found = states()
        return sorted(state for of_node in found.values() for state in of_node) == ["RUNNING", "STANDBY", "STANDBY"] and \
            found[owner_of(nodes, "passed").number] == ["RUNNING"]
    # The other nodes may learn of RESUME after the rows have arrived.
    wait_until(are_right, lambda: str(states()))
    run_on(nodes.nodes[1], f"TERMINATE {query}", "DROP STREAM passed")
    for node in running(nodes):
        eventually(lambda node=node: query not in [row[0] for row in rows_of(node, "SHOW QUERIES")])
    # Entries in the journals that remain from the dropped query belong to no query.
    define(nodes, "CREATE STREAM passed WITH (kafka_topic = 'passed_again') AS SELECT v FROM fed", at=2)
    shows(nodes.nodes[3], "SELECT v FROM passed", [(1,), (2,)])


@case
def a_query_begins_at_the_end_that_leaders_report():
    nodes = sql_cluster()
    define(nodes, "CREATE STREAM late (v INT) WITH (partitions = 3)")
    run_on(nodes.nodes[1], *(f"INSERT INTO late VALUES ({i})" for i in range(10)))
    with connect(nodes.nodes[2], auto__offset__reset="latest") as c:
        c.execute("CREATE STREAM later AS SELECT v FROM late")
    run_on(nodes.nodes[3], *(f"INSERT INTO late VALUES ({i})" for i in range(10, 20)))
    for node in running(nodes):
        shows(node, "SELECT v FROM later", [(i,) for i in range(10, 20)])


@case
def a_read_that_does_not_wait_names_the_table_that_lags():
    nodes = sql_cluster()
    define(nodes, "CREATE STREAM hurried (k INT, v INT)", "CREATE TABLE lagging AS SELECT k, COUNT(*) AS n FROM hurried GROUP BY k")
    stopping, said = threading.Event(), set()

    def write():
        with connect(nodes.nodes[1]) as c:
            while not stopping.is_set():
                c.execute("INSERT INTO hurried VALUES " + ", ".join(f"({i}, {i})" for i in range(50)))
    writer = threading.Thread(target=write)
    writer.start()
    try:
        with connect(nodes.nodes[3], read__wait__ms="0") as c:
            def lags():
                try:
                    c.execute("SELECT * FROM lagging").fetchall()
                except psycopg.Error as error:
                    said.add(str(error).splitlines()[0])
                return said
            eventually(lags, 30, 0.01)
    finally:
        stopping.set()
        writer.join()
    # Until a read has waited for the table once, the error may also be that the table is still reading its sources.
    still = ("table LAGGING is still catching up with the records written to it", "table LAGGING is still reading its sources")
    assert all(each.startswith(still) for each in said), said


class Producer:
    """Writes sales at any node that accepts them, and remembers which were acknowledged and which may exist."""

    PRODUCTS, PEOPLE = 7, 5

    def __init__(self, nodes, chance):
        self.nodes, self.chance = nodes, chance
        self.next, self.acknowledged, self.unknown = 0, [], []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._write, daemon=True)
        self.thread.start()

    def _write(self):
        connection = None
        while not self.stopping.is_set():
            sale, self.next = self.next, self.next + 1
            try:
                if connection is None:
                    connection = connect(self.chance.choice(running(self.nodes)))
                    connection.execute("SET statement_timeout = '15s'")
                connection.execute(f"INSERT INTO sales VALUES ({sale % self.PEOPLE}, {sale}, {sale % self.PRODUCTS})")
                self.acknowledged.append(sale)
            except (psycopg.Error, OSError):
                self.unknown.append(sale)
                if connection is not None:
                    connection.close()
                connection = None
                time.sleep(0.05)

    def stop(self):
        self.stopping.set()
        self.thread.join(60)
        assert not self.thread.is_alive()


@case
def six_queries_under_a_producer_while_nodes_die_and_freeze():
    nodes = sql_cluster()
    chance = random.Random(int(os.environ.get("MILLRACE_CLUSTER_SEED", "1")))
    define(nodes, "CREATE STREAM sales (person INT KEY, id INT, product INT) WITH (partitions = 3)",
           "CREATE TABLE people (person INT PRIMARY KEY, name VARCHAR) WITH (partitions = 3)",
           "INSERT INTO people VALUES " + ", ".join(f"({i}, 'person {i}')" for i in range(Producer.PEOPLE)))
    define(nodes, "CREATE STREAM even AS SELECT person, id, product FROM sales WHERE id % 2 = 0",
           "CREATE TABLE by_person AS SELECT person, COUNT(*) AS n, MAX(id) AS last FROM sales GROUP BY person",
           "CREATE TABLE by_product AS SELECT product, COUNT(*) AS n, SUM(id) AS ids FROM sales GROUP BY product",
           "CREATE TABLE windows AS SELECT product, COUNT(*) AS n FROM sales WINDOW TUMBLING (SIZE 5 SECONDS) "
           "GROUP BY product",
           "CREATE STREAM named AS SELECT s.person AS person, s.id AS id, p.name AS name FROM sales s "
           "JOIN people p ON s.person = p.person",
           "CREATE TABLE even_by_product AS SELECT product, COUNT(*) AS n FROM even GROUP BY product")
    owner_of(nodes, "even_by_product")
    producer = Producer(nodes, chance)
    for _ in range(int(os.environ.get("MILLRACE_CLUSTER_ROUNDS", "2"))):
        before = len(producer.acknowledged)
        eventually(lambda: len(producer.acknowledged) > before + 30, 90)
        sink = chance.choice(["even", "by_person", "by_product", "windows", "named", "even_by_product"])
        node = owner_of(nodes, sink)
        what = chance.choice(["kill", "kill", "freeze", "stop"])
        print(f"{what} node {node.number}, which runs {sink}", flush=True)
        if what == "freeze":
            node.freeze()
            time.sleep(chance.uniform(1, 4))
            node.thaw()
        else:
            node.kill() if what == "kill" else node.stop()
            time.sleep(chance.uniform(0, 3))
            nodes.start_all()
    before = len(producer.acknowledged)
    eventually(lambda: len(producer.acknowledged) > before + 30, 90)
    producer.stop()
    all_is_well(nodes)
    ids = sorted(row[0] for row in rows_of(nodes.nodes[1], "SELECT id FROM sales"))
    assert len(ids) == len(set(ids)), "a row was written twice"
    missing = set(producer.acknowledged) - set(ids)
    assert not missing, f"lost: {sorted(missing)[:5]}"
    even = [i for i in ids if i % 2 == 0]
    of_product = collections.Counter(i % producer.PRODUCTS for i in ids)
    for node in running(nodes):
        shows(node, "SELECT id FROM even", [(i,) for i in even])
        shows(node, "SELECT id, name FROM named", [(i, f"person {i % producer.PEOPLE}") for i in ids])
        shows(node, "SELECT person, n, last FROM by_person",
              [(p, sum(i % producer.PEOPLE == p for i in ids), max(i for i in ids if i % producer.PEOPLE == p))
               for p in range(producer.PEOPLE)])
        shows(node, "SELECT product, n, ids FROM by_product",
              [(p, n, sum(i for i in ids if i % producer.PRODUCTS == p)) for p, n in of_product.items()])
        shows(node, "SELECT product, n FROM even_by_product",
              list(collections.Counter(i % producer.PRODUCTS for i in even).items()))
        shows(node, "SELECT product, SUM(n) FROM windows GROUP BY product", list(of_product.items()))
    print(f"{len(ids)} rows, {len(producer.unknown)} of unknown outcome", flush=True)


run()
