#!/usr/bin/python3
"""Connectors of files in a whole server: the examples of docs/connectors/files.md, rotation under load with kill -9, and
errors as users see them."""
import os
import random
import re
import subprocess
import threading

import psycopg

from connector_files import ConnectorFiles
from millrace_server import binary, case, has_limit, launch, run, wait_until

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_PAGE = os.path.join(_ROOT, "docs", "connectors", "files.md")


class Feeds(ConnectorFiles):
    def __init__(self):
        super().__init__("nginx", "in")

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "a", encoding="utf-8") as file:
            file.write(text)

    def lines(self, topic):
        done = subprocess.run([binary(), "consume", topic, "--from-beginning", "--until-end", "-b", self.server.kafka],
                              text=True, capture_output=True, timeout=60, check=False)
        return done.stdout.splitlines()


def tail(name, **more):
    properties = {"connector.class": "file", "file": "in/log", "topic": name, **more}
    return f"CREATE SOURCE CONNECTOR {name} WITH ({', '.join(f'{chr(34)}{k}{chr(34)} = {chr(39)}{v}{chr(39)}' for k, v in properties.items())})"


def examples():
    """Returns (statement, rows) of each example of the page."""
    with open(_PAGE, encoding="utf-8") as page:
        for block in re.findall(r"```sql\n(.*?)```", page.read(), re.S):
            for statement, rows in re.findall(r"([^;]+);\n((?:--> .*\n)*)", block):
                yield statement.strip(), [row[4:] for row in rows.splitlines()]


@case
def the_examples_of_the_page_work_as_printed():
    feeds = Feeds()
    try:
        feeds.write("nginx/access.json", '{"ip": "10.0.0.1", "status": 200}\n{"ip": "10.0.0.2", "status": 404}\n')
        feeds.write("in/a.csv", "id,name,price\n1,pen,1.50\n2,,20\n")
        count = 0
        for statement, rows in examples():
            count += 1
            if not rows:
                feeds.sql(statement)
                continue

            def shown(statement=statement):
                return sorted(" | ".join("NULL" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
                                         for value in row) for row in feeds.sql(statement))
            wait_until(lambda: shown() == sorted(rows), f"no {rows} from: {statement}")
        assert count == 4, count
        wait_until(lambda: os.path.exists(os.path.join(feeds.folder, "done", "a.csv")))
    finally:
        feeds.close()


@case
@has_limit(120)
def a_file_that_rotates_under_load_is_read_once_by_a_server_that_is_killed():
    feeds = Feeds()
    chance = random.Random(4711)
    written, stopping = 0, threading.Event()

    def write():
        nonlocal written
        while not stopping.is_set():
            feeds.write("in/log", "".join(f"{i}\n" for i in range(written, written + 100)))
            written += 100
            if chance.random() < 0.05:
                os.rename(os.path.join(feeds.folder, "in", "log"), os.path.join(feeds.folder, "in", f"log.{written}"))
            stopping.wait(0.02)
    try:
        feeds.write("in/log", "begin\n")
        feeds.sql(tail("lines"))
        wait_until(lambda: feeds.lines("lines")[:1] == ["begin"])
        writer = threading.Thread(target=write)
        writer.start()
        for _ in range(3):
            before = len(feeds.lines("lines"))
            wait_until(lambda before=before: len(feeds.lines("lines")) > before)
            feeds.kill()
            feeds.start()
        stopping.set()
        writer.join()
        feeds.write("in/log", "end\n")
        wait_until(lambda: feeds.lines("lines")[-1:] == ["end"], seconds=60)
        lines = feeds.lines("lines")
        expected = ["begin", *(str(i) for i in range(written)), "end"]
        assert lines == expected, (len(lines), len(expected), next((pair for pair in zip(lines, expected) if pair[0] != pair[1]), None))
    finally:
        stopping.set()
        feeds.close()


@case
def messages_name_the_place_and_the_remedy():
    feeds = Feeds()
    try:
        feeds.write("in/log", "one\n")
        feeds.sql(tail("lines"))
        assert feeds.refusal(tail("lines")) == "connector lines already exists"
        assert feeds.refusal(tail("b", file="../x")).startswith("../x is not below the directory of connectors"), feeds.refusal(tail("b", file="../x"))
        os.symlink("/etc/passwd", os.path.join(feeds.folder, "in", "link"))
        assert "symbolic link" in feeds.refusal(tail("b", file="in/link"))
        assert feeds.refusal(tail("b", format="xml")) == 'property "format" is "line", "json" or "csv", not "xml"'
        assert "--secrets-dir" in feeds.refusal(tail("b", file="${file:none}"))
        assert feeds.refusal(tail("b", file="${env:PATH}")).startswith("${env:PATH}: only variables whose name begins with MILLRACE_SECRET_")
        # The port in the option is 0; the task shows the port that the server uses.
        wait_until(lambda: [row[2] for row in feeds.sql("SHOW CONNECTOR TASKS")] == [feeds.server.http],
                   lambda: str(feeds.sql("SHOW CONNECTOR TASKS")))
        # Refused connectors leave nothing behind.
        assert [row[0] for row in feeds.sql("SHOW CONNECTORS")] == ["lines"]
    finally:
        feeds.close()


@case
def a_server_without_the_option_reads_no_file():
    server = launch()
    try:
        with psycopg.connect(host=server.host, port=server.port, autocommit=True) as connection:
            try:
                connection.execute(tail("lines"))
                raise AssertionError("a connector of files was accepted")
            except psycopg.Error as error:
                assert error.diag.message_primary == "connectors of files are switched off", error
                assert "--connect-files" in error.diag.message_hint
    finally:
        server.stop()


run()
