// @ts-check
// The filter above a list. If several keys are typed before the list is drawn, the list is drawn
// once.
import { el } from '../core/element.js';
import { addShortcut } from '../core/keys.js';

/**
 * Returns the input of a filter, and the text that it searches for, in lower case.
 * @param {string} what the rows, for the label @param {string} value
 * @param {() => void} draw called at most once per frame
 */
export function filterBox(what, value, draw) {
  let isDue = false;
  const node = el('input.input.filter', { type: 'search', value, placeholder: 'Filter…',
    'aria-label': `Filter ${what}`, spellcheck: 'false', oninput: () => {
      if (isDue) return;
      isDue = true;
      requestAnimationFrame(() => { isDue = false; draw(); });
    } });
  return { node, wanted: () => node.value.trim().toLowerCase() };
}

/**
 * Adds the key `/`, which moves the focus to the filter in an element. While the rows load, the
 * filter is hidden or missing: it gets the focus when it appears, unless the focus has moved.
 * @param {string} text the entry in the list of keys @param {HTMLElement} within
 * @param {AbortSignal} signal
 */
export function addFilterKey(text, within, signal) {
  /** @type {Element|null} */
  let before = null;
  const focus = () => {
    const node = /** @type {HTMLElement|null} */ (within.querySelector('input.filter'));
    node?.focus();
    return node !== null && document.activeElement === node;
  };
  // The element grows when its rows appear. The observer reports the first size too.
  const growth = new ResizeObserver(() => {
    if (document.activeElement !== before || focus()) growth.disconnect();
  });
  addShortcut({ keys: '/', text, run: () => {
    before = document.activeElement;
    if (!focus()) growth.observe(within);
  } }, signal);
  signal.addEventListener('abort', () => growth.disconnect());
}
