// Small DOM helpers. Data only ever becomes text nodes or attribute values; nothing here parses HTML.

const SVG_NS = "http://www.w3.org/2000/svg";

/** h builds an element. Props: class, on<event> handlers, data-* and aria-* attributes, DOM booleans. */
export function h(tag, props, ...children) {
  const el = document.createElement(tag);
  setProps(el, props);
  append(el, children);
  return el;
}

/** svg builds an SVG element the same way. */
export function svg(tag, attrs, ...children) {
  const el = document.createElementNS(SVG_NS, tag);
  for (const [name, value] of Object.entries(attrs || {})) el.setAttribute(name, String(value));
  append(el, children);
  return el;
}

function setProps(el, props) {
  for (const [name, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) el.addEventListener(name.slice(2), value);
    else if (name === "value") el.value = value;
    else if (value === true) el.setAttribute(name, "");
    else el.setAttribute(name, String(value));
  }
}

export function append(el, children) {
  for (const child of children) {
    if (child === undefined || child === null || child === false) continue;
    if (Array.isArray(child)) append(el, child);
    else el.append(child);
  }
  return el;
}

/** setText writes only when the text differs, so that selection and live regions are left alone. */
export function setText(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

/**
 * reconcile makes the children of a container equal to items, touching only what changed:
 * a node whose signature is the same stays as it is, so focus, open menus and scroll survive.
 * item = {key, sig, make(), update?(node)}. With update, a changed item keeps its node.
 */
export function reconcile(container, items) {
  const old = container._keyed || new Map();
  const next = new Map();
  for (const item of items) {
    let entry = old.get(item.key);
    if (!entry) {
      entry = { node: item.make(), sig: item.sig };
    } else if (entry.sig !== item.sig) {
      if (item.update) {
        item.update(entry.node);
        entry = { node: entry.node, sig: item.sig };
      } else {
        const node = item.make();
        entry.node.replaceWith(node);
        entry = { node, sig: item.sig };
      }
    }
    next.set(item.key, entry);
  }
  for (const [key, entry] of old) {
    if (!next.has(key)) entry.node.remove();
  }
  let cursor = container.firstChild;
  for (const { node } of next.values()) {
    if (node === cursor) cursor = cursor.nextSibling;
    else container.insertBefore(node, cursor);
  }
  container._keyed = next;
}

/** clearKeyed forgets everything reconcile put into the container. */
export function clearKeyed(container) {
  container.replaceChildren();
  container._keyed = undefined;
}

/** initials of a person, at most two letters. */
export function initials(name) {
  const words = String(name || "?").trim().split(/[\s._-]+/).filter(Boolean);
  const first = [...(words[0] || "?")][0];
  const last = words.length > 1 ? [...words[words.length - 1]][0] : "";
  return (first + last).toUpperCase();
}

/** avatar of a user: initials on the person's colour, with whichever ink is legible on it. */
export function avatar(user, size) {
  const color = /^#[0-9a-f]{6}$/i.test(user?.color || "") ? user.color : "#5b6b73";
  const el = h("span", { class: `avatar${size ? " avatar-" + size : ""}${user?.is_bot ? " avatar-bot" : ""}`, "aria-hidden": "true" },
    user?.is_bot ? icon("bot") : initials(user?.real_name || user?.name));
  el.style.backgroundColor = color;
  el.style.color = ink(color);
  return el;
}

function ink(hex) {
  const [r, g, b] = [1, 3, 5].map((i) => {
    const c = parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return 1.05 / (luminance + 0.05) >= 3.6 ? "#ffffff" : "#10181c"; // bold initials count as large text: 3 to 1 would do
}

// Line icons on a 24x24 grid.
const ICONS = {
  hash: "M9.5 4 7.5 20M16.5 4l-2 16M4.5 9h15.5M4 15h15.5",
  chat: "M5 5h14a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-8l-4.5 3.5V16H5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1z",
  reply: "M9 6 4 11l5 5M4.5 11H14a6 6 0 0 1 6 6v1.5",
  close: "M6 6l12 12M18 6 6 18",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2.5M12 19v2.5M2.5 12H5M19 12h2.5M5.3 5.3 7 7M17 17l1.7 1.7M18.7 5.3 17 7M7 17l-1.7 1.7",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
  monitor: "M4 5h16v11H4zM9 20h6M12 16v4",
  chevron: "M7 10l5 5 5-5",
  send: "M4 12 20 4.5 15.5 20l-4-6.5zM11.5 13.5 20 4.5",
  more: "M5.5 12h.01M12 12h.01M18.5 12h.01",
  external: "M14 4h6v6M20 4l-9 9M18 14v5a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1h5",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  server: "M4 4.5h16v6H4zM4 13.5h16v6H4zM7.5 7.5h.01M7.5 16.5h.01M11 7.5h5M11 16.5h5",
  megaphone: "M4 10v4h3l9 4.5v-13L7 10zM19 9.5a3.5 3.5 0 0 1 0 5M8 14l1 5.5",
  bot: "M6 9h12v9.5H6zM12 9V5.5M12 4.5h.01M9.5 13h.01M14.5 13h.01M10 16h4M3.5 12.5v3M20.5 12.5v3",
  down: "M12 5v14M6 13l6 6 6-6",
  info: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 11v5.5M12 7.8h.01",
  alert: "M12 4 2.8 19.5h18.4zM12 10v4.5M12 17h.01",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9h.01",
  check: "M5 12.5l4.5 4.5L19 7.5",
};

export function icon(name, cls) {
  return svg("svg", {
    viewBox: "0 0 24 24", class: `icon${cls ? " " + cls : ""}`, fill: "none", stroke: "currentColor",
    "stroke-width": name === "more" ? 3 : name === "bot" ? 2.2 : 1.8, "stroke-linecap": "round", "stroke-linejoin": "round",
    "aria-hidden": "true", focusable: "false",
  }, svg("path", { d: ICONS[name] || "" }));
}
