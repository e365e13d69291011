"""Changes from the pages of topics and groups: settings of a topic, offsets of a group, and the reasons that prevent them."""
from millrace_server import case, launch
from scenario import sql
from scenario_oncall import open_page


def retention(page):
    """The texts of value, default and source of retention.ms."""
    return page.js("""[...document.querySelectorAll('.setting-table tbody tr')]
        .find(row => row.querySelector('code').textContent === 'retention.ms')?.innerText.split('\\t').slice(1, 4).map(each => each.trim())""")


@case
def a_setting_of_a_topic_is_changed_after_its_effect_was_shown():
    fresh = launch()
    sql(fresh, "CREATE STREAM orders (id INT KEY, city VARCHAR) WITH (PARTITIONS = 1);")
    page = open_page(fresh, "#topics?t=orders&tab=settings", ".setting-table")
    assert retention(page)[0] == "-1 no limit", retention(page)
    page.click("button[aria-label='Change retention.ms']")
    page.insert("3600000")
    page.wait_text("1 hour", "dialog .difference")
    page.wait_text("cannot be restored", "dialog .difference-effect")
    assert page.js("document.querySelector('dialog .button.primary').disabled"), "a change that removes records asks for the name of the topic"
    page.click("dialog input[aria-label='Name of the topic']")
    page.type("orders")
    page.click("dialog .button.primary")
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
    page.wait("document.querySelector('.setting-table tr[data-own] code')", "the setting of the topic")
    page.wait_text("3600000 1 hour", ".setting-table")
    assert retention(page)[2] == "this topic", retention(page)
    page.click("button[aria-label='Change max.message.bytes']")
    page.insert("many")
    page.click("dialog .button.primary")
    page.wait("document.querySelector('dialog .error-text').textContent.includes('max.message.bytes')", "a value that is no number is refused")
    page.js("document.querySelector('dialog input').select()")
    page.insert("1000")
    page.click("dialog .button.primary")
    page.wait_text("max.message.bytes", ".query-facts")
    page.click("button[aria-label='Change max.message.bytes']")
    page.click("dialog .segments button", "The default")
    page.click("dialog .button.primary")
    page.wait("!document.querySelector('.query-facts').innerText.includes('max.message.bytes')", "the default")
    assert len(page.problems()) == 1, "only the refused value"
    page.close()
    fresh.stop()
