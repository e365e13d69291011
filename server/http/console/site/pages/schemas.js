// @ts-check
// The schemas of the registry: subjects with their versions, and the text of one version.
import { button, el, factRows, fill, segments } from '../core/element.js';
import { count, plural } from '../core/format.js';
import { registry } from '../core/rest.js';
import { whyFixed } from '../core/session.js';
import { objects, selectAll } from '../core/sql.js';
import { addFilterKey, filterBox } from '../live/filter.js';
import { pretty } from '../live/message_detail.js';
import { LiveTable } from '../live/live_table.js';
import { sqlButton } from '../live/panel.js';
import { openCheck } from '../live/schema_check.js';
import { openRules } from '../live/schema_rules.js';
import { diffLines, diffNode } from '../views/diff.js';

const SCHEMAS = 'SHOW SCHEMAS';

/** @param {string} subject @param {any} version */
function hrefOf(subject, version) {
  return `#schemas?s=${encodeURIComponent(subject)}&v=${version}`;
}

/**
 * Returns the newest version of each subject, with the number of its versions.
 * @param {Record<string, any>[]} rows
 */
export function newestOf(rows) {
  /** @type {Map<string, any>} */
  const subjects = new Map();
  for (const row of rows) {
    const known = subjects.get(row.subject);
    const versions = (known?.versions ?? 0) + 1;
    const newest = known && known.version > row.version ? known : row;
    subjects.set(row.subject, { ...newest, versions });
  }
  return [...subjects.values()];
}

/** Returns the topic that a subject belongs to by its name. @param {string} subject */
export function topicOfSubject(subject) {
  return /^(.+)-(key|value)$/.exec(subject)?.[1] ?? '';
}

/** @param {HTMLElement} body @param {Record<string, any>[]} rows */
function showList(body, rows) {
  const table = new LiveTable('Schemas', [
    { title: 'Subject', value: (row) => row.subject, node: (row) =>
      el('a', { href: hrefOf(row.subject, row.version) }, el('bdi', {}, row.subject)) },
    { title: 'Type', value: (row) => row.type },
    { title: 'Newest version', isNumber: true, value: (row) => row.version },
    { title: 'Versions', isNumber: true, value: (row) => row.versions },
    { title: 'Id', isNumber: true, value: (row) => row.id },
    { title: 'Topic', value: (row) => topicOfSubject(row.subject), node: (row) => {
      const topic = topicOfSubject(row.subject);
      return topic ? el('a', { href: `#topics?t=${encodeURIComponent(topic)}` },
        el('bdi', {}, topic)) : '–';
    } }],
  { key: (row) => row.subject, most: 200, empty: 'No schema is registered. Streams with AVRO, ' +
    'PROTOBUF or JSON_SR register theirs, and so do serializers of Kafka clients.' });
  const all = newestOf(rows);
  const summary = el('p.soft', { role: 'status' });
  const filter = filterBox('subjects', () => draw());
  const draw = () => {
    const wanted = filter.wanted();
    const shown = all.filter((row) => row.subject.toLowerCase().includes(wanted));
    summary.textContent = wanted ? `${plural(shown.length, 'subject')} of ${count(all.length)}`
      : plural(all.length, 'subject');
    table.show(shown);
  };
  draw();
  fill(body, el('div.list-bar', {}, filter.node, summary), table.node);
}

/**
 * @param {HTMLElement} body @param {Record<string, any>[]} rows @param {string} subject
 * @param {string} version @param {AbortSignal} signal
 */
function showSubject(body, rows, subject, version, signal) {
  const versions = rows.filter((row) => row.subject === subject)
    .sort((a, b) => b.version - a.version);
  const chosen = versions.find((row) => String(row.version) === version) ?? versions[0];
  if (!chosen) {
    fill(body, el('p.soft', {}, `No subject ${subject} exists, or you may not see it.`));
    return;
  }
  const facts = el('dl.query-facts'), text = el('div');
  const older = versions[versions.indexOf(chosen) + 1];
  const fixed = whyFixed();
  const draw = (/** @type {string} */ view) => {
    const shown = pretty(String(chosen.schema));
    fill(text, view === 'text' ? el('pre.sql-text.record-text', { tabindex: 0,
      'aria-label': 'Schema' }, shown) : diffNode(diffLines(pretty(String(older.schema)), shown),
    `Difference of version ${older.version} and version ${chosen.version}`));
  };
  const views = older && segments('View', [['text', 'Text'],
    ['diff', `Changes since version ${older.version}`]], 'text', draw);
  fill(body, el('nav.tabs', { 'aria-label': 'Versions' }, versions.map((row) =>
    el('a', { href: hrefOf(subject, row.version), 'aria-current': row === chosen ? 'page' : null },
      `Version ${row.version}`))),
  facts, el('div.list-bar', {}, views, el('span.spring'),
    fixed && el('span.soft.reason', {}, fixed),
    button('', 'Change rules…', () => void openRules(subject, signal, () =>
      void showRules(facts, chosen, subject, signal)), { disabled: Boolean(fixed) }),
    button('', 'Check a schema…', () => openCheck(subject, chosen.type,
      pretty(String(versions[0].schema)), signal))), text);
  draw('text');
  void showRules(facts, chosen, subject, signal);
}

/**
 * Adds the level and the mode of a subject to its facts.
 * @param {HTMLElement} facts @param {Record<string, any>} chosen @param {string} subject
 * @param {AbortSignal} signal
 */
async function showRules(facts, chosen, subject, signal) {
  const own = /** @type {[string, any][]} */ ([['Id', chosen.id], ['Type', chosen.type]]);
  fill(facts, factRows(own));
  try {
    const name = encodeURIComponent(subject);
    const [config, mode] = await Promise.all([`/config/${name}`, `/mode/${name}`].map((path) =>
      registry(`${path}?defaultToGlobal=true`, signal)));
    fill(facts, factRows([...own, ['Compatibility', config.compatibilityLevel],
      ['Mode', mode.mode]]));
  } catch {
    // Compatibility and mode are not shown then: only users with rights on everything may read
    // them.
  }
}

/** @type {import('../core/router.js').Page} */
export const page = {
  async show(main, params, signal) {
    const subject = params.get('s');
    const body = el('div.panel-body.spaced', {},
      el('p.soft', { role: 'status' }, 'The schemas are read.'));
    main.append(el('div.page.live-page.wide', {}, el('header.page-head', {}, el('div', {},
      subject !== null && el('a.back', { href: '#schemas' }, '‹ Schemas'),
      el('h1', {}, subject === null ? 'Schemas' : el('bdi', {}, subject)))),
    el('section.panel', {}, el('header.panel-head', {}, el('h2', {}, subject === null
      ? 'Subjects of the registry' : 'Versions'), el('span.spring'),
    sqlButton(SCHEMAS, 'the schemas')), body)));
    if (subject === null) addFilterKey('Filter the subjects', body, signal);
    const read = async () => {
      try {
        const [result] = await selectAll(SCHEMAS, signal, { max_rows: 100_000 });
        const rows = objects(result);
        if (subject === null) showList(body, rows);
        else showSubject(body, rows, subject, params.get('v') ?? '', signal);
      } catch (error) {
        if (signal.aborted) return;
        fill(body, el('p.error-text', { role: 'alert' },
          `${/** @type {Error} */ (error).message}.`),
        button('refresh', 'Try again', () => void read()));
      }
    };
    await read();
  },
};
