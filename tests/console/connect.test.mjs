// The parts of the pages of connectors and links that compute.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

const shown = await load('connect/connectors.js');
const { changesOf, whyNoChange } = await load('connect/connector_detail.js');
const { createOf, errorsOf, fieldsOf, pluginsOf } = await load('connect/connector_form.js');
const { session } = await load('core/session.js');

test('a description has facts, errors and settings', () => {
  const { facts, errors, settings } = shown.factsOf([['state', 'RUNNING'], ['task 0', 'FAILED at a:1'],
    ['error of task 0', 'no such\nfile'], ['config topic', 'a'], ['config config x', 'b'], ['topics', 't'],
    ['property sasl.mechanism', 'PLAIN']].map(([property, value]) => ({ property, value })));
  assert.deepEqual([...facts], [['state', 'RUNNING'], ['topics', 't']]);
  assert.deepEqual(errors, [['error of task 0', 'no such\nfile']]);
  assert.deepEqual([...settings], [['topic', 'a'], ['config x', 'b'], ['sasl.mechanism', 'PLAIN']]);
});

test('settings with a value are first, and a secret is never a value', () => {
  const all = shown.settingsOf(new Map([['topic', 't'], ['password', '[hidden]']]), [
    { name: 'format', type: 'STRING', default_value: 'line', documentation: 'the format' },
    { name: 'topic', type: 'STRING', required: true, default_value: null },
    { name: 'key', type: 'PASSWORD', default_value: null }]);
  assert.deepEqual(all.map(({ name }) => name), ['password', 'topic', 'format', 'key']);
  assert.deepEqual(all.map(({ isSecret }) => isSecret), [true, false, false, true]);
  assert.deepEqual(all.map(({ default: value }) => value), [null, null, 'line', null]);
  assert.ok(all[1].isRequired && !all[0].isRequired);
});

test('names with quotes reach the statements unharmed', () => {
  assert.equal(shown.changeOf('o"x', 'a"b', "it's"), `ALTER CONNECTOR "o""x" SET ("a""b" = 'it''s')`);
  assert.equal(shown.changeOf('shop', 'tasks.max', null), 'ALTER CONNECTOR shop RESET ("tasks.max")');
  assert.equal(shown.topicsOfLink('Prod'), 'SHOW TOPICS FROM LINK "Prod"');
  assert.equal(shown.connectorHref('a b&c'), '#connectors?c=a%20b%26c');
});

test('the changes fit the state, and a drop asks for the name', () => {
  const acts = (state) => changesOf('c', state).map(({ act }) => act);
  assert.deepEqual(acts('RUNNING'), ['Pause', 'Stop', 'Restart', 'Drop']);
  assert.deepEqual(acts('PAUSED'), ['Resume', 'Stop', 'Drop']);
  assert.deepEqual(acts('STOPPED'), ['Resume', 'Drop']);
  assert.deepEqual(changesOf('C', 'FAILED').at(-1), { title: 'Drop C', act: 'Drop', word: 'C',
    sql: 'DROP CONNECTOR "C";', note: changesOf('C', 'FAILED').at(-1).note });
  assert.equal(whyNoChange(true), '');
  assert.match(whyNoChange(false), /CREATE CONNECTOR/);
  session.info = { read_only: true };
  assert.match(whyNoChange(true), /read-only/);
});

test('a connector with a task that does not run is marked', () => {
  assert.deepEqual(['1/1', '0/2', '0/0', null].map(shown.lacksTasks), [false, true, false, false]);
});

test('the form of a connector begins with the settings that its class requires', () => {
  const fields = fieldsOf([{ name: 'name', required: false }, { name: 'connector.class' },
    { name: 'tasks.max', type: 'INT', default_value: '1', documentation: 'most tasks' },
    { name: 'topic', type: 'STRING', required: true }, { name: 'pass', type: 'PASSWORD' }]);
  assert.deepEqual(fields.map(({ name }) => name), ['topic', 'tasks.max', 'pass']);
  assert.deepEqual([fields[1].default, fields[1].note, fields[2].isSecret], ['1', 'most tasks', true]);
});

test('classes of transforms are no choice, and two classes of one name are two', () => {
  const found = pluginsOf([{ class: 'file', type: 'sink' }, { class: 'file', type: 'source' },
    { class: 'Cast', type: 'transformation' }]);
  assert.deepEqual(found.map(({ id }) => id), ['sink file', 'source file']);
});

test('the statement of a new connector quotes names and values, and hides secrets', () => {
  const plugin = { id: 'source file', name: 'file', type: 'source' };
  const values = new Map([['a"b', "it's"], ['pass', 'secret'], ['key', '${file:/k:v}']]);
  const secrets = new Set(['pass', 'key']);
  assert.equal(createOf(plugin, 'Feed', values, secrets), 'CREATE SOURCE CONNECTOR "Feed" WITH (\n' +
    `  "connector.class" = 'file',\n  "a""b" = 'it''s',\n  "pass" = '…',\n` +
    `  "key" = '\${file:/k:v}'\n);`);
  assert.ok(createOf(plugin, 'feed', values).includes(`"pass" = 'secret'`));
});

test('errors of a check are found by the name of the setting', () => {
  const errors = errorsOf([{ property: 'topic', value: null, error: 'is missing' },
    { property: 'file', value: 'a', error: null }]);
  assert.deepEqual([...errors], [['topic', 'is missing']]);
});
