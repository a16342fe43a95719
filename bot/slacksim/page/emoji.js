// Emoji drawn as small inline SVGs: they look the same on a machine without an emoji font.
// Shapes are on a 20x20 grid. A shape is [tag, attributes].

import { svg, h } from "./dom.js";

const RED = "#d92d20", GREEN = "#22a05b", YELLOW = "#f2b01e", BLUE = "#2f7de1", GREY = "#8796a0", INK = "currentColor";

const disc = (fill, stroke) => [["circle", { cx: 10, cy: 10, r: 8, fill, ...(stroke ? { stroke, "stroke-width": 1.4 } : {}) }]];
const fill = (d, color) => ["path", { d, fill: color }];
const line = (d, color = INK, width = 2) => ["path", { d, fill: "none", stroke: color, "stroke-width": width, "stroke-linecap": "round", "stroke-linejoin": "round" }];
const tile = (color) => ["rect", { x: 2, y: 2, width: 16, height: 16, rx: 3.5, fill: color }];
const CHECK = "M5.5 10.5l3 3 6-7";
const CROSS = "M5 5l10 10M15 5 5 15";
const paper = (...extra) => [["path", { d: "M5 2h7l4 4v12H5z", fill: "#f4f6f7", stroke: GREY, "stroke-width": 1.2, "stroke-linejoin": "round" }], ...extra];
const lines = line("M7.5 9h6M7.5 12h6M7.5 15h4", GREY, 1.2);
const clock = (hour) => {
  const a = ((hour % 12) / 12) * 2 * Math.PI;
  return [["circle", { cx: 10, cy: 10, r: 7.6, fill: "#f4f6f7", stroke: GREY, "stroke-width": 1.6 }],
    line(`M10 5v5l${(3.4 * Math.sin(a)).toFixed(1)} ${(-3.4 * Math.cos(a)).toFixed(1)}`, "#33424a", 1.6)];
};
const person = (x, color) => [["circle", { cx: x, cy: 6.5, r: 3.2, fill: color }], fill(`M${x - 6} 17.5a6 6 0 0 1 12 0z`, color)];
const hourglass = (sand) => [line("M5 2.5h10M5 17.5h10", "#9a6b2f", 2),
  ["path", { d: "M6 3.5c0 4 3 4.5 3 6.5s-3 2.5-3 6.5h8c0-4-3-4.5-3-6.5s3-2.5 3-6.5z", fill: "#e8f1f8", stroke: GREY, "stroke-width": 1 }], fill(sand, YELLOW)];
const padlock = (shackle) => [line(shackle, GREY, 2), ["rect", { x: 4, y: 9, width: 12, height: 9, rx: 2, fill: YELLOW }], fill("M9.2 12h1.6v3.5H9.2z", "#7a5200")];
const bell = [fill("M10 2.2a5 5 0 0 1 5 5c0 4 1.8 5.3 1.8 6.8H3.2C3.2 12.5 5 11.2 5 7.2a5 5 0 0 1 5-5z", YELLOW), fill("M8 15.5a2 2 0 0 0 4 0z", "#b77900")];
const envelope = [["rect", { x: 2, y: 4.5, width: 16, height: 11, rx: 1.5, fill: "#eef3f6", stroke: GREY, "stroke-width": 1.2 }], line("M2.8 5.5 10 11l7.2-5.5", GREY, 1.2)];
const wrench = line("M4 16l6.5-6.5M10 6.5a3.8 3.8 0 0 1 5-3l-2.3 2.3.5 1.7 1.7.5L17 5.8a3.8 3.8 0 0 1-5.5 4.2", GREY, 2.2);
const cal = [["rect", { x: 3, y: 4, width: 14, height: 13.5, rx: 2, fill: "#f4f6f7", stroke: GREY, "stroke-width": 1.2 }], fill("M3 6a2 2 0 0 1 2-2h10a2 2 0 0 1 2 2v2.5H3z", RED), line("M6.5 11.5h.01M10 11.5h.01M13.5 11.5h.01M6.5 14.5h.01M10 14.5h.01", "#33424a", 1.7)];
const hand = (flip) => [["path", { d: "M3 9.5h3v8H3zM7 9.5l3-7c1.5 0 2.3 1 2 2.5l-.6 3H16c1.2 0 1.8 1 1.5 2l-1.6 6c-.3 1-1 1.5-2 1.5H7z", fill: YELLOW, ...(flip ? { transform: "rotate(180 10 10)" } : {}) }]];

// name: [Unicode character, shapes]
const GLYPHS = {
  large_green_circle: ["🟢", disc(GREEN)],
  red_circle: ["🔴", disc(RED)],
  large_yellow_circle: ["🟡", disc(YELLOW)],
  large_orange_circle: ["🟠", disc("#e8741e")],
  large_blue_circle: ["🔵", disc(BLUE)],
  large_purple_circle: ["🟣", disc("#8a55c9")],
  white_circle: ["⚪", disc("var(--circle, #fff)", GREY)],
  black_circle: ["⚫", disc("#2a353b", GREY)],
  white_check_mark: ["✅", [tile(GREEN), line(CHECK, "#fff", 2.2)]],
  heavy_check_mark: ["✔️", [line(CHECK, INK, 2.4)]],
  ballot_box_with_check: ["☑️", [tile(BLUE), line(CHECK, "#fff", 2.2)]],
  x: ["❌", [line(CROSS, RED, 3)]],
  heavy_multiplication_x: ["✖️", [line(CROSS, INK, 2.6)]],
  negative_squared_cross_mark: ["❎", [tile(GREEN), line("M6 6l8 8M14 6l-8 8", "#fff", 2.2)]],
  no_entry: ["⛔", [...disc(RED), line("M6 10h8", "#fff", 2.8)]],
  no_entry_sign: ["🚫", [["circle", { cx: 10, cy: 10, r: 7, fill: "none", stroke: RED, "stroke-width": 2.4 }], line("M5.2 5.2l9.6 9.6", RED, 2.4)]],
  octagonal_sign: ["🛑", [fill("M6.7 2h6.6L18 6.7v6.6L13.3 18H6.7L2 13.3V6.7z", RED), line("M6.5 10h7", "#fff", 2.4)]],
  warning: ["⚠️", [["path", { d: "M10 2.5 18.5 17.5h-17z", fill: YELLOW, stroke: YELLOW, "stroke-width": 1.5, "stroke-linejoin": "round" }], line("M10 8v4.5M10 15.2h.01", "#3a2a00", 1.8)]],
  rotating_light: ["🚨", [fill("M5 14V9.5a5 5 0 0 1 10 0V14z", RED), ["rect", { x: 3.5, y: 14, width: 13, height: 3.5, rx: 1, fill: "#4a5860" }], line("M10 1.5v1.5M3 4l1.2 1.2M17 4l-1.2 1.2", RED, 1.5)]],
  construction: ["🚧", [["rect", { x: 1.5, y: 5, width: 17, height: 6.5, rx: 1, fill: YELLOW }], line("M4 11l3.5-5.5M9 11l3.5-5.5M14 11l3.5-5.5", "#2a353b", 2), line("M4.5 12v5M15.5 12v5", GREY, 1.8)]],
  hourglass: ["⌛", hourglass("M7 16c0-2.5 1.5-3.5 3-4 1.5.5 3 1.5 3 4z")],
  hourglass_flowing_sand: ["⏳", hourglass("M7.3 6h5.4c-.7 1.7-2 2-2.7 3.5C9.3 8 8 7.7 7.3 6zM7 16c.5-1.5 2-2 3-2s2.5.5 3 2z")],
  stopwatch: ["⏱️", [...clock(3), line("M8.5 1.2h3", GREY, 1.8)]],
  alarm_clock: ["⏰", [...clock(4), line("M3.5 4 5 2.8M16.5 4 15 2.8", RED, 2)]],
  timer_clock: ["⏲️", clock(2)],
  arrows_counterclockwise: ["🔄", [tile(BLUE), line("M6 9a4.2 4.2 0 0 1 7.6-1.6M14 11a4.2 4.2 0 0 1-7.6 1.6M13.8 4.8v2.8H11M6.2 15.2v-2.8H9", "#fff", 1.6)]],
  repeat: ["🔁", [tile(BLUE), line("M5.5 9.5V8h8M12 6l2 2-2 2M14.5 10.5V12h-8M8 10l-2 2 2 2", "#fff", 1.5)]],
  arrow_right: ["➡️", [tile(BLUE), line("M5.5 10h9M11 6.5l3.5 3.5-3.5 3.5", "#fff", 1.9)]],
  arrow_left: ["⬅️", [tile(BLUE), line("M14.5 10h-9M9 6.5 5.5 10 9 13.5", "#fff", 1.9)]],
  arrow_up: ["⬆️", [tile(BLUE), line("M10 14.5v-9M6.5 9 10 5.5 13.5 9", "#fff", 1.9)]],
  arrow_down: ["⬇️", [tile(BLUE), line("M10 5.5v9M6.5 11l3.5 3.5 3.5-3.5", "#fff", 1.9)]],
  leftwards_arrow_with_hook: ["↩️", [tile(BLUE), line("M8 5.5 5 8.5l3 3M5.5 8.5h6a3 3 0 0 1 0 6H9", "#fff", 1.7)]],
  arrow_forward: ["▶️", [tile(BLUE), fill("M7 5.5 14.5 10 7 14.5z", "#fff")]],
  fast_forward: ["⏩", [tile(BLUE), fill("M4.5 6 10 10l-5.5 4zM10 6l5.5 4-5.5 4z", "#fff")]],
  rewind: ["⏪", [tile(BLUE), fill("M15.5 6 10 10l5.5 4zM10 6l-5.5 4 5.5 4z", "#fff")]],
  double_vertical_bar: ["⏸️", [tile(BLUE), line("M7.5 6v8M12.5 6v8", "#fff", 2.2)]],
  black_square_for_stop: ["⏹️", [tile(BLUE), fill("M6.5 6.5h7v7h-7z", "#fff")]],
  lock: ["🔒", padlock("M6.5 9V6.5a3.5 3.5 0 0 1 7 0V9")],
  unlock: ["🔓", padlock("M6.5 9V5.5a3.5 3.5 0 0 1 7 0V6")],
  closed_lock_with_key: ["🔐", padlock("M6.5 9V6.5a3.5 3.5 0 0 1 7 0V9")],
  key: ["🔑", [line("M9 11 16.5 3.5M13.5 6.5l2 2M15.5 4.5l1.5 1.5", YELLOW, 2), ["circle", { cx: 6.5, cy: 13.5, r: 3.2, fill: "none", stroke: YELLOW, "stroke-width": 2.2 }]]],
  shield: ["🛡️", [fill("M10 1.8l7 2.5v5c0 4.5-3 7.5-7 9-4-1.5-7-4.5-7-9v-5z", BLUE), line("M6.8 10l2.4 2.4 4-4.4", "#fff", 1.9)]],
  tada: ["🎉", [fill("M2 18 7 6.5 13.5 13z", YELLOW), line("M10 6c1-1 1-2.5.5-4M14 10c1-1 2.5-1 4-.5", RED, 1.6), line("M14.5 5.5h.01M17 3.5h.01M13 2.5h.01M17.5 13h.01", BLUE, 2.2)]],
  calendar: ["📆", cal],
  date: ["📅", cal],
  spiral_calendar_pad: ["🗓️", cal],
  eyes: ["👀", [["ellipse", { cx: 5.8, cy: 10, rx: 3.8, ry: 5.5, fill: "#fff", stroke: GREY, "stroke-width": 1.2 }], ["ellipse", { cx: 14.2, cy: 10, rx: 3.8, ry: 5.5, fill: "#fff", stroke: GREY, "stroke-width": 1.2 }], ["circle", { cx: 4.6, cy: 10.5, r: 1.9, fill: "#22303a" }], ["circle", { cx: 13, cy: 10.5, r: 1.9, fill: "#22303a" }]]],
  bust_in_silhouette: ["👤", person(10, GREY)],
  busts_in_silhouette: ["👥", [...person(13, "#a9b6bd"), ...person(7.5, GREY)]],
  gear: ["⚙️", [["circle", { cx: 10, cy: 10, r: 4.3, fill: "none", stroke: GREY, "stroke-width": 3 }], line("M10 2v2.5M10 15.5V18M2 10h2.5M15.5 10H18M4.3 4.3l1.8 1.8M13.9 13.9l1.8 1.8M15.7 4.3l-1.8 1.8M6.1 13.9l-1.8 1.8", GREY, 2.2)]],
  wrench: ["🔧", [wrench]],
  hammer_and_wrench: ["🛠️", [wrench, line("M6 5l9.5 10.5M4 7l4-3.5", "#9a6b2f", 2)]],
  memo: ["📝", paper(lines, line("M10.5 15.5l6.5-7", YELLOW, 2.4))],
  pencil2: ["✏️", [line("M4 16l1-3.5L14.5 3 17 5.5 7.5 15z", YELLOW, 1.9)]],
  page_facing_up: ["📄", paper(lines)],
  clipboard: ["📋", [["rect", { x: 4, y: 3.5, width: 12, height: 14.5, rx: 1.5, fill: "#b98a4b" }], ["rect", { x: 5.8, y: 5.5, width: 8.4, height: 11, fill: "#f4f6f7" }], fill("M7.5 2h5v3h-5z", GREY), line("M7.8 9h4.4M7.8 11.5h4.4M7.8 14h3", GREY, 1.1)]],
  bar_chart: ["📊", [tile("#f4f6f7"), line("M6 15V9", GREEN, 2.6), line("M10 15V5", RED, 2.6), line("M14 15v-4", BLUE, 2.6)]],
  loudspeaker: ["📢", [fill("M2.5 8v4.5l3 .3L14 17V3.5L5.5 7.7z", RED), line("M16 8a3 3 0 0 1 0 4.5", GREY, 1.6), line("M6 13.5l1 4", GREY, 1.9)]],
  mega: ["📣", [fill("M2.5 8v4.5l3 .3L14 17V3.5L5.5 7.7z", YELLOW), line("M16 8a3 3 0 0 1 0 4.5", GREY, 1.6)]],
  broom: ["🧹", [line("M16.5 3 10.5 9", "#9a6b2f", 2), fill("M8.5 8l4 4c-1 3-3.5 5.5-7.5 6l-3-3C6.5 14 7 10.5 8.5 8z", YELLOW)]],
  bell: ["🔔", bell],
  no_bell: ["🔕", [...bell, line("M3 3l14 14", RED, 2)]],
  snowflake: ["❄️", [line("M10 2v16M3 6l14 8M17 6 3 14M8 3.2l2 1.8 2-1.8M8 16.8l2-1.8 2 1.8", "#4aa3df", 1.5)]],
  sunny: ["☀️", [["circle", { cx: 10, cy: 10, r: 4, fill: YELLOW }], line("M10 1.5v2.5M10 16v2.5M1.5 10H4M16 10h2.5M4 4l1.7 1.7M14.3 14.3 16 16M16 4l-1.7 1.7M5.7 14.3 4 16", YELLOW, 1.7)]],
  wastebasket: ["🗑️", [fill("M4.5 6.5h11L14.5 18h-9z", GREY), line("M3 5.5h14M8 3h4M8 9v6M12 9v6", "#4a5860", 1.4)]],
  zzz: ["💤", [line("M3 10h6l-6 7h6M11 3h5.5L11 9.5h5.5", BLUE, 2)]],
  electric_plug: ["🔌", [line("M8 2.5v4M13 2.5v4", GREY, 2), fill("M5 6.5h11v3a5 5 0 0 1-5 5h-1a5 5 0 0 1-5-5z", "#4a5860"), line("M10.5 14v4", GREY, 2)]],
  link: ["🔗", [line("M8.5 11.5a3 3 0 0 0 4.3 0l3-3a3 3 0 0 0-4.3-4.3L10.3 5.4M11.5 8.5a3 3 0 0 0-4.3 0l-3 3a3 3 0 0 0 4.3 4.3l1.2-1.2", GREY, 2)]],
  raised_hand: ["✋", [fill("M5 9V5.2a1.1 1.1 0 0 1 2.2 0V3.5a1.1 1.1 0 0 1 2.3 0V3a1.1 1.1 0 0 1 2.3 0v1.5a1.1 1.1 0 0 1 2.2 0V10l1.5-1.3c1-.6 2 .4 1.4 1.3L13.5 16c-.8 1.3-2 2-3.5 2-3 0-5-2-5-5z", YELLOW)]],
  wave: ["👋", [fill("M5 9V5.2a1.1 1.1 0 0 1 2.2 0V3.5a1.1 1.1 0 0 1 2.3 0V3a1.1 1.1 0 0 1 2.3 0v1.5a1.1 1.1 0 0 1 2.2 0V10l1.5-1.3c1-.6 2 .4 1.4 1.3L13.5 16c-.8 1.3-2 2-3.5 2-3 0-5-2-5-5z", YELLOW)]],
  "+1": ["👍", hand(false)],
  "-1": ["👎", hand(true)],
  information_source: ["ℹ️", [tile(BLUE), line("M10 9v5.5M10 6h.01", "#fff", 2.2)]],
  question: ["❓", [line("M6.5 6.5a3.5 3.5 0 1 1 5 3.2c-1 .5-1.5 1.2-1.5 2.5M10 16h.01", RED, 2.4)]],
  grey_question: ["❔", [line("M6.5 6.5a3.5 3.5 0 1 1 5 3.2c-1 .5-1.5 1.1-1.5 2.3M10 16h.01", GREY, 2.6)]],
  exclamation: ["❗", [line("M10 3.5v8M10 16h.01", RED, 2.8)]],
  email: ["✉️", envelope],
  envelope: ["📧", envelope],
  file_folder: ["📁", [fill("M2 5a1.5 1.5 0 0 1 1.5-1.5H8l2 2h6.5A1.5 1.5 0 0 1 18 7v8a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 2 15z", YELLOW)]],
  mag: ["🔍", [["circle", { cx: 8.5, cy: 8.5, r: 5, fill: "#e8f1f8", stroke: GREY, "stroke-width": 2 }], line("M12.5 12.5 17 17", GREY, 2.4)]],
  bulb: ["💡", [fill("M10 2a5.5 5.5 0 0 1 3 10.1V14H7v-1.9A5.5 5.5 0 0 1 10 2z", YELLOW), line("M8 16h4M8.8 18h2.4", GREY, 1.5)]],
  rocket: ["🚀", [fill("M17.5 2.5c-5 0-8 2.5-10 7l3 3c4.5-2 7-5 7-10z", "#c5d0d6"), fill("M7 9.5 3.5 10l2.5-3 3-.5zM10.5 13l-.5 3.5 3-2.5.5-3z", RED), fill("M3 17l1-4 3 3z", YELLOW)]],
  robot_face: ["🤖", [["rect", { x: 4, y: 6, width: 12, height: 11, rx: 2, fill: GREY }], line("M10 6V3M10 2.5h.01", GREY, 2), line("M7.5 10.5h.01M12.5 10.5h.01", "#fff", 2.5), line("M7.5 14h5", "#fff", 1.5)]],
  package: ["📦", [fill("M2.5 6 10 2.5 17.5 6v8.5L10 18l-7.5-3.5z", "#c79a5c"), line("M2.5 6 10 9.5 17.5 6M10 9.5V18", "#8a6534", 1.3)]],
  speech_balloon: ["💬", [fill("M4 3.5h12A1.5 1.5 0 0 1 17.5 5v7a1.5 1.5 0 0 1-1.5 1.5H9.5L5.5 17v-3.5H4A1.5 1.5 0 0 1 2.5 12V5A1.5 1.5 0 0 1 4 3.5z", "#c5d0d6")]],
  fire: ["🔥", [fill("M10.5 1.5c.5 3.5 4.5 5 4.5 10a5 5 0 0 1-10 0c0-2 1-3.5 2-4.5.2 1.5.8 2 1.5 2.3C8.3 6 9 3.5 10.5 1.5z", "#e8741e"), fill("M10 17.5a2.7 2.7 0 0 1-2.7-2.8c0-1.7 1.5-2.5 2.2-4.2 1.5 1 3.2 2.5 3.2 4.3A2.7 2.7 0 0 1 10 17.5z", YELLOW)]],
  inbox_tray: ["📥", [line("M10 2.5v7M6.5 6.5l3.5 3.5 3.5-3.5", BLUE, 2), fill("M2 11h4.5l1.5 2.5h4l1.5-2.5H18v6.5H2z", GREY)]],
  floppy_disk: ["💾", [["rect", { x: 2.5, y: 2.5, width: 15, height: 15, rx: 1.5, fill: BLUE }], fill("M6 2.5h8v5H6z", "#dfe7ec"), fill("M5.5 10.5h9v7h-9z", "#f4f6f7")]],
  desktop_computer: ["🖥️", [["rect", { x: 2, y: 3, width: 16, height: 11, rx: 1.5, fill: "#4a5860" }], fill("M3.5 4.5h13v8h-13z", "#9cc4ea"), line("M7 17h6M10 14v3", GREY, 1.8)]],
};
for (let hour = 1; hour <= 12; hour++) {
  GLYPHS[`clock${hour}`] = [String.fromCodePoint(0x1f550 + hour - 1), clock(hour)];
}

const ALIASES = {
  green_circle: "large_green_circle", yellow_circle: "large_yellow_circle", orange_circle: "large_orange_circle",
  blue_circle: "large_blue_circle", large_red_circle: "red_circle", stop_sign: "octagonal_sign", stop: "octagonal_sign",
  thumbsup: "+1", thumbsdown: "-1", hand: "raised_hand", "e-mail": "envelope", pencil: "memo", pause_button: "double_vertical_bar",
  stop_button: "black_square_for_stop", play: "arrow_forward", heavy_exclamation_mark: "exclamation", outbox_tray: "inbox_tray",
  hammer: "hammer_and_wrench", computer: "desktop_computer", open_file_folder: "file_folder", incoming_envelope: "envelope",
};

const BY_CHARACTER = new Map();
for (const [name, [character]] of Object.entries(GLYPHS)) {
  const bare = character.replace(/\ufe0f/g, "");
  if (!BY_CHARACTER.has(bare)) BY_CHARACTER.set(bare, name);
}
const CHARACTERS = new RegExp(`(${[...BY_CHARACTER.keys()].join("|")})\\ufe0f?`, "gu");

/** emoji returns the drawn emoji of a shortcode (without colons), or null when it is not known. */
export function emoji(name) {
  const glyph = GLYPHS[ALIASES[name] || name];
  if (!glyph) return null;
  return h("span", { class: "emoji", role: "img", "aria-label": name.replace(/_/g, " "), title: `:${name}:` },
    svg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true", focusable: "false" }, glyph[1].map(([tag, attrs]) => svg(tag, attrs))));
}

/** withEmoji turns text into nodes: :shortcodes: (if asked) and emoji characters become pictures, the rest text. */
export function withEmoji(text, shortcodes = true) {
  const out = [];
  const pattern = shortcodes ? /:([a-z0-9_+-]+):(?::skin-tone-\d:)?/g : null;
  const plain = (piece) => {
    let at = 0;
    for (const match of piece.matchAll(CHARACTERS)) {
      if (match.index > at) out.push(document.createTextNode(piece.slice(at, match.index)));
      out.push(emoji(BY_CHARACTER.get(match[1])));
      at = match.index + match[0].length;
    }
    if (at < piece.length) out.push(document.createTextNode(piece.slice(at)));
  };
  if (!pattern) {
    plain(text);
    return out;
  }
  let at = 0;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    const picture = emoji(match[1]);
    if (!picture) {
      // "12:30:45" and unknown codes stay text; the closing colon may open the next code.
      pattern.lastIndex = match.index + match[0].length - 1;
      continue;
    }
    plain(text.slice(at, match.index));
    out.push(picture);
    at = match.index + match[0].length;
  }
  plain(text.slice(at));
  return out;
}
