// @ts-check
// The dialog for a user and a password.
import { button, el, icon } from './element.js';
import { openDialog } from './dialog.js';
import { logIn } from './session.js';

let isOpen = false;

/** Asks for a login, unless the dialog is open already. */
export function openLogin() {
  if (isOpen) return;
  isOpen = true;
  const name = el('input.input', { type: 'text', autocomplete: 'username', required: true,
    autocapitalize: 'off', spellcheck: 'false' });
  const password = el('input.input', { type: 'password', autocomplete: 'current-password' });
  const problem = el('p.error-text', { role: 'alert', hidden: true });
  const submit = el('button.button.primary', { type: 'submit' }, 'Log in');
  const form = el('form.login', {
    onsubmit: async (/** @type {Event} */ event) => {
      event.preventDefault();
      submit.disabled = true;
      problem.hidden = true;
      const reason = await logIn(name.value, password.value);
      submit.disabled = false;
      if (reason === null) return close();
      problem.hidden = false;
      problem.textContent = reason;
      password.select();
      return undefined;
    },
  }, el('div.login-mark', { 'aria-hidden': 'true' }, icon('mark')),
  el('p.soft', {}, `${location.host} needs a user of Millrace.`),
  el('label.field', {}, el('span', {}, 'User'), name),
  el('label.field', {}, el('span', {}, 'Password'), password), problem,
  el('div.login-foot', {}, button('', 'Not now', () => close()), submit));
  const close = openDialog('Log in', [form], { closed: () => { isOpen = false; } });
  name.focus();
}
