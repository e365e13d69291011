// @ts-check
// One persistent query: its state, lag and rate over the last hour, its tasks, plan and statement.
import { button, el, factRows, fill, refill, toast } from '../core/element.js';
import { confirmSql } from '../core/dialog.js';
import { Followed } from '../core/follow.js';
import { clock, size } from '../core/format.js';
import { session } from '../core/session.js';
import { quoteName, selectAll } from '../core/sql.js';
import { labelOf, pointsOf, queryOf, samplesOf, short, tasksOf, timeToCatchUp } from './figures.js';
import { HourChart } from './hour_chart.js';
import { neighbours } from './neighbours.js';
import { Panel, watchStale } from './panel.js';
import { QueryErrors } from './query_errors.js';
import { openReplace, readersSentence, replacementOf } from './replace_query.js';
import { PlanPanel } from '../sql/plan_panel.js';

/** Texts of states, for people who do not know the words of SHOW QUERIES. */
const STATE_NOTES = {
  RUNNING: 'reads its sources as records arrive',
  PAUSED: 'reads nothing until it is resumed',
  ERROR: 'does not continue',
  WAITING: 'is not run by any node yet',
};

/**
 * Returns whether one task delays the query, or all of them. If only one task is behind, the query
 * needs another key; if all tasks are behind, it needs more CPU.
 * @param {Record<string, any>[]} tasks
 */
export function diagnosis(tasks) {
  const lags = tasks.map((task) => Number(task.lag ?? 0));
  const most = Math.max(0, ...lags);
  if (lags.length < 2 || most < 1000) return '';
  const behind = lags.filter((lag) => lag > most / 4).length;
  if (behind === lags.length)
    return 'All tasks are behind: the query needs more CPU than it gets.';
  if (behind <= Math.max(1, lags.length / 4))
    return 'One part is behind and the others are not: a few keys have most of the records.';
  return `${behind} of ${lags.length} tasks are behind.`;
}

/** The tasks as cells, coloured by their lag. */
class Tasks {
  constructor() {
    this.strip = el('div.task-stages');
    this.note = el('p.soft', { role: 'status' });
    this.node = el('div', {}, this.strip, this.note);
  }

  /** @param {Record<string, any>[]} tasks */
  show(tasks) {
    /** @type {Map<number, Record<string, any>[]>} */
    const stages = new Map();
    for (const task of tasks) stages.set(task.stage, [...stages.get(task.stage) ?? [], task]);
    const rows = [...stages].sort(([a], [b]) => a - b).map(([stage, list]) =>
      el('div.task-stage', {}, el('span.task-label', {}, `Stage ${stage + 1}`),
        el('ul.task-strip', { 'aria-label': `Tasks of stage ${stage + 1}` },
          list.sort((a, b) => partOf(a) - partOf(b)).map(cell))));
    fill(this.strip, rows.length ? rows : el('p.soft', {}, 'This node runs no task of the query.'));
    this.note.textContent = diagnosis(tasks);
  }
}

/** @param {Record<string, any>} task */
function partOf(task) { return Number(String(task.task).split('/').pop()); }

/** @param {Record<string, any>} task */
function cell(task) {
  const lag = Number(task.lag ?? 0);
  const isInError = task.state === 'ERROR';
  const level = isInError ? 'error' : lag > 10_000 ? 'high' : lag > 100 ? 'raised' : 'low';
  const text = `${partOf(task)}: ${String(task.state).toLowerCase()}, ` +
    `${lag.toLocaleString('en-US')} records behind, ${task.rows_per_second} rows/s`;
  return el('li.task-cell', { 'data-level': level, title: text },
    el('span', { 'aria-hidden': 'true' }, isInError ? '✖' : level === 'low' ? '' : short(lag)),
    el('span.hidden-text', {}, text));
}

/**
 * Shows the page of a query.
 * @param {HTMLElement} main @param {string} id @param {AbortSignal} signal
 */
export function showQuery(main, id, signal) {
  /** @type {Panel[]} */
  const panels = [];
  const update = () => { for (const panel of panels) panel.update(); };
  const follow = (/** @type {string} */ sql) => new Followed(sql, signal, update);
  const query = follow(queryOf(id)), tasks = follow(tasksOf(id));
  const label = labelOf('query', id);
  const lag = follow(samplesOf('millrace_query_lag_records', label));
  const rate = follow(samplesOf('millrace_query_records_per_second', label));
  const acts = el('div.query-acts');
  const errors = el('p.error-text'), gone = el('p.note', { hidden: true });
  const list = new QueryErrors(id, signal);
  const definition = el('pre.sql-text', { tabindex: 0, 'aria-label': 'Definition' });
  const facts = el('dl.query-facts');
  let drawnActs = '';
  const head = new Panel('State', [query], el('div', {}, gone, facts, errors), { draw: () => {
    const [row] = query.rows;
    gone.hidden = Boolean(row);
    gone.textContent = `No query ${id} exists, or you may not see it.`;
    if (!row) return fill(facts);
    list.follow(row.errors);
    fillFacts(facts, row, timeToCatchUp(pointsOf(lag.rows)));
    errors.textContent = row.last_error ? `Last error: ${row.last_error}` : '';
    if (definition.textContent !== row.statement) definition.textContent = row.statement ?? '';
    const key = `${row.state} ${session.info.read_only} ${row.statement}`;
    if (key === drawnActs) return undefined;
    drawnActs = key;
    return fill(acts, actsOf(row, signal));
  } });
  const strip = new Tasks();
  panels.push(head,
    chartPanel('Lag', 'records', lag), chartPanel('Rows read', 'rows/s', rate),
    new Panel('Tasks', [tasks], strip.node, { draw: () => strip.show(tasks.rows),
      note: 'A cell for each partition, with its lag if it is behind. Tasks that other nodes run ' +
        'are not shown.' }));
  const plan = new PlanPanel(signal);
  const lineage = el('div.neighbours');
  main.append(el('div.page.live-page', {},
    el('header.page-head', {}, el('div', {}, el('a.back', { href: '#queries' }, '‹ Queries'),
      el('h1', {}, id)), acts),
    panels[0].node, el('div.columns', {}, panels[1].node, panels[2].node), list.node,
    panels[3].node,
    el('section.panel', {}, el('h2', {}, 'Neighbours'), lineage),
    el('section.panel', {}, el('h2', {}, 'Plan'), el('div.plan-place', {}, plan.node)),
    el('section.panel', {}, el('h2', {}, 'Definition'), definition)));
  void plan.show(id);
  void neighbours(lineage, id, signal);
  watchStale(panels, signal);
}

/** @param {HTMLElement} facts @param {Record<string, any>} row @param {number|null} left ms */
function fillFacts(facts, row, left) {
  const note = STATE_NOTES[/** @type {keyof typeof STATE_NOTES} */ (row.state)] ?? '';
  const items = /** @type {[string, any][]} */ ([
    ['State', el('span', {}, el('span', { 'data-mark': row.state }, row.state),
      note && el('span.soft', {}, ` ${note}`))],
    ['Reads', row.reads ?? '–'], ['Writes', row.writes ?? 'nothing: it keeps a declared table'],
    ['Lag', `${row.lag === null ? 'not known' : Number(row.lag).toLocaleString('en-US')}${
      left ? ` · caught up in about ${clock(left)}` : ''}`],
    ['Rows/s', short(row.rows_per_second)], ['Rows', short(row.rows)],
    ['Errors', short(row.errors)], ['Late', short(row.late)],
    ['State size', row.state_bytes === null ? '–' : size(Number(row.state_bytes))],
    ['Memory', row.memory === null ? '–' : size(Number(row.memory))],
  ]);
  refill(facts, factRows(items));
}

/** @param {string} title @param {string} unit @param {Followed} samples */
function chartPanel(title, unit, samples) {
  const chart = new HourChart(`${title} in ${unit}, last hour`, unit);
  return new Panel(`${title}, last hour`, [samples], chart.node, { draw: () =>
    chart.show(pointsOf(samples.rows)) });
}

/** @param {Record<string, any>} row @param {AbortSignal} signal */
function actsOf(row, signal) {
  if (session.info.read_only) return [el('span.soft', {}, 'This session is read-only.')];
  const name = quoteName(row.query);
  const act = (/** @type {string} */ word, /** @type {string} */ note) =>
    button('', word, () => void run({ title: `${word} ${row.query}`, note, act: word,
      sql: `${word.toUpperCase()} ${name};` }, signal));
  const pause = row.state === 'PAUSED'
    ? act('Resume', 'The query continues at the records at which it was paused.')
    : row.state === 'ERROR' ? act('Resume', 'The query tries again, from its last checkpoint.')
      : act('Pause', 'The query reads nothing until it is resumed. Its lag grows meanwhile.');
  const drop = button('', 'Drop…', () => void run({ title: `Drop ${row.query}`, act: 'Drop',
    note: `The query ends. ${row.writes ? `${row.writes} keeps its rows, and gets no more.` : ''}`,
    later: row.writes ? readersSentence(row.query, signal) : undefined,
    sql: `TERMINATE ${name};`, word: row.query }, signal), { class: 'danger' });
  const replace = replacementOf(row.statement) && button('', 'Replace…', () =>
    openReplace(row.query, row.statement, signal));
  return [pause, replace, drop];
}

/** @param {Parameters<typeof confirmSql>[0]} what @param {AbortSignal} signal */
async function run(what, signal) {
  if (!await confirmSql(what)) return;
  try {
    await selectAll(what.sql, signal);
    toast(`${what.title}: done.`);
  } catch (error) {
    if (!signal.aborted) toast(`${what.title}: ${/** @type {Error} */ (error).message}`);
  }
}
