// @ts-check
// The new records of a topic, from a live statement that continues after a lost connection.
import { objects, runSql } from './sql.js';

/**
 * `rows` gets new records in their order. `failed` gets the error that ends the tail; `lost` is
 * called when the connection has ended, and `open` when the server shows new records again.
 * @typedef {{rows: (rows: Record<string, any>[]) => void, open: () => void, lost: () => void,
 *            failed: (failure: any) => void}} Listener
 */

const RETRY_MS = [500, 1000, 2000, 5000, 10_000];

/** The new records that wait until the page shows them: the newest ones, up to a limit. */
export class TailBuffer {
  /** @param {number} most records that it keeps */
  constructor(most) {
    this.most_ = most;
    /** @type {Record<string, any>[]} */
    this.rows_ = [];
    this.received = 0; // records since the begin
  }

  get waiting() { return this.rows_.length; }

  /** @param {Record<string, any>[]} rows */
  add(rows) {
    this.received += rows.length;
    this.rows_ = this.rows_.concat(rows).slice(-this.most_);
  }

  /** Returns the records that wait, and forgets them. */
  take() {
    const rows = this.rows_;
    this.rows_ = [];
    return rows;
  }
}

/**
 * Returns the position after the records, for each partition.
 * @param {Map<number, number>} next @param {Record<string, any>[]} rows
 */
export function moved(next, rows) {
  for (const { partition, offset } of rows)
    next.set(Number(partition), Math.max(next.get(Number(partition)) ?? 0, Number(offset) + 1));
  return next;
}

/**
 * Shows the records that are written from now on, until the signal aborts. `next` has the next
 * offset of each partition that is read: a record that is written while the connection is away is
 * shown later, and none is shown twice.
 * @param {(positions: string) => string} statement the statement that begins at these positions
 * @param {Map<number, number>} next @param {Listener} listener
 * @param {AbortSignal} signal @param {typeof runSql} [run]
 * @param {(ms: number) => Promise<void>} [pause]
 */
export async function tail(statement, next, listener, signal, run = runSql, pause = sleep) {
  for (let attempt = 0; !signal.aborted; ++attempt) {
    /** @type {import('../core/sql.js').Column[]} */
    let columns = [];
    let isOver = true, isChanges = false;
    const positions = [...next].map(([partition, offset]) => `${partition}:${offset}`).join(',');
    await run({ sql: statement(positions) }, {
      head: (head) => {
        columns = head.columns ?? [];
        isChanges = head.kind === 'changes';
        attempt = 0;
        listener.open();
      },
      rows: (rows) => {
        // A change begins with its kind, which is always "u": records do not change.
        const cells = isChanges ? rows.map((row) => row.slice(1)) : rows;
        const found = objects({ columns, rows: cells });
        moved(next, found);
        listener.rows(found);
      },
      failed: (failure) => listener.failed(failure),
      lost: () => { isOver = false; listener.lost(); },
    }, signal);
    if (isOver) return;
    await pause(RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)]);
  }
}

/** @param {number} ms @returns {Promise<void>} */
function sleep(ms) { return new Promise((done) => { setTimeout(done, ms); }); }
