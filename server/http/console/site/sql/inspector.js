// @ts-check
// A whole value in a dialog.
import { button, el, toast } from '../core/element.js';
import { openDialog } from '../core/dialog.js';
import { dateTime, isTime, parseTime, size } from '../core/format.js';

/** @param {any} value */
function whole(value) {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'object') return JSON.stringify(value, null, 2);
  const text = String(value);
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Shows a value of a column. @param {import('../core/sql.js').Column} column @param {any} value */
export function inspect(column, value) {
  const text = whole(value);
  const bytes = new TextEncoder().encode(text).length;
  const at = isTime(column.type) ? parseTime(value) : NaN;
  const facts = [column.type, column.key && 'key', size(bytes),
    !Number.isNaN(at) && `${dateTime(at, true)} UTC`].filter(Boolean).join(' · ');
  const copy = async () => {
    await navigator.clipboard.writeText(typeof value === 'object' ? text : String(value));
    toast('Copied the value.');
  };
  openDialog(column.name, [
    el('p.soft', {}, facts),
    el('pre.value', { tabindex: 0, 'aria-label': 'Value' }, text),
  ], { wide: text.length > 400, buttons: [button('', 'Copy', () => void copy())] });
}
