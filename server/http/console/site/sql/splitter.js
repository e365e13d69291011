// @ts-check
// The border between the editor and the result, for the mouse and the keyboard.
import { el } from '../core/element.js';

const LOWEST = 15, HIGHEST = 80; // percent

/**
 * @param {string} label @param {number} percent @param {(percent: number) => void} change
 */
export function splitter(label, percent, change) {
  let now = percent;
  const move = (/** @type {number} */ to) => {
    now = Math.round(Math.max(LOWEST, Math.min(HIGHEST, to)));
    node.setAttribute('aria-valuenow', String(now));
    change(now);
  };
  const node = el('div.splitter', {
    role: 'separator', tabindex: 0, 'aria-label': label, 'aria-orientation': 'horizontal',
    'aria-valuemin': LOWEST, 'aria-valuemax': HIGHEST, 'aria-valuenow': percent,
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      const by = { ArrowUp: -4, ArrowDown: 4 }[event.key];
      if (!by) return;
      event.preventDefault();
      move(now + by);
    },
    onpointerdown: (/** @type {PointerEvent} */ event) => {
      node.setPointerCapture(event.pointerId);
      node.classList.add('moving');
    },
    onpointermove: (/** @type {PointerEvent} */ event) => {
      if (!node.hasPointerCapture(event.pointerId)) return;
      const box = node.parentElement.getBoundingClientRect();
      move(((event.clientY - box.top) / box.height) * 100);
    },
    onpointerup: () => node.classList.remove('moving'),
  });
  return node;
}
