#!/usr/bin/python3
"""PostgreSQL's messages one by one: messages that drivers do not send, or not in this order. The expected answers are
those of PostgreSQL 15."""
import socket
import struct

from millrace_server import case, launch, run

SERVER = launch()
REGCLASS, TEXT, INT4, BIGINT = 2205, 25, 23, 20


class Client:
    def __init__(self):
        self.socket = socket.create_connection((SERVER.host, SERVER.port), timeout=30)
        body = struct.pack(">i", 3 << 16) + b"user\0millrace\0database\0millrace\0\0"
        self.socket.sendall(struct.pack(">i", len(body) + 4) + body)
        self.hear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            assert piece, "the server has closed the connection"
            data += piece
        return data

    def hear(self):
        """Returns the messages up to ReadyForQuery, as words."""
        words = []
        while True:
            kind, size = struct.unpack(">ci", self._exactly(5))
            body = self._exactly(size - 4)
            words.append(in_words(kind.decode(), body))
            if kind == b"Z":
                return " ".join(word for word in words if word)

    def say(self, *messages):
        self.socket.sendall(b"".join(messages) + message(b"S", b""))
        return self.hear()

    def query(self, text):
        self.socket.sendall(message(b"Q", text.encode() + b"\0"))
        return self.hear()


def in_words(kind, body):
    fields = body.split(b"\0")
    if kind == "E" or kind == "N":
        told = {field[:1]: field[1:].decode() for field in fields if field}
        return f"{kind}({told[b'C']} {told[b'M']})"
    if kind == "C":
        return f"C({fields[0].decode()})"
    if kind == "D":
        count, at, values = struct.unpack(">h", body[:2])[0], 2, []
        for _ in range(count):
            size = struct.unpack(">i", body[at:at + 4])[0]
            values.append("null" if size < 0 else body[at + 4:at + 4 + size].decode())
            at += 4 + max(size, 0)
        return f"D({','.join(values)})"
    if kind == "T":
        count, at, columns = struct.unpack(">h", body[:2])[0], 2, []
        for _ in range(count):
            end = body.index(b"\0", at)
            oid, size = struct.unpack(">ih", body[end + 7:end + 13])
            columns.append(f"{body[at:end].decode()}:{oid if oid < 16384 else 'own'}:{size}")
            at = end + 19
        return f"T({','.join(columns)})"
    if kind == "t":
        return f"t({','.join(str(oid) for oid in struct.unpack(f'>{(len(body) - 2) // 4}I', body[2:]))})"
    if kind in "RKS":
        return ""
    return f"Z({body.decode()})" if kind == "Z" else kind


def message(kind, body):
    return kind + struct.pack(">i", len(body) + 4) + body


def parse(sql, name="", oids=()):
    return message(b"P", f"{name}\0{sql}\0".encode() + struct.pack(f">h{len(oids)}I", len(oids), *oids))


def bind(*texts, statement="", portal=""):
    values = b"".join(struct.pack(">i", len(text.encode())) + text.encode() for text in texts)
    return message(b"B", f"{portal}\0{statement}\0".encode() + struct.pack(">hh", 0, len(texts)) + values + struct.pack(">h", 0))


def describe(statement=""):
    return message(b"D", b"S" + statement.encode() + b"\0")


def execute(most=0, portal=""):
    return message(b"E", portal.encode() + b"\0" + struct.pack(">i", most))


@case
def returning_gives_its_rows_in_portions_and_counts_them():
    with Client() as client:
        client.query("CREATE TABLE foo (id INT PRIMARY KEY, v INT)")
        for sql, verb in (("INSERT INTO foo VALUES (1, 1), (2, 2), (3, 3) RETURNING id", "INSERT 0"),
                          ("UPDATE foo SET v = v + 1 RETURNING id", "UPDATE"), ("DELETE FROM foo RETURNING id", "DELETE")):
            answer = client.say(parse(sql), bind(), execute(2), execute(2), execute())
            *rows, one, none = [word for word in answer.replace("C(", "\nC(").split("\n") if word]
            assert rows[0].count("D(") == 3 and rows[0].split()[4] == "s", answer
            assert one == f"C({verb} 1) " and none == f"C({verb} 0) Z(I)", answer
        assert client.query("INSERT INTO foo VALUES (1, 1), (2, 2) RETURNING v") == "T(v:23:4) D(1) D(2) C(INSERT 0 2) Z(I)"


@case
def a_plan_whose_columns_have_changed_is_refused_before_it_runs():
    refused = "E(0A000 cached plan must not change result type) Z(I)"
    with Client() as client:
        client.query("CREATE TABLE changing (id INT PRIMARY KEY, a INT, b INT)")
        client.say(parse("SELECT * FROM changing WHERE id = $1", "all"), parse("SELECT a FROM changing", "one"),
                   parse("INSERT INTO changing VALUES (1, 2, 3) RETURNING *", "new"))
        client.query("CREATE TABLE others (id INT PRIMARY KEY)")  # this changes nothing
        assert client.say(bind("1", statement="all")) == "2 Z(I)"
        client.query("DROP TABLE changing")
        assert client.say(bind(statement="one")).startswith("E(42P01 ")
        client.query("CREATE TABLE changing (id INT PRIMARY KEY, a INT, c TEXT)")
        assert client.say(bind("1", statement="all")) == refused
        assert client.say(describe("all")) == refused
        assert client.say(bind(statement="new")) == refused
        assert client.say(bind(statement="one"), execute()) == "2 C(SELECT 0) Z(I)"
        assert client.say(describe("one")) == "t() T(a:23:4) Z(I)"


@case
def a_parameter_that_nothing_reads_has_no_type():
    with Client() as client:
        unknown = "E(42P18 could not determine data type of parameter ${})"
        assert client.say(parse("SELECT $2 > 0")) == unknown.format(1) + " Z(I)"
        assert client.say(parse("SELECT $1::int, $3::int")) == unknown.format(2) + " Z(I)"
        assert client.say(parse("SELECT $2 > 0", oids=[INT4]), describe()).startswith(f"1 t({INT4},{INT4}) ")
        assert client.say(parse("SELECT $1, $2::bigint"), describe()).startswith(f"1 t({TEXT},{BIGINT}) ")
        assert client.say(parse("SELECT pg_sleep($1), $2::int"), describe()).startswith("1 t(701,23) ")


@case
def a_name_of_the_catalog_is_a_parameter_of_its_type():
    with Client() as client:
        client.query("CREATE TABLE named (id INT PRIMARY KEY)")
        number = client.query("SELECT oid FROM pg_class WHERE relname = 'named'").split()[1]
        for sql, oids, told in (("SELECT $1::regclass::oid", [], REGCLASS), ("SELECT $1::regclass::oid", [REGCLASS], REGCLASS),
                                ("SELECT $1::text::regclass::oid", [], TEXT)):
            answer = client.say(parse(sql, oids=oids), describe(), bind("named"), execute())
            assert answer.startswith(f"1 t({told}) ") and number in answer, answer


@case
def types_are_described_as_in_postgresql():
    with Client() as client:
        client.query("CREATE TYPE mood AS ENUM ('sad', 'glad')")
        assert client.query("SELECT 'sad'::mood AS m") == "T(m:own:4) D(sad) C(SELECT 1) Z(I)"
        assert client.query("""SELECT 'a'::"char\"""") == "T(char:18:1) D(a) C(SELECT 1) Z(I)"
        client.query("""CREATE TABLE bytes (id INT PRIMARY KEY, c "char")""")
        assert client.query("SELECT c FROM bytes") == "T(c:18:1) C(SELECT 0) Z(I)"


@case
def explain_is_described_as_in_postgresql():
    with Client() as client:
        client.query("CREATE TABLE explained (id INT PRIMARY KEY)")
        for sql in ("EXPLAIN SELECT * FROM explained", "EXPLAIN ANALYZE SELECT * FROM explained"):
            for answer in (client.query(sql), client.say(parse(sql), describe(), bind(), execute())):
                assert "T(QUERY PLAN:25:-1)" in answer and answer.endswith(" C(EXPLAIN) Z(I)"), answer


@case
def a_char_is_compared_without_the_blanks_at_its_end():
    with Client() as client:
        client.query("CREATE TABLE padded (id INT PRIMARY KEY, c CHAR(5))")
        assert client.say(parse("INSERT INTO padded VALUES (1, $1)"), bind("ab  "), execute()) == "1 2 C(INSERT 0 1) Z(I)"
        client.say(parse("SELECT id FROM padded WHERE c = $1", "equal"))
        for text in ("ab", "ab   "):
            assert client.say(bind(text, statement="equal"), execute()) == "2 D(1) C(SELECT 1) Z(I)"


@case
def an_insert_of_too_many_values_is_a_syntax_error():
    with Client() as client:
        client.query("CREATE TABLE two (a INT PRIMARY KEY, b INT)")
        assert client.query("INSERT INTO two VALUES (1, 2, 3)").startswith("E(42601 ")


@case
def errors_have_the_codes_of_postgresql():
    with Client() as client:
        for sql, code in (("SELECT 1 LIMIT -1", "2201W"), ("SELECT 1 OFFSET -1", "2201X"),
                          ("SELECT (SELECT * FROM (VALUES (1), (2)) AS two(a))", "21000")):
            assert f"E({code} " in client.query(sql), sql


run()
