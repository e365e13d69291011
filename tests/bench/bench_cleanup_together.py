#!/usr/bin/python3
"""Ten million records through retention and compaction, with queries and consumers at work on both.

    tests/bench/bench_cleanup_together.py [--records N] [--rate N] [--keys N]          MILLRACE_BINARY

Half of the records go to a topic with retention.bytes, half to one that is compacted, at a steady rate. A table counts the first by key, a table
follows the second; a consumer group of two reads each. In the end the following must hold: the file is under twice the record batches that are left, each
record was counted once, the table and a new consumer have the newest value of each key, and no client has seen an error. A consumer
whose offset was deleted starts from the earliest record, as with Kafka.
"""
import argparse, collections, os, re, shutil, subprocess, sys, tempfile, threading, time

from confluent_kafka import Consumer, KafkaError, TopicPartition

from bench_cleanup import create, file_bytes, settle
from bench_common import Server, show

VALUE_SIZE, PAGE_SIZE = 120, 4096

# Record number n has the key k<n modulo keys>. So check() can compute the newest value of each key.
PRODUCER = '''
import sys, time
from confluent_kafka import Producer
address, topic, records, rate, keys, size = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
failed = []
producer = Producer({'bootstrap.servers': address, 'linger.ms': 20, 'enable.idempotence': True, 'queue.buffering.max.messages': 200000,
                     'error_cb': lambda error: failed.append(str(error))})
told = lambda error, message: error and failed.append(str(error))
begun, made = time.monotonic(), 0
while made < records:
    due = min(records, int((time.monotonic() - begun) * rate))
    while made < due:
        try:
            producer.produce(topic, key=f'k{made % keys}', value=str(made).ljust(size, '.'), partition=0, on_delivery=told)
            made += 1
        except BufferError:
            producer.poll(0.01)
    producer.poll(0.005)
producer.flush()
print(f'{time.monotonic() - begun:.1f}', *failed[:5], sep='\\n')
'''


class Member(threading.Thread):
    """A group member that counts the records it reads, and stores each error that its client reports."""

    def __init__(self, address, topic):
        super().__init__(daemon=True)
        self.errors, self.records, self.is_over = [], 0, False
        self.consumer = Consumer({'bootstrap.servers': address, 'group.id': f'of-{topic}', 'auto.offset.reset': 'earliest',
                                  'error_cb': lambda error: self.errors.append(str(error))})
        self.consumer.subscribe([topic])

    def run(self):
        while not self.is_over:
            for message in self.consumer.consume(1000, 0.5):
                if message.error():
                    self.errors.append(str(message.error()))
                else:
                    self.records += 1
        self.consumer.close()


class UsedBytes(threading.Thread):
    """The largest part of the file that was in use at one time."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.file, self.most = os.path.join(folder, 'log.mdb'), 0

    def run(self):
        while shutil.which('mdb_stat'):
            said = subprocess.run(['mdb_stat', '-n', '-e', '-f', self.file], capture_output=True, text=True).stdout
            found = [re.search(f'{name}: (\\d+)', said) for name in ('Number of pages used', 'Free pages')]
            if all(found):
                self.most = max(self.most, (int(found[0][1]) - int(found[1][1])) * PAGE_SIZE)
            time.sleep(0.5)


def newest_values(address, topic):
    """Returns the newest value of each key in a compacted topic, as a new consumer reads it, and the errors of this
    consumer."""
    consumer = Consumer({'bootstrap.servers': address, 'group.id': 'new', 'auto.offset.reset': 'earliest', 'enable.partition.eof': True})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found, errors = {}, []
    while True:
        for message in consumer.consume(1000, 5):
            if not message.error():
                if message.value() is not None:
                    found[message.key().decode()] = int(message.value().rstrip(b'.'))
            elif message.error().code() == KafkaError._PARTITION_EOF:
                consumer.close()
                return found, errors
            else:
                errors.append(str(message.error()))


def wait_for(what, seconds, holds):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            sys.exit(f'{what}: not within {seconds} s')
        time.sleep(1)


def check(name, holds, said=''):
    show(name, 'yes' if holds else 'NO', str(said), '')
    return bool(holds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--records', type=int, default=10_000_000)
    parser.add_argument('--rate', type=int, default=60_000, help='records a second, of both topics together')
    parser.add_argument('--keys', type=int, default=200_000)
    parser.add_argument('--interval-ms', type=int, default=500, help='between two turns of the cleaner')
    options = parser.parse_args()
    half, errors, good = options.records // 2, collections.Counter(), True
    kept_bytes = half * 50  # about a third of all records
    with tempfile.TemporaryDirectory(prefix='millrace-cleanup-') as folder:
        server = Server(folder, '--log-retention-check-interval-ms', str(options.interval_ms), '--processing-log', 'off')
        try:
            create(server.kafka, 'kept', retention_bytes=kept_bytes)
            create(server.kafka, 'latest', cleanup_policy='compact', segment_ms=1000, min_cleanable_dirty_ratio='0.1')
            with server.connect() as connection:
                connection.execute("CREATE STREAM kept (k VARCHAR KEY, v VARCHAR) WITH (kafka_topic='kept', value_format='KAFKA')")
                connection.execute("CREATE TABLE latest (k VARCHAR PRIMARY KEY, v VARCHAR) WITH (kafka_topic='latest', value_format='KAFKA')")
                connection.execute("CREATE TABLE counts WITH (kafka_topic='counts') AS SELECT k, COUNT(*) AS n FROM kept GROUP BY k")
                connection.execute("CREATE TABLE copies WITH (kafka_topic='copies') AS SELECT k, v FROM latest")
            topics = ['kept', 'latest', 'counts', 'copies']
            used = UsedBytes(folder)
            used.start()
            members = [Member(server.kafka, topic) for topic in ('kept', 'latest') for _ in range(2)]
            for member in members:
                member.start()
            cpu = server.cpu_seconds()
            producers = [subprocess.Popen([sys.executable, '-c', PRODUCER, server.kafka, topic, *map(str, (half, options.rate // 2, options.keys, VALUE_SIZE))],
                                          stdout=subprocess.PIPE, text=True) for topic in ('kept', 'latest')]
            said = [producer.communicate()[0].split('\n') for producer in producers]
            for took, *failures in said:
                errors.update(failure for failure in failures if failure)
            show('produced, both topics together', f'{options.records / max(float(took) for took, *_ in said):,.0f}', 'records/s', '')
            with server.connect() as connection:
                def one(statement):
                    return connection.execute(statement).fetchone()[0]
                wait_for('all records are counted', 300, lambda: int(one('SELECT SUM(n) FROM counts') or 0) >= half)
                good &= check('each record was counted once', int(one('SELECT SUM(n) FROM counts')) == half, f"{one('SELECT COUNT(*) FROM counts'):,} keys")
                wanted = {f'k{number % options.keys}': number for number in range(half - options.keys, half)}
                table = lambda: {key: int(value.rstrip('.')) for key, value in connection.execute('SELECT k, v FROM copies').fetchall()}
                wait_for('the table of the newest values', 300, lambda: table() == wanted)
                states = [row for row in connection.execute('SHOW QUERIES').fetchall() if 'RUNNING' not in str(row)]
                good &= check('all queries run', not states, states or '')
            left = {topic: settle(server.kafka, topic, options.interval_ms / 1000) for topic in topics}
            for topic, (size, records) in left.items():
                show(f'  left in {topic}', f'{size / 1e6:.1f}', 'MB', f'{records:,} records')
            newest, met = newest_values(server.kafka, 'latest')
            errors.update(met)
            good &= check('a new consumer has the newest value of each key', newest == wanted)
            for member in members:
                member.is_over = True
            for member in members:
                member.join()
                errors.update(member.errors)
            show('read by the groups', f'{sum(member.records for member in members):,}', 'records', f'of {options.records:,}')
            good &= check('no client has seen an error', not errors, dict(errors) or '')
            size, file = sum(size for size, _ in left.values()), file_bytes(folder)
            show('file', f'{file / 1e6:.1f}', 'MB', 'under 2 times', f'{size / 1e6:.1f}, ratio {file / size:.2f}', 'the batches that are left')
            if used.most:
                show('  of it in use at most, with journals', f'{used.most / 1e6:.1f}', 'MB', f'the file is {file / used.most:.2f} times that')
            show('server CPU for each million records', f'{(server.cpu_seconds() - cpu) * 1e6 / options.records:.2f}', 's', '')
        finally:
            server.stop()
    sys.exit(0 if good else 1)


if __name__ == '__main__':
    main()
