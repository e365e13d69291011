#!/usr/bin/python3
"""Expectations of Kafka's users on three nodes, besides that no record is lost: reports about the metadata log,
topics that are created while a node is away, manual assignments, coordinators that wake from a freeze, and reads
from followers."""
import contextlib
import json
import os
import re
import struct
import time
import urllib.request

import kafka_wire
from cluster_cases import TRANSACTION, all_is_well, cluster, create_topic, leader_of, metadata_of
from cluster_load import Load, read_all
from cluster_nodes import Cluster, eventually
from consumer_protocol_wire import Reader, compact, compact_array
from millrace_server import Skipped, case, obstacle_of_own_client, run

try:
    from confluent_kafka import Consumer, Producer, TopicPartition
    from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic
except ImportError:
    Consumer = None
try:
    import psycopg
except ImportError:
    psycopg = None

FIND_COORDINATOR, INIT_PRODUCER_ID, OFFSET_FOR_LEADER_EPOCH, ADD_PARTITIONS, END_TXN, DESCRIBE_QUORUM = 10, 22, 23, 24, 26, 55


# --- The metadata log

class Quorum:
    """The report of a node about the metadata log: DescribeQuorum, version 2."""

    def __init__(self, node):
        asked = compact_array([compact("__cluster_metadata") + compact_array([struct.pack(">i", 0) + b"\0"]) + b"\0"])
        with kafka_wire.Connection(node.kafka) as connection:
            read = Reader(connection.ask(DESCRIBE_QUORUM, 2, b"\0" + asked + b"\0"))
        read.end()  # of the header
        assert read.number("h") == 0
        read.text()
        assert read.varint() == 2 and read.text() == "__cluster_metadata" and read.varint() == 2 and read.number("i") == 0
        self.error = read.number("h")
        read.text()
        self.leader, self.epoch, self.end = read.number("i"), read.number("i"), read.number("q")
        self.voters = {}
        for _ in range(read.varint() - 1):
            number, directory = read.number("i"), read.bytes(16)
            self.voters[number] = (read.number("q"), read.number("q"), read.number("q"), directory)
            read.end()
        assert read.varint() == 1, "there are observers"
        read.end(), read.end()
        self.places = {}
        for _ in range(read.varint() - 1):
            number = read.number("i")
            assert read.varint() == 2
            name, host, port = read.text(), read.text(), read.number("h")
            read.end(), read.end()
            self.places[number] = (name, f"{host}:{port & 0xffff}")
        read.end()

    def lag(self, number):
        return self.end - self.voters[number][0]


def known_quorum(node):
    """Returns the answer as soon as it is known; clients repeat such requests, too."""
    def is_known():
        told = Quorum(node)
        assert told.error in (0, 6), told.error
        return told.error == 0 and told
    return eventually(is_known)


@case
def all_nodes_report_how_far_each_has_read_the_metadata():
    nodes = cluster()
    create_topic(nodes, "described")
    told = {}

    def all_agree():
        told.update({number: known_quorum(node) for number, node in nodes.nodes.items()})
        return len({(each.leader, each.epoch, each.end) for each in told.values()}) == 1 and \
            all(each.lag(number) == 0 for each in told.values() for number in (1, 2, 3))
    eventually(all_agree)
    controllers = {metadata_of(node).controller_id for node in nodes.nodes.values()}
    assert controllers == {told[1].leader}, (controllers, told[1].leader)
    assert told[1].end > 0 and told[1].epoch > 0
    assert len({voter[3] for voter in told[1].voters.values()}) == 3, "they have data directories of their own"
    assert {place for _, place in told[2].places.values()} == {node.kafka for node in nodes.nodes.values()}
    now_ms = time.time() * 1000
    for _, heard_ms, caught_up_ms, _ in told[3].voters.values():
        assert now_ms - 20_000 < caught_up_ms <= heard_ms <= now_ms + 1_000, (now_ms, heard_ms, caught_up_ms)


@case
def a_killed_node_lags_behind_and_another_controller_has_another_epoch():
    nodes = cluster()
    before = known_quorum(nodes.nodes[1])
    away = next(node for number, node in nodes.nodes.items() if number != before.leader)
    asked = next(node for number, node in nodes.nodes.items() if number not in (before.leader, away.number))
    away.kill()
    create_topic(nodes, "described_without_one", 1, 2)
    behind = eventually(lambda: (told := known_quorum(asked)).lag(away.number) > 0 and told)
    assert behind.lag(asked.number) == 0 and behind.voters[away.number][1] < behind.voters[asked.number][1], behind.voters
    away.start()
    eventually(lambda: known_quorum(asked).lag(away.number) == 0)
    nodes.nodes[before.leader].kill()
    after = eventually(lambda: (told := known_quorum(asked)).leader != before.leader and told, 60)
    assert after.epoch > before.epoch, (before.epoch, after.epoch)


# --- While a node is away

def sql(node, *statements):
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    host, port = node.pg.split(":")
    with psycopg.connect(host=host, port=port, user="millrace", dbname="millrace", autocommit=True, prepare_threshold=None) as c:
        c.execute("SET lock_timeout = '20s'")
        for statement in statements:
            cursor = c.execute(statement)
        return cursor.fetchall() if cursor.description else None


def wait_until_away(nodes, node):
    others = [each for each in nodes.nodes.values() if each.is_running()]
    eventually(lambda: all(node.number not in metadata_of(each).brokers for each in others))


@case
def topics_streams_tables_and_queries_are_made_while_a_node_is_away():
    nodes = cluster()
    nodes.nodes[3].kill()
    wait_until_away(nodes, nodes.nodes[3])
    began = time.monotonic()
    create_topic(nodes, "made_without_one", 6, 3)
    sql(nodes.nodes[1], "CREATE STREAM visits (page VARCHAR, ms INT) WITH (partitions = 3)",
        "CREATE TABLE pages (page VARCHAR PRIMARY KEY, title VARCHAR)",
        "CREATE TABLE counted AS SELECT page, COUNT(*) AS n FROM visits GROUP BY page")
    took_s = time.monotonic() - began
    made = metadata_of(nodes.nodes[1], "made_without_one").topics["made_without_one"].partitions
    for partition in made.values():
        assert sorted(partition.replicas) == [1, 2, 3] and sorted(partition.isrs) == [1, 2], vars(partition)
        assert partition.leader in (1, 2) and partition.replicas[2] == 3, vars(partition)
    load = Load(nodes, "made_without_one", 6)
    sql(nodes.nodes[2], *[f"INSERT INTO visits VALUES ('p{i % 7}', {i})" for i in range(70)])
    eventually(lambda: sql(nodes.nodes[1], "SELECT COUNT(*), SUM(n) FROM counted")[0] == (7, 70))
    print(f"made in {took_s:.2f} s")
    nodes.nodes[3].start()
    all_is_well(nodes)
    load.stop()
    load.check(nodes.bootstrap)
    assert sql(nodes.nodes[3], "SELECT COUNT(*), SUM(n) FROM counted")[0] == (7, 70)
    # The node has all records, so the other nodes may die.
    nodes.nodes[1].kill()
    wait_until_away(nodes, nodes.nodes[1])
    load.check(",".join(nodes.nodes[number].kafka for number in (2, 3)))


@case
def a_topic_that_no_client_could_write_to_is_not_created():
    nodes = cluster()
    for number in (2, 3):
        nodes.nodes[number].kill()
        wait_until_away(nodes, nodes.nodes[number])
    admin = AdminClient({"bootstrap.servers": nodes.nodes[1].kafka})
    for wanted, error in (({"replication_factor": 3}, "INVALID_REPLICATION_FACTOR"), ({"replication_factor": 4}, "INVALID_REPLICATION_FACTOR"),
                          ({"replica_assignment": [[1, 2, 3]]}, "INVALID_REPLICA_ASSIGNMENT")):
        made = admin.create_topics([NewTopic("refused", 1, **wanted)])["refused"]
        failure = made.exception(20)
        assert failure is not None and failure.args[0].name() == error, (wanted, failure)
    if psycopg is not None:
        try:
            sql(nodes.nodes[1], "CREATE STREAM refused (v INT) WITH (partitions = 1)")
            raise AssertionError("not refused")
        except psycopg.Error as refused:
            assert "min.insync.replicas asks for 2" in str(refused), refused


@case
def new_partitions_have_their_replicas_by_hand():
    nodes = cluster()
    create_topic(nodes, "grown_by_hand", 1, 2)
    admin = AdminClient({"bootstrap.servers": nodes.bootstrap})

    def grow(count, assignment):
        return admin.create_partitions([NewPartitions("grown_by_hand", count, assignment)])["grown_by_hand"].exception(20)
    for wrong in ([[1], [2]], [[1, 2], [2, 7]], [[1, 2], [3, 3]]):
        assert grow(3, wrong).args[0].name() == "INVALID_REPLICA_ASSIGNMENT", wrong
    assert grow(3, [[3, 1], [2, 3]]) is None
    eventually(lambda: all({number: partition.replicas for number, partition in
                            metadata_of(node, "grown_by_hand").topics["grown_by_hand"].partitions.items() if number > 0} ==
                           {1: [3, 1], 2: [2, 3]} for node in nodes.nodes.values()))
    producer = Producer({"bootstrap.servers": nodes.bootstrap})
    for number in range(3):
        producer.produce("grown_by_hand", f"{number}", partition=number)
    assert producer.flush(30) == 0
    assert read_all(nodes.bootstrap, "grown_by_hand", 3) == {number: [f"{number}"] for number in range(3)}


# --- A coordinator that was frozen

COORDINATOR_COMES, CONCURRENT, INVALID_TXN_STATE = (14, 15, 16), 51, 48


class Transactional:
    """A transactional producer of the first version, request by request: the test chooses the receiver and the time of
    each request."""

    def __init__(self, name, topic):
        self.name, self.topic, self.sequence = name, topic, 0
        self.producer_id = self.epoch = -1

    def _id(self):
        return kafka_wire.string(self.name) + struct.pack(">qh", self.producer_id, self.epoch)

    def init(self, connection):
        def has_begun():
            answer = connection.ask(INIT_PRODUCER_ID, 1, kafka_wire.string(self.name) + struct.pack(">i", 60_000))
            _, error, self.producer_id, self.epoch = struct.unpack(">ihqh", answer)
            assert error in (0, CONCURRENT, *COORDINATOR_COMES), error
            return error == 0
        eventually(has_begun)

    def add(self, connection):
        """Returns the error of the answer, as soon as it is not a temporary one."""
        def is_told():
            answer = connection.ask(ADD_PARTITIONS, 0, self._id() + kafka_wire.array(
                [kafka_wire.string(self.topic) + kafka_wire.array([struct.pack(">i", 0)])]))
            error, = struct.unpack_from(">h", answer, len(answer) - 2)
            return error not in (CONCURRENT, *COORDINATOR_COMES) and (error,)
        return eventually(is_told)[0]

    def send(self, connection, value):
        batch = kafka_wire.batch_of(value, attributes=16, producer_id=self.producer_id, producer_epoch=self.epoch,
                                    base_sequence=self.sequence).encode()
        connection.send(kafka_wire.PRODUCE, 7, kafka_wire.string(self.name) + struct.pack(">hi", -1, 10_000) + kafka_wire.array(
            [kafka_wire.string(self.topic) + kafka_wire.array([struct.pack(">i", 0) + kafka_wire.data(batch)])]))

    def answer_to_send(self, connection):
        _, answer = connection.receive()
        return struct.unpack_from(">ih", answer, 4 + 2 + len(self.topic) + 4)[1]

    def end(self, connection, is_commit=True):
        answer = connection.ask(END_TXN, 1, self._id() + struct.pack(">b", is_commit))
        return struct.unpack(">ih", answer)[1]


def coordinator_by(node, name):
    """Returns the number of the coordinator, as that node reports it."""
    with kafka_wire.Connection(node.kafka) as connection:
        answer = connection.ask(FIND_COORDINATOR, 1, kafka_wire.string(name) + struct.pack(">b", TRANSACTION))
    _, error, size = struct.unpack_from(">ihh", answer)
    return 0 if error else struct.unpack_from(">i", answer, 8 + max(size, 0))[0]


@case
def a_thawed_coordinator_judges_no_transaction_by_outdated_state():
    """The client has sent a record to a node that leads its partition and coordinates its transactions, and the node is
    frozen. Meanwhile the client has begun its transaction with another coordinator; the node does not know this when
    the freeze ends."""
    nodes = cluster()
    create_topic(nodes, "woken", 1)
    told = []
    for turn in range(4):
        all_is_well(nodes)
        leader = leader_of(nodes, "woken")
        name = next(name for i in range(1000) if eventually(lambda name=(name := f"t{turn}-{i}"): coordinator_by(leader, name)) == leader.number)
        producer = Transactional(name, "woken")
        with kafka_wire.Connection(leader.kafka, 60) as connection:
            producer.init(connection)
            assert producer.add(connection) == 0
            producer.send(connection, b"before")
            assert producer.answer_to_send(connection) == 0
            assert producer.end(connection) == 0
            producer.sequence += 1
            leader.freeze()
            try:
                others = [node for node in nodes.nodes.values() if node is not leader]
                found = eventually(lambda: (number := coordinator_by(others[0], name)) not in (0, leader.number) and number, 60)
                with kafka_wire.Connection(nodes.nodes[found].kafka) as another:
                    assert producer.add(another) == 0
                    producer.send(connection, b"meanwhile")
                    leader.thaw()
                    told.append(producer.answer_to_send(connection))
                    assert producer.end(another, is_commit=False) == 0
            finally:
                leader.thaw()
    print(f"told: {told}")
    # The error is NOT_LEADER or NOT_ENOUGH_REPLICAS, so the producer sends the batch again, to another node.
    assert set(told) <= {6, 19}, told


@case
def a_thawed_leader_judges_no_batch_and_no_offset_by_outdated_state():
    """Clients that still use the old leader after its freeze ask it for records after those that the new leader has
    accepted. Before the fix, producers failed permanently (error 45), consumers started over (error 1, or an epoch
    without an end), and the end of the partition moved back."""
    nodes, topic = cluster(), "woken_leader"
    create_topic(nodes, topic, 1)
    told = []
    for _ in range(4):
        all_is_well(nodes)
        leader = leader_of(nodes, topic)
        with contextlib.ExitStack() as stack:
            writing, reading, listing, following = (stack.enter_context(kafka_wire.Connection(leader.kafka, 60)) for _ in range(4))
            answer = writing.ask(INIT_PRODUCER_ID, 0, struct.pack(">hi", -1, 60_000))
            _, error, producer_id, epoch = struct.unpack(">ihqh", answer)
            assert error == 0

            def numbered(sequence):
                return kafka_wire.batch_of(b"record", producer_id=producer_id, producer_epoch=epoch, base_sequence=sequence).encode()
            assert writing.produce(topic, numbered(0))[0] == 0
            leader.freeze()
            try:
                other = next(node for node in nodes.nodes.values() if node is not leader)
                leads = lambda: metadata_of(other, topic).topics[topic].partitions[0].leader
                found = eventually(lambda: (number := leads()) not in (-1, leader.number) and number, 60)
                with kafka_wire.Connection(nodes.nodes[found].kafka) as next_leader:
                    eventually(lambda: next_leader.produce(topic, numbered(1))[0] == 0)
                    end = next_leader.high_watermark(topic)
                writing.send(kafka_wire.PRODUCE, 7, kafka_wire.produce_body(topic, numbered(2)))
                reading.send(kafka_wire.FETCH, 4, kafka_wire.fetch_body(topic, end))
                latest, newest = struct.pack(">iq", 0, -1), struct.pack(">iii", 0, -1, 1_000)
                listing.send(kafka_wire.LIST_OFFSETS, 1, struct.pack(">i", -1) + kafka_wire.array(
                    [kafka_wire.string(topic) + kafka_wire.array([latest])]))
                following.send(OFFSET_FOR_LEADER_EPOCH, 2, kafka_wire.array([kafka_wire.string(topic) + kafka_wire.array([newest])]))
            finally:
                leader.thaw()
            # In each answer, the error code of the partition follows these fields: `before` bytes, the name of the
            # topic, the number of partitions, and `number` bytes of the partition.
            told.append(tuple(struct.unpack_from(">h", connection.receive()[1], before + 2 + len(topic) + 4 + number)[0]
                              for connection, before, number in ((writing, 4, 4), (reading, 8, 4), (listing, 4, 4), (following, 8, 0))))
    print(f"told: {told}")
    # The error is NOT_LEADER or NOT_ENOUGH_REPLICAS, so the client asks again, this node or another one.
    assert {code for answers in told for code in answers} <= {6, 19}, told


# --- Reads from followers

def consumer_in(nodes, rack, **settings):
    seen = {}

    def note(text):
        for topic in json.loads(text)["topics"].values():
            for number, partition in topic["partitions"].items():
                if int(number) >= 0:
                    seen[int(number)] = partition["broker"]
    return Consumer({"bootstrap.servers": nodes.bootstrap, "group.id": "racked", "client.rack": rack, "statistics.interval.ms": 100,
                     "stats_cb": note, "enable.auto.commit": False, "reconnect.backoff.max.ms": 500, "fetch.wait.max.ms": 100,
                     **settings}), seen


def read_on(consumer, values, is_enough, timeout_s=60):
    def has_enough():
        for message in consumer.consume(500, 0.1):
            if not message.error():
                values.setdefault(message.partition(), []).append(message.value().decode())
        return is_enough()
    eventually(has_enough, timeout_s)


@case
def consumers_read_from_the_follower_in_their_rack():
    nodes = Cluster(racks={1: "a", 2: "b", 3: "c"})
    try:
        create_topic(nodes, "racked", 3)
        assert {leader_of(nodes, "racked", number).number for number in range(3)} == {1, 2, 3}
        load = Load(nodes, "racked", 3)
        plain, plain_seen = consumer_in(nodes, "")
        near, near_seen = consumer_in(nodes, "b")
        plain_values, near_values = {}, {}
        for consumer in (plain, near):
            consumer.assign([TopicPartition("racked", number, 0) for number in range(3)])
        read_on(near, near_values, lambda: near_seen == {0: 2, 1: 2, 2: 2})
        read_on(plain, plain_values, lambda: sorted(plain_seen.values()) == [1, 2, 3])
        at = sum(map(len, near_values.values()))
        read_on(near, near_values, lambda: sum(map(len, near_values.values())) > at + 200)
        assert near_seen == {0: 2, 1: 2, 2: 2}, near_seen
        # The follower from which the consumer reads dies; the consumer then reads from the leaders.
        nodes.nodes[2].kill()
        at = sum(map(len, near_values.values()))
        read_on(near, near_values, lambda: sum(map(len, near_values.values())) > at + 200)
        nodes.nodes[2].start()
        all_is_well(nodes)
        load.stop()
        load.check(nodes.bootstrap)
        written = {number: len(values) for number, values in read_all(nodes.bootstrap, "racked", 3).items()}
        read_on(near, near_values, lambda: {number: len(values) for number, values in near_values.items()} == written)
        assert near_values == read_all(nodes.bootstrap, "racked", 3), "a follower shows something else"
        plain.close(), near.close()
        transactions_are_read_from_the_follower(nodes)
    finally:
        nodes.close()


def transactions_are_read_from_the_follower(nodes):
    create_topic(nodes, "racked_transactions", 1)
    producer = Producer({"bootstrap.servers": nodes.bootstrap, "transactional.id": "racked"})
    producer.init_transactions(30)
    for number in range(20):
        producer.begin_transaction()
        for i in range(10):
            producer.produce("racked_transactions", f"{number}.{i}", partition=0)
        producer.commit_transaction(30) if number % 2 == 0 else producer.abort_transaction(30)
    rack = next(rack for number, rack in {1: "a", 2: "b", 3: "c"}.items() if leader_of(nodes, "racked_transactions").number != number)
    consumer, seen = consumer_in(nodes, rack, **{"isolation.level": "read_committed"})
    consumer.assign([TopicPartition("racked_transactions", 0, 0)])
    values = {}
    read_on(consumer, values, lambda: len(values.get(0, ())) >= 100 and seen.get(0) != leader_of(nodes, "racked_transactions").number)
    read_on(consumer, values, lambda: True)
    assert values[0] == [f"{number}.{i}" for number in range(0, 20, 2) for i in range(10)], values
    consumer.close()


# --- Replicas are compared

def scrub_rounds(node):
    """The number of comparisons of all replicas that the node has done, from its metrics."""
    with urllib.request.urlopen(f"http://{node.http}/metrics", timeout=20) as answer:
        return int(re.search(rb"^millrace_cluster_scrub_rounds_total (\d+)", answer.read(), re.M)[1])


def change_on_disk(node, before, after):
    """Changes bytes in the log file of a node that does not run."""
    assert len(before) == len(after) and before != after
    with open(os.path.join(node.data_dir, "log.mdb"), "r+b") as log:
        stored = log.read()
        count, at = 0, stored.find(before)
        while at >= 0:
            log.seek(at)
            log.write(after)
            count, at = count + 1, stored.find(before, at + 1)
    assert count > 0, "it is not there"


@case
def a_difference_on_a_followers_disk_is_found_and_reported():
    nodes = Cluster(flags=("--node-session-timeout-ms", "2000", "--scrub-bytes-per-second", "100000000", "--scrub-interval-ms", "500"))
    try:
        create_topic(nodes, "scrubbed", 1)
        leader = leader_of(nodes, "scrubbed")
        with kafka_wire.Connection(leader.kafka) as connection:
            for text in (b"sound", b"flipped", b"changed", b"sound"):
                assert connection.produce("scrubbed", kafka_wire.batch_of(text * 20).encode())[0] == 0
        all_is_well(nodes)
        rounds = [scrub_rounds(node) for node in nodes.nodes.values()]
        eventually(lambda: all(scrub_rounds(node) >= before + 2 for node, before in zip(nodes.nodes.values(), rounds)), 60)
        for node in nodes.nodes.values():
            assert "level=error" not in node.tail() and "differs" not in node.tail(), node.tail()
        follower = next(node for node in nodes.nodes.values() if node is not leader)
        follower.stop()
        # One batch no longer matches its checksum. Another batch is replaced by a different batch with a valid
        # checksum.
        change_on_disk(follower, b"flipped" * 20, b"flipped" * 10 + b"flopped" + b"flipped" * 9)
        checked = slice(17, None)  # from the checksum to the end of the batch
        change_on_disk(follower, kafka_wire.batch_of(b"changed" * 20).encode()[checked],
                       kafka_wire.batch_of(b"charged" * 20).encode()[checked])
        follower.start()
        all_is_well(nodes)
        found = eventually(lambda: re.search(r".*a record batch is damaged on the disk of a node.*", leader.log_text()), 60)[0]
        for said in ("partition=0", f"node={follower.number}", f"leader={leader.number}", "from=0 end=4", "batch=1"):
            assert said in found, (said, found)
        if psycopg is not None:
            eventually(lambda: "1 replicas of these were found to differ" in str(sql(nodes.nodes[follower.number], "SHOW SERVER")))
        # The leader's records are unchanged.
        assert read_all(leader.kafka, "scrubbed", 1)[0][1] == "flipped" * 20
    finally:
        nodes.close()


run(obstacle_of_own_client())
