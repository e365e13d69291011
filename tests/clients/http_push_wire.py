"""Push queries over HTTP whose clients do not read. It implements only the parts of HTTP/1.1 and HTTP/2 that are needed
to send the requests."""
import json
import socket
import struct


def _body(sql):
    return json.dumps({"sql": sql, "properties": {"auto.offset.reset": "earliest"}}).encode()


def _connect(place):
    host, port = place.rsplit(":", 1)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(30)
    client.connect((host, int(port)))
    return client


def push_over_http1(place, sql):
    client = _connect(place)
    body = _body(sql)
    client.sendall(b"POST /query-stream HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    return client


def _frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _header(name, value):
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def push_over_http2(place, sql, streams=1):
    """The windows are so large that the server may send everything."""
    data, headers, settings, window = 0, 1, 4, 8
    end_stream, end_headers = 1, 4
    most = 2**31 - 1
    client = _connect(place)
    client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(settings, 0, 0, struct.pack(">HI", 4, most)) +
                   _frame(window, 0, 0, struct.pack(">I", most - 65535)))
    head = b"".join(_header(name, value) for name, value in (
        (b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/query-stream"), (b":authority", b"x")))
    for number in range(streams):
        stream = 2 * number + 1
        client.sendall(_frame(headers, end_headers, stream, head) + _frame(data, end_stream, stream, _body(sql)))
    return client
