// Sequelize with umzug, as sequelize-cli runs migrations: models, sync, associations, transactions.
const assert = require('node:assert');
const { DataTypes, Op, Sequelize } = require('sequelize');
const { SequelizeStorage, Umzug } = require('umzug');
const { run, where } = require('./cases.js');

const sequelize = new Sequelize({ ...where, username: where.user, dialect: 'postgres', logging: false, dialectOptions: { options: where.options } });
const User = sequelize.define('User', { name: { type: DataTypes.STRING(40), allowNull: false }, facts: DataTypes.JSONB });
const Post = sequelize.define('Post', { title: DataTypes.STRING, score: { type: DataTypes.DECIMAL(8, 2), defaultValue: 1 } });
User.hasMany(Post);
Post.belongsTo(User);
const Tag = sequelize.define('Tag', { id: { type: DataTypes.UUID, primaryKey: true, defaultValue: DataTypes.UUIDV4 }, words: DataTypes.ARRAY(DataTypes.STRING) });
const cases = {};

cases.authenticate = () => sequelize.authenticate();

cases.sync = async () => {
  await sequelize.sync();
  await sequelize.sync();
};

cases['rows are written and read'] = async () => {
  const ann = await User.create({ name: 'ann', facts: { city: 'Lahore' } });
  assert.strictEqual(ann.id, 1);
  await User.bulkCreate([{ name: 'bob' }, { name: 'eve' }]);
  await Post.bulkCreate([{ title: 'one', UserId: 1 }, { title: 'two', UserId: 1, score: 2.5 }, { title: 'three', UserId: 2 }]);
  const found = await User.findAll({ include: Post, order: [['name', 'ASC'], [Post, 'title', 'DESC']] });
  assert.deepStrictEqual(found.map((u) => [u.name, u.Posts.map((p) => p.title)]), [['ann', ['two', 'one']], ['bob', ['three']], ['eve', []]]);
  assert.strictEqual((await User.findOne({ where: { facts: { city: 'Lahore' } } })).name, 'ann');
  assert.strictEqual(await Post.count({ where: { title: { [Op.iLike]: 'T%' }, score: { [Op.gte]: 1 } } }), 2);
  const sums = await Post.findAll({ attributes: ['UserId', [sequelize.fn('SUM', sequelize.col('score')), 'total']], group: ['UserId'], order: ['UserId'], raw: true });
  assert.deepStrictEqual(sums, [{ UserId: 1, total: '3.50' }, { UserId: 2, total: '1.00' }]);
  const { count, rows } = await Post.findAndCountAll({ limit: 2, offset: 1, order: ['id'] });
  assert.deepStrictEqual([count, rows.map((p) => p.id)], [3, [2, 3]]);
  const tag = await Tag.create({ words: ['a', 'b,c'] });
  assert.deepStrictEqual((await Tag.findByPk(tag.id)).words, ['a', 'b,c']);
};

cases['rows are changed and deleted'] = async () => {
  const [changed] = await Post.update({ title: 'four' }, { where: { title: 'three' } });
  assert.strictEqual(changed, 1);
  await Post.increment('score', { by: 2, where: { title: 'four' } });
  assert.strictEqual((await Post.findOne({ where: { title: 'four' } })).score, '3.00');
  const ann = await User.findByPk(1);
  await ann.update({ name: 'Ann' });
  await ann.reload();
  assert.strictEqual(ann.name, 'Ann');
  assert.strictEqual(await Post.destroy({ where: { UserId: 2 } }), 1);
};

cases['findOrCreate creates a function, and findCreateFind does not'] = async () => {
  const found = User.findOrCreate({ where: { name: 'zoe' } });
  if (where.options) await assert.rejects(found, /CREATE FUNCTION is not supported yet/);
  else await (await found)[0].destroy();
  const [, isNew] = await User.findCreateFind({ where: { name: 'zoe' } });
  const [, again] = await User.findCreateFind({ where: { name: 'zoe' } });
  assert.deepStrictEqual([isNew, again], [true, false]);
};

cases.upsert = async () => {
  const tag = await Tag.create({ words: ['a'] });
  await Tag.upsert({ id: tag.id, words: ['z'] });
  assert.deepStrictEqual((await Tag.findByPk(tag.id)).words, ['z']);
};

cases.transactions = async () => {
  await assert.rejects(sequelize.transaction(async (transaction) => {
    await User.create({ name: 'lost' }, { transaction });
    await User.findByPk(1, { transaction, lock: transaction.LOCK.UPDATE });
    throw new Error('back');
  }), /back/);
  assert.strictEqual(await User.count({ where: { name: 'lost' } }), 0);
};

cases['sync with alter'] = async () => {
  const more = sequelize.define('Post', { title: DataTypes.STRING, score: { type: DataTypes.DECIMAL(8, 2), defaultValue: 1 }, pages: DataTypes.INTEGER });
  await more.sync({ alter: true });
  await more.sync({ alter: true });
  assert.strictEqual((await more.findOne({ order: ['id'] })).pages, null);
};

cases['tables are described'] = async () => {
  const columns = await sequelize.getQueryInterface().describeTable('Users');
  assert.deepStrictEqual([columns.id.primaryKey, columns.name.type, columns.name.allowNull], [true, 'CHARACTER VARYING(40)', false]);
  assert.ok((await sequelize.getQueryInterface().showAllTables()).some((each) => (each.tableName ?? each) === 'Posts'));
};

cases['migrations go forth and back'] = async () => {
  const umzug = new Umzug({
    migrations: [
      { name: '1', up: ({ context }) => context.createTable('moved', { id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true }, v: DataTypes.TEXT }),
        down: ({ context }) => context.dropTable('moved') },
      { name: '2', up: ({ context }) => context.addColumn('moved', 'n', { type: DataTypes.INTEGER, defaultValue: 5, allowNull: false }),
        down: ({ context }) => context.removeColumn('moved', 'n') },
      { name: '3', up: async ({ context }) => {
        await context.renameColumn('moved', 'v', 'w');
        await context.addIndex('moved', ['w']);
        await context.changeColumn('moved', 'w', { type: DataTypes.STRING(50) });
      }, down: async ({ context }) => {
        await context.removeIndex('moved', ['w']);
        await context.renameColumn('moved', 'w', 'v');
      } },
    ],
    context: sequelize.getQueryInterface(), storage: new SequelizeStorage({ sequelize }), logger: undefined });
  assert.strictEqual((await umzug.up()).length, 3);
  await umzug.down({ step: 2 });
  assert.strictEqual((await umzug.pending()).length, 2);
  await umzug.up();
  await sequelize.getQueryInterface().bulkInsert('moved', [{ w: 'x' }]);
  const [rows] = await sequelize.query('SELECT * FROM moved WHERE w = :w', { replacements: { w: 'x' } });
  assert.deepStrictEqual(rows, [{ id: 1, w: 'x', n: 5 }]);
};

cases['enumerations are created by DO'] = async () => {
  const coat = sequelize.define('Coat', { size: DataTypes.ENUM('small', 'large') });
  await coat.sync();
  await coat.sync();
  await coat.create({ size: 'large' });
  assert.strictEqual(await coat.count({ where: { size: 'large' } }), 1);
};

cases['everything is dropped'] = () => sequelize.drop({});

run(cases, () => sequelize.close());
