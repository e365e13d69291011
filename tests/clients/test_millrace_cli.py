#!/usr/bin/python3
"""millrace topic, produce, consume and bench against a server."""
import fcntl
import json
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time

import psycopg

from patience import wait_until
from millrace_server import Deadline, binary, case, check_took_less, launch, obstacle_of_own_client, run, start_server, timed
from patience import patience

SERVER = start_server()


def millrace(*arguments, stdin="", status=0, server=SERVER.kafka):
    """Runs the command, and returns its output (stdout and stderr)."""
    done = subprocess.run([binary(), *arguments, "-b", server], input=stdin, text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


def lines(*arguments, **more):
    return millrace(*arguments, **more)[0].splitlines()


def consume(topic, *arguments):
    return lines("consume", topic, "--from-beginning", "--until-end", *arguments)


def first_line(consumer, produce):
    """Returns the first line that a consumer prints. The moment when it begins to wait cannot be seen, so records are
    produced until it prints."""
    for _ in range(60):
        produce()
        if select.select([consumer.stdout], [], [], 0.5)[0]:
            return consumer.stdout.readline()
    raise AssertionError("it prints nothing")


# --- Topics

@case
def a_topic_that_produce_creates_is_reported():
    _, stderr = millrace("produce", "mistyped", stdin="a\n")
    assert "Topic mistyped did not exist. The server created it with 4 partitions.\n" in stderr, stderr
    assert "did not exist" not in millrace("produce", "mistyped", stdin="b\n")[1]
    assert "did not exist" not in millrace("produce", "unwritten", stdin="")[1]
    assert "unwritten" not in millrace("topic", "list")[0]


@case
def a_topic_is_created_listed_described_widened_and_deleted():
    assert lines("topic", "create", "orders", "--partitions", "3", "--config",
                 "segment.ms=100000") == ["Created topic orders."]
    listed = lines("topic", "list")
    assert listed[0].split() == ["TOPIC", "PARTITIONS", "REPLICAS"], listed
    assert ["orders", "3", "1"] in [line.split() for line in listed], listed

    millrace("produce", "orders", "--partition", "1", stdin="a\nb\n")
    described = lines("topic", "describe", "orders")
    assert described[0] == "Topic orders: 3 partitions, replication factor 1", described
    assert "  segment.ms = 100000" in described, described
    assert [line.split()[-2:] for line in described[-4:-1]] == [["0", "0"], ["0", "2"], ["0", "0"]]

    millrace("topic", "alter", "orders", "--partitions", "5")
    assert lines("topic", "describe", "orders")[0].startswith("Topic orders: 5 partitions")
    assert lines("topic", "delete", "orders") == ["Deleted topic orders."]
    assert not any(line.startswith("orders ") for line in lines("topic", "list"))


@case
def existing_and_missing_topics_are_reported():
    millrace("topic", "create", "clicks")
    _, stderr = millrace("topic", "create", "clicks", status=1)
    assert "cannot create topic \"clicks\"" in stderr and "already exists" in stderr, stderr
    millrace("topic", "create", "clicks", "--if-not-exists")
    _, stderr = millrace("topic", "delete", "click", status=1)
    assert stderr == 'error: topic "click" does not exist\nhint: Did you mean "clicks"?\n', stderr
    millrace("topic", "delete", "click", "--if-exists")
    _, stderr = millrace("consume", "click", status=1)
    assert 'topic "click" does not exist' in stderr, stderr


@case
def settings_are_shown_and_changed():
    millrace("topic", "create", "settled")
    assert lines("config", "topic", "settled") == [
        "The topic settled has no settings of its own; --all shows the defaults in effect."]
    rows = [line.split() for line in lines("config", "topic", "settled", "retention.ms=1000", "segment.ms=2000")]
    assert rows[1:] == [["retention.ms", "1000", "set"], ["segment.ms", "2000", "set"]], rows
    rows = [line.split() for line in lines("config", "topic", "settled", "--unset", "segment.ms", "--all")]
    assert ["retention.ms", "1000", "set"] in rows and ["cleanup.policy", "delete", "default"] in rows, rows
    rows = [line.split() for line in lines("config", "group", "billing", "consumer.heartbeat.interval.ms=6000")]
    assert rows[1:] == [["consumer.heartbeat.interval.ms", "6000", "set"]], rows
    assert any(line.startswith("num.partitions") for line in lines("config", "broker", "1", "--all"))
    for arguments, status, words in (
            ((), 2, "a topic, a group or a broker is missing"), (("user", "x"), 2, 'not "user"'),
            (("topic",), 2, "the name of the topic is missing"), (("topic", "settled", "x"), 2, "of the form KEY=VALUE"),
            (("topic", "settled", "a=1", "--unset", "a"), 2, "cannot be set and unset at the same time"),
            (("topic", "settled", "a=1"), 1, '"a"'), (("topic", "nobody"), 1, "does not exist"),
            (("topic", "settled", "--unset", "segment.ms"), 1, '"segment.ms" is not set for the topic settled')):
        _, stderr = millrace("config", *arguments, status=status)
        assert words in stderr, (arguments, stderr)


@case
def a_plan_of_partitions_asks_no_server():
    def plan(*arguments):
        return subprocess.run([binary(), "topic", "plan", *arguments], capture_output=True, text=True,
                              timeout=60)
    done = plan("--throughput", "200MB/s", "--producer", "4x15MB/s", "--consumer", "6x20MB/s")
    assert done.returncode == 0 and done.stdout.startswith("4 partitions\n"), done
    assert plan("--throughput", "200MB/s").returncode == 2
    assert "is not a rate" in plan("--throughput", "fast", "--producer", "1MB/s", "--consumer",
                                   "1MB/s").stderr


@case
def an_unusual_name_of_a_topic_is_noticed_and_taken():
    stdout, stderr = millrace("topic", "create", "Orders_2")
    assert stdout == "Created topic Orders_2.\n", stdout
    assert stderr.startswith('notice: "Orders_2" has capital letters'), stderr


@case
def a_wrong_command_line_has_a_status_of_its_own():
    for arguments in (["topic"], ["topic", "make", "x"], ["topic", "create"], ["produce"],
                      ["topic", "create", "x", "--partitions", "none"], ["consume", "x", "--ofset", "1"],
                      ["produce", "x", "--property", "parse.kye=true"], ["bench", "x"]):
        _, stderr = millrace(*arguments, status=2)
        assert stderr, arguments


@case
def a_port_out_of_range_is_refused():
    for server, port in (("127.0.0.1:99999", "99999"), ("127.0.0.1:-1", "-1"), ("localhost:9092,[::1]:0", "0"), ("127.0.0.1:kafka", "kafka")):
        _, stderr = millrace("topic", "list", status=1, server=server)
        assert f'has no valid port: "{port}" is not a number from 1 to 65535' in stderr, stderr
        assert "hint: Kafka's default port is 9092" in stderr, stderr


@timed
@case
def without_a_server_it_fails_soon_with_that_reason():
    for arguments in (["topic", "list"], ["produce", "x"], ["consume", "x"], ["bench", "produce"]):
        began = time.monotonic()
        _, stderr = millrace(*arguments, status=1, server="127.0.0.1:1")
        check_took_less(began, 8, arguments)
        assert stderr.startswith("error: no Kafka server answers at 127.0.0.1:1\n"), stderr
        assert "--bootstrap-server" in stderr and stderr.count("\n") <= 3, stderr


# --- Records

@case
def lines_come_back_as_they_went_in():
    millrace("topic", "create", "plain", "--partitions", "1")
    _, stderr = millrace("produce", "plain", stdin="one\n\ntwo\r\nlast")
    assert stderr == "Produced 4 records to topic plain.\n", stderr
    assert consume("plain") == ["one", "", "two", "last"]
    assert consume("plain", "--max-messages", "1") == ["one"]
    assert lines("consume", "plain", "--offset", "-2", "--until-end") == ["two", "last"]
    assert lines("consume", "plain", "--offset", "3", "--max-messages", "1", "--timeout-ms", "60000") == ["last"]
    assert lines("consume", "plain", "--offset", "4", "--timeout-ms", "1000") == []
    assert lines("consume", "plain", "--offset", "@0", "--max-messages", "1") == ["one"]
    _, stderr = millrace("consume", "plain", "--offset", "99", status=1)
    assert "plain[0] has no record at that offset" in stderr and "next record will have offset 4" in stderr


@case
def keys_headers_nulls_and_places_are_shown():
    millrace("topic", "create", "parts", "--partitions", "1")
    reading = ("--property", "parse.key=true", "--property", "parse.headers=true",
               "--property", "key.separator=:", "--property", "null.marker=NULL")
    millrace("produce", "parts", *reading, stdin="h1:x,h2:NULL\tk1:v1\nNULL\tNULL:NULL\n")
    shown = [option for name in ("key", "headers", "partition", "offset")
             for option in ("--property", f"print.{name}=true")]
    assert consume("parts", *shown) == [
        "Partition:0\tOffset:0\th1:x,h2:null\tk1\tv1",
        "Partition:0\tOffset:1\tNO_HEADERS\tnull\tnull"]
    stamped = consume("parts", "--property", "print.timestamp=true", "--max-messages", "1")[0]
    sent_ms = int(stamped.split("\t")[0].removeprefix("CreateTime:"))
    assert abs(time.time() * 1000 - sent_ms) < 60_000, stamped


@case
def a_bad_line_is_named_and_those_before_it_are_sent():
    millrace("topic", "create", "halfway", "--partitions", "1")
    _, stderr = millrace("produce", "halfway", "--property", "parse.key=true", "--property",
                         "key.separator=:", stdin="a:1\nb2\nc:3\n", status=1)
    assert "No key separator found on line number 2: 'b2'" in stderr, stderr
    assert consume("halfway") == ["1"]


@case
def each_codec_and_plain_delivery_arrive():
    millrace("topic", "create", "codecs", "--partitions", "1")
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        millrace("produce", "codecs", "--compression-codec", codec, stdin=f"{codec}\n" * 100)
    millrace("produce", "codecs", "--request-required-acks", "1", stdin="one\n")
    millrace("produce", "codecs", "--producer-property", "enable.idempotence=false", "--sync",
             stdin="two\n")
    got = consume("codecs")
    assert len(got) == 502 and set(got) == {"none", "gzip", "snappy", "lz4", "zstd", "one", "two"}


@case
def a_long_input_arrives_whole():
    numbers = [str(number) for number in range(100_000)]
    millrace("topic", "create", "long", "--partitions", "4")
    millrace("produce", "long", stdin="\n".join(numbers))
    assert sorted(consume("long"), key=int) == numbers


@case
def a_consumer_shows_what_comes_and_ends_with_ctrl_c():
    millrace("topic", "create", "live")
    millrace("produce", "live", stdin="before\n")
    consumer = subprocess.Popen([binary(), "consume", "live", "-b", SERVER.kafka],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert first_line(consumer, lambda: millrace("produce", "live", stdin="after\n")) == "after\n"
    consumer.send_signal(signal.SIGINT)
    _, stderr = consumer.communicate(timeout=patience(10))
    assert consumer.returncode == 130, consumer.returncode
    assert re.fullmatch(r"Processed a total of \d+ messages\n", stderr), stderr


@case
def a_stream_over_a_topic_sees_what_is_produced_and_its_inserts_are_consumed():
    millrace("topic", "create", "trips", "--partitions", "4")
    with psycopg.connect(host=SERVER.host, port=SERVER.port, user="millrace", dbname="millrace",
                         autocommit=True) as connection:
        connection.execute("CREATE STREAM trips (id VARCHAR KEY, city VARCHAR) WITH "
                           "(KAFKA_TOPIC = 'trips', VALUE_FORMAT = 'JSON')")
        connection.execute("CREATE TABLE trips_by_city AS SELECT city, COUNT(*) AS trips "
                           "FROM trips GROUP BY city")
        keyed = ("--property", "parse.key=true", "--property", "key.separator=|")
        keys = [f"k{number}" for number in range(20)]
        millrace("produce", "trips", *keyed,
                 stdin="".join(f'{key}|{{"city":"Lahore"}}\n' for key in keys))
        for key in keys:
            connection.execute(f"INSERT INTO trips VALUES ('{key}', 'Karachi')")
        end = Deadline(20)
        while True:
            rows = connection.execute("SELECT city, trips FROM trips_by_city").fetchall()
            if sorted(rows) == [("Karachi", 20), ("Lahore", 20)]:
                break
            end.check(lambda: str(rows))
            time.sleep(0.05)
    homes = {}
    for line in consume("trips", "--property", "print.key=true", "--property",
                        "print.partition=true"):
        partition, key, _ = line.split("\t")
        homes.setdefault(key, set()).add(partition)
    assert sorted(homes) == sorted(keys), homes
    assert all(len(partitions) == 1 for partitions in homes.values()), homes


@case
def a_producer_whose_server_is_gone_reports_it_once_and_ends_with_ctrl_c():
    server = launch()
    try:
        millrace("topic", "create", "gone", server=server.kafka)
        producer = subprocess.Popen([binary(), "produce", "gone", "-b", server.kafka],
                                    stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        producer.stdin.write("one\n")
        producer.stdin.flush()
        assert lines("consume", "gone", "--from-beginning", "--max-messages", "1", "--timeout-ms", "30000",
                     server=server.kafka) == ["one"]
    finally:
        server.stop()
    producer.stdin.write("two\n")
    producer.stdin.flush()
    assert select.select([producer.stderr], [], [], patience(30))[0]
    warning = producer.stderr.readline()
    assert warning == f"warning: no Kafka server answers at {server.kafka}, still trying\n", warning
    producer.send_signal(signal.SIGINT)
    _, stderr = producer.communicate(timeout=patience(10))
    assert producer.returncode == 1 and stderr.startswith("error: 1 record was abandoned\n"), stderr


@case
def a_record_that_was_sent_before_ctrl_c_is_acknowledged():
    for options in ([], ["--sync"]):
        server = launch()
        try:
            millrace("topic", "create", "held", server=server.kafka)
            producer = subprocess.Popen([binary(), "produce", "held", *options, "-b", server.kafka],
                                        stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            producer.stdin.write("one\n")
            producer.stdin.flush()
            assert lines("consume", "held", "--from-beginning", "--max-messages", "1", "--timeout-ms", "30000",
                         server=server.kafka) == ["one"]
            os.kill(server.pid, signal.SIGSTOP)
            try:
                producer.stdin.write("two\n")
                producer.stdin.flush()
                unread = lambda: struct.unpack("i", fcntl.ioctl(producer.stdin, termios.FIONREAD, b"\0" * 4))[0]
                wait_until(lambda: unread() == 0, "the producer has read the line")
                producer.send_signal(signal.SIGINT)
                assert not select.select([producer.stderr], [], [], 1)[0], producer.stderr.readline()
            finally:
                os.kill(server.pid, signal.SIGCONT)
            _, stderr = producer.communicate(timeout=30)
            assert stderr == "Produced 2 records to topic held.\n", (options, stderr)
        finally:
            server.stop()


# --- Groups

@case
def a_group_goes_on_where_it_has_come_to_and_is_moved():
    millrace("topic", "create", "grouped", "--partitions", "2")
    for partition, words in (("0", "a\nb\nc\n"), ("1", "d\n")):
        millrace("produce", "grouped", "--partition", partition, stdin=words)
    in_group = lambda: sorted(lines("consume", "grouped", "--group", "g", "--from-beginning", "--until-end"))
    assert in_group() == ["a", "b", "c", "d"]
    assert in_group() == []
    wait_until(lambda: ["g", "Empty"] in [line.split() for line in lines("group", "list")], lambda: str(lines("group", "list")))
    rows = lambda *more: [line.split() for line in lines("group", *more)]
    described = rows("describe", "g")
    assert described[0] == ["Group", "g:", "Empty,", "0", "members"], described
    assert described[1] == ["TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "MEMBER", "HOST"], described
    assert described[2:] == [["grouped", "0", "3", "3", "0", "-", "-"],
                             ["grouped", "1", "1", "1", "0", "-", "-"],
                             ["Total", "lag:", "0"]], described
    moved = lambda *place: [row[-1] for row in rows("reset-offsets", "g", *place)[2:]]
    assert moved("--to-earliest", "--dry-run") == ["0", "0"]
    assert rows("describe", "g")[-1] == ["Total", "lag:", "0"]
    assert moved("--shift-by", "-1") == ["2", "0"]
    assert in_group() == ["c", "d"]
    assert moved("--topic", "grouped:0", "--to-offset", "1") == ["1"]
    assert rows("describe", "g")[-1] == ["Total", "lag:", "2"]
    assert moved("--to-latest") == ["3", "1"]
    assert moved("--to-datetime", "2000-01-01T00:00:00") == ["0", "0"]
    assert moved("--by-duration", "PT0S") == ["3", "1"]
    assert lines("group", "delete", "g") == ["Deleted group g."]
    _, stderr = millrace("group", "describe", "g", status=1)
    assert 'consumer group "g" does not exist' in stderr, stderr


@case
def a_group_with_members_is_not_moved():
    millrace("topic", "create", "held")
    millrace("produce", "held", stdin="a\n")
    with subprocess.Popen([binary(), "consume", "held", "--group", "busy", "--from-beginning", "-b",
                           SERVER.kafka], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True) as consumer:
        assert consumer.stdout.readline() == "a\n"
        described = lines("group", "describe", "busy")
        assert "Stable, 1 member" in described[0], described
        assert any("/127.0.0.1" in line for line in described), described
        _, stderr = millrace("group", "reset-offsets", "busy", "--to-earliest", status=1)
        assert 'group "busy" has 1 member' in stderr, stderr
        _, stderr = millrace("group", "delete", "busy", status=1)
        assert 'cannot delete group "busy"' in stderr, stderr
        _, stderr = millrace("group", "delete", "nosuch", status=1)
        assert stderr.splitlines() == ['error: consumer group "nosuch" does not exist', "hint: Use millrace group list to show the consumer groups."]
        consumer.send_signal(signal.SIGINT)


# --- Benchmarks

@case
def the_benchmarks_count_and_print_json():
    produced, _ = millrace("bench", "produce", "speed", "--records", "2000", "--record-size", "100",
                           "--partitions", "3", "--json")
    result = json.loads(produced)
    assert (result["records"], result["bytes"], result["partitions"]) == (2000, 200_000, 3), result
    assert result["failed"] == 0 and result["records_per_s"] > 0, result
    assert list(result["latency_ms"]) == ["p50", "p95", "p99", "p99.9", "max"], result
    consumed, _ = millrace("bench", "consume", "speed", "--latency", "--json")
    result = json.loads(consumed)
    assert (result["bench"], result["records"], result["bytes"]) == ("consume", 2000, 200_000)
    assert millrace("bench", "consume", "speed")[0].startswith("consumed 2,000 records, 0.2 MB")


@timed
@case
def a_benchmark_keeps_to_its_rate_and_time():
    produced, _ = millrace("bench", "produce", "paced", "--seconds", "2", "--throughput", "500", "--json",
                           "--compression-codec", "lz4", "--acks", "1")
    result = json.loads(produced)
    assert 800 <= result["records"] <= 1100 and 1.8 < result["seconds"] < 4, result


run(obstacle=obstacle_of_own_client())
