"""Three nodes, of Millrace or of Apache Kafka, and the disturbances while clients use them."""
import atexit
import os
import time

from confluent_kafka import ElectionType, TopicPartition
from confluent_kafka.admin import AdminClient
from kafka import TopicPartition as PythonPartition
from kafka.admin import KafkaAdminClient

from apache_nodes import ApacheCluster
from cluster_cases import GROUP, TRANSACTION, all_is_well, coordinator_of, leader_of, metadata_of
from cluster_nodes import Cluster, eventually

PEER = os.environ.get("MILLRACE_CLUSTER_PEER", "millrace")
FROZEN_S = 4  # twice the session time-out of a node
DOWN_S = 2
_shared = None


def nodes():
    """Waits until all three nodes are alive and in sync."""
    global _shared
    if _shared is None:
        _shared = ApacheCluster() if PEER == "apache" else Cluster()
        atexit.register(_shared.close)
    _shared.start_all()
    all_is_well(_shared)
    return _shared


def killed(*victims):
    for each in victims:
        each.kill()
    time.sleep(DOWN_S)
    for each in victims:
        each.start(waits=False)
    for each in victims:
        each.wait_until_ready()


def frozen(node):
    node.freeze()
    time.sleep(FROZEN_S)
    node.thaw()


def stopped(node):
    node.stop()
    node.start()


def controller_of(cluster):
    if PEER == "apache":  # Kafka's Metadata may name any node as the controller
        admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap.split(","))
        number = admin.describe_metadata_quorum()["topics"][0]["partitions"][0]["leader_id"]
        admin.close()
    else:
        number = metadata_of(next(iter(cluster.nodes.values()))).controller_id
    return cluster.nodes[number]


def rotate_leaders(cluster, topic):
    """Makes the second replica of each partition the first one and the leader."""
    admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap.split(","))
    known = metadata_of(cluster.nodes[1], topic).topics[topic].partitions
    wanted = {number: [*partition.replicas[1:], partition.replicas[0]] for number, partition in known.items()}
    admin.alter_partition_reassignments({PythonPartition(topic, number): replicas for number, replicas in wanted.items()})
    admin.close()

    def is_moved():
        now = metadata_of(cluster.nodes[1], topic).topics[topic].partitions
        return all(now[number].replicas == replicas for number, replicas in wanted.items())
    eventually(is_moved)
    elect_preferred(cluster, topic, wanted)
    eventually(lambda: all(partition.leader == wanted[number][0]
                           for number, partition in metadata_of(cluster.nodes[1], topic).topics[topic].partitions.items()))


def elect_preferred(cluster, topic, numbers):
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    admin.elect_leaders(ElectionType.PREFERRED, [TopicPartition(topic, number) for number in numbers]).result(20)


def others(cluster, node):
    return [each for each in cluster.nodes.values() if each is not node]


DISTURBANCES = {
    "a leader is killed": lambda cluster, topic: killed(leader_of(cluster, topic)),
    "the controller is killed": lambda cluster, topic: killed(controller_of(cluster)),
    "a group's coordinator freezes": lambda cluster, topic: frozen(coordinator_of(cluster, GROUP, f"{topic}-readers")),
    "a transaction's coordinator is killed": lambda cluster, topic: killed(coordinator_of(cluster, TRANSACTION, f"{topic}-0")),
    "leaders move": rotate_leaders,
    "the other group's coordinator is killed": lambda cluster, topic: killed(coordinator_of(cluster, GROUP, f"{topic}-new-readers")),
    "a leader freezes": lambda cluster, topic: frozen(leader_of(cluster, topic, 1)),
    "the movers' coordinator is stopped": lambda cluster, topic: stopped(coordinator_of(cluster, GROUP, f"{topic}-movers")),
    "two nodes are killed": lambda cluster, topic: killed(*others(cluster, leader_of(cluster, topic))),
}
