// @ts-check
// Roles and their rights on streams and tables: the statements, and the reasons of a right.
import { quoteName } from '../core/sql.js';

/** @typedef {{role: string, superuser: boolean, login: boolean}} Role */
/** @typedef {{role: string, member: string}} Membership */
/** @typedef {'read'|'write'} Right */
/**
 * A relation with its access list: the letters of pg_class.relacl by role.
 * @typedef {{relation: string, letters: Map<string, string>}} Relation
 */
/** @typedef {{roles: Role[], members: Membership[], relations: Relation[],
 *             held: Set<string>}} Access */

// pg_class lists every relation; this condition selects those that the session's user may read or
// write.
const OF_USERS = "c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm') AND " +
  "(has_table_privilege(c.oid, 'SELECT') OR has_table_privilege(c.oid, 'INSERT'))";
/** Letters of PostgreSQL's access lists, and the words of GRANT. */
const LETTERS = { read: 'r', write: 'a' };
const WORDS = { read: 'SELECT', write: 'INSERT' };
const OWNERS_LETTER = 'D'; // TRUNCATE, which only an owner has

/** The statements of the page, in the order of `accessOf`. */
export const ACCESS = `SELECT rolname AS role, rolsuper AS superuser, rolcanlogin AS login
  FROM pg_roles ORDER BY 1;
SELECT r.rolname AS role, m.rolname AS member FROM pg_auth_members AS a
  JOIN pg_roles AS r ON r.oid = a.roleid JOIN pg_roles AS m ON m.oid = a.member;
SELECT c.relname AS relation, c.relacl AS acl FROM pg_class AS c WHERE ${OF_USERS} ORDER BY 1;
SELECT r.rolname AS role, c.relname AS relation,
    has_table_privilege(r.rolname, c.oid, 'SELECT') AS may_read,
    has_table_privilege(r.rolname, c.oid, 'INSERT') AS may_write
  FROM pg_class AS c CROSS JOIN pg_roles AS r WHERE ${OF_USERS}`;

/** @param {string} role @param {string} relation @param {Right} right */
function keyOf(role, relation, right) { return JSON.stringify([role, relation, right]); }

/**
 * Returns the letters by role of an access list. An entry is such as `"ann b"=ar/millrace`.
 * @param {string[]|null} acl @returns {Map<string, string>}
 */
export function lettersOf(acl) {
  /** @type {Map<string, string>} */
  const letters = new Map();
  for (const entry of acl ?? []) {
    const found = /^("(?:[^"]|"")*"|[^=]*)=([A-Za-z*]*)\//.exec(entry);
    if (!found) continue;
    const name = found[1].startsWith('"') ? found[1].slice(1, -1).replaceAll('""', '"') : found[1];
    letters.set(name, found[2]);
  }
  return letters;
}

/** @param {Record<string, any>[][]} results of ACCESS @returns {Access} */
export function accessOf([roles, members, relations, rights]) {
  const held = new Set();
  for (const { role, relation, may_read: mayRead, may_write: mayWrite } of rights) {
    if (mayRead) held.add(keyOf(role, relation, 'read'));
    if (mayWrite) held.add(keyOf(role, relation, 'write'));
  }
  return { roles: /** @type {Role[]} */ (roles), members: /** @type {Membership[]} */ (members),
    relations: relations.map(({ relation, acl }) => ({ relation, letters: lettersOf(acl) })),
    held };
}

/** @param {Access} access @param {string} role @param {string} relation @param {Right} right */
export function holds(access, role, relation, right) {
  return access.held.has(keyOf(role, relation, right));
}

/** @param {Relation} relation @param {string} role @param {Right} right */
export function isGranted({ letters }, role, right) {
  return (letters.get(role) ?? '').includes(LETTERS[right]);
}

/**
 * Returns the roles whose rights a role has, each with the path to it: itself first.
 * @param {Membership[]} members @param {string} role @returns {Map<string, string[]>}
 */
export function pathsOf(members, role) {
  const paths = new Map([[role, [role]]]);
  for (const [name, path] of paths)
    for (const each of members)
      if (each.member === name && !paths.has(each.role)) paths.set(each.role, [...path, each.role]);
  return paths;
}

/**
 * Returns the reasons for which a role has a right on a relation, as sentences; none if it lacks
 * the right.
 * @param {Access} access @param {string} role @param {Relation} relation @param {Right} right
 * @returns {string[]}
 */
export function reasonsOf(access, role, relation, right) {
  if (!holds(access, role, relation.relation, right)) return [];
  const found = [];
  for (const [name, path] of pathsOf(access.members, role)) {
    const through = path.length > 1 ? `, through ${path.join(' → ')}` : '';
    if (access.roles.some((each) => each.role === name && each.superuser))
      found.push(`${name} is a superuser${through}`);
    else if ((relation.letters.get(name) ?? '').includes(OWNERS_LETTER))
      found.push(`${name} owns it${through}`);
    else if (isGranted(relation, name, right)) found.push(`granted to ${name}${through}`);
  }
  return found.length ? found : ['granted ON ALL, to it or to one of its roles'];
}

/**
 * Returns the statement that grants or revokes a right.
 * @param {boolean} grants @param {string} role @param {string} relation @param {Right} right
 */
export function grantOf(grants, role, relation, right) {
  return `${grants ? 'GRANT' : 'REVOKE'} ${WORDS[right]} ON ${quoteName(relation)} ${
    grants ? 'TO' : 'FROM'} ${quoteName(role)};`;
}

/**
 * Returns the reasons for which the role would keep the right after a REVOKE of this grant.
 * @param {Access} access @param {string} role @param {Relation} relation @param {Right} right
 * @returns {string[]} the reasons that would stay
 */
export function reasonsAfterRevoke(access, role, relation, right) {
  const letters = new Map(relation.letters);
  letters.set(role, (letters.get(role) ?? '').replace(LETTERS[right], ''));
  const left = reasonsOf(access, role, { relation: relation.relation, letters }, right);
  // A right on everything is not visible in pg_class, so the page cannot know whether the user has
  // it. reasonsOf() names such a right only if no other reason exists, so it is removed here.
  return left.filter((each) => !each.includes(' ON ALL'));
}
