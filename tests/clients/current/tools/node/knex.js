// Knex: migrations of its command line, seeds, and its builder of queries.
const assert = require('node:assert');
const knex = require('knex')({ client: 'pg', connection: require('./cases.js').where, pool: { min: 0, max: 4 } });
const { run } = require('./cases.js');

const migrations = {
  '1_people': { up: (k) => k.schema.createTable('people', (t) => {
    t.increments('id');
    t.string('name', 40).notNullable().index();
    t.json('facts');
    t.decimal('money', 8, 2).defaultTo(1);
    t.timestamps(true, true);
  }), down: (k) => k.schema.dropTable('people') },
  '2_city': { up: (k) => k.schema.alterTable('people', (t) => {
    t.text('city');
    t.renameColumn('money', 'amount');
  }), down: (k) => k.schema.alterTable('people', (t) => {
    t.dropColumn('city');
    t.renameColumn('amount', 'money');
  }) },
  '3_orders': { up: (k) => k.schema.createTable('orders', (t) => {
    t.integer('person_id').notNullable();
    t.integer('number').notNullable();
    t.primary(['person_id', 'number']);
    t.boolean('paid').defaultTo(false);
  }), down: (k) => k.schema.dropTable('orders') },
};
const source = { getMigrations: async () => Object.keys(migrations), getMigrationName: (name) => name, getMigration: async (name) => migrations[name] };
const config = { migrationSource: source };
const cases = {};

cases['migrations go forth and back'] = async () => {
  const [, names] = await knex.migrate.latest(config);
  assert.strictEqual(names.length, 3);
  assert.deepStrictEqual((await knex.migrate.latest(config))[1], []);
  await knex.migrate.down(config);
  await knex.migrate.down(config);
  assert.strictEqual(await knex.schema.hasColumn('people', 'money'), true);
  assert.strictEqual((await knex.migrate.list(config))[1].length, 2);
  await knex.migrate.latest(config);
  assert.strictEqual(await knex.schema.hasTable('orders'), true);
};

cases['four processes migrate at once'] = async () => {
  await knex.migrate.rollback(config, true);
  const done = await Promise.allSettled([1, 2, 3, 4].map(() => knex.migrate.latest(config)));
  assert.ok(done.some((each) => each.status === 'fulfilled'), JSON.stringify(done.map((each) => String(each.reason))));
  assert.strictEqual((await knex.migrate.list(config))[0].length, 3);
};

cases['rows are written and read'] = async () => {
  const made = await knex('people').insert([{ name: 'ann', facts: { a: [1] }, city: 'Lahore' }, { name: 'bob' }, { name: 'eve' }]).returning(['id', 'amount']);
  assert.deepStrictEqual(made, [1, 2, 3].map((id) => ({ id, amount: '1.00' })));
  await knex.batchInsert('orders', [...Array(50).keys()].map((number) => ({ person_id: number % 2 + 1, number })), 20);
  const rows = await knex('people').leftJoin('orders', 'orders.person_id', 'people.id').groupBy('people.name').select('name').count('orders.number as n').orderBy('name');
  assert.deepStrictEqual(rows, [{ name: 'ann', n: '25' }, { name: 'bob', n: '25' }, { name: 'eve', n: '0' }]);
  assert.deepStrictEqual(await knex('people').whereIn('id', knex('orders').distinct('person_id')).pluck('name'), ['ann', 'bob']);
  assert.strictEqual((await knex('people').where('facts', '@>', { a: [1] }).orWhereNull('city').whereNot({ name: 'eve' }).first().catch(() => null)) !== undefined, true);
  const ranked = await knex.with('counted', knex('orders').select('person_id').count('* as n').groupBy('person_id')).select('person_id').rank('place', 'n').from('counted').orderBy('person_id');
  assert.deepStrictEqual(ranked.map((each) => each.place), ['1', '1']);
};

cases['rows are changed and deleted'] = async () => {
  assert.strictEqual(await knex('people').where('id', 1).update({ name: 'Ann', updated_at: knex.fn.now() }), 1);
  assert.strictEqual(await knex('people').where('id', 1).increment('amount', 5), 1);
  await knex('people').insert({ id: 1, name: 'Anna' }).onConflict('id').merge(['name']);
  assert.deepStrictEqual(await knex('people').where('id', 1).first('name', 'amount', 'city'), { name: 'Anna', amount: '6.00', city: 'Lahore' });
  assert.strictEqual(await knex('orders').where('number', '<', 10).del(), 10);
};

cases.transactions = async () => {
  await assert.rejects(knex.transaction(async (trx) => {
    await trx('people').insert({ name: 'lost' });
    await trx('people').where('id', 1).forUpdate().skipLocked();
    throw new Error('back');
  }), /back/);
  assert.strictEqual((await knex('people').where('name', 'lost')).length, 0);
};

cases['rows are streamed'] = async () => {
  let count = 0;
  require('pg-query-stream');
  for await (const _ of knex('orders').stream()) ++count;
  assert.strictEqual(count, 40);
};

cases['columns are described'] = async () => {
  const info = await knex('people').columnInfo();
  assert.deepStrictEqual(info.name, { type: 'character varying', maxLength: 40, nullable: false, defaultValue: null });
};

cases['a view'] = async () => {
  await knex.schema.createView('rich', (view) => view.as(knex('people').where('amount', '>', 2).select('id', 'name')));
  assert.deepStrictEqual(await knex('rich'), [{ id: 1, name: 'Anna' }]);
  await knex.schema.dropView('rich');
};

run(cases, () => knex.destroy());
