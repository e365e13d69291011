// The lineage of all objects: one graph of several statements, its parts, colours and the impact of a drop.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

const { colourBy, fittingOf, hrefOf, impactOf, lineageOf, partOf, reached } = await load('live/lineage_graph.js');

const link = (from_kind, from_name, to_kind, to_name) => ({ from_kind, from_name, to_kind, to_name });
const LINKS = [link('topic', 'orders', 'stream', 'ORDERS'), link('stream', 'ORDERS', 'query', 'CTAS_1'),
  link('query', 'CTAS_1', 'table', 'T'), link('table', 'T', 'topic', 't'), link('topic', 'other', 'stream', 'OTHER')];
const READERS = [{ group: 'g', topic: 't', lag: 7 }, { group: 'g', topic: 'orders', lag: '5' }];
const CONNECTORS = [{ connector: 'in', type: 'source', topics: 'orders, more', lag: null, errors: 0 },
  { connector: 'out', type: 'sink', topics: 't', lag: 20_000, errors: 3 }];
const lineage = () => lineageOf(LINKS, READERS, CONNECTORS);

test('links, groups and connectors become one graph', () => {
  const { places, links } = lineage();
  assert.equal(places.length, 11);
  const has = (from, to) => assert.ok(links.some((each) => each.from === from && each.to === to), `${from} > ${to}`);
  has('connector in', 'topic orders');
  has('connector in', 'topic more');
  has('topic t', 'connector out');
  has('topic t', 'group g');
  has('topic orders', 'group g');
});

test('the part of an object has what it reads and what reads it, and a cycle ends', () => {
  assert.deepEqual(partOf(lineage(), 'query CTAS_1').places.map(({ id }) => id).sort(), ['connector in', 'connector out', 'group g',
    'query CTAS_1', 'stream ORDERS', 'table T', 'topic orders', 'topic t']);
  const cycle = [{ from: 'a', to: 'b' }, { from: 'b', to: 'a' }];
  assert.deepEqual([...reached(cycle, 'a', 'to')], ['b']);
});

test('a filter keeps the neighbours of fitting objects', () => {
  assert.deepEqual(fittingOf(lineage(), (name) => name === 'ORDERS').places.map(({ id }) => id).sort(),
    ['query CTAS_1', 'stream ORDERS', 'topic orders']);
});

test('a filter reads each of 5,000 links a few times at most', () => {
  let reads = 0;
  const counted = (id) => ({ name: id, kind: 'topic', get id() { ++reads; return id; } });
  const places = Array.from({ length: 5000 }, (_, at) => counted(`t${at}`));
  const links = Array.from({ length: 4999 }, (_, at) => ({ from: `t${at}`, to: `t${at + 1}` }));
  assert.equal(fittingOf({ places, links }, (name) => name.endsWith('7')).places.length, 1500);
  assert.ok(reads <= 4 * places.length, `${reads}`);
});

test('the impact of a drop is counted by kind', () => {
  assert.equal(impactOf(lineage(), 'stream ORDERS'), 'A drop affects 1 query, 1 table, 1 topic, 1 group, 1 connector.');
  assert.equal(impactOf(lineage(), 'stream OTHER'), 'Nothing reads it.');
});

test('the colours are those of lag, errors and rate; an unknown figure has none', () => {
  const graph = lineage();
  const level = (id) => graph.places.find((each) => each.id === id).level;
  const queries = [{ query: 'CTAS_1', lag: '150', rows_per_second: 0, errors: 0 }];
  colourBy(graph, 'lag', queries, READERS, CONNECTORS);
  assert.deepEqual(['query CTAS_1', 'group g', 'connector out', 'connector in', 'topic t'].map(level), ['raised', 'low', 'high', '', '']);
  assert.equal(graph.places.find(({ id }) => id === 'group g').note, '12 behind');
  colourBy(graph, 'errors', queries, READERS, CONNECTORS);
  assert.deepEqual([level('connector out'), level('query CTAS_1')], ['high', 'low']);
  colourBy(graph, 'none', queries, READERS, CONNECTORS);
  assert.ok(graph.places.every((each) => each.level === '' && each.note === ''));
});

test('names are data in addresses', () => {
  assert.equal(hrefOf({ id: '', kind: 'topic', name: 'a&b=ü' }), '#topics?t=a%26b%3D%C3%BC');
  assert.equal(hrefOf({ id: '', kind: 'stream', name: 'S' }), '');
});
