// The parts of the pages over the catalog that compute: order, lines, lineage, diagnoses.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load, random } from './site.mjs';

const { sortedRows } = await load('live/live_table.js');
const { sparkPath } = await load('live/spark.js');
const { around, pictureOf } = await load('live/neighbours.js');
const { diagnosis } = await load('live/query_detail.js');
const { fullIn, labelOf, pointsOf, samplesOf, timeToCatchUp } = await load('live/figures.js');
const { Pace } = await load('sql/status.js');
const { summaryOf } = await load('pages/cluster.js');
const { pageOf } = await load('pages/overview.js');
const { withParam } = await load('live/filter.js');

test('rows are sorted by numbers that arrive as texts, and empty values are below', () => {
  const rows = [{ v: '9007199254740993' }, { v: null }, { v: 12 }, { v: '3' }, { v: 0 }];
  const values = (isDescending) => sortedRows(rows, ({ v }) => v, isDescending).map(({ v }) => v);
  assert.deepEqual(values(false), [null, 0, '3', 12, '9007199254740993']);
  assert.deepEqual(values(true), ['9007199254740993', 12, '3', 0, null]);
});

test('equal rows keep their order, so that a table does not jump', () => {
  const below = random(5);
  const rows = Array.from({ length: 300 }, (_, at) => ({ at, v: below(4) }));
  for (const isDescending of [false, true]) {
    const sorted = sortedRows(rows, ({ v }) => v, isDescending);
    for (let at = 1; at < sorted.length; ++at)
      if (sorted[at].v === sorted[at - 1].v) assert.ok(sorted[at].at > sorted[at - 1].at);
  }
});

test('a line is as wide as an hour and begins at zero', () => {
  assert.equal(sparkPath([{ x: 1, y: 1 }]), '');
  const hour = 3_600_000, points = [0, 1, 2].map((at) => ({ x: 10 + at * hour / 2, y: at * 5 }));
  assert.equal(sparkPath(points, 100, 24), 'M0.0 22.0L50.0 12.0L100.0 2.0');
  assert.equal(sparkPath([{ x: 0, y: 0 }, { x: hour / 4, y: 0 }], 100, 24), 'M75.0 22.0L100.0 22.0');
});

const link = (from, to) => {
  const [[from_kind, from_name], [to_kind, to_name]] = [from.split(' '), to.split(' ')];
  return { from_kind, from_name, to_kind, to_name };
};

test('neighbours are two steps up and two steps down', () => {
  const chain = [link('topic a', 'stream A'), link('stream A', 'query q'), link('query q', 'table B'),
    link('table B', 'topic b'), link('topic b', 'group g'), link('topic z', 'stream Z')];
  const found = around(chain, 'query q').map((each) => `${each.from_name}>${each.to_name}`);
  assert.deepEqual(found, ['a>A', 'A>q', 'q>B', 'B>b']);
  assert.deepEqual(pictureOf(around(chain, 'query q')).parts.map(({ id }) => id),
    ['topic a', 'stream A', 'query q', 'table B', 'topic b']);
});

test('a query that reads its own result through others does not walk without an end', () => {
  const ring = [link('stream A', 'query q'), link('query q', 'stream B'), link('stream B', 'query r'),
    link('query r', 'stream A')];
  assert.equal(around(ring, 'query q').length, 4);
});

test('one red cell is skew, and all of them are too little CPU', () => {
  const tasks = (...lags) => lags.map((lag) => ({ lag }));
  assert.match(diagnosis(tasks(90_000, 3, 0, 12)), /^One part is behind/);
  assert.match(diagnosis(tasks(90_000, 80_000, 60_000, 70_000)), /^All tasks are behind/);
  assert.match(diagnosis(tasks(90_000, 80_000, 70_000, 0)), /^3 of 4 tasks/);
  assert.equal(diagnosis(tasks(5, 3, 0, 12)), '');
  assert.equal(diagnosis(tasks(90_000)), '', 'a single task cannot be skewed');
});

test('the time to catch up follows the last minutes, and is not shown while the lag grows', () => {
  const minute = 60_000;
  const falling = [{ x: 0, y: 9e6 }, { x: 10 * minute, y: 1000 }, { x: 12 * minute, y: 800 }];
  assert.equal(Math.round(timeToCatchUp(falling)), 8 * minute);
  assert.equal(timeToCatchUp([{ x: 0, y: 5 }, { x: minute, y: 9 }]), null);
  assert.equal(timeToCatchUp([{ x: 0, y: 5 }, { x: minute, y: 0 }]), null);
  assert.equal(timeToCatchUp([]), null);
});

test('names with quotes reach the label and the statement unharmed', () => {
  const label = labelOf('query', `a"b'c\\d`);
  assert.equal(label, `query="a\\"b'c\\\\d"`);
  assert.ok(samplesOf('n', label).includes(`label = 'query="a\\"b''c\\\\d"'`));
  assert.deepEqual(pointsOf([{ time: '2026-01-01T00:00:05', value: '2' },
    { time: '2026-01-01T00:00:00', value: 1 }, { time: '2025-12-31T22:00:00', value: 9 }])
    .map(({ y }) => y), [1, 2]);
});

test('the summary of a cluster names the nodes that are away', () => {
  const node = (number, state, role = '') => ({ node: number, state, role });
  assert.match(summaryOf([node(1, 'there', 'controller, this one')]), /single node/);
  assert.equal(summaryOf([node(1, 'there', 'controller'), node(2, 'away'), node(3, 'there')]),
    '3 nodes, of which 1 is away: 2. Node 1 is the controller.');
  assert.match(summaryOf([node(1, 'there'), node(2, 'there')]), /all of them present\. No node is/);
});

test('figures are drawn after a pause, and another state at once', () => {
  const pace = new Pace(250);
  const due = [['live', 0], ['live', 16], ['live', 249], ['live', 250], ['live', 260], ['done', 261],
    ['done', 262]].filter(([state, now]) => pace.isDue(state, now));
  assert.deepEqual(due, [['live', 0], ['live', 250], ['done', 261]]);
});

test('the disk is full at the rate of the known history', () => {
  const hour = 3_600_000, gigabyte = 1e9;
  const falling = (hours, each) => Array.from({ length: hours + 1 }, (_, at) => ({ x: at * hour, y: 240 * gigabyte - at * each }));
  assert.equal(fullIn(falling(24, gigabyte)), 'full in about 9 days at this rate');
  assert.equal(fullIn(falling(20, 10 * gigabyte)), 'full in about 4 hours at this rate');
  assert.equal(fullIn(falling(23, 10 * gigabyte)), 'full in about 60 minutes at this rate');
  assert.equal(fullIn(falling(24, 0)), '');
  assert.equal(fullIn(falling(24, -gigabyte)), '');
  assert.equal(fullIn(falling(24, gigabyte / 100)), '', 'more than 90 days');
  assert.equal(fullIn([{ x: 0, y: 9 }, { x: 60_000, y: 8 }]), '', 'one minute is not enough');
  assert.equal(fullIn([]), '');
});

test('a finding leads to the page that shows its object', () => {
  assert.equal(pageOf({ rule: 'MillraceDiskFull', kind: 'server', object: 'server' }), '#topics?sort=size');
  assert.equal(pageOf({ rule: 'MillraceRecordsFail', kind: 'query', object: 'a b' }), '#queries?q=a%20b');
  assert.equal(pageOf({ rule: 'MillraceNodeAway', kind: 'cluster', object: 'cluster' }), '#cluster');
});

test('a parameter of the address is set, replaced and removed', () => {
  assert.equal(withParam('#topics', 'filter', 'a&b'), '#topics?filter=a%26b');
  assert.equal(withParam('#links?l=x&filter=a', 'filter', 'b'), '#links?l=x&filter=b');
  assert.equal(withParam('#topics?filter=a', 'filter', ''), '#topics');
});
