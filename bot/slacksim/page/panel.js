// The panel beside the chat: what the environments really hold.

import { h, icon, reconcile, setText } from "./dom.js";
import { withEmoji } from "./emoji.js";

const TONES = ["ok", "warn", "down", "bad"];
const toneOf = (tone) => (TONES.includes(tone) ? tone : "none");

/** renderPanel makes the container show the sections; a value that changed flashes. press is told of a button. */
export function renderPanel(container, sections, press) {
  reconcile(container, (sections || []).map((section) => ({
    key: section.title,
    sig: JSON.stringify(section),
    make: () => {
      const node = skeleton(section.title);
      fill(node, section, true, press);
      return node;
    },
    update: (node) => fill(node, section, false, press),
  })));
}

/** renderSummary is the panel in a line, for narrow windows: one dot and word for each section. */
export function renderSummary(container, sections) {
  reconcile(container, (sections || []).filter((section) => section.status).map((section) => ({
    key: section.title,
    sig: `${section.tone} ${section.status}`,
    make: () => h("span", { class: `summary tone-${toneOf(section.tone)}` }, h("span", { class: "dot" }), section.title, h("span", { class: "sr-only" }, ` ${section.status || ""}`)),
  })));
}

function skeleton(title) {
  const id = `env-${title.replace(/\W+/g, "-").toLowerCase()}`;
  return h("section", { class: "env", "data-testid": "panel-section", "data-title": title, "aria-labelledby": id },
    h("div", { class: "env-head" }, h("h3", { id }, title), h("span", { class: "chip" }, h("span", { class: "dot" }), h("span", { class: "chip-text" }))),
    h("p", { class: "env-subtitle" }),
    h("div", { class: "env-banner", hidden: true }, icon("megaphone"), h("span", {})),
    h("div", { class: "rows" }),
    h("div", { class: "env-buttons" }));
}

function fill(node, section, first, press) {
  const chip = node.querySelector(".chip");
  chip.className = `chip tone-${toneOf(section.tone)}`;
  node.dataset.tone = toneOf(section.tone);
  chip.hidden = !section.status;
  change(chip.querySelector(".chip-text"), section.status || "", first, chip);
  const subtitle = node.querySelector(".env-subtitle");
  setText(subtitle, (section.subtitle || "").replace(/^https?:\/\//, ""));
  subtitle.title = section.subtitle || "";
  subtitle.hidden = !section.subtitle;
  const banner = node.querySelector(".env-banner");
  banner.hidden = !section.banner;
  setText(banner.querySelector("span"), section.banner || "");
  node.querySelector(".env-buttons").replaceChildren(...(section.buttons || []).map((button) => h("button",
    { type: "button", class: "btn", "data-testid": "panel-button", "data-action": button.action, onclick: () => press(button.action) }, button.label)));
  const seen = new Map();
  reconcile(node.querySelector(".rows"), (section.rows || []).map((row) => {
    const n = seen.get(row.label) || 0;
    seen.set(row.label, n + 1);
    const expandable = row.detail?.length > 0;
    return {
      key: `${row.label}/${n}/${expandable}`,
      sig: JSON.stringify(row),
      make: () => {
        const made = expandable ? expandableRow() : plainRow();
        fillRow(made, row, true);
        return made;
      },
      update: (made) => fillRow(made, row, first),
    };
  }));
}

function plainRow() {
  return h("div", { class: "row" }, h("span", { class: "row-label" }), h("span", { class: "row-value" }));
}

function expandableRow() {
  return h("details", { class: "row-details" },
    h("summary", { class: "row" }, h("span", { class: "row-label" }), icon("chevron", "row-chevron"), h("span", { class: "row-value" })),
    h("ul", { class: "row-list" }));
}

function fillRow(node, row, first) {
  setText(node.querySelector(".row-label"), row.label);
  const value = node.querySelector(".row-value");
  value.className = `row-value tone-${toneOf(row.tone)}`;
  change(value, String(row.value ?? ""), first, value);
  const list = node.querySelector(".row-list");
  if (list) {
    const lines = row.detail.map(String);
    if (lines.join("\n") !== list._text) {
      list.replaceChildren(...lines.map((line) => h("li", {}, withEmoji(line, false))));
      list._text = lines.join("\n");
    }
  }
}

function change(el, text, first, flash) {
  if (el.textContent === text) return;
  el.textContent = text;
  if (first) return;
  flash.classList.remove("flash");
  void flash.offsetWidth; // restarts the animation
  flash.classList.add("flash");
}
