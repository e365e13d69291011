"""A proxy before an etcd, which delays answers, loses them, or ends the process that sends a request."""
import http.server
import threading
import time
import urllib.error
import urllib.request


class EtcdProxy:
    """`before(path, number)` and `after(path, number)` are called before and after each request; if one of them returns
    False, the client gets no answer. Threads: one for each connection; requests are passed on one at a time."""

    def __init__(self, target, before=None, after=None, delay_s=0):
        proxy = self
        self.asked = []  # paths
        lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with lock:
                    proxy.asked.append(self.path)
                    number = len(proxy.asked)
                    time.sleep(delay_s)
                    if before and before(self.path, number) is False:
                        return
                    try:
                        with urllib.request.urlopen(urllib.request.Request(target + self.path, body), timeout=30) as answer:
                            status, said = answer.status, answer.read()
                    except urllib.error.HTTPError as refused:
                        status, said = refused.code, refused.read()
                    except OSError:  # it is away
                        return
                    if after and after(self.path, number) is False:
                        return
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(said)))
                    self.end_headers()
                    self.wfile.write(said)
                except OSError:  # the client has stopped waiting
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
