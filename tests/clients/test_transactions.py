#!/usr/bin/python3
"""Transactions of Kafka's producers, as librdkafka makes them: all or nothing, for consumers and for queries."""
import os
import shutil
import signal
import tempfile
import time

import psycopg

import kafka_wire
from cluster_nodes import free_port
from millrace_server import Deadline, Skipped, case, launch, patience, run
from transactions_wire import FirstVersionProducer, RequestFailed, SecondVersionProducer

try:
    import confluent_kafka
    from confluent_kafka.admin import AdminClient, NewTopic
except ImportError:
    confluent_kafka = None

PATIENCE_S = 30


class TransactionServer:
    """Kills the server and restarts it on the same address and data."""

    def __init__(self, *flags):
        if confluent_kafka is None:
            raise Skipped("confluent_kafka is not installed")
        self._flags = flags
        self._data_dir = tempfile.mkdtemp(prefix="millrace-transactions-")
        self.kafka = f"127.0.0.1:{free_port()}"
        self._server = launch(*flags, data_dir=self._data_dir, kafka=self.kafka)

    def kill_and_restart(self):
        os.kill(self._server.pid, signal.SIGKILL)
        self._server = launch(*self._flags, data_dir=self._data_dir, kafka=self.kafka)

    def sql(self):
        return psycopg.connect(host=self._server.host, port=self._server.port, autocommit=True)

    def make_topic(self, topic, partitions=3):
        admin = AdminClient({"bootstrap.servers": self.kafka})
        admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(patience(20))

    def producer(self, name="t", **settings):
        producer = confluent_kafka.Producer(
            {"bootstrap.servers": self.kafka, "transactional.id": name, "transaction.timeout.ms": 60000,
             **{key.replace("_", "."): value for key, value in settings.items()}})
        producer.init_transactions(PATIENCE_S)
        return producer

    def consumer(self, group="reader", isolation="read_committed"):
        return confluent_kafka.Consumer(
            {"bootstrap.servers": self.kafka, "group.id": group, "isolation.level": isolation,
             "auto.offset.reset": "earliest", "enable.auto.commit": False, "enable.partition.eof": True})

    def read_all(self, topic, isolation, partitions=3):
        """Returns the values in the topic up to the readable end."""
        consumer = self.consumer(isolation=isolation)
        consumer.assign([confluent_kafka.TopicPartition(topic, number, 0) for number in range(partitions)])
        values, ended = [], set()
        deadline = Deadline(PATIENCE_S)
        while len(ended) < partitions:
            deadline.check(lambda: str(values))
            record = consumer.poll(1)
            if record is None:
                continue
            if record.error():
                assert record.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, record.error()
                ended.add(record.partition())
            else:
                values.append(record.value().decode())
        consumer.close()
        return sorted(values)

    def stop(self):
        self._server.stop()
        shutil.rmtree(self._data_dir, ignore_errors=True)


def write(producer, topic, values, partitions=3):
    for number, value in enumerate(values):
        producer.produce(topic, value, partition=number % partitions)
    assert producer.flush(PATIENCE_S) == 0


def until(what, patience_s=PATIENCE_S):
    deadline = Deadline(patience_s)
    while not what():
        deadline.check()
        time.sleep(0.05)


@case
def aborted_records_are_never_read():
    server = TransactionServer()
    server.make_topic("data")
    producer = server.producer()
    kept, lost = [f"kept {n}" for n in range(10)], [f"lost {n}" for n in range(10)]
    producer.begin_transaction()
    write(producer, "data", kept[:5])
    producer.commit_transaction(PATIENCE_S)
    producer.begin_transaction()
    write(producer, "data", lost)
    producer.abort_transaction(PATIENCE_S)
    producer.begin_transaction()
    write(producer, "data", kept[5:])
    assert server.read_all("data", "read_committed") == kept[:5]
    producer.commit_transaction(PATIENCE_S)
    until(lambda: server.read_all("data", "read_committed") == kept)
    assert server.read_all("data", "read_uncommitted") == sorted(kept + lost)
    server.kill_and_restart()
    assert server.read_all("data", "read_committed") == kept
    server.stop()


@case
def a_query_counts_what_is_committed():
    server = TransactionServer()
    server.make_topic("data")
    with server.sql() as sql:
        sql.execute("CREATE STREAM data (v VARCHAR) WITH (KAFKA_TOPIC = 'data', VALUE_FORMAT = 'KAFKA')")
        sql.execute("CREATE TABLE counts AS SELECT v, COUNT(*) AS n FROM data GROUP BY v")
        counts = lambda: dict(sql.execute("SELECT v, n FROM counts").fetchall())
        producer = server.producer()
        producer.begin_transaction()
        write(producer, "data", ["a"] * 6)
        plain = confluent_kafka.Producer({"bootstrap.servers": server.kafka})
        write(plain, "data", ["behind"] * 3)
        # A query that would read open transactions has had its turn when a later record of another topic is counted.
        server.make_topic("later")
        sql.execute("CREATE STREAM later (v VARCHAR) WITH (KAFKA_TOPIC = 'later', VALUE_FORMAT = 'KAFKA')")
        sql.execute("CREATE TABLE later_counts AS SELECT v, COUNT(*) AS n FROM later GROUP BY v")
        write(plain, "later", ["later"] * 3)
        until(lambda: sql.execute("SELECT v, n FROM later_counts").fetchall() == [("later", 3)])
        assert counts() == {}, counts()
        producer.commit_transaction(PATIENCE_S)
        until(lambda: counts() == {"a": 6, "behind": 3})
        producer.begin_transaction()
        write(producer, "data", ["b"] * 6)
        producer.abort_transaction(PATIENCE_S)
        write(plain, "data", ["behind"] * 3)
        until(lambda: counts() == {"a": 6, "behind": 6})
    server.kill_and_restart()
    with server.sql() as sql:
        until(lambda: dict(sql.execute("SELECT v, n FROM counts").fetchall()) == {"a": 6, "behind": 6})
    server.stop()


@case
def offsets_are_committed_together_with_the_results():
    server = TransactionServer()
    server.make_topic("from", 1)
    server.make_topic("to", 1)
    plain = confluent_kafka.Producer({"bootstrap.servers": server.kafka})
    write(plain, "from", [str(n) for n in range(6)], 1)
    producer = server.producer()
    consumer = server.consumer("workers")
    consumer.subscribe(["from"])

    def work(count, is_commit):
        producer.begin_transaction()
        taken, deadline = [], Deadline(PATIENCE_S)
        while len(taken) < count:
            deadline.check(lambda: f"{len(taken)} of {count} records came")
            record = consumer.poll(1)
            if record is not None and not record.error():
                taken.append(record)
                producer.produce("to", record.value() + b"!", partition=0)
        position = confluent_kafka.TopicPartition("from", 0, taken[-1].offset() + 1)
        producer.send_offsets_to_transaction([position], consumer.consumer_group_metadata(), PATIENCE_S)
        producer.commit_transaction(PATIENCE_S) if is_commit else producer.abort_transaction(PATIENCE_S)

    part = confluent_kafka.TopicPartition("from", 0)
    committed = lambda: consumer.committed([part], PATIENCE_S)[0].offset
    work(2, True)
    until(lambda: committed() == 2)
    work(2, False)
    assert committed() == 2, committed()
    # A restarted program would continue from the committed offset.
    consumer.seek(confluent_kafka.TopicPartition("from", 0, 2))
    server.kill_and_restart()
    work(4, True)
    until(lambda: committed() == 6)
    assert server.read_all("to", "read_committed", 1) == [f"{n}!" for n in range(6)]
    consumer.close()
    server.stop()


@case
def a_replaced_producer_commits_nothing():
    server = TransactionServer()
    server.make_topic("data")
    first = server.producer()
    first.begin_transaction()
    write(first, "data", ["first"])
    second = server.producer()
    second.begin_transaction()
    write(second, "data", ["second"])
    second.commit_transaction(PATIENCE_S)
    try:
        first.commit_transaction(PATIENCE_S)
        raise AssertionError("a producer that was replaced has committed")
    except confluent_kafka.KafkaException as failure:
        assert failure.args[0].fatal() or failure.args[0].txn_requires_abort(), failure
    until(lambda: server.read_all("data", "read_committed") == ["second"])
    server.stop()


@case
def rows_of_sessions_behind_an_open_transaction_are_waited_for():
    """The table has not been read before, so the readable end of its topic alone does not show that these rows exist.
    """
    server = TransactionServer("--read-wait-ms", "300")
    with server.sql() as sql:
        for change, wanted in (("UPDATE {} SET v = 2 WHERE id = 1", [(1, 2)]), ("DELETE FROM {} WHERE id = 1", []),
                               ("INSERT INTO {} VALUES (1, 3) ON CONFLICT (id) DO UPDATE SET v = 4", [(1, 4)]),
                               ("SELECT count(*) FROM {} WHERE id > 0", [(1, 1)])):
            table = "t" + change.split()[0].lower()
            sql.execute(f"CREATE TABLE {table} (id INT PRIMARY KEY, v INT) WITH (KAFKA_TOPIC = '{table}', "
                        "VALUE_FORMAT = 'JSON', PARTITIONS = 1)")
            producer = server.producer(table)
            producer.begin_transaction()
            producer.produce(table, key=b"\0\0\0\5", value=b'{"V": 5}')
            producer.flush(PATIENCE_S)
            sql.execute(f"INSERT INTO {table} VALUES (1, 1)")
            for statement in (change.format(table), f"SELECT * FROM {table} WHERE id = 1"):
                try:
                    rows = sql.execute(statement)
                    raise AssertionError((statement, rows.statusmessage, rows.fetchall() if rows.description else None))
                except psycopg.errors.ObjectNotInPrerequisiteState as error:
                    assert "follow an open transaction" in str(error), error
            producer.abort_transaction(PATIENCE_S)
            sql.execute(change.format(table))
            assert sql.execute(f"SELECT * FROM {table} WHERE id = 1").fetchall() == wanted
    server.stop()


@case
def a_transaction_that_is_left_open_ends_by_itself():
    server = TransactionServer()
    server.make_topic("data")
    producer = server.producer(transaction_timeout_ms=1500)
    producer.begin_transaction()
    write(producer, "data", ["lost"])
    plain = confluent_kafka.Producer({"bootstrap.servers": server.kafka})
    write(plain, "data", ["behind"] * 3)
    server.kill_and_restart()
    until(lambda: server.read_all("data", "read_committed") == ["behind"] * 3)
    server.stop()


@case
def transactions_go_on_over_a_kill():
    """Each of many small transactions exists as a whole or not at all, and none twice."""
    server = TransactionServer()
    server.make_topic("data")
    producer = server.producer()
    committed = []
    for number in range(60):
        producer.begin_transaction()
        write(producer, "data", [f"{number}/{part}" for part in range(3)])
        if number in (20, 40):
            server.kill_and_restart()
        if number % 7 == 3:
            producer.abort_transaction(PATIENCE_S)
            continue
        producer.commit_transaction(PATIENCE_S)
        committed += [f"{number}/{part}" for part in range(3)]
    until(lambda: server.read_all("data", "read_committed") == sorted(committed))
    server.stop()


@case
def the_second_version_registers_no_partition_before_it_writes():
    """KIP-890: each end gives the next epoch, also over a kill, and fences late batches."""
    server = TransactionServer()
    server.make_topic("data")
    with kafka_wire.Connection(server.kafka) as connection:
        producer = SecondVersionProducer(connection, "second")
        producer.produce("data", 0, [b"a", b"b"])
        producer.produce("data", 2, [b"c"])
        producer.commit_offsets("g", "data", {0: 2})
        late = producer.producer_id, producer.epoch
        producer.end(True)
        assert (producer.producer_id, producer.epoch) == (late[0], late[1] + 1)
        # The answer to the end comes before the markers in the partitions.
        until(lambda: server.read_all("data", "read_committed") == ["a", "b", "c"])
        following = producer.epoch
        producer.epoch = late[1]
        refused(lambda: producer.produce("data", 0, [b"late"]), 47)
        producer.epoch = late[1]
        producer.end(True)  # its answer may have been lost, so the same request is sent again
        assert producer.epoch == following
        producer.produce("data", 1, [b"aborted"])
        producer.end(False)
        producer.end(False)  # no transaction was begun
        refused(lambda: producer.end(True), 48)
        producer.produce("data", 1, [b"d"])
    server.kill_and_restart()
    with kafka_wire.Connection(server.kafka) as connection:
        producer.connection = connection
        producer.end(True)
        until(lambda: server.read_all("data", "read_committed") == ["a", "b", "c", "d"])
        consumer = server.consumer("g")
        position, = consumer.committed([confluent_kafka.TopicPartition("data", 0)], PATIENCE_S)
        assert position.offset == 2, position
        consumer.close()
    server.stop()


@case
def a_sequence_of_a_transaction_that_has_ended_is_not_acknowledged_again():
    """After an abort librdkafka gives the sequences of purged records to the next ones. Kafka acknowledges those as
    duplicates and commits the transaction, and the records are lost. With an error for an unknown producer id
    librdkafka aborts and begins a new epoch."""
    server = TransactionServer()
    server.make_topic("data")
    with kafka_wire.Connection(server.kafka) as connection:
        producer = FirstVersionProducer(connection, "first")
        producer.add("data", 0)
        at = producer.produce("data", 0, [b"a"])
        assert producer.send_again("data", 0, [b"a"]) == at, "its answer may have been lost"
        producer.end(False)
        until(lambda: ends(producer, "data", 0))
        refused(lambda: producer.send_again("data", 0, [b"b"]), 59)
    server.stop()


def ends(producer, topic, partition):
    """Returns whether the next transaction can begin because the marker of the last one is written."""
    try:
        producer.add(topic, partition)
    except RequestFailed as error:
        assert error.code == 51, error
        return False
    return True


def refused(what, code):
    try:
        what()
    except RequestFailed as error:
        assert error.code == code, error
    else:
        raise AssertionError(f"error {code} was expected")


@case
def statements_cannot_write_the_topics_of_coordinators():
    server = TransactionServer()
    server.make_topic("data")
    server.producer()
    with server.sql() as sql:
        sql.execute("CREATE STREAM state (k BYTES KEY, v BYTES) WITH (KAFKA_TOPIC = '__transaction_state', "
                    "FORMAT = 'KAFKA')")
        sql.execute("CREATE STREAM words (v BYTES) WITH (KAFKA_TOPIC = 'data', FORMAT = 'KAFKA')")
        for statement in ("INSERT INTO state (v) VALUES ('61')", "INSERT INTO state SELECT v AS k, v FROM words",
                          "COPY state FROM STDIN"):
            try:
                sql.execute(statement)
            except psycopg.Error as error:
                assert "cannot be written by statements" in str(error), (statement, error)
            else:
                raise AssertionError(statement)
    server.stop()


if __name__ == "__main__":
    run()
