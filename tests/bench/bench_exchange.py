#!/usr/bin/python3
"""Counts and joins over a repartition, the source filled as producers fill it: without keys, in sticky batches.

    tests/bench/bench_exchange.py [--records N] [--partitions N] [--turns N]      MILLRACE_BINARY, with commas between several

Rates are records per second of CPU time that the server used, and of wall-clock time. Each turn makes one query, lets it read
all records, and drops it; several servers take turns with the same records. Then single records go through the join, one
after the other, and are awaited.
"""
import argparse, os, tempfile, threading, time

from confluent_kafka import Consumer, Producer, TopicPartition

import bench_common
from bench_common import Server, millions, percentile, show
from bench_server import flights, wait_until_read

COLUMNS = ('date BIGINT, delay INT, distance INT, origin VARCHAR, destination VARCHAR, tail VARCHAR, '
           'carrier VARCHAR, note VARCHAR')
# The rows of `places` are older than all records of `f`, so the join, which goes by event time,
# finds a row for each record.
JOIN = 'SELECT f.origin AS origin, delay, city FROM f JOIN places p ON f.origin = p.origin'
QUERIES = [('windowed count, repartitioned', 'TABLE',
            'SELECT origin, COUNT(*) AS n FROM f WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY origin'),
           ('count without windows, repartitioned', 'TABLE', 'SELECT origin, COUNT(*) AS n FROM f GROUP BY origin'),
           ('join with a table of 10,000 rows, repartitioned', 'STREAM', JOIN),
           ('windowed count of what that join gives', 'TABLE', 'SELECT city, COUNT(*) AS n FROM f JOIN places p '
            'ON f.origin = p.origin WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY city')]


class Measured:
    def __init__(self, binary, folder, options):
        self.name = os.path.basename(binary)
        self.server = Server(folder, binary=binary)
        self.connection = self.server.connect()
        self.rates, self.times = {}, []
        self.connection.execute(f"CREATE STREAM f ({COLUMNS}) WITH (kafka_topic='f', partitions={options.partitions}, "
                                "value_format='JSON', timestamp='date')")
        self.connection.execute("CREATE TABLE places (origin VARCHAR PRIMARY KEY, city VARCHAR, since BIGINT) WITH "
                                f"(kafka_topic='places', partitions={options.partitions}, value_format='JSON', "
                                "timestamp='since')")
        with self.connection.cursor() as cursor, cursor.copy('COPY places FROM STDIN') as copy:
            for i in range(10_000):
                copy.write_row((f'K{i:04}', f'City {i}', 0))
        producer = Producer({'bootstrap.servers': self.server.kafka, 'linger.ms': 5, 'queue.buffering.max.messages': 2_000_000,
                             'queue.buffering.max.kbytes': 1_000_000})
        for i, line in enumerate(flights(options.records)):
            producer.produce('f', line.rstrip('\n').encode())
            if i % 100_000 == 0:
                producer.flush()
        producer.flush()

    def turn(self, name, kind, query, records):
        cpu, begun = self.server.cpu_seconds(), time.monotonic()
        self.connection.execute(f'CREATE {kind} m AS {query}')
        wait_until_read(self.connection, f'C{kind[0]}AS_M_')
        self.rates.setdefault(name, []).append((records / (self.server.cpu_seconds() - cpu),
                                                records / max(0.1, time.monotonic() - begun - 0.3)))
        counted = self.written('m') if kind == 'STREAM' else sum(
            row[0] for row in self.connection.execute('SELECT n FROM m').fetchall())
        assert counted == records, f'{counted} of {records} records were counted'
        self.connection.execute(f'DROP {kind} m DELETE TOPIC')

    def written(self, topic):
        consumer = Consumer({'bootstrap.servers': self.server.kafka, 'group.id': 'none'})
        partitions = consumer.list_topics(topic).topics[topic].partitions
        return sum(consumer.get_watermark_offsets(TopicPartition(topic, each))[1] for each in partitions)

    def latencies(self, count):
        """Latencies of single records, from their INSERT to the row of a push query over the join; ms."""
        self.connection.execute(f'CREATE STREAM m AS {JOIN}')
        wait_until_read(self.connection, 'CSAS_M_')
        seen = {}
        follows = threading.Event()

        def follow():
            with self.server.connect() as reader:
                for row in reader.cursor().stream(f'SELECT delay FROM m EMIT CHANGES LIMIT {count + 1}'):
                    seen[row[0]] = time.perf_counter()
                    follows.set()

        thread = threading.Thread(target=follow)
        thread.start()
        times, number = [], 1_000_000
        while not follows.wait(0.2):  # until the query has started
            self.connection.execute(f"INSERT INTO f (date, delay, origin) VALUES (100000000, {number}, 'K0001')")
        for i in range(1, count + 1):
            begun = time.perf_counter()
            self.connection.execute(f"INSERT INTO f (date, delay, origin) VALUES (100000000, {number + i}, 'K{i:04}')")
            end = begun + 10
            while number + i not in seen and time.perf_counter() < end and thread.is_alive():
                time.sleep(0.0002)
            if number + i in seen:
                times.append((seen[number + i] - begun) * 1000)
        thread.join(timeout=20)
        self.connection.execute('DROP STREAM m DELETE TOPIC')
        return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--records', type=int, default=1_000_000)
    parser.add_argument('--partitions', type=int, default=4)
    parser.add_argument('--turns', type=int, default=3)
    options = parser.parse_args()
    servers = []
    for binary in bench_common.BINARY.split(','):
        servers.append(Measured(binary, tempfile.TemporaryDirectory().name, options))
    try:
        for _ in range(options.turns):
            for name, kind, query in QUERIES:
                for server in servers:
                    server.turn(name, kind, query, options.records)
        for _ in range(options.turns):
            for server in servers:
                server.times += server.latencies(100)
    finally:
        for server in servers:
            server.connection.close()
            server.server.stop()
    for name, _, _ in QUERIES:
        for server in servers:
            cpu, wall = (sorted(rates)[len(rates) // 2] for rates in zip(*server.rates[name]))
            show(name, millions(cpu), 'records/s of CPU', f'{millions(wall)}/s on the clock   {server.name}')
    for server in servers:
        show('a single record through that join, median and p99', f'{percentile(server.times, 0.5):.1f}', 'ms',
             f'{percentile(server.times, 0.99):.1f} ms   {server.name}')


if __name__ == '__main__':
    main()
