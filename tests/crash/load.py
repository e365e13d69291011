"""Clients that write and watch until the server dies."""
import contextlib
import logging
import random
import re
import threading
import time

import psycopg

from ledger import Fate, columns_of

# psycopg warns of each connection that breaks; in this test all connections break.
logging.getLogger("psycopg").setLevel(logging.CRITICAL)

_INSERT = "INSERT INTO events (device, id, amount, city, at_ms) VALUES "
_COPY_COLUMNS = "COPY events (device, id, amount, city, at_ms) FROM STDIN (FORMAT csv)"
# A COPY of this many rows needs more than one block (MILLRACE_COPY_ATOMIC_BYTES in server.py), so it may be committed
# in part. All other COPYs fit into one block.
_ROWS_OF_LONG_COPY = 10_000
_LOOK_UP = "SELECT n FROM per_city WHERE city = '%s'"


def _literals(ids):
    rows = []
    for row_id in ids:
        device, amount, city, at_ms = columns_of(row_id)
        rows.append(f"('{device}', {row_id}, {amount}, '{city}', {at_ms})")
    return ", ".join(rows)


def _csv(ids):
    return "".join("%s,%d,%d,%s,%d\n" % (device, row_id, amount, city, at_ms)
                   for row_id in ids for device, amount, city, at_ms in [columns_of(row_id)])


def _json(ids):
    return "".join('{"device": "%s", "id": %d, "amount": %d, "city": "%s", "at_ms": %d}\n'
                   % (device, row_id, amount, city, at_ms)
                   for row_id in ids for device, amount, city, at_ms in [columns_of(row_id)])


# Relations that are replaced again and again while all clients write; `stamp` is the time of the
# statement.
STAMPED = (
    "STREAM {}stamped WITH (KAFKA_TOPIC = 'stamped') AS SELECT device, id, {} AS stamp FROM events "
    "EMIT CHANGES",
    "TABLE {}stamped_cities WITH (KAFKA_TOPIC = 'stamped_cities') AS "
    "SELECT city, COUNT(*) AS n, {} AS stamp FROM events GROUP BY city EMIT CHANGES")
PASSING = "passing_"  # prefix of tables that are created and dropped again and again


def drop_passing(connection):
    for row in connection.execute("SHOW TABLES").fetchall():
        if row[0].lower().startswith(PASSING):
            connection.execute(f"DROP TABLE {row[0]} DELETE TOPIC")


class Load:
    """Threads that write to the server and check its answers.

    They end when the connection breaks. `problems` then has all other failures.
    """

    def __init__(self, server, ledger, seed):
        self._server = server
        self._ledger = ledger
        self._stopping = threading.Event()
        self.problems = []
        work = (self._insert, self._insert_many, self._transact, self._copy, self._copy,
                self._look_up, self._watch, self._define_and_drop, self._replace)
        self._threads = [threading.Thread(target=self._run, daemon=True,
                                          args=(one, random.Random(f"{seed}/{number}")))
                         for number, one in enumerate(work)]
        for thread in self._threads:
            thread.start()

    def is_cut_off(self):
        """Returns whether a client has ended, for example because its connection broke."""
        return any(not thread.is_alive() for thread in self._threads)

    def stop(self, timeout_s=30):
        """Lets all clients finish their current statement; the server may be dead."""
        self._stopping.set()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))
            if thread.is_alive():
                self.problems.append("a client still waits for an answer from the server")

    def _run(self, work, chance):
        try:
            with self._server.connect() as connection:
                work(connection, chance)
        except Exception as error:
            # An error without a state means that the connection broke: the server has ended, or is ending.
            if isinstance(error, psycopg.OperationalError) and error.sqlstate in (None, "57P01"):
                return
            self.problems.append(f"{work.__name__.strip('_')}: {type(error).__name__}: {error}")

    # --- Writers

    def _insert(self, connection, chance):
        cities = {}
        connection.execute("SET read.wait.ms = 30000")
        while not self._stopping.is_set():
            group = self._ledger.begin(1, "an INSERT")
            device, amount, city, at_ms = columns_of(group.ids[0])
            group.fate = Fate.MAYBE
            connection.execute(_INSERT + "(%s, %s, %s, %s, %s)",
                               (device, group.ids[0], amount, city, at_ms))
            group.fate = Fate.STORED
            cities[city] = cities.get(city, 0) + 1
            if chance.random() < 0.05:
                count = connection.execute(_LOOK_UP % city).fetchone()
                if count is None or count[0] < cities[city]:
                    raise AssertionError(f"a session wrote {cities[city]} rows of {city} "
                                         f"and then looked up {count}")

    def _insert_many(self, connection, chance):
        while not self._stopping.is_set():
            group = self._ledger.begin(chance.randint(2, 150), "an INSERT of many rows")
            statement = _INSERT + _literals(group.ids)
            group.fate = Fate.MAYBE
            connection.execute(statement)
            group.fate = Fate.STORED

    def _transact(self, connection, chance):
        while not self._stopping.is_set():
            group = self._ledger.begin(chance.randint(2, 12), "a transaction")
            connection.execute("BEGIN")
            for row_id in group.ids[:-1]:
                connection.execute(_INSERT + _literals([row_id]))
            with connection.cursor().copy(_COPY_COLUMNS) as copy:
                copy.write(_csv(group.ids[-1:]))
            if chance.random() < 0.2:
                connection.execute("ROLLBACK")
                continue
            group.fate = Fate.MAYBE
            connection.execute("COMMIT")
            group.fate = Fate.STORED

    def _copy(self, connection, chance):
        while not self._stopping.is_set():
            kind = chance.choice(("csv", "csv", "json", "bad"))
            is_in_blocks = chance.random() < 0.08
            group = self._ledger.begin(_ROWS_OF_LONG_COPY if is_in_blocks
                                       else chance.choice((5, 50, 500, 2000)),
                                       f"a COPY ({kind})", is_in_blocks)
            try:
                self._copy_once(connection, group, kind)
            except psycopg.errors.InvalidTextRepresentation as error:
                if kind != "bad":
                    raise
                kept = re.search(r"The first (\d+) rows were inserted", error.diag.message_detail)
                group.keep_first(int(kept.group(1)) if kept else 0)
            time.sleep(chance.random() * 0.05)

    @staticmethod
    def _copy_once(connection, group, kind):
        statement = "COPY events FROM STDIN (FORMAT json)" if kind == "json" else _COPY_COLUMNS
        text = _json(group.ids) if kind == "json" else _csv(group.ids)
        if group.is_in_blocks:
            group.fate = Fate.MAYBE
        with connection.cursor().copy(statement) as copy:
            copy.write(text)
            if kind == "bad":
                copy.write("d1,x,1,c1,1\n")
            else:
                group.fate = Fate.MAYBE  # leaving the block ends the COPY
        if kind == "bad":
            raise AssertionError("a COPY with a bad line was taken")
        group.fate = Fate.STORED

    def _define_and_drop(self, connection, chance):
        """Creates queries and ends them: by TERMINATE, DROP, and DROP with their topics."""
        drop_passing(connection)  # drops the tables that exist because of the last kill
        while not self._stopping.is_set():
            name = f"{PASSING}{chance.randrange(1000)}"
            connection.execute(f"CREATE TABLE {name} AS SELECT city, COUNT(*) AS n FROM events "
                               f"WHERE amount > {chance.randrange(100)} GROUP BY city EMIT CHANGES")
            time.sleep(chance.random() * 0.2)
            if chance.random() < 0.3:
                for row in connection.execute("SHOW QUERIES").fetchall():
                    if name.upper() in row[0].upper():
                        connection.execute(f"TERMINATE {row[0]}")
            connection.execute(f"DROP TABLE {name} DELETE TOPIC")

    def _replace(self, connection, chance):
        """Gives queries new definitions; they continue from their current offsets."""
        while not self._stopping.is_set():
            time.sleep(chance.random() * 0.3)
            statement = chance.choice(STAMPED).format("", int(time.time()))
            connection.execute("CREATE OR REPLACE " + statement)

    # --- Readers: rows that they have seen are durable, and must exist after the kill.

    def _look_up(self, connection, chance):
        shown = self._ledger.shown_counts
        while not self._stopping.is_set():
            for city, count in connection.execute("SELECT city, n FROM per_city"):
                if count < shown.get(city, 0):
                    raise AssertionError(f"the count of {city} fell from {shown[city]} to {count}")
                shown[city] = count
            time.sleep(chance.random() * 0.1)

    def _watch(self, connection, _):
        connection.execute("SET 'auto.offset.reset' = 'latest'")
        query = connection.cursor().stream("SELECT id FROM large EMIT CHANGES")
        with contextlib.closing(query):
            for row in query:
                self._ledger.shown_ids.add(row[0])
                if self._stopping.is_set():
                    return
