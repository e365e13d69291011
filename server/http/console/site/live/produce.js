// @ts-check
// Dialogs that write to topics: a new record, and a new topic. Both show their request.
import { openDialog } from '../core/dialog.js';
import { button, el, fill, segments, toast } from '../core/element.js';
import { count } from '../core/format.js';
import { rest } from '../core/rest.js';
import { bytesOf } from './message_detail.js';

/** @typedef {{partition: string, keyType: string, key: string, valueType: string, value: string,
 *             headers: string, time: string}} Draft */

const TYPES = [['STRING', 'text'], ['JSON', 'JSON'], ['BINARY', 'Base64'], ['NULL', 'none']];

/** @param {string} text */
function base64(text) {
  let bytes = '';
  for (const byte of new TextEncoder().encode(text)) bytes += String.fromCharCode(byte);
  return btoa(bytes);
}

/** @param {string} type @param {string} text @param {string} what */
function dataOf(type, text, what) {
  if (type !== 'JSON') return { type, data: text };
  try {
    JSON.parse(text);
  } catch (error) {
    throw new Error(`The ${what} is not JSON: ${/** @type {Error} */ (error).message}`);
  }
  // The text is sent unchanged, because a parsed and rewritten value would have rounded numbers.
  return { type: 'STRING', data: text };
}

/**
 * Returns the body of the request for a record. Fails if a field cannot be read.
 * @param {Draft} draft
 */
export function recordBody(draft) {
  /** @type {Record<string, any>} */
  const body = {};
  if (draft.partition !== '') body.partition_id = Number(draft.partition);
  const headers = draft.headers.split('\n').filter((line) => line.trim()).map((line) => {
    const at = line.indexOf(':');
    if (at < 1) throw new Error(`"${line.trim()}" is no header: write name: value`);
    return { name: line.slice(0, at).trim(), value: base64(line.slice(at + 1).trim()) };
  });
  if (headers.length) body.headers = headers;
  if (draft.keyType !== 'NULL') body.key = dataOf(draft.keyType, draft.key, 'key');
  if (draft.valueType !== 'NULL') body.value = dataOf(draft.valueType, draft.value, 'value');
  if (draft.time.trim()) {
    const at = Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(draft.time.trim()) ? draft.time.trim()
      : `${draft.time.trim().replace(' ', 'T')}Z`);
    if (Number.isNaN(at)) throw new Error(`"${draft.time.trim()}" is no time: 2026-01-31 09:00`);
    body.timestamp = new Date(at).toISOString();
  }
  return body;
}

/** Returns the draft that repeats a record. @param {Record<string, any>} record @returns {Draft} */
export function draftOf(record) {
  const part = (/** @type {any} */ raw, /** @type {any} */ text, /** @type {any} */ format) =>
    raw === null ? ['NULL', ''] : /^(JSON|KAFKA_STRING)$/.test(format ?? '')
      ? [format === 'JSON' ? 'JSON' : 'STRING', String(text)] : ['BINARY', String(raw)];
  const [keyType, key] = part(record.raw_key, record.key, record.key_format);
  const [valueType, value] = part(record.raw_value, record.value, record.value_format);
  const headers = (record.headers ?? []).map((/** @type {any} */ header) =>
    `${header.KEY ?? header.key}: ${new TextDecoder().decode(bytesOf(header.VALUE ??
      header.value))}`).join('\n');
  return { partition: String(record.partition), keyType, key, valueType, value, headers, time: '' };
}

/** @param {string} label @param {Node} control @param {string} [hint] */
function field(label, control, hint = '') {
  return el('label.field', {}, el('span', {}, label), control, hint && el('span.soft', {}, hint));
}

/**
 * Opens the dialog that produces a record.
 * @param {string} topic @param {number[]} partitions @param {AbortSignal} signal
 * @param {Record<string, any>} [record] a record to produce again
 */
export function openProduce(topic, partitions, signal, record) {
  const draft = record ? draftOf(record)
    : { partition: '', keyType: 'STRING', key: '', valueType: 'JSON', value: '', headers: '',
      time: '' };
  const area = (/** @type {keyof Draft} */ name, /** @type {string} */ label, rows = 2) =>
    el('textarea.input', { rows, 'aria-label': label, spellcheck: 'false', dir: 'auto',
      oninput: (/** @type {any} */ event) => { draft[name] = event.target.value; draw(); } },
    draft[name]);
  const key = area('key', 'Key'), value = area('value', 'Value', 7);
  const side = (/** @type {'key'|'value'} */ name, /** @type {HTMLElement} */ box) =>
    el('div.produce-side', {}, el('div.produce-head', {},
      el('h3', {}, name === 'key' ? 'Key' : 'Value'),
      segments(`Form of the ${name}`, TYPES.map(([type, text]) => [type,
        name === 'value' && type === 'NULL' ? 'none (tombstone)' : text]),
      draft[`${name}Type`], (type) => { draft[`${name}Type`] = type; box.hidden = type === 'NULL';
        draw(); })), box);
  key.hidden = draft.keyType === 'NULL';
  value.hidden = draft.valueType === 'NULL';
  const partition = el('select.input', { onchange: () => {
    draft.partition = partition.value;
    draw();
  } }, el('option', { value: '' }, 'by the key'), partitions.map((each) =>
    el('option', { value: each, selected: String(each) === draft.partition }, each)));
  const headers = area('headers', 'Headers');
  const time = el('input.input', { type: 'text', placeholder: 'now',
    oninput: () => { draft.time = time.value; draw(); } });
  const request = el('pre.sql-text.request-text', { tabindex: 0, 'aria-label': 'Request' });
  const failure = el('p.error-text', { role: 'alert' });
  const draw = () => {
    let text = '';
    failure.textContent = '';
    send.disabled = false;
    try {
      text = JSON.stringify(recordBody(draft), null, 1);
    } catch (error) {
      failure.textContent = `${/** @type {Error} */ (error).message}.`;
      send.disabled = true;
    }
    request.textContent = `POST …/topics/${topic}/records\n${text.slice(0, 2000)}`;
  };
  const produce = async () => {
    send.disabled = true;
    try {
      const answer = await rest('POST', `/topics/${encodeURIComponent(topic)}/records`,
        recordBody(draft));
      toast(`Produced: partition ${answer.partition_id}, offset ${count(answer.offset)}.`);
      close();
    } catch (error) {
      failure.textContent = `${/** @type {Error} */ (error).message}.`;
      send.disabled = false;
    }
  };
  const send = button('', 'Produce', () => void produce(), { class: 'primary' });
  const close = openDialog(`Produce to ${topic}`, [side('key', key), side('value', value),
    el('div.columns', {}, field('Partition', partition), field('Time', time, 'In UTC')),
    field('Headers', headers, 'One in a line: name: value'), failure,
    el('details.request', {}, el('summary', {}, 'Request'), request)],
  { wide: true, buttons: [button('', 'Cancel', () => close()), send] });
  signal.addEventListener('abort', close);
  draw();
  (draft.keyType === 'NULL' ? value : key).focus();
}

/**
 * Opens the dialog that creates a topic.
 * @param {AbortSignal} signal @param {(topic: string) => void} done
 */
export function openNewTopic(signal, done) {
  const input = (/** @type {string} */ value, props = {}) => el('input.input', { type: 'text',
    value, autocomplete: 'off', spellcheck: 'false', oninput: () => draw(), ...props });
  const name = input(''), parts = input('4', { inputmode: 'numeric' });
  const retention = input('', { placeholder: 'the default of the server', inputmode: 'numeric' });
  let cleanup = 'delete';
  const policy = segments('Cleanup', [['delete', 'delete'], ['compact', 'compact']], cleanup,
    (value) => { cleanup = value; draw(); });
  const request = el('pre.sql-text', { tabindex: 0, 'aria-label': 'Request' });
  const failure = el('p.error-text', { role: 'alert' });
  const body = () => {
    const configs = [{ name: 'cleanup.policy', value: cleanup }];
    if (retention.value.trim())
      configs.push({ name: 'retention.ms', value: String(Number(retention.value) * 3_600_000) });
    return { topic_name: name.value.trim(), partitions_count: Number(parts.value), configs };
  };
  const draw = () => {
    failure.textContent = '';
    const isWhole = /^[1-9]\d*$/.test(parts.value) && /^\d*$/.test(retention.value.trim());
    create.disabled = !name.value.trim() || !isWhole;
    request.textContent = `POST …/topics\n${JSON.stringify(body(), null, 1)}`;
  };
  const run = async () => {
    create.disabled = true;
    try {
      await rest('POST', '/topics', body());
      close();
      done(name.value.trim());
    } catch (error) {
      failure.textContent = `${/** @type {Error} */ (error).message}.`;
      create.disabled = false;
    }
  };
  const create = button('', 'Create', () => void run(), { class: 'primary', disabled: true });
  const close = openDialog('New topic', [field('Name', name), field('Partitions', parts),
    el('div.field', {}, el('span', {}, 'Cleanup'), policy),
    field('Retention in hours', retention), failure,
    el('details.request', {}, el('summary', {}, 'Request'), request)],
  { buttons: [button('', 'Cancel', () => close()), create] });
  signal.addEventListener('abort', close);
  fill(failure);
  draw();
  name.focus();
}
