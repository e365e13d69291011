import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

const { Catalog, isKey, relations } = await load('editor/catalog.js');

const { signal } = new AbortController();
const relation = () => ({ name: 'orders', kind: 'stream', topic: '', format: '', described: false,
  columns: [{ name: 'id', type: 'INTEGER', role: '' }, { name: 'n', type: 'BIGINT', role: '' }] });

/** Answers each request with lines, and returns a function that counts the requests. */
function answer(lines) {
  let asked = 0;
  globalThis.fetch = async () => {
    ++asked;
    return new Response(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  };
  return () => asked;
}

test('a relation is described by one request', async () => {
  const count = answer([{ head: { n: 1, kind: 'rows', columns: ['column', 'type', 'role']
    .map((name) => ({ name, type: 'VARCHAR' })) } }, ['id', 'INT', 'key'], ['n', 'BIGINT', ''],
  { done: {} }]);
  const orders = relation();
  const catalog = new Catalog();
  await Promise.all([catalog.describe(orders, signal), catalog.describe(orders, signal)]);
  await catalog.describe(orders, signal);
  assert.equal(count(), 1);
  assert.ok(orders.described);
  assert.deepEqual(orders.columns.map(({ type }) => type), ['INT', 'BIGINT']);
  assert.deepEqual(orders.columns.map(isKey), [true, false]);
});

test('the types stay where a relation cannot be described', async () => {
  const count = answer([{ error: { code: '42501', message: 'no privilege' } }]);
  const orders = relation();
  const catalog = new Catalog();
  await catalog.describe(orders, signal);
  await catalog.describe(orders, signal);
  assert.equal(count(), 1);
  assert.equal(orders.described, false);
  assert.equal(orders.columns[0].type, 'INTEGER');
});

test('the keys of streams and tables are keys', () => {
  for (const role of ['key', 'primary key', 'KEY']) assert.ok(isKey({ role }), role);
  for (const role of ['', 'header']) assert.ok(!isKey({ role }), role);
});

test('the relations of a catalog have their kinds, topics and known keys', () => {
  const column = (table_name, column_name) => ({ table_name, column_name, data_type: 'integer' });
  const known = { ...relation(), described: true, columns: [{ name: 'id', type: 'INT', role: 'key' }] };
  const found = relations([column('orders', 'id'), column('sums', 'n'), column('seen', 'n')],
    [{ stream: 'ORDERS', topic: 'orders', value_format: 'JSON' }], [{ table: 'SUMS', topic: 'sums', value_format: 'AVRO' }], [known]);
  assert.deepEqual(found.map(({ name, kind }) => [name, kind]), [['orders', 'stream'], ['sums', 'table'], ['seen', 'view']]);
  assert.equal(found[1].format, 'AVRO');
  assert.ok(isKey(found[0].columns[0]), 'the described columns stay');
});

test('each of 5,000 relations is looked up without a search through all of them', () => {
  const names = Array.from({ length: 5000 }, (_, at) => `t_${at}`);
  let reads = 0;
  const streams = names.map((name) => ({ get stream() { ++reads; return name.toUpperCase(); } }));
  const columns = names.map((name) => ({ table_name: name, column_name: 'id', data_type: 'integer' }));
  const first = relations(columns, streams, [], []);
  assert.ok(relations(columns, streams, [], first).every(({ kind }) => kind === 'stream'));
  assert.ok(reads <= 4 * names.length, `${reads}`);
});
