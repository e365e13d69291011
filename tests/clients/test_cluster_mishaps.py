#!/usr/bin/python3
"""Three nodes and an etcd, and mishaps without a crash: two processes with one number, full disks, nodes that start
while others run; and the reports about them."""
import os
import shutil
import struct
import subprocess
import time

import kafka_wire
from cluster_cases import all_is_well, cluster, create_topic, leader_of, metadata_of, partitions_of
from cluster_load import Load
from cluster_nodes import Cluster, Node, eventually
from cluster_sql import refusal, run_on, shows
from millrace_server import binary, case, check_less, obstacle_of_own_client, run, timed
from small_disk import SmallDisk

STORAGE_ERROR, NOT_LEADER = 56, 6
FLAGS = ("--node-session-timeout-ms", "2000")


def tool(name, nodes, *arguments, status=0):
    path = os.path.join(os.path.dirname(binary()), name)
    done = subprocess.run([path, "--bootstrap-server", nodes.bootstrap, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, (name, arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def log_of(node):
    with open(node.log) as log:
        return log.read()


def another(nodes, number, name):
    return Node(os.path.join(nodes.folder, name), "blue", number, nodes.etcd.url, FLAGS)


def refusal_of(node):
    """Returns the message of a node that does not start."""
    node.start(waits=False)
    eventually(lambda: not node.is_running(), 40)
    assert node.process.returncode == 1, node.process.returncode
    return node.tail()


def remove(nodes, number):
    done = subprocess.run([binary(), "cluster", "remove", str(number), "-b", nodes.bootstrap], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr


# --- Two processes with one number

@case
def a_second_process_with_a_nodes_number_is_refused_while_the_first_runs():
    nodes = cluster()
    create_topic(nodes, "of_one_number")
    load = Load(nodes, "of_one_number")
    second = another(nodes, 2, "second")
    said = refusal_of(second)
    for word in ('node 2 of cluster "blue" exists already', f"answers at {nodes.nodes[2].nodes}", "another --node-id"):
        assert word in said, said
    assert sorted(metadata_of(nodes.nodes[1]).brokers) == [1, 2, 3]
    load.stop()
    all_is_well(nodes)
    assert "another process runs as this node" not in log_of(nodes.nodes[2])
    load.check(nodes.bootstrap)
    # The wrong number was a mistake: the new data directory can still be used with another number.
    second.number = 4
    second.start()
    second.stop()
    remove(nodes, 4)


@case
def over_one_data_directory_there_is_one_process():
    nodes = cluster()
    second = another(nodes, 2, "of_one_directory")
    second.data_dir = nodes.nodes[2].data_dir
    said = refusal_of(second)
    assert "the data directory is in use by another process" in said, said
    assert nodes.nodes[2].is_running()


@case
def one_of_two_processes_that_start_at_once_is_the_node():
    nodes = cluster()
    two = [another(nodes, 5, f"at_once_{i}") for i in range(2)]
    for node in two:
        node.start(waits=False)
    eventually(lambda: any(node.ready.is_set() for node in two) and not all(node.is_running() for node in two), 40)
    first, late = sorted(two, key=lambda node: not node.is_running())
    assert "node 5 of cluster \"blue\" exists already" in late.tail(), late.tail()
    time.sleep(1)  # many heartbeats: one of them would bring the message
    assert first.is_running() and "another process runs as this node" not in log_of(first)
    first.stop()
    remove(nodes, 5)


@timed
@case
def a_killed_node_is_back_at_once_also_with_a_new_disk_and_elsewhere():
    nodes = cluster()
    create_topic(nodes, "come_again")
    load = Load(nodes, "come_again")
    node, took = nodes.nodes[3], {}
    folder, places = node.data_dir, (node.kafka, node.nodes)
    for how in ("as it was", "elsewhere", "with a new disk"):
        load.await_more(100)
        node.kill()
        if how == "elsewhere":
            spare = another(nodes, 3, "spare")
            node.kafka, node.nodes = spare.kafka, spare.nodes
        if how == "with a new disk":
            node.kafka, node.nodes = places
            shutil.rmtree(folder)
        began = time.monotonic()
        node.start()
        took[how] = time.monotonic() - began
        all_is_well(nodes)
    print(", ".join(f"{how}: {seconds:.2f} s" for how, seconds in took.items()))
    # The start with a new disk has no limit: the other nodes cannot conclude that the process with the earlier
    # directory has ended, so the node waits until that process's session has expired.
    for how in ("as it was", "elsewhere"):
        check_less(took[how], 8, how)
    load.stop()
    load.check(nodes.bootstrap)


# --- A full disk

def produced(node, topic, version, acks=1):
    """Returns the error that a plain producer gets."""
    with kafka_wire.Connection(node.kafka) as connection:
        body = kafka_wire.produce_body(topic, kafka_wire.batch_of(b"x" * 1000).encode(), acks=acks)
        answer = connection.ask(kafka_wire.PRODUCE, version, body)
        return struct.unpack_from(">ih", answer, 4 + 2 + len(topic) + 4)[1]


@case
def a_node_with_a_full_disk_hands_over_its_partitions_until_it_has_room():
    disk = SmallDisk(600)
    nodes = Cluster(count=0, name="full")
    try:
        for number in (1, 2, 3):
            nodes.nodes[number] = Node(os.path.join(nodes.folder, f"node{number}"), "full", number, nodes.etcd.url,
                                       (*FLAGS, "--replica-lag-time-max-ms", "3000"))
        nodes.nodes[2].data_dir = os.path.join(disk.folder, "data")
        nodes.start_all()
        create_topic(nodes, "filled", 6)
        single = "single"  # no other node can lead this partition
        tool("kafka-topics", nodes, "--create", "--topic", single, "--replica-assignment", "2")
        eventually(lambda: produced(nodes.nodes[2], single, 7) == 0)
        load = Load(nodes, "filled", 6)
        leaders = lambda: [p.leader for p in metadata_of(nodes.nodes[1], "filled").topics["filled"].partitions.values()]  # noqa: E731
        eventually(lambda: 2 in leaders())
        disk.fill()
        eventually(lambda: not {2, -1} & set(leaders()), 30)
        assert sorted(metadata_of(nodes.nodes[1]).brokers) == [1, 2, 3], "it is there"
        began, written = time.monotonic(), {p: len(load.acknowledged[p]) for p in range(6)}
        eventually(lambda: all(len(load.acknowledged[p]) > written[p] + 100 for p in range(6)), 30)
        print(f"records go on after {time.monotonic() - began:.1f} s")
        assert leader_of(nodes, single).number == 2
        assert [produced(nodes.nodes[2], single, version) for version in (7, 4, 3)] == [STORAGE_ERROR, STORAGE_ERROR, NOT_LEADER]
        assert produced(nodes.nodes[2], single, 7, acks=-1) == STORAGE_ERROR
        assert "the disk of a node is full" in "".join(log_of(node) for node in nodes.nodes.values())
        os.unlink(disk.filler)
        eventually(lambda: produced(nodes.nodes[2], single, 7) == 0)
        all_is_well(nodes)
        tool("kafka-leader-election", nodes, "--election-type", "preferred", "--all-topic-partitions")
        eventually(lambda: 2 in leaders())
        load.stop()
        load.check(nodes.bootstrap)
    finally:
        nodes.close()
        disk.close()


@case
def replicas_on_a_full_disk_leave_the_isr_at_once():
    """The time limit for replicas that lag is so long that only the report of the full disk can remove them."""
    disk = SmallDisk(600)
    nodes = Cluster(count=0, name="space")
    try:
        for number in (1, 2, 3):
            nodes.nodes[number] = Node(os.path.join(nodes.folder, f"node{number}"), "space", number, nodes.etcd.url,
                                       (*FLAGS, "--replica-lag-time-max-ms", "3600000"))
        nodes.nodes[2].data_dir = os.path.join(disk.folder, "data")
        nodes.start_all()
        eventually(lambda: all(sorted(metadata_of(node).brokers) == [1, 2, 3] for node in nodes.nodes.values()), 60)
        create_topic(nodes, "idle", 6)
        run_on(nodes.nodes[1], "CREATE TABLE kept (k STRING PRIMARY KEY, v INT) WITH (PARTITIONS = 4)", "INSERT INTO kept VALUES ('a', 1)")
        shows(nodes.nodes[2], "SELECT * FROM kept", [("a", 1)])
        all_is_well(nodes)
        disk.fill(left_megabytes=1)

        def is_left():
            return all(2 not in partition.isrs for partition in partitions_of(nodes.nodes[1]).values())
        eventually(is_left, 30)
        for number in (1, 3):
            run_on(nodes.nodes[number], *(f"INSERT INTO kept VALUES ('k{i}', {number})" for i in range(8)))
            assert produced(leader_of(nodes, "idle"), "idle", 7, acks=-1) == 0
        assert is_left(), "a replica without new records does not return either"
        full = refusal(nodes.nodes[2], "SELECT * FROM kept")
        assert "the disk of this server is full, and table KEPT lacks records that were written to it" in full, full
        os.unlink(disk.filler)
        all_is_well(nodes)
        for node in nodes.nodes.values():
            shows(node, "SELECT * FROM kept", [("a", 1), *((f"k{i}", 3) for i in range(8))])
    finally:
        nodes.close()
        disk.close()


# --- Log lines

@case
def starting_nodes_do_not_log_that_other_nodes_are_unknown():
    nodes = cluster()
    said_before = {number: len(log_of(node)) for number, node in nodes.nodes.items()}
    for node in nodes.nodes.values():
        node.kill()
        node.start()
    all_is_well(nodes)
    for number, node in nodes.nodes.items():
        said = log_of(node)[said_before[number]:]
        assert "is not a member of the cluster" not in said and "was rejected" not in said, said


@case
def replicas_are_assigned_by_hand_with_kafkas_command():
    nodes = cluster()
    tool("kafka-topics", nodes, "--create", "--topic", "by_hand", "--replica-assignment", "3:1,2:3")
    replicas = lambda: {number: p.replicas for number, p in  # noqa: E731
                        metadata_of(nodes.nodes[1], "by_hand").topics["by_hand"].partitions.items()}
    eventually(lambda: replicas() == {0: [3, 1], 1: [2, 3]})
    tool("kafka-topics", nodes, "--alter", "--topic", "by_hand", "--partitions", "3", "--replica-assignment", "3:1,2:3,1:2")
    eventually(lambda: replicas() == {0: [3, 1], 1: [2, 3], 2: [1, 2]})
    for arguments, words in ((("--replica-assignment", "1:1"), "Partition replica lists may not contain duplicate entries"),
                             (("--replica-assignment", "1:2,3"), "Partition 1 has different replication factor"),
                             (("--replica-assignment", "1:9"), "9"),
                             (("--replica-assignment", "1:2", "--partitions", "1"), "can't be used with option")):
        said = tool("kafka-topics", nodes, "--create", "--topic", "not_by_hand", *arguments, status=1)
        assert words in said, (arguments, said)


@case
def a_topic_is_made_by_naming_it_while_a_node_is_away():
    nodes = cluster()
    nodes.nodes[3].kill()
    eventually(lambda: 3 not in metadata_of(nodes.nodes[1]).brokers)
    load = Load(nodes, "made_by_naming", 1)
    eventually(lambda: len(load.acknowledged[0]) > 100)
    load.stop()
    made = metadata_of(nodes.nodes[1], "made_by_naming").topics["made_by_naming"].partitions[0]
    assert sorted(made.replicas) == [1, 2, 3] and sorted(made.isrs) == [1, 2], vars(made)
    nodes.nodes[3].start()
    all_is_well(nodes)
    load.check(nodes.bootstrap)


run(obstacle_of_own_client())
