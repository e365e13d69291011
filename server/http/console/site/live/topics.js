// @ts-check
// Statements about topics, and the figures of a list of topics.
import { quoteText } from '../core/sql.js';

const C = 'millrace_catalog';
const RATE_MS = 15_000; // a rate is that of the last seconds
export const TOPICS = `SELECT * FROM ${C}.topics EMIT CHANGES`;
export const PARTITIONS = `SELECT * FROM ${C}.partitions EMIT CHANGES`;

/** @param {string} topic */
export function topicOf(topic) {
  return `SELECT * FROM ${C}.topics WHERE topic = ${quoteText(topic)} EMIT CHANGES`;
}

/** @param {string} topic */
export function partitionsOf(topic) {
  return `SELECT * FROM ${C}.partitions WHERE topic = ${quoteText(topic)} EMIT CHANGES`;
}

/** Returns the address of the page of a topic. @param {string} topic @param {string} [tab] */
export function topicHref(topic, tab = '') {
  return `#topics?t=${encodeURIComponent(topic)}${tab ? `&tab=${tab}` : ''}`;
}

/**
 * Returns the settings in a text such as `cleanup.policy=compact, retention.ms=100`. A value may
 * have commas itself, so a new setting begins only at a name with an equals sign.
 * @param {any} text @returns {[string, string][]}
 */
export function settingsOf(text) {
  /** @type {[string, string][]} */
  const settings = [];
  for (const part of String(text ?? '').split(/,\s*(?=[a-z][a-z.]*=)/)) {
    const at = part.indexOf('=');
    if (at > 0) settings.push([part.slice(0, at), part.slice(at + 1)]);
  }
  return settings;
}

/** Rates of growing numbers by name, from their values at the times at which they were seen. */
export class Rates {
  constructor() {
    /** @type {Map<string, {at: number, value: number}[]>} */
    this.seen_ = new Map();
  }

  /**
   * Notes a value, and returns its growth per second; null while one value is known.
   * @param {string} name @param {number} value @param {number} now ms
   */
  note(name, value, now) {
    const seen = this.seen_.get(name) ?? [];
    const last = seen.at(-1);
    if (last && value < last.value) seen.length = 0; // the topic was created again
    if (!last || now - last.at >= 1000) seen.push({ at: now, value });
    while (seen.length > 2 && now - seen[1].at >= RATE_MS) seen.shift();
    this.seen_.set(name, seen);
    const first = seen[0];
    return now - first.at < 1000 ? null : Math.max(0, ((value - first.value) * 1000) /
      (now - first.at));
  }
}

/**
 * Returns a row for each topic: its own columns and the sums over its partitions. Topics that the
 * catalog hides are `isInternal`.
 * @param {Record<string, any>[]} topics @param {Record<string, any>[]} partitions
 * @param {Rates} rates @param {number} now
 */
export function topicRows(topics, partitions, rates, now) {
  /** @type {Map<string, any>} */
  const byName = new Map(topics.map((row) => [row.topic, { ...row, count: 0, records: 0, bytes: 0,
    end: 0, isInternal: false }]));
  for (const { topic, first_offset: first, end_offset: end, bytes } of partitions) {
    let row = byName.get(topic);
    if (!row) {
      row = { topic, count: 0, records: 0, bytes: 0, end: 0, isInternal: true };
      byName.set(topic, row);
    }
    row.count += 1;
    if (end === null) {
      row.isPartial = true; // this node has no replica
      continue;
    }
    row.records += Number(end) - Number(first);
    row.end += Number(end);
    row.bytes += Number(bytes ?? 0);
  }
  for (const row of byName.values()) {
    row.partitions ??= row.count;
    row.rate = rates.note(row.topic, row.end, now);
    row.cleanup = settingsOf(row.configuration).find(([name]) => name === 'cleanup.policy')?.[1];
  }
  return [...byName.values()];
}
