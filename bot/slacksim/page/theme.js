// Light, dark, or as the system says.

import { h, icon } from "./dom.js";

const CHOICES = [["light", "sun", "Light"], ["dark", "moon", "Dark"], ["system", "monitor", "As the system"]];

/** themeSwitch fills the container with the three choices and applies the one made last. */
export function themeSwitch(container) {
  const set = (name) => {
    if (name === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    for (const button of container.children) button.setAttribute("aria-pressed", String(button.dataset.testid === `theme-${name}`));
  };
  const choose = (name) => {
    set(name);
    try {
      localStorage.setItem("theme", name);
    } catch {
      // a browser that stores nothing: the choice lasts as long as the page
    }
  };
  for (const [name, picture, words] of CHOICES) {
    container.append(h("button", { type: "button", class: "theme-choice", "data-testid": `theme-${name}`, "aria-label": words, title: words, onclick: () => choose(name) }, icon(picture)));
  }
  let saved = "";
  try {
    saved = localStorage.getItem("theme");
  } catch {
    // as above
  }
  set(CHOICES.some(([name]) => name === saved) ? saved : "system");
}
