"""The newest Python clients: the requests that they send first, and those that they send most often."""
import asyncio
import time

import asyncpg
import confluent_kafka
import confluent_kafka.admin
import kafka
import kafka.admin
import pg8000.dbapi
import psycopg
from millrace_server import case, run, start_server

SERVER = start_server()
KAFKA = SERVER.kafka
WHERE = {"host": SERVER.host, "port": SERVER.port, "user": "ada"}


def statements(stream):
    return [f"CREATE STREAM {stream} (id INT KEY, name VARCHAR) WITH (kafka_topic = '{stream}', partitions = 1)",
            f"CREATE TABLE {stream}_counts AS SELECT name, COUNT(*) AS n FROM {stream} GROUP BY name"]


@case
def confluent_kafka_lists_topics_produces_and_consumes():
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": KAFKA})
    assert admin.list_topics(timeout=10).brokers
    admin.create_topics([confluent_kafka.admin.NewTopic("confluent", 1, 1)])["confluent"].result(10)
    assert "confluent" in admin.list_topics(timeout=10).topics
    producer = confluent_kafka.Producer({"bootstrap.servers": KAFKA, "enable.idempotence": True})
    for i in range(100):
        producer.produce("confluent", f"{i}", key="k")
    assert producer.flush(10) == 0
    consumer = confluent_kafka.Consumer({"bootstrap.servers": KAFKA, "group.id": "g",
                                         "enable.auto.commit": False})
    consumer.assign([confluent_kafka.TopicPartition("confluent", 0, 0)])
    got = []
    while len(got) < 100:
        message = consumer.poll(10)
        assert message is not None and not message.error(), message and message.error()
        got.append(message.value())
    consumer.close()
    assert got == [b"%d" % i for i in range(100)]


@case
def confluent_kafka_asks_as_an_administrator():
    kind = confluent_kafka.admin
    admin = kind.AdminClient({"bootstrap.servers": KAFKA})
    admin.create_topics([kind.NewTopic("asked", 2, 1)])["asked"].result(10)
    producer = confluent_kafka.Producer({"bootstrap.servers": KAFKA})
    for timestamp in (1000, 9000, 3000):
        producer.produce("asked", b"v", partition=0, timestamp=timestamp)
    assert producer.flush(10) == 0
    cluster = admin.describe_cluster().result(10)
    assert cluster.cluster_id and [node.id for node in cluster.nodes] == [cluster.controller.id]
    topics = admin.describe_topics(confluent_kafka.TopicCollection(["asked"]))["asked"].result(10)
    assert len(topics.partitions) == 2 and topics.topic_id, topics
    first = confluent_kafka.TopicPartition("asked", 0)
    for spec, offset in ((kind.OffsetSpec.earliest(), 0), (kind.OffsetSpec.latest(), 3),
                         (kind.OffsetSpec.max_timestamp(), 1), (kind.OffsetSpec.for_timestamp(2000), 1)):
        assert admin.list_offsets({first: spec})[first].result(10).offset == offset, offset
    elected = admin.elect_leaders(confluent_kafka.ElectionType.PREFERRED, [first]).result(10)
    assert elected[first].code() == confluent_kafka.KafkaError.ELECTION_NOT_NEEDED, elected
    rule = kind.AclBinding(kind.ResourceType.TOPIC, "asked", kind.ResourcePatternType.LITERAL, "User:ann", "*",
                           kind.AclOperation.READ, kind.AclPermissionType.ALLOW)
    try:
        admin.create_acls([rule])[rule].result(10)
        raise AssertionError("there are no access rules")
    except confluent_kafka.KafkaException as error:
        assert error.args[0].code() == confluent_kafka.KafkaError.SECURITY_DISABLED, error
    assert admin.describe_user_scram_credentials().result(10) == {}


@case
def confluent_kafka_shares_work_by_the_consumer_protocol():
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": KAFKA})
    admin.create_topics([confluent_kafka.admin.NewTopic("shared", 6, 1)])["shared"].result(10)
    consumers = []
    for subscription in ("shared", "^shar.*"):
        consumers.append(confluent_kafka.Consumer({
            "bootstrap.servers": KAFKA, "group.id": "shared", "group.protocol": "consumer",
            "auto.offset.reset": "earliest"}))
        consumers[-1].subscribe([subscription])
    producer = confluent_kafka.Producer({"bootstrap.servers": KAFKA})
    got, deadline, number = set(), time.monotonic() + 60, 0
    while time.monotonic() < deadline:
        producer.produce("shared", f"{number}")
        number += 1
        for consumer in consumers:
            message = consumer.poll(0.05)
            if message is not None and not message.error():
                got.add(message.value())
        if [len(consumer.assignment()) for consumer in consumers] == [3, 3]:
            break
    assert [len(consumer.assignment()) for consumer in consumers] == [3, 3]
    described = admin.describe_consumer_groups(["shared"])["shared"].result()
    assert len(described.members) == 2, described
    consumers.pop(0).close()
    producer.flush(10)
    while time.monotonic() < deadline and (len(got) < number or len(consumers[0].assignment()) < 6):
        message = consumers[0].poll(0.05)
        if message is not None and not message.error():
            got.add(message.value())
    assert len(got) == number and len(consumers[0].assignment()) == 6, (len(got), number)
    consumers[0].close()


@case
def kafka_python_produces_and_consumes():
    producer = kafka.KafkaProducer(bootstrap_servers=KAFKA)
    for i in range(100):
        producer.send("python", b"%d" % i)
    producer.flush(10)
    consumer = kafka.KafkaConsumer(bootstrap_servers=KAFKA, consumer_timeout_ms=10_000,
                                   enable_auto_commit=False)
    partitions = [kafka.TopicPartition("python", p) for p in consumer.partitions_for_topic("python")]
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    got = set()
    for message in consumer:
        got.add(message.value)
        if len(got) == 100:
            break
    assert got == {b"%d" % i for i in range(100)}


@case
def kafka_python_asks_as_an_administrator():
    admin = kafka.admin.KafkaAdminClient(bootstrap_servers=KAFKA)
    admin.create_topics([kafka.admin.NewTopic("asked_too", 2, 1)])
    assert admin.describe_cluster()["controller_id"] == 1
    directory, = admin.describe_log_dirs()[0]["log_dirs"]
    assert "asked_too" in [topic["name"] for topic in directory["topics"]], directory
    quorum = admin.describe_metadata_quorum()["topics"][0]
    assert quorum["partitions"][0]["leader_id"] == 1, quorum
    assert "asked_too" in admin.list_config_resources()["topic"]
    assert admin.list_partition_reassignments() == {}
    admin.close()


@case
def kafka_python_is_used_as_in_a_lecture():
    """The snippets are unchanged copies: ten messages with keys, and a group that reads each of them once."""
    producer = kafka.KafkaProducer(bootstrap_servers=KAFKA, key_serializer=str.encode, value_serializer=str.encode)
    for i in range(10):
        producer.send("lecture", key=f"key-{i % 3}", value=f"message {i}")
    producer.flush()
    consumer = lambda: kafka.KafkaConsumer("lecture", bootstrap_servers=KAFKA, auto_offset_reset="earliest", group_id="g1",
                                           consumer_timeout_ms=6000, value_deserializer=bytes.decode)
    first = consumer()
    assert sorted(message.value for message in first) == [f"message {i}" for i in range(10)]
    first.close()
    producer.send("lecture", key="key-0", value="one more").get(10)
    second = consumer()
    assert [message.value for message in second] == ["one more"]
    second.close()
    producer.close()


@case
def kafka_python_administers_groups():
    admin = kafka.admin.KafkaAdminClient(bootstrap_servers=KAFKA)
    admin.create_topics([kafka.admin.NewTopic("alone", 1, 1)])
    part = kafka.TopicPartition("alone", 0)
    consumer = kafka.KafkaConsumer(bootstrap_servers=KAFKA, group_id="alone", enable_auto_commit=False)
    consumer.assign([part])
    consumer.commit({part: kafka.OffsetAndMetadata(7, "", -1)})
    consumer.close()
    assert "alone" in [group["group_id"] for group in admin.list_groups()], admin.list_groups()
    offsets = admin.list_group_offsets(["alone"])["alone"]
    assert offsets[part].offset == 7, offsets
    assert admin.describe_groups(["alone"])["alone"]["group_state"] == "Empty"
    admin.delete_groups(["alone"])
    assert "alone" not in [group["group_id"] for group in admin.list_groups()]
    admin.close()


@case
def psycopg_asks_and_streams():
    with psycopg.connect(**WHERE, autocommit=True) as connection:
        for statement in statements("psycopg_rows"):
            connection.execute(statement)
        for i in range(10):
            connection.execute("INSERT INTO psycopg_rows VALUES (%s, %s)", (i, "even" if i % 2 == 0 else "odd"))
        assert connection.execute("SELECT n FROM psycopg_rows_counts WHERE name = %s", ("even",)).fetchall() == [(5,)]
        with connection.cursor() as cursor:
            rows = cursor.stream("SELECT name, n FROM psycopg_rows_counts EMIT CHANGES LIMIT 2")
            assert sorted(rows) == [("even", 5), ("odd", 5)]


@case
def asyncpg_asks():
    async def go():
        connection = await asyncpg.connect(**WHERE, database="millrace")
        for statement in statements("asyncpg_rows"):
            await connection.execute(statement)
        await connection.execute("INSERT INTO asyncpg_rows VALUES ($1, $2)", 1, "one")
        rows = await connection.fetch("SELECT name, n FROM asyncpg_rows_counts WHERE name = $1", "one")
        assert [tuple(row) for row in rows] == [("one", 1)], rows
        await connection.close()
    asyncio.run(go())


@case
def pg8000_asks():
    connection = pg8000.dbapi.connect(**WHERE)
    connection.autocommit = True
    cursor = connection.cursor()
    for statement in statements("pg8000_rows"):
        cursor.execute(statement)
    cursor.execute("INSERT INTO pg8000_rows VALUES (%s, %s)", (1, "one"))
    cursor.execute("SELECT name, n FROM pg8000_rows_counts WHERE name = %s", ("one",))
    assert [tuple(row) for row in cursor.fetchall()] == [("one", 1)]
    connection.close()


run()
