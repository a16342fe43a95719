// The place to write: sends messages and slash commands, completes commands and their examples.

import { h, icon } from "./dom.js";

let count = 0;

export class Composer {
  /** host = {commands(): State.commands, send(text)}; send returns false when the text should stay. */
  constructor({ testid, label, placeholder, host }) {
    this.host = host;
    this.items = [];
    this.active = -1;
    const id = `complete-${++count}`;
    this.list = h("ul", { class: "complete", role: "listbox", id, "aria-label": "Commands", hidden: true });
    this.input = h("textarea", {
      class: "composer-input", rows: "1", "data-testid": testid, "aria-label": label, placeholder, autocomplete: "off", spellcheck: "true",
      role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": id, "aria-haspopup": "listbox",
    });
    this.button = h("button", { type: "submit", class: "send", "aria-label": "Send", title: "Send (Enter)", "data-testid": testid === "composer" ? "send" : testid + "-send" }, icon("send"));
    this.node = h("form", { class: "composer" }, this.list, h("div", { class: "composer-box" }, this.input, this.button));
    this.node.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.input.addEventListener("input", () => {
      this.resize();
      this.complete();
    });
    this.input.addEventListener("keydown", (event) => this.key(event));
    // A test driver may send the character of Enter apart from the key that was already handled.
    this.input.addEventListener("beforeinput", (event) => {
      if (this.entered && /^insert(LineBreak|Paragraph)$/.test(event.inputType)) event.preventDefault();
    });
    this.input.addEventListener("keyup", () => {
      this.entered = false;
    });
    this.input.addEventListener("blur", () => this.closeList());
    this.input.addEventListener("focus", () => this.complete());
  }

  setPlaceholder(text) {
    if (this.input.placeholder !== text) this.input.placeholder = text;
  }

  get text() {
    return this.input.value;
  }

  /** fill puts a text into the box, ready to be sent. */
  fill(text) {
    this.input.value = text;
    this.resize();
    this.input.focus();
    this.input.setSelectionRange(text.length, text.length);
    this.complete();
  }

  clear() {
    this.input.value = "";
    this.resize();
    this.closeList();
  }

  submit() {
    const text = this.input.value.trim();
    if (!text) {
      this.input.focus();
      return;
    }
    this.closeList();
    if (this.host.send(text) === false) return;
    this.clear();
    this.input.focus();
  }

  resize() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 180)}px`;
    this.node.classList.toggle("has-text", this.input.value.trim() !== "");
  }

  key(event) {
    if (event.isComposing) return;
    const open = !this.list.hidden;
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      const n = this.items.length;
      this.highlight(this.active < 0 ? (step > 0 ? 0 : n - 1) : (this.active + step + n) % n);
    } else if (open && event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.closeList();
    } else if (open && event.key === "Tab" && !event.shiftKey) {
      event.preventDefault();
      this.accept(Math.max(this.active, 0));
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.entered = true;
      if (open && this.active >= 0) this.accept(this.active);
      else this.submit();
    }
  }

  /** complete works out what could come next: a command while its name is typed, then its examples. */
  complete() {
    const text = this.input.value;
    const items = [];
    let active = -1;
    if (text.startsWith("/") && !text.includes("\n")) {
      const space = text.indexOf(" ");
      const commands = this.host.commands();
      if (space < 0) {
        for (const c of commands) {
          if (c.command.startsWith(text.toLowerCase())) items.push({ insert: c.command + " ", title: c.command, hint: c.usage_hint, description: c.description, more: true });
        }
        // What is fully typed is sent by Enter, not completed again.
        if (items.length && !commands.some((c) => c.command === text)) active = 0;
      } else {
        const command = commands.find((c) => c.command === text.slice(0, space));
        const typed = text.replace(/\s+/g, " ").toLowerCase();
        for (const example of command?.examples || []) {
          if (example.toLowerCase().startsWith(typed) && example.toLowerCase() !== typed.trim()) items.push({ insert: example, title: example });
        }
      }
    }
    if (!items.length) return this.closeList();
    this.items = items;
    this.list.replaceChildren(...items.map((item, i) => {
      const option = h("li", { role: "option", id: `${this.list.id}-${i}`, "aria-selected": "false", class: "complete-item" },
        h("span", { class: "complete-title" }, item.title, item.hint ? h("span", { class: "complete-hint" }, " " + item.hint) : null),
        item.description ? h("span", { class: "complete-description" }, item.description) : null);
      option.addEventListener("mousedown", (event) => {
        event.preventDefault(); // keeps the focus in the box
        this.accept(i);
      });
      return option;
    }), h("li", { class: "complete-keys", role: "presentation" }, "↑ ↓ choose · Tab complete · Enter send · Esc close"));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.highlight(active);
  }

  highlight(i) {
    this.active = i;
    [...this.list.querySelectorAll("[role=option]")].forEach((el, at) => el.setAttribute("aria-selected", String(at === i)));
    if (i >= 0) {
      this.input.setAttribute("aria-activedescendant", `${this.list.id}-${i}`);
      this.list.children[i].scrollIntoView({ block: "nearest" });
    } else this.input.removeAttribute("aria-activedescendant");
  }

  accept(i) {
    const item = this.items[i];
    this.fill(item.insert);
    if (!item.more) this.closeList();
  }

  closeList() {
    this.list.hidden = true;
    this.active = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }
}
