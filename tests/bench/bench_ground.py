#!/usr/bin/python3
"""Basic load: many idle queries, skewed partitions, and clients that misbehave.

    tests/bench/bench_ground.py [--queries N] [--scale S] [--only queries|skew|worst] [--offender WORD]

Each section prints lines as the other benchmarks do; the last line is all figures as JSON. --scale makes the
offenders' work smaller (1: as named). MILLRACE_BINARY selects the program, so that an older version can be compared.
"""
import argparse
import contextlib
import json
import multiprocessing
import os
import signal
import struct
import sys
import tempfile
import threading
import time

from bench_common import Server, percentile, show

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'clients'))
import kafka_wire

figures = {}


def figure(key, label, value, unit, goal=''):
    figures[key] = value
    show(label, f'{value:,.2f}' if isinstance(value, float) else f'{value:,}', unit, goal)


def resident_mb(server):
    with open(f'/proc/{server.process.pid}/status') as status:
        return next(int(line.split()[1]) for line in status if line.startswith('VmRSS')) / 1024


@contextlib.contextmanager
def fresh_server():
    with tempfile.TemporaryDirectory(prefix='millrace-ground-') as folder:
        server = Server(folder)
        try:
            yield server
        finally:
            stop(server)


def stop(server):
    server.process.send_signal(signal.SIGTERM)
    try:
        server.process.wait(timeout=120)
    except Exception:
        server.process.kill()


# --- Idle queries

def measure_queries(count):
    with tempfile.TemporaryDirectory(prefix='millrace-ground-') as folder:
        server = Server(folder)
        edge = min(1000, max(1, count // 10))
        with server.connect() as connection:
            connection.execute('CREATE STREAM source (id INT KEY, v INT) WITH (PARTITIONS = 1)')
            times = [time.monotonic()]
            for number in range(count):
                # Half of them keep state.
                if number % 2 == 0:
                    connection.execute(f'CREATE STREAM q{number} AS SELECT id, v FROM source WHERE v > {number}')
                else:
                    connection.execute(f'CREATE TABLE q{number} AS SELECT id, COUNT(*) AS n FROM source GROUP BY id')
                times.append(time.monotonic())
        first, last = times[edge] - times[0], times[-1] - times[-1 - edge]
        figure('queries', 'idle queries', count, 'queries')
        figure('create_first_s', f'creating the first {edge:,}', first, 's')
        figure('create_last_s', f'creating the last {edge:,}', last, 's', f'{last / first:.2f} times the first; at most 1.5')
        figure('create_all_s', 'creating all', times[-1] - times[0], 's')
        time.sleep(2 if count >= 1000 else 0.2)
        figure('idle_resident_mb', 'resident memory', resident_mb(server), 'MB', 'at most 1,000 with 10,000')
        figure('idle_anonymous_mb', '  of which anonymous', server.anonymous_mb(), 'MB')
        before, seconds = server.cpu_seconds(), 5 if count >= 1000 else 1
        time.sleep(seconds)
        figure('idle_cpu_percent', 'CPU while idle', (server.cpu_seconds() - before) / seconds * 100, '% of a core', 'at most 1')
        stop(server)
        begun = time.monotonic()
        server = Server(folder)
        figure('restart_ms', 'restart to ready', server.start_ms, 'ms', 'at most 2,000')
        with server.connect() as connection:
            # All queries read `source`. The measurement ends when the table that was created last has processed this
            # new record.
            connection.execute(f'INSERT INTO source VALUES (1, {count + 1})')
            last_table = count - 1 if count % 2 == 0 else count - 2
            while not connection.execute(f'SELECT n FROM q{last_table} WHERE id = 1').fetchall():
                time.sleep(0.01)
        figure('restart_to_answer_ms', 'restart to an answer of the last table', (time.monotonic() - begun) * 1000, 'ms')
        stop(server)


# --- Skewed partitions

def record_batches(records, per_batch=200):
    """Encodes (timestamp, value) pairs as record batches."""
    for begin in range(0, len(records), per_batch):
        part = records[begin:begin + per_batch]
        base = part[0][0]
        encoded = b''.join(kafka_wire.record(i, value, timestamp_delta=timestamp - base)
                           for i, (timestamp, value) in enumerate(part))
        yield kafka_wire.Batch(encoded, len(part), base_timestamp=base, max_timestamp=max(t for t, _ in part),
                               crc=None).encode()


def run_skewed(partitions, records, skewed):
    """CPU seconds of a windowed count over merged partitions."""
    begin, each = 1_700_000_000_000, records // partitions
    with fresh_server() as server, kafka_wire.Connection(server.kafka, 60) as kafka, server.connect() as connection:
        connection.execute(f'CREATE STREAM s (v INT) WITH (PARTITIONS = {partitions})')
        for partition in range(partitions):
            # If the times are skewed, each partition begins at the time at which the previous partition ends.
            first = begin + (partition * each if skewed else 0)
            step = 1 if skewed else partitions
            rows = [(first + i * step, b'{"V":%d}' % (i % 10)) for i in range(each)]
            for batch in record_batches(rows):
                error, _ = kafka.produce('s', batch, partition)
                assert error == 0, error
        cpu, begun = server.cpu_seconds(), time.monotonic()
        connection.execute('CREATE TABLE counts AS SELECT v, COUNT(*) AS n FROM s '
                           'WINDOW TUMBLING (SIZE 1 DAY, GRACE PERIOD 30 DAYS) GROUP BY v')
        expected = each * partitions
        while time.monotonic() - begun < 300:
            counted = sum(row[0] for row in connection.execute('SELECT n FROM counts').fetchall())
            if counted == expected:
                return server.cpu_seconds() - cpu, time.monotonic() - begun
            time.sleep(0.02)
        raise SystemExit(f'only {counted} of {expected} records were counted')


def measure_skew(partitions, records):
    aligned, aligned_wall = run_skewed(partitions, records, False)
    skewed, skewed_wall = run_skewed(partitions, records, True)
    figure('aligned_cpu_s', f'{partitions} partitions aligned in time, {records:,} records', aligned, 's of CPU')
    figure('skewed_cpu_s', '  the same skewed', skewed, 's of CPU', f'{skewed / aligned:.1f} times; at most 2')
    figure('aligned_wall_s', '  aligned, by the clock', aligned_wall, 's')
    figure('skewed_wall_s', '  skewed, by the clock', skewed_wall, 's')


# --- Clients with expensive requests

def observe(pg_port, kafka_address, stop_event, results):
    """A client with small requests, in a process of its own: 250 look-ups by key per second, and 125 produces of one
    record."""
    import psycopg
    lookups, produces = [], []

    def every(seconds, act, times):
        """Calls `act` every `seconds`, and appends its times in ms. A time begins when the call was due, so that it
        includes the wait for calls before it."""
        due = time.perf_counter()
        while not stop_event.is_set():
            act()
            times.append((time.perf_counter() - due) * 1000)
            due += seconds
            time.sleep(max(0, due - time.perf_counter()))

    def look_up():
        with psycopg.connect(host='127.0.0.1', port=pg_port, user='neighbour', autocommit=True) as connection:
            every(0.004, lambda: connection.execute('SELECT v FROM small WHERE id = 7').fetchall(), lookups)

    def produce():
        batch = kafka_wire.batch_of(b'{"V":1}').encode()

        def send():
            error, _ = kafka.produce('neighbour', batch)
            assert error == 0, error
        with kafka_wire.Connection(kafka_address, 60) as kafka:
            every(0.008, send, produces)

    threads = [threading.Thread(target=look_up), threading.Thread(target=produce)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((lookups, produces))


class Offences:
    """Requests with which one client can hurt the others. prepare_X is not measured, X is."""

    def __init__(self, server, scale):
        self.server, self.scale = server, scale
        self.connection = server.connect()

    def size(self, full):
        return max(1, int(full * self.scale))

    def ask(self, statement):
        """Returns the result, or the first line of the error with which the server refuses the statement."""
        try:
            return self.connection.execute(statement)
        except Exception as refusal:
            if self.connection.closed:
                self.connection = self.server.connect()
            return str(refusal).splitlines()[0]

    def linger(self, seconds):
        """Prolongs the measurement, since work that the server does after its answer hurts the other clients, too."""
        time.sleep(max(0.2, seconds * self.scale))

    def nothing(self):
        self.linger(2)

    def a_statement_of_4_mb(self):
        rows = ', '.join(f"({i}, 'a value')" for i in range(self.size(180_000)))
        self.ask('INSERT INTO worst VALUES ' + rows)

    def values_in_a_list(self):
        self.ask('SELECT * FROM small WHERE id IN (' + ', '.join(map(str, range(self.size(20_000)))) + ')')

    def statements_in_a_message(self):
        self.ask('SELECT 1;' * self.size(100_000))

    def prepare_scan(self):
        with self.connection.cursor() as cursor, cursor.copy('COPY big FROM STDIN (FORMAT json)') as copy:
            count = self.size(5_000_000)
            for begin in range(0, count, 10_000):
                copy.write(''.join(f'{{"ID":{i},"V":"v{i}"}}\n' for i in range(begin, min(begin + 10_000, count))))
        self.connection.execute("SELECT v FROM big WHERE id = 1")

    def scan(self):
        # A scan takes half a second. During this time the client makes only a few look-ups, so a single slow one would
        # decide the result.
        for _ in range(10):
            self.ask("SELECT * FROM big WHERE v = 'nothing'")

    def function_that_grows(self):
        inner = "LPAD('',100,'a')"
        for _ in range(4 if self.scale == 1 else 1):
            inner = f"REPLACE({inner},'a',LPAD('',1000,'a'))"
        self.ask(f'SELECT LEN({inner})')

    def prepare_record_that_becomes_many(self):
        self.connection.execute('CREATE STREAM many AS SELECT EXPLODE(GENERATE_SERIES(1, n)) AS i FROM worst_series')

    def record_that_becomes_many(self):
        self.ask(f'INSERT INTO worst_series VALUES ({self.size(1_000_000)})')
        self.linger(5)

    def prepare_hopping_windows(self):
        self.connection.execute('CREATE TABLE hopping AS SELECT n, COUNT(*) AS c FROM worst_series '
                                'WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 1 SECOND) GROUP BY n')

    def hopping_windows(self):
        for begin in range(0, self.size(500), 50):
            self.ask('INSERT INTO worst_series VALUES ' + ', '.join(f'({i})' for i in range(begin, begin + 50)))
        self.linger(10)

    def prepare_drop(self):
        self.connection.execute('CREATE STREAM doomed (v VARCHAR) WITH (PARTITIONS = 1)')
        batch = kafka_wire.batch_of(*[os.urandom(500_000).hex().encode() for _ in range(1)]).encode()
        with kafka_wire.Connection(self.server.kafka, 60) as kafka:
            for _ in range(self.size(5_000)):
                kafka.produce('doomed', batch)

    def drop(self):
        self.ask('DROP STREAM doomed DELETE TOPIC')
        self.linger(3)

    def unknown_topics(self):
        names = [kafka_wire.string(f'unknown-{i}') for i in range(self.size(5_000))]
        with contextlib.suppress(OSError), kafka_wire.Connection(self.server.kafka, 120) as kafka:
            kafka.ask(kafka_wire.METADATA, 4, kafka_wire.array(names) + b'\1')

    def prepare_look_up_by_time(self):
        with kafka_wire.Connection(self.server.kafka, 60) as kafka:
            kafka.create_topic('many-batches')
            count, at_once = self.size(400_000), 50
            for begin in range(0, count, at_once):
                sent = min(at_once, count - begin)
                for i in range(sent):
                    at = 1_700_000_000_000 + begin + i
                    batch = kafka_wire.batch_of(b'x', base_timestamp=at, max_timestamp=at).encode()
                    kafka.send(kafka_wire.PRODUCE, 7, kafka_wire.produce_body('many-batches', batch))
                for _ in range(sent):
                    kafka.receive()
        self.last_time = 1_700_000_000_000 + count - 1

    def look_up_by_time(self):
        body = struct.pack('>i', -1) + kafka_wire.array([kafka_wire.string('many-batches') + kafka_wire.array(
            [struct.pack('>iq', 0, self.last_time)])])
        with kafka_wire.Connection(self.server.kafka, 60) as kafka:
            for _ in range(5):
                kafka.ask(kafka_wire.LIST_OFFSETS, 1, body)


OFFENCES = [('nothing', 'nobody does'), ('a_statement_of_4_mb', 'a statement of 4 MB'),
            ('values_in_a_list', '20,000 values in IN'), ('statements_in_a_message', '100,000 statements in a message'),
            ('scan', 'ten scans of 5 M rows'), ('function_that_grows', 'REPLACE in REPLACE'),
            ('record_that_becomes_many', 'a record that becomes 1 M rows'), ('hopping_windows', '500 records in 3,600 windows each'), ('drop', 'DROP of 5 GB'),
            ('unknown_topics', '5,000 unknown topics'), ('look_up_by_time', 'look-up by time, 400,000 batches')]


def stolen_ms():
    """CPU time that the host gave to other virtual machines, summed over all cores. A delay of this length is not
    caused by the server."""
    with open('/proc/stat') as stat:
        return int(stat.readline().split()[8]) * 1000 / os.sysconf('SC_CLK_TCK')


def longest_slice_ms(connection):
    """The longest slice of an event loop since the last call; older servers report the longest one since their start.
    """
    with contextlib.suppress(Exception):
        loops = [row for row in connection.execute('SHOW SERVER').fetchall() if row[0] == 'loops']
        return max(float(row[2]) for row in [row for row in loops if 'slice max' in row[1]] or
                   [row for row in loops if 'longest' in row[1]])
    return None


def measure_offence(name, label, scale):
    with fresh_server() as server:
        with server.connect() as connection:
            connection.execute('CREATE TABLE small (id INT PRIMARY KEY, v VARCHAR)')
            connection.execute("INSERT INTO small VALUES (7, 'seven')")
            connection.execute('CREATE STREAM worst (id INT KEY, v VARCHAR)')
            connection.execute('CREATE STREAM worst_series (n INT)')
            connection.execute('CREATE TABLE big (id INT PRIMARY KEY, v VARCHAR)')
        with kafka_wire.Connection(server.kafka) as kafka:
            kafka.create_topic('neighbour')
        offences = Offences(server, scale)
        getattr(offences, f'prepare_{name}', lambda: None)()
        preparing_slice_ms = longest_slice_ms(offences.connection)
        context = multiprocessing.get_context('fork')
        over, results = context.Event(), context.Queue()
        neighbour = context.Process(target=observe, args=(server.ports['pg'], server.kafka, over, results))
        neighbour.start()
        time.sleep(0.5)
        begun, stolen = time.monotonic(), stolen_ms()
        getattr(offences, name)()
        seconds = time.monotonic() - begun
        time.sleep(0.3)
        over.set()
        lookups, produces = results.get(timeout=120)
        neighbour.join()
        found = {'seconds': seconds, 'lookup_p99_ms': percentile(lookups, 0.99), 'lookup_max_ms': max(lookups),
                 'produce_p99_ms': percentile(produces, 0.99), 'produce_max_ms': max(produces),
                 'stolen_ms': stolen_ms() - stolen, 'longest_slice_ms': longest_slice_ms(offences.connection), 'preparing_slice_ms': preparing_slice_ms}
        figures[name] = found
        slice_text = '' if found['longest_slice_ms'] is None else f'  slice {found["longest_slice_ms"]:.1f} (prepared {preparing_slice_ms:.1f})'
        if found['stolen_ms'] > 0:
            slice_text += f'  stolen {found["stolen_ms"]:.0f}'
        print(f'{label:<34} {seconds:6.1f} s   look-up p99 {found["lookup_p99_ms"]:8.1f} max {found["lookup_max_ms"]:8.1f}'
              f'   produce p99 {found["produce_p99_ms"]:8.1f} max {found["produce_max_ms"]:8.1f} ms{slice_text}', flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('--queries', type=int, default=10_000)
    options.add_argument('--records', type=int, default=288_000, help='of the skewed partitions')
    options.add_argument('--partitions', type=int, default=48)
    options.add_argument('--scale', type=float, default=1.0)
    options.add_argument('--only', choices=['queries', 'skew', 'worst'])
    options.add_argument('--offender', default='', help='only those whose name has this in it')
    given = options.parse_args()
    if given.only in (None, 'skew'):
        measure_skew(given.partitions, given.records)
    if given.only in (None, 'worst'):
        print('While one client does its worst, what another one sees (aim: look-up p99 10 ms, produce p99 25 ms, slice 20 ms)')
        for name, label in OFFENCES:
            if given.offender in name:
                measure_offence(name, label, given.scale)
    if given.only in (None, 'queries'):
        measure_queries(given.queries)
    print(json.dumps(figures))


if __name__ == '__main__':
    main()
