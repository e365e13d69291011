// @ts-check
// The catalog beside the editor.
import { isKey } from '../editor/catalog.js';
import { button, el, fill, icon } from '../core/element.js';
import { count, plural } from '../core/format.js';
import { quoteText } from '../core/sql.js';
import { load, save } from '../core/store.js';

/** @typedef {import('../editor/catalog.js').Catalog} Catalog */
/** @typedef {import('../editor/catalog.js').Relation} Relation */
/**
 * `insert` puts a text at the cursor of the editor, `open` shows statements in it.
 * @typedef {{insert: (text: string) => void, open: (sql: string) => void,
 *            refresh: () => void, menu: (relation: Relation, opener: HTMLElement) => void}} Acts
 */

const STEP = 200; // rows of a group at first, and those that its last row adds

export class CatalogTree {
  /** @param {Catalog} catalog @param {Acts} acts @param {AbortSignal} signal */
  constructor(catalog, acts, signal) {
    this.catalog_ = catalog;
    this.acts_ = acts;
    this.signal_ = signal;
    /** @type {Map<string, number>} the rows that groups may have, if that is not STEP */
    this.most_ = new Map();
    this.open_ = new Set(load('tree', ['group stream', 'group table', 'group view']));
    this.filter_ = el('input.input.tree-filter', {
      type: 'search', placeholder: 'Filter', 'aria-label': 'Filter the catalog',
      oninput: () => this.draw(),
    });
    this.tree_ = el('div.tree', { role: 'tree', 'aria-label': 'Catalog' });
    this.tree_.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) =>
      this.press_(event));
    this.node = el('aside.sidebar', { 'aria-label': 'Catalog', id: 'catalog' },
      el('div.sidebar-head', {}, this.filter_,
        button('refresh', '', () => acts.refresh(), { 'aria-label': 'Read the catalog again',
          title: 'Read again' })),
      this.tree_);
    this.draw();
  }

  focusFilter() { this.filter_.focus(); }

  draw() {
    const { state, error } = this.catalog_;
    if (state === 'loading') {
      fill(this.tree_, [7, 5, 9, 6].map((at) => el(`div.skeleton.skeleton-${at}`)),
        el('span.hidden-text', {}, 'The catalog is loading.'));
      return;
    }
    if (state === 'failed') {
      fill(this.tree_, el('p.tree-note.error-text', { role: 'alert' }, error),
        button('refresh', 'Try again', () => this.acts_.refresh(), { class: 'small' }));
      return;
    }
    const focused = /** @type {any} */ (document.activeElement)?.dataset?.key;
    const groups = [
      this.relations_('stream', 'Streams'), this.relations_('table', 'Tables'),
      this.relations_('view', 'Views'), this.simple_('topic', 'Topics', this.catalog_.topics),
      this.simple_('query', 'Queries', this.catalog_.queries),
    ].filter(Boolean);
    const isFiltered = this.filter_.value.trim() !== '';
    fill(this.tree_, groups.length ? groups : el('p.tree-note', {}, isFiltered
      ? 'Nothing in the catalog has this name.' : 'The catalog is empty.'));
    const items = [...this.tree_.querySelectorAll('.tree-row')];
    this.tree_.setAttribute('role', items.length ? 'tree' : 'group'); // a tree has items (ARIA)
    const current = items.find((item) => item.dataset.key === focused) ?? items[0];
    if (current) current.tabIndex = 0;
    if (focused) current?.focus();
  }

  get words_() { return this.filter_.value.trim().toLowerCase(); }

  /** @param {string} kind @param {string} title */
  relations_(kind, title) {
    const words = this.words_;
    const all = this.catalog_.relations.filter((relation) => relation.kind === kind);
    const found = all.filter((relation) => relation.name.toLowerCase().includes(words) ||
      relation.columns.some((column) => column.name.toLowerCase().includes(words)));
    return found.length ? this.group_(kind, title, found,
      (relation) => this.relation_(relation)) : null;
  }

  /** @param {string} kind @param {string} title @param {Record<string, any>[]} rows */
  simple_(kind, title, rows) {
    const found = rows.filter((row) => String(row[kind]).toLowerCase().includes(this.words_));
    return found.length ? this.group_(kind, title, found, (row) =>
      this.row_({ key: `${kind} ${row[kind]}`, level: 2, icon: kind, name: String(row[kind]),
        detail: kind === 'topic' ? plural(Number(row.partitions), 'partition') : '',
        state: kind === 'query' ? String(row.state ?? '') : '',
        act: () => this.acts_.open(statementFor(kind, String(row[kind]))) })) : null;
  }

  /**
   * Returns a group with the rows of its first objects, because a browser needs seconds to draw
   * thousands of them. The last row adds more.
   * @param {string} kind @param {string} title @param {any[]} found
   * @param {(object: any) => HTMLElement} row
   */
  group_(kind, title, found, row) {
    const key = `group ${kind}`;
    const isOpen = this.open_.has(key) || this.words_ !== '';
    const most = this.most_.get(kind) ?? STEP;
    const more = Math.min(STEP, found.length - most);
    return el('div.tree-group', { role: 'presentation' },
      this.row_({ key, level: 1, name: title, detail: count(found.length), isOpen,
        act: () => this.toggle_(key) }),
      isOpen && el('div', { role: 'group' }, found.slice(0, most).map(row),
        more > 0 && this.row_({ key: `more ${kind}`, level: 2, name: `Show ${more} more`,
          detail: `${count(most)} of ${count(found.length)}`,
          act: () => this.showMore_(kind, most + STEP) })));
  }

  /** Shows more rows of a group; the first added row takes the place and the focus of the last row.
   * @param {string} kind @param {number} most */
  showMore_(kind, most) {
    const rows = () => /** @type {HTMLElement[]} */ ([...this.tree_.querySelectorAll('.tree-row')]);
    const at = rows().findIndex((row) => row.dataset.key === `more ${kind}`);
    this.most_.set(kind, most);
    this.draw();
    for (const row of rows()) row.tabIndex = -1;
    const first = rows()[at];
    first.tabIndex = 0;
    first.focus();
  }

  /** @param {Relation} relation */
  relation_(relation) {
    const key = `relation ${relation.name}`;
    const isOpen = this.open_.has(key);
    if (isOpen && !relation.described) void this.describe_(relation);
    return el('div', { role: 'presentation' },
      this.row_({ key, level: 2, icon: relation.kind, name: relation.name, isOpen,
        detail: relation.format, act: () => this.toggle_(key),
        menu: (opener) => this.acts_.menu(relation, opener) }),
      isOpen && el('div', { role: 'group' }, relation.columns.map((column) => this.row_({
        key: `column ${relation.name}.${column.name}`, level: 3, name: column.name,
        detail: column.type, mark: isKey(column) ? 'key' : '',
        act: () => this.acts_.insert(column.name),
      }))));
  }

  /** @param {Relation} relation */
  async describe_(relation) {
    await this.catalog_.describe(relation, this.signal_);
    if (relation.described) this.draw();
  }

  /**
   * @param {{key: string, level: number, name: string, detail?: string, icon?: string,
   *          mark?: string, state?: string, isOpen?: boolean, act: () => void,
   *          menu?: (opener: HTMLElement) => void}} item
   */
  row_(item) {
    const row = el(`div.tree-row.level-${item.level}`, {
      role: 'treeitem', tabindex: -1, 'data-key': item.key, 'aria-level': item.level,
      'aria-expanded': item.isOpen === undefined ? null : String(item.isOpen),
      onclick: () => { row.focus(); item.act(); },
    }, item.isOpen !== undefined && icon('chevron'), item.icon && icon(item.icon),
    el('span.tree-name', { title: item.name }, item.name),
    item.mark && el('span.key-mark', {}, item.mark),
    item.state && item.state !== 'RUNNING' &&
      el('span.badge', { 'data-state': item.state }, item.state.toLowerCase()),
    item.detail && el('span.tree-detail', {}, item.detail),
    item.menu && button('more', '', () => {}, {
      class: 'tree-more', tabindex: -1, 'aria-label': `Actions for ${item.name}`,
      onclick: (/** @type {Event} */ event) => {
        event.stopPropagation();
        item.menu?.(/** @type {any} */ (event.currentTarget));
      },
    }));
    return row;
  }

  /** @param {string} key */
  toggle_(key) {
    if (this.open_.has(key)) this.open_.delete(key);
    else this.open_.add(key);
    save('tree', [...this.open_]);
    this.draw();
  }

  /** @param {KeyboardEvent} event */
  press_(event) {
    const rows = [...this.tree_.querySelectorAll('.tree-row')];
    const at = rows.indexOf(/** @type {any} */ (document.activeElement));
    if (at < 0) return;
    const row = rows[at];
    const isOpen = row.getAttribute('aria-expanded') === 'true';
    const isClosed = row.getAttribute('aria-expanded') === 'false';
    const go = (/** @type {any} */ to) => {
      row.tabIndex = -1;
      if (to) { to.tabIndex = 0; to.focus(); }
    };
    if (event.key === 'ArrowDown') go(rows[at + 1] ?? row);
    else if (event.key === 'ArrowUp') go(rows[at - 1] ?? row);
    else if (event.key === 'Home') go(rows[0]);
    else if (event.key === 'End') go(rows[rows.length - 1]);
    else if (event.key === 'Enter' || event.key === ' ') row.click();
    else if ((event.key === 'ArrowRight' && isClosed) || (event.key === 'ArrowLeft' && isOpen))
      row.click();
    else if (event.key === 'ContextMenu' || (event.shiftKey && event.key === 'F10'))
      row.querySelector('.tree-more')?.click();
    else return;
    event.preventDefault();
  }
}

/** Returns a statement that shows a topic or a query. @param {string} kind @param {string} name */
function statementFor(kind, name) {
  return kind === 'topic' ? `PRINT ${quoteText(name)} FROM BEGINNING LIMIT 20;`
    : `EXPLAIN ${name};`;
}
