// Making elements. Data reaches the page as text nodes and attribute values only; there is no innerHTML anywhere.

const SVG = "http://www.w3.org/2000/svg";
const $ = (id) => document.getElementById(id);

// h("button.chip", {onclick, "aria-pressed": "true"}, "text", child, …); null and false children are left out.
function h(what, props, ...children) {
  const [tag, ...classes] = what.split(".");
  return fill(document.createElement(tag), classes, props, children);
}

function svg(what, props, ...children) {
  const [tag, ...classes] = what.split(".");
  return fill(document.createElementNS(SVG, tag), classes, props, children);
}

function fill(node, classes, props, children) {
  if (classes.length) node.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, css] of Object.entries(value)) node.style.setProperty(key, css);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  append(node, children);
  return node;
}

function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
}

// What is a child already, and stays one, is not taken out: its style and layout would be made again.
function replace(node, ...children) {
  const list = children.flat(Infinity), stays = list.find((child) => child instanceof Node && child.parentNode === node);
  if (!stays) {
    node.textContent = "";
    append(node, list);
    return node;
  }
  for (const child of [...node.childNodes]) if (child !== stays) child.remove();
  const place = list.indexOf(stays), before = document.createDocumentFragment();
  append(before, list.slice(0, place));
  node.insertBefore(before, stays);
  append(node, list.slice(place + 1));
  return node;
}

// From so many calls on, what is not looked at first is made after the rest is painted.
const MANY = 4000;

// Do something when the frame that is being made is painted, unless the selection is another by then.
function afterPaint(act) {
  const calls = V.calls;
  requestAnimationFrame(() => setTimeout(() => { if (calls === V.calls) act(); }, 0));
}

// The lower part of a view: of many calls made after the paint; what was there stands until then.
function below(view, make) {
  const part = view.querySelector(":scope > .below") || h("div.below");
  const draw = () => { forgetInside(part); replace(part, make()); drawTrends(part); };
  if (V.calls.length < MANY) draw();
  else afterPaint(() => { if (part.isConnected) draw(); });
  return part;
}

function say(text) {
  $("live").textContent = text;
}

// A card with a heading: the one frame of all panels.
function card(title, hint, ...children) {
  return h("section.card", { "aria-label": title },
    h("header.card-head", null, h("h3", null, title), hint && h("p.hint", null, hint)), children);
}

function empty(title, text, ...more) {
  return h("div.empty", null, h("p.empty-title", null, title), text && h("p", null, text), more);
}
