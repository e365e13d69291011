// Statements that a page reads again and again.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './site.mjs';

const { Polled } = await load('core/polled.js');

test('rows are read again and again, stay after a lost connection, and end with a failure', async () => {
  const answers = [
    (to) => { to.head({ columns: [{ name: 'Link' }] }); to.rows([['a']]); to.notice({ message: 'n' });
      to.head({ columns: [{ name: 'Task' }] }); to.rows([[0], [1]]); },
    (to) => to.lost('away'),
    (to) => to.failed({ code: '42501', message: 'no right' }),
  ];
  const states = [];
  const end = new AbortController();
  globalThis.window = globalThis;
  globalThis.document = { visibilityState: 'visible' };
  await new Promise((done) => {
    const polled = new Polled('SHOW LINKS; SHOW CONNECTOR TASKS', end.signal, () => {
      states.push(`${polled.state} ${polled.rows.map(({ link }) => link)} ${polled.results[1].length} ${polled.notices.length} ${polled.isStale()}`);
      if (!answers.length) done();
    }, 0, async (request, to) => answers.shift()(to));
  });
  end.abort();
  assert.deepEqual(states, ['live a 2 1 false', 'lost a 2 1 true', 'failed a 2 1 false']);
});
