"""The disturbances. Each gets a part of the round's random choices, and returns a description."""
import dataclasses
import json
import os
import subprocess
from collections.abc import Callable

from cluster_cases import metadata_of
from world import FOURTH, MEMBERS, NODES

try:
    from confluent_kafka import KafkaException
except ImportError:
    KafkaException = None


@dataclasses.dataclass
class Mishap:
    # called with the world, the numbers of the nodes that no other mishap affects, in random order, and the random
    # choices; returns a description
    begin: Callable
    nodes: int = 1   # number of affected nodes
    weight: int = 2
    lasts_s: tuple = (0.5, 5)
    end: Callable = lambda world: None  # after everything is repaired


def _kill(world, numbers, _):
    for number in numbers:
        world.kill(number)
    return "kill " + " and ".join(map(str, numbers))


def _freeze(world, numbers, _):
    world.nodes[numbers[0]].freeze()
    return f"freeze {numbers[0]}"


def _stop(world, numbers, _):
    world.stop(numbers[0])
    return f"stop {numbers[0]}"


def _cut_off(world, numbers, _):
    world.cut_off(numbers[0], hears=False, is_heard=False)
    return f"cut {numbers[0]} off"


def _deafen(world, numbers, _):
    world.cut_off(numbers[0], hears=False, is_heard=True)
    return f"nobody reaches {numbers[0]}"


def _silence(world, numbers, _):
    world.cut_off(numbers[0], hears=True, is_heard=False)
    return f"{numbers[0]} reaches nobody"


def _cut_pair(world, numbers, chance):
    one, other = numbers
    both_ways = chance.random() < 0.4
    world.network.cut(one, other, both_ways)
    return f"cut {one} from {other}" if both_ways else f"{one} does not reach {other}"


def _cut_from_etcd(world, numbers, _):
    world.cut_from_etcd(numbers[0])
    return f"{numbers[0]} does not reach etcd"


def _kill_members(world, _, chance):
    numbers = chance.sample(MEMBERS, chance.choice((1, 1, 2, 3)))
    for number in numbers:
        world.members[number].kill()
    return "kill etcd's " + " and ".join(map(str, numbers))


def _fill_disk(world, numbers, _):
    world.disks[numbers[0]].fill()
    return f"fill the disk of {numbers[0]}"


def _asked_at(world):
    """Returns a node that answers, or None."""
    for node in world.running():
        try:
            metadata_of(node)
            return node
        except KafkaException:
            continue
    return None


def _move_leaders(world, _, chance):
    """Changes the order of the replicas and makes the first one of each the leader. A refusal is right if no controller
    exists."""
    order = chance.sample(NODES, len(NODES))
    node = _asked_at(world)
    if node is None:
        return "nobody is there to move leaders"
    plan = [{"topic": name, "partition": number, "replicas": [order[(number + i) % len(order)] for i in range(len(order))]}
            for name, topic in metadata_of(node).topics.items() for number in topic.partitions]
    path = os.path.join(world.folder, "moves.json")
    with open(path, "w") as file:
        json.dump({"version": 1, "partitions": plan}, file)
    said = os.path.join(world.folder, "moves")
    with open(said, "a") as log:
        subprocess.Popen(["sh", "-c", f"""
          timeout 20 {world.tool("kafka-reassign-partitions")} --bootstrap-server {node.kafka} --execute --reassignment-json-file {path}
          timeout 20 {world.tool("kafka-leader-election")} --bootstrap-server {node.kafka} --election-type preferred --all-topic-partitions
          """], stdout=log, stderr=log)
    return f"move leaders, {order[0]} first"


def _add_node(world, _, __):
    world.add_fourth()
    return f"add node {FOURTH}"


def _remove_node(world):
    world.remove_fourth()


MISHAPS = {
    "kill": Mishap(_kill, weight=4),
    "kill two": Mishap(_kill, nodes=2),
    "freeze": Mishap(_freeze, weight=3, lasts_s=(0.2, 6)),
    "stop": Mishap(_stop),
    "cut off": Mishap(_cut_off, weight=3, lasts_s=(1, 8)),
    "deafen": Mishap(_deafen, weight=3, lasts_s=(3, 10)),
    "silence": Mishap(_silence, weight=3, lasts_s=(3, 10)),
    "cut pair": Mishap(_cut_pair, nodes=2, weight=3, lasts_s=(3, 10)),
    "cut from etcd": Mishap(_cut_from_etcd, lasts_s=(1, 8)),
    "kill etcd": Mishap(_kill_members, nodes=0, weight=3),
    "fill disk": Mishap(_fill_disk, lasts_s=(3, 8)),
    "move leaders": Mishap(_move_leaders, nodes=0, lasts_s=(0.2, 3)),
    "add node": Mishap(_add_node, nodes=0, weight=1, lasts_s=(2, 6), end=_remove_node),
}


def choose(chance):
    """The names of one or two disturbances that may happen at once."""
    names = sorted(MISHAPS)
    chosen = chance.choices(names, [MISHAPS[name].weight for name in names], k=chance.choice((1, 2)))
    return list(dict.fromkeys(chosen))


class Round:
    """One or two disturbances, the second of which may begin before the first has ended."""

    def __init__(self, seed_chance, names=None):
        self._chance = seed_chance
        self.names = names or choose(seed_chance)
        self._left = seed_chance.sample(NODES, len(NODES))
        self.said = []

    def begin(self, world, name):
        """Begins the disturbance; returns its duration, or 0 if it is impossible here."""
        mishap = MISHAPS[name]
        numbers, self._left = self._left[:mishap.nodes], self._left[mishap.nodes:]
        lasts_s = self._chance.uniform(*mishap.lasts_s)
        if len(numbers) < mishap.nodes or (name == "fill disk" and not world.disks[numbers[0]].can_be_full()):
            return 0
        self.said.append(f"{mishap.begin(world, numbers, self._chance)} for {lasts_s:.1f} s")
        return lasts_s

    def heals_in_between(self):
        return self._chance.random() < 0.4

    def end(self, world):
        for name in self.names:
            MISHAPS[name].end(world)
