"""The graphs of the last hour on a server that has run for seconds."""
from millrace_server import case, launch
from scenario import assert_clean
from scenario_oncall import make_query, open_page

# The part of the canvas, from its left edge, that the line of the graph leaves empty.
EMPTY = """(() => {
    const canvas = document.querySelector('.hour-chart canvas');
    const ink = getComputedStyle(document.documentElement).getPropertyValue('--series-0').trim();
    const wanted = [1, 3, 5].map(at => parseInt(ink.slice(at, at + 2), 16));
    const {data, width} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let first = width;
    for (let at = 0; at < data.length; at += 4)
        if (data[at + 3] === 255 && wanted.every((part, of) => Math.abs(part - data[at + of]) < 3))
            first = Math.min(first, (at / 4) % width);
    return first === width ? null : first / width;
})()"""


@case
def a_graph_of_the_last_hour_is_as_wide_as_an_hour():
    fresh = launch()
    make_query(fresh)
    page = open_page(fresh, "#queries?q=CTAS_BY_CITY_0", ".query-facts")
    page.wait("document.querySelector('.hour-chart .chart')?.hidden === false", "the graph")
    part = page.wait(EMPTY, "the line of the graph")
    assert part > 0.7, f"the line begins at {part} of the width"
    page.js("location.hash = '#overview'")
    page.wait("document.querySelector('.spark-line')?.getAttribute('d')", "the line of the tile")
    assert page.js("[...document.querySelectorAll('.spark-line')].every(each => parseFloat(each.getAttribute('d').slice(1)) > 80)")
    assert_clean(page)
    fresh.stop()
