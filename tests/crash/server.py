"""A server process that can be killed, and connections to it."""
import atexit
import io
import os
import signal
import subprocess
import sys
import threading

import psycopg
import psycopg2

# Shares helpers with the client tests.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "clients"))
from millrace_server import binary  # noqa: E402,F401
from patience import patience  # noqa: E402

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30

# Settings that make rare states frequent: checkpoints follow each other quickly and need several
# transactions, and a COPY is divided into blocks at a small size.
_PACE = {"MILLRACE_CHECKPOINT_INTERVAL_MS": "200", "MILLRACE_CHECKPOINT_JOURNAL_BYTES": "65536",
         "MILLRACE_CHECKPOINT_CHUNK_KEYS": "40", "MILLRACE_COPY_ATOMIC_BYTES": "262144"}


class Reader:
    """A session for checks, which read all rows: psycopg2 fetches them in C. Debian's psycopg 3, which calls libpq
    for each row, took half of a round's time.
    """

    def __init__(self, port):
        self._connection = psycopg2.connect(host="127.0.0.1", port=port, user="crash", dbname="millrace")
        self._connection.autocommit = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._connection.close()

    def execute(self, statement):
        cursor = self._connection.cursor()
        cursor.execute(statement)
        return cursor

    def copy_out(self, query):
        """The output of COPY for the query, as text."""
        text = io.BytesIO()
        self._connection.cursor().copy_expert(f"COPY ({query}) TO STDOUT", text)
        return text.getvalue().decode()


class Server:
    """One life of the server on a data directory; its log is appended to `log_path`."""

    def __init__(self, binary, data_dir, log_path, crash_point=None, wrapper=(), kafka_port=0,
                 settings=(), http="off"):
        environment = {**os.environ, **_PACE}
        environment.pop("MILLRACE_CRASH_POINT", None)
        if crash_point:
            environment["MILLRACE_CRASH_POINT"] = crash_point
        self._log = open(log_path, "ab")
        self._process = subprocess.Popen(
            [*wrapper, binary, "server", "--data-dir", data_dir,
             "--pg", "127.0.0.1:0", "--kafka", f"127.0.0.1:{kafka_port}", "--http", http,
             *settings],
            stdout=subprocess.PIPE, stderr=self._log, env=environment)
        self.port = None
        self.kafka_port = None
        self.http_port = None  # where it listens
        atexit.register(self._process.kill)  # has no effect after the process was waited for

    def wait_until_ready(self):
        """Returns False if the server died before it was ready."""
        watchdog = threading.Timer(patience(START_TIMEOUT_S), self.kill)
        watchdog.start()
        is_ready = False
        for line in self._process.stdout:
            self._log.write(line)
            if line.startswith(b"pg listening on "):
                self.port = int(line.rsplit(b":", 1)[1])
            if line.startswith(b"kafka listening on "):
                self.kafka_port = int(line.rsplit(b":", 1)[1])
            if line.startswith(b"http listening on "):
                self.http_port = int(line.rsplit(b":", 1)[1])
            if line.strip() == b"ready":
                is_ready = True
                break
        watchdog.cancel()
        if not is_ready:
            self.wait()
        return is_ready

    def connect(self):
        return psycopg.connect(host="127.0.0.1", port=self.port, user="crash", dbname="millrace",
                               autocommit=True)

    def connect_to_read(self):
        return Reader(self.port)

    def wait(self, timeout_s=None):
        """The exit status; None if the server still runs after `timeout_s`."""
        try:
            status = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        self._process.stdout.close()
        self._log.close()
        atexit.unregister(self._process.kill)
        return status

    def kill(self):
        self._process.send_signal(signal.SIGKILL)

    def stop(self):
        """Sends SIGTERM; returns the exit status, or None if the server does not stop in time."""
        self._process.send_signal(signal.SIGTERM)
        return self.wait(patience(STOP_TIMEOUT_S))

    @property
    def pid(self):
        return self._process.pid
