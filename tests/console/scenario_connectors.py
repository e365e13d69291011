"""Connectors and links: their states, tasks, errors and settings, and what changes them."""
import os
import tempfile

import scenario_states
from millrace_server import case, launch
from scenario import assert_clean, browser, sql, url
from scenario_oncall import open_page, wait_table

CREATE = """CREATE SOURCE CONNECTOR "Feed-1" WITH ("connector.class" = 'file', "file" = 'in.json', "topic" = 'feed', "format" = 'json');"""


def confirm(page, name=None):
    page.wait("document.querySelector('dialog[open] .sql-text')", "the statement")
    if name:
        page.type(name)
    page.click("dialog .dialog-foot .danger")
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")


@case
def a_connector_shows_its_tasks_errors_and_settings():
    folder = tempfile.mkdtemp()
    fresh = launch("--connect-files", folder)
    page = open_page(fresh, "#connectors", ".empty-row")
    file = os.path.join(folder, "in.json")
    with open(file, "w", encoding="utf-8") as lines:
        lines.write('{"a": 1}\n')
    sql(fresh, CREATE)
    wait_table(page, "rows => rows.some(row => /^Feed-1 SOURCE RUNNING 1\\/1 file /i.test(row))", "the connector")
    page.click(".live-table a", "Feed-1")
    page.wait("document.querySelector('h1')?.textContent === 'Feed-1'", "the page of the connector")
    wait_table(page, "rows => rows.length === 1 && rows[0].startsWith('0 RUNNING')", "the task")
    page.wait("document.querySelector('.query-facts a')?.textContent === 'feed'", "the topic")
    page.wait("document.querySelectorAll('.setting-table tr[data-own]').length >= 4", "the settings")
    page.wait_text("settings that are not set", ".request summary")
    found = []
    scenario_states.look(page, "a connector", found)
    page.click("[aria-label='Change format']")
    page.wait_text("ALTER CONNECTOR", "dialog .sql-text")
    scenario_states.look(page, "the dialog of a setting", found)
    assert not found, "\n".join(found)
    page.js("document.querySelector('dialog input').value = ''")
    page.click("dialog input")
    page.type("yaml")
    page.click("dialog .button.primary")
    page.wait("document.querySelector('dialog .error-text').textContent.includes('yaml')", "a value that the class refuses")
    page.js("document.querySelector('dialog input').value = ''")
    page.click("dialog input")
    page.type("line")
    page.click("dialog .button.primary")
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
    page.wait("[...document.querySelectorAll('.setting-table tr')].some(row => /^format.*\\tline\\t/s.test(row.innerText))", "the new value")
    page.click(".query-acts .button", "Pause")
    confirm(page)
    page.wait("document.querySelector('.query-facts [data-mark]')?.textContent === 'PAUSED'", "a paused connector")
    page.click(".query-acts .button", "Resume")
    confirm(page)
    page.wait("document.querySelector('.query-facts [data-mark]')?.textContent === 'RUNNING'", "a resumed connector")
    sql(fresh, """ALTER CONNECTOR "Feed-1" SET ("format" = 'json', "errors.tolerance" = 'none');""")
    with open(file, "a", encoding="utf-8") as lines:
        lines.write("no JSON\n")
    wait_table(page, "rows => rows.length === 1 && rows[0].startsWith('0 FAILED')", "the failed task")
    page.wait("document.querySelector('.record-text')?.textContent.includes('JSON')", "the error of the task")
    page.click("[aria-label='Restart task 0']")
    confirm(page)
    page.click(".query-acts .button", "Drop…")
    confirm(page, "Feed-1")
    page.wait("document.querySelector('h1')?.textContent === 'Connectors'", "the list")
    wait_table(page, "rows => rows.length === 1 && rows[0].includes('No connector exists')", "an empty list")
    assert_clean(page)
    fresh.stop()


@case
def connectors_without_the_right_have_states_alone():
    guarded = launch("--access-file", scenario_states.file_with("host all all 127.0.0.1/32 scram-sha-256\n"),
                     "--superuser-password-file", scenario_states.file_with("a long password\n"), "--connect-files", tempfile.mkdtemp())
    root = "Basic " + "bWlsbHJhY2U6YSBsb25nIHBhc3N3b3Jk"  # millrace:a long password
    sql(guarded, CREATE.replace("Feed-1", "Feed <b>") + "CREATE USER eve PASSWORD 'eves password';", user=root)
    page = browser().page(url(guarded) + "#connectors")
    page.wait("document.querySelector('dialog[open] .login input')", "the login")
    page.type("eve")
    page.press("Tab")
    page.type("eves password")
    page.press("Enter")
    wait_table(page, "rows => rows.some(row => row.startsWith('Feed <b>'))", "the connector")
    page.click(".live-table a", "Feed <b>")
    page.wait_text("Changes need the right CREATE CONNECTOR", ".query-acts")
    page.wait_text("need the right CREATE CONNECTOR", ".spaced")
    assert "in.json" not in page.text("body") and not page.js("document.querySelector('main b')")
    page.wait("document.querySelector('[aria-label=\"Restart task 0\"]')?.disabled", "a button without the right")
    page.js("location.hash = '#links'")
    page.wait("document.querySelector('.panel[data-state]:not([data-state=loading])')", "the links")
    page.close()
    guarded.stop()


@case
def a_link_shows_its_state_and_the_topics_of_its_cluster():
    foreign = launch()
    sql(foreign, "CREATE STREAM orders (id INT KEY, v INT) WITH (PARTITIONS = 3);")
    fresh = launch()
    page = open_page(fresh, "#links", ".empty-row")
    sql(fresh, f"CREATE LINK \"Prod\" WITH ('bootstrap.servers' = '{foreign.kafka}', 'reconnect.backoff.max.ms' = '200', 'metadata.max.age.ms' = '1000');")
    wait_table(page, "rows => rows.some(row => row.startsWith('Prod CONNECTED'))", "the link")
    page.click(".live-table a", "Prod")
    page.wait("document.querySelector('h1')?.textContent === 'Prod'", "the page of the link")
    wait_table(page, "rows => rows.some(row => row.startsWith('orders 3 '))", "the topic of the other cluster")
    page.wait_text("bootstrap.servers", ".live-page")
    found = []
    scenario_states.look(page, "a link", found)
    assert not found, "\n".join(found)
    foreign.stop()
    page.wait("document.querySelector('.query-facts [data-mark]')?.textContent === 'CONNECTING'", "a link without its cluster")
    page.wait("document.querySelector('.query-facts ~ .error-text').textContent.includes('127.0.0.1')", "its error")
    page.click(".query-acts .button", "Drop…")
    confirm(page, "Prod")
    page.wait("document.querySelector('h1')?.textContent === 'Links'", "the list")
    wait_table(page, "rows => rows.length === 1 && rows[0].includes('No link exists')", "an empty list")
    assert_clean(page)
    fresh.stop()
