// @ts-check
// The table of the records that a search has found. A text from a record is never markup, and
// right-to-left text does not reverse the row.
import { append, el } from '../core/element.js';
import { count, dateTime, parseTime, size } from '../core/format.js';
import { isUtc } from '../core/store.js';
import { KEY_CHARS, VALUE_CHARS } from './records.js';

export const MOST_ROWS = 5000;

/** @param {Record<string, any>} row */
export function keyOfRow(row) { return `${row.partition}-${row.offset}`; }

/** @param {any} time */
export function shownTime(time) {
  const at = parseTime(time);
  return Number.isNaN(at) ? '–' : dateTime(at, isUtc());
}

/** @param {any} time */
export function utcTime(time) {
  const at = parseTime(time);
  return Number.isNaN(at) ? '' : `${dateTime(at, true)} UTC`;
}

/**
 * Returns the node for a key or value: its text, or `absent` if it is null.
 * @param {any} text @param {any} bytes @param {string} absent @param {number} limit
 */
function dataText(text, bytes, absent, limit) {
  if (text === null || bytes === null) return el('span.absent', {}, absent);
  if (text === '') return el('span.absent', {}, 'empty');
  const isCut = String(text).length >= limit;
  return el('bdi', {}, isCut ? `${text}…` : text);
}

/** Returns the format of a record: that of its value, or of its key. @param {any} row */
export function formatOf(row) {
  const parts = [row.value_format, row.value_schema !== null && `schema ${row.value_schema}`];
  return parts.filter(Boolean).join(' · ') || '–';
}

export class MessageTable {
  /** @param {(row: Record<string, any>) => void} open */
  constructor(open) {
    this.open_ = open;
    this.seen_ = new Set();
    this.body_ = el('tbody', { onkeydown: (/** @type {KeyboardEvent} */ event) => move(event) });
    const heads = [['P', true], ['Offset', true], ['Time'], ['Key'], ['Value'], ['Format'],
      ['Headers', true], ['Size', true]];
    this.node = el('div.table-scroll.live-scroll.message-scroll', { tabindex: 0, role: 'region',
      'aria-label': 'Records' }, el('table.live-table.message-table', {},
      el('thead', {}, el('tr', {}, heads.map(([text, isNumber]) =>
        el(`th${isNumber ? '.number' : ''}`, { scope: 'col' }, text)))), this.body_));
  }

  get size() { return this.seen_.size; }

  clear() {
    this.seen_.clear();
    this.body_.replaceChildren();
  }

  /**
   * Adds records that are not shown yet, below the others, or above them while new ones arrive.
   * @param {Record<string, any>[]} rows @param {{above?: boolean}} [options]
   */
  add(rows, { above = false } = {}) {
    let added = rows.filter((row) => !this.seen_.has(keyOfRow(row)));
    if (above) added = added.slice(-MOST_ROWS); // the others would be removed at once
    for (const row of added) this.seen_.add(keyOfRow(row));
    const nodes = added.map((row) => this.row_(row));
    if (!above) return append(this.body_, nodes);
    this.body_.prepend(...nodes.reverse());
    while (this.body_.children.length > MOST_ROWS) {
      this.seen_.delete(this.body_.lastElementChild?.dataset.key);
      this.body_.lastElementChild?.remove();
    }
    return undefined;
  }

  /** @param {Record<string, any>} row */
  row_(row) {
    const name = `Record at partition ${row.partition}, offset ${row.offset}`;
    const offset = el('button.button.link.offset-button', { type: 'button', 'aria-label': name,
      onclick: () => this.open_(row) }, count(Number(row.offset)));
    const value = el('td.value-cell', {}, row.error && el('span.badge', { 'data-urgent': true,
      title: row.error }, 'not decoded'), row.transaction && row.transaction !== 'committed' &&
      el('span.badge', {}, row.transaction),
    dataText(row.value, row.value_bytes, 'no value', VALUE_CHARS));
    return el('tr', { 'data-key': keyOfRow(row) }, el('td.number', {}, row.partition),
      el('td.number', {}, offset), el('td', { title: utcTime(row.time) }, shownTime(row.time)),
      el('td.key-cell', {}, dataText(row.key, row.key_bytes, 'no key', KEY_CHARS)), value,
      el('td.soft', {}, formatOf(row)),
      el('td.number', {}, Number(row.headers) ? String(row.headers) : ''),
      el('td.number', {}, row.value_bytes === null ? '–' : size(Number(row.value_bytes))));
  }
}

/** Moves the focus between the records with the arrow keys. @param {KeyboardEvent} event */
function move(event) {
  const row = /** @type {HTMLElement} */ (event.target).closest('tr');
  const next = { ArrowDown: row?.nextElementSibling, ArrowUp: row?.previousElementSibling,
    Home: row?.parentElement?.firstElementChild,
    End: row?.parentElement?.lastElementChild }[event.key];
  if (!next) return;
  event.preventDefault();
  next.querySelector('button')?.focus();
}
