// Light or dark: auto follows the system; what was chosen is remembered. The report beside this page uses the same key.

import { byId, fill } from "./dom.js";
import { icon } from "./icons.js";

const KEY = "peekr-theme";
const ORDER = ["auto", "light", "dark"];

function kept() {
  try {
    const value = localStorage.getItem(KEY);
    return ORDER.includes(value) ? value : "auto";
  } catch (_) {
    return document.documentElement.dataset.theme || "auto"; // storage is forbidden: it holds for this page
  }
}

function apply(theme) {
  const root = document.documentElement, button = byId("theme");
  if (theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme;
  const next = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
  fill(byId("theme-icon"), icon(theme));
  byId("theme-text").textContent = `Theme: ${theme}`;
  button.title = `Theme: ${theme}. Click for ${next} (T)`;
  button.setAttribute("aria-label", `Theme: ${theme}. Switch to ${next}`);
}

/** Go on to the next of auto, light, dark. */
export function nextTheme() {
  const theme = ORDER[(ORDER.indexOf(kept()) + 1) % ORDER.length];
  try {
    localStorage.setItem(KEY, theme);
  } catch (_) { /* forbidden: see above */ }
  apply(theme);
}

/** Show what is kept, and follow the button. */
export function startTheme() {
  apply(kept());
  byId("theme").addEventListener("click", nextTheme);
  addEventListener("storage", (event) => event.key === KEY && apply(kept())); // another tab
}
