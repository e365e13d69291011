// @ts-check
// The last statements of this browser, by server and user.
import { load, save } from './store.js';
import { session } from './session.js';

/** @typedef {{text: string, at: number, ms: number, rows: number, error: string}} Entry */

export const MOST_ENTRIES = 500;
const LONGEST = 20_000; // characters; a longer script would leave no room for other entries
/** Statements with secrets are never kept. */
const SECRET = /\b(PASSWORD|SECRET|CREDENTIALS?|TOKEN|PRIVATE_KEY|SASL\.JAAS|API_?KEY)\b/i;

/** @param {string} text */
export function hasSecret(text) { return SECRET.test(text); }

function key() {
  const { info, user } = session;
  return `history.${info.server?.id ?? 'server'}.${user ?? ''}`;
}

/** Returns the entries, the newest first. @returns {Entry[]} */
export function entries() { return load(key(), []); }

/** @param {Entry} entry */
export function remember(entry) {
  if (hasSecret(entry.text) || entry.text.length > LONGEST) return;
  const others = entries().filter((each) => each.text !== entry.text);
  let kept = [entry, ...others].slice(0, MOST_ENTRIES);
  // A browser gives a page about 5 MB of storage. When it is full, the oldest half of the entries
  // is removed.
  while (!save(key(), kept) && kept.length > 1) kept = kept.slice(0, kept.length / 2);
}

export function forget() { save(key(), []); }
