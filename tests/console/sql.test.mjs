// The lines of POST /sql: whatever the borders of chunks are, and however the response ends.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load, random } from './site.mjs';

const { LineReader } = await load('core/ndjson.js');
const { runSql, selectAll, quoteName } = await load('core/sql.js');
const { Run } = await load('views/run.js');

const LINES = [
  { head: { n: 1, kind: 'changes', columns: [{ name: 'city', type: 'VARCHAR', key: true },
    { name: 'n', type: 'BIGINT' }] } },
  ['u', 'Köln 🏙 "x"\n', '9007199254740993'], ['u', 'Lahore', 1], { beat: { caught_up: true } },
  ['u', 'Lahore', 2], ['d', 'Lahore', null], { done: { tag: 'SELECT', rows: 4, ms: 7 } },
];
const BYTES = new TextEncoder().encode(LINES.map((line) => `${JSON.stringify(line)}\n`).join(''));

test('lines are the same for all borders of chunks', () => {
  const below = random(7);
  for (let round = 0; round < 300; ++round) {
    const reader = new LineReader();
    const values = [];
    for (let at = 0; at < BYTES.length;) {
      const size = round === 0 ? 1 : 1 + below(40);
      values.push(...reader.push(BYTES.subarray(at, at + size)));
      at += size;
    }
    values.push(...reader.end());
    assert.deepEqual(values, LINES);
  }
});

test('a last line without a newline counts', () => {
  const reader = new LineReader();
  assert.deepEqual(reader.push(new TextEncoder().encode('[1]\n[2]')), [[1]]);
  assert.deepEqual(reader.end(), [[2]]);
});

/** Answers the next request with a body of these lines; `cut` ends the connection with an error. */
function answer(lines, { status = 200, cut = false } = {}) {
  globalThis.fetch = async (_, { signal }) => new Response(new ReadableStream({
    start(controller) {
      signal?.addEventListener('abort', () => controller.error(new Error('aborted')));
      for (const line of lines)
        controller.enqueue(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
      if (cut) setTimeout(() => controller.error(new TypeError('network error')), 5);
      else controller.close();
    },
  }), { status });
}

const none = () => new AbortController().signal;

test('a run keeps a table by key and the changes in their order', async () => {
  answer(LINES);
  const run = new Run({ sql: 'SELECT' }, [{ start: 0, end: 6, text: 'SELECT' }], () => {});
  await run.start();
  const [result] = run.results;
  assert.equal(result.state, 'done');
  assert.equal(result.table.size, 1);
  assert.equal(result.table.deleted, 1);
  assert.deepEqual(result.log.live().map((cells) => cells[0]),
    ['Köln 🏙 "x"\n', 'Lahore', 'Lahore', 'Lahore']);
  assert.deepEqual([0, 1, 2, 3].map((at) => result.log.row(at).op), ['+', '+', '~', '−']);
  assert.deepEqual(result.log.row(3).cells, ['Lahore', 2], 'a deletion shows the row that left');
  assert.ok(result.isCaughtUp);
});

test('each statement of a script has a result, up to the error', async () => {
  answer([{ done: { n: 1, tag: 'CREATE STREAM' } }, { notice: { n: 2, message: 'look' } },
    { head: { n: 2, kind: 'rows', columns: [{ name: 'a', type: 'INT' }] } }, [1],
    { done: { n: 2, tag: 'SELECT', rows: 1, more: true } },
    { error: { n: 3, code: '42703', message: 'no', line: 3, column: 2 } }]);
  const run = new Run({ sql: '' }, [], () => {});
  await run.start();
  assert.deepEqual(run.results.map(({ state }) => state), ['done', 'done', 'failed']);
  assert.deepEqual(run.results.map(({ notices }) => notices.length), [0, 1, 0]);
  assert.ok(run.results[1].more);
  assert.equal(run.results[2].failure.code, '42703');
});

test('a response that is cut is reported as lost', async () => {
  for (const cut of [true, false]) {
    answer(LINES.slice(0, 3), { cut });
    const run = new Run({ sql: '' }, [], () => {});
    await run.start();
    assert.equal(run.current.state, 'lost', `cut ${cut}`);
    assert.equal(run.current.table.size, 2, 'the rows stay');
  }
});

test('a server that does not answer is reported as lost', async () => {
  globalThis.fetch = async () => { throw new TypeError('fetch failed'); };
  let reason = '';
  await runSql({ sql: '' }, { lost: (text) => { reason = text; } }, none());
  assert.match(reason, /does not answer/);
});

test('stop ends the request and keeps the rows', async () => {
  globalThis.fetch = async (_, { signal }) => new Response(new ReadableStream({
    start(controller) {
      controller.enqueue(BYTES.subarray(0, BYTES.length - 60));
      signal.addEventListener('abort', () => controller.error(signal.reason));
    },
  }));
  const run = new Run({ sql: '' }, [], () => {});
  const over = run.start();
  while (!run.current.received) await new Promise((resolve) => setTimeout(resolve, 1));
  run.stop();
  await over;
  assert.equal(run.current.state, 'stopped');
  assert.ok(run.current.table.size > 0);
});

test('errors of the request itself have a code and a message', async () => {
  answer([{ error_code: 40100, message: 'wrong user or password' }], { status: 401 });
  let failure;
  await runSql({ sql: '' }, { failed: (reason) => { failure = reason; } }, none());
  assert.equal(failure.message, 'wrong user or password');
  assert.equal(failure.code, '40100');
});

test('a panel gets all results or the first error', async () => {
  answer([{ head: { n: 1, kind: 'rows', columns: [{ name: 'A', type: 'INT' }] } }, [1], [2],
    { done: {} }]);
  assert.deepEqual((await selectAll('SELECT', none()))[0].rows, [[1], [2]]);
  answer([{ error: { code: '42P01', message: 'no such table' } }]);
  await assert.rejects(selectAll('SELECT', none()), /no such table/);
});

test('names are quoted where SQL needs it', () => {
  assert.equal(quoteName('by_city'), 'by_city');
  assert.equal(quoteName('My "table"'), '"My ""table"""');
});
