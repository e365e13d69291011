#!/usr/bin/python3
"""SASL OAUTHBEARER: Kafka clients log in with tokens of an issuer, whose keys the server fetches over HTTP."""
import atexit
import base64
import http.server
import json
import os
import shutil
import struct
import subprocess
import tempfile
import threading
import time
import urllib.request

import psycopg

import kafka_wire
from cluster_nodes import free_port
from millrace_server import Skipped, case, launch, run, wait_until
from patience import patience

try:
    import confluent_kafka
    from confluent_kafka.admin import AdminClient, NewTopic
except ImportError:
    confluent_kafka = None

FOLDER = tempfile.mkdtemp(prefix="millrace-oauth-")
SECRET = "geheim-4711"
ISSUER = "https://issuer.example.org"
SASL_HANDSHAKE, SASL_AUTHENTICATE = 17, 36
AUTHENTICATION_FAILED = 58


def path(name):
    return os.path.join(FOLDER, name)


def write(name, text):
    with open(path(name), "w", encoding="utf-8") as file:
        file.write(text)
    return path(name)


def openssl(*arguments, text=None):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, input=text).stdout


def base64url(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Key:
    """A key pair of the issuer."""

    def __init__(self, kid):
        self.kid = kid
        self.file = path(kid + ".pem")
        openssl("genrsa", "-out", self.file, "2048")

    def public(self):
        modulus = openssl("rsa", "-in", self.file, "-noout", "-modulus").decode().strip().split("=")[1]
        return {"kty": "RSA", "use": "sig", "kid": self.kid, "n": base64url(bytes.fromhex(modulus)), "e": "AQAB"}

    def token(self, user, lives_s=600, now_s=None, **claims):
        now_s = time.time() if now_s is None else now_s
        claims = {"iss": ISSUER, "aud": "kafka", "sub": user, "iat": int(now_s), "exp": int(now_s + lives_s), **claims}
        text = ".".join(base64url(json.dumps(part).encode())
                        for part in ({"alg": "RS256", "typ": "JWT", "kid": self.kid}, claims))
        return text + "." + base64url(openssl("dgst", "-sha256", "-sign", self.file, text=text.encode()))


class Issuer:
    """Serves the public keys. It does not answer before start() and after stop()."""

    def __init__(self, *keys):
        self.keys = list(keys)
        self.port = free_port()
        self.requests = 0
        self.server = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/keys"

    def start(self):
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.requests += 1
                answer = json.dumps({"keys": [key.public() for key in issuer.keys]}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def start(issuer, *flags, **how):
    """A server whose Kafka clients log in with tokens, and its user ann with a topic."""
    server = launch("--access-file", write("rules", "host kafka all all oauth\nhost all all all scram-sha-256\n"),
                    "--superuser-password-file", write("password", SECRET + "\n"),
                    "--sasl-oauthbearer-jwks-endpoint-url", issuer.url if issuer else "file://" + path("keys.json"),
                    "--sasl-oauthbearer-expected-audience", "kafka", "--sasl-oauthbearer-expected-issuer", ISSUER,
                    "--sasl-oauthbearer-clock-skew-seconds", "0", *flags, keeps_log=True, **how)
    with connect(server) as session:
        session.execute("CREATE USER ann")
        session.execute("GRANT SELECT, INSERT, CREATE ON ALL TO ann")
    return server


def connect(server):
    return psycopg.connect(host="127.0.0.1", port=server.port, user="millrace", password=SECRET, dbname="shop",
                           autocommit=True)


def advance_clock(server, by_ms):
    """Moves the clock of a server with --test-clock true forward, as the superuser. Returns its time in ms."""
    credentials = base64.b64encode(f"millrace:{SECRET}".encode()).decode()
    request = urllib.request.Request(f"http://{server.http}/test-clock?advance_ms={by_ms}", method="POST",
                                     headers={"Authorization": f"Basic {credentials}"})
    with urllib.request.urlopen(request, timeout=patience(10)) as answer:
        return json.load(answer)["wall_ms"]


def log_of(server):
    with open(server.log, encoding="utf-8") as log:
        return log.read()


KEY = Key("key-1")
KEYS = Issuer(KEY).start()
SERVER = start(KEYS)


@atexit.register
def leave_nothing():
    SERVER.stop()
    shutil.rmtree(FOLDER, ignore_errors=True)


class Client:
    """A client of confluent-kafka, with its tokens and the errors that it reports."""

    def __init__(self, kind, token, server=None, lifetime_s=60, **settings):
        if confluent_kafka is None:
            raise Skipped("confluent-kafka is not installed")
        self.errors = []
        self.tokens = 0
        self.token = token  # a function that returns a token
        # the lifetime that the client assumes; it is long, so that expired tokens reach the server
        self.lifetime_s = lifetime_s
        self.client = kind({"bootstrap.servers": (server or SERVER).kafka, "security.protocol": "SASL_PLAINTEXT",
                            "sasl.mechanisms": "OAUTHBEARER", "oauth_cb": self.give_token,
                            "error_cb": lambda error: self.errors.append(error.str()),
                            "log_level": 0, "reconnect.backoff.max.ms": 200, **settings})

    def give_token(self, _):
        self.tokens += 1
        return self.token(), time.time() + self.lifetime_s

    def await_error(self, text):
        def has_error():
            self.client.poll(0.1)
            return any(text in error for error in self.errors)
        wait_until(has_error, lambda: f"no error with {text}: {self.errors}")


def produce(client, topic, values):
    results = []
    for value in values:
        client.client.produce(topic, value, on_delivery=lambda error, _: results.append(error))
    wait_until(lambda: client.client.poll(0.1) is not None and len(results) == len(values),
               lambda: f"{results}, {client.errors}")
    assert results == [None] * len(values), results


def consume(client, topic, count):
    client.client.subscribe([topic])
    values = []

    def read():
        message = client.client.poll(0.2)
        if message is not None and not message.error():
            values.append(message.value().decode())
        return len(values) >= count
    wait_until(read, lambda: f"{values}, {client.errors}", seconds=40)
    client.client.close()
    return values


def refused(token, why, server=None):
    client = Client(confluent_kafka and confluent_kafka.Producer, lambda: token, server)
    client.await_error(why)


@case
def clients_produce_and_consume_with_tokens():
    writer = Client(confluent_kafka and confluent_kafka.Producer, lambda: KEY.token("ann"))
    produce(writer, "orders", ["a", "b", "c"])
    reader = Client(confluent_kafka.Consumer, lambda: KEY.token("ann"), **{"group.id": "billing",
                                                                          "auto.offset.reset": "earliest"})
    # Records without a key are in several partitions, so their order is not defined.
    assert sorted(consume(reader, "orders", 3)) == ["a", "b", "c"]


@case
def the_rights_are_those_of_the_user():
    with connect(SERVER) as session:
        session.execute("CREATE USER guest")
    guest = Client(confluent_kafka and AdminClient, lambda: KEY.token("guest"))
    future = guest.client.create_topics([NewTopic("forbidden", 1, 1)])["forbidden"]
    wait_until(lambda: guest.client.poll(0.1) is not None and future.done(), lambda: f"{guest.errors}")
    assert "AUTHORIZATION_FAILED" in str(future.exception()), future.exception()


@case
def wrong_tokens_are_refused_with_the_reason():
    refused(KEY.token("ann", aud="web"), "the audience of the token (aud) does not contain")
    refused(KEY.token("ann", iss="https://other"), "the issuer of the token (iss) is not")
    refused(KEY.token("ann", lives_s=-5), "the token expired")
    refused(KEY.token("ann", nbf=int(time.time() + 1000)), "(nbf)")
    refused(KEY.token("stranger"), 'role "stranger" does not exist')
    forged = KEY.token("ann").split(".")
    refused(".".join((forged[0], KEY.token("millrace").split(".")[1], forged[2])), "signature of the token is wrong")
    none = base64url(json.dumps({"alg": "none"}).encode())
    refused(".".join((none, forged[1], forged[2])), "algorithm of the token (alg) is not one of")
    log = log_of(SERVER)
    for word in ("the token expired", "does not contain"):
        wait_until(lambda: word in log_of(SERVER), "the log has no line about a refused token")
    for part in (*forged[1:], "eyJ"):
        assert part not in log, "the log contains a token"


class Wire(kafka_wire.Connection):
    """A connection that logs in, and logs in again."""

    def log_in(self, token):
        """Returns (error code, error message, bytes, lifetime in ms)."""
        answer = self.ask(SASL_HANDSHAKE, 1, kafka_wire.string("OAUTHBEARER"))
        assert struct.unpack_from(">h", answer)[0] == 0, answer
        return self.authenticate(b"n,,\x01auth=Bearer " + token.encode() + b"\x01\x01")

    def authenticate(self, message):
        answer = self.ask(SASL_AUTHENTICATE, 1, kafka_wire.data(message))
        code, size = struct.unpack_from(">hh", answer)
        text = answer[4:4 + max(size, 0)].decode()
        rest = answer[4 + max(size, 0):]
        size = struct.unpack_from(">i", rest)[0]
        return code, text, rest[4:4 + size], struct.unpack_from(">q", rest, 4 + size)[0]


@case
def a_refused_token_is_answered_in_two_steps():
    with Wire(SERVER.kafka) as wire:
        assert wire.log_in(KEY.token("ann", aud="web")) == (0, "", b'{"status":"invalid_token"}', 0)
        code, text, _, _ = wire.authenticate(b"\x01")
        assert code == AUTHENTICATION_FAILED and "(aud)" in text, (code, text)
        assert wire.is_ended()


@case
def raw_tokens_follow_the_oldest_handshake():
    def log_in(wire, token):
        assert wire.ask(SASL_HANDSHAKE, 0, kafka_wire.string("OAUTHBEARER"))[:2] == b"\0\0"
        wire.socket.sendall(kafka_wire.data(b"n,,\x01auth=Bearer " + token.encode() + b"\x01\x01"))
    with Wire(SERVER.kafka) as wire:
        log_in(wire, KEY.token("ann"))
        assert wire._exactly(4) == b"\0\0\0\0"
        wire.ask(kafka_wire.METADATA, 1, kafka_wire.array([]))
    with Wire(SERVER.kafka) as wire:
        log_in(wire, KEY.token("ann", aud="web"))
        refusal = b'{"status":"invalid_token"}'
        assert wire._exactly(4 + len(refusal)) == kafka_wire.data(refusal)
        wire.socket.sendall(kafka_wire.data(b"\x01"))
        assert wire.is_ended()


@case
def a_connection_lives_as_long_as_its_tokens():
    server = start(KEYS, "--test-clock", "true")
    now_s = advance_clock(server, 0) / 1000
    with Wire(server.kafka) as wire:
        code, _, _, lifetime_ms = wire.log_in(KEY.token("ann", 60, now_s))
        assert code == 0 and 50_000 < lifetime_ms <= 60_000, (code, lifetime_ms)
        wire.create_topic("long")
        # The client renews its login twice on the same connection, and continues to work.
        for _ in range(2):
            now_s = advance_clock(server, 45_000) / 1000
            code, text, _, lifetime_ms = wire.log_in(KEY.token("ann", 60, now_s))
            assert code == 0 and 50_000 < lifetime_ms <= 60_000, (code, text, lifetime_ms)
            assert wire.produce("long", kafka_wire.batch_of(b"x").encode())[0] == 0
        advance_clock(server, 61_000)
        wire.send(kafka_wire.METADATA, 1, kafka_wire.array([]))
        assert wire.is_ended(), "the token has expired"
    wait_until(lambda: "session of user 'ann' has expired" in log_of(server), "the log has no line about the expiry")
    server.stop()


@case
def a_client_goes_on_with_new_tokens():
    """librdkafka renews its login from version 2.2 on; older versions open a new connection."""
    client = Client(confluent_kafka and confluent_kafka.Producer, lambda: KEY.token("ann", lives_s=4), lifetime_s=4)

    def goes_on():
        produce(client, "renewed", ["x"])
        return client.tokens >= 4
    wait_until(goes_on, lambda: f"{client.tokens} tokens", seconds=60)


@case
def a_new_key_of_the_issuer_is_fetched():
    key, issuer = Key("old"), Issuer()
    issuer.keys = [key]
    server = start(issuer.start())
    with Wire(server.kafka) as wire:
        assert wire.log_in(key.token("ann"))[0] == 0
    new = Key("new")
    issuer.keys = [new]
    before = issuer.requests
    with Wire(server.kafka, timeout_s=60) as wire:
        code, text, left, _ = wire.log_in(new.token("ann"))
        assert (code, left) == (0, b""), (code, text, left)
    assert issuer.requests == before + 1
    # The server continues with the last keys while the issuer does not answer.
    issuer.stop()
    with Wire(server.kafka) as wire:
        assert wire.log_in(new.token("ann"))[0] == 0
    server.stop()


@case
def the_server_starts_before_the_issuer():
    key = Key("late")
    issuer = Issuer(key)
    server = start(issuer)
    with Wire(server.kafka, timeout_s=60) as wire:
        _, _, left, _ = wire.log_in(key.token("ann"))
        assert left == b'{"status":"invalid_token"}', left
        _, text, _, _ = wire.authenticate(b"\x01")
        assert "try again later" in text, text
    issuer.start()

    def is_admitted():
        with Wire(server.kafka, timeout_s=60) as wire:
            return wire.log_in(key.token("ann"))[2] == b""
    wait_until(is_admitted, "the token stays refused", seconds=40)
    log = log_of(server)
    assert "keys of tokens cannot be read" in log and "keys of tokens were read" in log, log
    issuer.stop()
    server.stop()


@case
def keys_come_from_a_file_that_is_read_again_on_sighup():
    key, new = Key("file-1"), Key("file-2")
    write("keys.json", json.dumps({"keys": [key.public()]}))
    server = start(None)
    with Wire(server.kafka) as wire:
        assert wire.log_in(key.token("ann"))[2] == b""
    write("keys.json", json.dumps({"keys": [new.public()]}))
    os.kill(server.pid, 1)
    wait_until(lambda: 'ids="file-2"' in log_of(server), "the file was not read again")
    with Wire(server.kafka) as wire:
        assert wire.log_in(new.token("ann"))[2] == b""
    server.stop()


run()
