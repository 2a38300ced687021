// Text of posts and comments: hashtags and links stand out, and nothing in it is markup.

import { element } from "./elements.js";

const PARTS = /(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]])|(#[\p{L}\p{N}_]+)/gu;
// As the server has filled them in.
const { hashtags: MOST_HASHTAGS, hashtagCharacters } = document.documentElement.dataset;
const HASHTAG = new RegExp(`#([\\p{L}\\p{N}_]{1,${hashtagCharacters}})`, "gu");
const LONG = 900;

/** Return the hashtags of a text, each once. */
export function hashtagsOf(text) {
  return [...new Set(Array.from(text.matchAll(HASHTAG), ([, tag]) => tag))].slice(0, Number(MOST_HASHTAGS));
}

/** Return a paragraph of the text; a long one is folded, with a button to see all of it. */
export function textElement(text, className) {
  const paragraph = element("p", { class: className, dir: "auto" });
  if (text.length <= LONG) {
    paragraph.append(...rich(text));
    return paragraph;
  }
  const cut = text.slice(0, LONG).replace(/\s+\S*$/u, "");
  const more = element("button", { type: "button", class: "link-button" }, "Show all");
  more.addEventListener("click", () => paragraph.replaceChildren(...rich(text)));
  paragraph.append(...rich(cut), "… ", more);
  return paragraph;
}

function rich(text) {
  const parts = [];
  let at = 0;
  for (const found of text.matchAll(PARTS)) {
    parts.push(text.slice(at, found.index));
    parts.push(found[1] ? link(found[1]) : element("span", { class: "tag" }, found[2]));
    at = found.index + found[0].length;
  }
  parts.push(text.slice(at));
  return parts;
}

function link(url) {
  const attributes = { href: url, rel: "noopener noreferrer nofollow", target: "_blank" };
  return element("a", attributes, url.replace(/^https?:\/\//, ""));
}
