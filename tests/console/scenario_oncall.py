"""The storyboards of an engineer on call and of an operator: problems first, one query, the nodes, a server that is killed."""
import os
import signal
import tempfile

import scenario_states
from cluster_nodes import Cluster, free_port
from millrace_server import Server, case, launch
from patience import wait_until
from scenario import assert_clean, browser, sql, url

FOLLOWED = ("SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active' AND application_name = 'http' "
            "AND query LIKE '%EMIT CHANGES%' AND query NOT LIKE '%pg_stat_activity%'")
STATEMENTS = 2  # which the page of queries follows: the queries, and the findings that every page follows
TABLE = ("[...(document.querySelector('%s.live-table')?.querySelectorAll('tbody tr') ?? [])]"
         ".map(row => row.innerText.replaceAll('\\t', ' '))")


def open_page(to, fragment, ready, width=1280):
    page = browser().page(url(to) + fragment, width, 900)
    page.wait(f"document.querySelector('{ready}')", f"{ready} on {fragment}")
    return page


def wait_table(page, holds, what, label=None):
    """Waits until the texts of the rows of a table have a property, which a function of JavaScript computes. `label` names the
    table; without it, the first table of the page is read. A page may have several tables, and their order may change."""
    table = TABLE % (f'[aria-label="{label}"] ' if label else "")
    page.wait(f"({holds})({table})", what)


def make_query(to):
    sql(to, "CREATE STREAM orders (id INT KEY, city VARCHAR, amount DECIMAL(10, 2)) WITH (PARTITIONS = 3);"
            "CREATE TABLE by_city AS SELECT city, COUNT(*) AS n FROM orders GROUP BY city;"
            "INSERT INTO orders VALUES (1, 'Lahore', 120.00), (2, 'Karachi', 80.50);")


@case
def the_overview_changes_by_itself_and_leads_to_a_query():
    fresh = launch()
    page = open_page(fresh, "#overview", ".all-well")
    page.wait("document.querySelector('.tile-value')?.innerText.includes('pg')", "the clients")
    page.wait("!document.querySelector('.all-well').hidden", "a server without problems")
    wait_table(page, "rows => rows.some(row => row.includes('No query runs'))", "the empty list")
    make_query(fresh)
    wait_table(page, "rows => rows.some(row => /^CTAS_BY_CITY.*RUNNING/.test(row))", "the new query")
    page.click(".live-table a", "CTAS_BY_CITY")
    page.wait_text("CTAS_BY_CITY", "h1")
    page.wait("document.querySelectorAll('.task-cell').length >= 3", "the tasks")
    page.wait("document.querySelectorAll('.plan-place .plan-stage').length === 2", "the plan")
    page.wait("[...document.querySelectorAll('.plan-place .plan-load')].every(each => each.textContent.includes('/s'))", "the loads")
    page.wait("document.querySelectorAll('.neighbours .plan-stage').length >= 3", "the neighbours")
    page.wait("[...document.querySelectorAll('.hour-chart .chart')].every(each => !each.hidden)", "the graphs of the history")
    assert "CREATE TABLE by_city" in page.text(".live-page")
    assert_clean(page)
    fresh.stop()


@case
def a_query_is_paused_and_resumed_after_its_statement_was_shown():
    fresh = launch()
    make_query(fresh)
    name = [row[0] for row in sql(fresh, "SELECT query FROM millrace_catalog.queries") if isinstance(row, list)][0]
    page = open_page(fresh, f"#queries?q={name}", ".query-acts .button")
    page.click(".query-acts .button", "Pause")
    page.wait_text("PAUSE", "dialog .sql-text")
    page.press("Escape")
    page.wait("!document.querySelector('dialog[open]')")
    assert page.text(".query-acts").startswith("Pause"), "Esc runs nothing"
    page.click(".query-acts .button", "Pause")
    page.click("dialog .button", "Pause")
    page.wait_text("PAUSED", ".query-facts")
    page.click(".query-acts .button", "Resume")
    page.click("dialog .button", "Resume")
    page.wait_text("RUNNING", ".query-facts")
    page.click(".query-acts .button", "Drop…")
    page.wait("document.querySelector('dialog .button.danger').disabled", "the name has to be typed")
    page.type(name)
    page.press("Enter")
    page.wait_text("No query", ".live-page .note")
    assert_clean(page)
    fresh.stop()


@case
def the_list_of_queries_filters_sorts_and_shows_its_statement():
    fresh = launch()
    make_query(fresh)
    sql(fresh, "CREATE TABLE by_id AS SELECT id, COUNT(*) AS n FROM orders GROUP BY id;")
    page = open_page(fresh, "#queries", ".live-table a")
    wait_table(page, "rows => rows.length === 2", "both queries")
    page.press("/")
    page.type("by_id")
    wait_table(page, "rows => rows.length === 1 && rows[0].includes('BY_ID')", "the filtered list")
    page.js("document.querySelector('.filter').value = ''; document.querySelector('.filter').dispatchEvent(new Event('input'))")
    page.click(".sort-button", "Query")
    wait_table(page, "rows => rows.length === 2 && rows[0] > rows[1]", "the order from the last name")
    page.click(".sql-button")
    page.wait("document.querySelector('.CodeMirror')?.CodeMirror.getValue().includes('millrace_catalog.queries')", "the statement")
    assert_clean(page)
    fresh.stop()


@case
def figures_of_a_killed_server_are_grey_and_come_back():
    data = tempfile.mkdtemp(prefix="millrace-console-")
    http, kafka = free_port(), free_port()
    first = launch(data_dir=data, http=f"127.0.0.1:{http}", kafka=f"127.0.0.1:{kafka}")
    make_query(first)
    page = open_page(first, "#queries", ".live-table a")
    os.kill(first.pid, signal.SIGKILL)
    page.wait("document.querySelector('.live-panel.is-stale .stale-text')", "the note about old figures")
    assert "CTAS_BY_CITY" in page.text(".live-table"), "the last figures stay"
    second = launch(data_dir=data, http=f"127.0.0.1:{http}", kafka=f"127.0.0.1:{kafka}")
    page.wait("document.querySelector('.live-panel[data-state=live]')", "the figures after the restart")
    sql(second, "CREATE TABLE later AS SELECT id, COUNT(*) AS n FROM orders GROUP BY id;")
    wait_table(page, "rows => rows.some(row => row.includes('LATER'))", "a change after the restart")
    page.close()
    second.stop()


@case
def tabs_of_a_browser_share_one_connection():
    fresh = launch()
    make_query(fresh)

    def wait_followed(what):
        """Waits until the server runs the statements once. For a moment, a request runs beside the one that replaces it."""
        def followed():
            return [row for row in sql(fresh, FOLLOWED) if isinstance(row, list)][0][0]
        wait_until(lambda: followed() == STATEMENTS, lambda: f"{what}: {followed()} statements")
    page = open_page(fresh, "#queries", ".live-table a")
    page.wait("document.querySelector('.live-panel[data-state=live]')")
    wait_followed("one tab")
    second = page.sibling(url(fresh) + "#queries")
    second.wait("document.querySelector('.live-panel[data-state=live]')", "the rows of the second tab")
    wait_table(second, "rows => rows.some(row => row.includes('CTAS_BY_CITY'))", "the query in the second tab")
    wait_followed("two tabs")
    sql(fresh, "CREATE TABLE later AS SELECT id, COUNT(*) AS n FROM orders GROUP BY id;")
    for each in (page, second):
        wait_table(each, "rows => rows.some(row => row.includes('LATER'))", "the change in both tabs")
    assert_clean(page)
    fresh.stop()


@case
def a_user_sees_its_own_queries_and_no_others():
    guarded = launch("--access-file", scenario_states.file_with("host all all 127.0.0.1/32 scram-sha-256\n"),
                     "--superuser-password-file", scenario_states.file_with("a long password\n"))
    root = "Basic " + "bWlsbHJhY2U6YSBsb25nIHBhc3N3b3Jk"  # millrace:a long password
    sql(guarded, "CREATE STREAM hers (id INT KEY, v INT); CREATE STREAM secret (id INT KEY, v INT);"
                 "CREATE TABLE hers_t AS SELECT v, COUNT(*) AS n FROM hers GROUP BY v;"
                 "CREATE TABLE secret_t AS SELECT v, COUNT(*) AS n FROM secret GROUP BY v;"
                 "CREATE USER eve PASSWORD 'eves password'; GRANT SELECT ON hers TO eve; GRANT SELECT ON hers_t TO eve;", user=root)
    page = browser().page(url(guarded) + "#queries")
    page.wait("document.querySelector('dialog[open] .login input')", "the login")
    page.type("eve")
    page.press("Tab")
    page.type("eves password")
    page.press("Enter")
    wait_table(page, "rows => rows.length === 1 && rows[0].includes('HERS_T')", "her query alone")
    page.follow("#overview")
    wait_table(page, "rows => rows.some(row => row.includes('HERS_T'))", "the overview")
    assert "SECRET" not in page.text("body").upper()
    page.close()
    guarded.stop()


@case
def every_node_of_a_cluster_shows_all_nodes_and_one_that_is_away():
    cluster = Cluster(3)
    try:
        pages = []
        for number, node in cluster.nodes.items():
            host, port = node.pg.rsplit(":", 1)
            pages.append(open_page(Server(host, int(port), node.kafka, node.http), "#cluster", ".live-table"))
            wait_table(pages[-1], "rows => rows.length === 3 && rows.every(row => row.includes('there'))", f"three nodes on node {number}")
        cluster.nodes[3].kill()
        wait_table(pages[0], "rows => rows.some(row => /^3 .*away/.test(row))", "the node that is away")
        pages[0].wait_text("1 is away: 3", ".live-panel")
        assert_clean(pages[0])
    finally:
        cluster.close()


@case
def a_list_of_1000_queries_shows_all_figures_and_finds_one():
    fresh = launch()
    sql(fresh, "CREATE STREAM many (id INT KEY, v INT) WITH (PARTITIONS = 1);")
    for first in range(0, 1000, 50):
        sql(fresh, "".join(f"CREATE STREAM q_{at:03d} AS SELECT id, v + {at} AS v FROM many;" for at in range(first, first + 50)))
    page = open_page(fresh, "#queries", ".live-table a")
    page.wait_text("1,000 queries", ".list-bar")
    page.press("/")
    page.type("q_777")
    wait_table(page, "rows => rows.length === 1 && rows[0].includes('RUNNING')", "the query")
    page.click(".live-table a", "Q_777")
    page.wait("document.querySelector('.task-cell')", "the task of the query")
    page.follow("#overview")
    page.wait_text("10 of 1,000 rows are shown", ".live-page")
    sql(fresh, "INSERT INTO many VALUES (1, 1);")
    assert_clean(page)
    fresh.stop()
