// @ts-check
// The filter above a list. If several keys are typed before the list is drawn, the list is drawn
// once.
import { el } from '../core/element.js';

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
