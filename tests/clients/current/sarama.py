"""Runs sarama's functional tests, with the environment that they need: five nodes, each behind a proxy that fails on request, and `docker`.

usage: sarama.py FOLDER [go test's flags]: FOLDER has sarama's source. TOXIPROXY names toxiproxy's server. If the tests call
`docker compose`, to stop a node, to see its log or for Kafka's console tools, this program answers: with Java's tools, where MILLRACE_KAFKA_JARS
names a folder of them, else with ours.
"""
import http.server
import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from cluster_nodes import Cluster, Etcd, Node, eventually, free_port  # noqa: E402
from millrace_server import binary  # noqa: E402

NODES = 5
KAFKA_VERSION = "4.1.0"
FIRST_PROXY = 29091  # the address that sarama's tests use
TOOLS = {"kafka-console-producer.sh": "org.apache.kafka.tools.ConsoleProducer",
         "kafka-console-consumer.sh": "org.apache.kafka.tools.consumer.ConsoleConsumer"}
# A replacement of `docker` for sarama's tests, which call `docker compose VERB ...`. It passes each
# call to the server of this file, whose address is in SARAMA_NODES.
DOCKER = """#!/bin/sh
shift
case $1 in
start | stop) exec curl --silent --fail "http://$SARAMA_NODES/$1/$2" ;;
logs) for node; do :; done; exec curl --silent --fail "http://$SARAMA_NODES/logs/$node" ;;
exec) shift 3; exec "$SARAMA_TOOLS/$(basename "$1")" "$@" ;;
*) echo "docker compose $1 is not known here" >&2; exit 1 ;;
esac
"""
TOOL = """#!/bin/sh
shift
exec %s $(echo "$@" | sed 's/kafka-1:9091/%s/')
"""


def proxy(number):
    return f"127.0.0.1:{FIRST_PROXY + number - 1}"


class Nodes(Cluster):
    """Each node is in a rack of its own, and clients learn the address of its proxy."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="millrace-sarama-")
        self.etcd = Etcd(os.path.join(self.folder, "etcd"))
        flags = ["--group-initial-rebalance-delay-ms", "0", "--auto-create-topics", "false", "--node-session-timeout-ms", "2000",
                 "--min-insync-replicas", "1"]
        self.nodes = {number: Node(self._folder(number), "sarama", number, self.etcd.url,
                                   [*flags, "--rack", str(number), "--kafka-advertised", proxy(number)])
                      for number in range(1, NODES + 1)}
        self.etcd.start()
        self.start_all()

    def _folder(self, number):
        return os.path.join(self.folder, f"node{number}")


def ask(url, body=None):
    return urllib.request.urlopen(urllib.request.Request(url, data=body and json.dumps(body).encode()), timeout=10).read()


def answer_docker(nodes):
    """Starts, stops and shows nodes; returns the address."""
    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            verb, name = self.path.strip("/").split("/")
            node = nodes.nodes[int(name.removeprefix("kafka-"))]
            if verb == "stop":
                node.stop()
            elif verb == "start" and not node.is_running():
                node.start()
            self.send_response(200)
            self.end_headers()
            if verb == "logs":
                self.wfile.write(open(node.log, "rb").read())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"127.0.0.1:{server.server_port}"


def write_program(path, text):
    with open(path, "w") as out:
        out.write(text)
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)


def write_tools(folder, bootstrap):
    jars = os.environ.get("MILLRACE_KAFKA_JARS", "").split(":")[0]
    for name, java in TOOLS.items():
        tool = f"java -cp '{os.path.abspath(jars)}/*' {java}" if jars else os.path.join(os.path.dirname(binary()), name)
        write_program(os.path.join(folder, name), TOOL % (tool, bootstrap))
    write_program(os.path.join(folder, "docker"), DOCKER)


def main():
    source, flags = sys.argv[1], sys.argv[2:]
    nodes = Nodes()
    control = free_port()
    proxies = subprocess.Popen([os.environ.get("TOXIPROXY", "toxiproxy-server"), "-host", "127.0.0.1", "-port", str(control)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{control}"

    def are_up():
        try:
            return ask(f"{url}/version")
        except OSError:
            return None

    try:
        eventually(are_up)
        for number in range(1, NODES + 1):
            behind = nodes.nodes[number]
            ask(f"{url}/proxies", {"name": f"kafka{number}", "listen": proxy(number), "upstream": behind.kafka,
                                   "enabled": True})
        write_tools(nodes.folder, nodes.nodes[1].kafka)
        environment = {**os.environ, "TOXIPROXY_ADDR": url, "KAFKA_VERSION": KAFKA_VERSION, "SARAMA_TOOLS": nodes.folder,
                       "SARAMA_NODES": answer_docker(nodes), "PATH": f"{nodes.folder}:{os.environ['PATH']}"}
        time.sleep(1)  # the proxies listen after they have answered
        done = subprocess.run(["go", "test", "-tags", "functional", "-count", "1", "-timeout", "40m", "-v", *flags, "."],
                              cwd=source, env=environment)
        return done.returncode
    finally:
        proxies.kill()
        proxies.wait()
        nodes.close()


if __name__ == "__main__":
    sys.exit(main())
