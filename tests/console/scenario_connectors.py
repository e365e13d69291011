"""Connectors and links: their states, tasks, errors and settings, and what changes them."""
import json
import os
import signal
import tempfile

import scenario_states
from cluster_nodes import free_port
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
def a_connector_is_created_after_each_wrong_setting_was_named_at_its_field():
    folder = tempfile.mkdtemp()
    with open(os.path.join(folder, "in.json"), "w", encoding="utf-8") as lines:
        lines.write('{"a": 1}\n')
    fresh = launch("--connect-files", folder)
    page = open_page(fresh, "#connectors", ".list-bar .button")
    page.click(".list-bar .button", "New connector…")
    page.wait("document.querySelector('.connector-field')", "the settings of a class")
    page.wait("document.querySelector('select.input')?.value.startsWith('source ')", "the classes, sources first")
    page.js("{ const list = document.querySelector('select.input'); list.value = 'source file'; list.dispatchEvent(new Event('change')); }")
    page.wait("document.querySelector('[data-setting=\"csv.null.text\"]')", "the settings of the class file")
    assert page.js("location.hash") == "#connectors?new=source%20file", "the address restores the class"
    page.click("input[autocomplete=off][required]")  # the name
    page.insert('Feed-2')
    page.click("[data-setting='tasks.max'] input")
    page.insert("many")
    page.click(".dialog-acts .primary", "Create")
    for name in ("topic", "tasks.max"):
        page.wait(f"document.querySelector('[data-setting=\"{name}\"] .error-text')?.textContent.includes('{name}')", f"the error of {name}")
    page.wait("document.activeElement.closest('[data-setting=topic]')", "the cursor in the first wrong field")
    found = []
    scenario_states.look(page, "a new connector", found)
    assert not found, "\n".join(found)
    assert not [line for line in sql(fresh, "SHOW CONNECTORS") if isinstance(line, list)], "nothing is created with a wrong setting"
    page.insert("feed")
    for name, value in (("tasks.max", "1"), ("file", "in.json"), ("format", "json")):
        page.js(f"document.querySelector('[data-setting=\"{name}\"] input').select()")
        page.insert(value)
    page.wait_text('CREATE SOURCE CONNECTOR "Feed-2" WITH', "pre[aria-label=Statement]")
    page.click(".dialog-acts .button", "Check")
    page.wait_text("All settings can be used", ".dialog-acts")
    page.click(".dialog-acts .primary", "Create")
    page.wait("document.querySelector('h1')?.textContent === 'Feed-2'", "the page of the connector")
    wait_table(page, "rows => rows.length === 1 && rows[0].startsWith('0 RUNNING')", "its task")
    page.follow("#connectors?new=source%20file")
    page.wait("document.querySelector('select.input')?.value === 'source file' && document.querySelector('.connector-field')", "the form of the address")
    assert not page.js("document.querySelector('main b')")
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
    page.follow("#links")
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


@case
def odd_names_of_connectors_are_shown_as_text():
    # The odd names are tested with connectors. Links cannot have such names: their names consist of
    # letters, digits, _ and -.
    fresh = launch("--connect-files", tempfile.mkdtemp())
    for name in scenario_states.ODD_NAMES:
        quoted = name.replace('"', '""')
        sql(fresh, f"""CREATE SOURCE CONNECTOR "{quoted}" WITH ("connector.class" = 'file', "file" = 'none.json', "topic" = 'odd', "format" = 'json');""")
    page = open_page(fresh, "#connectors", ".live-table a")
    for name in scenario_states.ODD_NAMES:
        link = f"[...document.querySelectorAll('.live-table a')].find(each => each.textContent === {json.dumps(name)})"
        page.follow("#connectors")
        page.wait(f"Boolean({link})", name)
        page.js(f"{link}.click()")
        page.wait(f"document.querySelector('h1')?.textContent === {json.dumps(name)} && document.querySelector('.setting-table')", f"the page of {name}")
        page.click(".query-acts .danger")
        page.wait("document.querySelector('dialog .sql-text')", "the statement")
        quoted = '"' + name.replace('"', '""') + '";'
        assert page.text("dialog .sql-text").endswith(quoted), (page.text("dialog .sql-text"), quoted)
        page.press("Escape")
        page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
        assert page.js("document.documentElement.scrollWidth <= innerWidth"), "the page does not scroll sideways"
        assert page.js("document.title") != "1" and not page.js("document.querySelector('main img, main b')"), name
    assert_clean(page)
    fresh.stop()


@case
def a_read_only_console_offers_no_change_of_connectors_and_links():
    data = tempfile.mkdtemp(prefix="millrace-console-")
    first = launch("--connect-files", data, data_dir=data)
    sql(first, CREATE + f"CREATE LINK prod WITH ('bootstrap.servers' = '{first.kafka}');")
    first.stop()
    fixed = launch("--console", "read-only", "--connect-files", data, data_dir=data)
    page = open_page(fixed, "#connectors", ".live-table a")
    page.wait_text("This session is read-only.", ".list-bar .reason")
    assert page.js("document.querySelector('.list-bar .button').disabled"), "no connector can be created"
    page.follow("#connectors?new=")
    page.wait_text("This session is read-only.", ".error-text")
    assert not page.js("document.querySelector('.dialog-acts .button:not(:disabled)')")
    page.follow("#connectors?c=Feed-1")
    page.wait_text("This session is read-only.", ".query-acts .reason")
    page.wait("document.querySelector('.setting-table')", "the settings can be read")
    assert not page.js("document.querySelector('.setting-table .button:not(:disabled)')"), "no setting can be changed"
    page.follow("#links?l=prod")
    page.wait_text("This session is read-only.", ".query-acts .reason")
    page.close()
    fixed.stop()


@case
def pages_of_connectors_and_links_survive_kill_9():
    data = tempfile.mkdtemp(prefix="millrace-console-")
    start = {"data_dir": data, "http": f"127.0.0.1:{free_port()}", "kafka": f"127.0.0.1:{free_port()}"}
    first = launch("--connect-files", data, **start)
    sql(first, CREATE + f"CREATE LINK prod WITH ('bootstrap.servers' = '{first.kafka}');")
    listed = open_page(first, "#connectors", ".live-table a")
    detail = open_page(first, "#connectors?c=Feed-1", ".setting-table")
    links = open_page(first, "#links", ".live-table a")
    form = open_page(first, "#connectors?new=source%20file", ".connector-field")
    os.kill(first.pid, signal.SIGKILL)
    for page in (listed, detail, links):
        page.wait("document.querySelector('.live-panel.is-stale .stale-text')", "grey figures")
    assert "Feed-1" in listed.text(".live-table") and "prod" in links.text(".live-table"), "the last figures stay"
    form.click(".dialog-acts .button", "Check")
    form.wait_text("The server does not answer", ".lines")
    second = launch("--connect-files", data, **start)
    for page in (listed, detail, links):
        page.wait("document.querySelector('.live-panel[data-state=live]') && !document.querySelector('.live-panel.is-stale')",
                  "the figures of the new server")
    form.click(".dialog-acts .button", "Check")
    form.wait("document.querySelector('[data-setting=topic] .error-text')?.textContent.includes('topic')", "the answer of the new server")
    for page in (listed, detail, links, form):
        page.close()
    second.stop()
