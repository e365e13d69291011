// @ts-check
// The links to other Kafka clusters: a list, or one of them with the topics of its cluster.
import { button, el, factRows, refill, toast } from '../core/element.js';
import { confirmSql } from '../core/dialog.js';
import { ago, count, dateTime, plural } from '../core/format.js';
import { Polled } from '../core/polled.js';
import { go } from '../core/router.js';
import { session, whyReadOnly } from '../core/session.js';
import { quoteName, quoteText, selectAll, sentencesOf } from '../core/sql.js';
import { isUtc } from '../core/store.js';
import { describeLink, factsOf, linkHref, LINKS, markOf, noteOf, topicsOfLink }
  from '../connect/connectors.js';
import { showNewLink } from '../connect/new_link.js';
import { addFilterKey, filterBox } from '../live/filter.js';
import { LiveTable } from '../live/live_table.js';
import { Panel, showSql, watchStale } from '../live/panel.js';

/** @typedef {import('../live/live_table.js').LiveColumn} LiveColumn */

const MOST_ROWS = 500; // topics of the page; the filter finds the others
const TOPICS_MS = 30_000; // the topics come from the other cluster, which is asked rarely

/** Returns the time since which a state holds. @param {any} sinceMs */
function since(sinceMs) {
  const at = Number(sinceMs);
  return at > 0 ? `${ago(Date.now() - at)} (${dateTime(at, isUtc())})` : '–';
}

const COLUMNS = /** @type {LiveColumn[]} */ ([
  { title: 'Link', value: (row) => row.link,
    node: (row) => el('a', { href: linkHref(row.link) }, el('bdi', {}, row.link)) },
  { title: 'State', value: (row) => row.state, mark: (row) => markOf(row.state),
    hint: (row) => noteOf(row.state) },
  { title: 'Since', value: (row) => row.since_ms, text: (row) => dateTime(Number(row.since_ms),
    isUtc()) },
  { title: 'Cluster', value: (row) => row.cluster ?? '–' },
  { title: 'Brokers', isNumber: true, value: (row) => row.brokers },
  { title: 'Last error', value: (row) => row['last error'] ?? '',
    hint: (row) => row['last error'] ?? '' },
]);

/** @param {HTMLElement} main @param {AbortSignal} signal */
function showList(main, signal) {
  const table = new LiveTable('Links', COLUMNS, { key: (row) => row.link,
    empty: 'No link exists. CREATE LINK … connects this server to another Kafka cluster.' });
  const summary = el('p.soft', { role: 'status' });
  const reason = whyReadOnly();
  const create = button('plus', 'New link…', () => go('links?new='), { disabled: Boolean(reason) });
  const links = new Polled(LINKS, signal, () => panel.update());
  const panel = new Panel('All links', [links], el('div', {}, el('div.list-bar', {}, summary,
    el('span.spring'), reason && el('span.soft.reason', {}, reason), create),
  table.node), { draw: () => {
    summary.textContent = plural(links.size, 'link');
    table.show(links.rows);
  } });
  main.append(el('div.page.live-page.wide', {}, el('h1', {}, 'Links'), panel.node));
  watchStale([panel], signal);
}

/** @param {string} link @returns {LiveColumn[]} */
function topicColumns(link) {
  return [
    { title: 'Topic', value: (row) => row.topic, node: (row) => el('bdi', {}, row.topic) },
    { title: 'Partitions', isNumber: true, value: (row) => row.partitions,
      text: (row) => count(Number(row.partitions)) },
    { title: 'Replicas', isNumber: true, value: (row) => row.replicas,
      text: (row) => count(Number(row.replicas)) },
    { title: 'Records', value: () => '', node: (row) => button('', 'Print', () => void showSql(
      `PRINT ${quoteText(row.topic)} FROM LINK ${quoteName(link)} FROM BEGINNING LIMIT 10`),
    { class: 'quiet', title: 'Open the statement in the editor',
      'aria-label': `Print ${row.topic}` }) },
  ];
}

/** @param {string} link @param {AbortSignal} signal */
async function drop(link, signal) {
  const change = { title: `Drop ${link}`, act: 'Drop', word: link, sql: `DROP LINK ${
    quoteName(link)};`, note: 'The connections are closed, and the definition is deleted. The ' +
    'other cluster stays as it is.' };
  if (!await confirmSql(change)) return;
  try {
    await selectAll(change.sql, signal);
    toast(`${change.title}: done.`);
    go('links');
  } catch (error) {
    if (!signal.aborted) toast(`${change.title}: ${sentencesOf(error)}`);
  }
}

/** @param {Map<string, string>} known */
function stateFacts(known) {
  const state = known.get('state') ?? '';
  return factRows([
    ['State', el('span', {}, el('span', { 'data-mark': markOf(state) }, state),
      noteOf(state) && el('span.soft', {}, ` ${noteOf(state)}`))],
    ['Since', since(known.get('since_ms'))],
    ['Cluster', known.get('cluster') ?? 'not known yet'],
    ['Brokers', known.get('brokers') ?? 'none known'],
    ['Owner', known.get('owner') ?? '–'],
  ]);
}

/** @param {HTMLElement} main @param {string} link @param {AbortSignal} signal */
function showLink(main, link, signal) {
  /** @type {Panel[]} */
  const panels = [];
  const update = () => { for (const panel of panels) panel.update(); };
  const about = new Polled(describeLink(link), signal, update);
  const topics = new Polled(topicsOfLink(link), signal, update, TOPICS_MS);
  const facts = el('dl.query-facts'), error = el('p.error-text');
  const properties = el('dl.query-facts'), summary = el('p.soft', { role: 'status' });
  const table = new LiveTable('Topics', topicColumns(link), { key: (row) => row.topic,
    most: MOST_ROWS, empty: 'The user of the link sees no topic.' });
  const filter = filterBox('topics', update);
  panels.push(
    new Panel('State', [about], el('div', {}, facts, error), { draw: () => {
      const { facts: known, settings } = factsOf(about.rows);
      refill(facts, stateFacts(known));
      error.textContent = known.get('last error') ?? '';
      refill(properties, factRows([...settings]));
    } }),
    new Panel('Topics of the other cluster', [topics], el('div', {},
      el('div.list-bar', {}, filter.node, summary), table.node), { draw: () => {
      const rows = topics.rows.filter((row) => row.topic.toLowerCase().includes(filter.wanted()));
      summary.textContent = filter.wanted() ? `${plural(rows.length, 'topic')} of ${
        count(topics.size)}` : plural(topics.size, 'topic');
      table.show(rows);
    } }));
  const reason = session.info.read_only ? 'This session is read-only.' : '';
  main.append(el('div.page.live-page', {},
    el('header.page-head', {}, el('div', {}, el('a.back', { href: '#links' }, '‹ Links'),
      el('h1', {}, el('bdi', {}, link))), el('div.query-acts', {},
      reason ? el('span.soft.reason', {}, reason)
        : button('', 'Drop…', () => void drop(link, signal), { class: 'danger' }))),
    panels[0].node, el('section.panel', {}, el('header.panel-head', {},
      el('h2', {}, 'Properties')), properties), panels[1].node));
  watchStale(panels, signal);
  addFilterKey('Filter the topics', panels[1].node, signal);
}

/** @type {import('../core/router.js').Page} */
export const page = {
  show(main, params, signal) {
    const link = params.get('l');
    if (params.get('new') !== null) showNewLink(main, signal);
    else if (link) showLink(main, link, signal);
    else showList(main, signal);
  },
};
