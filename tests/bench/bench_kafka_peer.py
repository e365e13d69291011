#!/usr/bin/python3
"""Produce and consume beside Apache Kafka, with the same clients in one run: rates, latencies, and CPU time of the
servers.

    tests/bench/bench_kafka_peer.py [rates|latency|transactions ...] [--megabytes N] [--turns N] [--clients ...]
        MILLRACE_BINARY, MILLRACE_KAFKA_JARS

Millrace syncs before it answers; Kafka, with its default settings, never syncs. The clients are Kafka's own perf
tests in Java and, through `millrace bench`, librdkafka. A first turn with librdkafka warms up each server and does
not count. Client and server share the machine's cores.
"""
import argparse, json, os, signal, subprocess, sys, tempfile, time

from confluent_kafka.admin import AdminClient, NewTopic

from apache_kafka import ApacheKafka, Jars, java_consume, java_produce
from bench_common import BINARY, Server

RECORD_SIZE, PARTITIONS = 1024, 6
MEDIAN_RATE = 10_000


def median(values):
    return sorted(values)[len(values) // 2]


def bench(what, address, topic, records, *flags):
    """One run of `millrace bench`; returns the JSON that it printed."""
    command = [BINARY, 'bench', what, topic, '-b', address, '--records', str(records), '--json', *flags]
    printed = subprocess.run(command, capture_output=True, text=True)
    if printed.returncode != 0:
        sys.exit(f'{" ".join(command)}: {printed.stderr}')
    return json.loads(printed.stdout.strip().splitlines()[-1])


class Peer:
    """A server, the settings of its topics, and its measurements."""
    topics = 0

    def __init__(self, name, server, **config):
        self.name, self.server, self.config, self.seen = name, server, config, {}
        self.admin = AdminClient({'bootstrap.servers': server.kafka, 'log_level': 0})

    def make_topic(self):
        Peer.topics += 1
        name = f'bench{Peer.topics}'
        self.admin.create_topics([NewTopic(name, PARTITIONS, 1, config=self.config)])[name].result(30)
        while name not in self.admin.list_topics(timeout=30).topics:  # a broker learns of the new topic a moment later
            time.sleep(0.05)
        return name

    def drop(self, topic):
        self.admin.delete_topics([topic])[topic].result(30)

    def note(self, what, value):
        self.seen.setdefault(what, []).append(value)

    def with_cpu(self, what, gigabytes, run):
        """Notes the rate that `run` returns (MB/s), and the server's CPU seconds per GB."""
        before = self.server.cpu_seconds()
        rate = run()
        self.note(f'{what}: MB/s', rate)
        self.note(f'{what}: server CPU, s/GB', (self.server.cpu_seconds() - before) / gigabytes)


def measure_rates(jars, peers, wanted, megabytes, turns):
    records = megabytes * 1_000_000 // RECORD_SIZE
    gigabytes, size = records * RECORD_SIZE / 1e9, ['--record-size', str(RECORD_SIZE)]
    clients = {
        'Java': (lambda kafka, topic: java_produce(jars, kafka, topic, records)[0],
                 lambda kafka, topic: java_consume(jars, kafka, topic, records)),
        'librdkafka': (lambda kafka, topic: bench('produce', kafka, topic, records, *size)['mb_per_s'],
                       lambda kafka, topic: bench('consume', kafka, topic, records)['mb_per_s']),
    }
    for turn in range(turns + 1):
        for peer in peers if turn % 2 == 0 else peers[::-1]:
            for client in wanted if turn > 0 else ('librdkafka', 'librdkafka'):
                produce, consume = clients[client]
                topic, kafka = peer.make_topic(), peer.server.kafka
                os.sync()  # dirty pages of one server must not be written during the other's turn
                peer.with_cpu(f'produce, {client}', gigabytes, lambda: produce(kafka, topic))
                peer.with_cpu(f'consume, {client}', gigabytes, lambda: consume(kafka, topic))
                peer.drop(topic)
        if turn == 0:
            for peer in peers:
                peer.seen.clear()


def sync_ms(folder, count=200):
    """The median duration of a synced write; each begins a millisecond after the one before."""
    file, waits = os.open(os.path.join(folder, 'raw'), os.O_WRONLY | os.O_CREAT), []
    for _ in range(count):
        begun = time.monotonic()
        os.pwrite(file, b'x' * 16384, 0)
        os.fdatasync(file)
        waits.append((time.monotonic() - begun) * 1000)
        time.sleep(0.001)
    os.close(file)
    return median(waits)


def measure_latency(jars, peers, wanted, rate, seconds, turns, folder):
    """Latencies with linger.ms=0, since Java's producers wait 5 ms by default since Kafka 4.0. Java's producers are
    idempotent by default and librdkafka's are not, so librdkafka is measured with idempotence, too."""
    flags = ['--record-size', str(RECORD_SIZE), '--producer-property', 'linger.ms=0']
    for turn in range(turns + 1):
        for peer in peers if turn % 2 == 0 else peers[::-1]:
            topic, kafka = peer.make_topic(), peer.server.kafka
            lasts = seconds if turn > 0 else 1
            os.sync()
            peer.note('a sync of the raw disk, p50, ms', sync_ms(folder))
            # a Kafka that syncs reaches only MEDIAN_RATE
            for each in sorted({MEDIAN_RATE if peer.config else rate, MEDIAN_RATE}):
                if 'Java' in wanted and turn > 0:
                    _, found = java_produce(jars, kafka, topic, each * lasts, each, 'linger.ms=0')
                    for what, value in found.items():
                        peer.note(f'produce at {each}/s, Java: {what}, ms', value)
                for client, is_idempotent in ('librdkafka', 'false'), ('idempotent librdkafka', 'true'):
                    if 'librdkafka' not in wanted:
                        continue
                    said = bench('produce', kafka, topic, each * lasts, '--throughput', str(each), '--idempotence', is_idempotent, *flags)
                    for what in ('p50', 'p99'):
                        peer.note(f'produce at {each}/s, {client}: {what}, ms', said['latency_ms'][what])
            peer.drop(topic)
        if turn == 0:
            for peer in peers:
                peer.seen.clear()


def measure_transactions(peers, seconds, turns):
    program = os.path.join(os.path.dirname(BINARY), 'tests/bench/bench_transactions')
    for turn in range(turns + 1):
        for peer in peers if turn % 2 == 0 else peers[::-1]:
            os.sync()
            for version in (1, 2):
                done = subprocess.run([program, peer.server.kafka, '--version', str(version), '--producers', '8',
                                       '--seconds', str(seconds)], capture_output=True, text=True)
                if done.returncode != 0:
                    sys.exit(done.stderr)
                peer.note(f'transactions, version {version}, 8 producers: a second', json.loads(done.stdout)['transactions_per_s'])
        if turn == 0:
            for peer in peers:
                peer.seen.clear()


def show_beside(ours, *others):
    for what, values in ours.seen.items():
        print(f'{what:<52}{median(values):>10.2f}  ({min(values):.2f} to {max(values):.2f})', end='')
        for other in others:
            if what not in other.seen:
                continue
            theirs = other.seen[what]
            print(f'   {other.name} {median(theirs):.2f} ({min(theirs):.2f} to {max(theirs):.2f}), '
                  f'ratio {median(values) / max(median(theirs), 1e-9):.2f}', end='')
        print(flush=True)
    for peer in (ours, *others):
        peer.seen.clear()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('--megabytes', type=int, default=500)
    options.add_argument('--turns', type=int, default=3)
    options.add_argument('--clients', nargs='+', default=['Java', 'librdkafka'])
    options.add_argument('--latency-s', type=int, default=5)
    options.add_argument('--tenth', type=int, default=20_000, help="records a second, a tenth of our rate")
    options.add_argument('parts', nargs='*', default=['rates', 'latency', 'transactions'])
    asked = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('ended'))  # and the servers with it
    jars = Jars()
    with tempfile.TemporaryDirectory(prefix='millrace-peer-') as folder:
        kafka = ApacheKafka(jars, os.path.join(folder, 'kafka'))
        server = Server(os.path.join(folder, 'millrace'), '--group-initial-rebalance-delay-ms', '0')
        peers = [Peer('Millrace', server), Peer(f'Kafka {jars.version}', kafka)]
        try:
            time.sleep(2)
            if 'rates' in asked.parts:
                measure_rates(jars, peers, asked.clients, asked.megabytes, asked.turns)
                show_beside(*peers)
            if 'latency' in asked.parts:
                synced = Peer(f'{peers[1].name} that syncs', kafka, **{'flush.messages': '1'})
                measure_latency(jars, [*peers, synced], asked.clients, asked.tenth, asked.latency_s, asked.turns, folder)
                show_beside(*peers, synced)
            if 'transactions' in asked.parts:
                measure_transactions(peers, asked.latency_s, asked.turns)
                show_beside(*peers)
        finally:
            server.stop()
            kafka.stop()


if __name__ == '__main__':
    main()
