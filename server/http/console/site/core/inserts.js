// @ts-check
// Rows to a stream or a table (POST /inserts-stream in HTTP.md).
import { errorOf, sessionEnded } from './session.js';

/**
 * The number of a row in its request, and the reason.
 * @typedef {{row: number, message: string}} Rejection
 */

/**
 * Returns the body of a request that writes rows.
 * @param {string} target exact name @param {string[]} rows JSON objects without line breaks
 */
export function insertsBody(target, rows) {
  return `${[JSON.stringify({ target: `\`${target}\`` }), ...rows].join('\n')}\n`;
}

/**
 * Returns the answer to a number of rows: the rejected ones, and `failure` if the server ended the
 * answer before it had acknowledged all rows. `acknowledged` counts written and rejected rows.
 * @param {string} text of the answer
 */
export function readAnswer(text) {
  /** @type {Rejection[]} */
  const rejected = [];
  let acknowledged = 0, failure = '';
  for (const line of text.split('\n')) {
    if (!line.trim()) continue;
    const { status, seq, message } = JSON.parse(line);
    if (status === undefined) {
      failure = message ?? 'the server ended the answer';
      continue;
    }
    ++acknowledged;
    if (status !== 'ok') rejected.push({ row: Number(seq), message: String(message) });
  }
  return { rejected, acknowledged, failure };
}

/**
 * Writes rows, and returns the answer when each row is on the disk or rejected. Fails if the server
 * rejects the whole request, or if the connection ends before the answer.
 * @param {string} target exact name of a stream or a table
 * @param {string[]} rows JSON objects without line breaks @param {AbortSignal} signal
 */
export async function insertRows(target, rows, signal) {
  const response = await fetch('/inserts-stream', {
    method: 'POST', signal, credentials: 'same-origin', cache: 'no-store',
    headers: { 'Content-Type': 'application/json',
      Accept: 'application/vnd.ksqlapi.delimited.v1' }, body: insertsBody(target, rows) });
  if (response.status === 401) sessionEnded();
  if (!response.ok) throw Object.assign(new Error(), await errorOf(response));
  return readAnswer(await response.text());
}
