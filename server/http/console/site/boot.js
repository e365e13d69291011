// @ts-check
// Starts the page: the header, the session, and the page that the URL names.
import { button, el, fill, icon } from './core/element.js';
import { addActions, addShortcut, listenToKeys, openPalette, showKeys, useObjects }
  from './core/keys.js';
import { openLogin } from './core/login.js';
import { openMenu } from './core/menu.js';
import { go, navHref, PAGES, preloadPage, showPage, startRouter } from './core/router.js';
import { logOut, onSession, readSession, session } from './core/session.js';
import { applyPreferences, load, prefer, preferences, save } from './core/store.js';

const main = /** @type {HTMLElement} */ (document.getElementById('main'));
const header = /** @type {HTMLElement} */ (document.getElementById('header'));
const banner = /** @type {HTMLElement} */ (document.getElementById('banner'));

/** The words for the states of the session, each with the class that the style sheet colours. */
const STATES = {
  open: ['live', 'connected'], closed: ['stopped', 'logged out'],
  away: ['disconnected', 'server away'], unknown: ['running', 'connecting'],
};

const place = el('span.place');
const state = el('span.server-state', { role: 'status' });
const user = el('div.user');

function buildHeader() {
  fill(header,
    el('a.brand', { href: '#sql', 'aria-label': 'Millrace, start page' }, icon('mark'),
      el('span', {}, 'Millrace')),
    place,
    el('nav.nav', { 'aria-label': 'Pages' }, PAGES.filter(({ within }) => !within)
      .map((page) => el('a', { href: navHref(page.path), 'aria-label': page.title },
        icon(page.icon), el('span', {}, page.title)))),
    el('span.spring', {}),
    el('button.palette-button', { type: 'button', onclick: openPalette, title: 'Ctrl+K',
      'aria-label': 'Search or go to… Ctrl K' },
    icon('search'), el('span', {}, 'Search or go to…'), el('kbd', {}, 'Ctrl K')),
    state, user,
    button('keyboard', '', showKeys, { 'aria-label': 'Keys', title: 'Keys (?)',
      class: 'wide-only' }),
    button('theme', '', switchTheme, { 'aria-label': 'Switch between light and dark',
      title: 'Light or dark' }));
}

function switchTheme() {
  prefer({ theme: document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark' });
}

function drawSession() {
  const { info } = session;
  const node = info.server?.node;
  place.textContent = [location.host, node ? `node ${node}` : ''].filter(Boolean).join(' · ');
  const [kind, word] = STATES[/** @type {keyof STATES} */ (session.state)] ?? STATES.unknown;
  state.dataset.state = kind;
  fill(state, el('span.dot', { 'aria-hidden': 'true' }), el('span', {}, word));
  if (session.user) {
    const opener = button('user', session.user, () => openMenu(opener, [
      { text: 'Log out', run: () => void logOut() }]));
    fill(user, opener);
  } else {
    fill(user, session.state === 'closed' && button('user', 'Log in', openLogin));
  }
  drawBanner();
}

/** Draws the line above the page: no answer, a read-only session, or a server without logins. */
function drawBanner() {
  const { info } = session;
  const isOpen = info.anonymous === true && session.state === 'open';
  const dismissed = load('banner', '') === location.host;
  const text = session.state === 'away'
    ? 'The server does not answer. The page tries again until it does.'
    : info.read_only ? 'This session is read-only: statements that change anything are rejected.'
      : isOpen && !dismissed ? 'No login is needed: every client that reaches this port may do ' +
        'everything. An access file (--access-file) restricts it.' : '';
  banner.hidden = !text;
  banner.dataset.kind = session.state === 'away' ? 'error' : 'note';
  fill(banner, icon('warning'), el('span', {}, text),
    isOpen && !info.read_only && button('close', '', () => {
      save('banner', location.host);
      drawBanner();
    }, { 'aria-label': 'Hide this note' }));
}

let before = 'unknown';

function onChange() {
  drawSession();
  if (session.state === 'closed' && before !== 'closed') openLogin();
  const hasEntered = session.state === 'open' && before === 'closed';
  before = session.state;
  if (hasEntered) void showPage(main);
}

function addKeys() {
  for (const page of PAGES)
    addShortcut({ keys: `g ${page.key}`, text: `Go to ${page.title}`, run: () => go(page.path) });
  addActions(() => PAGES.map((page) => ({ title: page.title, detail: 'page', icon: page.icon,
    run: () => go(page.path) })));
  useObjects(async () => (await import('./core/objects.js')).objectActions());
  addActions(() => [{ title: 'Switch between light and dark', detail: 'action', icon: 'theme',
    run: switchTheme }, { title: 'Keys', detail: 'action', icon: 'keyboard', run: showKeys }]);
}

/** The state of the server is asked for at load, on focus, and while the server is away. */
async function watchSession() {
  await readSession();
  addEventListener('focus', () => void readSession());
  setInterval(() => { if (session.state === 'away') void readSession(); }, 3000);
}

/** The number of problems, on every page. The hub is loaded after the page itself. */
async function watchFindings() {
  const [{ Followed }, { FINDINGS }] = await Promise.all([import('./core/follow.js'),
    import('./live/figures.js')]);
  let ended = new AbortController();
  const draw = (/** @type {number} */ count, /** @type {boolean} */ isUrgent) => {
    const link = header.querySelector(`nav a[href="${navHref('overview')}"]`);
    link?.querySelector('.badge')?.remove();
    link?.setAttribute('aria-label', count ? `Overview, ${count} need attention` : 'Overview');
    if (count) link?.append(el('span.badge', { 'data-urgent': isUrgent }, `▲${count}`));
  };
  const follow = () => {
    ended.abort();
    ended = new AbortController();
    draw(0, false);
    if (session.state === 'closed') return;
    const findings = new Followed(FINDINGS, ended.signal, () => draw(findings.size,
      findings.rows.some(({ severity }) => severity === 'page')));
  };
  let user = session.user, isClosed = session.state === 'closed';
  onSession(() => {
    if (user === session.user && isClosed === (session.state === 'closed')) return;
    user = session.user;
    isClosed = session.state === 'closed';
    follow();
  });
  follow();
}

async function start() {
  applyPreferences();
  preloadPage();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    if (preferences.theme === 'auto') applyPreferences();
  });
  buildHeader();
  onSession(onChange);
  drawSession();
  listenToKeys();
  addKeys();
  await watchSession();
  startRouter(main);
  setTimeout(() => void watchFindings(), 0);
}

void start();
