#!/usr/bin/python3
"""Kafka's own tools, in Java, against a server.

Debian has no Kafka. MILLRACE_KAFKA_JARS names folders (separated by ':'), each with kafka-tools of
one release and all that it needs, as `mvn dependency:copy-dependencies` lays them down; without it
the cases are skipped.
"""
import glob
import os
import re
import shutil
import subprocess

import kafka_wire
from millrace_server import Skipped, case, run, start_server

SERVER = start_server()
_TOPICS = "org.apache.kafka.tools.TopicCommand"
_CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer"
_GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
_OFFSETS = "org.apache.kafka.tools.GetOffsetShell"


class Release:
    """The tools of one release of Kafka."""

    def __init__(self, folder):
        jar, = glob.glob(os.path.join(folder, "kafka-tools-[0-9]*.jar"))
        self.version = re.search(r"kafka-tools-([\d.]+)\.jar", jar)[1]
        self.name = "java_" + self.version.replace(".", "_")
        self._folder = folder
        self.producer = ("org.apache.kafka.tools.ConsoleProducer" if self.version[0] >= "4"
                         else "kafka.tools.ConsoleProducer")

    def __call__(self, tool, *arguments, stdin="", ok=True):
        """What it printed."""
        done = subprocess.run(
            ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", os.path.join(self._folder, "*"),
             tool, "--bootstrap-server", SERVER.kafka, *arguments],
            input=stdin, capture_output=True, text=True, timeout=120)
        assert not ok or done.returncode == 0, (self.version, tool, arguments, done.stderr)
        return done.stdout if ok else done.stdout + done.stderr


def releases():
    folders = os.environ.get("MILLRACE_KAFKA_JARS")
    if not folders:
        raise Skipped("MILLRACE_KAFKA_JARS names no folder with Kafka's jars")
    if not shutil.which("java"):
        raise Skipped("java is not installed")
    return [Release(folder) for folder in folders.split(":")]


@case
def topics_are_made_listed_described_grown_and_deleted():
    for kafka in releases():
        topic = kafka.name
        made = kafka(_TOPICS, "--create", "--topic", topic, "--partitions", "3",
                     "--replication-factor", "1",
                     "--config", "message.timestamp.type=LogAppendTime")
        assert f"Created topic {topic}." in made, made
        assert topic in kafka(_TOPICS, "--list").splitlines()
        kafka(_TOPICS, "--alter", "--topic", topic, "--partitions", "4")
        described = kafka(_TOPICS, "--describe", "--topic", topic)
        assert "PartitionCount: 4" in described and "ReplicationFactor: 1" in described, described
        assert "Configs: message.timestamp.type=LogAppendTime" in described, described
        assert "Partition: 3\tLeader: 1\tReplicas: 1\tIsr: 1" in described, described
        again = kafka(_TOPICS, "--create", "--topic", topic, ok=False)
        assert f'topic "{topic}" already exists' in again, again
        kafka(_TOPICS, "--delete", "--topic", topic)
        assert topic not in kafka(_TOPICS, "--list").splitlines()


@case
def what_the_producer_sends_the_consumer_reads():
    for kafka in releases():
        topic = kafka.name + "_records"
        kafka(_TOPICS, "--create", "--topic", topic, "--partitions", "3")
        keys = [f"key{number}" for number in range(10)]
        kafka(kafka.producer, "--topic", topic, "--property", "parse.key=true",
              "--property", "key.separator=:", "--compression-codec", "zstd",
              stdin="".join(f"{key}:value of {key}\n" for key in keys))
        expected = {number: [] for number in range(3)}
        for key in keys:
            expected[kafka_wire.partition_of(key.encode(), 3)].append(f"{key}\tvalue of {key}")
        offsets = kafka(_OFFSETS, "--topic", topic).splitlines()
        assert offsets == [f"{topic}:{number}:{len(lines)}" for number, lines in expected.items()]
        for number, lines in expected.items():
            if lines:
                seen = kafka(_CONSUMER, "--topic", topic, "--partition", str(number), "--offset",
                             "earliest", "--max-messages", str(len(lines)),
                             "--property", "print.key=true")
                assert seen.splitlines() == lines, (number, seen)
        with kafka_wire.Connection(SERVER.kafka) as connection:
            batches = [batch for number in range(3) for batch in connection.batches(topic, number)]
        assert {batch.codec for batch in batches} == {"zstd"}, batches
        assert all(batch.producer_id >= 0 for batch in batches), "Java's producer is idempotent"


@case
def a_group_goes_on_where_it_has_come_to():
    for kafka in releases():
        topic, group = kafka.name + "_group", kafka.name + "_g"
        kafka(_TOPICS, "--create", "--topic", topic, "--partitions", "3")
        for words in (["a", "b", "c"], ["d"]):
            kafka(kafka.producer, "--topic", topic, stdin="\n".join(words) + "\n")
            seen = kafka(_CONSUMER, "--topic", topic, "--group", group, "--from-beginning",
                         "--timeout-ms", "15000", "--max-messages", str(len(words)))
            assert all(word in seen.splitlines() for word in words), seen
        seen = kafka(_GROUPS, "--describe", "--group", group)
        lag = [line.split()[5] for line in seen.splitlines() if line.startswith(group + " ")]
        assert lag == ["0", "0", "0"], seen


@case
def a_group_by_the_consumer_protocol_shares_the_work():
    for kafka in releases():
        if kafka.version[0] < "4":
            continue
        topic, group = kafka.name + "_new_group", kafka.name + "_new"
        kafka(_TOPICS, "--create", "--topic", topic, "--partitions", "3")
        kafka(kafka.producer, "--topic", topic, stdin="a\nb\nc\n")
        seen = kafka(_CONSUMER, "--topic", topic, "--group", group, "--from-beginning", "--timeout-ms", "15000",
                     "--max-messages", "3", "--consumer-property", "group.protocol=consumer")
        assert sorted(seen.split()) == ["a", "b", "c"], seen
        seen = kafka(_GROUPS, "--describe", "--group", group, "--state", "--verbose")
        assert "uniform" in seen and "Empty" in seen, seen
        seen = kafka(_GROUPS, "--list", "--type")
        assert any(line.split()[:2] == [group, "Consumer"] for line in seen.splitlines()), seen


run()
