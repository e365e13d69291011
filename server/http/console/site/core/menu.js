// @ts-check
// A menu below a button.
import { el } from './element.js';

/** @typedef {{text: string, run: () => void, detail?: string, checked?: boolean}} Item */

/**
 * Opens a menu below a button, or closes the one that is open. A menu of items with `checked`
 * stays open, so that several can be changed.
 * @param {HTMLElement} opener @param {Item[]} items
 */
export function openMenu(opener, items) {
  const open = document.querySelector('.menu');
  if (open) {
    open.dispatchEvent(new Event('close'));
    if (opener.getAttribute('aria-expanded') === 'true') return;
  }
  const node = el('div.menu', { role: 'menu' }, items.map((item) => menuItem(item, () => close())));
  const controller = new AbortController();
  const { signal } = controller;
  const close = () => {
    const hadFocus = node.contains(document.activeElement);
    controller.abort();
    node.remove();
    opener.setAttribute('aria-expanded', 'false');
    if (hadFocus) opener.focus();
  };
  opener.setAttribute('aria-haspopup', 'menu');
  opener.setAttribute('aria-expanded', 'true');
  // A landmark contains the menu, so that screen readers do not skip it.
  (opener.closest('dialog, main, header') ?? document.body).append(node);
  const box = opener.getBoundingClientRect();
  const left = Math.min(box.left, innerWidth - node.offsetWidth - 8);
  const fits = box.bottom + node.offsetHeight + 8 < innerHeight;
  node.style.left = `${Math.max(8, left)}px`;
  node.style.top = `${fits ? box.bottom + 4 : Math.max(8, box.top - node.offsetHeight - 4)}px`;
  node.addEventListener('close', close);
  document.addEventListener('mousedown', (event) => {
    const target = /** @type {Node} */ (event.target);
    if (!node.contains(target) && !opener.contains(target)) close();
  }, { signal });
  addEventListener('resize', close, { signal });
  node.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) =>
    press(event, node, close));
  node.querySelector('button')?.focus();
}

/** @param {Item} item @param {() => void} close */
function menuItem(item, close) {
  const isCheck = item.checked !== undefined;
  const node = el('button.menu-item', {
    type: 'button', role: isCheck ? 'menuitemcheckbox' : 'menuitem',
    'aria-checked': isCheck ? String(item.checked) : null,
    onclick: () => {
      if (!isCheck) close();
      else node.setAttribute('aria-checked', String(node.getAttribute('aria-checked') !== 'true'));
      item.run();
    },
  }, isCheck && el('span.check', { 'aria-hidden': 'true' }),
  el('span.menu-text', {}, item.text), item.detail && el('span.menu-detail', {}, item.detail));
  return node;
}

/** @param {KeyboardEvent} event @param {Element} node @param {() => void} close */
function press(event, node, close) {
  const buttons = [...node.querySelectorAll('button')];
  const at = buttons.indexOf(/** @type {any} */ (document.activeElement));
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (event.key === 'Escape' || event.key === 'Tab') close();
  else if (to !== undefined) buttons[(to + buttons.length) % buttons.length].focus();
  else return;
  if (event.key !== 'Tab') event.preventDefault();
  event.stopPropagation();
}
