"""Procedures of Kafka clients, of Kafka's tools, and on small disks."""
import os
import re
import struct
import subprocess
import tempfile
import time

from tools import T, check, client, connect, consume, create_topic, define, produce, report, rows, tool
import kafka_wire
from consumer_protocol_wire import Reader, compact, compact_array
from millrace_server import Skipped, binary, launch
from patience import Deadline, patience, wait_until

try:
    import confluent_kafka
    from confluent_kafka import TopicPartition
except ImportError:
    confluent_kafka = None


def offsets_for_times(server, topic, *times, partition=0):
    consumer = client(server, confluent_kafka.Consumer, group_id="times")
    try:
        return [consumer.offsets_for_times([TopicPartition(topic, partition, at)], patience(20))[0].offset for at in times]
    finally:
        consumer.close()


def largest_time(server, topic, partition=0):
    """(offset, timestamp) of ListOffsets MAX_TIMESTAMP, by hand: the client here is older than it."""
    partitions = compact_array([struct.pack(">iiq", partition, -1, -3) + b"\0"])
    body = b"\0" + struct.pack(">ib", -1, 0) + compact_array([compact(topic) + partitions + b"\0"]) + b"\0"
    with kafka_wire.Connection(server.kafka) as connection:
        answer = Reader(connection.ask(kafka_wire.LIST_OFFSETS, 7, body))
    answer.end()
    answer.number("i")  # throttle time
    answer.varint(), answer.text(), answer.varint(), answer.number("i")
    check(answer.number("h"), 0)
    timestamp = answer.number("q")
    return answer.number("q"), timestamp


@report(103)
def the_offset_of_a_time_inside_a_batch(server):
    for codec in ("none", "gzip", "zstd", "lz4", "snappy"):
        topic = f"in_a_batch_{codec}"
        create_topic(server, topic)
        produce(server, topic, [dict(value=b"x" * 200, timestamp=T + after) for after in (0, 10, 10, 20, 5)],
                compression_type=codec, linger_ms=50)
        check(offsets_for_times(server, topic, T - 5, T, T + 5, T + 10, T + 11, T + 20, T + 21), [0, 0, 1, 1, 3, 3, -1], codec)
    create_topic(server, "four_batches")
    for at in (2, 4, 6, 8):
        produce(server, "four_batches", [dict(value="x", timestamp=at)])
    check(offsets_for_times(server, "four_batches", *range(2, 10)), [0, 1, 1, 2, 2, 3, 3, -1])


@report(104)
def times_behind_the_end_and_after_deletes(server):
    try:
        import kafka
        from kafka import TopicPartition as Partition
    except ImportError as error:
        raise Skipped("kafka-python is not installed") from error
    create_topic(server, "t104", 2)
    produce(server, "t104", [dict(value="x", partition=0, timestamp=T + i) for i in range(5)])
    consumer = kafka.KafkaConsumer(bootstrap_servers=server.kafka)
    zero, one = Partition("t104", 0), Partition("t104", 1)
    found = consumer.offsets_for_times({zero: T + 2, one: T + 2})
    check((found[zero].offset, found[zero].timestamp, found[one]), (2, T + 2, None))
    check(consumer.offsets_for_times({zero: 1_800_000_000_000})[zero], None)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write('{"partitions":[{"topic":"t104","partition":0,"offset":5}],"version":1}')
        file.flush()
        tool(server, "kafka-delete-records", "--offset-json-file", file.name)
    check(consumer.offsets_for_times({zero: T})[zero], None)
    check(consumer.beginning_offsets([zero])[zero], 5)
    consumer.close()


@report(106)
def time_look_ups_under_append_time(server):
    create_topic(server, "t106", message_timestamp_type="LogAppendTime")
    before = int(time.time() * 1000)
    produce(server, "t106", [dict(value="a", timestamp=4_000_000_000_000 + i) for i in range(5)])
    time.sleep(0.3)  # the two times must differ by more than the clock's step
    between = int(time.time() * 1000)
    time.sleep(0.2)
    produce(server, "t106", [dict(value="b", timestamp=1000 + i) for i in range(5)])
    check(offsets_for_times(server, "t106", 1, before - 1, between, int(time.time() * 1000) + 60_000), [0, 0, 5, -1])
    offset, at = largest_time(server, "t106")
    assert offset >= 5 and before <= at <= time.time() * 1000 + 1000, (offset, at)
    with connect(server) as c:
        c.execute("CREATE STREAM s106 (x VARCHAR) WITH (kafka_topic='t106', value_format='KAFKA')")
        times = [at for at, in rows(c, "SELECT ROWTIME FROM s106")]
        assert len(times) == 10 and all(before <= at <= time.time() * 1000 for at in times), times


@report(107)
def the_offset_of_the_largest_time(server):
    create_topic(server, "t107")
    create_topic(server, "e107")
    produce(server, "t107", [dict(value="x", timestamp=T + after) for after in (10, 50, 20)])
    check(largest_time(server, "t107"), (1, T + 50))
    check(largest_time(server, "e107"), (-1, -1))


@report(109, "--log-retention-check-interval-ms", "1000")
def deletes_with_headers_and_empty_values_under_compaction(server):
    create_topic(server, "t109", cleanup_policy="compact", min_cleanable_dirty_ratio=0, delete_retention_ms=0, segment_ms=1,
                 segment_bytes=1000, min_compaction_lag_ms=0)
    for record in (dict(key="a", value="v1"), dict(key="b", value="v1"),
                   dict(key="a", value=None, headers=[("trace", b"1"), ("n", None)]), dict(key="b", value=b""),
                   *[dict(key="z", value=b"z" * 100)] * 3):
        produce(server, "t109", [record])
    found = []

    def is_compacted():
        found[:] = [(each.key(), each.value()) for each in consume(server, "t109")]
        return not any(key == b"a" for key, _ in found) and [value for key, value in found if key == b"b"] == [b""]
    wait_until(is_compacted, lambda: str(found), 40, pause_s=1)
    assert any(key == b"z" for key, _ in found), found


@report(110)
def names_of_topics(server):
    from confluent_kafka.admin import AdminClient, NewTopic
    admin = AdminClient({"bootstrap.servers": server.kafka})
    for name, code in (("a" * 249, 0), ("a" * 250, 17), ("a b", 17), ("ü", 17), (".", 17), ("..", 17), ("a/b", 17), ("cu4.c_x", 0),
                       ("cu4_c.x", 17), ("cu4.c_x", 36), ("-x-", 0)):
        try:
            admin.create_topics([NewTopic(name, 1, 1)])[name].result(patience(20))
            check(0, code, name)
        except confluent_kafka.KafkaException as error:
            check(error.args[0].code(), code, name)
            assert error.args[0].str(), name


@report(112)
def a_group_with_offsets_of_a_deleted_topic(server):
    from confluent_kafka.admin import AdminClient
    for topic in ("t112a", "t112b"):
        create_topic(server, topic)
        produce(server, topic, [dict(value="x")])
    consumer = client(server, confluent_kafka.Consumer, group_id="g112")
    consumer.commit(offsets=[TopicPartition("t112a", 0, 0), TopicPartition("t112b", 0, 1)], asynchronous=False)
    consumer.close()
    admin = AdminClient({"bootstrap.servers": server.kafka})
    admin.delete_topics(["t112a"])["t112a"].result(patience(20))
    text = tool(server, "kafka-consumer-groups", "--describe", "--group", "g112")
    assert re.search(r"g112 +t112b +0 +1 +1 +0\b", text) and "t112a" not in text, text
    assert "Consumer group 'g112' has no active members." in text, text
    with connect(server) as c:
        row, = rows(c, "SHOW CONSUMER LAG FOR g112")
        check([None if cell is None else str(cell) for cell in row[:7]], ["g112", "t112b", "0", "1", "1", "0", None][:len(row)])


@report(113, "--producer-id-expiration-ms", "2000")
def an_idempotent_producer_after_its_id_was_forgotten(server):
    create_topic(server, "t113")
    failures = []
    producer = client(server, confluent_kafka.Producer, enable_idempotence=True)
    for count in (7, 8):
        for _ in range(count):
            producer.produce("t113", "x", on_delivery=lambda error, _: error and failures.append(error))
        assert producer.flush(patience(30)) == 0
        if count == 7:
            time.sleep(6)  # three times the expiration, because the test cannot see whether the state was removed
    check(failures, [])
    check(len(consume(server, "t113")), 15)


@report(157)
def operators_reset_offsets(server):
    create_topic(server, "t1", 2)
    create_topic(server, "t2")
    for partition in (0, 1):
        produce(server, "t1", [dict(value="x", partition=partition)] * 5)
    produce(server, "t2", [dict(value="x", timestamp=T + 7)] * 3)
    consumer = client(server, confluent_kafka.Consumer, group_id="g1")
    consumer.commit(offsets=[TopicPartition("t1", 0, 2), TopicPartition("t1", 1, 2), TopicPartition("t2", 0, 1)], asynchronous=False)
    consumer.close()

    def committed():
        asker = client(server, confluent_kafka.Consumer, group_id="g1")
        try:
            return [each.offset for each in asker.committed([TopicPartition("t1", 0), TopicPartition("t1", 1), TopicPartition("t2", 0)],
                                                            patience(20))]
        finally:
            asker.close()

    def reset(*how, topic="t1"):
        return tool(server, "kafka-consumer-groups", "--group", "g1", *(("--topic", topic) if topic else ()), "--reset-offsets", *how)
    reset("--to-earliest", "--dry-run")
    check(committed(), [2, 2, 1])
    for how, wanted in ((("--to-earliest",), [0, 0, 1]), (("--to-latest",), [5, 5, 1]), (("--shift-by", "-100"), [0, 0, 1]),
                        (("--to-offset", "99"), [5, 5, 1]), (("--to-datetime", "2020-01-01T00:00:00.000"), [0, 0, 1])):
        reset(*how, "--execute")
        check(committed(), wanted, str(how))
    reset("--shift-by", "3", "--execute", topic="t1:1")
    check(committed(), [0, 3, 1])
    assert '"t1",0,' in reset("--by-duration", "PT1H", "--dry-run", "--export") or "t1,0," in reset("--by-duration", "PT1H", "--dry-run", "--export")
    reset("--to-latest", "--execute", "--all-topics", topic=None)
    check(committed(), [5, 5, 3])
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("t1,0,1\nt1,1,4\n")
        file.flush()
        reset("--from-file", file.name, "--execute", topic=None)
    check(committed(), [1, 4, 3])
    assert "t2:0:" in tool(server, "kafka-get-offsets", "--topic", "t2", "--time", "max-timestamp")
    assert "ksql_processing_log" not in tool(server, "kafka-topics", "--list", "--exclude-internal")


@report(158, "--offsets-retention-minutes", "1", "--offsets-retention-check-interval-ms", "1000")
def offsets_of_idle_groups_end(server):
    create_topic(server, "t158")
    produce(server, "t158", [dict(value="x")])
    idle = client(server, confluent_kafka.Consumer, group_id="idle")
    idle.commit(offsets=[TopicPartition("t158", 0, 1)], asynchronous=False)
    idle.close()
    busy = client(server, confluent_kafka.Consumer, group_id="busy", auto_offset_reset="earliest", enable_auto_commit=False)
    busy.subscribe(["t158"])
    wait_until(lambda: busy.poll(1), seconds=30)
    busy.commit(asynchronous=False)

    def is_over():
        busy.poll(0.1)
        return "idle" not in tool(server, "kafka-consumer-groups", "--list").split()
    wait_until(is_over, "the idle group is still listed", 120, pause_s=1)
    check(busy.committed([TopicPartition("t158", 0)], patience(20))[0].offset, 1)
    busy.close()


@report(175, None)
def the_address_that_clients_get():
    import socket
    def free():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    def refused(*flags):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([binary(), "server", "--data-dir", folder, "--pg", "127.0.0.1:0", "--http", "127.0.0.1:0", *flags],
                                  capture_output=True, text=True, timeout=patience(10), check=False)
        assert done.returncode, flags
        return done.stderr
    assert "--insecure" in refused("--kafka", f"0.0.0.0:{free()}") or "--access-file" in refused("--kafka", f"0.0.0.0:{free()}")
    for address in ("0.0.0.0:9092", "kafka", "PLAINTEXT://localhost:9092"):
        try:
            refused("--kafka", "127.0.0.1:0", "--kafka-advertised", address)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"it starts and advertises {address}") from error
    server = launch("--kafka-advertised", "kafka_1:9092")
    try:
        with kafka_wire.Connection(server.kafka) as connection:
            assert b"kafka_1" in connection.ask(kafka_wire.METADATA, 1, kafka_wire.array([]))
    finally:
        server.stop()


def small_disk():
    from small_disk import SmallDisk
    return SmallDisk(300)


@report(173, None)
def a_full_disk_keeps_the_acknowledged():
    disk = small_disk()
    data = os.path.join(disk.folder, "data")
    server = launch(data_dir=data)
    try:
        create_topic(server, "large")
        with connect(server) as c:
            define(c, """
                CREATE STREAM small (k INT KEY, v INT) WITH (kafka_topic='small', partitions=1);
                CREATE TABLE totals AS SELECT k, COUNT(*) AS n FROM small GROUP BY k;
                INSERT INTO small VALUES (1, 1), (1, 2);
            """)
            wait_until(lambda: rows(c, "SELECT n FROM totals") == [(2,)])
        acknowledged, failures = [0], []

        def done(error, _):
            if error:
                failures.append(error)
            else:
                acknowledged[0] += 1
        producer = client(server, confluent_kafka.Producer, enable_idempotence=True, message_timeout_ms=20_000, linger_ms=5)
        deadline = Deadline(200)
        while not failures:
            deadline.check("the disk does not fill up")
            try:
                producer.produce("large", os.urandom(20_000), on_delivery=done)
            except BufferError:
                pass
            producer.poll(0.001)
        producer.flush(patience(60))
        for how in ("first", "SIGTERM", "SIGKILL"):
            found = len(consume(server, "large"))
            # A record whose acknowledgement timed out at the client may be in the log.
            assert acknowledged[0] <= found <= acknowledged[0] + len(failures), (how, acknowledged, len(failures), found)
            with connect(server) as c:
                check(rows(c, "SELECT n FROM totals"), [(2,)], how)
            if how == "first":
                server.stop()
                server = launch(data_dir=data)
            elif how == "SIGTERM":
                os.kill(server.pid, 9)
                server.stop()
                server = launch(data_dir=data)
        tool(server, "kafka-configs", "--alter", "--entity-type", "topics", "--entity-name", "large",
             "--add-config", "retention.bytes=1000000,segment.bytes=1000000")

        def is_taken():
            try:
                produce(server, "small", [dict(value="1")], message_timeout_ms=5000)
                return True
            except AssertionError:
                return False
        wait_until(is_taken, "writes are still refused", 120)
    finally:
        server.stop()
        disk.close()


@report(176, None)
def reads_while_a_query_waits_for_room():
    import psycopg
    disk = small_disk()
    server = launch(data_dir=os.path.join(disk.folder, "data"))
    try:
        with connect(server) as c:
            c.execute("CREATE STREAM k (id INT KEY, i INT, v VARCHAR) WITH (kafka_topic='k', partitions=1)")
            text = "x" * 2000
            with c.cursor().copy("COPY k (id, i, v) FROM STDIN") as copy:
                for i in range(1, 13):
                    for key in range(2000):
                        copy.write_row((key, i, text))
            c.execute("CREATE TABLE t AS SELECT id, COUNT(*) AS n, SUM(i) AS s, MAX(i) AS m, MAX(v) AS l FROM k GROUP BY id")
            query, = next(iter(c.execute("SELECT query FROM millrace_catalog.queries WHERE query LIKE 'CTAS_T%'").fetchall()))
            c.execute(f"PAUSE {query}")
            disk.fill(36)
            c.execute(f"RESUME {query}")

            def look_up():
                """Reads all rows; returns whether the reader learns that the table is behind."""
                notices = []
                with connect(server) as reader:
                    reader.add_notice_handler(notices.append)
                    try:
                        for _, n, s, m in reader.execute("SELECT id, n, s, m FROM t").fetchall():
                            assert m == n and s == n * (n + 1) // 2, (n, s, m)
                    except (psycopg.errors.ObjectNotInPrerequisiteState, psycopg.errors.DiskFull):
                        return True
                return bool(notices)

            def state():
                return c.execute(f"SELECT state FROM millrace_catalog.queries WHERE query = '{query}'").fetchone()[0]

            def stands():
                look_up()
                return state() == "ERROR"
            wait_until(stands, "the query does not notice that the disk is full", 60)
            are_told = []
            for _ in range(20):
                is_told = look_up()
                if state() == "ERROR":
                    are_told.append(is_told)
            assert are_told and all(are_told), f"{are_told.count(False)} of {len(are_told)} look-ups do not report that the table is behind"
            os.unlink(disk.filler)

            def is_whole():
                try:
                    found = c.execute("SELECT n FROM t").fetchall()
                except (psycopg.errors.ObjectNotInPrerequisiteState, psycopg.errors.DiskFull):
                    return False
                return len(found) == 2000 and all(n == 12 for n, in found)
            wait_until(is_whole, "the query does not go on", 90)
    finally:
        server.stop()
        disk.close()
