// @ts-check
// The chart of a result with its settings.
import { el, fill, segments } from '../core/element.js';
import { Chart, propose } from '../views/chart.js';
import { isNumeric } from '../core/format.js';

/** @typedef {import('../core/sql.js').Column} Column */

export class ChartPanel {
  /** @param {() => void} changed */
  constructor(changed) {
    this.changed_ = changed;
    this.chart_ = new Chart();
    this.form_ = el('div.chart-form');
    this.node = el('div.chart-panel', {}, this.form_, this.chart_.node);
    /** @type {Column[]} */
    this.columns_ = [];
    this.settings = { kind: 'line', x: 0, y: 0, group: -1 };
  }

  /** Proposes a chart if the columns have changed; otherwise the settings stay. */
  open(/** @type {Column[]} */ columns) {
    const key = JSON.stringify(columns);
    if (key !== JSON.stringify(this.columns_)) this.settings = propose(columns);
    this.columns_ = columns;
    const { kind } = this.settings;
    fill(this.form_,
      segments('Kind of chart', [['line', 'Line'], ['bar', 'Bar'], ['scatter', 'Scatter']], kind,
        (chosen) => { this.settings.kind = chosen; this.changed_(); }),
      this.field_('x', () => true), this.field_('y', (column) => isNumeric(column.type)),
      this.field_('group', () => true, true));
  }

  /**
   * @param {'x'|'y'|'group'} name @param {(column: Column) => boolean} fits
   * @param {boolean} [isOptional]
   */
  field_(name, fits, isOptional = false) {
    const input = el('select.input', {
      onchange: () => { this.settings[name] = Number(input.value); this.changed_(); },
    }, isOptional && el('option', { value: -1 }, 'none'),
    this.columns_.map((column, at) => fits(column) && el('option', { value: at }, column.name)));
    input.value = String(this.settings[name]);
    return el('label.inline-field', {}, el('span', {}, name), input);
  }

  /** @param {any[][]} rows */
  draw(rows) {
    if (this.settings.y < 0) {
      this.chart_.note.textContent = 'A chart needs a column of numbers.';
      return;
    }
    this.chart_.draw(this.columns_, rows, this.settings);
  }
}
