// @ts-check
// The dialog that replaces a query: the new statement, the difference of the plans, the readers.
import { openDialog } from '../core/dialog.js';
import { button, el, fill, toast } from '../core/element.js';
import { isolated, plural } from '../core/format.js';
import { quoteName, select, selectAll, sentencesOf } from '../core/sql.js';
import { diffLines, diffNode } from '../views/diff.js';
import { LINEAGE } from './neighbours.js';
import { sqlButton } from './panel.js';

const MOST_READERS = 10; // names that the dialog lists

/**
 * Returns the text with which the editor for a replacement begins: the statement of the query with
 * OR REPLACE; '' if the query was not created by CREATE STREAM or CREATE TABLE ... AS.
 * @param {string} statement
 */
export function replacementOf(statement) {
  const found = /^\s*CREATE\s+(OR\s+REPLACE\s+)?(STREAM|TABLE)\s/i.exec(statement ?? '');
  if (!found || !/\bAS\b/i.test(statement)) return '';
  return found[1] ? statement.trim()
    : statement.trim().replace(/^CREATE/i, 'CREATE OR REPLACE');
}

/** Returns the statement without a semicolon at its end. @param {string} text */
function bare(text) { return text.trim().replace(/;\s*$/, ''); }

/**
 * Returns a plan without the lines that describe the query itself (its state, statement and
 * result), so that the plans of two queries can be compared.
 * @param {string[]} lines
 */
export function planText(lines) {
  return lines.filter((line) => !/^(Query |Statement: |Result: )/.test(line)).join('\n');
}

/**
 * Returns the objects that read what a query writes, directly.
 * @param {Record<string, any>[]} links rows of lineage @param {string} query
 */
export function readersOf(links, query) {
  const sinks = new Set(links.filter((link) => link.from_kind === 'query' &&
    link.from_name === query).map((link) => `${link.to_kind} ${link.to_name}`));
  return links.filter((link) => sinks.has(`${link.from_kind} ${link.from_name}`) &&
    link.to_kind !== 'topic').map((link) => `${link.to_kind} ${link.to_name}`);
}

/**
 * Returns a sentence with the objects that read what a query writes, for a dialog.
 * @param {string} query @param {AbortSignal} signal
 */
export async function readersSentence(query, signal) {
  try {
    const names = readersOf(await select(LINEAGE, signal), query);
    const more = names.length - MOST_READERS;
    if (!names.length) return 'No other query reads what it writes.';
    const shown = names.slice(0, MOST_READERS).map(isolated).join(', ');
    return `These read what it writes: ${shown}${more > 0 ? ` and ${more} others` : ''}.`;
  } catch (error) {
    return `The readers are not known: ${sentencesOf(error)}`;
  }
}

/** @param {string} sql @param {AbortSignal} signal @returns {Promise<string[]>} */
async function linesOf(sql, signal) {
  const [result] = await selectAll(sql, signal);
  return result.rows.map(([line]) => String(line));
}

/**
 * Opens the dialog.
 * @param {string} query @param {string} statement its present statement @param {AbortSignal} signal
 */
export function openReplace(query, statement, signal) {
  let run = new AbortController();
  let compared = ''; // the text whose plan is shown; only this text can be run
  const text = el('textarea.input.code-input', { rows: 8, spellcheck: 'false',
    'aria-label': 'New statement', oninput: () => forget() });
  text.value = replacementOf(statement);
  const failure = el('p.error-text', { role: 'alert' });
  const status = el('p.soft', { role: 'status' },
    'Change the statement, and compare it with the query that runs.');
  const result = el('div'), readers = el('div'), sqlPlace = el('span');
  const forget = () => {
    run.abort();
    compared = '';
    failure.textContent = '';
    fill(result);
    apply.disabled = true;
  };
  const compare = async () => {
    forget();
    const wanted = bare(text.value);
    if (!/^CREATE\s+OR\s+REPLACE\s/i.test(wanted)) {
      failure.textContent = 'The statement begins with CREATE OR REPLACE.';
      return;
    }
    run = new AbortController();
    const { signal: its } = run;
    status.textContent = 'The plans are compared.';
    fill(sqlPlace, sqlButton(`EXPLAIN ${wanted}`, 'the new plan'));
    try {
      const before = planText(await linesOf(`EXPLAIN ${quoteName(query)}`, its));
      const after = planText(await linesOf(`EXPLAIN ${wanted}`, its));
      if (its.aborted) return;
      const lines = diffLines(before, after);
      const changed = lines.filter(({ kind }) => kind !== 'same').length;
      compared = wanted;
      apply.disabled = false;
      status.textContent = changed ? `${plural(changed, 'line')} of the plan would change.`
        : 'The plan would stay as it is.';
      fill(result, diffNode(lines, 'Difference of the plans'));
    } catch (error) {
      if (its.aborted) return;
      status.textContent = '';
      failure.textContent = `This cannot replace the query. ${sentencesOf(error)}`;
    }
  };
  const replace = async () => {
    apply.disabled = true;
    try {
      await selectAll(compared, signal);
      toast(`${query} is replaced.`);
      close();
    } catch (error) {
      failure.textContent = sentencesOf(error);
    }
  };
  const apply = button('', 'Replace', () => void replace(), { class: 'danger', disabled: true });
  const close = openDialog(`Replace ${query}`, [text, el('div.dialog-acts', {},
    button('', 'Compare', () => void compare(), { class: 'primary' }), status), failure, result,
  readers], { wide: true, closed: () => run.abort(),
    buttons: [sqlPlace, el('span.spring'), button('', 'Cancel', () => close()), apply] });
  signal.addEventListener('abort', close);
  text.focus();
  void showReaders(readers, query, signal);
}

/** @param {HTMLElement} place @param {string} query @param {AbortSignal} signal */
async function showReaders(place, query, signal) {
  try {
    const names = readersOf(await select(LINEAGE, signal), query);
    const more = names.length - MOST_READERS;
    fill(place, names.length ? [el('p', {}, 'These read what the query writes:'),
      el('ul.readers', {}, names.slice(0, MOST_READERS).map((name) => el('li', {},
        el('bdi', {}, name))), more > 0 && el('li.soft', {}, `and ${more} others`))]
      : el('p.soft', {}, 'No other query reads what this query writes.'));
  } catch (error) {
    if (!signal.aborted) fill(place, el('p.soft', {}, `The readers are not known: ${
      sentencesOf(error)}`));
  }
}
