#!/usr/bin/python3
"""Consumer groups of a whole server: a join, offset commits, and many groups at rest, by requests over plain sockets.

    tests/bench/bench_groups.py [--groups N] [--commits N] [--seconds S]

A join is measured beyond the protocol's own waits: all members ask at once whether the group goes on, join again at once, and get
their parts. Members at rest send heartbeats every 3 s, as clients do.
"""
import argparse, os, resource, selectors, socket, struct, sys, tempfile, time

from bench_common import Server, percentile, show

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../clients'))
import kafka_wire

JOIN, HEARTBEAT, SYNC, COMMIT, FIND = 11, 12, 14, 8, 10
MEMBERS_OF_GROUP, HEARTBEAT_S = 3, 3
REBALANCE_IN_PROGRESS = 27


class Member(kafka_wire.Connection):
    def __init__(self, kafka, group):
        super().__init__(kafka, 120)
        self.group, self.id, self.generation, self.leads, self.others = kafka_wire.string(group), '', -1, False, []

    def send_join(self):
        self.send(JOIN, 2, self.group + struct.pack('>ii', 60_000, 60_000) + kafka_wire.string(self.id)
                  + kafka_wire.string('consumer') + kafka_wire.array([kafka_wire.string('range') + kafka_wire.data(b'm')]))

    def take_join(self):
        answer, at = self.receive()[1], 10
        _, error, self.generation = struct.unpack_from('>ihi', answer)
        assert error == 0, error

        def text():
            nonlocal at
            size, = struct.unpack_from('>h', answer, at)
            at += 2 + size
            return answer[at - size:at].decode()
        text()
        leader, self.id = text(), text()
        self.leads, self.others = leader == self.id, []
        count, = struct.unpack_from('>i', answer, at)
        at += 4
        for _ in range(count):
            self.others.append(text())
            at += 4 + struct.unpack_from('>i', answer, at)[0]

    def send_sync(self):
        parts = [kafka_wire.string(each) + kafka_wire.data(b'work') for each in self.others] if self.leads else []
        self.send(SYNC, 1, self.group + struct.pack('>i', self.generation) + kafka_wire.string(self.id)
                  + kafka_wire.array(parts))

    def send_heartbeat(self):
        self.send(HEARTBEAT, 1, self.group + struct.pack('>i', self.generation) + kafka_wire.string(self.id))

    def take_error(self):
        return struct.unpack_from('>h', self.receive()[1], 4)[0]


def rebalance(members):
    """All members of a group join, and get their partitions."""
    for member in members:
        member.send_join()
    for member in members:
        member.take_join()
    for member in members:
        member.send_sync()
    for member in members:
        assert member.take_error() == 0


def wait_for_coordinator(kafka):
    with kafka_wire.Connection(kafka) as connection:
        while struct.unpack_from('>h', connection.ask(FIND, 0, kafka_wire.string('g')))[0] != 0:
            time.sleep(0.05)
    time.sleep(0.3)


def joins(server, turns):
    """Milliseconds of a join of the eleventh member of an idle group."""
    found = []
    for turn in range(turns):
        members = [Member(server.kafka, f'join{turn}') for _ in range(10)]
        rebalance(members)
        begun = time.monotonic()
        new = Member(server.kafka, f'join{turn}')
        new.send_join()
        asked = set(members)
        while asked:  # until each member has been informed of the rebalance
            for member in asked:
                member.send_heartbeat()
            asked = {member for member in asked if member.take_error() != REBALANCE_IN_PROGRESS}
        for member in members:
            member.send_join()
        for member in [*members, new]:
            member.take_join()
        for member in [*members, new]:
            member.send_sync()
        for member in [*members, new]:
            assert member.take_error() == 0
        found.append((time.monotonic() - begun) * 1000)
        for member in [*members, new]:
            member.socket.close()
    return found


def commits(server, rate, seconds):
    """Returns (commits per second, share of a core, ms of the slowest tenth). 20 clients commit one offset per request.
    """
    with kafka_wire.Connection(server.kafka) as connection:
        connection.create_topic('t', 20)
    clients = [kafka_wire.Connection(server.kafka) for _ in range(20)]
    frames = []
    for number in range(len(clients)):
        body = (kafka_wire.string(f'commits{number}') + struct.pack('>i', -1) + kafka_wire.string('') + struct.pack('>q', -1)
                + kafka_wire.array([kafka_wire.string('t') + kafka_wire.array(
                    [struct.pack('>iq', number, 7) + kafka_wire.string('')])]))
        frames.append(kafka_wire.data(struct.pack('>hhi', COMMIT, 2, number) + kafka_wire.string('bench') + body))
    clients[0].socket.sendall(frames[0])
    _, answer = clients[0].receive()
    assert answer.endswith(b'\0\0'), answer
    size, each = len(answer) + 8, rate // 100 // len(clients)
    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ)
    sent = got = turns = 0
    cpu, begun, waits, due = server.cpu_seconds(), time.monotonic(), [], []
    while (now := time.monotonic() - begun) < seconds or got < sent * size:
        if now < seconds and turns <= now * 100:
            for client, frame in zip(clients, frames):
                client.socket.sendall(frame * each)
            sent += each * len(clients)
            turns += 1
            due.append((sent * size, now))
        for key, _ in selector.select(0.001):
            got += len(key.fileobj.recv(1 << 16))
        while due and due[0][0] <= got:
            waits.append((time.monotonic() - begun - due.pop(0)[1]) * 1000)
    elapsed = time.monotonic() - begun
    for client in clients:
        client.socket.close()
    return sent / elapsed, (server.cpu_seconds() - cpu) / elapsed, percentile(waits, 0.9)


def at_rest(server, groups, seconds):
    """Returns (MB, share of a core) for `groups` groups of three members."""
    memory = server.anonymous_mb()
    members = []
    for number in range(groups):
        members.append([Member(server.kafka, f'rest{number}') for _ in range(MEMBERS_OF_GROUP)])
    for group in members:
        for member in group:
            member.send_join()
    for group in members:
        for member in group:
            member.take_join()
    for group in members:
        for member in group:
            member.send_sync()
    for group in members:
        for member in group:
            assert member.take_error() == 0
    everybody = [member for group in members for member in group]
    selector = selectors.DefaultSelector()
    for member in everybody:
        selector.register(member.socket, selectors.EVENT_READ)
    cpu, begun, beaten = server.cpu_seconds(), time.monotonic(), 0
    while (now := time.monotonic() - begun) < seconds:
        while beaten < len(everybody) * now / HEARTBEAT_S:
            everybody[beaten % len(everybody)].send_heartbeat()
            beaten += 1
        for key, _ in selector.select(0.02):
            key.fileobj.recv(1 << 16)
    used = (server.cpu_seconds() - cpu) / (time.monotonic() - begun), server.anonymous_mb() - memory
    for member in everybody:
        member.socket.close()
    return used[1], used[0]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument('--groups', type=int, default=1000)
    arguments.add_argument('--commits', type=int, default=10_000)
    arguments.add_argument('--seconds', type=int, default=10)
    arguments.add_argument('--turns', type=int, default=9)
    options = arguments.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix='millrace-groups-') as folder:
        server = Server(folder, '--group-initial-rebalance-delay-ms', '50')
        try:
            wait_for_coordinator(server.kafka)
            took = joins(server, options.turns)
            show('join of an eleventh member, median (slowest)', f'{percentile(took, 0.5):.1f} ({max(took):.1f})', 'ms',
                 'aim under 100 ms')
            rate, cpu, slow = commits(server, options.commits, options.seconds)
            show('offset commits, by 20 clients', f'{rate:.0f}', 'commits/s', f'p90 {slow:.1f} ms')
            show('CPU of the server for them', f'{cpu * 100:.1f}', '% of a core', 'aim under 30 %')
            memory, cpu = at_rest(server, options.groups, options.seconds)
            show(f'{options.groups} groups of {MEMBERS_OF_GROUP} members at rest', f'{memory:.1f}', 'MB', 'aim under 200 MB')
            show('CPU of the server for them', f'{cpu * 100:.2f}', '% of a core', 'aim under 3 %')
        finally:
            server.stop()


main()
