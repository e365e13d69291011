// @ts-check
// Storage of this browser: settings of the page, drafts and history. The server keeps none of it.

/** @typedef {{theme: 'auto'|'light'|'dark', density: 'comfortable'|'compact',
 *             zone: 'local'|'utc', neutralize: boolean}} Preferences */

/** @type {Preferences} */
const DEFAULTS = { theme: 'auto', density: 'comfortable', zone: 'local', neutralize: false };

/**
 * Returns a stored value, or `otherwise` if the browser has no such value or forbids storage.
 * @template T @param {string} key @param {T} otherwise @returns {T}
 */
export function load(key, otherwise) {
  try {
    const text = localStorage.getItem(`millrace.${key}`);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

/** Returns whether the browser kept the value. @param {string} key @param {any} value */
export function save(key, value) {
  try {
    localStorage.setItem(`millrace.${key}`, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

/** @type {Preferences} */
export const preferences = { ...DEFAULTS, ...load('preferences', {}) };
const listeners = new Set();

/** Changes preferences, keeps them and applies them. @param {Partial<Preferences>} change */
export function prefer(change) {
  Object.assign(preferences, change);
  save('preferences', preferences);
  applyPreferences();
  for (const listener of listeners) listener();
}

/** Calls `listener` after each change until the signal aborts. @param {() => void} listener */
export function onPreferences(listener, /** @type {AbortSignal} */ signal) {
  listeners.add(listener);
  signal.addEventListener('abort', () => listeners.delete(listener));
}

/** Puts theme and density on the root element, where the style sheet reads them. */
export function applyPreferences() {
  const root = document.documentElement;
  const prefersDark = matchMedia('(prefers-color-scheme: dark)').matches;
  const isDark = preferences.theme === 'dark' || (preferences.theme === 'auto' && prefersDark);
  root.dataset.theme = isDark ? 'dark' : 'light';
  root.dataset.density = preferences.density;
}

/** Returns whether times are shown in UTC. */
export function isUtc() { return preferences.zone === 'utc'; }
