"""A producer of the second version of transactions (KIP-890) by hand, since Debian's clients are older.

It registers no partition before it writes, and each end returns the epoch of the next transaction. A request may be
repeated if its answer was lost.
"""
import struct
import time

import kafka_wire
from consumer_protocol_wire import Reader, compact, compact_array, unsigned
from patience import Deadline

INIT_PRODUCER_ID, ADD_PARTITIONS_TO_TXN, END_TXN, TXN_OFFSET_COMMIT = 22, 24, 26, 28
_TRANSACTIONAL = 16  # of a batch's attributes
_COORDINATOR_COMES = {14, 15, 16}


class RequestFailed(Exception):
    def __init__(self, what, code):
        super().__init__(f"{what}: error {code}")
        self.code = code


def _bytes(content):
    return unsigned(len(content) + 1) + content


class SecondVersionProducer:
    def __init__(self, connection, name, timeout_ms=60_000):
        self.connection, self.name = connection, name
        self.producer_id, self.epoch = -1, -1
        self._sequences = {}  # by (topic, partition)
        read = self._ask(INIT_PRODUCER_ID, 4, compact(name) + struct.pack(">iqh", timeout_ms, -1, -1) + b"\0")
        self._take_producer(read, "InitProducerId")

    _produce_version = 12

    def produce(self, topic, partition, values):
        """Returns the offset of the batch. A batch that is sent again with the same sequence keeps its offset."""
        sequence = self._sequences.get((topic, partition), 0)
        batch = kafka_wire.batch_of(*values, attributes=_TRANSACTIONAL, producer_id=self.producer_id,
                                    producer_epoch=self.epoch, base_sequence=sequence).encode()
        of_partition = struct.pack(">i", partition) + _bytes(batch) + b"\0"
        read = self._ask(kafka_wire.PRODUCE, self._produce_version, compact(self.name) + struct.pack(">hi", -1, 10_000)
                         + compact_array([compact(topic) + compact_array([of_partition]) + b"\0"]) + b"\0")
        read.varint(), read.text(), read.varint(), read.number("i")
        _check("Produce", read.number("h"))
        self._sequences[topic, partition] = sequence + len(values)
        return read.number("q")

    def commit_offsets(self, group, topic, offsets):
        """`offsets`: by partition."""
        partitions = [struct.pack(">iqi", partition, offset, -1) + compact("") + b"\0"
                      for partition, offset in offsets.items()]
        read = self._ask(TXN_OFFSET_COMMIT, 5, compact(self.name) + compact(group)
                         + struct.pack(">qhi", self.producer_id, self.epoch, -1) + compact("") + compact(None)
                         + compact_array([compact(topic) + compact_array(partitions) + b"\0"]) + b"\0")
        read.number("i"), read.varint(), read.text(), read.varint(), read.number("i")
        _check("TxnOffsetCommit", read.number("h"))

    def end(self, is_commit):
        read = self._ask(END_TXN, 5, compact(self.name) + struct.pack(">qhb", self.producer_id, self.epoch, is_commit)
                         + b"\0")
        self._take_producer(read, "EndTxn")

    def _take_producer(self, read, what):
        read.number("i")
        _check(what, read.number("h"))
        self.producer_id, self.epoch = read.number("q"), read.number("h")
        self._sequences = {}

    def _ask(self, key, version, body):
        read = Reader(self.connection.ask(key, version, b"\0" + body))
        read.end()  # of the header
        return read


class FirstVersionProducer(SecondVersionProducer):
    """A producer like most of librdkafka's: it registers a partition before it writes, and its sequences continue over its transactions."""
    _produce_version = 11

    def add(self, topic, partition):
        read = self._ask(ADD_PARTITIONS_TO_TXN, 3, compact(self.name) + struct.pack(">qh", self.producer_id, self.epoch)
                         + compact_array([compact(topic) + compact_array([struct.pack(">i", partition)]) + b"\0"])
                         + b"\0")
        read.number("i"), read.varint(), read.text(), read.varint(), read.number("i")
        _check("AddPartitionsToTxn", read.number("h"))

    def send_again(self, topic, partition, values):
        """Sends a batch with the sequence of its last batch in this partition."""
        self._sequences[topic, partition] -= len(values)
        return self.produce(topic, partition, values)

    def end(self, is_commit):
        read = self._ask(END_TXN, 3, compact(self.name) + struct.pack(">qhb", self.producer_id, self.epoch, is_commit)
                         + b"\0")
        read.number("i")
        _check("EndTxn", read.number("h"))


def open_producer(connection, name, patience_s=20):
    """A producer whose coordinator may not exist yet: the first request creates the topic of the coordinators."""
    deadline = Deadline(patience_s)
    while True:
        try:
            return SecondVersionProducer(connection, name)
        except RequestFailed as refused:
            if refused.code not in _COORDINATOR_COMES or deadline.is_over():
                raise
            time.sleep(0.1)


def _check(what, code):
    if code != 0:
        raise RequestFailed(what, code)
