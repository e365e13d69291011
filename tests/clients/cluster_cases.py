"""The cluster that a file of cases shares, and helpers to query and change it."""
import atexit
import struct
import time

import kafka_wire
from cluster_nodes import Cluster, eventually
from millrace_server import Deadline, Skipped, patience

try:
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import AdminClient, NewTopic
except ImportError:
    AdminClient = None

_shared = None


def cluster():
    """The three nodes, all of them running and in sync."""
    global _shared
    if AdminClient is None:
        raise Skipped("confluent-kafka is not installed")
    if _shared is None:
        _shared = Cluster()
        atexit.register(_shared.close)
    if not _shared.etcd.is_running():
        _shared.etcd.start()
    elif _shared.etcd.is_frozen:
        _shared.etcd.thaw()
    _shared.start_all()
    all_is_well(_shared)
    return _shared


def metadata_of(node, topic=None):
    return AdminClient({"bootstrap.servers": node.kafka}).list_topics(topic, timeout=10)


def partitions_in(metadata):
    return {(name, partition.id): partition for name, topic in metadata.topics.items()
            for partition in topic.partitions.values()}


def partitions_of(node):
    return partitions_in(metadata_of(node))


def know_each_other(nodes, seen):
    """Returns whether each running node reports all of them as available. `seen` has the metadata that they report."""
    there = {node.number for node in nodes.nodes.values() if node.is_running()}
    return all(there <= set(metadata.brokers) for metadata in seen)


def seen_by_all(nodes):
    """Returns the metadata that each running node reports; None if a node does not answer."""
    try:
        return [metadata_of(node) for node in nodes.nodes.values() if node.is_running()]
    except KafkaException:
        return None


def all_is_well(nodes):
    """Waits until the running nodes know each other, and all partitions have leaders and all replicas in sync."""
    def is_well():
        seen = seen_by_all(nodes)
        return seen and know_each_other(nodes, seen) and all(
            partition.leader > 0 and len(partition.isrs) == len(partition.replicas)
            for metadata in seen for partition in partitions_in(metadata).values())
    eventually(is_well, 60)


def create_topic(nodes, name, partitions=3, replicas=3, assignment=None, **config):
    """`assignment` has, for each partition, the nodes of its replicas; the first node is the leader."""
    if assignment is None:
        new = NewTopic(name, partitions, replicas, config=config)
    else:
        partitions, new = len(assignment), NewTopic(name, len(assignment), replica_assignment=assignment, config=config)
    # A controller places no replica on a node that has just started and is not known to it yet.
    eventually(lambda: (seen := seen_by_all(nodes)) and know_each_other(nodes, seen), 60)
    admin = AdminClient({"bootstrap.servers": nodes.bootstrap})  # the futures complete only as long as the client exists
    admin.create_topics([new])[name].result(patience(20))

    def has_leaders():
        found = [metadata_of(node, name).topics[name] for node in nodes.nodes.values() if node.is_running()]
        return all(len(topic.partitions) == partitions and
                   all(partition.leader > 0 for partition in topic.partitions.values()) for topic in found)
    eventually(has_leaders)


def leader_of(nodes, topic, partition=0):
    """Returns the leader, as soon as the first node that answers knows one: between two leaders there is none."""
    asked = next(node for node in nodes.nodes.values() if node.is_running() and not node.is_frozen)

    def find():
        known = metadata_of(asked, topic).topics[topic].partitions.get(partition)
        return known and nodes.nodes.get(known.leader)
    return eventually(find)


def await_another_leader(nodes, topic, former, partition=0):
    """Returns when the other nodes report another leader than `former`, which may be frozen."""
    others = [node for node in nodes.nodes.values() if node is not former and node.is_running()]
    eventually(lambda: all(metadata_of(node, topic).topics[topic].partitions[partition].leader not in (-1, former.number)
                           for node in others), 60)


GROUP, TRANSACTION = 0, 1  # the two kinds of keys in a FindCoordinator request


def coordinator_of(nodes, kind, key):
    """The node that coordinates a group or a transactional id, as any node reports."""
    running = next(node for node in nodes.nodes.values() if node.is_running() and not node.is_frozen)

    def find():
        with kafka_wire.Connection(running.kafka) as connection:
            answer = connection.ask(10, 1, kafka_wire.string(key) + struct.pack(">b", kind))
        _, error, size = struct.unpack_from(">ihh", answer)
        return 0 if error else struct.unpack_from(">i", answer, 8 + max(size, 0))[0]
    return nodes.nodes[eventually(find)]


def end_of(consumer, partition):
    """Repeats the call if the leadership has just moved, because the client does not repeat this call itself."""
    deadline = Deadline(20)
    while True:
        try:
            return consumer.get_watermark_offsets(partition, timeout=patience(20))[1]
        except KafkaException as error:
            if error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION or deadline.is_over():
                raise
            time.sleep(0.1)


def disturb(nodes, chance):
    """Disturbs one node or etcd for a while."""
    node = chance.choice(list(nodes.nodes.values()))
    what = chance.choice(["kill", "kill", "kill two", "freeze", "stop", "etcd", "etcd and a kill"])
    print(f"{what} {node.number}", flush=True)
    if what == "freeze":
        node.freeze()
        time.sleep(chance.uniform(0.1, 4))
        return node.thaw()
    if what.startswith("etcd"):
        nodes.etcd.kill()
    if what == "stop":
        node.stop()
    if "kill" in what:
        node.kill()
    if what == "kill two":
        chance.choice([each for each in nodes.nodes.values() if each is not node]).kill()
    time.sleep(chance.uniform(0, 3))
    if what.startswith("etcd"):
        nodes.etcd.start()
    nodes.start_all()
