"""psqlODBC through pyodbc: the answers are compared with those of PostgreSQL 15."""
import datetime
import decimal
import glob
import os
import uuid

from tools import check, report
from millrace_server import Skipped
from postgres_server import PROGRAMS, PostgresServer

DRIVERS = glob.glob("/usr/lib/*/odbc/psqlodbcw.so")
MODES = {"default": "", "a cursor for each SELECT": "UseDeclareFetch=1;Fetch=5", "no prepared statements": "UseServerSidePrepare=0"}
TYPES = {"name": "VARCHAR(20) NOT NULL", "n": "NUMERIC(10,3)", "ts": "TIMESTAMP", "tz": "TIMESTAMPTZ", "d": "DATE", "tm": "TIME", "b": "BYTEA",
         "bo": "BOOLEAN", "u": "UUID", "bi": "BIGINT", "dp": "DOUBLE PRECISION", "tx": "TEXT"}
NOON = datetime.datetime(2024, 2, 29, 12, 30, 15, 678000)
ROW = ("one", decimal.Decimal("-1.005"), NOON, NOON, NOON.date(), datetime.time(1, 2, 3), b"\x00\xff", True,
       str(uuid.UUID(int=7)), 2**62, 1e300, "x" * 400)


def connect(host, port, user, mode):
    import pyodbc
    return pyodbc.connect(f"Driver={DRIVERS[0]};Server={host};Port={port};Database=postgres;UID={user};PWD=none;{mode}")


def listed(rows):
    # The catalog of Millrace has one schema more than PostgreSQL.
    return sorted((tuple(map(str, row)) for row in rows if "millrace_catalog" not in map(str, row)), key=repr)


def catalog(cursor):
    """Answers of the catalog functions that spreadsheets call, by name."""
    yield "SQLTables", listed(cursor.tables(table="o160"))
    yield "SQLTables, schemas", listed(row for row in cursor.tables(schema="%", catalog="", table="") if not row[1].startswith("pg_toast"))
    # The number of the table (TABLE OID) differs between servers.
    yield "SQLColumns", listed((*row[:-4], *row[-3:]) for row in cursor.columns(table="o160"))
    yield "SQLPrimaryKeys", listed(cursor.primaryKeys(table="o160"))
    yield "SQLForeignKeys", listed(cursor.foreignKeys(table="o160"))
    yield "SQLStatistics", [(row[2], row[3], row[5], row[8]) for row in cursor.statistics("o160", unique=True) if row[5]]
    yield "SQLSpecialColumns", listed(cursor.rowIdColumns("o160"))
    yield "SQLProcedures", listed(cursor.procedures(schema="public"))
    yield "SQLProcedureColumns", listed(cursor.procedureColumns(schema="public"))
    yield "SQLGetTypeInfo", listed(cursor.getTypeInfo())


def failure(cursor, statement):
    """SQLSTATE of a statement that must fail. The words of ODBC's errors are not compared."""
    import pyodbc
    try:
        cursor.execute(statement)
    except pyodbc.Error as error:
        return error.args[0]
    return "no error"


def statements(connection):
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE o160 (id INT PRIMARY KEY, {', '.join(f'{name} {kind}' for name, kind in TYPES.items())})")
    connection.commit()
    yield from catalog(cursor)
    insert = f"INSERT INTO o160 VALUES ({', '.join('?' * (len(ROW) + 1))})"
    cursor.execute(insert, 1, *ROW)
    cursor.execute(insert, 2, "nulls", *[None] * (len(ROW) - 1))
    connection.commit()
    for name in TYPES:
        found = cursor.execute(f"SELECT {name} FROM o160 ORDER BY id")
        yield name, (cursor.description[0][:2], [tuple(row) for row in found])
    for count in (50, 100):
        cursor.executemany("INSERT INTO o160 (id, name) VALUES (?, ?)", [(count * 10 + each, f"array {each}") for each in range(count)])
        connection.commit()
        yield f"array of {count}", tuple(cursor.execute("SELECT COUNT(*), MIN(id), MAX(id) FROM o160 WHERE id >= ?", count * 10).fetchone())
    yield "UPDATE", cursor.execute("UPDATE o160 SET bi = ? WHERE id = ?", 5, 1).rowcount
    yield "DELETE", cursor.execute("DELETE FROM o160 WHERE id BETWEEN ? AND ?", 500, 505).rowcount
    connection.rollback()
    yield "after ROLLBACK", [tuple(row) for row in cursor.execute("SELECT bi FROM o160 WHERE id IN (1, 500) ORDER BY id")]
    yield "an unknown column", failure(cursor, "SELECT nocol FROM o160")
    connection.rollback()
    for expression in ("{fn UCASE('a')}", "{d '2024-01-01'}", "{fn LENGTH('abc')}"):
        yield expression, tuple(cursor.execute(f"SELECT {expression} AS v").fetchone())
    yield "ORDER BY with LIMIT", [tuple(row) for row in cursor.execute("SELECT id, name FROM o160 ORDER BY id DESC LIMIT 7")]
    cursor.execute("DROP TABLE o160")
    connection.commit()


@report(160)
def psqlodbc_answers_as_with_postgresql(server):
    try:
        import pyodbc  # noqa: F401
    except ImportError as error:
        raise Skipped("no pyodbc: Debian's python3-pyodbc has it") from error
    if not DRIVERS or not os.path.exists(PROGRAMS):
        raise Skipped("no psqlODBC or no PostgreSQL 15: Debian's odbc-postgresql and postgresql have them")
    peer = PostgresServer()
    try:
        for name, mode in MODES.items():
            with connect("127.0.0.1", peer.port, "cdc", mode) as theirs, connect(server.host, server.port, "millrace", mode) as ours:
                expected = dict(statements(theirs))
                for what, answer in statements(ours):
                    check(answer, expected[what], f"{name}: {what}")
    finally:
        peer.close()
