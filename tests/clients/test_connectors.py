#!/usr/bin/python3
"""Connectors of an outside Kafka Connect cluster: SQL, ksqlDB's API and Kafka Connect's REST API in front of a worker.

The worker of these cases is a small one in this file, which can fail in the ways in which workers fail;
tests/clients/current/check_connect.py has the same statements with a real worker."""
import base64
import http.client
import http.server
import json
import os
import tempfile
import threading
import types

from cluster_nodes import Cluster
from millrace_server import case, launch, run

try:
    import psycopg
    OBSTACLE = None
except ImportError as missing:
    OBSTACLE = f"{missing.name} is not installed"

CLASS = "com.acme.MartSinkConnector"
POLLING = "io.confluent.connect.jdbc.JdbcSourceConnector"
SECRET = "hunter2-secret"
PASSWORD = "geheim-4711"


class Worker:
    """Kafka Connect's REST API over connectors in memory."""

    def __init__(self):
        self.connectors, self.states, self.asked, self.mode, self.credentials = {}, {}, [], "well", None
        worker = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                worker.asked.append((self.command, self.path, body.decode()))
                worker.credentials = self.headers.get("Authorization")
                status, reply = worker.reply(self.command, self.path, json.loads(body) if body else None)
                text = b"" if reply is None else reply if isinstance(reply, bytes) else json.dumps(reply).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def info(self, name):
        config = self.connectors[name]
        return {"name": name, "config": config, "tasks": [{"connector": name, "task": 0}],
                "type": "source" if "Source" in config["connector.class"] else "sink"}

    def status(self, name):
        state = self.states[name]
        task = {"id": 0, "state": state, "worker_id": "w1:8083"}
        if self.connectors[name].get("topics") == "broken":
            task |= {"state": "FAILED", "trace": "org.acme.MartException: no such mart\n\tat org.acme.Mart"}
        return {"name": name, "connector": {"state": state, "worker_id": "w1:8083"}, "tasks": [task],
                "type": self.info(name)["type"]}

    def put(self, name, config):
        if "topics" not in config and "Sink" in config["connector.class"]:
            return 400, {"error_code": 400, "message": "Connector configuration is invalid and contains the following 1 error(s):\n"
                         "Must configure one of topics or topics.regex\nYou can also find the above list of errors at the endpoint "
                         "`/connector-plugins/{connectorType}/config/validate`"}
        if config["connector.class"] == "com.acme.Missing":
            return 500, {"error_code": 500, "message": "Failed to find any class that implements Connector and which name matches com.acme.Missing"}
        is_new = name not in self.connectors
        self.connectors[name], self.states[name] = {**config, "name": name}, self.states.get(name, "RUNNING")
        return 201 if is_new else 200, self.info(name)

    def reply(self, method, path, body):
        if self.mode == "rubbish":
            return 200, b"<html>sign in, please</html>"
        if self.mode == "refuses":
            return 401, {"error_code": 401, "message": "Unauthorized"}
        if self.mode == "rebalances" and method != "GET":
            return 409, {"error_code": 409, "message": "Cannot complete request because of a conflicting operation (e.g. worker rebalance)"}
        path, _, query = path.partition("?")
        parts = path.strip("/").split("/")
        if parts[0] == "connector-plugins":
            if parts[-1] == "validate":
                errors = [] if "topics" in body else ["Must configure one of topics or topics.regex"]
                return 200, {"name": parts[1], "error_count": len(errors), "groups": ["Common"], "configs": [
                    {"definition": {"name": "topics", "type": "LIST", "required": False, "default_value": "", "importance": "HIGH",
                                    "documentation": "d", "group": "Common", "width": "LONG", "display_name": "Topics", "dependents": [], "order": 4},
                     "value": {"name": "topics", "value": body.get("topics"), "recommended_values": [], "errors": errors, "visible": True}}]}
            return 200, [{"class": CLASS, "type": "sink", "version": "1.2"}]
        if len(parts) == 1:
            if method == "POST":
                if body["name"] in self.connectors:
                    return 409, {"error_code": 409, "message": f"Connector {body['name']} already exists"}
                return self.put(body["name"], body["config"])
            return 200, {name: {"status": self.status(name), "info": self.info(name)} for name in self.connectors} if query else list(self.connectors)
        name, rest = parts[1], "/".join(parts[2:])
        if method == "PUT" and rest == "config":
            return self.put(name, body)
        if name not in self.connectors:
            return 404, {"error_code": 404, "message": f"Connector {name} not found"}
        if method == "PATCH" and rest == "config":
            config = {**self.connectors[name], **body}
            return self.put(name, {key: value for key, value in config.items() if value is not None})
        if method == "DELETE" and not rest:
            del self.connectors[name], self.states[name]
            return 204, None
        if rest in ("pause", "resume", "stop"):
            self.states[name] = {"pause": "PAUSED", "resume": "RUNNING", "stop": "STOPPED"}[rest]
            return 202, None
        if rest == "restart":
            return 202, self.status(name)
        if rest == "tasks/0/restart":
            return 204, None
        if rest == "status":
            return 200, self.status(name)
        if rest == "topics":
            return 200, {name: {"topics": ["orders"]}}
        if rest == "tasks":
            return 200, [{"id": {"connector": name, "task": 0}, "config": self.connectors[name]}]
        if rest == "offsets":
            if method != "GET" and self.states[name] != "STOPPED":
                return 400, {"error_code": 400, "message": "Connectors must be in the STOPPED state before their offsets can be modified."}
            return 200, {"offsets": [{"partition": {"kafka_topic": "orders", "kafka_partition": 0}, "offset": {"kafka_offset": 7}}]} \
                if method == "GET" else {"message": f"The offsets for this connector have been {'altered' if method == 'PATCH' else 'reset'} successfully"}
        return (200, self.info(name)) if not rest else (404, {"error_code": 404, "message": f"HTTP 404 Not Found: {rest}"})


WORKER = None if OBSTACLE else Worker()
ALONE = None if OBSTACLE else launch()
SERVER = None if OBSTACLE else launch("--connect-url", WORKER.url, "--connect", "127.0.0.1:0", keeps_log=True)


def sql(*statements, server=None):
    """Runs the statements; returns the rows of the last one and the texts of all notices."""
    server, notices = server or SERVER, []
    with psycopg.connect(host=server.host, port=server.port, autocommit=True) as connection:
        connection.add_notice_handler(lambda notice: notices.append(f"{notice.severity}: {notice.message_primary}"))
        for statement in statements:
            cursor = connection.execute(statement)
        return (cursor.fetchall() if cursor.description else []), notices


def refusal(statement, server=None):
    try:
        sql(statement, server=server)
    except psycopg.Error as error:
        return error.diag.message_primary, error.diag.message_hint or "", error.diag.message_detail or ""
    raise AssertionError("it was not refused")


def ask(method, path, body=None, place=None, user=None):
    connection = http.client.HTTPConnection(place or SERVER.http, timeout=60)
    headers = {"Content-Type": "application/json"}
    if user:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    response = connection.getresponse()
    text = response.read()
    return response.status, json.loads(text) if text else None


def ksql(text):
    status, answer = ask("POST", "/ksql", {"ksql": text})
    return status, answer


def fresh(name, **config):
    """Waits until a connector of this name exists, and no other."""
    WORKER.connectors.clear()
    WORKER.states.clear()
    WORKER.mode = "well"
    settings = {"connector.class": CLASS, "topics": "orders"} | {key.replace("_", "."): value for key, value in config.items()}
    properties = ", ".join(f"\"{key}\" = '{value}'" for key, value in settings.items())
    return sql(f"CREATE SINK CONNECTOR {name} WITH ({properties})")


@case
def without_a_cluster_each_class_that_is_not_built_in_is_refused_with_a_way_out():
    message, hint, _ = refusal(f"CREATE SINK CONNECTOR c WITH (\"connector.class\" = '{CLASS}')", ALONE)
    assert message == f"class {CLASS} is not built in" and "--connect-url" in hint, (message, hint)
    message, hint, _ = refusal(f"CREATE SOURCE CONNECTOR c WITH (\"connector.class\" = '{POLLING}')", ALONE)
    assert message == f"class {POLLING} is not built in" and "postgres" in hint, (message, hint)
    message, hint, _ = refusal(f"CREATE SINK CONNECTOR c WITH (\"connector.class\" = '{CLASS}', runs = 'outside')", ALONE)
    assert "--connect-url" in hint, (message, hint)
    message, _, _ = refusal("CREATE SINK CONNECTOR c WITH (topics = 'a')", ALONE)
    assert message == "connector c has no property connector.class", message
    assert sql("SHOW CONNECTORS", server=ALONE)[0] == []
    assert refusal("DESCRIBE CONNECTOR c", ALONE)[0] == "connector c does not exist"
    assert sql("DROP CONNECTOR IF EXISTS c", server=ALONE)[1] == ["NOTICE: connector c does not exist, skipping"]
    assert ask("GET", "/connectors", place=ALONE.http) == (200, [])


@case
def a_connector_is_created_shown_changed_and_dropped():
    assert fresh("Mart", runs="outside")[1] == []
    assert WORKER.connectors == {"Mart": {"connector.class": CLASS, "topics": "orders", "name": "Mart"}}, WORKER.connectors
    rows, _ = sql("SHOW CONNECTORS")
    assert rows[0][:6] == ("Mart", "sink", CLASS, "RUNNING", "1/1", WORKER.url), rows
    assert sql("SHOW SOURCE CONNECTORS")[0] == [] and len(sql("LIST SINK CONNECTORS")[0]) == 1
    sql("ALTER CONNECTOR Mart SET (\"batch.size\" = 7, x = 'y')", "ALTER CONNECTOR Mart RESET (x)")
    assert WORKER.connectors["Mart"] == {"connector.class": CLASS, "topics": "orders", "name": "Mart", "batch.size": "7"}
    for verb, state in (("PAUSE", "PAUSED"), ("RESUME", "RUNNING"), ("STOP", "STOPPED")):
        sql(f"{verb} CONNECTOR Mart")
        assert sql("SHOW CONNECTORS")[0][0][3] == state
    _, notices = sql("ALTER CONNECTOR Mart SET OFFSETS '[{\"partition\": {\"kafka_topic\": \"orders\", \"kafka_partition\": 0}, \"offset\": {\"kafka_offset\": 12345678901234567}}]'")
    assert notices == ["NOTICE: The offsets for this connector have been altered successfully"], notices
    assert "12345678901234567" in WORKER.asked[-1][2], WORKER.asked[-1]
    sql("ALTER CONNECTOR Mart RESET OFFSETS", "RESUME CONNECTOR Mart", "RESTART CONNECTOR Mart", "RESTART CONNECTOR Mart TASK 0")
    assert WORKER.asked[-1][:2] == ("POST", "/connectors/Mart/tasks/0/restart")
    assert "STOP CONNECTOR Mart" in refusal("ALTER CONNECTOR Mart RESET OFFSETS")[1]
    assert sql("SHOW CONNECTOR TASKS")[0][0][:4] == ("Mart", 0, "w1:8083", "RUNNING")
    assert sql("SHOW CONNECTOR PLUGINS")[0][-1] == (CLASS, "sink", "1.2", WORKER.url)
    described = dict(sql("DESCRIBE CONNECTOR Mart")[0])
    assert described["topics"] == "orders" and described["config batch.size"] == "7", described
    assert refusal("DROP CONNECTOR mart")[0] == "connector mart does not exist"
    sql("DROP CONNECTOR Mart")
    assert not WORKER.connectors


@case
def a_name_that_exists_is_kept_or_replaced():
    fresh("c")
    create = "SINK CONNECTOR {} WITH (\"connector.class\" = '" + CLASS + "', topics = 'other')"
    assert refusal("CREATE " + create.format("c"))[0] == "connector c already exists"
    assert sql("CREATE " + create.format("IF NOT EXISTS c"))[1] == ["NOTICE: connector c already exists, skipping"]
    assert WORKER.connectors["c"]["topics"] == "orders"
    sql("CREATE OR REPLACE " + create.format("c"))
    assert WORKER.connectors["c"]["topics"] == "other"


@case
def errors_of_the_cluster_name_what_to_do():
    fresh("c")
    message, _, detail = refusal(f"CREATE SINK CONNECTOR d WITH (\"connector.class\" = '{CLASS}')")
    assert message == "the configuration of connector d is wrong" and detail == "Must configure one of topics or topics.regex", (message, detail)
    message, hint, _ = refusal("CREATE SINK CONNECTOR d WITH (\"connector.class\" = 'com.acme.Missing', topics = 'a')")
    assert message == "class com.acme.Missing is not built in" and "SHOW CONNECTOR PLUGINS" in hint, (message, hint)
    assert refusal(f"CREATE SOURCE CONNECTOR d WITH (\"connector.class\" = 'FileStreamSink', topics = 'a')")[1] == "Use CREATE SINK CONNECTOR."
    for mode, part in (("rubbish", "which no Kafka Connect worker sends"), ("refuses", "refuses the credentials")):
        WORKER.mode = mode
        rows, notices = sql("SHOW CONNECTORS")
        assert rows == [] and part in notices[0], (mode, rows, notices)
    WORKER.mode = "rebalances"
    assert "again" in refusal("PAUSE CONNECTOR c")[1]
    WORKER.mode = "well"
    rows, _ = sql(f"EXPLAIN CREATE SINK CONNECTOR d WITH (\"connector.class\" = '{CLASS}')")
    assert rows == [("topics", None, "Must configure one of topics or topics.regex")], rows
    assert "d" not in WORKER.connectors


@case
def a_worker_that_is_down_is_passed_over():
    down = launch("--connect-url", "http://127.0.0.1:9")
    message, _, _ = refusal(f"CREATE SINK CONNECTOR c WITH (\"connector.class\" = '{CLASS}', topics = 'a')", down)
    assert message.startswith("the Kafka Connect cluster at http://127.0.0.1:9 does not answer"), message
    with tempfile.NamedTemporaryFile("w", suffix=".credentials") as file:
        file.write("ann:pw\n")
        file.flush()
        both = launch("--connect-url", f"http://127.0.0.1:9,{WORKER.url}", "--connect-credentials-file", file.name)
        fresh("c")
        assert [row[0] for row in sql("SHOW CONNECTORS", server=both)[0]] == ["c"]
        assert WORKER.credentials == "Basic YW5uOnB3"


@case
def a_failed_task_is_shown_with_its_error():
    fresh("c", topics="broken")
    row = sql("SHOW CONNECTORS")[0][0]
    assert row[4] == "0/1" and row[-1] == "org.acme.MartException: no such mart", row
    assert "at org.acme.Mart" in dict(sql("DESCRIBE CONNECTOR c")[0])["error of task 0"]


@case
def no_answer_contains_a_secret():
    _, notices = fresh("c", db_password=SECRET, url=f"jdbc:pg://h/d?password={SECRET}", token="${file:a:b}")
    assert len(notices) == 1 and "kept readable" in notices[0], notices
    shown = [str(sql(text)) for text in ("SHOW CONNECTORS", "DESCRIBE CONNECTOR c", "SHOW CONNECTOR TASKS",
                                        "SELECT query FROM pg_stat_activity",
                                        f"EXPLAIN CREATE SINK CONNECTOR d WITH (\"connector.class\" = '{CLASS}', topics = '1', \"db.password\" = '{SECRET}')")]
    shown += [json.dumps(ask("GET", path)) for path in ("/connectors/c", "/connectors/c/config", "/connectors/c/tasks", "/connectors?expand=info&expand=status")]
    shown.append(json.dumps(ksql(f"CREATE SINK CONNECTOR e WITH (\"connector.class\" = '{CLASS}', topics = 'a', \"db.password\" = '{SECRET}');")))
    with open(SERVER.log, encoding="utf-8") as log:
        shown.append(log.read())
    for text in shown:
        assert SECRET not in text, text
    assert "${file:a:b}" in dict(sql("DESCRIBE CONNECTOR c")[0])["config token"]
    # If a client sends back a configuration that it has read, nothing changes.
    status, config = ask("GET", "/connectors/c/config")
    assert status == 200 and config["db.password"] == "[hidden]"
    assert ask("PUT", "/connectors/c/config", config | {"x": "1"})[0] == 200
    assert WORKER.connectors["c"]["db.password"] == SECRET and WORKER.connectors["c"]["x"] == "1", WORKER.connectors
    assert WORKER.connectors["c"]["url"].endswith(SECRET)


@case
def a_connector_cannot_be_created_in_a_transaction():
    fresh("c")
    with psycopg.connect(host=SERVER.host, port=SERVER.port) as connection:
        try:
            connection.execute("DROP CONNECTOR c")
        except psycopg.errors.ActiveSqlTransaction as error:
            assert "cannot run inside a transaction block" in str(error)
        else:
            raise AssertionError("it was not refused")
    assert "c" in WORKER.connectors


@case
def ksql_answers_with_the_objects_of_its_clients():
    fresh("first")
    status, answer = ksql(f"CREATE SINK CONNECTOR c WITH ('connector.class'='{CLASS}', 'topics'='a');")
    assert status == 200 and answer[0]["@type"] == "connector_info", answer
    assert answer[0]["info"] == {"name": "c", "config": {"connector.class": CLASS, "topics": "a", "name": "c"},
                                 "tasks": [{"connector": "c", "task": 0}], "type": "sink"}, answer
    assert answer[0]["statementText"] == f"CREATE SINK CONNECTOR c WITH ('connector.class'='{CLASS}', 'topics'='[string]');"
    assert ksql(f"CREATE SINK CONNECTOR IF NOT EXISTS c WITH ('connector.class'='{CLASS}');")[1][0]["@type"] == "warning_entity"
    listed = ksql("SHOW CONNECTORS;")[1][0]
    assert listed["@type"] == "connector_list" and listed["connectors"][1] == {
        "name": "first", "type": "sink", "className": CLASS, "state": "RUNNING (1/1 tasks RUNNING)"}, listed
    sql("CREATE STREAM IF NOT EXISTS orders (id INT KEY, v INT) WITH (KAFKA_TOPIC = 'orders', PARTITIONS = 1)")
    described = ksql("DESCRIBE CONNECTOR c;")[1][0]
    assert described["@type"] == "connector_description" and described["connectorClass"] == CLASS, described
    assert described["status"]["tasks"] == [{"id": 0, "state": "RUNNING", "worker_id": "w1:8083"}], described
    assert described["topics"] == ["orders"] and [source["name"] for source in described["sources"]] == ["ORDERS"], described
    plugins = ksql("SHOW CONNECTOR PLUGINS;")[1][0]
    assert plugins["@type"] == "connector_plugins_list" and plugins["connectorsPlugins"][-1] == {"className": CLASS, "type": "sink", "version": "1.2"}
    assert ksql("PAUSE CONNECTOR c;")[1][0]["commandStatus"]["status"] == "SUCCESS" and WORKER.states["c"] == "PAUSED"
    dropped = ksql("DROP CONNECTOR c;")[1][0]
    assert (dropped["@type"], dropped["connectorName"]) == ("drop_connector", "c"), dropped
    assert ksql("DROP CONNECTOR IF EXISTS c;")[1][0]["@type"] == "warning_entity"
    status, answer = ksql("DROP CONNECTOR c;")
    assert status == 400 and "does not exist" in answer["message"], answer


@case
def the_rest_api_is_kafka_connects():
    fresh("c")
    for where in (SERVER.http, SERVER.connect):
        assert ask("GET", "/connectors", place=where) == (200, ["c"])
        assert ask("GET", "/connectors/c", place=where)[1]["type"] == "sink"
        status, answer = ask("GET", "/connectors/none", place=where)
        assert status == 404 and answer["error_code"] == 404 and "none" in answer["message"], answer
    assert ask("GET", "/", place=SERVER.connect)[1]["version"].startswith("4.3")
    assert ask("GET", "/health", place=SERVER.connect)[1]["status"] == "healthy"
    both = ask("GET", "/connectors?expand=status&expand=info")[1]["c"]
    assert both["status"]["connector"] == {"state": "RUNNING", "worker_id": "w1:8083"} and both["info"]["config"]["topics"] == "orders", both
    status, answer = ask("POST", "/connectors", {"name": "d", "config": {"connector.class": CLASS, "topics": "a", "batch": 7}})
    assert status == 201 and answer["name"] == "d" and WORKER.connectors["d"]["batch"] == "7", (status, answer)
    assert ask("POST", "/connectors", {"name": "d", "config": {"connector.class": CLASS, "topics": "a"}})[0] == 409
    status, answer = ask("POST", "/connectors", {"name": "e", "config": {"connector.class": CLASS}})
    assert status == 400 and "1 error(s):\nMust configure one of topics or topics.regex" in answer["message"], answer
    for body in ({}, {"name": "e"}, {"name": "e", "config": []}, {"name": "e", "config": {"a": {}}}, {"config": {"connector.class": CLASS}}):
        assert ask("POST", "/connectors", body)[0] == 400, body
    assert ask("PATCH", "/connectors/d/config", {"batch": None, "x": "1"})[0] == 200
    assert "batch" not in WORKER.connectors["d"] and WORKER.connectors["d"]["x"] == "1"
    assert ask("PUT", "/connectors/d/pause")[0] == 202 and ask("GET", "/connectors/d/status")[1]["connector"]["state"] == "PAUSED"
    assert ask("GET", "/connectors/d/tasks/0/status")[1]["id"] == 0 and ask("GET", "/connectors/d/tasks/9/status")[0] == 404
    assert ask("PUT", "/connectors/d/stop")[0] == 204
    assert ask("GET", "/connectors/d/offsets")[1]["offsets"][0]["offset"] == {"kafka_offset": 7}
    assert ask("DELETE", "/connectors/d/offsets")[1]["message"].endswith("reset successfully")
    assert ask("PUT", "/connectors/d/resume")[0] == 202 and ask("DELETE", "/connectors/d/offsets")[0] == 409
    assert ask("POST", "/connectors/d/restart") == (204, None)
    assert ask("POST", "/connectors/d/restart?includeTasks=true")[0] == 202
    assert ask("GET", "/connectors/d/topics")[1] == {"d": {"topics": ["orders"]}}
    assert ask("GET", "/connector-plugins")[1][-1] == {"class": CLASS, "type": "sink", "version": "1.2"}
    checked = ask("PUT", f"/connector-plugins/{CLASS}/config/validate", {"connector.class": CLASS})[1]
    assert checked["error_count"] == 1 and checked["configs"][0]["value"]["errors"], checked
    assert ask("PUT", "/connectors/d/fence")[0] == 404 and ask("POST", "/connectors/d/tasks")[0] == 404
    assert ask("DELETE", "/connectors/d") == (204, None) and "d" not in WORKER.connectors


@case
def a_user_needs_the_right_to_create_connectors():
    with tempfile.TemporaryDirectory(prefix="millrace-connectors-") as folder:
        for name, text in (("rules", "host all all 127.0.0.1/32 scram-sha-256\n"), ("password", PASSWORD + "\n")):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        server = launch("--access-file", os.path.join(folder, "rules"), "--superuser-password-file", os.path.join(folder, "password"),
                        "--connect-url", WORKER.url, "--connect", "127.0.0.1:0")

        def as_user(user, statement):
            with psycopg.connect(host=server.host, port=server.port, user=user, password=PASSWORD, dbname="millrace", autocommit=True) as connection:
                cursor = connection.execute(statement)
                return cursor.fetchall() if cursor.description else []

        def denied(user, statement):
            try:
                as_user(user, statement)
            except psycopg.errors.InsufficientPrivilege as error:
                return error.diag.message_primary, error.diag.message_hint
            raise AssertionError(f"{user} may {statement}")

        fresh("c", topics="broken", db_password="${file:x}")
        for user in ("ann", "ben"):
            as_user("millrace", f"CREATE USER {user} PASSWORD '{PASSWORD}'")
            as_user("millrace", f"GRANT ALL ON ALL TO {user}")
        create = f"CREATE SINK CONNECTOR d WITH (\"connector.class\" = '{CLASS}', topics = 'a')"
        message, hint = denied("ann", create)
        assert message == "permission denied to create connectors" and 'GRANT CREATE CONNECTOR ON ALL TO "ann"' in hint, (message, hint)
        for statement in ("DROP CONNECTOR c", "PAUSE CONNECTOR c", "ALTER CONNECTOR c SET (a = 1)", "EXPLAIN " + create, "GRANT CREATE CONNECTOR ON ALL TO ann"):
            denied("ann", statement)
        rows = as_user("ann", "SHOW CONNECTORS")
        assert rows[0][0] == "c" and rows[0][-1] is None, rows
        described = dict(as_user("ann", "DESCRIBE CONNECTOR c"))
        assert described["state"] == "RUNNING" and not [name for name in described if name.startswith(("config", "error"))], described
        for where in (server.http, server.connect):
            assert ask("GET", "/connectors", place=where)[0] == 401
            assert ask("GET", "/connectors/c", place=where, user="ann")[0] == 403
            assert ask("DELETE", "/connectors/c", place=where, user="ann")[0] == 403
        assert "c" in WORKER.connectors
        try:
            as_user("millrace", "GRANT CREATE CONNECTOR ON orders TO ann")
        except psycopg.Error as error:
            assert "CREATE CONNECTOR can only be granted on ALL" in str(error)
        else:
            raise AssertionError("it was not refused")
        as_user("millrace", "GRANT CREATE CONNECTOR ON ALL TO ann")
        as_user("ann", create)
        assert ask("GET", "/connectors/d", place=server.http, user="ann")[0] == 200
        denied("ben", "DROP CONNECTOR d")
        as_user("millrace", "REVOKE CREATE CONNECTOR ON ALL FROM ann")
        denied("ann", "DROP CONNECTOR d")
        assert as_user("ann", "SELECT 1") == [(1,)]


@case
def statements_work_at_every_node_of_a_cluster():
    fresh("c")
    cluster = Cluster(flags=("--node-session-timeout-ms", "2000", "--connect-url", WORKER.url))
    try:
        nodes = {number: types.SimpleNamespace(host="127.0.0.1", port=int(node.pg.rsplit(":", 1)[1])) for number, node in cluster.nodes.items()}
        for number, node in nodes.items():
            create = f"CREATE SINK CONNECTOR c{number} WITH (\"connector.class\" = '{CLASS}', topics = 'a')"
            assert [row[0] for row in sql(create, "SHOW CONNECTORS", server=node)[0]] == ["c", *(f"c{each}" for each in range(1, number + 1))]
        sql("PAUSE CONNECTOR c1", server=nodes[2])
        sql("DROP CONNECTOR c2", server=nodes[3])
        assert WORKER.states == {"c": "RUNNING", "c1": "PAUSED", "c3": "RUNNING"}, WORKER.states
    finally:
        cluster.close()


if __name__ == "__main__":
    run(OBSTACLE)
