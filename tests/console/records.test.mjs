// The parts of the pages of topics that compute: statements, searches, rates, texts of records.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

const { RecordSearch, reportOf, statementOf } = await load('live/records.js');
const { tail, TailBuffer } = await load('core/tail.js');
const { Rates, settingsOf, topicRows } = await load('live/topics.js');
const { hexDump, pretty } = await load('live/message_detail.js');
const { coverage, hrefOf, searchOf } = await load('live/messages.js');
const { draftOf, recordBody } = await load('live/produce.js');
const { newestOf, topicOfSubject } = await load('pages/schemas.js');

const search = (change = {}) => ({ topic: 'orders', partition: '', from: 'newest', offset: '',
  time: '', key: '', text: '', ...change });

const never = new AbortController().signal;

test('names and texts with quotes reach the statement unharmed', () => {
  const sql = statementOf(search({ topic: `o'); DROP TABLE x; --`, key: `it's`, text: `%'_` }));
  assert.ok(sql.includes(`RECORDS('o''); DROP TABLE x; --', direction => 'newest'`), sql);
  assert.ok(sql.endsWith(`WHERE key = 'it''s' AND strpos(value, '%''_') > 0`), sql);
});

test('a statement has the place where the search begins, or continues', () => {
  assert.ok(statementOf(search({ partition: '2', from: 'offset', offset: '17' }))
    .includes(`'orders', partition => 2, from_offset => 17, direction => 'oldest'`));
  assert.ok(statementOf(search({ from: 'time', time: '2026-01-31 09:00' }))
    .includes(`from_time => '2026-01-31 09:00', direction => 'oldest'`));
  assert.ok(statementOf(search({ partition: '2' }), '2:40')
    .includes(`'orders', from_offset => '2:40', direction => 'newest'`), 'positions name the partition');
});

test('new records come from a live statement, and none is missed or shown twice', async () => {
  const asked = [], seen = [], states = [];
  const head = { n: 1, kind: 'changes', columns: ['partition', 'offset'].map((name) => ({ name })) };
  const answers = [
    (to) => { to.head(head); to.rows([['u', 0, 7], ['u', 1, 3]]); to.rows([['u', 0, 8]]); to.lost('cut'); },
    (to) => to.lost('away'),
    (to) => { to.head(head); to.rows([['u', 0, 9]]); to.failed({ message: 'the topic is gone' }); },
  ];
  const run = async ({ sql }, to) => { asked.push(sql); answers.shift()(to); };
  await tail((positions) => statementOf(search({ from: 'live' }), positions), new Map([[0, 7], [1, 3], [2, 0]]), {
    rows: (rows) => seen.push(...rows.map((row) => `${row.partition}:${row.offset}`)),
    open: () => states.push('open'), lost: () => states.push('lost'),
    failed: ({ message }) => states.push(message) }, never, run, async () => {});
  assert.deepEqual(seen, ['0:7', '1:3', '0:8', '0:9']);
  assert.deepEqual(states, ['open', 'lost', 'lost', 'open', 'the topic is gone']);
  assert.ok(asked[0].includes("RECORDS('orders', from_offset => '0:7,1:3,2:0')"), asked[0]);
  assert.ok(asked[0].endsWith('EMIT CHANGES'));
  assert.ok(asked[1].includes("from_offset => '0:9,1:4,2:0'") && asked[2].includes("'0:9,1:4,2:0'"));
});

test('records that wait are the newest ones, and all are counted', () => {
  const buffer = new TailBuffer(3);
  buffer.add([{ offset: 0 }, { offset: 1 }]);
  buffer.add([{ offset: 2 }, { offset: 3 }, { offset: 4 }]);
  assert.deepEqual([buffer.received, buffer.waiting], [5, 3]);
  assert.deepEqual(buffer.take().map(({ offset }) => offset), [2, 3, 4]);
  assert.deepEqual([buffer.received, buffer.waiting], [5, 0]);
});

test('the notice of RECORDS has the number of records and the positions', () => {
  assert.deepEqual(reportOf({ message: 'RECORDS has read 1204 records (1.0 MB) of topic "o", and more exist',
    hint: `To continue: from_offset => '0:1741,2:9'.` }), { read: 1204, positions: '0:1741,2:9' });
  assert.deepEqual(reportOf({ message: 'RECORDS has read 1 record (9 B) of topic "o", up to the oldest one' }),
    { read: 1, positions: '' });
  assert.equal(reportOf({ message: 'topic "RECORDS has read 5" created' }), null);
});

const steps = (...all) => {
  const asked = [];
  const read = async (sql) => { asked.push(sql); return all.shift(); };
  return { read, asked };
};

test('a search without a filter reads one page, and continues where it stopped', async () => {
  const { read, asked } = steps({ rows: [{}, {}], read: 2, positions: '0:7' },
    { rows: [{}], read: 1, positions: '' });
  const run = new RecordSearch(search(), read);
  const shown = [];
  await run.go((rows) => shown.push(rows.length), never);
  assert.deepEqual([shown, run.hasMore, run.read], [[2], true, 2]);
  await run.go((rows) => shown.push(rows.length), never);
  assert.deepEqual([shown, run.hasMore, run.read], [[2, 1], false, 3]);
  assert.ok(asked[1].includes(`from_offset => '0:7'`));
});

test('a search with a filter reads on until it has found a page or has read its share', async () => {
  const none = { rows: [], read: 1000, positions: '0:7' };
  const { read, asked } = steps(none, none, { rows: Array(250).fill({}), read: 500, positions: '0:1' });
  const run = new RecordSearch(search({ text: 'x' }), read);
  await run.go(() => {}, never);
  assert.deepEqual([asked.length, run.read, run.found, run.hasMore], [3, 2500, 250, true]);
  const share = steps(...Array(20).fill(none));
  const other = new RecordSearch(search({ text: 'x' }), share.read);
  await other.go(() => {}, never);
  assert.ok(share.asked.length <= 8, 'at most 64 MB');
  assert.match(coverage(other, 1e6), /^Searched [\d,]+ records of 1,000,000, newest first; 0 found\.$/);
});

test('the address restores the search', () => {
  const asked = search({ topic: 'a&b=ü', partition: '3', from: 'time', time: '2026-01-31 09:00',
    text: 'x y' });
  const params = new URLSearchParams(hrefOf(asked).replace(/^#topics\?/, ''));
  assert.deepEqual(searchOf(params.get('t'), params), asked);
  assert.equal(searchOf('t', new URLSearchParams('p=2;DROP&from=nowhere')).partition, '');
});

test('a topic has the sums of its partitions, and its rate', () => {
  const rates = new Rates();
  const topics = [{ topic: 'o', partitions: 2, replicas: 1, used_by: 'O',
    configuration: 'cleanup.policy=compact,delete, retention.ms=5' }];
  const part = (topic, partition, first, end, bytes = 10) => ({ topic, partition,
    first_offset: first, end_offset: end, bytes });
  const first = topicRows(topics, [part('o', 0, 5, 10), part('o', 1, 0, '20'), part('__x', 0, 0, 1)],
    rates, 0);
  assert.deepEqual(first.map((row) => [row.topic, row.records, row.bytes, row.rate, row.isInternal]),
    [['o', 25, 20, null, false], ['__x', 1, 10, null, true]]);
  assert.equal(first[0].cleanup, 'compact,delete');
  assert.deepEqual(settingsOf(topics[0].configuration)[1], ['retention.ms', '5']);
  const [later] = topicRows(topics, [part('o', 0, 5, 30), part('o', 1, 0, null, null)], rates, 2000);
  assert.equal(later.isPartial, true);
});

test('a rate is that of the last seconds, and ends with a topic that is created again', () => {
  const rates = new Rates();
  assert.equal(rates.note('t', 100, 0), null);
  assert.equal(rates.note('t', 300, 2000), 100);
  assert.equal(rates.note('t', 5, 4000), null);
  for (let at = 6000; at <= 60_000; at += 2000) rates.note('t', 5, at);
  assert.equal(rates.note('t', 5, 62_000), 0);
});

test('JSON is shown in lines, and its numbers are not rounded', () => {
  assert.equal(pretty('{"n":12345678901234567890,"a":[1, 2],"e":{},"s":"a,b:{}"}'), `{
  "n": 12345678901234567890,
  "a": [
    1,
    2
  ],
  "e": {},
  "s": "a,b:{}"
}`);
  for (const text of ['plain', '{broken', '', '<b>{}</b>']) assert.equal(pretty(text), text);
});

test('bytes are shown with their characters', () => {
  const dump = hexDump(Uint8Array.from([0, 65, 255, 60]));
  assert.equal(dump, `000000  00 41 ff 3c${' '.repeat(36)}  ·A·<`);
  assert.match(hexDump(new Uint8Array(5000)), /904 further bytes$/);
});

test('the body of a record keeps texts as they are', () => {
  const draft = { partition: '', keyType: 'STRING', key: 'k', valueType: 'JSON',
    value: '{"n": 12345678901234567890}', headers: 'trace: é\n', time: '2026-01-31 09:00' };
  assert.deepEqual(recordBody(draft), { key: { type: 'STRING', data: 'k' },
    value: { type: 'STRING', data: '{"n": 12345678901234567890}' },
    headers: [{ name: 'trace', value: 'w6k=' }], timestamp: '2026-01-31T09:00:00.000Z' });
  assert.deepEqual(recordBody({ ...draft, partition: '2', keyType: 'NULL', valueType: 'NULL',
    headers: '', time: '' }), { partition_id: 2 });
  assert.throws(() => recordBody({ ...draft, value: '{' }), /The value is not JSON/);
  assert.throws(() => recordBody({ ...draft, headers: 'nothing' }), /no header/);
  assert.throws(() => recordBody({ ...draft, time: 'soon' }), /no time/);
});

test('a record that is produced again has the same bytes', () => {
  const draft = draftOf({ partition: 1, raw_key: null, raw_value: 'AAE=', value: '\\x00\\x01',
    value_format: 'BYTES', headers: [{ KEY: 'h', VALUE: 'w6k=' }] });
  assert.deepEqual(draft, { partition: '1', keyType: 'NULL', key: '', valueType: 'BINARY',
    value: 'AAE=', headers: 'h: é', time: '' });
});

test('a subject shows its newest version', () => {
  const row = (subject, version) => ({ subject, version });
  assert.deepEqual(newestOf([row('a', 1), row('b', 9), row('a', 3), row('a', 2)]),
    [{ subject: 'a', version: 3, versions: 3 }, { subject: 'b', version: 9, versions: 1 }]);
  assert.deepEqual(['o-value', 'o-key', 'other'].map(topicOfSubject), ['o', 'o', '']);
});
