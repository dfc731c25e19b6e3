/* How spans fit together, as integrity.py. */

const SKEW_S = 0.05;
const FUTURE_S = 3600;

class Integrity {
  constructor(now) {
    this.horizon = (now || Date.now() / 1000) + FUTURE_S;
    this.placed = new Map();
    this.waiting = new Map();
    this.open = this.future = this.skewed = this.skewS = 0;
  }

  add(record) {
    if (record.open) this.open += 1;
    if (record.start > this.horizon) this.future += 1;
    if (!known(record.parent)) {
      this.place(record.id, record.start);
    } else if (this.placed.has(record.parent)) {
      this.note(this.placed.get(record.parent) - record.start);
      this.place(record.id, record.start);
    } else {
      if (!this.waiting.has(record.parent)) this.waiting.set(record.parent, []);
      this.waiting.get(record.parent).push([record.id, record.start]);
    }
  }

  note(skewS) {
    if (skewS <= SKEW_S) return;
    this.skewed += 1;
    this.skewS = Math.max(this.skewS, skewS);
  }

  place(id, start) {
    this.placed.set(id, start);
    this.settle([[id, start]]);
  }

  settle(placed) {
    while (placed.length) {
      const [id, start] = placed.pop();
      const children = this.waiting.get(id) || [];
      this.waiting.delete(id);
      for (const [child, begun] of children) {
        this.note(start - begun);
        this.placed.set(child, begun);
        placed.push([child, begun]);
      }
    }
  }

  result() {
    const waiting = new Set();
    for (const children of this.waiting.values()) for (const [child] of children) waiting.add(child);
    let orphans = 0;
    for (const parent of Array.from(this.waiting.keys())) {
      if (waiting.has(parent) || this.placed.has(parent)) continue;
      const children = this.waiting.get(parent);
      this.waiting.delete(parent);
      orphans += children.length;
      for (const [child, start] of children) this.placed.set(child, start);
      this.settle(children.slice());
    }
    let cycles = 0;
    for (const children of this.waiting.values()) cycles += children.length;
    return {
      orphans,
      cycles,
      skewed: this.skewed,
      skew_s: this.skewS,
      future: this.future,
      open: this.open,
      problems: orphans + cycles + this.skewed + this.future,
    };
  }
}
