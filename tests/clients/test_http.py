#!/usr/bin/python3
"""HTTP with real clients: Python's, curl, Prometheus's reader of metrics; and with requests that no client should
send."""
import http.client
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from millrace_server import Deadline, Skipped, case, launch, patience, run, start_server, wait_until  # noqa: E402

import psycopg  # noqa: E402

SERVER = start_server()
HOST, PORT = SERVER.http.rsplit(":", 1)


def sql(*statements, server=SERVER):
    with psycopg.connect(host=server.host, port=server.port, user="http", autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def connect(server=SERVER, timeout=20):
    host, port = server.http.rsplit(":", 1)
    return http.client.HTTPConnection(host, int(port), timeout=timeout)


def get(path, connection=None, method="GET", body=None, headers={}):
    connection = connection or connect()
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def raw(timeout=20):
    return socket.create_connection((HOST, int(PORT)), timeout=timeout)


def read_all(connection):
    """Returns all bytes until the server closes the connection."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def metrics(server=SERVER):
    """Returns {'name{labels}': value}, as Prometheus reads the page."""
    status, headers, page = get("/metrics", connect(server))
    assert status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4"), headers
    samples, family = {}, None
    for line in page.decode().splitlines():
        if line.startswith("# TYPE "):
            family = line.split()[2]
        elif not line.startswith("#"):
            assert (found := re.fullmatch(r'(\w+)(\{(?:\w+="(?:[^"\\]|\\.)*",?)*\})? (\S+)', line)), line
            assert found[1] == family, line
            samples[found[1] + (found[2] or "")] = float(found[3])
    return samples


@case
def health_and_server_information():
    assert get("/healthz")[::2] == (200, b"ok\n")
    assert get("/readyz")[::2] == (200, b"ready\n")
    status, headers, body = get("/info")
    info = json.loads(body)["KsqlServerInfo"]
    assert status == 200 and headers["content-type"] == "application/json"
    assert info["serverStatus"] == "RUNNING" and info["ksqlServiceId"] == "default_", info
    healthy = json.loads(get("/healthcheck")[2])
    assert healthy["isHealthy"] and healthy["details"]["kafka"]["isHealthy"], healthy


@case
def pages_of_ksqldb_that_only_schedulers_and_its_tools_ask():
    assert get("/chc/live")[::2] == (200, b"{}") and get("/chc/ready")[::2] == (200, b"{}")
    told = json.loads(get("/v1/metadata")[2])
    assert told["version"].count(".") == 2 and told["clusterId"] == json.loads(get("/v1/metadata/id")[2]), told
    for method, path, word in (("POST", "/ksql/terminate", "TERMINATE ALL"), ("GET", "/ws/query", "/query-stream")):
        status, _, body = get(path, method=method, body="{}" if method == "POST" else None)
        assert status == 501 and word in json.loads(body)["message"], body


@case
def cluster_status_names_queries_and_what_they_read():
    sql("CREATE STREAM status_in (a INT) WITH (PARTITIONS = 2)",
        "CREATE TABLE status_out AS SELECT a, COUNT(*) AS n FROM status_in GROUP BY a")
    nodes = json.loads(get("/clusterStatus")[2])["clusterStatus"]
    assert list(nodes) == [SERVER.http] and nodes[SERVER.http]["hostAlive"], nodes
    query, = [place for name, place in nodes[SERVER.http]["activeStandbyPerQuery"].items() if "STATUS_OUT" in name]
    assert query["activePartitions"] == [{"topic": "status_in", "partition": i} for i in (0, 1)], query


@case
def metrics_show_queries_topics_groups_memory_and_disk():
    sql("CREATE STREAM measured (a INT KEY, b INT) WITH (PARTITIONS = 1)",
        "CREATE TABLE measured_count AS SELECT a, COUNT(*) AS n FROM measured GROUP BY a",
        *(f"INSERT INTO measured VALUES ({i}, 1)" for i in range(10)))
    page, name = {}, ""

    def is_read():
        nonlocal page, name
        page = metrics()
        name, = [re.search('query="([^"]+)"', sample)[1] for sample in page
                 if sample.startswith("millrace_query_records_total") and "MEASURED_COUNT" in sample]
        return page[f'millrace_query_lag_records{{query="{name}"}}'] == 0 and page[f'millrace_query_records_total{{query="{name}"}}'] >= 10
    wait_until(is_read, lambda: str(page))
    assert page[f'millrace_query_state_entries{{query="{name}"}}'] == 10
    assert page[f'millrace_query_state{{query="{name}",state="RUNNING"}}'] == 1
    assert page['kafka_topic_partitions{topic="measured"}'] == 1
    assert page['kafka_topic_partition_current_offset{topic="measured",partition="0"}'] == 10
    assert page['millrace_connections{protocol="http"}'] >= 1
    assert page["process_resident_memory_bytes"] > 1 << 20 and page["millrace_disk_free_bytes"] > 0
    assert page["millrace_metrics_samples_left_out"] == 0


@case
def a_connection_serves_many_requests_also_at_once():
    connection = connect()
    for _ in range(50):
        assert get("/healthz", connection)[2] == b"ok\n"
    with raw() as pipelined:
        request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        pipelined.sendall(request * 499 + b"GET /info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answers = read_all(pipelined)
    assert answers.count(b"HTTP/1.1 200 OK") == 500, answers.count(b"HTTP/1.1 200 OK")
    assert answers.endswith(b"}}"), answers[-200:]


@case
def curl_speaks_both_versions():
    if not shutil.which("curl"):
        raise Skipped("curl is not installed")

    def curl(*flags):
        return subprocess.run(["curl", "-sS", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_version} %{http_code}\n",
                               *flags, f"http://{SERVER.http}/metrics"], capture_output=True, text=True, check=True).stdout
    assert curl() == "1.1 200\n"
    assert curl("--http1.0") == "1.0 200\n" or curl("--http1.0") == "1.1 200\n"
    assert curl("--http2") == "1.1 200\n"  # curl requests an upgrade, and accepts HTTP/1.1
    # one request only: curl 7.88 fails when it uses the connection again
    assert curl("--http2-prior-knowledge") == "2 200\n"


@case
def errors_are_answered_in_json():
    for path, method, status, code in (("/nowhere", "GET", 404, 40400), ("/info", "DELETE", 405, 40500),
                                       ("/" + "a" * 9000, "GET", 414, 41400)):
        answered, headers, body = get(path, method=method)
        told = json.loads(body)
        assert answered == status and told["error_code"] == code and told["@type"] == "generic_error", told
        assert headers["content-type"] == "application/json"
    assert get("/info", method="DELETE")[1]["allow"] == "GET, HEAD"


@case
def bad_bytes_end_their_own_connection_only():
    kept = connect()
    assert get("/healthz", kept)[0] == 200
    for bytes in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(300), b"\r\n\r\nGET\r\n\r\n", os.urandom(5000),
                  b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(500), b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 100_000,
                  b"POST /info HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
                  b"POST /info HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n"):
        with raw() as connection:
            try:
                connection.sendall(bytes)
                connection.shutdown(socket.SHUT_WR)
                read_all(connection)
            except ConnectionError:
                pass
    assert get("/healthz", kept)[0] == 200


@case
def a_body_that_is_too_large_is_refused_before_it_has_come():
    with raw() as connection:
        connection.sendall(b"POST /info HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 413 ") and b'"error_code":41300' in answer, answer


@case
def a_slow_client_is_cut_off():
    with raw() as connection:
        connection.sendall(b"GET /healthz HT")
        begun = time.monotonic()
        answer = read_all(connection)
        assert answer.startswith(b"HTTP/1.1 408 "), answer
        assert time.monotonic() - begun > 8


@case
def a_thousand_connections_at_a_time():
    connections = [raw() for _ in range(1000)]
    try:
        for connection in connections:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        for connection in connections:
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
        found = metrics()
        assert found['millrace_connections{protocol="http"}'] > 1000, found
    finally:
        for connection in connections:
            connection.close()


@case
def one_client_too_many_gets_an_error():
    server = launch("--max-connections", "5")
    try:
        held = [connect(server) for _ in range(5)]
        assert all(get("/healthz", each)[0] == 200 for each in held)
        status, _, body = get("/healthz", connect(server))
        assert status == 503 and "too many clients" in json.loads(body)["message"], body
    finally:
        server.stop()


@case
def many_scrape_at_the_same_time():
    pages, threads = [], []
    for _ in range(20):
        threads.append(threading.Thread(target=lambda: pages.append(len(metrics()))))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert len(pages) == 20 and min(pages) > 20, pages


@case
def a_listener_can_be_left_out_and_reports_an_address_in_use():
    server = launch(http="off")
    try:
        assert server.http is None
    finally:
        server.stop()
    from millrace_server import binary
    refused = subprocess.run([binary(), "server", "--pg", "127.0.0.1:0", "--kafka", "127.0.0.1:0", "--http", SERVER.http,
                              "--data-dir", f"/tmp/millrace-http-{os.getpid()}"], capture_output=True, text=True, timeout=60)
    shutil.rmtree(f"/tmp/millrace-http-{os.getpid()}", ignore_errors=True)
    assert refused.returncode == 1 and f"cannot listen on {SERVER.http}: address already in use" in refused.stderr, refused


# ---- ksqlDB's API

def post(path, body, connection=None, **headers):
    """Returns the status and the answer; JSON is parsed."""
    status, answered, text = get(path, connection, "POST", body if isinstance(body, (str, bytes)) else json.dumps(body), headers)
    return status, json.loads(text) if answered["content-type"] != "application/vnd.ksqlapi.delimited.v1" and text else text.decode()


def ksql(text, **more):
    status, answer = post("/ksql", {"ksql": text, **more})
    assert status == 200, answer
    return answer


def rows_of(text, path="/query", **properties):
    status, answer = post(path, {"ksql": text, "sql": text, "streamsProperties": properties})
    assert status == 200, answer
    return answer


EARLIEST = {"ksql.streams.auto.offset.reset": "earliest"}


@case
def statements_give_entities_in_their_order():
    answers = ksql("CREATE STREAM api_s (k STRING KEY, v INT) WITH (KAFKA_TOPIC = 'api_s', VALUE_FORMAT = 'JSON', PARTITIONS = 1);"
                   "SHOW STREAMS; CREATE TABLE api_t AS SELECT k, COUNT(*) AS n FROM api_s GROUP BY k;")
    assert [each["@type"] for each in answers] == ["currentStatus", "streams", "currentStatus"], answers
    made, listed, queried = answers
    assert made["commandId"] == "stream/`API_S`/create" and made["commandStatus"]["status"] == "SUCCESS", made
    assert {"type": "STREAM", "name": "API_S", "topic": "api_s", "keyFormat": "KAFKA", "valueFormat": "JSON",
            "isWindowed": False} in listed["streams"], listed
    query = queried["commandStatus"]["queryId"]
    assert queried["commandStatus"]["message"] == f"Created query with ID {query}", queried
    assert made["commandSequenceNumber"] < queried["commandSequenceNumber"]
    assert get("/status/stream/API_S/create")[0] == 200 and get("/status/stream/NOWHERE/create")[0] == 404
    described, = ksql("DESCRIBE api_t")
    fields = {field["name"]: (field["schema"]["type"], field.get("type")) for field in described["sourceDescription"]["fields"]}
    assert fields == {"K": ("STRING", "KEY"), "N": ("BIGINT", None)}, described
    assert [each["id"] for each in described["sourceDescription"]["writeQueries"]] == [query]
    assert [each["state"] for each in described["sourceDescription"]["writeQueries"]] == ["RUNNING"]
    types = [each["@type"] for each in ksql(
        "SHOW TABLES; SHOW QUERIES; SHOW TOPICS; SHOW PROPERTIES; SHOW FUNCTIONS; SHOW TYPES; SHOW VARIABLES;"
        f"DESCRIBE api_s EXTENDED; DESCRIBE FUNCTION ABS; EXPLAIN {query}; SHOW SERVER;")]
    assert types == ["tables", "queries", "kafka_topics", "properties", "function_names", "type_list", "variables",
                     "sourceDescription", "describe_function", "queryDescription", "rows"], types


@case
def queries_answer_in_all_their_forms():
    ksql("CREATE STREAM form_s (k STRING KEY, v INT, d DECIMAL(4,2), t TIMESTAMP, b BYTES, m MAP<STRING, INT>) WITH (KAFKA_TOPIC = 'form_s', "
         "VALUE_FORMAT = 'JSON', PARTITIONS = 1); CREATE TABLE form_t AS SELECT k, COUNT(*) AS n FROM form_s GROUP BY k;"
         "INSERT INTO form_s VALUES ('a', 1, 1.50, '2024-05-01T10:00:00.001', TO_BYTES('!', 'ascii'), MAP('x' := 1));"
         "INSERT INTO form_s (k, v) VALUES ('b', 2);")
    row = ["a", 1, 1.5, "2024-05-01T10:00:00.001", "IQ==", {"x": 1}]
    schema = "`K` STRING, `V` INTEGER, `D` DECIMAL(4, 2), `T` TIMESTAMP, `B` BYTES, `M` MAP<STRING, INTEGER>"
    answer = rows_of("SELECT * FROM form_s;")
    assert answer[0]["header"]["schema"] == schema, answer
    assert answer[1:] == [{"row": {"columns": row}}, {"row": {"columns": ["b", 2, None, None, None, None]}},
                          {"finalMessage": "Query Completed"}], answer
    pushed = rows_of("SELECT * FROM form_s EMIT CHANGES LIMIT 1;", **EARLIEST)
    assert pushed[1:] == [{"row": {"columns": row}}, {"finalMessage": "Limit Reached"}], pushed
    until = Deadline(20)
    while len(pulled := rows_of("SELECT * FROM form_t WHERE k = 'a';")) < 2 and not until.is_over():
        time.sleep(0.05)
    assert pulled[0]["header"]["schema"] == "`K` STRING KEY, `N` BIGINT" and pulled[1:] == [{"row": {"columns": ["a", 1]}}], pulled
    lines = rows_of("SELECT k, v FROM form_s;", "/query-stream").splitlines()
    assert json.loads(lines[0])["columnNames"] == ["K", "V"] and json.loads(lines[0])["columnTypes"] == ["STRING", "INTEGER"]
    assert [json.loads(line) for line in lines[1:]] == [["a", 1], ["b", 2]], lines
    status, array = post("/query-stream", {"sql": "SELECT k, v FROM form_s;"}, Accept="application/json")
    assert status == 200 and array[1:] == [["a", 1], ["b", 2]], array
    # Accept headers of clients, and the format of the answer.
    for path, accept, form in (("/query-stream", "application/json; charset=utf-8", "application/json"),
                               ("/query-stream", "application/json, text/plain, */*", "application/json"),
                               ("/query-stream", "*/*", "application/vnd.ksqlapi.delimited.v1"),
                               ("/query-stream", "application/vnd.ksql.v1+json", "application/vnd.ksql.v1+json"),
                               ("/query", "application/json", "application/vnd.ksql.v1+json"),
                               ("/query", "application/vnd.ksqlapi.delimited.v1", "application/vnd.ksqlapi.delimited.v1"),
                               ("/query", "application/vnd.ksql.v1+protobuf", "application/vnd.ksql.v1+protobuf")):
        status, headers, body = get(path, method="POST", body=json.dumps({"sql": "SELECT k, v FROM form_s;"}),
                                    headers={"Accept": accept})
        assert status == 200 and headers["content-type"] == form, (path, accept, headers)
        if form.endswith("delimited.v1"):
            assert json.loads(body.splitlines()[0])["columnNames"] == ["K", "V"], body
        else:
            first = json.loads(body)[0]
            assert ("columnNames" if form == "application/json" else "header") in first, (path, accept, first)
    status, _, printed = get("/query", method="POST", body=json.dumps({"ksql": "PRINT form_s FROM BEGINNING LIMIT 1;"}))
    assert status == 200 and b'key: a, value: {"V":1,' in printed, printed


@case
def records_that_cannot_be_read_are_counted_in_the_answer():
    ksql("CREATE STREAM gaps (v INT) WITH (KAFKA_TOPIC = 'gaps', VALUE_FORMAT = 'JSON', PARTITIONS = 1);")
    status, answer = post("/topics/gaps", {"records": [{"value": value} for value in ({"v": 1}, "text", [1], {"v": "x"}, {"v": 7})]},
                          **{"Content-Type": "application/vnd.kafka.json.v2+json"})
    assert status == 200, answer
    text = "3 records could not be read (first: partition 0, offset 1: value: not valid JSON"
    answer = rows_of("SELECT * FROM gaps;")
    assert answer[1:3] == [{"row": {"columns": [1]}}, {"row": {"columns": [7]}}], answer
    assert answer[3]["finalMessage"].startswith("Query Completed\nWARNING: " + text), answer
    # An aggregate has no final message without a warning.
    answer = rows_of("SELECT SUM(v) AS n FROM gaps;")
    assert answer[1] == {"row": {"columns": [8]}} and text in answer[2]["finalMessage"], answer
    ksql("CREATE TABLE whole (id INT PRIMARY KEY, v INT) WITH (KAFKA_TOPIC = 'whole', PARTITIONS = 1);"
         "INSERT INTO whole VALUES (1, 2);")
    assert "finalMessage" not in rows_of("SELECT * FROM whole;")[-1]
    # The rows of /query-stream cannot contain a message, because ksqlDB's Java client treats an object as an error.
    lines = rows_of("SELECT * FROM gaps;", "/query-stream").splitlines()
    assert [json.loads(line) for line in lines[1:]] == [[1], [7]], lines

    def all_bytes(statement, accept):
        body = json.dumps({"sql": statement}).encode()
        with raw() as connection:
            connection.sendall(b"POST /query-stream HTTP/1.1\r\nHost: localhost\r\nAccept: " + accept + b"\r\nConnection: close\r\n"
                               b"Content-Length: %d\r\n\r\n" % len(body) + body)
            return read_all(connection)
    for accept in (b"*/*", b"application/json", b"application/vnd.ksql.v1+json", b"application/vnd.ksqlapi.delimited.v1"):
        head, _, answered = all_bytes("SELECT * FROM gaps;", accept).partition(b"\r\n\r\n")
        assert b"chunked" in head and b"\r\n0\r\nwarning: 299 - \"3 records could not be read" in answered, (accept, answered)
        assert answered.endswith(b"\r\n\r\n"), answered
        # If the answer has no rows, no part of it is sent before its end. So the warning can be sent as a header.
        head = all_bytes("SELECT * FROM gaps WHERE v = 99;", accept).partition(b"\r\n\r\n")[0]
        assert b'\r\nwarning: 299 - "3 records could not be read' in head, (accept, head)
    events = get("/query-stream?sql=SELECT%20*%20FROM%20gaps%3B", headers={"Accept": "text/event-stream"})[2].decode()
    assert "event: end" in events and text in json.loads(events.split("data: ")[-1])["finalMessage"], events
    if shutil.which("curl"):
        shown = subprocess.run(["curl", "-sS", "--max-time", "20", "-v", "--http2-prior-knowledge", "-d", '{"sql": "SELECT * FROM gaps;"}',
                                f"http://{SERVER.http}/query-stream"], capture_output=True, text=True, check=True)
        assert shown.stdout.splitlines()[1:] == ["[1]", "[7]"] and "< warning: 299" in shown.stderr, shown


@case
def mistyped_fields_and_paths_are_named():
    for body, near in (({"ksq": "SHOW STREAMS;"}, "ksql"), ({"ksql": "SHOW STREAMS;", "streamProperties": {}}, "streamsProperties"),
                       ({"ksql": "SHOW STREAMS;", "sessionVariable": {}}, "sessionVariables")):
        status, answer = post("/ksql", body)
        assert status == 400 and f"(did you mean {near}?)" in answer["message"], answer
    # ksqlDB ignores unknown fields.
    assert post("/ksql", {"ksql": "SHOW STREAMS;", "requestId": 7, "commandSequenceNumber": None})[0] == 200
    status, answer = post("/inserts-stream", '{"targt": "x"}\n')
    assert status == 400 and "(did you mean target?)" in answer["message"], answer
    for path, near in (("/querystream", "/query-stream"), ("/quer", "/query"), ("/insert-stream", "/inserts-stream"), ("/helthz", "/healthz"),
                       ("/v3/clusters/x/topic", "/v3/clusters/x/topics")):
        status, answer = post(path, {})
        assert status == 404 and answer["message"].endswith(f"; did you mean {near}?"), (path, answer)
    assert "did you mean" not in post("/nowhere/at/all", {})[1]["message"]


@case
def deletes_of_a_table_are_shown_as_such():
    ksql("CREATE TABLE gone (k INT PRIMARY KEY, v INT) WITH (KAFKA_TOPIC = 'gone', VALUE_FORMAT = 'JSON', PARTITIONS = 1);"
         "CREATE STREAM gone_s (k INT KEY, v INT) WITH (KAFKA_TOPIC = 'gone', VALUE_FORMAT = 'JSON');"
         "CREATE TABLE few AS SELECT k, SUM(v) AS s FROM gone_s GROUP BY k HAVING SUM(v) > 0;")
    stream = open_stream("/query", "SELECT * FROM few EMIT CHANGES;")
    assert b"header" in stream.readline()
    # The rows of /query-stream mark deleted rows, unless the client names ksqlDB's type, in which a row has exactly the
    # columns.
    marked = open_stream("/query-stream", "SELECT * FROM few EMIT CHANGES;")
    plain = open_stream("/query-stream", "SELECT * FROM few EMIT CHANGES;", accept="application/vnd.ksqlapi.delimited.v1")
    for lines in (marked, plain):
        assert b"queryId" in lines.readline()
    shown = []
    for change in (5, -5):  # in separate requests, because only the last one of simultaneous changes is shown
        ksql(f"INSERT INTO gone_s VALUES (1, {change});")
        shown.append(json.loads(stream.readline().rstrip(b",\n")))
    assert shown == [{"row": {"columns": [1, 5]}}, {"row": {"columns": [1, None], "tombstone": True}}], shown
    assert [json.loads(marked.readline()) for _ in shown] == [[1, 5], [1, None, {"tombstone": True}]]
    assert [json.loads(plain.readline()) for _ in shown] == [[1, 5], [1, None]]
    for answer in (stream, marked, plain):
        answer.close()


def open_stream(path, text, accept="*/*", **properties):
    connection = connect()
    connection.request("POST", path, json.dumps({"sql": text, "ksql": text, "streamsProperties": properties, "properties": properties}),
                       {"Accept": accept})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    return answer


@case
def a_push_query_ends_with_its_client_or_when_it_is_closed():
    ksql("CREATE STREAM pushed (k STRING KEY, v INT) WITH (KAFKA_TOPIC = 'pushed', VALUE_FORMAT = 'JSON', PARTITIONS = 1);")
    before = metrics()["millrace_open_statements"]
    streams = [open_stream("/query-stream", "SELECT * FROM pushed EMIT CHANGES;") for _ in range(3)]
    ids = [json.loads(stream.readline())["queryId"] for stream in streams]
    assert len(set(ids)) == 3
    ksql("INSERT INTO pushed VALUES ('a', 1);")
    assert [json.loads(stream.readline()) for stream in streams] == 3 * [["a", 1]]
    assert metrics()["millrace_open_statements"] == before + 3
    assert post("/close-query", {"queryId": ids[0]})[0] == 200
    assert streams[0].read() == b""  # the query ends without further rows
    assert post("/close-query", {"queryId": ids[0]})[0] == 400
    for stream in streams[1:]:
        stream.fp.raw._sock.shutdown(socket.SHUT_RDWR)
        stream.close()
    until = Deadline(20)
    while (left := metrics()["millrace_open_statements"]) != before and not until.is_over():
        time.sleep(0.05)
    assert left == before, (left, before)


@case
def rows_that_a_client_does_not_read_are_not_piled_up():
    ksql("CREATE STREAM unread (v STRING) WITH (KAFKA_TOPIC = 'unread', VALUE_FORMAT = 'JSON', PARTITIONS = 1);")
    sql(*10 * ["INSERT INTO unread VALUES " + ", ".join(["('" + 1000 * "x" + "')"] * 2_000)])
    held = {each: metrics()[each] for each in metrics() if each.startswith("millrace_memory_held_bytes")}
    text = json.dumps({"ksql": "SELECT * FROM unread;"}).encode()
    slow = [raw() for _ in range(20)]
    for connection in slow:
        connection.sendall(b"POST /query HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
    waiting = set(slow)
    while waiting:  # each answer has begun
        waiting -= set(select.select(waiting, [], [], patience(20))[0] or [None])
    for _ in range(20):  # a server that piles up rows would hold 20 MB of each within two seconds
        now = metrics()
        assert sum(now[each] - held[each] for each in held) < 20 * (4 << 20), (held, now)
        time.sleep(0.1)
    sizes = [len(read_all(connection)) for connection in slow]
    assert min(sizes) > 20_000_000, sizes
    for connection in slow:
        connection.close()


@case
def rows_are_inserted_as_they_come_and_acknowledged_one_by_one():
    ksql("CREATE STREAM inserted (k STRING KEY, v INT) WITH (KAFKA_TOPIC = 'inserted', VALUE_FORMAT = 'JSON', PARTITIONS = 1);")
    lines = ['{"target": "inserted"}', '{"k": "a", "v": 1}', '{"K": "b", "V": "no number"}', '{"k": "c", "v": 3}', ""]
    status, acks = post("/inserts-stream", "\n".join(lines))
    acks = [json.loads(line) for line in acks.splitlines()]
    assert status == 200 and [(ack["status"], ack["seq"]) for ack in acks] == [("ok", 0), ("error", 1), ("ok", 2)], acks
    assert acks[1]["error_code"] == 40001 and "no number" in acks[1]["message"], acks
    assert [each["row"]["columns"] for each in rows_of("SELECT * FROM inserted;")[1:-1]] == [["a", 1], ["c", 3]]
    # The server answers each part while the request continues.
    with raw() as connection:
        def chunk(text):
            connection.sendall(b"%x\r\n%s\r\n" % (len(text), text))
        connection.sendall(b"POST /inserts-stream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk(b'{"target": "INSERTED"}\n')
        answer = b""
        for number in range(3):
            chunk(b'{"k": "d", "v": %d}\n' % number)
            while b'"seq":%d' % number not in answer:
                answer += connection.recv(4096)
        connection.sendall(b"0\r\n\r\n")
        while not answer.endswith(b"\r\n0\r\n\r\n"):
            answer += connection.recv(4096)
    many = ['{"target": "inserted"}'] + [json.dumps({"k": str(i), "v": i}) for i in range(20_000)]
    status, acks = post("/inserts-stream", "\n".join(many))
    assert status == 200 and acks.count('"status":"ok"') == 20_000
    # A row in the first line would be lost. As in ksqlDB, its fields are ignored if rows follow.
    for body in ('{"target": "inserted", "k": "e", "v": 1}', '{"target": "inserted", "k": "e", "v": 1}\n\n'):
        status, refused = post("/inserts-stream", body)
        message = refused["message"] if status == 400 else json.loads(refused)["message"]
        assert "each row is a line of its own behind it" in message, (status, refused)
    status, acks = post("/inserts-stream", '{"target": "inserted", "k": "e"}\n{"k": "f", "v": 1}\n')
    assert status == 200 and acks.count('"status":"ok"') == 1, acks
    status, refused = post("/inserts-stream", '{"target": "nowhere"}\n{"k": 1}\n')
    assert status == 400 and refused["error_code"] == 40001 and "nowhere" in refused["message"], refused


@case
def an_inserted_number_that_does_not_fit_its_column_is_an_error():
    ksql("CREATE STREAM exact (k INT KEY, i INT, b BIGINT, d DOUBLE, a ARRAY<INT>, s STRUCT<f INT>) WITH (KAFKA_TOPIC = 'exact', "
         "VALUE_FORMAT = 'JSON', PARTITIONS = 1);")

    def insert(row):
        return json.loads(post("/inserts-stream", '{"target": "exact"}\n' + row)[1])
    for row, column in (('{"k": 1, "i": 5.5}', "I"), ('{"k": 1, "b": -0.5}', "B"), ('{"k": 1.5}', "K"), ('{"k": 1, "a": [1, 2.5]}', "A"),
                        ('{"k": 1, "s": {"f": 1e-1}}', "S"), ('{"k": 1, "d": 1e400}', "D"), ('{"k": 1, "b": 9223372036854775808}', "B"),
                        ('{"k": 1, "i": 3e9}', "I")):
        ack = insert(row)
        assert ack["status"] == "error" and ack["error_code"] == 40001 and f"column {column}" in ack["message"], (row, ack)
    # As in ksqlDB, a string is not read as a number, except for DECIMAL (which this stream does not have).
    for row, column in (('{"k": "1"}', "K"), ('{"k": 1, "i": "5"}', "I"), ('{"k": 1, "b": "5"}', "B"), ('{"k": 1, "d": "1.5"}', "D"),
                        ('{"k": 1, "a": ["5"]}', "A[]"), ('{"k": 1, "s": {"f": "5"}}', "S.F")):
        ack = insert(row)
        assert ack["status"] == "error" and f"column {column}: expected" in ack["message"], (row, ack)
        assert "write the number without quotes" in ack["message"], (row, ack)
    # JSON has no number for these values.
    assert insert('{"k": 9, "d": "NaN"}')["status"] == "ok"
    # As in ksqlDB, a field that is no column is ignored.
    for row in ('{"k": 2, "i": 5.0, "b": 9007199254740993.0}', '{"k": 3, "i": 1e2, "nothing": 1}'):
        assert insert(row)["status"] == "ok", row
    assert [each["row"]["columns"][:3] for each in rows_of("SELECT * FROM exact;")[1:-1]] == [[9, None, None], [2, 5, 9007199254740993], [3, 100, None]]


@case
def an_error_of_a_statement_has_its_number():
    def refused(path, body, code, word):
        status, told = post(path, body)
        assert status == code // 100 and told["error_code"] == code and word in told["message"], told
        return told
    told = refused("/ksql", {"ksql": "SHOW TOPICS; DROP STREAM nobody; SHOW TOPICS;"}, 40001, "NOBODY")
    assert told["@type"] == "statement_error" and told["statementText"] == "DROP STREAM nobody;", told
    assert told["entities"] == [], told  # all statements are planned before the first one runs
    refused("/ksql", {"ksql": "CREATE STREAM"}, 40001, "line 1:14")
    refused("/ksql", {"ksql": "SELECT 1;"}, 40002, "/query")
    refused("/ksql", {"ksql": "SHOW TOPICS;", "streamsProperties": {"no.such.thing": 1}}, 40001, "no.such.thing")
    refused("/ksql", {"ksql": 7}, 40000, "ksql")
    refused("/ksql", b"\xff\xfe{", 40000, "JSON")
    refused("/ksql", "[" * 100_000, 40000, "JSON")
    refused("/query", {"ksql": "SELECT * FROM nobody;"}, 40001, "NOBODY")
    refused("/query", {"ksql": "SHOW TOPICS;"}, 40001, "/ksql")
    refused("/query-stream", {"sql": "SELECT 1; SELECT 2;"}, 40001, "one SELECT")
    assert get("/is_valid_property/auto.offset.reset")[2] == b"true"
    assert get("/is_valid_property/no.such.thing")[0] == 400


@case
def variables_and_properties_hold_for_one_request():
    ksql("CREATE STREAM varied (k STRING KEY, v INT) WITH (KAFKA_TOPIC = 'varied', VALUE_FORMAT = 'JSON', PARTITIONS = 1);"
         "INSERT INTO varied VALUES ('a', 1);")
    status, answer = post("/query", {"ksql": "SELECT ${what} AS w FROM varied;", "sessionVariables": {"what": "v + 41"}})
    assert status == 200 and answer[1]["row"]["columns"] == [42], answer
    assert post("/query", {"ksql": "SELECT ${what} AS w FROM varied;"})[0] == 400
    shown, = ksql("SET 'auto.offset.reset' = 'latest'; SHOW PROPERTIES;")
    assert {"name": "auto.offset.reset", "value": "latest"}.items() <= next(
        each for each in shown["properties"] if each["name"] == "auto.offset.reset").items()


@case
def long_statements_are_read_beside_the_loop():
    ksql("CREATE STREAM long_s (v INT) WITH (KAFKA_TOPIC = 'long_s', VALUE_FORMAT = 'JSON', PARTITIONS = 1);")
    many = "INSERT INTO long_s VALUES " + ", ".join(f"({i})" for i in range(20_000)) + ";"
    assert ksql(many) == []
    assert len(rows_of("SELECT * FROM long_s;")) == 20_002


@case
def the_examples_of_the_manual_work():
    if not shutil.which("curl"):
        raise Skipped("curl is not installed")
    manual = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "HTTP.md")
    with open(manual) as file:
        blocks = re.findall(r"^```\n(.*?)^```", file.read(), re.S | re.M)
    # A command may continue in the next line, which is then indented.
    commands = [command for block in blocks for command in re.findall(r"^(?:curl|printf) .*(?:\n  .*)*", block, re.M)]
    assert len(commands) >= 8, commands
    for command in commands:
        ended = subprocess.run(["bash", "-c", command.replace("curl ", "curl -sS --max-time 3 ").replace("localhost:8088", SERVER.http)],
                               capture_output=True, text=True)
        endless = re.search("EMIT[ +]CHANGES", command) is not None and "LIMIT" not in command
        assert ended.returncode == (28 if endless else 0), (command, ended)
        assert "error_code" not in ended.stdout or "close-query" in command or "?" in command, (command, ended.stdout)


run()
