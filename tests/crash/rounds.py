"""Rounds of kills and checks, and their results."""
import random
import sys
import time

_ROUNDS_PER_DATA_DIR = 5


class Results:
    """Counts cases, prints each, and sums up."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.records = self.kills = self.stops = 0
        self._began = time.monotonic()

    def note(self, name, complaints, world=None):
        if complaints:
            self.failed += 1
            print(f"FAILED {name}" + (f", see {world.folder}" if world else ""))
            for complaint in complaints[:20]:
                print("  " + complaint, flush=True)
            return
        self.passed += 1
        print(name + (f": {len(world.ledger.groups)} writes, {world.record_count()} rows, "
                      f"{world.kills} kills, {world.stops} stops so far: all there, once" if world else ""), flush=True)

    def skip(self, name, reason):
        self.skipped += 1
        print(f"skipped {name}: {reason}", flush=True)

    def leave(self, world, keep):
        world.end()
        self.records += world.record_count()
        self.kills += world.kills
        self.stops += world.stops
        if not self.failed and not keep:
            world.remove()

    def end(self):
        """Prints the sum, and ends the program."""
        print(f"{self.kills} kills, {self.stops} stops, {self.records} rows in "
              f"{time.monotonic() - self._began:.0f} s")
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        sys.exit(1 if self.failed else 0)


def attempt(case):
    """The complaints of the case. If it raises an exception, the exception is the complaint."""
    try:
        return case()
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]


def _round(world, first_point, point, is_first, stops):
    complaints = world.kill_while_defining() if is_first else []
    if not is_first and stops:
        complaints += world.stop_under_load()
    else:
        complaints += world.kill_under_load(first_point) + world.check()
    return complaints or world.kill_under_load(point) + world.check()


def _numbered(point, crash_points, chance):
    return f"{point}:{chance.randint(1, crash_points[point])}"


def run(count, seed, crash_points, make_world, keep, results, first_points=(None,)):
    """The newest data directory; None if something is wrong with it.

    `crash_points`: by name, the greatest number of passages; all are for the second kill of a round,
    `first_points` for the first one, where None is any moment. `make_world`: of a seed.
    """
    chance = random.Random(f"{seed}/points")
    points = []
    world = None
    for number in range(count):
        if number % _ROUNDS_PER_DATA_DIR == 0:
            if world:
                results.leave(world, keep)
            world = make_world(f"{seed}/{number}")
        if not points:
            points = chance.sample(sorted(crash_points), len(crash_points))
        point = _numbered(points.pop(), crash_points, chance)
        is_first = number % _ROUNDS_PER_DATA_DIR == 0
        stops = chance.random() < 0.4
        first_point = chance.choice(first_points)
        if first_point:
            first_point = _numbered(first_point, crash_points, chance)
        complaints = attempt(lambda: _round(world, first_point, point, is_first, stops))
        results.note(f"round {number + 1} ({point})", complaints, world)
        if complaints:  # a wrong data directory stays wrong
            results.leave(world, keep)
            return None
    return world
