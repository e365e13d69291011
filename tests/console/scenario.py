"""Shared by the scenarios: a server with its console, and the acts of a user on the SQL page."""
import json
import os
import sys
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "clients")]
from browser import Browser, find_chromium  # noqa: E402
from millrace_server import Skipped, launch  # noqa: E402
from patience import patience  # noqa: E402

_shared = {}


def browser():
    """The browser of all scenarios; each page has a storage of its own."""
    if not find_chromium():
        raise Skipped("chromium is not installed")
    if "browser" in _shared and _shared["browser"].has_ended():
        _shared.pop("browser").close()
    if "browser" not in _shared:
        _shared["browser"] = Browser()
    return _shared["browser"]


def server():
    """A server without an access file that the scenarios share."""
    if "server" not in _shared:
        _shared["server"] = launch()
    return _shared["server"]


def close_all():
    if "browser" in _shared:
        _shared.pop("browser").close()


def sql(to, text, user=None):
    """Runs statements with POST /sql and returns the lines; an error is raised."""
    request = urllib.request.Request(f"http://{to.http}/sql", json.dumps({"sql": text}).encode(),
                                     {"Content-Type": "application/json"})
    if user:
        request.add_header("Authorization", user)
    with urllib.request.urlopen(request, timeout=patience(60)) as answer:
        lines = [json.loads(line) for line in answer]
    for line in lines:
        if isinstance(line, dict) and "error" in line:
            raise AssertionError(f"{text}: {line['error']}")
    return lines


def url(to):
    return f"http://{to.http}/console/"


def open_console(to, fragment="", width=1280, height=800, before=""):
    page = browser().page(url(to) + fragment, width, height, before)
    page.wait("document.querySelector('.CodeMirror, .plain-editor')", "the editor")
    page.wait("!document.querySelector('.skeleton')", "the catalog")
    return page


def write(page, text):
    """Replaces the text of the draft, like a user that selects all and pastes."""
    page.click(".CodeMirror-line")  # the middle of the editor may hold the note of an error
    page.press("Control+a")
    page.insert(text)
    page.press("Escape")  # closes the completions


def run(page, text):
    write(page, text)
    page.press("Control+Enter")


def wait_state(page, state):
    page.wait(f"document.querySelector('.status')?.dataset.state === '{state}'", f"the state {state}")


def rows(page):
    """The visible rows of the result, as lists of texts."""
    return page.js("""[...document.querySelectorAll('.grid-body .grid-row')].filter(row => !row.hidden)
        .sort((a, b) => a.getAttribute('aria-rowindex') - b.getAttribute('aria-rowindex'))
        .map(row => [...row.children].map(cell => cell.textContent))""")


def wait_rows(page, holds, what):
    """Waits until the visible rows have a property, which a function of JavaScript computes."""
    page.wait(f"""({holds})([...document.querySelectorAll('.grid-body .grid-row')].filter(row => !row.hidden)
        .sort((a, b) => a.getAttribute('aria-rowindex') - b.getAttribute('aria-rowindex'))
        .map(row => [...row.children].map(cell => cell.textContent)))""", what)


def assert_clean(page, expected=()):
    """No script failed, and the content security policy was not violated. `expected` are the messages of requests that the scenario lets fail."""
    found = [each for each in page.problems() if "favicon" not in each]
    assert found == list(expected), found
    page.close()
