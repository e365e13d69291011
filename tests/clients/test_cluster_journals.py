#!/usr/bin/python3
"""The journals of a cluster's queries stay short, and a node that has lost its disk gets their content from the other
nodes."""
import atexit
import collections
import functools
import shutil

from cluster_cases import all_is_well, metadata_of
from cluster_nodes import Cluster, eventually
from cluster_sql import rows_of, run_on
from cluster_sql import shows as shows_within
from millrace_server import Skipped, case, patience, run

try:
    import psycopg
    from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
except ImportError:
    psycopg = None

PRODUCTS, PEOPLE, AT_ONCE = 200, 5, 200
JOURNALS, JOURNAL = 12, "__task_journal"
shows = functools.partial(shows_within, timeout_s=90)
_shared = None


def small_journals():
    """Three nodes that write snapshots when a journal has some tens of kilobytes."""
    global _shared
    if psycopg is None:
        raise Skipped("psycopg or confluent-kafka is not installed")
    if _shared is None:
        _shared = Cluster(name="short", flags=("--node-session-timeout-ms", "2000", "--checkpoint-journal-bytes", "100000",
                                               "--checkpoint-interval-ms", "500"))
        atexit.register(_shared.close)
    _shared.start_all()
    all_is_well(_shared)
    return _shared


class Journals:
    """The state of the journals, as their leaders report it."""

    def __init__(self, nodes):
        running = [node.kafka for node in nodes.nodes.values() if node.is_running()]
        self.consumer = Consumer({"bootstrap.servers": ",".join(running), "group.id": "journals",
                                  "enable.auto.commit": False, "enable.partition.eof": True})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.consumer.close()

    def ends(self):
        """Returns the first and the last offset of each journal."""
        def ask():
            try:
                return [self.consumer.get_watermark_offsets(TopicPartition(JOURNAL, number), timeout=5)
                        for number in range(JOURNALS)]
            except KafkaException:
                return None
        return eventually(ask, 60)

    def size(self, number):
        """Returns the size in bytes of the journal's records."""
        self.consumer.assign([TopicPartition(JOURNAL, number, self.ends()[number][0])])
        size = 0
        while True:
            message = self.consumer.poll(patience(10))
            assert message is not None, "a journal cannot be read"
            if message.error():
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                return size
            size += len(message.key() or b"") + len(message.value() or b"")


class Sales:
    """Rows that are written in portions, and the queries' results."""

    QUERIES = ("CREATE STREAM even AS SELECT person, id, product FROM sales WHERE id % 2 = 0",
               "CREATE TABLE by_person AS SELECT person, COUNT(*) AS n, MAX(id) AS last FROM sales GROUP BY person",
               "CREATE TABLE by_product AS SELECT product, COUNT(*) AS n, SUM(id) AS ids FROM sales GROUP BY product",
               "CREATE TABLE windows AS SELECT product, COUNT(*) AS n FROM sales WINDOW TUMBLING (SIZE 5 SECONDS) "
               "GROUP BY product",
               "CREATE STREAM named AS SELECT s.person AS person, s.id AS id, p.name AS name FROM sales s "
               "JOIN people p ON s.person = p.person",
               "CREATE TABLE even_by_product AS SELECT product, COUNT(*) AS n FROM even GROUP BY product")

    def __init__(self, nodes):
        self.nodes, self.count = nodes, 0
        run_on(nodes.nodes[1], "CREATE STREAM sales (person INT KEY, id INT, product INT) WITH (partitions = 3)",
               "CREATE TABLE people (person INT PRIMARY KEY, name VARCHAR) WITH (partitions = 3)",
               "INSERT INTO people VALUES " + ", ".join(f"({i}, 'person {i}')" for i in range(PEOPLE)))
        all_is_well(nodes)
        for query in self.QUERIES:
            eventually(lambda query=query: self.define(query))

    def define(self, query):
        try:
            run_on(self.nodes.nodes[1], query)
        except psycopg.errors.UndefinedTable:
            return False
        return True

    def write(self, statements):
        for _ in range(statements):
            node = [node for node in self.nodes.nodes.values() if node.is_running()][self.count // AT_ONCE % 2]
            rows = range(self.count, self.count + AT_ONCE)
            run_on(node, "INSERT INTO sales VALUES " +
                   ", ".join(f"({i % PEOPLE}, {i}, {i % PRODUCTS})" for i in rows))
            self.count += AT_ONCE

    def are_right_at(self, node):
        ids = range(self.count)
        of_product = collections.Counter(i % PRODUCTS for i in ids)
        even = [i for i in ids if i % 2 == 0]
        shows(node, "SELECT product, n, ids FROM by_product",
              [(p, n, sum(i for i in ids if i % PRODUCTS == p)) for p, n in of_product.items()])
        shows(node, "SELECT person, n, last FROM by_person",
              [(p, sum(i % PEOPLE == p for i in ids), max(i for i in ids if i % PEOPLE == p)) for p in range(PEOPLE)])
        shows(node, "SELECT product, n FROM even_by_product",
              list(collections.Counter(i % PRODUCTS for i in even).items()))
        shows(node, "SELECT product, SUM(n) FROM windows GROUP BY product", list(of_product.items()))
        shows(node, "SELECT id FROM even", [(i,) for i in even])
        shows(node, "SELECT id, name FROM named", [(i, f"person {i % PEOPLE}") for i in ids])


def run_by(nodes, node):
    """Returns the sinks of the queries that run on the node, as the node itself reports them."""
    try:
        return [row[3] for row in rows_of(node, "SHOW QUERIES") if row[1] == f"RUNNING on node {node.number}"]
    except psycopg.Error:
        return []


def await_leaders(nodes):
    """Waits until no dead node is a leader, because clients would wait for a dead leader."""
    running = [node for node in nodes.nodes.values() if node.is_running()]

    def are_there():
        leaders = {partition.leader for node in running
                   for partition in metadata_of(node, JOURNAL).topics[JOURNAL].partitions.values()}
        return leaders <= {node.number for node in running}
    eventually(are_there, 60)


def write_until_trimmed(nodes, sales, journals, times=1):
    """Writes until each of these journals has been trimmed `times` times."""
    def begins():
        with Journals(nodes) as all_of_them:
            ends = all_of_them.ends()
        return [ends[number][0] for number in journals]
    for _ in range(times):
        before = begins()
        for _ in range(200):
            sales.write(5)
            if all(now > then for now, then in zip(begins(), before)):
                break
        else:
            raise AssertionError(f"journals {journals} are not trimmed: {before}, {begins()}")


@case
def journals_stay_short_and_a_node_with_an_empty_disk_has_all_that_they_kept():
    nodes = small_journals()
    # The commits of these results are so old that they were trimmed from the journals.
    run_on(nodes.nodes[2], "CREATE STREAM past (k INT KEY, v INT) WITH (partitions = 1)")
    all_is_well(nodes)
    run_on(nodes.nodes[2], "CREATE TABLE old AS SELECT k, SUM(v) AS s FROM past GROUP BY k",
           "CREATE TABLE gone AS SELECT k, COUNT(*) AS n FROM past GROUP BY k",
           "INSERT INTO past VALUES " + ", ".join(f"({i % 10}, {i})" for i in range(100)))
    old = [(k, sum(i for i in range(100) if i % 10 == k)) for k in range(10)]
    shows(nodes.nodes[1], "SELECT k, s FROM old", old)
    sales = Sales(nodes)
    sales.write(20)
    sales.are_right_at(nodes.nodes[1])
    with Journals(nodes) as journals:
        busy = [number for number, (first, last) in enumerate(journals.ends()) if last > 10]
    print(f"journals {busy} are busy", flush=True)
    write_until_trimmed(nodes, sales, busy, times=2)
    run_on(nodes.nodes[1], "DROP TABLE gone")

    lost = nodes.nodes[3]
    lost.kill()
    shutil.rmtree(lost.data_dir)
    await_leaders(nodes)
    # The snapshot with which the node starts also contains replaced queries.
    run_on(nodes.nodes[2], "CREATE OR REPLACE TABLE by_product AS SELECT product, COUNT(*) AS n, SUM(id) AS ids, COUNT(*) * 2 AS twice "
           "FROM sales GROUP BY product", "CREATE OR REPLACE TABLE old AS SELECT k, SUM(v) AS s, SUM(v) * 2 AS twice FROM past GROUP BY k")
    write_until_trimmed(nodes, sales, busy, times=2)
    with Journals(nodes) as journals:
        first_before = journals.ends()
        sizes = [journals.size(number) for number in busy]
    print(f"{sales.count} rows, journals from, to {[first_before[number] for number in busy]}, bytes {sizes}", flush=True)
    lost.start()
    all_is_well(nodes)
    sales.are_right_at(lost)
    shows(lost, "SELECT k, s FROM old", old)
    shows(lost, "SELECT k, twice FROM old", [(k, 2 * s) for k, s in old])
    with open(lost.log) as log:
        text = log.read()
    assert "starts a journal again" in text and "was installed" in text, text[-3000:]

    # The node continues with these data while the other nodes die, one after the other.
    for node in nodes.nodes.values():
        if node is lost:
            continue
        node.kill()
        eventually(lambda: run_by(nodes, lost), 60)
        print(f"without node {node.number} node {lost.number} runs {run_by(nodes, lost)}", flush=True)
        await_leaders(nodes)
        sales.write(3)
        node.start()
        all_is_well(nodes)
    write_until_trimmed(nodes, sales, busy)
    run_on(nodes.nodes[1], "INSERT INTO past VALUES (3, 1000)")
    old[3] = (3, old[3][1] + 1000)
    for node in nodes.nodes.values():
        sales.are_right_at(node)
        shows(node, "SELECT k, s FROM old", old)
        assert not [row for row in rows_of(node, "SHOW TABLES") if row[0].upper() == "GONE"]


run()
