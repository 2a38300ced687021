// Pictures and videos of posts: as large as they will be before they load, shown when whole.

import { element } from "./elements.js";

// A post waits so long for its picture; then it is shown with the place kept for it.
const PATIENCE_MS = 6_000;
const WIDTHS = [320, 640, 1080];
const SIZES = "(max-width: 700px) 100vw, 600px";
const HLS = "application/vnd.apple.mpegurl";
// While nobody knows the size (a file whose header could not be read), a place of this shape.
const UNKNOWN = { width: 4, height: 3 };

/** The media of a post: its element, and when it is ready to be shown. */
export function mediaOf(post) {
  const media = post.media ?? {};
  const kind = media.kind ?? "image";
  const width = media.width || UNKNOWN.width;
  const height = media.height || UNKNOWN.height;
  const box = element("div", { class: `media ${kind}` });
  box.style.setProperty("--shape", `${width} / ${height}`);
  // Above all else a portrait must not be taller than the window.
  box.style.setProperty("--ratio", String(width / height));
  const url = post.mediaUrl;
  const ready = kind === "video" ? video(box, url, media, post) : picture(box, url, post);
  return { element: box, ready };
}

function picture(box, url, post) {
  const image = new Image();
  image.alt = post.description || `A picture by ${post.author.name}`;
  image.sizes = SIZES;
  image.srcset = WIDTHS.map((each) => `${url}?w=${each} ${each}w`).join(", ");
  image.src = url;
  box.append(image);
  return patient(decoded(image, box));
}

async function decoded(image, box) {
  try {
    await image.decode();
    box.classList.add("whole");
  } catch {
    tellFailure(box, "This picture did not load.", () => {
      // Another address, so that the failure is not taken from a cache.
      const again = new Image();
      again.alt = image.alt;
      again.src = `${image.src}?again=${Date.now()}`;
      box.replaceChildren(again);
      return decoded(again, box);
    });
  }
}

function video(box, url, media, post) {
  const shown = document.createElement("video");
  shown.controls = true;
  shown.playsInline = true;
  shown.preload = media.poster ? "none" : "metadata";
  shown.setAttribute("aria-label", post.description || `A video by ${post.author.name}`);
  const sources = [];
  if (media.playlist && shown.canPlayType(HLS)) {
    sources.push(element("source", { src: media.playlist, type: HLS }));
  }
  sources.push(element("source", { src: url }));
  shown.append(...sources);
  box.append(shown);
  sources.at(-1).addEventListener("error", () => {
    tellFailure(box, "This video does not play here.", () => {
      box.replaceChildren();
      return video(box, url, media, post);
    });
  });
  return patient(media.poster ? posterOf(shown, media.poster, box) : firstFrame(shown, box));
}

async function posterOf(shown, url, box) {
  const poster = new Image();
  poster.src = url;
  await poster.decode().catch(() => {});
  shown.poster = url;
  box.classList.add("whole");
}

function firstFrame(shown, box) {
  return new Promise((resolve) => {
    const done = () => {
      box.classList.add("whole");
      resolve();
    };
    shown.addEventListener("loadeddata", done, { once: true });
    shown.addEventListener("loadedmetadata", () => shown.requestVideoFrameCallback?.(done), {
      once: true,
    });
    shown.lastElementChild.addEventListener("error", resolve, { once: true });
  });
}

function tellFailure(box, words, retry) {
  const button = element("button", { type: "button", class: "link-button" }, "Try again");
  const note = element("div", { class: "media-failure" }, element("p", {}, words), button);
  button.addEventListener("click", () => {
    note.remove();
    retry();
  });
  box.classList.remove("whole");
  box.replaceChildren(note);
}

function patient(ready) {
  return Promise.race([ready, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
}
