// The lines of the audit that the page shows.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

globalThis.location = { hash: '' };
const { hasFailed, isWanted } = await load('pages/audit.js');

test('a line has failed unless its outcome is ok or accepted', () => {
  for (const outcome of ['ok', 'accepted']) assert.equal(hasFailed({ outcome }), false);
  for (const outcome of ['42P01', 'refused', 'wrong user or password'])
    assert.equal(hasFailed({ outcome }), true);
});

test('the filter finds a text in each column, in either case', () => {
  const row = { event: 'statement', user_name: 'Ann', address: '10.0.0.7', session: '0a1b2c3d',
    outcome: '42P01', text: 'DROP TABLE t', time: '2026-12-01' };
  for (const wanted of ['', 'ann', 'drop table', '10.0', '0a1b', '42p01', 'statement'])
    assert.ok(isWanted(row, wanted), wanted);
  for (const wanted of ['2026', 'bob']) assert.ok(!isWanted(row, wanted), wanted);
  assert.ok(!isWanted({ ...row, user_name: null, text: null }, 'null'));
});
