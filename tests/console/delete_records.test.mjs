// The request that deletes records, and the preview of its effect.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

const { cutsOf, exactCuts, missedBy, problemOf, sentenceOf } =
  await load('live/delete_records.js');

const effect = (partition_id, old_first_offset, new_first_offset, end_offset) =>
  ({ partition_id, old_first_offset, new_first_offset, end_offset });

test('an offset is a whole number', () => {
  for (const text of ['0', ' 42 ', '999999999999999999']) assert.equal(problemOf(text), '');
  for (const text of ['', '-1', '1.5', 'end', '1e3', '9'.repeat(19)])
    assert.match(problemOf(text), /first offset/);
});

test('a request without an offset deletes all records', () => {
  assert.deepEqual(cutsOf([0, 2], ''), [{ partition_id: 0, before_offset: -1 },
    { partition_id: 2, before_offset: -1 }]);
  assert.deepEqual(cutsOf([1], ' 7 '), [{ partition_id: 1, before_offset: 7 }]);
});

test('the request after a preview names the partitions that lose records, and their offsets', () => {
  assert.deepEqual(exactCuts([effect(0, 2, 9, 9), effect(1, 4, 4, 9)]),
    [{ partition_id: 0, before_offset: 9 }]);
});

test('the sentence counts the deleted records', () => {
  assert.equal(sentenceOf([effect(0, 5, 5, 6)]), 'None of 1 record would be deleted.');
  assert.equal(sentenceOf([effect(0, 0, 3, 5), effect(1, 0, 0, 4)]),
    '3 of 9 records would be deleted, and cannot be restored.');
});

test('groups that have not read the deleted records are counted', () => {
  const positions = [{ group: 'slow', partition: 0, committed: '3' },
    { group: 'slow', partition: 1, committed: 0 }, { group: 'slow', partition: 2, committed: 0 },
    { group: 'level', partition: 0, committed: 10 }, { group: 'new', partition: 0, committed: null },
    { group: 'behind', partition: 0, committed: 1 }];
  assert.deepEqual(missedBy([effect(0, 2, 10, 12), effect(1, 5, 6, 9)], positions),
    [{ group: 'slow', records: 8 }, { group: 'behind', records: 8 }]);
});
