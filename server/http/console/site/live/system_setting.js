// @ts-check
// The dialog that changes a property for all sessions (ALTER SYSTEM).
import { openDialog } from '../core/dialog.js';
import { button, el, fill, toast } from '../core/element.js';
import { session, whyReadOnly } from '../core/session.js';
import { quoteText, selectAll, sentencesOf } from '../core/sql.js';

/** @typedef {{property: string, value: string, set_by: string}} Property */

/** Returns the reason why this session may not change properties of all sessions, or ''. */
export function whyNoSystem() {
  const { privileges } = session.info;
  if (whyReadOnly()) return whyReadOnly();
  return privileges && !privileges.superuser
    ? 'Only superusers change the properties of all sessions.' : '';
}

/** @param {string} property @param {string} value */
export function alterSystem(property, value) {
  return `ALTER SYSTEM ${quoteText(property)} = ${quoteText(value)};`;
}

/** Returns where a value comes from, in words. @param {string} setBy */
export function setByText(setBy) {
  return setBy === 'system' ? 'ALTER SYSTEM' : setBy === 'server' ? 'the server' : 'this session';
}

/**
 * Opens the dialog. `changed` is called after the change.
 * @param {Property} property @param {AbortSignal} signal @param {() => void} changed
 */
export function openSystemSetting({ property, value, set_by: setBy }, signal, changed) {
  const input = el('input.input', { type: 'text', spellcheck: 'false', autocomplete: 'off',
    oninput: () => draw(), onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== 'Enter' || apply.disabled) return;
      event.preventDefault(); // otherwise Enter also presses the button that opened the dialog
      void run();
    } });
  // A value with blanks, such as "latest for EMIT CHANGES", only describes the server's value and
  // cannot be set, so the input begins empty.
  input.value = /^\S*$/.test(value) ? value : '';
  const difference = el('dl.difference');
  const statement = el('pre.sql-text', { tabindex: 0, 'aria-label': 'Statement' });
  const failure = el('p.error-text', { role: 'alert' });
  const draw = () => {
    fill(difference, el('div', {}, el('dt', {}, 'Now'), el('dd', {}, el('code', {}, value),
      el('span.soft', {}, ` · ${setByText(setBy)}`))),
    el('div', {}, el('dt', {}, 'Then'), el('dd', {}, el('code', {}, input.value || 'empty'),
      el('span.soft', {}, ' · ALTER SYSTEM'))));
    statement.textContent = alterSystem(property, input.value);
    apply.disabled = input.value === value;
    failure.textContent = '';
  };
  const run = async () => {
    apply.disabled = true;
    try {
      await selectAll(alterSystem(property, input.value), signal);
      close();
      toast(`${property} is changed for all sessions.`);
      changed();
    } catch (error) {
      if (signal.aborted) return;
      failure.textContent = sentencesOf(error);
      apply.disabled = false;
    }
  };
  const apply = button('', 'Change', () => void run(), { class: 'primary' });
  const close = openDialog(`Change ${property}`, [el('p.soft', {}, 'The value applies to all ' +
    'sessions that have not set the property themselves, also after a restart. Queries that ' +
    'exist keep the values with which they were created.'),
  el('label.field', {}, el('span', {}, 'Value'), input), difference, statement, failure],
  { buttons: [button('', 'Cancel', () => close()), apply] });
  signal.addEventListener('abort', close);
  draw();
  input.select();
}
