"""MirrorMaker 2 between two servers of Millrace, both ways at once: records, settings of topics, and positions of groups."""
import os
import subprocess
import sys
import tempfile

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from millrace_server import case, has_limit, launch, run
from patience import wait_until

JARS = sys.argv.pop(1)  # the folder of connect-mirror and its dependencies
PATIENCE_S = 120
PARTITIONS = 3
RECORDS = 300
# Settings of MirrorMaker and its worker: internal topics with one replica, and short intervals, so that changes appear
# soon.
ONE_REPLICA = ("replication.factor", "checkpoints.topic.replication.factor", "heartbeats.topic.replication.factor",
               "offset-syncs.topic.replication.factor", "offset.storage.replication.factor", "status.storage.replication.factor",
               "config.storage.replication.factor")
SECONDS = ("refresh.topics.interval.seconds", "refresh.groups.interval.seconds", "sync.topic.configs.interval.seconds",
           "emit.checkpoints.interval.seconds", "sync.group.offsets.interval.seconds", "emit.heartbeats.interval.seconds")


class World:
    """Two servers, and MirrorMaker between them."""

    def __init__(self):
        self.servers = {"a": launch(), "b": launch()}
        self.admins = {name: AdminClient({"bootstrap.servers": server.kafka}) for name, server in self.servers.items()}
        self.folder = tempfile.mkdtemp(prefix="millrace-mirror-")
        self.maker = None

    def start(self):
        lines = ["clusters = a, b", "a->b.enabled = true", "b->a.enabled = true", "sync.group.offsets.enabled = true",
                 "sync.topic.configs.enabled = true", "offset.lag.max = 0", "offset.flush.interval.ms = 500"]
        lines += [f"{name}.bootstrap.servers = {server.kafka}" for name, server in self.servers.items()]
        lines += [f"{name} = 1" for name in (*ONE_REPLICA, *SECONDS)]
        path = os.path.join(self.folder, "mirror.properties")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        with open(os.path.join(self.folder, "log"), "a", encoding="utf-8") as log:
            self.maker = subprocess.Popen(
                ["java", "-Xmx384m", "-XX:TieredStopAtLevel=1", "-cp", f"{JARS}/*", "org.apache.kafka.connect.mirror.MirrorMaker", path],
                stdout=log, stderr=log)

    def end_maker(self):
        if self.maker:
            self.maker.kill()
            self.maker.wait()

    def create(self, server, name, **settings):
        config = {key.replace("_", "."): value for key, value in settings.items()}
        self.admins[server].create_topics([NewTopic(name, PARTITIONS, 1, config=config)])[name].result(20)

    def produce(self, server, topic, numbers):
        producer = Producer({"bootstrap.servers": self.servers[server].kafka, "enable.idempotence": True})
        for number in numbers:
            producer.produce(topic, f"value {number}", f"key {number}", timestamp=1_700_000_000_000 + number,
                             headers=[("number", str(number).encode()), ("empty", b"")])
        assert producer.flush(60) == 0

    def records(self, server, topic, group="reader", positions=None):
        """Returns for each partition the records that a consumer reads to the end."""
        consumer = Consumer({"bootstrap.servers": self.servers[server].kafka, "group.id": group, "enable.auto.commit": False,
                             "auto.offset.reset": "earliest", "enable.partition.eof": True})
        consumer.assign([TopicPartition(topic, partition, (positions or {}).get(partition, 0)) for partition in range(PARTITIONS)])
        found, ended = {partition: [] for partition in range(PARTITIONS)}, set()
        while len(ended) < PARTITIONS:
            message = consumer.poll(60)
            assert message is not None, "the consumer reached no end of a partition"
            if message.error():
                ended.add(message.partition())
            else:
                found[message.partition()].append((message.key(), message.value(), message.timestamp(), message.headers()))
        consumer.close()
        return found

    def partitions(self, server, topic):
        known = self.admins[server].list_topics(timeout=20).topics.get(topic)
        return len(known.partitions) if known and not known.error else 0

    def setting(self, server, topic, name):
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        return self.admins[server].describe_configs([resource])[resource].result(20)[name].value

    def committed(self, server, topic, group):
        consumer = Consumer({"bootstrap.servers": self.servers[server].kafka, "group.id": group})
        found = consumer.committed([TopicPartition(topic, partition) for partition in range(PARTITIONS)], timeout=20)
        consumer.close()
        return {each.partition: each.offset for each in found}


WORLD = World()


def has_copy(source, topic, target):
    """Returns whether the copy of the topic has the same records in the same partitions and in the same order."""
    copy = f"{source}.{topic}"
    return WORLD.partitions(target, copy) == PARTITIONS and WORLD.records(target, copy) == WORLD.records(source, topic)


@case
@has_limit(300)
def records_are_copied_both_ways():
    WORLD.create("a", "orders", retention_ms="7200000", cleanup_policy="compact")
    WORLD.create("b", "visits", max_message_bytes="500000")
    WORLD.produce("a", "orders", range(RECORDS))
    WORLD.produce("b", "visits", range(RECORDS))
    WORLD.start()
    wait_until(lambda: has_copy("a", "orders", "b"), "b has no copy of a's topic", PATIENCE_S, 1)
    wait_until(lambda: has_copy("b", "visits", "a"), "a has no copy of b's topic", PATIENCE_S, 1)


@case
@has_limit(300)
def settings_of_topics_follow():
    def follows(source, topic, target, name, value):
        wait_until(lambda: WORLD.setting(target, f"{source}.{topic}", name) == value, f"{name} of {topic} did not follow", PATIENCE_S, 1)
    follows("a", "orders", "b", "retention.ms", "7200000")
    follows("a", "orders", "b", "cleanup.policy", "compact")
    follows("b", "visits", "a", "max.message.bytes", "500000")
    resource = ConfigResource(ConfigResource.Type.TOPIC, "orders", set_config={"retention.ms": "9000000", "cleanup.policy": "compact"})
    WORLD.admins["a"].alter_configs([resource])[resource].result(20)
    follows("a", "orders", "b", "retention.ms", "9000000")


@case
@has_limit(300)
def the_position_of_a_group_follows():
    """A group that has read a part of a topic continues in the copy: it skips no record that it has not read."""
    ends = {partition: len(records) for partition, records in WORLD.records("a", "orders").items()}
    consumer = Consumer({"bootstrap.servers": WORLD.servers["a"].kafka, "group.id": "packers"})
    consumer.commit(offsets=[TopicPartition("orders", partition, end) for partition, end in ends.items()], asynchronous=False)
    consumer.close()
    wait_until(lambda: WORLD.committed("b", "a.orders", "packers") == ends, "the position of the group did not follow", PATIENCE_S, 1)
    WORLD.produce("a", "orders", range(RECORDS, 2 * RECORDS))
    wait_until(lambda: has_copy("a", "orders", "b"), "the later records were not copied", PATIENCE_S, 1)
    left = WORLD.records("b", "a.orders", "packers", WORLD.committed("b", "a.orders", "packers"))
    keys = sorted(int(key.split()[1]) for records in left.values() for key, *_ in records)
    assert keys == list(range(RECORDS, 2 * RECORDS)), keys


@case
@has_limit(300)
def a_killed_worker_loses_nothing():
    """Copies are at least once: after a kill records may come twice, and none is missing."""
    WORLD.end_maker()
    WORLD.produce("a", "orders", range(2 * RECORDS, 3 * RECORDS))
    WORLD.produce("b", "visits", range(RECORDS, 2 * RECORDS))
    WORLD.start()

    def has_all(source, topic, target):
        wanted, copied = WORLD.records(source, topic), WORLD.records(target, f"{source}.{topic}")
        return all(set(map(str, wanted[partition])) == set(map(str, copied[partition])) for partition in wanted)
    wait_until(lambda: has_all("a", "orders", "b"), "b lacks records after a kill", PATIENCE_S, 1)
    wait_until(lambda: has_all("b", "visits", "a"), "a lacks records after a kill", PATIENCE_S, 1)
    WORLD.end_maker()


run()
