// Block Kit blocks -> DOM nodes. What is not known is shown as such, never dropped.
//
// ctx = {dir, act(node, element, value, undo?), surface: "message"|"modal"}.

import { h, icon, reconcile } from "./dom.js";
import { decode, mrkdwn, plain, textObject } from "./mrkdwn.js";
import { richText } from "./richtext.js";
import { markdown } from "./markdown.js";
import { renderElement } from "./elements.js";

/**
 * renderBlocks makes the container show the blocks. A block that looks the same keeps its nodes, even when the app gave
 * it a new block id; so an edit of a progress line does not take the focus from the button below.
 */
export function renderBlocks(container, blocks, ctx) {
  const items = (blocks || []).map((block, i) => {
    const { block_id: blockId = "", ...look } = block;
    return {
      key: `${i}:${block.type}`,
      sig: JSON.stringify(look),
      blockId,
      make: () => {
        const holder = { blockId };
        const node = renderBlock(block, { ...ctx, holder });
        node._holder = holder;
        return node;
      },
    };
  });
  reconcile(container, items);
  items.forEach((item) => {
    const { node } = container._keyed.get(item.key);
    if (node._holder.blockId === item.blockId) return;
    node._holder.blockId = item.blockId;
    node.dataset.blockId = item.blockId;
    for (const el of node.querySelectorAll("[data-action-id]")) el.dataset.blockId = item.blockId;
  });
}

function renderBlock(block, ctx) {
  const build = BLOCKS[block.type];
  let node;
  try {
    node = build ? build(block, ctx) : unsupported(`block: ${block.type}`);
  } catch (error) {
    // One malformed block must not take the whole conversation with it.
    node = unsupported(`block: ${block.type} (${error.message})`);
  }
  node.classList.add("block", `block-${String(block.type).replace(/[^\w-]/g, "")}`);
  node.dataset.blockId = block.block_id || "";
  return node;
}

export function unsupported(what) {
  return h("div", { class: "unsupported" }, `unsupported ${what}`);
}

const BLOCKS = { section, header, divider, context, actions, image, rich_text, markdown: markdownBlock, table, input, alert, task_card: taskCard, plan, file };

function section(block, ctx) {
  const body = h("div", { class: "section-body" });
  if (block.text) body.append(h("div", { class: "text" }, textObject(block.text, ctx.dir)));
  if (block.fields?.length) {
    body.append(h("div", { class: "fields" }, block.fields.map((field) => h("div", { class: "text field" }, textObject(field, ctx.dir)))));
  }
  return h("div", {}, body, block.accessory ? h("div", { class: "accessory" }, element(block.accessory, ctx)) : null);
}

function header(block) {
  return h("h3", {}, plain(block.text?.text, block.text?.emoji));
}

function divider() {
  return h("hr", {});
}

function context(block, ctx) {
  return h("div", {}, (block.elements || []).map((item) =>
    item.type === "image" ? imageBox(item, "image-tiny") : h("span", { class: "text" }, textObject(item, ctx.dir))));
}

function actions(block, ctx) {
  return h("div", { class: "actions" }, (block.elements || []).map((item) => element(item, ctx)));
}

function element(item, ctx) {
  if (item.type === "image") return imageBox(item, "image-small");
  return renderElement(item, ctx) || unsupported(`element: ${item.type}`);
}

/** imageBox stands in for a picture: the page fetches nothing from outside. */
function imageBox(item, cls) {
  return h("span", { class: `image-box ${cls || ""}`, role: "img", "aria-label": item.alt_text || "image", title: item.alt_text || "image" },
    icon("image"), cls ? null : h("span", {}, item.alt_text || "image"));
}

function image(block, ctx) {
  return h("figure", {}, block.title ? h("figcaption", {}, textObject(block.title, ctx.dir)) : null, imageBox(block));
}

function rich_text(block, ctx) {
  return h("div", { class: "text" }, richText(block, ctx.dir));
}

function markdownBlock(block, ctx) {
  return h("div", { class: "text md" }, markdown(block.text, ctx.dir));
}

function table(block, ctx) {
  const rows = block.rows || [];
  const settings = block.column_settings || [];
  const cell = (tag, content, column) => {
    const node = h(tag, tag === "th" ? { scope: "col" } : {}, cellContent(content, ctx.dir));
    node.style.textAlign = settings[column]?.align || "";
    if (settings[column]?.is_wrapped) node.style.whiteSpace = "normal";
    return node;
  };
  return h("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": "Table" }, h("table", {},
    h("thead", {}, h("tr", {}, (rows[0] || []).map((c, i) => cell("th", c, i)))),
    h("tbody", {}, rows.slice(1).map((row) => h("tr", {}, row.map((c, i) => cell("td", c, i)))))));
}

function cellContent(cell, dir) {
  if (!cell) return [];
  if (cell.type === "rich_text") return richText(cell, dir);
  return plain(cell.text ?? cell.value ?? "");
}

let labels = 0;

function input(block, ctx) {
  const id = `field-${++labels}`;
  const control = renderElement(block.element || {}, { ...ctx, input: true, dispatch: !!block.dispatch_action }) || unsupported(`element: ${block.element?.type}`);
  const hint = block.hint ? h("p", { class: "hint-text", id: id + "-hint" }, plain(block.hint.text, block.hint.emoji)) : null;
  const error = h("p", { class: "field-error", id: id + "-error", hidden: true });
  control.id = id;
  control.setAttribute("aria-describedby", [hint && hint.id, error.id].filter(Boolean).join(" "));
  if (!block.optional) control.setAttribute("aria-required", "true");
  const text = [plain(block.label?.text, block.label?.emoji), block.optional ? h("span", { class: "optional" }, " (optional)") : null];
  const legend = control.querySelector("legend");
  if (legend) legend.textContent = decode(block.label?.text || "");
  const node = h("div", { "data-optional": block.optional ? "true" : "false" },
    legend ? h("p", { class: "label", "aria-hidden": "true" }, text) : h("label", { class: "label", for: id }, text), control, error, hint);
  return node;
}

/** setFieldError shows or clears the error of an input block's node. */
export function setFieldError(node, message) {
  const error = node.querySelector(".field-error");
  if (!error) return;
  error.textContent = message || "";
  error.hidden = !message;
  const control = node.querySelector("[data-action-id]");
  if (message) control?.setAttribute("aria-invalid", "true");
  else control?.removeAttribute("aria-invalid");
}

function alert(block, ctx) {
  const level = ["warning", "error", "success", "info"].includes(block.level) ? block.level : "info";
  return h("div", { class: `alert alert-${level}`, role: "note" }, icon(level === "warning" || level === "error" ? "alert" : "info"), h("div", { class: "text" }, textObject(block.text, ctx.dir)));
}

const TASK_STATES = { pending: "waiting", in_progress: "running", complete: "done", error: "failed" };

function taskCard(block, ctx) {
  const state = TASK_STATES[block.status] ? block.status : "pending";
  return h("div", { class: `task task-${state}` },
    h("span", { class: "task-mark", role: "img", "aria-label": TASK_STATES[state] }, state === "complete" ? icon("check") : state === "error" ? icon("close") : null),
    h("div", { class: "text" }, block.hide_title ? null : h("strong", {}, typeof block.title === "string" ? decode(block.title) : textObject(block.title, ctx.dir)),
      block.details ? richText(block.details, ctx.dir) : null, block.output ? richText(block.output, ctx.dir) : null));
}

function plan(block, ctx) {
  return h("div", { class: "plan" },
    h("p", { class: "plan-title" }, typeof block.title === "string" ? decode(block.title) : textObject(block.title, ctx.dir)),
    (block.tasks || []).map((task) => taskCard(task, ctx)));
}

function file(block) {
  return h("div", { class: "note" }, `File ${block.external_id || ""}`);
}

/** blockText renders a message that has no blocks. */
export function blockText(text, dir) {
  return h("div", { class: "text block" }, mrkdwn(text, dir));
}
