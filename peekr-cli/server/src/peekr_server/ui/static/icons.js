// The icons: strokes on a grid of 24.

import { svg } from "./dom.js";

const PATHS = {
  llm: "M12 3l1.9 5.6a2 2 0 0 0 1.3 1.3L21 12l-5.8 2.1a2 2 0 0 0-1.3 1.3L12 21l-1.9-5.6a2 2 0 0 0-1.3-1.3L3 12l5.8-2.1a2 2 0 0 0 1.3-1.3z",
  tool: "M20.9 7.3a5 5 0 0 1-6.6 5.6L7.1 20.1a2.2 2.2 0 0 1-3.2-3.2l7.2-7.2a5 5 0 0 1 5.6-6.6l-2.9 2.9.6 3.6 3.6.6z",
  memory: "M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 6v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3",
  error: "M12 3.5L2.5 20.5h19zM12 10v5M12 17.6v.4",
  final: "M5 21.5V4h13.5l-2.6 4 2.6 4H5",
  run: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM10 8.6v6.8l5.6-3.4z",
  nested: "M4 4v8a3 3 0 0 0 3 3h13M15.5 10.5L20 15l-4.5 4.5",
  span: "M8.5 4C6.5 4 6 5 6 7v2c0 2-.8 3-2.5 3 1.7 0 2.5 1 2.5 3v2c0 2 .5 3 2.5 3M15.5 4c2 0 2.5 1 2.5 3v2c0 2 .8 3 2.5 3-1.7 0-2.5 1-2.5 3v2c0 2-.5 3-2.5 3",
  custom: "M12 3.5l8.5 8.5-8.5 8.5L3.5 12z",
  agent: "M12 12a4.2 4.2 0 1 0 0-8.4 4.2 4.2 0 0 0 0 8.4zM4 21a8 8 0 0 1 16 0",
  handoff: "M4 8h15M15 4l4 4-4 4M20 16H5M9 12l-4 4 4 4",
  message: "M4 4.5h16v12H10.5L6 20.5v-4H4z",
  task: "M6 4.5h12V21H6zM9.5 3h5v3h-5zM9 13l2.3 2.3L15.5 11",
  auto: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 3v18M12 7l6-1M12 12h9M12 17l6 1",
  light: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M4.9 4.9l1.8 1.8M17.3 17.3l1.8 1.8M4.9 19.1l1.8-1.8M17.3 6.7l1.8-1.8",
  dark: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  back: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  download: "M12 4v11M7.5 10.5L12 15l4.5-4.5M4.5 20h15",
  up: "M7 11l4-8c1.5 0 2.5 1 2.5 2.5V9h5.5a2 2 0 0 1 2 2.3l-1.2 7A2 2 0 0 1 17.8 20H7zM7 11H3.5v9H7",
  down: "M7 13l4 8c1.5 0 2.5-1 2.5-2.5V15h5.5a2 2 0 0 0 2-2.3l-1.2-7A2 2 0 0 0 17.8 4H7zM7 13H3.5V4H7",
};

/**
 * An icon, hidden from screen readers: the text beside it says the same.
 * @param {string} name of PATHS; unknown ones give a diamond
 */
export function icon(name) {
  return svg("svg.icon", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: PATHS[name] || PATHS.custom }));
}
