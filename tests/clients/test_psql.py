#!/usr/bin/python3
"""psql 15 against a server: -c, -f, and a session typed at a terminal."""
import os
import pty
import select
import signal
import subprocess
import tempfile
import time

from millrace_server import case, run, start_server

SERVER = start_server()
HOST, PORT = SERVER.host, SERVER.port
PROMPTS = ("=# ", "=> ")
PSQL = ["psql", "-X", "-h", HOST, "-p", str(PORT), "-U", "millrace", "-d", "millrace"]


def psql(*arguments, ok=True, stdin=None):
    """What it printed: (stdout, stderr)."""
    done = subprocess.run(PSQL + list(arguments), input=stdin, capture_output=True, text=True,
                          timeout=30)
    assert not ok or done.returncode == 0, done.stderr
    return done.stdout, done.stderr


class Terminal:
    """psql as a person sees it."""

    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(PAGER="cat", TERM="dumb")
            os.execvp(PSQL[0], PSQL)
        self.seen = ""
        self.expect(*PROMPTS)

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, *texts, timeout_s=10):
        """Waits for one of the texts, and gives what came before and with it."""
        end = time.monotonic() + timeout_s
        while not any(text in self.seen for text in texts):
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            assert ready, f"waited for {texts}, saw: {self.seen!r}"
            self.seen += os.read(self.fd, 65536).decode(errors="replace").replace("\r\n", "\n").replace("\a", "")  # it rings where a name is not whole
        seen, self.seen = self.seen, ""
        return seen

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


@case
def describes_streams_and_tables():
    psql("-q", "-c", "CREATE STREAM d_orders (id INT KEY, city VARCHAR, amount DECIMAL(10, 2))",
         "-c", "CREATE TABLE d_users (id INT PRIMARY KEY, name VARCHAR)",
         "-c", "CREATE TABLE d_by_city AS SELECT city, SUM(amount) AS total FROM d_orders GROUP BY city")
    tables, err = psql("-At", "-c", "\\dt d_*")
    assert not err and tables == "public|d_orders|table|millrace\npublic|d_users|table|millrace\n", (tables, err)
    views, err = psql("-At", "-c", "\\dm d_*")
    assert not err and views == "public|d_by_city|materialized view|millrace\n", (views, err)
    for name, expected in (("d_by_city", ('Materialized view "public.d_by_city"', " city   | text          |           | not null | ",
                                          " total  | numeric(10,2) |           |          | ",
                                          '"d_by_city_pkey" PRIMARY KEY, btree (city)')),
                           ("d_users", ('Table "public.d_users"', '"d_users_pkey" PRIMARY KEY, btree (id)')),
                           ("d_orders", ('Table "public.d_orders"', " amount | numeric(10,2) |           |          | "))):
        out, err = psql("-c", f"\\d {name}")
        assert not err and all(line in out for line in expected), (out, err)
    out, err = psql("-c", "\\d+ d_by_city")
    assert not err and "SELECT city, SUM(amount) AS total FROM d_orders" in out, (out, err)


# All that psql 15 lists in \? as informational, and what its + and S add.
DESCRIPTIONS = ("d da dA dAc dAf dAo dAp db dc dC dd dD ddp dE des det deu dew df dfn dfa dfp dft dfw dF dFd dFp dFt dg di dl dL dm dn do dO "
                "dP dp drds dRp dRs ds dt dT du dv dx dX dy l z").split()


@case
def the_whole_family_of_descriptions_answers():
    psql("-q", "-c", "CREATE TABLE f_users (id INT PRIMARY KEY, name TEXT NOT NULL, n SERIAL)", "-c", "COMMENT ON TABLE f_users IS 'people'",
         "-c", "CREATE TYPE f_mood AS ENUM ('sad', 'ok')", "-c", "CREATE TYPE f_place AS (street TEXT, zip INT)", "-c", "CREATE SCHEMA f_schema",
         "-c", "CREATE DOMAIN f_count AS INT")
    commands = [name + more for name in DESCRIPTIONS for more in ("", "+", "S", "S+") if not (name in ("l", "z") and "S" in more)]
    commands += ["d f_users", "d f_users_pkey", "d f_place", "d+ f_mood", "df upper", "df+ upper", "dd f_users", "dt *.*", "dT+ f_mood", "dconfig", "dconfig *time*",
                 "dp f_users", "d pg_class", "d+ information_schema.tables", "dtvmsE", "lo_list", "conninfo", "dti f_*"]
    _, err = psql(*(word for command in commands for word in ("-c", "\\" + command)))
    assert "ERROR" not in err and "not supported" not in err, err
    for command, wanted in (("dT+ f_mood", "sad"), ("dn f_*", "f_schema"), ("dD f_*", "f_count|integer"), ("df upper", "upper|text|text"),
                            ("dt+ f_users", "|people"), ("dconfig *statement_time*", "statement_timeout|0"), ("l", "millrace|"), ("du", "millrace|"),
                            ("di f_*", "f_users_pkey|index|"), ("d f_place", "street|text")):
        out, err = psql("-At", "-c", "\\" + command)
        assert wanted in out and not err, (command, out, err)
    for command, wanted in (("sf not_there", "does not exist"), ("sv f_users", "is not a view"), ("d not_there", "Did not find any relation")):
        _, err = psql("-c", "\\" + command, ok=False)
        assert wanted in err, (command, err)


@case
def results_are_described_and_used():
    out, _ = psql("-At", stdin="SELECT 1 AS a, 'x' AS b, 1.5::numeric(10, 2) AS c, now() AS d, ARRAY[1] AS e \\gdesc\n")
    assert out == "a|integer\nb|text\nc|numeric(10,2)\nd|timestamp with time zone\ne|integer[]\n", out
    out, _ = psql("-At", stdin="SELECT 40 + 2 AS answer, $$it's$$ AS text \\gset\n\\echo :answer\nSELECT :'text';\n"
                               "SELECT format('SELECT %s', g) FROM generate_series(1, 2) AS g \\gexec\n")
    assert out == "42\nit's\n1\n2\n", out
    out, _ = psql("-At", stdin="SELECT * FROM (VALUES ('a', 'x', 1), ('b', 'y', 2)) AS v (r, c, n) \\crosstabview\n")
    assert out == "a|1|\nb||2\n", out
    out, _ = psql("-At", stdin="SELECT 7 AS n \\gx\n")
    assert out == "n|7\n", out


@case
def a_statement_is_watched_until_ctrl_c():
    psql("-q", "-c", "CREATE TABLE w_counted (id INT PRIMARY KEY)")
    terminal = Terminal()
    try:
        terminal.type("SELECT count(*) AS rows FROM w_counted \\watch 0.2\n")
        terminal.expect("    0\n(1 row)")
        psql("-q", "-c", "INSERT INTO w_counted VALUES (1), (2)")
        terminal.expect("    2\n(1 row)")
        terminal.type("\x03")
        terminal.expect(*PROMPTS)
        for slow in ("SELECT pg_sleep(60);\n", "SELECT count(*) FROM generate_series(1, 30000) AS a, generate_series(1, 30000) AS b;\n"):
            terminal.type(slow)
            time.sleep(0.5)
            terminal.type("\x03")
            terminal.expect("canceling statement due to user request")
        terminal.type("SELECT 'here' || ' again';\n")
        terminal.expect("here again\n(1 row)")
    finally:
        terminal.close()


@case
def copy_moves_files_both_ways():
    psql("-q", "-c", "CREATE TABLE q_files (id INT PRIMARY KEY, s TEXT, x BYTEA)", "-c", r"INSERT INTO q_files VALUES (1, E'a\tb', '\x00ff'), (2, NULL, NULL)")
    with tempfile.TemporaryDirectory() as folder:
        for number, form in enumerate(("", "WITH (FORMAT csv, HEADER, NULL 'none')", "WITH (FORMAT binary)")):
            path = f"{folder}/rows"
            out, _ = psql("-c", rf"\copy q_files TO '{path}' {form}")
            assert out == "COPY 2\n", out
            out, _ = psql("-c", f"CREATE TABLE q_files_{number} (id INT PRIMARY KEY, s TEXT, x BYTEA)", "-c", rf"\copy q_files_{number} FROM '{path}' {form}")
            assert out.endswith("COPY 2\n"), out
            out, _ = psql("-At", "-c", f"SELECT * FROM q_files_{number} ORDER BY id")
            assert out == "1|a\tb|\\x00ff\n2||\n", (form, out)
        out, _ = psql("-At", "-c", r"\copy (SELECT id FROM q_files ORDER BY id DESC) TO STDOUT")
        assert out == "2\n1\n", out


@case
def completes_names():
    psql("-q", "-c", "CREATE TABLE completed_by_tab (id INT PRIMARY KEY, long_name_of_a_column TEXT)", "-c", "CREATE SCHEMA schema_by_tab",
         "-c", "CREATE TYPE mood_by_tab AS ENUM ('sad')")
    terminal = Terminal()
    try:
        for typed, wanted in (("SELECT * FROM completed_by\t", "completed_by_tab"), ("\\d completed_by\t", "completed_by_tab"),
                              ("INSERT INTO completed_by\t", "completed_by_tab"), ("DROP TABLE completed_by\t", "completed_by_tab"),
                              ("UPDATE completed_by_tab SET long_n\t", "long_name_of_a_column"), ("CREATE TABLE schema_by\t", "schema_by_tab"),
                              ("\\dn schema_by\t", "schema_by_tab"), ("SET statement_t\t", "statement_timeout"), ("SHOW idle_in\t", "idle_in_transaction_session_timeout"),
                              ("\\dT mood_by\t", "mood_by_tab"), ("DROP TYPE mood_by\t", "mood_by_tab"), ("\\df generate_ser\t", "generate_series"),
                              ("SELECT * FROM pg_cat\t", "pg_catalog."),
                              ("ALTER TABLE completed_by_tab RENAME COLUMN long_n\t", "long_name_of_a_column"), ("GRANT SELECT ON completed_by\t", "completed_by_tab")):
            terminal.type(typed)
            seen = terminal.expect(wanted)
            assert "ERROR" not in seen, seen
            terminal.type("\x03")
            terminal.expect(*PROMPTS)
    finally:
        terminal.close()


@case
def the_tour_by_hand():
    out, err = psql("-c", "CREATE STREAM q_orders (id INT KEY, city VARCHAR, amount DECIMAL(10, 2))")
    assert out == "CREATE STREAM\n", out
    assert 'NOTICE:  topic "q_orders" created' in err, err
    out, _ = psql("-c", "CREATE TABLE q_by_city AS SELECT city, COUNT(*) AS orders, "
                  "SUM(amount) AS total FROM q_orders GROUP BY city")
    assert out == "CREATE TABLE\n", out
    out, _ = psql("-c", "INSERT INTO q_orders VALUES (1, 'Lahore', 120.00), (2, 'Karachi', 80.50), "
                  "(3, 'Lahore', 45.25)", "-c", "SELECT * FROM q_by_city WHERE city = 'Lahore'")
    assert out == ("INSERT 0 3\n"
                   "  city  | orders | total  \n"
                   "--------+--------+--------\n"
                   " Lahore |      2 | 165.25\n"
                   "(1 row)\n\n"), out


@case
def a_file_of_statements():
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write("-- comment\nCREATE STREAM q_file (id INT KEY, s VARCHAR);\n"
                   "BEGIN;\nINSERT INTO q_file VALUES (1, 'a;b');\nINSERT INTO q_file VALUES (2, 'c');\n"
                   "COMMIT;\n")
        file.flush()
        out, _ = psql("-v", "ON_ERROR_STOP=1", "-f", file.name)
    assert out == "CREATE STREAM\nBEGIN\nINSERT 0 1\nINSERT 0 1\nCOMMIT\n", out


@case
def errors_point_at_their_place():
    _, err = psql("-c", "SELEC * FROM orders", ok=False)
    assert err.startswith('ERROR:  syntax error at "SELEC"\nLINE 1: SELEC * FROM orders\n        ^\n'
                          "HINT:  Did you mean SELECT?"), err


@case
def copy_reads_a_file():
    psql("-c", "CREATE STREAM q_copied (id INT KEY, s VARCHAR)")
    out, _ = psql("-c", r"\copy q_copied FROM STDIN WITH (FORMAT csv, HEADER)",
                  stdin="id,s\n1,a\n2,b\n")
    assert out == "COPY 2\n", out


@case
def fetch_count_prints_a_push_query_row_by_row():
    psql("-c", "CREATE STREAM q_fetched (id INT KEY)", "-c", "INSERT INTO q_fetched VALUES (1)")
    # Not -A: there psql ends a row's line only when it prints the next.
    reader = subprocess.Popen(
        PSQL + ["--csv", "-t", "-v", "FETCH_COUNT=1", "-c", "SET 'auto.offset.reset' = 'earliest'", "-c",
                "SELECT id FROM q_fetched EMIT CHANGES"], stdout=subprocess.PIPE, text=True)
    assert reader.stdout.readline() == "SET\n"
    assert reader.stdout.readline() == "1\n"
    psql("-c", "INSERT INTO q_fetched VALUES (2)")
    assert reader.stdout.readline() == "2\n"
    reader.send_signal(signal.SIGINT)
    reader.communicate(timeout=10)


@case
def limit_ends_a_push_query():
    psql("-c", "CREATE STREAM q_limited (id INT KEY)", "-c", "INSERT INTO q_limited VALUES (7)")
    out, _ = psql("-At", "-q", "-c", "SET 'auto.offset.reset' = 'earliest'", "-c",
                  "SELECT id FROM q_limited EMIT CHANGES LIMIT 1")
    assert out == "7\n", out


@case
def a_typed_push_query_moves_and_ctrl_c_ends_it():
    psql("-c", "CREATE STREAM q_typed (id INT KEY, city VARCHAR)",
         "-c", "CREATE TABLE q_typed_n AS SELECT city, COUNT(*) AS n FROM q_typed GROUP BY city",
         "-c", "INSERT INTO q_typed VALUES (1, 'Lahore')",
         "-c", "SELECT * FROM q_typed_n WHERE city = 'Lahore'")
    terminal = Terminal()
    try:
        terminal.type("SELECT * FROM q_typed_n EMIT CHANGES;\n")
        shown = terminal.expect("Lahore | 1\n")
        assert "  city  | n \n--------+---\n Lahore | 1\n" in shown, shown
        psql("-c", "INSERT INTO q_typed VALUES (2, 'Lahore')")
        terminal.expect("Lahore | 2\n")
        terminal.type("\x03")
        terminal.expect("canceling statement due to user request\nmillrace=> ")
        terminal.type("SELECT n FROM q_typed_n WHERE city = 'Lahore';\n")
        terminal.expect("2\n(1 row)")
    finally:
        terminal.close()


@case
def what_clients_ask_on_connecting():
    out, _ = psql("-At", "-c", "SELECT version(), current_schema(), 1 + 1")
    assert out.startswith("PostgreSQL 15.0 (Millrace ") and out.endswith("|public|2\n"), out


run()
