"""Kafka Connect's file source and file sink, standalone and distributed, and killed; and workers that statements of SQL manage, with
Debezium for PostgreSQL among their connectors.

MILLRACE_KAFKA_JARS: folders, each with connect-runtime and connect-file of one release and all that they need, and for Debezium also
debezium-connector-postgres. Its case needs PostgreSQL's programs in MILLRACE_POSTGRES_BIN (/usr/lib/postgresql/15/bin).
"""
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import psycopg

from millrace_server import Skipped, case, launch, run, wait_until

PATIENCE_S = 120
SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"


def releases():
    folders = [os.path.abspath(folder) for folder in os.environ.get("MILLRACE_KAFKA_JARS", "").split(":") if folder]
    found = [folder for folder in folders if glob.glob(f"{folder}/connect-file-*.jar")]
    if not found or not shutil.which("java"):
        raise Skipped("MILLRACE_KAFKA_JARS names no folder with connect-file, or there is no java")
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class World:
    """A server, a folder for the files, and the worker that was started last."""

    def __init__(self, jars):
        self.jars, self.rest = jars, f"127.0.0.1:{free_port()}"
        self.server = launch("--group-initial-rebalance-delay-ms", "0", "--connect-url", f"http://{self.rest}")
        self.version = re.search(r"connect-file-([\d.]+)\.jar", glob.glob(f"{jars}/connect-file-*.jar")[0])[1]
        self.folder = tempfile.mkdtemp(prefix="millrace-connect-")
        # The plugin path of the worker is a folder with only the connectors' classes. Without it, the worker would
        # search the whole class path for plugins.
        os.mkdir(self.path("plugins"))
        shutil.copy(glob.glob(f"{jars}/connect-file-*.jar")[0], self.path("plugins"))
        self.worker = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def properties(self, file_name, **settings):
        with open(self.path(file_name), "w") as out:
            out.writelines(f"{key.replace('__', '-').replace('_', '.')}={value}\n" for key, value in settings.items())
        return self.path(file_name)

    def worker_properties(self, **more):
        converter = "org.apache.kafka.connect.storage.StringConverter"
        return self.properties("worker.properties", bootstrap_servers=self.server.kafka, key_converter=converter,
                               value_converter=converter, offset_flush_interval_ms=500,
                               plugin_path=self.path("plugins"), listeners=f"http://{self.rest}", **more)

    def start(self, mode, *arguments):
        log = open(self.path("log"), "a")
        self.worker = subprocess.Popen(
            ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", f"{self.jars}/*",
             f"org.apache.kafka.connect.cli.Connect{mode}", *arguments], stdout=log, stderr=log)

    def start_distributed(self, **more):
        self.start("Distributed", self.worker_properties(
            group_id="connect", config_storage_topic="connect-configs", offset_storage_topic="connect-offsets",
            status_storage_topic="connect-status", config_storage_replication_factor=1, offset_storage_replication_factor=1,
            status_storage_replication_factor=1, session_timeout_ms=6000, heartbeat_interval_ms=1000, **more))

    def sql(self, statement):
        with psycopg.connect(host=self.server.host, port=self.server.port, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def wait_for_sql(self):
        """Waits until the worker answers; until it has read its topics, it refuses changes."""
        def answers():
            try:
                return self.sql("SHOW CONNECTOR PLUGINS") is not None and self.ask("/connectors") is not None
            except psycopg.Error:
                assert self.worker.poll() is None, f"the worker has ended; see {self.path('log')}"
                return False
        wait_until(answers, f"see {self.path('log')}", PATIENCE_S)

    def states(self):
        return {row[0]: (row[3], row[4]) for row in self.sql("SHOW CONNECTORS")}

    def kill(self):
        self.worker.kill()
        self.worker.wait()

    def write(self, first, last):
        with open(self.path("in"), "a") as out:
            out.writelines(f"line {number}\n" for number in range(first, last))

    def written(self):
        return open(self.path("out")).read().splitlines() if os.path.exists(self.path("out")) else []

    def wait_for(self, count):
        wait_until(lambda: len(set(self.written())) >= count or self.worker.poll() is not None,
                   lambda: f"{len(set(self.written()))} of {count} lines; see {self.path('log')}", PATIENCE_S)
        assert self.worker.poll() is None, f"the worker has ended; see {self.path('log')}"

    def ask(self, path, body=None):
        """Returns the worker's answer; None if it does not answer yet."""
        request = urllib.request.Request(f"http://{self.rest}{path}", data=body and json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"}, method="PUT" if body else "GET")
        try:
            return json.load(urllib.request.urlopen(request, timeout=30))
        except (urllib.error.URLError, ConnectionError):
            return None

    def end(self):
        self.kill()
        self.server.stop()
        shutil.rmtree(self.folder)


@case
def a_standalone_worker_copies_a_file_through_a_topic():
    for jars in releases():
        world = World(jars)
        flags = [world.worker_properties(offset_storage_file_filename=world.path("offsets")),
                 world.properties("source.properties", name="source", connector_class=SOURCE, tasks_max=1,
                                  file=world.path("in"), topic="lines"),
                 world.properties("sink.properties", name="sink", connector_class=SINK, tasks_max=1,
                                  file=world.path("out"), topics="lines")]
        world.write(0, 100)
        world.start("Standalone", *flags)
        world.wait_for(100)
        time.sleep(2)  # both have committed their positions
        world.kill()
        world.write(100, 200)
        world.start("Standalone", *flags)
        world.wait_for(200)
        assert world.written() == [f"line {number}" for number in range(200)], world.written()
        print(f"connect {world.version} standalone: 200 lines")
        world.end()


@case
def a_distributed_worker_goes_on_after_it_was_killed():
    """Connectors, offsets and states are in compacted topics that the workers create, and the workers share the tasks
    through a group."""
    for jars in releases():
        world = World(jars)
        flags = world.worker_properties(group_id="connect", config_storage_topic="connect-configs",
                                        offset_storage_topic="connect-offsets", status_storage_topic="connect-status",
                                        config_storage_replication_factor=1, offset_storage_replication_factor=1,
                                        status_storage_replication_factor=1, session_timeout_ms=6000,
                                        heartbeat_interval_ms=1000, exactly_once_source_support="enabled")
        world.write(0, 100)
        world.start("Distributed", flags)
        connectors = {
            "source": {"connector.class": SOURCE, "tasks.max": "1", "file": world.path("in"), "topic": "lines"},
            "sink": {"connector.class": SINK, "tasks.max": "1", "file": world.path("out"), "topics": "lines"}}
        for name, settings in connectors.items():
            wait_until(lambda: world.ask(f"/connectors/{name}/config", settings), f"see {world.path('log')}", PATIENCE_S)
        world.wait_for(100)
        for number in (2, 3):
            time.sleep(2)  # both have committed their positions
            world.kill()
            world.write(100 * (number - 1), 100 * number)
            world.start("Distributed", flags)
            world.wait_for(100 * number)
        assert world.written() == [f"line {number}" for number in range(300)], world.written()
        for name in connectors:
            status = world.ask(f"/connectors/{name}/status")
            assert [task["state"] for task in status["tasks"]] == ["RUNNING"], status
        print(f"connect {world.version} distributed: 300 lines")
        world.end()


def retried(statement, world):
    """Runs the statement, and repeats it while the workers distribute their tasks."""
    def done():
        try:
            world.sql(statement)
        except psycopg.errors.ObjectNotInPrerequisiteState as error:
            print(f"again: {error.diag.message_primary}")
            return False
        return True
    wait_until(done, statement, PATIENCE_S)


@case
def statements_manage_the_connectors_of_a_worker():
    for jars in releases():
        world = World(jars)
        world.write(0, 100)
        world.start_distributed(exactly_once_source_support="enabled")
        world.wait_for_sql()
        assert any(row[0] == SOURCE and row[3] == f"http://{world.rest}" for row in world.sql("SHOW CONNECTOR PLUGINS"))
        source = f"""SOURCE CONNECTOR lines_in WITH ("connector.class" = '{SOURCE}', "runs" = 'outside', "tasks.max" = 1,
                     "file" = '{world.path("in")}', "topic" = 'lines')"""
        retried(f"CREATE {source}", world)
        retried(f"""CREATE SINK CONNECTOR "lines-out" WITH ("connector.class" = 'FileStreamSink', "runs" = 'outside',
                    "file" = '{world.path("out")}', "topics" = 'lines')""", world)
        world.wait_for(100)
        wait_until(lambda: world.states() == {"lines_in": ("RUNNING", "1/1"), "lines-out": ("RUNNING", "1/1")}, world.states, PATIENCE_S)
        try:
            world.sql(f"CREATE {source}")
        except psycopg.errors.DuplicateObject as error:
            assert error.diag.message_primary == "connector lines_in already exists"
        else:
            raise AssertionError("it was created twice")
        described = dict(world.sql("DESCRIBE CONNECTOR lines_in"))
        assert described["topics"] == "lines" and described["config file"] == world.path("in"), described
        # A line that is written while the sink is paused arrives after RESUME.
        retried("PAUSE CONNECTOR \"lines-out\"", world)
        wait_until(lambda: world.states()["lines-out"][0] == "PAUSED", world.states, PATIENCE_S)
        world.write(100, 200)
        retried("RESUME CONNECTOR \"lines-out\"", world)
        world.wait_for(200)
        retried("RESTART CONNECTOR lines_in", world)
        # Positions can be read and reset once the connector is stopped; the file is then read again from its beginning.
        retried("STOP CONNECTOR lines_in", world)
        wait_until(lambda: world.states()["lines_in"] == ("STOPPED", "0/0"), world.states, PATIENCE_S)
        retried("ALTER CONNECTOR lines_in RESET OFFSETS", world)
        retried("ALTER CONNECTOR lines_in SET (topic = 'again')", world)
        retried("RESUME CONNECTOR lines_in", world)
        world.sql("CREATE STREAM again (line VARCHAR) WITH (KAFKA_TOPIC = 'again', VALUE_FORMAT = 'KAFKA', PARTITIONS = 1)")
        wait_until(lambda: world.sql("SELECT COUNT(*) FROM again")[0][0] == 200, lambda: world.sql("SELECT COUNT(*) FROM again"), PATIENCE_S)
        try:
            world.sql(f"CREATE SOURCE CONNECTOR bad WITH (\"connector.class\" = '{SOURCE}', \"runs\" = 'outside', \"tasks.max\" = 'x')")
        except psycopg.errors.InvalidParameterValue as error:
            assert "tasks.max" in error.diag.message_detail and "topic" in error.diag.message_detail, error.diag.message_detail
        else:
            raise AssertionError("a wrong configuration was accepted")
        checked = world.sql(f"EXPLAIN CREATE SOURCE CONNECTOR bad WITH (\"connector.class\" = '{SOURCE}', \"runs\" = 'outside')")
        assert [row[0] for row in checked if row[2]] == ["topic"], checked
        for name in ("lines_in", '"lines-out"'):
            retried(f"DROP CONNECTOR {name}", world)
        wait_until(lambda: world.states() == {}, world.states, PATIENCE_S)
        print(f"connect {world.version} by SQL: 200 lines, and 200 again")
        world.end()


class Postgres:
    """A PostgreSQL of its own, for logical replication."""

    def __init__(self, programs):
        self.folder, self.port = tempfile.mkdtemp(prefix="millrace-postgres-"), free_port()
        # PostgreSQL does not run as root.
        self.user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []
        if self.user:
            shutil.chown(self.folder, "nobody")
        self.programs = programs
        self.run("initdb", "-D", f"{self.folder}/data", "-U", "cdc", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-l", f"{self.folder}/log", "-o",
                 f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c wal_level=logical -c fsync=off", "start")

    def run(self, program, *arguments):
        subprocess.run([*self.user, f"{self.programs}/{program}", *arguments], check=True, stdout=subprocess.DEVNULL, timeout=120, cwd=self.folder)

    def sql(self, *statements):
        with psycopg.connect(host="127.0.0.1", port=self.port, user="cdc", dbname="postgres", autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def end(self):
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


@case
def one_statement_captures_a_table_with_debezium():
    programs = os.environ.get("MILLRACE_POSTGRES_BIN", "/usr/lib/postgresql/15/bin")
    folders = [jars for jars in releases() if glob.glob(f"{jars}/debezium-connector-postgres-*.jar")]
    if not folders or not os.path.exists(f"{programs}/initdb"):
        raise Skipped("no folder with debezium-connector-postgres, or no PostgreSQL")
    for jars in folders:
        database, world = Postgres(programs), World(jars)
        database.sql("CREATE TABLE customers (id INT PRIMARY KEY, name TEXT, city TEXT)",
                     "INSERT INTO customers SELECT i, 'name ' || i, 'Lahore' FROM generate_series(1, 100) i")
        os.mkdir(world.path("plugins/debezium"))
        for jar in glob.glob(f"{jars}/*.jar"):
            if re.match(r"(debezium|postgresql|protobuf)", os.path.basename(jar)):
                os.symlink(jar, world.path(f"plugins/debezium/{os.path.basename(jar)}"))
        world.start_distributed()
        world.wait_for_sql()
        converters = ", ".join(f"""\"{side}.converter\" = 'org.apache.kafka.connect.json.JsonConverter', \"{side}.converter.schemas.enable\" = 'false'"""
                               for side in ("key", "value"))
        retried(f"""CREATE SOURCE CONNECTOR shop WITH ("connector.class" = 'io.debezium.connector.postgresql.PostgresConnector',
                    "runs" = 'outside', "plugin.name" = 'pgoutput', "database.hostname" = '127.0.0.1', "database.port" = {database.port},
                    "database.user" = 'cdc', "database.password" = 'hunter2', "database.dbname" = 'postgres', "topic.prefix" = 'shop',
                    "table.include.list" = 'public.customers', "transforms" = 'unwrap',
                    "transforms.unwrap.type" = 'io.debezium.transforms.ExtractNewRecordState',
                    "transforms.unwrap.delete.tombstone.handling.mode" = 'tombstone', {converters})""", world)
        assert dict(world.sql("DESCRIBE CONNECTOR shop"))["config database.password"] == "[hidden]"
        world.sql("""CREATE TABLE customers (k STRUCT<id INT> PRIMARY KEY, id INT, name VARCHAR, city VARCHAR)
                     WITH (KAFKA_TOPIC = 'shop.public.customers', KEY_FORMAT = 'JSON', VALUE_FORMAT = 'JSON', PARTITIONS = 1)""")

        def counted(count, city):
            wait_until(lambda: world.sql(f"SELECT COUNT(*) FROM customers WHERE city = '{city}'") == [(count,)],
                       lambda: (world.states(), world.sql("SELECT city, COUNT(*) FROM customers GROUP BY city"), world.sql("SHOW CONNECTORS")), PATIENCE_S)

        counted(100, "Lahore")
        database.sql("UPDATE customers SET city = 'Quetta' WHERE id <= 40", "DELETE FROM customers WHERE id > 90")
        counted(40, "Quetta")
        counted(50, "Lahore")
        # A worker that was killed continues after its stored position.
        world.kill()
        database.sql("UPDATE customers SET city = 'Karachi' WHERE id BETWEEN 41 AND 60")
        world.start_distributed()
        counted(20, "Karachi")
        counted(30, "Lahore")
        assert world.sql("SHOW SINK CONNECTORS") == []
        retried("DROP CONNECTOR shop", world)
        wait_until(lambda: world.states() == {}, world.states, PATIENCE_S)
        print(f"connect {world.version} with Debezium by SQL: 100 rows, 70 changes")
        world.end()
        database.end()


if __name__ == "__main__":
    run()
