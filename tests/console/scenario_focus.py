"""A table that changes keeps the focus of the keyboard on the control of its row."""
from millrace_server import case, launch
from patience import wait_until
from scenario import assert_clean, browser, server, sql, url, wait_rows
from scenario_keyboard import reach
from scenario_oncall import open_page, wait_table

TOPICS = "a_first", "b_second", "c_third", "d_fourth"
FOCUSED = "document.activeElement.textContent"
FILTERED = "topics", "groups", "queries", "schemas", "connectors", "audit", "access", "lineage"  # pages whose key / is their filter
# The answers of the server wait for release(). Without a shared worker, the page itself sends its requests.
HELD = """delete window.SharedWorker;
const real = window.fetch, released = new Promise(resolve => window.release = resolve);
window.fetch = async (url, options) => {
    if (url === '/sql') await released;
    return real(url, options);
};"""


@case
def rows_that_leave_and_move_do_not_take_the_focus_of_the_keyboard():
    fresh = launch()
    for topic in TOPICS:
        sql(fresh, f"CREATE STREAM {topic} (id INT KEY) WITH (KAFKA_TOPIC = '{topic}', PARTITIONS = 1);")
    page = open_page(fresh, "#topics", ".live-table a")
    wait_table(page, "rows => rows.length === 4", "the topics")
    page.js("""addEventListener('focusout', () => { window.lost = (window.lost ?? 0) + 1; });""")
    reach(page, ".live-table a", "c_third")
    page.js("window.lost = 0")
    # The row above ends.
    sql(fresh, "DROP STREAM a_first DELETE TOPIC;")
    wait_table(page, "rows => rows.length === 3", "the topics without the first")
    assert page.js(FOCUSED) == "c_third" and page.js("window.lost") == 0, page.js("document.activeElement.outerHTML")
    # A row appears above, and one below.
    for topic in ("a_new", "e_new"):
        sql(fresh, f"CREATE STREAM {topic} (id INT KEY) WITH (KAFKA_TOPIC = '{topic}', PARTITIONS = 1);")
    wait_table(page, "rows => rows.length === 5", "the new topics")
    assert page.js(FOCUSED) == "c_third" and page.js("window.lost") == 0
    # The rows are sorted in the opposite order, and the row with the focus moves from the third place to the first.
    page.js("document.querySelectorAll('.live-table .sort-button')[0].click()")
    sql(fresh, "DROP STREAM d_fourth DELETE TOPIC; DROP STREAM e_new DELETE TOPIC;")
    wait_table(page, "rows => rows.map(row => row.split(' ')[0]).join() === 'c_third,b_second,a_new'", "the opposite order")
    assert page.js(FOCUSED) == "c_third" and page.js("window.lost") == 0
    # When the row itself ends, the focus stays in the table.
    sql(fresh, "DROP STREAM c_third DELETE TOPIC;")
    wait_table(page, "rows => rows.length === 2", "the topics without the row of the focus")
    page.wait("document.activeElement.matches('.live-scroll')", "the focus on the table")
    reach(page, ".live-table a", "b_second")
    assert_clean(page)
    fresh.stop()


@case
def the_key_of_a_filter_works_while_the_rows_load():
    fresh = launch()
    sql(fresh, "CREATE STREAM plants (id INT KEY) WITH (KAFKA_TOPIC = 'plants', PARTITIONS = 1);")
    for fragment in FILTERED:
        page = browser().page(f"{url(fresh)}#{fragment}", before=HELD)
        page.wait("document.querySelector('main .page')", f"the page {fragment}")
        page.press("/")
        page.js("window.release()")
        page.wait("document.activeElement.matches('input.filter')", f"the filter of {fragment}")
        page.close()
    # The focus that has moved meanwhile stays where it is.
    page = browser().page(f"{url(fresh)}#topics", before=HELD)
    page.wait("document.querySelector('main .page')", "the page")
    page.press("/")
    page.press("Tab")
    page.js("window.release()")
    page.wait("document.querySelector('input.filter')?.offsetParent", "the rows")
    assert not page.js("document.activeElement.matches('input.filter')")
    assert_clean(page)
    fresh.stop()


def without_editor():
    """Opens the page SQL, and returns it with a function that lets the browser load the editor."""
    page = browser().page("about:blank")
    page.call("Fetch.enable", patterns=[{"urlPattern": "*/vendor/codemirror.js*"}])
    page.call("Page.navigate", url=url(server()))
    page.wait("document.querySelector('.run')", "the page")

    def load():
        def held():
            page.js("1")  # each call collects the events that have arrived
            return [each["params"]["requestId"] for each in browser().events
                    if each["method"] == "Fetch.requestPaused" and each.get("sessionId") == page._session]
        page.call("Fetch.continueRequest", requestId=wait_until(held, "the request of the editor")[0])
        page.wait("document.querySelector('.CodeMirror')", "the editor")
    return page, load


@case
def buttons_of_the_editor_wait_for_the_editor():
    page, load = without_editor()
    x, y = page.box(".run")
    for kind in ("mousePressed", "mouseReleased"):
        page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
    load()
    page.wait("document.activeElement.closest('.CodeMirror')", "the cursor in the editor")
    page.insert("SELECT 7 AS seven")
    page.click(".run")
    wait_rows(page, "rows => rows.length === 1 && rows[0][0] === '7'", "the row")
    assert_clean(page)


@case
def the_editor_does_not_take_the_focus_from_a_field():
    page, load = without_editor()
    page.click("#catalog input")
    page.type("or")
    load()
    page.wait("!document.querySelector('.skeleton')", "the catalog")
    page.type("der")
    assert page.js("document.activeElement.matches('#catalog input') && document.activeElement.value") == "order"
    assert_clean(page)
