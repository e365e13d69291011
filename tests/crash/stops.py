"""A clean stop while producers send as fast as they can: each stored record was acknowledged, and each acknowledged
record is stored. The producers do not wait for an answer before the next request, as librdkafka and Java do by
default.
"""
import os
import shutil
import struct
import tempfile
import threading

from server import Server
import kafka_wire
from patience import wait_until

_PRODUCERS = 4
_RECORD_SIZES = (10, 20_000)


class _Producer:
    """Sends until the connection ends, and counts the answers that say that a record is stored."""

    def __init__(self, address, number):
        self.topic = f"t{number}"
        self.stored = 0
        self._connection = kafka_wire.Connection(address, 60)
        self._connection.create_topic(self.topic)
        record = b"x" * _RECORD_SIZES[number % len(_RECORD_SIZES)]
        self._body = kafka_wire.produce_body(self.topic, kafka_wire.batch_of(record).encode())
        self._threads = [threading.Thread(target=work, daemon=True)
                         for work in (self._send, self._receive)]
        for thread in self._threads:
            thread.start()

    def join(self):
        for thread in self._threads:
            thread.join(60)
        self._connection.socket.close()

    def _send(self):
        try:
            while True:
                self._connection.send(kafka_wire.PRODUCE, 3, self._body)
        except OSError:
            pass

    def _receive(self):
        error_at = 4 + 2 + len(self.topic) + 4 + 4  # one topic, its name, one partition, its number
        try:
            while True:
                _, answer = self._connection.receive()
                self.stored += struct.unpack_from(">h", answer, error_at)[0] == 0
        except OSError:
            pass


def _record_count(address, topic):
    """The number of records in partition 0."""
    newest = kafka_wire.array([struct.pack(">iq", 0, -1)])
    with kafka_wire.Connection(address) as connection:
        answer = connection.ask(kafka_wire.LIST_OFFSETS, 1, struct.pack(">i", -1) + kafka_wire.array(
            [kafka_wire.string(topic) + newest]))
    return struct.unpack(">q", answer[-8:])[0]


def complaints(binary):
    folder = tempfile.mkdtemp(prefix="millrace-stops-")
    data, log = os.path.join(folder, "data"), os.path.join(folder, "server.log")
    try:
        server = Server(binary, data, log)
        server.wait_until_ready()
        producers = [_Producer(f"127.0.0.1:{server.kafka_port}", number)
                     for number in range(_PRODUCERS)]
        wait_until(lambda: all(producer.stored > 20 for producer in producers), "the producers have begun")
        status = server.stop()
        for producer in producers:
            producer.join()
        found = [] if status == 0 else [f"SIGTERM: exit status {status}"]
        server = Server(binary, data, log)
        server.wait_until_ready()
        for producer in producers:
            count = _record_count(f"127.0.0.1:{server.kafka_port}", producer.topic)
            if count != producer.stored or count == 0:
                found.append(f"{producer.topic}: {count} records are stored, {producer.stored} were "
                             "answered before the stop")
        server.stop()
        return found
    finally:
        shutil.rmtree(folder, ignore_errors=True)
