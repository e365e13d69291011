// @ts-check
// One connector: its state, its tasks, its errors and its settings.
import { button, el, factRows, fill, refill, toast } from '../core/element.js';
import { confirmSql } from '../core/dialog.js';
import { size } from '../core/format.js';
import { Polled } from '../core/polled.js';
import { go } from '../core/router.js';
import { session } from '../core/session.js';
import { quoteName, selectAll, sentencesOf } from '../core/sql.js';
import { ConnectorSettings } from './connector_settings.js';
import { describeConnector, factsOf, markOf, noteOf, TASKS } from './connectors.js';
import { short } from '../live/figures.js';
import { LiveTable } from '../live/live_table.js';
import { Panel, watchStale } from '../live/panel.js';
import { topicHref } from '../live/topics.js';

/** @typedef {import('../live/live_table.js').LiveColumn} LiveColumn */
/** @typedef {Parameters<typeof confirmSql>[0]} Change */

const MOST_CHARS = 80; // of a position or an error in the table of tasks

/** @param {string} title @param {string} name @returns {LiveColumn} */
function number(title, name) {
  return { title, isNumber: true, value: (row) => row[name], text: (row) => row[name] === null
    ? '–' : short(row[name]) };
}

/** @param {string} title @param {string} name @returns {LiveColumn} */
function bytes(title, name) {
  return { title, isNumber: true, value: (row) => row[name], text: (row) => row[name] === null
    ? '–' : size(Number(row[name])) };
}

/** Shortens a text to MOST_CHARS; the tooltip shows all of it. @param {string} text */
function cut(text) { return text.length > MOST_CHARS ? `${text.slice(0, MOST_CHARS)}…` : text; }

/** @param {(task: number) => void} restart @param {() => boolean} isFixed */
function columnsOf(restart, isFixed) {
  return /** @type {LiveColumn[]} */ ([
    { title: 'Task', isNumber: true, value: (row) => row.task },
    { title: 'State', value: (row) => row.state, mark: (row) => markOf(row.state),
      hint: (row) => noteOf(row.state) },
    { title: 'Node', value: (row) => row.node ?? '–' },
    number('Lag', 'lag records'), number('Records', 'records'), bytes('Bytes/s', 'bytes/s'),
    number('Commits', 'commits'), number('Retries', 'retries'),
    number('Dead letters', 'dead letters'), number('Restarts', 'restarts'),
    bytes('Memory', 'memory bytes'),
    { title: 'Position', value: (row) => cut(row.position ?? '–'),
      hint: (row) => row.position ?? '' },
    { title: 'Last error', value: (row) => cut(row['last error'] ?? ''),
      hint: (row) => row['last error'] ?? '' },
    { title: 'Act', value: () => isFixed(), node: (row) => button('refresh', 'Restart', () =>
      restart(Number(row.task)), { class: 'quiet', disabled: isFixed(),
      'aria-label': `Restart task ${row.task}` }) },
  ]);
}

/** Returns why the session may not change the connector, or ''. @param {boolean} seesSettings */
export function whyNoChange(seesSettings) {
  if (session.info.read_only) return 'This session is read-only.';
  return seesSettings ? '' : 'Changes need the right CREATE CONNECTOR.';
}

/**
 * Returns the actions that a connector in this state allows: Resume or Pause, Stop, Restart, Drop.
 * @param {string} name @param {string} state @returns {Change[]}
 */
export function changesOf(name, state) {
  const sql = (/** @type {string} */ word) => `${word.toUpperCase()} CONNECTOR ${quoteName(name)};`;
  const change = (/** @type {string} */ act, /** @type {string} */ note) =>
    ({ title: `${act} ${name}`, act, note, sql: sql(act) });
  const rests = state === 'PAUSED' || state === 'STOPPED';
  return [
    rests ? change('Resume', 'The connector continues at its position.')
      : change('Pause', 'The tasks copy nothing until the connector is resumed.'),
    ...state === 'STOPPED' ? [] : [change('Stop', 'The tasks end. The positions stay, and can be ' +
      'changed while the connector is stopped.')],
    ...rests ? [] : [change('Restart', 'The connector and all its tasks start again, at their ' +
      'positions.')],
    { title: `Drop ${name}`, act: 'Drop', note: 'The tasks end, and the definition is deleted. ' +
      'Topics, streams and tables stay.', sql: sql('Drop'), word: name },
  ];
}

/**
 * Shows the page of a connector.
 * @param {HTMLElement} main @param {string} name @param {AbortSignal} signal
 */
export function showConnector(main, name, signal) {
  /** @type {Panel[]} */
  const panels = [];
  const update = () => { for (const panel of panels) panel.update(); };
  const about = new Polled(`${describeConnector(name)};\n${TASKS}`, signal, update);
  const readAll = () => void about.read();
  const run = async (/** @type {Change} */ change) => {
    if (!await confirmSql(change)) return;
    let isDone = false;
    try {
      await selectAll(change.sql, signal);
      isDone = true;
      toast(`${change.title}: done.`);
    } catch (error) {
      if (!signal.aborted) toast(`${change.title}: ${sentencesOf(error)}`);
    }
    if (change.act === 'Drop' && isDone) go('connectors');
    else readAll();
  };
  const acts = el('div.query-acts'), facts = el('dl.query-facts'), errors = el('div.spaced');
  let reason = '', drawnActs = '', drawnErrors = '';
  const settings = new ConnectorSettings(name, signal, readAll);
  const drawActs = (/** @type {string} */ state) => {
    const key = `${state} ${reason}`;
    if (key === drawnActs) return;
    drawnActs = key;
    if (reason) fill(acts, el('span.soft.reason', {}, reason));
    else fill(acts, changesOf(name, state).map((change) => button('', change.word
      ? `${change.act}…` : change.act, () => void run(change),
    { class: change.word ? 'danger' : '' })));
  };
  const drawErrors = (/** @type {[string, string][]} */ found) => {
    const key = JSON.stringify(found);
    if (key === drawnErrors) return;
    drawnErrors = key;
    fill(errors, found.length ? found.map(([title, text]) => el('div', {}, el('h3', {}, title),
      el('pre.record-text', { tabindex: 0, 'aria-label': title }, text)))
      : el('p.soft', {}, 'No task reports an error.'));
  };
  const table = new LiveTable('Tasks', columnsOf((task) => void run({ act: 'Restart',
    title: `Restart task ${task} of ${name}`, note: 'The task starts again, at its position.',
    sql: `RESTART CONNECTOR ${quoteName(name)} TASK ${task};` }), () => Boolean(reason)),
  { key: (row) => String(row.task), empty: 'The connector has no task.' });
  panels.push(
    new Panel('State', [about], facts, { sql: describeConnector(name), draw: () => {
      const { facts: known, errors: found, settings: values } = factsOf(about.rows);
      const state = known.get('state') ?? '';
      reason = whyNoChange(values.size > 0);
      refill(facts, stateFacts(known));
      drawActs(state);
      drawErrors(found);
      settings.show(known.get('class') ?? '', values, reason);
    } }),
    new Panel('Tasks', [about], table.node, { sql: TASKS, draw: () =>
      table.show((about.results[1] ?? []).filter((row) => row.connector === name)) }));
  main.append(el('div.page.live-page.wide', {},
    el('header.page-head', {}, el('div', {},
      el('a.back', { href: '#connectors' }, '‹ Connectors'),
      el('h1', {}, el('bdi', {}, name))), acts),
    panels.map(({ node }) => node),
    el('section.panel', {}, el('header.panel-head', {}, el('h2', {}, 'Errors')), errors),
    settings.node));
  watchStale(panels, signal);
}

/** @param {Map<string, string>} known */
function stateFacts(known) {
  const state = known.get('state') ?? '';
  const links = (known.get('topics') ?? '').split(', ').filter(Boolean).map((topic, at) =>
    [at ? ', ' : null, el('a', { href: topicHref(topic) }, el('bdi', {}, topic))]);
  const names = [['Class', 'class'], ['Runs at', 'runs at'], ['Worker', 'worker'],
    ['Owner', 'owner'], ['Delivery', 'delivery'], ['Streams and tables', 'sources']];
  return factRows([
    ['State', el('span', {}, el('span', { 'data-mark': markOf(state) }, state),
      noteOf(state) && el('span.soft', {}, ` ${noteOf(state)}`))],
    ['Type', known.get('type') ?? '–'],
    ...names.filter(([, name]) => known.has(name)).map(([title, name]) =>
      /** @type {[string, any]} */ ([title, known.get(name)])),
    ['Topics', links.length ? el('span', {}, ...links.flat()) : 'none yet'],
  ]);
}
