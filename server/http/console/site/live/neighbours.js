// @ts-check
// The lineage around one object: two steps up and two steps down.
import { el, fill } from '../core/element.js';
import { drawPlan } from '../views/graph.js';
import { select } from '../core/sql.js';
import { sqlButton } from './panel.js';

export const LINEAGE = 'SELECT from_kind, from_name, to_kind, to_name, query ' +
  'FROM millrace_catalog.lineage';
const STEPS = 2;

/** @typedef {{from_kind: string, from_name: string, to_kind: string, to_name: string}} Link */

/** @param {string} kind @param {string} name */
function idOf(kind, name) { return `${kind} ${name}`; }

/**
 * Returns the links within some steps of an object. It follows each direction separately: the
 * sources of the object's sources, and the readers of its readers.
 * @param {Link[]} links @param {string} start @param {number} [steps]
 */
export function around(links, start, steps = STEPS) {
  /** @type {Set<Link>} */
  const chosen = new Set();
  /** @type {(near: (link: Link) => string, far: (link: Link) => string) => void} */
  const walk = (near, far) => {
    let edge = new Set([start]);
    for (let step = 0; step < steps; ++step) {
      const found = links.filter((link) => edge.has(near(link)));
      for (const link of found) chosen.add(link);
      edge = new Set(found.map(far));
    }
  };
  const from = (/** @type {Link} */ link) => idOf(link.from_kind, link.from_name);
  const to = (/** @type {Link} */ link) => idOf(link.to_kind, link.to_name);
  walk(from, to);
  walk(to, from);
  return links.filter((link) => chosen.has(link));
}

/** @param {Link[]} links @returns {import('../views/graph.js').Plan} */
export function pictureOf(links) {
  /** @type {Map<string, import('../views/graph.js').Part>} */
  const parts = new Map();
  const add = (/** @type {string} */ kind, /** @type {string} */ name) => {
    const id = idOf(kind, name);
    parts.set(id, kind === 'topic' ? { id, kind, title: name, steps: [] }
      : { id, kind: 'stage', title: kind, steps: [name] });
  };
  for (const link of links) {
    add(link.from_kind, link.from_name);
    add(link.to_kind, link.to_name);
  }
  return { parts: [...parts.values()], edges: links.map((link) => ({
    from: idOf(link.from_kind, link.from_name), to: idOf(link.to_kind, link.to_name) })) };
}

/**
 * Draws the neighbours of a query.
 * @param {HTMLElement} place @param {string} id @param {AbortSignal} signal
 */
export async function neighbours(place, id, signal) {
  fill(place, el('p.soft', { role: 'status' }, 'The lineage is loading.'));
  try {
    const links = around(/** @type {any} */ (await select(LINEAGE, signal)), idOf('query', id));
    fill(place, links.length ? [el('div.plan-body', { tabindex: 0, role: 'region',
      'aria-label': 'Neighbours' }, drawPlan(pictureOf(links))), list(links)]
      : el('p.soft', {}, 'The query has no neighbours.'), sqlButton(LINEAGE, 'the lineage'));
  } catch (error) {
    if (signal.aborted) return;
    fill(place, el('p.error-text', {}, `${/** @type {Error} */ (error).message}.`));
  }
}

/** The same as a text, for readers who do not see the picture. @param {Link[]} links */
function list(links) {
  return el('ul.hidden-text', {}, links.map((link) => el('li', {},
    `${link.from_kind} ${link.from_name} → ${link.to_kind} ${link.to_name}`)));
}
