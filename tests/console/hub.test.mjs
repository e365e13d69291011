// The hub: one connection for what all tabs follow, whatever joins, leaves or fails.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load, random } from './site.mjs';

const { Hub, MOST_TOGETHER } = await load('core/hub.js');

/** A server of which a test sends the lines, and a clock that runs when it is told to. */
function world() {
  const requests = [], timers = [];
  const run = (request, receiver, signal) => new Promise((resolve) => {
    const its = { statements: request.sql.split(';\n'), request, receiver, signal,
      end: () => resolve() };
    signal.addEventListener('abort', its.end);
    requests.push(its);
  });
  const later = (act, ms) => {
    const timer = { act, ms };
    timers.push(timer);
    return () => { timers.splice(timers.indexOf(timer) >>> 0, 1); };
  };
  const pass = async (most = 1000) => {
    for (const timer of timers.filter(({ ms }) => ms <= most)) {
      timers.splice(timers.indexOf(timer), 1);
      timer.act();
    }
    await new Promise(setImmediate);
  };
  return { hub: new Hub(run, later), requests, pass, last: () => requests.at(-1) };
}

function follower() {
  const seen = { rows: new Map(), calls: [] };
  const put = (cells) => seen.rows.set(cells[0], cells);
  return { ...seen, seen,
    reset: (columns, rows) => { seen.calls.push('reset'); seen.rows.clear(); rows.forEach(put); },
    changes: (changes) => {
      seen.calls.push('changes');
      for (const [op, cells] of changes) if (op === 'd') seen.rows.delete(cells[0]); else put(cells);
    },
    alive: () => seen.calls.push('alive'), lost: () => seen.calls.push('lost'),
    failed: ({ code }) => seen.calls.push(`failed ${code}`) };
}

const HEAD = { columns: [{ name: 'k', type: 'VARCHAR', key: true }, { name: 'v', type: 'BIGINT' }] };

test('statements of one page share a request, and each gets its own rows', async () => {
  const { hub, requests, pass, last } = world();
  const [a, b] = [follower(), follower()];
  hub.follow('SELECT a', a);
  hub.follow('SELECT b', b);
  await pass(100);
  assert.equal(requests.length, 1);
  assert.deepEqual(last().statements, ['SELECT a', 'SELECT b']);
  assert.equal(last().request.together, true);
  last().receiver.head({ n: 1, ...HEAD });
  last().receiver.head({ n: 2, ...HEAD });
  last().receiver.rows([[2, 'u', 'x', 1], [1, 'u', 'y', 2], [2, 'u', 'z', 3]]);
  assert.deepEqual([...a.rows.keys()], ['y']);
  assert.deepEqual([...b.rows.keys()], ['x', 'z']);
  last().receiver.rows([[2, 'd', 'x', null]]);
  assert.deepEqual([...b.rows.keys()], ['z']);
});

test('a second tab gets the known rows at once, without a request', async () => {
  const { hub, requests, pass, last } = world();
  hub.follow('SELECT a', follower());
  await pass(100);
  last().receiver.head({ n: 1, ...HEAD });
  last().receiver.rows([[1, 'u', 'x', 1], [1, 'u', 'y', 2]]);
  const second = follower();
  hub.follow('SELECT a', second);
  assert.deepEqual([...second.rows.keys()], ['x', 'y']);
  await pass(100);
  assert.equal(requests.length, 1);
});

test('after a lost connection, the rows stay until the new ones replace all of them', async () => {
  const { hub, requests, pass, last } = world();
  const a = follower();
  hub.follow('SELECT a', a);
  await pass(100);
  last().receiver.head({ n: 1, ...HEAD });
  last().receiver.rows([[1, 'u', 'x', 1], [1, 'u', 'gone', 2]]);
  last().receiver.lost('cut');
  last().end();
  await pass(0);
  assert.deepEqual([...a.rows.keys()], ['x', 'gone']);
  await pass(600);
  assert.equal(requests.length, 2);
  last().receiver.head({ n: 1, ...HEAD });
  assert.deepEqual([...a.rows.keys()], ['x', 'gone'], 'the head alone changes nothing');
  last().receiver.rows([[1, 'u', 'x', 7]]);
  assert.deepEqual([...a.rows.entries()], [['x', ['x', 7]]]);
});

test('a result without rows becomes empty some time after its head', async () => {
  const { hub, pass, last } = world();
  const a = follower();
  hub.follow('SELECT a', a);
  await pass(100);
  last().receiver.head({ n: 1, ...HEAD });
  assert.deepEqual(a.seen.calls, []);
  await pass(2000);
  assert.deepEqual(a.seen.calls, ['reset']);
});

test('a connection that ends after its head leaves the known rows', async () => {
  const { hub, requests, pass, last } = world();
  const a = follower();
  hub.follow('SELECT a', a);
  await pass(100);
  last().receiver.head({ n: 1, ...HEAD });
  last().receiver.rows([[1, 'u', 'x', 1]]);
  last().receiver.lost('cut');
  last().end();
  await pass(0);
  await pass(600);
  assert.equal(requests.length, 2);
  last().receiver.head({ n: 1, ...HEAD });
  last().receiver.lost('cut');
  last().end();
  await pass(0);
  const calls = a.seen.calls.length;
  await pass(2000);
  assert.deepEqual([...a.rows.keys()], ['x']);
  assert.equal(a.seen.calls.length, calls);
});

test('the error of one statement leaves the others, and a new follower tries again', async () => {
  const { hub, requests, pass, last } = world();
  const [a, b] = [follower(), follower()];
  hub.follow('SELECT a', a);
  hub.follow('SELECT b', b);
  await pass(100);
  last().receiver.failed({ n: 1, code: '42501', message: 'no' });
  last().receiver.head({ n: 2, ...HEAD });
  last().receiver.rows([[2, 'u', 'x', 1]]);
  assert.deepEqual(a.seen.calls, ['failed 42501']);
  assert.deepEqual([...b.rows.keys()], ['x']);
  hub.follow('SELECT a', follower());
  await pass(100);
  assert.equal(requests.length, 2);
  assert.deepEqual(last().statements, ['SELECT a', 'SELECT b']);
});

test('a statement that nothing follows leaves the request, and the last one ends it', async () => {
  const { hub, requests, pass, last } = world();
  const leave = hub.follow('SELECT a', follower());
  const leaveB = hub.follow('SELECT b', follower());
  await pass(100);
  leave();
  await pass(5000);
  await pass(100);
  assert.deepEqual(last().statements, ['SELECT b']);
  leaveB();
  await pass(5000);
  assert.ok(last().signal.aborted);
  assert.equal(requests.length, 2);
});

test('a page that comes back in time keeps the connection', async () => {
  const { hub, requests, pass, last } = world();
  const leave = hub.follow('SELECT a', follower());
  await pass(100);
  leave();
  hub.follow('SELECT a', follower());
  await pass(5000);
  await pass(5000);
  assert.equal(requests.length, 1);
  assert.ok(!last().signal.aborted);
});

test('more than sixteen statements use a further connection', async () => {
  const { hub, requests, pass } = world();
  for (let at = 0; at <= MOST_TOGETHER; ++at) hub.follow(`SELECT ${at}`, follower());
  await pass(100);
  assert.deepEqual(requests.map(({ statements }) => statements.length), [MOST_TOGETHER, 1]);
});

test('followers see the same rows as a model under random events', async () => {
  for (let seed = 1; seed <= 20; ++seed) {
    const below = random(seed);
    const { hub, requests, pass, last } = world();
    const model = new Map();
    const followers = [];
    const join = () => { const each = follower(); hub.follow('SELECT a', each); followers.push(each); };
    join();
    await pass(100);
    const open = () => {
      last().receiver.head({ n: 1, ...HEAD });
      last().receiver.rows([...model].map(([key, value]) => [1, 'u', key, value]));
    };
    model.set('k0', 0);
    open();
    for (let step = 0; step < 60; ++step) {
      const key = `k${below(8)}`;
      const what = below(12);
      if (what < 6) {
        model.set(key, step);
        last().receiver.rows([[1, 'u', key, step]]);
      } else if (what < 9) {
        model.delete(key);
        last().receiver.rows([[1, 'd', key, null]]);
      } else if (what === 9) {
        join();
      } else if (model.size) {
        last().receiver.lost('cut');
        last().end();
        await pass(0);
        model.delete(key);
        if (!model.size) model.set('k0', step);
        await pass(20_000);
        open();
      }
    }
    assert.ok(requests.length > 0);
    for (const each of followers)
      assert.deepEqual(new Map([...each.rows].map(([key, cells]) => [key, cells[1]])), model, `seed ${seed}`);
  }
});
