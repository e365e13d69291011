#!/usr/bin/python3
"""SQL in a cluster of three: definitions and rows that are made at one node are the same at each, whichever node
dies."""
import http.client
import json
import re
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from cluster_cases import all_is_well, cluster, create_topic, leader_of, metadata_of
from cluster_nodes import eventually
from cluster_sql import connect, define, rows_of, run_on
from millrace_server import Skipped, case, check_took_less, patience, run, timed, wait_until

try:
    import psycopg
except ImportError:
    psycopg = None
try:
    from confluent_kafka import Consumer, Producer, TopicPartition
except ImportError:
    Consumer = Producer = None


def sql_cluster():
    nodes = cluster()
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    return nodes


def refusal(node, statement, kind=None):
    try:
        run_on(node, statement)
    except (kind or psycopg.Error) as error:
        return str(error)
    raise AssertionError(f"not refused: {statement}")


class Reader:
    """A push query at a node; a separate thread reads its rows."""

    def __init__(self, node, query):
        self.rows, self.failure = [], None
        self.connection = connect(node)
        self.thread = threading.Thread(target=self._read, args=(query,), daemon=True)
        self.thread.start()

    def _read(self, query):
        try:
            for row in self.connection.cursor().stream(query):
                self.rows.append(row)
        except psycopg.Error as error:
            self.failure = str(error)

    def stop(self):
        self.connection.cancel()
        self.thread.join(patience(10))
        self.connection.close()


@case
def a_definition_at_one_node_is_a_definition_at_all():
    nodes = sql_cluster()
    define(nodes, "CREATE STREAM clicks (id INT KEY, url VARCHAR) WITH (partitions = 3)",
           "CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR)", "CREATE TYPE address AS STRUCT<street VARCHAR>",
           "COMMENT ON TABLE users IS 'who they are'", at=1)
    for node in nodes.nodes.values():
        assert ("clicks", 3, 3) in [row[:3] for row in rows_of(node, "SHOW TOPICS")], rows_of(node, "SHOW TOPICS")
        assert [row[0] for row in rows_of(node, "DESCRIBE users")] == ["ID", "NAME"]
        with connect(node) as c:
            assert c.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'users' "
                             "ORDER BY ordinal_position").fetchall() == [("id",), ("name",)]
    define(nodes, "DROP STREAM clicks DELETE TOPIC", at=3)
    for node in nodes.nodes.values():
        assert "CLICKS" not in [row[0] for row in rows_of(node, "SHOW STREAMS")]


@case
def a_prepared_look_up_sees_what_was_written_at_another_node():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE looked_up (id INT PRIMARY KEY, v INT)", at=1)
    with connect(nodes.nodes[1]) as writer, connect(nodes.nodes[2]) as reader:
        reader.prepare_threshold = 0
        for i in range(100):
            writer.execute("INSERT INTO looked_up VALUES (1, %s)", (i,))
            assert reader.execute("SELECT v FROM looked_up WHERE id = %s", (1,)).fetchall() == [(i,)], i


def post_sql(node, text, **members):
    """The answer of POST /sql, whose lines can be read one by one."""
    host, port = node.http.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.request("POST", "/sql", json.dumps({"sql": text, **members}))
    return connection.getresponse()


@case
def sql_over_http_reads_and_changes_rows_at_each_node():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE over_http (id INT PRIMARY KEY, v VARCHAR)", at=1)
    changes = post_sql(nodes.nodes[3], "SELECT * FROM over_http EMIT CHANGES")
    head = json.loads(changes.readline())["head"]
    assert head["kind"] == "changes" and head["columns"][0] == {"name": "id", "type": "INTEGER", "key": True}, head
    for text, change in (("INSERT INTO over_http VALUES (1, 'a')", ["u", 1, "a"]), ("UPDATE over_http SET v = 'b'", ["u", 1, "b"]),
                         ("BEGIN; DELETE FROM over_http WHERE id = 1; COMMIT", ["d", 1, None])):
        done = [json.loads(line) for line in post_sql(nodes.nodes[2], text)]
        assert all("done" in line for line in done), done
        assert json.loads(changes.readline()) == change
        rows = [json.loads(line) for line in post_sql(nodes.nodes[1], "SELECT * FROM over_http")]
        assert rows[1:-1] == ([change[1:]] if change[0] == "u" else []), rows
    changes.close()


@case
def definitions_at_all_nodes_at_once_come_in_one_order():
    nodes = sql_cluster()
    outcomes = []

    def define_some(number, node):
        with connect(node) as c:
            for i in range(4):
                c.execute(f"CREATE STREAM many_{number}_{i} (v INT) WITH (partitions = 1, replicas = 1)")
            try:
                c.execute("CREATE STREAM contested (v INT) WITH (partitions = 1)")
                outcomes.append(number)
            except psycopg.Error as error:
                assert "exist" in str(error), error
    threads = [threading.Thread(target=define_some, args=each) for each in nodes.nodes.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 1, outcomes
    expected = {f"MANY_{number}_{i}" for number in nodes.nodes for i in range(4)} | {"CONTESTED"}
    for node in nodes.nodes.values():
        eventually(lambda node=node: expected <= {row[0] for row in rows_of(node, "SHOW STREAMS")})


@case
def each_acknowledged_row_is_read_at_any_node():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE latest (k INT PRIMARY KEY, v INT)", "CREATE STREAM history (k INT KEY, v INT)")
    with connect(nodes.nodes[1]) as a, connect(nodes.nodes[2]) as b, connect(nodes.nodes[3]) as c:
        sessions = [a, b, c]
        for i in range(60):
            writer, reader = sessions[i % 3], sessions[(i + 1) % 3]
            writer.execute("INSERT INTO latest VALUES (%s, %s)", (i % 4, i))
            writer.execute("INSERT INTO history VALUES (%s, %s)", (i % 4, i))
            assert reader.execute(f"SELECT v FROM latest WHERE k = {i % 4}").fetchall() == [(i,)]
            assert reader.execute("SELECT COUNT(*), MAX(v) FROM latest").fetchone() == (min(i + 1, 4), i)
        for each in sessions:
            values = [row[0] for row in each.execute("SELECT v FROM history").fetchall()]
            assert sorted(values) == list(range(60)), values


@case
def rows_are_copied_in_at_any_node():
    nodes = sql_cluster()
    define(nodes, "CREATE STREAM copied (id INT KEY, text VARCHAR) WITH (partitions = 3)")
    for number, node in nodes.nodes.items():
        with connect(node) as c, c.cursor().copy("COPY copied (id, text) FROM STDIN") as copy:
            for i in range(5_000):
                copy.write_row((number * 10_000 + i, "x" * 100))
    expected = sorted(number * 10_000 + i for number in nodes.nodes for i in range(5_000))
    for node in nodes.nodes.values():
        assert sorted(row[0] for row in rows_of(node, "SELECT id FROM copied")) == expected


@case
def a_node_dies_and_rows_count_once_and_look_ups_are_right():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE survivors (k INT PRIMARY KEY, v INT) WITH (partitions = 3)",
           "CREATE STREAM events (k INT KEY, v INT) WITH (partitions = 3)")
    acknowledged, failures = [], []
    pushed = Reader(nodes.nodes[1], "SELECT k, v FROM events EMIT CHANGES")
    stopping = threading.Event()

    def write():
        with connect(nodes.nodes[1]) as c:
            i = 0
            while not stopping.is_set():
                try:
                    c.execute(f"INSERT INTO survivors VALUES ({i % 5}, {i})")
                    c.execute(f"INSERT INTO events VALUES ({i % 5}, {i})")
                    acknowledged.append(i)
                except psycopg.Error as error:
                    failures.append(str(error))
                i += 1
    writer = threading.Thread(target=write)
    writer.start()
    eventually(lambda: len(acknowledged) > 20)
    nodes.nodes[2].kill()
    before = len(acknowledged)
    eventually(lambda: len(acknowledged) > before + 50)
    # Node 2 had a copy of the table, too. The other nodes continue with their own copies.
    last = acknowledged[-1]
    assert rows_of(nodes.nodes[3], "SELECT MAX(v) FROM survivors")[0][0] >= last
    nodes.nodes[2].start()
    before = len(acknowledged)
    eventually(lambda: len(acknowledged) > before + 20)
    stopping.set()
    writer.join()
    assert not failures, failures[:3]
    all_is_well(nodes)  # node 2 has all records again
    newest = {i % 5: i for i in acknowledged}
    for node in nodes.nodes.values():
        assert dict(rows_of(node, "SELECT k, v FROM survivors")) == newest
        values = [row[0] for row in rows_of(node, "SELECT v FROM events")]
        assert sorted(values) == acknowledged, f"{len(values)} of {len(acknowledged)}"
    eventually(lambda: len(pushed.rows) >= len(acknowledged))
    pushed.stop()
    assert sorted(v for _, v in pushed.rows) == acknowledged
    for key in range(5):
        of_key = [v for k, v in pushed.rows if k == key]
        assert of_key == sorted(of_key), f"out of order: {of_key[:20]}"


@case
def a_node_that_was_frozen_shows_nothing_old():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE fresh (k INT PRIMARY KEY, v INT) WITH (partitions = 6)")
    run_on(nodes.nodes[1], "INSERT INTO fresh VALUES (1, 1)")
    with connect(nodes.nodes[2]) as reader:
        assert reader.execute("SELECT v FROM fresh WHERE k = 1").fetchone() == (1,)
        nodes.nodes[2].freeze()
        eventually(lambda: all(partition.leader != 2 for partition in
                               metadata_of(nodes.nodes[1], "fresh").topics["fresh"].partitions.values()))
        for v in range(2, 20):
            run_on(nodes.nodes[1], f"INSERT INTO fresh VALUES (1, {v})")
        nodes.nodes[2].thaw()
        assert reader.execute("SELECT v FROM fresh WHERE k = 1").fetchone() == (19,)
    all_is_well(nodes)


def is_waiting_at(node, pattern, future):
    """Waits until the statement of the future runs at the node, or has ended. Returns whether it still runs."""
    with connect(node) as looks:
        eventually(lambda: future.done() or looks.execute(
            "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE %s", (pattern,)).fetchall())
    return not future.done()


@case
def a_statement_that_waits_at_a_frozen_node_continues_when_the_node_wakes():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE slept (k INT PRIMARY KEY, v INT) WITH (partitions = 1)")
    run_on(nodes.nodes[1], "INSERT INTO slept VALUES (1, 1)")
    updates, is_caught = 0, False
    while not is_caught:  # another node can become the leader, and answer the statement, before the freeze of `asked`
        leader = leader_of(nodes, "slept")
        asked, other = (node for node in nodes.nodes.values() if node is not leader)
        with connect(asked) as writer, ThreadPoolExecutor(1) as at_once:
            leader.freeze()
            written = at_once.submit(writer.execute, "UPDATE slept SET v = v + 1 WHERE k = 1")
            is_caught = is_waiting_at(asked, "UPDATE slept%", written)
            if is_caught:
                asked.freeze()
                time.sleep(11)  # longer than any node waits for a leader
            leader.thaw()
            asked.thaw()
            assert written.result(patience(60)).rowcount == 1
            updates += 1
        assert rows_of(other, "SELECT v FROM slept WHERE k = 1") == [(1 + updates,)]
        all_is_well(nodes)


@case
def a_read_at_the_node_that_wrote_a_statement_sees_all_of_it():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE whole (k INT PRIMARY KEY, n INT) WITH (partitions = 4)")
    stopping = threading.Event()

    def write(one):
        for first in range(0, 8000, 8):
            if stopping.is_set():
                return
            rows = ", ".join(f"({k}, 0)" for k in range(first, first + 8))
            if first % 3 == 0:
                one.execute(f"INSERT INTO whole VALUES {rows}")
            elif first % 3 == 1:
                with one.transaction():
                    for k in range(first, first + 8):
                        one.execute(f"INSERT INTO whole VALUES ({k}, 0)")
            else:
                with one.cursor().copy("COPY whole FROM STDIN") as copy:
                    for k in range(first, first + 8):
                        copy.write_row((k, 0))
            one.execute("UPDATE whole SET n = n + 1 WHERE k < 80")

    with connect(nodes.nodes[2]) as one, connect(nodes.nodes[2]) as another, ThreadPoolExecutor(1) as at_once:
        written = at_once.submit(write, one)
        try:
            for _ in range(300):
                count, = another.execute("SELECT COUNT(*) FROM whole").fetchone()
                assert count % 8 == 0, count
                least, most = another.execute("SELECT MIN(n), MAX(n) FROM whole WHERE k < 8").fetchone()
                assert least == most, (least, most)
        finally:
            stopping.set()
        written.result(60)
    all_is_well(nodes)


def is_refused_or_leads(node, topic, read):
    """The remaining node may have become the leader by then, and then it may answer. This holds for a topic of one
    partition, since a look-up asks only the leader of its key's partition, and the leaders of several partitions
    change one after the other."""
    try:
        read()
    except psycopg.Error as error:
        assert "not known up to which offset" in str(error), error
        return
    leader = metadata_of(node, topic).topics[topic].partitions[0].leader
    assert leader == node.number, f"the node has asked no other node, but {leader} leads"


@timed
@case
def a_read_that_may_be_old_needs_no_other_node():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE aged (k INT PRIMARY KEY, v INT) WITH (partitions = 1)",
           "CREATE STREAM ages (k INT KEY, v INT)",
           "CREATE TABLE counted_ages AS SELECT k, COUNT(*) AS n FROM ages GROUP BY k")
    run_on(nodes.nodes[1], "INSERT INTO aged VALUES (1, 1)", "INSERT INTO ages VALUES (1, 1)")
    queries = ("SELECT v FROM aged WHERE k = 1", "SELECT COUNT(*) FROM aged", "SELECT n FROM counted_ages WHERE k = 1")
    with connect(nodes.nodes[2], read__staleness="10min") as reader:
        for v in range(1, 30):  # nevertheless the session sees its own rows
            reader.execute("INSERT INTO aged VALUES (1, %s)", (v,))
            assert reader.execute(queries[0]).fetchall() == [(v,)]
        reader.execute("INSERT INTO aged VALUES (1, 1)")
        for query in queries:
            eventually(lambda query=query: reader.execute(query).fetchall() == [(1,)])
        nodes.nodes[1].freeze()
        nodes.nodes[3].freeze()
        try:
            began = time.monotonic()
            for query in queries:
                assert reader.execute(query).fetchall() == [(1,)]
            check_took_less(began, 2)
            is_refused_or_leads(nodes.nodes[2], "aged", lambda: rows_of(nodes.nodes[2], queries[0]))  # after 5 s
            reader.execute("SET read.staleness = '2s'")  # the last known end is older than this limit
            is_refused_or_leads(nodes.nodes[2], "aged", lambda: reader.execute(queries[0]))
        finally:
            nodes.nodes[1].thaw()
            nodes.nodes[3].thaw()
        eventually(lambda: rows_of(nodes.nodes[2], queries[0]) == [(1,)], 60)
    all_is_well(nodes)


@case
def rows_are_written_while_etcd_is_away_at_a_node_that_has_just_started():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE early (k INT PRIMARY KEY, v INT) WITH (partitions = 4)")
    nodes.nodes[2].kill()
    nodes.nodes[2].start()
    all_is_well(nodes)
    nodes.etcd.kill()
    try:
        run_on(nodes.nodes[2], *(f"INSERT INTO early VALUES ({k}, 0)" for k in range(8)),
               "INSERT INTO early VALUES (1, 1) ON CONFLICT (k) DO UPDATE SET v = early.v + 1")
        assert rows_of(nodes.nodes[1], "SELECT COUNT(*), SUM(v) FROM early") == [(8, 1)]
    finally:
        nodes.etcd.start()
    all_is_well(nodes)


@case
def all_nodes_are_killed_and_everything_is_kept():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE durable (k INT PRIMARY KEY, v INT)")
    run_on(nodes.nodes[1], *(f"INSERT INTO durable VALUES ({i}, {i})" for i in range(30)))
    for node in nodes.nodes.values():
        node.kill()
    nodes.start_all()
    all_is_well(nodes)
    for node in nodes.nodes.values():
        assert rows_of(node, "SELECT COUNT(*), SUM(v) FROM durable") == [(30, 435)]


@case
def a_write_reports_that_too_few_replicas_have_it():
    nodes = sql_cluster()
    define(nodes, "CREATE STREAM lonely (v INT) WITH (partitions = 1)")
    run_on(nodes.nodes[1], "INSERT INTO lonely VALUES (1)")
    nodes.nodes[2].kill()
    nodes.nodes[3].kill()
    told = refusal(nodes.nodes[1], "INSERT INTO lonely VALUES (2)")
    assert "in sync" in told or "has no leader" in told or "leads the partition" in told or "not known" in told, told
    try:  # while the leader is alive, visible rows can be read; otherwise the readable end is unknown
        assert rows_of(nodes.nodes[1], "SELECT v FROM lonely") == [(1,)]
    except psycopg.Error as error:
        assert "not known up to which offset" in str(error), error
    nodes.start_all()
    all_is_well(nodes)
    run_on(nodes.nodes[1], "INSERT INTO lonely VALUES (3)")
    values = [row[0] for row in rows_of(nodes.nodes[2], "SELECT v FROM lonely")]
    assert values in ([1, 3], [1, 2, 3]), values


@case
def without_etcd_nothing_is_defined_and_all_else_goes_on():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE ongoing (k INT PRIMARY KEY, v INT)")
    with connect(nodes.nodes[3]) as c:
        c.execute("INSERT INTO ongoing VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7)")
        nodes.etcd.kill()
        told = refusal(nodes.nodes[1], "CREATE STREAM impossible (v INT)")
        assert "etcd does not answer" in told, told
        c.execute("INSERT INTO ongoing VALUES (1, 10)")
        assert c.execute("SELECT SUM(v) FROM ongoing").fetchone() == (37,)
    nodes.etcd.start()
    all_is_well(nodes)


@case
def statements_that_are_missing_in_a_cluster_are_refused():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE target (k INT PRIMARY KEY, v INT)")
    node = nodes.nodes[2]
    assert "not supported in a cluster yet" in refusal(node, "CREATE MATERIALIZED VIEW seen AS SELECT v, COUNT(*) AS n FROM target GROUP BY v")
    for statement in ("ALTER TABLE target ALTER COLUMN v TYPE BIGINT", "ALTER TABLE target ADD COLUMN w INT DEFAULT 1"):
        with connect(node) as client:
            client.execute(statement)
    assert rows_of(node, "SELECT COUNT(*) FROM target") == [(0,)]
    assert rows_of(node, "SELECT data_type FROM information_schema.columns WHERE table_name = 'target' AND column_name IN ('v', 'w') ORDER BY ordinal_position") == [
        ("bigint",), ("integer",)]


@case
def rows_that_are_sent_together_may_belong_to_several_partitions():
    """Rows that are sent together: psycopg's executemany, batches of JDBC, statements in one text."""
    nodes = sql_cluster()
    define(nodes, "CREATE STREAM sent (id INT KEY, v INT) WITH (partitions = 5)",
           "CREATE TABLE kept (id INT PRIMARY KEY, v INT) WITH (partitions = 5)")
    for number, node in nodes.nodes.items():
        with connect(node) as c, c.cursor() as cursor:
            cursor.executemany("INSERT INTO sent VALUES (%s, %s)", [(i, number) for i in range(100)])
            c.execute("; ".join(f"INSERT INTO kept VALUES ({number * 100 + i}, {i})" for i in range(20)))
        assert rows_of(node, "SELECT COUNT(*) FROM kept") == [(number * 20,)]
    for node in nodes.nodes.values():
        seen = sorted((row[0], row[1]) for row in rows_of(node, "SELECT v, id FROM sent"))
        assert seen == sorted((number, i) for number in nodes.nodes for i in range(100)), len(seen)


@case
def a_transaction_over_several_partitions_is_visible_whole_or_not_at_all():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE apart (id INT PRIMARY KEY, v INT) WITH (partitions = 5)",
           "CREATE STREAM told (id INT KEY, v INT) WITH (partitions = 3)")
    for number, node in nodes.nodes.items():
        with connect(node) as c:
            c.autocommit = False
            for i in range(30):
                c.execute(f"INSERT INTO apart VALUES ({number * 100 + i}, 0)")
                c.execute(f"INSERT INTO told VALUES ({number * 100 + i}, 0)")
            assert c.execute("SELECT COUNT(*) FROM apart").fetchall() == [(30 * number,)]  # also its own rows
            for other in nodes.nodes.values():
                assert rows_of(other, "SELECT COUNT(*) FROM apart") == [(30 * (number - 1),)]
            c.commit()
            for other in nodes.nodes.values():
                assert rows_of(other, "SELECT COUNT(*) FROM apart") == [(30 * number,)], other.number
                assert len(rows_of(other, "SELECT id FROM told")) == 30 * number, other.number
            c.execute("SAVEPOINT before")
            c.execute("DELETE FROM apart")
            c.execute("ROLLBACK TO before")
            c.execute("UPDATE apart SET v = v + 1")
            c.commit()
            c.execute("DELETE FROM apart")
            c.rollback()
    for node in nodes.nodes.values():
        assert sorted(rows_of(node, "SELECT v, COUNT(*) FROM apart GROUP BY v")) == [(1, 30), (2, 30), (3, 30)]


@case
def rows_behind_a_transaction_that_is_open_are_waited_for():
    """A statement never misses acknowledged rows. It waits for them, and fails with the reason if this takes too long.
    """
    if Producer is None:
        raise Skipped("confluent-kafka is not installed")
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE behind (id INT PRIMARY KEY, v INT) WITH (kafka_topic = 'behind', partitions = 1)")
    producer = Producer({"bootstrap.servers": nodes.bootstrap, "transactional.id": "slow"})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce("behind", key=(5).to_bytes(4, "big"), value=b'{"V": 5}')
    producer.flush(30)
    with connect(nodes.nodes[2]) as c:
        c.execute("INSERT INTO behind VALUES (1, 1), (2, 1)")
        c.execute("SET 'read.wait.ms' = '700'")
        for statement in ("SELECT * FROM behind", "UPDATE behind SET v = 2 WHERE id = 1", "INSERT INTO behind VALUES (1, 9) ON CONFLICT DO NOTHING"):
            begun = time.monotonic()
            try:
                c.execute(statement)
            except psycopg.errors.ObjectNotInPrerequisiteState as error:
                assert "acknowledged rows of table BEHIND follow an open transaction" in str(error), error
                assert "read.wait.ms" in error.diag.message_hint, error.diag.message_hint
                assert time.monotonic() - begun > 0.6, time.monotonic() - begun
            else:
                raise AssertionError(f"answered: {statement}")
        c.execute("SET 'read.wait.ms' = '20000'")
        threading.Timer(1, producer.commit_transaction, (30,)).start()
        assert c.execute("UPDATE behind SET v = v + 1").rowcount == 3
        assert sorted(c.execute("SELECT id, v FROM behind").fetchall()) == [(1, 2), (2, 2), (5, 6)]


@case
def tables_over_one_topic_are_written_in_one_transaction():
    nodes = sql_cluster()
    define(nodes, "CREATE STREAM both (id INT KEY, v INT) WITH (kafka_topic = 'both', partitions = 3)",
           "CREATE STREAM also (id INT KEY, v INT) WITH (kafka_topic = 'both', partitions = 3)")
    with connect(nodes.nodes[2]) as c:
        c.execute("BEGIN")
        for i in range(20):
            c.execute(f"INSERT INTO both VALUES ({i}, 1)")
            c.execute(f"INSERT INTO also VALUES ({i}, 2)")
        c.execute("COMMIT")
    for node in nodes.nodes.values():
        assert sorted(rows_of(node, "SELECT id, v FROM both")) == sorted((i, v) for i in range(20) for v in (1, 2)), node.number


@case
def a_transaction_that_others_overtake_in_one_of_its_partitions_writes_nothing():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE disputed (id INT PRIMARY KEY, v INT) WITH (partitions = 5)",
           "INSERT INTO disputed VALUES " + ", ".join(f"({i}, 0)" for i in range(20)))
    with connect(nodes.nodes[1]) as c, connect(nodes.nodes[2]) as other:
        c.execute("BEGIN")
        c.execute("UPDATE disputed SET v = v + 1")
        other.execute("UPDATE disputed SET v = 10 WHERE id = 7")
        try:
            c.execute("COMMIT")
        except psycopg.Error as error:
            assert error.sqlstate == "40001" and "Nothing of the transaction was written" in error.diag.message_detail, error
        else:
            raise AssertionError("committed")
        seen = dict(c.execute("SELECT id, v FROM disputed").fetchall())
        assert seen == {i: 10 if i == 7 else 0 for i in range(20)}, seen
        c.execute("BEGIN")
        c.execute("UPDATE disputed SET v = v + 1")
        c.execute("COMMIT")
    for node in nodes.nodes.values():
        assert dict(rows_of(node, "SELECT id, v FROM disputed")) == {i: 11 if i == 7 else 1 for i in range(20)}


@case
def a_join_by_key_sees_the_rows_that_other_nodes_wrote():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE heads (id INT PRIMARY KEY, partner INT, n INT)",
           "CREATE TABLE partners (id INT PRIMARY KEY, n INT) WITH (partitions = 3)")
    join = "SELECT h.n, p.n FROM heads h JOIN partners p ON p.id = h.partner"
    with connect(nodes.nodes[1]) as a, connect(nodes.nodes[2]) as b, connect(nodes.nodes[3]) as c:
        sessions = [a, b, c]
        for i in range(45):
            writer, reader = sessions[i % 3], sessions[(i + 1) % 3]
            writer.execute("INSERT INTO heads VALUES (%s, %s, %s)", (i % 5, i, i))
            writer.execute("INSERT INTO partners VALUES (%s, %s)", (i, -i))
            assert reader.execute(f"{join} WHERE h.id = {i % 5}").fetchall() == [(i, -i)], i
            assert len(reader.execute(f"{join} LIMIT 3").fetchall()) == min(i + 1, 3), i


@case
def transfers_at_all_nodes_leave_the_sum_as_it_was():
    """Each transfer moves an amount between rows of different partitions, and starts again if another transfer was
    faster."""
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE purses (id INT PRIMARY KEY, v INT) WITH (partitions = 5)",
           "INSERT INTO purses VALUES " + ", ".join(f"({i}, 100)" for i in range(10)))
    failures, overtaken = [], []

    def transfer(node, first):
        try:
            with connect(node) as c:
                c.autocommit = False
                done = 0
                while done < 15:
                    try:
                        c.execute(f"UPDATE purses SET v = v - 1 WHERE id = {first}")
                        c.execute(f"UPDATE purses SET v = v + 1 WHERE id = {(first + 1 + done) % 10}")
                        c.commit()
                        done += 1
                    except psycopg.errors.SerializationFailure as error:
                        overtaken.append(error)
                        c.rollback()
        except psycopg.Error as error:
            failures.append(error)

    threads = [threading.Thread(target=transfer, args=(node, i)) for i in range(2) for node in nodes.nodes.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    for node in nodes.nodes.values():
        assert rows_of(node, "SELECT SUM(v), COUNT(*) FROM purses") == [(1000, 10)], node.number


@case
def numbers_of_a_sequence_are_given_once_by_all_nodes():
    nodes = sql_cluster()
    define(nodes, "CREATE SEQUENCE shared START 5", "CREATE TABLE numbered (id BIGINT PRIMARY KEY DEFAULT nextval('shared'), v INT)")
    given, failures = [], []

    def take(node):
        try:
            with connect(node) as c:
                for _ in range(100):
                    given.append(c.execute("SELECT nextval('shared')").fetchone()[0])
                    c.execute("INSERT INTO numbered (v) VALUES (1), (2)")
        except psycopg.Error as error:
            failures.append(error)

    takers = [threading.Thread(target=take, args=(node,)) for node in nodes.nodes.values()]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    assert not failures, failures
    there = [row[0] for row in rows_of(nodes.nodes[1], "SELECT id FROM numbered")]
    everything = given + there
    assert len(everything) == len(set(everything)) == 3 * 300 and min(everything) >= 5, (len(everything), len(set(everything)))
    # One node executes setval(). The other nodes must learn of the new position of the sequence.
    run_on(nodes.nodes[2], "SELECT setval('shared', 100000)")
    eventually(lambda: rows_of(nodes.nodes[3], "SELECT nextval('shared')")[0][0] > 100000)
    run_on(nodes.nodes[1], "DROP TABLE numbered", "DROP SEQUENCE shared")


@case
def each_node_shows_all_nodes():
    nodes = sql_cluster()
    define(nodes, "CREATE STREAM counted (k INT KEY, v INT)")
    all_is_well(nodes)
    for number, node in nodes.nodes.items():
        shown = {}

        def all_are_there(node=node, shown=shown):
            shown.clear()
            shown.update((row[0], row) for row in rows_of(node, "SHOW CLUSTER"))
            return {row[1] for row in shown.values()} == {"there"} and \
                all(row[4] == row[5] > 0 for row in shown.values())  # all replicas are in sync
        wait_until(all_are_there, lambda shown=shown: str(shown))
        assert sorted(shown) == [1, 2, 3], shown
        assert [row[0] for row in shown.values() if "this one" in (row[2] or "")] == [number], shown
        assert {row[6] for row in shown.values()} == {each.kafka for each in nodes.nodes.values()}, shown
        led = rows_of(node, "SELECT SUM(leads), COUNT(*) FROM millrace_catalog.cluster WHERE state = 'there'")
        assert led == [(sum(row[3] for row in shown.values()), 3)], led


@case
def the_server_reports_its_nodes():
    nodes = sql_cluster()
    for number, node in nodes.nodes.items():
        facts = {}

        def all_are_there(node=node, facts=facts):
            facts.update((row[1], row[2]) for row in rows_of(node, "SHOW SERVER") if row[0] == "cluster")
            return facts["partitions without a leader"] == "0" and \
                all(facts[f"node {each}"].startswith("there") for each in nodes.nodes)
        wait_until(all_are_there, lambda facts=facts: str(facts))
        assert "this one" in facts[f"node {number}"], facts


@case
def each_node_shows_the_groups_of_all():
    nodes = sql_cluster()
    if Consumer is None:
        raise Skipped("confluent_kafka is not installed")
    define(nodes, "CREATE STREAM grouped (id INT KEY, v INT) WITH (partitions = 1)")
    run_on(nodes.nodes[1], "INSERT INTO grouped VALUES (1, 1), (2, 2), (3, 3)")
    create_topic(nodes, "at_one_node", assignment=[[1], [2], [3]])
    for partition in range(3):
        producer = Producer({"bootstrap.servers": nodes.bootstrap})
        producer.produce("at_one_node", b"v", partition=partition)
        assert producer.flush(patience(20)) == 0
    lags = {f"shown {i}": 3 - i % 3 for i in range(9)}
    for i, group in enumerate(lags):
        consumer = Consumer({"bootstrap.servers": nodes.bootstrap, "group.id": group})
        consumer.commit(offsets=[TopicPartition("grouped", 0, i % 3), *(TopicPartition("at_one_node", each, 0) for each in range(3))],
                        asynchronous=False)
        consumer.close()

    def are_shown(node):
        notices = []
        with connect(node) as c:
            c.add_notice_handler(lambda notice: notices.append(notice.message_primary))
            groups = {row[0] for row in c.execute("SHOW CONSUMER GROUPS").fetchall()}
            shown = c.execute("SELECT topic, \"group\", lag FROM millrace_catalog.consumer_lag").fetchall()
        elsewhere = [lag for topic, group, lag in shown if topic == "at_one_node"]
        return (set(lags) <= groups and {group: lag for topic, group, lag in shown if topic == "grouped"} == lags and not notices
                and set(elsewhere) <= {1, None} and elsewhere.count(None) == (0 if nodes.nodes[3].is_running() else len(lags)))

    for node in nodes.nodes.values():
        eventually(lambda node=node: are_shown(node))
    nodes.nodes[3].kill()
    for number in (1, 2):
        eventually(lambda number=number: are_shown(nodes.nodes[number]))
    nodes.nodes[3].start()
    all_is_well(nodes)


def samples_of(node):
    """Returns the metrics of its page for Prometheus: {family with labels: value}."""
    with urllib.request.urlopen(f"http://{node.http}/metrics", timeout=30) as page:
        lines = [line.rsplit(" ", 1) for line in page.read().decode().splitlines() if not line.startswith("#")]
    return [(name, float(value)) for name, value in lines]


@case
def one_of_all_nodes_reports_each_query_and_partition():
    nodes = sql_cluster()
    define(nodes, "CREATE STREAM metered (id INT KEY, v INT) WITH (partitions = 2)",
           "CREATE STREAM metered_copy AS SELECT * FROM metered")
    run_on(nodes.nodes[2], "INSERT INTO metered VALUES (1, 1), (2, 1), (3, 2), (4, 2), (5, 3)")

    def is_told_once():
        told = [each for node in nodes.nodes.values() for each in samples_of(node)]
        of_query = [(name, value) for name, value in told if 'query="CSAS_METERED_COPY' in name]
        states = sorted(re.search('state="([A-Z]+)"', name).group(1) for name, _ in of_query if "query_state{" in name)
        read = [value for name, value in of_query if name.startswith("millrace_query_records_total{")]
        ends = [value for name, value in told if name.startswith('kafka_topic_partition_current_offset{topic="metered"')]
        there = [value for name, value in told if name == "millrace_cluster_nodes_there"]
        controllers = [value for name, value in told if name == "millrace_cluster_is_controller"]
        return (states == ["RUNNING", "STANDBY", "STANDBY"] and read == [5] and (len(ends), sum(ends)) == (2, 5)
                and there == [3, 3, 3] and sorted(controllers) == [0, 0, 1])

    eventually(is_told_once)


@case
def a_key_moves_within_a_transaction():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE versions (version VARCHAR PRIMARY KEY, n INT) WITH (partitions = 3)")
    run_on(nodes.nodes[1], "INSERT INTO versions VALUES ('a', 1), ('b', 2)")

    def rows():
        return sorted(rows_of(nodes.nodes[3], "SELECT version, n FROM versions"))
    with connect(nodes.nodes[2]) as mover:
        mover.autocommit = False
        mover.execute("UPDATE versions SET version = 'c' WHERE version = 'a'")
        assert rows() == [("a", 1), ("b", 2)], rows()
        mover.commit()
        assert rows() == [("b", 2), ("c", 1)], rows()
        for meanwhile, after in (("INSERT INTO versions VALUES ('d', 3)", [("b", 2), ("c", 1), ("d", 3)]),
                                 ("UPDATE versions SET n = 4 WHERE version = 'c'", [("b", 2), ("c", 4), ("d", 3)])):
            to = "d" if "INSERT" in meanwhile else "e"
            mover.execute(f"UPDATE versions SET version = '{to}' WHERE version = 'c'")
            run_on(nodes.nodes[1], meanwhile)
            try:
                mover.commit()
                raise AssertionError(f"not refused: {meanwhile}")
            except psycopg.errors.SerializationFailure:
                mover.rollback()
            assert rows() == after, rows()
        try:
            mover.execute("UPDATE versions SET version = 'b' WHERE version = 'c'")
            raise AssertionError("not refused")
        except psycopg.errors.UniqueViolation:
            mover.rollback()


@case
def keys_move_from_any_node_at_the_same_time():
    nodes = sql_cluster()
    count = 12
    define(nodes, "CREATE TABLE moved (k INT PRIMARY KEY, v INT) WITH (partitions = 3)")
    run_on(nodes.nodes[1], *(f"INSERT INTO moved VALUES ({k}, {k})" for k in range(count)))
    with connect(nodes.nodes[2]) as c:
        told = sorted(c.execute("UPDATE moved SET k = k + 100 WHERE k < 3 RETURNING k, v").fetchall())
        assert told == [(100, 0), (101, 1), (102, 2)], told
        assert c.execute("UPDATE moved SET k = k - 100 WHERE k >= 100").rowcount == 3
    assert refusal(nodes.nodes[2], "UPDATE moved SET k = 1 WHERE k = 2", psycopg.errors.UniqueViolation)
    stop, raised, failures = threading.Event(), [], []

    def move(node, mine):
        with connect(node) as c:
            at, steps = {k: k for k in mine}, 0
            while not stop.is_set():
                k = mine[steps % len(mine)]
                steps += 1
                to = at[k] + 1000
                # Another session increases `v` of this row meanwhile.
                if c.execute("UPDATE moved SET k = %s WHERE k = %s", (to, at[k])).rowcount != 1:
                    failures.append((k, at[k]))
                at[k] = to

    def raise_all(node):
        with connect(node) as c:
            while not stop.is_set():
                try:
                    if c.execute("UPDATE moved SET v = v + 100 WHERE k % 1000 = 5").rowcount == 1:
                        raised.append(1)
                except psycopg.errors.LockNotAvailable:
                    pass

    threads = [threading.Thread(target=move, args=(nodes.nodes[n], range(n - 1, count, 3))) for n in (1, 2, 3)]
    threads += [threading.Thread(target=raise_all, args=(nodes.nodes[1],))]
    for thread in threads:
        thread.start()
    eventually(lambda: failures or len(raised) >= 20, 90)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures, failures
    rows = sorted((k % 1000, v) for k, v in rows_of(nodes.nodes[3], "SELECT k, v FROM moved"))
    assert rows == [(k, k + (100 * len(raised) if k == 5 else 0)) for k in range(count)], (rows, len(raised))
    assert raised


@case
def rows_are_read_while_too_few_replicas_are_in_sync_to_write():
    nodes = sql_cluster()
    create_topic(nodes, "halves", assignment=[[1, 2], [2, 1]])
    define(nodes, "CREATE TABLE halves (k INT PRIMARY KEY, v INT) WITH (kafka_topic = 'halves', key_format = 'KAFKA', "
           "value_format = 'JSON')")
    run_on(nodes.nodes[3], *(f"INSERT INTO halves VALUES ({k}, {k})" for k in range(20)))
    time.sleep(1)  # each follower knows that all records are visible: it learns this with its next request, and shows it nowhere
    nodes.nodes[2].kill()
    for node in (nodes.nodes[1], nodes.nodes[3]):
        eventually(lambda node=node: all(partition.leader == 1 and partition.isrs == [1] for partition in
                                         metadata_of(node, "halves").topics["halves"].partitions.values()))
        assert rows_of(node, "SELECT COUNT(*), SUM(v) FROM halves") == [(20, 190)]
        assert rows_of(node, "SELECT v FROM halves WHERE k = 7") == [(7,)]
    refused = []
    writer = threading.Thread(target=lambda: refused.append(refusal(nodes.nodes[3], "INSERT INTO halves VALUES (20, 20), (21, 21)")))
    writer.start()
    while writer.is_alive():  # a reader does not wait for a writer that gets no acknowledgement
        assert rows_of(nodes.nodes[3], "SELECT COUNT(*) FROM halves") == [(20,)]
    writer.join()
    assert "min.insync.replicas asks for 2" in refused[0], refused
    nodes.nodes[2].start()
    all_is_well(nodes)
    run_on(nodes.nodes[3], "INSERT INTO halves VALUES (20, 20)")
    assert rows_of(nodes.nodes[2], "SELECT COUNT(*) FROM halves") == [(21,)]


run()
