// @ts-check
// The statements, states and facts of connectors and links.
import { quoteName, quoteText } from '../core/sql.js';

export const CONNECTORS = 'SHOW CONNECTORS';
export const TASKS = 'SHOW CONNECTOR TASKS';
export const LINKS = 'SHOW LINKS';

/** @param {string} name */
export function describeConnector(name) { return `DESCRIBE CONNECTOR ${quoteName(name)}`; }
/** @param {string} name */
export function describeLink(name) { return `DESCRIBE LINK ${quoteName(name)}`; }
/** @param {string} name */
export function topicsOfLink(name) { return `SHOW TOPICS FROM LINK ${quoteName(name)}`; }

/** @param {string} name */
export function connectorHref(name) { return `#connectors?c=${encodeURIComponent(name)}`; }
/** @param {string} name */
export function linkHref(name) { return `#links?l=${encodeURIComponent(name)}`; }

/** The meanings of states, for people who do not know the words of SHOW. */
const NOTES = /** @type {Record<string, string>} */ ({
  RUNNING: 'copies data',
  PAUSED: 'copies nothing until it is resumed',
  STOPPED: 'has no tasks until it is resumed',
  FAILED: 'does not continue until it is restarted',
  RESTARTING: 'starts again',
  UNASSIGNED: 'is not run by any worker yet',
  CONNECTED: 'a broker answers',
  CONNECTING: 'no broker answers; the link tries again',
  REFUSED: 'a broker refuses the user or a property; the link tries again after 30 s',
});
const MARKS = /** @type {Record<string, string>} */ ({
  RUNNING: 'RUNNING', PAUSED: 'PAUSED', STOPPED: 'PAUSED', FAILED: 'ERROR', RESTARTING: 'WAITING',
  UNASSIGNED: 'WAITING', CONNECTED: 'RUNNING', CONNECTING: 'WAITING', REFUSED: 'ERROR',
});

/** @param {string} state */
export function noteOf(state) { return NOTES[state] ?? ''; }
/** Returns the kind of a state, which decides its colour and its sign. @param {string} state */
export function markOf(state) { return MARKS[state] ?? ''; }

/** Returns whether a connector has tasks that do not run. @param {string|null} tasks as `1/2` */
export function lacksTasks(tasks) {
  const [running, all] = String(tasks ?? '').split('/').map(Number);
  return running < all;
}

/**
 * Returns the rows of DESCRIBE as facts, errors and settings.
 * @param {Record<string, any>[]} rows with `property` and `value`
 */
export function factsOf(rows) {
  /** @type {Map<string, string>} */
  const facts = new Map();
  /** @type {[string, string][]} */
  const errors = [];
  /** @type {Map<string, string>} */
  const settings = new Map();
  for (const { property, value } of rows) {
    const setting = /^(?:config|property) (.*)$/s.exec(property);
    if (setting) settings.set(setting[1], value);
    else if (/^error\b/.test(property)) errors.push([property, value]);
    else if (!/^task \d+$/.test(property)) facts.set(property, value);
  }
  return { facts, errors, settings };
}

/** Returns whether the server hides the value. @param {string|null|undefined} value */
export function isHidden(value) { return value === '[hidden]' || value === '[string]'; }

/**
 * Returns the statement that changes one setting of a connector. A null value removes the setting.
 * @param {string} connector @param {string} name @param {string|null} value
 */
export function changeOf(connector, name, value) {
  const setting = `"${name.replaceAll('"', '""')}"`;
  return `ALTER CONNECTOR ${quoteName(connector)} ${value === null ? `RESET (${setting})`
    : `SET (${setting} = ${quoteText(value)})`}`;
}

/**
 * A setting with its definition; the definition is missing if the class does not list the setting.
 * @typedef {{name: string, value: string|null, isSecret: boolean, type: string,
 *            default: string|null, isRequired: boolean, note: string}} Setting
 */

/**
 * Returns the settings of a connector: those with a value first, and then the others of its class.
 * @param {Map<string, string>} settings @param {Record<string, any>[]} definitions of the class
 * @returns {Setting[]}
 */
export function settingsOf(settings, definitions) {
  const known = new Map(definitions.map((each) => [String(each.name), each]));
  const names = [...new Set([...settings.keys(), ...known.keys()])];
  return names.map((name) => {
    const definition = known.get(name);
    const value = settings.get(name) ?? null;
    const isSecret = definition?.type === 'PASSWORD' || isHidden(value);
    return { name, value, isSecret, type: definition?.type ?? 'STRING',
      default: definition?.default_value ?? null, isRequired: Boolean(definition?.required),
      note: definition?.documentation ?? '' };
  }).sort((a, b) => Number(b.value !== null) - Number(a.value !== null) ||
    (a.name < b.name ? -1 : 1));
}
