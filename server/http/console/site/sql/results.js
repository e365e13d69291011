// @ts-check
// The results of a run below the editor.
import { announce, button, el, fill, icon, press, segments } from '../core/element.js';
import { Grid } from '../views/grid.js';
import { count } from '../core/format.js';
import { MOST_KEYS } from '../views/table.js';
import { View } from '../views/view.js';
import { withoutComments } from '../editor/split.js';
import { onPreferences } from '../core/store.js';
import { ChartPanel } from './chart_panel.js';
import { inspect } from './inspector.js';
import { failureCard, lostCard, noticeList, quietCard, stoppedCard } from './cards.js';
import { PlanPanel } from './plan_panel.js';
import { describe, isQuiet, isStale, Pace, Rate } from './status.js';
import { Tools } from './tools.js';

/** @typedef {import('../views/run.js').Result} Result */
/** @typedef {import('../views/run.js').Run} Run */
/**
 * Functions of the page that the panel calls.
 * @typedef {{again: (change: {fromStart?: boolean, limit?: number}) => void,
 *            stop: () => void, fix: (result: Result) => void,
 *            makeTable: (result: Result) => void, limit: () => number}} Asks
 */

const CHART_PAUSE_MS = 250;
const LINGER_PAUSE_MS = 300;
const SORT_PAUSE_MS = 100;
const MORE = 10_000; // rows that the button under a limited result fetches

/**
 * Invariants: at most one frame is asked for at a time; a hidden result is not drawn. Rows arrive
 * between frames and only change the model.
 */
export class ResultPanel {
  /** @param {Asks} asks @param {AbortSignal} signal */
  constructor(asks, signal) {
    this.asks_ = asks;
    this.signal_ = signal;
    /** @type {Run|null} */
    this.run = null;
    /** @type {Result|null} */
    this.result = null;
    this.mode = 'table';
    this.frame_ = 0;
    this.hasNews_ = false; // whether the rows differ from those of the last frame
    this.chartAt_ = 0;
    /** @type {number|undefined} */
    this.pause_ = undefined;
    this.grid = new Grid('Rows of the result', {
      inspect, sort: (column) => this.sort_(column),
      scrolled: (isAtEnd) => { if (this.mode === 'stream') this.grid.followsEnd = isAtEnd; },
    });
    this.chart_ = new ChartPanel(() => this.mark());
    this.plan_ = new PlanPanel(signal);
    this.tools_ = new Tools(this);
    this.tabs_ = el('div.result-tabs', { role: 'tablist', 'aria-label': 'Results', hidden: true });
    this.word_ = el('strong');
    this.facts_ = el('span.facts');
    this.status_ = el('div.status', {}, el('span.dot', { 'aria-hidden': 'true' }), this.word_,
      this.facts_);
    this.stop_ = button('stop', 'Stop', () => asks.stop(), { class: 'stop', title: 'Ctrl+.' });
    this.modes_ = segments('View', [['table', 'Table'], ['stream', 'Stream'], ['chart', 'Chart'],
      ['plan', 'Plan']], 'table', (mode) => this.choose(mode));
    this.bar_ = el('div.result-bar', {}, this.status_, this.stop_, el('span.spring', {}),
      this.modes_);
    this.cards_ = el('div.result-cards');
    this.body_ = el('div.result-body');
    this.foot_ = el('div.result-foot');
    this.node = el('section.results', { 'aria-label': 'Result' });
    onPreferences(() => { this.grid.rebuild(); this.mark(); }, signal);
    addEventListener('resize', () => this.mark(), { signal });
    const beat = setInterval(() => this.tick_(), 500);
    signal.addEventListener('abort', () => {
      clearInterval(beat);
      clearTimeout(this.pause_);
      cancelAnimationFrame(this.frame_);
    });
  }

  /** Shows a node in place of results. @param {Node} node */
  showInstead(node) {
    this.run = this.result = null;
    fill(this.node, node);
  }

  /** Shows the results of a run from now on. @param {Run} run */
  show(run) {
    this.run = run;
    this.mode = 'table';
    fill(this.node, this.tabs_, this.bar_, this.cards_, this.tools_.node, this.body_, this.foot_);
    this.select(run.current);
    this.draw_(performance.now()); // at once: a card of the run before must not act on this one
  }

  /** Shows one result of the run. @param {Result} result */
  select(result) {
    this.result = result;
    [this.rate_, this.pace_] = [new Rate(), new Pace()];
    this.isOpened_ = false;
    if (this.mode === 'plan' && !result.text) this.mode = 'table';
    this.open_();
    this.mark();
  }

  /** Follows a run: a result that begins is shown. @param {Result} result */
  changed(result) {
    if (this.run && result !== this.result && result === this.run.current &&
      this.run.results.includes(result) && this.result?.isOver && this.result.state !== 'failed')
      this.select(result);
    else if (result === this.result && !this.isOpened_) this.open_();
    this.hasNews_ ||= result === this.result;
    this.mark();
  }

  /** @param {string} mode */
  choose(mode) {
    this.mode = mode;
    this.isOpened_ = false;
    this.open_();
    this.mark();
  }

  /** Builds the body for the result, once its columns are known. */
  open_() {
    const { result, mode } = this;
    if (!result) return;
    press(this.modes_, mode);
    const isPlan = mode === 'plan';
    this.tools_.node.hidden = isPlan || !result.hasRows;
    if (isPlan) {
      fill(this.body_, this.plan_.node);
      void this.plan_.show(result.text);
      this.isOpened_ = true;
      return;
    }
    if (!result.hasRows) return fill(this.body_);
    this.isOpened_ = true;
    if (mode === 'chart') {
      this.chart_.open(result.columns);
      fill(this.body_, this.chart_.node);
    } else {
      const isStream = mode === 'stream' || (result.isLive && !result.table);
      const source = (isStream ? result.log : null) ?? result.table ?? result.list ?? result.log;
      if (!source) return;
      const shown = isStream && result.log ? result.log : source;
      this.view = new View(shown, result.columns);
      this.grid.show(this.view, shown === result.log);
      this.grid.followsEnd = shown === result.log;
      fill(this.body_, this.grid.node);
    }
    this.tools_.open(result);
  }

  /** @param {number} column */
  sort_(column) {
    this.view?.sortBy(column);
    this.grid.followsEnd = false;
    this.grid.drawHeader();
    this.mark();
  }

  /** @param {string} text */
  filter(text) {
    this.view?.filterBy(text);
    this.mark();
  }

  /** Asks for a frame. */
  mark() {
    if (!this.frame_) this.frame_ = requestAnimationFrame((now) => this.draw_(now));
  }

  /** Asks for a frame after a pause; one pause runs at a time. @param {number} ms */
  markIn_(ms) {
    this.pause_ ??= window.setTimeout(() => {
      this.pause_ = undefined;
      this.mark();
    }, ms);
  }

  tick_() {
    const { result } = this;
    if (result && (!result.isOver || result.table?.isLingering)) this.mark();
  }

  /** @param {number} now */
  draw_(now) {
    cancelAnimationFrame(this.frame_);
    this.frame_ = 0;
    const { result, run } = this;
    if (!result || !run) return;
    if (result.table?.expire(now)) this.hasNews_ = true;
    this.drawTabs_(run);
    this.drawStatus_(result, now);
    this.drawCards_(result);
    this.node.classList.toggle('is-stale', isStale(result) || result.state === 'lost');
    if (this.isOpened_ && this.mode === 'chart') this.drawChart_(result, now);
    else if (this.isOpened_ && this.mode !== 'plan') this.drawGrid_(now);
    this.drawFoot_(result);
    if (result.table?.isLingering) this.markIn_(LINGER_PAUSE_MS);
  }

  /** @param {number} now */
  drawGrid_(now) {
    if (this.hasNews_ || this.view?.isStale) this.view?.refresh(now);
    this.hasNews_ = false;
    if (this.view?.isStale) this.markIn_(SORT_PAUSE_MS);
    if (this.grid.draw(now)) this.markIn_(LINGER_PAUSE_MS);
  }

  /** @param {Result} result @param {number} now */
  drawChart_(result, now) {
    if (now - this.chartAt_ < CHART_PAUSE_MS && !result.isOver) {
      this.markIn_(CHART_PAUSE_MS);
      return;
    }
    this.chartAt_ = now;
    this.chart_.draw(result.rowsToExport());
  }

  /** @param {Run} run */
  drawTabs_(run) {
    this.tabs_.hidden = run.results.length < 2;
    const key = run.results.map((each) => `${each.state}${each === this.result}`).join();
    if ((key === this.tabsKey_ && run === this.tabsOf_) || this.tabs_.hidden) return;
    [this.tabsKey_, this.tabsOf_] = [key, run];
    this.tabs_.replaceChildren(...run.results.map((each) => el('button.result-tab', {
      type: 'button', role: 'tab', 'aria-selected': String(each === this.result),
      'data-state': each.state, title: each.text.slice(0, 500), onclick: () => this.select(each),
    }, el('span.dot', { 'aria-hidden': 'true' }), `${each.number} ${summary(each.text)}`)));
  }

  /** @param {Result} result @param {number} now */
  drawStatus_(result, now) {
    const state = `${result.state} ${isStale(result)} ${result.hasRows} ${this.mode}`;
    if (!this.pace_?.isDue(state, now)) return;
    const { word, parts } = describe(result, this.rate_?.perSecond(result.received) ?? 0);
    const facts = parts.filter(Boolean).join(' · ');
    const isOther = this.word_.textContent !== word;
    const hasOtherFacts = this.facts_.textContent !== facts;
    if (isOther) this.word_.textContent = this.status_.dataset.state = word;
    if (hasOtherFacts) this.facts_.textContent = facts;
    if (isOther || (hasOtherFacts && result.isLive)) announce(`${word} ${facts}`);
    this.stop_.hidden = result.isOver;
    this.drawModes_(result);
  }

  /** Offers the views that the result has. @param {Result} result */
  drawModes_(result) {
    this.modes_.hidden = !result.hasRows && (this.mode === 'plan' || !result.isOver);
    const has = { table: result.hasRows || result.state === 'failed', chart: result.hasRows,
      stream: result.log !== null, plan: true };
    for (const [name, isOffered] of Object.entries(has))
      this.modes_.querySelector(`[data-value=${name}]`).hidden = !isOffered;
  }

  /** @param {Result} result */
  drawCards_(result) {
    const quiet = isQuiet(result);
    const key = `${result.number} ${result.state} ${quiet} ${result.notices.length} ` +
      `${(result.table?.beyond ?? 0) > 0}`;
    if (key === this.cardsKey_ && result === this.cardsOf_) return;
    [this.cardsKey_, this.cardsOf_] = [key, result];
    fill(this.cards_,
      result.notices.length > 0 && noticeList(result.notices),
      result.state === 'failed' && failureCard(result, () => this.asks_.fix(result)),
      result.state === 'lost' && lostCard(result, () => this.asks_.again({})),
      result.state === 'stopped' && stoppedCard(result),
      quiet && quietCard(result, () => this.asks_.again({ fromStart: true })),
      (result.table?.beyond ?? 0) > 0 && el('p.note', {}, icon('warning'), 'The table holds ' +
        `${count(MOST_KEYS)} keys. Changes of further keys are counted, not shown.`));
  }

  /** @param {Result} result */
  drawFoot_(result) {
    const { view } = this;
    const isRows = this.isOpened_ && (this.mode === 'table' || this.mode === 'stream') && view;
    const total = view?.source.length ?? 0;
    const text = !isRows ? '' : view.length !== total
      ? `${count(view.length)} of ${count(total)} rows match` : '';
    const limit = result.more ? `${count(result.received)} of more rows; limit ` +
      `${count(this.asks_.limit())}` : '';
    const paused = this.mode === 'stream' && !this.grid.followsEnd && !result.isOver
      ? 'Paused. Scroll to the end to follow.' : '';
    const key = `${text}${limit}${paused}${result.state}${this.mode}`;
    if (key === this.footKey_) return;
    this.footKey_ = key;
    fill(this.foot_, el('span', {}, [limit, text, paused].filter(Boolean).join(' · ')),
      result.more && button('', `Fetch ${count(MORE)}`, () => this.asks_.again({ limit: MORE }),
        { class: 'small' }));
    this.foot_.hidden = !this.foot_.textContent;
  }
}

/** Returns the first words of a statement. @param {string} text */
function summary(text) {
  const words = withoutComments(text);
  return words.length > 28 ? `${words.slice(0, 27)}…` : words || 'statement';
}
