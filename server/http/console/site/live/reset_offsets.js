// @ts-check
// The dialog that resets the committed offsets of a consumer group, with a preview by partition.
import { openDialog } from '../core/dialog.js';
import { button, el, fill, toast } from '../core/element.js';
import { count, isolated, plural } from '../core/format.js';
import { whyReadOnly } from '../core/session.js';
import { sentencesOf } from '../core/sql.js';
import { changesOf, effective, effectOf, PLACES, problemOf, statementOf, summaryOf }
  from './reset_plan.js';
import { sqlButton } from './panel.js';

/** @typedef {import('./reset_plan.js').Change} Change */
/** @typedef {import('./reset_plan.js').Choice} Choice */

const MOST_ROWS = 200; // rows of the preview that are drawn; the statement changes all
/** The inputs of the places that need a value: a hint inside the field, and a sentence below. */
const VALUES = /** @type {Record<string, [string, string]>} */ ({
  time: ['2026-01-31 09:00', 'In UTC, unless it ends with an offset.'], offset: ['0', ''],
  shift: ['-100', 'A negative number reads records again, a positive number skips records.'],
  group: ['name', 'Partitions that the other group has not read stay as they are.'] });

/**
 * Returns the reason why the offsets of a group cannot be reset now, or ''.
 * @param {Record<string, any>|undefined} group row of consumer_groups
 * @param {(string|null)[]} members names of members that have a partition
 */
export function whyNoReset(group, members) {
  if (!group) return 'The group does not exist.';
  if (/share/i.test(group.type ?? '')) return 'A share group has no committed offsets.';
  const reason = whyReadOnly();
  if (reason) return reason;
  if (!Number(group.members)) return '';
  const names = [...new Set(members.filter(Boolean))].map((name) => isolated(String(name)));
  return `The group has ${plural(Number(group.members), 'member')}${names.length
    ? ` (${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''})` : ''}: ` +
    'its offsets can be reset when all of them have left.';
}

/** @param {Change[]} plan */
function planTable(plan) {
  const text = (/** @type {number|null} */ value) => value === null ? 'none' : count(value);
  const heads = ['Topic', 'Partition', 'Now', 'Then', 'Records'];
  return el('div.table-scroll.live-scroll.plan-scroll', { tabindex: 0, role: 'region',
    'aria-label': 'Preview' }, el('table.live-table', {}, el('thead', {}, el('tr', {},
    heads.map((head, at) => el(at ? 'th.number' : 'th', { scope: 'col' }, head)))),
  el('tbody', {}, plan.slice(0, MOST_ROWS).map((change) => el('tr', {},
    el('th', { scope: 'row' }, el('bdi', {}, change.topic)),
    el('td.number', {}, change.partition), el('td.number', {}, text(change.now)),
    el('td.number', {}, text(change.then)),
    el('td.number', { class: effective([change]).length ? 'number' : 'number soft' },
      effectOf(change)))))),
  plan.length > MOST_ROWS && el('p.soft', {}, `${MOST_ROWS} of ${count(plan.length)} partitions ` +
    'are shown.'));
}

/**
 * Opens the dialog.
 * @param {string} group @param {string[]} topics of the group @param {AbortSignal} signal
 */
export function openReset(group, topics, signal) {
  /** @type {Change[]} */
  let plan = [];
  let run = new AbortController();
  const edited = () => { forget(); draw(); };
  const topic = el('select.input', { onchange: edited }, topics.length !== 1 &&
    el('option', { value: '' }, 'all'), topics.map((name) => el('option', { value: name }, name)));
  const partitions = el('input.input.small-input', { type: 'text', placeholder: 'all',
    autocomplete: 'off', oninput: edited });
  const to = el('select.input', { onchange: edited }, PLACES.map(([value, text]) =>
    el('option', { value }, text)));
  const value = el('input.input.small-input', { type: 'text', autocomplete: 'off',
    spellcheck: 'false', 'aria-label': 'Value', oninput: edited });
  const failure = el('p.error-text', { role: 'alert' });
  const status = el('p', { role: 'status' });
  const result = el('div.reset-result');
  const statement = el('pre.sql-text.request-text', { tabindex: 0, 'aria-label': 'Statement' });
  const choice = () => /** @type {Choice} */ ({ topic: topic.value, partitions: partitions.value,
    to: to.value, value: value.value });
  /** Removes the preview after a change of the form, which it no longer describes. */
  const forget = () => {
    run.abort();
    plan = [];
    fill(result);
    failure.textContent = '';
    status.textContent = '';
  };
  const draw = () => {
    const chosen = choice();
    const [placeholder, note] = VALUES[chosen.to] ?? ['', ''];
    value.hidden = !VALUES[chosen.to];
    value.placeholder = placeholder;
    hint.textContent = note;
    const changed = effective(plan).length;
    apply.disabled = !changed;
    apply.querySelector('span').textContent = changed
      ? `Reset ${plural(changed, 'partition')}` : 'Reset';
    const isComplete = problemOf(chosen) === '';
    statement.hidden = !isComplete;
    statement.textContent = isComplete ? statementOf(group, chosen) : '';
    fill(sqlPlace, isComplete && sqlButton(`${statementOf(group, chosen, true)};`, 'the preview'));
  };
  const look = async () => {
    forget();
    const problem = problemOf(choice());
    failure.textContent = problem;
    draw();
    if (problem) return;
    run = new AbortController();
    const { signal: its } = run;
    status.textContent = 'The offsets are read.';
    try {
      const found = await changesOf(statementOf(group, choice(), true), its);
      if (its.aborted) return;
      plan = found;
      status.textContent = plan.length ? summaryOf(plan) : 'No partition has an offset to change.';
      fill(result, plan.length > 0 && planTable(plan));
    } catch (error) {
      if (its.aborted) return;
      status.textContent = '';
      failure.textContent = sentencesOf(error);
    }
    draw();
  };
  const reset = async () => {
    apply.disabled = true;
    failure.textContent = '';
    try {
      const changes = await changesOf(statementOf(group, choice()), signal);
      toast(`The offsets of ${plural(effective(changes).length, 'partition')} are reset.`);
      close();
    } catch (error) {
      failure.textContent = sentencesOf(error);
      apply.disabled = false;
    }
  };
  const field = (/** @type {string} */ text, /** @type {Node[]} */ ...nodes) =>
    el('label.field', {}, el('span', {}, text), nodes);
  const hint = el('p.soft');
  const sqlPlace = el('span');
  const apply = button('', 'Reset', () => void reset(), { class: 'danger', disabled: true });
  const form = el('form.reset-form', { onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    void look();
  } }, field('Topic', topic), field('Partitions', partitions), field('Go to', to), value,
  el('button.button.primary', { type: 'submit' }, 'Preview'));
  const close = openDialog(`Reset offsets of ${isolated(group)}`, [form, hint, failure, status,
    result, statement], { wide: true, closed: () => run.abort(),
    buttons: [sqlPlace, el('span.spring'),
      button('', 'Cancel', () => close()), apply] });
  signal.addEventListener('abort', close);
  draw();
  to.focus();
}
