// A list of links with rows of one height. Long lists draw only the rows in sight; the arrow keys move within it.

import { el } from "./dom.js";

const WHOLE = 200; // up to so many rows all are drawn, so that the browser's own search finds them
const BEYOND = 12;
const STEPS = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };

export class Rows {
  /**
   * @param {HTMLElement} scroller the element that scrolls
   * @param {{label: string, height: number, id: (item) => string, make: (item) => HTMLElement[], look: (item) => string}} parts
   *   `make` draws a row, its link first; it is drawn again when what `look` returns is another text
   */
  constructor(scroller, parts) {
    Object.assign(this, parts);
    this.scroller = scroller;
    this.items = [];
    this.places = new Map();
    this.drawn = new Map();
    this.current = "";
    this.list = el("ol.rows", { "aria-label": this.label, onkeydown: (event) => this.onKey(event), onfocusin: (event) => this.onFocus(event) });
    scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(scroller);
  }

  /** Show these items. */
  show(items) {
    this.items = items;
    this.places = new Map(items.map((item, at) => [this.id(item), at]));
    this.list.style.setProperty("height", `${items.length * this.height}px`);
    this.draw();
  }

  /** Mark a row as the one that is open. */
  mark(id) {
    if (id === this.current) return;
    this.current = id;
    this.draw();
  }

  /** Numbers of the first and the last row in sight. */
  range() {
    const top = Math.max(this.scroller.scrollTop - this.list.offsetTop, 0);
    const first = Math.floor(top / this.height);
    return [Math.min(first, this.items.length), Math.min(first + Math.ceil(this.scroller.clientHeight / this.height) + 1, this.items.length)];
  }

  draw() {
    if (!this.list.isConnected) return;
    const [first, last] = this.items.length <= WHOLE ? [0, this.items.length] : this.range();
    const wanted = new Map();
    for (let at = Math.max(first - BEYOND, 0); at < Math.min(last + BEYOND, this.items.length); at++) wanted.set(this.id(this.items[at]), at);
    const focused = document.activeElement?.closest?.("li")?.dataset.id; // what has the focus stays
    for (const id of [focused, this.current]) if (id && this.places.has(id)) wanted.set(id, this.places.get(id));
    for (const [id, row] of this.drawn) if (!wanted.has(id)) { row.remove(); this.drawn.delete(id); }
    const tab = wanted.has(this.current) ? this.current : wanted.has(focused) ? focused : this.items.length ? this.id(this.items[0]) : "";
    for (const [id, at] of wanted) this.place(id, at, tab);
    this.order(wanted);
    this.onDraw?.();
  }

  /** Draw a row where it is new or looks different, and put it where it belongs. */
  place(id, at, tab) {
    const look = this.look(this.items[at]);
    let row = this.drawn.get(id);
    if (!row) this.drawn.set(id, (row = el("li", { "data-id": id })));
    if (row.look !== look) {
      const had = row.contains(document.activeElement);
      row.replaceChildren(...this.make(this.items[at]).filter(Boolean));
      row.look = look;
      if (had) row.firstChild.focus({ preventScroll: true });
    }
    row.style.setProperty("top", `${at * this.height}px`);
    row.setAttribute("aria-posinset", at + 1);
    row.setAttribute("aria-setsize", this.items.length);
    const open = id === this.current;
    if (open) row.firstChild.setAttribute("aria-current", "true");
    else row.firstChild.removeAttribute("aria-current");
    row.firstChild.tabIndex = id === tab ? 0 : -1;
  }

  /** Screen readers read in the order of the document. */
  order(wanted) {
    const ids = [...wanted].sort((one, other) => one[1] - other[1]);
    let before = null;
    for (const [id] of ids) {
      const row = this.drawn.get(id);
      const due = before ? before.nextSibling : this.list.firstChild;
      if (row !== due) this.list.insertBefore(row, due);
      before = row;
    }
  }

  /** Scroll to a row. */
  reveal(id) {
    const at = this.places.get(id);
    if (at === undefined) return;
    const top = this.list.offsetTop + at * this.height, view = this.scroller;
    if (top < view.scrollTop) view.scrollTop = Math.max(top - 8, 0);
    else if (top + this.height > view.scrollTop + view.clientHeight) view.scrollTop = top + this.height - view.clientHeight + 8;
    this.draw();
  }

  /** Put the focus on a row: by id, else the open one, else the first. */
  focus(id) {
    const wanted = [id, this.current].find((each) => each && this.places.has(each)) || (this.items.length ? this.id(this.items[0]) : "");
    if (!wanted) return false;
    this.reveal(wanted);
    if (!this.drawn.has(wanted)) this.place(wanted, this.places.get(wanted), wanted), this.order(new Map([...this.drawn.keys()].map((each) => [each, this.places.get(each)])));
    this.drawn.get(wanted).firstChild.focus({ preventScroll: true });
    return true;
  }

  onFocus(event) {
    const row = event.target.closest("li");
    for (const each of this.drawn.values()) each.firstChild.tabIndex = each === row ? 0 : -1;
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(Math.floor(this.scroller.clientHeight / this.height) - 1, 1);
    const by = STEPS[event.key] || { PageDown: page, PageUp: -page }[event.key];
    const at = this.places.get(event.target.closest("li")?.dataset.id);
    if (!by || at === undefined) return;
    event.preventDefault();
    const next = this.items[Math.min(Math.max(at + by, 0), this.items.length - 1)];
    this.focus(this.id(next));
  }
}
