"""Drives Chromium with the standard library alone: --remote-debugging-pipe, file descriptors 3 and 4, JSON that NUL ends.

  with Browser() as browser:
      page = browser.page("http://127.0.0.1:8088/console/")
      page.wait("document.querySelector('.run')")
      page.click(".run")

Every wait has a limit (tests/clients/patience.py), which grows with the load of the machine.
"""
import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile

from patience import Deadline, wait_until

WAIT_S = 20
POLL_S = 0.02

# Keys with a code and a virtual key code of their own.
KEYS = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38, "ArrowLeft": 37, "ArrowRight": 39, "Home": 36,
        "End": 35, "Backspace": 8, "Delete": 46, "PageDown": 34, "PageUp": 33, "F2": 113}
MODIFIERS = {"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}


def find_chromium():
    """The path of the browser, or None."""
    return os.environ.get("MILLRACE_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


# The page may move between the moment when a script reads the place of an element and the click there. This script
# stops each mouse event that another element would get. window.endOfClick() returns that element, or "" after a hit.
_GUARD_OF_CLICKS = """(() => {
    const node = window.wantedNode;
    const events = ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click', 'dblclick'];
    let miss = '', isPressed = false, hasStayed = false;
    const guard = event => {
        const isOurs = event.composedPath().includes(node);
        // An element that was removed when the button went down has had its effect. An element that was removed later was
        // replaced by the page.
        const mustBeOurs = !isPressed || (event.type === 'mouseup' && (node.isConnected || hasStayed));
        if (!isOurs && mustBeOurs) miss ||= event.type + ' at ' + (event.target.outerHTML ?? '').slice(0, 200);
        if (miss) {
            event.preventDefault();
            event.stopImmediatePropagation();
        } else if (event.type === 'mousedown') {
            isPressed = true;
            setTimeout(() => { hasStayed = node.isConnected; });
        }
    };
    events.forEach(type => window.addEventListener(type, guard, true));
    window.endOfClick = () => {
        events.forEach(type => window.removeEventListener(type, guard, true));
        delete window.endOfClick;
        delete window.wantedNode;
        return miss;
    };
})()"""


class BrowserError(Exception):
    """The browser or a script in the page reports an error."""


class Browser:
    """`flags` and `disabled_features` are added to those of the command. `answers` has functions by the method of an
    event; such a function gets the event while a call waits."""

    def __init__(self, width=1280, height=800, flags=(), disabled_features=()):
        self.size = (width, height)
        self._profile = tempfile.mkdtemp(prefix="millrace-browser-")
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()

        def descriptors():  # the browser expects its pipes at 3 and 4
            os.dup2(to_browser, 63)
            os.dup2(from_browser, 64)
            os.dup2(63, 3)
            os.dup2(64, 4)

        command = [find_chromium(), "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={self._profile}",
                   f"--window-size={width},{height}", "--no-first-run", "--disable-background-networking",
                   "--disable-component-update", "--disable-dev-shm-usage", "--hide-scrollbars", "--lang=en-US",
                   "--disable-features=" + ",".join(("Translate", "OptimizationHints", *disabled_features)), *flags]
        if os.geteuid() == 0:
            command.append("--no-sandbox")
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL, preexec_fn=descriptors, close_fds=False,
                                         env={**os.environ, "TZ": "UTC"}, start_new_session=True)
        os.close(to_browser)
        os.close(from_browser)
        self._buffer = b""
        self._next = 0
        self.events = []
        self.answers = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def has_ended(self):
        return self._process is None or self._process.poll() is not None

    def close(self):
        if self._process is None:
            return
        process, self._process = self._process, None
        try:
            self._send({"id": 0, "method": "Browser.close"})
            process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            pass
        try:
            os.killpg(process.pid, signal.SIGKILL)  # children may survive the crash of the browser
        except ProcessLookupError:
            pass
        process.wait()
        os.close(self._write)
        os.close(self._read)
        shutil.rmtree(self._profile, ignore_errors=True)

    def _send(self, message):
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data):]

    def _receive(self, deadline):
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], 0.5)
            if not ready:
                if self._process.poll() is not None:  # a child process may still have the pipe open
                    raise BrowserError("the browser has ended")
                deadline.check("the browser does not answer")
                continue
            data = os.read(self._read, 1 << 20)
            if not data:
                raise BrowserError("the browser has ended")
            self._buffer += data
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def post(self, method, session=None, **parameters):
        """Sends a command without waiting for its result, and returns the number of the command."""
        self._next += 1
        message = {"id": self._next, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        self._send(message)
        return self._next

    def call(self, method, session=None, limit_s=WAIT_S, **parameters):
        """Returns the result of a command. Events that arrive meanwhile are answered, or stored in `events`."""
        number = self.post(method, session, **parameters)
        deadline = Deadline(limit_s)
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error'].get('message')}")
                return answer["result"]
            if answer.get("method") in self.answers:
                self.answers[answer["method"]](answer)
            elif "method" in answer:
                self.events.append(answer)

    def page(self, url, width=None, height=None, before=""):
        """Opens a page in a new context, which shares no storage with other pages. `before` is a script that runs
        before the scripts of the page."""
        return self.tab(self.call("Target.createBrowserContext")["browserContextId"], url, width, height, before)

    def tab(self, context, url, width=None, height=None, before=""):
        """Opens a page in a context, whose pages share cookies, storage and workers."""
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session, target, context)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.call("Browser.grantPermissions", browserContextId=context,
                  permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        page.resize(width or self.size[0], height or self.size[1])
        if before:
            page.call("Page.addScriptToEvaluateOnNewDocument", source=before)
        page.go(url)
        return page


class Page:
    def __init__(self, browser, session, target, context):
        self.browser, self._session, self._target, self._context = browser, session, target, context

    def call(self, method, **parameters):
        return self.browser.call(method, self._session, **parameters)

    def close(self):
        self.browser.call("Target.disposeBrowserContext", browserContextId=self._context)

    def sibling(self, url):
        """Opens another tab of the same user."""
        return self.browser.tab(self._context, url)

    def go(self, url):
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def reload(self):
        """Loads the page again. When this function returns, the old document no longer answers."""
        self.js("window.isBeforeReload = true")
        self.call("Page.reload")
        self.wait("!window.isBeforeReload && document.readyState === 'complete'", "the page after a reload")

    def resize(self, width, height, is_phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=is_phone)

    def prefer(self, theme=None, reduced_motion=False):
        features = [{"name": "prefers-reduced-motion", "value": "reduce" if reduced_motion else "no-preference"}]
        if theme:
            features.append({"name": "prefers-color-scheme", "value": theme})
        self.call("Emulation.setEmulatedMedia", features=features)

    def js(self, expression, limit_s=WAIT_S):
        """Returns the value of an expression; if it is a promise, waits for it."""
        answer = self.call("Runtime.evaluate", limit_s=limit_s, expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description") or details.get("text"))
        return answer["result"].get("value")

    def wait(self, expression, what=None, limit_s=WAIT_S):
        """Waits until the expression is true and returns its value. An expression that reads an element which is not drawn
        yet (a TypeError) is not true yet."""
        last = [""]

        def holds():
            try:
                found = self.js(f"(value => value instanceof Node ? true : value)({expression})")
                last[0] = ""
                return found
            except BrowserError as error:
                # Without a context, the old document is gone, and the new one is not loaded yet.
                if "context" not in str(error) and not str(error).startswith("TypeError: Cannot read properties of"):
                    raise
                last[0] = f" ({str(error).splitlines()[0]})"
                return None

        return wait_until(holds, lambda: f"waited for {what or expression}{last[0]}; the page shows: {self.text()[:1500]}", limit_s, POLL_S)

    def follow(self, fragment):
        """Opens the address with this fragment, as a click on a link does. When this function returns, the listeners of the
        page have reacted: the page before is removed, so the next wait does not find its elements."""
        self.js(f"""new Promise(done => {{
            const before = location.hash;
            addEventListener('hashchange', () => setTimeout(() => done(true)), {{once: true}});
            location.hash = {json.dumps(fragment)};
            if (location.hash === before) done(true);
        }})""")

    def wait_text(self, text, selector="body", limit_s=WAIT_S):
        self.wait(f"[...document.querySelectorAll({json.dumps(selector)})].some(node => "
                  f"node.innerText.includes({json.dumps(text)}))", f"the text {text!r} in {selector}", limit_s)

    def text(self, selector="body"):
        return self.js(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def texts(self, selector):
        return self.js(f"[...document.querySelectorAll({json.dumps(selector)})].map(node => node.innerText.trim())")

    def box(self, selector, text=None):
        """The middle of the first visible element with the selector, and with the text if one is given. The element is
        kept for `click`."""
        condition = "true" if text is None else f"node.innerText.includes({json.dumps(text)})"
        return self.wait(f"""(() => {{
            const nodes = [...document.querySelectorAll({json.dumps(selector)})];
            const node = nodes.find(node => node.getClientRects().length && {condition});
            if (!node || node.disabled) return null;
            node.scrollIntoView({{block: 'nearest', inline: 'nearest'}});
            window.wantedNode = node;
            const box = node.getBoundingClientRect();
            return [box.left + box.width / 2, box.top + box.height / 2];
        }})()""", f"an element {selector} {text or ''}")

    def click(self, selector, text=None, count=1):
        """Clicks an element. If the page has moved or replaced the element before the mouse reached it, no other
        element gets the click, and the click is repeated."""
        is_hit = []

        def hits():
            x, y = self.box(selector, text)
            self.js(_GUARD_OF_CLICKS)
            self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
            for clicks in range(1, count + 1):
                for kind in ("mousePressed", "mouseReleased"):
                    self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=clicks)
            try:
                is_hit[:] = [self.js("window.endOfClick ? window.endOfClick() : ''")]
            except BrowserError as error:
                if "context" not in str(error):
                    raise
                is_hit[:] = [""]  # the click has opened another document
            return not is_hit[0]

        wait_until(hits, lambda: f"{selector} {text or ''} cannot be clicked: {is_hit}", WAIT_S, POLL_S)

    def type(self, text):
        """Types a text as a user does, one key at a time."""
        for character in text:
            if character == "\n":
                self.press("Enter")
            else:
                self.call("Input.dispatchKeyEvent", type="keyDown", text=character, key=character,
                          unmodifiedText=character)
                self.call("Input.dispatchKeyEvent", type="keyUp", key=character)

    def insert(self, text):
        """Inserts a text at once, as from the clipboard."""
        self.call("Input.insertText", text=text)

    def press(self, keys):
        """Presses a key with modifiers: `Control+Shift+Enter`."""
        for event in self._events_of(keys):
            self.call("Input.dispatchKeyEvent", **event)

    def press_in_turn(self, keys):
        """Presses several keys. It does not wait for the page between them, because a sequence such as `g t` has a time
        limit."""
        *events, last = [event for each in keys for event in self._events_of(each)]
        for event in events:
            self.browser.post("Input.dispatchKeyEvent", self._session, **event)
        self.call("Input.dispatchKeyEvent", **last)

    @staticmethod
    def _events_of(keys):
        *held, key = keys.split("+")
        modifiers = sum(MODIFIERS[each] for each in held)
        code = KEYS.get(key) or ord(key.upper()[0])
        event = {"modifiers": modifiers, "key": key, "code": key if key in KEYS else f"Key{key.upper()}",
                 "windowsVirtualKeyCode": code}
        if key == "Space":
            event.update(key=" ", code="Space", windowsVirtualKeyCode=32)
        if key == "Enter" and not held:
            event["text"] = "\r"
        elif len(key) == 1 and not set(held) - {"Shift"}:
            event["text"] = key
        commands = {"a": ["selectAll"], "c": ["copy"]}.get(key) if held == ["Control"] else None
        return ({"type": "keyDown", **event, **({"commands": commands} if commands else {})}, {"type": "keyUp", **event})

    def picture(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def problems(self):
        """Errors of scripts, the console and the content security policy since the page was opened."""
        found = []
        for event in self.browser.events:
            if event.get("sessionId") != self._session:
                continue
            parameters = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                details = parameters["exceptionDetails"]
                found.append(details.get("exception", {}).get("description") or details["text"])
            elif event["method"] == "Log.entryAdded" and parameters["entry"]["level"] == "error":
                found.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}".strip())
        return found
