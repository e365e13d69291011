// @ts-check
// The consumer groups: a list, or the lag of one of them by partition.
import { button, el, factRows, fill, refill } from '../core/element.js';
import { Followed } from '../core/follow.js';
import { count, plural } from '../core/format.js';
import { onSession } from '../core/session.js';
import { select } from '../core/sql.js';
import { GROUPS, short } from '../live/figures.js';
import { addFilterKey, filterBox } from '../live/filter.js';
import { GROUP, groupOf, isShareGroup, LAG, lagOfGroup, SHARE_NOTE } from '../live/groups.js';
import { LagHistory, mapOf, pastOf, showMap, trendText } from '../live/group_lag.js';
import { HourChart } from '../live/hour_chart.js';
import { LiveTable } from '../live/live_table.js';
import { Panel, watchStale } from '../live/panel.js';
import { openReset, whyNoReset } from '../live/reset_offsets.js';
import { topicHref } from '../live/topics.js';

/** @typedef {import('../live/live_table.js').LiveColumn} LiveColumn */

const MOST_ROWS = 200; // rows of the page; the filter finds the others
const MAP_MS = 60_000; // the map has a column for each minute

const COLUMNS = /** @type {LiveColumn[]} */ ([
  GROUP,
  { title: 'State', value: (row) => row.state },
  { title: 'Type', isMinor: true, value: (row) => row.type ?? '' },
  { title: 'Members', isNumber: true, isMinor: true, value: (row) => row.members },
  { title: 'Partitions', isNumber: true, isMinor: true, value: (row) => row.partitions },
  { title: 'Lag', isNumber: true, value: (row) => row.lag, text: (row) => short(row.lag),
    hint: (row) => row.lag === null ? '' : `${count(Number(row.lag))} records` },
]);

/** @param {HTMLElement} main @param {AbortSignal} signal */
function showList(main, signal) {
  const table = new LiveTable('Groups', COLUMNS, { key: (row) => row.group, most: MOST_ROWS,
    sort: 5, isDescending: true,
    empty: 'No consumer group exists. A Kafka consumer with a group.id creates one.' });
  const summary = el('p.soft', { role: 'status' });
  const filter = filterBox('groups', () => panel.update());
  const groups = new Followed(GROUPS, signal, () => panel.update());
  const panel = new Panel('All groups', [groups],
    el('div', {}, el('div.list-bar', {}, filter.node, summary), table.node), { draw: () => {
      const wanted = filter.wanted();
      const rows = groups.rows.filter((row) => [row.group, row.type].some((text) =>
        String(text ?? '').toLowerCase().includes(wanted)));
      summary.textContent = wanted ? `${plural(rows.length, 'group')} of ${count(groups.size)}`
        : plural(groups.size, 'group');
      table.show(rows);
    } });
  main.append(el('div.page.live-page.wide', {}, el('h1', {}, 'Consumer groups'), panel.node));
  watchStale([panel], signal);
  addFilterKey('Filter the groups', panel.node, signal);
}

const TOPIC = /** @type {LiveColumn} */ ({ title: 'Topic', value: (row) => row.topic,
  node: (row) => el('a', { href: topicHref(row.topic) }, el('bdi', {}, row.topic)) });

/** @param {Record<string, any>|undefined} row @param {string} group @param {Set<any>} members */
function groupFacts(row, group, members, /** @type {number|null} */ slope) {
  return row ? factRows([['State', row.state], ['Type', row.type ?? '–'],
    ['Assignor', row.assignor ?? '–'], ['Members', row.members],
    ['Lag', row.lag === null ? 'not known' : plural(Number(row.lag), 'record')],
    ['Trend', trendText(slope)],
    ['Readers', [...members].join(', ') || 'none']], 'dd.clamped')
    : el('p.soft', {}, `No group ${group} exists, or you may not see it.`);
}

/**
 * The panel with the lag over the last hour: the past is read once, and the current lag is added.
 * @param {string} group @param {Followed} state @param {LagHistory} history
 * @param {AbortSignal} signal
 */
function historyPanel(group, state, history, signal) {
  const chart = new HourChart('Lag in records, last hour', 'records');
  const map = el('div.lag-place');
  const panel = new Panel('Lag, last hour', [state], el('div.spaced', {}, chart.node, map), {
    draw: () => chart.show(history.points), sql: `${pastOf(group)};\n${mapOf(group)}`,
    note: 'As this node has seen it since its start.' });
  const read = async () => {
    try {
      history.past(await select(pastOf(group), signal));
      panel.update();
    } catch {
      // The past could not be read (the map shows the error), so the line begins with the present.
    }
  };
  void read();
  const draw = () => void showMap(map, group, signal);
  draw();
  const timer = setInterval(() => { if (!document.hidden) draw(); }, MAP_MS);
  signal.addEventListener('abort', () => clearInterval(timer));
  return panel;
}

/** @param {HTMLElement} main @param {string} group @param {AbortSignal} signal */
function showGroup(main, group, signal) {
  const facts = el('dl.query-facts');
  const acts = el('div.query-acts');
  const table = new LiveTable('Lag', [TOPIC, ...LAG], {
    key: (row) => `${row.topic} ${row.partition}`, sort: 4, isDescending: true,
    empty: 'The group has committed no offset and has no member.' });
  const shareNote = el('p.soft', { hidden: true }, SHARE_NOTE);
  const update = () => { for (const panel of panels) panel.update(); };
  const state = new Followed(groupOf(group), signal, update);
  const lag = new Followed(lagOfGroup(group), signal, update);
  const history = new LagHistory();
  let drawn = '';
  const drawActs = () => {
    const reason = whyNoReset(state.rows[0], lag.rows.map(({ member }) => member));
    const isRead = lag.columns.length > 0 || lag.failure !== null; // the dialog needs the topics
    const key = `${reason} ${isRead}`;
    if (key === drawn) return;
    drawn = key;
    fill(acts, reason && state.rows.length > 0 && el('span.soft.reason', {}, reason),
      button('', 'Reset offsets…', () => openReset(group,
        [...new Set(lag.rows.map(({ topic }) => topic))].sort(), signal),
      { disabled: Boolean(reason) || !isRead }));
  };
  const head = new Panel('State', [state], facts, { draw: () => {
    const [row] = state.rows;
    shareNote.hidden = !isShareGroup(row);
    if (row && row.lag !== null && !state.isStale()) history.note(Number(row.lag), Date.now());
    const members = new Set(lag.rows.map(({ member }) => member).filter(Boolean));
    refill(facts, groupFacts(row, group, members, history.slope));
    drawActs();
  } });
  const panels = [head, historyPanel(group, state, history, signal),
    new Panel('Lag by partition', [lag], el('div.spaced', {}, shareNote, table.node),
      { draw: () => table.show(lag.rows) })];
  onSession(drawActs, signal);
  main.append(el('div.page.live-page.wide', {}, el('header.page-head', {}, el('div', {},
    el('a.back', { href: '#groups' }, '‹ Consumer groups'),
    el('h1', {}, el('bdi', {}, group))), acts), panels.map(({ node }) => node)));
  watchStale(panels, signal);
}

/** @type {import('../core/router.js').Page} */
export const page = {
  show(main, params, signal) {
    const group = params.get('g');
    if (group !== null) showGroup(main, group, signal);
    else showList(main, signal);
  },
};
