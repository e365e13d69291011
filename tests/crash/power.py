"""Power cuts: changes that a killed process had written to its files and not synced are undone, at random.

power_cut.c, preloaded, records the old contents before each change. A disk may have kept any version that a sector
had since the last sync that covered it, each sector on its own; or each page, for disks and file systems that write
only whole pages. The length of a file may be lost in the same way.
"""
import collections
import os
import struct
import subprocess

_HERE = os.path.dirname(os.path.abspath(__file__))
_PAGE = 4096
UNITS = (512, _PAGE)
# Probabilities that a write is lost. Some disks have written nearly nothing, and others nearly all.
_LOSSES = (0.02, 0.3, 0.7, 0.98, 1)
# As in power_cut.c.
_RECORD = struct.Struct("=5q")
_CHANGE, _DURABLE_UNTIL, _DURABLE = 1, 2, 3

# Crash points in power_cut.c, and for each the highest number of times that a process may pass it before it is killed
# there.
CRASH_POINTS = {"before-sync": 400, "before-root": 400, "after-root": 400}
POINTS_OF_DEFINING = ("before-sync", "after-root")

# One write to a file: bytes `begin` to `end`. `old` has the former contents of the pages that contain these bytes.
Change = collections.namedtuple("Change", "number begin end old_file_size old")


def build(folder):
    """Compiles power_cut.c, and returns the path of the library for LD_PRELOAD."""
    library = os.path.join(folder, "power_cut.so")
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-o", library,
                    os.path.join(_HERE, "power_cut.c"), "-ldl"], check=True)
    return library


def _undo_dir(data_dir):
    return data_dir + "-undo"


def _down(at, unit):
    return at // unit * unit


def _up(at, unit):
    return -(-at // unit) * unit


class Undo:
    """The record of changes of one file that may not have reached the disk."""

    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        self.byte_count = len(data)
        self.changes = []
        self._durable_until, self._durable = 0, set()
        at = 0
        while len(data) - at >= _RECORD.size:
            kind, number, begin, end, old_file_size = _RECORD.unpack_from(data, at)
            at += _RECORD.size
            if kind == _DURABLE_UNTIL:
                self._durable_until = max(self._durable_until, number)
            elif kind == _DURABLE:
                self._durable.add(number)
            elif kind == _CHANGE:
                size = _up(end, _PAGE) - _down(begin, _PAGE)
                known = max(0, min(size, old_file_size - _down(begin, _PAGE)))
                if len(data) - at < known:
                    return  # killed meanwhile: the change itself has not begun
                self.changes.append(Change(number, begin, end, old_file_size,
                                           data[at:at + known].ljust(size, b"\0")))
                at += known
            else:
                raise AssertionError(f"{path} has a record of an unknown kind {kind} at {at}")

    def is_durable(self, change):
        return change.number <= self._durable_until or change.number in self._durable

    def versions(self, unit):
        """{place of a sector or page: its versions since it was last durable, without the newest}."""
        found = {}
        for change in self.changes:
            for place in range(_down(change.begin, unit), _up(change.end, unit), unit):
                if self.is_durable(change):
                    found.pop(place, None)
                else:
                    at = place - _down(change.begin, _PAGE)
                    found.setdefault(place, []).append(change.old[at:at + unit])
        return found

    def lengths(self):
        """The lengths of the file since the last durable one, without the newest."""
        found = []
        for change in self.changes:
            if not self.is_durable(change):
                found.append(change.old_file_size)
            elif (change.number <= self._durable_until
                  or min([*found, change.old_file_size]) < change.end):
                found.clear()  # a write through the file descriptor is durable as soon as it can be read
        return found


class Disk:
    """Files whose power can be cut.

    `libraries`: the result of build(); `lies`: syncs have no effect. A cut loses pieces of the size of one of the
    `units`, each with one of the probabilities in `losses`. `endangered` counts the sectors and pages with older
    versions, `lost` those that were set back to one.
    """

    def __init__(self, libraries, chance, lies=False, units=UNITS, losses=_LOSSES):
        self._libraries = libraries
        self._chance = chance
        self._lies = lies
        self._units, self._losses = units, losses
        self.endangered = self.lost = self.cuts = 0

    def wrapper(self, data_dir):
        """The beginning of a command line for a process that works in this directory."""
        os.makedirs(_undo_dir(data_dir), exist_ok=True)
        # AddressSanitizer normally refuses to run if another library is loaded before it; it works nevertheless.
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        return ("env", f"LD_PRELOAD={self._libraries}", f"ASAN_OPTIONS={sanitizer}",
                f"MILLRACE_POWER_CUT_DATA={os.path.realpath(data_dir)}",
                f"MILLRACE_POWER_CUT_UNDO={os.path.realpath(_undo_dir(data_dir))}",
                *(["MILLRACE_POWER_CUT_LIE=1"] if self._lies else []))

    def cut(self, data_dir):
        """Call it after the process has died. Afterwards another process may start."""
        self.cuts += 1
        unit, loss = self._chance.choice(self._units), self._chance.choice(self._losses)
        undo_dir = _undo_dir(data_dir)
        for name in sorted(os.listdir(undo_dir)):
            path = os.path.join(undo_dir, name)
            self._take_back(os.path.join(data_dir, name), Undo(path), unit, loss)
            os.unlink(path)
        if os.path.isdir(data_dir):
            for name in sorted(os.listdir(data_dir)):
                if name.endswith("-lock"):
                    self._forget(os.path.join(data_dir, name), unit, loss)

    def _is_lost(self, loss):
        self.endangered += 1
        is_lost = self._chance.random() < loss
        self.lost += is_lost
        return is_lost

    def _take_back(self, path, undo, unit, loss):
        length = os.path.getsize(path)
        with open(path, "r+b") as file:
            for place, olders in sorted(undo.versions(unit).items()):
                if self._is_lost(loss):
                    file.seek(place)
                    file.write(self._older(olders, loss))
            lengths = undo.lengths()
            if any(older != length for older in lengths) and self._is_lost(loss):
                length = self._older(lengths, loss)
            file.truncate(length)

    def _older(self, olders, loss):
        """If everything is lost, the result is the oldest version: the one that is known to be on the disk."""
        return olders[0] if loss == 1 else self._chance.choice(olders)

    def _forget(self, path, unit, loss):
        """Cuts a lock table, which is written through a mapping and never synced."""
        length = os.path.getsize(path)
        with open(path, "r+b") as file:
            for place in range(0, length, unit):
                if self._chance.random() < loss:
                    file.seek(place)
                    file.write(bytes(min(unit, length - place)))
            if self._chance.random() < loss:
                file.truncate(self._chance.randrange(length + 1))
