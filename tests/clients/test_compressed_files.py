#!/usr/bin/python3
"""Compressed files in a whole server: the example of docs/connectors/files.md, and kill -9 while gzip files are read and
written."""
import gzip
import os
import random
import re
import threading

from connector_files import ConnectorFiles
from millrace_server import case, has_limit, run, wait_until

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_PAGE = os.path.join(_ROOT, "docs", "connectors", "files.md")


class Archive(ConnectorFiles):
    def __init__(self):
        super().__init__("in")

    def put(self, name, text):
        """Writes a file completely, and then gives it its final name."""
        with gzip.open(os.path.join(self.folder, "new"), "wt", encoding="utf-8") as file:
            file.write(text)
        os.rename(os.path.join(self.folder, "new"), os.path.join(self.folder, "in", name))

    def lines(self, folder):
        path = os.path.join(self.folder, folder)
        lines = []
        for name in sorted(os.listdir(path)) if os.path.isdir(path) else []:
            if not name.endswith(".part"):
                with gzip.open(os.path.join(path, name), "rt", encoding="utf-8") as file:
                    lines += file.read().splitlines()
        return lines


@case
def the_example_of_the_page_works_as_printed():
    archive = Archive()
    try:
        archive.put("a.csv.gz", "id,name\n1,pen\n2,ink\n")
        with open(_PAGE, encoding="utf-8") as page:
            section = page.read().split("## Compressed files", 1)[1]
        create, query, rows = re.search(r"```sql compressed\n(.*?;)\n(SELECT.*?;)\n((?:--> .*\n)*)```", section, re.S).groups()
        archive.sql(create)
        expected = [row[4:] for row in rows.splitlines()]
        wait_until(lambda: sorted(" | ".join(str(value) for value in row) for row in archive.sql(query)) == expected, f"no {expected}")
    finally:
        archive.close()


@case
@has_limit(120)
def each_line_arrives_once_when_the_server_is_killed():
    archive = Archive()
    chance = random.Random(4711)
    written, stopping = 0, threading.Event()

    def write():
        nonlocal written
        while not stopping.is_set():
            count = chance.randrange(1, 20_000)
            archive.put(f"{written:09}.gz", "".join(f"{i}\n" for i in range(written, written + count)))
            written += count
            stopping.wait(0.05)
    try:
        archive.sql("""CREATE SOURCE CONNECTOR lines WITH ("connector.class" = 'file', "input.path" = 'in', "topic" = 'lines', "declare" = 'none',
                       "file.minimum.age.ms" = 0, "cleanup.policy" = 'DELETE', "max.batch.size" = 3000, "topic.creation.default.partitions" = 1)""")
        archive.sql("""CREATE SINK CONNECTOR out WITH ("connector.class" = 'file', "topics" = 'lines', "output.path" = 'out', "format" = 'line',
                       "file.compression.type" = 'gzip', "flush.size" = 5000, "rotate.schedule.interval.ms" = 50)""")
        writer = threading.Thread(target=write)
        writer.start()
        for _ in range(4):
            before = len(archive.lines("out"))
            wait_until(lambda before=before: len(archive.lines("out")) > before)
            archive.kill()
            archive.start()
        stopping.set()
        writer.join()
        wait_until(lambda: len(archive.lines("out")) >= written, seconds=60)
        lines = archive.lines("out")
        expected = [str(i) for i in range(written)]
        assert lines == expected, (len(lines), written, next((pair for pair in zip(lines, expected) if pair[0] != pair[1]), None))
        wait_until(lambda: os.listdir(os.path.join(archive.folder, "in")) == [])
    finally:
        stopping.set()
        archive.close()


run()
