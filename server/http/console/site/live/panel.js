// @ts-check
// A section of a page over followed statements: its title, its statement, and its states.
import { button, el, fill } from '../core/element.js';
import { ago, timeOfDay } from '../core/format.js';
import { encodeLink } from '../core/link.js';
import { go } from '../core/router.js';
import { isUtc } from '../core/store.js';

/** @typedef {import('../core/follow.js').Followed} Followed */

/** Opens a statement in the editor. @param {string} sql */
export async function showSql(sql) { go(`sql?s=${await encodeLink(`${sql.trim()};\n`)}`); }

/**
 * Returns a button that opens the statement of a panel.
 * @param {string} sql @param {string} what
 */
export function sqlButton(sql, what) {
  return button('', 'SQL', () => void showSql(sql), { class: 'quiet sql-button',
    title: 'Open the statement in the editor', 'aria-label': `Show the SQL of ${what}` });
}

/**
 * A panel is `loading` until the first rows arrive, `failed` with a reason and a way to try again,
 * `stale` if the server has not answered for a while, or `live`.
 */
export class Panel {
  /**
   * @param {string} title @param {Followed[]} sources @param {Node} body
   * @param {{draw: () => void, note?: string, sql?: string, class?: string}} options
   */
  constructor(title, sources, body, options) {
    this.sources_ = sources;
    this.draw_ = options.draw;
    this.body_ = el('div.panel-body', {}, body);
    this.state_ = el('div.panel-state', { role: 'status' });
    this.shown_ = '';
    const sql = options.sql ?? sources.map((source) => source.sql).join(';\n');
    this.node = el('section.panel.live-panel', { class: `panel live-panel ${options.class ?? ''}` },
      el('header.panel-head', {}, el('h2', {}, title), el('span.spring'), sqlButton(sql, title)),
      options.note && el('p.soft', {}, options.note), this.state_, this.body_);
    this.update();
  }

  /** Draws the state and the rows. */
  update() {
    const failed = this.sources_.find(({ state }) => state === 'failed');
    const isLoading = this.sources_.some(({ state, columns }) =>
      state === 'loading' && !columns.length);
    const stale = this.sources_.find((source) => source.isStale());
    const state = failed ? 'failed' : isLoading ? (stale ? 'stale' : 'loading')
      : stale ? 'stale' : 'live';
    this.node.dataset.state = state;
    this.node.classList.toggle('is-stale', state === 'stale');
    this.body_.hidden = state === 'failed' || isLoading;
    const key = `${state} ${failed?.failure?.message ?? ''} ${stale?.heardAt ?? ''} ${
      stale ? ago(Date.now() - stale.heardAt) : ''}`;
    if (key !== this.shown_) {
      this.shown_ = key;
      this.drawState_(state, failed, stale);
    }
    if (!this.body_.hidden) this.draw_();
  }

  /**
   * @param {string} state @param {Followed|undefined} failed @param {Followed|undefined} stale
   */
  drawState_(state, failed, stale) {
    if (state === 'failed' && failed?.failure) {
      const { code, message, hint } = failed.failure;
      fill(this.state_, el('p.error-text', {}, code === '42501'
        ? `You do not have the right to see this: ${message}.` : `${message}.`),
      hint && el('p.soft', {}, hint), button('refresh', 'Try again', () => failed.again()));
    } else if (state === 'stale' && stale) {
      const at = timeOfDay(stale.heardAt, isUtc()).slice(0, 8);
      fill(this.state_, el('p.stale-text', {}, 'The server does not answer. The figures are ' +
        `those of ${at}, ${ago(Date.now() - stale.heardAt)}.`));
    } else if (state === 'loading') {
      fill(this.state_, el('p.soft', {}, 'The rows are loading.'));
    } else {
      fill(this.state_);
    }
  }
}

/** Draws the panels again even if no rows arrive, so that outdated figures are marked. */
export function watchStale(/** @type {Panel[]} */ panels, /** @type {AbortSignal} */ signal) {
  const timer = setInterval(() => { for (const panel of panels) panel.update(); }, 5000);
  signal.addEventListener('abort', () => clearInterval(timer));
}
