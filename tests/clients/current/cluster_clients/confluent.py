"""confluent-kafka (librdkafka) at a cluster: the roles that check_cluster.py runs."""
import logging

import confluent_kafka
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from worker import main, numbered, say, stopping

PATIENCE_S = 30


class Lines(logging.Handler):
    def emit(self, record):
        say("log", record.levelname, record.getMessage().replace("\n", " "))


def logger():
    made = logging.Logger("librdkafka")
    made.addHandler(Lines())
    return made


def complain(where, error):
    say("error", where, error.name(), error.str())


def common(bootstrap):
    return {"bootstrap.servers": bootstrap, "error_cb": lambda error: complain("client", error), "logger": logger()}


def produce(bootstrap, topic):
    def delivered(error, message):
        value = message.value().decode()
        if error:
            say("failed", value, error.name(), error.str())
        else:
            say("ack", message.partition(), message.offset(), value)

    producer = Producer({**common(bootstrap), "enable.idempotence": True, "linger.ms": 5})
    for key, value in numbered():
        producer.produce(topic, value, key=key, on_delivery=delivered)
        producer.poll(0)
    say("left", producer.flush(150))


def group_consumer(bootstrap, group, protocol, **settings):
    return Consumer({**common(bootstrap), "group.id": group, "group.protocol": protocol, "enable.auto.commit": False,
                     "auto.offset.reset": "earliest", **settings})


def listed(partitions):
    return ",".join(str(each.partition) for each in partitions)


def messages_of(consumer):
    messages = []
    for message in consumer.consume(200, 0.2):
        if message.error():
            complain("poll", message.error())
        else:
            messages.append(message)
    return messages


def consume(bootstrap, topic, group, protocol):
    consumer, pending = group_consumer(bootstrap, group, protocol), {}

    def commit():
        """Commits the pending offsets. An offset whose commit fails stays pending for the next call."""
        if not pending:
            return
        try:
            places = [TopicPartition(topic, number, offset) for number, offset in pending.items()]
            for place in consumer.commit(offsets=places, asynchronous=False):
                if place.error:
                    complain("commit", place.error)
                else:
                    say("committed", place.partition, place.offset)
                    pending.pop(place.partition)
        except KafkaException as error:
            complain("commit", error.args[0])

    def assigned(_, partitions):
        say("assigned", listed(partitions))

    def revoked(_, partitions):
        commit()
        for place in partitions:
            pending.pop(place.partition, None)
        say("revoked", listed(partitions))

    def lost(_, partitions):
        for place in partitions:
            pending.pop(place.partition, None)
        say("lost", listed(partitions))

    consumer.subscribe([topic], on_assign=assigned, on_revoke=revoked, on_lost=lost)
    while not stopping.is_set():
        for message in messages_of(consumer):
            say("got", message.partition(), message.offset(), message.value().decode())
            pending[message.partition()] = message.offset() + 1
        commit()
    consumer.close()


def begin_producer(bootstrap, transactional_id):
    while True:
        producer = Producer({**common(bootstrap), "transactional.id": transactional_id, "linger.ms": 5})
        try:
            producer.init_transactions(PATIENCE_S)
            return producer
        except KafkaException as error:
            complain("init_transactions", error.args[0])


def again(where, call):
    """As the manual describes it: errors that allow a retry are retried."""
    while True:
        try:
            return call()
        except KafkaException as error:
            complain(where, error.args[0])
            if not error.args[0].retriable():
                raise


def move(bootstrap, source, target, group, transactional_id):
    consumer = group_consumer(bootstrap, group, "classic", **{"isolation.level": "read_committed"})
    consumer.subscribe([source], on_assign=lambda _, places: say("assigned", listed(places)),
                       on_revoke=lambda _, places: say("revoked", listed(places)))
    producer = begin_producer(bootstrap, transactional_id)
    while not stopping.is_set():
        messages = messages_of(consumer)
        if not messages:
            continue
        try:
            producer.begin_transaction()
            for message in messages:
                producer.produce(target, message.value(), key=message.key())
            places = consumer.position(consumer.assignment())
            again("send_offsets", lambda: producer.send_offsets_to_transaction(places, consumer.consumer_group_metadata(), PATIENCE_S))
            again("commit_transaction", lambda: producer.commit_transaction(PATIENCE_S))
            say("moved", len(messages))
        except KafkaException as error:
            if not error.args[0].txn_requires_abort():
                say("restart")
                producer = begin_producer(bootstrap, transactional_id)
            else:
                try:
                    again("abort_transaction", lambda: producer.abort_transaction(PATIENCE_S))
                    say("aborted", len(messages))
                except KafkaException:
                    say("restart")
                    producer = begin_producer(bootstrap, transactional_id)
            rewind(consumer)
    consumer.close()


def rewind(consumer):
    assignment = consumer.assignment()
    if assignment:
        for place in again("committed", lambda: consumer.committed(assignment, PATIENCE_S)):
            place.offset = place.offset if place.offset >= 0 else confluent_kafka.OFFSET_BEGINNING
            try:
                consumer.seek(place)
            except KafkaException as error:  # another member owns the partition now
                complain("seek", error.args[0])


say("version", f"confluent-kafka {confluent_kafka.__version__}, librdkafka {confluent_kafka.libversion()[0]}")
main({"produce": produce, "consume": consume, "move": move})
