"""Requests of the consumer protocol (KIP-848), written by hand because Debian's clients do not support it."""
import struct

CONSUMER_GROUP_HEARTBEAT, CONSUMER_GROUP_DESCRIBE, FIND_COORDINATOR = 68, 69, 10


def unsigned(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def compact(text):
    return b"\0" if text is None else unsigned(len(text.encode()) + 1) + text.encode()


def compact_array(items):
    return b"\0" if items is None else unsigned(len(items) + 1) + b"".join(items)


def heartbeat_body(group, member, epoch, topics=None, owned=None, instance=None, regex=None, rebalance_ms=-1):
    """The body of a heartbeat, version 1. `owned` has the owned partitions by topic id."""
    def topic_partitions(topic, partitions):
        return topic + compact_array([struct.pack(">i", each) for each in partitions]) + b"\0"
    return (b"\0" + compact(group) + compact(member) + struct.pack(">i", epoch) + compact(instance) + compact(None)
            + struct.pack(">i", rebalance_ms)
            + compact_array(None if topics is None else [compact(topic) for topic in topics])
            + compact(regex) + compact(None)
            + compact_array(None if owned is None else [topic_partitions(*each) for each in owned.items()])
            + b"\0")


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, kind):
        value, = struct.unpack_from(">" + kind, self.data, self.at)
        self.at += struct.calcsize(">" + kind)
        return value

    def varint(self):
        value = shift = 0
        while True:
            byte = self.number("B")
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def bytes(self, size):
        self.at += size
        return self.data[self.at - size:self.at]

    def text(self):
        size = self.varint()
        return None if size == 0 else self.bytes(size - 1).decode()

    def array(self, read):
        size = self.varint()
        return None if size == 0 else [read() for _ in range(size - 1)]

    def end(self):
        assert self.varint() == 0, "tagged fields"


def read_heartbeat(answer):
    """Returns (error, epoch, {topic id: partitions} or None)."""
    read = Reader(answer)
    read.end()  # of the header
    read.number("i")
    error = read.number("h")
    read.text(), read.text()
    epoch = read.number("i")
    read.number("i")
    assignment = None
    if read.number("b") == 1:
        def topic():
            id_and_partitions = read.bytes(16), read.array(lambda: read.number("i"))
            read.end()
            return id_and_partitions
        assignment = dict(read.array(topic))
        read.end()
    read.end()
    assert read.at == len(answer), "read to its end"
    return error, epoch, assignment


class Member:
    """A client of the consumer protocol that takes the partitions that it is assigned, and gives up those that are revoked."""

    def __init__(self, connection, group, name, **subscription):
        self.connection, self.group, self.name = connection, group, name
        self.epoch, self.uses = 0, {}
        self.beat(rebalance_ms=60_000, owned={}, **subscription)

    def beat(self, epoch=None, **said):
        answer = self.connection.ask(CONSUMER_GROUP_HEARTBEAT, 1, heartbeat_body(
            self.group, self.name, self.epoch if epoch is None else epoch, **said))
        self.error, epoch, assignment = read_heartbeat(answer)
        if self.error == 0:
            self.epoch = epoch
            if assignment is not None:
                self.uses = assignment
        return self.error

    def partitions(self):
        return sorted(number for numbers in self.uses.values() for number in numbers)
