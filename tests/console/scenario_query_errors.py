"""An engineer on call follows a finding to the query, to the message of its errors, and to the record that failed."""
from millrace_server import case, launch
from patience import wait_until
from scenario import assert_clean, sql
from scenario_oncall import open_page, wait_table
from scenario_topics import produce

BAD = "document.querySelector('.query-errors')"


def rows_of(to, statement):
    return [line for line in sql(to, statement) if isinstance(line, list)]


def wait_errors(page, holds):
    """Waits until the rows of the errors have a property; white space of the rows is one space each."""
    wait_table(page, f"found => {{ const rows = found.map(each => each.replace(/\\s+/g, ' ')); return rows.length > 0 && {holds}; }}", "the errors", "Errors")


def make_failing_query(to):
    sql(to, "CREATE STREAM bad (id INT KEY, n INT) WITH (PARTITIONS = 1); CREATE TABLE ratios AS SELECT id, SUM(10 / n) AS r FROM bad GROUP BY id;"
            "INSERT INTO bad VALUES (1, 0);")


@case
def a_finding_leads_to_the_record_that_failed():
    fresh = launch()
    make_failing_query(fresh)
    samples = "SELECT 1 FROM millrace_catalog.samples WHERE name = 'millrace_query_errors_per_second'"
    wait_until(lambda: rows_of(fresh, samples), "a sample before the next errors")
    page = open_page(fresh, "#overview", ".all-well")
    produce(fresh, "bad", [(0, None, "<b>no JSON"), (0, None, "<b>no JSON")])
    page.wait_text("could not use records in the last 10 minutes", ".finding")
    page.wait("document.querySelector('nav .badge')?.textContent === '▲1'", "the number on every page")
    page.click(".finding .button", "Open")
    page.wait_text("CTAS_RATIOS", "h1")
    wait_errors(page, "/^value: not valid JSON.* 2 bad-0@2 bad-0@1 /.test(rows[0]) && /^division by zero 1 bad-0@0 /.test(rows[1])")
    produce(fresh, "bad", [(0, None, "<b>no JSON")])
    page.wait_text("bad-0@3", ".query-errors")
    page.click(".query-errors a", "bad-0@1")
    page.wait("location.hash === '#topics?t=bad&p=0&from=offset&offset=1'", "the address of the record")
    page.wait("document.querySelector('.message-table tbody tr')?.innerText.includes('<b>no JSON')", "the record")
    page.click(".message-table .offset-button", "1")
    page.wait_text("<b>no JSON", "dialog .record-value")
    assert_clean(page)
    fresh.stop()


@case
def errors_that_cannot_be_read_have_a_reason_and_a_button():
    fresh = launch()
    make_failing_query(fresh)
    page = open_page(fresh, "#queries", ".live-table a")
    page.js("""(() => {
        const send = window.fetch;
        window.isBroken = true;
        window.fetch = async (address, options) => window.isBroken && String(options?.body ?? '').includes('ksql_processing_log')
            ? new Response('{"error": {"code": "42501", "message": "no right on topic ksql_processing_log"}}\\n') : send(address, options);
    })()""")
    page.click(".live-table a", "CTAS_RATIOS")
    page.wait_text("You do not have the right to see this: no right on topic ksql_processing_log.", ".query-errors")
    assert page.js(f"{BAD}.querySelector('.live-scroll').hidden")
    page.js("window.isBroken = false")
    page.click(".query-errors .button", "Try again")
    wait_errors(page, "/^division by zero 1 bad-0@0 /.test(rows[0])")
    assert_clean(page)
    fresh.stop()
