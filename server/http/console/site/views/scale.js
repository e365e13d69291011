// @ts-check
// Scales and ticks of charts.

/**
 * Returns about `wanted` round numbers that cover the range from `low` to `high`.
 * @param {number} low @param {number} high @param {number} [wanted] @returns {number[]}
 */
export function ticks(low, high, wanted = 5) {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [];
  if (low === high) {
    const room = Math.abs(low) / 2 || 1;
    [low, high] = [low - room, high + room];
  }
  const step = roundStep((high - low) / Math.max(1, wanted));
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  return Array.from({ length: last - first + 1 },
    (_, at) => Number(((first + at) * step).toFixed(digits)));
}

/**
 * Returns ticks of an axis that includes zero.
 * @param {number} low @param {number} high
 */
export function ticksFromZero(low, high) {
  return low === 0 && high === 0 ? [0, 1] : ticks(Math.min(0, low), Math.max(0, high));
}

/** Returns 1, 2, 2.5 or 5 times a power of ten that is not below the step. @param {number} step */
function roundStep(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  const factor = [1, 2, 2.5, 5, 10].find((each) => each * power >= step * (1 - 1e-9)) ?? 10;
  return factor * power;
}

const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const TIME_STEPS = [1, 5, 10, 50, 100, 500, SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND,
  15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 30 * DAY, 90 * DAY,
  365 * DAY];

/**
 * Returns round times inside the range. `offset` is that of the time zone from UTC in ms, so that
 * days begin at local midnight.
 * @param {number} low ms @param {number} high ms @param {number} [wanted] @param {number} [offset]
 */
export function timeTicks(low, high, wanted = 6, offset = 0) {
  const span = Math.max(1, high - low);
  const step = TIME_STEPS.find((each) => span / each <= wanted) ?? 365 * DAY;
  const times = [];
  for (let at = Math.ceil((low + offset) / step) * step - offset; at <= high; at += step)
    times.push(at);
  return times;
}

/** Returns a function that maps values to pixels. If `low` equals `high`, it returns the middle. */
export function linear(/** @type {number} */ low, /** @type {number} */ high,
  /** @type {number} */ from, /** @type {number} */ to) {
  const span = high - low;
  return (/** @type {number} */ value) =>
    span === 0 ? (from + to) / 2 : from + ((value - low) / span) * (to - from);
}

/** Returns a number of an axis in few characters: `1.2 M`. @param {number} value */
export function axisNumber(value) {
  const steps = /** @type {[number, string][]} */ ([[1e12, 'T'], [1e9, 'G'], [1e6, 'M'],
    [1e3, 'k']]);
  const found = steps.find(([least]) => Math.abs(value) >= least);
  if (!found) return String(Number(value.toPrecision(4)));
  return `${Number((value / found[0]).toPrecision(4))} ${found[1]}`;
}
