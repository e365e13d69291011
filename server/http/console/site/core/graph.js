// @ts-check
// A plan as a picture: stages as boxes with their steps, topics as cylinders between them.
import { svg } from './element.js';
import { layOut } from './layout.js';

/**
 * `kind` is `stage`, `topic` or `exchange`.
 * @typedef {{id: string, kind: string, title: string, steps: string[]}} Part
 */
/** @typedef {{parts: Part[], edges: {from: string, to: string}[]}} Plan */

const CHARACTER = 7; // px, of the small text
const WIDEST = 46; // characters
const LINE = 22;

/**
 * Reads the text of EXPLAIN (FORMAT DOT): one node per step inside subgraphs that are stages, and
 * cylinders for topics.
 * @param {string} dot @returns {Plan}
 */
export function parseDot(dot) {
  /** @type {Map<string, Part>} */
  const parts = new Map();
  /** @type {Map<string, string>} */
  const stageOf = new Map(); // node of DOT -> part
  /** @type {Map<string, {from: string, to: string}>} */
  const edges = new Map();
  let stage = '';
  for (const line of dot.split('\n')) {
    const cluster = /subgraph (\w+) \{\s*label="([^"]*)"/.exec(line);
    const node = /^\s*("(?:[^"\\]|\\.)+"|\w+) \[(.*)\];/.exec(line);
    const edge = /^\s*("(?:[^"\\]|\\.)+"|\w+) -> ("(?:[^"\\]|\\.)+"|\w+)/.exec(line);
    if (cluster) {
      stage = cluster[1];
      parts.set(stage, { id: stage, kind: 'stage', title: cluster[2], steps: [] });
    } else if (/^\s*\}/.test(line)) {
      stage = '';
    } else if (edge) {
      const [from, to] = [edge[1], edge[2]].map((id) => stageOf.get(id) ?? id);
      if (from !== to) edges.set(`${from}>${to}`, { from, to });
    } else if (node && node[1] !== 'node') {
      const label = unescape(/label="((?:[^"\\]|\\.)*)"/.exec(node[2])?.[1] ?? node[1]);
      if (stage) {
        parts.get(stage)?.steps.push(label);
        stageOf.set(node[1], stage);
      } else {
        const isExchange = /-repartition$/.test(label);
        parts.set(node[1], { id: node[1], kind: isExchange ? 'exchange' : 'topic',
          title: isExchange ? 'exchange' : label, steps: [] });
      }
    }
  }
  return { parts: [...parts.values()], edges: [...edges.values()] };
}

/** @param {string} text */
function unescape(text) { return text.replace(/\\(.)/g, '$1'); }

/** @param {string} text */
function cut(text) { return text.length > WIDEST ? `${text.slice(0, WIDEST - 1)}…` : text; }

/** @param {Part} part */
function sizeOf(part) {
  const longest = Math.max(...[part.title, ...part.steps].map((text) => cut(text).length));
  const width = Math.max(72, longest * CHARACTER + 28);
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
    svg('text', { x: 14, y: 21, class: 'plan-title' }, part.title));
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
