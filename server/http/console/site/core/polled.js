// @ts-check
// Statements that a page runs again and again, because the server cannot push changes of their
// rows.
import { sessionEnded } from './session.js';
import { objects, runSql } from './sql.js';

/** @typedef {import('./sql.js').Column} Column */
/** @typedef {import('./sql.js').Failure} Failure */

export const POLL_MS = 3000;
const STALE_MS = 30_000;

/**
 * The rows of the statements, with the states of a Followed. `rows` are those of the first
 * statement, and `results` has the rows of each one, in the order of the script. `notices` are
 * those of the last answer: for example, that the Kafka Connect cluster does not answer.
 */
export class Polled {
  /**
   * @param {string} sql @param {AbortSignal} signal ends the reading
   * @param {() => void} changed called after each answer
   * @param {number} [everyMs] the pause between two readings
   * @param {typeof runSql} [run]
   */
  constructor(sql, signal, changed, everyMs = POLL_MS, run = runSql) {
    this.sql = sql;
    this.state = 'loading';
    /** @type {Failure|null} */
    this.failure = null;
    /** @type {Column[]} */
    this.columns = [];
    /** @type {Record<string, any>[]} */
    this.rows = [];
    /** @type {Record<string, any>[][]} */
    this.results = [];
    /** @type {{message: string, hint?: string}[]} */
    this.notices = [];
    this.heardAt = Date.now();
    this.signal_ = signal;
    this.changed_ = changed;
    this.everyMs_ = everyMs;
    this.run_ = run;
    this.timer_ = 0;
    this.isReading_ = false;
    signal.addEventListener('abort', () => clearTimeout(this.timer_));
    void this.read();
  }

  get size() { return this.rows.length; }
  /** Whether the rows may be outdated. */
  isStale(now = Date.now()) { return this.state === 'lost' || now - this.heardAt > STALE_MS; }

  /** Reads the statement again after a failure. */
  again() {
    this.state = 'loading';
    this.failure = null;
    this.changed_();
    void this.read();
  }

  /** Reads the statement now, for example after a change. A failure ends the reading. */
  async read() {
    if (this.isReading_ || this.signal_.aborted) return;
    this.isReading_ = true;
    clearTimeout(this.timer_);
    /** @type {{columns: Column[], rows: any[][]}[]} */
    const results = [];
    /** @type {any[]} */
    const notices = [];
    let isWhole = true;
    await this.run_({ sql: this.sql }, {
      head: (head) => { results.push({ columns: head.columns ?? [], rows: [] }); },
      rows: (more) => { for (const row of more) results.at(-1)?.rows.push(row); },
      notice: (notice) => { notices.push(notice); },
      failed: (failure) => {
        isWhole = false;
        this.fail_(failure);
      },
      lost: () => {
        isWhole = false;
        this.state = 'lost';
      },
    }, this.signal_);
    if (isWhole && !this.signal_.aborted) this.take_(results, notices);
    this.isReading_ = false;
    if (this.signal_.aborted) return;
    this.changed_();
    if (this.state !== 'failed') this.timer_ = window.setTimeout(() => this.due_(), this.everyMs_);
  }

  /** @param {{columns: Column[], rows: any[][]}[]} found @param {any[]} notices */
  take_(found, notices) {
    const results = found.map(objects);
    Object.assign(this, { results, rows: results[0] ?? [], columns: found[0]?.columns ?? [],
      notices, state: 'live', failure: null, heardAt: Date.now() });
  }

  /** @param {Failure} failure */
  fail_(failure) {
    if (failure.code === '28000' || failure.code === '40100') sessionEnded();
    this.failure = failure;
    this.state = 'failed';
  }

  /** A hidden tab reads nothing. */
  due_() {
    if (document.visibilityState !== 'hidden') return void this.read();
    document.addEventListener('visibilitychange', () => void this.read(),
      { once: true, signal: this.signal_ });
    return undefined;
  }
}
