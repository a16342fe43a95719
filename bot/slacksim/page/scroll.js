// Reading position of a list of messages.

const NEAR_BOTTOM = 80; // pixels from the end that still count as reading the newest

/**
 * keepScroll stays at the newest message while that is what the person reads (box._stick, kept by followScroll);
 * otherwise the browser's scroll anchoring holds the place and the jump button says that there is more.
 */
export function keepScroll(box, draw, jump) {
  const count = box.querySelectorAll(".message").length;
  draw();
  if (box._stick) box.scrollTop = box.scrollHeight;
  else if (jump && box.querySelectorAll(".message").length > count) jump.hidden = false;
}

/** followScroll remembers whether a box is read at its end, and holds it there when it or its content changes size. */
export function followScroll(box, jump) {
  box._stick = true;
  let height = 0;
  box.addEventListener("scroll", () => {
    // A box that just changed size scrolls by itself; that is nobody's wish.
    if (box.clientHeight !== height) return;
    box._stick = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_BOTTOM;
    if (box._stick && jump) jump.hidden = true;
  });
  const watch = new ResizeObserver(() => {
    height = box.clientHeight;
    if (box._stick) box.scrollTop = box.scrollHeight;
  });
  watch.observe(box);
  for (const child of box.children) watch.observe(child);
}
