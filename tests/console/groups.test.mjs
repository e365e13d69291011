// The parts of the pages of groups that compute.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

const { LagHistory, levelOf, mapOf, mapRows, trendText, valueIn } = await load('live/group_lag.js');

test('names of groups with quotes are found in the labels of the history', () => {
  const label = 'consumergroup="a\\"b\\\\",topic="t,partition=\\"9\\"",partition="12"';
  assert.deepEqual(['consumergroup', 'topic', 'partition'].map((name) => valueIn(label, name)),
    ['a"b\\', 't,partition="9"', '12']);
  assert.ok(mapOf(`it's "😀"`).includes(`left(label, 27) = 'consumergroup="it''s \\"😀\\"",'`), mapOf(`it's "😀"`));
});

test('the history of the lag joins the past with the present', () => {
  const history = new LagHistory();
  const now = Date.parse('2026-01-31T10:00:00Z');
  history.note(500, now);
  history.note(600, now + 2000);
  history.past([{ time: '2026-01-31 09:58:20', lag: '100' }, { time: '2026-01-31 10:00:00', lag: '7' }]);
  assert.deepEqual(history.points.map(({ y }) => y), [100, 500]);
  assert.equal(trendText(history.slope), 'grows by 4 records/s');
  history.note(0, now + 3_590_000);
  history.note(0, now + 3_700_000);
  assert.equal(history.points.length, 2, 'an hour is kept');
});

test('the map has a value by minute, the largest lag first', () => {
  const rows = mapRows([
    { label: 'consumergroup="g",topic="t",partition="0"', minute: '2026-01-31 09:59:00', lag: 5 },
    { label: 'consumergroup="g",topic="t",partition="1"', minute: '2026-01-31 09:01:00', lag: 9 },
    { label: 'consumergroup="g",topic="t",partition="1"', minute: '2026-01-31 08:00:00', lag: 1 },
  ], Date.parse('2026-01-31T10:00:30Z'));
  assert.deepEqual(rows.map(({ partition, values }) => [partition, values[0], values[58]]),
    [[1, 9, null], [0, null, 5]]);
  assert.deepEqual([0, 1, 50, 1000].map((lag) => levelOf(lag, 1000)), [0, 1, 3, 4]);
});
