#!/usr/bin/python3
"""The disk space that retention and compaction leave in use, and their cost for producers.

    tests/bench/bench_cleanup.py [--records N] [--keys N] [--batch N] [--interval-ms N]          MILLRACE_BINARY

Small records are written, in batches of a few, to a topic with retention.bytes and to a compacted topic. The
benchmark compares the size of the file with the record batches that are left, and the producer's rate with its rate
into a topic that keeps everything.
"""
import argparse, os, struct, sys, tempfile, time

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from bench_common import Server, show

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'clients'))
from kafka_wire import Connection, FETCH, fetch_body, split_batches

VALUE_SIZE = 40


def create(address, topic, **config):
    new = NewTopic(topic, num_partitions=1, replication_factor=1,
                   config={name.replace('_', '.'): str(value) for name, value in config.items()})
    client = AdminClient({'bootstrap.servers': address})  # the futures complete only as long as the client exists
    client.create_topics([new])[topic].result()


def produce(address, topic, options, begin, end):
    """Produces records `begin` to `end`, and returns the seconds that this took."""
    producer = Producer({'bootstrap.servers': address, 'batch.num.messages': options.batch, 'linger.ms': 5,
                         'queue.buffering.max.messages': 100_000})
    begun = time.monotonic()
    for number in range(begin, end):
        key = f'k{number * 7919 % options.keys}'
        while True:
            try:
                producer.produce(topic, key=key, value=f'{number}'.ljust(VALUE_SIZE, '.'), partition=0)
                break
            except BufferError:
                producer.poll(0.01)
        if number % 100 == 0:
            producer.poll(0)
    producer.flush()
    return time.monotonic() - begun


def stored(address, topic):
    """The stored records of the topic: (bytes of batches, number of records)."""
    size = records = 0
    with Connection(address, 60) as connection:
        offset = earliest(connection, topic)
        while True:
            answer = connection.ask(FETCH, 4, fetch_body(topic, offset, max_bytes=8 << 20))
            end = struct.unpack_from('>q', answer, 4 + 4 + 2 + len(topic) + 4 + 4 + 2)[0]
            at = 4 + 4 + 2 + len(topic) + 4 + 4 + 2 + 8 + 8 + 4
            batches = split_batches(answer[at + 4:])
            if not batches or offset >= end:
                return size, records
            size += sum(len(batch.bytes) for batch in batches)
            records += sum(batch.count for batch in batches)
            offset = batches[-1].last_offset + 1


def earliest(connection, topic):
    name = struct.pack('>h', len(topic)) + topic.encode()
    body = struct.pack('>i', -1) + struct.pack('>i', 1) + name + struct.pack('>iiq', 1, 0, -2)
    return struct.unpack('>q', connection.ask(2, 1, body)[-8:])[0]


def file_bytes(folder):
    return os.stat(os.path.join(folder, 'log.mdb')).st_blocks * 512


def settle(address, topic, interval_s):
    """Waits until the topic no longer changes, and returns stored()."""
    last, same = None, 0
    while same < 3:
        now = stored(address, topic)
        same = same + 1 if now == last else 0
        last = now
        time.sleep(2 * interval_s)
    return last


def run(name, options, turns=1, **config):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder, '--log-retention-check-interval-ms', str(options.interval_ms), '--processing-log', 'off')
        try:
            create(server.kafka, 'b', **config)
            begun_cpu = server.cpu_seconds()
            seconds, each = 0, options.records // turns
            for turn in range(turns):
                seconds += produce(server.kafka, 'b', options, turn * each, (turn + 1) * each)
                if turns > 1:
                    time.sleep(4 * options.interval_ms / 1000)
            size, records = settle(server.kafka, 'b', options.interval_ms / 1000)
            peak = file_bytes(folder)
            cpu = server.cpu_seconds() - begun_cpu
        finally:
            server.stop()
    show(f'{name}: produced', f'{options.records / seconds:,.0f}', 'records/s', '')
    show('  server CPU for each million', f'{cpu * 1e6 / options.records:.2f}', 's', '')
    show(f'  file, of {records:,} records left', f'{peak / 1e6:.1f}', 'MB', 'under 2 times', f'{size / 1e6:.1f}, ratio {peak / size:.2f}',
         'their batches')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--records', type=int, default=1_000_000)
    parser.add_argument('--keys', type=int, default=100_000)
    parser.add_argument('--batch', type=int, default=50, help='records in each')
    parser.add_argument('--interval-ms', type=int, default=500, help='between two turns of the cleaner')
    options = parser.parse_args()
    kept = max(100_000, options.records * 20)  # about a fifth of all records
    run('everything is kept', options)
    run(f'retention.bytes={kept}', options, retention_bytes=kept)
    compact = {'cleanup_policy': 'compact', 'segment_ms': 1000}
    run('compacted, all at once', options, **compact)
    run('compacted, a twentieth of it at a time', options, 20, **compact)
    run('the same, min.cleanable.dirty.ratio 0.1', options, 20, min_cleanable_dirty_ratio='0.1', **compact)


if __name__ == '__main__':
    main()
