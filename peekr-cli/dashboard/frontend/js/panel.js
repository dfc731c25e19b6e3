// The side panel with one call in full.

let returnTo = null;

function openCall(id, keep) {
  const call = D.byId.get(id);
  if (!call) { S.call = null; return; }
  if (!keep) returnTo = document.activeElement;
  S.call = id;
  writeHash();
  drawPanel(call);
  $("panel").hidden = false;
  document.body.classList.add("with-panel");
  $("panel").scrollTop = 0;
  $("panel").focus({ preventScroll: true });
  markRow();
}

function closePanel() {
  if ($("panel").hidden) return;
  S.call = null;
  writeHash();
  $("panel").hidden = true;
  document.body.classList.remove("with-panel");
  markRow();
  const row = returnTo && returnTo.isConnected && returnTo !== document.body ? returnTo : $(S.tab);
  if (row) row.focus({ preventScroll: true });
  returnTo = null;
}

function drawPanel(call) {
  const own = Object.entries(call.scores || {});
  const failures = Object.entries(call.errs || {});
  const brief = !call.t.f;
  replace($("panel"),
    h("header.panel-head", null,
      h("div", null,
        h("h2", { id: "panel-title" }, clip(call.model || call.name, 60)),
        h("p.quiet", null, clip(call.name, 80), " · trace ", h("code", null, clip(call.trace, 40)))),
      h("div.panel-tools", null,
        h("button.icon", { type: "button", "aria-label": "Previous call", title: "Previous (K)", onclick: () => step(-1) }, "↑"),
        h("button.icon", { type: "button", "aria-label": "Next call", title: "Next (J)", onclick: () => step(1) }, "↓"),
        h("button.icon", { type: "button", "aria-label": "Close the panel", title: "Close (Esc)", onclick: closePanel }, "✕"))),
    h("div.panel-body", null,
      h("div.panel-scores", null,
        call.status === "error" ? h("span.badge.bad", null, "error" + (call.reason ? " · " + clip(call.reason, 40) : "")) : call.reason ? h("span.badge.warn", null, clip(call.reason, 40)) : null,
        own.map(([name, value]) => h("span.named", null, scoreBadge(value), clip(name, 40)))),
      brief ? h("p.brief", null, "Only the beginnings of question and answer are in this report. In full: ", h("code", null, "peekr view --io --trace " + call.trace.slice(0, 12))) : null,
      call.t.e ? part("Error", h("pre.error-text", null, plain(call.t.e))) : null,
      sides(call),
      part("Claim verdicts", verdicts(call)),
      part("Citations", citations(call)),
      part("What to try for this call", tries(call)),
      failures.length ? part("Not scored", h("ul.plain", null, failures.map(([name, why]) => h("li", null, h("b", null, clip(name, 40)), " ", clip(why, 300))))) : null,
      part("Call", facts(call)),
      part("Trace", waterfall(call.trace, call.id))));
}

// The neighbour in the table's order.
function step(by) {
  const list = rows();
  const at = list.findIndex((call) => call.id === S.call);
  const next = list[Math.min(list.length - 1, Math.max(0, at + by))];
  if (next && next.id !== S.call) { openCall(next.id, true); showRow(list.indexOf(next)); }
}
