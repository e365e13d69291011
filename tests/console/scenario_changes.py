"""Changes from the pages of topics and groups: settings of a topic, offsets of a group, and the reasons that prevent them."""
import json
import tempfile
import urllib.parse
import urllib.request

from confluent_kafka import Consumer, TopicPartition
from millrace_server import case, launch
from patience import patience
from scenario import assert_clean, sql
from scenario_oncall import open_page, wait_table
from scenario_states import ODD_NAMES


RETENTION = """[...document.querySelectorAll('.setting-table tbody tr')]
    .find(row => row.querySelector('code').textContent === 'retention.ms')?.innerText.split('\\t').slice(1, 4).map(each => each.trim())"""


def wait_retention(page, value, source):
    """Waits for the value and the source of retention.ms. Other settings have the same values, so a search for the text alone
    would end before the page has read the settings again."""
    page.wait(f"(({RETENTION}) ?? []).join('|') === {json.dumps(f'{value}|-1 no limit|{source}')}", f"retention.ms = {value}, {source}")


@case
def a_setting_of_a_topic_is_changed_after_its_effect_was_shown():
    fresh = launch()
    sql(fresh, "CREATE STREAM orders (id INT KEY, city VARCHAR) WITH (PARTITIONS = 1);"
               "INSERT INTO orders (ROWTIME, id, city) VALUES (1000, 1, 'Lahore'); INSERT INTO orders VALUES (2, 'Rome');")
    page = open_page(fresh, "#topics?t=orders&tab=settings", ".setting-table")
    wait_retention(page, "-1 no limit", "default")
    page.click("button[aria-label='Change retention.ms']")
    page.insert("3600000")
    page.wait_text("1 hour", "dialog .difference")
    page.wait_text("cannot be restored", "dialog .difference-effect")
    page.click("dialog .dialog-acts .button", "Preview")
    page.wait_text("Up to 1 of 2 records", "dialog .dialog-acts")
    assert page.js("document.querySelector('dialog .button.primary').disabled"), "a change that removes records asks for the name of the topic"
    page.click("dialog input[aria-label='Name of the topic']")
    page.type("orders")
    page.click("dialog .button.primary")
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
    wait_retention(page, "3600000 1 hour", "this topic")
    page.click("button[aria-label='Change max.message.bytes']")
    page.insert("many")
    page.click("dialog .button.primary")
    page.wait("document.querySelector('dialog .error-text').textContent.includes('max.message.bytes')", "a value that is no number is refused")
    page.js("document.querySelector('dialog input').select()")
    page.insert("1000")
    page.click("dialog .button.primary")
    page.wait_text("max.message.bytes", ".query-facts")
    page.click("button[aria-label='Change max.message.bytes']")
    page.click("dialog .segments button", "The default")
    page.click("dialog .button.primary")
    page.wait("!document.querySelector('.query-facts').innerText.includes('max.message.bytes')", "the default")
    assert_clean(page)
    fresh.stop()


@case
def offsets_of_a_group_are_reset_after_a_preview_when_its_members_have_left():
    fresh = launch()
    sql(fresh, "CREATE STREAM orders (id INT KEY, city VARCHAR) WITH (PARTITIONS = 1);"
               "INSERT INTO orders VALUES (1, 'Lahore'), (2, 'Karachi'), (3, 'Rome');")
    consumer = Consumer({"bootstrap.servers": fresh.kafka, "group.id": "it's", "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe(["orders"])
    assert consumer.poll(patience(30)) is not None
    consumer.commit(offsets=[TopicPartition("orders", 0, 3)], asynchronous=False)
    page = open_page(fresh, "#groups?g=it%27s", ".live-table a")
    page.wait_text("has 1 member", ".query-acts .reason")
    assert page.js("document.querySelector('.query-acts .button').disabled")
    consumer.close()
    page.wait("document.querySelector('.query-acts .button:not(:disabled)')", "the group without members")
    page.click(".query-acts .button", "Reset offsets…")
    page.js("{ const to = document.querySelectorAll('.reset-form select')[1]; to.value = 'shift'; to.dispatchEvent(new Event('change')); }")
    page.click(".reset-form input[aria-label=Value]")
    page.type("-2")
    page.press("Enter")
    page.wait_text("2 records read again", "dialog")
    assert "2 again" in page.text(".reset-result")
    page.click("dialog .button.danger", "Reset 1 partition")
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
    wait_table(page, "rows => rows.some(row => /^orders 0 1 3 2/.test(row))", "the new offset and its lag")
    page.click(".query-acts .button", "Reset offsets…")
    page.js("{ const to = document.querySelectorAll('.reset-form select')[1]; to.value = 'time'; to.dispatchEvent(new Event('change')); }")
    page.click(".reset-form input[aria-label=Value]")
    page.type("2999-01-31 09:00")
    page.press("Enter")
    page.wait_text("2 records skipped", "dialog")
    page.press("Escape")
    assert_clean(page)
    fresh.stop()


@case
def a_read_only_console_offers_no_change_of_topics_and_groups():
    data = tempfile.mkdtemp(prefix="millrace-console-")
    first = launch(data_dir=data)
    sql(first, "CREATE STREAM orders (id INT KEY, city VARCHAR) WITH (PARTITIONS = 1); INSERT INTO orders VALUES (1, 'Lahore');")
    consumer = Consumer({"bootstrap.servers": first.kafka, "group.id": "billing"})
    consumer.commit(offsets=[TopicPartition("orders", 0, 1)], asynchronous=False)
    consumer.close()
    first.stop()
    fixed = launch("--console", "read-only", data_dir=data)
    page = open_page(fixed, "#topics", ".live-table a")
    page.wait_text("This session is read-only.", ".list-bar .reason")
    assert page.js("document.querySelector('.list-bar .button:disabled')?.innerText") == "New topic…"
    page.follow("#topics?t=orders")
    page.wait("document.querySelector('.message-table tbody tr')", "the records can be read")
    assert page.js("document.querySelector('.message-form .button:disabled')?.innerText") == "Produce…"
    page.follow("#topics?t=orders&tab=settings")
    page.wait("document.querySelector('.setting-table tbody tr')", "the settings can be read")
    assert not page.js("document.querySelector('.setting-table .button:not(:disabled)')"), "no setting can be changed"
    page.follow("#groups?g=billing")
    page.wait_text("This session is read-only.", ".query-acts .reason")
    assert page.js("document.querySelector('.query-acts .button').disabled")
    assert_clean(page)
    fixed.stop()


@case
def odd_names_of_groups_and_subjects_are_shown_as_text():
    fresh = launch()
    sql(fresh, "CREATE STREAM orders (id INT KEY, city VARCHAR) WITH (PARTITIONS = 1); INSERT INTO orders VALUES (1, 'Lahore');")
    for name in ODD_NAMES:
        consumer = Consumer({"bootstrap.servers": fresh.kafka, "group.id": name})
        consumer.commit(offsets=[TopicPartition("orders", 0, 1)], asynchronous=False)
        consumer.close()
        request = urllib.request.Request(f"http://{fresh.http}/subjects/{urllib.parse.quote(name, safe='')}/versions",
                                         json.dumps({"schema": '"string"'}).encode(), {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=patience(20)).close()
    for fragment, ready in (("#groups", ".query-facts div"), ("#schemas", ".record-text")):
        page = open_page(fresh, fragment, ".live-table a")
        for name in ODD_NAMES:
            page.follow(fragment)
            page.wait(f"[...document.querySelectorAll('.live-table a')].some(each => each.textContent === {json.dumps(name)})", name)
            page.js(f"[...document.querySelectorAll('.live-table a')].find(each => each.textContent === {json.dumps(name)}).click()")
            page.wait(f"document.querySelector('h1')?.textContent.includes({json.dumps(name)}) && document.querySelector('{ready}')",
                      f"the page of {name}")
            if fragment == "#groups":
                page.click(".query-acts .button", "Reset offsets…")
                page.wait("document.querySelector('dialog .reset-form')", "the dialog")
                page.click("dialog .button", "Preview")
                page.wait("document.querySelector('dialog')?.innerText.includes('again')", "the preview")
                page.press("Escape")
                page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
            assert page.js("document.documentElement.scrollWidth <= innerWidth"), "the page does not scroll sideways"
            assert page.js("document.title") != "1" and not page.js("document.querySelector('main img, main b')"), name
        assert_clean(page)
    fresh.stop()
