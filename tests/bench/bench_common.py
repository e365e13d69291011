"""Shared functions of the benchmarks that run a whole server."""
import os, re, signal, subprocess, time

import psycopg

BINARY = os.environ.get('MILLRACE_BINARY', 'build/release/millrace')


def process_cpu_seconds(pid):
    """To the nanosecond, with threads that have ended: utime and stime in /proc/PID/stat are counted in ticks. The clock is
    the one of clock_getcpuclockid()."""
    return time.clock_gettime(~pid << 3 | 2)


class Server:
    def __init__(self, folder, *flags, binary=BINARY):
        begun = time.monotonic()
        self.ports = {}
        self.process = subprocess.Popen([binary, 'server', '--data-dir', folder, '--pg', '127.0.0.1:0',
                                         '--kafka', '127.0.0.1:0', '--log-level', 'warn', *flags],
                                        stdout=subprocess.PIPE, text=True,
                                        # The HTTP address is set by a variable. A program that is too old for this
                                        # setting ignores the variable, but would refuse a flag.
                                        env={**os.environ, 'MILLRACE_HTTP': '127.0.0.1:0'})
        for line in self.process.stdout:
            if found := re.match(r'(\w+) listening on (\S+):(\d+)', line):
                self.ports[found[1]] = int(found[3])
            if line.strip() == 'ready':
                break
        self.start_ms = (time.monotonic() - begun) * 1000

    @property
    def kafka(self):
        return f'127.0.0.1:{self.ports["kafka"]}'

    def connect(self):
        return psycopg.connect(host='127.0.0.1', port=self.ports['pg'], user='bench', autocommit=True)

    def cpu_seconds(self):
        return process_cpu_seconds(self.process.pid)

    def anonymous_mb(self):
        return int(re.search(r'RssAnon:\s+(\d+)', open(f'/proc/{self.process.pid}/status').read()).group(1)) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)


def show(name, value, unit, goal, limit=None, limit_name=''):
    line = f'{name:<58}{value:>12} {unit:<12} {goal}'
    print(line + (f'   limit {limit} ({limit_name})' if limit else ''), flush=True)


def millions(number):
    return f'{number / 1e6:.2f} M'


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
