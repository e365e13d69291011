// @ts-check
// The statements with which clients follow changes (push queries), and the button that stops one.
import { confirmSql } from '../core/dialog.js';
import { button, el, toast } from '../core/element.js';
import { ago, dateTime, parseTime, plural } from '../core/format.js';
import { Polled } from '../core/polled.js';
import { session, whyReadOnly } from '../core/session.js';
import { quoteText, select, sentencesOf } from '../core/sql.js';
import { isUtc } from '../core/store.js';
import { LiveTable } from './live_table.js';
import { Panel, watchStale } from './panel.js';

const MOST_ROWS = 200;
const MOST_TEXT = 160; // characters of a statement in the table; the tooltip has all of it

// pg_stat_activity cannot be followed, so the page reads it again and again. This statement itself
// contains EMIT CHANGES; the last condition leaves out the same statement of other browsers.
export const PUSH_QUERIES = `SELECT pid, usename AS "user", application_name AS application,
    client_addr AS address, query_start AS began, CAST(query_start AS VARCHAR) AS began_text, query
  FROM pg_stat_activity
  WHERE state = 'active' AND pid <> pg_backend_pid() AND query ILIKE '%EMIT CHANGES%'
    AND query NOT LIKE '%pg_stat_activity%'`;

/** Returns whether a page of a console sends the statement. @param {Record<string, any>} row */
export function isOfConsole({ application, query }) {
  return application === 'http' && /\bmillrace_catalog\./.test(query);
}

/**
 * Returns the statement that stops a push query. It stops nothing if the session has begun another
 * statement since.
 * @param {{pid: number, began_text: string}} row
 */
export function stopOf({ pid, began_text: began }) {
  return `SELECT pg_cancel_backend(pid) AS stopped FROM pg_stat_activity
  WHERE pid = ${pid} AND query_start = TIMESTAMP ${quoteText(began)}`;
}

/** @param {string} query */
function short(query) {
  const text = query.replace(/\s+/g, ' ').trim();
  return text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT - 1)}…` : text;
}

/** @param {Record<string, any>} row @param {Polled} all @param {AbortSignal} signal */
async function stop(row, all, signal) {
  const title = `Stop the statement of ${row.user}`;
  if (!await confirmSql({ title, act: 'Stop', sql: `${stopOf(/** @type {any} */ (row))};`,
    note: 'The client gets the error 57014 (canceling statement due to user request), and may ' +
      'begin its statement again. No data is changed.' })) return;
  try {
    const [found] = await select(stopOf(/** @type {any} */ (row)), signal);
    toast(found?.stopped ? `${title}: done.` : 'The statement has ended already.');
    void all.read();
  } catch (error) {
    if (!signal.aborted) toast(`${title}: ${sentencesOf(error)}`);
  }
}

/** Returns the panel. @param {AbortSignal} signal */
export function pushQueries(signal) {
  const fixed = whyReadOnly();
  const ofPages = el('input', { type: 'checkbox', onchange: () => panel.update() });
  const summary = el('p.soft', { role: 'status' });
  const table = new LiveTable('Push queries', [
    { title: 'User', value: (row) => row.user, node: (row) => el('bdi', {}, row.user) },
    { title: 'Client', value: (row) => `${row.application ?? ''} ${row.address ?? ''}`.trim() },
    { title: 'Since', value: (row) => row.began_text,
      text: (row) => dateTime(parseTime(row.began), isUtc()),
      hint: (row) => ago(Date.now() - parseTime(row.began)) },
    { title: 'Statement', value: (row) => row.query, node: (row) =>
      el('code', {}, el('bdi', {}, short(row.query))), hint: (row) => row.query },
    { title: 'Stop', value: () => '', node: (row) => button('stop', 'Stop…', () =>
      void stop(row, all, signal), { class: 'small', disabled: Boolean(fixed),
      'aria-label': `Stop… the statement of ${row.user}, session ${row.pid}` }) }],
  { key: (row) => `${row.pid} ${row.began_text}`, sort: 2, most: MOST_ROWS,
    empty: 'No client follows changes on this node. SELECT … EMIT CHANGES does.' });
  const all = new Polled(PUSH_QUERIES, signal, () => panel.update());
  const { privileges } = session.info;
  const own = privileges && !privileges.superuser
    ? ' Only superusers see the statements of other users.' : '';
  const panel = new Panel('Push queries of clients', [all], el('div', {}, el('div.list-bar', {},
    summary, el('span.spring'), fixed && el('span.soft.reason', {}, fixed),
    el('label.inline-field', {}, ofPages, el('span', {}, 'of pages of the console'))),
  table.node), { draw: () => {
    const rows = all.rows.filter((row) => ofPages.checked || !isOfConsole(row));
    summary.textContent = plural(rows.length, 'push query', 'push queries');
    table.show(rows);
  }, note: `Statements with EMIT CHANGES that clients of this node run now.${own}` });
  watchStale([panel], signal);
  return panel;
}
