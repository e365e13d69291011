#!/usr/bin/python3
"""A librdkafka producer of transactions, or a mover of committed records; TransactionLoad sends it its orders.

    transaction_client.py writer|mover ADDRESS NAME

It is a process of its own, because librdkafka 2.0 ends the process (an assertion) when an answer to
AddPartitionsToTxn arrives after the end of its transaction, which can happen when servers die: then the client
counts as dead, and the next client of its name continues.

A line of JSON in, one out:
    writer  {"parts": {partition: [value, ...]}, "ending": "commit"|"abort"|"abandon", "flushes": bool}  ->  {"is_stored": bool}
    mover   {"aborts": bool}                                                                            ->  {}
or {"problem": text}.
"""
import json
import sys
import time

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, TopicPartition

_PATIENCE_S = 120
_CALL_S = 5
_GROUP = "movers"
# After these errors librdkafka does not ask again for the committed offsets, so the consumer stays a member of its group
# and reads nothing (its issue 5586).
_LOSES_ITS_PLACE = (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE)
_PATIENT = {"retry.backoff.ms": 50, "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200, "log_level": 0}


class _Client:
    """A transactional producer that repeats requests that dead servers did not answer."""

    def __init__(self, address, name):
        self.address, self._name = address, name
        self.producer = None
        self._has_failed = False  # a record of the newest producer

    def renew(self):
        """Makes a producer if none exists; an open transaction of its name is aborted."""
        if self.producer is None:  # `not producer` would be true for an empty queue
            self.producer = confluent_kafka.Producer({
                "bootstrap.servers": self.address, **_PATIENT, "transactional.id": self._name, "linger.ms": 0,
                "transaction.timeout.ms": 300_000, "message.timeout.ms": 300_000, "on_delivery": self._note})
            self._has_failed = False
            self._repeat(self.producer.init_transactions)

    def begin(self):
        self.renew()
        self.producer.begin_transaction()

    def _note(self, error, _):
        self._has_failed = self._has_failed or error is not None

    def _repeat(self, what):
        """Calls `what`, which gets a time-out, until it succeeds; a server is never away for long."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return what(_CALL_S)
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def succeeds(self, what):
        """Returns False if the transaction must be aborted."""
        try:
            self._repeat(what)
            return True
        except KafkaException as error:
            if error.args[0].txn_requires_abort():
                return False
            raise

    def commits(self):
        return self.succeeds(self.producer.commit_transaction)

    def abort(self):
        """Aborts; after a failed record gives the producer up instead, because an abort could end the process."""
        deadline = time.monotonic() + _PATIENCE_S
        while self.producer.flush(1):
            if time.monotonic() > deadline:
                raise TimeoutError("records of a transaction are not answered")
        if self._has_failed:
            self.abandon()
        else:
            self._repeat(self.producer.abort_transaction)

    def abandon(self):
        """Drops the producer; the next producer of its name aborts the open transaction."""
        if self.producer is not None:
            self.producer.purge()
        self.producer = None


class Writer:
    def __init__(self, address, name):
        self._client = _Client(address, name)

    def work(self, topic, parts, ending, flushes):
        client = self._client
        client.begin()
        for partition, values in parts.items():
            for value in values:
                client.producer.produce(topic, value, partition=int(partition))
        if flushes:
            client.producer.flush(0.01)
        if ending == "abandon":
            client.abandon()
        elif ending == "abort":
            client.abort()
        elif client.commits():
            return {"is_stored": True}
        else:
            client.abandon()
        return {"is_stored": False}


class Mover:
    """Moves committed records, a few in each transaction, together with the offsets of its group."""

    def __init__(self, address, name):
        self._client = _Client(address, name)
        self._consumer = None

    def work(self, source, target, aborts):
        if self._consumer is None:
            self._consumer = confluent_kafka.Consumer({
                "bootstrap.servers": self._client.address, **_PATIENT, "group.id": _GROUP,
                "isolation.level": "read_committed", "auto.offset.reset": "earliest", "enable.auto.commit": False,
                "session.timeout.ms": 6000, "topic.metadata.refresh.interval.ms": 1000})
            self._consumer.subscribe([source])
        found = self._consumer.consume(50, 0.1)
        if any(each.error() and each.error().code() in _LOSES_ITS_PLACE for each in found):
            self._drop_consumer()
            return {}
        records = [record for record in found if not record.error()]
        if records and not self._moves(source, target, records, aborts):
            self._drop_consumer()
            self._client.abandon()
            # The next consumer cannot learn where to begin while offsets are part of an open transaction.
            self._client.renew()
        return {}

    def _drop_consumer(self):
        self._consumer.close()  # the next consumer begins with the committed offsets
        self._consumer = None

    def _moves(self, source, target, records, aborts):
        client = self._client
        client.begin()
        offsets = {}
        for record in records:
            offsets[record.partition()] = record.offset() + 1
            client.producer.produce(target, record.value(), partition=record.partition())
        positions = [TopicPartition(source, partition, offset) for partition, offset in offsets.items()]
        group = self._consumer.consumer_group_metadata()
        if not client.succeeds(lambda timeout: client.producer.send_offsets_to_transaction(positions, group, timeout)):
            return False
        if not aborts:
            return client.commits()
        client.abort()
        return False


def main():
    kind, address, name = sys.argv[1:]
    worker = {"writer": Writer, "mover": Mover}[kind](address, name)
    for line in sys.stdin:
        try:
            answer = worker.work(**json.loads(line))
        except Exception as error:  # any failure is reported by the check
            answer = {"problem": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
