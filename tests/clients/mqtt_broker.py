"""A mosquitto broker of a test's own, on loopback and in a temporary directory."""
import os
import shutil
import socket
import subprocess
import tempfile
import threading

from cluster_nodes import eventually, free_port

PROGRAM = shutil.which("mosquitto") or "/usr/sbin/mosquitto"


def obstacle():
    """The reason why no broker can be started, or None."""
    for program in ("mosquitto", "mosquitto_pub", "mosquitto_sub"):
        if not shutil.which(program) and not os.path.exists(f"/usr/sbin/{program}"):
            return f"{program} is not installed"
    return None


class MqttBroker:
    """`user` is a pair of name and password, without which the broker refuses clients. With `tls` the broker has a certificate for localhost, and `authority` is the PEM text of its issuer. `settings` are further lines of the configuration.
    The broker stores each change of a session, so that the sessions outlive kill()."""

    def __init__(self, user=None, tls=False, settings=()):
        self.folder, self.port, self.user = tempfile.mkdtemp(prefix="millrace-mqtt-"), free_port(), user
        os.chmod(self.folder, 0o755)
        lines = [f"listener {self.port} 127.0.0.1", "user root", "persistence true", f"persistence_location {self.folder}/",
                 "autosave_on_changes true", "autosave_interval 1", "max_queued_messages 0", *settings]
        if user:
            subprocess.run(["mosquitto_passwd", "-b", "-c", self._path("users"), *user], check=True, timeout=60, stderr=subprocess.DEVNULL)
            lines.append(f"password_file {self._path('users')}")
        lines.append(f"allow_anonymous {'false' if user else 'true'}")
        self.authority = self._make_certificates() if tls else None
        if tls:
            lines += [f"certfile {self._path('broker.pem')}", f"keyfile {self._path('broker.key')}"]
        self._write("mosquitto.conf", "\n".join(lines) + "\n")
        self.uri = f"{'ssl://localhost' if tls else 'tcp://127.0.0.1'}:{self.port}"
        self.start()

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _write(self, name, text):
        with open(self._path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def _make_certificates(self):
        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], check=True, timeout=60, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test authority")
        openssl("req", *key, "-keyout", "broker.key", "-out", "broker.csr", "-subj", "/CN=localhost")
        self._write("names", "subjectAltName=DNS:localhost\n")
        openssl("x509", "-req", "-in", "broker.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names",
                "-out", "broker.pem")
        with open(self._path("ca.pem"), encoding="utf-8") as file:
            return file.read()

    def _is_open(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def start(self):
        with open(self._path("log"), "ab") as log:
            self.process = subprocess.Popen([PROGRAM, "-c", self._path("mosquitto.conf")], stdout=log, stderr=log)
        eventually(self._is_open)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _client(self, program, *options):
        access = ["-u", self.user[0], "-P", self.user[1]] if self.user else []
        tls = ["--cafile", self._path("ca.pem")] if self.authority else []
        host = "localhost" if self.authority else "127.0.0.1"
        return [program, "-h", host, "-p", str(self.port), *access, *tls, *options]

    def publish(self, topic, payload, *options):
        subprocess.run(self._client("mosquitto_pub", "-q", "1", "-t", topic, "-m", payload, *options), check=True, timeout=60)

    def publish_lines(self, topic, lines, *options):
        """Publishes each line as a message with QoS 1, and returns when the broker has acknowledged all of them."""
        subprocess.run(self._client("mosquitto_pub", "-q", "1", "-t", topic, "-l", *options), input="".join(f"{line}\n" for line in lines),
                       text=True, check=True, timeout=120)

    def subscribe(self, topic, *options):
        """Starts a subscriber, which prints each message as `topic payload`, and returns it when it is subscribed."""
        reader = MqttSubscriber(self._client("mosquitto_sub", "-v", "-q", "1", "-t", topic, "-d", *options))
        eventually(reader.is_subscribed)
        return reader


class OldProtocol:
    """A proxy before a broker. It refuses MQTT 5, as a broker that only knows MQTT 3.1.1 does."""

    def __init__(self, broker):
        self.broker = broker
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.uri = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:  # close()
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        connect = client.recv(4096)
        if connect[connect.index(b"MQTT") + 4] != 4:
            client.sendall(b"\x20\x02\x00\x01")  # CONNACK: unacceptable protocol version
            client.close()
            return
        server = socket.create_connection(("127.0.0.1", self.broker.port))
        server.sendall(connect)
        threading.Thread(target=self._copy, args=(server, client), daemon=True).start()
        self._copy(client, server)

    @staticmethod
    def _copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()


class MqttSubscriber:
    """The lines that mosquitto_sub prints. `messages` are pairs of topic and payload, for topics that begin with a letter of `plant`."""

    def __init__(self, command):
        self.file = tempfile.NamedTemporaryFile(prefix="millrace-mqtt-sub-")
        self.process = subprocess.Popen(["stdbuf", "-oL", *command], stdout=self.file, stderr=subprocess.STDOUT)

    def _lines(self):
        with open(self.file.name, encoding="utf-8") as file:
            return file.read().splitlines()

    def is_subscribed(self):
        return any(line.startswith("Subscribed (") for line in self._lines())

    def messages(self):
        return [tuple(line.split(" ", 1)) for line in self._lines() if not line.startswith(("Client ", "Subscribed ("))]

    def close(self):
        self.process.kill()
        self.process.wait()
