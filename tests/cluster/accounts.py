"""Transfers between accounts in several partitions: each is one transaction of an SQL client at any node."""
import collections
import random
import threading
import time

from cluster_nodes import eventually
from cluster_sql import connect, differences_left, run_on
from patience import patience

try:
    import psycopg
except ImportError:
    psycopg = None

ACCOUNTS, OPENING = 12, 1000
_CLIENTS = 2
_PAUSE_S = 0.05
SCHEMA = ("CREATE TABLE accounts (id INT PRIMARY KEY, balance INT) WITH (partitions = 3)",
          "CREATE STREAM transfers (number INT KEY, giver INT, taker INT, amount INT) WITH (partitions = 3)",
          "INSERT INTO accounts VALUES " + ", ".join(f"({i}, {OPENING})" for i in range(ACCOUNTS)))


class Client(threading.Thread):
    def __init__(self, world, chance, first, step):
        super().__init__(daemon=True)
        self.world, self.chance, self.next, self.step = world, chance, first, step
        self.committed, self.refused, self.errors, self.unknown = [], [], [], 0
        self.stopping = threading.Event()

    def run(self):
        connection = None
        while not self.stopping.is_set():
            number, self.next = self.next, self.next + self.step
            try:
                if connection is None:
                    connection = connect(self.chance.choice([node for node in self.world.running() if node.number <= 3]))
                    connection.autocommit = False  # psycopg's default
                    connection.execute("SET statement_timeout = '20s'")
                    connection.commit()
                self._transfer(connection, number)
            except (psycopg.Error, OSError, IndexError) as error:  # perhaps no node is running
                connection = self._note(connection, number, error)
            time.sleep(_PAUSE_S)
        if connection is not None:
            connection.close()

    def _transfer(self, connection, number):
        giver, taker = self.chance.sample(range(ACCOUNTS), 2)
        amount = self.chance.randint(1, 9)
        connection.execute(f"UPDATE accounts SET balance = balance - {amount} WHERE id = {giver}")
        connection.execute(f"UPDATE accounts SET balance = balance + {amount} WHERE id = {taker}")
        connection.execute(f"INSERT INTO transfers VALUES ({number}, {giver}, {taker}, {amount})")
        if self.chance.random() < 0.1:
            connection.rollback()
            self.refused.append(number)
        else:
            connection.commit()
            self.committed.append(number)

    def _note(self, connection, number, error):
        state, detail = getattr(error, "sqlstate", None), getattr(getattr(error, "diag", None), "message_detail", None) or ""
        if "Nothing of the transaction was written" in detail:
            self.refused.append(number)
        else:
            self.unknown += 1
        # Permitted SQLSTATE classes: 08 (lost connection), 57 (the server stops or cancels), 53 (no space), 40 (another
        # transaction has changed the rows first), 55 (the server is not ready, or a lock was not available in time).
        if state and state[:2] not in ("08", "57", "53", "40", "55"):
            self.errors.append(f"{state} {error}")
        if state and state[:2] == "40":
            try:
                connection.rollback()
                return connection
            except psycopg.Error:
                pass
        if connection is not None:
            connection.close()
        time.sleep(0.05)
        return None


class Accounts:
    def __init__(self, world, seed):
        self.world, self.seed, self.clients = world, seed, []
        run_on(world.nodes[1], *SCHEMA)
        for node in world.running():
            eventually(lambda node=node: self._rows(node, "SELECT COUNT(*) FROM accounts") == [(ACCOUNTS,)])
        self.next, self.committed, self.refused, self.unknown = 0, [], [], 0

    @staticmethod
    def _rows(node, query):
        try:
            with connect(node) as session:
                return session.execute(query).fetchall()
        except psycopg.Error:
            return None

    def resume(self):
        self.clients = [Client(self.world, random.Random(f"{self.seed}/accounts/{self.next}/{i}"), self.next + i, _CLIENTS)
                        for i in range(_CLIENTS)]
        for client in self.clients:
            client.start()

    def progress(self):
        return len(self.committed) + sum(len(client.committed) for client in self.clients)

    def pause(self):
        for client in self.clients:
            client.stopping.set()
        for client in self.clients:
            client.join(patience(60))
            assert not client.is_alive(), "an SQL client still waits for an answer to its transaction"

    def end(self):
        for client in self.clients:
            client.stopping.set()

    def complaints(self):
        found = [f"an SQL client was told of its transaction: {error}" for client in self.clients for error in client.errors]
        for client in self.clients:
            self.committed += client.committed
            self.refused += client.refused
            self.unknown += client.unknown
        self.next = max([self.next, *(client.next for client in self.clients)]) + _CLIENTS
        self.clients = []
        for node in self.world.running():
            found += differences_left(node, self._differences)
        return found

    def _differences(self, node):
        """Checks that each transaction is stored as a whole or not at all: the stored transfers must give the balance
        of each account."""
        with connect(node) as session:
            transfers = session.execute("SELECT number, giver, taker, amount FROM transfers").fetchall()
            balances = dict(session.execute("SELECT id, balance FROM accounts").fetchall())
        numbers = collections.Counter(number for number, *_ in transfers)
        expected = dict.fromkeys(range(ACCOUNTS), OPENING)
        for _, giver, taker, amount in transfers:
            expected[giver] -= amount
            expected[taker] += amount
        found = [f"transfer {number} is there {times} times" for number, times in numbers.items() if times > 1]
        if lost := sorted(set(self.committed) - set(numbers)):
            found.append(f"{len(lost)} transfers that were committed are lost: {lost[:5]}")
        if there := sorted(set(self.refused) & set(numbers)):
            found.append(f"{len(there)} transfers of which nothing was to be written are there: {there[:5]}")
        if balances != expected:
            wrong = {i: (balances.get(i), expected[i]) for i in expected if balances.get(i) != expected[i]}
            found.append(f"accounts differ from what was transferred: {wrong}")
        return [f"at node {node.number}: {complaint}" for complaint in found]

    def summary(self):
        return f"{len(self.committed)} transfers, {len(self.refused)} refused or rolled back, {self.unknown} of unknown fate"
