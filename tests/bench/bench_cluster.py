#!/usr/bin/python3
"""Three nodes, their etcd and the clients on one machine: ratios to the cost of one replica in the same cluster, and
the time that clients wait after the loss of a node.

    tests/bench/bench_cluster.py [--turns N] [--kills N] [--megabytes N] [--state-keys N] [only ...]

`only`: of replicas, rate, kills, controller, freezes, query, state. MILLRACE_BINARY names the program.
"""
import argparse
import json
import os
import subprocess
import sys
import threading
import time

import psycopg

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "clients"))
os.environ.setdefault("MILLRACE_BINARY", "build/release/millrace")
from bench_common import BINARY, percentile, process_cpu_seconds, show  # noqa: E402
from cluster_cases import all_is_well, create_topic, leader_of, metadata_of  # noqa: E402
from cluster_nodes import Cluster, eventually  # noqa: E402
from confluent_kafka import Consumer, Producer, TopicPartition  # noqa: E402

PARTITIONS = 6
RECORD_SIZE = 1024


def median(values):
    return sorted(values)[len(values) // 2]


def produce(bootstrap, topic, *flags):
    command = [BINARY, "bench", "produce", topic, "-b", bootstrap, "--json", *flags]
    printed = subprocess.run(command, capture_output=True, text=True)
    if printed.returncode != 0:
        sys.exit(f'{" ".join(command)}: {printed.stderr}{printed.stdout}')
    return json.loads(printed.stdout.strip().splitlines()[-1])


def cpu_seconds(nodes):
    return sum(process_cpu_seconds(node.process.pid) for node in nodes.nodes.values())


def measure_replicas(nodes, turns, megabytes):
    """Both cases run in turns, so that other load on the machine affects both."""
    rates, costs = {1: [], 3: []}, {1: [], 3: []}
    for replicas in rates:
        create_topic(nodes, f"rate-{replicas}", PARTITIONS, replicas)
    records = str(megabytes * 1_000_000 // RECORD_SIZE)
    for _ in range(turns):
        for replicas in rates:
            before = cpu_seconds(nodes)
            made = produce(nodes.bootstrap, f"rate-{replicas}", "--records", records, "--record-size", str(RECORD_SIZE))
            rates[replicas].append(made["mb_per_s"])
            costs[replicas].append((cpu_seconds(nodes) - before) / megabytes * 1000)
            time.sleep(0.5)
    ratio = median([three / one for one, three in zip(rates[1], rates[3])])
    show("acks=all, three replicas: throughput, of that of one", f"{ratio:.2f}", "", "at least 0.33",
         f"{median(rates[3]):.0f} and {median(rates[1]):.0f} MB/s", "three and one")
    ratio = median([three / one for one, three in zip(costs[1], costs[3])])
    show("  CPU of all nodes for a GB, of that with one", f"{ratio:.2f}", "", "at most 2.5",
         f"{median(costs[3]):.1f} and {median(costs[1]):.1f} s", "three and one")


def measure_rate(nodes, turns):
    waits = {1: [], 3: []}
    for replicas in waits:
        create_topic(nodes, f"steady-{replicas}", PARTITIONS, replicas)
    for _ in range(turns):
        for replicas in waits:
            made = produce(nodes.bootstrap, f"steady-{replicas}", "--seconds", "4", "--throughput", "1000", "--record-size", "200",
                           "--producer-property", "linger.ms=0")
            waits[replicas].append((made["latency_ms"]["p50"], made["latency_ms"]["p99"]))
    p50 = {replicas: median([each[0] for each in its]) for replicas, its in waits.items()}
    p99 = {replicas: median([each[1] for each in its]) for replicas, its in waits.items()}
    show("1,000 records/s, three replicas: p50, of that of one", f"{p50[3] / p50[1]:.2f}", "", "at most 3",
         f"{p50[3]:.2f} and {p50[1]:.2f} ms", "three and one")
    show("  p99", f"{p99[3]:.1f}", "ms", "below 15", f"{p99[1]:.1f} ms", "with one")


class Steady:
    """Sends a record to each partition every 10 ms and notes when each was acknowledged. A record that a frozen node
    has not acknowledged is sent to another node after a second; by default librdkafka waits a minute."""

    def __init__(self, nodes, topic, partitions):
        self.producer = Producer({"bootstrap.servers": nodes.bootstrap, "enable.idempotence": True, "linger.ms": 0,
                                  "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200, "retry.backoff.ms": 20,
                                  "socket.timeout.ms": 1000,
                                  "topic.metadata.refresh.fast.interval.ms": 50, "log_level": 0})
        self.topic, self.partitions = topic, partitions
        self.last, self.failures, self.is_ending = {number: [] for number in range(partitions)}, [], False
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.is_ending:
            for number in range(self.partitions):
                self.producer.produce(self.topic, b"x" * 100, partition=number, on_delivery=self._delivered)
            self.producer.poll(0.01)

    def _delivered(self, error, message):
        if error:
            self.failures.append(str(error))
        else:
            self.last[message.partition()].append((time.monotonic(), message.latency()))

    def first_made_after(self, moment, number):
        """Time of the acknowledgement of the first record that was produced after `moment`."""
        return next((at for at, latency in list(self.last[number]) if at - (latency or 0) >= moment), None)

    def stop(self):
        self.is_ending = True
        self.thread.join()
        self.producer.flush(30)


def led_by(nodes, topic, node):
    found = metadata_of(next(each for each in nodes.nodes.values() if each.is_running()), topic).topics[topic]
    return [number for number, partition in found.partitions.items() if partition.leader == node.number]


def controller_of(nodes):
    running = next(node for node in nodes.nodes.values() if node.is_running())
    return nodes.nodes[eventually(lambda: max(metadata_of(running).controller_id, 0))]


def measure_loss(nodes, name, count, choose, take, give, goal):
    topic = name.split()[0] + f"-{count}"
    create_topic(nodes, topic, 9, 3)
    steady, waits = Steady(nodes, topic, 9), []
    for _ in range(count):
        all_is_well(nodes)
        node = eventually(lambda: choose(topic))
        affected = eventually(lambda: led_by(nodes, topic, node))
        time.sleep(0.5)
        begun = time.monotonic()
        take(node)
        for number in affected:
            waits.append(eventually(lambda: steady.first_made_after(begun, number), 60, 0.01) - begun)
        give(node)
    steady.stop()
    show(f"{name}, {count} times, to the first produce: p99", f"{percentile(waits, 0.99):.2f}", "s", goal,
         f"{median(waits):.2f}, {max(waits):.2f} s, {len(steady.failures)} failed", "p50, longest")


def measure_losses(nodes, kills, wants):
    kill, start = (lambda node: node.kill()), (lambda node: node.start())
    # The chosen node is not the controller. If the controller were killed, a new controller would have to be
    # elected first, and the measured time would include this election.
    others = lambda topic: next((node for node in nodes.nodes.values()
                                 if node is not controller_of(nodes) and led_by(nodes, topic, node)), None)
    if wants("kills"):
        measure_loss(nodes, "killed leader", kills, others, kill, start, "below 1")
    if wants("controller"):
        measure_loss(nodes, "controller killed, which leads", max(kills // 3, 1), lambda topic: controller_of(nodes), kill,
                     start, "below 3")
    if wants("freezes"):
        freeze, thaw = (lambda node: node.freeze()), (lambda node: node.thaw())
        measure_loss(nodes, "frozen leader", max(kills // 3, 1), others, freeze, thaw, "below 3")
        measure_loss(nodes, "controller frozen, which leads", max(kills // 3, 1), lambda topic: controller_of(nodes), freeze, thaw,
                     "below 3")


def connect(node):
    host, port = node.pg.split(":")
    return psycopg.connect(host=host, port=port, user="bench", autocommit=True)


def measure_query(nodes, rate=5_000, seconds=8):
    """Latency from produce() to the consumer of the query's output, both on one clock."""
    with connect(nodes.nodes[1]) as c:
        c.execute("CREATE STREAM sent (k VARCHAR KEY, sent_us BIGINT) WITH (kafka_topic='sent', partitions=2)")
        c.execute("CREATE STREAM received WITH (kafka_topic='received') AS SELECT k, sent_us FROM sent WHERE sent_us > 0")
    eventually(lambda: "received" in metadata_of(nodes.nodes[1]).topics)
    all_is_well(nodes)
    consumer = Consumer({"bootstrap.servers": nodes.bootstrap, "group.id": "bench", "fetch.wait.max.ms": 100})
    consumer.assign([TopicPartition("received", number, 0) for number in
                     metadata_of(nodes.nodes[1], "received").topics["received"].partitions])
    waits, total = [], rate * seconds

    def consume():
        until = time.monotonic() + seconds + 30
        while len(waits) < total and time.monotonic() < until:
            message = consumer.poll(0.1)  # consume() for many records waits until it has that many
            if message is not None and not message.error():
                waits.append(time.monotonic_ns() / 1e6 - json.loads(message.value())["SENT_US"] / 1000)
    thread = threading.Thread(target=consume)
    thread.start()
    time.sleep(2)  # until the client has found the leaders
    code = ("import sys, time\nfrom confluent_kafka import Producer\n"
            "address, rate, total = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])\n"
            "producer = Producer({'bootstrap.servers': address, 'linger.ms': 1, 'acks': 'all'})\n"
            # The query drops these records. The first record of a topic waits for up to a second, librdkafka's metadata
            # interval.
            "for key in range(100):\n    producer.produce('sent', key=str(key), value='{\"SENT_US\": 0}')\n"
            "producer.flush()\n"
            "begun, made = time.monotonic(), 0\n"
            "while made < total:\n"
            "    due = min(total, int((time.monotonic() - begun) * rate))\n"
            "    for made in range(made, due):\n"
            "        producer.produce('sent', key=str(made % 100), value='{\"SENT_US\": %d}' % (time.monotonic_ns() // 1000))\n"
            "    made = due\n    producer.poll(0)\n    time.sleep(0.001)\n"
            "producer.flush()\n")
    subprocess.run([sys.executable, "-c", code, nodes.bootstrap, str(rate), str(total)], check=True)
    thread.join()
    consumer.close()
    show(f"event to answer of a filter at {rate:,}/s: p99", f"{percentile(waits, 0.99):.1f}", "ms", "below 40",
         f"{percentile(waits, 0.5):.1f} ms, {len(waits):,} of {total:,}", "p50, rows")


def measure_state(nodes, keys, times=5):
    """Time from the kill of the node that runs the query to the first look-up on another node that counts a later
    row."""
    with connect(nodes.nodes[1]) as c:
        c.execute("CREATE STREAM visits (id BIGINT KEY, page VARCHAR) WITH (partitions = 4)")
        c.execute("CREATE TABLE by_id AS SELECT id, COUNT(*) AS n, LATEST_BY_OFFSET(page) AS page FROM visits GROUP BY id")
    all_is_well(nodes)
    page = "p" * 400
    with connect(nodes.nodes[1]) as c, c.cursor().copy("COPY visits FROM STDIN") as copy:
        for i in range(keys):
            copy.write_row((i, page))

    def count_of(node, key):
        try:
            with connect(node) as c:
                found = c.execute("SELECT n FROM by_id WHERE id = %s", (key,)).fetchone()
                return found[0] if found else 0
        except psycopg.Error:
            return 0
    eventually(lambda: count_of(nodes.nodes[1], keys - 1) == 1, 600, 1)
    waits = []
    for number in range(times):
        all_is_well(nodes)
        with connect(nodes.nodes[1]) as c:
            state = next(str(row) for row in c.execute("SHOW QUERIES").fetchall() if "BY_ID" in str(row).upper())
        owner = nodes.nodes[int(state.split("on node ")[1][0])]
        other = next(node for node in nodes.nodes.values() if node is not owner)
        begun = time.monotonic()
        owner.kill()

        def is_counted():
            try:
                with connect(other) as c:
                    c.execute("INSERT INTO visits VALUES (7, 'x')")
                return True
            except psycopg.Error:
                return False
        eventually(is_counted, 60, 0.01)
        eventually(lambda: count_of(other, 7) == number + 2, 60, 0.01)
        waits.append(time.monotonic() - begun)
        owner.start()
    size = subprocess.run(["du", "-sm", nodes.nodes[1].data_dir], capture_output=True, text=True).stdout.split()[0]
    show(f"right look-up of a moved task, {keys:,} keys: median", f"{median(waits):.2f}", "s", "below 2",
         f"{max(waits):.2f} s, {size} MB in a node's directory", "longest")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--turns", type=int, default=5)
    options.add_argument("--kills", type=int, default=10)
    options.add_argument("--megabytes", type=int, default=100)
    options.add_argument("--state-keys", type=int, default=100_000)
    options.add_argument("only", nargs="*")
    arguments = options.parse_args()
    wants = lambda name: not arguments.only or name in arguments.only
    nodes = Cluster(flags=())
    try:
        all_is_well(nodes)
        if wants("rate"):
            measure_rate(nodes, arguments.turns)
        if wants("replicas"):
            measure_replicas(nodes, arguments.turns, arguments.megabytes)
        if wants("query"):
            measure_query(nodes)
        measure_losses(nodes, arguments.kills, wants)
        if wants("state"):
            measure_state(nodes, arguments.state_keys)
    finally:
        nodes.close()


if __name__ == "__main__":
    main()
