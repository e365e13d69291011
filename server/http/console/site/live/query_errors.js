// @ts-check
// The records that a query could not use: those of the processing log, grouped by their message.
import { button, el, fill } from '../core/element.js';
import { count, parseTime } from '../core/format.js';
import { quoteText, select, sentencesOf } from '../core/sql.js';
import { LiveTable } from './live_table.js';
import { shownTime, utcTime } from './message_table.js';
import { hrefOf } from './messages.js';
import { sqlButton } from './panel.js';

/** @typedef {{topic: string, partition: number, offset: number}} Place of a record */
/** @typedef {{message: string, count: number, time: string, places: Place[]}} ErrorGroup */

const MOST = 500; // newest entries of the log
const MOST_BYTES = 8 << 20; // of the log
const MOST_PLACES = 5; // links of a message
// The counter of errors may grow before the entry of the log is stored.
const LATE_MS = 3000;

/** Returns the statement that reads the newest entries of a query. @param {string} query */
export function errorsOf(query) {
  return `SELECT time, value FROM RECORDS('ksql_processing_log', direction => 'newest', ` +
    `max_bytes => ${MOST_BYTES})\nWHERE strpos(value, ${
      quoteText(`"QUERY_ID":${JSON.stringify(query)}`)}) > 0 LIMIT ${MOST}`;
}

/** @param {any} value of the log @returns {any} */
function parsed(value) {
  try {
    return JSON.parse(value);
  } catch {
    return {};
  }
}

/**
 * Returns the messages of entries of the log, the newest first, each with its newest records.
 * @param {Record<string, any>[]} rows newest first @returns {ErrorGroup[]}
 */
export function groupsOf(rows) {
  /** @type {Map<string, ErrorGroup>} */
  const groups = new Map();
  for (const { time, value } of rows) {
    const entry = parsed(value), what = entry.MESSAGE ?? {};
    const message = what.DESERIALIZATIONERROR?.ERRORMESSAGE ??
      what.RECORDPROCESSINGERROR?.ERRORMESSAGE ?? 'The log names no message.';
    const group = groups.get(message) ?? { message, count: 0, time, places: [] };
    groups.set(message, group);
    group.count += 1;
    if (entry.SOURCE_TOPIC && group.places.length < MOST_PLACES)
      group.places.push({ topic: entry.SOURCE_TOPIC, partition: entry.SOURCE_PARTITION,
        offset: entry.SOURCE_OFFSET });
  }
  return [...groups.values()];
}

/** Returns the name of a record: `orders-2@1742`. @param {Place} place */
export function nameOf({ topic, partition, offset }) { return `${topic}-${partition}@${offset}`; }

/** @param {Place} place */
function link(place) {
  return el('a', { href: hrefOf({ topic: place.topic, partition: String(place.partition),
    from: 'offset', offset: String(place.offset), time: '', key: '', text: '' }) },
  el('bdi', {}, nameOf(place)));
}

/** The panel of errors. It reads the log again when the query counts further errors. */
export class QueryErrors {
  /** @param {string} query @param {AbortSignal} signal */
  constructor(query, signal) {
    this.sql_ = errorsOf(query);
    this.signal_ = signal;
    this.seen_ = '';
    this.reads_ = 0;
    this.state_ = el('div.panel-state', {}, el('p.soft', { role: 'status' },
      'The errors are read.'));
    this.table_ = new LiveTable('Errors', [
      { title: 'Message', value: (row) => row.message },
      { title: 'Records', isNumber: true, value: (row) => row.count,
        text: (row) => count(row.count) },
      { title: 'Newest records', value: (row) => row.places.map(nameOf).join(', '),
        node: (row) => el('span.links', {}, row.places.map(link)) },
      { title: 'Newest', value: (row) => parseTime(row.time), text: (row) => shownTime(row.time),
        hint: (row) => utcTime(row.time) }],
    { key: (row) => row.message, sort: 3, isDescending: true,
      empty: 'The processing log has no record that the query could not use.' });
    this.node = el('section.panel.live-panel.query-errors', {}, el('header.panel-head', {},
      el('h2', {}, 'Errors'), el('span.spring'), sqlButton(this.sql_, 'the errors')),
    this.state_, this.table_.node);
    this.table_.node.hidden = true; // until the log is read
    signal.addEventListener('abort', () => clearTimeout(this.later_));
  }

  /** Reads the log if the counter of errors has changed. @param {any} errors */
  follow(errors) {
    if (String(errors) === this.seen_) return;
    this.seen_ = String(errors);
    void this.read_();
    clearTimeout(this.later_);
    this.later_ = setTimeout(() => void this.read_(), LATE_MS);
  }

  async read_() {
    const number = ++this.reads_;
    try {
      const rows = await select(this.sql_, this.signal_);
      if (number !== this.reads_) return; // a later read has begun
      this.table_.show(groupsOf(rows));
      this.table_.node.hidden = false;
      fill(this.state_, rows.length >= MOST && el('p.soft', {},
        `The newest ${MOST} entries of the log are counted.`));
    } catch (error) {
      if (this.signal_.aborted || number !== this.reads_) return;
      const failure = /** @type {any} */ (error);
      fill(this.state_, el('p.error-text', { role: 'alert' }, failure.code === '42501'
        ? `You do not have the right to see this: ${failure.message}.` : sentencesOf(failure)),
      button('refresh', 'Try again', () => void this.read_()));
    }
  }
}
