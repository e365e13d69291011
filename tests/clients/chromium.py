"""A tab of Chromium that shows pages of any origin; the scripts of these pages send requests to the real server."""
import base64

from browser import Browser, find_chromium

PROGRAM = find_chromium()
RUN_S = 120  # time limit of a script
PAGE = base64.b64encode(b"<!doctype html><title>page</title><body>").decode()
# The browser protects local addresses itself, but its user can switch this off. Therefore the server must be safe
# without this protection.
PROTECTIONS = ("LocalNetworkAccessChecks", "BlockInsecurePrivateNetworkRequests", "PrivateNetworkAccessSendPreflights")


class Chromium:
    """One tab. This program supplies the pages below /page for every origin, as if a web server had sent them before
    its name was changed to another address (DNS rebinding). Every other request is sent to the address that `names`
    has for its host."""

    def __init__(self, names):
        rules = ",".join(f"MAP {name} {address}" for name, address in names.items())
        self._browser = Browser(flags=[f"--host-resolver-rules={rules}"], disabled_features=PROTECTIONS)
        self._browser.answers["Fetch.requestPaused"] = self._make_page
        self._page = self._browser.page("about:blank")
        self._page.call("Fetch.enable", patterns=[{"urlPattern": "*/page*"}])

    def _make_page(self, event):
        self._browser.post("Fetch.fulfillRequest", event["sessionId"], requestId=event["params"]["requestId"], responseCode=200,
                           responseHeaders=[{"name": "content-type", "value": "text/html"}], body=PAGE)

    def close(self):
        self._browser.close()

    def open(self, origin):
        """Opens a page of that origin, like http://evil.example:8080."""
        self._page.go(f"{origin}/page")

    def go(self, url):
        """Follows a link to another page, and returns its text."""
        self._page.go(url)
        return self.run("return document.documentElement.textContent")

    def run(self, script):
        """Runs the body of an async function in the page, and returns its result."""
        return self._page.js(f"(async () => {{ {script} }})()", RUN_S)
