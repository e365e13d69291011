// @ts-check
// The objects of the server for the palette: relations, topics, groups, queries and subjects.
import { encodeLink } from './link.js';
import { go } from './router.js';
import { objects, quoteName, selectAll } from './sql.js';

/** @typedef {import('./keys.js').Action} Action */

const KEPT_MS = 10_000; // objects that were just created should be found
const MOST = 20_000; // of each kind

const C = 'millrace_catalog';
/** Kinds of objects: their statement, the column of the name, the icon and the address. */
const KINDS = /** @type {[string, string, string, string, (name: string) => string][]} */ ([
  ['topic', `SELECT topic FROM ${C}.topics`, 'topic', 'topic',
    (name) => `topics?t=${encodeURIComponent(name)}`],
  ['consumer group', `SELECT "group" FROM ${C}.consumer_groups`, 'group', 'group',
    (name) => `groups?g=${encodeURIComponent(name)}`],
  ['query', `SELECT query FROM ${C}.queries`, 'query', 'query',
    (name) => `queries?q=${encodeURIComponent(name)}`],
  ['subject', 'SHOW SCHEMAS', 'subject', 'schema',
    (name) => `schemas?s=${encodeURIComponent(name)}`],
]);
const RELATIONS = 'SELECT table_name FROM information_schema.tables ' +
  "WHERE table_schema = 'public'";

/** Opens a statement that shows a relation, in the editor. @param {string} name */
async function openRelation(name) {
  go(`sql?s=${await encodeLink(`SELECT * FROM ${quoteName(name)} LIMIT 100;\n`)}`);
}

/**
 * Returns the actions that open the objects in these results, one result for each kind.
 * @param {{columns: import('./sql.js').Column[], rows: any[][]}[]} results
 * @returns {Action[]}
 */
export function actionsOf(results) {
  const rows = results.map(objects);
  const named = KINDS.flatMap(([kind, , column, icon, address], at) =>
    [...new Set((rows[at] ?? []).map((row) => String(row[column])))].map((name) =>
      ({ title: name, detail: kind, icon, run: () => go(address(name)) })));
  const relations = (rows[KINDS.length] ?? []).map(({ table_name: name }) => ({
    title: String(name), detail: 'relation', icon: 'table', run: () => void openRelation(name) }));
  return [...named, ...relations];
}

/** @type {{at: number, actions: Promise<Action[]>}|null} */
let kept = null;

/** Returns the actions for all objects that the user may see. Fails as the statements do. */
export function objectActions(now = Date.now()) {
  if (kept && now - kept.at < KEPT_MS) return kept.actions;
  const sql = [...KINDS.map(([, statement]) => statement), RELATIONS].join(';\n');
  const actions = selectAll(sql, new AbortController().signal, { max_rows: MOST }).then(actionsOf);
  kept = { at: now, actions };
  actions.catch(() => { kept = null; });
  return actions;
}
