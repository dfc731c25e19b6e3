// The dialog that asks for the server's API key.

import { byId, el, fill } from "./dom.js";

/**
 * Ask for the key.
 * @param {boolean} wrong whether one was given that the server does not accept
 * @returns {Promise<string>} empty if the dialog was closed without one
 */
export function askForKey(wrong) {
  const dialog = byId("key-dialog");
  const field = el("input", {
    type: "password", id: "key-field", autocomplete: "off", spellcheck: "false", required: true,
    "aria-describedby": wrong ? "key-hint key-wrong" : "key-hint", "aria-invalid": wrong ? "true" : null,
  });
  let given = "";
  fill(dialog,
    el("form", { method: "dialog", onsubmit: () => { given = field.value.trim(); } },
      el("h2", { id: "key-title" }, "This server asks for an API key"),
      el("p.hint", { id: "key-hint" }, "It is what the server was started with: api_key, or TRACE_API_KEY. It is kept until this tab is closed."),
      el("label.field", null, el("span", null, "API key"), field),
      wrong && el("p.wrong", { id: "key-wrong", role: "alert" }, "The server does not accept this key. Look for a typing mistake, or ask who runs the server."),
      el("div.dialog-buttons", null,
        el("button.plain-button", { type: "button", onclick: () => dialog.close() }, "Not now"),
        el("button.primary", { type: "submit" }, "Open"))));
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(given), { once: true });
    dialog.showModal();
    field.focus();
  });
}
