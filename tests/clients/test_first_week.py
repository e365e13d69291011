#!/usr/bin/python3
"""Mistakes of the first week with files, topics, HTTP and the start of a server. Each answer names the remedy.

The mistakes in SQL are in tests/sql/errors/first_week.slt and tests/sql/errors/likely_mistakes.slt."""
import gzip
import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from millrace_server import binary, case, launch, run, wait_until  # noqa: E402

import psycopg  # noqa: E402


SERVER = launch(keeps_log=True)


def sql():
    return psycopg.connect(host=SERVER.host, port=SERVER.port, user="ada", autocommit=True)


def notices_of(statement):
    """Returns the notices of a statement, each as its message and its hint."""
    notices = []
    with sql() as connection:
        connection.add_notice_handler(lambda diag: notices.append((diag.message_primary, diag.message_hint)))
        connection.execute(statement)
    return notices


def refused_copy(statement, data):
    """Returns the message and the hint of a COPY that fails."""
    with sql() as connection:
        try:
            with connection.cursor().copy(statement) as copy:
                copy.write(data)
        except psycopg.Error as error:
            return error.diag.message_primary, error.diag.message_hint or ""
    raise AssertionError(f"accepted: {data}")


def post(path, body, **headers):
    """Returns the body of the response, also of a failure."""
    request = urllib.request.Request(f"http://{SERVER.http}{path}", body.encode(), headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


def started(*arguments, environment=None, before=()):
    """Returns the status and the output of a server that does not start."""
    done = subprocess.run([*before, binary(), "server", "--pg", "127.0.0.1:0", "--kafka", "127.0.0.1:0", "--http", "127.0.0.1:0",
                           *arguments], text=True, capture_output=True, timeout=60, env={**os.environ, **(environment or {})})
    return done.returncode, done.stdout + done.stderr


@case
def likely_mistakes_have_a_notice_with_the_correction():
    with sql() as connection:
        connection.execute("CREATE TABLE visits (id INT PRIMARY KEY, page VARCHAR, at TIMESTAMP)")
    for condition, words in (
            ("FORMAT_TIMESTAMP(at, 'YYYY-MM-DD') = ''", "Did you mean 'yyyy-MM-dd'?"),
            ("FORMAT_TIMESTAMP(at, 'yyyy-mm-dd HH:mm') = ''", "Did you mean 'yyyy-MM-dd HH:mm'?"),
            ("FORMAT_TIMESTAMP(at, 'dd/MM/yyyy hh:MM:SS') = ''", "Did you mean 'dd/MM/yyyy HH:mm:ss'?"),
            ("to_char(at, 'HH24:MM') = ''", "Did you mean 'HH24:MI'?"),
            ("page = NULL", "Use PAGE IS NULL."),
            ("NULL <> page", "Use PAGE IS NOT NULL."),
            ("to_timestamp(rowtime) > now()", "Use FROM_UNIXTIME(ROWTIME).")):
        notices = notices_of(f"SELECT id FROM visits WHERE {condition}")
        assert [hint for _, hint in notices] == [words], (condition, notices)


@case
def copy_names_the_right_form_of_a_number():
    with sql() as connection:
        connection.execute("CREATE TABLE amounts (id INT PRIMARY KEY, amount DECIMAL(10, 2), share DOUBLE)")
    for amount, written in (("12,50", "12.50"), ("1.234,50", "1234.50"), ("1,234.50", "1234.50"), ("1,234", "1234"),
                            ("$12.50", "12.50"), ("12.50 €", "12.50"), ("1 234,5", "1234.5")):
        for line in (f'1;"{amount}";1\n', f'1;1;"{amount}"\n'):
            message, hint = refused_copy("COPY amounts FROM STDIN (FORMAT csv, DELIMITER ';')", line)
            assert message.startswith("invalid input for column") and hint.startswith(f"Write {written}: "), (amount, message, hint)
    assert refused_copy("COPY amounts FROM STDIN (FORMAT csv)", "1,abc,1\n")[1] == ""


@case
def copy_recognizes_files_that_are_not_text():
    with sql() as connection:
        connection.execute("CREATE TABLE files (id INT PRIMARY KEY, city VARCHAR)")
    for data, what, words in ((gzip.compress(b"1,Quetta\n"), "compressed with gzip", "gunzip -c"),
                              (b"PK\x03\x04 and so on", "a zip file or a spreadsheet", "Save a spreadsheet as CSV."),
                              (b"PAR1\x15\x04", "a Parquet file", "to_csv"),
                              (b"PGDMP\x01\x0e", "an archive of pg_dump", "pg_restore -f -"),
                              ("1,Quetta\n".encode("utf-16"), "UTF-16 text", "iconv -f utf-16 -t utf-8")):
        for options in ("CSV", "(FORMAT text)", "(FORMAT json)"):
            message, hint = refused_copy(f"COPY files FROM STDIN {options}", data)
            assert message == f"the data is {what}, not text" and words in hint, (options, message, hint)


@case
def records_of_another_format_name_their_format():
    topics = {"JSON": "as_json", "AVRO": "as_avro", "JSON_SR": "as_json_sr"}
    with sql() as connection:
        for name, topic in topics.items():
            connection.execute(f"CREATE STREAM {topic} (id INT, city VARCHAR) WITH (KAFKA_TOPIC = '{topic}', "
                               f"VALUE_FORMAT = '{name}', PARTITIONS = 1)")
        connection.execute("CREATE STREAM keyed (id INT KEY, city VARCHAR) WITH (KAFKA_TOPIC = 'keyed', "
                           "VALUE_FORMAT = 'JSON', PARTITIONS = 1)")

    def produced(topic, line, *arguments):
        done = subprocess.run([binary(), "produce", topic, "-b", SERVER.kafka, *arguments], input=line + "\n", text=True,
                              capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return notices_of(f"SELECT * FROM {topic}")[-1][0]

    for topic, line, words in (("as_json", "31,Quetta", "it seems to be text with commas, which the format DELIMITED reads"),
                               ("as_avro", '{"ID": 1}', "it seems to be JSON, which the format JSON reads"),
                               ("as_json_sr", '{"ID": 1}', "it seems to be JSON, which the format JSON reads")):
        told = produced(topic, line)
        assert words in told, (topic, told)
    with sql() as connection:
        connection.execute("CREATE STREAM lists (id INT, city VARCHAR) WITH (KAFKA_TOPIC = 'lists', VALUE_FORMAT = 'JSON', PARTITIONS = 1)")
    assert "a JSON array: send each element as a record of its own" in produced("lists", '[{"ID": 1}, {"ID": 2}]')
    told = produced("keyed", 'order-7:{"CITY": "Quetta"}', "--property", "parse.key=true", "--property", "key.separator=:")
    assert "an INTEGER has 4 bytes in the KAFKA format, got 7: a text is for a column of type VARCHAR" in told, told


@case
def rejected_records_are_logged_with_the_reason():
    with sql() as connection:
        connection.execute("CREATE TABLE towns (id INT PRIMARY KEY, city VARCHAR)")

    def rejected():
        subprocess.run([binary(), "produce", "towns", "-b", SERVER.kafka], input='{"CITY": "Quetta"}\n', text=True,
                       capture_output=True, timeout=60, check=False)
        with open(SERVER.log) as log:
            return any("records of a producer rejected topic=towns" in line and "they have no key" in line and "kcat -K :" in line
                       for line in log)

    wait_until(rejected, "the reason in the log", 30)


@case
def bodies_of_http_requests_are_corrected():
    with sql() as connection:
        connection.execute("CREATE STREAM clicks (page VARCHAR KEY, ms INT)")
    for path, body, words in (
            ("/ksql", "ksql=SHOW STREAMS;", 'Send {"ksql":"SHOW STREAMS;"}'),
            ("/inserts-stream", '[{"target": "clicks"}, {"page": "home", "ms": 3}]', "Send one JSON object on each line, without an array"),
            ("/subjects/orders-value/versions", '{"schema": {"type": "string"}}', "jq '{schema: tojson}' order.avsc"),
            ("/connectors", '{"name": "feed", "connector.class": "file"}', "or only the properties with PUT /connectors/orders/config")):
        told = json.loads(post(path, body, **{"Content-Type": "application/json"}))["message"]
        assert words in told, (path, told)
    typed = '{"sql": "SELECT * FROM clicks WHERE page = home"}'
    for agent, is_hinted in (("curl/7.88.1", True), ("Mozilla/5.0", False)):
        told = json.loads(post("/sql", typed, **{"User-Agent": agent}))["error"]["hint"]
        assert ("the shell removes them: put the request into a file" in told) == is_hinted, told


@case
def starts_that_fail_name_the_remedy():
    with tempfile.TemporaryDirectory() as folder:
        for name, content, words in (("ksql-server.properties", "listeners=http://0.0.0.0:8088\n", "not a properties file of Kafka"),
                                     ("millrace.yml", "pg: 127.0.0.1:7432\n", 'write pg = "127.0.0.1:7432" instead of pg: 127.0.0.1:7432')):
            with open(f"{folder}/{name}", "w") as file:
                file.write(content)
            status, told = started("--config", f"{folder}/{name}", "--data-dir", f"{folder}/data")
            assert status == 2 and words in told, told
        status, told = started("--memory-limit", "2", "--data-dir", f"{folder}/data")
        assert status == 2 and "Write 2GB." in told, told
        with open(f"{folder}/file", "w"):
            pass
        status, told = started("--data-dir", f"{folder}/file/data")
        assert status == 1 and f"{folder}/file is a file, not a folder." in told, told
        if os.geteuid() == 0:
            os.chmod(folder, 0o755)
            status, told = started("--data-dir", f"{folder}/data",
                                   before=("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"))
            assert status == 1 and f"{folder} belongs to root, and the server runs as nobody." in told, told
            assert f"install -d -o nobody {folder}/data" in told, told


run()
