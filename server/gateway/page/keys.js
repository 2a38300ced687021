// Single keys as shortcuts. They can be turned off, since speech input types letters.

import { showKeys } from "./dialogs.js";
import { device } from "./storage.js";

const OFF = "socialfeed:keys-off";
const TYPING = "input, textarea, select, [contenteditable], video";

/** Let keys do things; returns what ends it. */
export function wireKeys(app) {
  const box = document.getElementById("keys-on");
  box.checked = device.get(OFF) === null;
  const ended = new AbortController();
  box.addEventListener("change", () => {
    device.set(OFF, box.checked ? "" : "yes");
  }, { signal: ended.signal });
  document.addEventListener("keydown", (event) => press(app, event), { signal: ended.signal });
  return () => ended.abort();
}

function press(app, event) {
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
  const isElsewhere = event.target.closest?.(TYPING) || document.querySelector("dialog[open]");
  if (!isPlain || isElsewhere || !document.getElementById("keys-on").checked) return;
  const act = actions(app)[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act();
}

function actions(app) {
  const go = (place) => () => { location.hash = place; };
  return {
    j: () => step(app, 1),
    k: () => step(app, -1),
    l: () => current()?.toggleLike(),
    c: () => current()?.toggleComments(),
    n: () => app.write(),
    ".": () => app.router.shown.showNew?.(),
    h: go("#/"),
    p: go("#/people"),
    a: go("#/notifications"),
    "?": showKeys,
  };
}

function current() {
  return document.activeElement?.closest(".post")?.view;
}

/** Go to the next post, or the one before; from elsewhere, to the first that is in view. */
function step(app, by) {
  const views = app.router.shown.list?.views ?? [];
  const at = views.indexOf(current());
  const inView = views.findIndex((view) => view.element.getBoundingClientRect().bottom > 80);
  const next = views[at < 0 ? inView : at + by];
  if (!next) return;
  next.element.focus({ preventScroll: true });
  next.element.scrollIntoView({ block: "start" });
}
