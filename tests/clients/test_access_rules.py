#!/usr/bin/python3
"""Kafka's access rules (ACLs) that the rights of SQL cannot express: each kind of rule, at every front end.

A rule is made over Kafka's wire, as kafka-acls does. Then a user without other rights tries each operation by each way
in: Kafka's requests, SQL, ksqlDB's HTTP API, the REST proxy and the schema registry.
"""
import atexit
import base64
import json
import os
import shutil
import struct
import tempfile
import urllib.error
import urllib.request

import psycopg

import kafka_wire as wire
from millrace_server import case, launch, run, wait_until

FOLDER = tempfile.mkdtemp(prefix="millrace-rules-")
SECRET = "geheim-4711"
SASL_HANDSHAKE, DESCRIBE_ACLS, CREATE_ACLS, DELETE_ACLS, SASL_AUTHENTICATE = 17, 29, 30, 31, 36
TOPIC, CLUSTER = 2, 4
LITERAL, PREFIXED = 3, 4
DENY, ALLOW = 2, 3
ALL, READ, WRITE, CREATE, DELETE = 2, 3, 4, 5, 6


def write(name, text):
    path = os.path.join(FOLDER, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


DATA = os.path.join(FOLDER, "data")
FLAGS = ("--access-file", write("rules", "host all all 127.0.0.1/32 scram-sha-256\n"),
         "--superuser-password-file", write("password", SECRET + "\n"))
server = launch(*FLAGS, data_dir=DATA)


@atexit.register
def leave_nothing():
    server.stop()
    shutil.rmtree(FOLDER, ignore_errors=True)


def sql(user="millrace"):
    return psycopg.connect(host="127.0.0.1", port=server.port, user=user, password=SECRET, dbname="shop", autocommit=True)


def kafka(user):
    connection = wire.Connection(server.kafka)
    answer = connection.ask(SASL_HANDSHAKE, 1, wire.string("PLAIN"))
    assert answer[:2] == b"\0\0", answer
    answer = connection.ask(SASL_AUTHENTICATE, 0, wire.data(f"\0{user}\0{SECRET}".encode()))
    assert answer[:2] == b"\0\0", answer
    return connection


def http(user, path, body=None, kind="application/json"):
    """(status, text)."""
    request = urllib.request.Request(f"http://{server.http}{path}", data=body.encode() if body else None)
    request.add_header("Authorization", "Basic " + base64.b64encode(f"{user}:{SECRET}".encode()).decode())
    if body:
        request.add_header("Content-Type", kind)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def make_rule(name, principal, operation, permission=ALLOW, pattern=LITERAL, kind=TOPIC):
    body = wire.array([struct.pack(">b", kind) + wire.string(name) + struct.pack(">b", pattern) + wire.string("User:" + principal)
                       + wire.string("*") + struct.pack(">bb", operation, permission)])
    with kafka("millrace") as connection:
        answer = connection.ask(CREATE_ACLS, 1, body)
    error, = struct.unpack_from(">h", answer, 8)
    assert error == 0, (error, answer)


def forget_rules():
    """Deletes all rights and rules on topics that Kafka's protocol lists; the rights of owners are not among them."""
    body = wire.array([struct.pack(">b", 1) + b"\xff\xff" + struct.pack(">b", 1) + b"\xff\xff" + b"\xff\xff" + struct.pack(">bb", 1, 1)])
    with kafka("millrace") as connection:
        answer = connection.ask(DELETE_ACLS, 1, body)
    error, = struct.unpack_from(">h", answer, 8)
    assert error == 0, error


with sql() as setup:
    for name in ("ann", "later"):
        setup.execute(f"CREATE USER {name} PASSWORD '{SECRET}'")
    setup.execute("CREATE STREAM app_orders (id INT KEY, text VARCHAR) WITH (kafka_topic='app-orders', value_format='JSON', partitions=1)")
    setup.execute("CREATE STREAM others (id INT KEY, text VARCHAR) WITH (kafka_topic='others', value_format='JSON', partitions=1)")
    for stream in ("app_orders", "others"):
        setup.execute(f"INSERT INTO {stream} VALUES (1, 'a')")
BATCH = wire.batch_of(b'{"TEXT":"b"}').encode()


# For each front end, a function that reads or writes there. It returns whether this was allowed.

def by_kafka_fetch(user, topic, stream):
    with kafka(user) as connection:
        error = connection.fetch(topic)[0]
    assert error in (0, 29), error
    return error == 0


def by_kafka_produce(user, topic, stream):
    with kafka(user) as connection:
        error = connection.produce(topic, BATCH)[0]
    assert error in (0, 29), error
    return error == 0


def by_statement(user, statement):
    with sql(user) as connection:
        try:
            connection.execute(statement)
        except psycopg.Error as error:
            assert error.sqlstate == "42501", (statement, error)
            return False
    return True


def by_select(user, topic, stream):
    return by_statement(user, f"SELECT * FROM {stream}")


def by_insert(user, topic, stream):
    return by_statement(user, f"INSERT INTO {stream} VALUES (2, 'c')")


def by_http_query(user, topic, stream):
    status, text = http(user, "/query", json.dumps({"ksql": f"SELECT * FROM {stream} LIMIT 1;", "streamsProperties": {}}))
    assert status == 200 or "permission denied" in text, (status, text)
    return "permission denied" not in text


def by_http_insert(user, topic, stream):
    status, text = http(user, "/ksql", json.dumps({"ksql": f"INSERT INTO {stream} VALUES (3, 'd');", "streamsProperties": {}}))
    assert status == 200 or "permission denied" in text, (status, text)
    return "permission denied" not in text


def by_registry(user, topic, stream):
    status, text = http(user, f"/subjects/{topic}-value/versions", json.dumps({"schema": '"string"'}))
    assert status in (200, 403), (status, text)
    return status == 200


def by_rest_proxy(user, topic, stream):
    status, text = http(user, f"/topics/{topic}", json.dumps({"records": [{"value": {"TEXT": "e"}}]}),
                        "application/vnd.kafka.json.v2+json")
    assert status in (200, 403), (status, text)
    return status == 200


READERS = (by_kafka_fetch, by_select, by_http_query)
WRITERS = (by_kafka_produce, by_insert, by_http_insert, by_registry)
MINE, OTHER = ("app-orders", "app_orders"), ("others", "others")


def check(ways, user, place, expected, why):
    for way in ways:
        # A session sees a change of the users with its next request.
        wait_until(lambda: way(user, *place) is expected, lambda: (why, way.__name__, user, place, expected))


@case
def rules_that_allow_hold_by_every_way_in():
    for operation, ways, refused in ((READ, READERS, WRITERS), (WRITE, WRITERS, READERS), (ALL, READERS + WRITERS, ())):
        for why, rule in (("PREFIXED", dict(name="app-", principal="ann", pattern=PREFIXED)),
                          ("User:*", dict(name="app-orders", principal="*")),
                          ("PREFIXED for User:*", dict(name="app", principal="*", pattern=PREFIXED)),
                          ("literal", dict(name="app-orders", principal="ann"))):
            check(READERS + WRITERS, "ann", MINE, False, "nothing")
            make_rule(operation=operation, **rule)
            check(ways, "ann", MINE, True, why)
            check(refused, "ann", MINE, False, why)
            check(READERS + WRITERS, "ann", OTHER, False, why)
            forget_rules()


@case
def rules_that_deny_win_by_every_way_in():
    for operation, denied, left in ((READ, READERS, WRITERS), (WRITE, WRITERS, READERS), (ALL, READERS + WRITERS, ())):
        for why, rule in (("literal", dict(name="app-orders", principal="ann")),
                          ("PREFIXED", dict(name="app-", principal="ann", pattern=PREFIXED)),
                          ("User:*", dict(name="app-orders", principal="*")),
                          ("every topic", dict(name="*", principal="ann"))):
            with sql() as connection:
                connection.execute("GRANT SELECT, INSERT ON app_orders TO ann")
            check(READERS + WRITERS, "ann", MINE, True, "granted")
            make_rule(operation=operation, permission=DENY, **rule)
            check(denied, "ann", MINE, False, why)
            check(left, "ann", MINE, True, why)
            check(READERS + WRITERS, "millrace", MINE, True, "a superuser")
            forget_rules()


@case
def the_rest_proxy_is_for_rights_that_nothing_denies():
    with sql() as connection:
        connection.execute("GRANT ALL ON ALL TO ann")
    check((by_rest_proxy,), "ann", MINE, True, "rights on everything")
    make_rule("others", "ann", WRITE, DENY)
    check((by_rest_proxy,), "ann", MINE, False, "one topic is denied")
    check((by_rest_proxy,), "millrace", OTHER, True, "a superuser")
    forget_rules()
    with sql() as connection:
        connection.execute("REVOKE ALL ON ALL FROM ann")
    check((by_rest_proxy,), "ann", MINE, False, "nothing")


@case
def a_rule_waits_for_its_user():
    make_rule("app-", "newcomer", READ, pattern=PREFIXED)
    with sql() as connection:
        connection.execute(f"CREATE USER newcomer PASSWORD '{SECRET}'")
    check(READERS, "newcomer", MINE, True, "it was there before")
    with sql() as connection:
        connection.execute("DROP USER newcomer")
        connection.execute(f"CREATE USER newcomer PASSWORD '{SECRET}'")
    check(READERS, "newcomer", MINE, False, "another user of this name")
    with sql() as connection:
        connection.execute("DROP USER newcomer")


@case
def creation_and_deletion_are_allowed_and_denied_in_sql():
    create = "CREATE STREAM team_a (id INT KEY) WITH (kafka_topic='team-a', value_format='JSON', partitions=1)"
    assert not by_statement("ann", create)
    make_rule("team-", "ann", CREATE, pattern=PREFIXED)
    wait_until(lambda: by_statement("ann", create), lambda: "PREFIXED CREATE")
    assert not by_statement("ann", create.replace("team", "crew"))
    make_rule("team-", "ann", DELETE, DENY, PREFIXED)
    wait_until(lambda: not by_statement("ann", "ALTER STREAM team_a ADD COLUMN more INT"), lambda: "denied to the owner")
    assert not by_statement("ann", "DROP STREAM team_a DELETE TOPIC")
    with sql() as connection:
        connection.execute("DROP STREAM team_a DELETE TOPIC")
        connection.execute("GRANT CREATE ON ALL TO ann")
    make_rule("team-", "*", CREATE, DENY, PREFIXED)
    wait_until(lambda: not by_statement("ann", create), lambda: "PREFIXED CREATE is denied")
    assert by_statement("ann", create.replace("team", "crew"))
    with sql() as connection:
        connection.execute("DROP STREAM crew_a DELETE TOPIC")
    forget_rules()


@case
def sql_shows_the_rights_that_apply():
    def has(privilege):
        with sql() as connection:
            return connection.execute(f"SELECT has_table_privilege('ann', 'app_orders', '{privilege}')").fetchone()[0]

    def notices(statement):
        told = []
        with sql() as connection:
            connection.add_notice_handler(lambda notice: told.append(notice.message_primary))
            connection.execute(statement)
        return told

    assert not has("SELECT")
    make_rule("app-", "ann", READ, pattern=PREFIXED)
    wait_until(lambda: has("SELECT"), lambda: "PREFIXED")
    assert not has("INSERT")
    notices("GRANT SELECT ON app_orders TO ann")
    assert any("still allow" in each for each in notices("REVOKE SELECT ON app_orders FROM ann"))
    make_rule("app-orders", "*", READ, DENY)
    wait_until(lambda: not has("SELECT"), lambda: "denied")
    assert any("deny" in each for each in notices("GRANT SELECT ON app_orders TO ann"))
    forget_rules()


@case
def rules_survive_a_restart():
    global server
    make_rule("app-", "ann", READ, pattern=PREFIXED)
    make_rule("app-orders", "later", ALL, DENY)
    server.stop()
    server = launch(*FLAGS, data_dir=DATA)
    check(READERS, "ann", MINE, True, "after a restart")
    with sql() as connection:
        connection.execute("GRANT SELECT ON app_orders TO later")
    check(READERS, "later", MINE, False, "after a restart")
    forget_rules()


run()
