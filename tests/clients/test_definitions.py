#!/usr/bin/python3
"""Definitions of PostgreSQL's users: undone by ROLLBACK, in the order of declaration, altered, in schemas."""
import os
import shutil
import signal
import tempfile

import psycopg

from millrace_server import case, launch, run, start_server, wait_until

SERVER = start_server()


def connect(server=SERVER, dbname="millrace", **options):
    return psycopg.connect(host=server.host, port=server.port, user="millrace", dbname=dbname, **options)


def rows(connection, query):
    return connection.execute(query).fetchall()


def fails(connection, error, statement):
    try:
        connection.execute(statement)
    except error as caught:
        return str(caught)
    raise AssertionError(f"{statement} does not fail")


# ---- ROLLBACK


@case
def objects_that_a_transaction_creates_are_gone_after_rollback():
    with connect() as c:
        c.execute("CREATE TABLE made (a int, b text)")
        c.execute("CREATE TEMP TABLE made_temp (a int)")
        c.execute("CREATE TYPE made_mood AS ENUM ('sad', 'ok')")
        c.execute("CREATE SCHEMA made_schema")
        c.execute("CREATE TABLE made_schema.inside (a int)")
        c.execute("COMMENT ON TABLE made IS 'for a moment'")
        c.execute("INSERT INTO made VALUES (1, 'x')")
        assert rows(c, "SELECT * FROM made") == [(1, "x")]
        c.rollback()
        fails(c, psycopg.errors.UndefinedTable, "SELECT * FROM made")
        c.rollback()
        fails(c, psycopg.errors.UndefinedTable, "SELECT * FROM made_temp")
        c.rollback()
        fails(c, psycopg.Error, "SELECT 'ok'::made_mood")
        c.rollback()
        assert rows(c, "SELECT 1 FROM pg_namespace WHERE nspname = 'made_schema'") == []
        for _ in range(2):  # with the same names
            c.execute("CREATE TABLE made (x text)")
            c.execute("CREATE TEMP TABLE made_temp (x text)")
            c.execute("INSERT INTO made VALUES ('kept')")
            assert rows(c, "SELECT * FROM made_temp") == []
            c.rollback()
        c.execute("CREATE TABLE made (x text)")
        c.execute("INSERT INTO made VALUES ('kept')")
        c.commit()
        assert rows(c, "SELECT * FROM made") == [("kept",)]


@case
def objects_that_a_transaction_drops_exist_after_rollback():
    with connect(autocommit=True) as c:
        c.execute("CREATE TABLE dropped (k int PRIMARY KEY, v text NOT NULL)")
        c.execute("COMMENT ON TABLE dropped IS 'still there'")
        c.execute("CREATE TYPE dropped_mood AS ENUM ('sad')")
        c.execute("INSERT INTO dropped SELECT i, 'v' || CAST(i AS VARCHAR) FROM generate_series(1, 100) AS g(i)")
        with c.transaction(force_rollback=True):
            c.execute("DROP TABLE dropped")
            c.execute("DROP TYPE dropped_mood")
            with connect(autocommit=True) as other:
                fails(other, psycopg.errors.UndefinedTable, "SELECT * FROM dropped")
        assert rows(c, "SELECT count(*) FROM dropped") == [(100,)]
        assert rows(c, "SELECT v FROM dropped WHERE k = 7") == [("v7",)]
        assert rows(c, "SELECT obj_description('dropped'::regclass, 'pg_class')") == [("still there",)]
        assert rows(c, "SELECT 'sad'::dropped_mood") == [("sad",)]
        # Another object gets the name of the dropped object. ROLLBACK has to remove the other object again.
        with c.transaction(force_rollback=True):
            c.execute("DROP TABLE IF EXISTS dropped")
            c.execute("CREATE TABLE dropped (a text)")
            c.execute("INSERT INTO dropped VALUES ('new')")
            assert rows(c, "SELECT * FROM dropped") == [("new",)]
        assert rows(c, "SELECT count(*) FROM dropped") == [(100,)]
        c.execute("INSERT INTO dropped VALUES (101, 'after')")
        assert rows(c, "SELECT count(*) FROM dropped") == [(101,)]
        with c.transaction():
            c.execute("DROP TABLE dropped")
            c.execute("CREATE TABLE dropped (a text)")
            c.execute("INSERT INTO dropped VALUES ('new')")
        assert rows(c, "SELECT * FROM dropped") == [("new",)]


@case
def an_error_and_a_closed_connection_undo_as_well():
    with connect() as c:
        c.execute("CREATE TABLE undone_by_error (a int)")
        fails(c, psycopg.Error, "SELECT * FROM nosuch")
        c.commit()  # COMMIT of a transaction that has failed works as ROLLBACK
        fails(c, psycopg.errors.UndefinedTable, "SELECT * FROM undone_by_error")
    left = connect()
    left.execute("CREATE TABLE undone_by_leaving (a int)")
    left.close()
    with connect(autocommit=True) as c:
        def is_gone():
            return rows(c, "SELECT 1 FROM pg_class WHERE relname = 'undone_by_leaving'") == []
        wait_until(is_gone)
        c.execute("CREATE TABLE undone_by_leaving (a int)")


@case
def a_table_of_another_session_is_never_undone():
    with connect() as a, connect(autocommit=True) as b:
        b.execute("CREATE TABLE contested (k int)")
        a.execute("DROP TABLE contested")
        # The name stays reserved for the transaction, because records under a reused name could not be
        # distinguished from the old records.
        fails(b, psycopg.errors.LockNotAvailable, "CREATE TABLE contested (other text)")
        a.rollback()
        b.execute("INSERT INTO contested VALUES (1)")
        assert rows(b, "SELECT * FROM contested") == [(1,)]
        a.rollback()
        a.execute("CREATE TABLE contested_too (k int)")
        fails(b, psycopg.errors.LockNotAvailable, "DROP TABLE contested_too")
        fails(b, psycopg.errors.LockNotAvailable, "COMMENT ON TABLE contested_too IS 'mine'")
        fails(b, psycopg.errors.LockNotAvailable, "CREATE TABLE of_it AS SELECT k, count(*) AS n FROM contested_too GROUP BY k")
        a.rollback()
        b.execute("CREATE TABLE contested_too (text text)")
        a.rollback()
        b.execute("INSERT INTO contested_too VALUES ('of b')")
        assert rows(b, "SELECT * FROM contested_too") == [("of b",)]


@case
def statements_that_cannot_be_undone_are_refused():
    with connect(autocommit=True) as c:
        c.execute("CREATE STREAM undo_events (id INT KEY, v INT)")
        c.execute("CREATE STREAM undo_more (id INT KEY, v INT)")
        c.execute("CREATE TABLE undo_counts AS SELECT id, COUNT(*) AS n FROM undo_events GROUP BY id")
        for statement in ("DROP TABLE undo_counts", "INSERT INTO undo_more SELECT * FROM undo_events",
                          "CREATE ROLE undo_role", "PAUSE ALL", "ALTER SYSTEM 'auto.offset.reset' = 'earliest'"):
            c.execute("BEGIN")
            said = fails(c, psycopg.errors.FeatureNotSupported, statement)
            assert "within a transaction" in said, said
            c.execute("ROLLBACK")
        with c.transaction(force_rollback=True):
            c.execute("CREATE TABLE undo_own AS SELECT id, COUNT(*) AS n FROM undo_events GROUP BY id")
        fails(c, psycopg.errors.UndefinedTable, "SELECT * FROM undo_own")


@case
def a_server_that_is_killed_undoes_when_it_starts_again():
    folder = tempfile.mkdtemp(prefix="millrace-undone-")
    try:
        server = launch(data_dir=folder)
        with connect(server, autocommit=True) as c:
            c.execute("CREATE TABLE lasting (k int PRIMARY KEY, v text)")
            c.execute("CREATE TABLE replaced (k int PRIMARY KEY, v text NOT NULL)")
            for table in ("lasting", "replaced"):
                c.execute(f"INSERT INTO {table} VALUES (1, 'one'), (2, 'two')")
        open_one = connect(server)
        open_one.execute("DROP TABLE lasting")
        open_one.execute("DROP TABLE replaced")
        open_one.execute("CREATE TABLE replaced (other text)")
        open_one.execute("CREATE TABLE fleeting (a int)")
        os.kill(server.pid, signal.SIGKILL)
        server.stop()
        server = launch(data_dir=folder)
        with connect(server, autocommit=True) as c:
            def is_back():
                return rows(c, "SELECT 1 FROM pg_class WHERE relname = 'lasting'") == [(1,)]
            wait_until(is_back)
            for table in ("lasting", "replaced"):
                assert rows(c, f"SELECT * FROM {table} ORDER BY k") == [(1, "one"), (2, "two")], table
            fails(c, psycopg.errors.UndefinedTable, "SELECT * FROM fleeting")
            c.execute("DROP TABLE lasting, replaced")
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@case
def rows_of_others_are_not_lost_with_a_transaction_that_rewrites_the_table():
    with connect(autocommit=True) as other, connect() as c:
        other.execute("CREATE TABLE busy (id int PRIMARY KEY, v int)")
        other.execute("INSERT INTO busy VALUES (1, 10)")
        c.execute("ALTER TABLE busy RENAME COLUMN v TO w")
        c.execute("INSERT INTO busy VALUES (2, 20)")  # its own
        for statement in ("INSERT INTO busy (id) VALUES (3)", "INSERT INTO busy (id) VALUES (1)"):
            fails(other, psycopg.errors.LockNotAvailable, statement)
        try:
            with other.cursor().copy("COPY busy (id) FROM STDIN") as copy:
                copy.write_row((4,))
            raise AssertionError("COPY is not refused")
        except psycopg.errors.LockNotAvailable:
            pass
        c.rollback()
        other.execute("INSERT INTO busy VALUES (5, 50)")
        assert rows(other, "SELECT * FROM busy ORDER BY id") == [(1, 10), (5, 50)]
        c.execute("ALTER TABLE busy RENAME COLUMN v TO w")
        c.execute("INSERT INTO busy VALUES (6, 60)")
        c.commit()
        other.execute("INSERT INTO busy (id, w) VALUES (7, 70)")
        assert rows(other, "SELECT * FROM busy ORDER BY id") == [(1, 10), (5, 50), (6, 60), (7, 70)]
        c.execute("CREATE TABLE nobodys (a int)")
        fails(other, psycopg.errors.LockNotAvailable, "INSERT INTO nobodys VALUES (1)")
        c.commit()
        other.execute("INSERT INTO nobodys VALUES (1)")


@case
def a_cursor_with_hold_goes_with_a_rollback():
    with connect() as c:
        for end, survives in ((c.commit, True), (c.rollback, False)):
            c.execute("CREATE TABLE IF NOT EXISTS held (a int)")
            c.execute("DECLARE h CURSOR WITH HOLD FOR SELECT * FROM held")
            end()
            if survives:
                assert rows(c, "FETCH ALL FROM h") == []
                c.execute("CLOSE h")
            else:
                fails(c, psycopg.errors.InvalidCursorName, "FETCH ALL FROM h")
            c.rollback()


@case
def a_savepoint_takes_rows_back():
    with connect(autocommit=True) as c:
        c.execute("CREATE TABLE saved (k int PRIMARY KEY, v text)")
        c.execute("INSERT INTO saved VALUES (1, 'before')")
        with c.transaction():
            c.execute("INSERT INTO saved VALUES (2, 'kept')")
            with c.transaction(force_rollback=True):
                c.execute("INSERT INTO saved VALUES (3, 'gone')")
                c.execute("UPDATE saved SET v = 'gone' WHERE k = 1")
                c.execute("DELETE FROM saved WHERE k = 2")
                with c.cursor().copy("COPY saved FROM STDIN") as copy:
                    copy.write_row((4, "gone"))
                assert rows(c, "SELECT * FROM saved ORDER BY k") == [(1, "gone"), (3, "gone"), (4, "gone")]
            assert rows(c, "SELECT * FROM saved ORDER BY k") == [(1, "before"), (2, "kept")]
            try:
                with c.transaction():
                    c.execute("INSERT INTO saved VALUES (5, 'gone')")
                    c.execute("SELECT * FROM nosuch")
            except psycopg.errors.UndefinedTable:
                pass
            c.execute("INSERT INTO saved VALUES (6, 'kept')")
        assert rows(c, "SELECT * FROM saved ORDER BY k") == [(1, "before"), (2, "kept"), (6, "kept")]


# ---- The order of declaration


@case
def copy_reads_and_writes_the_relation_of_its_schema():
    with connect(autocommit=True) as c:
        c.execute("CREATE SCHEMA depot")
        for create in ("TABLE stock", "TEMP TABLE stock", "TABLE depot.stock"):
            c.execute(f"CREATE {create} (id INT PRIMARY KEY, place TEXT)")
        names = ("public.stock", "stock", "depot.stock")
        for name in names:
            with c.cursor().copy(f"COPY {name} FROM STDIN") as copy:
                copy.write_row((1, name))
        for name in names:
            assert rows(c, f"SELECT * FROM {name}") == [(1, name)]
            with c.cursor().copy(f"COPY {name} TO STDOUT") as copy:
                assert list(copy.rows()) == [("1", name)], name
        with c.cursor().copy("COPY pg_temp.stock (place) TO STDOUT") as copy:
            assert list(copy.rows()) == [("stock",)]
        c.execute("DROP TABLE stock, public.stock, depot.stock")
        c.execute("DROP SCHEMA depot")


@case
def columns_are_shown_as_they_were_declared():
    with connect(autocommit=True) as c:
        c.execute("CREATE TABLE declared (a text, b int PRIMARY KEY, c date)")
        c.execute("INSERT INTO declared VALUES ('x', 1, '2024-01-02')")
        c.execute("INSERT INTO declared VALUES (%s, %s, NULL)", ("y", 2))
        c.execute("INSERT INTO declared SELECT a || '!', b + 2, c FROM declared")
        with c.cursor().copy("COPY declared FROM STDIN") as copy:
            copy.write_row(("z", 5, None))
        cursor = c.execute("SELECT * FROM declared ORDER BY b")
        assert [column.name for column in cursor.description] == ["a", "b", "c"]
        assert [row[:2] for row in cursor.fetchall()] == [("x", 1), ("y", 2), ("x!", 3), ("y!", 4), ("z", 5)]
        assert rows(c, "SELECT * FROM declared WHERE b = 2") == [("y", 2, None)]
        assert rows(c, "INSERT INTO declared VALUES ('w', 6, NULL) RETURNING *") == [("w", 6, None)]
        assert rows(c, "UPDATE declared SET a = 'v' WHERE b = 6 RETURNING *") == [("v", 6, None)]
        with c.cursor().copy("COPY (SELECT * FROM declared WHERE b = 6) TO STDOUT") as copy:
            assert list(copy.rows()) == [("v", "6", None)]
        with c.cursor().copy("COPY declared TO STDOUT") as copy:
            assert ("v", "6", None) in list(copy.rows())
        for source in ("public.declared (b)", "pg_catalog.pg_class (relname)", "information_schema.tables (table_name)",
                       "millrace_catalog.topics (topic)"):
            with c.cursor().copy(f"COPY {source} TO STDOUT") as copy:
                assert list(copy.rows()), source
        assert rows(c, "SELECT column_name, ordinal_position FROM information_schema.columns "
                       "WHERE table_name = 'declared' ORDER BY ordinal_position") == [("a", 1), ("b", 2), ("c", 3)]
        assert rows(c, "SELECT attname FROM pg_attribute WHERE attrelid = 'declared'::regclass AND attnum > 0 "
                       "ORDER BY attnum") == [("a",), ("b",), ("c",)]
        c.execute("ALTER TABLE declared ADD COLUMN d int")
        assert rows(c, "SELECT * FROM declared WHERE b = 2") == [("y", 2, None, None)]
        # A primary key that is added later does not move its column in SELECT * either.
        c.execute("CREATE TABLE later (a text, b int)")
        c.execute("INSERT INTO later VALUES ('x', 1)")
        c.execute("ALTER TABLE later ADD PRIMARY KEY (b)")
        c.execute("INSERT INTO later VALUES ('y', 2)")
        assert rows(c, "SELECT * FROM later ORDER BY b") == [("x", 1), ("y", 2)]
        # Tables of the dialect are shown with their key first, as in ksqlDB.
        c.execute("CREATE TABLE of_ksqldb (a VARCHAR, b INT PRIMARY KEY) WITH (KAFKA_TOPIC = 'of_ksqldb', VALUE_FORMAT = 'JSON')")
        c.execute("INSERT INTO of_ksqldb VALUES (1, 'x')")
        assert rows(c, "SELECT * FROM of_ksqldb WHERE b = 1") == [(1, "x")]


# ---- ALTER TABLE


@case
def columns_are_dropped_renamed_and_retyped():
    with connect(autocommit=True) as c:
        c.execute("CREATE TABLE altered (a int, b int PRIMARY KEY, c text)")
        c.execute("INSERT INTO altered VALUES (10, 1, 'x'), (20, 2, 'y')")
        c.execute("ALTER TABLE altered ALTER COLUMN a TYPE text")
        assert rows(c, "SELECT * FROM altered ORDER BY b") == [("10", 1, "x"), ("20", 2, "y")]
        c.execute("ALTER TABLE altered ALTER COLUMN a SET DATA TYPE bigint USING CAST(a AS BIGINT) * 2")
        c.execute("ALTER TABLE altered RENAME COLUMN b TO id")
        c.execute("ALTER TABLE altered DROP COLUMN c")
        assert rows(c, "SELECT * FROM altered ORDER BY id") == [(20, 1), (40, 2)]
        c.execute("ALTER TABLE altered ADD COLUMN c text")  # the dropped column has left nothing behind
        assert rows(c, "SELECT id, c FROM altered ORDER BY id") == [(1, None), (2, None)]
        c.execute("UPDATE altered SET c = 'new' WHERE id = 2")
        with c.transaction(force_rollback=True):
            c.execute("ALTER TABLE altered DROP COLUMN c")
            assert rows(c, "SELECT * FROM altered ORDER BY id") == [(20, 1), (40, 2)]
        assert rows(c, "SELECT * FROM altered ORDER BY id") == [(20, 1, None), (40, 2, "new")]
        fails(c, psycopg.errors.UndefinedColumn, "ALTER TABLE altered DROP COLUMN nosuch")
        fails(c, psycopg.errors.DuplicateColumn, "ALTER TABLE altered RENAME COLUMN c TO a")
        fails(c, psycopg.errors.FeatureNotSupported, "ALTER TABLE altered DROP COLUMN id")
        c.execute("CREATE TABLE altered_log (a text, b int)")
        c.execute("INSERT INTO altered_log VALUES ('1', 1), ('2', 2)")
        c.execute("ALTER TABLE altered_log ALTER COLUMN a TYPE int")
        assert rows(c, "SELECT * FROM altered_log ORDER BY b") == [(1, 1), (2, 2)]


# ---- Schemas, domains


@case
def a_schema_has_tables_and_types_of_its_own():
    with connect(autocommit=True) as c:
        c.execute("CREATE SCHEMA shop")
        fails(c, psycopg.Error, "CREATE SCHEMA shop")
        c.execute("CREATE SCHEMA IF NOT EXISTS shop")
        c.execute("CREATE TABLE items (n int)")
        c.execute("CREATE TABLE shop.items (id int PRIMARY KEY, name text)")
        c.execute("INSERT INTO shop.items VALUES (1, 'tea')")
        assert rows(c, "SELECT * FROM shop.items") == [(1, "tea")]
        assert rows(c, "SELECT items.name FROM shop.items WHERE id = 1") == [("tea",)]
        assert rows(c, "SELECT * FROM items") == []
        c.execute("UPDATE shop.items SET name = 'coffee' WHERE id = 1")
        assert rows(c, "SELECT name FROM shop.items AS i WHERE i.id = 1") == [("coffee",)]
        c.execute("CREATE TYPE shop.size AS ENUM ('s', 'l')")
        assert rows(c, "SELECT 'l'::shop.size") == [("l",)]
        assert rows(c, "SELECT relname, nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                       "WHERE relname = 'items' ORDER BY nspname") == [("items", "public"), ("items", "shop")]
        assert rows(c, "SELECT schema_name FROM information_schema.schemata WHERE schema_name = 'shop'") == [("shop",)]
        fails(c, psycopg.Error, "CREATE TABLE nosuch.t (a int)")
        fails(c, psycopg.errors.DependentObjectsStillExist, "DROP SCHEMA shop")
        c.execute("DROP SCHEMA shop CASCADE")
        fails(c, psycopg.errors.UndefinedTable, "SELECT * FROM shop.items")
        c.execute("DROP SCHEMA IF EXISTS shop")


@case
def a_domain_is_another_name_for_a_type():
    with connect(autocommit=True) as c:
        c.execute("CREATE DOMAIN age AS int")
        c.execute("CREATE DOMAIN years AS age")
        assert rows(c, "SELECT '3'::years + 1") == [(4,)]
        c.execute("CREATE TABLE aged (name text, years years)")
        c.execute("INSERT INTO aged VALUES ('ann', 30)")
        assert rows(c, "SELECT * FROM aged") == [("ann", 30)]
        assert rows(c, "SELECT typtype, typbasetype FROM pg_type WHERE typname = 'age'") == [("d", 23)]
        fails(c, psycopg.errors.FeatureNotSupported, "CREATE DOMAIN adult AS int CHECK (VALUE >= 18)")
        c.execute("DROP DOMAIN age")
        for statement in ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "DO $$ BEGIN END $$"):
            fails(c, psycopg.errors.FeatureNotSupported, statement)


@case
def every_name_leads_to_the_one_database():
    with connect(autocommit=True) as c:
        said = []
        c.add_notice_handler(lambda notice: said.append(notice.message_primary) if notice.severity == "WARNING" else None)
        c.execute("CREATE DATABASE shop WITH OWNER = DEFAULT ENCODING 'UTF8'")
        c.execute("CREATE TABLE of_shop (id int PRIMARY KEY)")
        with connect(dbname="shop") as other:
            assert rows(other, "SELECT count(*) FROM of_shop") == [(0,)]
        c.execute("DROP DATABASE IF EXISTS shop")
        assert rows(c, "SELECT count(*) FROM of_shop") == [(0,)]
        assert said == ["all names refer to the only database: nothing was made",
                        "all names refer to the only database: nothing was dropped"], said
        c.execute("DROP TABLE of_shop")
    with connect() as c:
        fails(c, psycopg.errors.ActiveSqlTransaction, "CREATE DATABASE shop")


# ---- Several statements up to a Sync


@case
def statements_of_one_text_are_one_transaction():
    with connect(autocommit=True) as c:
        fails(c, psycopg.errors.DivisionByZero, "CREATE TABLE of_text (a int PRIMARY KEY, b text); INSERT INTO of_text VALUES (1, 'x'); SELECT 1 / 0")
        fails(c, psycopg.errors.UndefinedTable, "SELECT * FROM of_text")
        c.execute("CREATE TYPE text_mood AS ENUM ('sad', 'ok'); CREATE TABLE of_text (a int PRIMARY KEY, b text); INSERT INTO of_text VALUES (1, 'x')")
        assert rows(c, "SELECT * FROM of_text") == [(1, "x")]
        fails(c, psycopg.errors.UndefinedTable, "INSERT INTO of_text VALUES (2, 'y'); UPDATE of_text SET b = 'z' WHERE a = 1; UPDATE nowhere SET a = 1")
        assert rows(c, "SELECT * FROM of_text") == [(1, "x")]
        answer = c.execute("UPDATE of_text SET b = 'z' WHERE a = 1; INSERT INTO of_text VALUES (3, 'w'); SELECT * FROM of_text ORDER BY a")
        answer.nextset(), answer.nextset()
        assert answer.fetchall() == [(1, "z"), (3, "w")]
        c.execute("INSERT INTO of_text VALUES (4, 'v'); ROLLBACK")
        assert rows(c, "SELECT count(*) FROM of_text") == [(2,)]
        c.execute("INSERT INTO of_text VALUES (4, 'v'); BEGIN; INSERT INTO of_text VALUES (5, 'u')")
        c.execute("ROLLBACK")
        assert rows(c, "SELECT count(*) FROM of_text") == [(2,)]
        c.execute("DROP TABLE of_text; DROP TYPE text_mood")


@case
def the_next_statement_of_the_text_sees_the_results_of_a_query():
    with connect(autocommit=True) as c:
        c.execute("CREATE TABLE bought (id int PRIMARY KEY, city text)")
        c.execute("CREATE TABLE bought_by_city AS SELECT city, COUNT(*) AS n FROM bought GROUP BY city")
        answer = c.execute("INSERT INTO bought VALUES (1, 'Oslo'); SELECT * FROM bought_by_city")
        answer.nextset()
        assert answer.fetchall() == [("Oslo", 1)]
        c.execute("DROP TABLE bought_by_city DELETE TOPIC")
        c.execute("DROP TABLE bought")


@case
def a_pipeline_is_one_transaction_up_to_its_sync():
    with connect(autocommit=True) as c, connect(autocommit=True) as other:
        c.execute("CREATE TABLE piped (a int PRIMARY KEY, b text)")
        try:
            with c.pipeline() as pipeline:
                for i in range(5):
                    c.execute("INSERT INTO piped VALUES (%s, 'x')", [i])
                c.execute("UPDATE nowhere SET a = 1")
                pipeline.sync()
        except psycopg.errors.UndefinedTable:
            pass
        assert rows(c, "SELECT count(*) FROM piped") == [(0,)]
        with c.pipeline() as pipeline:
            for i in range(5):
                c.execute("INSERT INTO piped VALUES (%s, 'x')", [i])
            c.pgconn.send_flush_request()
            seen = c.execute("SELECT 1")
            c.pgconn.send_flush_request()
            assert seen.fetchall() == [(1,)]
            assert rows(other, "SELECT count(*) FROM piped") == [(0,)]
            pipeline.sync()
        assert rows(other, "SELECT count(*) FROM piped") == [(5,)]
        c.execute("DROP TABLE piped")


# ---- Transactions


@case
def a_transaction_has_the_supported_isolation_level_and_access_mode():
    with connect(autocommit=True) as c:
        assert rows(c, "SHOW transaction_isolation") == [("read committed",)]
        # The server reports the level that is in effect, whichever level was requested.
        c.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
        assert rows(c, "SHOW TRANSACTION ISOLATION LEVEL") == [("read committed",)]
        c.execute("ROLLBACK")
        c.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert rows(c, "SHOW transaction_isolation") == [("read committed",)]
        c.execute("SET default_transaction_isolation = 'serializable'")
        assert rows(c, "SHOW default_transaction_isolation") == [("read committed",)]
        fails(c, psycopg.errors.InvalidParameterValue, "SET default_transaction_isolation = 'strict'")
        c.execute("BEGIN ISOLATION LEVEL READ UNCOMMITTED")
        assert rows(c, "SHOW transaction_isolation") == [("read uncommitted",)]
        c.execute("ROLLBACK")
        c.execute("BEGIN")
        assert rows(c, "SHOW transaction_isolation") == [("read committed",)]
        c.execute("SELECT 1")
        fails(c, psycopg.errors.ActiveSqlTransaction, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        c.execute("ROLLBACK")
        c.execute("RESET default_transaction_isolation")
        c.execute("BEGIN READ ONLY")
        c.execute("SET TRANSACTION READ WRITE")
        c.execute("SET TRANSACTION READ ONLY")
        c.execute("SELECT 1")
        fails(c, psycopg.errors.ActiveSqlTransaction, "SET TRANSACTION READ WRITE")
        c.execute("ROLLBACK")


@case
def composite_values_are_parameters_in_binary():
    from psycopg.types.composite import CompositeInfo, register_composite
    with connect(autocommit=True) as c:
        c.execute("CREATE TYPE pair AS (n int, s text)")
        c.execute("CREATE TABLE pairs (id int PRIMARY KEY, p pair)")
        info = CompositeInfo.fetch(c, "pair")
        register_composite(info, c)
        value = info.python_type(5, 'a "quoted", \\ one')
        assert c.execute("SELECT %b::pair", (value,), binary=True).fetchone() == (value,)
        c.execute("INSERT INTO pairs VALUES (1, %b)", (value,))
        c.execute("INSERT INTO pairs VALUES (2, ROW(6, 'row'))")
        c.execute("INSERT INTO pairs VALUES (3, (7, NULL))")
        c.execute("INSERT INTO pairs VALUES (4, '(8,text)')")
        found = [row[0] for row in rows(c, "SELECT p FROM pairs ORDER BY id")]
        assert [tuple(each) for each in found] == [tuple(value), (6, "row"), (7, None), (8, "text")], found


@case
def a_select_of_a_series_has_rows():
    with connect(autocommit=True) as c:
        cursor = c.execute("SELECT generate_series(1, 3)")
        assert (cursor.description[0].name, cursor.fetchall()) == ("generate_series", [(1,), (2,), (3,)])
        assert c.execute("SELECT generate_series(0, %s::int)", (2,)).fetchall() == [(0,), (1,), (2,)]


run()
