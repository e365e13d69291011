#!/usr/bin/python3
"""Kafka logins by version 0 of SaslHandshake, after which clients send raw tokens: with kafka-python and byte by byte."""
import atexit
import shutil
import struct
import tempfile

import psycopg

import kafka_wire as wire
from millrace_server import Skipped, case, launch, run, wait_until

try:
    import kafka
except ImportError:
    kafka = None

SASL_HANDSHAKE, SASL_AUTHENTICATE = 17, 36
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
SECRET = "geheim-4711"
ILLEGAL_STATE, UNSUPPORTED_MECHANISM = 34, 33
FOLDER = tempfile.mkdtemp(prefix="millrace-raw-tokens-")


def write(name, text):
    with open(f"{FOLDER}/{name}", "w", encoding="utf-8") as file:
        file.write(text)
    return file.name


SERVER = launch("--access-file", write("rules", "host all all 127.0.0.1/32 scram-sha-256\n"),
                "--superuser-password-file", write("password", SECRET + "\n"), keeps_log=True)


@atexit.register
def leave_nothing():
    SERVER.stop()
    shutil.rmtree(FOLDER, ignore_errors=True)


def log():
    with open(SERVER.log, encoding="utf-8") as file:
        return file.read()


def client(kind, mechanism, password=SECRET, **settings):
    if kafka is None:
        raise Skipped("kafka-python is not installed")
    return kind(bootstrap_servers=SERVER.kafka, security_protocol="SASL_PLAINTEXT", sasl_mechanism=mechanism,
                sasl_plain_username="millrace", sasl_plain_password=password, **settings)


@case
def kafka_python_writes_and_reads_by_every_mechanism():
    for number, mechanism in enumerate(MECHANISMS):
        producer = client(kafka and kafka.KafkaProducer, mechanism)
        sent = producer.send("raw_tokens", f"record {number}".encode(), partition=0).get(60)
        producer.close()
        assert sent.offset == number, (mechanism, sent)
        consumer = client(kafka.KafkaConsumer, mechanism, consumer_timeout_ms=60_000, group_id=f"group-{number}",
                          auto_offset_reset="earliest")
        consumer.subscribe(["raw_tokens"])
        values = [next(consumer).value.decode() for _ in range(number + 1)]
        consumer.close()
        assert values == [f"record {at}" for at in range(number + 1)], (mechanism, values)


@case
def kafka_python_with_a_wrong_password_is_refused():
    for mechanism in MECHANISMS:
        try:
            client(kafka and kafka.KafkaProducer, mechanism, password="wrong", api_version_auto_timeout_ms=3000)
        except (kafka.errors.NoBrokersAvailable, kafka.errors.AuthenticationFailedError):
            continue
        raise AssertionError(f"{mechanism}: a wrong password was accepted")
    wait_until(lambda: "password authentication failed for user 'millrace'" in log(), "no line in the log")


class RawConnection(wire.Connection):
    def choose(self, mechanism):
        """The error of the handshake in version 0, which lists the mechanisms."""
        answer = self.ask(SASL_HANDSHAKE, 0, wire.string(mechanism))
        assert b"SCRAM-SHA-256" in answer, answer
        return struct.unpack_from(">h", answer)[0]

    def give(self, token):
        self.socket.sendall(wire.data(token))

    def take(self):
        return self._exactly(struct.unpack(">i", self._exactly(4))[0])

    def is_served(self):
        self.ask(wire.METADATA, 1, wire.array([]))
        return True


def plain(user="millrace", password=SECRET):
    return f"\0{user}\0{password}".encode()


@case
def a_token_and_the_next_request_may_arrive_at_once():
    with RawConnection(SERVER.kafka) as connection:
        assert connection.choose("PLAIN") == 0
        connection.socket.sendall(wire.data(plain()) + wire.data(
            struct.pack(">hhi", wire.METADATA, 1, 77) + wire.string("wire") + wire.array([])))
        assert connection.take() == b""
        assert connection.receive()[0] == 77
        assert connection.is_served()


@case
def bad_tokens_end_their_own_connection_without_an_answer():
    with RawConnection(SERVER.kafka) as other:
        assert other.choose("PLAIN") == 0
        other.give(plain())
        assert other.take() == b""
        scram = "SCRAM-SHA-256"
        for mechanism, bytes_sent in (
                ("PLAIN", wire.data(plain(password="wrong"))), ("PLAIN", wire.data(plain(user="nobody"))),
                ("PLAIN", wire.data(b"")), ("PLAIN", wire.data(b"no separators")), ("PLAIN", struct.pack(">i", -1)),
                ("PLAIN", struct.pack(">i", 1 << 20) + b"begin of a long token"), (scram, wire.data(b"")),
                (scram, wire.data(b"n,,n=millrace")), (scram, wire.data(b"\xff" * 300)),
                # a client that continues as after version 1 of the handshake
                (scram, wire.data(struct.pack(">hhi", SASL_AUTHENTICATE, 0, 1) + wire.string("x") + wire.data(plain())))):
            with RawConnection(SERVER.kafka) as connection:
                assert connection.choose(mechanism) == 0
                connection.socket.sendall(bytes_sent)
                try:
                    left = connection.take()
                except ConnectionError:
                    continue
                raise AssertionError(f"{mechanism}, {bytes_sent}: answered {left}")
        assert other.is_served()


@case
def a_second_handshake_and_an_unknown_mechanism_are_refused():
    with RawConnection(SERVER.kafka) as connection:
        assert connection.choose("GSSAPI") == UNSUPPORTED_MECHANISM
        assert connection.choose("PLAIN") == 0
        connection.give(plain())
        assert connection.take() == b""
        assert connection.choose("PLAIN") == ILLEGAL_STATE
        assert connection.is_served()


run()
