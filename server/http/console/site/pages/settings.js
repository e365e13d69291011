// @ts-check
// Settings of this page, and facts about the server.
import { button, el, factRows, fill, segments } from '../core/element.js';
import { count, dateTime, size } from '../core/format.js';
import { objects, selectAll } from '../core/sql.js';
import { lookOnly, session } from '../core/session.js';
import { prefer, preferences } from '../core/store.js';
import { rightsPanel } from '../live/rights.js';
import { openSystemSetting, whyNoSystem } from '../live/system_setting.js';

const SERVER_SQL = 'SHOW SERVER;\nSHOW PROPERTIES;';

/** @param {string} title @param {string} note @param {Node} control */
function row(title, note, control) {
  return el('div.setting', {}, el('div', {}, el('h3', {}, title), el('p.soft', {}, note)), control);
}

function appearance() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return el('section.panel', {}, el('h2', {}, 'This browser'),
    row('Theme', 'Automatic follows the system.', segments('Theme',
      [['auto', 'Automatic'], ['light', 'Light'], ['dark', 'Dark']], preferences.theme,
      (theme) => prefer({ theme: /** @type {any} */ (theme) }))),
    row('Density', 'The height of rows in results.', segments('Density',
      [['comfortable', 'Comfortable'], ['compact', 'Compact']], preferences.density,
      (density) => prefer({ density: /** @type {any} */ (density) }))),
    row('Times', `Local times are those of ${zone}. The tooltip of a time shows UTC.`, segments(
      'Times', [['local', 'Local'], ['utc', 'UTC']], preferences.zone,
      (chosen) => prefer({ zone: /** @type {any} */ (chosen) }))));
}

/** @param {[string, any][]} facts */
function list(facts) {
  return el('dl.facts-list', {}, factRows(facts));
}

function sessionFacts() {
  const { info, user } = session;
  const { listeners = {}, server = {} } = info;
  const facts = /** @type {[string, any][]} */ ([
    ['User', user ?? 'anonymous: no login is needed'],
    ...(server.id ? [['Server', server.id]] : []),
    ...(server.version ? [['Version', server.version]] : []),
    ...(server.node ? [['Node', String(server.node)]] : []),
    ...Object.entries(listeners).map(([name, addresses]) =>
      [`Listens for ${name}`, [addresses].flat().join(', ') || 'off']),
  ]);
  const isFixed = info.read_only && !info.look_only;
  const look = row('Look only', isFixed ? 'The server is started with --console read-only.'
    : 'Statements that change anything are rejected in this session.',
  segments('Look only', [['off', 'Off'], ['on', 'On']], info.read_only ? 'on' : 'off',
    (chosen) => void lookOnly(chosen === 'on')));
  if (isFixed) for (const each of look.querySelectorAll('button')) each.disabled = true;
  return el('section.panel', {}, el('h2', {}, 'Session'), look, list(facts));
}

/** @param {Record<string, any>[]} server */
function serverFacts(server) {
  const sections = new Map();
  for (const each of server) {
    const facts = sections.get(each.section) ?? [];
    facts.push([String(each.name).replace(/ bytes$/, ''), valueOf(each)]);
    sections.set(each.section, facts);
  }
  return [...sections].map(([name, facts]) =>
    el('div.fact-group', {}, el('h3', {}, name), list(facts)));
}

/** @param {Record<string, any>} fact */
function valueOf(fact) {
  const number = Number(fact.value);
  if (fact.value === '' || Number.isNaN(number)) return String(fact.value);
  if (/bytes$/.test(fact.name)) return size(number);
  return Number.isInteger(number) && !/process id/.test(fact.name) ? count(number)
    : String(fact.value);
}

/**
 * @param {Record<string, any>[]} properties @param {AbortSignal} signal
 * @param {() => void} changed called after a change
 */
function propertyTable(properties, signal, changed) {
  const fixed = whyNoSystem();
  const change = (/** @type {any} */ each) => button('', 'Change…', () =>
    openSystemSetting(each, signal, changed),
  { class: 'quiet small', disabled: Boolean(fixed), 'aria-label': `Change… ${each.property}` });
  return el('div.table-scroll', { tabindex: 0, role: 'region', 'aria-label': 'Session defaults' },
    el('table.plain-table', {}, el('thead', {}, el('tr', {}, ['Property', 'Value', 'Set by',
      'For all sessions'].map((name) => el('th', { scope: 'col' }, name)))),
    el('tbody', {}, properties.map((each) => el('tr', {}, el('th', { scope: 'row' }, each.property),
      el('td', {}, each.value), el('td', {}, each.set_by), el('td', {}, change(each)))))));
}

/** @type {import('../core/router.js').Page} */
export const page = {
  async show(main, _params, signal) {
    const server = el('section.panel', {}, el('h2', {}, 'Server'),
      el('p.soft', { role: 'status' }, 'The facts are loading.'));
    const properties = el('section.panel', {}, el('h2', {}, 'Session defaults'));
    main.append(el('div.page', {}, el('h1', {}, 'Settings'), appearance(), sessionFacts(),
      rightsPanel(signal), server, properties));
    const read = async () => {
      try {
        const [facts, defaults] = (await selectAll(SERVER_SQL, signal)).map(objects);
        fill(server, el('h2', {}, 'Server'),
          el('p.soft', {}, `As of ${dateTime(Date.now()).slice(0, 19)}, from SHOW SERVER.`),
          el('div.fact-groups', {}, serverFacts(facts)));
        const reason = whyNoSystem();
        fill(properties, el('h2', {}, 'Session defaults'), el('p.soft', {}, 'From SHOW ' +
          'PROPERTIES. A draft of the SQL page can set others, and ALTER SYSTEM changes those ' +
          'of all sessions.'), reason && el('p.soft.reason', {}, reason),
        propertyTable(defaults, signal, () => void read()));
        properties.hidden = false;
      } catch (error) {
        if (signal.aborted) return;
        properties.hidden = true;
        fill(server, el('h2', {}, 'Server'), el('p.error-text', { role: 'alert' },
          /** @type {Error} */ (error).message),
        button('refresh', 'Try again', () => void read()));
      }
    };
    await read();
  },
};
