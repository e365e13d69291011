"""A developer looks at a share group: its members, its first unprocessed record in each partition, and its lag."""
import time

import kafka_wire
from millrace_server import Deadline, case, launch
from patience import patience, wait_until
from scenario import assert_clean
from scenario_keyboard import press_on, replace
from scenario_oncall import open_page, wait_table
from scenario_states import ODD_NAMES
from share_wire import ACCEPT, Worker, set_group

RECORDS = 20


def joined(to, group, name):
    deadline = Deadline(patience(20))
    while (worker := Worker(to.kafka, group, name, "work")).member_epoch <= 0:
        deadline.check("the group accepts no member")
        worker.close()
        time.sleep(0.05)
    return worker


def prepared(groups):
    """A server with records in the first of two partitions, and share groups that begin with the first record."""
    fresh = launch()
    with kafka_wire.Connection(fresh.kafka) as connection:
        connection.create_topic("work", 2)
        deadline = Deadline(patience(20))
        while connection.ask(10, 0, kafka_wire.string("g"))[:2] != b"\0\0":
            deadline.check("no node coordinates groups")
            time.sleep(0.05)
        for group in groups:
            set_group(connection, group, share_auto_offset_reset="earliest")
    produce(fresh, RECORDS)
    return fresh


def produce(to, count):
    with kafka_wire.Connection(to.kafka) as connection:
        error, _ = connection.produce("work", kafka_wire.batch_of(*[str(each).encode() for each in range(count)]).encode())
        assert error == 0, error


@case
def a_share_group_shows_its_members_and_its_lag_and_is_not_reset():
    fresh = prepared(["crew"])
    worker = joined(fresh, "crew", "ann")
    wait_until(lambda: worker.fetch(1000)[3], "records are delivered")
    assert worker.say(0, 4, ACCEPT) == 0
    page = open_page(fresh, "#groups", ".live-table a")
    wait_table(page, "rows => rows.some(row => /^crew Stable share 1 2 15/.test(row))", "the group with its lag", "Groups")
    press_on(page, ".live-table a", "crew")
    wait_table(page, "rows => rows.some(row => /^work 0 5 20 15 ann/.test(row))", "the first unprocessed record", "Lag")
    page.wait_text("A share group commits no offsets.", ".live-page")
    page.wait_text("A share group has no committed offsets.", ".query-acts .reason")
    assert page.js("document.querySelector('.query-acts .button').disabled"), "a share group is not reset"
    produce(fresh, 1)
    wait_table(page, "rows => rows.some(row => /^work 0 5 21 16 ann/.test(row))", "the lag after a further record", "Lag")
    assert_clean(page)
    worker.close()
    fresh.stop()


@case
def share_groups_with_odd_names_are_found_by_their_type_and_shown_as_text():
    fresh = prepared(ODD_NAMES)
    workers = [joined(fresh, name, "ann") for name in ODD_NAMES]
    page = open_page(fresh, "#groups", ".live-table a")
    wait_table(page, f"rows => rows.length === {len(ODD_NAMES)}", "the groups", "Groups")
    page.press("/")
    page.wait("document.activeElement.matches('input.filter')", "the filter")
    replace(page, "share")
    wait_table(page, f"rows => rows.length === {len(ODD_NAMES)}", "the share groups", "Groups")
    replace(page, "classic")
    page.wait_text(f"0 groups of {len(ODD_NAMES)}", ".list-bar")
    replace(page, "<img")
    wait_table(page, "rows => rows.length === 1", "the group with HTML in its name", "Groups")
    press_on(page, ".live-table a", "<img")
    page.wait_text("A share group commits no offsets.", ".live-page")
    assert page.js("document.title") != "1" and not page.js("document.querySelector('main img, main b')")
    assert page.js("document.documentElement.scrollWidth <= innerWidth"), "the page does not scroll sideways"
    assert_clean(page)
    for worker in workers:
        worker.close()
    fresh.stop()
