"""Writers of numbered records, and readers of these records, for tests with disturbances."""
import logging
import re
import threading
import time

from cluster_cases import end_of, leader_of
from cluster_nodes import eventually
from patience import Deadline

try:
    from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
except ImportError:
    Consumer = None


def producer_of(nodes, **settings):
    return Producer({"bootstrap.servers": nodes.bootstrap, "enable.idempotence": True, "linger.ms": 1,
                     "reconnect.backoff.max.ms": 500, **settings})


def read_all(bootstrap, topic, partitions):
    """The values of each partition, from the first one to the present end."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False,
                         "reconnect.backoff.max.ms": 500})
    ends = {number: end_of(consumer, TopicPartition(topic, number))
            for number in range(partitions)}
    consumer.assign([TopicPartition(topic, number, 0) for number in ends])
    read = {number: [] for number in ends}
    end_time = Deadline(60)
    while any(len(read[number]) < end for number, end in ends.items()):
        end_time.check(lambda: f"read {[len(values) for values in read.values()]} of {ends}")
        for message in consumer.consume(1000, 0.5):
            if not message.error():
                read[message.partition()].append(message.value().decode())
    consumer.close()
    return read


def read_committed(bootstrap, topic, partitions):
    """The values of each partition up to the last stable offset, once no transaction is open."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False,
                         "isolation.level": "read_committed", "enable.partition.eof": True,
                         "reconnect.backoff.max.ms": 500})
    raw = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused", "isolation.level": "read_uncommitted"})
    places = [TopicPartition(topic, number) for number in range(partitions)]
    eventually(lambda: all(end_of(consumer, place) == end_of(raw, place) for place in places), 60)
    raw.close()
    consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
    read, ended = {number: [] for number in range(partitions)}, set()
    until = Deadline(60)
    while len(ended) < partitions:
        until.check(lambda: f"read {read}")
        for message in consumer.consume(1000, 0.5):
            if not message.error():
                read[message.partition()].append(message.value().decode())
            elif message.error().name() == "_PARTITION_EOF":
                ended.add(message.partition())
    consumer.close()
    return read


class Retries(logging.Handler):
    """The node to which a client repeats its records: {partition: address}, from the client's log.

    librdkafka may forever send to a node that is no longer the leader, although each answer about the topic names the
    new leader (its issue 5593: of two answers within milliseconds, the second one is the older)."""

    def __init__(self, tells_warnings):
        super().__init__()
        self.addresses, self.tells_warnings = {}, tells_warnings

    def emit(self, record):
        text = record.getMessage()
        if found := re.search(r"thrd:([\d.:]+)/\S*: \S+ \[(\d+)\] beginning partition drain: drain before retrying", text):
            self.addresses[int(found[2])] = found[1]
        elif self.tells_warnings and record.levelno >= logging.WARNING:
            print(text)

    def logger(self):
        logger = logging.Logger("retries")
        logger.addHandler(self)
        return logger


class Load:
    """Writes numbered records to each partition, a few at a time, until it is stopped; notes the acknowledged ones."""

    def __init__(self, nodes, topic, partitions=3, tells_warnings=True):
        self.nodes, self.retries = nodes, Retries(tells_warnings)
        self.producer = producer_of(nodes, debug="eos", logger=self.retries.logger())
        self.topic, self.partitions = topic, partitions
        self.acknowledged = {number: [] for number in range(partitions)}
        self.sent = 0  # to each partition
        self.failures, self.times = [], []
        self.stopping = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopping:
            for number in range(self.partitions):
                value = f"{number}-{self.sent}"
                self.producer.produce(self.topic, value, partition=number,
                                      on_delivery=lambda error, message: self._delivered(error, message))
            self.sent += 1
            self.wait()

    def wait(self):
        """Pauses between two rounds of records."""
        self.producer.poll(0.002)

    def _delivered(self, error, message):
        if error:
            return self.failures.append(str(error))
        self.times.append((time.monotonic(), message.partition()))
        self.acknowledged[message.partition()].append(message.value().decode())

    def await_more(self, records):
        """Returns when `records` more records have been acknowledged in each partition, so that the disturbances are
        over."""
        before = {number: len(values) for number, values in self.acknowledged.items()}
        eventually(lambda: all(len(values) >= before[number] + records for number, values in self.acknowledged.items()), 90)

    def stop(self):
        self.stopping = True
        self.thread.join()
        if self.producer.flush(60):
            self.check_who_is_at_fault()
        assert not self.failures, self.failures[:3]
        return self

    def check_who_is_at_fault(self):
        """Called if records are neither acknowledged nor refused. Fails unless the client has caused this."""
        for number, values in self.acknowledged.items():
            if len(values) == self.sent:
                continue
            leader, asked = leader_of(self.nodes, self.topic, number), self.retries.addresses.get(number)
            assert asked and asked != leader.kafka, f"partition {number}: the leader {leader.kafka} does not answer, {asked} was asked"
            print(f"partition {number}: the client stays with {asked}, but all nodes report {leader.kafka} as the leader")

    def longest_pause_s(self):
        longest = 0
        for partition in range(self.partitions):
            times = [moment for moment, number in self.times if number == partition]
            longest = max([longest, *(after - before for before, after in zip(times, times[1:]))])
        return longest

    def check(self, bootstrap):
        """Checks that each acknowledged record is stored once and in order, and that each other stored record was sent.
        """
        deadline = Deadline(20)
        while True:
            read = read_all(bootstrap, self.topic, self.partitions)
            # The check is repeated: until the followers of a new leader have fetched once, the leader may report an end
            # below acknowledged records.
            if deadline.is_over() or all(set(self.acknowledged[number]) <= set(values) for number, values in read.items()):
                break
            time.sleep(0.5)  # each look reads the whole topic
        for number, values in read.items():
            numbers = [int(value.split("-")[1]) for value in values]
            wrong = next((at for at in range(1, len(numbers)) if numbers[at] <= numbers[at - 1]), None)
            if wrong is not None:
                again = read_all(bootstrap, self.topic, self.partitions)[number] == values
                raise AssertionError(f"partition {number}: doubled or out of order, record {wrong} of {len(numbers)}, "
                                     f"{'also' if again else 'not'} when it is read again: {numbers[max(wrong - 20, 0):wrong + 20]}")
            lost = set(self.acknowledged[number]) - set(values)
            assert not lost, f"partition {number}: {len(lost)} acknowledged records are lost: {sorted(lost)[:3]}"
        return sum(len(values) for values in read.values())


class Member(threading.Thread):
    """A member of a group, which commits its position: (partition, value, offset) of each record in `seen`."""

    def __init__(self, nodes, group, topic, seen, **settings):
        super().__init__(daemon=True)
        self.errors = []
        self.consumer = Consumer({**settings, "bootstrap.servers": nodes.bootstrap, "group.id": group, "session.timeout.ms": 6000,
                                  "auto.offset.reset": "earliest", "auto.commit.interval.ms": 200,
                                  "reconnect.backoff.max.ms": 500})
        self.consumer.subscribe([topic])
        self.seen, self.stopping = seen, False
        self.start()

    def run(self):
        # Reads one record at a time: librdkafka 2.0 skips records when partitions move while consume() gathers several
        # records.
        while not self.stopping:
            message = self.consumer.poll(0.2)
            if message is None:
                continue
            if message.error():
                self.errors.append(str(message.error()))
            else:
                self.seen.append((message.partition(), message.value().decode(), message.offset()))
        self.consumer.close()

    def place_in(self, topic, partition):
        """Returns the member's position if it owns the partition, and the answers of the partition's leader and of the
        coordinator."""
        place = TopicPartition(topic, partition)
        if not any(mine.partition == partition for mine in self.consumer.assignment()):
            return "not of this member"
        try:
            return (f"at {self.consumer.position([place])[0].offset}, committed {self.consumer.committed([place], 5)[0].offset}, "
                    f"there are {self.consumer.get_watermark_offsets(place, 5)}")
        except KafkaException as error:
            return f"of this member, which hears {error}"
