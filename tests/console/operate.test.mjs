// The statements and requests of the page parts that an operator uses.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

const { isOfConsole, stopOf } = await load('live/push_queries.js');
const { changesOf, textOf } = await load('live/schema_rules.js');
const { alterSystem } = await load('live/system_setting.js');
const { createLink } = await load('connect/new_link.js');

test('a stop names the session and the beginning of its statement', () => {
  assert.equal(stopOf({ pid: 7, began_text: '2026-12-01 10:00:00.5+00' }),
    'SELECT pg_cancel_backend(pid) AS stopped FROM pg_stat_activity\n' +
    "  WHERE pid = 7 AND query_start = TIMESTAMP '2026-12-01 10:00:00.5+00'");
});

test('statements of pages are those over HTTP that read the catalog', () => {
  const query = 'SELECT * FROM millrace_catalog.queries EMIT CHANGES';
  assert.equal(isOfConsole({ application: 'http', query }), true);
  assert.equal(isOfConsole({ application: 'psql', query }), false);
  assert.equal(isOfConsole({ application: 'http', query: 'SELECT * FROM s EMIT CHANGES' }), false);
});

test('only rules that differ are sent, and an empty one is deleted', () => {
  const before = { level: '', mode: 'READONLY' };
  assert.deepEqual(changesOf('a/b', before, before), []);
  assert.deepEqual(changesOf('a/b', before, { level: 'FULL', mode: '' }).map(textOf),
    ['PUT /config/a%2Fb {"compatibility":"FULL"}', 'DELETE /mode/a%2Fb']);
});

test('texts in statements are quoted', () => {
  assert.equal(alterSystem("a'b", "c'd"), "ALTER SYSTEM 'a''b' = 'c''d';");
  assert.equal(createLink('Prod-1', new Map([['client.id', "it's"]])),
    "CREATE LINK \"Prod-1\" WITH (\n  'client.id' = 'it''s'\n);");
});

test('a shown statement contains references, and no password', () => {
  const values = new Map([['sasl.password', 'secret'], ['ssl.key.password', '${file:key}']]);
  const shown = createLink('prod', values, true);
  assert.ok(shown.includes("'sasl.password' = '…'") && shown.includes("'${file:key}'"), shown);
  assert.ok(createLink('prod', values).includes("'secret'"));
});
