// @ts-check
// Builds nodes. Data reaches the page as text nodes and attributes only, never as markup.

const SVG = 'http://www.w3.org/2000/svg';
const ICONS = new URL('../icons.svg', import.meta.url).pathname;

/**
 * Returns a new element. `props` holds attributes; a function under `onNAME` listens to the event
 * NAME, and `true` and `false` set and leave out an attribute. Children are nodes or texts; null
 * and false are left out.
 * @param {string} tag a tag, with classes after dots: `button.primary`
 * @param {Record<string, any>} [props]
 * @param {...(Node|string|number|null|false|undefined)} children
 * @returns {any}
 */
export function el(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split('.');
  const node = document.createElement(name);
  if (classes.length) node.className = classes.join(' ');
  set(node, props);
  append(node, children);
  return node;
}

/** @param {Element} node @param {Record<string, any>} props */
export function set(node, props) {
  for (const [key, value] of Object.entries(props)) {
    if (typeof value === 'function') node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, '');
    else if (value === false || value === null || value === undefined) node.removeAttribute(key);
    else node.setAttribute(key, String(value));
  }
}

/** @param {Element} node @param {any[]} children */
export function append(node, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    node.append(typeof child === 'number' ? String(child) : child);
  }
}

/** Replaces the children of a node. @param {Element} node @param {...any} children */
export function fill(node, ...children) {
  node.replaceChildren();
  append(node, children);
}

/**
 * Replaces the children of a node if the new ones look different. Otherwise an update would take
 * the focus and the selection from them, and a click that has begun. The children may have
 * listeners only if these do not depend on data that changes.
 * @param {Element} node @param {...any} children
 */
export function refill(node, ...children) {
  const next = /** @type {Element} */ (node.cloneNode(false));
  append(next, children);
  if (!next.isEqualNode(node)) node.replaceChildren(...next.childNodes);
}

/**
 * Returns the entries of a list of facts, a `dl`.
 * @param {[string, any][]} facts names and values @param {string} [tag] of the values
 */
export function factRows(facts, tag = 'dd') {
  return facts.map(([name, value]) =>
    el('div', {}, el('dt', {}, name), el(tag, {}, value)));
}

/** Returns a decorative icon of icons.svg. @param {string} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', `icon icon-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `${ICONS}#${name}`);
  svg.append(use);
  return svg;
}

/**
 * Returns an SVG element with attributes.
 * @param {string} tag @param {Record<string, any>} [props] @param {...(Node|string)} children
 * @returns {any}
 */
export function svg(tag, props = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  set(node, props);
  append(node, children);
  return node;
}

/**
 * Returns a button with an icon and, unless it is empty, a text. The label names a button without
 * a text.
 * @param {string} iconName @param {string} text @param {() => void} act
 * @param {Record<string, any>} [props]
 */
export function button(iconName, text, act, props = {}) {
  const { class: classes = '', ...rest } = props;
  const shape = text ? '' : ' bare';
  return el('button', { type: 'button', class: `button${shape} ${classes}`, onclick: act, ...rest },
    iconName && icon(iconName), text && el('span', {}, text));
}

/**
 * Returns a group of buttons of which one is pressed.
 * @param {string} label
 * @param {[string, string][]} options pairs of value and text
 * @param {string} value @param {(value: string) => void} change
 */
export function segments(label, options, value, change) {
  const node = el('div.segments', { role: 'group', 'aria-label': label });
  for (const [key, text] of options) {
    node.append(el('button', {
      type: 'button', 'data-value': key, 'aria-pressed': String(key === value),
      onclick: () => { press(node, key); change(key); },
    }, text));
  }
  return node;
}

/** Marks a button of a group as pressed. @param {Element} node @param {string} value */
export function press(node, value) {
  for (const each of node.querySelectorAll('button'))
    each.setAttribute('aria-pressed', String(each.dataset.value === value));
}

let announced = 0;
let announcement = '';
/** @type {number|undefined} */
let waiting;

/**
 * Announces a text to screen readers, at most once in 10 s: a live result would otherwise talk
 * without a pause. A later text replaces one that waits.
 * @param {string} text
 */
export function announce(text) {
  announcement = text;
  waiting ??= window.setTimeout(() => {
    waiting = undefined;
    announced = Date.now();
    const region = document.getElementById('announcer');
    if (region) region.textContent = announcement;
  }, Math.max(0, announced + 10_000 - Date.now()));
}

/** Shows a short note at the lower edge for some seconds. @param {string} text */
export function toast(text) {
  const place = document.getElementById('toasts');
  const note = el('div.toast', { role: 'status' }, text);
  place?.append(note);
  setTimeout(() => note.remove(), 5000);
}
