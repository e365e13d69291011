#!/usr/bin/python3
"""A count by more keys than memory holds.

    tests/bench/bench_state.py [--keys N] [--key-size BYTES] [--memory-limit SIZE] [--updates N]          MILLRACE_BINARY

The keys are filled in, then updated: once those of a hundredth, which fit into memory, then any, nine of ten of which do
not. Rates are records per second of CPU time that the server used, from COPY to the table; look-ups of any key go on
meanwhile, one after the other. At last the server restarts and looks a key up.
"""
import argparse, multiprocessing, random, tempfile, threading, time

from bench_common import Server, percentile, show
from bench_server import wait_until_read


class LookUps:
    """Look-ups of random keys, one after the other, in a process of their own, until they are stopped."""

    def __init__(self, server, key, keys):
        self._stops, self._seconds = multiprocessing.Event(), multiprocessing.Queue()
        self._process = multiprocessing.Process(target=self._look_up, args=(server, key, keys), daemon=True)
        self._process.start()

    def _look_up(self, server, key, keys):
        seconds = []
        with server.connect() as connection:
            while not self._stops.is_set():
                wanted = key(random.randrange(keys))
                begun = time.monotonic()
                connection.execute('SELECT n FROM t WHERE k = %s', (wanted,)).fetchall()
                seconds.append(time.monotonic() - begun)
                time.sleep(0.003)
        self._seconds.put(seconds)

    def stop(self):
        self._stops.set()
        seconds = self._seconds.get()
        self._process.join()
        return seconds


class Watch:
    """The largest amount of anonymous memory that the server had."""

    def __init__(self, server):
        self._server, self._stops, self._most = server, threading.Event(), 0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self):
        while not self._stops.wait(0.05):
            self._most = max(self._most, self._server.anonymous_mb())

    def stop(self):
        self._stops.set()
        self._thread.join()
        return self._most


def send(server, connection, key, numbers, keys, name):
    """Writes all rows, and waits until the table contains them."""
    look_ups, watch = LookUps(server, key, keys), Watch(server)
    cpu, begun, count = server.cpu_seconds(), time.monotonic(), 0
    with connection.cursor().copy('COPY s (k, v) FROM STDIN') as copy:
        lines = []
        for number in numbers:
            lines.append(f'{key(number)}\t1\n')
            count += 1
            if len(lines) == 5_000:
                copy.write(''.join(lines))
                lines.clear()
        copy.write(''.join(lines))
    wait_until_read(connection, 'CTAS_T_')
    cpu, seconds = server.cpu_seconds() - cpu, time.monotonic() - begun
    waited, most_mb = look_ups.stop(), watch.stop()
    show(f'{name}, records per second of CPU', f'{count / cpu:,.0f}', '', f'{count / seconds:,.0f} by the clock')
    show('  look-ups meanwhile, p50 and p99', f'{percentile(waited, 0.5) * 1e3:.1f}', 'ms',
         f'{percentile(waited, 0.99) * 1e3:.1f} ms')
    show('  anonymous memory, at most', f'{most_mb:.0f}', 'MB', '')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--keys', type=int, default=1_000_000)
    parser.add_argument('--key-size', type=int, default=100)
    parser.add_argument('--memory-limit', default='64MB')
    parser.add_argument('--updates', type=int, default=500_000)
    options = parser.parse_args()
    folder = tempfile.TemporaryDirectory()

    def key(number):
        return f'{number * 7919 % 10**12:012}'.ljust(options.key_size, 'k')

    server = Server(folder.name, '--memory-limit', options.memory_limit)
    with server.connect() as connection:
        connection.execute("CREATE STREAM s (k VARCHAR, v INT) WITH (value_format='json', partitions=4)")
        connection.execute('CREATE TABLE t AS SELECT k, COUNT(*) AS n, SUM(v) AS total FROM s GROUP BY k')
        send(server, connection, key, range(options.keys), options.keys, 'new keys')
        hot = max(1, options.keys // 100)
        send(server, connection, key, (random.randrange(hot) for _ in range(options.updates)), options.keys,
             'updates of a hundredth of the keys')
        cold = (random.randrange(options.keys if random.random() < 0.9 else hot) for _ in range(options.updates))
        send(server, connection, key, cold, options.keys, 'updates of any key')
    server.stop()
    server = Server(folder.name, '--memory-limit', options.memory_limit)
    begun = time.monotonic()
    with server.connect() as connection:
        assert connection.execute('SELECT n FROM t WHERE k = %s', (key(5),)).fetchall()
        show('restart: ready', f'{server.start_ms:.0f}', 'ms', '')
        show('  and a look-up right after it', f'{(time.monotonic() - begun) * 1e3:.0f}', 'ms', '')
        begun = time.monotonic()
        connection.execute('SELECT n FROM t WHERE k = %s', (key(options.keys // 2),)).fetchall()
        show('  another one', f'{(time.monotonic() - begun) * 1e3:.1f}', 'ms', '')
        show('  anonymous memory', f'{server.anonymous_mb():.0f}', 'MB', '')
    server.stop()
    folder.cleanup()


if __name__ == '__main__':
    main()
