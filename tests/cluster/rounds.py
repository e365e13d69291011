"""Rounds, one after the other, and their results."""
import random
import sys
import time
import traceback

from accounts import Accounts
from cluster_nodes import eventually
from millrace_server import Skipped, obstacle_of_own_client
from mishaps import Round
from queries import Queries, psycopg
from records import Consumer, Records
from sessions import Sessions
from transactions import Transactions
from world import World

_ROUNDS_PER_CLUSTER = 10
_GOES_ON_WITHIN_S = 60


class Life:
    """A cluster with its clients."""

    def __init__(self, seed):
        self.world, self.loads, self.count = World(), [], 0
        try:
            for make in (lambda: Records(self.world), lambda: Transactions(self.world, seed), lambda: Queries(self.world, seed),
                         lambda: Accounts(self.world, seed), lambda: Sessions(self.world, seed)):
                self.loads.append(make())
        except BaseException:
            self.end(keeps=True)
            raise

    def round(self, plan):
        """Disturbs the cluster under load, waits until it is well, and returns what is wrong then."""
        self.count += 1
        for load in self.loads:
            load.resume()
        time.sleep(1)  # all clients work when the disturbance begins
        self._disturb(plan)
        self.world.heal()
        self.world.wait_until_well()
        plan.end(self.world)
        self.world.wait_until_well()
        self._go_on()
        for load in self.loads:
            load.pause()
        return [complaint for load in self.loads for complaint in load.complaints()] + self.world.complaints()

    def _disturb(self, plan):
        for name in plan.names:
            time.sleep(plan.begin(self.world, name))
            if plan.heals_in_between():
                self.world.heal()

    def _go_on(self):
        for load in self.loads:
            before = load.progress()

            def goes_on(load=load, before=before):
                return load.progress() > before + 5
            try:
                eventually(goes_on, _GOES_ON_WITHIN_S)
            except AssertionError as error:
                raise AssertionError(f"{type(load).__name__} do not go on: {load.progress() - before} within "
                                     f"{_GOES_ON_WITHIN_S} s, although all is well") from error

    def summary(self):
        return ", ".join(load.summary() for load in self.loads)

    def end(self, keeps):
        for load in self.loads:
            load.end()
        self.world.close(keeps)


def _obstacle():
    if Consumer is None or psycopg is None:
        return "confluent-kafka or psycopg is not installed"
    return obstacle_of_own_client()


def _told(error):
    return [f"{type(error).__name__}: {error}", *traceback.format_exc().splitlines()[-6:-1]]


def _attempt(what):
    try:
        return what()
    except Exception as error:  # every error is a finding
        return _told(error)


def run(options):
    """Runs the rounds, prints their results, and exits with status 1 if one has failed."""
    passed = failed = skipped = 0
    life, began = None, time.monotonic()
    if _obstacle():
        print(f"skipped rounds: {_obstacle()}")
        skipped = options.rounds
    for seed in range(options.seed, options.seed + options.rounds - skipped):
        round_began, plan = time.monotonic(), Round(random.Random(seed), options.only)
        complaints = []
        if life is None:
            try:
                life = Life(seed)
            except Skipped as reason:
                print(f"skipped rounds: {reason}")
                skipped = options.rounds - passed - failed
                break
            except Exception as error:  # if the cluster does not start, the round has failed
                complaints = _told(error)
        complaints = complaints or _attempt(lambda life=life, plan=plan: life.round(plan))
        print(f"{'FAILED ' if complaints else ''}round {seed - options.seed + 1}, seed {seed}: {'; '.join(plan.said)}: "
              f"{life.summary() if life else 'no cluster'} ({time.monotonic() - round_began:.0f} s)", flush=True)
        for complaint in complaints[:20]:
            print("  " + complaint, flush=True)
        passed, failed = passed + (not complaints), failed + bool(complaints)
        if life and (complaints or life.count == _ROUNDS_PER_CLUSTER):
            if complaints or options.keep:
                print(f"  logs and data: {life.world.folder}", flush=True)
            life.end(keeps=bool(complaints) or options.keep)
            life = None
    if life:
        life.end(keeps=options.keep)
    print(f"{passed + failed} rounds in {time.monotonic() - began:.0f} s")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)
