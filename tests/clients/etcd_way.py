"""The connections between a node and etcd, which a test can cut."""
import select
import socket
import threading


class Way:
    """The connection of one node to etcd, which can be cut: open connections then end, and new ones are closed
    immediately."""

    def __init__(self, url):
        host, port = url.removeprefix("http://").split(":")
        self.target, self.is_cut, self.open = (host, int(port)), False, set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        self.is_cut = True
        for each in list(self.open):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def heal(self):
        self.is_cut = False

    def close(self):
        self.cut()
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for connections
        self.listener.close()

    def _accept(self):
        while True:
            try:
                came, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(came,), daemon=True).start()

    def _pass_on(self, came):
        ends = {came}
        try:
            if self.is_cut:
                return
            behind = socket.create_connection(self.target, 5)
            ends.add(behind)
            self.open |= ends
            while not self.is_cut:
                for end in select.select([came, behind], [], [], 1)[0]:
                    said = end.recv(1 << 16)
                    if not said:
                        return
                    (behind if end is came else came).sendall(said)
        except OSError:
            pass
        finally:
            self.open -= ends
            for end in ends:
                end.close()
