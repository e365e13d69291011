#!/usr/bin/python3
"""Kafka clients that send wrong or false requests, or disconnect: they get an error code or the end of the
connection, nothing is half stored, and all other clients are served as before."""
import gzip
import os
import random
import socket
import struct
import time
import zlib

import kafka_wire
from kafka_wire import Batch, batch_of, record
from millrace_server import case, check_took_less, run, start_server, timed

SERVER = start_server()

UNKNOWN_SERVER_ERROR, OFFSET_OUT_OF_RANGE, CORRUPT, UNKNOWN_TOPIC = -1, 1, 2, 3
MESSAGE_TOO_LARGE, INVALID_TOPIC, INVALID_REQUIRED_ACKS, INVALID_TIMESTAMP = 10, 17, 21, 32
INVALID_REQUEST, UNSUPPORTED_VERSION, OUT_OF_ORDER_SEQUENCE, INVALID_PRODUCER_EPOCH = 42, 35, 45, 47
INVALID_RECORD = 87
MAX_FRAME_SIZE = 100 << 20
SUCCESS = 0


def connect(timeout_s=20):
    return kafka_wire.Connection(SERVER.kafka, timeout_s)


with connect() as setup:
    setup.create_topic("bad_alive")


def check_others():
    """Another client produces and fetches."""
    with connect() as connection:
        error, offset = connection.produce("bad_alive", batch_of(b"alive").encode())
        assert error == SUCCESS, error
        error, end, records = connection.fetch("bad_alive", offset)
        assert error == SUCCESS and end == offset + 1, (error, end, offset)
        assert kafka_wire.split_batches(records)[0].is_sound


def stores_nothing(function):
    """A case for a topic of two partitions, which stays empty; other clients are served as before."""
    def checked():
        topic = function.__name__
        with connect() as connection:
            connection.create_topic(topic, 2)
            function(topic)
            for partition in (0, 1):
                assert connection.high_watermark(topic, partition) == 0, partition
        check_others()
    checked.__name__ = function.__name__
    return case(checked)


def is_refused(sent):
    """Sends bytes; returns whether the server ends the connection without an answer."""
    with connect() as connection:
        connection.socket.sendall(sent)
        try:
            connection.receive()
        except ConnectionError:
            return True
        return False


def frame(api_key, version, body, correlation_id=7, client_id=kafka_wire.string("bad")):
    return kafka_wire.data(struct.pack(">hhi", api_key, version, correlation_id) + client_id + body)


def produce_error(topic, batch, partition=0, acks=-1):
    with connect() as connection:
        return connection.produce(topic, batch, partition, acks)[0]


# --- Frames and headers

@stores_nothing
def garbage_ends_the_connection(topic):
    chance = random.Random(4711)
    for sent in (b"GET / HTTP/1.1\r\nHost: example\r\n\r\n",
                 b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(600),  # a TLS greeting
                 b"\x00\x00\x00\x00" * 10, b"\xff" * 100,
                 b"\x00\x00\x00\x08" + bytes(8) + b"\x00\x03\x00\x00\x00\x04\x00\x04",
                 *(struct.pack(">i", 80) + bytes(chance.randrange(256) for _ in range(80))
                   for _ in range(20))):
        assert is_refused(sent), sent[:20]


@stores_nothing
def sizes_that_are_negative_or_too_large_end_the_connection(topic):
    for size in (-1, -2**31, 2**31 - 1, MAX_FRAME_SIZE + 1):
        assert is_refused(struct.pack(">i", size) + b"\0" * 20), size


@stores_nothing
def a_promise_of_many_bytes_takes_no_memory(topic):
    before = memory_kb()
    connections = [connect() for _ in range(40)]
    for connection in connections:
        connection.socket.sendall(struct.pack(">i", MAX_FRAME_SIZE) + b"\0" * 1000)
    check_others()
    assert memory_kb() - before < 50_000, (before, memory_kb())
    for connection in connections:
        connection.socket.close()


@stores_nothing
def unknown_requests_end_the_connection(topic):
    for api_key, version in ((999, 0), (-1, 0), (4, 0), (7, 0), (32767, 32767),
                             (kafka_wire.PRODUCE, 2), (kafka_wire.PRODUCE, 99),
                             (kafka_wire.FETCH, 3), (kafka_wire.FETCH, -1)):
        assert is_refused(frame(api_key, version, bytes(100))), (api_key, version)


@stores_nothing
def a_later_version_of_api_versions_is_answered_in_the_oldest_shape(topic):
    with connect() as connection:
        answer = connection.ask(kafka_wire.API_VERSIONS, 99, b"\0")
        error, count = struct.unpack_from(">hi", answer)
        assert error == UNSUPPORTED_VERSION and count > 5, (error, count)
        ranges = dict((key, (low, high)) for key, low, high in
                      struct.iter_unpack(">hhh", answer[6:6 + 6 * count]))
        assert ranges[kafka_wire.PRODUCE][0] == 0, ranges  # or librdkafka does not compress
        error, = struct.unpack_from(">h", connection.ask(kafka_wire.API_VERSIONS, 0, b""))
        assert error == SUCCESS


@stores_nothing
def incomplete_frames_do_not_delay_other_connections(topic):
    whole = frame(kafka_wire.PRODUCE, 7, kafka_wire.produce_body(topic, batch_of(b"x").encode()))
    waiting = []
    for size in range(1, len(whole)):
        waiting.append(connect())
        waiting[-1].socket.sendall(whole[:size])
    check_others()
    for connection in waiting:
        connection.socket.close()


@stores_nothing
def a_request_that_comes_byte_by_byte_is_answered(topic):
    with connect() as connection:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in frame(kafka_wire.METADATA, 1, kafka_wire.array([])):
            connection.socket.sendall(bytes([byte]))
        assert connection.receive()[0] == 7


# --- Lengths and counts that lie

@case
def bodies_with_wrong_numbers_anywhere_do_no_harm():
    topic = "bad_numbers"
    with connect() as connection:
        connection.create_topic(topic)
    good = kafka_wire.produce_body(topic, batch_of(b"x").encode())
    for at in range(len(good) - 4):
        for lie in (b"\x7f\xff\xff\xff", b"\xff\xff\xff\xf0", b"\x00\x01\x00\x00"):
            body = good[:at] + lie + good[at + 4:]
            with connect() as connection:
                connection.socket.sendall(frame(kafka_wire.PRODUCE, 7, body))
                try:
                    connection.receive()  # an error code; None if the number does not matter
                except ConnectionError:
                    pass
    with connect() as connection:
        assert all(batch.is_sound for batch in connection.batches(topic))
    check_others()


@stores_nothing
def bodies_that_are_too_short_or_too_long_end_the_connection(topic):
    good = kafka_wire.produce_body(topic, batch_of(b"x").encode())
    for size in range(len(good)):
        assert is_refused(frame(kafka_wire.PRODUCE, 7, good[:size])), size


@stores_nothing
def counts_that_no_request_can_hold_end_the_connection(topic):
    for count in (2**31 - 1, 10**9, 1000, -2, -2**31):
        body = struct.pack(">i", count) + kafka_wire.string("t")
        assert is_refused(frame(kafka_wire.METADATA, 1, body)), count
    assert is_refused(frame(kafka_wire.METADATA, 1, struct.pack(">ih", 1, 30_000) + b"short"))


@stores_nothing
def very_many_names_in_one_request_take_little(topic):
    before = memory_kb()
    with connect() as connection:
        names = kafka_wire.array([kafka_wire.string(topic)] * 200_000)
        answer = connection.ask(kafka_wire.METADATA, 4, names + b"\0")
        assert len(answer) < 10_000, len(answer)
    far_too_many = kafka_wire.array([b"\0\0"] * 3_000_000) + b"\0"
    assert is_refused(frame(kafka_wire.METADATA, 4, far_too_many))
    assert memory_kb() - before < 150_000, (before, memory_kb())


# --- Record batches

@stores_nothing
def batches_with_a_wrong_checksum_or_shape_are_refused(topic):
    good = batch_of(b"one", b"two").encode()
    assert produce_error(topic, batch_of(b"x", crc=1).encode()) == CORRUPT
    for at in range(21, len(good)):
        flipped = good[:at] + bytes([good[at] ^ 4]) + good[at + 1:]
        assert produce_error(topic, flipped) == CORRUPT, at
    # A producer repeats a corrupt batch. This does not help if the batch was corrupt from the beginning.
    for size in range(0, len(good), 7):
        assert produce_error(topic, good[:size]) == INVALID_RECORD, size
    for wrong in ({"length": 2**31 - 1}, {"length": -1}, {"length": 10}, {"length": 0}):
        assert produce_error(topic, batch_of(b"x", **wrong).encode()) == INVALID_RECORD, wrong
    for magic in (0, 1, 3, 127):
        assert produce_error(topic, batch_of(b"x", magic=magic).encode()) == INVALID_RECORD, magic


@stores_nothing
def batches_that_lie_about_their_records_are_refused(topic):
    one = record(0, b"x")
    for batch in (Batch(one, 2), Batch(one, 0), Batch(one, -1), Batch(one, 2**31 - 1),
                  Batch(one, 1, last_offset_delta=5), Batch(one, 1, last_offset_delta=-1),
                  Batch(one, 1, last_offset_delta=2**31 - 1),
                  Batch(one + record(0, b"y"), 2), Batch(one + record(2, b"y"), 2),
                  Batch(record(1, b"x"), 1), Batch(record(-1, b"x"), 1),
                  Batch(one + b"\0", 1), Batch(one[:-1], 1), Batch(b"", 1), Batch(b"", 0),
                  Batch(kafka_wire.varint(2**31 - 1) + one[1:], 1),
                  Batch(kafka_wire.varint(-5) + one[1:], 1),
                  Batch(b"\xff" * 30, 1),
                  Batch(record(0, b"x", headers=[(b"k", b"v")])[:-3] + b"\x7f\x7f\x7f", 1),
                  Batch(record(0, b"x", headers=[(None, b"v")]), 1)):
        error = produce_error(topic, batch.encode())
        assert error == INVALID_RECORD, (batch, error)


@stores_nothing
def batches_that_only_a_broker_writes_are_refused(topic):
    for attributes in (0x20, 0x30, 0x10):  # control, transaction marker, part of a transaction
        error = produce_error(topic, batch_of(b"\0\0\0\0", attributes=attributes).encode())
        assert error not in (SUCCESS, UNKNOWN_SERVER_ERROR), (attributes, error)
    assert produce_error(topic, batch_of(b"x", attributes=8).encode()) == INVALID_TIMESTAMP
    two = batch_of(b"x").encode() * 2
    assert produce_error(topic, two) == INVALID_RECORD


@stores_nothing
def compressed_nonsense_is_refused(topic):
    rubbish = random.Random(7).randbytes(300)
    for codec in range(1, 8):
        for content in (rubbish, b"", b"\0", gzip.compress(rubbish), gzip.compress(b"")):
            error = produce_error(topic, Batch(content, 1, attributes=codec).encode())
            assert error in (CORRUPT, INVALID_RECORD, MESSAGE_TOO_LARGE), (codec, error)
    right = gzip.compress(record(0, b"x"))
    assert produce_error(topic, Batch(right[:-4], 1, attributes=1).encode()) == INVALID_RECORD
    assert produce_error(topic, Batch(right, 2, attributes=1).encode()) == INVALID_RECORD


@stores_nothing
def a_little_that_becomes_very_much_is_refused(topic):
    before = memory_kb()
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(300)) + packer.flush()
    assert len(bomb) < 1 << 20
    error = produce_error(topic, Batch(bomb, 1, attributes=1).encode())
    assert error in (MESSAGE_TOO_LARGE, INVALID_RECORD), error
    time.sleep(0.2)
    assert memory_kb() - before < 200_000, (before, memory_kb())


@stores_nothing
def failed_produce_requests_report_the_reason(topic):
    good = batch_of(b"x").encode()
    for acks in (2, -2, 32767):
        assert produce_error(topic, good, acks=acks) == INVALID_REQUIRED_ACKS
    for partition in (2, -1, 2**31 - 1, -2**31):
        assert produce_error(topic, good, partition=partition) == UNKNOWN_TOPIC
    for absent in ("bad_absent", "", "no blanks", "x" * 300):
        assert produce_error(absent, good) == UNKNOWN_TOPIC


@stores_nothing
def nothing_of_a_failed_request_without_acknowledgement_is_stored(topic):
    with connect() as connection:
        connection.send(kafka_wire.PRODUCE, 7, kafka_wire.produce_body(
            topic, batch_of(b"x", crc=1).encode(), acks=0))
        assert connection.is_ended()


@case
def one_bad_partition_does_not_hold_up_the_others():
    with connect() as connection:
        connection.create_topic("bad_mixed", 2)
        partitions = [struct.pack(">i", 0) + kafka_wire.data(batch_of(b"x", crc=1).encode()),
                      struct.pack(">i", 1) + kafka_wire.data(batch_of(b"y").encode())]
        body = struct.pack(">hhi", -1, -1, 10_000) + kafka_wire.array(
            [kafka_wire.string("bad_mixed") + kafka_wire.array(partitions)])
        connection.ask(kafka_wire.PRODUCE, 7, body)
        assert connection.high_watermark("bad_mixed", 0) == 0
        assert connection.high_watermark("bad_mixed", 1) == 1
    check_others()


@case
def a_producer_has_no_negative_id_or_epoch():
    with connect() as connection:
        connection.create_topic("bad_producer")
        for producer_id, epoch in ((-2, 0), (-7, -1), (-2**63, 0), (5, -1)):
            stamped = batch_of(b"x", producer_id=producer_id, producer_epoch=epoch, base_sequence=0).encode()
            error, _ = connection.produce("bad_producer", stamped)
            assert error == INVALID_RECORD, (producer_id, error)
        assert connection.produce("bad_producer", batch_of(b"x").encode()) == (0, 0)
    check_others()


@case
def an_idempotent_producer_is_held_to_its_sequence():
    def batch(sequence, producer_id, epoch=0, values=(b"x",)):
        return batch_of(*values, producer_id=producer_id, producer_epoch=epoch,
                        base_sequence=sequence).encode()
    init_producer_id = 22
    with connect() as connection:
        connection.create_topic("bad_sequence")
        answer = connection.ask(init_producer_id, 0, struct.pack(">hi", -1, 60_000))
        _, error, producer, _ = struct.unpack(">ihqh", answer)
        assert error == SUCCESS
        assert connection.produce("bad_sequence", batch(0, producer, values=(b"a", b"b"))) == (0, 0)
        assert connection.produce("bad_sequence", batch(2, producer)) == (0, 2)
        assert connection.produce("bad_sequence", batch(2, producer)) == (0, 2), "sent again"
        for sequence in (4, 100, 2**31 - 1):
            error, _ = connection.produce("bad_sequence", batch(sequence, producer))
            assert error == OUT_OF_ORDER_SEQUENCE, (sequence, error)
        assert connection.produce("bad_sequence", batch(0, producer, epoch=1)) == (0, 3)
        error, _ = connection.produce("bad_sequence", batch(3, producer))
        assert error == INVALID_PRODUCER_EPOCH, error
        error, _ = connection.produce("bad_sequence", batch(-1, producer, epoch=1))
        assert error not in (SUCCESS, UNKNOWN_SERVER_ERROR), error
        assert connection.high_watermark("bad_sequence") == 4
    check_others()


# --- Fetches and offsets

@stores_nothing
def failed_fetches_report_the_reason(topic):
    with connect() as connection:
        for offset in (1, 1000, -1, -5, 2**63 - 1, -2**63):
            assert connection.fetch(topic, offset)[0] == OFFSET_OUT_OF_RANGE, offset
        for name, partition in (("bad_absent", 0), (topic, 2), (topic, -1), ("", 0)):
            assert connection.fetch(name, 0, partition)[0] == UNKNOWN_TOPIC, (name, partition)
        for how in ({"max_bytes": -1}, {"max_bytes": 0}, {"min_bytes": -1}, {"max_wait_ms": -1}):
            error, end, _ = connection.fetch(topic, 0, **how)
            assert (error, end) == (SUCCESS, 0), how


@stores_nothing
def names_that_no_topic_can_have_are_refused(topic):
    with connect() as connection:
        for name in ("", ".", "..", "no blanks", "a/b", "x" * 250, "ä"):
            encoded = struct.pack(">h", len(name.encode())) + name.encode()
            answer = connection.ask(kafka_wire.METADATA, 4, kafka_wire.array([encoded]) + b"\1")
            assert struct.pack(">h", INVALID_TOPIC) + encoded in answer, name


# --- Clients that disconnect, or never read

def memory_kb():
    """Resident memory of the server; 0 if it was not started here."""
    if SERVER.pid is None:
        return 0
    with open(f"/proc/{SERVER.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


@stores_nothing
def clients_that_disconnect_in_the_middle_leave_nothing(topic):
    whole = frame(kafka_wire.PRODUCE, 7, kafka_wire.produce_body(
        topic, batch_of(b"x" * 100_000).encode()))
    for size in (1, 4, 10, 50, 1000, 65_536, len(whole) - 1):
        for is_abrupt in (False, True):
            with connect() as connection:
                if is_abrupt:  # a reset instead of an orderly end
                    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                                 struct.pack("ii", 1, 0))
                connection.socket.sendall(whole[:size])


@case
def a_client_that_leaves_before_the_answer_has_stored_all_or_nothing():
    with connect() as connection:
        connection.create_topic("bad_left")
        for _ in range(20):
            with connect() as leaving:
                leaving.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                          struct.pack("ii", 1, 0))
                leaving.send(kafka_wire.PRODUCE, 7, kafka_wire.produce_body(
                    "bad_left", batch_of(b"a", b"b", b"c").encode()))
        for batch in connection.batches("bad_left"):
            assert batch.is_sound and batch.count == 3
    check_others()


@stores_nothing
def clients_that_leave_a_long_poll_are_forgotten(topic):
    for _ in range(50):
        with connect() as connection:
            connection.send(kafka_wire.FETCH, 4, kafka_wire.fetch_body(topic, max_wait_ms=30_000))
    check_others()
    with connect() as connection:  # clients that stay connected get answers
        assert connection.fetch(topic, 0, max_wait_ms=100)[0] == SUCCESS


@case
def a_client_that_never_reads_takes_bounded_memory():
    with connect() as connection:
        connection.create_topic("bad_unread")
        for _ in range(20):
            assert connection.produce("bad_unread", batch_of(os.urandom(900_000)).encode())[0] == 0
    before = memory_kb()
    deaf = connect()
    deaf.socket.settimeout(1)
    try:
        for _ in range(2000):  # 18 MB each
            deaf.send(kafka_wire.FETCH, 4, kafka_wire.fetch_body("bad_unread"))
    except socket.timeout:
        pass
    check_others()
    assert memory_kb() - before < 200_000, (before, memory_kb())
    deaf.socket.close()
    check_others()


@stores_nothing
def requests_that_are_sent_without_waiting_are_answered_in_order(topic):
    with connect() as connection:
        sent = [connection.send(kafka_wire.METADATA, 1, kafka_wire.array([])) for _ in range(500)]
        assert [connection.receive()[0] for _ in sent] == sent


@stores_nothing
def many_connections_come_and_go(topic):
    for _ in range(5):
        connections = [connect() for _ in range(100)]
        for connection in connections[::2]:
            connection.send(kafka_wire.API_VERSIONS, 0, b"")
        for connection in connections:
            connection.socket.close()


@case
def a_long_poll_ends_when_its_topic_is_deleted():
    with connect() as waiting, connect() as other:
        other.create_topic("bad_deleted")
        waiting.send(kafka_wire.FETCH, 4, kafka_wire.fetch_body("bad_deleted", max_wait_ms=600_000))
        time.sleep(0.2)
        other.delete_topic("bad_deleted")
        _, answer = waiting.receive()  # requests with many topics have a limit of their own
        error, = struct.unpack_from(">h", answer, 4 + 4 + 2 + len("bad_deleted") + 4 + 4)
        assert error == UNKNOWN_TOPIC, error


@timed
@case
def very_many_unknown_topics_are_made_a_few_at_a_time():
    names = [f"bad_many_{i}" for i in range(2000)]
    body = kafka_wire.array([kafka_wire.string(name) for name in names]) + b"\1"
    with connect() as connection:
        begun = time.monotonic()
        connection.ask(kafka_wire.METADATA, 4, body)
        check_took_less(begun, 10)
        connection.create_topic("bad_after_many")


run()
