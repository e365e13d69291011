#!/usr/bin/python3
"""Twelve hours of events, in MILLRACE_EVENT_TIME_S seconds (6; 60 by hand), with late, early and doubled ones among
them: the results of windows and joins must follow the rules of Kafka Streams, which this test computes record by
record.
"""
import bisect
import collections
import json
import os
import random
import struct
import time

from millrace_server import Deadline, Skipped, TimedOut, case, launch, patience, run, wait_until

try:
    import confluent_kafka
    import psycopg
except ImportError:
    confluent_kafka = None

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
SPAN = 12 * HOUR
PACE_S = float(os.environ.get("MILLRACE_EVENT_TIME_S", "6"))
PARTITIONS = 4
KEYS = 12  # in each partition
EVENTS = 6_000  # in each partition
TUMBLING, HOP, HOPPING, GAP, GRACE = 10 * MINUTE, 10 * MINUTE, 30 * MINUTE, 4 * MINUTE, 5 * MINUTE
NEAR = 30 * SECOND
BEGIN = 1_700_000_000_000 // HOUR * HOUR


def events(partition, seed):
    """Returns (key, number, time), in the order in which the records are produced."""
    chance = random.Random(f"{seed}/{partition}")
    for number in range(EVENTS):
        at = BEGIN + SPAN * number // EVENTS
        kind = chance.random()
        if kind < 0.10:
            at -= chance.randrange(GRACE * 3)  # these events are late, some of them too late
        elif kind < 0.105:
            at += chance.randrange(20 * MINUTE)  # this event is early, so the following ones are late
        event = (f"k{partition}-{int(chance.random() ** 2 * KEYS)}", number, max(BEGIN, at))
        yield event
        if chance.random() < 0.05:
            yield event


# --- The rules. A window is closed when stream time has passed its end by the grace period.

def windowed(records, size, hop):
    """Returns {(key, start): [count, sum]}, the number of late events, and the stream time at the end."""
    counts, late, stream_time = collections.defaultdict(lambda: [0, 0]), 0, 0
    for key, number, at in records:
        stream_time = max(stream_time, at)
        start = at // hop * hop
        is_late = False
        while start > at - size:
            if start + size + GRACE > stream_time:
                counts[key, start][0] += 1
                counts[key, start][1] += number
            else:
                is_late = True
            start -= hop
        late += is_late
    return counts, late, stream_time


def sessions(records):
    """Returns {(key, start, end): [count, sum]}."""
    found, stream_time = collections.defaultdict(list), 0
    for key, number, at in records:
        stream_time = max(stream_time, at)
        merged = [at, at, 1, number]
        apart = []
        for session in found[key]:
            if session[1] < at - GAP or session[0] > at + GAP:
                apart.append(session)
                continue
            merged = [min(merged[0], session[0]), max(merged[1], session[1]), merged[2] + session[2], merged[3] + session[3]]
        if merged[1] < stream_time - GRACE - GAP:
            continue  # too late
        found[key] = apart + [merged]
    return {(key, start, end): [count, total] for key, its in found.items() for start, end, count, total in its}


def pairs(left, right):
    """Returns, for each key, the number of pairs that are near each other in time, in any order of arrival."""
    times = collections.defaultdict(list)
    for key, _, at in right:
        times[key].append(at)
    for its in times.values():
        its.sort()
    near = collections.Counter()
    for key, _, at in left:
        near[key] += bisect.bisect_right(times[key], at + NEAR) - bisect.bisect_left(times[key], at - NEAR)
    return near


class World:
    def __init__(self):
        if confluent_kafka is None:
            raise Skipped("confluent_kafka or psycopg is not installed")
        self.server = launch()
        self.connection = psycopg.connect(host=self.server.host, port=self.server.port, user="test", autocommit=True)
        for name in ("here", "there"):
            self.execute(f"CREATE STREAM {name} (id VARCHAR KEY, n BIGINT) WITH (VALUE_FORMAT = 'JSON', PARTITIONS = {PARTITIONS})")
        grace = f"RETENTION 2 DAYS, GRACE PERIOD {GRACE} MILLISECONDS"
        for name, window, end in (
                ("tumbling", f"TUMBLING (SIZE {TUMBLING} MILLISECONDS, {grace})", "EMIT CHANGES"),
                ("final", f"TUMBLING (SIZE {TUMBLING} MILLISECONDS, {grace})", "EMIT FINAL"),
                ("hopping", f"HOPPING (SIZE {HOPPING} MILLISECONDS, ADVANCE BY {HOP} MILLISECONDS, {grace})", "EMIT CHANGES"),
                ("session", f"SESSION ({GAP} MILLISECONDS, {grace})", "EMIT CHANGES")):
            self.execute(f"CREATE TABLE {name}s AS SELECT id, COUNT(*) AS records, SUM(n) AS total FROM here WINDOW {window} GROUP BY id {end}")
        # The grace period of these two joins is so long that no record is late.
        self.execute("CREATE TABLE modulos AS SELECT n % 7 AS rest, COUNT(*) AS records FROM here "
                     f"WINDOW TUMBLING (SIZE {TUMBLING} MILLISECONDS, RETENTION 2 DAYS, GRACE PERIOD 1 DAY) GROUP BY n % 7 EMIT CHANGES")
        self.execute(f"CREATE STREAM met AS SELECT h.id AS id, h.n AS one FROM here h JOIN there t "
                     f"WITHIN {NEAR} MILLISECONDS GRACE PERIOD 1 DAY ON h.id = t.id EMIT CHANGES")
        self.execute("CREATE TABLE meetings AS SELECT id, COUNT(*) AS records FROM met GROUP BY id EMIT CHANGES")
        self.produced = {name: [list(events(partition, name)) for partition in range(PARTITIONS)] for name in ("here", "there")}

    def execute(self, statement):
        self.connection.execute(statement)

    def send(self):
        """Sends both streams in slices of time; PACE_S is the duration."""
        producer = confluent_kafka.Producer({"bootstrap.servers": self.server.kafka, "enable.idempotence": True, "linger.ms": 2})
        begun, slices = time.monotonic(), 200
        for part in range(slices):
            for name, partitions in self.produced.items():
                for partition, its in enumerate(partitions):
                    for key, number, at in its[len(its) * part // slices:len(its) * (part + 1) // slices]:
                        producer.produce(name, key=key, value=f'{{"N":{number}}}', partition=partition, timestamp=at)
            producer.poll(0)
            time.sleep(max(0.0, begun + PACE_S * (part + 1) / slices - time.monotonic()))
        assert producer.flush(60) == 0

    def wait_for(self, statement, expected, values=2):
        """Waits until the rows are the expected ones, since queries lag a little: {first columns: the last `values`
        columns}."""
        deadline = Deadline(60)
        while True:
            rows = self.connection.execute(statement).fetchall()
            got = {row[:-values]: list(row[-values:]) for row in rows}
            assert len(got) == len(rows), "a key twice"
            if got == expected:
                return
            if deadline.is_over():
                missing = {key: value for key, value in expected.items() if got.get(key) != value}
                more = {key: value for key, value in got.items() if key not in expected}
                raise TimedOut(f"{len(missing)} of {len(expected)} differ, {len(more)} are too many: "
                                     f"{list(missing.items())[:3]}, got {[got.get(key) for key in list(missing)[:3]]}, {list(more.items())[:3]}")
            time.sleep(0.2)

    def final_results(self):
        """Returns all records of the topic with EMIT FINAL: [(key, start, count, sum)]."""
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.server.kafka, "group.id": "final",
                                             "auto.offset.reset": "earliest", "enable.partition.eof": True})
        consumer.assign([confluent_kafka.TopicPartition("finals", partition, 0) for partition in range(PARTITIONS)])
        found, ended = [], set()
        while len(ended) < PARTITIONS:
            message = consumer.poll(patience(10))
            assert message is not None
            if message.error():
                ended.add(message.partition())
                continue
            value = json.loads(message.value())
            found.append((message.key()[:-8].decode(), struct.unpack(">q", message.key()[-8:])[0], value["RECORDS"], value["TOTAL"]))
        consumer.close()
        return found


@case
def test_twelve_hours_with_late_early_and_doubled_events():
    world = World()
    try:
        world.send()
        here, there = world.produced["here"], world.produced["there"]
        tumbling, finals, hopping, session = {}, {}, {}, {}
        late = 0
        for records in here:
            counts, too_late, stream_time = windowed(records, TUMBLING, TUMBLING)
            late += too_late
            tumbling.update(counts)
            finals.update({place: value for place, value in counts.items() if place[1] + TUMBLING + GRACE <= stream_time})
            hopping.update(windowed(records, HOPPING, HOP)[0])
            session.update(sessions(records))
        world.wait_for("SELECT id, WINDOWSTART, records, total FROM tumblings", tumbling)

        def late_shown():
            return [int(row[8]) for row in world.connection.execute("SHOW QUERIES").fetchall() if row[3] == "TUMBLINGS"]
        assert late > 50, late
        wait_until(lambda: late_shown() == [late], lambda: f"{late_shown()} records are late, not {late}")
        world.wait_for("SELECT id, WINDOWSTART, records, total FROM hoppings", hopping)
        world.wait_for("SELECT id, WINDOWSTART, WINDOWEND, records, total FROM sessions", session)
        # After a repartition no record is too late, whatever the order of arrival.
        modulos = collections.Counter((number % 7, at // TUMBLING * TUMBLING) for records in here for _, number, at in records)
        world.wait_for("SELECT rest, WINDOWSTART, records FROM modulos", {key: [count] for key, count in modulos.items()}, values=1)
        near = sum((pairs(one, other) for one, other in zip(here, there)), collections.Counter())
        world.wait_for("SELECT id, records FROM meetings", {(key,): [count] for key, count in near.items()}, values=1)
        deadline = Deadline(60)
        results = world.final_results()
        while len(results) < len(finals) and not deadline.is_over():
            results = world.final_results()
        assert len(results) == len(finals), f"{len(results)} results of {len(finals)} windows that are closed"
        assert {(key, start): [count, total] for key, start, count, total in results} == finals
    finally:
        world.server.stop()


if __name__ == "__main__":
    run()
