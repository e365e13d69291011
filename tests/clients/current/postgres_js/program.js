// postgres.js with its default settings: it first asks for the server's array types, prepares every statement, and
// pipelines.
const assert = require('node:assert');
const postgres = require('postgres');

const [host, port] = process.env.MILLRACE_PG.split(':');
const where = { host, port: Number(port), user: process.env.PGUSER, database: 'postgres', onnotice: () => {} };
const sql = postgres({ ...where, max: 4 });
const cases = {};

async function fails(promise, code) {
  try {
    await promise;
  } catch (error) {
    assert.strictEqual(error.code, code, error.message);
    return;
  }
  throw new Error(`it passes, where ${code} is meant`);
}

cases['values come back'] = async () => {
  await sql`CREATE TABLE pj_values (id INT PRIMARY KEY, l BIGINT, d DOUBLE PRECISION, n NUMERIC(10, 2), b BOOLEAN, s TEXT, x BYTEA, day DATE,
    at TIMESTAMP, zoned TIMESTAMPTZ, u UUID, j JSON, jb JSONB, i INT[], t TEXT[])`;
  const at = new Date('2024-02-29T12:30:15.678Z');
  const bytes = Buffer.from([...Array(256).keys()]);
  const row = { id: 1, l: '9007199254740993', d: 0.1, n: '12.50', b: true, s: "it's", x: bytes, day: at, at, zoned: at,
    u: '00112233-4455-6677-8899-aabbccddeeff', j: { a: [1] }, jb: { b: null }, i: [1, 2, 3], t: ['a,b', '', '"q\\"'] };
  await sql`INSERT INTO pj_values ${sql(row)}`;
  const [found] = await sql`SELECT * FROM pj_values WHERE id = ANY(${[1, 2]}) AND x = ${bytes}`;
  assert.strictEqual(found.zoned.getTime(), at.getTime());
  assert.deepStrictEqual([found.l, found.d, found.n, found.b, found.s, found.u, found.j, found.jb, found.i, found.t],
    [row.l, row.d, row.n, row.b, row.s, row.u, row.j, row.jb, row.i, row.t]);
  assert.deepStrictEqual(Buffer.from(found.x), bytes);
};

cases['helpers write lists'] = async () => {
  await sql`CREATE TABLE pj_people (id INT PRIMARY KEY, name TEXT, age INT)`;
  const people = [{ id: 1, name: 'ann', age: 30 }, { id: 2, name: 'bob', age: null }, { id: 3, name: 'cid', age: 50 }];
  const made = await sql`INSERT INTO pj_people ${sql(people, 'id', 'name', 'age')} RETURNING *`;
  assert.deepStrictEqual([...made], people);
  assert.deepStrictEqual([...await sql`SELECT ${sql(['id', 'name'])} FROM ${sql('pj_people')} WHERE id IN ${sql([1, 3])} ORDER BY id`],
    [{ id: 1, name: 'ann' }, { id: 3, name: 'cid' }]);
  const changed = await sql`UPDATE pj_people SET ${sql({ name: 'bea', age: 41 })} WHERE id = ${2}`;
  assert.strictEqual(changed.count, 1);
  const wanted = true;
  const rows = await sql`SELECT name FROM pj_people WHERE age > ${40} ${wanted ? sql`AND name LIKE ${'b%'}` : sql``}`;
  assert.deepStrictEqual([...rows], [{ name: 'bea' }]);
  const names = await sql`SELECT id, name FROM pj_people WHERE name = ANY(${['ann', 'cid']}) ORDER BY id DESC LIMIT ${1} OFFSET ${1}`.values();
  assert.deepStrictEqual([...names], [[1, 'ann']]);
};

cases['a transaction holds or not'] = async () => {
  await sql`CREATE TABLE pj_moves (id INT PRIMARY KEY)`;
  await sql.begin(async (t) => {
    await t`INSERT INTO pj_moves VALUES (1)`;
    await t.savepoint(async (s) => {
      await s`INSERT INTO pj_moves VALUES (2)`;
      await s`SELECT 1 / 0`;
    }).catch((error) => assert.strictEqual(error.code, '22012'));
    await Promise.all([t`INSERT INTO pj_moves VALUES (3)`, t`SELECT 1`]);
  });
  await sql.begin('read write', async (t) => {
    await t`DELETE FROM pj_moves`;
    throw new Error('no');
  }).catch((error) => assert.strictEqual(error.message, 'no'));
  assert.deepStrictEqual((await sql`SELECT id FROM pj_moves ORDER BY id`).map((row) => row.id), [1, 3]);
};

cases['cursors read in parts'] = async () => {
  const seen = [];
  await sql`SELECT g AS id FROM generate_series(1, ${250}::int) AS g`.cursor(60, (rows) => { seen.push(rows.length); });
  assert.deepStrictEqual(seen, [60, 60, 60, 60, 10]);
  let sum = 0;
  for await (const [row] of sql`SELECT g AS id FROM generate_series(1, 20) AS g`.cursor()) sum += row.id;
  assert.strictEqual(sum, 210);
  await sql`SELECT g AS id FROM generate_series(1, 100000) AS g`.cursor(10, () => sql.CLOSE);
  let count = 0;
  await sql`SELECT g AS id FROM generate_series(1, 500) AS g`.forEach(() => ++count);
  assert.strictEqual(count, 500);
};

cases['COPY flows both ways'] = async () => {
  await sql`CREATE TABLE pj_copied (id INT, s TEXT)`;
  const into = await sql`COPY pj_copied (id, s) FROM STDIN`.writable();
  for (let i = 0; i < 1000; ++i) into.write(`${i}\ts${i}\n`);
  await new Promise((resolve, reject) => into.on('error', reject).on('finish', resolve).end());
  const [{ n }] = await sql`SELECT count(*)::int AS n FROM pj_copied`;
  assert.strictEqual(n, 1000);
  let text = '';
  for await (const part of await sql`COPY (SELECT id, s FROM pj_copied WHERE id < 3 ORDER BY id) TO STDOUT`.readable()) text += part;
  assert.strictEqual(text, '0\ts0\n1\ts1\n2\ts2\n');
};

cases['statements are described'] = async () => {
  const found = await sql`SELECT id, name FROM pj_people WHERE id = ${1} AND name <> ${'x'}`.describe();
  assert.deepStrictEqual([found.types, found.columns.map((column) => [column.name, column.type])], [[23, 25], [['id', 23], ['name', 25]]]);
};

cases['simple statements follow each other'] = async () => {
  const results = await sql`SELECT 1 AS a; SELECT 2 AS b`.simple();
  assert.deepStrictEqual(results.map((rows) => [...rows]), [[{ a: 1 }], [{ b: 2 }]]);
  assert.deepStrictEqual([...await sql.unsafe('SELECT $1::text AS s', ['x'])], [{ s: 'x' }]);
};

cases['many at a time are pipelined'] = async () => {
  const answers = await Promise.all([...Array(300).keys()].map((i) => sql`SELECT ${i}::int AS i`));
  assert.deepStrictEqual(answers.map(([row]) => row.i), [...Array(300).keys()]);
};

cases['notifications arrive'] = async () => {
  let tell;
  const heard = new Promise((resolve) => { tell = resolve; });
  const { unlisten } = await sql.listen('pj_news', tell);
  await sql.notify('pj_news', 'hello');
  assert.strictEqual(await heard, 'hello');
  await unlisten();
};

cases['a statement is cancelled'] = async () => {
  const query = sql`SELECT pg_sleep(30)`;
  setTimeout(() => query.cancel(), 400);
  await fails(query, '57014');
};

cases['errors have codes'] = async () => {
  await fails(sql`SELECT * FROM not_there`, '42P01');
  await fails(sql`SELECT ${'x'}::int`, '22P02');
  await fails(sql`SELEC 1`, '42601');
  assert.deepStrictEqual([...await sql`SELECT 1 AS one`], [{ one: 1 }]);
};

cases['types of its own are sent'] = async () => {
  const own = postgres({ ...where, max: 1, types: { bigint: postgres.BigInt }, transform: postgres.camel, connection: { application_name: 'own' } });
  const [row] = await own`SELECT 9007199254740993::bigint AS a_number, ${sql.array([1, 2])}::int[] AS some_array, ${sql.json({ a: 1 })}::jsonb AS j`;
  assert.deepStrictEqual(row, { aNumber: 9007199254740993n, someArray: [1, 2], j: { a: 1 } });
  assert.deepStrictEqual((await own`SHOW application_name`)[0].applicationName, 'own');
  await own.end();
};

async function main() {
  let passed = 0;
  let failed = 0;
  for (const [name, body] of Object.entries(cases)) {
    try {
      await body();
      ++passed;
    } catch (error) {
      ++failed;
      console.log(`FAILED ${name}: ${error.stack}`);
    }
  }
  await sql.end({ timeout: 5 });
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  process.exit(failed === 0 ? 0 : 1);
}
main();
