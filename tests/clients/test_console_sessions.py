#!/usr/bin/python3
"""The console's files and sessions, as a browser meets them: login, cookie, end of a session, read-only mode, audit."""
import gzip
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile

import psycopg

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chromium import PROGRAM, Chromium  # noqa: E402
from cluster_nodes import free_port  # noqa: E402
from millrace_server import Skipped, binary, case, launch, run  # noqa: E402

SECRET = "geheim-4711"
FOLDER = tempfile.mkdtemp(prefix="millrace-console-")


def write(name, text):
    path = os.path.join(FOLDER, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


RULES = write("rules", "host all banned all reject\nhost all all 127.0.0.1/32 scram-sha-256\n")
GUARDED = launch("--access-file", RULES, "--superuser-password-file", write("password", SECRET + "\n"), "--test-clock", "true", keeps_log=True)
OPEN = launch(keeps_log=True)
READ_ONLY = launch("--console", "read-only")


class Browser:
    """Sends requests as scripts of a page of this server, and keeps the cookie."""

    def __init__(self, server=GUARDED):
        self.server, self.cookie = server, None

    def ask(self, method, path, body=None, headers=None):
        """Returns status, headers and text of an answer."""
        host, port = self.server.http.rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        sent = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
        if method != "GET":
            sent["Origin"] = f"http://{self.server.http}"
            sent["Content-Type"] = "application/json"
        if self.cookie:
            sent["Cookie"] = f"theme=dark; {self.cookie}"
        sent |= headers or {}
        connection.request(method, path, None if body is None else json.dumps(body), {name: value for name, value in sent.items() if value is not None})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        if given := answer.headers.get("Set-Cookie"):
            self.cookie = None if "Max-Age=0" in given else given.split(";")[0]
        return answer.status, answer.headers, text

    def log_in(self, user="millrace", password=SECRET):
        return self.ask("POST", "/session", {"user": user, "password": password})

    def session(self):
        status, _, text = self.ask("GET", "/session")
        return json.loads(text) if status == 200 else status

    def sql(self, text):
        """Returns status and lines of POST /sql."""
        status, _, lines = self.ask("POST", "/sql", {"sql": text})
        return status, [json.loads(line) for line in lines.splitlines()] if status == 200 else lines


def as_superuser(text):
    with psycopg.connect(host=GUARDED.host, port=GUARDED.port, user="millrace", password=SECRET, dbname="millrace", autocommit=True) as client:
        client.execute(text)


def log_of(server):
    with open(server.log, encoding="utf-8") as log:
        return log.read()


# --- The files

@case
def every_file_of_the_page_is_served_compressed_and_plain():
    browser = Browser()
    status, headers, page = browser.ask("GET", "/console/", headers={"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"})
    assert status == 200 and headers["Cache-Control"] == "no-cache", (status, headers)
    files = set(re.findall(r'(?:href|src)="(/console/)?(a/[^"]+)"', page))
    assert files, page
    for _, path in files:
        status, headers, plain = browser.ask("GET", "/console/" + path)
        assert status == 200 and "immutable" in headers["Cache-Control"], (path, status, headers)
        assert headers["X-Content-Type-Options"] == "nosniff" and "trusted-types" in headers["Content-Security-Policy"], headers
        connection = http.client.HTTPConnection(GUARDED.http, timeout=60)
        connection.request("GET", "/console/" + path, headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        assert gzip.decompress(answer.read()).decode() == plain, path
        connection.close()
        old = re.sub(r"a/[0-9a-f]+/", "a/0123456789abcdef/", path)
        assert browser.ask("GET", "/console/" + old)[0] == 404, old
    tag = browser.ask("GET", "/console/")[1]["ETag"]
    assert browser.ask("GET", "/console/queries/x", headers={"If-None-Match": tag})[0] == 304


@case
def the_root_leads_browsers_to_the_console_and_tools_to_info():
    for server in (GUARDED, OPEN):
        browser = Browser(server)
        html = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
        assert browser.ask("GET", "/", headers=html)[1]["Location"] == "/console/"
        assert browser.ask("GET", "/", headers={"Accept": "*/*"})[1]["Location"] == "/info"


@case
def without_a_console_neither_its_pages_nor_sessions_exist():
    server = launch("--console", "off")
    browser = Browser(server)
    for path in ("/console/", "/console/a/0/boot.js", "/session"):
        assert browser.ask("GET", path)[0] == 404, path
    assert browser.ask("GET", "/", headers={"Accept": "text/html"})[0] == 200
    assert browser.sql("SELECT 1 AS one")[0] == 200
    server.stop()


@case
def a_folder_of_files_is_for_loopback_only():
    done = subprocess.run([binary(), "server", "--http", "0.0.0.0:0", "--insecure", "--console-dir", FOLDER], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "--console-dir is not available at 0.0.0.0:0" in done.stderr, done.stderr
    os.makedirs(os.path.join(FOLDER, "site"), exist_ok=True)
    write("site/index.html", "<p>a/BUILDHASH/boot.js</p>")
    server = launch("--console-dir", os.path.join(FOLDER, "site"))
    assert Browser(server).ask("GET", "/console/")[2] == "<p>a/dev/boot.js</p>"
    write("site/index.html", "<p>changed</p>")
    status, headers, text = Browser(server).ask("GET", "/console/")
    assert (status, text, headers["Cache-Control"]) == (200, "<p>changed</p>", "no-store"), (status, text, headers)
    server.stop()


# --- Login and logout

@case
def a_login_authorises_statements_until_the_logout():
    browser = Browser()
    assert browser.session() == 401 and browser.sql("SELECT 1 AS one")[0] == 401
    status, headers, text = browser.log_in()
    assert status == 200, text
    cookie = headers["Set-Cookie"]
    port = GUARDED.http.rsplit(":", 1)[1]
    assert re.fullmatch(rf"millrace-{port}=[0-9a-f]{{64}}; Path=/; HttpOnly; SameSite=Strict", cookie), cookie
    found = browser.session()
    assert found == json.loads(text), (found, text)
    assert found["user"] == "millrace" and not found["anonymous"] and found["session"] and not found["read_only"], found
    assert found["privileges"] == {"superuser": True, "all": True, "create": True, "connectors": True}, found
    assert found["listeners"]["pg"] == [f"{GUARDED.host}:{GUARDED.port}"] and found["listeners"]["kafka"] == [GUARDED.kafka], found
    assert found["listeners"]["http"] == [GUARDED.http] and found["server"]["id"] and found["server"]["version"], found
    status, lines = browser.sql("SELECT 1 AS one")
    assert status == 200 and [1] in lines, (status, lines)
    assert browser.ask("GET", "/topics")[0] == 200
    assert browser.ask("DELETE", "/session")[0] == 204
    browser.cookie = cookie.split(";")[0]
    assert browser.sql("SELECT 1 AS one")[0] == 401 and browser.cookie is None


@case
def wrong_logins_are_alike_and_no_browser_prompts():
    browser = Browser()
    answers = [browser.log_in(user, "wrong")[::2] for user in ("millrace", "nobody")]
    assert answers[0] == answers[1] and answers[0][0] == 401, answers
    assert "WWW-Authenticate" not in browser.log_in("somebody", "wrong")[1]
    assert "WWW-Authenticate" not in browser.ask("GET", "/info")[1]
    assert "WWW-Authenticate" in browser.ask("GET", "/info", headers={"Sec-Fetch-Mode": None, "Sec-Fetch-Site": None})[1]
    assert browser.log_in("banned")[0] == 403
    assert browser.cookie is None and SECRET not in log_of(GUARDED)
    advance_clock_with_password(60_000)  # the next login of the superuser need not wait


def advance_clock_with_password(by_ms):
    """The page that moves the test clock needs the superuser, like every page of this server."""
    import base64
    basic = base64.b64encode(f"millrace:{SECRET}".encode()).decode()
    status, _, text = Browser().ask("POST", f"/test-clock?advance_ms={by_ms}", headers={"Authorization": f"Basic {basic}"})
    assert status == 200, text


@case
def a_session_ends_with_its_user_its_password_and_its_time():
    as_superuser("CREATE USER ann PASSWORD 'one'")
    browser = Browser()
    assert browser.log_in("ann", "one")[0] == 200 and browser.session()["user"] == "ann"
    as_superuser("ALTER USER ann PASSWORD 'two'")
    assert browser.session() == 401
    assert browser.log_in("ann", "two")[0] == 200
    as_superuser("DROP USER ann")
    as_superuser("CREATE USER ann PASSWORD 'two'")
    assert browser.session() == 401
    assert browser.log_in("ann", "two")[0] == 200
    advance_clock_with_password(29 * 60_000)
    assert browser.session()["user"] == "ann"
    advance_clock_with_password(30 * 60_000)
    assert browser.session() == 401
    as_superuser("DROP USER ann")


@case
def a_push_query_keeps_the_session_and_ends_with_it():
    browser = Browser()
    browser.log_in()
    browser.sql("CREATE STREAM followed (id INT KEY, v INT) WITH (KAFKA_TOPIC = 'followed', VALUE_FORMAT = 'JSON', PARTITIONS = 1);")
    host, port = GUARDED.http.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=120)
    connection.request("POST", "/sql", json.dumps({"sql": "SELECT * FROM followed EMIT CHANGES"}),
                       {"Cookie": browser.cookie, "Origin": f"http://{GUARDED.http}", "Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200 and b'"head"' in answer.readline()
    advance_clock_with_password(40 * 60_000)
    assert browser.session()["user"] == "millrace"
    assert browser.ask("DELETE", "/session")[0] == 204
    advance_clock_with_password(6_000)
    rest = answer.read().decode()
    assert "the session of the console has ended" in rest, rest
    connection.close()


@case
def a_restart_ends_all_sessions():
    folder = tempfile.mkdtemp(prefix="millrace-console-")
    server = launch(data_dir=folder, http=f"127.0.0.1:{free_port()}")
    browser = Browser(server)
    assert browser.ask("POST", "/session", {"look_only": True})[0] == 200 and browser.session()["look_only"]
    server.stop()
    server = launch(data_dir=folder, http=server.http)
    browser.server = server
    assert browser.sql("SELECT 1 AS one")[0] == 401
    assert browser.session() | {"server": 0, "listeners": 0, "privileges": 0} == {
        "user": None, "anonymous": True, "session": False, "read_only": False, "look_only": False, "server": 0, "listeners": 0, "privileges": 0}
    server.stop()


# --- The cookie and pages of other sites

@case
def a_cookie_without_the_marks_of_an_own_page_changes_nothing():
    browser = Browser()
    browser.log_in()
    drop = {"sql": "CREATE TABLE victim (id INT PRIMARY KEY)"}
    for marks in ({"Origin": None, "Sec-Fetch-Site": None}, {"Origin": None, "Sec-Fetch-Site": "none"}, {"Content-Type": "text/plain"},
                  {"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": None},
                  {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}):
        for method, path, body in (("POST", "/sql", drop), ("POST", "/ksql", {"ksql": drop["sql"] + ";"}), ("DELETE", "/session", None)):
            if body is None and "Content-Type" in marks:
                continue  # a request without a body needs no type
            status, _, text = browser.ask(method, path, body, marks)
            assert status == 403, (marks, path, status, text)
    assert "VICTIM" not in browser.ask("POST", "/ksql", {"ksql": "SHOW TABLES;"})[2].upper()
    assert browser.session()["user"] == "millrace"


# --- Reading only

CHANGES = ["CREATE TABLE never (id INT PRIMARY KEY)", "INSERT INTO kept VALUES (2, 2)", "DROP STREAM kept", "CREATE TABLE n AS SELECT id, COUNT(*) AS n FROM kept GROUP BY id",
           "ALTER SYSTEM 'ksql.streams.num.standby.replicas'='1'", "SELECT nextval('numbers')"]


def check_reads_only(browser, tool):
    tool.sql("CREATE STREAM kept (id INT KEY, v INT) WITH (KAFKA_TOPIC = 'kept', VALUE_FORMAT = 'JSON', PARTITIONS = 1); CREATE SEQUENCE numbers;")
    before = tool.ask("POST", "/ksql", {"ksql": "SHOW STREAMS; SHOW TABLES; SHOW QUERIES;"})[2]
    for text in CHANGES + ["BEGIN READ WRITE; INSERT INTO kept VALUES (3, 3); COMMIT"]:
        status, lines = browser.sql(text)
        assert status == 200 and "25006" in json.dumps(lines), (text, status, lines)
    for text in CHANGES[:3]:
        status, _, answer = browser.ask("POST", "/ksql", {"ksql": text + ";"})
        assert status == 400 and "read-only" in answer, (text, status, answer)
    status, _, answer = browser.ask("POST", "/inserts-stream", headers={"Content-Type": "application/json"}, body={"target": "kept"})
    assert "read-only" in answer, (status, answer)
    for path, body in (("/topics/kept", {"records": [{"value": {"v": 1}}]}), ("/subjects/kept-value/versions", {"schema": '"int"'}), ("/close-query", {"queryId": "x"})):
        status, _, answer = browser.ask("POST", path, body)
        assert status == 403 and "may only read" in answer, (path, status, answer)
    assert browser.ask("PUT", "/config", {"compatibility": "NONE"})[0] == 403
    assert [0] in browser.sql("SELECT COUNT(*) AS n FROM kept")[1], browser.sql("SELECT COUNT(*) AS n FROM kept")
    assert tool.ask("POST", "/ksql", {"ksql": "SHOW STREAMS; SHOW TABLES; SHOW QUERIES;"})[2] == before


@case
def a_read_only_console_changes_nothing_and_tools_do():
    class Tool(Browser):
        def ask(self, method, path, body=None, headers=None):
            return super().ask(method, path, body, {"Origin": None, "Sec-Fetch-Site": None, "Sec-Fetch-Mode": None} | (headers or {}))
    browser = Browser(READ_ONLY)
    assert browser.session()["read_only"]
    check_reads_only(browser, Tool(READ_ONLY))
    browser.ask("POST", "/session", {"look_only": False})
    assert browser.session()["read_only"] and "25006" in json.dumps(browser.sql(CHANGES[0])[1])


@case
def a_session_that_only_looks_changes_nothing():
    for server in (GUARDED, OPEN):
        tool, browser = Browser(server), Browser(server)
        if server is GUARDED:
            tool.log_in(), browser.log_in()
        assert json.loads(browser.ask("POST", "/session", {"look_only": True})[2])["read_only"]
        check_reads_only(browser, tool)
        assert not json.loads(browser.ask("POST", "/session", {"look_only": False})[2])["read_only"]
        status, lines = browser.sql("INSERT INTO kept VALUES (2, 2)")
        assert status == 200 and "done" in lines[-1], lines


# --- The audit

@case
def logins_and_changes_are_logged_without_secrets():
    browser = Browser()
    browser.log_in("nobody", "wrong-4712")
    browser.log_in()
    browser.sql("CREATE USER audited PASSWORD 'hidden-1'; DROP USER audited; DROP STREAM missing; SELECT 'unlogged-1' AS x;")
    browser.sql("CREATE STREAM logged (v VARCHAR) WITH (KAFKA_TOPIC = 'logged', VALUE_FORMAT = 'JSON', PARTITIONS = 1)")
    browser.sql("CREATE TABLE audited (id INT PRIMARY KEY, v VARCHAR); INSERT INTO audited VALUES (4711, 'hidden-2');")
    browser.ask("POST", "/ksql", {"ksql": "DROP TABLE audited;"})
    browser.ask("POST", "/topics/logged", {"records": [{"value": {"v": "hidden-3"}, "partition": 0}]}, {"Content-Type": "application/vnd.kafka.json.v2+json"})
    cluster = json.loads(browser.ask("GET", "/v3/clusters")[2])["data"][0]["cluster_id"]
    for more in ({"validate_only": True}, {}):
        status, _, answer = browser.ask("POST", f"/v3/clusters/{cluster}/topics/logged/records:delete",
                                        {"partitions": [{"partition_id": 0, "before_offset": -1}], **more})
        assert status == 200, answer
    browser.ask("DELETE", "/session")
    lines = [line for line in log_of(GUARDED).splitlines() if " audit event=" in line or line.startswith("audit event=")]
    text = "\n".join(lines)
    assert re.search(r'event=login user="nobody" address=127.0.0.1 session=none outcome="wrong user or password"', text), text
    name = re.findall(r'event=login user="millrace" address=127.0.0.1 session=([0-9a-f]{8}) outcome="ok"', text)[-1]
    for wanted in (r"""outcome="ok" text="CREATE USER audited PASSWORD '\*\*\*'\"""", r'outcome="ok" text="DROP USER audited"', r'outcome="42P01" text="DROP STREAM missing"',
                   r'outcome="ok" text="INSERT INTO audited VALUES \(\?, \?\)"', r'outcome="ok" text="DROP TABLE audited"'):
        assert re.search(rf'event=statement user="millrace" address=127.0.0.1 session={name} {wanted}', text), (wanted, text)
    assert f'event=request user="millrace" address=127.0.0.1 session={name} outcome="accepted" text="POST /topics/logged"' in text, text
    deletion = f'event=deletion user="millrace" address=127.0.0.1 session={name} outcome="ok" text="records of topic logged before partition 0 offset 1"'
    assert text.count(deletion) == 1, text
    assert f'event=logout user="millrace" address=127.0.0.1 session={name} outcome="ok"' in text, text
    for hidden in ("hidden-1", "hidden-2", "hidden-3", "4711", "4712", "unlogged-1", SECRET, (browser.cookie or "none=none").split("=")[1]):
        assert hidden == "none" or hidden not in text, hidden


def audit_of(user, password):
    with psycopg.connect(host=GUARDED.host, port=GUARDED.port, user=user, password=password, dbname="millrace", autocommit=True) as client:
        return client.execute("SELECT number, time, event, user_name, address, session, outcome, text, node FROM millrace_catalog.audit").fetchall()


@case
def the_audit_is_a_table_in_which_users_see_their_own_lines():
    as_superuser(f"CREATE USER clerk PASSWORD '{SECRET}'")
    before = {row[0] for row in audit_of("millrace", SECRET)}
    root, clerk = Browser(), Browser()
    root.log_in()
    clerk.log_in("clerk", "wrong-4713")
    clerk.log_in("clerk")
    root.sql("CREATE TABLE noted (id INT PRIMARY KEY) WITH (KAFKA_TOPIC = 'noted'); DROP TABLE noted;")
    clerk.sql("DROP STREAM missing; SELECT 1 AS one")
    clerk.ask("DELETE", "/subjects/caf%FF")
    rows = [row for row in audit_of("millrace", SECRET) if row[0] not in before]
    numbers = [row[0] for row in rows]
    assert numbers == sorted(numbers) and all(row[1] is not None and row[4] == "127.0.0.1" and row[8] == 0 for row in rows), rows
    shown = [(row[2], row[3], row[6], row[7]) for row in rows]
    assert shown[:3] == [("login", "millrace", "ok", None), ("login", "clerk", "wrong user or password", None), ("login", "clerk", "ok", None)], shown
    assert ("statement", "millrace", "ok", "CREATE TABLE noted (id INT PRIMARY KEY) WITH (KAFKA_TOPIC = 'noted')") in shown, shown
    assert ("statement", "clerk", "42P01", "DROP STREAM missing") in shown, shown
    assert ("request", "clerk", "accepted", "DELETE /subjects/caf\ufffd") in shown, "the path is not valid UTF-8"
    assert not any("SELECT" in (each[3] or "") for each in shown), shown
    own = [row for row in audit_of("clerk", SECRET) if row[0] not in before]
    assert own == [row for row in rows if row[3] == "clerk"], own
    as_superuser("DROP USER clerk")
    root.ask("DELETE", "/session")


@case
def the_address_of_the_console_is_printed_at_the_start():
    folder = tempfile.mkdtemp(prefix="millrace-console-")
    server = subprocess.Popen([binary(), "server", "--data-dir", folder, "--pg", "127.0.0.1:0", "--kafka", "127.0.0.1:0", "--http", "127.0.0.1:0"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    lines = []
    for line in server.stdout:
        lines.append(line.strip())
        if lines[-1] == "ready":
            break
    server.terminate()
    server.wait(60)
    place = next(line.split()[-1] for line in lines if line.startswith("http listening on "))
    assert f"console at http://{place}/console/" in lines, lines


@case
def a_real_browser_keeps_the_cookie_to_itself():
    if not PROGRAM:
        raise Skipped("chromium is not installed")
    port = GUARDED.http.rsplit(":", 1)[1]
    chromium = Chromium({"evil.example": "127.0.0.1"})
    try:
        own = f"http://127.0.0.1:{port}"
        chromium.open(own)  # the test has created a page of this origin
        logged_in = chromium.run("""
            const answer = await fetch('/session', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({user: 'millrace', password: '%s'})});
            const after = await (await fetch('/session')).json();
            return JSON.stringify([answer.status, after.user, document.cookie])""" % SECRET)
        assert json.loads(logged_in) == [200, "millrace", ""], logged_in
        for origin in (f"http://evil.example:{port}", f"http://localhost:{port}"):
            chromium.open(origin)
            seen = chromium.run("""
                try {
                  const answer = await fetch('%s/sql', {method: 'POST', mode: 'no-cors', credentials: 'include', body: JSON.stringify({sql: 'CREATE TABLE victim (id INT PRIMARY KEY)'})});
                  return answer.type;
                } catch (error) { return String(error); }""" % own)
            assert seen == "opaque" or "TypeError" in seen, seen
    finally:
        chromium.close()
    browser = Browser()
    browser.log_in()
    assert "VICTIM" not in browser.ask("POST", "/ksql", {"ksql": "SHOW TABLES;"})[2].upper()


run()
