"""Topics that lose records while servers die: one by retention, one by compaction.

One producer writes both topics and remembers the records that it has sent. The topic with retention keeps its newest
records without gaps, and at least the configured number of bytes. The compacted topic keeps the newest record of
each key, at the offset of its acknowledgement. Queries over both have read every record once, even those that were
removed later.
"""
import collections
import random
import struct
import time

try:
    import confluent_kafka
    from confluent_kafka import TopicPartition
except ImportError:
    confluent_kafka = None

import server  # puts the folder of the client tests on the path
from kafka_wire import Connection, array, string
from patience import patience
from pausable import Pausable

# Retention and compaction run ten times as often as in a real server, so that each of the frequent kills can hit them.
SETTINGS = {"log-retention-check-interval-ms": 30}
RETAINED, COMPACTED = "retained", "compacted"
KEPT_BYTES = 40_000
KEYS = 40
SOURCES = ("RETAINED", "RETAINED_COUNT", "COMPACTED")
SCHEMA = (
    f"CREATE STREAM IF NOT EXISTS {RETAINED} (k VARCHAR KEY, n BIGINT) WITH (KAFKA_TOPIC = '{RETAINED}', PARTITIONS = 1, VALUE_FORMAT = 'JSON')",
    f"CREATE TABLE IF NOT EXISTS retained_count AS SELECT k, COUNT(*) AS n, SUM(n) AS total FROM {RETAINED} GROUP BY k",
    f"CREATE TABLE IF NOT EXISTS {COMPACTED} (k VARCHAR PRIMARY KEY, n BIGINT) "
    f"WITH (KAFKA_TOPIC = '{COMPACTED}', PARTITIONS = 1, VALUE_FORMAT = 'JSON')",
)
_CONFIGS = {
    RETAINED: {"retention.bytes": str(KEPT_BYTES)},
    COMPACTED: {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1", "segment.ms": "50",
                "delete.retention.ms": "100"},
}
_ALTER_CONFIGS, _TOPIC = 33, 2
_TIMEOUT_S = 60


def configure(address):
    body = array([struct.pack(">b", _TOPIC) + string(topic)
                  + array([string(name) + string(value) for name, value in config.items()])
                  for topic, config in _CONFIGS.items()]) + b"\0"
    with Connection(address) as connection:
        connection.ask(_ALTER_CONFIGS, 0, body)


class CleanupLoad(Pausable):
    """Threads: its own thread produces; other threads read its fields while it is paused."""

    def __init__(self, address, seed):
        self.address = address
        self.sent = 0  # how many records were sent to RETAINED; their values are numbers from 0 on
        self.newest = {}  # by key: number of the newest record; None for a tombstone
        self.offsets = {}  # by key: offset and number of the newest record that was acknowledged
        self.problems = []
        self._chance = random.Random(f"{seed}/cleanup")
        self._client = confluent_kafka.Producer({
            "batch.num.messages": 100,  # the newest batch is never compacted, so it must be small
            "bootstrap.servers": address, "enable.idempotence": True, "message.timeout.ms": 600_000,
            "queue.buffering.max.messages": 500, "retry.backoff.ms": 50, "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 200, "log_level": 0, "linger.ms": 1,
            "compression.type": self._chance.choice(("none", "lz4", "zstd"))})
        self.start()

    def pause(self):
        with self._state:
            self._is_wanted = False
            self._state.wait_for(lambda: not self._is_running)
        if left := self._client.flush(_TIMEOUT_S):
            self.problems.append(f"{left} records are not acknowledged after {_TIMEOUT_S} s")

    def end(self):
        with self._state:
            self._is_over, self._is_wanted = True, False
            self._state.notify_all()
        self._thread.join()
        self._client.purge()
        self._client = None

    def _run(self):
        try:
            while self._wait():
                for _ in range(self._chance.choice((1, 5, 50))):
                    self._produce_both()
                self._client.poll(0)
                time.sleep(self._chance.random() * 0.02)
        except Exception as error:
            self.problems.append(f"{type(error).__name__}: {error}")
        finally:
            with self._state:
                self._is_running = False
                self._state.notify_all()

    def _produce_both(self):
        number = self.sent
        key = f"k{self._chance.randrange(KEYS)}"
        is_gone = self._chance.random() < 0.1
        while True:
            try:
                self._client.produce(RETAINED, key="all", value='{"N": %d, "PADDING": "%s"}' % (number, self._chance.randbytes(number * 37 % 150).hex()),
                                     partition=0)
                break
            except BufferError:
                if self._is_over:  # the last server may be gone
                    return
                self._client.poll(0.02)
        self.sent += 1
        while True:
            try:
                self._client.produce(COMPACTED, key=key, value=None if is_gone else '{"N": %d}' % number, partition=0,
                                     on_delivery=self._note(key, number))
                break
            except BufferError:
                if self._is_over:  # the last server may be gone
                    return
                self._client.poll(0.02)
        self.newest[key] = None if is_gone else number

    def _note(self, key, number):
        def on_delivery(error, message):
            if error:
                self.problems.append(f"record {number}: {error}")
            elif message.offset() >= 0:
                self.offsets[key] = message.offset(), number
        return on_delivery

    # --- The checks, which run while this load is paused

    def _wait_until_cleaned(self):
        """Waits until few records are left, however short the lives of servers were."""
        deadline = time.monotonic() + patience(_TIMEOUT_S)
        while True:
            found = [f"{topic} still has {len(records)} records of {self.sent}"
                     for topic, most in ((RETAINED, 1500), (COMPACTED, 300))
                     if len(records := self._read(topic)) > most]
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.2)

    def complaints(self, connection):
        found, self.problems = self.problems, []
        return [f"cleanup: {complaint}" for complaint in
                found + self._check_queries(connection) + self._wait_until_cleaned() + self._check_retained()
                + self._check_compacted()]

    def _check_retained(self):
        records = self._read(RETAINED)
        numbers = [_number(value) for _, _, value in records]
        if numbers != list(range(self.sent - len(numbers), self.sent)):
            return [f"{RETAINED} holds {numbers[:3]} to {numbers[-3:]}, {len(numbers)} of {self.sent}"]
        size = sum(len(value) for _, _, value in records)
        if len(numbers) < self.sent and size < KEPT_BYTES / 4:  # headers and compression count otherwise
            return [f"{RETAINED} keeps {size} bytes of values"]
        return []

    def _check_compacted(self):
        records = self._read(COMPACTED)
        table, places = {}, {}
        for offset, key, value in records:
            table[key] = None if value is None else _number(value)
            places[key] = offset
        found = []
        wanted = {key: number for key, number in self.newest.items() if number is not None}
        if {key: number for key, number in table.items() if number is not None} != wanted:
            found.append(f"{COMPACTED} has {table}, not {self.newest}")
        wrong = [key for key, (offset, number) in self.offsets.items()
                 if wanted.get(key) == number and places.get(key) != offset]
        if wrong:
            found.append(f"{COMPACTED}: the newest records of {wrong[:3]} are not where they were")
        offsets = [offset for offset, _, _ in records]
        if offsets != sorted(set(offsets)):
            found.append(f"{COMPACTED}: offsets do not grow: {offsets}")
        return found

    def _check_queries(self, connection):
        wanted = (self.sent, self.sent * (self.sent - 1) // 2)
        table = {key: number for key, number in self.newest.items() if number is not None}
        deadline = time.monotonic() + patience(_TIMEOUT_S)
        while True:
            counted = connection.execute("SELECT n, total FROM retained_count").fetchall()
            rows = dict(connection.execute(f"SELECT k, n FROM {COMPACTED}").fetchall())
            if rows == table and (counted == [wanted] or not self.sent):
                return []
            if time.monotonic() > deadline:
                return [f"the count is {counted}, not {wanted}" if counted != [wanted] else
                        f"the table has {rows}, not {table}"]
            time.sleep(0.1)

    def _read(self, topic):
        """All stored records: (offset, key, value)."""
        client = confluent_kafka.Consumer({"bootstrap.servers": self.address, "group.id": "none",
                                           "enable.partition.eof": True, "auto.offset.reset": "earliest"})
        client.assign([TopicPartition(topic, 0, confluent_kafka.OFFSET_BEGINNING)])
        records = collections.deque()
        deadline = time.monotonic() + patience(_TIMEOUT_S)
        while time.monotonic() < deadline:
            message = client.poll(1)
            if message is None:
                continue
            if message.error():
                if message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    break
                raise AssertionError(f"{topic}: {message.error()}")
            records.append((message.offset(), (message.key() or b"").decode(), message.value()))
        client.close()
        return list(records)


def _number(value):
    return int(value.split(b'"N": ')[1].split(b",")[0].rstrip(b"}"))
