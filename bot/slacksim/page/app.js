// The page of a simulated Slack workspace: one person's view of it, and a panel with the truth beside it.
//
// Hooks for a browser test (data-testid unless said otherwise):
//   person-<user id>      button of the person switch (aria-pressed tells who you are)
//   channel-<channel id>  button of a channel
//   composer, send        message box of the channel and its button
//   message               data-ts, data-user, data-ephemeral="true|false"; a thread's root is shown in the channel and again
//                         inside [data-testid=thread]
//   data-action-id, data-block-id   on every Block Kit control; aria-busy="true" and aria-disabled="true" while its click
//                         is not acknowledged (not `disabled`: that would lose the keyboard focus)
//   confirm, confirm-ok, confirm-cancel    the question before an action
//   home-open, home       button of the app's Home tab, and the tab
//   shortcut-<callback id>  a global shortcut, or one in the tools of a message
//   picture               an image file of a message
//   thread, thread-open, thread-close, thread-composer, thread-composer-send
//                         thread-open is the "n replies" bar, or "Reply in thread" on a message without replies
//   modal (data-view-id), modal-submit, modal-close
//   notice (data-tone)    what Slack's client would tell this person alone
//   hint, hint-example    what to do first
//   panel, panel-section (data-title, data-tone), panel-toggle (narrow windows)
//   trouble               the stream or the bot's connection is down
//   theme-light, theme-dark, theme-system

import { h, icon, avatar, clearKeyed, reconcile, setText } from "./dom.js";
import { mrkdwn, tickDates } from "./mrkdwn.js";
import { isReply, renderTimeline } from "./messages.js";
import { renderBlocks } from "./blocks.js";
import { confirmDialog, Modal } from "./modal.js";
import { Composer } from "./composer.js";
import { renderPanel, renderSummary } from "./panel.js";
import { renderHint, renderIntro } from "./guide.js";
import { followScroll, keepScroll } from "./scroll.js";
import { themeSwitch } from "./theme.js";
import { post, Stream } from "./api.js";

const $ = (id) => document.getElementById(id);
const HOME = "app-home"; // stands for a channel while the Home tab is shown

const app = {
  state: null,
  dir: null,
  me: new URLSearchParams(location.search).get("user") || "",
  channel: "",
  thread: "", // ts of the open thread's root
  notices: [], // the page's own, dismissible
  clicks: [], // {ts, blockId, actionId}: sent, and not yet reported as pending by the server
  blockOf: new Map(), // ts/action -> block id of the last click: the server's pending names the action alone
  seen: new Map(), // person/channel -> newest ts seen
  drafts: new Map(), // person/place -> text not sent
  heard: "", // newest ts told to a screen reader
  commanded: false,
  lost: false,
};

const stream = new Stream(onState, (link) => {
  app.lost = link === "lost";
  if (app.lost) setTimeout(showTrouble, 600);
  else showTrouble();
});

const modal = new Modal({
  act: (node, element, value, undo) => act(null, node, element, value, undo),
  submit: (viewId, values) => post("submit", { user: app.me, view_id: viewId, values }),
  close: (viewId) => post("close", { user: app.me, view_id: viewId }).catch((error) => tell(error.message, "error")),
});

const composer = new Composer({
  testid: "composer", label: "Message or command", placeholder: "Message",
  host: { commands: () => app.state?.commands || [], send: (text) => send(text, "") },
});
const threadComposer = new Composer({
  testid: "thread-composer", label: "Reply in the thread", placeholder: "Reply…",
  host: { commands: () => [], send: (text) => send(text, app.thread) },
});

// ---- state ----

function onState(state) {
  const first = !app.state;
  if (app.me && state.me !== app.me && !first) return; // the last word of the stream of the person before
  app.state = state;
  if (app.me !== state.me) {
    app.me = state.me;
    rememberPerson();
  }
  app.dir = directory(state, app.dir);
  if (app.channel !== HOME && !state.channels.some((c) => c.id === app.channel)) setChannel(state.channels[0]?.id || "");
  render();
}

/** directory of names; its version changes with any name, so that mentions are drawn anew. */
function directory(state, old) {
  const sig = JSON.stringify([state.me, state.users, state.usergroups, state.channels.map((c) => [c.id, c.name])]);
  if (old?.sig === sig) return old;
  return {
    sig,
    version: (old?.version || 0) + 1,
    me: state.me,
    users: new Map(state.users.map((u) => [u.id, u])),
    groups: new Map((state.usergroups || []).map((g) => [g.id, g])),
    channels: new Map(state.channels.map((c) => [c.id, c])),
    myGroups: new Set((state.usergroups || []).filter((g) => g.users?.includes(state.me)).map((g) => g.id)),
  };
}

function channelMessages() {
  return app.state.messages.filter((m) => m.channel === app.channel);
}

// ---- drawing ----

function render() {
  const { state, dir } = app;
  const focus = focusedControl();
  renderRail();
  const channel = dir.channels.get(app.channel);
  const home = app.channel === HOME;
  const shown = home ? `${botName()}: Home` : channel ? (channel.is_im ? channel.name : "# " + channel.name) : "";
  setText($("channel-name"), shown);
  setText($("channel-topic"), channel?.topic || "");
  document.title = `${shown} · ${state.workspace} (simulated Slack)`;
  composer.setPlaceholder(channel ? `Message ${channel.is_im ? channel.name : "#" + channel.name}, or / for commands` : "Message");

  const all = channelMessages();
  const replies = new Map();
  for (const m of all) if (isReply(m)) replies.set(m.thread_ts, [...(replies.get(m.thread_ts) || []), m]);
  renderIntro($("intro"), channel, state.workspace, channel?.id === state.channels[0]?.id);
  renderChannel(all.filter((m) => !isReply(m) || m.broadcast), replies);
  renderThread(all, replies);
  markSeen();
  announce(all);
  $("home").hidden = !home;
  $("scroll").hidden = home;
  $("under").hidden = home;
  renderHome();
  renderHint($("hint"), state.commands, app.commanded, (text) => composer.fill(text));
  paintClicks();
  showTrouble();
  renderPanel($("sections"), state.panel, press);
  renderSummary($("panel-summary"), state.panel);
  modal.update(state.view, dir);
  restoreFocus(focus);
}

function press(action) {
  post("panel", { user: app.me, action_id: action }).catch((error) => tell(error.message, "error"));
}

function renderChannel(top, replies) {
  const notices = [...(app.state.notices || []), ...app.notices.filter((n) => n.user === app.me)].filter((n) => !n.channel || n.channel === app.channel);
  keepScroll($("scroll"), () => renderTimeline($("timeline"), top, notices, {
    dir: app.dir, act, openThread, dismiss, shortcut, shortcuts: messageShortcuts(), replies: (m) => replies.get(m.ts) || [],
  }), $("jump"));
}

const botName = () => app.state.users.find((u) => u.is_bot)?.real_name || "App";

/** renderHome shows what the app published for this person, or that it has not yet. */
function renderHome() {
  const { home } = app.state;
  const blocks = home?.blocks?.length ? home.blocks : [{ type: "section", text: { type: "plain_text", text: "The app has not shown anything here yet." } }];
  if ($("home-blocks")._dirVersion !== app.dir.version) clearKeyed($("home-blocks"));
  $("home-blocks")._dirVersion = app.dir.version;
  renderBlocks($("home-blocks"), blocks, { dir: app.dir, surface: "home", act: (node, element, value, undo) => act(null, node, element, value, undo, home?.id) });
}

const messageShortcuts = () => (app.state.shortcuts || []).filter((c) => c.message);

function renderThread(all, replies) {
  const root = app.thread && all.find((m) => m.ts === app.thread);
  const pane = $("thread");
  pane.hidden = !root;
  $("app").classList.toggle("with-thread", !!root);
  if (!root) return;
  const list = replies.get(root.ts) || [];
  const ctx = { dir: app.dir, act, shortcut, shortcuts: messageShortcuts(), oneDay: true };
  keepScroll($("thread-scroll"), () => {
    renderTimeline($("thread-root"), [root], [], ctx);
    renderTimeline($("thread-timeline"), list, [], ctx);
    $("thread-rule").hidden = !list.length;
    setText($("thread-count"), `${list.length} ${list.length === 1 ? "reply" : "replies"}`);
  });
  const channel = app.dir.channels.get(app.channel);
  setText($("thread-channel"), channel ? (channel.is_im ? channel.name : "#" + channel.name) : "");
}

function renderRail() {
  const { state } = app;
  setText($("workspace"), state.workspace);
  setText(document.querySelector(".workspace-mark"), (state.workspace || "?").slice(0, 1).toUpperCase());
  const pick = state.users.filter((u) => u.pick);
  reconcile($("people"), (pick.length ? pick : state.users.filter((u) => !u.is_bot)).map((u) => ({
    key: u.id,
    sig: JSON.stringify([u, u.id === app.me]),
    make: () => personButton(u),
    update: (node) => {
      node.replaceChildren(...personButton(u).childNodes);
      node.setAttribute("aria-pressed", String(u.id === app.me));
    },
  })));
  const item = (c) => {
    const n = unread(c);
    const current = c.id === app.channel;
    const content = () => [c.is_im ? icon("chat") : icon("hash"), h("span", { class: "channel-label" }, c.name),
      n ? h("span", { class: "count" }, n > 99 ? "99+" : String(n), h("span", { class: "sr-only" }, " unread")) : ""];
    const mark = (node) => {
      node.classList.toggle("is-unread", n > 0);
      if (current) node.setAttribute("aria-current", "page");
      else node.removeAttribute("aria-current");
      return node;
    };
    return {
      key: c.id,
      sig: JSON.stringify([c.name, n, current]),
      make: () => mark(h("button", { type: "button", class: "channel", "data-testid": `channel-${c.id}`, onclick: () => chooseChannel(c.id) }, content())),
      update: (node) => mark(node).replaceChildren(...content()),
    };
  };
  reconcile($("channels"), state.channels.filter((c) => !c.is_im).map(item));
  const apps = [];
  const entry = (key, name, testid, sign, current, use) => apps.push({
    key,
    sig: JSON.stringify([name, current]),
    make: () => h("button", { type: "button", class: "channel", "data-testid": testid, "aria-current": current ? "page" : null, onclick: use }, icon(sign), h("span", { class: "channel-label" }, name)),
  });
  if (state.home) entry("home", `${botName()}: Home`, "home-open", "bot", app.channel === HOME, openHome);
  for (const s of (state.shortcuts || []).filter((c) => !c.message)) {
    entry(s.callback_id, s.name, `shortcut-${s.callback_id}`, "external", false, () => shortcut(s.callback_id));
  }
  $("apps-section").hidden = !apps.length;
  reconcile($("apps"), apps);
  const dms = state.channels.filter((c) => c.is_im);
  $("dms-section").hidden = !dms.length;
  reconcile($("dms"), dms.map(item));
}

function personButton(u) {
  return h("button", { type: "button", class: "person", title: u.title || null, "data-testid": `person-${u.id}`, "aria-pressed": String(u.id === app.me), onclick: () => become(u.id) },
    avatar(u), h("span", { class: "person-text" },
      h("span", { class: "person-line" }, h("span", { class: "person-name" }, u.real_name || u.name), u.id === app.me ? h("span", { class: "person-you" }, "You") : ""),
      h("span", { class: "person-title" }, u.title || "")));
}

/** showTrouble says what is not connected: the page to the demo, or the bot to the workspace. */
function showTrouble() {
  const link = $("link");
  const n = app.lost || !app.state ? 0 : app.state.connections;
  const words = n > 0 ? `Bot connected (${n} socket${n === 1 ? "" : "s"})` : app.lost || !app.state ? "Not connected" : "Bot not connected";
  link.className = `link-state tone-${n > 0 ? "ok" : "down"}`;
  if (link.textContent !== words) link.replaceChildren(h("span", { class: "dot" }), words);
  const box = $("trouble");
  const bot = app.state?.users.find((u) => u.is_bot);
  let text = "";
  if (app.lost) text = "Connection to the demo lost, reconnecting…";
  else if (!app.state) text = "Connecting to the demo…";
  else if (app.state.connections === 0) text = `${bot?.real_name || bot?.name || "The bot"} is not connected. Commands and buttons fail until it is back.`;
  box.hidden = !text;
  box.dataset.testid = "trouble";
  box.classList.toggle("trouble-bad", app.lost);
  setText(box, text);
}

function announce(all) {
  const newest = all[all.length - 1];
  if (!newest) return;
  const before = app.heard;
  app.heard = newest.ts;
  if (!before || newest.ts <= before || newest.user === app.me) return;
  const user = app.dir.users.get(newest.user);
  const words = h("p", {}, `${user?.real_name || newest.user}: `, mrkdwn(newest.text, app.dir));
  $("live").replaceChildren(words.textContent);
}

// ---- clicks under way ----

async function act(message, node, element, value, undo, viewId) {
  if (node.getAttribute("aria-busy") === "true") return undo?.();
  const place = focusedControl();
  if (element.confirm && !(await confirmDialog(element.confirm, app.dir))) {
    undo?.();
    return restoreFocus(place);
  }
  restoreFocus(place);
  const click = { ts: message?.ts || "", blockId: node.dataset.blockId, actionId: element.action_id, node: message ? null : node };
  app.clicks.push(click);
  app.blockOf.set(`${click.ts}/${click.actionId}`, click.blockId);
  paintClicks();
  const where = message ? { channel: message.channel, message_ts: message.ts } : { view_id: viewId || app.state.view?.id };
  try {
    await post("action", { user: app.me, ...where, block_id: click.blockId, action_id: click.actionId, seen: element, ...value });
  } catch (error) {
    tell(error.message, "error");
  }
  // By now the state says whether the click is still pending; a little patience covers its way here.
  setTimeout(() => {
    app.clicks = app.clicks.filter((c) => c !== click);
    paintClicks();
  }, 300);
}

/** paintClicks marks every control whose click is not acknowledged. */
function paintClicks() {
  const pending = app.state?.pending || [];
  for (const message of document.querySelectorAll(".message")) {
    const { ts } = message.dataset;
    const mine = [...app.clicks.filter((c) => c.ts === ts), ...pending.filter((p) => p.message_ts === ts).map((p) => ({ actionId: p.action_id, blockId: app.blockOf.get(`${ts}/${p.action_id}`) }))];
    for (const node of message.querySelectorAll("[data-action-id]")) {
      busy(node, mine.some((c) => c.actionId === node.dataset.actionId && (c.blockId === undefined || c.blockId === node.dataset.blockId)));
    }
  }
  for (const node of document.querySelectorAll("dialog [data-action-id], #home [data-action-id]")) busy(node, app.clicks.some((c) => c.node === node));
}

function busy(node, on) {
  if ((node.getAttribute("aria-busy") === "true") === on) return;
  for (const name of ["aria-busy", "aria-disabled"]) {
    if (on) node.setAttribute(name, "true");
    else node.removeAttribute(name);
  }
}

// ---- focus across re-drawing ----

/** focusedControl remembers where in which message the focus is, to find it again after the nodes were replaced. */
function focusedControl() {
  const el = document.activeElement;
  const message = el?.closest?.(".message");
  if (!message) return null;
  return { el, list: message.parentElement, ts: message.dataset.ts, actionId: el.closest("[data-action-id]")?.dataset.actionId, blockId: el.closest("[data-action-id]")?.dataset.blockId };
}

function restoreFocus(place) {
  if (!place || place.el.isConnected || (document.activeElement && document.activeElement !== document.body)) return;
  const message = place.list.querySelector(`.message[data-ts="${CSS.escape(place.ts)}"]`);
  if (!message) return composer.input.focus({ preventScroll: true });
  const same = place.actionId === undefined ? [] : [...message.querySelectorAll(`[data-action-id="${CSS.escape(place.actionId)}"]`)];
  const target = same.find((el) => el.dataset.blockId === place.blockId) || same[0] || message;
  target.focus({ preventScroll: true });
}

// ---- what the person does ----

function send(text, threadTs) {
  const command = text.startsWith("/") ? text.split(/\s/)[0] : "";
  const known = (app.state?.commands || []).some((c) => c.command === command);
  if (command && threadTs && known) {
    tell(`\`${command}\` does not work in threads. Type it in the channel.`, "error");
    return false;
  }
  if (command && !known && !command.slice(1).includes("/")) {
    const names = (app.state?.commands || []).map((c) => `\`${c.command}\``).join(", ");
    tell(`\`${command}\` is not a command of this workspace.${names ? ` There is ${names}.` : ""}`, "error");
    return false;
  }
  app.notices = app.notices.filter((n) => n.user !== app.me);
  if (known) app.commanded = true;
  $(threadTs ? "thread-scroll" : "scroll")._stick = true;
  // Slack's client escapes what is typed into a message, so that nobody can type a broadcast; a command gets it as it is.
  const typed = known ? text : text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const body = { user: app.me, channel: app.channel, text: typed, ...(threadTs ? { thread_ts: threadTs } : {}) };
  post(known ? "command" : "message", body).catch((error) => tell(error.message, "error"));
  render();
  return true;
}

let noticeCount = 0;

/** tell shows a notice of the page's own at the end of the channel. */
function tell(text, tone) {
  const last = app.state ? Math.max(0, ...channelMessages().map((m) => parseFloat(m.ts))) : 0;
  app.notices = [...app.notices.filter((n) => n.text !== text), { id: `local-${++noticeCount}`, user: app.me, channel: app.channel, text, tone, at: Math.max(Date.now() / 1000, last + 0.001), local: true }];
  if (!app.state) return;
  $("scroll")._stick = true;
  render();
}

function dismiss(id) {
  app.notices = app.notices.filter((n) => n.id !== id);
  render();
  composer.input.focus();
}

function become(user) {
  if (user === app.me) return;
  saveDrafts();
  app.me = user;
  rememberPerson();
  clearKeyed($("timeline"));
  closeThread();
  app.heard = "";
  $("scroll")._stick = true;
  if (app.state) {
    // Who you are is shown at once; what this person sees comes with the stream.
    app.state = { ...app.state, me: user, messages: [], notices: [], pending: [], view: null, home: app.state.home && { ...app.state.home, blocks: [] } };
    app.dir = directory(app.state, app.dir);
    renderRail();
    showTrouble();
  }
  stream.open(user);
  if (app.channel === HOME) openHome();
  loadDrafts();
}

function rememberPerson() {
  const url = new URL(location.href);
  url.searchParams.set("user", app.me);
  history.replaceState(null, "", url);
}

function setChannel(id) {
  app.channel = id;
  clearKeyed($("timeline"));
  app.thread = "";
  app.heard = "";
  $("jump").hidden = true;
  $("scroll")._stick = true;
}

function chooseChannel(id) {
  if (id !== app.channel) {
    saveDrafts();
    setChannel(id);
    render();
    loadDrafts();
  }
  composer.input.focus();
}

function openHome() {
  if (app.channel !== HOME) {
    saveDrafts();
    setChannel(HOME);
    render();
  }
  post("home", { user: app.me }).catch((error) => tell(error.message, "error"));
}

/** shortcut uses a global shortcut, or with a message one in its menu. */
function shortcut(callbackId, message) {
  const where = message ? { channel: message.channel, message_ts: message.ts } : {};
  post("shortcut", { user: app.me, callback_id: callbackId, ...where }).catch((error) => tell(error.message, "error"));
}

function openThread(ts) {
  saveDrafts();
  if (app.thread !== ts) {
    clearKeyed($("thread-root"));
    clearKeyed($("thread-timeline"));
  }
  app.thread = ts;
  $("thread-scroll")._stick = true;
  render();
  loadDrafts();
  threadComposer.input.focus();
}

function closeThread() {
  const ts = app.thread;
  saveDrafts();
  app.thread = "";
  $("thread").hidden = true;
  $("app").classList.remove("with-thread");
  if (!ts || !$("timeline").isConnected) return;
  const root = $("timeline").querySelector(`.message[data-ts="${CSS.escape(ts)}"]`);
  (root?.querySelector("[data-testid=thread-open]") || composer.input).focus({ preventScroll: true });
}

function saveDrafts() {
  app.drafts.set(`${app.me}/${app.channel}`, composer.text);
  if (app.thread) app.drafts.set(`${app.me}/${app.channel}/${app.thread}`, threadComposer.text);
}

function loadDrafts() {
  for (const [box, key] of [[composer, `${app.me}/${app.channel}`], [threadComposer, `${app.me}/${app.channel}/${app.thread}`]]) {
    const text = app.drafts.get(key) || "";
    if (box.text !== text) {
      box.input.value = text;
      box.resize();
      box.closeList();
    }
  }
}

// ---- unread ----

const opened = Date.now() / 1000;

function unread(channel) {
  if (channel.id === app.channel) return 0;
  const key = `${app.me}/${channel.id}`;
  const seen = app.seen.get(key) || { ts: opened, server: 0 };
  const fresh = app.state.messages.filter((m) => m.channel === channel.id && (!isReply(m) || m.broadcast) && m.user !== app.me && parseFloat(m.ts) > seen.ts).length;
  return Math.max(fresh, (channel.unread || 0) - seen.server, 0);
}

function markSeen() {
  const channel = app.dir.channels.get(app.channel);
  if (!channel) return;
  const last = Math.max(opened, ...channelMessages().map((m) => parseFloat(m.ts)));
  app.seen.set(`${app.me}/${app.channel}`, { ts: last, server: channel.unread || 0 });
}

// ---- once ----

function togglePanel(open) {
  $("app").classList.toggle("panel-shown", open);
  $("panel-open").setAttribute("aria-expanded", String(open));
  (open ? $("panel-close") : $("panel-open")).focus();
}

function start() {
  themeSwitch($("theme"));
  $("composer").append(composer.node);
  $("thread-composer").append(threadComposer.node);
  $("thread-close").append(icon("close"));
  $("panel-close").append(icon("close"));
  $("jump").append(icon("down"), "New messages");
  $("thread-close").addEventListener("click", closeThread);
  $("panel-open").addEventListener("click", () => togglePanel(true));
  $("panel-close").addEventListener("click", () => togglePanel(false));
  $("shade").addEventListener("click", () => togglePanel(false));
  $("jump").addEventListener("click", () => {
    $("scroll").scrollTop = $("scroll").scrollHeight;
    $("jump").hidden = true;
    composer.input.focus();
  });
  followScroll($("scroll"), $("jump"));
  followScroll($("thread-scroll"));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if ($("app").classList.contains("panel-shown")) togglePanel(false);
    else if (!$("thread").hidden && $("thread").contains(document.activeElement)) closeThread();
  });
  setInterval(() => tickDates(document), 5000);
  setTimeout(showTrouble, 1000);
  composer.input.focus();
  stream.open(app.me);
}

start();
