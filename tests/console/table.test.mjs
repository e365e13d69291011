import assert from 'node:assert/strict';
import test from 'node:test';
import { load, random } from './site.mjs';

const { ChangeLog, KeyedTable, LINGER_MS, RowList } = await load('views/table.js');
const { View } = await load('views/view.js');
const { markOf } = await load('views/grid.js');

test('the keyed table equals a model under random changes', () => {
  const below = random(4711);
  for (let round = 0; round < 40; ++round) {
    const table = new KeyedTable([0, 1]);
    const model = new Map();
    let now = 1, deleted = 0;
    for (let step = 0; step < 500; ++step) {
      now += below(400);
      const [a, b] = [below(6), `k${below(3)}`];
      const key = `${a} ${b}`;
      if (below(4) === 0) {
        deleted += Number(model.delete(key));
        table.apply('d', [a, b, null], now);
      } else {
        const cells = [a, b, below(3) === 0 ? null : below(100)];
        model.set(key, cells);
        table.apply('u', cells, now);
      }
      if (below(5) === 0) table.expire(now);
      assert.equal(table.size, model.size);
      assert.equal(table.deleted, deleted);
    }
    const sorted = (rows) => rows.map((row) => JSON.stringify(row)).sort();
    assert.deepEqual(sorted(table.live()), sorted([...model.values()]));
    table.expire(now + LINGER_MS);
    assert.equal(table.length, model.size, 'no deleted row stays');
    assert.equal(new Set(table.rows.map(({ cells }) => table.keyOf(cells))).size, table.length);
  }
});

test('a change marks only the cells that differ', () => {
  const table = new KeyedTable([0]);
  table.apply('u', ['a', 1, { x: 1 }], 10);
  assert.equal(table.row(0).changed, null, 'a first row has not changed');
  table.apply('u', ['a', 2, { x: 1 }], 20);
  assert.deepEqual(table.row(0).changed, [0, 20, 0]);
});

test('a deleted row lingers, and a later row with its key takes its place', () => {
  const table = new KeyedTable([0]);
  table.apply('u', ['a', 1], 10);
  table.apply('d', ['a', null], 20);
  assert.equal(table.size, 0);
  assert.deepEqual(table.row(0).cells, ['a', 1], 'the values that left are shown');
  assert.equal(table.expire(20 + LINGER_MS - 1), false);
  table.apply('u', ['a', 2], 30);
  assert.equal(table.expire(20 + 2 * LINGER_MS), false);
  assert.deepEqual(table.live(), [['a', 2]]);
});

test('beyond the limit changes are counted', () => {
  const table = new KeyedTable([0], 3);
  for (let key = 0; key < 5; ++key) table.apply('u', [key], 1);
  table.apply('u', [1], 2);
  assert.equal(table.size, 3);
  assert.equal(table.beyond, 2);
});

test('the log keeps the last changes in their order', () => {
  const log = new ChangeLog(4);
  for (let at = 0; at < 10; ++at) log.add('+', [at], at);
  assert.deepEqual(log.live(), [[6], [7], [8], [9]]);
  assert.equal(log.total, 10);
});

test('a view sorts and filters, with nulls last in both directions', () => {
  const list = new RowList();
  for (const row of [['b', '10.5'], ['a', null], ['c', '9'], ['d', '9007199254740993'],
    ['e', '9007199254740992']]) list.add(row);
  const view = new View(list, [{ name: 'k', type: 'VARCHAR' }, { name: 'v', type: 'DECIMAL' }]);
  const keys = () => Array.from({ length: view.length }, (_, at) => view.row(at).cells[0]).join('');
  view.sortBy(1);
  assert.equal(keys(), 'cbeda');
  view.sortBy(1);
  assert.equal(keys(), 'debca');
  view.sortBy(1);
  assert.equal(keys(), 'bacde');
  view.filterBy('9007');
  assert.equal(keys(), 'de');
  view.filterBy('9,007');
  assert.equal(keys(), 'de', 'the text of the page is found, too');
});

test('a large view that is refreshed too soon stays stale until a later refresh', () => {
  const list = new RowList();
  for (let at = 0; at < 6000; ++at) list.add([at]);
  const view = new View(list, [{ name: 'k', type: 'INT' }]);
  view.sortBy(0);
  const now = performance.now() + 1000;
  view.refresh(now);
  list.add([-1]);
  view.refresh(now + 1);
  assert.ok(view.isStale);
  assert.equal(view.row(0).cells[0], 0);
  view.refresh(now + 1000);
  assert.ok(!view.isStale);
  assert.equal(view.row(0).cells[0], -1);
});

test('the mark of a changed cell has two steps and ends', () => {
  assert.deepEqual([0, 899, 900, 1299, 1300].map(markOf), ['flash', 'flash', 'faded', 'faded', '']);
});
