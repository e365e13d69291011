"""Transactions that outlive servers: committed, aborted, and abandoned by producers that are replaced by new ones.

Consumers that read committed records, and queries, see each committed transaction once and as a whole, and no
aborted or abandoned one. If the answer to a commit never arrived, either outcome is right, but it stays the same. A
group moves committed records to another topic, its offsets together with the outputs: each record arrives there
once, too.
"""
import collections
import json
import os
import random
import signal
import subprocess
import sys
import time

try:
    import confluent_kafka
    from confluent_kafka import KafkaError, TopicPartition
except ImportError:
    confluent_kafka = None

import server  # puts the folder of the client tests on the path
from kafka_wire import Connection
from patience import Deadline, patience
from ledger import Fate
from transactions_wire import RequestFailed, SecondVersionProducer
from pausable import Pausable

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
_CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "transaction_client.py")


class _IsOver(Exception):
    pass


class _Worker(Pausable):
    """A thread that does one piece of work after the other while it is wanted.

    Threads: its own thread works; other threads read its fields while it is paused.
    """

    def __init__(self, address, name, chance):
        self.address, self.name, self.problems = address, name, []
        self._chance = chance
        self.start()

    def pause(self):
        """Waits for the end of the current piece of work, which takes a running server."""
        with self._state:
            self._is_wanted = False
            if not self._state.wait_for(lambda: not self._is_running, 2 * _TIMEOUT_S):
                self.problems.append(f"it is still at work after {2 * _TIMEOUT_S} s")

    def ask_to_end(self):
        with self._state:
            self._is_over, self._is_wanted = True, False
            self._state.notify_all()

    def is_over(self):
        with self._state:
            return self._is_over

    def end(self):
        self.ask_to_end()
        self._thread.join(2 * _TIMEOUT_S)
        self.close()

    def wait_a_little(self, deadline, error):
        if self._is_over:
            raise _IsOver()
        if time.monotonic() > deadline:
            raise error
        time.sleep(0.02)

    def _run(self):
        try:
            while self._wait():
                self.work()
                time.sleep(self._chance.random() * 0.02)
        except _IsOver:
            pass
        except Exception as error:  # any failure is reported by the check
            self.problems.append(f"{type(error).__name__}: {error}")
        finally:
            with self._state:
                self._is_running = False
                self._state.notify_all()


def _value(name, number):
    return '{"K": "%s", "N": %d}' % (name, number)


class _Writer(_Worker):
    """Transactions of some records each; the numbers of their records are consecutive."""

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
        """Complaints about `stored`: {partition: numbers of its committed records in the order of the log}."""
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


class _ClientProcess:
    """A client of librdkafka (transaction_client.py) that may die; the next call starts another one."""

    def __init__(self, kind, address, name):
        self._command = [sys.executable, _CLIENT, kind, address, name]
        self._process = None

    def call(self, **arguments):
        """Returns the answer. Fails with _ClientDied."""
        if self._process is None:
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                             stderr=subprocess.DEVNULL, text=True)
        try:
            self._process.stdin.write(json.dumps(arguments) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = ""
        if not line:
            raise _ClientDied(self._reap())
        answer = json.loads(line)
        if "problem" in answer:
            raise AssertionError(answer["problem"])
        return answer

    def kill(self):
        """Threads: any; a call that waits for an answer fails."""
        process = self._process
        if process is not None:
            process.kill()

    def close(self):
        self.kill()
        if self._process is not None:
            self._reap()

    def _reap(self):
        process, self._process = self._process, None
        status = process.wait()
        process.stdin.close()
        process.stdout.close()
        return status


class _ClientDied(Exception):
    """Its argument is the status of the process."""

    def is_expected(self):
        return self.args[0] == -signal.SIGABRT


class _ByClient(_Worker):
    """A worker whose transactions run in a process with librdkafka."""

    kind = None

    def __init__(self, address, name, chance):
        self._process = _ClientProcess(self.kind, address, name)
        super().__init__(address, name, chance)

    def call(self, **arguments):
        try:
            return self._process.call(**arguments)
        except _ClientDied as death:
            if self.is_over():
                raise _IsOver() from death
            if not death.is_expected():
                raise AssertionError(f"its process ended with {death.args[0]}") from death
            raise

    def end(self):
        self.ask_to_end()
        self._process.kill()
        super().end()

    def close(self):
        self._process.close()


class ClientWriter(_ByClient, _Writer):
    """A writer that uses librdkafka, which repeats unanswered requests with the next server."""

    kind = "writer"

    def transact(self, entry, ending):
        values = {partition: [_value(self.name, number) for number in numbers] for partition, numbers in entry[1].items()}
        if ending == "commit":
            entry[0] = Fate.MAYBE
        try:
            answer = self.call(topic=TOPIC, parts=values, ending=ending, flushes=self._chance.random() < 0.5)
            entry[0] = Fate.STORED if answer["is_stored"] else Fate.NEVER
        except _ClientDied:
            pass  # the transaction is aborted, or was committed


class WireWriter(_Writer):
    """A writer that speaks the second version of the protocol itself."""

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
        """Repeats `what` while the server is away or not ready yet."""
        passing = {14, 15, 16, 19, 51}
        deadline = time.monotonic() + patience(2 * _TIMEOUT_S)
        while True:
            try:
                return what()
            except (OSError, RequestFailed) as error:
                if isinstance(error, RequestFailed) and error.code not in passing:
                    raise
                self.wait_a_little(deadline, error)

    def close(self):
        self._producer = None


class Mover(_ByClient):
    """Moves committed records, a few in each transaction, together with the offsets of its group."""

    kind = "mover"

    def work(self):
        try:
            self.call(source=TOPIC, target=MOVED, aborts=self._chance.random() < 0.1)
        except _ClientDied:
            pass


class TransactionLoad:
    """Two writers of each kind, and a mover."""

    KINDS = ((ClientWriter, "client"), (WireWriter, "wire"))

    def __init__(self, address, seed):
        self.address = address
        self._writers = [kind(address, f"{name}-{number}", random.Random(f"{seed}/{name}-{number}"))
                         for kind, name in self.KINDS for number in (1, 2)]
        self._mover = Mover(address, "mover", random.Random(f"{seed}/mover"))
        self._workers = [*self._writers, self._mover]

    def resume(self):
        for worker in self._workers:
            worker.resume()

    def ask_to_pause(self):
        for worker in self._writers:
            worker.ask_to_pause()

    def pause(self):
        self.ask_to_pause()
        for worker in self._writers:
            worker.pause()

    def end(self):
        for worker in self._workers:
            worker.end()

    def record_count(self):
        return sum(writer.stored_count() for writer in self._writers)

    def complaints(self, connection):
        """Called while the writers are paused and the mover still runs."""
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
        """Ends abandoned transactions, so that the records behind them can be read."""
        for writer in self._writers:
            self.end_open(writer.name)
            writer.close()

    def end_open(self, name):
        """Aborts the open transaction of a transactional id."""
        with Connection(self.address, _TIMEOUT_S) as connection:
            deadline = time.monotonic() + patience(_TIMEOUT_S)
            while True:
                try:
                    SecondVersionProducer(connection, name)
                    return
                except RequestFailed:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.02)


def _difference(what, found, wanted):
    if found == wanted:
        return []
    size = lambda rows: sum(len(each) if isinstance(each, list) else each for each in rows.values())
    return [f"{what}: {size(found)} records, not {size(wanted)}, or in another order"]


def _await(complaints):
    """Returns the complaints that are left; waits as long as they change."""
    before, deadline = None, None
    while True:
        found = complaints()
        if found != before:
            before, deadline = found, Deadline(_TIMEOUT_S)
        if not found or deadline.is_over():
            return found
        time.sleep(0.2)


def _read(address, topic):
    """{partition: (name, number) of the committed records in the order of the log}."""
    client = confluent_kafka.Consumer({"bootstrap.servers": address, "group.id": "none", "enable.partition.eof": True,
                                       "isolation.level": "read_committed", "auto.offset.reset": "earliest"})
    client.assign([TopicPartition(topic, number, confluent_kafka.OFFSET_BEGINNING) for number in range(PARTITIONS)])
    rows, ended = {number: [] for number in range(PARTITIONS)}, set()
    deadline = time.monotonic() + patience(_TIMEOUT_S)
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
