"""An operator deletes the oldest records of a topic: the preview shows which records go and which groups have not read them."""
import base64
import os
import subprocess
import tempfile

from confluent_kafka import Consumer, Producer, TopicPartition
from millrace_server import binary, case, launch
from patience import patience
from scenario import assert_clean, browser, sql, url
from scenario_hostile import ROOT, guarded, log_in
from scenario_keyboard import press_on, reach
from scenario_oncall import open_page, wait_table
from scenario_states import ODD_NAMES

BUTTON = ".list-bar .button", "Delete records…"
PREVIEW = "Preview"  # the label of the table


def filled(to, topic="orders", partitions=2, records=10):
    """A topic with records in each partition, and the group "billing", which has read three records of partition 0."""
    sql(to, f"CREATE STREAM orders (id INT KEY, v INT) WITH (KAFKA_TOPIC = '{topic}', PARTITIONS = {partitions});")
    producer = Producer({"bootstrap.servers": to.kafka})
    for number in range(records):
        for partition in range(partitions):
            producer.produce(topic, value=f'{{"V": {number}}}', partition=partition)
    producer.flush(patience(30))
    consumer = Consumer({"bootstrap.servers": to.kafka, "group.id": "billing"})
    consumer.commit(offsets=[TopicPartition(topic, 0, 3)], asynchronous=False)
    consumer.close()


def firsts(to, topic="orders"):
    return [line[0] for line in sql(to, f"SELECT first_offset FROM millrace_catalog.partitions WHERE topic = '{topic}' ORDER BY partition")
            if isinstance(line, list)]


def choose(page, at, value):
    page.js(f"{{ const field = document.querySelectorAll('.reset-form select')[{at}]; field.value = '{value}'; field.dispatchEvent(new Event('change')); }}")


@case
def records_are_deleted_after_a_preview_that_names_the_groups_behind():
    fresh = launch()
    filled(fresh)
    page = open_page(fresh, "#topics?t=orders&tab=partitions", ".live-table tbody th")
    page.click(*BUTTON)
    page.click("dialog .button.primary", "Preview")
    page.wait_text("Write the first offset that stays.", "dialog")
    page.click("dialog input[aria-label=Offset]")
    page.type("11")
    page.press("Enter")
    page.wait_text("Partition 0 ends at offset 10, before offset 11.", "dialog .error-text")
    choose(page, 0, "0")
    page.js("document.querySelector('dialog input[aria-label=Offset]').select()")
    page.insert("5")
    page.press("Enter")
    page.wait_text("5 of 10 records would be deleted, and cannot be restored.", "dialog")
    wait_table(page, "rows => rows.length === 1 && rows[0].startsWith('0 0 5 10 5')", "the preview", PREVIEW)
    page.wait_text("billing 2 records", "dialog .readers")
    page.wait_text('{"partitions":[{"partition_id":0,"before_offset":5}]}', "dialog pre")
    assert page.js("document.querySelector('dialog .button.danger').disabled"), "the dialog asks for the name of the topic"
    assert firsts(fresh) == [0, 0], "a preview deletes nothing"
    page.type("orders")
    page.click("dialog .button.danger", "Delete 5 records")
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
    page.wait_text("5 records of orders are deleted.", "#toasts")
    wait_table(page, "rows => rows[0].startsWith('0 5 10 5')", "the new first offset", "Partitions")
    assert firsts(fresh) == [5, 0]
    # A change of the form removes the preview. Records that arrive after a preview stay.
    page.click(*BUTTON)
    choose(page, 1, "all")
    page.click("dialog .button.primary", "Preview")
    page.wait_text("15 of 15 records would be deleted", "dialog")
    choose(page, 0, "1")
    page.wait("document.querySelector('dialog .reset-result').children.length === 0", "the form without a preview")
    page.click("dialog .button.primary", "Preview")
    page.wait_text("10 of 10 records would be deleted", "dialog")
    producer = Producer({"bootstrap.servers": fresh.kafka})
    producer.produce("orders", value='{"V": 11}', partition=1)
    producer.flush(patience(30))
    page.click("dialog input[aria-label='Name of the topic']")
    page.type("orders")
    page.press("Enter")
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
    wait_table(page, "rows => rows[1].startsWith('1 10 11 1')", "the record that arrived after the preview", "Partitions")
    found = page.problems()  # the browser reports the answer to the offset that is behind the end
    assert len(found) == 1 and "422" in found[0] and "records:delete" in found[0], found
    page.close()
    fresh.stop()


@case
def keys_alone_delete_records_of_a_topic():
    fresh = launch()
    filled(fresh)
    page = open_page(fresh, "#topics?t=orders&tab=partitions", ".live-table tbody th")
    press_on(page, "button", "Delete records…")
    page.wait("document.activeElement.matches('dialog input[aria-label=Offset]')", "the field of the offset")
    page.type("4")
    page.press("Enter")
    page.wait("document.activeElement.matches('dialog input[aria-label=\"Name of the topic\"]')", "the field of the name")
    page.type("orders")
    reach(page, "dialog .button.danger", "Delete 8 records")
    page.press("Enter")
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
    wait_table(page, "rows => rows[0].startsWith('0 4 10 6') && rows[1].startsWith('1 4 10 6')", "the new first offsets", "Partitions")
    assert_clean(page)
    fresh.stop()


@case
def records_of_a_compacted_topic_are_not_deleted():
    fresh = launch()
    sql(fresh, "CREATE TABLE kept (id INT PRIMARY KEY, v VARCHAR) WITH (PARTITIONS = 1); INSERT INTO kept VALUES (1, 'a');")
    topic = next(line[0] for line in sql(fresh, "SELECT topic FROM millrace_catalog.topics") if isinstance(line, list) and line[0].lower() == "kept")
    page = open_page(fresh, f"#topics?t={topic}&tab=partitions", ".live-table tbody th")
    page.click(*BUTTON)
    choose(page, 1, "all")
    page.click("dialog .button.primary", "Preview")
    page.wait_text(f"Topic {topic} is only compacted", "dialog .error-text")
    assert page.js("document.querySelector('dialog .button.danger').disabled")
    page.press("Escape")
    fresh.stop()
    page.close()


@case
def a_group_with_an_odd_name_is_shown_as_text_before_records_are_deleted():
    fresh = launch()
    filled(fresh)
    for name in ODD_NAMES:
        consumer = Consumer({"bootstrap.servers": fresh.kafka, "group.id": name})
        consumer.commit(offsets=[TopicPartition("orders", 1, 0)], asynchronous=False)
        consumer.close()
    page = open_page(fresh, "#topics?t=orders&tab=partitions", ".live-table tbody th")
    page.click(*BUTTON)
    choose(page, 1, "all")
    page.click("dialog .button.primary", "Preview")
    page.wait("document.querySelectorAll('dialog .readers li').length > 1", "the groups")
    shown = page.js("[...document.querySelectorAll('dialog .readers bdi')].map(each => each.textContent)")
    assert set(shown) <= {*ODD_NAMES, "billing"} and len(shown) > 1, shown
    assert page.js("document.title") != "1" and not page.js("document.querySelector('dialog img, dialog b, main img, main b')")
    assert page.js("document.documentElement.scrollWidth <= innerWidth"), "the page does not scroll sideways"
    assert_clean(page)
    fresh.stop()


@case
def the_lines_of_the_dialog_delete_records_for_the_owner_of_a_topic():
    to = guarded()
    sql(to, "CREATE USER ann PASSWORD 'anns password'; GRANT CREATE ON ALL TO ann;", user=ROOT)
    ann = "Basic " + base64.b64encode(b"ann:anns password").decode()
    sql(to, "CREATE STREAM orders (id INT KEY, v INT) WITH (KAFKA_TOPIC = 'orders', PARTITIONS = 1);"
            "INSERT INTO orders VALUES (1, 1); INSERT INTO orders VALUES (2, 2);", user=ann)
    page = browser().page(url(to) + "#topics?t=orders&tab=partitions")
    log_in(page, "ann", "anns password")
    page.wait("document.querySelector('.live-table tbody th')", "the partitions")
    page.click(*BUTTON)
    page.wait_text("with a Kafka client", "dialog")
    lines = page.js("document.querySelector('dialog pre').textContent").replace('"offset":0', '"offset":1')
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "login.properties"), "w", encoding="utf-8") as file:
            file.write("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\nsasl.username=ann\nsasl.password=anns password\n")
        os.symlink(binary(), os.path.join(folder, "kafka-delete-records"))
        done = subprocess.run(["sh", "-c", lines], cwd=folder, env={**os.environ, "PATH": folder + ":" + os.environ["PATH"]},
                              capture_output=True, text=True, timeout=patience(60), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    page.press("Escape")
    wait_table(page, "rows => rows[0].startsWith('0 1 2 1')", "the new first offset", "Partitions")
    page.close()
    to.stop()


@case
def without_rights_no_record_is_deleted():
    to = guarded()
    sql(to, "CREATE STREAM orders (id INT KEY, v INT) WITH (PARTITIONS = 1); INSERT INTO orders VALUES (1, 1);"
            "CREATE USER eve PASSWORD 'eves password'; GRANT SELECT ON orders TO eve;", user=ROOT)
    page = browser().page(url(to) + "#topics?t=orders&tab=partitions")
    log_in(page, "eve", "eves password")
    page.wait("document.querySelector('.live-table tbody th')", "the partitions")
    page.wait_text("needs the right ALL on everything", ".list-bar .reason")
    assert page.js("[...document.querySelectorAll('.list-bar .button')].every(each => each.disabled || each.innerText === 'Delete records…')")
    page.click(*BUTTON)
    page.wait_text("with a Kafka client", "dialog")
    assert page.js("!document.querySelector('dialog .danger, dialog input')"), "the dialog deletes nothing"
    page.press("Escape")
    cluster = page.js("fetch('/v3/clusters').then(answer => answer.status)")
    assert cluster == 403, cluster
    page.close()
    to.stop()
    fixed = launch("--console", "read-only")
    sql(fixed, "CREATE STREAM orders (id INT KEY, v INT) WITH (PARTITIONS = 1); INSERT INTO orders VALUES (1, 1);")
    page = open_page(fixed, "#topics?t=orders&tab=partitions", ".live-table tbody th")
    page.wait_text("This session is read-only.", ".list-bar .reason")
    assert page.js("[...document.querySelectorAll('.list-bar .button')].every(each => each.disabled)")
    # The server enforces the mode, too.
    refused = page.js("""(async () => {
        const { data } = await (await fetch('/v3/clusters')).json();
        const path = `/v3/clusters/${data[0].cluster_id}/topics/orders/records:delete`;
        const answer = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify({ partitions: [{ partition_id: 0, before_offset: -1 }] }) });
        return [answer.status, await answer.text()];
    })()""")
    assert refused[0] == 403 and "may only read" in refused[1], refused
    assert firsts(fixed) == [0]
    page.close()
    fixed.stop()
