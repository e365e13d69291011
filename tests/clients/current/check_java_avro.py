"""Avro from Java: Apicurio's serializers with Confluent's framing, against the registry and the topics, both ways.

Confluent's own (io.confluent:kafka-avro-serializer, and Kafka Connect's converter over it) are not on Maven Central.
MILLRACE_APICURIO_JARS: a folder with apicurio-registry-serdes-avro-serde of version 2 and kafka-clients, and all that they need.
Needs javac.
"""
import json
import os
import shutil
import subprocess
import tempfile

import psycopg

from millrace_server import Skipped, case, launch, run

HERE = os.path.dirname(os.path.abspath(__file__))
COUNT = 50


def class_path():
    jars = os.environ.get("MILLRACE_APICURIO_JARS", "")
    if not jars or not shutil.which("javac"):
        raise Skipped("MILLRACE_APICURIO_JARS names no folder, or there is no javac")
    made = tempfile.mkdtemp(prefix="millrace-java-")
    path = os.path.join(os.path.abspath(jars), "*")
    subprocess.run(["javac", "-cp", path, "-d", made, f"{HERE}/java_avro/AvroRecords.java"], check=True)
    return f"{made}:{path}"


def java(path, *arguments):
    said = subprocess.run(["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", path, "AvroRecords", *arguments],
                          text=True, capture_output=True, timeout=180)
    assert said.returncode == 0, said.stderr[-3000:]
    return said.stdout


@case
def java_and_sql_read_what_the_other_writes():
    path, server = class_path(), launch("--registry", "127.0.0.1:0")
    registry = f"http://{server.registry}"
    with psycopg.connect(host=server.host, port=server.port, autocommit=True) as sql:
        java(path, server.kafka, registry, "write", "orders", str(COUNT))
        sql.execute("CREATE STREAM orders WITH (KAFKA_TOPIC = 'orders', VALUE_FORMAT = 'AVRO')")
        rows = sql.execute("SELECT id, city, amount, tags['n'], kind FROM orders").fetchall()
        assert len(rows) == COUNT, rows
        for number, city, amount, tag, kind in rows:
            assert city == (None if number % 3 == 0 else f"c{number}"), (number, city)
            assert str(amount) == f"{number}.25" and tag == number and kind == ("OLD", "NEW")[number % 2]
        sql.execute("CREATE STREAM back WITH (PARTITIONS = 1, VALUE_FORMAT = 'AVRO') AS SELECT id, city, kind FROM orders")
        read = [json.loads(line) for line in java(path, server.kafka, registry, "read", "back", str(COUNT)).splitlines()]
        assert sorted(each["ID"] for each in read) == list(range(COUNT)), read
        assert all(each["CITY"] == (None if each["ID"] % 3 == 0 else f"c{each['ID']}") for each in read), read
    server.stop()


if __name__ == "__main__":
    run()
