// @ts-check
// The new offsets of a consumer group, computed from documented tables before anything changes.
import { count, plural } from '../core/format.js';
import { objects, quoteText, selectAll } from '../core/sql.js';

/** @typedef {'earliest'|'latest'|'time'|'offset'|'shift'} Place */
/** @typedef {{topic: string, partitions: string, to: Place, value: string}} Choice */
/**
 * `now` is null without a committed offset. `then` is null if it is not known: `problem` has the
 * reason.
 * @typedef {{topic: string, partition: number, now: number|null, first: number|null,
 *            end: number|null, then: number|null, problem: string}} Change
 */

export const PLACES = /** @type {[Place, string][]} */ ([['earliest', 'the oldest record'],
  ['latest', 'the end'], ['time', 'a time'], ['offset', 'an offset'],
  ['shift', 'a number of records away']]);

/** @param {any} value */
function number(value) { return value === null || value === undefined ? null : Number(value); }

/**
 * Returns the numbers in a text such as `0, 2-4`; null for all partitions. Fails for other texts.
 * @param {string} text @returns {Set<number>|null}
 */
export function partitionsOf(text) {
  if (!text.trim()) return null;
  const chosen = new Set();
  for (const part of text.split(',')) {
    const range = /^\s*(\d+)\s*(?:-\s*(\d+)\s*)?$/.exec(part);
    if (!range) throw new Error(`"${part.trim()}" is no partition: write 0, 2-4`);
    for (let at = Number(range[1]); at <= Number(range[2] ?? range[1]); ++at) {
      if (chosen.size >= 10_000) throw new Error('These are more than 10,000 partitions');
      chosen.add(at);
    }
  }
  return chosen;
}

/** Returns the reason why a choice cannot be computed, or ''. @param {Choice} choice */
export function problemOf(choice) {
  try {
    partitionsOf(choice.partitions);
  } catch (error) {
    return `${/** @type {Error} */ (error).message}.`;
  }
  const value = choice.value.trim();
  if (choice.to === 'offset' && !/^\d{1,15}$/.test(value)) return 'Write an offset: 0 or more.';
  if (choice.to === 'shift' && !/^[-+]?\d{1,15}$/.test(value))
    return 'Write a number of records: -100 reads 100 records again, 100 skips 100.';
  if (choice.to === 'time' && !value) return 'Write a time: 2026-01-31 09:00.';
  return '';
}

/**
 * Returns the changes, in the order of topics and partitions. Offsets outside of a partition become
 * its begin or its end.
 * @param {Choice} choice
 * @param {Record<string, any>[]} lag rows of consumer_lag of the group
 * @param {Record<string, any>[]} partitions rows of millrace_catalog.partitions
 * @param {Map<string, number>} atTime offsets by `topic partition`; absent: no later record
 * @returns {Change[]}
 */
export function planOf(choice, lag, partitions, atTime = new Map()) {
  const wanted = partitionsOf(choice.partitions);
  const committed = new Map(lag.map((row) => [`${row.topic} ${row.partition}`, row]));
  const topics = new Set(lag.map((row) => row.topic));
  return partitions.filter((row) => topics.has(row.topic) &&
    (!choice.topic || row.topic === choice.topic) && (!wanted || wanted.has(row.partition)))
    .sort((a, b) => a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition)
    .map((row) => {
      const key = `${row.topic} ${row.partition}`;
      const change = { topic: row.topic, partition: row.partition, first: number(row.first_offset),
        now: number(committed.get(key)?.committed), end: number(row.end_offset), then: null,
        problem: '' };
      return { ...change, ...thenOf(choice, change, atTime.get(key)) };
    });
}

/**
 * @param {Choice} choice @param {Change} change @param {number|undefined} atTime
 * @returns {{then: number|null, problem: string}}
 */
function thenOf(choice, { now, first, end }, atTime) {
  if (first === null || end === null)
    return { then: null, problem: 'this node has no replica of the partition' };
  if (choice.to === 'shift' && now === null)
    return { then: null, problem: 'no offset is committed' };
  const value = Number(choice.value);
  const places = { earliest: first, latest: end, time: atTime ?? end, offset: value,
    shift: (now ?? 0) + value };
  return { then: Math.min(Math.max(places[choice.to], first), end), problem: '' };
}

/** Returns what a change does to the reader of a partition. @param {Change} change */
export function effectOf({ now, then, end, problem }) {
  if (then === null) return problem;
  if (now === null) return `${count((end ?? then) - then)} to read`;
  if (now === then) return 'no change';
  return then < now ? `${count(now - then)} again` : `${count(then - now)} skipped`;
}

/** Returns the changes that commit an offset. @param {Change[]} plan */
export function effective(plan) {
  return plan.filter(({ now, then }) => then !== null && then !== now);
}

/** Returns the sentence about a whole plan. @param {Change[]} plan */
export function summaryOf(plan) {
  let again = 0, skipped = 0;
  for (const { now, then } of plan) {
    if (now === null || then === null) continue;
    again += Math.max(0, now - then);
    skipped += Math.max(0, then - now);
  }
  const changed = effective(plan).length;
  if (!changed) return 'No offset would change.';
  const effects = [again && `up to ${plural(again, 'record')} read again`,
    skipped && `up to ${plural(skipped, 'record')} skipped`].filter(Boolean);
  return `${count(changed)} of ${plural(plan.length, 'partition')} would change${effects.length
    ? `: ${effects.join(', ')}` : ''}.`;
}

/** @param {Change[]} plan */
export function bodyOf(plan) {
  return { offsets: effective(plan).map(({ topic, partition, then }) =>
    ({ topic_name: topic, partition_id: partition, offset: then })) };
}

/** Returns the statements with the facts of a plan. @param {string} group */
export function factsOf(group) {
  return `SELECT topic, partition, committed FROM millrace_catalog.consumer_lag WHERE "group" = ${
    quoteText(group)};\nSELECT topic, partition, first_offset, end_offset ` +
    'FROM millrace_catalog.partitions';
}

/**
 * Returns the statement that finds the first record of a partition from a time on.
 * @param {Record<string, any>} place topic and partition @param {string} time
 */
export function firstFrom({ topic, partition }, time) {
  return `SELECT partition, "offset" FROM RECORDS(${quoteText(topic)}, ` +
    `partition => ${partition}, from_time => ${quoteText(time)}, direction => 'oldest', ` +
    'max_bytes => 1)';
}

/**
 * Reads the facts, and returns the changes. Fails with the message of the server.
 * @param {string} group @param {Choice} choice @param {AbortSignal} signal
 */
export async function preview(group, choice, signal) {
  const [lag, partitions] = (await selectAll(factsOf(group), signal, { max_rows: 100_000 }))
    .map(objects);
  const places = planOf({ ...choice, to: 'latest' }, lag, partitions)
    .filter(({ end }) => end !== null);
  /** @type {Map<string, number>} */
  const atTime = new Map();
  if (choice.to === 'time' && places.length) {
    const found = await selectAll(places.map((place) => firstFrom(place, choice.value.trim()))
      .join(';\n'), signal);
    for (const [at, result] of found.entries()) {
      const [row] = objects(result);
      if (row) atTime.set(`${places[at].topic} ${places[at].partition}`, Number(row.offset));
    }
  }
  return planOf(choice, lag, partitions, atTime);
}
