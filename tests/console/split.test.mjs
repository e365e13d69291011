import assert from 'node:assert/strict';
import test from 'node:test';
import { load, random } from './site.mjs';

const { isDefinition, isPush, positionOf, splitStatements, statementAt, withoutComments } =
  await load('editor/split.js');
const texts = (script) => splitStatements(script).map(({ text }) => text);

test('semicolons end statements', () => {
  assert.deepEqual(texts('SELECT 1; SELECT 2;\n\nSELECT 3'), ['SELECT 1;', 'SELECT 2;', 'SELECT 3']);
  assert.deepEqual(texts(' ;; ; '), []);
});

test('semicolons in quotes, dollar quotes and comments end nothing', () => {
  assert.deepEqual(texts(`SELECT ';', "a;b", 'it''s;' FROM t; SELECT 2`),
    [`SELECT ';', "a;b", 'it''s;' FROM t;`, 'SELECT 2']);
  assert.deepEqual(texts('SELECT $$;$$, $tag$ ; $$ ; $tag$; SELECT 2'),
    ['SELECT $$;$$, $tag$ ; $$ ; $tag$;', 'SELECT 2']);
  assert.deepEqual(texts('SELECT 1 -- ; no\n; /* ; /* ; */ ; */ SELECT 2;'),
    ['SELECT 1 -- ; no\n;', '/* ; /* ; */ ; */ SELECT 2;']);
});

test('open quotes and comments reach to the end', () => {
  assert.deepEqual(texts("SELECT 'open; SELECT 2"), ["SELECT 'open; SELECT 2"]);
  assert.deepEqual(texts('SELECT 1; /* open; SELECT 2'), ['SELECT 1;']);
});

test('comments alone are no statement', () => {
  assert.deepEqual(texts('-- nothing\n'), []);
  assert.deepEqual(texts('SELECT 1; -- the end'), ['SELECT 1;']);
});

test('positions are those of the script', () => {
  const script = '  SELECT 1;\n\n  SELECT 22 ;';
  for (const { start, end, text } of splitStatements(script))
    assert.equal(script.slice(start, end), text);
});

test('the statement at the cursor', () => {
  const script = '-- first\nSELECT 1;\nSELECT 2;\n\n';
  const at = (position) => statementAt(script, position)?.text;
  assert.equal(at(0), '-- first\nSELECT 1;');
  assert.equal(at(script.indexOf('1;') + 2), '-- first\nSELECT 1;');
  assert.equal(at(script.indexOf('SELECT 2')), 'SELECT 2;');
  assert.equal(at(script.length), 'SELECT 2;');
  assert.equal(statementAt('', 0), undefined);
});

test('push queries and definitions are recognized', () => {
  assert.ok(isPush('SELECT * FROM t EMIT CHANGES;'));
  assert.ok(isPush('-- note\nWITH x AS (SELECT 1) SELECT * FROM x emit  changes'));
  assert.ok(!isPush('CREATE TABLE t AS SELECT * FROM s EMIT CHANGES;'));
  assert.ok(isDefinition('/* a */ create table t (id INT)'));
  assert.ok(!isDefinition('SELECT * FROM created'));
});

test('comments and blanks are removed, quotes stay', () => {
  assert.equal(withoutComments("SELECT  '--  x' -- y\n/* z */ FROM t"), "SELECT '--  x' FROM t");
});

test('a line and a column are a position of the text', () => {
  const text = 'SELECT 1;\n\nSELECT one';
  assert.equal(positionOf(text, 1, 1), 0);
  assert.equal(positionOf(text, 1, 8), text.indexOf('1'));
  assert.equal(positionOf(text, 3, 8), text.indexOf('one'));
});

test('a script between others of the same length has its own pieces', () => {
  assert.deepEqual(texts('SELECT 1; SELECT 2'), ['SELECT 1;', 'SELECT 2']);
  assert.deepEqual(texts("SELECT '; SELECT 2"), ["SELECT '; SELECT 2"]);
  assert.deepEqual(texts('SELECT 1; SELECT 2'), ['SELECT 1;', 'SELECT 2']);
});

test('random pieces that are joined are split again', () => {
  const below = random(11);
  const parts = ['a', ' ', '\n', '-', '/', '*', '1', "'; -- '", '"a;b"', '$$;$$', '$1', '--;\n', '/*;*/'];
  for (let round = 0; round < 500; ++round) {
    const wanted = Array.from({ length: 1 + below(4) }, () => 'x ' + Array.from({ length: below(9) },
      () => parts[below(parts.length)]).join(' ') + ';');
    assert.deepEqual(texts(wanted.join('\n')), wanted);
  }
});
