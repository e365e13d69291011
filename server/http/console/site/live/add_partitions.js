// @ts-check
// The dialog that adds partitions to a topic (REST_PROXY.md).
import { openDialog } from '../core/dialog.js';
import { button, el, fill, toast } from '../core/element.js';
import { plural } from '../core/format.js';
import { rest } from '../core/rest.js';

/**
 * Returns the problem of a new number of partitions, or ''.
 * @param {string} text @param {number} present
 */
export function problemOf(text, present) {
  if (!/^\d+$/.test(text.trim())) return 'Write the new number of partitions.';
  return Number(text) > present ? '' : `The topic has ${plural(present, 'partition')}, and ` +
    'partitions can only be added.';
}

/**
 * Opens the dialog.
 * @param {string} topic @param {number} present the number of partitions
 * @param {AbortSignal} signal
 */
export function openAddPartitions(topic, present, signal) {
  const path = `/topics/${encodeURIComponent(topic)}`;
  const input = el('input.input', { type: 'text', inputmode: 'numeric', autocomplete: 'off',
    oninput: () => draw(), onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== 'Enter' || apply.disabled) return;
      event.preventDefault(); // otherwise Enter also presses the button that opened the dialog
      void run();
    } });
  input.value = String(present + 1);
  const difference = el('dl.difference');
  const request = el('pre.sql-text', { tabindex: 0, 'aria-label': 'Request' });
  const failure = el('p.error-text', { role: 'alert' });
  const draw = () => {
    const problem = problemOf(input.value, present);
    fill(difference, el('div', {}, el('dt', {}, 'Now'), el('dd', {}, plural(present,
      'partition'))), el('div', {}, el('dt', {}, 'Then'), el('dd', {}, problem ? '–'
      : plural(Number(input.value), 'partition'))));
    request.textContent = `PATCH /v3/clusters/…${path} {"partitions_count":${
      problem ? '…' : Number(input.value)}}`;
    failure.textContent = problem;
    apply.disabled = Boolean(problem);
  };
  const run = async () => {
    apply.disabled = true;
    try {
      await rest('PATCH', path, { partitions_count: Number(input.value) });
      close();
      toast(`${topic} has ${plural(Number(input.value), 'partition')}.`);
    } catch (error) {
      if (signal.aborted) return;
      failure.textContent = `${/** @type {Error} */ (error).message}.`;
      apply.disabled = false;
    }
  };
  const apply = button('', 'Add', () => void run(), { class: 'primary' });
  const close = openDialog(`Add partitions to ${topic}`, [el('p.stale-text', {}, 'Partitions ' +
    'cannot be removed again. Producers write new records of a key to another partition than ' +
    'its old ones, so readers may get them in another order. ' +
    'Queries that run read the new partitions, too.'),
  el('label.field', {}, el('span', {}, 'Number of partitions'), input), difference, request,
  failure], { buttons: [button('', 'Cancel', () => close()), apply] });
  signal.addEventListener('abort', close);
  draw();
  input.select();
}
