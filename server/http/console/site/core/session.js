// @ts-check
// The session of this browser: its user, and the server that answers (GET /session).

/**
 * `user` is null in an anonymous session. `state` is `open` (logged in, or no login is needed),
 * `closed` (a login is needed), `away` (the server does not answer) or `unknown`.
 * @typedef {{state: string, user: string|null, info: Record<string, any>}} Session
 */

/** @type {Session} */
export const session = { state: 'unknown', user: null, info: {} };
/** @type {Set<() => void>} */
const listeners = new Set();

/**
 * Calls `listener` after each change of the session, until the signal aborts.
 * @param {() => void} listener @param {AbortSignal} [signal]
 */
export function onSession(listener, signal) {
  listeners.add(listener);
  signal?.addEventListener('abort', () => listeners.delete(listener));
}

/** @param {string} state @param {Record<string, any>} [info] */
function change(state, info = session.info) {
  const user = state === 'open' ? info.user ?? null : null;
  const isSame = state === session.state && user === session.user &&
    JSON.stringify(info) === JSON.stringify(session.info);
  Object.assign(session, { state, user, info });
  if (!isSame) for (const listener of listeners) listener();
}

/**
 * Returns the reason why this session may not change topics and groups through the REST API, or ''
 * if it may.
 */
export function whyFixed() {
  const { read_only: isReadOnly, privileges } = session.info;
  if (isReadOnly) return 'This session is read-only.';
  if (privileges && !privileges.all)
    return `User ${session.user} may not change this: it needs the right ALL on everything.`;
  return '';
}

/** Returns the reason why this session changes nothing at all, or ''. Rights are not checked. */
export function whyReadOnly() {
  return session.info.read_only ? 'This session is read-only.' : '';
}

/**
 * Returns host and port of a listener, or of `known` if the server reports none.
 * @param {string} name @param {string} known
 */
export function addressOfListener(name, known) {
  const found = session.info.listeners?.[name]?.[0] ?? known;
  const at = found.lastIndexOf(':');
  const host = found.slice(0, at).replace(/^\[|\]$/g, '');
  const isAny = host === '0.0.0.0' || host === '::' || host === '*' || host === '';
  return { host: isAny ? location.hostname : host, port: found.slice(at + 1) };
}

/** Returns the reason why this session may not create connectors, or '' if it may. */
export function whyNoConnector() {
  const { privileges } = session.info;
  if (whyReadOnly()) return whyReadOnly();
  if (privileges && privileges.connectors === false)
    return `User ${session.user} needs the right CREATE CONNECTOR.`;
  return '';
}

/**
 * Asks for the session after a request was rejected without a login. The rejection may be late: the
 * user may have logged in again since the request was sent.
 */
export function sessionEnded() { void readSession(); }

/** Sends a request for the session. @param {string} method @param {object} [content] */
function send(method, content) {
  return fetch('/session', {
    method, credentials: 'same-origin', cache: 'no-store',
    headers: { 'Content-Type': 'application/json' }, body: content && JSON.stringify(content),
  });
}

let turn = 0; // number of the newest reading of the session, login or logout

/**
 * Asks the server for the session of this browser. An answer is ignored if a newer reading, a login
 * or a logout has begun since.
 */
export async function readSession() {
  const mine = ++turn;
  let state = 'away', info = session.info;
  try {
    const response = await send('GET');
    const isClosed = response.status === 401;
    info = response.ok || isClosed ? await body(response) : {};
    state = isClosed ? 'closed' : 'open';
  } catch {
    // The state is `away`.
  }
  if (mine === turn) change(state, info);
}

/**
 * Logs in. Returns null, or the reason of a rejection.
 * @param {string} user @param {string} password @returns {Promise<string|null>}
 */
export async function logIn(user, password) {
  turn += 1;
  try {
    const response = await send('POST', { user, password });
    if (!response.ok) return reason(await errorOf(response));
    await readSession();
    return null;
  } catch {
    return 'The server does not answer.';
  }
}

/** Makes this session read-only, or ends that. @param {boolean} isOn */
export async function lookOnly(isOn) {
  await send('POST', { look_only: isOn });
  await readSession();
}

/** Ends the session on the server. */
export async function logOut() {
  turn += 1;
  try {
    await send('DELETE');
  } finally {
    change('closed');
    await readSession();
  }
}

/** @param {Response} response @returns {Promise<Record<string, any>>} */
async function body(response) {
  try {
    return await response.json();
  } catch {
    return {};
  }
}

/**
 * Returns the error in the body of a response, or one that names the status.
 * @param {Response} response @returns {Promise<import('./sql.js').Failure>}
 */
export async function errorOf(response) {
  const answer = await body(response);
  const error = answer.error && typeof answer.error === 'object' ? answer.error : answer;
  return {
    ...error,
    code: String(error.code ?? error.error_code ?? response.status),
    message: error.message ?? `the server answered with status ${response.status}`,
  };
}

/** @param {import('./sql.js').Failure} error */
function reason({ message, hint }) { return hint ? `${message}. ${hint}` : message; }
