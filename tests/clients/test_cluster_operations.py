#!/usr/bin/python3
"""Four nodes and an etcd: replicas that move between them, leaders on request, nodes that leave and return, and
their certificates."""
import atexit
import json
import os
import re
import subprocess
import tempfile
import time
import types

from cluster_cases import all_is_well, create_topic, leader_of, metadata_of
from cluster_load import Load, producer_of, read_all
from cluster_nodes import Cluster, Node, eventually
from cluster_sql import run_on
from etcd_way import Way
from millrace_server import (Skipped, binary, case, check_took_less, obstacle_of_own_client, patience, run, timed,
                             wait_until)

try:
    from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
except ImportError:
    KafkaException = Producer = None
try:
    import psycopg
except ImportError:
    psycopg = None

_shared = None


def cluster():
    global _shared
    if _shared is None:
        _shared = Cluster(count=4)
        atexit.register(_shared.close)
    _shared.start_all()
    all_is_well(_shared)
    return _shared


def tool(name, nodes, *arguments, status=0):
    """Runs Millrace's version of Apache Kafka's tool of that name, and returns its output."""
    path = os.path.join(os.path.dirname(binary()), name)
    done = subprocess.run([path, "--bootstrap-server", nodes.bootstrap, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, (name, arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def millrace(nodes, *arguments, status=0):
    done = subprocess.run([binary(), "cluster", *arguments, "-b", nodes.bootstrap], capture_output=True, text=True, timeout=200)
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def plan_file(plan):
    out = tempfile.NamedTemporaryFile("w", suffix=".json", delete=False)
    atexit.register(os.unlink, out.name)
    json.dump({"version": 1, "partitions": [{"topic": topic, "partition": number, "replicas": replicas}
                                            for (topic, number), replicas in plan.items()]}, out)
    out.close()
    return out.name


def replicas_of(nodes, topic):
    running = next(node for node in nodes.nodes.values() if node.is_running())
    return {number: partition.replicas for number, partition in metadata_of(running, topic).topics[topic].partitions.items()}


def shows_replicas(nodes, topic, expected):
    """Waits until the node that replicas_of() asks knows these replicas: the answer to a tool comes from the controller."""
    wait_until(lambda: replicas_of(nodes, topic) == expected, lambda: f"{replicas_of(nodes, topic)}, not {expected}")


def move(nodes, plan, *flags):
    said = tool("kafka-reassign-partitions", nodes, "--execute", "--reassignment-json-file", plan_file(plan), *flags)
    assert "Successfully started partition reassignment" in said, said
    return said


def is_moved(nodes, plan):
    said = tool("kafka-reassign-partitions", nodes, "--verify", "--reassignment-json-file", plan_file(plan))
    return said.count("is completed") == len(plan)


@case
def replicas_move_under_load_and_nothing_is_lost():
    nodes = cluster()
    create_topic(nodes, "moving")
    load = Load(nodes, "moving")
    load.await_more(100)
    for plan in ({0: [4, 1, 2], 1: [3, 4, 1], 2: [2, 3, 4]}, {0: [1, 2, 3], 1: [2, 3], 2: [4, 3, 2, 1]},
                 {0: [1, 2, 3], 1: [2, 3], 2: [3, 2, 1]}):
        plan = {("moving", number): replicas for number, replicas in plan.items()}
        move(nodes, plan)
        eventually(lambda: is_moved(nodes, plan), 60)
        shows_replicas(nodes, "moving", {number: replicas for (_, number), replicas in plan.items()})
    load.stop()
    load.check(nodes.bootstrap)
    all_is_well(nodes)
    print(f"longest pause {load.longest_pause_s():.2f} s")


@case
def replicas_move_while_nodes_die_and_nothing_is_lost():
    nodes = cluster()
    create_topic(nodes, "moving_under_fire")
    load = Load(nodes, "moving_under_fire")
    load.await_more(100)
    plans = [{("moving_under_fire", number): [(number + shift + i) % 4 + 1 for i in range(3)] for number in range(3)}
             for shift in range(3)]
    for number, plan in enumerate(plans):
        move(nodes, plan, "--additional")
        killed = nodes.nodes[number + 1]
        killed.kill()
        asked = next(node for node in nodes.nodes.values() if node is not killed)
        eventually(lambda: killed.number not in metadata_of(asked).brokers, 60)
        killed.start()
        eventually(lambda: is_moved(nodes, plan), 90)
    load.stop()
    all_is_well(nodes)
    load.check(nodes.bootstrap)
    for node in nodes.nodes.values():
        node.stop()
        load.check(nodes.bootstrap)
        node.start()
        all_is_well(nodes)


@case
def a_topic_gets_more_replicas_and_fewer():
    nodes = cluster()
    create_topic(nodes, "alone", 2, 1)
    load = Load(nodes, "alone", 2)
    for replicas in ([1, 2, 3], [3], [2, 4]):
        plan = {("alone", number): replicas for number in range(2)}
        move(nodes, plan)
        eventually(lambda: is_moved(nodes, plan), 60)
    load.stop()
    load.check(nodes.bootstrap)


@case
def a_move_is_shown_held_up_and_called_off():
    nodes = cluster()
    create_topic(nodes, "slow", 1, 2)
    before = replicas_of(nodes, "slow")[0]
    load = Load(nodes, "slow", 1)
    load.await_more(1000)
    load.stop()
    other = next(number for number in nodes.nodes if number not in before)
    plan = {("slow", 0): [other, before[0]]}
    said = move(nodes, plan, "--throttle", "1000")
    assert "The inter-broker throttle limit was set to 1000 B/s" in said, said
    assert f"slow-0: replicas: {other},{before[0]},{before[1]}. adding: {other}. removing: {before[1]}." in \
        tool("kafka-reassign-partitions", nodes, "--list")
    assert "slow-0 is still in progress" in tool("kafka-reassign-partitions", nodes, "--verify", "--reassignment-json-file",
                                                 plan_file(plan))
    time.sleep(2)  # without the throttle the records would be copied in less
    assert not is_moved(nodes, plan), "the throttle has no effect"
    said = tool("kafka-reassign-partitions", nodes, "--cancel", "--reassignment-json-file", plan_file(plan))
    assert "Successfully cancelled partition reassignment for: slow-0" in said, said
    assert "No partition reassignments found." in tool("kafka-reassign-partitions", nodes, "--list")
    eventually(lambda: sorted(replicas_of(nodes, "slow")[0]) == sorted(before))
    move(nodes, plan)
    eventually(lambda: is_moved(nodes, plan), 60)
    load.check(nodes.bootstrap)


@case
def a_plan_is_made_for_other_nodes():
    nodes = cluster()
    create_topic(nodes, "planned", 3, 2)
    topics = tempfile.NamedTemporaryFile("w", suffix=".json", delete=False)
    atexit.register(os.unlink, topics.name)
    json.dump({"version": 1, "topics": [{"topic": "planned"}]}, topics)
    topics.close()
    said = tool("kafka-reassign-partitions", nodes, "--generate", "--topics-to-move-json-file", topics.name, "--broker-list", "3,4")
    now, proposed = (json.loads(line) for line in said.splitlines() if line.startswith("{"))
    assert {each["partition"]: each["replicas"] for each in now["partitions"]} == replicas_of(nodes, "planned")
    assert all(sorted(each["replicas"]) == [3, 4] for each in proposed["partitions"]), proposed
    said = tool("kafka-reassign-partitions", nodes, "--execute", "--reassignment-json-file", plan_file({("planned", 9): [1]}), status=1)
    assert "non-existent partitions: planned-9" in said, said
    said = tool("kafka-reassign-partitions", nodes, "--execute", "--reassignment-json-file", plan_file({("planned", 0): [1, 9]}),
                status=1)
    assert "node 9 is not part of the cluster" in said, said


@case
def leaders_go_back_to_where_they_are_preferred():
    nodes = cluster()
    create_topic(nodes, "preferred", 4, 3)
    away = nodes.nodes[replicas_of(nodes, "preferred")[0][0]]
    away.stop()
    away.start()
    all_is_well(nodes)
    said = tool("kafka-leader-election", nodes, "--election-type", "preferred", "--topic", "preferred", "--partition", "0")
    assert "Successfully completed leader election (PREFERRED) for partitions preferred-0" in said, said
    said = tool("kafka-leader-election", nodes, "--election-type", "preferred", "--topic", "preferred", "--partition", "0")
    assert "Valid replica already elected for partitions preferred-0" in said, said
    tool("kafka-leader-election", nodes, "--election-type", "preferred", "--all-topic-partitions")
    partitions = metadata_of(away, "preferred").topics["preferred"].partitions
    eventually(lambda: all(partition.leader == partition.replicas[0]
                           for partition in metadata_of(away, "preferred").topics["preferred"].partitions.values()))
    assert len(partitions) == 4


@case
def records_that_were_deleted_stay_deleted_under_each_leader():
    """The answer arrives only after the log of every possible next leader begins there, too."""
    nodes = cluster()
    create_topic(nodes, "erased", 1, 3)
    producer = producer_of(nodes)
    for begin in range(200, 1000, 200):
        for number in range(300):
            producer.produce("erased", str(number), partition=0)
        assert producer.flush(60) == 0
        where = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump({"version": 1, "partitions": [{"topic": "erased", "partition": 0, "offset": begin}]}, where)
        where.flush()
        leader = leader_of(nodes, "erased")
        said = tool("kafka-delete-records", nodes, "--offset-json-file", where.name)
        leader.kill()
        assert f"low_watermark: {begin}" in said, said
        eventually(lambda: metadata_of(others_than(nodes, leader), "erased").topics["erased"].partitions[0].leader not in (-1, leader.number))
        said = tool("kafka-get-offsets", types.SimpleNamespace(bootstrap=others_than(nodes, leader).kafka), "--topic", "erased", "--time", "-2")
        assert f"erased:0:{begin}" in said, said
        leader.start()
        all_is_well(nodes)
    # The log begins within a batch; a new replica gets that whole batch, too.
    present = replicas_of(nodes, "erased")[0]
    target = [next(number for number in nodes.nodes if number not in present), *present[:2]]
    tool("kafka-reassign-partitions", nodes, "--execute", "--reassignment-json-file", plan_file({("erased", 0): target}))
    eventually(lambda: replicas_of(nodes, "erased")[0] == target)
    all_is_well(nodes)


def others_than(nodes, node):
    return next(each for each in nodes.nodes.values() if each is not node and each.is_running())


@case
def an_unclean_election_is_for_partitions_that_have_no_leader():
    nodes = cluster()
    create_topic(nodes, "unclean", 1, 2)
    first, second = (nodes.nodes[number] for number in replicas_of(nodes, "unclean")[0])
    other = next(node for node in nodes.nodes.values() if node not in (first, second))
    said = tool("kafka-leader-election", nodes, "--election-type", "unclean", "--topic", "unclean", "--partition", "0")
    assert "Valid replica already elected" in said, said
    second.kill()
    leader = lambda: metadata_of(other, "unclean").topics["unclean"].partitions[0]  # noqa: E731
    eventually(lambda: leader().isrs == [first.number])
    first.kill()
    eventually(lambda: leader().leader < 0)
    # `second` was in sync when the ISR became smaller than min.insync.replicas, so it is an eligible replica (KIP-966):
    # it has all visible records. The controller elects such a replica without a request.
    second.start()
    eventually(lambda: leader().leader == second.number)
    first.start()
    all_is_well(nodes)


@timed
@case
def tools_leave_a_node_that_does_not_answer():
    """The first server of these tools does not run, or is frozen: it then accepts connections and does not answer."""
    nodes = cluster()
    create_topic(nodes, "still_there", 4, 3)
    first = nodes.nodes[1]
    assert nodes.bootstrap.startswith(first.kafka), nodes.bootstrap

    def asked():
        began = time.monotonic()
        assert re.search(r"^ +1 +away", millrace(nodes, "status"), re.M)
        check_took_less(began, 10)
        tool("kafka-transactions", nodes, "find-hanging", "--broker-id", "2")
        check_took_less(began, 20)
    first.freeze()
    try:
        eventually(lambda: 1 not in metadata_of(nodes.nodes[2]).brokers)
        asked()
    finally:
        first.thaw()
    all_is_well(nodes)
    first.kill()
    eventually(lambda: 1 not in metadata_of(nodes.nodes[2]).brokers)
    asked()


def has_nothing_to_say(removed):
    """Checks a removed node, which continues to run: it refuses definitions, writes and reads immediately, with the
    reason."""
    if psycopg is None:
        return
    for statement in ("CREATE STREAM by_a_stranger (v INT)", "SELECT * FROM at_the_removed", "INSERT INTO at_the_removed VALUES (1, 1)",
                      "INSERT INTO at_the_removed VALUES (1, 1), (2, 2)", "UPDATE at_the_removed SET v = 1", "DROP TABLE at_the_removed"):
        began = time.monotonic()
        try:
            run_on(removed, statement)
            raise AssertionError(f"not refused: {statement}")
        except psycopg.Error as error:
            assert "this node was removed from the cluster" in str(error), (statement, error)
        check_took_less(began, 3, statement)
    assert states_at(removed) == {1: "there", 2: "there", 3: "there"}, states_at(removed)


@timed
@case
def a_node_is_drained_and_another_one_takes_its_share():
    nodes = cluster()
    create_topic(nodes, "drained", 8, 3)
    if psycopg is not None:
        run_on(nodes.nodes[1], "CREATE TABLE at_the_removed (k INT PRIMARY KEY, v INT) WITH (partitions = 4)")
    load = Load(nodes, "drained", 8)
    said = millrace(nodes, "status")
    assert re.search(r"^ +4 +(there|controller)", said, re.M), said
    assert "drained-0: " in millrace(nodes, "remove", "4", "--dry-run") or 4 not in replicas_of(nodes, "drained")[0]
    try:
        said = millrace(nodes, "remove", "4")
        assert "Node 4 is no longer part of the cluster" in said, said
        eventually(lambda: all(4 not in replicas for replicas in replicas_of(nodes, "drained").values()))
        eventually(lambda: "was removed from the cluster" in nodes.nodes[4].log_text())
        has_nothing_to_say(nodes.nodes[4])
        assert "by_a_stranger" not in metadata_of(nodes.nodes[1]).topics
    finally:
        nodes.nodes[4].stop()  # while it runs, other cases would wait for it
    assert sorted(metadata_of(nodes.nodes[1]).brokers) == [1, 2, 3]
    # The node returns with its data, as a node without replicas.
    nodes.nodes[4].start()
    millrace(nodes, "add", "4")
    eventually(lambda: any(4 in replicas for replicas in replicas_of(nodes, "drained").values()))
    assert "Replicas are spread evenly." in millrace(nodes, "rebalance", "--dry-run")
    load.stop()
    all_is_well(nodes)
    load.check(nodes.bootstrap)


@case
def a_node_that_hears_no_other_is_replaced_and_follows_when_it_does():
    nodes = Cluster(count=3, name="cut", has_network=True)
    try:
        create_topic(nodes, "cut_off")
        load = Load(nodes, "cut_off")
        load.await_more(100)
        controller = metadata_of(nodes.nodes[1]).controller_id
        cut_off(nodes, load, next(p for p in range(3) if leader_of(nodes, "cut_off", p).number != controller))
        load.stop()
        load.check(nodes.bootstrap)
    finally:
        nodes.close()


@case
def a_controller_that_hears_no_other_but_reaches_etcd_is_replaced():
    """Otherwise the node would consider the others as dead, and would become the only leader of partitions to which no
    client can write."""
    nodes = Cluster(count=3, name="resigned", has_network=True)
    try:
        create_topic(nodes, "cut_off")
        load = Load(nodes, "cut_off")
        load.await_more(100)
        controller = metadata_of(nodes.nodes[1]).controller_id
        cut_off(nodes, load, next(p for p in range(3) if leader_of(nodes, "cut_off", p).number == controller))
        load.stop()
        load.check(nodes.bootstrap)
    finally:
        nodes.close()


@case
def a_node_that_the_others_do_not_reach_leads_nothing():
    """The heartbeats of the node arrive, but no other node can send fetches to it."""
    nodes = Cluster(count=3, name="deaf", has_network=True)
    try:
        create_topic(nodes, "cut_off")
        load = Load(nodes, "cut_off")
        load.await_more(100)
        controller = metadata_of(nodes.nodes[1]).controller_id
        cut_off(nodes, load, next(p for p in range(3) if leader_of(nodes, "cut_off", p).number != controller), "to it")
        assert "a node sends heartbeats and does not receive those of the controller" in nodes.nodes[controller].log_text()
        load.stop()
        load.check(nodes.bootstrap)
    finally:
        nodes.close()


@case
def a_controller_that_no_node_hears_is_replaced():
    nodes = Cluster(count=3, name="mute", has_network=True)
    try:
        create_topic(nodes, "cut_off")
        load = Load(nodes, "cut_off")
        load.await_more(100)
        controller = metadata_of(nodes.nodes[1]).controller_id
        cut_off(nodes, load, next(p for p in range(3) if leader_of(nodes, "cut_off", p).number == controller), "from it")
        assert "too few nodes are connected with this node in both directions" in nodes.nodes[controller].log_text()
        load.stop()
        load.check(nodes.bootstrap)
    finally:
        nodes.close()


@case
def a_node_that_does_not_reach_etcd_leads_nothing_that_others_can():
    """The other nodes receive messages of this node, but it does not read their decisions."""
    nodes = Cluster(count=0, name="unread", flags=())
    try:
        way = Way(nodes.etcd.url)
        for number in (1, 2, 3):
            nodes.nodes[number] = Node(os.path.join(nodes.folder, f"node{number}"), "unread", number,
                                       way.url if number == 3 else nodes.etcd.url, ("--node-session-timeout-ms", "1000"))
        nodes.start_all()
        for topic in ("unread", "alone"):
            create_topic(nodes, topic)
        load = Load(nodes, "unread")
        # This topic has one partition, which node 3 leads, so its clients need no other node.
        create_topic(nodes, "single", assignment=[[3, 1, 2]])
        alone = Load(nodes, "single", 1)
        led, number = (eventually(lambda: [p for p in range(3) if leader_of(nodes, topic, p).number == 3])[0]
                       for topic in ("unread", "alone"))
        way.cut()
        eventually(lambda: metadata_of(nodes.nodes[1]).controller_id in (1, 2))
        others = types.SimpleNamespace(nodes={1: nodes.nodes[1], 2: nodes.nodes[2]}, bootstrap=nodes.nodes[1].kafka)
        create_topic(others, "made_meanwhile", 3, 2)
        eventually(lambda: metadata_of(nodes.nodes[1], "unread").topics["unread"].partitions[led].leader in (1, 2), 60)
        written = len(load.acknowledged[led])
        eventually(lambda: len(load.acknowledged[led]) > written + 100, 40)
        subprocess.run(["kcat", "-b", nodes.nodes[3].kafka, "-P", "-t", "alone", "-p", str(number), "-X", "acks=1", "-X",
                        "message.timeout.ms=3000"], input="taken", text=True, capture_output=True, timeout=60)
        # Node 3 returns no leaders, so its clients ask another node. The record is at the new leader, or was not
        # stored.
        try:
            metadata_of(nodes.nodes[3], "alone")
            raise AssertionError("a node that does not know the leader has reported one")
        except KafkaException:
            pass
        eventually(lambda: states_at(nodes.nodes[3])[3] == "away" and states_at(nodes.nodes[1])[3] == "away")
        written = len(alone.acknowledged[0])
        eventually(lambda: len(alone.acknowledged[0]) > written + 100, 20)
        taken = read_all(others.bootstrap, "alone", 3)[number]
        way.heal()
        all_is_well(nodes)
        load.stop()
        load.check(nodes.bootstrap)
        alone.stop().check(nodes.bootstrap)
        assert read_all(nodes.bootstrap, "alone", 3)[number] == taken
        assert "other nodes lead the partitions of this node" in nodes.nodes[3].log_text()
        eventually(lambda: states_at(nodes.nodes[3]) == {1: "there", 2: "there", 3: "there"})
    finally:
        nodes.close()


@case
def a_node_shows_the_settings_of_the_cluster():
    nodes = cluster()
    shown = tool("kafka-configs", nodes, "--describe", "--all", "--entity-type", "brokers", "--entity-name", "1")
    for setting in ("default.replication.factor=3", "min.insync.replicas=2"):
        assert f"  {setting} " in shown, shown


def error_of_produce(nodes, topic):
    """Sends a record with acks=all once, and returns its error; None if it was accepted. If it arrives while enough
    replicas are still in sync, it waits."""
    errors = []
    producer = Producer({"bootstrap.servers": nodes.bootstrap, "acks": "all", "message.send.max.retries": 0,
                         "request.timeout.ms": 2000, "message.timeout.ms": 15000})
    producer.produce(topic, b"v", on_delivery=lambda error, _: errors.append(error and error.name()))
    assert producer.flush(patience(20)) == 0
    return errors[0]


@case
def a_topic_asks_for_as_many_in_sync_as_it_likes():
    nodes = cluster()
    tool("kafka-topics", nodes, "--create", "--topic", "strict", "--partitions", "1", "--replication-factor", "3",
         "--config", "min.insync.replicas=3")
    eventually(lambda: error_of_produce(nodes, "strict") is None)

    def shown():
        said = tool("kafka-configs", nodes, "--describe", "--all", "--entity-type", "topics", "--entity-name", "strict")
        return next(line for line in said.splitlines() if "min.insync.replicas=" in line)

    def ask_for(*change):
        tool("kafka-configs", nodes, "--alter", "--entity-type", "topics", "--entity-name", "strict", *change)

    def described(which):
        return tool("kafka-topics", nodes, "--describe", f"--{which}-partitions").count("Topic: strict\t")

    assert "min.insync.replicas=3 " in shown() and "STATIC_BROKER_CONFIG:min.insync.replicas=2" in shown(), shown()
    away = nodes.nodes[replicas_of(nodes, "strict")[0][-1]]
    away.kill()
    eventually(lambda: error_of_produce(nodes, "strict") == "NOT_ENOUGH_REPLICAS")
    # The leader knows it first; the tool may ask another node.
    eventually(lambda: (described("under-min-isr"), described("at-min-isr"), described("under-replicated")) == (1, 0, 1))
    create_topic(nodes, "single", assignment=[[next(number for number in nodes.nodes if number != away.number)]])
    said = tool("kafka-topics", nodes, "--describe", "--under-min-isr-partitions", "--topic", "single")
    assert not said, said  # one replica of one is required, so the leader does not ask other nodes
    ask_for("--add-config", "min.insync.replicas=1")
    eventually(lambda: error_of_produce(nodes, "strict") is None)
    ask_for("--add-config", "min.insync.replicas=3")
    eventually(lambda: error_of_produce(nodes, "strict") == "NOT_ENOUGH_REPLICAS")
    ask_for("--delete-config", "min.insync.replicas")
    wait_until(lambda: "min.insync.replicas=2 " in shown(), shown)
    eventually(lambda: (described("under-min-isr"), described("at-min-isr")) == (0, 1))
    eventually(lambda: error_of_produce(nodes, "strict") is None)
    away.start()
    all_is_well(nodes)


@case
def a_partition_without_a_leader_has_no_end_and_no_lag():
    nodes = cluster()
    states_at(nodes.nodes[1])  # without psycopg this case is skipped
    create_topic(nodes, "led_by_all", 1)
    create_topic(nodes, "led_by_nobody", assignment=[[1, 2]], **{"min.insync.replicas": "1"})
    first, second = nodes.nodes[1], nodes.nodes[2]

    def write(count):
        producer = producer_of(nodes)
        for number in range(count):
            producer.produce("led_by_nobody", str(number).encode(), partition=0)
        assert producer.flush(30) == 0

    def lag_at(node):
        host, port = node.pg.split(":")
        with psycopg.connect(host=host, port=port, user="millrace", dbname="millrace", autocommit=True) as c:
            return [row[3:6] for row in c.execute("SHOW CONSUMER LAG FOR 'its reader'").fetchall()]

    write(10)
    second.kill()
    eventually(lambda: metadata_of(first, "led_by_nobody").topics["led_by_nobody"].partitions[0].isrs == [1])
    write(10)
    reader = Consumer({"bootstrap.servers": nodes.bootstrap, "group.id": "its reader"})

    def is_committed():
        try:
            return not reader.commit(offsets=[TopicPartition("led_by_nobody", 0, 18)], asynchronous=False)[0].error
        except KafkaException:  # node 2 may have been its coordinator
            return False
    eventually(is_committed)
    reader.close()
    eventually(lambda: lag_at(nodes.nodes[3]) in ([(18, 20, 2)], [(18, None, None)]))
    first.kill()
    second.start()
    eventually(lambda: metadata_of(second, "led_by_nobody").topics["led_by_nobody"].partitions[0].leader < 0)
    for number in (2, 3, 4):
        eventually(lambda number=number: lag_at(nodes.nodes[number]) == [(18, None, None)])
    for when, of_other in (("latest", "led_by_all:0:0\n"), ("0", "")):
        told = tool("kafka-get-offsets", nodes, "--topic", "led_by_.*", "--time", when)
        assert told.startswith(of_other + "Skip getting offsets for topic-partition led_by_nobody-0 due to error"), told
    first.start()
    for number in (1, 2):
        eventually(lambda number=number: lag_at(nodes.nodes[number]) == [(18, 20, 2)])
    all_is_well(nodes)


def states_at(node):
    """The states of the nodes in SHOW CLUSTER of this node."""
    if psycopg is None:
        raise Skipped("psycopg is not installed")
    host, port = node.pg.split(":")
    with psycopg.connect(host=host, port=port, user="millrace", dbname="millrace", autocommit=True, prepare_threshold=None) as c:
        return {row[0]: row[1] for row in c.execute("SHOW CLUSTER").fetchall()}


def cut_off(nodes, load, number, ways="both"):
    """Cuts the connections between the partition's leader and the other nodes until records are accepted without it."""
    leader = leader_of(nodes, "cut_off", number)
    others = [number for number in nodes.nodes if number != leader.number]
    for other in others:
        if ways != "to it":
            nodes.network.cut(leader.number, other, both_ways=False)
        if ways != "from it":
            nodes.network.cut(other, leader.number, both_ways=False)
    watcher = nodes.nodes[others[0]]
    eventually(lambda: metadata_of(watcher, "cut_off").topics["cut_off"].partitions[number].leader in others, 40)
    written = len(load.acknowledged[number])
    eventually(lambda: len(load.acknowledged[number]) > written + 100, 40)
    nodes.network.heal()
    all_is_well(nodes)


# --- Certificates

def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)


def authority(folder, name):
    key, certificate = os.path.join(folder, name + ".key"), os.path.join(folder, name + ".pem")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", f"/CN={name}")
    return key, certificate


def certificate_flags(folder, name, signer):
    key, request, certificate = (os.path.join(folder, f"{name}.{end}") for end in ("key", "csr", "pem"))
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={name}")
    openssl("x509", "-req", "-in", request, "-CA", signer[1], "-CAkey", signer[0], "-CAcreateserial", "-out", certificate, "-days", "2")
    return ["--nodes-tls-cert", certificate, "--nodes-tls-key", key, "--nodes-tls-ca", signer[1]]


@timed
@case
def a_node_with_a_longer_session_than_the_others_stays():
    """The state in the middle of a rolling change of the setting. The case is timed because a busy machine can delay the
    heartbeats of the nodes with the short session."""
    nodes = Cluster(flags=("--node-session-timeout-ms", "500"))
    try:
        other = nodes.nodes[3]
        other.stop()
        other.flags = ("--node-session-timeout-ms", "5000")
        other.start()
        all_is_well(nodes)
        before = sum(node.log_text().count("a node is fenced node=3") for node in nodes.nodes.values())
        time.sleep(5)  # the session of node 3, and ten sessions of the other nodes
        after = sum(node.log_text().count("a node is fenced node=3") for node in nodes.nodes.values())
        assert after - before <= 1, (before, after)
    finally:
        nodes.close()


@case
def nodes_with_certificates_let_no_others_in():
    folder = tempfile.mkdtemp(prefix="millrace-certificates-")
    ours, theirs = authority(folder, "ours"), authority(folder, "theirs")
    nodes = Cluster(count=3, name="green", flags=("--node-session-timeout-ms", "2000", *certificate_flags(folder, "node", ours)))
    try:
        create_topic(nodes, "secured")
        load = Load(nodes, "secured")
        load.await_more(100)
        nodes.nodes[3].kill()
        for flags, reason in (([], "use TLS"), (certificate_flags(folder, "stranger", theirs), "TLS: ")):
            stranger = Node(os.path.join(nodes.folder, f"stranger{len(flags)}"), "green", 3, nodes.etcd.url,
                            ["--node-session-timeout-ms", "2000", *flags])
            stranger.start(waits=False)
            eventually(lambda: "no connection to a node" in stranger.log_text() and reason in stranger.log_text())
            eventually(lambda: "a connection to the port for nodes was rejected" in nodes.nodes[1].log_text())
            stranger.kill()
        nodes.nodes[3].start()
        load.stop()
        all_is_well(nodes)
        load.check(nodes.bootstrap)
    finally:
        nodes.close()


@case
def nodes_that_begin_together_make_one_superuser():
    folder = tempfile.mkdtemp(prefix="millrace-superuser-")
    rules, password = os.path.join(folder, "rules"), os.path.join(folder, "password")
    for path, text in ((rules, "host all all all scram-sha-256\n"), (password, "of all nodes\n")):
        with open(path, "w") as out:
            out.write(text)
    nodes = Cluster(flags=("--node-session-timeout-ms", "2000", "--access-file", rules, "--superuser-password-file", password))
    try:
        for node in nodes.nodes.values():
            host, port = node.pg.split(":")
            with psycopg.connect(host=host, port=port, user="millrace", password="of all nodes", dbname="millrace") as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
        # The first command of the metadata log was about the user. Nevertheless the cluster is at the newest level.
        login = 'org.apache.kafka.common.security.scram.ScramLoginModule required username="millrace" password="of all nodes";'

        def status():
            return millrace(nodes, "status", "--command-property", "security.protocol=SASL_PLAINTEXT", "--command-property",
                            "sasl.mechanism=SCRAM-SHA-256", "--command-property", f"sasl.jaas.config={login}")
        said = wait_until(lambda: (said := status()).count("there") + said.count("controller") >= 3 and said, status)
        assert "upgrade" not in said, said
    finally:
        nodes.close()


run(obstacle_of_own_client())
