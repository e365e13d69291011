// @ts-check
// The statements that the tabs of a browser follow. A connection of the hub carries up to 16 of
// them, because a browser opens only six connections to a server, for all of its tabs together.

/** @typedef {import('./sql.js').Column} Column */
/** @typedef {import('./sql.js').Failure} Failure */
/**
 * Functions that are called for one follower of a statement. `reset` gets all rows, at first and
 * after the connection was opened again. `changes` gets pairs of `u` or `d` and the cells of a row.
 * `alive` reports that the server still sends, without changes.
 * @typedef {{reset: (columns: Column[], rows: any[][]) => void,
 *            changes: (changes: [string, any[]][]) => void, alive: () => void,
 *            failed: (failure: Failure) => void, lost: (reason: string) => void}} Follower
 */
/** @typedef {typeof import('./sql.js').runSql} RunSql */
/** @typedef {(act: () => void, ms: number) => () => void} Later returns a function that cancels */

export const MOST_TOGETHER = 16;
// a page follows all of its statements at about the same time, so they can share a request
const GATHER_MS = 20;
const LEAVE_MS = 4000; // when the user opens another page, it often follows the same statements
const EMPTY_MS = 1500; // a result without rows sends only its head
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;

/** @type {Later} */
const realLater = (act, ms) => {
  const timer = setTimeout(act, ms);
  return () => clearTimeout(timer);
};

/** One statement, its rows by key, and its followers. */
class Feed {
  constructor(/** @type {string} */ sql) {
    this.sql = sql;
    /** @type {Set<Follower>} */
    this.followers = new Set();
    /** @type {Column[]|null} */
    this.columns = null; // null: no rows have arrived
    /** @type {number[]} */
    this.keys_ = [];
    /** @type {Map<string, any[]>} */
    this.rows = new Map();
    /** @type {Failure|null} */
    this.failure = null;
    /** @type {Column[]|null} */
    this.opened_ = null; // the columns of a new connection, until its first rows
    this.isLeaving = false;
  }

  /** @param {(follower: Follower) => void} act */
  each(act) { for (const follower of this.followers) act(follower); }

  /** @param {Column[]} columns */
  open(columns) { this.opened_ = columns; }

  /** After a new connection has opened: takes its columns, and drops the rows of the old one. */
  settle() {
    if (!this.opened_) return;
    this.columns = this.opened_;
    this.opened_ = null;
    this.keys_ = this.columns.flatMap(({ key }, at) => key ? [at] : []);
    this.rows.clear();
  }

  /** @param {[string, any[]][]} changes */
  take(changes) {
    const isFirst = this.opened_ !== null;
    this.settle();
    for (const [op, cells] of changes) {
      const key = JSON.stringify(this.keys_.map((at) => cells[at]));
      if (op === 'd') this.rows.delete(key);
      else this.rows.set(key, cells);
    }
    if (isFirst) this.each((follower) => this.show(follower));
    else this.each((follower) => follower.changes(changes));
  }

  /** @param {Follower} follower */
  show(follower) { if (this.columns) follower.reset(this.columns, [...this.rows.values()]); }

  /** @param {Failure} failure */
  fail(failure) {
    this.failure = failure;
    this.each((follower) => follower.failed(failure));
  }
}

/** A request of up to 16 statements. When it ends, it is sent again until no feed is left. */
class Connection {
  /** @param {RunSql} run @param {Later} later */
  constructor(run, later) {
    this.run_ = run;
    this.later_ = later;
    /** @type {Feed[]} */
    this.feeds = [];
    this.ended_ = new AbortController();
    /** @type {(() => void)|null} */
    this.cancel_ = null; // of a request that will be sent
    this.retry_ = FIRST_RETRY_MS;
  }

  get hasRoom() { return this.feeds.length < MOST_TOGETHER; }

  /** Ends the present request after `ms`, and sends one with the feeds that exist then. */
  restart(ms = GATHER_MS) {
    this.cancel_?.();
    this.cancel_ = this.later_(() => {
      this.cancel_ = null;
      this.ended_.abort();
      this.ended_ = new AbortController();
      void this.send_(this.ended_.signal);
    }, ms);
  }

  /** @param {AbortSignal} signal */
  async send_(signal) {
    const feeds = this.feeds.filter(({ failure }) => !failure);
    if (!feeds.length) return;
    const all = (/** @type {(feed: Feed) => void} */ act) => {
      for (const feed of feeds) act(feed);
    };
    const alive = () => all((feed) => feed.each((follower) => follower.alive()));
    /** @type {(() => void)[]} */
    const waits = [];
    const cancelWaits = () => { for (const cancel of waits) cancel(); };
    signal.addEventListener('abort', cancelWaits);
    await this.run_({ sql: feeds.map(({ sql }) => sql).join(';\n'), together: true }, {
      head: ({ n, columns = [] }) => {
        const feed = feeds[n - 1];
        feed.open(columns);
        waits.push(this.later_(() => { if (feed.opened_) feed.take([]); }, EMPTY_MS));
      },
      rows: (rows) => {
        this.retry_ = FIRST_RETRY_MS;
        for (const [feed, changes] of byFeed(feeds, rows)) feed.take(changes);
      },
      beat: () => { this.retry_ = FIRST_RETRY_MS; alive(); },
      failed: (failure) => {
        const feed = feeds[(failure.n ?? 0) - 1];
        if (feed) feed.fail(failure);
        else all((each) => each.fail(failure));
      },
      lost: (reason) => all((feed) => feed.each((follower) => follower.lost(reason))),
    }, signal);
    cancelWaits(); // an ended connection does not show that missing rows were deleted
    if (signal.aborted || !this.feeds.some(({ failure }) => !failure)) return;
    this.restart(this.retry_);
    this.retry_ = Math.min(2 * this.retry_, LAST_RETRY_MS);
  }

  close() {
    this.cancel_?.();
    this.ended_.abort();
  }
}

/** @param {Feed[]} feeds @param {any[][]} rows @returns {Map<Feed, [string, any[]][]>} */
function byFeed(feeds, rows) {
  const changes = new Map();
  for (const [n, op, ...cells] of rows) {
    const feed = feeds[n - 1];
    const list = changes.get(feed);
    if (list) list.push([op, cells]);
    else changes.set(feed, [[op, cells]]);
  }
  return changes;
}

/** Invariant: each followed statement has one feed, which belongs to one connection. */
export class Hub {
  /** @param {RunSql} run @param {Later} [later] */
  constructor(run, later = realLater) {
    this.run_ = run;
    this.later_ = later;
    /** @type {Map<string, Feed>} */
    this.feeds_ = new Map();
    /** @type {Connection[]} */
    this.connections_ = [];
  }

  /**
   * Follows a statement until the returned function is called.
   * @param {string} sql @param {Follower} follower @returns {() => void}
   */
  follow(sql, follower) {
    let feed = this.feeds_.get(sql);
    if (!feed) {
      feed = new Feed(sql);
      this.feeds_.set(sql, feed);
      let connection = this.connections_.find(({ hasRoom }) => hasRoom);
      if (!connection) this.connections_.push(connection = new Connection(this.run_, this.later_));
      connection.feeds.push(feed);
      connection.restart();
    } else if (feed.failure) {
      feed.failure = null; // the follower tries again
      this.connectionOf_(feed).restart();
    }
    feed.followers.add(follower);
    feed.show(follower);
    const its = feed;
    return () => this.leave_(its, follower);
  }

  /** @param {Feed} feed */
  connectionOf_(feed) {
    return /** @type {Connection} */ (this.connections_.find(({ feeds }) => feeds.includes(feed)));
  }

  /** @param {Feed} feed @param {Follower} follower */
  leave_(feed, follower) {
    feed.followers.delete(follower);
    if (feed.followers.size || feed.isLeaving) return;
    feed.isLeaving = true;
    this.later_(() => {
      feed.isLeaving = false;
      if (!feed.followers.size) this.drop_(feed);
    }, LEAVE_MS);
  }

  /** @param {Feed} feed */
  drop_(feed) {
    const connection = this.connectionOf_(feed);
    this.feeds_.delete(feed.sql);
    connection.feeds = connection.feeds.filter((each) => each !== feed);
    if (connection.feeds.length) return connection.restart();
    connection.close();
    this.connections_ = this.connections_.filter((each) => each !== connection);
  }
}
