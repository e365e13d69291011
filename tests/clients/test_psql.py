#!/usr/bin/python3
"""psql 15 against a server: -c, -f, and a session typed at a terminal."""
import os
import pty
import select
import signal
import subprocess
import tempfile

from millrace_server import Deadline, case, patience, run, start_server

SERVER = start_server()
HOST, PORT = SERVER.host, SERVER.port
PSQL = ["psql", "-X", "-h", HOST, "-p", str(PORT), "-U", "millrace", "-d", "millrace"]


def psql(*arguments, ok=True, stdin=None):
    """Runs psql, and returns its output: (stdout, stderr)."""
    done = subprocess.run(PSQL + list(arguments), input=stdin, capture_output=True, text=True,
                          timeout=30)
    assert not ok or done.returncode == 0, done.stderr
    return done.stdout, done.stderr


class Terminal:
    """psql at a terminal, as a user sees it."""

    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(PAGER="cat", TERM="dumb", PGTZ="UTC")
            os.execvp(PSQL[0], PSQL)
        self.seen = ""
        self.expect("=# ", "=> ")

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, *texts, timeout_s=10):
        """Waits for one of the texts, and returns the output up to and including it."""
        end = Deadline(timeout_s)
        while not any(text in self.seen for text in texts):
            ready, _, _ = select.select([self.fd], [], [], max(0, end.left_s()))
            assert ready, f"waited for {texts}, saw: {self.seen!r}"
            self.seen += os.read(self.fd, 65536).decode(errors="replace").replace("\r\n", "\n")
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


@case
def the_whole_family_of_d_answers():
    """None of the catalog queries behind psql's commands fails."""
    psql("-q", "-c", "CREATE TABLE d_all (id INT PRIMARY KEY, name VARCHAR)")
    commands = ("", "a", "A", "A+", "Ac", "Af", "Ap", "b", "b+", "c", "C", "config", "d", "D", "dp", "E", "es", "et", "eu", "ew", "f", "F",
                "Fd", "Fp", "Ft", "g", "g+", "i", "i+", "l", "L", "m", "n", "n+", "o", "O", "p", "P", "rds", "Rp", "Rs", "Rs+", "s",
                "t", "t+", "t *.*", "T", "T+", "u", "v", "x", "X", "y")
    for command in [*("d" + each for each in commands), "l", "l+", "z", "d+ d_all", "d pg_catalog.pg_class"]:
        _, err = psql("-c", "\\" + command)
        assert "ERROR" not in err, (command, err)


@case
def commands_that_users_type_beside_statements():
    psql("-q", "-c", "CREATE TABLE b_towns (id INT PRIMARY KEY, name TEXT, founded DATE)",
         "-c", "INSERT INTO b_towns VALUES (1, 'Lahore', '1000-01-01'), (2, 'Quetta', NULL)")
    out, err = psql("-At", stdin="SELECT id, founded FROM b_towns \\gdesc\nSELECT 7 AS a \\gset\n\\echo :a\n"
                    "SELECT name, id, founded FROM b_towns \\crosstabview\n\\set v 2\nSELECT name FROM b_towns WHERE id = :v;\n")
    assert not err and out.startswith("id|integer\nfounded|date\n7\n") and out.endswith("Quetta\n"), (out, err)
    with tempfile.TemporaryDirectory() as folder:
        out, err = psql("-q", "-At", "-c", f"\\copy b_towns TO '{folder}/towns' WITH (FORMAT csv, HEADER)",
                        "-c", "CREATE TABLE b_copied (id INT PRIMARY KEY, name TEXT, founded DATE)",
                        "-c", f"\\copy b_copied FROM '{folder}/towns' WITH (FORMAT csv, HEADER)",
                        "-c", "\\copy (SELECT * FROM b_copied ORDER BY id) TO STDOUT")
    assert "ERROR" not in err and out == "1\tLahore\t1000-01-01\n2\tQuetta\t\\N\n", (out, err)


@case
def a_statement_is_watched_until_ctrl_c():
    psql("-q", "-c", "CREATE TABLE w_rows (id INT PRIMARY KEY)")
    terminal = Terminal()
    terminal.type("\\pset tuples_only\nSELECT 'rows:', count(*) FROM w_rows \\watch 0.2\n")
    terminal.expect("|     0")
    psql("-c", "INSERT INTO w_rows VALUES (1), (2)")
    terminal.expect("|     2")
    os.write(terminal.fd, b"\x03")
    terminal.expect("=# ", "=> ")
    terminal.close()


@case
def completes_names():
    psql("-q", "-c", "CREATE TABLE completed_by_tab (id INT PRIMARY KEY)")
    terminal = Terminal()
    terminal.type("SELECT * FROM completed_by\t")
    seen = terminal.expect("completed_by_tab")
    assert "ERROR" not in seen, seen
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
def copy_refuses_a_header_with_the_columns_in_another_order():
    psql("-c", "CREATE TABLE q_headed (id INT PRIMARY KEY, size INT, \"Note\" VARCHAR)")

    def copy(data, columns="", options="FORMAT csv, HEADER", ok=True):
        return psql("-c", rf"\copy q_headed{columns} FROM STDIN WITH ({options})", stdin=data, ok=ok)
    swapped = "size,Note,id\n7,a,1\n"
    for data in (swapped, "\ufeff" + swapped, "Size, note,ID\n7,a,1\n"):
        _, err = copy(data, ok=False)
        assert "the header line has the names of the columns in another order" in err, err
        assert 'COPY q_headed (size, "Note", id) FROM' in err and "COPY q_headed, line 1" in err, err
    _, err = copy(swapped.replace(",", "\t"), options="FORMAT text, HEADER", ok=False)
    assert "in another order" in err, err
    # The list of the hint, the right order, other names, and a header that is not announced.
    assert copy(swapped, ' (size, "Note", id)') == ("COPY 1\n", ""), "a list of columns"
    assert copy("id,size,Note\n2,8,b\n") == ("COPY 1\n", ""), "the right order"
    assert copy("number,size,id\n3,9,c\n") == ("COPY 1\n", ""), "other names"
    out, _ = psql("-At", "-c", "SELECT * FROM q_headed ORDER BY id")
    assert out == "1|7|a\n2|8|b\n3|9|c\n", out


@case
def copy_reports_event_times_that_look_like_seconds():
    psql("-c", "CREATE STREAM q_timed (id INT KEY, at BIGINT) WITH (PARTITIONS = 1, TIMESTAMP = 'at')")
    out, err = psql("-c", r"\copy q_timed FROM STDIN WITH (FORMAT csv)", stdin="1,1714557605\n2,1714557606\n")
    assert out == "COPY 2\n" and err.count("NOTICE") == 1, (out, err)
    assert "AT counts milliseconds, and the value 1714557605 looks like seconds" in err, err
    assert psql("-c", r"\copy q_timed FROM STDIN WITH (FORMAT csv)", stdin="3,1714557605000\n") == ("COPY 1\n", "")


@case
def copy_checks_the_range_of_smallint():
    psql("-c", "CREATE STREAM q_small (id INT KEY, n SMALLINT) WITH (PARTITIONS = 1)")
    for options, data in (("csv", "1,40000\n"), ("text", "1\t40000\n"), ("json", '{"ID": 1, "N": 40000}\n')):
        _, err = psql("-v", "VERBOSITY=verbose", "-c", rf"\copy q_small FROM STDIN WITH (FORMAT {options})", stdin=data, ok=False)
        assert "22003" in err and "column N (SMALLINT)" in err and "COPY q_small, line 1, column n" in err.replace("Q_SMALL", "q_small").replace(
            "column N\n", "column n\n"), (options, err)


@case
def copy_proposes_a_similar_name():
    psql("-c", "CREATE STREAM q_similars (id INT KEY)")
    for statement in (r"\copy q_similar FROM STDIN", "UPDATE q_similar SET id = 1"):
        _, err = psql("-c", statement, stdin="", ok=False)
        assert "Did you mean Q_SIMILARS?" in err, err


@case
def fetch_count_prints_a_push_query_row_by_row():
    psql("-c", "CREATE STREAM q_fetched (id INT KEY)", "-c", "INSERT INTO q_fetched VALUES (1)")
    # psql runs without -A: with -A, psql ends the line of a row only when it prints the next row.
    reader = subprocess.Popen(
        PSQL + ["--csv", "-t", "-v", "FETCH_COUNT=1", "-c", "SET 'auto.offset.reset' = 'earliest'", "-c",
                "SELECT id FROM q_fetched EMIT CHANGES"], stdout=subprocess.PIPE, text=True)
    assert reader.stdout.readline() == "SET\n"
    assert reader.stdout.readline() == "1\n"
    psql("-c", "INSERT INTO q_fetched VALUES (2)")
    assert reader.stdout.readline() == "2\n"
    reader.send_signal(signal.SIGINT)
    reader.communicate(timeout=patience(10))


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
def queries_of_clients_on_connecting():
    out, _ = psql("-At", "-c", "SELECT version(), current_schema(), 1 + 1")
    assert out.startswith("PostgreSQL 15.0 (Millrace ") and out.endswith("|public|2\n"), out


run()
