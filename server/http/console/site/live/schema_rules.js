// @ts-check
// The dialog that changes the level of compatibility and the mode of a subject (REGISTRY.md).
import { openDialog } from '../core/dialog.js';
import { button, el, toast } from '../core/element.js';
import { registry } from '../core/rest.js';

/** `level` and `mode` are those of the subject itself; '' means those of all subjects. */
/** @typedef {{level: string, mode: string}} Rules */
/** @typedef {{method: string, path: string, content?: object}} Change */

const LEVELS = ['BACKWARD', 'BACKWARD_TRANSITIVE', 'FORWARD', 'FORWARD_TRANSITIVE', 'FULL',
  'FULL_TRANSITIVE', 'NONE'];
const MODES = ['READWRITE', 'READONLY', 'IMPORT'];
const NOTES = /** @type {Record<string, string>} */ ({
  BACKWARD: 'Readers of a new version can read records of the version before.',
  BACKWARD_TRANSITIVE: 'Readers of a new version can read records of all versions.',
  FORWARD: 'Readers of the version before can read records of a new version.',
  FORWARD_TRANSITIVE: 'Readers of all versions can read records of a new version.',
  FULL: 'A new version and the version before can read records of each other.',
  FULL_TRANSITIVE: 'A new version and all versions can read records of each other.',
  NONE: 'Nothing is checked: a new version may make old records unreadable.',
  READWRITE: 'Versions can be registered.',
  READONLY: 'The registry rejects new versions, so writers of new schemas fail.',
  IMPORT: 'A registration contains the id of the schema, and nothing is checked.',
});
const NO_OWN = /^(40408|40409)$/; // the subject has no level or no mode of its own

/**
 * Returns the requests that change the rules of a subject.
 * @param {string} subject @param {Rules} before @param {Rules} after @returns {Change[]}
 */
export function changesOf(subject, before, after) {
  const name = encodeURIComponent(subject);
  const change = (/** @type {string} */ path, /** @type {string} */ field,
    /** @type {string} */ old, /** @type {string} */ value) => old === value ? []
    : value ? [{ method: 'PUT', path: `/${path}/${name}`, content: { [field]: value } }]
      : [{ method: 'DELETE', path: `/${path}/${name}` }];
  return [...change('config', 'compatibility', before.level, after.level),
    ...change('mode', 'mode', before.mode, after.mode)];
}

/** Returns the request as a text. @param {Change} change */
export function textOf({ method, path, content }) {
  return `${method} ${path}${content ? ` ${JSON.stringify(content)}` : ''}`;
}

/**
 * Returns the rules of the subject itself, and those of all subjects.
 * @param {string} subject @param {AbortSignal} signal
 * @returns {Promise<{own: Rules, all: Rules}>}
 */
async function readRules(subject, signal) {
  const name = encodeURIComponent(subject);
  const own = async (/** @type {string} */ path) => {
    try {
      return await registry(path, signal);
    } catch (error) {
      if (NO_OWN.test(/** @type {any} */ (error).code)) return {};
      throw error;
    }
  };
  const [config, mode, allConfig, allMode] = await Promise.all([own(`/config/${name}`),
    own(`/mode/${name}`), registry('/config', signal), registry('/mode', signal)]);
  return { own: { level: config.compatibilityLevel ?? '', mode: mode.mode ?? '' },
    all: { level: allConfig.compatibilityLevel ?? '', mode: allMode.mode ?? '' } };
}

/**
 * @param {string} label @param {string[]} values @param {string} chosen @param {string} ofAll
 * @param {() => void} changed
 */
function choice(label, values, chosen, ofAll, changed) {
  const select = el('select.input', { onchange: changed }, ['', ...values].map((value) =>
    el('option', { value, selected: value === chosen },
      value || `that of all subjects (${ofAll})`)));
  const note = el('p.soft');
  const node = el('div.spaced', {}, el('label.field', {}, el('span', {}, label), select), note);
  const draw = () => { note.textContent = NOTES[select.value || ofAll] ?? ''; };
  return { node, draw, value: () => /** @type {string} */ (select.value) };
}

/**
 * Opens the dialog. `changed` is called after a change.
 * @param {string} subject @param {AbortSignal} signal @param {() => void} changed
 */
export async function openRules(subject, signal, changed) {
  const body = el('div.spaced', {}, el('p.soft', { role: 'status' }, 'The rules are read.'));
  const failure = el('p.error-text', { role: 'alert' });
  const apply = button('', 'Change', () => void run(), { class: 'primary', disabled: true });
  const close = openDialog(`Rules of ${subject}`, [body, failure],
    { buttons: [button('', 'Cancel', () => close()), apply] });
  signal.addEventListener('abort', close);
  /** @type {() => Change[]} */
  let changes = () => [];
  const run = async () => {
    apply.disabled = true;
    failure.textContent = '';
    try {
      for (const { method, path, content } of changes())
        await registry(path, signal, content, method);
      close();
      toast(`The rules of ${subject} are changed.`);
      changed();
    } catch (error) {
      if (signal.aborted) return;
      failure.textContent = `${/** @type {Error} */ (error).message}.`;
      apply.disabled = false;
    }
  };
  try {
    const { own, all } = await readRules(subject, signal);
    const requests = el('pre.sql-text', { tabindex: 0, 'aria-label': 'Requests' });
    const draw = () => {
      const wanted = changes();
      level.draw();
      mode.draw();
      requests.textContent = wanted.map(textOf).join('\n') || 'Nothing is changed.';
      apply.disabled = !wanted.length;
      failure.textContent = '';
    };
    const level = choice('Level of compatibility', LEVELS, own.level, all.level, draw);
    const mode = choice('Mode', MODES, own.mode, all.mode, draw);
    changes = () => changesOf(subject, own, { level: level.value(), mode: mode.value() });
    body.replaceChildren(level.node, mode.node, requests);
    draw();
    level.node.querySelector('select').focus();
  } catch (error) {
    if (signal.aborted) return;
    body.replaceChildren();
    failure.textContent = `${/** @type {Error} */ (error).message}.`;
  }
}
