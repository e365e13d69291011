"""Apache Kafka's own tools, in Java, at the three nodes: each while a node is down, and again when it is back.

While a long-running tool works, nodes are killed and frozen.
"""
import atexit
import collections
import json
import os
import re
import subprocess
import tempfile
import time

from cluster_cases import all_is_well, create_topic, leader_of, metadata_of
from cluster_disturbed import DISTURBANCES, PEER, controller_of, nodes
from cluster_nodes import eventually
from java_programs import releases
from millrace_server import case

RECORDS = 300
PARTITIONS = 3
TOOLS = "org.apache.kafka.tools."
# The tool's default of five seconds is too short on a busy machine.
PATIENCE = ["--timeout", "60000"]


class Tools:
    """The tools of one release, on a topic of their own."""

    def __init__(self, version, folder, what):
        self.cluster, self.version, self.folder = nodes(), version, folder
        self.topic = f"{what}-{version.replace('.', '-')}"
        create_topic(self.cluster, self.topic, PARTITIONS)

    def program(self, tool):
        name = tool if tool.startswith("kafka.") else TOOLS + tool
        return ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp",
                os.path.join(self.folder, "*"), name]

    def start(self, tool, *arguments, stdout=subprocess.PIPE):
        return subprocess.Popen([*self.program(tool), *arguments], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True)

    def __call__(self, tool, *arguments):
        servers = ["--bootstrap-server", self.cluster.bootstrap]
        command = [*arguments, *servers] if tool == "ClusterTool" else [*servers, *arguments]
        done = subprocess.run([*self.program(tool), *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, (self.version, tool, arguments, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    def fill(self):
        self("VerifiableProducer", "--topic", self.topic, "--max-messages", str(RECORDS), "--repeating-keys", "30")

    def partitions(self):
        return metadata_of(next(node for node in self.cluster.nodes.values() if node.is_running()), self.topic).topics[self.topic].partitions

    def with_one_down(self, check, victim=None):
        """Calls `check` with the node that is down, and then with None."""
        victim = victim or leader_of(self.cluster, self.topic)
        victim.kill()
        try:
            check(victim.number)
        finally:
            victim.start()
        all_is_well(self.cluster)
        check(None)


def each_release(what):
    for version, folder in releases().items():
        yield Tools(version, folder, what)


def numbers(text):
    return {int(number) for number in filter(None, text.split(","))}


@case
def java_tools_describe_topics_with_their_replicas():
    for tool in each_release("described"):
        def check(down):
            def is_told():
                said = tool("TopicCommand", "--describe", "--topic", tool.topic)
                rows = re.findall(r"Partition: (\d+)\tLeader: (\S+)\tReplicas: (\S+)\tIsr: (\S+)\tElr: (\S*)\tLastKnownElr: (\S*)", said)
                assert len(rows) == PARTITIONS, said
                assert all(numbers(replicas) == {1, 2, 3} for _, _, replicas, *_ in rows), said
                return all(leader.isdigit() and int(leader) != down and numbers(isr) == {1, 2, 3} - {down}
                           and elr in ("N/A", "") for _, leader, _, isr, elr, _ in rows)
            eventually(is_told, 60)  # the tool has to find out that this node is dead
            behind = tool("TopicCommand", "--describe", "--under-replicated-partitions", "--topic", tool.topic)
            assert behind.count("Partition: ") == (PARTITIONS if down else 0), behind
        tool.with_one_down(check)


@case
def java_tools_describe_the_quorum():
    for tool in each_release("quorum"):
        def check(down):
            def is_told():
                said = tool("MetadataQuorumCommand", "describe", "--status")
                leader = int(re.search(r"LeaderId:\s+(-?\d+)", said)[1])
                assert re.search(r"ClusterId:\s+\S+", said) and re.search(r"HighWatermark:\s+\d+", said), said
                return leader in {1, 2, 3} - {down} and leader
            leader = eventually(is_told, 60)
            said = tool("MetadataQuorumCommand", "describe", "--replication")
            assert re.search(rf"^{leader}\s.*Leader", said, re.M), said
        tool.with_one_down(check, controller_of(tool.cluster))


@case
def java_tools_show_and_reset_offsets():
    for tool in each_release("offsets"):
        tool.fill()
        group = f"{tool.topic}-group"
        tool("VerifiableConsumer", "--topic", tool.topic, "--group-id", group, "--max-messages", str(RECORDS), "--reset-policy", "earliest")

        def check(_):
            said = tool("GetOffsetShell", "--topic", tool.topic, "--time", "-1")
            ends = {int(number): int(offset) for number, offset in re.findall(rf"^{tool.topic}:(\d+):(\d+)$", said, re.M)}
            assert len(ends) == PARTITIONS and sum(ends.values()) == RECORDS, said
            said = tool("consumer.group.ConsumerGroupCommand", "--describe", "--group", group, *PATIENCE)
            rows = re.findall(rf"^{group}\s+{tool.topic}\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)", said, re.M)
            assert {int(number): int(offset) for number, offset, *_ in rows} == ends, said
            assert all(lag == "0" for *_, lag in rows), said
            said = tool("consumer.group.ConsumerGroupCommand", "--describe", "--state", "--group", group, *PATIENCE)
            assert "Empty" in said, said
            said = tool("consumer.group.ConsumerGroupCommand", "--reset-offsets", "--to-earliest", "--topic", tool.topic, "--group", group, *PATIENCE,
                        "--dry-run")
            assert len(re.findall(rf"{tool.topic}\s+\d+\s+0", said)) == PARTITIONS, said
        tool.with_one_down(check)


@case
def java_tools_configure():
    for tool in each_release("configured"):
        def check(down):
            value = "86400000" if down else "3600000"
            tool("kafka.admin.ConfigCommand", "--alter", "--entity-type", "topics", "--entity-name", tool.topic, "--add-config",
                 f"retention.ms={value}")
            said = tool("kafka.admin.ConfigCommand", "--describe", "--entity-type", "topics", "--entity-name", tool.topic)
            assert f"retention.ms={value}" in said, said
            said = tool("kafka.admin.ConfigCommand", "--describe", "--entity-type", "brokers", "--entity-name",
                        str(next(iter({1, 2, 3} - {down}))), "--all")
            assert "min.insync.replicas=2" in said, said
        tool.with_one_down(check)


@case
def java_tools_know_the_cluster():
    for tool in each_release("cluster"):
        def check(down):
            said = tool("ClusterTool", "cluster-id")
            assert re.search(r"Cluster ID: \S+", said), said

            def is_told():
                said = tool("ClusterTool", "list-endpoints")  # tools before version 4 do not have this option
                return set(map(int, re.findall(r"^(\d+)\s+127\.0\.0\.1", said, re.M))) == {1, 2, 3} - {down}
            if tool.version >= "4":
                eventually(is_told, 60)
        tool.with_one_down(check)


@case
def java_tools_describe_log_directories():
    for tool in each_release("directories"):
        tool.fill()

        def check(down):
            def is_told():
                said = tool("LogDirsCommand", "--describe", "--topic-list", tool.topic)
                told = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
                found = {broker["broker"]: [each for directory in broker["logDirs"] for each in directory["partitions"]]
                         for broker in told["brokers"]}
                return set(found) == {1, 2, 3} - {down} and \
                    all(len(each) == PARTITIONS and any(one["size"] > 0 for one in each) for each in found.values())
            eventually(is_told, 60)
        tool.with_one_down(check)


@case
def java_tools_move_replicas_and_elect():
    for tool in each_release("moved"):
        wanted = {number: [*known.replicas[1:], known.replicas[0]] for number, known in tool.partitions().items()}
        plan = settings(json.dumps({"version": 1, "partitions": [{"topic": tool.topic, "partition": number, "replicas": replicas}
                                                                 for number, replicas in wanted.items()]}))
        command = ["reassign.ReassignPartitionsCommand", "--reassignment-json-file", plan]
        said = tool(*command, "--execute")
        assert "Successfully started partition reassignment" in said, said

        def check(down):
            # The tool also asks the dead node, and fails when its time limit is over; with Apache Kafka it does the
            # same.
            if down is None:
                eventually(lambda: tool(*command, "--verify").count("is completed") == PARTITIONS, 60)
            assert "No partition reassignments found" in tool("reassign.ReassignPartitionsCommand", "--list")
            assert {number: known.replicas for number, known in tool.partitions().items()} == wanted
            for number, replicas in wanted.items():
                if replicas[0] == down:
                    continue
                said = tool("LeaderElectionCommand", "--election-type", "preferred", "--topic", tool.topic, "--partition", str(number))
                assert re.search("Successfully completed leader election|Valid replica already elected", said), said
                eventually(lambda: tool.partitions()[number].leader == replicas[0])
        tool.with_one_down(check)
        assert "Error" not in tool("LeaderElectionCommand", "--election-type", "preferred", "--all-topic-partitions")


def settings(*lines):
    with tempfile.NamedTemporaryFile("w", suffix=".properties", delete=False) as out:
        out.write("\n".join(lines))
    atexit.register(os.unlink, out.name)
    return out.name


def running_through(tool, program):
    """Disturbs the cluster until the program has ended; returns its output."""
    began = time.monotonic()
    time.sleep(2)  # the program has begun; its output comes at its end
    for what in ("a leader is killed", "a leader freezes", "the controller is killed"):
        if program.poll() is None:
            DISTURBANCES[what](tool.cluster, tool.topic)
            all_is_well(tool.cluster)
    said, complained = program.communicate(timeout=180)
    assert program.returncode == 0, (program.args[-12:], said[-2000:], complained[-2000:])
    assert time.monotonic() - began > 10, "it had ended before anything was done"
    return said, complained


@case
def java_tools_that_verify_lose_nothing():
    for tool in each_release("verified"):
        servers = ["--bootstrap-server", tool.cluster.bootstrap, "--topic", tool.topic]
        write = ["VerifiableProducer", *servers, "--max-messages", "6000", "--throughput", "300", "--acks", "-1", "--producer.config",
                 settings("retries=2147483647")]  # without this setting the program does not retry
        said, _ = running_through(tool, tool.start(*write))
        told = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        names = collections.Counter(each["name"] for each in told)
        assert names["producer_send_success"] == 6000 and not names["producer_send_error"], names
        places = {(each["partition"], each["offset"]) for each in told if each["name"] == "producer_send_success"}
        assert len(places) == 6000, "two records have the same place"
        # The consumer commits its position after each poll, so it runs long enough for a disturbance.
        consumer = tool.start("VerifiableConsumer", *servers, "--group-id", f"{tool.topic}-group", "--max-messages", "12000", "--reset-policy", "earliest")
        writer = tool.start(*write, stdout=subprocess.DEVNULL)
        said, _ = running_through(tool, consumer)
        writer.communicate(timeout=120)
        told = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        assert sum(each["count"] for each in told if each["name"] == "records_consumed") == 12000
        failed = [each for each in told if each["name"] == "offsets_committed" and not each["success"]]
        print(f"kafka-verifiable-consumer {tool.version}: {len(failed)} commits failed: {sorted({each['error'] for each in failed})}")
        assert PEER == "apache" or not failed, failed[:2]


@case
def java_tools_that_measure_run_on():
    for tool in each_release("measured"):
        said, complained = running_through(tool, tool.start(
            "ProducerPerformance", "--topic", tool.topic, "--num-records", "9000", "--record-size", "100", "--throughput", "450",
            "--producer-props", f"bootstrap.servers={tool.cluster.bootstrap}", "acks=all"))
        assert "9000 records sent" in said, (said, complained)
        assert " ERROR " not in complained, complained
        said = tool("GetOffsetShell", "--topic", tool.topic)
        assert sum(map(int, re.findall(rf"^{tool.topic}:\d+:(\d+)$", said, re.M))) == 9000, said
