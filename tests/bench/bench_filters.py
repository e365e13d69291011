#!/usr/bin/python3
"""The cost of ten filters that follow one stream, relative to one filter: CPU time of the server until all is read and
committed, less that of loading the stream without them.

    tests/bench/bench_filters.py [--records N] [--rounds N]      MILLRACE_BINARY comes from the environment
"""
import argparse, json, random, tempfile, time

from bench_common import Server, show

FILTERS = 10


def orders(count):
    """Records of about 180 bytes, of ten kinds."""
    chance = random.Random(4711)
    for i in range(count):
        yield json.dumps({'at': i * 30, 'kind': chance.randrange(FILTERS), 'amount': chance.randint(1, 3000),
                          'origin': f'K{chance.randint(0, 9999):04}', 'destination': 'LAS', 'tail': f'N{i:07}',
                          'carrier': 'WN', 'note': 'x' * 60}) + '\n'


def wait_until_read(connection, count):
    while True:
        queries = [row for row in connection.execute('SHOW QUERIES').fetchall() if row[0].startswith('CSAS_')]
        if len(queries) == count and all(row[1] == 'RUNNING' and row[4] == 0 for row in queries):
            return
        time.sleep(0.05)


def cost(server, connection, statement, filters, lines):
    """CPU seconds of loading the lines while `filters` filters follow."""
    connection.execute('CREATE STREAM orders (at BIGINT, kind INT, amount INT, origin VARCHAR, destination VARCHAR, '
                       "tail VARCHAR, carrier VARCHAR, note VARCHAR) WITH (TIMESTAMP='at', PARTITIONS=1)")
    for i in range(filters):
        connection.execute(statement.format(i=i))
    before = server.cpu_seconds()
    with connection.cursor() as cursor, cursor.copy('COPY orders FROM STDIN (FORMAT json)') as copy:
        for block in lines:
            copy.write(block)
    wait_until_read(connection, filters)
    spent = server.cpu_seconds() - before
    for i in range(filters):
        connection.execute(f'DROP STREAM f{i} DELETE TOPIC')
    connection.execute('DROP STREAM orders DELETE TOPIC')
    return spent


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('--records', type=int, default=1_000_000)
    options.add_argument('--rounds', type=int, default=3)
    options = options.parse_args()
    shapes = {
        'each keeps a tenth': 'CREATE STREAM f{i} AS SELECT origin, amount, note FROM orders WHERE kind = {i}',
        'each keeps a hundredth': 'CREATE STREAM f{i} AS SELECT origin, amount, note FROM orders '
                                  'WHERE kind = {i} AND amount <= 300',
        'each keeps all': 'CREATE STREAM f{i} AS SELECT origin, amount, note FROM orders WHERE amount > {i} * 0',
    }
    lines = list(orders(options.records))
    blocks = [''.join(lines[i:i + 5000]) for i in range(0, len(lines), 5000)]
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        with server.connect() as connection:
            cost(server, connection, '', 0, blocks)  # the first call creates a file that the later calls reuse
            for name, statement in shapes.items():
                for _ in range(options.rounds):
                    none, one, ten = (cost(server, connection, statement, count, blocks) for count in (0, 1, FILTERS))
                    show(f'{FILTERS} filters beside one: {name}', f'{(ten - none) / (one - none):.2f}', 'times', 'aim 4',
                         f'{(one - none) / options.records * 1e6:.3f} us', 'one, for each record')
        server.stop()


if __name__ == '__main__':
    main()
