// @ts-check
// Keys of the whole page, the list of them, and the palette over pages, objects and actions.
import { el, icon } from './element.js';
import { openDialog } from './dialog.js';

/** @typedef {{keys: string, text: string, run: () => void, inText?: boolean}} Shortcut */
/** @typedef {{title: string, detail?: string, icon: string, run: () => void}} Action */

/** @type {Map<string, Shortcut>} */
const shortcuts = new Map();
/** @type {Set<() => Action[]>} */
const sources = new Set();
/** @type {(() => Promise<Action[]>)|null} */
let findObjects = null;
const SEQUENCE_MS = 1500; // the longest time between the keys of a sequence such as `g s`
let pending = ''; // the first key of a sequence
let pendingAt = 0; // the time of its event

/**
 * Adds a shortcut until the signal aborts. `keys` is such as `Ctrl+Enter`, `?` or `g s`; keys
 * without Ctrl are ignored while a text is edited, unless `inText` is set.
 * @param {Shortcut} shortcut @param {AbortSignal} [signal]
 */
export function addShortcut(shortcut, signal) {
  shortcuts.set(shortcut.keys, shortcut);
  signal?.addEventListener('abort', () => {
    if (shortcuts.get(shortcut.keys) === shortcut) shortcuts.delete(shortcut.keys);
  });
}

/** Adds actions to the palette. @param {() => Action[]} source @param {AbortSignal} [signal] */
export function addActions(source, signal) {
  sources.add(source);
  signal?.addEventListener('abort', () => sources.delete(source));
}

/** Sets the function that reads the objects of the server. @param {() => Promise<Action[]>} find */
export function useObjects(find) { findObjects = find; }

/** @param {KeyboardEvent} event */
function nameOf(event) {
  const isFar = event.ctrlKey || event.metaKey;
  const pressed = event.key === ' ' ? 'Space' : event.key;
  const key = pressed.length === 1 && isFar ? pressed.toUpperCase() : pressed;
  return `${isFar ? 'Ctrl+' : ''}${event.altKey ? 'Alt+' : ''}` +
    `${event.shiftKey && (isFar || key.length > 1) ? 'Shift+' : ''}${key}`;
}

/** @param {EventTarget|null} target */
function isText(target) {
  return target instanceof HTMLElement && (target.isContentEditable ||
    target.matches('input:not([type=checkbox]), textarea, select'));
}

/** Starts to listen. */
export function listenToKeys() {
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || document.querySelector('dialog[open]')) return;
    const name = nameOf(event);
    // The times of the events count, so a page that is busy between the keys loses no sequence.
    if (event.timeStamp - pendingAt > SEQUENCE_MS) pending = '';
    const found = shortcuts.get(pending ? `${pending} ${name}` : name);
    const isStart = !pending && [...shortcuts.keys()].some((keys) => keys.startsWith(`${name} `));
    pending = '';
    if (isText(event.target) && !found?.inText && !name.startsWith('Ctrl+')) return;
    if (found) {
      event.preventDefault();
      event.stopPropagation();
      found.run();
    } else if (isStart && !isText(event.target)) {
      [pending, pendingAt] = [name, event.timeStamp];
    }
  }, { capture: true });
  addShortcut({ keys: '?', text: 'List the keys', run: showKeys });
  addShortcut({ keys: 'Ctrl+K', text: 'Search pages, objects and actions', run: openPalette });
}

const OTHERS = [
  ['Ctrl+/', 'Comment the lines out'],
  ['Esc Tab', 'Leave the editor'],
  ['Arrows Enter', 'Move in a result; show a whole value'],
  ['Ctrl+C', 'Copy the chosen cells of a result'],
];

/** Shows all keys. */
export function showKeys() {
  const rows = [...[...shortcuts.values()].map(({ keys, text }) => [keys, text]), ...OTHERS];
  const list = el('dl.keys', {}, rows.map(([keys, text]) => el('div', {},
    el('dt', {}, keys.split(' ').map((key) => el('kbd', {}, key))), el('dd', {}, text))));
  openDialog('Keys', [list]);
}

/**
 * Returns the actions that have all words of a text: those first whose title is or begins with it.
 * An action of a page replaces one for the same object.
 * @param {Action[]} all @param {string} text
 */
export function matching(all, text) {
  const wanted = text.trim().toLowerCase();
  const words = wanted.split(/\s+/).filter(Boolean);
  const rank = (/** @type {string} */ title) => title === wanted ? 0
    : title.startsWith(wanted) ? 1 : 2;
  const seen = new Set();
  const found = all.filter(({ title, detail = '' }) => {
    const key = `${detail} ${title}`;
    return !seen.has(key) && seen.add(key) && words.every((word) =>
      `${title} ${detail}`.toLowerCase().includes(word));
  });
  if (!wanted) return found;
  return found.map((each) => ({ each, rank: rank(each.title.toLowerCase()) }))
    .sort((a, b) => a.rank - b.rank).map(({ each }) => each);
}

const MOST_SHOWN = 60;

/** Opens the palette. */
export function openPalette() {
  let all = [...sources].flatMap((source) => source());
  /** @type {Action[]} */
  let found = [];
  let active = 0;
  let note = findObjects ? 'The objects are read.' : '';
  const list = el('ul.palette-list', { role: 'listbox', id: 'palette-list',
    'aria-label': 'Results' });
  const choose = (/** @type {number} */ at) => {
    const action = found[at];
    if (!action) return;
    close();
    action.run();
  };
  const mark = () => {
    for (const [at, node] of [...list.children].entries())
      node.setAttribute('aria-selected', String(at === active));
    list.children[active]?.scrollIntoView({ block: 'nearest' });
    if (found.length) input.setAttribute('aria-activedescendant', `palette-${active}`);
  };
  const draw = () => {
    const fitting = matching(all, input.value);
    found = fitting.slice(0, MOST_SHOWN);
    active = 0;
    status.textContent = note || (fitting.length > MOST_SHOWN
      ? `${MOST_SHOWN} of ${fitting.length} are shown.` : '');
    list.replaceChildren(...found.map((action, at) => el('li.palette-item', {
      role: 'option', id: `palette-${at}`, onclick: () => choose(at),
    }, icon(action.icon), el('span.palette-title', {}, el('bdi', {}, action.title)),
    el('span.palette-detail', {}, action.detail ?? ''))));
    if (!found.length && !note) list.append(el('li.palette-none', {}, 'Nothing has this name.'));
    mark();
  };
  const input = el('input.palette-input', {
    type: 'text', role: 'combobox', 'aria-expanded': 'true', 'aria-controls': 'palette-list',
    'aria-label': 'Search pages, objects and actions', placeholder: 'Search or go to…',
    autocomplete: 'off', spellcheck: 'false', oninput: draw,
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (event.key === 'Enter') choose(active);
      else if (by) active = (active + by + found.length) % Math.max(1, found.length);
      else return;
      event.preventDefault();
      mark();
    },
  });
  const status = el('p.palette-status.soft', { role: 'status' });
  const close = openDialog('Search or go to', [input, list, status]);
  input.closest('dialog')?.classList.add('palette');
  draw();
  input.focus();
  findObjects?.().then((objects) => {
    all = [...all, ...objects];
    note = '';
  }, () => { note = 'The objects could not be read.'; }).finally(draw);
}
