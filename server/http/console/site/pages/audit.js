// @ts-check
// The audit: logins, logouts and changes of the console's sessions at this node, as they happen.
import { el } from '../core/element.js';
import { Followed } from '../core/follow.js';
import { count, plural } from '../core/format.js';
import { session } from '../core/session.js';
import { addFilterKey, filterBox } from '../live/filter.js';
import { LiveTable } from '../live/live_table.js';
import { shownTime, utcTime } from '../live/message_table.js';
import { Panel, watchStale } from '../live/panel.js';

export const AUDIT = 'SELECT * FROM millrace_catalog.audit EMIT CHANGES';
const MOST_ROWS = 200; // rows of the page; the filter finds the others
const DONE = ['ok', 'accepted'];

/** Returns whether an attempt was refused or has failed. @param {Record<string, any>} row */
export function hasFailed({ outcome }) { return !DONE.includes(outcome); }

/**
 * Returns whether a line has the text in one of its columns.
 * @param {Record<string, any>} row @param {string} wanted in lower case
 */
export function isWanted(row, wanted) {
  return !wanted || ['event', 'user_name', 'address', 'session', 'outcome', 'text'].some((name) =>
    String(row[name] ?? '').toLowerCase().includes(wanted));
}

const isolate = (/** @type {any} */ text) => el('bdi', {}, String(text ?? '–'));

const COLUMNS = /** @type {import('../live/live_table.js').LiveColumn[]} */ ([
  { title: 'Time', value: (row) => Number(row.number), text: (row) => shownTime(row.time),
    hint: (row) => utcTime(row.time) },
  { title: 'Event', value: (row) => row.event },
  { title: 'User', value: (row) => row.user_name ?? '', node: (row) => isolate(row.user_name) },
  { title: 'Outcome', value: (row) => row.outcome, node: (row) => isolate(row.outcome),
    mark: (row) => hasFailed(row) ? 'ERROR' : '' },
  { title: 'Statement or request', value: (row) => row.text ?? '', node: (row) => row.text
    ? el('code.audit-text', { dir: 'auto' }, row.text) : '–' },
  { title: 'Session', value: (row) => row.session ?? '–' },
  { title: 'Address', value: (row) => row.address ?? '–' },
]);

/** Returns the note of the page, which depends on the rights of the user. */
function note() {
  const { privileges, server } = session.info;
  const where = server?.node ? `node ${server.node}` : 'this server';
  const own = privileges && !privileges.superuser
    ? ' Only superusers see the sessions of other users.' : '';
  return `Logins, logouts and changes of the console's sessions at ${where} since its start: at ` +
    `most 2,000 lines. The log of the server has all lines.${own}`;
}

/** @type {import('../core/router.js').Page} */
export const page = {
  show(main, _params, signal) {
    const table = new LiveTable('Audit', COLUMNS, { key: (row) => String(row.number), sort: 0,
      isDescending: true, most: MOST_ROWS,
      empty: 'No session has logged in or changed something, or no line has these properties.' });
    const summary = el('p.soft', { role: 'status' });
    const filter = filterBox('audit', () => panel.update());
    const onlyFailed = el('input', { type: 'checkbox', onchange: () => panel.update() });
    const audit = new Followed(AUDIT, signal, () => panel.update());
    const panel = new Panel('Sessions of the console', [audit], el('div', {},
      el('div.list-bar', {}, filter.node, summary, el('span.spring'),
        el('label.inline-field', {}, onlyFailed, el('span', {}, 'refused or failed'))),
      table.node), { draw: () => {
      const rows = audit.rows.filter((row) => isWanted(row, filter.wanted()) &&
        (!onlyFailed.checked || hasFailed(row)));
      summary.textContent = rows.length === audit.size ? plural(rows.length, 'line')
        : `${plural(rows.length, 'line')} of ${count(audit.size)}`;
      table.show(rows);
    }, note: note() });
    main.append(el('div.page.live-page.wide', {}, el('header.page-head', {}, el('div', {},
      el('a.back', { href: '#access' }, '‹ Access'), el('h1', {}, 'Audit'))), panel.node));
    watchStale([panel], signal);
    addFilterKey('Filter the audit', panel.node, signal);
  },
};
