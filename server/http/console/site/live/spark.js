// @ts-check
// Small pictures of figures: a line of the last hour, and a bar of a share.
import { el, svg } from '../core/element.js';
import { HOUR_MS } from './figures.js';

const WIDTH = 120, HEIGHT = 28;

/** @typedef {{x: number, y: number}} Point */

/**
 * Returns the path of a line through points that are sorted by x. The picture is as wide as an
 * hour, and ends at the last point. It begins at the value zero, so that a flat line at the top is
 * a high value.
 * @param {Point[]} points @param {number} [width] @param {number} [height]
 */
export function sparkPath(points, width = WIDTH, height = HEIGHT) {
  if (points.length < 2) return '';
  const first = points[points.length - 1].x - HOUR_MS;
  const high = points.reduce((most, { y }) => Math.max(most, y), 0) || 1;
  const left = (/** @type {number} */ x) => (((x - first) / HOUR_MS) * width).toFixed(1);
  const top = (/** @type {number} */ y) => (height - 2 - (y / high) * (height - 4)).toFixed(1);
  const place = (/** @type {Point} */ { x, y }) => `${left(x)} ${top(y)}`;
  return `M${points.map(place).join('L')}`;
}

/** Returns a line whose points are set by `show`. @param {string} label */
export function spark(label) {
  const line = svg('path', { class: 'spark-line' });
  const node = svg('svg', { class: 'spark', role: 'img', 'aria-label': label,
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT,
    preserveAspectRatio: 'none' }, line);
  const show = (/** @type {Point[]} */ points) => line.setAttribute('d', sparkPath(points));
  return { node, show };
}

/** Returns a bar of a share from 0 to 1. @param {string} label */
export function meter(label) {
  const fill = el('span.meter-fill');
  const node = el('span.meter', { role: 'meter', 'aria-label': label, 'aria-valuemin': 0,
    'aria-valuemax': 100 }, fill);
  return {
    node,
    show: (/** @type {number} */ share) => {
      const percent = Math.round(100 * Math.min(1, Math.max(0, share)));
      node.setAttribute('aria-valuenow', String(percent));
      node.dataset.level = share > 0.9 ? 'high' : share > 0.75 ? 'raised' : '';
      fill.style.width = `${percent}%`;
    },
  };
}
