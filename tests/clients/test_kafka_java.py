#!/usr/bin/python3
"""Kafka's own tools, in Java, against a server.

Debian has no Kafka. MILLRACE_KAFKA_JARS names folders (separated by ':'), each with kafka-tools of
one release and all that it needs, as `mvn dependency:copy-dependencies` lays them down; without it
the cases are skipped.
"""
import functools
import glob
import json
import os
import re
import shutil
import subprocess

import kafka_wire
from millrace_server import Skipped, binary, case, run, start_server
from transactions_wire import open_producer

SERVER = start_server()
_TOPICS = "org.apache.kafka.tools.TopicCommand"
_CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer"
_GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
_OFFSETS = "org.apache.kafka.tools.GetOffsetShell"
_TRANSACTIONS = "org.apache.kafka.tools.TransactionsCommand"


class Release:
    """The tools of one release of Kafka."""

    def __init__(self, folder):
        jar, = glob.glob(os.path.join(folder, "kafka-tools-[0-9]*.jar"))
        self.version = re.search(r"kafka-tools-([\d.]+)\.jar", jar)[1]
        self.release = tuple(map(int, self.version.split(".")))
        self.name = "java_" + self.version.replace(".", "_")
        self._folder = folder
        self.producer = ("org.apache.kafka.tools.ConsoleProducer" if self.version[0] >= "4"
                         else "kafka.tools.ConsoleProducer")

    def __call__(self, tool, *arguments, stdin="", ok=True):
        """Runs a tool, and returns its output without notices of deprecated flags."""
        done = subprocess.run([*self.program(tool), "--bootstrap-server", SERVER.kafka, *arguments],
                              input=stdin, capture_output=True, text=True, timeout=120)
        assert not ok or done.returncode == 0, (self.version, tool, arguments, done.stdout, done.stderr)
        said = re.sub(r"^(Option|Warning:) --.* deprecated.*\n", "", done.stdout, flags=re.MULTILINE)
        return said if ok else said + done.stderr

    def program(self, tool):
        return ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", os.path.join(self._folder, "*"), tool]


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
def the_consumer_reads_the_records_of_the_producer():
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


@case
def groups_are_listed_reset_and_deleted():
    """Types the same lines into Java's tool and into Millrace's."""
    for kafka in releases():
        topic = kafka.name + "_offsets"
        kafka(_TOPICS, "--create", "--topic", topic, "--partitions", "1")
        kafka(kafka.producer, "--topic", topic, stdin="".join(f"{number}\n" for number in range(10)))
        ours = functools.partial(our_tool, "kafka-consumer-groups")
        for number, tool in enumerate((functools.partial(kafka, _GROUPS), ours)):
            group = f"{kafka.name}_reset{number}"
            kafka(_CONSUMER, "--topic", topic, "--group", group, "--from-beginning", "--max-messages", "10",
                  "--timeout-ms", "15000")
            for flags, place in ((["--to-earliest"], "0"), (["--shift-by", "3"], "3"), (["--to-offset", "7"], "7"),
                                 (["--to-datetime", "2020-01-01T00:00:00.000"], "0"), (["--to-latest"], "10")):
                said = tool("--reset-offsets", "--group", group, "--topic", topic, *flags, "--execute")
                assert said.split()[-4:] == [group, topic, "0", place], (flags, said)
            assert group in tool("--list").split()
            line, = [words for words in map(str.split, tool("--describe", "--group", group).splitlines())
                     if words[:1] == [group]]
            assert line[1:6] == [topic, "0", "10", "10", "0"], line
            tool("--delete", "--group", group)
            assert group not in tool("--list").split()


def our_tool(name, *arguments):
    done = subprocess.run([os.path.join(os.path.dirname(binary()), name), "--bootstrap-server", SERVER.kafka, *arguments],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (name, arguments, done.stdout, done.stderr)
    return done.stdout


def events(printed, name):
    """The JSON lines with that name in the output of verifiable clients."""
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return [line for line in lines if line["name"] == name]


@case
def the_verifiable_consumer_reads_the_records_of_the_verifiable_producer():
    for kafka in releases():
        topic = kafka.name + "_verifiable"
        kafka(_TOPICS, "--create", "--topic", topic, "--partitions", "3")
        sent = kafka("org.apache.kafka.tools.VerifiableProducer", "--topic", topic, "--max-messages", "1000",
                     "--acks", "-1")
        total, = events(sent, "tool_data")
        assert total["sent"] == total["acked"] == 1000, total
        seen = kafka("org.apache.kafka.tools.VerifiableConsumer", "--topic", topic, "--group-id", topic,
                     "--reset-policy", "earliest", "--max-messages", "1000", "--verbose")
        assert sum(event["count"] for event in events(seen, "records_consumed")) == 1000
        found = [(event["partition"], event["offset"]) for event in events(seen, "record_data")]
        assert len(set(found)) == len(found) == 1000
        committed = events(seen, "offsets_committed")
        assert committed and all(event["success"] for event in committed), committed


@case
def the_performance_tools_run():
    for kafka in releases():
        topic = kafka.name + "_performance"
        kafka(_TOPICS, "--create", "--topic", topic, "--partitions", "3")
        done = subprocess.run(
            [*kafka.program("org.apache.kafka.tools.ProducerPerformance"), "--topic", topic, "--num-records", "20000",
             "--record-size", "100", "--throughput", "-1", "--producer-props", f"bootstrap.servers={SERVER.kafka}",
             "acks=all", "compression.type=lz4"], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0 and "20000 records sent" in done.stdout, (done.stdout, done.stderr)
        flag = "--num-records" if kafka.release >= (4, 2) else "--messages"
        seen = kafka("org.apache.kafka.tools.ConsumerPerformance", "--topic", topic, flag, "20000",
                     "--timeout", "30000")
        assert int(seen.splitlines()[-1].split(", ")[4]) >= 20000, seen


@case
def transactions_are_listed_described_found_hanging_and_aborted():
    for kafka in releases():
        topic, name = kafka.name + "_transactions", kafka.name + "_hanging"
        kafka(_TOPICS, "--create", "--topic", topic, "--partitions", "1")
        with kafka_wire.Connection(SERVER.kafka) as connection:
            producer = open_producer(connection, name)
            start = producer.produce(topic, 0, [b"open"])
            listed = kafka(_TRANSACTIONS, "list")
            line, = [line.split() for line in listed.splitlines() if line.startswith(name)]
            assert line[-1] == "Ongoing" and line[2] == str(producer.producer_id), listed
            described = kafka(_TRANSACTIONS, "describe", "--transactional-id", name)
            assert f"{topic}-0" in described and "Ongoing" in described, described
            described = kafka(_TRANSACTIONS, "describe-producers", "--topic", topic, "--partition", "0")
            assert described.splitlines()[1].split()[0] == str(producer.producer_id), described
            # A transaction that the coordinator knows does not hang.
            assert topic not in kafka(_TRANSACTIONS, "find-hanging", "--broker-id", "1")
            kafka(_TRANSACTIONS, "abort", "--topic", topic, "--partition", "0", "--start-offset", str(start))
            described = kafka(_TRANSACTIONS, "describe-producers", "--topic", topic, "--partition", "0")
            assert described.splitlines()[1].split()[-1] == "None", described


run()
