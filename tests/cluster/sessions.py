"""Sessions at all nodes that share advisory locks and notifications, a query with failed records, and a generator."""
import collections
import random
import threading
import time

from cluster_nodes import eventually
from cluster_sql import connect, differences_left, rows_of, run_on
from patience import patience

try:
    import psycopg
except ImportError:
    psycopg = None

_PAUSE_S = 0.1
_LOCK = 4711
SCHEMA = ("CREATE TABLE counters (id INT PRIMARY KEY, n INT) WITH (partitions = 1)",
          "INSERT INTO counters VALUES (1, 0)",
          "CREATE STREAM texts (t VARCHAR) WITH (KAFKA_TOPIC = 'texts', VALUE_FORMAT = 'JSON', partitions = 1)",
          "CREATE STREAM numbers (t INT) WITH (KAFKA_TOPIC = 'texts', VALUE_FORMAT = 'JSON')",
          "CREATE STREAM next_numbers AS SELECT t + 1 AS u FROM numbers",
          "CREATE STREAM generated (id BIGINT KEY, v INT) WITH (GENERATOR = 'datagen', partitions = 2, rows_per_second = 20)")
# Permitted SQLSTATE classes: 08 (lost connection), 57 (the server stops or cancels), 53 (no space), 40 (another
# transaction has changed the rows first), 55 (the server is not ready, or a lock was lost or not available in time).
_EXPECTED = ("08", "57", "53", "40", "55")


class Client(threading.Thread):
    """Statements at any node, until it is stopped."""

    def __init__(self, world, chance):
        super().__init__(daemon=True)
        self.world, self.chance = world, chance
        self.errors, self.stopping = [], threading.Event()

    def run(self):
        connection = None
        while not self.stopping.is_set():
            try:
                if connection is None:
                    connection = connect(self.chance.choice([node for node in self.world.running() if node.number <= 3]))
                    connection.execute("SET statement_timeout = '20s'")
                self.step(connection)
            except (psycopg.Error, OSError, IndexError) as error:  # perhaps no node is running
                state = getattr(error, "sqlstate", None)
                if state and state[:2] not in _EXPECTED:
                    self.errors.append(f"{state} {error}")
                if connection is not None:
                    connection.close()
                connection = None
            time.sleep(_PAUSE_S)
        if connection is not None:
            connection.close()


class Counter(Client):
    """Reads the number and writes the next one under the lock: without the lock two clients would write the same one."""

    def __init__(self, world, chance):
        super().__init__(world, chance)
        self.written, self.unknown = [], 0

    def step(self, connection):
        self.unknown += 1
        with connection.transaction():
            connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
            read = connection.execute("SELECT n FROM counters WHERE id = 1").fetchone()[0]
            connection.execute(f"UPDATE counters SET n = {read + 1} WHERE id = 1")
        self.unknown -= 1
        self.written.append(read + 1)


class Sender(Client):
    """Sends numbered messages and writes rows that the query cannot convert."""

    def __init__(self, world, chance, name):
        super().__init__(world, chance)
        self.name, self.sent, self.failed, self.tried = name, [], [], 0

    def step(self, connection):
        text, self.tried = f"<{self.name}/{self.tried}>", self.tried + 1
        warnings = []
        connection.add_notice_handler(warnings.append)
        began = time.monotonic()
        connection.execute(f"NOTIFY rounds, '{text}'")
        connection.remove_notice_handler(warnings.append)
        if not warnings:
            self.sent.append((began, text))
        connection.execute(f"INSERT INTO texts VALUES ('{text}')")
        self.failed.append(text)


class Listener(threading.Thread):
    """One session after the other at one node. `periods` has begin, end and messages of each session; the last one has
    no end yet."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.periods, self.stopping = node, [], threading.Event()

    def run(self):
        while not self.stopping.is_set():
            period = None
            try:
                with connect(self.node) as connection:
                    heard = []
                    connection.add_notify_handler(lambda notify, heard=heard: heard.append(notify.payload))
                    connection.execute("LISTEN rounds")
                    period = [time.monotonic(), None, heard]
                    self.periods.append(period)
                    while not self.stopping.is_set():
                        connection.execute("SELECT 1")  # the driver reads notifications with an answer
                        time.sleep(_PAUSE_S)
                    connection.execute("SELECT 1")
                    period[1] = time.monotonic()
            except (psycopg.Error, OSError):
                # The end is not known exactly, and the session's messages before its end may be unread.
                if period is not None and period[1] is None:
                    period[1] = period[0]
                time.sleep(_PAUSE_S)


class Sessions:
    def __init__(self, world, seed):
        self.world, self.seed, self.round = world, seed, 0
        run_on(world.nodes[1], *SCHEMA)
        for node in world.running():
            eventually(lambda node=node: self._count(node) is not None)
        self.clients, self.listeners = [], []
        self.counted, self.unknown, self.notified, self.failed, self.doubled = set(), 0, 0, [], []

    @staticmethod
    def _count(node):
        try:
            return rows_of(node, "SELECT n FROM counters WHERE id = 1")[0][0]
        except (psycopg.Error, IndexError):
            return None

    def resume(self):
        self.round += 1
        self.listeners = [Listener(self.world.nodes[number]) for number in (1, 2, 3)]
        for listener in self.listeners:
            listener.start()
        self.clients = [Counter(self.world, random.Random(f"{self.seed}/counters/{self.round}/{i}")) for i in range(3)]
        self.clients += [Sender(self.world, random.Random(f"{self.seed}/senders/{self.round}/{i}"), f"{self.round}/{i}")
                         for i in range(2)]
        for client in self.clients:
            client.start()

    def progress(self):
        """Both kinds must continue; this returns the slowest of each kind."""
        counted = sum(len(client.written) for client in self.clients if isinstance(client, Counter))
        failed = sum(len(client.failed) for client in self.clients if isinstance(client, Sender))
        return min(counted, failed)

    def pause(self):
        for threads, name in ((self.clients, "client of locks or notifications"), (self.listeners, "listener")):
            for thread in threads:
                thread.stopping.set()
            for thread in threads:
                thread.join(patience(60))
                assert not thread.is_alive(), f"a {name} still waits for an answer"

    def end(self):
        for thread in (*self.clients, *self.listeners):
            thread.stopping.set()

    def complaints(self):
        found = [f"a session received: {error}" for client in self.clients for error in client.errors]
        counters = [client for client in self.clients if isinstance(client, Counter)]
        senders = [client for client in self.clients if isinstance(client, Sender)]
        written = [number for client in counters for number in client.written]
        if repeated := [number for number, times in collections.Counter(written).items() if times > 1 or number in self.counted]:
            found.append(f"numbers were written twice under the lock: {repeated[:5]}")
        self.counted |= set(written)
        self.unknown += sum(client.unknown for client in counters)
        self.failed += [text for client in senders for text in client.failed]
        found += self._unheard([message for client in senders for message in client.sent])
        self.clients, self.listeners = [], []
        for node in self.world.running():
            found += differences_left(node, self._differences)
        return found

    def _unheard(self, sent):
        """A session that listened before a message was sent, and still listened after it was answered, must have
        received it once."""
        found = []
        for listener in self.listeners:
            for begin, end, heard in listener.periods:
                times = collections.Counter(heard)
                if doubled := [text for text, count in times.items() if count > 1]:
                    found.append(f"notifications arrived twice at node {listener.node.number}: {doubled[:5]}")
                due = [text for began, text in sent if begin < began < (end or begin)]
                if lost := [text for text in due if text not in times]:
                    found.append(f"notifications did not arrive at node {listener.node.number}: {lost[:5]}")
                self.notified += len(due)
        return found

    def _differences(self, node):
        found, count = [], self._count(node)
        if count is None or not len(self.counted) <= count <= len(self.counted) + self.unknown:
            found.append(f"the counter is {count} after {len(self.counted)} increments and {self.unknown} of unknown fate")
        with connect(node) as session:
            lines = collections.Counter(text for row in session.execute("SELECT * FROM KSQL_PROCESSING_LOG").fetchall()
                                        for text in self.failed if text in str(row))
            ids = collections.Counter(row[0] for row in session.execute("SELECT id FROM generated").fetchall())
        if lost := [text for text in self.failed if lines[text] == 0]:
            found.append(f"{len(lost)} failed records are not in the processing log: {lost[:5]}")
        if wrong := [number for number in range(1, max(ids, default=0) + 1) if ids[number] != 1]:
            found.append(f"generated rows are missing or doubled: {wrong[:5]}")
        return [f"at node {node.number}: {complaint}" for complaint in found]

    def summary(self):
        return (f"{len(self.counted)} increments under a lock and {self.unknown} of unknown fate, {self.notified} notifications heard, "
                f"{len(self.failed)} failed records")
