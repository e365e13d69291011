#!/usr/bin/python3
"""Generated streams in a cluster of three: one node makes the rows, and another node continues after the last committed
row when it dies, freezes or is stopped. No row is missing or duplicated."""
from cluster_cases import all_is_well, cluster
from cluster_nodes import eventually
from cluster_sql import connect, last_of_all, owner_of, psycopg, rows_of, run_on, running, shows, state_of
from millrace_server import Skipped, case, run, wait_until


def sql_cluster():
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    nodes = cluster()
    all_is_well(nodes)
    return nodes


def query_of(node, stream):
    return next(row[0] for row in rows_of(node, "SHOW QUERIES") if row[3] == stream.upper())


def count(node, relation):
    """Returns the number of rows; None while the node cannot answer."""
    try:
        return rows_of(node, f"SELECT COUNT(*) FROM {relation}")[0][0]
    except psycopg.Error:
        return None


def grows(node, relation, by=100):
    before = eventually(lambda: count(node, relation), 60)
    eventually(lambda: (count(node, relation) or 0) >= before + by, 60)


@case
def rows_continue_at_another_node_and_none_is_missing_or_doubled():
    nodes = sql_cluster()
    run_on(nodes.nodes[2], "CREATE STREAM made (id BIGINT KEY, v INT) WITH (GENERATOR = 'datagen', PARTITIONS = 3, ROWS_PER_SECOND = 500)",
           "CREATE TABLE seen AS SELECT id, COUNT(*) AS n FROM made GROUP BY id")
    for disturb, mend in (("kill", "start"), ("freeze", "thaw"), ("stop", "start")):
        owner = owner_of(nodes, "made")
        other = next(node for node in nodes.nodes.values() if node is not owner)
        grows(other, "seen")
        getattr(owner, disturb)()
        eventually(lambda: owner_of(nodes, "made", other) is not owner, 60)
        grows(other, "seen")
        getattr(owner, mend)()
        all_is_well(nodes)
    run_on(nodes.nodes[1], f"PAUSE {query_of(nodes.nodes[1], 'made')}")
    for node in running(nodes):
        eventually(lambda node=node: state_of(node, "made") == "PAUSED", 60)
    for node in running(nodes):
        eventually(lambda node=node: rows_of(node, "SELECT COUNT(*), MAX(n) FROM seen") == [(last_of_all(node, "made"), 1)], 60)
    run_on(nodes.nodes[3], f"RESUME {query_of(nodes.nodes[3], 'made')}")
    grows(nodes.nodes[1], "made")
    run_on(nodes.nodes[1], "DROP TABLE seen", "DROP STREAM made DELETE TOPIC")


@case
def a_generator_ends_at_its_last_row_and_a_replaced_one_continues():
    nodes = sql_cluster()
    made = "STREAM few (id BIGINT KEY, v INT) WITH (GENERATOR = 'datagen', PARTITIONS = 1, ROWS_PER_SECOND = 200, NUMBER_OF_ROWS = {})"
    run_on(nodes.nodes[1], "CREATE " + made.format(300))
    for node in running(nodes):
        shows(node, "SELECT COUNT(*), MIN(id), MAX(id) FROM few", [(300, 1, 300)])
    owner = owner_of(nodes, "few")
    owner.kill()
    other = running(nodes)[0]
    run_on(other, "CREATE OR REPLACE " + made.format(500))
    for node in running(nodes):
        shows(node, "SELECT COUNT(*), MIN(id), MAX(id) FROM few", [(500, 1, 500)])
    owner.start()
    all_is_well(nodes)
    assert last_of_all(owner, "few") == 500
    run_on(owner, "CREATE OR REPLACE STREAM few (id BIGINT KEY, v INT) WITH (KAFKA_TOPIC = 'few')")
    for node in running(nodes):
        eventually(lambda node=node: all(row[3] != "FEW" for row in rows_of(node, "SHOW QUERIES")), 60)
        shows(node, "SELECT COUNT(*) FROM few", [(500,)])
    run_on(other, "DROP STREAM few DELETE TOPIC")


@case
def each_node_shows_the_generator_and_one_of_them_runs_it():
    nodes = sql_cluster()
    run_on(nodes.nodes[3], "CREATE TABLE ticks (id INT PRIMARY KEY, v INT) WITH (GENERATOR = 'datagen', PARTITIONS = 2, "
           "ROWS_PER_SECOND = 50, 'fields.id.max' = 9)")
    owner = owner_of(nodes, "ticks")
    query = query_of(owner, "ticks")
    for node in running(nodes):
        with connect(node) as c:
            eventually(lambda c=c: c.execute("SELECT COUNT(*) FROM ticks").fetchone()[0] > 0, 60)
            tasks = []

            def is_shown(c=c, node=node, tasks=tasks):
                tasks[:] = [str(row) for row in c.execute("SHOW TASKS").fetchall() if query in str(row)]
                return len(tasks) == 1 and "generated@" in tasks[0] and ("STANDBY" in tasks[0]) == (node is not owner)
            wait_until(is_shown, lambda tasks=tasks: str(tasks))
            c.execute(f"EXPLAIN {query}").fetchall()
    run_on(nodes.nodes[1], "DROP TABLE ticks DELETE TOPIC")


run()
