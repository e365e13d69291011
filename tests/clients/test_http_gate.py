#!/usr/bin/python3
"""Web pages of other sites send requests to a local server from their visitors' browsers: the server must not let them
change or read anything.

The cases with a real browser need Debian's chromium, and are skipped without it."""
import glob
import http.client
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chromium import PROGRAM, Chromium  # noqa: E402
from millrace_server import Skipped, case, launch, run  # noqa: E402

LISTED = "http://app.example:3000"
SERVER = launch("--registry", "127.0.0.1:0", "--connect", "127.0.0.1:0", "--http-origins", f"https://other.example,{LISTED}", keeps_log=True)
PORT = int(SERVER.http.rsplit(":", 1)[1])
SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "server", "http")
EVIL = "https://evil.example"


def ask(method, path, body=None, headers={}, place=SERVER.http):
    """Status, headers and text of an answer; `headers` replace the headers that Python sends."""
    host, port = place.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": place, "Content-Length": str(len(body or "")), **headers}.items():
        connection.putheader(name, value)
    connection.endheaders((body or "").encode())
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


def ksql(text, **more):
    return ask("POST", "/ksql", json.dumps({"ksql": text}), **more)


CREATED = ksql("CREATE STREAM kept (id INT KEY, v INT) WITH (KAFKA_TOPIC = 'kept', VALUE_FORMAT = 'JSON', PARTITIONS = 1);")
assert CREATED[0] == 200, CREATED
CLUSTER = json.loads(ask("GET", "/v3/clusters")[2])["data"][0]["cluster_id"]
REGISTERED = ask("POST", "/subjects/kept-value/versions", json.dumps({"schema": '"string"'}),
                 {"Content-Type": "application/vnd.schemaregistry.v1+json"})
assert REGISTERED[0] == 200, REGISTERED
CONSUMER = ask("POST", "/consumers/g", json.dumps({"name": "one", "format": "json"}), {"Content-Type": "application/vnd.kafka.v2+json"})
assert CONSUMER[0] == 200, CONSUMER

BODIES = {"/ksql": {"ksql": "CREATE TABLE victim (id INT PRIMARY KEY);"}, "/query": {"ksql": "SELECT * FROM kept;"},
          "/query-stream": {"sql": "SELECT * FROM kept;"}, "/inserts-stream": {"target": "KEPT"}, "/close-query": {"queryId": "x"}}
GENERAL = {"ksql": "CREATE TABLE victim (id INT PRIMARY KEY);", "schema": '"int"', "compatibility": "NONE", "mode": "READONLY",
           "records": [{"value": {"v": 1}}], "name": "two", "format": "json", "topics": ["kept"], "topic_name": "victim", "value": "1"}


def routes():
    """Method and path of every route that changes data or takes a body, read from the sources."""
    values = {"cluster": CLUSTER, "topic": "kept", "subject": "kept-value", "version": "1", "partition": "0", "group": "g", "instance": "one",
              "name": "retention.ms"}
    found = set()
    for path in glob.glob(f"{SOURCES}/**/*.cc", recursive=True):
        with open(path, encoding="utf-8") as source:
            text = source.read()
        added = re.findall(r'\{\s*(?:\.method = )?"(POST|PUT|DELETE)",\s*(?:\.path = )?"([a-z/][^"]*)"', text)
        added += [("POST", route) for route in re.findall(r'add_statements\(\s*"([^"]+)"', text)]
        for method, route in added:
            if not route.startswith("/"):
                route = "/consumers/g/instances/one/" + route
            found.add((method, re.sub(r"\{(\w+)\}", lambda part: values.get(part[1], "x"), route)))
    found.add(("DELETE", "/consumers/g/instances/one"))
    assert len(found) > 30 and {("POST", "/ksql"), ("POST", "/inserts-stream"), ("PUT", "/config")} <= found, found
    return sorted(found)


# The headers of requests that a page can cause: simple requests of fetch in the mode no-cors, of forms and of beacons,
# and requests with a rebound name.
MARKS = [
    ({"Origin": EVIL}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": EVIL, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, 403),
    ({"Origin": f"http://localhost:{PORT + 1}"}, 403),
    ({"Host": "evil.example"}, 421),
    ({"Host": f"evil.example:{PORT}", "Origin": f"http://evil.example:{PORT}", "Sec-Fetch-Site": "same-origin"}, 421),
]
TYPES = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json",
         "application/vnd.schemaregistry.v1+json", "application/vnd.kafka.json.v2+json", None]


def state():
    """Returns everything that such a request could change."""
    pages = ["/topics", "/subjects", "/subjects/kept-value/versions", "/config", "/mode", f"/v3/clusters/{CLUSTER}/topics/kept/configs",
             "/consumers/g/instances/one/subscription", "/consumers/g/instances/one/assignments", f"/v3/clusters/{CLUSTER}/topics/kept/partitions"]
    accept = {"Accept": "*/*"}
    shown = [ask("GET", page, headers=accept)[::2] for page in pages]
    # __consumer_offsets is removed from the pages: it is created for the consumer at some time after state() was called
    # first.
    return ksql("SHOW STREAMS; SHOW TABLES; SHOW QUERIES; SHOW PROPERTIES;")[2], [(code, text.replace('"__consumer_offsets",', "")) for code, text in shown]


@case
def no_route_is_reached_by_a_page_of_another_site():
    before = state()
    refused = 0
    for method, path in routes():
        body = json.dumps(BODIES.get(path, GENERAL))
        for number, (marks, status) in enumerate(MARKS):
            kind = TYPES[number % len(TYPES)]
            places = {SERVER.http}
            if "subjects" in path or path == "/config":
                places.add(SERVER.registry)
            if path.startswith("/connector"):
                places.add(SERVER.connect)
            for place in places:
                answer = ask(method, path, body, {**marks, **({"Content-Type": kind} if kind else {})}, place)
                assert answer[0] == status, (method, path, marks, answer[0], answer[2])
                assert "--http-hosts" in answer[2] or "--http-origins" in answer[2], answer[2]
                assert not [name for name in answer[1] if name.lower().startswith("access-control")], answer[1]
                refused += 1
    after = state()
    assert refused > 200 and after == before, (refused, [pair for pair in zip((before[0], *before[1]), (after[0], *after[1])) if pair[0] != pair[1]])
    with open(SERVER.log, encoding="utf-8") as log:
        assert "http client refused peer=127.0.0.1" in log.read()


@case
def every_content_type_reaches_ksql_without_such_marks():
    for kind in TYPES:
        for marks in ({"Content-Type": kind} if kind else {},):
            for more in ({}, {"Origin": f"http://{SERVER.http}"}, {"Sec-Fetch-Site": "none"}, {"Host": f"localhost:{PORT}"}, {"Host": "millrace"}):
                status, _, text = ksql("SHOW STREAMS;", headers={**marks, **more})
                assert status == 200 and "KEPT" in text, (kind, more, status, text)


@case
def pages_that_show_something_are_closed_and_health_is_open():
    for path in ("/", "/info", "/metrics", "/topics", "/subjects", "/nowhere", "/query-stream?sql=SELECT+1"):
        for marks, status in MARKS:
            if path == "/" and marks.get("Sec-Fetch-Mode") == "navigate":
                continue  # a link may lead there
            assert ask("GET", path, headers=marks)[0] == status, (path, marks)
            assert ask("OPTIONS", path, headers={**marks, "Access-Control-Request-Method": "POST"})[0] == status, (path, marks)
    for path in ("/healthz", "/readyz"):
        assert ask("GET", path, headers={"Host": "db.example.org"})[0] == 200


@case
def http2_has_the_same_gate():
    url = f"http://127.0.0.1:{PORT}/ksql"
    body = json.dumps({"ksql": "CREATE TABLE victim (id INT PRIMARY KEY);"})
    for marks, status in MARKS:
        flags = [word for name, value in marks.items() for word in ("-H", f"{name}: {value}")]
        done = subprocess.run(["curl", "-s", "--http2-prior-knowledge", "-w", "\n%{http_code} %{http_version}", *flags, "-d", body, url],
                              capture_output=True, text=True, timeout=60)
        assert done.stdout.endswith(f"\n{status} 2"), (marks, done.stdout)
    assert "VICTIM" not in ksql("SHOW TABLES;")[2]


@case
def a_listed_origin_may_do_all_and_gets_cors_headers():
    status, headers, text = ask("OPTIONS", "/query-stream", headers={"Origin": LISTED, "Access-Control-Request-Method": "POST",
                                                                       "Access-Control-Request-Headers": "content-type", "Sec-Fetch-Site": "cross-site"})
    assert status == 204 and not text and headers["access-control-allow-origin"] == LISTED and "POST" in headers["access-control-allow-methods"], headers
    assert headers["access-control-allow-headers"] == "content-type" and headers["vary"] == "Origin", headers
    for statement, expected in (("SHOW STREAMS;", 200), ("NONSENSE;", 400)):
        status, headers, _ = ksql(statement, headers={"Origin": LISTED, "Sec-Fetch-Site": "cross-site"})
        assert status == expected and headers["access-control-allow-origin"] == LISTED, (status, headers)
    assert ask("OPTIONS", "/ksql")[0] == 405  # a request without an Origin gets no CORS answer


@case
def names_and_origins_are_settings():
    for flags, host, origin, expected in (
            (("--http-hosts", "db.example.org,*.svc.cluster.local"), "db.example.org:8088", None, 200),
            (("--http-hosts", "db.example.org,*.svc.cluster.local"), "a.svc.cluster.local", None, 200),
            (("--access-control-allow-origin", "*"), "localhost", EVIL, 200)):
        server = launch(*flags)
        try:
            marks = {"Host": host, **({"Origin": origin} if origin else {})}
            assert ksql("SHOW STREAMS;", headers=marks, place=server.http)[0] == expected, flags
            assert ksql("SHOW STREAMS;", headers={"Host": "evil.example"}, place=server.http)[0] == 421
        finally:
            server.stop()


# The requests of a page of another site. Each creates a table of its own, so that a successful one is noticed.
ATTACK = """
const base = %s, read = [];
const body = name => JSON.stringify({ksql: `CREATE TABLE ${name} (id INT PRIMARY KEY);`});
const attempt = async (url, options) => {
  try {
    const answer = await fetch(url, options);
    if (answer.type !== 'opaque') read.push([answer.status, await answer.text()]);
  } catch (error) { read.push([0, '']); }
};
for (const [n, host] of base.entries()) {
  await attempt(`${host}/ksql`, {method: 'POST', mode: 'no-cors', body: body(`victim_nocors_${n}`)});
  await attempt(`${host}/ksql`, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: body(`victim_json_${n}`)});
  await attempt(`${host}/ksql`, {method: 'POST', body: body(`victim_cors_${n}`)});
  navigator.sendBeacon(`${host}/ksql`, body(`victim_beacon_${n}`));
  await attempt(`${host}/info`);
  await attempt(`${host}/topics`, {mode: 'no-cors'});
  await new Promise(done => {
    const frame = document.createElement('iframe'), form = document.createElement('form'), field = document.createElement('input');
    frame.name = `frame${n}`;
    Object.assign(form, {method: 'POST', enctype: 'text/plain', action: `${host}/ksql`, target: frame.name});
    field.name = `{"ksql":"CREATE TABLE victim_form_${n} (id INT PRIMARY KEY);","x":"`;
    field.value = '"}';
    form.append(field);
    document.body.append(frame, form);
    frame.onload = () => done();
    setTimeout(done, 20000);
    form.submit();
  });
  await new Promise(done => {
    const image = new Image();
    image.onload = image.onerror = done;
    image.src = `${host}/query-stream?sql=SELECT+1`;
  });
}
return read;
"""


def browser():
    if not PROGRAM:
        raise Skipped("chromium is not installed")
    return Chromium({"evil.example": "127.0.0.1", "app.example": "127.0.0.1"})


@case
def a_page_in_a_browser_changes_and_reads_nothing():
    tab = browser()
    try:
        tab.open("http://evil.example")
        read = tab.run(ATTACK % json.dumps([f"http://127.0.0.1:{PORT}", f"http://localhost:{PORT}", f"http://evil.example:{PORT}"]))
        # the script cannot read the other answers, because the mode no-cors hides every answer from scripts
        assert len(read) == 9 and all(answer == [0, ""] for answer in read), read
        assert "VICTIM" not in ksql("SHOW TABLES;")[2], ksql("SHOW TABLES;")[2]
    finally:
        tab.close()


@case
def a_page_whose_name_was_rebound_in_a_browser_changes_and_reads_nothing():
    tab = browser()
    try:
        tab.open(f"http://evil.example:{PORT}")  # for the browser, the page has the same origin as the server
        read = tab.run(ATTACK % json.dumps([f"http://evil.example:{PORT}"]))
        assert len(read) == 5 and all(status == 421 and "--http-hosts" in text for status, text in read), read
        assert "VICTIM" not in ksql("SHOW TABLES;")[2], ksql("SHOW TABLES;")[2]
    finally:
        tab.close()


@case
def a_page_of_a_listed_origin_in_a_browser_may_do_all():
    tab = browser()
    try:
        tab.open(LISTED)
        status, text = tab.run("""
            const answer = await fetch(%s, {method: 'POST', headers: {'Content-Type': 'application/json'},
                                            body: JSON.stringify({ksql: 'CREATE TABLE by_page (id INT PRIMARY KEY); SHOW TABLES;'})});
            return [answer.status, await answer.text()];""" % json.dumps(f"http://127.0.0.1:{PORT}/ksql"))
        assert status == 200 and "BY_PAGE" in text, (status, text)
    finally:
        tab.close()


run()
