"""SQL statements that the cases of a cluster send to its nodes."""
import re
import time

from cluster_nodes import eventually

try:
    import psycopg
except ImportError:
    psycopg = None


def connect(node, **settings):
    host, port = node.pg.split(":")
    connection = psycopg.connect(host=host, port=port, user="millrace", dbname="millrace", autocommit=True,
                                 prepare_threshold=None)
    for name, value in {"auto__offset__reset": "earliest", **settings}.items():
        connection.execute(f"SET {name.replace('__', '.')} = '{value}'")
    return connection


_DEFINES = re.compile(r"\s*(CREATE|ALTER|DROP|COMMENT|GRANT|REVOKE)\b", re.I)
_WAIT_S = 0.5  # limit of a definition's wait for the other nodes (docs/cluster/sql.md, Definitions)


def execute(connection, node, statement):
    """Runs the statement over a connection with the node. If a definition may have ended its wait for the other nodes, the
    function waits for them."""
    began = time.monotonic()
    connection.execute(statement)
    if _DEFINES.match(statement) and time.monotonic() - began >= _WAIT_S:
        await_definitions(node)


def run_on(node, *statements):
    with connect(node) as c:
        for statement in statements:
            execute(c, node, statement)


def revision_at(connection):
    """Returns the revision of the definitions that the node of the connection has applied."""
    return next(int(row[2]) for row in connection.execute("SHOW SERVER").fetchall() if row[:2] == ("metadata", "revision"))


def revision_of(node):
    """Returns the revision of the definitions that the node has applied; 0 if it does not answer."""
    try:
        with connect(node) as c:
            return revision_at(c)
    except psycopg.Error:
        return 0


def await_definitions(node):
    """Waits until all nodes of the cluster that run have the definitions that this node has."""
    revision = revision_of(node)
    for other in node.peers():
        eventually(lambda other=other: not other.is_running() or other.is_frozen or revision_of(other) >= revision)


def define(nodes, *statements, at=1):
    """Runs definitions, and waits until all nodes that run have the same ones."""
    run_on(nodes.nodes[at], *statements)
    await_definitions(nodes.nodes[at])


def rows_of(node, query):
    with connect(node) as c:
        return c.execute(query).fetchall()


def refusal(node, statement):
    try:
        run_on(node, statement)
    except psycopg.Error as error:
        return str(error)
    raise AssertionError(f"not refused: {statement}")


def running(nodes):
    return [node for node in nodes.nodes.values() if node.is_running()]


def state_of(node, sink):
    """Returns the state of the query; an empty text while the node does not know the query."""
    return next((row[1] for row in rows_of(node, "SHOW QUERIES") if row[3] == sink.upper()), "")


def owner_of(nodes, sink, at=None):
    """Returns the node that runs the query, as soon as a node runs it."""
    def find():
        state = re.fullmatch(r"RUNNING on node (\d)", state_of(at or running(nodes)[0], sink))
        return state and nodes.nodes[int(state[1])]
    return eventually(find)


def shows(node, query, expected, timeout_s=60):
    """Waits until the rows are the expected ones, in any order."""
    seen = []

    def is_so():
        try:
            seen[:] = sorted(rows_of(node, query))
        except psycopg.Error as error:
            seen[:] = [str(error)]
        return seen == sorted(expected)
    try:
        eventually(is_so, timeout_s)
    except AssertionError as error:
        missing = [row for row in expected if row not in seen]
        more = [row for row in seen if row not in expected]
        raise AssertionError(f"node {node.number}: {query}: {len(seen)} rows for {len(expected)}, missing {missing[:5]}, "
                             f"more {more[:5]}") from error


def last_of_all(node, stream):
    """Waits until each number from 1 on is present, and returns the number of rows. Fails immediately if a number
    exists twice."""
    def find():
        found = sorted(row[0] for row in rows_of(node, f"SELECT id FROM {stream}"))
        assert len(set(found)) == len(found), (len(found), len(set(found)))
        return found == list(range(1, len(found) + 1)) and len(found)
    return eventually(find, 60)


def differences_left(node, differences, timeout_s=60):
    """Returns the last result of differences(node): an empty list as soon as all differences are gone."""
    found = []

    def are_none():
        try:
            found[:] = differences(node)
        except psycopg.Error as error:
            found[:] = [f"SQL at node {node.number}: {error}"]
        return not found
    try:
        eventually(are_none, timeout_s, 0.1)
    except AssertionError:
        pass
    return found
