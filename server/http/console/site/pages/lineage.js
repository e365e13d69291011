// @ts-check
// The lineage of all objects: topics, streams, tables, queries, groups and connectors.
import { button, el, fill, segments } from '../core/element.js';
import { count, isolated, plural } from '../core/format.js';
import { objects, selectAll, sentencesOf } from '../core/sql.js';
import { addFilterKey, filterBox, withParam } from '../live/filter.js';
import { colourBy, CONNECTORS, fittingOf, hrefOf, impactOf, lineageOf, LINKS, LOADS, partOf,
  reached, READERS } from '../live/lineage_graph.js';
import { LiveTable } from '../live/live_table.js';
import { sqlButton } from '../live/panel.js';
import { drawLineage, markLineage } from '../views/lineage_picture.js';

/** @typedef {import('../live/lineage_graph.js').Lineage} Lineage */

const MOST_PLACES = 400; // more objects are drawn only around a chosen one
const SQL = [LINKS, READERS, CONNECTORS, LOADS].join(';\n');
const NONE = /** @type {Set<string>} */ (new Set());

class LineageView {
  /** @param {HTMLElement} main @param {URLSearchParams} params @param {AbortSignal} signal */
  constructor(main, params, signal) {
    this.signal_ = signal;
    this.chosen_ = params.get('o') ?? '';
    /** @type {import('../live/lineage_graph.js').Colour} */
    this.colour_ = 'none';
    this.view_ = 'picture';
    /** @type {Lineage} */
    this.all_ = { places: [], links: [] };
    /** @type {Record<string, any>[][]} */
    this.rows_ = [[], [], [], []];
    /** @type {SVGElement|null} */
    this.picture_ = null;
    this.filter_ = filterBox('objects', () => this.draw());
    this.summary_ = el('p.soft', { role: 'status' }, 'The lineage is read.');
    this.choice_ = el('div.lineage-choice', { 'aria-live': 'polite' });
    this.body_ = el('div.lineage-body', { tabindex: 0, role: 'region', 'aria-label': 'Lineage' });
    this.table_ = new LiveTable('Links', [
      { title: 'From', value: (row) => row.from }, { title: 'To', value: (row) => row.to }],
    { key: (row) => `${row.from}>${row.to}`, most: 500, empty: 'No object reads another one.' });
    main.append(el('div.page.live-page.wide', {}, el('h1', {}, 'Lineage'),
      el('section.panel', {}, el('header.panel-head', {}, el('h2', {}, 'All objects'),
        el('span.spring'), button('refresh', 'Read again', () => void this.read(),
          { class: 'quiet' }), sqlButton(SQL, 'the lineage')),
      el('div.list-bar', {}, this.filter_.node, this.summary_, el('span.spring'),
        segments('Colour', [['none', 'Plain'], ['lag', 'Lag'], ['errors', 'Errors'],
          ['rate', 'Rate']], 'none', (value) => {
          this.colour_ = /** @type {any} */ (value);
          this.draw();
        }), segments('View', [['picture', 'Graph'], ['list', 'List']], 'picture', (value) => {
          this.view_ = value;
          this.draw();
        })), this.choice_, this.body_)));
    addFilterKey('Filter the objects', main, signal);
  }

  async read() {
    try {
      this.rows_ = (await selectAll(SQL, this.signal_, { max_rows: 100_000 })).map(objects);
      const [links, readers, connectors] = this.rows_;
      this.all_ = lineageOf(links, readers, connectors);
      if (!this.all_.places.some(({ id }) => id === this.chosen_)) this.chosen_ = '';
      this.draw();
    } catch (error) {
      if (this.signal_.aborted) return;
      this.summary_.textContent = '';
      fill(this.body_, el('p.error-text', { role: 'alert' }, sentencesOf(error)),
        button('refresh', 'Try again', () => void this.read()));
    }
  }

  /** @param {string} id */
  choose(id) {
    const isSame = id === this.chosen_;
    const wasPart = this.isPart_;
    this.chosen_ = isSame ? '' : id;
    history.replaceState(null, '', withParam(location.hash, 'o', this.chosen_));
    if (wasPart || this.isPart_) this.draw();
    else this.mark_();
  }

  /** Whether only the sources and readers of the chosen object are drawn. */
  get isPart_() { return this.all_.places.length > MOST_PLACES && this.chosen_ !== ''; }

  /** Returns the objects that the view shows. @returns {Lineage} */
  shown_() {
    if (this.isPart_) return partOf(this.all_, this.chosen_);
    const wanted = this.filter_.wanted();
    if (!wanted) return this.all_;
    return fittingOf(this.all_, (name) => name.toLowerCase().includes(wanted));
  }

  draw() {
    const lineage = this.shown_();
    const [, readers, connectors, loads] = this.rows_;
    const total = this.all_.places.length;
    this.summary_.textContent = lineage.places.length === total ? plural(total, 'object')
      : `${count(lineage.places.length)} of ${plural(total, 'object')}`;
    this.picture_ = null;
    if (this.view_ === 'list') {
      this.table_.show(lineage.links);
      fill(this.body_, this.table_.node);
    } else if (!total) {
      fill(this.body_, el('p.soft', {}, 'No object exists, or you may see none.'));
    } else if (lineage.places.length > MOST_PLACES) {
      fill(this.body_, el('p.soft', {}, `${count(lineage.places.length)} objects are too many ` +
        'for a picture. Filter them by name, and choose one: its surroundings are drawn.'),
      this.names_(lineage));
    } else {
      colourBy(lineage, this.colour_, loads, readers, connectors);
      this.picture_ = drawLineage(lineage, (id) => this.choose(id));
      fill(this.body_, this.picture_);
    }
    this.mark_();
  }

  /** @param {Lineage} lineage */
  names_({ places }) {
    return el('ul.lineage-names', {}, places.slice(0, MOST_PLACES).map(({ id, kind, name }) =>
      el('li', {}, button('', `${kind} ${isolated(name)}`, () => this.choose(id),
        { class: 'link' }))));
  }

  mark_() {
    const place = this.all_.places.find(({ id }) => id === this.chosen_);
    const { links } = this.all_;
    const before = place ? reached(links, place.id, 'from') : NONE;
    const after = place ? reached(links, place.id, 'to') : NONE;
    if (this.picture_) markLineage(this.picture_, place?.id ?? '', before, after);
    const href = place && hrefOf(place);
    fill(this.choice_, place ? [el('strong', {}, el('bdi', {}, place.name)),
      el('span.soft', {}, ` ${place.kind}. Reads from ${plural(before.size, 'object')}. ${
        impactOf(this.all_, place.id)} `), href && el('a', { href }, 'Open'),
      button('close', '', () => this.choose(place.id), { 'aria-label': 'End the selection' })]
      : el('span.soft', {}, 'Choose an object to see what it reads and what a drop affects.'));
  }
}

/** @type {import('../core/router.js').Page} */
export const page = {
  async show(main, params, signal) {
    const view = new LineageView(main, params, signal);
    await view.read();
  },
};
