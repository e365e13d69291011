"""Share groups (KIP-932) with the current Java client: a topic as a queue.

MILLRACE_KAFKA_JARS: a folder with kafka-clients and kafka-tools of 4.1 or later and all that they need. Needs javac.
"""
import collections
import os
import signal
import subprocess
import tempfile
import time

import kafka_wire
from java_programs import classes, java
from millrace_server import case, launch, run

RECORDS = 3_000


def produce(kafka, first, count, topic="work"):
    with kafka_wire.Connection(kafka) as connection:
        for start in range(first, first + count, 30):
            values = [str(number).encode() for number in range(start, start + 30)]
            error, _ = connection.produce(topic, kafka_wire.batch_of(*values).encode())
            assert error == 0, error


def begin(**how):
    server = launch(**how)
    with kafka_wire.Connection(server.kafka) as connection:
        connection.create_topic("work", 1)
    return server


class Worker:
    def __init__(self, path, kafka, mode, group="g"):
        self.log = tempfile.NamedTemporaryFile("w", suffix=mode, delete=False)
        self.out = tempfile.NamedTemporaryFile("w+", suffix=mode, delete=False)
        self.program = java(path, "ShareQueue", kafka, "work", group, mode, stdout=self.out, stderr=self.log)

    def seen(self):
        """Returns the [(value, deliveries)] that have arrived; other lines are ignored."""
        with open(self.out.name) as said:
            lines = [line.split() for line in said.read().split("\n")[:-1]]
        return [(int(line[0]), int(line[1])) for line in lines if len(line) == 2 and line[0].isdigit()]

    def failures(self):
        with open(self.out.name) as said:
            return [line for line in said if line.startswith("failed")]

    def wait(self, timeout=90):
        assert self.program.wait(timeout) == 0, self.log.name
        return self.seen()


def until(is_so, timeout=60):
    deadline = time.monotonic() + timeout
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@case
def all_is_done_once_with_the_next_poll():
    path, server = classes("java_share"), begin()
    produce(server.kafka, 0, RECORDS)
    seen = Worker(path, server.kafka, "implicit").wait()
    assert sorted(seen) == [(number, 1) for number in range(RECORDS)], len(seen)
    described = subprocess.run(["java", "-cp", path, "ShareQueue", server.kafka, "work", "g", "describe"],
                               capture_output=True, text=True, timeout=60)
    assert "group g Share Empty" in described.stdout and f"ffset={RECORDS}" in described.stdout, described
    server.stop()


@case
def each_record_has_its_verdict():
    path, server = classes("java_share"), begin()
    produce(server.kafka, 0, 300)
    worker = Worker(path, server.kafka, "explicit")
    seen = worker.wait()
    expected = [(number, 1) for number in range(300)] + [(number, 2) for number in range(300) if number % 10 == 3]
    assert sorted(seen) == sorted(expected), set(expected) ^ set(seen)
    assert not worker.failures(), worker.failures()[:3]
    server.stop()


@case
def three_workers_of_one_partition_of_which_one_is_killed():
    path, server = classes("java_share"), begin()
    produce(server.kafka, 0, 600)  # more records than one consumer holds at the same time
    holder = Worker(path, server.kafka, "hold")
    until(holder.seen)
    held = {value for value, _ in holder.seen()}
    workers = [Worker(path, server.kafka, "explicit"), Worker(path, server.kafka, "implicit")]
    until(lambda: any(worker.seen() for worker in workers))
    produce(server.kafka, 600, RECORDS - 600)
    until(lambda: sum(len(worker.seen()) for worker in workers) > RECORDS / 3)
    holder.program.send_signal(signal.SIGKILL)
    holder.program.wait()
    seen = [each for worker in workers for each in worker.wait()]
    counts = collections.Counter(value for value, _ in seen)
    assert set(counts) == set(range(RECORDS)), sorted(set(range(RECORDS)) - set(counts))[:10]
    again = {value for value, count in counts.items() if count > 1}
    assert all(value % 10 == 3 for value in again), "only what was released comes twice to those who live"
    firsts = {value: min(deliveries for each, deliveries in seen if each == value) for value in held}
    assert set(firsts.values()) == {2}, f"what the dead one had comes for the second time: {firsts}"
    assert all(worker.seen() for worker in workers), "each had a part"
    server.stop()


@case
def the_server_is_killed_meanwhile():
    path, data = classes("java_share"), tempfile.mkdtemp(prefix="millrace-share-java-")
    server = begin(data_dir=data)
    kafka = server.kafka
    produce(kafka, 0, RECORDS)
    workers = [Worker(path, kafka, "implicit") for _ in range(2)]
    for part in (1, 2, 3):
        until(lambda: sum(len(worker.seen()) for worker in workers) > RECORDS * part / 5)
        os.kill(server.pid, signal.SIGKILL)
        server = launch(data_dir=data, kafka=kafka)
    counts = collections.Counter(value for worker in workers for value, _ in worker.wait(180))
    assert set(counts) == set(range(RECORDS)), sorted(set(range(RECORDS)) - set(counts))[:10]
    twice = sum(count - 1 for count in counts.values())
    assert twice < RECORDS / 5, f"{twice} came again: more than what was in hand"
    server.stop()


@case
def kafkas_own_tools_work():
    path, server = classes("java_share"), begin()
    produce(server.kafka, 0, 60)
    tool = lambda name, *arguments: subprocess.run(
        ["java", "-cp", path, f"org.apache.kafka.tools.consumer.{name}", "--bootstrap-server", server.kafka, *arguments],
        capture_output=True, text=True, timeout=60)
    Worker(path, server.kafka, "implicit").wait()
    produce(server.kafka, 60, 30)
    said = tool("ConsoleShareConsumer", "--topic", "work", "--group", "g", "--max-messages", "30")
    assert sorted(map(int, said.stdout.split())) == list(range(60, 90)), said
    said = tool("group.ShareGroupCommand", "--list")
    assert said.stdout.split() == ["g"], said
    said = tool("group.ShareGroupCommand", "--describe", "--group", "g")
    assert "90" in said.stdout and "work" in said.stdout, said
    said = tool("group.ShareGroupCommand", "--describe", "--state", "--group", "g")
    assert "Empty" in said.stdout, said
    said = tool("group.ShareGroupCommand", "--reset-offsets", "--to-earliest", "--topic", "work", "--group", "g", "--execute")
    if "not yet implemented" not in said.stdout:  # in the tools of 4.1
        assert said.returncode == 0 and "Error" not in said.stdout, said
        said = tool("ConsoleShareConsumer", "--topic", "work", "--group", "g", "--max-messages", "90")
        assert len(said.stdout.split()) == 90, said
    said = tool("group.ShareGroupCommand", "--delete-offsets", "--topic", "work", "--group", "g")
    assert "not yet implemented" in said.stdout or "Successful" in said.stdout, said
    said = tool("group.ShareGroupCommand", "--delete", "--group", "g")
    assert "successful" in said.stdout, said
    server.stop()


if __name__ == "__main__":
    run()
