#!/usr/bin/python3
"""Links to another Kafka cluster, from a cluster of three nodes: definitions are the same at all nodes, and each node
connects by itself."""
import os

from cluster_cases import all_is_well
from cluster_nodes import Cluster, eventually
from cluster_sql import connect, psycopg, refusal, rows_of, run_on, running
from millrace_server import Skipped, case, launch, run

SECRET = "geheim-4711"


def secrets_of(node):
    return os.path.join(node.folder, "secrets")


class LinkedCluster(Cluster):
    """Each node has a --secrets-dir of its own; only node 3 lacks the file `shop.user`."""

    def start_all(self):
        for node in self.nodes.values():
            if os.path.exists(secrets_of(node)):
                continue
            os.mkdir(secrets_of(node))
            node.flags = [*node.flags, "--secrets-dir", secrets_of(node)]
            if node.number != 3:
                with open(os.path.join(secrets_of(node), "shop.user"), "w", encoding="utf-8") as file:
                    file.write(SECRET)
        super().start_all()


def states(node):
    return {row[0]: row[1] for row in rows_of(node, "SHOW LINKS")}


def printed(node, count):
    lines = [row[0] for row in rows_of(node, f"PRINT 'orders' FROM LINK shop FROM BEGINNING LIMIT {count}")]
    return sorted(line for line in lines if line.startswith("rowtime:"))


@case
def a_link_works_at_every_node_until_it_is_dropped_at_one():
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    foreign = launch()
    nodes = LinkedCluster()
    try:
        all_is_well(nodes)
        with psycopg.connect(host=foreign.host, port=foreign.port, user="millrace", dbname="shop", autocommit=True) as c:
            c.execute("CREATE STREAM orders (id INT KEY, city VARCHAR) WITH (KAFKA_TOPIC = 'orders', PARTITIONS = 2)")
            c.execute("INSERT INTO orders VALUES (1, 'Lahore'), (2, 'Karachi'), (3, 'Lahore')")
        run_on(nodes.nodes[1], f"CREATE LINK shop WITH ('bootstrap.servers' = '{foreign.kafka}')")
        # The statement is answered when the live nodes have read the definition.
        for node in nodes.nodes.values():
            assert list(states(node)) == ["shop"], (node.number, states(node))
        for node in nodes.nodes.values():
            eventually(lambda node=node: states(node) == {"shop": "CONNECTED"})
            assert "orders" in [row[0] for row in rows_of(node, "SHOW TOPICS FROM LINK shop")], node.number
            assert len(printed(node, 3)) == 3, node.number
        said = refusal(nodes.nodes[2], f"CREATE LINK shop WITH ('bootstrap.servers' = '{foreign.kafka}')")
        assert "link shop already exists" in said, said
        # The node with the connections of the CREATE dies; the others keep the link.
        nodes.nodes[1].kill()
        for node in running(nodes):
            assert len(printed(node, 3)) == 3, node.number
        run_on(nodes.nodes[2], "CREATE OR REPLACE LINK later WITH ('bootstrap.servers' = '127.0.0.1:1', 'connect' = 'later')")
        nodes.start_all()
        all_is_well(nodes)
        eventually(lambda: states(nodes.nodes[1]) == {"shop": "CONNECTED", "later": "CONNECTING"})
        run_on(nodes.nodes[3], "DROP LINK shop")
        for node in nodes.nodes.values():
            assert list(states(node)) == ["later"], (node.number, states(node))
            assert "link shop does not exist" in refusal(node, "PRINT 'orders' FROM LINK shop LIMIT 1"), node.number
    finally:
        nodes.close()
        foreign.stop()


@case
def a_node_without_the_file_of_a_secret_reports_it():
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    nodes = LinkedCluster()
    try:
        all_is_well(nodes)
        run_on(nodes.nodes[1], "CREATE LINK shop WITH ('bootstrap.servers' = '127.0.0.1:1', 'connect' = 'later', "
               "'security.protocol' = 'SASL_PLAINTEXT', 'sasl.mechanism' = 'PLAIN', 'sasl.username' = 'ann', "
               "'sasl.password' = '${file:shop.user}')")
        eventually(lambda: states(nodes.nodes[3]) == {"shop": "REFUSED"})
        for node in (nodes.nodes[1], nodes.nodes[2]):
            eventually(lambda node=node: states(node) == {"shop": "CONNECTING"})
        with connect(nodes.nodes[3]) as c:
            told = str(c.execute("DESCRIBE LINK shop").fetchall())
        assert "shop.user" in told and SECRET not in told, told
    finally:
        nodes.close()


run()
