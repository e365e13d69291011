#!/usr/bin/python3
"""POST /sql: any statement of psql over HTTP, with typed rows, changes, places of errors, and queries side by side."""
import base64
import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from millrace_server import Skipped, advance_clock, case, launch, run, wait_until  # noqa: E402
from patience import patience  # noqa: E402
import sql_lines  # noqa: E402
from sql_lines import kinds, only, rows_of  # noqa: E402

SERVER = launch("--test-clock", "true")
SECRET = "geheim-4711"


def psql(*statements, server=SERVER, **options):
    return sql_lines.psql(server, *statements, **options)


def Lines(text, server=SERVER, headers={}, **members):
    return sql_lines.Lines(text, server, headers, **members)


def ask(text, server=SERVER, headers={}, **members):
    return sql_lines.ask(text, server, headers, **members)


def error_of(text, **members):
    return only(ask(text, **members), "error")


def push_queries(server=SERVER):
    """Returns the number of running statements, except the one that asks."""
    return psql("SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'http' AND state = 'active'", server=server)[0][0]


@case
def each_statement_of_a_text_is_answered_in_order():
    lines = ask("CREATE STREAM orders (id INT KEY, city VARCHAR, amount DECIMAL(10, 2)) WITH (PARTITIONS = 1);"
                "INSERT INTO orders VALUES (1, 'Lahore', 120.00), (2, 'Karachi', 80.50);"
                "SELECT * FROM orders ORDER BY id; SHOW STREAMS; EXPLAIN SELECT 1")
    done = [line["done"] for line in lines if isinstance(line, dict) and "done" in line]
    assert [each["n"] for each in done] == [1, 2, 3, 4, 5], lines
    assert [(each["tag"], each["rows"], each["more"]) for each in done][:3] == \
        [("CREATE STREAM", 0, False), ("INSERT", 2, False), ("SELECT", 2, False)], done
    assert all(isinstance(each["ms"], int) for each in done)
    notice = next(line["notice"] for line in lines if "notice" in line)
    assert notice["severity"] == "NOTICE" and "orders" in notice["message"], notice
    head = next(line["head"] for line in lines if "head" in line)
    assert head["n"] == 3 and head["kind"] == "rows" and head["id"].startswith("transient_ORDERS_"), head
    assert head["columns"] == [{"name": "id", "type": "INTEGER", "key": True}, {"name": "city", "type": "VARCHAR"},
                               {"name": "amount", "type": "DECIMAL(10, 2)"}], head
    assert rows_of(lines)[:2] == [[1, "Lahore", "120.00"], [2, "Karachi", "80.50"]], lines


@case
def values_of_each_type_arrive_exactly():
    head, row, done = ask(
        "SELECT true AS b, 7 AS i, CAST(9007199254740992 AS BIGINT) AS l, CAST(9007199254740993 AS BIGINT) AS big, "
        "CAST(-9007199254740993 AS BIGINT) AS small, CAST(1.5 AS DOUBLE PRECISION) AS d, CAST('NaN' AS DOUBLE PRECISION) AS nan, "
        "CAST(12345678901234567890.12 AS DECIMAL(30, 2)) AS n, 'gr\u00fc\u00dfe \"x\"' AS s, NULL AS nothing")
    assert row == [True, 7, 9007199254740992, "9007199254740993", "-9007199254740993", "1.5", "NaN",
                   "12345678901234567890.12", "gr\u00fc\u00dfe \"x\"", None], row
    assert [column["type"] for column in head["head"]["columns"]][:8] == \
        ["BOOLEAN", "INTEGER", "BIGINT", "BIGINT", "BIGINT", "DOUBLE", "DOUBLE", "DECIMAL(30, 2)"], head
    ask("CREATE STREAM typed (k INT KEY, x BYTES, day DATE, t TIME, ts TIMESTAMP, a ARRAY<DECIMAL(4, 1)>, m MAP<VARCHAR, BIGINT>, "
        "s STRUCT<a INT, n DECIMAL(4, 1)>) WITH (PARTITIONS = 1)")
    psql("INSERT INTO typed VALUES (1, TO_BYTES('AQI=', 'base64'), '2024-01-02', '03:04:05', '2024-01-02T03:04:05.678', "
         "ARRAY[1.5, NULL], MAP('k' := 9007199254740993), STRUCT(a := 1, n := 2.5))")
    lines = ask("SELECT * FROM typed")
    assert rows_of(lines) == [[1, "AQI=", "2024-01-02", "03:04:05", "2024-01-02T03:04:05.678", ["1.5", None],
                               {"k": "9007199254740993"}, {"A": 1, "N": "2.5"}]], lines
    assert [column["type"] for column in lines[0]["head"]["columns"]] == \
        ["INTEGER", "BYTES", "DATE", "TIME", "TIMESTAMP", "ARRAY<DECIMAL(4, 1)>", "MAP<VARCHAR, BIGINT>",
         "STRUCT<`A` INTEGER, `N` DECIMAL(4, 1)>"], lines[0]


@case
def changes_are_marked_and_a_delete_has_its_key():
    psql("CREATE TABLE followed (id INT PRIMARY KEY, v VARCHAR)", "INSERT INTO followed VALUES (1, NULL)")
    lines = Lines("SELECT v, id FROM followed EMIT CHANGES")
    head = lines.next()["head"]
    assert head["kind"] == "changes" and [column.get("key") for column in head["columns"]] == [None, True], head
    assert lines.next() == ["u", None, 1]
    psql("UPDATE followed SET v = 'x' WHERE id = 1")
    assert lines.next() == ["u", "x", 1]
    psql("DELETE FROM followed WHERE id = 1")
    assert lines.next() == ["d", None, 1]
    psql("INSERT INTO followed VALUES (2, 'y')")
    assert lines.next() == ["u", "y", 2]
    lines.close()


@case
def rows_of_a_stream_and_of_an_aggregate_are_changes_too():
    psql("CREATE STREAM sales (id INT KEY, city VARCHAR) WITH (PARTITIONS = 1)", "INSERT INTO sales VALUES (1, 'Lahore'), (2, 'Lahore')")
    lines = ask("SELECT id, city FROM sales EMIT CHANGES LIMIT 2", settings={"auto.offset.reset": "earliest"})
    assert kinds(lines) == ["head", "row", "row", "done"] and rows_of(lines) == [["u", 1, "Lahore"], ["u", 2, "Lahore"]], lines
    lines = ask("SELECT city, COUNT(*) AS n FROM sales GROUP BY city EMIT CHANGES LIMIT 1", settings={"auto.offset.reset": "earliest"})
    assert lines[0]["head"]["kind"] == "changes" and lines[0]["head"]["columns"][0]["key"], lines
    assert rows_of(lines) in ([["u", "Lahore", 1]], [["u", "Lahore", 2]]), lines


@case
def an_error_has_its_place_its_hint_and_its_replacement():
    psql("CREATE TABLE people (id INT PRIMARY KEY, name VARCHAR)")
    error = error_of("SELECT 1;\nSELECT nme FROM people")
    assert error["code"] == "42703" and "nme" in error["message"], error
    assert (error["n"], error["line"], error["column"], error["length"], error["fix"]) == (2, 2, 8, 3, "name"), error
    assert "NAME" in error["hint"], error
    error = error_of("SELEC 1")
    assert (error["code"], error["line"], error["column"], error["length"], error["fix"]) == ("42601", 1, 1, 5, "SELECT"), error
    error = error_of("SELECT '\u00fc', p.nme FROM people AS p")
    assert (error["column"], error["length"], error.get("fix")) in ((15, 3, "name"), (13, 1, None)), error
    error = error_of("SELECT * FROM peple")
    assert error["code"] == "42P01" and error["column"] == 15 and error["length"] == 5, error
    error = error_of("SELECT zzz FROM people")
    assert "fix" not in error, error
    error = error_of("SELECT 1/0")
    assert error["code"] == "22012", error


@case
def an_error_ends_the_request_and_undoes_its_transaction():
    psql("CREATE TABLE accounts (id INT PRIMARY KEY, v INT)", "INSERT INTO accounts VALUES (1, 1)")
    lines = ask("BEGIN; UPDATE accounts SET v = 2 WHERE id = 1; SELECT nothing FROM accounts; UPDATE accounts SET v = 3 WHERE id = 1; COMMIT")
    assert kinds(lines) == ["done", "done", "error"] and lines[-1]["error"]["n"] == 3, lines
    assert psql("SELECT v FROM accounts") == [(1,)]
    lines = ask("BEGIN; UPDATE accounts SET v = 2 WHERE id = 1; SAVEPOINT s; UPDATE accounts SET v = 9 WHERE id = 1; ROLLBACK TO s; COMMIT")
    assert [line["done"]["tag"] for line in lines] == ["BEGIN", "UPDATE", "SAVEPOINT", "UPDATE", "ROLLBACK", "COMMIT"], lines
    assert psql("SELECT v FROM accounts") == [(2,)]
    lines = ask("BEGIN; UPDATE accounts SET v = 4 WHERE id = 1")
    assert only(lines, "notice")["severity"] == "WARNING" and "rolled back" in only(lines, "notice")["message"], lines
    # Without BEGIN, the statements of one text form one transaction, as in psql -c.
    lines = ask("INSERT INTO accounts VALUES (5, 5); INSERT INTO accounts VALUES (1/0, 6)")
    assert "error" in lines[-1], lines
    assert psql("SELECT id, v FROM accounts") == [(1, 2)]


@case
def statements_of_a_session_run_within_a_request():
    psql("CREATE TABLE numbers (id INT PRIMARY KEY)", "INSERT INTO numbers SELECT i FROM generate_series(1, 5) AS g(i)")
    lines = ask("PREPARE p AS SELECT id FROM numbers WHERE id > $1 ORDER BY id; EXECUTE p(3);"
                "BEGIN; DECLARE c CURSOR FOR SELECT id FROM numbers ORDER BY id; FETCH 2 FROM c; FETCH 1 FROM c; COMMIT;"
                "SELECT set_config('application_name', 'mine', false); SHOW application_name; SELECT pg_try_advisory_lock(1)")
    assert rows_of(lines) == [[4], [5], [1], [2], [3], ["mine"], ["mine"], [True]], lines
    assert [line["done"]["tag"] for line in lines if "done" in line][-6:] == ["FETCH", "FETCH", "COMMIT", "SELECT", "SHOW", "SELECT"], lines
    # The session has ended, and so its prepared statements and locks no longer exist.
    assert error_of("EXECUTE p(3)")["code"] == "26000"
    assert psql("SELECT pg_try_advisory_lock(1)") == [(True,)]
    lines = ask("INSERT INTO numbers VALUES (6) RETURNING id; SELECT SUM(id) OVER () FROM numbers WHERE id > 5; DELETE FROM numbers")
    assert rows_of(lines) == [[6], [6]] and lines[-1]["done"]["rows"] == 6, lines


@case
def settings_apply_as_set_does_and_variables_as_define_does():
    lines = ask("SHOW TimeZone; SELECT ${n} AS n, '${who}' AS who", settings={"TimeZone": "Asia/Karachi"}, variables={"n": 42, "who": "ann"})
    assert rows_of(lines) == [["Asia/Karachi"], [42, "ann"]], lines
    assert ask("SHOW TimeZone")[1] != ["Asia/Karachi"], "the setting belongs to one request"
    for settings, code in (({"no_such": "1"}, "42704"), ({"auto.offset.reset": "middle"}, "22023"), ({"statement_timeout": "x"}, "22023")):
        lines = ask("SELECT 1", settings=settings)
        assert kinds(lines) == ["error"] and lines[0]["error"]["code"] == code, lines
    error = error_of("SELECT pg_sleep(60)", settings={"statement_timeout": "50ms"})
    assert error["code"] == "57014" and "timeout" in error["message"], error
    error = error_of("INSERT INTO people VALUES (1, 'x')", settings={"default_transaction_read_only": True})
    assert error["code"] == "25006", error


@case
def max_rows_cuts_a_result_off_and_marks_it():
    psql("CREATE TABLE many (id INT PRIMARY KEY)", "INSERT INTO many SELECT i FROM generate_series(1, 50) AS g(i)")
    for most, rows, more in ((10, 10, True), (49, 49, True), (50, 50, False), (1000, 50, False)):
        lines = ask("SELECT id FROM many; SELECT 1", max_rows=most)
        done = [line["done"] for line in lines if "done" in line]
        assert (done[0]["rows"], done[0]["more"], done[1]["more"]) == (rows, more, False), (most, done)
        assert len(rows_of(lines)) == rows + 1
    # With max_rows, a DELETE still deletes all rows, and the rows of SHOW are limited, too.
    lines = ask("DELETE FROM many RETURNING id", max_rows=3)
    assert len(rows_of(lines)) == 3 and only(lines, "done")["more"], lines
    assert psql("SELECT COUNT(*) FROM many") == [(0,)]
    lines = ask("SHOW ALL", max_rows=2)
    assert len(rows_of(lines)) == 2 and only(lines, "done")["more"], lines


@case
def requests_that_cannot_be_read_have_a_status():
    for body, word in ((b"SELECT 1", "JSON"), (b"[]", "object"), (b"{}", "sql"), (b'{"sql":"SELECT 1","rows":1}', '"rows"'),
                       (b'{"sql":"SELECT 1","max_rows":"1"}', "max_rows"), (b'{"sql":"\xff"}', "")):
        host, port = SERVER.http.rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=patience(60))
        connection.request("POST", "/sql", body)
        answer = connection.getresponse()
        line = json.loads(answer.read())
        assert answer.status == 400 and word in line["error"]["message"], (body, answer.status, line)
        assert answer.headers["content-type"] == "application/x-ndjson"


@case
def copy_and_listen_are_refused_with_the_way_to_go():
    psql("CREATE TABLE copied (id INT PRIMARY KEY)")
    for text, word in (("COPY copied FROM STDIN", "/inserts-stream"), ("COPY copied TO STDOUT", "SELECT"), ("LISTEN channel", "PostgreSQL")):
        error = error_of(text)
        assert error["code"] == "0A000" and word in error["hint"], error


@case
def beats_arrive_every_15_seconds_and_know_when_all_is_read():
    psql("CREATE TABLE beaten (id INT PRIMARY KEY)", "INSERT INTO beaten VALUES (1)")
    lines = Lines("SELECT * FROM beaten EMIT CHANGES")
    assert "head" in lines.next() and lines.next() == ["u", 1]
    advance_clock(SERVER, 15_000)
    assert lines.next() == {"beat": {"caught_up": True}}
    psql("INSERT INTO beaten VALUES (2)")
    assert lines.next() == ["u", 2]
    advance_clock(SERVER, 15_000)
    assert lines.next() == {"beat": {"caught_up": True}}
    lines.close()


@case
def a_client_that_leaves_ends_its_query():
    psql("CREATE STREAM left_alone (id INT KEY) WITH (PARTITIONS = 1)")
    before = push_queries()
    lines = Lines("SELECT * FROM left_alone EMIT CHANGES; SELECT 1")
    assert "head" in lines.next()
    assert push_queries() == before + 1
    lines.close()
    wait_until(lambda: push_queries() == before, "the query goes on without its client")


@case
def other_clients_can_end_a_query():
    psql("CREATE STREAM closed (id INT KEY) WITH (PARTITIONS = 1)")
    lines = Lines("SELECT * FROM closed EMIT CHANGES; SELECT 1")
    name = lines.next()["head"]["id"]
    host, port = SERVER.http.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=patience(60))
    connection.request("POST", "/close-query", json.dumps({"queryId": name}))
    assert connection.getresponse().status == 200
    assert [line["error"]["code"] for line in lines.all()] == ["57014"]
    lines = Lines("SELECT id FROM closed EMIT CHANGES")  # the session of the first query may still be listed
    lines.next()
    assert psql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT id FROM closed%' AND state = 'active' "
                "AND pid <> pg_backend_pid()") == [(True,)]
    assert [line["error"]["code"] for line in lines.all()] == ["57014"]


@case
def an_unread_answer_waits_without_its_rows():
    psql("CREATE TABLE long_rows (id INT PRIMARY KEY, text VARCHAR)",
         "INSERT INTO long_rows SELECT i, repeat('x', 1000) FROM generate_series(1, 20000) AS g(i)")
    body = json.dumps({"sql": "SELECT * FROM long_rows EMIT CHANGES LIMIT 20000", "settings": {"auto.offset.reset": "earliest"}}).encode()
    host, port = SERVER.http.rsplit(":", 1)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(patience(60))
        client.connect((host, int(port)))
        client.sendall(b"POST /sql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        client.recv(1)
        assert psql("SELECT 1") == [(1,)], "others are served meanwhile"
        parts = []
        while part := client.recv(65536):
            parts.append(part)
    answer = b"".join(parts)
    assert len(re.findall(rb'\["u",\d+,"x{1000}"\]', answer)) > 19_000, len(answer)
    assert b'"rows":20000' in answer


@case
def queries_run_side_by_side():
    psql("CREATE TABLE one (id INT PRIMARY KEY)", "CREATE TABLE two (id VARCHAR PRIMARY KEY)")
    lines = Lines("SELECT * FROM one EMIT CHANGES; SELECT * FROM two EMIT CHANGES; SELECT * FROM nowhere EMIT CHANGES", together=True)
    first = [lines.next() for _ in range(3)]
    assert sorted(line["head"]["n"] for line in first if "head" in line) == [1, 2], first
    assert only(first, "error")["n"] == 3 and only(first, "error")["code"] == "42P01", first
    psql("INSERT INTO one VALUES (1)")
    assert lines.next() == [1, "u", 1]
    psql("INSERT INTO two VALUES ('x')")
    assert lines.next() == [2, "u", "x"]
    psql("DELETE FROM one")
    assert lines.next() == [1, "d", 1]
    advance_clock(SERVER, 15_000)
    assert lines.next() == {"beat": {"caught_up": True}}
    before = push_queries()
    lines.close()
    wait_until(lambda: push_queries() == before - 2, "the queries go on without their client")
    assert error_of("SELECT 1", together=True)["code"] == "0A000"
    assert error_of(";".join(["SELECT * FROM one EMIT CHANGES"] * 17), together=True)["code"] == "54000"


@case
def http2_has_the_same_lines():
    if not shutil.which("curl"):
        raise Skipped("curl is not installed")
    psql("CREATE STREAM second (id INT KEY) WITH (PARTITIONS = 1)", "INSERT INTO second VALUES (1), (2)")
    body = json.dumps({"sql": "SELECT * FROM second EMIT CHANGES LIMIT 2; SELECT 3 AS three", "settings": {"auto.offset.reset": "earliest"}})
    answer = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", f"http://{SERVER.http}/sql", "-d", body, "-w", "%{http_version}"],
                            capture_output=True, text=True, timeout=patience(60), check=True).stdout
    *lines, version = answer.split("\n")
    assert version == "2", answer
    assert rows_of([json.loads(line) for line in lines]) == [["u", 1], ["u", 2], [3]], lines


@case
def rights_are_those_of_the_user():
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        for name, text in (("rules", "host all all 127.0.0.1/32 scram-sha-256\n"), ("password", SECRET + "\n")):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        server = launch("--access-file", os.path.join(folder, "rules"), "--superuser-password-file", os.path.join(folder, "password"))
        stack.callback(server.stop)

        def basic(user, password=SECRET):
            return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}

        def root(*statements):
            return psql(*statements, server=server, user="millrace", password=SECRET)

        root("CREATE TABLE secret (id INT PRIMARY KEY)", "INSERT INTO secret VALUES (1)", f"CREATE USER ann PASSWORD '{SECRET}'",
             "CREATE TABLE shown (id INT PRIMARY KEY)", "GRANT SELECT ON shown TO ann")
        assert Lines("SELECT 1", server).status == 401
        assert Lines("SELECT 1", server, basic("ann", "wrong")).status in (401, 403)
        assert rows_of(ask("SELECT current_user", server, basic("ann"))) == [["ann"]]
        assert rows_of(ask("SELECT * FROM shown", server, basic("ann"))) == []
        for text in ("SELECT * FROM secret", "SELECT * FROM secret EMIT CHANGES", "INSERT INTO shown VALUES (1)", "DROP TABLE shown",
                     "SET SESSION AUTHORIZATION millrace"):
            lines = ask(text, server, basic("ann"))
            assert kinds(lines) == ["error"] and lines[0]["error"]["code"] == "42501", (text, lines)
        lines = ask("SELECT 1", server, basic("ann"), settings={"session_authorization": "millrace"})
        assert kinds(lines) == ["error"] and lines[0]["error"]["code"] == "42501", lines
        # Only the statements of the user are shown, and a right that is revoked ends the query.
        assert rows_of(ask("SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE 'SELECT COUNT(*) FROM pg_stat%'", server, basic("ann"))) == [[1]]
        lines = Lines("SELECT * FROM shown EMIT CHANGES", server, basic("ann"))
        lines.next()
        root("REVOKE SELECT ON shown FROM ann", "INSERT INTO shown VALUES (7)")
        assert only(lines.all(), "error")["code"] == "42501"


@case
def a_server_that_stops_reports_its_reason():
    server = launch()
    psql("CREATE STREAM s (id INT KEY) WITH (PARTITIONS = 1)", server=server)
    lines = Lines("SELECT * FROM s EMIT CHANGES", server)
    lines.next()
    server.stop()
    assert [line["error"]["code"] for line in lines.all()] == ["57P01"]


run()
