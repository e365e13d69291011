#!/usr/bin/python3
"""Connectors that use HTTP: webhooks with signatures, and sinks that send to a server of the test. The examples of
docs/connectors/webhook.md and docs/connectors/http-sink.md, kill -9, and hostile senders."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import re
import subprocess
import threading
import urllib.error
import urllib.request

from connector_files import ConnectorFiles
from millrace_server import binary, case, has_limit, run, wait_until

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Receiver:
    """An HTTP server that records its requests. `answers` are the statuses of the next answers, or functions of the request; then 200.
    `text`, if set, makes the body of an answer from the request."""

    def __init__(self):
        self.requests, self.answers, self.headers, self.text = [], [], {}, None
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                request = {"method": self.command, "path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body}
                status = receiver.answers.pop(0) if receiver.answers else 200
                status = status(request) if callable(status) else status
                receiver.requests.append(request | {"status": status})
                text = (receiver.text(request) if receiver.text else f"status {status}").encode()
                self.send_response(status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
            do_POST = do_PUT = do_DELETE = do_GET = answer

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def bodies(self):
        return [each["body"] for each in list(self.requests) if each["status"] == 200]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class World:
    def __init__(self):
        self.files, self.receiver = ConnectorFiles(), Receiver()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.files.close()
        self.receiver.close()

    def sql(self, statement):
        return self.files.sql(statement)

    def statement(self, kind, name, properties):
        return f"CREATE {kind} CONNECTOR {name} WITH ({', '.join(f'{chr(34)}{k}{chr(34)} = {chr(39)}{v}{chr(39)}' for k, v in properties.items())})"

    def webhook(self, name="hook", **more):
        self.sql(self.statement("SOURCE", name, {"connector.class": "webhook", "topic": name} | {k.replace("__", "."): v for k, v in more.items()}))

    def sink(self, name="out", **more):
        self.sql(self.statement("SINK", name, {"connector.class": "http", "http.api.url": self.receiver.url} | {k.replace("__", "."): v for k, v in more.items()}))

    def post(self, body, name="hook", headers={}):
        """Returns the status and the body of the answer."""
        request = urllib.request.Request(f"http://{self.files.server.http}/webhooks/{name}", body.encode(), {"Content-Type": "application/json"} | headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def produce(self, topic, *lines, keys=False):
        options = ["--property", "parse.key=true", "--property", "null.marker=NULL"] if keys else []
        done = subprocess.run([binary(), "produce", topic, "-b", self.files.server.kafka, *options], input="".join(line + "\n" for line in lines),
                              text=True, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    def make_topic(self, name, partitions=1, *options):
        done = subprocess.run([binary(), "topic", "create", name, "--partitions", str(partitions), "-b", self.files.server.kafka, *options],
                              text=True, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    def consume(self, topic, *options):
        done = subprocess.run([binary(), "consume", topic, "--from-beginning", "--until-end", "-b", self.files.server.kafka, *options],
                              text=True, capture_output=True, timeout=120, check=False)
        return done.stdout.splitlines()

    def task(self):
        return self.files.task()


def _github(secret, body):
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()}


def _example(page, world, **replaced):
    """Runs the statements of the page's first block of SQL."""
    with open(os.path.join(_ROOT, "docs", "connectors", page), encoding="utf-8") as file:
        statements = re.search(r"```sql\n(.*?)```", file.read(), re.S).group(1)
    for old, new in replaced.items():
        assert old in statements, (old, statements)
        statements = statements.replace(old, new)
    for statement in statements.split(";\n"):
        if statement.strip():
            world.sql(statement)


@case
def the_example_of_the_webhook_page_receives_signed_requests():
    with World() as world:
        with open(os.path.join(world.files.folder, "secrets", "github"), "w", encoding="utf-8") as file:
            file.write("It's a Secret")
        _example("webhook.md", world)
        body = json.dumps({"action": "opened", "number": 7, "repository": {"full_name": "a/b"}})
        signed = _github("It's a Secret", body) | {"X-GitHub-Delivery": "d1", "X-GitHub-Event": "issues"}
        assert world.post(body, "gh", signed) == (200, '{"accepted":1}')
        # A record is visible when the request is answered.
        assert world.sql("SELECT action, number FROM gh") == [("opened", 7)]
        assert world.consume("github", "--property", "print.key=true", "--property", "print.headers=true") == [f"x-github-event:issues\td1\t{body}"]
        for headers in ({}, _github("wrong", body), _github("It's a Secret", body + " "), {"X-Hub-Signature-256": "sha256="}):
            status, text = world.post(body, "gh", headers)
            assert status == 401 and "Secret" not in text and "signature in" not in text, (status, text)
        assert len(world.consume("github")) == 1
        shown = str(world.sql("DESCRIBE CONNECTOR gh")) + str(world.sql("SHOW CONNECTOR TASKS"))
        assert "It's a Secret" not in shown and "at least once" in shown, shown


@case
def a_body_becomes_one_or_many_records():
    with World() as world:
        world.make_topic("hook", 1, "--config", "max.message.bytes=1500000")
        world.webhook(token="t", key__pointer="/id")
        token = {"Authorization": "Bearer t"}
        def post(body, kind="application/json", **more):
            return world.post(body, headers=token | {"Content-Type": kind} | more)
        assert post('[{"id": 1}, {"id": "x"}]') == (200, '{"accepted":2}')
        assert post('{"id":2}\r\n{"id":3}\n', "application/x-ndjson") == (200, '{"accepted":2}')
        assert post("id=4&text=a%20b", "application/x-www-form-urlencoded") == (200, '{"accepted":1}')
        assert post("[]") == (200, '{"accepted":0}')
        status, text = post("{")
        assert status == 400, (status, text)
        assert post("[" + ",".join(["1"] * 10001) + "]")[0] == 413
        assert post('"' + "a" * 1_000_000 + '"')[0] == 413
        assert world.post("{}", "other", token)[0] == 404
        # A request that the limits of the configuration admit, and that the topic cannot store, does not end the task.
        world.sql('ALTER CONNECTOR hook SET ("body.max.bytes" = \'4000000\')')
        large = json.dumps("a" * 2_000_000)
        answers = []
        # The task takes the new limit a moment after the statement.
        wait_until(lambda: answers.append(post(large)) or "max.message.bytes" in answers[-1][1], lambda: str(answers[-1]))
        assert answers[-1][0] == 413, answers[-1]
        assert world.task()["state"] == "RUNNING", world.task()
        assert post('{"id":5}') == (200, '{"accepted":1}')
        keyed = [each for each in world.consume("hook", "--property", "print.key=true") if each != '5\t{"id":5}']
        assert sorted(keyed) == sorted(['1\t{"id":1}', 'x\t{"id":"x"}', '2\t{"id":2}', '3\t{"id":3}', '4\t{"id":"4","text":"a b"}']), keyed


@case
def a_webhook_without_a_secret_needs_the_scheme_none():
    with World() as world:
        refused = {
            'property "signature.scheme" or "token" is required': {},
            'property "signature.secret" is required': {"signature.scheme": "github"},
            'property "signature.header" is required': {"signature.scheme": "hmac", "signature.secret": "s"},
            'property "signature.scheme" is "none", "github", "stripe", "slack", "shopify" or "hmac"': {"signature.scheme": "sha1"},
        }
        for text, properties in refused.items():
            message = world.files.refusal(world.statement("SOURCE", "hook", {"connector.class": "webhook", "topic": "t"} | properties))
            assert text in message, (text, message)
        world.webhook(signature__scheme="none")
        assert world.post("{}") == (200, '{"accepted":1}')
        digest = base64.b64encode(hmac.new(b"s", b"{}", hashlib.sha256).digest()).decode()
        world.webhook("shop", signature__scheme="shopify", signature__secret="s")
        assert world.post("{}", "shop", {"X-Shopify-Hmac-Sha256": digest})[0] == 200
        assert world.post("{} ", "shop", {"X-Shopify-Hmac-Sha256": digest})[0] == 401
        assert "[hidden]" in str(world.sql("DESCRIBE CONNECTOR shop"))


@case
def a_webhook_that_does_not_run_is_answered_with_503():
    with World() as world:
        world.webhook(token="t")
        token = {"Authorization": "Bearer t"}
        assert world.post("{}", headers=token)[0] == 200
        for stop, state in (("STOP", None), ("PAUSE", "PAUSED")):  # a stopped connector has no task
            world.sql(f"{stop} CONNECTOR hook")
            wait_until(lambda state=state: world.task()["state"] == state, world.task)
            assert world.post("{}", headers=token)[0] == 503
            world.sql("RESUME CONNECTOR hook")
            wait_until(lambda: world.post("{}", headers=token)[0] == 200, world.task)
        world.sql("DROP CONNECTOR hook")
        assert world.post("{}", headers=token)[0] == 404
        assert len(world.consume("hook")) == 3


@case
@has_limit(120)
def no_answered_request_is_lost_by_a_kill():
    with World() as world:
        world.webhook(token="t", topic__creation__default__partitions="3")
        accepted, sent, stopping, lock = set(), iter(range(10**6)), threading.Event(), threading.Lock()

        def send():
            while not stopping.is_set():
                with lock:
                    number = next(sent)
                try:
                    if world.post(json.dumps({"n": number}), headers={"Authorization": "Bearer t"})[0] == 200:
                        accepted.add(number)
                except (OSError, AttributeError):
                    stopping.wait(0.05)
        senders = [threading.Thread(target=send) for _ in range(8)]
        for sender in senders:
            sender.start()
        try:
            for _ in range(3):
                before = len(accepted)
                wait_until(lambda before=before: len(accepted) > before + 50, world.task, seconds=30)
                world.files.kill()
                world.files.start()
        finally:
            stopping.set()
            for sender in senders:
                sender.join()
        stored = [json.loads(each)["n"] for each in world.consume("hook")]
        assert accepted <= set(stored), sorted(accepted - set(stored))[:10]
        assert len(stored) == len(set(stored)), "a request was stored twice"


@case
def the_example_of_the_sink_page_sends_each_record():
    with World() as world:
        with open(os.path.join(world.files.folder, "secrets", "alerts"), "w", encoding="utf-8") as file:
            file.write("hush")
        _example("http-sink.md", world, **{"https://hooks.example.org": world.receiver.url})
        wait_until(lambda: len(world.receiver.requests) == 2, world.task)
        first, second = world.receiver.requests
        assert (first["method"], first["path"], first["body"]) == ("POST", "/T1", '{"text": "order 1: 12.5 for Turku"}'), first
        assert second["body"] == '{"text": "order 2: 3.0 for \\"Oulu\\""}', second
        assert first["headers"]["authorization"] == "Bearer hush" and first["headers"]["content-type"] == "application/json", first
        assert first["headers"]["idempotency-key"] == "alerts/big_orders/0/0" and second["headers"]["idempotency-key"] == "alerts/big_orders/0/1", second
        shown = str(world.sql("DESCRIBE CONNECTOR alerts")) + str(world.sql("SHOW CONNECTOR TASKS"))
        assert "hush" not in shown and "at least once" in shown, shown


@case
def failed_requests_are_repeated_and_refused_records_are_set_aside():
    with World() as world:
        world.make_topic("t")
        # The first three answers are temporary errors, after which the sink repeats the request. The record "bad" is
        # refused in every batch.
        world.receiver.headers = {"Retry-After": "0"}
        world.receiver.answers = [503, 429, 500] + [lambda request: 422 if "bad" in request["body"] else 200] * 40
        world.produce("t", *(json.dumps({"n": "bad" if i == 5 else i}) for i in range(10)))
        world.sink(topics="t", batch__max__size=4, errors__tolerance="all", errors__deadletterqueue__topic__name="refused")

        def sent():
            return [each["n"] for body in world.receiver.bodies() for each in json.loads(body)]
        wait_until(lambda: world.task()["dead letters"] == 1 and len(sent()) >= 9, world.task)
        assert sent() == [0, 1, 2, 3, 4, 6, 7, 8, 9], world.receiver.requests
        assert world.consume("refused") == ['{"n": "bad"}']
        assert world.task()["retries"] == 3, world.task()
        assert [each["status"] for each in world.receiver.requests[:4]] == [503, 429, 500, 200]
        assert world.receiver.requests[3]["headers"]["idempotency-key"] == "out/t/0/0-3"


@case
def a_refused_record_fails_the_task_with_place_and_answer():
    with World() as world:
        world.make_topic("t")
        world.produce("t", "1", "2")
        world.receiver.answers = [200, 418]
        world.sink(topics="t")
        wait_until(lambda: world.task()["state"] == "FAILED", world.task)
        assert "t-0@1: the answer has the status 418: status 418; errors.tolerance is none" in str(world.task()), world.task()
        # The record that was sent is not sent again.
        world.sql("RESTART CONNECTOR out")
        wait_until(lambda: world.receiver.bodies() == ["1", "2"], lambda: (world.receiver.requests, world.task()))
        world.sql("DROP CONNECTOR out")
        world.receiver.answers = [401]
        world.produce("t", "3")
        world.sink(topics="t", errors__tolerance="all")
        wait_until(lambda: world.task()["state"] == "FAILED", world.task)
        assert "the answer has the status 401" in str(world.task()), world.task()


@case
def secrets_of_headers_and_answers_are_not_shown():
    with World() as world:
        world.make_topic("t")
        world.produce("t", "1")
        with open(os.path.join(world.files.folder, "secrets", "key"), "w", encoding="utf-8") as file:
            file.write("deep-secret-one")
        world.receiver.text = lambda request: " ".join(request["headers"].values())
        world.receiver.answers = [401] * 10
        world.sink(topics="t", headers="X-Api-Key:${file:key}|X-Kind:orders")
        world.sink("literal", topics="t", headers="Authorization:Bearer deep-secret-two|X-Kind:orders")
        for name in ("out", "literal"):
            wait_until(lambda name=name: "FAILED" in str(world.files.request("GET", f"/connectors/{name}/status")), world.task)
        shown = str([world.sql("DESCRIBE CONNECTOR out"), world.sql("DESCRIBE CONNECTOR literal"), world.sql("SHOW CONNECTOR TASKS"), world.sql("SHOW CONNECTORS"),
                     *(world.files.request("GET", f"/connectors/{name}{path}") for name in ("out", "literal") for path in ("", "/config", "/status"))])
        with open(os.path.join(world.files.data, "log"), encoding="utf-8") as file:
            shown += file.read()
        assert "deep-secret" not in shown and "[hidden]" in shown and "${file:key}" in shown and "orders" in shown, shown


@case
def retries_end_with_a_bad_record_only_if_they_are_limited():
    with World() as world:
        world.make_topic("t")
        world.produce("t", "1", "2")
        world.receiver.answers = [500] * 3
        world.sink(topics="t", max__retries=2, retry__backoff__ms=1, errors__tolerance="all", errors__deadletterqueue__topic__name="late")
        wait_until(lambda: world.task()["dead letters"] == 1 and world.receiver.bodies() == ["2"], world.task)
        assert world.consume("late") == ["1"]
        world.sql("DROP CONNECTOR out")
        world.receiver.close()
        world.make_topic("u")
        world.produce("u", "1")
        world.sink(topics="u", retry__backoff__ms=1)
        wait_until(lambda: world.task()["state"] == "RESTARTING" and world.task()["retries"] > 3, world.task)
        assert "127.0.0.1" in str(world.task()), world.task()
        world.sql("DROP CONNECTOR out")
        world.receiver = Receiver()


@case
def addresses_tombstones_and_configurations_of_java_classes():
    with World() as world:
        world.make_topic("stock")
        world.produce("stock", 'a/1\t{"n":1}', "b\tNULL", 'c\t{"n":2}', keys=True)
        world.sink(topics="stock", http__api__url=world.receiver.url + "/${topic}/${key}?o=${offset}", request__method="PUT", behavior__on__null__values="delete")
        wait_until(lambda: len(world.receiver.requests) == 3, world.task)
        assert [(each["method"], each["path"], each["body"]) for each in world.receiver.requests] == [
            ("PUT", "/stock/a%2F1?o=0", '{"n":1}'), ("DELETE", "/stock/b?o=1", ""), ("PUT", "/stock/c?o=2", '{"n":2}')], world.receiver.requests
        world.sql("DROP CONNECTOR out")
        world.receiver.requests.clear()
        world.make_topic("rows")
        schema = {"type": "struct", "optional": False, "fields": [{"type": "int32", "optional": False, "field": "id"}]}
        world.produce("rows", *(json.dumps({"schema": schema, "payload": {"id": i}}) for i in range(3)))
        configs = {
            "confluent": {"connector.class": "io.confluent.connect.http.HttpSinkConnector", "http.api.url": world.receiver.url + "/c", "batch.json.as.array": "true",
                          "request.body.format": "json", "batch.max.size": "10", "headers": "X-A:1|X-B:2", "auth.type": "basic", "connection.user": "u",
                          "connection.password": "p", "reporter.bootstrap.servers": "localhost:9092", "behavior.on.error": "fail"},
            "aiven": {"connector.class": "io.aiven.kafka.connect.http.HttpSinkConnector", "http.url": world.receiver.url + "/a", "http.authorization.type": "static",
                      "http.headers.authorization": "Token s", "batching.enabled": "true"}}
        for name, config in configs.items():
            request = urllib.request.Request(f"http://{world.files.server.http}/connectors", json.dumps({"name": name, "config": {"topics": "rows"} | config}).encode(),
                                             {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert json.load(answer)["type"] == "sink", name
        wait_until(lambda: len(world.receiver.requests) == 2, world.task)
        by_path = {each["path"]: each for each in world.receiver.requests}
        assert by_path["/c"]["body"] == '[{"id":0},{"id":1},{"id":2}]', by_path
        assert by_path["/c"]["headers"]["authorization"] == "Basic " + base64.b64encode(b"u:p").decode() and by_path["/c"]["headers"]["x-b"] == "2", by_path
        assert by_path["/a"]["body"] == '{"id":0}\n{"id":1}\n{"id":2}' and by_path["/a"]["headers"]["authorization"] == "Token s", by_path


@case
@has_limit(120)
def a_kill_repeats_records_and_loses_none():
    with World() as world:
        world.make_topic("t", 2)
        world.sink(topics="t", batch__max__size=5)
        for round_ in range(3):
            world.produce("t", *(json.dumps(round_ * 300 + i) for i in range(300)))
            wait_until(lambda round_=round_: len(world.receiver.requests) > round_ * 30, world.task)
            world.files.kill()
            world.files.start()
        def sent():
            return {each for body in world.receiver.bodies() for each in json.loads(body)}
        wait_until(lambda: sent() == set(range(900)), lambda: (len(sent()), world.task()), seconds=60)


if __name__ == "__main__":
    run()
