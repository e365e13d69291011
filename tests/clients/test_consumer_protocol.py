#!/usr/bin/python3
"""Consumer groups with the consumer protocol (KIP-848), which Debian's clients do not support: requests written by
hand. The newest clients are tested in tests/clients/current."""
import shutil
import subprocess
import tempfile
import time

import psycopg

import kafka_wire
from consumer_protocol_wire import Member
from millrace_server import Deadline, binary, case, launch, run

DATA = tempfile.mkdtemp(prefix="millrace-consumer-protocol-")
UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH = 25, 110


def wait_for_coordinator(connection, group):
    deadline = Deadline(10)
    body = kafka_wire.string(group)
    while not deadline.is_over():
        error = int.from_bytes(connection.ask(10, 0, body)[:2], "big", signed=True)
        if error == 0:
            # FindCoordinator succeeds before the coordinator has loaded its state, so a member
            # joins as a check.
            if Member(connection, group + "_probe", "probe", topics=["work"]).error == 0:
                return
        time.sleep(0.05)
    raise AssertionError("there is no coordinator")


@case
def members_share_the_work_and_a_restart_forgets_nothing():
    server = launch(data_dir=DATA)
    try:
        with kafka_wire.Connection(server.kafka) as connection:
            connection.create_topic("work", 6)
            wait_for_coordinator(connection, "g")
            first = Member(connection, "g", "first", topics=["work"])
            assert first.partitions() == [0, 1, 2, 3, 4, 5], first.uses
            second = Member(connection, "g", "second", topics=["work"])
            assert second.partitions() == [] and second.epoch == 2, second.uses
            assert first.beat() == 0 and len(first.partitions()) == 3, first.uses
            assert second.beat() == 0 and second.partitions() == [], "it was not given up yet"
            assert first.beat(owned=first.uses) == 0 and first.epoch == 2
            assert second.beat() == 0 and len(second.partitions()) == 3, second.uses
            assert not set(first.partitions()) & set(second.partitions())
        server.stop()
        server = launch(data_dir=DATA)
        with kafka_wire.Connection(server.kafka) as connection:
            wait_for_coordinator(connection, "g")
            first.connection = second.connection = connection
            assert first.beat() == 0 and second.beat() == 0, (first.error, second.error)
            assert first.beat(epoch=7) == FENCED_MEMBER_EPOCH
            assert first.beat(epoch=-1) == 0
            assert second.beat() == 0 and len(second.partitions()) == 6, second.uses
            assert first.beat(epoch=2) == UNKNOWN_MEMBER_ID
            administrators_see_it(server)
    finally:
        server.stop()
        shutil.rmtree(DATA, ignore_errors=True)


def administrators_see_it(server):
    with psycopg.connect(host=server.host, port=server.port, user="ada", autocommit=True) as sql:
        rows = sql.execute("SHOW CONSUMER GROUPS").fetchall()
        assert any("g" in row and "Stable" in row for row in rows), rows
    seen = subprocess.run([binary(), "group", "describe", "g", "-b", server.kafka],
                          capture_output=True, text=True, timeout=30)
    assert seen.returncode == 0 and seen.stdout.count("second") == 6, seen


run()
