// Making elements. Data reaches the page as text nodes and attribute values only: there is no innerHTML anywhere.

const SVG = "http://www.w3.org/2000/svg";

/** @param {string} id */
export const byId = (id) => document.getElementById(id);

/**
 * Make an element: `el("a.row", {href, onclick, style: {"--x": "1"}}, "text", child, …)`.
 * Children and attributes that are null, undefined or false are left out.
 * @param {string} what tag and classes
 * @param {Record<string, any> | null} [attributes]
 * @param {...any} children
 * @returns {HTMLElement}
 */
export function el(what, attributes, ...children) {
  const [tag, ...classes] = what.split(".");
  return dress(document.createElement(tag), classes, attributes, children);
}

/** Like {@link el}, for SVG. */
export function svg(what, attributes, ...children) {
  const [tag, ...classes] = what.split(".");
  return dress(document.createElementNS(SVG, tag), classes, attributes, children);
}

function dress(node, classes, attributes, children) {
  if (classes.length) node.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(attributes || {})) set(node, name, value);
  node.append(...kept(children));
  return node;
}

function set(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "style") Object.entries(value).forEach(([key, css]) => node.style.setProperty(key, css)); // CSSOM: allowed by the policy
  else node.setAttribute(name, value === true ? "" : String(value));
}

function kept(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** Replace what is inside an element. */
export function fill(node, ...children) {
  node.replaceChildren(...kept(children));
  return node;
}

/** Say something to screen readers, without moving the focus. */
export function say(text) {
  byId("said").textContent = text;
}
