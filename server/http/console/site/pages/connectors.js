// @ts-check
// The connectors: a list, or one of them. The server cannot follow them, since an outside Kafka
// Connect cluster has some of them, so the page reads them again and again.
import { button, el, fill } from '../core/element.js';
import { plural } from '../core/format.js';
import { Polled } from '../core/polled.js';
import { go } from '../core/router.js';
import { whyNoConnector } from '../core/session.js';
import { showConnector } from '../connect/connector_detail.js';
import { CONNECTORS, connectorHref, lacksTasks, markOf, noteOf } from '../connect/connectors.js';
import { showNewConnector } from '../connect/new_connector.js';
import { short } from '../live/figures.js';
import { addFilterKey, filterBox } from '../live/filter.js';
import { LiveTable } from '../live/live_table.js';
import { Panel, watchStale } from '../live/panel.js';

const MOST_ROWS = 200; // rows of the page; the filter finds the others

/** @param {any} value */
function shortOrNone(value) { return value === null ? '–' : short(value); }

const COLUMNS = /** @type {import('../live/live_table.js').LiveColumn[]} */ ([
  { title: 'Connector', value: (row) => row.connector,
    node: (row) => el('a', { href: connectorHref(row.connector) }, el('bdi', {}, row.connector)) },
  { title: 'Type', value: (row) => row.type },
  { title: 'State', value: (row) => row.state, mark: (row) => markOf(row.state),
    hint: (row) => noteOf(row.state) },
  { title: 'Tasks', value: (row) => row.tasks, hint: () => 'running tasks and all tasks',
    mark: (row) => row.state === 'RUNNING' && lacksTasks(row.tasks) ? 'ERROR' : '' },
  { title: 'Class', value: (row) => row.class ?? '–' },
  { title: 'Runs at', value: (row) => row['runs at'] ?? '–' },
  { title: 'Topics', value: (row) => row.topics ?? '–' },
  { title: 'Lag', isNumber: true, value: (row) => row.lag, text: (row) => shortOrNone(row.lag) },
  { title: 'Records/s', isNumber: true, value: (row) => row['records/s'],
    text: (row) => shortOrNone(row['records/s']) },
  { title: 'Errors', isNumber: true, value: (row) => row.errors,
    text: (row) => shortOrNone(row.errors), hint: (row) => row['last error'] ?? '' },
]);

/** @param {HTMLElement} main @param {AbortSignal} signal */
function showList(main, signal) {
  const table = new LiveTable('Connectors', COLUMNS, { key: (row) => row.connector,
    most: MOST_ROWS, empty: 'No connector exists. CREATE SOURCE CONNECTOR … copies data into ' +
      'topics, and CREATE SINK CONNECTOR … copies topics into another system.' });
  const summary = el('p.soft', { role: 'status' }), notices = el('div');
  const filter = filterBox('connectors', () => panel.update());
  const reason = whyNoConnector();
  const create = button('plus', 'New connector…', () => go('connectors?new='),
    { disabled: Boolean(reason) });
  const all = new Polled(CONNECTORS, signal, () => panel.update());
  const panel = new Panel('All connectors', [all], el('div', {}, notices,
    el('div.list-bar', {}, filter.node, summary, el('span.spring'),
      reason && el('span.soft.reason', {}, reason), create), table.node), { draw: () => {
    const wanted = filter.wanted();
    const rows = all.rows.filter((row) => !wanted || [row.connector, row.class, row.topics,
      row.state].some((text) => String(text ?? '').toLowerCase().includes(wanted)));
    summary.textContent = wanted ? `${plural(rows.length, 'connector')} of ${all.size}`
      : plural(all.size, 'connector');
    fill(notices, all.notices.map(({ message }) => el('p.stale-text', {}, `${message}.`)));
    table.show(rows);
  } });
  main.append(el('div.page.live-page.wide', {}, el('h1', {}, 'Connectors'), panel.node));
  watchStale([panel], signal);
  addFilterKey('Filter the connectors', panel.node, signal);
}

/** @type {import('../core/router.js').Page} */
export const page = {
  show(main, params, signal) {
    const name = params.get('c'), created = params.get('new');
    if (created !== null) showNewConnector(main, created, signal);
    else if (name) showConnector(main, name, signal);
    else showList(main, signal);
  },
};
