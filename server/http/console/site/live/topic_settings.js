// @ts-check
// The settings of a topic with their defaults and sources, and the dialog that changes one.
import { openDialog } from '../core/dialog.js';
import { button, el, fill, segments, toast } from '../core/element.js';
import { count, plural, size } from '../core/format.js';
import { rest } from '../core/rest.js';
import { whyReadOnly } from '../core/session.js';
import { quoteText, select, selectAll, sentencesOf } from '../core/sql.js';
import { previewButton } from './retention_preview.js';

/**
 * @typedef {{name: string, value: string|null, source: string, documentation?: string,
 *            synonyms?: {name: string, value: string|null, source: string}[]}} Setting
 */

const SOURCES = {
  DYNAMIC_TOPIC_CONFIG: 'this topic', DYNAMIC_BROKER_CONFIG: 'this node',
  DYNAMIC_DEFAULT_BROKER_CONFIG: 'all nodes', STATIC_BROKER_CONFIG: 'start of the server',
  DEFAULT_CONFIG: 'default',
};
const NO_LIMIT = '9223372036854775807';
const UNITS = /** @type {[number, string][]} */ ([[86_400_000, 'day'], [3_600_000, 'hour'],
  [60_000, 'minute'], [1000, 'second']]);
/** Settings with few values, which the dialog offers. */
const CHOICES = /** @type {Record<string, string[]>} */ ({
  'cleanup.policy': ['delete', 'compact', 'compact,delete'],
  'message.timestamp.type': ['CreateTime', 'LogAppendTime'],
});
const MOST_READERS = 5; // groups that the dialog names
/** Settings that remove records when they change to a stricter value. */
const REMOVING = ['cleanup.policy', 'retention.ms', 'retention.bytes'];

/** Returns where a value comes from, in words. @param {string} source */
export function sourceText(source) {
  return SOURCES[/** @type {keyof SOURCES} */ (source)] ?? source;
}

/**
 * Returns a value of ms or bytes in a larger unit, or ''.
 * @param {string} name @param {any} value
 */
export function meaningOf(name, value) {
  if (!/^-?\d+$/.test(value ?? '') || !/\.(ms|bytes)$/.test(name)) return '';
  if (value === '-1' || value === NO_LIMIT) return 'no limit';
  const number = Number(value);
  if (name.endsWith('.bytes')) return number < 1024 ? '' : size(number);
  const unit = UNITS.find(([ms]) => number >= ms && number % ms === 0);
  return unit ? `${count(number / unit[0])} ${unit[1]}${number === unit[0] ? '' : 's'}` : '';
}

/** Returns the value that applies if the topic itself has none. @param {Setting} setting */
export function defaultOf(setting) {
  const other = (setting.synonyms ?? []).find(({ source }) => source !== 'DYNAMIC_TOPIC_CONFIG');
  return other ? other.value : setting.source === 'DYNAMIC_TOPIC_CONFIG' ? null : setting.value;
}

/** @param {Setting} setting */
export function isOwn(setting) { return setting.source === 'DYNAMIC_TOPIC_CONFIG'; }

/** @param {Setting} setting */
export function isWithoutEffect(setting) {
  return /without effect|not supported|whatever the value/.test(setting.documentation ?? '');
}

/**
 * Returns whether a change may remove records, which then cannot be read again.
 * @param {string} name @param {any} before @param {any} after
 */
export function removesRecords(name, before, after) {
  if (!REMOVING.includes(name) || before === after) return false;
  if (name === 'cleanup.policy') return true;
  const limit = (/** @type {any} */ value) => Number(value) < 0 ? Infinity : Number(value);
  return limit(after) < limit(before);
}

/** @param {string} name @param {any} value */
function valueNode(name, value) {
  const meaning = meaningOf(name, value);
  return [el('code', {}, value === null ? '–' : value === '' ? 'empty' : value === NO_LIMIT
    ? 'none' : value), meaning && el('span.soft', {}, ` ${meaning}`)];
}

/**
 * Returns the statement that changes one setting. A null value is the default.
 * @param {string} topic @param {string} name @param {string|null} value
 */
export function changeOf(topic, name, value) {
  const change = value === null ? `RESET (${quoteText(name)})`
    : `SET (${quoteText(name)} = ${quoteText(value)})`;
  return `ALTER TOPIC ${quoteText(topic)} ${change}`;
}

/** The statement that names the readers of a topic that have not read it to the end. */
export function readersBehind(/** @type {string} */ topic) {
  return 'SELECT "group", sum(lag) AS lag FROM millrace_catalog.consumer_lag ' +
    `WHERE topic = ${quoteText(topic)} AND lag > 0 GROUP BY "group"`;
}

export class TopicSettings {
  /** @param {string} topic @param {AbortSignal} signal */
  constructor(topic, signal) {
    this.topic_ = topic;
    this.signal_ = signal;
    this.path_ = `/topics/${encodeURIComponent(topic)}/configs`;
    this.body_ = el('div.spaced', {}, el('p.soft', { role: 'status' }, 'The settings are read.'));
    this.node = el('section.panel', {}, el('header.panel-head', {}, el('h2', {}, 'All settings'),
      el('span.spring'), el('span.soft', {}, `GET …${this.path_}`)), this.body_);
    void this.read();
  }

  async read() {
    try {
      const { data } = await rest('GET', this.path_);
      if (!this.signal_.aborted) this.draw_(data);
    } catch (error) {
      if (this.signal_.aborted) return;
      const { message, code } = /** @type {any} */ (error);
      fill(this.body_, el('p.error-text', { role: 'alert' }, /^403/.test(code ?? '')
        ? `You do not have the right to see all settings: ${message}.` : `${message}.`),
      button('refresh', 'Try again', () => void this.read()));
    }
  }

  /** @param {Setting[]} settings */
  draw_(settings) {
    const reason = whyReadOnly();
    const rows = [...settings].sort((a, b) => Number(isOwn(b)) - Number(isOwn(a)) ||
      (a.name < b.name ? -1 : 1));
    const idle = rows.filter((each) => isWithoutEffect(each) && !isOwn(each));
    fill(this.body_, reason && el('p.soft', {}, reason),
      this.table_(rows.filter((each) => !idle.includes(each)), reason, 'Settings'),
      el('details.request', {}, el('summary', {}, `${count(idle.length)} settings of Kafka ` +
        'without effect here'), this.table_(idle, reason, 'Settings without effect')));
  }

  /** @param {Setting[]} settings @param {string} reason @param {string} label */
  table_(settings, reason, label) {
    const heads = ['Setting', 'Value', 'Default', 'Source', ''];
    const scroll = { tabindex: 0, role: 'region', 'aria-label': label };
    return el('div.table-scroll.setting-scroll', scroll,
      el('table.plain-table.setting-table', {}, el('thead', {}, el('tr', {}, heads.map((text) =>
        text ? el('th', { scope: 'col' }, text) : el('td')))),
      el('tbody', {}, settings.map((setting) => el('tr', { 'data-own': isOwn(setting) },
        el('th', { scope: 'row' }, el('code', {}, setting.name),
          el('p.soft', {}, setting.documentation ?? '')),
        el('td', {}, valueNode(setting.name, setting.value)),
        el('td', {}, valueNode(setting.name, defaultOf(setting))),
        el('td', {}, sourceText(setting.source)),
        el('td', {}, button('', 'Change…', () => void this.change_(setting),
          { class: 'quiet', disabled: Boolean(reason), title: reason || null,
            'aria-label': `Change ${setting.name}` })))))));
  }

  /** Asks for a new value, and shows the old one, the new one and the effect. */
  async change_(/** @type {Setting} */ setting) {
    const { name } = setting;
    let wanted = setting.value ?? '', isDefault = false;
    const choices = CHOICES[name] ?? (/^(true|false)$/.test(setting.value ?? '')
      ? ['true', 'false'] : null);
    const input = el('input.input', { type: 'text', value: wanted, spellcheck: 'false',
      autocomplete: 'off', 'aria-label': 'New value',
      oninput: () => { wanted = input.value.trim(); draw(); } });
    const chooser = choices ? segments('New value', choices.map((each) => [each, each]), wanted,
      (value) => { wanted = value; draw(); }) : input;
    const word = el('input.input', { type: 'text', autocomplete: 'off', spellcheck: 'false',
      'aria-label': 'Name of the topic', oninput: () => draw() });
    const confirm = el('label.field', { hidden: true }, el('span', {}, 'Type ',
      el('bdi', {}, this.topic_), ' to confirm'), word);
    const difference = el('dl.difference'), effect = el('div.difference-effect');
    const failure = el('p.error-text', { role: 'alert' });
    const statement = el('pre.sql-text.request-text', { tabindex: 0, 'aria-label': 'Statement' });
    const change = () => changeOf(this.topic_, name, isDefault ? null : wanted);
    const after = () => isDefault ? defaultOf(setting) : wanted;
    const preview = /^retention\./.test(name) ? previewButton(this.topic_, name,
      () => String(after()), this.signal_) : null;
    const draw = () => {
      const isSame = isDefault ? !isOwn(setting) : isOwn(setting) && wanted === setting.value;
      const removes = removesRecords(name, setting.value, after());
      chooser.hidden = isDefault;
      confirm.hidden = !removes;
      effect.hidden = !removes;
      if (preview) preview.node.hidden = !removes || !/^-?\d+$/.test(String(after()));
      preview?.forget();
      apply.disabled = isSame || (!isDefault && wanted === '') ||
        (removes && word.value !== this.topic_);
      failure.textContent = '';
      fill(difference, el('div', {}, el('dt', {}, 'Now'), el('dd', {},
        valueNode(name, setting.value), el('span.soft', {}, ` · ${sourceText(setting.source)}`))),
      el('div', {}, el('dt', {}, 'Then'), el('dd', {}, valueNode(name, after()),
        el('span.soft', {}, ` · ${isDefault ? 'default' : 'this topic'}`))));
      statement.textContent = change();
    };
    const run = async () => {
      apply.disabled = true;
      try {
        await selectAll(change(), this.signal_);
        close();
        toast(`${name} is changed.`);
        void this.read();
      } catch (error) {
        failure.textContent = sentencesOf(error);
        apply.disabled = false;
      }
    };
    const apply = button('', 'Change', () => void run(), { class: 'primary' });
    const close = openDialog(`Change ${name}`, [el('p.soft', {}, `${setting.documentation ?? ''}`),
      segments('Source of the value', [['own', 'A value of this topic'], ['default',
        'The default']], 'own', (value) => { isDefault = value === 'default'; draw(); }),
      chooser, difference, effect, ...preview ? [preview.node] : [], confirm, statement, failure],
    { buttons: [button('', 'Cancel', () => close()), apply] });
    this.signal_.addEventListener('abort', close);
    draw();
    if (!choices) input.select();
    if (REMOVING.includes(name)) await this.showReaders_(effect);
  }

  /** Names the groups that may lose records. @param {HTMLElement} place */
  async showReaders_(place) {
    const warning = 'Records that the new value does not keep are removed, and cannot be restored.';
    fill(place, el('p.stale-text', {}, warning));
    try {
      const rows = await select(readersBehind(this.topic_), this.signal_);
      const more = rows.length - MOST_READERS;
      fill(place, el('p.stale-text', {}, warning), rows.length
        ? [el('p', {}, 'These groups have not read the topic to the end:'),
          el('ul.readers', {}, rows.slice(0, MOST_READERS).map((row) => el('li', {},
            el('bdi', {}, row.group), el('span.soft', {}, ` ${plural(Number(row.lag),
              'record')}`))), more > 0 && el('li.soft', {}, `and ${count(more)} others`))]
        : el('p.soft', {}, 'All known groups have read the topic to the end.'));
    } catch {
      // The warning stays even if the groups are unknown; their names are additional information.
    }
  }
}
