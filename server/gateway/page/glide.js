// Changes of a list without a jump: what has moved glides from where it was.

const GLIDE_MS = 320;

export const wantsCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Change a list; its children that are moved by it glide to their new places. */
export function glide(list, change) {
  if (wantsCalm()) {
    change();
    return;
  }
  const before = new Map();
  for (const child of list.children) before.set(child, child.getBoundingClientRect().top);
  change();
  for (const [child, top] of before) {
    const moved = child.isConnected ? top - child.getBoundingClientRect().top : 0;
    const isNear = Math.min(top, top - moved) < innerHeight * 2;
    if (Math.abs(moved) >= 1 && isNear) {
      child.animate(
        [{ transform: `translateY(${moved}px)` }, { transform: "none" }],
        { duration: GLIDE_MS, easing: "cubic-bezier(.2, .7, .2, 1)" },
      );
    }
  }
}
