"""A cluster for tests: Debian's etcd-server and some nodes, each a process that can be killed, frozen and restarted."""
import base64
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import urllib.request

from millrace_server import Skipped, binary
from patience import Deadline, patience, wait_until
from node_proxy import Network

ETCD = "/usr/bin/etcd"
_START_TIMEOUT_S = 90


_reserved = []


def reserve(port):
    """Reserves the port for this process, even while it does not listen there; returns False if the port is in use.
    The reservation is an abstract socket name, which other tests see and which ends with the process."""
    name = socket.socket(socket.AF_UNIX)
    with socket.socket() as probe:
        try:
            name.bind(f"\0millrace-test-port-{port}")
            probe.bind(("127.0.0.1", port))
        except OSError:
            name.close()
            return False
    _reserved.append(name)
    return True


def free_port():
    """A port outside the range for outgoing connections, so that a restarted node can listen there again."""
    while True:
        port = random.SystemRandom().randrange(12_000, 32_000)
        if reserve(port):
            return port


def eventually(is_so, timeout_s=30, pause_s=0.05):
    """Returns the result of `is_so` as soon as it is true."""
    return wait_until(is_so, f"{is_so.__name__} did not hold", timeout_s, pause_s)


class Process:
    """A process that keeps its ports and its folder over restarts."""

    def __init__(self, folder):
        self.folder = folder
        self.process = None
        self.is_frozen = False
        os.makedirs(folder, exist_ok=True)

    def _spawn(self, arguments, **how):
        self.log = os.path.join(self.folder, "log")
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(arguments, stderr=log, text=True, **how)
        self.is_frozen = False

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        if self.is_running():
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)
        self.is_frozen = True

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)
        self.is_frozen = False

    def stop(self):
        if not self.is_running():
            return
        self.process.terminate()
        try:
            self.process.wait(patience(20))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Etcd(Process):
    quota_bytes = 0  # its own

    def __init__(self, folder):
        super().__init__(folder)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.peers = f"http://127.0.0.1:{free_port()}"

    def start(self):
        self._spawn([ETCD, "--data-dir", os.path.join(self.folder, "data"), "--listen-client-urls", self.url,
                     "--advertise-client-urls", self.url, "--listen-peer-urls", self.peers,
                     "--initial-advertise-peer-urls", self.peers, "--initial-cluster", f"default={self.peers}",
                     "--quota-backend-bytes", str(self.quota_bytes), "--unsafe-no-fsync", "--log-level", "error"], stdout=subprocess.DEVNULL)

    def ask(self, path, **what):
        """A request to its gateway, which takes bytes in base64."""
        fields = {name: base64.b64encode(value).decode() if isinstance(value, bytes) else value for name, value in what.items()}
        with urllib.request.urlopen(urllib.request.Request(self.url + path, json.dumps(fields).encode()), timeout=30) as answer:
            return json.load(answer)


_started = set()  # nodes of all clusters of this program


class Node(Process):
    def __init__(self, folder, cluster, number, etcd, flags=()):
        super().__init__(folder)
        self.cluster, self.number, self.etcd, self.flags = cluster, number, etcd, flags
        self.data_dir = os.path.join(folder, "data")
        self.has_http = True  # a start of the node reads it
        # Without it, leaders move only when a test moves them: the periodic move back to the preferred replicas could come
        # between two requests of a test.
        self.moves_leaders_back = False
        self.kafka, self.pg, self.nodes, self.http = (f"127.0.0.1:{free_port()}" for _ in range(4))

    def arguments(self):
        return [binary(), "server", "--data-dir", self.data_dir, "--kafka", self.kafka, "--pg", self.pg,
                "--http", self.http if self.has_http else "off",
                "--nodes", self.nodes, "--cluster", self.cluster, "--node-id", str(self.number),
                "--etcd", self.etcd, *([] if self.moves_leaders_back else ["--leader-imbalance-check-interval-seconds", "86400"]),
                *self.flags]

    def start(self, waits=True):
        self._spawn(self.arguments(), stdout=subprocess.PIPE)
        _started.add(self)
        self.ready = threading.Event()
        threading.Thread(target=self._read_output, args=(self.process.stdout,), daemon=True).start()
        if waits:
            self.wait_until_ready()
        return self

    def _read_output(self, output):
        ready = self.ready
        for line in output:
            if line.strip() == "ready":
                ready.set()

    def wait_until_ready(self):
        deadline = Deadline(_START_TIMEOUT_S)
        while not self.ready.wait(0.05):
            assert self.is_running(), f"node {self.number} did not start:\n" + self.tail()
            deadline.check(lambda: f"node {self.number} did not start:\n" + self.tail())

    def peers(self):
        """Returns the other nodes of its cluster that run and are not frozen."""
        return [node for node in _started if node is not self and os.path.dirname(node.folder) == os.path.dirname(self.folder)
                and node.is_running() and not node.is_frozen]

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def tail(self):
        return self.log_text()[-3000:]


class Cluster:
    """Nodes 1 to `count`, and one etcd; all end when it is closed. Their time-outs are long: a machine that is busy
    with other tests must not make nodes look dead. With `has_network` the messages between nodes pass proxies that
    can cut them. `racks`: {number of a node: its rack}."""

    def __init__(self, count=3, name="blue", flags=("--node-session-timeout-ms", "2000"), has_network=False, racks=None):
        if not os.path.exists(ETCD):
            raise Skipped("etcd-server is not installed")
        self.folder = tempfile.mkdtemp(prefix="millrace-cluster-")
        self.etcd = Etcd(os.path.join(self.folder, "etcd"))
        self.nodes = {number: Node(os.path.join(self.folder, f"node{number}"), name, number, self.etcd.url, flags)
                      for number in range(1, count + 1)}
        self.network = Network()
        for node in self.nodes.values() if has_network else ():
            node.flags = [*node.flags, "--nodes-advertised", self.network.before(node.number, node.nodes)]
        for number, rack in (racks or {}).items():
            self.nodes[number].flags = [*self.nodes[number].flags, "--rack", rack]
        try:
            self.etcd.start()
            self.start_all()
        except BaseException:
            self.close()  # these processes must end here, because no caller could end them
            raise

    @property
    def bootstrap(self):
        return ",".join(node.kafka for node in self.nodes.values())

    def close(self):
        self.network.close()
        for process in [*self.nodes.values(), self.etcd]:
            if process.is_running():
                process.thaw()
            process.kill()
        if not os.environ.get("MILLRACE_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def start_all(self):
        """Starts the nodes that do not run, and thaws those that a failed case has left frozen."""
        for node in self.nodes.values():
            if not node.is_running():
                node.start(waits=False)
            elif node.is_frozen:
                node.thaw()
        for node in self.nodes.values():
            node.wait_until_ready()
