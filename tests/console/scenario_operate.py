"""An operator changes a running server: push queries are stopped, and rules of subjects, properties of all sessions and links are set."""
import json
import urllib.request

from millrace_server import case, launch
from patience import patience
from scenario import assert_clean, browser, open_console, run, sql, url, wait_state
from scenario_hostile import ROOT, guarded, log_in
from scenario_oncall import open_page, wait_table
from scenario_revisions import write

SCHEMA = {"schema": '{"type":"record","name":"r","fields":[{"name":"a","type":"int"}]}'}


def answer_of(to, path):
    with urllib.request.urlopen(f"http://{to.http}{path}", timeout=patience(20)) as answer:
        return json.load(answer)


def register(to, subject):
    request = urllib.request.Request(f"http://{to.http}/subjects/{subject}/versions", json.dumps(SCHEMA).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=patience(20)).close()


def property_of(to, name):
    return next(line for line in sql(to, "SHOW PROPERTIES") if isinstance(line, list) and line[0] == name)


@case
def a_push_query_of_a_client_is_found_and_stopped():
    fresh = launch()
    sql(fresh, "CREATE STREAM orders (id INT KEY, city VARCHAR);")
    client = open_console(fresh)
    run(client, "SELECT '<b>' AS marked, city FROM orders EMIT CHANGES;")
    wait_state(client, "live")
    page = open_page(fresh, "#queries", '[aria-label="Push queries"] tbody tr')
    wait_table(page, "rows => rows.some(row => row.includes(\"SELECT '<b>' AS marked\"))", "the statement of the client")
    assert page.js("[...document.querySelectorAll('[aria-label=\"Push queries\"] code')].every(each => !each.textContent.includes('millrace_catalog'))"), \
        "statements of pages are not listed at first"
    page.click(".inline-field", "of pages of the console")
    wait_table(page, "rows => rows.some(row => row.includes('millrace_catalog.findings'))", "the statements of pages")
    page.click(".inline-field", "of pages of the console")
    page.click("[aria-label^='Stop…']")
    page.wait_text("SELECT pg_cancel_backend(pid)", "dialog .sql-text")
    page.press("Escape")
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
    assert client.js("document.querySelector('.status').dataset.state") == "live", "a dialog that is closed stops nothing"
    page.click("[aria-label^='Stop…']")
    page.click("dialog .button.danger", "Stop")
    wait_state(client, "error")
    client.wait_text("57014", ".status")
    page.wait_text("No client follows changes on this node", "[aria-label='Push queries']")
    assert_clean(page)
    client.close()
    fresh.stop()
