"""A developer writes a query: completion, errors in their place, moving results, the plan, a table of the query."""
from millrace_server import case
from scenario import assert_clean, open_console, rows, run, server, sql, wait_rows, wait_state, write

_ready = []


def prepared():
    if not _ready:
        sql(server(), """
            CREATE STREAM dev_orders (id INT KEY, city VARCHAR, amount DECIMAL(10, 2));
            CREATE TABLE dev_by_city AS SELECT city, COUNT(*) AS n, SUM(amount) AS total FROM dev_orders GROUP BY city;
            CREATE TABLE dev_stock (id INT PRIMARY KEY, n INT);
            INSERT INTO dev_orders VALUES (1, 'Lahore', 120.00), (2, 'Karachi', 80.50), (3, 'Lahore', 45.25);""")
        _ready.append(True)
    return server()


@case
def completion_offers_relations_columns_and_keys():
    page = open_console(prepared())
    write(page, "")
    page.type("SELECT * FROM dev_by")
    page.wait_text("dev_by_city", "#completions")
    page.press("Enter")
    assert page.js("document.querySelector('.CodeMirror').CodeMirror.getValue()") == "SELECT * FROM dev_by_city"
    write(page, "SELECT  FROM dev_by_city")
    page.press("Home")
    for _ in range(7):
        page.press("ArrowRight")
    page.wait("document.querySelector('.CodeMirror').CodeMirror.getCursor().ch === 7")
    page.type("ci")
    page.wait_text("city", "#completions")
    page.wait("document.querySelector('.completion .key-mark')?.textContent === 'key'", "the mark of the key")
    page.press("Escape")
    page.wait("!document.querySelector('#completions')")
    assert_clean(page)


@case
def an_error_is_underlined_and_replaced_by_its_fix():
    page = open_console(prepared())
    run(page, "-- two lines\nSELECT 1 AS one;\nSELECT citty FROM dev_by_city;")
    wait_state(page, "error")
    page.wait("document.querySelector('.mark-error')", "the mark of the error")
    assert page.texts(".mark-error") == ["citty"], page.texts(".mark-error")
    note = page.text(".mark-note")
    assert "42703" in note and 'column "citty" does not exist' in note, note
    page.click(".mark-note .fix", "Replace by city")
    assert "SELECT city FROM dev_by_city" in page.js("document.querySelector('.CodeMirror').CodeMirror.getValue()")
    page.wait("!document.querySelector('.mark-error')")
    page.press("Control+Enter")
    wait_state(page, "done")
    assert sorted(row[0] for row in rows(page)) == ["Karachi", "Lahore"], rows(page)
    assert_clean(page)


@case
def a_fix_is_refused_once_the_statement_has_changed():
    page = open_console(prepared())
    run(page, "SELECT citty FROM dev_by_city;")
    wait_state(page, "error")
    write(page, "SELECT 1 AS one, citty FROM dev_by_city;")
    page.click(".error-card .button", "Replace by city")
    page.wait_text("The statement has changed. Run it again.", ".toasts")
    page.press("Control+Enter")
    page.wait("document.querySelector('.mark-error')")
    page.click(".error-card .button", "Replace by city")
    page.wait("document.querySelector('.CodeMirror').CodeMirror.getValue() === 'SELECT 1 AS one, city FROM dev_by_city;'")
    assert_clean(page)


@case
def a_live_table_moves_in_place():
    page = open_console(prepared())
    run(page, "SELECT * FROM dev_by_city EMIT CHANGES;")
    wait_state(page, "live")
    wait_rows(page, "rows => rows.length === 2 && rows.find(row => row[0] === 'Lahore')?.[1] > 1", "the two rows of the table, with all orders")
    before = {row[0]: row[1] for row in rows(page)}
    page.js("""window.flashes = 0; new MutationObserver(() => {
        window.flashes += document.querySelectorAll('.grid-cell.flash').length;
    }).observe(document.querySelector('.grid'), {subtree: true, attributes: true, attributeFilter: ['class']})""")
    sql(server(), "INSERT INTO dev_orders VALUES (4, 'Lahore', 1000);")
    wait_rows(page, f"rows => rows.find(row => row[0] === 'Lahore')?.[1] === '{int(before['Lahore']) + 1}'", "the new count")
    page.wait("window.flashes > 0", "a changed cell that flashes")
    page.wait("!document.querySelector('.grid-cell.flash, .grid-cell.faded')", "the end of the mark")
    assert len(rows(page)) == 2
    page.click(".stop")
    wait_state(page, "stopped")
    assert_clean(page)


@case
def a_deleted_row_is_struck_through():
    page = open_console(prepared())
    sql(server(), "INSERT INTO dev_stock VALUES (1, 10), (2, 20);")
    run(page, "SELECT * FROM dev_stock EMIT CHANGES;")
    wait_rows(page, "rows => rows.length === 2", "two rows")
    sql(server(), "DELETE FROM dev_stock WHERE id = 1;")
    page.wait("document.querySelector('.grid-row.gone')?.textContent.startsWith('1')", "the row that is struck through")
    page.wait_text("1 deleted", ".status")
    wait_rows(page, "rows => rows.length === 1 && rows[0][0] === '2'", "the row that is left")
    page.click(".segments button", "Stream")
    wait_rows(page, "rows => rows.some(row => row[0] === '−')", "the deletion in the stream view")
    assert_clean(page)


@case
def a_quiet_stream_offers_its_beginning():
    page = open_console(prepared())
    run(page, "SELECT id, city FROM dev_orders EMIT CHANGES;")
    page.wait_text("Nothing new yet. You are reading from now on.")
    page.click(".button", "Read from the beginning")
    wait_rows(page, "rows => rows.length >= 3", "the rows from the beginning")
    assert_clean(page)


@case
def a_script_has_one_result_per_statement():
    page = open_console(prepared())
    write(page, "SELECT 1 AS one; SELECT ';' AS semicolon;\nSELECT 3 AS three;")
    page.press("Control+Shift+Enter")
    page.wait("document.querySelectorAll('.result-tab').length === 3")
    wait_state(page, "done")
    page.click(".result-tab", "2 SELECT")
    wait_rows(page, "rows => rows.length === 1 && rows[0][0] === ';'", "the second result")
    assert_clean(page)


@case
def the_plan_shows_stages_and_topics():
    page = open_console(prepared())
    write(page, "SELECT city, COUNT(*) AS n FROM dev_orders GROUP BY city EMIT CHANGES;")
    page.press("Control+e")
    page.wait("document.querySelector('.plan-stage') && document.querySelector('.plan-topic')", "the picture of the plan")
    page.click(".plan-form button", "Text")
    page.wait_text("Read stream DEV_ORDERS", ".plan-text")
    assert_clean(page)


@case
def a_table_is_created_from_a_live_query():
    page = open_console(prepared())
    run(page, "SELECT city, MAX(amount) AS largest FROM dev_orders GROUP BY city EMIT CHANGES;")
    wait_state(page, "live")
    page.click(".button", "Create table from this")
    page.wait("document.querySelector('dialog[open] input')")
    page.type("dev_largest")
    page.wait_text("CREATE TABLE dev_largest AS", "dialog pre")
    page.press("Enter")
    page.wait_text("dev_largest", ".tree")
    found = sql(server(), "SELECT largest FROM dev_largest WHERE city = 'Karachi';")
    assert [line for line in found if isinstance(line, list)] == [["80.50"]], found
    page.wait("document.querySelector('.plan-stage')", "the plan of the new query")
    assert_clean(page)
