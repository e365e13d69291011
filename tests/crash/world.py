"""A data directory, the lives of servers on it, and checks of everything in between."""
import os
import random
import shutil
import tempfile
import time

import psycopg

import check
import cleanup_load
import kafka_load
import power
from cleanup_load import CleanupLoad
from kafka_load import KafkaLoad
from ledger import Ledger
from load import Load
from schema_load import SchemaLoad
from server import Server
from transaction_load import TransactionLoad

# The server's crash points, and for each the highest number of times that the server may pass it before it crashes
# there, which takes about two seconds.
CRASH_POINTS = {"before-log-commit": 400, "after-commit-journal": 400, "before-acknowledgement": 400,
                "between-checkpoint-chunks": 60, "before-journal-trim": 12}
_POINTS_OF_DEFINING = ("before-log-commit", "after-commit-journal", "before-acknowledgement")
_MAX_COMMITS_OF_SCHEMA = 75  # about the number of commits of the first start and its statements
_MAX_LOAD_S = 8  # the load ends after this time if the crash point is not reached


def _settings(chance):
    """Settings that differ at each start: definitions must not depend on them. `compat` is not among them: as ksqlDB
    the server refuses SELECTs of ROWPARTITION and ROWOFFSET, by which the checks identify rows."""
    chosen = {"shards": chance.randint(1, 4), "num-partitions": chance.randint(1, 6),
              "statement-threads": chance.randint(1, 3),
              "memory-limit": chance.choice(("256MB", "1GB", "4GB")),
              "state-memory": chance.choice(("0MB", "1MB", "1GB")),
              "checkpoint-interval-ms": chance.choice((20, 200, 2000)),
              "checkpoint-journal-bytes": chance.choice((1 << 14, 1 << 16, 1 << 20)),
              "checkpoint-chunk-keys": chance.choice((40, 400, 5000)), **cleanup_load.SETTINGS}
    return [word for name, value in chosen.items() for word in (f"--{name}", str(value))]


class World:
    """A data directory, the lives of servers on it, and the knowledge of their clients.

    `disk`: the power.Disk of the directory, if the power is cut whenever a server has ended (power.py).
    """

    def __init__(self, binary, seed, disk=None):
        self.folder = tempfile.mkdtemp(prefix="millrace-crash-")
        self.ledger = Ledger()
        self.kills = self.stops = 0
        self._binary = binary
        self._checker = check.Checker(self.ledger)
        self._chance = random.Random(f"{seed}/moments")
        self._seed = seed
        self._loads = 0
        self._log_path = os.path.join(self.folder, "server.log")
        self._doubles = 0  # records of plain producers that are stored more than once, by the newest check
        self._data_dir = os.path.join(self.folder, "data")
        self._disk = disk
        self._server = None  # the newest server
        self._leftovers = check.LeftoversCheck(self._data_dir)
        self._kafka_port = 0  # 0: any; all later servers listen on the port of the first
        self._http_port = 0  # likewise
        self._kafka = self._cleanup = self._transactions = self._schemas = None

    def start(self, crash_point=None):
        self._server = Server(self._binary, self._data_dir, self._log_path, crash_point,
                              wrapper=self._disk.wrapper(self._data_dir) if self._disk else (),
                              kafka_port=self._kafka_port, settings=_settings(self._chance),
                              http=f"127.0.0.1:{self._http_port}")
        return self._server

    def kill_server(self):
        """Kills the server in the middle of its work; callers that wait for it get an error."""
        if self._server:
            self._server.kill()

    def _kill(self, server):
        server.kill()
        server.wait()
        self._note_kill()

    def _note_kill(self):
        """Called when a server has died without a clean stop."""
        self.kills += 1
        self._cut_power()

    def _cut_power(self):
        if self._disk:
            self._disk.cut(self._data_dir)

    def start_until_ready(self):
        """Returns a ready server; sometimes others are killed first while they start."""
        while self._chance.random() < 0.25:
            server = self.start()
            time.sleep(self._chance.random() * 0.15)
            self._kill(server)
        return self.start_now()

    def start_now(self):
        server = self.start()
        if not server.wait_until_ready():
            raise AssertionError(self._refusal())
        return server

    def _refusal(self):
        with open(self._log_path, errors="replace") as log:
            said = log.read().splitlines()[-2:]
        return f"the server does not start again: {' | '.join(said)}"

    def load(self, server):
        """Starts the clients; the schema exists already."""
        self._loads += 1
        if not kafka_load.reason_to_skip():
            if not self._kafka:
                self._kafka_port, self._http_port = server.kafka_port, server.http_port
                address = f"127.0.0.1:{server.kafka_port}"
                try:
                    cleanup_load.configure(address)
                except OSError:  # the server is dead already; the next server will be configured
                    return Load(server, self.ledger, f"{self._seed}/{self._loads}")
                self._kafka = KafkaLoad(address, self._seed)
                self._cleanup = CleanupLoad(address, self._seed)
                self._transactions = TransactionLoad(address, self._seed)
                self._schemas = SchemaLoad(f"127.0.0.1:{server.http_port}", address, self._seed)
            for load in self._producers():
                load.resume()
        return Load(server, self.ledger, f"{self._seed}/{self._loads}")

    def kill_while_defining(self):
        """Kills servers during their first start and their first statements."""
        complaints, defined = [], 0
        for point in _POINTS_OF_DEFINING + (power.POINTS_OF_DEFINING if self._disk else ()):
            server = self.start(f"{point}:{self._chance.randint(1, _MAX_COMMITS_OF_SCHEMA)}")
            if server.wait_until_ready():
                try:
                    with server.connect() as connection:
                        there = check.sources(connection)
                        complaints += [f"{name} was created and is gone"
                                       for name in check.SOURCES[:defined] if name not in there]
                        for number, statement in enumerate(check.SCHEMA, 1):
                            connection.execute(statement)
                            defined = max(defined, number)
                except psycopg.OperationalError:
                    pass
                server.kill()
            server.wait()
            self._note_kill()
        return complaints

    def kill_under_load(self, crash_point):
        """Returns complaints of the clients."""
        server = self.start(crash_point)
        if not server.wait_until_ready():
            if not crash_point:
                raise AssertionError(self._refusal())
            self._note_kill()
            return []
        load = None
        try:
            with server.connect() as connection:
                check.define(connection)
            load = self.load(server)
        except psycopg.OperationalError:
            if not crash_point:
                raise
        problems = []
        if server.wait(_MAX_LOAD_S if crash_point else 0.1 + self._chance.random() * 2) is None:
            if load and load.is_cut_off():
                problems.append("a client lost its connection while the server was up")
            server.kill()
            server.wait()
        self._note_kill()
        if load:
            load.stop()
            problems += load.problems
        return problems

    def check(self, is_stopped=False):
        """Starts a server, compares everything, and kills it while it is idle.

        `is_stopped`: the last server ended by itself, so that no client had to repeat a request.
        """
        server = self.start_now() if is_stopped else self.start_until_ready()
        with server.connect_to_read() as connection:
            check.define(connection)
            self._ask_producers_to_pause()  # otherwise the check would have to wait for their new records, too
            complaints = self._checker.check(connection)
            if self._kafka:
                complaints += self._check_producers(connection, is_stopped)
            complaints += self._leftovers.check(connection)
        self._kill(server)
        return complaints + self._errors_in_log()

    def _producers(self):
        """The loads that continue when a server has ended; empty before the first load."""
        return (self._kafka, self._cleanup, self._transactions, self._schemas) if self._kafka else ()

    def _ask_producers_to_pause(self):
        for load in self._producers():
            load.ask_to_pause()

    def _check_producers(self, connection, is_stopped):
        for load in self._producers():
            load.pause()
        rows = check.read_produced(connection)
        complaints, doubles = self._kafka.complaints(rows), self._kafka.doubles(rows)
        if is_stopped and doubles > self._doubles:
            complaints.append(f"{doubles - self._doubles} records were stored and not answered "
                              "before a clean stop")
        self._doubles = doubles
        for load in (self._cleanup, self._transactions, self._schemas):
            complaints += load.complaints(connection)
        return complaints

    def stop_under_load(self):
        """A clean stop while clients write: each stored row was acknowledged and still exists."""
        server = self.start_until_ready()
        with server.connect() as connection:
            check.define(connection)
        load = self.load(server)
        time.sleep(0.3 + self._chance.random() * 2)
        status = server.stop()
        load.stop()
        self.stops += 1
        self._cut_power()
        problems = [] if status == 0 else [f"SIGTERM under load: exit status {status}"]
        return problems + load.problems + self.check(is_stopped=True)

    def stop_when_idle(self):
        """A clean stop of an idle server has no visible effect."""
        seen = []
        for _ in range(2):
            server = self.start_until_ready()
            with server.connect_to_read() as connection:
                seen.append(check.snapshot(connection))
            status = server.stop()
            self._cut_power()
            if status != 0:
                return [f"SIGTERM: exit status {status}"]
        return [f"{what} differ after a clean stop" for what in seen[0]
                if seen[0][what] != seen[1][what]] + self._errors_in_log()

    def _errors_in_log(self):
        with open(self._log_path, errors="replace") as log:
            return [f"the server's log says: {line.strip()}"
                    for line in log if check.is_alarming(line)]

    def record_count(self):
        kafka = (self._kafka, self._transactions, self._schemas) if self._kafka else ()
        return self.ledger.stored_rows() + sum(load.record_count() for load in kafka)

    def end(self):
        for load in self._producers():
            load.end()

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)
