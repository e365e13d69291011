#!/usr/bin/python3
"""Retention, compaction, deleted records and changed settings, as clients and queries see them."""
import json
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time

from kafka_wire import Connection, array, string
from millrace_server import binary, case, launch, patience, run, wait_until

try:
    import confluent_kafka
    import psycopg
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic
    OBSTACLE = None
except ImportError as missing:
    OBSTACLE = f"{missing.name} is not installed"

LIST_OFFSETS, DELETE_RECORDS, ALTER_CONFIGS, INCREMENTAL_ALTER_CONFIGS = 2, 21, 33, 44
OFFSET_OUT_OF_RANGE, INVALID_CONFIG, POLICY_VIOLATION, INVALID_RECORD = 1, 40, 44, 87
TOPIC = 2
FLAGS = ("--log-retention-check-interval-ms", "100")
PATIENCE_S = 20
SERVER = None if OBSTACLE else launch(*FLAGS)


def sql(*statements, server=None):
    """Runs the statements; returns the rows of the last one."""
    server = server or SERVER
    with psycopg.connect(host=server.host, port=server.port, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def create_topic(topic, partitions=1, server=None, **config):
    client = AdminClient({"bootstrap.servers": (server or SERVER).kafka})
    new = NewTopic(topic, num_partitions=partitions, replication_factor=1,
                   config={name.replace("_", "."): str(value) for name, value in config.items()})
    client.create_topics([new])[topic].result()


def configure(topic, **config):
    """Sends IncrementalAlterConfigs; returns the error code."""
    body = array([struct.pack(">b", TOPIC) + string(topic) + array(
        [string(name.replace("_", ".")) + b"\0" + string(str(value)) for name, value in config.items()])]) + b"\0"
    with Connection(SERVER.kafka) as connection:
        answer = connection.ask(INCREMENTAL_ALTER_CONFIGS, 0, body)
    return struct.unpack_from(">h", answer, 8)[0]


def delete_records(topic, offset, partition=0):
    """Returns (new log start, error code)."""
    body = array([string(topic) + array([struct.pack(">iq", partition, offset)])]) + struct.pack(">i", 1000)
    with Connection(SERVER.kafka) as connection:
        answer = connection.ask(DELETE_RECORDS, 0, body)
    return struct.unpack(">qh", answer[-10:])


def produce(topic, records, server=None, **settings):
    producer = confluent_kafka.Producer({"bootstrap.servers": (server or SERVER).kafka, **settings})
    errors = []
    for key, value in records:
        producer.produce(topic, key=key, value=value, partition=0,
                         on_delivery=lambda error, _: errors.append(error) if error else None)
        producer.poll(0)
    assert producer.flush(PATIENCE_S) == 0
    return errors


def offsets(topic, server=None):
    """Returns (log start, end)."""
    client = confluent_kafka.Consumer({"bootstrap.servers": (server or SERVER).kafka, "group.id": "none"})
    try:
        return client.get_watermark_offsets(TopicPartition(topic, 0), timeout=patience(10), cached=False)
    finally:
        client.close()


def read(topic, server=None):
    """Returns (offset, key, value) of all records of the partition, from its beginning."""
    client = confluent_kafka.Consumer({"bootstrap.servers": (server or SERVER).kafka, "group.id": "none",
                                       "enable.partition.eof": True, "auto.offset.reset": "error"})
    client.assign([TopicPartition(topic, 0, confluent_kafka.OFFSET_BEGINNING)])
    records = []
    while True:
        message = client.poll(patience(10))
        assert message is not None, "no answer in 10 s"
        if message.error():
            assert message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, message.error()
            break
        records.append((message.offset(), message.key(), message.value()))
    client.close()
    return records


@case
def records_go_by_their_age():
    create_topic("aged")
    produce("aged", [(None, b"old")] * 10)
    assert offsets("aged") == (0, 10)
    assert configure("aged", retention_ms=1500) == 0
    wait_until(lambda: offsets("aged") == (10, 10), "the records are still there")
    assert configure("aged", retention_ms=3_600_000) == 0  # longer than the next lines take
    produce("aged", [(None, b"new")])
    assert [value for _, _, value in read("aged")] == [b"new"]


@case
def a_changed_setting_takes_effect_at_once():
    create_topic("sized")
    for _ in range(20):
        produce("sized", [(None, b"x" * 10_000)])
    # A round of cleaning has passed when another topic has lost records in it.
    create_topic("sized_before", retention_bytes=50_000)
    for _ in range(20):
        produce("sized_before", [(None, b"x" * 10_000)])
    wait_until(lambda: offsets("sized_before") == (15, 20), offsets("sized_before"))
    assert offsets("sized") == (0, 20)
    assert configure("sized", retention_bytes=50_000) == 0
    wait_until(lambda: offsets("sized") == (15, 20), offsets("sized"))
    assert configure("sized", retention_bytes="many") == INVALID_CONFIG
    client = AdminClient({"bootstrap.servers": SERVER.kafka})  # the futures complete only as long as the client exists
    described = client.describe_configs(
        [ConfigResource(ConfigResource.Type.TOPIC, "sized")])
    values = {name: entry.value for name, entry in list(described.values())[0].result().items()}
    assert values["retention.bytes"] == "50000" and values["retention.ms"] == "-1", values


@case
def deleted_records_are_gone_for_consumers():
    create_topic("cut")
    produce("cut", [(None, str(i).encode()) for i in range(10)])
    assert delete_records("cut", 11)[1] == OFFSET_OUT_OF_RANGE
    assert delete_records("cut", 4) == (4, 0)
    assert offsets("cut") == (4, 10)
    assert [offset for offset, _, _ in read("cut")] == [4, 5, 6, 7, 8, 9]
    assert delete_records("cut", -1) == (10, 0)
    client = confluent_kafka.Consumer({"bootstrap.servers": SERVER.kafka, "group.id": "none",
                                       "auto.offset.reset": "error"})
    client.assign([TopicPartition("cut", 0, 3)])
    message = wait_until(lambda: client.poll(1), "no answer")
    assert message.error().code() in (confluent_kafka.KafkaError._AUTO_OFFSET_RESET,
                                      confluent_kafka.KafkaError.OFFSET_OUT_OF_RANGE), message.error()
    client.close()


@case
def the_start_of_a_topic_is_reported_while_its_records_are_deleted():
    others, rounds = 100, 200
    create_topic("shrinking", partitions=others + 1)
    produce("shrinking", [(None, b"x")] * rounds)
    # The partition that shrinks is the last one in the request. So the server answers for it a moment after it has
    # begun the request, and its start may move in between.
    wanted = [struct.pack(">iq", partition, -2) for partition in [*range(1, others + 1), 0]]
    body = struct.pack(">i", -1) + array([string("shrinking") + array(wanted)])
    told, is_over = [], threading.Event()

    def ask():
        with Connection(SERVER.kafka) as connection:
            while not is_over.is_set():
                told.append(struct.unpack(">hqq", connection.ask(LIST_OFFSETS, 1, body)[-18:]))

    asks = threading.Thread(target=ask)
    asks.start()
    try:
        wait_until(lambda: told, "no answer arrives")
        for offset in range(1, rounds + 1):
            assert delete_records("shrinking", offset) == (offset, 0)
    finally:
        is_over.set()
        asks.join()
    assert all(error == 0 for error, _, _ in told), [each for each in told if each[0] != 0][:3]
    begins = [offset for _, _, offset in told]
    assert begins == sorted(begins) and begins[-1] <= rounds, begins


@case
def records_that_a_paused_query_has_to_read_are_kept_and_shown():
    sql("CREATE STREAM held (k VARCHAR KEY, id INT) WITH (KAFKA_TOPIC = 'held', PARTITIONS = 1)",
        "CREATE TABLE held_count AS SELECT k, COUNT(*) AS n FROM held GROUP BY k")
    query = [row[0] for row in sql("SHOW QUERIES") if "held_count" in str(row).lower()][0]
    sql(f"PAUSE {query}")
    produce("held", [("a", json.dumps({"ID": i}).encode()) for i in range(50)])
    assert configure("held", retention_ms=200) == 0
    def kept():
        return [row for row in sql("SHOW SERVER") if "kept for" in row[1] and "held" in row[1]]
    # A record counts when its age exceeds the limit.
    shown = wait_until(lambda: [row for row in kept() if row[2] == "50"], lambda: str(kept()))
    assert shown[0][1].lower() == f"records of held kept for {query}".lower(), shown
    assert offsets("held") == (0, 50)
    sql(f"RESUME {query}")
    wait_until(lambda: offsets("held") == (50, 50), "the records are still there")
    wait_until(lambda: sql("SELECT n FROM held_count") == [(50,)], sql("SELECT n FROM held_count"))
    wait_until(lambda: not kept(), "they are shown although they have gone")


@case
def a_query_that_is_overtaken_by_deletion_reports_it():
    sql("CREATE STREAM lost (id INT) WITH (KAFKA_TOPIC = 'lost', PARTITIONS = 1)")
    produce("lost", [(None, b'{"ID": 1}')])
    sql("CREATE STREAM lost_copy AS SELECT * FROM lost")
    query = [row[0] for row in sql("SHOW QUERIES") if "lost_copy" in str(row).lower()][0]
    wait_until(lambda: offsets("lost_copy")[1] == 1, "the query does not run")
    sql(f"PAUSE {query}")
    wait_until(lambda: any(row[:2] == (query, "PAUSED") for row in sql("SHOW QUERIES")), lambda: str(sql("SHOW QUERIES")))
    produce("lost", [(None, b'{"ID": 2}')] * 5)
    assert delete_records("lost", 4) == (4, 0)
    sql(f"RESUME {query}")
    wait_until(lambda: offsets("lost_copy")[1] == 3, offsets("lost_copy"))
    wait_until(lambda: any("1 to 3" in str(row) for row in sql("SELECT message FROM ksql_processing_log")),
               lambda: str(sql("SELECT message FROM ksql_processing_log")))


@case
def a_compacted_topic_keeps_the_newest_of_each_key():
    create_topic("compacted", cleanup_policy="compact", min_cleanable_dirty_ratio=0.01, segment_ms=100,
                 delete_retention_ms=500)
    rows = {}
    for turn in range(5):
        batch = []
        for i in range(200):
            key, value = f"k{i % 50}", json.dumps({"V": turn * 1000 + i})
            if turn == 4 and i % 50 == 7:
                rows.pop(key, None)
                batch.append((key, None))
            else:
                rows[key] = turn * 1000 + i
                batch.append((key, value))
        assert not produce("compacted", batch, **{"compression.type": ["none", "lz4", "zstd", "gzip", "none"][turn]})
    produce("compacted", [("end", b'{"V": 0}')])
    rows["end"] = 0
    wait_until(lambda: len(read("compacted")) == 50, len(read("compacted")))
    stored = read("compacted")
    assert {key.decode(): json.loads(value)["V"] for _, key, value in stored} == rows
    assert offsets("compacted") == (0, 1001)
    # A new table reads the same records as an old one.
    sql("CREATE TABLE compacted (k VARCHAR PRIMARY KEY, v INT) WITH (KAFKA_TOPIC = 'compacted')")
    wait_until(lambda: dict(sql("SELECT k, v FROM compacted")) == rows, sql("SELECT k, v FROM compacted"))
    sql("CREATE STREAM compacted_s (k VARCHAR KEY, v INT) WITH (KAFKA_TOPIC = 'compacted')",
        "CREATE TABLE compacted_n AS SELECT k, COUNT(*) AS n FROM compacted_s GROUP BY k")
    wait_until(lambda: len(sql("SELECT k FROM compacted_n")) == 50, sql("SELECT k, n FROM compacted_n"))
    assert delete_records("compacted", 10)[1] == POLICY_VIOLATION


@case
def a_record_without_a_key_is_refused_in_a_compacted_topic():
    create_topic("keys", cleanup_policy="compact")
    errors = produce("keys", [(None, b"v")], **{"message.send.max.retries": 0})
    assert [error.code() for error in errors] == [INVALID_RECORD], errors
    assert not produce("keys", [("k", b"v")])


@case
def the_topic_of_a_table_is_compacted_and_the_table_is_the_same_after_a_crash():
    folder = tempfile.mkdtemp(prefix="millrace-cleanup-")
    server = launch(*FLAGS, data_dir=folder)
    try:
        sql("CREATE STREAM src (k VARCHAR KEY, v INT) WITH (KAFKA_TOPIC = 'src', PARTITIONS = 1)",
            "CREATE TABLE counts AS SELECT k, COUNT(*) AS n, SUM(v) AS total FROM src GROUP BY k", server=server)
        body = array([struct.pack(">b", TOPIC) + string("counts") + array(
            [string("cleanup.policy") + string("compact"), string("min.cleanable.dirty.ratio") + string("0"),
             string("segment.ms") + string("100")])]) + b"\0"
        with Connection(server.kafka) as connection:
            assert struct.unpack_from(">h", connection.ask(ALTER_CONFIGS, 0, body), 8)[0] == 0
        for turn in range(10):
            produce("src", [(f"k{i}", json.dumps({"V": i})) for i in range(20)], server=server)
            time.sleep(0.15)
        expected = {f"k{i}": (10, 10 * i) for i in range(20)}

        def rows(of):
            return {k: (n, total) for k, n, total in sql("SELECT k, n, total FROM counts", server=of)}
        wait_until(lambda: rows(server) == expected, rows(server))
        wait_until(lambda: len(read("counts", server=server)) < 50, "the topic is not compacted")
        os.kill(server.pid, signal.SIGKILL)
        server.stop()
        checked = subprocess.run([binary(), "check", "--data-dir", folder], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        server = launch(*FLAGS, data_dir=folder)
        assert rows(server) == expected
        last = {key.decode(): json.loads(value)["N"] for _, key, value in read("counts", server=server)}
        assert last == {f"k{i}": 10 for i in range(20)}, last
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if SERVER:
    import atexit
    atexit.register(SERVER.stop)
run(OBSTACLE)
