#!/usr/bin/python3
"""The connectors that write tables of PostgreSQL, against a real server: the example of docs/connectors/postgresql-sink.md, kill -9
on both sides with exact counts, and errors as users see them."""
import json
import os
import random
import re
import subprocess
import threading

import psycopg

from connector_files import ConnectorFiles
from millrace_server import Skipped, binary, case, has_limit, run, wait_until
from postgres_server import PROGRAMS, PostgresServer

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_PAGE = os.path.join(_ROOT, "docs", "connectors", "postgresql-sink.md")


class Mart:
    """A database, and a server that writes its tables."""

    def __init__(self, **database):
        if not os.path.exists(f"{PROGRAMS}/initdb"):
            raise Skipped("no PostgreSQL")
        self.database = PostgresServer(**database)
        self.files = ConnectorFiles()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.files.close()
        self.database.close()

    def sql(self, statement):
        return self.files.sql(statement)

    def rows(self, table, columns="*"):
        """Returns nothing while the connector has not created the table."""
        try:
            return self.database.sql(f"SELECT {columns} FROM {table} ORDER BY 1, 2")
        except psycopg.errors.UndefinedTable:
            return None

    def statement(self, name="mart", **more):
        properties = {"connector.class": "postgres", "connection.url": f"postgresql://127.0.0.1:{self.database.port}/postgres", "connection.user": "cdc"}
        properties |= {key.replace("__", "."): value for key, value in more.items()}
        return f"CREATE SINK CONNECTOR {name} WITH ({', '.join(f'{chr(34)}{k}{chr(34)} = {chr(39)}{v}{chr(39)}' for k, v in properties.items())})"

    def create(self, name="mart", **more):
        self.sql(self.statement(name, **more))

    def produce(self, topic, *lines, keys=False):
        options = ["--property", "parse.key=true", "--property", "null.marker=NULL"] if keys else []
        done = subprocess.run([binary(), "produce", topic, "-b", self.files.server.kafka, *options], input="".join(line + "\n" for line in lines),
                              text=True, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    def make_topic(self, name, partitions=1):
        done = subprocess.run([binary(), "topic", "create", name, "--partitions", str(partitions), "-b", self.files.server.kafka],
                              text=True, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    def consume(self, topic):
        done = subprocess.run([binary(), "consume", topic, "--from-beginning", "--until-end", "-b", self.files.server.kafka],
                              text=True, capture_output=True, timeout=120, check=False)
        return done.stdout.splitlines()

    def tasks(self):
        server = self.files.server
        with psycopg.connect(host=server.host, port=server.port, autocommit=True) as connection:
            cursor = connection.execute("SHOW CONNECTOR TASKS")
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row)) for row in cursor.fetchall()]

    def task(self):
        return self.files.task()

    def wait_for_rows(self, table, rows, columns="*"):
        wait_until(lambda: self.rows(table, columns) == rows, lambda: (self.rows(table, columns), rows, self.tasks()), seconds=30)

    def wait_for_error(self, *texts):
        wait_until(lambda: all(text in str(self.task()) for text in texts), lambda: (texts, self.task()), seconds=30)
        return self.task()


@case
def json_records_become_rows_of_a_table():
    with Mart() as mart:
        mart.database.sql("CREATE TABLE orders (id INT, item TEXT, amount NUMERIC(8,2), paid BOOL, at TIMESTAMPTZ, tags JSONB, note TEXT DEFAULT 'none')")
        mart.make_topic("orders", 3)
        mart.produce("orders", '{"id": 1, "item": "tab\\tline\\nback\\\\", "amount": 12.50, "paid": true, "at": "2024-02-29T10:00:00Z", "tags": {"a": [1]}}',
                     '{"ID": 2, "ITEM": null, "AMOUNT": 1e2}')
        mart.create(topics="orders")
        mart.wait_for_rows("orders", [(1, "tab\tline\nback\\", "12.50", True, 1709200800, {"a": [1]}, "none"), (2, None, "100.00", None, None, None, "none")],
                           "id, item, amount::text, paid, extract(epoch FROM at)::int, tags, note")
        wait_until(lambda: mart.task()["lag records"] == 0, mart.task)
        positions = mart.database.sql("SELECT connector, topic, sum(next) FROM millrace_positions GROUP BY 1, 2")
        assert [tuple(map(str, row)) for row in positions] == [("mart", "orders", "2")], positions


@case
def the_example_of_the_page_works_as_printed():
    with Mart(password="secret") as mart:
        with open(_PAGE, encoding="utf-8") as page:
            text = page.read()
        table, statements = re.search(r"```sql shown\n(.*?)```.*?```sql\n(.*?)```", text, re.S).groups()
        mart.database.sql(table)
        with open(os.path.join(mart.files.folder, "secrets", "mart"), "w", encoding="utf-8") as file:
            file.write("secret")
        for statement in statements.replace("db2:5432", f"127.0.0.1:{mart.database.port}").split(";\n"):
            if statement.strip():
                mart.sql(statement)
        expected = re.search(r"then has these rows:\n\n```\n(.*?)```", text, re.S).group(1).splitlines()
        def lines():
            return [" | ".join("" if value is None else str(value) for value in row).rstrip() for row in mart.rows("totals")]
        wait_until(lambda: lines() == expected, lambda: (lines(), expected, mart.task()))


@case
def rows_are_replaced_and_deleted_by_the_key_of_the_record():
    with Mart() as mart:
        mart.database.sql("CREATE TABLE stock (sku TEXT PRIMARY KEY, n INT, note TEXT)")
        mart.make_topic("stock")
        mart.produce("stock", 'a\t{"n": 1, "note": "x"}', 'b\t{"n": 2}', 'a\t{"n": 3}', "b\tNULL", 'c\t{"n": 4}', 'b\t{"n": 5}', "c\tNULL", keys=True)
        mart.create(topics="stock", insert__mode="upsert", pk__mode="record_key", pk__fields="sku", delete__enabled="true")
        mart.wait_for_rows("stock", [("a", 3, "x"), ("b", 5, None)])
        mart.sql("DROP CONNECTOR mart")
        mart.produce("stock", 'b\t{"n": 6}', 'z\t{"n": 7}', keys=True)
        mart.create(topics="stock", insert__mode="update", pk__mode="record_key", pk__fields="sku")
        mart.wait_for_rows("stock", [("a", 3, "x"), ("b", 6, None)])


@case
@has_limit(240)
def kills_on_both_sides_lose_and_double_nothing():
    chance = random.Random(4712)
    with Mart() as mart:
        # Neither a key nor a constraint of the table would prevent a second copy of a record.
        mart.database.sql("CREATE TABLE events (n INT, batch INT)")
        mart.make_topic("events", 2)
        mart.create(topics="events", batch__size=50)
        sent, stopping = 0, threading.Event()

        def send():
            nonlocal sent
            while not stopping.is_set():
                size = chance.choice([1, 20, 400])
                try:
                    mart.produce("events", *(json.dumps({"n": sent + i, "batch": size}) for i in range(size)))
                    sent += size
                except (AssertionError, subprocess.TimeoutExpired):
                    stopping.wait(0.2)  # the server was killed; the number of records is taken from the topic at the end
                    sent += size
                stopping.wait(0.05)

        def count():
            try:
                return mart.database.sql("SELECT count(*) FROM events")[0][0]
            except psycopg.Error:
                return 0
        sender = threading.Thread(target=send)
        sender.start()
        try:
            for kill in ("server", "database", "connection") * 4:
                before = count()
                wait_until(lambda before=before: count() > before, mart.task, seconds=60)
                if kill == "server":
                    mart.files.kill()
                    mart.files.start()
                elif kill == "database":
                    mart.database.kill()
                    mart.database.start()
                else:
                    mart.database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'millrace'")
        finally:
            stopping.set()
            sender.join()
        records = sorted((each["n"], each["batch"]) for each in map(json.loads, mart.consume("events")))
        wait_until(lambda: count() >= len(records), lambda: (count(), len(records), mart.task()), seconds=60)
        wait_until(lambda: mart.task()["lag records"] == 0, mart.task, seconds=60)
        assert mart.rows("events") == records, (count(), len(records))
        print(f"{len(records)} records, after 12 kills")


@case
@has_limit(120)
def a_batch_that_is_cut_off_at_any_statement_is_written_once():
    """A trigger waits within the transaction of a batch, which is then cut off."""
    with Mart() as mart:
        mart.database.sql("CREATE TABLE events (n INT)", "CREATE TABLE gate (is_open BOOL)", "INSERT INTO gate VALUES (false)",
                          "CREATE FUNCTION wait() RETURNS trigger AS $$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END $$ LANGUAGE plpgsql",
                          "CREATE TRIGGER wait AFTER INSERT ON events EXECUTE FUNCTION wait()")
        mart.make_topic("events")
        mart.create(topics="events")
        expected = []
        for round_, kill in enumerate(("server", "database", "connection")):
            expected += [(round_ * 10 + i,) for i in range(10)]
            waiting = "SELECT pid FROM pg_stat_activity WHERE application_name = 'millrace' AND wait_event_type = 'Lock'"
            with mart.database.connect() as holder:
                holder.execute("SELECT pg_advisory_lock(4711)")
                mart.produce("events", *(json.dumps({"n": round_ * 10 + i}) for i in range(10)))
                wait_until(lambda: holder.execute(waiting).fetchall(), mart.task, seconds=30)
                if kill == "server":
                    mart.files.kill()
                    mart.files.start()
                    # The transaction of the killed server still runs, and the new task waits for its end.
                    wait_until(lambda: len(holder.execute(waiting).fetchall()) == 2, mart.task, seconds=30)
                elif kill == "database":
                    mart.database.kill()
                    mart.database.start()
                else:
                    holder.execute(f"SELECT pg_terminate_backend(pid) FROM ({waiting}) AS waits")
            wait_until(lambda: len(mart.database.sql("SELECT n FROM events")) >= len(expected), mart.task, seconds=60)
            wait_until(lambda: mart.task()["lag records"] == 0, mart.task, seconds=60)
            assert mart.database.sql("SELECT n FROM events ORDER BY 1") == expected, (kill, mart.database.sql("SELECT n FROM events ORDER BY 1"))


@case
def a_bad_record_is_reported_with_table_column_and_place():
    with Mart() as mart:
        mart.database.sql("CREATE TABLE orders (id INT PRIMARY KEY, amount NUMERIC NOT NULL CHECK (amount > 0))")
        mart.make_topic("orders")
        mart.produce("orders", '{"id": 1, "amount": 5}', '{"id": 2, "amount": "x"}')
        mart.create(topics="orders")
        failed = mart.wait_for_error("FAILED", "orders-0@1: public.orders, column amount: invalid input syntax for type numeric: ", "errors.tolerance is none")
        assert mart.rows("orders") == [], failed
        mart.sql("DROP CONNECTOR mart")
        mart.produce("orders", '{"id": 1, "amount": 6}', '{"id": 3, "amount": -1}', '{"id": 4}', "[1]", "no JSON", '{"id": 5, "amount": 7, "more": 1}',
                     '{"id": 6, "amount": 8}')
        mart.create(topics="orders", errors__tolerance="all", errors__deadletterqueue__topic__name="bad",
                    errors__deadletterqueue__context__headers__enable="true")
        mart.wait_for_rows("orders", [(1, "5"), (6, "8")], "id, amount::text")
        wait_until(lambda: mart.task()["dead letters"] == 7, mart.task)
        assert sorted(mart.consume("bad")) == sorted(['{"id": 2, "amount": "x"}', '{"id": 1, "amount": 6}', '{"id": 3, "amount": -1}', '{"id": 4}', "[1]",
                                                      "no JSON", '{"id": 5, "amount": 7, "more": 1}']), mart.consume("bad")


@case
def configurations_that_cannot_run_are_refused_with_the_remedy():
    with Mart(password="right") as mart:
        mart.make_topic("t")
        mart.make_topic("a.b.c")
        mart.database.sql("CREATE TABLE t (id INT)", "CREATE ROLE poor LOGIN PASSWORD 'right'", "CREATE ROLE writer LOGIN PASSWORD 'right'",
                          "GRANT INSERT ON t TO writer")
        java = "io.confluent.connect.jdbc.JdbcSinkConnector"
        refused = {
            'property "connection.url" is required': {"connection.url": ""},
            'database "mysql" is not supported': {"connection.url": "jdbc:mysql://127.0.0.1/shop"},
            "password authentication failed": {"connection.password": "wrong"},
            "table none of topic \"t\" does not exist in postgres": {"table.name.format": "none"},
            "poor may not write public.t": {"connection.user": "poor"},
            "writer may not create millrace_positions in postgres": {"connection.user": "writer"},
            "writer may not create table none in postgres": {"connection.user": "writer", "table.name.format": "none", "auto.create": "true"},
            'schema "none" does not exist in postgres': {"table.name.format": "none.${topic}", "auto.create": "true"},
            'property "insert.mode" is "insert", "upsert" or "update", not "merge"': {"insert.mode": "merge"},
            '"pk.mode" is none': {"insert.mode": "upsert"},
            'property "delete.enabled" needs "pk.mode" = record_key': {"delete.enabled": "true"},
            'property "db.timezone" is not supported with another value than "UTC"': {"db.timezone": "Asia/Karachi"},
            'is not a table of database "postgres"': {"topics": "a.b.c", "connector.class": java},
        }
        for text, properties in refused.items():
            properties = {"topics": "t", "connection.password": "right"} | properties
            message = mart.files.refusal(mart.statement(**{key.replace(".", "__"): value for key, value in properties.items()}))
            assert text in message and "right" not in message, (text, message)
        assert mart.sql("SHOW CONNECTORS") == []
        assert mart.database.sql("SELECT to_regclass('millrace_positions')") == [(None,)]


@case
def the_position_can_be_set_and_survives_the_connector():
    with Mart() as mart:
        mart.database.sql("CREATE TABLE t (n INT)")
        mart.make_topic("t")
        mart.produce("t", *(json.dumps({"n": i}) for i in range(5)))
        mart.create(topics="t")

        def rows():
            return sorted(n for (n,) in mart.database.sql("SELECT n FROM t"))
        wait_until(lambda: rows() == [0, 1, 2, 3, 4], mart.task)
        mart.sql("STOP CONNECTOR mart")
        mart.sql("""ALTER CONNECTOR mart SET OFFSETS '[{"partition": {"kafka_topic": "t", "kafka_partition": 0}, "offset": {"kafka_offset": 3}}]'""")
        mart.sql("RESUME CONNECTOR mart")
        wait_until(lambda: rows() == [0, 1, 2, 3, 3, 4, 4], lambda: (rows(), mart.task()))
        # A new connector with the same name continues at the position that the database stores.
        mart.sql("DROP CONNECTOR mart")
        mart.produce("t", '{"n": 5}')
        mart.create(topics="t")
        wait_until(lambda: rows() == [0, 1, 2, 3, 3, 4, 4, 5], lambda: (rows(), mart.task()))


@case
def reset_offsets_begins_again_with_the_first_record():
    with Mart() as mart:
        mart.database.sql("CREATE TABLE t (n INT)")
        mart.make_topic("t", 2)
        mart.produce("t", *(json.dumps({"n": i}) for i in range(5)))
        mart.create(topics="t")
        once = [(i,) for i in range(5)]
        wait_until(lambda: sorted(mart.database.sql("SELECT n FROM t")) == once, mart.task)
        mart.sql("STOP CONNECTOR mart")
        mart.sql("ALTER CONNECTOR mart RESET OFFSETS")
        mart.sql("RESUME CONNECTOR mart")
        wait_until(lambda: sorted(mart.database.sql("SELECT n FROM t")) == sorted(once + once), lambda: (mart.database.sql("SELECT n FROM t"), mart.task()))
        # The reset counts once: after a kill and a restart, the connector continues after the last record.
        wait_until(lambda: mart.task()["lag records"] == 0, mart.task)
        mart.files.kill()
        mart.files.start()
        mart.produce("t", '{"n": 5}')
        wait_until(lambda: (5,) in mart.database.sql("SELECT n FROM t"), mart.task)
        assert sorted(mart.database.sql("SELECT n FROM t")) == sorted(once + once + [(5,)])


_TYPES = ("id INT PRIMARY KEY, price NUMERIC(10,2), big NUMERIC, day DATE, t TIME, at TIMESTAMP, at3 TIMESTAMP(3), tz TIMESTAMPTZ, raw BYTEA, "
          "flag BOOL, f REAL, d DOUBLE PRECISION, u UUID, j JSONB, span INTERVAL, bits BIT(10), tags TEXT[], days DATE[], prices NUMERIC(8,2)[]")


@case
def a_table_is_copied_with_all_its_types():
    """Debezium's records with schemas become the same rows again."""
    with Mart() as mart:
        mart.database.sql(f"CREATE TABLE original ({_TYPES})", "CREATE TABLE copy (LIKE original INCLUDING ALL)",
                          """INSERT INTO original VALUES (1, 12.50, 18446744073709551616.25, '2024-02-29', '12:34:56.789012', '2024-02-29 10:00:00.123456',
                          '1969-12-31 23:59:59.9', '2024-05-06 12:00:00.25+02', '\\x00ff5c0a', true, 1.5, -0.1, gen_random_uuid(), '{"a": [1, null]}', '26:03:04.5',
                          B'1000000101', '{"a b",NULL,"c\\"d"}', '{2024-02-29,1969-12-31}', '{1.00,-0.05}')""",
                          "INSERT INTO original (id, price, day, at) VALUES (2, -0.01, '0044-03-15 BC', '0044-03-15 BC'), (3, NULL, '9999-12-31', '9999-12-31 23:59:59')")
        source = {"connector.class": "io.debezium.connector.postgresql.PostgresConnector", "database.hostname": "127.0.0.1", "database.port": mart.database.port,
                  "database.user": "cdc", "database.dbname": "postgres", "topic.prefix": "shop", "slot.name": "shop", "publication.name": "shop",
                  "table.include.list": "public.original", "transforms": "unwrap", "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState"}
        mart.sql(f"CREATE SOURCE CONNECTOR shop WITH ({', '.join(f'{chr(34)}{k}{chr(34)} = {chr(39)}{v}{chr(39)}' for k, v in source.items())})")
        mart.create(topics="shop.public.original", connector__class="io.confluent.connect.jdbc.JdbcSinkConnector",
                    connection__url=f"jdbc:postgresql://127.0.0.1:{mart.database.port}/postgres", table__name__format="copy", insert__mode="upsert",
                    pk__mode="record_key", delete__enabled="true")
        def differences():
            return mart.database.sql("SELECT 'missing', o::text FROM (TABLE original EXCEPT TABLE copy) o UNION ALL SELECT 'wrong', c::text FROM (TABLE copy EXCEPT TABLE original) c")
        wait_until(lambda: not differences(), lambda: (differences(), mart.sql("SHOW CONNECTOR TASKS")), seconds=60)
        mart.database.sql("UPDATE original SET price = 99.99, days = '{}' WHERE id = 1", "DELETE FROM original WHERE id = 2")
        wait_until(lambda: not differences(), lambda: (differences(), mart.sql("SHOW CONNECTOR TASKS")), seconds=60)
        assert mart.database.sql("SELECT id, price::text FROM copy ORDER BY id") == [(1, "99.99"), (3, None)]


def _structure(mart, table):
    """Returns the columns of the table: name, type, NOT NULL, default; and its primary key."""
    columns = mart.database.sql(f"SELECT attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid) FROM pg_attribute "
                                f"LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid = '{table}'::regclass AND attnum > 0 ORDER BY attnum")
    key = mart.database.sql(f"SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '{table}'::regclass AND contype = 'p'")
    return columns, [each for (each,) in key]


@case
def tables_and_columns_are_made_of_schemas():
    with Mart() as mart:
        mart.make_topic("orders")
        fields = [{"type": "int32", "optional": False, "field": "id"}, {"type": "string", "optional": True, "field": "item"},
                  {"type": "bytes", "name": "org.apache.kafka.connect.data.Decimal", "parameters": {"scale": "2"}, "optional": True, "field": "price"},
                  {"type": "int64", "name": "org.apache.kafka.connect.data.Timestamp", "optional": True, "field": "at"},
                  {"type": "array", "items": {"type": "int32"}, "optional": True, "field": "tags"},
                  {"type": "boolean", "optional": False, "default": True, "field": "paid"}]
        def record(more, **payload):
            return json.dumps({"schema": {"type": "struct", "fields": fields + more, "optional": False}, "payload": payload})
        note = [{"type": "string", "optional": False, "default": "it's", "field": "note"}]
        mart.produce("orders", record([], id=1, item="a", price="AfQ=", at=1709200800000, tags=[1, 2], paid=False), record([], id=2, item=None),
                     record(note, id=3, item="b", note="c"), record([{"type": "float", "optional": False, "field": "needed"}], id=4, needed=1.5), record(note, id=1, item="d"))
        mart.create(topics="orders", connector__class="io.confluent.connect.jdbc.JdbcSinkConnector", insert__mode="upsert", pk__mode="record_value", pk__fields="id",
                    auto__create="true", auto__evolve="true", errors__tolerance="all", errors__deadletterqueue__topic__name="bad",
                    connection__url=f"jdbc:postgresql://127.0.0.1:{mart.database.port}/postgres")
        mart.wait_for_rows("orders", [(1, "d", None, None, None, True, "it's"), (2, None, None, None, None, True, "it's"), (3, "b", None, None, None, True, "c")])
        assert _structure(mart, "orders") == (
            [("id", "integer", True, None), ("item", "text", False, None), ("price", "numeric", False, None), ("at", "timestamp without time zone", False, None),
             ("tags", "integer[]", False, None), ("paid", "boolean", True, "true"), ("note", "text", True, "'it''s'::text")], ["PRIMARY KEY (id)"])
        # A column that may not be NULL has no value for the rows that exist.
        wait_until(lambda: len(mart.consume("bad")) == 1, mart.task)
        assert '"needed": 1.5' in mart.consume("bad")[0]


@case
def tables_and_columns_are_made_of_json_without_schemas():
    with Mart() as mart:
        mart.make_topic("Stock.eu")
        mart.produce("Stock.eu", "x\tNULL", 'a\t{"n": 1, "note": null}', 'b\t{"n": 2.5, "note": "x", "tags": [1], "ok": true}', 'a\t{"n": 3, "note": null}',
                     'c\t{"n": 4, "' + "w" * 70 + '": 1}', "b\tNULL", 'd\t{"note": "y", "o": {"p": 1}}', keys=True)
        mart.create(topics="Stock.eu", insert__mode="upsert", pk__mode="record_key", pk__fields="sku", delete__enabled="true", auto__create="true",
                    auto__evolve="true", errors__tolerance="all", errors__deadletterqueue__topic__name="bad")
        mart.wait_for_rows('"Stock_eu"', [("a", 3, None, None, None, None), ("d", None, "y", None, None, {"p": 1})])
        assert _structure(mart, '"Stock_eu"') == ([("sku", "text", True, None), ("n", "numeric", False, None), ("note", "text", False, None), ("tags", "jsonb", False, None),
                                                   ("ok", "boolean", False, None), ("o", "jsonb", False, None)], ["PRIMARY KEY (sku)"])
        wait_until(lambda: mart.consume("bad") == ['{"n": 4, "' + "w" * 70 + '": 1}'], lambda: mart.consume("bad"))


@case
def new_columns_and_a_kill_write_each_record_once():
    chance = random.Random(4713)
    with Mart() as mart:
        mart.make_topic("events", 2)
        mart.create(topics="events", batch__size=20, auto__create="true", auto__evolve="true")
        sent = []
        for round_ in range(6):
            more = [{"n": len(sent) + i, f"c{chance.randrange(round_ + 1)}": i} for i in range(200)]
            sent += more
            mart.produce("events", *map(json.dumps, more))
            if round_ % 2:
                mart.database.kill()
                mart.database.start()
            else:
                mart.files.kill()
                mart.files.start()
        wait_until(lambda: len(mart.rows("events", "n, n") or ()) >= len(sent), mart.task, seconds=60)
        wait_until(lambda: mart.task()["lag records"] == 0, mart.task, seconds=60)
        rows = [row for (row,) in mart.database.sql("SELECT json_strip_nulls(to_json(events)) FROM events ORDER BY n")]
        assert rows == sent, (len(rows), len(sent))


@case
def a_number_is_no_date():
    """PostgreSQL would read 19848 as day 848 of the year 2019."""
    with Mart() as mart:
        mart.database.sql("CREATE TABLE t (day DATE, span INTERVAL)")
        mart.make_topic("t")
        mart.produce("t", '{"day": "20240506", "span": "1 day"}', '{"day": 19848}', '{"span": 5}', '{"day": "2024-05-07"}')
        mart.create(topics="t", errors__tolerance="all", errors__deadletterqueue__topic__name="bad")
        mart.wait_for_rows("t", [("2024-05-06", "1 day"), ("2024-05-07", None)], "day::text, span::text")
        wait_until(lambda: mart.consume("bad") == ['{"day": 19848}', '{"span": 5}'], lambda: mart.consume("bad"))
        mart.sql("DROP CONNECTOR mart")
        mart.produce("t", '{"day": 19848}')
        mart.create(topics="t")
        mart.wait_for_error("FAILED", "t-0@4: public.t, column day: column is of type date but the value is a number")


@case
def tables_that_another_session_creates_at_the_same_time_are_used():
    """CREATE TABLE IF NOT EXISTS waits for the other session's transaction, then fails with a duplicate key of pg_type."""
    with Mart() as mart, mart.database.connect() as positions, mart.database.connect() as orders:
        mart.make_topic("orders")
        mart.produce("orders", '{"schema": {"type": "struct", "fields": [{"type": "int32", "field": "id"}]}, "payload": {"id": 7}}')
        positions.execute("BEGIN")
        positions.execute("CREATE TABLE millrace_positions (connector text, topic text, topic_id text, partition integer, next bigint NOT NULL, "
                          "PRIMARY KEY (connector, topic, topic_id, partition))")
        orders.execute("BEGIN")
        orders.execute("CREATE TABLE orders (id integer)")
        mart.create(topics="orders", auto__create="true", value__converter__schemas__enable="true")
        for session, table in ((positions, "millrace_positions"), (orders, "orders")):
            waiting = f"SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'CREATE TABLE%{table}%'"
            wait_until(lambda: mart.database.sql(waiting) == [(1,)], mart.tasks)
            session.execute("COMMIT")
        mart.wait_for_rows("orders", [(7, 7)], "id, id")
        assert mart.task()["restarts"] == 0, mart.tasks()


@case
def configurations_of_the_java_classes_work_unchanged():
    """Confluent's and Debezium's sinks over the REST API, with the default converter and its schemas."""
    with Mart() as mart:
        mart.database.sql("CREATE TABLE shop_orders (id INT PRIMARY KEY, item TEXT)", "CREATE SCHEMA shop", "CREATE TABLE shop.orders (id INT, item TEXT)")
        mart.make_topic("shop.orders")
        schema = {"type": "struct", "optional": False, "fields": [{"type": "int32", "optional": False, "field": "id"},
                                                                  {"type": "string", "optional": True, "field": "item"}]}
        mart.produce("shop.orders", *(json.dumps({"schema": schema, "payload": {"id": i % 2, "item": f"item {i}"}}) for i in range(3)))
        url = f"jdbc:postgresql://127.0.0.1:{mart.database.port}/postgres"
        for name, config in {
                "confluent": {"connector.class": "io.confluent.connect.jdbc.JdbcSinkConnector", "connection.user": "cdc"},
                "debezium": {"connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector", "connection.username": "cdc", "insert.mode": "upsert",
                             "primary.key.mode": "record_value", "primary.key.fields": "id", "schema.evolution": "none"}}.items():
            body = {"name": name, "config": {"topics": "shop.orders", "tasks.max": "1", "connection.url": url} | config}
            status, created = mart.files.request("POST", "/connectors", body)
            assert status == 201 and created["type"] == "sink", (name, status, created)
        mart.wait_for_rows("shop.orders", [(0, "item 0"), (0, "item 2"), (1, "item 1")])
        mart.wait_for_rows("shop_orders", [(0, "item 2"), (1, "item 1")])


if __name__ == "__main__":
    run()
