#!/usr/bin/python3
"""The cost of three replicas relative to one: three nodes of ours, then three of Apache Kafka's, with the same producer.

    tests/bench/bench_cluster_peer.py [--megabytes N] [--turns N]   MILLRACE_BINARY, MILLRACE_KAFKA_JARS

Ours syncs before it answers, Kafka as it does by default, which is never. The producer is `millrace bench produce` (librdkafka, acks=all).
A first turn of each warms up, and does not count.
"""
import argparse
import os
import sys
import tempfile
import time

from confluent_kafka.admin import AdminClient, NewTopic

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "clients"))
os.environ.setdefault("MILLRACE_BINARY", "build/release/millrace")
from apache_kafka import ApacheKafka, Jars  # noqa: E402
from bench_cluster import PARTITIONS, RECORD_SIZE, median, produce  # noqa: E402
from bench_common import process_cpu_seconds, show  # noqa: E402
from cluster_nodes import Cluster  # noqa: E402


def measure(name, bootstrap, cpu_seconds, megabytes, turns):
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    for replicas in (1, 3):
        admin.create_topics([NewTopic(f"rate-{replicas}", PARTITIONS, replicas)])[f"rate-{replicas}"].result(30)
    time.sleep(2)
    records = str(megabytes * 1_000_000 // RECORD_SIZE)
    rates, costs = {1: [], 3: []}, {1: [], 3: []}
    for turn in range(turns + 1):
        for replicas in (1, 3):
            os.sync()
            before = cpu_seconds()
            made = produce(bootstrap, f"rate-{replicas}", "--records", records, "--record-size", str(RECORD_SIZE))
            if turn > 0:
                rates[replicas].append(made["mb_per_s"])
                costs[replicas].append((cpu_seconds() - before) / megabytes * 1000)
            time.sleep(0.5)
    for what, of, unit in (("throughput", rates, "MB/s"), ("CPU of all nodes for a GB", costs, "s")):
        ratio = median([three / one for one, three in zip(of[1], of[3])])
        show(f"{name}: {what}, of that of one replica", f"{ratio:.2f}", "", "", f"{median(of[3]):.2f} and {median(of[1]):.2f} {unit}", "three and one")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    jars = Jars()
    nodes = Cluster(flags=())
    try:
        measure("Millrace", nodes.bootstrap, lambda: sum(process_cpu_seconds(node.process.pid) for node in nodes.nodes.values()),
                options.megabytes, options.turns)
    finally:
        nodes.close()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        peer = ApacheKafka(jars, os.path.join(folder, "kafka"), nodes=3)
        try:
            measure(f"Apache Kafka {jars.version}", peer.kafka, peer.cpu_seconds, options.megabytes, options.turns)
        finally:
            peer.stop()


if __name__ == "__main__":
    main()
