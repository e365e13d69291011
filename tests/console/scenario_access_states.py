"""The page of users and rights while its rows are read, and after a request that failed."""
from millrace_server import case, launch
from scenario import assert_clean, browser, sql, url

# Holds the page's request for the rights until the test lets it go on, or answers it with an error.
HOLD = """const send = fetch;
    const released = new Promise(done => { window.release = done; });
    window.fetch = async (address, options) => {
        if (!String(options?.body ?? '').includes('pg_auth_members')) return send(address, options);
        await released;
        return window.isBroken ? new Response('{"error": {"code": "53300", "message": "too many statements run", "hint": "Try later"}}\\n')
            : send(address, options);
    };"""
BOXES = "[...document.querySelectorAll('.panel')].map(each => each.querySelector('.panel-state').innerText.trim())"


def open_access(to):
    page = browser().page(url(to) + "#access", before=HOLD)
    page.wait("document.querySelectorAll('.panel').length === 2", "the boxes")
    return page


@case
def both_boxes_of_access_report_that_they_are_read():
    fresh = launch()
    sql(fresh, "CREATE STREAM orders (id INT KEY);")
    page = open_access(fresh)
    assert page.js(BOXES) == ["The users and roles are read.", "The rights are read."], page.js(BOXES)
    page.js("release()")
    page.wait_text("orders", ".live-table")
    assert page.js(BOXES) == ["", ""]
    assert_clean(page)
    fresh.stop()


@case
def both_boxes_of_access_have_the_error_and_try_again():
    fresh = launch()
    sql(fresh, "CREATE STREAM orders (id INT KEY);")
    page = open_access(fresh)
    page.js("window.isBroken = true; release()")
    page.wait(f"{BOXES}.every(text => text.includes('too many statements run. Try later.'))", "the error in both boxes")
    page.js("window.isBroken = false")
    page.click(".panel:last-of-type .button", "Try again")
    page.wait_text("orders", ".live-table")
    assert page.js(BOXES) == ["", ""]
    assert_clean(page)
    fresh.stop()
