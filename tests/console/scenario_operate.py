"""An operator changes a running server: push queries are stopped, and rules of subjects, properties of all sessions and links are set."""
import json
import urllib.request

from millrace_server import case, launch
from patience import patience
from scenario import assert_clean, browser, open_console, run, sql, url, wait_state
from scenario_hostile import ROOT, guarded, log_in
from scenario_oncall import open_page, wait_table
from scenario_revisions import write

PUSH = "Push queries"  # the label of the table
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
    wait_table(page, "rows => rows.some(row => row.includes(\"SELECT '<b>' AS marked\"))", "the statement of the client", PUSH)
    assert page.js("[...document.querySelectorAll('[aria-label=\"Push queries\"] code')].every(each => !each.textContent.includes('millrace_catalog'))"), \
        "statements of pages are not listed at first"
    page.click(".inline-field", "of pages of the console")
    wait_table(page, "rows => rows.some(row => row.includes('millrace_catalog.findings'))", "the statements of pages", PUSH)
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


@case
def the_rules_of_a_subject_are_changed_and_given_back():
    fresh = launch()
    register(fresh, "it's")
    page = open_page(fresh, "#schemas?s=it%27s", ".record-text")
    page.wait_text("BACKWARD", ".query-facts")
    page.click(".list-bar .button", "Change rules…")
    page.wait_text("Nothing is changed.", "dialog pre")
    assert page.js("document.querySelector('dialog .button.primary').disabled"), "the rules are as they were"
    page.js("""for (const [at, value] of ['FULL', 'READONLY'].entries()) {
        const select = document.querySelectorAll('dialog select')[at];
        select.value = value;
        select.dispatchEvent(new Event('change'));
    }""")
    page.wait_text('PUT /config/it\'s {"compatibility":"FULL"}', "dialog pre")
    page.wait_text("The registry rejects new versions", "dialog")
    page.click("dialog .button.primary", "Change")
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
    page.wait("document.querySelector('.query-facts')?.innerText.includes('READONLY')", "the new mode")
    assert answer_of(fresh, "/config/it's") == {"compatibilityLevel": "FULL"} and answer_of(fresh, "/mode/it's") == {"mode": "READONLY"}
    page.click(".list-bar .button", "Change rules…")
    page.wait("document.querySelectorAll('dialog select')[1]?.value === 'READONLY'", "the rules of the subject")
    page.js("""for (const select of document.querySelectorAll('dialog select')) {
        select.value = '';
        select.dispatchEvent(new Event('change'));
    }""")
    page.wait_text("DELETE /mode/it's", "dialog pre")
    page.click("dialog .button.primary", "Change")
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
    page.wait("document.querySelector('.query-facts')?.innerText.includes('READWRITE')", "the mode of all subjects")
    # The subject has no mode and no level of its own, which the registry reports with status 404.
    found = page.problems()
    assert all("404" in each for each in found), found
    page.close()
    fresh.stop()


@case
def a_property_is_changed_for_all_sessions_after_a_preview():
    fresh = launch()
    page = open_page(fresh, "#settings", '[aria-label="Change… read.wait.ms"]')
    page.click("[aria-label='Change… read.wait.ms']")
    write(page, "dialog .input", "a while")
    page.wait_text("ALTER SYSTEM 'read.wait.ms' = 'a while';", "dialog .sql-text")
    page.click("dialog .button.primary", "Change")
    page.wait("document.querySelector('dialog .error-text')?.innerText.length > 5", "the reason of the rejection")
    write(page, "dialog .input", "4711")
    page.press("Enter")
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
    page.wait("[...document.querySelectorAll('.plain-table tr')].some(row => /read.wait.ms\\s+4711\\s+system/.test(row.innerText))", "the new value")
    assert property_of(fresh, "read.wait.ms")[1:] == ["4711", "system"]
    assert_clean(page)
    fresh.stop()


@case
def a_link_is_created_by_its_form():
    fresh = launch()
    page = open_page(fresh, "#links", ".empty-row")
    page.click(".list-bar .button", "New link…")
    page.wait("document.activeElement?.matches('.connector-head input')", "the field of the name")
    page.type("prod")
    page.click("[data-setting='bootstrap.servers'] input")
    page.type("127.0.0.1:1")
    page.wait_text("'bootstrap.servers' = '127.0.0.1:1'", ".sql-text")
    page.click("[data-setting='sasl.password'] input")
    page.type("my secret")
    page.wait_text("'sasl.password' = '…'", ".sql-text")
    page.click(".button.primary", "Create")
    page.wait("document.querySelector('.error-text.lines')?.innerText.length > 5", "the reason of the rejection")
    assert "my secret" not in page.text("body"), "a password is not shown"
    page.js("""for (const [name, value] of [['sasl.password', ''], ['bootstrap.servers', '%s']]) {
        const input = document.querySelector(`[data-setting='${name}'] input`);
        input.value = value;
        input.dispatchEvent(new Event('input'));
    }""" % fresh.kafka)
    page.click(".button.primary", "Create")
    page.wait_text("CONNECTED", ".query-facts")
    assert page.js("location.hash") == "#links?l=prod"
    assert_clean(page)
    fresh.stop()


@case
def a_user_without_rights_and_a_read_only_console_are_offered_no_change():
    to = guarded()
    sql(to, "CREATE USER eve PASSWORD 'eves password'; CREATE STREAM s (id INT KEY);", user=ROOT)
    page = browser().page(url(to) + "#settings")
    log_in(page, "eve", "eves password")
    page.wait("document.querySelector('.plain-table')", "the properties")
    page.wait_text("Only superusers change the properties of all sessions.")
    assert page.js("[...document.querySelectorAll('[aria-label^=\"Change…\"]')].every(each => each.disabled)")
    page.follow("#queries")
    page.wait_text("Only superusers see the statements of other users.")
    page.close()
    to.stop()
    fixed = launch("--console", "read-only")
    page = open_page(fixed, "#links", ".empty-row")
    page.wait("document.querySelector('.list-bar .button')?.disabled", "the button")
    page.follow("#links?new=")
    page.wait_text("This session is read-only.", "[role=status]")
    page.follow("#settings")
    page.wait("document.querySelector(\"[aria-label='Change… compat']\")?.disabled", "the disabled button")
    page.close()
    fixed.stop()
