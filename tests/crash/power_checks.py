"""Checks that power.py undoes unsynced changes and no others: a process with a known history of writes, truncations
and syncs is killed, and its file is compared with all allowed contents.

This file is the process, too: `power_checks.py FILE SEED SYNCS` runs the history of the seed.
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

import power

_SECTOR = 512
_HISTORIES = 24
_CUTS_OF_EACH = 6
_STEPS = 25
_PLACES = 48 << 10
_POINTS = (None, None, "before-sync", "before-root", "after-root", "before-truncate",
           "after-truncate")

# A sync that reports its begin, and then waits for the order to succeed or to fail.
_HELD_SYNC = """
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
static int held_sync(void) {
  char how = 0;
  if (write(atoi(getenv("HELD_SYNC_BEGUN")), &how, 1) != 1) abort();
  if (read(atoi(getenv("HELD_SYNC_END")), &how, 1) != 1) abort();
  errno = EIO;
  return how == 'f' ? -1 : 0;
}
int fdatasync(int fd) { return (void)fd, held_sync(); }
int fsync(int fd) { return (void)fd, held_sync(); }
"""


def _history(seed):
    """Steps: (call, place, bytes); the bytes of a sync are written while it runs."""
    chance = random.Random(f"{seed}/history")
    steps = []
    for _ in range(chance.randint(1, _STEPS)):
        call = chance.choice(("pwrite", "pwrite", "pwritev", "write", "writev", "append", "through",
                              "truncate", "fdatasync", "fsync", "overtaken", "failed"))
        at = chance.randrange(_PLACES)
        size = chance.choice((1, 120, _SECTOR, 4096, 10_000))
        if chance.random() < 0.7:
            at -= at % size
        steps.append((call, at, chance.randbytes(size)))
    return steps


# --- The process

class _HeldSync:
    def __init__(self):
        begun, end = os.pipe(), os.pipe()
        self._begun, self._end = begun[0], end[1]
        os.environ["HELD_SYNC_BEGUN"], os.environ["HELD_SYNC_END"] = str(begun[1]), str(end[0])

    def run(self, sync, fd, meanwhile, fails):
        def attempt():
            try:
                sync(fd)
            except OSError:
                pass
        thread = threading.Thread(target=attempt)
        thread.start()
        os.read(self._begun, 1)
        meanwhile()
        os.write(self._end, b"f" if fails else b"s")
        thread.join()


def _go_through(path, seed, is_held):
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    through = os.open(path, os.O_WRONLY | os.O_DSYNC)
    appending = os.open(path, os.O_WRONLY | os.O_APPEND)
    held = _HeldSync()

    def sync(how, meanwhile=lambda: None, fails=False):
        if is_held:
            held.run(how, fd, meanwhile, fails)
        else:
            how(fd)
            meanwhile()

    def move_and(call, at):
        os.lseek(fd, at, os.SEEK_SET)
        call()

    for call, at, data in _history(seed):
        half = len(data) // 2
        parts = [data[:half], data[half:]]
        {"pwrite": lambda: os.pwrite(fd, data, at),
         "pwritev": lambda: os.pwritev(fd, parts, at),
         "write": lambda: move_and(lambda: os.write(fd, data), at),
         "writev": lambda: move_and(lambda: os.writev(fd, parts), at),
         "append": lambda: os.write(appending, data),
         "through": lambda: os.pwrite(through, data, at),
         "truncate": lambda: os.ftruncate(fd, at),
         "fdatasync": lambda: sync(os.fdatasync),
         "fsync": lambda: sync(os.fsync),
         "overtaken": lambda: sync(os.fdatasync, lambda: os.pwrite(fd, data, at)),
         "failed": lambda: sync(os.fdatasync, fails=True)}[call]()
    os.kill(os.getpid(), signal.SIGKILL)


# --- The allowed contents of its file

class _Killed(Exception):
    pass


class _Expected:
    """{place of a sector or page: all contents since the last sync that covered it, the oldest first}.

    The lengths of the file are kept in the same way.
    """

    def __init__(self, steps, unit, point, lies):
        self._unit = unit
        self._content = bytearray()
        self._point, self._passages_left = point if point else (None, 0)
        self._lies = lies
        self._sync()
        try:
            for step in steps:
                self._take(*step)
        except _Killed:
            pass

    def is_durable(self):
        return not self._versions and len(self.lengths) == 1

    def versions(self, place):
        return self._versions.get(place) or [self._at(place)]

    def complaints(self, found, is_oldest):
        if len(found) not in (self.lengths[:1] if is_oldest else self.lengths):
            return [f"its length is {len(found)}, not one of {self.lengths}"]
        for place in range(0, len(found), self._unit):
            piece, versions = found[place:place + self._unit], self.versions(place)
            allowed = [version[:len(piece)] for version in (versions[:1] if is_oldest else versions)]
            if piece not in allowed:
                return [f"{self._unit} bytes at {place} are none of their {len(allowed)} versions"]
        return []

    def places_among_versions(self, found):
        """(number of versions, index of the found one) of each piece of the file."""
        for place, versions in self._versions.items():
            piece = found[place:place + self._unit]
            if piece in versions:
                yield len(versions), versions.index(piece)

    def _at(self, place):
        return bytes(self._content[place:place + self._unit]).ljust(self._unit, b"\0")

    def _pass(self, point):
        if point == self._point:
            self._passages_left -= 1
            if self._passages_left == 0:
                raise _Killed

    def _sync(self):
        self._versions, self.lengths = {}, [len(self._content)]

    def _take(self, call, at, data):
        if call in ("fdatasync", "fsync", "overtaken", "failed"):
            self._pass("before-sync")
            if call != "failed" and not self._lies:
                self._sync()
            if call == "overtaken":
                self._write(at, data)
        elif call == "truncate":
            self._pass("before-truncate")
            self._truncate(at)
            self._pass("after-truncate")
        elif call == "through":
            self._pass("before-root")
            self._write(at, data)
            self._pass("after-root")
            for place in self._places(at, at + len(data)):
                self._versions.pop(place, None)
                self._versions[place] = [self._at(place)]
            if min(self.lengths) < at + len(data):
                self.lengths = [len(self._content)]
        else:
            self._write(len(self._content) if call == "append" else at, data)

    def _places(self, begin, end):
        return range(begin // self._unit * self._unit, end, self._unit)

    def _change(self, begin, end, change):
        for place in self._places(begin, end):
            self._versions.setdefault(place, [self._at(place)])
        change()
        for place in self._places(begin, end):
            self._versions[place].append(self._at(place))
        self.lengths.append(len(self._content))

    def _write(self, at, data):
        def change():
            self._content.extend(bytes(max(0, at - len(self._content))))
            self._content[at:at + len(data)] = data
        self._change(at, at + len(data), change)

    def _truncate(self, size):
        def change():
            self._content.extend(bytes(max(0, size - len(self._content))))
            del self._content[size:]
        self._change(*sorted((size, len(self._content))), change)


# --- The comparison

def _build_held_sync(folder):
    library = os.path.join(folder, "held_sync.so")
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-x", "c", "-", "-o", library],
                   input=_HELD_SYNC.encode(), check=True)
    return library


def _run(disk, data_dir, seed, is_held, point):
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("MILLRACE_CRASH_POINT", None)
    if point:
        environment["MILLRACE_CRASH_POINT"] = f"{point[0]}:{point[1]}"
    os.makedirs(data_dir)
    done = subprocess.run([*disk.wrapper(data_dir), sys.executable, __file__,
                           os.path.join(data_dir, "file"), seed, "held" if is_held else "real"],
                          env=environment, capture_output=True, text=True, check=False)
    if done.returncode != -signal.SIGKILL:
        raise AssertionError(f"exit status {done.returncode} instead of a kill: {done.stderr[-500:]}")


def _cut_copy(libraries, folder, chance, unit, loss):
    """The content of the file after a cut of a copy; the folder stays as it was."""
    copy = folder + "-copy"
    shutil.copytree(folder, copy)
    try:
        power.Disk(libraries, chance, units=(unit,), losses=(loss,)).cut(os.path.join(copy, "data"))
        with open(os.path.join(copy, "data", "file"), "rb") as file:
            return file.read()
    finally:
        shutil.rmtree(copy)


def _complaints_of_one(libraries, folder, seed, seen):
    chance = random.Random(f"{seed}/cuts")
    lies = chance.random() < 0.25
    name = chance.choice(_POINTS)
    point = (name, chance.randint(1, 3)) if name else None
    data_dir = os.path.join(folder, "data")
    _run(power.Disk(libraries, chance, lies), data_dir, seed, not lies, point)
    undo = power.Undo(os.path.join(folder, "data-undo", "file"))
    found = []
    for unit in power.UNITS:
        expected = _Expected(_history(seed), unit, point, lies)
        if expected.is_durable() and undo.byte_count:
            found.append(f"{undo.byte_count} bytes are kept although all is synced")
        for loss in (0, 1, *[0.5] * _CUTS_OF_EACH):
            content = _cut_copy(libraries, folder, chance, unit, loss)
            found += expected.complaints(content, is_oldest=loss == 1)
            seen.update(expected.places_among_versions(content))
    return [f"history {seed}, point {point}, lies {lies}: {complaint}" for complaint in found]


def _complaints_of_cut_record(libraries, folder):
    """A change whose record was cut off by the kill had not begun."""
    data_dir, undo_dir = os.path.join(folder, "data"), os.path.join(folder, "data-undo")
    os.makedirs(data_dir)
    program = ("import os, signal, sys; fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT); "
               "[(os.pwrite(fd, bytes([n]) * 4096, 0), n or os.fsync(fd)) for n in range(3)]; "
               "os.kill(os.getpid(), signal.SIGKILL)")
    path = os.path.join(data_dir, "file")
    disk = power.Disk(libraries, random.Random(0), losses=(1,))
    subprocess.run([*disk.wrapper(data_dir), sys.executable, "-c", program, path], check=False)
    undo_path = os.path.join(undo_dir, "file")
    changes = len(power.Undo(undo_path).changes)
    os.truncate(undo_path, os.path.getsize(undo_path) - 1)
    left = power.Undo(undo_path).changes
    disk.cut(data_dir)
    with open(path, "rb") as file:
        is_synced = file.read() == bytes(4096)
    return [] if (changes, len(left), is_synced) == (2, 1, True) else [
        f"{changes} changes, {len(left)} without the last record, is as synced: {is_synced}"]


def complaints(library, seed):
    found, seen = [], set()
    tools = tempfile.mkdtemp(prefix="millrace-power-checks-")
    try:
        libraries = f"{library}:{_build_held_sync(tools)}"
        for number in range(_HISTORIES):
            folder = os.path.join(tools, str(number))
            found += _complaints_of_one(libraries, folder, f"{seed}/{number}", seen)
        found += _complaints_of_cut_record(library, os.path.join(tools, "cut-record"))
    finally:
        shutil.rmtree(tools)
    # `seen` has pairs of a number of versions and the version that a simulated power cut has left. If a page had three
    # versions, each of them must have been left at least once.
    return found + [f"nothing with three versions was left with number {index}"
                    for index in range(3) if (3, index) not in seen]


if __name__ == "__main__":
    _go_through(sys.argv[1], sys.argv[2], sys.argv[3] == "held")
