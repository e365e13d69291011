#!/usr/bin/python3
"""The cost of a record that arrives alone: a few records a second, each a produce request of its own.

    tests/bench/bench_low_rates.py [--rate N] [--seconds N] [PART...]      MILLRACE_BINARY selects the program

Parts: stream (a filter over the produced records), table (a count by key), inserts (one row each, from one
connection). A producer sends at a steady rate with acks=all, and a consumer follows the topic that the query writes.
CPU is the server's user and system time per record that has come out; latencies are from produce() to the consumer,
on one clock.
"""
import argparse, json, subprocess, sys, tempfile, threading, time

from bench_common import Server, percentile, show

PRODUCER = '''
import sys, time
from confluent_kafka import Producer
address, topic, rate, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
producer = Producer({'bootstrap.servers': address, 'linger.ms': 0, 'batch.num.messages': 1, 'acks': 'all',
                     'socket.nagle.disable': True})
# librdkafka may take a second to find the leaders of a topic that it does not know yet.
for partition in range(int(sys.argv[5])):
    producer.produce(topic, partition=partition, key='first', value='{"SENT_US": 0}')
producer.flush()
begun = time.monotonic()
for made in range(int(rate * seconds)):
    while (left := begun + made / rate - time.monotonic()) > 0:
        time.sleep(left)
    producer.produce(topic, key=str(made % 100), value='{"SENT_US": %d}' % (time.monotonic_ns() // 1000))
    producer.poll(0)
producer.flush()
'''

QUERIES = {
    'stream': 'CREATE STREAM {out} AS SELECT k, sent_us FROM {source} WHERE sent_us > 0 EMIT CHANGES',
    'table': 'CREATE TABLE {out} AS SELECT k, COUNT(*) AS n, LATEST_BY_OFFSET(sent_us) AS sent_us FROM {source} GROUP BY k',
}
PARTITIONS = 4


def log_commits(connection):
    return next(int(value) for section, name, value in connection.execute('SHOW SERVER').fetchall() if (section, name) == ('log', 'commits'))


class Follower:
    """Reads all of a topic in its own thread."""

    def __init__(self, address, topic):
        from confluent_kafka import OFFSET_END, Consumer, TopicPartition
        self.consumer = Consumer({'bootstrap.servers': address, 'group.id': 'unused', 'enable.auto.commit': False,
                                  'socket.nagle.disable': True})
        self.consumer.assign([TopicPartition(topic, i, OFFSET_END) for i in range(PARTITIONS)])
        self.waits_ms, self.is_over = [], False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.is_over:
            message = self.consumer.poll(0.2)
            now_ms = time.monotonic_ns() / 1e6
            sent_us = json.loads(message.value())['SENT_US'] if message and not message.error() else 0
            if sent_us:
                self.waits_ms.append(now_ms - sent_us / 1e3)

    def end(self):
        self.is_over = True
        self.thread.join()
        self.consumer.close()
        return self.waits_ms


def measure_query(server, part, rate, seconds):
    source, out = f'source_{part}', f'out_{part}'
    with server.connect() as connection:
        connection.execute(f"CREATE STREAM {source} (k VARCHAR KEY, sent_us BIGINT) WITH (kafka_topic='{source}', partitions={PARTITIONS})")
        connection.execute(QUERIES[part].format(source=source, out=out))
        follower = Follower(server.kafka, out)

        def produce(for_seconds):
            subprocess.run([sys.executable, '-c', PRODUCER, server.kafka, source, str(rate), str(for_seconds), str(PARTITIONS)], check=True)
        produce(1)  # warms up
        end = time.monotonic() + 10  # on a busy machine some records arrive late; they must not be counted below
        while len(follower.waits_ms) < rate and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(0.5)
        follower.waits_ms.clear()
        cpu, commits = server.cpu_seconds(), log_commits(connection)
        produce(seconds)
        time.sleep(0.1)
        cpu, commits = server.cpu_seconds() - cpu, log_commits(connection) - commits
        waits = follower.end()
    sent = int(rate * seconds)
    if len(waits) != sent:
        sys.exit(f'{len(waits)} records of {sent} came out')
    show(f'{part}: {rate:,} records/s, server CPU', f'{cpu / sent * 1000:.3f}', 'ms/record', 'aim 0.15')
    show('  commits of the log', f'{commits / sent:.2f}', 'a record', '')
    show('  to a consumer of its topic, p50', f'{percentile(waits, 0.5):.2f}', 'ms', '')
    show('  to a consumer of its topic, p99', f'{percentile(waits, 0.99):.2f}', 'ms', 'aim 4')


def measure_inserts(server, seconds):
    for what, columns in ('stream', 'id INT KEY, v VARCHAR'), ('keyed table', 'id INT PRIMARY KEY, v VARCHAR'):
        with server.connect() as connection:
            name = f'inserted_{what.split()[-1]}'
            connection.execute(f'CREATE {name.split("_")[1]} {name} ({columns})')
            for i in range(200):
                connection.execute(f"INSERT INTO {name} VALUES ({i}, 'x')")
            cpu, commits, begun, count, times = server.cpu_seconds(), log_commits(connection), time.perf_counter(), 0, []
            while time.perf_counter() - begun < seconds:
                before = time.perf_counter()
                connection.execute(f"INSERT INTO {name} VALUES ({count % 1000}, 'x')")
                times.append((time.perf_counter() - before) * 1000)
                count += 1
            cpu, commits = server.cpu_seconds() - cpu, log_commits(connection) - commits
        show(f'INSERTs of a row into a {what}, one connection', f'{count / seconds:,.0f}', 'a second', '')
        show('  server CPU', f'{cpu / count * 1e6:.0f}', 'us each', '')
        show('  commits of the log', f'{commits / count:.2f}', 'each', '')
        show('  client to client, p50 and p99', f'{percentile(times, 0.5):.2f}', 'ms', f'{percentile(times, 0.99):.2f} ms')


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('--rate', type=int, default=1000)
    options.add_argument('--seconds', type=float, default=10)
    options.add_argument('parts', nargs='*', default=['stream', 'table', 'inserts'])
    asked = options.parse_args()
    for part in asked.parts:
        with tempfile.TemporaryDirectory() as folder:
            server = Server(folder)
            try:
                measure_inserts(server, asked.seconds) if part == 'inserts' else measure_query(server, part, asked.rate, asked.seconds)
            finally:
                server.stop()


if __name__ == '__main__':
    main()
