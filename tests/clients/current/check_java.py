"""The current Java clients: transactions of their second version, groups by the consumer protocol, and Kafka Streams exactly once.

MILLRACE_KAFKA_JARS: a folder with kafka-streams and kafka-tools of one release and all that they need. Needs javac.
"""
import collections
import os
import shutil
import signal
import subprocess
import tempfile
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from java_programs import classes, java
from millrace_server import case, launch, run

WORDS = [f"w{number}" for number in range(20)]
PARTITIONS = 2


def make_topics(kafka, *names):
    admin = AdminClient({"bootstrap.servers": kafka})
    for each in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names]).values():
        each.result(20)


@case
def java_moves_numbers_in_transactions():
    path, server = classes(), launch()
    make_topics(server.kafka, "java-from", "java-to")
    program = java(path, "Transactions", server.kafka, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said, complained = program.communicate(timeout=180)
    assert program.returncode == 0 and "moved" in said, complained[-3000:]
    server.stop()


@case
def streams_count_words_once_over_kills():
    """The program and the server are killed and started again in turns, while words arrive."""
    path = classes()
    data, states = tempfile.mkdtemp(prefix="millrace-streams-"), tempfile.mkdtemp(prefix="millrace-streams-state-")
    server = launch(data_dir=data)
    kafka = server.kafka
    make_topics(kafka, "lines", "counts")
    log = open(os.path.join(states, "log"), "w")
    start = lambda: java(path, "WordCount", kafka, states, stdout=log, stderr=log)
    program = start()
    counts = collections.Counter()
    producer = Producer({"bootstrap.servers": kafka, "enable.idempotence": True, "message.timeout.ms": 120_000})
    for turn in range(6):
        for number in range(50):
            line = [WORDS[(turn * 7 + number * step) % len(WORDS)] for step in (1, 3, 5)]
            counts.update(line)
            producer.produce("lines", " ".join(line))
        time.sleep(4)  # the program has committed some of the lines, and is killed at an arbitrary moment
        if turn % 2 == 0:
            program.kill()
            program.wait()
            program = start()
        elif turn < 5:
            os.kill(server.pid, signal.SIGKILL)
            server = launch(data_dir=data, kafka=kafka)
    assert producer.flush(60) == 0
    try:
        deadline = time.monotonic() + 120
        while (found := read_counts(kafka))[0] != counts:
            assert time.monotonic() < deadline, (found[0] - counts, counts - found[0], log.name)
            time.sleep(1)
        assert not found[1], f"a count came twice, or was left out: {found[1][:5]}"
    finally:
        program.kill()
        program.wait()
    server.stop()
    shutil.rmtree(data)


def read_counts(kafka):
    """Returns the newest count of each word, and the counts that are not greater than the count before."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "none", "enable.partition.eof": True,
                         "isolation.level": "read_committed", "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition("counts", number, 0) for number in range(PARTITIONS)])
    newest, wrong, ended = collections.Counter(), [], 0
    while ended < PARTITIONS:
        record = consumer.poll(10)
        assert record is not None, "no answer"
        if record.error():
            ended += 1
            continue
        word, count = record.key().decode(), int(record.value())
        if count <= newest[word]:
            wrong.append((word, newest[word], count))
        newest[word] = count
    consumer.close()
    return newest, wrong


if __name__ == "__main__":
    run()
