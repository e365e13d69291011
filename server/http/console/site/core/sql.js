// @ts-check
// Statements to the server, and the lines of its responses (POST /sql in HTTP.md).
import { LineReader } from './ndjson.js';
import { errorOf, sessionEnded } from './session.js';

/** @typedef {{name: string, type: string, key?: boolean}} Column */
/** @typedef {{n: number, kind: string, id?: string, columns?: Column[]}} Head */
/** @typedef {{tag?: string, rows?: number, more?: boolean, ms?: number}} Done */
/** @typedef {{code: string, message: string, detail?: string, hint?: string, line?: number,
 *             column?: number, length?: number, fix?: string, n?: number}} Failure */
/** @typedef {{sql: string, settings?: Record<string, string>, variables?: Record<string, string>,
 *             max_rows?: number, together?: boolean}} Request */
/**
 * Calls of one response, in the order of its lines. `lost` reports a connection that ended before
 * the response did; neither `done` nor `failed` follows it.
 * @typedef {{head?: (head: Head) => void, rows?: (rows: any[][]) => void,
 *            notice?: (notice: any) => void, beat?: (beat: any) => void,
 *            done?: (done: Done) => void, failed?: (failure: Failure) => void,
 *            lost?: (reason: string) => void}} Receiver
 */

const LOST = 'The server does not answer. It may be stopped, or the network away.';
const CUT = 'The connection ended before the statement did.';

/**
 * Runs a script and hands the lines of its response to the receiver. Aborting the signal ends the
 * statements on the server; nothing is called after that.
 * @param {Request} request @param {Receiver} receiver @param {AbortSignal} signal
 */
export async function runSql(request, receiver, signal) {
  let isOpen = false;
  try {
    const response = await fetch('/sql', {
      method: 'POST', signal, headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(request), credentials: 'same-origin', cache: 'no-store',
    });
    if (!response.ok || !response.body) {
      if (response.status === 401) sessionEnded();
      receiver.failed?.(await errorOf(response));
      return;
    }
    isOpen = true;
    const ended = await readLines(response.body.getReader(), receiver, signal);
    if (!ended && !signal.aborted) receiver.lost?.(CUT);
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof TypeError) receiver.lost?.(isOpen ? CUT : LOST);
    else throw error;
  }
}

/**
 * Returns whether the last line ended a statement.
 * @param {ReadableStreamDefaultReader<Uint8Array>} reader
 * @param {Receiver} receiver @param {AbortSignal} signal
 */
async function readLines(reader, receiver, signal) {
  const lines = new LineReader();
  let ended = true; // a script without statements has no lines
  for (;;) {
    const { value, done } = await reader.read();
    if (signal.aborted) return true;
    const values = done ? lines.end() : lines.push(value);
    ended = dispatch(values, receiver) ?? ended;
    if (done) return ended;
  }
}

/**
 * Hands rows over in batches, since a call per row costs more than the row. Returns whether the
 * last value ends a statement, or undefined without values.
 * @param {any[]} values @param {Receiver} receiver
 */
function dispatch(values, receiver) {
  /** @type {any[][]} */
  let rows = [];
  let ended;
  const flush = () => {
    if (rows.length) receiver.rows?.(rows);
    rows = [];
  };
  for (const value of values) {
    ended = false;
    if (Array.isArray(value)) {
      rows.push(value);
      continue;
    }
    flush();
    if (value.head) receiver.head?.(value.head);
    else if (value.notice) receiver.notice?.(value.notice);
    else if (value.beat) receiver.beat?.(value.beat);
    else if (value.done) { ended = true; receiver.done?.(value.done); }
    else if (value.error) { ended = true; receiver.failed?.(value.error); }
  }
  flush();
  return ended;
}

/**
 * Runs statements that end, and returns one result for each, with rows as arrays. The first error
 * is thrown, with the properties of a Failure.
 * @param {string} sql @param {AbortSignal} signal @param {Partial<Request>} [options]
 * @returns {Promise<{columns: Column[], rows: any[][]}[]>}
 */
export async function selectAll(sql, signal, options = {}) {
  /** @type {{columns: Column[], rows: any[][]}[]} */
  const results = [];
  /** @type {Partial<Failure>|null} */
  let failure = null;
  await runSql({ ...options, sql }, {
    head: (head) => results.push({ columns: head.columns ?? [], rows: [] }),
    rows: (rows) => { for (const row of rows) results.at(-1)?.rows.push(row); },
    failed: (error) => { failure = error; },
    lost: (reason) => { failure = { message: reason }; },
  }, signal);
  signal.throwIfAborted();
  if (failure !== null) throw Object.assign(new Error(), failure);
  return results;
}

/** Returns the message, the detail and the hint of a failure as sentences. @param {any} error */
export function sentencesOf({ message, detail, hint }) {
  return [message, detail, hint].filter(Boolean).map((text) => text.replace(/[^.?!]$/, '$&.'))
    .join(' ');
}

/** Returns the rows of one statement as objects by name of column. */
export async function select(/** @type {string} */ sql, /** @type {AbortSignal} */ signal) {
  const [result] = await selectAll(sql, signal);
  return result ? objects(result) : [];
}

/** @param {{columns: Column[], rows: any[][]}} result @returns {Record<string, any>[]} */
export function objects(result) {
  const names = result.columns.map((column) => column.name.toLowerCase());
  return result.rows.map((row) => Object.fromEntries(names.map((name, at) => [name, row[at]])));
}

/** Returns a name in the form that SQL needs: with quotes if necessary. @param {string} name */
export function quoteName(name) {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** @param {string} text */
export function quoteText(text) { return `'${text.replaceAll("'", "''")}'`; }
