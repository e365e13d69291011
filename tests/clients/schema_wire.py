"""Records as Confluent's serializers write them, by hand: Avro and Protobuf without a library, JSON with a header.

A Registry asks a server's schema registry; encode() takes a value in the form of JSON, and decode() returns one. Upper
and lower case in names of fields may differ from the schema.
"""
import http.client
import json
import struct
from decimal import Decimal

NUMBERS = {1: "<d", 2: "<f", 6: "<Q", 7: "<I", 15: "<i", 16: "<q"}  # types of protobuf's fields of a fixed size


def header(number):
    return b"\0" + struct.pack(">i", number)


def varint(number):
    number &= (1 << 64) - 1
    out = b""
    while number > 0x7f:
        out += bytes([number & 0x7f | 0x80])
        number >>= 7
    return out + bytes([number])


def zigzag(number):
    return varint((number << 1) ^ (number >> 63))


class Bytes:
    """Bytes that are read from front to back."""
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        self.at += size
        assert self.at <= len(self.data), "the record ends too early"
        return self.data[self.at - size:self.at]

    def varint(self):
        number = shift = 0
        while True:
            byte, = self.take(1)
            number |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return number

    def zigzag(self):
        number = self.varint()
        return number >> 1 ^ -(number & 1)

    def is_over(self):
        return self.at == len(self.data)


def member(value, name):
    for key in (name, name.lower()):
        if key in value:
            return value[key]
    return next((each for key, each in value.items() if key.upper() == name.upper()), None)


# ---- Avro

class Avro:
    def __init__(self, text, references=()):
        self.names = {}
        for each in references:
            self.declare(json.loads(each))
        self.root = json.loads(text)
        self.declare(self.root)

    def declare(self, schema, space=""):
        if isinstance(schema, list):
            for each in schema:
                self.declare(each, space)
        elif isinstance(schema, dict):
            space = schema.get("namespace", space)
            if "name" in schema and schema["type"] in ("record", "enum", "fixed"):
                self.names[schema["name"]] = self.names[f"{space}.{schema['name']}"] = schema
            for each in [schema.get("items"), schema.get("values"), *(field["type"] for field in schema.get("fields", []))]:
                self.declare(each, space)

    def kind(self, schema):
        if isinstance(schema, str) and schema in self.names:
            schema = self.names[schema]
        return (schema, {}) if isinstance(schema, str) else ("union", {}) if isinstance(schema, list) else (schema["type"], schema)

    def is_map(self, more):
        items = more.get("items")
        return isinstance(items, dict) and items.get("connect.internal.type") == "MapEntry"

    def encode(self, value, schema=None):
        schema = self.root if schema is None else schema
        schema = self.names.get(schema, schema) if isinstance(schema, str) else schema
        kind, more = self.kind(schema)
        if kind == "union":
            wanted = next(i for i, each in enumerate(schema) if (self.kind(each)[0] == "null") == (value is None))
            return zigzag(wanted) + self.encode(value, schema[wanted])
        if kind == "null":
            return b""
        if kind == "boolean":
            return bytes([value])
        if kind in ("int", "long"):
            return zigzag(int(value))
        if kind in ("float", "double"):
            return struct.pack("<" + kind[0], float(value))
        if kind == "bytes" and more.get("logicalType") == "decimal":
            number = int(Decimal(value).scaleb(more.get("scale", 0)))
            data = number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)
            return zigzag(len(data)) + data
        if kind in ("string", "bytes"):
            data = str(value).encode()
            return zigzag(len(data)) + data
        if kind == "enum":
            return zigzag(more["symbols"].index(value))
        if kind == "array":
            items = [{"key": key, "value": each} for key, each in value.items()] if self.is_map(more) else value
            blocks = b"".join(self.encode(each, more["items"]) for each in items)
            return (zigzag(len(items)) + blocks if items else b"") + b"\0"
        if kind == "map":
            blocks = b"".join(self.encode(key, "string") + self.encode(each, more["values"]) for key, each in value.items())
            return (zigzag(len(value)) + blocks if value else b"") + b"\0"
        return b"".join(self.encode(member(value, field["name"]), field["type"]) for field in more["fields"])

    def decode(self, data, schema=None):
        schema = self.root if schema is None else schema
        schema = self.names.get(schema, schema) if isinstance(schema, str) else schema
        kind, more = self.kind(schema)
        if kind == "union":
            return self.decode(data, schema[data.zigzag()])
        if kind == "null":
            return None
        if kind == "boolean":
            return data.take(1) == b"\1"
        if kind in ("int", "long"):
            return data.zigzag()
        if kind in ("float", "double"):
            return struct.unpack("<" + kind[0], data.take(8 if kind == "double" else 4))[0]
        if kind in ("string", "bytes"):
            text = data.take(data.zigzag())
            if more.get("logicalType") == "decimal":
                return Decimal(int.from_bytes(text, "big", signed=True)).scaleb(-more.get("scale", 0))
            return text.decode()
        if kind == "enum":
            return more["symbols"][data.zigzag()]
        if kind in ("array", "map"):
            items = []
            while count := data.zigzag():
                if count < 0:
                    data.zigzag()
                for _ in range(abs(count)):
                    key = self.decode(data, "string") if kind == "map" else None
                    items.append((key, self.decode(data, more["values" if kind == "map" else "items"])))
            if kind == "map":
                return dict(items)
            return {each["key"]: each["value"] for _, each in items} if self.is_map(more) else [each for _, each in items]
        return {field["name"]: self.decode(data, field["type"]) for field in more["fields"]}


# ---- Protobuf

def fields_of(data):
    """Returns [(number, value)] of a message; the values are numbers or bytes."""
    data, found = Bytes(data), []
    while not data.is_over():
        tag = data.varint()
        found.append((tag >> 3, data.varint() if tag & 7 == 0 else data.take(
            {1: 8, 5: 4}.get(tag & 7) or data.varint())))
    return found


class Protobuf:
    """A schema from serialized file descriptors (descriptor.proto); the last descriptor is that of the schema itself.
    """
    def __init__(self, files):
        self.messages, self.own, self.enums = {}, [], {}
        for file in files:
            found = fields_of(file)
            space = "".join("." + each.decode() for number, each in found if number == 2)
            self.own = [self.declare(each, space) for number, each in found if number == 4]
            for number, each in found:
                if number == 5:
                    self.declare_enum(each, space)

    def declare_enum(self, data, space):
        found = fields_of(data)
        values = [dict(fields_of(each)) for number, each in found if number == 2]
        self.enums[f"{space}.{dict(found)[1].decode()}"] = {each[1].decode(): each.get(2, 0) for each in values}

    def declare(self, data, space):
        found = fields_of(data)
        name = f"{space}.{dict(found)[1].decode()}"
        message = self.messages[name] = {"fields": [], "nested": []}
        for number, each in found:
            if number == 2:
                field = dict(fields_of(each))
                message["fields"].append({"name": field[1].decode(), "number": field[3], "repeated": field.get(4) == 3,
                                          "type": field[5], "of": field.get(6, b"").decode(), "optional": 17 in field or 9 in field})
            elif number == 3:
                message["nested"].append(self.declare(each, name))
            elif number == 4:
                self.declare_enum(each, name)
        message["is_entry"] = any(number == 7 and dict(fields_of(each)).get(7) for number, each in found)
        return message

    def encode(self, value, message=None):
        out = b""
        for field in (message or self.own[0])["fields"]:
            each = member(value, field["name"])
            if each is None:
                continue
            of = self.messages.get(field["of"], {})
            if field["repeated"] and isinstance(each, dict):
                each = [{"key": key, "value": one} for key, one in each.items()]
            for one in each if field["repeated"] else [each]:
                out += self.encode_one(field, of, one)
        return out

    def encode_one(self, field, message, value):
        kind, number = field["type"], field["number"]
        if kind in NUMBERS:
            data = struct.pack(NUMBERS[kind], float(value) if kind < 3 else int(value))
            return varint(number << 3 | (1 if len(data) == 8 else 5)) + data
        if kind in (9, 12, 11):
            data = self.encode(value, message) if kind == 11 else str(value).encode()
            return varint(number << 3 | 2) + varint(len(data)) + data
        if kind == 14:
            value = self.enums[field["of"]][value]
        return varint(number << 3) + (zigzag(int(value)) if kind in (17, 18) else varint(int(value)))

    def decode(self, data):
        """Returns the message that the path in the record names."""
        path = [data.varint() // 2 for _ in range(data.varint() // 2)] or [0]
        message = self.own[path[0]]
        for index in path[1:]:
            message = message["nested"][index]
        return self.decode_message(data.take(len(data.data) - data.at), message)

    def decode_message(self, data, message):
        found, value = fields_of(data), {}
        for field in message["fields"]:
            values = [each for number, each in found if number == field["number"]]
            read = []
            for each in values:
                is_packed = isinstance(each, bytes) and field["type"] not in (9, 11, 12) and field["repeated"]
                read += self.unpacked(field, each) if is_packed else [self.decode_one(field, each)]
            of = self.messages.get(field["of"])
            if field["repeated"] and of and of["is_entry"]:
                value[field["name"]] = {each["key"]: each["value"] for each in read}
            elif field["repeated"]:
                value[field["name"]] = read
            else:
                value[field["name"]] = read[-1] if read else None if field["type"] == 11 or field["optional"] else \
                    "" if field["type"] in (9, 12) else False if field["type"] == 8 else 0
        return value

    def unpacked(self, field, data):
        data, read = Bytes(data), []
        while not data.is_over():
            size = struct.calcsize(NUMBERS[field["type"]]) if field["type"] in NUMBERS else 0
            read.append(self.decode_one(field, data.take(size) if size else data.varint()))
        return read

    def decode_one(self, field, value):
        kind = field["type"]
        if kind in NUMBERS:
            return struct.unpack(NUMBERS[kind], value)[0]
        if kind == 11:
            return self.decode_message(value, self.messages[field["of"]])
        if kind in (9, 12):
            return value.decode()
        if kind == 8:
            return value != 0
        if kind in (17, 18):
            return value >> 1 ^ -(value & 1)
        return value - (1 << 64) if kind in (3, 5) and value >> 63 else value


# ---- The registry

class Registry:
    def __init__(self, address):
        self.address, self.known = address, {}

    def ask(self, method, path, body=None):
        host, port = self.address.rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        told = json.loads(answer.read())
        assert answer.status == 200, (path, told)
        return told

    def latest(self, subject):
        return self.schema(self.ask("GET", f"/subjects/{subject}/versions/latest")["id"])

    def schema(self, number):
        """Returns the id, the kind, and the functions that encode and decode."""
        if number not in self.known:
            told = self.ask("GET", f"/schemas/ids/{number}?format=serialized")
            kind, texts = told.get("schemaType", "AVRO"), [told["schema"]]
            for each in told.get("references", []):
                texts.insert(0, self.ask("GET", f"/subjects/{each['subject']}/versions/{each['version']}?format=serialized")["schema"])
            self.known[number] = number, kind, self._codec(kind, texts)
        return self.known[number]

    @staticmethod
    def _codec(kind, texts):
        if kind == "PROTOBUF":
            import base64
            return Protobuf([base64.b64decode(each) for each in texts])
        return Avro(texts[-1], texts[:-1]) if kind == "AVRO" else None

    def encode(self, subject, value):
        number, kind, codec = self.latest(subject)
        if kind == "JSON":
            return header(number) + json.dumps(value).encode()
        return header(number) + (b"\0" if kind == "PROTOBUF" else b"") + codec.encode(value)

    def decode(self, record):
        assert record[:1] == b"\0", record
        number, = struct.unpack(">i", record[1:5])
        _, kind, codec = self.schema(number)
        return json.loads(record[5:]) if kind == "JSON" else codec.decode(Bytes(record[5:]))
