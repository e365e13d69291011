#!/usr/bin/python3
"""Connectors of class mqtt with a mosquitto broker: the examples of docs/connectors/mqtt.md, kill -9 of the server and of the broker,
credentials, TLS, both versions of the protocol, and messages and records that cannot be converted."""
import json
import os
import re
import subprocess
import threading

import mqtt_broker
from connector_files import ConnectorFiles
from millrace_server import binary, case, has_limit, run, wait_until
from mqtt_broker import MqttBroker, OldProtocol

_PAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "docs", "connectors", "mqtt.md")


class Plant(ConnectorFiles):
    """A Millrace server and an MQTT broker, between which connectors copy."""

    def __init__(self, **broker):
        self.broker, self.subscribers = MqttBroker(**broker), []
        super().__init__()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for subscriber in self.subscribers:
            subscriber.close()
        self.close()
        self.broker.close()

    def secret(self, name, text):
        with open(os.path.join(self.folder, "secrets", name), "w", encoding="utf-8") as file:
            file.write(text)

    def statement(self, kind, name, properties, more):
        all_of = {"connector.class": "mqtt", "mqtt.server.uri": self.broker.uri} | properties | {key.replace("__", "."): value for key, value in more.items()}
        settings = ", ".join("\"{}\" = '{}'".format(key, str(value).replace("'", "''")) for key, value in all_of.items())
        return f"CREATE {kind} CONNECTOR {name} WITH ({settings})"

    def source(self, name="plant", **more):
        return self.statement("SOURCE", name, {"mqtt.topics": "plant/+/temp", "kafka.topic": "temps"}, more)

    def sink(self, name="valves", **more):
        return self.statement("SINK", name, {"topics": "commands", "mqtt.topic": "plant/${key}/valve"}, more)

    def subscribe(self, topic, *options):
        self.subscribers.append(self.broker.subscribe(topic, *options))
        return self.subscribers[-1]

    def produce(self, topic, *lines):
        done = subprocess.run([binary(), "produce", topic, "-b", self.server.kafka, "--property", "parse.key=true", "--property", "null.marker=NULL"],
                              input="".join(line + "\n" for line in lines), text=True, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    def make_topic(self, name, *options):
        done = subprocess.run([binary(), "topic", "create", name, "--partitions", "1", "-b", self.server.kafka, *options], text=True,
                              capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    def consume(self, topic, *options):
        done = subprocess.run([binary(), "consume", topic, "--from-beginning", "--until-end", "-b", self.server.kafka, *options],
                              text=True, capture_output=True, timeout=120, check=False)
        return done.stdout.splitlines()

    def await_running(self):
        wait_until(lambda: self.task()["state"] == "RUNNING" and '"topics"' in str(self.task()["position"]), self.task)

    def await_lines(self, topic, lines):
        wait_until(lambda: self.consume(topic) == lines, lambda: str(self.consume(topic)) + str(self.task()))

    def log(self):
        with open(self.server.log, encoding="utf-8") as file:
            return file.read()


def _blocks():
    with open(_PAGE, encoding="utf-8") as page:
        return re.findall(r"```sql\n(.*?)```", page.read(), re.S)


def _run_block(plant, block):
    assert "tcp://broker:1883" in block, block
    for statement in block.replace("tcp://broker:1883", plant.broker.uri).split(";\n"):
        if statement.strip():
            plant.sql(statement)


@case
def the_source_of_the_page_copies_measurements():
    with Plant() as plant:
        _run_block(plant, _blocks()[0])
        plant.await_running()
        plant.broker.publish("plant/7/temp", '{"celsius": 21.5}')
        plant.broker.publish("plant/8/temp", '{"celsius": -3}')
        plant.broker.publish("plant/8/pressure", "1")
        wait_until(lambda: len(plant.sql("SELECT sensor FROM plant")) == 2, plant.task)
        assert sorted(plant.sql("SELECT sensor, celsius FROM plant")) == [("plant/7/temp", 21.5), ("plant/8/temp", -3.0)]
        assert "at least once" in str(plant.sql("DESCRIBE CONNECTOR plant"))


@case
def the_sink_of_the_page_publishes_commands():
    with Plant() as plant:
        reader = plant.subscribe("plant/#")
        _run_block(plant, _blocks()[1])
        wait_until(lambda: reader.messages() == [("plant/7/valve", '{"OPENING":40}')], lambda: str(reader.messages()) + str(plant.task()))
        assert "at least once" in str(plant.sql("DESCRIBE CONNECTOR valves"))


@case
@has_limit(240)
def a_thousand_messages_arrive_while_the_server_is_killed():
    with Plant() as plant:
        plant.sql(plant.source())
        plant.await_running()
        sent = [json.dumps({"n": n}) for n in range(1000)]

        def publish():
            for begin in range(0, 1000, 50):
                plant.broker.publish_lines("plant/7/temp", sent[begin:begin + 50])
        publisher = threading.Thread(target=publish)
        publisher.start()
        for part in (100, 300, 500):
            wait_until(lambda part=part: len(plant.consume("temps")) >= part, plant.task, seconds=60)
            plant.kill()
            plant.start()
        publisher.join()
        wait_until(lambda: len(set(plant.consume("temps"))) == 1000, lambda: str(len(set(plant.consume("temps")))) + str(plant.task()), seconds=60)
        received = plant.consume("temps")
        assert set(received) == set(sent)
        # Duplicates are possible after a kill, but only of messages that were in flight.
        assert len(received) < 2000, len(received)


@case
@has_limit(120)
def the_broker_keeps_the_messages_of_the_meantime():
    with Plant() as plant:
        plant.sql(plant.source(format="text"))
        plant.await_running()
        plant.broker.publish("plant/1/temp", "1")
        plant.await_lines("temps", ["1"])
        plant.sql("PAUSE CONNECTOR plant")
        wait_until(lambda: plant.task()["state"] == "PAUSED", plant.task)
        plant.broker.publish("plant/1/temp", "2")
        plant.sql("RESUME CONNECTOR plant")
        plant.await_lines("temps", ["1", "2"])
        plant.sql("STOP CONNECTOR plant")
        plant.broker.publish("plant/1/temp", "3")
        plant.sql("RESUME CONNECTOR plant")
        plant.await_lines("temps", ["1", "2", "3"])
        plant.kill()
        plant.broker.publish("plant/1/temp", "4")
        plant.start()
        plant.await_lines("temps", ["1", "2", "3", "4"])
        # The broker has discarded the messages for the dropped connector, because its session has ended.
        plant.sql("DROP CONNECTOR plant")
        plant.broker.publish("plant/1/temp", "5")
        plant.sql(plant.source(format="text"))
        plant.await_running()
        plant.broker.publish("plant/1/temp", "6")
        plant.await_lines("temps", ["1", "2", "3", "4", "6"])


@case
@has_limit(120)
def a_broker_that_is_killed_is_connected_again():
    with Plant() as plant:
        plant.sql(plant.source())
        plant.await_running()
        plant.broker.publish("plant/1/temp", "1")
        plant.await_lines("temps", ["1"])
        plant.broker.kill()
        wait_until(lambda: plant.task()["state"] == "RESTARTING" and "connection refused" in str(plant.task()), plant.task)
        plant.broker.start()
        wait_until(lambda: plant.task()["state"] == "RUNNING", plant.task, seconds=60)
        plant.broker.publish("plant/1/temp", "2")

        def distinct():  # the broker may have lost the acknowledgement of a message
            return list(dict.fromkeys(plant.consume("temps")))
        wait_until(lambda: distinct() == ["1", "2"], plant.task)
        assert "has not kept the session" not in plant.log()
        # A broker without its files has lost the session, which the log reports.
        plant.broker.kill()
        os.remove(os.path.join(plant.broker.folder, "mosquitto.db"))
        plant.broker.start()
        wait_until(lambda: "has not kept the session" in plant.log(), plant.task, seconds=60)
        plant.broker.publish("plant/1/temp", "3")
        wait_until(lambda: distinct() == ["1", "2", "3"], plant.task)


@case
@has_limit(240)
def a_thousand_records_are_published_while_server_and_broker_are_killed():
    with Plant() as plant:
        plant.make_topic("commands")
        plant.subscribe("plant/#")
        plant.sql(plant.sink())

        def values():
            return [int(payload) for each in plant.subscribers for topic, payload in each.messages() if topic == "plant/v/valve"]
        for begin in range(0, 1000, 100):
            plant.produce("commands", *(f"v\t{n}" for n in range(begin, begin + 100)))
            if begin == 300:
                plant.kill()
                plant.start()
            if begin == 600:
                # A broker that is killed forgets messages that it has acknowledged, so the subscriber gets them first.
                wait_until(lambda: set(values()) == set(range(700)), lambda: str(values()[-3:]) + str(plant.task()), seconds=60)
                plant.subscribers[0].close()
                plant.broker.kill()
                plant.broker.start()
                plant.subscribe("plant/#")
        wait_until(lambda: set(values()) == set(range(1000)), lambda: str(sorted(set(range(1000)) - set(values()))[:9]) + str(plant.task()), seconds=60)
        # The first copies of the records are in the order of the partition.
        first = list(dict.fromkeys(values()))
        assert first == sorted(first)


@case
def wrong_credentials_are_refused_before_anything_is_created():
    with Plant(user=("cdc", "s3cret+")) as plant:
        plant.secret("mqtt", "wrong")
        refused = plant.refusal(plant.source(mqtt__username="cdc", mqtt__password="${file:mqtt}"))
        assert refused == f"127.0.0.1:{plant.broker.port}: the broker refuses the connection: not authorized (0x87)", refused
        assert plant.refusal(plant.source()).endswith("not authorized (0x87)")
        assert plant.sql("SHOW CONNECTORS") == [] and "temps" not in str(plant.sql("SHOW TOPICS"))
        plant.secret("mqtt", "s3cret+")
        plant.sql(plant.source(mqtt__username="cdc", mqtt__password="${file:mqtt}"))
        plant.await_running()
        # A password that becomes wrong sets the task to FAILED; RESTART reads the secret again.
        plant.secret("mqtt", "wrong")
        plant.sql("RESTART CONNECTOR plant")
        wait_until(lambda: plant.task()["state"] == "FAILED" and "not authorized" in str(plant.task()), plant.task)
        plant.secret("mqtt", "s3cret+")
        plant.sql("RESTART CONNECTOR plant")
        wait_until(lambda: plant.task()["state"] == "RUNNING", plant.task)
        plant.sql(plant.source("literal", kafka__topic="t", mqtt__username="cdc", mqtt__password="s3cret+"))
        shown = str([plant.sql("DESCRIBE CONNECTOR plant"), plant.sql("DESCRIBE CONNECTOR literal"), plant.sql("SHOW CONNECTORS"),
                     plant.request("GET", "/connectors?expand=info&expand=status"), plant.sql("SHOW CONNECTOR TASKS"), plant.log()])
        assert "s3cret" not in shown and "[hidden]" in shown


@case
def tls_needs_a_certificate_of_a_trusted_authority():
    with Plant(tls=True) as plant:
        refused = plant.refusal(plant.source())
        assert "the certificate of the broker is not accepted" in refused, refused
        plant.secret("ca.pem", plant.broker.authority)
        trusted = {"mqtt__ssl__ca__pem": "${file:ca.pem}"}
        refused = plant.refusal(plant.source(mqtt__server__uri=f"ssl://127.0.0.1:{plant.broker.port}", **trusted))
        assert 'the certificate of the broker is not for the host "127.0.0.1"' in refused, refused
        plain = plant.refusal(plant.source(mqtt__server__uri=f"tcp://127.0.0.1:{plant.broker.port}"))
        assert "connection" in plain or "not MQTT" in plain, plain
        refused = plant.refusal(plant.source(mqtt__ssl__ca__pem="no certificate"))
        assert refused.startswith('properties "mqtt.ssl.*": the certificate of the authority cannot be used'), refused
        plant.sql(plant.source(**trusted))
        plant.await_running()
        reader = plant.subscribe("plant/1/valve")
        plant.broker.publish("plant/1/temp", "x" * 100_000)
        wait_until(lambda: plant.consume("temps") == ["x" * 100_000], plant.task)
        plant.make_topic("commands")
        plant.sql(plant.sink(**trusted))
        plant.produce("commands", "1\topen")
        wait_until(lambda: reader.messages() == [("plant/1/valve", "open")], reader.messages)


@case
def headers_and_retained_messages_are_kept():
    with Plant() as plant:
        plant.broker.publish("plant/1/temp", "old", "-r")
        plant.sql(plant.source(mqtt__topics="plant/+/temp, plant/state/#"))
        plant.await_lines("temps", ["old"])
        plant.broker.publish("plant/state/a/b", "on", "-V", "5", "-D", "publish", "user-property", "unit", "C")
        plant.broker.publish("plant/state", "")
        wait_until(lambda: len(plant.consume("temps")) == 3, plant.task)
        assert sorted(plant.consume("temps", "--property", "print.key=true", "--property", "print.headers=true")) == [
            "mqtt.topic:plant/1/temp,mqtt.qos:1,mqtt.retained:true,mqtt.dup:false\tplant/1/temp\told",
            "mqtt.topic:plant/state,mqtt.qos:1,mqtt.retained:false,mqtt.dup:false\tplant/state\t",
            "mqtt.topic:plant/state/a/b,mqtt.qos:1,mqtt.retained:false,mqtt.dup:false,unit:C\tplant/state/a/b\ton"]


@case
@has_limit(120)
def a_filter_that_is_removed_is_unsubscribed():
    with Plant() as plant:
        plant.sql(plant.source(mqtt__topics="plant/+/temp,plant/+/state"))
        plant.await_running()
        plant.sql("ALTER CONNECTOR plant SET (\"mqtt.topics\" = 'plant/+/temp')")
        wait_until(lambda: '"topics":["plant/+/temp"]' in str(plant.task()["position"]), plant.task)
        plant.broker.publish("plant/1/state", "no")
        plant.broker.publish("plant/1/temp", "yes")
        plant.await_lines("temps", ["yes"])


@case
@has_limit(120)
def a_broker_of_version_3_1_1_works():
    with Plant() as plant:
        old = OldProtocol(plant.broker)
        plant.make_topic("commands")
        plant.sql(plant.source(mqtt__server__uri=old.uri))
        plant.await_running()
        plant.broker.publish_lines("plant/7/temp", range(300), "-V", "311")
        wait_until(lambda: plant.consume("temps") == [str(n) for n in range(300)], plant.task)
        plant.sql("STOP CONNECTOR plant")
        plant.broker.publish("plant/7/temp", "300", "-V", "311")
        plant.sql("RESUME CONNECTOR plant")
        wait_until(lambda: len(plant.consume("temps")) == 301, plant.task)
        plant.sql("DROP CONNECTOR plant")
        reader = plant.subscribe("plant/#", "-V", "311")
        plant.sql(plant.sink(mqtt__server__uri=old.uri))
        plant.produce("commands", *(f"v\t{n}" for n in range(50)))
        wait_until(lambda: reader.messages() == [("plant/v/valve", str(n)) for n in range(50)], reader.messages)
        old.close()


@case
def records_and_messages_that_cannot_be_converted_are_bad():
    with Plant() as plant:
        plant.make_topic("commands")
        reader = plant.subscribe("plant/#")
        plant.sql(plant.sink(errors__tolerance="all", errors__deadletterqueue__topic__name="refused", behavior__on__null__values="delete",
                             mqtt__retained__enabled="true"))
        plant.produce("commands", "a\t1", "a/+\t2", "#\t3", "a\tNULL", "b\t4")
        wait_until(lambda: reader.messages()[-1:] == [("plant/b/valve", "4")], plant.task)
        # mosquitto_sub prints (null) for a message without a payload.
        assert reader.messages() == [("plant/a/valve", "1"), ("plant/a/valve", "(null)"), ("plant/b/valve", "4")], reader.messages()
        plant.await_lines("refused", ["2", "3"])
        # The broker has removed the retained message of a, so a new subscriber gets the message of b first.
        late = plant.subscribe("plant/#")
        wait_until(late.messages, plant.task)
        assert late.messages() == [("plant/b/valve", "4")], late.messages()
        plant.sql("DROP CONNECTOR valves")
        plant.sql(plant.sink())
        plant.produce("commands", "a/+\t5")
        wait_until(lambda: plant.task()["state"] == "FAILED", plant.task)
        assert 'commands-0@1: the MQTT topic "plant/a/+/valve" contains + or #; errors.tolerance is none' in str(plant.task()), plant.task()
        plant.sql("DROP CONNECTOR valves")
        plant.make_topic("temps", "--config", "max.message.bytes=1000")
        plant.sql(plant.source(errors__tolerance="all", errors__deadletterqueue__topic__name="large"))
        plant.await_running()
        plant.broker.publish("plant/1/temp", "x" * 2000)
        plant.broker.publish("plant/1/temp", "y")
        plant.await_lines("temps", ["y"])
        plant.await_lines("large", ["x" * 2000])


@case
def settings_are_refused_by_their_name():
    with Plant() as plant:
        assert plant.refusal(plant.source(mqtt__qos=2)) == 'property "mqtt.qos" is 0 or 1'
        assert plant.refusal(plant.source(mqtt__topics="a/#/b")) == 'property "mqtt.topics" "a/#/b" has a # that is not its last level'
        assert plant.refusal(plant.sink(topics="none")) == 'topic "none" does not exist'
        closed = plant.refusal(plant.source(mqtt__server__uri="tcp://127.0.0.1:1"))
        assert closed == "cannot connect to 127.0.0.1:1: connection refused", closed
        other = plant.refusal(plant.source(mqtt__server__uri=f"tcp://{plant.server.http}"))
        assert "broker" in other or "connection" in other, other
        plant.sql(plant.source("later", mqtt__server__uri="tcp://127.0.0.1:1", validate="false"))
        wait_until(lambda: plant.task()["state"] == "RESTARTING", plant.task)


if __name__ == "__main__":
    run(mqtt_broker.obstacle())
