// @ts-check
// The settings of a connector from the description of its class, and the dialog that changes one.
// A secret is write-only: the page never has its value.
import { openDialog } from '../core/dialog.js';
import { button, el, fill, segments, toast } from '../core/element.js';
import { count } from '../core/format.js';
import { connectorSettings } from '../core/rest.js';
import { selectAll, sentencesOf } from '../core/sql.js';
import { changeOf, settingsOf } from './connectors.js';

/** @typedef {import('./connectors.js').Setting} Setting */

const FIXED = ['name', 'connector.class']; // another class is another connector
const SECRET = 'set, not shown';

/** @param {Setting} setting @param {string|null} value */
function valueNode(setting, value) {
  if (value === null) return el('span.soft', {}, 'not set');
  if (setting.isSecret) return el('span.soft', {}, SECRET);
  return el('code', {}, value === '' ? 'empty' : value);
}

export class ConnectorSettings {
  /**
   * @param {string} connector @param {AbortSignal} signal @param {() => void} changed called after
   *   a change
   */
  constructor(connector, signal, changed) {
    this.connector_ = connector;
    this.signal_ = signal;
    this.changed_ = changed;
    this.class_ = '';
    /** @type {Record<string, any>[]} */
    this.definitions_ = [];
    /** @type {Map<string, string>} */
    this.settings_ = new Map();
    this.reason_ = '';
    this.drawn_ = '';
    this.note_ = el('p.soft', { role: 'status' });
    this.body_ = el('div.spaced');
    this.node = el('section.panel', {}, el('header.panel-head', {}, el('h2', {}, 'Settings')),
      this.note_, this.body_);
  }

  /**
   * Shows the settings. They are drawn again only if they differ.
   * @param {string} className @param {Map<string, string>} settings
   * @param {string} reason why the session may not change them, or ''
   */
  show(className, settings, reason) {
    this.settings_ = settings;
    this.reason_ = reason;
    if (settings.size && className !== this.class_) void this.describe_(className);
    const key = JSON.stringify([[...settings], reason, this.definitions_.length]);
    if (key === this.drawn_) return;
    this.drawn_ = key;
    this.draw_();
  }

  /** Reads the description of the class. Without it, the page shows the values alone. */
  async describe_(/** @type {string} */ className) {
    this.class_ = className;
    this.note_.textContent = 'The description of the settings is read.';
    try {
      this.definitions_ = await connectorSettings(className, this.signal_);
      this.note_.textContent = '';
    } catch (error) {
      if (this.signal_.aborted) return;
      this.note_.textContent = 'The description of the settings cannot be read: ' +
        `${/** @type {Error} */ (error).message}`;
    }
    this.draw_();
  }

  draw_() {
    if (!this.settings_.size)
      return fill(this.body_, el('p.soft', {}, 'The settings and errors of a connector need the ' +
        'right CREATE CONNECTOR.'));
    const all = settingsOf(this.settings_, this.definitions_);
    const own = all.filter(({ value }) => value !== null);
    const others = all.filter(({ value }) => value === null);
    return fill(this.body_, this.reason_ && el('p.soft.reason', {}, this.reason_),
      this.table_(own, 'Settings of the connector'), others.length > 0 && el('details.request', {},
        el('summary', {}, `${count(others.length)} settings that are not set`),
        this.table_(others, 'Settings that are not set')));
  }

  /** @param {Setting[]} settings @param {string} label */
  table_(settings, label) {
    const heads = ['Setting', 'Value', 'Default', ''];
    return el('div.table-scroll.setting-scroll', { tabindex: 0, role: 'region',
      'aria-label': label }, el('table.plain-table.setting-table', {}, el('thead', {},
      el('tr', {}, heads.map((text) => text ? el('th', { scope: 'col' }, text) : el('td')))),
    el('tbody', {}, settings.map((setting) => el('tr', { 'data-own': setting.value !== null },
      el('th', { scope: 'row' }, el('code', {}, setting.name), el('p.soft', {}, setting.note)),
      el('td.wrapped', {}, valueNode(setting, setting.value)),
      el('td.wrapped', {}, setting.default === null
        ? el('span.soft', {}, setting.isRequired ? 'required' : 'none')
        : el('code', {}, setting.default === '' ? 'empty' : setting.default)),
      el('td', {}, !FIXED.includes(setting.name) && button('', 'Change…', () =>
        this.change_(setting), { class: 'quiet', disabled: Boolean(this.reason_),
        title: this.reason_ || null, 'aria-label': `Change ${setting.name}` })))))));
  }

  /** Asks for a new value, and shows the statement before it runs. @param {Setting} setting */
  change_(setting) {
    const { name, isSecret } = setting;
    const before = isSecret ? '' : setting.value ?? setting.default ?? '';
    let wanted = before, isRemoved = false;
    const choices = setting.type === 'BOOLEAN' ? ['true', 'false'] : null;
    const input = el('input.input', { type: isSecret ? 'password' : 'text', value: wanted,
      spellcheck: 'false', autocomplete: isSecret ? 'new-password' : 'off',
      'aria-label': 'New value', oninput: () => { wanted = input.value; draw(); } });
    const chooser = choices ? segments('New value', choices.map((each) => [each, each]), wanted,
      (value) => { wanted = value; draw(); }) : input;
    const difference = el('dl.difference');
    const failure = el('p.error-text', { role: 'alert' });
    const statement = el('pre.sql-text.request-text', { tabindex: 0, 'aria-label': 'Statement' });
    const after = () => isRemoved ? null : wanted;
    const draw = () => {
      chooser.hidden = isRemoved;
      apply.disabled = isRemoved ? setting.value === null
        : isSecret ? wanted === '' : wanted === setting.value;
      failure.textContent = '';
      fill(difference, el('div', {}, el('dt', {}, 'Now'), el('dd', {},
        valueNode(setting, setting.value))), el('div', {}, el('dt', {}, 'Then'),
        el('dd', {}, isSecret && !isRemoved ? el('span.soft', {}, 'a new secret')
          : valueNode(setting, after()))));
      statement.textContent = changeOf(this.connector_, name,
        isSecret && !isRemoved ? '…' : after());
    };
    const run = async () => {
      apply.disabled = true;
      try {
        await selectAll(changeOf(this.connector_, name, after()), this.signal_);
        close();
        toast(`${name} is changed.`);
        this.changed_();
      } catch (error) {
        failure.textContent = sentencesOf(error);
        apply.disabled = false;
      }
    };
    const apply = button('', 'Change', () => void run(), { class: 'primary' });
    const close = openDialog(`Change ${name}`, [setting.note && el('p.soft', {}, setting.note),
      segments('Source of the value', [['own', 'A value of this connector'],
        ['none', 'Not set']], 'own', (value) => { isRemoved = value === 'none'; draw(); }),
      chooser, difference, el('p.soft', {}, 'The tasks start again with the new value.'), statement,
      failure].filter(Boolean), { buttons: [button('', 'Cancel', () => close()), apply] });
    this.signal_.addEventListener('abort', close);
    draw();
    if (!choices) input.select();
  }
}
