// @ts-check
// Splits a script at its semicolons. The server parses the statements; this module only finds their
// ends.

/** @typedef {{start: number, end: number, text: string}} Piece */

/**
 * Returns the end of the quote, comment or dollar quote that begins at `at`, or `at` if none does.
 * @param {string} text @param {number} at
 */
function skip(text, at) {
  const two = text.slice(at, at + 2);
  if (two === '--') return after(text, '\n', at + 2);
  if (two === '/*') return afterComment(text, at + 2);
  if (text[at] === "'" || text[at] === '"' || text[at] === '`')
    return after(text, text[at], at + 1);
  const tag = text[at] === '$' && !/[\w$]/.test(text[at - 1] ?? '')
    ? /^\$(?:[A-Za-z_]\w*)?\$/.exec(text.slice(at, at + 66)) : null;
  return tag ? after(text, tag[0], at + tag[0].length) : at;
}

/** @param {string} text @param {string} mark @param {number} from */
function after(text, mark, from) {
  const found = text.indexOf(mark, from);
  return found < 0 ? text.length : found + mark.length;
}

/** Comments nest, as in PostgreSQL. @param {string} text @param {number} from */
function afterComment(text, from) {
  for (let at = from, depth = 1; at < text.length; ++at) {
    const two = text.slice(at, at + 2);
    if (two === '/*') { ++depth; ++at; }
    if (two === '*/') { ++at; if (--depth === 0) return at + 1; }
  }
  return text.length;
}

/** Characters that neither end a statement nor begin a quote or a comment. */
const PLAIN = /[^;'"`$\-/]+/y;

/** @type {{script: string, pieces: Piece[]}} */
let last = { script: '', pieces: [] };

/**
 * Returns the statements of a script without those that hold only blanks and comments. `start` is
 * the position of the first character that is no blank; `end` is behind the semicolon. The pieces
 * of the last script are kept, since a press of a key asks for them several times.
 * @param {string} script @returns {readonly Piece[]}
 */
export function splitStatements(script) {
  if (last.script !== script) last = { script, pieces: split(script) };
  return last.pieces;
}

/** @param {string} script @returns {Piece[]} */
function split(script) {
  /** @type {Piece[]} */
  const pieces = [];
  let start = 0, hasText = false;
  const close = (/** @type {number} */ end) => {
    if (hasText) {
      const lead = /^\s*/.exec(script.slice(start, end))?.[0].length ?? 0;
      const text = script.slice(start + lead, end).trimEnd();
      pieces.push({ start: start + lead, end: start + lead + text.length, text });
    }
    start = end;
    hasText = false;
  };
  for (let at = 0; at < script.length;) {
    PLAIN.lastIndex = at;
    const plain = PLAIN.exec(script)?.[0] ?? '';
    hasText ||= /\S/.test(plain);
    at += plain.length;
    if (at === script.length) break;
    const end = skip(script, at);
    if (end > at) {
      const isComment = script[at] === '-' || script[at] === '/';
      hasText ||= !isComment;
      at = end;
    } else if (script[at] === ';') {
      close(++at);
    } else {
      hasText = true;
      ++at;
    }
  }
  close(script.length);
  return pieces;
}

/**
 * Returns the statement that contains a position, otherwise the statement before it. A cursor
 * behind the last semicolon therefore selects the last statement.
 * @param {string} script @param {number} position @returns {Piece|undefined}
 */
export function statementAt(script, position) {
  const pieces = splitStatements(script);
  const around = pieces.find((piece) => piece.start <= position && position <= piece.end);
  if (around) return around;
  const line = script.lastIndexOf('\n', position - 1);
  const after = pieces.find((piece) => piece.start >= position);
  const before = pieces.filter((piece) => piece.end < position).pop();
  // A cursor in the comment or the indentation before a statement selects that statement. A cursor
  // on the line of a semicolon selects the statement that ends there.
  if (before && (before.end > line || !after)) return before;
  return after ?? before;
}

/** Returns the index of a place in a text; lines and columns count from 1, in UTF-16 units. */
export function positionOf(/** @type {string} */ text, /** @type {number} */ line,
  /** @type {number} */ column) {
  const before = text.split('\n').slice(0, line - 1);
  return before.reduce((sum, each) => sum + each.length + 1, 0) + column - 1;
}

/** Returns the text without comments and with single blanks; quotes stay as they are. */
export function withoutComments(/** @type {string} */ text) {
  let plain = '';
  for (let at = 0; at < text.length;) {
    const end = skip(text, at);
    const isComment = end > at && (text[at] === '-' || text[at] === '/');
    if (end > at && !isComment) plain += text.slice(at, end);
    else if (!isComment && !/\s/.test(text[at])) plain += text[at];
    else if (!plain.endsWith(' ')) plain += ' ';
    at = Math.max(end, at + 1);
  }
  return plain.trim();
}

/** Returns whether the statement follows changes until it is stopped. @param {string} text */
export function isPush(text) {
  return /\bEMIT\s+CHANGES\b/i.test(text) && /^\s*(\(|SELECT|WITH|VALUES|TABLE)/i
    .test(withoutComments(text));
}

/** Returns whether a statement defines or removes objects. @param {string} text */
export function isDefinition(text) {
  return /^(CREATE|DROP|ALTER|TERMINATE|PAUSE|RESUME|GRANT|REVOKE|ASSERT)\b/i
    .test(withoutComments(text));
}
