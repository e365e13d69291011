"""What the client tests share: a server of their own, and counting.

A test file declares its cases with @case and ends with run(). The server is the one that MILLRACE_PG,
MILLRACE_KAFKA and MILLRACE_HTTP name (host:port), or one that is started here on a fresh data directory: the binary
MILLRACE_BINARY, or the newest build/*/millrace.
"""
import atexit
import dataclasses
import glob
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_START_TIMEOUT_S = 90
_cases = []


class Skipped(Exception):
    """Raised by a case that cannot run here."""


def case(function):
    _cases.append(function)
    return function


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
    """Where a running server listens."""
    host: str
    port: int  # for PostgreSQL clients
    kafka: str  # HOST:PORT
    http: str = "127.0.0.1:8088"  # likewise
    registry: str | None = None  # likewise, where it was asked for
    stop: Callable[[], None] = lambda: None
    pid: int | None = None  # of one that was started here
    log: str | None = None  # the file of its log, if one was asked for


def launch(*flags, keeps_log=False, open_files=None, data_dir=None, kafka="127.0.0.1:0", http="127.0.0.1:0"):
    """A server of its own, and what stops it: on a fresh data directory, which goes with it, or one that
    is the caller's; it ends with the program at the latest. Who starts it again for the same clients says where it was, with `kafka`."""
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
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
        if is_own:
            shutil.rmtree(data_dir, ignore_errors=True)

    atexit.register(stop)  # of one that nobody has stopped by then
    watchdog = threading.Timer(_START_TIMEOUT_S, server.kill)
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
        sys.exit("the server did not start")
    # Whatever it prints later must not fill the pipe.
    threading.Thread(target=server.stdout.read, daemon=True).start()
    host, port = listening["pg"].rsplit(":", 1)
    return Server(host, int(port), listening["kafka"], listening.get("http"), listening.get("registry"), stop, server.pid, log)


def _has_sanitizer(name):
    with open(binary(), "rb") as program:
        return f"__{name}_init".encode() in program.read()


def is_sanitized():
    """Whether the program was built with a sanitizer, whose own memory is much more than the server's."""
    return _has_sanitizer("asan") or _has_sanitizer("tsan")


def start_server():
    """The server to test; one that is started here ends with the program."""
    running = os.environ.get("MILLRACE_PG")
    if running:
        host, port = running.rsplit(":", 1)
        return Server(host, int(port), os.environ.get("MILLRACE_KAFKA", "127.0.0.1:9092"),
                      os.environ.get("MILLRACE_HTTP", "127.0.0.1:8088"))
    return launch()


def obstacle_of_own_client():
    """Why the program cannot be a Kafka client here, if it cannot."""
    if _has_sanitizer("tsan"):
        return "GCC's ThreadSanitizer does not know the C11 threads of librdkafka"
    return None


def wait_until(holds, what="it does not come", seconds=20):
    """What `holds` gives, once that is true; `what` is told when it is too late, or what it gives."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(0.05)
    return found


def run(obstacle=None):
    """Runs the cases in order, prints what failed and the counts, and exits.

    With an obstacle it skips them all.
    """
    wanted = sys.argv[1:]
    passed = failed = skipped = 0
    for function in _cases:
        name = function.__name__
        if wanted and not any(word in name for word in wanted):
            continue
        try:
            if obstacle:
                raise Skipped(obstacle)
            function()
            passed += 1
        except Skipped as reason:
            skipped += 1
            print(f"skipped {name}: {reason}")
        except Exception:  # a failing case must not hide the others
            failed += 1
            print(f"FAILED  {name}")
            traceback.print_exc(file=sys.stdout)
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        # Python would wait for what a failed case has left running before it ends the servers: for good, mostly.
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(1 if failed else 0)
    sys.exit(1 if failed else 0)
