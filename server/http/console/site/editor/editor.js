// @ts-check
// The text editor. Only this file depends on CodeMirror; without it the editor is a plain text
// area.
import { el, button } from '../core/element.js';
import { positionOf } from './split.js';
import { KEYWORDS, PROPERTIES, TYPES } from '../core/words.js';

/** @typedef {{change: () => void, cursor: () => void}} EditorEvents */
/**
 * An error at a place of the text. `length` is at least 1.
 * @typedef {{line: number, column: number, length: number, code: string, message: string,
 *            detail?: string, hint?: string, fix?: string}} Mark
 */

const VENDOR = '../vendor/';
const ADDONS = ['sql.js', 'matchbrackets.js', 'closebrackets.js', 'comment.js'];

/** Puts an editor into a place. @param {Element} place @param {string} text */
export async function openEditor(place, text, /** @type {EditorEvents} */ events) {
  const CodeMirror = await loadCodeMirror();
  return CodeMirror ? new CodeEditor(CodeMirror, place, text, events)
    : new PlainEditor(place, text, events);
}

/** Returns CodeMirror, or null if it cannot be loaded. */
async function loadCodeMirror() {
  const global = /** @type {any} */ (globalThis);
  try {
    if (!global.CodeMirror) {
      const words = grammarWords();
      await Promise.all([loadStyle(`${VENDOR}codemirror.css`), import(`${VENDOR}codemirror.js`)]);
      await Promise.all(ADDONS.map((name) => import(VENDOR + name))); // they extend the global
      defineMode(global.CodeMirror, await words);
    }
    return global.CodeMirror;
  } catch {
    return null;
  }
}

/** @param {string} path */
function loadStyle(path) {
  return new Promise((resolve, reject) => {
    const link = el('link', {
      rel: 'stylesheet', href: new URL(path, import.meta.url).href, onload: resolve,
      onerror: reject,
    });
    document.head.prepend(link); // before the own style sheet, which overrides it
  });
}

/** @param {string[]} words */
function set(words) { return Object.fromEntries(words.map((word) => [word.toLowerCase(), true])); }

/** Returns the keywords of the grammar, from the file that the build generates from the grammar. */
async function grammarWords() {
  try {
    // @ts-ignore: the build makes this file.
    const { RESERVED, KEYWORDS: others } = await import('../core/keywords.js');
    return [...RESERVED, ...others];
  } catch {
    return []; // a folder that was not built, in development
  }
}

/** @param {any} CodeMirror @param {string[]} words */
function defineMode(CodeMirror, words) {
  CodeMirror.defineMIME('text/x-millrace', {
    name: 'sql', keywords: set([...words, ...KEYWORDS]), builtin: set([...TYPES, ...PROPERTIES]),
    atoms: set(['true', 'false', 'null']), backslashStringEscapes: false,
    operatorChars: /^[*+\-%<>!=&|^/#@?~]/, dateSQL: set(['date', 'time', 'timestamp', 'interval']),
    support: { commentless: false },
    hooks: { '"': (/** @type {any} */ stream) => {
      stream.match(/^[^"]*"?/);
      return 'variable-2';
    } },
  });
}

/** @param {Mark} mark @param {() => void} replace */
function widget(mark, replace) {
  return el('div.mark-note', { role: 'note' },
    el('span.mark-sign', { 'aria-hidden': 'true' }, '✖'),
    el('span.mark-code', {}, mark.code), ' ',
    el('span.mark-text', {}, mark.message), ' ',
    mark.hint && el('span.mark-hint', {}, mark.hint), ' ',
    mark.fix && button('', `Replace by ${mark.fix}`, replace, { class: 'small fix' }));
}

class CodeEditor {
  /**
   * @param {any} CodeMirror @param {Element} place @param {string} text
   * @param {EditorEvents} events
   */
  constructor(CodeMirror, place, text, events) {
    /** @type {any[]} */
    this.marks_ = [];
    /** @type {any[]} */
    this.notes_ = [];
    /** @type {any[]} */
    this.range_ = []; // the lines that Run would execute
    this.cm = CodeMirror(place, {
      value: text, mode: 'text/x-millrace', lineNumbers: true, matchBrackets: true,
      autoCloseBrackets: true, indentUnit: 2, tabSize: 2, lineWrapping: true, dragDrop: false,
      inputStyle: 'textarea', viewportMargin: 30, screenReaderLabel: 'SQL',
      extraKeys: {
        Tab: (/** @type {any} */ cm) => this.tab_(cm), 'Shift-Tab': 'indentLess',
        Esc: () => { this.leaveOnTab_(true); return CodeMirror.Pass; },
        'Ctrl-/': 'toggleComment', 'Cmd-/': 'toggleComment',
        'Ctrl-Enter': false, 'Cmd-Enter': false, 'Shift-Ctrl-Enter': false,
      },
    });
    this.cm.on('change', () => { this.clearMarks(); events.change(); });
    this.cm.on('cursorActivity', () => events.cursor());
    this.keys_ = this.cm.getOption('extraKeys');
    this.cm.on('focus', () => this.leaveOnTab_(false));
    // CodeMirror keeps the height that it measured. Without this, a lower place shows an empty area
    // that scrolls: the style sheet of the page or the bar of the tour may arrive after the editor.
    new ResizeObserver(() => this.cm.refresh()).observe(place);
  }

  /** After Esc the Tab key leaves the editor, so that the keyboard is not trapped in it. */
  leaveOnTab_(/** @type {boolean} */ isOn) {
    const open = { Tab: false, 'Shift-Tab': false };
    this.cm.setOption('extraKeys', isOn ? { ...this.keys_, ...open } : this.keys_);
  }

  /** @param {any} cm */
  tab_(cm) { cm.execCommand(cm.somethingSelected() ? 'indentMore' : 'insertSoftTab'); }

  get text() { return this.cm.getValue(); }
  set text(text) {
    if (text === this.text) return;
    this.cm.setValue(text);
    this.cm.clearHistory();
  }

  get cursor() { return this.cm.indexFromPos(this.cm.getCursor()); }
  set cursor(at) { this.cm.setCursor(this.cm.posFromIndex(at)); }

  /** The selected range; it is empty without a selection. */
  get selection() {
    const start = this.cm.indexFromPos(this.cm.getCursor('from'));
    const end = this.cm.indexFromPos(this.cm.getCursor('to'));
    return { start, end, text: this.cm.getSelection() };
  }

  focus() { this.cm.focus(); }
  get hasFocus() { return this.cm.hasFocus(); }

  /** Replaces a range as one step that can be undone. */
  replace(/** @type {number} */ from, /** @type {number} */ to, /** @type {string} */ text) {
    this.cm.replaceRange(text, this.cm.posFromIndex(from), this.cm.posFromIndex(to), '+complete');
  }

  /** Returns the place of a position on the screen. @param {number} at */
  coordinates(at) { return this.cm.charCoords(this.cm.posFromIndex(at), 'window'); }

  /** Handles keys before the editor does. Returns a function that ends this. */
  takeKeys(/** @type {Record<string, () => void>} */ keys) {
    this.cm.addKeyMap(keys);
    return () => this.cm.removeKeyMap(keys);
  }

  get input() { return this.cm.getInputField(); }

  /** Underlines errors and explains each below its line. @param {Mark[]} marks */
  showMarks(marks) {
    this.clearMarks();
    for (const mark of marks) {
      const from = { line: mark.line - 1, ch: mark.column - 1 };
      const to = { line: from.line, ch: from.ch + mark.length };
      this.marks_.push(this.cm.markText(from, to, { className: 'mark-error' }));
      const replace = () => {
        this.clearMarks();
        this.cm.replaceRange(mark.fix, from, to);
        this.cm.focus();
      };
      const options = { coverGutter: false, noHScroll: true };
      this.notes_.push(this.cm.addLineWidget(from.line, widget(mark, replace), options));
    }
  }

  clearMarks() {
    for (const mark of this.marks_) mark.clear();
    for (const note of this.notes_) note.clear();
    this.marks_ = [];
    this.notes_ = [];
  }

  /** Marks the lines that Run would execute. @param {{start: number, end: number}|null} range */
  showRange(range) {
    const { cm, range_: old } = this;
    const [first, end] = range ? [this.cm.posFromIndex(range.start).line,
      this.cm.posFromIndex(range.end).line + 1] : [0, 0];
    const lines = Array.from({ length: end - first }, (_, at) => cm.getLineHandle(first + at));
    // Changing the class of thousands of lines is slow, so nothing is done if the same lines are
    // marked already.
    if (lines.length === old.length && lines.every((line, at) => line === old[at])) return;
    for (const line of old) cm.removeLineClass(line, 'gutter', 'current');
    for (const line of lines) cm.addLineClass(line, 'gutter', 'current');
    this.range_ = lines;
  }
}

/** The same editor on a text area, without colours and completion. */
class PlainEditor {
  /** @param {Element} place @param {string} text @param {EditorEvents} events */
  constructor(place, text, events) {
    this.area_ = el('textarea.plain-editor', {
      'aria-label': 'SQL', spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off',
      oninput: () => { this.clearMarks(); events.change(); }, onkeyup: () => events.cursor(),
      onclick: () => events.cursor(),
    });
    this.area_.value = text;
    this.notes_ = el('div.plain-notes');
    place.append(this.area_, this.notes_);
  }

  get text() { return this.area_.value; }
  set text(text) { this.area_.value = text; }
  get cursor() { return this.area_.selectionStart; }
  set cursor(at) { this.area_.setSelectionRange(at, at); }
  get selection() {
    const { selectionStart: start, selectionEnd: end } = this.area_;
    return { start, end, text: this.text.slice(start, end) };
  }
  focus() { this.area_.focus(); }
  get hasFocus() { return document.activeElement === this.area_; }
  get input() { return this.area_; }
  coordinates() { return this.area_.getBoundingClientRect(); }
  takeKeys() { return () => {}; }
  showRange() {}

  /** @param {number} from @param {number} to @param {string} text */
  replace(from, to, text) {
    this.area_.setRangeText(text, from, to, 'end');
    this.area_.dispatchEvent(new Event('input'));
  }

  /** @param {Mark[]} marks */
  showMarks(marks) {
    this.notes_.replaceChildren(...marks.map((mark) => widget(mark, () => {
      const from = positionOf(this.text, mark.line, mark.column);
      this.clearMarks();
      this.replace(from, from + mark.length, mark.fix ?? '');
    })));
  }
  clearMarks() { this.notes_.replaceChildren(); }
}
