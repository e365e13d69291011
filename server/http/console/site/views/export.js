// @ts-check
// Rows as CSV, JSON and TSV, and files out of them.

/** Cells that a spreadsheet would run as a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/** @param {any} value */
function plain(value) {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/**
 * Returns a field of CSV as RFC 4180 wants it. NULL is an empty field and an empty text is `""`,
 * as COPY writes them. `neutralize` puts an apostrophe before a text that a spreadsheet would run.
 * @param {any} value @param {boolean} [neutralize]
 */
export function csvField(value, neutralize = false) {
  let text = plain(value);
  if (neutralize && typeof value === 'string' && FORMULA.test(text) && !isNumber(text))
    text = `'${text}`;
  if (value === '') return '""';
  return /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @param {string} text */
function isNumber(text) { return /^[+-]?\d+(\.\d+)?$/.test(text); }

/**
 * @param {string[]} names @param {any[][]} rows @param {boolean} [neutralize]
 * @returns {Generator<string>} lines
 */
export function* csvLines(names, rows, neutralize = false) {
  yield names.map((name) => csvField(name, neutralize)).join(',') + '\r\n';
  for (const row of rows)
    yield row.map((value) => csvField(value, neutralize)).join(',') + '\r\n';
}

/**
 * Returns one object per line, inside one array. Equal names of columns get a number, because a
 * JSON object would keep only one of them.
 * @param {string[]} names @param {any[][]} rows @returns {Generator<string>}
 */
export function* jsonLines(names, rows) {
  const keys = distinct(names);
  yield '[';
  let separator = '\n';
  for (const row of rows) {
    const fields = keys.map((key, at) => `${JSON.stringify(key)}: ${JSON.stringify(row[at])}`);
    yield `${separator}  {${fields.join(', ')}}`;
    separator = ',\n';
  }
  yield '\n]\n';
}

/** @param {string[]} names */
function distinct(names) {
  const seen = new Map();
  return names.map((name) => {
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    return times ? `${name}_${times + 1}` : name;
  });
}

/**
 * Returns rows for the clipboard; tabs and newlines in cells become blanks.
 * @param {any[][]} rows @param {string[]} [names]
 */
export function tsv(rows, names = []) {
  const line = (/** @type {any[]} */ row) => row.map((value) => plain(value)
    .replace(/[\t\r\n]+/g, ' ')).join('\t');
  return (names.length ? [names, ...rows] : rows).map(line).join('\n');
}

/** Larger blobs would take too much memory of the browser. */
const MOST_BYTES = 256 * 1024 * 1024;

/**
 * Writes the lines into a file that the user picks, or downloads them where the browser has no
 * such dialog. Throws an error with advice above 256 MB.
 * @param {string} name @param {string} type @param {Iterable<string>|AsyncIterable<string>} lines
 */
export async function saveFile(name, type, lines) {
  const file = await pickFile(name);
  if (file === 'none') return;
  if (file) {
    for await (const piece of pieces(lines)) await file.write(piece);
    await file.close();
    return;
  }
  /** @type {BlobPart[]} */
  const parts = [];
  let bytes = 0;
  for await (const piece of pieces(lines)) {
    bytes += piece.length;
    if (bytes > MOST_BYTES)
      throw new Error('The export is larger than 256 MB. Use psql: \\copy (SELECT ...) TO file');
    parts.push(piece);
  }
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * Returns a file to write into, 'none' if the user has closed the dialog, or null where the browser
 * has no such dialog.
 * @param {string} name
 */
async function pickFile(name) {
  const picker = /** @type {any} */ (window).showSaveFilePicker;
  if (!picker || !isSecureContext || navigator.webdriver) return null;
  try {
    return await (await picker({ suggestedName: name })).createWritable();
  } catch (error) {
    return /** @type {any} */ (error).name === 'AbortError' ? 'none' : null;
  }
}

/** Joins lines to pieces of about 64 KB. @param {Iterable<string>|AsyncIterable<string>} lines */
async function* pieces(lines) {
  let text = '';
  for await (const line of lines) {
    text += line;
    if (text.length > 65_536) {
      yield text;
      text = '';
    }
  }
  if (text) yield text;
}
