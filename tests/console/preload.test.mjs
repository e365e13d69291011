// The modules that index.html loads ahead, so that the browser does not find them one level after another.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const site = join(dirname(fileURLToPath(import.meta.url)), '../../server/http/console/site');
const read = (path) => readFileSync(join(site, path), 'utf8');

/** Returns a module and all modules that it imports when it is loaded. */
function needed(path, found = new Set()) {
  if (found.has(path)) return found;
  found.add(path);
  for (const [, name] of read(path).matchAll(/^import\s[^;]*?'(\.[^']+)';/gm))
    needed(normalize(join(dirname(path), name)), found);
  return found;
}

test('the modules of the shell and of the start page are loaded ahead, the shell first', () => {
  const link = /<link rel="modulepreload"( fetchpriority="low")? href="\/console\/a\/BUILDHASH\/([^"]+)">/g;
  const links = [...read('index.html').matchAll(link)].map(([, low, path]) => ({ path, isLow: Boolean(low) }));
  const shell = needed('boot.js');
  const page = [...needed('pages/sql.js')].filter((path) => !shell.has(path));
  const built = links.filter(({ path }) => path.startsWith('vendor/') || path === 'core/keywords.js');
  const own = links.filter((each) => !built.includes(each));
  const paths = (isLow) => own.filter((each) => each.isLow === isLow).map(({ path }) => path).sort();
  assert.deepEqual(paths(false), [...shell].sort());
  assert.deepEqual(paths(true), page.sort());
  const editor = read('editor/editor.js');
  for (const { path, isLow } of built)
    assert.ok(isLow && editor.includes(path.split('/')[1]), `${path} is a file of the editor`);
});
