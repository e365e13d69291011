#!/usr/bin/python3
"""Defaults for topics without settings of their own: at the start and, by IncrementalAlterConfigs of the broker with
the empty name, while the server runs (KIP-226); and the statements of the manual about Kafka's requests."""
import atexit
import glob
import json
import os
import re
import shutil
import struct
import subprocess
import tempfile

import kafka_wire as wire
from millrace_server import binary, case, launch, run, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = tempfile.mkdtemp(prefix="millrace-defaults-")
DESCRIBE_CONFIGS, INCREMENTAL_ALTER_CONFIGS = 32, 44
TOPIC, BROKER, GROUP = 2, 4, 32
SET, REMOVE = 0, 1
BATCHES = 1200  # more than one entry of the time index, which retention uses
FLAGS = ("--log-retention-check-interval-ms", "100", "--log-retention-hours", "48", "--message-max-bytes", "4000")
server = launch(*FLAGS, data_dir=FOLDER)


@atexit.register
def leave_nothing():
    server.stop()
    shutil.rmtree(FOLDER, ignore_errors=True)


def alter(resource, name, *changes):
    """Returns (error code, message)."""
    configs = wire.array([wire.string(key) + struct.pack(">b", REMOVE if value is None else SET)
                          + (b"\xff\xff" if value is None else wire.string(value)) for key, value in changes])
    body = wire.array([struct.pack(">b", resource) + wire.string(name) + configs]) + b"\0"
    with wire.Connection(server.kafka) as connection:
        answer = connection.ask(INCREMENTAL_ALTER_CONFIGS, 0, body)
    error, size = struct.unpack_from(">hh", answer, 8)
    return error, answer[12:12 + max(size, 0)].decode()


def described(resource, name, key):
    """Returns (value, source) of a setting."""
    body = wire.array([struct.pack(">b", resource) + wire.string(name) + wire.array([wire.string(key)])]) + b"\0"
    with wire.Connection(server.kafka) as connection:
        answer = connection.ask(DESCRIBE_CONFIGS, 1, body)
    error, size = struct.unpack_from(">hh", answer, 8)
    assert error == 0, error
    at = 12 + max(size, 0) + 1 + 2 + len(name)
    count, = struct.unpack_from(">i", answer, at)
    if count == 0:
        return None
    at += 4 + 2 + len(key)
    size, = struct.unpack_from(">h", answer, at)
    value = answer[at + 2:at + 2 + size].decode()
    return value, answer[at + 2 + size + 1]


def first_offset(topic):
    body = struct.pack(">ib", -1, 0) + wire.array([wire.string(topic) + wire.array([struct.pack(">iq", 0, -2)])])
    with wire.Connection(server.kafka) as connection:
        answer = connection.ask(2, 2, body)
    return struct.unpack_from(">q", answer, len(answer) - 8)[0]


@case
def the_start_sets_defaults():
    with wire.Connection(server.kafka) as connection:
        connection.create_topic("started")
        assert connection.produce("started", wire.batch_of(b"x" * 5000).encode())[0] == 10
    assert described(TOPIC, "started", "retention.ms") == ("172800000", 4)
    assert described(TOPIC, "started", "max.message.bytes") == ("4000", 4)
    assert described(TOPIC, "started", "retention.bytes") == ("-1", 5)
    assert described(BROKER, "1", "log.retention.hours") == ("48", 4)


@case
def defaults_are_set_for_all_topics_while_it_runs():
    global server
    with wire.Connection(server.kafka) as connection:
        connection.create_topic("short")
        connection.create_topic("long", retention_ms="-1")
        connection.create_topic("limited")
        assert connection.produce("limited", wire.batch_of(b"x" * 5000).encode())[0] == 10
        for topic in ("short", "long"):
            for _ in range(BATCHES):
                assert connection.produce(topic, wire.batch_of(b"v").encode())[0] == 0
    assert alter(BROKER, "", ("log.retention.ms", "1"), ("message.max.bytes", "9000")) == (0, "")
    assert described(TOPIC, "short", "retention.ms") == ("1", 3)
    assert described(TOPIC, "long", "retention.ms") == ("-1", 1)
    assert described(BROKER, "", "log.retention.ms") == ("1", 3)
    # The setting has an effect, and is not only shown.
    wait_until(lambda: first_offset("short") > 0, lambda: first_offset("short"))
    assert first_offset("long") == 0
    with wire.Connection(server.kafka) as connection:
        assert connection.produce("limited", wire.batch_of(b"x" * 5000).encode())[0] == 0
    server.stop()
    checked = subprocess.run([binary(), "check", "--data-dir", FOLDER], capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, (checked.stdout, checked.stderr)
    server = launch(*FLAGS, data_dir=FOLDER)
    assert described(TOPIC, "short", "retention.ms") == ("1", 3), "it is kept"
    assert alter(BROKER, "", ("log.retention.ms", None), ("message.max.bytes", None)) == (0, "")
    assert described(TOPIC, "short", "retention.ms") == ("172800000", 4)


@case
def settings_that_cannot_be_changed_are_refused_with_the_flag_to_use():
    flags = subprocess.run([binary(), "server", "--help"], capture_output=True, text=True, timeout=60, check=True).stdout
    for name, value in (("num.partitions", "3"), ("auto.create.topics.enable", "false"), ("min.insync.replicas", "2"),
                        ("log.retention.hours", "3"), ("offsets.retention.minutes", "7"), ("listeners", "PLAINTEXT://:1")):
        error, why = alter(BROKER, "", (name, value))
        assert error == 42 and "by --" in why, (name, error, why)
        flag = why[why.index("by --") + 3:]
        assert flag + " " in flags, (flag, why)
    error, why = alter(BROKER, "", ("nonsense", "1"))
    assert error == 42 and 'broker setting "nonsense" cannot be changed' in why, (error, why)
    assert alter(BROKER, "", ("nonsense", None)) == (0, ""), "Kafka takes the deletion of any name"
    assert alter(BROKER, "", ("log.retention.ms", "soon"))[0] == 40


@case
def settings_of_newer_kafkas_are_deleted_beside_others():
    """MirrorMaker 2 does this for each setting that has its default value at the source."""
    with wire.Connection(server.kafka) as connection:
        connection.create_topic("mirrored")
    assert alter(TOPIC, "mirrored", ("retention.ms", "86400000"), ("remote.log.delete.on.disable", None),
                 ("message.downconversion.enable", None)) == (0, "")
    assert described(TOPIC, "mirrored", "retention.ms") == ("86400000", 1)
    assert alter(TOPIC, "mirrored", ("remote.storage.enable", "false"), ("local.retention.ms", "-2")) == (0, "")
    assert described(TOPIC, "mirrored", "remote.storage.enable") == ("false", 1)
    error, why = alter(TOPIC, "mirrored", ("remote.storage.enable", "true"))
    assert error == 40 and "tiered storage is not supported" in why, (error, why)
    # An unknown name can be deleted alone, too, and of a group. It cannot be set.
    for resource, name in ((TOPIC, "mirrored"), (GROUP, "readers")):
        assert alter(resource, name, ("of.a.later.kafka", None)) == (0, "")
        error, why = alter(resource, name, ("of.a.later.kafka", "1"))
        assert error == 40 and "of.a.later.kafka" in why, (resource, error, why)
    assert alter(GROUP, "readers", ("consumer.session.timeout.ms", "50000"), ("of.a.later.kafka", None)) == (0, "")
    assert described(GROUP, "readers", "consumer.session.timeout.ms") == ("50000", 8)


def requests_of_the_manual():
    """Returns the table in docs/KAFKA.md: the versions of each request, as text."""
    with open(os.path.join(ROOT, "docs", "KAFKA.md"), encoding="utf-8") as page:
        rows = [line.split(" | ") for line in page if re.match(r"\| [A-Z][A-Za-z]+[,| ]", line) and re.search(r"\| \d", line)]
    listed = {}
    for row in rows:
        names = row[0].lstrip("| ").split(", ")
        versions = row[1].split(", ")
        listed.update(zip(names, versions if len(versions) > 1 else versions * len(names)))
    return listed


@case
def the_manual_lists_the_requests_of_the_program():
    names = {}
    for path in glob.glob(os.path.join(ROOT, "server", "kafka", "schemas", "*_request.json")):
        with open(path, encoding="utf-8") as schema:
            text = "".join(line for line in schema if not line.strip().startswith("//"))
        message = json.loads(text)
        names[message["apiKey"]] = message["name"].removesuffix("Request")
    with wire.Connection(server.kafka) as connection:
        answer = connection.ask(18, 0, b"")
    count, = struct.unpack_from(">i", answer, 2)
    program = {}
    for index in range(count):
        key, first, last = struct.unpack_from(">hhh", answer, 6 + 6 * index)
        program[names[key]] = str(first) if first == last else f"{first} to {last}"
    assert requests_of_the_manual() == program, set(requests_of_the_manual().items()) ^ set(program.items())


run()
