"""Runs the JavaScript named on the command line against a server of its own."""
import os
import subprocess
import sys

from millrace_server import launch

server = launch()
environment = dict(os.environ, MILLRACE_KAFKA=server.kafka, MILLRACE_PG=f"{server.host}:{server.port}",
                   MILLRACE_HTTP=server.http)
try:
    sys.exit(subprocess.run(["node", sys.argv[1]], env=environment, timeout=120).returncode)
finally:
    server.stop()
