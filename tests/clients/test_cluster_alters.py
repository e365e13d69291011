#!/usr/bin/python3
"""ALTER TABLE that rewrites the rows of a table, in a cluster of three: the same result as on one node at each node,
while other nodes and Kafka producers write and read, and when a node dies or is frozen. MILLRACE_CLUSTER_ROUNDS sets
the number of kills and freezes."""
import os
import random
import struct
import subprocess
import threading
import time

from cluster_cases import all_is_well, cluster, leader_of, metadata_of
from cluster_load import producer_of
from cluster_nodes import eventually
from cluster_sql import connect, psycopg, refusal, rows_of, run_on
from millrace_server import Skipped, binary, case, patience, run

try:
    import kafka
except ImportError:
    kafka = None

ROUNDS = int(os.environ.get("MILLRACE_CLUSTER_ROUNDS", "4"))


def sql_cluster():
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    return cluster()


def columns_of(node, table):
    with connect(node) as c:
        return [column.name for column in c.execute(f"SELECT * FROM {table} WHERE FALSE").description]


def is_seen(nodes, query, rows):
    for node in nodes.nodes.values():
        assert sorted(rows_of(node, query)) == sorted(rows), (node.number, rows_of(node, query))


@case
def each_change_of_columns_has_the_result_of_one_node_at_each_node():
    nodes = sql_cluster()
    one, two, three = (nodes.nodes[i] for i in (1, 2, 3))
    run_on(one, "CREATE TABLE each (id INT PRIMARY KEY, v INT, w VARCHAR)",
           "INSERT INTO each VALUES (1, 10, 'a'), (2, 20, 'b'), (3, 30, NULL)")
    run_on(two, "ALTER TABLE each ADD COLUMN d INT DEFAULT 7")
    is_seen(nodes, "SELECT id, v, w, d FROM each", [(1, 10, "a", 7), (2, 20, "b", 7), (3, 30, None, 7)])
    run_on(three, "INSERT INTO each (id, v) VALUES (4, 40)", "UPDATE each SET d = 8 WHERE id = 1")
    run_on(three, "ALTER TABLE each RENAME COLUMN d TO e")
    is_seen(nodes, "SELECT id, e FROM each", [(1, 8), (2, 7), (3, 7), (4, 7)])
    run_on(one, "ALTER TABLE each ALTER COLUMN v TYPE BIGINT USING v + 5000000000")
    is_seen(nodes, "SELECT id, v FROM each", [(i, 5_000_000_000 + 10 * i) for i in (1, 2, 3, 4)])
    assert "null" in refusal(two, "ALTER TABLE each ALTER COLUMN w SET NOT NULL").lower()
    run_on(two, "INSERT INTO each (id, v) VALUES (5, 50)", "UPDATE each SET w = 'c' WHERE w IS NULL",
           "ALTER TABLE each ALTER COLUMN w SET NOT NULL")
    assert "null" in refusal(three, "INSERT INTO each (id, v) VALUES (6, 60)").lower()
    run_on(three, "ALTER TABLE each ALTER COLUMN w DROP NOT NULL", "INSERT INTO each (id, v) VALUES (6, 60)")
    run_on(three, "ALTER TABLE each DROP COLUMN v")
    for node in nodes.nodes.values():
        assert columns_of(node, "each") == ["id", "w", "e"], columns_of(node, "each")
    run_on(one, "ALTER TABLE each ADD COLUMN v INT")
    is_seen(nodes, "SELECT id, w, e, v FROM each",
            [(1, "a", 8, None), (2, "b", 7, None), (3, "c", 7, None), (4, "c", 7, None), (5, "c", 7, None),
             (6, None, 7, None)])


@case
def a_table_without_a_key_gets_one():
    nodes = sql_cluster()
    run_on(nodes.nodes[1], "CREATE TABLE keyless (id INT, v INT)", "INSERT INTO keyless VALUES (1, 1), (2, 2), (2, 3)")
    assert "could not create unique index" in refusal(nodes.nodes[2], "ALTER TABLE keyless ADD PRIMARY KEY (id)")
    run_on(nodes.nodes[3], "DELETE FROM keyless WHERE v = 3", "ALTER TABLE keyless ADD PRIMARY KEY (id)")
    run_on(nodes.nodes[2], "INSERT INTO keyless VALUES (2, 20) ON CONFLICT (id) DO UPDATE SET v = 20")
    is_seen(nodes, "SELECT id, v FROM keyless", [(1, 1), (2, 20)])


@case
def an_alter_in_a_transaction_is_refused_with_the_way_out():
    nodes = sql_cluster()
    run_on(nodes.nodes[1], "CREATE TABLE begun (id INT PRIMARY KEY, v INT)")
    with connect(nodes.nodes[1]) as c:
        c.execute("BEGIN")
        try:
            c.execute("ALTER TABLE begun RENAME COLUMN v TO w")
            raise AssertionError("not refused")
        except psycopg.errors.FeatureNotSupported as error:
            assert "INSERT ... SELECT" in error.diag.message_hint, error.diag.message_hint
        c.execute("ROLLBACK")
    run_on(nodes.nodes[2], "INSERT INTO begun VALUES (1, 1)")


@case
def a_table_that_a_query_reads_is_not_altered():
    nodes = sql_cluster()
    run_on(nodes.nodes[1], "CREATE TABLE watched (id INT PRIMARY KEY, v INT)",
           "CREATE TABLE watching AS SELECT v, COUNT(*) AS n FROM watched GROUP BY v")
    refused = refusal(nodes.nodes[2], "ALTER TABLE watched RENAME COLUMN v TO w")
    assert "reads or writes it" in refused, refused
    run_on(nodes.nodes[3], "INSERT INTO watched VALUES (1, 1)")


class Others:
    """A writer and a reader at each of the given nodes, as long as the block runs. The writers note each acknowledged
    row; the readers fail if a row lacks the value that the definition gives it."""

    def __init__(self, nodes, numbers, table):
        self.nodes, self.table = nodes, table
        self.stopping = threading.Event()
        self.acknowledged, self.unknown, self.refused, self.failures, self.scans = [], [], [], [], 0
        self.read_errors = []
        self.threads = [threading.Thread(target=target, args=(number,), daemon=True)
                        for number in numbers for target in (self.write, self.read)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)

    def write(self, number):
        row = number * 1_000_000
        connection = None
        while not self.stopping.is_set():
            try:
                connection = connection or connect(self.nodes.nodes[number])
                connection.execute(f"INSERT INTO {self.table} (id, v) VALUES ({row}, {row})")
                self.acknowledged.append(row)
            except psycopg.Error as error:
                if error.sqlstate in ("55P03", "55000", "42P01"):
                    self.refused.append((row, error.sqlstate, str(error)[:160], error.diag.message_detail))
                    time.sleep(0.01)
                    continue
                self.unknown.append((row, str(error)))
                if connection is None or connection.closed or connection.broken:
                    connection = None
                    time.sleep(0.05)
            row += 1

    def read(self, number):
        connection, columns = None, None
        while not self.stopping.is_set():
            try:
                connection = connection or connect(self.nodes.nodes[number])
                cursor = connection.execute(f"SELECT * FROM {self.table}")
                columns = [column.name for column in cursor.description]
                rows = cursor.fetchall()
                self.scans += 1
                for name in ("d", "e"):
                    if name in columns and any(row[columns.index(name)] != 7 for row in rows):
                        self.failures.append((number, columns, [row for row in rows if 7 not in row][:3]))
                if len(rows) < FIRST_ROWS:
                    self.failures.append((number, "too few rows", len(rows)))
            except psycopg.Error as error:
                self.read_errors.append((number, error.sqlstate, str(error)[:160]))
                if connection is None or connection.closed or connection.broken:
                    connection = None
                    time.sleep(0.05)

    def describe(self):
        return (f"{len(self.acknowledged)} rows, {len(self.refused)} refused, {len(self.unknown)} unknown, "
                f"{self.scans} scans, {len(self.read_errors)} failed")


FIRST_ROWS = 3_000


def fill(nodes, table):
    run_on(nodes.nodes[1], f"CREATE TABLE {table} (id INT PRIMARY KEY, v INT) WITH (PARTITIONS = 3)")
    with connect(nodes.nodes[1]) as c, c.cursor().copy(f"COPY {table} FROM STDIN") as copy:
        copy.write("".join(f"{i}\t{i}\n" for i in range(FIRST_ROWS)))


def check_rows(nodes, table, others):
    assert not others.failures, others.failures[:3]
    wanted = set(range(FIRST_ROWS)) | set(others.acknowledged)
    allowed = wanted | {row for row, _ in others.unknown}
    for node in nodes.nodes.values():
        rows = rows_of(node, f"SELECT id, v FROM {table}")
        found = {row[0] for row in rows}
        assert len(rows) == len(found) and all(row[0] == row[1] for row in rows)
        assert wanted <= found, (node.number, sorted(wanted - found)[:5], len(wanted - found))
        assert found <= allowed, (node.number, sorted(found - allowed)[:5],
                                  [refused for refused in others.refused if refused[0] in found - allowed][:4])


@case
def readers_see_the_old_or_the_new_table_and_no_acknowledged_row_is_lost():
    nodes = sql_cluster()
    fill(nodes, "busy")
    with Others(nodes, (2, 3), "busy") as others:
        time.sleep(0.5)
        for statement in ("ADD COLUMN d INT DEFAULT 7", "RENAME COLUMN d TO e", "ALTER COLUMN v TYPE BIGINT",
                          "ALTER COLUMN v SET NOT NULL", "DROP COLUMN e", "ADD COLUMN d INT DEFAULT 7"):
            before = len(others.acknowledged)
            run_on(nodes.nodes[1], f"ALTER TABLE busy {statement}")
            eventually(lambda before=before: len(others.acknowledged) > before + 5)
    check_rows(nodes, "busy", others)
    print(others.describe())
    # A SELECT that reads the old topic while it is deleted fails with 55000 or 57P03, and a prepared one with 0A000.
    unexpected = [error for error in others.read_errors if error[1] not in ("55000", "57P03", "0A000")]
    assert others.scans > 0 and not unexpected, unexpected[:3]


class KafkaWriter(threading.Thread):
    """Writes numbered rows to the topic of a table with a Kafka producer, until it is stopped."""

    def __init__(self, first):
        super().__init__(daemon=True)
        self.first, self.sent = first, 0
        self.acknowledged, self.failures = [], []
        self.stopping = threading.Event()

    def run(self):
        try:
            while not self.stopping.is_set():
                number = self.first + self.sent
                self.send(number, struct.pack(">i", number), b'{"V": %d}' % number)
                self.sent += 1
                time.sleep(0.002)
            self.finish()
        except Exception as error:  # reported by check()
            self.failures.append(repr(error))

    def check(self, found):
        assert not self.failures, (type(self).__name__, self.failures[:3], len(self.failures))
        assert len(self.acknowledged) == self.sent > 0, (type(self).__name__, len(self.acknowledged), self.sent)
        lost = set(self.acknowledged) - found
        assert not lost, (type(self).__name__, sorted(lost)[:5], len(lost))


class LibrdkafkaWriter(KafkaWriter):
    def __init__(self, nodes, topic, first, **settings):
        super().__init__(first)
        self.topic = topic
        self.producer = producer_of(nodes, partitioner="murmur2_random", **settings)

    def send(self, number, key, value):
        self.producer.produce(self.topic, value, key, on_delivery=lambda error, _: (
            self.failures.append(str(error)) if error else self.acknowledged.append(number)))
        self.producer.poll(0)

    def finish(self):
        self.producer.flush(60)


class PythonWriter(KafkaWriter):
    """kafka-python, which has neither idempotence nor topic ids."""

    def __init__(self, nodes, topic, first):
        super().__init__(first)
        self.topic = topic
        self.producer = kafka.KafkaProducer(bootstrap_servers=nodes.bootstrap.split(","), acks="all", retries=1_000,
                                            max_in_flight_requests_per_connection=1)

    def send(self, number, key, value):
        sent = self.producer.send(self.topic, value, key)
        sent.add_callback(lambda _: self.acknowledged.append(number))
        sent.add_errback(lambda error: self.failures.append(repr(error)))

    def finish(self):
        self.producer.flush(60)


class OwnWriter(KafkaWriter):
    """`millrace produce`. Its keys are texts."""

    def __init__(self, nodes, topic, first):
        super().__init__(first)
        self.process = subprocess.Popen([binary(), "produce", topic, "--bootstrap-server", nodes.bootstrap,
                                         "--property", "parse.key=true"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)

    def send(self, number, key, value):
        self.process.stdin.write(b"%d\t%s\n" % (number, value))
        self.process.stdin.flush()

    def finish(self):
        _, stderr = self.process.communicate(timeout=60)
        if self.process.returncode != 0:
            self.failures.append(stderr.decode())
        else:
            self.acknowledged = list(range(self.first, self.first + self.sent))


ALTERS = ("ADD COLUMN d INT DEFAULT 7", "ALTER COLUMN v TYPE BIGINT", "RENAME COLUMN d TO e", "DROP COLUMN e",
          "ALTER COLUMN v SET NOT NULL", "ADD COLUMN d INT DEFAULT 7")


@case
def kafka_producers_write_on_while_a_table_is_altered():
    if kafka is None:
        raise Skipped("kafka-python is not installed")
    nodes = sql_cluster()
    run_on(nodes.nodes[1], "CREATE TABLE fed (id INT PRIMARY KEY, v INT) "
                           "WITH (KAFKA_TOPIC = 'fed', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'JSON', PARTITIONS = 3)",
           "CREATE TABLE own_fed (id VARCHAR PRIMARY KEY, v INT) "
           "WITH (KAFKA_TOPIC = 'own_fed', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'JSON', PARTITIONS = 3)")
    all_is_well(nodes)
    writers = [LibrdkafkaWriter(nodes, "fed", 1_000_000), LibrdkafkaWriter(nodes, "fed", 2_000_000, **{
        "enable.idempotence": False, "acks": "all"}), PythonWriter(nodes, "fed", 3_000_000),
               OwnWriter(nodes, "own_fed", 4_000_000)]
    for writer in writers:
        writer.start()
    for number, statement in enumerate(ALTERS):
        sent = [writer.sent for writer in writers]
        eventually(lambda sent=sent: all(writer.sent > before + 100 or writer.failures
                                         for writer, before in zip(writers, sent)))
        for table in ("fed", "own_fed"):
            run_on(nodes.nodes[1 + number % 3], f"ALTER TABLE {table} {statement}")
    for writer in writers:
        writer.stopping.set()
    for writer in writers:
        writer.join(90)
    found = {row[0] for row in rows_of(nodes.nodes[1], "SELECT id FROM fed")}
    for writer in writers[:3]:
        writer.check(found)
    writers[3].check({int(row[0]) for row in rows_of(nodes.nodes[1], "SELECT id FROM own_fed")})
    print(f"{[writer.sent for writer in writers]} records")


@case
def a_killed_node_leaves_the_old_table_or_the_new_one():
    nodes = sql_cluster()
    fill(nodes, "hit")
    has_column = False
    with Others(nodes, (2, 3), "hit") as others:
        for _ in range(ROUNDS):
            statement = "DROP COLUMN d" if has_column else "ADD COLUMN d INT DEFAULT 7"

            def alter(statement=statement):
                try:
                    run_on(nodes.nodes[1], f"ALTER TABLE hit {statement}")
                except psycopg.Error:
                    pass
            running = threading.Thread(target=alter)
            running.start()
            time.sleep(random.uniform(0, 0.6))
            nodes.nodes[1].kill()
            running.join(30)
            # the controller undoes the statement of the dead node, so that other nodes can change the table again
            def is_done(statement=statement):
                nonlocal has_column
                has_column = "d" in columns_of(nodes.nodes[2], "hit")
                if has_column != statement.startswith("DROP"):
                    return True
                try:
                    run_on(nodes.nodes[2], f"ALTER TABLE hit {statement}")
                except psycopg.Error:
                    return False
                has_column = not has_column
                return True
            eventually(is_done, 60, 0.2)
            before = len(others.acknowledged)
            eventually(lambda before=before: len(others.acknowledged) > before + 5)
            nodes.nodes[1].start()
            all_is_well(nodes)
    check_rows(nodes, "hit", others)
    print(others.describe())


def controller_of(nodes):
    return nodes.nodes[eventually(lambda: max(metadata_of(nodes.nodes[1]).controller_id, 0))]


def disturb(node, how, seconds):
    """Freezes the node for this time, or kills it and starts it again after this time."""
    if how == "freeze":
        node.freeze()
        time.sleep(seconds)
        return node.thaw()
    node.kill()
    time.sleep(seconds)
    return node.start()


@case
def a_leader_or_the_controller_that_fails_changes_no_row():
    nodes = sql_cluster()
    fill(nodes, "shaken")
    has_column, outcomes = False, []
    with Others(nodes, (1, 2, 3), "shaken") as others:
        for number in range(2 * ROUNDS):
            role, how = ("leader", "controller")[number % 2], ("kill", "freeze")[number // 2 % 2]
            failing = leader_of(nodes, "shaken", number % 3) if role == "leader" else controller_of(nodes)
            at = next(node for node in nodes.nodes.values() if node is not failing)
            statement = "DROP COLUMN d" if has_column else "ADD COLUMN d INT DEFAULT 7"
            result = []

            def alter(at=at, statement=statement, result=result):
                try:
                    run_on(at, f"ALTER TABLE shaken {statement}")
                    result.append("done")
                except psycopg.Error as error:
                    result.append(str(error).split("\n", maxsplit=1)[0])
            running = threading.Thread(target=alter)
            running.start()
            time.sleep(random.uniform(0, 0.3))
            disturb(failing, how, random.uniform(1, 5))
            running.join(patience(90))
            assert result, f"{role} {how}: the statement has not ended"
            outcomes.append((role, how, result[0]))
            all_is_well(nodes)
            has_column = "d" in columns_of(at, "shaken")
            if result == ["done"]:
                assert has_column == (statement != "DROP COLUMN d"), (role, how, statement)
            before = len(others.acknowledged)
            eventually(lambda before=before: len(others.acknowledged) > before + 5, 60)
    print(outcomes)
    check_rows(nodes, "shaken", others)
    print(others.describe())


@case
def a_statement_of_a_node_that_was_frozen_is_undone_or_done():
    nodes = sql_cluster()
    fill(nodes, "stiff")
    outcomes = []
    with Others(nodes, (2, 3), "stiff") as others:
        for _ in range(max(ROUNDS // 2, 1)):
            has_column = "d" in columns_of(nodes.nodes[2], "stiff")
            statement = "DROP COLUMN d" if has_column else "ADD COLUMN d INT DEFAULT 7"
            result = []

            def alter(statement=statement, result=result):
                try:
                    run_on(nodes.nodes[1], f"ALTER TABLE stiff {statement}")
                    result.append("done")
                except psycopg.Error as error:
                    result.append(str(error).split("\n", maxsplit=1)[0])
            running = threading.Thread(target=alter)
            running.start()
            time.sleep(random.uniform(0, 0.3))
            # the controller undoes the statement 10 s after it has fenced the node
            disturb(nodes.nodes[1], "freeze", 16)
            running.join(patience(90))
            assert result, "the statement has not ended"
            outcomes.append(result[0])
            all_is_well(nodes)
            before = len(others.acknowledged)
            eventually(lambda before=before: len(others.acknowledged) > before + 5, 60)
            if result == ["done"]:
                assert ("d" in columns_of(nodes.nodes[2], "stiff")) == (not has_column), statement
    print(outcomes)
    check_rows(nodes, "stiff", others)


run()
