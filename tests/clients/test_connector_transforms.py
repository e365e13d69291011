#!/usr/bin/python3
"""Single message transforms in a whole server: the examples of docs/connectors/transforms.md, configurations and errors over
the REST API, and kill -9 while transformed records are written."""
import json
import os
import re
import subprocess
import threading

import psycopg

from connector_files import ConnectorFiles
from millrace_server import binary, case, has_limit, run, wait_until

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_PAGE = os.path.join(_ROOT, "docs", "connectors", "transforms.md")
_PACKAGE = "org.apache.kafka.connect.transforms."


class Shop(ConnectorFiles):
    def __init__(self):
        super().__init__("shop")

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "a", encoding="utf-8") as file:
            file.write(text)

    def files(self, folder):
        path = os.path.join(self.folder, folder)
        return sorted(each for each in os.listdir(path) if not each.endswith(".part")) if os.path.isdir(path) else []

    def lines(self, folder):
        lines = []
        for name in self.files(folder):
            with open(os.path.join(self.folder, folder, name), encoding="utf-8") as file:
                lines += file.read().splitlines()
        return lines

    def consume(self, topic, *flags):
        done = subprocess.run([binary(), "consume", topic, "--from-beginning", "--until-end", "-b", self.server.kafka, *flags],
                              text=True, capture_output=True, timeout=60, check=False)
        return done.stdout.splitlines()


def blocks(language):
    with open(_PAGE, encoding="utf-8") as page:
        found = re.findall(r"^```(\w*)\n(.*?)^```", page.read(), re.S | re.M)
    return [text for its_language, text in found if its_language == language]


@case
def the_examples_of_the_page_work_as_printed():
    shop = Shop()
    try:
        lines, expected = blocks("")
        shop.write("shop/orders.json", lines)
        source, sink = blocks("sql")
        create, query = re.match(r"(.*?;)\n(.*?;)\n", source, re.S).groups()
        shop.sql(create)
        rows = sorted(re.findall(r"--> (.*)\n", source))

        def shown():
            return sorted(" | ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in row) for row in shop.sql(query))
        wait_until(lambda: shown() == rows, f"no {rows} from: {query}")
        shop.sql(sink)
        wait_until(lambda: shop.lines("out") == expected.splitlines(), f"{shop.lines('out')} is not {expected}")
        assert shop.files("out") == ["shop-orders+0+0000000000.json"], shop.files("out")
    finally:
        shop.close()


@case
def a_configuration_of_kafka_connect_works_unchanged():
    shop = Shop()
    try:
        shop.write("test.txt", "foo\nbar\n")
        # The example of Kafka's documentation of transforms (https://kafka.apache.org/documentation/#connect_transforms).
        config = {"name": "local-file-source", "connector.class": "FileStreamSource", "tasks.max": "1", "file": "test.txt", "topic": "connect-test",
                  "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false",
                  "transforms": "MakeMap, InsertSource", "transforms.MakeMap.type": _PACKAGE + "HoistField$Value", "transforms.MakeMap.field": "line",
                  "transforms.InsertSource.type": _PACKAGE + "InsertField$Value", "transforms.InsertSource.static.field": "data_source",
                  "transforms.InsertSource.static.value": "test-file-source"}
        status, created = shop.request("POST", "/connectors", {"name": "local-file-source", "config": config})
        assert status == 201, created
        expected = [{"line": line, "data_source": "test-file-source"} for line in ("foo", "bar")]
        wait_until(lambda: [json.loads(line) for line in shop.consume("connect-test")] == expected, f"{shop.consume('connect-test')} is not {expected}")
        # With schemas, which are the default, the transforms change the schema, too.
        with_schema = {**config, "name": "b", "topic": "b", "transforms": "MakeMap"}
        del with_schema["value.converter.schemas.enable"]
        status, created = shop.request("POST", "/connectors", {"name": "b", "config": with_schema})
        assert status == 201, created
        wait_until(lambda: len(shop.consume("b")) == 2)
        first = json.loads(shop.consume("b")[0])
        assert first == {"schema": {"type": "struct", "fields": [{"type": "string", "optional": False, "field": "line"}], "optional": False},
                         "payload": {"line": "foo"}}, first
    finally:
        shop.close()


@case
def wrong_transforms_are_refused_with_the_list_of_those_that_exist():
    shop = Shop()
    try:
        base = {"connector.class": "file", "file": "shop/a", "topic": "a", "transforms": "t"}

        def refused(**options):
            config = {**base, **{f"transforms.t.{name.replace('_', '.')}": value for name, value in options.items()}}
            status, answer = shop.request("POST", "/connectors", {"name": "a", "config": config})
            assert status == 400, (status, answer)
            return answer["message"]
        unknown = refused(type="com.acme.Rot13$Value")
        assert unknown.startswith("transform com.acme.Rot13$Value is not built in") and "HoistField$Key|$Value" in unknown, unknown
        option = refused(type=_PACKAGE + "HoistField$Value", field="a", fields="b")
        assert option.startswith('property "transforms.t.fields" is not an option of HoistField') and "field." in option, option
        regex = refused(type=_PACKAGE + "RegexRouter", regex="a(?!b)", replacement="x")
        assert regex.startswith('property "transforms.t.regex": "a(?!b)" is not a regular expression that RE2 takes'), regex
        try:
            shop.sql("""CREATE SOURCE CONNECTOR a WITH ("connector.class" = 'file', "file" = 'shop/a', "topic" = 'a', "transforms" = 't',
                        "transforms.t.type" = 'com.acme.Rot13$Value')""")
            raise AssertionError("an unknown transform was accepted")
        except psycopg.Error as error:
            assert error.diag.message_primary == "transform com.acme.Rot13$Value is not built in", error
            assert "Built in are Cast$Key|$Value, DropHeaders," in error.diag.message_hint, error.diag.message_hint
        status, checked = shop.request("PUT", "/connector-plugins/file/config/validate", {**base, "name": "a", "transforms.t.type": "X"})
        errors = {each["value"]["name"]: each["value"]["errors"] for each in checked["configs"] if each["value"]["errors"]}
        assert status == 200 and list(errors) == ["transforms.t.type"], (status, errors)
        assert shop.sql("SHOW CONNECTORS") == []
        status, plugins = shop.request("GET", "/connector-plugins?connectorsOnly=false")
        types = {each["class"]: each["type"] for each in plugins}
        assert status == 200 and types[_PACKAGE + "Cast$Key"] == "transformation", plugins
        assert types[_PACKAGE + "predicates.HasHeaderKey"] == "predicate", plugins
    finally:
        shop.close()


@case
def a_record_that_a_transform_cannot_take_follows_the_tolerance():
    shop = Shop()
    try:
        shop.write("shop/a", '{"a": {"b": 1}}\n[1]\n{"a": {"b": 2}}\n')
        text = """CREATE SOURCE CONNECTOR {name} WITH ("connector.class" = 'file', "file" = 'shop/a', "topic" = '{name}', "format" = 'json',
                  "transforms" = 'flat', "transforms.flat.type" = 'Flatten$Value', {more})"""
        shop.sql(text.format(name="strict", more="\"errors.tolerance\" = 'none'"))
        wait_until(lambda: "FAILED" in str(shop.sql("SHOW CONNECTOR TASKS")))
        status, task = shop.request("GET", "/connectors/strict/tasks/0/status")
        assert status == 200 and "shop/a, record 2 (byte 16): transform flat: Flatten needs an object with fields, and not an array" in task["trace"], task
        assert shop.consume("strict") == [], "a part of a batch with a bad record was written"
        shop.sql(text.format(name="lax", more="""\"errors.tolerance" = 'all', "errors.deadletterqueue.topic.name" = 'letters',
                             "errors.deadletterqueue.context.headers.enable" = 'true'"""))
        wait_until(lambda: shop.consume("lax") == ['{"a.b":1}', '{"a.b":2}'])
        wait_until(lambda: shop.consume("letters") == ["[1]"], lambda: str(shop.consume("letters")))
    finally:
        shop.close()


@case
@has_limit(120)
def transformed_records_arrive_once_when_the_server_is_killed():
    shop = Shop()
    written, stopping = 0, threading.Event()

    def write():
        nonlocal written
        while not stopping.is_set():
            shop.write("shop/log", "".join(f"{i}\n" for i in range(written, written + 100)))
            written += 100
            stopping.wait(0.02)
    try:
        shop.write("shop/log", "")
        shop.sql("""CREATE SOURCE CONNECTOR lines WITH ("connector.class" = 'file', "file" = 'shop/log', "topic" = 'raw', "transforms" = 'hoist,route',
                    "topic.creation.default.partitions" = 1,
                    "transforms.hoist.type" = 'HoistField$Value', "transforms.hoist.field" = 'n',
                    "transforms.route.type" = 'RegexRouter', "transforms.route.regex" = 'raw', "transforms.route.replacement" = 'numbers')""")
        shop.sql("""CREATE SINK CONNECTOR archive WITH ("connector.class" = 'file', "topics" = 'numbers', "output.path" = 'out', "flush.size" = 30,
                    "rotate.schedule.interval.ms" = 50, "transforms" = 'cast,at', "transforms.cast.type" = 'Cast$Value', "transforms.cast.spec" = 'n:int64',
                    "transforms.at.type" = 'InsertField$Value', "transforms.at.offset.field" = 'at')""")
        writer = threading.Thread(target=write)
        writer.start()
        for _ in range(3):
            before = len(shop.lines("out"))
            wait_until(lambda before=before: len(shop.lines("out")) > before)
            shop.kill()
            shop.start()
        stopping.set()
        writer.join()
        wait_until(lambda: len(shop.lines("out")) >= written, seconds=60)
        expected = [{"n": i, "at": i} for i in range(written)]
        found = sorted((json.loads(line) for line in shop.lines("out")), key=lambda each: each["at"])
        assert found == expected, (len(found), written, next((pair for pair in zip(found, expected) if pair[0] != pair[1]), None))
        assert len(shop.consume("numbers")) == written
    finally:
        stopping.set()
        shop.close()


run()
