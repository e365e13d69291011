// @ts-check
// The rights of the user of this session: on everything, by roles, and on each relation.
import { el, factRows, fill } from '../core/element.js';
import { session } from '../core/session.js';
import { objects, quoteText, selectAll, sentencesOf } from '../core/sql.js';
import { LiveTable } from './live_table.js';
import { sqlButton } from './panel.js';

/** Returns the statements about a user: the roles, and the relations with rights. */
export function rightsOf(/** @type {string} */ user) {
  return `SELECT r.rolname AS role FROM pg_auth_members AS a
  JOIN pg_roles AS r ON r.oid = a.roleid JOIN pg_roles AS m ON m.oid = a.member
  WHERE m.rolname = ${quoteText(user)} ORDER BY 1;
SELECT relname AS relation, has_table_privilege(oid, 'SELECT') AS may_read,
    has_table_privilege(oid, 'INSERT') AS may_write
  FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm')
    AND (has_table_privilege(oid, 'SELECT') OR has_table_privilege(oid, 'INSERT'))
  ORDER BY 1`;
}

/** Returns the sentence about rights on everything. @param {Record<string, any>} privileges */
export function summaryOf({ superuser, all, create }) {
  if (superuser) return 'superuser: may do everything';
  if (all) return 'reads, writes and creates everything';
  return create ? 'creates streams and tables' : 'none on everything';
}

/** Returns the panel. It reads the rights once. @param {AbortSignal} signal */
export function rightsPanel(signal) {
  const { user } = session;
  if (user === null)
    return el('section.panel', {}, el('h2', {}, 'Your rights'), el('p.soft', {},
      'No login is needed: this session may do everything.'));
  const facts = el('dl.query-facts'), failure = el('p.error-text', { role: 'alert' });
  const word = (/** @type {any} */ value) => value ? 'yes' : 'no';
  const table = new LiveTable('Rights on streams and tables', [
    { title: 'Stream or table', value: (row) => row.relation },
    { title: 'May read', value: (row) => word(row.may_read) },
    { title: 'May write', value: (row) => word(row.may_write) }],
  { key: (row) => row.relation, most: 500, empty: 'You have no right on any stream or table.' });
  const read = async () => {
    try {
      const [roles, relations] = (await selectAll(rightsOf(user), signal,
        { max_rows: 100_000 })).map(objects);
      fill(facts, factRows([['User', user], ['Rights', summaryOf(session.info.privileges ?? {})],
        ['Member of', roles.map(({ role }) => role).join(', ') || 'no role']]));
      table.show(relations);
    } catch (error) {
      if (!signal.aborted) failure.textContent = sentencesOf(error);
    }
  };
  void read();
  return el('section.panel', {}, el('header.panel-head', {}, el('h2', {}, 'Your rights'),
    el('span.spring'), sqlButton(rightsOf(user), 'your rights')), facts, failure, table.node);
}
