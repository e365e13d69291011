#!/usr/bin/env python3
"""HTTP as its clients speak it: Python's, curl, Prometheus's reader of metrics; and as nobody should."""
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from millrace_server import Skipped, case, launch, run, start_server  # noqa: E402

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
    """What comes until the server closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def metrics(server=SERVER):
    """{'name{labels}': value}, as Prometheus reads the page."""
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
def health_and_what_the_server_is():
    assert get("/healthz")[::2] == (200, b"ok\n")
    assert get("/readyz")[::2] == (200, b"ready\n")
    status, headers, body = get("/info")
    info = json.loads(body)["KsqlServerInfo"]
    assert status == 200 and headers["content-type"] == "application/json"
    assert info["serverStatus"] == "RUNNING" and info["ksqlServiceId"] == "default_", info
    healthy = json.loads(get("/healthcheck")[2])
    assert healthy["isHealthy"] and healthy["details"]["kafka"]["isHealthy"], healthy


@case
def cluster_status_names_queries_and_what_they_read():
    sql("CREATE STREAM status_in (a INT) WITH (PARTITIONS = 2)",
        "CREATE TABLE status_out AS SELECT a, COUNT(*) AS n FROM status_in GROUP BY a")
    nodes = json.loads(get("/clusterStatus")[2])["clusterStatus"]
    assert list(nodes) == [SERVER.http] and nodes[SERVER.http]["hostAlive"], nodes
    query, = [place for name, place in nodes[SERVER.http]["activeStandbyPerQuery"].items() if "STATUS_OUT" in name]
    assert query["activePartitions"] == [{"topic": "status_in", "partition": i} for i in (0, 1)], query


@case
def metrics_tell_of_queries_topics_groups_memory_and_disk():
    sql("CREATE STREAM measured (a INT KEY, b INT) WITH (PARTITIONS = 1)",
        "CREATE TABLE measured_count AS SELECT a, COUNT(*) AS n FROM measured GROUP BY a",
        *(f"INSERT INTO measured VALUES ({i}, 1)" for i in range(10)))
    until = time.monotonic() + 20
    while True:
        page = metrics()
        name, = [re.search('query="([^"]+)"', sample)[1] for sample in page
                 if sample.startswith("millrace_query_records_total") and "MEASURED_COUNT" in sample]
        if page[f'millrace_query_lag_records{{query="{name}"}}'] == 0 or time.monotonic() > until:
            break
        time.sleep(0.05)
    assert page[f'millrace_query_records_total{{query="{name}"}}'] >= 10, page
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
    assert curl("--http2") == "1.1 200\n"  # asks for an upgrade, and takes no for an answer
    assert curl("--http2-prior-knowledge") == "2 200\n"  # one request: 7.88 fails when it uses the connection again


@case
def what_is_wrong_is_told_in_json():
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
        assert 8 < time.monotonic() - begun < 15


@case
def a_thousand_connections_at_a_time():
    connections = [raw() for _ in range(1000)]
    try:
        for connection in connections:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        for connection in connections:
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
        assert metrics()['millrace_connections{protocol="http"}'] > 1000
    finally:
        for connection in connections:
            connection.close()


@case
def one_client_too_many_is_told_so():
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
def a_listener_can_be_left_out_and_says_when_it_cannot_be_had():
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


run()
