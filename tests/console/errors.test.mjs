// The entries of the processing log that the page of a query shows.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

const { errorsOf, groupsOf, nameOf } = await load('live/query_errors.js');

const entry = (time, offset, message) => ({ time, value: JSON.stringify({ MESSAGE: message,
  QUERY_ID: 'CTAS_A_0', SOURCE_TOPIC: 'bad', SOURCE_PARTITION: 2, SOURCE_OFFSET: offset }) });
const decoding = (text) => ({ DESERIALIZATIONERROR: { ERRORMESSAGE: text }, RECORDPROCESSINGERROR: null });
const computing = (text) => ({ DESERIALIZATIONERROR: null, RECORDPROCESSINGERROR: { ERRORMESSAGE: text } });

test('the statement finds the entries of one query only, whatever its name has', () => {
  assert.match(errorsOf('CTAS_A_1'), /'"QUERY_ID":"CTAS_A_1"'/);
  assert.match(errorsOf('it\'s "a'), /'"QUERY_ID":"it''s \\"a"'/);
});

test('entries are grouped by message, and a group has its newest records', () => {
  const rows = [entry('t9', 9, decoding('no JSON')), entry('t8', 8, computing('division by zero')),
    ...[7, 6, 5, 4, 3, 2].map((at) => entry(`t${at}`, at, decoding('no JSON')))];
  const [first, second] = groupsOf(rows);
  assert.deepEqual([first.message, first.count, first.time], ['no JSON', 7, 't9']);
  assert.deepEqual(first.places.map(nameOf), ['bad-2@9', 'bad-2@7', 'bad-2@6', 'bad-2@5', 'bad-2@4']);
  assert.deepEqual([second.message, second.count], ['division by zero', 1]);
});

test('an entry that cannot be read is counted', () => {
  assert.deepEqual(groupsOf([{ time: 't', value: 'no JSON' }, { time: 't', value: '{"MESSAGE": null}' }])
    .map(({ count, places }) => [count, places]), [[2, []]]);
});
