#!/usr/bin/python3
"""Three nodes and an etcd under Kafka clients: the behaviour of a single node, and the state after the death of a
node."""
import os
import random
import shutil
import subprocess
import time

from cluster_cases import (GROUP, all_is_well, await_another_leader, cluster, coordinator_of, create_topic, disturb, leader_of,
                           metadata_of)
from cluster_load import Load, Member, producer_of, read_all
from cluster_nodes import Etcd, eventually
from millrace_server import binary, case, check_less, obstacle_of_own_client, patience, run, timed, wait_until

try:
    from confluent_kafka import Producer
    from confluent_kafka.admin import AdminClient
except ImportError:
    Producer = None


def controller_of(nodes):
    running = next(node for node in nodes.nodes.values() if node.is_running())
    found = eventually(lambda: max(metadata_of(running).controller_id, 0))
    return nodes.nodes[found]


def under_load(topic, disturb):
    """Writes before, during and after the disturbance."""
    nodes = cluster()
    create_topic(nodes, topic)
    load = Load(nodes, topic)
    load.await_more(100)
    disturb(nodes)
    load.await_more(300)
    load.stop()
    count = load.check(nodes.bootstrap)
    print(f"{topic}: {count} records, longest pause {load.longest_pause_s():.2f} s")
    nodes.start_all()
    all_is_well(nodes)
    for node in nodes.nodes.values():
        load.check(node.kafka)


@case
def nodes_agree_on_members_and_leaders():
    nodes = cluster()
    create_topic(nodes, "agreed", 6)
    seen = []
    for node in nodes.nodes.values():
        known = metadata_of(node, "agreed")
        assert known.cluster_id == "blue", known.cluster_id
        assert sorted(known.brokers) == [1, 2, 3], known.brokers
        assert {f"{broker.host}:{broker.port}" for broker in known.brokers.values()} == \
            {each.kafka for each in nodes.nodes.values()}
        partitions = known.topics["agreed"].partitions.values()
        seen.append(sorted((partition.id, partition.leader, tuple(partition.replicas)) for partition in partitions))
        assert all(sorted(partition.replicas) == [1, 2, 3] for partition in partitions)
    assert seen[0] == seen[1] == seen[2], seen
    assert sorted(leader for _, leader, _ in seen[0]) == [1, 1, 2, 2, 3, 3], seen[0]


@case
def records_are_written_and_read_through_any_node():
    nodes = cluster()
    create_topic(nodes, "any", 6)
    for number, node in nodes.nodes.items():
        for acks in (-1, 1, 0):  # the last record has no answer, so it must be sent to a leader that works
            producer = Producer({"bootstrap.servers": node.kafka, "acks": acks})
            for partition in range(6):
                producer.produce("any", f"{number} {acks}", partition=partition)
            assert producer.flush(30) == 0
    expected = sorted(f"{number} {acks}" for number in nodes.nodes for acks in (0, 1, -1))
    for node in nodes.nodes.values():
        read = {}

        def has_all(node=node, read=read):
            read.update(read_all(node.kafka, "any", 6))
            return all(len(values) >= len(expected) for values in read.values())
        # Records without acks=all are acknowledged before consumers can read them.
        wait_until(has_all, lambda read=read: str(read))
        for partition, values in read.items():
            assert sorted(values) == expected, f"partition {partition} through node {node.number}: {values}"


@case
def a_leader_that_is_killed_is_replaced_and_nothing_is_lost():
    under_load("leader_killed", lambda nodes: leader_of(nodes, "leader_killed").kill())


@case
def a_controller_that_is_killed_is_replaced_and_nothing_is_lost():
    under_load("controller_killed", lambda nodes: controller_of(nodes).kill())


@case
def a_node_that_freezes_is_replaced_and_follows_when_it_wakes():
    def freeze(nodes):
        frozen = leader_of(nodes, "leader_frozen")
        frozen.freeze()
        await_another_leader(nodes, "leader_frozen", frozen)
        frozen.thaw()
    under_load("leader_frozen", freeze)


@case
def a_node_that_is_stopped_hands_over_first():
    under_load("leader_stopped", lambda nodes: leader_of(nodes, "leader_stopped").stop())


@case
def all_nodes_are_killed_at_once_and_nothing_is_lost():
    def kill_all(nodes):
        for node in nodes.nodes.values():
            node.kill()
        nodes.start_all()
    under_load("all_killed", kill_all)


@case
def nothing_is_lost_or_doubled_by_one_failure_after_the_other():
    rounds = int(os.environ.get("MILLRACE_CLUSTER_ROUNDS", "4"))
    seed = int(os.environ.get("MILLRACE_CLUSTER_SEED", "1"))
    print(f"seed {seed}, {rounds} rounds")
    chance, nodes = random.Random(seed), cluster()
    create_topic(nodes, f"chaos_{seed}")
    load = Load(nodes, f"chaos_{seed}")
    for _ in range(rounds):
        disturb(nodes, chance)
        time.sleep(chance.uniform(0, 2))
    all_is_well(nodes)
    load.stop()
    print(f"{load.check(nodes.bootstrap)} records, longest pause {load.longest_pause_s():.2f} s")
    # The check also runs while each of the nodes is stopped, so that the other nodes lead its partitions.
    for node in nodes.nodes.values():
        node.stop()
        load.check(nodes.bootstrap)
        node.start()
        all_is_well(nodes)


@timed
@case
def nodes_go_on_without_etcd_and_catch_up_with_it():
    nodes = cluster()
    create_topic(nodes, "without_etcd")
    load = Load(nodes, "without_etcd")
    nodes.etcd.kill()
    time.sleep(4)  # two sessions of a node: no node loses its session while etcd is away
    before_s = load.longest_pause_s()
    nodes.etcd.start()
    load.await_more(100)
    load.stop()
    load.check(nodes.bootstrap)
    check_less(before_s, 2, "the writers stood still")
    create_topic(nodes, "etcd_is_back")


@case
def groups_go_on_when_their_coordinator_is_killed():
    nodes = cluster()
    create_topic(nodes, "grouped")
    load, seen = Load(nodes, "grouped"), []
    members = [Member(nodes, "g", "grouped", seen) for _ in range(2)]
    try:
        eventually(lambda: len(seen) > 100, 60)
        killed = coordinator_of(nodes, GROUP, "g")
        killed.kill()
        eventually(lambda: coordinator_of(nodes, GROUP, "g") is not killed, 60)
        load.stop()
        expected = {(number, value) for number, values in load.acknowledged.items() for value in values}
        eventually(lambda: expected <= {(number, value) for number, value, _ in seen}, 60)
        killed.start()
    finally:
        load.stopping = True
        for member in members:
            member.stopping = True
        for member in members:
            member.join()
    # The present coordinator has the committed offsets, so a new member reads only a few records again.
    all_is_well(nodes)
    again = []
    member = Member(nodes, "g", "grouped", again)
    last = producer_of(nodes)
    for partition in range(3):
        last.produce("grouped", "last", partition=partition)
    assert last.flush(60) == 0
    eventually(lambda: {partition for partition, value, _ in again if value == "last"} == {0, 1, 2}, 60)
    member.stopping = True
    member.join()
    assert len(again) < len(expected) / 2, f"{len(again)} of {len(expected)} records were read again"


@case
def too_few_in_sync_take_no_records_that_all_must_have():
    nodes = cluster()
    create_topic(nodes, "min_isr", 1)
    kept = leader_of(nodes, "min_isr")
    others = [node for node in nodes.nodes.values() if node is not kept]
    for node in others:
        node.kill()
    eventually(lambda: len(metadata_of(kept, "min_isr").topics["min_isr"].partitions[0].isrs) == 1)
    errors = []
    producer = Producer({"bootstrap.servers": kept.kafka, "acks": -1, "message.timeout.ms": 3000})
    producer.produce("min_isr", "all", partition=0, on_delivery=lambda error, _: errors.append(error))
    producer.flush(patience(20))
    assert errors and errors[0] is not None, errors
    producer = Producer({"bootstrap.servers": kept.kafka, "acks": 1})
    producer.produce("min_isr", "one", partition=0, on_delivery=lambda error, _: errors.append(error))
    producer.flush(patience(20))
    assert errors[1] is None, errors[1]


def refusal_of(*flags, **how):
    ended = subprocess.run([binary(), "server", "--pg", "127.0.0.1:0", "--kafka", "127.0.0.1:0", "--http", "off",
                            *flags],
                           capture_output=True, text=True, timeout=60, **how)
    assert ended.returncode != 0, ended
    return ended.stderr


@case
def data_of_a_node_are_not_taken_for_anothers():
    nodes = cluster()
    node = nodes.nodes[3]
    node.stop()
    etcd = ["--etcd", nodes.etcd.url, "--nodes", "127.0.0.1:0"]
    where = ["--data-dir", node.data_dir]
    assert 'belongs to node 3 of cluster "blue"' in refusal_of(*where)
    assert 'belongs to node 3 of cluster "blue"' in refusal_of(*where, "--cluster", "blue", "--node-id", "2", *etcd)
    assert 'belongs to node 3 of cluster "blue"' in refusal_of(*where, "--cluster", "red", "--node-id", "3", *etcd)
    empty = Etcd(os.path.join(nodes.folder, "empty-etcd"))
    empty.start()
    try:
        said = refusal_of(*where, "--cluster", "blue", "--node-id", "3", "--etcd", empty.url, "--nodes", "127.0.0.1:0")
        assert "etcd does not have the metadata" in said, said
    finally:
        empty.kill()
    assert "--cluster requires" in refusal_of("--cluster", "blue")


@case
def an_etcd_that_has_forgotten_something_is_refused():
    nodes = cluster()
    create_topic(nodes, "remembered")
    load = Load(nodes, "remembered")
    load.await_more(300)
    load.stop()
    # The second topic is created and node 1 stops within a second of the first topic, so only the write of the
    # position at the stop includes the second topic.
    create_topic(nodes, "before_the_copy")
    where, older = os.path.join(nodes.etcd.folder, "data"), os.path.join(nodes.folder, "older")
    nodes.etcd.freeze()
    shutil.copytree(where, older)
    nodes.etcd.thaw()
    create_topic(nodes, "forgotten")
    for node in nodes.nodes.values():
        node.stop()
    nodes.etcd.kill()
    os.rename(where, where + "-newer")
    os.rename(older, where)
    nodes.etcd.start()
    said = refusal_of("--data-dir", nodes.nodes[1].data_dir, "--cluster", "blue", "--node-id", "1",
                      "--etcd", nodes.etcd.url, "--nodes", "127.0.0.1:0")
    assert "has lost some of the metadata" in said, said
    nodes.etcd.kill()
    shutil.rmtree(where)
    os.rename(where + "-newer", where)
    nodes.etcd.start()
    nodes.start_all()
    load.check(nodes.bootstrap)
    assert {"before_the_copy", "forgotten"} <= set(metadata_of(nodes.nodes[1]).topics)


@case
def topics_are_deleted_and_grow_everywhere():
    nodes = cluster()
    create_topic(nodes, "short_lived", 2)
    admin = AdminClient({"bootstrap.servers": nodes.bootstrap})
    from confluent_kafka.admin import NewPartitions
    admin.create_partitions([NewPartitions("short_lived", 5)])["short_lived"].result(patience(20))
    eventually(lambda: all(len(metadata_of(node, "short_lived").topics["short_lived"].partitions) == 5
                           for node in nodes.nodes.values()))
    admin.delete_topics(["short_lived"])["short_lived"].result(patience(20))
    eventually(lambda: all("short_lived" not in metadata_of(node).topics for node in nodes.nodes.values()))


run(obstacle_of_own_client())
