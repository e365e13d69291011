// @ts-check
// The lag of a consumer group over the last hour: its sum as a line, and its partitions as a map.
import { el, fill, svg } from '../core/element.js';
import { count, parseTime, timeOfDay } from '../core/format.js';
import { quoteText, select } from '../core/sql.js';
import { isUtc } from '../core/store.js';
import { labelOf, short } from './figures.js';

/** @typedef {{x: number, y: number}} Point */

const MINUTE_MS = 60_000, HOUR_MS = 60 * MINUTE_MS;
const MINUTES = 60; // columns of the map
const MOST_PARTS = 24; // rows of the map: those with the largest lag
const RECENT_MS = 10 * MINUTE_MS;

/** Returns the condition that chooses the series of a group. @param {string} group */
function ofGroup(group) {
  const begin = `${labelOf('consumergroup', group)},`;
  return `name = 'kafka_consumergroup_lag' AND left(label, ${[...begin].length}) = ${
    quoteText(begin)} AND time > now() - INTERVAL '1 hour'`;
}

/** The statement with the past of the sum. @param {string} group */
export function pastOf(group) {
  return `SELECT time, sum(value) AS lag FROM millrace_catalog.samples WHERE ${ofGroup(group)} ` +
    'GROUP BY time ORDER BY time';
}

/** The statement with the largest lag of each partition and minute. @param {string} group */
export function mapOf(group) {
  return "SELECT label, date_trunc('minute', time) AS minute, max(value) AS lag " +
    `FROM millrace_catalog.samples WHERE ${ofGroup(group)} ` +
    "GROUP BY label, date_trunc('minute', time)";
}

/**
 * Returns the value of a name in a label such as `topic="t",partition="0"`.
 * @param {string} label @param {string} name
 */
export function valueIn(label, name) {
  const found = new RegExp(`(?:^|,)${name}="((?:[^"\\\\]|\\\\.)*)"`).exec(label);
  return found ? found[1].replaceAll('\\n', '\n').replace(/\\(["\\])/g, '$1') : '';
}

/** Points of the past, and those that arrive while the page is open. */
export class LagHistory {
  constructor() {
    /** @type {Point[]} */
    this.points = [];
  }

  /** @param {Record<string, any>[]} rows of `pastOf` */
  past(rows) {
    const first = this.points[0]?.x ?? Infinity;
    const old = rows.map((row) => ({ x: parseTime(row.time), y: Number(row.lag) }));
    this.points = [...old.filter(({ x }) => x < first), ...this.points];
  }

  /**
   * Records the current lag: one point for each five seconds, as in the history of the server.
   * @param {number} lag @param {number} now
   */
  note(lag, now) {
    const last = this.points.at(-1);
    if (!last || now - last.x >= 5000) this.points.push({ x: now, y: lag });
    while (this.points.length && now - this.points[0].x > HOUR_MS) this.points.shift();
  }

  /** Returns the growth in records per second over the last ten minutes; null while unknown. */
  get slope() {
    const last = this.points.at(-1);
    const first = last && this.points.find(({ x }) => last.x - x <= RECENT_MS);
    if (!last || !first || last.x - first.x < 30_000) return null;
    return ((last.y - first.y) * 1000) / (last.x - first.x);
  }
}

/** Returns the trend in words. @param {number|null} slope records per second */
export function trendText(slope) {
  if (slope === null) return 'not known yet';
  if (Math.abs(slope) < 0.05) return 'steady';
  return slope > 0 ? `grows by ${short(Math.round(slope * 10) / 10)} records/s`
    : `shrinks by ${short(Math.round(-slope * 10) / 10)} records/s`;
}

/**
 * Returns the rows of the map, largest lag first: for each partition a value by minute, null where
 * the history has none.
 * @param {Record<string, any>[]} rows of `mapOf` @param {number} now
 */
export function mapRows(rows, now) {
  const last = Math.floor(now / MINUTE_MS);
  /** @type {Map<string, {topic: string, partition: number, values: (number|null)[]}>} */
  const parts = new Map();
  for (const { label, minute, lag } of rows) {
    const part = parts.get(label) ?? { topic: valueIn(label, 'topic'),
      partition: Number(valueIn(label, 'partition')), values: Array(MINUTES).fill(null) };
    const at = MINUTES - 1 - (last - Math.floor(parseTime(minute) / MINUTE_MS));
    if (at >= 0 && at < MINUTES) part.values[at] = Number(lag);
    parts.set(label, part);
  }
  const latest = (/** @type {(number|null)[]} */ values) =>
    values.reduce((known, value) => value ?? known, 0) ?? 0;
  return [...parts.values()].sort((a, b) => latest(b.values) - latest(a.values) ||
    (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition));
}

/** Returns a level from 0 to 4 for a value, on a logarithmic scale up to `most`. */
export function levelOf(/** @type {number} */ value, /** @type {number} */ most) {
  if (value <= 0 || most <= 0) return 0;
  return Math.max(1, Math.ceil((4 * Math.log1p(value)) / Math.log1p(most)));
}

/**
 * Draws the map of partitions and minutes.
 * @param {HTMLElement} place @param {string} group @param {AbortSignal} signal
 */
export async function showMap(place, group, signal) {
  try {
    const rows = mapRows(await select(mapOf(group), signal), Date.now());
    if (signal.aborted) return;
    fill(place, rows.length ? [el('div.lag-map', { role: 'img', 'aria-label':
      'Lag by partition and minute; the table below has the current values' },
    rows.slice(0, MOST_PARTS).map(mapRow(rows))), el('p.soft', {}, rows.length > MOST_PARTS
      ? `The ${MOST_PARTS} of ${count(rows.length)} partitions with the largest lag. `
      : '', 'A column for each minute; darker is more, on a scale of powers.')]
      : el('p.soft', {}, 'The history has no value yet: it gets one every 5 seconds.'));
  } catch (error) {
    if (!signal.aborted)
      fill(place, el('p.error-text', {}, `${/** @type {Error} */ (error).message}.`));
  }
}

/** @param {ReturnType<typeof mapRows>} rows */
function mapRow(rows) {
  const most = rows.reduce((high, { values }) => values.reduce((/** @type {number} */ a, b) =>
    Math.max(a, b ?? 0), high), 0);
  const begin = Math.floor(Date.now() / MINUTE_MS) - MINUTES + 1;
  return (/** @type {(typeof rows)[0]} */ { topic, partition, values }) => el('div.lag-row', {},
    el('span.lag-name', { title: `${topic} ${partition}` }, el('bdi', {}, topic), ` ${partition}`),
    svg('svg', { class: 'lag-cells', viewBox: `0 0 ${MINUTES} 1`, preserveAspectRatio: 'none' },
      ...values.map((value, at) => value === null ? svg('g') : svg('rect', { x: at, y: 0,
        width: 0.9, height: 1, 'data-level': levelOf(value, most) },
      svg('title', {}, `${timeOfDay((begin + at) * MINUTE_MS, isUtc()).slice(0, 5)}: ${
        count(value)} records`)))));
}
