#!/usr/bin/python3
"""millrace check, backup and restore, beside a running server and without one."""
import collections
import fcntl
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile
import threading
import time

import psycopg

from millrace_server import Deadline, binary, case, launch, obstacle_of_own_client, run, wait_until

FOLDER = tempfile.mkdtemp(prefix="millrace-data-commands-")
_GROUPS = 500
_TIMEOUT_S = 60


def millrace(*arguments, status=0):
    done = subprocess.run([binary(), *arguments], text=True, capture_output=True, timeout=_TIMEOUT_S)
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def folder(name):
    return os.path.join(FOLDER, name)


def connect(server):
    return psycopg.connect(host=server.host, port=server.port, autocommit=True)


def define(connection):
    connection.execute("""CREATE STREAM paid (account INT, cents BIGINT)
                          WITH (kafka_topic='paid', value_format='json', partitions=4)""")
    connection.execute("""CREATE TABLE balance AS SELECT account, COUNT(*) AS payments, SUM(cents) AS cents
                          FROM paid GROUP BY account EMIT CHANGES""")


def pay(connection, payments):
    with connection.cursor().copy("COPY paid (account, cents) FROM STDIN") as copy:
        for payment in payments:
            copy.write_row(payment)


class Payments:
    """Writes payments until it is stopped."""

    def __init__(self, server):
        self._server = server
        self._stopping = False
        self.count = 0
        self._thread = threading.Thread(target=self._pay)
        self._thread.start()

    def _pay(self):
        with connect(self._server) as connection:
            while not self._stopping:
                pay(connection, [(i % _GROUPS, i) for i in range(self.count, self.count + 1000)])
                self.count += 1000

    def stop(self):
        self._stopping = True
        self._thread.join()


def recomputed(server):
    """Returns the expected table, computed from the records of the topic."""
    lines = subprocess.run([binary(), "consume", "paid", "--from-beginning", "--until-end", "-b", server.kafka],
                           text=True, capture_output=True, check=True, timeout=_TIMEOUT_S).stdout.splitlines()
    balance = collections.defaultdict(lambda: (0, 0))
    for line in lines:
        payment = json.loads(line)
        count, cents = balance[payment["ACCOUNT"]]
        balance[payment["ACCOUNT"]] = count + 1, cents + payment["CENTS"]
    return dict(balance)


def table(server, payments):
    """Returns the rows once the table has counted `payments` payments, or after the time-out."""
    with connect(server) as connection:
        end = Deadline(_TIMEOUT_S)
        while True:
            rows = connection.execute("SELECT * FROM balance").fetchall()
            if sum(row[1] for row in rows) >= payments or end.is_over():
                return {row[0]: (row[1], row[2]) for row in rows}
            time.sleep(0.05)


@case
def a_backup_under_load_restored_elsewhere_is_right():
    data = folder("data")
    server = launch("--checkpoint-interval-ms", "50", "--checkpoint-journal-bytes", "16384", data_dir=data)
    try:
        with connect(server) as connection:
            define(connection)
        payments = Payments(server)
        paid_before = []
        for number in range(3):
            seen = payments.count
            while payments.count < seen + 5000:
                time.sleep(0.01)
            paid_before.append(payments.count)
            assert "backed up" in millrace("backup", "--data-dir", data, "--to", folder(f"backup{number}"))
            assert "no damage found" in millrace("check", "--data-dir", data)
        payments.stop()
    finally:
        server.stop()
    for number, paid in enumerate(paid_before):
        copy = folder(f"restored{number}")
        assert "restored" in millrace("restore", "--from", folder(f"backup{number}"), "--data-dir", copy)
        assert "no damage found" in millrace("check", "--data-dir", copy)
        server = launch(data_dir=copy)
        try:
            expected = recomputed(server)
            counted = sum(count for count, _ in expected.values())
            assert counted >= paid, "what was acknowledged before is in it"
            assert table(server, counted) == expected, f"backup {number}"
            with connect(server) as connection:  # and goes on
                pay(connection, [(0, 5)] * 10)
            assert table(server, counted + 10) == recomputed(server)
        finally:
            server.stop()


@functools.cache
def sound():
    """The data directory of a server that has stopped; the first case that needs it creates it."""
    data = folder("sound")
    server = launch(data_dir=data)
    with connect(server) as connection:
        define(connection)
        pay(connection, [(i, 5) for i in range(1000)])
        pay(connection, [(7, 123456789)])  # an amount that no balance has
    server.stop()
    return data


@case
def damage_is_named_with_its_place():
    data, damaged = sound(), folder("damaged")
    assert "no damage found" in millrace("check", "--data-dir", data)

    shutil.copytree(data, damaged)
    with open(os.path.join(damaged, "log.mdb"), "r+b") as log:
        pages = log.read()
        assert b'"CENTS":123456789' in pages
        log.seek(0)  # in all pages, because free pages still have their old contents
        log.write(pages.replace(b'"CENTS":123456789', b'"CENTS":923456789'))
    told = millrace("check", "--data-dir", damaged, status=1)
    assert "damaged: log.mdb, topic paid, partition " in told and "batch that ends at offset" in told, told

    with open(os.path.join(damaged, "state.mdb"), "r+b") as state:
        state.write(bytes(8192))
    told = millrace("check", "--data-dir", damaged, status=1)
    assert "state.mdb" in told and "damage" in told, told


@case
def a_backup_shows_on_a_terminal_how_far_it_is():
    ours, theirs = os.openpty()
    done = subprocess.run([binary(), "backup", "--data-dir", sound(), "--to", folder("shown")],
                          stdout=subprocess.PIPE, stderr=theirs, timeout=_TIMEOUT_S)
    os.close(theirs)
    told = ""
    while not told.endswith("\r\x1b[K"):  # the output arrives in pieces
        try:
            told += os.read(ours, 65536).decode()
        except OSError:  # no further output follows
            break
    os.close(ours)
    assert done.returncode == 0 and b"backed up" in done.stdout, (done, told)
    assert re.match(r"\rcopied \S+ \S+ of about \S+ \S+ *", told) and told.endswith("\r\x1b[K"), repr(told)

    quiet = millrace("backup", "--data-dir", sound(), "--to", folder("not-shown"))
    assert "copied" not in quiet, "a copy of a moment needs no lines in a log"


@case
def damage_of_a_journal_ends_its_query_and_is_never_shown():
    data = folder("journal")
    server = launch(data_dir=data)
    with connect(server) as connection:
        connection.execute("CREATE STREAM seen (page INT) WITH (kafka_topic='seen', value_format='json', partitions=1)")
        for name in ("visits", "sound"):
            connection.execute(f"CREATE TABLE {name} AS SELECT page, COUNT(*) AS n FROM seen GROUP BY page EMIT CHANGES")
        with connection.cursor().copy("COPY seen (page) FROM STDIN") as copy:
            for i in range(100):
                copy.write_row((i % 10,))
        queries = {row[3]: row[0] for row in connection.execute("SHOW QUERIES").fetchall()}  # by what they write
    server.stop()

    # Finds the keys of the task's entries: the name of the task, followed by a number of eight bytes. In other places
    # no number follows the name.
    name = queries["VISITS"].encode()
    entry = re.compile(name + rb"/\d/0(?=.{1,3}\x00{4})", re.DOTALL)
    with open(os.path.join(data, "log.mdb"), "r+b") as log:
        pages, count = entry.subn(lambda found: b"X" + found.group()[1:], log.read())
        assert count > 0
        log.seek(0)
        log.write(pages)
    told = millrace("check", "--data-dir", data, status=1)
    assert "checksum" in told, told

    server = launch(data_dir=data)
    try:
        with connect(server) as connection:
            try:
                rows = connection.execute("SELECT * FROM visits").fetchall()
                raise AssertionError(f"shown: {rows}")
            except psycopg.errors.ObjectNotInPrerequisiteState as refused:
                assert "VISITS cannot be read" in refused.diag.message_primary, refused
                assert "is damaged at offset" in refused.diag.message_detail, refused
                assert "millrace check --data-dir" in refused.diag.message_hint, refused
                assert "DROP TABLE VISITS, and create it again" in refused.diag.message_hint, refused
            states = {row[0]: (row[1], row[7]) for row in connection.execute("SHOW QUERIES").fetchall()}
            assert states[queries["VISITS"]][0] == "ERROR", states
            assert "is damaged at offset" in states[queries["VISITS"]][1], states
            assert states[queries["SOUND"]] == ("RUNNING", None), states
            connection.execute("INSERT INTO seen VALUES (3)")
            expected = sorted((page, 11 if page == 3 else 10) for page in range(10))
            assert sorted(connection.execute("SELECT * FROM sound").fetchall()) == expected
            connection.execute("DROP TABLE visits")
            connection.execute("CREATE TABLE again AS SELECT page, COUNT(*) AS n FROM seen GROUP BY page EMIT CHANGES")
            end = Deadline(_TIMEOUT_S)
            while sorted(connection.execute("SELECT * FROM again").fetchall()) != expected:
                end.check()
                time.sleep(0.05)
    finally:
        server.stop()


@case
def settings_of_groups_and_quotas_are_no_damage():
    data = folder("settings")
    server = launch(data_dir=data)
    for change in (["config", "group", "g", "share.auto.offset.reset=earliest"],
                   ["config", "group", "g", "--unset", "share.auto.offset.reset"],
                   ["config", "group", "h", "consumer.session.timeout.ms=50000"]):
        millrace(*change, "-b", server.kafka)
    assert "no damage found" in millrace("check", "--data-dir", data)
    millrace("backup", "--data-dir", data, "--to", folder("settings-backup"))
    server.stop()
    for checked in (data, folder("settings-backup")):
        assert "no damage found" in millrace("check", "--data-dir", checked)


@case
def a_journal_that_is_not_the_one_is_refused_by_check_and_by_the_start():
    data, other = folder("killed"), folder("killed-other")
    for directory in (data, other):
        server = launch(data_dir=directory)
        with connect(server) as connection:
            connection.execute("CREATE TABLE kv (id INT PRIMARY KEY, n BIGINT)")
            for i in range(50):
                connection.execute(f"INSERT INTO kv VALUES ({i}, {i})")
        os.kill(server.pid, signal.SIGKILL)
        server.stop()
    size = os.path.getsize(os.path.join(data, "log.journal"))
    for number, journal in enumerate((b"", bytes(size), open(os.path.join(other, "log.journal"), "rb").read(),
                                      open(os.path.join(data, "log.journal"), "rb").read()[:size // 2])):
        copy = folder(f"killed-{number}")
        shutil.copytree(data, copy)
        with open(os.path.join(copy, "log.journal"), "wb") as file:
            file.write(journal)
        told = millrace("check", "--data-dir", copy, status=1)
        assert "log.journal is" in told, told
        refused = millrace("server", "--data-dir", copy, "--pg", "127.0.0.1:0", "--kafka", "127.0.0.1:0",
                           "--http", "off", status=1)
        assert "log.journal is" in refused, refused
    assert "no damage found" in millrace("check", "--data-dir", data)
    server = launch(data_dir=data)
    try:
        with connect(server) as connection:
            assert connection.execute("SELECT COUNT(*) FROM kv").fetchone() == (50,)
    finally:
        server.stop()


@case
def another_version_is_not_checked():
    data = folder("version-2")
    with tarfile.open(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "upgrade",
                                   "0001.tar.gz")) as packed:
        packed.extractall(data)
    told = millrace("check", "--data-dir", data, status=2)
    assert "not checked: log.mdb: the file has format version 2" in told and "hint: Start a server of this version" in told, told
    assert "damage" not in told, told


@case
def check_finds_the_damage_that_a_start_refuses():
    data = folder("cut")
    shutil.copytree(sound(), data)
    path = os.path.join(data, "state.mdb")
    os.truncate(path, os.path.getsize(path) - 4096)
    told = millrace("check", "--data-dir", data, status=1)
    # the file is too short, or the list of free pages is after the end of the file
    assert "damaged: state.mdb, the list of free pages: " in told, told


@case
def a_backup_of_damaged_pages_is_refused():
    data = folder("pages")
    shutil.copytree(sound(), data)
    size = os.path.getsize(os.path.join(data, "log.mdb"))
    with open(os.path.join(data, "log.mdb"), "r+b") as log:
        log.seek(2 * 4096)  # after the two meta pages
        log.write(bytes(size - 2 * 4096))
    told = millrace("backup", "--data-dir", data, "--to", folder("pages-backup"), status=1)
    assert "error: a page of the data file is damaged" in told, told
    assert not os.path.exists(os.path.join(folder("pages-backup"), "log.mdb")), "nothing that looks whole"


@case
def a_server_waits_a_moment_for_the_one_before_to_be_gone():
    """A process with gigabytes of memory needs seconds to end after kill -9, and holds its files until then."""
    data = folder("waited-for")
    launch(data_dir=data).stop()
    holder = open(os.path.join(data, "log.mdb"), "r+b")
    fcntl.flock(holder, fcntl.LOCK_EX)
    log, released = os.path.join(data, "log"), threading.Event()

    def lines():
        if not os.path.exists(log):
            return []
        with open(log) as text:
            return [line for line in text if "directory is in use" in line]

    def release():
        wait_until(lines, "the server does not wait for the directory")
        released.set()
        holder.close()
    threading.Thread(target=release, daemon=True).start()
    server = launch(data_dir=data, keeps_log=True)
    try:
        assert released.is_set(), "the server has started before the directory was released"
        assert len(lines()) == 1, lines()
        refused = millrace("server", "--data-dir", data, "--pg", "127.0.0.1:0", "--kafka", "127.0.0.1:0",
                           "--http", "off", status=1)
        assert "error: the data directory is in use by another process" in refused, refused
    finally:
        server.stop()


@case
def wrong_folders_are_refused():
    for told in (millrace("check", "--data-dir", folder("nowhere"), status=2),
                 millrace("backup", "--data-dir", folder("nowhere"), "--to", folder("new"), status=1)):
        assert "nowhere does not exist" in told and "hint: Name the server's data directory with --data-dir" in told, told
        assert "damage" not in told, told
    assert not os.path.exists(folder("nowhere")) and not os.path.exists(folder("new"))
    os.mkdir(folder("full"))
    open(os.path.join(folder("full"), "mine"), "w").close()
    told = millrace("backup", "--data-dir", sound(), "--to", folder("full"), status=1)
    assert "is not empty" in told and "hint: " in told, told
    told = millrace("restore", "--from", folder("full"), "--data-dir", folder("new"), status=1)
    assert "full is not a data directory" in told and "with --from" in told, told
    told = millrace("check", "--data-dir", folder("full"), status=2)
    assert "full is not a data directory" in told, told
    millrace("restore", "--from", sound(), "--data-dir", sound(), status=1)
    millrace("backup", status=2)


try:
    run(obstacle_of_own_client())
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
