"""A table that changes keeps the focus of the keyboard on the control of its row."""
from millrace_server import case, launch
from scenario import assert_clean, sql
from scenario_keyboard import reach
from scenario_oncall import open_page, wait_table

TOPICS = "a_first", "b_second", "c_third", "d_fourth"
FOCUSED = "document.activeElement.textContent"


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
