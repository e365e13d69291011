#!/usr/bin/python3
"""A real Prometheus: it scrapes /metrics, accepts the alert rules, and answers each expression of the dashboard."""
import http.client
import json
import os
import shutil
import subprocess
import tempfile
import urllib.parse

from cluster_nodes import free_port
from millrace_server import case, launch, patience, run, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GRAFANA = os.path.join(ROOT, "docs", "grafana")
try:
    import confluent_kafka
    import psycopg
    OBSTACLE = None if shutil.which("prometheus") and shutil.which("promtool") else "there is no Prometheus"
except ImportError as missing:
    OBSTACLE = f"{missing.name} is not installed"


def get(place, path):
    connection = http.client.HTTPConnection(place, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, (path, body[:500])
    return body.decode()


class Prometheus:
    """Scrapes a server each second, under a name that differs from all of its labels."""

    def __init__(self, target):
        self.folder = tempfile.mkdtemp(prefix="millrace-prometheus-")
        self.place = f"127.0.0.1:{free_port()}"
        with open(f"{self.folder}/prometheus.yml", "w") as file:
            json.dump({"global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                       "rule_files": [f"{GRAFANA}/alerts.yml"],
                       "scrape_configs": [{"job_name": "millrace", "static_configs": [{"targets": [target]}]}]}, file)
        self.log = open(f"{self.folder}/log", "w")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
             f"--web.listen-address={self.place}"], stdout=self.log, stderr=self.log)

    def ask(self, path, **query):
        answer = json.loads(get(self.place, f"/api/v1/{path}?{urllib.parse.urlencode(query)}"))
        assert answer["status"] == "success", answer
        return answer["data"]

    def value(self, expression):
        return self.ask("query", query=expression)["result"]

    def stop(self):
        self.process.terminate()
        self.process.wait(patience(20))
        shutil.rmtree(self.folder, ignore_errors=True)


def launched():
    """A server that ends with the program, even if an earlier step fails."""
    server = launch()
    return server


def panels(of):
    for panel in of:
        yield panel
        yield from panels(panel.get("panels", []))


def some_life(server):
    """Queries, a consumer group, and records of which some cannot be read."""
    with psycopg.connect(host=server.host, port=server.port, autocommit=True) as connection:
        connection.execute("CREATE STREAM orders (id INT KEY, city VARCHAR, amount INT) "
                           "WITH (KAFKA_TOPIC = 'orders', VALUE_FORMAT = 'JSON', PARTITIONS = 2)")
        connection.execute("CREATE TABLE by_city AS SELECT city, COUNT(*) AS n FROM orders "
                           "WINDOW TUMBLING (SIZE 1 SECOND, GRACE PERIOD 0 SECONDS) GROUP BY city")
    producer = confluent_kafka.Producer({"bootstrap.servers": server.kafka})
    consumer = confluent_kafka.Consumer({"bootstrap.servers": server.kafka, "group.id": 'a "quoted" \\ group\n',
                                         "auto.offset.reset": "earliest"})
    consumer.subscribe(["orders"])
    for count in range(40):
        # Late records are counted, too.
        producer.produce("orders", value=json.dumps({"CITY": "a", "AMOUNT": count}) if count % 5 else "garbage",
                         timestamp=1_700_000_000_000 + (count * 1_000 if count % 7 else 0), partition=count % 2)
    producer.flush(patience(20))
    consumer.consume(10, 5)
    consumer.commit(asynchronous=False)
    return consumer


@case
def promtool_finds_nothing():
    server = launched()
    consumer = some_life(server)
    said = subprocess.run(["promtool", "check", "rules", f"{GRAFANA}/alerts.yml"], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
    said = subprocess.run(["promtool", "check", "metrics"], input=get(server.http, "/metrics"), capture_output=True, text=True)
    assert said.returncode == 0 and not said.stdout and not said.stderr, said.stdout + said.stderr
    consumer.close()
    server.stop()


@case
def every_expression_has_an_answer():
    server = launched()
    prometheus = Prometheus(server.http)
    consumer = some_life(server)
    try:
        wait_until(lambda: _is_ready(prometheus) and prometheus.value('up{job="millrace"} == 1'), "it is not scraped", 60)
        with open(f"{GRAFANA}/millrace.json", encoding="utf-8") as file:
            dashboard = json.load(file)
        named = [row["metric"]["instance"] for row in prometheus.value("millrace_build_info")]
        assert named == [server.http], named  # the values of the dashboard's variable
        asked = [(panel["title"], target["expr"]) for panel in panels(dashboard["panels"]) for target in panel.get("targets", [])]
        assert len(asked) > 20
        for title, expression in asked:
            expression = expression.replace("$instance", ".*")
            # An increase needs two samples with a change in between.
            if "> 0" in expression:
                expression = expression.replace("> 0", ">= 0")
            wait_until(lambda: prometheus.value(expression), f"{title}: nothing for {expression}", 60)
            for row in prometheus.value(expression):
                assert row["value"][1] not in ("NaN", "+Inf"), (title, row)
        groups = prometheus.ask("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert len(rules) >= 9
        wait_until(lambda: all(rule["health"] == "ok" for group in prometheus.ask("rules")["groups"] for rule in group["rules"]),
                   lambda: str(prometheus.ask("rules")), 30)
        quoted = prometheus.value('kafka_consumergroup_lag{consumergroup="a \\"quoted\\" \\\\ group\\n"}')
        assert quoted
    finally:
        prometheus.stop()
        consumer.close()
        server.stop()


@case
def an_alert_fires_when_a_query_fails_records():
    server = launched()
    prometheus = Prometheus(server.http)
    consumer = some_life(server)
    try:
        wait_until(lambda: _is_ready(prometheus) and prometheus.value('up{job="millrace"} == 1'), "it is not scraped", 60)
        producer = confluent_kafka.Producer({"bootstrap.servers": server.kafka})

        def fires():
            producer.produce("orders", value="garbage")
            producer.flush(patience(10))
            return any(alert["labels"]["alertname"] == "MillraceRecordsFail" for alert in prometheus.ask("alerts")["alerts"])
        wait_until(fires, lambda: str(prometheus.ask("alerts")), 60)
        server.stop()
        wait_until(lambda: any(alert["labels"]["alertname"] == "MillraceDown" for alert in prometheus.ask("alerts")["alerts"]),
                   lambda: str(prometheus.ask("alerts")), 60)
    finally:
        prometheus.stop()
        consumer.close()


def _is_ready(prometheus):
    try:
        return get(prometheus.place, "/-/ready")
    except (OSError, AssertionError):
        return False


if __name__ == "__main__":
    run(OBSTACLE)
