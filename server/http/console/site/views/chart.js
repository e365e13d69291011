// @ts-check
// Line, bar and scatter charts on a canvas. The colours are those of the style sheet.
import { el } from '../core/element.js';
import { dateTime, isNumeric, isTime, parseTime } from '../core/format.js';
import { axisNumber, linear, ticks, ticksFromZero, timeTicks } from './scale.js';
import { isUtc } from '../core/store.js';

/** @typedef {import('../core/sql.js').Column} Column */
/**
 * `x`, `y` and `group` are positions of columns; -1 is none. The axis of x ends at the last point
 * and has the length `span`; without `span` it begins at the first point. `label` describes the
 * chart for screen readers, if no Table view has its data.
 * @typedef {{kind: string, x: number, y: number, group: number, beginsAtZero?: boolean,
 *            span?: number, label?: string}} ChartSettings
 */
/** @typedef {{x: number, y: number}} Point */
/** @typedef {{name: string, points: Point[]}} Series */

const MOST_SERIES = 8; // colours that a reader can distinguish
const MOST_BARS = 60;

/** Returns a chart that fits the types of the columns. @param {Column[]} columns */
export function propose(columns) {
  const find = (/** @type {(type: string) => boolean} */ test, /** @type {number} */ except) =>
    columns.findIndex((column, at) => at !== except && test(column.type));
  const time = find(isTime, -1);
  const isLabel = (/** @type {string} */ type) => !isNumeric(type) && !isTime(type);
  const label = find(isLabel, -1);
  const y = columns.findIndex((column, at) => at !== time && isNumeric(column.type) && !column.key);
  const number = y >= 0 ? y : find(isNumeric, time);
  if (time >= 0) return { kind: 'line', x: time, y: number, group: label };
  if (label >= 0) return { kind: 'bar', x: label, y: number, group: -1 };
  const other = find(isNumeric, number);
  return { kind: 'scatter', x: other >= 0 ? other : number, y: number, group: -1 };
}

/**
 * Returns the series of rows. If x is a label, a point has the number of its label in place of x.
 * @param {Column[]} columns @param {any[][]} rows @param {ChartSettings} settings
 */
export function seriesOf(columns, rows, settings) {
  const { kind, x, y, group } = settings;
  const type = columns[x]?.type ?? '';
  const isLabel = kind === 'bar' || (!isNumeric(type) && !isTime(type));
  /** @type {Map<string, number>} */
  const labels = new Map();
  /** @type {Map<string, Series>} */
  const byName = new Map();
  let leftOut = 0;
  for (const row of rows) {
    const value = Number(row[y]);
    if (row[y] === null || Number.isNaN(value)) continue;
    const at = isLabel ? place(labels, String(row[x] ?? 'NULL'))
      : isTime(type) ? parseTime(row[x]) : Number(row[x]);
    if (Number.isNaN(at) || (isLabel && at >= MOST_BARS)) { ++leftOut; continue; }
    const name = group >= 0 ? String(row[group] ?? 'NULL') : columns[y].name;
    if (!byName.has(name) && byName.size >= MOST_SERIES) { ++leftOut; continue; }
    if (!byName.has(name)) byName.set(name, { name, points: [] });
    byName.get(name)?.points.push({ x: at, y: value });
  }
  const series = [...byName.values()];
  if (kind === 'line' && !isLabel)
    for (const each of series) each.points.sort((a, b) => a.x - b.x);
  return { series, labels: isLabel ? [...labels.keys()] : null, isTime: isTime(type), leftOut };
}

/** @param {Map<string, number>} labels @param {string} label */
function place(labels, label) {
  const known = labels.get(label);
  if (known !== undefined) return known;
  labels.set(label, labels.size);
  return labels.size - 1;
}

export class Chart {
  constructor() {
    this.canvas = el('canvas.chart-canvas', { role: 'img', 'aria-label': 'Chart' });
    this.legend = el('div.legend');
    this.note = el('div.chart-note');
    this.node = el('div.chart', {}, this.legend, el('div.chart-area', {}, this.canvas), this.note);
  }

  /** @param {Column[]} columns @param {any[][]} rows @param {ChartSettings} settings */
  draw(columns, rows, settings) {
    const data = seriesOf(columns, rows, settings);
    const area = this.canvas.parentElement;
    const [width, height] = [area.clientWidth, area.clientHeight];
    if (width < 40 || height < 40) return;
    const ratio = devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * ratio)) this.canvas.width = width * ratio;
    if (this.canvas.height !== Math.round(height * ratio)) this.canvas.height = height * ratio;
    const context = this.canvas.getContext('2d');
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(document.documentElement);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    const isEmpty = data.series.length === 0;
    this.note.textContent = isEmpty ? 'No row has a number in the column of y yet.'
      : data.leftOut ? `${data.leftOut} rows are not drawn: the chart shows ${MOST_SERIES} ` +
        `groups and ${MOST_BARS} labels.` : '';
    this.drawLegend_(data.series);
    const names = `${settings.kind} chart of ${columns[settings.y]?.name} by ` +
      `${columns[settings.x]?.name}, ${rows.length} rows. The Table view has the data.`;
    this.canvas.setAttribute('aria-label', settings.label ?? names);
    if (!isEmpty) new Drawing(context, width, height, colour).draw(data, settings);
  }

  /** @param {Series[]} series */
  drawLegend_(series) {
    const names = series.map(({ name }) => name).join('\0');
    if (this.names_ === names) return;
    this.names_ = names;
    this.legend.replaceChildren(...series.map(({ name }, at) =>
      el('span.legend-item', {}, el(`span.swatch.series-${at}`, { 'aria-hidden': 'true' }), name)));
  }
}

class Drawing {
  /**
   * @param {CanvasRenderingContext2D} context @param {number} width @param {number} height
   * @param {(name: string) => string} colour
   */
  constructor(context, width, height, colour) {
    this.context = context;
    this.colour = colour;
    this.font = `12px ${colour('--sans')}`;
    this.left = 56;
    this.right = width - 16;
    this.top = 10;
    this.bottom = height - 28;
  }

  /** @param {ReturnType<typeof seriesOf>} data @param {ChartSettings} settings */
  draw(data, { kind, beginsAtZero = false, span }) {
    const ys = data.series.flatMap(({ points }) => points.map(({ y }) => y));
    const low = extreme(ys, Math.min), high = extreme(ys, Math.max);
    // Bars begin at zero: their length is the value.
    const marks = beginsAtZero || kind === 'bar' ? ticksFromZero(low, high) : ticks(low, high);
    const y = linear(marks[0], marks[marks.length - 1], this.bottom, this.top);
    this.drawY_(marks, y);
    const x = this.drawX_(data, span);
    for (const [at, { points }] of data.series.entries()) {
      const ink = this.colour(`--series-${at}`);
      this.context.strokeStyle = this.context.fillStyle = ink;
      if (kind === 'bar') this.bars_(points, x, y, at, data.series.length, data.labels?.length);
      else if (kind === 'line') this.line_(points, x, y);
      else this.dots_(points, x, y);
    }
  }

  /** @param {number[]} marks @param {(value: number) => number} y */
  drawY_(marks, y) {
    const { context, left, right } = this;
    context.font = this.font;
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    context.lineWidth = 1;
    for (const mark of marks) {
      const at = Math.round(y(mark)) + 0.5;
      this.ink_('--line', true);
      context.beginPath();
      context.moveTo(left, at);
      context.lineTo(right, at);
      context.stroke();
      this.ink_('--ink-soft');
      context.fillText(axisNumber(mark), left - 8, at);
    }
  }

  /** @param {ReturnType<typeof seriesOf>} data @param {number} [span] */
  drawX_(data, span) {
    const { context, left, right, bottom } = this;
    context.textBaseline = 'top';
    context.textAlign = 'center';
    this.ink_('--ink-soft');
    if (data.labels) {
      const room = (right - left) / data.labels.length;
      const every = Math.max(1, Math.ceil(72 / room));
      const most = Math.max(4, Math.floor((room * every) / 7));
      const x = (/** @type {number} */ at) => left + (at + 0.5) * room;
      for (let at = 0; at < data.labels.length; at += every)
        context.fillText(cut(data.labels[at], most), x(at), bottom + 8);
      return x;
    }
    const xs = data.series.flatMap(({ points }) => points.map((point) => point.x));
    const high = extreme(xs, Math.max);
    const low = span === undefined ? extreme(xs, Math.min) : high - span;
    const x = linear(low, high, left + 4, right - 4);
    const offset = isUtc() ? 0 : -new Date(low).getTimezoneOffset() * 60_000;
    const wanted = Math.max(2, Math.floor((right - left) / 110));
    const marks = data.isTime ? timeTicks(low, high, wanted, offset)
      : ticks(low, high, wanted).filter((mark) => mark >= low && mark <= high);
    for (const mark of marks)
      context.fillText(data.isTime ? timeLabel(mark, high - low) : axisNumber(mark), x(mark),
        bottom + 8);
    return x;
  }

  /** @param {string} name @param {boolean} [isLine] */
  ink_(name, isLine = false) {
    const ink = this.colour(name);
    if (isLine) this.context.strokeStyle = ink;
    else this.context.fillStyle = ink;
  }

  /** @param {Point[]} points @param {(v: number) => number} x @param {(v: number) => number} y */
  line_(points, x, y) {
    const { context } = this;
    context.lineWidth = 2;
    context.lineJoin = 'round';
    context.beginPath();
    for (const [at, point] of points.entries()) {
      if (at) context.lineTo(x(point.x), y(point.y));
      else context.moveTo(x(point.x), y(point.y));
    }
    context.stroke();
    if (points.length <= 40) this.dots_(points, x, y);
  }

  /** @param {Point[]} points @param {(v: number) => number} x @param {(v: number) => number} y */
  dots_(points, x, y) {
    for (const point of points) {
      this.context.beginPath();
      this.context.arc(x(point.x), y(point.y), 3, 0, 7);
      this.context.fill();
    }
  }

  /** @param {Point[]} points @param {(v: number) => number} x @param {(v: number) => number} y */
  bars_(points, x, y, /** @type {number} */ at, /** @type {number} */ of,
    /** @type {number} */ labels = 1) {
    const room = Math.min(96, ((this.right - this.left) / labels) * 0.72);
    const width = Math.max(2, room / of);
    for (const point of points) {
      const left = x(point.x) - room / 2 + at * width;
      const [from, to] = [y(0), y(point.y)];
      this.context.fillRect(left, Math.min(from, to), Math.max(1, width - 1), Math.abs(from - to));
    }
  }
}

/**
 * As Math.min(...numbers), which overflows the stack for many numbers.
 * @param {number[]} numbers @param {any} of
 */
function extreme(numbers, of) {
  return numbers.reduce((a, b) => of(a, b), numbers[0] ?? 0);
}

/** @param {string} text @param {number} most */
function cut(text, most) { return text.length > most ? `${text.slice(0, most - 1)}…` : text; }

/** @param {number} at @param {number} span ms */
function timeLabel(at, span) {
  const text = dateTime(at, isUtc());
  if (span > 3 * 86_400_000) return text.slice(0, 10);
  if (span > 600_000) return text.slice(11, 16);
  return span > 10_000 || at % 1000 === 0 ? text.slice(11, 19) : text.slice(14);
}
