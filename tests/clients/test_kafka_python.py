#!/usr/bin/python3
"""kafka-python 2.0 against a server. Consumers are given partitions; groups have a test of their own."""
import time

import psycopg

import kafka_wire
from millrace_server import Deadline, Skipped, case, check_took_less, patience, run, start_server, timed

try:
    import kafka
    from kafka.admin import (ConfigResource, ConfigResourceType, KafkaAdminClient, NewPartitions,
                             NewTopic)
    from kafka.structs import TopicPartition
except ImportError:
    kafka = None

SERVER = start_server()


def connect(client, **settings):
    return client(bootstrap_servers=SERVER.kafka, **settings)


def needs_kafka_python():
    if kafka is None:
        raise Skipped("kafka-python is not installed")


def admin():
    needs_kafka_python()
    return connect(KafkaAdminClient)


def create_topic(topic, partition_count=1):
    client = admin()
    answer = client.create_topics([NewTopic(topic, partition_count, 1)])
    assert [error[1] for error in answer.topic_errors] == [0], answer
    client.close()


def read_all(topic, partition_count=1, **settings):
    """Returns the records from the beginning to the present end, partition by partition."""
    consumer = connect(kafka.KafkaConsumer, consumer_timeout_ms=10_000, **settings)
    partitions = [TopicPartition(topic, number) for number in range(partition_count)]
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    left = sum(consumer.end_offsets(partitions).values())
    records = []
    while len(records) < left:
        records.append(next(consumer))
    consumer.close()
    return sorted(records, key=lambda record: (record.partition, record.offset))


@case
def topics_are_made_described_grown_and_deleted():
    client = admin()
    create_topic("py_topic", 2)
    try:
        client.create_topics([NewTopic("py_topic", 2, 1)])
        raise AssertionError("it is there already")
    except kafka.errors.TopicAlreadyExistsError:
        pass
    client.create_partitions({"py_topic": NewPartitions(5)})
    described, = client.describe_topics(["py_topic"])
    assert len(described["partitions"]) == 5, described
    answer, = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "py_topic")])
    settings = {entry[0]: entry[1] for entry in answer.resources[0][4]}
    assert settings["message.timestamp.type"] == "CreateTime", settings
    assert "py_topic" in client.list_topics()
    client.delete_topics(["py_topic"])
    assert "py_topic" not in client.list_topics()
    client.close()


@case
def records_come_back_as_they_were_sent_with_each_codec():
    needs_kafka_python()
    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        topic = f"py_codec_{codec}"
        create_topic(topic)
        try:
            producer = connect(kafka.KafkaProducer, compression_type=codec, linger_ms=20)
        except AssertionError as error:  # the library of the codec is missing
            print(f"skipped codec {codec}: {error}")
            continue
        futures = [producer.send(topic, key=b"k%d" % number, value=b"the same words " * 10,
                                 headers=[("source", b"web"), ("n", b"%d" % number)],
                                 timestamp_ms=1_700_000_000_000 + number) for number in range(20)]
        assert [future.get(10).offset for future in futures] == list(range(20))
        producer.close()
        records = read_all(topic)
        assert [record.key for record in records] == [b"k%d" % number for number in range(20)]
        assert {record.value for record in records} == {b"the same words " * 10}
        assert records[7].headers == [("source", b"web"), ("n", b"7")], records[7]
        assert records[7].timestamp == 1_700_000_000_007 and records[7].timestamp_type == 0
        with kafka_wire.Connection(SERVER.kafka) as connection:
            codecs = {batch.codec for batch in connection.batches(topic)}
        assert codecs == {codec or "none"}, codecs


@case
def keys_reach_the_partition_that_sql_gives_them():
    create_topic("py_keys", 6)
    producer = connect(kafka.KafkaProducer)
    keys = [f"key-{number}" for number in range(50)]
    by_python = {}
    for key in keys:
        sent = producer.send("py_keys", key=key.encode(), value=b'{"N": 1}')
        by_python[key] = sent.get(10).partition
    producer.close()
    with psycopg.connect(host=SERVER.host, port=SERVER.port, user="millrace", dbname="millrace",
                         autocommit=True) as connection:
        connection.execute("CREATE STREAM py_keys (k VARCHAR KEY, n INT) "
                           "WITH (KAFKA_TOPIC = 'py_keys', VALUE_FORMAT = 'JSON')")
        for key in keys:
            connection.execute("INSERT INTO py_keys VALUES (%s, 2)", (key,))
        rows = connection.execute("SELECT k, n, ROWPARTITION FROM py_keys").fetchall()
    assert {(key, n): partition for key, n, partition in rows} == {
        (key, n): partition for key, partition in by_python.items() for n in (1, 2)}


@case
def records_without_keys_are_spread_and_none_is_lost():
    create_topic("py_spread", 3)
    producer = connect(kafka.KafkaProducer, acks="all")
    for number in range(300):
        producer.send("py_spread", b"%d" % number)
    producer.flush(patience(20))
    producer.close()
    records = read_all("py_spread", 3)
    assert sorted(int(record.value) for record in records) == list(range(300))
    assert {record.partition for record in records} == {0, 1, 2}


@case
def acks_0_and_1_store_too():
    create_topic("py_acks")
    for acks in (0, 1):
        producer = connect(kafka.KafkaProducer, acks=acks)
        producer.send("py_acks", b"acks %d" % acks).get(10)
        producer.flush(patience(10))
        producer.close()
    end = Deadline(10)
    while (values := [record.value for record in read_all("py_acks")]) != [b"acks 0", b"acks 1"]:
        end.check(lambda: str(values))


@case
def offsets_are_found_by_beginning_end_and_time():
    create_topic("py_offsets")
    producer = connect(kafka.KafkaProducer)
    for second in range(10):
        producer.send("py_offsets", b"x", timestamp_ms=1_700_000_000_000 + second * 1000).get(10)
    producer.close()
    consumer = connect(kafka.KafkaConsumer)
    partition = TopicPartition("py_offsets", 0)
    assert consumer.beginning_offsets([partition]) == {partition: 0}
    assert consumer.end_offsets([partition]) == {partition: 10}
    found = consumer.offsets_for_times({partition: 1_700_000_003_500})[partition]
    assert (found.offset, found.timestamp) == (4, 1_700_000_004_000), found
    assert consumer.offsets_for_times({partition: 1_800_000_000_000}) == {partition: None}
    consumer.close()


@case
def a_subscriber_without_a_group_reads_all_partitions():
    create_topic("py_subscribed", 3)
    producer = connect(kafka.KafkaProducer)
    for number in range(30):
        producer.send("py_subscribed", b"%d" % number)
    producer.flush(patience(10))
    producer.close()
    consumer = kafka.KafkaConsumer("py_subscribed", bootstrap_servers=SERVER.kafka,
                                   auto_offset_reset="earliest", consumer_timeout_ms=10_000)
    values = [int(next(consumer).value) for _ in range(30)]
    assert sorted(values) == list(range(30)), values
    consumer.close()


@timed
@case
def a_consumer_waits_for_new_records():
    create_topic("py_live")
    consumer = connect(kafka.KafkaConsumer, fetch_max_wait_ms=5000, auto_offset_reset="earliest")
    consumer.assign([TopicPartition("py_live", 0)])
    assert consumer.poll(300) == {}
    producer = connect(kafka.KafkaProducer)
    producer.send("py_live", b"now").get(10)
    began = time.monotonic()
    records = consumer.poll(10_000)
    check_took_less(began, 2)
    assert [record.value for batch in records.values() for record in batch] == [b"now"], records
    producer.close()
    consumer.close()


@case
def an_offset_beyond_the_end_is_reset_as_the_consumer_wants():
    create_topic("py_reset")
    producer = connect(kafka.KafkaProducer)
    producer.send("py_reset", b"only").get(10)
    producer.close()
    consumer = connect(kafka.KafkaConsumer, auto_offset_reset="earliest")
    consumer.assign([TopicPartition("py_reset", 0)])
    consumer.seek(TopicPartition("py_reset", 0), 1000)
    end = Deadline(10)
    records = {}
    while not records and not end.is_over():
        records = consumer.poll(500)
    assert [record.value for batch in records.values() for record in batch] == [b"only"], records
    consumer.close()


@case
def the_servers_own_topic_is_not_deleted():
    client = admin()
    try:
        client.delete_topics(["ksql_processing_log"])
        raise AssertionError("it is the server's")
    except kafka.errors.InvalidTopicError:
        pass
    assert "ksql_processing_log" in client.list_topics()
    client.close()


@case
def access_rules_are_reported_as_off():
    from kafka.admin import ACLFilter, ACLOperation, ACLPermissionType, ResourcePatternFilter, \
        ResourceType, ACLResourcePatternType
    client = admin()
    everything = ACLFilter(principal=None, host="*", operation=ACLOperation.ANY,
                           permission_type=ACLPermissionType.ANY,
                           resource_pattern=ResourcePatternFilter(
                               ResourceType.ANY, None, ACLResourcePatternType.ANY))
    try:
        client.describe_acls(everything)
        raise AssertionError("there are none")
    except kafka.errors.SecurityDisabledError:
        pass
    client.close()


@case
def a_topic_that_is_made_again_is_not_that_of_the_table():
    client = admin()
    with psycopg.connect(host=SERVER.host, port=SERVER.port, user="millrace", dbname="millrace",
                         autocommit=True) as connection:
        connection.execute("CREATE TABLE py_cities (city VARCHAR PRIMARY KEY, province VARCHAR)")
        connection.execute("INSERT INTO py_cities VALUES ('Lahore', 'Punjab')")
        client.delete_topics(["py_cities"])
        create_topic("py_cities")
        for statement in ("SELECT * FROM py_cities", "INSERT INTO py_cities VALUES ('Quetta', 'Balochistan')"):
            try:
                connection.execute(statement)
                raise AssertionError(f"{statement}: the table's topic is gone")
            except psycopg.Error as error:
                assert "read" in str(error) and "deleted" in str(error), error
    client.close()


run()
