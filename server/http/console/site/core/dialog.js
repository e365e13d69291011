// @ts-check
// Modal dialogs. The browser keeps the focus inside, and gives it back at the end.
import { el, button } from './element.js';

/**
 * Shows a dialog and returns the function that closes it.
 * @param {string} title @param {Node[]} content
 * @param {{wide?: boolean, buttons?: Node[], closed?: () => void, isFixed?: boolean}} [options]
 */
export function openDialog(title, content, options = {}) {
  const close = () => node.close();
  const body = el('div.dialog-body', {}, content);
  // A text that is higher than the dialog could not be scrolled by keys if nothing in it has focus.
  const takesFocus = 'a[href], button, input, select, textarea, [tabindex]';
  if (!body.querySelector(takesFocus)) body.tabIndex = 0;
  const node = el('dialog.dialog', { 'aria-label': title },
    el('header.dialog-head', {}, el('h2', {}, title),
      !options.isFixed && button('close', '', close, { 'aria-label': 'Close' })),
    body,
    options.buttons && el('footer.dialog-foot', {}, options.buttons));
  if (options.wide) node.classList.add('wide');
  node.addEventListener('cancel', (/** @type {Event} */ event) => {
    if (options.isFixed) event.preventDefault();
  });
  node.addEventListener('close', () => {
    node.remove();
    options.closed?.();
  });
  node.addEventListener('click', (/** @type {Event} */ event) => {
    if (event.target === node && !options.isFixed) close();
  });
  document.body.append(node);
  node.showModal();
  return close;
}

/**
 * Shows the statements that an action runs, and runs them once the user agrees. With `word` the
 * user types that word first, since the action removes data. `later` is a further note that has to
 * be read; the dialog does not wait for it.
 * @param {{title: string, note: string, sql: string, act: string, word?: string,
 *          later?: Promise<string>}} what
 * @returns {Promise<boolean>}
 */
export function confirmSql(what) {
  return new Promise((resolve) => {
    let isAgreed = false;
    const agree = () => { isAgreed = true; close(); };
    const run = button('', what.act, agree, { class: 'danger', disabled: Boolean(what.word) });
    const input = what.word && el('input.input', {
      type: 'text', autocomplete: 'off', spellcheck: 'false', 'aria-label': 'Name',
      oninput: () => { run.disabled = input.value !== what.word; },
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key !== 'Enter' || run.disabled) return;
        event.preventDefault(); // otherwise Enter also presses the button that opened the dialog
        agree();
      },
    });
    const further = what.later && el('p', { role: 'status' }, 'The effects are read.');
    void what.later?.then((text) => { further.textContent = text; });
    const content = [
      el('p', {}, what.note),
      further,
      el('pre.sql-text', { tabindex: 0, 'aria-label': 'Statements' }, what.sql),
      input && el('label.field', {}, el('span', {}, `Type ${what.word} to confirm`), input),
    ].filter(Boolean);
    const close = openDialog(what.title, content, {
      buttons: [button('', 'Cancel', () => close()), run], closed: () => resolve(isAgreed),
    });
    input?.focus();
  });
}
