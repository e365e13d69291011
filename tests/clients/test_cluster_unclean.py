#!/usr/bin/python3
"""Unclean elections under SQL: records that only one node had are lost although they were visible, and other records
get the same offsets. Afterwards all nodes show the same rows, and no query continues with results from lost records."""
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time

from cluster_cases import all_is_well, create_topic, metadata_of
from cluster_load import producer_of, read_all
from cluster_nodes import Cluster, eventually
from cluster_sql import connect, rows_of, run_on, running, shows
from millrace_server import Skipped, binary, case, patience, run

try:
    import psycopg
    from confluent_kafka import KafkaException
except ImportError:
    psycopg = None

# A node that is the only replica in sync acknowledges and shows records that no other node has.
FLAGS = ("--node-session-timeout-ms", "2000", "--min-insync-replicas", "1")

# Leaves out the rows of the retries in comes_through(): one of these INSERTs may still be in the socket of a node that
# was frozen, and be executed later.
ITEMS = "SELECT k, v FROM items WHERE k NOT LIKE 'try%'"


def of_sink(name):
    return f"SELECT k, total FROM {name} WHERE k NOT LIKE 'try%'"


SUMS = of_sink("sums")


def unclean_cluster(name):
    if psycopg is None:
        raise Skipped("psycopg or confluent-kafka is not installed")
    nodes = Cluster(count=3, name=name, flags=FLAGS)
    all_is_well(nodes)
    return nodes


def define(nodes, *statements):
    run_on(nodes.nodes[1], *statements)
    all_is_well(nodes)


def sees(node, topic, is_so):
    """Whether the condition holds for all partitions of the topic in the node's metadata."""
    try:
        return all(is_so(partition) for partition in metadata_of(node, topic).topics[topic].partitions.values())
    except KafkaException:
        return False


def elect(nodes, *which):
    """Elects leaders through any running node; this node returns the controller to the tool."""
    tool = os.path.join(os.path.dirname(binary()), "kafka-leader-election")
    bootstrap = ",".join(node.kafka for node in running(nodes))

    def is_elected():
        done = subprocess.run([tool, "--bootstrap-server", bootstrap, "--election-type", "unclean", *which], capture_output=True,
                              text=True, timeout=60)
        return done.returncode == 0
    eventually(is_elected, 60)


def alone(nodes, keeper, topics):
    """Freezes the other nodes until `keeper` is the only node in sync for all these topics."""
    for node in nodes.nodes.values():
        if node is not keeper:
            node.freeze()
    only_keeper = lambda partition: partition.leader == keeper.number and partition.isrs == [keeper.number]  # noqa: E731
    eventually(lambda: all(sees(keeper, topic, only_keeper) for topic in topics), 60)


def comes_through(node, into):
    """Waits until a write is acknowledged. The outcome of writes that were being sent when the other nodes froze may
    stay unknown."""
    numbers = itertools.count()
    said = []

    def is_written():
        begin = time.monotonic()
        try:
            run_on(node, f"INSERT INTO {into} VALUES ('try{next(numbers)}', 0)")
        except psycopg.Error as error:
            said.append(f"after {time.monotonic() - begin:.1f} s: {error}")
            return False
        return True
    try:
        eventually(is_written, 60)
    except AssertionError as error:
        raise AssertionError(f"{error}; {len(said)} times it was said, the last ones: {said[-3:]}") from None


def replace(nodes, keeper):
    """Kills `keeper` with the records that only it has, and continues the frozen nodes."""
    keeper.kill()
    for node in running(nodes):
        node.thaw()
    others = running(nodes)
    eventually(lambda: all(sees(node, "items", lambda partition: partition.leader < 0) for node in others), 60)
    return others


def error_of(node, query):
    """The whole text of the error, as soon as the query fails."""
    def find():
        try:
            rows_of(node, query)
        except psycopg.Error as error:
            return "\n".join(filter(None, (error.diag.message_primary, error.diag.message_detail, error.diag.message_hint)))
        return None
    return eventually(find, 60)


def query_of(node, sink):
    """Returns the row of its query in SHOW QUERIES."""
    with connect(node) as c:
        found = c.execute("SHOW QUERIES")
        names = [column.name for column in found.description]
        rows = [dict(zip(names, row)) for row in found.fetchall()]
    return next(row for row in rows if row["writes"] == sink.upper())


class Pushed(threading.Thread):
    """Returns the rows of a push query, and its error."""

    def __init__(self, node, query):
        super().__init__(daemon=True)
        self.connection, self.query = connect(node), query
        self.rows, self.error = [], None
        self.start()

    def run(self):
        try:
            for row in self.connection.cursor().stream(self.query):
                self.rows.append(row)
        except psycopg.Error as error:
            self.error = str(error)


def all_show(nodes, query, expected):
    for node in running(nodes):
        shows(node, query, expected)


@case
def tables_are_read_again_and_queries_end_on_all_nodes():
    nodes = unclean_cluster("inputs")
    try:
        define(nodes, "CREATE TABLE items (k STRING PRIMARY KEY, v INT) WITH (partitions = 1)",
               "CREATE STREAM orders (k STRING KEY, v INT) WITH (partitions = 1)",
               "CREATE STREAM others (k STRING KEY, v INT) WITH (partitions = 1)",
               "CREATE TABLE sums AS SELECT k, SUM(v) AS total FROM orders GROUP BY k",
               "CREATE TABLE counts AS SELECT k, COUNT(*) AS n FROM others GROUP BY k")
        run_on(nodes.nodes[1], "INSERT INTO items VALUES ('kept', 1)", "INSERT INTO orders VALUES ('a', 1), ('b', 10)",
               "INSERT INTO others VALUES ('x', 1)")
        all_show(nodes, ITEMS, [("kept", 1)])
        all_show(nodes, SUMS, [("a", 1), ("b", 10)])
        all_show(nodes, "SELECT k, n FROM counts", [("x", 1)])

        keeper = nodes.nodes[3]
        watching = [Pushed(node, "SELECT k, v FROM orders EMIT CHANGES") for node in (nodes.nodes[1], nodes.nodes[2])]
        for each in watching:
            eventually(lambda each=each: len(each.rows) == 2)
        alone(nodes, keeper, ("items", "orders", "others"))
        comes_through(keeper, "items")
        comes_through(keeper, "orders")
        run_on(keeper, "INSERT INTO items VALUES ('lost', 2), ('kept', 20)", "INSERT INTO orders VALUES ('a', 100), ('c', 100)")
        shows(keeper, ITEMS, [("kept", 20), ("lost", 2)])
        shows(keeper, SUMS, [("a", 101), ("b", 10), ("c", 100)])
        others = replace(nodes, keeper)
        for topic in ("items", "orders"):
            elect(nodes, "--topic", topic, "--partition", "0")
        # New records are at the offsets of the lost records, and after them.
        run_on(others[0], "INSERT INTO items VALUES ('new', 3)", "INSERT INTO orders VALUES ('a', 2), ('d', 4), ('a', 3), ('e', 5)")
        for node in others:
            shows(node, ITEMS, [("kept", 1), ("new", 3)])
        for each in watching:
            each.join(patience(30))
            assert each.error and 'records of topic "orders", partition 0, were lost by an unclean election' in each.error, each.error

        keeper.start()
        all_is_well(nodes)
        all_show(nodes, ITEMS, [("kept", 1), ("new", 3)])
        for node in running(nodes):
            eventually(lambda node=node: query_of(node, "sums")["state"] == "ERROR")
            said = error_of(node, "SELECT * FROM sums")
            assert 'records of topic "orders", partition 0, were lost by an unclean election of a leader (epoch ' in said, said
            assert "DROP TABLE SUMS DELETE TOPIC, and create it again" in said, said
            assert query_of(node, "counts")["state"] != "ERROR"
        # Other queries continue.
        run_on(nodes.nodes[2], "INSERT INTO others VALUES ('x', 1)")
        all_show(nodes, "SELECT k, n FROM counts", [("x", 2)])
        # The error stays: a restart would only repeat it.
        run_on(nodes.nodes[1], f"PAUSE {query_of(nodes.nodes[1], 'sums')['query']}")
        run_on(nodes.nodes[1], f"RESUME {query_of(nodes.nodes[1], 'sums')['query']}")
        for node in running(nodes):
            node.kill()
        nodes.start_all()
        all_is_well(nodes)
        all_show(nodes, ITEMS, [("kept", 1), ("new", 3)])
        for node in running(nodes):
            eventually(lambda node=node: query_of(node, "sums")["state"] == "ERROR")

        run_on(nodes.nodes[2], "DROP TABLE sums DELETE TOPIC", "CREATE TABLE sums AS SELECT k, SUM(v) AS total FROM orders GROUP BY k")
        right = [("a", 6), ("b", 10), ("d", 4), ("e", 5)]
        all_show(nodes, SUMS, right)
        run_on(nodes.nodes[1], "INSERT INTO orders VALUES ('b', 1)", "INSERT INTO items VALUES ('newer', 4)")
        all_show(nodes, SUMS, [("a", 6), ("b", 11), ("d", 4), ("e", 5)])
        all_show(nodes, ITEMS, [("kept", 1), ("new", 3), ("newer", 4)])
    finally:
        nodes.close()


@case
def the_journals_of_queries_are_elected_and_take_other_queries():
    nodes = unclean_cluster("journals")
    try:
        define(nodes, "CREATE TABLE items (k STRING PRIMARY KEY, v INT) WITH (partitions = 1)",
               "CREATE STREAM orders (k STRING KEY, v INT) WITH (partitions = 1)",
               "CREATE TABLE sums AS SELECT k, SUM(v) AS total FROM orders GROUP BY k")
        run_on(nodes.nodes[1], "INSERT INTO orders VALUES ('a', 1), ('b', 10)")
        all_show(nodes, SUMS, [("a", 1), ("b", 10)])
        keeper = nodes.nodes[3]
        alone(nodes, keeper, ("items", "orders", "__task_journal"))
        comes_through(keeper, "orders")
        # Each row is a commit of the query.
        for i in range(20):
            run_on(keeper, "INSERT INTO orders VALUES ('a', 100)")
            shows(keeper, SUMS, [("a", 1 + 100 * (i + 1)), ("b", 10)])
        others = replace(nodes, keeper)
        elect(nodes, "--all-topic-partitions")
        for node in others:
            eventually(lambda node=node: query_of(node, "sums")["state"] == "ERROR")
        # While the third node is away, sixteen tables are created from the records that are left. Their queries are
        # spread over all twelve journals.
        sinks = [f"sums_{i}" for i in range(16)]
        run_on(others[0], "INSERT INTO orders VALUES ('a', 2), ('c', 3)",
               *(f"CREATE TABLE {sink} AS SELECT k, SUM(v) AS total FROM orders GROUP BY k" for sink in sinks))
        right = [("a", 3), ("b", 10), ("c", 3)]
        for sink in sinks:
            for node in others:
                shows(node, of_sink(sink), right)
        keeper.start()
        all_is_well(nodes)
        for sink in sinks:
            all_show(nodes, of_sink(sink), right)
        assert "unclean election" in error_of(keeper, "SELECT * FROM sums")
        # A node that has applied lost commits continues with the commits of the other nodes.
        run_on(nodes.nodes[1], "DROP TABLE sums DELETE TOPIC")
        others[0].kill()
        eventually(lambda: sees(keeper, "orders", lambda partition: partition.leader > 0))
        run_on(keeper, "INSERT INTO orders VALUES ('c', 4)")
        for sink in sinks:
            all_show(nodes, of_sink(sink), [("a", 3), ("b", 10), ("c", 7)])
    finally:
        nodes.close()



def write(nodes, topic, numbers):
    producer = producer_of(nodes)
    for number in numbers:
        producer.produce(topic, str(number).encode(), partition=0)
    assert producer.flush(60) == 0


@case
def the_replica_with_most_records_is_elected_and_not_one_with_a_new_disk():
    nodes = unclean_cluster("longest")
    try:
        create_topic(nodes, "kept", assignment=[[1, 2, 3]])
        write(nodes, "kept", range(300))
        nodes.nodes[2].kill()
        eventually(lambda: sees(nodes.nodes[1], "kept", lambda partition: 2 not in partition.isrs))
        write(nodes, "kept", range(300, 400))
        nodes.nodes[3].kill()
        eventually(lambda: sees(nodes.nodes[1], "kept", lambda partition: partition.isrs == [1]))
        write(nodes, "kept", range(400, 500))
        nodes.nodes[1].kill()
        shutil.rmtree(nodes.nodes[1].data_dir)
        nodes.start_all()
        eventually(lambda: all(sees(node, "kept", lambda partition: partition.leader < 0) for node in nodes.nodes.values()), 60)
        # The processing log may also have lost its only replica in sync.
        elect(nodes, "--all-topic-partitions")
        eventually(lambda: sees(nodes.nodes[2], "kept", lambda partition: partition.leader == 3), 60)
        all_is_well(nodes)
        assert len(read_all(nodes.bootstrap, "kept", 1)[0]) == 400
    finally:
        nodes.close()


def logged(node, text):
    """Returns the number of lines of the processing log that contain the text."""
    return len([row for row in rows_of(node, "SELECT * FROM KSQL_PROCESSING_LOG") if text in str(row)])


def on_node(nodes, topic, number):
    """Gives the only partition of the topic one replica, at the node with this number."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as plan:
        json.dump({"version": 1, "partitions": [{"topic": topic, "partition": 0, "replicas": [number]}]}, plan)
        plan.flush()
        subprocess.run([os.path.join(os.path.dirname(binary()), "kafka-reassign-partitions"), "--bootstrap-server", nodes.bootstrap,
                        "--execute", "--reassignment-json-file", plan.name], check=True, capture_output=True, timeout=60)
    eventually(lambda: all(sees(node, topic, lambda partition: partition.replicas == [number] and partition.leader == number)
                           for node in nodes.nodes.values()), 60)


@case
def a_lost_processing_log_does_not_end_the_queries_that_write_to_it():
    nodes = unclean_cluster("log")
    try:
        define(nodes, "CREATE STREAM texts (t VARCHAR) WITH (KAFKA_TOPIC = 'texts', VALUE_FORMAT = 'JSON', PARTITIONS = 1)",
               "CREATE STREAM numbers (t INT) WITH (KAFKA_TOPIC = 'texts', VALUE_FORMAT = 'JSON')",
               "CREATE STREAM copied AS SELECT t + 1 AS u FROM numbers")
        for number in range(3):
            run_on(nodes.nodes[1], "INSERT INTO texts VALUES ('not a number')")
            eventually(lambda number=number: logged(nodes.nodes[3], "texts") > number, 60)
        on_node(nodes, "ksql_processing_log", 3)
        nodes.nodes[3].kill()
        shutil.rmtree(nodes.nodes[3].data_dir)
        # The lines of the processing log wait for the topic. The query continues meanwhile.
        run_on(nodes.nodes[1], "INSERT INTO texts VALUES ('neither a number')", "INSERT INTO texts VALUES ('1')")
        shows(nodes.nodes[1], "SELECT u FROM copied", [(2,)])
        nodes.nodes[3].start()
        eventually(lambda: sees(nodes.nodes[1], "ksql_processing_log", lambda partition: partition.leader < 0), 60)
        elect(nodes, "--topic", "ksql_processing_log", "--partition", "0")
        all_is_well(nodes)
        run_on(nodes.nodes[2], "INSERT INTO texts VALUES ('again no number')", "INSERT INTO texts VALUES ('2')")
        for node in nodes.nodes.values():
            shows(node, "SELECT u FROM copied", [(2,), (3,)])
            eventually(lambda node=node: query_of(node, "copied")["state"].startswith("RUNNING"))
        # Lines of queries from before the election are dropped (docs/cluster/sql.md); lines of later queries are not.
        run_on(nodes.nodes[2], "CREATE STREAM later AS SELECT t + 2 AS u FROM numbers", "INSERT INTO texts VALUES ('still no number')")
        eventually(lambda: logged(nodes.nodes[3], "still no number") == 1, 60)
    finally:
        nodes.close()




run()
