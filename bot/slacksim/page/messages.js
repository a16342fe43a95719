// Messages of a channel and of a thread -> DOM nodes, rendered incrementally.

import { h, icon, avatar, reconcile, setText } from "./dom.js";
import { ago, clockTime, formatDate, fullDate, mrkdwn } from "./mrkdwn.js";
import { renderBlocks, blockText } from "./blocks.js";

// Messages of one author this close together share the author's line, unless one opens with a header of its own.
const GROUP_SECONDS = 300;

export const isReply = (m) => !!m.thread_ts && m.thread_ts !== m.ts;
const seconds = (ts) => parseFloat(ts);

/** timeline lists what a channel (or thread) shows, in order: day lines, messages, notices. */
export function timeline(messages, notices, ctx) {
  const all = [
    ...messages.map((m) => ({ at: seconds(m.ts), message: m })),
    ...notices.map((n) => ({ at: n.at, notice: n })),
  ];
  all.sort((a, b) => a.at - b.at);
  const items = [];
  let day = "";
  let previous = null;
  for (const { at, message, notice } of all) {
    const date = formatDate(at, "{date_num}");
    if (date !== day) {
      day = date;
      previous = null;
      const words = formatDate(at, "{day_divider_pretty}", true);
      if (!ctx.oneDay) items.push({ key: `day:${date}`, sig: words, make: () => h("div", { class: "day", role: "separator" }, h("span", {}, words)) });
    }
    if (notice) {
      previous = null;
      items.push({ key: `notice:${notice.id}`, sig: JSON.stringify(notice), make: () => noticeLine(notice, ctx) });
      continue;
    }
    const m = message;
    const follows = !!previous && previous.user === m.user && !previous.ephemeral && !m.ephemeral && !(m.broadcast && ctx.openThread)
      && m.blocks?.[0]?.type !== "header" && seconds(m.ts) - seconds(previous.ts) < GROUP_SECONDS;
    previous = m;
    const replies = ctx.replies ? ctx.replies(m) : null;
    items.push({
      key: `${m.ephemeral ? "e" : "m"}:${m.ts}`,
      sig: JSON.stringify([m, follows, replies && replies.map((r) => [r.ts, r.user, r.ephemeral]), ctx.dir.version]),
      make: () => {
        const node = messageNode(m, ctx);
        fillMessage(node, m, follows, replies, ctx);
        return node;
      },
      update: (node) => fillMessage(node, m, follows, replies, ctx),
    });
  }
  return items;
}

export function renderTimeline(container, messages, notices, ctx) {
  reconcile(container, timeline(messages, notices, ctx));
}

function noticeLine(notice, ctx) {
  const local = notice.local;
  const x = local ? h("button", { type: "button", class: "btn-plain", "aria-label": "Dismiss" }, icon("close")) : null;
  x?.addEventListener("click", () => ctx.dismiss(notice.id));
  return h("div", { class: `notice notice-${notice.tone === "error" ? "error" : "info"}`, "data-testid": "notice", "data-tone": notice.tone || "info", role: notice.tone === "error" ? "alert" : "status" },
    icon(notice.tone === "error" ? "alert" : "info"),
    h("div", { class: "notice-text" }, h("span", { class: "only-you" }, "Only visible to you"), h("div", { class: "text" }, mrkdwn(notice.text, ctx.dir))), x);
}

function messageNode(m) {
  return h("article", { class: "message", tabindex: "-1", "data-testid": "message", "data-ts": m.ts, "data-user": m.user, "data-ephemeral": String(!!m.ephemeral) },
    h("div", { class: "gutter" }),
    h("div", { class: "message-main" },
      h("div", { class: "only-you", hidden: !m.ephemeral }, icon("eye"), "Only visible to you"),
      h("div", { class: "also-in", hidden: true }),
      h("div", { class: "message-head" }),
      h("div", { class: "blocks" }),
      h("div", { class: "pictures" }),
      h("div", { class: "message-foot" })),
    h("div", { class: "tools" }, h("div", { class: "shortcuts" })));
}

function fillMessage(node, m, follows, replies, ctx) {
  const user = ctx.dir.users.get(m.user);
  const name = user?.real_name || user?.name || m.user;
  const look = JSON.stringify([user, follows, m.edited, !!m.blocks?.length, m.is_bot]);
  const hours = clockTime(new Date(seconds(m.ts) * 1000));
  if (node._look !== look) {
    node._look = look;
    node.classList.toggle("follows", follows);
    node.setAttribute("aria-label", `${name}, ${hours}${m.ephemeral ? ", only visible to you" : ""}`);
    const time = h("time", { class: "stamp", datetime: new Date(seconds(m.ts) * 1000).toISOString(), title: fullDate(seconds(m.ts)) }, hours);
    const bot = m.is_bot || user?.is_bot;
    node.querySelector(".gutter").replaceChildren(follows ? time : avatar({ ...(user || { name }), is_bot: bot }));
    node.querySelector(".message-head").replaceChildren(...(follows ? [h("span", { class: "sr-only" }, name)] : [
      h("span", { class: "author" }, name), bot ? h("span", { class: "badge" }, "APP") : "", !bot && user?.title ? h("span", { class: "author-title" }, user.title) : "", time]));
  }
  const blocks = node.querySelector(".blocks");
  const act = (el, element, value, undo) => ctx.act(m, el, element, value, undo);
  if (m.blocks?.length) {
    if (blocks._plain !== undefined) {
      blocks.replaceChildren();
      blocks._plain = undefined;
    }
    // A name that changed is shown by blocks that did not: start over.
    if (blocks._dirVersion !== ctx.dir.version && blocks._keyed) {
      blocks.replaceChildren();
      blocks._keyed = undefined;
    }
    blocks._dirVersion = ctx.dir.version;
    renderBlocks(blocks, m.blocks, { dir: ctx.dir, surface: "message", act });
  } else {
    blocks._keyed = undefined;
    blocks._plain = true;
    blocks.replaceChildren(blockText(m.text, ctx.dir));
    if (m.edited) blocks.firstChild.append(h("span", { class: "edited" }, " (edited)"));
  }
  pictures(node, m);
  menu(node, m, ctx);
  if (ctx.openThread) foot(node, m, replies || [], ctx);
}

/** menu offers the app's message shortcuts. What only one person sees has none, as at Slack. */
function menu(node, m, ctx) {
  const box = node.querySelector(".shortcuts");
  const offered = m.ephemeral ? [] : ctx.shortcuts || [];
  const sig = JSON.stringify(offered);
  if (box._sig === sig) return;
  box._sig = sig;
  box.replaceChildren(...offered.map((s) => h("button", { type: "button", class: "tool tool-words", "data-testid": `shortcut-${s.callback_id}`, title: s.description, onclick: () => ctx.shortcut(s.callback_id, m) }, s.name)));
}

/** pictures shows the images of a message small, with what the app says is to be seen in them. */
function pictures(node, m) {
  const box = node.querySelector(".pictures");
  const sig = JSON.stringify(m.images || []);
  if (box._sig === sig) return;
  box._sig = sig;
  box.replaceChildren(...(m.images || []).map((image) => {
    // From this very page's server, whatever name the page was opened under.
    const link = new URL(image.link).pathname;
    return h("a", { class: "picture", href: link, target: "_blank", rel: "noopener", "data-testid": "picture", title: image.title },
      h("img", { src: link, alt: image.alt || image.title, loading: "lazy" }));
  }));
}

function foot(node, m, replies, ctx) {
  const open = () => ctx.openThread(m.thread_ts || m.ts);
  const also = node.querySelector(".also-in");
  if (m.broadcast && !also.firstChild) {
    also.append("From a thread ", h("button", { type: "button", class: "link", "data-testid": "thread-open", onclick: open }, "Open it"));
    also.hidden = false;
  }
  const shared = replies.filter((r) => !r.ephemeral);
  const count = Math.max(m.reply_count || 0, shared.length);
  const own = replies.length - shared.length;
  const footNode = node.querySelector(".message-foot");
  const has = count > 0 || own > 0;
  if (!has) footNode.replaceChildren();
  else {
    let bar = footNode.firstElementChild;
    if (!bar) {
      bar = h("button", { type: "button", class: "replies", "data-testid": "thread-open", onclick: open },
        h("span", { class: "replies-faces" }), h("span", { class: "replies-count" }), h("span", { class: "replies-last" }));
      footNode.append(bar);
    }
    const people = [...new Set(replies.map((r) => r.user))].slice(0, 4);
    bar.querySelector(".replies-faces").replaceChildren(...people.map((id) => avatar(ctx.dir.users.get(id), "tiny")));
    setText(bar.querySelector(".replies-count"), [count ? `${count} ${count === 1 ? "reply" : "replies"}` : "", own ? `${own} only visible to you` : ""].filter(Boolean).join(" · "));
    const last = replies[replies.length - 1];
    const when = bar.querySelector(".replies-last");
    if (last && when.dataset.ts !== last.ts) {
      when.dataset.ts = last.ts;
      when.replaceChildren("last reply ", h("time", { "data-unix": seconds(last.ts), "data-format": "{ago}" }, ago(seconds(last.ts))));
    }
  }
  const tools = node.querySelector(".tools");
  if (m.ephemeral || m.broadcast) return;
  const testid = has ? "reply-in-thread" : "thread-open";
  if (!tools.querySelector(".tool-reply")) {
    tools.append(h("button", { type: "button", class: "tool tool-reply", "aria-label": "Reply in thread", title: "Reply in thread", onclick: open }, icon("reply")));
  }
  tools.querySelector(".tool-reply").dataset.testid = testid;
}
