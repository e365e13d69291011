// @ts-check
// The difference of two texts by line.
import { el } from '../core/element.js';

/** @typedef {{kind: 'same'|'added'|'removed', text: string}} DiffLine */

const MOST_CELLS = 4_000_000; // of the table of common lines; larger texts differ as a whole

/**
 * Returns the lines of both texts in their order: the fewest lines are removed and added.
 * @param {string} before @param {string} after @returns {DiffLine[]}
 */
export function diffLines(before, after) {
  const a = before.split('\n'), b = after.split('\n');
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) ++start;
  let end = 0;
  while (end < a.length - start && end < b.length - start &&
    a[a.length - 1 - end] === b[b.length - 1 - end]) ++end;
  const same = (/** @type {string[]} */ lines) =>
    lines.map((text) => /** @type {DiffLine} */ ({ kind: 'same', text }));
  return [...same(a.slice(0, start)), ...middle(a.slice(start, a.length - end),
    b.slice(start, b.length - end)), ...same(a.slice(a.length - end))];
}

/** @param {string[]} a @param {string[]} b @returns {DiffLine[]} */
function middle(a, b) {
  /** @type {DiffLine[]} */
  const lines = [];
  const add = (/** @type {DiffLine['kind']} */ kind, /** @type {string} */ text) =>
    lines.push({ kind, text });
  if (a.length * b.length > MOST_CELLS) {
    for (const text of a) add('removed', text);
    for (const text of b) add('added', text);
    return lines;
  }
  // common[i][j]: the number of lines that a from i on and b from j on have in common, in order.
  const common = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; --i)
    for (let j = b.length - 1; j >= 0; --j)
      common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1
        : Math.max(common[i + 1][j], common[i][j + 1]);
  let i = 0, j = 0;
  while (i < a.length || j < b.length)
    if (i < a.length && j < b.length && a[i] === b[j]) {
      add('same', a[i++]);
      ++j;
    } else if (j === b.length || (i < a.length && common[i + 1][j] >= common[i][j + 1])) {
      add('removed', a[i++]);
    } else {
      add('added', b[j++]);
    }
  return lines;
}

const SIGNS = { same: ' ', added: '+', removed: '−' };
const WORDS = { same: '', added: 'added: ', removed: 'removed: ' };

/** Returns the node of a difference. @param {DiffLine[]} lines @param {string} label */
export function diffNode(lines, label) {
  return el('div.diff', { tabindex: 0, role: 'region', 'aria-label': label },
    lines.map(({ kind, text }) => el('div.diff-line', { 'data-kind': kind },
      el('span.diff-sign', { 'aria-hidden': 'true' }, SIGNS[kind]),
      WORDS[kind] && el('span.hidden-text', {}, WORDS[kind]), el('code', {}, text))));
}
