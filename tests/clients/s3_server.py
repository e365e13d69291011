"""A small S3 service for tests. It checks the signature of each request (AWS Signature Version 4) with code of its own."""
import datetime
import hashlib
import hmac
import http.server
import re
import threading
import urllib.parse



def _sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class S3Server:
    """`objects` maps (bucket, name) to bytes; `writes` lists the names of all stored objects in their order. `answers` are the answers of
    the next requests, as (status, code), or functions of the method and name that return such a pair or None. `clock_ahead` is added to the
    clock of the service, in minutes."""

    def __init__(self, key="AKIDEXAMPLE", secret="s3cr3t/with+signs=", region="eu-central-1", port=0, objects=None):
        self.key, self.secret, self.region = key, secret, region
        self.buckets, self.objects, self.writes, self.answers, self.requests = {"lake"}, objects or {}, [], [], []
        self.clock_ahead, self.headers, self.is_closed = 0, [], False
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self):
                try:
                    super().handle()
                except ConnectionError:
                    pass  # the client was killed

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if service.is_closed:  # the connection was open before
                    raise ConnectionError
                status, data = service.answer(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)
            do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.is_closed = True
        self.server.shutdown()
        self.server.server_close()

    @staticmethod
    def _error(status, code, more=""):
        return status, f"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>the message of {code}</Message>{more}</Error>".encode()

    def signature_problem(self, method, path, headers, body):
        """Returns an answer if the signature is wrong; otherwise None."""
        given = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})",
                             headers.get("authorization", ""))
        if not given:
            return self._error(403, "AccessDenied")
        key, day, region, names, signature = given.groups()
        if key != self.key:
            return self._error(403, "InvalidAccessKeyId")
        if region != self.region:
            return self._error(400, "AuthorizationHeaderMalformed", f"<Region>{self.region}</Region>")
        now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=self.clock_ahead)
        sent = datetime.datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        if abs(now - sent) > datetime.timedelta(minutes=15):
            return self._error(403, "RequestTimeTooSkewed", f"<ServerTime>{now:%Y-%m-%dT%H:%M:%SZ}</ServerTime>")
        signed = names.split(";")
        missing = [name for name in headers if name.startswith("x-amz-") and name not in signed]
        if missing or "host" not in signed or signed != sorted(signed) or headers["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
            return self._error(400, "XAmzContentSHA256Mismatch")
        plain, _, query = path.partition("?")
        pairs = sorted(urllib.parse.quote(urllib.parse.unquote(part), safe="-_.~=") for part in query.split("&")) if query else []
        canonical_path = urllib.parse.quote(urllib.parse.unquote(plain), safe="/-_.~")
        lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in signed)
        canonical = "\n".join([method, canonical_path, "&".join(pairs), lines, names, headers["x-amz-content-sha256"]])
        scope = f"{day}/{region}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
        signing = _sign(_sign(_sign(_sign(b"AWS4" + self.secret.encode(), day), region), "s3"), "aws4_request")
        if not hmac.compare_digest(_sign(signing, text).hex(), signature):
            return self._error(403, "SignatureDoesNotMatch")
        return None

    def answer(self, method, path, headers, body):
        problem = self.signature_problem(method, path, headers, body)
        if problem:
            return problem
        plain, _, query = path.partition("?")
        bucket, _, name = urllib.parse.unquote(plain).lstrip("/").partition("/")
        self.requests.append((method, name))
        self.headers.append(headers)
        if self.answers:
            planned = self.answers[0] if not callable(self.answers[0]) else self.answers[0](method, name)
            if planned:
                self.answers.pop(0)
                return self._error(*planned)
        if bucket not in self.buckets:
            return self._error(404, "NoSuchBucket")
        if not name:
            return (200, b"<ListBucketResult></ListBucketResult>") if "list-type=2" in query else self._error(501, "NotImplemented")
        if method == "PUT":
            self.objects[(bucket, name)] = body
            self.writes.append(name)
            return 200, b""
        if method in ("GET", "HEAD") and (bucket, name) in self.objects:
            return 200, self.objects[(bucket, name)]
        return self._error(404, "NoSuchKey")

    def lines(self, prefix=""):
        """Returns the lines of all objects, in the order of their names."""
        found = []
        for (_, name), data in sorted(self.objects.items()):
            if name.startswith(prefix):
                found += data.decode().splitlines()
        return found
