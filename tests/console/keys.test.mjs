// Sequences of keys such as `g t`.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

let press;
globalThis.HTMLElement = class {};
globalThis.document = { addEventListener: (_, listener) => { press = listener; }, querySelector: () => null };
const { addShortcut, listenToKeys } = await load('core/keys.js');
listenToKeys();
const ran = [];
for (const keys of ['g t', 'g u']) addShortcut({ keys, text: keys, run: () => ran.push(keys) });

/** Presses a key at a time in ms. */
const at = (timeStamp, key) => press({ key, timeStamp, target: null, preventDefault() {}, stopPropagation() {} });
/** Returns the sequences that have run since the last call. */
const taken = () => ran.splice(0);

test('the time of an earlier sequence does not end a later one', async () => {
  at(0, 'g');
  at(100, 't');
  at(1400, 'g');
  await new Promise((resolve) => setTimeout(resolve, 1600)); // the page is busy, and gets the next event late
  at(1700, 'u');
  assert.deepEqual(taken(), ['g t', 'g u']);
});

test('a second key that comes too late or does not fit ends the sequence', () => {
  at(10_000, 'g');
  at(11_600, 't');
  assert.deepEqual(taken(), []);
  at(20_000, 'g');
  at(20_100, 'x');
  at(20_200, 't');
  assert.deepEqual(taken(), []);
  at(20_300, 'g');
  at(20_400, 'u');
  assert.deepEqual(taken(), ['g u']);
});
