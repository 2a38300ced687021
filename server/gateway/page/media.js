// Pictures and videos of posts: as large as they will be before they load, shown when whole.

import { element } from "./elements.js";
import { glide } from "./glide.js";
import { firstView, isInUse, videoOf, watch } from "./video.js";

// A post waits so long for its picture; then it is shown with the place kept for it.
const PATIENCE_MS = 6_000;
// Those that the server makes.
const WIDTHS = document.documentElement.dataset.imageWidths.split(" ");
const SIZES = "(max-width: 700px) 100vw, 600px";
// While nobody knows the size (a file whose header could not be read), a place of this shape.
const UNKNOWN = { width: 4, height: 3 };
// How many times as long as it is wide a place can be, and as wide as it is long: of what is
// stretched any further a part is shown, as a line would show nothing.
const MOST_STRETCHED = 5;
// A small picture is shown no larger than it is, but so that its longer side can be seen.
const LEAST_PX = 160;

/** The media of a post: its `element`, and `whole`, kept when it can be shown in one piece. */
export class MediaView {
  #post;
  #shownAs;
  #hasSize = false;
  #isPart = false;
  #isComing = false;
  #tellAgain = () => {};

  constructor(post) {
    this.#post = post;
    this.element = element("div", { class: `media ${this.#kind}` });
    this.#giveShape(UNKNOWN);
    this.#reserve(post.media);
    this.whole = patient(this.#show());
  }

  /**
   * Take a newer state of the post.
   *
   * A video that plays, or was left halfway, goes on with what it began with.
   */
  update(post) {
    this.#post = post;
    const image = this.element.querySelector("img");
    if (image) image.alt = this.#name;
    this.#video?.setAttribute("aria-label", this.#name);
    this.#tellAgain();
    if (this.#kind === "video" && !this.#isComing && this.#mayChange) this.#exchange();
  }

  get #kind() {
    return this.#post.media?.kind ?? "image";
  }

  get #name() {
    const { description, author } = this.#post;
    return description || `A ${this.#kind === "video" ? "video" : "picture"} by ${author.name}`;
  }

  /** What is said beside a failure, where the server could make nothing of the file either. */
  get #doubt() {
    const { state, failure } = this.#post.media ?? {};
    if (failure) return ` The server could not prepare it: ${failure}.`;
    return state === "failed" ? " The file may be damaged." : "";
  }

  get #video() {
    return this.element.querySelector("video");
  }

  get #mayChange() {
    return this.#shownAs !== stateOf(this.#post) && !isInUse(this.#video);
  }

  #show() {
    return this.#kind === "video" ? this.#showVideo() : this.#showPicture();
  }

  async #showPicture({ isAgain = false } = {}) {
    const image = new Image();
    const url = this.#post.mediaUrl;
    image.alt = this.#name;
    if (isAgain) {
      // Another address, so that the failure is not taken from a cache.
      image.src = `${url}?again=${Date.now()}`;
    } else {
      // Of the smallest there is one size alone.
      if (!(this.#post.media?.width <= WIDTHS[0])) {
        image.sizes = SIZES;
        image.srcset = WIDTHS.map((each) => `${url}?w=${each} ${each}w`).join(", ");
      }
      image.src = url;
    }
    this.element.replaceChildren(image, ...this.#wayToWhole());
    try {
      await image.decode();
      this.#reserve({ width: image.naturalWidth, height: image.naturalHeight });
      this.element.classList.add("whole");
    } catch {
      this.#tellFailure("This picture did not load.", () => this.#showPicture({ isAgain: true }));
    }
  }

  /** Show the video as it is now, from `startS` on if it was interrupted there. */
  #showVideo({ startS = 0 } = {}) {
    const { shown, seen } = this.#newVideo();
    this.element.replaceChildren(shown);
    if (startS > 0) {
      shown.currentTime = startS;
      shown.play().catch(() => {});
    }
    return seen;
  }

  #newVideo() {
    this.#shownAs = stateOf(this.#post);
    const shown = videoOf(this.#post, this.#name);
    const playAgain = () => this.#showVideo({ startS: shown.currentTime });
    watch(shown, {
      onSize: (size) => this.#reserve(size),
      onFailure: () => {
        if (this.#video === shown) this.#tellFailure("This video does not play here.", playAgain);
      },
      onDelay: (isLate) => {
        if (this.#video === shown) this.#tellDelay(isLate, playAgain);
      },
    });
    return { shown, seen: firstView(shown, this.#post.media?.poster) };
  }

  /** Put a video as it is now in place of the one that is shown, once that can be seen. */
  async #exchange() {
    this.#isComing = true;
    const before = this.#shownAs;
    const { shown, seen } = this.#newVideo();
    await patient(seen);
    this.#isComing = false;
    if (isInUse(this.#video)) {
      this.#shownAs = before;
      return;
    }
    const isFocused = this.element.contains(document.activeElement);
    this.#reserve(this.#post.media);
    this.element.replaceChildren(shown);
    if (isFocused) shown.focus({ preventScroll: true });
  }

  /** Give the place the first size that is known; from then on it stays as it is. */
  #reserve({ width, height } = {}) {
    if (this.#hasSize || !width || !height) return;
    this.#hasSize = true;
    glide(this.element, () => this.#giveShape({ width, height }));
  }

  #giveShape({ width, height }) {
    const ratio = Math.min(Math.max(width / height, 1 / MOST_STRETCHED), MOST_STRETCHED);
    this.#isPart = ratio !== width / height;
    // Above all else a portrait must not be taller than the window.
    this.element.style.setProperty("--ratio", String(ratio));
    // A size that the browser tells is not the file's own: it goes by what it was asked to fill.
    const ownPx = this.#kind === "image" && !this.#isPart && this.#post.media?.width;
    if (!ownPx) return;
    const enlarged = Math.max(LEAST_PX / Math.max(ownPx, ownPx / ratio), 1);
    this.element.style.setProperty("--own", `${ownPx * enlarged}px`);
  }

  /** Return the link to a picture of which a part is shown. */
  #wayToWhole() {
    if (!this.#isPart) return [];
    const where = { href: this.#post.mediaUrl, target: "_blank", rel: "noopener noreferrer" };
    return [element("a", { class: "media-whole", ...where }, "Whole picture")];
  }

  #tellFailure(words, retry) {
    this.element.classList.remove("whole");
    // The words need more room than a small picture has.
    this.element.style.removeProperty("--own");
    const tell = () => {
      // Where the server has told why, another try ends as this one.
      const way = this.#post.media?.failure ? null : retry;
      this.element.replaceChildren(note("media-failure", words + this.#doubt, way));
    };
    this.#tellAgain = () => {
      const shown = this.element.querySelector(".media-failure p");
      if (shown && shown.textContent !== words + this.#doubt) tell();
    };
    tell();
  }

  /** Tell, above the video, that it does not go on; it may still. */
  #tellDelay(isLate, retry) {
    this.element.querySelector(".media-delay")?.remove();
    if (isLate) this.element.append(note("media-delay", "This video does not go on.", retry));
  }
}

/** Return by what a video would be shown in another way. */
function stateOf({ mediaUrl, media = {} }) {
  return JSON.stringify([mediaUrl, media.source, media.playlist, media.poster]);
}

function note(className, words, retry) {
  const shown = element("div", { class: className, role: "status" }, element("p", {}, words));
  if (!retry) return shown;
  const button = element("button", { type: "button", class: "link-button" }, "Try again");
  button.addEventListener("click", retry);
  shown.append(button);
  return shown;
}

function patient(ready) {
  return Promise.race([ready, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
}
