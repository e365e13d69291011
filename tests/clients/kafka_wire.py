"""Kafka's protocol by hand: frames over a socket, and record batches byte by byte.

It shows the stored bytes, which real clients hide, and sends malformed requests, which real clients never send.
"""
import dataclasses
import socket
import struct

from patience import patience

PRODUCE, FETCH, LIST_OFFSETS, METADATA = 0, 1, 2, 3
API_VERSIONS, CREATE_TOPICS, DELETE_TOPICS = 18, 19, 20
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
BATCH_HEADER_SIZE = 61

_CRC32C_TABLE = []
for _byte in range(256):
    for _ in range(8):
        _byte = (_byte >> 1) ^ (0x82F63B78 if _byte & 1 else 0)
    _CRC32C_TABLE.append(_byte)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC32C_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def murmur2(key):
    """Chooses a partition with the hash of Kafka's Java producer."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(key)
    for at in range(0, len(key) - len(key) % 4, 4):
        k = int.from_bytes(key[at:at + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    rest = key[len(key) - len(key) % 4:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def partition_of(key, partition_count):
    return (murmur2(key) & 0x7FFFFFFF) % partition_count


# --- Writing

def string(text):
    return struct.pack(">h", len(text)) + text.encode()


def data(content):
    return struct.pack(">i", len(content)) + content


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


def varint(value):
    value = value << 1 if value >= 0 else (-value << 1) - 1
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def record(offset_delta, value, key=None, timestamp_delta=0, headers=()):
    def nullable(content):
        return varint(-1) if content is None else varint(len(content)) + content
    body = (b"\0" + varint(timestamp_delta) + varint(offset_delta) + nullable(key) + nullable(value)
            + varint(len(headers)) + b"".join(nullable(k) + nullable(v) for k, v in headers))
    return varint(len(body)) + body


@dataclasses.dataclass
class Batch:
    """A record batch in which every field can be wrong; None stands for the right value."""
    records: bytes
    count: int
    attributes: int = 0
    base_timestamp: int = 1_700_000_000_000
    max_timestamp: int = 1_700_000_000_000
    producer_id: int = -1
    producer_epoch: int = -1
    base_sequence: int = -1
    magic: int = 2
    last_offset_delta: int | None = None
    length: int | None = None
    crc: int | None = None

    def encode(self):
        last = self.count - 1 if self.last_offset_delta is None else self.last_offset_delta
        checked = struct.pack(">hiqqqhii", self.attributes, last, self.base_timestamp,
                              self.max_timestamp, self.producer_id, self.producer_epoch,
                              self.base_sequence, self.count) + self.records
        crc = crc32c(checked) if self.crc is None else self.crc
        length = len(checked) + 9 if self.length is None else self.length
        return struct.pack(">qiibI", 0, length, -1, self.magic, crc) + checked


def batch_of(*values, **fields):
    """A batch of records without keys."""
    records = b"".join(record(number, value) for number, value in enumerate(values))
    return Batch(records, len(values), **fields)


def produce_body(topic, batch, partition=0, acks=-1, timeout_ms=10_000):
    return (struct.pack(">hhi", -1, acks, timeout_ms)
            + array([string(topic) + array([struct.pack(">i", partition) + data(batch)])]))


def fetch_body(topic, offset=0, partition=0, max_wait_ms=0, min_bytes=1, max_bytes=1 << 26):
    """The body of a fetch request, version 4."""
    return (struct.pack(">iiiib", -1, max_wait_ms, min_bytes, max_bytes, 0)
            + array([string(topic) + array([struct.pack(">iqi", partition, offset, max_bytes)])]))


# --- Reading

@dataclasses.dataclass
class StoredBatch:
    """A batch as the server has sent it."""
    bytes: bytes

    @property
    def base_offset(self):
        return struct.unpack_from(">q", self.bytes, 0)[0]

    @property
    def last_offset(self):
        return self.base_offset + struct.unpack_from(">i", self.bytes, 23)[0]

    @property
    def attributes(self):
        return struct.unpack_from(">h", self.bytes, 21)[0]

    @property
    def codec(self):
        return CODECS[self.attributes & 7]

    @property
    def has_log_append_time(self):
        return self.attributes & 8 != 0

    @property
    def producer_id(self):
        return struct.unpack_from(">q", self.bytes, 43)[0]

    @property
    def count(self):
        return struct.unpack_from(">i", self.bytes, 57)[0]

    @property
    def is_sound(self):
        return struct.unpack_from(">I", self.bytes, 17)[0] == crc32c(self.bytes[21:])


def split_batches(records):
    """Returns the complete batches; the last batch may be incomplete."""
    batches = []
    while len(records) >= BATCH_HEADER_SIZE:
        size = 12 + struct.unpack_from(">i", records, 8)[0]
        if size > len(records):
            break
        batches.append(StoredBatch(records[:size]))
        records = records[size:]
    return batches


class Connection:
    """One socket, and requests that wait for their answers."""

    def __init__(self, address, timeout_s=20):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), patience(timeout_s))
        self._correlation_id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, api_key, version, body, client_id="wire"):
        """Sends a request, and returns its correlation id. Only versions without flexible headers are used."""
        self._correlation_id += 1
        header = struct.pack(">hhi", api_key, version, self._correlation_id) + string(client_id)
        self.socket.sendall(data(header + body))
        return self._correlation_id

    def receive(self):
        """Returns the next answer as (correlation id, body). Raises ConnectionError when the server ends the
        connection."""
        frame = self._exactly(struct.unpack(">i", self._exactly(4))[0])
        return struct.unpack_from(">i", frame)[0], frame[4:]

    def ask(self, api_key, version, body, client_id="wire"):
        sent = self.send(api_key, version, body, client_id)
        answered, answer = self.receive()
        assert answered == sent, (answered, sent)
        return answer

    def is_ended(self):
        """Waits for the server to end the connection; what it still sends is dropped."""
        try:
            while self.socket.recv(1 << 16):
                pass
        except ConnectionError:
            pass
        except socket.timeout:
            return False
        return True

    def _exactly(self, size):
        got = b""
        while len(got) < size:
            more = self.socket.recv(size - len(got))
            if not more:
                raise ConnectionError("the server closed the connection")
            got += more
        return got

    # --- Whole requests

    def produce(self, topic, batch, partition=0, acks=-1):
        """Returns (error code, base offset)."""
        answer = self.ask(PRODUCE, 7, produce_body(topic, batch, partition, acks))
        _, error, offset = struct.unpack_from(">ihq", answer, 4 + 2 + len(topic) + 4)
        return error, offset

    def fetch(self, topic, offset=0, partition=0, **how):
        """Returns (error code, high watermark, records)."""
        answer = self.ask(FETCH, 4, fetch_body(topic, offset, partition, **how))
        at = 4 + 4 + 2 + len(topic) + 4
        _, error, high_watermark, _, aborted = struct.unpack_from(">ihqqi", answer, at)
        at += 26 + 16 * max(aborted, 0)
        size, = struct.unpack_from(">i", answer, at)
        return error, high_watermark, answer[at + 4:at + 4 + max(size, 0)]

    def batches(self, topic, partition=0):
        """Returns all stored records."""
        found, offset = [], 0
        while True:
            error, end, records = self.fetch(topic, offset, partition)
            assert error == 0, error
            more = split_batches(records)
            if not more:
                assert offset == end, (offset, end)
                return found
            found += more
            offset = more[-1].last_offset + 1

    def high_watermark(self, topic, partition=0):
        error, end, _ = self.fetch(topic, 0, partition)
        assert error == 0, error
        return end

    def create_topic(self, topic, partition_count=1, **configs):
        settings = array([string(name.replace("_", ".")) + string(value)
                          for name, value in configs.items()])
        body = array([string(topic) + struct.pack(">ih", partition_count, 1) + array([])
                      + settings])
        answer = self.ask(CREATE_TOPICS, 2, body + struct.pack(">ib", 10_000, 0))
        error, = struct.unpack_from(">h", answer, 4 + 4 + 2 + len(topic))
        assert error == 0, (topic, error)

    def delete_topic(self, topic):
        answer = self.ask(DELETE_TOPICS, 1, array([string(topic)]) + struct.pack(">i", 10_000))
        error, = struct.unpack_from(">h", answer, 4 + 4 + 2 + len(topic))
        assert error == 0, (topic, error)
