// @ts-check
// Cards that a result shows instead of rows, or above them.
import { button, el, icon } from '../core/element.js';
import { isDefinition } from '../editor/split.js';

/** @typedef {import('../views/run.js').Result} Result */

/** @param {any[]} notices */
export function noticeList(notices) {
  return el('ul.notices', { 'aria-label': 'Notices' }, notices.slice(-20).map((notice) =>
    el('li.notice', { 'data-severity': notice.severity ?? 'NOTICE' },
      el('span.notice-word', {}, String(notice.severity ?? 'NOTICE').toLowerCase()), ' ',
      el('span', {}, [notice.message, notice.detail, notice.hint].filter(Boolean).join(' ')))));
}

/** @param {Result} result @param {() => void} fix */
export function failureCard(result, fix) {
  const { failure } = result;
  if (!failure) return null;
  const isAccess = failure.code === '42501';
  return el('div.card.error-card', { role: 'alert' },
    el('div.card-title', {}, icon('warning'),
      el('span', {}, isAccess ? 'No privilege' : 'The statement failed'),
      el('code.code', {}, failure.code)),
    el('p.card-message', {}, failure.message),
    failure.detail && el('p', {}, failure.detail),
    failure.hint && el('p.hint', {}, failure.hint),
    failure.fix && button('', `Replace by ${failure.fix}`, fix, { class: 'small' }));
}

/** @param {Result} result @param {() => void} again */
export function lostCard(result, again) {
  return el('div.card.error-card', { role: 'alert' },
    el('div.card-title', {}, icon('plug'), el('span', {}, 'The connection ended')),
    el('p', {}, result.reason, result.hasRows && ' The rows below are as old as the connection.',
      result.isLive && ' The page runs the statement again when the server answers.'),
    button('run', 'Run again', again, { class: 'small' }));
}

/** @param {Result} result */
export function stoppedCard(result) {
  if (!isDefinition(result.text)) return null;
  return el('p.note', {}, icon('warning'),
    'The page no longer waits. The server still completes the statement.');
}

/** @param {Result} result @param {() => void} again */
export function quietCard(result, again) {
  return el('p.note.quiet', { role: 'status' },
    el('span', {}, 'Nothing new yet. You are reading from now on.'),
    button('', 'Read from the beginning', again, { class: 'small' }));
}
