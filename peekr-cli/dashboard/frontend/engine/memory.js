/* Recalled memories, before and now, as memory.py. */

const RANK_DROP = 0.5;
const SIMILARITY_DROP = 0.05;

class Memories {
  constructor() {
    this.recalls = 0;
    this.seen = new Map();
    this.hits = new Map();
    this.worst = new Worst();
  }

  add(record) {
    if (!record.memories || !record.memories.length) return;
    this.recalls += 1;
    this.worst.addNewest(record);
    for (const each of record.memories) {
      if (!this.seen.has(each.id)) this.seen.set(each.id, []);
      this.seen.get(each.id).push(Object.assign({ start: record.start, trace: record.trace }, each));
    }
  }

  addHits(record) {
    if (!this.hits.has(record.trace)) this.hits.set(record.trace, new Set());
    for (const id of record.hits) this.hits.get(record.trace).add(id);
  }

  result(history) {
    const dropped = history.length >= 6 && this.seen.size ? this.dropped(history) : [];
    return {
      recalls: this.recalls,
      dropped: {
        count: dropped.length,
        names: dropped.map((item) => item.id),
        changes: dropped.map(change),
        items: dropped.slice(0, ITEMS),
      },
      at_top: this.atTop(),
    };
  }

  dropped(history) {
    const window = windows(history);
    const found = [];
    for (const [id, recalls] of this.seen) {
      const before = recalls.filter((seen) => window(seen) === -1);
      const after = recalls.filter((seen) => window(seen) === 1);
      const item = before.length && after.length ? compared(id, before, after) : null;
      if (item) found.push(item);
    }
    return found.sort((a, b) => b.worse - a.worse);
  }

  atTop() {
    const items = [];
    for (const [id, recalls] of this.seen) {
      const top = recalls.filter((seen) => seen.rank === 1);
      const ages = top.map((seen) => seen.age).filter(known);
      if (!ages.length) continue;
      const judged = top.filter((seen) => this.hits.has(seen.trace));
      const hits = judged.filter((seen) => this.hits.get(seen.trace).has(id)).length;
      items.push({
        id,
        age_s: ages.reduce((a, b) => Math.max(a, b)),
        recalls: recalls.length,
        top: top.length,
        hits,
        hit_rate: share(hits, judged.length),
      });
    }
    const rate = (item) => (item.hit_rate === null ? 2 : item.hit_rate);
    return items.sort((a, b) => rate(a) - rate(b) || b.age_s - a.age_s).slice(0, 10 * ITEMS);
  }
}

function windows(history) {
  const size = history.length;
  const third = Math.floor(size / 3);
  const side = (place) => (place < third ? -1 : place >= size - third ? 1 : 0);
  const ofTrace = new Map();
  history.forEach((each, place) => {
    const earlier = ofTrace.has(each.trace) ? ofTrace.get(each.trace) : side(place);
    ofTrace.set(each.trace, earlier === side(place) ? earlier : 0);
  });
  return (seen) => {
    if (ofTrace.has(seen.trace)) return ofTrace.get(seen.trace);
    let place = history.findIndex((each) => each.start >= seen.start);
    if (place < 0) place = size - 1;
    return side(place);
  };
}

function compared(id, before, after) {
  const meanOf = (recalls, field) => mean(recalls.map((seen) => seen[field]).filter(known));
  const ranks = [meanOf(before, "rank"), meanOf(after, "rank")];
  const likeness = [meanOf(before, "similarity"), meanOf(after, "similarity")];
  const fell = ranks.includes(null) ? null : ranks[1] - ranks[0];
  const faded = likeness.includes(null) ? null : likeness[0] - likeness[1];
  if (!(fell !== null && fell >= RANK_DROP) && !(faded !== null && faded >= SIMILARITY_DROP)) return null;
  return {
    id,
    rank_before: ranks[0],
    rank_after: ranks[1],
    similarity_before: likeness[0],
    similarity_after: likeness[1],
    worse: Math.max(fell || 0, faded || 0),
  };
}

function change(item) {
  const ranked = known(item.rank_before) && known(item.rank_after);
  const field = ranked && item.rank_after - item.rank_before >= RANK_DROP ? "rank" : "similarity";
  return `${show(item.id)} (${field} ${show(item[`${field}_before`])} → ${show(item[`${field}_after`])})`;
}
