"""A directory of files for connectors, and a server on a data directory that outlives kill -9."""
import collections
import json
import os
import shutil
import tempfile
import urllib.error
import urllib.request

import psycopg

from millrace_server import launch


class ConnectorFiles:
    def __init__(self, *folders):
        self.folder = tempfile.mkdtemp(prefix="millrace-files-")
        self.data = tempfile.mkdtemp(prefix="millrace-files-data-")
        for name in ("secrets", *folders):
            os.mkdir(os.path.join(self.folder, name))
        self.start()

    def start(self):
        self.server = launch("--connect-files", self.folder, "--secrets-dir", os.path.join(self.folder, "secrets"),
                             data_dir=self.data, keeps_log=True)

    def kill(self):
        os.kill(self.server.pid, 9)
        self.server.stop()

    def close(self):
        self.server.stop()
        shutil.rmtree(self.folder)
        shutil.rmtree(self.data)

    def sql(self, statement):
        with psycopg.connect(host=self.server.host, port=self.server.port, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def request(self, method, path, body=None):
        """Sends a request to the REST API; returns (status, JSON)."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.server.http}{path}", data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def task(self):
        """Returns the first task as a dictionary, whose values are None while the server shows no task."""
        with psycopg.connect(host=self.server.host, port=self.server.port, autocommit=True) as connection:
            cursor = connection.execute("SHOW CONNECTOR TASKS")
            names = [column.name for column in cursor.description]
            return collections.defaultdict(lambda: None, zip(names, next(iter(cursor.fetchall()), ())))

    def refusal(self, statement):
        try:
            self.sql(statement)
        except psycopg.Error as error:
            return error.diag.message_primary
        raise AssertionError(f"accepted: {statement}")
