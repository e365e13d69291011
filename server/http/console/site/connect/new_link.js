// @ts-check
// The page that creates a link to another Kafka cluster.
import { button, el, fill, toast } from '../core/element.js';
import { go } from '../core/router.js';
import { whyReadOnly } from '../core/session.js';
import { quoteName, quoteText, selectAll, sentencesOf } from '../core/sql.js';
import { linkHref } from './connectors.js';
import { SettingField } from './new_connector.js';

/** @typedef {import('./connector_form.js').Field} Field */

const HINT = 'name'; // stands for a name that is not typed yet
const HIDDEN = '…';
const SECRETS = ['sasl.password', 'ssl.key.password'];

/** @param {string} name @param {string} note @param {Partial<Field>} [more] @returns {Field} */
const field = (name, note, more = {}) => ({ name, type: 'STRING', isRequired: false,
  isSecret: SECRETS.includes(name), default: null, note, ...more });
const FIELDS = [
  field('bootstrap.servers', 'Addresses of brokers: HOST:PORT, separated by commas.',
    { isRequired: true }),
  field('security.protocol', 'PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.',
    { default: 'PLAINTEXT' }),
  field('sasl.mechanism', 'PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.'),
  field('sasl.username', 'The user at the other cluster.'),
  field('sasl.password', 'A reference: ${file:NAME} is a file in --secrets-dir, and ' +
    '${env:MILLRACE_SECRET_…} a variable. A password itself is rejected.'),
  field('ssl.ca.location', 'PEM file in --secrets-dir with the authority that signed the ' +
    'certificates of the brokers.', { default: 'authorities of the system' }),
  field('ssl.certificate.location', 'PEM file in --secrets-dir with the certificate of this ' +
    'client.'),
  field('ssl.key.location', 'PEM file in --secrets-dir with the key of this client.'),
  field('ssl.key.password', 'A reference to the password of the key.'),
  field('connect', 'With the value later, the link is stored without a connection.',
    { default: 'now' }),
];

/**
 * Returns the statement that creates a link. Passwords that are no references are not shown.
 * @param {string} name @param {Map<string, string>} values @param {boolean} [isShown]
 */
export function createLink(name, values, isShown = false) {
  const shown = (/** @type {string} */ key, /** @type {string} */ value) =>
    isShown && SECRETS.includes(key) && !/^\$\{[^}]*\}$/.test(value.trim()) ? HIDDEN : value;
  const properties = [...values].map(([key, value]) =>
    `  ${quoteText(key)} = ${quoteText(shown(key, value))}`);
  return `CREATE LINK ${quoteName(name)} WITH (\n${properties.join(',\n')}\n);`;
}

/** @param {HTMLElement} main @param {AbortSignal} signal */
export function showNewLink(main, signal) {
  const name = el('input.input', { type: 'text', autocomplete: 'off', spellcheck: 'false',
    required: true, oninput: () => draw() });
  const fields = FIELDS.map((each) => new SettingField(each, '', () => draw()));
  const statement = el('pre.sql-text', { tabindex: 0, 'aria-label': 'Statement' });
  const status = el('p.soft', { role: 'status' }, whyReadOnly());
  const failure = el('p.error-text.lines', { role: 'alert' });
  const values = () => new Map(fields.filter(({ value }) => value !== '')
    .map((each) => [each.field.name, each.value]));
  const draw = () => {
    statement.textContent = createLink(name.value || HINT, values(), true);
    create.disabled = Boolean(whyReadOnly()) || !name.value || !values().has('bootstrap.servers');
  };
  const submit = async () => {
    create.disabled = true;
    failure.textContent = '';
    status.textContent = 'The server connects to the other cluster.';
    try {
      await selectAll(createLink(name.value, values()), signal);
      toast(`${name.value} is created.`);
      return void go(linkHref(name.value).slice(1));
    } catch (error) {
      if (signal.aborted) return undefined;
      status.textContent = '';
      failure.textContent = sentencesOf(error);
      fields.find((each) => failure.textContent.includes(each.field.name))?.focus();
    }
    return draw();
  };
  const create = button('', 'Create', () => void submit(), { class: 'primary', disabled: true });
  const settings = el('div.connector-fields');
  fill(settings, fields.map(({ node }) => node));
  main.append(el('div.page.live-page', {}, el('header.page-head', {}, el('div', {},
    el('a.back', { href: '#links' }, '‹ Links'), el('h1', {}, 'New link'))),
  el('section.panel', {}, el('header.panel-head', {}, el('h2', {}, 'Link')),
    el('div.reset-form.connector-head', {},
      el('label.field', {}, el('span', {}, 'Name'), name))),
  el('section.panel', {}, el('header.panel-head', {}, el('h2', {}, 'Properties')),
    el('p.soft', {}, 'An empty field is not a part of the statement. The editor takes all ' +
      'properties of Kafka’s clients.'), settings),
  el('section.panel.spaced', {}, el('header.panel-head', {}, el('h2', {}, 'Statement')),
    statement, failure, el('div.dialog-acts', {}, create, status))));
  draw();
  name.focus();
}
