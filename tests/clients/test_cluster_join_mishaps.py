#!/usr/bin/python3
"""A join (millrace cluster join) that is killed at each of its steps, or whose etcd answers late, never, or is full:
a repeated join completes it, and until then the server is unchanged."""
import functools
import glob
import os
import shutil
import subprocess
import tarfile
import time
from importlib.machinery import SourceFileLoader

from cluster_cases import all_is_well
from cluster_growing import Growing, Small, command, shows
from cluster_nodes import Etcd, eventually
from cluster_sql import connect, rows_of, run_on
from etcd_proxy import EtcdProxy
from millrace_server import Skipped, case, run


class Copies:
    """A stopped server with some data; each attempt uses a copy of its directory, and a cluster of its own."""

    def __init__(self, name):
        self.nodes = Growing(name)
        self.first = self.nodes.first
        self.first.start()
        self.small = Small(self.nodes)
        self.first.stop()
        self.name, self.kept, self.count, self.attempts = name, self.first.data_dir, self.small.count, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.nodes.close()

    def attempt(self):
        """Starts the server alone, with its old data."""
        self.attempts += 1
        first = self.first
        first.stop()
        if first.data_dir != self.kept:
            shutil.rmtree(first.data_dir)
        first.data_dir, first.cluster = f"{self.kept}-{self.attempts}", f"{self.name}-{self.attempts}"
        first.is_alone, self.small.count = True, self.count
        shutil.copytree(self.kept, first.data_dir)
        return first

    def write_alone(self):
        self.first.start()
        self.small.write(self.first)
        self.first.stop()

    def check_joined(self):
        first = self.first
        first.is_alone = False
        first.start()
        self.small.check(first)
        self.small.write(first)
        assert "feature level" not in command(self.nodes, "cluster", "status"), "a cluster that is begun now is at the newest"

    def join_again(self):
        said = self.first.join()
        assert "has all data of" in said or "already" in said, said
        self.check_joined()


@case
def a_join_that_is_killed_at_any_point_is_repeated_or_never_happened():
    with Copies("killed") as copies:
        killed_at = []
        for point in [*("after-join-began", "after-founding", "before-join-ends"),
                      *(f"{('before-acknowledgement', 'before-log-commit')[number % 2]}:{number}" for number in range(1, 40))]:
            first = copies.attempt()
            if "has all data of" in first.join(crash_point=point):
                break  # the join makes fewer commits
            killed_at.append(point)
            if len(killed_at) % 3 == 0:
                why = first.refused_start()
                if "belongs to node 1" not in why:
                    assert why == "", why
                    copies.small.write(first)
                    first.stop()
                    # The server is killed once more, while etcd still has the state from before its last writes.
                    first.join(crash_point="after-founding")
            copies.join_again()
        print(f"killed at {', '.join(killed_at)}")
        assert {"after-join-began", "after-founding", "before-log-commit:1", "before-acknowledgement:4"} <= set(killed_at), killed_at


@case
def a_join_that_is_killed_at_any_request_to_etcd_is_repeated():
    with Copies("asking") as copies:
        number, was_killed = 0, True
        while was_killed:
            number += 1
            for when in ("before", "after"):
                first, was_killed = copies.attempt(), False
                process = None

                def kill(_, asked):
                    nonlocal was_killed
                    if asked != number:
                        return True
                    process.kill()
                    process.wait()
                    was_killed = True
                    return False
                with EtcdProxy(copies.nodes.etcd.url, **{when: kill}, delay_s=0.05) as proxy:
                    process = first.begin_join(etcd=proxy.url)
                    said, _ = process.communicate(timeout=60)
                assert was_killed or "has all data of" in said, said
                if number % 2 == 0 and was_killed:
                    copies.write_alone()
                copies.join_again()
        print(f"{number - 1} requests")
        assert number > 4, number


@case
def answers_of_etcd_that_come_late_or_get_lost():
    with Copies("late") as copies:
        # Each answer of etcd is late.
        first = copies.attempt()
        with EtcdProxy(copies.nodes.etcd.url, delay_s=1) as proxy:
            assert "has all data of" in first.join(etcd=proxy.url)
        copies.check_joined()

        # etcd performs the request, but its answer is lost: the answer of the first write, of the second write, or
        # of all three writes.
        for lost in ({1}, {2}, {1, 2, 3}):
            first, writes = copies.attempt(), []

            def lose(path, _):
                if path.endswith("/txn"):
                    writes.append(path)
                    return len(writes) not in lost
                return True
            with EtcdProxy(copies.nodes.etcd.url, after=lose) as proxy:
                assert "has all data of" in first.join(etcd=proxy.url)
            copies.check_joined()

        # No answer arrives in time. The outcome of the requests is unknown, and the next join finds out the outcome.
        first = copies.attempt()
        with EtcdProxy(copies.nodes.etcd.url, delay_s=3) as proxy:
            assert "etcd does not answer" in first.join(status=1, etcd=proxy.url)
        copies.write_alone()
        copies.join_again()

        # Only the answers to writes are late, except writes of pieces of the snapshot: etcd may perform these writes
        # later.
        first, writes = copies.attempt(), []

        def wait(path, _):
            writes.extend([path] if path.endswith("/txn") else [])
            if len(writes) > 1:
                time.sleep(3)  # longer than the command waits for etcd
        with EtcdProxy(copies.nodes.etcd.url, before=wait) as proxy:
            said = first.join(status=1, etcd=proxy.url)
        assert "it is not known whether it has the metadata of the cluster" in said and "Repeat the command" in said, said
        copies.join_again()


@case
def etcd_that_is_away_changes_nothing():
    with Copies("away") as copies:
        first = copies.attempt()
        copies.nodes.etcd.kill()
        said = first.join(status=1)
        assert "etcd does not answer" in said and copies.nodes.etcd.url in said, said
        copies.write_alone()
        copies.nodes.etcd.start()
        copies.join_again()


@case
def an_etcd_that_is_full_changes_nothing():
    with Copies("full") as copies:
        first = copies.attempt()
        full = Etcd(os.path.join(copies.nodes.folder, "full"))
        full.quota_bytes = 1 << 20
        full.start()
        try:
            fill(full)
            said = first.join(status=1, etcd=full.url)
            assert "space" in said, said
            assert "would exist already" not in said, said
        finally:
            full.kill()
        copies.write_alone()
        copies.join_again()


def fill(etcd):
    """Fills etcd until it refuses further data."""
    for number in range(100):
        try:
            etcd.ask("/v3/kv/put", key=b"/other/%d" % number, value=os.urandom(100_000))
        except OSError as error:
            if "Connection refused" not in str(error):
                return
            time.sleep(0.1)
    raise AssertionError("it takes everything")


@case
def the_remains_of_a_join_in_etcd_block_no_other_join():
    with Copies("left") as copies:
        first = copies.attempt()
        first.join(crash_point="after-founding")
        # The join is tried again with the number of another node, and then with the name of another cluster.
        first.join(crash_point="after-founding", node_id=7)
        copies.write_alone()
        first.cluster += "-else"
        said = first.join()
        assert "has all data of" in said, said
        copies.check_joined()
        # A node that has read metadata that were replaced later reads them again.
        first = copies.attempt()
        first.join(crash_point="after-founding")
        other = copies.nodes.others[2]
        other.cluster = first.cluster
        copies.write_alone()
        first.join(crash_point="after-founding")
        copies.nodes.nodes[2] = other.start()
        assert "was started before has finished" in first.join()
        copies.check_joined()
        command(copies.nodes, "cluster", "add", "2", "--replicas", "2")
        all_is_well(copies.nodes)
        copies.small.check(other)


@case
def alone_it_is_refused_afterwards():
    with Copies("alone") as copies:
        first = copies.attempt()
        assert "has all data of" in first.join()
        why = first.refused_start()
        assert 'belongs to node 1 of cluster "alone-1"' in why, why
        copies.check_joined()
        # The join is refused while the server runs. After the server has stopped, the join reports that it was done
        # before.
        said = first.join(status=1)
        assert "another process" in said, said
        first.stop()
        assert "already" in first.join()
        copies.check_joined()
        run_on(first, "DROP TABLE counted")


@case
def the_remains_of_a_killed_server_are_named_or_taken_over():
    nodes = Growing("leavings")
    first = nodes.first
    first.start()
    small = Small(nodes)
    temporary, defining = connect(first), connect(first)
    temporary.execute("CREATE TEMP TABLE passing (k INT PRIMARY KEY, v INT)")
    defining.execute("BEGIN")
    defining.execute("CREATE TABLE half (k INT PRIMARY KEY, v INT)")
    first.kill()
    said = first.join(status=1)
    assert "nothing was changed" in said, said
    assert "definitions of a transaction that has not ended: start the server alone once" in said, said
    assert ".passing: start the server alone once, which drops it, and stop it" in said, said
    first.start()
    small.check(first)
    small.write_many(first, 50_000)
    run_on(first, "CREATE OR REPLACE TABLE counted WITH (REBUILD = true) AS "
           "SELECT v % 7 AS m, COUNT(*) AS n, SUM(v) AS s FROM ticks GROUP BY v % 7")
    first.kill()
    said = first.join(status=1)
    assert "into counted is being rebuilt: start the server alone, and stop it when the rebuild has ended" in said, said
    first.start()
    shows(first, "SELECT COUNT(*) FROM counted WHERE s > 0", [(7,)])
    eventually(lambda: len(rows_of(first, "SHOW QUERIES")) == 2)
    # The queries of the cluster read the records that the queries of the server have not read yet.
    small.write_many(first, 20_000)
    first.kill()
    nodes.join()
    small.check(first)
    nodes.grow()
    command(nodes, "cluster", "rebalance", "--replicas", "3")
    first.kill()
    small.write(nodes.others[2])
    small.check(nodes.others[3])
    nodes.close()


@case
def data_of_earlier_versions_is_taken_over():
    if shutil.which("psql") is None:
        raise Skipped("psql is not installed")
    folder = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "upgrade")
    upgrade = SourceFileLoader("upgrade", os.path.join(folder, "run")).load_module()
    for archive in sorted(glob.glob(os.path.join(folder, "*.tar.gz"))):
        nodes = Growing("earlier")
        first = nodes.first
        os.makedirs(first.data_dir)
        with tarfile.open(archive) as files:
            files.extractall(first.data_dir)
        assert "has all data of the server" in first.join()
        first.is_alone = False
        first.start()
        upgrade.expect_rows(functools.partial(psql, first), 2)
        nodes.grow()
        command(nodes, "cluster", "rebalance", "--replicas", "3")
        first.kill()
        psql(nodes.others[2], upgrade.ORDERS)
        for node in nodes.others.values():
            upgrade.expect_rows(functools.partial(psql, node), 3)
        nodes.close()


def psql(node, text):
    host, port = node.pg.split(":")
    done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", host, "-p", port, "-U", "millrace", "millrace", "-f", "-"],
                          input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (text, done.stderr)
    return done.stdout.splitlines()


run()
