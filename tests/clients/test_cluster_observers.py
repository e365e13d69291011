#!/usr/bin/python3
"""Queries on nodes without replicas of their inputs: more nodes than replicas, and topics with one replica."""
import atexit
import time

from cluster_cases import all_is_well, create_topic, leader_of, metadata_of
from cluster_nodes import Cluster, eventually
from cluster_sql import connect, owner_of, rows_of, run_on, running, shows
from millrace_server import Skipped, case, run

try:
    import psycopg
except ImportError:
    psycopg = None

_nodes = None


def four():
    """Creates the table with three replicas, the default of topics."""
    global _nodes
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    if _nodes is None:
        _nodes = Cluster(count=4)
        atexit.register(_nodes.close)
    _nodes.start_all()
    all_is_well(_nodes)
    return _nodes


def replicas_at(nodes, topic):
    """Returns the number of the topic's partitions of which each node has a replica."""
    partitions = metadata_of(running(nodes)[0], topic).topics[topic].partitions.values()
    return {number: sum(number in partition.replicas for partition in partitions) for number in nodes.nodes}


def has_alarms(node):
    with open(node.log, errors="replace") as log:
        return [line for line in log if " error " in line[:40] and "without a replica" in line]


@case
def a_query_runs_and_is_read_at_nodes_that_lack_replicas():
    nodes = four()
    run_on(nodes.nodes[1], "CREATE STREAM spread (k INT KEY, v INT) WITH (kafka_topic = 'spread', partitions = 6)",
           "CREATE TABLE totals AS SELECT k, SUM(v) AS s FROM spread GROUP BY k")
    assert min(replicas_at(nodes, "spread").values()) < 6  # therefore at least one node has no replica
    owner_of(nodes, "totals")
    for i in range(40):
        with connect(nodes.nodes[1 + i % 4]) as c:
            c.execute(f"INSERT INTO spread VALUES ({i % 8}, 1)")
            row = c.execute(f"SELECT s FROM totals WHERE k = {i % 8}").fetchone()
            assert row == (i // 8 + 1,), (i, row)
    for node in running(nodes):
        shows(node, "SELECT k, s FROM totals", [(k, 5) for k in range(8)])
        assert not has_alarms(node), has_alarms(node)


@case
def it_goes_on_wherever_it_has_to():
    nodes = four()
    expected = 5
    for _ in range(4):
        owner = owner_of(nodes, "totals")
        owner.kill()
        others = running(nodes)
        expected += 1
        for k in range(8):
            run_on(others[k % 3], f"INSERT INTO spread VALUES ({k}, 1)")
        for node in others:
            shows(node, "SELECT k, s FROM totals", [(k, expected) for k in range(8)])
        nodes.start_all()
        all_is_well(nodes)
    # A node that was away has continued at its position, and has all records.
    for node in running(nodes):
        shows(node, "SELECT k, s FROM totals", [(k, expected) for k in range(8)])


@case
def a_declared_table_is_read_at_each_node():
    nodes = four()
    run_on(nodes.nodes[2], "CREATE TABLE places (k INT PRIMARY KEY, v VARCHAR) WITH (partitions = 5)")
    for i in range(20):
        run_on(nodes.nodes[1 + i % 4], f"INSERT INTO places VALUES ({i}, 'v{i}')")
        for node in running(nodes):
            assert rows_of(node, f"SELECT v FROM places WHERE k = {i}") == [(f"v{i}",)]


@case
def a_topic_of_one_replica_is_read_by_a_query_at_another_node():
    nodes = four()
    create_topic(nodes, "single", 1, 1)
    only = leader_of(nodes, "single")
    run_on(nodes.nodes[1], "CREATE STREAM single (v INT) WITH (kafka_topic = 'single', value_format = 'json')",
           "CREATE TABLE counted AS SELECT 1 AS one, COUNT(*) AS n FROM single GROUP BY 1")
    for i in range(10):
        run_on(nodes.nodes[1 + i % 4], f"INSERT INTO single VALUES ({i})")
    for node in running(nodes):
        shows(node, "SELECT n FROM counted", [(10,)])
    only.kill()
    eventually(lambda: all(metadata_of(node, "single").topics["single"].partitions[0].leader < 0 for node in running(nodes)))
    # The end of the topic is unknown now. A node that has to ask for it returns an error instead of an answer that may
    # lack records.
    for node in running(nodes):
        try:
            assert rows_of(node, "SELECT n FROM counted") == [(10,)]
        except psycopg.Error as error:
            assert "the partition has no leader" in str(error), error
    nodes.start_all()
    all_is_well(nodes)
    run_on(nodes.nodes[1], "INSERT INTO single VALUES (11)")
    for node in running(nodes):
        shows(node, "SELECT n FROM counted", [(11,)])


@case
def a_copy_goes_with_the_last_query_and_comes_with_the_next():
    nodes = four()
    query = next(row[0] for row in rows_of(nodes.nodes[1], "SHOW QUERIES") if row[3] == "COUNTED")
    run_on(nodes.nodes[1], "DROP TABLE counted")
    eventually(lambda: all(query not in [row[0] for row in rows_of(node, "SHOW QUERIES")] for node in running(nodes)))
    time.sleep(0.5)  # the copies go after the query; no table shows them
    run_on(nodes.nodes[3], "CREATE TABLE counted_again AS SELECT 1 AS one, COUNT(*) AS n FROM single GROUP BY 1")
    for node in running(nodes):
        shows(node, "SELECT n FROM counted_again", [(11,)])


run()
