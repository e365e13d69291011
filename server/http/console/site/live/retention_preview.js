// @ts-check
// Shows how many records of a topic a shorter retention would remove.
import { button, el, fill } from '../core/element.js';
import { count, plural, size } from '../core/format.js';
import { objects, quoteText, select, selectAll, sentencesOf } from '../core/sql.js';

const MOST_PARTITIONS = 500; // each needs a look-up in the log

/** @typedef {{partition: number, first_offset: any, end_offset: any, bytes: any}} Partition */
/** @typedef {{records: number|null, bytes: number, all: number, unknown: number}} Preview */

/**
 * Returns what a limit would remove. Under `retention.ms` the bytes are estimated as if all records
 * of a partition had the same size. `unknown` counts partitions without a replica on this node.
 * @param {'retention.ms'|'retention.bytes'} name @param {number} limit
 * @param {Partition[]} partitions
 * @param {Map<number, number>} kept by partition: the offset of the first record that is young
 *   enough; a partition without such a record is missing
 * @returns {Preview}
 */
export function previewOf(name, limit, partitions, kept) {
  const preview = { records: /** @type {number|null} */ (0), bytes: 0, all: 0, unknown: 0 };
  for (const { partition, first_offset: first, end_offset: end, bytes } of partitions) {
    if (end === null || first === null) {
      ++preview.unknown;
      continue;
    }
    const records = Number(end) - Number(first);
    preview.all += records;
    if (name === 'retention.bytes') {
      preview.records = null; // the records at the beginning may be larger or smaller than others
      preview.bytes += Math.max(0, Number(bytes ?? 0) - limit);
      continue;
    }
    const old = Math.max(0, (kept.get(partition) ?? Number(end)) - Number(first));
    preview.records = (preview.records ?? 0) + old;
    preview.bytes += records ? Number(bytes ?? 0) * old / records : 0;
  }
  return preview;
}

/** Returns the sentence about a preview. @param {Preview} preview */
export function sentenceOf({ records, bytes, all, unknown }) {
  const rest = unknown ? ` ${plural(unknown, 'partition')} without a replica on this node ${
    unknown === 1 ? 'is' : 'are'} not counted.` : '';
  const about = size(Math.round(bytes));
  if (records === null)
    return `${bytes ? `About ${about} would be removed.` : 'Nothing would be removed.'}${rest}`;
  if (!records) return `None of ${plural(all, 'record')} would be removed.${rest}`;
  return `Up to ${count(records)} of ${plural(all, 'record')}, about ${about}, would be ` +
    `removed.${rest}`;
}

/** @param {string} topic @param {number} partition @param {number} time ms since 1970 */
function firstFrom(topic, partition, time) {
  return `SELECT partition, "offset" FROM RECORDS(${quoteText(topic)}, partition => ${
    partition}, from_time => '${time}', direction => 'oldest', max_bytes => 1)`;
}

/**
 * Reads the facts, and returns the preview. Fails with the error of the server.
 * @param {string} topic @param {'retention.ms'|'retention.bytes'} name @param {number} limit
 * @param {AbortSignal} signal
 */
export async function readPreview(topic, name, limit, signal) {
  const partitions = /** @type {Partition[]} */ (await select('SELECT partition, first_offset, ' +
    `end_offset, bytes FROM millrace_catalog.partitions WHERE topic = ${quoteText(topic)}`,
  signal));
  /** @type {Map<number, number>} */
  const kept = new Map();
  const known = partitions.filter(({ end_offset: end }) => end !== null);
  if (name === 'retention.ms' && known.length) {
    if (known.length > MOST_PARTITIONS)
      throw new Error(`A preview reads at most ${MOST_PARTITIONS} partitions`);
    const time = Math.max(0, Date.now() - limit);
    const found = await selectAll(known.map(({ partition }) => firstFrom(topic, partition, time))
      .join(';\n'), signal);
    for (const [row] of found.map(objects)) if (row) kept.set(row.partition, Number(row.offset));
  }
  return previewOf(name, limit, partitions, kept);
}

/**
 * Returns a button that shows the preview below it. It runs when the user presses it, since it
 * needs a look-up for each partition.
 * @param {string} topic @param {string} name @param {() => string} value
 * @param {AbortSignal} signal
 */
export function previewButton(topic, name, value, signal) {
  const result = el('p', { role: 'status' });
  const run = async () => {
    const limit = Number(value());
    result.textContent = 'The records are counted.';
    try {
      result.textContent = limit < 0 ? 'Nothing would be removed.'
        : sentenceOf(await readPreview(topic, /** @type {any} */ (name), limit, signal));
    } catch (error) {
      if (!signal.aborted) result.textContent = sentencesOf(error);
    }
  };
  const node = el('div.dialog-acts', {}, button('', 'Preview', () => void run()), result);
  return { node, forget: () => fill(result) };
}
