"""Shared by the client tests: a server of their own, and the counting of cases.

A test file declares its cases with @case and ends with run(). A case with an upper bound on elapsed time is also @timed:
tests/run runs it alone, after all others. $MILLRACE_TEST_LANE is `untimed` or `timed`; without it all cases run. The server is the one that MILLRACE_PG,
MILLRACE_KAFKA and MILLRACE_HTTP name (host:port), or one that is started here on a fresh data directory: the binary
MILLRACE_BINARY, or the newest build/*/millrace.
"""
import atexit
import dataclasses
import glob
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request
from collections.abc import Callable

from patience import (CASE_LIMIT_S, Deadline, TimedOut, case_limit, check_less, check_took_less,  # noqa: F401
                      end_descendants, is_time_out, patience, wait_until)

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_START_TIMEOUT_S = 90
_cases = []


class Skipped(Exception):
    """Raised by a case that cannot run here."""


def case(function):
    _cases.append(function)
    return function


def timed(function):
    """Marks a case that a busy machine can fail: it has an upper bound on elapsed time or on memory."""
    function.is_timed = True
    return function


def has_limit(seconds):
    """Marks a case that takes longer than most: its limit on a quiet machine."""
    def mark(function):
        function.limit_s = seconds
        return function
    return mark


def binary():
    """The program to test; Kafka's tools under their own names are links beside it."""
    named = os.environ.get("MILLRACE_BINARY")
    if named:
        return named
    built = sorted(glob.glob(os.path.join(_ROOT, "build", "*", "millrace")), key=os.path.getmtime)
    if not built:
        sys.exit("no build/*/millrace: build it first, or set MILLRACE_BINARY or MILLRACE_PG")
    return built[-1]


@dataclasses.dataclass
class Server:
    """The addresses of a running server."""
    host: str
    port: int  # for PostgreSQL clients
    kafka: str  # HOST:PORT
    http: str = "127.0.0.1:8088"  # HOST:PORT
    registry: str | None = None  # a separate listener for the schema registry, if the caller has requested one
    stop: Callable[[], None] = lambda: None
    pid: int | None = None  # only of a server that was started here
    log: str | None = None  # the file of its log, if the caller has requested one
    connect: str | None = None  # the listener of Kafka Connect's API, if the caller has requested one


def launch(*flags, keeps_log=False, open_files=None, data_dir=None, kafka="127.0.0.1:0", http="127.0.0.1:0"):
    """Starts a server of its own: on a fresh data directory, which is removed at its end, or on the caller's. It
    ends with the program at the latest. A caller that restarts it for the same clients passes the old address in
    `kafka`."""
    is_own = data_dir is None
    data_dir = data_dir or tempfile.mkdtemp(prefix="millrace-clients-")
    log = os.path.join(data_dir, "log") if keeps_log else None

    def limit_files():
        if open_files:
            _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, most))

    server = subprocess.Popen(
        [binary(), "server", "--data-dir", data_dir, "--pg", "127.0.0.1:0", "--kafka", kafka,
         "--http", http, *flags],
        stdout=subprocess.PIPE, stderr=open(log, "w") if log else None, text=True, preexec_fn=limit_files)

    def stop():
        server.terminate()
        try:
            server.wait(patience(10))
        except subprocess.TimeoutExpired:
            server.kill()
        if is_own:
            shutil.rmtree(data_dir, ignore_errors=True)

    atexit.register(stop)  # a test may have stopped the server before
    deadline = Deadline(_START_TIMEOUT_S)
    watchdog = threading.Timer(deadline.left_s(), server.kill)
    watchdog.start()
    listening = {}
    for line in server.stdout:
        if found := re.match(r"(\w+) listening on (\S+)", line):
            listening[found[1]] = found[2]
        if line.strip() == "ready":
            break
    watchdog.cancel()
    if len(listening) < 2:
        stop()
        if time.monotonic() > deadline.end:
            raise TimedOut(f"the server was not ready within {deadline.end - deadline.began:.0f} s")
        raise RuntimeError(f"the server ended before it was ready, status {server.poll()}")
    # Later output must not fill the pipe.
    threading.Thread(target=server.stdout.read, daemon=True).start()
    host, port = listening["pg"].rsplit(":", 1)
    return Server(host, int(port), listening["kafka"], listening.get("http"), listening.get("registry"), stop, server.pid, log,
                  listening.get("connect"))


def advance_clock(server, by_ms):
    """Moves the clock of a server with --test-clock true: sessions, locks, transactions and retention see the later
    time."""
    url = f"http://{server.http}/test-clock?advance_ms={int(by_ms)}"
    with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=patience(10)) as answer:
        return json.load(answer)["wall_ms"]


def _has_sanitizer(name):
    with open(binary(), "rb") as program:
        return f"__{name}_init".encode() in program.read()


def is_sanitized():
    """Whether the program was built with a sanitizer, whose own memory is much more than the server's."""
    return _has_sanitizer("asan") or _has_sanitizer("tsan")


def start_server():
    """The server to test; if it is started here, it ends with the program."""
    running = os.environ.get("MILLRACE_PG")
    if running:
        host, port = running.rsplit(":", 1)
        return Server(host, int(port), os.environ.get("MILLRACE_KAFKA", "127.0.0.1:9092"),
                      os.environ.get("MILLRACE_HTTP", "127.0.0.1:8088"))
    return launch()


def obstacle_of_own_client():
    """The reason why the program cannot be a Kafka client here, or None."""
    if _has_sanitizer("tsan"):
        return "GCC's ThreadSanitizer does not know the C11 threads of librdkafka"
    return None


def _chosen():
    """The cases of this run: those of the lane with one of the words in their name, or the one after --only."""
    lane, words = os.environ.get("MILLRACE_TEST_LANE"), sys.argv[1:]
    only = words[words.index("--only") + 1] if "--only" in words else None
    for function in _cases:
        if lane and (lane == "timed") != hasattr(function, "is_timed"):
            continue
        if function.__name__ == only if only else not words or any(word in function.__name__ for word in words):
            yield function


class _Run:
    """Counts, and the lines that tests/run reads: `TIMED OUT  NAME` for a case that it may repeat alone."""

    def __init__(self, functions):
        self.left = list(functions)
        self.passed = self.failed = self.skipped = 0

    def one(self, function, obstacle):
        name, began = function.__name__, time.monotonic()
        try:
            if obstacle:
                raise Skipped(obstacle)
            with case_limit(name, self.give_up, getattr(function, "limit_s", CASE_LIMIT_S)):
                function()
            self.passed += 1
            print(f"passed  {name} ({time.monotonic() - began:.1f} s)", flush=True)
        except Skipped as reason:
            self.skipped += 1
            print(f"skipped {name}: {reason}")
        except Exception as error:  # a case that fails must not hide the others
            self.failed += 1
            print(f"{'TIMED OUT ' if is_time_out(error) else 'FAILED '} {name} ({time.monotonic() - began:.1f} s)")
            traceback.print_exc(file=sys.stdout)
        self.left.remove(function)

    def give_up(self):
        """Ends the program when a case hangs. The remaining cases did not run: each can be repeated alone."""
        for function in self.left:
            print(f"TIMED OUT  {function.__name__}")
        self.failed += len(self.left)
        self.print_counts()
        end_descendants()
        os._exit(1)

    def print_counts(self):
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)


def run(obstacle=None):
    """Runs the chosen cases in order, prints what failed and the counts, and exits.

    With an obstacle it skips them all.
    """
    # When the program ends, in whatever way, its servers are stopped and their folders are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    cases = _Run(_chosen())
    for function in list(cases.left):
        cases.one(function, obstacle)
    cases.print_counts()
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        # A failed case may have left threads that never end. Python waits for such threads before it calls the
        # functions of atexit, which end the servers, so they are called here.
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(1 if cases.failed else 0)
    sys.exit(1 if cases.failed else 0)
