"""Confluent's Python client of the schema registry: its serializers and deserializers both ways, and what they write in SQL."""
import datetime
import decimal
import json
import time

import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.schema_registry import (Metadata, MetadataProperties, Rule, RuleKind, RuleMode, RuleParams,
                                             RuleSet, Schema, SchemaReference, SchemaRegistryClient,
                                             SchemaRegistryError)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from millrace_server import case, launch, run

SERVER = launch("--registry", "127.0.0.1:0")
REGISTRY = SchemaRegistryClient({"url": f"http://{SERVER.registry}"})
PATIENCE_S = 30


def sql(*statements):
    with psycopg.connect(host=SERVER.host, port=SERVER.port, user="ada", autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def wait_until(ask, wanted):
    end = time.monotonic() + PATIENCE_S
    while (got := ask()) != wanted:
        assert time.monotonic() < end, got
        time.sleep(0.05)


def value_of(topic):
    return SerializationContext(topic, MessageField.VALUE)


def produce(topic, values):
    producer = Producer({"bootstrap.servers": SERVER.kafka})
    for value in values:
        producer.produce(topic, value, key=b"k")
    assert producer.flush(PATIENCE_S) == 0


def consume(topic, count):
    consumer = Consumer({"bootstrap.servers": SERVER.kafka, "group.id": "check", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    records = consumer.consume(count, PATIENCE_S)
    consumer.close()
    assert len(records) == count and not any(each.error() for each in records), records
    return [each.value() for each in records]


@case
def avro_both_ways():
    schema = json.dumps({"type": "record", "name": "Order", "namespace": "shop", "fields": [
        {"name": "id", "type": "int"}, {"name": "city", "type": ["null", "string"], "default": None},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "tags", "type": {"type": "array", "items": "string"}}]})
    rows = [{"id": 1, "city": "Lahore", "amount": decimal.Decimal("2.50"), "day": datetime.date(2024, 5, 1), "tags": ["a", "b"]},
            {"id": 2, "city": None, "amount": decimal.Decimal("-0.01"), "day": datetime.date(1969, 12, 31), "tags": []}]
    write = AvroSerializer(REGISTRY, schema)
    sql("CREATE STREAM avro_raw (x INT) WITH (KAFKA_TOPIC = 'avro-in', VALUE_FORMAT = 'JSON', PARTITIONS = 1)")
    produce("avro-in", [write(row, value_of("avro-in")) for row in rows])
    sql("CREATE STREAM avro_in WITH (KAFKA_TOPIC = 'avro-in', VALUE_FORMAT = 'AVRO')",
        "CREATE STREAM avro_out WITH (KAFKA_TOPIC = 'avro-out') AS SELECT * FROM avro_in")
    wait_until(lambda: sql("SELECT id, city, amount, day, tags FROM avro_in"),
               [(1, "Lahore", decimal.Decimal("2.50"), datetime.date(2024, 5, 1), ["a", "b"]),
                (2, None, decimal.Decimal("-0.01"), datetime.date(1969, 12, 31), [])])
    read = AvroDeserializer(REGISTRY)
    assert [read(each, value_of("avro-in")) for each in consume("avro-in", 2)] == rows
    written = [read(each, value_of("avro-out")) for each in consume("avro-out", 2)]
    assert written == [{name.upper(): value for name, value in row.items()} for row in rows], written


@case
def avro_evolves():
    old = json.dumps({"type": "record", "name": "E", "fields": [{"name": "a", "type": "int"}]})
    new = json.dumps({"type": "record", "name": "E", "fields": [{"name": "a", "type": "long"},
                                                                {"name": "b", "type": "string", "default": "none"}]})
    bad = json.dumps({"type": "record", "name": "E", "fields": [{"name": "a", "type": "long"}, {"name": "c", "type": "int"}]})
    sql("CREATE STREAM evolve_raw (x INT) WITH (KAFKA_TOPIC = 'evolve', VALUE_FORMAT = 'JSON', PARTITIONS = 1)")
    produce("evolve", [AvroSerializer(REGISTRY, old)({"a": 1}, value_of("evolve")),
                       AvroSerializer(REGISTRY, new)({"a": 2, "b": "x"}, value_of("evolve"))])
    try:
        AvroSerializer(REGISTRY, bad)({"a": 3, "c": 1}, value_of("evolve"))
        assert False, "an incompatible schema was registered"
    except SchemaRegistryError as refused:
        assert refused.http_status_code == 409, refused
    read = AvroDeserializer(REGISTRY, new)
    assert [read(each, value_of("evolve")) for each in consume("evolve", 2)] == [{"a": 1, "b": "none"}, {"a": 2, "b": "x"}]
    sql("CREATE STREAM evolve WITH (KAFKA_TOPIC = 'evolve', VALUE_FORMAT = 'AVRO')")
    wait_until(lambda: sql("SELECT a, b FROM evolve"), [(1, None), (2, "x")])


@case
def json_schema_both_ways():
    schema = json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", "title": "Reading", "type": "object",
                         "properties": {"id": {"type": "integer"}, "name": {"type": "string"}, "level": {"type": "number"}},
                         "required": ["id"]})
    rows = [{"id": 1, "name": "a", "level": 0.5}, {"id": 2}]
    write = JSONSerializer(schema, REGISTRY)
    sql("CREATE STREAM json_raw (x INT) WITH (KAFKA_TOPIC = 'json-in', VALUE_FORMAT = 'JSON', PARTITIONS = 1)")
    produce("json-in", [write(row, value_of("json-in")) for row in rows])
    sql("CREATE STREAM json_in WITH (KAFKA_TOPIC = 'json-in', VALUE_FORMAT = 'JSON_SR')",
        "CREATE STREAM json_out WITH (KAFKA_TOPIC = 'json-out') AS SELECT * FROM json_in")
    wait_until(lambda: sql("SELECT id, name, level FROM json_in"), [(1, "a", 0.5), (2, None, None)])
    read = JSONDeserializer(schema, schema_registry_client=REGISTRY)
    assert [read(each, value_of("json-in")) for each in consume("json-in", 2)] == rows
    read = JSONDeserializer(None, schema_registry_client=REGISTRY)
    written = [read(each, value_of("json-out")) for each in consume("json-out", 2)]
    assert written[0] == {"ID": 1, "NAME": "a", "LEVEL": 0.5} and written[1]["ID"] == 2, written
    try:
        write({"id": "x"}, value_of("json-in"))
        assert False, "a value that is against the schema was written"
    except Exception as refused:
        assert "integer" in str(refused), refused


def message_class(name, imports=(), /, **fields):
    """A message as protoc would compile it: {field: type}, or {field: (full name of a message,)}."""
    proto = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package="shop", syntax="proto3", dependency=imports)
    message = proto.message_type.add(name=name)
    for number, (field, kind) in enumerate(fields.items(), 1):
        made = message.field.add(name=field, number=number, label=1, json_name=field)
        if isinstance(kind, str):
            made.type = descriptor_pb2.FieldDescriptorProto.Type.Value("TYPE_" + kind.upper())
        else:
            made.type, made.type_name = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE, kind[0]
    descriptor_pool.Default().Add(proto)
    return message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(f"shop.{name}"))


@case
def protobuf_both_ways():
    from google.protobuf import timestamp_pb2  # noqa: F401
    place = message_class("Place", lat="double", name="string")
    event = message_class("Event", ["Place.proto", "google/protobuf/timestamp.proto"], id="int64", note="string",
                          at=(".shop.Place",), seen=(".google.protobuf.Timestamp",))
    message = event(id=7, note="hello", at=place(lat=31.5, name="Lahore"))
    message.seen.FromSeconds(1_714_550_400)
    write = ProtobufSerializer(event, REGISTRY, {"use.deprecated.format": False})
    sql("CREATE STREAM proto_raw (x INT) WITH (KAFKA_TOPIC = 'proto-in', VALUE_FORMAT = 'JSON', PARTITIONS = 1)")
    produce("proto-in", [write(message, value_of("proto-in"))])
    assert "Place.proto" in REGISTRY.get_subjects(), REGISTRY.get_subjects()
    sql("CREATE STREAM proto_in WITH (KAFKA_TOPIC = 'proto-in', VALUE_FORMAT = 'PROTOBUF')",
        "CREATE STREAM proto_out WITH (KAFKA_TOPIC = 'proto-out') AS SELECT id, note, at->name AS place FROM proto_in")
    wait_until(lambda: sql("SELECT id, note, at->name, at->lat, seen FROM proto_in"),
               [(7, "hello", "Lahore", 31.5, datetime.datetime(2024, 5, 1, 8, 0, tzinfo=datetime.timezone.utc))])
    read = ProtobufDeserializer(event, {"use.deprecated.format": False}, REGISTRY)
    assert read(consume("proto-in", 1)[0], value_of("proto-in")) == message
    stored = REGISTRY.get_latest_version("proto-out-value")
    assert "message ConnectDefault1" in stored.schema.schema_str, stored
    out = message_class("Out", ID="int64", NOTE="string", PLACE="string")
    read = ProtobufDeserializer(out, {"use.deprecated.format": False}, REGISTRY)
    assert read(consume("proto-out", 1)[0], value_of("proto-out")) == out(ID=7, NOTE="hello", PLACE="Lahore")


@case
def the_client_asks_all_that_it_can():
    text = json.dumps({"type": "record", "name": "Q", "fields": [{"name": "a", "type": "int"}]})
    schema = Schema(text, "AVRO")
    number = REGISTRY.register_schema("asked-value", schema)
    fresh = SchemaRegistryClient({"url": f"http://{SERVER.registry}"})  # nothing is in its caches
    assert json.loads(fresh.get_schema(number).schema_str) == json.loads(text)
    assert fresh.lookup_schema("asked-value", schema).version == 1
    assert fresh.lookup_schema("asked-value", schema, normalize_schemas=True).schema_id == number
    assert fresh.get_latest_version("asked-value").schema_id == number
    assert fresh.get_version("asked-value", 1).schema_id == number and fresh.get_versions("asked-value") == [1]
    assert fresh.get_schema_types() == ["JSON", "PROTOBUF", "AVRO"]
    assert "asked-value" in fresh.get_subjects() and fresh.get_subjects(subject_prefix="ask", limit=1) == ["asked-value"]
    assert fresh.get_subjects_by_schema_id(number) == ["asked-value"]
    assert [each.version for each in fresh.get_schema_versions(number)] == [1]
    assert fresh.get_referenced_by("asked-value", 1) == []
    assert fresh.test_compatibility("asked-value", schema) and fresh.test_compatibility_all_versions("asked-value", schema)
    fresh.set_compatibility("asked-value", "FULL")
    assert fresh.get_compatibility("asked-value") == "FULL"
    assert fresh.get_config("asked-value").compatibility_level.value == "FULL"
    fresh.delete_config("asked-value")
    user = Schema(json.dumps({"type": "record", "name": "U", "fields": [{"name": "q", "type": "Q"}]}), "AVRO",
                  [SchemaReference("Q", "asked-value", 1)])
    referrer = fresh.register_schema("asker-value", user)
    assert fresh.get_referenced_by("asked-value", 1) == [referrer]
    for delete, wanted in ((lambda: fresh.delete_subject("asker-value"), [1]), (lambda: fresh.delete_version("asker-value", 1), None)):
        try:
            assert delete() == wanted
        except SchemaRegistryError as refused:
            assert wanted is None and refused.http_status_code == 404, refused
    assert fresh.delete_subject("asker-value", permanent=True) == [1]


@case
def metadata_and_rules_are_kept():
    fresh = SchemaRegistryClient({"url": f"http://{SERVER.registry}"})
    text = json.dumps({"type": "record", "name": "Meta", "fields": [{"name": "ssn", "type": "string"}]})
    # The metadata has no tags, because the client cannot use tags as a part of a key of its cache.
    owned = Metadata(None, MetadataProperties({"owner": "ann", "major": "1"}), ["owner"])
    rule = Rule("short", "no long ones", RuleKind.CONDITION, RuleMode.WRITE, "CEL", ["PII"], RuleParams({"a": "b"}), "size(message.ssn) < 5",
                None, "ERROR", False)
    first = fresh.register_schema("meta-value", Schema(text, "AVRO"))
    second = fresh.register_schema("meta-value", Schema(text, "AVRO", metadata=owned, rule_set=RuleSet(None, [rule])))
    assert first != second
    # A client without a cache gets the same version.
    other = SchemaRegistryClient({"url": f"http://{SERVER.registry}"})
    assert other.register_schema("meta-value", Schema(text, "AVRO", metadata=owned, rule_set=RuleSet(None, [rule]))) == second
    kept = other.get_latest_version("meta-value")
    assert (kept.version, kept.schema_id) == (2, second), kept
    assert kept.schema.metadata.properties.properties == {"owner": "ann", "major": "1"}, kept.schema.metadata
    assert kept.schema.metadata.sensitive == ["owner"]
    only, = kept.schema.rule_set.domain_rules
    assert (only.name, only.kind, only.mode, only.type, only.expr, only.params.params) == (
        "short", RuleKind.CONDITION, RuleMode.WRITE, "CEL", "size(message.ssn) < 5", {"a": "b"}), only
    assert other.get_schema(second).metadata.properties.properties["owner"] == "ann"
    found = other.get_latest_with_metadata("meta-value", {"owner": "ann", "major": "1"})
    assert found.version == 2
    try:
        other.get_latest_with_metadata("meta-value", {"owner": "bob"})
        assert False, "there is one"
    except SchemaRegistryError as refused:
        assert refused.http_status_code == 404, refused
    # The serializer finds the selected version and applies its rule.
    from confluent_kafka.schema_registry.rules.cel.cel_executor import CelExecutor
    CelExecutor.register()
    serialize = AvroSerializer(other, conf={"auto.register.schemas": False, "use.latest.with.metadata": {"owner": "ann"}})
    context = SerializationContext("meta", MessageField.VALUE)
    assert int.from_bytes(serialize({"ssn": "123"}, context)[1:5], "big") == second
    try:
        serialize({"ssn": "123456"}, context)
        assert False, "the rule was not carried out"
    except SerializationError:
        pass


if __name__ == "__main__":
    run()
