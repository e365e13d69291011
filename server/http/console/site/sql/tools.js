// @ts-check
// The tools of a result: a filter, the choice of columns, export, copy, and a table from the query.
import { button, el, toast } from '../core/element.js';
import { csvLines, jsonLines, saveFile, tsv } from '../views/export.js';
import { plural } from '../core/format.js';
import { openMenu } from '../core/menu.js';
import { prefer, preferences } from '../core/store.js';

export class Tools {
  /** @param {import('./results.js').ResultPanel} panel */
  constructor(panel) {
    this.panel_ = panel;
    this.filter_ = el('input.input.small-input', {
      type: 'search', placeholder: 'Filter rows', 'aria-label': 'Filter the rows of the page',
      oninput: () => panel.filter(this.filter_.value),
    });
    this.columns_ = button('', 'Columns', () => this.chooseColumns_());
    this.export_ = button('download', 'Export', () => this.openExport_());
    this.copy_ = button('', 'Copy', () => void this.copyAll_(), { title: 'Copy all rows as TSV' });
    this.make_ = button('', 'Create table from this…', () => {
      if (panel.result) panel.asks_.makeTable(panel.result);
    });
    this.node = el('div.result-tools', { hidden: true }, this.filter_, this.columns_,
      el('span.spring', {}), this.make_, this.copy_, this.export_);
  }

  /** @param {import('../views/run.js').Result} result */
  open(result) {
    this.filter_.value = '';
    this.make_.hidden = !result.isLive;
    const word = result.table ? 'table' : 'stream';
    this.make_.querySelector('span').textContent = `Create ${word} from this…`;
    const isChart = this.panel_.mode === 'chart';
    this.filter_.hidden = this.columns_.hidden = isChart;
  }

  chooseColumns_() {
    const { grid, result } = this.panel_;
    if (!result) return;
    openMenu(this.columns_, result.columns.map((column, at) => ({
      text: column.name, detail: column.type, checked: grid.shown.includes(at),
      run: () => {
        const isShown = grid.shown.includes(at);
        if (isShown && grid.shown.length === 1) return; // a grid without columns shows nothing
        const next = isShown ? grid.shown.filter((each) => each !== at) : [...grid.shown, at];
        grid.choose(next.sort((a, b) => a - b));
        this.panel_.mark();
      },
    })));
  }

  openExport_() {
    openMenu(this.export_, [
      { text: 'CSV', detail: '.csv', run: () => void this.save_('csv') },
      { text: 'JSON', detail: '.json', run: () => void this.save_('json') },
      { text: 'TSV', detail: '.tsv', run: () => void this.save_('tsv') },
      { text: 'Neutralize formulas in CSV', checked: preferences.neutralize,
        run: () => prefer({ neutralize: !preferences.neutralize }) },
    ]);
  }

  /** The rows that match the filter, in their order on the page, with the chosen columns. */
  chosen_() {
    const { grid, view, result, mode } = this.panel_;
    if (!result) return { names: [], rows: [] };
    if (mode === 'chart' || !view)
      return { names: result.columns.map(({ name }) => name), rows: result.rowsToExport() };
    const rows = [];
    for (let index = 0; index < view.length; ++index) {
      const row = view.row(index);
      if (!row.gone) rows.push(grid.shown.map((at) => row.cells[at]));
    }
    return { names: grid.shown.map((at) => result.columns[at].name), rows };
  }

  /** @param {'csv'|'json'|'tsv'} format */
  async save_(format) {
    const { names, rows } = this.chosen_();
    const lines = format === 'csv' ? csvLines(names, rows, preferences.neutralize)
      : format === 'json' ? jsonLines(names, rows) : [`${tsv(rows, names)}\n`];
    const types = { csv: 'text/csv', json: 'application/json', tsv: 'text/tab-separated-values' };
    try {
      await saveFile(`millrace-rows.${format}`, types[format], lines);
      toast(`Exported ${plural(rows.length, 'row')}.`);
    } catch (error) {
      toast(/** @type {Error} */ (error).message);
    }
  }

  async copyAll_() {
    const { names, rows } = this.chosen_();
    try {
      await navigator.clipboard.writeText(tsv(rows, names));
      toast(`Copied ${plural(rows.length, 'row')} as TSV.`);
    } catch {
      toast('The browser does not allow copying here. Export the rows instead.');
    }
  }
}
