"""psqlODBC: unixODBC's isql, and pyodbc with the catalog functions that spreadsheets call."""
import datetime
import decimal
import glob
import os
import subprocess
import tempfile
import threading
import time

from millrace_server import Skipped, case, run

DRIVERS = glob.glob("/usr/lib/*/odbc/psqlodbcw.so")
HOST, PORT = os.environ["MILLRACE_PG"].rsplit(":", 1)
KEYS = f"Servername={HOST};Port={PORT};Database=postgres;Username={os.environ['PGUSER']};Password=none"
NOON = datetime.datetime(2024, 2, 29, 12, 30, 15, 678000)


def connect(*options, **how):
    import pyodbc
    if not DRIVERS:
        raise Skipped("no psqlODBC: Debian's odbc-postgresql has it")
    return pyodbc.connect(";".join([f"Driver={DRIVERS[0]}", KEYS.replace("Servername", "Server").replace("Username", "UID").replace("Password", "PWD"), *options]), **how)


@case
def isql_types_statements():
    if not DRIVERS:
        raise Skipped("no psqlODBC: Debian's odbc-postgresql has it")
    with tempfile.TemporaryDirectory() as home:
        with open(f"{home}/.odbc.ini", "w", encoding="utf-8") as file:
            file.write("[shop]\nDriver=" + DRIVERS[0] + "\n" + KEYS.replace(";", "\n") + "\n")
        text = "CREATE TABLE typed (id INT PRIMARY KEY, s TEXT)\nINSERT INTO typed VALUES (1, 'one'), (2, NULL)\nSELECT * FROM typed ORDER BY id\nhelp typed\n"
        done = subprocess.run(["isql", "-b", "-d|", "-v", "shop"], input=text, capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, "ODBCINI": f"{home}/.odbc.ini"})
        assert done.returncode == 0 and "1|one" in done.stdout and "typed|id" in done.stdout, (done.stdout, done.stderr)


@case
def parameters_come_back():
    with connect() as c:
        cursor = c.cursor()
        cursor.execute("CREATE TABLE o_values (id INT PRIMARY KEY, l BIGINT, d DOUBLE PRECISION, n NUMERIC(10, 2), b BOOLEAN, s VARCHAR(40), t TEXT, x BYTEA,"
                       " day DATE, at TIMESTAMP, time TIME)")
        row = (1, 2**40, 1.5, decimal.Decimal("-12.50"), True, "grüße 'x'", "a\\b", bytes(range(256)), NOON.date(), NOON, datetime.time(1, 2, 3))
        cursor.execute(f"INSERT INTO o_values VALUES ({', '.join('?' * len(row))})", row)
        found = cursor.execute("SELECT * FROM o_values WHERE id = ? AND day = ? AND s = ?", 1, NOON.date(), "grüße 'x'").fetchone()
        assert tuple(found)[:4] == row[:4] and tuple(found)[5:] == row[5:] and found[4] in (True, "1"), found
        cursor.execute("INSERT INTO o_values (id, l, s, x, at) VALUES (?, ?, ?, ?, ?)", 2, None, None, None, None)
        assert cursor.rowcount == 1
        assert tuple(cursor.execute("SELECT l, s, x, at FROM o_values WHERE id = 2").fetchone()) == (None,) * 4


@case
def catalog_functions_answer():
    with connect() as c:
        cursor = c.cursor()
        cursor.execute("CREATE TABLE o_described (a INT, b VARCHAR(20) NOT NULL, n NUMERIC(10, 2), PRIMARY KEY (a))")
        c.commit()
        assert [(t.table_schem, t.table_name, t.table_type) for t in cursor.tables(table="o_described")] == [("public", "o_described", "TABLE")]
        columns = [(k.column_name, k.type_name, k.nullable) for k in cursor.columns(table="o_described")]
        assert columns == [("a", "int4", 0), ("b", "varchar", 0), ("n", "numeric", 1)], columns
        assert [k.column_name for k in cursor.primaryKeys(table="o_described")] == ["a"]
        assert "o_described_pkey" in [k.index_name for k in cursor.statistics("o_described", unique=True)]
        assert list(cursor.foreignKeys(table="o_described")) == []
        assert "int4" in [t.type_name for t in cursor.getTypeInfo()]
        list(cursor.rowIdColumns("o_described"))
        list(cursor.procedures())
        assert cursor.tables(schema="%", catalog="", table="").fetchall() is not None


@case
def columns_have_lengths():
    with connect() as c:
        cursor = c.cursor()
        cursor.execute("CREATE TABLE o_lengths (a INT, b VARCHAR(20), n NUMERIC(10, 2))")
        sizes = [k.column_size for k in cursor.columns(table="o_lengths")]
        assert sizes == [10, 20, 10], sizes


@case
def statements_are_prepared_and_repeated():
    with connect("UseServerSidePrepare=1") as c:
        cursor = c.cursor()
        cursor.execute("CREATE TABLE o_many (id INT PRIMARY KEY, s TEXT)")
        cursor.executemany("INSERT INTO o_many VALUES (?, ?)", [(i, str(i)) for i in range(200)])
        cursor.fast_executemany = True
        cursor.executemany("INSERT INTO o_many VALUES (?, ?)", [(i, str(i)) for i in range(200, 400)])
        c.commit()
        assert cursor.execute("SELECT count(*) FROM o_many").fetchval() == 400
        for i in range(10):
            assert cursor.execute("SELECT s FROM o_many WHERE id = ?", i).fetchval() == str(i)


@case
def cursors_of_the_server_are_read():
    with connect("UseDeclareFetch=1", "Fetch=50") as c:
        cursor = c.cursor()
        cursor.execute("CREATE TABLE o_fetched (id INT PRIMARY KEY)")
        cursor.execute("INSERT INTO o_fetched SELECT g FROM generate_series(1, 333) AS g")
        c.commit()
        assert [row[0] for row in cursor.execute("SELECT id FROM o_fetched WHERE id > ? ORDER BY id", 3)] == list(range(4, 334))


@case
def transactions_end_both_ways():
    with connect() as c:
        cursor = c.cursor()
        cursor.execute("CREATE TABLE o_moves (id INT PRIMARY KEY)")
        c.commit()
        cursor.execute("INSERT INTO o_moves VALUES (1)")
        c.rollback()
        cursor.execute("INSERT INTO o_moves VALUES (2)")
        c.commit()
        import pyodbc
        try:
            cursor.execute("SELECT 1 / 0")
            raise AssertionError("divided by zero")
        except pyodbc.Error as error:
            assert "division by zero" in str(error), error
        c.rollback()
        assert [row[0] for row in cursor.execute("SELECT id FROM o_moves")] == [2]


@case
def results_follow_each_other():
    with connect(autocommit=True) as c:
        cursor = c.cursor()
        cursor.execute("SELECT 1; SELECT 'two' AS name")
        assert cursor.fetchall()[0][0] == 1 and cursor.nextset()
        assert cursor.description[0][0] == "name" and cursor.fetchone()[0] == "two"


@case
def a_statement_is_cancelled():
    with connect(autocommit=True) as c:
        import pyodbc
        cursor = c.cursor()
        threading.Thread(target=lambda: (time.sleep(0.4), cursor.cancel())).start()
        try:
            cursor.execute("SELECT pg_sleep(30)")
            raise AssertionError("it slept")
        except pyodbc.Error as error:
            assert "cancel" in str(error), error


@case
def joins_and_groups_answer():
    with connect(autocommit=True) as c:
        cursor = c.cursor()
        cursor.execute("CREATE TABLE o_sales (id INT PRIMARY KEY, city TEXT, amount NUMERIC(10, 2), at TIMESTAMP)")
        cursor.execute("INSERT INTO o_sales VALUES (1, 'Lahore', 5, '2024-01-01'), (2, 'Lahore', 7, '2024-02-01'), (3, 'Quetta', 1, NULL)")
        rows = cursor.execute('SELECT "city", SUM("amount") AS "sum_amount" FROM "public"."o_sales" "s" WHERE "amount" > ? GROUP BY "city" ORDER BY "city"', 0).fetchall()
        assert [tuple(row) for row in rows] == [("Lahore", decimal.Decimal("12.00")), ("Quetta", decimal.Decimal("1.00"))], rows
        rows = cursor.execute("SELECT {fn UCASE(city)}, {fn YEAR(at)} FROM o_sales WHERE at >= {ts '2024-02-01 00:00:00'} AND {fn MONTH(at)} = 2").fetchall()
        assert [tuple(row) for row in rows] == [("LAHORE", 2024)], rows


run()
