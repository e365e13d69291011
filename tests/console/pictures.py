#!/usr/bin/python3
"""Takes the pictures of docs/console.md.

  tests/console/pictures.py [FOLDER]    docs/pictures without one

The server is MILLRACE_BINARY, or the newest build/*/millrace. The pictures show generated rows, so their numbers differ
from run to run; nothing compares them.
"""
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "clients")]
from millrace_server import launch  # noqa: E402
from scenario import browser, close_all, run, sql, url, wait_rows, wait_state, write  # noqa: E402

QUERY = """-- Sales by city, as they happen.
SELECT city, COUNT(*) AS sales, SUM(amount) AS total
  FROM sales GROUP BY city EMIT CHANGES;
SELECT citty FROM by_city;"""
FEED = """CREATE SOURCE CONNECTOR access WITH ("connector.class" = 'file', "file" = 'access.json', "topic" = 'access',
  "format" = 'json');"""
SETTLE = "new Promise(done => setTimeout(done, 1500))"


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "../../docs/pictures")
    os.makedirs(folder, exist_ok=True)
    feeds = tempfile.mkdtemp()
    server = launch("--connect-files", feeds)
    page = browser().page(url(server), 1280, 760)

    def picture(name):
        page.js(SETTLE)
        page.picture(os.path.join(folder, f"console-{name}.png"))

    page.wait_text("Nothing flows yet")
    page.click("#banner .button")
    picture("start")
    page.click(".start .button", "Generate sales")
    wait_rows(page, "rows => rows.length > 5", "generated sales")
    page.click(".tour .button", "Next")
    wait_rows(page, "rows => rows.length > 3", "the table by city")
    picture("table")
    page.click(".segments button", "Chart")
    picture("chart")
    page.click(".tour .button", "Next")
    page.wait("document.querySelector('.plan-stage')")
    picture("plan")
    page.follow("#overview")
    page.wait("document.querySelector('.live-table a')")
    page.wait("[...document.querySelectorAll('.spark-line')].every(each => each.getAttribute('d'))", "the lines of the history")
    picture("overview")
    page.click(".live-table a", "CTAS_BY_CITY")
    page.wait("document.querySelector('.task-cell')")
    page.wait("[...document.querySelectorAll('.hour-chart .chart')].every(each => !each.hidden)", "the graphs of the history")
    picture("query")
    page.follow("#topics?t=sales")
    page.wait("document.querySelectorAll('.message-table tbody tr').length > 10", "the records")
    picture("records")
    page.follow("#lineage")
    page.wait("document.querySelector('.lineage-place[data-id=\"stream SALES\"]')", "the lineage")
    page.js("document.querySelector('.lineage-place[data-id=\"stream SALES\"]').dispatchEvent(new MouseEvent('click'))")
    page.wait_text("A drop affects", ".lineage-choice")
    picture("lineage")
    with open(os.path.join(feeds, "access.json"), "w", encoding="utf-8") as file:
        file.write('{"path": "/", "status": 200}\n' * 1000)
    sql(server, FEED)
    page.follow("#connectors?c=access")
    page.wait("document.querySelectorAll('.setting-table tr[data-own]').length > 3 && document.querySelector('.live-table td[data-mark=RUNNING]')",
              "the connector")
    picture("connector")
    page.follow("#sql")
    page.wait("document.querySelector('.CodeMirror')")
    write(page, QUERY)
    page.js("document.querySelector('.CodeMirror').CodeMirror.setCursor(3, 8)")
    page.press("Control+Enter")
    wait_state(page, "error")
    page.prefer("dark")
    picture("error")
    page.resize(390, 780, True)
    run(page, "SELECT * FROM by_city EMIT CHANGES;")
    wait_state(page, "live")
    picture("phone")
    close_all()
    server.stop()


main()
