"""A user uploads files of CSV and JSON lines into streams: the preview, rejected lines, and all reasons for which nothing is written."""
import json

import axe
from millrace_server import case, launch
from scenario import assert_clean, browser, open_console, sql, url
from scenario_axe import look
from scenario_hostile import ROOT, guarded, log_in
from scenario_keyboard import press_on

STREAM = "CREATE STREAM orders (id INT KEY, city VARCHAR, amount DECIMAL(6, 2), paid BOOLEAN) WITH (PARTITIONS = 1);"
CSV = ('id,City,amount,paid,zip\n1,"Lahore, ""Old"" City",120.50,true,54000\n2,,80,false,\nx,Quetta,1,true,\n'
       '4,"",123456.78,true,\n5,Multan,7.25,,\n')


def choose(page, name, content):
    """Puts a file into the field of the dialog. The browser's own dialog for files cannot be driven."""
    made = f"new Uint8Array({list(content)})" if isinstance(content, bytes) else json.dumps(content)
    page.js(f"""(() => {{ const input = document.querySelector('dialog input[type=file]'), given = new DataTransfer();
        given.items.add(new File([{made}], {json.dumps(name)}));
        input.files = given.files;
        input.dispatchEvent(new Event('change')); }})()""")


def open_upload(page):
    page.click("[aria-label='More actions']")
    page.click(".menu-item", "Upload a file…")
    page.wait("document.activeElement?.matches('dialog input[type=file]')", "the field of the file")


def status(page, text):
    page.wait_text(text, "dialog p[role=status]")


def values(to):
    return sorted(line for line in sql(to, "SELECT id, city, amount, paid FROM orders") if isinstance(line, list))


@case
def a_csv_file_is_shown_before_its_rows_are_written():
    fresh = launch()
    sql(fresh, STREAM)
    page = open_console(fresh)
    open_upload(page)
    status(page, "Nothing is written before you press Upload.")
    choose(page, "orders.csv", CSV)
    status(page, "4 rows of orders.csv can be uploaded; 1 line cannot be read and would be left out.")
    page.wait_text("Line 4: ID: expected INTEGER, got x", "dialog .problems")
    page.wait_text("zip", "dialog .stale-text")
    assert page.js("[...document.querySelectorAll('dialog tbody tr')].map(row => [...row.cells].map(cell => cell.textContent).join('|'))") == \
        ["ID|INTEGER|id", "CITY|VARCHAR|City", "AMOUNT|DECIMAL(6, 2)|amount", "PAID|BOOLEAN|paid"]
    assert "POST /inserts-stream" in page.text("dialog .request-text")
    assert values(fresh) == [], "a preview writes nothing"
    page.click("dialog .button.primary", "Upload 4 rows")
    status(page, "3 of 4 rows are written to orders, and 1 is rejected.")
    page.wait_text("Line 5: ", "dialog .problems")
    assert "AMOUNT" in page.text("dialog .problems")
    assert values(fresh) == [[1, 'Lahore, "Old" City', "120.50", True], [2, None, "80.00", False], [5, "Multan", "7.25", None]]
    assert page.js("document.querySelector('dialog .button.primary').disabled"), "the rows are not offered again"
    page.press("Escape")
    assert_clean(page)
    fresh.stop()


@case
def keys_alone_upload_json_lines():
    fresh = launch()
    sql(fresh, STREAM)
    page = open_console(fresh)
    page.press("Control+k")
    page.wait("document.activeElement?.closest('.palette-input')", "the palette")
    page.type("Upload a file")
    page.wait_text("Upload a file", ".palette-list")
    page.press("Enter")
    page.wait("document.activeElement?.matches('dialog input[type=file]')", "the field of the file")
    rows = "".join(json.dumps({"id": each, "city": f"c{each}"}) + "\n" for each in range(2500))
    choose(page, "<b>.jsonl", rows + '{"id": \n[1]\n')
    status(page, "2,500 rows of <b>.jsonl can be uploaded; 2 lines cannot be read")
    assert page.js("[...document.querySelectorAll('dialog .problems li')].map(each => each.textContent.slice(0, 11))") == ["Line 2,501:", "Line 2,502:"]
    page.wait_text("missing: NULL", "dialog tbody")
    press_on(page, "dialog .button.primary", "Upload 2,500 rows")
    status(page, "2,500 of 2,500 rows are written to orders.")
    assert [line[0] for line in values(fresh)] == list(range(2500))
    page.press("Escape")
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
    assert_clean(page)
    fresh.stop()


@case
def an_upload_that_cannot_begin_names_the_reason():
    fresh = launch()
    page = open_console(fresh)
    page.click("[aria-label='More actions']")
    page.click(".menu-item", "Upload a file…")
    status(page, "No stream or table exists. CREATE STREAM makes one.")
    assert page.js("document.querySelector('dialog input[type=file]').disabled")
    page.press("Escape")
    sql(fresh, STREAM)
    page.click("[aria-label='Read the catalog again']")
    page.wait_text("orders", ".tree")
    open_upload(page)
    for name, content, reason in (
            ("empty.csv", "\n", "empty.csv is empty."), ("latin.csv", b"id,city\n1,\xe9\n", "cannot be read as UTF-8"),
            ("array.json", '[{"id": 1}]', "jq -c .[] FILE"), ("other.csv", "a,b\n1,2\n", "No field of other.csv has the name of a column of orders."),
            ("open.csv", 'id,city\n1,"x\n', "Line 2: a quoted field has no closing quote"),
            ("large.csv", b"i" * 1, None)):
        if reason is None:
            page.js("""(() => { const input = document.querySelector('dialog input[type=file]'), given = new DataTransfer();
                given.items.add(new File([new Uint8Array(33 * 1024 * 1024)], 'large.csv'));
                input.files = given.files;
                input.dispatchEvent(new Event('change')); })()""")
            reason = "\\copy orders FROM"
        else:
            choose(page, name, content)
        page.wait_text(reason, "dialog .error-text")
        assert page.js("document.querySelector('dialog .button.primary').disabled"), name
    sql(fresh, "DROP STREAM orders;")
    sql(fresh, STREAM)
    choose(page, "orders.csv", "id\n1\n")
    status(page, "1 row of orders.csv can be uploaded.")
    sql(fresh, "DROP STREAM orders;")
    page.click("dialog .button.primary", "Upload 1 row")
    page.wait_text('"orders" does not exist', "dialog .error-text")
    status(page, "0 of 1 row is written")
    page.press("Escape")
    page.close()
    fresh.stop()


@case
def an_upload_ends_with_the_server_and_reports_what_was_written():
    fresh = launch()
    sql(fresh, STREAM)
    page = open_console(fresh)
    open_upload(page)
    choose(page, "orders.csv", "id\n1\n2\n")
    status(page, "2 rows of orders.csv can be uploaded.")
    fresh.stop()
    page.click("dialog .button.primary", "Upload 2 rows")
    page.wait_text("The connection ended. Rows from line 2 to line 3 may be written or not.", "dialog .error-text")
    status(page, "0 of 2 rows are written")
    page.close()


@case
def a_session_without_the_right_uploads_nothing():
    to = guarded()
    sql(to, STREAM + "CREATE USER eve PASSWORD 'eves password'; GRANT SELECT ON orders TO eve;", user=ROOT)
    page = browser().page(url(to) + "#sql")
    log_in(page, "eve", "eves password")
    page.wait_text("orders", ".tree")
    open_upload(page)
    choose(page, "orders.csv", "id\n1\n")
    page.click("dialog .button.primary", "Upload 1 row")
    page.wait_text("permission denied", "dialog .error-text")
    page.close()
    to.stop()
    fixed = launch("--console", "read-only")
    page = open_console(fixed)
    page.click("[aria-label='More actions']")
    page.click(".menu-item", "Upload a file…")
    status(page, "This session is read-only.")
    page.close()
    fixed.stop()


@case
def axe_finds_nothing_in_the_upload():
    axe.source()
    fresh, found = launch(), []
    sql(fresh, STREAM)
    page = open_console(fresh)
    open_upload(page)
    look(page, "the upload", found)
    choose(page, "orders.csv", CSV)
    status(page, "4 rows of orders.csv can be uploaded")
    look(page, "the preview", found)
    page.click("dialog .button.primary", "Upload 4 rows")
    status(page, "3 of 4 rows")
    look(page, "the end of the upload", found)
    page.close()
    fresh.stop()
    assert not found, "\n".join(found)
