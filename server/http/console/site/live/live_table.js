// @ts-check
// A table whose rows change in place: rows keep their elements, and only cells that differ are
// written. Its header sorts.
import { el } from '../core/element.js';
import { count } from '../core/format.js';

/**
 * `value` is compared for sorting and for changes; `text` is shown, or the node of `node`. A phone
 * has no room for columns that are `isMinor`: they are also on the page of the row's object.
 * @typedef {{title: string, value: (row: any) => any, text?: (row: any) => string,
 *            node?: (row: any) => Node|string, isNumber?: boolean, hint?: (row: any) => string,
 *            mark?: (row: any) => string, isMinor?: boolean}} LiveColumn
 */

export class LiveTable {
  /**
   * @param {string} label @param {LiveColumn[]} columns
   * @param {{key: (row: any) => string, empty: string, sort?: number, isDescending?: boolean,
   *          most?: number}} options
   */
  constructor(label, columns, options) {
    this.columns_ = columns;
    this.options_ = options;
    this.sort = options.sort ?? 0;
    this.isDescending = options.isDescending ?? false;
    /** @type {any[]} */
    this.rows_ = [];
    /** @type {Map<string, {node: any, cells: any[], values: any[]}>} */
    this.byKey_ = new Map();
    this.heads_ = columns.map((column, at) => el('th', { scope: 'col', class: classOf(column) },
      el('button.sort-button', { type: 'button', onclick: () => this.by_(at) }, column.title,
        el('span.sort-mark', { 'aria-hidden': 'true' }))));
    this.body_ = el('tbody');
    this.more_ = el('p.soft', { hidden: true });
    const head = el('thead', {}, el('tr', {}, this.heads_));
    this.table_ = el('table.live-table', {}, head, this.body_);
    this.node = el('div.table-scroll.live-scroll', { tabindex: 0, role: 'region',
      'aria-label': label }, this.table_, this.more_);
    this.empty_ = el('tr.empty-row', {}, el('td', { colspan: columns.length }, options.empty));
    this.mark_();
  }

  /** @param {number} column */
  by_(column) {
    this.isDescending = this.sort === column ? !this.isDescending
      : Boolean(this.columns_[column].isNumber);
    this.sort = column;
    this.mark_();
    this.show(this.rows_);
  }

  mark_() {
    for (const [at, head] of this.heads_.entries()) {
      const isSorted = at === this.sort;
      head.setAttribute('aria-sort', !isSorted ? 'none'
        : this.isDescending ? 'descending' : 'ascending');
      head.querySelector('.sort-mark').textContent = !isSorted ? ''
        : this.isDescending ? '▼' : '▲';
    }
  }

  /** Shows these rows. @param {any[]} rows */
  show(rows) {
    this.rows_ = rows;
    const sorted = sortedRows(rows, this.columns_[this.sort].value, this.isDescending);
    const most = this.options_.most ?? Infinity;
    const shown = sorted.length > most ? sorted.slice(0, most) : sorted;
    const old = new Set(this.byKey_.keys());
    for (const row of shown) old.delete(this.options_.key(row));
    const focused = document.activeElement?.closest('tr');
    const held = focused?.parentNode === this.body_ ? focused : null;
    for (const key of old) {
      const node = this.byKey_.get(key)?.node;
      if (node === held) this.node.focus({ preventScroll: true }); // otherwise no element has it
      node.remove();
      this.byKey_.delete(key);
    }
    let before = null;
    for (const row of shown) {
      const { node } = this.write_(this.options_.key(row), row);
      this.place_(node, before, held);
      before = node;
    }
    if (shown.length) this.empty_.remove();
    else this.body_.append(this.empty_);
    this.more_.hidden = shown.length === sorted.length;
    this.more_.textContent = `${count(shown.length)} of ${count(sorted.length)} ` +
      'rows are shown.';
  }

  /**
   * Moves a row behind another one, or to the top. A browser takes the focus from a row that is
   * moved, so the row with the focus stays, and the rows above it move to the end.
   * @param {any} node @param {any} before null: the top @param {any} held the row with the focus
   */
  place_(node, before, held) {
    const next = () => before ? before.nextSibling : this.body_.firstChild;
    if (node === held) while (next() !== held) this.body_.append(next());
    else if (next() !== node) this.body_.insertBefore(node, next());
  }

  /** @param {string} key @param {any} row */
  write_(key, row) {
    let entry = this.byKey_.get(key);
    if (!entry) {
      const cells = this.columns_.map((column, at) => el(at ? 'td' : 'th',
        { class: classOf(column), scope: at ? null : 'row' }));
      entry = { node: el('tr', {}, cells), cells, values: cells.map(() => entry) };
      this.byKey_.set(key, entry);
    }
    for (const [at, column] of this.columns_.entries()) {
      const value = column.value(row);
      if (value === entry.values[at] && value !== undefined) continue;
      entry.values[at] = value;
      const cell = entry.cells[at];
      cell.replaceChildren(column.node?.(row) ?? column.text?.(row) ?? String(value ?? ''));
      cell.title = column.hint?.(row) ?? '';
      cell.dataset.mark = column.mark?.(row) ?? '';
    }
    return entry;
  }
}

/** @param {LiveColumn} column */
function classOf({ isNumber, isMinor }) {
  return [isNumber && 'number', isMinor && 'minor'].filter(Boolean).join(' ') || null;
}

/** @param {any[]} rows @param {(row: any) => any} value @param {boolean} isDescending */
export function sortedRows(rows, value, isDescending) {
  const keyed = rows.map((row, at) => ({ row, at, key: value(row) }));
  keyed.sort((a, b) => {
    const order = compareKeys(a.key, b.key);
    return (isDescending ? -order : order) || a.at - b.at;
  });
  return keyed.map(({ row }) => row);
}

/**
 * Compares texts that are numbers as numbers; null and empty values are below all others.
 * @param {any} a @param {any} b
 */
function compareKeys(a, b) {
  const isEmpty = (/** @type {any} */ x) => x === null || x === undefined || x === '';
  if (isEmpty(a) || isEmpty(b)) return Number(isEmpty(b)) - Number(isEmpty(a));
  const [left, right] = [Number(a), Number(b)];
  if (!Number.isNaN(left) && !Number.isNaN(right)) return left - right;
  return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
}
