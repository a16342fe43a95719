// What tells a first visitor where they are and what to do.

import { h } from "./dom.js";

/** renderIntro is the first thing in a channel: what this place is, and in the first one what can be done here. */
export function renderIntro(intro, channel, workspace, first) {
  const sig = JSON.stringify([channel?.id, channel?.name, workspace, first]);
  if (intro._sig === sig) return;
  intro._sig = sig;
  intro.hidden = !channel;
  if (!channel) return;
  if (channel.is_im) {
    intro.replaceChildren(h("h2", {}, channel.name), h("p", {}, "What the app tells you alone."));
    return;
  }
  intro.replaceChildren(
    h("h2", {}, `This is #${channel.name}`),
    h("p", {}, `A channel of the simulated workspace ${workspace}. Nothing here reaches a real Slack or a real environment, but the bot is the real one and does not know the difference.`),
    !first ? "" : h("ol", { class: "steps" },
      h("li", {}, h("strong", {}, "Ask"), " with a slash command in the box below."),
      h("li", {}, h("strong", {}, "Approve"), " as somebody else: choose a person under “You are”. You cannot approve your own request."),
      h("li", {}, h("strong", {}, "Watch"), " the messages, their threads, and what the environments really hold.")));
}

/** renderHint proposes a first command, until one was sent; use(text) puts one into the composer. */
export function renderHint(hint, commands, commanded, use) {
  const examples = (commands || []).flatMap((c) => c.examples || []);
  const show = !commanded && examples.length > 0;
  hint.hidden = !show;
  const sig = JSON.stringify(examples);
  if (!show || hint._sig === sig) return;
  hint._sig = sig;
  hint.dataset.testid = "hint";
  const chip = (text, main) => h("button", { type: "button", class: `example${main ? " example-main" : ""}`, "data-testid": "hint-example", onclick: () => use(text) }, text);
  hint.replaceChildren(h("span", {}, "Type ", chip(examples[0], true), " and press Enter, then switch to an approver."),
    examples.length > 1 ? h("span", { class: "hint-more" }, "Or try ", examples.slice(1, 4).map((e) => chip(e))) : "");
}
