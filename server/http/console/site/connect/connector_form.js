// @ts-check
// The fields of the form that creates a connector, and its statements.
import { quoteName, quoteText } from '../core/sql.js';

/**
 * A class that can be chosen. `id` distinguishes the two classes of one name, such as `file`.
 * @typedef {{id: string, name: string, type: string}} Plugin
 * @typedef {{name: string, type: string, isRequired: boolean, isSecret: boolean,
 *            default: string|null, note: string}} Field
 * @typedef {{property: string, value: string|null, error: string|null}} Checked
 */

export const PLUGINS = 'SHOW CONNECTOR PLUGINS';
const FIXED = ['name', 'connector.class']; // have fields of their own
const HIDDEN = '…';

/** Returns the classes of sources and sinks. @param {Record<string, any>[]} rows of PLUGINS */
export function pluginsOf(rows) {
  return rows.filter(({ type }) => /^(source|sink)$/i.test(type)).map((row) => {
    const type = String(row.type).toLowerCase();
    return { id: `${type} ${row.class}`, name: String(row.class), type };
  }).sort((a, b) => a.id < b.id ? -1 : 1);
}

/**
 * Returns the fields of a class: those that it requires first, then the others in its order.
 * @param {Record<string, any>[]} definitions @returns {Field[]}
 */
export function fieldsOf(definitions) {
  const fields = definitions.filter(({ name }) => !FIXED.includes(name)).map((each) => ({
    name: String(each.name), type: String(each.type), isRequired: Boolean(each.required),
    isSecret: each.type === 'PASSWORD', default: each.default_value ?? null,
    note: String(each.documentation ?? '') }));
  return [...fields.filter((each) => each.isRequired), ...fields.filter((each) =>
    !each.isRequired)];
}

/** Returns whether a value is a reference to a secret, not the secret. @param {string} value */
function isReference(value) { return /^\$\{[^}]*\}$/.test(value.trim()); }

/**
 * Returns the statement that creates the connector.
 * @param {Plugin} plugin @param {string} name @param {Map<string, string>} values
 * @param {Set<string>} [secrets] settings whose values are left out, in a text for the page
 */
export function createOf(plugin, name, values, secrets = new Set()) {
  const settings = [['connector.class', plugin.name], ...values].map(([key, value]) => {
    const shown = secrets.has(key) && !isReference(value) ? HIDDEN : value;
    return `  "${key.replaceAll('"', '""')}" = ${quoteText(shown)}`;
  });
  return `CREATE ${plugin.type.toUpperCase()} CONNECTOR ${quoteName(name)} WITH (\n` +
    `${settings.join(',\n')}\n);`;
}

/**
 * Returns the errors by name of setting.
 * @param {Record<string, any>[]} rows of EXPLAIN CREATE CONNECTOR
 */
export function errorsOf(rows) {
  return new Map(/** @type {Checked[]} */ (rows).filter(({ error }) => error)
    .map(({ property, error }) => [property, String(error)]));
}
