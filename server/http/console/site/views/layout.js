// @ts-check
// Places of a layered graph: ranks from left to right, few crossings, aligned boxes.

/** @typedef {{id: string, width: number, height: number, rank?: number}} Node */
/** @typedef {{from: string, to: string}} Edge */
/** @typedef {Node & {x: number, y: number, rank: number}} Box */

const GAP_RANK = 56; // px between ranks, room for arrows
const GAP_BOX = 20;
const SWEEPS = 8; // the order of a rank rarely improves after these

/**
 * Returns the box of each node and the size of the whole. Boxes do not overlap. Nodes keep the
 * order in which they are given, as far as crossings allow, so a small change moves little.
 * @param {Node[]} nodes @param {Edge[]} edges
 */
export function layOut(nodes, edges) {
  const ids = new Set(nodes.map(({ id }) => id));
  const inner = edges.filter(({ from, to }) => ids.has(from) && ids.has(to) && from !== to);
  const ranks = rankOf(nodes, inner);
  /** @type {Node[][]} */
  const layers = [];
  for (const node of nodes) {
    const rank = ranks.get(node.id) ?? 0;
    (layers[rank] ??= []).push(node);
  }
  const filled = layers.filter(Boolean);
  reduceCrossings(filled, inner);
  return place(filled, inner);
}

/**
 * Returns the rank of each node: one more than the highest of its sources. An edge that closes a
 * cycle is left out.
 * @param {Node[]} nodes @param {Edge[]} edges
 */
function rankOf(nodes, edges) {
  /** @type {Map<string, string[]>} */
  const sources = new Map(nodes.map(({ id }) => [id, []]));
  for (const { from, to } of edges) sources.get(to)?.push(from);
  /** @type {Map<string, number>} */
  const ranks = new Map();
  const open = new Set();
  const visit = (/** @type {string} */ id) => {
    const known = ranks.get(id);
    if (known !== undefined) return known;
    if (open.has(id)) return -1;
    open.add(id);
    const rank = (sources.get(id) ?? []).reduce((most, from) => Math.max(most, visit(from) + 1), 0);
    open.delete(id);
    ranks.set(id, rank);
    return rank;
  };
  for (const { id } of nodes) visit(id);
  return ranks;
}

/** Sorts each rank by the middle of its neighbours, from the left and from the right in turn. */
function reduceCrossings(/** @type {Node[][]} */ layers, /** @type {Edge[]} */ edges) {
  for (let sweep = 0; sweep < SWEEPS; ++sweep) {
    const isForward = sweep % 2 === 0;
    const order = isForward ? layers.slice(1) : layers.slice(0, -1).reverse();
    /** @type {Map<string, number>} */
    const at = new Map();
    for (const layer of layers) for (const [index, { id }] of layer.entries()) at.set(id, index);
    for (const layer of order) {
      const middle = new Map(layer.map(({ id }, index) => {
        const places = edges.flatMap(({ from, to }) => isForward
          ? (to === id ? [at.get(from) ?? 0] : []) : (from === id ? [at.get(to) ?? 0] : []));
        const sum = places.reduce((a, b) => a + b, 0);
        return [id, places.length ? sum / places.length : index];
      }));
      layer.sort((a, b) => (middle.get(a.id) ?? 0) - (middle.get(b.id) ?? 0));
      for (const [index, { id }] of layer.entries()) at.set(id, index);
    }
  }
}

/** @param {Node[][]} layers @param {Edge[]} edges */
function place(layers, edges) {
  /** @type {Map<string, Box>} */
  const boxes = new Map();
  let x = 0;
  for (const [rank, layer] of layers.entries()) {
    const width = Math.max(...layer.map((node) => node.width));
    let y = 0;
    for (const node of layer) {
      const left = x + (width - node.width) / 2;
      boxes.set(node.id, { ...node, x: left, y, rank });
      y += node.height + GAP_BOX;
    }
    x += width + GAP_RANK;
  }
  for (let sweep = 0; sweep < 5; ++sweep) {
    const isForward = sweep % 2 === 0;
    const order = isForward ? layers : [...layers].reverse();
    for (const layer of order) align(layer, boxes, edges, isForward);
  }
  return framed(boxes);
}

/**
 * Moves the boxes of a rank to the middle of their neighbours on the left, or on the right, without
 * overlaps.
 * @param {Node[]} layer @param {Map<string, Box>} boxes @param {Edge[]} edges
 * @param {boolean} isForward
 */
function align(layer, boxes, edges, isForward) {
  const middle = (/** @type {Box} */ box) => box.y + box.height / 2;
  const wanted = layer.map(({ id, height }) => {
    const near = edges
      .flatMap(({ from, to }) => isForward ? (to === id ? [from] : []) : from === id ? [to] : [])
      .flatMap((other) => boxes.get(other) ?? []);
    const own = /** @type {Box} */ (boxes.get(id));
    const sum = near.reduce((total, box) => total + middle(box), 0);
    return near.length ? sum / near.length - height / 2 : own.y;
  });
  let least = -Infinity;
  for (const [at, { id, height }] of layer.entries()) {
    const box = /** @type {Box} */ (boxes.get(id));
    box.y = Math.max(wanted[at], least);
    least = box.y + height + GAP_BOX;
  }
}

/** Moves all boxes to the origin. @param {Map<string, Box>} boxes */
function framed(boxes) {
  const all = [...boxes.values()];
  const top = all.reduce((least, { y }) => Math.min(least, y), Infinity);
  for (const box of all) box.y -= Number.isFinite(top) ? top : 0;
  return {
    boxes: all,
    width: all.reduce((most, box) => Math.max(most, box.x + box.width), 0),
    height: all.reduce((most, box) => Math.max(most, box.y + box.height), 0),
  };
}
