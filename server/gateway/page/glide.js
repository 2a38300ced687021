// Changes of a view without a jump: what has moved glides from where it was.

const GLIDE_MS = 320;
// What can be moved by others of its kind.
const MOVABLE = [
  ".post-list", ".post", ".foot", ".comment", ".comment-form", ".composer-bar", ".view > .card",
].join();

export const wantsCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Change a view, or a part of it; what is moved by that glides to its new place. */
export function glide(part, change) {
  const view = part?.closest(".view");
  if (!view || wantsCalm()) {
    change();
    return;
  }
  const before = new Map();
  for (const each of view.querySelectorAll(MOVABLE)) before.set(each, topOf(each));
  change();
  const moved = new Map();
  for (const [each, top] of before) {
    if (each.isConnected) moved.set(each, top - topOf(each));
  }
  for (const [each, distance] of moved) {
    // What is within something that glides is carried along by it.
    const carrier = each.parentElement.closest(MOVABLE);
    const left = distance - (moved.get(carrier) ?? 0);
    if (Math.abs(left) >= 1 && isNear(before.get(each), distance)) slide(each, left);
  }
}

function isNear(top, distance) {
  return Math.min(top, top - distance) < innerHeight * 2;
}

function slide(moved, distance) {
  const from = { transform: `translateY(${distance}px)` };
  moved.animate([from, { transform: "none" }], {
    duration: GLIDE_MS, easing: "cubic-bezier(.2, .7, .2, 1)", composite: "add",
  });
}

function topOf(each) {
  return each.getBoundingClientRect().top;
}
