#!/usr/bin/python3
"""ALTER TOPIC, ALTER CONSUMER GROUP ... RESET OFFSETS and RECORDS(...) EMIT CHANGES: rights, groups with members, and
statements at nodes that neither lead the partitions nor coordinate the group."""
import json
import os
import tempfile
import threading
import urllib.request

from cluster_cases import GROUP, cluster, coordinator_of, create_topic, leader_of
from cluster_nodes import eventually
from cluster_sql import connect, rows_of, run_on
from millrace_server import Skipped, case, launch, patience, run

try:
    import psycopg
    from confluent_kafka import Consumer, Producer, TopicPartition
    from confluent_kafka.admin import AdminClient, ConfigResource
except ImportError:
    psycopg = Consumer = None

SECRET = "geheim-4711"


def file_with(text):
    handle, path = tempfile.mkstemp()
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def need_clients():
    if Consumer is None:
        raise Skipped("psycopg or confluent-kafka is not installed")


def error_of(connection, statement):
    try:
        connection.execute(statement)
    except psycopg.Error as error:
        return error
    raise AssertionError(f"not refused: {statement}")


def is_accepted(connection, statement):
    try:
        connection.execute(statement)
    except psycopg.Error:
        return False
    return True


def retention(nodes):
    topic = ConfigResource(ConfigResource.Type.TOPIC, "orders")
    admin = AdminClient({"bootstrap.servers": nodes.bootstrap})  # the future completes only as long as the client exists
    return admin.describe_configs([topic])[topic].result(patience(20))["retention.ms"].value


def alone(server, user="millrace", **options):
    return psycopg.connect(host="127.0.0.1", port=server.port, user=user, dbname="millrace", autocommit=True, **options)


@case
def the_rights_are_those_of_kafka():
    need_clients()
    server = launch("--access-file", file_with("host all all 127.0.0.1/32 scram-sha-256\n"),
                    "--superuser-password-file", file_with(SECRET + "\n"))
    reset = "ALTER CONSUMER GROUP 'billing' RESET OFFSETS FOR TOPIC orders TO EARLIEST"
    with alone(server, password=SECRET) as root:
        root.execute("CREATE STREAM orders (id INT KEY, v INT) WITH (PARTITIONS = 1)")
        root.execute(f"CREATE USER ann PASSWORD '{SECRET}'")
        with alone(server, "ann", password=SECRET) as ann:
            alter = "ALTER TOPIC orders SET ('retention.ms' = 3600000)"
            refused = error_of(ann, alter)
            assert refused.sqlstate == "42501" and "settings of topic orders" in str(refused), refused
            refused = error_of(ann, reset)
            assert refused.sqlstate == "42501" and "consumer group billing" in str(refused), refused
            root.execute("GRANT SELECT ON TOPIC \"group:billing\" TO ann")
            refused = eventually(lambda: (error := error_of(ann, reset)) and "topic orders" in str(error) and error)
            assert refused.sqlstate == "42501", refused
            assert error_of(ann, reset + " DRY RUN").sqlstate == "42501", "a preview shows offsets"
            root.execute("GRANT SELECT ON orders TO ann")
            assert ann.execute(reset).fetchall() == [("orders", 0, None, 0, None, None, 0)]
            assert error_of(ann, alter).sqlstate == "42501", "a reader changes no settings"
            root.execute("ALTER STREAM orders OWNER TO ann")
            ann.execute(alter)
            refused = error_of(ann, "SELECT * FROM RECORDS('secret') EMIT CHANGES")
            assert refused.sqlstate == "42501", refused
    server.stop()


@case
def a_group_with_members_is_refused_with_their_names():
    need_clients()
    server = launch()
    with alone(server) as c:
        c.execute("CREATE STREAM orders (id INT KEY, v INT) WITH (PARTITIONS = 1)")
        c.execute("INSERT INTO orders VALUES (1, 1), (2, 2)")
        consumer = Consumer({"bootstrap.servers": server.kafka, "group.id": "billing", "client.id": "till-7",
                             "auto.offset.reset": "earliest", "enable.auto.commit": "false"})
        consumer.subscribe(["orders"])
        eventually(lambda: (message := consumer.poll(1)) and not message.error())
        consumer.commit(asynchronous=False)
        reset = "ALTER CONSUMER GROUP billing RESET OFFSETS TO LATEST"
        refused = error_of(c, reset)
        assert refused.sqlstate == "55000" and "has 1 member" in str(refused) and "till-7" in refused.diag.message_detail, refused
        assert c.execute(reset + " DRY RUN").fetchall() == [("orders", 0, 1, 2, 0, 1, 0)]
        consumer.close()
        eventually(lambda: is_accepted(c, reset + " DRY RUN"))  # the member leaves the group a moment after close()
        assert c.execute(reset).fetchall() == [("orders", 0, 1, 2, 0, 1, 0)]
        assert c.execute(reset).fetchall() == [("orders", 0, 2, 2, 0, 0, 0)]
    server.stop()


@case
def a_followed_topic_shows_each_record_once():
    need_clients()
    server = launch()
    with alone(server) as c:
        c.execute("CREATE STREAM orders (id INT KEY, v INT) WITH (PARTITIONS = 3)")
        seen = []

        def follow():
            with alone(server) as other:
                for row in other.cursor().stream("SELECT key FROM RECORDS('orders', from_offset => 0) EMIT CHANGES LIMIT 3000"):
                    seen.append(int(row[0]))
        reader = threading.Thread(target=follow)
        reader.start()
        for first in range(0, 3000, 100):
            c.execute("INSERT INTO orders VALUES " + ", ".join(f"({each}, 0)" for each in range(first, first + 100)))
        reader.join(patience(60))
        assert not reader.is_alive() and sorted(seen) == list(range(3000)), len(seen)
        c.execute("DROP STREAM orders DELETE TOPIC")
        assert error_of(c, "SELECT * FROM RECORDS('orders') EMIT CHANGES").sqlstate == "42P01"
    server.stop()


@case
def the_first_reset_of_a_cluster_waits_for_the_coordinator():
    """No group exists before, so the topic of the offsets is created, and its leaders are chosen, during the statement."""
    need_clients()
    nodes = cluster()
    create_topic(nodes, "first", partitions=1)
    for number, node in nodes.nodes.items():
        with connect(node) as c:
            reset = f"ALTER CONSUMER GROUP 'first-{number}' RESET OFFSETS FOR TOPIC first TO EARLIEST"
            assert c.execute(reset).fetchall() == [("first", 0, None, 0, None, None, 0)]


@case
def a_reset_without_a_coordinator_ends_at_statement_timeout():
    need_clients()
    nodes = cluster()
    create_topic(nodes, "lonely", partitions=1)
    for number in (2, 3):
        nodes.nodes[number].kill()
    with connect(nodes.nodes[1]) as c:
        c.execute("SET statement_timeout = '2s'")
        refused = error_of(c, "ALTER CONSUMER GROUP 'lonely' RESET OFFSETS FOR TOPIC lonely TO EARLIEST")
        assert refused.sqlstate == "57014", refused
    nodes.start_all()


@case
def every_node_alters_topics_and_resets_groups():
    need_clients()
    nodes = cluster()
    create_topic(nodes, "orders", assignment=[[1, 2, 3], [2, 3, 1], [3, 1, 2]])
    producer = Producer({"bootstrap.servers": nodes.bootstrap})
    for number in range(30):
        producer.produce("orders", str(number), partition=number % 3)
    producer.flush(30)
    assert {leader_of(nodes, "orders", each).number for each in range(3)} == {1, 2, 3}, "each node leads a partition"
    for number, node in nodes.nodes.items():
        run_on(node, f"ALTER TOPIC orders SET ('retention.ms' = {number * 3600000})")
        eventually(lambda number=number: retention(nodes) == str(number * 3600000))
        group = f"billing-{number}"
        coordinator = coordinator_of(nodes, GROUP, group)
        for place in [each for each in nodes.nodes.values() if each is not coordinator]:
            with connect(place) as c:
                changes = c.execute(f"ALTER CONSUMER GROUP '{group}' RESET OFFSETS FOR TOPIC orders TO OFFSET 4").fetchall()
                assert [row[:2] + row[3:4] + row[6:] for row in changes] == [("orders", each, 4, 6) for each in range(3)], changes
                moved = c.execute(f"ALTER CONSUMER GROUP '{group}' RESET OFFSETS SHIFT BY 3").fetchall()
                assert [row[2:] for row in moved] == [(4, 7, 0, 3, 3)] * 3, moved
        committed = f"SELECT committed FROM millrace_catalog.consumer_lag WHERE \"group\" = '{group}'"
        eventually(lambda: [row[0] for row in rows_of(coordinator, committed)] == [7] * 3)


@case
def every_node_deletes_records_of_partitions_that_other_nodes_lead():
    need_clients()
    nodes = cluster()
    create_topic(nodes, "cut", assignment=[[1, 2], [2, 3], [3, 1]])
    producer = Producer({"bootstrap.servers": nodes.bootstrap})
    for number in range(30):
        producer.produce("cut", str(number), partition=number % 3)
    producer.flush(30)

    def delete(node, before, **more):
        with urllib.request.urlopen(f"http://{node.http}/v3/clusters", timeout=30) as answer:
            identity = json.load(answer)["data"][0]["cluster_id"]
        body = {"partitions": [{"partition_id": each, "before_offset": before} for each in range(3)], **more}
        request = urllib.request.Request(f"http://{node.http}/v3/clusters/{identity}/topics/cut/records:delete", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return [(each["old_first_offset"], each["new_first_offset"], each["end_offset"]) for each in json.load(answer)["partitions"]]

    consumer = Consumer({"bootstrap.servers": nodes.bootstrap, "group.id": "none"})
    for number, node in nodes.nodes.items():
        first = (number - 1) * 2
        assert delete(node, number * 2, validate_only=True) == [(first, number * 2, 10)] * 3
        assert delete(node, number * 2) == [(first, number * 2, 10)] * 3
        for partition in range(3):
            found = consumer.get_watermark_offsets(TopicPartition("cut", partition), timeout=30)
            assert found == (number * 2, 10), (number, partition, found)
    consumer.close()


run()
