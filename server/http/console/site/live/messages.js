// @ts-check
// The message browser of a topic: a form, the records that it finds, and how far it has read.
import { button, el, fill } from '../core/element.js';
import { count, plural } from '../core/format.js';
import { whyFixed } from '../core/session.js';
import { tail, TailBuffer } from '../core/tail.js';
import { topicHref } from './topics.js';
import { openRecord } from './message_detail.js';
import { MessageTable, MOST_ROWS } from './message_table.js';
import { sqlButton } from './panel.js';
import { isFiltered, isNewestFirst, RecordSearch, statementOf } from './records.js';
import { takePlace } from '../views/run.js';

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
    /** @type {'wait'|'live'|'lost'|''} the state of new records; '' while none are shown */
    this.live_ = '';
    this.leftOut_ = 0; // partitions without a replica on this node
    this.buffer_ = new TailBuffer(MOST_ROWS); // new records that the table does not show yet
    this.isPaused_ = false;
    this.table_ = new MessageTable((row) => void openRecord(this.topic_, row, signal, produce));
    this.form_ = this.makeForm_(search);
    this.status_ = el('p.soft', { role: 'status' });
    this.failure_ = el('div.panel-state');
    this.more_ = button('', 'Continue', () => void this.go_(), { hidden: true });
    this.stop_ = button('stop', 'Stop', () => this.stopped_(), { class: 'stop', hidden: true });
    this.pause_ = button('', 'Pause', () => this.setPaused_(!this.isPaused_), { hidden: true });
    this.empty_ = el('p.soft', { hidden: true });
    this.node = el('div.messages', {}, this.form_, this.failure_, this.table_.node, this.empty_,
      el('div.message-foot', {}, this.status_, el('span.spring'), this.stop_, this.more_,
        this.pause_));
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
    this.live_ = '';
    this.pause_.hidden = true;
    const asked = this.asked_();
    history.replaceState(null, '', hrefOf(asked));
    this.table_.clear();
    this.search_ = new RecordSearch(asked);
    fill(this.sql_, sqlButton(statementOf(asked), 'the records'));
    fill(this.failure_);
    if (asked.from !== 'live') return void this.go_();
    this.live_ = 'wait';
    this.buffer_ = new TailBuffer(MOST_ROWS);
    this.setPaused_(false);
    this.more_.hidden = true;
    this.stop_.hidden = this.pause_.hidden = false;
    this.run_ = new AbortController();
    this.draw_();
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
      this.live_ = '';
      this.stop_.hidden = this.pause_.hidden = true;
      this.status_.textContent = 'Stopped. Search shows the records again.';
    } else {
      this.ended_();
    }
  }

  /** @param {{code?: string, message: string, hint?: string}} error */
  failed_(error) {
    this.stop_.hidden = this.pause_.hidden = true;
    this.status_.textContent = '';
    fill(this.failure_, el('p.error-text', { role: 'alert' }, error.code === '42501'
      ? `You do not have the right to read this topic: ${error.message}.` : `${error.message}.`),
    error.hint && el('p.soft', {}, error.hint), button('refresh', 'Try again', () => this.begin()));
  }

  draw_() {
    if (!this.search_) return;
    const { found, hasBegun, hasMore } = this.search_;
    if (this.live_) {
      this.empty_.hidden = this.live_ === 'wait' || this.table_.size > 0;
      this.empty_.textContent = 'Nothing new yet.';
      const left = this.leftOut_ ? ` ${plural(this.leftOut_, 'partition')} without a replica on ` +
        'this node cannot be shown.' : '';
      this.status_.textContent = { wait: 'The ends of the partitions are read.',
        lost: 'The server does not answer. The page tries again, and then goes on where it was.',
        live: this.liveText_() + left,
      }[this.live_];
      return;
    }
    const total = this.total_();
    this.status_.textContent = hasBegun ? coverage(this.search_, total) : 'The records are read.';
    this.empty_.hidden = found > 0 || !hasBegun;
    this.empty_.textContent = total === 0 && !hasMore ? 'The topic has no records.'
      : hasMore ? 'Nothing found yet.' : 'No record fits the search.';
  }

  /** Returns the sentence about the new records: how many came, and how many are not shown. */
  liveText_() {
    const { received, waiting } = this.buffer_;
    const removed = received - waiting - this.table_.size;
    const all = `${plural(received, 'new record')} since the page waits`;
    const rest = [this.isPaused_ && `${count(waiting)} not shown yet`,
      removed > 0 && `${plural(removed, 'older record')} removed from the page`].filter(Boolean);
    return `${this.isPaused_ ? 'Paused: ' : ''}${all}${rest.length ? `; ${rest.join(', ')}` : ''}.`;
  }

  /** Stops or continues the display of new records, which the page receives all the same. */
  setPaused_(/** @type {boolean} */ isPaused) {
    this.isPaused_ = isPaused;
    const text = this.pause_.querySelector('span');
    if (text) text.textContent = isPaused ? 'Resume' : 'Pause';
    if (this.live_ !== 'wait') this.flush_();
  }

  /** Shows the records that wait, unless the display is paused. */
  flush_() {
    if (!this.live_) return;
    if (!this.isPaused_ && this.buffer_.waiting)
      this.table_.add(this.buffer_.take(), { above: true });
    this.draw_();
  }

  total_() {
    return this.partitions_.rows.filter((row) => row.end_offset !== null &&
      (!this.wanted_ || String(row.partition) === this.wanted_)).reduce((sum, row) =>
      sum + Number(row.end_offset) - Number(row.first_offset), 0);
  }

  /** Offers the partitions of the topic, and begins to show new records if that waits for them. */
  partitionsChanged() {
    const rows = this.partitions_.rows;
    if (this.partition_.options.length !== rows.length + 1) {
      const chosen = this.partition_.value || this.wanted_;
      fill(this.partition_, el('option', { value: '' }, 'all'), rows.map((row) => row.partition)
        .sort((a, b) => a - b).map((each) => el('option', { value: each }, each)));
      this.partition_.value = chosen;
      this.partition_.onchange = () => { this.wanted_ = this.partition_.value; };
    }
    if (this.live_ === 'wait' && rows.length) void this.showNew_();
    if (this.search_?.hasBegun || this.live_) this.draw_();
  }

  /** Shows new records. They begin at the ends of the partitions that the page knows. */
  async showNew_() {
    const { signal } = this.run_;
    const search = /** @type {RecordSearch} */ (this.search_).search;
    this.live_ = 'live';
    const wanted = this.partitions_.rows.filter(({ partition }) => search.partition === '' ||
      String(partition) === search.partition);
    const next = new Map(wanted.filter(({ end_offset: end }) => end !== null)
      .map(({ partition, end_offset: end }) => [Number(partition), Number(end)]));
    this.leftOut_ = wanted.length - next.size;
    const place = await takePlace();
    const end = (/** @type {any} */ failure) => {
      this.live_ = '';
      this.failed_(failure);
    };
    if (signal.aborted) return void place?.();
    if (!place) return end({ message: 'Three live results run in this browser already, in all ' +
      'its tabs. Stop one, or use HTTPS' });
    if (!next.size) end({ message: 'No partition has a replica on this node' });
    else await tail((positions) => statementOf(search, positions), next, {
      rows: (found) => {
        // One table per frame: many small parts of a response cost no more than a large one.
        if (!this.buffer_.waiting || this.isPaused_) requestAnimationFrame(() => this.flush_());
        this.buffer_.add(found);
      },
      open: () => { this.live_ = 'live'; this.draw_(); },
      lost: () => { this.live_ = 'lost'; this.draw_(); },
      failed: end,
    }, signal);
    place();
    return undefined;
  }
}
