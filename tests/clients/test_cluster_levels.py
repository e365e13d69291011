#!/usr/bin/python3
"""The oldest program in the cluster limits what nodes may write, until the operator declares that no old program is
left."""
import os
import subprocess

import kafka_wire
from cluster_cases import AdminClient, all_is_well, create_topic
from cluster_nodes import Cluster, Node, eventually
from cluster_sql import psycopg, refusal, run_on
from consumer_protocol_wire import Reader, compact, compact_array
from millrace_server import Skipped, binary, case, run

FLAGS = ("--node-session-timeout-ms", "2000")


class OldCluster(Cluster):
    """The metadata log begins like that of a program without levels: the first command registers a node, and has no
    other part."""

    def __init__(self):
        super().__init__(count=0)
        def text(value):
            return bytes([len(value)]) + value
        registered = b"\1\1" + b"\2" + bytes(16) + text(b"127.0.0.1:1") + text(b"127.0.0.1:1") + text(b"")  # node 1
        command = os.urandom(16) + b"\1\1" + text(b"cluster") + text(registered)

        def is_put():
            try:
                return self.etcd.ask("/v3/kv/put", key=b"/millrace/blue/log/00000000000000000001", value=command)
            except OSError:  # the node has just been started
                return False
        try:
            eventually(is_put, 30)
            for number in (1, 2, 3):
                self.nodes[number] = Node(os.path.join(self.folder, f"node{number}"), "blue", number, self.etcd.url, FLAGS)
            self.start_all()
        except BaseException:
            self.close()
            raise


def millrace(node, action, status=0):
    done = subprocess.run([binary(), "cluster", action, "-b", node.kafka], capture_output=True, text=True, timeout=60)
    assert done.returncode == status, (action, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def share_heartbeat(node):
    """Returns the error of a ShareGroupHeartbeat and the first words of its message."""
    body = (b"\0" + compact("sharing") + compact("member") + b"\0\0\0\0" + compact(None) + compact_array([compact("before")]) + b"\0")
    with kafka_wire.Connection(node.kafka) as connection:
        read = Reader(connection.ask(76, 1, body))
    read.end(), read.number("i")
    error, message = read.number("h"), read.text()
    return error, (message or "").split(":")[0]


@case
def a_new_cluster_is_at_the_newest_level():
    if AdminClient is None:
        raise Skipped("confluent-kafka is not installed")
    nodes = Cluster(count=1)
    try:
        all_is_well(nodes)
        assert "feature level" not in millrace(nodes.nodes[1], "status")
        said = millrace(nodes.nodes[1], "upgrade")
        assert said == "The cluster is at feature level 6, the newest level that the node supports.\n", said
    finally:
        nodes.close()


@case
def an_old_one_is_raised_when_all_nodes_run_the_new_program():
    if AdminClient is None:
        raise Skipped("confluent-kafka is not installed")
    nodes = OldCluster()
    try:
        all_is_well(nodes)
        first = nodes.nodes[1]
        assert "feature level 1; node programs know 6, see: millrace cluster upgrade --help" in millrace(first, "status")
        create_topic(nodes, "before")
        assert share_heartbeat(first) == (42, "share groups need feature level 6"), share_heartbeat(first)
        if psycopg is not None:
            # An earlier program would believe that the commits of a replaced query belong to another query.
            run_on(first, "CREATE STREAM given (k INT KEY, v INT)", "CREATE STREAM made AS SELECT * FROM given")
            said = refusal(first, "CREATE OR REPLACE STREAM made AS SELECT * FROM given WHERE v > 1")
            assert said.startswith("CREATE OR REPLACE ... AS SELECT needs feature level 3, and the cluster is at 1"), said
            # An earlier program would not report the owner of the definitions of a transaction either.
            said = refusal(first, "BEGIN; CREATE TABLE within (id INT PRIMARY KEY); COMMIT")
            assert said.startswith("definitions within a transaction need feature level 4, and the cluster is at 1"), said
            # An earlier program that runs a generator would make no rows.
            said = refusal(first, "CREATE STREAM ticks (k BIGINT KEY) WITH (GENERATOR = 'datagen', PARTITIONS = 1)")
            assert said.startswith("generated rows need feature level 6, and the cluster is at 1"), said
            # An earlier program would stop reading the metadata at the definition of a link.
            said = refusal(first, "CREATE LINK other WITH ('bootstrap.servers' = '127.0.0.1:9092', 'connect' = 'later')")
            assert said.startswith("links need feature level 6, and the cluster is at 1"), said
        nodes.nodes[3].kill()
        # After a while the killed node is shown as away. The level is then not raised, because the program with which
        # the node will start again is not known.
        eventually(lambda: "away" in millrace(first, "status"))
        # If the dead node was the controller, the refusal has another reason until the next controller has reported
        # which nodes it hears. So the command is repeated until the refusal names the level.
        eventually(lambda: "node 3 is not available, so the level that it supports is not known" in millrace(first, "upgrade", status=1))
        nodes.nodes[3].start()
        all_is_well(nodes)

        def is_raised():
            done = subprocess.run([binary(), "cluster", "upgrade", "-b", first.kafka], capture_output=True, text=True, timeout=60)
            return done.stdout if done.returncode == 0 else None
        said = eventually(is_raised, 30)
        assert said.startswith("The cluster is now at feature level 6; it was at 1."), said
        for node in nodes.nodes.values():
            eventually(lambda node=node: "feature level" not in millrace(node, "status"))
        # The level stays, and everything works as before.
        for node in nodes.nodes.values():
            node.kill()
        nodes.start_all()
        all_is_well(nodes)
        assert "feature level" not in millrace(first, "status")
        create_topic(nodes, "after")
        eventually(lambda: share_heartbeat(first)[0] != 42)
        if psycopg is not None:
            run_on(first, "CREATE OR REPLACE STREAM made AS SELECT * FROM given WHERE v > 1")
    finally:
        nodes.close()


run()
