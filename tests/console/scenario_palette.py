"""The palette finds the objects of the server on every page, and the keyboard alone opens them."""
import json

from confluent_kafka import Consumer, TopicPartition
from millrace_server import case, launch
from scenario import assert_clean, sql
from scenario_oncall import open_page
from scenario_states import ODD_NAMES

OPTIONS = "[...document.querySelectorAll('.palette-item')].map(each => each.innerText.replace(/\\n/g, ' '))"


def open_palette(page, text):
    page.press("Control+k")
    page.wait("document.activeElement?.closest('.palette-input')", "the palette")
    page.type(text)


@case
def the_palette_finds_objects_on_every_page():
    fresh = launch()
    sql(fresh, "CREATE STREAM orders (id INT KEY, city VARCHAR) WITH (PARTITIONS = 1);"
               "CREATE TABLE by_city AS SELECT city, COUNT(*) AS n FROM orders GROUP BY city;"
               "INSERT INTO orders VALUES (1, 'Lahore');")
    for name in ODD_NAMES:
        consumer = Consumer({"bootstrap.servers": fresh.kafka, "group.id": name})
        consumer.commit(offsets=[TopicPartition("orders", 0, 1)], asynchronous=False)
        consumer.close()
    page = open_page(fresh, "#overview", ".tile-value")
    open_palette(page, "topic orders")
    page.wait(f"{OPTIONS}[0] === 'orders topic'", "the topic")
    page.press("Enter")
    page.wait("document.querySelector('h1')?.textContent === 'orders'", "the page of the topic")
    for name in ODD_NAMES:
        open_palette(page, name)
        page.wait(f"{OPTIONS}.includes({json.dumps(name + ' consumer group')})", name)
        page.press("Enter")
        page.wait(f"document.querySelector('h1')?.textContent === {json.dumps(name)}", f"the page of {name}")
    assert page.js("document.title") != "1" and not page.js("document.querySelector('main img')")
    open_palette(page, "query ctas")
    page.wait(f"{OPTIONS}.some(each => each.startsWith('CTAS_BY_CITY'))", "the query")
    page.press("Enter")
    page.wait_text("CTAS_BY_CITY", "h1")
    open_palette(page, "relation by_")
    page.wait(f"{OPTIONS}[0] === 'by_city relation'", "the table")
    page.press("Enter")
    page.wait("document.querySelector('.CodeMirror')?.CodeMirror.getValue().includes('FROM by_city')", "its statement in the editor")
    open_palette(page, "no such thing at all")
    page.wait_text("Nothing has this name", ".palette-list")
    page.press("Escape")
    assert_clean(page)
    fresh.stop()
