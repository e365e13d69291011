// @ts-check
// The first minute: cards over an empty catalog, and the tour.
import { button, el, icon, toast } from '../core/element.js';
import { openDialog } from '../core/dialog.js';
import { load, save } from '../core/store.js';
import { addressOfListener } from '../core/session.js';

/**
 * Functions of the page that the start needs. `run` opens a draft with the script and runs it.
 * @typedef {{run: (name: string, sql: string) => void, connect: () => void,
 *            plan: (sql: string) => void, catalog: import('../editor/catalog.js').Catalog,
 *            confirm: (what: any) => Promise<boolean>, refresh: () => Promise<void>,
 *            step: () => void}} Needs
 */

/** @param {string} sales */
function salesSql(sales) {
  return `-- A stream that generates 50 sales per second.
CREATE STREAM ${sales} (id BIGINT KEY, city VARCHAR, amount DECIMAL(16, 2), at TIMESTAMP) WITH (
  GENERATOR = 'datagen', ROWS_PER_SECOND = 50,
  'fields.city.kind' = 'zipf',
  'fields.city.values' = 'Lahore, Karachi, Quetta, Multan, Peshawar, Faisalabad',
  'fields.amount.min' = 1, 'fields.amount.max' = 500);
SELECT * FROM ${sales} EMIT CHANGES;
`;
}

/** @param {string} sales @param {string} byCity */
function byCitySql(sales, byCity) {
  return `-- A table that the server keeps up to date, and its changes.
CREATE TABLE ${byCity} AS
  SELECT city, COUNT(*) AS sales, SUM(amount) AS total FROM ${sales} GROUP BY city;
SELECT * FROM ${byCity} EMIT CHANGES;
`;
}

/** The tour: its step, and the objects that it created. Step 0: not begun. */
export class Tour {
  /** @param {Needs} needs */
  constructor(needs) {
    this.needs_ = needs;
    /** @type {{step: number, sales: string, byCity: string}} */
    this.state = load('tour', { step: 0, sales: 'sales', byCity: 'by_city' });
    this.node = el('div.tour', { role: 'region', 'aria-label': 'Tour', hidden: true });
    this.draw();
  }

  /** @param {Partial<typeof this.state>} change */
  set_(change) {
    Object.assign(this.state, change);
    save('tour', this.state);
    this.draw();
    this.needs_.step();
  }

  /** Generates sales under names that no other object has. */
  begin() {
    const { catalog } = this.needs_;
    let at = 1;
    const name = (/** @type {string} */ base) => at === 1 ? base : `${base}_${at}`;
    while (catalog.find(name('sales')) || catalog.find(name('by_city'))) ++at;
    this.set_({ step: 1, sales: name('sales'), byCity: name('by_city') });
    this.needs_.run('tour 1', salesSql(this.state.sales));
  }

  count_() {
    const { sales, byCity } = this.state;
    this.set_({ step: 2 });
    this.needs_.run('tour 2', byCitySql(sales, byCity));
  }

  lineage_() {
    const { sales, byCity } = this.state;
    this.set_({ step: 3 });
    this.needs_.plan(`CREATE TABLE ${byCity} AS SELECT city, COUNT(*) AS sales, ` +
      `SUM(amount) AS total FROM ${sales} GROUP BY city;`);
  }

  /** Drops the objects of the tour, after it has shown the statements. */
  async cleanUp() {
    const { sales, byCity } = this.state;
    const { catalog, confirm, refresh, run } = this.needs_;
    await refresh(); // the last statement may still be defining one of the objects
    const drops = [catalog.find(byCity) && `DROP TABLE ${byCity} DELETE TOPIC;`,
      catalog.find(sales) && `DROP STREAM ${sales} DELETE TOPIC;`].filter(Boolean);
    if (!drops.length) {
      this.set_({ step: 0 });
      toast('The objects of the tour are dropped already.');
      return;
    }
    const isAgreed = await confirm({
      title: 'Clean up', act: 'Drop them', sql: drops.join('\n'),
      note: 'The tour created these objects. Dropping them also deletes their topics.',
    });
    if (!isAgreed) return;
    this.set_({ step: 0 });
    run('clean up', `${drops.join('\n')}\n`);
  }

  draw() {
    const { step, sales, byCity } = this.state;
    this.node.hidden = step === 0;
    const steps = /** @type {[string, string, (() => void)|null][]} */ ([
      ['', '', null],
      [`Sales arrive in the stream ${sales}.`, 'Next: count them by city', () => this.count_()],
      [`The table ${byCity} moves with them.`, 'Next: see how it is computed',
        () => this.lineage_()],
      [`${sales} → query → ${byCity}: this is the whole program.`, '', null],
    ]);
    const [text, next, act] = steps[step] ?? steps[0];
    this.node.replaceChildren(
      el('span.tour-step', {}, `${step} of 3`), el('span.tour-text', {}, text),
      el('span.spring', {}),
      ...(act ? [button('', next, act, { class: 'primary small' })] : []),
      button('broom', 'Clean up', () => void this.cleanUp(), { class: 'small' }),
      button('close', '', () => this.set_({ step: 0 }), { 'aria-label': 'End the tour',
        class: 'small' }));
  }
}

/** Returns what an empty catalog shows. @param {Tour} tour @param {() => void} connect */
export function startCards(tour, connect) {
  const card = (/** @type {string} */ name, /** @type {string} */ title,
    /** @type {string} */ text, /** @type {any} */ action) =>
    el('section.start-card', {}, el('div.start-icon', {}, icon(name)), el('h2', {}, title),
      el('p', {}, text), action);
  return el('div.start', {},
    el('header.start-head', {}, el('h1', {}, 'Nothing flows yet'),
      el('p', {}, 'The catalog of this server is empty. Here are two ways to begin.')),
    el('div.start-cards', {},
      card('stream', 'Generate sales', 'The server makes up sales, 50 per second. Then a table ' +
        'counts them by city while you watch.',
      button('run', 'Generate sales', () => tour.begin(), { class: 'primary' })),
      card('plug', 'Connect a client', 'psql, Kafka clients and Python reach this server at its ' +
        'own ports. Copy a line and start.',
      button('', 'Show the lines', connect))));
}

/** Returns what the page shows before the first run. @param {() => void} keys */
export function idleNote(keys) {
  const key = (/** @type {string} */ name) => el('kbd', {}, name);
  return el('div.idle', {},
    el('p', {}, key('Ctrl'), ' ', key('Enter'), ' runs the statement at the cursor, ',
      key('Ctrl'), ' ', key('Shift'), ' ', key('Enter'), ' the whole script.'),
    el('p.soft', {}, 'A SELECT with EMIT CHANGES keeps moving until you stop it. ',
      button('keyboard', 'All keys', keys, { class: 'link' })));
}

/** Returns the lines that connect clients, with the ports of this server. */
function clientSnippets() {
  const pg = addressOfListener('pg', `${location.hostname}:7432`);
  const kafka = addressOfListener('kafka', `${location.hostname}:9092`);
  return [
    { title: 'psql', text: `psql -h ${pg.host} -p ${pg.port}` },
    { title: 'Kafka', text: `echo '1:{"city":"Lahore","amount":120.5}' | kcat -b ` +
      `${kafka.host}:${kafka.port} -t orders -P -K:` },
    { title: 'Python', text: `import psycopg\nwith psycopg.connect("host=${pg.host} ` +
      `port=${pg.port}") as connection:\n    for row in connection.cursor().stream(\n` +
      `            "SELECT * FROM by_city EMIT CHANGES"):\n        print(row)` },
    { title: 'HTTP', text: `curl -N ${location.origin}/sql -H 'Content-Type: application/json' ` +
      `-d '{"sql": "SHOW STREAMS;"}'` },
  ];
}

/** Shows the lines in a dialog. */
export function showClients() {
  openDialog('Connect a client', clientSnippets().map(({ title, text }) => el('section.snippet', {},
    el('h3', {}, title), el('pre.sql-text', { tabindex: 0, 'aria-label': title }, text),
    button('', 'Copy', () => void navigator.clipboard.writeText(text), { class: 'small' }))),
  { wide: true });
}
