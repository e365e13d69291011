// The rights of roles on streams and tables, and their reasons.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

const { accessOf, grantOf, lettersOf, pathsOf, reasonsAfterRevoke, reasonsOf } = await load('access/grants.js');

const role = (name, superuser = false) => ({ role: name, superuser, login: true });
const may = (name, read, write = false) => ({ role: name, relation: 'o', may_read: read, may_write: write });

function access(acl, rights) {
  return accessOf([[role('eve'), role('readers'), role('all'), role('root', true)],
    [{ role: 'readers', member: 'eve' }, { role: 'staff', member: 'readers' }],
    [{ relation: 'o', acl }], rights]);
}

test('an access list has letters by role, and names with quotes', () => {
  const letters = lettersOf(['eve=ar/root', '"a ""b"=r/root', '=r/root', 'no entry']);
  assert.deepEqual([...letters], [['eve', 'ar'], ['a "b', 'r'], ['', 'r']]);
  assert.equal(lettersOf(null).size, 0);
});

test('paths lead over all roles of roles, and a circle ends', () => {
  const paths = pathsOf([{ role: 'b', member: 'a' }, { role: 'c', member: 'b' }, { role: 'a', member: 'c' }], 'a');
  assert.deepEqual([...paths], [['a', ['a']], ['b', ['a', 'b']], ['c', ['a', 'b', 'c']]]);
});

test('each reason of a right is named, with the path to its role', () => {
  const all = access(['eve=r/root', 'staff=r/root', 'readers=arwdDxt/root'], [may('eve', true)]);
  assert.deepEqual(reasonsOf(all, 'eve', all.relations[0], 'read'), ['granted to eve',
    'readers owns it, through eve → readers', 'granted to staff, through eve → readers → staff']);
  assert.deepEqual(reasonsOf(all, 'eve', all.relations[0], 'write'), []);
  const root = access([], [may('root', true), may('all', true)]);
  assert.deepEqual(reasonsOf(root, 'root', root.relations[0], 'read'), ['root is a superuser']);
  assert.deepEqual(reasonsOf(root, 'all', root.relations[0], 'read'), ['granted ON ALL, to it or to one of its roles']);
});

test('a preview of REVOKE has the reasons that stay', () => {
  const both = access(['eve=r/root', 'readers=r/root'], [may('eve', true)]);
  assert.deepEqual(reasonsAfterRevoke(both, 'eve', both.relations[0], 'read'), ['granted to readers, through eve → readers']);
  const one = access(['eve=r/root'], [may('eve', true)]);
  assert.deepEqual(reasonsAfterRevoke(one, 'eve', one.relations[0], 'read'), []);
});

test('statements quote names', () => {
  assert.equal(grantOf(true, 'it"s', 'Orders', 'write'), 'GRANT INSERT ON "Orders" TO "it""s";');
  assert.equal(grantOf(false, 'eve', 'o', 'read'), 'REVOKE SELECT ON o FROM eve;');
});
