"""Transactions that go on over the deaths of servers: committed, aborted, and abandoned by producers that begin anew.

What was committed is there once and as a whole, what was aborted or abandoned is not, for consumers that read what is
committed and for queries; of a commit whose answer never came either is right, but it stays so. A group moves what is
committed to another topic, offsets with outputs: there it is once, too.
"""
import collections
import random
import threading
import time

try:
    import confluent_kafka
    from confluent_kafka import KafkaError, KafkaException, TopicPartition
except ImportError:
    confluent_kafka = None

import server  # noqa: F401  what the clients have is on the path then
from kafka_wire import Connection
from ledger import Fate
from transactions_wire import RequestFailed, SecondVersionProducer

TOPIC, MOVED, PARTITIONS = "transacted", "moved", 3
SOURCES = ("TRANSACTED", "TRANSACTED_COUNT", "MOVED")
SCHEMA = (
    f"CREATE STREAM IF NOT EXISTS {TOPIC} (k VARCHAR, n BIGINT) WITH (KAFKA_TOPIC = '{TOPIC}', PARTITIONS = {PARTITIONS}, "
    "VALUE_FORMAT = 'JSON')",
    f"CREATE TABLE IF NOT EXISTS transacted_count AS SELECT k, COUNT(*) AS n FROM {TOPIC} GROUP BY k",
    f"CREATE STREAM IF NOT EXISTS {MOVED} (k VARCHAR, n BIGINT) WITH (KAFKA_TOPIC = '{MOVED}', PARTITIONS = {PARTITIONS}, "
    "VALUE_FORMAT = 'JSON')",
)
_TIMEOUT_S = 60
_CALL_S = 5
_GROUP = "movers"
_PATIENT = {"retry.backoff.ms": 50, "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200, "log_level": 0}


class _IsOver(Exception):
    pass


class _Worker:
    """A thread that does one piece of work after the other while it is wanted.

    Threads: its own works; others look while it is paused.
    """

    def __init__(self, address, name, chance):
        self.address, self.name, self.problems = address, name, []
        self._has_failed = False  # a record of the newest client
        self._chance = chance
        self._state = threading.Condition()
        self._is_wanted = self._is_running = self._is_over = False  # guarded by _state
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def resume(self):
        with self._state:
            self._is_wanted = True
            self._state.notify_all()

    def ask_to_pause(self):
        with self._state:
            self._is_wanted = False

    def pause(self):
        """Waits for the end of what it is at: there has to be a server."""
        with self._state:
            self._is_wanted = False
            if not self._state.wait_for(lambda: not self._is_running, 2 * _TIMEOUT_S):
                self.problems.append(f"it is still at work after {2 * _TIMEOUT_S} s")

    def end(self):
        with self._state:
            self._is_over, self._is_wanted = True, False
            self._state.notify_all()
        self._thread.join(2 * _TIMEOUT_S)
        self.close()

    def repeat(self, what):
        """Calls `what`, which gets a time-out, until it is done: no server is away for long."""
        deadline = time.monotonic() + 2 * _TIMEOUT_S
        while True:
            try:
                return what(_CALL_S)
            except KafkaException as error:
                if not error.args[0].retriable():
                    raise
                self.wait_a_little(deadline, error)

    def succeeds(self, what):
        """False when the transaction has to be aborted."""
        try:
            self.repeat(what)
            return True
        except KafkaException as error:
            if error.args[0].txn_requires_abort():
                return False
            raise

    def wait_a_little(self, deadline, error):
        if self._is_over:
            raise _IsOver()
        if time.monotonic() > deadline:
            raise error
        time.sleep(0.02)

    def abort(self, client):
        """False when the client has to be given up instead: after a failure librdkafka 2.0 ends the process when an
        answer to AddPartitionsToTxn comes behind the end of its transaction."""
        deadline = time.monotonic() + 2 * _TIMEOUT_S
        while client.flush(1):
            self.wait_a_little(deadline, TimeoutError("records of a transaction are not answered"))
        if self._has_failed:
            return False
        self.repeat(client.abort_transaction)
        return True

    def _note(self, error, _):
        self._has_failed = self._has_failed or error is not None

    def new_client(self):
        client = confluent_kafka.Producer({
            "bootstrap.servers": self.address, **_PATIENT, "transactional.id": self.name, "linger.ms": 0,
            "transaction.timeout.ms": 300_000, "message.timeout.ms": 300_000, "on_delivery": self._note})
        self._has_failed = False
        self.repeat(client.init_transactions)
        return client

    def _run(self):
        try:
            while self._wait():
                self.work()
                time.sleep(self._chance.random() * 0.02)
        except _IsOver:
            pass
        except Exception as error:  # whatever it is, the check tells it
            self.problems.append(f"{type(error).__name__}: {error}")
        finally:
            with self._state:
                self._is_running = False
                self._state.notify_all()

    def _wait(self):
        with self._state:
            self._is_running = self._is_wanted
            self._state.notify_all()
            self._state.wait_for(lambda: self._is_wanted or self._is_over)
            self._is_running = not self._is_over
            return not self._is_over


def _value(name, number):
    return '{"K": "%s", "N": %d}' % (name, number)


class _Writer(_Worker):
    """Transactions of some records each, whose numbers go on from one to the next."""

    def __init__(self, address, name, chance):
        self.transactions = []  # [fate, {partition: numbers}], in their order
        self._next = 0
        super().__init__(address, name, chance)

    def work(self):
        by_partition = collections.defaultdict(list)
        for _ in range(self._chance.choice((1, 3, 20))):
            by_partition[self._chance.randrange(PARTITIONS)].append(self._next)
            self._next += 1
        entry = [Fate.NEVER, dict(by_partition)]
        self.transactions.append(entry)
        ending = self._chance.choice(("commit",) * 6 + ("abort",) * 2 + ("abandon",))
        self.transact(entry, ending)

    def settle(self, stored):
        """Complaints about `stored`: by partition, the numbers of its committed records in the order of the log."""
        found, self.problems = self.problems, []
        there = {number for numbers in stored.values() for number in numbers}
        for entry in self.transactions:
            numbers = {number for part in entry[1].values() for number in part}
            if entry[0] is Fate.MAYBE:
                entry[0] = Fate.STORED if numbers <= there else Fate.NEVER
        for partition in range(PARTITIONS):
            wanted = [number for fate, parts in self.transactions if fate is Fate.STORED
                      for number in parts.get(partition, [])]
            numbers = stored.get(partition, [])
            if numbers != wanted:
                missing, strange = set(wanted) - set(numbers), set(numbers) - set(wanted)
                found.append(f"partition {partition} has {len(numbers)} committed records, not {len(wanted)}: "
                             f"{sorted(missing)[:3]} are missing, {sorted(strange)[:3]} were not committed")
        return [f"transactions of {self.name}: {complaint}" for complaint in found]

    def stored_count(self):
        return sum(len(numbers) for fate, parts in self.transactions if fate is Fate.STORED
                   for numbers in parts.values())


class ClientWriter(_Writer):
    """By librdkafka, which repeats what the next server has to do again."""

    _client = None

    def transact(self, entry, ending):
        if self._client is None:  # whose length is that of its queue
            self._client = self.new_client()
        self._client.begin_transaction()
        for partition, numbers in entry[1].items():
            for number in numbers:
                self._client.produce(TOPIC, _value(self.name, number), partition=partition)
        if self._chance.random() < 0.5:
            self._client.flush(0.01)
        if ending == "abandon":  # the next one of its name aborts it
            self._client.purge()
            self._client = None
            return
        if ending == "commit":
            entry[0] = Fate.MAYBE
            if self.succeeds(self._client.commit_transaction):
                entry[0] = Fate.STORED
                return
            entry[0] = Fate.NEVER
            return self.close()
        if not self.abort(self._client):
            self.close()

    def close(self):
        if self._client is not None:
            self._client.purge()
        self._client = None


class WireWriter(_Writer):
    """Of the second version of the protocol, by hand."""

    _producer = None

    def transact(self, entry, ending):
        try:
            if not self._producer:
                self._producer = self._patiently(lambda: SecondVersionProducer(self._connect(), self.name))
            for partition, numbers in entry[1].items():
                values = [_value(self.name, number).encode() for number in numbers]
                self._again(lambda: self._producer.produce(TOPIC, partition, values))
            if ending == "abandon":
                self._producer = None
                return
            if ending == "commit":
                entry[0] = Fate.MAYBE
            self._again(lambda: self._producer.end(ending == "commit"))
            if ending == "commit":
                entry[0] = Fate.STORED
        except RequestFailed as error:
            self.problems.append(f"{ending}: {error}")
            self._producer = None

    def _connect(self):
        return Connection(self.address, _TIMEOUT_S)

    def _again(self, what):
        def attempt():
            if not self._producer.connection:
                self._producer.connection = self._connect()
            try:
                return what()
            except OSError:
                self._producer.connection = None
                raise
        return self._patiently(attempt)

    def _patiently(self, what):
        """Repeats it while the server is away, or not ready yet."""
        passing = {14, 15, 16, 19, 51}
        deadline = time.monotonic() + 2 * _TIMEOUT_S
        while True:
            try:
                return what()
            except (OSError, RequestFailed) as error:
                if isinstance(error, RequestFailed) and error.code not in passing:
                    raise
                self.wait_a_little(deadline, error)

    def close(self):
        self._producer = None


class Mover(_Worker):
    """Moves what is committed, a few records in each transaction, with its group's offsets."""

    def __init__(self, address, name, chance):
        self._consumer = self._client = None
        super().__init__(address, name, chance)

    def work(self):
        if self._client is None:
            self._begin()
        records = [record for record in self._consumer.consume(50, 0.1) if not record.error()]
        if not records:
            return
        try:
            self._move(records)
        except _MustBeginAnew:
            self.close()

    def _begin(self):
        self._client = self.new_client()
        self._consumer = confluent_kafka.Consumer({
            "bootstrap.servers": self.address, **_PATIENT, "group.id": _GROUP, "isolation.level": "read_committed",
            "auto.offset.reset": "earliest", "enable.auto.commit": False, "session.timeout.ms": 6000,
            "topic.metadata.refresh.interval.ms": 1000})
        self._consumer.subscribe([TOPIC])

    def _move(self, records):
        self._client.begin_transaction()
        offsets = {}
        for record in records:
            offsets[record.partition()] = record.offset() + 1
            self._client.produce(MOVED, record.value(), partition=record.partition())
        positions = [TopicPartition(TOPIC, partition, offset) for partition, offset in offsets.items()]
        group = self._consumer.consumer_group_metadata()
        is_kept = self.succeeds(lambda timeout: self._client.send_offsets_to_transaction(positions, group, timeout))
        is_wanted = self._chance.random() > 0.1
        if is_kept and is_wanted and self.succeeds(self._client.commit_transaction):
            return
        if is_kept and not is_wanted:
            self.abort(self._client)
        raise _MustBeginAnew()  # from what was committed

    def close(self):
        if self._consumer is not None:
            self._consumer.close()
        if self._client is not None:
            self._client.purge()
        self._consumer = self._client = None


class _MustBeginAnew(Exception):
    pass


class TransactionLoad:
    def __init__(self, address, seed):
        self.address = address
        self._writers = [kind(address, f"{name}-{number}", random.Random(f"{seed}/{name}-{number}"))
                         for kind, name in ((ClientWriter, "client"), (WireWriter, "wire")) for number in (1, 2)]
        self._mover = Mover(address, "mover", random.Random(f"{seed}/mover"))
        self._workers = [*self._writers, self._mover]

    def resume(self):
        for worker in self._workers:
            worker.resume()

    def pause(self):
        for worker in self._writers:
            worker.ask_to_pause()
        for worker in self._writers:
            worker.pause()

    def end(self):
        for worker in self._workers:
            worker.end()

    def record_count(self):
        return sum(writer.stored_count() for writer in self._writers)

    def complaints(self, connection):
        """While the writers are paused, and the mover is not."""
        self._end_abandoned()
        stored = _read(self.address, TOPIC)
        by_writer = collections.defaultdict(lambda: collections.defaultdict(list))
        for partition, values in stored.items():
            for name, number in values:
                by_writer[name][partition].append(number)
        found = [complaint for writer in self._writers for complaint in writer.settle(by_writer[writer.name])]
        found += _await(lambda: _difference("moved", _read(self.address, MOVED), stored))
        self._mover.pause()
        moving, self._mover.problems = self._mover.problems, []
        counts = {name: sum(len(numbers) for numbers in parts.values()) for name, parts in by_writer.items()
                  if any(parts.values())}
        found += _await(lambda: _difference(
            "transacted_count", dict(connection.execute("SELECT k, n FROM transacted_count").fetchall()), counts))
        return found + [f"the mover: {problem}" for problem in moving]

    def _end_abandoned(self):
        """What an abandoned transaction holds up is read when it is over."""
        for writer in self._writers:
            with Connection(self.address, _TIMEOUT_S) as connection:
                deadline = time.monotonic() + _TIMEOUT_S
                while True:
                    try:
                        SecondVersionProducer(connection, writer.name)
                        break
                    except RequestFailed:
                        if time.monotonic() > deadline:
                            raise
                        time.sleep(0.02)
            writer.close()


def _difference(what, found, wanted):
    if found == wanted:
        return []
    size = lambda rows: sum(len(each) if isinstance(each, list) else each for each in rows.values())
    return [f"{what}: {size(found)} records, not {size(wanted)}, or in another order"]


def _await(complaints):
    """Those that are left; there is time for as long as they change."""
    before, deadline = None, 0
    while True:
        found, now = complaints(), time.monotonic()
        if found != before:
            before, deadline = found, now + _TIMEOUT_S
        if not found or now > deadline:
            return found
        time.sleep(0.2)


def _read(address, topic):
    """By partition: (name, number) of what is committed, in the order of the log."""
    client = confluent_kafka.Consumer({"bootstrap.servers": address, "group.id": "none", "enable.partition.eof": True,
                                       "isolation.level": "read_committed", "auto.offset.reset": "earliest"})
    client.assign([TopicPartition(topic, number, confluent_kafka.OFFSET_BEGINNING) for number in range(PARTITIONS)])
    rows, ended = {number: [] for number in range(PARTITIONS)}, set()
    deadline = time.monotonic() + _TIMEOUT_S
    while len(ended) < PARTITIONS and time.monotonic() < deadline:
        for record in client.consume(1000, 0.5):
            if not record.error():
                name, number = record.value()[7:-1].split(b'", "N": ')
                rows[record.partition()].append((name.decode(), int(number)))
            elif record.error().code() == KafkaError._PARTITION_EOF:
                ended.add(record.partition())
            else:
                raise AssertionError(f"{topic}: {record.error()}")
    client.close()
    return rows
