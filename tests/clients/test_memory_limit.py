#!/usr/bin/python3
"""Clients that need all of the memory, at the same time: the server stays within memory-limit and
little more, clients that behave go on, and each of the others gets an error that names its limit.

MILLRACE_MEMORY=full runs it in full: 512 MB, frames of 60 MB, a COPY of 2 GB; else it is a smaller one.
"""
import atexit
import os
import selectors
import socket
import struct
import threading
import time

import kafka_wire
from http_push_wire import push_over_http1, push_over_http2
from kafka_wire import batch_of
from millrace_server import Deadline, case, is_sanitized, launch, patience, run, timed, wait_until

MB = 1 << 20
IS_FULL = os.environ.get("MILLRACE_MEMORY") == "full"
LIMIT_MB = 512 if IS_FULL else 128
MOST_MB = 700 if IS_FULL else 300  # the limit, plus the program itself and memory that the allocator has not returned
FRAMES, FRAME_MB = (200, 60) if IS_FULL else (60, 20)
FETCHES, TOPIC_MB = (50, 40) if IS_FULL else (15, 12)
COPY_MB = 2048 if IS_FULL else 200
STATEMENTS = 100
HALF_STATEMENTS = 20
WINDOW_RECORDS = 400 if IS_FULL else 1

SERVER = launch("--memory-limit", f"{LIMIT_MB}MB", keeps_log=True)
atexit.register(SERVER.stop)


def anonymous_mb(server=SERVER):
    with open(f"/proc/{server.pid}/status") as status:
        for line in status:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) / 1024
    raise AssertionError("no RssAnon")


class Watch(threading.Thread):
    """Measures the maximum of a server's memory until `is_over` is set."""

    def __init__(self, server=SERVER):
        super().__init__(daemon=True)
        self.server = server
        self.most_mb = 0
        self.is_over = False
        self.start()

    def run(self):
        while not self.is_over:
            self.most_mb = max(self.most_mb, anonymous_mb(self.server))
            time.sleep(0.02)


class Sql:
    """The part of PostgreSQL's protocol that is needed to misuse it."""

    def __init__(self, server=SERVER):
        self.socket = socket.create_connection((server.host, server.port), 60)
        body = struct.pack(">i", 196608) + b"user\0ada\0\0"
        self.socket.sendall(struct.pack(">i", 4 + len(body)) + body)
        self.until(b"Z")

    def send(self, kind, body):
        self.socket.sendall(kind + struct.pack(">i", 4 + len(body)) + body)

    def receive(self):
        head = self._exactly(5)
        return head[:1], self._exactly(struct.unpack(">i", head[1:])[0] - 4)

    def until(self, kind):
        """Returns the messages up to the first one of this kind."""
        got = []
        while True:
            got.append(self.receive())
            if got[-1][0] == kind:
                return got

    def error(self):
        """Returns the error before the server is ready again or ends the connection; None if there was no error."""
        found = None
        try:
            while True:
                kind, body = self.receive()
                if kind == b"E":
                    found = body.decode()
                if kind == b"Z":
                    return found
        except ConnectionError:
            return found or "the connection ended without a word"

    def query(self, text):
        self.send(b"Q", text.encode() + b"\0")
        got = self.until(b"Z")
        errors = [body for kind, body in got if kind == b"E"]
        assert not errors, errors
        return sum(kind == b"D" for kind, _ in got)

    def _exactly(self, size):
        got = b""
        while len(got) < size:
            more = self.socket.recv(size - len(got))
            if not more:
                raise ConnectionError("the server closed the connection")
            got += more
        return got


def push(connection, size, seconds):
    """Sends until the server has accepted no bytes for `seconds`; returns False if the server has ended the connection.
    """
    connection.settimeout(seconds)
    piece = bytes(MB)
    try:
        while size > 0:
            size -= connection.send(piece[:size])
    except socket.timeout:
        return True
    except ConnectionError:
        return False
    return True


def half_frames():
    """Opens connections that send most of a frame, as far as the server accepts it."""
    connections = [kafka_wire.Connection(SERVER.kafka, 60) for _ in range(FRAMES)]
    for connection in connections:
        connection.socket.sendall(struct.pack(">i", FRAME_MB * MB) + bytes(1000))
    threads = [threading.Thread(target=push, args=(c.socket, FRAME_MB * MB - 2000, 1), daemon=True)
               for c in connections]
    for thread in threads:
        thread.start()
    return connections


def half_statements():
    """Opens connections that send most of a PostgreSQL statement."""
    clients = [Sql() for _ in range(HALF_STATEMENTS)]
    for client in clients:
        client.socket.sendall(b"Q" + struct.pack(">i", FRAME_MB * MB) + b"SELECT '" + bytes(1000))
        threading.Thread(target=push, args=(client.socket, FRAME_MB * MB - 2000, 1), daemon=True).start()
    return clients


def unread_fetches():
    connections = []
    for _ in range(FETCHES):
        connection = kafka_wire.Connection(SERVER.kafka, 60)
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.send(kafka_wire.FETCH, 4, kafka_wire.fetch_body("big", max_bytes=50 * MB))
        connections.append(connection)
    return connections


def copy_in_transaction():
    """Returns the error that ends the COPY."""
    client = Sql()
    client.query("BEGIN")
    client.send(b"Q", b"COPY rows FROM STDIN\0")
    client.until(b"G")
    line = b"1\t" + b"x" * 1000 + b"\n"
    portion = line * (MB // len(line))
    client.socket.settimeout(60)
    try:
        for _ in range(COPY_MB):
            client.send(b"d", portion)
        client.send(b"c", b"")
    except ConnectionError:
        pass
    return client.error()


def prepare_many(text):
    """Returns the error of the first statement that is refused."""
    client = Sql()
    for i in range(STATEMENTS):
        try:
            client.send(b"P", b"s%d\0" % i + text + b"\0\0\0")
            client.send(b"S", b"")
        except ConnectionError:
            pass
        error = client.error()
        if error:
            return error
    return "all were taken"


@timed
@case
def settings_of_a_client_are_not_copied_for_each_task():
    server = launch("--memory-limit", f"{LIMIT_MB}MB")
    client = Sql(server)
    for number in range(900):
        client.query(f"SET x{number}.y = '{'v' * 1000}'")
    client.query("CREATE STREAM many (id INT KEY, v INT) WITH (PARTITIONS = 200)")
    before = anonymous_mb(server)
    client.query("CREATE TABLE sums AS SELECT id, SUM(v) AS s FROM many GROUP BY id")
    grown = anonymous_mb(server) - before
    server.stop()
    assert grown < 100, f"{grown:.0f} MB"


@timed
@case
def everything_at_once():
    with kafka_wire.Connection(SERVER.kafka, 60) as setup:
        setup.create_topic("big")
        setup.create_topic("small")
        for _ in range(TOPIC_MB):
            assert setup.produce("big", batch_of(os.urandom(1000_000)).encode())[0] == 0
    good_sql, good_kafka = Sql(), kafka_wire.Connection(SERVER.kafka, 60)
    good_sql.query("CREATE STREAM rows (id INT KEY, text VARCHAR) WITH (kafka_topic = 'rows', partitions = 1)")
    good_sql.query("CREATE STREAM many (id INT KEY, text VARCHAR) WITH (kafka_topic = 'many', partitions = 1)")
    good_sql.query("CREATE TABLE counts AS SELECT id, COUNT(*) AS n FROM rows GROUP BY id")
    # Each record belongs to 3,600 windows, so the INSERTs below cause tens of thousands of changes and more.
    good_sql.query("CREATE TABLE windows AS SELECT id, COUNT(*) AS n FROM many WINDOW HOPPING "
                   "(SIZE 1 HOUR, ADVANCE BY 1 SECOND) GROUP BY id")
    watch = Watch()

    errors = {}
    offenders = [threading.Thread(target=lambda: errors.update(copy=copy_in_transaction())),
                 threading.Thread(target=lambda: errors.update(
                     literal=prepare_many(b"SELECT '" + b"x" * MB + b"'"))),
                 threading.Thread(target=lambda: errors.update(
                     list=prepare_many(b"SELECT " + b"1, " * (MB // 3) + b"1")))]
    many = ", ".join(f"({i % 5}, 'x')" for i in range(WINDOW_RECORDS))
    good_sql.query(f"INSERT INTO many VALUES {many}")
    fetches = unread_fetches()
    frames = half_frames()
    statements = half_statements()
    for offender in offenders:
        offender.start()

    slowest_s, turns = 0, 0
    deadline = Deadline(120)
    while not deadline.is_over():
        begun = time.monotonic()
        error, offset = good_kafka.produce("small", batch_of(b"%d" % turns).encode())
        assert error == 0, error
        error, end, records = good_kafka.fetch("small", offset)
        assert error == 0 and kafka_wire.split_batches(records)[0].is_sound
        good_sql.query(f"INSERT INTO rows VALUES ({turns % 3}, 'good')")
        assert good_sql.query(f"SELECT * FROM counts WHERE id = {turns % 3}") == 1
        slowest_s = max(slowest_s, time.monotonic() - begun)
        turns += 1
        if turns > 20 and not any(o.is_alive() for o in offenders) and frames_are_ended(frames):
            break
    else:
        raise AssertionError("the offenders were not ended")
    watch.is_over = True

    print(f"  at most {watch.most_mb:.0f} MB, slowest of {turns} turns of a good client {slowest_s:.2f} s")
    assert watch.most_mb < MOST_MB, watch.most_mb
    assert "copy-atomic-bytes" in errors["copy"] or "memory-limit" in errors["copy"], errors["copy"]
    assert "memory-limit" in errors["list"] or "too long" in errors["list"], errors["list"]
    assert "memory-limit" in errors["literal"], errors["literal"]
    for client in statements:
        client.socket.settimeout(patience(10))
        try:
            error = client.error()
        except TimeoutError:
            # The other clients have disconnected, and the remaining memory is within the limit.
            held = memory_of(good_sql)["held bytes"]
            assert held <= LIMIT_MB * 0.76, held
            continue
        assert "not enough memory for a message" in error and "memory-limit" in error, error
    with open(SERVER.log) as log:
        ends = [line for line in log if "connection ended" in line]
    assert any("not enough memory for" in line and f"memory-limit is {LIMIT_MB} MB" in line
               for line in ends), ends
    del fetches


def frames_are_ended(frames):
    """Returns whether the server has closed the connections with half a frame."""
    for connection in frames:
        connection.socket.settimeout(0.001)
        try:
            if connection.socket.recv(1):
                return False
        except socket.timeout:
            return False
        except ConnectionError:
            pass
    return True


@timed
@case
def a_copy_of_any_size_goes_through_outside_of_a_transaction():
    client = Sql()
    client.query("CREATE STREAM copied (id INT KEY, text VARCHAR) WITH (kafka_topic = 'copied', partitions = 1)")
    line = b"1\t" + b"x" * 1000 + b"\n"
    for is_in_transaction in (True, False):
        if is_in_transaction:
            client.query("BEGIN")
        client.send(b"Q", b"COPY copied FROM STDIN\0")
        client.until(b"G")
        for _ in range(LIMIT_MB):
            client.send(b"d", line * (MB // len(line)))
        client.send(b"c", b"")
        error = client.error()
        if is_in_transaction:
            assert "the transaction holds more than" in error and "copy-atomic-bytes" in error, error
            client.query("ROLLBACK")
        else:
            assert error is None, error


@timed
@case
def there_may_be_more_connections_than_the_shell_lets_programs_open_files():
    server = launch("--max-connections", "300", open_files=100)
    try:
        connections = [kafka_wire.Connection(server.kafka) for _ in range(200)]
        for connection in connections:
            connection.ask(kafka_wire.API_VERSIONS, 0, b"")
        connections += [kafka_wire.Connection(server.kafka) for _ in range(110)]
        assert connections[-1].is_ended(), "there may be 300"
        connections[0].ask(kafka_wire.API_VERSIONS, 0, b"")
    finally:
        server.stop()


@timed
@case
def a_query_takes_memory_by_its_tasks_not_by_the_square_of_the_partitions():
    server = launch()
    try:
        client = Sql(server)
        client.query("CREATE STREAM wide (id INT) WITH (PARTITIONS = 1000)")
        before = anonymous_mb(server)
        client.query("CREATE TABLE counts AS SELECT id, COUNT(*) AS n FROM wide GROUP BY id")
        assert anonymous_mb(server) - before < 120, (before, anonymous_mb(server))
    finally:
        server.stop()


@timed
@case
def queries_that_no_client_reads():
    """Cursors and push queries over a table of 2 MB: their rows count. Push queries pause, and a client that reads
    is served; the last cursor gets an error."""
    client = Sql()
    client.query("CREATE TABLE kept (id INT PRIMARY KEY, text VARCHAR)")
    for first in (0, 1000):
        rows = ",".join(f"({i},'{'x' * 1000}')" for i in range(first, first + 1000))
        client.query(f"INSERT INTO kept VALUES {rows}")
    pushing = [Sql() for _ in range(2 * LIMIT_MB)]
    watch = Watch()
    for client in pushing:
        client.send(b"Q", b"SELECT * FROM kept EMIT CHANGES\0")
    wait_until_at_rest(Sql(), [each.socket for each in pushing])
    watch.is_over = True
    assert watch.most_mb < MOST_MB, watch.most_mb
    rows = 0
    while rows < 2000:
        kind, body = pushing[-1].receive()
        assert kind != b"E" or b"memory-limit is" in body, body
        if kind == b"E":
            break
        rows += kind == b"D"
    for client in pushing:
        client.socket.close()

    error = None
    holders = []
    while not error and len(holders) < LIMIT_MB // 4:
        holders.append(Sql())
        holders[-1].query("BEGIN")
        for i in range(60):
            holders[-1].send(b"Q", f"DECLARE c{i} CURSOR FOR SELECT id, text FROM kept; FETCH 1 FROM c{i}\0".encode())
            error = error or holders[-1].error()
    assert error and "not enough memory" in error, error
    assert anonymous_mb() < MOST_MB, anonymous_mb()


def unread_scan(server, text):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect((server.host, server.port))
    body = struct.pack(">i", 196608) + b"user\0ada\0\0"
    statement = text.encode() + b"\0"
    client.sendall(struct.pack(">i", 4 + len(body)) + body + b"Q" + struct.pack(">i", 4 + len(statement)) + statement)
    return client


def memory_of(client):
    client.send(b"Q", b"SHOW SERVER\0")
    rows = [body for kind, body in client.until(b"Z") if kind == b"D"]
    facts = {}
    for row in rows:
        at, cells = 2, []
        while at < len(row):
            size = struct.unpack(">i", row[at:at + 4])[0]
            cells.append(row[at + 4:at + 4 + size].decode())
            at += 4 + size
        if cells[0] == "memory":
            facts[cells[1]] = int(cells[2]) / MB
    return facts


def wait_until_at_rest(client, unread):
    """Returns when all sockets of `unread` have received the first bytes of their answers, and the accounts of the server
    have not changed for a second since then."""
    with selectors.DefaultSelector() as waiting:
        for each in unread:
            waiting.register(each, selectors.EVENT_READ)

        def have_begun():
            for key, _ in waiting.select(1):
                waiting.unregister(key.fileobj)
            return not waiting.get_map()
        wait_until(have_begun, lambda: f"{len(waiting.get_map())} answers have not begun", 60, pause_s=0)
    held = []

    def is_at_rest():
        held.append(memory_of(client)["held bytes"])
        return len(held) > 10 and max(held[-10:]) - min(held[-10:]) < 1
    wait_until(is_at_rest, lambda: f"{held[-10:]} MB held", 60, pause_s=0.1)


@timed
@case
def scans_that_no_client_reads_wait_and_others_are_served():
    scans, rows = 400, 20_000
    server = launch("--memory-limit", "64MB")
    try:
        client = Sql(server)
        client.query("CREATE TABLE wide (id INT PRIMARY KEY, text VARCHAR)")
        for first in range(0, rows, 1000):
            client.query("INSERT INTO wide VALUES " +
                         ",".join(f"({i},'{'x' * 300}')" for i in range(first, first + 1000)))
        assert client.query("SELECT * FROM wide WHERE id = 7") == 1
        before = anonymous_mb(server)
        unread, slowest_s = [], 0
        for number in range(scans):
            unread.append(unread_scan(server, "SELECT * FROM wide"))
            begun = time.monotonic()
            assert client.query(f"SELECT * FROM wide WHERE id = {number}") == 1
            slowest_s = max(slowest_s, time.monotonic() - begun)
        wait_until_at_rest(client, unread)
        facts = memory_of(client)
        grown = anonymous_mb(server) - before
        answers = facts["unread answers bytes"]
        print(f"  {grown:.0f} MB more, {answers:.0f} MB of unread answers, slowest look-up {slowest_s:.3f} s")
        assert 8 < answers < 48, facts
        assert grown < 48 + 40, (grown, facts)
        # A client that reads its answer gets all rows, while the clients that do not read are blocked.
        assert client.query("SELECT * FROM wide") == rows
        for each in unread:
            each.close()
    finally:
        server.stop()


@timed
@case
def push_queries_over_http_that_no_client_reads():
    """Their rows, and the records that they have read ahead, count against the limit; a client that reads is served.

    The queries take seconds to begin, and on a busy machine more than that. So the maximum of all that time is measured.
    At rest, little memory may be in use beside the accounts: a buffer that keeps its capacity after its charge has ended
    shows here, and not in the accounts.
    """
    clients, limit_mb = 600, 256
    server = launch("--memory-limit", f"{limit_mb}MB")
    try:
        client = Sql(server)
        client.query("CREATE STREAM pushed (id INT KEY, text VARCHAR) WITH (KAFKA_TOPIC = 'pushed', PARTITIONS = 4, VALUE_FORMAT = 'JSON')")
        for first in range(0, 2000, 500):
            client.query("INSERT INTO pushed VALUES " +
                         ",".join(f"({i},'{'x' * 1000}')" for i in range(first, first + 500)))
        before = anonymous_mb(server)
        watch = Watch(server)
        sql = "SELECT * FROM pushed EMIT CHANGES;"
        unread = [(push_over_http1 if number % 2 else push_over_http2)(server.http, sql) for number in range(clients)]
        wait_until_at_rest(client, unread)
        watch.is_over = True
        grown, held = watch.most_mb - before, memory_of(client)
        print(f"  at most {grown:.0f} MB more, {held['unread answers bytes']:.0f} MB of unread answers")
        assert grown < limit_mb + 120, (grown, held)

        unaccounted_mb = grown
        for _ in range(20):  # the allocator returns freed memory within two seconds
            unaccounted_mb = min(unaccounted_mb, anonymous_mb(server) - before - memory_of(client)["held bytes"])
            time.sleep(0.1)
        print(f"  {unaccounted_mb:.0f} MB are in no account")
        assert unaccounted_mb < clients / 6, unaccounted_mb
        assert client.query("SELECT * FROM pushed WHERE id = 7") == 1
        for each in unread:
            each.close()
        wait_until(lambda: memory_of(client)["unread answers bytes"] < 1, lambda: memory_of(client))
    finally:
        server.stop()


def end_of(scan):
    """Reads the answer of an unread_scan(); returns its error, or None."""
    client = Sql.__new__(Sql)
    client.socket = scan
    client.until(b"Z")  # the memory at its start
    return client.error()


@timed
@case
def the_rows_that_scans_keep_of_a_changing_table_are_bounded():
    """Each of many unread scans keeps the rows that it has yet to show: the oldest scans end with an error."""
    rows, scans = 20_000, 60
    server = launch("--memory-limit", "64MB", "--state-memory", "16MB")
    try:
        client = Sql(server)
        client.query("CREATE TABLE kept (id INT PRIMARY KEY, text VARCHAR)")

        def write(letter):
            """Returns the most that scans kept meanwhile. All scans may be ended before the last row is written: this
            happens when checkpoints are slow, because scans also keep the state in memory."""
            kept_mb = 0
            for first in range(0, rows, 1000):
                client.query("INSERT INTO kept VALUES " +
                             ",".join(f"({i},'{letter * 300}')" for i in range(first, first + 1000)))
                kept_mb = max(kept_mb, memory_of(client)["rows kept for scans bytes"])
            return kept_mb

        write("a")
        assert client.query("SELECT * FROM kept WHERE id = 7") == 1
        unread = [unread_scan(server, "SELECT * FROM kept") for _ in range(scans)]
        wait_until_at_rest(client, unread)
        before, most = anonymous_mb(server), 0
        for letter in "bcd":
            most = max(most, write(letter))
            assert client.query("SELECT * FROM kept WHERE id = 7") == 1
        grown = anonymous_mb(server) - before
        print(f"  {most:.0f} MB at most, {grown:.0f} MB more")
        assert 4 < most < 32, most
        assert grown < 100, grown
        assert any("changed too much while it was being read" in (end_of(each) or "") for each in unread)
    finally:
        server.stop()


@timed
@case
def offsets_that_are_asked_for_in_advance():
    """Requests that follow each other without a pause, with answers that are five times as large."""
    partitions = kafka_wire.array([struct.pack(">i", number) for number in range(20_000)])
    question = kafka_wire.string("nobody") + kafka_wire.array([kafka_wire.string("nothing") + partitions])
    questions, offset_fetch = 30, 9
    watch = Watch()
    connections = [kafka_wire.Connection(SERVER.kafka, 120) for _ in range(60)]

    def ask(connection):
        for _ in range(questions):
            connection.send(offset_fetch, 5, question)
    asking = [threading.Thread(target=ask, args=(connection,), daemon=True) for connection in connections]
    for thread in asking:
        thread.start()
    for number in range(1, questions + 1):
        for connection in connections:
            assert connection.receive()[0] == number
    watch.is_over = True
    for connection in connections:
        connection.socket.close()
    print(f"{watch.most_mb:.0f} MB")
    assert watch.most_mb < MOST_MB, watch.most_mb


@timed
@case
def memory_comes_back():
    wait_until(lambda: anonymous_mb() < MOST_MB * 0.75, anonymous_mb, seconds=8)


run("a sanitizer has memory of its own" if is_sanitized() else None)
