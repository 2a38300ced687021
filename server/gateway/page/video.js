// A video of a post: what it is read from, when it can be seen, and what becomes of it.

import { element } from "./elements.js";

const HLS = "application/vnd.apple.mpegurl";
// A video that waits so long for what comes next is told to be late.
const LATE_MS = 15_000;

/** Return the element of a video, which is read from the same place for as long as it is there. */
export function videoOf({ mediaUrl, media = {} }, name) {
  const shown = element("video", { "aria-label": name });
  shown.controls = true;
  shown.playsInline = true;
  shown.preload = media.poster ? "none" : "metadata";
  if (media.playlist && shown.canPlayType(HLS)) {
    shown.append(element("source", { src: media.playlist, type: HLS }));
  }
  shown.append(element("source", { src: media.source ?? mediaUrl }));
  return shown;
}

/** Whether somebody watches a video, or has left it halfway. */
export function isInUse(video) {
  if (!video) return false;
  const isHalfway = video.currentTime > 0 && !video.ended;
  const isLarge = [document.fullscreenElement, document.pictureInPictureElement].includes(video);
  return !video.paused || isHalfway || isLarge;
}

/** Keep the promise when something of a video can be seen: its poster, or its first frame. */
export async function firstView(video, poster) {
  if (poster) {
    const image = new Image();
    image.src = poster;
    await image.decode().catch(() => {});
    video.poster = poster;
    return;
  }
  await new Promise((resolve) => {
    const once = { once: true };
    video.addEventListener("loadeddata", resolve, once);
    video.addEventListener("loadedmetadata", () => video.requestVideoFrameCallback?.(resolve), once);
    video.lastElementChild.addEventListener("error", resolve, once);
  });
}

/** Tell of a video its size, that it fails, and whether it is late. */
export function watch(video, { onSize, onFailure, onDelay }) {
  video.addEventListener("loadedmetadata", () => {
    onSize({ width: video.videoWidth, height: video.videoHeight });
    // Sound alone, of which there would be nothing to see.
    if (video.videoWidth === 0) onFailure();
  });
  // None of its sources can be played; or the one that was, not any further.
  video.lastElementChild.addEventListener("error", onFailure);
  video.addEventListener("error", onFailure);
  let timer;
  const onWay = () => {
    clearTimeout(timer);
    onDelay(false);
  };
  video.addEventListener("waiting", () => {
    clearTimeout(timer);
    timer = setTimeout(() => onDelay(true), LATE_MS);
  });
  for (const name of ["playing", "timeupdate", "pause", "ended", "emptied", "error"]) {
    video.addEventListener(name, onWay);
  }
}
