// The rows of files, and the answers to their upload.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load, random } from './site.mjs';

const files = await load('sql/file_rows.js');
const { insertsBody, readAnswer } = await load('core/inserts.js');
const { csvLines } = await load('views/export.js');

const column = (name, type = 'VARCHAR') => ({ name, type, role: '' });
const COLUMNS = [column('ID', 'INTEGER'), column('Name'), column('D', 'DECIMAL(30, 2)'), column('B', 'BOOLEAN'),
  column('A', 'ARRAY<BIGINT>')];

test('quotes, line breaks, empty fields and separators of CSV', () => {
  const fields = (text, mark = ',') => files.csvRows(text, mark).map((row) => row.fields);
  assert.deepEqual(fields('a,"b ""x"", c",\r\n"","1\n2",z'), [['a', 'b "x", c', null], ['', '1\n2', 'z']]);
  assert.deepEqual(files.csvRows('a\n\n"1\n2"\nb', ',').map(({ line }) => line), [1, 3, 5]);
  assert.deepEqual(['a;b,c;d', 'a\tb', '"x;y;z",b', 'a'].map(files.separatorOf), [';', '\t', ',', ',']);
  assert.throws(() => fields('a\n"b'), /Line 2: a quoted field has no closing quote/);
  assert.throws(() => fields('"a"b,c'), /Line 1: a text follows/);
});

test('an export can be read again', () => {
  const pick = random(52);
  const texts = ['', 'a', ' a ', '"', 'a"b', 'x,y', '1\n2', '\r\n', 'äöü', "it's", '=1'];
  for (let round = 0; round < 200; ++round) {
    const rows = Array.from({ length: 1 + pick(5) }, () => Array.from({ length: 3 }, () =>
      pick(5) ? texts[pick(texts.length)] : null)).filter((row) => row.some((each) => each !== null));
    const text = [...csvLines(['a', 'b', 'c'], rows)].join('');
    assert.deepEqual(files.csvRows(text, ',').slice(1).map(({ fields }) => fields), rows, text);
  }
});

test('CSV becomes JSON objects for the columns of the stream', () => {
  const found = files.readCsv('id,name,zip,b,a,d\n007,"say ""hi""",1,T,"[9007199254740993]",12345678901234567890.10\n' +
    ',,,,,\nx,a,1,true,[],1\n1,a\n2,a,1,yes,[],1\n3,"",1,false,{,1\n', COLUMNS, true);
  assert.deepEqual(found.rows, ['{"ID": 7, "Name": "say \\"hi\\"", "B": true, "A": [9007199254740993], ' +
    '"D": 12345678901234567890.10}', '{}']);
  assert.deepEqual(found.lines, [2, 3]);
  assert.deepEqual(found.problems, [{ line: 4, message: 'ID: expected INTEGER, got x' },
    { line: 5, message: '2 fields, expected 6' }, { line: 6, message: 'B: expected BOOLEAN, got yes' },
    { line: 7, message: 'A: expected ARRAY<BIGINT>, got {' }]);
  assert.deepEqual(found.ignored, ['zip']);
  assert.equal(found.used.get('Name'), 'name');
  assert.deepEqual(files.readCsv('1,x,2.5,true,', COLUMNS, false).rows, ['{"ID": 1, "Name": "x", "D": 2.5, "B": true}']);
  assert.throws(() => files.readCsv('id,ID\n1,2', COLUMNS, true), /Two fields of the file are named ID/);
});

test('numbers are JSON numbers, with all their digits', () => {
  const json = (text, type) => files.jsonOf(text, column('N', type));
  assert.deepEqual(['+5', ' -007 ', '0', '-0', '9223372036854775807'].map((text) => json(text, 'BIGINT')),
    ['5', '-7', '0', '-0', '9223372036854775807']);
  assert.deepEqual(['.5', '-.5', '5.', '+1.e5', '00.10', '1E-3'].map((text) => json(text, 'DOUBLE')),
    ['0.5', '-0.5', '5', '1e5', '0.10', '1E-3']);
  assert.throws(() => json('', 'INTEGER'), /expected INTEGER/);
});

test('JSON lines are sent unchanged, and wrong lines are named', () => {
  const found = files.readJson('{"id": 9007199254740993, "zip": 1}\r\n\n[1]\n{"name": 1, "Name": "x"}\n{"id": 1', COLUMNS);
  assert.deepEqual(found.rows, ['{"id": 9007199254740993, "zip": 1}', '{"name": 1, "Name": "x"}']);
  assert.deepEqual(found.lines, [1, 4]);
  assert.deepEqual(found.problems.map(({ line }) => line), [3, 5]);
  assert.deepEqual([...found.used], [['ID', 'id'], ['Name', 'Name']]);
  assert.deepEqual(found.ignored, ['zip', 'name'], 'the server does not find the column Name under the name `name`');
  assert.throws(() => files.readJson(' [{"id": 1}]', COLUMNS), /one JSON array/);
  assert.deepEqual(['{"a":1}', '\n[', 'a,b'].map(files.kindOf), ['json', 'json', 'csv']);
});

test('batches have limits, and contain each row once', () => {
  const rows = Array.from({ length: 25 }, (_, at) => String(at).repeat(1 + at % 3));
  const found = [...files.batches(rows, { rows: 4, bytes: 9 })];
  assert.deepEqual(found.flatMap(([, batch]) => batch), rows);
  assert.ok(found.every(([begin, batch]) => batch[0] === rows[begin] && batch.length <= 4));
  assert.deepEqual([...files.batches(['a'.repeat(20), 'b'], { rows: 4, bytes: 9 })].map(([at]) => at), [0, 1]);
  assert.deepEqual([...files.batches([])], []);
});

test('an answer has rejected rows, and may end with an error', () => {
  assert.equal(insertsBody('it"s', ['{}']), '{"target":"`it\\"s`"}\n{}\n');
  const answer = readAnswer('{"status":"ok","seq":0}\n{"status":"error","seq":1,"error_code":40001,"message":"no"}\n' +
    '{"@type":"statement_error","error_code":50300,"message":"the disk is full"}\n');
  assert.deepEqual(answer, { acknowledged: 2, rejected: [{ row: 1, message: 'no' }], failure: 'the disk is full' });
});
