#!/usr/bin/python3
"""Statements that change rows, at all three nodes of a cluster at once: each change counts once, whichever node
dies."""
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from cluster_cases import all_is_well, cluster, leader_of, metadata_of
from cluster_nodes import eventually
from cluster_sql import connect, define, rows_of, run_on
from millrace_server import Skipped, case, check_took_less, patience, run, timed

try:
    import psycopg
except ImportError:
    psycopg = None
try:
    from confluent_kafka import Consumer, TopicPartition
except ImportError:
    Consumer = None


CHANGES = int(os.environ.get("MILLRACE_CLUSTER_CHANGES", "250"))  # changes of one row, at each of two nodes


def sql_cluster():
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    return cluster()


def tag(connection, statement, parameters=None):
    return connection.execute(statement, parameters).statusmessage


class Worker:
    """A session at a node, which runs its statements one after the other, and connects again if its node has died.
    The outcome of a statement may be unknown."""

    # Errors after which nothing was written: the node could not read, the partition had no leader, or the statement
    # waited too long.
    REFUSED = ("reported the end", "catching up", "No row was written", "lock timeout", "None of the rows was")

    def __init__(self, nodes, number, statements):
        self.nodes, self.number, self.statements = nodes, number, list(statements)
        self.done, self.unknown, self.refused = [], [], []
        self.connection, self.is_stopping = None, False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        number = self.number
        for statement in self.statements:
            while not self.is_stopping:
                try:
                    if self.connection is None:
                        self.connection = connect(self.nodes.nodes[number])
                except psycopg.OperationalError:  # its node is dead; the session uses the next one
                    number = number % len(self.nodes.nodes) + 1
                    time.sleep(0.05)
                    continue
                try:
                    self.connection.execute(*statement)
                    self.done.append(statement)
                    break
                except psycopg.Error as error:
                    text = str(error) + str(error.diag.message_detail)
                    if self.connection.closed or self.connection.broken:
                        self.connection = None
                    elif any(word in text for word in self.REFUSED):
                        self.refused.append(text)
                        continue
                    self.unknown.append((statement, text))
                    break

    def stop(self):
        self.is_stopping = True

    def join(self, timeout_s=240):
        self.thread.join(timeout_s)
        assert not self.thread.is_alive(), f"at node {self.number}: {len(self.done)} of {len(self.statements)}"


@case
def rows_are_changed_at_any_node_as_with_one():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE plain (id INT PRIMARY KEY, n INT, text VARCHAR)")
    with connect(nodes.nodes[1]) as a, connect(nodes.nodes[2]) as b, connect(nodes.nodes[3]) as c:
        assert tag(a, "INSERT INTO plain VALUES (1, 1, 'one'), (2, 2, 'two'), (3, 3, 'three')") == "INSERT 0 3"
        assert tag(b, "UPDATE plain SET n = n + 10") == "UPDATE 3"
        assert tag(c, "UPDATE plain SET n = n + 100 WHERE id = 2") == "UPDATE 1"
        assert tag(c, "UPDATE plain SET n = 0 WHERE id = 99") == "UPDATE 0"
        assert a.execute("SELECT id, n FROM plain ORDER BY id").fetchall() == [(1, 11), (2, 112), (3, 13)]
        assert b.execute("UPDATE plain SET n = n * 2 WHERE id > 1 RETURNING id, n").fetchall() in (
            [(2, 224), (3, 26)], [(3, 26), (2, 224)])
        assert tag(a, "DELETE FROM plain WHERE id = 3") == "DELETE 1"
        assert b.execute("DELETE FROM plain WHERE id = 2 RETURNING id, text").fetchall() == [(2, "two")]
        assert tag(c, "INSERT INTO plain VALUES (1, 0, 'no'), (4, 4, 'four') ON CONFLICT (id) DO NOTHING") == "INSERT 0 1"
        assert tag(a, "INSERT INTO plain VALUES (4, 5, 'again'), (5, 5, 'five') ON CONFLICT (id) "
                      "DO UPDATE SET n = plain.n + EXCLUDED.n, text = EXCLUDED.text") == "INSERT 0 2"
        assert b.execute("SELECT id, n, text FROM plain ORDER BY id").fetchall() == [
            (1, 11, "one"), (4, 9, "again"), (5, 5, "five")]
        assert b.execute("INSERT INTO plain VALUES (5, 1) ON CONFLICT (id) DO UPDATE SET n = plain.n + 1 "
                         "RETURNING id, n, text").fetchall() == [(5, 6, "five")]
        assert tag(b, "UPDATE plain SET n = n + %s WHERE id = %s",
                   (7, 5)) == "UPDATE 1"
        assert tag(c, "INSERT INTO plain SELECT id + 10, n, text FROM plain") == "INSERT 0 3"
        assert a.execute("SELECT COUNT(*), SUM(n) FROM plain").fetchone() == (6, 66)
        assert tag(c, "TRUNCATE plain") == "TRUNCATE TABLE"
        for each in (a, b, c):
            assert each.execute("SELECT * FROM plain").fetchall() == []


@case
def tables_without_a_key_are_changed():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE keyless (n INT, text VARCHAR)")
    with connect(nodes.nodes[2]) as b, connect(nodes.nodes[3]) as c:
        b.execute("INSERT INTO keyless VALUES (1, 'a'), (1, 'a'), (2, 'b')")
        assert tag(c, "UPDATE keyless SET n = n + 1 WHERE n = 1") == "UPDATE 2"
        assert tag(b, "DELETE FROM keyless WHERE text = 'b'") == "DELETE 1"
        assert tag(c, "INSERT INTO keyless SELECT n, text FROM keyless") == "INSERT 0 2"
        assert b.execute("SELECT n, text FROM keyless").fetchall() == [(2, "a")] * 4
        assert tag(b, "TRUNCATE keyless, keyless") == "TRUNCATE TABLE"
        assert c.execute("SELECT COUNT(*) FROM keyless").fetchone() == (0,)


@case
def two_nodes_count_by_one_row():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE counter (id INT PRIMARY KEY, n INT)")
    run_on(nodes.nodes[1], "INSERT INTO counter VALUES (1, 0)")
    begun = time.monotonic()
    add = ("UPDATE counter SET n = n + 1 WHERE id = 1",)
    workers = [Worker(nodes, number, [add] * CHANGES) for number in (1, 2)]
    for worker in workers:
        worker.join()
        assert not worker.unknown, worker.unknown[:3]
    print(f"{2 * CHANGES} changes of one row at two nodes: {time.monotonic() - begun:.1f} s", flush=True)
    for node in nodes.nodes.values():
        assert rows_of(node, "SELECT n FROM counter") == [(2 * CHANGES,)]


@case
def upserts_of_twenty_sessions_at_three_nodes_are_exact():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE tally (word VARCHAR PRIMARY KEY, n INT)")
    words = ["one", "two", "three", "four", "five"]
    begun = time.monotonic()
    upsert = "INSERT INTO tally VALUES (%s, 1), (%s, 1) ON CONFLICT (word) DO UPDATE SET n = tally.n + 1"
    workers = [Worker(nodes, i % 3 + 1, [(upsert, (words[(i + j) % 5], words[(i + j + 1) % 5])) for j in range(30)])
               for i in range(20)]
    for worker in workers:
        worker.join()
        assert not worker.unknown, worker.unknown[:3]
    print(f"600 upserts of twenty sessions: {time.monotonic() - begun:.1f} s", flush=True)
    for node in nodes.nodes.values():
        assert dict(rows_of(node, "SELECT word, n FROM tally")) == {word: 240 for word in words}


@case
def a_statement_changes_each_row_once_while_others_change_them():
    """Rows in several partitions, some of which other statements change first: the statement repeats those rows, and
    no others."""
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE many (id INT PRIMARY KEY, n INT) WITH (partitions = 6)")
    run_on(nodes.nodes[1], "INSERT INTO many VALUES " + ", ".join(f"({i}, 0)" for i in range(40)))
    returned, failures = [], []

    def add_to_all(node):
        try:
            with connect(node) as c:
                for _ in range(15):
                    returned.append(sorted(row[0] for row in c.execute("UPDATE many SET n = n + 1000 RETURNING id")))
        except psycopg.Error as error:
            failures.append(str(error))
    adders = [threading.Thread(target=add_to_all, args=(nodes.nodes[number],)) for number in (1, 2)]
    for adder in adders:
        adder.start()
    single = [Worker(nodes, 3, [("UPDATE many SET n = n + 1 WHERE id = %s", (i % 40,)) for i in range(200)]),
              Worker(nodes, 2, [("UPDATE many SET n = n + 1 WHERE id = %s", (i % 40,)) for i in range(200)])]
    for each in [*adders, *single]:
        each.join()
    assert not failures, failures
    assert all(not worker.unknown for worker in single)
    assert returned == [list(range(40))] * 30, returned
    for node in nodes.nodes.values():
        assert {n for _, n in rows_of(node, "SELECT id, n FROM many")} == {30 * 1000 + 10}


@case
def no_change_is_lost_and_none_counts_twice_when_leaders_die():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE lives (id INT PRIMARY KEY, n INT) WITH (partitions = 2)")
    run_on(nodes.nodes[1], "INSERT INTO lives VALUES (1, 0), (2, 0), (3, 0), (4, 0)")
    statements = {number: [("UPDATE lives SET n = n + 1 WHERE id = %s", (id,)) for _ in range(400) for id in (1, 2, 3, 4)]
                  for number in nodes.nodes}
    workers = [Worker(nodes, number, statements[number]) for number in nodes.nodes]
    for partition in (0, 1, 0):
        before = sum(len(worker.done) for worker in workers)
        eventually(lambda before=before: sum(len(worker.done) for worker in workers) > before + 150, 60)
        node = leader_of(nodes, "lives", partition)
        node.kill()
        time.sleep(0.5)  # shorter than its session: clients meet a partition whose leader is away
        node.start()
        all_is_well(nodes)
    for worker in workers:
        worker.stop()
        worker.join()
    print(f"{sum(len(worker.done) for worker in workers)} acknowledged, {sum(len(worker.unknown) for worker in workers)} "
          f"unknown, {sum(len(worker.refused) for worker in workers)} refused", flush=True)
    for worker in workers:
        for _, text in worker.unknown:
            print("  unknown:", text.splitlines()[0])
    for node in nodes.nodes.values():
        found = dict(rows_of(node, "SELECT id, n FROM lives"))
        for id in (1, 2, 3, 4):
            sure = sum(statement[1] == (id,) for worker in workers for statement in worker.done)
            perhaps = sum(statement[1] == (id,) for worker in workers for statement, _ in worker.unknown)
            assert sure <= found[id] <= sure + perhaps, (id, found, sure, perhaps)


@case
def a_transaction_that_was_overtaken_fails_with_that_reason():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE account (id INT PRIMARY KEY, n INT) WITH (partitions = 1)")
    run_on(nodes.nodes[1], "INSERT INTO account VALUES (1, 100), (2, 100)")
    with connect(nodes.nodes[1]) as a, connect(nodes.nodes[2]) as b:
        a.execute("BEGIN")
        a.execute("UPDATE account SET n = n - 10 WHERE id = 1")
        a.execute("UPDATE account SET n = n + 10 WHERE id = 2")
        assert a.execute("SELECT n FROM account ORDER BY id").fetchall() == [(90,), (110,)]
        b.execute("UPDATE account SET n = n + 1 WHERE id = 2")
        try:
            a.execute("COMMIT")
            raise AssertionError("committed")
        except psycopg.errors.SerializationFailure as error:
            assert "could not serialize access due to concurrent update" in str(error), error
        assert b.execute("SELECT n FROM account ORDER BY id").fetchall() == [(100,), (101,)]
        a.execute("BEGIN")
        a.execute("UPDATE account SET n = n - 10 WHERE id = 1")
        a.execute("INSERT INTO account VALUES (3, 10)")
        b.execute("UPDATE account SET n = n + 1 WHERE id = 2")  # another row
        a.execute("COMMIT")
        assert b.execute("SELECT n FROM account ORDER BY id").fetchall() == [(90,), (102,), (10,)]
        a.execute("BEGIN")
        a.execute("DELETE FROM account")
        a.execute("ROLLBACK")
        assert b.execute("SELECT COUNT(*) FROM account").fetchone() == (3,)


@case
def transfers_between_nodes_keep_the_sum():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE balance (id INT PRIMARY KEY, n INT) WITH (partitions = 1)")
    run_on(nodes.nodes[1], "INSERT INTO balance VALUES (1, 1000), (2, 1000), (3, 1000)")
    outcomes = []

    def transfer(number):
        with connect(nodes.nodes[number]) as c:
            for i in range(60):
                source, target = (i + number) % 3 + 1, (i + number + 1) % 3 + 1
                try:
                    c.execute("BEGIN")
                    c.execute("UPDATE balance SET n = n - %s WHERE id = %s", (i, source))
                    c.execute("UPDATE balance SET n = n + %s WHERE id = %s", (i, target))
                    c.execute("COMMIT")
                    outcomes.append("COMMIT")
                except psycopg.Error as error:
                    outcomes.append(error.sqlstate)
                    c.execute("ROLLBACK")
    threads = [threading.Thread(target=transfer, args=(number,)) for number in nodes.nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(outcomes) <= {"COMMIT", "40001"}, set(outcomes)
    assert outcomes.count("COMMIT") > 10, outcomes
    print(f"{outcomes.count('COMMIT')} transfers, {outcomes.count('40001')} overtaken", flush=True)
    for node in nodes.nodes.values():
        assert rows_of(node, "SELECT SUM(n) FROM balance") == [(3000,)]


@timed
@case
def large_changes_are_made_and_can_be_cancelled():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE large (id INT PRIMARY KEY, n INT, text VARCHAR) WITH (partitions = 3)")
    with connect(nodes.nodes[1]) as a, connect(nodes.nodes[2]) as b:
        with a.cursor().copy("COPY large FROM STDIN") as copy:
            for i in range(100_000):
                copy.write_row((i, i, "x" * 50))
        assert tag(b, "UPDATE large SET n = n + 1") == "UPDATE 100000"
        assert a.execute("SELECT SUM(n) FROM large").fetchone() == (100_000 * 100_001 // 2,)
        b.execute("SET statement_timeout = '20ms'")
        try:
            b.execute("UPDATE large SET n = n + 1")
            raise AssertionError("in 20 ms")
        except psycopg.errors.QueryCanceled as error:
            assert "statement timeout" in str(error), error
        b.execute("SET statement_timeout = 0")
        begun = time.monotonic()
        threading.Timer(0.05, b.cancel).start()
        try:
            b.execute("UPDATE large SET n = n + 1")
        except psycopg.errors.QueryCanceled:
            pass
        check_took_less(begun, 20)
        assert tag(b, "TRUNCATE large") == "TRUNCATE TABLE"
        assert a.execute("SELECT COUNT(*) FROM large").fetchone() == (0,)
    all_is_well(nodes)


@case
def temporary_tables_are_of_one_session_and_go_with_their_node():
    nodes = sql_cluster()

    def topics():
        return [row[0] for row in rows_of(nodes.nodes[1], "SHOW TOPICS") if "PG_TEMP" in row[0].upper()]
    with connect(nodes.nodes[2]) as b, connect(nodes.nodes[3]) as c:
        b.execute("CREATE TEMP TABLE mine (id INT PRIMARY KEY, n INT)")
        c.execute("CREATE TEMP TABLE mine (id INT PRIMARY KEY, text VARCHAR)")
        b.execute("INSERT INTO mine VALUES (1, 1), (2, 2)")
        c.execute("INSERT INTO mine VALUES (1, 'one')")
        b.execute("UPDATE mine SET n = n * 10")
        assert b.execute("SELECT id, n FROM mine ORDER BY id").fetchall() == [(1, 10), (2, 20)]
        assert c.execute("SELECT * FROM mine").fetchall() == [(1, "one")]
        assert b.execute("CREATE TEMP TABLE sums AS SELECT id, SUM(n) AS n FROM mine GROUP BY id").statusmessage == "SELECT 2"
        assert b.execute("SELECT id, n FROM sums ORDER BY id").fetchall() == [(1, 10), (2, 20)]
        assert b.execute("TRUNCATE mine").statusmessage == "TRUNCATE TABLE"
        eventually(lambda: len(topics()) == 3)
    eventually(lambda: not topics())
    c = connect(nodes.nodes[3])
    c.execute("CREATE TEMP TABLE mine (id INT PRIMARY KEY)")
    b = connect(nodes.nodes[2])
    b.execute("CREATE TEMP TABLE mine (id INT PRIMARY KEY)")
    nodes.nodes[3].kill()
    nodes.nodes[3].start()
    eventually(lambda: len(topics()) == 1)
    b.execute("INSERT INTO mine VALUES (1)")  # a table of another node's session stays
    b.close()
    eventually(lambda: not topics())
    all_is_well(nodes)


def partition_of_each_key(node, topic, count):
    """Returns the partition of an INT key."""
    consumer = Consumer({"bootstrap.servers": node.kafka, "group.id": "keys"})
    partitions = metadata_of(node, topic).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    found = {}
    while len(found) < count:
        message = consumer.poll(patience(10))
        assert message and not message.error(), message and message.error()
        found[int.from_bytes(message.key(), "big")] = message.partition()
    consumer.close()
    return found


@case
def a_wait_for_one_partition_does_not_block_another():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE halves (k INT PRIMARY KEY, v INT) WITH (partitions = 6, replicas = 2)")
    asked = nodes.nodes[1]
    run_on(asked, *(f"INSERT INTO halves VALUES ({k}, 0)" for k in range(40)))
    replicas = {partition: set(known.replicas)
                for partition, known in metadata_of(asked, "halves").topics["halves"].partitions.items()}
    partitions = partition_of_each_key(asked, "halves", 40)
    stuck = next(k for k, partition in partitions.items() if 3 in replicas[partition])
    others = next(k for k, partition in partitions.items() if 3 not in replicas[partition])
    with connect(asked) as one, connect(asked) as another, ThreadPoolExecutor(1) as at_once:
        nodes.nodes[3].kill()
        eventually(lambda: leader_of(nodes, "halves", partitions[stuck]) is not nodes.nodes[3])
        waits = at_once.submit(tag, one, f"UPDATE halves SET v = v + 1 WHERE k = {stuck}")
        eventually(lambda: another.execute("SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE %s",
                                           (f"UPDATE halves % WHERE k = {stuck}",)).fetchall())
        for _ in range(10):
            assert tag(another, f"UPDATE halves SET v = v + 1 WHERE k = {others}") == "UPDATE 1"
        with another.transaction():
            another.execute(f"DELETE FROM halves WHERE k = {others}")
        assert not waits.done()
        nodes.nodes[3].start()
        assert waits.result(60) == "UPDATE 1"
        assert another.execute(f"SELECT k, v FROM halves WHERE k IN ({stuck}, {others})").fetchall() == [(stuck, 1)]
    all_is_well(nodes)


@case
def errors_are_the_same_as_with_one_node():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE strict (id INT PRIMARY KEY, n INT NOT NULL)")
    with connect(nodes.nodes[3]) as c:
        c.execute("INSERT INTO strict VALUES (1, 1), (2, 2)")
        for statement, state in (("UPDATE strict SET n = NULL", "23502"), ("UPDATE strict SET n = 1 / 0", "22012"),
                                 ("UPDATE strict SET n = n + 2147483647", "22003"), ("UPDATE strict SET nowhere = 1", "42703"),
                                 ("DELETE FROM nowhere", "42P01"),
                                 ("INSERT INTO strict VALUES (1, 1), (1, 2) ON CONFLICT (id) DO UPDATE SET n = 3", "21000")):
            try:
                c.execute(statement)
                raise AssertionError(f"not refused: {statement}")
            except psycopg.Error as error:
                assert error.sqlstate == state, (statement, error.sqlstate, str(error))
        assert c.execute("SELECT SUM(n) FROM strict").fetchone() == (3,)


run()
