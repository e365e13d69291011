"""pgcli in a terminal: its tables of objects, completion, statements, errors."""
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import fcntl
import tempfile

import psycopg
from millrace_server import case, run
from patience import Deadline, wait_until

HOST, PORT = os.environ["MILLRACE_PG"].rsplit(":", 1)
USER = os.environ["PGUSER"]
CONFIG = "[main]\nless_chatty = True\npager = cat\nenable_pager = False\nkeyring = False\ndestructive_warning = False\nprompt = 'ready> '\nsmart_completion = True\n"
PROMPT = "ready>"
END = "Time: "  # pgcli prints the time of each command after its answer


class Terminal:
    """pgcli in a terminal; its text without the codes for positions and colours."""

    def __init__(self):
        self.home = tempfile.TemporaryDirectory()
        with open(f"{self.home.name}/config", "w", encoding="utf-8") as file:
            file.write(CONFIG)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job ignores it, and Ctrl-C would have no effect
            os.environ.update(TERM="xterm", HOME=self.home.name, XDG_CONFIG_HOME=self.home.name, PAGER="cat")
            pgcli = os.path.join(os.path.dirname(sys.executable), "pgcli")
            os.execv(pgcli, [pgcli, "--pgclirc", f"{self.home.name}/config", "-h", HOST, "-p", PORT, "-U", USER, "-d", "postgres"])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self.seen = ""
        self.expect(PROMPT, seconds=60)

    def read(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], max(0, seconds))
        if not ready:
            return False
        text = os.read(self.fd, 65536).decode(errors="replace")
        if "\x1b[6n" in text:  # a query of the cursor's position
            os.write(self.fd, b"\x1b[1;1R")
        self.seen += re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[()][A-Z0-9]|[=>78])", "", text).replace("\r", "")
        return True

    def expect(self, text, seconds=20):
        """Waits for the text, and returns all text up to its end; later text is kept for the next call."""
        deadline = Deadline(seconds)
        while text not in self.seen:
            if not self.read(0.2):
                deadline.check(lambda: f"waited for {text!r}, saw {self.seen[-2000:]!r}")
        before, found, self.seen = self.seen.partition(text)
        return before + found

    def type(self, text):
        os.write(self.fd, text.encode())

    def ask(self, text, *expected):
        """Types a statement, waits for its end and for the next prompt, and returns the text between them."""
        self.type(text + "\r")
        seen = self.expect(END)
        self.expect(PROMPT)
        for each in expected:
            assert each in seen, (text, each, seen)
        return seen

    def complete(self, typed, wanted):
        """Types a text and the tabulator until the wanted name appears. pgcli loads the names in the background, so an early
        tabulator finds nothing; Ctrl-C then discards the line."""
        def appears():
            self.seen = ""
            self.type(typed)
            self.type("\t")
            deadline = Deadline(2)
            while wanted not in self.seen and not deadline.is_over():
                self.read(0.1)
            found = wanted in self.seen
            self.seen = ""
            self.type("\x03")
            self.expect(PROMPT)
            return found
        wait_until(appears, f"{typed!r} is not completed to {wanted!r}", 60)

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


CONNECTION = psycopg.connect(host=HOST, port=int(PORT), user=USER, dbname="postgres", autocommit=True)
CONNECTION.execute("CREATE TABLE cli_customers (id INT PRIMARY KEY, full_name TEXT, amount NUMERIC(10, 2))")
CONNECTION.execute("INSERT INTO cli_customers VALUES (1, 'Ann', 3.50), (2, 'Bob', NULL)")
CONNECTION.execute("CREATE TYPE cli_mood AS ENUM ('sad', 'ok')")
TERMINAL = Terminal()


@case
def selects():
    seen = TERMINAL.ask("SELECT * FROM cli_customers ORDER BY id;", "SELECT 2")
    assert "| Ann " in seen and "<null>" in seen and "full_name" in seen, seen


@case
def describes():
    for command, wanted in (("\\dt", "cli_customers"), ("\\d", "cli_customers"), ("\\d cli_customers", "cli_customers_pkey"), ("\\dn", "public"),
                            ("\\l", "postgres"), ("\\du", USER), ("\\dT cli*", "cli_mood"), ("\\di", "cli_customers_pkey"),
                            ("\\d+ cli_customers", "full_name"), ("\\dt+ cli*", "cli_customers"), ("\\dn+", "public")):
        seen = TERMINAL.ask(command, wanted)
        assert "rror" not in seen and "not supported" not in seen, (command, seen)


@case
def lists_without_error():
    for command in ("\\dv", "\\dm", "\\ds", "\\df", "\\dx", "\\db", "\\dD", "\\dp", "\\ddp", "\\l+", "\\df+ upper", "\\dv+", "\\conninfo"):
        seen = TERMINAL.ask(command)
        assert "rror" not in seen and "not supported" not in seen and "does not exist" not in seen, (command, seen)


@case
def completes():
    for typed, wanted in (("SELECT * FROM cli_c", "cli_customers"), ("SELECT full_n FROM cli_customers" + "\x1b[D" * len(" FROM cli_customers"), "full_name"),
                          ("SELECT upp", "UPPER"), ("SELECT * FROM pub", "public"), ("SELECT 'ok'::cli_m", "cli_mood")):
        TERMINAL.complete(typed, wanted)


@case
def shows_errors_and_goes_on():
    seen = TERMINAL.ask("SELECT * FROM not_there;", "does not exist")
    assert "not_there" in seen, seen
    seen = TERMINAL.ask("SELECT 1 / 0;", "division by zero")
    TERMINAL.ask("SELECT 41 + 1 AS answer;", "42")


@case
def changes_and_counts():
    TERMINAL.ask("INSERT INTO cli_customers VALUES (3, 'Cid', 1);", "INSERT 0 1")
    TERMINAL.ask("UPDATE cli_customers SET amount = 9 WHERE id = 3;", "UPDATE 1")
    TERMINAL.ask("BEGIN;", "BEGIN")
    TERMINAL.ask("DELETE FROM cli_customers;", "DELETE 3")
    TERMINAL.ask("ROLLBACK;", "ROLLBACK")
    TERMINAL.ask("SELECT count(*) FROM cli_customers;", "| 3")


@case
def ends_a_statement_with_ctrl_c():
    TERMINAL.type("SELECT pg_sleep(600);\r")
    running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep(600)%'"
    wait_until(lambda: CONNECTION.execute(running).fetchone()[0] == 1, "the statement does not run")
    TERMINAL.type("\x03")
    TERMINAL.expect("cancel")
    TERMINAL.expect(PROMPT)
    TERMINAL.ask("SELECT 'still' || ' here';", "still here")


@case
def knows_new_tables_after_refresh():
    TERMINAL.ask("CREATE TABLE cli_zebras (id INT PRIMARY KEY);", "CREATE TABLE")
    TERMINAL.ask("\\refresh")
    TERMINAL.complete("SELECT * FROM cli_z", "cli_zebras")


try:
    run()
finally:
    TERMINAL.close()
