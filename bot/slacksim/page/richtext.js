// rich_text blocks -> DOM nodes.

import { h } from "./dom.js";
import { decode, anchor, userPill, groupPill, channelPill, broadcastPill, dateNode, plain } from "./mrkdwn.js";
import { emoji, withEmoji } from "./emoji.js";

/** richText renders the elements of a rich_text block or cell. */
export function richText(block, dir) {
  const out = [];
  // Lists of deeper indent belong to the item before them: Slack sends them flat.
  for (const element of block.elements || []) {
    switch (element.type) {
      case "rich_text_section":
        out.push(h("div", { class: "rt-section" }, section(element, dir)));
        break;
      case "rich_text_preformatted":
        out.push(h("pre", { class: "pre" }, section(element, dir, true)));
        break;
      case "rich_text_quote":
        out.push(h("blockquote", {}, section(element, dir)));
        break;
      case "rich_text_list":
        out.push(list(element, dir));
        break;
      default:
        out.push(h("div", { class: "unsupported" }, `unsupported rich text: ${element.type}`));
    }
  }
  return out;
}

function list(element, dir) {
  const node = h(element.style === "ordered" ? "ol" : "ul", { class: `rt-list${element.border ? " rt-border" : ""}` });
  node.style.setProperty("--indent", element.indent || 0);
  if (element.offset) node.start = element.offset + 1;
  for (const item of element.elements || []) node.append(h("li", {}, section(item, dir)));
  return node;
}

function section(element, dir, pre) {
  return (element.elements || []).map((part) => styled(inlinePart(part, dir, pre), part.style));
}

function inlinePart(part, dir, pre) {
  switch (part.type) {
    case "text": return pre ? [decode(part.text || "")] : withEmoji(decode(part.text || ""), false);
    case "link": return anchor(part.url, part.text ? plain(part.text) : [part.url || ""]);
    case "user": return userPill(part.user_id, dir);
    case "usergroup": return groupPill(part.usergroup_id, dir);
    case "channel": return channelPill(part.channel_id, dir);
    case "broadcast": return broadcastPill(part.range);
    case "date": return dateNode(part.timestamp, part.format || "{date}", part.url, part.fallback || "");
    case "emoji": return emoji(part.name) || unicodeEmoji(part);
    case "color": return h("code", {}, part.value);
    default: return `[${part.type}]`;
  }
}

function unicodeEmoji(part) {
  if (!part.unicode) return `:${part.name}:`;
  const text = part.unicode.split("-").map((hex) => String.fromCodePoint(parseInt(hex, 16))).join("");
  return withEmoji(text, false);
}

function styled(content, style) {
  let node = content;
  if (!style) return node;
  if (style.code) node = h("code", {}, node);
  if (style.strike) node = h("s", {}, node);
  if (style.underline) node = h("u", {}, node);
  if (style.italic) node = h("em", {}, node);
  if (style.bold) node = h("strong", {}, node);
  return node;
}
