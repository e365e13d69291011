// The parts of the pages of groups that compute.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load, random } from './site.mjs';

const plans = await load('live/reset_plan.js');
const { LagHistory, levelOf, mapOf, mapRows, trendText, valueIn } = await load('live/group_lag.js');
const { whyNoReset } = await load('live/reset_offsets.js');
const { session } = await load('core/session.js');

const LAG = [{ topic: 'orders', partition: 0, committed: 70 },
  { topic: 'orders', partition: 1, committed: '5' }, { topic: 'other', partition: 0, committed: 3 }];
const PARTITIONS = [{ topic: 'orders', partition: 1, first_offset: 10, end_offset: '90' },
  { topic: 'orders', partition: 0, first_offset: 0, end_offset: 100 },
  { topic: 'orders', partition: 2, first_offset: 0, end_offset: 7 },
  { topic: 'other', partition: 0, first_offset: null, end_offset: null },
  { topic: 'unread', partition: 0, first_offset: 0, end_offset: 9 }];
const choice = (change) => ({ topic: '', partitions: '', to: 'earliest', value: '', ...change });
const then = (change, atTime) => plans.planOf(choice(change), LAG, PARTITIONS, atTime)
  .map((each) => `${each.topic} ${each.partition} ${each.now} ${each.then}`);

test('a plan has every partition of the topics of the group, in their order', () => {
  assert.deepEqual(then({}), ['orders 0 70 0', 'orders 1 5 10', 'orders 2 null 0', 'other 0 3 null']);
  assert.deepEqual(then({ to: 'latest', topic: 'orders', partitions: '0,2' }),
    ['orders 0 70 100', 'orders 2 null 7']);
});

test('an offset outside of a partition becomes its begin or its end', () => {
  assert.deepEqual(then({ to: 'offset', value: '50', topic: 'orders' }),
    ['orders 0 70 50', 'orders 1 5 50', 'orders 2 null 7']);
  assert.deepEqual(then({ to: 'shift', value: '-80', topic: 'orders' }),
    ['orders 0 70 0', 'orders 1 5 10', 'orders 2 null null'], 'nothing is committed to move from');
});

test('a time without a later record leads to the end', () => {
  assert.deepEqual(then({ to: 'time', value: '2026-01-31', topic: 'orders', partitions: '0-1' },
    new Map([['orders 0', 42]])), ['orders 0 70 42', 'orders 1 5 90']);
});

test('a plan never leaves its partition, and its effect is the difference', () => {
  const next = random(7);
  for (let round = 0; round < 500; ++round) {
    const first = next(50), end = first + next(50), now = next(120);
    const [change] = plans.planOf(choice({ to: ['earliest', 'latest', 'offset', 'shift'][next(4)],
      value: String(next(300) - 150) }), [{ topic: 't', partition: 0, committed: now }],
    [{ topic: 't', partition: 0, first_offset: first, end_offset: end }]);
    assert.ok(change.then >= first && change.then <= end, JSON.stringify(change));
    const words = plans.effectOf(change);
    assert.equal(words, change.then === now ? 'no change' : change.then < now
      ? `${now - change.then} again` : `${change.then - now} skipped`);
  }
});

test('the request has the changes alone', () => {
  const plan = plans.planOf(choice({ to: 'offset', value: '70' }), LAG, PARTITIONS);
  assert.deepEqual(plans.bodyOf(plan), { offsets: [
    { topic_name: 'orders', partition_id: 1, offset: 70 },
    { topic_name: 'orders', partition_id: 2, offset: 7 }] });
  assert.match(plans.summaryOf(plan), /^2 of 4 partitions would change: up to 65 records skipped\.$/);
});

test('lists of partitions and values are checked before anything is read', () => {
  assert.deepEqual([...plans.partitionsOf('0, 2-4')], [0, 2, 3, 4]);
  assert.match(plans.problemOf(choice({ partitions: '1;2' })), /"1;2" is no partition/);
  assert.match(plans.problemOf(choice({ partitions: '0-99999999' })), /more than 10,000/);
  for (const [to, bad, good] of [['offset', '-1', '12'], ['shift', 'x', '-12'], ['time', ' ', '2026']]) {
    assert.notEqual(plans.problemOf(choice({ to, value: bad })), '');
    assert.equal(plans.problemOf(choice({ to, value: good })), '');
  }
});

test('a reset names the reason that prevents it', () => {
  session.info = { privileges: { all: true } };
  assert.equal(whyNoReset({ members: 0, type: 'consumer' }, []), '');
  assert.match(whyNoReset({ members: 2, type: 'classic' }, ['a', null, 'a']), /has 2 members \(\u2068a\u2069\)/);
  assert.match(whyNoReset({ members: 0, type: 'share' }, []), /share group/);
  session.info = { privileges: { all: false } };
  assert.match(whyNoReset({ members: 0 }, []), /needs the right ALL/);
  session.info = { read_only: true };
  assert.match(whyNoReset({ members: 0 }, []), /read-only/);
});

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
