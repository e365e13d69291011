#!/usr/bin/python3
"""The cost of many idle connections, and how fast one client gets the rows of a push query.

    tests/bench/bench_clients.py [--connections N] [--rows N]          MILLRACE_BINARY
"""
import argparse, socket, struct, tempfile, time

from bench_common import Server, show


class Client:
    """The benchmark reads messages of the protocol directly, so the time that a driver needs to convert rows is not
    measured."""

    def __init__(self, port):
        self.socket = socket.create_connection(('127.0.0.1', port))
        body = b'user\0bench\0database\0bench\0\0'
        self.socket.sendall(struct.pack('>ii', len(body) + 8, 196608) + body)
        self.read_until(b'Z')

    def read_until(self, kind):
        data = b''
        while True:
            while len(data) >= 5 and len(data) > struct.unpack('>i', data[1:5])[0]:
                size = struct.unpack('>i', data[1:5])[0] + 1
                assert data[:1] != b'E', data[:size]
                if data[:1] == kind:
                    return
                data = data[size:]
            data += self.socket.recv(65536)

    def execute(self, sql):
        self.socket.sendall(b'Q' + struct.pack('>i', len(sql) + 5) + sql.encode() + b'\0')
        self.read_until(b'Z')

    def begin_binary(self, sql):
        """All columns in binary; the rows are for count_rows() to read."""
        def message(kind, body):
            return kind + struct.pack('>i', len(body) + 4) + body

        self.socket.sendall(message(b'P', b'\0' + sql.encode() + b'\0\0\0') + message(b'B', b'\0\0\0\0\0\0\0\1\0\1') +
                            message(b'E', b'\0\0\0\0\0') + message(b'S', b''))

    def count_rows(self, rows):
        """Seconds from the first to the last of `rows` rows, and their bytes."""
        left, begun, taken = b'', 0, 0
        while rows > 0:
            data = self.socket.recv(1 << 20)
            begun = begun or time.monotonic()
            taken += len(data)
            data = left + data
            at, end = 0, len(data)
            while end - at >= 5:
                size = int.from_bytes(data[at + 1:at + 5], 'big') + 1
                if end - at < size:
                    break
                kind = data[at]
                assert kind != ord('E'), data[at:at + size]
                rows -= kind == ord('D')
                at += size
            left = data[at:]
        return time.monotonic() - begun, taken


def idle(options):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        before = server.anonymous_mb()
        clients = [Client(server.ports['pg']) for _ in range(options.connections)]
        opened = server.anonymous_mb()
        for client in clients:
            client.execute('SELECT 1')
        asked = server.anonymous_mb()
        cpu = server.cpu_seconds()
        time.sleep(3)
        show(f'{options.connections} idle connections: anonymous memory', f'{opened:.0f}', 'MB', f'{before:.0f} before them; aim 100')
        show('  when each has asked something', f'{asked:.0f}', 'MB', 'aim 100')
        show('  CPU meanwhile', f'{(server.cpu_seconds() - cpu) / 3 * 100:.2f}', '% of a core', '')
        server.stop()


def push(options):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        with server.connect() as connection:
            connection.execute('CREATE STREAM bench_p (id INT, x DOUBLE, name VARCHAR)')
            lines = ''.join(f'{i}\t{i / 7}\tname{i % 1000}\n' for i in range(10_000))
            with connection.cursor().copy('COPY bench_p FROM STDIN') as copy:
                for _ in range(0, options.rows, 10_000):
                    copy.write(lines)
        rates, costs = [], []
        for _ in range(3):
            client = Client(server.ports['pg'])
            client.execute("SET auto.offset.reset = 'earliest'")
            cpu = server.cpu_seconds()
            client.begin_binary('SELECT id, x, name FROM bench_p EMIT CHANGES')
            seconds, _ = client.count_rows(options.rows)
            rates.append(options.rows / seconds)
            costs.append((server.cpu_seconds() - cpu) / options.rows * 1e6)
            client.socket.close()
        show('push query to one binary client', f'{max(rates) / 1e3:,.0f} k', 'rows/s', 'aim 500 k, the fastest of three')
        show('  server CPU', f'{min(costs):.2f}', 'us a row', '')
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--connections', type=int, default=2_000)
    parser.add_argument('--rows', type=int, default=2_000_000)
    options = parser.parse_args()
    idle(options)
    push(options)


if __name__ == '__main__':
    main()
