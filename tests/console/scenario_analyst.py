"""An analyst examines numbers: a shared link, sorting, filters, columns, more rows, a chart, exports and the history."""
import glob
import os
import tempfile

from millrace_server import case
from patience import wait_until
from scenario import assert_clean, browser, open_console, rows, run, server, sql, wait_rows, wait_state

# Replaces window.fetch: a request with the text SELECT slow gets a few lines at once, and further
# lines when the test calls window.send().
SLOW = """(() => {
    const real = window.fetch, text = new TextEncoder();
    window.fetch = (url, options) => !String(options?.body).includes('SELECT slow') ? real(url, options)
        : Promise.resolve(new Response(new ReadableStream({ start(controller) {
            window.send = (lines) => controller.enqueue(text.encode(lines.map(line => JSON.stringify(line) + '\\n').join('')));
            window.send([{head: {n: 1, kind: 'rows', columns: [{name: 'n', type: 'INT'}]}}, [2], [1]]);
        } })));
})()"""

_ready = []


def prepared():
    if not _ready:
        sql(server(), "CREATE TABLE an_numbers (id INT PRIMARY KEY, name VARCHAR, amount DECIMAL(12, 2), big BIGINT);")
        for start in range(0, 1200, 400):
            values = ", ".join(f"({n}, 'name {n % 7}', {n}.25, {2 ** 60 + n})" for n in range(start, start + 400))
            sql(server(), f"INSERT INTO an_numbers VALUES {values};")
        _ready.append(True)
    return server()


@case
def a_shared_link_shows_its_statement_and_never_runs_it():
    first = open_console(prepared())
    run(first, "SELECT 'ß 🏙' AS city, 2 AS n;")
    wait_state(first, "done")
    first.click(".actions .button", "Share")
    link = first.wait("document.querySelector('dialog[open] input')?.value")
    assert "#sql?s=" in link and "SELECT" not in link
    assert_clean(first)
    second = open_console(server(), link[link.index("#"):])
    second.wait_text("It has not run yet")
    assert not second.js("document.querySelector('.status')")
    assert second.js("document.querySelector('.CodeMirror').CodeMirror.getValue()") == "SELECT 'ß 🏙' AS city, 2 AS n;"
    second.click(".run")
    wait_rows(second, "rows => rows.length === 1 && rows[0][0] === 'ß 🏙'", "the row")
    assert_clean(second)


@case
def rows_are_sorted_filtered_and_columns_hidden():
    page = open_console(prepared())
    run(page, "SELECT * FROM an_numbers;")
    page.wait_text("1,000 of more rows; limit 1,000", ".result-foot")
    page.click(".result-foot .button", "Fetch 10,000")
    page.wait_text("1,200 rows", ".status")
    for mark in ("▲", "▼"):
        page.click(".grid-head-cell", "amount")
        page.wait(f"document.querySelector('.grid-header').innerText.includes('{mark}')")
    wait_rows(page, "rows => rows[0][2] === '1,199.25'", "the largest amount")
    assert rows(page)[0][3] == f"{2 ** 60 + 1199:,}", "a BIGINT is not rounded"
    page.click("input[aria-label='Filter the rows of the page']")
    page.type("name 3")
    page.wait_text("171 of 1,200 rows match", ".result-foot")
    page.click(".result-tools .button", "Columns")
    page.click(".menu-item", "big")
    page.press("Escape")
    page.wait("document.querySelectorAll('.grid-head-cell').length === 3")
    assert_clean(page)


@case
def rows_that_come_with_the_end_are_sorted_too():
    page = open_console(prepared(), before=SLOW)
    run(page, "SELECT slow;")
    wait_state(page, "running")
    page.click(".grid-head-cell", "n")
    wait_rows(page, "rows => rows.map(row => row[0]).join() === '1,2'", "the sorted rows")
    page.js("window.send([[4], [3], {done: {tag: 'SELECT', rows: 4}}])")
    wait_rows(page, "rows => rows.map(row => row[0]).join() === '1,2,3,4'", "the sorted rows of the end")
    assert_clean(page)


@case
def a_chart_is_proposed_by_the_types():
    page = open_console(prepared())
    run(page, "SELECT name, amount FROM an_numbers WHERE id < 7;")
    wait_state(page, "done")
    page.click(".segments button", "Chart")
    page.wait("document.querySelector('.chart-canvas')?.getAttribute('aria-label').startsWith('bar chart of amount by name')")
    ink = """(() => { const canvas = document.querySelector('.chart-canvas');
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        return data.some(value => value > 0); })()"""
    page.wait(ink, "a chart with ink")
    assert_clean(page)


@case
def exports_hold_the_rows_of_the_page():
    page = open_console(prepared())
    folder = tempfile.mkdtemp(prefix="millrace-export-")
    browser().call("Browser.setDownloadBehavior", behavior="allow", downloadPath=folder, browserContextId=page._context)
    run(page, "SELECT id, '=1+1' AS formula, big FROM an_numbers WHERE id < 3 ORDER BY id;")
    wait_state(page, "done")
    page.click(".result-tools .button", "Export")
    page.click(".menu-item", "CSV")
    path = os.path.join(folder, "millrace-rows.csv")
    wait_until(lambda: glob.glob(path), "the exported file")
    with open(path, encoding="utf-8", newline="") as file:
        text = wait_until(file.read, "the text of the export")
    assert text == "id,formula,big\r\n" + "".join(f"{n},=1+1,{2 ** 60 + n}\r\n" for n in range(3)), text
    page.click(".result-tools .button", "Copy")
    page.wait_text("Copied 3 rows as TSV.", ".toasts")
    copied = page.js("navigator.clipboard.readText()")
    assert copied.splitlines()[1] == f"0\t=1+1\t{2 ** 60}", copied
    assert_clean(page)


@case
def the_history_finds_a_statement_and_keeps_no_secret():
    page = open_console(prepared())
    run(page, "SELECT 'yesterday' AS day;")
    wait_state(page, "done")
    run(page, "SELECT 'my PASSWORD is here' AS secret;")
    wait_rows(page, "rows => rows[0]?.[0].includes('PASSWORD')", "the second result")
    run(page, "SELECT 'today' AS day;")
    wait_rows(page, "rows => rows[0]?.[0] === 'today'", "the third result")
    wait_state(page, "done")  # a statement gets into the history at its end, which may come after its rows
    page.click(".actions .button", "History")
    page.wait("document.querySelector('.history-text')", "the history")
    assert page.texts(".history-text") == ["SELECT 'today' AS day;", "SELECT 'yesterday' AS day;"], page.texts(".history-text")
    page.click(".history-item", "yesterday")
    page.wait("document.querySelector('.CodeMirror').CodeMirror.getValue().includes('yesterday')")
    assert_clean(page)


@case
def cells_are_reached_and_copied_with_the_keyboard():
    page = open_console(prepared())
    run(page, "SELECT id, name FROM an_numbers WHERE id < 5 ORDER BY id;")
    wait_state(page, "done")
    page.js("document.querySelector('.grid').focus()")
    for key in ("ArrowDown", "ArrowRight", "Shift+ArrowDown"):
        page.press(key)
    page.wait("document.querySelector('.grid').getAttribute('aria-activedescendant')")
    page.press("Control+c")
    page.wait_text("Copied 2 cells.", ".toasts")
    assert page.js("navigator.clipboard.readText()") == "name 1\nname 2"
    page.press("Enter")
    page.wait_text("name 2", "dialog .value")
    page.press("Escape")
    page.wait("!document.querySelector('dialog[open]')")
    assert_clean(page)
