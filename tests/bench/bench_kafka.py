#!/usr/bin/python3
"""The Kafka side of a whole server, beside limits measured in the same run.

    tests/bench/bench_kafka.py [--megabytes N]      MILLRACE_BINARY and the folder of kafka_ceiling come from the environment

Rates go through `millrace bench`, a real librdkafka client: against the server, and against kafka_ceiling, which stores
nothing and makes nothing, so that what is reached there is the client's own ceiling on this machine.
"""
import argparse, json, os, selectors, socket, struct, subprocess, sys, tempfile, threading, time

from bench_common import BINARY, Server, percentile, show

CEILING = os.path.join(os.path.dirname(BINARY), 'tests/bench/kafka_ceiling')
RECORD_SIZE = 1024
RAW_WRITE_SIZE = 1 << 20
PARTITIONS = 6
TURNS = 9


def raw_disk_rate(folder, megabytes):
    """Returns MB/s of plain writes, each followed by fdatasync, to a file that grows like the log. Some disks are
    faster for blocks that were written before."""
    block = b'x' * RAW_WRITE_SIZE
    count = max(1, megabytes * 1_000_000 // RAW_WRITE_SIZE)
    file = os.open(os.path.join(folder, 'raw'), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    begun = time.monotonic()
    for _ in range(count):
        os.write(file, block)
        os.fdatasync(file)
    rate = count * RAW_WRITE_SIZE / 1e6 / (time.monotonic() - begun)
    os.close(file)
    return rate


def bench(what, address, records, *flags):
    """One run of `millrace bench`; returns the JSON that it printed."""
    command = [BINARY, 'bench', what, '-b', address, '--records', str(records), '--json', *flags]
    printed = subprocess.run(command, capture_output=True, text=True)
    if printed.returncode != 0:
        sys.exit(f'{" ".join(command)}: {printed.stderr}')
    return json.loads(printed.stdout.strip().splitlines()[-1])


def median(values):
    return sorted(values)[len(values) // 2]


def measure_rates(server, folder, megabytes):
    """The benchmark runs in short turns, each between two measurements of the plain disk, because the speed of a shared
    disk varies."""
    records = megabytes * 1_000_000 // RECORD_SIZE // TURNS
    with server.connect() as connection:
        connection.execute(f"CREATE STREAM b (v VARCHAR) WITH (kafka_topic='millrace-bench', partitions={PARTITIONS}, value_format='KAFKA')")
    ceiling = subprocess.Popen([CEILING], stdout=subprocess.PIPE, text=True)
    empty = ceiling.stdout.readline().split()[-1]
    try:
        raw, made, made_ceiling, made_ratio, read, read_ceiling = [], [], [], [], [], []
        size = ['--record-size', str(RECORD_SIZE)]
        for _ in range(TURNS):
            made_ceiling.append(bench('produce', empty, records, *size)['mb_per_s'])
            before = raw_disk_rate(folder, megabytes // TURNS)
            made.append(bench('produce', server.kafka, records, *size)['mb_per_s'])
            raw.append((before + raw_disk_rate(folder, megabytes // TURNS)) / 2)
            made_ratio.append(made[-1] / min(raw[-1], made_ceiling[-1]))
            read_ceiling.append(bench('consume', empty, records)['mb_per_s'])
            read.append(bench('consume', server.kafka, records)['mb_per_s'])
    finally:
        ceiling.kill()
    show('produce 1 KB records over 6 partitions, fsync on', f'{median(made):.0f}', 'MB/s', 'at least 0.4',
         f'{median(raw):.0f} raw disk, {median(made_ceiling):.0f} librdkafka alone, ratio {median(made_ratio):.2f} '
         f'({min(made_ratio):.2f} to {max(made_ratio):.2f})', 'the lower')
    show('consume them from the page cache', f'{median(read):.0f}', 'MB/s', 'at least 0.6',
         f'{median(read_ceiling):.0f}, ratio {median(read) / median(read_ceiling):.2f}', 'librdkafka alone')


PRODUCER = '''
import sys, time
from confluent_kafka import Producer
address, topic, rate, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
producer = Producer({'bootstrap.servers': address, 'linger.ms': 1, 'acks': 'all'})
begun, made = time.monotonic(), 0
while made < rate * seconds:
    due = min(rate * seconds, int((time.monotonic() - begun) * rate))
    for made in range(made, due):
        producer.produce(topic, key=str(made % 100), value='{"SENT_US": %d}' % (time.monotonic_ns() // 1000))
    made = due
    producer.poll(0)
    time.sleep(0.001)
producer.flush()
'''


def push_rows(server, statement):
    """Reads the only column of a push query's rows as text, in the portions in which the rows arrive. Python's drivers
    would be too slow."""
    client = socket.create_connection(('127.0.0.1', server.ports['pg']))
    start = struct.pack('>i', 196608) + b'user\0bench\0\0'
    client.send(struct.pack('>i', len(start) + 4) + start)
    query = statement.encode() + b'\0'
    client.send(b'Q' + struct.pack('>i', len(query) + 4) + query)
    buffered, at, rows = b'', 0, []
    while received := client.recv(1 << 20):
        buffered, at = buffered[at:] + received, 0
        while at + 5 <= len(buffered) and at + 1 + (size := int.from_bytes(buffered[at + 1:at + 5], 'big')) <= len(buffered):
            if buffered[at] == 68:  # DataRow: length, count, length of the value, value
                rows.append(buffered[at + 11:at + 1 + size])
            at += 1 + size
        if rows:
            yield rows
            rows = []


def measure_latency(server, rate=10_000, seconds=10):
    """From produce() in one process to the row or record in another, with the same clock."""
    from confluent_kafka import OFFSET_END, Consumer, TopicPartition
    with server.connect() as connection:
        connection.execute("CREATE STREAM sent (k VARCHAR KEY, sent_us BIGINT) WITH (kafka_topic='sent', partitions=2)")
        connection.execute('CREATE STREAM received AS SELECT k, sent_us FROM sent WHERE sent_us > 0')
    total, row_waits, record_waits = rate * seconds, [], []

    def follow_rows():
        for rows in push_rows(server, f'SELECT sent_us FROM sent EMIT CHANGES LIMIT {total}'):
            now_ms = time.monotonic_ns() / 1e6
            row_waits.extend(now_ms - int(sent_us) / 1e3 for sent_us in rows)
            if len(row_waits) == total:
                return

    def follow_records():
        consumer = Consumer({'bootstrap.servers': server.kafka, 'group.id': 'unused', 'enable.auto.commit': False})
        consumer.assign([TopicPartition('received', i, OFFSET_END) for i in range(2)])
        while len(record_waits) < total:
            message = consumer.poll(1.0)  # consume() would wait until it has many records
            now_ms = time.monotonic_ns() / 1e6
            if message and not message.error():
                record_waits.append(now_ms - json.loads(message.value())['SENT_US'] / 1e3)
        consumer.close()

    def waits_of(follow, waits):
        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        time.sleep(1)
        subprocess.run([sys.executable, '-c', PRODUCER, server.kafka, 'sent', str(rate), str(seconds)], check=True)
        thread.join(timeout=20)
        return waits[-total // 2:]  # only the second half counts: the first half warms up

    waits = waits_of(follow_rows, row_waits)
    show(f'produce to the row at a push query, {rate:,}/s, p99', f'{percentile(waits, 0.99):.1f}', 'ms', 'aim 10')
    waits = waits_of(follow_records, record_waits)
    show("produce to a consumer of the query's output, p99", f'{percentile(waits, 0.99):.1f}', 'ms', 'aim 15')


def fetch_request(correlation_id, topic, wait_ms):
    """A fetch request of version 4 for partition 0 from its end, which is 0 as the caller knows."""
    name = struct.pack('>h', len(topic)) + topic.encode()
    partition = struct.pack('>iiqi', 1, 0, 0, 1 << 20)
    body = struct.pack('>iiiib', -1, wait_ms, 1, 50 << 20, 0) + struct.pack('>i', 1) + name + partition
    frame = struct.pack('>hhih', 1, 4, correlation_id, -1) + body
    return struct.pack('>i', len(frame)) + frame


def measure_idle(server, wait_ms, connections=500, seconds=10):
    """Consumers that wait for records, and send the next fetch `wait_ms` later."""
    selector = selectors.DefaultSelector()
    request = fetch_request(7, 'idle', wait_ms)
    host, port = server.kafka.split(':')
    for i in range(connections):
        client = socket.create_connection((host, int(port)))
        selector.register(client, selectors.EVENT_READ)
        client.send(request)
        time.sleep(wait_ms / 1000 / connections)  # the requests are spread over the time
    before, end, polls = server.cpu_seconds(), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for key, _ in selector.select(0.1):
            key.fileobj.recv(65536)
            key.fileobj.send(request)
            polls += 1
    used = (server.cpu_seconds() - before) / seconds
    for key in list(selector.get_map().values()):
        key.fileobj.close()
    show(f'{connections} consumers in polls of {wait_ms / 1000:g} s, {polls / seconds:.0f} a second', f'{used * 100:.2f}',
         '% of a core', 'below 1')


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('--megabytes', type=int, default=1800)
    options.add_argument('parts', nargs='*', default=['rates', 'latency', 'idle'])
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        try:
            if 'rates' in asked.parts:
                measure_rates(server, folder, asked.megabytes)
            if 'latency' in asked.parts:
                measure_latency(server)
            if 'idle' in asked.parts:
                with server.connect() as connection:
                    connection.execute("CREATE STREAM idle (v VARCHAR) WITH (kafka_topic='idle', partitions=1)")
                measure_idle(server, 5000)  # as kafkajs and franz-go do
                measure_idle(server, 500)  # as Java's clients and librdkafka do
        finally:
            server.stop()


if __name__ == '__main__':
    main()
