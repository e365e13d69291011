// @ts-check
// Rows on the page: a grid of which only the visible rows exist. It is drawn once per frame.
import { el } from '../core/element.js';
import { cell, dateTime, isNumeric, isTime, parseTime, timeOfDay } from '../core/format.js';
import { isUtc } from '../core/store.js';
import { GridKeys } from './grid_keys.js';

/** @typedef {import('../core/sql.js').Column} Column */
/** @typedef {import('./table.js').Row} Row */

const FLASH_MS = 900; // then the mark is paler
const FADED_MS = 1300; // then the mark ends
const NARROWEST = 6; // characters
const WIDEST = 44; // a longer value is cut; Enter shows the whole
const OPS = { '+': 'added', '~': 'changed', '−': 'deleted' };
let grids = 0;

/**
 * Invariants: row i of the view is drawn by element i modulo the number of elements; columns only
 * grow, so that values that move do not move the columns.
 */
export class Grid {
  /**
   * @param {string} label
   * @param {{inspect: (column: Column, value: any) => void, sort: (column: number) => void,
   *          scrolled?: (isAtEnd: boolean) => void}} acts
   */
  constructor(label, acts) {
    this.id = `grid${++grids}`;
    this.acts = acts;
    /** @type {import('./view.js').View|null} */
    this.view = null;
    /** @type {Column[]} */
    this.columns = [];
    /** @type {number[]} */
    this.shown = []; // columns in their order on the page
    this.hasOps = false;
    /** @type {number[]} */
    this.widths_ = [];
    /** @type {{node: any, cells: any[], index: number, row: Row|null}[]} */
    this.pool_ = [];
    /** @type {any[]} */
    this.heads_ = [];
    this.followsEnd = false;
    this.isFlashing_ = false; // a visible cell is marked as changed
    this.height_ = 0; // px of a row; 0: not read since the last rebuild
    this.drawn_ = -1; // rows of the view when the height was last set
    this.header_ = el('div.grid-row.grid-header', { role: 'row', 'aria-rowindex': 1 });
    this.body_ = el('div.grid-body', { role: 'rowgroup' });
    this.node = el('div.grid', {
      role: 'grid', tabindex: 0, 'aria-label': label, id: this.id,
    }, el('div.grid-head', { role: 'rowgroup' }, this.header_), this.body_);
    this.node.addEventListener('scroll', () => this.onScroll_(), { passive: true });
    this.keys = new GridKeys(this);
  }

  /** Shows the rows of a view. @param {import('./view.js').View} view @param {boolean} hasOps */
  show(view, hasOps = false) {
    this.view = view;
    this.hasOps = hasOps;
    this.columns = view.columns;
    this.shown = this.columns.map((_, at) => at);
    this.widths_ = this.columns.map((column) =>
      Math.max(NARROWEST, [...column.name].length + (column.key ? 7 : 3)));
    this.keys.reset();
    this.rebuild();
  }

  /** Chooses the columns to show. @param {number[]} columns */
  choose(columns) {
    this.shown = columns;
    this.rebuild();
  }

  /** The number of columns before those of the result: the change and its time in the stream. */
  get lead() { return this.hasOps ? 2 : 0; }

  rebuild() {
    this.height_ = 0;
    this.drawn_ = -1;
    this.pool_ = [];
    this.body_.replaceChildren();
    this.drawHeader();
    this.layOut_();
  }

  drawHeader() {
    const { view } = this;
    const heads = this.shown.map((at, place) => {
      const column = this.columns[at];
      const isSorted = view?.sort === at;
      const order = !isSorted ? 'none' : view?.isDescending ? 'descending' : 'ascending';
      return el('div.grid-cell.grid-head-cell', {
        role: 'columnheader', 'aria-sort': order, 'aria-colindex': place + 1 + this.lead,
        class: `grid-cell grid-head-cell${isNumeric(column.type) ? ' number' : ''}`,
        title: `${column.name} ${column.type}`,
        onclick: () => this.acts.sort(at),
      }, el('span.grid-name', {}, column.name), column.key && el('span.key-mark', {}, 'key'),
      el('span.sort-mark', { 'aria-hidden': 'true' },
        !isSorted ? '' : view?.isDescending ? '▼' : '▲'));
    });
    const ops = this.hasOps && [
      el('div.grid-cell.op', { role: 'columnheader', 'aria-colindex': 1 }, '±'),
      el('div.grid-cell.time', { role: 'columnheader', 'aria-colindex': 2 }, 'time'),
    ];
    this.heads_ = heads;
    this.header_.replaceChildren(...(ops || []), ...heads, el('div.grid-rest', {}));
    this.node.setAttribute('aria-colcount', String(heads.length + this.lead));
  }

  layOut_() {
    const lead = this.hasOps ? 'calc(2ch + 8px) calc(12ch + 20px) ' : '';
    const columns = this.shown.map((at) => `calc(${this.widths_[at]}ch + var(--cell-pad))`);
    this.node.style.setProperty('--columns', `${lead}${columns.join(' ')} minmax(0, 1fr)`);
  }

  /** The height of a row. When preferences change it, ResultPanel rebuilds the grid. */
  get rowHeight() {
    this.height_ ||= parseFloat(getComputedStyle(this.node).getPropertyValue('--row'));
    return this.height_ || 26;
  }

  onScroll_() {
    const { scrollTop, scrollHeight, clientHeight } = this.node;
    const isAtEnd = scrollTop + clientHeight >= scrollHeight - this.rowHeight;
    this.acts.scrolled?.(isAtEnd);
    this.draw();
  }

  /**
   * Draws the visible rows. Returns whether a later draw has to end the mark of a changed cell.
   * @param {number} [now]
   */
  draw(now = performance.now()) {
    const view = this.view;
    if (!view) return false;
    const height = this.rowHeight;
    if (view.length !== this.drawn_) {
      this.drawn_ = view.length;
      this.body_.style.height = `${view.length * height}px`;
      this.node.setAttribute('aria-rowcount', String(view.length + 1));
    }
    this.isFlashing_ = false;
    if (this.followsEnd) this.node.scrollTop = this.node.scrollHeight;
    const visible = Math.ceil(this.node.clientHeight / height) + 2;
    const first = Math.max(0, Math.min(Math.floor(this.node.scrollTop / height),
      view.length - 1));
    if (this.pool_.length < visible) this.grow_(visible);
    const size = this.pool_.length;
    const end = Math.min(view.length, first + size);
    for (let index = first; index < end; ++index)
      this.drawRow_(this.pool_[index % size], index, view.row(index), height, now);
    for (const slot of this.pool_) slot.node.hidden = slot.index < first || slot.index >= end;
    this.keys.mark();
    return this.isFlashing_;
  }

  /** Returns a cell by the row of the view, where -1 is the header; null if it does not exist. */
  cellAt(/** @type {number} */ row, /** @type {number} */ place) {
    if (row < 0) return this.heads_[place] ?? null;
    const slot = this.pool_[row % this.pool_.length];
    return slot?.index === row && !slot.node.hidden ? slot.cells[place + this.lead] ?? null : null;
  }

  /** Returns the existing cells of a range. */
  cellsIn(/** @type {{top: number, bottom: number, left: number, right: number}} */ range) {
    const { top, bottom, left, right } = range;
    return this.pool_.filter(({ index }) => index >= top && index <= bottom)
      .flatMap(({ cells }) => cells.slice(left + this.lead, right + 1 + this.lead));
  }

  /** @param {number} size */
  grow_(size) {
    for (const slot of this.pool_) slot.index = -1; // the element of a row depends on the number
    while (this.pool_.length < size) {
      const ops = this.hasOps ? [el('div.grid-cell.op'), el('div.grid-cell.time')] : [];
      const cells = [...ops, ...this.shown.map((at) => el('div.grid-cell', {
        class: `grid-cell${isNumeric(this.columns[at].type) ? ' number' : ''}`,
      }))];
      for (const [at, each] of cells.entries()) {
        each.append('');
        each.shown = each; // the value in the cell; no value equals the element itself
        each.mark = '';
        each.setAttribute('role', 'gridcell');
        each.setAttribute('aria-colindex', String(at + 1));
      }
      const node = el('div.grid-row', { role: 'row' }, cells);
      this.pool_.push({ node, cells, index: -1, row: null });
      this.body_.append(node);
    }
  }

  /**
   * @param {{node: any, cells: any[], index: number, row: Row|null}} slot
   * @param {number} index @param {Row} row @param {number} height @param {number} now
   */
  drawRow_(slot, index, row, height, now) {
    const { node, cells } = slot;
    const isOther = slot.row !== row;
    if (slot.index !== index) {
      node.style.transform = `translateY(${index * height}px)`;
      node.setAttribute('aria-rowindex', String(index + 2));
      slot.index = index;
    }
    slot.row = row;
    node.classList.toggle('gone', row.gone !== 0);
    if (this.hasOps && isOther) {
      write(cells[0], row.op ?? '');
      cells[0].dataset.op = row.op ?? '';
      cells[0].title = OPS[/** @type {keyof OPS} */ (row.op)] ?? '';
      write(cells[1], timeOfDay(row.at ?? 0, isUtc()));
    }
    let place = this.lead;
    for (const at of this.shown) this.drawCell_(cells[place++], row, at, now);
  }

  /** @param {any} node @param {Row} row @param {number} at @param {number} now */
  drawCell_(node, row, at, now) {
    const value = row.cells[at];
    if (value !== node.shown) {
      node.shown = value;
      this.writeCell_(node, value, at);
    }
    const changed = row.changed?.[at] ?? 0;
    const mark = changed > 0 ? markOf(now - changed) : '';
    this.isFlashing_ ||= mark !== '';
    if (mark === node.mark) return;
    node.mark = mark;
    node.classList.toggle('flash', mark === 'flash');
    node.classList.toggle('faded', mark === 'faded');
  }

  /** @param {any} node @param {any} value @param {number} at */
  writeCell_(node, value, at) {
    const { type } = this.columns[at];
    const text = cell(value, type, isUtc());
    node.classList.toggle('null', value === null || value === undefined);
    if (!write(node, text)) return;
    if (isTime(type)) node.title = utcTitle(value);
    else node.title = text.length > WIDEST ? text.slice(0, 1000) : '';
    this.widen_(at, text);
  }

  /** @param {number} at @param {string} text */
  widen_(at, text) {
    const need = Math.min(WIDEST, text.length);
    if (need <= this.widths_[at]) return;
    this.widths_[at] = Math.min(WIDEST, need + 1);
    this.layOut_();
  }
}

/**
 * Returns the class of a cell that changed some time ago. The mark has two steps and no animation.
 * For an animation, the browser would compute styles and paint in each frame, and in a busy result
 * some cells change all the time.
 * @param {number} age in ms
 */
export function markOf(age) {
  return age < FLASH_MS ? 'flash' : age < FADED_MS ? 'faded' : '';
}

/** Returns whether the text differs from the one before. @param {any} node @param {string} text */
function write(node, text) {
  if (node.firstChild.data === text) return false;
  node.firstChild.data = text;
  return true;
}

/** @param {any} value */
function utcTitle(value) {
  const at = parseTime(value);
  return Number.isNaN(at) ? '' : `${dateTime(at, true)} UTC`;
}
