import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

const { complete } = await load('editor/completion.js');

const column = (name, type, role = '') => ({ name, type, role });
const catalog = {
  relations: [
    { name: 'orders', kind: 'stream', columns: [column('id', 'INT', 'key'),
      column('city', 'VARCHAR'), column('Mixed Case', 'INT')] },
    { name: 'by_city', kind: 'table', columns: [column('city', 'VARCHAR', 'primary key'),
      column('n', 'BIGINT')] },
  ],
  functions: [{ name: 'COUNT', kind: 'aggregate', description: 'The number of rows.' }],
  find(name) { return this.relations.find((each) => each.name === name.toLowerCase()); },
};

/** Completes at the mark `|`. */
function at(marked) {
  const cursor = marked.indexOf('|');
  return complete(marked.replace('|', ''), cursor, catalog).candidates.map(({ text }) => text);
}

test('names of relations follow FROM', () => {
  assert.deepEqual(at('SELECT city FROM or|'), ['orders']);
  assert.deepEqual(at('SELECT * FROM |'), ['orders', 'by_city']);
});

test('columns of the relations of the statement come first', () => {
  assert.equal(at('SELECT ci| FROM by_city')[0], 'city');
  assert.ok(!at('SELECT i| FROM by_city').includes('id'));
  assert.ok(at('SELECT i| FROM orders').includes('id'));
  assert.ok(at('SELECT mix| FROM orders').includes('"Mixed Case"'));
});

test('only the statement at the cursor counts', () => {
  assert.ok(!at('SELECT 1 FROM orders; SELECT i| FROM by_city').includes('id'));
});

test('an alias leads to its columns', () => {
  assert.deepEqual(at('SELECT b.| FROM by_city b'), ['city', 'n']);
  assert.deepEqual(at('SELECT b.n| FROM orders JOIN by_city AS b ON 1 = 1'), ['n']);
});

test('keys are marked', () => {
  const { candidates } = complete('SELECT i FROM orders', 8, catalog);
  assert.equal(candidates.find(({ text }) => text === 'id').mark, 'key');
});

test('nothing is offered in texts and comments', () => {
  assert.deepEqual(at("SELECT 'cou|"), []);
  assert.deepEqual(at('SELECT 1 -- cou|'), []);
  assert.ok(at("SELECT 'a', cou|").includes('COUNT'));
});

test('nothing is offered in quotes and comments, and behind them again', () => {
  assert.deepEqual(at("SELECT 1; SELECT 'or| FROM orders; SELECT 2;"), []);
  assert.deepEqual(at('SELECT 1; -- or|\nSELECT 2;'), []);
  assert.ok(at("SELECT 'it''s', ci| FROM orders; SELECT 2;").includes('city'));
  assert.deepEqual(at(`${'SELECT 1; '.repeat(5000)}SELECT city FROM or|; SELECT 2;`), ['orders']);
});
