#!/usr/bin/python3
"""SELECTs over tables of a million rows, and look-ups of another client meanwhile.

    tests/bench/bench_selects.py [--rows N] [--peer DSN]          MILLRACE_BINARY

`--peer "host=127.0.0.1 port=5432 user=postgres"` asks a PostgreSQL the same, one statement at a time and without parallel
workers; it gets tables bench_t and bench_d, which are dropped at the end.
"""
import argparse, multiprocessing, random, tempfile, time

import psycopg

from bench_common import Server, percentile, show

GROUPS, DIMENSIONS = 1_000, 10_000
QUERIES = (
    ('filter and count', 'SELECT COUNT(*) FROM bench_t WHERE x < 10'),
    ('group by 1,000 groups', 'SELECT g, COUNT(*), SUM(x) FROM bench_t GROUP BY g'),
    ('join with 10,000 rows, 100 groups',
     'SELECT d.title, COUNT(*), SUM(t.x) FROM bench_t t JOIN bench_d d ON t.d = d.d GROUP BY d.title'),
    ('top 10', 'SELECT id, x, name FROM bench_t ORDER BY x DESC LIMIT 10'),
    ('distinct', 'SELECT DISTINCT g FROM bench_t'),
    ('all in order, the last 10', 'SELECT id, name FROM bench_t ORDER BY name, id OFFSET {last}'),
)


def fill(connection, rows):
    for name, lines in (('bench_t', [f'{i}\t{random.randrange(GROUPS)}\t{random.randrange(DIMENSIONS)}\t'
                                     f'{random.random() * 100}\tname{random.randrange(100_000)}\n' for i in range(rows)]),
                        ('bench_d', [f'{i}\ttitle{i % 100}\n' for i in range(DIMENSIONS)])):
        with connection.cursor().copy(f'COPY {name} FROM STDIN') as copy:
            for first in range(0, len(lines), 5_000):
                copy.write(''.join(lines[first:first + 5_000]))


def seconds_of(connection, query, times=4):
    """Returns the fastest of several runs."""
    found = []
    for _ in range(times):
        begun = time.monotonic()
        connection.execute(query).fetchall()
        found.append(time.monotonic() - begun)
    return min(found)


def look_up(server, rows, stops, answers):
    waited = []
    with server.connect() as connection:
        while not stops.is_set():
            begun = time.monotonic()
            connection.execute('SELECT x FROM bench_t WHERE id = %s', (random.randrange(rows),)).fetchall()
            waited.append(time.monotonic() - begun)
            time.sleep(0.003)
    answers.put(waited)


def look_ups_beside(server, connection, query, rows, seconds=5):
    stops, answers = multiprocessing.Event(), multiprocessing.Queue()
    process = multiprocessing.Process(target=look_up, args=(server, rows, stops, answers), daemon=True)
    process.start()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        connection.execute(query).fetchall()
    stops.set()
    waited = answers.get()
    process.join()
    return percentile(waited, 0.99)


def peer_of(dsn, rows):
    peer = psycopg.connect(dsn, autocommit=True)
    peer.execute('SET max_parallel_workers_per_gather = 0')
    peer.execute('DROP TABLE IF EXISTS bench_t, bench_d')
    peer.execute('CREATE TABLE bench_t (id INT PRIMARY KEY, g INT, d INT, x DOUBLE PRECISION, name TEXT)')
    peer.execute('CREATE TABLE bench_d (d INT PRIMARY KEY, title TEXT)')
    fill(peer, rows)
    peer.execute('ANALYZE bench_t, bench_d')
    return peer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rows', type=int, default=1_000_000)
    parser.add_argument('--peer', default='')
    options = parser.parse_args()
    peer = peer_of(options.peer, options.rows) if options.peer else None
    folder = tempfile.TemporaryDirectory()
    server = Server(folder.name)
    with server.connect() as connection:
        connection.execute('CREATE TABLE bench_t (id INT PRIMARY KEY, g INT, d INT, x DOUBLE, name VARCHAR) WITH (partitions=4)')
        connection.execute('CREATE TABLE bench_d (d INT PRIMARY KEY, title VARCHAR) WITH (partitions=4)')
        fill(connection, options.rows)
        for name, query in QUERIES:
            query = query.format(last=options.rows - 10)
            seconds = seconds_of(connection, query)
            beside = ''
            if peer:
                its = seconds_of(peer, query)
                beside = f'PostgreSQL {its * 1e3:.0f} ms, {seconds / its:.2f} times'
            show(name, f'{seconds * 1e3:.0f}', 'ms', beside)
            show('  look-ups meanwhile, p99', f'{look_ups_beside(server, connection, query, options.rows) * 1e3:.1f}', 'ms', '')
        show('memory afterwards, anonymous', f'{server.anonymous_mb():.0f}', 'MB', '')
    if peer:
        peer.execute('DROP TABLE bench_t, bench_d')
    server.stop()
    folder.cleanup()


if __name__ == '__main__':
    main()
