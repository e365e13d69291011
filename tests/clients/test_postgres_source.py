#!/usr/bin/python3
"""The connector that reads the log of PostgreSQL, against a real server: the example of docs/connectors/postgresql.md, values
field by field, kill -9 on both sides with exact counts, changes of tables, and errors as users see them."""
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
_PAGE = os.path.join(_ROOT, "docs", "connectors", "postgresql.md")
_CLASS = "io.debezium.connector.postgresql.PostgresConnector"


class Shop:
    """A database, and a server that reads it."""

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

    def create(self, name="shop", unwrap=False, **more):
        self.sql(self.statement(name, unwrap, **more))

    def statement(self, name="shop", unwrap=False, **more):
        properties = {"connector.class": _CLASS, "database.hostname": "127.0.0.1", "database.port": self.database.port,
                      "database.user": "cdc", "database.dbname": "postgres", "topic.prefix": name, "slot.name": name,
                      "publication.name": name, "topic.creation.default.partitions": 1, "key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false"}
        if unwrap:
            properties |= {"transforms": "unwrap", "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState"}
        properties |= {key.replace("__", "."): value for key, value in more.items()}
        return f"CREATE SOURCE CONNECTOR {name} WITH ({', '.join(f'{chr(34)}{k}{chr(34)} = {chr(39)}{v}{chr(39)}' for k, v in properties.items())})"

    def records(self, topic):
        """Returns (key, value) of all records of the topic; the value of a tombstone is None."""
        done = subprocess.run([binary(), "consume", topic, "--from-beginning", "--until-end", "-b", self.files.server.kafka,
                               "--property", "print.key=true"], text=True, capture_output=True, timeout=120, check=False)
        pairs = (line.split("\t", 1) for line in done.stdout.splitlines())
        return [tuple(None if part == "null" else json.loads(part) for part in pair) for pair in pairs]

    def wait_for(self, topic, count):
        wait_until(lambda: len(self.records(topic)) >= count, lambda: (len(self.records(topic)), self.task()), seconds=60)
        return self.records(topic)

    def task(self):
        return self.files.task()

    def table(self, statement):
        server = self.files.server
        with psycopg.connect(host=server.host, port=server.port, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return [column.name for column in cursor.description], cursor.fetchall()

    def await_streaming(self, slot="shop"):
        """Waits until the server reads the log: the rows of the initial copy are chosen, and each later change is sent."""
        streams = ("SELECT 1 FROM pg_replication_slots AS s JOIN pg_stat_replication AS r ON r.pid = s.active_pid "
                   f"WHERE s.slot_name = '{slot}' AND r.state = 'streaming'")
        wait_until(lambda: self.database.sql(streams), self.task, seconds=30)

    def wait_for_error(self, text):
        wait_until(lambda: text in str(self.task()), self.task, seconds=30)
        return self.task()

    def confirmed(self, slot="shop"):
        """Returns the place up to which PostgreSQL may remove its log; 0 without a slot."""
        return self.database.sql(f"SELECT COALESCE(max(confirmed_flush_lsn - '0/0'), 0) FROM pg_replication_slots WHERE slot_name = '{slot}'")[0][0]


@case
def rows_that_exist_are_followed_by_changes():
    with Shop() as shop:
        shop.database.sql("CREATE TABLE customers (id INT PRIMARY KEY, name TEXT, city TEXT)",
                          "INSERT INTO customers SELECT i, 'name ' || i, 'Lahore' FROM generate_series(1, 100) i")
        shop.create(unwrap=True, table__include__list="public.customers")
        shop.sql("CREATE TABLE customers (k STRUCT<id INT> PRIMARY KEY, id INT, name VARCHAR, city VARCHAR) "
                 "WITH (KAFKA_TOPIC = 'shop.public.customers', KEY_FORMAT = 'JSON', VALUE_FORMAT = 'JSON')")

        def cities():
            return dict(shop.sql("SELECT city, COUNT(*) FROM customers GROUP BY city"))
        wait_until(lambda: cities() == {"Lahore": 100}, lambda: (cities(), shop.task()))
        shop.database.sql("UPDATE customers SET city = 'Quetta' WHERE id <= 40", "DELETE FROM customers WHERE id > 90",
                          "INSERT INTO customers VALUES (101, 'new', 'Multan')")
        wait_until(lambda: cities() == {"Lahore": 50, "Quetta": 40, "Multan": 1}, lambda: (cities(), shop.task()))
        assert len(shop.records("shop.public.customers")) == 151


@case
def the_envelope_has_both_rows_and_their_origin():
    with Shop() as shop:
        shop.database.sql("CREATE TABLE t (id INT PRIMARY KEY, v TEXT)", "ALTER TABLE t REPLICA IDENTITY FULL",
                          "INSERT INTO t VALUES (1, 'a'), (2, 'b')")
        shop.create(table__include__list="public.t")
        shop.wait_for("shop.public.t", 2)
        shop.database.sql("INSERT INTO t VALUES (3, 'c')", "UPDATE t SET v = 'd' WHERE id = 3", "UPDATE t SET id = 4 WHERE id = 3",
                          "DELETE FROM t WHERE id = 1")
        records = shop.wait_for("shop.public.t", 9)
        assert [(key, value and (value["op"], value["before"], value["after"], value["source"]["snapshot"])) for key, value in records] == [
            ({"id": 1}, ("r", None, {"id": 1, "v": "a"}, "first")), ({"id": 2}, ("r", None, {"id": 2, "v": "b"}, "last")),
            ({"id": 3}, ("c", None, {"id": 3, "v": "c"}, "false")),
            ({"id": 3}, ("u", {"id": 3, "v": "c"}, {"id": 3, "v": "d"}, "false")),
            ({"id": 3}, ("d", {"id": 3, "v": "d"}, None, "false")), ({"id": 3}, None),
            ({"id": 4}, ("c", None, {"id": 4, "v": "d"}, "false")),
            ({"id": 1}, ("d", {"id": 1, "v": "a"}, None, "false")), ({"id": 1}, None)], records
        source = records[2][1]["source"]
        assert (source["db"], source["schema"], source["table"], source["connector"]) == ("postgres", "public", "t", "postgresql"), source
        assert source["txId"] and source["lsn"] and source["ts_ms"] * 1000 <= source["ts_us"], source


@case
def each_type_has_the_form_of_debezium():
    values = {
        "a": ("int2", "-5", -5), "b": ("int8", "9007199254740993", 9007199254740993), "c": ("bool", "true", True),
        "d": ("float8", "1.5", 1.5), "e": ("numeric(6,2)", "-1.27", "gQ=="), "f": ("numeric", "123.456", {"scale": 3, "value": "AeJA"}),
        "g": ("date", "'2024-02-29'", 19782), "h": ("timestamp(3)", "'2024-02-29 12:00:00.123'", 1709208000123),
        "i": ("timestamp", "'1969-12-31 23:59:59.999999'", -1), "j": ("timestamptz", "'2024-02-29 12:00:00.5+02'", "2024-02-29T10:00:00.500Z"),
        "k": ("time", "'01:02:03.5'", 3723500000), "l": ("timetz", "'01:02:03+02'", "23:02:03Z"),
        "m": ("interval", "'1 mon 2 days 3 hours'", 2629800000000 + 2 * 86400000000 + 3 * 3600000000),
        "n": ("uuid", "'6a0f1e1c-0000-4000-8000-000000000001'", "6a0f1e1c-0000-4000-8000-000000000001"),
        "o": ("jsonb", """'{"a": [1, "x"]}'""", '{"a": [1, "x"]}'), "p": ("bytea", r"'\x00ff10'", "AP8Q"), "q": ("bit(1)", "B'1'", True),
        "r": ("bit(10)", "B'1000000001'", "AQI="), "s": ("mood", "'ok'", "ok"), "t": ("int[]", "'{1,NULL,3}'", [1, None, 3]),
        "u": ("text[]", """'{a,"b,\\"c",NULL}'""", ["a", 'b,"c', None]), "v": ("money", "'-1234.56'", "/h3A"), "w": ("inet", "'10.0.0.1'", "10.0.0.1"),
        "x": ("varchar(19)", r"E'tab\tline\nback\\'", "tab\tline\nback\\"), "y": ("positive", "7", 7), "z": ("text", "NULL", None),
    }
    with Shop() as shop:
        columns = ", ".join(f"{name} {kind}" for name, (kind, _, _) in values.items())
        row = ", ".join(text for _, text, _ in values.values())
        shop.database.sql("CREATE TYPE mood AS ENUM ('sad', 'ok')", "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
                          f"CREATE TABLE t (id INT PRIMARY KEY, {columns}, odd point)", f"INSERT INTO t VALUES (1, {row}, '(1,2)')")
        shop.create(table__include__list="public.t")
        shop.wait_for("shop.public.t", 1)
        shop.database.sql(f"INSERT INTO t VALUES (2, {row}, '(1,2)')")
        for _, value in shop.wait_for("shop.public.t", 2):
            after = value["after"]
            wrong = {name: (after[name], want) for name, (_, _, want) in values.items() if after[name] != want}
            assert not wrong and "odd" not in after, (value["op"], wrong)


@case
def a_large_value_that_was_not_sent_has_a_placeholder():
    with Shop() as shop:
        shop.database.sql("CREATE TABLE t (id INT PRIMARY KEY, small INT, big TEXT)", "ALTER TABLE t ALTER big SET STORAGE EXTERNAL",
                          "INSERT INTO t VALUES (1, 1, repeat('x', 10000))")
        shop.create(table__include__list="public.t")
        shop.wait_for("shop.public.t", 1)
        shop.database.sql("UPDATE t SET small = 2")
        assert shop.wait_for("shop.public.t", 2)[1][1]["after"] == {"id": 1, "small": 2, "big": "__debezium_unavailable_value"}
        shop.database.sql("ALTER TABLE t REPLICA IDENTITY FULL", "UPDATE t SET small = 3")
        assert shop.wait_for("shop.public.t", 3)[2][1]["after"]["big"] == "x" * 10000


def ids_of(records):
    return [value["after"]["id"] for _, value in records if value]


@case
@has_limit(180)
def kills_on_both_sides_lose_and_double_nothing():
    chance = random.Random(4711)
    with Shop() as shop:
        shop.database.sql("CREATE TABLE t (id INT PRIMARY KEY, v TEXT)", "INSERT INTO t SELECT i, 'v' FROM generate_series(1, 1000) i")
        shop.create(table__include__list="public.t")
        written, stopping = 1000, threading.Event()

        def write():
            nonlocal written
            while not stopping.is_set():
                size = chance.choice([1, 10, 500])
                try:
                    # If a COMMIT was interrupted, the test asks for the outcome of its transaction when the server is
                    # back.
                    shop.database.sql(f"INSERT INTO t SELECT i, 'v' FROM generate_series({written + 1}, {written + size}) i")
                    written += size
                except psycopg.Error:
                    stopping.wait(0.2)
                    try:
                        written = shop.database.sql("SELECT max(id) FROM t")[0][0]
                    except psycopg.Error:
                        pass
                stopping.wait(0.2)
        writer = threading.Thread(target=write)
        writer.start()
        try:
            for kill in ("server", "database", "connection") * 2:
                before = len(shop.records("shop.public.t"))
                wait_until(lambda before=before: len(shop.records("shop.public.t")) > before, shop.task, seconds=60)
                if kill == "server":
                    shop.files.kill()
                    shop.files.start()
                elif kill == "database":
                    shop.database.kill()
                    shop.database.start()
                else:
                    shop.database.sql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active_pid IS NOT NULL")
        finally:
            stopping.set()
            writer.join()
        last = shop.database.sql("SELECT max(id) FROM t")[0][0]
        records = shop.wait_for("shop.public.t", last)
        ids = ids_of(records)
        assert sorted(ids) == list(range(1, last + 1)), (len(ids), len(set(ids)), last)
        wait_until(lambda: shop.confirmed() > 0)
        print(f"{last} rows in {len(records)} records, after 6 kills")


@case
@has_limit(180)
def a_snapshot_that_was_cut_off_continues_behind_its_last_key():
    rows = 60_000
    with Shop() as shop:
        shop.database.sql("CREATE TABLE t (id INT PRIMARY KEY, v TEXT)", f"INSERT INTO t SELECT i, repeat('v', 200) FROM generate_series(1, {rows}) i",
                          "CREATE TABLE quick (id INT PRIMARY KEY)")
        shop.create(max__batch__size=500)

        def rows_there():
            return dict(shop.database.sql("SELECT id, v FROM t"))

        def newest():
            return {key["id"]: value["after"]["v"] for key, value in shop.records("shop.public.t") if not value or value["op"] != "d"
                    for value in [value or {"after": {"v": None}}]}

        def table():
            return {key: value for key, value in newest().items() if value is not None}

        kills, before = 0, 0
        while kills < 3:
            # If the snapshot ends before the kill, it writes no further record; the kill then happens while changes are
            # read.
            wait_until(lambda before=before: len(shop.records("shop.public.t")) > before or table() == rows_there(), shop.task, seconds=60)
            shop.files.kill()
            # While the server is down, rows that the snapshot has copied and rows that it has not copied are changed,
            # and so is another table.
            shop.database.sql(f"UPDATE t SET v = 'round {kills}' WHERE id IN (1, {rows})", f"DELETE FROM t WHERE id IN ({10 + kills}, {rows - 10 - kills})",
                              f"INSERT INTO t VALUES ({rows + 1 + kills}, 'new')", f"INSERT INTO quick VALUES ({kills})")
            shop.files.start()
            kills += 1
            before = len(shop.records("shop.public.t"))
        expected = rows_there()
        wait_until(lambda: table() == expected, lambda: (len(table()), len(expected), shop.task()), seconds=60)
        # Each row has exactly one record with which it begins: "r" from the initial copy, or "c" from its INSERT.
        begun = {}
        for key, value in shop.records("shop.public.t"):
            if value and value["op"] in "rc":
                begun[key["id"]] = begun.get(key["id"], 0) + 1
        assert {count for count in begun.values()} == {1}, [key for key, count in begun.items() if count > 1][:10]
        assert ids_of(shop.wait_for("shop.public.quick", 3)) == [0, 1, 2]


@case
def a_table_that_is_dropped_before_it_is_copied_is_left_out():
    with Shop() as shop:
        rows = 20_000
        shop.database.sql("CREATE TABLE a (id INT PRIMARY KEY, v TEXT)", f"INSERT INTO a SELECT i, repeat('v', 200) FROM generate_series(1, {rows}) i",
                          "CREATE TABLE b (id INT PRIMARY KEY, v TEXT)", "INSERT INTO b VALUES (1, 'old')")
        shop.create(max__batch__size=50)
        wait_until(lambda: shop.records("shop.public.a"), shop.task)
        shop.database.sql("DROP TABLE b")
        assert sorted(ids_of(shop.wait_for("shop.public.a", rows))) == list(range(1, rows + 1))
        shop.database.sql("CREATE TABLE b (id BIGINT PRIMARY KEY)", "INSERT INTO b VALUES (2)")
        wait_until(lambda: 2 in ids_of(shop.records("shop.public.b")), shop.task)


@case
def tables_may_change_while_they_are_followed():
    with Shop() as shop:
        shop.database.sql("CREATE TABLE t (id INT PRIMARY KEY, v TEXT)")
        shop.create()
        shop.await_streaming()
        shop.database.sql("INSERT INTO t VALUES (1, 'a')", "ALTER TABLE t ADD w INT", "INSERT INTO t VALUES (2, 'b', 7)",
                          "ALTER TABLE t RENAME v TO u", "INSERT INTO t VALUES (3, 'c', 8)", "ALTER TABLE t DROP u", "INSERT INTO t VALUES (4, 9)",
                          "TRUNCATE t", "DROP TABLE t", "CREATE TABLE t (id BIGINT PRIMARY KEY, z BOOL)", "INSERT INTO t VALUES (5, true)",
                          "CREATE TABLE later (id INT PRIMARY KEY)", "INSERT INTO later VALUES (1)")
        rows = [value["after"] for _, value in shop.wait_for("shop.public.t", 5)]
        assert rows == [{"id": 1, "v": "a"}, {"id": 2, "v": "b", "w": 7}, {"id": 3, "u": "c", "w": 8}, {"id": 4, "w": 9}, {"id": 5, "z": True}], rows
        assert ids_of(shop.wait_for("shop.public.later", 1)) == [1]


@case
def a_publication_that_another_session_changes_at_the_same_time_is_used():
    """CREATE and ALTER PUBLICATION wait for the other session's transaction, then fail with duplicates of what it has written."""
    def wait_for_lock(shop, statement):
        waiting = f"SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '{statement} PUBLICATION%'"
        wait_until(lambda: shop.database.sql(waiting) == [(1,)], shop.task)

    def wait_for_publication(shop):
        # PostgreSQL does not send rows that a table got while it was not in the publication.
        published = "SELECT count(*) FROM pg_publication_tables WHERE pubname = 'shop'"
        wait_until(lambda: shop.database.sql(published) == [(3,)] and shop.task()["state"] == "RUNNING", shop.task)

    with Shop() as shop, shop.database.connect() as other:
        shop.database.sql(*(f"CREATE TABLE {table} (id INT PRIMARY KEY)" for table in "abc"))
        other.execute("BEGIN")
        other.execute("CREATE PUBLICATION shop FOR TABLE a")
        shop.create(table__include__list="public.[abc]", publication__autocreate__mode="filtered")
        wait_for_lock(shop, "CREATE")
        other.execute("COMMIT")
        wait_for_publication(shop)
        shop.sql("STOP CONNECTOR shop")
        shop.database.sql("ALTER PUBLICATION shop DROP TABLE b, c")
        other.execute("BEGIN")
        other.execute("ALTER PUBLICATION shop ADD TABLE b")
        shop.sql("RESUME CONNECTOR shop")
        wait_for_lock(shop, "ALTER")
        other.execute("COMMIT")
        wait_for_publication(shop)
        shop.database.sql("INSERT INTO a VALUES (1)", "INSERT INTO c VALUES (2)")
        assert (ids_of(shop.wait_for("shop.public.a", 1)), ids_of(shop.wait_for("shop.public.c", 1))) == ([1], [2])
        shop.sql("STOP CONNECTOR shop")
        shop.database.sql("ALTER PUBLICATION shop DROP TABLE c")
        other.execute("BEGIN")
        other.execute("DROP PUBLICATION shop")
        shop.sql("RESUME CONNECTOR shop")
        wait_for_lock(shop, "ALTER")
        other.execute("COMMIT")
        wait_for_publication(shop)
        published = shop.database.sql("SELECT tablename FROM pg_publication_tables WHERE pubname = 'shop' ORDER BY 1")
        assert published == [("a",), ("b",), ("c",)] and shop.task()["restarts"] == 0, (published, shop.task())


@case
def errors_of_the_database_name_the_remedy():
    with Shop(password="right") as shop:
        shop.database.sql("CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE bare (id INT)", "CREATE ROLE poor LOGIN PASSWORD 'right'",
                          "CREATE ROLE half LOGIN REPLICATION PASSWORD 'right'")
        refused = {
            "password authentication failed": {"database.password": "wrong"},
            "database \"none\" does not exist": {"database.dbname": "none"},
            "user poor may not replicate": {"database.user": "poor"},
            "user half may not read public.t": {"database.user": "half"},
            "no table of database postgres matches": {"table.include.list": "public.x"},
            "public.bare has neither a primary key nor a replica identity": {"table.include.list": "public.bare"},
            'property "plugin.name" is "pgoutput", not "decoderbufs"': {"plugin.name": "decoderbufs"},
            'property "snapshot.mode" is "initial" or "no_data", not "always"': {"snapshot.mode": "always"},
            'property "converters" is not supported': {"converters": "x"},
            'property "heartbeat.interval.ms" is not supported': {"heartbeat.interval.ms": "1000"},
            "Connection refused": {"database.port": "1"},
        }
        for text, properties in refused.items():
            properties = {"table.include.list": "public.t", "database.password": "right"} | properties
            message = shop.files.refusal(shop.statement(**{key.replace(".", "__"): value for key, value in properties.items()}))
            assert text in message and "right" not in message, (text, message)
        assert shop.sql("SHOW CONNECTORS") == []
        with open(os.path.join(shop.files.folder, "secrets", "cdc"), "w", encoding="utf-8") as file:
            file.write("right")
        shop.create(table__include__list="public.t", database__password="${file:cdc}")
        wait_until(lambda: shop.task()["state"] == "RUNNING", shop.task)
        # If the password was changed, the connector fails with an error of the configuration until the password is
        # right again.
        shop.database.sql("INSERT INTO t VALUES (1)")
        shop.wait_for("shop.public.t", 1)
        with open(os.path.join(shop.files.folder, "secrets", "cdc"), "w", encoding="utf-8") as file:
            file.write("wrong")
        shop.sql("RESTART CONNECTOR shop")
        failed = shop.wait_for_error("password authentication failed")
        assert failed["state"] == "FAILED" and "Check the user and the password" in str(shop.sql("DESCRIBE CONNECTOR shop")), failed
        with open(os.path.join(shop.files.folder, "secrets", "cdc"), "w", encoding="utf-8") as file:
            file.write("right")
        shop.sql("RESTART CONNECTOR shop")
        shop.database.sql("INSERT INTO t VALUES (2)")
        assert ids_of(shop.wait_for("shop.public.t", 2)) == [1, 2]
        # If the slot was dropped, changes are lost, and the connector does not continue as if nothing had happened.
        shop.sql("STOP CONNECTOR shop")
        wait_until(lambda: not shop.database.sql("SELECT 1 FROM pg_replication_slots WHERE active"))
        shop.database.sql("SELECT pg_drop_replication_slot('shop')", "INSERT INTO t VALUES (3)")
        shop.sql("RESUME CONNECTOR shop")
        failed = shop.wait_for_error("slot shop does not exist any longer")
        assert failed["state"] == "FAILED" and "RESET OFFSETS" in str(shop.sql("DESCRIBE CONNECTOR shop")), failed
        shop.sql("STOP CONNECTOR shop")
        shop.sql("ALTER CONNECTOR shop RESET OFFSETS")
        shop.sql("RESUME CONNECTOR shop")
        assert ids_of(shop.wait_for("shop.public.t", 5)) == [1, 2, 1, 2, 3]


@case
def a_slot_that_another_process_reads_is_waited_for():
    with Shop() as shop:
        shop.database.sql("CREATE TABLE t (id INT PRIMARY KEY)")
        shop.create("one", slot__name="both")
        wait_until(lambda: shop.database.sql("SELECT 1 FROM pg_replication_slots WHERE active AND slot_name = 'both'"))
        shop.create("two", slot__name="both", publication__name="one")

        def state():
            names, rows = shop.table("SHOW CONNECTOR TASKS")
            return {row[0]: dict(zip(names, row)) for row in rows}.get("two", {"state": None})
        wait_until(lambda: (now := state())["state"] == "RESTARTING" and "slot both is in use by process" in str(now), state)
        shop.sql("DROP CONNECTOR one")
        wait_until(lambda: state()["state"] == "RUNNING", state, seconds=60)
        shop.database.sql("INSERT INTO t VALUES (1)")
        assert ids_of(shop.wait_for("two.public.t", 1)) == [1]


@case
def a_database_without_logical_decoding_is_refused():
    with Shop(wal_level="replica") as shop:
        shop.database.sql("CREATE TABLE t (id INT PRIMARY KEY)")
        message = shop.files.refusal(shop.statement())
        assert message == 'wal_level of the database is "replica", logical replication needs "logical"', message


@case
def an_idle_connector_does_not_keep_the_log_of_a_busy_database():
    with Shop() as shop:
        shop.database.sql("CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE busy (id INT PRIMARY KEY)")
        shop.create(table__include__list="public.t", publication__autocreate__mode="filtered", status__update__interval__ms=200)
        shop.await_streaming()
        shop.database.sql("INSERT INTO busy SELECT i FROM generate_series(1, 1000) i")
        end = shop.database.sql("SELECT pg_current_wal_lsn() - '0/0'")[0][0]
        wait_until(lambda: shop.confirmed() >= end, lambda: (shop.confirmed(), end, shop.task()), seconds=30)


@case
def drop_reports_the_slot_that_stays():
    with Shop() as shop:
        shop.database.sql("CREATE TABLE t (id INT PRIMARY KEY)")
        shop.create()
        wait_until(lambda: shop.confirmed() > 0, shop.task)
        shop.sql("DROP CONNECTOR shop")
        assert shop.database.sql("SELECT slot_name FROM pg_replication_slots") == [("shop",)]
        shop.create("again", slot__name="shop", slot__drop__on__stop="true", publication__name="shop")
        shop.database.sql("INSERT INTO t VALUES (1)")
        shop.wait_for("again.public.t", 1)
        shop.sql("DROP CONNECTOR again")
        wait_until(lambda: shop.database.sql("SELECT slot_name FROM pg_replication_slots") == [])


@case
def the_example_of_the_page_works_as_printed():
    with open(_PAGE, encoding="utf-8") as page:
        text = page.read()
    prepared = re.search(r"```sql shown\n(.*?)```", text, re.S).group(1)
    with Shop() as shop:
        shop.database.sql(*[statement for statement in prepared.split(";") if statement.strip() and "ALTER SYSTEM" not in statement])
        count = 0
        for block in re.findall(r"```sql\n(.*?)```", text, re.S):
            for statement, rows in re.findall(r"([^;]+);\n((?:--> .*\n)*)", block):
                count += 1
                statement = statement.replace("'db1'", f"'127.0.0.1', \"database.port\" = '{shop.database.port}'").replace("${file:crm}", "x").strip()
                rows = [row[4:] for row in rows.splitlines()]
                if not rows:
                    shop.sql(statement)
                    continue

                def shown(statement=statement):
                    return sorted(" | ".join(str(value) for value in row) for row in shop.sql(statement))
                wait_until(lambda: shown() == sorted(rows), lambda: (shown(), rows, shop.task()))
        assert count == 3, count


if __name__ == "__main__":
    run()
