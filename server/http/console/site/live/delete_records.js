// @ts-check
// The dialog that deletes the records at the beginning of partitions, with a preview by partition
// (REST_PROXY.md).
import { openDialog } from '../core/dialog.js';
import { button, el, fill, toast } from '../core/element.js';
import { count, isolated, plural } from '../core/format.js';
import { rest } from '../core/rest.js';
import { addressOfListener, whyFixed } from '../core/session.js';
import { quoteText, select } from '../core/sql.js';

const MOST_ROWS = 200; // rows of the preview that are drawn; the request deletes all
const MOST_READERS = 5; // groups that the dialog names

/** @typedef {{partition_id: number, before_offset: number}} Cut */
/** @typedef {{partition_id: number, old_first_offset: number, new_first_offset: number,
 *             end_offset: number}} Effect */

/**
 * Returns the problem of an offset, or ''.
 * @param {string} text
 */
export function problemOf(text) {
  return /^\d{1,18}$/.test(text.trim()) ? '' : 'Write the first offset that stays.';
}

/**
 * Returns the list in the body of the request. Without an offset all records are deleted.
 * @param {number[]} partitions @param {string} offset @returns {Cut[]}
 */
export function cutsOf(partitions, offset) {
  const before = offset.trim() === '' ? -1 : Number(offset);
  return partitions.map((number) => ({ partition_id: number, before_offset: before }));
}

/**
 * Returns the cuts that delete exactly the records of a preview, although new records arrive.
 * @param {Effect[]} effects @returns {Cut[]}
 */
export function exactCuts(effects) {
  return effects.filter((each) => deletedBy(each) > 0).map((each) =>
    ({ partition_id: each.partition_id, before_offset: each.new_first_offset }));
}

/** Returns how many offsets an effect removes. @param {Effect} effect */
export function deletedBy(effect) { return effect.new_first_offset - effect.old_first_offset; }

/** @param {Effect[]} effects */
export function totalOf(effects) {
  return effects.reduce((sum, each) => sum + deletedBy(each), 0);
}

/** Returns the sentence about a preview. @param {Effect[]} effects */
export function sentenceOf(effects) {
  const all = effects.reduce((sum, each) => sum + each.end_offset - each.old_first_offset, 0);
  const total = totalOf(effects);
  if (!total) return `None of ${plural(all, 'record')} would be deleted.`;
  return `${count(total)} of ${plural(all, 'record')} would be deleted, and cannot be restored.`;
}

/**
 * Returns the groups that have not read all of the deleted records, with the number of records that
 * they miss, the largest number first. Groups without a committed offset are left out.
 * @param {Effect[]} effects @param {{group: string, partition: number, committed: any}[]} positions
 */
export function missedBy(effects, positions) {
  const cut = new Map(effects.map((each) => [each.partition_id, each]));
  /** @type {Map<string, number>} */
  const missed = new Map();
  for (const { group, partition, committed } of positions) {
    const effect = cut.get(Number(partition));
    if (!effect || committed === null) continue;
    const from = Math.max(Number(committed), effect.old_first_offset);
    if (from < effect.new_first_offset)
      missed.set(group, (missed.get(group) ?? 0) + effect.new_first_offset - from);
  }
  return [...missed].map(([group, records]) => ({ group, records }))
    .sort((a, b) => b.records - a.records);
}

/** The statement about the positions of the groups. */
export function positionsOf(/** @type {string} */ topic) {
  return 'SELECT "group", partition, committed FROM millrace_catalog.consumer_lag ' +
    `WHERE topic = ${quoteText(topic)}`;
}

/** @param {Effect[]} effects */
function effectTable(effects) {
  const heads = ['Partition', 'Now', 'Then', 'End', 'Deleted'];
  return el('div.table-scroll.live-scroll.plan-scroll', { tabindex: 0, role: 'region',
    'aria-label': 'Preview' }, el('table.live-table', {}, el('thead', {}, el('tr', {},
    heads.map((head) => el('th.number', { scope: 'col' }, head)))),
  el('tbody', {}, effects.slice(0, MOST_ROWS).map((each) => el('tr', {},
    el('th.number', { scope: 'row' }, each.partition_id),
    el('td.number', {}, count(each.old_first_offset)),
    el('td.number', {}, count(each.new_first_offset)),
    el('td.number', {}, count(each.end_offset)),
    el('td', { class: deletedBy(each) ? 'number' : 'number soft' },
      count(deletedBy(each))))))),
  effects.length > MOST_ROWS && el('p.soft', {}, `${MOST_ROWS} of ${count(effects.length)} ` +
    'partitions are shown.'));
}

/** @param {{group: string, records: number}[]} missed */
function readersNode(missed) {
  const more = missed.length - MOST_READERS;
  if (!missed.length) return null;
  return el('div.difference-effect', {},
    el('p.stale-text', {}, 'These groups have not read all of these records:'),
    el('ul.readers', {}, missed.slice(0, MOST_READERS).map(({ group, records }) => el('li', {},
      el('bdi', {}, group), el('span.soft', {}, ` ${plural(records, 'record')}`))),
    more > 0 && el('li.soft', {}, `and ${count(more)} others`)));
}

/**
 * Returns the lines of a shell that delete the same records with Kafka's tool.
 * @param {string} topic @param {number[]} partitions @param {string} server host and port
 */
export function linesOfTool(topic, partitions, server) {
  const list = partitions.map((partition) => ({ topic, partition, offset: 0 }));
  return `cat > delete.json <<'END'\n${JSON.stringify({ partitions: list, version: 1 })}\nEND\n` +
    `kafka-delete-records --bootstrap-server ${server} \\\n  --offset-json-file delete.json ` +
    '--command-config login.properties';
}

/**
 * Opens the dialog for users without all rights, whose requests the REST API refuses.
 * @param {string} topic @param {number[]} partitions @param {AbortSignal} signal
 */
function openOtherWay(topic, partitions, signal) {
  const kafka = addressOfListener('kafka', `${location.hostname}:9092`);
  const close = openDialog(`Delete records of ${isolated(topic)}`, [
    el('p', {}, whyFixed()),
    el('p', {}, 'The owner of the topic and users with the right DELETE on it delete its records ' +
      'with a Kafka client. Write the first offset that stays in place of each 0; -1 deletes ' +
      'all records of the partition. Deleted records cannot be restored. The file ' +
      'login.properties has the name and the password of the user.'),
    el('pre.sql-text', { tabindex: 0, 'aria-label': 'Lines for a shell' },
      linesOfTool(topic, partitions, `${kafka.host}:${kafka.port}`))],
  { wide: true, buttons: [el('span.spring'), button('', 'Close', () => close())] });
  signal.addEventListener('abort', close);
}

/**
 * Opens the dialog.
 * @param {string} topic @param {number[]} partitions of the topic @param {AbortSignal} signal
 */
export function openDeleteRecords(topic, partitions, signal) {
  if (whyFixed()) {
    openOtherWay(topic, partitions, signal);
    return;
  }
  const path = `/topics/${encodeURIComponent(topic)}/records:delete`;
  /** @type {Effect[]} */
  let effects = [];
  let turn = 0; // number of the newest preview; a change of the form makes it out of date
  const edited = () => { forget(); draw(); };
  const partition = el('select.input', { onchange: edited }, partitions.length !== 1 &&
    el('option', { value: '' }, 'all'), partitions.map((number) =>
    el('option', { value: number }, number)));
  const extent = el('select.input', { onchange: edited },
    el('option', { value: 'offset' }, 'records before offset'),
    el('option', { value: 'all' }, 'all records'));
  const offset = el('input.input.small-input', { type: 'text', inputmode: 'numeric',
    autocomplete: 'off', spellcheck: 'false', 'aria-label': 'Offset', placeholder: '0',
    oninput: edited });
  const word = el('input.input', { type: 'text', autocomplete: 'off', spellcheck: 'false',
    'aria-label': 'Name of the topic', oninput: () => draw() });
  const confirm = el('label.field', {}, el('span', {}, 'Type ', el('bdi', {}, topic),
    ' to confirm'), word);
  const failure = el('p.error-text', { role: 'alert' });
  const status = el('p', { role: 'status' });
  const result = el('div.reset-result.spaced');
  const request = el('pre.sql-text.request-text', { tabindex: 0, 'aria-label': 'Request' });
  const wanted = () => cutsOf(partition.value === '' ? partitions : [Number(partition.value)],
    extent.value === 'all' ? '' : offset.value);
  /** Removes the preview after a change of the form, which it no longer describes. */
  const forget = () => {
    turn += 1;
    effects = [];
    fill(result);
    failure.textContent = '';
    status.textContent = '';
  };
  const draw = () => {
    const total = totalOf(effects);
    offset.hidden = extent.value === 'all';
    confirm.hidden = !total;
    request.hidden = !total;
    request.textContent = `POST /v3/clusters/…${path} ${
      JSON.stringify({ partitions: exactCuts(effects) })}`;
    apply.disabled = !total || word.value !== topic;
    apply.querySelector('span').textContent = total ? `Delete ${plural(total, 'record')}`
      : 'Delete';
  };
  const look = async () => {
    forget();
    draw();
    failure.textContent = extent.value === 'all' ? '' : problemOf(offset.value);
    if (failure.textContent) return;
    const mine = turn;
    status.textContent = 'The offsets are read.';
    try {
      const found = await rest('POST', path, { partitions: wanted(), validate_only: true });
      const missed = missedBy(found.partitions, /** @type {any[]} */ (await select(
        positionsOf(topic), signal).catch(() => [])));
      if (mine !== turn || signal.aborted) return;
      effects = found.partitions;
      status.textContent = sentenceOf(effects);
      fill(result, effectTable(effects), readersNode(missed));
    } catch (error) {
      if (mine !== turn || signal.aborted) return;
      status.textContent = '';
      failure.textContent = sentence(error);
    }
    draw();
    if (totalOf(effects)) word.focus();
  };
  const run = async () => {
    apply.disabled = true;
    failure.textContent = '';
    try {
      const done = await rest('POST', path, { partitions: exactCuts(effects) });
      toast(`${plural(totalOf(done.partitions), 'record')} of ${topic} ${
        totalOf(done.partitions) === 1 ? 'is' : 'are'} deleted.`);
      close();
    } catch (error) {
      if (signal.aborted) return;
      failure.textContent = sentence(error);
      apply.disabled = false;
    }
  };
  word.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault(); // otherwise Enter also presses the button that opened the dialog
    if (!apply.disabled) void run();
  });
  const field = (/** @type {string} */ text, /** @type {Node[]} */ ...nodes) =>
    el('label.field', {}, el('span', {}, text), nodes);
  const apply = button('', 'Delete', () => void run(), { class: 'danger', disabled: true });
  const form = el('form.reset-form', { onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    void look();
  } }, field('Partition', partition), field('Delete', extent), offset,
  el('button.button.primary', { type: 'submit' }, 'Preview'));
  const close = openDialog(`Delete records of ${isolated(topic)}`, [form,
    el('p.soft', {}, 'The offsets of the other records stay the same. Readers of deleted records ' +
      'continue at the first record that stays.'),
    failure, status, result, request, confirm], { wide: true, closed: () => { turn += 1; },
    buttons: [el('span.spring'), button('', 'Cancel', () => close()), apply] });
  signal.addEventListener('abort', close);
  draw();
  offset.focus();
}

/** @param {unknown} error */
function sentence(error) {
  const { message } = /** @type {Error} */ (error);
  return /[.!?]$/.test(message) ? message : `${message}.`;
}
