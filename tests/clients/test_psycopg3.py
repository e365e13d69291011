#!/usr/bin/python3
"""psycopg 3 against a server: what its users type."""
import datetime
import decimal
import ipaddress
import json
import os
import re
import threading
import time
import uuid
import zoneinfo

import psycopg
import psycopg.types.enum
from psycopg.types.json import Jsonb
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from millrace_server import Skipped, case, check_less, launch, patience, run, start_server, timed, wait_until

SERVER = start_server()
HOST, PORT = SERVER.host, SERVER.port
UTC = datetime.timezone.utc
NOON = datetime.datetime(2024, 1, 2, 12, 30, 15, 678000, tzinfo=UTC)


def connect(**options):
    return psycopg.connect(host=HOST, port=PORT, user="millrace", dbname="millrace", **options)


def with_stream(connection, name, columns="id INT KEY, city VARCHAR, amount DECIMAL(10, 2)"):
    connection.execute(f"CREATE STREAM {name} ({columns})")


def from_the_beginning(connection, query, parameters=None, binary=None):
    """The rows of a push query that has a LIMIT."""
    connection.execute("SET 'auto.offset.reset' = 'earliest'")
    return connection.execute(query, parameters, binary=binary).fetchall()


@case
def parameters_that_clients_declare_count_in_cursors_and_beside_each_other():
    at = datetime.datetime(2024, 1, 2, 10, 30)
    number = decimal.Decimal("-1.5")
    asked = [("date_trunc('hour', %s)", [at], at.replace(minute=0)), ("to_char(%s, 'YYYY')", [at], "2024"),
             ("abs(%s) + 1", [number], decimal.Decimal("2.5")), ("%s * %s", [number, number], decimal.Decimal("2.25")),
             ("%s %% %s", [number, decimal.Decimal(1)], decimal.Decimal("-0.5")),
             ("%s::text", [decimal.Decimal("1.0000000000000000000000001")], "1.0000000000000000000000001"),
             ("%s::text", [decimal.Decimal("1.10")], "1.10")]
    with connect(autocommit=True) as c, c.transaction():
        for item, values, wanted in asked:
            for source in ("", " FROM (VALUES (1)) v(a)"):
                assert c.execute(f"SELECT {item}{source}", values).fetchall() == [(wanted,)], item
                with c.cursor(name="typed") as cursor:
                    assert cursor.execute(f"SELECT {item}{source}", values).fetchall() == [(wanted,)], item


@case
def formats_and_parameters_of_clients_are_checked():
    """An invalid format code is an error of the parameter (22023), and a parameter in an array has the type of the
    array's elements."""
    with connect(autocommit=True) as c:
        failed = c.pgconn.exec_params(b"SELECT $1::int", [b"1"], param_formats=[7])
        assert failed.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"22023", failed.error_message
        c.pgconn.prepare(b"among", b"SELECT $1 = ANY('{1,2}'::int[]), $2 = ANY($3::text[])")
        told = c.pgconn.describe_prepared(b"among")
        assert [told.param_type(n) for n in range(3)] == [23, 25, 1009], [told.param_type(n) for n in range(3)]
        assert c.execute("SELECT %s = ANY(%s)", (2, [1, 2])).fetchall() == [(True,)]


@case
def a_session_reads_its_own_writes():
    with connect(autocommit=True) as c:
        with_stream(c, "orders")
        c.execute("CREATE TABLE by_city AS SELECT city, COUNT(*) AS orders, SUM(amount) AS total "
                  "FROM orders GROUP BY city")
        inserted = c.execute("INSERT INTO orders VALUES (1, 'Lahore', 120.00), "
                             "(2, 'Karachi', 80.50), (3, 'Lahore', 45.25)")
        assert inserted.rowcount == 3, inserted.rowcount
        cursor = c.execute("SELECT * FROM by_city WHERE city = 'Lahore'")
        assert [column.name for column in cursor.description] == ["city", "orders", "total"]
        assert cursor.fetchall() == [("Lahore", 2, decimal.Decimal("165.25"))]


@case
def rows_of_one_session_are_found_by_another():
    """As in an application with a pool: the row is written by one connection and looked up by the next one."""
    with connect(autocommit=True) as writer, connect(autocommit=True) as reader:
        writer.execute("CREATE TABLE pooled (id INT PRIMARY KEY, v INT)")
        in_text = psycopg.ClientCursor(reader)
        for i in range(600):
            writer.execute("INSERT INTO pooled VALUES (%s, %s)", (i, i), prepare=True)
            if i % 2:
                found = reader.execute("SELECT v FROM pooled WHERE id = %s", (i,), prepare=True).fetchall()
            else:
                found = in_text.execute("SELECT v FROM pooled WHERE id = %s", (i,)).fetchall()
            assert found == [(i,)], (i, found)
        for i in range(0, 600, 3):
            writer.execute("UPDATE pooled SET v = -1 WHERE id = %s", (i,))
            assert reader.execute("SELECT v FROM pooled WHERE id = %s", (i,), prepare=True).fetchall() == [(-1,)], i
            writer.execute("DELETE FROM pooled WHERE id = %s", (i,))
            assert not reader.execute("SELECT v FROM pooled WHERE id = %s", (i,), prepare=True).fetchall(), i


@case
def parameters_have_the_types_of_quoted_columns():
    with connect(autocommit=True) as c:
        with_stream(c, "quoted")
        c.execute('INSERT INTO "quoted" ("id", "city", "amount") VALUES (%s, %s, %s)', (1, "Bern", decimal.Decimal("1.25")))
        assert c.execute("SELECT * FROM quoted").fetchall() == [(1, "Bern", decimal.Decimal("1.25"))]


@case
def parameters_of_all_types_come_back_as_they_were():
    columns = ("id INT KEY, l BIGINT, d DOUBLE, n DECIMAL(10, 2), b BOOLEAN, s VARCHAR, x BYTES, "
               "day DATE, t TIME, ts TIMESTAMP, a ARRAY<INT>, m MAP<VARCHAR, INT>")
    row = (1, 2**40, 1.5, decimal.Decimal("-12.50"), True, "grüße", b"\0\xff",
           datetime.date(2024, 1, 2), datetime.time(3, 4, 5), NOON, [1, None, 3])
    with connect(autocommit=True) as c:
        with_stream(c, "all_types", columns)
        places = ", ".join(["%s"] * 12)
        binary_places = ", ".join(["%b"] * 12)
        c.execute(f"INSERT INTO all_types VALUES ({places})", (*row, Jsonb({"k": 1})))
        c.execute(f"INSERT INTO all_types VALUES ({binary_places})", (*row, Jsonb({"k": 1})))
        query = "SELECT id, l, d, n, b, s, x, day, t, ts, a, m FROM all_types EMIT CHANGES LIMIT 2"
        for binary in (False, True):
            rows = from_the_beginning(c, query, binary=binary)
            assert rows == [(*row, {"k": 1})] * 2, rows


@case
def explain_analyze_runs_the_steps_and_shows_their_times():
    took = r" \(actual rows={} time=\d+\.\d{{3}} ms memory=\d+.*\)"
    with connect(autocommit=True) as c:
        c.execute("CREATE TABLE measured (id INT PRIMARY KEY, city VARCHAR, amount INT)")
        c.execute("INSERT INTO measured VALUES " + ", ".join(f"({i}, 'city {i % 3}', {i})" for i in range(100)))
        query = "SELECT city, COUNT(*) AS n FROM measured WHERE amount >= %s GROUP BY city ORDER BY n DESC LIMIT 2"
        cursor = c.execute("EXPLAIN ANALYZE " + query, (10,))
        assert [column.name for column in cursor.description] == ["QUERY PLAN"], cursor.description
        assert cursor.statusmessage == "EXPLAIN", cursor.statusmessage
        lines = [line for line, in cursor]
        for line, pattern in zip(lines[1:], ("-> Limit 2", " *-> Sort by .*", " *-> Project .*", " *-> Group by .*", " *-> Scan table .*"), strict=False):
            assert re.fullmatch(pattern + took.format(r"\d+"), line), lines
        assert re.fullmatch(".*Group by.*" + took.format(3), next(line for line in lines if "Group by" in line)), lines
        assert re.fullmatch(".*Scan table.*" + took.format(90), next(line for line in lines if "Scan table" in line)), lines
        assert re.fullmatch(r"Reading Tables: \d+\.\d{3} ms", lines[-2]) and re.fullmatch(r"Execution Time: \d+\.\d{3} ms", lines[-1]), lines
        # EXPLAIN ANALYZE works for look-ups by key and for constants, too.
        for statement in ("SELECT * FROM measured WHERE id = 7", "SELECT 1 + 1"):
            lines = [line for line, in c.execute("EXPLAIN ANALYZE " + statement)]
            assert "actual rows=1 " in lines[1] and lines[-1].startswith("Execution Time: "), lines
        # A statement that fails at run time fails here, too; a query without end is refused.
        for statement, reason in (("SELECT 1 / (amount - amount) FROM measured GROUP BY amount", "division by zero"),
                                  ("SELECT * FROM measured EMIT CHANGES", "EXPLAIN ANALYZE requires a SELECT over tables")):
            try:
                c.execute("EXPLAIN ANALYZE " + statement)
            except psycopg.Error as error:
                assert reason in str(error).lower() or reason in str(error), error
            else:
                raise AssertionError(statement)


@case
def nulls_come_back_as_none():
    with connect(autocommit=True) as c:
        with_stream(c, "nulls", "id INT KEY, s VARCHAR, n BIGINT")
        c.execute("INSERT INTO nulls VALUES (%s, %s, %s)", (1, None, None))
        rows = from_the_beginning(c, "SELECT id, s, n FROM nulls EMIT CHANGES LIMIT 1")
        assert rows == [(1, None, None)], rows


@case
def prepared_statements_are_used_again():
    with connect(autocommit=True) as c:
        with_stream(c, "prepared", "id INT KEY, s VARCHAR")
        for i in range(10):
            c.execute("INSERT INTO prepared VALUES (%s, %s)", (i, f"n{i}"), prepare=True)
        rows = from_the_beginning(c, "SELECT id, s FROM prepared EMIT CHANGES LIMIT 10")
        assert sorted(rows) == [(i, f"n{i}") for i in range(10)], rows


@case
def a_look_up_takes_a_parameter():
    with connect(autocommit=True) as c:
        with_stream(c, "visits", "id INT KEY, page VARCHAR")
        c.execute("CREATE TABLE pages AS SELECT page, COUNT(*) AS n FROM visits GROUP BY page")
        c.execute("INSERT INTO visits VALUES (1, 'home'), (2, 'cart'), (3, 'home')")
        for page, count in (("home", 2), ("cart", 1)):
            found = c.execute("SELECT n FROM pages WHERE page = %s", (page,)).fetchone()
            assert found == (count,), found


@case
def a_list_of_keys_is_one_parameter():
    with connect(autocommit=True) as c:
        c.execute("CREATE TABLE names (id BIGINT PRIMARY KEY, name VARCHAR)")
        c.execute("CREATE TABLE ids (name VARCHAR PRIMARY KEY, id INT)")
        c.execute("INSERT INTO names VALUES (1, 'Ann'), (2, 'Bob'), (3, 'Cid')")
        c.execute("INSERT INTO ids VALUES ('Ann', 1), ('Bob', 2), ('Cid', 3)")
        for binary in (False, True):
            for wanted in ([3, 1], [1, 3, 1, 99], [1, None, 3]):
                found = c.execute("SELECT name FROM names WHERE id = ANY(%s)", (wanted,), binary=binary).fetchall()
                assert sorted(found) == [("Ann",), ("Cid",)], (wanted, found)
            assert c.execute("SELECT name FROM names WHERE id = ANY(%s)", ([],), binary=binary).fetchall() == []
            found = c.execute("SELECT id FROM ids WHERE name = ANY(%s) AND id > 1", (["Ann", "Cid"],)).fetchall()
            assert found == [(3,)], found
        # The server also infers the type of an array parameter if the client declares no type.
        found = c.pgconn.exec_params(b"SELECT name FROM names WHERE id = ANY($1)", [b"{2,3}"])
        assert found.ntuples == 2, found.error_message


@case
def a_push_query_ends_with_the_name_of_what_was_dropped():
    with connect(autocommit=True) as c, connect(autocommit=True) as other:
        with_stream(other, "going")
        other.execute("INSERT INTO going VALUES (1, 'Bern', 1.00)")
        c.execute("SET 'auto.offset.reset' = 'earliest'")
        rows = c.cursor().stream("SELECT id FROM going EMIT CHANGES")
        assert next(rows) == (1,)
        other.execute("DROP STREAM going DELETE TOPIC")
        try:
            next(rows)
            raise AssertionError("it goes on")
        except psycopg.Error as error:
            assert str(error) == "stream GOING was dropped", error


@case
def an_idle_push_query_ends_when_its_stream_is_dropped():
    with connect(autocommit=True) as c, connect(autocommit=True) as other:
        with_stream(other, "quiet")
        other.execute("INSERT INTO quiet VALUES (1, 'Bern', 1.00)")
        other.execute("CREATE STREAM unrelated (id INT KEY)")
        c.execute("SET 'auto.offset.reset' = 'earliest'")
        rows = c.cursor().stream("SELECT id FROM quiet EMIT CHANGES")
        assert next(rows) == (1,)
        other.execute("DROP STREAM unrelated")
        other.execute("INSERT INTO quiet VALUES (2, 'Bern', 1.00)")
        assert next(rows) == (2,)
        other.execute("DROP STREAM quiet")  # its topic stays, so the query could go on
        try:
            next(rows)
            raise AssertionError("it goes on")
        except psycopg.Error as error:
            assert str(error) == "stream QUIET was dropped", error


@case
def a_look_up_ends_with_the_name_of_what_was_dropped():
    rows_of_table = 60_000  # rows of a kilobyte: more than is sent ahead to a client that does not read
    with connect(autocommit=True) as c, connect(autocommit=True) as other:
        other.execute("CREATE TABLE doomed (id INT PRIMARY KEY, note VARCHAR)")
        with other.cursor().copy("COPY doomed (id, note) FROM STDIN") as copy:
            for i in range(rows_of_table):
                copy.write_row((i, "x" * 1000))
        other.execute("SET read.wait.ms = 60000")  # it is written faster than a busy machine reads it
        assert other.execute("SELECT id FROM doomed WHERE id = 1").fetchall() == [(1,)]
        rows = c.cursor().stream("SELECT id, note FROM doomed")
        next(rows)
        other.execute("DROP TABLE doomed")
        try:
            count = 1 + sum(1 for _ in rows)
            raise AssertionError(f"all {count} rows were on their way")
        except psycopg.errors.UndefinedTable as error:
            assert str(error) == "table DOOMED was dropped during the look-up", error


@case
def columns_of_casts_have_the_names_of_pg_type():
    with connect(autocommit=True) as c:
        names = [column.name for column in c.execute(
            "SELECT CAST(1 AS SMALLINT), 1.5::real, trim(' x '), trim(leading 'x' from 'xa'), 2::int2, CAST(3 AS REAL), "
            "now() + interval '1 day', now() - interval '2 days 3 hours'").description]
        assert names == ["int2", "float4", "btrim", "ltrim", "int2", "float4", "?column?", "?column?"], names


@case
def executemany_in_one_commit():
    with connect(autocommit=True) as c:
        with_stream(c, "many", "id INT KEY, s VARCHAR")
        cursor = c.cursor()
        cursor.executemany("INSERT INTO many VALUES (%s, %s)", [(i, "x") for i in range(200)])
        assert cursor.rowcount == 200, cursor.rowcount
        rows = from_the_beginning(c, "SELECT id FROM many EMIT CHANGES LIMIT 200")
        assert sorted(rows) == [(i,) for i in range(200)]


@case
def copy_takes_csv_text_and_json():
    with connect(autocommit=True) as c:
        with_stream(c, "copied")
        cursor = c.cursor()
        with cursor.copy("COPY copied FROM STDIN WITH (FORMAT csv, HEADER)") as copy:
            copy.write("id,city,amount\n1,Lahore,1.50\n2,\"a, b\",\n")
        assert cursor.rowcount == 2, cursor.rowcount
        with cursor.copy("COPY copied (id, city) FROM STDIN") as copy:
            copy.write_row((3, "tab\there"))
        with cursor.copy("COPY copied FROM STDIN (FORMAT json)") as copy:
            copy.write('{"id": 4, "city": "Quetta", "amount": 19.99}\n')
        rows = from_the_beginning(c, "SELECT id, city, amount FROM copied EMIT CHANGES LIMIT 4")
        assert sorted(rows) == [
            (1, "Lahore", decimal.Decimal("1.50")), (2, "a, b", None), (3, "tab\there", None),
            (4, "Quetta", decimal.Decimal("19.99"))], rows


@case
def a_statement_may_sleep_before_it_runs():
    with connect(autocommit=True) as c:
        def took(statement, parameters=None):
            begun = time.monotonic()
            answer = c.execute(statement, parameters)
            found = answer.fetchall() if answer.description else None
            return time.monotonic() - begun, found

        assert c.execute("SELECT pg_sleep(0)").description[0].name == "pg_sleep"
        seconds, found = took("SELECT pg_sleep(0.1), 1 + 1, pg_sleep(%s)", [0.2])
        assert seconds >= 0.3 and found == [(None, 2, None)], (seconds, found)
        c.execute("CREATE TABLE slept (id int PRIMARY KEY, a text)")
        seconds, _ = took("INSERT INTO slept VALUES (1, pg_sleep(0.2) || %s)", ["x"])
        assert seconds >= 0.2
        seconds, found = took("SELECT a FROM slept WHERE pg_sleep(0.2) IS NULL")
        assert seconds >= 0.2 and found == [("x",)], (seconds, found)
        c.execute("SET statement_timeout = '100ms'")
        # No query ends by itself within the time limit of a case.
        for statement in ("SELECT pg_sleep(86400)", "SELECT pg_sleep(86400) FROM slept", "INSERT INTO slept VALUES (2, pg_sleep(86400))"):
            try:
                c.execute(statement)
            except psycopg.errors.QueryCanceled:
                continue
            raise AssertionError(f"{statement} is not canceled")
        c.execute("RESET statement_timeout")
        assert c.execute("SELECT count(*) FROM slept").fetchall() == [(1,)]
        c.execute("DROP TABLE slept")


@case
def the_settings_of_the_session_are_a_table():
    with connect(autocommit=True) as c:
        c.execute("SET statement_timeout = '1234ms'")
        found = c.execute("SELECT name, setting, source FROM pg_settings WHERE name IN ('statement_timeout', 'server_encoding') ORDER BY name").fetchall()
        assert found == [("server_encoding", "UTF8", "default"), ("statement_timeout", "1234ms", "session")], found
        found = c.execute("SELECT s.name, current_setting(s.name) FROM pg_catalog.pg_settings s WHERE s.name LIKE 'statement%'").fetchall()
        assert found == [("statement_timeout", "1234ms")], found
        assert c.execute("SELECT count(*) > 20 FROM (SELECT * FROM pg_settings) AS s").fetchall() == [(True,)]


@case
def copy_of_csv_takes_options_for_null_and_quotes():
    with connect(autocommit=True) as c:
        c.execute("CREATE TABLE forced (id int PRIMARY KEY, a text, \"b~\" text)")
        with c.cursor().copy("COPY forced FROM STDIN (FORMAT csv, NULL 'none', FORCE_NOT_NULL (a), FORCE_NULL (\"b~\"))") as copy:
            copy.write('1,none,"none"\n2,"none",none\n3,x,y\n')
        assert c.execute("SELECT * FROM forced ORDER BY id").fetchall() == [(1, "none", None), (2, "none", None), (3, "x", "y")]
        with c.cursor().copy("COPY (SELECT * FROM forced WHERE id = 3) TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE (a, \"b~\"))") as copy:
            assert b"".join(copy) == b'id,a,b~\n3,"x","y"\n'
        for statement, error in (("COPY forced FROM STDIN (FORMAT csv, FORCE_NULL (nothing))", psycopg.errors.UndefinedColumn),
                                 ("COPY forced FROM STDIN (FORCE_NULL (a))", psycopg.errors.FeatureNotSupported),
                                 ("COPY forced TO STDOUT (FORMAT csv, FORCE_NULL (a))", psycopg.errors.FeatureNotSupported)):
            try:
                with c.cursor().copy(statement) as copy:
                    pass
            except error:
                continue
            raise AssertionError(f"{statement} does not fail")
        c.execute("DROP TABLE forced")


@case
def a_bad_line_of_copy_is_named_and_nothing_is_kept():
    with connect(autocommit=True) as c:
        with_stream(c, "strict")
        c.execute("CREATE TABLE strict_n AS SELECT city, COUNT(*) AS n FROM strict GROUP BY city")
        try:
            with c.cursor().copy("COPY strict FROM STDIN (FORMAT csv)") as copy:
                copy.write("1,a,1.00\n2,a,12x\n3,a,3.00\n")
            raise AssertionError("the COPY should have failed")
        except psycopg.errors.InvalidTextRepresentation as error:
            assert "AMOUNT" in error.diag.message_primary, error
            assert "line 2, column amount" in error.diag.context, error.diag.context
            assert "Nothing was inserted" in error.diag.message_detail
        c.execute("INSERT INTO strict VALUES (9, 'a', 9.00)")
        assert c.execute("SELECT n FROM strict_n WHERE city = 'a'").fetchone() == (1,)


@case
def copy_out_gives_the_rows_of_a_query():
    with connect(autocommit=True) as c:
        with_stream(c, "out_source", "id INT KEY, s VARCHAR")
        c.execute("CREATE TABLE out_table AS SELECT s, COUNT(*) AS n FROM out_source GROUP BY s")
        c.execute("INSERT INTO out_source VALUES (1, 'a'), (2, 'b'), (3, 'a')")
        with c.cursor().copy("COPY (SELECT * FROM out_table) TO STDOUT") as copy:
            assert sorted(copy.rows()) == [("a", "2"), ("b", "1")]


@case
def a_transaction_is_appended_at_commit_and_dropped_by_rollback():
    with connect(autocommit=True) as c:
        with_stream(c, "moves", "id INT KEY, s VARCHAR")
        c.execute("CREATE TABLE move_n AS SELECT s, COUNT(*) AS n FROM moves GROUP BY s")
        with c.transaction(force_rollback=True):
            c.execute("INSERT INTO moves VALUES (1, 'x')")
        with c.transaction():
            c.execute("INSERT INTO moves VALUES (2, 'x')")
            c.execute("INSERT INTO moves VALUES (3, 'x')")
        assert c.execute("SELECT n FROM move_n WHERE s = 'x'").fetchone() == (2,)


@case
def a_failed_transaction_takes_only_its_end():
    with connect() as c:
        try:
            c.execute("SELECT * FROM nosuch")
            raise AssertionError("there is no such source")
        except psycopg.errors.UndefinedTable:
            pass
        try:
            c.execute("SHOW STREAMS")
            raise AssertionError("the transaction has failed")
        except psycopg.errors.InFailedSqlTransaction:
            pass
        c.rollback()
        c.execute("SHOW STREAMS")


@case
def a_push_query_comes_row_by_row():
    with connect(autocommit=True) as c, connect(autocommit=True) as writer:
        with_stream(writer, "pushed", "id INT KEY, s VARCHAR")
        writer.execute("INSERT INTO pushed VALUES (0, 'first')")
        c.execute("SET 'auto.offset.reset' = 'earliest'")
        seen = []
        for row in c.cursor().stream("SELECT id, s FROM pushed EMIT CHANGES"):
            seen.append(row)
            if len(seen) == 4:
                break
            # The next row is written only after this row was received.
            writer.execute("INSERT INTO pushed VALUES (%s, 'next')", (len(seen),))
        assert [row[0] for row in seen] == [0, 1, 2, 3], seen
        # The end of the loop has cancelled the query; the session continues.
        assert c.execute("SHOW STREAMS").fetchone() is not None


@case
def a_push_query_on_a_table_shows_its_rows_and_then_the_changes():
    with connect(autocommit=True) as c, connect(autocommit=True) as writer:
        with_stream(writer, "sales")
        writer.execute("CREATE TABLE sale_n AS SELECT city, COUNT(*) AS n FROM sales GROUP BY city")
        writer.execute("INSERT INTO sales VALUES (1, 'Lahore', 1.00)")
        assert writer.execute("SELECT n FROM sale_n WHERE city = 'Lahore'").fetchone() == (1,)
        rows = c.cursor().stream("SELECT * FROM sale_n EMIT CHANGES")
        assert next(rows) == ("Lahore", 1)
        writer.execute("INSERT INTO sales VALUES (2, 'Lahore', 1.00)")
        assert next(rows) == ("Lahore", 2)
        rows.close()


@case
def a_fetch_that_ends_at_its_time_returns_the_rows_that_have_arrived():
    """A cursor of a push query is polled: each FETCH asks for more rows than there are, returns those that have arrived
    when its time is over, and leaves the cursor open. No row is lost, and none comes twice."""
    with connect(autocommit=True) as c, connect(autocommit=True) as writer:
        writer.execute("CREATE TABLE polled (id INT PRIMARY KEY, v INT) WITH (PARTITIONS = 1)")
        writer.execute("INSERT INTO polled VALUES (1, 10), (2, 20)")
        for fetch in ("FETCH 10 FROM changes", "FETCH ALL FROM changes"):
            writer.execute("DELETE FROM polled WHERE id > 2")
            with c.transaction():
                c.execute("SET push.linger = '60s'")  # the end of the wait is that of push.fetch_timeout
                c.execute("SET push.fetch_timeout = '300ms'")
                c.execute("DECLARE changes CURSOR FOR SELECT id, v FROM polled EMIT CHANGES")
                seen = []

                def poll(count, fetch=fetch, seen=seen):
                    seen += c.execute(fetch).fetchall()
                    return len(seen) >= count
                wait_until(lambda: poll(2), "the rows of the table do not come")
                assert not poll(3), seen
                writer.execute("INSERT INTO polled VALUES (3, 30), (4, 40)")
                wait_until(lambda: poll(4), "the new rows do not come")
                assert not poll(5), seen
                assert seen == [(1, 10), (2, 20), (3, 30), (4, 40)], (fetch, seen)
                c.execute("CLOSE changes")
        c.execute("RESET push.linger")
        c.execute("RESET push.fetch_timeout")


def cancel_when_active(session, statement):
    """Cancels the statement as soon as it runs: an earlier request has no effect."""
    with connect(autocommit=True) as looks:
        active = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state = 'active' AND query = %s"
        wait_until(lambda: looks.execute(active, (session.info.backend_pid, statement)).fetchall())
    session.cancel()


@case
def a_push_query_ends_when_it_is_canceled():
    with connect(autocommit=True) as c:
        with_stream(c, "silent", "id INT KEY")
        canceller = threading.Thread(target=cancel_when_active, args=(c, "SELECT * FROM silent EMIT CHANGES"))
        canceller.start()
        try:
            c.execute("SELECT * FROM silent EMIT CHANGES")
            raise AssertionError("it should have been canceled")
        except psycopg.errors.QueryCanceled:
            pass
        finally:
            canceller.join()
        assert c.execute("SHOW STREAMS").fetchone() is not None


@case
def push_queries_have_bounds_for_tools_that_cannot_stream():
    with connect(autocommit=True) as c:
        with_stream(c, "bounded", "id INT KEY")
        c.execute("INSERT INTO bounded VALUES (1), (2), (3)")
        c.execute("SET 'auto.offset.reset' = 'earliest'")
        c.execute("SET push.max_rows = 2")
        assert len(c.execute("SELECT * FROM bounded EMIT CHANGES").fetchall()) == 2
        c.execute("SET push.max_rows = 0")
        c.execute("SET push.timeout = '500ms'")
        assert len(c.execute("SELECT * FROM bounded EMIT CHANGES").fetchall()) == 3


@case
def a_server_side_cursor_fetches_a_push_query():
    with connect() as c:
        with_stream(c, "cursored", "id INT KEY")
        c.commit()
        c.execute("INSERT INTO cursored VALUES (1), (2), (3)")
        c.commit()
        c.execute("SET 'auto.offset.reset' = 'earliest'")
        with c.cursor("sc") as cursor:
            cursor.itersize = 1
            cursor.execute("SELECT id FROM cursored EMIT CHANGES")
            assert sorted(cursor.fetchmany(3)) == [(1,), (2,), (3,)]


@case
def a_named_cursor_takes_parameters():
    with connect() as c:
        c.execute("CREATE TABLE cursor_rows (id INT PRIMARY KEY, s VARCHAR)")
        c.execute("INSERT INTO cursor_rows VALUES (1, 'a'), (2, 'b'), (3, 'b'), (4, 'b')")
        for binary in (False, True):
            with c.cursor("chosen", binary=binary) as cursor:
                cursor.itersize = 1
                cursor.execute("SELECT id FROM cursor_rows WHERE s = %s AND id < %s ORDER BY id", ("b", 4))
                assert cursor.fetchall() == [(2,), (3,)]
        with c.cursor("listed", withhold=True) as cursor:
            cursor.execute("SELECT id FROM cursor_rows WHERE id IN (%s, %s) ORDER BY id", (1, 2))
            c.commit()
            assert cursor.fetchall() == [(1,), (2,)]


@case
def a_pipeline_is_answered_in_order():
    with connect(autocommit=True) as c:
        with_stream(c, "piped", "id INT KEY, s VARCHAR")
        with c.pipeline():
            first = c.execute("INSERT INTO piped VALUES (%s, 'a')", (1,))
            second = c.execute("INSERT INTO piped VALUES (%s, 'b')", (2,))
        assert (first.rowcount, second.rowcount) == (1, 1)


@case
def errors_have_a_code_a_position_and_a_hint():
    with connect(autocommit=True) as c:
        try:
            c.execute("SELEC * FROM orders")
            raise AssertionError("not a statement")
        except psycopg.errors.SyntaxError as error:
            assert error.diag.statement_position == "1"
            assert "SELECT" in (error.diag.message_hint or ""), error.diag.message_hint
        with_stream(c, "hinted")
        try:
            c.execute("SELECT citty FROM hinted EMIT CHANGES")
            raise AssertionError("no such column")
        except psycopg.errors.UndefinedColumn as error:
            assert error.diag.statement_position == "8"
            assert "CITY" in (error.diag.message_hint or ""), error.diag.message_hint


@case
def notices_name_the_created_objects():
    with connect(autocommit=True) as c:
        notices = []
        c.add_notice_handler(lambda notice: notices.append(notice.message_primary))
        with_stream(c, "noticed")
        assert any("noticed" in notice for notice in notices), notices


@case
def the_catalog_is_read_like_tables():
    with connect(autocommit=True) as c:
        with_stream(c, "in_catalog")
        found = c.execute("SELECT relkind FROM pg_catalog.pg_class WHERE relname = %s", ["in_catalog"]).fetchall()
        assert found == [("r",)], found
        columns = c.execute("SELECT attname, atttypid FROM pg_attribute WHERE attrelid = %s::regclass ORDER BY attnum",
                            ["in_catalog"]).fetchall()
        assert columns and all(type_number in (20, 23, 25, 701, 1700) for _, type_number in columns), columns
        info = psycopg.types.TypeInfo.fetch(c, "int4")  # psycopg's own query
        assert info and (info.oid, info.array_oid) == (23, 1007), info


@case
def postgresql_types_come_back_as_they_went():
    values = [(uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), "uuid"), (datetime.timedelta(days=400, seconds=3, microseconds=5), "interval"),
              (ipaddress.ip_address("10.0.0.1"), "inet"), (ipaddress.ip_network("10.0.0.0/8"), "cidr"),
              (Range(1, 5), "int4range"), (Range(datetime.date(2024, 2, 28), None), "daterange"), (Range(empty=True), "numrange"),
              (Multirange([Range(1, 3), Range(7, 9)]), "int4multirange"), (datetime.time(10, 20, 30, 5, UTC), "timetz"),
              (decimal.Decimal("1234.5"), "numeric"), (7, "int2"), (0.5, "float4")]
    with connect(autocommit=True) as c:
        for value, name in values:
            for binary in (False, True):
                row = c.execute(f"SELECT %s::{name}, ARRAY[%s::{name}]", [value, value], binary=binary)
                assert row.description[0].type_code == psycopg.adapters.types[name].oid, (name, row.description)
                got = row.fetchone()
                assert got == (value, [value]), (name, binary, got)
        assert c.execute("SELECT %s::jsonb", [Jsonb({"b": [1, 2.5], "a": None})]).fetchone() == ({"a": None, "b": [1, 2.5]},)
        exact = decimal.Decimal("123456789012345678901234567890.123456789012")
        assert c.execute("SELECT %s, %s::numeric", [exact, exact]).fetchone() == (exact, exact)
        c.execute("CREATE TYPE client_mood AS ENUM ('sad', 'happy')")
        psycopg.types.enum.register_enum(psycopg.types.enum.EnumInfo.fetch(c, "client_mood"), c)
        assert c.execute("SELECT 'happy'::client_mood").fetchone()[0].name == "happy"


@case
def a_number_keeps_its_digits_beside_a_column_with_fewer():
    with connect(autocommit=True) as c:
        c.prepare_threshold = 1
        c.execute("CREATE TABLE tenths (k INT PRIMARY KEY, p NUMERIC(10, 1))")
        c.execute("INSERT INTO tenths VALUES (1, 1.5)")
        for place in ("%s", "%t", "%b"):
            for value, is_found in (("1.49", False), ("1.5", True), ("1.50", True), ("1.51", False)) * 2:
                number = decimal.Decimal(value)
                row = c.execute(f"SELECT p = {place}, p + {place} FROM tenths WHERE k = 1", [number, number]).fetchone()
                assert row == (is_found, decimal.Decimal("1.5") + number), (place, value, row)
                found = c.execute(f"SELECT k FROM tenths WHERE p = {place}", [number]).fetchall()
                assert len(found) == is_found, (place, value, found)


@case
def a_number_that_is_a_numeric_is_none_that_is_whole_wherever_it_stands():
    half, three = decimal.Decimal("2.5"), decimal.Decimal("3")
    with connect(autocommit=True) as c:
        c.execute("CREATE TABLE wholes (k INT PRIMARY KEY, n INT)")
        c.execute("INSERT INTO wholes VALUES (1, 3)")
        for place in ("%s", "%t", "%b"):
            for expression, of_half, of_three in (
                    ("{} IN (1, 3)", False, True), ("n IN ({}, 7)", False, True), ("n NOT IN (7, {})", True, False),
                    ("coalesce(n, {})", 3, 3), ("coalesce(NULL, {}, n)", half, three), ("greatest(n, {}, 1)", 3, 3),
                    ("least(n, {})", half, three), ("abs({})", half, three), ("round({}, 1)", half, three),
                    ("CASE WHEN n > 1 THEN {} ELSE 2 END", half, three), ("CASE n WHEN {} THEN 1 ELSE 2 END", 2, 1),
                    ("{}::int", 3, 3), ("({}::text)::numeric", half, three), ("{}::float8", 2.5, 3.0)):
                for prepare in (False, True):
                    for value, expected in ((half, of_half), (three, of_three)):
                        sql = f"SELECT {expression.format(place)} FROM wholes"
                        assert c.execute(sql, [value], prepare=prepare).fetchone() == (expected,), (sql, value)
            assert c.execute(f"SELECT {place}::text", [decimal.Decimal("1.1E+2")]).fetchone() == ("110",), place


@case
def two_parameters_are_concatenated_by_their_types():
    with connect(autocommit=True) as c:
        for place in ("%s", "%t", "%b"):
            for first, second, whole in ((Jsonb([1]), Jsonb([2]), [1, 2]), (Jsonb({"a": 1}), Jsonb({"b": 2}), {"a": 1, "b": 2}),
                                         ("a", "b", "ab")):
                for prepare in (False, True):
                    row = c.execute(f"SELECT {place} || {place}", [first, second], prepare=prepare).fetchone()
                    assert row == (whole,), (place, row)


@case
def written_values_are_computed_with_the_types_that_the_client_declares():
    """This holds for any statement: INSERT ... VALUES determines the types of parameters in another place than SELECT.
    """
    naive, east = datetime.datetime(2024, 2, 29), datetime.timezone(datetime.timedelta(hours=-5))
    aware = datetime.datetime(2024, 1, 31, 23, 30, tzinfo=east)
    day, hours = datetime.date(2024, 1, 31), datetime.timedelta(hours=25)
    number = decimal.Decimal
    with connect(autocommit=True) as c:
        c.execute("SET timezone = 'UTC'")
        c.execute("CREATE TABLE declared (k INT PRIMARY KEY, tz TIMESTAMPTZ, ts TIMESTAMP, d DATE, t TEXT, b BOOLEAN, j JSONB, n NUMERIC(10, 2), i INT)")
        for column, value, parameters, expected in (
                ("tz", "{p} AT TIME ZONE 'Asia/Kolkata'", (naive,), datetime.datetime(2024, 2, 28, 18, 30, tzinfo=UTC)),
                ("ts", "{p} + {p}", (day, hours), datetime.datetime(2024, 2, 1, 1)),
                ("ts", "{p}", (aware,), datetime.datetime(2024, 2, 1, 4, 30)), ("d", "{p}", (aware,), datetime.date(2024, 2, 1)),
                ("d", "{p}::date", (aware,), datetime.date(2024, 2, 1)), ("tz", "{p}", (aware,), aware),
                ("t", "({p} + {p})::text", (day, hours), "2024-02-01 01:00:00"),
                ("b", "{p} < {p}", (number("9.5"), number("10.5")), True), ("b", "{p} = {p}", (number("1.0"), number("1.00")), True),
                ("j", "to_jsonb({p})", (Jsonb({"a": 1}),), {"a": 1}),
                ("j", "jsonb_build_object('k', {p})", (Jsonb({"a": 1}),), {"k": {"a": 1}}),
                ("tz", "coalesce({p}, now())", (aware,), aware), ("n", "round({p}, 1)", (number("2.25"),), number("2.30")),
                ("n", "{p} + 1", (number("2.25"),), number("3.25")), ("i", "{p}", (number("5.5"),), 6), ("i", "{p}", (number("7"),), 7),
                ("ts", "{p} + interval '1 month'", (naive,), datetime.datetime(2024, 3, 29))):
            for place in ("%s", "%t", "%b"):
                written = value.format(p=place)
                c.execute("DELETE FROM declared")
                for statement in (f"INSERT INTO declared (k, {column}) VALUES (1, {written}) RETURNING {column}",
                                  f"UPDATE declared SET {column} = {written} WHERE k = 1 RETURNING {column}",
                                  f"INSERT INTO declared (k, {column}) SELECT 2, {written} RETURNING {column}"):
                    got = c.execute(statement, parameters).fetchone()[0]
                    assert got == expected, (statement, parameters, got)


@case
def numeric_without_a_precision_loses_no_digit_silently():
    with connect(autocommit=True) as c:
        c.prepare_threshold = 1
        c.execute("CREATE TABLE alone (k INT PRIMARY KEY, n NUMERIC)")
        for place in ("%s", "%t", "%b"):
            for value in ("1.123456789", "1.1234567890000", "-7", "1e3") * 2:
                number = decimal.Decimal(value)
                c.execute(f"INSERT INTO alone VALUES (1, {place}) ON CONFLICT (k) DO UPDATE SET n = EXCLUDED.n", [number])
                assert c.execute("SELECT n FROM alone WHERE k = 1").fetchone() == (number,), (place, value)
            for value in ("1.99999999999", "1e-11", "-0.0000000001") * 2:
                for statement in ("INSERT INTO alone VALUES (2, {})", "UPDATE alone SET n = {} WHERE k = 1",
                                  "INSERT INTO alone VALUES (1, {}) ON CONFLICT (k) DO UPDATE SET n = EXCLUDED.n"):
                    try:
                        c.execute(statement.format(place), [decimal.Decimal(value)])
                    except psycopg.errors.NumericValueOutOfRange as error:
                        assert "more decimal places" in str(error), error
                    else:
                        raise AssertionError((statement, place, value, c.execute("SELECT * FROM alone").fetchall()))
        assert c.execute("SELECT * FROM alone").fetchall() == [(1, decimal.Decimal("1000"))]
        for binary in (False, True):
            try:
                with c.cursor().copy("COPY alone FROM STDIN" + (" (FORMAT BINARY)" if binary else "")) as copy:
                    if binary:
                        copy.set_types(["int4", "numeric"])
                    copy.write_row((3, decimal.Decimal("2.00000000001")))
            except psycopg.errors.NumericValueOutOfRange as error:
                assert "more decimal places" in str(error), error
            else:
                raise AssertionError(c.execute("SELECT * FROM alone").fetchall())


@case
def results_have_their_tables_and_lengths():
    """JDBC uses these columns to write changed rows back, and ODBC to choose the sizes of its buffers."""
    with connect(autocommit=True) as c:
        c.execute("CREATE TABLE told (id INT PRIMARY KEY, name VARCHAR(20), price NUMERIC(8, 3), at TIMESTAMP(0))")
        c.execute("INSERT INTO told VALUES (1, 'a', 2, '2024-01-01')")
        number = c.execute("SELECT 'told'::regclass::oid").fetchone()[0]

        def told(query):
            result = c.execute(query).pgresult
            return [(result.ftable(i), result.ftablecol(i), result.fmod(i)) for i in range(result.nfields)]
        price = (8 << 16) + 3 + 4
        assert told("SELECT * FROM told WHERE id = 1") == [(number, 1, -1), (number, 2, 24), (number, 3, price), (number, 4, 0)]
        assert told("SELECT name AS other, id + 1, t.price FROM told t ORDER BY id") == [(number, 2, 24), (0, 0, -1), (number, 3, price)]
        assert told("INSERT INTO told (id, name) VALUES (2, 'b') RETURNING name") == [(number, 2, 24)]
        assert told("SELECT name::varchar(5) FROM (SELECT name FROM told) AS q") == [(0, 0, 9)]
        assert told("SELECT count(*), max(id) FROM told") == [(0, 0, -1)] * 2
        try:
            c.execute("INSERT INTO told (id, name) VALUES (3, %s)", ["x" * 21])
            raise AssertionError("21 letters fit into 20")
        except psycopg.errors.StringDataRightTruncation as error:
            assert "character varying(20)" in str(error), error
        keys = c.execute("SELECT indkey FROM pg_index WHERE indrelid = 'told'::regclass")
        assert keys.description[0].type_code == 22 and keys.fetchone() == ("1",)


@case
def copy_in_binary_both_ways():
    with connect(autocommit=True) as c:
        c.execute("CREATE TABLE copied_back (id INT PRIMARY KEY, name VARCHAR, at uuid, big BIGINT)")
        rows = [(number, None if number % 7 == 0 else f"name {number}", uuid.UUID(int=number), number << 40) for number in range(1000)]
        with c.cursor().copy("COPY copied_back FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int4", "text", "uuid", "int8"])
            for row in rows:
                copy.write_row(row)
        with c.cursor().copy("COPY (SELECT id, name, at, big FROM copied_back ORDER BY id) TO STDOUT (FORMAT binary)") as copy:
            copy.set_types(["int4", "text", "uuid", "int8"])
            assert list(copy.rows()) == rows
        with c.cursor().copy("COPY (SELECT id FROM copied_back WHERE id < 0) TO STDOUT (FORMAT binary)") as copy:
            assert b"".join(bytes(each) for each in copy) == b"PGCOPY\n\xff\r\n" + bytes(9) + b"\xff\xff"
        for bad in (b"no signature at all", b"PGCOPY\n\xff\r\n" + bytes(9) + b"\x00\x01\x00\x00\x00\x00",
                    b"PGCOPY\n\xff\r\n" + bytes(9) + b"\x00\x04\x00\x00"):
            try:
                with c.cursor().copy("COPY copied_back FROM STDIN (FORMAT binary)") as copy:
                    copy.write(bad)
                raise AssertionError(f"{bad} is no binary COPY")
            except psycopg.errors.BadCopyFileFormat:
                pass


@case
def one_client_too_many_can_read_why():
    server = launch("--max-connections", "1")
    try:
        settings = {"host": server.host, "port": server.port, "user": "millrace", "connect_timeout": 10}
        with psycopg.connect(**settings):
            try:
                psycopg.connect(**settings)
                raise AssertionError("there may be one")
            except psycopg.OperationalError as error:
                assert "sorry, too many clients already" in str(error), error
    finally:
        server.stop()


@case
def sessions_notify_each_other():
    # Sessions belong to different loops: with ten, several listen on each loop.
    listeners = [connect(autocommit=True) for _ in range(10)]
    with connect(autocommit=True) as sender:
        for listener in listeners:
            listener.execute("LISTEN news")
        with sender.transaction():
            for i in range(100):
                sender.execute(f"NOTIFY news, '{i}'")
        for listener in listeners:
            generator = listener.notifies()
            got = [next(generator) for _ in range(100)]
            assert [each.payload for each in got] == [str(i) for i in range(100)]
            assert {(each.channel, each.pid) for each in got} == {("news", sender.info.backend_pid)}
            generator.close()
        listeners[0].close()
        sender.execute("NOTIFY news")  # one of the listeners has disconnected
        assert next(listeners[1].notifies()).payload == ""
        assert sender.execute("SELECT pg_notify(%s, %s)", ("news", "by a call")).fetchall() == [("",)]
        assert next(listeners[1].notifies()).payload == "by a call"
        with sender.transaction(force_rollback=True):
            sender.execute("SELECT pg_notify('news', 'lost')")
        sender.execute("SELECT pg_notify('news', NULL)")
        assert next(listeners[1].notifies()).payload == ""
    for listener in listeners:
        listener.close()


@case
def listen_reports_a_tables_changes():
    with connect(autocommit=True) as listener, connect(autocommit=True) as writer:
        notes = []
        listener.add_notify_handler(notes.append)

        def told():
            listener.execute("SELECT 1")  # returns the pending notifications
            assert all(note.channel == "table:p3_told" for note in notes), notes
            return [json.loads(note.payload) for note in notes]

        writer.execute("CREATE TABLE p3_told (id INT PRIMARY KEY, v TEXT)")
        writer.execute("INSERT INTO p3_told VALUES (1, 'before')")
        listener.execute('LISTEN "table:p3_told"')
        writer.execute("INSERT INTO p3_told VALUES (2, 'a'), (3, 'b')")
        writer.execute("UPDATE p3_told SET v = 'c' WHERE id = 2")
        # The existing row is reported, too.
        wait_until(lambda: sum(note["rows"] for note in told()) == 4, told)
        # A notification is sent after its change is visible: a look-up that follows the notification returns the
        # new row.
        assert listener.execute("SELECT v FROM p3_told WHERE id = 2").fetchone() == ("c",)
        for statement, code in (('LISTEN "table:p3_nothing"', "42P01"), ('LISTEN "table:"', "42P01")):
            try:
                listener.execute(statement)
                raise AssertionError(statement)
            except psycopg.Error as error:
                assert error.sqlstate == code, (statement, error.sqlstate)
        with listener.transaction(force_rollback=True):
            listener.execute('UNLISTEN "table:p3_told"')
        notes.clear()
        writer.execute("DELETE FROM p3_told WHERE id = 3")
        wait_until(lambda: told() == [{"rows": 1}], told)
        writer.execute("DROP TABLE p3_told DELETE TOPIC")
        wait_until(lambda: "ended" in told()[-1], told)
        listener.execute('UNLISTEN "table:p3_told"')


@case
def time_zones_are_those_of_the_system():
    """The rules of time zones change several times a year, and a library contains the rules from the time when it was
    built."""
    folder = "/usr/share/zoneinfo"
    if not os.path.isdir(folder):
        raise Skipped("there is no " + folder)
    instants = [datetime.datetime(year, month, 15, 12, tzinfo=UTC) for year in (1975, 1995, 2015, 2023, 2026, 2060) for month in (1, 4, 7, 10)]
    seen = 0
    with connect(autocommit=True) as c:
        for name in sorted(zoneinfo.available_timezones()):
            if "/" not in name or name.startswith(("Etc/", "SystemV/")):
                continue
            try:
                rows = c.execute("SELECT i AT TIME ZONE %s FROM unnest(%s::timestamptz[]) AS t(i)", [name, instants]).fetchall()
            except psycopg.errors.InvalidParameterValue:
                continue  # newer than ICU's names
            zone = zoneinfo.ZoneInfo(name)
            wanted = [each.astimezone(zone).replace(tzinfo=None) for each in instants]
            assert [row[0] for row in rows] == wanted, (name, [row[0] for row in rows], wanted)
            seen += 1
    assert seen > 400, seen


def refused_with(sqlstate, call):
    begun = time.monotonic()
    try:
        call()
    except psycopg.Error as error:
        assert error.sqlstate == sqlstate, error
        return time.monotonic() - begun
    raise AssertionError(f"not refused with {sqlstate}")


@timed
@case
def a_session_has_an_advisory_lock_alone():
    def lock(c, call, *numbers):
        return c.execute(f"SELECT {call}({', '.join(['%s'] * len(numbers))})", numbers).fetchone()[0]

    with connect(autocommit=True) as a, connect(autocommit=True) as b, connect(autocommit=True) as c:
        assert lock(a, "pg_advisory_lock", 2 ** 40) == ""
        assert lock(a, "pg_try_advisory_lock", 2 ** 40) is True  # once more
        assert lock(b, "pg_try_advisory_lock", 2 ** 40) is False
        assert lock(b, "pg_try_advisory_lock", 1, 2) is True and lock(a, "pg_try_advisory_lock", 1, 2) is False
        assert lock(a, "pg_try_advisory_lock", 12) is True  # one number differs from two numbers
        assert b.execute("SELECT pg_advisory_unlock(1, 2), pg_advisory_unlock(1, 2)").fetchall() == [(True, False)]
        told = []

        def wait_for_lock(session):
            """Waits until the session waits for a lock."""
            active = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND state = 'active' AND query LIKE 'SELECT pg_advisory_lock%%'"
            wait_until(lambda: c.execute(active, (session.info.backend_pid,)).fetchone() == (1,))

        def cancel_later(session):
            wait_for_lock(session)
            session.cancel()

        threading.Thread(target=lambda: told.append(lock(b, "pg_advisory_lock", 2 ** 40))).start()
        assert lock(a, "pg_advisory_unlock", 2 ** 40) is True
        wait_for_lock(b)
        assert not told
        assert lock(a, "pg_advisory_unlock", 2 ** 40) is True
        wait_until(lambda: told)
        assert told == [""]
        for settings, sqlstate in (("SET lock_timeout = 300", "55P03"), ("SET lock_timeout = 0; SET statement_timeout = 300", "57014")):
            a.execute(settings)
            took_s = refused_with(sqlstate, lambda: lock(a, "pg_advisory_lock", 2 ** 40))
            assert took_s > 0.2, took_s
            check_less(took_s, 5)
        a.execute("SET statement_timeout = 0")
        threading.Thread(target=cancel_later, args=(a,)).start()
        refused_with("57014", lambda: lock(a, "pg_advisory_lock", 2 ** 40))
        # A session that has ended holds no locks.
        b.close()
        assert lock(a, "pg_advisory_lock", 2 ** 40) == ""
        # Shared locks, and locks of a transaction.
        assert lock(a, "pg_advisory_lock_shared", 5) == "" and lock(c, "pg_try_advisory_lock_shared", 5) is True
        assert lock(c, "pg_try_advisory_lock", 5, 0) is True and lock(a, "pg_try_advisory_lock", 5, 0) is False
        with c.transaction():
            assert c.execute("SELECT pg_advisory_xact_lock(hashtext('work')), pg_try_advisory_xact_lock(77)").fetchone() == ("", True)
            assert lock(a, "pg_try_advisory_lock", 77) is False and lock(c, "pg_advisory_unlock", 77) is False
            assert a.execute("SELECT pg_try_advisory_lock(hashtext('work'))").fetchone() == (False,)
        assert lock(a, "pg_try_advisory_lock", 77) is True
        assert a.execute("SELECT pg_try_advisory_xact_lock(hashtext('work'))").fetchone() == (True,)
        assert c.execute("SELECT pg_try_advisory_lock(hashtext('work'))").fetchone() == (True,)
        # Two sessions that wait for each other: one gets an error.
        assert lock(a, "pg_try_advisory_lock", 1) and lock(c, "pg_try_advisory_lock", 2)
        threading.Thread(target=lambda: told.append(lock(a, "pg_advisory_lock", 2))).start()
        wait_for_lock(a)
        refused_with("40P01", lambda: lock(c, "pg_advisory_lock", 1))
        assert c.execute("SELECT pg_advisory_unlock_all()").fetchone() == ("",)
        wait_until(lambda: len(told) == 2)
        assert told == ["", ""]
        # A client that declares no types receives them.
        a.pgconn.prepare(b"locked", b"SELECT pg_advisory_lock($1), pg_advisory_unlock($2, $3)")
        described = a.pgconn.describe_prepared(b"locked")
        assert [described.param_type(n) for n in range(3)] == [20, 23, 23]
        refused_with("22003", lambda: lock(a, "pg_advisory_lock", 2 ** 31, 1))
        assert a.execute("SELECT pg_advisory_lock(NULL)").fetchone() == (None,)
        refused_with("54000", lambda: [lock(a, "pg_advisory_lock", 10 ** 6 + n) for n in range(10_001)])
        a.execute("DISCARD ALL")
        assert lock(c, "pg_try_advisory_lock", 10 ** 6) is True


@case
def texts_come_and_go_in_the_clients_encoding():
    with connect(autocommit=True) as c:
        c.execute("CREATE TABLE coded (id INT PRIMARY KEY, city VARCHAR)")
        for encoding, name in [("latin9", "Zürich €"), ("euc_jp", "東京"), ("win1251", "Москва"), ("sjis", "東京 カナ")]:
            c.execute(f"SET client_encoding = {encoding}")
            assert c.info.parameter_status("client_encoding") == encoding.upper()
            c.execute("INSERT INTO coded VALUES (1, %s)", (name,))
            for binary in (False, True):
                assert c.execute("SELECT city FROM coded WHERE id = 1", binary=binary).fetchone() == (name,), encoding
                assert c.execute("SELECT %s::text[]", ([name],), binary=binary).fetchone() == ([name],), encoding
            assert c.execute(f"SELECT '{name}'::text, city FROM coded WHERE city = '{name}'").fetchone() == (name, name)
            with c.cursor().copy("COPY coded FROM STDIN") as copy:
                copy.write(f"2\t{name}\n".encode(c.info.encoding)[:-2])
                copy.write(f"2\t{name}\n".encode(c.info.encoding)[-2:])
            for form in ("text", "binary"):
                with c.cursor().copy(f"COPY (SELECT city FROM coded WHERE id = 2) TO STDOUT (FORMAT {form})") as copy:
                    copy.set_types(["text"])
                    assert list(copy.rows()) == [(name,)], (encoding, form)
            with c.cursor().copy("COPY coded FROM STDIN (FORMAT binary)") as copy:
                copy.set_types(["int4", "text"])
                copy.write_row((3, name))
            assert c.execute("SELECT city FROM coded WHERE id = 3").fetchone() == (name,)
            try:
                c.execute(f'SELECT "{name}" FROM coded')
                assert False
            except psycopg.errors.UndefinedColumn as error:
                assert name in str(error), error
        c.execute("SET client_encoding = utf8")
        c.execute("INSERT INTO coded VALUES (1, '€')")
        c.execute("SET client_encoding = latin1")
        try:
            c.execute("SELECT city FROM coded WHERE id = 1")
            assert False
        except psycopg.DataError as error:
            assert '0xe2 0x82 0xac in encoding "UTF8" has no equivalent in encoding "LATIN1"' in str(error), error
        c.execute("SET client_encoding = sql_ascii")
        assert c.execute("SELECT city FROM coded WHERE id = 1").fetchone() == ("€".encode(),)
        for bad in ("wat", "johab"):
            try:
                c.execute(f"SET client_encoding = {bad}")
                assert False
            except psycopg.errors.InvalidParameterValue:
                pass
        c.execute("SET client_encoding = utf8")
        try:
            with c.transaction():
                c.execute("SET client_encoding = latin1")
                raise psycopg.Rollback
        finally:
            assert c.info.encoding == "utf-8"
        c.execute("SET client_encoding = euc_jp")
        answer = c.pgconn.exec_(b"SELECT '\x8e'")
        assert b'invalid byte sequence for encoding "EUC_JP"' in answer.error_message, answer.error_message


@case
def items_beside_a_call_of_the_session_have_their_types():
    with connect() as c:
        for binary in (False, True):
            def first(statement, parameters, binary=binary):
                cursor = c.cursor(binary=binary).execute(statement, parameters)
                return [each.type_code for each in cursor.description], cursor.fetchone()
            statement = "SELECT current_setting('TimeZone'), %s::int, %s::bigint, %s::bool, %s::numeric(4,2), %s::float8, %s::text, 7, true"
            assert first(statement, (5, 6, True, "1.5", 2.5, "a")) == (
                [25, 23, 20, 16, 1700, 701, 25, 23, 16], ("UTC", 5, 6, True, decimal.Decimal("1.50"), 2.5, "a", 7, True)), binary
            day = datetime.date(2026, 1, 31)
            assert first("SELECT set_config('my.name', '12', false)::int, %s::date, %s::int[]", (day, [1, 2])) == (
                [23, 1082, 1007], (12, day, [1, 2])), binary
            assert first("SELECT pg_try_advisory_lock(1), hashtext('a'), hashtextextended('a', 0), %s", ("b",))[0] == [16, 23, 20, 25]
            assert first("SELECT current_setting('TimeZone'), %s::int", (None,)) == ([25, 23], ("UTC", None)), binary
        try:
            c.execute("SELECT current_setting('TimeZone')::int")
            assert False, "UTC is not a number"
        except psycopg.errors.InvalidTextRepresentation:
            pass


@case
def settings_are_set_and_read_by_functions():
    with connect() as c:
        read = "SELECT current_setting(%s), current_setting('no.such', true)"
        assert c.execute("SELECT set_config(%s, %s, %s)", ("timezone", "Asia/Karachi", False)).fetchone() == ("Asia/Karachi",)
        assert c.execute(read, ("TimeZone",)).fetchone() == ("Asia/Karachi", None)
        c.rollback()
        assert c.execute(read, ("TimeZone",)).fetchone() == ("UTC", None)
        cursor = c.execute("SELECT set_config('my.name', 'a', false) AS one, pg_catalog.set_config('my.name', 'b', true)")
        assert [each.name for each in cursor.description] == ["one", "set_config"]
        assert cursor.fetchone() == ("a", "b")
        assert c.execute("SHOW my.name").fetchone() == ("b",)
        c.commit()
        assert c.execute("SELECT current_setting('my.name')").fetchone() == ("a",)
        c.execute("SELECT set_config('my.name', NULL, false)")
        c.commit()
        for statement, wanted in [("SELECT current_setting('my.name')", psycopg.errors.UndefinedObject),
                                  ("SELECT set_config('nonsense', 'x', false)", psycopg.errors.UndefinedObject),
                                  ("SELECT set_config('statement_timeout', 'x', false)", psycopg.errors.InvalidParameterValue)]:
            try:
                c.execute(statement)
                assert False, statement
            except wanted:
                c.rollback()
        # A prepared statement reads the present value.
        for value in ("x", "y"):
            c.execute("SELECT set_config('my.name', %s, false)", (value,), prepare=True)
            assert c.execute("SELECT current_setting('my.name')", prepare=True).fetchone() == (value,)


@case
def times_come_and_go_in_the_zone_of_the_session():
    with connect(autocommit=True, options="-c timezone=Asia/Karachi") as c:
        assert c.info.parameter_status("TimeZone") == "Asia/Karachi"
        c.execute("CREATE TABLE zoned (id INT PRIMARY KEY, at TIMESTAMPTZ, clock TIMESTAMP, day DATE)")
        noon = datetime.datetime(2024, 7, 1, 12, 0)
        for binary in (False, True):
            form = "%b" if binary else "%t"
            put = f"INSERT INTO zoned VALUES (%s, {form}, {form}, {form}) ON CONFLICT (id) DO UPDATE SET at = EXCLUDED.at RETURNING at"
            # a time without a zone is in the session's zone
            c.execute(put, (1, noon, noon, noon.date()), binary=binary)
            c.execute(put, (2, NOON, NOON, NOON.date()), binary=binary)
            rows = c.execute("SELECT at, clock, at::text FROM zoned ORDER BY id", binary=binary).fetchall()
            assert [row[0] for row in rows] == [noon.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=5))), NOON], rows
            assert [row[1] for row in rows] == [noon, NOON.replace(tzinfo=None) + datetime.timedelta(hours=5)], rows
            assert [row[2] for row in rows] == ["2024-07-01 12:00:00+05", "2024-01-02 17:30:15.678+05"], rows
            assert c.execute(f"SELECT id FROM zoned WHERE at = {form}", (noon,)).fetchall() == [(1,)]
            assert c.execute(f"SELECT id FROM zoned WHERE clock = {form}", (noon,)).fetchall() == [(1,)]
        assert str(c.execute("SELECT at FROM zoned WHERE id = 1").fetchone()[0].tzinfo) == "Asia/Karachi"
        c.execute("INSERT INTO zoned SELECT id + 10, clock, at, at::date FROM zoned")
        with c.cursor().copy("COPY zoned (id, at) FROM STDIN") as copy:
            copy.write(b"3\t2024-07-01 12:00:00\n")
        with c.cursor().copy("COPY (SELECT id, at, clock FROM zoned ORDER BY id) TO STDOUT") as copy:
            lines = b"".join(copy).decode().splitlines()
        assert lines == ["1\t2024-07-01 12:00:00+05\t2024-07-01 12:00:00", "2\t2024-01-02 17:30:15.678+05\t2024-01-02 17:30:15.678",
                         "3\t2024-07-01 12:00:00+05\t\\N", "11\t2024-07-01 12:00:00+05\t2024-07-01 12:00:00",
                         "12\t2024-01-02 17:30:15.678+05\t2024-01-02 17:30:15.678"], lines
        c.execute("SET TimeZone TO 'America/New_York'")
        assert c.info.parameter_status("TimeZone") == "America/New_York"
        assert c.execute("SELECT at::text FROM zoned WHERE id = 1", prepare=True).fetchone() == ("2024-07-01 03:00:00-04",)
        # A push query sends the time in this zone, too; its expressions compute in UTC.
        pushed = from_the_beginning(c, "SELECT at, CAST(at AS VARCHAR) AS text FROM zoned WHERE id = 1 EMIT CHANGES LIMIT 1")
        assert [str(each) for each in pushed[0]] == ["2024-07-01 03:00:00-04:00", "2024-07-01T07:00:00.000"], pushed
        with c.transaction():
            c.execute("DECLARE zoned_times CURSOR FOR SELECT at FROM zoned WHERE id IN (1, 2) ORDER BY id")
            for zone, wanted in [("UTC", "2024-07-01 07:00:00+00:00"), ("Asia/Tokyo", "2024-01-02 21:30:15.678000+09:00")]:
                c.execute(f"SET LOCAL TimeZone TO '{zone}'")
                assert str(c.execute("FETCH 1 FROM zoned_times").fetchone()[0]) == wanted
        assert c.info.parameter_status("TimeZone") == "America/New_York"
        try:
            c.execute("SET TimeZone TO 'Nowhere/X'")
            assert False
        except psycopg.errors.InvalidParameterValue as e:
            assert e.diag.message_primary == 'invalid value for parameter "TimeZone": "Nowhere/X"', e
    try:
        connect(options="-c timezone=Nowhere/X")
        assert False
    except psycopg.OperationalError as e:
        assert 'FATAL:  invalid value for parameter "TimeZone": "Nowhere/X"' in str(e), e


@case
def settings_end_with_the_savepoint_that_they_came_after():
    with connect() as c:
        c.execute("SET TimeZone TO 'Asia/Tokyo'")
        try:
            with c.transaction():
                c.execute("SET TimeZone TO 'Asia/Karachi'")
                raise psycopg.Rollback
        finally:
            assert c.info.parameter_status("TimeZone") == "Asia/Tokyo"
        c.rollback()
        assert c.info.parameter_status("TimeZone") == "UTC"


@case
def explain_takes_parameters_and_definitions_refuse_them():
    with connect(autocommit=True) as c:
        c.execute("CREATE TABLE explained (id INT PRIMARY KEY, v TEXT)")
        lines = [row[0] for row in c.execute("EXPLAIN SELECT v FROM explained WHERE id = %s", (1,))]
        assert "Look up 1 key in table" in lines[-1], lines
        lines = [row[0] for row in c.execute("EXPLAIN SELECT upper(v) AS v FROM explained WHERE v > %s ORDER BY 1 LIMIT %s", ("a", 3))]
        assert any("'a'" in line for line in lines), lines
        c.pgconn.prepare(b"explained", b"EXPLAIN SELECT v FROM explained WHERE id = $1 AND v = $2")
        described = c.pgconn.describe_prepared(b"explained")
        assert [described.param_type(i) for i in range(described.nparams)] == [23, 25] and described.nfields == 1
        for statement in ("CREATE TABLE explained_too AS SELECT * FROM explained WHERE v = %s",
                          "EXPLAIN CREATE TABLE explained_too AS SELECT * FROM explained WHERE v = %s"):
            try:
                c.execute(statement, ("a",))
                assert False, statement
            except psycopg.errors.FeatureNotSupported as e:
                assert "parameters" in e.diag.message_primary, e


@case
def prepared_statements_are_listed():
    with connect(autocommit=True) as c:
        c.execute("PREPARE by_hand (INT, TEXT) AS SELECT $1, $2")
        c.execute("SELECT %s::bigint", (1,), prepare=True)
        rows = c.execute("SELECT name, statement, parameter_types, from_sql FROM pg_prepared_statements ORDER BY from_sql").fetchall()
        assert [(row[1:]) for row in rows] == [("SELECT $1::bigint", ["smallint"], False),
                                               ("PREPARE by_hand (INT, TEXT) AS SELECT $1, $2", ["integer", "text"], True)], rows
        age = c.execute("SELECT prepare_time FROM pg_prepared_statements WHERE name = 'by_hand'").fetchone()[0]
        assert abs(datetime.datetime.now(UTC) - age) < datetime.timedelta(minutes=5)
        c.execute("DEALLOCATE ALL")
        assert c.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)


@case
def returning_has_parameters_of_its_own():
    with connect(autocommit=True) as c:
        c.execute("CREATE TABLE returned (id INT PRIMARY KEY, n INT)")
        rows = c.execute("INSERT INTO returned VALUES (%s, %s) RETURNING n + %s, %s::text", (1, 2, 3, "x")).fetchall()
        assert rows == [(5, "x")], rows
        rows = c.execute("UPDATE returned SET n = n + %s WHERE id = %s RETURNING n * %s AS more", (1, 1, 100))
        assert (rows.description[0].name, rows.fetchall()) == ("more", [(300,)])


@case
def dates_come_and_go_in_the_style_of_the_session():
    """ParameterStatus reports the style; values that psycopg writes in it are read back unchanged, from the start of
    the session on."""
    day, at = datetime.date(2024, 2, 3), datetime.datetime(2024, 2, 3, 10, 30, 0, 500000)
    with connect(autocommit=True, options="-c datestyle=German -c intervalstyle=iso_8601") as c:
        told = c.pgconn.parameter_status
        assert (told(b"DateStyle"), told(b"IntervalStyle")) == (b"German, DMY", b"iso_8601")
        c.execute("CREATE TABLE styled (id INT PRIMARY KEY, day DATE, at TIMESTAMP, days DATE[])")
        for n, style in enumerate(["ISO, MDY", "SQL, DMY", "SQL, MDY", "Postgres, DMY", "Postgres, MDY", "German"]):
            c.execute(f"SET DateStyle = '{style}'")
            assert told(b"DateStyle").decode().startswith(style), told(b"DateStyle")
            c.execute("INSERT INTO styled VALUES (%s, %s, %s, %s)", (n, day, at, [day]))
            shown = c.execute("SELECT day::text, at::text FROM styled WHERE id = %s", (n,)).fetchone()
            c.execute("INSERT INTO styled (id, day, at) VALUES (%s, %t::date, %t::timestamp)", (n + 100, *shown))
            for binary in (False, True):
                rows = c.execute("SELECT day, at FROM styled WHERE id IN (%s, %s)", (n, n + 100), binary=binary).fetchall()
                assert rows == [(day, at)] * 2, (style, binary, rows)
            with c.cursor().copy(f"COPY (SELECT day, days FROM styled WHERE id = {n}) TO STDOUT") as copy:
                line = b"".join(copy).decode().strip()
            assert line == shown[0] + "\t{" + shown[0] + "}", line
            with c.cursor().copy("COPY styled (id, day) FROM STDIN") as copy:
                copy.write(f"{n + 200}\t{shown[0]}\n")
            assert c.execute("SELECT count(*) FROM styled WHERE day = %s", (day,)).fetchone() == (3 * (n + 1),)


@case
def a_session_cancels_the_statement_of_another_session():
    with connect(autocommit=True) as c, connect(autocommit=True, application_name="other") as other:
        number = other.info.backend_pid
        failed = []

        def sleep():
            try:
                other.execute("SELECT pg_sleep(60)")
            except psycopg.Error as e:
                failed.append(e)

        # libpq reports pg_terminate_backend() as the end of the connection, without a code, as with PostgreSQL.
        for function, state, words in (("pg_cancel_backend", "57014", "canceling statement due to user request"),
                                       ("pg_terminate_backend", None, "terminating connection due to administrator command")):
            sleeping = threading.Thread(target=sleep)
            sleeping.start()
            wait_until(lambda: c.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND state = 'active'",
                                         (number,)).fetchone() == (1,))
            assert c.execute(f"SELECT {function}(%s)", (number,)).fetchone() == (True,)
            sleeping.join(patience(20))
            assert [e.sqlstate for e in failed] == [state], failed
            assert words in str(failed[0]), failed
            failed.clear()
        assert other.broken
        wait_until(lambda: c.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", (number,)).fetchone() == (0,))
        notices = []
        c.add_notice_handler(lambda notice: notices.append(notice.message_primary))
        assert c.execute("SELECT pg_terminate_backend(%s)", (number,)).fetchone() == (False,)
        assert notices == [f"PID {number} is not a PostgreSQL server process"]
        for statement, error in (("SELECT pg_cancel_backend(pg_backend_pid())", psycopg.errors.QueryCanceled),
                                 ("SELECT pg_terminate_backend(pg_backend_pid())", psycopg.OperationalError),
                                 ("SELECT 1", psycopg.OperationalError)):
            try:
                c.execute(statement)
            except error:
                continue
            raise AssertionError(f"not refused: {statement}")


@case
def sessions_are_ended_by_rows():
    """As sqlalchemy_utils and others do before they drop a database in use."""
    def begin(count):
        return [connect(autocommit=True, application_name="crowd") for _ in range(count)]
    text = ("SELECT pid AS number, pg_terminate_backend(pid), pg_cancel_backend(NULL) AS none FROM pg_stat_activity "
            "WHERE application_name = 'crowd' AND pid <> pg_backend_pid() ORDER BY 1")
    with connect(autocommit=True) as c:
        for prepare in (False, True, True):
            crowd = begin(3)
            numbers = sorted(each.info.backend_pid for each in crowd)
            rows = c.execute(text, prepare=prepare)
            assert [(each.name, each.type_code) for each in rows.description] == [
                ("number", 23), ("pg_terminate_backend", 16), ("none", 16)]
            assert rows.fetchall() == [(number, True, None) for number in numbers]
            wait_until(lambda: c.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'crowd'")
                       .fetchone() == (0,))
            for each in crowd:
                try:
                    each.execute("SELECT 1")
                    raise AssertionError("it is still there")
                except psycopg.OperationalError:
                    pass
        assert c.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = 0").fetchall() == []
        # A session may end itself; its earlier statements have ended by then, as in PostgreSQL.
        try:
            c.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = pg_backend_pid()")
            raise AssertionError("it has survived itself")
        except psycopg.OperationalError:
            pass


@case
def pg_stat_activity_shows_the_work_of_sessions():
    shown = "SELECT state, query FROM pg_stat_activity WHERE application_name = 'watched'"
    with connect(autocommit=True) as c, connect(application_name="watched") as watched:
        columns = [each.name for each in c.execute("SELECT * FROM pg_catalog.pg_stat_activity").description]
        assert columns == ["datid", "datname", "pid", "leader_pid", "usesysid", "usename", "application_name", "client_addr",
                           "client_hostname", "client_port", "backend_start", "xact_start", "query_start", "state_change",
                           "wait_event_type", "wait_event", "state", "backend_xid", "backend_xmin", "query_id", "query",
                           "backend_type"], columns
        pid, datname, address, port, began, query = c.execute(
            "SELECT pid, datname, client_addr, client_port, backend_start, query FROM pg_stat_activity WHERE pid = pg_backend_pid()").fetchone()
        assert pid == c.info.backend_pid and datname == "millrace" and str(address) == "127.0.0.1" and port > 0
        assert abs(datetime.datetime.now(UTC) - began) < datetime.timedelta(minutes=5), began
        assert query.startswith("SELECT pid, datname"), query
        assert c.execute(shown).fetchall() == [("idle", "")]
        watched.execute("SELECT 1 AS one")
        assert c.execute(shown).fetchall() == [("idle in transaction", "SELECT 1 AS one")]
        # The state is also correct for a statement that was prepared before, and if the call is part of another
        # query.
        for _ in range(2):
            assert c.execute(shown, prepare=True).fetchall()[0][0] == "idle in transaction"
        watched.rollback()
        assert c.execute(shown, prepare=True).fetchall() == [("idle", "ROLLBACK")]
        counted = "(SELECT count(*) FROM pg_stat_activity WHERE application_name = 'watched')"
        assert c.execute(f"SELECT {counted} AS all_of_them").fetchone() == (1,)
        assert c.execute(f"WITH w AS {counted} SELECT * FROM w").fetchone() == (1,)
        watched.autocommit = True
        watched.execute("SET application_name = 'renamed'")
        assert c.execute(shown).fetchall() == []
        other = threading.Thread(target=lambda: watched.execute("SELECT pg_sleep(1)"))
        other.start()
        wait_until(lambda: ("active", "SELECT pg_sleep(1)") in
                   c.execute("SELECT state, query FROM pg_stat_activity WHERE application_name = 'renamed'").fetchall())
        other.join()


@case
def a_transaction_has_a_number():
    with connect() as c:
        def number():
            return c.execute("SELECT txid_current()", prepare=True).fetchone()[0]
        first = number()
        assert number() == first
        c.commit()
        second = number()
        assert second > first and number() == second
        c.rollback()
        c.autocommit = True
        assert second < number() < number()


@case
def written_times_keep_all_that_was_written():
    with connect(autocommit=True) as c:
        at = datetime.datetime(2034, 2, 3, 23, 34, 27, 951357)
        for binary in (False, True):
            for value, name in [(at, "timestamp"), (at.replace(tzinfo=UTC), "timestamptz"), (at.time(), "time"), (at.date(), "date"),
                                (datetime.datetime.max, "timestamp"), (datetime.date.min, "date")]:
                for form in ("%s", "%b", "%t"):
                    query = f"SELECT {form}, '{value}'::{name}, '{value}'::{name} = {form}, {form}::{name}::text"
                    row = c.execute(query, (value,) * 3, binary=binary).fetchone()
                    assert row[:3] == (value, value, True), (name, row)
        assert c.execute("SELECT '0044-03-15 BC'::date::text, 'infinity'::timestamptz::text, 'epoch'::timestamp::text").fetchone() == (
            "0044-03-15 BC", "infinity", "1970-01-01 00:00:00")
        assert c.execute("SELECT '0044-03-15 BC'::date < '0001-01-01'::date, '-infinity'::date < '4000-01-01 BC'::date, "
                         "'10000-01-01'::timestamp > '9999-12-31 23:59:59.999999'::timestamp, '2024-01-01'::date = '2024-01-01 00:00'::timestamp"
                         ).fetchone() == (True, True, True, True)
        for bad in ("2024-02-30", "300000-01-01", "nonsense"):
            try:
                c.execute("SELECT %s::timestamp", (bad,))
                assert False, bad
            except psycopg.DataError:
                pass


@case
def intervals_are_computed_with():
    with connect(autocommit=True) as c:
        for expression, wanted in [
                ("'2024-01-31'::date + '1 month'::interval", "2024-02-29 00:00:00"),
                ("'2024-01-01 00:00:00.000001'::timestamp - '1 day 1 us'::interval", "2023-12-31 00:00:00"),
                ("interval '1 month' + '2024-03-31 10:00+02'::timestamptz", "2024-04-30 08:00:00+00"),
                ("'2024-01-03 01:00'::timestamp - '2024-01-01 02:00'::timestamp", "1 day 23:00:00"),
                ("'2024-03-01'::date - '2024-02-01'::date", "29"),
                ("'infinity'::timestamp + '1 year'::interval", "infinity"),
                ("'23:30'::time + '1 hour'::interval", "00:30:00"),
                ("'1 day 2 hours'::interval * 1.5", "1 day 15:00:00"),
                ("2 * '1 mon 2 days'::interval", "2 mons 4 days"),
                ("'1 month'::interval / 4", "7 days 12:00:00"),
                ("'1 day'::interval - '1 hour'::interval", "1 day -01:00:00"),
        ]:
            assert c.execute(f"SELECT ({expression})::text").fetchone() == (wanted,), (expression, wanted)
        assert c.execute("SELECT %s + %s", (NOON, datetime.timedelta(days=1, microseconds=1))).fetchone() == (
            NOON + datetime.timedelta(days=1, microseconds=1),)
        c.execute("CREATE TABLE moments (id INT PRIMARY KEY, at TIMESTAMPTZ)")
        c.execute("INSERT INTO moments VALUES (1, %s)", (NOON,))
        assert c.execute("SELECT at + '1 month'::interval, at - %s FROM moments WHERE at > %s",
                         (datetime.timedelta(days=1), NOON - datetime.timedelta(days=1))).fetchone() == (
            NOON.replace(month=2), NOON - datetime.timedelta(days=1))


run()
