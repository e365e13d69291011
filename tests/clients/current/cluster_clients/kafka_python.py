"""kafka-python at a cluster: the roles that check_cluster.py runs."""
import logging

import kafka
from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from worker import main, numbered, say, stopping


class Lines(logging.Handler):
    def emit(self, record):
        say("log", record.levelname, record.name, record.getMessage().replace("\n", " "))


def complain(where, error):
    say("error", where, type(error).__name__, str(error).replace("\n", " "))


def produce(bootstrap, topic):
    producer = KafkaProducer(bootstrap_servers=bootstrap.split(","), acks="all", enable_idempotence=True, linger_ms=5)
    for key, value in numbered():
        sent = producer.send(topic, key=key.encode(), value=value.encode())
        sent.add_callback(lambda told, value=value: say("ack", told.partition, told.offset, value))
        sent.add_errback(lambda error, value=value: say("failed", value, type(error).__name__, str(error).replace("\n", " ")))
    producer.flush(150)
    producer.close()
    say("left", 0)


def group_consumer(bootstrap, group, **settings):
    return KafkaConsumer(bootstrap_servers=bootstrap.split(","), group_id=group, enable_auto_commit=False,
                         auto_offset_reset="earliest", **settings)


def listed(places):
    return ",".join(str(each.partition) for each in places)


class Listener(ConsumerRebalanceListener):
    """Commits the offsets before partitions are revoked, and forgets pending offsets of partitions that are gone."""

    def __init__(self, commit, pending):
        self.commit, self.pending = commit, pending

    def forget(self, places):
        for place in places:
            self.pending.pop(place, None)

    def on_partitions_assigned(self, assigned):
        say("assigned", listed(assigned))

    def on_partitions_revoked(self, revoked):
        self.commit()
        self.forget(revoked)
        say("revoked", listed(revoked))

    def on_partitions_lost(self, lost):
        self.forget(lost)
        say("lost", listed(lost))


def behind(records):
    return {place: OffsetAndMetadata(each[-1].offset + 1, "", -1) for place, each in records.items() if each}


class Reader:
    """A member of a group that starts with a new consumer when a poll fails: 3.0.12 then loses the records that it had fetched, and no
    longer reads some partitions."""

    def __init__(self, bootstrap, topic, group, pending=None, commit=lambda: None, **settings):
        self.begin = lambda: group_consumer(bootstrap, group, **settings)
        self.topic, self.pending = topic, {} if pending is None else pending
        self.listener = Listener(commit, self.pending)
        self.subscribe()

    def subscribe(self):
        self.consumer = self.begin()
        self.consumer.subscribe([self.topic], listener=self.listener)

    def poll(self):
        try:
            return self.consumer.poll(200)
        except KafkaError as error:
            complain("poll", error)
            say("restart")
            # close() calls the listener, which commits pending offsets; on the thread of close() this commit would
            # never finish. So the pending offsets are forgotten first.
            self.pending.clear()
            self.consumer.close(autocommit=False, timeout_ms=5000)
            self.subscribe()
            return {}


def consume(bootstrap, topic, group, _protocol):
    pending = {}

    def commit():
        """Commits the pending offsets. If the commit fails they stay pending for the next call."""
        if not pending:
            return
        try:
            reader.consumer.commit(dict(pending))
            for place, offset in pending.items():
                say("committed", place.partition, offset.offset)
            pending.clear()
        except KafkaError as error:
            complain("commit", error)

    reader = Reader(bootstrap, topic, group, pending, commit)
    while not stopping.is_set():
        records = reader.poll()
        for place, each in records.items():
            for record in each:
                say("got", place.partition, record.offset, record.value.decode())
        pending.update(behind(records))
        commit()
    reader.consumer.close()


def begin_producer(bootstrap, transactional_id):
    while True:
        producer = KafkaProducer(bootstrap_servers=bootstrap.split(","), transactional_id=transactional_id, linger_ms=5)
        try:
            producer.init_transactions()
            return producer
        except KafkaError as error:
            complain("init_transactions", error)
            producer.close(0)


def move(bootstrap, source, target, group, transactional_id):
    reader = Reader(bootstrap, source, group, isolation_level="read_committed")
    producer = begin_producer(bootstrap, transactional_id)
    while not stopping.is_set():
        records = reader.poll()
        if not any(records.values()):
            continue
        count = sum(map(len, records.values()))
        try:
            producer.begin_transaction()
            for each in records.values():
                for record in each:
                    producer.send(target, key=record.key, value=record.value)
            producer.send_offsets_to_transaction(behind(records), reader.consumer.group_metadata())
            producer.commit_transaction()
            say("moved", count)
        except KafkaError as error:
            complain("transaction", error)
            try:
                producer.abort_transaction()
                say("aborted", count)
            except KafkaError as worse:
                complain("abort_transaction", worse)
                say("restart")
                producer.close(0)
                producer = begin_producer(bootstrap, transactional_id)
            rewind(reader.consumer)
    producer.close()
    reader.consumer.close()


def rewind(consumer):
    for place in consumer.assignment():
        while True:
            try:
                committed = consumer.committed(place)
                consumer.seek(place, committed) if committed is not None else consumer.seek_to_beginning(place)
                break
            except KafkaError as error:
                complain("committed", error)
            except AssertionError:  # another member owns the partition now
                break


logging.getLogger("kafka").addHandler(Lines(logging.WARNING))
say("version", f"kafka-python {kafka.__version__}")
main({"produce": produce, "consume": consume, "move": move})
