#!/usr/bin/python3
"""Look-ups and INSERTs of one row as pgbench sends them, beside PostgreSQL.

    tests/bench/bench_pgbench.py look-ups|inserts [--peer DSN] [--before BINARY] [--seconds N] [--rounds N]
                                 [--connections 1,16,64] [--fifo] [--cpus SERVER,CLIENT]      MILLRACE_BINARY

`--peer "host=127.0.0.1 port=5432 user=postgres dbname=bench"` measures a PostgreSQL in turns with Millrace, on this
machine; the tables of pgbench and bench_* are created there and dropped at the end. `--before` measures another
Millrace program in the same way. Figures are medians of the rounds; CPU is the server's total per transaction. The
INSERTs are compared with the disk itself, in a loop: one sector past the page cache and durable, as Millrace's
journal is written, and 8 KB with a sync, as PostgreSQL writes.

`--fifo` gives servers and clients priority over all else on the machine (as root). `--cpus 1,0` keeps servers on one
core and clients on the other: a thread that waits for a disk on a core other than the one that the disk interrupts
waits half as long again, and without the flag chance decides which core a program gets (grep virtio
/proc/interrupts).
"""
import argparse, contextlib, glob, mmap, os, re, statistics, subprocess, tempfile, time

import psycopg
from psycopg.conninfo import conninfo_to_dict

from bench_common import BINARY, Server, percentile, process_cpu_seconds

ROWS = 100_000
TICKS = os.sysconf('SC_CLK_TCK')
PRIORITY = 20


class Ours:
    def __init__(self, name, binary, options):
        self.name = name
        self.folder = tempfile.TemporaryDirectory()
        cores = os.sched_getaffinity(0)
        if options.cpus:
            os.sched_setaffinity(0, {options.cpus[0]})
        self.server = Server(self.folder.name, binary=binary)
        os.sched_setaffinity(0, cores)
        self.address = ['-h', '127.0.0.1', '-p', str(self.server.ports['pg']), '-U', 'bench', 'bench']

    def connect(self):
        return self.server.connect()

    def cpu_seconds(self):
        return self.server.cpu_seconds()

    def close(self):
        self.server.stop()
        self.folder.cleanup()


class Peer:
    name = 'PostgreSQL'

    def __init__(self, dsn, options):
        self.dsn = dsn
        self.had = {}  # the scheduling policy and the cores that the processes had before
        of = conninfo_to_dict(dsn)
        self.address = ['-h', of['host'], '-p', str(of.get('port', 5432)), '-U', of['user'], of['dbname']]
        with self.connect() as connection:
            backend = connection.execute('SELECT pg_backend_pid()').fetchone()[0]
            self.postmaster = int(self.stat(backend)[1])
        for pid in self.processes():  # PostgreSQL's processes inherit the setting
            self.had[pid] = os.sched_getscheduler(pid), os.sched_getparam(pid), os.sched_getaffinity(pid)
            if options.fifo:
                os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(PRIORITY))
            if options.cpus:
                os.sched_setaffinity(pid, {options.cpus[0]})
        self.clear()

    @staticmethod
    def stat(pid):
        return open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()

    def connect(self):
        return psycopg.connect(self.dsn, autocommit=True)

    def cpu_seconds(self):
        """Backends that have ended are counted with the postmaster."""
        ended = sum(map(int, self.stat(self.postmaster)[13:15])) / TICKS
        for pid in self.processes():
            with contextlib.suppress(OSError):  # PostgreSQL's workers start and end
                ended += process_cpu_seconds(pid)
        return ended

    def processes(self):
        children = [int(pid) for path in glob.glob(f'/proc/{self.postmaster}/task/*/children') for pid in open(path).read().split()]
        return [self.postmaster, *children]

    def clear(self):
        with self.connect() as connection:
            connection.execute('DROP TABLE IF EXISTS bench_s, bench_k, pgbench_accounts, pgbench_branches, pgbench_tellers, pgbench_history')

    def close(self):
        self.clear()
        for pid, (policy, param, cores) in self.had.items():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setscheduler(pid, policy, param)
                os.sched_setaffinity(pid, cores)


def pgbench(system, arguments, options, folder):
    """Transactions per second; CPU microseconds per transaction; and the latency within which 99 % are answered, in
    microseconds."""
    for name in glob.glob(f'{folder}/log*'):
        os.remove(name)
    before = system.cpu_seconds()
    on_core = ['taskset', '-c', str(options.cpus[1])] if options.cpus else []
    done = subprocess.run([*on_core, 'pgbench', '-n', '-T', str(options.seconds), '-l', '--sampling-rate=0.1', f'--log-prefix={folder}/log', *arguments,
                           *system.address], capture_output=True, text=True, check=True)
    used = system.cpu_seconds() - before
    count = int(re.search(r'actually processed: (\d+)', done.stdout)[1])
    latencies = [int(line.split()[2]) for name in glob.glob(f'{folder}/log*') for line in open(name)]
    return float(re.search(r'tps = ([\d.]+)', done.stdout)[1]), used / count * 1e6, percentile(latencies, 0.99) if latencies else 0


def measure(title, systems, arguments, options, folder):
    found = {system.name: [] for system in systems}
    for _ in range(options.rounds):
        for system in systems:
            found[system.name].append(pgbench(system, arguments, options, folder))
    print(title)
    medians = {name: [statistics.median(column) for column in zip(*rounds)] for name, rounds in found.items()}
    for name, (rate, cpu, p99) in medians.items():
        share = f'{rate / medians[Peer.name][0]:.2f} of PostgreSQL' if name != Peer.name and Peer.name in medians else ''
        each = ' '.join(f'{rate:,.0f}' for rate, _, _ in found[name])
        print(f'  {name:<12}{rate:>10,.0f}/s {cpu:>7.1f} us of CPU  p99 {p99 / 1e3:>6.2f} ms  {share}   ({each})', flush=True)


def look_ups(systems, options, folder):
    for system in systems:
        subprocess.run(['pgbench', '-i', '-I', 'dtgvp', '-s', str(ROWS // 100_000), '-q', *system.address], capture_output=True, check=True)
        with system.connect() as connection:  # only once: the table has read all its records
            assert connection.execute('SELECT COUNT(*) FROM pgbench_accounts').fetchone()[0] == ROWS
    for protocol in ('prepared', 'simple'):
        for clients in (8, 1):
            measure(f'{protocol}, {clients} connections', systems,
                    ['-S', '-M', protocol, '-c', str(clients), '-j', str(min(clients, 2))], options, folder)


def durable_writes(folder, seconds):
    """Microseconds of a write of one sector and of 8 KB: medians of writes one after the other, in turns."""
    path = f'{folder}/durable'
    with open(path, 'wb') as file:
        file.write(bytes(1 << 20))
        os.fsync(file.fileno())
    around = os.open(path, os.O_WRONLY | os.O_DIRECT | os.O_DSYNC)
    cached = os.open(path, os.O_WRONLY)
    page = mmap.mmap(-1, 8192)  # aligned to a page, as O_DIRECT requires

    def synced(at):
        os.pwrite(cached, page, at // 8192 * 8192)
        os.fdatasync(cached)

    found = []
    for write in (lambda at: os.pwrite(around, memoryview(page)[:512], at), synced):
        took, at, end = [], 0, time.monotonic() + seconds / 2
        while time.monotonic() < end:
            begun = time.monotonic()
            write(at)
            took.append((time.monotonic() - begun) * 1e6)
            at = (at + 512) % (1 << 20)
        found.append(statistics.median(took))
    os.close(around)
    os.close(cached)
    return found


def inserts(systems, options, folder):
    sector, page = durable_writes(folder, 1)
    print(f'durable writes in a loop: a sector {sector:.0f} us, 8 KB {page:.0f} us')
    for system in systems:
        with system.connect() as connection:
            kind = 'TABLE' if system.name == Peer.name else 'STREAM'
            connection.execute(f'CREATE {kind} bench_s (id BIGINT, what VARCHAR)')
            connection.execute('CREATE TABLE bench_k (id BIGINT PRIMARY KEY, what VARCHAR)')
    for name, title in (('bench_s', 'without a key'), ('bench_k', 'with a key')):
        script = f'{folder}/{name}.sql'
        with open(script, 'w') as file:
            file.write(f"\\set id random(1, 1000000000000000)\nINSERT INTO {name} VALUES (:id, 'something that happened');\n")
        for clients in map(int, options.connections.split(',')):
            measure(f'{title}, {clients} connections', systems,
                    ['-f', script, '-M', 'prepared', '-c', str(clients), '-j', str(min(clients, 2))], options, folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('what', choices=('look-ups', 'inserts'))
    parser.add_argument('--peer', default='')
    parser.add_argument('--before', default='')
    parser.add_argument('--seconds', type=int, default=3)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--connections', default='1,16,64')
    parser.add_argument('--fifo', action='store_true')
    parser.add_argument('--cpus', type=lambda text: tuple(map(int, text.split(','))))
    options = parser.parse_args()
    if options.fifo:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    systems = [Ours('Millrace', BINARY, options)]
    if options.before:
        systems.append(Ours('before', options.before, options))
    if options.peer:
        systems.append(Peer(options.peer, options))
    with tempfile.TemporaryDirectory() as folder:
        (look_ups if options.what == 'look-ups' else inserts)(systems, options, folder)
    for system in systems:
        system.close()


if __name__ == '__main__':
    main()
