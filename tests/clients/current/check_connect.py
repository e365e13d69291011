"""Kafka Connect's file source and file sink, standalone and distributed, and killed.

MILLRACE_KAFKA_JARS: folders, each with connect-runtime and connect-file of one release and all that they need.
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
        self.jars, self.server = jars, launch("--group-initial-rebalance-delay-ms", "0")
        self.version = re.search(r"connect-file-([\d.]+)\.jar", glob.glob(f"{jars}/connect-file-*.jar")[0])[1]
        self.folder = tempfile.mkdtemp(prefix="millrace-connect-")
        # The connectors alone, as the whole class path would be looked through as plugins.
        os.mkdir(self.path("plugins"))
        shutil.copy(glob.glob(f"{jars}/connect-file-*.jar")[0], self.path("plugins"))
        self.worker, self.rest = None, f"127.0.0.1:{free_port()}"

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
        """The worker's answer; None until it answers."""
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
        time.sleep(2)  # both have committed how far they are
        world.kill()
        world.write(100, 200)
        world.start("Standalone", *flags)
        world.wait_for(200)
        assert world.written() == [f"line {number}" for number in range(200)], world.written()
        print(f"connect {world.version} standalone: 200 lines")
        world.end()


@case
def a_distributed_worker_goes_on_after_it_was_killed():
    """Connectors, offsets and states are in compacted topics that the worker makes; groups hold the work together."""
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
            time.sleep(2)  # both have committed how far they are
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


if __name__ == "__main__":
    run()
