#!/usr/bin/python3
"""confluent-kafka (librdkafka) against a server: producers with idempotence, consumers with assigned
partitions. Groups and transactions have tests of their own."""
import threading
import time

import kafka_wire
from cluster_nodes import free_port
from millrace_server import Skipped, case, check_took_less, launch, patience, run, start_server, timed

try:
    import confluent_kafka
    from confluent_kafka import KafkaException, TopicPartition
    from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic
except ImportError:
    confluent_kafka = None

SERVER = start_server()
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def connect(client, **settings):
    return client({"bootstrap.servers": SERVER.kafka,
                   **{name if name == "log_level" else name.replace("_", "."): value
                      for name, value in settings.items()}})


def admin():
    if confluent_kafka is None:
        raise Skipped("confluent-kafka is not installed")
    return connect(AdminClient)


def create_topic(topic, partition_count=1, config=None):
    new = NewTopic(topic, num_partitions=partition_count, replication_factor=1, config=config or {})
    client = admin()  # the futures complete only as long as the client exists
    for future in client.create_topics([new]).values():
        future.result()


def produce(topic, records, **settings):
    """Sends (key, value) pairs; returns (partition, offset) of each."""
    producer = connect(confluent_kafka.Producer, **settings)
    stored = {}

    def report(number):
        def on_delivery(error, message):
            assert error is None, error
            stored[number] = message.partition(), message.offset()
        return on_delivery
    for number, (key, value) in enumerate(records):
        producer.produce(topic, key=key, value=value, on_delivery=report(number))
    assert producer.flush(patience(20)) == 0
    return [stored[number] for number in range(len(records))]


def consumer(**settings):
    # The client demands the name of a group even if it uses none.
    return connect(confluent_kafka.Consumer, group_id="none", enable_auto_commit=False,
                   enable_partition_eof=True, fetch_wait_max_ms=100, **settings)


def read_all(topic, partition_count=1):
    """Returns the messages from the beginning to the present end, partition by partition."""
    client = consumer()
    client.assign([TopicPartition(topic, number, confluent_kafka.OFFSET_BEGINNING)
                   for number in range(partition_count)])
    messages, ends = [], 0
    while ends < partition_count:
        message = client.poll(patience(10))
        assert message is not None, "no answer in 10 s"
        if message.error() is None:
            messages.append(message)
        else:
            assert message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, message.error()
            ends += 1
    client.close()
    return sorted(messages, key=lambda message: (message.partition(), message.offset()))


@case
def topics_are_made_described_grown_and_deleted():
    client = admin()
    create_topic("cf_topic", 2, {"message.timestamp.type": "LogAppendTime"})
    for future in client.create_partitions([NewPartitions("cf_topic", 5)]).values():
        future.result()
    assert len(client.list_topics("cf_topic").topics["cf_topic"].partitions) == 5
    resource = ConfigResource(ConfigResource.Type.TOPIC, "cf_topic")
    for future in client.describe_configs([resource]).values():
        assert future.result()["message.timestamp.type"].value == "LogAppendTime"
    for future in client.delete_topics(["cf_topic"]).values():
        future.result()
    assert "cf_topic" not in client.list_topics().topics


@case
def topics_that_cannot_be_created_report_the_reason():
    client = admin()
    for new, why in ((NewTopic("cf bad", num_partitions=1, replication_factor=1), "a-z, A-Z"),
                     (NewTopic("cf_three", num_partitions=1, replication_factor=3), "one replica"),
                     (NewTopic("cf_odd", num_partitions=1, replication_factor=1,
                               config={"no.such": "1"}), "no.such")):
        for future in client.create_topics([new]).values():
            try:
                future.result()
                raise AssertionError(why)
            except KafkaException as error:
                assert why in error.args[0].str(), error


@case
def each_codec_with_and_without_idempotence():
    admin()
    records = [(b"k%d" % number, b"the same words " * 10) for number in range(40)]
    for codec in CODECS:
        for is_idempotent in (False, True):
            topic = f"cf_{codec}_{is_idempotent}"
            create_topic(topic)
            stored = produce(topic, records, compression_type=codec,
                             enable_idempotence=is_idempotent)
            assert stored == [(0, number) for number in range(40)], stored
            messages = read_all(topic)
            assert [(m.key(), m.value()) for m in messages] == records
            with kafka_wire.Connection(SERVER.kafka) as connection:
                batches = connection.batches(topic)
            assert {batch.codec for batch in batches} == {codec}
            assert all((batch.producer_id >= 0) == is_idempotent for batch in batches)


@case
def headers_timestamps_and_tombstones_are_kept():
    create_topic("cf_whole")
    producer = connect(confluent_kafka.Producer)
    producer.produce("cf_whole", key=b"k", value=b"v", timestamp=1_700_000_000_123,
                     headers=[("a", b"1"), ("a", b"2"), ("none", None)])
    producer.produce("cf_whole", key=b"k", value=None)
    producer.produce("cf_whole", value=b"")
    assert producer.flush(patience(10)) == 0
    first, second, third = read_all("cf_whole")
    assert first.headers() == [("a", b"1"), ("a", b"2"), ("none", None)], first.headers()
    assert first.timestamp() == (confluent_kafka.TIMESTAMP_CREATE_TIME, 1_700_000_000_123)
    assert (second.key(), second.value()) == (b"k", None)
    assert third.key() is None and not third.value()


@case
def keys_reach_the_partition_that_kafka_gives_them():
    create_topic("cf_keys", 7)
    keys = [b"key-%d" % number for number in range(50)]
    stored = produce("cf_keys", [(key, b"v") for key in keys], partitioner="murmur2_random")
    assert [partition for partition, _ in stored] == [kafka_wire.partition_of(key, 7) for key in keys]


@case
def many_records_over_many_partitions_come_back_once_and_in_order():
    create_topic("cf_many", 6)
    records = [(b"%d" % (number % 50), b"%d" % number) for number in range(20_000)]
    produce("cf_many", records, enable_idempotence=True, linger_ms=5, compression_type="lz4",
            queue_buffering_max_messages=100_000)
    messages = read_all("cf_many", 6)
    by_key = {}
    for message in messages:
        by_key.setdefault(message.key(), []).append(int(message.value()))
    assert len(messages) == len(records)
    assert all(numbers == sorted(numbers) for numbers in by_key.values())
    assert sorted(sum(by_key.values(), [])) == list(range(len(records)))


@case
def several_idempotent_producers_share_a_partition():
    create_topic("cf_shared")
    threads = [threading.Thread(target=produce, args=(
        "cf_shared", [(b"%d" % who, b"%d" % number) for number in range(500)]),
        kwargs={"enable_idempotence": True}) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    by_producer = {}
    for message in read_all("cf_shared"):
        by_producer.setdefault(message.key(), []).append(int(message.value()))
    assert by_producer == {b"%d" % who: list(range(500)) for who in range(4)}


@case
def offsets_are_found_by_beginning_end_and_time():
    create_topic("cf_offsets")
    producer = connect(confluent_kafka.Producer)
    for second in range(10):
        producer.produce("cf_offsets", b"x", timestamp=1_700_000_000_000 + second * 1000)
        producer.flush(patience(10))
    client = consumer()
    assert client.get_watermark_offsets(TopicPartition("cf_offsets", 0), patience(10)) == (0, 10)
    for time_ms, offset in ((1_700_000_003_500, 4), (0, 0), (1_800_000_000_000, -1)):
        found, = client.offsets_for_times([TopicPartition("cf_offsets", 0, time_ms)], 10)
        assert found.offset == offset, (time_ms, found)
    client.close()


@timed
@case
def a_waiting_consumer_sees_a_record_at_once():
    create_topic("cf_live")
    client = connect(confluent_kafka.Consumer, group_id="none", enable_auto_commit=False,
                     fetch_wait_max_ms=5000)
    client.assign([TopicPartition("cf_live", 0, confluent_kafka.OFFSET_BEGINNING)])
    assert client.poll(1) is None
    produce("cf_live", [(None, b"now")])
    began = time.monotonic()
    message = client.poll(patience(10))
    assert message is not None and message.value() == b"now"
    check_took_less(began, 2)
    client.close()


@case
def each_listener_advertises_an_address_of_its_own():
    admin()
    outside, inside = free_port(), free_port()
    server = launch("--kafka-advertised", f"localhost:{outside},127.0.0.1:{inside}",
                    kafka=f"127.0.0.1:{outside},127.0.0.1:{inside}")
    for port, host in ((outside, "localhost"), (inside, "127.0.0.1")):
        known = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}"}).list_topics(timeout=20).brokers.values()
        assert [(each.host, each.port) for each in known] == [(host, port)], known
    server.stop()


@case
def a_message_that_is_too_large_is_refused_and_the_next_is_taken():
    create_topic("cf_large", 1, {"max.message.bytes": "20000"})
    try:
        produce("cf_large", [(None, b"x" * 30_000)])
        raise AssertionError("it should be too large")
    except AssertionError as error:
        assert "MSG_SIZE_TOO_LARGE" in str(error), error
    assert produce("cf_large", [(None, b"small")]) == [(0, 0)]


run()
