// The check of a new number of partitions.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

const { problemOf } = await load('live/add_partitions.js');

test('a number must be above the present one', () => {
  assert.equal(problemOf('4', 3), '');
  assert.equal(problemOf(' 40 ', 3), '');
  for (const text of ['3', '2', '0']) assert.match(problemOf(text, 3), /only be added/);
  for (const text of ['', '-4', '4.5', 'four', '4e1']) assert.match(problemOf(text, 3), /Write/);
});
