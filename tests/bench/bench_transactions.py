#!/usr/bin/python3
"""Transactions a second: 100 records over 3 partitions each, with as many producers as wait for each other's syncs.

    tests/bench/bench_transactions.py [--seconds S] [--turns N] [--before BINARY]

The limit is what a file of the same disk takes of synced writes, one after the other: a transaction of the first version of the
protocol is three commits (its partitions are noted, its records written, its end decided with all its markers), of the
second version (KIP-890) the same in two requests. `--before` measures another build by turns with this one.
"""
import argparse, json, os, subprocess, tempfile, time

from bench_common import BINARY, Server, show

BENCH = os.path.join(os.path.dirname(BINARY), 'tests/bench/bench_transactions')


def syncs_per_second(folder, seconds=0.5):
    file = os.open(os.path.join(folder, 'raw'), os.O_WRONLY | os.O_CREAT)
    begun, count = time.monotonic(), 0
    while time.monotonic() - begun < seconds:
        os.pwrite(file, b'x' * 16384, 0)
        os.fdatasync(file)
        count += 1
    os.close(file)
    return count / (time.monotonic() - begun)


def measure(binary, folder, version, producers, seconds):
    server = Server(folder, binary=binary)
    try:
        cpu = server.cpu_seconds()
        printed = subprocess.run([BENCH, server.kafka, '--version', str(version), '--producers', str(producers),
                                  '--seconds', str(seconds)], capture_output=True, text=True)
        if printed.returncode != 0:
            raise SystemExit(printed.stderr)
        result = json.loads(printed.stdout)
        result['cpu_ms'] = (server.cpu_seconds() - cpu) * 1000 / (result['transactions_per_s'] * seconds)
        return result
    finally:
        server.stop()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument('--seconds', type=int, default=5)
    arguments.add_argument('--turns', type=int, default=3)
    arguments.add_argument('--before')
    options = arguments.parse_args()
    rows = [('now', BINARY, 1), ('now', BINARY, 2)]
    if options.before:
        rows.insert(0, ('before', options.before, 1))
    for producers in (1, 8):
        found = {}
        syncs = []
        for _ in range(options.turns):
            for row in rows:
                with tempfile.TemporaryDirectory(prefix='millrace-transactions-') as folder:
                    syncs.append(syncs_per_second(folder))
                    found.setdefault(row, []).append(
                        measure(row[1], os.path.join(folder, 'data'), row[2], producers, options.seconds))
        limit = sorted(syncs)[len(syncs) // 2]
        for (name, _, version), results in found.items():
            results.sort(key=lambda result: result['transactions_per_s'])
            middle = results[len(results) // 2]
            goal = 'goal 1000/s' if producers == 8 else ''
            show(f'{name}, version {version}, {producers} producers: median of {len(results)}',
                 f"{middle['transactions_per_s']:.0f}", '/s', goal, f'{limit:.0f}', 'syncs/s')
            print(f"{'':<58}p50 {middle['p50_ms']:.1f} ms, p99 {middle['p99_ms']:.1f} ms, "
                  f"{middle['cpu_ms']:.2f} ms of CPU each; {[round(each['transactions_per_s']) for each in results]}")


main()
