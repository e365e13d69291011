"""The page of users and rights: why a user may read a stream, and GRANT and REVOKE with their preview."""
import json

from millrace_server import case
from scenario import assert_clean, browser, sql, url
from scenario_hostile import ROOT, guarded, log_in
from scenario_states import look

ROWS = "[...document.querySelectorAll('.live-table tbody tr')].map(row => [...row.children].map(cell => cell.textContent).join('|'))"


def wait_rows(page, row, what):
    page.wait(f"{ROWS}.includes({json.dumps(row)})", what)


@case
def the_page_of_access_names_the_reasons_of_rights_and_changes_them():
    to = guarded()
    sql(to, "CREATE STREAM o (id INT KEY, v VARCHAR); CREATE STREAM p (id INT KEY); CREATE USER eve PASSWORD 'eves password';"
            'CREATE ROLE "<b>role"; GRANT SELECT ON o TO "<b>role"; GRANT "<b>role" TO eve; GRANT SELECT, INSERT ON p TO eve;', user=ROOT)
    page = browser().page(url(to) + "#access?u=eve")
    log_in(page, "millrace", "a long password")
    page.wait("document.querySelector('select[aria-label=\"User or role\"]')?.value === 'eve'", "the user of the address")
    wait_rows(page, "eve|user|<b>role|–", "the roles of the user")
    wait_rows(page, "<b>role|role|–|eve", "the members of the role")
    wait_rows(page, "o|granted to <b>role, through eve → <b>role|Grant…|no|Grant…", "the reason")
    found = []
    look(page, "access", found)
    page.click("[aria-label='Grant… read on o']")
    page.wait("document.querySelector('dialog .sql-text')?.textContent === 'GRANT SELECT ON o TO eve;'", "the statement")
    page.click("dialog .danger")
    wait_rows(page, "o|granted to eve; granted to <b>role, through eve → <b>role|Revoke…|no|Grant…", "both reasons")
    page.click("[aria-label='Revoke… read on o']")
    page.wait_text("eve may still read o afterwards: granted to <b>role, through eve → <b>role", "dialog")
    look(page, "the preview of REVOKE", found)
    page.press("Escape")
    page.wait("!document.querySelector('dialog[open]')", "the end of the dialog")
    page.click("[aria-label='Revoke… write on p']")
    page.wait_text("eve may no longer write p", "dialog")
    page.click("dialog .danger")
    wait_rows(page, "p|granted to eve|Revoke…|no|Grant…", "the revoked right")
    page.click(".segments button", "All roles")
    wait_rows(page, "p|–|read|read, write", "the matrix")
    look(page, "the matrix", found)
    assert not found, "\n".join(found)
    assert not page.js("document.querySelector('main b')")
    assert_clean(page, [f"Failed to load resource: the server responded with a status of 401 (Unauthorized) http://{to.http}/session"])
    to.stop()
