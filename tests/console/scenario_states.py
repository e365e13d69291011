"""States and rules of every page: both themes and widths, the keyboard, a server that is killed, logins, rights, odd names."""
import os
import re
import signal
import tempfile

from cluster_nodes import free_port
from millrace_server import case, launch
from scenario import (HERE, assert_clean, browser, open_console, rows, run, server, sql, url, wait_rows, wait_state, write)

ROOT = os.path.dirname(os.path.dirname(HERE))
SITE = os.path.join(ROOT, "server/http/console/site")
ODD_NAMES = ('<img src=x onerror="document.title=1">', "it's; -- a", "\u202eright to left", "Groß Klein")  # of columns


def checks():
    with open(os.path.join(HERE, "checks.js"), encoding="utf-8") as file:
        return file.read().strip().rstrip(";")


def look(page, what, found):
    for theme in ("light", "dark"):
        for width, height in ((1280, 800), (390, 780)):
            page.prefer(theme)
            page.resize(width, height)
            page.wait(f"document.documentElement.dataset.theme === '{theme}' && innerWidth === {width}")
            page.js("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
            found += [f"{what}, {theme}, {width} px: {each}" for each in page.js(checks())]
    page.prefer("light")
    page.resize(1280, 800)


def file_with(text):
    path = os.path.join(tempfile.mkdtemp(prefix="millrace-console-"), "file")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o600)
    return path


@case
def every_page_passes_the_checks_in_both_themes_and_widths():
    with open(os.path.join(SITE, "core/router.js"), encoding="utf-8") as router:
        paths = re.findall(r"path: '(\w+)'", router.read())
    assert "sql" in paths and "settings" in paths
    found = []
    for path in paths:
        page = browser().page(url(server()) + f"#{path}")
        page.wait(f"document.querySelector('.main-{path}')?.children.length", f"the page {path}")
        page.wait("document.title.endsWith('Millrace') && document.title.length > 12")
        look(page, path, found)
        assert_clean(page)
    assert not found, "\n".join(found)


@case
def results_errors_and_dialogs_pass_the_checks():
    page = open_console(server())
    found = []
    run(page, "SELECT 1 AS one, CAST(NULL AS VARCHAR) AS nothing, 'text' AS text;")
    wait_state(page, "done")
    look(page, "rows", found)
    run(page, "SELECT nme FROM nowhere;")
    wait_state(page, "error")
    look(page, "an error", found)
    for button in ("History", "Share"):
        page.click(".actions .button", button)
        page.wait("document.querySelector('dialog[open]')")
        look(page, button, found)
        page.press("Escape")
        page.wait("!document.querySelector('dialog[open]')")
    page.press("Control+k")
    page.wait("document.querySelector('dialog[open] [role=option]')")
    look(page, "the palette", found)
    assert not found, "\n".join(found)
    assert_clean(page)


@case
def the_keyboard_alone_runs_a_statement_and_reaches_its_rows():
    page = open_console(server())
    page.wait("document.activeElement.closest('.CodeMirror')", "the cursor in the editor")
    page.type("SELECT 42 AS answer")
    page.press("Escape")
    page.press("Control+Enter")
    wait_state(page, "done")
    page.press("Escape")
    seen = []
    for _ in range(40):  # the Tab key leaves the editor after Esc and passes through the controls
        page.press("Tab")
        name = page.js("document.activeElement.getAttribute('role') ?? document.activeElement.tagName")
        seen.append(name)
        if name == "grid":
            break
    assert "grid" in seen, seen
    page.press("ArrowDown")
    page.press("Enter")
    page.wait_text("42", "dialog .value")
    page.press("Escape")
    page.wait("!document.querySelector('dialog[open]')")
    page.press("?")
    page.wait_text("Run the script", "dialog .keys")
    page.press("Escape")
    page.press_in_turn("g,")
    page.wait("document.querySelector('.main-settings h1')", "the settings")
    assert_clean(page)


@case
def odd_names_are_shown_as_text():
    fresh = launch()
    columns = ", ".join('"' + name.replace('"', '""') + '" VARCHAR' for name in ODD_NAMES)
    sql(fresh, f"CREATE STREAM odd (id INT KEY, {columns});")
    page = open_console(fresh)
    page.click(".tree-row.level-2", "odd")
    page.wait(f"document.querySelectorAll('.tree-row.level-3').length === {len(ODD_NAMES) + 1}", "the columns")
    names = page.texts(".tree-row.level-3 .tree-name")
    for name in ODD_NAMES:
        assert any(name in each for each in names), (name, names)
    run(page, "SELECT '<script>document.title = 1</script>' AS \"<b>x</b>\";")
    wait_state(page, "done")
    assert page.texts(".grid-head-cell .grid-name") == ["<b>x</b>"]
    assert rows(page)[0][0] == "<script>document.title = 1</script>"
    assert page.js("document.title") != "1" and not page.js("document.querySelector('.tree img, .grid b, .grid script')")
    assert_clean(page)
    fresh.stop()


@case
def a_live_result_survives_kill_9():
    data = tempfile.mkdtemp(prefix="millrace-console-")
    http, kafka = free_port(), free_port()
    first = launch(data_dir=data, http=f"127.0.0.1:{http}", kafka=f"127.0.0.1:{kafka}")
    sql(first, "CREATE TABLE kept (id INT PRIMARY KEY, n INT); INSERT INTO kept VALUES (1, 1);")
    page = open_console(first)
    run(page, "SELECT * FROM kept EMIT CHANGES;")
    wait_rows(page, "rows => rows.length === 1", "the row")
    os.kill(first.pid, signal.SIGKILL)
    wait_state(page, "disconnected")
    page.wait_text("The connection ended", ".result-cards")
    page.wait_text("The server does not answer.", "#banner")
    second = launch(data_dir=data, http=f"127.0.0.1:{http}", kafka=f"127.0.0.1:{kafka}")
    wait_state(page, "live")
    page.wait_text("The page has reconnected", ".result-cards")
    sql(second, "UPDATE kept SET n = 2 WHERE id = 1;")
    wait_rows(page, "rows => rows.length === 1 && rows[0][1] === '2'", "the change after the restart")
    page.wait("document.querySelector('#banner').hidden || !document.querySelector('#banner').innerText.includes('answer')")
    page.close()
    second.stop()


@case
def a_login_is_asked_for_and_ends():
    guarded = launch("--access-file", file_with("host all all 127.0.0.1/32 scram-sha-256\n"),
                     "--superuser-password-file", file_with("a long password\n"))
    page = browser().page(url(guarded))
    page.wait("document.querySelector('dialog[open] .login input')", "the login")
    assert "millrace" not in page.text(".tree"), "the page shows no data before the login"
    page.type("millrace")
    page.press("Tab")
    page.type("wrong")
    page.press("Enter")
    page.wait("document.querySelector('.login .error-text')?.innerText.length > 5", "the reason of the rejection")
    page.js("document.querySelector('.login input[type=password]').select()")
    page.type("a long password")
    page.press("Enter")
    page.wait("document.querySelector('.CodeMirror')", "the editor after the login")
    page.wait_text("millrace", ".user")
    run(page, "CREATE USER eve PASSWORD 'eves password';")
    wait_state(page, "done")
    page.click(".user .button")
    page.click(".menu-item", "Log out")
    page.wait("document.querySelector('dialog[open] .login input')", "the login after the logout")
    page.type("eve")
    page.press("Tab")
    page.type("eves password")
    page.press("Enter")
    page.wait_text("eve", ".user")
    run(page, "CREATE STREAM forbidden (id INT KEY);")
    wait_state(page, "error")
    page.wait_text("No privilege", ".result-cards")
    page.close()
    guarded.stop()


@case
def a_read_only_console_reports_it():
    fixed = launch("--console", "read-only")
    page = open_console(fixed)
    page.wait_text("read-only", "#banner")
    run(page, "CREATE STREAM refused (id INT KEY);")
    wait_state(page, "error")
    page.wait_text("25006", ".status")
    assert_clean(page)
    fixed.stop()


@case
def a_textarea_serves_without_codemirror():
    target = browser()
    page = target.page("about:blank")
    page.call("Network.setBlockedURLs", urls=["*vendor/codemirror.js*"])
    page.go(url(server()))
    page.wait("document.querySelector('.plain-editor')", "the plain editor")
    page.click(".plain-editor")
    page.insert("SELECT 7 AS seven")
    page.press("Control+Enter")
    wait_rows(page, "rows => rows.length === 1 && rows[0][0] === '7'", "the row")
    page.close()


@case
def drafts_and_settings_outlive_a_reload():
    page = open_console(server())
    write(page, "SELECT 'kept' AS draft;")
    page.wait("JSON.parse(localStorage['millrace.drafts'] ?? '{}').list?.[0].text.includes('kept')", "the kept draft")
    page.follow("#settings")
    page.click(".segments button", "Dark")
    page.go(url(server()))
    page.wait("document.querySelector('.CodeMirror')?.CodeMirror.getValue().includes('kept')", "the restored draft")
    assert page.js("document.documentElement.dataset.theme") == "dark"
    assert_clean(page)
