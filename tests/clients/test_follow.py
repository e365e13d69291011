#!/usr/bin/python3
"""Catalog tables that clients follow (SELECT ... EMIT CHANGES over millrace_catalog), and the history of the server."""
import contextlib
import os
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from millrace_server import case, launch, run, wait_until  # noqa: E402
import sql_lines  # noqa: E402
from sql_lines import Lines, ask, kinds, only, rows_of  # noqa: E402

SERVER = launch()
QUERIES = "SELECT query, state FROM millrace_catalog.queries EMIT CHANGES"


def with_users():
    folder = tempfile.mkdtemp(prefix="millrace-follow-")
    hba, password = os.path.join(folder, "hba"), os.path.join(folder, "password")
    for path, text in ((hba, "host all all 127.0.0.1/32 scram-sha-256\n"), (password, "pw-root\n")):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o600)
    return launch("--access-file", hba, "--superuser-password-file", password)


SERVER_WITH_USERS = with_users()


def psql(*statements, server=SERVER, **options):
    return sql_lines.psql(server, *statements, **options)


def until(lines, wanted, what):
    """Reads lines until one is wanted, and ignores beats."""
    for _ in range(100_000):
        line = lines.next()
        assert line is not None, f"the answer ended before {what}"
        assert "error" not in line, line
        if wanted(line):
            return line
    raise AssertionError(f"no line is {what}")


def rejected(text):
    lines = ask(text, server=SERVER)
    return only(lines, "error")


@case
def a_follower_gets_the_rows_then_new_changed_and_deleted_ones():
    psql("CREATE STREAM followed (id INT KEY, v INT)", "CREATE TABLE per_v AS SELECT v, COUNT(*) AS n FROM followed GROUP BY v",
         server=SERVER)
    lines = Lines(QUERIES, SERVER)
    with contextlib.closing(lines):
        head = lines.next()["head"]
        assert head["kind"] == "changes", head
        assert [(each["name"], each.get("key", False)) for each in head["columns"]] == [("query", True), ("state", False)], head
        first = until(lines, lambda line: isinstance(line, list) and "PER_V" in line[1], "the query")
        query = first[1]
        assert first == ["u", query, "RUNNING"], first
        psql(f"PAUSE {query}", server=SERVER)
        until(lines, lambda line: line == ["u", query, "PAUSED"], "the pause")
        psql("CREATE TABLE per_id AS SELECT id, COUNT(*) AS n FROM followed GROUP BY id", server=SERVER)
        until(lines, lambda line: isinstance(line, list) and line[0] == "u" and "PER_ID" in line[1], "a new query")
        psql(f"TERMINATE {query}", server=SERVER)
        until(lines, lambda line: line == ["d", query, None], "the end of the query")


@case
def each_table_of_the_state_can_be_followed():
    for table, key in (("queries", "query"), ("tasks", "task"), ("topics", "topic"), ("consumer_groups", '"group"'),
                       ("consumer_lag", '"group", topic, "partition"'), ("server", "section, name"), ("cluster", "node"),
                       ("findings", "rule, object, node"), ("samples", "name, label, node, time"),
                       ("lineage", "from_kind, from_name, to_kind, to_name"), ("audit", "number, node")):
        lines = Lines(f"SELECT {key} FROM millrace_catalog.{table} EMIT CHANGES", SERVER)
        with contextlib.closing(lines):
            head = lines.next()
            assert head and "head" in head, (table, head)
            assert all(each.get("key") for each in head["head"]["columns"]), (table, head)


@case
def a_limit_ends_the_answer_and_psql_sees_the_same_rows():
    lines = ask("SELECT section, name, value FROM millrace_catalog.server WHERE section = 'metadata' EMIT CHANGES LIMIT 2", server=SERVER)
    assert kinds(lines) == ["head", "row", "row", "done"], lines
    found = psql("SELECT section, name FROM millrace_catalog.server WHERE section = 'metadata' EMIT CHANGES LIMIT 2", server=SERVER)
    assert [tuple(each[1:3]) for each in rows_of(lines)] == found, (lines, found)
    assert kinds(ask("SELECT node FROM millrace_catalog.cluster EMIT CHANGES LIMIT 0", server=SERVER)) == ["head", "done"]


@case
def followers_side_by_side_have_their_own_rows():
    lines = Lines("SELECT node FROM millrace_catalog.cluster EMIT CHANGES; "
                  "SELECT section, name FROM millrace_catalog.server EMIT CHANGES", SERVER, together=True)
    with contextlib.closing(lines):
        until(lines, lambda line: isinstance(line, list) and line[0] == 2 and line[2:] == ["server", "version"], "the version")


@case
def statements_that_cannot_be_followed_name_the_remedy():
    for text, code, word in (
            ("SELECT state FROM millrace_catalog.queries EMIT CHANGES", "0A000", "Add query"),
            ("SELECT state, COUNT(*) FROM millrace_catalog.queries GROUP BY state EMIT CHANGES", "0A000", "in the client"),
            ("SELECT query FROM millrace_catalog.queries ORDER BY query EMIT CHANGES", "0A000", "in the client"),
            ("SELECT DISTINCT query FROM millrace_catalog.queries EMIT CHANGES", "0A000", "in the client"),
            ("SELECT q.query FROM millrace_catalog.queries q JOIN millrace_catalog.tasks t ON q.query = t.query EMIT CHANGES", "0A000",
             "in the client"),
            ("SELECT relname FROM pg_catalog.pg_class EMIT CHANGES", "0A000", "Leave out EMIT CHANGES"),
            ("SELECT query FROM millrace_catalog.queries EMIT FINAL", "0A000", "EMIT CHANGES"),
            ("SELECT nme FROM millrace_catalog.queries EMIT CHANGES", "42703", "")):
        error = rejected(text)
        assert error["code"] == code, (text, error)
        assert word in error.get("hint", ""), (text, error)


@case
def a_column_under_another_name_still_identifies_the_rows():
    lines = ask("SELECT upper(name) AS shown, name AS n, section AS s FROM millrace_catalog.server WHERE name = 'version' EMIT CHANGES LIMIT 1",
                server=SERVER)
    head = only(lines, "head")
    assert [each["name"] for each in head["columns"] if each.get("key")] == ["n", "s"], head
    assert rows_of(lines)[0][1:] == ["VERSION", "version", "server"], lines


@case
def a_user_sees_the_rows_of_its_own_objects_only():
    for statement in ("CREATE STREAM hers (id INT KEY, v INT)", "CREATE STREAM secret (id INT KEY, v INT)",
                      "CREATE TABLE hers_t AS SELECT v, COUNT(*) AS n FROM hers GROUP BY v",
                      "CREATE TABLE secret_t AS SELECT v, COUNT(*) AS n FROM secret GROUP BY v",
                      "CREATE USER ann PASSWORD 'pw-ann'", "GRANT SELECT ON hers TO ann", "GRANT SELECT ON hers_t TO ann"):
        psql(statement, server=SERVER_WITH_USERS, user="millrace", password="pw-root")

    def names(table, column):
        found = psql(f"SELECT {column} FROM millrace_catalog.{table}", server=SERVER_WITH_USERS, user="ann", password="pw-ann")
        return " ".join(str(each[0]) for each in found)
    wait_until(lambda: "HERS_T" in names("tasks", "query"), "the tasks of her query")
    for table, column in (("queries", "query"), ("tasks", "query"), ("topics", "topic"), ("lineage", "to_name"), ("lineage", "from_name")):
        seen = names(table, column).lower()
        assert "hers" in seen and "secret" not in seen, (table, column, seen)
    wait_until(lambda: "HERS_T" in names("samples", "label"), "samples of her query", 60)
    assert "SECRET" not in names("samples", "label")
    for statement in ("SHOW QUERIES", "SHOW TASKS", "SHOW TOPICS"):
        assert "secret" not in str(psql(statement, server=SERVER_WITH_USERS, user="ann", password="pw-ann")).lower(), statement


@case
def a_thousand_followers_share_one_survey_and_one_that_does_not_read_holds_nothing_up():
    fresh = launch("--max-connections", "3000", open_files=8192)
    try:
        psql("CREATE STREAM s (id INT KEY, v INT)", server=fresh)
        idle = Lines("SELECT * FROM millrace_catalog.server EMIT CHANGES", fresh)  # the client never reads again
        idle.next()
        followers = [Lines(QUERIES, fresh) for _ in range(1000)]
        psql("CREATE TABLE t AS SELECT v, COUNT(*) AS n FROM s GROUP BY v", server=fresh)
        failed = []

        def read(part):
            for each in part:
                try:
                    until(each, lambda line: isinstance(line, list) and line[0] == "u", "the query")
                except Exception as error:  # noqa: BLE001: reported below, with the number
                    failed.append(error)
        threads = [threading.Thread(target=read, args=(followers[at::8],)) for at in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert not failed, (len(failed), failed[0])
        for each in followers:
            each.close()
        idle.close()
        wait_until(lambda: psql("SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active' AND application_name = 'http'",
                                server=fresh)[0][0] == 0, "the ends of all followers")
    finally:
        fresh.stop()


@case
def samples_have_the_figures_of_metrics_and_findings_their_rules():
    def latest():
        return psql("SELECT name, value FROM millrace_catalog.samples WHERE name = 'millrace_disk_total_bytes'", server=SERVER)
    wait_until(latest, "samples", 60)
    assert all(value > 0 for _, value in latest())
    names = {each[0] for each in psql("SELECT DISTINCT name FROM millrace_catalog.samples", server=SERVER)}
    assert {"millrace_disk_free_bytes", "millrace_memory_held_bytes"} <= names, names
    wait_until(lambda: psql("SELECT 1 FROM millrace_catalog.samples WHERE name = 'millrace_log_commits_per_second'", server=SERVER),
               "rates of counters", 60)
    columns = psql("SELECT column_name FROM information_schema.columns WHERE table_schema = 'millrace_catalog' AND "
                   "table_name = 'findings' ORDER BY ordinal_position", server=SERVER)
    assert [each[0] for each in columns] == ["severity", "rule", "kind", "object", "since", "message", "hint", "node"], columns


@case
def a_server_without_history_has_empty_tables():
    fresh = launch("--history", "off")
    try:
        assert psql("SELECT COUNT(*) FROM millrace_catalog.samples", server=fresh) == [(0,)]
        assert psql("SELECT COUNT(*) FROM millrace_catalog.findings", server=fresh) == [(0,)]
    finally:
        fresh.stop()


if __name__ == "__main__":
    run()
