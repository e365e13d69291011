// @ts-check
// A plan as a picture: stages as boxes with their steps, topics as cylinders between them.
import { svg } from '../core/element.js';
import { layOut } from './layout.js';
import { axisNumber } from './scale.js';

/**
 * `kind` is `stage`, `topic`, `exchange` or `client`; a stage has its number in SHOW TASKS.
 * @typedef {{id: string, kind: string, title: string, steps: string[], stage?: number}} Part
 */
/** @typedef {{parts: Part[], edges: {from: string, to: string}[], query?: string}} Plan */
/** The load of a stage: rows per second, and records that it has not read. */
/** @typedef {{rate: number, lag: number}} Load */

const CHARACTER = 7; // px, of the small text
const WIDEST = 46; // characters
const LINE = 22;

/**
 * Reads the document of EXPLAIN (FORMAT JSON); null if the statement has no stages, such as a
 * SELECT over tables. The id of a step is such as `1.4`: step 4 of stage 1.
 * @param {string} text @returns {Plan|null}
 */
export function parsePlan(text) {
  const topology = JSON.parse(text)[0]?.Topology;
  if (!topology?.stages) return null;
  /** @type {Part[]} */
  const parts = topology.stages.map((/** @type {any} */ { stage, steps }) => ({
    id: `stage ${stage}`, kind: 'stage', title: `stage ${stage + 1}`, stage,
    steps: steps.map((/** @type {any} */ step) => step.text) }));
  for (const { id, name } of topology.topics)
    parts.push({ id, kind: 'topic', title: name, steps: [] });
  for (const { id } of topology.exchanges)
    parts.push({ id, kind: 'exchange', title: 'exchange', steps: [] });
  /** @type {Map<string, {from: string, to: string}>} */
  const edges = new Map();
  const partOf = (/** @type {string} */ id) =>
    /^\d+\.\d+$/.test(id) ? `stage ${id.split('.')[0]}` : id;
  for (const each of topology.edges) {
    const [from, to] = [partOf(each.from), partOf(each.to)];
    if (from !== to) edges.set(`${from}>${to}`, { from, to });
  }
  if ([...edges.values()].some(({ to }) => to === 'client'))
    parts.push({ id: 'client', kind: 'client', title: 'this client', steps: [] });
  return { parts, edges: [...edges.values()], query: topology.query };
}

/**
 * Returns the load of each stage from the rows of SHOW TASKS.
 * @param {Record<string, any>[]} tasks @returns {Map<number, Load>}
 */
export function loadOf(tasks) {
  const loads = new Map();
  for (const task of tasks) {
    const load = loads.get(Number(task.stage)) ?? { rate: 0, lag: 0 };
    load.rate += Number(task.rows_per_second ?? 0);
    load.lag += Number(task.lag ?? 0);
    loads.set(Number(task.stage), load);
  }
  return loads;
}

/** @param {string} text */
function cut(text) { return text.length > WIDEST ? `${text.slice(0, WIDEST - 1)}…` : text; }

/** @param {Part} part */
function sizeOf(part) {
  const longest = Math.max(...[part.title, ...part.steps].map((text) => cut(text).length));
  const least = part.kind === 'stage' ? 150 : 72; // room for the load of a stage
  const width = Math.max(least, longest * CHARACTER + 28);
  const height = part.kind === 'stage' ? 34 + part.steps.length * LINE + 6 : 52;
  return { id: part.id, width, height };
}

/** Returns the picture of a plan. @param {Plan} plan @returns {SVGElement} */
export function drawPlan(plan) {
  const { boxes, width, height } = layOut(plan.parts.map(sizeOf), plan.edges);
  const byId = new Map(boxes.map((box) => [box.id, box]));
  const picture = svg('svg', {
    class: 'plan-picture', role: 'img', width: width + 24, height: height + 24,
    viewBox: `-12 -12 ${width + 24} ${height + 24}`,
    'aria-label': `Plan with ${plan.parts.length} parts. The text view lists them.`,
  }, svg('defs', {}, svg('marker', { id: 'arrow', viewBox: '0 0 8 8', refX: 7, refY: 4,
    markerWidth: 8, markerHeight: 8, orient: 'auto-start-reverse' },
  svg('path', { d: 'M0 0.5 7.5 4 0 7.5z', class: 'arrow-head' }))));
  for (const { from, to } of plan.edges) {
    const [a, b] = [byId.get(from), byId.get(to)];
    if (a && b) picture.append(edge(a, b));
  }
  for (const part of plan.parts) {
    const box = byId.get(part.id);
    if (box) picture.append(part.kind === 'stage' ? stageBox(part, box) : cylinder(part, box));
  }
  return picture;
}

/**
 * Writes the loads into a picture of drawPlan().
 * @param {SVGElement} picture @param {Map<number, Load>} loads
 */
export function showLoads(picture, loads) {
  for (const text of picture.querySelectorAll('.plan-load')) {
    const load = loads.get(Number(/** @type {any} */ (text).dataset.stage));
    const behind = load?.lag ? ` · ${axisNumber(load.lag)} behind` : '';
    const shown = load ? `${axisNumber(load.rate)}/s${behind}` : '';
    if (text.textContent !== shown) text.textContent = shown;
  }
}

/** @param {import('./layout.js').Box} a @param {import('./layout.js').Box} b */
function edge(a, b) {
  const [x1, y1] = [a.x + a.width, a.y + a.height / 2];
  const [x2, y2] = [b.x - 2, b.y + b.height / 2];
  const middle = (x1 + x2) / 2;
  return svg('path', { class: 'plan-edge', 'marker-end': 'url(#arrow)',
    d: `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}` });
}

/** @param {Part} part @param {import('./layout.js').Box} box */
function stageBox(part, box) {
  const group = svg('g', { class: 'plan-stage', transform: `translate(${box.x} ${box.y})` },
    svg('rect', { width: box.width, height: box.height, rx: 6 }),
    svg('text', { x: 14, y: 21, class: 'plan-title' }, part.title),
    svg('text', { x: box.width - 10, y: 21, 'text-anchor': 'end', class: 'plan-load',
      'data-stage': part.stage }));
  for (const [at, step] of part.steps.entries()) {
    const y = 34 + at * LINE;
    group.append(svg('g', { class: 'plan-step' }, svg('title', {}, step),
      svg('rect', { x: 6, y, width: box.width - 12, height: LINE - 3, rx: 3 }),
      svg('text', { x: 14, y: y + 14 }, cut(step))));
  }
  return group;
}

/** @param {Part} part @param {import('./layout.js').Box} box */
function cylinder(part, box) {
  const { width: w, height: h } = box;
  const lid = 7;
  return svg('g', { class: `plan-${part.kind}`, transform: `translate(${box.x} ${box.y})` },
    svg('title', {}, part.title),
    svg('path', { d: `M0 ${lid}V${h - lid}A${w / 2} ${lid} 0 0 0 ${w} ${h - lid}V${lid}` }),
    svg('ellipse', { cx: w / 2, cy: lid, rx: w / 2, ry: lid }),
    svg('text', { x: w / 2, y: h / 2 + 9, 'text-anchor': 'middle' }, cut(part.title)));
}
