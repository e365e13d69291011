#!/usr/bin/python3
"""millrace sql against a server: beside psql where both print the same."""
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg

from millrace_server import Skipped, TimedOut, binary, case, launch, patience, run, start_server, wait_until

SERVER = start_server()
HOME = tempfile.mkdtemp(prefix="millrace-sql-home-")
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "XDG_"))}
ENVIRONMENT |= {"HOME": HOME, "PGHOST": SERVER.host, "PGPORT": str(SERVER.port), "LC_ALL": "C.UTF-8"}

ROWS = """
CREATE STREAM orders (id INT KEY, city VARCHAR, tags ARRAY<VARCHAR>, place STRUCT<lat INT>, price DECIMAL(8,2), paid BOOLEAN);
INSERT INTO orders VALUES (1, 'La''hore', ARRAY['a','b"c',NULL], STRUCT(lat := 31), 1.50, true);
CREATE TABLE by_city AS SELECT city, COUNT(*) AS n FROM orders GROUP BY city;
"""


def sql(*arguments, stdin="", status=0, **environment):
    """Runs the command; returns the standard output and the standard error."""
    done = subprocess.run([binary(), "sql", *arguments], input=stdin, text=True, capture_output=True,
                          timeout=patience(60), env=ENVIRONMENT | environment)
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


def psql(text):
    if not shutil.which("psql"):
        raise Skipped("psql is not installed")
    done = subprocess.run(["psql", "-X", "-d", "postgres"], input=text, text=True, capture_output=True,
                          timeout=patience(60), env=ENVIRONMENT)
    return done.stdout, done.stderr


def table(name):
    """Creates a stream for one case."""
    sql("-q", "-c", f"CREATE STREAM {name} (id INT KEY, city VARCHAR)")
    return name


@case
def a_statement_without_its_option_is_refused():
    for words in (["SELECT 1"], ["select", "1"], ["SHOW STREAMS;"]):
        _, stderr = sql(*words, status=1)
        assert 'millrace sql -c "SELECT 1"' in stderr, stderr


@case
def tables_and_errors_are_printed_as_psql_prints_them():
    sql("-c", ROWS)
    text = """SELECT * FROM orders LIMIT 1;
        SELECT 'a
b' AS two, 2 AS n, 'x' AS "a longer name", NULL AS nothing;
        SELECT 1.5 AS x, ARRAY[1,2] AS a, '東京' AS city, 'é' AS e;
        SELECT id, id, city FROM orders WHERE id = 99 LIMIT 1;
        SELECT 1 AS x; SELECT ';' AS "semi;colon" /* ; */ ; -- ;
        SELECT city FROM orders
          WHERE citi = 1;
"""
    stdout, stderr = sql(stdin=text, status=3)
    expected, expected_error = psql(text)
    assert stdout == expected, (stdout, expected)
    assert stderr == expected_error, (stderr, expected_error)
    assert re.search(r'^ERROR:  .*"?citi"?.*\nLINE 2:.*\n +\^\n(HINT|DETAIL)', stderr), stderr


@case
def csv_is_that_of_psql_and_json_keeps_numbers_and_arrays():
    sql("-c", ROWS.replace("orders", "sales").replace("by_city", "sales_by_city"))
    stdout, _ = sql("--format", "csv", "-c", "SELECT * FROM sales LIMIT 1", "-c", "CREATE TYPE unused AS INT")
    assert stdout == 'id,city,tags,place,price,paid\n1,La\'hore,"{a,""b\\""c"",NULL}","{""LAT"":31}",1.50,t\n', stdout
    assert sql("--csv", "-t", "-c", "SELECT 1 AS x")[0] == "1\n"
    stdout, _ = sql("--format", "json", "-c", "SELECT * FROM sales LIMIT 1; SELECT NULL AS n, 'a\n\"b' AS t")
    rows = [json.loads(line) for line in stdout.splitlines()]
    assert rows == [{"id": 1, "city": "La'hore", "tags": ["a", 'b"c', None], "place": {"LAT": 31}, "price": 1.5, "paid": True},
                    {"n": None, "t": 'a\n"b'}], rows
    assert '"price":1.50' in stdout, stdout


@case
def exit_statuses_are_those_of_psql_that_stops_at_errors():
    stdout, _ = sql("-c", "SELECT 1 AS x; SELEC 2; SELECT 3", status=1)
    assert "(1 row)" in stdout and "3" not in stdout, stdout
    assert sql("-c", "SELEC 1", "-c", "SELECT 3 AS x", status=1)[0] == ""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write("SELECT 1 AS x;\n\n-- a comment\nSELEC 2;\nSELECT 3 AS x;\n")
        script.flush()
        _, stderr = sql("-f", script.name, status=3)
        assert stderr.startswith(f'{script.name}:4: ERROR:  syntax error at "SELEC"\nLINE 1: SELEC 2;\n'), stderr
        stdout, _ = sql("-v", "ON_ERROR_STOP=0", "-f", script.name)
        assert stdout.count("(1 row)") == 2, stdout
        assert sql("-f", "-", stdin="SELECT 4 AS four")[0] == sql("-c", "SELECT 4 AS four")[0]
    _, stderr = sql("-p", "1", "-c", "SELECT 1", status=2)
    assert "port 1 failed: Connection refused" in stderr, stderr
    for arguments, words in ((("--format", "xml"), 'there is no format "xml"'), (("-f", "/no/such"), "cannot open /no/such"),
                             (("-v", "X=1"), "the variable X has no meaning"), (("--colour",), "--colour")):
        _, stderr = sql(*arguments, status=1)
        assert words in stderr, (arguments, stderr)


@case
def an_unfinished_statement_at_the_end_of_a_file_runs():
    assert sql("-t", stdin="SELECT 1 AS x;\n-- the last one\nSELECT 2 AS y\n")[0].split() == ["1", "2"]
    assert sql("-t", stdin="-- nothing at all\n/* a /* nested */ comment */ ;;\n") == ("", "")
    assert "unterminated" in sql(stdin="SELECT 'a;\nb", status=3)[1]


@case
def notices_go_to_stderr():
    stdout, stderr = sql("-c", "CREATE STREAM noticed (id INT KEY, city VARCHAR)")
    assert stdout == "CREATE STREAM\n" and stderr.startswith('NOTICE:  topic "noticed" created'), (stdout, stderr)
    assert sql("-q", "-c", "INSERT INTO noticed VALUES (1, 'a')")[0] == ""


@case
def data_of_a_copy_come_from_the_standard_input_or_from_the_script():
    name = table("copied")
    assert sql("-c", f"COPY {name} FROM STDIN CSV HEADER", stdin='id,city\n1,"a, b"\n2,c\n')[0] == "COPY 2\n"
    script = f"COPY {name} FROM STDIN;\n3\td\n\\.\nSELECT 5 AS five;\nCOPY {name} FROM STDIN CSV;\n4,e\n"
    assert re.findall(r"COPY \d", sql(stdin=script)[0]) == ["COPY 1", "COPY 1"]
    stdout, _ = sql("-c", f"COPY (SELECT * FROM {name} LIMIT 4) TO STDOUT CSV")
    assert sorted(stdout.splitlines()) == ['1,"a, b"', "2,c", "3,d", "4,e"], stdout
    _, stderr = sql("-c", f"COPY {name} FROM STDIN CSV", stdin="1,a\nx,b\n", status=1)
    assert stderr.startswith("ERROR:  ") and f"COPY {name}, line 2" in stderr, stderr


def read_line(program):
    assert select.select([program.stdout], [], [], patience(60))[0], "it prints nothing"
    return program.stdout.readline()


@case
def rows_of_a_push_query_are_printed_as_they_come_until_ctrl_c():
    name = table("pushed")
    inserts = psycopg.connect(host=SERVER.host, port=SERVER.port, user="test", dbname="test", autocommit=True)
    for form, title, row in (("table", " id | city ", "  7 | Oslo"), ("json", None, '{"id":7,"city":"Oslo"}'), ("csv", "id,city", "7,Oslo")):
        program = subprocess.Popen([binary(), "sql", "--format", form, "-c",
                                    f"SELECT * FROM {name} EMIT CHANGES", "-c", "SELECT 1"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, bufsize=0)
        # The query begins at the latest record, at a time that this test cannot see, so the test inserts rows until the
        # query prints one.
        def insert_until_it_prints():
            inserts.execute(f"INSERT INTO {name} VALUES (7, 'Oslo')")
            return bool(select.select([program.stdout], [], [], 0.5)[0])
        wait_until(insert_until_it_prints, "the program prints nothing")
        lines = [read_line(program).decode().rstrip("\n") for _ in range(3 if form == "table" else 2 if title else 1)]
        # A second row is printed while the query continues.
        inserts.execute(f"INSERT INTO {name} VALUES (7, 'Oslo')")
        assert read_line(program).decode().rstrip("\n").split() == row.split(), form
        program.send_signal(signal.SIGINT)
        rest, errors = program.communicate(timeout=patience(60))
        assert program.returncode == 130 and errors == b"", (form, program.returncode, errors)
        assert not title or lines[0] == title, lines
        assert lines[-1].split() == row.split(), lines
        assert (b" rows)" in rest) == (form == "table"), rest


@case
def a_push_query_with_a_limit_ends_by_itself():
    name = table("limited")
    sql("-q", "-c", f"INSERT INTO {name} VALUES (1, 'a'), (2, 'b')", "-c", "SET 'auto.offset.reset' = 'earliest'")
    stdout, _ = sql("-q", "-t", "-c", "SET 'auto.offset.reset' = 'earliest'", "-c", f"SELECT city FROM {name} EMIT CHANGES LIMIT 2")
    assert sorted(stdout.split()) == ["a", "b"], stdout


@case
def parameters_come_from_options_strings_and_variables():
    port, none = str(SERVER.port), {"PGHOST": "", "PGPORT": ""}
    user = ("-t", "-c", "SELECT current_user AS u")
    for arguments, environment in ((("-h", SERVER.host, "-p", port, "-U", "ann"), {}), (("-p", port, "any", "ann"), {}),
                                   ((f"host={SERVER.host} port={port} user=ann",), {}),
                                   (("-d", f"postgresql://ann@{SERVER.host}:{port}/any"), {}), (("-p", port), {"PGUSER": "ann"}),
                                   ((f"postgresql://bob@{SERVER.host}:1/any", "-p", port, "-U", "ann"), {})):
        assert sql(*arguments, *user, **none | environment)[0].strip() == "ann", arguments


@case
def a_user_with_a_password_comes_in_over_tls():
    with tempfile.TemporaryDirectory() as folder:
        key, certificate, access, secret = (f"{folder}/{name}" for name in ("key", "crt", "access", "secret"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        with open(access, "w") as lines:
            lines.write("hostssl all all all scram-sha-256\n")
        with open(secret, "w") as line:
            line.write("a long password\n")
        os.chmod(secret, 0o600)
        server = launch("--tls-cert", certificate, "--tls-key", key, "--access-file", access, "--superuser-password-file", secret)
        where = {"PGHOST": server.host, "PGPORT": str(server.port), "PGUSER": "millrace"}
        tls = ("--sslmode", "verify-full", "--sslrootcert", certificate)
        question = ("-t", "-c", "SELECT current_user AS u")
        assert sql(*tls, *question, PGPASSWORD="a long password", **where)[0].strip() == "millrace"
        assert "password authentication failed" in sql(*tls, *question, PGPASSWORD="wrong", status=2, **where)[1]
        assert sql("--sslmode", "disable", *question, PGPASSWORD="a long password", status=2, **where)[1].startswith("error: ")
        with open(f"{HOME}/.pgpass", "w") as file:
            file.write("*:*:*:millrace:a long password\n")
        os.chmod(f"{HOME}/.pgpass", 0o600)
        assert sql(*tls, *question, **where)[0].strip() == "millrace"
        os.remove(f"{HOME}/.pgpass")
        typed = Typed("-W", *tls, **where)
        typed.expect("Password: ")
        typed.write("a long password\n")
        typed.expect("millrace=> ")
        assert "a long password" not in typed.seen, typed.seen
        typed.write("\\q\n")
        assert typed.status() == 0
        server.stop()


class Typed:
    """`millrace sql` at a pseudo-terminal."""

    def __init__(self, *arguments, **environment):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(binary(), [binary(), "sql", *arguments], ENVIRONMENT | {"TERM": "vt100"} | environment)
        self.seen = self.new = ""

    def write(self, text):
        os.write(self.fd, text.encode())

    def expect(self, words):
        """Reads until these words have arrived since the last call."""
        while words not in self.new:
            assert select.select([self.fd], [], [], patience(60))[0], (words, self.seen)
            try:
                piece = os.read(self.fd, 65536).decode(errors="replace")
            except OSError:  # the program has ended
                raise AssertionError((words, self.seen)) from None
            self.seen += piece
            self.new += piece
        before, self.new = self.new.split(words, 1)
        return before

    def status(self):
        """Waits for the end of the program, and returns its exit status. The rest of its output is in `rest`."""
        self.rest = ""
        try:
            while select.select([self.fd], [], [], patience(60))[0] and (piece := os.read(self.fd, 65536)):
                self.rest += piece.decode(errors="replace")
            raise TimedOut(f"the program has not ended: {self.seen + self.rest!r}")
        except OSError:  # the program has ended
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@case
def at_a_terminal_statements_have_a_prompt_an_end_and_a_history():
    name = table("typed")
    typed = Typed()
    typed.expect("millrace=> ")
    typed.write("SELECT 41 + 1\n")
    typed.expect("millrace-> ")
    typed.write("  AS answer;\n")
    typed.expect("42")
    typed.expect("(1 row)")
    typed.expect("millrace=> ")
    typed.write("SELEC 1;\n")
    typed.expect("HINT:  Did you mean SELECT?")
    typed.expect("millrace=> ")
    typed.write("\\d orders\n")
    typed.expect("has no command \\d")
    typed.expect("millrace=> ")
    typed.write(f"SELECT * FROM {name} EMIT CHANGES;\n")
    inserts = psycopg.connect(host=SERVER.host, port=SERVER.port, user="test", dbname="test", autocommit=True)

    def insert_until_it_prints():
        inserts.execute(f"INSERT INTO {name} VALUES (7, 'Oslo')")
        return bool(select.select([typed.fd], [], [], 0.5)[0]) and (typed.expect("\n") or True) and "Oslo" in typed.new
    wait_until(insert_until_it_prints, "the terminal shows no row")
    typed.write("\x03")
    typed.expect(" row")
    typed.expect("millrace=> ")
    typed.write("a line that is dropped\x03")
    typed.expect("millrace=> ")
    typed.write("ALTER USER ann PASSWORD 'secret';\n")
    typed.expect("millrace=> ")
    typed.write("\x04")
    assert typed.status() == 0, typed.seen
    history = f"{HOME}/.local/state/millrace/sql_history"
    assert os.stat(history).st_mode & 0o777 == 0o600
    with open(history) as lines:
        kept = lines.read()
    assert "answer" in kept and "PASSWORD" not in kept, kept
    again = Typed()
    again.expect("millrace=> ")
    again.write("\x10")  # Ctrl-P: the previous statement
    again.expect("EMIT")
    again.write("\x03")
    again.expect("millrace=> ")
    again.write("exit\n")
    assert again.status() == 0


@case
def ctrl_d_that_is_typed_early_ends_the_program_after_the_statements_before_it():
    for keys, before in (("\x04", "millrace=> "), ("SELECT 41 + 1 AS x;\n\x04", "42"),
                         ("SELECT 41 + 1 AS x;\nSELECT 40 + 3 AS x;\n\x04", "43")):
        typed = Typed()
        typed.write(keys)  # before the program has started
        typed.expect(before)
        assert typed.status() == 0, (keys, typed.seen)


@case
def ctrl_d_ends_the_program_at_every_moment():
    for round_number in range(20):
        typed = Typed()
        typed.expect("millrace=> ")
        typed.write("SELECT 41 + 1 AS x;\n")
        # Ctrl-D arrives before, during or after the statement, and before or after the editor reads the next line.
        time.sleep(round_number * 0.001)
        typed.write("\x04")
        assert typed.status() == 0, (round_number, typed.seen)
        assert "(1 row)" in typed.rest, (round_number, typed.rest)


@case
def ctrl_space_does_not_change_the_next_key():
    typed = Typed()
    typed.expect("millrace=> ")
    typed.write("SELECT 41 +\x00 1 AS x;\x00\n")
    typed.expect("42")
    typed.expect("millrace=> ")
    typed.write("\x00\x04")
    assert typed.status() == 0, typed.seen


@case
def a_lost_connection_ends_a_script_and_is_made_again_at_a_terminal():
    with tempfile.TemporaryDirectory() as folder:
        server = launch(data_dir=folder)
        where = {"PGHOST": server.host, "PGPORT": str(server.port)}
        typed = Typed(**where)
        typed.expect("millrace=> ")
        server.stop()
        typed.write("SELECT 1 AS x;\n")
        typed.expect("Connecting again: failed.")
        assert typed.status() == 2
        assert sql("-c", "SELECT 1", status=2, **where)[0] == ""


run()
