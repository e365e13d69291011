"""A PostgreSQL server of a test's own, on loopback and in a temporary directory."""
import os
import shutil
import subprocess
import tempfile

import psycopg

from cluster_nodes import free_port

PROGRAMS = os.environ.get("MILLRACE_POSTGRES_BIN", "/usr/lib/postgresql/15/bin")


class PostgresServer:
    def __init__(self, wal_level="logical", password=None):
        self.folder, self.port = tempfile.mkdtemp(prefix="millrace-postgres-"), free_port()
        # PostgreSQL does not run as root.
        self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        if self.user:
            shutil.chown(self.folder, "postgres")
        access = ["-A", "trust"]
        if password:
            with open(f"{self.folder}/password", "w", encoding="utf-8") as file:
                file.write(password)
            os.chmod(f"{self.folder}/password", 0o644)
            access = ["-A", "scram-sha-256", "--pwfile", f"{self.folder}/password"]
        self.password = password
        self._run("initdb", "-D", f"{self.folder}/data", "-U", "cdc", *access, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        self.options = (f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c wal_level={wal_level} -c fsync=off "
                        "-c max_replication_slots=4 -c max_wal_senders=8 -c wal_sender_timeout=5s")
        self.start()

    def _run(self, program, *arguments):
        subprocess.run([*self.user, f"{PROGRAMS}/{program}", *arguments], check=True, stdout=subprocess.DEVNULL, timeout=120, cwd=self.folder)

    def start(self):
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-l", f"{self.folder}/log", "-o", self.options, "start")

    def kill(self):
        """Ends the server as kill -9 does, without a last checkpoint."""
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "-w", "stop")

    def close(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self):
        return psycopg.connect(host="127.0.0.1", port=self.port, user="cdc", password=self.password, dbname="postgres", autocommit=True)

    def sql(self, *statements):
        """Returns the rows of the last statement."""
        with self.connect() as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []
