// @ts-check
// Statements about consumer groups, and the columns of their lag.
import { el } from '../core/element.js';
import { count } from '../core/format.js';
import { quoteText } from '../core/sql.js';

const C = 'millrace_catalog';

/** @param {string} group */
export function groupOf(group) {
  return `SELECT * FROM ${C}.consumer_groups WHERE "group" = ${quoteText(group)} EMIT CHANGES`;
}

/** @param {string} group */
export function lagOfGroup(group) {
  return `SELECT * FROM ${C}.consumer_lag WHERE "group" = ${quoteText(group)} EMIT CHANGES`;
}

/** @param {string} topic */
export function lagOfTopic(topic) {
  return `SELECT * FROM ${C}.consumer_lag WHERE topic = ${quoteText(topic)} EMIT CHANGES`;
}

/** Returns whether a row of consumer_groups is a share group (KIP-932). */
export function isShareGroup(/** @type {Record<string, any>|undefined} */ row) {
  return /share/i.test(row?.type ?? '');
}

/** Explains the columns of the lag of a share group. */
export const SHARE_NOTE = 'A share group commits no offsets. “Committed” is the offset of the ' +
  'first record that is not processed, so the lag also counts later records that are processed ' +
  'already. Each partition may have several readers; the table names one of them.';

/** Returns the address of the page of a group. @param {string} group */
export function groupHref(group) { return `#groups?g=${encodeURIComponent(group)}`; }

/** The column with the names of groups, as links. */
export const GROUP = /** @type {import('./live_table.js').LiveColumn} */ ({
  title: 'Group', value: (row) => row.group,
  node: (row) => el('a', { href: groupHref(row.group) }, el('bdi', {}, row.group)) });

/** The columns of a row of consumer_lag after its group or topic. */
export const LAG = /** @type {import('./live_table.js').LiveColumn[]} */ ([
  ...['Partition', 'Committed', 'End', 'Lag'].map((title) => {
    const name = title.toLowerCase();
    return { title, isNumber: true, value: (/** @type {any} */ row) => row[name],
      text: (/** @type {any} */ row) => row[name] === null ? '–' : count(Number(row[name])) };
  }),
  { title: 'Member', value: (row) => row.member ?? '–' },
]);
