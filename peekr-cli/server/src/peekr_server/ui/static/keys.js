// The keyboard, anywhere but in a field; and the list of keys.

import { byId, el, fill } from "./dom.js";

const HELP = [
  ["/", "Search"], ["↑ ↓", "Move in a list"], ["Enter", "Open, and go on to the next panel"], ["← →", "To the panel beside it"],
  ["J K", "Next or previous event"], ["Esc", "Back"], ["T", "Theme: auto, light, dark"], ["?", "This list"],
];

const typing = (target) => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** Follow the keys. @param {Record<string, () => void>} acts key → what it does */
export function startKeys(acts) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (typing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  byId("help").addEventListener("click", showHelp);
}

/** Show the keys. */
export function showHelp() {
  const dialog = byId("help-dialog");
  fill(dialog,
    el("h2", { id: "help-title" }, "Keyboard"),
    el("dl.keys", null, HELP.map(([keys, does]) => el("div", null, el("dt", null, keys.split(" ").map((key) => el("kbd", null, key))), el("dd", null, does)))),
    el("form.dialog-buttons", { method: "dialog" }, el("button.primary", { type: "submit" }, "Close")));
  dialog.showModal();
}
