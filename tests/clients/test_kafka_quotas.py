#!/usr/bin/python3
"""Quotas of Kafka clients: given by an administrator, kept over a restart, reported in answers and enforced."""
import shutil
import struct
import tempfile
import time

import kafka_wire
from kafka_wire import array, batch_of, string
from millrace_server import case, check_took_less, launch, run, timed

DESCRIBE, ALTER = 48, 49


def alter(connection, client_id, key, value, remove=False):
    """Returns the error code. Without a client id, the quota applies to all clients without a quota of their own."""
    entity = string("client-id") + (struct.pack(">h", -1) if client_id is None else string(client_id))
    entry = array([entity]) + array([string(key) + struct.pack(">d?", value, remove)])
    answer = connection.ask(ALTER, 0, array([entry]) + b"\0")
    error, = struct.unpack_from(">h", answer, 8)
    return error


def is_described(connection, client_id, key, value):
    component = string("client-id") + b"\0" + string(client_id)
    answer = connection.ask(DESCRIBE, 0, array([component]) + b"\1")
    return string(key) + struct.pack(">d", value) in answer


def throttle_of_produce(connection, client_id, topic, size):
    answer = connection.ask(kafka_wire.PRODUCE, 7,
                            kafka_wire.produce_body(topic, batch_of(b"x" * size).encode()), client_id)
    error, = struct.unpack_from(">h", answer, 4 + 2 + len(topic) + 4 + 4)
    assert error == 0, error
    return struct.unpack(">i", answer[-4:])[0]


@timed
@case
def quotas_are_kept_and_held_to():
    data_dir = tempfile.mkdtemp(prefix="millrace-quotas-")
    try:
        server = launch(data_dir=data_dir)
        with kafka_wire.Connection(server.kafka) as admin:
            admin.create_topic("q_topic")
            assert alter(admin, "slow", "producer_byte_rate", 50_000) == 0
            assert alter(admin, "slow", "consumer_byte_rate", 50_000) == 0
            assert alter(admin, None, "consumer_byte_rate", 1e12) == 0
            assert alter(admin, "slow", "no_such_rate", 5) == 42
        server.stop()

        server = launch(data_dir=data_dir)
        with kafka_wire.Connection(server.kafka) as slow, kafka_wire.Connection(server.kafka) as other:
            assert is_described(other, "slow", "producer_byte_rate", 50_000)
            assert throttle_of_produce(other, "fast", "q_topic", 600_000) == 0
            begun = time.monotonic()
            throttle_ms = throttle_of_produce(slow, "slow", "q_topic", 600_000)
            check_took_less(begun, 1, "the answer itself comes at once")
            # The client has sent as much as its quota permits in 12 s. The quota's window has 10 s, so the server
            # reports a delay of 2 s.
            assert 1_500 < throttle_ms < 2_500, throttle_ms
            slow.ask(kafka_wire.METADATA, 1, array([]), "slow")
            waited = time.monotonic() - begun
            assert throttle_ms / 1000 - 0.1 < waited < throttle_ms / 1000 + 2, waited
            begun = time.monotonic()
            other.ask(kafka_wire.METADATA, 1, array([]), "fast")
            check_took_less(begun, 1)
            # Fetches that exceed the quota are delayed in the same way, and finally get the records.
            got = 0
            begun = time.monotonic()
            while got < 2 and time.monotonic() - begun < 30:
                answer = slow.ask(kafka_wire.FETCH, 4, kafka_wire.fetch_body("q_topic", got), "slow")
                got += 1 if len(answer) > 100_000 else 0
            assert got == 2 and time.monotonic() - begun > 1, (got, time.monotonic() - begun)
        with kafka_wire.Connection(server.kafka) as admin:
            assert alter(admin, "slow", "producer_byte_rate", 0, remove=True) == 0
            assert throttle_of_produce(admin, "slow", "q_topic", 600_000) == 0
        server.stop()
    finally:
        shutil.rmtree(data_dir)


run()
