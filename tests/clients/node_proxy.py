"""The network between nodes, which tests can cut: a proxy before each node's port reads the sender from the
greeting."""
import selectors
import socket
import struct
import threading


def _sender_of(frame):
    """Returns the sender in a greeting. `frame` begins with the api key, version, number and client id of the first
    request."""
    at = 8
    size = struct.unpack_from(">h", frame, at)[0]
    at += 2 + max(size, 0) + 1  # no tagged fields
    at += frame[at]  # the size of the cluster's name plus one, and the name
    return struct.unpack_from(">i", frame, at)[0]


class Network:
    """Threads: one for each proxy, and the caller of cut()."""

    def __init__(self):
        self.cuts = set()  # pairs (sender, receiver) whose messages are blocked
        self.proxies = []

    def before(self, number, target):
        """The address at which other nodes reach the node that listens at `target`."""
        proxy = _Proxy(self, number, target)
        self.proxies.append(proxy)
        return proxy.address

    def cut(self, one, other, both_ways=True):
        self.cuts.add((one, other))
        if both_ways:
            self.cuts.add((other, one))

    def heal(self):
        self.cuts.clear()

    def close(self):
        for proxy in self.proxies:
            proxy.close()


class _Way:
    """An incoming connection and its outgoing one. Bytes for a blocked direction wait."""

    def __init__(self, socket_in):
        self.ends = {socket_in: None}
        self.begun = b""
        self.sender = None


class _Proxy(threading.Thread):
    def __init__(self, network, number, target):
        super().__init__(daemon=True)
        self.network, self.number = network, number
        host, port = target.rsplit(":", 1)
        self.target = (host, int(port))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.closing = False
        self.waiting = []  # connections with unsent bytes, in blocked directions
        self.start()

    def close(self):
        self.closing = True
        self.join(5)

    def run(self):
        while not self.closing:
            for key, _ in self.selector.select(0.05):
                if key.fileobj is self.listener:
                    self._accept()
                else:
                    self._read(key.fileobj, key.data)
            for end, way in self.waiting[:]:
                if not self._is_cut(way, end):
                    self.waiting.remove((end, way))
                    self.selector.register(end, selectors.EVENT_READ, way)
        self.listener.close()

    def _accept(self):
        try:
            came, _ = self.listener.accept()
        except OSError:
            return
        self.selector.register(came, selectors.EVENT_READ, _Way(came))

    def _is_cut(self, way, end):
        pair = (way.sender, self.number)
        if end is not list(way.ends)[0]:
            pair = pair[::-1]  # the answer
        return pair in self.network.cuts

    def _read(self, end, way):
        if way.sender is not None and self._is_cut(way, end):
            self.selector.unregister(end)
            self.waiting.append((end, way))
            return
        try:
            said = end.recv(1 << 16)
        except OSError:
            said = b""
        if not said:
            return self._end(way)
        if way.sender is None:
            return self._greet(end, way, said)
        self._pass_on(way, way.ends[end], said)

    def _greet(self, end, way, said):
        way.begun += said
        if len(way.begun) < 4 or len(way.begun) < 4 + struct.unpack(">i", way.begun[:4])[0]:
            return
        way.sender = _sender_of(way.begun[4:])
        try:
            behind = socket.create_connection(self.target, 2)
        except OSError:
            return self._end(way)
        way.ends = {end: behind, behind: end}
        self.selector.register(behind, selectors.EVENT_READ, way)
        if (way.sender, self.number) in self.network.cuts:
            threading.Thread(target=self._greet_later, args=(way, behind), daemon=True).start()
        else:
            self._pass_on(way, behind, way.begun)

    def _greet_later(self, way, behind):
        while (way.sender, self.number) in self.network.cuts and not self.closing:
            threading.Event().wait(0.05)
        self._pass_on(way, behind, way.begun)

    def _pass_on(self, way, to, said):
        try:
            to.sendall(said)
        except OSError:
            self._end(way)

    def _end(self, way):
        for end in way.ends:
            try:
                self.selector.unregister(end)
            except (KeyError, ValueError):  # the connection is closed already if its node was killed
                pass
            end.close()
        self.waiting = [each for each in self.waiting if each[1] is not way]
