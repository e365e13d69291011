"""A headless Chromium that is driven over its debugging pipe: pages of any origin, whose scripts meet the real server."""
import base64
import json
import os
import shutil
import subprocess
import tempfile

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")


class Chromium:
    """One tab. Pages below /page are made here, whatever their origin is: as if a web server had sent them before
    its name was changed to another address (DNS rebinding). Every other request is sent to the address that `names`
    has for its host."""

    def __init__(self, names):
        self._profile = tempfile.mkdtemp(prefix="millrace-chromium-")
        rules = ",".join(f"MAP {name} {address}" for name, address in names.items())
        commands_in, self._commands = os.pipe()
        self._events, events_out = os.pipe()

        def pipes():  # the program reads commands from 3 and writes to 4
            os.dup2(commands_in, 100)
            os.dup2(events_out, 101)
            os.dup2(100, 3)
            os.dup2(101, 4)

        self._process = subprocess.Popen(
            [PROGRAM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
             "--remote-debugging-pipe", f"--user-data-dir={self._profile}", f"--host-resolver-rules={rules}",
             # The browser's own protection of local addresses could be switched off by its user, so the server must
             # be safe without it.
             "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessSendPreflights"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=pipes, pass_fds=(3, 4))
        os.close(commands_in)
        os.close(events_out)
        self._unread, self._number, self._session = b"", 0, None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._call("Page.enable")
        self._call("Fetch.enable", patterns=[{"urlPattern": "*/page*"}])

    def close(self):
        self._process.kill()
        self._process.wait()
        os.close(self._commands)
        os.close(self._events)
        shutil.rmtree(self._profile, ignore_errors=True)

    def open(self, origin):
        """Opens a page of that origin, like http://evil.example:8080."""
        self._call("Page.navigate", url=f"{origin}/page")
        self._until(lambda message: message.get("method") == "Page.loadEventFired")

    def go(self, url):
        """Follows a link to another page, and returns its text."""
        self._call("Page.navigate", url=url)
        self._until(lambda message: message.get("method") == "Page.loadEventFired")
        return self.run("return document.documentElement.textContent")

    def run(self, script):
        """Runs the body of an async function in the page, and returns its result."""
        answer = self._call("Runtime.evaluate", expression=f"(async () => {{ {script} }})()", awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def _call(self, method, **parameters):
        self._number += 1
        number = self._number
        self._send({"id": number, "method": method, "params": parameters})
        answer = self._until(lambda message: message.get("id") == number)
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def _send(self, message):
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")

    def _until(self, is_it):
        while True:
            while b"\0" not in self._unread:
                part = os.read(self._events, 65536)
                assert part, "the browser has ended"
                self._unread += part
            text, self._unread = self._unread.split(b"\0", 1)
            message = json.loads(text)
            if message.get("method") == "Fetch.requestPaused":
                self._number += 1
                self._send({"id": self._number, "method": "Fetch.fulfillRequest", "params": {
                    "requestId": message["params"]["requestId"], "responseCode": 200,
                    "responseHeaders": [{"name": "content-type", "value": "text/html"}],
                    "body": base64.b64encode(b"<!doctype html><title>page</title><body>").decode()}})
            elif is_it(message):
                return message
