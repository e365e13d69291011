// @ts-check
// One record as a whole: its value decoded and as bytes, its headers, and its place.
import { openDialog } from '../core/dialog.js';
import { button, el, factRows, fill, segments, toast } from '../core/element.js';
import { count, size } from '../core/format.js';
import { shownTime, utcTime } from './message_table.js';
import { readStep, recordOf } from './records.js';

const SHOWN_CHARS = 64 << 10; // a longer text makes the page slow; it can be copied as a whole
const SHOWN_BYTES = 4096;

/** Returns JSON in several lines, and any other text unchanged. @param {string} text */
export function pretty(text) {
  if (!/^\s*[[{]/.test(text) || text.length > SHOWN_CHARS) return text;
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  return indented(text);
}

/**
 * Indents valid JSON. The text is not parsed and written again, since that would round numbers.
 * @param {string} text
 */
function indented(text) {
  let out = '', depth = 0, last = '';
  const line = () => `\n${'  '.repeat(depth)}`;
  for (const token of text.match(/"(?:\\.|[^"\\])*"|[[\]{},:]|[^\s[\]{},:"]+/g) ?? []) {
    const isOpen = token === '{' || token === '[', isClose = token === '}' || token === ']';
    if (isClose) depth -= 1;
    const isFirst = last === '{' || last === '[';
    if (last === ',' || (isFirst !== isClose && (isFirst || isClose))) out += line();
    out += token === ':' ? ': ' : token;
    if (isOpen) depth += 1;
    last = token;
  }
  return out;
}

/** Returns bytes as lines of 16 with their characters. @param {Uint8Array} bytes */
export function hexDump(bytes) {
  const lines = [];
  for (let at = 0; at < Math.min(bytes.length, SHOWN_BYTES); at += 16) {
    const part = [...bytes.subarray(at, Math.min(at + 16, SHOWN_BYTES))];
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = part.map((byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex.padEnd(47)}  ${text.join('')}`);
  }
  if (bytes.length > SHOWN_BYTES)
    lines.push(`… ${count(bytes.length - SHOWN_BYTES)} further bytes`);
  return lines.join('\n');
}

/** Returns the bytes of a BYTES value, which arrives as Base64. @param {any} text */
export function bytesOf(text) {
  return typeof text === 'string' ? Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
    : new Uint8Array();
}

/** Returns the text of header bytes if they are UTF-8. @param {Uint8Array} bytes */
function headerText(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  }
}

/** @param {Record<string, any>} record */
function factsOf(record) {
  const items = /** @type {[string, any][]} */ ([
    ['Time', el('span', { title: utcTime(record.time) }, shownTime(record.time))],
    ['Key', record.raw_key === null ? 'no key' : el('bdi', {}, record.key ?? '')],
    ['Key format', record.key_format ?? '–'], ['Value format', record.value_format ?? '–'],
    ['Schema', record.value_schema ?? '–'], ['Transaction', record.transaction ?? 'none'],
    ['Size', record.raw_value === null ? 'no value' : size(bytesOf(record.raw_value).length)],
  ]);
  return el('dl.query-facts', {}, factRows(items, 'dd.clamped'));
}

/** @param {Record<string, any>} record */
function headersOf(record) {
  const list = Array.isArray(record.headers) ? record.headers : [];
  if (!list.length) return el('p.soft', {}, 'The record has no headers.');
  return el('dl.header-list', {}, list.map((header) => el('div', {},
    el('dt', {}, el('bdi', {}, header.KEY ?? header.key)),
    el('dd', {}, (header.VALUE ?? header.value) === null ? 'no value'
      : el('bdi', {}, headerText(bytesOf(header.VALUE ?? header.value)))))));
}

/** @param {Record<string, any>} record */
function valueOf(record) {
  if (record.raw_value === null) {
    return el('p.soft', {}, 'The record has no value. In a compacted topic it deletes its key ' +
      '(a tombstone).');
  }
  const bytes = bytesOf(record.raw_value);
  const place = el('pre.sql-text.record-text', { tabindex: 0, 'aria-label': 'Value', dir: 'auto' });
  const note = el('p.soft');
  const show = (/** @type {string} */ form) => {
    const text = form === 'bytes' ? hexDump(bytes) : pretty(String(record.value ?? ''));
    place.textContent = text.slice(0, SHOWN_CHARS);
    note.textContent = text.length <= SHOWN_CHARS ? ''
      : `The first ${count(SHOWN_CHARS)} of ${count(text.length)} characters are shown.`;
  };
  show('text');
  return el('div.record-value', {}, segments('Form of the value',
    [['text', 'Decoded'], ['bytes', 'Bytes']], 'text', show), place, note);
}

/**
 * Opens the details of a record.
 * @param {string} topic @param {Record<string, any>} row of the list @param {AbortSignal} signal
 * @param {((record: Record<string, any>) => void)|null} again produces an edited copy
 */
export async function openRecord(topic, row, signal, again) {
  const { partition, offset } = row;
  const body = el('div.record-detail', {}, el('p.soft', { role: 'status' }, 'The record is read.'));
  const copy = button('', 'Copy the value', () => {
    void navigator.clipboard?.writeText(String(record?.value ?? ''));
    toast('The value is copied.');
  }, { disabled: true });
  const edit = again && button('', 'Produce again…', () => {
    close();
    if (record) again(record);
  }, { disabled: true });
  const close = openDialog(`${topic}, partition ${partition}, offset ${count(Number(offset))}`,
    [body], { wide: true, buttons: [copy, edit].filter(Boolean) });
  signal.addEventListener('abort', close);
  /** @type {Record<string, any>|undefined} */
  let record;
  try {
    const { rows } = await readStep(recordOf(topic, partition, offset), signal);
    record = rows.find((each) => String(each.offset) === String(offset));
    if (!record) throw new Error('The record was deleted, by retention or compaction');
    fill(body, factsOf(record), record.error && el('p.error-text', {}, `${record.error}.`),
      valueOf(record), el('h3', {}, 'Headers'), headersOf(record));
    copy.disabled = false;
    if (edit) edit.disabled = false;
  } catch (error) {
    if (!signal.aborted)
      fill(body, el('p.error-text', { role: 'alert' }, `${/** @type {Error} */ (error).message}.`));
  }
}
