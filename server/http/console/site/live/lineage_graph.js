// @ts-check
// The objects of the server and their links: which object an object reads, and what reads it.
/** @typedef {{id: string, kind: string, name: string, level?: string, note?: string}} Place */
/** @typedef {{from: string, to: string}} Link */
/** @typedef {{places: Place[], links: Link[]}} Lineage */
/** @typedef {'none'|'lag'|'errors'|'rate'} Colour */

const C = 'millrace_catalog';
export const LINKS = `SELECT from_kind, from_name, to_kind, to_name FROM ${C}.lineage`;
export const READERS = `SELECT "group", topic, sum(lag) AS lag FROM ${C}.consumer_lag ` +
  'GROUP BY "group", topic';
export const CONNECTORS = `SELECT connector, type, state, topics, lag, errors FROM ${C}.connectors`;
export const LOADS = `SELECT query, state, lag, rows_per_second, errors FROM ${C}.queries`;

/** Kinds of objects in the order of sentences. */
const KINDS = ['query', 'stream', 'table', 'view', 'topic', 'group', 'connector'];

/** @param {string} kind @param {string} name */
export function idOf(kind, name) { return `${kind} ${name}`; }

/**
 * Joins the rows of the four statements to one graph.
 * @param {Record<string, any>[]} links @param {Record<string, any>[]} readers
 * @param {Record<string, any>[]} connectors @returns {Lineage}
 */
export function lineageOf(links, readers, connectors) {
  /** @type {Map<string, Place>} */
  const places = new Map();
  /** @type {Map<string, Link>} */
  const found = new Map();
  const place = (/** @type {string} */ kind, /** @type {string} */ name) => {
    const id = idOf(kind, name);
    if (!places.has(id)) places.set(id, { id, kind, name });
    return id;
  };
  const link = (/** @type {string} */ from, /** @type {string} */ to) =>
    found.set(`${from}>${to}`, { from, to });
  for (const each of links)
    link(place(each.from_kind, each.from_name), place(each.to_kind, each.to_name));
  for (const { group, topic } of readers) link(place('topic', topic), place('group', group));
  for (const { connector, type, topics } of connectors) {
    const id = place('connector', connector);
    for (const topic of String(topics ?? '').split(/,\s*/).filter(Boolean))
      if (/sink/i.test(type)) link(place('topic', topic), id);
      else link(id, place('topic', topic));
  }
  return { places: [...places.values()], links: [...found.values()] };
}

/**
 * Returns the ids that links lead to from `start` in one direction, without `start` itself.
 * @param {Link[]} links @param {string} start @param {'from'|'to'} far `to`: what reads it
 */
export function reached(links, start, far) {
  const near = far === 'to' ? 'from' : 'to';
  /** @type {Map<string, string[]>} */
  const next = new Map();
  for (const link of links) next.set(link[near], [...next.get(link[near]) ?? [], link[far]]);
  const seen = new Set([start]);
  for (const id of seen) for (const other of next.get(id) ?? []) seen.add(other);
  seen.delete(start);
  return seen;
}

/**
 * Returns the part of a graph with a place, all its direct and indirect sources and readers.
 * @param {Lineage} lineage @param {string} id @returns {Lineage}
 */
export function partOf({ places, links }, id) {
  const kept = new Set([id, ...reached(links, id, 'to'), ...reached(links, id, 'from')]);
  return { places: places.filter((each) => kept.has(each.id)),
    links: links.filter(({ from, to }) => kept.has(from) && kept.has(to)) };
}

/**
 * Returns the part of a graph with the places whose names fit, and their neighbours. It looks at
 * each link once, because a server may have thousands of them.
 * @param {Lineage} lineage @param {(name: string) => boolean} fits @returns {Lineage}
 */
export function fittingOf({ places, links }, fits) {
  const fitting = new Set(places.filter(({ name }) => fits(name)).map(({ id }) => id));
  const kept = new Set(fitting);
  for (const { from, to } of links)
    if (fitting.has(from) || fitting.has(to)) kept.add(from).add(to);
  return { places: places.filter(({ id }) => kept.has(id)),
    links: links.filter(({ from, to }) => kept.has(from) && kept.has(to)) };
}

/** @param {number} value @param {number} raised @param {number} high */
function levelOf(value, raised, high) {
  return value >= high ? 'high' : value >= raised ? 'raised' : 'low';
}

/**
 * Sets `level` (the colour) and `note` of each place from the lag, errors or rate of its query,
 * group or connector.
 * @param {Lineage} lineage @param {Colour} colour @param {Record<string, any>[]} queries
 * @param {Record<string, any>[]} readers @param {Record<string, any>[]} connectors
 */
export function colourBy({ places }, colour, queries, readers, connectors) {
  /** @type {Map<string, {lag: number|null, errors: number|null, rate: number|null}>} */
  const loads = new Map();
  const number = (/** @type {any} */ value) => value === null || value === undefined ? null
    : Number(value);
  for (const row of queries)
    loads.set(idOf('query', row.query), { lag: number(row.lag), errors: number(row.errors),
      rate: number(row.rows_per_second) });
  for (const row of readers) {
    const id = idOf('group', row.group);
    loads.set(id, { lag: (loads.get(id)?.lag ?? 0) + (number(row.lag) ?? 0), errors: null,
      rate: null });
  }
  for (const row of connectors)
    loads.set(idOf('connector', row.connector), { lag: number(row.lag), errors: number(row.errors),
      rate: null });
  const words = { lag: 'behind', errors: 'errors', rate: 'rows/s' };
  const limits = { lag: [100, 10_000], errors: [1, 1], rate: [1, 1000] };
  for (const each of places) {
    const value = colour === 'none' ? null : loads.get(each.id)?.[colour] ?? null;
    each.level = value === null || colour === 'none' ? '' : colour === 'rate'
      ? (value >= 1 ? 'busy' : 'low') : levelOf(value, limits[colour][0], limits[colour][1]);
    each.note = value === null || colour === 'none' ? ''
      : `${value.toLocaleString('en-US')} ${words[colour]}`;
  }
}

/** Returns the address of the page of a place, or ''. @param {Place} place */
export function hrefOf({ kind, name }) {
  const at = encodeURIComponent(name);
  return { topic: `#topics?t=${at}`, group: `#groups?g=${at}`,
    query: `#queries?q=${at}` }[kind] ?? '';
}

/**
 * Returns the sentence about the objects that stop or lose their source if a place is dropped.
 * @param {Lineage} lineage @param {string} id
 */
export function impactOf({ places, links }, id) {
  /** @type {Map<string, number>} */
  const kinds = new Map(KINDS.map((kind) => [kind, 0]));
  const after = reached(links, id, 'to');
  for (const { kind, id: each } of places)
    if (after.has(each)) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  if (!after.size) return 'Nothing reads it.';
  const words = { query: ['query', 'queries'], group: ['group', 'groups'] };
  return `A drop affects ${[...kinds].filter(([, count]) => count > 0).map(([kind, count]) => {
    const [one, many] = words[/** @type {'query'} */ (kind)] ?? [kind, `${kind}s`];
    return `${count} ${count === 1 ? one : many}`;
  }).join(', ')}.`;
}
