#!/usr/bin/python3
"""Three nodes and an etcd that print their addresses as one server does, and run until SIGTERM: for clients' own tests.

usage: three_nodes.py [--kills SECONDS] [server's flags]: with --kills one of them after the other is killed or frozen, and started
again when all were in sync once more; each action and its node are printed to standard error.
"""
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from cluster_cases import all_is_well  # noqa: E402
from cluster_nodes import Cluster  # noqa: E402

FROZEN_S = 4  # longer than the session time-out of a node


def tell(*what):
    print(time.strftime("%H:%M:%S"), *what, file=sys.stderr, flush=True)


def disturb(nodes, chance):
    node = chance.choice(list(nodes.nodes.values()))
    what = chance.choice(["kill", "kill", "freeze", "stop"])
    tell(what, node.number)
    if what == "freeze":
        node.freeze()
        time.sleep(FROZEN_S)
        node.thaw()
    else:
        getattr(node, what)()
        time.sleep(1)  # clients meet a node that is away
        node.start()
    all_is_well(nodes)
    tell("all is well")


def main():
    flags = sys.argv[1:]
    pause_s = None
    if flags and flags[0] == "--kills":
        pause_s, flags = float(flags[1]), flags[2:]
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    nodes = Cluster(flags=["--node-session-timeout-ms", "2000", *flags])
    try:
        print(f"kafka listening on {nodes.bootstrap}\nready", flush=True)
        chance = random.Random(time.time())
        while not stopping.wait(pause_s):
            disturb(nodes, chance)
    finally:
        nodes.close()


main()
