// @ts-check
// One run of a script: a request, and a result for each of its statements.
import { runSql } from '../core/sql.js';
import { ChangeLog, KeyedTable, RowList } from './table.js';

/** @typedef {import('../core/sql.js').Column} Column */

/**
 * The result of one statement. `state` is `running` (no head yet), `live` (changes arrive), `done`,
 * `failed`, `stopped` (by the user) or `lost` (the connection ended).
 */
export class Result {
  /** @param {number} number @param {string} text */
  constructor(number, text) {
    this.number = number;
    this.text = text;
    this.state = 'running';
    /** @type {Column[]} */
    this.columns = [];
    this.isLive = false;
    /** @type {KeyedTable|null} */
    this.table = null;
    /** @type {RowList|null} */
    this.list = null;
    /** @type {ChangeLog|null} */
    this.log = null;
    /** @type {any[]} */
    this.notices = [];
    /** @type {import('../core/sql.js').Failure|null} */
    this.failure = null;
    this.reason = '';
    this.tag = '';
    this.more = false;
    this.began = Date.now();
    this.ended = 0;
    this.isCaughtUp = false;
    this.lastSign = Date.now(); // time of the last line, also of one without rows (a beat)
    this.received = 0; // rows or changes
    this.serverMs = NaN;
  }

  get isOver() { return this.state !== 'running' && this.state !== 'live'; }
  get hasRows() { return this.columns.length > 0; }

  /** @param {import('../core/sql.js').Head} head */
  open(head) {
    this.columns = head.columns ?? [];
    this.isLive = head.kind === 'changes';
    this.state = this.isLive ? 'live' : 'running';
    const keys = this.columns.flatMap((column, at) => column.key ? [at] : []);
    if (this.isLive) this.log = new ChangeLog();
    if (this.isLive && keys.length) this.table = new KeyedTable(keys);
    if (!this.isLive) this.list = new RowList();
  }

  /** @param {any[][]} rows */
  take(rows) {
    const now = performance.now();
    this.lastSign = Date.now();
    this.received += rows.length;
    for (const row of rows) {
      if (this.list) this.list.add(row);
      else this.change_(row[0], row.slice(1), now);
    }
  }

  /** @param {string} op @param {any[]} cells @param {number} now */
  change_(op, cells, now) {
    const table = this.table;
    const key = table?.keyOf(cells) ?? '';
    const before = table?.get(key);
    const isKnown = before !== undefined && !before.gone;
    const mark = op === 'd' ? '−' : isKnown ? '~' : '+';
    // A deletion contains only the key; the other values are taken from the deleted row.
    const shown = op === 'd' && before ? before.cells : cells;
    this.log?.add(mark, shown, Date.now());
    table?.apply(op, cells, now, key);
  }

  /** @param {string} state */
  end(state) {
    if (this.isOver) return;
    this.state = state;
    this.ended = Date.now();
  }

  /** Returns the rows to export: those of the table, or those that the page still has. */
  rowsToExport() {
    return (this.list ?? this.table ?? this.log)?.live() ?? [];
  }
}

/**
 * A request with its results. `changed` is called after each line or batch; it only marks the page
 * as stale, and the page draws once per frame.
 */
export class Run {
  /**
   * @param {import('../core/sql.js').Request} request
   * @param {import('../editor/split.js').Piece[]} pieces
   * @param {(result: Result) => void} changed
   */
  constructor(request, pieces, changed) {
    this.request = request;
    this.pieces = pieces;
    this.changed_ = changed;
    this.abort_ = new AbortController();
    /** @type {Result[]} */
    this.results = [];
    this.add_();
  }

  get current() { return this.results[this.results.length - 1]; }
  get isOver() { return this.current.isOver; }

  /** Runs to the end of the response. */
  async start() {
    const to = () => this.current.isOver ? this.add_() : this.current;
    const tell = (/** @type {Result} */ result) => this.changed_(result);
    const signal = this.abort_.signal;
    await runSql(this.request, {
      head: (head) => { const result = to(); result.open(head); tell(result); },
      rows: (rows) => { this.current.take(rows); tell(this.current); },
      notice: (notice) => { const result = to(); result.notices.push(notice); tell(result); },
      beat: (beat) => {
        this.current.lastSign = Date.now();
        this.current.isCaughtUp ||= beat.caught_up === true;
        tell(this.current);
      },
      done: (done) => {
        const result = to();
        Object.assign(result, { tag: done.tag ?? '', more: done.more === true });
        result.serverMs = done.ms ?? NaN;
        result.end('done');
        tell(result);
      },
      failed: (failure) => {
        const result = to();
        result.failure = failure;
        result.end('failed');
        tell(result);
      },
      lost: (reason) => {
        this.current.reason = reason;
        this.current.end('lost');
        tell(this.current);
      },
    }, signal);
    if (!this.current.isOver) this.current.end(signal.aborted ? 'stopped' : 'done');
    tell(this.current);
  }

  /** Ends the statement on the server. A definition that has begun continues there. */
  stop() {
    this.current.end('stopped');
    this.abort_.abort();
    this.changed_(this.current);
  }

  add_() {
    const piece = this.pieces[this.results.length];
    const result = new Result(this.results.length + 1, piece?.text ?? '');
    this.results.push(result);
    return result;
  }
}

const PLACES = 3; // live results of a browser over HTTP/1.1, which opens six connections to a host
const PLACES_HTTP2 = 20;

/**
 * Takes one of the places for live results, whose number limits the connections of the browser.
 * Returns the function that frees it, or null if all are taken. Places are locks, which all tabs
 * of the browser share.
 * @returns {Promise<(() => void)|null>}
 */
export async function takePlace() {
  if (!navigator.locks) return () => {};
  const entry = /** @type {any} */ (performance.getEntriesByType('navigation')[0]);
  const places = entry?.nextHopProtocol === 'h2' ? PLACES_HTTP2 : PLACES;
  for (let at = 0; at < places; ++at) {
    const free = await tryLock(`millrace-live-${at}`);
    if (free) return free;
  }
  return null;
}

/** @param {string} name @returns {Promise<(() => void)|null>} */
function tryLock(name) {
  return new Promise((resolve) => {
    navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      if (!lock) {
        resolve(null);
        return undefined;
      }
      return new Promise((/** @type {(value?: any) => void} */ release) => {
        resolve(() => release());
      });
    });
  });
}
