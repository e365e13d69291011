"""Schemas that are registered over HTTP, in all three formats, while servers die; streams with columns from these
schemas; and records in each version.

A client repeats a registration until it is answered. After each restart an answered registration is unchanged: the
number of the version, its id, its text; no id names two schemas. Each record is one row of its stream, in whatever
version it was written.
"""
import http.client
import json
import random
import time

try:
    import confluent_kafka
except ImportError:
    confluent_kafka = None

import server  # puts the folder of the client tests on the path
from schema_wire import header, varint, zigzag
from pausable import Pausable

MAX_VERSIONS = 150  # of one subject; each version is longer than the one before
SUBJECTS_OF_KIND = 2
_TIMEOUT_S = 60


class Avro:
    kind, format = "AVRO", "AVRO"

    @staticmethod
    def schema(topic, fields):
        more = [{"name": f"F{number}", "type": ["null", "string"], "default": None} for number in range(fields)]
        return json.dumps({"type": "record", "name": topic, "fields": [{"name": "ID", "type": "long"}, *more]})

    @staticmethod
    def record(number, texts):
        return zigzag(number) + b"".join(varint(2) + zigzag(len(text)) + text.encode() for text in texts)

    @staticmethod
    def meaning(text):
        return json.loads(text)


class Protobuf:
    kind, format = "PROTOBUF", "PROTOBUF"

    @staticmethod
    def schema(topic, fields):
        more = "".join(f"  string F{number} = {number + 2};\n" for number in range(fields))
        return f'syntax = "proto3";\nmessage {topic} {{\n  int64 ID = 1;\n{more}}}\n'

    @staticmethod
    def record(number, texts):
        first_message = b"\0"
        return first_message + varint(8) + varint(number) + b"".join(
            varint((index + 2) << 3 | 2) + varint(len(text)) + text.encode() for index, text in enumerate(texts))

    @staticmethod
    def meaning(text):
        return text.split()


class Json:
    kind, format = "JSON", "JSON_SR"

    @staticmethod
    def schema(topic, fields):
        more = {f"F{number}": {"type": "string"} for number in range(fields)}
        return json.dumps({"type": "object", "title": topic, "additionalProperties": False,
                           "properties": {"ID": {"type": "integer"}, **more}})

    @staticmethod
    def record(number, texts):
        return json.dumps({"ID": number, **{f"F{index}": text for index, text in enumerate(texts)}}).encode()

    @staticmethod
    def meaning(text):
        return json.loads(text)


class Subject:
    """A topic, its stream, the versions of its schema, and its records. Threads: the load's, and others while it is
    paused."""

    def __init__(self, coding, number):
        self.coding = coding
        self.topic = f"schemas_{coding.kind.lower()}_{number}"
        self.name = f"{self.topic}-value"
        self.has_stream = False
        self.versions = {}  # acknowledged: id and text by number
        self.sent = 0  # number of sent records: numbers from 0 on, each in the newest version of its time
        self.open_text = None  # sent, and not answered yet

    def text_of(self, number):
        return f"{self.topic}.{number}"

    def next_record(self):
        version = max(self.versions)
        number, self.sent = self.sent, self.sent + 1
        id_of_schema, _ = self.versions[version]
        return header(id_of_schema) + self.coding.record(number, [self.text_of(number)] * version)


class SchemaLoad(Pausable):
    """Threads: its own thread registers and produces; other threads read its fields while it is paused."""

    def __init__(self, http_address, kafka_address, seed):
        self._http, self._kafka = http_address, kafka_address
        self.subjects = [Subject(coding, number) for coding in (Avro, Protobuf, Json) for number in range(SUBJECTS_OF_KIND)]
        self.problems = []
        self._chance = random.Random(f"{seed}/schemas")
        self._client = confluent_kafka.Producer({
            "bootstrap.servers": kafka_address, "enable.idempotence": True, "message.timeout.ms": 600_000,
            "queue.buffering.max.messages": 500, "retry.backoff.ms": 50, "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 200, "log_level": 0, "linger.ms": 1})
        self.start()

    def pause(self):
        with self._state:
            self._is_wanted = False
            if not self._state.wait_for(lambda: not self._is_running, _TIMEOUT_S):
                self.problems.append(f"a schema is not registered after {_TIMEOUT_S} s")
        if left := self._client.flush(_TIMEOUT_S):
            self.problems.append(f"{left} records with schemas are not acknowledged after {_TIMEOUT_S} s")

    def end(self):
        with self._state:
            self._is_over, self._is_wanted = True, False
            self._state.notify_all()
        self._thread.join()
        self._client.purge()
        self._client = None

    def version_count(self):
        return sum(len(subject.versions) for subject in self.subjects)

    def record_count(self):
        return sum(subject.sent for subject in self.subjects)

    # --- Its thread

    def _run(self):
        try:
            while self._wait():
                subject = self._chance.choice(self.subjects)
                if len(subject.versions) < MAX_VERSIONS and (not subject.versions or self._chance.random() < 0.5):
                    self._register(subject)
                if subject.versions and not subject.has_stream:
                    self._create(subject)
                if subject.has_stream:
                    self._feed(subject)
                self._client.poll(0)
                time.sleep(self._chance.random() * 0.02)
        except Exception as error:
            self.problems.append(f"schemas: {type(error).__name__}: {error}")
        finally:
            with self._state:
                self._is_running = False
                self._state.notify_all()

    def _ask(self, method, path, body=None):
        """Repeats the request until it is answered; returns status and answer, or (None, None) if the load ends
        before."""
        while not self._is_over:
            try:
                return ask(self._http, method, path, body)
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
        return None, None

    def _register(self, subject):
        version = len(subject.versions) + 1
        subject.open_text = subject.coding.schema(subject.topic, version)
        status, answer = self._ask("POST", f"/subjects/{subject.name}/versions",
                                   {"schema": subject.open_text, "schemaType": subject.coding.kind})
        if status is None:
            return
        if status in (500, 503):  # the server stops, or could not store the schema
            return
        if status != 200 or answer["version"] != version:
            raise AssertionError(f"version {version} of {subject.name}: {status} {answer}")
        subject.versions[version] = answer["id"], subject.open_text
        subject.open_text = None

    def _create(self, subject):
        statement = (f"CREATE STREAM IF NOT EXISTS {subject.topic} WITH (KAFKA_TOPIC = '{subject.topic}', PARTITIONS = 2, "
                     f"VALUE_FORMAT = '{subject.coding.format}');")
        status, answer = self._ask("POST", "/ksql", {"ksql": statement})
        if status in (None, 500, 503):
            return
        if status != 200:
            raise AssertionError(f"{statement}: {status} {answer}")
        subject.has_stream = True

    def _feed(self, subject):
        for _ in range(self._chance.choice((1, 5, 20))):
            record = subject.next_record()
            while not self._is_over:
                try:
                    self._client.produce(subject.topic, value=record)
                    break
                except BufferError:
                    self._client.poll(0.02)

    # --- While it is paused

    def complaints(self, connection):
        found = list(self.problems)
        texts = {}  # by id, of all subjects
        for subject in self.subjects:
            found += self._complaints_of_versions(subject, texts)
            if subject.has_stream:
                found += _complaints_of_rows(subject, connection)
        return found

    def _complaints_of_versions(self, subject, texts):
        status, numbers = ask(self._http, "GET", f"/subjects/{subject.name}/versions")
        if status == 404 and not subject.versions:
            return []
        if status != 200:
            return [f"versions of {subject.name}: {status} {numbers}"]
        found = []
        if lost := subject.versions.keys() - set(numbers):
            found.append(f"{subject.name}: versions {sorted(lost)} were registered and are gone")
        for number in numbers:
            _, version = ask(self._http, "GET", f"/subjects/{subject.name}/versions/{number}")
            known_id, text = subject.versions.get(number, (version["id"], subject.open_text))
            if text is None or subject.coding.meaning(version["schema"]) != subject.coding.meaning(text):
                found.append(f"{subject.name}: version {number} is not what was registered: {version}")
            if version["id"] != known_id:
                found.append(f"{subject.name}: version {number} had the id {known_id} and has {version['id']}")
            if texts.setdefault(version["id"], version["schema"]) != version["schema"]:
                found.append(f"the id {version['id']} has two schemas")
            by_id = ask(self._http, "GET", f"/schemas/ids/{version['id']}")[1]
            if by_id["schema"] != version["schema"]:
                found.append(f"the id {version['id']} of {subject.name} names another schema: {by_id}")
        return found


def _complaints_of_rows(subject, connection):
    rows = {}
    for line in connection.copy_out(f"SELECT ID, F0 FROM {subject.topic}").splitlines():
        number, text = line.split("\t")
        rows.setdefault(int(number), []).append(text)
    found = []
    if rows.keys() != set(range(subject.sent)):
        found.append(f"{subject.topic}: {len(rows)} different rows are there, {subject.sent} records were sent")
    if wrong := [number for number, texts in rows.items() if texts != [subject.text_of(number)]]:
        found.append(f"{subject.topic}: {len(wrong)} rows are not what was sent, or there twice: {wrong[:5]}")
    return found


def ask(address, method, path, body=None):
    connection = http.client.HTTPConnection(address, timeout=_TIMEOUT_S)
    try:
        connection.request(method, path, json.dumps(body) if body else None,
                           {"Confluent-Accept-Unknown-Properties": "true", "Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()
