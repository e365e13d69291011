// @ts-check
// The pages, and the choice of the page that the fragment of the URL names.
import { fill } from './element.js';
import { session } from './session.js';

/**
 * A page. `show` fills the main element, and everything that it starts ends when the signal aborts.
 * @typedef {{show: (main: HTMLElement, params: URLSearchParams, signal: AbortSignal) => any}} Page
 */

/**
 * Modules of the pages in the order of the navigation; the first is the start page. A page with
 * `within` has no place of its own in the navigation: a link of the page `within` leads to it.
 * @type {{path: string, key: string, title: string, icon: string, within?: string,
 *         load: () => Promise<{page: Page}>}[]}
 */
export const PAGES = [
  { path: 'sql', key: 's', title: 'SQL', icon: 'sql', load: () => import('../pages/sql.js') },
  { path: 'overview', key: 'o', title: 'Overview', icon: 'overview',
    load: () => import('../pages/overview.js') },
  { path: 'topics', key: 't', title: 'Topics', icon: 'topic',
    load: () => import('../pages/topics.js') },
  { path: 'groups', key: 'r', title: 'Groups', icon: 'group',
    load: () => import('../pages/groups.js') },
  { path: 'queries', key: 'q', title: 'Queries', icon: 'query',
    load: () => import('../pages/queries.js') },
  { path: 'lineage', key: 'l', title: 'Lineage', icon: 'lineage',
    load: () => import('../pages/lineage.js') },
  { path: 'schemas', key: 'm', title: 'Schemas', icon: 'schema',
    load: () => import('../pages/schemas.js') },
  { path: 'connectors', key: 'n', title: 'Connectors', icon: 'plug',
    load: () => import('../pages/connectors.js') },
  { path: 'links', key: 'k', title: 'Links', icon: 'link',
    load: () => import('../pages/links.js') },
  { path: 'access', key: 'a', title: 'Access', icon: 'user',
    load: () => import('../pages/access.js') },
  { path: 'audit', key: 'u', title: 'Audit', icon: 'user', within: 'access',
    load: () => import('../pages/audit.js') },
  { path: 'cluster', key: 'c', title: 'Cluster', icon: 'cluster',
    load: () => import('../pages/cluster.js') },
  { path: 'settings', key: ',', title: 'Settings', icon: 'settings',
    load: () => import('../pages/settings.js') },
];

let shown = new AbortController();

/** Returns the page and the parameters of a fragment such as `#sql?s=abc`. */
function parseFragment(/** @type {string} */ fragment) {
  const [path, query = ''] = fragment.replace(/^#\/?/, '').split('?');
  const row = PAGES.find((page) => page.path === path) ?? PAGES[0];
  return { row, params: new URLSearchParams(query) };
}

/**
 * Returns the address of a page for the navigation. Checkers of accessibility take a link to `#...`
 * outside the window for a skip link, and the navigation scrolls on a phone. Therefore the address
 * begins with the path.
 * @param {string} path
 */
export function navHref(path) { return `./#${path}`; }

/** Opens a page. @param {string} path */
export function go(path) { location.hash = `#${path}`; }

/** Begins to load the page of the URL, while the session is still unknown. */
export function preloadPage() {
  parseFragment(location.hash).row.load().catch(() => {}); // showPage() loads again and reports
}

/** Shows the page of the URL, and again whenever the URL changes. @param {HTMLElement} main */
export function startRouter(main) {
  const show = () => { void showPage(main); };
  addEventListener('hashchange', show);
  show();
}

/** Shows the page again, for example after a login. @param {HTMLElement} main */
export async function showPage(main) {
  const { row, params } = parseFragment(location.hash);
  shown.abort();
  shown = new AbortController();
  const { signal } = shown;
  fill(main); // a page that has ended must not react to input while the next page loads
  for (const link of document.querySelectorAll('nav a')) {
    const isCurrent = link.getAttribute('href') === navHref(row.within ?? row.path);
    if (!isCurrent) {
      link.removeAttribute('aria-current');
      continue;
    }
    link.setAttribute('aria-current', 'page');
    link.scrollIntoView({ block: 'nearest', inline: 'nearest' }); // on a phone the list scrolls
  }
  document.title = `${row.title} · Millrace`;
  try {
    const { page } = await row.load();
    if (signal.aborted) return;
    main.className = `main main-${row.path}`;
    if (session.state !== 'closed') await page.show(main, params, signal);
  } catch (error) {
    if (signal.aborted) return;
    showFailure(main, /** @type {Error} */ (error));
  }
}

/** @param {HTMLElement} main @param {Error} error */
function showFailure(main, error) {
  const text = document.createElement('p');
  text.className = 'page-failure';
  text.setAttribute('role', 'alert');
  text.textContent = `This page did not load: ${error.message}. ` +
    'The server may have been replaced by another version. Reload the page.';
  fill(main, text);
}
