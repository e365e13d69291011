"""A large value on the page SQL, and live results whose session or node disappears."""
import cluster_nodes
from millrace_server import Server, case, has_limit, launch
from scenario import assert_clean, browser, open_console, run, sql, url, wait_rows, wait_state
from scenario_hostile import ROOT, guarded, log_in
from scenario_topics import produce

BYTES = 1_000_000  # of the long value


@case
def a_value_of_1_mb_is_shown_in_a_result():
    fresh = launch()
    sql(fresh, "CREATE STREAM raw (v VARCHAR) WITH (KAFKA_TOPIC = 'raw', PARTITIONS = 1, VALUE_FORMAT = 'KAFKA');")
    produce(fresh, "raw", [(0, None, "v" * BYTES)])
    page = open_console(fresh)
    run(page, "SELECT v FROM raw;")
    wait_state(page, "done")
    wait_rows(page, "rows => rows.length === 1 && rows[0][0].startsWith('vvv')", "the row")
    assert page.js("document.documentElement.scrollWidth <= innerWidth"), "the page does not scroll sideways"
    page.js("document.querySelector('.grid').focus()")
    page.press("Enter")
    page.wait(f"document.querySelector('dialog .value')?.textContent.length >= {BYTES}", "the whole value")
    page.press("Escape")
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
    assert_clean(page)
    fresh.stop()


@case
def a_live_result_ends_with_the_session_of_its_user():
    to = guarded()
    sql(to, "CREATE STREAM orders (id INT KEY, v INT) WITH (PARTITIONS = 1); CREATE USER eve PASSWORD 'eves password';"
            "GRANT SELECT ON orders TO eve;", user=ROOT)
    page = browser().page(url(to))
    log_in(page, "eve", "eves password")
    page.wait("document.querySelector('.CodeMirror')", "the editor")
    run(page, "SELECT * FROM orders EMIT CHANGES;")
    wait_state(page, "live")
    sql(to, "INSERT INTO orders VALUES (1, 41);", user=ROOT)
    wait_rows(page, "rows => rows.length === 1", "the row before the end")
    sql(to, "REVOKE SELECT ON orders FROM eve; DROP USER eve;", user=ROOT)
    page.wait("document.querySelector('.status')?.dataset.state !== 'live'", "the end of the live result")
    page.js("dispatchEvent(new Event('focus'))")
    page.wait("document.querySelector('dialog[open] .login input')", "the login")
    page.close()
    to.stop()


@case
@has_limit(300)
def a_live_result_continues_while_another_node_is_away():
    cluster = cluster_nodes.Cluster(3)
    try:
        node = cluster.nodes[1]
        host, port = node.pg.rsplit(":", 1)
        to = Server(host, int(port), node.kafka, node.http)
        sql(to, "CREATE TABLE kept (id INT PRIMARY KEY, n INT) WITH (PARTITIONS = 6, REPLICAS = 3); INSERT INTO kept VALUES (1, 1);")
        page = open_console(to)
        run(page, "SELECT * FROM kept EMIT CHANGES;")
        wait_rows(page, "rows => rows.length === 1", "the row")
        cluster.nodes[3].kill()
        for key in range(2, 14):  # keys of all partitions, including those that node 3 led
            cluster_nodes.eventually(lambda key=key: written(to, key), 60)
        wait_rows(page, "rows => rows.length === 13", "the rows after the death of the node")
        assert page.js("document.querySelector('.status').dataset.state") == "live"
        page.close()
    finally:
        cluster.close()


def written(to, key):
    """Whether a row was written; until the leaders have moved, the server may reject it."""
    try:
        sql(to, f"INSERT INTO kept VALUES ({key}, {key});")
    except (AssertionError, OSError):
        return False
    return True
