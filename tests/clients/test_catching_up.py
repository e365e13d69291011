#!/usr/bin/python3
"""Tables and streams that queries make: a reader gets all acknowledged rows, or error 55000, and never silently a
part of them."""
import json
import os
import re
import socket
import threading
import time
import urllib.parse
import urllib.request

import psycopg

from millrace_server import TimedOut, case, launch, patience, run, start_server, timed, wait_until
from small_disk import SmallDisk

server = start_server()
ROWS = 60_000
STILL_READING = re.compile(r"(table|stream)s? \S+( and \S+)* (is|are) still reading (its|their) sources(: [\d,]+ of [\d,]+ records)?$")


def connect(to=server, **settings):
    options = " ".join(f"-c {name.replace('__', '.')}={value}" for name, value in settings.items())
    return psycopg.connect(host=to.host, port=to.port, user="millrace", dbname="millrace", autocommit=True, options=options)


def fill(connection, stream, rows=ROWS, groups=4):
    with connection.cursor().copy(f"COPY {stream} (id, k) FROM STDIN") as copy:
        copy.write("".join(f"{i}\tg{i % groups}\n" for i in range(rows)))


def filled(stream, rows=ROWS):
    """A stream with records that a session wrote which has ended."""
    with connect() as c:
        c.execute(f"CREATE STREAM {stream} (id INT KEY, k VARCHAR)")
        fill(c, stream, rows)


def answer(connection, select):
    """Returns the rows, or the message of an error 55000."""
    try:
        return connection.execute(select).fetchall()
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        return error.diag.message_primary


def warnings_of(connection):
    found = []
    connection.add_notice_handler(lambda notice: found.append(notice.message_primary) if notice.severity == "WARNING" else None)
    return found


def all_or_refused(connection, select, expected):
    """A reader that repeats its SELECTs from the first moment on."""
    while (found := answer(connection, select)) != expected:
        assert isinstance(found, str) and STILL_READING.match(found), found
    return found


@case
def a_new_table_shows_all_records_or_a_notice_that_it_reads_them():
    filled("pt")
    with connect() as maker, connect() as reader, connect(read__wait__ms=0) as hasty:
        for number in range(3):
            maker.execute(f"CREATE TABLE n{number} AS SELECT k, COUNT(*) AS n FROM pt GROUP BY k")
            all_or_refused(hasty, f"SELECT SUM(n) FROM n{number}", [(ROWS,)])
            maker.execute(f"CREATE TABLE m{number} AS SELECT k, COUNT(*) AS n FROM pt GROUP BY k")
            all_or_refused(reader, f"SELECT n FROM m{number} WHERE k = 'g1'", [(ROWS // 4,)])


@case
def an_error_names_the_progress():
    filled("counted", 200_000)
    with connect(read__wait__ms=0) as c:
        c.execute("CREATE TABLE counts AS SELECT k, COUNT(*) AS n FROM counted GROUP BY k")
        try:
            assert c.execute("SELECT SUM(n) FROM counts").fetchone() == (200_000,)
        except psycopg.Error as error:
            assert error.sqlstate == "55000", error
            assert re.match(r"table COUNTS is still reading its sources(: [\d,]+ of 200,000 records)?$", error.diag.message_primary), error
            assert "read.wait.ms (0)" in error.diag.message_hint, error.diag.message_hint


@case
def chains_joins_windows_and_streams_do_so_too():
    with connect() as c, connect() as reader:
        c.execute("CREATE TABLE names (k VARCHAR PRIMARY KEY, name VARCHAR)")
        c.execute("INSERT INTO names VALUES ('g0', 'zero'), ('g1', 'one'), ('g2', 'two'), ('g3', 'three')")
        filled("base")  # each record finds the name that existed before the record
        c.execute("CREATE STREAM copied AS SELECT id, k FROM base")
        c.execute("CREATE TABLE of_copied AS SELECT k, COUNT(*) AS n FROM copied GROUP BY k")
        all_or_refused(reader, "SELECT SUM(n) FROM of_copied", [(ROWS,)])
        c.execute("CREATE STREAM again AS SELECT id, k FROM copied")
        all_or_refused(reader, "SELECT id FROM again WHERE id = 59998", [(ROWS - 2,)])
        c.execute("CREATE STREAM named AS SELECT b.id AS id, b.k AS k, n.name AS name FROM base b JOIN names n ON b.k = n.k")
        c.execute("CREATE TABLE of_named AS SELECT name, COUNT(*) AS n FROM named GROUP BY name")
        all_or_refused(reader, "SELECT SUM(n) FROM of_named", [(ROWS,)])
        c.execute("CREATE TABLE by_day AS SELECT k, COUNT(*) AS n FROM base WINDOW TUMBLING (SIZE 1 DAY) GROUP BY k")
        all_or_refused(reader, "SELECT SUM(n) FROM by_day", [(ROWS,)])
        c.execute("CREATE TABLE first AS SELECT k, COUNT(*) AS n FROM base GROUP BY k")
        c.execute("CREATE TABLE second AS SELECT k, COUNT(*) AS n FROM copied GROUP BY k")
        all_or_refused(reader, "SELECT f.k FROM first f JOIN second s ON f.k = s.k WHERE f.n <> s.n", [])
        c.execute("CREATE TABLE third AS SELECT k, COUNT(*) AS n FROM base GROUP BY k")
        all_or_refused(reader, "SELECT name FROM names WHERE (SELECT SUM(n) FROM third) = 60000 AND k = 'g2'", [("two",)])


@case
def http_reports_a_table_that_catches_up_too():
    filled("over_http")

    def ask(path, statement):
        request = urllib.request.Request(f"http://{server.http}{path}", data=json.dumps({"ksql": statement}).encode(),
                                         headers={"Content-Type": "application/vnd.ksql.v1+json"})
        try:
            with urllib.request.urlopen(request) as reply:
                return reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.read().decode()
    ask("/ksql", "CREATE TABLE http_counts AS SELECT k, COUNT(*) AS n FROM over_http GROUP BY k;")
    reply = ask("/query", "SELECT n FROM http_counts WHERE k = 'g3';")
    assert f"[{ROWS // 4}]" in reply or "still reading its sources" in reply, reply


@case
def a_read_waits_for_records_that_were_written_during_a_pause():
    with connect() as c:
        c.execute("CREATE STREAM paused (id INT KEY, k VARCHAR)")
        c.execute("CREATE TABLE of_paused AS SELECT k, COUNT(*) AS n FROM paused GROUP BY k")
        c.execute("INSERT INTO paused VALUES (0, 'g0')")
        assert c.execute("SELECT n FROM of_paused").fetchall() == [(1,)]
        query = c.execute("SHOW QUERIES").fetchall()
        query = next(row[0] for row in query if "OF_PAUSED" in row[0].upper())
        c.execute(f"PAUSE {query}")
        fill(c, "paused")
        error = answer(c, "SELECT n FROM of_paused WHERE k = 'g0'")
        assert error == f"table OF_PAUSED is not up to date with what this session wrote: query {query} is paused", error
        with connect() as other:
            warned = warnings_of(other)
            assert other.execute("SELECT n FROM of_paused").fetchall() == [(1,)]
            assert warned == [f"table OF_PAUSED is not up to date: query {query} is paused"], warned
        with connect() as other:
            c.execute(f"RESUME {query}")
            all_or_refused(other, "SELECT SUM(n) FROM of_paused", [(ROWS + 1,)])


@case
def each_route_of_http_reports_a_paused_query():
    """A session that wrote nothing gets the rows with a warning, and a request that wrote a row gets the error."""
    with connect() as c:
        c.execute("CREATE STREAM held (id INT KEY, k VARCHAR)")
        c.execute("CREATE TABLE of_held AS SELECT k, COUNT(*) AS n FROM held GROUP BY k")
        c.execute("INSERT INTO held VALUES (0, 'g0')")
        assert c.execute("SELECT n FROM of_held").fetchall() == [(1,)]
        query = next(row[0] for row in c.execute("SHOW QUERIES").fetchall() if "OF_HELD" in row[0].upper())
        c.execute(f"PAUSE {query}")
        c.execute("INSERT INTO held VALUES (1, 'g0')")
    warning = f"table OF_HELD is not up to date: query {query} is paused"
    select = "SELECT * FROM of_held"

    def ask(path, members=None):
        """Returns the body, with the headers that follow it."""
        host, port = server.http.rsplit(":", 1)
        body = json.dumps(members).encode() if members else b""
        with socket.create_connection((host, int(port)), timeout=patience(30)) as connection:
            connection.sendall(f"{'POST' if members else 'GET'} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                               f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    events = "/query-stream?sql=" + urllib.parse.quote(select)
    for path, members in (("/query", {"ksql": select + ";"}), ("/query-stream", {"sql": select + ";"}), (events, None),
                          ("/sql", {"sql": select})):
        found = ask(path, members)
        assert '["g0",1]' in found and warning in found, (path, found)
    own = ask("/sql", {"sql": f"INSERT INTO held VALUES (2, 'g0'); {select}", "settings": {"read.wait.ms": "100"}})
    assert '"code":"55000"' in own and f"what this session wrote: query {query} is paused" in own and '["g0"' not in own, own
    with connect() as c:
        c.execute(f"RESUME {query}")
        all_or_refused(c, "SELECT n FROM of_held", [(3,)])


@case
def a_restarted_server_waits_for_its_backlog():
    own = launch(keeps_log=False)
    try:
        with connect(own) as c:
            c.execute("CREATE STREAM s (id INT KEY, k VARCHAR)")
            c.execute("CREATE TABLE t AS SELECT k, COUNT(*) AS n FROM s GROUP BY k")
            c.execute("PAUSE " + c.execute("SHOW QUERIES").fetchall()[0][0])
            fill(c, "s")
            c.execute("RESUME " + c.execute("SHOW QUERIES").fetchall()[0][0])
            with connect(own) as other:
                all_or_refused(other, "SELECT SUM(n) FROM t", [(ROWS,)])
    finally:
        own.stop()


@case
def a_long_load_is_waited_for_as_long_as_it_goes_on():
    with connect(read__wait__ms=200) as c:
        warned = warnings_of(c)
        c.execute("CREATE STREAM loaded (id INT KEY, k VARCHAR)")
        c.execute("CREATE TABLE of_loaded AS SELECT k, COUNT(*) AS n, COLLECT_SET(id) AS ids, TOPK(id, 20) AS top FROM loaded GROUP BY k")
        fill(c, "loaded", 150_000, groups=1000)
        found = answer(c, "SELECT SUM(n) FROM of_loaded")
        is_refused = isinstance(found, str) and ("has not yet caught up" in found or STILL_READING.match(found))
        assert found == [(150_000,)] or is_refused, found
        assert not warned, warned


def load_until_slower(c, target, select, loads, bound_ms):
    """Loads rows until a SELECT of them has taken longer than `bound_ms`; each SELECT must have all rows."""
    rows = 0
    for more in loads:
        with c.cursor().copy(f"COPY {target} (id, k) FROM STDIN") as copy:
            for begin in range(rows, rows + more, 100_000):
                copy.write("".join(f"{i}\tg{i % 1000}\n" for i in range(begin, min(begin + 100_000, rows + more))))
        rows += more
        began = time.monotonic()
        try:
            found = c.execute(select).fetchall()
        except psycopg.errors.ObjectNotInPrerequisiteState as error:
            raise TimedOut(f"{target}: {rows} rows: {error}") from None
        assert found == [(rows,)], (target, found, rows)
        took_ms = (time.monotonic() - began) * 1000
        if took_ms > bound_ms:
            break
    print(f"  {target}: {rows} rows, the last SELECT took {took_ms:.0f} ms, the aim was {bound_ms} ms")


@timed
@case
def a_copy_is_waited_for_longer_than_read_wait_ms():
    """The session that has written the rows gets all of them, however long the table needs: read.wait.ms limits the wait
    without progress alone. The second table is made in two stages, of which the second one takes the time: its progress
    is that of the exchange between them."""
    wait_ms = int(patience(0.3) * 1000)
    with connect(read__wait__ms=wait_ms) as c:
        c.execute("CREATE TABLE large (id INT PRIMARY KEY, k VARCHAR)")
        load_until_slower(c, "large", "SELECT COUNT(*) FROM large", [500_000, 1_000_000, 2_000_000], wait_ms)
        c.execute("DROP TABLE large")
        c.execute("CREATE STREAM gathered (id INT KEY, k VARCHAR)")
        c.execute("CREATE TABLE of_gathered AS SELECT k, COUNT(*) AS n, COLLECT_SET(id) AS ids FROM gathered GROUP BY k")
        load_until_slower(c, "gathered", "SELECT SUM(n) FROM of_gathered", 10 * [100_000], 3 * wait_ms)


# Under ksqlDB's defaults a sum of DECIMALs that overflows ends its query.
as_ksqldb = launch("--compat", "ksqldb")
RECORDS = "('x', 2.00), ('big', 60.00), ('y', 3.00), ('big', 60.00), ('x', 5.00)"
FIRST_ROWS = {"x": 2, "y": 3, "big": 60}


def failing(c, name):
    c.execute(f"CREATE STREAM s{name} (name VARCHAR, d DECIMAL(4,2)) WITH (kafka_topic='s{name}', value_format='JSON', partitions=1)")
    c.execute(f"CREATE TABLE t{name} AS SELECT name, COUNT(*) AS n, SUM(d) AS s, COLLECT_LIST(d) AS l, MAX(d) AS m FROM s{name} GROUP BY name EMIT CHANGES")


def await_failure(c, name):
    wait_until(lambda: [row for row in c.execute("SHOW QUERIES").fetchall() if f"CTAS_T{name.upper()}_" in row[0] and row[1] == "ERROR"],
               lambda: c.execute("SHOW QUERIES").fetchall())
    wait_until(lambda: not isinstance(answer(c, f"SELECT * FROM t{name}"), str), lambda: answer(c, f"SELECT * FROM t{name}"))


@case
def rows_of_a_batch_that_fails_are_never_seen():
    with connect(as_ksqldb) as c, connect(as_ksqldb, read__wait__ms=0) as hasty:
        for number in range(8):
            name = f"torn{number}"
            failing(c, name)
            ended = threading.Event()
            seen = []

            def look(name=name, seen=seen, ended=ended):
                with connect(as_ksqldb) as reader:
                    while not ended.is_set():
                        for by in ("", " WHERE name = 'x'", " WHERE name = 'big'"):
                            rows = answer(reader, f"SELECT name, n, s, l, m FROM t{name}{by}")
                            if not isinstance(rows, str):
                                seen.extend(rows)
            readers = [threading.Thread(target=look) for _ in range(2)]
            for reader in readers:
                reader.start()
            c.execute(f"INSERT INTO s{name} VALUES {RECORDS}")
            await_failure(hasty, name)
            ended.set()
            for reader in readers:
                reader.join()
            for key, n, total, all_of_them, most in seen:
                assert (n, float(total), [float(d) for d in all_of_them], float(most or 0)) == \
                    (1, FIRST_ROWS[key], [FIRST_ROWS[key]], FIRST_ROWS[key]), (key, n, total, all_of_them, most)


@case
def a_table_whose_query_has_failed_warns_and_refuses_a_session_that_wrote_more():
    with connect(as_ksqldb) as c, connect(as_ksqldb, read__wait__ms=0) as other:
        failing(c, "failed")
        c.execute(f"INSERT INTO sfailed VALUES {RECORDS}")
        await_failure(other, "failed")
        warned = warnings_of(other)
        rows = sorted((name, n) for name, n in other.execute("SELECT name, n FROM tfailed").fetchall())
        assert rows == [("big", 1), ("x", 1), ("y", 1)], rows
        assert len(warned) == 1 and "is not up to date: query CTAS_TFAILED" in warned[0] and "has failed" in warned[0], warned
        for by in ("", " WHERE name = 'x'"):
            error = answer(c, "SELECT name, n FROM tfailed" + by)
            assert isinstance(error, str) and "is not up to date with what this session wrote: query CTAS_TFAILED" in error, error


@case
def while_a_query_waits_for_room_no_reader_takes_its_table_for_whole():
    disk = SmallDisk(300)
    own = launch(data_dir=os.path.join(disk.folder, "data"))
    keys, each = 2_000, 12
    try:
        with connect(own) as c:
            c.execute("CREATE STREAM k (id INT KEY, i INT, v VARCHAR)")
            with c.cursor().copy("COPY k (id, i, v) FROM STDIN") as copy:
                for i in range(1, each + 1):
                    copy.write("".join(f"{key}\t{i}\t{'x' * 2_000}\n" for key in range(keys)))
            c.execute("CREATE TABLE t AS SELECT id, COUNT(*) AS n, SUM(i) AS s, MAX(i) AS m, LATEST_BY_OFFSET(v) AS l FROM k GROUP BY id")
            query = c.execute("SHOW QUERIES").fetchall()[0][0]
            c.execute(f"PAUSE {query}")
            disk.fill(36)
            with connect(own, read__wait__ms=200) as reader:
                warned = warnings_of(reader)
                c.execute(f"RESUME {query}")

                def stands():
                    rows = answer(reader, "SELECT id, n, s, m FROM t")
                    if isinstance(rows, str):
                        return True
                    for key, n, total, most in rows:
                        assert most == n and total == n * (n + 1) // 2, (key, n, total, most)
                    was_told = bool(warned)
                    warned.clear()
                    assert was_told or len(rows) == keys and all(row[1] == each for row in rows), (len(rows), warned)
                    return False
                for _ in range(50):
                    stands()
                    time.sleep(0.02)
                os.remove(disk.filler)
                wait_until(lambda: not stands() and len(answer(reader, f"SELECT id FROM t WHERE n = {each}")) == keys, seconds=60)
    finally:
        own.stop()
        disk.close()


@case
def a_replaced_table_has_one_answer():
    with connect() as c:
        c.execute("CREATE STREAM o (id INT KEY, city VARCHAR, amount INT)")
        c.execute("CREATE TABLE r AS SELECT city, COUNT(*) AS n, SUM(amount) AS total FROM o GROUP BY city")
        c.execute("INSERT INTO o VALUES (1, 'Lahore', 10), (2, 'Quetta', 20), (3, 'Karachi', 4)")
        assert len(c.execute("SELECT * FROM r").fetchall()) == 3
        c.execute("CREATE OR REPLACE TABLE r AS SELECT city, COUNT(*) AS n, SUM(amount) AS total, SUM(amount) / COUNT(*) AS mean FROM o GROUP BY city")
        shown = sorted(c.execute("SELECT city, n, total, mean FROM r").fetchall())
        assert shown == [("Karachi", 1, 4, 4), ("Lahore", 1, 10, 10), ("Quetta", 1, 20, 20)], shown
        followed = sorted(c.execute("SELECT city, n, total, mean FROM r EMIT CHANGES LIMIT 3").fetchall())
        assert followed == shown, followed
        c.execute("CREATE TABLE copy AS SELECT city, mean FROM r")
        assert sorted(c.execute("SELECT city, mean FROM copy").fetchall()) == [("Karachi", 4), ("Lahore", 10), ("Quetta", 20)]
        # If a condition excludes rows, they are also deleted in the topic; if a later condition includes them again,
        # they are written again.
        c.execute("CREATE OR REPLACE TABLE r AS SELECT city, COUNT(*) AS n, SUM(amount) AS total, SUM(amount) / COUNT(*) AS mean FROM o GROUP BY city HAVING SUM(amount) > 5")
        for _ in range(2):
            wanted = sorted(c.execute("SELECT city, mean FROM r").fetchall())
            wait_until(lambda: sorted(c.execute("SELECT city, mean FROM copy").fetchall()) == wanted)
            c.execute("CREATE OR REPLACE TABLE r AS SELECT city, COUNT(*) AS n, SUM(amount) AS total, SUM(amount) / COUNT(*) AS mean FROM o GROUP BY city HAVING SUM(amount) > 0")
        c.execute("INSERT INTO o VALUES (4, 'Quetta', 40)")
        assert c.execute("SELECT n, total, mean FROM r WHERE city = 'Quetta'").fetchall() == [(2, 60, 30)]


run()
