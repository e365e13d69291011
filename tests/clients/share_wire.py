"""Requests of share groups (KIP-932), written by hand because Debian's clients do not support them."""
import struct

import kafka_wire
from consumer_protocol_wire import Reader, compact, compact_array

SHARE_GROUP_HEARTBEAT, SHARE_GROUP_DESCRIBE, SHARE_FETCH, SHARE_ACKNOWLEDGE = 76, 77, 78, 79
DESCRIBE_SHARE_GROUP_OFFSETS, INCREMENTAL_ALTER_CONFIGS, METADATA = 90, 44, 3
GAP, ACCEPT, RELEASE, REJECT, RENEW = range(5)


def topic_id(connection, topic):
    body = b"\0" + compact_array([b"\0" * 16 + compact(topic) + b"\0"]) + b"\0\0\0"
    read = Reader(connection.ask(METADATA, 12, body))
    read.end()
    read.number("i")

    def broker():
        read.number("i"), read.text(), read.number("i"), read.text(), read.end()
    read.array(broker)
    read.text(), read.number("i")
    read.varint()  # one topic
    assert read.number("h") == 0
    read.text()
    return read.bytes(16)


def set_group(connection, group, **settings):
    """Arguments have Kafka's names, with an underscore instead of a dot."""
    configs = [compact(name.replace("_", ".")) + b"\0" + compact(value) + b"\0" for name, value in settings.items()]
    body = b"\0" + compact_array([b"\x20" + compact(group) + compact_array(configs) + b"\0"]) + b"\0\0"
    read = Reader(connection.ask(INCREMENTAL_ALTER_CONFIGS, 1, body))
    read.end(), read.number("i"), read.varint()
    error, message = read.number("h"), read.text()
    assert error == 0, (error, message)


class Worker:
    """A member of a share group that reads partition 0 of a topic. Its session belongs to one connection."""

    def __init__(self, address, group, name, topic, **said):
        self.connection = kafka_wire.Connection(address)
        self.group, self.name, self.topic = group, name, topic
        self.id = topic_id(self.connection, topic)
        self.member_epoch, self.session_epoch = 0, 0
        self.partitions = []
        self.beat([topic])

    def beat(self, topics=None, epoch=None):
        body = (b"\0" + compact(self.group) + compact(self.name)
                + struct.pack(">i", self.member_epoch if epoch is None else epoch) + compact(None)
                + compact_array(None if topics is None else [compact(each) for each in topics]) + b"\0")
        read = Reader(self.connection.ask(SHARE_GROUP_HEARTBEAT, 1, body))
        read.end(), read.number("i")
        error = read.number("h")
        read.text(), read.text()
        epoch = read.number("i")
        read.number("i")
        if error == 0:
            self.member_epoch = epoch
        if read.number("b") == 1:
            def topic():
                found = read.bytes(16), read.array(lambda: read.number("i"))
                read.end()
                return found
            self.partitions = [each for _, numbers in read.array(topic) for each in numbers]
        return error

    def _topics(self, partition, acknowledged):
        if partition is None:
            return compact_array([])
        batches = [struct.pack(">qq", first, last) + compact_array([struct.pack("b", each) for each in types]) + b"\0"
                   for first, last, types in acknowledged]
        return compact_array([self.id + compact_array([struct.pack(">i", partition) + compact_array(batches) + b"\0"])
                              + b"\0"])

    def fetch(self, wait_ms=0, max_records=500, acknowledged=(), epoch=None, renews=False, strict=False, partition=None):
        """(error, partition error, acknowledge error, [(first, last, deliveries)], {offset: value}); the first two errors as one
        number where there is no partition in the answer."""
        epoch = self.session_epoch if epoch is None else epoch
        if epoch == 0 or acknowledged:
            partition = partition or 0
        body = (b"\0" + compact(self.group) + compact(self.name)
                + struct.pack(">iiiiiibb", epoch, wait_ms, 1, 1 << 20, max_records, max_records, strict, renews)
                + self._topics(partition, acknowledged) + compact_array([]) + b"\0")
        read = Reader(self.connection.ask(SHARE_FETCH, 2, body))
        read.end(), read.number("i")
        error = read.number("h")
        read.text()
        read.number("i")
        if error == 0:
            self.session_epoch = 1 if epoch == 0 else epoch + 1
        found = [error, 0, 0, [], {}]

        def part():
            read.number("i")
            found[1] = read.number("h")
            read.text()
            found[2] = read.number("h")
            read.text()
            read.number("i"), read.number("i"), read.end()
            size = read.varint()
            records = read.bytes(size - 1)
            found[3] = read.array(lambda: (read.number("q"), read.number("q"), read.number("h"), read.end())[:3])
            read.end()
            for batch in kafka_wire.split_batches(records):
                found[4].update(values_of(batch))

        def topic():
            read.bytes(16), read.array(part), read.end()
        read.array(topic)
        return found

    def say(self, first, last, *types, epoch=None, renews=False):
        """Returns the error of the request if it has one, otherwise the error of the partition."""
        epoch = self.session_epoch if epoch is None else epoch
        body = (b"\0" + compact(self.group) + compact(self.name) + struct.pack(">ib", epoch, renews)
                + self._topics(0, [(first, last, types)]) + b"\0")
        read = Reader(self.connection.ask(SHARE_ACKNOWLEDGE, 2, body))
        read.end(), read.number("i")
        error = read.number("h")
        read.text(), read.number("i")
        if error:
            return error
        self.session_epoch += 1
        assert read.varint() == 2, "one topic"
        read.bytes(16)
        assert read.varint() == 2, "one partition"
        read.number("i")
        return read.number("h")

    def close(self):
        self.connection.socket.close()


def values_of(batch):
    """Returns {offset: value} of a batch without compression whose records have no keys."""
    read, found = Reader(batch.bytes[kafka_wire.BATCH_HEADER_SIZE:]), {}

    def signed():
        value = read.varint()
        return value >> 1 ^ -(value & 1)
    for _ in range(batch.count):
        size = signed()
        end = read.at + size
        read.number("b"), signed()
        offset = batch.base_offset + signed()
        assert signed() == -1
        found[offset] = read.bytes(signed())
        read.at = end
    return found


def describe_offsets(connection, group):
    """Returns {partition: (start offset, lag)} of the first topic, or the error."""
    body = b"\0" + compact_array([compact(group) + compact_array(None) + b"\0"]) + b"\0"
    read = Reader(connection.ask(DESCRIBE_SHARE_GROUP_OFFSETS, 1, body))
    read.end(), read.number("i"), read.varint()
    read.text()
    found = {}

    def part():
        number, start = read.number("i"), read.number("q")
        read.number("i")
        found[number] = (start, read.number("q"))
        read.number("h"), read.text(), read.end()

    def topic():
        read.text(), read.bytes(16), read.array(part), read.end()
    read.array(topic)
    return read.number("h") or found
