#!/usr/bin/python3
"""A user finds only the names of relations and queries on which it has a right: in SHOW, DESCRIBE, the catalogs, hints and
ksqlDB's API, on one server and on each node of a cluster."""
import base64
import json
import os
import re
import tempfile
import urllib.error
import urllib.request

import psycopg

from cluster_nodes import Cluster
from cluster_sql import revision_at
from millrace_server import case, has_limit, launch, run
from patience import patience, wait_until

SECRET = "a long password"
PREPARED = """
CREATE STREAM unseen (id INT KEY, v VARCHAR);
CREATE TABLE unseen_sums AS SELECT v, COUNT(*) AS n FROM unseen GROUP BY v;
CREATE TABLE unseen_rows (id SERIAL PRIMARY KEY, v VARCHAR);
CREATE SEQUENCE unseen_numbers OWNED BY unseen_rows.id;
CREATE VIEW unseen_view AS SELECT v, n FROM unseen_sums;
CREATE STREAM "Unseen-Quoted" (id INT KEY);
CREATE STREAM unseen_mixed (id INT KEY) WITH (KAFKA_TOPIC = 'UnSeenTopic', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
CREATE LINK "UnSeenLink" WITH ('bootstrap.servers' = '127.0.0.1:1', connect = 'later');
ALTER CONSUMER GROUP 'UnSeenGroup' RESET OFFSETS FOR TOPIC unseen TO EARLIEST;
CREATE STREAM lent (id INT KEY, v VARCHAR);
CREATE VIEW lent_view AS SELECT id FROM lent;
CREATE VIEW lent_and_unseen AS SELECT lent.id FROM lent WHERE v IN (SELECT v FROM unseen_sums);
CREATE USER stranger PASSWORD 'a long password';
CREATE USER reader PASSWORD 'a long password';
CREATE USER writer PASSWORD 'a long password';
CREATE USER maker PASSWORD 'a long password';
GRANT SELECT ON lent TO reader;
GRANT INSERT ON lent TO writer;
GRANT CREATE ON ALL TO maker;
"""
LISTS = ("SHOW STREAMS", "SHOW STREAMS EXTENDED", "SHOW TABLES", "DESCRIBE STREAMS", "DESCRIBE TABLES EXTENDED", "SHOW QUERIES", "SHOW TOPICS",
         "SELECT relname FROM pg_class", "SELECT typname FROM pg_type", "SELECT tablename FROM pg_tables",
         "SELECT viewname FROM pg_views", "SELECT definition FROM pg_views", "SELECT matviewname FROM pg_matviews",
         "SELECT indexname FROM pg_indexes", "SELECT sequencename FROM pg_sequences", "SELECT relname FROM pg_stat_user_tables",
         "SELECT attrelid::regclass FROM pg_attribute", "SELECT conname FROM pg_constraint", "SELECT adbin FROM pg_attrdef",
         "SELECT table_name FROM information_schema.tables", "SELECT table_name FROM information_schema.columns",
         "SELECT table_name FROM information_schema.views", "SELECT view_definition FROM information_schema.views",
         "SELECT sequence_name FROM information_schema.sequences", "SELECT table_name FROM information_schema.table_constraints",
         "SELECT topic FROM millrace_catalog.topics", "SELECT query FROM millrace_catalog.queries")
# Each statement names an object that does not exist, and another object with a similar name does.
MISTAKES = ("SELECT * FROM unsen", "SELECT * FROM unsen EMIT CHANGES", "INSERT INTO unsen VALUES (1, 'a')", "DESCRIBE unsen", "DROP STREAM unsen",
            "DROP TABLE unseen_sum", "CREATE STREAM copied AS SELECT * FROM unsen", "INSERT INTO unsen SELECT * FROM lent", "PRINT unsen",
            "EXPLAIN ctas_unseen_sums_1", "PAUSE ctas_unseen_sums_1", "EXPLAIN unseen_sums", "PAUSE unseen_sums", "ALTER TABLE unsen ADD COLUMN b INT",
            'SELECT * FROM "Unseen-Quotes"', 'INSERT INTO "unseen-quoted" VALUES (1)', "SELECT * FROM shop.unsen",
            "ALTER TOPIC unsen SET (retention_ms = 1)", "ALTER TOPIC 'unsen' SET (retention_ms = 1)", "PRINT 'unsen'",
            "ALTER CONSUMER GROUP g RESET OFFSETS FOR TOPIC unsen TO EARLIEST", "EXPLAIN SELECT * FROM unsen",
            "CREATE STREAM copied (id INT KEY) WITH (KAFKA_TOPIC = 'unsen', VALUE_FORMAT = 'JSON')",
            "TERMINATE unsen", "TERMINATE ctas_unseen_sums_9", "RESUME unseen_sums", "ALTER TABLE unsen RENAME TO copied")
# Each statement names an object in another letter case than that of the object.
MISSPELT = ("ALTER TOPIC unseentopic SET (retention_ms = 1)", "PRINT unseentopic", "SELECT * FROM unseentopic",
            "ALTER CONSUMER GROUP g RESET OFFSETS FOR TOPIC unseentopic TO EARLIEST", "PAUSE unseenlink", "DESCRIBE unseenlink",
            "SELECT * FROM unseenlink.orders", "ALTER CONSUMER GROUP unseengroup RESET OFFSETS TO EARLIEST",
            "CREATE STREAM copied (id INT KEY) WITH (KAFKA_TOPIC = 'unseentopic', VALUE_FORMAT = 'JSON')",
            "CREATE STREAM copied WITH (KAFKA_TOPIC = 'unseentopic') AS SELECT * FROM made")


def shown(connection, statement):
    """All texts of the rows of a statement, in lower case."""
    return " ".join(str(value) for row in connection.execute(statement).fetchall() for value in row).lower()


def failure(connection, statement):
    """The error of a statement with its detail and hint; an empty text if it has none."""
    try:
        connection.execute(statement)
    except psycopg.Error as error:
        return " ".join(filter(None, (str(error), error.diag.message_detail, error.diag.message_hint)))
    return ""


def ksql(http, user, statement):
    request = urllib.request.Request(f"http://{http}/ksql", json.dumps({"ksql": statement}).encode(), {
        "Content-Type": "application/json", "Authorization": "Basic " + base64.b64encode(f"{user}:{SECRET}".encode()).decode()})
    try:
        with urllib.request.urlopen(request, timeout=patience(30)) as answer:
            return answer.read().decode().lower()
    except urllib.error.HTTPError as error:
        return error.read().decode().lower()


def check(connect, http):
    """`connect` opens a connection of a user, whose objects are prepared; `http` is a listener of the same node."""
    with connect("millrace") as root, connect("stranger") as stranger, connect("reader") as reader, connect("writer") as writer:
        for statement in LISTS:
            assert "unseen" not in shown(stranger, statement) and "lent" not in shown(stranger, statement), statement
            assert "unseen" not in shown(reader, statement), statement
            assert "unseen" in shown(root, statement), f"a superuser sees all: {statement}"
        for connection in (reader, writer):  # one of the rights is enough
            assert shown(connection, "SELECT relname FROM pg_class WHERE relname LIKE 'lent%' ORDER BY 1") == "lent lent_view", "visible relations"
            assert "lent" in shown(connection, "SHOW STREAMS") and "lent" in shown(connection, "DESCRIBE STREAMS")
            assert failure(connection, "DESCRIBE lent") == ""
        # The catalog is consistent: no column, constraint or type belongs to a relation that is not listed.
        orphans = "SELECT COUNT(*) FROM pg_attribute a LEFT JOIN pg_class c ON c.oid = a.attrelid WHERE c.oid IS NULL"
        assert reader.execute(orphans).fetchone() == (0,)
        for statement in ("DESCRIBE unseen", "DESCRIBE unseen EXTENDED", "SELECT * FROM unseen", "SELECT nothing FROM unseen"):
            assert "permission denied" in failure(stranger, statement), statement
        for statement in MISTAKES:
            text = failure(stranger, statement)
            names = re.findall(r"unseen[\w-]*", text.replace(statement, ""), re.I)
            assert text and not set(map(str.lower, names)) - set(re.findall(r"unseen[\w-]*", statement.lower())), (statement, text)
        with connect("maker") as maker:
            maker.execute("CREATE STREAM IF NOT EXISTS made (id INT KEY, v VARCHAR)")
            for statement in MISSPELT:
                for connection in (stranger, maker):
                    text = failure(connection, statement)
                    # A topic with the name may be created, because the user does not see the other topic.
                    assert (text or "CREATE STREAM" in statement) and "UnSeen" not in text, (statement, text)
                    if not text:
                        connection.execute("DROP STREAM copied DELETE TOPIC")
        for statement in ("ALTER TOPIC unsen SET (retention_ms = 1)", "PRINT unsen"):
            assert "Did you mean 'unseen'?" in failure(root, statement), "a superuser gets the proposal"
        assert "UnSeenTopic" in failure(root, "CREATE STREAM copied (id INT KEY) WITH (KAFKA_TOPIC = 'unseentopic', VALUE_FORMAT = 'JSON')")
        assert "UnSeenLink is a link" in failure(root, "PAUSE unseenlink")
        assert "Did you mean UNSEEN?" in failure(root, "SELECT * FROM unsen"), "a superuser gets the proposal"
        assert "Did you mean LENT?" in failure(reader, "SELECT * FROM lentt"), "a reader gets the proposal of a relation that it may read"
        # Numbers of relations are not turned into names.
        number = root.execute("SELECT oid::bigint FROM pg_class WHERE relname = 'unseen'").fetchone()[0]
        assert shown(root, f"SELECT {number}::regclass") == "unseen"
        assert shown(stranger, f"SELECT {number}::regclass") == str(number)
        assert stranger.execute("SELECT has_table_privilege('unseen', 'SELECT')").fetchone() == (False,)
        for statement in ("LIST STREAMS;", "LIST TABLES EXTENDED;", "LIST QUERIES;", "DESCRIBE lent EXTENDED;", "LIST TOPICS;", "EXPLAIN CTAS_UNSEEN_SUMS_1;"):
            text = ksql(http, "reader", statement).replace(statement.lower(), "").replace(statement.lower().rstrip(";"), "")
            names = set(re.findall(r"unseen\w*", text)) - set(re.findall(r"unseen[\w-]*", statement.lower()))
            assert not names, (statement, text)
        assert "unseen" in ksql(http, "millrace", "LIST STREAMS;") and '"lent"' in ksql(http, "reader", "LIST STREAMS;")


def check_owners(connect):
    """A user sees what it has created, temporary tables included, and loses it with the right."""
    with connect("maker") as maker, connect("millrace") as root:
        maker.execute("CREATE STREAM IF NOT EXISTS made (id INT KEY, v VARCHAR)")
        maker.execute("CREATE TABLE made_sums AS SELECT v, COUNT(*) AS n FROM made GROUP BY v")
        maker.execute("CREATE VIEW made_view AS SELECT 1 AS one")
        for name, statement in (("made", "SHOW STREAMS"), ("made_sums", "SHOW TABLES"), ("made_view", "SELECT relname FROM pg_class"),
                                ("ctas_made_sums", "SHOW QUERIES"), ("made_sums", "SELECT matviewname FROM pg_matviews")):
            assert name in shown(maker, statement), statement
        root.execute("GRANT SELECT ON made TO stranger")
        with connect("stranger") as stranger:
            wait_until(lambda: "made" in shown(stranger, "SHOW STREAMS"), "the granted stream")
            root.execute("REVOKE SELECT ON made FROM stranger")
            wait_until(lambda: "made" not in shown(stranger, "SELECT relname FROM pg_class WHERE relname = 'made'"), "the end of the right")


def file_with(text):
    path = os.path.join(tempfile.mkdtemp(prefix="millrace-hidden-"), "file")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o600)
    return path


def guarded_flags():
    return ("--access-file", file_with("host all all 127.0.0.1/32 scram-sha-256\n"), "--superuser-password-file", file_with(SECRET + "\n"))


def opener(host, port):
    def connect(user):
        return psycopg.connect(host=host, port=port, user=user, password=SECRET, dbname="millrace", autocommit=True)
    return connect


def prepare(connect):
    with connect("millrace") as root:
        for statement in PREPARED.split(";"):
            if statement.strip():
                root.execute(statement)


@case
def a_user_finds_only_names_on_which_it_has_a_right():
    server = launch(*guarded_flags())
    connect = opener(server.host, server.port)
    prepare(connect)
    check(connect, server.http)
    check_owners(connect)
    with connect("maker") as maker:
        maker.execute("CREATE TEMP TABLE scratch (id INT PRIMARY KEY)")
        assert "scratch" in shown(maker, "SELECT relname FROM pg_class")
    server.stop()


@case
@has_limit(600)
def each_node_of_a_cluster_hides_the_same_names():
    cluster = Cluster(flags=("--node-session-timeout-ms", "2000", *guarded_flags()))
    try:
        openers = [opener(*node.pg.split(":")) for node in cluster.nodes.values()]
        prepare(openers[0])

        def revision(connect):
            with connect("millrace") as root:
                return revision_at(root)
        newest = revision(openers[0])
        for connect, node in zip(openers, cluster.nodes.values()):
            wait_until(lambda connect=connect: revision(connect) >= newest, "the objects and rights on each node")
            check(connect, node.http)
        check_owners(openers[1])
    finally:
        cluster.close()


@case
def without_users_everything_is_shown():
    server = launch()
    with psycopg.connect(host=server.host, port=server.port, user="anybody", dbname="millrace", autocommit=True) as client:
        for statement in PREPARED.split(";"):
            if "CREATE" in statement and "USER" not in statement and "GRANT" not in statement:
                client.execute(statement)
        for statement in LISTS:
            assert "unseen" in shown(client, statement), statement
        assert "Did you mean UNSEEN?" in failure(client, "SELECT * FROM unsen")
    server.stop()


if __name__ == "__main__":
    run()
