"""The lineage of all objects: what an object reads, and what a drop affects."""
from confluent_kafka import Consumer, TopicPartition
from millrace_server import case, launch
from scenario import assert_clean, sql
from scenario_oncall import make_query, open_page
from scenario_states import ODD_NAMES

PLACES = "[...document.querySelectorAll('.lineage-place')]"


@case
def the_lineage_shows_what_a_drop_affects():
    fresh = launch()
    make_query(fresh)
    for name in ODD_NAMES:
        consumer = Consumer({"bootstrap.servers": fresh.kafka, "group.id": name})
        consumer.commit(offsets=[TopicPartition("by_city", 0, 1)], asynchronous=False)
        consumer.close()
    page = open_page(fresh, "#lineage", ".lineage-place")
    page.wait(f"{PLACES}.some(each => each.dataset.id === 'stream ORDERS')", "the stream")
    names = page.js(f"{PLACES}.filter(each => each.dataset.kind === 'group').map(each => each.querySelector('title').textContent)")
    assert sorted(names) == sorted(ODD_NAMES), names
    page.js(f"{PLACES}.find(each => each.dataset.id === 'stream ORDERS').focus()")
    page.press("Enter")
    page.wait_text("A drop affects 1 query, 1 table, 1 topic, 4 groups", ".lineage-choice")
    assert page.js(f"{PLACES}.find(each => each.dataset.id === 'stream KSQL_PROCESSING_LOG').classList.contains('is-near')") is False
    page.click(".segments button", "Rate")
    page.wait(f"{PLACES}.some(each => each.dataset.kind === 'query' && each.textContent.includes('rows/s'))", "the rate of the query")
    page.click(".segments button", "List")
    page.wait("[...document.querySelectorAll('.live-table tbody tr')].some(row => row.innerText.includes('stream ORDERS'))", "the list")
    page.click(".segments button", "Graph")
    page.press("Escape")
    page.js("document.activeElement.blur()")
    page.press("/")
    page.type("by_ci")
    page.wait(f"{PLACES}.length > 0 && {PLACES}.every(each => each.dataset.id !== 'stream KSQL_PROCESSING_LOG')", "the filtered objects")
    page.reload()
    page.wait_text("A drop affects", ".lineage-choice")
    assert page.js("document.title") != "1" and not page.js("document.querySelector('main img')")
    assert page.js("document.documentElement.scrollWidth <= innerWidth"), "the page does not scroll sideways"
    assert_clean(page)
    fresh.stop()


@case
def a_large_lineage_is_drawn_around_one_object():
    fresh = launch()
    sql(fresh, "CREATE STREAM s (id INT KEY, n INT) WITH (PARTITIONS = 1);")
    for first in range(0, 250, 50):
        sql(fresh, "".join(f"CREATE STREAM s_{at:03d} (id INT KEY, n INT) WITH (PARTITIONS = 1);" for at in range(first, first + 50)))
    sql(fresh, "CREATE STREAM few AS SELECT * FROM s_007 WHERE n > 1;")
    page = open_page(fresh, "#lineage", ".lineage-names button")
    page.wait_text("too many for a picture", ".lineage-body")
    page.press("/")
    page.type("s_007")
    # The picture is drawn after the last key too; an earlier picture, of "s_00", shows this stream and loses the focus.
    page.wait("document.querySelector('.list-bar [role=status]').textContent.startsWith('3 of ')", "the objects that fit the name")
    page.js(f"{PLACES}.find(each => each.dataset.id === 'stream S_007').focus()")
    page.press("Enter")
    page.wait_text("A drop affects 1 query, 1 stream, 1 topic", ".lineage-choice")
    page.reload()
    page.wait(f"{PLACES}.length > 2 && {PLACES}.length < 10", "the surroundings of the chosen object")
    assert_clean(page)
    fresh.stop()
