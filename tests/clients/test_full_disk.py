#!/usr/bin/python3
"""A full disk: the error of a start or of a write names the disk and the remedy."""
import contextlib
import os
import re
import struct
import subprocess
import tempfile
import urllib.error
import urllib.request

import psycopg

from kafka_wire import Connection, array, string
from millrace_server import Skipped, binary, case, launch, run, wait_until


class Disk:
    """A disk of a few megabytes, if the user has the right to mount one."""

    def __init__(self, size):
        self.folder = tempfile.mkdtemp(prefix="millrace-full-")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.folder], capture_output=True)
        if done.returncode != 0:
            os.rmdir(self.folder)
            raise Skipped("no disk can be mounted here")

    def __enter__(self):
        return self.folder

    def __exit__(self, *_):
        subprocess.run(["umount", self.folder], check=True)
        os.rmdir(self.folder)


@case
def a_server_does_not_start_on_it():
    with Disk("1m") as folder:
        done = subprocess.run([binary(), "server", "--data-dir", f"{folder}/data", "--pg", "127.0.0.1:0", "--kafka", "127.0.0.1:0",
                               "--http", "127.0.0.1:0"], capture_output=True, text=True, timeout=60)
        said = done.stdout + done.stderr
        assert done.returncode != 0, said
        assert f"error: cannot write to {folder}/data/log.mdb: no space left on device (" in said, said
        assert "hint: free some space or choose another --data-dir; nothing was changed" in said, said


@case
def writing_is_refused_until_there_is_space_again():
    with Disk("90m") as folder:
        server = launch(data_dir=f"{folder}/data")
        try:
            with psycopg.connect(host=server.host, port=server.port, user="millrace", dbname="millrace", autocommit=True) as c:
                c.execute("CREATE TABLE kept (id INT PRIMARY KEY, text VARCHAR)")
                c.execute("INSERT INTO kept VALUES (0, 'before')")
                filler = f"{folder}/filler"
                subprocess.run(["sh", "-c", f"head -c 200m /dev/zero > {filler} 2>/dev/null"], check=False)
                error = None
                for number in range(1, 2000):
                    try:
                        c.execute("INSERT INTO kept VALUES (%s, %s)", (number, "x" * 100_000))
                    except psycopg.Error as refused:
                        error = refused
                        break
                assert error is not None and error.sqlstate == "53100", error
                assert error.diag.message_primary == "the disk is full", error
                assert error.diag.message_hint.startswith("Free space on the disk that holds the data directory"), error
                assert c.execute("SELECT text FROM kept WHERE id = 0").fetchone() == ("before",)
        finally:
            server.stop()


_OFFSET_COMMIT, _INIT_PRODUCER_ID = 8, 22
_KAFKA_STORAGE_ERROR = 56


def _commit_offset(connection):
    """Returns the error of an OffsetCommit 2 for a group without members."""
    partition = struct.pack(">iq", 0, 1) + string("")
    body = string("g") + struct.pack(">i", -1) + string("") + struct.pack(">q", -1)
    answer = connection.ask(_OFFSET_COMMIT, 2, body + array([string("kept") + array([partition])]))
    return struct.unpack_from(">h", answer, len(answer) - 2)[0]


def _init_producer(connection):
    """Returns the error of an InitProducerId 0 of a transactional producer."""
    answer = connection.ask(_INIT_PRODUCER_ID, 0, string("t") + struct.pack(">i", 60_000))
    return struct.unpack_from(">h", answer, 4)[0]


def _ready(server):
    with contextlib.suppress(urllib.error.HTTPError):
        with urllib.request.urlopen(f"http://{server.http}/readyz", timeout=10) as answer:
            return answer.status == 200
    return False


def _appends_refused(server):
    with urllib.request.urlopen(f"http://{server.http}/metrics", timeout=10) as answer:
        return int(re.search(r"^millrace_log_appends_refused (\d)", answer.read().decode(), re.MULTILINE)[1])


@case
def it_is_noticed_without_a_writer_and_named_to_kafka_clients():
    with Disk("300m") as folder:
        server = launch(data_dir=f"{folder}/data")
        try:
            connection = Connection(server.kafka)
            with psycopg.connect(host=server.host, port=server.port, user="millrace", dbname="millrace", autocommit=True) as c:
                c.execute("CREATE STREAM kept (v INT) WITH (kafka_topic='kept', value_format='json', partitions=1)")
                # The coordinators' topics exist before the disk is full.
                wait_until(lambda: _commit_offset(connection) == 0)
                wait_until(lambda: _init_producer(connection) == 0)
                assert _ready(server) and _appends_refused(server) == 0
                filler = f"{folder}/filler"
                subprocess.run(["sh", "-c", f"head -c 1000m /dev/zero > {filler} 2>/dev/null"], check=False)
                wait_until(lambda: not _ready(server))
                assert _appends_refused(server) == 1
                assert _commit_offset(connection) == _KAFKA_STORAGE_ERROR
                assert _init_producer(connection) == _KAFKA_STORAGE_ERROR
                os.remove(filler)
                wait_until(lambda: _ready(server))
                wait_until(lambda: _commit_offset(connection) == 0)
                wait_until(lambda: _init_producer(connection) == 0)
                c.execute("INSERT INTO kept VALUES (1)")
        finally:
            server.stop()


run()
