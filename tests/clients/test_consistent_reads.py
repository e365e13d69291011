#!/usr/bin/python3
"""SELECTs at barriers: transfers between accounts pass three queries in a row, in four partitions. The sum of all
balances is 0 in each answer with read.consistency = 'prefix', and is not always 0 with 'latest'."""
import http.client
import itertools
import json
import os
import random
import shutil
import signal
import tempfile
import threading
import urllib.request
from collections import Counter

from millrace_server import Skipped, case, has_limit, launch, run, wait_until
from patience import Deadline

try:
    import psycopg
except ImportError:
    psycopg = None

ACCOUNTS, BRANCHES, PARTITIONS = 40, 5, 4
READS = int(os.environ.get("CONSISTENT_READS", "300"))  # by all readers together
READERS = int(os.environ.get("CONSISTENT_READERS", "8"))
SEED = int(os.environ.get("CONSISTENT_SEED", "1"))
SUMS = "SELECT SUM(balance) FROM named"
TOGETHER = "SELECT (SELECT SUM(balance) FROM balances), (SELECT SUM(balance) FROM with_branch), (SELECT SUM(balance) FROM named)"
STATEMENTS = [
    f"CREATE STREAM moves (id INT KEY, account INT, amount INT) WITH (PARTITIONS = {PARTITIONS})",
    f"CREATE TABLE owners (account INT PRIMARY KEY, branch INT) WITH (PARTITIONS = {PARTITIONS})",
    f"CREATE TABLE branches (branch INT PRIMARY KEY, name VARCHAR) WITH (PARTITIONS = {PARTITIONS})",
    "INSERT INTO branches VALUES " + ", ".join(f"({b}, 'branch {b}')" for b in range(BRANCHES)),
    "INSERT INTO owners VALUES " + ", ".join(f"({a}, {a % BRANCHES})" for a in range(ACCOUNTS)),
    "CREATE TABLE balances AS SELECT account, SUM(amount) AS balance FROM moves GROUP BY account",
    "CREATE TABLE with_branch AS SELECT b.account AS account, o.branch AS branch, b.balance AS balance "
    "FROM balances b JOIN owners o ON b.account = o.account",
    "CREATE TABLE named AS SELECT w.account AS account, r.name AS name, w.balance AS balance "
    "FROM with_branch w JOIN branches r ON w.branch = r.branch",
]


class Bank:
    """A server with accounts, and a writer that moves money between them until stop()."""
    def __init__(self):
        if psycopg is None:
            raise Skipped("psycopg is not installed")
        self.data = tempfile.mkdtemp(prefix="millrace-bank-")
        self.server = launch("--shards", "2", data_dir=self.data)
        with self.connect() as c:
            for statement in STATEMENTS:
                c.execute(statement)
        self.moves = 0
        self.is_over = threading.Event()
        self.writer = threading.Thread(target=self.write)

    def connect(self, consistency="latest"):
        c = psycopg.connect(host=self.server.host, port=self.server.port, user="test", dbname="millrace", autocommit=True)
        c.execute("SET read.wait.ms = 60000")
        c.execute(f"SET read.consistency = '{consistency}'")
        return c

    def write(self):
        chance = random.Random(1)
        while not self.is_over.is_set():
            try:
                with self.connect() as c:
                    while not self.is_over.is_set():
                        giver = chance.randrange(ACCOUNTS)
                        taker = giver ^ 1  # so that the balances of accounts 0 and 1 have the sum 0, too
                        amount = chance.randrange(1, 1000)
                        self.moves += 1
                        c.execute(f"INSERT INTO moves VALUES ({2 * self.moves}, {giver}, {-amount}), "
                                  f"({2 * self.moves + 1}, {taker}, {amount})")
            except psycopg.Error:
                pass  # the server is being killed

    def __enter__(self):
        self.writer.start()
        with self.connect() as c:
            wait_until(lambda: c.execute("SELECT COUNT(*) FROM named").fetchone()[0] == ACCOUNTS, "accounts are missing", 60)
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.writer.join()
        self.server.stop()
        shutil.rmtree(self.data)

    def kill(self):
        os.kill(self.server.pid, signal.SIGKILL)
        self.server.stop()
        self.server = launch("--shards", "2", data_dir=self.data)


def wrong_sums(bank, consistency, statement, reads=READS, readers=READERS):
    """Reads at the same time as the writer writes. Returns the answers that are wrong, and the errors."""
    wrong, errors = [], []

    def read(count):
        try:
            with bank.connect(consistency) as c:
                for _ in range(count):
                    row = c.execute(statement).fetchone()
                    if any(value != 0 for value in row):
                        wrong.append(row)
        except psycopg.Error as error:
            errors.append(str(error))
    threads = [threading.Thread(target=read, args=(reads // readers,)) for _ in range(readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong, errors


@case
@has_limit(120)
def every_sum_at_a_barrier_is_right_and_others_are_not():
    with Bank() as bank:
        for statement in (SUMS, TOGETHER):
            assert wrong_sums(bank, "prefix", statement) == ([], [])
        wait_until(lambda: wrong_sums(bank, "latest", TOGETHER)[0], "no wrong sum without barriers", 60)


# Both queries merge rows by their times. For this they compare the progress of their writers with the ends of the
# inputs.
@case
@has_limit(120)
def windows_and_joins_by_time():
    with Bank() as bank, bank.connect() as c:
        c.execute("CREATE TABLE per_hour AS SELECT account, SUM(amount) AS amount FROM moves "
                  "WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY account")
        c.execute("CREATE STREAM enriched AS SELECT m.account AS account, m.amount AS amount, w.branch AS branch "
                  "FROM moves m LEFT JOIN with_branch w ON m.account = w.account")
        c.execute("CREATE TABLE flows AS SELECT account, SUM(amount) AS amount FROM enriched GROUP BY account")
        together = ("SELECT (SELECT SUM(balance) FROM balances), (SELECT SUM(amount) FROM per_hour), (SELECT SUM(amount) FROM flows), "
                    "(SELECT COUNT(*) FROM flows f JOIN balances b ON f.account = b.account AND f.amount <> b.balance)")
        assert wrong_sums(bank, "prefix", together) == ([], [])
        wait_until(lambda: wrong_sums(bank, "latest", together)[0], "no wrong sum without barriers", 60)


# The joins look up rows by the keys that the statement or another table gives.
@case
@has_limit(120)
def look_ups_by_key():
    pair = "SELECT SUM(balance) FROM named WHERE account IN (6, 7)"
    joined = ("SELECT SUM(b.balance - w.balance), SUM(b.balance - n.balance), SUM(n.balance) FROM balances b "
              "JOIN with_branch w ON w.account = b.account JOIN named n ON n.account = w.account WHERE {}.account IN (6, 7, 8, 9)")
    some = "SELECT b.balance - n.balance FROM balances b JOIN named n ON n.account = b.account LIMIT 3"
    with Bank() as bank:
        for statement in (pair, joined.format("b"), joined.format("n"), some):
            assert wrong_sums(bank, "prefix", statement) == ([], []), statement
        wait_until(lambda: wrong_sums(bank, "latest", joined.format("b"))[0], "no wrong sum without barriers", 60)
        with bank.connect("prefix") as c:
            many = ", ".join(map(str, range(20_000)))
            assert c.execute(f"SELECT SUM(balance), COUNT(*) FROM named WHERE account IN ({many})").fetchone() == (0, ACCOUNTS)
            assert c.execute("SELECT COUNT(*) FROM named WHERE account = 6").fetchone() == (1,)


# Tables that clients write are read as of one commit without a barrier, too, while many keys are looked up.
@case
@has_limit(120)
def a_join_by_many_keys_shows_whole_transactions():
    with Bank() as bank, bank.connect() as c:
        for name in ("first", "second"):
            c.execute(f"CREATE TABLE {name} (id INT PRIMARY KEY, v INT) WITH (PARTITIONS = {PARTITIONS})")
            c.execute(f"INSERT INTO {name} VALUES " + ", ".join(f"({i}, 0)" for i in range(2000)))
        keys = ", ".join(map(str, range(2000)))
        join = f"SELECT COUNT(*) FROM first f JOIN second s ON f.id = s.id WHERE f.id IN ({keys}) AND f.v <> s.v"
        is_over = threading.Event()

        def write():
            with bank.connect() as own:
                v = 0
                while not is_over.is_set():
                    v += 1
                    with own.transaction():
                        for name in ("first", "second"):
                            own.execute(f"INSERT INTO {name} VALUES " + ", ".join(f"({i}, {v})" for i in range(0, 2000, 40)))
        writer = threading.Thread(target=write)
        writer.start()
        try:
            for consistency in ("latest", "prefix"):
                assert wrong_sums(bank, consistency, join, reads=200) == ([], [])
        finally:
            is_over.set()
            writer.join()


@case
@has_limit(120)
def materialized_views():
    with Bank() as bank, bank.connect() as c:
        c.execute("CREATE MATERIALIZED VIEW total AS SELECT SUM(balance) AS balance, COUNT(*) AS n FROM named")
        c.execute("CREATE MATERIALIZED VIEW sizes AS SELECT w.account, n.balance - w.balance AS difference "
                  "FROM with_branch w JOIN named n ON n.account = w.account")
        together = ("SELECT (SELECT balance FROM total), (SELECT SUM(difference) FROM sizes), "
                    "(SELECT COUNT(*) FROM sizes WHERE difference <> 0), (SELECT SUM(balance) FROM balances)")
        assert wrong_sums(bank, "prefix", together) == ([], [])
        wait_until(lambda: wrong_sums(bank, "latest", together)[0], "no wrong sum without barriers", 60)


@case
@has_limit(120)
def a_declared_table_over_the_topic_of_a_query():
    with Bank() as bank, bank.connect() as c:
        c.execute("CREATE TABLE again (account INT PRIMARY KEY, balance BIGINT) WITH (KAFKA_TOPIC = 'NAMED')")
        assert wrong_sums(bank, "prefix", "SELECT SUM(balance) FROM again") == ([], [])
        assert wrong_sums(bank, "prefix", "SELECT SUM(a.balance - b.balance) FROM again a JOIN balances b ON a.account = b.account") == ([], [])
        wait_until(lambda: wrong_sums(bank, "latest", "SELECT SUM(balance) FROM again")[0], "no wrong sum without barriers", 60)


@case
@has_limit(120)
def prepared_statements_cursors_and_transactions():
    with Bank() as bank, bank.connect("prefix") as c:
        for branch in list(range(BRANCHES)) * 10:
            found = c.execute("SELECT SUM(b.balance - n.balance) FROM balances b JOIN named n ON n.account = b.account "
                              "WHERE b.account %% 5 = %s", [branch], prepare=True).fetchone()
            assert found == (0,), found
        for _ in range(20):
            with c.transaction(), c.cursor(name="streamed") as streamed:
                streamed.itersize = 7
                assert sum(row[0] for row in streamed.execute("SELECT balance FROM named")) == 0
        with c.transaction(force_rollback=True):
            c.execute("INSERT INTO owners VALUES (5000, 1)")
            c.execute("INSERT INTO moves VALUES (-7, 5000, 0)")
            row = c.execute("SELECT COUNT(o.account), COUNT(n.account), SUM(n.balance) FROM owners o "
                            "LEFT JOIN named n ON n.account = o.account").fetchone()
            assert row == (ACCOUNTS + 1, ACCOUNTS, 0), row
        plan = "\n".join(row[0] for row in c.execute("EXPLAIN ANALYZE " + TOGETHER).fetchall())
        assert "rows" in plan, plan


@case
@has_limit(120)
def http_reads_at_barriers():
    with Bank() as bank:
        def answer(path, body, kind="application/json"):
            request = urllib.request.Request(f"http://{bank.server.http}{path}", json.dumps(body).encode(), {"Content-Type": kind})
            with urllib.request.urlopen(request) as answer:
                return answer.read().decode()
        for _ in range(50):
            body = {"ksql": "SELECT balance FROM named;", "streamsProperties": {"read.consistency": "prefix"}}
            rows = [part["row"]["columns"][0] for part in json.loads(answer("/query", body, "application/vnd.ksql.v1+json"))
                    if "row" in part]
            assert len(rows) == ACCOUNTS and sum(rows) == 0, rows
            lines = answer("/sql", {"sql": f"SET read.consistency = 'prefix'; {TOGETHER}"}).splitlines()
            rows = [json.loads(line) for line in lines if line.startswith("[")]
            assert [[int(value) for value in row] for row in rows] == [[0, 0, 0]], lines


@case
@has_limit(120)
def sums_are_right_through_kills():
    with Bank() as bank:
        for _ in range(3):
            assert wrong_sums(bank, "prefix", TOGETHER, reads=40) == ([], [])
            bank.kill()
            assert wrong_sums(bank, "prefix", SUMS, reads=40) == ([], [])


class Mishaps:
    """Pauses, replaces and kills in turn, at random moments with a seed, until the end of the block."""
    # The conditions are always true.
    REPLACEMENTS = {
        "BALANCES": "CREATE OR REPLACE TABLE balances AS SELECT account, SUM(amount) AS balance FROM moves "
                    "WHERE account > -{} GROUP BY account",
        "WITH_BRANCH": "CREATE OR REPLACE TABLE with_branch AS SELECT b.account AS account, o.branch AS branch, b.balance AS balance "
                       "FROM balances b JOIN owners o ON b.account = o.account WHERE b.balance > -{}",
        "NAMED": "CREATE OR REPLACE TABLE named AS SELECT w.account AS account, r.name AS name, w.balance AS balance "
                 "FROM with_branch w JOIN branches r ON w.branch = r.branch WHERE w.balance > -{}",
    }

    def __init__(self, bank, seed):
        self.bank, self.chance, self.counts = bank, random.Random(seed), Counter()
        self.is_over, self.is_complete = threading.Event(), False
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()
        assert self.is_complete, "a mishap has failed"

    def run(self):
        for kind in itertools.cycle(("pause", "replace", "kill")):
            if self.is_over.wait(self.chance.random() / 2):
                break
            if kind == "kill":
                self.bank.kill()
            else:
                with self.bank.connect() as c:
                    self.disturb(c, kind, self.chance.choice(list(self.REPLACEMENTS)))
            self.counts[kind] += 1
        self.is_complete = True

    def disturb(self, c, kind, name):
        if kind == "replace":
            c.execute(self.REPLACEMENTS[name].format(10 ** 9 + self.chance.randrange(1000)))
            return
        query = next(row[0] for row in c.execute("SHOW QUERIES").fetchall() if f"CTAS_{name}_" in row[0])
        c.execute(f"PAUSE {query}")
        self.is_over.wait(0.05)
        c.execute(f"RESUME {query}")


def answers_of(bank, consistency, readers, reads, seconds):
    """Reads with `readers` threads, every fourth through HTTP, and continues after errors. Returns the number of answers, the
    wrong ones, and the number of each error."""
    wrong, errors, answers = [], Counter(), Counter()
    deadline = Deadline(seconds)

    def read_postgresql(statement, count):
        with bank.connect(consistency) as c:
            while answers[threading.get_ident()] < count and not deadline.is_over():
                row = c.execute(statement).fetchone()
                answers[threading.get_ident()] += 1
                if any(value != 0 for value in row):
                    wrong.append(row)

    def read_http(count):
        body = {"sql": f"SET read.wait.ms = 60000; SET read.consistency = '{consistency}'; {TOGETHER}"}
        while answers[threading.get_ident()] < count and not deadline.is_over():
            request = urllib.request.Request(f"http://{bank.server.http}/sql", json.dumps(body).encode(), {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=60) as answer:
                lines = [json.loads(line) for line in answer.read().splitlines()]
            for line in lines:
                if isinstance(line, list):
                    answers[threading.get_ident()] += 1
                    if any(int(value) != 0 for value in line):
                        wrong.append(line)
                elif "error" in line:
                    errors[line["error"]["code"]] += 1

    def read(number, count):
        while answers[threading.get_ident()] < count and not deadline.is_over():
            try:
                if number % 4 == 3:
                    read_http(count)
                else:
                    read_postgresql(TOGETHER if number % 4 else SUMS, count)
            except psycopg.Error as error:
                errors[error.sqlstate or "connection"] += 1
            except (OSError, http.client.HTTPException, ValueError):
                errors["connection"] += 1
    threads = [threading.Thread(target=read, args=(number, max(1, reads // readers))) for number in range(readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(answers.values()), wrong, errors


@case
@has_limit(300)
def many_readers_through_pauses_replacements_and_kills():
    with Bank() as bank:
        with Mishaps(bank, SEED) as mishaps:
            answers, wrong, errors = answers_of(bank, "prefix", 64, max(READS, 1280), 200)
        print(f"seed {SEED}: {answers} answers, {dict(mishaps.counts)}, errors {dict(errors)}")
        assert not wrong, wrong[:5]
        assert answers >= 64 and mishaps.counts["kill"], (answers, mishaps.counts, errors)
        # 55000: a query before the table is paused or has just restarted
        assert set(errors) <= {"connection", "55000", "57P01", "57P03"}, errors


@case
def a_read_contains_what_its_session_and_others_wrote_before():
    with Bank() as bank, bank.connect("prefix") as c, bank.connect() as other:
        for i in range(20):
            (c if i % 2 else other).execute(f"INSERT INTO moves VALUES (-1, 0, 1), (-2, {1 + i}, -1)")
            other.execute(f"INSERT INTO owners VALUES ({1000 + i}, 1)")
            other.execute(f"INSERT INTO moves VALUES (-3, {1000 + i}, 0)")
            rows = c.execute(f"SELECT balance FROM named WHERE account + 0 = {1000 + i}").fetchall()
            assert rows == [(0,)], (i, rows)


@case
@has_limit(120)
def a_paused_query_and_its_return():
    with Bank() as bank, bank.connect("prefix") as c, bank.connect() as admin:
        query = next(row[0] for row in admin.execute("SHOW QUERIES").fetchall() if "WITH_BRANCH" in row[0])
        for _ in range(3):
            readers = threading.Thread(target=lambda: found.append(wrong_sums(bank, "prefix", "SELECT SUM(balance) FROM balances")))
            found = []
            readers.start()
            admin.execute(f"PAUSE {query}")
            c.execute("SET read.wait.ms = 200")
            try:
                c.execute(SUMS)
                raise AssertionError("a read over a paused query succeeds")
            except psycopg.Error as error:
                assert error.sqlstate == "55000" and "paused" in str(error), error
            readers.join()
            assert found == [([], [])], found  # the query that is paused makes nothing that they read
            admin.execute(f"RESUME {query}")
            c.execute("SET read.wait.ms = 60000")
            assert c.execute(SUMS).fetchone() == (0,)


@case
@has_limit(120)
def queries_are_replaced_while_others_read():
    with Bank() as bank, bank.connect() as admin:
        found = []
        readers = threading.Thread(target=lambda: found.append(wrong_sums(bank, "prefix", SUMS)))
        readers.start()
        for i in range(5):
            admin.execute(Mishaps.REPLACEMENTS["WITH_BRANCH"].format(10 ** 9 + i))
        readers.join()
        assert found == [([], [])], found


@case
def streams_and_changed_tables_are_named():
    with Bank() as bank, bank.connect("prefix") as c:
        try:
            c.execute("SELECT COUNT(*) FROM moves m JOIN named n ON m.account = n.account")
            raise AssertionError("a stream is read beside a table")
        except psycopg.Error as error:
            assert error.sqlstate == "0A000", error
        assert c.execute("SELECT COUNT(*) FROM owners").fetchone() == (ACCOUNTS,)
        assert c.execute("SELECT COUNT(*) FROM moves WHERE id < 0").fetchone() == (0,)
        c.execute("UPDATE owners SET branch = branch WHERE account = 1")


run()
