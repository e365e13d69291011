// @ts-check
// Users, roles, and their rights on streams and tables.
import { accessOf, ACCESS, grantOf, holds, isGranted, reasonsAfterRevoke, reasonsOf }
  from '../access/grants.js';
import { confirmSql } from '../core/dialog.js';
import { button, el, fill, segments, toast } from '../core/element.js';
import { plural } from '../core/format.js';
import { whyReadOnly, session } from '../core/session.js';
import { objects, selectAll, sentencesOf } from '../core/sql.js';
import { addFilterKey, filterBox } from '../live/filter.js';
import { LiveTable } from '../live/live_table.js';
import { sqlButton } from '../live/panel.js';

/** @typedef {import('../access/grants.js').Access} Access */
/** @typedef {import('../access/grants.js').Relation} Relation */
/** @typedef {import('../access/grants.js').Right} Right */
/** @typedef {import('../live/live_table.js').LiveColumn} LiveColumn */

const MOST_ROWS = 200; // relations of the page; the filter finds the others
const MOST_ROLES = 12; // columns of the matrix
const RIGHTS = /** @type {Right[]} */ (['read', 'write']);

/** @param {{superuser: boolean, login: boolean}} role */
function kindOf({ superuser, login }) { return superuser ? 'superuser' : login ? 'user' : 'role'; }

/** @param {Access} access */
function rolesTable(access) {
  const list = (/** @type {string[]} */ names) => names.join(', ') || '–';
  const table = new LiveTable('Users and roles', [
    { title: 'Name', value: (row) => row.role, node: (row) => el('bdi', {}, row.role) },
    { title: 'Kind', value: kindOf },
    { title: 'Member of', value: (row) => list(access.members.filter((each) =>
      each.member === row.role).map(({ role }) => role)) },
    { title: 'Members', value: (row) => list(access.members.filter((each) =>
      each.role === row.role).map(({ member }) => member)) }],
  { key: (row) => row.role, most: MOST_ROWS, empty: 'The server has no users: it has no access ' +
    'file. CREATE USER adds one.' });
  table.show(access.roles);
  return table.node;
}

class Rights {
  /** @param {Access} access @param {string} role @param {AbortSignal} signal
   * @param {() => void} changed */
  constructor(access, role, signal, changed) {
    this.access_ = access;
    this.signal_ = signal;
    this.changed_ = changed;
    this.view_ = 'one';
    this.filter = filterBox('streams and tables', () => this.draw());
    this.role_ = el('select.input', { 'aria-label': 'User or role', onchange: () => this.draw() },
      access.roles.map((each) => el('option', { value: each.role,
        selected: each.role === role }, `${each.role} (${kindOf(each)})`)));
    this.summary_ = el('p.soft', { role: 'status' });
    this.place_ = el('div.spaced');
    const view = segments('View', [['one', 'One role'], ['all', 'All roles']], this.view_,
      (chosen) => { this.view_ = chosen; this.draw(); });
    this.node = el('div.spaced', {}, el('div.list-bar', {}, view, this.role_, this.filter.node,
      this.summary_), this.place_);
    this.draw();
  }

  get role() { return this.role_.value; }

  draw() {
    const wanted = this.filter.wanted(), { relations } = this.access_;
    const rows = relations.filter(({ relation }) => relation.toLowerCase().includes(wanted));
    this.role_.hidden = this.view_ === 'all';
    const shown = this.access_.roles.slice(0, MOST_ROLES);
    const more = this.access_.roles.length - shown.length;
    this.summary_.textContent = plural(rows.length, 'stream or table', 'streams and tables') +
      (this.view_ === 'all' && more > 0 ? `; ${more} further roles are not shown` : '');
    const table = new LiveTable('Rights', this.view_ === 'all' ? this.matrix_(shown)
      : this.columns_(), { key: (row) => row.relation, most: MOST_ROWS,
      empty: 'No stream or table has this name, or none exists.' });
    table.show(rows);
    fill(this.place_, table.node);
  }

  /** @param {Access['roles']} roles @returns {LiveColumn[]} */
  matrix_(roles) {
    const words = (/** @type {string} */ role, /** @type {Relation} */ row) => RIGHTS.filter(
      (right) => holds(this.access_, role, row.relation, right)).join(', ') || '–';
    return [nameColumn(), ...roles.map(({ role }) => ({ title: role,
      value: (/** @type {Relation} */ row) => words(role, row),
      hint: (/** @type {Relation} */ row) => RIGHTS.flatMap((right) => reasonsOf(this.access_,
        role, row, right).map((reason) => `${right}: ${reason}`)).join('\n') }))];
  }

  /** @returns {LiveColumn[]} */
  columns_() {
    const { role } = this;
    const fixed = Boolean(whyReadOnly());
    return [nameColumn(), ...RIGHTS.flatMap((right) => /** @type {LiveColumn[]} */ ([
      { title: `May ${right}`, value: (row) => reasonsOf(this.access_, role, row, right)
        .join('; ') || 'no' },
      { title: `Change ${right}`, value: () => '', node: (row) => {
        const isOwn = isGranted(row, role, right);
        const change = () => void this.change_(!isOwn, row, right);
        return button('', isOwn ? 'Revoke…' : 'Grant…', change, { class: 'quiet',
          disabled: fixed, 'aria-label': isOwn
            ? `Revoke… ${right} on ${row.relation}` : `Grant… ${right} on ${row.relation}` });
      } }]))];
  }

  /** @param {boolean} grants @param {Relation} row @param {Right} right */
  async change_(grants, row, right) {
    const { role } = this;
    const left = grants ? [] : reasonsAfterRevoke(this.access_, role, row, right);
    const note = grants ? `${role} may then ${right} ${row.relation}, and the streams and tables ` +
      'over the same topic.'
      : left.length ? `${role} may still ${right} ${row.relation} afterwards: ${left.join('; ')}.`
        : `${role} may no longer ${right} ${row.relation}, unless a right ON ALL permits it. A ` +
          'query with EMIT CHANGES that needs the right ends.';
    const sql = grantOf(grants, role, row.relation, right), act = grants ? 'Grant' : 'Revoke';
    if (!await confirmSql({ title: `${act} ${right} on ${row.relation}`, act, note, sql })) return;
    try {
      await selectAll(sql, this.signal_);
      toast(`${act}: done.`);
      this.changed_();
    } catch (error) {
      if (!this.signal_.aborted) toast(`${act}: ${sentencesOf(error)}`);
    }
  }
}

/** @returns {LiveColumn} */
function nameColumn() {
  return { title: 'Stream or table', value: (row) => row.relation,
    node: (row) => el('bdi', {}, row.relation) };
}

/**
 * Returns a panel that has a note until its content is read. If reading fails, the panel has the
 * reason above the content that was read before.
 * @param {string} title @param {string} note
 */
function box(title, note) {
  const state = el('div.panel-state', {}, el('p.soft', { role: 'status' }, note));
  const content = el('div.spaced');
  return {
    node: el('section.panel.live-panel', {}, el('header.panel-head', {}, el('h2', {}, title),
      el('span.spring'), sqlButton(ACCESS, title.toLowerCase())), state, content),
    /** @param {Node} read */
    show(read) {
      fill(state);
      fill(content, read);
    },
    /** @param {string} reason @param {() => void} again */
    fail(reason, again) {
      fill(state, el('p.error-text', { role: 'alert' }, reason),
        button('refresh', 'Try again', again));
    },
  };
}

/** @type {import('../core/router.js').Page} */
export const page = {
  async show(main, params, signal) {
    let role = params.get('u') ?? session.user ?? '';
    /** @type {Rights|null} */
    let shown = null;
    const roles = box('Users and roles', 'The users and roles are read.');
    const rights = box('Rights on streams and tables', 'The rights are read.');
    main.append(el('div.page.live-page.wide', {}, el('header.page-head', {},
      el('h1', {}, 'Access'), el('a.page-link', { href: '#audit' }, 'Audit of the console ›')),
      roles.node, rights.node));
    const read = async () => {
      try {
        const access = accessOf((await selectAll(ACCESS, signal, { max_rows: 100_000 }))
          .map(objects));
        role = shown?.role ?? role;
        shown = new Rights(access, role, signal, () => void read());
        roles.show(rolesTable(access));
        rights.show(shown.node);
      } catch (error) {
        if (signal.aborted) return;
        for (const each of [roles, rights]) each.fail(sentencesOf(error), () => void read());
      }
    };
    addFilterKey('Filter the streams and tables', rights.node, signal);
    await read();
  },
};
