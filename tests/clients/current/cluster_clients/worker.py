"""Shared functions of the programs in Python: they print lines with a time stamp, and end when their standard input
ends."""
import sys
import threading
import time

KEYS = [f"k{number}" for number in range(12)]
KEYS_AT_ONCE = 4
PAUSE_S = 0.02
stopping = threading.Event()
_lock = threading.Lock()


def say(*words):
    with _lock:
        print(time.time_ns(), *words, flush=True)


def numbered():
    """Writes keys and values until the end: KEYS_AT_ONCE keys, then a pause of PAUSE_S seconds."""
    number = 0
    while not stopping.wait(PAUSE_S):
        for _ in range(KEYS_AT_ONCE):
            key = KEYS[number % len(KEYS)]
            yield key, f"{key}-{number // len(KEYS)}"
            number += 1


def main(roles):
    def wait_for_the_end():
        sys.stdin.read()
        stopping.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    roles[sys.argv[1]](*sys.argv[2:])
