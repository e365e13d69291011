"""A catalog of 5,000 topics: in the tree, the completion and the palette of the page SQL, and in the lineage."""
from millrace_server import case, has_limit, launch
from scenario import assert_clean, open_console, run, sql, wait_rows, write

TOPICS = 5000
AT_ONCE = 100  # statements of a request


@case
@has_limit(600)
def the_pages_find_one_of_5000_topics():
    fresh = launch()
    for first in range(0, TOPICS, AT_ONCE):
        sql(fresh, "".join(f"CREATE STREAM t_{at:04d} (id INT KEY, v INT) WITH (PARTITIONS = 1);" for at in range(first, first + AT_ONCE)))
    page = open_console(fresh)
    page.wait_text("5,000", ".tree-row[data-key='group stream']")
    shown = "document.querySelectorAll('.tree-row.level-2').length"
    assert page.js(shown) == 201, "the tree draws the first relations, and a row that adds more"
    page.click(".tree-row", "Show 200 more")
    page.wait(f"{shown} === 401", "more rows")
    page.wait("document.activeElement.dataset.key === 'relation t_0200'", "the focus on the first new row")
    page.click(".tree-filter")
    page.type("t_4711")
    # The tree of the first letters has the stream too.
    page.wait("[...document.querySelectorAll('.tree-row.level-1 .tree-detail')].map(node => node.innerText.trim()).join() === '1,1'",
              "a stream and a topic in the filtered tree")
    assert page.js("Boolean(document.querySelector('[data-key=\"relation t_4711\"]'))")
    write(page, "SELECT COUNT(*) AS n FROM ")
    page.type("t_471")
    page.wait("document.querySelectorAll('.completion').length === 10", "the streams with this beginning")
    page.press("Escape")
    run(page, "SELECT COUNT(*) AS n FROM t_4711;")
    wait_rows(page, "rows => rows.length === 1 && rows[0][0] === '0'", "the count")
    page.press("Control+k")
    page.wait_text("are shown", ".palette-status")  # not before the objects are read
    page.type("t_4711 topic")
    page.wait("document.querySelectorAll('.palette-item').length === 1", "the topic")
    page.press("Enter")
    page.wait_text("t_4711", "h1")
    page.js("location.hash = '#lineage'")
    page.wait_text("10,00", ".list-bar")
    page.click(".filter")
    page.type("t_4711")
    page.wait("document.querySelectorAll('.lineage-place').length === 2", "the picture of two objects")
    assert_clean(page)
    fresh.stop()
