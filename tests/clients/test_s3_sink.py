#!/usr/bin/python3
"""Sinks of buckets: the example of docs/connectors/s3-sink.md, kill -9 while objects are stored, a configuration of Kafka Connect, and the
errors of the service. The service of the test checks each signature."""
import gzip
import json
import os
import re
import threading
import urllib.request

import psycopg

from connector_files import ConnectorFiles
from millrace_server import case, has_limit, run, wait_until
from s3_server import S3Server

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_PAGE = os.path.join(_ROOT, "docs", "connectors", "s3-sink.md")


class Lake(ConnectorFiles):
    """A server of Millrace and a service with the bucket lake; the secret is in the file `lake` of the secrets."""

    def __init__(self):
        self.service = S3Server()
        super().__init__()
        with open(os.path.join(self.folder, "secrets", "lake"), "w", encoding="utf-8") as file:
            file.write(self.service.secret)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
        self.service.close()

    def properties(self, **more):
        return {"connector.class": "s3", "topics": "readings", "store.url": self.service.url, "s3.bucket.name": "lake",
                "s3.region": "eu-central-1", "aws.access.key.id": self.service.key, "aws.secret.access.key": "${file:lake}"} | \
            {name.replace("__", "."): value for name, value in more.items()}

    def statement(self, **more):
        settings = ", ".join("\"{}\" = '{}'".format(name, str(value).replace("'", "''")) for name, value in self.properties(**more).items())
        return f"CREATE SINK CONNECTOR out WITH ({settings})"

    def create(self, **more):
        self.sql(self.statement(**more))

    def make_readings(self, count=0):
        self.sql("CREATE STREAM readings (id INT, place VARCHAR) WITH (KAFKA_TOPIC = 'readings', VALUE_FORMAT = 'JSON', PARTITIONS = 1)")
        if count:
            self.insert(0, count)

    def insert(self, begin, end):
        self.sql("INSERT INTO readings (id, place) VALUES " + ", ".join(f"({i}, 'place {i}')" for i in range(begin, end)))


def ids(lines):
    return [json.loads(line)["ID"] for line in lines]


@case
def the_example_of_the_page_works_as_printed():
    with Lake() as lake:
        with open(_PAGE, encoding="utf-8") as page:
            text = page.read()
        statements = re.search(r"```sql\n(.*?)```", text, re.S).group(1)
        for old, new in (("https://s3.example.org", lake.service.url), ("AKIDEXAMPLE", lake.service.key)):
            assert old in statements, (old, statements)
            statements = statements.replace(old, new)
        for statement in statements.split(";\n"):
            if statement.strip():
                lake.sql(statement)
        name, expected = re.search(r"object `([^`]+)`\s+then has these lines:\n\n```\n(.*?)```", text, re.S).groups()
        wait_until(lambda: lake.service.objects.get(("lake", name), b"").decode() == expected, lambda: str(lake.service.objects) + str(lake.task()))
        assert "exactly once" in str(lake.sql("DESCRIBE CONNECTOR lake"))


@case
@has_limit(120)
def each_record_is_in_one_object_of_a_server_that_is_killed():
    with Lake() as lake:
        lake.make_readings()
        lake.create(flush__size=30, rotate__schedule__interval__ms=50, s3__compression__type="gzip")
        written = 0
        for round_number in range(5):
            stopping = threading.Event()

            def write(stopping=stopping):
                nonlocal written
                try:
                    while not stopping.is_set():
                        lake.insert(written, written + 100)
                        written += 100
                except psycopg.Error:
                    pass  # the server was killed
            writer = threading.Thread(target=write)
            writer.start()
            killed = threading.Event()
            if round_number % 2:
                # The server is killed after an object is stored and before it knows that.
                def kill_in_answer(method, _, killed=killed):
                    if method == "PUT" and not killed.is_set():
                        killed.set()
                        lake.service.objects_before = dict(lake.service.objects)
                        os.kill(lake.server.pid, 9)
                lake.service.answers = [kill_in_answer]
                wait_until(killed.is_set)
                lake.service.answers = []
            else:
                before = len(lake.service.writes)
                wait_until(lambda before=before: len(lake.service.writes) > before)
            lake.kill()
            stopping.set()
            writer.join()
            lake.start()
            # The outcome of the last INSERT is unknown.
            written = lake.sql("SELECT count(*) FROM readings")[0][0]

        def found():
            return [number for _, data in sorted(lake.service.objects.items()) for number in ids(gzip.decompress(data).decode().splitlines())]
        wait_until(lambda: len(found()) >= written, lambda: f"{len(found())} of {written}: {lake.task()}", seconds=60)
        assert found() == list(range(written)), (len(found()), written)
        assert len(lake.service.writes) > len(set(lake.service.writes)), "no kill left an intent whose object was stored"


@case
def a_configuration_of_kafka_connect_works_unchanged():
    with Lake() as lake:
        lake.make_readings(7)
        # The quick start of Confluent's page, with the address of the service, the keys, and the converters of its pages.
        config = {"connector.class": "io.confluent.connect.s3.S3SinkConnector", "tasks.max": "1", "topics": "readings",
                  "s3.region": "eu-central-1", "s3.bucket.name": "lake", "s3.part.size": "5242880", "flush.size": "3",
                  "storage.class": "io.confluent.connect.s3.storage.S3Storage", "format.class": "io.confluent.connect.s3.format.json.JsonFormat",
                  "schema.generator.class": "io.confluent.connect.storage.hive.schema.DefaultSchemaGenerator",
                  "partitioner.class": "io.confluent.connect.storage.partitioner.DefaultPartitioner", "schema.compatibility": "NONE",
                  "store.url": lake.service.url, "aws.access.key.id": lake.service.key, "aws.secret.access.key": "${file:lake}",
                  "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false"}
        status, created = lake.request("POST", "/connectors", {"name": "s3-sink", "config": config})
        assert status == 201 and created["type"] == "sink", (status, created)
        names = [f"topics/readings/partition=0/readings+0+000000000{first}.json" for first in (0, 3)]
        wait_until(lambda: sorted(name for _, name in lake.service.objects) == names, lambda: str(lake.service.objects))
        assert ids(lake.service.lines()) == list(range(6))  # the last record waits for two more
        lake.insert(7, 9)
        wait_until(lambda: ids(lake.service.lines()) == list(range(9)))
        for name, value in (("format.class", "io.confluent.connect.s3.format.parquet.ParquetFormat"), ("s3.acl.canned", "private"),
                            ("topics.regex", "r.*"), ("s3.credentials.provider.class", "com.acme.Provider")):
            status, refused = lake.request("POST", "/connectors", {"name": "other", "config": config | {"topics.dir": "b", name: value}})
            assert status == 400 and f'property "{name}" is' in refused["message"], (status, refused)
        status, refused = lake.request("POST", "/connectors", {"name": "other", "config": config})
        assert "Two sinks would mix their records" in refused["message"], refused


@case
def records_of_an_hour_share_the_path_of_the_hour():
    with Lake() as lake:
        lake.sql("CREATE STREAM readings (id INT, place VARCHAR) WITH (KAFKA_TOPIC = 'readings', VALUE_FORMAT = 'JSON', PARTITIONS = 1)")
        for number, minutes in enumerate((0, 59, 60, 61, 30)):
            time = 1_767_225_600_000 + minutes * 60_000
            lake.sql(f"INSERT INTO readings (ROWTIME, id, place) VALUES ({time}, {number}, 'a')")
        lake.create(path__format="'dt'=YYYY-MM-dd/'hour'=HH", timezone="Europe/Helsinki", rotate__schedule__interval__ms=100)
        expected = {f"topics/readings/dt=2026-01-01/hour={hour}/readings+0+000000000{first}.json": numbers
                    for hour, first, numbers in (("02", 0, [0, 1]), ("03", 2, [2, 3]), ("02", 4, [4]))}
        wait_until(lambda: {name: ids(data.decode().splitlines()) for (_, name), data in lake.service.objects.items()} == expected,
                   lambda: str(lake.service.objects))


@case
def the_errors_of_the_service_are_named():
    with Lake() as lake:
        lake.make_readings(3)
        refused = {"bucket lake: SignatureDoesNotMatch: the message of SignatureDoesNotMatch": {"aws__secret__access__key": "wrong"},
                   "bucket lake: InvalidAccessKeyId": {"aws__access__key__id": "OTHER"},
                   "bucket pond does not exist at http://127.0.0.1": {"s3__bucket__name": "pond"},
                   "bucket lake is in the region eu-central-1": {"s3__region": "us-east-1"},
                   "${file:none}: there is no such file": {"aws__secret__access__key": "${file:none}"}}
        for message, properties in refused.items():
            found = lake.refusal(lake.statement(**properties))
            assert message.split(":", 1)[0] in found and (message in found or "none" in message), (message, found)
        lake.service.clock_ahead = -22
        found = lake.refusal(lake.statement())
        assert re.fullmatch(r"bucket lake: RequestTimeTooSkewed: the clock of this machine is 2[12] min ahead", found), found
        lake.service.clock_ahead = 0
        assert lake.sql("SHOW SINK CONNECTORS") == []
        lake.create(rotate__schedule__interval__ms=50, s3__retry__backoff__ms=1, s3__part__retries=2)
        wait_until(lambda: ids(lake.service.lines()) == [0, 1, 2])

        # Temporary errors: after two of them the request itself is repeated, after nine the task restarts.
        lake.service.answers = [(503, "SlowDown"), (500, "InternalError")]
        lake.insert(3, 4)
        wait_until(lambda: ids(lake.service.lines()) == [0, 1, 2, 3])
        lake.service.answers = [(503, "SlowDown")] * 9
        lake.insert(4, 5)
        wait_until(lambda: ids(lake.service.lines()) == list(range(5)), lake.task)

        # The service is away, and returns with its objects.
        port = lake.service.port
        lake.service.close()
        lake.insert(5, 6)
        wait_until(lambda: lake.task()["state"] == "RESTARTING", lake.task)
        assert lake.service.url in lake.task()["last error"], lake.task()
        lake.service = S3Server(port=port, objects=lake.service.objects)
        wait_until(lambda: ids(lake.service.lines()) == list(range(6)), lake.task)

        # If the right to write is taken away, the task fails. The trace names the rights that the task needs.
        lake.service.answers = [lambda method, _: (403, "AccessDenied") if method == "PUT" else None]
        lake.insert(6, 7)
        wait_until(lambda: lake.task()["state"] == "FAILED", lake.task)
        assert "bucket lake: AccessDenied" in lake.task()["last error"], lake.task()
        lake.sql("RESTART CONNECTOR out TASK 0")
        wait_until(lambda: ids(lake.service.lines()) == list(range(7)), lake.task)
        lake.service.answers = [lambda method, _: (403, "AccessDenied") if method == "HEAD" else None]
        lake.insert(7, 8)
        wait_until(lambda: lake.task()["state"] == "FAILED", lake.task)
        assert "readings+0+0000000007.json is refused with the status 403" in lake.task()["last error"], lake.task()


@case
def names_with_any_characters_are_signed():
    with Lake() as lake:
        lake.make_readings(1)
        directory = "a b/ö~+=&'%41"
        lake.create(rotate__schedule__interval__ms=50, topics__dir=directory)
        name = f"{directory}/readings/partition=0/readings+0+0000000000.json"
        wait_until(lambda: ("lake", name) in lake.service.objects, lambda: f"{lake.service.objects} {lake.task()}")


@case
def an_object_of_another_writer_is_not_replaced():
    with Lake() as lake:
        lake.make_readings(2)
        name = "topics/readings/partition=0/readings+0+0000000000.json"
        lake.service.objects[("lake", name)] = b"theirs\n"
        lake.create(rotate__schedule__interval__ms=50)
        wait_until(lambda: lake.task()["state"] == "FAILED", lake.task)
        assert f"bucket lake has {name} already" in lake.task()["last error"], lake.task()
        assert lake.service.objects[("lake", name)] == b"theirs\n"
        lake.sql("ALTER CONNECTOR out SET (\"topics.dir\" = 'second')")
        wait_until(lambda: ids(lake.service.lines("second")) == [0, 1], lake.task)


@case
def bad_records_and_encryption_are_as_configured():
    with Lake() as lake:
        lake.sql("CREATE STREAM readings (text VARCHAR) WITH (KAFKA_TOPIC = 'readings', VALUE_FORMAT = 'KAFKA', PARTITIONS = 1)")
        lake.sql("INSERT INTO readings (text) VALUES ('{\"ID\": 1}'), ('no JSON'), ('{\"ID\": 2}')")
        lake.sql("CREATE STREAM dead (text VARCHAR) WITH (KAFKA_TOPIC = 'dead', VALUE_FORMAT = 'KAFKA', PARTITIONS = 1)")
        lake.create(rotate__schedule__interval__ms=50, errors__tolerance="all", errors__deadletterqueue__topic__name="dead",
                    s3__ssea__name="aws:kms", s3__sse__kms__key__id="key-1")
        wait_until(lambda: ids(lake.service.lines()) == [1, 2], lake.task)
        wait_until(lambda: lake.sql("SELECT text FROM dead") == [("no JSON",)])
        wait_until(lambda: lake.task()["dead letters"] == 1, lake.task)
        sent = [headers for headers in lake.service.headers if "x-amz-server-side-encryption" in headers]
        assert [headers["x-amz-server-side-encryption-aws-kms-key-id"] for headers in sent] == ["key-1"], sent


@case
def the_secret_is_shown_nowhere():
    with Lake() as lake:
        lake.make_readings(1)
        lake.create(rotate__schedule__interval__ms=50)
        wait_until(lambda: len(lake.service.writes) == 1)
        lake.service.answers = [(503, lake.service.secret)] * 30
        lake.insert(1, 2)
        wait_until(lambda: lake.task()["state"] == "RESTARTING", lake.task)
        shown = str(lake.task()) + str(lake.sql("DESCRIBE CONNECTOR out")) + str(lake.sql("SHOW CONNECTORS"))
        for path in ("/connectors?expand=info&expand=status", "/connectors/out/config", "/connectors/out/status", "/metrics"):
            with urllib.request.urlopen(f"http://{lake.server.http}{path}", timeout=30) as answer:
                shown += answer.read().decode()
        assert "${file:lake}" in shown and lake.service.secret not in shown, shown
        lake.service.answers = []
        lake.sql("DROP CONNECTOR out")
        lake.create(aws__secret__access__key=lake.service.secret, topics__dir="b")
        assert "[hidden]" in str(lake.sql("DESCRIBE CONNECTOR out")) and lake.service.secret not in str(lake.sql("DESCRIBE CONNECTOR out"))


run()
