"""Shows that no INSERT, COPY or COMMIT is acknowledged before its commit is on the disk.

The page cache survives a kill -9, so a kill does not show a missing sync. Here strace records the server's system
calls while one client writes. Between the arrival of a write and its answer, one of two things must have happened:
it was written to the log's journal through a descriptor with O_DSYNC; or the log was synced (fdatasync), and then
its new root was written (through such a descriptor, as LMDB does). These calls must have returned.
"""
import os
import re
import shutil
import signal
import subprocess
import tempfile

from server import Server

_CALLS = "openat,fdatasync,fsync,msync,pwrite64,writev,pwritev,read,recvfrom,write,sendto,sendmsg"
_LINE = re.compile(r"(?P<thread>\d+) +(?P<time>[\d.]+) (?P<call>.*)")
_ROUNDS = 5
# A client that repeatedly writes alone is served by the thread of its loop (docs/adr/0069).
_ALONE = 20


def reason_to_skip():
    if not shutil.which("strace"):
        return "strace is not installed"
    if subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
        return "strace may not trace here"
    return None


def complaints(binary):
    with tempfile.TemporaryDirectory(prefix="millrace-sync-") as folder:
        complaint = _complaint(_trace(binary, folder))
        return [complaint] if complaint else []


def _writes(connection):
    """Each kind of write, once, in a session; the statements between them name the next kind."""
    cursor = connection.cursor()
    cursor.execute("INSERT INTO traced VALUES (1, 'mark-insert')")
    with cursor.copy("COPY traced FROM STDIN (FORMAT csv)") as copy:
        copy.write("2,mark-copy\n")
    cursor.execute("BEGIN")
    cursor.execute("INSERT INTO traced VALUES (3, 'held-until-commit')")
    cursor.execute("COMMIT")


def _trace(binary, folder):
    path = os.path.join(folder, "trace")
    tracer = ("strace", "-f", "-ttt", "-yy", "-s", "200", "-e", f"trace={_CALLS}", "-o", path)
    server = Server(binary, os.path.join(folder, "data"), os.path.join(folder, "log"),
                    wrapper=tracer)
    if not server.wait_until_ready():
        raise AssertionError("the server does not start under strace")
    with server.connect() as connection:
        connection.execute("CREATE STREAM traced (id INT KEY, s VARCHAR)")
        for _ in range(_ROUNDS):
            _writes(connection)
        for _ in range(_ALONE):
            connection.execute("INSERT INTO traced VALUES (1, 'mark-insert')", prepare=False)
    # The process that was started is the tracer; its child is the server.
    with open(f"/proc/{server.pid}/task/{server.pid}/children") as children:
        os.kill(int(children.read().split()[0]), signal.SIGTERM)
    server.wait(30)
    with open(path, errors="replace") as trace:
        return [match.groupdict() for match in map(_LINE.match, trace) if match]


def _finished(events):
    """(call, is_complete) in the order of completion; a call that strace shows in two parts is joined."""
    begun = {}
    for event in events:
        call = event["call"]
        if call.endswith("<unfinished ...>"):
            begun[event["thread"]] = call[:-len("<unfinished ...>")]
            yield "begin " + call
            continue
        resumed = re.match(r"<\.\.\. \w+ resumed>(.*)", call)
        yield begun.pop(event["thread"], "") + resumed.group(1) if resumed else call


def _complaint(events):
    # An INSERT in a transaction is answered at once; only its COMMIT must be durable.
    answers = 0
    root_fd = journal_fd = None
    is_open = is_synced = is_rooted = False
    for call in _finished(events):
        is_socket = "TCP:" in call
        if is_socket and re.match(r"(read|recvfrom)\(", call) and re.search(r"mark-|COMMIT", call):
            is_open, is_synced, is_rooted = True, False, False
        elif "log.mdb" in call and call.startswith("fdatasync(") and call.endswith("= 0"):
            is_synced = is_open
        elif opened := re.match(r"openat\(.*log\.mdb\".*O_DSYNC.* = (\d+)<", call):
            root_fd = opened.group(1)
        elif opened := re.match(r"openat\(.*log\.journal\".*O_DSYNC.* = (\d+)<", call):
            journal_fd = opened.group(1)
        elif is_open and journal_fd and call.startswith(f"pwrite64({journal_fd}<"):
            is_rooted = True
        elif is_synced and root_fd and call.startswith(f"pwrite64({root_fd}<"):
            is_rooted = True
        elif is_socket and is_open and re.match(r"(begin )?(write|sendto|writev|sendmsg)\(", call):
            if not re.search(r"INSERT 0 1|COPY 1|COMMIT", call):
                continue
            answers += 1
            if not is_rooted:
                return f"no sync before {call[:200]}"
            is_open = False
    expected = 3 * _ROUNDS + _ALONE
    return None if answers == expected else f"{answers} answers in the trace, not {expected}"
