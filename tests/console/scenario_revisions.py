"""Changes that are compared before they are made: a query with its replacement."""
import json

from millrace_server import case, launch
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

