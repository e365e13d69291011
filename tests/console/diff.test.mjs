// The difference of two texts, and the replacement of a query.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load, random } from './site.mjs';

const { diffLines } = await load('views/diff.js');
const { planText, readersOf, replacementOf } = await load('live/replace_query.js');

const { problemsOf } = await load('live/schema_check.js');

const side = (lines, left) => lines.filter(({ kind }) => kind !== (left ? 'added' : 'removed'))
  .map(({ text }) => text).join('\n');

test('a difference has all lines of both texts, and as few changes as possible', () => {
  const next = random(11);
  for (let round = 0; round < 300; ++round) {
    const text = () => Array.from({ length: next(12) }, () => 'abcd'[next(4)]).join('\n');
    const before = text(), after = text();
    const lines = diffLines(before, after);
    assert.equal(side(lines, true), before);
    assert.equal(side(lines, false), after);
  }
  const lines = diffLines('a\nb\nc\nd', 'a\nx\nc\nd\ne');
  assert.deepEqual(lines.map(({ kind, text }) => `${kind} ${text}`),
    ['same a', 'removed b', 'added x', 'same c', 'same d', 'added e']);
  assert.ok(diffLines('same', 'same').every(({ kind }) => kind === 'same'));
});

test('texts that are too large differ as a whole, and stay complete', () => {
  const before = Array.from({ length: 3000 }, (_, at) => `a${at}`).join('\n');
  const after = Array.from({ length: 3000 }, (_, at) => `b${at}`).join('\n');
  const lines = diffLines(before, after);
  assert.equal(lines.length, 6000);
  assert.equal(side(lines, false), after);
});

test('the statement of a query becomes one that replaces it', () => {
  assert.equal(replacementOf('create table t as SELECT 1'), 'CREATE OR REPLACE table t as SELECT 1');
  assert.equal(replacementOf('CREATE OR REPLACE STREAM s AS SELECT 1'), 'CREATE OR REPLACE STREAM s AS SELECT 1');
  assert.equal(replacementOf('INSERT INTO s SELECT * FROM t'), '');
  assert.equal(replacementOf('CREATE TABLE t (id INT PRIMARY KEY)'), '');
  assert.equal(replacementOf(null), '');
});

test('plans are compared without state and statement, and the readers are those of the output', () => {
  assert.equal(planText(['Query Q, RUNNING', 'Statement: CREATE …', 'Stage 1', '  -> Read']), 'Stage 1\n  -> Read');
  const link = (from_kind, from_name, to_kind, to_name) => ({ from_kind, from_name, to_kind, to_name });
  assert.deepEqual(readersOf([link('query', 'Q', 'table', 'T'), link('table', 'T', 'topic', 't'), link('table', 'T', 'query', 'R'),
    link('stream', 'S', 'query', 'Q')], 'Q'), ['query R']);
});

test('the problems of a schema are sentences', () => {
  assert.deepEqual(problemsOf(["{errorType:'TYPE_MISMATCH', description:'at path /fields/0/type', additionalInfo:'reader type: string not compatible with writer type: int'}",
    '{oldSchemaVersion: 1}', "{oldSchema: '{}'}", "{compatibility: 'BACKWARD'}", 'Invalid schema of type AVRO']),
  ['type mismatch: at path /fields/0/type: reader type: string not compatible with writer type: int', 'Invalid schema of type AVRO']);
});
