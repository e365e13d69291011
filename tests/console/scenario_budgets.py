"""The budgets of the console: bytes, time to the first paint, keys, the rate of frames, memory, and the cost of followers.

Bytes and counts are checked in the untimed lane, and times in the timed one. Each case prints its figures.
"""
import contextlib
import json
import os
import re
import statistics
import threading
import time
import urllib.request

from millrace_server import case, check_less, has_limit, launch, timed
from patience import patience, wait_until
from scenario import browser, open_console, rows, run, server, sql, url, wait_rows, wait_state
from scenario_states import SITE

MOST_ASSET_BYTES = 600_000  # all files, compressed
MOST_SHELL_BYTES = 60_000  # the files that the first paint needs, compressed
RUNS = 5  # a time is the median of these
FIRST_PAINT_S, EDITOR_S, KEY_S = 0.3, 0.6, 0.05
SCRIPT_LINES, KEYS_TYPED = 5000, 40
RATE, KEYS = 10_000, 5_000  # changes per second, and keys that they change
LEAST_FRAMES_PER_S, LONGEST_TASK_S, MOST_BUSY = 50, 0.1, 0.3
MOST_GROWTH_BYTES = 5_000_000
HUBS, QUERIES, HUBS_WATCHED_S, MOST_CORE = 50, 100, 30, 0.01
FOLLOWED = 6  # statements that Overview follows, at least

# The time of the first frame after the editor was added to the document.
EDITOR_CLOCK = """(() => {
    const seen = new MutationObserver(() => {
        if (!document.querySelector('.CodeMirror')) return;
        seen.disconnect();
        requestAnimationFrame(() => { window.editorReadyMs = performance.now(); });
    });
    seen.observe(document, {childList: true, subtree: true});
})()"""
# The times from a key press to the end of the frame in which the line shows the text.
KEY_CLOCK = """(() => {
    window.keyMs = [];
    let typed = '';
    document.addEventListener('keydown', event => {
        typed += event.key;
        const wanted = typed;
        const look = () => requestAnimationFrame(() => {
            const isShown = document.querySelector('.CodeMirror-code').textContent.includes(wanted);
            if (!isShown) return look();
            const {port1, port2} = new MessageChannel();
            port1.onmessage = () => window.keyMs.push(performance.now() - event.timeStamp);
            port2.postMessage(null);
        });
        look();
    }, true);
})()"""
# Frames, changes of the grid between two frames, and tasks that block the page.
FRAME_CLOCK = """(() => {
    window.frames_ = {drawn: 0, draws: 0, longestTaskMs: 0, began: performance.now()};
    const frame = () => { ++window.frames_.drawn; requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
    new MutationObserver(() => { ++window.frames_.draws; }).observe(document.querySelector('.grid-body'),
        {subtree: true, childList: true, characterData: true});
    new PerformanceObserver(list => {
        for (const {duration} of list.getEntries())
            window.frames_.longestTaskMs = Math.max(window.frames_.longestTaskMs, duration);
    }).observe({type: 'longtask'});
})()"""


def report(what, *figures):
    print(f"        {what}: {', '.join(figures)}", flush=True)


def compressed_bytes(to, path):
    request = urllib.request.Request(f"http://{to.http}{path}", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=patience(20)) as answer:
        assert answer.headers["Content-Encoding"] == "gzip", path
        return len(answer.read())


def assets():
    """The paths of all files of the console, without the prefix."""
    own = [os.path.relpath(os.path.join(folder, name), SITE) for folder, _, names in os.walk(SITE) for name in names]
    with open(os.path.join(os.path.dirname(SITE), "vendor.txt"), encoding="utf-8") as listing:
        others = [line.split()[0] for line in listing if line.strip() and not line.startswith("#")]
    return [path for path in own if not path.endswith((".d.ts", "index.html"))] + others + ["core/keywords.js"]


@case
def the_files_of_the_console_are_small():
    with urllib.request.urlopen(url(server()), timeout=patience(20)) as answer:
        index = answer.read().decode()
    prefix = re.search(r"/console/a/\w+/", index)[0]
    shell = [path for tag, path in re.findall(r'(<link rel="(?:stylesheet|modulepreload)"[^>]* href="([^"]+)">)', index)
             if "fetchpriority" not in tag]
    index_bytes = compressed_bytes(server(), "/console/")
    shell_bytes = index_bytes + sum(compressed_bytes(server(), path) for path in shell)
    all_bytes = index_bytes + sum(compressed_bytes(server(), prefix + path) for path in assets())
    report("compressed", f"{all_bytes:,} bytes in {len(assets()) + 1} files", f"{shell_bytes:,} of them before the first paint")
    assert prefix + "boot.js" in shell and all_bytes < MOST_ASSET_BYTES and shell_bytes < MOST_SHELL_BYTES


@case
@timed
def the_first_paint_and_the_editor_are_fast():
    paints, editors = [], []
    for _ in range(RUNS):
        page = browser().page(url(server()), before=EDITOR_CLOCK)  # a new context has an empty cache
        page.wait("window.editorReadyMs", "the editor")
        paints.append(page.js("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000)
        editors.append(page.js("window.editorReadyMs") / 1000)
        page.close()
    paint, editor = statistics.median(paints), statistics.median(editors)
    report("first paint", f"{paint * 1000:.0f} ms", f"editor {editor * 1000:.0f} ms")
    check_less(paint, FIRST_PAINT_S, "the first paint took too long")
    check_less(editor, EDITOR_S, "the editor was ready too late")


@case
@timed
def a_key_press_in_a_long_script_is_shown_at_once():
    page = open_console(server())
    page.js(f"""document.querySelector('.CodeMirror').CodeMirror.setValue(Array.from({{length: {SCRIPT_LINES}}},
        (_, at) => `SELECT city, COUNT(*) AS n${{at}} FROM orders WHERE amount > ${{at}} GROUP BY city;`).join('\\n'))""")
    page.js(f"document.querySelector('.CodeMirror').CodeMirror.setCursor({SCRIPT_LINES // 2}, 0)")
    page.js("document.querySelector('.CodeMirror').CodeMirror.focus()")
    page.js(KEY_CLOCK)
    for at in range(KEYS_TYPED):
        page.type("zxqv"[at % 4])
        page.wait(f"window.keyMs.length === {at + 1}", "the typed character")
    took = sorted(page.js("window.keyMs"))
    page.close()
    median = statistics.median(took) / 1000
    report(f"a key press in {SCRIPT_LINES:,} lines", f"{median * 1000:.1f} ms (median)", f"{took[-1]:.1f} ms (longest of {KEYS_TYPED})")
    check_less(median, KEY_S, "a key press was shown too late")


def open_feed(to, seconds):
    """Opens a page that shows a table with RATE changes per second, whose generator ends after `seconds`. Returns the page
    and the number of all changes."""
    total, page = RATE * seconds, open_console(to)
    sql(to, f"CREATE TABLE feed (id INT PRIMARY KEY, n INT, city VARCHAR) WITH (GENERATOR = 'datagen', ROWS_PER_SECOND = {RATE}, "
            f"NUMBER_OF_ROWS = {total}, 'fields.id.max' = {KEYS});")
    run(page, "SELECT * FROM feed EMIT CHANGES;")
    wait_state(page, "live")
    wait_rows(page, "rows => rows.length > 5", "the first rows")
    return page, total


def rows_of(to, statement):
    return [line for line in sql(to, statement) if isinstance(line, list)]


def metrics(page):
    return {each["name"]: each["value"] for each in page.call("Performance.getMetrics")["metrics"]}


def heap_bytes(page):
    page.call("HeapProfiler.collectGarbage")
    return metrics(page)["JSHeapUsedSize"]


def wait_written(to, records):
    """Waits until the generator of the table has written a number of records. The page gets them at the same time."""
    wait_until(lambda: int(rows_of(to, "SELECT SUM(end_offset) FROM millrace_catalog.partitions WHERE topic = 'feed'")[0][0]) >= records,
               f"{records} changes", seconds=180)


def end_feed(page, to):
    """Waits until the page shows the last changes, and returns the number of changes that it got."""
    known = {row[0]: row for row in rows_of(to, "SELECT CAST(id AS VARCHAR), CAST(n AS VARCHAR), city FROM feed")}
    wait_until(lambda: all(row == known[row[0]] for row in rows(page)), "the last changes on the page")
    page.click(".stop")
    wait_state(page, "stopped")
    return int(re.search(r"([\d,]+) changes", page.text(".status"))[1].replace(",", ""))


@case
@has_limit(600)
def ten_thousand_changes_a_second_keep_the_heap_flat_and_are_drawn_once_per_frame():
    fresh = launch()
    page, total = open_feed(fresh, 30)
    page.call("Performance.enable")
    page.js(FRAME_CLOCK)
    heaps = []
    for records in (total // 4, total):  # the first quarter fills the caches; then the heap must not grow
        wait_written(fresh, records)
        heaps.append(heap_bytes(page))
    frames = page.js("window.frames_")
    changes = end_feed(page, fresh)
    page.close()
    fresh.stop()
    report(f"{changes:,} changes", f"heap {heaps[0] / 1e6:.1f} and then {heaps[1] / 1e6:.1f} MB", f"{frames['draws']} draws in {frames['drawn']} frames")
    assert heaps[1] - heaps[0] < MOST_GROWTH_BYTES, heaps
    assert 0 < frames["draws"] <= frames["drawn"] + 1, frames
    assert total / 2 < changes <= total, changes


@case
@timed
@has_limit(600)
def ten_thousand_changes_a_second_leave_fifty_frames_a_second():
    fresh = launch()
    page, total = open_feed(fresh, 60)
    page.call("Performance.enable", timeDomain="threadTicks")  # the time of the processor, and not of the clock
    page.js(FRAME_CLOCK)
    before = metrics(page)["TaskDuration"]
    wait_written(fresh, total)
    busy = metrics(page)["TaskDuration"] - before
    frames = page.js("({...window.frames_, took: performance.now() - window.frames_.began})")
    changes = end_feed(page, fresh)
    page.close()
    fresh.stop()
    took_s, longest_s = frames["took"] / 1000, frames["longestTaskMs"] / 1000
    report(f"{changes:,} changes", f"{frames['drawn'] / took_s:.1f} frames/s", f"{frames['draws'] / took_s:.1f} draws/s",
           f"longest task {longest_s * 1000:.0f} ms", f"main thread {100 * busy / took_s:.1f} %")
    check_less(took_s / frames["drawn"], 1 / LEAST_FRAMES_PER_S, "a frame took too long")
    check_less(longest_s, LONGEST_TASK_S, "a task took too long")
    check_less(busy / took_s, MOST_BUSY, "the share of the main thread is too large")


def cpu_s(pid):
    """The time of the processor that a process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def overview_request(to):
    """The body of the request with which a browser follows the page Overview.

    A statement that the page follows before the others is sent alone, and again with them, so the case waits for a request
    with `FOLLOWED` statements.
    """
    page = browser().page("about:blank", before="delete window.SharedWorker")  # otherwise the page itself sends no request
    page.go(url(to) + "#overview")
    page.wait("document.querySelector('.all-well')", "the page Overview")

    def found():
        sent = [event["params"]["request"] for event in browser().events
                if event["method"] == "Network.requestWillBeSent" and event["params"]["request"]["url"] == f"http://{to.http}/sql"]
        bodies = [json.loads(each["postData"]) for each in sent if each.get("postData")]
        page.js("1")  # each call collects the events that have arrived
        return next((each for each in bodies if each.get("together") and each["sql"].count("EMIT CHANGES") >= FOLLOWED), None)
    body = wait_until(found, "the request of the hub")
    page.close()
    return body


@case
@has_limit(600)
def fifty_hubs_cost_less_than_a_hundredth_of_a_core():
    fresh = launch()
    sql(fresh, "CREATE STREAM orders (id INT KEY, city VARCHAR) WITH (PARTITIONS = 1);" +
        "".join(f"CREATE TABLE t{at} AS SELECT city, COUNT(*) AS n FROM orders GROUP BY city;" for at in range(QUERIES)))
    body = overview_request(fresh)

    def used():
        """The share of a core that the server uses."""
        began, before = time.monotonic(), cpu_s(fresh.pid)
        time.sleep(HUBS_WATCHED_S)  # the interval of the measurement; nothing is expected to happen in it
        return (cpu_s(fresh.pid) - before) / (time.monotonic() - began)

    idle = used()
    lines, hubs = [0] * HUBS, contextlib.ExitStack()

    def follow(at):
        request = urllib.request.Request(f"http://{fresh.http}/sql", json.dumps(body).encode(), {"Content-Type": "application/json"})
        answer = hubs.enter_context(urllib.request.urlopen(request))
        with contextlib.suppress(OSError, ValueError):
            for _ in answer:
                lines[at] += 1

    for at in range(HUBS):
        threading.Thread(target=follow, args=(at,), daemon=True).start()
    wait_until(lambda: all(each > QUERIES for each in lines), "the rows of all followers")
    first = list(lines)
    followed = used()
    later = sum(lines) - sum(first)
    fresh.stop()
    report(f"{HUBS} followers of Overview", f"{100 * (followed - idle):.2f} % of a core", f"idle {100 * idle:.2f} %", f"{later} lines in {HUBS_WATCHED_S} s")
    assert later > 0, "the followers get no beats"
    assert followed - idle < MOST_CORE, (idle, followed)
