// TypeORM: entities by schemas, synchronize, migrations, repositories and its builder of queries.
const assert = require('node:assert');
const { DataSource, EntitySchema, In, Like, MoreThan, Table } = require('typeorm');
const { run, where } = require('./cases.js');

const Author = new EntitySchema({ name: 'Author', columns: { id: { type: Number, primary: true, generated: true }, name: { type: 'varchar', length: 40 }, born: { type: 'date', nullable: true },
  facts: { type: 'jsonb', default: {} }, version: { type: Number, version: true }, made: { type: 'timestamp', createDate: true } },
relations: { books: { type: 'one-to-many', target: 'Book', inverseSide: 'author', cascade: true } } });
const columnsOfBook = { id: { type: 'uuid', primary: true, generated: 'uuid' }, title: { type: 'varchar' }, price: { type: 'numeric', precision: 8, scale: 2, default: 1 },
  kind: { type: 'enum', enum: ['paper', 'sound'], default: 'paper' } };
const Book = (more) => new EntitySchema({ name: 'Book', columns: { ...columnsOfBook, ...more }, indices: [{ name: 'by_title', columns: ['title'] }],
  relations: { author: { type: 'many-to-one', target: 'Author', joinColumn: true, nullable: true } } });

class First1700000000001 {
  async up(runner) {
    await runner.createTable(new Table({ name: 'moved', columns: [{ name: 'id', type: 'int', isPrimary: true, isGenerated: true, generationStrategy: 'increment' }, { name: 'v', type: 'text' }] }), true);
  }
  async down(runner) { await runner.dropTable('moved'); }
}
class Second1700000000002 {
  async up(runner) {
    await runner.query('ALTER TABLE moved ADD COLUMN n int');
    await runner.renameColumn('moved', 'v', 'w');
  }
  async down(runner) { await runner.dropColumn('moved', 'n'); }
}

const source = (options) => new DataSource({ type: 'postgres', ...where, username: where.user, extra: { options: where.options }, entities: [Author, Book()], ...options });
let db;
const cases = {};

cases['the schema is synchronized'] = async () => {
  db = await source({ synchronize: true }).initialize();
  // Millrace has no indexes, so TypeORM sends their definitions again, which changes nothing.
  const left = (await db.driver.createSchemaBuilder().log()).upQueries.filter((each) => !where.options || !each.query.startsWith('CREATE INDEX'));
  assert.deepStrictEqual(left, []);
};

cases['rows are written and read'] = async () => {
  const authors = db.getRepository('Author');
  const made = await authors.save([{ name: 'Iqbal', born: '1877-11-09', facts: { lang: 'fa' }, books: [{ title: 'Asrar' }, { title: 'Bal', price: '4.50' }] }, { name: 'Faiz', books: [] }]);
  assert.deepStrictEqual(made.map((each) => each.id), [1, 2]);
  const [found] = await authors.find({ where: { name: Like('Iq%') }, relations: { books: true }, order: { books: { title: 'DESC' } } });
  assert.deepStrictEqual([found.born, found.version, found.facts, found.books.map((b) => b.title)], ['1877-11-09', 1, { lang: 'fa' }, ['Bal', 'Asrar']]);
  assert.strictEqual(await db.getRepository('Book').countBy({ title: In(['Asrar', 'x']), price: MoreThan(0) }), 1);
  const page = await authors.findAndCount({ take: 1, skip: 1, order: { id: 'ASC' }, relations: { books: true } });
  assert.deepStrictEqual([page[0][0].name, page[1]], ['Faiz', 2]);
  const sums = await authors.createQueryBuilder('a').leftJoin('a.books', 'b').select('a.name', 'name').addSelect('SUM(b.price)', 'total').groupBy('a.name').orderBy('a.name').getRawMany();
  assert.deepStrictEqual(sums, [{ name: 'Faiz', total: null }, { name: 'Iqbal', total: '5.50' }]);
};

cases['rows are changed and deleted'] = async () => {
  const authors = db.getRepository('Author');
  const iqbal = await authors.findOneByOrFail({ id: 1 });
  iqbal.name = 'Muhammad Iqbal';
  await authors.save(iqbal);
  assert.strictEqual((await authors.findOneBy({ id: 1 })).version, 2);
  assert.strictEqual((await authors.update({ id: 2 }, { born: '1911-02-13' })).affected, 1);
  await db.getRepository('Book').increment({ title: 'Bal' }, 'price', 2);
  assert.strictEqual((await db.getRepository('Book').delete({ title: 'Asrar' })).affected, 1);
};

cases.transactions = async () => {
  await assert.rejects(db.transaction(async (manager) => {
    await manager.save('Author', { name: 'lost' });
    await manager.findOne('Author', { where: { id: 1 }, lock: { mode: 'pessimistic_write' } });
    throw new Error('back');
  }), /back/);
  assert.strictEqual(await db.getRepository('Author').countBy({ name: 'lost' }), 0);
};

cases['synchronize adds a column'] = async () => {
  await db.destroy();
  db = await source({ entities: [Author, Book({ pages: { type: 'int', nullable: true } })], synchronize: true }).initialize();
  const [bal] = await db.getRepository('Book').find();
  assert.deepStrictEqual([bal.title, bal.price, bal.pages], ['Bal', '6.50', null]);
};

cases['migrations go forth and back'] = async () => {
  const moving = await source({ migrations: [First1700000000001, Second1700000000002] }).initialize();
  assert.strictEqual((await moving.runMigrations()).length, 2);
  assert.strictEqual((await moving.runMigrations()).length, 0);
  await moving.undoLastMigration();
  assert.strictEqual(await moving.showMigrations(), true);
  await moving.query("INSERT INTO moved (w) VALUES ('x')");
  assert.deepStrictEqual(await moving.query('SELECT * FROM moved WHERE w = $1', ['x']), [{ id: 1, w: 'x' }]);
  await moving.destroy();
};

cases['the database is cleared'] = () => db.dropDatabase();

run(cases, () => db?.destroy());
