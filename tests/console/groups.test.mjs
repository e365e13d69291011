// The parts of the pages of groups that compute.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

const plans = await load('live/reset_plan.js');
const { LagHistory, levelOf, mapOf, mapRows, trendText, valueIn } = await load('live/group_lag.js');
const { whyNoReset } = await load('live/reset_offsets.js');
const { session } = await load('core/session.js');

const choice = (change) => ({ topic: '', partitions: '', to: 'earliest', value: '', ...change });

test('a choice becomes one statement, and names are quoted', () => {
  const of = (change, dry) => plans.statementOf("it's", choice(change), dry).replace(/\s+/g, ' ');
  assert.equal(of({}), "ALTER CONSUMER GROUP 'it''s' RESET OFFSETS TO EARLIEST");
  assert.equal(of({ to: 'latest', topic: "o'r", partitions: '3, 0-1, 1' }, true),
    "ALTER CONSUMER GROUP 'it''s' RESET OFFSETS FOR TOPIC 'o''r' PARTITION (0, 1, 3) TO LATEST DRY RUN");
  assert.match(of({ to: 'shift', value: ' +10 ' }), / SHIFT BY 10$/);
  assert.match(of({ to: 'offset', value: '7' }), / TO OFFSET 7$/);
  assert.match(of({ to: 'time', value: "'" }), / TO TIMESTAMP '{4}$/);
  assert.match(of({ to: 'group', value: 'a"b' }), / TO GROUP 'a"b'$/);
});

test('the effects of a plan are counted', () => {
  const plan = [{ topic: 't', partition: 0, now: 70, then: 0 }, { topic: 't', partition: 1, now: 5, then: 10 },
    { topic: 't', partition: 2, now: null, then: 3 }, { topic: 't', partition: 3, now: 4, then: 4 }];
  assert.deepEqual(plan.map(plans.effectOf), ['70 again', '5 skipped', 'new', 'no change']);
  assert.equal(plans.summaryOf(plan),
    '3 of 4 partitions would change: up to 70 records read again, up to 5 records skipped.');
  assert.equal(plans.summaryOf(plan.slice(3)), 'No offset would change.');
});

test('lists of partitions and values are checked before anything is read', () => {
  assert.deepEqual([...plans.partitionsOf('0, 2-4')], [0, 2, 3, 4]);
  assert.match(plans.problemOf(choice({ topic: 't', partitions: '1;2' })), /"1;2" is no partition/);
  assert.match(plans.problemOf(choice({ partitions: '1' })), /Choose the topic/);
  assert.match(plans.problemOf(choice({ partitions: '0-99999999' })), /more than 10,000/);
  for (const [to, bad, good] of [['offset', '-1', '12'], ['shift', 'x', '-12'], ['time', ' ', '2026'], ['group', '', 'g']]) {
    assert.notEqual(plans.problemOf(choice({ to, value: bad })), '');
    assert.equal(plans.problemOf(choice({ to, value: good })), '');
  }
});

test('a reset names the reason that prevents it', () => {
  session.info = { privileges: { all: true } };
  assert.equal(whyNoReset({ members: 0, type: 'consumer' }, []), '');
  assert.match(whyNoReset({ members: 2, type: 'classic' }, ['a', null, 'a']), /has 2 members \(\u2068a\u2069\)/);
  assert.match(whyNoReset({ members: 0, type: 'share' }, []), /share group/);
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
