#!/usr/bin/python3
"""Windowed counts over a repartition, the source filled as producers fill it: without keys, in sticky batches.

    tests/bench/bench_exchange.py [--records N] [--partitions N] [--turns N]      MILLRACE_BINARY, with commas between several

Rates are records per second of CPU time that the server used, and of wall-clock time. Each turn makes one query, lets it read
all that is there, and drops it; several servers take turns with the same records.
"""
import argparse, os, tempfile, time

from confluent_kafka import Producer

import bench_common
from bench_common import Server, millions, show
from bench_server import flights, wait_until_read

COLUMNS = ('date BIGINT, delay INT, distance INT, origin VARCHAR, destination VARCHAR, tail VARCHAR, '
           'carrier VARCHAR, note VARCHAR')
# Name, and what comes between FROM and EMIT.
QUERIES = [('windowed count, repartitioned', 'SELECT origin, COUNT(*) AS n FROM f WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY origin'),
           ('count without windows, repartitioned', 'SELECT origin, COUNT(*) AS n FROM f GROUP BY origin')]


class Measured:
    def __init__(self, binary, folder, options):
        bench_common.BINARY = binary
        self.name = os.path.basename(binary)
        self.server = Server(folder)
        self.connection = self.server.connect()
        self.rates = {}
        self.connection.execute(f"CREATE STREAM f ({COLUMNS}) WITH (kafka_topic='f', partitions={options.partitions}, "
                                "value_format='JSON', timestamp='date')")
        producer = Producer({'bootstrap.servers': self.server.kafka, 'linger.ms': 5, 'queue.buffering.max.messages': 2_000_000,
                             'queue.buffering.max.kbytes': 1_000_000})
        for i, line in enumerate(flights(options.records)):
            producer.produce('f', line.rstrip('\n').encode())
            if i % 100_000 == 0:
                producer.flush()
        producer.flush()

    def turn(self, name, query, records):
        cpu, begun = self.server.cpu_seconds(), time.monotonic()
        self.connection.execute(f'CREATE TABLE m AS {query}')
        wait_until_read(self.connection, 'CTAS_M_')
        self.rates.setdefault(name, []).append((records / (self.server.cpu_seconds() - cpu),
                                                records / max(0.1, time.monotonic() - begun - 0.3)))
        counted = sum(row[0] for row in self.connection.execute('SELECT n FROM m').fetchall())
        assert counted == records, f'{counted} of {records} records were counted'
        self.connection.execute('DROP TABLE m DELETE TOPIC')


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
            for name, query in QUERIES:
                for server in servers:
                    server.turn(name, query, options.records)
    finally:
        for server in servers:
            server.connection.close()
            server.server.stop()
    for name, _ in QUERIES:
        for server in servers:
            cpu, wall = (sorted(rates)[len(rates) // 2] for rates in zip(*server.rates[name]))
            show(name, millions(cpu), 'records/s of CPU', f'{millions(wall)}/s on the clock   {server.name}')


if __name__ == '__main__':
    main()
