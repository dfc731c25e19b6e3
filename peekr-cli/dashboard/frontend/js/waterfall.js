// The spans of one trace as a waterfall: name, bar on the common time axis, duration.

const MARKS = {
  orphan: ["orphan", "Its parent is not in this store"],
  cycle: ["cycle", "It is recorded as its own ancestor"],
  skew: ["clock", "It begins before its parent: the clocks differ"],
};

function waterfall(trace, current) {
  const drawn = D.traces[trace];
  if (!drawn || !drawn.r.length) return h("p.quiet", null, "The spans of this trace are left out of the report: peekr view --trace ", trace.slice(0, 12), " shows them.");
  const end = Math.max(1, ...drawn.r.map(([, , , , offset, long]) => offset + (long || 0)));
  const odd = drawn.r.some((row) => row[8]);
  return h("div.waterfall", null,
    h("div.fall-rows", { role: "list", "aria-label": "Spans of the trace" }, drawn.r.map((row) => fallRow(row, end, current))),
    drawn.n > drawn.r.length ? h("p.quiet", null, number(drawn.n - drawn.r.length), " more spans are not drawn.") : null,
    odd ? h("p.quiet", null, "Marked spans are out of place: a lost parent, a cycle, or clocks that differ.") : null);
}

function fallRow([id, depth, name, kind, offset, long, failed, tokens, mark], end, current) {
  const word = MARKS[mark];
  const label = `${plain(name)}, ${kind}, begins at ${ms(offset)}, ${long === null ? "not ended" : "takes " + ms(long)}${failed ? ", failed" : ""}${word ? ", " + word[1] : ""}`;
  const bar = h("span.fall-bar." + (failed ? "bad" : KINDS.includes(kind) ? "kind-" + kind : "kind-other"), {
    style: { left: (offset / end) * 100 + "%", width: Math.max(0.4, ((long === null ? end - offset : long) / end) * 100) + "%" },
  });
  if (long === null) bar.classList.add("open");
  return h("div.fall-row" + (id === current ? ".current" : ""), { role: "listitem", title: label },
    h("span.fall-name", { style: { "padding-left": Math.min(depth, 12) * 12 + "px" } }, clip(name, 80), word ? h("em.mark", null, word[0]) : null),
    h("span.fall-track", null, bar),
    h("span.fall-time", null, long === null ? "open" : ms(long), tokens ? h("small", null, short(tokens) + " tok") : null));
}

const KINDS = ["llm", "tool", "run", "memory_read", "memory_write", "embedding", "error", "function"];
