// Loads modules of the console in node. A copy of the site gets a package.json, without which node
// 18 takes the files for CommonJS.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const copy = mkdtempSync(join(tmpdir(), 'millrace-site-'));
cpSync(join(here, '../../server/http/console/site'), copy, { recursive: true });
writeFileSync(join(copy, 'package.json'), '{"type": "module"}');
process.on('exit', () => rmSync(copy, { recursive: true, force: true }));

/** Returns a module of the site, such as `core/split.js`. */
export function load(path) { return import(pathToFileURL(join(copy, path)).href); }

/** A generator of whole numbers below a bound, which the seed fixes (mulberry32). */
export function random(seed) {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
