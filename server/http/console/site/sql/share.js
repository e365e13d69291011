// @ts-check
// Links that hold a statement.
import { button, el, toast } from '../core/element.js';
import { openDialog } from '../core/dialog.js';
import { decodeLink, encodeLink } from '../core/link.js';

/**
 * Returns the statement of a link, or null without one.
 * @param {URLSearchParams} params @returns {Promise<string|null>}
 */
export async function readShared(params) {
  const code = params.get('s');
  if (!code) return null;
  try {
    return await decodeLink(code);
  } catch (error) {
    toast(/** @type {Error} */ (error).message);
    return null;
  }
}

/** Shows the link to a statement. @param {string} text */
export async function showLink(text) {
  const url = new URL(`#sql?s=${await encodeLink(text)}`, location.href).href;
  const field = el('input.input', { type: 'text', readonly: true, 'aria-label': 'Link' });
  field.value = url;
  const copy = async () => {
    await navigator.clipboard.writeText(url);
    toast('Copied the link.');
  };
  openDialog('Share', [el('p.soft', {}, 'The link holds the statement itself. Opening it shows ' +
    'the statement and never runs it.'), field], { buttons: [button('', 'Copy', () =>
    void copy(), { class: 'primary' })] });
  field.select();
}
