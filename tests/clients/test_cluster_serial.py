#!/usr/bin/python3
"""SERIAL in a cluster of three: no number is assigned twice, whichever node assigns it or dies, and no number that a
user has already given to a row."""
import os
import random
import threading
import time

from cluster_cases import all_is_well, cluster
from cluster_nodes import eventually
from cluster_sql import connect, define, psycopg, rows_of, run_on
from millrace_server import Deadline, Skipped, case, check_took_less, run, timed


def sql_cluster():
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    return cluster()


def refusal(node, statement):
    try:
        run_on(node, statement)
    except psycopg.Error as error:
        return str(error)
    raise AssertionError(f"not refused: {statement}")


class Writer(threading.Thread):
    """Writes rows at a node, some with numbers of its own, and remembers which of them certainly exist."""

    def __init__(self, node, index, own_numbers):
        super().__init__(daemon=True)
        self.node, self.index, self.own_numbers = node, index, own_numbers
        self.rows, self.count, self.stops, self.refusals = {}, 0, False, []

    def run(self):
        while not self.stops:
            try:
                with connect(self.node) as c:
                    while not self.stops:
                        self.write(c)
            except psycopg.Error as error:
                self.refusals.append(str(error))
                time.sleep(0.1)

    def write(self, c):
        self.count += 1
        mark = f"{self.index}-{self.count}"
        if self.own_numbers and self.count % 40 == 0:
            own = self.own_numbers()
            c.execute("INSERT INTO marks (id, mark) VALUES (%s, %s)", (own, mark))
            self.note(own, mark)
        elif self.count % 7 == 0:
            marks = [f"{mark}-{i}" for i in range(5)]
            found = c.execute("INSERT INTO marks (mark) SELECT mark FROM (VALUES " + ", ".join(f"('{each}')" for each in marks) +
                              ") AS v (mark) RETURNING id, mark").fetchall()
            for number, each in found:
                self.note(number, each)
        else:
            self.note(c.execute("INSERT INTO marks (mark) VALUES (%s) RETURNING id", (mark,)).fetchone()[0], mark)

    def note(self, number, mark):
        assert number not in self.rows, f"{number} came twice at one node"
        self.rows[number] = mark


@case
def no_number_comes_twice_over_kills():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE marks (id SERIAL PRIMARY KEY, mark TEXT NOT NULL)")
    lock, last, seed = threading.Lock(), [10_000], int(os.environ.get("MILLRACE_CLUSTER_SEED", "1"))
    print(f"seed {seed}", flush=True)
    chance = random.Random(seed)

    def own_numbers():
        """Numbers far ahead of the generated ones, which then continue behind them."""
        with lock:
            last[0] += 20_000 + chance.randrange(5_000)
            return last[0]
    writers = [Writer(node, 3 * i + node.number, own_numbers if i == 0 else None) for node in nodes.nodes.values() for i in range(2)]
    for writer in writers:
        writer.start()
    for _ in range(4):
        before = sum(len(writer.rows) for writer in writers)
        eventually(lambda before=before: sum(len(writer.rows) for writer in writers) > before + 150, 90)
        node = chance.choice(list(nodes.nodes.values()))
        node.kill()
        time.sleep(chance.uniform(0, 2))
        node.start()
    for writer in writers:
        writer.stops = True
    for writer in writers:
        writer.join(60)
        assert not writer.is_alive()
    all_is_well(nodes)
    expected = {}
    for writer in writers:
        for number, mark in writer.rows.items():
            assert number not in expected, f"{number} was given to {expected[number]} and {mark}"
            expected[number] = mark
    refusals = [refused for writer in writers for refused in writer.refusals]
    print(f"{len(expected)} rows, up to {max(expected)}; {len(refusals)} refusals: {set(refusals)}", flush=True)
    for node in nodes.nodes.values():
        there = dict(rows_of(node, "SELECT id, mark FROM marks"))
        lost = {number: (mark, there.get(number)) for number, mark in expected.items() if there.get(number) != mark}
        assert not lost, f"node {node.number}: {len(lost)} rows are others or gone: {list(lost.items())[:5]}"


@timed
@case
def numbers_that_a_node_has_at_hand_are_not_given_to_others_once_a_row_has_them():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE at_hand (id BIGSERIAL PRIMARY KEY, mark TEXT)")
    with connect(nodes.nodes[1]) as one, connect(nodes.nodes[2]) as other, connect(nodes.nodes[3]) as third:
        def given(c, count=1):
            return [c.execute("INSERT INTO at_hand (mark) VALUES ('given') RETURNING id").fetchone()[0] for _ in range(count)]

        def reserved():
            """Returns how many numbers this node has reserved."""
            return one.execute("SELECT log_cnt FROM at_hand_id_seq").fetchone()[0]
        numbers = given(one, 20)
        end = Deadline(30)
        while reserved() < 5:  # the node reserves more numbers each time, because they are used up fast
            numbers += given(one, 3)
            end.check("nothing is at hand")
        mine = [numbers[-1] + 2, numbers[-1] + 4]
        begun = time.monotonic()
        other.execute("INSERT INTO at_hand VALUES (%s, 'mine'), (%s, 'mine')", mine)
        took = time.monotonic() - begun
        assert took > 3, f"another node could still have allocated them: {took} s"
        numbers += given(one, 50) + given(third, 5) + given(other, 5)
        assert not set(mine) & set(numbers), (mine, numbers)
        # A number far ahead is not reserved by any node. For a number for which this node has already waited, it need
        # not wait again.
        begun = time.monotonic()
        other.execute("INSERT INTO at_hand VALUES (%s, 'mine'), (1000000, 'mine')", (numbers[0],))
        check_took_less(begun, 3)
        assert given(other) > [1_000_000]
        numbers += given(one, 5) + given(third, 5)  # the other nodes may still have reserved lower numbers
        assert len(numbers) == len(set(numbers)) and not {*mine, 1_000_000} & set(numbers), numbers
    assert sorted(rows_of(nodes.nodes[3], "SELECT id FROM at_hand WHERE mark = 'mine'")) == \
        sorted((number,) for number in [*mine, numbers[0], 1_000_000])


@case
def whichever_statement_gives_rows_their_numbers():
    nodes = sql_cluster()
    define(nodes, "CREATE TABLE loaded (id SERIAL PRIMARY KEY, mark TEXT) WITH (partitions = 1)",
           "CREATE TABLE identified (id INT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, mark TEXT)")
    with connect(nodes.nodes[1]) as one, connect(nodes.nodes[2]) as other:
        def next_of(c, behind=0):
            """Checks only that the number exceeds `behind`: a node may still use lower numbers that it reserved."""
            number = c.execute("INSERT INTO loaded (mark) VALUES ('next') RETURNING id").fetchone()[0]
            assert number > behind
            return number

        def copy(text, rows):
            with one.cursor() as cursor, cursor.copy(text) as copying:
                for row in rows:
                    copying.write_row(row)
        copy("COPY loaded FROM STDIN", [(i, "copied") for i in range(1, 5001)])
        next_of(other, behind=5000)
        next_of(one, behind=5000)
        copy("COPY loaded (mark) FROM STDIN", [("numbered",) for _ in range(100)])
        assert rows_of(nodes.nodes[3], "SELECT COUNT(*) FROM loaded") == [(5102,)]
        other.execute("INSERT INTO loaded SELECT id + 100000, 'moved' FROM loaded WHERE id <= 10")
        next_of(other, behind=100_010)
        next_of(one)
        one.execute("INSERT INTO loaded VALUES (200000, 'upserted') ON CONFLICT (id) DO UPDATE SET mark = 'again'")
        next_of(one, behind=200_000)
        with one.transaction():
            one.execute("INSERT INTO loaded VALUES (300000, 'within')")
            next_of(one, behind=300_000)
        next_of(other)
        other.execute("INSERT INTO loaded VALUES (DEFAULT, 'first'), (400000, 'second'), (DEFAULT, 'third')")
        next_of(other, behind=400_000)
        assert rows_of(nodes.nodes[3], "SELECT COUNT(*) FROM loaded") == [(5102 + 10 + 2 + 2 + 3 + 3 + 1,)]
        assert one.execute("INSERT INTO identified (mark) VALUES ('a') RETURNING id").fetchone() == (1,)


@case
def the_sequence_is_the_columns_own():
    nodes = sql_cluster()
    define(nodes, "CREATE SCHEMA shop", "CREATE TABLE shop.orders (id SERIAL PRIMARY KEY, what TEXT)")
    node = nodes.nodes[2]
    assert rows_of(node, "SELECT pg_get_serial_sequence('shop.orders', 'id')") == [("shop.orders_id_seq",)]
    assert rows_of(node, "SELECT column_default, is_nullable FROM information_schema.columns "
                         "WHERE table_name = 'orders' AND column_name = 'id'") == [("nextval('shop.orders_id_seq'::regclass)", "NO")]
    assert "other objects depend on it" in refusal(node, "DROP SEQUENCE shop.orders_id_seq")
    with connect(node) as c:
        assert c.execute("INSERT INTO shop.orders (what) VALUES ('a') RETURNING id").fetchone() == (1,)
        assert c.execute("SELECT currval('shop.orders_id_seq'), lastval()").fetchone() == (1, 1)
        c.execute("SELECT setval('shop.orders_id_seq', 500)")
        assert c.execute("INSERT INTO shop.orders (what) VALUES ('b') RETURNING id").fetchone() == (501,)
        c.execute("CREATE TEMP TABLE own (id SERIAL PRIMARY KEY, v INT)")
        assert c.execute("INSERT INTO own (v) VALUES (7), (8) RETURNING id").fetchall() == [(1,), (2,)]
    run_on(node, "DROP TABLE shop.orders")
    for each in nodes.nodes.values():
        eventually(lambda each=each: rows_of(each, "SELECT COUNT(*) FROM pg_sequences WHERE sequencename IN "
                                                   "('orders_id_seq', 'own_id_seq')") == [(0,)])
    define(nodes, "CREATE STREAM records (id INT KEY, v INT) WITH (partitions = 1)")
    assert "not supported in a cluster yet" in refusal(
        node, "CREATE TABLE over (id SERIAL PRIMARY KEY, v INT) WITH (kafka_topic = 'records')")


run()
