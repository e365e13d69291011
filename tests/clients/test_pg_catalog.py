#!/usr/bin/python3
"""The catalog beside PostgreSQL 15's own: every relation has its columns and types, and what tools ask on connecting works."""
import os
import pwd
import shutil
import subprocess
import tempfile

import psycopg

from millrace_server import Skipped, case, run, start_server

SERVER = start_server()
BIN = "/usr/lib/postgresql/15/bin"


def connect(**options):
    return psycopg.connect(host=SERVER.host, port=SERVER.port, user="millrace", dbname="millrace", autocommit=True, **options)


class Postgres:
    """A PostgreSQL 15 for the tests, on a socket in a folder that is removed with it."""

    def __enter__(self):
        if not os.path.exists(f"{BIN}/initdb"):
            raise Skipped("PostgreSQL 15 is not installed")
        self.folder = tempfile.mkdtemp(prefix="millrace-pg15-")
        self.as_user = []
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            try:
                account = pwd.getpwnam("postgres")
            except KeyError:
                raise Skipped("there is no user to run PostgreSQL as") from None
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            self.as_user = ["runuser", "-u", "postgres", "--"]
        self.run("initdb", "-D", f"{self.folder}/data", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust", "-U", "postgres")
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-o", f"-k {self.folder} -c listen_addresses= -c fsync=off",
                 "-l", f"{self.folder}/log", "-w", "start")
        return self

    def run(self, program, *arguments):
        subprocess.run([*self.as_user, f"{BIN}/{program}", *arguments], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, cwd="/")

    def connect(self):
        return psycopg.connect(host=self.folder, user="postgres", dbname="postgres", autocommit=True)

    def __exit__(self, *_):
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


# Types that only ANALYZE fills, or that stand for any type, are shown as text.
AS_TEXT = {"anyarray", "pg_ndistinct", "pg_dependencies", "pg_mcv_list", "_pg_statistic"}


@case
def every_relation_of_postgresql_has_its_columns():
    with Postgres() as postgres, postgres.connect() as theirs, connect() as ours:
        relations = theirs.execute(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v') ORDER BY 1, 2").fetchall()
        assert len(relations) > 200, len(relations)
        # PostgreSQL's protocol describes a column of a domain by the number of its base type, so domains are replaced
        # by their base types.
        names = dict(theirs.execute("SELECT t.oid, coalesce(b.typname, t.typname) FROM pg_type t "
                                    "LEFT JOIN pg_type b ON b.oid = t.typbasetype AND t.typtype = 'd'").fetchall())
        wrong = []
        for schema, name in relations:
            columns = [(c.name, names[c.type_code]) for c in theirs.execute(f'SELECT * FROM {schema}."{name}" LIMIT 0').description]
            expected = [(column, "text" if kind in AS_TEXT else kind) for column, kind in columns]
            try:
                told = [(c.name, names.get(c.type_code, c.type_code))
                        for c in ours.execute(f'SELECT * FROM {schema}."{name}" LIMIT 0').description]
            except psycopg.Error as error:
                wrong.append((schema, name, str(error).splitlines()[0]))
                continue
            if told != expected:
                wrong.append((schema, name, [pair for pair in zip(expected, told) if pair[0] != pair[1]][:3], len(expected), len(told)))
        assert not wrong, "\n".join(map(str, wrong))


@case
def every_table_of_the_catalog_has_system_columns():
    with connect() as c:
        tables = c.execute("SELECT relname FROM pg_class WHERE relnamespace = 11 AND oid < 13000").fetchall()
        assert len(tables) > 60, len(tables)
        for (table,) in tables:
            told = c.execute(f"SELECT xmin, ctid, tableoid FROM pg_catalog.{table} LIMIT 0").description
            assert [column.type_code for column in told][:2] == [28, 27], (table, told)


@case
def each_function_that_types_refer_to_is_listed():
    with connect() as c:
        for column in ("typinput", "typoutput", "typreceive", "typsend", "typmodin", "typmodout", "typanalyze", "typsubscript"):
            lost = c.execute(f"SELECT t.typname, t.{column} FROM pg_type t WHERE t.{column}::oid <> 0 "
                             f"AND NOT EXISTS (SELECT 1 FROM pg_proc p WHERE p.oid = t.{column})").fetchall()
            assert not lost, (column, lost)


@case
def each_type_that_the_catalog_refers_to_is_listed():
    with connect() as c:
        for source, name, column in (("pg_type", "typname", "typarray"), ("pg_type", "typname", "typelem"), ("pg_proc", "proname", "prorettype"),
                                     ("(SELECT proname, unnest(proargtypes) AS argument FROM pg_proc)", "proname", "argument"),
                                     ("pg_attribute", "attname", "atttypid"), ("pg_operator", "oprname", "oprresult"),
                                     ("pg_cast", "castsource", "castsource"), ("pg_cast", "castsource", "casttarget")):
            lost = c.execute(f"SELECT s.{name}, s.{column} FROM {source} s WHERE s.{column} <> 0 "
                             f"AND NOT EXISTS (SELECT 1 FROM pg_type t WHERE t.oid = s.{column})").fetchall()
            assert not lost, (source, column, lost)


@case
def types_have_the_rows_of_postgresql():
    """All pseudo-types are listed: pgcli completes no names, and its `\\df` fails, if 'trigger'::regtype is an error."""
    query = ("SELECT oid::bigint, typname::text, typlen, typbyval, typtype::text, typcategory::text, typelem::bigint, typarray::bigint, "
             "typinput::text, typoutput::text, typreceive::text, typsend::text, format_type(oid, NULL), oid::regtype::text "
             "FROM pg_type WHERE typnamespace = 11 AND typrelid = 0 AND oid < 13000")
    with Postgres() as postgres, postgres.connect() as theirs, connect() as ours:
        expected = {row[0]: row for row in theirs.execute(query)}
        found = {row[0]: row for row in ours.execute(query)}
        wrong = [(row, expected.get(oid)) for oid, row in found.items() if row != expected.get(oid)]
        assert not wrong, "\n".join(map(str, wrong))
        missing = [row[1] for oid, row in expected.items() if row[4] == "p" and oid not in found]
        assert not missing, missing
        for name in ("trigger", "pg_catalog.trigger", "internal", "event_trigger", "record[]", "interval[]"):
            assert ours.execute("SELECT %s::regtype::oid::bigint", [name]).fetchall() == theirs.execute(
                "SELECT %s::regtype::oid::bigint", [name]).fetchall(), name


# The statement by which Npgsql 8 loads the types on its first connection.
NPGSQL = """
SELECT ns.nspname, t.oid, t.typname, t.typtype, t.typnotnull, t.elemtypoid
FROM (
    SELECT
        typ.oid, typ.typnamespace, typ.typname, typ.typtype, typ.typrelid, typ.typnotnull, typ.relkind,
        elemtyp.oid AS elemtypoid, elemtyp.typname AS elemtypname, elemcls.relkind AS elemrelkind,
        CASE WHEN elemproc.proname='array_recv' THEN 'a' ELSE elemtyp.typtype END AS elemtyptype
        , typ.typcategory, elemtyp.typcategory AS elemtypcategory
    FROM (
        SELECT typ.oid, typnamespace, typname, typrelid, typnotnull, relkind, typelem AS elemoid, typcategory,
            CASE WHEN proc.proname='array_recv' THEN 'a' ELSE typ.typtype END AS typtype,
            CASE
                WHEN proc.proname='array_recv' THEN typ.typelem
                WHEN typ.typtype='r' THEN rngsubtype
                WHEN typ.typtype='m' THEN (SELECT rngtypid FROM pg_range WHERE rngmultitypid = typ.oid)
                WHEN typ.typtype='d' THEN typ.typbasetype
            END AS elemtypoid
        FROM pg_type AS typ
        LEFT JOIN pg_class AS cls ON (cls.oid = typ.typrelid)
        LEFT JOIN pg_proc AS proc ON proc.oid = typ.typreceive
        LEFT JOIN pg_range ON (pg_range.rngtypid = typ.oid)
    ) AS typ
    LEFT JOIN pg_type AS elemtyp ON elemtyp.oid = typ.elemtypoid
    LEFT JOIN pg_class AS elemcls ON (elemcls.oid = elemtyp.typrelid)
    LEFT JOIN pg_proc AS elemproc ON elemproc.oid = elemtyp.typreceive
) AS t
JOIN pg_namespace AS ns ON (ns.oid = typnamespace)
WHERE
    typtype IN ('b', 'r', 'm', 'e', 'd') OR
    (typtype = 'c' AND relkind='c') OR
    (typtype = 'p' AND typname IN ('record', 'void', 'unknown')) OR
    (typtype = 'a' AND (
        elemtyptype IN ('b', 'r', 'm', 'e', 'd') OR
        (elemtyptype = 'p' AND elemtypname IN ('record', 'void')) OR
        (elemtyptype = 'c' AND elemrelkind='c')))
ORDER BY CASE
       WHEN typtype IN ('b', 'e', 'p') THEN 0
       WHEN typtype = 'c' THEN 1
       WHEN typtype = 'r' THEN 2
       WHEN typtype = 'm' THEN 3
       WHEN typtype = 'a' THEN 4
       WHEN typtype = 'd' AND elemtyptype <> 'a' THEN 5
       WHEN typtype = 'd' AND elemtyptype = 'a' THEN 6
END"""


@case
def npgsql_loads_its_types():
    with connect() as c:
        rows = {row[2]: row for row in c.execute(NPGSQL).fetchall()}
        assert rows["int4"][:4] == ("pg_catalog", 23, "int4", "b"), rows.get("int4")
        assert rows["_int4"][3] == "a" and rows["_int4"][5] == 23, rows.get("_int4")
        assert rows["int4range"][3] == "r" and rows["int4range"][5] == 23, rows.get("int4range")
        assert rows["int4multirange"][3] == "m" and rows["int4multirange"][5] == 3904, rows.get("int4multirange")


@case
def object_ids_are_accepted_as_parameters():
    with connect() as c:
        c.execute("CREATE TABLE given (id INT PRIMARY KEY)")
        number = c.execute("SELECT 'given'::regclass::oid").fetchone()[0]
        for binary in (False, True):
            rows = c.execute("SELECT relname FROM pg_class WHERE oid = %s::regclass", ("given",), binary=binary).fetchall()
            assert rows == [("given",)], rows
            rows = c.execute("SELECT %s::regclass::oid, (%s::text || 'en')::regclass::oid", ("given", "giv"), binary=binary).fetchall()
            assert rows == [(number, number)], (rows, number)
        assert c.execute("SELECT has_table_privilege(%s, 'select'), has_table_privilege(%s::oid, %s)",
                         ("public.given", number, "insert")).fetchone() == (True, True)
        c.execute("DROP TABLE given")


@case
def explain_of_execute_returns_a_document():
    with connect() as c:
        c.execute("CREATE TABLE planned (id INT PRIMARY KEY, v TEXT)")
        c.execute("PREPARE p (INT) AS SELECT v FROM planned WHERE id = $1")
        ((plan,),) = c.execute("EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE p(NULL)").fetchall()
        assert "Node Type" in plan[0]["Plan"], plan
        ((plan,),) = c.execute("EXPLAIN (VERBOSE, FORMAT JSON) SELECT 1").fetchall()
        assert "Node Type" in plan[0]["Plan"], plan
        ((plan,),) = c.execute("EXPLAIN (FORMAT JSON) SELECT v, count(*) FROM planned GROUP BY v ORDER BY 1").fetchall()

        def types(node):
            return [node["Node Type"], *(t for each in node.get("Plans", []) for t in types(each))]
        assert "Seq Scan" in types(plan[0]["Plan"]), plan
        ((plan,),) = c.execute("EXPLAIN (FORMAT JSON) INSERT INTO planned VALUES (1, 'a')").fetchall()
        assert "Node Type" in plan[0]["Plan"], plan
        for statement, sqlstate in (("EXPLAIN (FORMAT JSON) EXECUTE p(1, 2)", "42601"), ("EXPLAIN (FORMAT JSON) EXECUTE none(1)", "26000"),
                                    ("EXPLAIN (FORMAT YAML) SELECT 1", "0A000")):
            try:
                c.execute(statement)
                raise AssertionError(f"{statement} was let through")
            except psycopg.Error as error:
                assert error.sqlstate == sqlstate, (statement, error.sqlstate, error)
        c.execute("DROP TABLE planned")


@case
def roles_other_than_the_own_one_are_refused():
    with connect() as c:
        for statement in ("SET ROLE NONE", "SET ROLE 'millrace'", "SET ROLE millrace", "RESET ROLE"):
            c.execute(statement)
        c.execute("SET ROLE NONE")
        assert c.execute("SHOW role").fetchone() == ("none",)
        for statement in ("SET ROLE 'postgres'", "SET ROLE postgres", "SELECT set_config('role', 'postgres', false)"):
            try:
                c.execute(statement)
                raise AssertionError(f"{statement} was let through")
            except psycopg.Error as error:
                assert error.sqlstate == "0A000", (statement, error)


# One example of each kind of PostgreSQL's statements that is not executed, and is not a syntax error in PostgreSQL.
REFUSED = """
ALTER TABLE held SET SCHEMA other
ALTER TABLE held SET TABLESPACE fast
ALTER TABLE held ENABLE ROW LEVEL SECURITY
CREATE TEMP VIEW v AS SELECT 1
ALTER FUNCTION f() OWNER TO millrace
ALTER DATABASE d SET work_mem = '1MB'
ALTER ROLE millrace SET work_mem = '1MB'
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO millrace
ALTER DOMAIN d ADD CHECK (VALUE > 0)
ALTER EXTENSION x UPDATE
ALTER PUBLICATION p ADD TABLE held
ALTER TYPE colour ADD VALUE 'green'
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
CREATE TRIGGER t BEFORE INSERT ON held FOR EACH ROW EXECUTE FUNCTION f()
CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()
CREATE RULE r AS ON INSERT TO held DO NOTHING
CREATE POLICY p ON held
CREATE PUBLICATION p FOR ALL TABLES
CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p
CREATE SERVER s FOREIGN DATA WRAPPER w
CREATE FOREIGN TABLE f (a int) SERVER s
CREATE TABLESPACE fast LOCATION '/tmp/x'
CREATE AGGREGATE a (int) (SFUNC = f, STYPE = int)
CREATE OPERATOR + (LEFTARG = int, FUNCTION = f)
CREATE CAST (int AS text) WITH INOUT
CREATE COLLATION c (LOCALE = 'C')
CREATE STATISTICS s ON a, b FROM held
CREATE LANGUAGE l
CREATE ACCESS METHOD m TYPE TABLE HANDLER h
DO 'BEGIN END'
CALL f()
LOCK TABLE held
LOAD 'x'
MERGE INTO held USING held o ON held.id = o.id WHEN MATCHED THEN DELETE
COMMENT ON FUNCTION f() IS 'x'
DROP FUNCTION f()
DROP OWNED BY millrace
REASSIGN OWNED BY millrace TO millrace
GRANT USAGE ON SCHEMA public TO millrace
SECURITY LABEL ON TABLE held IS 'x'
IMPORT FOREIGN SCHEMA s FROM SERVER x INTO y
CLUSTER held
COMMIT AND CHAIN
"""


@case
def no_statement_of_postgresql_is_a_syntax_error():
    with connect() as c:
        c.execute("CREATE TABLE held (id INT PRIMARY KEY, a INT, b INT)")
        wrong = []
        for statement in REFUSED.strip().splitlines():
            try:
                c.execute(statement)
                wrong.append((statement, "was let through"))
            except psycopg.Error as error:
                if error.sqlstate != "0A000" or "not supported yet" not in str(error):
                    wrong.append((statement, error.sqlstate, str(error)))
        assert not wrong, "\n".join(map(str, wrong))
        for statement, sqlstate in (("PREPARE TRANSACTION 'x'", "55000"), ("COMMIT PREPARED 'x'", "42704"), ("SELEC 1", "42601")):
            try:
                c.execute(statement)
                raise AssertionError(f"{statement} was let through")
            except psycopg.Error as error:
                assert error.sqlstate == sqlstate, (statement, error.sqlstate)
        c.execute("DROP TABLE held")


run()
