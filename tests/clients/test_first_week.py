#!/usr/bin/python3
"""Mistakes of the first week with files, topics, HTTP and the start of a server. Each answer names the remedy.

The mistakes in SQL are in tests/sql/errors/first_week.slt and tests/sql/errors/likely_mistakes.slt."""
import gzip
import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from millrace_server import binary, case, launch, run, wait_until  # noqa: E402

import psycopg  # noqa: E402


SERVER = launch(keeps_log=True)


def sql():
    return psycopg.connect(host=SERVER.host, port=SERVER.port, user="ada", autocommit=True)


def notices_of(statement):
    """Returns the notices of a statement, each as its message and its hint."""
    notices = []
    with sql() as connection:
        connection.add_notice_handler(lambda diag: notices.append((diag.message_primary, diag.message_hint)))
        connection.execute(statement)
    return notices


def refused_copy(statement, data):
    """Returns the message and the hint of a COPY that fails."""
    with sql() as connection:
        try:
            with connection.cursor().copy(statement) as copy:
                copy.write(data)
        except psycopg.Error as error:
            return error.diag.message_primary, error.diag.message_hint or ""
    raise AssertionError(f"accepted: {data}")


def post(path, body, **headers):
    """Returns the body of the response, also of a failure."""
    request = urllib.request.Request(f"http://{SERVER.http}{path}", body.encode(), headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


def started(*arguments, environment=None, before=()):
    """Returns the status and the output of a server that does not start."""
    done = subprocess.run([*before, binary(), "server", "--pg", "127.0.0.1:0", "--kafka", "127.0.0.1:0", "--http", "127.0.0.1:0",
                           *arguments], text=True, capture_output=True, timeout=60, env={**os.environ, **(environment or {})})
    return done.returncode, done.stdout + done.stderr


@case
def likely_mistakes_have_a_notice_with_the_correction():
    with sql() as connection:
        connection.execute("CREATE TABLE visits (id INT PRIMARY KEY, page VARCHAR, at TIMESTAMP)")
    for condition, words in (
            ("FORMAT_TIMESTAMP(at, 'YYYY-MM-DD') = ''", "Did you mean 'yyyy-MM-dd'?"),
            ("FORMAT_TIMESTAMP(at, 'yyyy-mm-dd HH:mm') = ''", "Did you mean 'yyyy-MM-dd HH:mm'?"),
            ("FORMAT_TIMESTAMP(at, 'dd/MM/yyyy hh:MM:SS') = ''", "Did you mean 'dd/MM/yyyy HH:mm:ss'?"),
            ("to_char(at, 'HH24:MM') = ''", "Did you mean 'HH24:MI'?"),
            ("page = NULL", "Use PAGE IS NULL."),
            ("NULL <> page", "Use PAGE IS NOT NULL."),
            ("to_timestamp(rowtime) > now()", "Use FROM_UNIXTIME(ROWTIME).")):
        notices = notices_of(f"SELECT id FROM visits WHERE {condition}")
        assert [hint for _, hint in notices] == [words], (condition, notices)


run()
