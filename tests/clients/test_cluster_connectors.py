#!/usr/bin/python3
"""Connectors in a cluster of three: the leader of its partition of __connect_state runs the task of a connector. When
this node is killed, frozen or stopped, another node continues at the position, and each record is written once."""
import atexit
import json
import os
import re
import shutil
import tempfile
import threading
import urllib.error
import urllib.request

import psycopg
from cluster_cases import AdminClient, all_is_well
from cluster_nodes import Cluster, eventually
from cluster_sql import connect, refusal, rows_of, run_on, running
from millrace_server import Skipped, case, has_limit, run

_shared = None
_STATES = "SHOW CONNECTOR TASKS"


class Nodes(Cluster):
    """Three nodes that share a directory of files."""

    def __init__(self):
        self.files = tempfile.mkdtemp(prefix="millrace-shared-files-")
        for name in ("in", "secrets"):
            os.mkdir(os.path.join(self.files, name))
        super().__init__(flags=("--node-session-timeout-ms", "2000", "--connect-files", self.files,
                                "--secrets-dir", os.path.join(self.files, "secrets")))

    def close(self):
        super().close()
        shutil.rmtree(self.files, ignore_errors=True)

    def write(self, name, lines):
        with open(self.path(name), "a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)

    def path(self, name):
        return os.path.join(self.files, "in", name)


def cluster():
    global _shared
    if AdminClient is None:
        raise Skipped("confluent-kafka is not installed")
    if _shared is None:
        _shared = Nodes()
        atexit.register(_shared.close)
    _shared.start_all()
    all_is_well(_shared)
    return _shared


def numbered(begin, end):
    return [json.dumps({"n": i}) for i in range(begin, end)]


class Writer(threading.Thread):
    """Appends numbered lines to a file until it is stopped. A call of rotate() renames the file, and the next lines
    make a new one."""

    def __init__(self, nodes, name):
        super().__init__(daemon=True)
        self.nodes, self.name_of_file, self.count, self.stopping = nodes, name, 0, threading.Event()
        self.rotations, self.lock = 0, threading.Lock()
        self.start()

    def run(self):
        while not self.stopping.wait(0.05):
            with self.lock:
                self.nodes.write(self.name_of_file, numbered(self.count, self.count + 20))
                self.count += 20

    def rotate(self):
        with self.lock:
            self.rotations += 1
            os.rename(self.nodes.path(self.name_of_file), self.nodes.path(f"{self.name_of_file}-{self.rotations:06d}"))
            self.nodes.write(self.name_of_file, numbered(self.count, self.count + 1))
            self.count += 1

    def stop(self):
        self.stopping.set()
        self.join()
        return self.count


def create(at, name, **more):
    properties = {"connector.class": "file", "file": f"in/{name}", "topic": name, "format": "json", "columns": "n INT", **more}
    run_on(at, f"CREATE SOURCE CONNECTOR {name} WITH ({', '.join(f'{chr(34)}{k}{chr(34)} = {chr(39)}{v}{chr(39)}' for k, v in properties.items())})")


def tasks(node, name):
    """Returns the rows of the connector's tasks as dictionaries. A connector of an earlier case that failed has rows
    too, which do not belong to this case."""
    with connect(node) as c:
        found = c.execute(_STATES)
        names = [column.name for column in found.description]
        return [dict(zip(names, row)) for row in found.fetchall() if row[0] == name]


def task(node, name):
    """Returns the row of the task, which is empty while the node does not know the connector yet."""
    return next(iter(tasks(node, name)), {})


def state(node, name):
    return task(node, name).get("state")


def worker(node, name):
    return task(node, name).get("node")


def owner(nodes, name, at=None):
    """Returns the node that runs the task, as `at` shows it; None while the task moves and while a started node reads
    the state."""
    return next((node for node in nodes.nodes.values() if node.http == worker(at or running(nodes)[0], name)), None)


def numbers(node, name):
    """Returns (rows, different rows, largest number); no row while the node cannot answer."""
    try:
        return rows_of(node, f"SELECT COUNT(*), COUNT(DISTINCT n), MAX(n) FROM {name}")[0]
    except psycopg.Error:
        return (0, 0, -1)


def grows(node, name):
    before = numbers(node, name)[0] or 0
    eventually(lambda: (numbers(node, name)[0] or 0) > before + 100, 90)


def all_once(nodes, name, count):
    for node in running(nodes):
        seen = []

        def has_all(node=node, seen=seen):
            seen.append(numbers(node, name))
            return seen[-1][0] >= count
        try:
            eventually(has_all, 90)
        finally:
            print("node", node.number, seen[-1], "of", count)
        assert seen[-1] == (count, count, count - 1), (node.number, seen[-1], count)


def rest(node, method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{node.http}{path}", data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@case
@has_limit(300)
def a_task_continues_on_another_node_and_each_record_is_written_once():
    nodes = cluster()
    writer = Writer(nodes, "moved")
    create(nodes.nodes[2], "moved", shared="true")
    for disturb, mend in (("kill", "start"), ("freeze", "thaw"), ("stop", "start")) * 2:
        former = eventually(lambda: owner(nodes, "moved"), 60)
        other = next(node for node in nodes.nodes.values() if node is not former)
        grows(other, "moved")
        getattr(former, disturb)()
        eventually(lambda: owner(nodes, "moved", other) not in (None, former), 60)
        grows(other, "moved")
        getattr(former, mend)()
        all_is_well(nodes)
    all_once(nodes, "moved", writer.stop())
    run_on(nodes.nodes[1], "DROP CONNECTOR moved", "DROP STREAM moved DELETE TOPIC")


@case
@has_limit(120)
def each_node_shows_the_same_and_takes_all_statements():
    nodes = cluster()
    nodes.write("same", numbered(0, 500))
    create(nodes.nodes[1], "same", shared="true")
    for node in running(nodes):
        eventually(lambda node=node: state(node, "same") == "RUNNING" and task(node, "same").get("records") == 500, 60)
    for query in (_STATES, "SHOW CONNECTORS", "DESCRIBE CONNECTOR same"):
        eventually(lambda query=query: len({str(rows_of(node, query)) for node in running(nodes)}) == 1, 30)
    for path in ("/connectors", "/connectors/same/status", "/connectors/same/tasks", "/connectors/same/offsets"):
        eventually(lambda path=path: len({str(rest(node, "GET", path)) for node in running(nodes)}) == 1, 30)
    runs_on = eventually(lambda: owner(nodes, "same"), 60)
    other, third = [node for node in running(nodes) if node is not runs_on]
    run_on(other, "PAUSE CONNECTOR same")
    for node in running(nodes):
        eventually(lambda node=node: state(node, "same") == "PAUSED", 30)
    nodes.write("same", numbered(500, 600))
    run_on(third, "RESUME CONNECTOR same")
    all_once(nodes, "same", 600)
    run_on(other, "STOP CONNECTOR same")
    for node in running(nodes):
        eventually(lambda node=node: rest(node, "GET", "/connectors/same/status")[1]["connector"]["state"] == "STOPPED"
                   and tasks(node, "same") == [], 30)
    assert rest(third, "DELETE", "/connectors/same/offsets")[0] == 200
    run_on(other, "RESUME CONNECTOR same")
    for node in running(nodes):
        eventually(lambda node=node: numbers(node, "same")[:2] == (1200, 600), 60)
    restarts = rest(runs_on, "GET", "/connectors/same/tasks")
    assert restarts[0] == 200, restarts
    assert rest(third, "POST", "/connectors/same/tasks/0/restart")[0] == 204
    eventually(lambda: task(third, "same").get("records") == 0 and state(third, "same") == "RUNNING", 30)
    assert rest(other, "DELETE", "/connectors/same")[0] == 204
    for node in running(nodes):
        eventually(lambda node=node: tasks(node, "same") == [], 30)
    nodes.write("same", numbered(600, 700))
    create(third, "same", shared="true")  # a new connector begins at the start of the file
    for node in running(nodes):
        eventually(lambda node=node: numbers(node, "same")[:2] == (1900, 700), 60)
    run_on(other, "DROP CONNECTOR same", "DROP STREAM same DELETE TOPIC")


@case
@has_limit(120)
def a_node_that_was_frozen_during_a_drop_writes_nothing_afterwards():
    nodes = cluster()
    writer = Writer(nodes, "gone")
    create(nodes.nodes[1], "gone", shared="true")
    former = eventually(lambda: owner(nodes, "gone"), 60)
    other = next(node for node in nodes.nodes.values() if node is not former)
    grows(other, "gone")
    former.freeze()
    eventually(lambda: owner(nodes, "gone", other) not in (None, former), 60)
    grows(other, "gone")
    run_on(other, "DROP CONNECTOR gone")
    count = eventually(lambda: (found := numbers(other, "gone"))[0] and found)
    assert count[0] == count[1] == count[2] + 1, count
    former.thaw()
    all_is_well(nodes)
    writer.stop()
    for node in running(nodes):
        eventually(lambda node=node: numbers(node, "gone") == count and tasks(node, "gone") == [], 30)
    run_on(other, "DROP STREAM gone DELETE TOPIC")


@case
@has_limit(180)
def a_file_that_rotates_is_read_once_while_its_node_dies():
    nodes = cluster()
    writer = Writer(nodes, "rotated")
    create(nodes.nodes[1], "rotated", shared="true")
    for disturb, mend in (("kill", "start"), ("freeze", "thaw")):
        former = eventually(lambda: owner(nodes, "rotated"), 60)
        other = next(node for node in nodes.nodes.values() if node is not former)
        grows(other, "rotated")
        writer.rotate()
        grows(other, "rotated")
        getattr(former, disturb)()
        writer.rotate()  # while no node runs the task
        eventually(lambda: owner(nodes, "rotated", other) not in (None, former), 60)
        writer.rotate()
        grows(other, "rotated")
        getattr(former, mend)()
        all_is_well(nodes)
    all_once(nodes, "rotated", writer.stop())
    run_on(nodes.nodes[1], "DROP CONNECTOR rotated", "DROP STREAM rotated DELETE TOPIC")


@case
@has_limit(120)
def a_file_that_is_truncated_is_read_from_its_new_beginning():
    nodes = cluster()
    nodes.write("cut", numbered(0, 300))
    create(nodes.nodes[2], "cut", shared="true")
    all_once(nodes, "cut", 300)
    os.truncate(nodes.path("cut"), 0)
    nodes.write("cut", numbered(300, 400))
    all_once(nodes, "cut", 400)
    former = eventually(lambda: owner(nodes, "cut"), 60)
    former.kill()
    os.truncate(nodes.path("cut"), 0)  # while no node runs the task
    nodes.write("cut", numbered(400, 450))
    other = running(nodes)[0]
    eventually(lambda: owner(nodes, "cut", other) not in (None, former), 60)
    all_once(nodes, "cut", 450)
    former.start()
    all_is_well(nodes)
    all_once(nodes, "cut", 450)
    run_on(nodes.nodes[1], "DROP CONNECTOR cut", "DROP STREAM cut DELETE TOPIC")


@case
@has_limit(120)
def several_connectors_on_several_nodes_read_the_same_file():
    nodes = cluster()
    nodes.write("together", numbered(0, 300))
    for number in nodes.nodes:
        create(nodes.nodes[number], f"together{number}", file="in/together", node=number)
    create(nodes.nodes[1], "together", shared="true")
    nodes.write("together", numbered(300, 500))
    for number, node in nodes.nodes.items():
        all_once(nodes, f"together{number}", 500)
        eventually(lambda number=number, node=node: owner(nodes, f"together{number}") is node, 30)
    all_once(nodes, "together", 500)
    for name in ("together", *(f"together{number}" for number in nodes.nodes)):
        run_on(nodes.nodes[1], f"DROP CONNECTOR {name}", f"DROP STREAM {name} DELETE TOPIC")


@case
@has_limit(180)
def a_connector_that_is_dropped_and_created_during_a_move_reads_the_file_once_more():
    nodes = cluster()
    for disturb, mend in (("kill", "start"), ("freeze", "thaw")):
        name = f"again_{disturb}"
        writer = Writer(nodes, name)
        create(nodes.nodes[1], name, shared="true")
        former = eventually(lambda name=name: owner(nodes, name), 60)
        other = next(node for node in nodes.nodes.values() if node is not former)
        grows(other, name)
        getattr(former, disturb)()
        run_on(other, f"DROP CONNECTOR {name}")
        before = eventually(lambda name=name: (found := numbers(other, name))[0] and found)
        assert before[0] == before[1] == before[2] + 1, before
        create(other, name, shared="true")
        getattr(former, mend)()
        all_is_well(nodes)
        count = writer.stop()
        for node in running(nodes):
            eventually(lambda node=node: numbers(node, name)[:2] == (before[0] + count, count), 90)
        run_on(other, f"DROP CONNECTOR {name}", f"DROP STREAM {name} DELETE TOPIC")


@case
@has_limit(120)
def a_node_without_http_shows_its_kafka_address_as_worker():
    nodes = cluster()
    nodes.write("quiet", numbered(0, 300))
    create(nodes.nodes[3], "quiet", node="3")
    eventually(lambda: worker(nodes.nodes[1], "quiet") == nodes.nodes[3].http, 60)
    all_once(nodes, "quiet", 300)
    nodes.nodes[3].stop()
    try:
        nodes.nodes[3].has_http = False
        nodes.nodes[3].start()
        all_is_well(nodes)
        nodes.write("quiet", numbered(300, 400))
        all_once(nodes, "quiet", 400)
        for node in running(nodes):
            eventually(lambda node=node: worker(node, "quiet") == nodes.nodes[3].kafka and state(node, "quiet") == "RUNNING", 60)
        assert rest(nodes.nodes[1], "GET", "/connectors/quiet/status")[1]["tasks"][0]["worker_id"] == nodes.nodes[3].kafka
    finally:
        nodes.nodes[3].stop()
        nodes.nodes[3].has_http = True
        nodes.nodes[3].start()
    all_is_well(nodes)
    eventually(lambda: worker(nodes.nodes[1], "quiet") == nodes.nodes[3].http, 60)
    run_on(nodes.nodes[1], "DROP CONNECTOR quiet", "DROP STREAM quiet DELETE TOPIC")


@case
@has_limit(120)
def a_connector_with_a_node_runs_there_and_waits_while_the_node_is_away():
    nodes = cluster()
    nodes.write("pinned", numbered(0, 300))
    text = refusal(nodes.nodes[1], "CREATE SOURCE CONNECTOR pinned WITH (\"connector.class\" = 'file', \"file\" = 'in/pinned', "
                   "\"topic\" = 'pinned', \"node\" = '3')")
    assert "the files of the connector are on node 3, and this is node 1" in text and "Connect to node 3" in text, text
    create(nodes.nodes[3], "pinned", node="3")
    eventually(lambda: owner(nodes, "pinned") is nodes.nodes[3], 60)
    all_once(nodes, "pinned", 300)
    nodes.nodes[3].kill()
    nodes.write("pinned", numbered(300, 500))
    eventually(lambda: numbers(nodes.nodes[1], "pinned") == (300, 300, 299), 60)
    eventually(lambda: worker(nodes.nodes[1], "pinned") == nodes.nodes[3].http)  # not while another node takes over the state
    nodes.nodes[3].start()
    all_is_well(nodes)
    all_once(nodes, "pinned", 500)
    run_on(nodes.nodes[1], "DROP CONNECTOR pinned", "DROP STREAM pinned DELETE TOPIC")


def same_refusal_of_a_check(node, statement, text):
    """Checks that EXPLAIN and the validation over HTTP refuse the statement with the words of CREATE CONNECTOR."""
    lines = text.splitlines()
    message, hint = lines[0], next(line.removeprefix("HINT:  ") for line in lines if line.startswith("HINT:  "))
    config = dict(re.findall(r"[\"(]+([a-z][\w.]+)\" = '([^']*)'", statement))
    status, answer = rest(node, "PUT", f"/connector-plugins/{config['connector.class']}/config/validate", {"name": "c", **config})
    if "do not run" in text:
        explained = refusal(node, f"EXPLAIN {statement}").splitlines()
        assert explained[0] == message and f"HINT:  {hint}" in explained, explained
        assert status >= 400 and answer["message"].startswith(message) and hint in answer["message"], (status, answer)
        return
    errors = [row for row in rows_of(node, f"EXPLAIN {statement}") if row[2]]
    assert [(row[0], row[2]) for row in errors] == [("node", f"{message}. {hint}")], errors
    assert status == 200 and answer["error_count"] == 1, (status, answer)
    errors = [each["value"]["errors"] for each in answer["configs"] if each["value"]["errors"]]
    assert errors == [[f"{message}. {hint}"]], errors


@case
def classes_that_a_cluster_does_not_run_are_refused_with_the_way_out():
    nodes = cluster()
    node = nodes.nodes[1]
    nodes.write("refused", ['{"n": 0}'])
    source = "CREATE SOURCE CONNECTOR c WITH (\"connector.class\" = '{}', {})"
    for statement, message, hint in (
            (source.format("file", "\"file\" = 'in/refused', \"topic\" = 't'"), "on which nodes the files are", "Add \"node\" = '1'"),
            (source.format("file", "\"input.path\" = 'in', \"input.file.pattern\" = 'refused', \"topic\" = 't', \"shared\" = 'true'"),
             "do not run sources of directories yet", "on a single server"),
            (source.format("FileStreamSource", "\"file\" = 'in/refused', \"topic\" = 't'"), "do not run class org.apache.kafka", "--connect-url"),
            (source.format("com.github.jcustenborder.kafka.connect.spooldir.SpoolDirLineDelimitedSourceConnector",
                           "\"topic\" = 't', \"input.path\" = 'in', \"finished.path\" = 'in', \"error.path\" = 'in', "
                           "\"input.file.pattern\" = 'x'"), "do not run class com.github.jcustenborder", "--connect-url"),
            (source.format("io.debezium.connector.postgresql.PostgresConnector",
                           "\"database.hostname\" = '127.0.0.1', \"database.port\" = '1', \"database.user\" = 'u', "
                           "\"database.password\" = 'p', \"database.dbname\" = 'd', \"plugin.name\" = 'pgoutput', "
                           "\"topic.prefix\" = 'shop'"), "do not run class io.debezium.connector.postgresql", "--connect-url"),
            (source.format("webhook", "\"topic\" = 't', \"signature.scheme\" = 'none'"), "do not run webhooks yet", "/topics/NAME"),
            (source.format("mqtt", "\"mqtt.server.uri\" = 'tcp://127.0.0.1:1', \"mqtt.topics\" = 'a', \"kafka.topic\" = 't'"),
             "do not run class mqtt yet", "--connect-url"),
            ("CREATE SINK CONNECTOR c WITH (\"connector.class\" = 'file', \"topics\" = 't', \"output.path\" = 'out')",
             "do not run sink connectors yet", "--connect-url")):
        text = refusal(node, statement)
        assert message in text and hint in text, (statement, text)
        same_refusal_of_a_check(node, statement, text)
    assert "c" not in [row[0] for row in rows_of(node, "SHOW CONNECTORS")]


run()
