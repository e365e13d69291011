#!/usr/bin/python3
"""Transactions over the partitions of three nodes, while their coordinators and leaders die."""
import os
import random
import shutil
import subprocess
import threading
import time

from cluster_cases import (TRANSACTION, all_is_well, await_another_leader, cluster, coordinator_of, create_topic, disturb, end_of,
                           leader_of)
from cluster_load import read_committed
from cluster_nodes import eventually
from cluster_sql import connect, psycopg
from millrace_server import Deadline, Skipped, case, obstacle_of_own_client, run

try:
    from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
except ImportError:
    Consumer = None

PARTITIONS = 3
PATIENCE_S = 120


class Writer(threading.Thread):
    """Writes transactions, each with a record in all partitions; one in four is aborted. Remembers the outcome of each.
    """

    def __init__(self, nodes, name, topic):
        super().__init__()
        self.nodes, self.name_of_id, self.topic = nodes, name, topic
        self.outcomes, self.stopping, self.error, self.restarts = {}, False, None, 0
        self.chance = random.Random(name)
        self.start()

    def begin_producer(self):
        while True:
            producer = Producer({"bootstrap.servers": self.nodes.bootstrap, "transactional.id": self.name_of_id,
                                 "transaction.timeout.ms": 20000, "linger.ms": 1, "reconnect.backoff.max.ms": 500})
            try:
                producer.init_transactions(30)
                return producer
            except KafkaException:
                self.restarts += 1

    def again(self, call):
        """Repeats the request until the outcome is known, or the transaction can only be aborted."""
        until = Deadline(PATIENCE_S)
        while True:
            try:
                return call()
            except KafkaException as error:
                if not error.args[0].retriable() or until.is_over():
                    raise

    def one(self, producer, number):
        name = f"{self.name_of_id}-{number}"
        self.outcomes[name] = "aborted"
        try:
            producer.begin_transaction()
            for partition in range(PARTITIONS):
                producer.produce(self.topic, name, partition=partition)
            if self.chance.random() < 0.25:
                self.again(lambda: producer.abort_transaction(30))
                return producer
            producer.flush(30)
            self.outcomes[name] = "unknown"
            self.again(lambda: producer.commit_transaction(30))
            self.outcomes[name] = "committed"
        except KafkaException as error:
            if error.args[0].txn_requires_abort():
                try:
                    self.again(lambda: producer.abort_transaction(30))
                    self.outcomes[name] = "aborted"
                    return producer
                except KafkaException:
                    pass
            self.restarts += 1
            return self.begin_producer()
        return producer

    def run(self):
        try:
            producer, number = self.begin_producer(), 0
            while not self.stopping:
                number += 1
                producer = self.one(producer, number)
        except BaseException as error:  # check() reports it
            self.error = error

    def check(self, read):
        assert self.error is None, self.error
        for name, outcome in self.outcomes.items():
            seen = [values.count(name) for values in read.values()]
            expected = {"committed": [[1] * PARTITIONS], "aborted": [[0] * PARTITIONS],
                        "unknown": [[0] * PARTITIONS, [1] * PARTITIONS]}[outcome]
            assert seen in expected, f"{name} was {outcome}, and is there {seen} times"
        return sum(outcome == "committed" for outcome in self.outcomes.values())


def under_writers(topic, disturb_them):
    nodes = cluster()
    create_topic(nodes, topic)
    writers = [Writer(nodes, f"{topic}-{number}", topic) for number in range(2)]
    try:
        eventually(lambda: all(len(writer.outcomes) > 5 for writer in writers), 60)
        disturb_them(nodes, writers)
        all_is_well(nodes)
        counts = [len(writer.outcomes) for writer in writers]
        eventually(lambda: all(len(writer.outcomes) > count + 3 for writer, count in zip(writers, counts)), PATIENCE_S)
    finally:
        for writer in writers:
            writer.stopping = True
        for writer in writers:
            writer.join(PATIENCE_S)
    read = read_committed(nodes.bootstrap, topic, PARTITIONS)
    committed = [writer.check(read) for writer in writers]
    print(f"{committed} transactions committed, {[writer.restarts for writer in writers]} producers replaced")


@case
def a_coordinator_that_is_killed_is_replaced_and_transactions_stay_whole():
    def kill(nodes, writers):
        killed = coordinator_of(nodes, TRANSACTION, writers[0].name_of_id)
        killed.kill()
        eventually(lambda: coordinator_of(nodes, TRANSACTION, writers[0].name_of_id) is not killed, 60)
        killed.start()
    under_writers("tx_coordinator", kill)


@case
def a_leader_that_is_killed_is_replaced_and_transactions_stay_whole():
    def kill(nodes, _):
        killed = leader_of(nodes, "tx_leader")
        killed.kill()
        await_another_leader(nodes, "tx_leader", killed)
        killed.start()
    under_writers("tx_leader", kill)


@case
def transactions_stay_whole_under_one_failure_after_the_other():
    rounds = int(os.environ.get("MILLRACE_CLUSTER_ROUNDS", "4"))
    seed = int(os.environ.get("MILLRACE_CLUSTER_SEED", "1"))
    print(f"seed {seed}, {rounds} rounds")
    chance = random.Random(seed)

    def disturb_often(nodes, _):
        for _ in range(rounds):
            disturb(nodes, chance)
            time.sleep(chance.uniform(0, 2))
    under_writers(f"tx_chaos_{seed}", disturb_often)


def all_are_copied(consumer, count):
    """Returns whether the group has committed that each partition of tx_in was copied up to this offset."""
    places = consumer.committed([TopicPartition("tx_in", number) for number in range(PARTITIONS)], 30)
    return all(place.offset >= count for place in places)


@case
def offsets_are_committed_together_with_the_results():
    """A record is copied once, although different nodes coordinate the copier's group and its transactions."""
    nodes = cluster()
    create_topic(nodes, "tx_in")
    create_topic(nodes, "tx_out")
    source = Producer({"bootstrap.servers": nodes.bootstrap, "enable.idempotence": True})
    for number in range(600):
        source.produce("tx_in", str(number), partition=number % PARTITIONS)
    source.flush(30)
    copied, killed = 0, None
    while True:
        consumer = Consumer({"bootstrap.servers": nodes.bootstrap, "group.id": "copiers", "enable.auto.commit": False,
                             "auto.offset.reset": "earliest", "isolation.level": "read_committed",
                             "session.timeout.ms": 6000, "enable.partition.eof": False})
        producer = Producer({"bootstrap.servers": nodes.bootstrap, "transactional.id": "copier",
                             "transaction.timeout.ms": 20000})
        try:
            producer.init_transactions(60)
            consumer.subscribe(["tx_in"])
            until = Deadline(PATIENCE_S)
            while not all_are_copied(consumer, 600 // PARTITIONS):
                until.check(f"{copied} of 600 records were copied")
                messages = [message for message in consumer.consume(50, 1.0) if not message.error()]
                if not messages:
                    continue
                producer.begin_transaction()
                for message in messages:
                    producer.produce("tx_out", message.value(), partition=message.partition())
                producer.send_offsets_to_transaction(consumer.position(consumer.assignment()),
                                                     consumer.consumer_group_metadata(), 30)
                producer.commit_transaction(30)
                copied += len(messages)
                if killed is None and copied > 100:
                    killed = coordinator_of(nodes, TRANSACTION, "copier")
                    killed.kill()
            break
        except KafkaException as error:
            print(f"begins again: {error}")
        finally:
            consumer.close()
    killed.start()
    all_is_well(nodes)
    read = read_committed(nodes.bootstrap, "tx_out", PARTITIONS)
    for number, values in read.items():
        assert sorted(map(int, values)) == list(range(number, 600, PARTITIONS)), (number, values)


@case
def javas_producers_go_on_when_coordinator_and_leader_are_killed():
    """Producers of Kafka 4 use the second version of the protocol, in which each end of a transaction gives the
    producer a new epoch."""
    folders = os.environ.get("MILLRACE_KAFKA_JARS")
    if not folders or not shutil.which("java"):
        raise Skipped("MILLRACE_KAFKA_JARS names no folder with Kafka's jars, or java is not installed")
    nodes = cluster()
    for number, folder in enumerate(folders.split(":")):
        topic, records = f"tx_java_{number}", 10000
        create_topic(nodes, topic)
        producer = subprocess.Popen(
            ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", os.path.join(folder, "*"),
             "org.apache.kafka.tools.ProducerPerformance", "--topic", topic, "--num-records", str(records),
             "--record-size", "20", "--throughput", "700", "--transactional-id", topic,
             "--transaction-duration-ms", "100", "--producer-props", f"bootstrap.servers={nodes.bootstrap}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        looks = Consumer({"bootstrap.servers": nodes.bootstrap, "group.id": "unused"})
        eventually(lambda: producer.poll() is not None or end_of(looks, TopicPartition(topic, 0)) > 50, 60)
        looks.close()
        for find in (lambda: coordinator_of(nodes, TRANSACTION, topic), lambda: leader_of(nodes, topic)):
            if producer.poll() is not None:
                break
            killed = find()
            killed.kill()
            eventually(lambda: find() is not killed, 60)
            killed.start()
            all_is_well(nodes)
        said, _ = producer.communicate(timeout=180)
        assert producer.returncode == 0, said
        read = read_committed(nodes.bootstrap, topic, PARTITIONS)
        assert sum(map(len, read.values())) == records, {number: len(values) for number, values in read.items()}


@case
def lag_counts_what_lies_behind_transactions():
    nodes = cluster()
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    create_topic(nodes, "overdue", 1)
    producer = Producer({"bootstrap.servers": nodes.bootstrap, "transactional.id": "overdue"})
    producer.init_transactions(30)
    for _ in range(3):  # one record and one marker for each
        producer.begin_transaction()
        producer.produce("overdue", b"in one")
        producer.commit_transaction(30)
    reader = Consumer({"bootstrap.servers": nodes.bootstrap, "group.id": "its reader"})
    reader.commit(offsets=[TopicPartition("overdue", 0, 4)], asynchronous=False)
    reader.close()

    def lag_at(node):
        with connect(node) as c:
            return [row[3:6] for row in c.execute("SHOW CONSUMER LAG FOR 'its reader'").fetchall()]

    for node in nodes.nodes.values():
        eventually(lambda node=node: lag_at(node) == [(4, 6, 2)])
    plain = Producer({"bootstrap.servers": nodes.bootstrap})
    for _ in range(100):
        plain.produce("overdue", b"in none")
    assert plain.flush(30) == 0
    for node in nodes.nodes.values():
        eventually(lambda node=node: lag_at(node) == [(4, 106, 102)])


run(obstacle_of_own_client())
