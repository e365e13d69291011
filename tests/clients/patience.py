"""Time limits of tests: one patience that grows with the load of the machine, and one error for a limit that passed.

A test never fails because the machine is busy. Every limit is `patience(base)`: the base on a quiet machine, times the
number of programs that compete for each core. The load is measured when a wait begins and again when it would expire.

TimedOut is the only failure that tests/run repeats: a wrong, lost or doubled row stays a plain AssertionError.
"""
import contextlib
import faulthandler
import os
import signal
import subprocess
import sys
import threading
import time

CASE_LIMIT_S = 300  # limit for one case on a quiet machine; the longest takes about 100
_GRACE_S = 30  # after its limit, a case has this time to leave a call that signals do not interrupt


class TimedOut(AssertionError):
    """A time limit has passed before the awaited state was reached."""


def load_per_core():
    """Programs that compete for each core, at least 1: the larger one of the mean of the last minute and the present
    number.

    The mean alone lags: it is small in the first seconds after a dozen compilers have started.
    """
    with open("/proc/loadavg", encoding="ascii") as file:
        mean, _, _, running, _ = file.read().split()
    return max(1.0, max(float(mean), float(running.split("/")[0])) / os.cpu_count())


def patience(base_s):
    """Returns the limit in seconds that corresponds to `base_s` seconds on a quiet machine."""
    return base_s * load_per_core()


class Deadline:
    """The end of a wait of `base_s` seconds; it is moved to later while the machine is busy."""

    def __init__(self, base_s):
        self.base_s = base_s
        self.began = time.monotonic()
        self.end = self.began + patience(base_s)

    def is_over(self):
        if time.monotonic() < self.end:
            return False
        self.end = max(self.end, self.began + patience(self.base_s))
        return time.monotonic() >= self.end

    def left_s(self):
        return 0.0 if self.is_over() else self.end - time.monotonic()

    def check(self, what="the awaited state did not come"):
        """Raises TimedOut when the time is over; `what` is a text or a function that returns one."""
        if self.is_over():
            raise TimedOut(f"{what() if callable(what) else what} (within {self.end - self.began:.0f} s)")


def wait_until(holds, what="the awaited state did not come", seconds=20, pause_s=0.05):
    """Returns the result of `holds` as soon as it is true; otherwise raises TimedOut with `what`."""
    deadline = Deadline(seconds)
    while not (found := holds()):
        deadline.check(what)
        time.sleep(pause_s)
    return found


def check_less(took_s, bound_s, what="it took too long"):
    """An upper bound on elapsed time, for @timed cases: fails when `took_s` is not below `bound_s`, scaled by the load."""
    if took_s >= bound_s and took_s >= (bound := patience(bound_s)):
        raise TimedOut(f"{what}: {took_s:.2f} s, the bound is {bound:.2f} s")


def check_took_less(began, bound_s, what="it took too long"):
    """check_less for the time that has passed since `began` (time.monotonic())."""
    check_less(time.monotonic() - began, bound_s, what)


def is_time_out(error):
    """Returns whether a case failed because a time limit passed, and not because an answer was wrong."""
    if isinstance(error, (TimedOut, TimeoutError, subprocess.TimeoutExpired)):
        return True
    if isinstance(getattr(error, "reason", None), TimeoutError):  # urllib's URLError
        return True
    return type(error).__name__ == "QueryCanceled" and "statement timeout" in str(error)


def _descendants(pid):
    """The processes that were started by `pid`, directly or not."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                children.setdefault(int(file.read().rsplit(")", 1)[1].split()[1]), []).append(int(name))
    found, left = [], [pid]
    while left:
        new = children.get(left.pop(), [])
        found += new
        left += new
    return found


def end_descendants():
    """Kills every process that this program has started, at the end of a run that hangs."""
    for pid in _descendants(os.getpid()):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def case_limit(name, on_hang, base_s=CASE_LIMIT_S):
    """Ends a case that takes longer than its limit: it gets TimedOut, after the stacks of all threads were printed.

    A case that is stuck in a call which signals do not interrupt cannot get an exception. `on_hang` is then called on
    another thread; it must end the program.
    """
    deadline, is_through = Deadline(base_s), threading.Event()

    def expire(*_):
        if not deadline.is_over():
            signal.setitimer(signal.ITIMER_REAL, deadline.left_s() or 0.1)
            return
        print(f"stacks of {name} after {deadline.end - deadline.began:.0f} s:", flush=True)
        faulthandler.dump_traceback(file=sys.stdout)
        raise TimedOut(f"the case was not through within {deadline.end - deadline.began:.0f} s")

    def watch():
        while not is_through.wait(max(deadline.left_s(), 1.0)):
            if deadline.is_over() and not is_through.wait(_GRACE_S):
                print(f"stacks of {name}, which did not react to its limit:", flush=True)
                faulthandler.dump_traceback(file=sys.stdout)
                on_hang()

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, deadline.left_s())
    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        is_through.set()
