"""The audit page lists logins and changes of definitions, as they happen."""
from millrace_server import case, launch
from scenario import assert_clean, browser, run, sql, url
from scenario_hostile import ROOT, guarded, log_in
from scenario_keyboard import press_on, reach
from scenario_oncall import open_page, wait_table
from scenario_states import file_with

TABLE = "Audit"  # the label of the table
ODD = """CREATE STREAM odd (id INT KEY, "<img src=x onerror=document.title=1>" VARCHAR);"""


@case
def an_administrator_sees_logins_and_changes_as_they_happen():
    to = guarded()
    sql(to, "CREATE USER ann PASSWORD 'anns password'; GRANT CREATE ON ALL TO ann;", user=ROOT)
    root = browser().page(url(to) + "#audit")
    log_in(root, "millrace", "a long password")
    wait_table(root, "rows => rows.length === 1 && /login millrace ok/.test(rows[0])", "the own login", TABLE)
    ann = browser().page(url(to))
    ann.wait("document.querySelector('dialog[open] .login input')", "the login")
    ann.type("ann")
    ann.press("Tab")
    ann.type("wrong")
    ann.press("Enter")
    wait_table(root, "rows => rows.some(row => /login ann ✖?\\s*wrong user or password/.test(row))", "the refused login", TABLE)
    ann.reload()
    log_in(ann, "ann", "anns password")
    ann.wait("document.querySelector('.CodeMirror') && !document.querySelector('.skeleton')", "the editor")
    # Ctrl+Enter runs one statement; its line in the audit is the sign that it has ended.
    for text, line in ((ODD, "CREATE STREAM odd"), ("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR);", "CREATE TABLE t"),
                       ("INSERT INTO t VALUES (4711, 'secret');", "INSERT INTO t VALUES (?, ?)")):
        run(ann, text)
        wait_table(root, f"rows => rows.some(row => row.includes('{line}'))", line, TABLE)
    run(ann, "SELECT 'not a change' AS x;")
    ann.wait_text("not a change", ".grid-body")
    shown = root.text("[aria-label=Audit]")
    assert "<img src=x onerror=document.title=1>" in shown and "4711" not in shown and "not a change" not in shown, shown
    assert root.js("document.title") != "1" and not root.js("document.querySelector('main img')")
    # The newest line is the first one, and the filter and the box select lines.
    assert "INSERT" in root.js("document.querySelector('[aria-label=Audit] tbody tr').innerText")
    root.click("input.filter")
    root.type("wrong user")
    wait_table(root, "rows => rows.length === 1 && row_is_login(rows[0])".replace("row_is_login", "(row => row.includes('login'))"), "the filtered line", TABLE)
    root.press("Control+a")
    root.press("Backspace")
    root.click(".inline-field", "refused or failed")
    wait_table(root, "rows => rows.length === 1 && rows[0].includes('wrong user')", "the lines that failed", TABLE)
    # A user without the right to administer sees only the own sessions.
    ann.follow("#audit")
    ann.wait_text("Only superusers see the sessions of other users.", ".live-panel")
    wait_table(ann, "rows => rows.length >= 4 && rows.every(row => / ann /.test(row))", "the own lines", TABLE)
    ann.close()
    root.close()
    to.stop()


@case
def keys_alone_lead_to_the_audit():
    fresh = launch()
    page = open_page(fresh, "#access", ".page-link")
    press_on(page, ".page-link", "Audit")
    wait_table(page, "rows => rows.length === 1 && rows[0].includes('No session')", "the empty list", TABLE)
    assert page.js("document.querySelector('nav [aria-current=page]').getAttribute('href')") == "./#access"
    page.press_in_turn("gt")
    page.wait("document.querySelector('.main-topics')?.children.length", "the topics")
    page.press_in_turn("gu")
    page.wait("document.querySelector('[aria-label=Audit]')", "the audit")
    page.press("/")
    page.wait("document.activeElement.matches('input.filter')", "the filter")
    reach(page, "input[type=checkbox]")
    assert_clean(page)
    fresh.stop()


@case
def a_read_only_console_records_the_requests_that_it_refuses():
    fixed = launch("--console", "read-only", "--access-file", file_with("host all all 127.0.0.1/32 scram-sha-256\n"),
                   "--superuser-password-file", file_with("a long password\n"))
    page = browser().page(url(fixed) + "#audit")
    log_in(page, "millrace", "a long password")
    wait_table(page, "rows => rows.length === 1 && /login millrace ok/.test(rows[0])", "the login", TABLE)
    assert page.js("fetch('/subjects/orders', { method: 'DELETE' }).then(answer => answer.status)") == 403
    wait_table(page, "rows => rows.length === 2 && rows[0].includes('refused') && rows[0].includes('DELETE /subjects/orders')", "the refusal", TABLE)
    page.close()
    fixed.stop()
