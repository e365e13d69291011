// The palette: the objects that it finds, and their order.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

const { actionsOf } = await load('core/objects.js');
const { matching } = await load('core/keys.js');

const result = (column, ...names) => ({ columns: [{ name: column }], rows: names.map((name) => [name]) });
const RESULTS = [result('topic', 'orders', 'orders-dlq'), result('group', 'orders'), result('query', 'CTAS_BY_CITY_0'),
  { columns: [{ name: 'subject' }, { name: 'version' }], rows: [['orders-value', 1], ['orders-value', 2]] },
  result('table_name', 'orders')];

test('each object has its kind and is listed once', () => {
  assert.deepEqual(actionsOf(RESULTS).map(({ title, detail }) => `${detail} ${title}`), ['topic orders',
    'topic orders-dlq', 'consumer group orders', 'query CTAS_BY_CITY_0', 'subject orders-value', 'relation orders']);
});

test('objects of the same name are found by their kind, and exact names come first', () => {
  const all = [{ title: 'SQL', icon: 'sql', detail: 'page', run() {} }, ...actionsOf(RESULTS)];
  const found = (text) => matching(all, text).map(({ title, detail }) => `${detail} ${title}`);
  assert.deepEqual(found('orders').slice(0, 3), ['topic orders', 'consumer group orders', 'relation orders']);
  assert.deepEqual(found('group ord'), ['consumer group orders']);
  assert.deepEqual(found('nothing'), []);
  assert.equal(matching([...all, ...all], '').length, all.length, 'an object of two sources is listed once');
});
