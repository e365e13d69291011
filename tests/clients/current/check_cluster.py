"""The newest Kafka clients at three nodes that are killed, frozen, stopped and started again, while leaders move. The
clients must not notice any of this.

Each client writes with idempotence, reads in groups that commit, and moves what it reads in transactions, all at the same time; cluster_work.py
checks the results. The errors that a client reports to its program meanwhile are counted, and have to be among those that Apache Kafka
causes as well (cluster_errors.py). Kafka's own tools follow, of each release.

MILLRACE_KAFKA_JARS: folders with kafka-clients and kafka-tools of a release and all that they need: for Java's client and the tools.
MILLRACE_CLUSTER_ROUNDS: how often each client has all disturbances (1). MILLRACE_CLUSTER_PEER=apache: three nodes of Apache Kafka instead, of these jars; its
errors are printed and not checked.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

from cluster_cases import all_is_well, create_topic
from cluster_disturbed import DISTURBANCES, PEER, nodes
from cluster_errors import STANDS_STILL, expected, is_kafkas_own
from cluster_load import read_committed
from cluster_nodes import eventually
from cluster_work import PARTITIONS, Work, check_moved, check_read, check_written, committed_by
from java_programs import classes, releases
from millrace_server import Skipped, case, run

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = int(os.environ.get("MILLRACE_CLUSTER_ROUNDS", "1"))
GO_CLIENTS = os.path.join(sys.prefix, "go-clients")


def at_work(name, command, protocols, movers=2):
    cluster, topic = nodes(), name.replace(" ", "-")
    create_topic(cluster, topic, PARTITIONS)
    create_topic(cluster, f"{topic}-moved", PARTITIONS)
    folder = tempfile.mkdtemp(prefix=f"millrace-{topic}-")
    work = Work(command, folder, cluster.bootstrap, topic, protocols, movers)
    try:
        eventually(work.is_at_work, 90, 0.5)
        for turn in range(ROUNDS):
            for what, disturb in DISTURBANCES.items():
                print(f"{time.strftime('%H:%M:%S')} {name}: {what}", flush=True)
                disturb(cluster, topic)
                all_is_well(cluster)
                time.sleep(1)  # the clients work for a moment between two disturbances
                work.revive_movers()
        work.end()
        records, again = checked(cluster, work)
    except BaseException:
        print(f"what {name} has told is in {folder}")
        counts, texts = work.errors()
        for what, count in sorted(counts.items()):
            print(f"  {count:5} {' '.join(what)}: {texts[what]}")
        raise
    finally:
        work.kill()
    tell(name, work, records, again)
    counts, texts = work.errors()
    unknown = [what for what in counts if not expected(name, *what[1:])]
    assert PEER == "apache" or not unknown, [(what, counts[what], texts[what]) for what in unknown]
    assert PEER == "apache" or name in STANDS_STILL or not any(each.revived for each in work.movers), "a mover stood still"
    shutil.rmtree(folder)


def checked(cluster, work):
    read = check_written(work)
    again = {group: check_read(group, members, read) for group, members in work.groups.items()}
    if work.movers:
        check_moved(work, read, read_committed)
    ends = {number: len(values) for number, values in read.items()}
    for group in [*work.groups, *([f"{work.topic}-movers"] if work.movers else [])]:
        committed = committed_by(cluster.bootstrap, group)
        assert committed == {number: end for number, end in ends.items() if end > 0}, f"{group} has committed {committed} of {ends}"
    return sum(ends.values()), again


def tell(name, work, records, again):
    counts, texts = work.errors()
    told = ", ".join(f"{count} of {group.removeprefix(work.topic + '-')} again" for group, count in again.items())
    print(f"{work.version()}: {records} records, none lost, doubled or out of order; {told}; "
          f"{work.count('moved')} transactions, {work.count('aborted')} aborted, {work.count('restart')} producers replaced, "
          f"{sum(each.revived for each in work.movers)} movers stood still and were killed; "
          f"{work.lines_logged()} lines logged; {sum(counts.values())} errors reported:")
    for (role, where, error), count in sorted(counts.items()):
        print(f"  {count:5} {role} {where} {error}: {texts[role, where, error]}  [{is_kafkas_own(name, where, error)}]")


def python(program):
    return [sys.executable, os.path.join(HERE, "cluster_clients", program)]


def go(folder, module):
    if not shutil.which("go"):
        raise Skipped("there is no go")
    made = os.path.join(GO_CLIENTS, folder)
    os.makedirs(made, exist_ok=True)
    shutil.copy(os.path.join(HERE, "cluster_clients", folder, "main.go"), made)
    if not os.path.exists(f"{made}/go.mod"):
        subprocess.run(["go", "mod", "init", "clients"], cwd=made, check=True, capture_output=True)
    for step in (["get", f"{module}@latest"], ["mod", "tidy"], ["build", "-o", "program", "."]):
        subprocess.run(["go", *step], cwd=made, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return [f"{made}/program"]


@case
def confluent_kafka_notices_nothing():
    at_work("confluent", python("confluent.py"), ["classic", "consumer"])


@case
def kafka_python_notices_nothing():
    at_work("kafka-python", python("kafka_python.py"), ["classic"])


@case
def franz_go_notices_nothing():
    at_work("franz-go", go("franz", "github.com/twmb/franz-go"), ["classic", "consumer"])


@case
def sarama_notices_nothing():
    at_work("sarama", go("sarama", "github.com/IBM/sarama"), ["classic"], movers=1)


@case
def java_notices_nothing():
    for version, folder in releases().items():
        path = classes("cluster_clients/java", folder)
        command = ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", path, "ClusterClient"]
        at_work(f"java {version}", command, ["classic", "consumer"] if version >= "4" else ["classic"])


import cluster_tools  # noqa: E402,F401  whose cases follow

if __name__ == "__main__":
    run()
