// @ts-check
// The statements of the past, in a dialog.
import { button, el, fill } from '../core/element.js';
import { openDialog } from '../core/dialog.js';
import { ago, dateTime, duration, plural } from '../core/format.js';
import { entries, forget, MOST_ENTRIES } from '../core/history.js';

/** Shows the history; `open` receives the chosen text. @param {(text: string) => void} open */
export function showHistory(open) {
  const list = el('ul.history-list');
  const filter = el('input.input', {
    type: 'search', placeholder: 'Filter', 'aria-label': 'Filter the history',
    oninput: () => draw(),
  });
  const draw = () => {
    const words = filter.value.trim().toLowerCase();
    const found = entries().filter(({ text }) => text.toLowerCase().includes(words));
    fill(list, found.length ? found.map((entry) => el('li', {}, el('button.history-item', {
      type: 'button', onclick: () => { close(); open(entry.text); },
    }, el('code.history-text', {}, entry.text.trim()),
    el('span.history-facts', { title: dateTime(entry.at) }, facts(entry)))))
      : el('li.soft', {}, words ? 'No statement has these words.' : 'No statement has run yet.'));
  };
  draw();
  const clear = () => { forget(); draw(); };
  const close = openDialog('History', [filter, list,
    el('p.soft', {}, `This browser keeps the last ${MOST_ENTRIES} statements. Statements with ` +
      'secrets are never kept.')], { wide: true, buttons: [button('broom', 'Forget all', clear)] });
  filter.focus();
}

/** @param {import('../core/history.js').Entry} entry */
function facts(entry) {
  return [ago(Date.now() - entry.at), duration(entry.ms),
    entry.error ? entry.error : plural(entry.rows, 'row')].join(' · ');
}
