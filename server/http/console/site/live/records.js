// @ts-check
// Reading the records of a topic with RECORDS(...), in steps that each read a bounded part.
import { objects, quoteText, runSql } from '../core/sql.js';

/** @typedef {{topic: string, partition: string, from: 'newest'|'oldest'|'offset'|'time'|'live',
 *             offset: string, time: string, key: string, text: string}} Search */

export const KEY_CHARS = 200, VALUE_CHARS = 600; // characters of a cell of the list
const PAGE_BYTES = 128 << 10; // records of a page without a filter
const STEP_BYTES = 8 << 20; // records that one request of a search reads
const MOST_BYTES = 64 << 20, MOST_MS = 2000; // limits of a search until the user continues it
export const ENOUGH = 200; // records that a search finds before it stops

const COLUMNS = `partition, "offset", time, substring(key, 1, ${KEY_CHARS}) AS key,
  substring(value, 1, ${VALUE_CHARS}) AS value, key_format, value_format, key_schema, value_schema,
  cardinality(headers) AS headers, octet_length(raw_key) AS key_bytes,
  octet_length(raw_value) AS value_bytes, "transaction", error`;

/** @param {Search} search */
export function isFiltered(search) { return search.key !== '' || search.text !== ''; }

/** @param {Search} search */
export function isNewestFirst(search) { return search.from === 'newest'; }

/**
 * Returns the statement of a step. `positions` are those of the step before.
 * @param {Search} search @param {string} positions @param {number} bytes
 */
export function statementOf(search, positions = '', bytes = PAGE_BYTES) {
  const call = [quoteText(search.topic)];
  if (positions) call.push(`from_offset => ${quoteText(positions)}`);
  else {
    if (search.partition !== '') call.push(`partition => ${search.partition}`);
    if (search.from === 'offset') call.push(`from_offset => ${search.offset || 0}`);
    if (search.from === 'time') call.push(`from_time => ${quoteText(search.time)}`);
  }
  const isLive = search.from === 'live';
  if (!isLive) {
    call.push(`direction => '${isNewestFirst(search) ? 'newest' : 'oldest'}'`);
    call.push(`max_bytes => ${bytes}`);
  }
  const where = [search.key !== '' && `key = ${quoteText(search.key)}`,
    search.text !== '' && `strpos(value, ${quoteText(search.text)}) > 0`].filter(Boolean);
  return `SELECT ${COLUMNS}\nFROM RECORDS(${call.join(', ')})` +
    (where.length ? `\nWHERE ${where.join(' AND ')}` : '') + (isLive ? '\nEMIT CHANGES' : '');
}

/**
 * Returns the contents of a notice of RECORDS: the number of records that were read, and the
 * positions from which the next step continues ('' at the end).
 * @param {{message?: string, hint?: string}} notice
 */
export function reportOf(notice) {
  const read = /^RECORDS has read (\d+) record/.exec(notice.message ?? '');
  const positions = /from_offset => '([\d:,]*)'/.exec(notice.hint ?? '');
  return read ? { read: Number(read[1]), positions: positions?.[1] ?? '' } : null;
}

/**
 * Runs one statement over RECORDS.
 * @param {string} sql @param {AbortSignal} signal
 * @returns {Promise<{rows: Record<string, any>[], read: number, positions: string}>}
 */
export async function readStep(sql, signal) {
  const result = { columns: /** @type {any[]} */ ([]), rows: /** @type {any[][]} */ ([]) };
  let report = { read: 0, positions: '' };
  /** @type {any} */
  let failure = null;
  await runSql({ sql, max_rows: 100_000 }, {
    head: (head) => { result.columns = head.columns ?? []; },
    rows: (rows) => { for (const row of rows) result.rows.push(row); },
    notice: (notice) => { report = reportOf(notice) ?? report; },
    failed: (error) => { failure = error; },
    lost: (message) => { failure = { message }; },
  }, signal);
  signal.throwIfAborted();
  if (failure) throw failure;
  return { rows: objects(result), ...report };
}

/**
 * A search that continues where it stopped. It stops when it has found a page of records, has read
 * its share, or has taken its time.
 */
export class RecordSearch {
  /** @param {Search} search @param {(sql: string, signal: AbortSignal) => any} [read] */
  constructor(search, read = readStep) {
    this.search = search;
    this.read_ = read;
    this.positions = '';
    this.read = 0;
    this.found = 0;
    this.hasBegun = false;
  }

  /** Whether records are left that were not read. */
  get hasMore() { return !this.hasBegun || this.positions !== ''; }

  /**
   * Reads on, and hands the rows over as they come.
   * @param {(rows: Record<string, any>[]) => void} show @param {AbortSignal} signal
   */
  async go(show, signal) {
    const begun = Date.now();
    const filtered = isFiltered(this.search);
    let found = 0;
    for (let bytes = 0; this.hasMore;) {
      const step = filtered ? STEP_BYTES : PAGE_BYTES;
      const { rows, read, positions } = await this.read_(
        statementOf(this.search, this.positions, step), signal);
      this.hasBegun = true;
      this.positions = positions;
      this.read += read;
      this.found += rows.length;
      found += rows.length;
      bytes += step;
      show(rows);
      if (!filtered || found >= ENOUGH || bytes >= MOST_BYTES || Date.now() - begun >= MOST_MS)
        return;
    }
  }
}

/**
 * Returns the statement that reads one record as a whole.
 * @param {string} topic @param {number} partition @param {any} offset
 */
export function recordOf(topic, partition, offset) {
  return `SELECT * FROM RECORDS(${quoteText(topic)}, ` +
    `partition => ${partition}, from_offset => ${offset}, direction => 'oldest', max_bytes => 1)`;
}
