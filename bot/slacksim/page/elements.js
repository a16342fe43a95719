// Interactive Block Kit elements: buttons, menus, pickers, inputs.
//
// A rendered control answers to read(node): its value as Slack reports it in state.values. Outside of an input block a
// change is an action; ctx.act posts it. ctx = {dir, holder: {blockId}, act(node, element, value), input: bool}.
// The holder keeps the block id of now: a message edited without any visible change keeps its nodes.

import { h, icon } from "./dom.js";
import { decode, plain, textObject } from "./mrkdwn.js";

const READERS = new WeakMap();

/** read returns {type, value|selected_…} of a control, or null when the node is none. */
export function read(node) {
  const reader = READERS.get(node);
  return reader ? reader() : null;
}

/** renderElement returns the node of one element, or null when its type is not known. */
export function renderElement(element, ctx) {
  const build = BUILDERS[element.type];
  if (!build) return null;
  const node = build(element, ctx);
  // Not every control is the element itself: a group of radios, say. The hooks sit on the outermost node.
  node.dataset.actionId = element.action_id || "";
  node.dataset.blockId = ctx.holder.blockId;
  return node;
}

const BUILDERS = {
  button, overflow, static_select: select, users_select: select, conversations_select: select, channels_select: select,
  multi_static_select: multiSelect, multi_users_select: multiSelect, multi_conversations_select: multiSelect, multi_channels_select: multiSelect,
  external_select: searchMenu, multi_external_select: searchMenu,
  datepicker: picker, timepicker: picker, datetimepicker: picker,
  checkboxes: choices, radio_buttons: choices,
  plain_text_input: textInput, email_text_input: textInput, url_text_input: textInput, number_input: textInput, rich_text_input: textInput,
  file_input: fileInput, workflow_button: button,
};

function button(element, ctx) {
  const props = { class: `btn${element.style === "primary" || element.style === "danger" ? " btn-" + element.style : ""}`, "aria-label": element.accessibility_label };
  const label = h("span", { class: "btn-label" }, plain(element.text?.text, element.text?.emoji));
  if (element.url) {
    // Slack opens the link and tells the app about the click as well.
    if (!/^https?:/i.test(element.url)) return h("button", { ...props, type: "button", disabled: true }, label);
    const link = h("a", { ...props, href: element.url, target: "_blank", rel: "noopener noreferrer" }, label, icon("external"), h("span", { class: "sr-only" }, " (opens in a new tab)"));
    link.addEventListener("click", () => ctx.act(link, { ...element, confirm: null }, { value: element.value }));
    return link;
  }
  const node = h("button", { ...props, type: "button" }, label);
  node.addEventListener("click", () => ctx.act(node, element, { value: element.value }));
  return node;
}

function overflow(element, ctx) {
  const node = h("button", { type: "button", class: "btn btn-icon", "aria-label": element.accessibility_label || "More actions", "aria-haspopup": "menu", "aria-expanded": "false" }, icon("more"));
  node.addEventListener("click", () => {
    openMenu(node, (element.options || []).map((option) => ({
      label: plain(option.text?.text, option.text?.emoji),
      description: option.description?.text,
      url: option.url,
      choose: () => ctx.act(node, element, { selected_option: option }),
    })));
  });
  return node;
}

/** openMenu shows a menu under a button; arrow keys, Enter and Esc work. It outlives a re-render of the button's message. */
function openMenu(owner, items) {
  const menu = h("div", { class: "menu", role: "menu", popover: "auto" });
  const close = () => menu.hidePopover();
  for (const item of items) {
    const content = [h("span", {}, item.label), item.description ? h("small", {}, decode(item.description)) : null];
    const entry = item.url && /^https?:/i.test(item.url)
      ? h("a", { class: "menu-item", role: "menuitem", tabindex: "-1", href: item.url, target: "_blank", rel: "noopener noreferrer" }, content)
      : h("button", { class: "menu-item", role: "menuitem", tabindex: "-1", type: "button" }, content);
    entry.addEventListener("click", () => {
      close();
      item.choose();
    });
    menu.append(entry);
  }
  menu.addEventListener("keydown", (event) => {
    const all = [...menu.children];
    const at = all.indexOf(document.activeElement);
    const to = { ArrowDown: (at + 1) % all.length, ArrowUp: (at - 1 + all.length) % all.length, Home: 0, End: all.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      all[to].focus();
    } else if (event.key === "Tab") close();
  });
  menu.addEventListener("toggle", (event) => {
    if (event.newState === "open") return;
    owner.setAttribute("aria-expanded", "false");
    if (owner.isConnected && (menu.contains(document.activeElement) || document.activeElement === document.body)) owner.focus();
    menu.remove();
  });
  // Inside an open dialog everything outside of it is inert.
  (owner.closest("dialog") || document.body).append(menu);
  menu.showPopover();
  const box = owner.getBoundingClientRect();
  const size = menu.getBoundingClientRect();
  const below = box.bottom + 4 + size.height <= innerHeight;
  menu.style.top = `${below ? box.bottom + 4 : Math.max(8, box.top - 4 - size.height)}px`;
  menu.style.left = `${Math.max(8, Math.min(box.left, innerWidth - size.width - 8))}px`;
  owner.setAttribute("aria-expanded", "true");
  menu.firstElementChild?.focus();
}

/** optionsOf lists what a menu offers: [{key, text, group?, option?}]; people and channels come from the directory. */
function optionsOf(element, dir) {
  if (element.type.includes("users")) {
    return [...dir.users.values()].filter((u) => !u.is_bot).map((u) => ({ key: u.id, text: u.real_name || u.name }));
  }
  if (element.type.includes("conversations") || element.type.includes("channels")) {
    return [...dir.channels.values()].filter((c) => !c.is_im || element.type.includes("conversations")).map((c) => ({ key: c.id, text: (c.is_im ? "" : "#") + c.name }));
  }
  const flat = (options, group) => (options || []).map((option) => ({ key: option.value, text: decode(option.text?.text || ""), group, option }));
  if (element.option_groups) return element.option_groups.flatMap((g) => flat(g.options, decode(g.label?.text || "")));
  return flat(element.options);
}

/** selectedField names the key under which Slack reports the choice of a menu type. */
function selectedField(type) {
  const many = type.startsWith("multi_") ? "s" : "";
  if (type.includes("users")) return "selected_user" + many;
  if (type.includes("conversations")) return "selected_conversation" + many;
  if (type.includes("channels")) return "selected_channel" + many;
  return "selected_option" + many;
}

function select(element, ctx) {
  const entries = optionsOf(element, ctx.dir);
  const field = selectedField(element.type);
  const initial = element.initial_option?.value ?? element.initial_user ?? element.initial_conversation ?? element.initial_channel ?? "";
  const node = h("select", { class: "select", "aria-label": ctx.input ? null : decode(element.placeholder?.text || "Choose"), autofocus: element.focus_on_load });
  node.append(h("option", { value: "" }, decode(element.placeholder?.text || "Choose…")));
  let group = null;
  for (const entry of entries) {
    if (entry.group !== undefined && group?.label !== entry.group) {
      group = h("optgroup", { label: entry.group });
      node.append(group);
    }
    (entry.group === undefined ? node : group).append(h("option", { value: entry.key }, entry.text));
  }
  node.value = initial;
  const value = () => {
    const entry = entries.find((e) => e.key === node.value);
    return { [field]: entry ? entry.option || entry.key : null };
  };
  let before = node.value;
  READERS.set(node, () => ({ type: element.type, ...value() }));
  onChange(node, element, ctx, () => {
    if (!node.value) return;
    const back = before;
    before = node.value;
    ctx.act(node, element, value(), () => {
      node.value = before = back;
    });
  });
  return node;
}

function multiSelect(element, ctx) {
  const entries = optionsOf(element, ctx.dir);
  const initial = new Set([...(element.initial_options || []).map((o) => o.value), ...(element.initial_users || []), ...(element.initial_conversations || []), ...(element.initial_channels || [])]);
  const node = h("fieldset", { class: "choices choices-scroll" }, h("legend", { class: "sr-only" }, decode(element.placeholder?.text || "Choose any")));
  const boxes = entries.map((entry) => choice("checkbox", element.action_id, [entry.text], null, initial.has(entry.key)));
  boxes.forEach((box) => node.append(box.label));
  const value = () => ({ [selectedField(element.type)]: entries.filter((_, i) => boxes[i].input.checked).map((e) => e.option || e.key) });
  READERS.set(node, () => ({ type: element.type, ...value() }));
  onChange(node, element, ctx, () => ctx.act(node, element, value()));
  return node;
}

function searchMenu(element) {
  return h("span", { class: "note" }, `A menu that asks the app for its options (${element.type}) is not part of this simulation.`);
}

let groupCount = 0;

function choices(element, ctx) {
  const single = element.type === "radio_buttons";
  const initial = new Set([...(element.initial_options || []), ...(element.initial_option ? [element.initial_option] : [])].map((o) => o.value));
  const name = `choice-${++groupCount}`;
  const node = h("fieldset", { class: "choices" }, h("legend", { class: "sr-only" }, single ? "Choose one" : "Choose any"));
  const options = element.options || [];
  const boxes = options.map((option) => choice(single ? "radio" : "checkbox", name, textObject(option.text, ctx.dir), option.description && textObject(option.description, ctx.dir), initial.has(option.value)));
  boxes.forEach((box) => node.append(box.label));
  const value = () => {
    const picked = options.filter((_, i) => boxes[i].input.checked);
    return single ? { selected_option: picked[0] || null } : { selected_options: picked };
  };
  READERS.set(node, () => ({ type: element.type, ...value() }));
  onChange(node, element, ctx, () => ctx.act(node, element, value()));
  return node;
}

function choice(type, name, text, description, checked) {
  const input = h("input", { type, name, checked });
  return { input, label: h("label", { class: "choice" }, input, h("span", {}, text, description ? h("small", {}, description) : null)) };
}

function picker(element, ctx) {
  const type = { datepicker: "date", timepicker: "time", datetimepicker: "datetime-local" }[element.type];
  const initial = element.type === "datetimepicker" ? localInput(element.initial_date_time) : element.initial_date || element.initial_time || "";
  const node = h("input", { class: "input input-short", type, value: initial, "aria-label": ctx.input ? null : decode(element.placeholder?.text || element.type), autofocus: element.focus_on_load });
  const value = () => {
    if (element.type === "datepicker") return { selected_date: node.value || null };
    if (element.type === "timepicker") return { selected_time: node.value || null };
    const at = node.value ? Math.floor(new Date(node.value).getTime() / 1000) : NaN;
    return { selected_date_time: Number.isFinite(at) ? at : null };
  };
  READERS.set(node, () => ({ type: element.type, ...value() }));
  // Typing a date passes through other valid dates; the action is the one that was left standing.
  let timer = 0;
  onChange(node, element, ctx, () => {
    clearTimeout(timer);
    timer = setTimeout(() => node.value && ctx.act(node, element, value()), 700);
  });
  return node;
}

function localInput(unix) {
  if (!unix) return "";
  const d = new Date(unix * 1000);
  return new Date(d.getTime() - d.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

function textInput(element, ctx) {
  const type = { email_text_input: "email", url_text_input: "url", number_input: "number" }[element.type] || "text";
  const props = {
    class: "input", placeholder: decode(element.placeholder?.text || ""), autofocus: element.focus_on_load,
    minlength: element.min_length, maxlength: element.max_length, value: element.initial_value || "",
    step: type === "number" ? (element.is_decimal_allowed ? "any" : "1") : null, min: element.min_value, max: element.max_value,
  };
  const long = element.multiline || element.type === "rich_text_input";
  const node = long ? h("textarea", { ...props, rows: "4" }) : h("input", { ...props, type });
  READERS.set(node, () => ({ type: element.type, value: node.value === "" ? null : node.value }));
  onChange(node, element, ctx, () => ctx.act(node, element, { value: node.value }));
  return node;
}

function fileInput() {
  return h("span", { class: "note" }, "Choosing files is not part of this simulation.");
}

/** onChange acts at once outside of an input block; inside one only when the app asked for it (dispatch_action). */
function onChange(node, element, ctx, act) {
  node.addEventListener("change", () => {
    if (!ctx.input || ctx.dispatch) act();
  });
}
