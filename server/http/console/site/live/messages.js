// @ts-check
// The message browser of a topic: a form, the records that it finds, and how far it has read.
import { button, el, fill } from '../core/element.js';
import { count, plural } from '../core/format.js';
import { whyFixed } from '../core/session.js';
import { topicHref } from './topics.js';
import { openRecord } from './message_detail.js';
import { MessageTable, MOST_ROWS } from './message_table.js';
import { sqlButton } from './panel.js';
import { isFiltered, isNewestFirst, readStep, RecordSearch, statementOf } from './records.js';

/** @typedef {import('./records.js').Search} Search */

const PLACES = [['newest', 'newest'], ['oldest', 'oldest'], ['offset', 'offset …'],
  ['time', 'time …'], ['live', 'new records, live']];

/** @param {string} topic @param {URLSearchParams} params @returns {Search} */
export function searchOf(topic, params) {
  const from = params.get('from') ?? 'newest';
  return { topic, partition: /^\d+$/.test(params.get('p') ?? '') ? params.get('p') ?? '' : '',
    from: /** @type {any} */ (PLACES.some(([name]) => name === from) ? from : 'newest'),
    offset: /^\d+$/.test(params.get('offset') ?? '') ? params.get('offset') ?? '' : '',
    time: params.get('time') ?? '', key: params.get('key') ?? '', text: params.get('text') ?? '' };
}

/** Returns the address that restores a search. @param {Search} search */
export function hrefOf(search) {
  const params = new URLSearchParams();
  if (search.partition !== '') params.set('p', search.partition);
  if (search.from !== 'newest') params.set('from', search.from);
  for (const name of /** @type {const} */ (['offset', 'time', 'key', 'text']))
    if (search[name] !== '' && (search.from === name || name === 'key' || name === 'text'))
      params.set(name, search[name]);
  const rest = params.toString();
  return topicHref(search.topic) + (rest && `&${rest}`);
}

/** Returns the sentence about how far a search has come. @param {RecordSearch} search */
export function coverage(search, /** @type {number} */ total) {
  const order = isNewestFirst(search.search) ? 'newest first' : 'oldest first';
  const of = total > search.read ? ` of ${count(total)}` : '';
  if (!isFiltered(search.search))
    return `${plural(search.read, 'record')}${of}, ${order}${search.hasMore ? '' : '; all read'}.`;
  return `Searched ${plural(search.read, 'record')}${of}, ${order}; ${count(search.found)} found.`;
}

export class Messages {
  /**
   * @param {Search} search @param {import('../core/follow.js').Followed} partitions
   * @param {AbortSignal} signal
   * @param {((record?: Record<string, any>) => void)|null} produce
   */
  constructor(search, partitions, signal, produce) {
    this.topic_ = search.topic;
    this.partitions_ = partitions;
    this.signal_ = signal;
    this.produce_ = produce;
    /** @type {RecordSearch|null} */
    this.search_ = null;
    this.run_ = new AbortController();
    /** @type {Map<number, number|null>|null} */
    this.live_ = null; // while new records are shown: the next offset by partition, null: unknown
    this.isReadingLive_ = false;
    this.table_ = new MessageTable((row) => void openRecord(this.topic_, row, signal, produce));
    this.form_ = this.makeForm_(search);
    this.status_ = el('p.soft', { role: 'status' });
    this.failure_ = el('div.panel-state');
    this.more_ = button('', 'Continue', () => void this.go_(), { hidden: true });
    this.stop_ = button('stop', 'Stop', () => this.stopped_(), { class: 'stop', hidden: true });
    this.empty_ = el('p.soft', { hidden: true });
    this.node = el('div.messages', {}, this.form_, this.failure_, this.table_.node, this.empty_,
      el('div.message-foot', {}, this.status_, el('span.spring'), this.stop_, this.more_));
    signal.addEventListener('abort', () => this.run_.abort());
    this.begin();
  }

  /** @param {Search} search */
  makeForm_(search) {
    const input = (/** @type {keyof Search} */ name, /** @type {string} */ label, props = {}) =>
      el('input.input.small-input', { type: 'text', name, value: search[name], 'aria-label': label,
        autocomplete: 'off', spellcheck: 'false', ...props });
    this.partition_ = el('select.input', { name: 'partition' }, el('option', { value: '' }, 'all'));
    this.wanted_ = search.partition;
    this.from_ = el('select.input', { name: 'from', onchange: () => this.mark_() },
      PLACES.map(([value, text]) => el('option', { value, selected: value === search.from },
        text)));
    this.offset_ = input('offset', 'Offset', { inputmode: 'numeric', pattern: '[0-9]*',
      placeholder: '0', class: 'input small-input offset-input' });
    this.time_ = input('time', 'Time', { placeholder: '2026-01-31 09:00',
      class: 'input small-input time-input', title: 'In UTC, unless it ends with an offset' });
    this.key_ = input('key', 'Key', { placeholder: 'any' });
    this.text_ = input('text', 'Text in the value', { placeholder: 'any' });
    const field = (/** @type {string} */ text, /** @type {Node[]} */ ...nodes) =>
      el('label.inline-field', {}, el('span', {}, text), nodes);
    const form = el('form.message-form', { onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      this.begin();
    } }, field('partition', this.partition_), field('from', this.from_), this.offset_, this.time_,
    field('key =', this.key_), field('text', this.text_),
    el('button.button.primary', { type: 'submit' }, 'Search'), el('span.spring'),
    !this.produce_ && el('span.soft.reason', {}, whyFixed()),
    button('plus', 'Produce…', () => this.produce_?.(), { disabled: !this.produce_ }));
    this.sql_ = el('span');
    form.append(this.sql_);
    this.mark_();
    return form;
  }

  /** Shows the input that belongs to the chosen place. */
  mark_() {
    this.offset_.hidden = this.from_.value !== 'offset';
    this.time_.hidden = this.from_.value !== 'time';
  }

  /** @returns {Search} */
  asked_() {
    return { topic: this.topic_, partition: this.partition_.value || this.wanted_,
      from: this.from_.value, offset: this.offset_.value.trim(), time: this.time_.value.trim(),
      key: this.key_.value, text: this.text_.value };
  }

  /** Starts the search of the form. */
  begin() {
    this.run_.abort();
    this.live_ = null;
    const asked = this.asked_();
    history.replaceState(null, '', hrefOf(asked));
    this.table_.clear();
    this.search_ = new RecordSearch(asked);
    fill(this.sql_, sqlButton(statementOf(asked), 'the records'));
    fill(this.failure_);
    if (asked.from !== /** @type {any} */ ('live')) return void this.go_();
    this.live_ = new Map();
    this.more_.hidden = true;
    this.stop_.hidden = false;
    this.partitionsChanged();
    return undefined;
  }

  async go_() {
    const search = this.search_;
    if (!search) return;
    this.run_ = new AbortController();
    const { signal } = this.run_;
    this.stop_.hidden = !isFiltered(search.search);
    this.more_.hidden = true;
    this.draw_();
    try {
      await search.go((rows) => {
        this.table_.add(rows);
        this.draw_();
      }, signal);
      if (signal.aborted) return;
      this.ended_();
    } catch (error) {
      if (!signal.aborted) this.failed_(/** @type {any} */ (error));
    }
  }

  ended_() {
    this.stop_.hidden = true;
    const isFull = this.table_.size >= MOST_ROWS;
    this.more_.hidden = !this.search_?.hasMore || isFull;
    this.draw_();
    if (isFull) this.status_.textContent += ' Narrow the search to read further.';
  }

  stopped_() {
    this.run_.abort();
    if (this.live_) {
      this.live_ = null;
      this.stop_.hidden = true;
      this.status_.textContent = 'Stopped. Search shows the records again.';
    } else {
      this.ended_();
    }
  }

  /** @param {{code?: string, message: string, hint?: string}} error */
  failed_(error) {
    this.stop_.hidden = true;
    this.status_.textContent = '';
    fill(this.failure_, el('p.error-text', { role: 'alert' }, error.code === '42501'
      ? `You do not have the right to read this topic: ${error.message}.` : `${error.message}.`),
    error.hint && el('p.soft', {}, error.hint), button('refresh', 'Try again', () => this.begin()));
  }

  draw_() {
    if (!this.search_) return;
    const { found, hasBegun, hasMore } = this.search_;
    if (this.live_) {
      this.empty_.hidden = this.live_.size === 0 || this.table_.size > 0;
      if (this.live_.size === 0) {
        // Takes the ends of the partitions before it waits for new records: a record that is
        // written before the ends are known would not count as new.
        this.status_.textContent = 'The ends of the partitions are read.';
        return;
      }
      this.status_.textContent = `${plural(this.table_.size, 'new record')} since the page ` +
        'waits. They appear within about two seconds.';
      this.empty_.textContent = 'Nothing new yet.';
      return;
    }
    const total = this.total_();
    this.status_.textContent = hasBegun ? coverage(this.search_, total) : 'The records are read.';
    this.empty_.hidden = found > 0 || !hasBegun;
    this.empty_.textContent = total === 0 && !hasMore ? 'The topic has no records.'
      : hasMore ? 'Nothing found yet.' : 'No record fits the search.';
  }

  total_() {
    return this.partitions_.rows.filter((row) => row.end_offset !== null &&
      (!this.wanted_ || String(row.partition) === this.wanted_)).reduce((sum, row) =>
      sum + Number(row.end_offset) - Number(row.first_offset), 0);
  }

  /** Gets the partitions of the topic, and reads new records while the page shows live records. */
  partitionsChanged() {
    const rows = this.partitions_.rows;
    if (this.partition_.options.length !== rows.length + 1) {
      const chosen = this.partition_.value || this.wanted_;
      fill(this.partition_, el('option', { value: '' }, 'all'), rows.map((row) => row.partition)
        .sort((a, b) => a - b).map((each) => el('option', { value: each }, each)));
      this.partition_.value = chosen;
      this.partition_.onchange = () => { this.wanted_ = this.partition_.value; };
    }
    if (this.live_) void this.readNew_();
    if (this.search_?.hasBegun || this.live_) this.draw_();
  }

  async readNew_() {
    const live = this.live_;
    if (!live || this.isReadingLive_ || !this.search_) return;
    const { search } = this.search_;
    const isFirst = live.size === 0; // a partition that is added later is read from its beginning
    const grown = [];
    for (const { partition, first_offset: first, end_offset: end } of this.partitions_.rows) {
      if (search.partition && String(partition) !== search.partition) continue;
      const isOld = isFirst || live.get(partition) === null;
      const next = live.get(partition) ?? (end === null ? null : Number(isOld ? end : first));
      live.set(partition, next);
      if (next !== null && Number(end) > next) grown.push([partition, next, Number(end)]);
    }
    if (!grown.length) return;
    this.isReadingLive_ = true;
    this.run_ = new AbortController();
    const { signal } = this.run_;
    try {
      let positions = grown.map(([partition, next]) => `${partition}:${next}`).join(',');
      while (positions && !signal.aborted) {
        const step = await readStep(statementOf(search, positions), signal);
        this.table_.add(step.rows, { above: true });
        positions = step.positions;
      }
      for (const [partition, , end] of grown) live.set(partition, end);
      this.draw_();
    } catch (error) {
      if (!signal.aborted) {
        this.live_ = null;
        this.failed_(/** @type {any} */ (error));
      }
    } finally {
      this.isReadingLive_ = false;
    }
  }
}
