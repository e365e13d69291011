// @ts-check
// Numbers, sizes and times as people read them.

const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/** Returns a whole number with separators. @param {number} number */
export function count(number) { return WHOLE.format(number); }

/** @param {number} number @param {string} one @param {string} [many] */
export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** Returns a name whose direction does not turn the text around it. @param {string} name */
export function isolated(name) { return `\u2068${name}\u2069`; }

/** Returns a size with its unit, in powers of 1024. @param {number} bytes */
export function size(bytes) {
  let at = 0;
  while (bytes >= 1024 && at < UNITS.length - 1) { bytes /= 1024; ++at; }
  return `${bytes >= 100 || at === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${UNITS[at]}`;
}

/** Returns a duration with a fitting unit. @param {number} ms */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return clock(ms);
}

/** Returns a duration as minutes and seconds: `1:05`, `1:00:05`. @param {number} ms */
export function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const rest = two(seconds % 60);
  return hours ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** Returns the time of day with milliseconds. @param {number} at ms since 1970 */
export function timeOfDay(at, /** @type {boolean} */ utc = false) {
  return dateTime(at, utc).slice(11);
}

/** Returns `2026-01-31 14:00:05.120`. @param {number} at ms since 1970 @param {boolean} utc */
export function dateTime(at, utc = false) {
  const moved = utc ? at : at - new Date(at).getTimezoneOffset() * 60_000;
  return new Date(moved).toISOString().slice(0, 23).replace('T', ' ');
}

/** Returns a rough age: `3 min ago`. @param {number} ms */
export function ago(ms) {
  if (ms < 60_000) return 'just now';
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ago`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h ago`;
  return plural(Math.floor(ms / 86_400_000), 'day') + ' ago';
}

const NUMBERS = /^(TINYINT|SMALLINT|INT|INTEGER|BIGINT|DECIMAL|NUMERIC|DOUBLE|REAL|FLOAT)/i;
const TIMES = /^TIMESTAMP/i;

/** @param {string} type */
export function isNumeric(type) { return NUMBERS.test(type); }
/** @param {string} type */
export function isTime(type) { return TIMES.test(type); }
/** @param {string} type */
export function isText(type) { return /^(VARCHAR|STRING|TEXT|CHAR)/i.test(type); }

/**
 * Returns the time of a value of a TIMESTAMP column, ms since 1970, or NaN. A text without a zone
 * is UTC.
 * @param {any} value
 */
export function parseTime(value) {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return NaN;
  const iso = value.trim().replace(' ', 'T');
  const hasZone = /(Z|[+-]\d\d(:?\d\d)?)$/.test(iso.slice(10));
  return Date.parse(hasZone ? iso.replace(/([+-]\d\d)$/, '$1:00') : `${iso}Z`);
}

/**
 * Returns the text of a cell. Decimals and large whole numbers arrive as text and get separators
 * without a detour through a number, which would round them.
 * @param {any} value @param {string} type @param {boolean} utc
 */
export function cell(value, type, utc = false) {
  if (value === null || value === undefined) return 'NULL';
  if (isTime(type)) {
    const at = parseTime(value);
    return Number.isNaN(at) ? String(value) : dateTime(at, utc);
  }
  if (isNumeric(type)) return grouped(String(value));
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** @param {string} digits */
function grouped(digits) {
  const parts = /^(-?)(\d+)(\.\d+)?$/.exec(digits);
  if (!parts) return digits;
  return parts[1] + parts[2].replace(/\B(?=(\d{3})+$)/g, ',') + (parts[3] ?? '');
}

/** Compares two cells of a column for sorting; nulls are last. @param {any} a @param {any} b */
export function compare(a, b, /** @type {string} */ type) {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (isNumeric(type)) return compareNumbers(a, b);
  const left = typeof a === 'object' ? JSON.stringify(a) : a;
  const right = typeof b === 'object' ? JSON.stringify(b) : b;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** @param {any} a @param {any} b */
function compareNumbers(a, b) {
  const difference = Number(a) - Number(b);
  if (difference || typeof a !== 'string' || typeof b !== 'string') return difference;
  // The numbers are equal as doubles, so only integers beyond 2^53 can still differ.
  if (!/^-?\d+$/.test(a) || !/^-?\d+$/.test(b)) return 0;
  const [left, right] = [BigInt(a), BigInt(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}
