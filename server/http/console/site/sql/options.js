// @ts-check
// The options of a draft: where live results begin, the limit, settings and variables.
import { button, el } from '../core/element.js';
import { openDialog } from '../core/dialog.js';
import { plural } from '../core/format.js';

/** @typedef {import('./drafts.js').Draft} Draft */

const LIMITS = [100, 1000, 10_000, 100_000];

/** Reads lines of `name = value`. @param {string} text @returns {Record<string, string>} */
export function readPairs(text) {
  /** @type {Record<string, string>} */
  const pairs = {};
  for (const line of text.split('\n')) {
    const found = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (found) pairs[found[1]] = found[2].replace(/^'(.*)'$/, '$1');
  }
  return pairs;
}

/** Returns the request of a script. @param {Draft} draft @param {string} sql */
export function requestOf(draft, sql) {
  const settings = readPairs(draft.settings);
  // "From now on" is the default of the server, and the option is only for live results. If it were
  // sent, CREATE TABLE ... AS would also begin at the end of its sources.
  if (draft.fromStart) settings['auto.offset.reset'] = 'earliest';
  return { sql, settings, variables: readPairs(draft.variables), max_rows: draft.limit };
}

export class OptionsBar {
  /** @param {() => Draft} draft @param {() => void} changed */
  constructor(draft, changed) {
    this.draft_ = draft;
    this.changed_ = changed;
    this.from_ = el('select.input', { 'aria-label': 'Where live results begin',
      onchange: () => { draft().fromStart = this.from_.value === 'start'; changed(); } },
    el('option', { value: 'now' }, 'from now'),
    el('option', { value: 'start' }, 'from the beginning'));
    this.limit_ = el('select.input', { 'aria-label': 'Limit of rows',
      onchange: () => { draft().limit = Number(this.limit_.value); changed(); } },
    LIMITS.map((limit) => el('option', { value: limit }, limit.toLocaleString('en-US'))));
    this.settings_ = button('', 'settings', () => this.edit_('settings'), { class: 'link' });
    this.variables_ = button('', 'variables', () => this.edit_('variables'), { class: 'link' });
    this.node = el('div.options', { role: 'group', 'aria-label': 'Options' },
      el('label.inline-field', {}, el('span', {}, 'live results'), this.from_),
      el('label.inline-field', {}, el('span', {}, 'limit'), this.limit_),
      this.settings_, this.variables_);
    this.draw();
  }

  draw() {
    const draft = this.draft_();
    this.from_.value = draft.fromStart ? 'start' : 'now';
    this.limit_.value = String(LIMITS.includes(draft.limit) ? draft.limit : 1000);
    const settings = Object.keys(readPairs(draft.settings)).length;
    const variables = Object.keys(readPairs(draft.variables)).length;
    this.settings_.querySelector('span').textContent = plural(settings, 'setting');
    this.variables_.querySelector('span').textContent = plural(variables, 'variable');
  }

  /** @param {'settings'|'variables'} what */
  edit_(what) {
    const draft = this.draft_();
    const area = el('textarea.input.pairs', { rows: 6, spellcheck: 'false', 'aria-label': what });
    area.value = draft[what];
    const note = what === 'settings'
      ? 'One per line, as in SET: auto.offset.reset = earliest'
      : 'One per line. The text ${name} of a statement is replaced by the value.';
    const save = () => {
      draft[what] = area.value;
      this.draw();
      this.changed_();
      close();
    };
    const close = openDialog(what === 'settings' ? 'Settings of this draft'
      : 'Variables of this draft', [el('p.soft', {}, note), area], {
      buttons: [button('', 'Cancel', () => close()), button('', 'Keep', save,
        { class: 'primary' })],
    });
    area.focus();
  }
}
