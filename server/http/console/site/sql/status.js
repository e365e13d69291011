// @ts-check
// The state of a result in words.
import { clock, count, duration, plural } from '../core/format.js';

/** @typedef {import('../views/run.js').Result} Result */

const STALE_MS = 30_000; // two beats
const QUIET_MS = 3000;
const PACE_MS = 250; // figures that change faster are unreadable

/** Whether a live result has shown no sign of life for too long. @param {Result} result */
export function isStale(result) {
  return result.state === 'live' && Date.now() - result.lastSign > STALE_MS;
}

/** Whether a live result still waits for its first change. @param {Result} result */
export function isQuiet(result) {
  return result.state === 'live' && !result.received && Date.now() - result.began > QUIET_MS;
}

/** Counts changes per second over the last seconds. */
export class Rate {
  constructor() {
    /** @type {{at: number, total: number}[]} */
    this.samples_ = [];
  }

  /** @param {number} total @param {number} [now] */
  perSecond(total, now = Date.now()) {
    const last = this.samples_[this.samples_.length - 1];
    if (!last || now - last.at >= 500) this.samples_.push({ at: now, total });
    while (this.samples_.length > 1 && now - this.samples_[0].at > 4000) this.samples_.shift();
    const first = this.samples_[0];
    const passed = (now - first.at) / 1000;
    return passed < 0.4 ? 0 : (total - first.total) / passed;
  }
}

/**
 * Limits the updates of a text: a new state is shown immediately, and new figures of the same state
 * after a pause. Each update makes the browser lay out the bar of the result; an update in each
 * frame would take more time than the rows of the frame.
 */
export class Pace {
  /** @param {number} [pauseMs] */
  constructor(pauseMs = PACE_MS) {
    this.pause_ = pauseMs;
    this.state_ = '';
    this.at_ = -Infinity;
  }

  /** Returns whether to update now. @param {string} state @param {number} now in ms */
  isDue(state, now) {
    if (state === this.state_ && now - this.at_ < this.pause_) return false;
    [this.state_, this.at_] = [state, now];
    return true;
  }
}

/** Returns the parts of the line of a live result. @param {Result} result @param {number} rate */
function liveParts(result, rate) {
  const { table } = result;
  const shown = rate >= 10 || rate === 0 ? count(rate) : rate.toFixed(1);
  return [
    clock(Date.now() - result.began), `${shown} changes/s`,
    table ? plural(table.size + table.beyond, 'key') : plural(result.received, 'change'),
    table?.deleted ? `${count(table.deleted)} deleted` : '',
  ];
}

/**
 * Returns a word for the state, which the style sheet colours, and the facts behind it.
 * @param {Result} result @param {number} rate changes per second
 * @returns {{word: string, parts: string[]}}
 */
export function describe(result, rate) {
  const took = duration(Number.isNaN(result.serverMs) ? result.ended - result.began
    : result.serverMs);
  const rows = result.hasRows ? plural(result.received, result.isLive ? 'change' : 'row') : '';
  switch (result.state) {
    case 'running':
      return { word: 'running', parts: [clock(Date.now() - result.began), rows] };
    case 'live':
      return isStale(result)
        ? { word: 'stale', parts: [`no sign of life for ${clock(Date.now() - result.lastSign)}`] }
        : { word: 'live', parts: liveParts(result, rate) };
    case 'done':
      if (result.tag === 'EXPLAIN' && !result.hasRows) return { word: 'plan', parts: [] };
      return { word: 'done', parts: [result.hasRows ? rows : result.tag, took] };
    case 'stopped':
      return { word: 'stopped', parts: [rows, clock(result.ended - result.began)] };
    case 'lost':
      return { word: 'disconnected', parts: [rows, result.reason] };
    default:
      return { word: 'error', parts: [result.failure?.code ?? ''] };
  }
}
