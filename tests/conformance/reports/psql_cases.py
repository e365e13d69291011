"""Procedures that a PostgreSQL session types."""
import datetime
import decimal
import os
import subprocess
import threading

import psycopg

from tools import TESTS, check, comes, connect, define, refusal, report, rows
from millrace_server import Skipped
from patience import patience, wait_until

D = decimal.Decimal
UTC = datetime.timezone.utc


def reported(connection):
    """Lines of the processing log."""
    return rows(connection, "SELECT message FROM ksql_processing_log")


@report(40)
def a_sum_that_overflows_is_null_and_reported(server):
    shapes = {
        "plain": "SELECT name, SUM(d) AS s, COUNT(*) AS n FROM b GROUP BY name",
        "tumbling": "SELECT name, SUM(d) AS s, COUNT(*) AS n FROM b WINDOW TUMBLING (SIZE 1 DAY) GROUP BY name",
        "session": "SELECT name, SUM(d) AS s, COUNT(*) AS n FROM b WINDOW SESSION (1 DAY) GROUP BY name",
        "joined": "SELECT b.name AS name, SUM(d) AS s, COUNT(*) AS n FROM b JOIN t ON b.name = t.name GROUP BY b.name",
        "of_a_table": "SELECT kind, SUM(d) AS s, COUNT(*) AS n FROM u GROUP BY kind",
    }
    with connect(server) as c:
        define(c, """
            CREATE STREAM b (name VARCHAR, d DECIMAL(4,2)) WITH (kafka_topic='b', value_format='JSON', partitions=1);
            CREATE TABLE t (name VARCHAR PRIMARY KEY, x INT) WITH (kafka_topic='t', value_format='JSON', partitions=1);
            CREATE TABLE u (id INT PRIMARY KEY, kind VARCHAR, d DECIMAL(4,2)) WITH (kafka_topic='u', value_format='JSON', partitions=1);
            INSERT INTO t VALUES ('ok', 1), ('big', 2);
        """)
        for name, query in shapes.items():
            c.execute(f"CREATE TABLE s_{name} AS {query}")
        define(c, """
            INSERT INTO b (ROWTIME, name, d) VALUES (1000, 'ok', 1.00);
            INSERT INTO b (ROWTIME, name, d) VALUES (2000, 'big', 60.00), (3000, 'big', 60.00);
            INSERT INTO b (ROWTIME, name, d) VALUES (4000, 'ok', 5.00);
            INSERT INTO u VALUES (1, 'ok', 1.00), (2, 'big', 60.00), (3, 'big', 60.00), (4, 'ok', 5.00);
        """)
        for name in shapes:
            key = "kind" if name == "of_a_table" else "name"
            comes(c, f"SELECT {key}, s, n FROM s_{name}", [("ok", D("6.00"), 2), ("big", None, 2)])
        check({state for state, in rows(c, "SELECT state FROM millrace_catalog.queries")}, {"RUNNING"})
        assert any("SUM" in str(line) and "NULL" in str(line) for line in reported(c)), reported(c)


@report(65)
def a_limit_is_kept_exactly(server):
    from tools import ask
    with connect(server) as c:
        c.execute("CREATE STREAM s65 (k INT KEY, r INT) WITH (kafka_topic='s65', value_format='JSON', partitions=6)")
        c.execute("INSERT INTO s65 VALUES " + ", ".join(f"({i}, {200 if i % 3 else 404})" for i in range(300)))
        c.execute("SET 'auto.offset.reset' = 'earliest'")
        for _ in range(6):
            check(len(c.execute("SELECT k FROM s65 WHERE r = 404 EMIT CHANGES LIMIT 5").fetchall()), 5)
            status, answer = ask(server, "POST", "/query", {"ksql": "SELECT k FROM s65 WHERE r = 404 EMIT CHANGES LIMIT 5;",
                                                            "streamsProperties": {"auto.offset.reset": "earliest"}})
            assert status == 200 and sum("row" in each for each in answer) == 5, answer


@report(82)
def a_series_that_never_moves_on_ends(server):
    with connect(server) as c, connect(server) as other:
        c.execute("SET statement_timeout = '3s'")
        found = []
        endless = threading.Thread(target=lambda: found.append(refusal(
            c, "SELECT count(*) FROM generate_series('2024-01-31T00:00:00Z'::timestamptz, '2024-06-01T00:00:00Z'::timestamptz, "
               "interval '1 month -29 days')")))
        endless.start()
        while endless.is_alive():
            check(rows(other, "SELECT 1"), [(1,)])
        assert found[0][0] in ("54000", "57014"), found
        check(refusal(c, "SELECT * FROM generate_series('2024-01-31'::timestamp, '2024-02-05'::timestamp, interval '0 days')"),
              ("22023", "step size cannot equal zero"))
        refusal(c, "SELECT count(*) FROM generate_series(1, 10, 0)")
        months = rows(c, "SELECT * FROM generate_series('2024-01-31'::timestamptz, '2024-05-31'::timestamptz, interval '1 month')")
        check([(each.month, each.day) for each, in months], [(1, 31), (2, 29), (3, 29), (4, 29), (5, 29)])
        check(rows(other, "SELECT 1"), [(1,)])


@report(94)
def points_in_time_as_parameters(server):
    wanted = datetime.datetime(2025, 1, 1, tzinfo=UTC)
    with connect(server) as c:
        for text in ("2025-01-01T00:00:00.000+00:00", "2025-01-01T00:00:00.000Z", "2024-12-31T19:00:00.000-05:00", "2025-01-01",
                     "2025-01-01 00:00:00", "2025-01-01 00:00:00+00", "2025-01-01 05:30:00+05:30", "20250101T000000Z",
                     "2025-01-01 00:00:00 UTC", "2025-01-01 00:00:00.000000 +00:00", "January 1, 2025", "2025-01-01 00:00:00 GMT"):
            check(c.execute("SELECT %s::timestamptz", (text,)).fetchone(), (wanted,), text)
        c.execute('CREATE TABLE "crew94" ("no" INTEGER NOT NULL, "since" TIMESTAMP(3) NOT NULL, "name" VARCHAR(14) NOT NULL, '
                  'CONSTRAINT "crew94_pkey" PRIMARY KEY ("no"))')
        since = datetime.datetime(1999, 5, 6, 0, 0, 0, 123456)
        got = c.execute('INSERT INTO "public"."crew94" ("no","since","name") VALUES (%b,%b,%b) '
                        'RETURNING "public"."crew94"."no", "public"."crew94"."since"', (1, since, "Una")).fetchone()
        check(got, (1, since.replace(microsecond=123000)))


@report(95)
def the_same_time_each_time_it_is_asked(server):
    wanted = (datetime.datetime(2024, 8, 30, 10, 40, 38, 622000), datetime.datetime(2024, 8, 30, 8, 40, 38, 622000, UTC),
              datetime.date(2024, 8, 30), D("-1.005"), datetime.time(23, 59, 59, 999000))
    with connect(server, prepare_threshold=2) as c:
        c.execute("CREATE TABLE t95 (id INT PRIMARY KEY, c TIMESTAMP(6), z TIMESTAMPTZ, d DATE, n NUMERIC(10,3), tm TIME)")
        c.execute("INSERT INTO t95 VALUES (1,'2024-08-30 10:40:38.622','2024-08-30 10:40:38.622+02','2024-08-30',-1.005,'23:59:59.999')")
        for binary in (False, True):
            for _ in range(10):
                check(c.execute("SELECT c, z, d, n, tm FROM t95 LIMIT 1", binary=binary).fetchone(), wanted)


@report(85)
def arrays_in_binary(server):
    """With psycopg, which sends and reads binary as asyncpg does."""
    import uuid
    number = uuid.uuid4()
    values = (1, ["a", None, 'b"c\\', "{x}", ""], [1, None, -2147483648], [True, False, None], [D("1.50"), None],
              [datetime.datetime(2024, 1, 2, 3, 4, 5, 678000, UTC), None], [datetime.date(1969, 12, 31), datetime.date(2024, 2, 29)],
              psycopg.types.json.Jsonb({"a": 1}), number, b"\x00\xff", [1.5, None])
    with connect(server) as c:
        c.execute("CREATE TABLE a85 (k INT PRIMARY KEY, v VARCHAR[], i INT[], b BOOLEAN[], n NUMERIC(8,2)[], t TIMESTAMPTZ[], d DATE[], "
                  "j JSONB, u UUID, by BYTEA, f REAL[])")
        c.execute("INSERT INTO a85 VALUES (" + ", ".join(["%b"] * 11) + ")", values)
        got = c.execute("SELECT * FROM a85 WHERE k = %b", (1,), binary=True).fetchone()
        check(got, values[:7] + ({"a": 1},) + values[8:])
        check(c.execute("SELECT k FROM a85 WHERE 'a' = ANY(v) AND k = ANY(%b::int[])", ([1, 2],), binary=True).fetchall(), [(1,)])
        check(c.execute("SELECT ARRAY['q', NULL]::varchar[]", binary=True).fetchone(), (["q", None],))
        check(c.execute("SELECT ARRAY[]::int[]", binary=True).fetchone(), ([],))
        check(c.execute("SELECT array_agg(v ORDER BY v) FROM (VALUES ('b'),('a')) t(v)", binary=True).fetchone(), (["a", "b"],))
        check(c.execute("SELECT current_schemas(true)", binary=True).fetchone(), (["pg_catalog", "public"],))


@report(101)
def a_joined_table_is_there_every_time(server):
    with connect(server) as c:
        define(c, """
            CREATE TABLE t101 (k DOUBLE PRIMARY KEY, n VARCHAR) WITH (kafka_topic='t101', value_format='JSON', partitions=2);
            CREATE STREAM s101 (id INT KEY, k DOUBLE) WITH (kafka_topic='s101', value_format='JSON', partitions=2);
            INSERT INTO t101 VALUES (1.5,'a'),(2.0,'b'),(-0.25,'c');
        """)
        keys = ("1.5", "2.0", "-0.25")
        c.execute("INSERT INTO s101 VALUES " + ", ".join(f"({i}, {keys[i % 3]})" for i in range(300)))
        c.execute("SET 'auto.offset.reset' = 'earliest'")
        for number in range(12):
            c.execute(f"CREATE STREAM j101_{number} AS SELECT s.k AS k, id, n FROM s101 s JOIN t101 t ON s.k = t.k")
            comes(c, f"SELECT id FROM j101_{number}", [(i,) for i in range(300)])
            c.execute(f"DROP STREAM j101_{number} DELETE TOPIC")


@report(136)
def types_as_active_record_loads_them(server):
    with connect(server) as c:
        found = rows(c, "SELECT t.oid, t.typname, t.typelem FROM pg_type t WHERE t.typinput = 'array_in(cstring,oid,integer)'::regprocedure")
        assert ("_int4", 23) in [(str(name), int(element)) for _, name, element in found], found


@report(137)
def object_lists_of_datagrip(server):
    with connect(server) as c:
        c.execute("CREATE TABLE listed (id INT PRIMARY KEY)")
        for statement in (
                "SELECT n.oid::bigint AS id, n.xmin AS state, nspname FROM pg_catalog.pg_namespace n",
                "SELECT relkind, relname, oid, xmin FROM pg_catalog.pg_class WHERE relnamespace = 'public'::regnamespace::oid "
                "AND relkind IN ('r','m','v','f','p')",
                "SELECT (pg_catalog.txid_current() % (2^32)::bigint)::varchar::bigint",
                "SELECT oid, xmin FROM pg_proc LIMIT 1",
                "SELECT oid::bigint, xmin::varchar::bigint FROM pg_type LIMIT 1",
                "SELECT oid, amname, xmin FROM pg_am",
                "SELECT pg_catalog.pg_get_userbyid(relowner) FROM pg_class LIMIT 1",
                "SELECT xmin, ctid, tableoid::regclass FROM pg_class LIMIT 1"):
            assert rows(c, statement), statement
        rows(c, "SELECT transactionid::varchar::bigint FROM pg_catalog.pg_locks WHERE transactionid IS NOT NULL")


@report(152)
def rows_that_never_were_are_not_seen(server):
    right = {"x": [(D("2.00"), 1), (D("7.00"), 2)], "y": [(D("3.00"), 1)], "big": [(D("60.00"), 1), (None, 2)]}
    with connect(server) as c:
        for turn in range(40):
            define(c, f"""
                CREATE STREAM e{turn} (name VARCHAR, d DECIMAL(4,2)) WITH (kafka_topic='e{turn}', value_format='JSON', partitions=1);
                CREATE TABLE y{turn} AS SELECT name, SUM(d) AS s, COUNT(*) AS n, COLLECT_LIST(d) AS l, MAX(d) AS m FROM e{turn} GROUP BY name;
                INSERT INTO e{turn} VALUES ('x', 2.00), ('big', 60.00), ('y', 3.00), ('big', 60.00), ('x', 5.00);
            """)
            for _ in range(3):
                try:
                    found = c.execute(f"SELECT name, s, n, l, m FROM y{turn}").fetchall()
                except psycopg.errors.ObjectNotInPrerequisiteState:
                    continue
                for name, total, count, values, most in found:
                    assert (total, count) in right[name], (name, total, count)
                    assert len(values) == count and most == max(values), (name, count, values, most)
            c.execute(f"DROP TABLE y{turn}")


@report(166)
def privileges_and_statistics_as_metabase_asks(server):
    with connect(server) as c:
        c.execute("CREATE TABLE s (id INT PRIMARY KEY)")
        check(rows(c, """SELECT has_table_privilege(current_user, '"public"."s"', 'select'), has_table_privilege('public.s', 'select'),
                      has_table_privilege('"s"', 'DELETE'), has_table_privilege('s', 'SELECT,DELETE')"""), [(True,) * 4])
        check(len(rows(c, "SELECT n_live_tup FROM pg_stat_user_tables WHERE relname = 's'")), 1)


@report(167)
def a_select_over_a_stream_that_is_asked_once(server):
    with connect(server) as c:
        define(c, r"""
            CREATE STREAM st (k INT KEY, f VARCHAR, d DECIMAL(3,1)) WITH (kafka_topic='st', value_format='JSON', partitions=1);
            CREATE TABLE tb (k INT PRIMARY KEY, f VARCHAR, d DECIMAL(3,1)) WITH (kafka_topic='tb', value_format='JSON', partitions=1);
            INSERT INTO st VALUES (1, E'a\nb', 2.5), (2, NULL, -2.5);
            INSERT INTO tb VALUES (1, E'a\nb', 2.5), (2, NULL, -2.5);
        """)
        for source in ("tb", "st"):
            comes(c, f"SELECT CAST(d AS INT) FROM {source}", [(3,), (-3,)])
            comes(c, f"SELECT k FROM {source} WHERE NOT (f = 'z')", [(1,)])
            check(refusal(c, f"SELECT 1/0 FROM {source}")[0], "22012")
            comes(c, f"SELECT k FROM {source} WHERE f LIKE 'a%b'", [(1,)])


@report(116)
def null_and_empty_are_not_the_same(server):
    from tools import consume, create_topic, produce
    records = [(None, None, None), (b"", b"", [("a", None), ("b", b""), ("a", b"2")]), (None, b"", None), (b"", None, [("", b"x")])]
    for codec in ("none", "lz4"):
        create_topic(server, f"t116_{codec}")
        produce(server, f"t116_{codec}", [dict(key=key, value=value, **({"headers": headers} if headers else {}))
                                          for key, value, headers in records], compression_type=codec)
        check([(each.key(), each.value(), each.headers()) for each in consume(server, f"t116_{codec}")], records, codec)
        with connect(server) as c:
            c.execute("CREATE STREAM s116 (k BYTES KEY, v BYTES, h ARRAY<STRUCT<key STRING, value BYTES>> HEADERS) "
                      f"WITH (kafka_topic='t116_{codec}', value_format='KAFKA')")
            wait_until(lambda: len(rows(c, "SELECT k, v FROM s116")) == 2)
            check(rows(c, "SELECT k, v FROM s116"), sorted([(b"", b""), (None, b"")], key=repr))
            check(rows(c, "SELECT ARRAY_LENGTH(h) FROM s116"), [(0,), (3,)])
            check(rows(c, "SELECT h[1]->value, h[2]->value, h[3]->value FROM s116 WHERE ARRAY_LENGTH(h) = 3"), [(None, b"", b"2")])
            c.execute("DROP STREAM s116")


@report(70)
def a_timestamp_column_with_epoch_seconds_as_text(server):
    from tools import produce
    with connect(server) as c:
        define(c, """
            CREATE TABLE c70 (`host` STRING PRIMARY KEY, `state` STRING, `timestamp` TIMESTAMP)
              WITH (kafka_topic='c70', key_format='KAFKA', value_format='JSON', partitions=1);
            CREATE TABLE q70 AS SELECT * FROM c70;
        """)
        produce(server, "c70", [dict(key="a", value='{"state":"up","timestamp":"1600000000"}'),
                                dict(key="b", value='{"state":"up","timestamp":1600000000000}')])
        comes(c, "SELECT `host` FROM q70", [("b",)])
        lines = [str(line) for line in reported(c) if "c70" in str(line)]
        # The table and the query over it read the topic, so that each reports the record.
        assert 1 <= len(lines) <= 2 and all("timestamp" in line for line in lines), lines


@report(100)
def an_event_time_column_that_is_null(server):
    with connect(server) as c:
        define(c, """
            CREATE STREAM t100 (at BIGINT, x DOUBLE) WITH (kafka_topic='t100', value_format='JSON', partitions=1, timestamp='at');
            CREATE STREAM r100 AS SELECT * FROM t100;
            INSERT INTO t100 VALUES (NULL, 1.0);
            INSERT INTO t100 VALUES (NULL, 2.0);
            INSERT INTO t100 VALUES (1000, 3.0);
        """)
        comes(c, "SELECT x FROM t100", [(3.0,)])
        comes(c, "SELECT x FROM r100", [(3.0,)])
        wait_until(lambda: len(reported(c)) >= 2, lambda: str(reported(c)))
        lines = [str(line) for line in reported(c)]
        assert len(lines) == 2 and all("t100" in line and "TIMESTAMP" in line.upper() and "null" in line for line in lines), lines


@report(155)
def append_time_of_a_topic_that_queries_write(server):
    from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME
    from tools import consume, create_topic
    for topic in ("lb", "lc"):
        create_topic(server, topic, message_timestamp_type="LogAppendTime")
    with connect(server) as c:
        define(c, """
            CREATE STREAM src (k INT KEY, v INT) WITH (kafka_topic='src', value_format='JSON', partitions=1);
            CREATE STREAM lb WITH (kafka_topic='lb', value_format='JSON') AS SELECT * FROM src;
            CREATE STREAM lc (k INT KEY, v INT) WITH (kafka_topic='lc', value_format='JSON');
            INSERT INTO src (ROWTIME, k, v) VALUES (1000, 1, 1);
            INSERT INTO lc (ROWTIME, k, v) VALUES (1000, 1, 1);
        """)
        for topic in ("lb", "lc"):
            record, = wait_until(lambda topic=topic: consume(server, topic))
            kind, at = record.timestamp()
            assert kind == TIMESTAMP_LOG_APPEND_TIME and at > 1_600_000_000_000, (topic, kind, at)


@report(163, None)
def random_selects_beside_postgresql():
    """A thousand of them; `./dev test --long` compares a hundred thousand."""
    program = os.path.join(TESTS, "clients", "current", "pg_random")
    done = subprocess.run([program, "--statements", "1000", "--seed", "163"], capture_output=True, text=True, timeout=patience(240), check=False)
    if ", 1 skipped" in done.stdout.splitlines()[-1]:
        raise Skipped("PostgreSQL 15 is not installed")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
