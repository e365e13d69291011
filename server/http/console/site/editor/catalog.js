// @ts-check
// The objects of the server, for the tree and the completion.
import { objects, quoteName, select, selectAll } from '../core/sql.js';

/** @typedef {{name: string, type: string, role: string}} ColumnInfo */
/**
 * `kind` is `stream`, `table` or `view`; `described` is true once DESCRIBE has given the types and
 * the keys in the words of the dialect, and `asked` settles when it has ended.
 * @typedef {{name: string, kind: string, topic: string, format: string, columns: ColumnInfo[],
 *            described: boolean, asked?: Promise<void>}} Relation
 */
/** @typedef {{name: string, kind: string, description: string}} FunctionInfo */

const STATEMENTS = [
  `SELECT table_name, column_name, data_type FROM information_schema.columns
     WHERE table_schema = 'public' ORDER BY table_name, ordinal_position`,
  'SHOW STREAMS', 'SHOW TABLES', 'SHOW TOPICS', 'SHOW QUERIES',
];

/** The names of types in information_schema, as the dialect writes them. */
/** @type {Record<string, string>} */
const TYPE_NAMES = {
  text: 'VARCHAR', 'character varying': 'VARCHAR', integer: 'INT', bigint: 'BIGINT',
  numeric: 'DECIMAL', 'double precision': 'DOUBLE', boolean: 'BOOLEAN', bytea: 'BYTES',
  'timestamp with time zone': 'TIMESTAMP', 'timestamp without time zone': 'TIMESTAMP',
  date: 'DATE', 'time without time zone': 'TIME',
};

/** Whether a column is a key of its relation, or a part of it. @param {{role: string}} column */
export function isKey(column) { return /^(primary )?key$/i.test(column.role); }

export class Catalog {
  constructor() {
    /** @type {Relation[]} */
    this.relations = [];
    /** @type {Record<string, any>[]} */
    this.topics = [];
    /** @type {Record<string, any>[]} */
    this.queries = [];
    /** @type {FunctionInfo[]} */
    this.functions = [];
    /** @type {string} `loading`, `ready` or `failed` */
    this.state = 'loading';
    this.error = '';
  }

  get isEmpty() { return this.state === 'ready' && this.relations.length === 0; }

  /** Returns the statement that supplies the tree. */
  static sql() { return STATEMENTS.map((statement) => `${statement};`).join('\n'); }

  /** Reads all objects again. @param {AbortSignal} signal */
  async load(signal) {
    try {
      const results = await selectAll(Catalog.sql(), signal);
      const [columns, streams, tables, topics, queries] = results.map(objects);
      this.relations = relations(columns, streams, tables, this.relations);
      this.topics = topics ?? [];
      this.queries = queries ?? [];
      this.state = 'ready';
    } catch (error) {
      if (signal.aborted) return;
      this.state = 'failed';
      this.error = /** @type {Error} */ (error).message;
    }
  }

  /** Reads the functions once. @param {AbortSignal} signal */
  async loadFunctions(signal) {
    if (this.functions.length) return;
    const rows = await select('SHOW FUNCTIONS', signal);
    this.functions = rows.map((row) => ({
      name: row.function ?? row.name ?? '', kind: (row.kind ?? '').toLowerCase(),
      description: row.description ?? '',
    }));
  }

  /**
   * Reads the types and keys of a relation, once until the catalog is read again. The types of
   * information_schema stay where DESCRIBE fails.
   * @param {Relation} relation @param {AbortSignal} signal
   */
  describe(relation, signal) {
    relation.asked ??= this.describe_(relation, signal).catch(() => {});
    return relation.asked;
  }

  /** @param {Relation} relation @param {AbortSignal} signal */
  async describe_(relation, signal) {
    const rows = await select(`DESCRIBE ${quoteName(relation.name)}`, signal);
    const roles = new Map(rows.map((row) =>
      [String(row.column ?? row.name ?? '').toLowerCase(), row]));
    for (const column of relation.columns) {
      const row = roles.get(column.name.toLowerCase());
      if (!row) continue;
      column.type = row.type ?? column.type;
      column.role = row.role ?? '';
    }
    relation.described = true;
  }

  /** Returns the relation with this name. @param {string} name */
  find(name) {
    const folded = name.replaceAll('"', '').toLowerCase();
    return this.relations.find((relation) => relation.name.toLowerCase() === folded);
  }
}

/**
 * Returns the first value for each key: a catalog has thousands of objects, so they are not
 * searched one by one.
 * @template T @param {T[]} values @param {(value: T) => string} key @returns {Map<string, T>}
 */
function firstBy(values, key) {
  /** @type {Map<string, T>} */
  const found = new Map();
  for (const value of values) {
    const name = key(value);
    if (!found.has(name)) found.set(name, value);
  }
  return found;
}

/**
 * @param {Record<string, any>[]} columns @param {Record<string, any>[]} streams
 * @param {Record<string, any>[]} tables @param {Relation[]} before relations that keep what
 *   DESCRIBE has given, while their columns are the same
 */
export function relations(columns, streams, tables, before) {
  const streamOf = firstBy(streams, (row) => String(row.stream).toLowerCase());
  const tableOf = firstBy(tables, (row) => String(row.table).toLowerCase());
  const oldOf = firstBy(before, ({ kind, name }) => `${kind} ${name}`);
  /** @type {Map<string, Relation>} */
  const byName = new Map();
  for (const row of columns) {
    const name = row.table_name, folded = name.toLowerCase();
    if (!byName.has(name))
      byName.set(name, relation(name, streamOf.get(folded), tableOf.get(folded)));
    const type = TYPE_NAMES[row.data_type] ?? String(row.data_type).toUpperCase();
    byName.get(name)?.columns.push({ name: row.column_name, type, role: '' });
  }
  const names = (/** @type {Relation} */ each) => each.columns.map(({ name }) => name).join();
  return [...byName.values()].map((now) => {
    const old = oldOf.get(`${now.kind} ${now.name}`);
    return old?.described && names(old) === names(now) ? { ...now, ...old } : now;
  });
}

/**
 * @param {string} name @param {Record<string, any>|undefined} stream
 * @param {Record<string, any>|undefined} table @returns {Relation}
 */
function relation(name, stream, table) {
  const found = stream ?? table;
  const kind = stream ? 'stream' : table ? 'table' : 'view';
  return {
    name, kind, topic: found?.topic ?? '', format: found?.value_format ?? '', columns: [],
    described: false,
  };
}
