"""ksqlDB's clients for Python: ksql-python-ng, ksqldb and ksqldb-client, each with what it has, over HTTP/1.1 and HTTP/2."""
import time

from ksql import KSQLAPI
from ksqldb import KSQLdbClient
from ksqldb_client import KSqlDBClient

from millrace_server import case, launch, run

SERVER = launch()
URL = f"http://{SERVER.http}"
VIEWS = [{"viewtime": i, "userid": f"u{i % 2}", "pageid": "p"} for i in range(5)]


def until_there(read):
    """Returns the result of `read`, as soon as it is true."""
    end = time.monotonic() + 20
    while not (got := read()) and time.monotonic() < end:
        time.sleep(0.05)
    assert got
    return got


@case
def ksql_python_ng():
    client = KSQLAPI(URL)
    client.ksql("CREATE STREAM ng (viewtime BIGINT, userid VARCHAR, pageid VARCHAR) "
                "WITH (KAFKA_TOPIC = 'ng', VALUE_FORMAT = 'JSON', PARTITIONS = 1)")
    assert [each["status"] for each in client.inserts_stream("ng", VIEWS)] == ["ok"] * 5
    assert client.create_stream_as(table_name="ng_one", src_table="ng", kafka_topic="ng_one",
                                   select_columns=["viewtime", "userid"], conditions="userid = 'u1'")
    assert {"NG", "NG_ONE"} <= {each["name"] for each in client.ksql("SHOW STREAMS")[0]["streams"]}
    earliest = {"auto.offset.reset": "earliest"}
    for use_http2 in (False, True):
        push = client.query("SELECT * FROM ng EMIT CHANGES LIMIT 3", use_http2=use_http2, stream_properties=earliest)
        text = "".join(push)
        assert all(f'[{i},"u{i % 2}","p"]' in text for i in range(3)), text
        text = until_there(lambda: "".join(client.query("SELECT * FROM ng_one", use_http2=use_http2)))
        assert '[1,"u1"]' in text, text


@case
def ksqldb():
    client = KSQLdbClient(URL)
    client.ksql("CREATE STREAM kd (viewtime BIGINT, userid VARCHAR, pageid VARCHAR) "
                "WITH (KAFKA_TOPIC = 'kd', VALUE_FORMAT = 'JSON', PARTITIONS = 1);")
    assert len(client.inserts_stream("kd", VIEWS)) == 5
    rows = client.query_sync("SELECT * FROM kd;", timeout=10)
    assert rows[0]["columnNames"] == ["VIEWTIME", "USERID", "PAGEID"] and rows[1:] == [list(v.values()) for v in VIEWS], rows


@case
def ksqldb_client():
    client = KSqlDBClient(URL)
    assert client.info().ksql_server_info.server_status == "RUNNING"
    client.ksql("CREATE STREAM kc (userid VARCHAR KEY, n INT) WITH (KAFKA_TOPIC = 'kc', VALUE_FORMAT = 'JSON', PARTITIONS = 1);"
                "CREATE TABLE counted AS SELECT userid, COUNT(*) AS n FROM kc GROUP BY userid;"
                "INSERT INTO kc VALUES ('a', 1);")
    rows = until_there(lambda: client.query("SELECT * FROM counted;").root[1:])
    assert rows[0].row.columns == ("a", 1), rows


run()
