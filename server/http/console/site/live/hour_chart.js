// @ts-check
// A line chart of a value during the last hour. If the history is shorter, the left part is empty.
// The chart is drawn again when its points or its size change.
import { el } from '../core/element.js';
import { Chart } from '../views/chart.js';
import { axisNumber } from '../views/scale.js';
import { HOUR_MS } from './figures.js';

const COLUMNS = [{ name: 'time', type: 'TIMESTAMP' }, { name: 'value', type: 'DOUBLE' }];

export class HourChart {
  /** @param {string} label @param {string} unit */
  constructor(label, unit) {
    this.chart_ = new Chart();
    this.label_ = label;
    this.columns_ = [COLUMNS[0], { ...COLUMNS[1], name: unit }];
    this.none_ = el('p.soft', {}, 'The history has no value yet: it gets one every 5 seconds.');
    this.node = el('div.hour-chart', {}, this.none_, this.chart_.node);
    this.chart_.node.hidden = true; // until the first two points
    this.drawn_ = '';
  }

  /** @param {{x: number, y: number}[]} points sorted by time */
  show(points) {
    this.none_.hidden = points.length > 1;
    this.chart_.node.hidden = points.length < 2;
    if (points.length < 2) return;
    const key = `${points.length} ${points[points.length - 1].x} ${this.node.clientWidth} ` +
      document.documentElement.dataset.theme;
    if (key === this.drawn_) return;
    this.drawn_ = key;
    const most = points.reduce((high, { y }) => Math.max(high, y), 0);
    const now = points[points.length - 1].y;
    this.chart_.draw(this.columns_, points.map(({ x, y }) => [x, y]),
      { kind: 'line', x: 0, y: 1, group: -1, beginsAtZero: true, span: HOUR_MS,
        label: `${this.label_}: ${axisNumber(now)} now, ${axisNumber(most)} at most` });
  }
}
