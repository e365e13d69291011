#!/usr/bin/python3
"""Nodes that start an etcd of their own (--etcd start): they need nothing else, and it lives and dies with them."""
import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.request

from cluster_cases import all_is_well, create_topic, metadata_of, partitions_of
from cluster_nodes import ETCD, Cluster, Node, eventually, free_port, reserve
from millrace_server import Skipped, binary, case, run
from node_proxy import Network

try:
    from confluent_kafka import Producer
except ImportError:
    Producer = None


class OwnEtcd(Cluster):
    """Three nodes, each with a member of etcd."""

    def __init__(self):  # without the etcd that a Cluster usually starts
        if not os.path.exists(ETCD):
            raise Skipped("etcd-server is not installed")
        if Producer is None:
            raise Skipped("confluent-kafka is not installed")
        self.folder = tempfile.mkdtemp(prefix="millrace-etcd-")
        self.network = Network()
        peers = ",".join(f"{number}=127.0.0.1:{two_free_ports()}" for number in (1, 2, 3))
        flags = ("--peers", peers, "--node-session-timeout-ms", "2000")
        self.nodes = {number: Node(os.path.join(self.folder, f"node{number}"), "own", number, "start", flags)
                      for number in (1, 2, 3)}
        atexit.register(self.close)
        self.start_all()

    def close(self):
        for node in self.nodes.values():
            node.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def two_free_ports():
    """The upper one of two ports: members of etcd use it between each other, and clients use the port below it."""
    while True:
        port = free_port()
        if reserve(port - 1):
            return port


def stat_of(pid):
    """Returns name, state and parent of a process; None if it does not exist."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            before, after = stat.read().rsplit(")", 1)
    except OSError:
        return None
    return before.split("(", 1)[1], after.split()[0], int(after.split()[1])


def children_of(node):
    """Returns the etcd processes of the node."""
    found = {int(entry): stat_of(entry) for entry in os.listdir("/proc") if entry.isdigit()}
    return [pid for pid, stat in found.items() if stat and stat[0] == "etcd" and stat[1] != "Z" and stat[2] == node.process.pid]


def is_gone(pid):
    """Whether the process has ended; its parent may not have read its status yet."""
    stat = stat_of(pid)
    return stat is None or stat[1] == "Z"


def produce(nodes, topic, first, count):
    failures = []
    producer = Producer({"bootstrap.servers": nodes.bootstrap, "enable.idempotence": True, "message.timeout.ms": 60_000})
    for number in range(first, first + count):
        producer.produce(topic, str(number), on_delivery=lambda error, _: failures.append(str(error)) if error else None)
    assert producer.flush(90) == 0 and not failures, failures[:3]


def all_is_well_without(nodes, number):
    """Waits until the other nodes lead the partitions of this node, are in sync, and one of them is the controller.
    Debian's librdkafka waits for the controller of its last metadata, and does not ask again."""
    def is_well():
        running = [node for node in nodes.nodes.values() if node.is_running()]
        return all(metadata_of(node).controller_id not in (-1, number) for node in running) and \
            all(partition.leader not in (-1, number) and len(partition.isrs) >= len(partition.replicas) - 1
                for node in running for partition in partitions_of(node).values())
    eventually(is_well, 120)


_shared = None


def own():
    global _shared
    if _shared is None:
        _shared = OwnEtcd()
    _shared.start_all()
    all_is_well(_shared)
    return _shared


@case
def three_nodes_are_a_cluster_without_anything_else():
    nodes = own()
    create_topic(nodes, "alone", partitions=3)
    produce(nodes, "alone", 0, 100)
    for node in nodes.nodes.values():
        assert len(children_of(node)) == 1, node.tail()


@case
def a_member_dies_with_its_node_and_comes_back_with_it():
    nodes = own()
    create_topic(nodes, "killed", partitions=3)
    produce(nodes, "killed", 0, 10)
    member = children_of(nodes.nodes[1])[0]
    nodes.nodes[1].kill()
    eventually(lambda: is_gone(member), 60)
    all_is_well_without(nodes, 1)
    produce(nodes, "killed", 10, 10)  # two of three members are a majority
    create_topic(nodes, "made-meanwhile", partitions=3, replicas=2)
    nodes.nodes[1].start()
    all_is_well(nodes)
    produce(nodes, "killed", 20, 10)


@case
def a_member_that_is_killed_alone_is_started_again():
    nodes = own()
    member = children_of(nodes.nodes[2])[0]
    os.kill(member, signal.SIGKILL)
    eventually(lambda: [pid for pid in children_of(nodes.nodes[2]) if pid != member], 60)
    create_topic(nodes, "after-its-death", partitions=3)
    produce(nodes, "after-its-death", 0, 10)
    assert "etcd has ended and is restarted" in nodes.nodes[2].log_text(), nodes.nodes[2].tail()


@case
def a_node_that_is_stopped_stops_its_member():
    nodes = own()
    member = children_of(nodes.nodes[3])[0]
    nodes.nodes[3].stop()
    assert is_gone(member)
    nodes.nodes[3].start()
    all_is_well(nodes)


def members_by(node):
    """Returns the names of the etcd members that the member of this node knows; none if it does not answer."""
    port = int(node.flags[1].split(f"{node.number}=127.0.0.1:")[1].split(",")[0]) - 1
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v3/cluster/member/list", b"{}")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return sorted(member.get("name", "") for member in json.load(answer)["members"])
    except (OSError, KeyError, ValueError):
        return []


@case
def a_node_whose_disk_was_replaced_brings_a_new_member():
    nodes = own()
    create_topic(nodes, "kept", partitions=3)
    produce(nodes, "kept", 0, 20)
    lost = nodes.nodes[3]
    everybody = ["node-1", "node-2", "node-3"]
    for _ in range(2):  # a second time, because the member of etcd has another number by then
        lost.kill()
        all_is_well_without(nodes, 3)
        shutil.rmtree(lost.data_dir)
        lost.start()
        eventually(lambda: members_by(lost) == everybody, 120)
        all_is_well(nodes)
    nodes.nodes[1].kill()  # the new member is a part of the majority now
    all_is_well_without(nodes, 1)
    create_topic(nodes, "made-by-two", partitions=3, replicas=2)
    produce(nodes, "kept", 20, 20)
    nodes.nodes[1].start()
    all_is_well(nodes)


@case
def a_start_that_is_refused_leaves_no_member_behind():
    """Another machine starts with the number of an existing node. A member of etcd that never joins would count in
    every vote."""
    nodes = own()
    there = nodes.nodes[2]
    peers = dict(each.split("=") for each in there.flags[1].split(","))
    peers["2"] = f"127.0.0.1:{two_free_ports()}"
    flags = ("--peers", ",".join(f"{number}={address}" for number, address in peers.items()), *there.flags[2:])
    double = Node(os.path.join(nodes.folder, "double"), "own", 2, "start", flags)
    told = subprocess.run(double.arguments(), capture_output=True, text=True, timeout=120, check=False)
    assert told.returncode != 0 and "exists already" in told.stderr, told.stderr
    assert members_by(nodes.nodes[1]) == ["node-1", "node-2", "node-3"], members_by(nodes.nodes[1])
    nodes.nodes[3].kill()  # two of three are a majority
    all_is_well_without(nodes, 3)
    create_topic(nodes, "of-two", partitions=3, replicas=2)
    nodes.nodes[3].start()
    all_is_well(nodes)


@case
def an_etcd_of_another_cluster_is_not_taken_for_its_own():
    port = two_free_ports()
    with socket.socket() as other, tempfile.TemporaryDirectory() as folder:
        other.bind(("127.0.0.1", port - 1))
        other.listen()
        told = subprocess.run([binary(), "server", "--cluster", "own", "--node-id", "1", "--etcd", "start", "--peers",
                               f"1=127.0.0.1:{port}", "--data-dir", folder, "--kafka", "127.0.0.1:0", "--pg", "127.0.0.1:0",
                               "--http", "off", "--nodes", "127.0.0.1:0"], capture_output=True, text=True, timeout=120, check=False)
    assert told.returncode != 0 and f"another program is listening at 127.0.0.1:{port - 1}" in told.stderr, told.stderr


@case
def flags_that_do_not_go_together_are_refused():
    def refusal(*flags):
        told = subprocess.run([binary(), "server", "--cluster", "own", "--node-id", "1", *flags], capture_output=True,
                              text=True, timeout=60, check=False)
        assert told.returncode != 0, flags
        return told.stderr + told.stdout
    assert "--etcd start requires --peers" in refusal("--etcd", "start")
    assert "node 1 is not among --peers" in refusal("--etcd", "start", "--peers", "2=127.0.0.1:2380")
    assert "is not ID=HOST:PORT" in refusal("--etcd", "start", "--peers", "127.0.0.1:2380")
    assert "node 1 is named twice" in refusal("--etcd", "start", "--peers", "1=127.0.0.1:2380,1=127.0.0.1:2382")
    assert "--peers requires --etcd start" in refusal("--etcd", "http://127.0.0.1:2379", "--peers", "1=127.0.0.1:2380")


run()
