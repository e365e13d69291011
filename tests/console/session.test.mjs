// The state of the session if answers arrive out of order.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

const { logIn, logOut, readSession, session, sessionEnded } = await load('core/session.js');

/** Requests without an answer, the oldest one first. */
let waiting = [];
globalThis.fetch = (path, { method }) => new Promise((resolve, reject) => waiting.push({ method, reject,
  answer: (status, content = {}) => resolve({ status, ok: status < 300, json: async () => content }) }));
/** Runs all steps that need no further answer. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

async function answer(method, status, content) {
  const found = waiting.find((request) => request.method === method);
  waiting = waiting.filter((request) => request !== found);
  found.answer(status, content);
  await settle();
}

async function logInAs(user) {
  const done = logIn(user, 'secret');
  await answer('POST', 200);
  await answer('GET', 200, { user });
  assert.equal(await done, null);
}

test('a rejection of the former session does not close the new one', async () => {
  await logInAs('ann');
  sessionEnded(); // a request of before the login is rejected now
  assert.equal(session.state, 'open');
  await answer('GET', 200, { user: 'ann' });
  assert.deepEqual([session.state, session.user], ['open', 'ann']);
});

test('a rejection of this session closes it', async () => {
  sessionEnded();
  await answer('GET', 401);
  assert.deepEqual([session.state, session.user], ['closed', null]);
});

test('the reading after a logout is ignored if a login has begun since', async () => {
  await logInAs('ann');
  const out = logOut();
  await answer('DELETE', 204);
  const late = waiting.pop();
  await logInAs('eve');
  late.answer(401);
  await out;
  assert.deepEqual([session.state, session.user], ['open', 'eve']);
});

test('a server without an answer is away', async () => {
  const read = readSession();
  waiting.pop().reject(new TypeError('no connection'));
  await read;
  assert.equal(session.state, 'away');
});
