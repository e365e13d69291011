// @ts-check
// The rows that a grid shows: those of a source that match the filter, sorted by a column.
import { cell, compare } from '../core/format.js';

/** @typedef {import('./table.js').Row} Row */
/** @typedef {{length: number, row(index: number): Row}} Source */
/** @typedef {import('../core/sql.js').Column} Column */

export class View {
  /** @param {Source} source @param {Column[]} columns */
  constructor(source, columns) {
    this.source = source;
    this.columns = columns;
    this.filter = '';
    this.sort = -1; // column, or -1: the order of arrival
    this.isDescending = false;
    /** @type {Row[]|null} the chosen rows, or null: all, in the order of the source */
    this.chosen_ = null;
    this.isStale = false; // whether the order is behind the rows
    this.computed_ = 0;
  }

  get length() { return this.chosen_?.length ?? this.source.length; }

  /** @param {number} index @returns {Row} */
  row(index) { return this.chosen_ ? this.chosen_[index] : this.source.row(index); }

  /** Sorts by a column: ascending, then descending, then in the order of arrival. */
  sortBy(/** @type {number} */ column) {
    if (this.sort !== column) [this.sort, this.isDescending] = [column, false];
    else if (!this.isDescending) this.isDescending = true;
    else [this.sort, this.isDescending] = [-1, false];
    this.compute_();
  }

  /** @param {string} text */
  filterBy(text) {
    this.filter = text.trim().toLowerCase();
    this.compute_();
  }

  /**
   * Notes that rows have changed. A large result is sorted only from time to time, because a sort
   * of 100,000 rows takes longer than a frame.
   * @param {number} now
   */
  refresh(now) {
    if (this.sort < 0 && !this.filter) return;
    const pause = this.source.length < 5000 ? 0 : this.source.length / 50;
    if (now - this.computed_ < pause) this.isStale = true;
    else this.compute_(now);
  }

  compute_(now = performance.now()) {
    this.isStale = false;
    this.computed_ = now;
    if (this.sort < 0 && !this.filter) {
      this.chosen_ = null;
      return;
    }
    /** @type {Row[]} */
    let rows = [];
    for (let at = 0; at < this.source.length; ++at) rows.push(this.source.row(at));
    if (this.filter) rows = rows.filter((row) => this.matches_(row));
    if (this.sort >= 0) this.sort_(rows);
    this.chosen_ = rows;
  }

  /** @param {Row} row */
  matches_(row) {
    return row.cells.some((value, at) => String(value).toLowerCase().includes(this.filter) ||
      cell(value, this.columns[at]?.type ?? '').toLowerCase().includes(this.filter));
  }

  /** @param {Row[]} rows */
  sort_(rows) {
    const { sort, isDescending } = this;
    const type = this.columns[sort]?.type ?? '';
    rows.sort((a, b) => {
      const [left, right] = [a.cells[sort], b.cells[sort]];
      // Nulls stay last in both directions.
      if (left === null || right === null) return compare(left, right, type);
      return isDescending ? compare(right, left, type) : compare(left, right, type);
    });
  }
}
