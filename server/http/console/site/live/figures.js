// @ts-check
// The statements of the pages over the catalog, and helpers for their rows.
import { parseTime, plural } from '../core/format.js';
import { axisNumber } from '../views/scale.js';
import { quoteText } from '../core/sql.js';

const C = 'millrace_catalog';
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
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
 * Returns the points of the last hour, or of another time, sorted by time; the rows may cover a
 * whole day.
 * @param {Record<string, any>[]} rows of samples @param {number} [span] ms
 * @returns {{x: number, y: number}[]}
 */
export function pointsOf(rows, span = HOUR_MS) {
  const points = rows.map(({ time, value }) => ({ x: parseTime(time), y: Number(value) }))
    .sort((a, b) => a.x - b.x);
  const last = points.at(-1)?.x ?? 0;
  return points.filter(({ x }) => last - x <= span);
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
  return timeToZero(last ? points.filter(({ x }) => last.x - x <= 5 * 60_000) : []);
}

/**
 * Estimates the time in ms from the last point until the value is 0, from the first and the last
 * point; null if the value does not shrink.
 * @param {{x: number, y: number}[]} points
 */
function timeToZero(points) {
  const first = points[0], last = points.at(-1);
  if (!last || points.length < 2 || last.y <= 0) return null;
  const lost = (first.y - last.y) / (last.x - first.x);
  return lost > 0 ? last.y / lost : null;
}

/**
 * Returns a text about the time until the disk is full, at the rate of the known history; '' if the
 * history is shorter than 10 minutes, or if the time is longer than 90 days.
 * @param {{x: number, y: number}[]} free free bytes above the reserve
 */
export function fullIn(free) {
  const left = timeToZero(free);
  if (left === null || free[free.length - 1].x - free[0].x < 600_000 || left > 90 * DAY_MS)
    return '';
  const text = left < 2 * HOUR_MS ? plural(Math.ceil(left / 60_000), 'minute')
    : left < 2 * DAY_MS ? plural(Math.round(left / HOUR_MS), 'hour')
      : plural(Math.round(left / DAY_MS), 'day');
  return `full in about ${text} at this rate`;
}
