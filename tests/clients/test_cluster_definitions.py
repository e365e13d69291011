#!/usr/bin/python3
"""Definitions within transactions in a cluster of three: they exist at all nodes after COMMIT, are undone by
ROLLBACK, and are undone, too, if the session's node dies."""
import threading
import time

from cluster_cases import all_is_well, cluster
from cluster_nodes import eventually
from cluster_sql import connect, execute, refusal, rows_of, run_on, shows
from millrace_server import Skipped, case, patience, run, wait_until

try:
    import psycopg
except ImportError:
    psycopg = None


def sql_cluster():
    nodes = cluster()
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    return nodes


def begin(node):
    connection = connect(node)
    connection.autocommit = False
    return connection


def tables_of(node):
    return {row[0].lower() for row in rows_of(node, "SHOW TABLES")}


def at_all(nodes, is_so):
    for node in nodes.nodes.values():
        if node.is_running():
            eventually(lambda node=node: is_so(node), 60)


@case
def definitions_and_rows_of_a_transaction_exist_from_its_commit_on():
    nodes = sql_cluster()
    for number, node in nodes.nodes.items():
        name = f"made_{number}"
        with begin(node) as c:
            c.execute(f"CREATE TABLE {name} (id INT PRIMARY KEY, v TEXT) WITH (partitions = 3)")
            c.execute(f"ALTER TABLE {name} ADD COLUMN w INT")
            c.execute(f"CREATE TABLE {name}_ids (id SERIAL PRIMARY KEY, v INT)")
            for i in range(20):
                c.execute(f"INSERT INTO {name} VALUES (%s, 'a', %s)", (i, i))
            c.execute(f"INSERT INTO {name}_ids (v) VALUES (1), (2)")
            assert c.execute(f"SELECT SUM(w) FROM {name}").fetchone() == (190,)
            c.commit()
        # A node shows the tables before it knows that the transaction has ended; until then they cannot be read there.
        for other in nodes.nodes.values():
            shows(other, f"SELECT COUNT(*), SUM(w) FROM {name}", [(20, 190)])
            shows(other, f"SELECT id, v FROM {name}_ids", [(1, 1), (2, 2)])


@case
def a_rollback_leaves_nothing_and_brings_back_what_was_dropped():
    nodes = sql_cluster()
    run_on(nodes.nodes[1], "CREATE TABLE kept (id INT PRIMARY KEY, v INT) WITH (partitions = 3)",
           *(f"INSERT INTO kept VALUES ({i}, {i})" for i in range(30)))
    at_all(nodes, lambda node: "kept" in tables_of(node))
    for number, node in nodes.nodes.items():
        with begin(node) as c:
            c.execute("DROP TABLE kept")
            c.execute("CREATE TABLE kept (other TEXT PRIMARY KEY)")
            c.execute("INSERT INTO kept VALUES ('x')")
            c.execute(f"CREATE TABLE gone_{number} (id INT PRIMARY KEY)")
            c.execute(f"CREATE TABLE counted_{number} AS SELECT other, COUNT(*) AS n FROM kept GROUP BY other")
            c.execute("CREATE SCHEMA IF NOT EXISTS reports")
            c.execute("CREATE TEMP TABLE mine (id INT PRIMARY KEY)")
            c.rollback()
        at_all(nodes, lambda node: tables_of(node) >= {"kept"} and
               not {name for name in tables_of(node) if name.startswith(("gone_", "counted_", "mine"))})
        for other in nodes.nodes.values():
            shows(other, "SELECT COUNT(*), SUM(v) FROM kept", [(30, 435)])
    # The topic accepts records as before, and keeps its replicas.
    run_on(nodes.nodes[2], "INSERT INTO kept VALUES (30, 30)")
    all_is_well(nodes)

    def topics():
        return [row[0] for row in rows_of(nodes.nodes[3], "SHOW TOPICS")]
    wait_until(lambda: not [name for name in topics() if name.startswith(("gone_", "counted_"))], lambda: str(topics()))
    assert topics().count("kept") == 1, topics()


@case
def a_table_that_is_created_again_is_empty_on_all_nodes():
    nodes = sql_cluster()
    run_on(nodes.nodes[1], "CREATE TABLE anew (id INT PRIMARY KEY, v INT)", "INSERT INTO anew VALUES (1, 1), (2, 2)")
    with begin(nodes.nodes[2]) as c:
        c.execute("DROP TABLE anew")
        c.execute("CREATE TABLE anew (id INT PRIMARY KEY, w TEXT)")
        c.execute("INSERT INTO anew VALUES (7, 'seven')")
        c.commit()
    for node in nodes.nodes.values():
        shows(node, "SELECT * FROM anew", [(7, "seven")])
    all_is_well(nodes)


def error_of(node, statement):
    """Returns the SQLSTATE, or None if the statement succeeds."""
    try:
        run_on(node, statement)
    except psycopg.Error as error:
        return error.sqlstate
    return None


@case
def names_are_the_transactions_own_until_it_ends():
    nodes = sql_cluster()
    with begin(nodes.nodes[1]) as c:
        c.execute("CREATE TABLE claimed (id INT PRIMARY KEY)")
        at_all(nodes, lambda node: "claimed" in tables_of(node))
        for number in (2, 3):
            assert "has not ended" in refusal(nodes.nodes[number], "CREATE TABLE claimed (x INT PRIMARY KEY)")
            assert "has not ended" in refusal(nodes.nodes[number], "INSERT INTO claimed VALUES (1)")
        c.commit()
    at_all(nodes, lambda node: error_of(node, f"INSERT INTO claimed VALUES ({node.number})") != "55P03")
    assert sorted(rows_of(nodes.nodes[1], "SELECT id FROM claimed")) == [(1,), (2,), (3,)]


@case
def definitions_that_a_dead_node_has_left_open_are_undone():
    nodes = sql_cluster()
    for number in (1, 2, 3):
        dying, others = nodes.nodes[number], [node for node in nodes.nodes.values() if node.number != number]
        run_on(dying, "CREATE TABLE before (id INT PRIMARY KEY)", "INSERT INTO before VALUES (1)")
        c = begin(dying)
        c.execute("CREATE TABLE half (id INT PRIMARY KEY)")
        c.execute("DROP TABLE before")
        at_all(nodes, lambda node: "half" in tables_of(node) and "before" not in tables_of(node))
        dying.kill()
        if number != 1:  # node 1 restarts immediately
            dying.start()
        for node in others:
            eventually(lambda node=node: "half" not in tables_of(node) and "before" in tables_of(node), 60)
            shows(node, "SELECT id FROM before", [(1,)])
        run_on(others[0], "DROP TABLE before", "CREATE TABLE half (id INT PRIMARY KEY)")
        nodes.start_all()
        all_is_well(nodes)
        at_all(nodes, lambda node: "half" in tables_of(node))
        run_on(others[0], "DROP TABLE half")


@case
def a_node_that_was_frozen_for_long_commits_nothing():
    nodes = sql_cluster()
    frozen, other = nodes.nodes[3], nodes.nodes[1]
    c = begin(frozen)
    c.execute("CREATE TABLE late (id INT PRIMARY KEY)")
    c.execute("INSERT INTO late VALUES (1)")
    at_all(nodes, lambda node: "late" in tables_of(node))
    frozen.freeze()
    try:
        eventually(lambda: "late" not in tables_of(other), 60)
    finally:
        frozen.thaw()
    try:
        c.commit()
        raise AssertionError("committed")
    except psycopg.Error as error:
        assert error.sqlstate in ("40001", "55P03", "08006"), (error.sqlstate, error)
    all_is_well(nodes)
    at_all(nodes, lambda node: "late" not in tables_of(node))
    # A short freeze has no effect.
    with begin(frozen) as c:
        c.execute("CREATE TABLE soon (id INT PRIMARY KEY)")
        frozen.freeze()
        time.sleep(2)  # shorter than the silence after which the other nodes end a transaction
        frozen.thaw()
        c.execute("INSERT INTO soon VALUES (1)")
        c.commit()
    for node in nodes.nodes.values():
        shows(node, "SELECT id FROM soon", [(1,)])


@case
def a_definition_is_visible_on_whichever_node_gets_the_next_statement():
    """The statements run at different nodes, as behind a load balancer."""
    nodes = sql_cluster()
    sessions = {node: connect(node) for node in nodes.nodes.values()}
    for i in range(40):
        one, two, three = (nodes.nodes[(i + k) % 3 + 1] for k in range(3))
        execute(sessions[one], one, "CREATE TABLE next (id INT PRIMARY KEY, v INT)")
        sessions[two].execute("INSERT INTO next VALUES (1, 1)")
        execute(sessions[three], three, "ALTER TABLE next ADD COLUMN w INT")
        sessions[one].execute("INSERT INTO next VALUES (2, 2, 2)")
        assert sorted(sessions[two].execute("SELECT id, w FROM next").fetchall()) == [(1, None), (2, 2)]
        execute(sessions[two], two, "DROP TABLE next")


@case
def migrations_at_all_nodes_at_once():
    """Schema tools work like this: each creates its tables in a transaction, and finds the tables of another tool."""
    nodes = sql_cluster()
    done, failures = [], []

    def migrate(node):
        for i in range(10):
            while True:
                try:
                    with begin(node) as c:
                        c.execute("CREATE TABLE IF NOT EXISTS versions (id INT PRIMARY KEY, who INT)")
                        c.execute(f"CREATE TABLE step_{node.number}_{i} (id INT PRIMARY KEY)")
                        c.execute("INSERT INTO versions VALUES (%s, %s)", (node.number * 100 + i, node.number))
                        if i % 3 == 2:
                            c.rollback()
                        else:
                            c.commit()
                            done.append(node.number * 100 + i)
                    break
                except psycopg.Error as error:
                    if error.sqlstate not in ("55P03", "40001", "42P07", "42P01"):
                        failures.append((error.sqlstate, str(error)))
                        return
                    time.sleep(0.05)
    threads = [threading.Thread(target=migrate, args=(node,)) for node in nodes.nodes.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience(120))
    assert not failures, failures
    expected = {f"step_{number // 100}_{number % 100}" for number in done}
    at_all(nodes, lambda node: {name for name in tables_of(node) if name.startswith("step_")} == expected)
    for node in nodes.nodes.values():
        assert sorted(row[0] for row in rows_of(node, "SELECT id FROM versions")) == sorted(done)
    all_is_well(nodes)


run()
