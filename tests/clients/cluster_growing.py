"""A single server, and the cluster of three nodes that it becomes (millrace cluster join)."""
import atexit
import collections
import functools
import os
import subprocess
import tempfile

from cluster_cases import all_is_well
from cluster_nodes import ETCD, Cluster, Etcd, Node
from cluster_sql import psycopg, run_on
from cluster_sql import shows as shows_within
from millrace_server import Skipped, binary
from node_proxy import Network

shows = functools.partial(shows_within, timeout_s=90)


class FirstNode(Node):
    """A node that can also be started as a single server, at the same addresses."""
    is_alone = True

    def arguments(self):
        if not self.is_alone:
            return super().arguments()
        return [binary(), "server", "--data-dir", self.data_dir, "--kafka", self.kafka, "--pg", self.pg, "--http", "off",
                "--checkpoint-journal-bytes", "100000", "--checkpoint-interval-ms", "500"]

    def begin_join(self, crash_point=None, **changed):
        flags = {"data-dir": self.data_dir, "cluster": self.cluster, "node-id": self.number, "etcd": self.etcd,
                 **{name.replace("_", "-"): value for name, value in changed.items()}}
        environment = {**os.environ, **({"MILLRACE_CRASH_POINT": crash_point} if crash_point else {})}
        return subprocess.Popen([binary(), "cluster", "join", *(f"--{name}={value}" for name, value in flags.items())],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)

    def join(self, crash_point=None, status=0, **changed):
        """Runs the join, and returns its output."""
        process = self.begin_join(crash_point, **changed)
        said, _ = process.communicate(timeout=120)
        expected = (0, -9) if crash_point else (status,)
        assert process.returncode in expected, (process.returncode, said)
        return said

    def refused_start(self):
        """Starts the server, and returns the reason why it does not start, or None."""
        try:
            self.start()
            return ""
        except AssertionError as error:
            return str(error)


class Growing(Cluster):
    """A cluster that starts as node 1 alone, without data; nodes 2 and 3 do not exist yet."""

    def __init__(self, name="blue"):
        if psycopg is None:
            raise Skipped("psycopg is not installed")
        if not os.path.exists(ETCD):
            raise Skipped("etcd-server is not installed")
        self.folder = tempfile.mkdtemp(prefix="millrace-join-")
        self.network = Network()
        self.etcd = Etcd(os.path.join(self.folder, "etcd"))
        flags = ("--node-session-timeout-ms", "2000")
        self.first = FirstNode(os.path.join(self.folder, "node1"), name, 1, self.etcd.url, flags)
        self.others = {number: Node(os.path.join(self.folder, f"node{number}"), name, number, self.etcd.url, flags)
                       for number in (2, 3)}
        self.nodes = {1: self.first}
        atexit.register(self.close)
        self.etcd.start()

    def close(self):
        self.nodes |= self.others
        super().close()

    def join(self):
        self.first.stop()
        said = self.first.join()
        assert f'Node 1 of cluster "{self.first.cluster}" has all data of the server' in said, said
        self.first.is_alone = False
        self.first.start()
        all_is_well(self)

    def grow(self):
        self.nodes |= self.others
        self.start_all()
        all_is_well(self)


def command(nodes, *arguments):
    done = subprocess.run([binary(), *arguments, "-b", nodes.bootstrap], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout


class Small:
    """A server with queries that joins a cluster again and again; the test counts everything that it has written."""

    def __init__(self, nodes):
        self.count = 0
        run_on(nodes.first, "CREATE STREAM ticks (k INT KEY, v INT) WITH (partitions = 2)",
               "CREATE TABLE counted AS SELECT v % 7 AS m, COUNT(*) AS n FROM ticks GROUP BY v % 7",
               "CREATE STREAM odd AS SELECT k, v FROM ticks WHERE v % 2 = 1")
        self.write(nodes.first)

    def write(self, node):
        self.write_many(node, 50)
        self.check(node)

    def write_many(self, node, count):
        """Writes rows, and does not check the results of the queries."""
        end = self.count + count
        while self.count < end:
            rows = range(self.count, min(self.count + 5000, end))
            run_on(node, "INSERT INTO ticks VALUES " + ", ".join(f"({i % 5}, {i})" for i in rows))
            self.count += len(rows)

    def check(self, node):
        shows(node, "SELECT m, n FROM counted", list(collections.Counter(i % 7 for i in range(self.count)).items()))
        shows(node, "SELECT v FROM odd", [(i,) for i in range(1, self.count, 2)])
