"""Numbered records of an idempotent producer, and a group that reads them."""
import threading
import time

from cluster_cases import create_topic
from cluster_load import Load, Member, producer_of
from cluster_nodes import eventually
from patience import patience

try:
    from confluent_kafka import Consumer, KafkaException, TopicPartition
except ImportError:
    Consumer = None

TOPIC, GROUP, PARTITIONS = "numbered", "readers", 3
_READ_WITHIN_S = 60
_PAUSE_S = 0.015  # pause between two records, because two cores do all the work


class Records(Load):
    """The producer and the group's members continue from round to round."""

    def __init__(self, world):
        create_topic(world, TOPIC, PARTITIONS)
        super().__init__(world, TOPIC, PARTITIONS, tells_warnings=False)
        self.seen = []
        self._known = 0  # the length of `seen` at the last check
        self._judged = 0  # the length of `seen` when the group's commits were checked last
        self._there = set()  # the first `_known` records of `seen`, as a set
        # by partition: the offset that the group had committed at the end of the last round
        self._committed = {number: 0 for number in range(PARTITIONS)}
        self.members = [Member(world, GROUP, TOPIC, self.seen, log_level=2) for _ in range(2)]

    def wait(self):
        until = time.monotonic() + _PAUSE_S
        while (left_s := until - time.monotonic()) > 0:  # poll() returns early if there was an event
            self.producer.poll(left_s)

    def resume(self):
        if self.thread.is_alive():
            return
        self.times, self.stopping = [], False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def progress(self):
        return len(self.times)

    def pause(self):
        """Stops the producer; all its records are acknowledged then."""
        self.stopping = True
        self.thread.join()
        if self.producer.flush(patience(60)):
            self.check_who_is_at_fault()
            self.producer.purge()
            self.producer = producer_of(self.nodes, debug="eos", logger=self.retries.logger())
            self.failures = [failure for failure in self.failures if "Purged" not in failure]

    def complaints(self):
        found, self.failures = [f"a record was refused: {failure}" for failure in self.failures], []
        try:
            # only the leaders are read, because nodes compare their replicas themselves
            self.check(self.nodes.bootstrap)
        except AssertionError as error:
            found.append(str(error))
        return found + self._complaints_of_group()

    def _complaints_of_group(self):
        acknowledged = {(number, value) for number, values in self.acknowledged.items() for value in values}

        def missing():
            self._there.update((partition, value) for partition, value, _ in self.seen[self._known:])
            self._known = len(self.seen)
            return acknowledged - self._there
        before = self._committed
        try:
            eventually(lambda: not missing(), _READ_WITHIN_S)
        except AssertionError:
            return [f"the group has not read {len(missing())} of {len(acknowledged)} records within {_READ_WITHIN_S} s",
                    *self._where(missing())]
        # A record may be read again until its offset is committed. After the wait, `seen` has all records that were
        # read before these commits.
        uncommitted = self._wait_for_commits()
        began, self._judged = self._judged, len(self.seen)
        found = [f"the group had committed {before[partition]} of partition {partition}, and read {offset} again"
                 for partition, _, offset in self.seen[began:self._judged] if offset < before[partition]]
        found += [f"a member of the group was told: {error}" for member in self.members for error in member.errors]
        for member in self.members:
            member.errors = []
        return found[:3] + uncommitted

    def _where(self, missing):
        """Returns the missing records, and the positions of the group's members in their partitions."""
        return [f"partition {number}: {sorted(value for partition, value in missing if partition == number)[:5]} are missing; read to "
                f"{max((offset for partition, _, offset in self.seen if partition == number), default=None)}; "
                + "; ".join(member.place_in(TOPIC, number) for member in self.members)
                for number in sorted({partition for partition, _ in missing})]

    def _wait_for_commits(self):
        ends = {}
        for partition, _, offset in self.seen:
            ends[partition] = max(ends.get(partition, 0), offset + 1)
        looks = Consumer({"bootstrap.servers": self.nodes.bootstrap, "group.id": GROUP})

        def has_committed():
            try:
                self._committed = {place.partition: place.offset for place in looks.committed(
                    [TopicPartition(TOPIC, number) for number in range(PARTITIONS)], 10)}
            except KafkaException:
                return False
            return self._committed == ends
        try:
            eventually(has_committed, _READ_WITHIN_S, 0.2)
            return []
        except AssertionError:
            return [f"the group has read up to {ends}, and committed {self._committed}"]
        finally:
            looks.close()

    def summary(self):
        return f"{sum(map(len, self.acknowledged.values()))} records, longest pause {self.longest_pause_s():.1f} s"

    def end(self):
        self.stopping = True
        for member in self.members:
            member.stopping = True
        for thread in (self.thread, *self.members):
            thread.join(20)  # its nodes may be dead
