// @ts-check
// Statements that a page follows, through the hub of the browser.
import { Hub } from './hub.js';
import { sessionEnded } from './session.js';
import { runSql } from './sql.js';

/** @typedef {import('./sql.js').Column} Column */
/** @typedef {import('./sql.js').Failure} Failure */
/** @typedef {import('./hub.js').Follower} Follower */

export const STALE_MS = 30_000;
const HIDDEN_MS = 30_000;

/** @type {((sql: string, follower: Follower) => () => void)|null} */
let join = null;

/** Returns the hub: a SharedWorker, or a hub for this tab alone. */
function hub() {
  join ??= typeof SharedWorker === 'undefined' ? ofThisTab() : ofAllTabs();
  return join;
}

function ofThisTab() {
  const own = new Hub(runSql);
  return own.follow.bind(own);
}

function ofAllTabs() {
  // The console's content security policy (`trusted-types console`) permits only script URLs of a
  // policy with this name, which is created here.
  const { trustedTypes } = /** @type {any} */ (globalThis);
  const address = new URL('./hub_worker.js', import.meta.url).href;
  const policy = trustedTypes?.createPolicy('console', {
    createScriptURL: (/** @type {string} */ url) => {
      if (url !== address) throw new TypeError(`the console has no worker ${url}`);
      return url;
    },
  });
  const { port } = new SharedWorker(policy ? policy.createScriptURL(address) : address,
    { type: 'module', name: 'millrace-hub' });
  /** @type {Map<number, any>} */
  const followers = new Map();
  let last = 0;
  port.onmessage = ({ data: { id, call, args } }) => followers.get(id)?.[call](...args);
  addEventListener('pagehide', () => port.postMessage({ bye: true }));
  addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
  return (/** @type {string} */ sql, /** @type {Follower} */ follower) => {
    const id = ++last;
    followers.set(id, follower);
    port.postMessage({ follow: sql, id });
    return () => {
      followers.delete(id);
      port.postMessage({ leave: id });
    };
  };
}

/**
 * The rows of a followed statement. `state` is `loading`, `live`, `lost` (the connection ended and
 * is opened again; the rows are the last known ones) or `failed`.
 */
export class Followed {
  /**
   * @param {string} sql @param {AbortSignal} signal ends the following
   * @param {() => void} changed called at most once per frame
   * @param {(sql: string, follower: Follower) => () => void} [follow]
   */
  constructor(sql, signal, changed, follow = hub()) {
    this.sql = sql;
    this.state = 'loading';
    /** @type {Failure|null} */
    this.failure = null;
    /** @type {Column[]} */
    this.columns = [];
    /** @type {Map<string, Record<string, any>>} */
    this.byKey_ = new Map();
    this.heardAt = Date.now();
    this.signal_ = signal;
    this.changed_ = changed;
    this.follow_ = follow;
    this.isDue_ = false;
    /** @type {(() => void)|null} */
    this.leave_ = null;
    this.join_();
    signal.addEventListener('abort', () => this.leave_?.());
    leaveWhileHidden(this, signal);
  }

  join_() {
    this.leave_ = this.follow_(this.sql, {
      reset: (columns, rows) => {
        this.columns = columns;
        this.byKey_.clear();
        this.note_('live');
        for (const cells of rows) this.put_(cells);
      },
      changes: (changes) => {
        this.note_('live');
        for (const [op, cells] of changes)
          if (op === 'd') this.byKey_.delete(this.keyOf_(cells));
          else this.put_(cells);
      },
      alive: () => this.note_(this.state === 'lost' ? 'live' : this.state),
      lost: () => { this.state = 'lost'; this.draw_(); },
      failed: (failure) => {
        if (failure.code === '28000' || failure.code === '40100') sessionEnded();
        this.failure = failure;
        this.state = 'failed';
        this.draw_();
      },
    });
  }

  /** Follows the statement again after a failure. */
  again() {
    this.leave_?.();
    this.state = 'loading';
    this.failure = null;
    this.join_();
    this.draw_();
  }

  leave() {
    this.leave_?.();
    this.leave_ = null;
  }
  rejoin() { if (!this.leave_ && !this.signal_.aborted) this.join_(); }

  /** The rows as objects by name of column, in the order of their arrival. */
  get rows() { return [...this.byKey_.values()]; }
  get size() { return this.byKey_.size; }
  /** Whether the rows may be outdated. */
  isStale(now = Date.now()) { return this.state === 'lost' || now - this.heardAt > STALE_MS; }

  /** @param {any[]} cells */
  keyOf_(cells) { return JSON.stringify(cells.filter((_, at) => this.columns[at].key)); }
  /** @param {any[]} cells */
  put_(cells) {
    this.byKey_.set(this.keyOf_(cells), Object.fromEntries(this.columns.map(({ name }, at) =>
      [name.toLowerCase(), cells[at]])));
  }

  /** @param {string} state */
  note_(state) {
    this.heardAt = Date.now();
    this.state = state;
    this.draw_();
  }

  draw_() {
    if (this.isDue_ || this.signal_.aborted) return;
    this.isDue_ = true;
    requestAnimationFrame(() => {
      this.isDue_ = false;
      if (!this.signal_.aborted) this.changed_();
    });
  }
}

/**
 * Stops following while the tab is hidden for longer than HIDDEN_MS.
 * @param {Followed} followed @param {AbortSignal} signal
 */
function leaveWhileHidden(followed, signal) {
  let timer = 0;
  const change = () => {
    clearTimeout(timer);
    if (document.visibilityState === 'hidden')
      timer = setTimeout(() => followed.leave(), HIDDEN_MS);
    else followed.rejoin();
  };
  document.addEventListener('visibilitychange', change, { signal });
  signal.addEventListener('abort', () => clearTimeout(timer));
}
