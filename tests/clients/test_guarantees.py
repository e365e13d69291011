#!/usr/bin/python3
"""At most once, at least once, exactly once: the records that programs process if they die, depending on when they
commit.

A program dies by leaving everything as it is: its consumer is closed without a commit, its producer is given up.
"""
import collections

from millrace_server import Skipped, case, launch, patience, run

try:
    import confluent_kafka
    from confluent_kafka import Consumer, Producer
    from confluent_kafka.admin import AdminClient, NewTopic
except ImportError:
    confluent_kafka = None

RECORDS = 60
DIES_AT = {7, 20, 33, 59}  # the records at which a program dies, once at each


class Dies(Exception):
    pass


class World:
    """A topic with work, one for results, and programs that process the work until all of it is done."""

    def __init__(self):
        if confluent_kafka is None:
            raise Skipped("confluent_kafka is not installed")
        self.server = launch("--group-initial-rebalance-delay-ms", "0")
        admin = AdminClient({"bootstrap.servers": self.server.kafka})
        for made in admin.create_topics([NewTopic(name, 1, 1) for name in ("work", "results")]).values():
            made.result(patience(20))
        producer = Producer({"bootstrap.servers": self.server.kafka})
        for number in range(RECORDS):
            producer.produce("work", str(number))
        assert producer.flush(patience(20)) == 0
        self.done = collections.Counter()
        self._left = set(DIES_AT)

    def may_die(self, number):
        if number in self._left:
            self._left.remove(number)
            raise Dies()

    def consumer(self, group, **more):
        return Consumer({"bootstrap.servers": self.server.kafka, "group.id": group, "auto.offset.reset": "earliest",
                         "enable.auto.commit": False, "enable.partition.eof": True, **more})

    def go_through(self, work, begin=lambda: None):
        """Runs programs one after the other. Each calls `work(consumer, record)` until it dies or no work is left."""
        while True:
            begin()
            consumer = self.consumer("g")
            consumer.subscribe(["work"])
            try:
                while True:
                    record = consumer.poll(patience(20))
                    assert record is not None, "no answer"
                    if record.error():
                        return
                    work(consumer, record)
            except Dies:
                pass
            finally:
                consumer.close()

    def results(self):
        """Returns how often each committed result exists."""
        consumer, found = self.consumer("nobody", **{"isolation.level": "read_committed"}), collections.Counter()
        consumer.assign([confluent_kafka.TopicPartition("results", 0, 0)])
        while not (record := consumer.poll(patience(20))).error():
            found[int(record.value())] += 1
        consumer.close()
        return found


@case
def at_most_once_is_to_commit_before_the_work():
    world = World()

    def work(consumer, record):
        consumer.commit(record, asynchronous=False)
        world.may_die(int(record.value()))
        world.done[int(record.value())] += 1

    world.go_through(work)
    assert set(world.done.values()) == {1}, "something was done twice"
    assert set(range(RECORDS)) - set(world.done) == DIES_AT
    world.server.stop()


@case
def at_least_once_is_to_commit_after_the_work():
    world = World()

    def work(consumer, record):
        world.done[int(record.value())] += 1
        world.may_die(int(record.value()))
        consumer.commit(record, asynchronous=False)

    world.go_through(work)
    assert set(world.done) == set(range(RECORDS)), "something was lost"
    assert {number for number, count in world.done.items() if count == 2} == DIES_AT
    assert set(world.done.values()) == {1, 2}
    world.server.stop()


@case
def exactly_once_is_to_commit_both_together():
    """Programs die after their results are written, and after their offsets are, before the transaction ends."""
    world = World()
    producer = None

    def begin():  # fences the previous program, and aborts its open transaction
        nonlocal producer
        producer = Producer({"bootstrap.servers": world.server.kafka, "transactional.id": "worker"})
        producer.init_transactions(20)

    def work(consumer, record):
        number = int(record.value())
        producer.begin_transaction()
        producer.produce("results", record.value())
        producer.flush(patience(20))
        if number % 2 == 0:
            world.may_die(number)
        producer.send_offsets_to_transaction(
            [confluent_kafka.TopicPartition("work", 0, record.offset() + 1)], consumer.consumer_group_metadata(), 20)
        world.may_die(number)
        producer.commit_transaction(20)

    world.go_through(work, begin)
    found = world.results()
    assert found == collections.Counter(range(RECORDS)), (set(range(RECORDS)) - set(found), found.most_common(3))
    world.server.stop()


if __name__ == "__main__":
    run()
