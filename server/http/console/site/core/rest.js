// @ts-check
// Requests to the REST APIs of Kafka's proxy (REST_PROXY.md), the schema registry and Kafka
// Connect, for actions that SQL has no statement for.
import { errorOf, sessionEnded } from './session.js';

/** @type {Promise<string>|null} */
let cluster = null;

/**
 * Sends a request below `/v3/clusters/CLUSTER`, and returns the answer. Fails with the message of
 * the server; `code` of the error is its `error_code`.
 * @param {string} method @param {string} path @param {object} [content]
 */
export async function rest(method, path, content) {
  cluster ??= clusterId();
  const id = await cluster.catch((error) => { cluster = null; throw error; });
  return await send(method, `/v3/clusters/${encodeURIComponent(id)}${path}`, content);
}

async function clusterId() {
  const { data } = await send('GET', '/v3/clusters');
  return String(data?.[0]?.cluster_id ?? '');
}

/**
 * Sends a request to the schema registry (REGISTRY.md): without a method a POST with contents,
 * otherwise a GET. Fails with the message of the registry; `code` of the error is its
 * `error_code`.
 * @param {string} path @param {AbortSignal} signal @param {object} [content]
 * @param {string} [method]
 */
export async function registry(path, signal, content, method = content ? 'POST' : 'GET') {
  const response = await fetch(path, { method, signal,
    credentials: 'same-origin', cache: 'no-store', body: content && JSON.stringify(content),
    headers: { 'Content-Type': 'application/json' } });
  if (response.status === 401) sessionEnded();
  if (!response.ok) {
    const { message, code } = await errorOf(response);
    throw Object.assign(new Error(message), { code });
  }
  return await response.json();
}

/**
 * Returns the definitions of the settings of a connector class (connectors.md). Fails with the
 * message of the server.
 * @param {string} className @param {AbortSignal} signal
 */
export async function connectorSettings(className, signal) {
  return await registry(`/connector-plugins/${encodeURIComponent(className)}/config`, signal);
}

/** @param {string} method @param {string} path @param {object} [content] @returns {Promise<any>} */
async function send(method, path, content) {
  let response;
  try {
    response = await fetch(path, {
      method, credentials: 'same-origin', cache: 'no-store',
      headers: { 'Content-Type': 'application/json' }, body: content && JSON.stringify(content),
    });
  } catch {
    throw new Error('The server does not answer. It may be stopped, or the network away');
  }
  if (response.status === 401) sessionEnded();
  if (!response.ok) {
    const { message, code } = await errorOf(response);
    throw Object.assign(new Error(message), { code });
  }
  const text = await response.text();
  const answer = text ? JSON.parse(text.split('\n', 1)[0]) : {};
  // In an answer about records, each line may have an error of its own, although the request has
  // the status 200.
  if (answer.error_code && answer.error_code !== 200) throw new Error(answer.message);
  return answer;
}
