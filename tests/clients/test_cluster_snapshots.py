#!/usr/bin/python3
"""The metadata log in etcd stays short: a snapshot replaces commands, and nodes that start later continue from it."""
import atexit
import base64
import os
import sys

from cluster_cases import AdminClient, all_is_well, create_topic, metadata_of
from cluster_nodes import Cluster, Node, eventually
from etcd_way import Way
from millrace_server import Skipped, case, run

try:
    import psycopg
except ImportError:
    psycopg = None

COMMANDS = 20  # commands between two snapshots
PATIENCE_S = 120
_shared = None


class CutCluster(Cluster):
    """Node 3 reaches etcd through a separate proxy."""

    def __init__(self):
        super().__init__(count=0)
        self.flags = ("--node-session-timeout-ms", "2000", "--metadata-snapshot-commands", str(COMMANDS))
        self.way = Way(self.etcd.url)
        for number in (1, 2, 3):
            self.add(number, self.way.url if number == 3 else self.etcd.url)
        self.start_all()
        self.types = 0

    def add(self, number, etcd):
        node = Node(os.path.join(self.folder, f"node{number}"), "blue", number, etcd, self.flags)
        self.nodes[number] = node
        return node

    def tell(self):
        """Prints the state of the cluster, to explain a failure."""
        for node in self.nodes.values():
            if not node.is_running():
                print(f"node {node.number} does not run")
                continue
            try:
                for name, topic in sorted(metadata_of(node).topics.items()):
                    for each in topic.partitions.values():
                        print(f"node {node.number}: {name} {each.id} leader {each.leader} replicas {each.replicas} isr {each.isrs}")
            except Exception as error:  # the logs have the details of every error
                print(f"node {node.number} does not tell its partitions: {error}")
        for node in self.nodes.values():
            print(f"--- the log of node {node.number}\n{node.tail()}")
        sys.stdout.flush()


def cluster():
    global _shared
    if AdminClient is None or psycopg is None:
        raise Skipped("confluent-kafka or psycopg is not installed")
    if _shared is None:
        _shared = CutCluster()
        atexit.register(_shared.close)
        all_is_well(_shared)
        create_topic(_shared, "early")
    return _shared


def told(function):
    """A case that prints the state of the cluster when it fails."""
    def told_case():
        try:
            function()
        except Skipped:
            raise
        except Exception:
            if _shared is not None:
                _shared.tell()
            raise
    told_case.__name__ = function.__name__
    return case(told_case)


def connect(node):
    host, port = node.pg.split(":")
    return psycopg.connect(host=host, port=port, user="millrace", dbname="millrace", autocommit=True, prepare_threshold=None)


def types_of(node):
    try:
        with connect(node) as c:
            return sorted(row[0] for row in c.execute("SHOW TYPES").fetchall())
    except psycopg.Error as error:
        return str(error)


def change(nodes, count, at=1):
    """Writes `count` commands, after which one of five types remains."""
    with connect(nodes.nodes[at]) as c:
        for _ in range(count // 2):
            nodes.types += 1
            c.execute(f"CREATE TYPE t{nodes.types} AS STRUCT<a BIGINT>")
            if nodes.types % 5:
                c.execute(f"DROP TYPE t{nodes.types}")


def keys_of(nodes, folder):
    found = nodes.etcd.ask("/v3/kv/range", key=f"/millrace/blue/{folder}/".encode(),
                           range_end=f"/millrace/blue/{folder}0".encode(), keys_only=True)
    return [base64.b64decode(each["key"]).decode().rsplit("/", 1)[1] for each in found.get("kvs", [])]


def oldest_command(nodes):
    return int(keys_of(nodes, "log")[0])


def is_cut_beyond(nodes, revision, at=1):
    """Waits until the command of this revision has been removed. Each attempt writes more commands, since only new
    commands cause a cut."""
    def has_gone():
        change(nodes, 2, at)
        return oldest_command(nodes) > revision
    eventually(has_gone, PATIENCE_S)


def last_command(nodes):
    return max(int(key) for key in keys_of(nodes, "log") if key.isdigit())


def agree(nodes):
    def do_agree():
        seen = [types_of(node) for node in nodes.nodes.values() if node.is_running()]
        return all(isinstance(each, list) and each == seen[0] for each in seen) and len(seen) > 1
    eventually(do_agree, PATIENCE_S)
    for node in nodes.nodes.values():
        if node.is_running():
            eventually(lambda node=node: "early" in metadata_of(node).topics, PATIENCE_S)


@told
def the_log_in_etcd_stays_short():
    nodes = cluster()
    change(nodes, 200)

    def is_short():
        change(nodes, 2)
        return len(keys_of(nodes, "log")) <= 3 * COMMANDS
    eventually(is_short, PATIENCE_S)
    assert last_command(nodes) > 180
    eventually(lambda: len({each.split("/")[0] for each in keys_of(nodes, "snapshots")}) <= 2, PATIENCE_S)
    agree(nodes)


@told
def nodes_that_start_go_on_from_the_snapshot():
    nodes = cluster()
    node = nodes.nodes[2]
    for stop in (node.kill, node.stop):
        all_is_well(nodes)
        stop()
        is_cut_beyond(nodes, last_command(nodes))
        before = open(node.log).read().count("the metadata were loaded from a snapshot")
        node.start()
        agree(nodes)
        assert open(node.log).read().count("the metadata were loaded from a snapshot") > before
    all_is_well(nodes)


@told
def a_node_that_does_not_reach_etcd_for_long_goes_on_from_the_snapshot():
    nodes = cluster()
    all_is_well(nodes)
    nodes.way.cut()
    try:
        is_cut_beyond(nodes, last_command(nodes) + 1)
    finally:
        nodes.way.heal()
    agree(nodes)
    assert "the metadata were loaded from a snapshot" in open(nodes.nodes[3].log).read()
    # The node also creates a definition itself.
    change(nodes, 2, at=3)
    agree(nodes)
    all_is_well(nodes)


@told
def a_node_that_comes_new_reads_the_snapshot():
    nodes = cluster()
    is_cut_beyond(nodes, 100)
    node = nodes.add(4, nodes.etcd.url).start()
    agree(nodes)
    assert "the metadata were loaded from a snapshot" in open(node.log).read()
    change(nodes, 2, at=4)
    agree(nodes)


@told
def all_nodes_come_back():
    nodes = cluster()
    is_cut_beyond(nodes, last_command(nodes))
    for node in nodes.nodes.values():
        node.stop()
    nodes.start_all()
    agree(nodes)
    all_is_well(nodes)
    change(nodes, 2)
    agree(nodes)


run()
