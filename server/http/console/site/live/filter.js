// @ts-check
// The filter above a list. If several keys are typed before the list is drawn, the list is drawn
// once.
import { el } from '../core/element.js';
import { addShortcut } from '../core/keys.js';

/**
 * Returns a fragment such as `#topics?filter=a` with another value of a parameter. An empty value
 * removes the parameter.
 * @param {string} fragment @param {string} name @param {string} value
 */
export function withParam(fragment, name, value) {
  const [path, query = ''] = fragment.split('?');
  const params = new URLSearchParams(query);
  if (value) params.set(name, value);
  else params.delete(name);
  const rest = params.toString();
  return rest ? `${path}?${rest}` : path;
}

/**
 * Returns the input of a filter, and the text that it searches for, in lower case. The text is a
 * part of the page's address, so that a link and a reload restore it.
 * @param {string} what the rows, for the label
 * @param {() => void} draw called at most once per frame
 */
export function filterBox(what, draw) {
  let isDue = false;
  const value = new URLSearchParams(location.hash.split('?')[1] ?? '').get('filter') ?? '';
  const node = el('input.input.filter', { type: 'search', value, placeholder: 'Filter…',
    'aria-label': `Filter ${what}`, spellcheck: 'false', oninput: () => {
      if (isDue) return;
      isDue = true;
      requestAnimationFrame(() => {
        isDue = false;
        if (!node.isConnected) return; // the address is that of another page
        history.replaceState(null, '', withParam(location.hash, 'filter', node.value.trim()));
        draw();
      });
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
