// @ts-check
// The plan of a statement: a picture, or the text of EXPLAIN.
import { el, fill, segments } from '../core/element.js';
import { drawPlan, parseDot } from '../core/graph.js';
import { objects, quoteText, select, selectAll } from '../core/sql.js';
import { withoutComments } from '../core/split.js';

/**
 * Returns what EXPLAIN takes: the statement without an EXPLAIN of its own, or the query of an
 * object that the statement has created already.
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
    this.signal_ = signal;
    this.mode_ = 'graph';
    this.body_ = el('div.plan-body', { tabindex: 0, role: 'region', 'aria-label': 'Plan' });
    this.node = el('div.plan', {}, el('div.plan-form', {},
      segments('Form of the plan', [['graph', 'Graph'], ['text', 'Text']], 'graph', (mode) => {
        this.mode_ = mode;
        this.draw_();
      })), this.body_);
    this.text_ = this.dot_ = '';
  }

  /** Shows the plan of a statement. @param {string} statement */
  async show(statement) {
    this.text_ = this.dot_ = '';
    fill(this.body_, el('p.soft', { role: 'status' }, 'The plan is loading.'));
    try {
      const what = await explained(statement, this.signal_);
      const results = await selectAll(`EXPLAIN ${what};\nEXPLAIN (FORMAT DOT) ${what};`,
        this.signal_);
      const [text, dot] = results.map((result) => objects(result)
        .map((row) => Object.values(row)[0]).join('\n'));
      [this.text_, this.dot_] = [text, dot];
      this.draw_();
    } catch (error) {
      if (this.signal_.aborted) return;
      fill(this.body_, el('p.note', {},
        `This statement has no plan: ${/** @type {Error} */ (error).message}`));
    }
  }

  draw_() {
    if (!this.text_) return;
    const plan = parseDot(this.dot_);
    if (this.mode_ === 'text' || !plan.parts.length)
      fill(this.body_, el('pre.plan-text', {}, this.text_));
    else fill(this.body_, drawPlan(plan));
  }
}
