// @ts-check
// Checks a schema against the versions of a subject while it is typed, with the registry's path
// for compatibility (REGISTRY.md).
import { openDialog } from '../core/dialog.js';
import { button, el, fill, segments } from '../core/element.js';
import { registry } from '../core/rest.js';

const PAUSE_MS = 400; // after the last key
const MOST_BYTES = 1 << 20; // of a text that is checked while it is typed

/** @typedef {{is_compatible: boolean, messages?: string[]}} Verdict */

/**
 * Returns the sentences of a verdict. The registry reports a problem as a text such as
 * `{errorType:'TYPE_MISMATCH', description:'at path /fields/0/type', additionalInfo:'…'}`.
 * @param {string[]} messages
 */
export function problemsOf(messages) {
  return messages.filter((text) => !/^\{(oldSchema|oldSchemaVersion|compatibility):/.test(text))
    .map((text) => {
      const part = (/** @type {string} */ name) =>
        new RegExp(`${name}:'((?:[^'\\\\]|\\\\.)*)'`).exec(text)?.[1] ?? '';
      const kind = part('errorType').toLowerCase().replaceAll('_', ' ');
      return kind ? [kind, part('description'), part('additionalInfo')].filter(Boolean).join(': ')
        : text;
    });
}

/**
 * @param {string} subject @param {string} type @param {string} schema
 * @param {'latest'|'all'} against @param {AbortSignal} signal @returns {Promise<Verdict>}
 */
function verdictOf(subject, type, schema, against, signal) {
  const versions = against === 'latest' ? '/versions/latest' : '/versions';
  return registry(`/compatibility/subjects/${encodeURIComponent(subject)}${versions}?verbose=true`,
    signal, { schema, schemaType: type });
}

/**
 * Opens the dialog. It registers nothing.
 * @param {string} subject @param {string} type @param {string} schema the text to begin with
 * @param {AbortSignal} signal
 */
export function openCheck(subject, type, schema, signal) {
  /** @type {'latest'|'all'} */
  let against = 'latest';
  let timer = 0;
  let run = new AbortController();
  const text = el('textarea.input.code-input', { rows: 14, spellcheck: 'false',
    'aria-label': 'Schema', oninput: () => later() });
  text.value = schema;
  const level = el('p.soft');
  const verdict = el('div.verdict', { role: 'status' });
  const later = () => {
    clearTimeout(timer);
    run.abort();
    if (new Blob([text.value]).size > MOST_BYTES)
      return fill(verdict, el('p.soft', {}, 'The text is too large to be checked while it is ' +
        'typed: at most 1 MB.'));
    timer = setTimeout(() => void check(), PAUSE_MS);
    return undefined;
  };
  const check = async () => {
    run = new AbortController();
    const { signal: its } = run;
    try {
      const found = await verdictOf(subject, type, text.value, against, its);
      if (its.aborted) return;
      fill(verdict, el('p', { class: found.is_compatible ? 'good-text' : 'error-text' },
        found.is_compatible ? '✓ Compatible' : '✖ Not compatible'),
      el('ul.problems', {}, problemsOf(found.messages ?? []).map((each) => el('li', {},
        el('bdi', {}, each)))));
    } catch (error) {
      if (its.aborted) return;
      fill(verdict, el('p.error-text', {}, `✖ ${/** @type {Error} */ (error).message}`));
    }
  };
  const close = openDialog(`Check a schema for ${subject}`, [segments('Compare with',
    [['latest', 'The newest version'], ['all', 'All versions that the level names']], against,
    (chosen) => { against = /** @type {any} */ (chosen); later(); }), level, text, verdict],
  { wide: true, closed: () => { clearTimeout(timer); run.abort(); },
    buttons: [button('', 'Close', () => close())] });
  signal.addEventListener('abort', close);
  text.focus();
  later();
  void showLevel(level, subject, signal);
}

/** @param {HTMLElement} place @param {string} subject @param {AbortSignal} signal */
async function showLevel(place, subject, signal) {
  try {
    const { compatibilityLevel: level } = await registry(
      `/config/${encodeURIComponent(subject)}?defaultToGlobal=true`, signal);
    place.textContent = `The level of this subject is ${level}. Nothing is registered.`;
  } catch (error) {
    if (!signal.aborted) place.textContent = `The level is not known: ${
      /** @type {Error} */ (error).message}.`;
  }
}
