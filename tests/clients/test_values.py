#!/usr/bin/python3
"""Values on their way in and out: texts that are not times, times as they were read, append times, Protobuf's oneofs,
Connect's decimals."""
import http.client
import json
import time

from millrace_server import case, launch, run
from schema_wire import header, zigzag

try:
    import confluent_kafka
    import confluent_kafka.admin
    import psycopg
    OBSTACLE = None
except ImportError as missing:
    OBSTACLE = f"{missing.name} is not installed"

PATIENCE_S = 20
SERVER = None if OBSTACLE else launch("--registry", "127.0.0.1:0")


def sql(*statements):
    """Returns the rows of the last statement."""
    with psycopg.connect(host=SERVER.host, port=SERVER.port, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def ask(place, method, path, body=None, kind="application/json"):
    host, port = place.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE_S)
    connection.request(method, path, body, {"Content-Type": kind})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def registry(path, schema, kind="PROTOBUF"):
    status, text = ask(SERVER.registry, "POST", path, json.dumps({"schema": schema, "schemaType": kind}))
    return status, json.loads(text)


def produce(topic, *values):
    producer = confluent_kafka.Producer({"bootstrap.servers": SERVER.kafka})
    for value in values:
        producer.produce(topic, value=value, partition=0)
    assert producer.flush(PATIENCE_S) == 0


def create_topic(name, **config):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": SERVER.kafka})
    config = {key.replace("_", "."): value for key, value in config.items()}
    made = admin.create_topics([confluent_kafka.admin.NewTopic(name, 1, 1, config=config)])
    made[name].result(PATIENCE_S)


def copied(table, text):
    with psycopg.connect(host=SERVER.host, port=SERVER.port, autocommit=True) as connection:
        with connection.cursor().copy(f"COPY {table} FROM STDIN WITH (FORMAT csv)") as copy:
            copy.write(text)


@case
def copy_refuses_a_text_that_is_no_time():
    sql("CREATE STREAM visits (id INT KEY, at VARCHAR) WITH (PARTITIONS = 1, TIMESTAMP = 'at', TIMESTAMP_FORMAT = 'yyyy-MM-dd')")
    copied("visits", "1,2024-05-01\n")
    try:
        copied("visits", "2,2024-05-02\n3,2024-13-45\n")
    except psycopg.errors.InvalidDatetimeFormat as error:
        assert "2024-13-45" in str(error) and "yyyy-MM-dd" in str(error), error
        assert error.diag.context == "COPY VISITS, line 2, column AT", error.diag.context
    else:
        raise AssertionError("it was taken")
    assert sql("SELECT id FROM visits") == [(1,)]


@case
def records_of_queries_and_of_insert_have_the_append_time_if_the_topic_has_that_setting():
    for topic in ("appended", "inserted"):
        create_topic(topic, message_timestamp_type="LogAppendTime")
    begin = int(time.time() * 1000)
    sql("CREATE STREAM src (k INT KEY, v INT) WITH (PARTITIONS = 1)",
        "CREATE STREAM appended WITH (KAFKA_TOPIC = 'appended') AS SELECT * FROM src",
        "CREATE STREAM inserted (k INT KEY, v INT) WITH (KAFKA_TOPIC = 'inserted')",
        "INSERT INTO src (ROWTIME, k, v) VALUES (1000, 1, 1)",
        "INSERT INTO inserted (ROWTIME, k, v) VALUES (1000, 1, 1)",
        "BEGIN", "INSERT INTO inserted (ROWTIME, k, v) VALUES (1000, 2, 1)", "COMMIT")
    consumer = confluent_kafka.Consumer({"bootstrap.servers": SERVER.kafka, "group.id": "times"})
    for topic, count in (("appended", 1), ("inserted", 2)):
        consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
        records = consumer.consume(count, PATIENCE_S)
        assert len(records) == count, records
        for record in records:
            kind, at = record.timestamp()
            assert kind == confluent_kafka.TIMESTAMP_LOG_APPEND_TIME and at >= begin - 1000, (topic, kind, at)
    consumer.close()
    assert all(at >= begin - 1000 for at, in sql("SELECT ROWTIME FROM inserted"))


@case
def times_that_were_read_over_http_can_be_written_back():
    sql("CREATE STREAM times (k VARCHAR KEY, ts TIMESTAMP, d DATE, t TIME, l ARRAY<DATE>) WITH (VALUE_FORMAT = 'AVRO', PARTITIONS = 1)")
    rows = ['{"target": "times"}',
            '{"k": "a", "ts": "2024-01-02T03:04:05.678", "d": "2024-01-02", "t": "03:04:05", "l": ["2024-01-02"]}',
            '{"k": "b", "ts": 1704164645678, "d": 19724, "t": 11045000, "l": [19724]}',
            '{"k": "c", "ts": "yesterday"}']
    kind = "application/vnd.ksqlapi.delimited.v1"
    status, text = ask(SERVER.http, "POST", "/inserts-stream", "\n".join(rows) + "\n", kind)
    acks = [json.loads(line) for line in text.splitlines()]
    assert status == 200 and [ack["status"] for ack in acks] == ["ok", "ok", "error"], acks
    assert "expected TIMESTAMP, got yesterday" in acks[2]["message"], acks[2]
    status, text = ask(SERVER.http, "POST", "/query", json.dumps({"ksql": "SELECT * FROM times;"}))
    shown = [each["row"]["columns"] for each in json.loads(text) if "row" in each]
    assert [row[1:] for row in shown] == 2 * [["2024-01-02T03:04:05.678", "2024-01-02", "03:04:05", ["2024-01-02"]]], shown
    again = json.dumps(dict(zip(("k", "ts", "d", "t", "l"), shown[0])))
    status, text = ask(SERVER.http, "POST", "/inserts-stream", '{"target": "times"}\n' + again + "\n", kind)
    assert json.loads(text)["status"] == "ok", text


READING = """syntax = "proto3"; message Sample { uint64 device = 1; Reading reading = 2; oneof Top { string a = 3; int32 b = 4; }
  message Reading { oneof Kind { Heat heat = 1; Noise noise = 2; } } message Heat { string place = 1; } message Noise { string place = 1; } }"""


@case
def a_oneof_is_read_and_written_as_ksqldb_shows_it():
    create_topic("readings")
    status, made = registry("/subjects/readings-value/versions", READING)
    assert status == 200, made
    heat = b"\x0a\x06\x0a\x04roof"  # field 1: a message with the place
    record = b"\x08\x2d\x12" + bytes([len(heat)]) + heat + b"\x20\x05"
    produce("readings", header(made["id"]) + b"\0" + record)
    kind = "STRUCT<heat STRUCT<place STRING>, noise STRUCT<place STRING>>"
    sql(f"CREATE STREAM shown (device BIGINT, reading STRUCT<Kind_0 {kind}>, Top_0 STRUCT<a STRING, b INT>) WITH (KAFKA_TOPIC = 'readings', VALUE_FORMAT = 'PROTOBUF')",
        f"CREATE STREAM flat (device BIGINT, reading {kind}) WITH (KAFKA_TOPIC = 'readings', VALUE_FORMAT = 'PROTOBUF')",
        "CREATE STREAM inferred WITH (KAFKA_TOPIC = 'readings', VALUE_FORMAT = 'PROTOBUF')")
    for stream in ("shown", "inferred"):
        assert sql(f"SELECT reading->Kind_0->heat->place, reading->Kind_0->noise, Top_0->b FROM {stream}") == [("roof", None, 5)], stream
    assert sql("SELECT reading->heat->place, reading->noise FROM flat") == [("roof", None)]
    noise = "STRUCT(noise := STRUCT(place := 'cellar'))"
    sql(f"INSERT INTO inferred (device, reading) VALUES (46, STRUCT(Kind_0 := {noise}))", f"INSERT INTO flat (device, reading) VALUES (47, {noise})")
    rows = sql("SELECT device, reading->Kind_0->heat->place, reading->Kind_0->noise->place FROM inferred")
    assert rows == [(45, "roof", None), (46, None, "cellar"), (47, None, "cellar")], rows
    both = "STRUCT(heat := STRUCT(place := 'x'), noise := STRUCT(place := 'y'))"
    for statement in (f"INSERT INTO inferred (device, reading) VALUES (1, STRUCT(Kind_0 := {both}))", f"INSERT INTO flat (device, reading) VALUES (1, {both})"):
        try:
            sql(statement)
        except psycopg.Error as error:
            assert "only one can be given" in str(error), error
        else:
            raise AssertionError(f"taken: {statement}")


@case
def decimals_of_connect_have_the_largest_precision_that_there_is():
    create_topic("d64")
    decimal = {"type": "bytes", "scale": 0, "precision": 64, "connect.version": 1, "connect.parameters": {"scale": "0"},
               "connect.name": "org.apache.kafka.connect.data.Decimal", "logicalType": "decimal"}
    record = {"type": "record", "name": "J", "fields": [{"name": "ID", "type": decimal},
                                                        {"name": "AMT", "type": ["null", dict(decimal, scale=2)]},
                                                        {"name": "NAME", "type": ["null", "string"]}]}
    status, made = registry("/subjects/d64-value/versions", json.dumps(record), "AVRO")
    assert status == 200, made

    def row(id_bytes):
        return header(made["id"]) + zigzag(len(id_bytes)) + id_bytes + b"\x02" + zigzag(2) + b"\x04\xd2" + b"\x02" + zigzag(1) + b"x"
    produce("d64", row(b"\x07"), row(b"\x7f" + 20 * b"\xff"))
    sql("CREATE STREAM d64 WITH (KAFKA_TOPIC = 'd64', VALUE_FORMAT = 'AVRO')")
    assert [(str(a), str(b), c) for a, b, c in sql("SELECT * FROM d64")] == [("7", "12.34", "x")]
    create_topic("js")
    amount = {"type": "number", "title": "org.apache.kafka.connect.data.Decimal", "connect.version": 1, "connect.parameters": {"scale": "2"}, "connect.type": "bytes"}
    status, made = registry("/subjects/js-value/versions", json.dumps({"type": "object", "properties": {"AMT": amount}}), "JSON")
    assert status == 200, made
    sql("CREATE STREAM js WITH (KAFKA_TOPIC = 'js', VALUE_FORMAT = 'JSON_SR')")
    produce("js", header(made["id"]) + b'{"AMT": 12.34}')
    assert [str(amount) for amount, in sql("SELECT amt FROM js")] == ["12.34"]


@case
def columns_of_headers_stand_beside_the_columns_of_a_registered_schema():
    """A statement that names the schema by its id declares only the key and the headers."""
    create_topic("headed")
    record = {"type": "record", "name": "H", "fields": [{"name": "A", "type": "int"}, {"name": "B", "type": "string"}]}
    status, made = registry("/subjects/headed-value/versions", json.dumps(record), "AVRO")
    assert status == 200, made
    producer = confluent_kafka.Producer({"bootstrap.servers": SERVER.kafka})
    producer.produce("headed", key=b"k1", value=header(made["id"]) + zigzag(7) + zigzag(1) + b"x", headers=[("x", b"one"), ("y", b"two")])
    assert producer.flush(PATIENCE_S) == 0
    with_ids = f"WITH (KAFKA_TOPIC = 'headed', VALUE_FORMAT = 'AVRO', VALUE_SCHEMA_ID = {made['id']})"
    sql(f"CREATE STREAM one_header (k VARCHAR KEY, t BYTES HEADER('x')) {with_ids}",
        f"CREATE STREAM two_headers (t BYTES HEADER('x'), u BYTES HEADER('y')) {with_ids}",
        f"CREATE STREAM all_headers (k VARCHAR KEY, h ARRAY<STRUCT<key VARCHAR, value BYTES>> HEADERS) {with_ids}",
        "CREATE STREAM inferred_beside (t BYTES HEADER('y')) WITH (KAFKA_TOPIC = 'headed', VALUE_FORMAT = 'AVRO')")
    assert sql('SELECT k, t, "A", "B" FROM one_header') == [("k1", b"one", 7, "x")]
    assert sql('SELECT t, u, "A", "B" FROM two_headers') == [(b"one", b"two", 7, "x")]
    assert sql('SELECT k, h[1]->key, h[2]->value, "A" FROM all_headers') == [("k1", "x", b"two", 7)]
    assert sql('SELECT t, "A" FROM inferred_beside') == [(b"two", 7)]
    # A query over such a stream has the columns, too.
    sql('CREATE STREAM passed_on AS SELECT k, t, "A" AS a FROM one_header')
    assert sql("SELECT k, t, a FROM passed_on") == [("k1", b"one", 7)]
    try:
        sql(f"CREATE STREAM declared (k VARCHAR KEY, t BYTES HEADER('x'), z INT) {with_ids}")
    except psycopg.Error as error:
        assert "VALUE_SCHEMA_ID cannot both exist" in str(error), error
    else:
        raise AssertionError("a column of the value was taken beside VALUE_SCHEMA_ID")


GOOGLE_TYPES = {"calendar_period": "CalendarPeriod", "color": "Color", "date": "Date", "datetime": "DateTime", "dayofweek": "DayOfWeek",
                "decimal": "Decimal", "expr": "Expr", "fraction": "Fraction", "interval": "Interval", "latlng": "LatLng",
                "localized_text": "LocalizedText", "money": "Money", "month": "Month", "phone_number": "PhoneNumber",
                "postal_address": "PostalAddress", "quaternion": "Quaternion", "timeofday": "TimeOfDay"}


@case
def every_file_of_google_type_can_be_imported():
    for file, name in GOOGLE_TYPES.items():
        text = f'syntax = "proto3"; import "google/type/{file}.proto"; message M {{ google.type.{name} x = 1; }}'
        status, made = registry(f"/subjects/google-{file}/versions", text)
        assert status == 200, (file, made)
    create_topic("paid")
    status, made = registry("/subjects/paid-value/versions",
                            'syntax = "proto3"; import "google/type/money.proto"; message P { google.type.Money price = 1; }')
    sql("CREATE STREAM paid WITH (KAFKA_TOPIC = 'paid', VALUE_FORMAT = 'PROTOBUF')",
        "INSERT INTO paid VALUES (STRUCT(currency_code := 'PKR', units := 12, nanos := 5))")
    assert sql("SELECT price->currency_code, price->units, price->nanos FROM paid") == [("PKR", 12, 5)]


@case
def normalize_sorts_protobuf_by_numbers():
    def text(first, second, third, *, package="demo"):
        return (f'syntax = "proto3"; package {package}; message Part {{ {first} {second} oneof o {{ {third} }} '
                "enum E { ZERO = 0; B = 2; A = 1; } }")
    label, size = "string label = 1;", "int32 size = 2;"
    forms = [text(label, size, "int32 x = 3; int32 y = 4;"), text(size, label, "int32 y = 4; int32 x = 3;"),
             text(label, size, "int32 x = 3; int32 y = 4;").replace("B = 2; A = 1;", "A = 1; B = 2;")]
    ids = {registry(f"/subjects/normal{i}/versions?normalize=true", form)[1]["id"] for i, form in enumerate(forms)}
    assert len(ids) == 1, ids
    for form in forms:
        status, found = registry("/subjects/normal0?normalize=true", form)
        assert status == 200 and found["id"] in ids, found
    # The order of messages must not change, because records name messages by their place.
    two = 'syntax = "proto3"; message B { int32 x = 1; } message A { int32 y = 1; }'
    status, made = registry("/subjects/two/versions?normalize=true", two)
    status, shown = ask(SERVER.registry, "GET", f"/schemas/ids/{made['id']}/schema")
    assert shown.index("message B") < shown.index("message A"), shown


if SERVER:
    import atexit
    atexit.register(SERVER.stop)
run(OBSTACLE)
