"""Three nodes of Apache Kafka (KRaft), as cluster_nodes.Cluster has three of ours: They show which errors clients get
when nodes of Apache Kafka die.

MILLRACE_KAFKA_JARS: folders, the first one with kafka_2.13, kafka-tools and all that they need is taken.
"""
import glob
import os
import shutil
import socket
import subprocess
import tempfile

from cluster_nodes import Process, eventually, free_port
from millrace_server import Skipped

CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
# A node that sends nothing is noticed after 2 s, as with Millrace.
PROPERTIES = """
process.roles=broker,controller
node.id={number}
controller.quorum.voters={voters}
listeners=PLAINTEXT://{kafka},CONTROLLER://{controller}
advertised.listeners=PLAINTEXT://{kafka}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/data
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
"""


def jars_of_a_broker():
    for folder in os.environ.get("MILLRACE_KAFKA_JARS", "").split(":"):
        if folder and glob.glob(os.path.join(folder, "kafka_2.13-[0-9]*.jar")):
            return os.path.join(os.path.abspath(folder), "*")
    raise Skipped("MILLRACE_KAFKA_JARS names no folder with the jars of Kafka's broker")


class ApacheNode(Process):
    def __init__(self, folder, number, jars):
        super().__init__(folder)
        self.number, self.jars = number, jars
        self.kafka, self.controller = (f"127.0.0.1:{free_port()}" for _ in range(2))

    def _java(self, *arguments):
        return ["java", "-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", self.jars, *arguments]

    def format(self, voters):
        self.properties = os.path.join(self.folder, "server.properties")
        with open(self.properties, "w") as out:
            out.write(PROPERTIES.format(number=self.number, voters=voters, kafka=self.kafka, controller=self.controller, folder=self.folder))
        subprocess.run(self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", self.properties), check=True,
                       capture_output=True)

    def start(self, waits=True):
        self._spawn(self._java("kafka.Kafka", self.properties), stdout=subprocess.DEVNULL)
        if waits:
            self.wait_until_ready()
        return self

    def wait_until_ready(self):
        def listens():
            assert self.is_running(), open(self.log).read()[-3000:]
            host, port = self.kafka.split(":")
            with socket.socket() as client:
                return client.connect_ex((host, int(port))) == 0
        eventually(listens, 180, 0.5)


class ApacheCluster:
    def __init__(self, count=3):
        jars = jars_of_a_broker()
        self.folder = tempfile.mkdtemp(prefix="millrace-apache-")
        self.nodes = {number: ApacheNode(os.path.join(self.folder, f"node{number}"), number, jars) for number in range(1, count + 1)}
        voters = ",".join(f"{node.number}@{node.controller}" for node in self.nodes.values())
        try:
            for node in self.nodes.values():
                node.format(voters)
            self.start_all()
        except BaseException:
            self.close()  # these processes must end here, because no caller could end them
            raise

    @property
    def bootstrap(self):
        return ",".join(node.kafka for node in self.nodes.values())

    def start_all(self):
        for node in self.nodes.values():
            if not node.is_running():
                node.start(waits=False)
        for node in self.nodes.values():
            node.wait_until_ready()

    def close(self):
        for node in self.nodes.values():
            if node.is_running():
                node.thaw()
            node.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
