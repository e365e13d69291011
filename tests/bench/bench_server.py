#!/usr/bin/python3
"""The performance of a whole server, beside limits measured in the same run.

    tests/bench/bench_server.py [--records N]      MILLRACE_BINARY and the folder of bench_formats come from the environment

Rates are records per second of CPU time that the server process used (user and system), so a busy machine disturbs
them little; times are wall-clock, on an idle server.
"""
import argparse, json, os, random, re, subprocess, tempfile, threading, time

from bench_common import BINARY, Server, millions, percentile, show

FORMATS = os.path.join(os.path.dirname(BINARY), 'tests/bench/bench_formats')


def flights(count):
    """Records of about 180 bytes: a flight, its aircraft, and 10,000 origins."""
    chance = random.Random(4711)
    for i in range(count):
        yield json.dumps({'date': i * 30, 'delay': chance.randint(-30, 200), 'distance': chance.randint(100, 3000),
                          'origin': f'K{chance.randint(0, 9999):04}', 'destination': 'LAS', 'tail': f'N{i:07}',
                          'carrier': 'WN', 'note': 'x' * 50}) + '\n'


def wait_until_read(connection, query):
    while True:
        rows = connection.execute('SHOW QUERIES').fetchall()
        row = next(r for r in rows if r[0].startswith(query))
        if row[1] == 'RUNNING' and row[4] == 0 and int(row[6]) == 0:
            # A stage reports its lag after each step. If the lag is equal two times in a row, no step is left.
            time.sleep(0.3)
            if next(r for r in connection.execute('SHOW QUERIES').fetchall() if r[0] == row[0])[4] == 0:
                return
        time.sleep(0.05)


def rate(server, connection, statement, query, records):
    before = server.cpu_seconds()
    connection.execute(statement)
    wait_until_read(connection, query)
    return records / (server.cpu_seconds() - before)


def measure_rates(server, records):
    path = tempfile.mkstemp(suffix='.jsonl')[1]
    with open(path, 'w') as lines:
        lines.writelines(flights(records))
    size = os.path.getsize(path) / records
    bare = 0.0
    if os.path.exists(FORMATS):
        printed = subprocess.run([FORMATS, path, '0.5'], capture_output=True, text=True).stdout
        found = re.search(r'bare.*print\D+([\d.]+)', printed)
        bare = float(found.group(1)) * 1e6 if found else 0.0
    with server.connect() as connection:
        connection.execute('CREATE STREAM f (date BIGINT, delay INT, distance INT, origin VARCHAR, destination VARCHAR, '
                           "tail VARCHAR, carrier VARCHAR, note VARCHAR) WITH (TIMESTAMP='date')")
        before = server.cpu_seconds()
        with connection.cursor() as cursor, cursor.copy('COPY f FROM STDIN (FORMAT json)') as copy, open(path, 'rb') as lines:
            while block := lines.read(1 << 20):
                copy.write(block)
        show(f'COPY of {size:.0f}-byte JSON records', millions(records / (server.cpu_seconds() - before)), 'records/s', '')
        filtered = rate(server, connection, 'CREATE STREAM late AS SELECT origin, destination, delay, note FROM f WHERE delay > 60',
                        'CSAS_LATE', records)
        show('filter and projection, JSON to JSON', millions(filtered), 'records/s', '',
             f'{millions(bare)}, ratio {filtered / bare:.2f}' if bare else None, 'bare parse and print; aim 0.3, at least 0.15')
        connection.execute('CREATE STREAM keyed AS SELECT origin, delay FROM f PARTITION BY origin')
        wait_until_read(connection, 'CSAS_KEYED')
        counted = rate(server, connection, 'CREATE TABLE n AS SELECT origin, COUNT(*) AS n FROM keyed '
                       'WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY origin', 'CTAS_N_', records)
        show('count per key in a tumbling window, 10,000 keys', millions(counted), 'records/s', 'aim 1.5 M, at least 0.5 M')
        connection.execute('CREATE TABLE places (origin VARCHAR PRIMARY KEY, city VARCHAR)')
        with connection.cursor() as cursor, cursor.copy('COPY places FROM STDIN (FORMAT json)') as copy:
            for i in range(10_000):
                copy.write(json.dumps({'origin': f'K{i:04}', 'city': f'City {i}'}) + '\n')
        joined = rate(server, connection, 'CREATE STREAM placed AS SELECT k.origin AS origin, delay, city '
                      'FROM keyed k JOIN places p ON k.origin = p.origin', 'CSAS_PLACED', records)
        show('join of a stream with a table of 10,000 rows', millions(joined), 'records/s', '')
        regrouped = rate(server, connection, 'CREATE TABLE m AS SELECT origin, COUNT(*) AS n FROM f '
                         'WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY origin', 'CTAS_M_', records)
        show('the same from a stream without a key (repartitioned)', millions(regrouped), 'records/s', '')
        measure_joins(server, connection, records)
    os.unlink(path)


def measure_joins(server, connection, records):
    """Joins of two streams with one record per flight; the times are the same on both sides."""
    for side in 'departures', 'arrivals':
        connection.execute(f'CREATE STREAM {side} AS SELECT tail, delay, distance FROM f PARTITION BY tail')
        wait_until_read(connection, f'CSAS_{side.upper()}')
    met = rate(server, connection, 'CREATE STREAM met AS SELECT d.tail AS tail, d.delay AS late, a.distance AS far '
               'FROM departures d JOIN arrivals a WITHIN 1 HOUR ON d.tail = a.tail', 'CSAS_MET', 2 * records)
    show('join of two streams, each record meets one', millions(met), 'records/s', 'at least 0.3 M')
    connection.execute('DROP STREAM met')
    sessions = rate(server, connection, 'CREATE TABLE visits AS SELECT origin, COUNT(*) AS n FROM keyed '
                    'WINDOW SESSION (5 MINUTES, GRACE PERIOD 1 HOUR) GROUP BY origin', 'CTAS_VISITS', records)
    show('count per key in session windows, 10,000 keys', millions(sessions), 'records/s', 'at least 0.5 M')
    connection.execute('DROP TABLE visits')
    for side in 'departures', 'arrivals':
        connection.execute(f"CREATE TABLE {side}_now (tail VARCHAR PRIMARY KEY, delay INT, distance INT) "
                           f"WITH (KAFKA_TOPIC = '{side}')")
        # A table over a topic that no query writes has a task but no query.
        while sum(row[9] for row in connection.execute('SHOW TASKS').fetchall()
                  if row[0].startswith(f'CST_{side.upper()}_NOW')) < records:
            time.sleep(0.05)
    both = rate(server, connection, 'CREATE TABLE both_now AS SELECT d.tail AS tail, d.delay AS late, a.distance AS far '
                'FROM departures_now d JOIN arrivals_now a ON d.tail = a.tail', 'CTAS_BOTH', 2 * records)
    show('join of two tables, all keys new', millions(both), 'records/s', 'at least 0.4 M')


def measure_lookups(server):
    with server.connect() as connection:
        connection.execute('CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR)')
        connection.execute('INSERT INTO t VALUES ' + ', '.join(f"({i}, 'n{i}')" for i in range(10_000)))
    with server.connect() as connection:  # a session that wrote nothing
        connection.execute('SELECT * FROM t WHERE id = 1')
        times, idle = [], []
        for i in range(2000):
            begun = time.perf_counter()
            connection.execute('SELECT * FROM t WHERE id = %s' % (i * 7 % 10_000)).fetchall()
            times.append((time.perf_counter() - begun) * 1e6)
            begun = time.perf_counter()
            connection.execute('SELECT 1').fetchall()
            idle.append((time.perf_counter() - begun) * 1e6)
    median, floor = percentile(times, 0.5), percentile(idle, 0.5)
    show('point look-up, client to client, median', f'{median:.0f}', 'us', '', f'{floor:.0f} us', 'SELECT 1 over the same connection')
    show('  of which the look-up', f'{median - floor:.0f}', 'us', 'aim 50 inside the server')


def measure_latency(server):
    with server.connect() as writer, server.connect() as reader:
        writer.execute('CREATE STREAM l (id INT KEY, v VARCHAR)')
        seen = {}

        def follow():
            for row in reader.cursor().stream('SELECT id FROM l EMIT CHANGES LIMIT 300'):
                seen[row[0]] = time.perf_counter()
        thread = threading.Thread(target=follow)
        thread.start()
        time.sleep(0.5)
        acknowledged = {}
        for i in range(300):
            writer.execute(f"INSERT INTO l VALUES ({i}, 'x')")
            acknowledged[i] = time.perf_counter()
            time.sleep(0.005)
        thread.join(timeout=20)
    waits = [max(0.0, seen[i] - acknowledged[i]) * 1000 for i in acknowledged if i in seen]
    show('acknowledged INSERT to the row at a push query, p99', f'{percentile(waits, 0.99):.2f}', 'ms', 'aim 5 (idle system)')


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('--records', type=int, default=1_000_000)
    records = options.parse_args().records
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        show('start of an empty server to ready', f'{server.start_ms:.0f}', 'ms', 'aim 100')
        with server.connect() as connection:
            connection.execute('SELECT 1')
        show('idle anonymous memory', f'{server.anonymous_mb():.0f}', 'MB', 'aim 50')
        stripped = os.path.join(folder, 'stripped')
        subprocess.run(['strip', '-o', stripped, BINARY], check=True)
        show('stripped binary', f'{os.path.getsize(stripped) / 1e6:.1f}', 'MB', 'aim 50')
        measure_lookups(server)
        measure_latency(server)
        measure_rates(server, records)
        show('anonymous memory after all this', f'{server.anonymous_mb():.0f}', 'MB', '')
        server.stop()
        server = Server(folder)
        show('start with all of it to ready', f'{server.start_ms:.0f}', 'ms', '')
        server.stop()


if __name__ == '__main__':
    main()
