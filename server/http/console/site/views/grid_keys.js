// @ts-check
// The keyboard and the mouse in a grid: an active cell, ranges of cells, copying and inspecting.
import { tsv } from './export.js';
import { toast } from '../core/element.js';
import { plural } from '../core/format.js';

/** @typedef {{row: number, place: number}} Spot row -1 is the header */

let cells = 0; // that have got an id

export class GridKeys {
  /** @param {import('./grid.js').Grid} grid */
  constructor(grid) {
    this.grid_ = grid;
    /** @type {Spot|null} */
    this.active = null;
    /** @type {Spot|null} */
    this.anchor_ = null;
    /** @type {any} */
    this.spot_ = null; // the cell that is marked as active
    /** @type {Set<any>} */
    this.chosen_ = new Set();
    const { node } = grid;
    node.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => this.press_(event));
    node.addEventListener('mousedown', (/** @type {MouseEvent} */ event) => this.point_(event));
    node.addEventListener('dblclick', () => this.inspect_());
    node.addEventListener('copy', (/** @type {ClipboardEvent} */ event) => this.copy_(event));
    node.addEventListener('focus', () => {
      this.active ??= { row: 0, place: 0 };
      this.mark();
    });
  }

  reset() { this.active = this.anchor_ = null; }

  /** @param {KeyboardEvent} event */
  press_(event) {
    const { grid_: grid } = this;
    const last = (grid.view?.length ?? 0) - 1;
    const right = grid.shown.length - 1;
    const page = Math.max(1, Math.floor(grid.node.clientHeight / grid.rowHeight) - 2);
    const at = this.active ?? { row: 0, place: 0 };
    const isFar = event.ctrlKey || event.metaKey;
    /** @type {Record<string, [number, number]>} */
    const moves = {
      ArrowUp: [at.row - 1, at.place], ArrowDown: [at.row + 1, at.place],
      ArrowLeft: [at.row, at.place - 1], ArrowRight: [at.row, at.place + 1],
      PageUp: [at.row - page, at.place], PageDown: [at.row + page, at.place],
      Home: isFar ? [0, 0] : [at.row, 0], End: isFar ? [last, right] : [at.row, right],
    };
    if (event.key === 'Enter') {
      if (at.row < 0) grid.acts.sort(grid.shown[at.place]);
      else this.inspect_();
    } else if (isFar && event.key === 'a') {
      [this.anchor_, this.active] = [{ row: 0, place: 0 }, { row: last, place: right }];
      this.mark();
    } else if (event.key in moves && !event.altKey) {
      const [row, place] = moves[event.key];
      this.anchor_ = event.shiftKey ? this.anchor_ ?? at : null;
      this.active = { row: clamp(row, -1, last), place: clamp(place, 0, right) };
      this.reveal_();
      grid.draw();
    } else {
      return;
    }
    event.preventDefault();
  }

  /** @param {MouseEvent} event */
  point_(event) {
    const spot = this.spotOf_(/** @type {Element} */ (event.target));
    if (!spot) return;
    this.anchor_ = event.shiftKey ? this.anchor_ ?? this.active : null;
    this.active = spot;
    if (event.shiftKey) event.preventDefault();
    this.mark();
  }

  /** @param {Element} target @returns {Spot|null} */
  spotOf_(target) {
    const cell = target.closest('[role=gridcell]');
    const row = cell?.closest('[role=row]');
    if (!cell || !row) return null;
    const place = Number(cell.getAttribute('aria-colindex')) - 1 - this.grid_.lead;
    return { row: Number(row.getAttribute('aria-rowindex')) - 2, place: Math.max(0, place) };
  }

  inspect_() {
    const { grid_: grid, active } = this;
    const row = active && active.row >= 0 && active.row < (grid.view?.length ?? 0)
      ? grid.view?.row(active.row) : null;
    if (!row || !active) return;
    const at = grid.shown[active.place];
    grid.acts.inspect(grid.columns[at], row.cells[at]);
  }

  /** The selected range, from its upper left cell to its lower right one. */
  range_() {
    const a = this.active ?? { row: 0, place: 0 };
    const b = this.anchor_ ?? a;
    return {
      top: Math.max(0, Math.min(a.row, b.row)), bottom: Math.max(a.row, b.row),
      left: Math.min(a.place, b.place), right: Math.max(a.place, b.place),
    };
  }

  /** @param {ClipboardEvent} event */
  copy_(event) {
    const { grid_: grid } = this;
    if (!this.active || !grid.view) return;
    const { top, bottom, left, right } = this.range_();
    const rows = [];
    for (let index = top; index <= Math.min(bottom, grid.view.length - 1); ++index) {
      const { cells } = grid.view.row(index);
      rows.push(grid.shown.slice(left, right + 1).map((at) => cells[at]));
    }
    event.clipboardData?.setData('text/plain', tsv(rows));
    event.preventDefault();
    toast(`Copied ${plural(rows.length * (right - left + 1), 'cell')}.`);
  }

  reveal_() {
    const { node, rowHeight } = this.grid_;
    const row = this.active?.row ?? 0;
    if (row < 0) return;
    const top = row * rowHeight;
    const room = node.clientHeight - 2 * rowHeight; // the header covers one row
    if (top < node.scrollTop) node.scrollTop = top;
    else if (top > node.scrollTop + room) node.scrollTop = top - room;
  }

  /** Marks the active cell and the range on the rows that exist. */
  mark() {
    const { grid_: grid, active } = this;
    const spot = active ? grid.cellAt(active.row, active.place) : null;
    if (spot !== this.spot_) {
      this.spot_?.classList.remove('active');
      this.spot_ = spot;
      if (spot) {
        spot.classList.add('active');
        spot.id ||= `${grid.id}-c${++cells}`;
        grid.node.setAttribute('aria-activedescendant', spot.id);
      } else {
        grid.node.removeAttribute('aria-activedescendant');
      }
    }
    const chosen = new Set(active && this.anchor_ ? grid.cellsIn(this.range_()) : []);
    for (const cell of this.chosen_) if (!chosen.has(cell)) cell.classList.remove('chosen');
    for (const cell of chosen) cell.classList.add('chosen');
    this.chosen_ = chosen;
  }
}

/** @param {number} number @param {number} low @param {number} high */
function clamp(number, low, high) { return Math.max(low, Math.min(high, number)); }
