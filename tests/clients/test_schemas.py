#!/usr/bin/python3
"""AVRO and PROTOBUF topics between SQL and Kafka clients that write their bytes by hand: schemas by their ids, and
all of it after a crash."""
import os
import shutil
import signal
import struct
import tempfile

from millrace_server import case, launch, run, wait_until
from schema_wire import header, zigzag as avro_int

try:
    import confluent_kafka
    import psycopg
    from confluent_kafka import TopicPartition
    OBSTACLE = None
except ImportError as missing:
    OBSTACLE = f"{missing.name} is not installed"

PATIENCE_S = 20
SERVER = None if OBSTACLE else launch()


def sql(*statements, server=None):
    """Runs the statements; returns the rows of the last one."""
    server = server or SERVER
    with psycopg.connect(host=server.host, port=server.port, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def produce(topic, records, server=None):
    producer = confluent_kafka.Producer({"bootstrap.servers": (server or SERVER).kafka})
    for key, value in records:
        producer.produce(topic, key=key, value=value, partition=0)
    assert producer.flush(PATIENCE_S) == 0


def read(topic, count, server=None):
    """(key, value) of the first records of partition 0."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": (server or SERVER).kafka, "group.id": "schemas",
                                         "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    records = consumer.consume(count, PATIENCE_S)
    consumer.close()
    assert len(records) == count, records
    return [(record.key(), record.value()) for record in records]


def schema_id(subject, server=None):
    rows = [row for row in sql("SHOW SCHEMAS", server=server) if row[0] == subject]
    return rows[-1][2]


def avro_text(text):
    return avro_int(len(text)) + text.encode()


@case
def values_of_sql_begin_with_the_id_of_their_schema():
    sql("CREATE STREAM a_out (id INT KEY, city VARCHAR, n BIGINT) WITH (FORMAT = 'AVRO', PARTITIONS = 1)",
        "INSERT INTO a_out VALUES (7, 'Lahore', 300), (8, NULL, NULL)")
    key, value = schema_id("a_out-key"), schema_id("a_out-value")
    lahore = b"\x02" + avro_text("Lahore") + b"\x02" + avro_int(300)
    records = read("a_out", 2)
    assert [record[1] for record in records] == [header(value) + lahore, header(value) + b"\0\0"], records
    assert all(record[0].startswith(header(key)) for record in records), records
    assert records[0][0].endswith(avro_int(7)), records

    sql("CREATE STREAM p_out (id INT KEY, city VARCHAR, n BIGINT) WITH (VALUE_FORMAT = 'PROTOBUF', PARTITIONS = 1)",
        "INSERT INTO p_out VALUES (7, 'Lahore', 300)")
    message = b"\x0a\x06Lahore" + b"\x10\xac\x02"
    assert read("p_out", 1)[0][1] == header(schema_id("p_out-value")) + b"\0" + message


@case
def values_of_clients_are_read_in_the_schema_that_they_name():
    sql("CREATE STREAM a_in (id INT KEY, city VARCHAR) WITH (VALUE_FORMAT = 'AVRO', PARTITIONS = 1)",
        "CREATE TABLE per_city AS SELECT city, COUNT(*) AS n FROM a_in GROUP BY city")
    old = schema_id("a_in-value")
    sql("ALTER STREAM a_in ADD COLUMN n INT")
    new = schema_id("a_in-value")
    assert old != new
    key = struct.pack(">i", 1)
    produce("a_in", [(key, header(old) + b"\x02" + avro_text("Lahore")),
                     (key, header(new) + b"\x02" + avro_text("Karachi") + b"\x02" + avro_int(-5)),
                     (key, header(999) + b"\x02" + avro_text("nobody")),  # a record with an unknown id
                     (key, b"no header"),
                     (key, header(new) + b"\x02" + avro_text("Lahore") + b"\0")])
    # A record that cannot be read is skipped, and the query continues with the records after it.
    wait_until(lambda: sorted(sql("SELECT city, n FROM per_city")) == [("Karachi", 1), ("Lahore", 2)],
               lambda: sql("SELECT * FROM per_city"))
    assert sorted(sql("SELECT city, n FROM a_in"), key=str) == [
        ("Karachi", -5), ("Lahore", None), ("Lahore", None)]


# A key of several columns is a record with a name of its own, so equal keys of two topics begin with different
# schema ids.
@case
def keys_are_equal_whatever_schema_they_name():
    sql("CREATE TABLE t_keys (id INT PRIMARY KEY, part VARCHAR PRIMARY KEY, v VARCHAR) "
        "WITH (FORMAT = 'AVRO', PARTITIONS = 1)",
        "CREATE STREAM s_keys (id INT KEY, part VARCHAR KEY, n INT) WITH (FORMAT = 'AVRO', PARTITIONS = 1)",
        "INSERT INTO t_keys VALUES (1, 'a', 'first'), (2, 'b', 'second')",
        "INSERT INTO s_keys VALUES (1, 'a', 0)")
    assert schema_id("t_keys-key") != schema_id("s_keys-key")
    foreign, _ = read("s_keys", 1)[0]
    own, value = read("t_keys", 1)[0]
    assert own != foreign and own[5:] == foreign[5:]
    produce("t_keys", [(foreign, value.replace(b"first", b"third"))])
    wait_until(lambda: sorted(sql("SELECT id, v FROM t_keys")) == [(1, "third"), (2, "second")],
               lambda: sql("SELECT * FROM t_keys"))
    assert sql("SELECT v FROM t_keys WHERE id = 1 AND part = 'a'") == [("third",)]


@case
def schemas_and_what_they_describe_survive_a_crash():
    folder = tempfile.mkdtemp(prefix="millrace-schemas-")
    server = launch(data_dir=folder)
    try:
        sql("CREATE STREAM src (id INT KEY, city VARCHAR) WITH (FORMAT = 'AVRO', PARTITIONS = 2)",
            "CREATE TABLE counts WITH (VALUE_FORMAT = 'PROTOBUF') AS "
            "SELECT city, COUNT(*) AS n FROM src GROUP BY city",
            "INSERT INTO src VALUES (1, 'Lahore'), (2, 'Karachi'), (3, 'Lahore')", server=server)
        before = sql("SHOW SCHEMAS", server=server)
        rows = [("Karachi", 1), ("Lahore", 2)]
        wait_until(lambda: sorted(sql("SELECT city, n FROM counts", server=server)) == rows, "no counts")
        os.kill(server.pid, signal.SIGKILL)
        server.stop()
        server = launch(data_dir=folder)
        assert sql("SHOW SCHEMAS", server=server) == before
        assert sorted(sql("SELECT city, n FROM counts", server=server)) == rows
        sql("INSERT INTO src VALUES (4, 'Karachi')", server=server)
        wait_until(lambda: ("Karachi", 2) in sql("SELECT city, n FROM counts", server=server), "no count")
        sql("CREATE STREAM again WITH (KAFKA_TOPIC = 'src', FORMAT = 'AVRO')", server=server)
        assert len(sql("SELECT * FROM again", server=server)) == 4
        assert sql("SHOW SCHEMAS", server=server) == before
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if SERVER:
    import atexit
    atexit.register(SERVER.stop)
run(OBSTACLE)
