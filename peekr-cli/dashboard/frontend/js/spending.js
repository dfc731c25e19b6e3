// Cost and token trends, cost per tenant, memory hit rate, tool reliability: contract DASH-19.

const TOKENS = [{ key: "tin", label: "Input", color: "--series-1" }, { key: "tout", label: "Output", color: "--series-2" }];
const COST = [{ key: "cost", label: "Cost", color: "--series-3" }];

function trendCard(kind) {
  const isCost = kind === "cost";
  const total = isCost ? sum(V.calls, "cost") + sum(V.rest, "cost") : sum(V.calls, "tin") + sum(V.calls, "tout") + sum(V.rest, "tin") + sum(V.rest, "tout");
  const title = isCost ? "Cost" : "Tokens";
  const some = isCost ? V.calls.some((call) => isNumber(call.cost)) || sum(V.rest, "priced") : total;
  if (!some) return card(title, null, empty(isCost ? "No cost is known" : "No tokens were recorded", isCost ? "Prices of these models are unknown: peekr.set_price(model, input=, output=) tells them." : "The calls of this selection have no token counts."));
  const unpriced = isCost ? V.calls.filter((call) => !isNumber(call.cost) && (call.tok || 0) > 0).length : 0;
  return card(title, isCost && unpriced ? plural(unpriced, "call") + " without a known price" : "over time",
    h("div.chart-head", null, h("b.big", null, isCost ? money(total) : short(total)), isCost ? null : legend(TOKENS)),
    h("div", { "data-trend": kind }, figure(`${title} over time: ${isCost ? money(total) : number(total)} in all`, 190)));
}

function drawTrends(view) {
  const found = trend(V.calls, V.rest);
  for (const place of view.querySelectorAll("[data-trend]")) {
    if (!found.rows.length) continue;
    const isCost = place.dataset.trend === "cost";
    barsOver(place.firstChild, found.rows, isCost ? COST : TOKENS, isCost ? money : short);
  }
}

function table(label, heads, rows, kind) {
  return h("div.table-wrap", { tabindex: 0, role: "group", "aria-label": label },
    h("table.small" + (kind ? "." + kind : ""), null, h("thead", null, h("tr", null, heads.map(([name, right]) => h("th" + (right ? ".num" : ""), { scope: "col" }, name)))),
      h("tbody", null, rows.map((cells) => h("tr", null, cells.map((cell, at) => h((at ? "td" : "th") + (heads[at][1] ? ".num" : ""), at ? null : { scope: "row" }, cell)))))));
}

function tenantCard() {
  const groups = byChannel(V.calls, "tenant");
  for (const each of V.rest) {
    if (each.tenant === undefined) continue;
    const group = groups.get(each.tenant) || { value: each.tenant, calls: 0, errors: 0, cost: 0, tok: 0, priced: 0 };
    for (const key of ["calls", "errors", "cost", "tok", "priced"]) group[key] += each[key] || 0;
    groups.set(each.tenant, group);
  }
  const found = [...groups.values()].sort((a, b) => b.cost - a.cost || b.tok - a.tok);
  if (!found.length) return card("Cost per tenant", null, empty("No tenants", "peekr.session(tenant_id=…) says who a call is for."));
  const total = found.reduce((all, each) => all + each.cost, 0);
  return card("Cost per tenant", found.length > 8 ? "the 8 most expensive of " + number(found.length) : null,
    table("Cost per tenant", [["Tenant"], ["Calls", 1], ["Tokens", 1], ["Cost", 1], ["Share", 1]],
      found.slice(0, 8).map((each) => [h("button.link", { type: "button", onclick: () => toggle("tenant", each.value) }, clip(each.value, 32)), number(each.calls), short(each.tok), each.priced ? money(each.cost) : DASH, total ? meter(each.cost / total) : DASH])));
}

function meter(share, tone) {
  return h("span.meter", { title: percent(share, 1) }, h("span.meter-track", null, h("span.meter-bar" + (tone ? "." + tone : ""), { style: { width: (share ? Math.max(4, share * 100) : 0) + "%" } })), h("span.meter-text", null, percent(share)));
}

function memoryCard() {
  const found = memoriesOf(V.others, V.calls);
  if (!found.recalls) return card("Memory", null, empty("No recalls", "peekr.recall(query, memories) records what was remembered, and whether the answer used it."));
  return card("Memory", plural(found.recalls, "recall"),
    h("div.chart-head", null, h("b.big", null, percent(found.recalled ? found.used / found.recalled : null)), h("span.quiet", null, `hit rate: ${number(found.used)} of ${number(found.recalled)} recalled memories were used in the answer`)),
    table("Memories", [["Memory"], ["Recalled", 1], ["Mean rank", 1], ["Similarity", 1], ["Hit rate", 1]],
      found.rows.slice(0, 6).map((each) => [clip(each.id, 32), number(each.recalled), each.ranks.length ? mean(each.ranks).toFixed(1) : DASH, each.similar.length ? score(mean(each.similar)) : DASH, meter(each.used / each.recalled)])));
}

function toolCard() {
  const found = toolsOf(V.others);
  if (!found.length) return D.calls.length ? card("Tool reliability", null, empty("No tool calls", "Functions named tool.… and trace.tool(…) appear here, with their errors by reason.")) : null;
  return card("Tool reliability", "tool × status × reason",
    table("Tool reliability", [["Tool"], ["Calls", 1], ["Ok", 1], ["Errors", 1], ["Error rate", 1], ["Median", 1], ["Reasons"]],
      found.slice(0, 20).map((tool) => {
        const times = tool.times.sort((a, b) => a - b);
        const reasons = (what) => h("span.tags" + what, null, [...tool.reasons].sort((a, b) => b[1] - a[1]).map(([reason, count]) => h("span.tag", null, clip(reason, 30) + " " + number(count))));
        return [[clip(tool.name, 40), reasons(".slim")], number(tool.calls), number(tool.calls - tool.errors), number(tool.errors), meter(tool.errors / tool.calls, tool.errors / tool.calls > 0.2 ? "bad" : tool.errors ? "warn" : "good"), ms(times[Math.floor((times.length - 1) / 2)]),
          reasons("")];
      }), "tools"));
}
