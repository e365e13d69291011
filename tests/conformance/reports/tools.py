"""Shared by the scripts of cases: a registry of scripts by number, and short ways to send requests to a server."""
import http.client
import json
import os
import subprocess
import sys

import psycopg

TESTS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TESTS, "clients"))
from millrace_server import binary  # noqa: E402
from patience import patience, wait_until  # noqa: E402

SCRIPTS = {}  # number -> (function, flags of the server)
T = 1_700_000_000_000  # ms
patience_s = 20  # how long to wait for rows; the runner shortens it for cases that are known to fail


def report(number, *flags):
    """The script of case `number`. It gets a server of its own, started with `flags`; with flags None it starts its own."""
    def keep(function):
        SCRIPTS[number] = (function, flags)
        return function
    return keep


def check(actual, expected, what=""):
    assert actual == expected, f"{what}\n  expected {expected!r}\n  got      {actual!r}"


# ---- SQL

def connect(server, user="millrace", **options):
    return psycopg.connect(host=server.host, port=server.port, user=user, dbname="millrace", autocommit=True,
                           options="-c TimeZone=UTC", **options)


def define(connection, text):
    """Statements that end with a semicolon at the end of a line."""
    for statement in text.split(";\n"):
        if statement.strip(" ;\n"):
            connection.execute(statement, prepare=False)


def rows(connection, statement):
    return sorted(connection.execute(statement, prepare=False).fetchall(), key=repr)


def comes(connection, statement, expected):
    """Repeats the query until the rows are as expected, in any order."""
    found = [None]

    def is_right():
        found[0] = rows(connection, statement)
        return found[0] == sorted(expected, key=repr)
    wait_until(is_right, lambda: f"{statement}\n  expected {expected}\n  got      {found[0]}", patience_s)


def refusal(connection, statement):
    """SQLSTATE and message of a statement that must fail."""
    try:
        connection.execute(statement, prepare=False)
    except psycopg.Error as error:
        return error.sqlstate, error.diag.message_primary or str(error)
    raise AssertionError(f"not refused: {statement}")


# ---- HTTP

def ask(server, method, path, body=None, content="application/json", accept=None):
    """Status and answer, parsed when it is JSON."""
    host, port = server.http.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=patience(30))
    headers = ({"Content-Type": content} if content else {}) | ({"Accept": accept} if accept else {})
    text = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
    connection.request(method, path, text, headers)
    answer = connection.getresponse()
    got = answer.read().decode()
    connection.close()
    try:
        return answer.status, json.loads(got) if got else None
    except json.JSONDecodeError:
        return answer.status, got


# ---- Kafka

def client(server, kind, **settings):
    """A client of confluent-kafka; names of settings have _ for a dot."""
    return kind({"bootstrap.servers": server.kafka, **{name.replace("_", "."): value for name, value in settings.items()}})


def create_topic(server, name, partitions=1, **config):
    from confluent_kafka.admin import AdminClient, NewTopic
    topic = NewTopic(name, partitions, config={key.replace("_", "."): str(value) for key, value in config.items()})
    admin = AdminClient({"bootstrap.servers": server.kafka})  # the futures complete only as long as the client exists
    admin.create_topics([topic])[name].result(patience(20))


def produce(server, topic, records, **settings):
    """Records as the arguments of confluent-kafka's produce(); all must be acknowledged."""
    from confluent_kafka import Producer
    failures = []
    producer = client(server, Producer, **settings)
    for record in records:
        producer.produce(topic, on_delivery=lambda error, _: error and failures.append(error), **record)
    assert producer.flush(patience(30)) == 0 and not failures, failures


def consume(server, topic, partition=0):
    """All records of a partition, in order."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition
    consumer = client(server, Consumer, group_id="reports", enable_auto_commit=False, enable_partition_eof=True)
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
    found = []
    try:
        while True:
            message = consumer.poll(patience(20))
            assert message is not None, f"{topic}: neither a record nor the end came"
            if not message.error():
                found.append(message)
            elif message.error().code() == KafkaError._PARTITION_EOF:
                return found
            else:
                raise AssertionError(message.error())
    finally:
        consumer.close()


def tool(server, name, *arguments, stdin=None, status=0):
    """Runs one of Kafka's tools under the link of its name; returns its output on stdout and stderr."""
    done = subprocess.run([name, "--bootstrap-server", server.kafka, *arguments], executable=binary(), input=stdin, text=True,
                          capture_output=True, timeout=patience(60), check=False)
    assert status is None or done.returncode == status, (name, arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr
