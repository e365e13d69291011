"""The storyboards of all users with the keyboard alone: each step presses keys, and no script moves the focus or clicks."""
import json
import tempfile

from confluent_kafka import Consumer, TopicPartition
from millrace_server import case, launch
from scenario import assert_clean, browser, open_console, rows, sql, url, wait_rows, wait_state
from scenario_oncall import make_query, wait_table

MOST_STOPS = 120  # of the Tab key, until it has reached a control
FOCUSED = "[document.activeElement, document.activeElement.innerText + ' ' + (document.activeElement.getAttribute('aria-label') ?? '')]"
# A ring or a frame of its own shows the focus. A text field of the editor has a cursor.
IS_VISIBLE = """(() => { const node = document.activeElement, style = getComputedStyle(node);
    return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none' ||
        node.matches('.menu-item, .lineage-place') || Boolean(node.closest('.CodeMirror')); })()"""


def reach(page, selector, text="", keys="Tab"):
    """Presses Tab until the focus is on an element with the selector and the text. It waits for the element first: the Tab key
    would pass the place of a button that is not drawn or that is still disabled."""
    page.wait(f"""[...document.querySelectorAll({json.dumps(selector)})].some(node => node.getClientRects().length && !node.disabled &&
        (node.innerText + ' ' + (node.getAttribute('aria-label') ?? '')).includes({json.dumps(text)}))""", f"{selector} {text!r}")
    seen = []
    for _ in range(MOST_STOPS):
        if page.js("Boolean(document.activeElement.closest('.CodeMirror'))"):
            page.press("Escape")  # the Tab key indents in the editor until Esc
        page.press(keys)
        found = page.js(f"""(([node, text]) => [node.matches({json.dumps(selector)}) && text.includes({json.dumps(text)}),
            (node.tagName + ' ' + text).slice(0, 40)])({FOCUSED})""")
        if found[0]:
            assert page.js(IS_VISIBLE), f"the focus on {selector} {text} cannot be seen"
            return
        seen.append(found[1])
    raise AssertionError(f"Tab does not reach {selector} {text!r}: {seen}")


def press_on(page, selector, text=""):
    reach(page, selector, text)
    page.press("Enter")


def replace(page, text):
    """Replaces the text of the field that has the focus."""
    page.press("Control+a")
    page.type(text)


def go(page, keys, path):
    page.press_in_turn(keys)
    page.wait(f"document.querySelector('.main-{path}')?.children.length", f"the page {path}")


def dialog_ends(page):
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")


@case
def keys_alone_lead_a_developer_from_an_error_to_a_table():
    fresh = launch()
    make_query(fresh)
    page = open_console(fresh)
    page.wait("document.activeElement.closest('.CodeMirror')", "the cursor in the editor")
    page.type("SELECT citty FROM by_ci")
    page.wait_text("by_city", "#completions")
    page.press("Enter")
    page.press("Control+Enter")
    wait_state(page, "error")
    page.press("Escape")
    press_on(page, ".button", "Replace by city")
    page.wait("document.querySelector('.CodeMirror').CodeMirror.getValue() === 'SELECT city FROM by_city'", "the fixed text")
    page.wait("document.activeElement.closest('.CodeMirror')", "the cursor in the editor")
    page.press("Control+a")
    page.type("SELECT id, city FROM orders EMIT CHANGES;")
    page.press("Escape")
    page.press("Control+Enter")
    wait_state(page, "live")
    page.press("Escape")
    page.wait_text("Nothing new yet. You are reading from now on.")
    press_on(page, ".button", "Read from the beginning")
    wait_rows(page, "rows => rows.length === 2", "the rows from the beginning")
    reach(page, ".segments button", "Plan", keys="Shift+Tab")
    page.press("Enter")
    page.wait("document.querySelector('.plan-stage')", "the plan")
    reach(page, ".segments button", "Stream", keys="Shift+Tab")
    page.press("Enter")
    press_on(page, ".result-tools .button", "from this")
    page.wait("document.activeElement.matches('dialog input')", "the field for the name")
    page.type("copied")
    page.press("Enter")
    page.wait_text("copied", ".tree")
    dialog_ends(page)
    assert not page.js("Boolean(document.querySelector('.result-cards .error-text'))"), "Enter presses no button behind the dialog"
    assert_clean(page)
    fresh.stop()


@case
def keys_alone_lead_an_engineer_on_call_to_a_query_that_is_paused():
    fresh = launch()
    make_query(fresh)
    page = open_console(fresh)
    page.press("Escape")
    press_on(page, "nav a", "Overview")
    page.wait("document.querySelector('.main-overview')?.children.length", "the overview")
    press_on(page, ".live-table a", "CTAS_BY_CITY")
    page.wait("document.querySelector('.query-acts .button')", "the page of the query")
    press_on(page, ".query-acts .button", "Pause")
    page.wait_text("PAUSE", "dialog .sql-text")
    press_on(page, "dialog .danger", "Pause")
    page.wait("document.querySelector('.query-facts [data-mark]')?.textContent === 'PAUSED'", "a paused query")
    press_on(page, ".query-acts .button", "Resume")
    press_on(page, "dialog .danger", "Resume")
    page.wait("document.querySelector('.query-facts [data-mark]')?.textContent === 'RUNNING'", "a resumed query")
    press_on(page, ".query-acts .button", "Replace…")
    page.wait("document.activeElement.matches('dialog textarea')", "the statement")
    press_on(page, "dialog .primary", "Compare")
    page.wait_text("The plan would stay as it is", "dialog")
    page.press("Escape")
    dialog_ends(page)
    press_on(page, ".sql-button", "")
    page.wait("document.querySelector('.CodeMirror')?.CodeMirror.getValue().includes('millrace_catalog')", "the statement of a panel")
    assert_clean(page)
    fresh.stop()


@case
def keys_alone_lead_an_operator_to_a_shorter_retention_and_a_reset_group():
    fresh = launch()
    make_query(fresh)
    consumer = Consumer({"bootstrap.servers": fresh.kafka, "group.id": "billing"})
    consumer.commit(offsets=[TopicPartition("orders", 0, 0)], asynchronous=False)
    consumer.close()
    page = browser().page(url(fresh) + "#overview", 1280, 900)
    page.wait("document.querySelector('.live-table a')", "the overview")
    go(page, "gt", "topics")
    page.wait("document.querySelector('.live-table a')", "the topics, with their filter")
    page.press("/")
    page.type("order")
    wait_table(page, "rows => rows.length === 1 && rows[0].startsWith('orders')", "the topic")
    press_on(page, ".live-table a", "orders")
    page.wait("document.querySelectorAll('.message-table tbody tr').length === 2", "the records")
    press_on(page, ".offset-button")
    page.wait("document.querySelector('dialog .record-text')", "a record")
    page.press("Escape")
    dialog_ends(page)
    press_on(page, ".tabs a", "Settings")
    page.wait("document.querySelector('.setting-table tbody tr')", "the settings")
    press_on(page, "button", "Change retention.ms")
    page.wait("document.activeElement.matches('dialog input')", "the field for the value")
    replace(page, "3600000")
    press_on(page, "dialog .button", "Preview")
    page.wait_text("None of 2 records", "dialog .dialog-acts")
    reach(page, "dialog input", "Name of the topic")
    page.type("orders")
    press_on(page, "dialog .primary")
    dialog_ends(page)
    page.wait("document.querySelector('.setting-table')?.innerText.includes('3600000')", "the new retention")
    go(page, "gr", "groups")
    press_on(page, ".live-table a", "billing")
    page.wait("document.querySelector('.query-acts .button:not(:disabled)')", "the group")
    press_on(page, ".query-acts .button", "Reset offsets…")
    press_on(page, "dialog .button", "Preview")
    page.wait("document.querySelector('dialog .danger:not(:disabled)')", "the preview")
    press_on(page, "dialog .danger")
    dialog_ends(page)
    assert_clean(page)
    fresh.stop()


@case
def keys_alone_lead_an_analyst_from_rows_to_a_chart_and_an_export():
    fresh = launch()
    sql(fresh, "CREATE TABLE numbers (id INT PRIMARY KEY, name VARCHAR, amount DECIMAL(12, 2));"
               "INSERT INTO numbers VALUES (1, 'a', 3.50), (2, 'b', 2.50), (3, 'c', 1.50);")
    page = open_console(fresh)
    page.wait("document.activeElement.closest('.CodeMirror')", "the cursor in the editor")
    page.type("SELECT name, amount FROM numbers;")
    page.press("Escape")
    page.press("Control+Enter")
    wait_state(page, "done")
    page.press("Escape")
    reach(page, ".grid")
    for key in ("ArrowUp", "ArrowRight", "Enter"):  # the heading of the amounts
        page.press(key)
    wait_rows(page, "rows => rows.map(row => row[0]).join('') === 'cba'", "the order by amount")
    reach(page, ".result-tools input", keys="Shift+Tab")
    page.type("b")
    wait_rows(page, "rows => rows.length === 1 && rows[0][0] === 'b'", "the filtered row")
    press_on(page, ".result-tools .button", "Columns")
    page.wait("document.activeElement.matches('.menu-item')", "the menu")
    page.press("ArrowDown")
    page.press("Enter")
    page.wait("document.querySelectorAll('.grid-head-cell').length === 1", "one column")
    page.press("Escape")
    page.wait("document.activeElement.innerText === 'Columns'", "the focus on the button of the menu")
    press_on(page, ".result-tools .button", "Copy")
    page.wait_text("Copied 1 row as TSV.", ".toasts")
    press_on(page, ".result-tools .button", "Export")
    page.wait("document.activeElement.matches('.menu-item')", "the menu")
    page.press("Escape")
    reach(page, ".segments button", "Chart", keys="Shift+Tab")
    page.press("Enter")
    page.wait("document.querySelector('.chart-canvas')?.getAttribute('aria-label').startsWith('bar chart of amount by name')", "the chart")
    reach(page, ".actions .button", "Share", keys="Shift+Tab")
    page.press("Enter")
    page.wait("document.querySelector('dialog[open] input')?.value.includes('#sql?s=')", "the link")
    page.press("Escape")
    dialog_ends(page)
    reach(page, ".actions .button", "History", keys="Shift+Tab")
    page.press("Enter")
    press_on(page, ".history-item", "numbers")
    dialog_ends(page)
    assert rows(page) or page.text(".status")
    assert_clean(page)
    fresh.stop()


@case
def keys_alone_lead_a_newcomer_through_the_tour():
    fresh = launch()
    page = open_console(fresh)
    page.wait_text("Nothing flows yet")
    page.press("Escape")
    press_on(page, ".start .button", "Show the lines")
    page.wait("document.querySelector('dialog[open]')", "the lines")
    page.press("Escape")
    dialog_ends(page)
    reach(page, ".start .button", "Generate sales", keys="Shift+Tab")
    page.press("Enter")
    wait_rows(page, "rows => rows.length > 5", "generated sales")
    press_on(page, ".tour .button", "Next")
    wait_rows(page, "rows => rows.some(row => row[0] === 'Lahore')", "the table by city")
    press_on(page, ".tour .button", "Next")
    page.wait("document.querySelectorAll('.plan-topic').length >= 2", "sales and by_city in the picture")
    press_on(page, ".tour .button", "Clean up")
    page.wait_text("DROP STREAM sales", "dialog pre")
    press_on(page, "dialog .button", "Drop them")
    page.wait_text("The catalog is empty.", ".tree")
    assert_clean(page)
    fresh.stop()


@case
def keys_alone_reach_connectors_links_schemas_and_the_lineage():
    fresh = launch("--connect-files", tempfile.mkdtemp())
    make_query(fresh)
    sql(fresh, """CREATE SOURCE CONNECTOR feed WITH ("connector.class" = 'file', "file" = 'in.json', "topic" = 'feed', "format" = 'json');"""
               f"CREATE LINK prod WITH ('bootstrap.servers' = '{fresh.kafka}');")
    page = browser().page(url(fresh) + "#overview", 1280, 900)
    page.wait("document.querySelector('.live-table a')", "the overview")
    go(page, "gn", "connectors")
    press_on(page, ".live-table a", "feed")
    press_on(page, ".query-acts .button", "Pause")
    press_on(page, "dialog .danger", "Pause")
    page.wait("document.querySelector('.query-facts [data-mark]')?.textContent === 'PAUSED'", "a paused connector")
    press_on(page, "button", "Change format")
    page.wait("document.querySelector('dialog[open] .sql-text')", "the dialog of a setting")
    page.press("Escape")
    dialog_ends(page)
    go(page, "gk", "links")
    press_on(page, ".live-table a", "prod")
    page.wait("document.querySelector('.query-facts [data-mark]')", "the page of the link")
    go(page, "gl", "lineage")
    page.wait("document.querySelector('.lineage-place')", "the lineage")
    press_on(page, ".lineage-place", "")
    page.wait_text("A drop affects", ".lineage-choice")
    go(page, "gm", "schemas")
    press_on(page, ".skip", "Skip to the page")
    assert_clean(page)
    fresh.stop()
