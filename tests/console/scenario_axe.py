"""axe-core finds no violation of accessibility rules on any page and in any dialog, in both themes."""
import json
import os
import re
import tempfile
import urllib.request

import axe
from confluent_kafka import Consumer, TopicPartition
from millrace_server import case, has_limit, launch
from patience import patience
from scenario import browser, open_console, run, server, sql, url, wait_state
from scenario_hostile import guarded, log_in, pages
from scenario_oncall import make_query, open_page
from scenario_states import SITE, file_with

SCHEMA = {"schema": '{"type":"record","name":"r","fields":[{"name":"a","type":"int"}]}'}
CONNECTOR = """CREATE SOURCE CONNECTOR feed WITH ("connector.class" = 'file', "file" = 'in.json', "topic" = 'feed', "format" = 'json');"""
WIDTHS = (1280, 390)  # px; the narrow one is the width of a phone
LISTS = ("#topics", "#queries", "#connectors", "#links")  # the pages of objects that are checked at both widths


def look(page, what, found, widths=(1280,)):
    for width in widths:
        page.resize(width, 800)
        page.wait(f"innerWidth === {width}")
        for theme in ("light", "dark"):
            page.prefer(theme, reduced_motion=True)
            page.wait(f"document.documentElement.dataset.theme === '{theme}'")
            found += [f"{what}, {theme}, {width} px: {each}" for each in axe.violations(page)]
    page.prefer("light")
    page.resize(1280, 800)


def dialog(page, selector, text, what, found, ready="true"):
    """Opens a dialog with a button, checks it and closes it."""
    page.click(selector, text)
    page.wait(f"document.querySelector('dialog[open]') && ({ready})", what)
    look(page, what, found)
    page.press("Escape")
    page.wait("!document.querySelector('dialog[open]')", f"the end of: {what}")


def end(page, found):
    page.close()
    assert not found, "\n".join(found)


@case
@has_limit(600)
def axe_finds_nothing_on_pages_without_objects():
    axe.source()  # skips the case before a server is started
    found = []
    with open(os.path.join(SITE, "core/router.js"), encoding="utf-8") as router:
        paths = re.findall(r"path: '(\w+)'", router.read())
    page = browser().page(url(server()))
    for path in paths:
        page.follow(f"#{path}")
        page.wait(f"document.querySelector('.main-{path}')?.children.length", f"the page {path}")
        page.wait("[...document.querySelectorAll('.panel[data-state]')].every(each => each.dataset.state !== 'loading')", f"the panels of {path}")
        look(page, path, found, WIDTHS)
    end(page, found)


@case
@has_limit(600)
def axe_finds_nothing_in_dialogs_of_the_editor_and_the_shell():
    axe.source()
    page, found = open_console(server()), []
    run(page, "SELECT 1 AS one, 'text' AS text;")
    wait_state(page, "done")
    look(page, "a result", found, WIDTHS)
    for button in ("History", "Share"):
        dialog(page, ".actions .button", button, button, found)
    page.js("document.querySelector('.grid').focus()")
    page.press("Enter")
    page.wait("document.querySelector('dialog .value')", "the value of a cell")
    look(page, "a value", found)
    page.press("Escape")
    dialog(page, ".palette-button", None, "the palette", found, "document.querySelector('.palette-item')")
    dialog(page, "[aria-label='Keys']", None, "the keys", found)
    for button in ("Columns", "Export"):
        page.click(".result-tools .button", button)
        page.wait("document.querySelector('.menu')", "the menu")
        look(page, f"the menu {button}", found)
        page.press("Escape")
    run(page, "SELECT nme FROM nowhere;")
    wait_state(page, "error")
    look(page, "an error", found)
    run(page, "SELECT * FROM millrace_catalog.queries EMIT CHANGES;")
    wait_state(page, "live")
    dialog(page, ".result-tools .button", "from this", "a table from a query", found)
    end(page, found)


@case
@has_limit(600)
def axe_finds_nothing_on_pages_and_in_dialogs_of_objects():
    axe.source()
    found, fresh = [], launch("--connect-files", tempfile.mkdtemp())
    make_query(fresh)
    sql(fresh, CONNECTOR + f"CREATE LINK prod WITH ('bootstrap.servers' = '{fresh.kafka}');")
    request = urllib.request.Request(f"http://{fresh.http}/subjects/s/versions", json.dumps(SCHEMA).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=patience(20)).close()
    consumer = Consumer({"bootstrap.servers": fresh.kafka, "group.id": "billing"})
    consumer.commit(offsets=[TopicPartition("orders", 0, 0)], asynchronous=False)
    consumer.close()
    query = [row[0] for row in sql(fresh, "SELECT query FROM millrace_catalog.queries") if isinstance(row, list)][0]
    page = open_page(fresh, "#topics", ".live-table a")
    follower = page.sibling(url(fresh))  # its statement is among the push queries
    follower.wait("document.querySelector('.CodeMirror')", "the editor")
    run(follower, "SELECT * FROM orders EMIT CHANGES;")
    wait_state(follower, "live")
    page.call("Page.bringToFront")
    for fragment, ready, dialogs in (
            ("#topics", ".live-table a", [(".list-bar .button", "New topic…")]),
            ("#topics?t=orders", ".offset-button", [(".offset-button", None), (".message-form .button", "Produce…")]),
            ("#topics?t=orders&tab=partitions", ".live-table tbody th", [(".list-bar .button", "Add partitions…"), (".list-bar .button", "Delete records…")]),
            ("#topics?t=orders&tab=settings", ".setting-table", [("[aria-label='Change retention.ms']", None)]),
            ("#groups?g=billing", ".live-table a", [(".query-acts .button:not(:disabled)", "Reset offsets…")]),
            (f"#queries?q={query}", ".query-acts .button", [(".query-acts .button", "Drop…"), (".query-acts .button", "Replace…")]),
            ("#lineage", ".lineage-place", []),
            ("#schemas?s=s", ".record-text", [(".list-bar .button", "Check a schema…"), (".list-bar .button", "Change rules…")]),
            ("#queries", '[aria-label^="Stop…"]', [("[aria-label^='Stop…']", None)]),
            ("#settings", '[aria-label="Change… compat"]', [("[aria-label='Change… compat']", None)]),
            ("#connectors", ".live-table a", []),
            ("#connectors?new=source%20file", ".connector-field", []),
            ("#connectors?c=feed", ".setting-table tr[data-own]", [("[aria-label='Change format']", None), (".query-acts .button", "Drop…")]),
            ("#links", ".live-table a", []),
            ("#links?new=", ".connector-field", []),
            ("#links?l=prod", ".query-acts .button", [(".query-acts .button", "Drop…")])):
        page.follow(fragment)
        page.wait(f"document.querySelector('{ready}')", f"{ready} on {fragment}")
        look(page, fragment, found, WIDTHS if fragment in LISTS else WIDTHS[:1])
        for selector, text in dialogs:
            dialog(page, selector, text, f"{fragment} {text or selector}", found)
    fresh.stop()
    end(page, found)


@case
@has_limit(600)
def axe_finds_nothing_on_a_phone_after_a_login():
    axe.source()
    to, found = guarded(), []
    page = browser().page(url(to), 390, 780)
    log_in(page, "millrace", "a long password")
    for path in pages():  # the last pages scroll the links of the first ones out of the window
        page.follow(f"#{path}")
        page.wait(f"document.querySelector('.main-{path}')?.children.length", f"the page {path}")
        page.wait("[...document.querySelectorAll('.panel[data-state]')].every(each => each.dataset.state !== 'loading')", f"the panels of {path}")
        found += [f"{path}: {each}" for each in axe.violations(page)]
        if path == "settings":
            assert page.js("document.querySelector('.nav').scrollLeft > 0"), "the navigation is scrolled"
    to.stop()
    end(page, found)


@case
def axe_finds_nothing_in_the_login():
    axe.source()
    guarded = launch("--access-file", file_with("host all all 127.0.0.1/32 scram-sha-256\n"),
                     "--superuser-password-file", file_with("a long password\n"))
    page, found = browser().page(url(guarded)), []
    page.wait("document.querySelector('dialog[open] .login input')", "the login")
    look(page, "the login", found)
    guarded.stop()
    end(page, found)
