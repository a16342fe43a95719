// Slack's text markup -> DOM nodes. `dir` is the directory of names: {users, groups, channels: Map, me, myGroups: Set}.

import { h, append } from "./dom.js";
import { withEmoji } from "./emoji.js";

/** decode undoes the three entities Slack uses, exactly once ("&amp;lt;" is the text "&lt;"). */
export function decode(text) {
  return text.replace(/&(amp|lt|gt);/g, (_, name) => (name === "amp" ? "&" : name === "lt" ? "<" : ">"));
}

/** plain renders a plain_text object's text. */
export function plain(text, emojiOn = true) {
  return withEmoji(decode(String(text ?? "")), emojiOn !== false);
}

/** textObject renders a Block Kit text object, whichever type it has. */
export function textObject(object, dir) {
  if (!object) return [];
  if (typeof object === "string") return plain(object);
  return object.type === "mrkdwn" ? mrkdwn(object.text, dir) : plain(object.text, object.emoji);
}

/** mrkdwn renders text with markup: preformatted blocks and quotes first, then what stands inside a line. */
export function mrkdwn(text, dir) {
  const out = [];
  const parts = String(text ?? "").split("```");
  // An unclosed fence is text like any other.
  if (parts.length % 2 === 0) parts.push(parts.splice(-2).join("```"));
  parts.forEach((part, i) => {
    if (i % 2 === 1) {
      out.push(h("pre", { class: "pre" }, preText(part.replace(/^\n/, "").replace(/\n$/, ""), dir)));
      return;
    }
    // A line break next to a preformatted block is already there.
    let piece = part;
    if (i > 0) piece = piece.replace(/^\n/, "");
    if (i < parts.length - 1) piece = piece.replace(/\n$/, "");
    if (piece) out.push(...lines(piece, dir));
  });
  return out;
}

function preText(text, dir) {
  return text.split(/(<[^<>\n]+>)/).map((piece, i) => (i % 2 ? angle(piece, dir) : decode(piece)));
}

function lines(text, dir) {
  const out = [];
  let quote = null;
  let body = [];
  const flush = () => {
    if (quote) out.push(h("blockquote", {}, inline(quote.join("\n"), dir)));
    else if (body.length) out.push(...inline(body.join("\n"), dir));
    quote = null;
    body = [];
  };
  for (const one of text.split("\n")) {
    const quoted = /^(?:&gt;|>) ?(.*)$/.exec(one);
    if (quoted) {
      if (!quote) {
        flush();
        quote = [];
      }
      quote.push(quoted[1]);
    } else {
      if (quote) flush();
      body.push(one);
    }
  }
  flush();
  return out;
}

const MARKS = { "*": "strong", _: "em", "~": "s" };
const WORD = /[\p{L}\p{N}]/u;

/** inline renders one run of text: code, <tokens>, bold, italic, strike, emoji. */
export function inline(text, dir) {
  const out = [];
  let buffer = "";
  const flush = () => {
    if (buffer) out.push(...withEmoji(decode(buffer)));
    buffer = "";
  };
  for (let i = 0; i < text.length; ) {
    const c = text[i];
    if (c === "`") {
      const end = text.indexOf("`", i + 1);
      const newline = text.indexOf("\n", i);
      if (end > i + 1 && (newline < 0 || end < newline)) {
        flush();
        out.push(h("code", {}, preText(text.slice(i + 1, end), dir)));
        i = end + 1;
        continue;
      }
    }
    if (c === "<") {
      const end = text.indexOf(">", i);
      const token = end > 0 ? angle(text.slice(i, end + 1), dir, atLineStart(text, i)) : null;
      if (token) {
        flush();
        out.push(token);
        i = end + 1;
        continue;
      }
    }
    if (MARKS[c] && !WORD.test(text[i - 1] || " ")) {
      const end = closing(text, i);
      if (end > 0) {
        flush();
        out.push(h(MARKS[c], {}, inline(text.slice(i + 1, end), dir)));
        i = end + 1;
        continue;
      }
    }
    buffer += c;
    i++;
  }
  flush();
  return out;
}

function atLineStart(text, i) {
  return /(^|\n)[\s*_~]*$/.test(text.slice(0, i));
}

/** closing finds the mark that ends what starts at i, skipping code and <tokens>; -1 when there is none on the line. */
function closing(text, i) {
  const mark = text[i];
  if (!text[i + 1] || /\s/.test(text[i + 1]) || text[i + 1] === mark) return -1;
  for (let j = i + 1; j < text.length && text[j] !== "\n"; j++) {
    if (text[j] === "`") {
      const end = text.indexOf("`", j + 1);
      if (end > 0) j = end;
    } else if (text[j] === "<") {
      const end = text.indexOf(">", j + 1);
      if (end > 0) j = end;
    } else if (text[j] === mark && !/\s/.test(text[j - 1]) && !WORD.test(text[j + 1] || " ")) {
      return j;
    }
  }
  return -1;
}

/** angle renders one <token>. What is no token of Slack's stays the text it is. */
function angle(token, dir, lineStart) {
  const inner = token.slice(1, -1);
  const bar = inner.indexOf("|");
  const head = bar < 0 ? inner : inner.slice(0, bar);
  const label = bar < 0 ? "" : inner.slice(bar + 1);
  if (/^@[UWB]\w+$/.test(head)) return userPill(head.slice(1), dir, label);
  if (/^#[CGD]\w+$/.test(head)) return channelPill(head.slice(1), dir, label);
  if (head.startsWith("!subteam^")) return groupPill(head.split("^")[1], dir, label);
  if (/^!(here|channel|everyone)$/.test(head)) return pill("@" + head.slice(1), "broadcast", true);
  if (head.startsWith("!date^")) {
    const [, unix, format, url] = head.split("^");
    return dateNode(Number(unix), format || "{date} {time}", url, decode(label), lineStart);
  }
  const url = decode(head);
  if (/^(https?|mailto|tel):/i.test(url)) return anchor(url, label ? plain(label) : [url.replace(/^(mailto|tel):/i, "")]);
  return document.createTextNode(decode(token));
}

/** anchor is a link out. Only schemes that cannot run code become links. */
export function anchor(url, children) {
  if (!/^(https?|mailto|tel):/i.test(url || "")) return append(h("span", {}), children);
  return append(h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }), children);
}

function pill(text, kind, own) {
  return h("span", { class: `mention mention-${kind}${own ? " mention-own" : ""}` }, text);
}

export function userPill(id, dir, label) {
  const user = dir.users.get(id);
  const name = user ? user.real_name || user.name : label ? decode(label) : id;
  return pill("@" + name, "user", id === dir.me);
}

export function groupPill(id, dir, label) {
  const group = dir.groups.get(id);
  const el = pill(group ? "@" + group.handle : label ? decode(label) : "@" + id, "group", dir.myGroups.has(id));
  if (group?.name) el.title = group.name;
  return el;
}

export function channelPill(id, dir, label) {
  const channel = dir.channels.get(id);
  return pill("#" + (channel ? channel.name : label ? decode(label) : id), "channel", false);
}

export function broadcastPill(range) {
  return pill("@" + range, "broadcast", true);
}

/** dateNode shows a moment in the viewer's zone, by Slack's date tokens. {ago} and "today" are kept true by tickDates. */
export function dateNode(unix, format, url, fallback, lineStart) {
  if (!Number.isFinite(unix)) return document.createTextNode(fallback);
  const el = h("time", { datetime: new Date(unix * 1000).toISOString(), title: fullDate(unix), "data-unix": unix, "data-format": format, "data-start": !!lineStart },
    formatDate(unix, format, lineStart));
  return url && /^https?:/i.test(decode(url)) ? anchor(decode(url), [el]) : el;
}

/** tickDates rewrites every shown moment whose words depend on now. */
export function tickDates(root) {
  for (const el of root.querySelectorAll("time[data-format]")) {
    const text = formatDate(Number(el.dataset.unix), el.dataset.format, el.dataset.start !== undefined);
    if (el.textContent !== text) el.textContent = text;
  }
}

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** elsewhere are Slack's date tokens in other languages than English, which the words above are for. */
const elsewhere = { date: "long", date_short: "medium", date_long: "full", day_divider: "full" };
const inEnglish = () => Intl.DateTimeFormat().resolvedOptions().locale.startsWith("en");

export function formatDate(unix, format, lineStart) {
  const d = new Date(unix * 1000);
  const text = String(format).replace(/\{(\w+)\}/g, (whole, token) => {
    const pretty = token.endsWith("_pretty");
    const near = pretty ? nearDay(d) : "";
    if (near) return near;
    const kind = pretty ? token.slice(0, -7) : token;
    if (elsewhere[kind] && !inEnglish()) return d.toLocaleDateString([], { dateStyle: elsewhere[kind] });
    switch (kind) {
      case "date_num": return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
      case "date_slash": return `${two(d.getMonth() + 1)}/${two(d.getDate())}/${d.getFullYear()}`;
      case "date": return `${MONTHS[d.getMonth()]} ${ordinal(d.getDate())}, ${d.getFullYear()}`;
      case "date_short": return `${MONTHS[d.getMonth()].slice(0, 3)} ${d.getDate()}, ${d.getFullYear()}`;
      case "date_long": return `${DAYS[d.getDay()]}, ${MONTHS[d.getMonth()]} ${ordinal(d.getDate())}, ${d.getFullYear()}`;
      case "day_divider": return `${DAYS[d.getDay()]}, ${MONTHS[d.getMonth()]} ${ordinal(d.getDate())}`;
      case "time": return clockTime(d);
      case "time_secs": return clockTime(d, true);
      case "ago": return ago(unix);
      default: return whole;
    }
  });
  return lineStart ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

export function clockTime(d, seconds) {
  return d.toLocaleTimeString([], { hour: "numeric", minute: "2-digit", ...(seconds ? { second: "2-digit" } : {}) });
}

export function fullDate(unix) {
  return new Date(unix * 1000).toLocaleString([], { dateStyle: "full", timeStyle: "long" });
}

export function ago(unix) {
  const seconds = Math.round(Date.now() / 1000 - unix);
  const size = Math.abs(seconds);
  if (size < 10) return seconds >= 0 ? "just now" : "in a few seconds";
  const [n, unit] = size < 60 ? [size, "second"] : size < 3570 ? [Math.round(size / 60), "minute"]
    : size < 84600 ? [Math.round(size / 3600), "hour"] : [Math.round(size / 86400), "day"];
  const words = `${n} ${unit}${n === 1 ? "" : "s"}`;
  return seconds >= 0 ? `${words} ago` : `in ${words}`;
}

function nearDay(d) {
  const midnight = (x) => new Date(x.getFullYear(), x.getMonth(), x.getDate()).getTime();
  const days = Math.round((midnight(d) - midnight(new Date())) / 864e5);
  return Math.abs(days) > 1 ? "" : new Intl.RelativeTimeFormat([], { numeric: "auto" }).format(days, "day");
}

function two(n) {
  return String(n).padStart(2, "0");
}

function ordinal(n) {
  const tail = n % 100 >= 11 && n % 100 <= 13 ? "th" : ["th", "st", "nd", "rd"][n % 10] || "th";
  return n + tail;
}
