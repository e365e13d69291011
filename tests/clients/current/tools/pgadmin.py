"""pgAdmin 4: the requests of its pages to pgAdmin's own server, which this program runs within itself, without a browser.

It connects, opens the nodes of the browser's tree and their tabs, shows the dashboard, and runs statements in the query tool.
"""
import builtins
import json
import os
import sys
import tempfile

import psycopg

from millrace_server import case, has_limit, run
from patience import wait_until

HOST, PORT = os.environ["MILLRACE_PG"].rsplit(":", 1)
USER = os.environ["PGUSER"]
OBJECTS = [
    "CREATE TABLE admin_orders (id INT PRIMARY KEY, city VARCHAR(20), amount NUMERIC(10, 2) DEFAULT 0, at TIMESTAMP)",
    "INSERT INTO admin_orders (id, city, amount) VALUES (1, 'Lahore', 120.00), (2, 'Karachi', 80.50)",
    "CREATE VIEW admin_large AS SELECT id, amount FROM admin_orders WHERE amount > 100",
    "CREATE SEQUENCE admin_numbers",
    "CREATE TYPE admin_mood AS ENUM ('sad', 'ok')",
    "COMMENT ON TABLE admin_orders IS 'what was ordered'",
]
# Kinds of nodes in pgAdmin's tree, by the node below which they appear. open_each() requests the list of each kind
# (`/browser/KIND/nodes/PARENT/`) and the tab with the properties (`/browser/KIND/obj/PARENT/`); PARENT has the ids of
# the nodes above it.
OF_THE_SERVER = ("role", "tablespace")
OF_A_DATABASE = ("schema", "catalog", "cast", "event_trigger", "extension", "foreign_data_wrapper", "language", "publication", "subscription")
OF_A_SCHEMA = ("table", "view", "mview", "sequence", "type", "domain", "collation", "function", "procedure", "trigger_function", "aggregate",
               "operator", "foreign_table", "fts_configuration", "fts_dictionary", "fts_parser", "fts_template")
OF_A_TABLE = ("column", "index", "trigger", "rule", "row_security_policy", "primary_key",
              "unique_constraint", "exclusion_constraint", "constraints", "partition")


def start_pgadmin():
    """Returns a client of pgAdmin in its desktop mode, with its files in a folder of its own."""
    os.environ["HOME"] = tempfile.mkdtemp(prefix="pgadmin-")
    builtins.SERVER_MODE = False
    root = next(os.path.join(path, "pgadmin4") for path in sys.path if os.path.isdir(os.path.join(path, "pgadmin4")))
    sys.path.insert(0, root)
    os.chdir(root)
    import config
    config.MASTER_PASSWORD_REQUIRED = config.UPGRADE_CHECK_ENABLED = False
    config.CONSOLE_LOG_LEVEL = 50
    from pgadmin import create_app
    app = create_app()
    app.PGADMIN_RUNTIME = False
    app.run_before_app_start()
    app.PGADMIN_INT_KEY = ""
    app.config.update(WTF_CSRF_ENABLED=False, SESSION_COOKIE_DOMAIN=None)
    return app.test_client()


with psycopg.connect(host=HOST, port=int(PORT), user=USER, dbname="postgres", autocommit=True) as _connection:
    for _statement in OBJECTS:
        _connection.execute(_statement)
CLIENT = start_pgadmin()
PATHS = {}  # the paths of the server, the database, the schema and the table


def answer(method, path, body=None):
    """Returns the JSON of an answer; fails if pgAdmin answers with an error."""
    got = getattr(CLIENT, method)(path, data=None if body is None else json.dumps(body), content_type="html/json")
    text = got.data.decode()
    assert got.status_code == 200, (path, got.status_code, text[:1000])
    found = json.loads(text)
    assert not isinstance(found, dict) or found.get("success", 1) in (1, None), (path, text[:1000])
    return found


def get(path):
    return answer("get", path)


def nodes(kind, parent):
    """Returns the objects of a kind by their names."""
    listed = get(f"/browser/{kind}/nodes/{parent}/")
    return {each["label"]: each for each in listed["data"] or []}


def number(node):
    return node["_id"]


@case
@has_limit(600)
def connects():
    got = CLIENT.get("/browser/")
    assert got.status_code == 200, got.data[:500]
    settings = {"name": "server", "host": HOST, "port": int(PORT), "db": "postgres", "username": USER, "password": "x", "save_password": False,
                "connect_now": True, "comment": "", "connection_params": [{"name": "sslmode", "value": "prefer", "keyword": "sslmode"}]}
    server = answer("post", "/browser/server/obj/1/", settings)["node"]
    assert server["connected"] and server["version"] >= 150000, server
    PATHS["server"] = f"1/{server['_id']}"
    database = nodes("database", PATHS["server"])["postgres"]
    PATHS["database"] = f"{PATHS['server']}/{number(database)}"
    answer("post", f"/browser/database/connect/{PATHS['database']}")
    PATHS["schema"] = f"{PATHS['database']}/{number(nodes('schema', PATHS['database'])['public'])}"
    PATHS["table"] = f"{PATHS['schema']}/{number(nodes('table', PATHS['schema'])['admin_orders'])}"


def open_each(kinds, parent):
    """Lists the objects of each kind, and shows the tab of the properties of all of them."""
    wrong = []
    for kind in kinds:
        for tab in ("nodes", "obj"):
            try:
                get(f"/browser/{kind}/{tab}/{parent}/")
            except AssertionError as error:
                wrong.append(str(error)[:700])
    assert not wrong, "\n".join(wrong)


@case
@has_limit(600)
def the_tree_opens():
    open_each(OF_THE_SERVER, PATHS["server"])
    open_each(OF_A_DATABASE, PATHS["database"])


@case
@has_limit(600)
def the_tree_below_a_schema_opens():
    open_each(OF_A_SCHEMA, PATHS["schema"])
    assert "admin_large" in nodes("view", PATHS["schema"])
    assert "admin_numbers" in nodes("sequence", PATHS["schema"])
    assert "admin_mood" in nodes("type", PATHS["schema"])


@case
@has_limit(600)
def the_tree_below_a_table_opens():
    open_each(OF_A_TABLE, PATHS["table"])
    assert list(nodes("column", PATHS["table"])) == ["id", "city", "amount", "at"]
    assert list(nodes("primary_key", PATHS["table"])) == ["admin_orders_pkey"]


@case
@has_limit(600)
def each_object_has_its_tabs():
    wrong = []
    schema = PATHS["schema"]
    for kind, path in (("database", PATHS["database"]), ("schema", schema), ("table", PATHS["table"]),
                       ("view", f"{schema}/{number(nodes('view', schema)['admin_large'])}"),
                       ("sequence", f"{schema}/{number(nodes('sequence', schema)['admin_numbers'])}"),
                       ("type", f"{schema}/{number(nodes('type', schema)['admin_mood'])}"),
                       ("column", f"{PATHS['table']}/{number(nodes('column', PATHS['table'])['amount'])}")):
        for tab in ("obj", "sql", "dependency", "dependent", *(("stats",) if kind in ("database", "table", "column") else ())):
            try:
                get(f"/browser/{kind}/{tab}/{path}")
            except AssertionError as error:
                wrong.append(str(error)[:700])
    assert not wrong, "\n".join(wrong)
    sql = get(f"/browser/table/sql/{PATHS['table']}")
    assert "CREATE TABLE" in sql and "amount numeric(10,2)" in sql and "PRIMARY KEY (id)" in sql and "what was ordered" in sql, sql


@case
@has_limit(600)
def the_dashboard_shows_activity():
    _, server, database = PATHS["database"].split("/")
    charts = "session_stats,tps_stats,ti_stats,to_stats,bio_stats"
    for path in (f"dashboard_stats/{server}?chart_names={charts}", f"dashboard_stats/{server}/{database}?chart_names={charts}",
                 f"activity/{server}", f"activity/{server}/{database}", f"locks/{server}", f"prepared/{server}", f"config/{server}"):
        get(f"/dashboard/{path}")
    assert "pgAdmin 4" in json.dumps(get(f"/dashboard/activity/{server}"))


def rows_of(transaction):
    def polled():
        found = get(f"/sqleditor/poll/{transaction}")["data"]
        assert found["status"] in ("Success", "Busy"), found
        return found["status"] == "Success" and found
    return wait_until(polled, "the query tool has no result", 60)


def run_in_query_tool(transaction, sql):
    answer("post", f"/sqleditor/query_tool/start/{transaction}", {"sql": sql, "explain_plan": None})
    return rows_of(transaction)


@case
@has_limit(600)
def the_query_tool_runs_statements():
    answer("post", f"/sqleditor/initialize/sqleditor/4711/{PATHS['database']}", {"user": USER, "dbname": "postgres"})
    found = run_in_query_tool(4711, "SELECT id, city, amount FROM admin_orders ORDER BY id")
    assert [list(map(str, row)) for row in found["result"]] == [["1", "Lahore", "120.00"], ["2", "Karachi", "80.50"]], found
    assert [column["name"] for column in found["colinfo"]] == ["id", "city", "amount"], found["colinfo"]
    run_in_query_tool(4711, "INSERT INTO admin_orders VALUES (3, 'Multan', 34.75)")
    found = run_in_query_tool(4711, "SELECT count(*) AS orders, sum(amount) AS total FROM admin_orders")
    assert [list(map(str, row)) for row in found["result"]] == [["3", "235.25"]], found
    found = get("/sqleditor/status/4711")
    assert found["data"]["status"] == 0, found
    answer("post", "/sqleditor/autocomplete/4711", ["SELECT * FROM admin_o", "SELECT * FROM admin_o"])


@case
@has_limit(600)
def the_view_of_data_shows_and_changes_rows():
    table = PATHS["table"].split("/")
    path = "/".join([*table[:3], table[4]])
    answer("post", f"/sqleditor/initialize/viewdata/4712/3/table/{path}", {"user": USER, "dbname": "postgres", "filter_sql": ""})
    get("/sqleditor/view_data/start/4712")
    found = rows_of(4712)
    assert found["rows_affected"] == 3, found
    assert list(found["primary_keys"]) == ["id"], found["primary_keys"]
    change = {"updated": {"1": {"err": False, "data": {"city": "Quetta"}, "primary_keys": {"id": 3}}}, "added": {}, "staged_rows": {}, "deleted": {},
              "updated_index": {"1": "1"}, "added_index": {}, "columns": found["colinfo"]}
    saved = answer("post", "/sqleditor/save/4712", change)
    assert saved["data"]["status"], saved
    assert run_in_query_tool(4711, "SELECT city FROM admin_orders WHERE id = 3")["result"] == [["Quetta"]]


run()
