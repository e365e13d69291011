#!/usr/bin/python3
"""A single server becomes the first node of a cluster (millrace cluster join): all its data remain, each record
counts once, and the data survive the death of that node."""
import collections
import os
import shutil
import time

import share_wire
from cluster_cases import all_is_well, metadata_of, partitions_of
from cluster_growing import FirstNode, Growing, Small, command, shows
from cluster_nodes import eventually
from cluster_sql import last_of_all, psycopg, rows_of, run_on
from millrace_server import case, obstacle_of_own_client, run

try:
    from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
except ImportError:
    psycopg = None

PEOPLE, PRODUCTS, AT_ONCE = 5, 40, 100
INTERNAL = ("__consumer_offsets", "__transaction_state", "__task_journal")


def read_topic(nodes, topic):
    """Returns keys and values of all committed records of the topic."""
    consumer = Consumer({"bootstrap.servers": nodes.bootstrap, "group.id": "reader", "enable.auto.commit": False,
                         "isolation.level": "read_committed", "enable.partition.eof": True, "auto.offset.reset": "earliest"})
    try:
        left = set(consumer.list_topics(topic, timeout=20).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in left])
        found = []
        while left:
            message = consumer.poll(30)
            assert message is not None, f"{topic} cannot be read"
            if not message.error():
                found.append((message.key(), message.value()))
            elif message.error().code() == KafkaError._PARTITION_EOF:
                left.discard(message.partition())
        return found
    finally:
        consumer.close()


class Everything:
    """The contents of a server, as its clients see them."""

    QUERIES = ("CREATE STREAM even AS SELECT person, id, product FROM sales WHERE id % 2 = 0",
               "CREATE TABLE by_person AS SELECT person, COUNT(*) AS n, SUM(id) AS ids FROM sales GROUP BY person",
               "CREATE TABLE by_product AS SELECT product, COUNT(*) AS n, SUM(id) AS ids FROM sales GROUP BY product",
               "CREATE TABLE even_by_product AS SELECT product, COUNT(*) AS n FROM even GROUP BY product",
               "CREATE TABLE by_time AS SELECT product, COUNT(*) AS n, SUM(id) AS ids FROM sales "
               "WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 1 DAY) GROUP BY product",
               "CREATE TABLE by_steps AS SELECT product, COUNT(*) AS n FROM sales "
               "WINDOW HOPPING (SIZE 20 SECONDS, ADVANCE BY 10 SECONDS, GRACE PERIOD 1 DAY) GROUP BY product",
               "CREATE TABLE sessions AS SELECT person, COUNT(*) AS n FROM sales WINDOW SESSION (1 MINUTE, GRACE PERIOD 1 DAY) "
               "GROUP BY person",
               "CREATE STREAM named AS SELECT s.person AS person, s.id AS id, p.name AS name FROM sales s "
               "JOIN people p ON s.person = p.person",
               "CREATE STREAM given_back AS SELECT s.id AS id, s.product AS product FROM sales s "
               "JOIN refunds r WITHIN 2 HOURS GRACE PERIOD 1 DAY ON s.id = r.id",
               "CREATE TABLE with_names AS SELECT p.person AS person, name, n FROM people p JOIN by_person b ON p.person = b.person",
               "CREATE STREAM merged (person INT KEY, id INT) WITH (partitions = 1)",
               "INSERT INTO merged SELECT person, id FROM sales",
               "INSERT INTO merged SELECT person, -id AS id FROM sales WHERE id > 0",
               "CREATE TABLE paused AS SELECT product, COUNT(*) AS n FROM sales GROUP BY product")

    def __init__(self, nodes):
        self.nodes, self.count, self.plain, self.given_back = nodes, 0, 0, []
        self.begun_ms = (int(time.time()) // 10 - 360) * 10_000
        first = nodes.first
        run_on(first, "CREATE TYPE place AS STRUCT<x INT, y INT>",
               "CREATE STREAM sales (person INT KEY, id INT, product INT) WITH (partitions = 3)",
               "CREATE STREAM refunds (id INT KEY, why VARCHAR) WITH (partitions = 3)",
               "CREATE TABLE people (person INT PRIMARY KEY, name VARCHAR) WITH (partitions = 3)",
               "INSERT INTO people VALUES " + ", ".join(f"({i}, 'person {i}')" for i in range(PEOPLE)),
               "CREATE SEQUENCE numbers START 1000",
               "CREATE STREAM encoded (k INT KEY, v VARCHAR) WITH (value_format = 'AVRO', partitions = 1)",
               "INSERT INTO encoded VALUES (1, 'one')",
               "CREATE USER ann PASSWORD 'secret'", "GRANT SELECT ON people TO ann")
        for query in self.QUERIES:
            run_on(first, query)
        self.write(3)
        self.check_queries(first)
        run_on(first, "PAUSE " + next(row[0] for row in rows_of(first, "SHOW QUERIES") if row[3] == "PAUSED"))
        self.paused_at = self.count
        self.schemas = rows_of(first, "SHOW SCHEMAS")
        self.numbers = [rows_of(first, "SELECT nextval('numbers')")[0][0]]
        self.write_plain()
        self.write_transactions()
        consumer = Consumer({"bootstrap.servers": first.kafka, "group.id": "readers", "enable.auto.commit": False})
        consumer.commit(offsets=[TopicPartition("plain", 0, 7), TopicPartition("plain", 1, 9)], asynchronous=False)
        consumer.close()
        command(nodes, "config", "topic", "plain", "retention.ms=86400000")

    def time_of(self, i):
        """The times of a hundred rows are within ten seconds, the length of a window."""
        return self.begun_ms + i * 100

    def write(self, statements):
        running = [node for node in self.nodes.nodes.values() if node.is_running()]
        for _ in range(statements):
            node = running[self.count // AT_ONCE % len(running)]
            rows = range(self.count, self.count + AT_ONCE)
            run_on(node, "INSERT INTO sales (ROWTIME, person, id, product) VALUES " +
                   ", ".join(f"({self.time_of(i)}, {i % PEOPLE}, {i}, {i % PRODUCTS})" for i in rows))
            # The refunds are for sales of the statement before this one, which are still within the join's two hours.
            back = [i - AT_ONCE for i in rows if i >= AT_ONCE and i % 10 == 0]
            if back:
                run_on(node, "INSERT INTO refunds (ROWTIME, id, why) VALUES " +
                       ", ".join(f"({self.time_of(i)}, {i}, 'broken')" for i in back))
            self.given_back += back
            self.count += AT_ONCE

    def write_plain(self, count=200):
        producer = Producer({"bootstrap.servers": self.nodes.bootstrap, "enable.idempotence": True})
        for i in range(self.plain, self.plain + count):
            producer.produce("plain", str(i), str(i))
        assert producer.flush(60) == 0
        self.plain += count

    def write_transactions(self):
        def producer(name):
            made = Producer({"bootstrap.servers": self.nodes.bootstrap, "transactional.id": name, "transaction.timeout.ms": 10_000})
            made.init_transactions(30)
            made.begin_transaction()
            made.produce("paid", name, name)
            return made
        producer("committed").commit_transaction(30)
        producer("aborted").abort_transaction(30)
        left_open = producer("open")
        left_open.flush(30)

    def sums(self, of, rows=None):
        n, ids = collections.Counter(), collections.Counter()
        for i in range(self.count if rows is None else rows):
            n[of(i)] += 1
            ids[of(i)] += i
        return [(key, n[key], ids[key]) for key in n]

    def check_queries(self, node):
        shows(node, "SELECT person, n, ids FROM by_person", self.sums(lambda i: i % PEOPLE))
        shows(node, "SELECT product, n, ids FROM by_product", self.sums(lambda i: i % PRODUCTS))
        even = collections.Counter(i % PRODUCTS for i in range(0, self.count, 2))
        shows(node, "SELECT product, n FROM even_by_product", list(even.items()))
        self.check_windows(node)
        shows(node, "SELECT id, product FROM given_back", [(i, i % PRODUCTS) for i in self.given_back])
        shows(node, "SELECT person, name, n FROM with_names",
              [(key, f"person {key}", n) for key, n, _ in self.sums(lambda i: i % PEOPLE)])
        shows(node, "SELECT id FROM even", [(i,) for i in range(0, self.count, 2)])
        shows(node, "SELECT id, name FROM named", [(i, f"person {i % PEOPLE}") for i in range(self.count)])
        shows(node, "SELECT id FROM merged", [(i,) for i in range(-self.count + 1, self.count)])

    def check_windows(self, node):
        start = self.begun_ms
        shows(node, "SELECT product, windowstart, n, ids FROM by_time",
              [(product, start + part * 10_000, n, ids) for (product, part), n, ids in self.sums(lambda i: (i % PRODUCTS, i // 100))])
        steps = collections.Counter((i % PRODUCTS, i // 100 - back) for i in range(self.count) for back in (0, 1))
        shows(node, "SELECT product, windowstart, n FROM by_steps",
              [(product, start + part * 10_000, n) for (product, part), n in steps.items()])
        shows(node, "SELECT person, windowstart, windowend, n FROM sessions",
              [(person, self.time_of(person), self.time_of(self.count - PEOPLE + person), self.count // PEOPLE)
               for person in range(PEOPLE)])

    def check(self, node):
        self.check_queries(node)
        shows(node, "SELECT person, name FROM people", [(i, f"person {i}") for i in range(PEOPLE)])
        shows(node, "SELECT k, v FROM encoded", [(1, "one")])
        shows(node, "SELECT product, n FROM paused",
              [(key, n) for key, n, _ in self.sums(lambda i: i % PRODUCTS, self.paused_at)])
        assert [row[0] for row in rows_of(node, "SHOW TYPES")] == ["PLACE"], rows_of(node, "SHOW TYPES")
        assert "ann" in {row[0] for row in rows_of(node, "SELECT rolname FROM pg_roles")}
        rights = rows_of(node, "SELECT relacl FROM pg_class WHERE relname = 'people'")
        assert rights == [(["ann=r/millrace"],)], rights
        schemas = rows_of(node, "SHOW SCHEMAS")
        assert schemas == self.schemas and any("encoded-value" in row for row in schemas), (schemas, self.schemas)
        next_one = rows_of(node, "SELECT nextval('numbers')")[0][0]
        # Other nodes reserve ranges of numbers, so the next number may skip some, but it must be new.
        assert next_one > self.numbers[0] and next_one not in self.numbers, (next_one, self.numbers)
        self.numbers.append(next_one)

    def check_kafka(self):
        # Ordinary consumers read the outputs of the queries: each record exists once.
        assert len(read_topic(self.nodes, "even")) == self.count // 2
        assert len(read_topic(self.nodes, "named")) == self.count
        assert len(read_topic(self.nodes, "merged")) == 2 * self.count - 1
        plain = read_topic(self.nodes, "plain")
        assert sorted(int(value) for _, value in plain) == list(range(self.plain)), len(plain)
        assert sorted({value for _, value in read_topic(self.nodes, "paid")}) == [b"committed"]
        consumer = Consumer({"bootstrap.servers": self.nodes.bootstrap, "group.id": "readers", "enable.auto.commit": False})
        committed = consumer.committed([TopicPartition("plain", number) for number in (0, 1)], timeout=30)
        consumer.close()
        assert [each.offset for each in committed] == [7, 9], committed
        assert "86400000" in command(self.nodes, "config", "topic", "plain")


def producer_again(nodes, name):
    """The transactional id can be used again, although a transaction may still be open."""
    producer = Producer({"bootstrap.servers": nodes.bootstrap, "transactional.id": name})
    producer.init_transactions(60)
    producer.begin_transaction()
    producer.produce("paid", "committed", name)
    producer.commit_transaction(60)


@case
def a_server_becomes_a_cluster_and_its_first_node_may_die():
    nodes = Growing()
    nodes.first.start()
    everything = Everything(nodes)
    nodes.join()
    everything.check(nodes.first)
    everything.check_kafka()
    producer_again(nodes, "open")
    everything.write(2)
    everything.check(nodes.first)
    assert "already" in said_twice(nodes.first)

    nodes.grow()
    added = command(nodes, "cluster", "add", "2", "--replicas", "3") + command(nodes, "cluster", "add", "3", "--replicas", "3")
    assert "__task_journal" in added, added
    all_is_well(nodes)
    found = partitions_of(nodes.first)
    assert all(len(partition.replicas) == 3 for partition in found.values()), \
        {each: partition.replicas for each, partition in found.items() if len(partition.replicas) != 3}
    topics = metadata_of(nodes.first).topics
    assert all(name in topics for name in INTERNAL), sorted(topics)
    everything.write(2)
    for node in nodes.nodes.values():
        everything.check(node)

    nodes.first.kill()
    everything.write(2)
    everything.write_plain()
    producer_again(nodes, "committed")
    for node in nodes.others.values():
        everything.check(node)
    everything.check_kafka()
    # From here on, only the other nodes have the data of node 1.
    shutil.rmtree(nodes.first.data_dir)
    nodes.first.start()
    all_is_well(nodes)
    nodes.others[2].kill()
    everything.write(2)
    everything.check(nodes.first)
    everything.check(nodes.others[3])
    everything.check_kafka()
    nodes.close()


def said_twice(node):
    node.stop()
    said = node.join()
    node.start()
    return said


@case
def a_join_that_was_begun_continues_when_other_nodes_have_joined_meanwhile():
    nodes = Growing("early")
    nodes.first.start()
    small = Small(nodes)
    nodes.first.stop()
    nodes.first.join(crash_point="after-founding")
    other = nodes.others[2].start()
    said = nodes.first.join()
    assert "was started before has finished" in said, said
    nodes.first.is_alone = False
    nodes.first.start()
    nodes.nodes[2] = other
    command(nodes, "cluster", "add", "2", "--replicas", "2")
    all_is_well(nodes)
    small.write(nodes.first)
    small.check(other)
    nodes.close()


@case
def the_state_of_queries_moves_to_other_nodes_in_many_pieces():
    nodes, count = Growing("large"), 30_000
    nodes.first.start()

    def write(numbers):
        run_on(nodes.others[2] if nodes.others[2].is_running() else nodes.first, "INSERT INTO words VALUES " + ", ".join(
            f"({i}, 'word {i:06} {'x' * 80}')" for i in numbers))
    run_on(nodes.first, "CREATE STREAM words (k INT KEY, word VARCHAR) WITH (partitions = 3)",
           "CREATE TABLE counted AS SELECT word, COUNT(*) AS n FROM words GROUP BY word")
    for first in range(0, count, 2000):
        write(range(first, first + 2000))
    shows(nodes.first, "SELECT COUNT(*) FROM counted", [(count,)])
    nodes.join()
    nodes.grow()
    # The command succeeds immediately, because it does not depend on reports of the first node to the other nodes.
    command(nodes, "cluster", "rebalance", "--replicas", "3")
    nodes.first.kill()
    for node in nodes.others.values():
        shows(node, "SELECT COUNT(*), SUM(n) FROM counted", [(count, count)])
    write(range(1000))
    for node in nodes.others.values():
        shows(node, "SELECT n, COUNT(*) FROM counted GROUP BY n", [(1, count - 1000), (2, 1000)])
    nodes.close()


@case
def serial_columns_go_on_behind_the_numbers_that_there_are():
    nodes = Growing("serial")
    nodes.first.start()
    run_on(nodes.first, "CREATE TABLE notes (id SERIAL PRIMARY KEY, other BIGSERIAL, mark TEXT)",
           "CREATE TABLE untouched (id SERIAL PRIMARY KEY, mark TEXT)",
           "INSERT INTO notes (mark) VALUES ('a'), ('b'), ('c')", "INSERT INTO notes VALUES (70, 900, 'd')", "DELETE FROM notes WHERE id = 70",
           "INSERT INTO notes (mark) VALUES ('e')")
    assert rows_of(nodes.first, "SELECT id, other FROM notes WHERE mark = 'e'") == [(71, 901)]
    nodes.join()
    nodes.grow()
    command(nodes, "cluster", "rebalance", "--replicas", "3")
    given = []
    for node in nodes.nodes.values():
        given += rows_of(node, "INSERT INTO notes (mark) VALUES ('new'), ('new') RETURNING id, other")
    for numbers, last in zip(zip(*given), (71, 901)):
        assert len(set(numbers)) == 6 and min(numbers) == last + 1, given
    assert rows_of(nodes.first, "SELECT COUNT(*) FROM notes") == [(4 + 6,)]
    assert rows_of(nodes.others[3], "INSERT INTO untouched (mark) VALUES ('first') RETURNING id") == [(1,)]
    assert rows_of(nodes.others[2], "SELECT pg_get_serial_sequence('notes', 'other')") == [("public.notes_other_seq",)]
    nodes.close()


@case
def a_generator_goes_on_behind_its_last_row():
    nodes = Growing("made")
    nodes.first.start()
    run_on(nodes.first, "CREATE STREAM made (id BIGINT KEY) WITH (partitions = 2, generator = 'datagen', rows_per_second = 200)")
    made = lambda: rows_of(nodes.first, "SELECT COUNT(*) FROM made")[0][0]  # noqa: E731
    eventually(lambda: made() > 100)
    before = made()
    nodes.join()
    nodes.grow()
    command(nodes, "cluster", "rebalance", "--replicas", "3")
    eventually(lambda: made() > before + 100)
    run_on(nodes.first, *(f"PAUSE {row[0]}" for row in rows_of(nodes.first, "SHOW QUERIES")))
    # The rows of one commit reach the two partitions one after the other, so a number may be missing at first.
    assert last_of_all(nodes.first, "made") > before
    nodes.close()


@case
def conditions_that_prevent_a_join_are_named():
    nodes = Growing("named")
    first = nodes.first
    assert "does not hold the data of a server" in first.join(status=1)
    first.start()
    assert "error:" in first.join(status=1), "another process uses the directory"
    run_on(first, "CREATE TABLE base (id INT PRIMARY KEY, v INT)",
           "CREATE MATERIALIZED VIEW kept AS SELECT v, COUNT(*) AS n FROM base GROUP BY v",
           "CREATE LINK linked WITH ('bootstrap.servers' = '127.0.0.1:9092', 'connect' = 'later')")
    first.stop()
    said = first.join(status=1)
    for what in ("nothing was changed", "keeps a materialized view"):
        assert what in said, (what, said)
    first.start()
    run_on(first, "DROP MATERIALIZED VIEW kept")
    first.stop()
    assert first.join(etcd="start", status=2), "it needs an etcd"
    nodes.join()
    assert [row[0] for row in rows_of(first, "SHOW LINKS")] == ["linked"]
    assert "belongs to node 1" in first_refused(first, node_id=2)
    assert "belongs to node 1" in first_refused(first, cluster="other")

    # An existing cluster does not accept the data of another server.
    second = FirstNode(os.path.join(nodes.folder, "second"), "named", 2, nodes.etcd.url)
    second.start()
    run_on(second, "CREATE STREAM others (k INT KEY) WITH (partitions = 1)")
    second.stop()
    said = second.join(status=1)
    assert 'cluster "named" exists already in this etcd' in said, said
    second.start()
    run_on(second, "INSERT INTO others VALUES (1)")
    second.stop()
    nodes.close()


@case
def a_share_group_keeps_its_progress():
    nodes = Growing("sharing")
    first = nodes.first
    first.start()
    run_on(first, "CREATE STREAM ticks (v INT) WITH (partitions = 1)")
    # The node returns errors until it has created the topic of the group.
    worker = eventually(lambda: share_member(first))
    assert worker.fetch()[0] == 0, "the group begins at the end of the topic"
    run_on(first, "INSERT INTO ticks VALUES (1), (2), (3)")
    acquired = []
    while sum(last - begin + 1 for begin, last, _ in acquired) < 3:
        acquired += worker.fetch(wait_ms=500)[3]
    assert worker.say(0, 0, share_wire.ACCEPT) == 0 and worker.say(1, 2, share_wire.RELEASE) == 0
    worker.close()
    first.stop()
    nodes.join()
    worker = eventually(lambda: share_member(first))
    acquired = []
    while sum(last - begin + 1 for begin, last, _ in acquired) < 2:
        acquired += worker.fetch(wait_ms=500)[3]
    assert sorted(acquired) == [(1, 2, 2)], acquired
    nodes.close()


def share_member(node):
    worker = share_wire.Worker(node.kafka, "sharing", "member", "ticks")
    return worker if worker.member_epoch > 0 else None


def first_refused(node, **changed):
    node.stop()
    said = node.join(status=1, **changed)
    node.start()
    return said


run(obstacle_of_own_client())
