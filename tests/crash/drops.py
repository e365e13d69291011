"""Crashes around DROP: after the next starts the dropped objects have left no trace."""
import os
import re
import shutil
import tempfile

import psycopg

from server import Server

_STATEMENTS = (
    "CREATE STREAM s (k VARCHAR KEY, v BIGINT) "
    "WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON', PARTITIONS = 2)",
    "CREATE TABLE t AS SELECT v, COUNT(*) AS n FROM s GROUP BY v EMIT CHANGES",
    "INSERT INTO s (k, v) VALUES " + ", ".join(f"('k{i}', {i % 7})" for i in range(200)),
    "DROP TABLE t DELETE TOPIC",
    "DROP STREAM s DELETE TOPIC",
)
_POINTS = ("before-log-commit", "before-acknowledgement")
_MAX_COMMITS = 60  # more than all of the statements take
_RECOVERED = re.compile(r"recovered (\d+) records, (\d+) queries, (\d+) table rows")
_REMOVED = ("a topic without a definition is removed", "state of a query without a definition")


class _Life:
    """One run of a server, from its start until it exits, with its log."""

    def __init__(self, binary, folder, crash_point=None):
        self._log = os.path.join(folder, "server.log")
        open(self._log, "w").close()
        self.server = Server(binary, os.path.join(folder, "data"), self._log, crash_point)
        self.is_ready = self.server.wait_until_ready()

    def text(self):
        with open(self._log, errors="replace") as log:
            return log.read()


def _names(connection):
    return {row[0].upper() for kind in ("STREAMS", "TABLES")
            for row in connection.execute(f"SHOW {kind}").fetchall()}


def _one(binary, folder, point):
    """Returns complaints; None if the crash point was not reached."""
    life = _Life(binary, folder, point)
    if life.is_ready:
        try:
            with life.server.connect() as connection:
                for statement in _STATEMENTS:
                    connection.execute(statement)
        except psycopg.OperationalError:
            pass
        was_reached = life.server.wait(0.2) is not None
        if not was_reached:
            life.server.kill()
            life.server.wait()
            return None
    # The first start after the crash finishes the interrupted work. Statements then drop what still exists.
    life = _Life(binary, folder)
    if not life.is_ready:
        return [f"{point}: the server does not start again"]
    with life.server.connect() as connection:
        there = _names(connection)
        if "T" in there:
            connection.execute("DROP TABLE t DELETE TOPIC")
        if "S" in there:
            connection.execute("DROP STREAM s DELETE TOPIC")
    if life.server.stop() != 0:
        return [f"{point}: not a clean stop"]
    # The second start finds nothing, not even something to remove.
    life = _Life(binary, folder)
    life.server.stop()
    text = life.text()
    recovered = _RECOVERED.search(text)
    complaints = [f"{point}: left over: {line}" for line in text.splitlines()
                  if any(removed in line for removed in _REMOVED)]
    if recovered and any(int(count) for count in recovered.groups()):
        complaints.append(f"{point}: {recovered.group()} after everything was dropped")
    return complaints


def complaints(binary, step=1):
    """Crashes at every `step`th passage of each point, until the statements end before the point
    is reached."""
    found = []
    for point in _POINTS:
        for number in range(1, _MAX_COMMITS, step):
            folder = tempfile.mkdtemp(prefix="millrace-drops-")
            try:
                one = _one(binary, folder, f"{point}:{number}")
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            if one is None:
                break
            found += one
    return found
