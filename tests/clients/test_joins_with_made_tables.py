#!/usr/bin/python3
"""A stream is joined with a table that a query writes: each record finds the row of its time, even if that query is
behind."""
import os
import shutil
import signal
import tempfile

from millrace_server import Skipped, case, launch, run, wait_until

try:
    import psycopg
except ImportError:
    psycopg = None

PAIRS = 100  # number of rows of T, each of which is followed by a record of S half a second later
# The queries that make D from T.
SHAPES = {
    "projection": ["CREATE TABLE d_projection AS SELECT k, a FROM t"],
    "aggregate": ["CREATE TABLE d_aggregate AS SELECT k, SUM(a) AS a FROM t GROUP BY k"],
    "joined": ["CREATE TABLE d_joined AS SELECT t.k AS k, t.a AS a FROM t LEFT JOIN u ON t.k = u.k"],
    "chain": ["CREATE TABLE d_first AS SELECT k, a FROM t WHERE a > 0",
              "CREATE TABLE d_chain AS SELECT k, SUM(a) AS a FROM d_first GROUP BY k"],
}


def connect(server):
    return psycopg.connect(host=server.host, port=server.port, user="test", autocommit=True)


class World:
    """A server with the sources, all variants of D, and a join with each of them."""
    def __init__(self, shards, partitions, table_first="false"):
        if psycopg is None:
            raise Skipped("psycopg is not installed")
        self.shards = shards
        self.data = tempfile.mkdtemp(prefix="millrace-joins-")
        self.start()
        self.run(f"SET 'join.table.bootstrap' = '{table_first}'")
        for name, kind, key in (("t", "TABLE", "PRIMARY KEY"), ("u", "TABLE", "PRIMARY KEY"), ("s", "STREAM", "KEY")):
            self.run(f"CREATE {kind} {name} (k INT {key}, a INT, ts BIGINT) WITH (TIMESTAMP = 'ts', PARTITIONS = {partitions})")
        for shape, statements in SHAPES.items():
            for statement in statements:
                self.run(statement)
            self.run(f"CREATE STREAM j_{shape} AS SELECT s.k AS k, d.a AS a FROM s LEFT JOIN d_{shape} d ON s.k = d.k")

    def start(self):
        self.server = launch("--shards", str(self.shards), data_dir=self.data)
        self.connection = connect(self.server)

    def run(self, statement):
        return self.connection.execute(statement)

    def insert_row(self, i):
        self.run(f"INSERT INTO t VALUES ({i}, {i}, {i * 1000})")

    def insert_record(self, i):
        self.run(f"INSERT INTO s VALUES ({i}, 0, {i * 1000 + 500})")

    def misses(self, shape):
        """Returns the records that have not found the row of their key after the join has read all records."""
        rows = wait_until(lambda: self.rows_of_all_records(shape), f"j_{shape} lacks records", 120)
        return [row for row in rows if row[0] != row[1]]

    def rows_of_all_records(self, shape):
        rows = self.run(f"SELECT k, a FROM j_{shape}").fetchall()
        return rows if len(rows) == self.run("SELECT k FROM s").rowcount else None

    def check(self):
        for shape in SHAPES:
            misses = self.misses(shape)
            assert not misses, f"{shape}: {len(misses)} records found another row, such as {misses[:3]}"

    def close(self):
        self.connection.close()
        self.server.stop()
        shutil.rmtree(self.data)


def in_every_layout(play):
    for shards, partitions, table_first in ((1, 1, "true"), (1, 4, "false"), (2, 1, "false"), (2, 4, "true"), (2, 4, "false")):
        world = World(shards, partitions, table_first)
        try:
            play(world)
            world.check()
        finally:
            world.close()


@case
def rows_and_records_of_one_transaction_meet():
    def play(world):
        for i in range(1, PAIRS + 1):
            with world.connection.transaction():
                world.insert_row(i)
                world.insert_record(i)
    in_every_layout(play)


@case
def a_record_after_a_row_that_was_acknowledged_finds_it():
    def play(world):
        for i in range(1, PAIRS + 1):
            world.insert_row(i)
            world.insert_record(i)
    in_every_layout(play)


@case
def joins_that_are_made_later_read_the_past_in_order():
    def play(world):
        for i in range(1, PAIRS + 1):
            world.insert_row(i)
            world.insert_record(i)
        world.run("SET 'auto.offset.reset' = 'earliest'")
        for shape in ("aggregate", "joined"):
            world.run(f"DROP STREAM j_{shape} DELETE TOPIC")
            world.run(f"DROP TABLE d_{shape} DELETE TOPIC")
            for statement in SHAPES[shape]:
                world.run(statement)
            world.run(f"CREATE STREAM j_{shape} AS SELECT s.k AS k, d.a AS a FROM s LEFT JOIN d_{shape} d ON s.k = d.k")
    in_every_layout(play)


@case
def a_server_that_is_killed_between_them_goes_on_right():
    world = World(2, 4)
    try:
        for i in range(1, PAIRS + 1):
            with world.connection.transaction():
                world.insert_row(i)
                world.insert_record(i)
            if i % 25 == 0:
                os.kill(world.server.pid, signal.SIGKILL)
                world.connection.close()
                world.server.stop()
                world.start()
        world.check()
    finally:
        world.close()


# The opposite case: a row of the table with a later time does not overtake a record that a query has not passed on yet.
@case
def a_record_that_a_query_passes_on_finds_no_row_of_a_later_time():
    def play(world):
        world.run("CREATE STREAM passed_on AS SELECT k, a FROM s")
        world.run("CREATE STREAM found AS SELECT p.k AS k, t.a AS a FROM passed_on p LEFT JOIN t ON p.k = t.k")
        for i in range(1, PAIRS + 1):
            with world.connection.transaction():
                world.insert_record(i)
                world.run(f"INSERT INTO t VALUES ({i}, {i}, {i * 1000 + 900})")
        rows = wait_until(lambda: rows_of(world, PAIRS), "records are missing", 120)
        early = [row for row in rows if row[1] is not None]
        assert not early, f"{len(early)} records found rows of later times, such as {early[:3]}"

    def rows_of(world, count):
        rows = world.run("SELECT k, a FROM found").fetchall()
        return rows if len(rows) == count else None
    for shards in (1, 2):
        world = World(shards, 1)
        try:
            play(world)
        finally:
            world.close()


def state_of(world, query):
    for row in world.run("SHOW QUERIES").fetchall():
        if row[0] == query:
            return " ".join(str(cell) for cell in row)
    return None


@case
def a_join_shows_the_query_that_it_waits_for():
    world = World(2, 1)
    try:
        ids = [row[0] for row in world.run("SHOW QUERIES").fetchall()]
        made = next(each for each in ids if each.startswith("CTAS_D_PROJECTION"))
        join = next(each for each in ids if each.startswith("CSAS_J_PROJECTION"))
        world.run(f"PAUSE {made}")
        world.insert_row(1)
        world.insert_record(1)
        wait_until(lambda: f"waits for {made}" in state_of(world, join), lambda: state_of(world, join), 60)
        world.run(f"RESUME {made}")
        assert not world.misses("projection")
        wait_until(lambda: "RUNNING" in state_of(world, join), lambda: state_of(world, join))
    finally:
        world.close()


run()
