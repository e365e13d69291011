#!/usr/bin/python3
"""The time until a server is ready again, with much state and many queries.

    tests/bench/bench_restart.py [--keys N] [--value-size BYTES] [--queries N] [--memory-limit SIZE] [--folder F]
        MILLRACE_BINARY

A table keeps a value of each key; the keys arrive in another order than they are stored in. --queries other queries
exist and have read some records. Then the server is stopped, killed, and killed under load, and restarts each time:
the figures are the times until it is ready, and until the first look-up has its right answer. With 10 GB of state:
--keys 9500000 --queries 10000 --memory-limit 1GB.
"""
import argparse, random, signal, tempfile, threading, time

import psycopg

from bench_common import Server, show
from bench_server import wait_until_read


def key(number):
    """Keys that arrive at about the same time are spread over a range of the file. A checkpoint therefore changes many
    pages a little, but not all pages of the file."""
    block, place = divmod(number, 100_000)
    return f'{block * 100_000 + place * 7919 % 100_000:09}'


def value(number, version, size):
    return f'{version}-{number}-'.ljust(size, chr(97 + number % 26))


def fill(connection, numbers, version, size):
    with connection.cursor().copy('COPY s (k, v) FROM STDIN') as copy:
        lines = []
        for number in numbers:
            lines.append(f'{key(number)}\t{value(number, version, size)}\n')
            if len(lines) == 500:
                copy.write(''.join(lines))
                lines.clear()
        copy.write(''.join(lines))


def begin_again(folder, options, name, expected):
    begun = time.monotonic()
    server = Server(folder, '--memory-limit', options.memory_limit)
    with server.connect() as connection:
        number = random.randrange(options.keys)
        found = connection.execute('SELECT v FROM t WHERE k = %s', (key(number),)).fetchall()
        first = time.monotonic() - begun
        assert found and found[0][0] in expected(number), (number, found)
        begun = time.monotonic()
        for _ in range(200):
            number = random.randrange(options.keys)
            found = connection.execute('SELECT v FROM t WHERE k = %s', (key(number),)).fetchall()
            assert found and found[0][0] in expected(number), (number, found)
        others = (time.monotonic() - begun) / 200
    show(f'{name}: ready', f'{server.start_ms:.0f}', 'ms', 'under 500')
    show('  first right look-up, since the start', f'{first * 1e3:.0f}', 'ms', 'under 1,000')
    show('  one of 200 others', f'{others * 1e3:.1f}', 'ms', f'anonymous memory {server.anonymous_mb():.0f} MB')
    return server


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--keys', type=int, default=20_000)
    parser.add_argument('--value-size', type=int, default=1_000)
    parser.add_argument('--queries', type=int, default=50)
    parser.add_argument('--memory-limit', default='256MB')
    parser.add_argument('--folder')
    options = parser.parse_args()
    temporary = tempfile.TemporaryDirectory(dir=options.folder)
    folder = temporary.name

    server = Server(folder, '--memory-limit', options.memory_limit)
    with server.connect() as connection:
        connection.execute('CREATE STREAM source (id INT KEY, v INT) WITH (PARTITIONS = 1)')
        begun = time.monotonic()
        for number in range(options.queries // 2):
            connection.execute(f'CREATE STREAM f{number} AS SELECT id, v FROM source WHERE v > {number}')
            connection.execute(f'CREATE TABLE c{number} AS SELECT id, COUNT(*) AS n FROM source GROUP BY id')
        connection.execute('INSERT INTO source (id, v) VALUES (1, 7), (2, 9)')
        show('queries', f'{options.queries}', '', f'created in {time.monotonic() - begun:.0f} s')
        # The records are no longer needed after they were read: retention removes them, and the state stays.
        connection.execute("CREATE STREAM s (k VARCHAR KEY, v VARCHAR) WITH (value_format='kafka', partitions=4, "
                           "retention_ms=20000)")
        connection.execute('CREATE TABLE t AS SELECT k, LATEST_BY_OFFSET(v) AS v FROM s GROUP BY k')
        begun = time.monotonic()
        fill(connection, range(options.keys), 0, options.value_size)
        wait_until_read(connection, 'CTAS_T_')
        seconds = time.monotonic() - begun
        facts = {(row[0], row[1]): row[2] for row in connection.execute('SHOW SERVER').fetchall()}
        show('state.mdb', f'{int(facts["state", "bytes on disk"]) / 1e9:.2f}', 'GB',
             f'{options.keys / seconds:,.0f} keys/s, anonymous memory {server.anonymous_mb():.0f} MB')
    server.stop()
    server = begin_again(folder, options, 'stopped', lambda number: (value(number, 0, options.value_size),))
    server.process.kill()
    server.process.wait()
    server = begin_again(folder, options, 'killed', lambda number: (value(number, 0, options.value_size),))

    def load():
        try:
            with server.connect() as connection:
                for _ in range(1_000):
                    fill(connection, [random.randrange(options.keys) for _ in range(2_000)], 1, options.value_size)
        except psycopg.Error:
            pass

    loading = threading.Thread(target=load)
    loading.start()
    time.sleep(10 if options.keys > 1_000_000 else 1)
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    loading.join()
    server = begin_again(folder, options, 'killed under load',
                         lambda number: tuple(value(number, version, options.value_size) for version in (0, 1)))
    server.stop()
    temporary.cleanup()


if __name__ == '__main__':
    main()
