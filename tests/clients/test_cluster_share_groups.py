#!/usr/bin/python3
"""Share groups (KIP-932) on three nodes: leaders of partitions and coordinators of groups are killed while members work.
Members are requests by hand, as in test_share_groups.py."""
import threading
import time

import kafka_wire
from cluster_cases import GROUP, all_is_well, cluster, coordinator_of, create_topic, leader_of
from cluster_nodes import eventually
from millrace_server import case, run
from share_wire import ACCEPT, RELEASE, Worker, describe_offsets, set_group, topic_id

try:
    from confluent_kafka import Producer
except ImportError:
    Producer = None


class Member(Worker):
    """A member that beats at the coordinator of the group, and fetches from the leader of the partition."""

    def __init__(self, nodes, group, name, topic):
        self.nodes = nodes
        self.group, self.name, self.topic = group, name, topic
        self.member_epoch, self.session_epoch = 0, 0
        self.partitions = []
        self.connection = None
        eventually(lambda: self.join() == 0)
        self.open()

    def join(self):
        try:
            with kafka_wire.Connection(coordinator_of(self.nodes, GROUP, self.group).kafka) as connection:
                self.connection, before = connection, self.connection
                error = self.beat([self.topic], epoch=0)
                self.connection = before
                return error
        except OSError:
            return -1

    def open(self):
        """Opens a session at the leader. The answer has the first records."""
        if self.connection is not None:
            self.close()
        self.connection = kafka_wire.Connection(leader_of(self.nodes, self.topic).kafka)
        self.id = topic_id(self.connection, self.topic)
        self.session_epoch = 0


def begin(nodes, topic, group):
    """Creates a topic whose leader does not coordinate the group. Returns (leader, coordinator)."""
    with kafka_wire.Connection(nodes.nodes[1].kafka) as connection:
        coordinator = coordinator_of(nodes, GROUP, group)
        # The locks of records outlast the election of a coordinator on a busy machine.
        set_group(connection, group, share_auto_offset_reset="earliest", share_record_lock_duration_ms="60000")
    others = [number for number in nodes.nodes if number != coordinator.number]
    create_topic(nodes, topic, assignment=[[*others, coordinator.number]])
    leader = leader_of(nodes, topic)
    assert leader is not coordinator, (leader.number, coordinator.number)
    return leader, coordinator


def produce(nodes, topic, values):
    producer = Producer({"bootstrap.servers": nodes.bootstrap, "acks": "all", "linger.ms": 0})
    for value in values:
        producer.produce(topic, str(value), partition=0)
    assert producer.flush(60) == 0


def acquired(member, *wanted, **how):
    """Fetches until the member has acquired the wanted ranges of (first, last, deliveries)."""
    found = []

    def has_all():
        try:
            answer = member.fetch(wait_ms=500, **how)
        except OSError:
            answer = [-1, 0, 0, [], {}]
        if answer[0] or answer[1]:
            try:
                member.open()
            except OSError:
                pass
            return False
        found.extend(answer[3])
        return len(found) >= len(wanted)
    eventually(has_all, 60)
    assert sorted(found) == sorted(wanted), (found, wanted)


@case
def the_next_leader_continues_where_the_killed_one_was():
    nodes = cluster()
    leader, _ = begin(nodes, "led", "leading")
    a = Member(nodes, "leading", "a", "led")
    produce(nodes, "led", range(10))
    got = eventually(lambda: a.fetch(wait_ms=500)[3])
    assert sum(last - first + 1 for first, last, _ in got) <= 10
    while sum(last - first + 1 for first, last, _ in got) < 10:
        got += a.fetch(wait_ms=500)[3]
    assert a.say(5, 6, ACCEPT) == 0
    assert a.say(7, 7, RELEASE) == 0
    assert a.say(9, 9, ACCEPT) == 0
    leader.kill()
    eventually(lambda: leader_of(nodes, "led") is not leader)
    b = Member(nodes, "leading", "b", "led")
    acquired(b, (0, 4, 1), (7, 7, 2), (8, 8, 1))
    assert b.say(0, 4, ACCEPT) == 0
    coordinator = coordinator_of(nodes, GROUP, "leading")
    with kafka_wire.Connection(coordinator.kafka) as connection:
        assert describe_offsets(connection, "leading") == {0: (7, 2)}
    nodes.start_all()
    all_is_well(nodes)


@case
def members_keep_their_records_while_the_coordinator_is_replaced():
    nodes = cluster()
    _, coordinator = begin(nodes, "coordinated", "coordinating")
    a = Member(nodes, "coordinating", "a", "coordinated")
    produce(nodes, "coordinated", range(10))
    b = Member(nodes, "coordinating", "b", "coordinated")
    seen = []
    while sum(last - first + 1 for first, last, _ in seen) < 10:
        seen += a.fetch(wait_ms=500)[3]
    assert all(count == 1 for _, _, count in seen), seen
    coordinator.kill()
    assert a.say(0, 3, ACCEPT) == 0, "the answer waits for the next coordinator"
    assert eventually(lambda: coordinator_of(nodes, GROUP, "coordinating") is not coordinator)
    assert b.fetch(wait_ms=300)[3] == [], "a still has the others"
    assert a.say(4, 6, ACCEPT) == 0
    a.close()
    acquired(b, (7, 9, 2))
    assert b.say(7, 9, ACCEPT) == 0
    assert b.fetch(wait_ms=300)[3] == []
    eventually(lambda: b.join() == 0)
    nodes.start_all()
    all_is_well(nodes)


class Crew:
    """Threads that consume a topic together. After an error a member opens a new session."""

    def __init__(self, nodes, group, topic, count):
        self.nodes, self.group, self.topic = nodes, group, topic
        self.lock = threading.Lock()
        self.confirmed = {}  # offset: the time at which the acknowledgement was confirmed
        self.sent = set()  # offsets that a member has acknowledged; the answer may have been lost
        self.again = []  # records that were delivered after their acknowledgement was confirmed
        self.values = {}
        self.last_error = None  # for a debugger
        self.is_over = False
        self.threads = [threading.Thread(target=self.work, args=(f"m{i}",), daemon=True) for i in range(count)]
        for thread in self.threads:
            thread.start()

    def work(self, name):
        member = None
        while not self.is_over:
            try:
                if member is None:
                    member = Member(self.nodes, self.group, name, self.topic)
                self.step(member)
            except Exception as error:  # answers may be incomplete while a node is being killed
                self.last_error = error
                time.sleep(0.1)
                self.rejoin(member)

    def rejoin(self, member):
        try:
            if member is not None:
                member.join()
                member.open()
        except Exception as error:
            self.last_error = error

    def step(self, member):
        asked = time.monotonic()
        error, part_error, _, ranges, values = member.fetch(wait_ms=300, max_records=20)
        if error or part_error:
            raise OSError(f"fetch: {error} {part_error}")
        with self.lock:
            self.values.update(values)
            for first, last, count in ranges:
                self.again += [(offset, count) for offset in range(first, last + 1)
                               if self.confirmed.get(offset, asked) < asked]
        for first, last, _ in ranges:
            with self.lock:
                self.sent.update(range(first, last + 1))
            error = member.say(first, last, ACCEPT)
            if error:
                raise OSError(f"acknowledge: {error}")
            with self.lock:
                now = time.monotonic()
                for offset in range(first, last + 1):
                    self.confirmed.setdefault(offset, now)

    def end(self):
        self.is_over = True
        for thread in self.threads:
            thread.join(60)


@case
def kills_of_leaders_and_coordinators_lose_and_repeat_nothing():
    nodes = cluster()
    begin(nodes, "killed", "killing")
    crew = Crew(nodes, "killing", "killed", 3)
    produced = 0
    try:
        for kill in (lambda: leader_of(nodes, "killed"), lambda: coordinator_of(nodes, GROUP, "killing")) * 2:
            produce(nodes, "killed", range(produced, produced + 300))
            victim = kill()
            victim.kill()
            produce(nodes, "killed", range(produced + 300, produced + 400))
            produced += 400
            victim.start()
            all_is_well(nodes)
        eventually(lambda: lag_of(nodes, "killing") == 0, 120)
    finally:
        crew.end()
    assert crew.again == [], "acknowledged and delivered again"
    # An acknowledgement whose answer was lost with its leader may be stored, so not each one is confirmed.
    assert {crew.values[offset] for offset in crew.sent} == {str(i).encode() for i in range(produced)}
    assert len(crew.confirmed) > produced / 2, len(crew.confirmed)


def lag_of(nodes, group):
    with kafka_wire.Connection(coordinator_of(nodes, GROUP, group).kafka) as connection:
        offsets = describe_offsets(connection, group)
    return offsets[0][1] if isinstance(offsets, dict) and 0 in offsets else None


run()
