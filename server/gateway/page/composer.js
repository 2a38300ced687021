// Where a post is written. What is typed survives a failure, a reload and a closed window.

import { SendKey } from "./api.js";
import { Draft } from "./drafts.js";
import { allFromTemplate, element, icon, onSendKey, paintAvatar, showError } from "./elements.js";
import { glide } from "./glide.js";
import { hashtagsOf } from "./text.js";
import { bytesText, Upload } from "./upload.js";

const KEPT_MS = 1_500;
// Refusals of a file that will be no other at the next try.
const FINAL = new Set([400, 413, 415, 422]);

/** The form for a new post; `onPosted` is told the post. */
export class Composer {
  #app;
  #onPosted;
  #form;
  #draft;
  #sendKey = new SendKey();
  #upload = null;
  #sending = null;
  #canRetry = false;
  #isBusy = false;

  constructor(app, onPosted) {
    this.#app = app;
    this.#onPosted = onPosted;
    this.#form = allFromTemplate("composer").firstElementChild;
    this.element = this.#form;
    this.#draft = new Draft(app.session.userId, "post");
    paintAvatar(this.#form.querySelector(".avatar"), app.session.user);
    this.#draft.keep(this.#field);
    this.#wire();
  }

  focus() {
    this.#field.focus();
  }

  /** Give up what is attached: whoever wrote is gone. */
  stop() {
    this.#detach();
  }

  get #field() {
    return this.#form.querySelector("textarea");
  }

  #find(selector) {
    return this.#form.querySelector(selector);
  }

  #wire() {
    const picker = this.#find("input[type=file]");
    picker.addEventListener("change", () => {
      if (picker.files[0]) this.#attach(picker.files[0]);
      picker.value = "";
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#post();
    });
    onSendKey(this.#field, () => this.#form.requestSubmit());
    this.#find("[data-do=retry]").addEventListener("click", () => {
      this.#tellError(null);
      this.#send();
    });
    this.#find("[data-do=cancel]").addEventListener("click", () => this.#detach());
    this.#field.addEventListener("paste", (event) => this.#takeFrom(event.clipboardData, event));
    this.#form.addEventListener("dragover", (event) => event.preventDefault());
    this.#form.addEventListener("drop", (event) => this.#takeFrom(event.dataTransfer, event));
    let timer;
    this.#field.addEventListener("input", () => {
      clearTimeout(timer);
      this.#find(".kept").textContent = "";
      timer = setTimeout(() => {
        if (this.#field.value) this.#find(".kept").textContent = "Draft kept";
      }, KEPT_MS);
    });
  }

  #takeFrom(data, event) {
    const file = [...(data?.files ?? [])][0];
    if (!file) return;
    event.preventDefault();
    this.#attach(file);
  }

  #attach(file) {
    this.#tellError(null);
    if (!this.#find("input[type=file]").accept.split(",").includes(file.type)) {
      this.#tellError(`${file.name}: only pictures (JPEG, PNG, WebP, GIF) and videos (MP4, MOV, WebM).`);
      return;
    }
    if (file.size === 0) {
      this.#tellError(`${file.name}: there is nothing in this file.`);
      return;
    }
    this.#detach();
    addEventListener("beforeunload", askFirst);
    this.#upload = new Upload(this.#app, file);
    this.#upload.addEventListener("progress", (event) => this.#tellProgress(event.target));
    this.#preview(file);
    this.#expect("description", "Say something about it");
    this.#send();
  }

  #detach() {
    removeEventListener("beforeunload", askFirst);
    this.#upload?.cancel();
    this.#upload = null;
    this.#sending = null;
    this.#canRetry = false;
    const view = this.#find(".attachment-view");
    const shown = view.firstElementChild;
    if (shown) URL.revokeObjectURL(shown.src);
    view.replaceChildren();
    this.#showAttachment(false);
    this.#expect("text", "What is on your mind?");
  }

  /** Let the words be a text of their own, or what is said about a file. */
  #expect(kind, placeholder) {
    this.#field.maxLength = Number(this.#field.dataset[kind]);
    this.#field.placeholder = placeholder;
  }

  #preview(file) {
    const url = URL.createObjectURL(file);
    const isVideo = file.type.startsWith("video/");
    const shown = isVideo
      ? element("video", { src: url, muted: true, preload: "metadata", "aria-hidden": "true" })
      : element("img", { src: url, alt: "" });
    if (!isVideo) shown.addEventListener("error", () => this.#tellUnseen(shown), { once: true });
    this.#find(".attachment-view").replaceChildren(shown);
    this.#find(".attachment-name").textContent = `${file.name}, ${bytesText(file.size)}`;
    this.#showAttachment(true);
  }

  /** Tell that a picture is none to this browser; it may be to the server, and to others. */
  #tellUnseen(shown) {
    if (!shown.isConnected) return;
    URL.revokeObjectURL(shown.src);
    shown.replaceWith(icon("picture"));
    this.#tellError("This browser cannot show this picture. Others may not see it either.");
  }

  #showAttachment(isShown) {
    glide(this.#form, () => {
      this.#find(".attachment").hidden = !isShown;
    });
  }

  #tellError(message) {
    glide(this.#form, () => showError(this.#form, message));
  }

  /** Begin the upload, or begin it again; it goes on while the words are written. */
  #send() {
    const upload = this.#upload;
    this.#canRetry = false;
    this.#tell("Uploading", { bar: true });
    this.#sending = upload.send().then(
      () => {
        if (upload === this.#upload) this.#tell("Ready to be posted.");
        return true;
      },
      (problem) => {
        if (!upload.isCancelled) this.#tellFailure(problem);
        return false;
      },
    );
  }

  #tellProgress(upload) {
    if (upload !== this.#upload) return;
    this.#find("progress").value = upload.share;
    const percent = Math.floor(upload.share * 100);
    const words = upload.share < 1 ? `Uploading, ${percent} %` : "Checking";
    // Every tenth, so that a screen reader is not told a hundred times.
    if (percent % 10 === 0) this.#find(".attachment-words").textContent = words;
  }

  #tellFailure({ message, status }) {
    this.#canRetry = !FINAL.has(status);
    this.#tell(message, { isFailed: true });
  }

  #tell(words, { bar = false, isFailed = false } = {}) {
    this.#find(".attachment-words").textContent = words;
    this.#find(".attachment").classList.toggle("failed", isFailed);
    this.#find("progress").hidden = !bar;
    this.#find("[data-do=retry]").hidden = !this.#canRetry;
  }

  async #post() {
    // What is typed or attached from here on belongs to the next post.
    const written = this.#field.value;
    const upload = this.#upload;
    const words = written.trim();
    if (this.#isBusy || (!words && !this.#upload)) {
      if (!words) this.#field.focus();
      return;
    }
    this.#setBusy(true);
    this.#tellError(null);
    try {
      const body = await this.#body(words, upload);
      if (!body) return;
      const post = await this.#app.api.post("/v1/posts", body, { key: this.#sendKey.for(body) });
      this.#sendKey.done();
      this.#draft.drop(written);
      this.#find(".kept").textContent = "";
      if (upload === this.#upload) this.#detach();
      await this.#onPosted({ ...post, author: this.#app.session.user });
    } catch (problem) {
      this.#tellError(`${problem.message} Your post is kept here; it was not sent.`);
    } finally {
      this.#setBusy(false);
    }
  }

  /** Return what is to be sent; null if the file could not be uploaded, which was told. */
  async #body(words, upload) {
    const { userId } = this.#app.session;
    const hashtags = hashtagsOf(words);
    if (!upload) return { userId, text: words, hashtags };
    if (this.#canRetry) this.#send();
    if (!upload.mediaUrl && !(await this.#sending)) {
      const why = upload.isCancelled ? "The file was removed." : "The file was not uploaded.";
      this.#tellError(`${why} Your post is kept here; it was not sent.`);
      return null;
    }
    const { mediaUrl } = upload;
    return { userId, mediaUrl, hashtags, ...(words && { description: words }) };
  }

  #setBusy(isBusy) {
    this.#isBusy = isBusy;
    const button = this.#find("[type=submit]");
    button.setAttribute("aria-disabled", String(isBusy));
    button.textContent = isBusy ? "Posting" : "Post";
  }
}

/** Have the browser ask before it leaves: a file cannot be kept on the device as words are. */
function askFirst(event) {
  event.preventDefault();
}
