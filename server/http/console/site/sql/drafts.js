// @ts-check
// The drafts of this browser and the tabs over the editor.
import { button, el, toast } from '../core/element.js';
import { load, save } from '../core/store.js';

/** @typedef {{id: number, name: string, text: string, cursor: number,
 *             fromStart: boolean, limit: number, settings: string, variables: string}} Draft */

/** @param {number} id @param {string} name @param {string} text @returns {Draft} */
function newDraft(id, name, text) {
  return { id, name, text, cursor: text.length, fromStart: false, limit: 1000, settings: '',
    variables: '' };
}

/** Invariant: at least one draft exists, and one of them is active. */
export class Drafts {
  constructor() {
    const kept = load('drafts', { list: [], active: 0 });
    /** @type {Draft[]} */
    this.list = Array.isArray(kept.list) && kept.list.length ? kept.list
      : [newDraft(1, 'draft 1', '')];
    /** @type {Draft} */
    this.active = this.list.find(({ id }) => id === kept.active) ?? this.list[0];
    /** @type {Draft|null} */
    this.closed = null;
    this.isFull_ = false;
  }

  /** Keeps the drafts in the browser. */
  save() {
    const kept = save('drafts', { list: this.list, active: this.active.id });
    if (!kept && !this.isFull_) toast('This browser cannot keep the drafts: its storage is full.');
    this.isFull_ = !kept;
  }

  /** Opens a further draft and returns it. @param {string} [name] @param {string} [text] */
  add(name, text = '') {
    const id = Math.max(...this.list.map((draft) => draft.id)) + 1;
    const draft = newDraft(id, name ?? `draft ${id}`, text);
    this.list.push(draft);
    this.active = draft;
    this.save();
    return draft;
  }

  /** @param {Draft} draft */
  close(draft) {
    const at = this.list.indexOf(draft);
    this.list.splice(at, 1);
    if (draft.text.trim()) this.closed = draft;
    if (!this.list.length) this.add('draft 1');
    if (this.active === draft) this.active = this.list[Math.min(at, this.list.length - 1)];
    this.save();
  }

  /** Opens the draft that was closed last. */
  reopen() {
    if (!this.closed) return;
    this.list.push(this.closed);
    this.active = this.closed;
    this.closed = null;
    this.save();
  }
}

/** The tabs. `acts.choose` shows the active draft after each change. */
export class DraftTabs {
  /** @param {Drafts} drafts @param {{choose: () => void, leave: () => void}} acts */
  constructor(drafts, acts) {
    this.drafts_ = drafts;
    this.acts_ = acts;
    this.node = el('div.draft-tabs', { role: 'group', 'aria-label': 'Drafts' });
    this.node.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) =>
      this.press_(event));
    this.draw();
  }

  draw() {
    const { list, active } = this.drafts_;
    const tabs = list.map((draft) => {
      const isActive = draft === active;
      return el('div.draft-tab', { class: `draft-tab${isActive ? ' current' : ''}` },
        el('button.draft-name', {
          // The list of drafts is not a tab list: a tab list may not contain the buttons that close
          // its tabs (ARIA, tablist).
          type: 'button', 'aria-current': isActive ? 'true' : null,
          tabindex: isActive ? 0 : -1, 'data-id': draft.id,
          title: 'Double-click or F2 renames',
          onclick: () => this.choose_(draft), ondblclick: () => this.rename_(draft),
        }, draft.name),
        button('close', '', () => this.close_(draft), {
          class: 'draft-close', 'aria-label': `Close ${draft.name}`, tabindex: isActive ? 0 : -1,
        }));
    });
    const add = button('plus', '', () => this.add(), { 'aria-label': 'New draft',
      title: 'New draft' });
    this.node.replaceChildren(...tabs, add);
    this.node.querySelector('.current')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  /** @param {string} [name] @param {string} [text] */
  add(name, text) {
    this.acts_.leave();
    this.drafts_.add(name, text);
    this.changed_();
  }

  /** @param {import('./drafts.js').Draft} draft */
  choose_(draft) {
    if (draft === this.drafts_.active) return;
    this.acts_.leave();
    this.drafts_.active = draft;
    this.changed_();
  }

  /** @param {import('./drafts.js').Draft} draft */
  close_(draft) {
    this.acts_.leave();
    this.drafts_.close(draft);
    this.changed_();
    if (draft.text.trim()) toast(`Closed ${draft.name}. The menu ⋯ opens it again.`);
  }

  reopen() {
    this.acts_.leave();
    this.drafts_.reopen();
    this.changed_();
  }

  changed_() {
    this.drafts_.save();
    this.draw();
    this.acts_.choose();
  }

  /** @param {import('./drafts.js').Draft} draft */
  rename_(draft) {
    const name = this.node.querySelector(`[data-id="${draft.id}"]`);
    const input = el('input.input.draft-input', { type: 'text', 'aria-label': 'Name of the draft',
      maxlength: 60 });
    input.value = draft.name;
    const end = (/** @type {boolean} */ isKept) => {
      if (isKept && input.value.trim()) draft.name = input.value.trim();
      this.drafts_.save();
      this.draw();
    };
    input.addEventListener('blur', () => end(true), { once: true });
    input.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
      if (event.key === 'Enter') input.blur();
      if (event.key === 'Escape') { input.value = draft.name; input.blur(); }
      event.stopPropagation();
    });
    name?.replaceWith(input);
    input.select();
  }

  /** @param {KeyboardEvent} event */
  press_(event) {
    const { list, active } = this.drafts_;
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === 'F2') this.rename_(active);
    else if (by) this.choose_(list[(list.indexOf(active) + by + list.length) % list.length]);
    else return;
    event.preventDefault();
    /** @type {any} */ (this.node.querySelector('[aria-current=true]'))?.focus();
  }
}

