"""Rows of an SQL client at any node, and six queries over them, which are compared with a recomputation."""
import collections
import random
import threading
import time

from cluster_nodes import eventually
from cluster_sql import connect, differences_left, rows_of, run_on

try:
    import psycopg
except ImportError:
    psycopg = None

PRODUCTS, PEOPLE, RETURNED = 7, 5, 4  # every fourth sale is refunded
_WINDOW_MS, _STEP_MS, _EPOCH_MS = 5000, 40, 1_700_000_000_000
_PAUSE_S = 0.02
SCHEMA = (
    ("CREATE STREAM sales (person INT KEY, id INT, product INT, at_ms BIGINT) WITH (partitions = 3, timestamp = 'at_ms')",
     "CREATE STREAM returned (id INT KEY, at_ms BIGINT) WITH (partitions = 3, timestamp = 'at_ms')",
     "CREATE TABLE people (person INT PRIMARY KEY, name VARCHAR) WITH (partitions = 3)",
     "INSERT INTO people VALUES " + ", ".join(f"({i}, 'person {i}')" for i in range(PEOPLE))),
    ("CREATE STREAM even AS SELECT person, id, product FROM sales WHERE id % 2 = 0",
     f"CREATE TABLE windows AS SELECT product, COUNT(*) AS n FROM sales WINDOW TUMBLING (SIZE {_WINDOW_MS} MILLISECONDS, "
     "RETENTION 30 DAYS, GRACE PERIOD 1 DAY) GROUP BY product",
     "CREATE TABLE by_person AS SELECT person, COUNT(*) AS n, MAX(id) AS last FROM sales GROUP BY person",
     "CREATE STREAM named AS SELECT s.person AS person, s.id AS id, p.name AS name FROM sales s "
     "JOIN people p ON s.person = p.person",
     "CREATE STREAM sold_and_returned AS SELECT s.id AS id, s.product AS product FROM sales s "
     "JOIN returned r WITHIN 1 HOUR ON s.id = r.id",
     "CREATE TABLE even_by_product AS SELECT product, COUNT(*) AS n, SUM(id) AS ids FROM even GROUP BY product"))


def _time_of(sale):
    return _EPOCH_MS + sale * _STEP_MS


class Queries:
    def __init__(self, world, seed):
        self.world, self.chance = world, random.Random(f"{seed}/queries")
        for statements in SCHEMA:
            run_on(world.nodes[1], *statements)
            self._await_names()
        self.next, self.acknowledged, self.unknown, self.errors = 0, [], [], []
        self.thread, self._stopping = None, threading.Event()

    def _await_names(self):
        def names(node):
            return [sorted(row[0] for row in rows_of(node, f"SHOW {what}")) for what in ("TABLES", "STREAMS", "QUERIES")]
        for node in self.world.running():
            eventually(lambda node=node: names(node) == names(self.world.nodes[1]))

    def resume(self):
        self._stopping.clear()
        self.thread = threading.Thread(target=self._write, daemon=True)
        self.thread.start()

    def progress(self):
        return len(self.acknowledged)

    def pause(self):
        self._stopping.set()
        self.thread.join(60)
        assert not self.thread.is_alive(), "an SQL client still waits for an answer"

    def end(self):
        self._stopping.set()

    def _write(self):
        connection = None
        while not self._stopping.is_set():
            sale, self.next = self.next, self.next + 1
            try:
                if connection is None:
                    connection = connect(self.chance.choice([node for node in self.world.running() if node.number <= 3]))
                    connection.execute("SET statement_timeout = '20s'")
                connection.execute(f"INSERT INTO sales VALUES ({sale % PEOPLE}, {sale}, {sale % PRODUCTS}, {_time_of(sale)})")
                self.acknowledged.append(sale)
                if sale % RETURNED == 0:
                    connection.execute(f"INSERT INTO returned VALUES ({sale}, {_time_of(sale)})")
            except (psycopg.Error, OSError, IndexError) as error:  # perhaps no node is running
                self._note(sale, error)
                if connection is not None:
                    connection.close()
                connection = None
                time.sleep(0.05)
            time.sleep(_PAUSE_S)
        if connection is not None:
            connection.close()

    def _note(self, sale, error):
        self.unknown.append(sale)
        state = getattr(error, "sqlstate", None)
        # Permitted classes of SQLSTATE: 08 (the connection is lost), 57 (the server stops or cancels the statement), 53
        # (no space), 40 (another transaction has changed the row first), and 55 (the server is not in the state for the
        # statement, or a wait for a lock took too long).
        if state and state[:2] not in ("08", "57", "53", "40", "55"):
            self.errors.append(f"{state} {error}")

    def complaints(self):
        found, self.errors = [f"an SQL client was told: {error}" for error in self.errors], []
        for node in self.world.running():
            found += differences_left(node, self._differences)
        return found

    def _differences(self, node):
        """The expected results of the queries follow from the records in the log of their inputs."""
        with connect(node) as session:
            def rows(query):
                return sorted(session.execute(query).fetchall())
            sales = [row[0] for row in rows("SELECT id FROM sales")]
            returned = [row[0] for row in rows("SELECT id FROM returned")]
            found = [f"{len(ids) - len(set(ids))} rows of {what} are there twice" for what, ids in
                     (("sales", sales), ("returned", returned)) if len(ids) != len(set(ids))]
            if missing := sorted(set(self.acknowledged) - set(sales)):
                found.append(f"{len(missing)} acknowledged sales are lost: {missing[:5]}")
            for query, expected in self._expected(sales, set(returned)):
                there, wanted = collections.Counter(rows(query)), collections.Counter(expected)
                if there != wanted:
                    found.append(f"{query}: {there.total()} rows for {wanted.total()}, missing {sorted((wanted - there))[:5]}, "
                                 f"more {sorted(there - wanted)[:5]}")
        return [f"at node {node.number}: {complaint}" for complaint in found]

    @staticmethod
    def _expected(sales, returned):
        even = [sale for sale in sales if sale % 2 == 0]
        count = collections.Counter
        yield "SELECT id FROM even", [(sale,) for sale in even]
        yield ("SELECT product, WINDOWSTART, n FROM windows",
               [(*key, n) for key, n in count((sale % PRODUCTS, _time_of(sale) // _WINDOW_MS * _WINDOW_MS) for sale in sales).items()])
        yield ("SELECT person, n, last FROM by_person",
               [(person, n, max(sale for sale in sales if sale % PEOPLE == person))
                for person, n in count(sale % PEOPLE for sale in sales).items()])
        yield "SELECT id, name FROM named", [(sale, f"person {sale % PEOPLE}") for sale in sales]
        yield "SELECT id, product FROM sold_and_returned", [(sale, sale % PRODUCTS) for sale in sales if sale in returned]
        yield ("SELECT product, n, ids FROM even_by_product",
               [(product, n, sum(sale for sale in even if sale % PRODUCTS == product))
                for product, n in count(sale % PRODUCTS for sale in even).items()])

    def summary(self):
        return f"{len(self.acknowledged)} rows, {len(self.unknown)} of unknown fate"
