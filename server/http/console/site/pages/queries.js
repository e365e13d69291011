// @ts-check
// The persistent queries: a list, or one of them.
import { el } from '../core/element.js';
import { Followed } from '../core/follow.js';
import { plural, size } from '../core/format.js';
import { go } from '../core/router.js';
import { QUERIES, short } from '../live/figures.js';
import { addFilterKey, filterBox } from '../live/filter.js';
import { LiveTable } from '../live/live_table.js';
import { Panel, watchStale } from '../live/panel.js';
import { pushQueries } from '../live/push_queries.js';
import { showQuery } from '../live/query_detail.js';

const MOST_ROWS = 200; // rows of the page; the filter finds the others

/** @param {string} query */
function hrefOf(query) { return `#queries?q=${encodeURIComponent(query)}`; }

/** @param {any} value */
function sizeOf(value) { return value === null ? '–' : size(Number(value)); }

const COLUMNS = /** @type {import('../live/live_table.js').LiveColumn[]} */ ([
  { title: 'Query', value: (row) => row.query,
    node: (row) => el('a', { href: hrefOf(row.query) }, row.query) },
  { title: 'State', value: (row) => row.state, mark: (row) => row.state,
    hint: (row) => row.last_error ?? '' },
  { title: 'Reads → writes', isMinor: true,
    value: (row) => `${row.reads ?? ''} → ${row.writes ?? '–'}` },
  { title: 'Lag', isNumber: true, value: (row) => row.lag, text: (row) => short(row.lag) },
  { title: 'Rows/s', isNumber: true, isMinor: true, value: (row) => row.rows_per_second,
    text: (row) => short(row.rows_per_second) },
  { title: 'Errors', isNumber: true, value: (row) => row.errors, text: (row) => short(row.errors) },
  { title: 'Late', isNumber: true, isMinor: true, value: (row) => row.late,
    text: (row) => short(row.late) },
  { title: 'State size', isNumber: true, isMinor: true, value: (row) => row.state_bytes,
    text: (row) => sizeOf(row.state_bytes) },
  { title: 'Memory', isNumber: true, isMinor: true, value: (row) => row.memory,
    text: (row) => sizeOf(row.memory) },
]);

/** @param {HTMLElement} main @param {AbortSignal} signal */
function showList(main, signal) {
  const table = new LiveTable('Queries', COLUMNS, { key: (row) => row.query, most: MOST_ROWS,
    empty: 'No query runs. CREATE TABLE … AS and CREATE STREAM … AS start one.' });
  const summary = el('p.soft', { role: 'status' });
  const filter = filterBox('queries', () => panel.update());
  const queries = new Followed(QUERIES, signal, () => panel.update());
  const draw = () => {
    const wanted = filter.wanted();
    const rows = queries.rows.filter((row) => !wanted ||
      [row.query, row.reads, row.writes, row.state].some((text) =>
        String(text ?? '').toLowerCase().includes(wanted)));
    summary.textContent = wanted ? `${plural(rows.length, 'query', 'queries')} of ${queries.size}`
      : plural(queries.size, 'query', 'queries');
    table.show(rows);
  };
  const panel = new Panel('Persistent queries', [queries],
    el('div', {}, el('div.list-bar', {}, filter.node, summary), table.node), { draw });
  main.append(el('div.page.live-page.wide', {}, el('h1', {}, 'Queries'), panel.node,
    pushQueries(signal).node));
  watchStale([panel], signal);
  addFilterKey('Filter the queries', panel.node, signal);
}

/** @type {import('../core/router.js').Page} */
export const page = {
  show(main, params, signal) {
    const query = params.get('q');
    if (query) showQuery(main, query, signal);
    else showList(main, signal);
  },
};

/** Opens the page of a query. @param {string} query */
export function openQuery(query) { go(hrefOf(query).slice(1)); }
