// The markdown block: the common part of Markdown -> DOM nodes (headings, lists, quotes, fences, tables, inline styles).

import { h } from "./dom.js";
import { anchor, inline as slackInline } from "./mrkdwn.js";
import { withEmoji } from "./emoji.js";

export function markdown(text, dir) {
  return blocksOf(String(text ?? "").split("\n"), dir);
}

function blocksOf(lines, dir) {
  const out = [];
  let i = 0;
  const take = (test) => {
    const run = [];
    while (i < lines.length && test(lines[i])) run.push(lines[i++]);
    return run;
  };
  while (i < lines.length) {
    const line = lines[i];
    let match;
    if (!line.trim()) i++;
    else if ((match = /^```(\S*)\s*$/.exec(line))) {
      i++;
      const body = take((l) => !/^```\s*$/.test(l));
      i++;
      out.push(h("pre", { class: "pre" }, body.join("\n")));
    } else if ((match = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line))) {
      out.push(h("p", { class: `md-h md-h${Math.min(match[1].length, 3)}`, role: "heading", "aria-level": String(match[1].length + 2) }, inline(match[2], dir)));
      i++;
    } else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) {
      out.push(h("hr", {}));
      i++;
    } else if (/^>/.test(line)) {
      out.push(h("blockquote", {}, blocksOf(take((l) => /^>/.test(l)).map((l) => l.replace(/^> ?/, "")), dir)));
    } else if (/^\s*([-*+]|\d+[.)])\s+/.test(line)) {
      out.push(list(take((l) => /^\s*([-*+]|\d+[.)])\s+/.test(l) || /^\s{2,}\S/.test(l)), dir));
    } else if (line.includes("|") && /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(lines[i + 1] || "")) {
      const rows = take((l) => l.includes("|"));
      out.push(table(rows, dir));
    } else {
      const run = [lines[i++], ...take((l) => l.trim() && !/^(```|#{1,6}\s|>|\s*([-*+]|\d+[.)])\s+)/.test(l))];
      out.push(h("p", {}, inline(run.join("\n"), dir)));
    }
  }
  return out;
}

function list(lines, dir) {
  const ordered = /^\s*\d/.test(lines[0]);
  const node = h(ordered ? "ol" : "ul", {});
  const base = indent(lines[0]);
  let item = null;
  let nested = [];
  const close = () => {
    if (item && nested.length) item.append(...blocksOf(nested.map((l) => l.slice(Math.min(indent(nested[0]), indent(l)))), dir));
    nested = [];
  };
  for (const line of lines) {
    const match = /^\s*(?:[-*+]|\d+[.)])\s+(.*)$/.exec(line);
    if (match && indent(line) <= base + 1) {
      close();
      const task = /^\[([ xX])\]\s+(.*)$/.exec(match[1]);
      item = task
        ? h("li", { class: "md-task" }, h("input", { type: "checkbox", disabled: true, checked: task[1] !== " ", "aria-label": task[1] === " " ? "to do" : "done" }), inline(task[2], dir))
        : h("li", {}, inline(match[1], dir));
      node.append(item);
    } else nested.push(line);
  }
  close();
  return node;
}

function indent(line) {
  return line.length - line.trimStart().length;
}

function table(rows, dir) {
  const cells = (row) => row.trim().replace(/^\||\|$/g, "").split("|").map((c) => c.trim());
  return h("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": "Table" }, h("table", {},
    h("thead", {}, h("tr", {}, cells(rows[0]).map((c) => h("th", { scope: "col" }, inline(c, dir))))),
    h("tbody", {}, rows.slice(2).map((row) => h("tr", {}, cells(row).map((c) => h("td", {}, inline(c, dir))))))));
}

const INLINE = /(`+)([^`].*?)\1|!?\[([^\]]*)\]\(([^)\s]+)[^)]*\)|(\*\*|__)(?=\S)(.+?\S?)\5|(?<![\p{L}\p{N}])(\*|_)(?=\S)([^*_\n]*?\S)\7(?![\p{L}\p{N}])|~~(.+?)~~|(<[^<>\s][^<>\n]*>)/su;

function inline(text, dir) {
  const out = [];
  let rest = text;
  for (let m = INLINE.exec(rest); m; m = INLINE.exec(rest)) {
    out.push(...withEmoji(rest.slice(0, m.index)));
    if (m[1]) out.push(h("code", {}, m[2]));
    else if (m[4]) out.push(anchor(m[4], inline(m[3] || m[4], dir)));
    else if (m[5]) out.push(h("strong", {}, inline(m[6], dir)));
    else if (m[7]) out.push(h("em", {}, inline(m[8], dir)));
    else if (m[9]) out.push(h("s", {}, inline(m[9], dir)));
    else out.push(...slackInline(m[10], dir)); // mentions and dates keep Slack's own form
    rest = rest.slice(m.index + m[0].length);
  }
  out.push(...withEmoji(rest));
  return out;
}
