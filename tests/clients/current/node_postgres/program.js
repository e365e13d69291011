// node-postgres with its pool, cursors and streams.
const assert = require('node:assert');
const { Client, Pool, types } = require('pg');
const Cursor = require('pg-cursor');
const QueryStream = require('pg-query-stream');

const [host, port] = process.env.MILLRACE_PG.split(':');
const where = { host, port: Number(port), user: process.env.PGUSER, database: 'postgres' };
const cases = {};

async function withClient(body, options) {
  const client = new Client({ ...where, ...options });
  await client.connect();
  try {
    await body(client);
  } finally {
    await client.end();
  }
}

async function fails(promise, code) {
  try {
    await promise;
  } catch (error) {
    assert.strictEqual(error.code, code, error.message);
    return error;
  }
  throw new Error(`it passes, where ${code} is meant`);
}

cases['values come back'] = () => withClient(async (c) => {
  await c.query('CREATE TABLE n_values (id INT PRIMARY KEY, l BIGINT, d DOUBLE PRECISION, n NUMERIC(10, 2), b BOOLEAN, s TEXT, x BYTEA, day DATE, '
    + 'at TIMESTAMP, zoned TIMESTAMPTZ, u UUID, j JSON, jb JSONB, i INT[], t TEXT[])');
  const at = new Date('2024-02-29T12:30:15.678Z');
  const bytes = Buffer.from([...Array(256).keys()]);
  const texts = ['a,b', '', null, '"q\\"'];
  await c.query('INSERT INTO n_values VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)', [1, '9007199254740993', 0.1, '12.50', true,
    "it's", bytes, '2024-02-29', at, at, '00112233-4455-6677-8899-aabbccddeeff', { a: [1] }, { b: null }, [1, null, 3], texts]);
  const { rows: [row], fields } = await c.query('SELECT * FROM n_values WHERE id = ANY($1) AND x = $2', [[1, 2], bytes]);
  assert.deepStrictEqual([row.l, row.d, row.n, row.b, row.s], ['9007199254740993', 0.1, '12.50', true, "it's"]);
  assert.deepStrictEqual(row.x, bytes);
  assert.strictEqual(row.at.getTime(), at.getTime());
  assert.strictEqual(row.zoned.getTime(), at.getTime());
  assert.deepStrictEqual([row.u, row.j, row.jb, row.i, row.t], ['00112233-4455-6677-8899-aabbccddeeff', { a: [1] }, { b: null }, [1, null, 3], texts]);
  assert.strictEqual(fields[1].dataTypeID, types.builtins.INT8);
  const arrays = await c.query({ text: 'SELECT id, s, d FROM n_values WHERE id = $1', values: [1], rowMode: 'array' });
  assert.deepStrictEqual(arrays.rows, [[1, "it's", 0.1]]);
});

cases['prepared statements have names'] = () => withClient(async (c) => {
  for (let i = 0; i < 10; ++i) {
    const { rows } = await c.query({ name: 'twice', text: 'SELECT $1::int * 2 AS n, $2::text AS s', values: [i, `s${i}`] });
    assert.deepStrictEqual(rows, [{ n: 2 * i, s: `s${i}` }]);
  }
  const { rows } = await c.query("SELECT name FROM pg_prepared_statements WHERE name = 'twice'");
  assert.strictEqual(rows.length, 1);
});

cases['statements follow each other'] = () => withClient(async (c) => {
  const results = await c.query("SELECT 1 AS a; SELECT 'x' AS b, 2 AS c");
  assert.deepStrictEqual(results.map((each) => each.rows), [[{ a: 1 }], [{ b: 'x', c: 2 }]]);
});

cases['a pool serves many'] = async () => {
  const pool = new Pool({ ...where, max: 5, application_name: 'pooled', statement_timeout: 20000, query_timeout: 20000 });
  await pool.query('CREATE TABLE n_pool (id INT PRIMARY KEY, s TEXT)');
  await Promise.all([...Array(60).keys()].map((i) => pool.query('INSERT INTO n_pool VALUES ($1, $2)', [i, `s${i}`])));
  const { rows: [{ count }] } = await pool.query('SELECT count(*) FROM n_pool');
  assert.strictEqual(count, '60');
  const client = await pool.connect();
  await client.query('BEGIN');
  const changed = await client.query("UPDATE n_pool SET s = 'x' WHERE id < 10 RETURNING id");
  assert.strictEqual(changed.rowCount, 10);
  await client.query('SAVEPOINT one');
  await fails(client.query('SELECT 1 / 0'), '22012');
  await client.query('ROLLBACK TO one');
  await client.query('COMMIT');
  client.release();
  const { rows } = await pool.query("SELECT min(id) AS least, max(id) AS most FROM n_pool WHERE s = 'x'");
  assert.deepStrictEqual(rows, [{ least: 0, most: 9 }]);
  assert.deepStrictEqual((await pool.query('SHOW application_name')).rows, [{ application_name: 'pooled' }]);
  await pool.end();
};

cases['a cursor reads in parts'] = () => withClient(async (c) => {
  const cursor = c.query(new Cursor('SELECT g AS id FROM generate_series(1, $1::int) AS g', [250]));
  const seen = [];
  for (let rows; (rows = await cursor.read(60)).length > 0;) seen.push(rows.length);
  assert.deepStrictEqual(seen, [60, 60, 60, 60, 10]);
  await cursor.close();
  const early = c.query(new Cursor('SELECT g AS id FROM generate_series(1, 100000) AS g'));
  assert.strictEqual((await early.read(3)).length, 3);
  await early.close();
  assert.deepStrictEqual((await c.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
});

cases['a stream of rows flows'] = () => withClient(async (c) => {
  let sum = 0;
  for await (const row of c.query(new QueryStream('SELECT g AS id FROM generate_series(1, $1::int) AS g', [1000], { batchSize: 33 }))) sum += row.id;
  assert.strictEqual(sum, 500500);
  let count = 0;
  for await (const _ of c.query(new QueryStream('SELECT g FROM generate_series(1, 100000) AS g'))) if (++count === 10) break;
  assert.deepStrictEqual((await c.query('SELECT 2 AS two')).rows, [{ two: 2 }]);
});

cases['errors tell what and where'] = () => withClient(async (c) => {
  const missing = await fails(c.query('SELECT * FROM not_there'), '42P01');
  assert.ok(missing.message.includes('not_there') && missing.severity === 'ERROR');
  assert.strictEqual((await fails(c.query('SELECT 1 FRM x y'), '42601')).position !== undefined, true);
  await fails(c.query('SELECT $1::int', ['x']), '22P02');
  await fails(c.query('SELECT 1 + $1', ['x']), '22P02');
  await fails(c.query('SELECT nothing'), '42703');
});

cases['notifications arrive'] = () => withClient(async (c) => {
  const heard = new Promise((resolve) => c.on('notification', resolve));
  await c.query('LISTEN n_news');
  await withClient((other) => other.query("NOTIFY n_news, 'hello'"));
  const { channel, payload } = await heard;
  assert.deepStrictEqual([channel, payload], ['n_news', 'hello']);
});

cases['a statement is cancelled'] = () => withClient(async (c) => {
  const { rows: [{ pid }] } = await c.query('SELECT pg_backend_pid() AS pid');
  assert.strictEqual(pid, c.processID);
  const sleeping = fails(c.query('SELECT pg_sleep(30)'), '57014');
  setTimeout(() => withCancel(c), 300);
  await sleeping;
});

function withCancel(c) {
  const { Connection } = require('pg');
  const connection = new Connection();
  connection.on('connect', () => connection.cancel(c.processID, c.secretKey));
  connection.on('error', () => {});
  connection.connect(where.port, where.host);
}

cases['a statement times out'] = () => withClient((c) => fails(c.query('SELECT pg_sleep(30)'), '57014'), { statement_timeout: 300 });

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
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  process.exit(failed === 0 ? 0 : 1);
}
main();
