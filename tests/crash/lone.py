"""Crashes while only one client writes, one row after the other: the page changes of its commits are then pending
(storage/kv/pending_changes.h). Each acknowledged row is stored once, and of the others at most the last one.
"""
import os
import random
import shutil
import tempfile
import threading
import time

import psycopg

from server import Server

_DEFINITIONS = ("CREATE STREAM lone_stream (id BIGINT, what VARCHAR)",
                "CREATE TABLE lone_table (id BIGINT PRIMARY KEY, what VARCHAR)")
_POINTS = ("after-commit-journal", "before-acknowledgement", None, None)
_MAX_LOAD_S = 3


class _Lives:
    """A data directory, and which rows a client knows to be there."""

    def __init__(self, binary, seed, disk):
        self._binary, self._disk = binary, disk
        self._chance = random.Random(f"{seed}/lone")
        self.folder = tempfile.mkdtemp(prefix="millrace-lone-")
        self._data_dir = os.path.join(self.folder, "data")
        self._acknowledged, self._sent = 0, 0

    def _start(self, point=None):
        wrapper = self._disk.wrapper(self._data_dir) if self._disk else ()
        server = Server(self._binary, self._data_dir, os.path.join(self.folder, "server.log"), point,
                        wrapper=wrapper)
        return server if server.wait_until_ready() else None

    def _end(self, server):
        server.wait()
        if self._disk:
            self._disk.cut(self._data_dir)

    def define(self):
        server = self._start()
        with server.connect() as connection:
            for definition in _DEFINITIONS:
                connection.execute(definition)
        server.kill()
        self._end(server)

    def write_until_killed(self, points):
        point = self._chance.choice(points)
        server = self._start(point and f"{point}:{self._chance.randint(20, 400)}")
        if server is None:  # it died at its start: that is a crash, too
            return
        killer = threading.Timer(_MAX_LOAD_S if point else self._chance.uniform(0.05, 1), server.kill)
        killer.start()
        is_slow, reads = self._chance.random() < 0.2, self._chance.random() < 0.3
        try:
            with server.connect() as connection:
                while True:
                    self._sent += 1
                    for name in ("lone_stream", "lone_table"):
                        connection.execute(f"INSERT INTO {name} VALUES (%s, 'something')", (self._sent,), prepare=True)
                    self._acknowledged = self._sent
                    if is_slow:
                        time.sleep(self._chance.uniform(0, 0.01))
                    if reads and self._chance.random() < 0.1:
                        connection.execute("SELECT what FROM lone_table WHERE id = %s", (self._sent,)).fetchall()
        except psycopg.OperationalError:
            pass
        killer.join()
        self._end(server)

    def check(self):
        server = self._start()
        if server is None:
            return ["the server does not start again"]
        found = []
        with server.connect() as connection:
            for name in ("lone_stream", "lone_table"):
                ids = sorted(row[0] for row in connection.execute(f"SELECT id FROM {name}").fetchall())
                known = {i for i in range(1, self._sent + 1) if i not in self._unacknowledged}
                missing = sorted(known - set(ids))
                if missing:
                    found.append(f"{name}: {len(missing)} acknowledged rows are missing: {missing[:5]} of {self._sent}")
                if len(ids) != len(set(ids)):
                    found.append(f"{name} has rows twice")
                if set(ids) - set(range(1, self._sent + 1)):
                    found.append(f"{name} has rows that nobody sent")
        server.kill()
        self._end(server)
        return found

    _unacknowledged = frozenset()

    def live(self, points):
        """A life that ends with a crash, and what is wrong after it."""
        self.write_until_killed(points)
        if self._sent > self._acknowledged:
            self._unacknowledged |= {self._sent}
        return self.check()


def complaints(binary, seed, lives, disk=None, points=()):
    """`disk`: as World has it. `points`: crash points beside those of the server."""
    rows = _Lives(binary, seed, disk)
    rows.define()
    for life in range(lives):
        found = rows.live(_POINTS + tuple(points))
        if found:
            return [f"life {life + 1} of {rows.folder}: {complaint}" for complaint in found]
    shutil.rmtree(rows.folder, ignore_errors=True)
    return []
