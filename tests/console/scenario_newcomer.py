"""A newcomer has one minute: cards on an empty catalog, generated sales, a table that moves, its plan, and the clean-up."""
from millrace_server import case, launch
from scenario import assert_clean, open_console, sql, wait_rows, wait_state


@case
def an_empty_catalog_leads_to_moving_rows():
    fresh = launch()
    page = open_console(fresh)
    page.wait_text("Nothing flows yet")
    page.wait_text("No login is needed", "#banner")
    page.click(".button", "Show the lines")
    lines = page.text("dialog")
    assert f"-p {fresh.port}" in lines and fresh.kafka.rsplit(":", 1)[1] in lines, "the ports are those of this server"
    page.press("Escape")

    page.click(".start .button", "Generate sales")
    page.wait_text("1 of 3", ".tour")
    wait_state(page, "live")
    wait_rows(page, "rows => rows.length > 5", "generated sales")
    page.click(".tour .button", "Next")
    page.wait_text("2 of 3", ".tour")
    wait_rows(page, "rows => rows.some(row => row[0] === 'Lahore')", "the table by city")
    count = int(page.js("""[...document.querySelectorAll('.grid-body .grid-row')]
        .find(row => row.children[0].textContent === 'Lahore').children[1].textContent""").replace(",", ""))
    wait_rows(page, f"""rows => Number(rows.find(row => row[0] === 'Lahore')[1].replaceAll(',', '')) > {count}""",
              "a count that grows in place")
    page.click(".tour .button", "Next")
    page.wait("document.querySelectorAll('.plan-topic').length >= 2", "sales and by_city in the picture")

    page.click(".tour .button", "Clean up")
    page.wait_text("DROP STREAM sales", "dialog pre")
    page.click("dialog .button", "Drop them")
    page.wait_text("The catalog is empty.", ".tree")
    left = [line for line in sql(fresh, "SHOW TOPICS;") if isinstance(line, list)]
    assert left == [], left
    assert_clean(page)
    fresh.stop()


@case
def the_tour_leaves_objects_of_others_alone():
    fresh = launch()
    sql(fresh, "CREATE STREAM sales (id INT KEY, mine VARCHAR);")
    page = open_console(fresh)
    page.press("Control+k")
    page.wait("document.querySelector('.palette-input')")
    page.type("generate")
    page.press("Enter")
    page.wait_text("the stream sales_2", ".tour")
    wait_state(page, "live")
    page.click(".tour .button", "Clean up")
    page.wait_text("DROP STREAM sales_2", "dialog pre")
    page.click("dialog .button", "Drop them")
    page.wait("![...document.querySelectorAll('.tree-name')].some(node => node.textContent === 'sales_2')")
    assert "sales" in page.texts(".tree-name")
    assert_clean(page)
    fresh.stop()
