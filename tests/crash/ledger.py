"""The clients' knowledge of the rows that they sent."""
import enum
import itertools
import threading
import zlib

# Event time of row 0; each row is a little later, except for the jitter below.
_EPOCH_MS = 1_700_000_000_000
_STEP_MS = 25
_DEVICES = 300
_CITIES = 40


def columns_of(row_id):
    """Device, amount, city and event time of a row. They follow from its id, so that damage
    shows."""
    mixed = zlib.crc32(b"%d" % row_id)
    late_ms = 60_000 if row_id % 101 == 0 else mixed // 7 % 15_000
    return (f"d{mixed % _DEVICES}", mixed // 3 % 100, f"c{mixed // 5 % _CITIES}",
            _EPOCH_MS + row_id * _STEP_MS - late_ms)


class Fate(enum.Enum):
    NEVER = "never"    # dropped by the client, or refused
    MAYBE = "maybe"    # sent, but the server died before it answered
    STORED = "stored"  # acknowledged


class Group:
    """Rows that are stored all together or not at all; of a long COPY, the first rows may be
    stored alone."""

    def __init__(self, ids, what, is_in_blocks):
        self.ids = ids
        self.what = what
        self.fate = Fate.NEVER
        self.is_in_blocks = is_in_blocks

    def keep_first(self, row_count):
        """Only the first `row_count` rows are stored."""
        del self.ids[row_count:]
        self.fate = Fate.STORED

    def settle(self, present_ids):
        """Settles an open fate. Returns a complaint about the stored rows, or None if they are
        right."""
        present = sum(row_id in present_ids for row_id in self.ids)
        if self.fate is Fate.MAYBE:
            if self.is_in_blocks and all(row_id in present_ids for row_id in self.ids[:present]):
                self.keep_first(present)
            elif present in (0, len(self.ids)):
                self.fate = Fate.STORED if present else Fate.NEVER
        expected = {Fate.STORED: str(len(self.ids)), Fate.NEVER: "0",
                    Fate.MAYBE: "all or none"}[self.fate]
        if str(present) == expected:
            return None
        return (f"{self.what} of {len(self.ids)} rows from {self.ids[0]} on ({self.fate.value}): "
                f"{present} are there, not {expected}")


class Ledger:
    """All groups of one data directory.

    Threads: any thread may begin groups, and each changes the fate of its own groups only.
    """

    def __init__(self):
        self._next_id = itertools.count()
        self._mutex = threading.Lock()
        self.groups = []          # guarded by _mutex
        self.shown_ids = set()    # ids that a push query on the filter's output has shown
        self.shown_counts = {}    # by city: the greatest count that a look-up has shown

    def begin(self, row_count, what, is_in_blocks=False):
        with self._mutex:
            group = Group([next(self._next_id) for _ in range(row_count)], what, is_in_blocks)
            self.groups.append(group)
            return group

    def stored_rows(self):
        return sum(len(group.ids) for group in self.groups if group.fate is Fate.STORED)

    def settle(self, present_ids):
        """Complaints about rows that are stored and should not be, or the other way round.

        Groups with an open fate get one: later kills must not change it.
        """
        complaints = []
        for group in self.groups:
            complaint = group.settle(present_ids)
            if complaint:
                complaints.append(complaint)
        sent = {row_id for group in self.groups for row_id in group.ids}
        if not present_ids <= sent:
            complaints.append(f"{len(present_ids - sent)} rows are there that nobody sent")
        return complaints
