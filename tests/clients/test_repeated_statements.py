#!/usr/bin/python3
"""Statements that a driver sends again and again as unnamed statements, while what they mean changes.

psycopg with prepare_threshold=None sends a Parse message without a name before each execution, as node-postgres, lib/pq
and Npgsql do. The session answers such a message from an earlier analysis only while this analysis is still right.
"""
import os
import tempfile

import psycopg

from millrace_server import case, launch, run, start_server

SERVER = start_server()
TIMES = 4  # the session keeps an analysis from the second execution on


def connect(port=None, **options):
    return psycopg.connect(host=SERVER.host, port=port or SERVER.port, dbname="millrace", autocommit=True,
                           prepare_threshold=None, **{"user": "millrace", **options})


def warm(connection, statement, parameters, wanted):
    for _ in range(TIMES):
        assert connection.execute(statement, parameters).fetchall() == wanted, statement


@case
def a_definition_of_another_session_is_followed():
    with connect() as asker, connect() as definer:
        definer.execute("CREATE TABLE seen (id INT PRIMARY KEY, name TEXT)")
        definer.execute("INSERT INTO seen VALUES (1, 'a')")
        warm(asker, "SELECT * FROM seen WHERE id = %s", [1], [(1, "a")])
        definer.execute("ALTER TABLE seen ADD COLUMN age INT")
        warm(asker, "SELECT * FROM seen WHERE id = %s", [1], [(1, "a", None)])
        definer.execute("DROP TABLE seen DELETE TOPIC")
        for _ in range(TIMES):
            try:
                asker.execute("SELECT * FROM seen WHERE id = %s", [1])
                raise AssertionError("the table does not exist")
            except psycopg.errors.UndefinedTable:
                pass
        definer.execute("CREATE TABLE seen (id TEXT PRIMARY KEY, n BIGINT)")
        for i in range(TIMES):
            asker.execute("INSERT INTO seen VALUES (%s, %s)", [f"k{i}", 10 ** 12 + i])
        warm(asker, "SELECT * FROM seen WHERE id = %s", ["k2"], [("k2", 10 ** 12 + 2)])


@case
def a_temporary_table_hides_the_other_one_until_it_ends():
    with connect() as asker:
        asker.execute("CREATE TABLE hidden (id INT PRIMARY KEY, v TEXT)")
        asker.execute("INSERT INTO hidden VALUES (1, 'of all')")
        ask = "SELECT v FROM hidden WHERE id = %s"
        warm(asker, ask, [1], [("of all",)])
        asker.execute("CREATE TEMP TABLE hidden (id INT PRIMARY KEY, v TEXT)")
        warm(asker, ask, [1], [])
        asker.execute("INSERT INTO hidden VALUES (1, 'own')")
        warm(asker, ask, [1], [("own",)])
        asker.execute("DISCARD TEMP")
        warm(asker, ask, [1], [("of all",)])


@case
def a_transaction_reads_its_own_rows_and_others_do_not():
    with connect() as writer, connect() as asker:
        writer.execute("CREATE TABLE drafts (id INT PRIMARY KEY, v INT)")
        ask = "SELECT v FROM drafts WHERE id = %s"
        warm(writer, ask, [1], [])
        warm(asker, ask, [1], [])
        with writer.transaction():
            for i in range(TIMES):
                writer.execute("INSERT INTO drafts VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v", [1, i])
            warm(writer, ask, [1], [(TIMES - 1,)])
            warm(asker, ask, [1], [])
        warm(asker, ask, [1], [(TIMES - 1,)])


@case
def functions_of_the_session_follow_its_settings():
    with connect() as asker:
        asker.execute("CREATE TABLE settings_seen (id INT PRIMARY KEY)")
        asker.execute("INSERT INTO settings_seen VALUES (7)")
        ask = "SELECT current_setting('application_name'), id FROM settings_seen WHERE id = %s"
        for name in ("one", "two"):
            asker.execute(f"SET application_name = '{name}'")
            warm(asker, ask, [7], [(name, 7)])
        with asker.transaction():
            asker.execute("SET LOCAL application_name = 'three'")
            warm(asker, ask, [7], [("three", 7)])
        warm(asker, ask, [7], [("two", 7)])
        at = "SELECT (TIMESTAMPTZ '2026-01-01 12:00+00')::text, %s::int"
        for zone, wanted in (("UTC", "2026-01-01 12:00:00+00"), ("Asia/Tokyo", "2026-01-01 21:00:00+09")):
            asker.execute(f"SET TimeZone = '{zone}'")
            warm(asker, at, [1], [(wanted, 1)])


@case
def lists_of_statements_and_sessions_are_of_now():
    with connect() as asker:
        ask = "SELECT name FROM pg_prepared_statements WHERE name > %s ORDER BY name"
        warm(asker, ask, [""], [])
        asker.execute("PREPARE mine AS SELECT 1")
        warm(asker, ask, [""], [("mine",)])
        count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
        warm(asker, count, ["other"], [(0,)])
        with connect(application_name="other"):
            warm(asker, count, ["other"], [(1,)])


@case
def a_right_that_is_revoked_is_missing_at_the_next_statement():
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("rules", "host all all 127.0.0.1/32 scram-sha-256\n"), ("password", "secret\n")):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        server = launch("--access-file", os.path.join(folder, "rules"),
                        "--superuser-password-file", os.path.join(folder, "password"))
        with connect(server.port, password="secret") as owner:
            owner.execute("CREATE USER bob PASSWORD 'b'")
            owner.execute("CREATE TABLE accounts (id INT PRIMARY KEY, v INT)")
            owner.execute("INSERT INTO accounts VALUES (1, 5)")
            owner.execute("GRANT SELECT, INSERT ON accounts TO bob")
            with connect(server.port, user="bob", password="b") as bob:
                ask, add = "SELECT v FROM accounts WHERE id = %s", "INSERT INTO accounts VALUES (%s, 1)"
                warm(bob, ask, [1], [(5,)])
                for i in range(TIMES):
                    bob.execute(add, [10 + i])
                owner.execute("REVOKE ALL ON accounts FROM bob")
                for statement in (ask, add):
                    for _ in range(TIMES):
                        try:
                            bob.execute(statement, [1])
                            raise AssertionError(f"{statement}: the right was revoked")
                        except psycopg.errors.InsufficientPrivilege:
                            pass
        server.stop()


run()
