// @ts-check
// The statement that resets the offsets of a consumer group, and the changes that it shows.
import { count, plural } from '../core/format.js';
import { objects, quoteText, selectAll } from '../core/sql.js';

/** @typedef {'earliest'|'latest'|'time'|'offset'|'shift'|'group'} Place */
/** @typedef {{topic: string, partitions: string, to: Place, value: string}} Choice */
/**
 * A row of the statement. `now` is null without a committed offset.
 * @typedef {{topic: string, partition: number, now: number|null, then: number}} Change
 */

export const PLACES = /** @type {[Place, string][]} */ ([['earliest', 'the oldest record'],
  ['latest', 'the end'], ['time', 'a time'], ['offset', 'an offset'],
  ['shift', 'a number of records away'], ['group', 'the offsets of another group']]);

/**
 * Returns the numbers in a text such as `0, 2-4`; null for all partitions. Fails for other texts.
 * @param {string} text @returns {number[]|null}
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
  return [...chosen].sort((a, b) => a - b);
}

/** Returns the reason why a choice makes no statement, or ''. @param {Choice} choice */
export function problemOf(choice) {
  try {
    if (partitionsOf(choice.partitions) && !choice.topic)
      return 'Choose the topic of these partitions.';
  } catch (error) {
    return `${/** @type {Error} */ (error).message}.`;
  }
  const value = choice.value.trim();
  if (choice.to === 'offset' && !/^\d{1,15}$/.test(value)) return 'Write an offset: 0 or more.';
  if (choice.to === 'shift' && !/^[-+]?\d{1,15}$/.test(value))
    return 'Write a number of records: -100 reads 100 records again, 100 skips 100.';
  if (choice.to === 'time' && !value) return 'Write a time: 2026-01-31 09:00.';
  if (choice.to === 'group' && !value) return 'Write the name of a group.';
  return '';
}

/**
 * Returns the statement of a choice for which problemOf() is ''.
 * @param {string} group @param {Choice} choice @param {boolean} [isDryRun]
 */
export function statementOf(group, choice, isDryRun = false) {
  const partitions = partitionsOf(choice.partitions);
  const value = choice.value.trim();
  const targets = { earliest: 'TO EARLIEST', latest: 'TO LATEST',
    time: `TO TIMESTAMP ${quoteText(value)}`, offset: `TO OFFSET ${value}`,
    shift: `SHIFT BY ${value.replace('+', '')}`, group: `TO GROUP ${quoteText(value)}` };
  return [`ALTER CONSUMER GROUP ${quoteText(group)} RESET OFFSETS`,
    choice.topic && `  FOR TOPIC ${quoteText(choice.topic)}` +
      (partitions ? ` PARTITION (${partitions.join(', ')})` : ''),
    `  ${targets[choice.to]}${isDryRun ? ' DRY RUN' : ''}`].filter(Boolean).join('\n');
}

/** Returns what a change does to the reader of a partition. @param {Change} change */
export function effectOf({ now, then }) {
  if (now === null) return 'new';
  if (now === then) return 'no change';
  return then < now ? `${count(now - then)} again` : `${count(then - now)} skipped`;
}

/** Returns the changes that commit an offset. @param {Change[]} plan */
export function effective(plan) { return plan.filter(({ now, then }) => then !== now); }

/** Returns the sentence about a whole plan. @param {Change[]} plan */
export function summaryOf(plan) {
  let again = 0, skipped = 0;
  for (const { now, then } of plan) {
    if (now === null) continue;
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

/**
 * Runs the statement, and returns its changes. Fails with the error of the server.
 * @param {string} sql @param {AbortSignal} signal @returns {Promise<Change[]>}
 */
export async function changesOf(sql, signal) {
  const [result] = await selectAll(sql, signal, { max_rows: 100_000 });
  return objects(result).map(({ topic, partition, now, then }) => ({ topic,
    partition: Number(partition), now: now === null ? null : Number(now), then: Number(then) }));
}
