// Quality: the rolling mean of every evaluator, the histogram, the heatmap, verdicts and citations.

const WINDOW = 20;

function drawQuality(view) {
  forgetInside(view);
  if (!D.calls.length) return replace(view, noCalls());
  if (!V.calls.length) return replace(view, nothingLeft());
  const names = evaluatorNames(V.calls);
  if (!names.length) {
    return replace(view, h("div.empty.large", null, h("p.empty-title", null, "No scores yet"), h("p", null, "Evaluators judge each answer as it comes; they never delay the call."),
      h("pre.code", null, "peekr.instrument(evaluators=[\n    peekr.eval.Hallucination(detailed=True),\n    peekr.eval.CitationAccuracy(),   # needs no judge\n])"), h("p", null, "For calls that were made already: ", h("code", null, "peekr eval " + D.meta.source + " --evaluator CitationAccuracy"))), citationCard());
  }
  const series = names.map((name, at) => ({ name, label: name, color: SERIES[at % SERIES.length] }));
  const holder = figure("Rolling mean of " + names.join(", "), 300);
  replace(view,
    h("section.card", { "aria-label": "Rolling quality" },
      h("header.card-head", null, h("h3", null, "Rolling quality"), h("p.hint", null, "mean of the last 20 scored calls · click a point to see its call")),
      legend(series), holder),
    below(view, () => [h("div.grid.two", null, histogramCard(names), claimCard()), heatmapCard(), citationCard()]));
  rollingChart(holder, series);
}

function evaluatorNames(calls) {
  const found = new Map();
  for (const call of calls) for (const name in call.scores || {}) found.set(name, (found.get(name) || 0) + 1);
  return [...found].sort((a, b) => (b[0] === "Hallucination") - (a[0] === "Hallucination") || b[1] - a[1]).map(([name]) => name).slice(0, 12);
}

// The means at the places in keep, of all calls before them.
function rolling(calls, name, keep) {
  const last = new Float64Array(WINDOW), out = new Array(keep.length);
  let total = 0, count = 0, next = 0;
  for (let at = 0; at < calls.length; at++) {
    const scores = calls[at].scores, value = scores ? scores[name] : undefined, given = isNumber(value);
    if (given) {
      total += value - (count < WINDOW ? 0 : last[count % WINDOW]);
      last[count++ % WINDOW] = value;
    }
    if (at === keep[next]) out[next++] = given ? total / Math.min(count, WINDOW) : null;
  }
  return out;
}

// Points that are drawn, at most: more than there are pixels would only take time.
const POINTS = 4000;

// Places of the calls that are drawn: the newest and, from there, each so many; and all that have a card to jump to.
function kept(calls, most) {
  const step = Math.ceil(calls.length / most), worst = step > 1 ? new Set(worstCalls()) : null, keep = [];
  for (let at = 0; at < calls.length; at++) if (step < 2 || (calls.length - 1 - at) % step === 0 || worst.has(calls[at])) keep.push(at);
  return keep;
}

function rollingChart(holder, series) {
  const scored = V.calls.filter((call) => call.ranked !== null && call.start <= D.newest);
  const keep = kept(scored, Math.min(POINTS, Math.max(400, holder.clientWidth)));
  const lines = series.map((each) => rolling(scored, each.name, keep));
  const calls = keep.map((at) => scored[at]);
  const line = (at, color) => (chart) => {
    const y = Math.round(chart.valToPos(at, "y", true)), { left, width } = chart.bbox;
    chart.ctx.save();
    chart.ctx.strokeStyle = css(color);
    chart.ctx.fillStyle = css(color);
    chart.ctx.lineWidth = devicePixelRatio;
    chart.ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
    chart.ctx.beginPath();
    chart.ctx.moveTo(left, y);
    chart.ctx.lineTo(left + width, y);
    chart.ctx.stroke();
    const text = at === 0.7 ? "0.7 warning" : "0.5 critical", edge = left + 6 * devicePixelRatio;
    chart.ctx.setLineDash([]);
    chart.ctx.font = `${11 * devicePixelRatio}px ${css("--sans")}`;
    chart.ctx.textAlign = "left";
    const wide = chart.ctx.measureText(text).width + 10 * devicePixelRatio;
    chart.ctx.save();
    chart.ctx.fillStyle = css("--surface");
    chart.ctx.fillRect(edge - 5 * devicePixelRatio, y - 8 * devicePixelRatio, wide, 16 * devicePixelRatio);
    chart.ctx.restore();
    chart.ctx.fillText(text, edge, y + 4 * devicePixelRatio);
    chart.ctx.restore();
  };
  const chart = plot(holder, {
    height: 300,
    padding: [12, 34, 0, 0],
    cursor: { drag: { x: false, y: false }, points: { size: 8 }, focus: { prox: 24 } },
    scales: { x: { time: true }, y: { range: [0, 1.03] } },
    axes: [timeAxis(), axis({ size: 44, values: (_chart, splits) => splits.map((at) => at.toFixed(1)) })],
    series: [{}, ...series.map((each) => ({ label: each.label, stroke: css(each.color), width: 2, spanGaps: true, points: { show: calls.length <= 60, size: 5 } }))],
    hooks: { drawAxes: [line(0.7, "--warn"), line(0.5, "--bad")] },
    plugins: [tooltip((at) => [
      h("strong", null, date(calls[at].start)), h("div.quiet", null, clip(calls[at].model || calls[at].name, 40)),
      series.map((each, index) => lines[index][at] === null ? null : h("div.tip-row", null, h("i.key", { style: { background: css(each.color) } }), clip(each.label, 30), h("b", null, score(lines[index][at])), h("small.quiet", null, "call " + score(calls[at].scores[each.name])))),
    ])],
  }, [calls.map((call) => call.start), ...lines]);
  chart.over.addEventListener("click", () => { const at = chart.cursor.idx; if (at !== null && calls[at]) jumpTo(calls[at]); });
}

// To the worst-offender card of a call, or to its panel where it has none (contract C-33).
function jumpTo(call) {
  if (!worstCalls().includes(call)) return openCall(call.id);
  goTo("diagnose");
  if ($("worst-" + call.at)) showWorst(call);
  else afterPaint(() => showWorst(call));
}

function showWorst(call) {
  const target = $("worst-" + call.at);
  if (!target) return;
  target.scrollIntoView({ block: "start", behavior: "auto" });
  target.focus({ preventScroll: true });
  target.classList.add("called");
  setTimeout(() => target.classList.remove("called"), 1600);
}

function histogramCard(names) {
  const name = names.includes("Hallucination") ? "Hallucination" : names[0];
  const counts = new Array(10).fill(0);
  let scored = 0;
  for (const call of V.calls) {
    const value = call.scores ? call.scores[name] : null;
    if (!isNumber(value)) continue;
    scored += 1;
    counts[Math.min(9, Math.max(0, Math.floor(value * 10 + 1e-9)))] += 1;
  }
  const bars = counts.map((value, at) => ({ label: (at / 10).toFixed(1), value, tone: scoreTone(at / 10 + 0.05), title: `${(at / 10).toFixed(1)} to ${((at + 1) / 10).toFixed(1)}: ${plural(value, "call")}` }));
  return card("Scores", clip(name, 40) + " · " + plural(scored, "call"), columnsChart(bars, "Distribution of " + name));
}

function claimCard() {
  const found = claimsOf(V.calls);
  if (!found.total) return card("Claims", null, empty("No claims", "Hallucination(detailed=True) takes each answer apart into claims."));
  return card("Claims", plural(found.total, "claim"), doughnut([
    { label: "Supported", value: found.supported, tone: "good" },
    { label: "Unsupported", value: found.unsupported, tone: "warn" },
    { label: "Contradicted", value: found.contradicted, tone: "bad" },
  ], percent(found.supported / found.total), "supported"));
}

function citationCard() {
  const found = citationsOf(V.calls);
  if (!found.total) return card("Citations", null, empty("No citations", "CitationAccuracy() looks for URLs, arXiv ids, DOIs and titles in the answers; it needs no judge."));
  const kinds = new Map(), invented = [];
  for (const call of V.calls) for (const [kind, text, grounded] of call.t.ci || []) {
    const each = kinds.get(kind) || { kind, total: 0, invented: 0 };
    each.total += 1;
    if (!grounded) { each.invented += 1; invented.push({ kind, text, call }); }
    kinds.set(kind, each);
  }
  const rate = found.invented / found.total;
  return card("Citations", plural(found.total, "reference"),
    h("div.citation-grid", null,
      h("div", null,
        h("div.chart-head", null, h("b.big", null, percent(rate)), h("span.quiet", null, `invented: ${number(found.invented)} of ${number(found.total)}`)),
        kinds.size ? table("Citations by kind", [["Kind"], ["References", 1], ["Invented", 1]], [...kinds.values()].sort((a, b) => b.total - a.total).map((each) => [clip(each.kind, 24), number(each.total), meter(each.invented / each.total, each.invented ? "bad" : "good")])) : null),
      h("div", null, h("h4", null, "Invented, newest first"),
        invented.length ? h("ul.invented", null, invented.reverse().slice(0, 8).map((each) => h("li", null, h("button.link.clip", { type: "button", onclick: () => openCall(each.call.id) }, clip(each.text, 90)), h("small.quiet", null, clip(each.kind, 16))))) : h("p.quiet", null, "None in the calls that are shown in full."))));
}
