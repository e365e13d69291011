"""The pages of an engineer on call at 390 px, with long names, and the leaders of a server without a cluster."""
from confluent_kafka import Consumer, TopicPartition
from millrace_server import case, launch
from scenario import assert_clean
from scenario_oncall import make_query, open_page, wait_table

GROUP = "a-group-whose-name-a-tool-has-generated-" + "x" * 60


def commit(to, group):
    consumer = Consumer({"bootstrap.servers": to.kafka, "group.id": group})
    consumer.commit(offsets=[TopicPartition("orders", 0, 0)], asynchronous=False)
    consumer.close()


@case
def overview_shows_the_lag_of_a_long_name_at_both_widths():
    fresh = launch()
    make_query(fresh)
    commit(fresh, GROUP)
    for width in (390, 1280):
        page = open_page(fresh, "#overview", ".live-table a", width)
        wait_table(page, f"rows => rows.some(row => row.replaceAll('\\n', '').includes('{GROUP}'))", "the group", "Lag of consumer groups")
        table = "document.querySelector('[aria-label=\"Lag of consumer groups\"]')"
        assert page.js(f"{table}.scrollWidth <= {table}.clientWidth"), f"the columns of the lag are outside the panel at {width} px"
        assert page.js("document.documentElement.scrollWidth <= innerWidth")
        page.wait("document.querySelector('.tile-value')?.innerText.includes('http')", "the clients")
        parts = page.js("[...document.querySelectorAll('.tile-value .unbroken')].map(each => [each.innerText, each.getClientRects().length])")
        assert [lines for _, lines in parts] == [1, 1, 1] and not any(text.startswith("·") for text, _ in parts), parts
        assert_clean(page)
    fresh.stop()


@case
def the_lists_show_lag_and_size_on_a_phone():
    fresh = launch()
    make_query(fresh)
    commit(fresh, GROUP)
    for fragment, label, last in (("#groups", "Groups", "Lag"), ("#queries", "Queries", "Errors"), ("#topics", "Topics", "In/s")):
        page = open_page(fresh, fragment, ".live-table a", 390)
        page.wait(f"document.querySelector('.live-scroll[aria-label=\"{label}\"] a')", label)
        seen = page.js(f"""(() => {{
            const region = document.querySelector('.live-scroll[aria-label="{label}"]');
            const head = [...region.querySelectorAll('thead th')].find(each => each.innerText.trim().startsWith('{last}'));
            return head.getBoundingClientRect().right <= region.getBoundingClientRect().right + 1;
        }})()""")
        assert seen, f"the column {last} of {label} is outside the panel"
        assert_clean(page)
    fresh.stop()


@case
def the_partitions_of_a_single_node_have_it_as_their_leader():
    fresh = launch()
    make_query(fresh)
    page = open_page(fresh, "#topics?t=orders&tab=partitions", ".live-table td")
    wait_table(page, "rows => rows.length === 3 && rows.every(row => row.endsWith('this node'))", "the leaders")
    assert_clean(page)
    fresh.stop()
