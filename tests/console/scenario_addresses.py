"""Addresses restore a list with its filter and order, and the preview of a drop names the readers."""
from millrace_server import case, launch
from scenario import assert_clean, sql
from scenario_oncall import make_query, open_page, wait_table
from scenario_topics import produce


@case
def an_address_restores_the_filter_of_a_list():
    fresh = launch()
    make_query(fresh)
    sql(fresh, "CREATE STREAM payments (id INT KEY);")
    page = open_page(fresh, "#topics", ".live-table a")
    wait_table(page, "rows => rows.length === 3", "all topics")
    page.click(".filter")
    page.type("orders")
    page.wait("location.hash === '#topics?filter=orders'", "the address")
    page.reload()
    page.wait("document.querySelector('.filter')?.value === 'orders'", "the filter after a reload")
    wait_table(page, "rows => rows.length === 1 && rows[0].startsWith('orders')", "the filtered list")
    page.click("nav a", "Topics")
    page.wait("location.hash === '#topics'", "the list without a filter")
    wait_table(page, "rows => rows.length === 3", "all topics again")
    assert_clean(page)
    fresh.stop()


@case
def overview_leads_to_the_largest_topics():
    fresh = launch()
    sql(fresh, "CREATE STREAM a_small (v VARCHAR) WITH (PARTITIONS = 1, VALUE_FORMAT = 'KAFKA');"
               "CREATE STREAM b_large (v VARCHAR) WITH (PARTITIONS = 1, VALUE_FORMAT = 'KAFKA');")
    produce(fresh, "a_small", [(0, None, "v")])
    produce(fresh, "b_large", [(0, None, "v" * 100_000)])
    page = open_page(fresh, "#overview", ".tile .page-link")
    page.click(".tile .page-link", "Topics by size")
    wait_table(page, "rows => rows.length === 2 && rows[0].startsWith('b_large') && rows[1].startsWith('a_small')", "the largest topic first")
    assert page.js("document.querySelector('th[aria-sort=descending]').innerText").startswith("Size")
    assert_clean(page)
    fresh.stop()


@case
def the_preview_of_a_drop_names_the_readers():
    fresh = launch()
    make_query(fresh)
    sql(fresh, "CREATE STREAM copied AS SELECT * FROM orders; CREATE TABLE sums AS SELECT city, COUNT(*) AS n FROM copied GROUP BY city;")
    names = [row[0] for row in sql(fresh, "SELECT query FROM millrace_catalog.queries") if isinstance(row, list)]
    page = open_page(fresh, f"#queries?q={next(name for name in names if 'COPIED' in name)}", ".query-acts .danger")
    page.click(".query-acts .danger", "Drop…")
    page.wait_text("COPIED keeps its rows, and gets no more.", "dialog")
    page.wait_text("These read what it writes:", "dialog")
    page.wait_text(next(name for name in names if "SUMS" in name), "dialog")
    assert page.js("document.querySelector('dialog .danger').disabled"), "the name has to be typed"
    assert_clean(page)
    fresh.stop()
