#!/usr/bin/python3
"""Sinks of files in a whole server: the example of docs/connectors/file-sinks.md, kill -9 while files are written, existing
configurations of FileStreamSink over the REST API, the table of connectors, and the metrics."""
import json
import os
import re
import threading
import urllib.request

import psycopg

from connector_files import ConnectorFiles
from millrace_server import case, has_limit, run, wait_until

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_PAGE = os.path.join(_ROOT, "docs", "connectors", "file-sinks.md")


class Archive(ConnectorFiles):
    def post(self, path, body):
        request = urllib.request.Request(f"http://{self.server.http}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def metrics(self):
        with urllib.request.urlopen(f"http://{self.server.http}/metrics", timeout=30) as page:
            return page.read().decode()

    def lines(self, name):
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            return []
        names = [path] if os.path.isfile(path) else sorted(os.path.join(path, each) for each in os.listdir(path) if not each.endswith(".part"))
        lines = []
        for each in names:
            with open(each, encoding="utf-8") as file:
                lines += file.read().splitlines()
        return lines


def insert(archive, begin, end):
    rows = ", ".join(f"({i}, 'place {i}')" for i in range(begin, end))
    archive.sql(f"INSERT INTO readings (id, place) VALUES {rows}")


def make_readings(archive):
    archive.sql("CREATE STREAM readings (id INT, place VARCHAR) WITH (KAFKA_TOPIC = 'readings', VALUE_FORMAT = 'JSON', PARTITIONS = 1)")


def ids(lines):
    return [json.loads(line)["ID"] for line in lines]


@case
def the_example_of_the_page_works_as_printed():
    archive = Archive()
    try:
        with open(_PAGE, encoding="utf-8") as page:
            text = page.read()
        for statement in re.search(r"```sql\n(.*?)```", text, re.S).group(1).split(";\n"):
            if statement.strip():
                archive.sql(statement)
        expected = re.search(r"has these lines:\n\n```\n(.*?)```", text, re.S).group(1).splitlines()
        wait_until(lambda: archive.lines("archive/readings+0+0000000000.csv") == expected, f"{archive.lines('archive')} is not {expected}")
        rows = archive.sql("SELECT connector, type, class, state, tasks, running_tasks, worker, topics, errors, last_error FROM millrace_catalog.connectors")
        assert rows == [("archive", "sink", "file", "RUNNING", 1, 1, archive.server.http, "readings", 0, None)], rows
        wait_until(lambda: 'millrace_connector_records_total{connector="archive",task="0"} 2\n' in archive.metrics(), "no figure of the records")
        wait_until(lambda: 'millrace_connector_lag_records{connector="archive",task="0"} 0\n' in archive.metrics(), "no lag of 0")
    finally:
        archive.close()


@case
@has_limit(120)
def each_record_is_in_one_file_of_a_server_that_is_killed():
    archive = Archive()
    written, stopping = 0, threading.Event()
    try:
        make_readings(archive)
        archive.sql("""CREATE SINK CONNECTOR archive WITH ("connector.class" = 'file', "topics" = 'readings', "output.path" = 'out',
                       "flush.size" = 30, "rotate.schedule.interval.ms" = 50)""")
        archive.sql("""CREATE SINK CONNECTOR stream WITH ("connector.class" = 'FileStreamSink', "topics" = 'readings', "file" = 'all.txt',
                       "value.converter" = 'org.apache.kafka.connect.storage.StringConverter')""")
        for _ in range(4):
            stopping.clear()

            def write():
                nonlocal written
                try:
                    while not stopping.is_set():
                        insert(archive, written, written + 100)
                        written += 100
                except psycopg.Error:
                    pass  # the server was killed
            writer = threading.Thread(target=write)
            writer.start()
            before = len(archive.lines("out"))
            wait_until(lambda before=before: len(archive.lines("out")) > before)
            archive.kill()
            stopping.set()
            writer.join()
            archive.start()
            # The outcome of the last INSERT is unknown.
            written = archive.sql("SELECT count(*) FROM readings")[0][0]
        wait_until(lambda: len(archive.lines("out")) >= written and len(archive.lines("all.txt")) >= written, seconds=60)
        assert ids(archive.lines("out")) == list(range(written)), (len(archive.lines("out")), written)
        assert ids(archive.lines("all.txt")) == list(range(written)), (len(archive.lines("all.txt")), written)
    finally:
        stopping.set()
        archive.close()


@case
def a_configuration_of_kafka_connect_works_unchanged():
    archive = Archive()
    try:
        make_readings(archive)
        insert(archive, 0, 3)
        # These are the settings of Kafka's config/connect-file-sink.properties, with the converters that Kafka's
        # page on schemas names.
        config = {"name": "local-file-sink", "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector", "tasks.max": "1",
                  "file": "test.sink.txt", "topics": "readings", "key.converter": "org.apache.kafka.connect.storage.StringConverter",
                  "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false"}
        created = archive.post("/connectors", {"name": "local-file-sink", "config": config})
        assert created["type"] == "sink", created
        wait_until(lambda: ids(archive.lines("test.sink.txt")) == [0, 1, 2])
        def offsets():
            return json.load(urllib.request.urlopen(f"http://{archive.server.http}/connectors/local-file-sink/offsets", timeout=30))
        # The position is committed after the lines are in the file.
        wait_until(lambda: offsets() == {"offsets": [{"partition": {"kafka_partition": 0, "kafka_topic": "readings"}, "offset": {"kafka_offset": 3}}]}, offsets)
        second = """CREATE SINK CONNECTOR b WITH ("connector.class" = 'FileStreamSink', "topics" = 'readings', "file" = './test.sink.txt')"""
        assert archive.refusal(second) == "connector local-file-sink writes to test.sink.txt already", archive.refusal(second)
        changed = second.replace("./test.sink.txt", "b.txt").replace(")", """, "topics.regex" = 'x')""")
        assert archive.refusal(changed) == 'property "topics.regex" is not supported: name the topics in "topics"', archive.refusal(changed)
        assert archive.refusal(second.replace("./test.sink.txt", "none/b.txt")) == "none/b.txt does not exist"
        assert archive.refusal(second.replace("'readings'", "'none'")) == 'topic "none" does not exist'
    finally:
        archive.close()


run()
