#!/usr/bin/python3
"""Nexmark (tests/bench/nexmark.py): events a second and core of each query, beside published ones; or whether the answers are right.

    tests/bench/bench_nexmark.py [--events N] [--check] [q0 q7 ...]      MILLRACE_BINARY comes from the environment

Rates are of all events, persons and auctions and bids, per second of CPU time that the server process used (user and
system) from the statement until all is read and committed. `--check` compares the rows with those that Python makes of the same events.
"""
import argparse, collections, json, subprocess, sys, tempfile, time

from bench_common import BINARY, Server, show
from nexmark import QUERIES, SCHEMA, SIDE

PATIENCE_S = 300


def read_events(count, seed):
    events = collections.defaultdict(list)
    printed = subprocess.run([BINARY, 'bench', 'nexmark', '--print', '--events', str(count), '--seed', str(seed)],
                             capture_output=True, check=True, text=True).stdout
    for line in printed.splitlines():
        topic, value = line.split('\t')
        events[topic.removeprefix('nexmark-')].append(json.loads(value))
    return events


def prepare(server, count, seed):
    subprocess.run([BINARY, 'bench', 'nexmark', '-b', server.kafka, '--partitions', '1', '--events', str(count),
                    '--seed', str(seed), '--json'], check=True, stdout=subprocess.DEVNULL)
    with server.connect() as connection:
        for statement in SCHEMA:
            connection.execute(statement)
        with connection.cursor() as cursor, cursor.copy('COPY side FROM STDIN') as copy:
            for key in range(SIDE):
                copy.write_row((key, f'v{key}'))
        settle(connection)


def settle(connection):
    """Waits until every query, including those of declared tables, has read all existing records."""
    end, quiet = time.monotonic() + PATIENCE_S, 0
    while quiet < 3:
        if time.monotonic() > end:
            sys.exit('the queries do not catch up')
        rows = connection.execute('SHOW QUERIES EXTENDED').fetchall()
        quiet = quiet + 1 if all(row[1] == 'RUNNING' and row[4] == 0 for row in rows) else 0
        time.sleep(0.05)


def rows_of(connection, name, query):
    return connection.execute(query.answer or f'SELECT * FROM {name}').fetchall()


def plain(value):
    return round(float(value), 3) if not isinstance(value, (str, int, type(None))) else value


def is_close(mine, theirs):
    """Counts of distinct values may differ by some percent. A mean exactly between two thousandths may be rounded up or
    down."""
    if isinstance(mine, float) and isinstance(theirs, float):
        return abs(mine - theirs) < 0.0015
    return mine == theirs or (isinstance(mine, int) and isinstance(theirs, int) and theirs > 512 and
                              abs(mine - theirs) <= theirs * 0.03)


def compare(name, found, expected):
    found, expected = (sorted(tuple(plain(v) for v in row) for row in rows) for rows in (found, expected))
    if len(found) != len(expected):
        return f'{len(found)} rows in place of {len(expected)}: {found[:2]} and {expected[:2]}'
    for mine, theirs in zip(found, expected):
        if len(mine) != len(theirs) or not all(is_close(a, b) for a, b in zip(mine, theirs)):
            return f'{mine} in place of {theirs}'
    return None


def drop(connection, query):
    for statement in reversed(query.statements):
        kind, name = statement.split()[1:3]
        connection.execute(f'DROP {kind} {name} DELETE TOPIC')


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('--events', type=int, default=1_000_000)
    options.add_argument('--seed', type=int, default=1)
    options.add_argument('--check', action='store_true')
    options.add_argument('queries', nargs='*')
    asked = options.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        prepare(server, asked.events, asked.seed)
        events = read_events(asked.events, asked.seed) if asked.check else None
        with server.connect() as connection:
            for name in asked.queries or QUERIES:
                query = QUERIES[name]
                before = server.cpu_seconds()
                for statement in query.statements:
                    connection.execute(statement)
                settle(connection)
                rate = asked.events / (server.cpu_seconds() - before)
                if asked.check:
                    wrong = compare(name, rows_of(connection, query.sink, query), query.expect(events))
                    failed += wrong is not None
                    print(f'{name}: {"wrong: " + wrong if wrong else "right"}', flush=True)
                else:
                    published = f'{query.published / 1000:.0f} k' if query.published else ''
                    ratio = f'{rate / query.published:.1f} times' if query.published else ''
                    show(name, f'{rate / 1000:.0f} k', 'events/s', ratio, published or None, 'Flink 2')
                drop(connection, query)
        server.stop()
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
