"""Every page under bad conditions: a user without rights, a session that ends, a server that is killed."""
import os
import re
import signal
import tempfile

from cluster_nodes import free_port
from confluent_kafka import Consumer, TopicPartition
from millrace_server import case, launch
from scenario import browser, sql, url
from scenario_oncall import open_page
from scenario_states import SITE, file_with

ROOT = "Basic bWlsbHJhY2U6YSBsb25nIHBhc3N3b3Jk"  # millrace:a long password


def guarded():
    return launch("--access-file", file_with("host all all 127.0.0.1/32 scram-sha-256\n"),
                  "--superuser-password-file", file_with("a long password\n"))


def log_in(page, user, password):
    page.wait("document.querySelector('dialog[open] .login input')", "the login")
    page.type(user)
    page.press("Tab")
    page.type(password)
    page.press("Enter")
    page.wait_text(user, ".user")


def pages():
    with open(os.path.join(SITE, "core/router.js"), encoding="utf-8") as router:
        return re.findall(r"path: '(\w+)'", router.read())


@case
def a_user_without_rights_sees_no_data_and_no_name():
    to = guarded()
    sql(to, "CREATE STREAM hidden_orders (id INT KEY, v VARCHAR); CREATE TABLE hidden_sums AS SELECT v, COUNT(*) AS n FROM hidden_orders GROUP BY v;"
            "INSERT INTO hidden_orders VALUES (1, 'hidden_value'); CREATE USER eve PASSWORD 'eves password';", user=ROOT)
    page = browser().page(url(to) + "#overview")
    log_in(page, "eve", "eves password")
    for path in pages():
        page.follow(f"#{path}")
        page.wait(f"document.querySelector('.main-{path}')?.children.length && !document.querySelector('.skeleton')", f"the page {path}")
        page.wait("[...document.querySelectorAll('.panel[data-state]')].every(each => each.dataset.state !== 'loading')", f"the panels of {path}")
        shown = page.text("body").lower()
        assert "hidden_" not in shown, path
    for fragment, words in (("#topics?t=hidden_orders", "do not have the right"), ("#queries?q=CTAS_HIDDEN_SUMS_0", "or you may not see it"),
                            ("#groups?g=none", "or you may not see it"), ("#schemas?s=none", "or you may not see it")):
        page.follow(fragment)
        page.wait(f"document.querySelector('main').innerText.includes({words!r})", fragment)
        assert "hidden_value" not in page.text("body")
    page.press("Control+k")
    page.wait("document.querySelector('.palette-status')?.textContent === ''", "the objects of the palette")
    page.type("hidden")
    page.wait_text("Nothing has this name", ".palette-list")
    page.close()
    to.stop()


@case
def a_user_sees_its_rights_and_roles():
    to = guarded()
    sql(to, "CREATE STREAM o (id INT KEY, v VARCHAR); CREATE STREAM p (id INT KEY); CREATE USER eve PASSWORD 'eves password';"
            "CREATE ROLE readers; GRANT SELECT ON o TO readers; GRANT readers TO eve; GRANT SELECT, INSERT ON p TO eve;", user=ROOT)
    page = browser().page(url(to) + "#settings")
    log_in(page, "eve", "eves password")
    page.wait("document.querySelectorAll('.live-table tbody tr').length === 2", "the relations")
    rows = page.js("[...document.querySelectorAll('.live-table tbody tr')].map(row => row.innerText.split('\\t').map(each => each.trim()))")
    assert rows == [["o", "yes", "no"], ["p", "yes", "yes"]], rows
    page.wait_text("readers", ".query-facts")
    page.wait_text("none on everything", ".query-facts")
    page.close()
    to.stop()


@case
def a_session_that_ends_asks_for_the_login_on_every_page():
    to = guarded()
    page = browser().page(url(to) + "#overview")
    log_in(page, "millrace", "a long password")
    for path in pages():
        page.follow(f"#{path}")
        page.wait(f"document.querySelector('.main-{path}')?.children.length", f"the page {path}")
        page.call("Network.clearBrowserCookies")
        page.js("dispatchEvent(new Event('focus'))")
        log_in(page, "millrace", "a long password")
        page.wait("!document.querySelector('dialog[open]')", f"the end of the login on {path}")
        page.wait(f"document.querySelector('.main-{path}')?.children.length", f"the page {path} after the login")
    page.close()
    to.stop()


@case
def pages_of_groups_lineage_and_settings_survive_kill_9():
    data = tempfile.mkdtemp(prefix="millrace-console-")
    http, kafka = free_port(), free_port()
    start = {"data_dir": data, "http": f"127.0.0.1:{http}", "kafka": f"127.0.0.1:{kafka}"}
    first = launch(**start)
    sql(first, "CREATE STREAM orders (id INT KEY, city VARCHAR) WITH (PARTITIONS = 1); INSERT INTO orders VALUES (1, 'Lahore');")
    consumer = Consumer({"bootstrap.servers": first.kafka, "group.id": "billing"})
    consumer.commit(offsets=[TopicPartition("orders", 0, 0)], asynchronous=False)
    consumer.close()
    groups = open_page(first, "#groups", ".live-table a")
    lineage = open_page(first, "#lineage", ".lineage-place")
    settings = open_page(first, "#topics?t=orders&tab=settings", ".setting-table")
    os.kill(first.pid, signal.SIGKILL)
    groups.wait("document.querySelector('.live-panel.is-stale')", "grey figures")
    lineage.click(".panel-head .button", "Read again")
    lineage.wait_text("The server does not answer", ".lineage-body")
    settings.click("button[aria-label='Change retention.ms']")
    settings.insert("9000000000")
    settings.wait("document.querySelector('dialog .difference')?.innerText.includes('9000000000')", "the new value")
    second = launch(**start)
    groups.wait("!document.querySelector('.live-panel.is-stale') && document.querySelector('.live-table a')?.textContent === 'billing'",
                "the figures of the new server")
    lineage.click(".lineage-body .button", "Try again")
    lineage.wait("document.querySelector('.lineage-place')", "the lineage of the new server")
    for page in (groups, lineage, settings):
        page.close()
    second.stop()
