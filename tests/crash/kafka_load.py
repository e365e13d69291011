"""Kafka producers that outlive servers, and their knowledge of their records.

Unlike the clients of load.py they get no notice of a server's death: they repeat a request until it is answered, as
real producers do. So in the end each record of an idempotent producer is stored exactly once, and each record of a
plain producer at least once; the records of one producer in one partition are in the order in which they were sent.
"""
import collections
import random
import time

try:
    import confluent_kafka
except ImportError:
    confluent_kafka = None

from pausable import Pausable

TOPIC = "produced"
PARTITIONS = 4
_FLUSH_TIMEOUT_S = 60
_CODECS = ("none", "lz4", "zstd", "snappy", "gzip")

_ALL = {
    "acks": "all",
    "message.timeout.ms": 600_000,  # nothing is ever given up
    "queue.buffering.max.messages": 500,  # records that wait for the next server
    "retry.backoff.ms": 50,
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 200,
    "log_level": 0,  # otherwise it logs each lost connection
}
_KINDS = {
    "idempotent": {"enable.idempotence": True},
    # A producer without idempotence may change the order of its records if it has more than one request in flight.
    "plain": {"max.in.flight.requests.per.connection": 1},
}


def reason_to_skip():
    return None if confluent_kafka else "confluent-kafka is not installed"


class Producer(Pausable):
    """One librdkafka producer and a thread that feeds it.

    Threads: its own thread writes `sent`, `acknowledged` and `problems`; other threads read them while it is paused.
    """

    def __init__(self, name, address, chance):
        self.name = name
        self.is_idempotent = name.startswith("idempotent")
        self.sent = collections.defaultdict(list)  # by partition: numbers
        self.acknowledged = {}                     # by (partition, offset): number
        self.problems = []
        self._chance = chance
        self._client = confluent_kafka.Producer({
            "bootstrap.servers": address, **_ALL, **_KINDS[name.split("-")[0]],
            "compression.type": chance.choice(_CODECS), "linger.ms": chance.choice((0, 1, 5))})
        self.start()

    def pause(self):
        """Waits until all sent records are acknowledged, which takes a running server."""
        with self._state:
            self._is_wanted = False
            self._state.wait_for(lambda: not self._is_running)
        left = self._client.flush(_FLUSH_TIMEOUT_S)
        if left:
            self.problems.append(f"{left} records are not acknowledged after {_FLUSH_TIMEOUT_S} s")

    def end(self):
        with self._state:
            self._is_over, self._is_wanted = True, False
            self._state.notify_all()
        self._thread.join()
        self._client.purge()
        self._client = None  # otherwise the client would try to connect to a port that another server may get soon

    def _run(self):
        try:
            self._feed()
        except Exception as error:
            self.problems.append(f"{type(error).__name__}: {error}")
        finally:
            with self._state:
                self._is_running = False
                self._state.notify_all()

    def _feed(self):
        number = 0
        while self._wait():
            for _ in range(self._chance.choice((1, 5, 50))):
                number += self._produce(number)
            self._client.poll(0)
            time.sleep(self._chance.random() * 0.02)

    def _produce(self, number):
        """Returns the number of records taken: one, or none if the queue is full."""
        partition = self._chance.randrange(PARTITIONS)
        padding = "x" * (number * 37 % 300)
        try:
            self._client.produce(
                TOPIC, key=self.name, value='{"N": %d, "PADDING": "%s"}' % (number, padding),
                partition=partition, on_delivery=self._note(number))
        except BufferError:
            self._client.poll(0.02)
            return 0
        self.sent[partition].append(number)
        return 1

    def _note(self, number):
        def on_delivery(error, message):
            if error:
                self.problems.append(f"record {number}: {error}")
            elif message.offset() >= 0:
                self.acknowledged[message.partition(), message.offset()] = number
        return on_delivery

    # --- The checks, which run while this load is paused: everything that was sent is acknowledged then.

    def doubles(self, stored):
        """Number of records that are stored more than once."""
        numbers = [number for rows in stored.values() for _, number in rows]
        return len(numbers) - len(set(numbers))

    def complaints(self, stored):
        """`stored`: by partition, (offset, number) of its records in the order of the log."""
        found = self.problems[:]
        for partition in range(PARTITIONS):
            rows = stored.get(partition, [])
            numbers = [number for _, number in rows]
            # A record that is repeated follows the records that were in flight with it.
            once = numbers if self.is_idempotent else list(dict.fromkeys(numbers))
            if once != self.sent[partition]:
                found.append(f"partition {partition}: " + _difference(once, self.sent[partition]))
        offsets = {(partition, offset): number for partition, rows in stored.items()
                   for offset, number in rows}
        wrong = [(place, number) for place, number in self.acknowledged.items()
                 if offsets.get(place) != number]
        if wrong:
            place, number = wrong[0]
            found.append(f"{len(wrong)} records are not where their acknowledgement said: {number} "
                         f"at (partition, offset) {place}, where {offsets.get(place)} is")
        return [f"producer {self.name}: {complaint}" for complaint in found]


def _difference(stored, sent):
    missing = set(sent) - set(stored)
    doubles = [number for number, count in collections.Counter(stored).items() if count > 1]
    strange = set(stored) - set(sent)
    if not (missing or doubles or strange):
        at = next(at for at, pair in enumerate(zip(stored, sent)) if pair[0] != pair[1])
        return f"the order differs from the {at}th on: {stored[at:at + 5]}, not {sent[at:at + 5]}"
    return (f"{len(missing)} of {len(sent)} acknowledged records are missing "
            f"{sorted(missing)[:3]}, "
            f"{len(doubles)} are there twice {doubles[:3]}, {len(strange)} were never sent")


def _by_producer(rows):
    """{name: {partition: (offset, number)}}, in the order of the log."""
    stored = collections.defaultdict(lambda: collections.defaultdict(list))
    for partition, offset, name, number in sorted(rows):
        stored[name][partition].append((offset, number))
    return stored


class KafkaLoad:
    """The Kafka producers that write to the server under test."""

    def __init__(self, address, seed):
        names = [f"{kind}-{number}" for kind in _KINDS for number in (1, 2)]
        self.producers = [Producer(name, address, random.Random(f"{seed}/{name}"))
                          for name in names]

    def resume(self):
        for producer in self.producers:
            producer.resume()

    def ask_to_pause(self):
        for producer in self.producers:
            producer.ask_to_pause()

    def pause(self):
        for producer in self.producers:
            producer.pause()

    def end(self):
        for producer in self.producers:
            producer.end()

    def record_count(self):
        return sum(len(numbers) for producer in self.producers
                   for numbers in producer.sent.values())

    def doubles(self, rows):
        """Number of records of all producers that are stored more than once; `rows` as below."""
        stored = _by_producer(rows)
        return sum(producer.doubles(stored[producer.name]) for producer in self.producers)

    def complaints(self, rows):
        """`rows`: (partition, offset, producer, number) of all records in the topic."""
        stored = _by_producer(rows)
        known = {producer.name for producer in self.producers}
        found = [f"records of an unknown producer {name}" for name in stored if name not in known]
        return found + [complaint for producer in self.producers
                        for complaint in producer.complaints(stored[producer.name])]
