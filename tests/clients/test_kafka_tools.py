#!/usr/bin/python3
"""The lines of any Kafka course, typed into the links with the names of Kafka's tools."""
import json
import os
import select
import signal
import re
import subprocess
import tempfile

import kafka_wire
from millrace_server import binary, case, obstacle_of_own_client, patience, run, start_server, wait_until

from transactions_wire import open_producer

SERVER = start_server()


def command(tool, *arguments):
    path = os.path.join(os.path.dirname(binary()), tool)
    return [path, "--bootstrap-server", SERVER.kafka, *arguments]


def kafka(tool, *arguments, stdin="", status=0):
    """Runs a tool, checks its exit status, and returns its output on stdout and stderr."""
    done = subprocess.run(command(tool, *arguments), input=stdin, text=True, capture_output=True,
                          timeout=60)
    assert done.returncode == status, (tool, arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


def topics(*arguments, status=0):
    return kafka("kafka-topics", *arguments, status=status)[0]


@case
def a_topic_lives_as_in_any_kafka_course():
    assert topics("--create", "--topic", "test", "--partitions", "3", "--replication-factor",
                  "1") == "Created topic test.\n"
    assert "test" in topics("--list").splitlines()
    described = topics("--describe", "--topic", "test").splitlines()
    head = re.fullmatch("Topic: test\tTopicId: ([A-Za-z0-9_-]{22})\tPartitionCount: 3\tReplicationFactor: 1\tConfigs: ", described[0])
    assert head, described
    assert topics("--describe", "--topic-id", head[1]).splitlines() == described
    assert "does not exist as expected" in topics("--describe", "--topic-id", "A" * 22, status=1)
    assert [line.split("\t")[:3] for line in described[1:]] == [
        ["", "Topic: test", f"Partition: {partition}"] for partition in range(3)], described
    assert all("\tLeader: 1\tReplicas: 1\tIsr: 1" in line for line in described[1:]), described
    assert topics("--alter", "--topic", "test", "--partitions", "4") == ""
    assert topics("--describe").count("\tTopic: test\t") == 4

    kafka("kafka-console-producer", "--topic", "test", stdin="hello\nworld\n")
    stdout, stderr = kafka("kafka-console-consumer", "--topic", "test", "--from-beginning",
                           "--max-messages", "2")
    assert sorted(stdout.splitlines()) == ["hello", "world"], stdout
    assert stderr == "Processed a total of 2 messages\n", stderr

    assert topics("--delete", "--topic", "test") == ""
    assert "test" not in topics("--list").splitlines()


@case
def the_names_with_sh_are_the_same_tools():
    kafka("kafka-topics.sh", "--create", "--topic", "dot-sh")
    kafka("kafka-console-producer.sh", "--topic", "dot-sh", stdin="x\n")
    stdout, _ = kafka("kafka-console-consumer.sh", "--topic", "dot-sh", "--from-beginning", "--max-messages", "1")
    assert stdout == "x\n", stdout


@case
def failures_have_kafkas_words_and_statuses():
    topics("--create", "--topic", "twice")
    assert topics("--create", "--topic", "twice", status=1) == (
        "Error while executing topic command : Topic 'twice' already exists.\n")
    assert topics("--create", "--topic", "twice", "--if-not-exists") == ""
    for action in ("--describe", "--delete"):
        assert topics(action, "--topic", "nobody", status=1) == (
            "Error while executing topic command : "
            "Topic 'nobody' does not exist as expected\n")
        assert topics(action, "--topic", "nobody", "--if-exists") == ""
    assert topics("--create", "--topic", "none", "--partitions", "0", status=1) == (
        "Error while executing topic command : The partitions must be greater than 0\n")
    for arguments, words in (
            (["--topic", "x"], "Command must include exactly one action"),
            (["--create"], 'Missing required argument "[topic]"'),
            (["--alter", "--topic", "x", "--config", "a=b"], "the kafka-configs CLI supports altering"),
            (["--list", "--zookeeper", "localhost:2181"], "--zookeeper is obsolete; use --bootstrap-server"),
            (["--create", "--topic", "x", "--if-exists"],
             'Option "[if-exists]" can\'t be used with option "[create]"')):
        assert words in kafka("kafka-topics", *arguments, status=1)[1], arguments
    for tool, words in (("kafka-topics", "--bootstrap-server must be specified"),
                        ("kafka-console-producer", "Missing required option(s) [bootstrap-server]"),
                        ("kafka-console-consumer", 'Missing required argument "[bootstrap-server]"')):
        alone = [command(tool)[0], *(["--list"] if tool == "kafka-topics" else ["--topic", "x"])]
        done = subprocess.run(alone, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and words in done.stderr, (tool, done.stderr)


@case
def topics_are_chosen_by_regular_expressions():
    for name in ("many-1", "many-2", "many-x"):
        topics("--create", "--topic", name)
    assert topics("--list", "--topic", "many-[0-9]").splitlines() == ["many-1", "many-2"]
    topics("--delete", "--topic", "many-1,many-2")
    assert topics("--list", "--topic", "many.*") == "many-x\n"
    kafka("kafka-console-producer", "--topic", "many-x", stdin="x\n")
    assert kafka("kafka-console-consumer", "--include", "many.*", "--from-beginning",
                 "--max-messages", "1")[0] == "x\n"


@case
def settings_of_a_topic_are_described():
    stdout = topics("--create", "--topic", "set_up", "--config", "cleanup.policy=compact", "--config",
                    "retention.ms=1000")
    assert stdout.startswith("WARNING: Due to limitations in metric names"), stdout
    assert "Configs: cleanup.policy=compact,retention.ms=1000\n" in topics("--describe", "--topic",
                                                                          "set_up")


@case
def keys_and_headers_are_typed_and_printed():
    topics("--create", "--topic", "keyed", "--partitions", "1")
    kafka("kafka-console-producer", "--topic", "keyed", "--property", "parse.key=true", "--property",
          "key.separator=:", "--compression-codec", stdin="k1:v1\nk2:v2:x\n")
    kafka("kafka-console-producer", "--topic", "keyed", "--property", "parse.key=true", "--property",
          "parse.headers=true", "--producer-property", "acks=1", stdin="h1:x,h2:\tk3\tv3\n")
    stdout, _ = kafka("kafka-console-consumer", "--topic", "keyed", "--partition", "0", "--offset",
                      "earliest", "--max-messages", "3", "--property", "print.key=true", "--property",
                      "print.headers=true", "--property", "print.offset=true", "--property",
                      "print.partition=true", "--property", "key.separator= | ")
    assert stdout.splitlines() == ["Partition:0 | Offset:0 | NO_HEADERS | k1 | v1",
                                   "Partition:0 | Offset:1 | NO_HEADERS | k2 | v2:x",
                                   "Partition:0 | Offset:2 | h1:x,h2: | k3 | v3"], stdout
    stdout, _ = kafka("kafka-console-consumer", "--topic", "keyed", "--partition", "0", "--offset", "2",
                      "--max-messages", "1", "--value-deserializer",
                      "org.apache.kafka.common.serialization.StringDeserializer")
    assert stdout == "v3\n", stdout


@case
def a_consumer_started_first_waits_for_what_comes():
    consumer = subprocess.Popen(command("kafka-console-consumer", "--topic", "first"),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(60):  # the moment when it begins to wait cannot be seen
        kafka("kafka-console-producer", "--topic", "first", stdin="hello\n")
        if select.select([consumer.stdout], [], [], 0.5)[0]:
            break
    else:
        raise AssertionError("it prints nothing")
    assert consumer.stdout.readline() == "hello\n"
    consumer.send_signal(signal.SIGINT)
    _, stderr = consumer.communicate(timeout=patience(10))
    assert consumer.returncode == 130 and "Processed a total of " in stderr, stderr


@case
def settings_are_described_by_the_tool_for_them():
    topics("--create", "--topic", "confs", "--config", "retention.ms=1000")
    def configs(*arguments, status=0):
        return kafka("kafka-configs", *arguments, status=status)
    assert configs("--describe", "--topic", "confs")[0] == (
        "Dynamic configs for topic confs are:\n"
        "  retention.ms=1000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=1000, "
        "DEFAULT_CONFIG:log.retention.ms=-1}\n")
    everything = configs("--describe", "--entity-type", "topics", "--entity-name", "confs", "--all")[0]
    assert everything.startswith("All configs for topic confs are:\n"), everything
    assert "\n  cleanup.policy=delete sensitive=false synonyms={DEFAULT_CONFIG:log.cleanup.policy=delete}" in everything, everything
    assert "auto.create.topics.enable=" in configs("--describe", "--broker", "1", "--all")[0]
    for arguments, words in (
            (["--describe", "--topic", "nobody"], "does not exist"),
            (["--alter", "--topic", "confs"], "At least one of --add-config"),
            (["--topic", "confs"], "Command must include exactly one action"),
            (["--alter", "--topic", "confs", "--add-config", "x"], 'in the format "key=val"'),
            (["--alter", "--topic", "confs", "--delete-config", "segment.ms"], "Invalid config(s): segment.ms")):
        assert words in configs(*arguments, status=1)[1], arguments


@case
def settings_of_all_brokers_are_changed_and_described():
    def configs(*arguments, status=0):
        return kafka("kafka-configs", *arguments, status=status)
    of_all = ("--entity-type", "brokers", "--entity-default")
    assert configs("--describe", *of_all)[0] == "Default configs for brokers in the cluster are:\n"
    assert configs("--alter", *of_all, "--add-config", "log.retention.ms=604800000,message.max.bytes=2000000")[0] == (
        "Completed updating default config for brokers in the cluster.\n")
    configs("--alter", "--broker-defaults", "--delete-config", "message.max.bytes")
    assert configs("--describe", "--broker-defaults")[0] == (
        "Default configs for brokers in the cluster are:\n"
        "  log.retention.ms=604800000 sensitive=false synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=604800000}\n")
    for arguments, words in (
            (["--alter", *of_all, "--delete-config", "message.max.bytes"], "Invalid config(s): message.max.bytes"),
            (["--alter", *of_all, "--add-config", "log.retention.ms=x"], '"x" is not a value of topic setting "retention.ms"'),
            (["--describe", "--entity-type", "topics", "--entity-default"], "--entity-default is not supported for topics")):
        assert words in configs(*arguments, status=1)[1], arguments
    configs("--alter", *of_all, "--delete-config", "log.retention.ms")
    assert configs("--describe", *of_all)[0] == "Default configs for brokers in the cluster are:\n"


@case
def settings_of_a_group_are_changed_and_described():
    def configs(*arguments, status=0):
        return kafka("kafka-configs", *arguments, status=status)
    assert configs("--describe", "--group", "patient")[0] == "Dynamic configs for group patient are:\n"
    configs("--alter", "--entity-type", "groups", "--entity-name", "patient",
            "--add-config", "consumer.session.timeout.ms=60000,consumer.heartbeat.interval.ms=6000")
    configs("--alter", "--group", "patient", "--delete-config", "consumer.heartbeat.interval.ms")
    assert configs("--describe", "--group", "patient")[0] == (
        "Dynamic configs for group patient are:\n"
        "  consumer.session.timeout.ms=60000 sensitive=false synonyms={DYNAMIC_GROUP_CONFIG:consumer.session.timeout.ms="
        "60000, STATIC_BROKER_CONFIG:group.consumer.session.timeout.ms=45000}\n")
    for setting, words in (("retention.ms=1", 'groups have no setting "retention.ms"'),
                           ("consumer.session.timeout.ms=1", "takes 45000 to 60000")):
        assert words in configs("--alter", "--group", "patient", "--add-config", setting, status=1)[1]


@case
def transactions_are_listed_described_and_ended():
    topics("--create", "--topic", "moved", "--partitions", "2")
    def transactions(*arguments, status=0):
        return kafka("kafka-transactions", *arguments, status=status)
    def rows(*arguments):
        return [line.split() for line in transactions(*arguments)[0].splitlines()]
    with kafka_wire.Connection(SERVER.kafka) as connection:
        producer = open_producer(connection, "mover")
        identity = str(producer.producer_id)
        assert rows("list") == [["TransactionalId", "Coordinator", "ProducerId", "TransactionState"],
                                ["mover", "1", identity, "Empty"]]
        start = producer.produce("moved", 1, [b"open"])
        assert rows("list")[1] == ["mover", "1", identity, "Ongoing"]
        assert len(rows("list", "--duration-filter", "3600000")) == 1
        described = rows("describe", "--transactional-id", "mover")[1]
        assert described[:6] == ["1", "mover", identity, str(producer.epoch), "Ongoing", "60000"], described
        assert described[-1] == "moved-1" and int(described[6]) > 0 and int(described[7]) >= 0, described
        at = ("--topic", "moved", "--partition", "1")
        seen = rows("describe-producers", *at)[1]
        assert seen[:2] == [identity, str(producer.epoch)] and seen[-1] == str(start), seen
        # The transaction is open for longer than allowed. Since its coordinator knows it, it is not a hanging
        # transaction.
        assert len(rows("find-hanging", "--broker-id", "1", "--max-transaction-timeout", "0")) == 1
        transactions("abort", *at, "--start-offset", str(start))
        assert rows("describe-producers", *at)[1][-1] == "None"
        assert f"transactions starting at offset {start}" in transactions("abort", *at, "--start-offset", str(start), status=1)[1]
    for arguments, words in (
            (["list", "more"], "more"), (["sell"], "Command must include exactly one action"),
            (["describe"], "--transactional-id is required"), (["find-hanging"], "either --topic or --broker-id"),
            (["find-hanging", "--broker-id", "7"], "broker 7 does not exist"),
            (["describe-producers", "--topic", "nobody", "--partition", "0"], "partition nobody-0 does not exist"),
            (["describe", "--transactional-id", "nobody"], "the transactional id does not exist"),
            (["abort", *at], "--start-offset or with")):
        assert words in transactions(*arguments, status=1)[1], (arguments, transactions(*arguments, status=1))


@case
def offsets_are_listed_by_partition():
    topics("--create", "--topic", "offs", "--partitions", "2")
    kafka("kafka-console-producer", "--topic", "offs", stdin="a\nb\nc\n")
    def offsets(*arguments, status=0):
        return kafka("kafka-get-offsets", *arguments, status=status)
    def sum_of(text):
        return sum(int(line.split(":")[2]) for line in text.splitlines())
    latest = offsets("--topic", "offs")[0]
    assert [line.rsplit(":", 1)[0] for line in latest.splitlines()] == ["offs:0", "offs:1"], latest
    assert sum_of(latest) == 3
    assert offsets("--topic", "of.s", "--time", "earliest")[0] == "offs:0:0\noffs:1:0\n"
    assert sum_of(offsets("--topic", "offs", "--time", "0")[0]) == 0
    assert offsets("--topic-partitions", "offs:1-,offs:7", "--time", "-2")[0] == "offs:1:0\n"
    assert offsets("--topic", "offs", "--partitions", "0", "--time", "-2")[0] == "offs:0:0\n"
    assert "Could not match any topic-partitions" in offsets("--topic", "nobody", status=1)[1]
    assert "Malformed time argument" in offsets("--topic", "offs", "--time", "noon", status=1)[1]


@case
def records_are_deleted_by_a_file_of_offsets():
    for topic, lines in (("shrinks", "a\nb\nc\n"), ("vanishes", "d\n")):
        topics("--create", "--topic", topic, "--partitions", "1")
        kafka("kafka-console-producer", "--topic", topic, stdin=lines)
    def delete(text, status=0):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(text)
            file.flush()
            return kafka("kafka-delete-records", "--offset-json-file", file.name, status=status)
    def wanted(*each):
        return json.dumps({"version": 1, "partitions": [
            {"topic": topic, "partition": partition, "offset": offset} for topic, partition, offset in each]})
    assert delete(wanted(("shrinks", 0, 2), ("vanishes", 0, -1)))[0] == (
        "Executing records delete operation\nRecords delete operation completed:\n"
        "partition: shrinks-0\tlow_watermark: 2\npartition: vanishes-0\tlow_watermark: 1\n")
    assert kafka("kafka-get-offsets", "--topic", "shrinks|vanishes", "--time", "-2")[0] == "shrinks:0:2\nvanishes:0:1\n"
    # The exit status shows scripts that only a part of the records was deleted.
    stdout, _ = delete(wanted(("shrinks", 0, 3), ("vanishes", 0, 9)), status=1)
    assert "partition: shrinks-0\tlow_watermark: 3\n" in stdout, stdout
    assert "partition: vanishes-0\terror: " in stdout and "out of range" in stdout, stdout
    for text, words in ((wanted(("shrinks", 0, 1), ("shrinks", 0, 2)), "duplicate topic partitions: shrinks-0"),
                        ("nonsense", "is not a valid JSON"), ("{}", "Missing partitions field")):
        assert words in delete(text, status=1)[1], text
    assert "Missing required option(s) [offset-json-file]" in kafka("kafka-delete-records", status=1)[1]


@case
def the_performance_tools_print_kafkas_lines():
    stdout, _ = kafka("kafka-producer-perf-test", "--topic", "perf", "--num-records", "20000", "--record-size",
                      "100", "--throughput", "-1", "--producer-props", "acks=1", "linger.ms=5")
    assert re.fullmatch(
        r"20000 records sent, [\d.]+ records/sec \([\d.]+ MB/sec\), [\d.]+ ms avg latency, [\d.]+ ms max "
        r"latency, \d+ ms 50th, \d+ ms 95th, \d+ ms 99th, \d+ ms 99.9th.\n", stdout), stdout
    stdout, _ = kafka("kafka-producer-perf-test", "--topic", "perf", "--num-records", "300", "--record-size",
                      "100", "--throughput", "300", "--reporting-interval", "400")
    assert re.match(r"\d+ records sent, [\d.]+ records/sec \([\d.]+ MB/sec\), [\d.]+ ms avg latency, "
                    r"[\d.]+ ms max latency.\n", stdout), stdout
    stdout, _ = kafka("kafka-consumer-perf-test", "--topic", "perf", "--messages", "20300")
    header, line = stdout.splitlines()
    assert header.startswith("start.time, end.time, data.consumed.in.MB, MB.sec, "), header
    assert line.split(", ")[4] == "20300" and len(line.split(", ")) == 10, line
    stdout, _ = kafka("kafka-consumer-perf-test", "--topic", "perf", "--messages", "99999", "--timeout", "500",
                      "--hide-header")
    assert "WARNING: Exiting before consuming the expected number of messages" in stdout, stdout


@case
def options_that_the_consumer_does_not_have_are_refused():
    for arguments, words in (
            (["--group", "g", "--partition", "0"],
             "Options group and partition cannot be specified together."),
            (["--offset", "earliest"], "The partition is required when offset is specified."),
            (["--partition", "0", "--offset", "soon"], "The provided offset value 'soon' is incorrect."),
            (["--formatter", "com.example.Avro"], "the formatter com.example.Avro is not supported")):
        _, stderr = kafka("kafka-console-consumer", "--topic", "keyed", *arguments, status=1)
        assert words in stderr, (arguments, stderr)


@case
def a_group_is_described_reset_and_deleted():
    topics("--create", "--topic", "grouped", "--partitions", "2")
    kafka("kafka-console-producer", "--topic", "grouped", stdin="a\nb\n")
    stdout, _ = kafka("kafka-console-consumer", "--topic", "grouped", "--group", "g1", "--from-beginning",
                      "--max-messages", "2")
    assert sorted(stdout.split()) == ["a", "b"], stdout
    groups = lambda *arguments, **more: kafka("kafka-consumer-groups", *arguments, **more)
    wait_until(lambda: "Empty" in groups("--describe", "--group", "g1", "--state")[0], "the consumer is still a member")
    assert groups("--list")[0] == "g1\n"
    stdout, stderr = groups("--describe", "--group", "g1")
    assert stderr == "\nConsumer group 'g1' has no active members.\n", stderr
    described = stdout.splitlines()
    assert described[0] == "", described
    assert described[1].split() == ["GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET",
                                    "LAG", "CONSUMER-ID", "HOST", "CLIENT-ID"], described
    assert described[1].startswith("GROUP           TOPIC           PARTITION  CURRENT-OFFSET  "), described
    assert sum(int(line.split()[3]) for line in described[2:]) == 2, described
    assert all(line.split()[5:] == ["0", "-", "-", "-"] for line in described[2:]), described
    assert groups("--list", "--state")[0].split() == ["GROUP", "STATE", "g1", "Empty"]
    reset = ("--reset-offsets", "--group", "g1", "--topic", "grouped", "--to-earliest")
    stdout, stderr = groups(*reset)
    assert "No action will be performed" in stderr, stderr
    assert groups("--describe", "--group", "g1")[0].splitlines() == described, "nothing was changed"
    stdout, _ = groups(*reset, "--execute")
    assert stdout.splitlines()[1].split() == ["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"], stdout
    assert all(line.split()[3] == "0" for line in stdout.splitlines()[2:]), stdout
    _, stderr = groups("--describe", status=1)
    assert stderr.startswith("Option [describe] takes one of these options: [all-groups], [group]"), stderr
    assert groups("--delete", "--group", "g1")[0] == \
        "Deletion of requested consumer groups ('g1') was successful.\n"
    _, stderr = groups("--describe", "--group", "g1")
    assert stderr == "\nError: Consumer group 'g1' does not exist.\n", stderr


run(obstacle=obstacle_of_own_client())
