// @ts-check
// The statements of the pages over the catalog, and helpers for their rows.
import { parseTime } from '../core/format.js';
import { axisNumber } from '../views/scale.js';
import { quoteText } from '../core/sql.js';

const C = 'millrace_catalog';
export const HOUR_MS = 3_600_000;
export const FINDINGS = `SELECT * FROM ${C}.findings EMIT CHANGES`;
export const SERVER = `SELECT section, name, value FROM ${C}.server EMIT CHANGES`;
export const CLUSTER = `SELECT * FROM ${C}.cluster EMIT CHANGES`;
export const GROUPS = `SELECT * FROM ${C}.consumer_groups EMIT CHANGES`;
export const QUERIES = 'SELECT query, state, reads, writes, lag, rows_per_second, errors, late, ' +
  `state_bytes, memory, last_error FROM ${C}.queries EMIT CHANGES`;

/** Returns the statement that follows one query with all columns. @param {string} query */
export function queryOf(query) {
  return `SELECT * FROM ${C}.queries WHERE query = ${quoteText(query)} EMIT CHANGES`;
}

/** @param {string} query */
export function tasksOf(query) {
  return `SELECT * FROM ${C}.tasks WHERE query = ${quoteText(query)} EMIT CHANGES`;
}

/** @param {string} name @param {string} [label] */
export function samplesOf(name, label = '') {
  return `SELECT time, name, label, node, value FROM ${C}.samples ` +
    `WHERE name = ${quoteText(name)} AND label = ${quoteText(label)} EMIT CHANGES`;
}

/**
 * Returns the label of a series, as /metrics writes it.
 * @param {string} name @param {string} value
 */
export function labelOf(name, value) {
  const escaped = value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n');
  return `${name}="${escaped}"`;
}

/**
 * Returns the points of the last hour, sorted by time; the rows may cover a whole day.
 * @param {Record<string, any>[]} rows of samples @returns {{x: number, y: number}[]}
 */
export function pointsOf(rows) {
  const points = rows.map(({ time, value }) => ({ x: parseTime(time), y: Number(value) }))
    .sort((a, b) => a.x - b.x);
  const last = points.at(-1)?.x ?? 0;
  return points.filter(({ x }) => last - x <= HOUR_MS);
}

/** Returns a number in few characters, or a dash for null and empty values. @param {any} value */
export function short(value) {
  return value === null || value === undefined || value === '' ? '–' : axisNumber(Number(value));
}

/**
 * Estimates the time in ms until the lag is 0 from its slope over the last five minutes; null if
 * the lag does not shrink.
 * @param {{x: number, y: number}[]} points
 */
export function timeToCatchUp(points) {
  const last = points.at(-1);
  const recent = last ? points.filter(({ x }) => last.x - x <= 5 * 60_000) : [];
  if (!last || recent.length < 2 || last.y <= 0) return null;
  const gained = (recent[0].y - last.y) / (last.x - recent[0].x);
  return gained > 0 ? last.y / gained : null;
}
