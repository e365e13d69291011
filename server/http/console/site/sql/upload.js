// @ts-check
// The dialog that writes the rows of a file into a stream or a table.
import { openDialog } from '../core/dialog.js';
import { button, el, fill, segments } from '../core/element.js';
import { count, plural, size } from '../core/format.js';
import { insertRows } from '../core/inserts.js';
import { whyReadOnly } from '../core/session.js';
import { quoteName, select, sentencesOf } from '../core/sql.js';
import { batches, kindOf, readCsv, readJson } from './file_rows.js';

/** @typedef {import('../editor/catalog.js').ColumnInfo} ColumnInfo */
/** @typedef {import('../editor/catalog.js').Relation} Relation */
/** @typedef {import('./file_rows.js').FileRows} FileRows */
/** @typedef {import('./file_rows.js').Problem} Problem */

const MOST_BYTES = 32 * 1024 * 1024; // the file and its rows are in the memory of the browser
const MOST_SHOWN = 100; // problems that are listed; all are counted
const SAMPLE_ROWS = 5;

/** @param {string} title @param {Problem[]} problems */
function problemList(title, problems) {
  const more = problems.length - MOST_SHOWN;
  return problems.length > 0 && el('section', {}, el('h3', {}, title),
    el('div.table-scroll', { tabindex: 0, role: 'region', 'aria-label': title },
      el('ul.problems', {}, problems.slice(0, MOST_SHOWN).map(({ line, message }) =>
        el('li', {}, `Line ${count(line)}: `, el('bdi', {}, message))),
      more > 0 && el('li.soft', {}, `and ${count(more)} others`))));
}

/** @param {ColumnInfo[]} columns @param {FileRows} found */
function columnTable(columns, { used, ignored }) {
  const cell = (/** @type {string|undefined} */ field) => field === undefined
    ? el('span.soft', {}, 'missing: NULL') : el('bdi', {}, field);
  return [el('div.table-scroll', { tabindex: 0, role: 'region', 'aria-label': 'Columns' },
    el('table.plain-table', {}, el('thead', {}, el('tr', {},
      ['Column', 'Type', 'Field of the file'].map((head) => el('th', { scope: 'col' }, head)))),
    el('tbody', {}, columns.map(({ name, type }) => el('tr', {},
      el('th', { scope: 'row' }, el('bdi', {}, name)), el('td', {}, type),
      el('td', {}, cell(used.get(name)))))))),
  ignored.length > 0 && el('p.stale-text', {}, ignored.length === 1
    ? '1 field of the file has no column, and is not uploaded: '
    : `${count(ignored.length)} fields of the file have no column, and are not uploaded: `,
  el('bdi', {}, ignored.slice(0, 20).join(', ')), ignored.length > 20 && ', …')];
}

class Upload {
  /** @param {Relation[]} relations @param {AbortSignal} signal @param {string} [chosen] */
  constructor(relations, signal, chosen) {
    this.signal_ = signal;
    this.text_ = '';
    this.file_ = '';
    this.isNamed_ = true;
    /** @type {ColumnInfo[]} */
    this.columns_ = [];
    this.target_ = '';
    /** @type {FileRows|null} */
    this.found_ = null;
    this.turn_ = 0;
    /** @type {AbortController|null} */
    this.run_ = null;
    const reason = whyReadOnly();
    const isFixed = Boolean(reason) || !relations.length;
    this.into_ = el('select.input', { onchange: () => void this.describe_(), disabled: isFixed },
      relations.map(({ name, kind }) => el('option', { value: name, selected: name === chosen },
        `${name} (${kind})`)));
    this.choose_ = el('input.input', { type: 'file', accept: '.csv,.tsv,.json,.jsonl,.ndjson,.txt',
      disabled: isFixed, onchange: () => void this.open_() });
    this.head_ = segments('First line of the CSV', [['names', 'Names of columns'],
      ['row', 'A row']], 'names', (value) => { this.isNamed_ = value === 'names'; this.read_(); });
    this.headField_ = el('div.field', { hidden: true }, el('span', {}, 'First line'), this.head_);
    this.status_ = el('p', { role: 'status' }, reason || (relations.length
      ? 'Choose a file of CSV or JSON lines. Nothing is written before you press Upload.'
      : 'No stream or table exists. CREATE STREAM makes one.'));
    this.failure_ = el('p.error-text', { role: 'alert' });
    this.bar_ = el('progress', { hidden: true, max: 1, value: 0, 'aria-label': 'Rows written' });
    this.preview_ = el('div.spaced');
    this.start_ = button('', 'Upload', () => void this.upload_(), { class: 'primary',
      disabled: true });
    this.stop_ = button('stop', 'Stop', () => this.run_?.abort(), { hidden: true });
    const close = openDialog('Upload a file', [el('div.reset-form', {},
      el('label.field', {}, el('span', {}, 'Into'), this.into_),
      el('label.field', {}, el('span', {}, 'File'), this.choose_), this.headField_),
    this.status_, this.bar_, this.failure_, this.preview_],
    { wide: true, closed: () => this.run_?.abort(),
      buttons: [button('', 'Close', () => close()), this.stop_, this.start_] });
    signal.addEventListener('abort', close);
    if (relations.length) void this.describe_();
    this.choose_.focus();
  }

  /** Reads the columns of the target, with their exact names. */
  async describe_() {
    const turn = ++this.turn_;
    const name = this.into_.value;
    this.found_ = null;
    this.columns_ = [];
    try {
      const rows = await select(`DESCRIBE ${quoteName(name)}`, this.signal_);
      const names = await select('SHOW STREAMS', this.signal_);
      const tables = await select('SHOW TABLES', this.signal_);
      if (turn !== this.turn_) return;
      const all = [...names.map(({ stream }) => stream), ...tables.map(({ table }) => table)];
      this.target_ = all.find((each) => each === name) ??
        all.find((each) => each.toLowerCase() === name.toLowerCase()) ?? name;
      this.columns_ = rows.map(({ column, type, role }) => ({ name: column, type,
        role: role ?? '' }));
      this.read_();
    } catch (error) {
      if (this.signal_.aborted || turn !== this.turn_) return;
      this.show_('', sentencesOf(error));
    }
  }

  async open_() {
    const [file] = this.choose_.files ?? [];
    if (!file) return;
    this.text_ = '';
    this.found_ = null;
    this.file_ = file.name;
    if (file.size > MOST_BYTES) {
      this.show_('', `${file.name} has ${size(file.size)}, and the page reads at most ${
        size(MOST_BYTES)}. Use psql: \\copy ${this.into_.value} FROM 'FILE' CSV HEADER`);
      return;
    }
    this.show_('The file is read.');
    try {
      this.text_ = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer());
    } catch {
      this.show_('', `${file.name} cannot be read as UTF-8.`);
      return;
    }
    this.headField_.hidden = kindOf(this.text_) !== 'csv';
    if (!this.text_.trim()) this.show_('', `${file.name} is empty.`);
    else this.read_();
  }

  /** Reads the rows for the columns, and shows what an upload would write. */
  read_() {
    if (!this.text_.trim() || !this.columns_.length) return;
    try {
      const isJson = kindOf(this.text_) === 'json';
      this.found_ = isJson ? readJson(this.text_, this.columns_)
        : readCsv(this.text_, this.columns_, this.isNamed_);
    } catch (error) {
      this.found_ = null;
      this.show_('', `${/** @type {Error} */ (error).message}.`);
      return;
    }
    const { rows, problems, used } = this.found_;
    if (!used.size) {
      const columns = columnTable(this.columns_, this.found_);
      this.found_ = null;
      this.show_('', `No field of ${this.file_} has the name of a column of ${
        this.into_.value}.`);
      fill(this.preview_, columns);
      return;
    }
    this.show_(`${plural(rows.length, 'row')} of ${this.file_} can be uploaded${problems.length
      ? `; ${plural(problems.length, 'line')} cannot be read and would be left out` : ''}.`);
    const sample = rows.slice(0, SAMPLE_ROWS).join('\n');
    fill(this.preview_, problemList('Lines that cannot be read', problems),
      columnTable(this.columns_, this.found_),
      rows.length > 0 && el('section', {}, el('h3', {}, 'Request'),
        el('pre.sql-text.request-text', { tabindex: 0, 'aria-label': 'Request' },
          `POST /inserts-stream\n${JSON.stringify({ target: `\`${this.target_}\`` })}\n${
            sample}${rows.length > SAMPLE_ROWS ? '\n…' : ''}`)));
  }

  /** @param {string} status @param {string} [failure] */
  show_(status, failure = '') {
    const rows = this.found_?.rows.length ?? 0;
    this.status_.textContent = status;
    this.failure_.textContent = failure;
    fill(this.preview_);
    this.start_.disabled = !rows;
    this.start_.querySelector('span').textContent = rows ? `Upload ${plural(rows, 'row')}`
      : 'Upload';
  }

  /** Sends one batch after the other, so that the number of written rows is always known. */
  async upload_() {
    const found = this.found_;
    if (!found) return;
    const { rows, lines } = found;
    this.found_ = null; // a second upload of the same rows needs the file again
    this.run_ = new AbortController();
    const { signal } = this.run_;
    const total = plural(rows.length, 'row');
    /** @type {Problem[]} */
    const rejected = [];
    let done = 0, end = '';
    this.busy_(true);
    for (const [begin, batch] of batches(rows)) {
      this.status_.textContent = `${count(done)} of ${total} have been processed.`;
      this.bar_.value = done / rows.length;
      try {
        const answer = await insertRows(this.target_, batch, signal);
        done += answer.acknowledged;
        for (const { row, message } of answer.rejected)
          rejected.push({ line: lines[begin + row], message });
        if (answer.failure) end = `${answer.failure}.`;
      } catch (error) {
        const isKnown = Boolean(/** @type {any} */ (error).code) && !signal.aborted &&
          !(error instanceof DOMException);
        end = isKnown ? sentencesOf(error) : `${signal.aborted ? 'The upload was stopped'
          : 'The connection ended'}. Rows from line ${count(lines[begin])} to line ${
          count(lines[begin + batch.length - 1])} may be written or not.`;
      }
      if (end) break;
    }
    this.busy_(false);
    this.failure_.textContent = end;
    const verb = rejected.length === 1 ? 'is' : 'are';
    this.status_.textContent = `${count(done - rejected.length)} of ${total} ${total === '1 row'
      ? 'is' : 'are'} written to ${this.into_.value}${rejected.length
      ? `, and ${count(rejected.length)} ${verb} rejected` : ''}.`;
    fill(this.preview_, problemList('Lines that the server rejected', rejected));
    this.start_.querySelector('span').textContent = 'Upload';
    this.choose_.value = '';
    this.text_ = '';
    this.choose_.focus();
  }

  /** @param {boolean} isOn */
  busy_(isOn) {
    this.failure_.textContent = '';
    for (const each of [this.into_, this.choose_]) each.disabled = isOn;
    this.start_.disabled = true;
    this.bar_.hidden = !isOn;
    this.stop_.hidden = !isOn;
    if (isOn) this.stop_.focus();
  }
}

/**
 * Opens the dialog.
 * @param {Relation[]} relations of the catalog @param {AbortSignal} signal
 * @param {string} [chosen] the relation that is chosen at first
 */
export function openUpload(relations, signal, chosen) {
  return new Upload(relations.filter(({ kind }) => kind !== 'view'), signal, chosen);
}
