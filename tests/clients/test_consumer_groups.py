#!/usr/bin/python3
"""Consumer groups as their users know them: members that join, leave and are killed, offsets that survive.

Consumers are processes of their own, so that they can be killed; run as `test_consumer_groups.py LIBRARY
SERVER GROUP TOPIC MEMBER` this file is one, which prints its events as lines of JSON.
"""
import atexit
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import psycopg

from cluster_nodes import free_port
from millrace_server import Deadline, Skipped, advance_clock, case, launch, patience, run

try:
    import confluent_kafka
except ImportError:
    confluent_kafka = None
try:
    import kafka
except ImportError:
    kafka = None

SESSION_MS = 6000
PATIENCE_S = 40


# --- One consumer

def tell(**what):
    print(json.dumps(what), flush=True)


def consume_with_confluent_kafka(server, group, topic, member):
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": server, "group.id": group, "client.id": member,
        "session.timeout.ms": SESSION_MS, "heartbeat.interval.ms": 500, "auto.offset.reset": "earliest",
        "enable.auto.commit": False})
    consumer.subscribe(
        [topic], on_assign=lambda _, parts: tell(assigned=[part.partition for part in parts]))
    while True:
        record = consumer.poll(0.2)
        if record is None or record.error():
            continue
        tell(record=[record.partition(), record.offset(), record.value().decode()])
        try:
            consumer.commit(record, asynchronous=False)
        except confluent_kafka.KafkaException as error:
            tell(error=str(error))


def consume_with_kafka_python(server, group, topic, member):
    class Listener(kafka.ConsumerRebalanceListener):
        def on_partitions_revoked(self, revoked):
            pass

        def on_partitions_assigned(self, assigned):
            tell(assigned=[part.partition for part in assigned])

    consumer = kafka.KafkaConsumer(
        bootstrap_servers=server, group_id=group, client_id=member, session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=500, auto_offset_reset="earliest", auto_commit_interval_ms=100)
    consumer.subscribe([topic], listener=Listener())
    while True:
        for records in consumer.poll(200).values():
            for record in records:
                tell(record=[record.partition, record.offset, record.value.decode()])


LIBRARIES = {"confluent_kafka": (confluent_kafka, consume_with_confluent_kafka),
             "kafka_python": (kafka, consume_with_kafka_python)}


class Member:
    """A consumer in a process of its own, and its reports."""

    def __init__(self, library, server, group, topic, name):
        self.name = name
        self.assigned = None
        self.records = []
        self._lines = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), library, server, group, topic, name],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        threading.Thread(target=self._read, daemon=True).start()
        atexit.register(self.kill)

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(json.loads(line))

    def look(self):
        while not self._lines.empty():
            line = self._lines.get()
            if "assigned" in line:
                self.assigned = sorted(line["assigned"])
            elif "record" in line:
                self.records.append(tuple(line["record"]))

    def kill(self):
        self._process.kill()
        self._process.wait()


# --- The tests

class GroupServer:
    """A server that can be killed and restarted on the same address and data."""

    def __init__(self, *flags):
        self._data_dir = tempfile.mkdtemp(prefix="millrace-groups-")
        self._flags = ("--group-initial-rebalance-delay-ms", "100", *flags)
        self.kafka = f"127.0.0.1:{free_port()}"
        self._running = launch(*self._flags, data_dir=self._data_dir, kafka=self.kafka)
        self.host, self.port = self._running.host, self._running.port
        atexit.register(self.stop)

    def advance_clock(self, by_ms):
        advance_clock(self._running, by_ms)

    def kill_and_restart(self):
        os.kill(self._running.pid, signal.SIGKILL)
        self._running.stop()
        self._running = launch(*self._flags, data_dir=self._data_dir, kafka=self.kafka)
        self.port = self._running.port

    def stop(self):
        self._running.stop()
        shutil.rmtree(self._data_dir, ignore_errors=True)


def until(what, members=(), patience_s=PATIENCE_S):
    """Waits until what() is true, and reads the reports of `members` meanwhile."""
    deadline = Deadline(patience_s)
    while True:
        for member in members:
            member.look()
        if what():
            return
        deadline.check(lambda: str([(member.name, member.assigned, len(member.records)) for member in members]))
        time.sleep(0.05)


def needs(library):
    if library is None:
        raise Skipped("the library is not installed")


def make_topic(server, topic, partitions):
    from confluent_kafka.admin import AdminClient, NewTopic
    admin = AdminClient({"bootstrap.servers": server.kafka})
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(patience(20))


def produce(server, topic, values, partitions=3):
    producer = confluent_kafka.Producer({"bootstrap.servers": server.kafka})
    for number, value in enumerate(values):
        producer.produce(topic, value, key=f"key {number}", partition=number % partitions)
    assert producer.flush(patience(20)) == 0


def are_shared_out(members, partitions=3):
    held = [partition for member in members for partition in member.assigned or ()]
    return sorted(held) == list(range(partitions)) and all(m.assigned is not None for m in members)


def lag_of(server):
    """Returns {partition: (lag, whether a member reads it)}, as SQL shows it."""
    with psycopg.connect(host=server.host, port=server.port) as connection:
        rows = connection.execute("SHOW CONSUMER LAG FOR g1").fetchall()
    return {row[2]: (row[5], bool(row[6])) for row in rows}


def lecture(library):
    """Three consumers on three partitions, a fourth one idle, one killed, the server killed: each record is read,
    and no record twice that was committed; the lag is shown at each step."""
    needs(confluent_kafka)
    needs(LIBRARIES[library][0])
    server = GroupServer()
    make_topic(server, "lecture", 3)
    start = lambda name: Member(library, server.kafka, "g1", "lecture", name)
    members = [start(name) for name in ("a", "b", "c")]
    until(lambda: are_shared_out(members) and all(len(m.assigned) == 1 for m in members), members)
    seen = lambda: [value for member in members for _, _, value in member.records]
    produce(server, "lecture", [f"first {number}" for number in range(10)])
    until(lambda: len(seen()) >= 10, members)
    assert sorted(seen()) == sorted(f"first {number}" for number in range(10)), seen()
    all_is_read = {number: (0, True) for number in range(3)}
    until(lambda: lag_of(server) == all_is_read, members)

    members.append(start("d"))
    until(lambda: are_shared_out(members) and any(m.assigned == [] for m in members), members)

    killed = next(member for member in members if member.assigned)
    killed.kill()
    produce(server, "lecture", [f"missed {number}" for number in range(6)])
    behind, = killed.assigned
    until(lambda: lag_of(server)[behind][0] == 2 and sum(lag for lag, _ in lag_of(server).values()) == 2, members)
    left = [member for member in members if member is not killed]
    until(lambda: are_shared_out(left) and all(len(m.assigned) == 1 for m in left), left)
    produce(server, "lecture", [f"second {number}" for number in range(10)])
    until(lambda: len(seen()) >= 26, members)
    assert len(set(seen())) == 26 == len(seen()), sorted(seen())
    until(lambda: lag_of(server) == all_is_read, members)

    server.kill_and_restart()
    produce(server, "lecture", [f"third {number}" for number in range(10)])
    until(lambda: len(set(seen())) == 36, members)
    assert len(seen()) == 36, sorted(seen())
    until(lambda: lag_of(server) == all_is_read, members)
    for member in members:
        member.kill()
    server.stop()


@case
def members_of_confluent_kafka_come_go_and_are_killed():
    lecture("confluent_kafka")


@case
def members_of_kafka_python_come_go_and_are_killed():
    lecture("kafka_python")


@case
def committed_offsets_are_where_the_next_one_begins():
    needs(confluent_kafka)
    server = GroupServer()
    make_topic(server, "t", 1)
    produce(server, "t", [str(number) for number in range(10)], 1)
    settings = {"bootstrap.servers": server.kafka, "group.id": "g", "auto.offset.reset": "earliest",
                "enable.auto.commit": False, "session.timeout.ms": 250_000}  # no program waits for its end
    consumer = confluent_kafka.Consumer(settings)
    consumer.subscribe(["t"])
    for expected in range(4):
        record = consumer.poll(patience(20))
        assert record.offset() == expected, record.offset()
    consumer.commit(asynchronous=False)
    part = confluent_kafka.TopicPartition("t", 0)
    assert consumer.committed([part], 20)[0].offset == 4
    consumer.close()  # the consumer leaves the group, so that its session need not expire
    server.kill_and_restart()
    consumer = confluent_kafka.Consumer(settings)
    consumer.subscribe(["t"])
    record = consumer.poll(patience(30))
    assert record and record.offset() == 4, record
    consumer.close()
    server.stop()


@case
def a_member_that_ends_with_the_server_is_missed_after_the_restart():
    needs(confluent_kafka)
    server = GroupServer("--test-clock", "true")
    make_topic(server, "t", 1)
    member = Member("confluent_kafka", server.kafka, "g", "t", "a")
    until(lambda: member.assigned == [0], [member])
    member.kill()
    server.kill_and_restart()
    server.advance_clock(SESSION_MS + 1000)
    with psycopg.connect(host=server.host, port=server.port) as connection:
        until(lambda: [row[:2] for row in connection.execute("SHOW CONSUMER GROUPS").fetchall()] == [("g", "Empty")])
    server.stop()


@case
def offsets_are_committed_without_a_group():
    needs(kafka)
    needs(confluent_kafka)
    server = GroupServer()
    make_topic(server, "t", 2)
    consumer = kafka.KafkaConsumer(bootstrap_servers=server.kafka, group_id="alone",
                                   enable_auto_commit=False)
    parts = [kafka.TopicPartition("t", number) for number in range(2)]
    consumer.assign(parts)
    assert consumer.committed(parts[0]) is None
    consumer.commit({parts[0]: kafka.OffsetAndMetadata(7, "note")})
    assert consumer.committed(parts[0], metadata=True).metadata == "note"
    consumer.close()
    server.stop()


@case
def groups_are_listed_described_and_deleted():
    needs(kafka)
    needs(confluent_kafka)
    if not hasattr(kafka.KafkaAdminClient, "list_consumer_groups"):
        raise Skipped("kafka-python 3 has other names for it: current/check.py")
    server = GroupServer()
    make_topic(server, "t", 1)
    consumer = kafka.KafkaConsumer(bootstrap_servers=server.kafka, group_id="alone", enable_auto_commit=False)
    consumer.commit({kafka.TopicPartition("t", 0): kafka.OffsetAndMetadata(7, "")})
    consumer.close()
    admin = kafka.KafkaAdminClient(bootstrap_servers=server.kafka)
    assert ("alone", "") in admin.list_consumer_groups(), admin.list_consumer_groups()
    offsets = admin.list_consumer_group_offsets("alone")
    assert {part.partition: offset.offset for part, offset in offsets.items()} == {0: 7}, offsets
    described, = admin.describe_consumer_groups(["alone"])
    assert described.state == "Empty", described
    (_, error), = admin.delete_consumer_groups(["alone"])
    assert error is kafka.errors.NoError, error
    assert admin.list_consumer_groups() == []
    admin.close()
    server.stop()


@case
def kcat_reads_with_a_group():
    needs(confluent_kafka)
    if shutil.which("kcat") is None:
        raise Skipped("kcat is not installed")
    server = GroupServer()
    make_topic(server, "t", 1)
    produce(server, "t", ["a", "b", "c"], 1)

    def read():
        return subprocess.run(
            ["kcat", "-b", server.kafka, "-G", "kcat-group", "-X", "auto.offset.reset=earliest", "-e", "-q",
             "t"], capture_output=True, text=True, timeout=60, check=True).stdout.split()

    assert read() == ["a", "b", "c"]
    produce(server, "t", ["d"], 1)
    assert read() == ["d"]
    server.stop()


@case
def groups_and_their_lag_are_shown_in_sql():
    needs(confluent_kafka)
    server = GroupServer()
    make_topic(server, "t", 2)
    produce(server, "t", ["a", "b", "c", "d"], 2)
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": server.kafka, "group.id": "g1", "auto.offset.reset": "earliest",
        "enable.auto.commit": False})
    consumer.subscribe(["t"])
    record = consumer.poll(patience(20))
    consumer.commit(record, asynchronous=False)
    with psycopg.connect(host=server.host, port=server.port) as connection:
        (group, state, kind, _, members, partitions, lag), = connection.execute(
            "SHOW CONSUMER GROUPS").fetchall()
        assert (group, state, kind, members, partitions, lag) == ("g1", "Stable", "consumer", 1, 2, 1)
        rows = connection.execute("SHOW CONSUMER LAG FOR g1").fetchall()
        assert [row[:3] for row in rows] == [("g1", "t", 0), ("g1", "t", 1)], rows
        assert rows[record.partition()][3:6] == (1, 2, 1), rows
        assert rows[1 - record.partition()][3:6] == (None, 2, None), rows
        assert all(row[6] for row in rows), rows
        assert connection.execute("SHOW CONSUMER LAG FOR 'other'").fetchall() == []
    consumer.close()
    server.stop()


@case
def no_client_writes_or_deletes_the_topics_of_coordinators():
    needs(confluent_kafka)
    from confluent_kafka.admin import AdminClient
    server = GroupServer()
    make_topic(server, "t", 1)
    consumer = confluent_kafka.Consumer({"bootstrap.servers": server.kafka, "group.id": "g"})
    consumer.commit(offsets=[confluent_kafka.TopicPartition("t", 0, 3)], asynchronous=False)
    admin = AdminClient({"bootstrap.servers": server.kafka})
    topics = admin.list_topics(timeout=20).topics
    assert len(topics["__consumer_offsets"].partitions) == 50, topics
    refused = []
    producer = confluent_kafka.Producer({"bootstrap.servers": server.kafka})
    producer.produce("__consumer_offsets", b"x", b"y", on_delivery=lambda error, _: refused.append(error))
    producer.flush(patience(20))
    assert refused[0].code() == confluent_kafka.KafkaError.TOPIC_EXCEPTION, refused
    try:
        admin.delete_topics(["__consumer_offsets"])["__consumer_offsets"].result(patience(20))
        raise AssertionError("it was deleted")
    except confluent_kafka.KafkaException as error:
        assert error.args[0].code() == confluent_kafka.KafkaError.TOPIC_EXCEPTION, error
    consumer.close()
    server.stop()


if len(sys.argv) == 6:
    LIBRARIES[sys.argv[1]][1](*sys.argv[2:])
else:
    run()
