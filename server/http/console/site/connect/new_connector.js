// @ts-check
// The page that creates a connector: its class, its name, and a field for each setting.
import { button, el, fill, toast } from '../core/element.js';
import { plural } from '../core/format.js';
import { connectorSettings } from '../core/rest.js';
import { go } from '../core/router.js';
import { whyNoConnector } from '../core/session.js';
import { select, selectAll, sentencesOf } from '../core/sql.js';
import { connectorHref } from './connectors.js';
import { createOf, errorsOf, fieldsOf, PLUGINS, pluginsOf } from './connector_form.js';

/** @typedef {import('./connector_form.js').Plugin} Plugin */
/** @typedef {import('./connector_form.js').Field} Field */

let lastId = 0; // of a field, for the elements that describe it

/** One setting: its name and documentation, its value, and its error. */
export class SettingField {
  /** @param {Field} field @param {string} value @param {() => void} changed */
  constructor(field, value, changed) {
    this.field = field;
    const id = ++lastId;
    const describedBy = { id: `field-${id}`, 'aria-describedby': `note-${id} error-${id}` };
    this.input_ = field.type === 'BOOLEAN'
      ? el('select.input', { ...describedBy, onchange: changed }, ['', 'true', 'false'].map(
        (each) => el('option', { value: each, selected: each === value },
          each || `not set${field.default === null ? '' : ` (${field.default})`}`)))
      : el('input.input', { ...describedBy, type: field.isSecret ? 'password' : 'text', value,
        spellcheck: 'false', autocomplete: field.isSecret ? 'new-password' : 'off',
        required: field.isRequired, placeholder: field.default ?? '', oninput: changed });
    this.error_ = el('p.error-text', { id: `error-${id}` });
    this.node = el('div.connector-field', { 'data-setting': field.name },
      el('div', {}, el('label', { for: `field-${id}` }, el('code', {}, field.name),
        field.isRequired && el('span.soft', {}, 'required')),
      el('p.soft', { id: `note-${id}` }, field.note)),
      el('div', {}, this.input_, this.error_));
  }

  get value() { return this.input_.value; }

  /** @param {string} error or '' */
  showError(error) {
    this.error_.textContent = error;
    this.input_.setAttribute('aria-invalid', String(Boolean(error)));
  }

  focus() { this.input_.focus(); }
}

class NewConnector {
  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.signal_ = signal;
    /** @type {Plugin[]} */
    this.plugins_ = [];
    /** @type {SettingField[]} */
    this.fields_ = [];
    /** @type {Map<string, string>} */
    this.kept_ = new Map(); // values, also of settings that another class has
    this.run_ = new AbortController();
    this.class_ = el('select.input', { onchange: () => void this.describe_() });
    this.name_ = el('input.input', { type: 'text', autocomplete: 'off', spellcheck: 'false',
      required: true, oninput: () => this.draw_() });
    this.settings_ = el('div.connector-fields');
    this.statement_ = el('pre.sql-text', { tabindex: 0, 'aria-label': 'Statement' });
    this.status_ = el('p.soft', { role: 'status' }, 'The classes are read.');
    this.failure_ = el('p.error-text.lines', { role: 'alert' });
    this.check_ = button('', 'Check', () => void this.submit_(false), { disabled: true });
    this.create_ = button('', 'Create', () => void this.submit_(true), { class: 'primary',
      disabled: true });
    this.node = el('div.page.live-page', {}, el('header.page-head', {}, el('div', {},
      el('a.back', { href: '#connectors' }, '‹ Connectors'), el('h1', {}, 'New connector'))),
    el('section.panel', {}, el('header.panel-head', {}, el('h2', {}, 'Connector')),
      el('div.reset-form.connector-head', {},
        el('label.field', {}, el('span', {}, 'Class'), this.class_),
        el('label.field', {}, el('span', {}, 'Name'), this.name_))),
    el('section.panel', {}, el('header.panel-head', {}, el('h2', {}, 'Settings')),
      el('p.soft', {}, 'An empty field is not a part of the statement. Write a reference such as ' +
        '${file:…} instead of a password: the definition then does not contain it.'),
      this.settings_),
    el('section.panel.spaced', {}, el('header.panel-head', {}, el('h2', {}, 'Statement')),
      this.statement_, this.failure_, el('div.dialog-acts', {}, this.check_, this.create_,
        this.status_)));
  }

  /** Reads the classes. @param {string} wanted the class to begin with, or '' */
  async open(wanted) {
    const reason = whyNoConnector();
    if (reason) return this.refuse_(reason);
    try {
      this.plugins_ = pluginsOf(await select(PLUGINS, this.signal_));
      fill(this.class_, ['source', 'sink'].map((type) => el('optgroup', { label: type === 'source'
        ? 'Sources: copy data into topics' : 'Sinks: copy topics into another system' },
      this.plugins_.filter((each) => each.type === type).map(({ id, name }) =>
        el('option', { value: id, selected: id === wanted }, name)))));
      await this.describe_();
      this.name_.focus();
    } catch (error) {
      if (!this.signal_.aborted) this.refuse_(sentencesOf(error));
    }
    return undefined;
  }

  /** @param {string} reason why no connector can be created */
  refuse_(reason) {
    this.status_.textContent = '';
    this.class_.disabled = this.name_.disabled = true;
    this.failure_.textContent = reason;
  }

  get plugin_() { return this.plugins_.find(({ id }) => id === this.class_.value); }

  /** Shows the fields of the chosen class. Values of settings that both classes have stay. */
  async describe_() {
    const plugin = this.plugin_;
    if (!plugin) return this.refuse_('The server has no class of connectors.');
    this.run_.abort();
    this.run_ = new AbortController();
    const { signal } = this.run_;
    this.signal_.addEventListener('abort', () => this.run_.abort(), { signal });
    history.replaceState(null, '', `#connectors?new=${encodeURIComponent(plugin.id)}`);
    for (const each of this.fields_) this.kept_.set(each.field.name, each.value);
    this.fields_ = [];
    this.check_.disabled = this.create_.disabled = true;
    this.status_.textContent = 'The settings of the class are read.';
    this.failure_.textContent = '';
    try {
      const found = fieldsOf(await connectorSettings(plugin.name, signal));
      if (signal.aborted) return undefined;
      this.fields_ = found.map((field) => new SettingField(field,
        this.kept_.get(field.name) ?? '', () => this.draw_()));
      this.status_.textContent = '';
      this.check_.disabled = false;
    } catch (error) {
      if (signal.aborted) return undefined;
      this.status_.textContent = '';
      this.failure_.textContent = `The settings cannot be read. ${sentencesOf(error)}`;
    }
    fill(this.settings_, this.fields_.map(({ node }) => node));
    return this.draw_();
  }

  values_() {
    return new Map(this.fields_.filter(({ value }) => value !== '').map(({ field, value }) =>
      [field.name, value]));
  }

  draw_() {
    const plugin = this.plugin_;
    if (!plugin) return;
    const secrets = new Set(this.fields_.filter(({ field }) => field.isSecret)
      .map(({ field }) => field.name));
    this.statement_.textContent = createOf(plugin, this.name_.value || HINT, this.values_(),
      secrets);
    this.create_.disabled = !this.name_.value || !this.fields_.length;
  }

  /** Checks the settings, and creates the connector if they are right. @param {boolean} creates */
  async submit_(creates) {
    const plugin = this.plugin_;
    if (!plugin) return;
    const sql = createOf(plugin, this.name_.value || HINT, this.values_());
    this.failure_.textContent = '';
    this.check_.disabled = this.create_.disabled = true;
    this.status_.textContent = 'The settings are checked.';
    try {
      const errors = errorsOf(await select(`EXPLAIN ${sql}`, this.signal_));
      this.showErrors_(errors);
      this.status_.textContent = errors.size ? `${plural(errors.size, 'setting')} cannot be used.`
        : 'All settings can be used.';
      if (creates && !errors.size) {
        await selectAll(sql, this.signal_);
        toast(`${this.name_.value} is created.`);
        return void go(connectorHref(this.name_.value).slice(1));
      }
    } catch (error) {
      if (this.signal_.aborted) return;
      this.status_.textContent = '';
      this.failure_.textContent = sentencesOf(error);
    }
    this.check_.disabled = false;
    this.draw_();
  }

  /** @param {Map<string, string>} errors */
  showErrors_(errors) {
    const others = new Map(errors);
    for (const each of this.fields_) {
      each.showError(errors.get(each.field.name) ?? '');
      others.delete(each.field.name);
    }
    this.failure_.textContent = [...others].map(([name, error]) => `${name}: ${error}`).join('\n');
    this.fields_.find(({ field }) => errors.has(field.name))?.focus();
  }
}

const HINT = 'name'; // stands for a name that is not typed yet

/**
 * Shows the page.
 * @param {HTMLElement} main @param {string} plugin id of the class to begin with, or ''
 * @param {AbortSignal} signal
 */
export function showNewConnector(main, plugin, signal) {
  const form = new NewConnector(signal);
  main.append(form.node);
  void form.open(plugin);
}
