// @ts-check
// The picture of a lineage: a box for each object, in ranks from left to right.
import { svg } from '../core/element.js';
import { layOut } from './layout.js';

/** @typedef {import('../live/lineage_graph.js').Place} Place */
/** @typedef {import('../live/lineage_graph.js').Lineage} Lineage */

const CHARACTER = 8; // px, of a wide letter
const WIDEST = 30; // characters
const HEIGHT = 44;

/** @param {string} text */
function cut(text) { return text.length > WIDEST ? `${text.slice(0, WIDEST - 1)}…` : text; }

/** @param {Place} place */
function boxOf({ id, kind, name, note = '' }) {
  const longest = Math.max(cut(name).length, kind.length + note.length + 3);
  return { id, width: Math.max(96, longest * CHARACTER + 26), height: HEIGHT };
}

/**
 * Returns the picture. `choose` is called with the id of a box that the user clicks, or opens with
 * the Enter key.
 * @param {Lineage} lineage @param {(id: string) => void} choose @returns {SVGElement}
 */
export function drawLineage({ places, links }, choose) {
  const { boxes, width, height } = layOut(places.map(boxOf), links);
  const byId = new Map(boxes.map((box) => [box.id, box]));
  const picture = svg('svg', { class: 'lineage-picture', role: 'group', width: width + 24,
    height: height + 24, viewBox: `-12 -12 ${width + 24} ${height + 24}`,
    'aria-label': `${places.length} objects. The list view has the same as a table.` });
  for (const { from, to } of links) {
    const [a, b] = [byId.get(from), byId.get(to)];
    if (!a || !b) continue;
    const [x1, y1, x2, y2] = [a.x + a.width, a.y + HEIGHT / 2, b.x, b.y + HEIGHT / 2];
    const middle = (x1 + x2) / 2;
    picture.append(svg('path', { class: 'lineage-link', 'data-from': from, 'data-to': to,
      d: `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}` }));
  }
  for (const place of places) {
    const box = byId.get(place.id);
    if (box) picture.append(node(place, box, choose));
  }
  return picture;
}

/**
 * @param {Place} place @param {import('./layout.js').Box} box @param {(id: string) => void} choose
 */
function node(place, box, choose) {
  const { id, kind, name, level = '', note = '' } = place;
  return svg('g', { class: 'lineage-place', 'data-kind': kind, 'data-id': id,
    'data-level': level, transform: `translate(${box.x} ${box.y})`, tabindex: 0, role: 'button',
    'aria-pressed': 'false', 'aria-label': [kind, name, note].filter(Boolean).join(', '),
    onclick: () => choose(id),
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      choose(id);
    } },
  svg('title', {}, name), svg('rect', { width: box.width, height: HEIGHT,
    rx: kind === 'topic' ? HEIGHT / 2 : 6 }),
  svg('text', { x: 14, y: 17, class: 'lineage-kind' }, note ? `${kind} · ${note}` : kind),
  svg('text', { x: 14, y: 34, class: 'lineage-name' }, cut(name)));
}

/**
 * Marks a chosen place, what it reads and what reads it. Other objects fade.
 * @param {SVGElement} picture @param {string} id '' marks none
 * @param {Set<string>} before @param {Set<string>} after
 */
export function markLineage(picture, id, before, after) {
  picture.classList.toggle('has-choice', id !== '');
  const near = (/** @type {string} */ each) => each === id || before.has(each) || after.has(each);
  for (const each of /** @type {any} */ (picture.querySelectorAll('.lineage-place'))) {
    each.setAttribute('aria-pressed', String(each.dataset.id === id));
    each.classList.toggle('is-near', near(each.dataset.id));
  }
  for (const each of /** @type {any} */ (picture.querySelectorAll('.lineage-link')))
    each.classList.toggle('is-near', near(each.dataset.from) && near(each.dataset.to));
}
