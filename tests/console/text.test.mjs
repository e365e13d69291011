// Exports, links, numbers and times.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

const { csvField, csvLines, jsonLines, tsv } = await load('views/export.js');
const { decodeLink, encodeLink } = await load('core/link.js');
const { cell, clock, dateTime, parseTime, size } = await load('core/format.js');
const { hasSecret } = await load('core/history.js');
const { readPairs, requestOf } = await load('sql/options.js');

test('CSV follows RFC 4180 and keeps NULL apart from an empty text', () => {
  const rows = [['a,b', 'say "hi"', null, ''], ['two\nlines', ' blank ', 1.5, { x: [1] }]];
  assert.equal([...csvLines(['a', 'b', 'c', 'd'], rows)].join(''),
    'a,b,c,d\r\n"a,b","say ""hi""",,""\r\n"two\nlines"," blank ",1.5,"{""x"":[1]}"\r\n');
});

test('formulas are neutralized on request, numbers are not', () => {
  assert.equal(csvField('=1+1'), '=1+1');
  for (const text of ['=1+1', '+a', '-a', '@a', '\tx'])
    assert.match(csvField(text, true), /^"?'/, text);
  assert.equal(csvField('-12.50', true), '-12.50');
  assert.equal(csvField(-3, true), '-3');
});

test('JSON is an array of objects, and equal names stay apart', () => {
  const text = [...jsonLines(['a', 'a'], [[1, '9007199254740993'], [null, 'x']])].join('');
  assert.deepEqual(JSON.parse(text), [{ a: 1, a_2: '9007199254740993' }, { a: null, a_2: 'x' }]);
  assert.deepEqual(JSON.parse([...jsonLines(['a'], [])].join('')), []);
});

test('TSV has one line per row', () => {
  assert.equal(tsv([['a\tb', 'c\nd'], [1, null]], ['x', 'y']), 'x\ty\na b\tc d\n1\t');
});

test('links give the text back', async () => {
  const texts = ['', 'SELECT 1', "SELECT 'ß 🏙 \u202e' -- x\n".repeat(2000)];
  for (const text of texts) {
    const code = await encodeLink(text);
    assert.match(code, /^[\w-]*$/);
    assert.equal(await decodeLink(code), text);
  }
  assert.ok((await encodeLink(texts[2])).length < 1000, 'the text is deflated');
});

test('a damaged link is an error', async () => {
  const code = await encodeLink('SELECT * FROM orders EMIT CHANGES');
  for (const damaged of ['%', code.slice(0, 10), `A${code}`])
    await assert.rejects(decodeLink(damaged), /damaged/, damaged);
});

test('decimals and large numbers are not rounded', () => {
  assert.equal(cell('12345678901234567890.10', 'DECIMAL(22, 2)'), '12,345,678,901,234,567,890.10');
  assert.equal(cell(-1234567, 'BIGINT'), '-1,234,567');
  assert.equal(cell(1e300, 'DOUBLE'), '1e+300');
  assert.equal(cell(null, 'INT'), 'NULL');
  assert.equal(cell('1234567', 'VARCHAR'), '1234567');
  assert.equal(cell({ a: 1 }, 'STRUCT<a INT>'), '{"a":1}');
});

test('times without a zone are UTC', () => {
  const at = Date.UTC(2026, 0, 31, 14, 0, 5, 120);
  for (const text of ['2026-01-31T14:00:05.120Z', '2026-01-31T14:00:05.120',
    '2026-01-31 14:00:05.12', '2026-01-31 16:00:05.12+02', '2026-01-31T14:00:05.120+00:00'])
    assert.equal(parseTime(text), at, text);
  assert.equal(dateTime(at, true), '2026-01-31 14:00:05.120');
  assert.equal(cell('no time', 'TIMESTAMP'), 'no time');
});

test('sizes and durations', () => {
  assert.equal(size(512), '512 B');
  assert.equal(size(64 << 20), '64.0 MB');
  assert.equal(clock(3_725_000), '1:02:05');
  assert.equal(clock(42_000), '0:42');
});

test('statements with secrets are recognized', () => {
  assert.ok(hasSecret("CREATE USER ann PASSWORD 'x'"));
  assert.ok(hasSecret("... 'sasl.jaas.config' = 'x'"));
  assert.ok(!hasSecret('SELECT * FROM passwords_of'.replace('passwords_of', 'orders')));
});

test('the request of a draft', () => {
  const draft = { fromStart: false, limit: 100, settings: "a.b = 1\nbad line\nc='x = y'",
    variables: '' };
  assert.deepEqual(requestOf(draft, 'S'), { sql: 'S', settings: { 'a.b': '1', c: 'x = y' },
    variables: {}, max_rows: 100 });
  assert.equal(requestOf({ ...draft, fromStart: true }, 'S').settings['auto.offset.reset'],
    'earliest');
  assert.deepEqual(readPairs(''), {});
});
