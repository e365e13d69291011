// @ts-check
// The SQL editor: drafts, the catalog beside them, and the results below.
import { button, el, icon, toast } from '../core/element.js';
import { Catalog } from '../editor/catalog.js';
import { CompletionList, mentioned } from '../editor/completion.js';
import { confirmSql } from '../core/dialog.js';
import { openEditor } from '../editor/editor.js';
import { addActions, addShortcut, showKeys } from '../core/keys.js';
import { openMenu } from '../core/menu.js';
import { load, save } from '../core/store.js';
import { quoteName } from '../core/sql.js';
import { splitStatements, statementAt } from '../editor/split.js';
import { DraftTabs, Drafts } from '../sql/drafts.js';
import { showHistory } from '../sql/history_panel.js';
import { OptionsBar } from '../sql/options.js';
import { ResultPanel } from '../sql/results.js';
import { Runner } from '../sql/runner.js';
import { readShared, showLink } from '../sql/share.js';
import { idleNote, showClients, startCards, Tour } from '../sql/start.js';
import { splitter } from '../sql/splitter.js';
import { CatalogTree } from '../sql/tree.js';

const SAVE_PAUSE_MS = 400;

class SqlPage {
  /** @param {HTMLElement} main @param {AbortSignal} signal */
  constructor(main, signal) {
    this.main_ = main;
    this.signal_ = signal;
    this.catalog = new Catalog();
    this.drafts = new Drafts();
    this.place_ = el('div.editor-place', { id: 'editor' });
    this.tree_ = new CatalogTree(this.catalog, {
      insert: (text) => this.insert_(text), open: (sql) => this.openDraft(undefined, sql),
      refresh: () => void this.refresh(),
      menu: (relation, opener) => this.relationMenu_(relation, opener),
    }, signal);
    this.tabs_ = new DraftTabs(this.drafts, {
      leave: () => this.keep_(), choose: () => this.showDraft_(),
    });
    this.options_ = new OptionsBar(() => this.drafts.active, () => this.drafts.save());
    this.panel = new ResultPanel({
      again: (change) => this.runner.again(change), stop: () => this.runner.stop(),
      fix: (result) => this.runner.fix(result), limit: () => this.drafts.active.limit,
      makeTable: (result) => void this.runner.makeTable(result),
    }, signal);
    this.runner = new Runner(this, signal);
    this.tour = new Tour({
      run: (name, sql) => { this.openDraft(name, sql); this.runner.runAll(); },
      connect: () => showClients(), catalog: this.catalog, confirm: confirmSql,
      plan: (sql) => { this.openDraft('tour 3', sql); this.runner.explain(); },
      refresh: () => this.refresh(), step: () => this.showIdle_(),
    });
    /** @type {any} */
    this.editor = null;
  }

  build() {
    const run = button('run', 'Run', () => this.runner.runCurrent(),
      { class: 'primary run', title: 'Ctrl+Enter' });
    const more = button('more', '', () => this.openMore_(more), { 'aria-label': 'More actions' });
    const drawer = button('tree', '', () => this.toggleTree_(), { class: 'drawer-button',
      'aria-label': 'Catalog', 'aria-controls': 'catalog', 'aria-expanded': 'false' });
    this.drawer_ = drawer;
    this.buttons_ = el('div.actions', { inert: true }, run, // they need the editor
      button('plan', 'Explain', () => this.runner.explain(), { class: 'wide-only' }),
      button('share', 'Share', () => void this.share_(), { class: 'wide-only' }),
      button('history', 'History', () => this.showHistory_(), { class: 'wide-only' }), more);
    this.work_ = el('section.work', { 'aria-label': 'Editor' },
      el('div.work-head', {}, drawer, this.tabs_.node, this.buttons_), this.tour.node, this.place_,
      this.options_.node,
      splitter('Height of the editor', load('editorHeight', 38), (percent) => {
        this.work_.style.setProperty('--editor', `${percent}%`);
        save('editorHeight', percent);
        this.panel.mark();
      }), this.panel.node);
    this.work_.style.setProperty('--editor', `${load('editorHeight', 38)}%`);
    this.tree_.node.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
      if (event.key === 'Escape') this.closeTree_();
    });
    this.main_.append(el('h1.hidden-text', {}, 'SQL'), el('div.workbench', {}, this.tree_.node,
      el('div.drawer-shade', { onclick: () => this.toggleTree_() }), this.work_));
    this.showIdle_();
  }

  /** @param {URLSearchParams} params */
  async open(params) {
    const shared = await readShared(params);
    if (shared !== null) {
      this.drafts.add('shared', shared);
      history.replaceState(null, '', '#sql');
    }
    this.editor = await openEditor(this.place_, this.drafts.active.text, {
      change: () => this.onChange_(), cursor: () => this.onCursor_(),
    });
    if (this.signal_.aborted) return;
    this.buttons_.inert = false;
    this.completion = new CompletionList(this.editor, this.catalog);
    this.signal_.addEventListener('abort', () => { this.completion?.close(); this.keep_(); });
    this.editor.cursor = Math.min(this.drafts.active.cursor, this.editor.text.length);
    this.tabs_.draw();
    if (!this.main_.querySelector('input:focus, select:focus')) this.editor.focus();
    if (shared !== null)
      this.panel.showInstead(el('p.note.shared', { role: 'status' }, icon('share'),
        'This statement came with a link. It has not run yet. Read it, then press Run.'));
    this.addKeys_();
    await this.refresh();
    void this.catalog.loadFunctions(this.signal_).catch(() => {});
  }

  addKeys_() {
    const { signal_: signal, runner } = this;
    const keys = /** @type {[string, string, () => void, boolean?][]} */ ([
      ['Ctrl+Enter', 'Run the selection or the statement at the cursor', () => runner.runCurrent(),
        true],
      ['Ctrl+Shift+Enter', 'Run the script', () => runner.runAll(), true],
      ['Ctrl+E', 'Show the plan', () => runner.explain(), true],
      ['Ctrl+.', 'Stop', () => runner.stop(), true],
      ['/', 'Filter the catalog', () => this.focusTree_()],
      ['e', 'Go to the editor', () => this.editor.focus()],
      ['r', 'Go to the result', () => this.panel.grid.node.focus()],
    ]);
    for (const [name, text, run, inText] of keys)
      addShortcut({ keys: name, text, run, inText }, signal);
    addShortcut({ keys: 'Ctrl+Space', text: 'Complete at the cursor', inText: true,
      run: () => this.completion?.open(true) }, signal);
    addActions(() => this.actions_(), signal);
    addEventListener('pagehide', () => this.keep_(), { signal });
  }

  /** @returns {import('../core/keys.js').Action[]} */
  actions_() {
    const act = (/** @type {string} */ title, /** @type {string} */ name,
      /** @type {() => void} */ run) => ({ title, icon: name, run, detail: 'action' });
    return [
      act('Run the script', 'run', () => this.runner.runAll()),
      act('Explain the statement', 'plan', () => this.runner.explain()),
      act('Share the statement', 'share', () => void this.share_()),
      act('History', 'history', () => this.showHistory_()),
      act('Upload a file', 'table', () => void this.upload_()),
      act('Connect a client', 'plug', showClients),
      act('Generate sales (tour)', 'stream', () => this.tour.begin()),
      act('Clean up after the tour', 'broom', () => void this.tour.cleanUp()),
      ...this.catalog.relations.map((relation) => ({
        title: relation.name, detail: 'relation', icon: relation.kind,
        run: () => this.openDraft(undefined, `SELECT * FROM ${quoteName(relation.name)}` +
          `${relation.kind === 'view' ? '' : ' EMIT CHANGES'};`),
      })),
    ];
  }

  /** Reads the catalog again. */
  async refresh() {
    await this.catalog.load(this.signal_);
    if (this.signal_.aborted) return;
    this.tree_.draw();
    this.showIdle_();
  }

  showIdle_() {
    if (this.panel.run || this.panel.node.querySelector('.shared')) return;
    if (this.catalog.isEmpty && this.tour.state.step === 0)
      this.panel.showInstead(startCards(this.tour, showClients));
    else this.panel.showInstead(idleNote(showKeys));
  }

  onChange_() {
    const { cursor, text } = this.editor;
    this.drafts.active.text = text;
    clearTimeout(this.saving_);
    this.saving_ = setTimeout(() => this.keep_(), SAVE_PAUSE_MS);
    const isTyping = /[\w$.]/.test(text[cursor - 1] ?? '');
    if (isTyping && this.editor.hasFocus) this.completion?.open(false);
    else this.completion?.close();
    for (const relation of mentioned(statementAt(text, cursor)?.text ?? '', this.catalog))
      void this.catalog.describe(relation, this.signal_);
  }

  onCursor_() {
    const { editor } = this;
    if (!editor || editor.selection.text) return editor?.showRange(null);
    const { text } = editor;
    const isOne = splitStatements(text).length < 2;
    editor.showRange(isOne ? null : statementAt(text, editor.cursor) ?? null);
  }

  keep_() {
    if (!this.editor) return;
    Object.assign(this.drafts.active, { text: this.editor.text, cursor: this.editor.cursor });
    this.drafts.save();
  }

  showDraft_() {
    const { active } = this.drafts;
    this.editor.text = active.text;
    this.editor.cursor = active.cursor;
    this.options_.draw();
    this.editor.focus();
    this.onCursor_();
  }

  /** Opens a further draft; an empty one is used first. */
  openDraft(/** @type {string|undefined} */ name, /** @type {string} */ text) {
    this.closeTree_();
    const { active } = this.drafts;
    if (active.text.trim()) {
      this.tabs_.add(name, text);
      return;
    }
    if (name) active.name = name;
    this.editor.text = text;
    this.editor.cursor = text.length;
    this.keep_();
    this.tabs_.draw();
    this.editor.focus();
  }

  /** @param {string} text */
  insert_(text) {
    const { start, end } = this.editor.selection;
    this.editor.replace(start, end, quoteName(text));
    this.editor.focus();
  }

  /** @param {import('../editor/catalog.js').Relation} relation @param {HTMLElement} opener */
  relationMenu_(relation, opener) {
    const name = quoteName(relation.name);
    const word = relation.kind === 'view' ? 'MATERIALIZED VIEW' : relation.kind.toUpperCase();
    const open = (/** @type {string} */ sql) => () => this.openDraft(undefined, sql);
    openMenu(opener, [
      { text: 'Follow changes', run: open(`SELECT * FROM ${name} EMIT CHANGES;`) },
      { text: 'Select rows', run: open(`SELECT * FROM ${name} LIMIT 100;`) },
      { text: 'Describe', run: open(`DESCRIBE ${name} EXTENDED;`) },
      { text: 'Insert the name', run: () => this.insert_(relation.name) },
      ...(relation.kind === 'view' ? [] : [{ text: 'Upload a file…',
        run: () => void this.upload_(relation.name) }]),
      { text: 'Drop…', run: () => void this.runner.drop(word, relation.name) },
    ]);
  }

  focusTree_() {
    if (this.drawer_.offsetParent && !this.main_.querySelector('.tree-open')) this.toggleTree_();
    this.tree_.focusFilter();
  }

  toggleTree_() {
    const isOpen = this.main_.firstElementChild?.classList.toggle('tree-open');
    this.drawer_.setAttribute('aria-expanded', String(Boolean(isOpen)));
    if (isOpen) this.tree_.focusFilter();
    else this.drawer_.focus();
  }

  closeTree_() {
    if (this.main_.querySelector('.tree-open')) this.toggleTree_();
  }

  /** @param {HTMLElement} opener */
  openMore_(opener) {
    openMenu(opener, [
      { text: 'Run the script', detail: 'Ctrl+Shift+Enter', run: () => this.runner.runAll() },
      { text: 'Explain', detail: 'Ctrl+E', run: () => this.runner.explain() },
      { text: 'Share', run: () => void this.share_() },
      { text: 'History', run: () => this.showHistory_() },
      ...(this.drafts.closed ? [{ text: `Reopen ${this.drafts.closed.name}`,
        run: () => this.tabs_.reopen() }] : []),
      { text: 'Upload a file…', run: () => void this.upload_() },
      { text: 'Connect a client', run: showClients },
      { text: 'Keys', detail: '?', run: showKeys },
    ]);
  }

  /**
   * The start page does not need the modules of the upload, so they are loaded here.
   * @param {string} [name] of the relation that is chosen at first
   */
  async upload_(name) {
    const upload = await import('../sql/upload.js').catch(() => null);
    if (!upload) return toast('The form did not load. Reload the page, and try again.');
    if (!this.signal_.aborted) upload.openUpload(this.catalog.relations, this.signal_, name);
    return undefined;
  }

  showHistory_() { showHistory((text) => this.openDraft(undefined, text)); }

  share_() {
    const { selection, text } = this.editor;
    return showLink(selection.text || text);
  }
}

/** @type {import('../core/router.js').Page} */
export const page = {
  async show(main, params, signal) {
    const sql = new SqlPage(main, signal);
    sql.build();
    await sql.open(params);
  },
};

