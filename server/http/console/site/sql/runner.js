// @ts-check
// Runs statements of the editor, shows their errors in the text, and reconnects live results.
import { button, el, toast } from '../core/element.js';
import { confirmSql, openDialog } from '../core/dialog.js';
import { remember } from '../core/history.js';
import { Run, takePlace } from '../views/run.js';
import { readSession, session } from '../core/session.js';
import { quoteName, selectAll } from '../core/sql.js';
import { isDefinition, isPush, positionOf, splitStatements, statementAt } from '../editor/split.js';
import { requestOf } from './options.js';

/** @typedef {import('../views/run.js').Result} Result */
/** @typedef {import('../editor/split.js').Piece} Piece */

const RECONNECT_MS = [500, 1000, 2000, 4000, 8000];

export class Runner {
  /** @param {any} page @param {AbortSignal} signal */
  constructor(page, signal) {
    this.page_ = page;
    this.signal_ = signal;
    /** @type {Run|null} */
    this.run_ = null;
    /** @type {Piece[]} */
    this.pieces_ = [];
    /** @type {(() => void)|null} */
    this.place_ = null;
    this.attempt_ = 0;
    signal.addEventListener('abort', () => this.end_());
  }

  /** Runs the selection, otherwise the statement at the cursor. */
  runCurrent() {
    const { text, cursor, selection } = this.page_.editor;
    if (selection.text.trim()) return this.start_(selection.text, selection.start);
    const piece = statementAt(text, cursor);
    if (!piece) return toast('The draft has no statement.');
    return this.start_(piece.text, piece.start);
  }

  runAll() {
    const { text } = this.page_.editor;
    if (!splitStatements(text).length) return toast('The draft has no statement.');
    return this.start_(text, 0);
  }

  /** Shows the plan of the statement at the cursor without running it. */
  explain() {
    const { text, cursor } = this.page_.editor;
    const piece = statementAt(text, cursor);
    if (!piece) return toast('The draft has no statement.');
    this.end_();
    const run = new Run({ sql: piece.text }, [piece], () => {});
    run.current.end('done');
    run.current.tag = 'EXPLAIN';
    const { panel } = this.page_;
    panel.show(run);
    panel.choose('plan');
    return undefined;
  }

  stop() {
    if (!this.run_ || this.run_.isOver) return;
    const { current } = this.run_;
    this.run_.stop();
    this.free_();
    this.note_(current);
  }

  /** Runs the last statements again, from another position or with another limit of rows. */
  again(/** @type {{fromStart?: boolean, limit?: number}} */ change) {
    const { drafts, options_ } = this.page_;
    if (change.fromStart !== undefined) drafts.active.fromStart = change.fromStart;
    if (change.limit !== undefined) drafts.active.limit = change.limit;
    options_.draw();
    drafts.save();
    if (this.last_) void this.start_(this.last_.text, this.last_.offset);
  }

  /** @param {string} text @param {number} offset its place in the editor */
  async start_(text, offset) {
    this.end_();
    this.attempt_ = 0;
    this.last_ = { text, offset, draft: this.page_.drafts.active };
    await this.begin_('');
  }

  /** @param {string} note shown as a notice of the result */
  async begin_(note) {
    const { text, offset } = /** @type {{text: string, offset: number}} */ (this.last_);
    const { page_: page } = this;
    page.editor.clearMarks();
    this.pieces_ = splitStatements(text).map((piece) => ({
      ...piece, start: piece.start + offset, end: piece.end + offset,
    }));
    const pieces = this.pieces_;
    const isLive = pieces.some((piece) => isPush(piece.text));
    const place = isLive ? await takePlace() : null;
    if (isLive && !place) return this.refuse_();
    const run = new Run(requestOf(page.drafts.active, text), pieces, (result) =>
      this.changed_(run, result));
    this.run_ = run;
    this.place_ = place;
    if (note) run.current.notices.push({ severity: 'WARNING', message: note });
    page.panel.show(run);
    await run.start();
    if (this.run_ !== run) return undefined;
    this.free_();
    if (pieces.some((piece) => isDefinition(piece.text))) void page.refresh();
    return undefined;
  }

  refuse_() {
    this.page_.panel.showInstead(el('p.note', { role: 'alert' }, 'Three live results run in this ' +
      'browser already, in all its tabs. Stop one, or use HTTPS.'));
  }

  /** @param {Run} run @param {Result} result */
  changed_(run, result) {
    const { panel } = this.page_;
    if (this.run_ !== run) return;
    panel.changed(result);
    if (!result.isOver || result === this.noted_) return;
    this.noted_ = result;
    this.note_(result);
    if (result.state === 'failed') this.mark_(result);
    // Later statements of the script should find the objects that earlier statements have defined.
    if (result.state === 'done' && isDefinition(result.text)) void this.page_.refresh();
    if (result.state === 'lost') {
      void readSession();
      if (result.isLive) this.reconnect_(run);
    }
  }

  /** Runs a live result again once the server answers. @param {Run} run */
  reconnect_(run) {
    const at = new Date().toLocaleTimeString();
    const pause = RECONNECT_MS[Math.min(this.attempt_++, RECONNECT_MS.length - 1)];
    setTimeout(async () => {
      if (this.run_ !== run || this.signal_.aborted) return;
      await readSession();
      if (this.run_ !== run || this.signal_.aborted) return;
      if (session.state === 'away') this.reconnect_(run);
      else if (session.state === 'open') {
        this.free_();
        await this.begin_(`The connection ended at ${at}. The page has reconnected and runs the ` +
          'statement again.');
      }
    }, pause);
  }

  /** Keeps the statement in the history. @param {Result} result */
  note_(result) {
    if (!result.text) return;
    remember({
      text: result.text, at: result.began, ms: result.ended - result.began,
      rows: result.received, error: result.failure?.code ?? (result.state === 'lost' ? 'lost' : ''),
    });
  }

  /** Whether the editor still has the text that ran, at its place. */
  hasText_() {
    const { editor, drafts } = this.page_;
    if (!this.last_ || this.last_.draft !== drafts.active) return false;
    return editor.text.startsWith(this.last_.text, this.last_.offset);
  }

  /** Underlines the error of a result in the editor. @param {Result} result */
  mark_(result) {
    if (!this.hasText_()) return;
    const mark = this.markOf_(result);
    if (mark) this.page_.editor.showMarks([mark]);
  }

  /** Returns the place of an error in the editor: the server counts lines from the request. */
  markOf_(/** @type {Result} */ result) {
    const { failure } = result;
    if (!failure?.line || !this.last_) return null;
    const { text, offset } = this.last_;
    const before = this.page_.editor.text.slice(0, offset);
    const lead = failure.line === 1 ? before.length - (before.lastIndexOf('\n') + 1) : 0;
    const line = text.split('\n')[failure.line - 1] ?? '';
    // The server counts characters, the editor UTF-16 units.
    const units = (/** @type {number} */ characters) =>
      [...line].slice(0, characters).join('').length;
    const column = (failure.column ?? 1) - 1;
    const end = units(column + (failure.length ?? 1));
    return {
      ...failure, line: before.split('\n').length - 1 + failure.line,
      column: lead + units(column) + 1, length: Math.max(1, end - units(column)),
    };
  }

  /** Puts the proposed text into the editor. @param {Result} result */
  fix(result) {
    if (!this.hasText_()) {
      toast('The statement has changed. Run it again.');
      return;
    }
    const mark = this.markOf_(result);
    const { editor } = this.page_;
    if (!mark?.fix) return;
    const from = positionOf(editor.text, mark.line, mark.column);
    editor.replace(from, from + mark.length, mark.fix);
    editor.focus();
  }

  /** Asks for a name, and keeps a live query as a table or a stream. @param {Result} result */
  async makeTable(result) {
    const inner = result.text.replace(/;\s*$/, '').replace(/\s+EMIT\s+CHANGES\s*$/i, '');
    const word = result.table && await makesTable(inner, this.signal_) ? 'TABLE' : 'STREAM';
    const name = await askName(`Create ${word.toLowerCase()}`, inner, word);
    if (!name) return;
    const sql = `CREATE ${word} ${quoteName(name)} AS\n${inner};`;
    this.page_.openDraft(name, sql);
    await this.start_(sql, 0);
    if (this.run_?.current.state === 'done') this.page_.panel.choose('plan');
  }

  /** Drops an object after the user has typed its name. */
  async drop(/** @type {string} */ word, /** @type {string} */ name) {
    const sql = `DROP ${word} ${quoteName(name)};`;
    const isAgreed = await confirmSql({
      title: `Drop ${name}`, act: 'Drop', sql, word: name,
      note: 'The topic keeps its records. Queries that read the object prevent the drop.',
    });
    if (!isAgreed) return;
    this.page_.openDraft(undefined, sql);
    this.runCurrent();
  }

  free_() {
    this.place_?.();
    this.place_ = null;
  }

  end_() {
    const run = this.run_;
    this.run_ = null;
    if (run && !run.isOver) {
      const { current } = run;
      run.stop();
      this.note_(current);
    }
    this.free_();
  }
}

/**
 * Returns whether a query with a key makes a table. The rows of a stream may have a key, too.
 * @param {string} query @param {AbortSignal} signal
 */
async function makesTable(query, signal) {
  try {
    await selectAll(`EXPLAIN CREATE TABLE millrace_console_check AS\n${query}`, signal);
    return true;
  } catch (error) {
    return /** @type {any} */ (error).code !== '42P17'; // the dialog shows other errors later
  }
}

/** @param {string} title @param {string} inner @param {string} word @returns {Promise<string>} */
function askName(title, inner, word) {
  return new Promise((resolve) => {
    let answer = '';
    const text = el('pre.sql-text', { tabindex: 0, 'aria-label': 'Statement' });
    const draw = () => {
      const name = input.value.trim();
      text.textContent = `CREATE ${word} ${name ? quoteName(name) : '…'} AS\n${inner};`;
      create.disabled = !name;
    };
    const agree = () => { answer = input.value.trim(); close(); };
    const create = button('run', 'Create', agree, { class: 'primary', disabled: true });
    const input = el('input.input', { type: 'text', autocomplete: 'off', spellcheck: 'false',
      oninput: draw, onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key !== 'Enter' || create.disabled) return;
        event.preventDefault(); // otherwise Enter also presses the button that opened the dialog
        agree();
      } });
    const close = openDialog(title, [el('label.field', {}, el('span', {}, 'Name'), input), text],
      { buttons: [button('', 'Cancel', () => close()), create], closed: () => resolve(answer) });
    draw();
    input.focus();
  });
}
