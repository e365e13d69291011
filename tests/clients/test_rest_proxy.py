#!/usr/bin/python3
"""The REST proxy, as curl asks it: records in and out in every embedded format, groups, topics, a stream of records, and errors."""
import base64
import http.client
import json
import os
import select
import shutil
import socket
import subprocess
import threading
import time

from millrace_server import Skipped, case, check_took_less, launch, patience, run, timed, wait_until

try:
    import confluent_kafka
except ImportError:
    confluent_kafka = None

SERVER = launch()
V2 = "application/vnd.kafka.v2+json"


def ask(method, path, body=None, content="application/json", accept=None):
    """Status and answer."""
    host, port = SERVER.http.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    text = body if isinstance(body, (str, bytes, type(None))) else json.dumps(body)
    connection.request(method, path, text, {"Content-Type": content, **({"Accept": accept} if accept else {})})
    answer = connection.getresponse()
    told = answer.read().decode()
    connection.close()
    return answer.status, json.loads(told) if told else None


def kafka_type(name):
    return f"application/vnd.kafka.{name}.v2+json"


def produce(topic, records, name="json", **more):
    status, told = ask("POST", f"/topics/{topic}", {"records": records, **more}, kafka_type(name))
    assert status == 200, told
    assert all(each["error_code"] is None for each in told["offsets"]), told
    return told


def anonymous_mb():
    with open(f"/proc/{SERVER.pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("RssAnon:"))


class Consumer:
    def __init__(self, group, name="one", format="json", **settings):
        settings.setdefault("auto.offset.reset", "earliest")
        self.format = format
        status, told = ask("POST", f"/consumers/{group}", {"name": name, "format": format, **settings}, V2)
        assert status == 200 and told["instance_id"] == name, told
        assert told["base_uri"].endswith(f"/consumers/{group}/instances/{name}"), told
        self.base = f"/consumers/{group}/instances/{name}"

    def ask(self, method, path, body=None, expected=204):
        status, told = ask(method, self.base + path, body, V2)
        assert status == expected, (status, told)
        return told

    def records(self, timeout=1000, more=""):
        status, told = ask("GET", f"{self.base}/records?timeout={timeout}{more}", None, V2, kafka_type(self.format))
        assert status == 200, told
        return told

    def read(self, count):
        found = []
        wait_until(lambda: found.extend(self.records()) or len(found) >= count, lambda: found)
        return found

    def close(self):
        self.ask("DELETE", "")


def cluster():
    return ask("GET", "/v3/clusters")[1]["data"][0]["cluster_id"]


@case
def json_goes_in_and_comes_out():
    told = produce("jsons", [{"key": "a", "value": {"n": 1}}, {"value": [1, 2]}, {"key": None, "value": None}])
    assert told["key_schema_id"] is None and len(told["offsets"]) == 3, told
    consumer = Consumer("g-json")
    consumer.ask("POST", "/subscription", {"topics": ["jsons"]})
    assert consumer.ask("GET", "/subscription", expected=200) == {"topics": ["jsons"]}
    got = consumer.read(3)
    assert sorted((json.dumps(each["key"]), json.dumps(each["value"])) for each in got) == [
        ('"a"', '{"n": 1}'), ("null", "[1, 2]"), ("null", "null")], got
    assert {each["topic"] for each in got} == {"jsons"} and {"partition", "offset"} <= got[0].keys()
    assert consumer.ask("GET", "/assignments", expected=200)["partitions"]
    consumer.close()
    assert ask("GET", consumer.base + "/records")[1]["error_code"] == 40403


@case
def binary_is_base64():
    bytes_ = bytes(range(256))
    produce("blobs", [{"value": base64.b64encode(bytes_).decode(), "partition": 0}], "binary")
    consumer = Consumer("g-binary", format="binary")
    consumer.ask("POST", "/assignments", {"partitions": [{"topic": "blobs", "partition": 0}]})
    assert base64.b64decode(consumer.read(1)[0]["value"]) == bytes_
    assert ask("POST", "/topics/blobs", {"records": [{"value": "%%"}]}, kafka_type("binary"))[1]["error_code"] == 42204
    consumer.close()


@case
def formats_with_schemas():
    avro = json.dumps({"type": "record", "name": "R", "fields": [
        {"name": "id", "type": "long"}, {"name": "city", "type": ["null", "string"], "default": None},
        {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []}]})
    protobuf = 'syntax = "proto3"; message R { int32 id = 1; string city = 2; }'
    schema = json.dumps({"type": "object", "properties": {"id": {"type": "integer"}}})
    for name, text, value, shown in (
            ("avro", avro, {"id": 7, "city": {"string": "Lahore"}, "tags": ["x"]}, {"id": 7, "city": {"string": "Lahore"}, "tags": ["x"]}),
            ("protobuf", protobuf, {"id": 7, "city": "Lahore"}, {"id": 7, "city": "Lahore"}),
            ("jsonschema", schema, {"id": 7}, {"id": 7})):
        topic = f"with_{name}"
        told = produce(topic, [{"value": value}], name, value_schema=text)
        again = produce(topic, [{"value": value}], name, value_schema_id=told["value_schema_id"])
        assert again["value_schema_id"] == told["value_schema_id"] > 0
        subject = ask("GET", f"/subjects/{topic}-value/versions/latest")[1]
        assert subject["id"] == told["value_schema_id"], subject
        consumer = Consumer(f"g-{name}", format=name)
        consumer.ask("POST", "/subscription", {"topics": [topic]})
        assert [each["value"] for each in consumer.read(2)] == [shown, shown]
        consumer.close()
        status, error = ask("POST", f"/topics/{topic}", {"records": [{"value": value}]}, kafka_type(name))
        assert (status, error["error_code"]) == (422, 42202), error
    status, error = ask("POST", "/topics/with_avro", {"records": [{"value": {"id": "x"}}], "value_schema": avro}, kafka_type("avro"))
    assert (status, error["error_code"]) == (422, 42203), error


@case
def offsets_and_positions():
    told = produce("placed", [{"value": number, "partition": 0} for number in range(10)])
    assert [each["offset"] for each in told["offsets"]] == list(range(10))
    first = {"topic": "placed", "partition": 0}
    consumer = Consumer("g-placed", **{"auto.commit.enable": "false"})
    consumer.ask("POST", "/assignments", {"partitions": [first]})
    assert [each["value"] for each in consumer.read(10)] == list(range(10))
    assert consumer.ask("GET", "/offsets", {"partitions": [first]}, 200) == {"offsets": []}
    consumer.ask("POST", "/offsets", {"offsets": [{**first, "offset": 3}]})
    assert consumer.ask("GET", "/offsets", {"partitions": [first]}, 200)["offsets"][0]["offset"] == 4
    consumer.ask("POST", "/positions", {"offsets": [{**first, "offset": 8}]})
    assert [each["value"] for each in consumer.read(2)] == [8, 9]
    consumer.ask("POST", "/positions/beginning", {"partitions": [first]})
    assert [each["value"] for each in consumer.read(10)] == list(range(10))
    consumer.ask("POST", "/positions/end", {"partitions": [first]})
    assert consumer.records(100) == []
    consumer.ask("POST", "/positions", {"offsets": [{**first, "offset": 6}]})
    assert [each["value"] for each in consumer.read(4)] == [6, 7, 8, 9]
    consumer.ask("POST", "/offsets")  # all records that were read
    consumer.close()
    other = Consumer("g-placed", "two")
    other.ask("POST", "/assignments", {"partitions": [first]})
    assert other.records(200) == []
    ends = ask("GET", "/topics/placed/partitions/0/offsets")[1]
    assert ends == {"beginning_offset": 0, "end_offset": 10}, ends
    other.close()


@case
def a_group_divides_its_partitions():
    status, told = ask("POST", f"/v3/clusters/{cluster()}/topics", {"topic_name": "divided", "partitions_count": 4})
    assert status == 201 and told["partitions_count"] == 4, told
    consumers = [Consumer("g-divided", f"c{number}") for number in range(2)]
    for consumer in consumers:
        consumer.ask("POST", "/subscription", {"topics": ["divided"]})

    def divided():
        for consumer in consumers:
            consumer.records(100)
        parts = [consumer.ask("GET", "/assignments", expected=200)["partitions"] for consumer in consumers]
        return [len(each) for each in parts] == [2, 2]
    wait_until(divided, seconds=40)
    produce("divided", [{"value": number, "partition": number % 4} for number in range(8)])
    got = []
    wait_until(lambda: [got.extend(each.records(300)) for each in consumers] and len(got) >= 8, lambda: got, seconds=40)
    assert sorted(each["value"] for each in got) == list(range(8)), got
    for consumer in consumers:
        consumer.close()
    lags = ask("GET", f"/v3/clusters/{cluster()}/consumer-groups/g-divided/lags")[1]["data"]
    assert sum(each["lag"] for each in lags) == 0 and len(lags) == 4, lags
    summary = ask("GET", f"/v3/clusters/{cluster()}/consumer-groups/g-divided/lag-summary")[1]
    assert summary["total_lag"] == 0, summary


@timed
@case
def records_are_waited_for():
    ask("POST", f"/v3/clusters/{cluster()}/topics", {"topic_name": "awaited", "partitions_count": 1})
    consumer = Consumer("g-awaited")
    consumer.ask("POST", "/assignments", {"partitions": [{"topic": "awaited", "partition": 0}]})
    assert consumer.records(100) == []
    threading.Timer(0.5, lambda: produce("awaited", [{"value": 1}])).start()
    begun = time.monotonic()
    assert [each["value"] for each in consumer.records(20_000)] == [1]
    check_took_less(begun, 10)
    consumer.close()


@case
def topics_and_their_settings():
    base = f"/v3/clusters/{cluster()}/topics"
    assert ask("GET", f"/v3/clusters/{cluster()}")[1]["kind"] == "KafkaCluster"
    assert ask("POST", base, {"topic_name": "kept", "partitions_count": 2, "configs": [{"name": "cleanup.policy", "value": "compact"}]})[0] == 201
    assert ask("POST", base, {"topic_name": "kept"})[1]["error_code"] == 40002
    # A count that is too large is refused; wrapped around, it would create a topic with another count.
    for counts in ({"replication_factor": 65537}, {"replication_factor": 32768}, {"partitions_count": 4294967297},
                   {"partitions_count": "many"}):
        status, told = ask("POST", base, {"topic_name": "wrapped", **counts})
        assert status == 422 and next(iter(counts)) in told["message"], told
    assert ask("GET", f"{base}/wrapped")[0] == 404
    assert "kept" in [each["topic_name"] for each in ask("GET", base)[1]["data"]]
    assert "kept" in ask("GET", "/topics")[1]
    assert ask("GET", f"{base}/kept/configs/cleanup.policy")[1]["value"] == "compact"
    assert ask("PUT", f"{base}/kept/configs/cleanup.policy", {"value": "delete"})[0] == 204
    assert ask("GET", f"{base}/kept/configs/cleanup.policy")[1]["value"] == "delete"
    assert ask("PUT", f"{base}/kept/configs/retention.ms", {"value": "1000"})[0] == 204
    told = ask("GET", f"{base}/kept/configs/retention.ms")[1]
    assert told["source"] == "DYNAMIC_TOPIC_CONFIG" and not told["is_default"] and "how long" in told["documentation"], told
    assert told["synonyms"] == [{"name": "retention.ms", "value": "1000", "source": "DYNAMIC_TOPIC_CONFIG"},
                                {"name": "log.retention.ms", "value": "-1", "source": "DEFAULT_CONFIG"}], told
    assert ask("POST", f"{base}/kept/configs:alter", {"data": [{"name": "cleanup.policy", "operation": "DELETE"}]})[0] == 204
    assert ask("GET", f"{base}/kept/configs/cleanup.policy")[1]["is_default"]
    assert len(ask("GET", f"{base}/kept/partitions")[1]["data"]) == 2
    assert ask("GET", "/topics/kept")[1]["partitions"][1]["partition"] == 1
    status, told = ask("PATCH", f"{base}/kept", {"partitions_count": 5})
    assert status == 200 and told["partitions_count"] == 5 and told["topic_name"] == "kept", told
    assert len(ask("GET", f"{base}/kept/partitions")[1]["data"]) == 5
    for body in ({"partitions_count": 5}, {"partitions_count": 4}, {}, {"partitions_count": "many"}, {"partition_count": 9}):
        status, told = ask("PATCH", f"{base}/kept", body)
        assert status in (400, 422) and told["message"], (body, told)
    assert ask("PATCH", f"{base}/kept", {"partitions_count": 7, "validate_only": True})[0] == 200
    assert len(ask("GET", f"{base}/kept/partitions")[1]["data"]) == 5
    assert ask("PATCH", f"{base}/missing", {"partitions_count": 2})[1]["error_code"] == 40403
    assert ask("DELETE", f"{base}/kept")[0] == 204
    assert ask("GET", f"{base}/kept")[1]["error_code"] == 40403
    assert ask("GET", "/brokers")[1] == {"brokers": [1]}


@case
def offsets_of_a_group_without_members_are_changed():
    produce("moved", [{"value": number, "partition": 0} for number in range(5)])
    path = f"/v3/clusters/{cluster()}/consumer-groups/g-moved"

    def offset(value, **more):
        return {"offsets": [{"topic_name": "moved", "partition_id": 0, "offset": value, **more}]}

    assert ask("POST", path + "/offsets", offset(3)) == (204, None)
    consumer = Consumer("g-moved", **{"auto.commit.enable": "false"})
    consumer.ask("POST", "/subscription", {"topics": ["moved"]})
    assert [each["value"] for each in consumer.read(2)] == [3, 4]
    status, told = ask("POST", path + "/offsets", offset(0))
    assert status == 409 and told["error_code"] == 40905 and "g-moved has members (" in told["message"], told
    consumer.close()
    assert ask("POST", path + "/offsets", offset(0))[0] == 204
    assert ask("GET", path + "/lags")[1]["data"][0]["current_offset"] == 0
    for bad in (offset(-1), offset("x"), offset(1, more=1), {"offsets": []}, {}, {"offsets": [{"topic_name": "moved", "offset": 1}]}):
        status, told = ask("POST", path + "/offsets", bad)
        assert status == 422, (bad, told)
    half = offset(2)
    half["offsets"].append({"topic_name": "moved", "partition_id": 99, "offset": 1})
    status, told = ask("POST", path + "/offsets", half)
    assert status == 404 and "partition 99 of topic moved" in told["message"] and "1 other partitions are changed" in told["message"], told
    assert ask("POST", "/v3/clusters/other/consumer-groups/g/offsets", offset(1))[0] == 404


@case
def records_at_the_beginning_of_partitions_are_deleted():
    base = f"/v3/clusters/{cluster()}/topics"
    assert ask("POST", base, {"topic_name": "cut", "partitions_count": 2})[0] == 201
    produce("cut", [{"value": number, "partition": number % 2} for number in range(20)])
    path = base + "/cut/records:delete"

    def cuts(*pairs, **more):
        return {"partitions": [{"partition_id": number, "before_offset": before} for number, before in pairs], **more}

    def beginnings():
        return [ask("GET", f"/topics/cut/partitions/{number}/offsets")[1]["beginning_offset"] for number in (0, 1)]

    def effect(number, old, new):
        return {"partition_id": number, "old_first_offset": old, "new_first_offset": new, "end_offset": 10}

    status, told = ask("POST", path, cuts((0, 4), (1, -1), validate_only=True))
    assert status == 200 and told["validate_only"] and told["topic_name"] == "cut", told
    assert told["partitions"] == [effect(0, 0, 4), effect(1, 0, 10)] and beginnings() == [0, 0], told
    status, told = ask("POST", path, cuts((0, 4)))
    assert status == 200 and not told["validate_only"] and told["partitions"] == [effect(0, 0, 4)], told
    assert beginnings() == [4, 0]
    # An offset before the first record changes nothing.
    assert ask("POST", path, cuts((0, 2)))[1]["partitions"] == [effect(0, 4, 4)] and beginnings() == [4, 0]
    # If one offset is not valid, no record is deleted.
    for body in (cuts((0, 9), (1, 11)), cuts((1, 3), (1, 4)), cuts((0, -2)), cuts((0, "x")), cuts(), {}, {"partitions": [{"partition_id": 0}]},
                 cuts((0, 9), validate=True), cuts((0, 1 << 63))):
        status, told = ask("POST", path, body)
        assert status == 422 and told["message"], (body, told)
    assert "Partition 1 ends at offset 10, before offset 11." in ask("POST", path, cuts((0, 9), (1, 11)))[1]["message"]
    status, told = ask("POST", path, cuts((0, 9), (2, 0)))
    assert status == 404 and told["error_code"] == 40403 and "no partition 2" in told["message"], told
    assert ask("POST", base + "/missing/records:delete", cuts((0, 0)))[1]["error_code"] == 40403
    assert ask("POST", "/v3/clusters/other/topics/cut/records:delete", cuts((0, 0)))[0] == 404
    assert beginnings() == [4, 0]
    # A topic that is only compacted keeps the newest record of each key, whatever its offset.
    assert ask("PUT", f"{base}/cut/configs/cleanup.policy", {"value": "compact"})[0] == 204
    for validate_only in (True, False):
        status, told = ask("POST", path, cuts((0, 9), validate_only=validate_only))
        assert status == 403 and told["error_code"] == 40301 and "only compacted" in told["message"], told
    assert ask("PUT", f"{base}/cut/configs/cleanup.policy", {"value": "compact,delete"})[0] == 204
    assert ask("POST", path, cuts((0, -1), (1, -1)))[0] == 200 and beginnings() == [10, 10]
    assert produce("cut", [{"key": "a", "value": 1, "partition": 0}])["offsets"][0]["offset"] == 10, "new records get the next offsets"


@case
def a_stream_of_records():
    path = f"/v3/clusters/{cluster()}/topics/streamed/records"
    status, told = ask("POST", path, {"partition_id": 0, "key": {"type": "JSON", "data": "k"}, "value": {"type": "JSON", "data": {"a": 1}},
                                      "headers": [{"name": "h", "value": base64.b64encode(b"x").decode()}]})
    assert status == 200 and told["error_code"] == 200 and told["offset"] == 0 and told["value"]["type"] == "JSON", told
    host, port = SERVER.http.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    count = 300
    connection.request("POST", path, (json.dumps({"partition_id": 0, "value": {"type": "JSON", "data": number}}).encode() for number in range(count)),
                       {"Content-Type": "application/json"}, encode_chunked=True)
    answers = [json.loads(line) for line in connection.getresponse().read().splitlines() if line.strip()]
    assert [each.get("offset") for each in answers] == list(range(1, count + 1)), [each for each in answers if "offset" not in each][:3]
    consumer = Consumer("g-streamed")
    consumer.ask("POST", "/assignments", {"partitions": [{"topic": "streamed", "partition": 0}]})
    assert [each["value"] for each in consumer.read(count + 1)] == [{"a": 1}, *range(count)]
    consumer.close()
    connection.request("POST", path, b'{"value": {"type": "JSON", "data": 1}} {"value": {"type": "NOBODY", "data": 1}} {"value"')
    answers = [json.loads(line) for line in connection.getresponse().read().splitlines()]
    assert [each["error_code"] for each in answers] == [200, 422, 400], answers
    assert ask("POST", "/v3/clusters/other/topics/streamed/records", {"value": {"data": 1}})[0] == 404


@case
def kafka_clients_see_the_same():
    if not confluent_kafka:
        return
    produce("shared", [{"key": f"k{number}", "value": number} for number in range(20)])
    consumer = confluent_kafka.Consumer({"bootstrap.servers": SERVER.kafka, "group.id": "g-shared", "auto.offset.reset": "earliest"})
    consumer.subscribe(["shared"])
    got = []
    wait_until(lambda: (lambda message: got.append(json.loads(message.value())) if message and not message.error() else None)(
        consumer.poll(0.5)) or len(got) == 20, lambda: got, seconds=40)
    consumer.close()
    assert sorted(got) == list(range(20))
    proxied = Consumer("g-shared", "http")
    proxied.ask("POST", "/subscription", {"topics": ["shared"]})
    produce("shared", [{"value": 20}])
    assert [each["value"] for each in proxied.read(1)] == [20]
    proxied.close()


@case
def answers_that_no_client_reads_are_bounded():
    global SERVER
    before, limit_mb = SERVER, 64
    SERVER = launch("--memory-limit", f"{limit_mb}MB")
    try:
        for _ in range(20):
            produce("large", [{"value": "x" * 100_000, "partition": 0} for _ in range(10)])
        begun, grown, unread = anonymous_mb(), 0, []
        for number in range(100):
            consumer = Consumer("g-large", f"c{number}")
            consumer.ask("POST", "/assignments", {"partitions": [{"topic": "large", "partition": 0}]})
            host, port = SERVER.http.rsplit(":", 1)
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # the answer waits in the server
            client.connect((host, int(port)))
            client.sendall(f"GET {consumer.base}/records?timeout=3000&max_bytes=8000000 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            unread.append(client)
            grown = max(grown, anonymous_mb() - begun)
        waiting = set(unread)
        while waiting:  # until each answer has begun
            waiting -= set(select.select(waiting, [], [], patience(20))[0] or [None])
            grown = max(grown, anonymous_mb() - begun)
        print(f"  at most {grown:.0f} MB more")
        assert grown < limit_mb + 60, grown
        for client in unread:
            client.close()
        wait_until(lambda: ask("GET", f"{consumer.base}/records?timeout=1000&max_bytes=200000")[1], seconds=30)
        nodes = ask("POST", "/topics/large", b'{"records":[{"value":[' + b"1," * (7 << 20) + b"1]}]}", kafka_type("json"))
        assert nodes[0] == 503 and nodes[1]["error_code"] == 50301, nodes
    finally:
        SERVER.stop()
        SERVER = before


@case
def the_manual_is_right():
    """Each curl of docs/REST_PROXY.md, on a server of its own, answers what stands below it."""
    if not shutil.which("curl"):
        raise Skipped("curl is not installed")
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "REST_PROXY.md")) as page:
        lines = page.read().splitlines()
    examples = [(line[2:], lines[number + 1]) for number, line in enumerate(lines) if line.startswith("$ curl ")]
    server = launch()
    try:
        identity = json.loads(subprocess.run(["curl", "-s", f"{server.http}/v3/clusters"], capture_output=True, timeout=30).stdout)["data"][0]["cluster_id"]
        for command, wanted in examples:
            answer = subprocess.run(command.replace("localhost:8088", server.http).replace("CLUSTER", identity), shell=True,
                                    capture_output=True, text=True, timeout=30)
            told = answer.stdout.strip().replace(server.http, "localhost:8088").replace(identity, "CLUSTER")
            assert told == wanted, (command, told)
    finally:
        server.stop()
    assert len(examples) >= 10, examples


@case
def unrecognized_fields_are_refused():
    produce("strict", [{"key": "a", "value": 1, "partition": 0}])
    cluster_path = f"/v3/clusters/{cluster()}/topics"
    consumer = Consumer("g-strict")
    for path, body, field, near in (
            ("/topics/strict", {"records": [{"val": 1}]}, "val", "did you mean value?"),
            ("/topics/strict", {"records": [{"value": 1}, {"key": "a", "values": 1}]}, "values", "did you mean value?"),
            ("/topics/strict", {"record": [{"value": 1}]}, "record", "did you mean records?"),
            ("/topics/strict", {"value": 1}, "value", 'the records are in a list: {"records":[{"value":...}]}'),
            ("/topics/strict", {"city": "Lahore"}, "city", 'the records are in a list: {"records":[{"value":...}]}'),
            ("/topics/strict", {"records": [{"value": 1, "headers": []}]}, "headers", "known: key, value, partition"),
            ("/topics/strict/partitions/0", {"records": [{"val": 1}]}, "val", "did you mean value?"),
            ("/consumers/g-strict", {"name": "x", "auto.offset.rest": "earliest"}, "auto.offset.rest", "did you mean auto.offset.reset?"),
            (consumer.base + "/subscription", {"topic": ["strict"]}, "topic", "did you mean topics?"),
            (cluster_path, {"topic_name": "made", "partition_count": 4}, "partition_count", "did you mean partitions_count?")):
        status, told = ask("POST", path, body, kafka_type("json"))
        assert status == 422 and told["error_code"] == 422, (body, told)
        assert told["message"].startswith(f"Unrecognized field: {field} (") and near in told["message"], told
    for body in ({"val": {"type": "JSON", "data": 1}}, {"value": {"type": "JSON", "dat": 1}}, {"value": {"data": 1}, "headers": [{"nam": "x"}]}):
        status, told = ask("POST", cluster_path + "/strict/records", body)
        assert told["error_code"] == 422 and told["message"].startswith("Unrecognized field: "), told
    # None of these requests has written a record.
    assert ask("GET", "/topics/strict/partitions/0/offsets")[1]["end_offset"] == 1
    assert ask("POST", cluster_path, {"topic_name": "made", "partitions_count": "many"})[1]["error_code"] == 422
    status, told = ask("POST", cluster_path, {"topic_name": "made", "partitions_count": 2, "validate_only": True})
    assert status == 200 and told["partitions_count"] == 2, told
    assert ask("GET", cluster_path + "/made")[0] == 404
    # A record with a key and no value is accepted: it is a tombstone, which deletes the key.
    produce("strict", [{"key": "a"}, {"key": "a", "value": None}])
    consumer.close()


@case
def errors_have_their_numbers():
    def code(*asked, **more):
        status, told = ask(*asked, **more)
        assert status == (told["error_code"] if told["error_code"] < 1000 else told["error_code"] // 100), told
        return told["error_code"]
    assert code("POST", "/topics/x", {"records": [{"value": 1}]}, "text/plain") == 415
    assert "application/vnd.kafka.json.v2+json" in ask("POST", "/topics/x", {"records": [{"value": 1}]}, "text/plain")[1]["message"]
    assert code("POST", "/topics/x", "{", kafka_type("json")) == 400
    assert code("POST", "/topics/x", {"records": []}, kafka_type("json")) == 422
    assert code("POST", "/topics/x", {"records": [1]}, kafka_type("json")) == 422
    assert code("POST", "/topics/%ff", {"records": [{"value": 1}]}, kafka_type("json")) == 400
    assert code("GET", "/topics/nobody") == 40401
    assert code("GET", "/consumers/g/instances/nobody/records") == 40403
    produce("there", [{"value": 1}])
    assert code("POST", "/topics/there/partitions/77", {"records": [{"value": 1}]}, kafka_type("json")) == 40402
    told = ask("POST", "/topics/there", {"records": [{"value": 1, "partition": 77}, {"value": 2, "partition": 0}]}, kafka_type("json"))[1]
    assert [each["error_code"] for each in told["offsets"]] == [1, None], told
    large = ask("POST", "/topics/there", {"records": [{"value": "x" * (17 << 20)}]}, kafka_type("json"))
    assert large[0] == 413, large
    consumer = Consumer("g-errors")
    assert code("POST", "/consumers/g-errors", {"name": "one"}) == 40902
    assert code("POST", "/consumers/g-errors", {"name": "two", "format": "xml"}) == 42204
    assert code("POST", consumer.base + "/subscription", {}) == 422
    assert code("GET", consumer.base + "/records", accept=kafka_type("avro")) == 40601
    consumer.ask("POST", "/subscription", {"topics": ["there"]})
    assert code("POST", consumer.base + "/assignments", {"partitions": [{"topic": "there", "partition": 0}]}) == 40903
    assert code("POST", consumer.base + "/positions", {"offsets": [{"topic": "there", "partition": 99, "offset": 0}]}) == 40904
    consumer.close()


run()
