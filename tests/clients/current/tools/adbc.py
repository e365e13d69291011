"""ADBC's driver for PostgreSQL: Arrow tables are ingested and read; the catalog, schemas of statements, transactions."""
import datetime
import decimal
import os

import adbc_driver_postgresql.dbapi as dbapi
import pyarrow as pa

from millrace_server import case, run

URI = f"postgresql://{os.environ['PGUSER']}@{os.environ['MILLRACE_PG']}/postgres"
NOON = datetime.datetime(2024, 2, 29, 12, 30, 15, 678000)
TABLE = pa.table({
    "id": pa.array(range(1000), pa.int64()), "small": pa.array([n % 100 for n in range(1000)], pa.int16()), "n": pa.array(range(1000), pa.int32()),
    "f": pa.array([n / 8 for n in range(1000)], pa.float32()), "d": pa.array([n / 3 for n in range(1000)], pa.float64()),
    "s": pa.array([None if n % 7 == 0 else f"text {n}" for n in range(1000)]), "b": pa.array([n % 2 == 0 for n in range(1000)]),
    "x": pa.array([bytes([n % 256]) for n in range(1000)]), "day": pa.array([NOON.date()] * 1000, pa.date32()),
    "at": pa.array([NOON] * 1000, pa.timestamp("us")), "zoned": pa.array([NOON] * 1000, pa.timestamp("us", "UTC"))})


def connection(**options):
    return dbapi.connect(URI, **options)


@case
def a_table_is_ingested_and_read():
    with connection() as c, c.cursor() as cursor:
        assert cursor.adbc_ingest("ingested", TABLE, mode="create") == 1000
        c.commit()
        cursor.execute("SELECT * FROM ingested ORDER BY id")
        found = cursor.fetch_arrow_table()
        for name in TABLE.column_names:
            assert found[name].to_pylist() == TABLE[name].to_pylist(), (name, found.schema)
        assert found.schema.field("zoned").type == pa.timestamp("us", "UTC"), found.schema


@case
def rows_are_appended_and_replaced():
    with connection() as c, c.cursor() as cursor:
        assert cursor.adbc_ingest("ingested", TABLE, mode="append") == 1000
        c.commit()
        cursor.execute("SELECT count(*) FROM ingested")
        assert cursor.fetchone() == (2000,)
        cursor.adbc_ingest("ingested", TABLE.slice(0, 10), mode="replace")
        cursor.adbc_ingest("made", TABLE.slice(0, 5), mode="create_append")
        cursor.adbc_ingest("made", TABLE.slice(5, 5), mode="create_append")
        c.commit()
        cursor.execute("SELECT (SELECT count(*) FROM ingested), (SELECT count(*) FROM made)")
        assert cursor.fetchone() == (10, 10)


@case
def a_temporary_table_is_ingested():
    with connection() as c, c.cursor() as cursor:
        cursor.adbc_ingest("of_the_session", TABLE, mode="create", temporary=True)
        cursor.execute("SELECT sum(n) FROM of_the_session")
        assert cursor.fetchone()[0] == 499500


@case
def parameters_and_their_batches():
    with connection() as c, c.cursor() as cursor:
        cursor.execute("CREATE TABLE pairs (id INT PRIMARY KEY, v TEXT, m NUMERIC(10, 2), tags TEXT[])")
        cursor.executemany("INSERT INTO pairs (id, v) VALUES ($1, $2)", [(1, "a"), (2, "b"), (3, None)])
        cursor.execute("UPDATE pairs SET m = 12.5, tags = '{x,y}' WHERE id = 1")
        c.commit()
        cursor.execute("SELECT v, m, tags FROM pairs WHERE id = $1", (1,))
        row = cursor.fetchone()
        assert row[0] == "a" and decimal.Decimal(row[1]) == decimal.Decimal("12.5") and row[2] == ["x", "y"], row
        assert cursor.adbc_execute_schema("SELECT id, v FROM pairs").names == ["id", "v"]


@case
def rows_come_in_batches():
    with connection() as c, c.cursor(adbc_stmt_kwargs={"adbc.postgresql.batch_size_hint_bytes": "4096"}) as cursor:
        cursor.execute("SELECT g AS id, 'text ' || g AS s FROM generate_series(1, 5000) AS g")
        batches = [each.num_rows for each in cursor.fetch_record_batch()]
        assert sum(batches) == 5000 and len(batches) > 1, len(batches)


@case
def the_catalog_is_listed():
    with connection() as c:
        found = c.adbc_get_objects(depth="all", table_name_filter="pairs").read_all().to_pylist()
        tables = [table for catalog in found for schema in catalog["catalog_db_schemas"] or [] for table in schema["db_schema_tables"] or []]
        assert [each["column_name"] for each in tables[0]["table_columns"]] == ["id", "v", "m", "tags"], tables
        assert tables[0]["table_constraints"][0]["constraint_type"] == "PRIMARY KEY", tables
        assert c.adbc_get_table_schema("pairs").names == ["id", "v", "m", "tags"]
        assert "table" in c.adbc_get_table_types()
        assert c.adbc_get_info()["vendor_name"] == "PostgreSQL"


@case
def statistics_are_read():
    with connection() as c:
        c.adbc_get_statistics(db_schema_filter="public", approximate=True).read_all() if hasattr(c, "adbc_get_statistics") else None


@case
def a_rollback():
    with connection() as c, c.cursor() as cursor:
        cursor.execute("INSERT INTO pairs (id, v) VALUES (9, 'lost')")
        c.rollback()
        cursor.execute("SELECT count(*) FROM pairs WHERE id = 9")
        assert cursor.fetchone() == (0,)


run()
