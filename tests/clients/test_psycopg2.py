#!/usr/bin/python3
"""psycopg 2 against a server: parameters that psycopg writes into the text, named cursors, COPY."""
import datetime
import decimal
import io
import threading

import psycopg2
import psycopg2.errors
import psycopg2.extras

from millrace_server import case, run, start_server, wait_until

SERVER = start_server()
HOST, PORT = SERVER.host, SERVER.port
NOON = datetime.datetime(2024, 1, 2, 12, 30, 15, 678000, tzinfo=datetime.timezone.utc)


def connect(autocommit=True):
    connection = psycopg2.connect(host=HOST, port=PORT, user="millrace", dbname="millrace")
    connection.autocommit = autocommit
    return connection


def rows_of(connection, query, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


def do(connection, statement, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.rowcount


@case
def parameters_come_back_as_they_were():
    c = connect()
    do(c, "CREATE STREAM p2_types (id INT KEY, l BIGINT, d DOUBLE, n DECIMAL(10, 2), b BOOLEAN, "
          "s VARCHAR, day DATE, ts TIMESTAMP)")
    row = (1, 2**40, 1.5, decimal.Decimal("-12.50"), True, "it's grüße", datetime.date(2024, 1, 2),
           NOON)
    do(c, "INSERT INTO p2_types VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
       row[:6] + (row[6].isoformat(), "2024-01-02T12:30:15.678"))
    do(c, "SET 'auto.offset.reset' = 'earliest'")
    rows = rows_of(c, "SELECT id, l, d, n, b, s, day, ts FROM p2_types EMIT CHANGES LIMIT 1")
    assert rows == [row], rows
    c.close()


@case
def a_session_reads_its_own_writes():
    c = connect()
    do(c, "CREATE STREAM p2_orders (id INT KEY, city VARCHAR, amount DECIMAL(10, 2))")
    do(c, "CREATE TABLE p2_by_city AS SELECT city, COUNT(*) AS orders, SUM(amount) AS total "
          "FROM p2_orders GROUP BY city")
    assert do(c, "INSERT INTO p2_orders VALUES (1, 'Lahore', 120.00), (2, 'Lahore', 45.25)") == 2
    rows = rows_of(c, "SELECT * FROM p2_by_city WHERE city = %s", ("Lahore",))
    assert rows == [("Lahore", 2, decimal.Decimal("165.25"))], rows
    c.close()


@case
def a_transaction_is_appended_at_commit_and_dropped_by_rollback():
    c = connect()
    do(c, "CREATE STREAM p2_moves (id INT KEY, s VARCHAR)")
    do(c, "CREATE TABLE p2_move_n AS SELECT s, COUNT(*) AS n FROM p2_moves GROUP BY s")
    c.autocommit = False
    do(c, "INSERT INTO p2_moves VALUES (1, 'x')")
    c.rollback()
    do(c, "INSERT INTO p2_moves VALUES (2, 'x')")
    c.commit()
    assert rows_of(c, "SELECT n FROM p2_move_n WHERE s = 'x'") == [(1,)]
    c.close()


@case
def a_named_cursor_gives_a_push_query_row_by_row():
    writer, c = connect(), connect(autocommit=False)
    do(writer, "CREATE STREAM p2_pushed (id INT KEY)")
    do(writer, "INSERT INTO p2_pushed VALUES (0)")
    do(c, "SET 'auto.offset.reset' = 'earliest'")
    cursor = c.cursor("named")
    cursor.itersize = 1
    cursor.execute("SELECT id FROM p2_pushed EMIT CHANGES")
    seen = []
    for row in cursor:
        seen.append(row[0])
        if len(seen) == 3:
            break
        do(writer, f"INSERT INTO p2_pushed VALUES ({len(seen)})")
    assert seen == [0, 1, 2], seen
    cursor.close()
    c.commit()
    c.close()
    writer.close()


@case
def copy_goes_in_and_out():
    c = connect()
    do(c, "CREATE STREAM p2_copied (id INT KEY, city VARCHAR)")
    do(c, "CREATE TABLE p2_copied_n AS SELECT city, COUNT(*) AS n FROM p2_copied GROUP BY city")
    with c.cursor() as cursor:
        cursor.copy_expert("COPY p2_copied FROM STDIN WITH (FORMAT csv, HEADER)",
                           io.StringIO("id,city\n1,Lahore\n2,Lahore\n"))
        assert cursor.rowcount == 2, cursor.rowcount
        out = io.StringIO()
        cursor.copy_expert("COPY (SELECT * FROM p2_copied_n) TO STDOUT CSV HEADER", out)
    assert out.getvalue() == "city,n\nLahore,2\n", out.getvalue()
    c.close()


@case
def a_bad_line_of_copy_leaves_the_connection_usable():
    c = connect()
    do(c, "CREATE STREAM p2_strict (id INT KEY, n INT)")
    with c.cursor() as cursor:
        try:
            cursor.copy_expert("COPY p2_strict FROM STDIN CSV", io.StringIO("1,1\n2,x\n"))
            raise AssertionError("the COPY should have failed")
        except psycopg2.errors.InvalidTextRepresentation as error:
            assert "line 2" in error.diag.context, error.diag.context
    assert rows_of(c, "SHOW STREAMS")
    c.close()


def cancel_when_active(session, statement):
    """Cancels the statement as soon as it runs: an earlier request has no effect."""
    looks = connect()
    active = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state = 'active' AND query = %s"
    wait_until(lambda: rows_of(looks, active, (session.get_backend_pid(), statement)))
    session.cancel()
    looks.close()


@case
def a_push_query_ends_when_it_is_canceled():
    c = connect()
    do(c, "CREATE STREAM p2_silent (id INT KEY)")
    canceller = threading.Thread(target=cancel_when_active, args=(c, "SELECT * FROM p2_silent EMIT CHANGES"))
    canceller.start()
    try:
        rows_of(c, "SELECT * FROM p2_silent EMIT CHANGES")
        raise AssertionError("it should have been canceled")
    except psycopg2.errors.QueryCanceled:
        pass
    finally:
        canceller.join()
    assert rows_of(c, "SHOW STREAMS")
    c.close()


@case
def errors_are_the_exceptions_that_programs_catch():
    c = connect()
    for statement, exception in (("SELEC 1", psycopg2.errors.SyntaxError),
                                 ("SELECT * FROM p2_nosuch", psycopg2.errors.UndefinedTable),
                                 ("SELECT 1 FROM pg_class TABLESAMPLE SYSTEM (1) REPEATABLE (2)", psycopg2.errors.FeatureNotSupported)):
        try:
            rows_of(c, statement)
            raise AssertionError(statement)
        except exception:
            pass
    c.close()


@case
def executemany_and_execute_values_insert_rows():
    c = connect()
    do(c, "CREATE STREAM p2_many (id INT KEY, s VARCHAR)")
    do(c, "CREATE TABLE p2_many_n AS SELECT s, COUNT(*) AS n FROM p2_many GROUP BY s")
    with c.cursor() as cursor:
        cursor.executemany("INSERT INTO p2_many VALUES (%s, %s)", [(i, "x") for i in range(10)])
        psycopg2.extras.execute_values(cursor, "INSERT INTO p2_many VALUES %s",
                                       [(i, "x") for i in range(10, 110)])
    assert rows_of(c, "SELECT n FROM p2_many_n WHERE s = 'x'") == [(110,)]
    c.close()


# The results of PostgreSQL 15 for the same statements: drivers and tools find columns by these names.
NAMES_AND_TYPES = {
    "SELECT format_type(23, -1), obj_description(0, 'pg_class')": [("format_type", 25), ("obj_description", 25)],
    "SELECT '%'::text, '1'::int8": [("text", 25), ("int8", 20)],
    "SELECT CASE WHEN relhasindex THEN 1 END FROM pg_class": [("case", 23)],
    "SELECT ARRAY[1], COALESCE(NULL, 2), EXISTS (SELECT 1)": [("array", 1007), ("coalesce", 23), ("exists", 16)],
    "SELECT oid, relname, relkind, relnatts FROM pg_class": [("oid", 26), ("relname", 19), ("relkind", 18), ("relnatts", 21)],
    "SELECT table_name, ordinal_position, is_nullable FROM information_schema.columns":
        [("table_name", 19), ("ordinal_position", 23), ("is_nullable", 1043)],
}


@case
def results_are_named_and_typed_as_in_postgresql():
    c = connect()
    for query, expected in NAMES_AND_TYPES.items():
        with c.cursor() as cursor:
            cursor.execute(query)
            found = [(column.name, column.type_code) for column in cursor.description]
            assert found == expected, (query, found)
    c.close()


@case
def columns_of_an_index_count_from_zero():
    c = connect()
    do(c, "CREATE TABLE p2_pairs (a INT, b INT, v TEXT, PRIMARY KEY (a, b))")
    rows = rows_of(c, "SELECT i.indkey[0], i.indkey[1] FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relname = 'p2_pairs'")
    assert rows == [(1, 2)], rows
    c.close()


run()
