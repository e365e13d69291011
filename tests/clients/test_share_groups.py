#!/usr/bin/python3
"""Share groups (KIP-932), a topic as a queue: requests by hand, since Debian has no client for them. The Java
clients are tested in tests/clients/current."""
import os
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg

import kafka_wire
from cluster_nodes import free_port
from millrace_server import Deadline, advance_clock, binary, case, check_took_less, launch, run, timed
from share_wire import (ACCEPT, GAP, REJECT, RELEASE, RENEW, Worker, describe_offsets, set_group)

LOCK_MS = 30_000  # longer than any wait here: locks end only when a test moves the clock
FLAGS = ("--group-share-record-lock-duration-ms", str(LOCK_MS), "--group-share-session-timeout-ms", "3600000", "--test-clock", "true")
UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH, INVALID_REQUEST = 25, 110, 42
INVALID_RECORD_STATE, SESSION_NOT_FOUND, INVALID_SESSION_EPOCH = 121, 122, 123
GROUP_ID_NOT_FOUND, UNKNOWN_TOPIC_ID = 69, 100


def prepare(kafka, *groups):
    with kafka_wire.Connection(kafka) as connection:
        deadline = Deadline(10)
        while connection.ask(10, 0, kafka_wire.string("g"))[:2] != b"\0\0":
            deadline.check("there is no coordinator")
            time.sleep(0.05)
        for group in groups:
            set_group(connection, group, share_auto_offset_reset="earliest")


def join(kafka, group, name, topic="work"):
    """Joins until a node accepts the member: after a restart, a node first has to load the group."""
    deadline = Deadline(10)
    while True:
        worker = Worker(kafka, group, name, topic)
        if worker.member_epoch > 0:
            return worker
        deadline.check("cannot join")
        worker.close()
        time.sleep(0.05)


def produce(kafka, *values, topic="work"):
    with kafka_wire.Connection(kafka) as connection:
        error, offset = connection.produce(topic, kafka_wire.batch_of(*[str(each).encode() for each in values]).encode())
        assert error == 0, error
        return offset


def begin(*groups):
    server = launch(*FLAGS)
    with kafka_wire.Connection(server.kafka) as connection:
        connection.create_topic("work", 1)
    prepare(server.kafka, *groups)
    return server


@case
def each_record_goes_to_one_of_two():
    server = begin("g")
    try:
        for number in range(4):
            produce(server.kafka, *range(number * 10, number * 10 + 10))
        a, b = join(server.kafka, "g", "a"), join(server.kafka, "g", "b")
        assert a.partitions == b.partitions == [0], "both read it"
        error, _, _, acquired, values = a.fetch(max_records=10)
        assert (error, acquired) == (0, [(0, 9, 1)]) and values[9] == b"9", (acquired, values)
        _, _, _, acquired, values = b.fetch(max_records=15)
        assert acquired in ([(10, 29, 1)], [(10, 19, 1), (20, 29, 1)]), acquired
        _, _, _, acquired, values = a.fetch(max_records=3, strict=True)
        assert acquired == [(30, 32, 1)] and 39 in values, "records come in their batches, and three of them are its own"
        assert b.say(10, 29, ACCEPT) == 0
        assert a.say(0, 9, *[ACCEPT] * 10) == 0
        assert describe_offsets(a.connection, "g") == {0: (30, 10)}
    finally:
        server.stop()


@case
def unfinished_records_are_delivered_again_but_not_forever():
    server = begin("g")
    try:
        produce(server.kafka, *range(6))
        a, b = join(server.kafka, "g", "a"), join(server.kafka, "g", "b")
        assert a.fetch()[3] == [(0, 5, 1)]
        assert a.say(0, 3, ACCEPT, RELEASE, REJECT, GAP) == 0
        assert b.fetch()[3] == [(1, 1, 2)], "released, at once; the rejected one never"
        assert b.say(1, 1, ACCEPT) == 0
        assert b.fetch()[3] == [], "a has them still"
        advance_clock(server, LOCK_MS)
        assert b.fetch(wait_ms=15_000)[3] == [(4, 5, 2)], "their locks have ended"
        for deliveries in (3, 4, 5):
            assert b.say(4, 5, RELEASE) == 0
            assert b.fetch()[3] == [(4, 5, deliveries)]
        assert b.say(4, 4, ACCEPT) == 0 and b.say(5, 5, RELEASE) == 0
        assert a.fetch(wait_ms=300)[3] == [], "nobody gets it any more"
        assert describe_offsets(a.connection, "g") == {0: (6, 0)}
    finally:
        server.stop()


@case
def a_consumer_that_renews_keeps_its_records():
    server = begin("g")
    try:
        produce(server.kafka, *range(4))
        a, b = join(server.kafka, "g", "a"), join(server.kafka, "g", "b")
        assert a.fetch()[3] == [(0, 3, 1)]
        assert a.say(0, 1, RENEW) == INVALID_REQUEST, "the request must say that it renews"
        for _ in range(3):
            advance_clock(server, LOCK_MS * 0.4)
            assert a.say(0, 1, RENEW, renews=True) == 0
        assert b.fetch(wait_ms=15_000)[3] == [(2, 3, 2)]
        assert a.say(0, 1, ACCEPT) == 0 and a.say(2, 3, ACCEPT) == INVALID_RECORD_STATE
    finally:
        server.stop()


@case
def a_worker_that_is_cut_off_gives_back_what_it_had():
    server = begin("g")
    try:
        produce(server.kafka, *range(10))
        a, b = join(server.kafka, "g", "a"), join(server.kafka, "g", "b")
        assert a.fetch()[3] == [(0, 9, 1)]
        a.close()
        assert b.fetch(wait_ms=20_000)[3] == [(0, 9, 2)], "the locks of a connection end with it"
        # A fetch that waits when its connection ends: no record is lent to it.
        assert b.say(0, 9, ACCEPT) == 0
        c = join(server.kafka, "g", "c")
        c.fetch()
        c.connection.send(78, 2, b"")  # this ends the connection
        assert c.connection.is_ended()
        produce(server.kafka, 1)
        assert b.fetch(wait_ms=5_000)[3] == [(10, 10, 1)]
    finally:
        server.stop()


@case
def nonsense_is_refused_and_harms_no_other_client():
    server = begin("g")
    try:
        produce(server.kafka, *range(10))
        a, b = join(server.kafka, "g", "a"), join(server.kafka, "g", "b")
        assert a.fetch(epoch=5)[0] == SESSION_NOT_FOUND
        assert a.fetch()[3] == [(0, 9, 1)] and b.fetch()[3] == []
        assert a.fetch(epoch=7)[0] == INVALID_SESSION_EPOCH
        assert a.say(0, 9, ACCEPT, epoch=0) == INVALID_SESSION_EPOCH
        assert b.say(0, 9, ACCEPT) == INVALID_RECORD_STATE, "others have it"
        for first, last, types, error in (
                (5, 4, [ACCEPT], INVALID_REQUEST), (-5, 4, [ACCEPT], INVALID_REQUEST), (0, 9, [9], INVALID_REQUEST),
                (0, 9, [], INVALID_REQUEST), (0, 9, [ACCEPT] * 3, INVALID_REQUEST),
                (0, 2 ** 63 - 1, [ACCEPT], INVALID_REQUEST), (0, 2 ** 62, [ACCEPT], INVALID_RECORD_STATE),
                (10, 20, [ACCEPT], INVALID_RECORD_STATE), (2 ** 62, 2 ** 62, [REJECT], INVALID_RECORD_STATE)):
            assert a.say(first, last, *types) == error, (first, last, types)
        assert b.beat(epoch=9) == FENCED_MEMBER_EPOCH
        assert b.beat(epoch=-1) == 0 and b.beat() == UNKNOWN_MEMBER_ID
        a.fetch(partition=77)
        error, part_error, *_ = a.fetch(partition=77)
        assert (error, part_error) == (0, UNKNOWN_TOPIC_ID), (error, part_error)
        assert a.say(0, 9, ACCEPT) == 0, "what it has is still its own"
        a.group = "none"
        assert a.fetch(epoch=0)[0] == GROUP_ID_NOT_FOUND
    finally:
        server.stop()


@case
def acknowledgements_survive_a_power_cut():
    data = tempfile.mkdtemp(prefix="millrace-share-")
    server = launch(*FLAGS, data_dir=data, kafka=f"127.0.0.1:{free_port()}")
    try:
        with kafka_wire.Connection(server.kafka) as connection:
            connection.create_topic("work", 1)
        prepare(server.kafka, "g", "late")
        for number in range(3):
            produce(server.kafka, *range(number * 10, number * 10 + 10))
        a = join(server.kafka, "g", "a")
        assert a.fetch(max_records=20)[3][-1] in ((0, 19, 1), (10, 19, 1))
        assert a.say(0, 6, ACCEPT, ACCEPT, RELEASE, ACCEPT, REJECT, ACCEPT, RELEASE) == 0
        assert a.fetch(max_records=1, strict=True)[3] == [(2, 2, 2)]
        os.kill(server.pid, signal.SIGKILL)
        server = launch(*FLAGS, data_dir=data, kafka=server.kafka)
        member_epoch, a = a.member_epoch, join(server.kafka, "g", "b")
        acquired = a.fetch(wait_ms=5_000)[3]
        assert acquired[:3] == [(2, 2, 2), (6, 6, 2), (7, 19, 1)] or acquired[:2] == [(2, 2, 2), (6, 6, 2)], acquired
        assert acquired[-1][1] == 29 and sum(last - first + 1 for first, last, _ in acquired) == 25, acquired
        for first, last, _ in acquired:
            assert a.say(first, last, ACCEPT) == 0
        administrators_see_it(server)
        os.kill(server.pid, signal.SIGKILL)
        server = launch(*FLAGS, data_dir=data, kafka=server.kafka)
        b = join(server.kafka, "g", "c")
        assert b.fetch(wait_ms=300)[3] == [], "all of it was done"
        assert describe_offsets(b.connection, "g") == {0: (30, 0)}
        assert member_epoch > 0
    finally:
        server.stop()
        shutil.rmtree(data, ignore_errors=True)


def administrators_see_it(server):
    with psycopg.connect(host=server.host, port=server.port, user="ada", autocommit=True) as sql:
        rows = sql.execute("SHOW CONSUMER GROUPS").fetchall()
        assert any("g" in row and "Stable" in row for row in rows), rows
    for command, seen in (("list", "share"), ("describe", "work")):
        names = ["g"] if command == "describe" else []
        told = subprocess.run([binary(), "group", command, *names, "-b", server.kafka],
                              capture_output=True, text=True, timeout=30)
        assert told.returncode == 0 and seen in told.stdout, told


@case
def a_topic_that_is_made_again_is_another_queue():
    server = begin("g")
    try:
        produce(server.kafka, *range(5))
        a = join(server.kafka, "g", "a")
        assert a.fetch()[3] == [(0, 4, 1)]
        with kafka_wire.Connection(server.kafka) as connection:
            connection.delete_topic("work")
            assert a.fetch(wait_ms=1_000)[1] == UNKNOWN_TOPIC_ID
            assert a.say(0, 4, ACCEPT) == UNKNOWN_TOPIC_ID
            connection.create_topic("work", 1)
        produce(server.kafka, *range(3))
        b = join(server.kafka, "g", "b")
        assert b.id != a.id and b.fetch()[3] == [(0, 2, 1)]
    finally:
        server.stop()


@timed
@case
def thousands_in_flight():
    server = begin("g")
    try:
        with kafka_wire.Connection(server.kafka) as connection:
            set_group(connection, "g", share_partition_max_record_locks="10000")
        for number in range(12):
            produce(server.kafka, *range(number * 1_000, number * 1_000 + 1_000))
        a, b = join(server.kafka, "g", "a"), join(server.kafka, "g", "b")
        acquired = a.fetch(max_records=20_000)[3]
        assert acquired[0][0] == 0 and acquired[-1][1] == 9_999, acquired
        assert b.fetch()[3] == [], "the window is full"
        begun = time.monotonic()
        for first in range(1, 10_000, 200):  # every second record, each in a request of its own
            last = first + 198
            assert a.say(first, last, *[ACCEPT, RELEASE] * 99, ACCEPT) == 0
        check_took_less(begun, 10)
        assert describe_offsets(a.connection, "g")[0][0] == 0
        assert sum(last - first + 1 for first, last, _ in b.fetch(max_records=20_000)[3]) == 4_950
    finally:
        server.stop()


run()
