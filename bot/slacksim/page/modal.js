// Dialogs: the confirm question of an element, and the modal views an app opens.
// Both are native <dialog>s: the browser keeps the focus inside and gives it back.

import { h, icon, append } from "./dom.js";
import { plain, textObject } from "./mrkdwn.js";
import { renderBlocks, setFieldError } from "./blocks.js";
import { read } from "./elements.js";

/** confirmDialog asks the question of a confirm object; resolves to whether the person went ahead. */
export function confirmDialog(confirm, dir) {
  return new Promise((resolve) => {
    const danger = confirm.style === "danger";
    const ok = h("button", { type: "button", class: `btn ${danger ? "btn-danger" : "btn-primary"}`, "data-testid": "confirm-ok", autofocus: !danger }, plain(confirm.confirm?.text || "Yes"));
    const cancel = h("button", { type: "button", class: "btn", "data-testid": "confirm-cancel", autofocus: danger }, plain(confirm.deny?.text || "Cancel"));
    const dialog = h("dialog", { class: "dialog dialog-small", role: "alertdialog", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text", "data-testid": "confirm" },
      h("h2", { id: "confirm-title", class: "dialog-title" }, textObject(confirm.title, dir)),
      h("div", { id: "confirm-text", class: "dialog-body text" }, textObject(confirm.text, dir)),
      h("div", { class: "dialog-foot" }, cancel, ok));
    let answer = false;
    ok.addEventListener("click", () => {
      answer = true;
      dialog.close();
    });
    cancel.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Modal shows State.view. host = {act(node, element, value, undo), submit(viewId, values), close(viewId)}. */
export class Modal {
  constructor(host) {
    this.host = host;
    this.dialog = null;
    this.view = null;
    this.left = ""; // signature of the view the person has just left, which the server may still report
  }

  update(view, dir) {
    const sig = view ? JSON.stringify(view) : "";
    if (!view) this.left = "";
    if (sig === this.left) return this.remove();
    if (!this.dialog || this.view.id !== view.id) {
      this.remove();
      this.create(view);
    }
    if (sig === this.sig && dir.version === this.dirVersion) return;
    this.sig = sig;
    this.dirVersion = dir.version;
    this.view = view;
    this.title.replaceChildren();
    append(this.title, plain(view.title?.text, view.title?.emoji));
    this.cancel.textContent = "";
    append(this.cancel, plain(view.close?.text || (view.submit ? "Cancel" : "Close")));
    this.submit.hidden = !view.submit;
    this.submitLabel.replaceChildren(...plain(view.submit?.text || "Submit"));
    renderBlocks(this.body, view.blocks, { dir, surface: "modal", act: this.host.act });
    this.showErrors(view.errors);
  }

  create(view) {
    this.view = view;
    this.sig = "";
    this.opener = document.activeElement;
    this.title = h("h2", { id: "modal-title", class: "dialog-title" });
    this.body = h("div", { class: "dialog-body" });
    this.cancel = h("button", { type: "button", class: "btn", "data-testid": "modal-close" });
    this.submitLabel = h("span", { class: "btn-label" });
    this.submit = h("button", { type: "submit", class: "btn btn-primary", "data-testid": "modal-submit" }, this.submitLabel);
    this.problem = h("p", { class: "dialog-problem", role: "alert", hidden: true });
    const x = h("button", { type: "button", class: "btn-plain", "aria-label": "Close" }, icon("close"));
    const form = h("form", { novalidate: true, class: "dialog-form" },
      h("div", { class: "dialog-head" }, this.title, x), this.body, this.problem, h("div", { class: "dialog-foot" }, this.cancel, this.submit));
    this.dialog = h("dialog", { class: "dialog", "aria-labelledby": "modal-title", "data-testid": "modal", "data-view-id": view.id }, form);
    for (const button of [x, this.cancel]) button.addEventListener("click", () => this.leave());
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.leave();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    document.body.append(this.dialog);
    this.dialog.showModal();
    queueMicrotask(() => {
      const first = this.body.querySelector("[autofocus]") || this.body.querySelector("input, select, textarea, button, a[href]");
      (first || (this.submit.hidden ? this.cancel : this.submit)).focus({ preventScroll: true });
    });
  }

  /** values of all controls, as Slack reports them: block id -> action id -> value. */
  values() {
    const values = {};
    for (const node of this.body.querySelectorAll("[data-action-id]")) {
      const value = read(node);
      if (value) (values[node.dataset.blockId] ||= {})[node.dataset.actionId] = value;
    }
    return values;
  }

  async send() {
    if (this.submit.getAttribute("aria-busy") === "true") return;
    const values = this.values();
    const missing = {};
    for (const block of this.body.querySelectorAll(".block-input[data-optional=false]")) {
      const fields = Object.values(values[block.dataset.blockId] || {});
      if (fields.some(({ type, ...value }) => Object.values(value).every((v) => v === null || v?.length === 0))) {
        missing[block.dataset.blockId] = "Please complete this required field.";
      }
    }
    this.showErrors(missing);
    if (Object.keys(missing).length) return;
    const { view, sig } = this;
    this.busy(true);
    try {
      const answer = await this.host.submit(view.id, values);
      if (this.view !== view) return; // the app has put another view in its place
      if (answer.ok === false) {
        const errors = answer.errors || {};
        this.showErrors(Object.keys(errors).length ? errors : { "": "The app did not take this. Please try again." }, true);
      }
      else {
        this.left = sig;
        this.remove();
      }
    } catch (error) {
      this.problem.textContent = error.message;
      this.problem.hidden = false;
    } finally {
      this.busy(false);
    }
  }

  busy(on) {
    if (on) this.problem.hidden = true;
    this.submit.setAttribute("aria-busy", String(on));
    this.submit.setAttribute("aria-disabled", String(on));
  }

  showErrors(errors, keepFocus) {
    let first = null;
    for (const block of this.body.querySelectorAll(".block-input")) {
      const message = errors?.[block.dataset.blockId];
      setFieldError(block, message);
      if (message && !first) first = block.querySelector("input, select, textarea");
    }
    if (first && (keepFocus || !this.body.contains(document.activeElement))) first.focus();
    const shown = [...this.body.querySelectorAll(".block-input")].map((b) => b.dataset.blockId);
    const rest = Object.entries(errors || {}).filter(([id]) => !shown.includes(id)).map(([, text]) => text);
    this.problem.textContent = rest.join(" ");
    this.problem.hidden = !rest.length;
  }

  leave() {
    this.left = this.sig;
    const { id } = this.view;
    this.remove();
    this.host.close(id);
  }

  remove() {
    if (!this.dialog) return;
    this.dialog.close();
    this.dialog.remove();
    this.dialog = null;
    this.view = null;
    this.sig = "";
    if (this.opener?.isConnected) this.opener.focus({ preventScroll: true });
  }
}
