#!/usr/bin/python3
"""Locks, notifications and the processing log of the sessions of three nodes, while a node is killed, frozen
or cut off."""
import atexit
import threading
import time

from cluster_cases import all_is_well, cluster, metadata_of
from cluster_nodes import Cluster, eventually
from cluster_sql import connect, psycopg, run_on, running
from millrace_server import Skipped, case, run
from patience import patience


def sql_cluster():
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    return cluster()


_cut = None


def cut_cluster():
    """Three nodes whose messages pass proxies, which can cut them."""
    global _cut
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    if _cut is None:
        _cut = Cluster(name="links", has_network=True)
        atexit.register(_cut.close)
    _cut.network.heal()
    _cut.start_all()
    all_is_well(_cut)
    return _cut


def value(c, query, *parameters):
    return c.execute(query, parameters).fetchone()[0]


def controller_of(nodes):
    def find():
        return nodes.nodes.get(metadata_of(running(nodes)[0]).controller_id)
    return eventually(find)


class Waiter(threading.Thread):
    """Takes a lock at a node, and waits for it."""

    def __init__(self, node, key):
        super().__init__(daemon=True)
        self.c = connect(node)
        self.key, self.error = key, None
        self.start()

    def run(self):
        try:
            self.c.execute("SELECT pg_advisory_lock(%s)", (self.key,))
        except psycopg.Error as error:
            self.error = error

    def has_it(self):
        return not self.is_alive() and self.error is None


@case
def an_advisory_lock_excludes_the_sessions_of_all_nodes():
    nodes = sql_cluster()
    with connect(nodes.nodes[1]) as a, connect(nodes.nodes[2]) as b, connect(nodes.nodes[3]) as c:
        a.execute("SELECT pg_advisory_lock(7)")
        assert value(b, "SELECT pg_try_advisory_lock(7)") is False
        assert value(c, "SELECT pg_try_advisory_lock_shared(7)") is False
        assert value(c, "SELECT pg_try_advisory_lock(8)") is True
        waiter = Waiter(nodes.nodes[2], 7)
        assert value(a, "SELECT pg_advisory_unlock(7)") is True
        eventually(waiter.has_it)
        assert value(a, "SELECT pg_try_advisory_lock(7)") is False
        waiter.c.close()
        eventually(lambda: value(a, "SELECT pg_try_advisory_lock(7)"))


@case
def an_unlock_is_known_everywhere_when_it_is_answered():
    nodes = sql_cluster()
    with connect(nodes.nodes[1]) as a, connect(nodes.nodes[2]) as b:
        for _ in range(50):
            assert value(a, "SELECT pg_try_advisory_lock(1, 1)") is True
            assert value(a, "SELECT pg_advisory_unlock(1, 1)") is True
            assert value(b, "SELECT pg_try_advisory_lock(1, 1)") is True
            assert value(b, "SELECT pg_advisory_unlock(1, 1)") is True
            with a.transaction():
                a.execute("SELECT pg_advisory_xact_lock(1, 1)")
                assert value(b, "SELECT pg_try_advisory_lock(1, 1)") is False


@case
def the_steps_of_migration_tools_work_at_any_node():
    """golang-migrate, sqlx, Prisma and Rails take a lock, read the state, change it, and unlock. The other nodes then
    do this again, and find the migration done."""
    nodes = sql_cluster()
    done = []

    def migrate(node):
        with connect(node) as c:
            c.execute("SELECT pg_advisory_lock(1234567890)")
            if c.execute("SELECT count(*) FROM migrations WHERE version = 1").fetchone()[0] == 0:
                c.execute("INSERT INTO migrations VALUES (1)")
                done.append(node.number)
            assert value(c, "SELECT pg_advisory_unlock(1234567890)") is True
    run_on(nodes.nodes[1], "CREATE TABLE migrations (version BIGINT PRIMARY KEY)")
    threads = [threading.Thread(target=migrate, args=(nodes.nodes[1 + i % 3],)) for i in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience(60))
    assert len(done) == 1, done


@case
def a_deadlock_between_two_nodes_is_an_error():
    nodes = sql_cluster()
    with connect(nodes.nodes[1]) as a, connect(nodes.nodes[2]) as b:
        a.execute("SELECT pg_advisory_lock(1)")
        b.execute("SELECT pg_advisory_lock(2)")
        errors = []

        def lock(c, key):
            try:
                c.execute("SELECT pg_advisory_lock(%s)", (key,))
            except psycopg.Error as error:
                errors.append(error.sqlstate)
                c.execute("SELECT pg_advisory_unlock_all()")
        threads = [threading.Thread(target=lock, args=each) for each in ((a, 2), (b, 1))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(patience(60))
        assert errors == ["40P01"], errors


@case
def the_locks_of_a_killed_node_are_free_and_those_of_others_stay():
    nodes = sql_cluster()
    controller = controller_of(nodes)
    other, third = (node for node in nodes.nodes.values() if node is not controller)
    with connect(other) as a, connect(third) as b:
        a.execute("SELECT pg_advisory_lock(20)")
        b.execute("SELECT pg_advisory_lock(21)")
        waiter, patient = Waiter(third, 20), Waiter(controller, 21)
        other.kill()
        eventually(waiter.has_it)
        assert not patient.has_it() and patient.error is None
        assert value(b, "SELECT pg_advisory_unlock(21)") is True
        eventually(patient.has_it)


@case
def locks_survive_the_death_of_the_controller():
    nodes = sql_cluster()
    controller = controller_of(nodes)
    one, two = (node for node in nodes.nodes.values() if node is not controller)
    with connect(one) as a, connect(two) as b:
        a.execute("SELECT pg_advisory_lock(30)")
        waiter = Waiter(two, 30)
        controller.kill()
        eventually(lambda: value(b, "SELECT pg_try_advisory_lock(31)"))
        assert value(b, "SELECT pg_try_advisory_lock(30)") is False
        assert value(a, "SELECT pg_advisory_unlock(30)") is True
        eventually(waiter.has_it)


@case
def a_frozen_node_loses_its_locks_and_its_session_learns_of_it():
    nodes = sql_cluster()
    controller = controller_of(nodes)
    one, two = (node for node in nodes.nodes.values() if node is not controller)
    a = connect(one)
    a.execute("SELECT pg_advisory_lock(40)")
    waiter = Waiter(two, 40)
    one.freeze()
    eventually(waiter.has_it, 60)
    one.thaw()
    try:
        a.execute("SELECT 1")
        raise AssertionError("the session continues without its lock")
    except psycopg.OperationalError as error:
        assert "its advisory locks are lost" in str(error), error
    assert value(waiter.c, "SELECT pg_advisory_unlock(40)") is True


@case
def a_node_that_is_cut_off_loses_its_locks():
    nodes = cut_cluster()
    controller = controller_of(nodes)
    one, two = (node for node in nodes.nodes.values() if node is not controller)
    a = connect(one)
    a.execute("SELECT pg_advisory_lock(50)")
    waiter = Waiter(two, 50)
    for other in (controller, two):
        nodes.network.cut(one.number, other.number)
    eventually(waiter.has_it, 60)
    eventually(lambda: a.closed or is_ended(a), 60)


def is_ended(c):
    try:
        c.execute("SELECT 1")
        return False
    except psycopg.OperationalError:
        return True


class Listener:
    """A session that listens. `heard` has its notifications, and `notices` the messages that the server has sent
    without a request."""

    def __init__(self, node, channel):
        self.c = connect(node)
        self.heard, self.notices = [], []
        self.c.add_notify_handler(self.heard.append)
        self.c.add_notice_handler(lambda notice: self.notices.append(notice.message_primary))
        self.c.execute(f"LISTEN {channel}")

    def payloads(self):
        self.c.execute("SELECT 1")  # the driver reads notifications with an answer
        return [notify.payload for notify in self.heard]

    def is_informed(self, payload):
        """Returns whether the session has the message, or an error after which the message may be missing."""
        try:
            return payload in self.payloads()
        except psycopg.OperationalError as error:
            assert "notifications of other nodes may be missing" in f"{error} {self.notices}", (error, self.notices)
            return True


@case
def a_notification_reaches_the_sessions_of_all_nodes():
    nodes = sql_cluster()
    listeners = [Listener(node, "news") for node in nodes.nodes.values()]
    with connect(nodes.nodes[2]) as c:
        pid = c.info.backend_pid
        c.execute("NOTIFY news, 'one'")
        with c.transaction():
            c.execute("SELECT pg_notify('news', 'two')")
            c.execute("SELECT pg_notify('news', 'two')")
            c.execute("NOTIFY other, 'three'")
        with c.transaction(force_rollback=True):
            c.execute("NOTIFY news, 'four'")
        c.execute("NOTIFY news, 'five'")
    for each in listeners:
        assert each.payloads() == ["one", "two", "five"]
        assert {notify.pid for notify in each.heard} == {pid}
        each.c.close()


@case
def a_notification_is_delivered_when_it_is_answered():
    nodes = sql_cluster()
    other = Listener(nodes.nodes[3], "fast")
    with connect(nodes.nodes[1]) as c:
        for i in range(50):
            c.execute(f"NOTIFY fast, '{i}'")
            assert other.payloads() == [str(each) for each in range(i + 1)]


@case
def sessions_of_different_nodes_have_different_numbers():
    nodes = sql_cluster()
    sessions = [connect(node) for node in nodes.nodes.values() for _ in range(3)]
    numbers = {c.info.backend_pid for c in sessions}
    assert len(numbers) == len(sessions), numbers
    for c in sessions:
        assert c.execute("SELECT pg_backend_pid()").fetchone()[0] == c.info.backend_pid
        c.close()


@case
def a_short_cut_delays_notifications_and_a_long_one_ends_the_listener():
    nodes = cut_cluster()
    one, two = nodes.nodes[1], nodes.nodes[2]
    b = Listener(two, "links")
    with connect(one) as a:
        nodes.network.cut(1, 2)
        notifying = threading.Thread(target=a.execute, args=("NOTIFY links, 'late'",))
        notifying.start()
        nodes.network.heal()
        notifying.join(patience(60))
        assert b.payloads() == ["late"]
    b = Listener(two, "links")
    for other in (1, 3):
        nodes.network.cut(2, other)
    with connect(one) as a:
        a.execute("NOTIFY links, 'lost'")
    nodes.network.heal()
    eventually(lambda: b.is_informed("lost"), 60)


@case
def a_listener_of_a_frozen_node_gets_the_message_or_an_error():
    nodes = sql_cluster()
    frozen = next(node for node in nodes.nodes.values() if node is not controller_of(nodes))
    other = next(node for node in nodes.nodes.values() if node is not frozen)
    b = Listener(frozen, "ice")
    frozen.freeze()
    with connect(other) as a:
        a.execute("NOTIFY ice, 'cold'")
    frozen.thaw()
    eventually(lambda: b.is_informed("cold"), 60)


def in_threads(work, nodes, count):
    """Runs work(node) in `count` threads, distributed over the nodes; raises the first error of any thread."""
    errors = []

    def guarded(node):
        try:
            work(node)
        except BaseException as error:  # reported by the caller's thread
            errors.append(error)
    threads = [threading.Thread(target=guarded, args=(nodes.nodes[1 + i % 3],)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience(120))
    if errors:
        raise errors[0]


def error_of(c, statement):
    try:
        c.execute(statement)
    except psycopg.Error as error:
        return error.sqlstate
    return None


@case
def read_and_written_under_a_lock_no_increment_is_lost():
    nodes = sql_cluster()
    run_on(nodes.nodes[1], "CREATE TABLE locked (id INT PRIMARY KEY, v INT)", "INSERT INTO locked VALUES (1, 0)")

    def increment(node):
        with connect(node) as own:
            for _ in range(20):
                with own.transaction():
                    v = value(own, "SELECT v FROM locked WHERE id = 1 FOR UPDATE")
                    own.execute("UPDATE locked SET v = %s WHERE id = 1", (v + 1,))
    in_threads(increment, nodes, 6)
    with connect(nodes.nodes[2]) as c:
        assert value(c, "SELECT v FROM locked WHERE id = 1") == 120


@case
def nowait_fails_and_skip_locked_returns_nothing_while_another_node_has_the_lock():
    nodes = sql_cluster()
    run_on(nodes.nodes[1], "CREATE TABLE skipped (id INT PRIMARY KEY, v INT)", "INSERT INTO skipped VALUES (1, 0), (2, 0)")
    with connect(nodes.nodes[1]) as a, connect(nodes.nodes[2]) as b:
        with a.transaction():
            a.execute("SELECT * FROM skipped WHERE id = 1 FOR UPDATE")
            assert error_of(b, "SELECT * FROM skipped FOR UPDATE NOWAIT") == "55P03"
            assert b.execute("SELECT * FROM skipped FOR UPDATE SKIP LOCKED").fetchall() == []
            b.execute("SET lock_timeout = '300ms'")
            assert error_of(b, "SELECT * FROM skipped FOR SHARE") == "55P03"
            assert b.execute("SELECT count(*) FROM skipped").fetchone() == (2,)
        eventually(lambda: error_of(b, "SELECT * FROM skipped FOR UPDATE NOWAIT") is None)
        assert len(b.execute("SELECT * FROM skipped FOR UPDATE").fetchall()) == 2


@case
def a_queue_of_jobs_gives_each_job_once():
    nodes = sql_cluster()
    run_on(nodes.nodes[1], "CREATE TABLE jobs (id INT PRIMARY KEY, done BOOLEAN)",
           "INSERT INTO jobs SELECT g, false FROM generate_series(1, 30) AS t(g)")
    taken = []

    def work(node):
        with connect(node) as own:
            while value(own, "SELECT count(*) FROM jobs WHERE NOT done") > 0:
                with own.transaction():
                    row = own.execute("SELECT id FROM jobs WHERE NOT done ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED").fetchone()
                    if row is not None:
                        own.execute("UPDATE jobs SET done = true WHERE id = %s", row)
                if row is not None:
                    taken.append(row[0])
    in_threads(work, nodes, 3)
    assert sorted(taken) == list(range(1, 31)), sorted(taken)


@case
def a_change_by_a_session_without_a_lock_is_detected():
    nodes = sql_cluster()
    run_on(nodes.nodes[1], "CREATE TABLE guarded (id INT PRIMARY KEY, v INT)", "INSERT INTO guarded VALUES (1, 10)")
    with connect(nodes.nodes[1]) as a, connect(nodes.nodes[2]) as b:
        a.execute("BEGIN")
        v = value(a, "SELECT v FROM guarded WHERE id = 1 FOR UPDATE")
        b.execute("UPDATE guarded SET v = v + 5 WHERE id = 1")
        a.execute("UPDATE guarded SET v = %s WHERE id = 1", (v + 1,))
        assert error_of(a, "COMMIT") == "40001"
        assert value(a, "SELECT v FROM guarded WHERE id = 1") == 15


@case
def a_row_lock_stays_while_its_commit_waits_for_replicas():
    """The followers are frozen, so the COMMIT waits. A session that got the lock now would read the row without the
    change, and its own COMMIT would fail with 40001."""
    nodes = sql_cluster()
    controller = controller_of(nodes)
    others = [node for node in nodes.nodes.values() if node is not controller]
    with connect(controller) as a, connect(controller) as b, connect(controller) as c:
        a.execute("CREATE TABLE waits (id INT PRIMARY KEY, v INT)")
        a.execute("INSERT INTO waits VALUES (1, 0)")
        a.execute("BEGIN")
        v = value(a, "SELECT v FROM waits WHERE id = 1 FOR UPDATE")
        a.execute("UPDATE waits SET v = %s WHERE id = 1", (v + 1,))
        errors, refused = [], []
        committing = threading.Thread(target=lambda: errors.append(error_of(a, "COMMIT")))

        def is_committing():
            return c.execute("SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query = 'COMMIT'").fetchall()
        for node in others:
            node.freeze()
        try:
            began = time.monotonic()
            committing.start()
            eventually(is_committing)
            active = time.monotonic()
            # A COMMIT ends with an error after 10 s. A statement with LIMIT 0 needs the lock, but no answer of the
            # frozen nodes.
            while time.monotonic() - active < 1.5:
                error = error_of(b, "SELECT v FROM waits WHERE id = 1 LIMIT 0 FOR UPDATE NOWAIT")
                if time.monotonic() - began > 9:
                    break
                refused.append(error)
        finally:
            for node in others:
                node.thaw()
        assert set(refused) <= {"55P03"}, refused
        committing.join(patience(60))
        assert errors and errors[0] != "40001", errors
        if errors == [None]:
            assert value(b, "SELECT v FROM waits WHERE id = 1 FOR UPDATE") == 1


@case
def row_locks_of_a_killed_node_are_released():
    nodes = sql_cluster()
    controller = controller_of(nodes)
    one, two = (node for node in nodes.nodes.values() if node is not controller)
    run_on(two, "CREATE TABLE freed (id INT PRIMARY KEY, v INT)", "INSERT INTO freed VALUES (1, 0)")
    with connect(two) as b:
        a = connect(one)
        a.execute("BEGIN")
        a.execute("SELECT * FROM freed FOR UPDATE")
        assert error_of(b, "SELECT * FROM freed FOR UPDATE NOWAIT") == "55P03"
        one.kill()
        eventually(lambda: error_of(b, "SELECT * FROM freed FOR UPDATE NOWAIT") is None, 60)


@case
def failed_records_are_in_the_processing_log_at_each_node():
    nodes = sql_cluster()
    run_on(nodes.nodes[1], "CREATE STREAM texts (t VARCHAR) WITH (KAFKA_TOPIC = 'texts', VALUE_FORMAT = 'JSON', PARTITIONS = 1)",
           "CREATE STREAM numbers (t INT) WITH (KAFKA_TOPIC = 'texts', VALUE_FORMAT = 'JSON')",
           "CREATE STREAM copied AS SELECT t + 1 AS u FROM numbers", "INSERT INTO texts VALUES ('not a number')")
    for node in nodes.nodes.values():
        with connect(node) as c:
            eventually(lambda c=c: [row for row in c.execute("SELECT * FROM KSQL_PROCESSING_LOG").fetchall()
                                    if "texts" in str(row)], 60)


run()
