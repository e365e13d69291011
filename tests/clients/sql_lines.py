"""The lines of an answer of POST /sql, read as they arrive."""
import http.client
import json

import psycopg
from patience import patience


def psql(server, *statements, user="http", **options):
    """Runs statements over the PostgreSQL protocol and returns the rows of the last one."""
    with psycopg.connect(host=server.host, port=server.port, user=user, dbname="millrace", autocommit=True, **options) as connection:
        for statement in statements:
            answer = connection.execute(statement)
        return answer.fetchall() if answer.description else None


class Lines:
    """The lines of one answer, read as they arrive."""

    def __init__(self, text, server, headers={}, **members):
        host, port = server.http.rsplit(":", 1)
        self.connection = http.client.HTTPConnection(host, int(port), timeout=patience(60))
        self.connection.request("POST", "/sql", json.dumps({"sql": text, **members}), headers)
        self.answer = self.connection.getresponse()
        self.status = self.answer.status

    def next(self):
        line = self.answer.readline()
        return json.loads(line, parse_float=str) if line else None

    def all(self):
        return [json.loads(line, parse_float=str) for line in self.answer.read().decode().splitlines()]

    def close(self):
        # The answer object also keeps the socket open.
        self.answer.close()
        self.connection.close()


def ask(text, server, headers={}, **members):
    lines = Lines(text, server, headers, **members)
    assert lines.status == 200, (lines.status, lines.answer.read())
    return lines.all()


def kinds(lines):
    return [next(iter(line)) if isinstance(line, dict) else "row" for line in lines]


def rows_of(lines):
    return [line for line in lines if isinstance(line, list)]


def only(lines, kind):
    found = [line[kind] for line in lines if isinstance(line, dict) and kind in line]
    assert len(found) == 1, lines
    return found[0]
