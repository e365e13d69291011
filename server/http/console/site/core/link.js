// @ts-check
// A statement in the fragment of the URL, which a browser never sends to a server.

/** @param {Uint8Array} bytes @param {any} transform */
async function through(bytes, transform) {
  const stream = new Blob([/** @type {any} */ (bytes)]).stream().pipeThrough(transform);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** @param {Uint8Array} bytes */
function toBase64(bytes) {
  let binary = '';
  for (let at = 0; at < bytes.length; at += 0x8000)
    binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** @param {string} text */
function fromBase64(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** Returns the text deflated, in characters that a URL takes. @param {string} text */
export async function encodeLink(text) {
  const bytes = new TextEncoder().encode(text);
  return toBase64(await through(bytes, new CompressionStream('deflate-raw')));
}

/**
 * Returns the text of a code. A code that was cut or changed is an error.
 * @param {string} code
 */
export async function decodeLink(code) {
  try {
    const bytes = await through(fromBase64(code), new DecompressionStream('deflate-raw'));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error('The link is damaged: its statement cannot be read. Ask for the link again.');
  }
}
