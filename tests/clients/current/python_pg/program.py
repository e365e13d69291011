"""psycopg 2 and 3 and asyncpg where drivers hold more than a statement: pools, arrays, named cursors with parameters, bytea, COPY."""
import asyncio
import datetime
import decimal
import io
import os
import uuid

import asyncpg
import psycopg
import psycopg2
import psycopg2.extras
import psycopg2.pool
import psycopg_pool
from millrace_server import case, run
from psycopg.types.json import Jsonb

HOST, PORT = os.environ["MILLRACE_PG"].rsplit(":", 1)
USER = os.environ["PGUSER"]
WHERE = {"host": HOST, "port": int(PORT), "user": USER}
DSN = f"host={HOST} port={PORT} user={USER} dbname=postgres"
NOON = datetime.datetime(2024, 2, 29, 12, 30, 15, 678000)
ALL_BYTES = bytes(range(256))
COLUMNS = "id INT PRIMARY KEY, b BYTEA, i INT[], t TEXT[], d DATE[], n NUMERIC(10, 2)[], u UUID, j JSONB, zoned TIMESTAMPTZ"


def numbers(cursor, name, count=1000):
    cursor.execute(f"CREATE TABLE {name} (id INT PRIMARY KEY, s TEXT)")
    cursor.execute(f"INSERT INTO {name} SELECT g, 'row ' || g FROM generate_series(1, {count}) AS g")


# psycopg 2

def connect2():
    return psycopg2.connect(DSN)


@case
def psycopg2_writes_values_into_the_text():
    with connect2() as c, c.cursor() as cursor:
        psycopg2.extras.register_uuid()
        cursor.execute(f"CREATE TABLE p2_values ({COLUMNS})")
        row = (1, ALL_BYTES, [1, None, 3], ["a,b", "", None, "\"q\\\""], [NOON.date()], [decimal.Decimal("1.50")], uuid.UUID(int=5),
               psycopg2.extras.Json({"a": 1}), NOON.replace(tzinfo=datetime.timezone.utc))
        cursor.execute("INSERT INTO p2_values VALUES (%s, %s, %s, %s, %s::date[], %s, %s, %s, %s)", row)
        cursor.execute("SELECT * FROM p2_values")
        found = cursor.fetchone()
        assert bytes(found[1]) == ALL_BYTES and found[2:7] == row[2:7] and found[7] == {"a": 1} and found[8:] == row[8:], found
        cursor.execute("SELECT id FROM p2_values WHERE b = %s AND id = ANY(%s) AND %s = ANY(t)", (psycopg2.Binary(ALL_BYTES), [1, 2], "a,b"))
        assert cursor.fetchall() == [(1,)]
        cursor.execute("SELECT id FROM p2_values WHERE id IN %s AND j->>'a' = %s", ((1, 2), "1"))
        assert cursor.fetchall() == [(1,)]


@case
def psycopg2_fetches_by_named_cursors_with_parameters():
    with connect2() as c:
        with c.cursor() as cursor:
            numbers(cursor, "p2_numbers")
        with c.cursor("named") as cursor:
            cursor.itersize = 70
            cursor.execute("SELECT id, s FROM p2_numbers WHERE id > %s AND s LIKE %s ORDER BY id", (10, "row%"))
            assert [row[0] for row in cursor] == list(range(11, 1001))
        with c.cursor("held", withhold=True) as cursor:
            cursor.execute("SELECT id FROM p2_numbers ORDER BY id DESC LIMIT %s", (3,))
            c.commit()
            assert cursor.fetchall() == [(1000,), (999,), (998,)]


@case
def psycopg2_scrolls_by_named_cursors():
    with connect2() as c:
        with c.cursor() as cursor:
            numbers(cursor, "p2_scrolled")
        with c.cursor("scrolled", scrollable=True) as cursor:
            cursor.execute("SELECT id FROM p2_scrolled WHERE id <= %(most)s ORDER BY id", {"most": 50})
            cursor.scroll(10)
            assert cursor.fetchone() == (11,)
            cursor.scroll(-5)
            assert cursor.fetchmany(2) == [(7,), (8,)]


@case
def psycopg2_lends_connections():
    pool = psycopg2.pool.ThreadedConnectionPool(1, 4, DSN)
    lent = [pool.getconn() for _ in range(4)]
    for each in lent:
        with each.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid(), 1")
            assert cursor.fetchone()[1] == 1
        pool.putconn(each)
    again = pool.getconn()
    again.reset()
    pool.putconn(again)
    pool.closeall()


@case
def psycopg2_gives_rows_by_name():
    with connect2() as c, c.cursor(cursor_factory=psycopg2.extras.DictCursor) as cursor:
        cursor.execute("SELECT %s AS a, %s::numeric AS b", ("x", decimal.Decimal("1.5")))
        row = cursor.fetchone()
        assert row["a"] == "x" and row["b"] == decimal.Decimal("1.5")
        psycopg2.extras.execute_batch(cursor, "SELECT %s", [(i,) for i in range(5)])
        cursor.execute("CREATE TABLE p2_pairs (a INT, b TEXT)")
        psycopg2.extras.execute_values(cursor, "INSERT INTO p2_pairs VALUES %s RETURNING a", [(i, str(i)) for i in range(250)])
        cursor.copy_expert("COPY p2_pairs TO STDOUT WITH CSV", out := io.StringIO())
        assert len(out.getvalue().splitlines()) == 250
        cursor.copy_from(io.StringIO("7\tx\n8\t\\N\n"), "p2_pairs", columns=("a", "b"))
        cursor.execute("SELECT count(*) FROM p2_pairs")
        assert cursor.fetchone()[0] == 252


# psycopg 3

@case
def psycopg_sends_values_in_text_and_binary():
    with psycopg.connect(DSN) as c:
        c.execute(f"CREATE TABLE p3_values ({COLUMNS})")
        row = (1, ALL_BYTES, [1, None, 3], ["a,b", "", None, "\"q\\\""], [NOON.date()], [decimal.Decimal("1.50")], uuid.UUID(int=5),
               {"a": [1, 2]}, NOON.replace(tzinfo=datetime.timezone.utc))
        for mark in ("%s", "%t", "%b"):
            c.execute("DELETE FROM p3_values")
            sent = row[:7] + (Jsonb(row[7]),) + row[8:]
            c.execute(f"INSERT INTO p3_values VALUES ({', '.join([mark] * len(row))})", sent)
            for binary in (False, True):
                found = c.execute("SELECT * FROM p3_values WHERE id = ANY(%s)", ([1, 2],), binary=binary).fetchone()
                assert found == row, (mark, binary, found)
        assert c.execute("SELECT unnest(%s::text[])", (["a", "b"],)).fetchall() == [("a",), ("b",)]


@case
def psycopg_keeps_timestamps_without_a_zone():
    with psycopg.connect(DSN) as c:
        c.execute("CREATE TABLE p3_times (id INT PRIMARY KEY, at TIMESTAMP)")
        c.execute("INSERT INTO p3_times VALUES (%s, %s)", (1, NOON))
        assert c.execute("SELECT at FROM p3_times").fetchone() == (NOON,)
        assert c.execute("SELECT id FROM p3_times WHERE at = %s", (NOON,)).fetchone() == (1,)


@case
def psycopg_fetches_by_named_cursors_with_parameters():
    with psycopg.connect(DSN) as c:
        with c.cursor() as cursor:
            numbers(cursor, "p3_numbers")
        with c.cursor("named") as cursor:
            cursor.itersize = 70
            cursor.execute("SELECT id FROM p3_numbers WHERE id > %s ORDER BY id", (10,))
            assert [row[0] for row in cursor] == list(range(11, 1001))


@case
def psycopg_scrolls_by_named_cursors():
    with psycopg.connect(DSN) as c:
        with c.cursor() as cursor:
            numbers(cursor, "p3_scrolled")
        with c.cursor("scrolled", scrollable=True, binary=True) as cursor:
            cursor.execute("SELECT id, s FROM p3_scrolled WHERE s = ANY(%s) ORDER BY id", (["row 3", "row 7"],))
            cursor.scroll(1)
            assert cursor.fetchone() == (7, "row 7")
            cursor.scroll(0, mode="absolute")
            assert cursor.fetchone() == (3, "row 3")
            assert [d.name for d in cursor.description] == ["id", "s"]


@case
def psycopg_lends_connections():
    with psycopg_pool.ConnectionPool(DSN, min_size=2, max_size=4, check=psycopg_pool.ConnectionPool.check_connection) as pool:
        pool.wait(10)
        for i in range(20):
            with pool.connection() as c:
                assert c.execute("SELECT %s::int", (i,)).fetchone() == (i,)
        try:
            with pool.connection() as c:
                c.execute("SELECT 1/0")
        except psycopg.errors.DivisionByZero:
            pass
        with pool.connection() as c:
            assert c.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


@case
def psycopg_is_used_without_waiting():
    async def go():
        async with psycopg_pool.AsyncConnectionPool(DSN, min_size=1, max_size=4, open=False) as pool:
            async def one(i):
                async with pool.connection() as c:
                    return (await (await c.execute("SELECT %s::int * 2", (i,))).fetchone())[0]
            assert await asyncio.gather(*(one(i) for i in range(30))) == [2 * i for i in range(30)]
        async with await psycopg.AsyncConnection.connect(DSN) as c, c.pipeline():
            cursors = [await c.execute("SELECT %s::int", (i,)) for i in range(10)]
            assert [(await cursor.fetchone())[0] for cursor in cursors] == list(range(10))
    asyncio.run(go())


@case
def psycopg_nests_transactions():
    with psycopg.connect(DSN) as c:
        c.execute("CREATE TABLE p3_nested (id INT PRIMARY KEY)")
        with c.transaction():
            c.execute("INSERT INTO p3_nested VALUES (1)")
            try:
                with c.transaction():
                    c.execute("INSERT INTO p3_nested VALUES (2)")
                    raise KeyError
            except KeyError:
                pass
            with c.transaction(force_rollback=True):
                c.execute("INSERT INTO p3_nested VALUES (3)")
        assert c.execute("SELECT id FROM p3_nested").fetchall() == [(1,)]


@case
def psycopg_knows_types_of_the_server():
    with psycopg.connect(DSN, autocommit=True) as c:
        c.execute("CREATE TYPE p3_mood AS ENUM ('sad', 'ok')")
        c.execute("CREATE TYPE p3_place AS (street TEXT, zip INT)")
        info = psycopg.types.enum.EnumInfo.fetch(c, "p3_mood")
        assert info.labels == ["sad", "ok"], info
        place = psycopg.types.composite.CompositeInfo.fetch(c, "p3_place")
        psycopg.types.composite.register_composite(place, c)
        assert list(place.field_names) == ["street", "zip"], place.field_names
        found = c.execute("SELECT ROW('a b', 7)::p3_place, 'ok'::p3_mood").fetchone()
        assert tuple(found[0]) == ("a b", 7) and found[1] == "ok", found
        assert psycopg.types.TypeInfo.fetch(c, "text").oid == 25
        assert psycopg.types.TypeInfo.fetch(c, "not_there") is None


# asyncpg

def with_asyncpg(body, **options):
    async def go():
        connection = await asyncpg.connect(**WHERE, database="postgres", **options)
        try:
            await body(connection)
        finally:
            await connection.close()
    asyncio.run(go())


@case
def asyncpg_sends_values():
    async def body(c):
        await c.execute(f"CREATE TABLE apg_values ({COLUMNS})")
        row = (1, ALL_BYTES, [1, None, 3], ["a,b", "", None], [NOON.date()], [decimal.Decimal("1.50")], uuid.UUID(int=5),
               '{"a": [1, 2]}', NOON.replace(tzinfo=datetime.timezone.utc))
        await c.execute("INSERT INTO apg_values VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", *row)
        found = await c.fetchrow("SELECT * FROM apg_values WHERE id = ANY($1::int[]) AND b = $2", [1, 2], ALL_BYTES)
        assert tuple(found) == row, found
        assert await c.fetchval("SELECT array_agg(x) FROM unnest($1::text[]) AS x", ["a", "b"]) == ["a", "b"]
        assert await c.fetchval("SELECT $1::int[] || 4", [1, 2]) == [1, 2, 4]
        prepared = await c.prepare("SELECT id, t FROM apg_values WHERE id = $1 AND zoned > $2")
        assert [a.type.name for a in prepared.get_attributes()] == ["int4", "text[]"], prepared.get_attributes()
        assert [p.name for p in prepared.get_parameters()] == ["int4", "timestamptz"], prepared.get_parameters()
        await c.set_type_codec("jsonb", encoder=lambda v: v, decoder=lambda v: "decoded", schema="pg_catalog")
        assert await c.fetchval("SELECT j FROM apg_values") == "decoded"
    with_asyncpg(body)


@case
def asyncpg_lends_connections():
    async def go():
        async with asyncpg.create_pool(**WHERE, database="postgres", min_size=2, max_size=5, command_timeout=20,
                                       server_settings={"application_name": "pooled"}) as pool:
            await pool.execute("CREATE TABLE apg_pool (id INT PRIMARY KEY, s TEXT)")
            await asyncio.gather(*(pool.execute("INSERT INTO apg_pool VALUES ($1, $2)", i, str(i)) for i in range(50)))
            assert await pool.fetchval("SELECT count(*) FROM apg_pool") == 50
            async with pool.acquire() as c, c.transaction():
                await c.execute("UPDATE apg_pool SET s = 'changed' WHERE id < 10")
                async with c.transaction():
                    assert await c.fetchval("SELECT count(*) FROM apg_pool WHERE s = $1", "changed") == 10
            assert await pool.fetchval("SHOW application_name") == "pooled"
            try:
                await pool.fetchval("SELECT 1 / $1::int", 0)
                raise AssertionError("divided by zero")
            except asyncpg.DivisionByZeroError:
                pass
            await pool.expire_connections()
            assert await pool.fetchval("SELECT 1") == 1
    asyncio.run(go())


@case
def asyncpg_fetches_by_cursors_with_parameters():
    async def body(c):
        await c.execute("CREATE TABLE apg_numbers (id INT PRIMARY KEY, s TEXT)")
        await c.executemany("INSERT INTO apg_numbers VALUES ($1, $2)", [(i, str(i)) for i in range(500)])
        async with c.transaction():
            seen = [row["id"] async for row in c.cursor("SELECT id FROM apg_numbers WHERE id >= $1 ORDER BY id", 20, prefetch=37)]
            assert seen == list(range(20, 500))
            cursor = await c.cursor("SELECT id FROM apg_numbers WHERE id >= $1 ORDER BY id", 100)
            await cursor.forward(5)
            assert [row["id"] for row in await cursor.fetch(3)] == [105, 106, 107]
            assert (await cursor.fetchrow())["id"] == 108
    with_asyncpg(body)


@case
def asyncpg_copies():
    async def body(c):
        await c.execute("CREATE TABLE apg_copied (id INT, s TEXT, at TIMESTAMPTZ, a INT[])")
        rows = [(i, None if i % 7 == 0 else f"s{i}", NOON.replace(tzinfo=datetime.timezone.utc), [i, None]) for i in range(500)]
        assert await c.copy_records_to_table("apg_copied", records=rows) == "COPY 500"
        assert [tuple(row) for row in await c.fetch("SELECT * FROM apg_copied ORDER BY id")] == rows
        out = io.BytesIO()
        assert await c.copy_from_query("SELECT id, s FROM apg_copied WHERE id < $1 ORDER BY id", 3, output=out, format="csv") == "COPY 3"
        assert out.getvalue() == b"0,\n1,s1\n2,s2\n", out.getvalue()
        assert await c.copy_to_table("apg_copied", source=io.BytesIO(b"900,x\n"), columns=["id", "s"], format="csv") == "COPY 1"
        out = io.BytesIO()
        await c.copy_from_table("apg_copied", output=out, format="binary")
        assert out.getvalue().startswith(b"PGCOPY\n")
    with_asyncpg(body)


@case
def asyncpg_knows_types_of_the_server():
    async def body(c):
        await c.execute("CREATE TYPE apg_mood AS ENUM ('sad', 'ok')")
        await c.execute("CREATE TYPE apg_place AS (street TEXT, zip INT)")
        assert await c.fetchval("SELECT $1::apg_mood", "ok") == "ok"
        assert tuple(await c.fetchval("SELECT $1::apg_place", ("a", 7))) == ("a", 7)
        assert await c.fetchval("SELECT ARRAY['sad', 'ok']::apg_mood[]") == ["sad", "ok"]
    with_asyncpg(body)


@case
def asyncpg_listens_and_is_cancelled():
    async def body(c):
        heard = asyncio.Queue()
        hear = lambda *arguments: heard.put_nowait(arguments[3])
        await c.add_listener("apg_news", hear)
        await c.execute("NOTIFY apg_news, 'hello'")
        assert await asyncio.wait_for(heard.get(), 10) == "hello"
        await c.remove_listener("apg_news", hear)
        try:
            await c.fetch("SELECT pg_sleep(30)", timeout=0.3)
            raise AssertionError("it slept")
        except asyncio.TimeoutError:
            pass
        assert await c.fetchval("SELECT 1") == 1
        await c.reset()
    with_asyncpg(body)


run()
