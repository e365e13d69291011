#!/usr/bin/python3
"""kcat, which is librdkafka, against a server; and both directions between its topics and SQL."""
import json
import shutil
import subprocess
import time

import psycopg

import kafka_wire
from millrace_server import Deadline, Skipped, case, patience, run, start_server

SERVER = start_server()
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
# kcat's own default hashes keys with CRC32; streams, like Kafka's Java clients, with murmur2.
AS_JAVA = ("-X", "partitioner=murmur2_random")


def kcat(*arguments, stdin="", ok=True):
    """Returns its output: stdout, or both streams if it should fail."""
    if not shutil.which("kcat"):
        raise Skipped("kcat is not installed")
    done = subprocess.run(["kcat", "-b", SERVER.kafka, *arguments], input=stdin, text=True,
                          capture_output=True, timeout=60)
    assert ok == (done.returncode == 0), (arguments, done.returncode, done.stderr)
    return done.stdout if ok else done.stdout + done.stderr


def produce(topic, lines, *arguments):
    kcat("-P", "-t", topic, *arguments, stdin="".join(line + "\n" for line in lines))


def consume(topic, *arguments):
    """Returns the lines up to the end of the topic."""
    text = kcat("-C", "-t", topic, "-e", "-q", "-X", "fetch.wait.max.ms=100", *arguments)
    return text.splitlines()


def wire():
    return kafka_wire.Connection(SERVER.kafka)


def create_topic(topic, partition_count=1, **configs):
    with wire() as connection:
        connection.create_topic(topic, partition_count, **configs)


def sql():
    return psycopg.connect(host=SERVER.host, port=SERVER.port, user="millrace", dbname="millrace",
                           autocommit=True)


def wait_for(question, expected, timeout_s=20):
    """Repeats the request until the answer is as expected."""
    end = Deadline(timeout_s)
    while (answer := question()) != expected:
        end.check(lambda: str(answer))
        time.sleep(0.05)


# --- Topics

@case
def the_listing_shows_brokers_topics_and_partitions():
    create_topic("k_listed", 3)
    text = kcat("-L")
    assert "1 brokers:" in text and f"at {SERVER.kafka} (controller)" in text, text
    assert 'topic "k_listed" with 3 partitions:' in text, text
    one = json.loads(kcat("-L", "-J", "-t", "k_listed"))["topics"]
    assert [topic["topic"] for topic in one] == ["k_listed"], one
    assert [p["partition"] for p in one[0]["partitions"]] == [0, 1, 2], one


@case
def a_topic_is_made_when_it_is_first_produced_to():
    produce("k_made", ["one", "two"])
    assert sorted(consume("k_made", "-o", "beginning")) == ["one", "two"]
    with sql() as connection:
        topics = {row[0] for row in connection.execute("SHOW TOPICS")}
    assert "k_made" in topics, topics


@case
def reading_a_topic_that_does_not_exist_fails_with_that_reason():
    seen = kcat("-C", "-t", "k_absent", "-o", "beginning", "-e",
                "-X", "allow.auto.create.topics=false", ok=False)
    assert "Unknown topic or partition" in seen, seen


# --- Records

@case
def each_codec_is_stored_as_it_was_sent_and_read_back():
    lines = [f"{number}: the same words again and again" for number in range(50)]
    for codec in CODECS:
        topic = f"k_codec_{codec}"
        create_topic(topic)
        produce(topic, lines, "-z", codec)
        with wire() as connection:
            batches = connection.batches(topic)
        # librdkafka sends a batch uncompressed if compression does not make it smaller: on a busy machine the first
        # record is alone.
        assert {batch.codec for batch in batches if batch.count > 2} == {codec}, (codec, batches)
        assert all(batch.is_sound for batch in batches)
        assert sum(batch.count for batch in batches) == len(lines)
        assert consume(topic, "-o", "beginning") == lines, codec


@case
def keys_headers_and_tombstones_are_kept():
    create_topic("k_whole")
    produce("k_whole", ["a:first", "b:", ":no key"], "-K:", "-Z", "-H", "source=web", "-H", "n=1")
    lines = consume("k_whole", "-o", "beginning", "-f", r"%K|%k|%S|%s|%h\n")
    assert lines == ["1|a|5|first|source=web,n=1", "1|b|-1||source=web,n=1",
                     "-1||6|no key|source=web,n=1"], lines


@case
def empty_and_large_values_are_kept():
    create_topic("k_sizes")
    large = "x" * 900_000
    produce("k_sizes", ["k:" + large, "k:small"], "-K:", "-z", "lz4")
    kcat("-P", "-t", "k_sizes", "-K:", stdin="k:\n")
    lines = consume("k_sizes", "-o", "beginning", "-f", r"%S\n")
    assert lines == ["900000", "5", "0"], lines


@case
def reading_starts_at_the_given_offset():
    create_topic("k_offsets")
    lines = [str(number) for number in range(30)]
    produce("k_offsets", lines)
    assert consume("k_offsets", "-o", "beginning") == lines
    assert consume("k_offsets", "-o", "-10") == lines[-10:]
    assert consume("k_offsets", "-o", "12") == lines[12:]
    assert consume("k_offsets", "-o", "beginning", "-c", "3") == lines[:3]
    assert consume("k_offsets", "-o", "end") == []


@case
def reading_starts_and_stops_by_time():
    create_topic("k_times")
    with wire() as connection:
        for second in range(10):
            time_ms = 1_700_000_000_000 + second * 1000
            error, _ = connection.produce("k_times", kafka_wire.batch_of(
                b"%d" % second, base_timestamp=time_ms, max_timestamp=time_ms).encode())
            assert error == 0, error
    assert consume("k_times", "-o", "s@1700000004000") == ["4", "5", "6", "7", "8", "9"]
    assert consume("k_times", "-o", "s@1700000003001", "-o", "e@1700000006000") == ["4", "5"]
    assert consume("k_times", "-o", "s@1800000000000") == []
    # "topic:partition:time": offsets
    assert "[0] offset 5" in kcat("-Q", "-t", "k_times:0:1700000005000")


@case
def log_append_time_is_the_servers():
    create_topic("k_append_time", message_timestamp_type="LogAppendTime")
    with wire() as connection:
        connection.produce("k_append_time", kafka_wire.batch_of(b"old").encode())
        batch, = connection.batches("k_append_time")
        assert batch.has_log_append_time and batch.is_sound
    time_ms = int(consume("k_append_time", "-o", "beginning", "-f", r"%T\n")[0])
    assert abs(time_ms - time.time() * 1000) < 60_000, time_ms


@case
def a_waiting_consumer_sees_new_records_at_once():
    create_topic("k_live")
    reader = subprocess.Popen(["kcat", "-b", SERVER.kafka, "-C", "-t", "k_live", "-o", "beginning",
                               "-q", "-u", "-c", "2"], stdout=subprocess.PIPE, text=True)
    try:
        produce("k_live", ["first"])
        assert reader.stdout.readline() == "first\n"
        produce("k_live", ["second"])  # the consumer has read everything, so it waits
        assert reader.stdout.readline() == "second\n"
        assert reader.wait(patience(20)) == 0
    finally:
        reader.kill()
        reader.wait()


@case
def all_acknowledgement_modes_store():
    create_topic("k_acks")
    for acks in ("0", "1", "all"):
        produce("k_acks", ["acks " + acks], "-X", "acks=" + acks)
    wait_for(lambda: consume("k_acks", "-o", "beginning"), ["acks 0", "acks 1", "acks all"])


# --- Keys and partitions

@case
def kcat_sql_and_java_agree_on_the_partition_of_a_key():
    keys = [f"key-{number}" for number in range(40)] + ["ä", "日本", "a" * 37]
    create_topic("k_hashed", 5)
    produce("k_hashed", [f'{key}:{{"N": 1}}' for key in keys], "-K:", *AS_JAVA)
    by_kcat = {}
    for line in consume("k_hashed", "-o", "beginning", "-f", r"%k|%p\n"):
        key, partition = line.split("|")
        by_kcat[key] = int(partition)
    with sql() as connection:
        connection.execute("CREATE STREAM k_hashed (k VARCHAR KEY, n INT) "
                           "WITH (KAFKA_TOPIC = 'k_hashed', VALUE_FORMAT = 'JSON')")
        for key in keys:
            connection.execute("INSERT INTO k_hashed VALUES (%s, 2)", (key,))
        rows = connection.execute("SELECT k, ROWPARTITION FROM k_hashed WHERE n = 2").fetchall()
    assert by_kcat == {key: kafka_wire.partition_of(key.encode(), 5) for key in keys}
    assert dict(rows) == by_kcat, rows


@case
def whole_numbers_as_keys_reach_the_partition_of_their_bytes():
    create_topic("k_int_keys", 4)
    with sql() as connection:
        connection.execute("CREATE STREAM k_int_keys (id INT KEY, n INT) "
                           "WITH (KAFKA_TOPIC = 'k_int_keys', VALUE_FORMAT = 'JSON')")
        for number in range(20):
            connection.execute("INSERT INTO k_int_keys VALUES (%s, 1)", (number,))
    seen = consume("k_int_keys", "-o", "beginning", "-s", "key=i$", "-f", r"%k|%p\n")
    assert sorted(seen) == sorted(
        f"{number}|{kafka_wire.partition_of(number.to_bytes(4, 'big'), 4)}" for number in range(20))


@case
def numbers_that_are_written_as_text_are_for_the_format_json():
    with sql() as connection:
        for name, options in (("k_text", "WITH (KEY_FORMAT = 'JSON')"), ("k_bytes", "")):
            connection.execute(f"CREATE STREAM {name} (id INT KEY, city VARCHAR, amount DECIMAL(10, 2)) {options}")
            connection.execute(f"CREATE TABLE {name}_q AS SELECT city, COUNT(*) AS n FROM {name} GROUP BY city")
            produce(name, ['7:{"city":"Quetta","amount":19.99}'], "-K:", *AS_JAVA)
        wait_for(lambda: connection.execute("SELECT id, city FROM k_text").fetchall(), [(7, "Quetta")])
        wait_for(lambda: [row[0] for row in connection.execute(
            "SELECT last_error FROM millrace_catalog.queries WHERE query LIKE 'CTAS_K_BYTES%'")][0][:102],
                 "key: column ID: an INTEGER has 4 bytes in the KAFKA format, got 1: a number written as text is for the")


# --- SQL over the same topics

@case
def a_stream_is_declared_over_a_topic_that_kcat_made():
    produce("k_orders", ['1:{"city": "Lahore", "amount": 5}', '2:{"city": "Quito", "amount": 7}'],
            "-K:", *AS_JAVA)
    with sql() as connection:
        connection.execute("CREATE STREAM k_orders (id VARCHAR KEY, city VARCHAR, amount INT) "
                           "WITH (KAFKA_TOPIC = 'k_orders', VALUE_FORMAT = 'JSON')")
        connection.execute("CREATE TABLE k_by_city AS SELECT city, SUM(amount) AS total "
                           "FROM k_orders GROUP BY city")
        produce("k_orders", ['3:{"city": "Lahore", "amount": 10}'], "-K:", *AS_JAVA)
        wait_for(lambda: connection.execute(
            "SELECT total FROM k_by_city WHERE city = 'Lahore'").fetchall(), [(15,)])
        row = connection.execute("SELECT total FROM k_by_city WHERE city = 'Quito'").fetchone()
        assert row == (7,), row


@case
def a_table_is_declared_over_a_topic_and_takes_tombstones():
    create_topic("k_airports", 2)
    with sql() as connection:
        connection.execute("CREATE TABLE k_airports (iata VARCHAR PRIMARY KEY, city VARCHAR) "
                           "WITH (KAFKA_TOPIC = 'k_airports', VALUE_FORMAT = 'JSON')")
        connection.execute("CREATE TABLE k_airports_q AS SELECT * FROM k_airports")
        produce("k_airports", ['LHE:{"city": "Lahore"}', 'UIO:{"city": "Quito"}'], "-K:", *AS_JAVA)
        everything = "SELECT iata, city FROM k_airports_q"
        wait_for(lambda: sorted(connection.execute(everything).fetchall()),
                 [("LHE", "Lahore"), ("UIO", "Quito")])
        produce("k_airports", ["UIO:"], "-K:", "-Z", *AS_JAVA)
        wait_for(lambda: connection.execute(everything).fetchall(), [("LHE", "Lahore")])


@case
def kcat_reads_the_output_of_a_query():
    with sql() as connection:
        connection.execute("CREATE STREAM k_clicks (id VARCHAR KEY, n INT) WITH "
                           "(KAFKA_TOPIC = 'k_clicks', VALUE_FORMAT = 'JSON', PARTITIONS = 2)")
        connection.execute("CREATE STREAM k_large WITH (KAFKA_TOPIC = 'k_large') AS "
                           "SELECT id, n * 10 AS tenfold FROM k_clicks WHERE n > 1")
        connection.execute("INSERT INTO k_clicks VALUES ('a', 1), ('b', 2), ('c', 3)")
        assert sorted(consume("k_clicks", "-o", "beginning", "-f", r"%k=%s\n")) == [
            'a={"N":1}', 'b={"N":2}', 'c={"N":3}']
        wait_for(lambda: sorted(consume("k_large", "-o", "beginning", "-f", r"%k=%s\n")),
                 ['b={"TENFOLD":20}', 'c={"TENFOLD":30}'])
        # Any client may write to the topic of a stream.
        produce("k_clicks", ['d:{"N": 4}'], "-K:", *AS_JAVA)
        wait_for(lambda: sorted(consume("k_large", "-o", "beginning", "-f", r"%k=%s\n"))[-1:],
                 ['d={"TENFOLD":40}'])


@case
def a_push_query_shows_what_kcat_produces():
    create_topic("k_pushed")
    with sql() as connection:
        connection.execute("CREATE STREAM k_pushed (id VARCHAR KEY, n INT) "
                           "WITH (KAFKA_TOPIC = 'k_pushed', VALUE_FORMAT = 'JSON')")
        connection.execute("SET 'auto.offset.reset' = 'earliest'")
        rows = connection.cursor().stream("SELECT id, n FROM k_pushed EMIT CHANGES LIMIT 2")
        produce("k_pushed", ['a:{"n": 1}', 'b:{"n": 2}'], "-K:")
        assert list(rows) == [("a", 1), ("b", 2)]


@case
def deleting_a_topic_stops_the_query_that_reads_it_with_that_reason():
    with sql() as connection:
        create_topic("k_doomed")
        connection.execute("CREATE STREAM k_doomed (id VARCHAR KEY, n INT) "
                           "WITH (KAFKA_TOPIC = 'k_doomed', VALUE_FORMAT = 'JSON')")
        connection.execute("CREATE TABLE k_of_doomed AS "
                           "SELECT id, COUNT(*) AS c FROM k_doomed GROUP BY id")
        with wire() as kafka:
            kafka.delete_topic("k_doomed")

        def state():
            rows = connection.execute("SHOW QUERIES").fetchall()
            return [(row[1], row[7]) for row in rows if row[3] == "K_OF_DOOMED"]
        wait_for(state, [("ERROR", 'topic "k_doomed" was deleted. A new topic with the same name would not be the lost one: '
                               'DROP TABLE K_OF_DOOMED, and create it again.')])
        for statement in ("INSERT INTO k_doomed VALUES ('a', 1)", "SELECT * FROM k_doomed", "SELECT * FROM k_doomed EMIT CHANGES LIMIT 1",
                          "CREATE STREAM k_again AS SELECT * FROM k_doomed"):
            try:
                connection.execute(statement)
                raise AssertionError(f"the topic is gone: {statement}")
            except psycopg.Error as error:
                assert 'topic "k_doomed"' in str(error) and "was deleted" in str(error), (statement, error)
                assert error.diag.message_hint == "DROP K_DOOMED and create it again.", (statement, error)


run()
