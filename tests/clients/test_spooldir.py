#!/usr/bin/python3
"""The SpoolDir connectors: the example of docs/connectors/spooldir.md, configurations of the Java classes, exact counts after
kill -9, and refusals."""
import datetime
import json
import os
import re
import subprocess
import threading

from connector_files import ConnectorFiles
from millrace_server import binary, case, has_limit, run, wait_until

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_PAGE = os.path.join(_ROOT, "docs", "connectors", "spooldir.md")
_PACKAGE = "com.github.jcustenborder.kafka.connect.spooldir."
_KEY = {"name": "com.example.users.UserKey", "type": "STRUCT", "isOptional": False, "fieldSchemas": {"id": {"type": "INT64", "isOptional": False}}}
_VALUE = {"name": "com.example.users.User", "type": "STRUCT", "isOptional": False, "fieldSchemas": {
    "id": {"type": "INT64", "isOptional": False}, "first_name": {"type": "STRING", "isOptional": True},
    "last_login": {"name": "org.apache.kafka.connect.data.Timestamp", "type": "INT64", "version": 1, "isOptional": True},
    "account_balance": {"name": "org.apache.kafka.connect.data.Decimal", "type": "BYTES", "version": 1, "parameters": {"scale": "2"},
                        "isOptional": True}}}


class Spool(ConnectorFiles):
    def __init__(self):
        super().__init__("in", "done", "failed")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def write(self, name, text):
        """Creates a file that is complete when it gets its name."""
        path = os.path.join(self.folder, "in", name)
        with open(path + ".part", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".part", path)

    def config(self, name, **more):
        """Returns a configuration as it is sent to Kafka Connect. Its paths are absolute."""
        paths = {f"{key}.path": os.path.join(self.folder, folder) for key, folder in (("input", "in"), ("finished", "done"), ("error", "failed"))}
        # The cases expect the records in the order of the file.
        return {"connector.class": f"{_PACKAGE}SpoolDir{name}SourceConnector", "tasks.max": "1", "topic": "t",
                "topic.creation.default.partitions": "1", **paths, "input.file.pattern": r"^.*\.(csv|json|txt)$",
                **{key.replace("__", "."): value for key, value in more.items()}}

    def create(self, name, **more):
        status, answer = self.request("POST", "/connectors", {"name": "spool", "config": self.config(name, **more)})
        assert status == 201, answer

    def problems(self, name, **more):
        status, answer = self.request("POST", "/connectors", {"name": "wrong", "config": self.config(name, **more)})
        assert status == 400, answer
        return answer["message"]

    def records(self, *properties, topic="t"):
        done = subprocess.run([binary(), "consume", topic, "--from-beginning", "--until-end", "-b", self.server.kafka,
                               *(part for each in properties for part in ("--property", each))],
                              text=True, capture_output=True, timeout=60, check=False)
        return done.stdout.splitlines()

    def wait_for(self, count, *properties):
        wait_until(lambda: len(self.records()) >= count, lambda: (self.records(), self.sql("SHOW CONNECTOR TASKS")))
        return self.records(*properties)

    def has(self, path):
        return os.path.exists(os.path.join(self.folder, path))


@case
def the_example_of_the_page_works_as_printed():
    with open(_PAGE, encoding="utf-8") as page:
        block, = re.findall(r"```sql\n(.*?)```", page.read(), re.S)
    with Spool() as spool:
        spool.write("users.csv", "id,name,balance,last_login\n1,Ann,10.50,2026-01-31T12:00:00\n2,Bob,,\n")
        create, declare, rest = block.split(");\n", 2)
        query, rows = rest.split(";\n")
        spool.sql(create + ")")
        wait_until(lambda: spool.has("done/users.csv"), lambda: spool.sql("SHOW CONNECTOR TASKS"))
        spool.sql(declare + ")")

        def shown():
            return sorted(" | ".join("NULL" if value is None else str(value) for value in row) for row in spool.sql(query))
        expected = [row[4:] for row in rows.splitlines()]
        wait_until(lambda: shown() == expected, lambda: (shown(), expected))


@case
def csv_files_with_schemas_become_typed_records():
    with Spool() as spool:
        spool.write("u.csv", 'last_login,id,first_name,other,account_balance\n2016-02-29 23:59:58,1,"a ""b"" \\"c",x,-1.27\n'
                             ',2,,y,\n')
        os.utime(os.path.join(spool.folder, "in", "u.csv"), (1_700_000_000, 1_700_000_000))
        size = os.path.getsize(os.path.join(spool.folder, "in", "u.csv"))
        spool.create("Csv", csv__first__row__as__header="true", csv__null__field__indicator="EMPTY_SEPARATORS", halt__on__error="false",
                     key__schema=json.dumps(_KEY), value__schema=json.dumps(_VALUE), timestamp__mode="FILE_TIME", cleanup__policy="MOVEBYDATE")
        lines = spool.wait_for(2, "print.key=true", "print.timestamp=true", "print.headers=true", "key.separator=\x01")
        first, second = (line.split("\x01") for line in lines)
        schema = {"type": "struct", "optional": False, "name": "com.example.users.User", "fields": [
            {"type": "int64", "optional": False, "field": "id"}, {"type": "string", "optional": True, "field": "first_name"},
            {"type": "int64", "optional": True, "name": "org.apache.kafka.connect.data.Timestamp", "version": 1, "field": "last_login"},
            {"type": "bytes", "optional": True, "name": "org.apache.kafka.connect.data.Decimal", "version": 1, "parameters": {"scale": "2"},
             "field": "account_balance"}]}
        assert json.loads(first[-1]) == {"schema": schema, "payload": {
            "id": 1, "first_name": 'a "b" "c', "last_login": 1456790398000, "account_balance": "gQ=="}}, first
        assert json.loads(second[-1])["payload"] == {"id": 2, "first_name": None, "last_login": None, "account_balance": None}, second
        key = json.loads(first[-2])
        assert key["payload"] == {"id": 1} and key["schema"]["name"] == "com.example.users.UserKey", key
        assert "CreateTime:1700000000000" in first[0], first
        folder = os.path.join(spool.folder, "in")
        headers = (f"file.name:u.csv,file.name.without.extension:u,file.path:{folder}/u.csv,file.parent.dir.name:in,"
                   f"file.length:{size},file.offset:2,file.last.modified:2023-11-14T22:13:20.000Z")
        assert headers in "".join(second), (headers, second)
        wait_until(lambda: spool.has("done/2023-11-14/u.csv"))


@case
def schemas_are_generated_from_the_names_in_a_file():
    with Spool() as spool:
        spool.write("1.csv", "ignored\nid;name\n1;\n")
        spool.write("2.csv", "ignored\nid;city\n2;'x;y'\n")
        spool.create("Csv", csv__first__row__as__header="true", csv__skip__lines="1", csv__separator__char="59", csv__quote__char="39",
                     schema__generation__enabled="true", schema__generation__key__fields="id", key__converter__schemas__enable="false")
        first, second = sorted(spool.wait_for(2, "print.key=true"))  # the keys may have different partitions
        key, value = first.split("\t")
        value = json.loads(value)
        assert json.loads(key) == {"id": "1"} and value["payload"] == {"id": "1", "name": ""}, first
        assert value["schema"]["name"] == "com.github.jcustenborder.kafka.connect.model.Value", value
        assert {field["type"] for field in value["schema"]["fields"]} == {"string"}, value
        assert json.loads(second.split("\t")[1])["payload"] == {"id": "2", "city": "x;y"}, second
        spool.sql("DROP CONNECTOR spool")
        spool.write("a.json", '{"a": "x",\n "b": [1, 2]}\n\n{"b": 5, "c": 1} {"a": "}"}\n')
        spool.create("Json", topic="j", schema__generation__enabled="true", value__converter__schemas__enable="false")
        wait_until(lambda: len(spool.records(topic="j")) == 3, lambda: spool.sql("SHOW CONNECTOR TASKS"))
        assert [json.loads(line) for line in spool.records(topic="j")] == [
            {"a": "x", "b": "[1,2]"}, {"a": None, "b": "5"}, {"a": "}", "b": None}], spool.records(topic="j")
        wait_until(lambda: spool.has("done/a.json"))


@case
def json_values_and_lines_are_strings():
    converter = "org.apache.kafka.connect.storage.StringConverter"
    with Spool() as spool:
        spool.write("a.json", '{"id": 1.50,\n "l": [ ]}\n[2]\n')
        spool.create("SchemaLessJson", value__converter=converter, cleanup__policy="DELETE")
        assert spool.wait_for(2) == ['{"id":1.50,"l":[]}', "[2]"], spool.records()
        wait_until(lambda: not spool.has("in/a.json"))
        spool.sql("DROP CONNECTOR spool")
        spool.write("a.txt", "one\n\nthree")
        spool.create("LineDelimited", value__converter=converter, topic="lines", cleanup__policy="NONE")
        wait_until(lambda: spool.records(topic="lines") == ["one", "", "three"], lambda: spool.records(topic="lines"))


@case
def a_bad_record_stops_the_task_or_moves_the_file():
    with Spool() as spool:
        schemas = {"key__schema": json.dumps(_KEY), "value__schema": json.dumps(_VALUE), "csv__first__row__as__header": "true"}
        spool.write("1.csv", "id,first_name\n1,a\nx,b\n3,c\n")
        spool.write("2.csv", "id,first_name\n4,d\n")
        spool.create("Csv", halt__on__error="false", **schemas)
        assert sorted(json.loads(line)["payload"]["id"] for line in spool.wait_for(2)) == [1, 4]
        wait_until(lambda: spool.has("failed/1.csv") and spool.has("done/2.csv"))
        # A running task could read the file before the change.
        spool.sql("STOP CONNECTOR spool")
        wait_until(lambda: spool.sql("SHOW CONNECTOR TASKS") == [], lambda: spool.sql("SHOW CONNECTOR TASKS"))
        spool.write("3.csv", "id,first_name\n5,e\n,f\n")
        spool.sql("""ALTER CONNECTOR spool SET ("halt.on.error" = 'true')""")
        spool.sql("RESUME CONNECTOR spool")
        wait_until(lambda: 'record 3 (byte 18): field "id": "" is not a value of type int64' in str(spool.sql("SHOW CONNECTOR TASKS")),
                   lambda: spool.sql("SHOW CONNECTOR TASKS"))
        spool.write("3.csv", "id,first_name\n5,e\n6,f\n")
        spool.sql("RESTART CONNECTOR spool TASK 0")
        assert sorted(json.loads(line)["payload"]["id"] for line in spool.wait_for(4)) == [1, 4, 5, 6]


@case
def a_file_that_grows_before_it_is_moved_is_read_to_its_end():
    with Spool() as spool:
        os.makedirs(os.path.join(spool.folder, "done", "1.txt"))  # the file cannot be moved yet
        spool.write("1.txt", "one\n")
        spool.create("LineDelimited", value__converter="org.apache.kafka.connect.storage.StringConverter")
        spool.wait_for(1)
        wait_until(lambda: "RESTARTING" in str(spool.sql("SHOW CONNECTOR TASKS")), lambda: spool.sql("SHOW CONNECTOR TASKS"))
        with open(os.path.join(spool.folder, "in", "1.txt"), "a", encoding="utf-8") as file:
            file.write("two\n")
        wait_until(lambda: spool.records() == ["one", "two"], lambda: (spool.records(), spool.sql("SHOW CONNECTOR TASKS")))
        os.rmdir(os.path.join(spool.folder, "done", "1.txt"))
        wait_until(lambda: os.path.isfile(os.path.join(spool.folder, "done", "1.txt")))
        assert spool.records() == ["one", "two"] and not spool.has("in/1.txt")


@case
@has_limit(180)
def files_are_read_once_by_a_server_that_is_killed():
    """The files have one to many batches, so that kills also happen in the middle of a file."""
    files, rows = 60, 0
    with Spool() as spool:
        spool.create("Csv", csv__first__row__as__header="true", schema__generation__enabled="true", schema__generation__key__fields="n",
                     batch__size="50", value__converter__schemas__enable="false", topic__creation__default__partitions="1")
        stopping = threading.Event()

        def write():
            nonlocal rows
            for number in range(files):
                count = (number * 37) % 400
                spool.write(f"{number:03}.csv", "n,t\n" + "".join(f"{rows + i},\"x\n{rows + i}\"\n" for i in range(count)))
                rows += count
                stopping.wait(0.03)
        writer = threading.Thread(target=write)
        writer.start()
        for _ in range(6):
            stopping.wait(0.6)
            spool.kill()
            spool.start()
        writer.join()
        wait_until(lambda: len(os.listdir(os.path.join(spool.folder, "done"))) == files, lambda: spool.sql("SHOW CONNECTOR TASKS"), seconds=60)
        numbers = [int(json.loads(line)["n"]) for line in spool.records()]
        assert sorted(numbers) == list(range(rows)), (len(numbers), len(set(numbers)), rows)
        print(f"{rows} rows of {files} files, after 6 kills")


@case
def unsupported_values_are_refused_by_name():
    generated = {"schema__generation__enabled": "true"}
    future = datetime.date.today().isoformat()
    wrong = {
        'property "input.path.walk.recursively" is "false", not "true"': {"input__path__walk__recursively": "true"},
        'property "files.sort.attributes" is "NameAsc", not "LengthAsc"': {"files__sort__attributes": "LengthAsc"},
        'property "csv.file.charset" is "UTF-8" or "US-ASCII", not "ISO-8859-1"': {"csv__file__charset": "ISO-8859-1"},
        'property "csv.strict.quotes" is "false", not "true"': {"csv__strict__quotes": "true"},
        'property "value.converter" is': {"value__converter": "io.confluent.connect.avro.AvroConverter"},
        'cleanup.policy MOVE needs "finished.path"': {"finished__path": ""},
        'property "error.path" is required': {"error__path": ""},
        'property "key.schema" is required, or "schema.generation.enabled"': {"schema__generation__enabled": "false"},
        'property "value.schema": field "f": "DATE" is not a type': {"value__schema": '{"type": "STRUCT", "fieldSchemas": {"f": {"type": "DATE"}}}'},
        'field "f" has the type array, which a CSV file cannot contain': {
            "value__schema": '{"type": "STRUCT", "fieldSchemas": {"f": {"type": "ARRAY", "valueSchema": {"type": "STRING"}}}}'},
        'timestamp.mode FIELD needs "timestamp.field"': {"timestamp__mode": "FIELD"},
        f'property "parser.timestamp.timezone": "{future}" is not a time zone': {"parser__timestamp__timezone": future},
        'property "parser.timestamp.date.formats": "yyyy-bb" is not a pattern': {"parser__timestamp__date__formats": "yyyy-bb"},
    }
    with Spool() as spool:
        for text, properties in wrong.items():
            message = spool.problems("Csv", **generated | properties)
            assert text in message, (text, message)
        message = spool.problems("Avro")
        assert "SpoolDirAvroSourceConnector is not built in" in message, message
        assert spool.sql("SHOW CONNECTORS") == []


run()
