// @ts-check
// The rows of a file of CSV or JSON lines, as JSON objects for a stream or a table.

/** @typedef {import('../editor/catalog.js').ColumnInfo} ColumnInfo */
/** @typedef {{fields: (string|null)[], line: number}} CsvRow */
/** @typedef {{line: number, message: string}} Problem a line of the file, counted from 1 */
/**
 * `rows` are JSON objects, and `lines` has the line of the file for each of them. `used` maps the
 * name of a column to the field of the file that supplies it. `ignored` are the other fields.
 * @typedef {{rows: string[], lines: number[], problems: Problem[], used: Map<string, string>,
 *            ignored: string[]}} FileRows
 */

/** Returns `csv` or `json` by the first characters of a file. @param {string} text */
export function kindOf(text) { return /^\s*[[{]/.test(text) ? 'json' : 'csv'; }

/** Returns the character that separates the fields of the first line. @param {string} text */
export function separatorOf(text) {
  const end = text.search(/[\r\n]/);
  const line = (end < 0 ? text : text.slice(0, end)).replace(/"[^"]*"/g, '');
  const times = (/** @type {string} */ mark) => line.split(mark).length - 1;
  return ['\t', ';'].reduce((best, mark) => times(mark) > times(best) ? mark : best, ',');
}

/**
 * Returns the records of a CSV text (RFC 4180). An empty field is null, and `""` is an empty text,
 * as in COPY. Empty lines are left out. Fails if a quoted field does not end as it must.
 * @param {string} text @param {string} separator
 */
export function csvRows(text, separator) {
  /** @type {CsvRow[]} */
  const found = [];
  let at = 0, line = 1;
  while (at < text.length) {
    const began = line;
    /** @type {(string|null)[]} */
    const fields = [];
    for (;;) {
      const [field, end] = text[at] === '"' ? quoted(text, at, separator, began)
        : plain(text, at, separator);
      line += field.split(/\r\n|\r|\n/).length - 1;
      fields.push(field === '' && text[at] !== '"' ? null : field);
      at = end;
      if (text[at] !== separator) break;
      ++at;
    }
    at += text.startsWith('\r\n', at) ? 2 : 1;
    ++line;
    if (fields.length > 1 || fields[0] !== null) found.push({ fields, line: began });
  }
  return found;
}

/**
 * @param {string} text @param {number} begin @param {string} separator
 * @returns {[string, number]}
 */
function plain(text, begin, separator) {
  let end = begin;
  while (end < text.length && text[end] !== separator && text[end] !== '\n' && text[end] !== '\r')
    ++end;
  return [text.slice(begin, end), end];
}

/**
 * @param {string} text @param {number} begin @param {string} separator @param {number} line
 * @returns {[string, number]}
 */
function quoted(text, begin, separator, line) {
  let end = begin + 1;
  for (;;) {
    end = text.indexOf('"', end);
    if (end < 0) throw new Error(`Line ${line}: a quoted field has no closing quote`);
    if (text[end + 1] !== '"') break;
    end += 2;
  }
  if (plain(text, end + 1, separator)[0].trim())
    throw new Error(`Line ${line}: a text follows the closing quote of a field`);
  return [text.slice(begin + 1, end).replaceAll('""', '"'), plain(text, end + 1, separator)[1]];
}

/**
 * Returns the column that a field of a file supplies: the one with the same name, or else the only
 * one with this name in other letter case.
 * @param {ColumnInfo[]} columns @param {string} name
 */
export function columnOf(columns, name) {
  const exact = columns.find((column) => column.name === name);
  if (exact) return exact;
  const same = columns.filter((column) => column.name.toLowerCase() === name.toLowerCase());
  return same.length === 1 ? same[0] : undefined;
}

/**
 * Returns a number in the form that JSON requires: 007 becomes 7, .5 becomes 0.5, 1.e2 becomes 1e2.
 * The digits stay text, so no number is rounded.
 * @param {string} text
 */
function jsonNumber(text) {
  return text.trim().replace(/^\+/, '').replace(/^(-?)0+(?=\d)/, '$1').replace(/^(-?)\./, '$10.')
    .replace(/\.(?=e|$)/i, '');
}

/**
 * Returns the JSON of a CSV field for a column. The server reads dates and times from texts. Fails
 * if the field cannot be of the type.
 * @param {string} text @param {ColumnInfo} column
 */
export function jsonOf(text, { name, type }) {
  const expected = () => new Error(`${name}: expected ${type}, got ${text.slice(0, 40) || '""'}`);
  if (/^BOOL/i.test(type)) {
    if (!/^(true|false|t|f)$/i.test(text.trim())) throw expected();
    return String(/^t/i.test(text.trim()));
  }
  if (/^(INT|BIGINT)/i.test(type)) {
    if (!/^[+-]?\d+$/.test(text.trim())) throw expected();
    return jsonNumber(text);
  }
  if (/^(DOUBLE|DECIMAL|NUMERIC)/i.test(type)) {
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim())) throw expected();
    return jsonNumber(text);
  }
  if (/^(ARRAY|MAP|STRUCT)/i.test(type)) {
    try {
      JSON.parse(text);
    } catch {
      throw expected();
    }
    return text.replace(/[\r\n]+/g, ' '); // unchanged: parsed numbers would be rounded
  }
  return JSON.stringify(text);
}

/**
 * Reads CSV. The first record has the names of the columns; without `hasNames` the fields are those
 * of the columns, in their order. Fails if the text cannot be divided into records.
 * @param {string} text @param {ColumnInfo[]} columns @param {boolean} hasNames
 * @returns {FileRows}
 */
export function readCsv(text, columns, hasNames) {
  const records = csvRows(text, separatorOf(text));
  const names = hasNames ? (records.shift()?.fields ?? []).map((name) => (name ?? '').trim())
    : columns.map(({ name }) => name);
  const targets = names.map((name) => columnOf(columns, name));
  const twice = targets.find((column, at) => column && targets.indexOf(column) !== at);
  if (twice) throw new Error(`Two fields of the file are named ${twice.name}`);
  const result = emptyRows();
  for (const [at, column] of targets.entries()) {
    if (column) result.used.set(column.name, names[at]);
    else result.ignored.push(names[at] || `field ${at + 1}`);
  }
  for (const { fields, line } of records) {
    try {
      if (fields.length !== names.length)
        throw new Error(`${fields.length} fields, expected ${names.length}`);
      const members = fields.flatMap((field, each) => {
        const column = targets[each];
        return column && field !== null
          ? [`${JSON.stringify(column.name)}: ${jsonOf(field, column)}`] : [];
      });
      result.rows.push(`{${members.join(', ')}}`);
      result.lines.push(line);
    } catch (error) {
      result.problems.push({ line, message: /** @type {Error} */ (error).message });
    }
  }
  return result;
}

/** @returns {FileRows} */
function emptyRows() {
  return { rows: [], lines: [], problems: [], used: new Map(), ignored: [] };
}

/**
 * Reads JSON lines. Each line is sent unchanged. The server matches a name as /inserts-stream does:
 * an exact name, or a name in any letter case for a column whose name has capital letters only.
 * @param {string} text @param {ColumnInfo[]} columns @returns {FileRows}
 */
export function readJson(text, columns) {
  if (/^\s*\[/.test(text))
    throw new Error('The file is one JSON array. Write one object in each line: jq -c .[] FILE');
  const result = emptyRows();
  const ignored = new Set();
  for (const [at, each] of text.split('\n').entries()) {
    const row = each.trim();
    if (!row) continue;
    try {
      const value = JSON.parse(row);
      if (value === null || typeof value !== 'object' || Array.isArray(value))
        throw new Error('the line is no JSON object');
      for (const name of Object.keys(value)) {
        const column = columns.find((one) => one.name === name) ??
          columns.find((one) => one.name === name.toUpperCase());
        if (column) result.used.set(column.name, name);
        else ignored.add(name);
      }
      result.rows.push(row);
      result.lines.push(at + 1);
    } catch (error) {
      result.problems.push({ line: at + 1, message: /** @type {Error} */ (error).message });
    }
  }
  result.ignored.push(...ignored);
  return result;
}

/** The rows of one request: at most `rows`, and about `bytes` together. */
const BATCH = { rows: 1000, bytes: 512 * 1024 };

/**
 * Yields the rows in batches. @param {string[]} rows @returns {Generator<[number, string[]]>} the
 * position of the first row of a batch, and its rows
 */
export function* batches(rows, { rows: most, bytes: mostBytes } = BATCH) {
  let begin = 0, bytes = 0;
  for (let at = 0; at < rows.length; ++at) {
    if (at > begin && (at - begin === most || bytes + rows[at].length > mostBytes)) {
      yield [begin, rows.slice(begin, at)];
      [begin, bytes] = [at, 0];
    }
    bytes += rows[at].length;
  }
  if (begin < rows.length) yield [begin, rows.slice(begin)];
}
