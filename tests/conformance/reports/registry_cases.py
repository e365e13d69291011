"""Procedures with the schema registry."""
import json

from tools import ask, check, comes, connect, produce, refusal, report, rows


def register(server, subject, schema, kind=None, query=""):
    text = schema if isinstance(schema, str) else json.dumps(schema)
    return ask(server, "POST", f"/subjects/{subject}/versions{query}", {"schema": text, **({"schemaType": kind} if kind else {})})


def look_up(server, subject, schema, kind=None, query=""):
    text = schema if isinstance(schema, str) else json.dumps(schema)
    return ask(server, "POST", f"/subjects/{subject}{query}", {"schema": text, **({"schemaType": kind} if kind else {})})


def number_of(answer):
    status, body = answer
    check(status, 200, str(body))
    return body["id"]


@report(124)
def a_redundant_namespace_is_no_other_schema(server):
    def schema(**inner):
        part = {"type": "record", "name": "part", **inner, "fields": [{"name": "text", "type": "string"}]}
        return {"type": "record", "name": "outer", "namespace": "demo",
                "fields": [{"name": "label", "type": "string"}, {"name": "part", "type": part}]}
    a, b = schema(), schema(namespace="demo")
    number = number_of(register(server, "ns", a))
    check(number_of(register(server, "ns", b)), number)
    check(ask(server, "GET", "/subjects/ns/versions"), (200, [1]))
    status, found = look_up(server, "ns", b)
    check((status, found["version"], found["id"]), (200, 1, number))
    text = ask(server, "GET", f"/schemas/ids/{number}")[1]["schema"]
    check(text.count('"namespace"'), 1, text)


@report(125)
def versions_after_soft_deletes(server):
    number = number_of(register(server, "v125", '{"type":"int"}'))
    check(ask(server, "PUT", "/config/v125", {"compatibility": "NONE"})[0], 200)
    number_of(register(server, "v125", '"string"'))
    check(ask(server, "GET", "/subjects/v125/versions"), (200, [1, 2]))
    for version in (1, 2):
        check(ask(server, "DELETE", f"/subjects/v125/versions/{version}")[0], 200)
    check(number_of(register(server, "v125", '"int"')), number)
    check(ask(server, "GET", "/subjects/v125/versions"), (200, [3]))
    status, latest = ask(server, "GET", "/subjects/v125/versions/latest")
    check((status, latest["version"], latest["id"], latest["schema"]), (200, 3, number, '"int"'))


@report(127)
def an_incompatible_protobuf_schema_is_refused(server):
    a = 'syntax = "proto3"; package demo; message Note { string text = 1; string author = 2; }'
    b = a.replace("string author", "int32 author")
    c = 'syntax = "proto3"; package other; message Moment { int64 seconds = 1; int32 nanos = 2; }'
    number_of(register(server, "a127", a, "PROTOBUF"))
    for schema, words in ((b, ("FIELD_SCALAR_KIND_CHANGED", "#/Note/2")), (c, ("MESSAGE_REMOVED", "#/Note"))):
        status, answer = register(server, "a127", schema, "PROTOBUF")
        assert status == 409 and all(word in answer["message"] for word in words), (status, answer)
    status, answer = ask(server, "POST", "/compatibility/subjects/a127/versions/latest", {"schema": b, "schemaType": "PROTOBUF"})
    check((status, answer["is_compatible"]), (200, False))


@report(128)
def the_order_of_protobuf_fields_in_the_file(server):
    a = 'syntax = "proto3"; package demo; message Part { string label = 1; int32 size = 2; }'
    b = 'syntax = "proto3"; package demo; message Part { int32 size = 2; string label = 1; }'
    number = number_of(register(server, "f1", a, "PROTOBUF"))
    number_of(register(server, "f2", b, "PROTOBUF"))
    check(number_of(register(server, "f3", b, "PROTOBUF", "?normalize=true")), number)
    check(number_of(look_up(server, "f1", b, "PROTOBUF", "?normalize=true")), number)
    first, second = ('syntax = "proto3"; package demo; message Or { oneof kind { ' + members + ' } }'
                     for members in ("string x = 1; int32 y = 2;", "int32 y = 2; string x = 1;"))
    check(number_of(register(server, "f4", first, "PROTOBUF", "?normalize=true")),
          number_of(register(server, "f5", second, "PROTOBUF", "?normalize=true")))


@report(130)
def members_in_another_order_and_connect_parameters(server):
    a = ('{"type":"record","name":"item","namespace":"demo","fields":['
         '{"name":"no","type":{"type":"long","connect.parameters":{"source_type":"BIGINT UNSIGNED"}}},'
         '{"default":"","name":"label","type":{"type":"string","connect.parameters":{"source_type":"TEXT"}}}]}')

    def turned(value):
        if isinstance(value, dict):
            return {key: turned(each) for key, each in reversed(value.items())}
        return [turned(each) for each in value] if isinstance(value, list) else value
    b = json.dumps(turned(json.loads(a)))
    number = number_of(register(server, "u130", a))
    status, found = look_up(server, "u130", b, query="?normalize=false&deleted=true")
    check((status, found["version"], found["id"]), (200, 1, number))
    assert "connect.parameters" in found["schema"], found
    check(number_of(register(server, "u130", b)), number)
    check(ask(server, "GET", "/subjects/u130/versions"), (200, [1]))


@report(131)
def a_subject_that_was_deleted_permanently_is_registered_again(server):
    schema = {"type": "record", "name": "D131", "fields": [{"name": "a", "type": "int"}]}
    number = number_of(register(server, "d131", schema))
    check(ask(server, "DELETE", "/subjects/d131"), (200, [1]))
    check(ask(server, "DELETE", "/subjects/d131?permanent=true"), (200, [1]))
    assert "d131" not in ask(server, "GET", "/subjects?deleted=true")[1]
    check(number_of(register(server, "d131", schema)), number)
    check(ask(server, "GET", "/subjects/d131/versions"), (200, [1]))
    check(ask(server, "GET", f"/schemas/ids/{number}/versions"), (200, [{"subject": "d131", "version": 1}]))


@report(133)
def a_schema_type_is_left_out_for_avro_only(server):
    avro = number_of(register(server, "ty-a", '"bytes"'))
    other = number_of(register(server, "ty-j", {"type": "object", "properties": {"f1": {"type": "string"}}}, "JSON"))
    for path in (f"/schemas/ids/{avro}", "/subjects/ty-a/versions/1"):
        assert "schemaType" not in ask(server, "GET", path)[1], path
    for path in (f"/schemas/ids/{other}", "/subjects/ty-j/versions/1"):
        check(ask(server, "GET", path)[1]["schemaType"], "JSON", path)


def with_header(number, payload):
    return b"\0" + number.to_bytes(4, "big") + payload


@report(154)
def decimals_of_connect_with_precision_64(server):
    def number(scale):
        return {"type": "bytes", "scale": scale, "precision": 64, "connect.version": 1, "connect.parameters": {"scale": str(scale)},
                "connect.name": "org.apache.kafka.connect.data.Decimal", "logicalType": "decimal"}
    schema = {"type": "record", "name": "J", "fields": [
        {"name": "ID", "type": number(0)}, {"name": "AMT", "type": ["null", number(2)]}, {"name": "NAME", "type": ["null", "string"]}]}
    identifier = number_of(register(server, "d64-value", schema))
    # The fields: ID is 7; AMT is 1234, in the second branch of its union; NAME is 'x', in the second branch, too.
    produce(server, "d64", [dict(value=with_header(identifier, b"\x02\x07" + b"\x02\x04\x04\xd2" + b"\x02\x02x"))])
    with connect(server) as c:
        c.execute("CREATE STREAM d64 WITH (kafka_topic='d64', value_format='AVRO')")
        check([(str(a), str(b), name) for a, b, name in rows(c, "SELECT id, amt, name FROM d64")], [("7", "12.34", "x")])


@report(161)
def a_oneof_declared_as_ksqldb_shows_it(server):
    schema = ('syntax = "proto3"; message Sample { uint64 device = 1; Reading reading = 2; '
              "message Reading { oneof Kind { Heat heat = 1; Noise noise = 2; } } "
              "message Heat { string place = 1; } message Noise { string place = 1; } }")
    identifier = number_of(register(server, "c-value", schema, "PROTOBUF"))
    # Field 1: 45; field 2: a Reading whose field 1 is a Heat whose field 1 is "roof". One index 0 names the first message.
    heat = b"\x0a\x04roof"
    reading = b"\x0a" + bytes([len(heat)]) + heat
    produce(server, "c", [dict(value=with_header(identifier, b"\0" + b"\x08\x2d" + b"\x12" + bytes([len(reading)]) + reading))])
    statement = ("CREATE STREAM c2 (device BIGINT, reading STRUCT<Kind_0 STRUCT<heat STRUCT<place STRING>, noise STRUCT<place STRING>>>) "
                 "WITH (kafka_topic='c', value_format='PROTOBUF')")
    with connect(server) as c:
        try:
            c.execute(statement)
        except Exception:
            assert refusal(c, statement)[0] != "XX000"
            return
        comes(c, "SELECT reading->Kind_0->heat->place AS place FROM c2", [("roof",)])


@report(164)
def a_json_schema_union(server):
    schema = {"type": "object", "properties": {"id": {"type": "integer"}, "u": {"oneOf": [{"type": "string"}, {"type": "integer"}]}}}
    identifier = number_of(register(server, "ju-value", schema, "JSON"))
    produce(server, "ju", [dict(value=with_header(identifier, text)) for text in (b'{"id":1,"u":5}', b'{"id":2,"u":"x"}', b'{"id":3}')])
    with connect(server) as c:
        try:
            c.execute("CREATE STREAM ju WITH (kafka_topic='ju', value_format='JSON_SR')")
        except Exception as error:
            assert "oneOf" in str(error) or "union" in str(error).lower(), error
            return
        comes(c, "SELECT id, u->CONNECT_UNION_FIELD_0, u->CONNECT_UNION_FIELD_1 FROM ju", [(1, None, 5), (2, "x", None), (3, None, None)])
