"""The pages of topics: the list, the browser of records, producing, consumer groups, and schemas; names and values that try to be markup."""
import json
import urllib.request

import scenario_states
from confluent_kafka import Consumer, Producer
from millrace_server import case, launch
from patience import patience, wait_until
from scenario import assert_clean, browser, sql, url
from scenario_oncall import open_page, wait_table

HOSTILE = "<img src=x onerror=\"document.title='taken'\">'\"&amp;"
# The history gets a value every 5 seconds.
SAMPLES = "SELECT value FROM millrace_catalog.samples WHERE name = 'kafka_consumergroup_lag' AND value > 0"
ARABIC = "مرحبا \u202e بالعالم"


def produce(to, topic, records, **extra):
    """Writes records (partition, key, value), in their order."""
    producer = Producer({"bootstrap.servers": to.kafka, "message.max.bytes": 3_000_000})
    for partition, key, value in records:
        producer.produce(topic, value, key, partition, **extra)
    assert producer.flush(patience(60)) == 0


def make_topics(to):
    sql(to, "CREATE STREAM orders (id INT KEY, city VARCHAR) WITH (PARTITIONS = 3);"
            "INSERT INTO orders VALUES (1, 'Lahore'), (2, 'Karachi'), (3, 'Rome');"
            "CREATE STREAM raw (v VARCHAR) WITH (KAFKA_TOPIC = 'raw', PARTITIONS = 1, VALUE_FORMAT = 'KAFKA');")


def records(page):
    """The visible records, as lists of texts."""
    return page.js("[...document.querySelectorAll('.message-table tbody tr')].map(row => [...row.children].map(cell => cell.innerText))")


@case
def the_list_of_topics_has_figures_and_leads_to_records():
    fresh = launch()
    make_topics(fresh)
    page = open_page(fresh, "#topics", ".live-table a")
    wait_table(page, "rows => rows.some(row => /^orders 3 1 3 .* delete ORDERS$/.test(row))", "the figures of orders")
    sql(fresh, "INSERT INTO orders VALUES (4, 'Oslo');")
    wait_table(page, "rows => rows.some(row => /^orders 3 1 4 /.test(row))", "the record that came")
    assert "ksql_processing_log" not in page.text(".live-table")
    page.click(".list-bar input[type=checkbox]")
    wait_table(page, "rows => rows.some(row => row.startsWith('ksql_processing_log'))", "the internal topic")
    page.press("/")
    page.type("order")
    wait_table(page, "rows => rows.length === 1", "the filtered list")
    page.click(".live-table a", "orders")
    page.wait("document.querySelectorAll('.message-table tbody tr').length === 4", "the records")
    page.click(".tabs a", "Partitions")
    wait_table(page, "rows => rows.length === 3 && rows.every(row => /^[012] 0 /.test(row))", "the partitions")
    page.click(".tabs a", "Settings")
    page.wait_text("cleanup.policy", ".query-facts")
    assert_clean(page)
    fresh.stop()


@case
def a_topic_is_created_and_gets_a_record():
    fresh = launch()
    page = open_page(fresh, "#topics", ".list-bar .button")
    page.click(".list-bar .button", "New topic…")
    page.type("hand made")
    page.click("dialog .button.primary")
    page.wait("document.querySelector('dialog .error-text').textContent.length > 0", "a name that Kafka forbids is refused")
    page.js("document.querySelector('dialog input').value = ''")
    page.click("dialog input")
    page.type("hand-made")
    page.press("Tab")
    page.click("dialog .button.primary")
    page.wait("document.querySelector('h1')?.textContent === 'hand-made'", "the page of the new topic")
    page.wait_text("The topic has no records", ".messages")
    page.click(".message-form .button", "Produce…")
    page.type("k1")
    page.click("dialog textarea[aria-label=Value]")
    page.type('{"n": 12345678901234567890')
    page.wait("document.querySelector('dialog .button.primary').disabled", "a value that is not JSON is refused")
    page.type("}")
    page.click("dialog textarea[aria-label=Headers]")
    page.type("trace: abc")
    page.click("dialog .button.primary")
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
    page.click(".message-form .button", "Search")
    page.wait("document.querySelectorAll('.message-table tbody tr').length === 1", "the record")
    page.click(".offset-button")
    page.wait_text("12345678901234567890", "dialog .record-text")
    page.wait_text("abc", "dialog .header-list")
    page.click("dialog .segments button", "Bytes")
    page.wait_text("7b 22 6e 22", "dialog .record-text")
    page.click("dialog .dialog-foot .button", "Produce again…")
    page.wait("document.querySelector('dialog textarea[aria-label=Key]')?.value === 'k1'", "the copy")
    page.click("dialog .button.primary")
    page.wait("!document.querySelector('dialog[open]')", "the end of the second dialog")
    page.click(".message-form .button", "Search")
    page.wait("document.querySelectorAll('.message-table tbody tr').length === 2", "both records")
    with urllib.request.urlopen(f"http://{fresh.http}/v3/clusters", timeout=patience(20)) as answer:
        cluster = json.load(answer)["data"][0]["cluster_id"]
    assert_clean(page, ["Failed to load resource: the server responded with a status of 400 (Bad Request) "
                        f"http://{fresh.http}/v3/clusters/{cluster}/topics"])
    fresh.stop()


@case
def records_are_found_by_place_key_and_text():
    fresh = launch()
    make_topics(fresh)
    produce(fresh, "raw", [(0, f"k{at}", f"value {at} of many") for at in range(3000)])
    page = open_page(fresh, "#topics?t=raw", ".message-table tbody tr")
    page.wait("!document.querySelector('.message-foot .button:not(.stop)').hidden", "Continue")
    first = records(page)
    assert first[0][1] == "2,999" and first[0][4] == "value 2999 of many", first[0]
    assert 0 < len(first) < 3000, len(first)
    page.click(".message-foot .button", "Continue")
    page.wait(f"document.querySelectorAll('.message-table tbody tr').length > {len(first)}", "further records")
    offsets = [int(row[1].replace(",", "")) for row in records(page)]
    assert offsets == list(range(2999, 2999 - len(offsets), -1)), "no record is missing or twice"

    def search(**fields):
        for name, value in fields.items():
            page.js(f"""{{ const input = document.querySelector('.message-form [name={name}]');
                input.value = {json.dumps(value)}; input.dispatchEvent(new Event('change', {{bubbles: true}})); }}""")
        page.click(".message-form .button", "Search")

    search(text="value 17 ")
    page.wait("document.querySelectorAll('.message-table tbody tr').length === 1", "the record with the text")
    page.wait_text("Searched 3,000 records", ".message-foot")
    assert "1 found" in page.text(".message-foot")
    search(text="", key="k42")
    page.wait("document.querySelector('.message-table tbody tr')?.innerText.includes('value 42 ')", "the record with the key")
    search(key="", **{"from": "offset"}, offset="2998")
    page.wait("document.querySelectorAll('.message-table tbody tr').length === 2", "the records from an offset on")
    assert [row[1] for row in records(page)] == ["2,998", "2,999"]
    page.reload()
    page.wait("document.querySelectorAll('.message-table tbody tr').length === 2", "the same search after a reload")
    search(**{"from": "live"})
    page.wait_text("Nothing new yet", ".messages")
    produce(fresh, "raw", [(0, "late", "just now")])
    page.wait("document.querySelector('.message-table tbody tr')?.innerText.includes('just now')", "the new record")
    page.click(".message-foot .button", "Pause")
    produce(fresh, "raw", [(0, "later", f"paused {at}") for at in range(5100)])
    page.wait_text("5,101 new records since the page waits; 5,000 not shown yet, 100 older records removed", ".message-foot")
    assert len(records(page)) == 1, "a paused table does not change"
    page.click(".message-foot .button", "Resume")
    page.wait("document.querySelector('.message-table tbody tr')?.innerText.includes('paused 5099')", "the newest record")
    page.wait_text("101 older records removed from the page", ".message-foot")
    assert len(records(page)) == 5000, "the page keeps a bounded number of records"
    page.click(".message-foot .button", "Stop")
    search(**{"from": "newest"}, text="nowhere to be found")
    page.wait_text("No record fits", ".messages")
    assert_clean(page)
    fresh.stop()


@case
def names_and_values_from_data_are_never_markup():
    fresh = launch()
    make_topics(fresh)
    produce(fresh, "raw", [(0, HOSTILE, HOSTILE), (0, ARABIC, ARABIC), (0, "big", "v" * 1_000_000), (0, "gone", None),
                           (0, None, b"\x00\x01\xff")], headers=[("h" + HOSTILE, HOSTILE)])
    for width in (1280, 390):
        page = open_page(fresh, "#topics?t=raw", ".message-table tbody tr", width)
        page.wait("document.querySelectorAll('.message-table tbody tr').length === 3", "the records up to the big one, which fills the page")
        page.wait("!document.querySelector('.message-foot .button:not(.stop)').hidden", "Continue")
        page.click(".message-foot .button", "Continue")
        page.wait("document.querySelectorAll('.message-table tbody tr').length === 5", "all records")
        shown = records(page)
        assert shown[4][3:5] == [HOSTILE, HOSTILE] and shown[3][4] == ARABIC, shown[3:]
        assert shown[1][4] == "no value" and shown[0][3] == "no key", shown[:2]
        assert len(shown[2][4]) < 700, "a long value is cut in the list"
        assert page.js("document.documentElement.scrollWidth <= innerWidth"), "the page does not scroll sideways"
        page.js("document.querySelectorAll('.offset-button')[4].click()")
        page.wait("document.querySelector('dialog .record-text')", "the record")
        assert page.text("dialog .record-text") == HOSTILE
        assert HOSTILE in page.text("dialog .header-list")
        page.press("Escape")
        page.js("document.querySelectorAll('.offset-button')[2].click()")
        page.wait_text("of 1,000,000 characters", "dialog")
        assert page.js("document.querySelector('dialog').getBoundingClientRect().width <= innerWidth")
        assert page.js("document.title") != "taken" and not page.js("document.querySelector('main img, dialog img')")
        assert_clean(page)
    fresh.stop()


@case
def consumer_groups_show_their_lag():
    fresh = launch()
    make_topics(fresh)
    consumer = Consumer({"bootstrap.servers": fresh.kafka, "group.id": "billing <b>", "auto.offset.reset": "earliest"})
    consumer.subscribe(["orders"])
    got = 0
    while got < 3:
        message = consumer.poll(patience(20))
        assert message is not None, "a record for the group"
        got += message.error() is None
    consumer.commit(asynchronous=False)
    page = open_page(fresh, "#groups", ".live-table a")
    wait_table(page, "rows => rows.some(row => /^billing <b> .* 1 3 0$/.test(row))", "the group without lag")
    sql(fresh, "INSERT INTO orders VALUES (7, 'Oslo'), (8, 'Bonn');")
    wait_table(page, "rows => rows.some(row => row.endsWith(' 2'))", "the lag")
    page.click(".live-table a", "billing <b>")
    page.wait("document.querySelector('h1')?.textContent === 'billing <b>'", "the page of the group")
    wait_table(page, "rows => rows.length === 3 && rows.every(row => row.startsWith('orders'))", "the partitions")
    page.wait("document.querySelector('.hour-chart .chart:not([hidden])')", "the line of the history")
    wait_until(lambda: any(isinstance(line, list) for line in sql(fresh, SAMPLES)), "the lag in the history")
    page.reload()  # the map is read at opening, and again each minute
    page.wait("document.querySelectorAll('.lag-row').length === 3 && document.querySelector('.lag-cells rect:not([data-level=\"0\"])')",
              "the map of partitions and minutes")
    page.click(".live-table a", "orders")
    page.wait("document.querySelector('.message-table tbody tr')", "the records of the topic")
    consumer.close()
    assert_clean(page)
    fresh.stop()


@case
def schemas_are_listed_with_their_versions():
    fresh = launch()
    page = open_page(fresh, "#schemas", ".empty-row")
    for fields in ('{"name":"a","type":"int"}', '{"name":"a","type":"int"},{"name":"b","type":["null","string"],"default":null}'):
        schema = '{"type":"record","name":"r","fields":[' + fields + "]}"
        request = urllib.request.Request(f"http://{fresh.http}/subjects/orders-value/versions", json.dumps({"schema": schema}).encode(),
                                         {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=patience(20)).close()
    page.reload()
    wait_table(page, "rows => rows.some(row => /^orders-value AVRO 2 2 /.test(row))", "the subject")
    page.click(".live-table a", "orders-value")
    page.wait_text('"name": "b"', ".record-text")
    page.click(".tabs a", "Version 1")
    page.wait("!document.querySelector('.record-text')?.textContent.includes('\"b\"')", "the first version")
    assert_clean(page)
    fresh.stop()


@case
def a_reader_sees_granted_topics_alone_and_a_reason_for_the_others():
    guarded = launch("--access-file", scenario_states.file_with("host all all 127.0.0.1/32 scram-sha-256\n"),
                     "--superuser-password-file", scenario_states.file_with("a long password\n"))
    root = "Basic " + "bWlsbHJhY2U6YSBsb25nIHBhc3N3b3Jk"  # millrace:a long password
    sql(guarded, "CREATE STREAM hers (id INT KEY, v INT); CREATE STREAM secret (id INT KEY, v INT);"
                 "INSERT INTO hers VALUES (1, 1); INSERT INTO secret VALUES (1, 42);"
                 "CREATE USER eve PASSWORD 'eves password'; GRANT SELECT ON hers TO eve;", user=root)
    page = browser().page(url(guarded) + "#topics")
    page.wait("document.querySelector('dialog[open] .login input')", "the login")
    page.type("eve")
    page.press("Tab")
    page.type("eves password")
    page.press("Enter")
    wait_table(page, "rows => rows.length === 1 && rows[0].startsWith('hers')", "her topic alone")
    page.follow("#topics?t=secret")
    page.wait_text("You do not have the right to read this topic", ".messages")
    assert "42" not in page.text(".messages")
    page.follow("#topics?t=hers")
    page.wait("document.querySelectorAll('.message-table tbody tr').length === 1", "her record")
    page.wait_text("needs the right ALL on everything", ".message-form .reason")
    assert page.js("document.querySelector('.message-form .button:disabled')?.innerText") == "Produce…"
    page.close()
    guarded.stop()


@case
def a_list_of_5000_topics_shows_the_first_and_finds_the_others():
    fresh = launch()
    for first in range(0, 5000, 100):
        sql(fresh, "".join(f"CREATE STREAM t_{at:04d} (id INT KEY, v INT) WITH (PARTITIONS = 1);" for at in range(first, first + 100)))
    sql(fresh, "INSERT INTO t_4711 VALUES (1, 42);")
    page = open_page(fresh, "#topics", ".live-table a")
    page.wait_text("5,000 topics", ".list-bar")
    wait_table(page, "rows => rows.length === 200", "the first topics")
    page.wait_text("200 of 5,000 rows are shown", ".live-panel")
    page.press("/")
    page.type("t_471")
    wait_table(page, "rows => rows.length === 10", "the topics that match")
    page.click(".live-table a", "t_4711")
    page.wait("document.querySelectorAll('.message-table tbody tr').length === 1", "the record of the topic")
    assert_clean(page)
    fresh.stop()


@case
def partitions_are_added_after_a_warning():
    fresh = launch()
    sql(fresh, "CREATE STREAM orders (id INT KEY, city VARCHAR) WITH (PARTITIONS = 2);")
    page = open_page(fresh, "#topics?t=orders&tab=partitions", ".live-table tbody th")
    page.click(".list-bar .button", "Add partitions…")
    page.wait_text("Partitions cannot be removed again", "dialog")
    page.wait_text('{"partitions_count":3}', "dialog pre")
    page.insert("2")
    page.wait_text("partitions can only be added", "dialog .error-text")
    assert page.js("document.querySelector('dialog .button.primary').disabled")
    page.js("document.querySelector('dialog input').select()")
    page.insert("1000000")
    page.click("dialog .button.primary", "Add")
    page.wait_text("must have 1 to", "dialog .error-text")
    page.js("document.querySelector('dialog input').select()")
    page.insert("5")
    page.press("Enter")
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
    page.wait("document.querySelectorAll('.live-table tbody tr').length === 5", "the new partitions")
    page.close()  # the request that the server has rejected is in the list of problems
    fresh.stop()
