"""Changes that are compared before they are made: a query with its replacement, a schema with its versions."""
import json
import urllib.request

from millrace_server import case, launch
from patience import patience
from scenario import assert_clean, sql
from scenario_oncall import make_query, open_page

LINES = "[...document.querySelectorAll('.diff-line')].map(each => each.dataset.kind + ' ' + each.querySelector('code').textContent.trim())"


def write(page, selector, text):
    page.js(f"{{ const field = document.querySelector({json.dumps(selector)}); field.focus(); field.select(); }}")
    page.insert(text)


@case
def a_query_is_replaced_after_its_plans_were_compared():
    fresh = launch()
    make_query(fresh)
    sql(fresh, "CREATE STREAM paris AS SELECT * FROM orders WHERE city = 'Paris';"
               "CREATE STREAM loud AS SELECT * FROM paris WHERE amount > 1;")
    name = [row[0] for row in sql(fresh, "SELECT query FROM millrace_catalog.queries WHERE writes = 'PARIS'") if isinstance(row, list)][0]
    page = open_page(fresh, f"#queries?q={name}", ".query-acts .button")
    page.click(".query-acts .button", "Replace…")
    page.wait("document.querySelector('dialog textarea')?.value.startsWith('CREATE OR REPLACE STREAM paris')", "the statement")
    page.wait_text("query CSAS_LOUD", "dialog .readers")
    assert page.js("document.querySelector('dialog .button.danger').disabled"), "a statement runs after it was compared"
    write(page, "dialog textarea", "CREATE OR REPLACE STREAM paris AS SELECT id, amount FROM orders")
    page.click("dialog .button.primary", "Compare")
    page.wait_text("This cannot replace the query", "dialog .error-text")
    write(page, "dialog textarea", "CREATE OR REPLACE STREAM paris AS SELECT * FROM orders WHERE city = 'Rome';")
    page.click("dialog .button.primary", "Compare")
    page.wait(f"{LINES}.some(each => each.startsWith('removed -> Filter') && each.includes('Paris'))", "the old filter")
    assert any(each.startswith("added -> Filter") and "Rome" in each for each in page.js(LINES))
    page.wait("!document.querySelector('dialog .button.danger').disabled", "the statement that may run")
    page.click("dialog .button.danger", "Replace")
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
    page.wait("document.querySelector('pre[aria-label=Definition]')?.textContent.includes('Rome')", "the new definition")
    assert_clean(page)
    fresh.stop()


@case
def versions_of_a_schema_are_compared_and_a_new_text_is_checked():
    fresh = launch()
    for fields in ('{"name":"a","type":"int"}', '{"name":"a","type":"int"},{"name":"<b>","type":"int","default":0}'.replace("<b>", "b")):
        schema = '{"type":"record","name":"r","fields":[' + fields + "]}"
        request = urllib.request.Request(f"http://{fresh.http}/subjects/it's/versions", json.dumps({"schema": schema}).encode(),
                                         {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=patience(20)).close()
    page = open_page(fresh, "#schemas?s=it%27s", ".record-text")
    page.wait_text("BACKWARD", ".query-facts")
    page.click(".segments button", "Changes since version 1")
    page.wait(f"{LINES}.some(each => each.startsWith('added') && each.includes('\"b\"'))", "the new field")
    page.click(".list-bar .button", "Check a schema…")
    page.wait_text("✓ Compatible", "dialog .verdict")
    page.wait_text("The level of this subject is BACKWARD", "dialog")
    write(page, "dialog textarea", '{"type":"record","name":"r","fields":[{"name":"a","type":"string"}]}')
    page.wait_text("type mismatch", "dialog .problems")
    write(page, "dialog textarea", '{"type":"record"')
    page.wait("document.querySelector('dialog .verdict')?.innerText.includes('Invalid schema')", "a text that is no schema")
    page.press("Escape")
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
    assert [row for row in sql(fresh, "SHOW SCHEMAS") if isinstance(row, list)][-1][1] == 2, "a check registers nothing"
    page.close()
    fresh.stop()
