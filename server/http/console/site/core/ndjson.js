// @ts-check
// Lines of JSON out of a stream of bytes, whatever the borders of its chunks are.

/**
 * Invariant: `rest_` is the text after the last newline. A character whose bytes are in two chunks
 * stays in the decoder until it is complete.
 */
export class LineReader {
  constructor() {
    this.decoder_ = new TextDecoder();
    this.rest_ = '';
  }

  /** Returns the values that end in this chunk. @param {Uint8Array} bytes @returns {any[]} */
  push(bytes) {
    return this.take_(this.decoder_.decode(bytes, { stream: true }));
  }

  /** Returns the value of a last line without a newline. @returns {any[]} */
  end() {
    const values = this.take_(this.decoder_.decode());
    const last = this.rest_.trim();
    this.rest_ = '';
    if (last) values.push(JSON.parse(last));
    return values;
  }

  /** @param {string} text */
  take_(text) {
    const lines = (this.rest_ + text).split('\n');
    this.rest_ = lines.pop() ?? '';
    return lines.filter((line) => line.trim()).map((line) => JSON.parse(line));
  }
}
