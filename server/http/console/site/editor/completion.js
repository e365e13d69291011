// @ts-check
// Completion in the SQL editor: the candidates at the cursor, and the list that shows them.
import { isKey } from './catalog.js';
import { el, icon } from '../core/element.js';
import { quoteName } from '../core/sql.js';
import { splitStatements, statementAt } from './split.js';
import { KEYWORDS, TYPES } from '../core/words.js';

/** @typedef {{text: string, kind: string, detail: string, mark?: string}} Candidate */

const MOST = 50;
const LONGEST = 300; // characters before the cursor that decide what can stand there
const BEFORE_RELATION = /\b(FROM|JOIN|INTO|TABLE|STREAM|UPDATE|DESCRIBE|VIEW)\s+$/i;
const NAME_BEFORE = /[A-Za-z_$][\w$]*$/;

/**
 * Returns the texts that can stand at the cursor; the typed part begins at `from`.
 * @param {string} script @param {number} cursor @param {import('./catalog.js').Catalog} catalog
 * @returns {{from: number, candidates: Candidate[]}}
 */
export function complete(script, cursor, catalog) {
  const before = script.slice(Math.max(0, cursor - LONGEST), cursor);
  const typed = NAME_BEFORE.exec(before)?.[0] ?? '';
  const from = cursor - typed.length;
  const lead = before.slice(0, before.length - typed.length);
  if (isInText(script, from)) return { from, candidates: [] };
  const statement = statementAt(script, cursor)?.text ?? '';
  const owner = /([A-Za-z_]\w*|"[^"]+")\.$/.exec(lead)?.[1];
  const candidates = owner ? columnsOf(owner, statement, catalog)
    : BEFORE_RELATION.test(lead) ? relationsOf(catalog)
      : [...columnsFor(statement, catalog), ...wordsOf(catalog)];
  return { from, candidates: rank(candidates, typed) };
}

/** Whether a place is inside a quote or a comment. @param {string} script @param {number} at */
function isInText(script, at) {
  const piece = splitStatements(script).filter(({ start }) => start < at).pop();
  const isOver = piece && piece.end <= at && piece.text.endsWith(';');
  const tail = piece && !isOver ? script.slice(piece.start, at) : '';
  const plain = tail.replace(/'(?:[^']|'')*'/g, '').replace(/"[^"]*"/g, '');
  return plain.includes("'") || /--[^\n]*$/.test(plain);
}

/** @param {import('./catalog.js').Catalog} catalog @returns {Candidate[]} */
function relationsOf(catalog) {
  return catalog.relations.map((relation) => ({
    text: quoteName(relation.name), kind: relation.kind,
    detail: `${relation.kind}, ${relation.columns.length} columns`,
  }));
}

/** @param {import('./catalog.js').Relation} relation @returns {Candidate[]} */
function columnCandidates(relation) {
  return relation.columns.map((column) => ({
    text: quoteName(column.name), kind: 'column', detail: `${column.type} · ${relation.name}`,
    mark: isKey(column) ? 'key' : undefined,
  }));
}

/**
 * Returns the columns of the relations that the statement names. While a SELECT names no relation
 * yet, returns the columns of all relations.
 * @param {string} statement @param {import('./catalog.js').Catalog} catalog
 */
function columnsFor(statement, catalog) {
  const named = mentioned(statement, catalog);
  const isOpen = !named.length && /^\s*SELECT\s/i.test(statement);
  return (isOpen ? catalog.relations : named).flatMap(columnCandidates);
}

/** @param {import('./catalog.js').Catalog} catalog @returns {Candidate[]} */
function wordsOf(catalog) {
  return [
    ...KEYWORDS.map((text) => ({ text, kind: 'keyword', detail: '' })),
    ...relationsOf(catalog),
    ...catalog.functions.map((each) => ({
      text: each.name, kind: 'function', detail: each.description,
    })),
    ...TYPES.map((text) => ({ text, kind: 'type', detail: '' })),
  ];
}

/** The words of the last statement, which two callers ask for with each key. */
let last = { statement: '', words: /** @type {Set<string>} */ (new Set()) };

/**
 * Returns the relations that a statement names.
 * @param {string} statement @param {import('./catalog.js').Catalog} catalog
 */
export function mentioned(statement, catalog) {
  if (last.statement !== statement)
    last = { statement, words: new Set(statement.toLowerCase().match(/[a-z_][\w$]*/g) ?? []) };
  return catalog.relations.filter((relation) => last.words.has(relation.name.toLowerCase()));
}

/**
 * Returns the columns behind `owner.`: a relation, or an alias of one in the statement.
 * @param {string} owner @param {string} statement
 * @param {import('./catalog.js').Catalog} catalog
 */
function columnsOf(owner, statement, catalog) {
  const alias = new RegExp(`([\\w$]+|"[^"]+")\\s+(?:AS\\s+)?${owner}\\b`, 'gi');
  const relation = catalog.find(owner) ?? [...statement.matchAll(alias)]
    .map(([, name]) => catalog.find(name)).find(Boolean);
  return relation ? columnCandidates(relation) : [];
}

/**
 * Orders candidates: those that begin with the typed part before those that contain it.
 * @param {Candidate[]} candidates @param {string} typed
 */
export function rank(candidates, typed) {
  const part = typed.toLowerCase();
  const isShort = part.length < 2;
  const seen = new Set();
  const scored = candidates.flatMap((candidate, order) => {
    const text = candidate.text.toLowerCase();
    const at = text.indexOf(part);
    if (at < 0 || (at > 0 && isShort) || (text === part && candidate.kind === 'keyword'))
      return [];
    const key = `${candidate.kind} ${text} ${candidate.detail}`;
    if (seen.has(key)) return [];
    seen.add(key);
    return [{ candidate, score: (at === 0 ? 0 : 1), order }];
  });
  scored.sort((a, b) => a.score - b.score || a.order - b.order);
  return scored.slice(0, MOST).map(({ candidate }) => candidate);
}

/** The list below the cursor. It has the pattern of a listbox that the editor's input controls. */
export class CompletionList {
  /** @param {any} editor @param {import('./catalog.js').Catalog} catalog */
  constructor(editor, catalog) {
    this.editor_ = editor;
    this.catalog_ = catalog;
    this.node_ = el('ul.completions', { role: 'listbox', id: 'completions',
      'aria-label': 'Completions' });
    /** @type {(() => void)|null} */
    this.release_ = null;
    this.active_ = 0;
    this.from_ = 0;
    /** @type {Candidate[]} */
    this.candidates_ = [];
  }

  get isOpen() { return this.release_ !== null; }

  /** Shows what fits at the cursor. @param {boolean} isAsked whether the user pressed the key */
  open(isAsked) {
    const { text, cursor } = this.editor_;
    const { from, candidates } = complete(text, cursor, this.catalog_);
    const isNothing = !candidates.length || (!isAsked && from === cursor &&
      text[cursor - 1] !== '.');
    if (isNothing || (candidates.length === 1 && candidates[0].text === text.slice(from, cursor))) {
      this.close();
      return;
    }
    [this.from_, this.candidates_, this.active_] = [from, candidates, 0];
    this.draw_();
    this.release_ ??= this.editor_.takeKeys({
      Up: () => this.move_(-1), Down: () => this.move_(1), PageUp: () => this.move_(-8),
      PageDown: () => this.move_(8), Enter: () => this.accept_(), Tab: () => this.accept_(),
      Esc: () => this.close(),
    });
  }

  close() {
    this.release_?.();
    this.release_ = null;
    this.node_.remove();
    this.editor_.input.removeAttribute('aria-activedescendant');
  }

  draw_() {
    const rows = this.candidates_.map((candidate, at) => el('li.completion', {
      role: 'option', id: `completion-${at}`, 'aria-selected': String(at === this.active_),
      onmousedown: (/** @type {Event} */ event) => {
        event.preventDefault();
        this.active_ = at;
        this.accept_();
      },
    }, icon(candidate.kind), el('span.completion-text', {}, candidate.text),
    candidate.mark && el('span.key-mark', {}, candidate.mark),
    el('span.completion-detail', {}, candidate.detail)));
    this.node_.replaceChildren(...rows);
    document.body.append(this.node_);
    const { left, bottom, top } = this.editor_.coordinates(this.from_);
    const height = this.node_.offsetHeight;
    const isBelow = bottom + height < innerHeight - 8;
    this.node_.style.left = `${Math.max(8, Math.min(left - 30, innerWidth -
      this.node_.offsetWidth - 8))}px`;
    this.node_.style.top = `${isBelow ? bottom + 4 : Math.max(8, top - height - 4)}px`;
    this.editor_.input.setAttribute('aria-controls', 'completions');
    this.editor_.input.setAttribute('aria-activedescendant', `completion-${this.active_}`);
  }

  /** @param {number} by */
  move_(by) {
    const last = this.candidates_.length - 1;
    const next = this.active_ + by;
    this.active_ = next < 0 ? (by === -1 ? last : 0) : next > last ? (by === 1 ? 0 : last) : next;
    for (const [at, node] of [...this.node_.children].entries())
      node.setAttribute('aria-selected', String(at === this.active_));
    this.node_.children[this.active_]?.scrollIntoView({ block: 'nearest' });
    this.editor_.input.setAttribute('aria-activedescendant', `completion-${this.active_}`);
  }

  accept_() {
    const { text } = this.candidates_[this.active_];
    this.close();
    this.editor_.replace(this.from_, this.editor_.cursor, text);
  }
}
