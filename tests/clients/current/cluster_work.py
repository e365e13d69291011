"""Clients at work at a cluster: a producer, groups of consumers and movers of one client; and checks of their
reports.

A client is a program of cluster_clients/, in any language, that is started in one of these roles and ends with its standard input:

  produce BOOTSTRAP TOPIC                        an idempotent producer of numbered records with keys, acks=all
  consume BOOTSTRAP TOPIC GROUP PROTOCOL         a member of a group that commits what it has read; protocol: classic or consumer
  move BOOTSTRAP FROM TO GROUP ID                likewise, and writes what it reads in a transaction with its offsets

It prints lines with the time (ns) before them:

  version NAME                                   first
  ack PARTITION OFFSET VALUE                     failed VALUE ERROR TEXT
  assigned P,P...    revoked P,P...    lost P,P...
  got PARTITION OFFSET VALUE                     committed PARTITION OFFSET: the position, once that was answered
  moved N            aborted N         restart   of a producer that could not go on
  error WHERE ERROR TEXT                         an error that the program gets: by an exception, a callback, an answer
  log ...                                        a log line of the client, from warnings on
  left N                                         records without a result at the end
"""
import collections
import os
import subprocess
import time

from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient

from cluster_nodes import eventually
from cluster_load import read_all

PARTITIONS = 6
# twice the session time-out: a restarted client waits for one session time-out for members that do not return
STILL_S = 100
PROTOCOL_OF_GROUP = {"readers": "classic", "new-readers": "consumer"}


def committed_by(bootstrap, group):
    """The positions of a group, by partition."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(20)
    return {place.partition: place.offset for place in asked.topic_partitions}


class Worker:
    """One program, and its reports so far."""

    def __init__(self, command, folder, name, *arguments):
        self.name, self.command = name, [*command, *arguments]
        self.path = os.path.join(folder, name)
        self.revived = 0
        self.start()

    def start(self):
        self.began_ns = time.time_ns()
        with open(self.path, "a") as out, open(self.path + ".err", "a") as err:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=out, stderr=err)

    def revive(self):
        self.kill()
        with open(self.path, "rb+") as told:  # only complete lines are read
            whole = told.read()
            told.truncate(whole.rfind(b"\n") + 1)
        self.revived += 1
        self.start()

    def lines(self, *words):
        """Returns (time, rest) of each complete line that begins with one of these words."""
        with open(self.path) as told:
            for line in told.read().split("\n")[:-1]:
                time_ns, word, *rest = line.split(" ")
                if word in words:
                    yield int(time_ns), [word, *rest]

    def end(self, timeout_s=180):
        self.process.stdin.close()
        assert self.process.wait(timeout_s) == 0, f"{self.name} ended with {self.process.returncode}: {open(self.path + '.err').read()[-2000:]}"

    def kill(self):
        self.process.kill()
        self.process.wait()


class Work:
    """Everything that one client does at the same time."""

    def __init__(self, command, folder, bootstrap, topic, protocols, movers=2):
        self.folder, self.bootstrap, self.topic = folder, bootstrap, topic
        start = lambda name, *arguments: Worker(command, folder, name, *arguments)  # noqa: E731
        self.producer = start("producer", "produce", bootstrap, topic)
        self.groups = {f"{topic}-{group}": [start(f"{group}-{number}", "consume", bootstrap, topic, f"{topic}-{group}", protocol)
                                            for number in range(2)]
                       for group, protocol in PROTOCOL_OF_GROUP.items() if protocol in protocols}
        self.movers = [start(f"mover-{number}", "move", bootstrap, topic, f"{topic}-moved", f"{topic}-movers", f"{topic}-{number}")
                       for number in range(movers)]

    def workers(self):
        return [self.producer, *(each for members in self.groups.values() for each in members), *self.movers]

    def revive_movers(self):
        """Kills movers that make no progress, and starts them again, as an operator would do. This must not lose or
        duplicate a record either."""
        for each in self.movers:
            last_ns = max((moment for moment, _ in each.lines("moved")), default=0)
            if time.time_ns() - max(last_ns, each.began_ns) > STILL_S * 1e9:
                each.revive()

    def is_at_work(self):
        """Waits until all programs have begun: records are written, each group reads them, and movers move them."""
        for each in self.workers():
            assert each.process.poll() is None, f"{each.name} has ended: {open(each.path + '.err').read()[-2000:]}"
        return any(self.producer.lines("ack")) and all(any(any(each.lines("got")) for each in members) for members in self.groups.values()) \
            and any(any(each.lines("moved")) for each in self.movers)

    def version(self):
        return next(" ".join(rest[1:]) for _, rest in self.producer.lines("version"))

    def end(self):
        """Ends the producer first, and the other programs when they have read everything."""
        self.producer.end()
        acknowledged = {(int(rest[1]), rest[3]) for _, rest in self.producer.lines("ack")}

        def all_is_read():
            return all(acknowledged <= {(int(rest[1]), rest[3]) for each in members for _, rest in each.lines("got")}
                       for members in self.groups.values())

        ends = collections.Counter(partition for partition, _ in acknowledged)

        def all_is_moved():
            self.revive_movers()
            moved = committed_by(self.bootstrap, f"{self.topic}-movers")
            return all(moved.get(partition, 0) >= end for partition, end in ends.items())

        eventually(all_is_read, 120, 1)
        if self.movers:
            eventually(all_is_moved, 3 * STILL_S, 5)
        for each in self.workers()[1:]:
            try:
                each.end(60)
            except subprocess.TimeoutExpired:
                assert each in self.movers, f"{each.name} does not end"
                each.kill()
                each.revived += 1

    def kill(self):
        for each in self.workers():
            if each.process.poll() is None:
                each.kill()

    def errors(self):
        """Returns a Counter of (role, where, error), with one text for each."""
        counts, texts = collections.Counter(), {}
        for each in self.workers():
            for _, rest in each.lines("error", "failed"):
                role = each.name.rsplit("-", 1)[0]
                what = (role, rest[1], rest[2]) if rest[0] == "error" else (role, "delivery", rest[2])
                counts[what] += 1
                texts.setdefault(what, " ".join(rest[3:])[:200])
        return counts, texts

    def lines_logged(self):
        """Lines that the clients themselves have logged: in their reports, and by Java's clients on standard error."""
        return self.count("log") + sum(1 for each in self.workers() for _ in open(each.path + ".err"))

    def count(self, word):
        return sum(1 for each in self.workers() for _ in each.lines(word))


def per_key(values):
    numbers = collections.defaultdict(list)
    for value in values:
        key, number = value.rsplit("-", 1)
        numbers[key].append(int(number))
    return numbers


def check_written(work):
    """Each acknowledged record is stored once, at the reported place, and the records of each key are in order.
    Returns all stored records by partition."""
    read = read_all(work.bootstrap, work.topic, PARTITIONS)
    everything = [value for values in read.values() for value in values]
    assert len(everything) == len(set(everything)), f"{len(everything) - len(set(everything))} records came twice"
    for values in read.values():
        for key, numbers in per_key(values).items():
            assert numbers == sorted(numbers), f"{key} is out of order"
    for _, (_, partition, offset, value) in work.producer.lines("ack"):
        values, offset = read[int(partition)], int(offset)
        assert value in values if offset < 0 else offset < len(values) and values[offset] == value, \
            f"acknowledged and not there: {value} at {partition}:{offset}"
    assert not list(work.producer.lines("failed")), "records were refused"
    assert all(rest[1] == "0" for _, rest in work.producer.lines("left")), "the outcome of some records is unknown"
    assert len({key for values in read.values() for key in per_key(values)}) == \
        sum(len(per_key(values)) for values in read.values()), "a key is in several partitions"
    return read


def check_read(group, members, read):
    """Each record was read. After a position was committed, a member that gets the partition later does not read older
    records again. Returns the number of records that were read again because they were not committed."""
    places = collections.Counter()
    commits = collections.defaultdict(list)  # of a partition: (time, position)
    for each in members:
        for time_ns, (_, partition, offset) in each.lines("committed"):
            commits[partition].append((time_ns, int(offset)))
    for each in members:
        since, next_offset = {}, {}
        for time_ns, (word, *rest) in each.lines("assigned", "revoked", "lost", "got"):
            if word != "got":
                for partition in filter(None, rest[0].split(",") if rest else ()):
                    since.pop(partition, None)
                    next_offset.pop(partition, None)
                    if word == "assigned":
                        since[partition] = time_ns
                continue
            partition, offset, value = rest[0], int(rest[1]), rest[2]
            places[(int(partition), offset)] += 1
            assert read[int(partition)][offset] == value, f"{each.name} got {value} at {partition}:{offset}"
            assert next_offset.get(partition, offset) == offset, f"{each.name}: {partition}:{offset} instead of {next_offset[partition]}"
            if partition in since and partition not in next_offset:
                committed = max((position for moment, position in commits[partition] if moment < since[partition]), default=0)
                assert offset >= committed, f"{each.name} begins {partition} at {offset}, and {committed} was committed before"
            next_offset[partition] = offset + 1
    missing = {(number, offset) for number, values in read.items() for offset in range(len(values))} - set(places)
    assert not missing, f"{group} has not got {len(missing)} records: {sorted(missing)[:3]}"
    return sum(places.values()) - len(places)


def check_moved(work, read, read_committed):
    """Checks that each record was moved once, and that the records of each key are in order."""
    moved = [value for values in read_committed(work.bootstrap, f"{work.topic}-moved", PARTITIONS).values() for value in values]
    expected = [value for values in read.values() for value in values]
    assert len(moved) == len(set(moved)), f"{len(moved) - len(set(moved))} were moved twice"
    assert set(moved) == set(expected), f"{len(set(expected) - set(moved))} were not moved, {len(set(moved) - set(expected))} are not of the source"
    for key, numbers in per_key(moved).items():
        assert numbers == sorted(numbers), f"{key} is out of order where it was moved to"
