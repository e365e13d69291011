// Ticks and series of charts, and the layout of plans.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load, random } from './site.mjs';

const { axisNumber, linear, ticks, ticksFromZero, timeTicks } = await load('views/scale.js');
const { propose, seriesOf } = await load('views/chart.js');
const { layOut } = await load('views/layout.js');
const { loadOf, parsePlan } = await load('views/graph.js');

test('ticks are round, ordered and cover the range', () => {
  assert.deepEqual(ticks(0, 100), [0, 20, 40, 60, 80, 100]);
  const below = random(3);
  for (let round = 0; round < 2000; ++round) {
    const low = (below(2_000_001) - 1_000_000) / 10 ** below(7);
    const high = low + (1 + below(1_000_000)) / 10 ** below(7);
    const marks = ticks(low, high);
    assert.ok(marks.length >= 2 && marks.length <= 8, `${low} ${high}: ${marks}`);
    const room = 1e-6 * Math.max(1, Math.abs(low), Math.abs(high));
    assert.ok(marks[0] <= low + room && marks[marks.length - 1] >= high - room);
    for (let at = 1; at < marks.length; ++at) assert.ok(marks[at] > marks[at - 1]);
  }
});

test('a range without extent and one without numbers', () => {
  assert.ok(ticks(5, 5).length >= 2);
  assert.ok(ticks(0, 0).includes(0));
  assert.deepEqual(ticks(NaN, 1), []);
  assert.equal(linear(5, 5, 0, 10)(5), 5);
});

test('an axis from zero has the zero, and no values below it without need', () => {
  assert.deepEqual(ticksFromZero(0, 0), [0, 1]);
  assert.equal(ticksFromZero(1, 1)[0], 0);
  assert.equal(ticksFromZero(40, 90)[0], 0);
  assert.ok(ticksFromZero(-5, 3)[0] <= -5);
});

test('times have round steps in their zone', () => {
  const hour = 3_600_000;
  const low = Date.UTC(2026, 0, 1, 3, 20);
  assert.deepEqual(timeTicks(low, low + 6 * hour, 6).map((at) => at % hour),
    [0, 0, 0, 0, 0, 0]);
  const days = timeTicks(low, low + 5 * 24 * hour, 6, 5 * hour);
  assert.ok(days.every((at) => (at + 5 * hour) % (24 * hour) === 0), 'days begin at local midnight');
});

test('numbers of an axis are short', () => {
  assert.deepEqual([0, 950, 1500, 2_000_000, -3e9, 0.25].map(axisNumber),
    ['0', '950', '1.5 k', '2 M', '-3 G', '0.25']);
});

const column = (name, type, key) => ({ name, type, key });

test('a chart is proposed by the types', () => {
  assert.deepEqual(propose([column('city', 'VARCHAR', true), column('n', 'BIGINT')]),
    { kind: 'bar', x: 0, y: 1, group: -1 });
  assert.deepEqual(propose([column('at', 'TIMESTAMP'), column('city', 'VARCHAR'),
    column('n', 'DOUBLE')]), { kind: 'line', x: 0, y: 2, group: 1 });
  assert.equal(propose([column('a', 'INT'), column('b', 'INT')]).kind, 'scatter');
});

test('series skip nulls, keep labels in order and bound the groups', () => {
  const columns = [column('g', 'VARCHAR'), column('x', 'INT'), column('y', 'DECIMAL')];
  const rows = [['a', 2, '1.5'], ['b', 1, null], ['a', 1, '3'], ['b', 5, '4']];
  const { series } = seriesOf(columns, rows, { kind: 'line', x: 1, y: 2, group: 0 });
  assert.deepEqual(series, [{ name: 'a', points: [{ x: 1, y: 3 }, { x: 2, y: 1.5 }] },
    { name: 'b', points: [{ x: 5, y: 4 }] }]);
  const bars = seriesOf(columns, rows, { kind: 'bar', x: 0, y: 2, group: -1 });
  assert.deepEqual(bars.labels, ['a', 'b']);
  const many = Array.from({ length: 100 }, (_, at) => [`g${at}`, at, 1]);
  const few = seriesOf(columns, many, { kind: 'line', x: 1, y: 2, group: 0 });
  assert.equal(few.series.length + few.leftOut, 100);
});

/** Whether two boxes share area. */
function overlap(a, b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

test('boxes never overlap, and edges lead to the right', () => {
  const below = random(11);
  for (let round = 0; round < 30; ++round) {
    const size = 2 + below(40);
    const nodes = Array.from({ length: size }, (_, at) =>
      ({ id: `n${at}`, width: 40 + below(200), height: 20 + below(120) }));
    const edges = Array.from({ length: size * 2 }, () => [below(size), below(size)])
      .filter(([from, to]) => from < to).map(([from, to]) => ({ from: `n${from}`, to: `n${to}` }));
    const { boxes, width, height } = layOut(nodes, edges);
    assert.equal(boxes.length, size);
    for (const [at, a] of boxes.entries()) {
      assert.ok(a.x >= 0 && a.y >= 0 && a.x + a.width <= width && a.y + a.height <= height + 1e-6);
      for (const b of boxes.slice(at + 1)) assert.ok(!overlap(a, b), `${a.id} ${b.id}`);
    }
    const rank = new Map(boxes.map((box) => [box.id, box.rank]));
    for (const { from, to } of edges) assert.ok(rank.get(from) < rank.get(to));
  }
});

test('a cycle ends, and 400 nodes take less than a second', () => {
  layOut([{ id: 'a', width: 1, height: 1 }, { id: 'b', width: 1, height: 1 }],
    [{ from: 'a', to: 'b' }, { from: 'b', to: 'a' }]);
  const nodes = Array.from({ length: 400 }, (_, at) => ({ id: `${at}`, width: 99, height: 40 }));
  const edges = nodes.slice(1).map(({ id }, at) => ({ from: `${at >> 1}`, to: id }));
  assert.equal(layOut(nodes, edges).boxes.length, 400);
});

test('a chain is drawn on one line', () => {
  const nodes = [30, 90, 50, 90, 30].map((height, at) => ({ id: `${at}`, width: 50, height }));
  const edges = [0, 1, 2, 3].map((at) => ({ from: `${at}`, to: `${at + 1}` }));
  const middles = layOut(nodes, edges).boxes.map(({ y, height }) => y + height / 2);
  assert.equal(new Set(middles).size, 1);
});

test('the plan is read from the document of EXPLAIN', () => {
  const step = (id, text) => ({ id, kind: 'read', text });
  const plan = parsePlan(JSON.stringify([{ Plan: {}, Topology: { query: 'CTAS_X',
    stages: [{ stage: 0, steps: [step('0.0', 'Read stream S from topic "s"'), step('0.1', 'Key by A')] },
      { stage: 1, steps: [step('1.0', 'Read exchange 1')] }],
    topics: [{ id: 'topic:s', name: 's' }, { id: 'topic:1.5', name: '1.5' }],
    exchanges: [{ id: 'exchange:1', name: 'q_CTAS_X-GroupBy-repartition' }],
    edges: [['topic:s', '0.0'], ['0.0', '0.1'], ['0.1', 'exchange:1'], ['exchange:1', '1.0'],
      ['1.0', 'topic:1.5']].map(([from, to]) => ({ from, to })) } }]));
  assert.deepEqual(plan.parts.map(({ kind, title }) => [kind, title]), [['stage', 'stage 1'],
    ['stage', 'stage 2'], ['topic', 's'], ['topic', '1.5'], ['exchange', 'exchange']]);
  assert.deepEqual(plan.parts[0].steps, ['Read stream S from topic "s"', 'Key by A']);
  assert.deepEqual(plan.edges.map(({ from, to }) => `${from}>${to}`), ['topic:s>stage 0',
    'stage 0>exchange:1', 'exchange:1>stage 1', 'stage 1>topic:1.5']);
  assert.equal(plan.query, 'CTAS_X');
});

test('a push query ends at the client, and a SELECT over tables has no stages', () => {
  const plan = parsePlan(JSON.stringify([{ Topology: { stages: [{ stage: 0, steps: [] }],
    topics: [], exchanges: [], edges: [{ from: '0.2', to: 'client' }] } }]));
  assert.deepEqual(plan.parts.map(({ kind }) => kind), ['stage', 'client']);
  assert.equal(parsePlan('[{"Plan": {"Node Type": "Result"}}]'), null);
});

test('the load of a stage is the sum over its tasks', () => {
  const task = (stage, rows_per_second, lag) => ({ stage, rows_per_second, lag });
  assert.deepEqual([...loadOf([task(0, 5, 10), task(1, '7', null), task(0, 6, '20')])],
    [[0, { rate: 11, lag: 30 }], [1, { rate: 7, lag: 0 }]]);
});
