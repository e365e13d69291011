"""Three nodes and three members of etcd, the connections between them, and the disturbances of each."""
import atexit
import concurrent.futures
import os
import re
import shutil
import subprocess
import tempfile
import threading

from cluster_cases import metadata_of, partitions_of
from cluster_nodes import ETCD, Etcd, Node, eventually
from etcd_way import Way
from millrace_server import Skipped, binary
from node_proxy import Network
from small_disk import SmallDisk

try:
    from confluent_kafka import KafkaException
except ImportError:
    KafkaException = None

NODES, MEMBERS = (1, 2, 3), (1, 2, 3)
FOURTH = 4  # comes and goes
_DISK_MB = 800
_WELL_WITHIN_S = 90
_ADDED_WITHIN_S = 240
_FLAGS = ("--node-session-timeout-ms", "2000", "--replica-lag-time-max-ms", "4000",
          # All replicas are compared again and again: a difference is an error in a log.
          "--scrub-interval-ms", "3000", "--scrub-bytes-per-second", "20000000")


class Member(Etcd):
    """One of the members of an etcd."""

    def __init__(self, folder, number):
        super().__init__(folder)
        self.number, self.everybody = number, ""

    def start(self):
        self._spawn([ETCD, "--name", str(self.number), "--data-dir", os.path.join(self.folder, "data"),
                     "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
                     "--listen-peer-urls", self.peers, "--initial-advertise-peer-urls", self.peers,
                     "--initial-cluster", self.everybody, "--unsafe-no-fsync", "--log-level", "error"],
                    stdout=subprocess.DEVNULL)


class Disk:
    """The place of a node's data: a small disk, which can be full, if the machine allows it; otherwise a folder."""

    def __init__(self, folder):
        try:
            self._small = SmallDisk(_DISK_MB)
            self.folder = self._small.folder
        except Skipped:
            self._small, self.folder = None, folder
        self.is_full = False

    def can_be_full(self):
        return self._small is not None

    def fill(self):
        self._small.fill()
        self.is_full = True

    def empty(self):
        if self.is_full:
            os.unlink(self._small.filler)
            self.is_full = False

    def close(self):
        if self._small:
            self._small.close()


class World:
    """A cluster of its own, which lives for some rounds. It has the interface that tests of single cases use of
    Cluster."""

    def __init__(self):
        if not os.path.exists(ETCD):
            raise Skipped("etcd-server is not installed")
        self.folder = tempfile.mkdtemp(prefix="millrace-cluster-rounds-")
        self.network = Network()
        self.members = {number: Member(os.path.join(self.folder, f"etcd{number}"), number) for number in MEMBERS}
        for member in self.members.values():
            member.everybody = ",".join(f"{each.number}={each.peers}" for each in self.members.values())
        self.disks, self.ways, self.nodes, self._made = {}, {}, {}, {}
        self._ended, self._deaths = set(), []  # processes that the test has ended; errors of all other processes
        self._read_logs = {}  # the part of each node's log that was read
        atexit.register(self.close)
        try:
            for member in self.members.values():
                member.start()
            for number in NODES:
                self.nodes[number] = self._make(number)
            self.start_all()
            self.wait_until_well()
        except Exception:
            print(f"  logs and data: {self.folder}", flush=True)
            self.close(keeps=True)
            raise
        except BaseException:
            self.close()
            raise

    def _make(self, number):
        """Makes the node; returns the same object after it was away."""
        if number in self._made:
            return self._made[number]
        self.ways[number] = [Way(member.url) for member in self.members.values()]
        node = Node(os.path.join(self.folder, f"node{number}"), "rounds", number,
                    ",".join(way.url for way in self.ways[number]), _FLAGS)
        node.flags = (*_FLAGS, "--nodes-advertised", self.network.before(number, node.nodes))
        node.moves_leaders_back = True
        self.disks[number] = Disk(node.folder)
        node.data_dir = os.path.join(self.disks[number].folder, "data")
        self._made[number] = node
        return node

    @property
    def bootstrap(self):
        return ",".join(node.kafka for node in self.nodes.values())

    def running(self):
        return [node for node in self.nodes.values() if node.is_running()]

    # --- Disturbances

    def kill(self, number):
        self._ended.add(self.nodes[number].process.pid)
        self.nodes[number].kill()

    def stop(self, number):
        node = self.nodes[number]
        self._ended.add(node.process.pid)
        node.stop()

    def cut_off(self, number, hears, is_heard):
        """Cuts the node off from all other nodes, in one direction or both."""
        for other in (*NODES, FOURTH):
            if other == number:
                continue
            if not hears:
                self.network.cut(other, number, both_ways=False)
            if not is_heard:
                self.network.cut(number, other, both_ways=False)

    def cut_from_etcd(self, number):
        for way in self.ways[number]:
            way.cut()

    def tool(self, name):
        return os.path.join(os.path.dirname(binary()), name)

    def add_fourth(self):
        """Gives the node its share of the replicas, as soon as that is possible."""
        self.nodes[FOURTH] = self._make(FOURTH)
        self.nodes[FOURTH].start(waits=False)
        self._adding = concurrent.futures.Future()
        threading.Thread(target=self._add, args=(self._adding,), daemon=True).start()

    def _add(self, future):
        try:
            future.set_result(self._change_nodes("add"))
        except AssertionError as error:
            future.set_exception(error)

    def remove_fourth(self):
        """Moves all replicas of the node to the others, and ends it."""
        self._adding.result(_ADDED_WITHIN_S)
        self._change_nodes("remove")
        self.stop(FOURTH)
        shutil.rmtree(self.nodes.pop(FOURTH).data_dir)

    def _change_nodes(self, how):
        """Repeats the command while it is refused: a node may still be away."""
        def has_succeeded():
            with open(os.path.join(self.folder, "operations"), "a") as log:
                return subprocess.run(["timeout", str(_ADDED_WITHIN_S), binary(), "cluster", how, str(FOURTH), "-b",
                                       ",".join(self.nodes[number].kafka for number in NODES)],
                                      stdout=log, stderr=log, check=False).returncode == 0
        eventually(has_succeeded, _ADDED_WITHIN_S, 1)

    # --- Recovery

    def start_all(self):
        for node in self.nodes.values():
            if not node.is_running():
                node.start(waits=False)
        for node in self.nodes.values():
            node.wait_until_ready()

    def heal(self):
        """Undoes all disturbances: every node runs, and reaches every other."""
        self.network.heal()
        for number, node in self.nodes.items():
            for way in self.ways[number]:
                way.heal()
            self.disks[number].empty()
            if node.is_running():
                node.thaw()
        for member in self.members.values():
            if not member.is_running():
                member.start()
        self._note_deaths()
        self.start_all()

    def _note_deaths(self):
        self._deaths += [f"node {node.number} has ended by itself, with {node.process.returncode}"
                         for node in self.nodes.values() if not node.is_running() and node.process.pid not in self._ended]

    def wait_until_well(self):
        """Waits until all nodes know each other, all partitions have their leaders, and all replicas are in sync."""
        numbers = sorted(self.nodes)
        self._why = ""

        def is_well():
            try:
                for node in self.running():
                    known = sorted(metadata_of(node).brokers)
                    if known != numbers:
                        self._why = f"node {node.number} knows of {known}"
                        return False
                    for name, partition in partitions_of(node).items():
                        if partition.leader <= 0 or len(partition.isrs) < len(partition.replicas):
                            self._why = (f"node {node.number} says of {name}: leader {partition.leader}, replicas "
                                         f"{partition.replicas}, in sync {partition.isrs}")
                            return False
            except KafkaException as error:
                self._why = f"node {node.number}: {error}"
                return False
            return True
        try:
            eventually(is_well, _WELL_WITHIN_S, 0.2)
        except AssertionError as error:
            raise AssertionError(f"not well within {_WELL_WITHIN_S} s: {self._why}") from error

    # --- Complaints

    def complaints(self):
        self._note_deaths()
        found, self._deaths = self._deaths, []
        for node in self._made.values():
            found += self._alarms(node)
        return found

    def _alarms(self, node):
        """Lines of its log that no disturbance explains, each once."""
        with open(node.log, errors="replace") as log:
            log.seek(self._read_logs.get(node.number, 0))
            lines = log.readlines()
            self._read_logs[node.number] = log.tell()
        return [f"node {node.number} says: {line.strip()}" for line in lines if is_alarming(line)]

    def keep(self):
        """Copies the contents of small disks, so that they outlive the disks."""
        for number, disk in self.disks.items():
            if disk.can_be_full() and os.path.exists(self._made[number].data_dir):
                subprocess.run(["cp", "-a", "--sparse=always", self._made[number].data_dir, self._made[number].folder],
                               check=False)

    def close(self, keeps=False):
        for process in [*self._made.values(), *self.members.values()]:
            if process.is_running():
                process.thaw()
            process.kill()
        self.network.close()
        for way in [way for ways in self.ways.values() for way in ways]:
            way.close()
        if keeps:
            self.keep()
        for disk in self.disks.values():
            disk.close()
        self.disks = {}
        if not keeps:
            shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.close)


# Alarming lines that a full disk, a lost etcd or the removal of the fourth node explains.
_EXPLAINED = re.compile("disk is full|No space left|no room|etcd|this node was removed from the cluster")


def is_alarming(line):
    """Whether the line reports damaged data or an invariant that is violated."""
    if "Assertion" in line or "Sanitizer" in line:
        return True
    return " error " in line[:40] and not _EXPLAINED.search(line)
