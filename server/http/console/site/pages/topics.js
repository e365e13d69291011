// @ts-check
// The topics: a list, or one of them with its records, partitions, settings and consumers.
import { button, el, factRows, refill, toast } from '../core/element.js';
import { Followed } from '../core/follow.js';
import { count, plural, size } from '../core/format.js';
import { go } from '../core/router.js';
import { session, whyFixed, whyReadOnly } from '../core/session.js';
import { short } from '../live/figures.js';
import { addFilterKey, filterBox } from '../live/filter.js';
import { openAddPartitions } from '../live/add_partitions.js';
import { openDeleteRecords } from '../live/delete_records.js';
import { GROUP, LAG, lagOfTopic } from '../live/groups.js';
import { LiveTable } from '../live/live_table.js';
import { Messages, searchOf } from '../live/messages.js';
import { Panel, watchStale } from '../live/panel.js';
import { openNewTopic, openProduce } from '../live/produce.js';
import { TopicSettings } from '../live/topic_settings.js';
import { PARTITIONS, partitionsOf, Rates, settingsOf, topicHref, topicOf, topicRows, TOPICS }
  from '../live/topics.js';

/** @typedef {import('../live/live_table.js').LiveColumn} LiveColumn */

const MOST_ROWS = 200; // rows of the page; the filter finds the others
const TABS = [['messages', 'Messages'], ['partitions', 'Partitions'], ['groups', 'Groups'],
  ['settings', 'Settings']];

const COLUMNS = /** @type {LiveColumn[]} */ ([
  { title: 'Topic', value: (row) => row.topic,
    node: (row) => el('a', { href: topicHref(row.topic) }, el('bdi', {}, row.topic)) },
  { title: 'Parts', isNumber: true, isMinor: true, value: (row) => row.partitions },
  { title: 'Replicas', isNumber: true, isMinor: true, value: (row) => row.replicas ?? null,
    text: (row) => String(row.replicas ?? '–') },
  { title: 'Records', isNumber: true, value: (row) => row.records,
    text: (row) => row.isPartial ? `≥ ${short(row.records)}` : short(row.records),
    hint: (row) => `${count(row.records)} offsets; compaction may have removed some` },
  { title: 'Size', isNumber: true, value: (row) => row.bytes, text: (row) => size(row.bytes) },
  { title: 'In/s', isNumber: true, value: (row) => row.rate === null ? null
    : Math.round(row.rate * 10) / 10, text: (row) => row.rate === null ? '–' : short(row.rate) },
  { title: 'Cleanup', isMinor: true, value: (row) => row.cleanup ?? '–' },
  { title: 'Used by', value: (row) => row.used_by ?? '' },
]);

/** @param {HTMLElement} main @param {URLSearchParams} params @param {AbortSignal} signal */
function showList(main, params, signal) {
  const isBySize = params.get('sort') === 'size';
  const table = new LiveTable('Topics', COLUMNS, { key: (row) => row.topic, most: MOST_ROWS,
    sort: isBySize ? COLUMNS.findIndex(({ title }) => title === 'Size') : 0,
    isDescending: isBySize,
    empty: 'No topic exists, or you may see none. CREATE STREAM and Kafka clients create them.' });
  const rates = new Rates();
  const summary = el('p.soft', { role: 'status' });
  const filter = filterBox('topics', () => panel.update());
  const internal = el('input', { type: 'checkbox', onchange: () => panel.update() });
  /** @type {any[]|null} */
  let known = null; // the sums over thousands of partitions are stored until the figures change
  const update = () => { known = null; panel.update(); };
  const topics = new Followed(TOPICS, signal, update);
  const partitions = new Followed(PARTITIONS, signal, update);
  const draw = () => {
    const wanted = filter.wanted();
    known ??= topicRows(topics.rows, partitions.rows, rates, Date.now());
    const all = known.filter((row) => internal.checked || !row.isInternal);
    const rows = all.filter((row) => !wanted || [row.topic, row.used_by].some((text) =>
      String(text ?? '').toLowerCase().includes(wanted)));
    summary.textContent = wanted ? `${plural(rows.length, 'topic')} of ${count(all.length)}`
      : plural(all.length, 'topic');
    table.show(rows);
  };
  const reason = whyFixed();
  const create = button('plus', 'New topic…', () =>
    openNewTopic(signal, (topic) => {
      toast(`Topic ${topic} is created.`);
      go(topicHref(topic).slice(1));
    }), { disabled: Boolean(reason) });
  const panel = new Panel('All topics', [topics, partitions],
    el('div', {}, el('div.list-bar', {}, filter.node, summary, el('span.spring'),
      el('label.inline-field', {}, internal, el('span', {}, 'internal')),
      reason && el('span.soft.reason', {}, reason), create), table.node),
    { draw });
  main.append(el('div.page.live-page.wide', {}, el('h1', {}, 'Topics'), panel.node));
  watchStale([panel], signal);
  addFilterKey('Filter the topics', panel.node, signal);
}

/** Without a cluster, the catalog names no leader: this node has all partitions. */
function leaderText(/** @type {number|null} */ leader) {
  return leader !== null ? String(leader) : session.info.server?.node ? '–' : 'this node';
}

/** @param {string} topic @param {Followed} partitions @param {AbortSignal} signal */
function partitionsPanel(topic, partitions, signal) {
  const rates = new Rates();
  const number = (/** @type {string} */ title, /** @type {(row: any) => any} */ value,
    text = (/** @type {any} */ row) => {
      const shown = value(row);
      return shown === null ? '–' : count(Number(shown));
    }) => ({ title, isNumber: true, value, text });
  const table = new LiveTable('Partitions', [
    number('Partition', (row) => row.partition), number('First offset', (row) => row.first_offset),
    number('End', (row) => row.end_offset),
    number('Records', (row) => row.end_offset === null ? null : row.end_offset - row.first_offset),
    number('Size', (row) => row.bytes,
      (row) => row.bytes === null ? '–' : size(Number(row.bytes))),
    number('In/s', (row) => row.rate === null ? null : Math.round(row.rate * 10) / 10,
      (row) => row.rate === null ? '–' : short(row.rate)),
    number('Leader', (row) => row.leader, (row) => leaderText(row.leader))],
  { key: (row) => String(row.partition),
    empty: `No topic ${topic} exists, or you may not see it.` });
  const reason = whyFixed();
  const add = button('plus', 'Add partitions…', () =>
    openAddPartitions(topic, partitions.rows.length, signal), { disabled: true });
  const cut = button('', 'Delete records…', () => openDeleteRecords(topic, partitions.rows
    .map((row) => row.partition).sort((a, b) => a - b), signal), { disabled: true });
  const panel = new Panel('Partitions', [partitions], el('div', {}, el('div.list-bar', {},
    el('span.spring'), reason && el('span.soft.reason', {}, reason), cut, add),
  table.node), {
    draw: () => {
      add.disabled = Boolean(reason) || !partitions.rows.length;
      // The dialog shows users without all rights how a Kafka client deletes records.
      cut.disabled = Boolean(whyReadOnly()) || !partitions.rows.length;
      table.show(partitions.rows.map((row) => ({ ...row, rate: row.end_offset === null ? null
        : rates.note(String(row.partition), Number(row.end_offset), Date.now()) })));
    },
    note: 'Figures of partitions without a replica on this node are not known here.' });
  watchStale([panel], signal);
  return panel;
}

/** @param {string} topic @param {AbortSignal} signal */
function groupsPanel(topic, signal) {
  const table = new LiveTable('Groups', [GROUP, ...LAG],
    { key: (row) => `${row.group} ${row.partition}`, empty: 'No consumer group reads the topic.' });
  const lag = new Followed(lagOfTopic(topic), signal, () => panel.update());
  const panel = new Panel('Consumer groups', [lag], table.node,
    { draw: () => table.show(lag.rows) });
  watchStale([panel], signal);
  return panel;
}

/** @param {string} topic @param {AbortSignal} signal */
function settingsPanel(topic, signal) {
  const facts = el('dl.query-facts');
  const rows = new Followed(topicOf(topic), signal, () => panel.update());
  const panel = new Panel('In short', [rows], facts, { draw: () => {
    const [row] = rows.rows;
    refill(facts, row ? factRows([['Partitions', row.partitions], ['Replicas', row.replicas],
      ['Used by', row.used_by ?? '–'], ...settingsOf(row.configuration)])
      : el('p.soft', {}, 'The catalog lists no settings of this topic.'));
  }, note: 'The settings that differ from the defaults.' });
  watchStale([panel], signal);
  return panel;
}

/**
 * @param {HTMLElement} main @param {string} topic @param {URLSearchParams} params
 * @param {AbortSignal} signal
 */
function showTopic(main, topic, params, signal) {
  const tab = TABS.some(([name]) => name === params.get('tab')) ? params.get('tab') : 'messages';
  /** @type {Messages|null} */
  let messages = null;
  /** @type {Panel|null} */
  let panel = null;
  const partitions = new Followed(partitionsOf(topic), signal, () => {
    messages?.partitionsChanged();
    panel?.update();
  });
  const produce = whyFixed() ? null : (/** @type {any} */ record) =>
    openProduce(topic, partitions.rows.map((row) => row.partition).sort((a, b) => a - b), signal,
      record);
  const tabs = el('nav.tabs', { 'aria-label': 'Parts of the topic' }, TABS.map(([name, text]) =>
    el('a', { href: topicHref(topic, name === 'messages' ? '' : name),
      'aria-current': name === tab ? 'page' : null }, text)));
  const body = el('div.topic-body');
  main.append(el('div.page.live-page.wide', {},
    el('header.page-head', {}, el('div', {}, el('a.back', { href: '#topics' }, '‹ Topics'),
      el('h1', {}, el('bdi', {}, topic)))), tabs, body));
  if (tab === 'messages') {
    messages = new Messages(searchOf(topic, params), partitions, signal, produce);
    body.append(el('section.panel', {}, messages.node));
    return;
  }
  panel = tab === 'partitions' ? partitionsPanel(topic, partitions, signal)
    : tab === 'groups' ? groupsPanel(topic, signal) : settingsPanel(topic, signal);
  body.append(panel.node);
  if (tab === 'settings') body.append(new TopicSettings(topic, signal).node);
}

/** @type {import('../core/router.js').Page} */
export const page = {
  show(main, params, signal) {
    const topic = params.get('t');
    if (topic !== null) showTopic(main, topic, params, signal);
    else showList(main, params, signal);
  },
};
