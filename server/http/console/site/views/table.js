// @ts-check
// The rows of a result: a map by key for changes, and the last changes in their order.

/**
 * `changed` holds, per column, the time at which the cell changed; `gone` is the time at which the
 * row was deleted, or 0.
 * @typedef {{cells: any[], changed: number[]|null, gone: number, op?: string, at?: number}} Row
 */

/** A deleted row stays for this time, struck through, so that a reader sees what has left. */
export const LINGER_MS = 2500;
/** Keys that are kept; changes of further keys are only counted. */
export const MOST_KEYS = 100_000;
/** Changes that the stream view keeps. */
const MOST_CHANGES = 10_000;

/**
 * Invariants: `rows` contains each kept key once, in the order of arrival; `size` counts the rows
 * that are not deleted; at most `limit` rows are kept.
 */
export class KeyedTable {
  /** @param {number[]} keys the positions of the key columns @param {number} [limit] */
  constructor(keys, limit = MOST_KEYS) {
    this.keys_ = keys;
    this.limit_ = limit;
    /** @type {Map<string, Row>} */
    this.byKey_ = new Map();
    /** @type {Row[]} */
    this.rows = [];
    this.size = 0;
    this.deleted = 0;
    this.beyond = 0; // changes of keys above the limit
    this.lingering_ = 0;
    this.due_ = Infinity; // no row expires before this time
  }

  get length() { return this.rows.length; }
  /** @param {number} index */
  row(index) { return this.rows[index]; }

  /** @param {any[]} cells */
  keyOf(cells) {
    return this.keys_.length === 1 ? JSON.stringify(cells[this.keys_[0]])
      : JSON.stringify(this.keys_.map((at) => cells[at]));
  }

  /** Returns the row with a key, which may be deleted. @param {string} key of keyOf() */
  get(key) { return this.byKey_.get(key); }

  /** Applies one change. @param {string} op `u` or `d` @param {any[]} cells @param {number} now */
  apply(op, cells, now, key = this.keyOf(cells)) {
    const row = this.byKey_.get(key);
    if (op === 'd') this.remove_(row, now);
    else if (row) this.update_(row, cells, now);
    else this.insert_(key, cells);
  }

  /** @param {Row|undefined} row @param {number} now */
  remove_(row, now) {
    if (!row || row.gone) return;
    row.gone = now;
    --this.size;
    ++this.deleted;
    ++this.lingering_;
    this.due_ = Math.min(this.due_, now + LINGER_MS);
  }

  /** @param {Row} row @param {any[]} cells @param {number} now */
  update_(row, cells, now) {
    if (row.gone) {
      row.gone = 0;
      ++this.size;
      --this.lingering_;
    }
    for (let at = 0; at < cells.length; ++at) {
      if (isSame(row.cells[at], cells[at])) continue;
      row.changed ??= new Array(cells.length).fill(0);
      row.changed[at] = now;
    }
    row.cells = cells;
  }

  /** @param {string} key @param {any[]} cells */
  insert_(key, cells) {
    if (this.rows.length >= this.limit_) {
      ++this.beyond;
      return;
    }
    const row = { cells, changed: null, gone: 0 };
    this.byKey_.set(key, row);
    this.rows.push(row);
    ++this.size;
  }

  /** Drops rows that were deleted long enough ago; returns whether some were. */
  expire(/** @type {number} */ now) {
    if (!this.lingering_ || now < this.due_) return false;
    const before = this.rows.length;
    this.due_ = Infinity;
    this.rows = this.rows.filter((row) => {
      if (!row.gone) return true;
      const due = row.gone + LINGER_MS;
      if (now >= due) this.byKey_.delete(this.keyOf(row.cells));
      else this.due_ = Math.min(this.due_, due);
      return now < due;
    });
    this.lingering_ -= before - this.rows.length;
    return this.rows.length < before;
  }

  /** Whether deleted rows are still shown. */
  get isLingering() { return this.lingering_ > 0; }
  /** Returns the cells of the rows that are not deleted. */
  live() { return this.rows.filter((row) => !row.gone).map((row) => row.cells); }
}

/** @param {any} a @param {any} b */
function isSame(a, b) {
  return a === b || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b));
}

/** The rows of a result that ends, in the order of the server. */
export class RowList {
  constructor() {
    /** @type {Row[]} */
    this.rows = [];
  }
  get length() { return this.rows.length; }
  /** @param {number} index */
  row(index) { return this.rows[index]; }
  /** @param {any[]} cells */
  add(cells) { this.rows.push({ cells, changed: null, gone: 0 }); }
  live() { return this.rows.map((row) => row.cells); }
}

/** The last changes, the oldest first. Invariant: at most `limit` are kept, in a ring. */
export class ChangeLog {
  /** @param {number} [limit] */
  constructor(limit = MOST_CHANGES) {
    this.limit_ = limit;
    /** @type {Row[]} */
    this.ring_ = [];
    this.first_ = 0;
    this.total = 0;
  }

  get length() { return this.ring_.length; }

  /** @param {number} index */
  row(index) { return this.ring_[(this.first_ + index) % this.ring_.length]; }

  /** @param {string} op `+`, `~` or `−` @param {any[]} cells @param {number} now */
  add(op, cells, now) {
    ++this.total;
    const row = { cells, changed: null, gone: 0, op, at: now };
    if (this.ring_.length < this.limit_) {
      this.ring_.push(row);
    } else {
      this.ring_[this.first_] = row;
      this.first_ = (this.first_ + 1) % this.limit_;
    }
  }

  live() {
    return Array.from({ length: this.length }, (_, index) => this.row(index).cells);
  }
}
