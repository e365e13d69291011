"""The preview of a drop names the readers."""
from millrace_server import case, launch
from scenario import assert_clean, sql
from scenario_oncall import make_query, open_page, wait_table


@case
def the_preview_of_a_drop_names_the_readers():
    fresh = launch()
    make_query(fresh)
    sql(fresh, "CREATE STREAM copied AS SELECT * FROM orders; CREATE TABLE sums AS SELECT city, COUNT(*) AS n FROM copied GROUP BY city;")
    names = [row[0] for row in sql(fresh, "SELECT query FROM millrace_catalog.queries") if isinstance(row, list)]
    page = open_page(fresh, f"#queries?q={next(name for name in names if 'COPIED' in name)}", ".query-acts .danger")
    page.click(".query-acts .danger", "Drop…")
    page.wait_text("COPIED keeps its rows, and gets no more. These read it:", "dialog")
    page.wait_text(next(name for name in names if "SUMS" in name), "dialog")
    assert page.js("document.querySelector('dialog .danger').disabled"), "the name has to be typed"
    assert_clean(page)
    fresh.stop()
