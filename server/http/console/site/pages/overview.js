// @ts-check
// The state of the server at a glance: problems first, then load, disk, memory and lag.
import { el, fill, icon } from '../core/element.js';
import { Followed } from '../core/follow.js';
import { ago, count, parseTime, plural, size } from '../core/format.js';
import { CLUSTER, DAY_MS, FINDINGS, fullIn, GROUPS, pointsOf, QUERIES, samplesOf, SERVER, short }
  from '../live/figures.js';
import { GROUP, groupHref } from '../live/groups.js';
import { LiveTable } from '../live/live_table.js';
import { Panel, watchStale } from '../live/panel.js';
import { meter, spark } from '../live/spark.js';

const LARGEST = 10;
const COMMITS = samplesOf('millrace_log_commits_per_second');
const FREE = samplesOf('millrace_disk_free_bytes');
const CPU = samplesOf('process_cpu_seconds_per_second');

/** Returns the fragment of the page that shows an object. @param {Record<string, any>} finding */
export function pageOf({ rule, kind, object }) {
  if (/^MillraceDisk/.test(rule)) return '#topics?sort=size';
  if (kind === 'query') return `#queries?q=${encodeURIComponent(object)}`;
  if (kind === 'group') return groupHref(object);
  return kind === 'cluster' ? '#cluster' : '#settings';
}

/** @param {Followed} findings */
function attention(findings) {
  const list = el('ul.finding-list');
  const none = el('p.all-well', {}, icon('check'), 'Nothing needs attention.');
  const draw = () => {
    const rows = findings.rows.sort((a, b) => Number(b.severity === 'page') -
      Number(a.severity === 'page') || parseTime(a.since) - parseTime(b.since));
    none.hidden = rows.length > 0;
    fill(list, rows.map((row) => el('li.finding', { 'data-severity': row.severity },
      icon('warning'), el('div.finding-text', {},
        el('strong', {}, row.message), el('span.soft', {}, row.hint ?? '')),
      el('span.soft.finding-age', {}, sinceText(row.since)),
      el('a.button', { href: pageOf(row), 'aria-label': `Open ${row.object}` }, 'Open'))));
  };
  return new Panel('Needs attention', [findings], el('div', {}, none, list), { draw });
}

/** @param {any} since */
function sinceText(since) {
  const at = parseTime(since);
  return Number.isNaN(at) ? '' : `since ${ago(Date.now() - at).replace('just now', 'a moment')}`
    .replace(' ago', '');
}

/** @param {string} title @param {...(Node|string)} children */
function tile(title, ...children) {
  return el('div.tile', {}, el('h3', {}, title), children);
}

/**
 * @param {Followed} server @param {Followed} commits @param {Followed} cpu @param {Followed} free
 */
function load(server, commits, cpu, free) {
  const value = () => el('strong.tile-value');
  const parts = { clients: value(), commits: value(), cpu: value(), disk: value(), memory: value(),
    slice: value() };
  const lines = { commits: spark('Commits per second, last hour'),
    cpu: spark('CPU cores used, last hour') };
  const meters = { disk: meter('Used part of the disk'), memory: meter('Held part of the memory') };
  const notes = { disk: el('span.soft'), memory: el('span.soft') };
  const draw = () => {
    const fact = new Map(server.rows.map((row) => [`${row.section} ${row.name}`, row.value]));
    const number = (/** @type {string} */ name) => Number(fact.get(name) ?? 0);
    // A narrow tile wraps between the protocols, and not before a dot.
    fill(parts.clients, ['pg', 'kafka', 'http'].flatMap((protocol, at, all) => [
      el('span.unbroken', {}, `${count(number(`connections ${protocol}`))} ${protocol}${
        at < all.length - 1 ? ' ·' : ''}`), ' ']));
    parts.commits.textContent = `${short(fact.get('log commits per second'))}/s`;
    const cores = pointsOf(cpu.rows);
    parts.cpu.textContent = cores.length ? `${cores[cores.length - 1].y.toFixed(2)} cores` : '–';
    lines.commits.show(pointsOf(commits.rows));
    lines.cpu.show(cores);
    const total = number('disk total bytes'), left = number('disk free bytes');
    const reserve = number('disk reserve bytes');
    parts.disk.textContent = total ? `${size(left)} free` : '–';
    meters.disk.show(total ? 1 - left / total : 0);
    const forecast = fullIn(pointsOf(free.rows, DAY_MS)
      .map(({ x, y }) => ({ x, y: Math.max(0, y - reserve) })));
    const isRefused = fact.get('disk appends') === 'refused';
    notes.disk.textContent = isRefused ? 'Writes are refused: the disk is full up to the reserve.'
      : [`of ${size(total)}`, forecast].filter(Boolean).join(', ');
    notes.disk.className = isRefused ? 'error-text' : 'soft';
    const limit = number('memory limit bytes'), held = number('memory held bytes');
    parts.memory.textContent = `${size(held)} held`;
    meters.memory.show(limit ? held / limit : 0);
    notes.memory.textContent = `of ${size(limit)}`;
    const slices = server.rows.filter(({ name }) => / longest slice ms$/.test(name));
    parts.slice.textContent =
      `${Math.max(0, ...slices.map((row) => Number(row.value))).toFixed(1)} ms`;
  };
  const tiles = el('div.tiles', {},
    tile('Clients', parts.clients),
    tile('Commits', parts.commits, lines.commits.node),
    tile('CPU', parts.cpu, lines.cpu.node),
    tile('Disk', parts.disk, meters.disk.node, notes.disk,
      el('a.page-link', { href: '#topics?sort=size' }, 'Topics by size ›')),
    tile('Memory', parts.memory, meters.memory.node, notes.memory),
    tile('Longest hold-up', parts.slice, el('span.soft', {}, 'since the start')));
  return new Panel('This node', [server, commits, cpu, free], tiles, { draw });
}

/** @param {Followed} queries */
function lagOfQueries(queries) {
  const summary = el('p.soft');
  const table = new LiveTable('Lag of queries', [
    { title: 'Query', value: (row) => row.query, node: (row) =>
      el('a', { href: `#queries?q=${encodeURIComponent(row.query)}` }, row.query) },
    { title: 'State', value: (row) => row.state, mark: (row) => row.state },
    { title: 'Lag', isNumber: true, value: (row) => row.lag, text: (row) => short(row.lag) },
    { title: 'Rows/s', isNumber: true, value: (row) => row.rows_per_second,
      text: (row) => short(row.rows_per_second) },
  ], { key: (row) => row.query, sort: 2, isDescending: true, most: LARGEST,
    empty: 'No query runs. CREATE TABLE … AS starts one.' });
  const draw = () => {
    const { rows } = queries;
    const states = new Map();
    for (const { state } of rows) states.set(state, (states.get(state) ?? 0) + 1);
    summary.textContent = rows.length ? `${plural(rows.length, 'query', 'queries')}: ` +
      [...states].map(([state, number]) => `${number} ${String(state).toLowerCase()}`).join(' · ')
      : '';
    table.show(rows);
  };
  return new Panel('Lag of queries, 10 largest', [queries], el('div', {}, summary, table.node),
    { draw });
}

/** @param {Followed} groups */
function lagOfGroups(groups) {
  const table = new LiveTable('Lag of consumer groups', [
    GROUP,
    { title: 'State', value: (row) => row.state },
    { title: 'Members', isNumber: true, value: (row) => row.members },
    { title: 'Lag', isNumber: true, value: (row) => row.lag, text: (row) => short(row.lag) },
  ], { key: (row) => row.group, sort: 3, isDescending: true, most: LARGEST,
    empty: 'No consumer group is known.' });
  return new Panel('Lag of groups, 10 largest', [groups], table.node,
    { draw: () => table.show(groups.rows) });
}

/** @param {Followed} cluster */
function nodes(cluster) {
  const table = new LiveTable('Nodes', [
    { title: 'Node', value: (row) => row.node },
    { title: 'State', value: (row) => row.state, mark: (row) => row.state },
    { title: 'Role', value: (row) => row.role ?? '' },
    { title: 'Leads', isNumber: true, value: (row) => row.leads },
    { title: 'Replicas', isNumber: true, value: (row) => row.replicas },
    { title: 'In sync', isNumber: true, value: (row) => row.in_sync },
  ], { key: (row) => String(row.node), empty: 'This server is a single node.' });
  return new Panel('Nodes', [cluster], table.node, { draw: () => table.show(cluster.rows) });
}

/** @type {import('../core/router.js').Page} */
export const page = {
  show(main, _params, signal) {
    /** @type {Panel[]} */
    const panels = [];
    const followed = (/** @type {string} */ sql) => new Followed(sql, signal, () => {
      for (const panel of panels) panel.update();
    });
    const [findings, server, cluster, queries, groups, commits, cpu, free] =
      [FINDINGS, SERVER, CLUSTER, QUERIES, GROUPS, COMMITS, CPU, FREE].map(followed);
    panels.push(attention(findings), load(server, commits, cpu, free), lagOfQueries(queries),
      lagOfGroups(groups), nodes(cluster));
    main.append(el('div.page.live-page', {}, el('h1', {}, 'Overview'), panels[0].node,
      panels[1].node, el('div.columns', {}, panels[2].node, panels[3].node), panels[4].node,
      el('p.soft', {}, 'The load and the history are those of this node, since its start. ' +
        'Queries, groups and nodes are those of the whole cluster.')));
    watchStale(panels, signal);
  },
};
