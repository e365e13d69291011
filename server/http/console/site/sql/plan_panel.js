// @ts-check
// The plan of a statement: a picture, or the text of EXPLAIN.
import { el, fill, segments } from '../core/element.js';
import { Followed } from '../core/follow.js';
import { drawPlan, loadOf, parsePlan, showLoads } from '../views/graph.js';
import { objects, quoteText, select, selectAll } from '../core/sql.js';
import { withoutComments } from '../editor/split.js';
import { tasksOf } from '../live/figures.js';

/**
 * Returns the operand for EXPLAIN: the statement without its own EXPLAIN, or the id of the query if
 * the statement has already created one.
 * @param {string} text @param {AbortSignal} signal
 */
async function explained(text, signal) {
  const plain = withoutComments(text).replace(/;\s*$/, '');
  const inner = plain.replace(/^EXPLAIN\s+(\([^)]*\)\s*|ANALYZE\s+)?/i, '');
  const created = /^CREATE\s+(?:OR\s+REPLACE\s+)?(?:TABLE|STREAM)\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)/i
    .exec(inner)?.[1];
  if (!created) return inner;
  const rows = await select('SELECT query FROM millrace_catalog.queries WHERE lower(writes) = ' +
    quoteText(created.toLowerCase()), signal);
  return rows.length ? String(rows[0].query) : inner;
}

export class PlanPanel {
  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.mode_ = 'graph';
    this.body_ = el('div.plan-body', { tabindex: 0, role: 'region', 'aria-label': 'Plan' });
    this.node = el('div.plan', {}, el('div.plan-form', {},
      segments('Form of the plan', [['graph', 'Graph'], ['text', 'Text']], 'graph', (mode) => {
        this.mode_ = mode;
        this.draw_();
      })), this.body_);
    this.text_ = '';
    /** @type {import('../views/graph.js').Plan|null} */
    this.plan_ = null;
    /** @type {Followed|null} */
    this.tasks_ = null; // of a running query, whose stages show their load
    /** @type {SVGElement|null} */
    this.picture_ = null;
    this.shown_ = new AbortController();
    signal.addEventListener('abort', () => this.shown_.abort());
  }

  /** Shows the plan of a statement, or of the query with this id. @param {string} statement */
  async show(statement) {
    this.shown_.abort();
    this.shown_ = new AbortController();
    const { signal } = this.shown_;
    this.text_ = '';
    this.tasks_ = null;
    fill(this.body_, el('p.soft', { role: 'status' }, 'The plan is loading.'));
    try {
      const what = await explained(statement, signal);
      const [text, json] = (await selectAll(`EXPLAIN ${what};\nEXPLAIN (FORMAT JSON) ${what};`,
        signal)).map((result) => objects(result).map((row) => Object.values(row)[0]));
      this.text_ = text.join('\n');
      this.plan_ = parsePlan(json.map((part) =>
        typeof part === 'string' ? part : JSON.stringify(part)).join(''));
      this.draw_();
      if (this.plan_?.query)
        this.tasks_ = new Followed(tasksOf(this.plan_.query), signal, () => this.drawLoads_());
    } catch (error) {
      if (signal.aborted) return;
      fill(this.body_, el('p.note', {},
        `This statement has no plan: ${/** @type {Error} */ (error).message}`));
    }
  }

  draw_() {
    if (!this.text_) return;
    this.picture_ = null;
    if (this.mode_ === 'text' || !this.plan_) {
      fill(this.body_, el('pre.plan-text', {}, this.text_));
      return;
    }
    this.picture_ = drawPlan(this.plan_);
    fill(this.body_, this.picture_);
    this.drawLoads_();
  }

  drawLoads_() {
    if (this.picture_ && this.tasks_) showLoads(this.picture_, loadOf(this.tasks_.rows));
  }
}
