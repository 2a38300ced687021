// One post: what it says, who wrote it, and what can be done with it.

import { CommentThread } from "./comments.js";
import { confirmed, edited } from "./dialogs.js";
import { fromTemplate, paintAvatar } from "./elements.js";
import { glide } from "./glide.js";
import { MediaView } from "./media.js";
import { announce, toast, toastProblem } from "./say.js";
import { textElement } from "./text.js";
import { tellTime } from "./times.js";

// A read that was under way when one's like was sent does not know of it yet.
const SETTLE_MS = 2_000;

let postsMade = 0;

/** A post as an article; `whole` is kept when it can be shown in one piece. */
export class PostView {
  #app;
  #post;
  #onDeleted;
  #media = null;
  #thread = null;
  #isLiked = false;
  #likers = [];
  #settledAt = 0;

  constructor(app, post, { onDeleted }) {
    this.#app = app;
    this.#post = post;
    this.#onDeleted = onDeleted;
    this.element = fromTemplate("post");
    this.element.dataset.postId = post.postId;
    this.element.view = this;
    this.#fillHead();
    this.whole = this.#fillBody();
    this.#showCounts();
    this.#wire();
    app.likes.watch(this);
  }

  get postId() {
    return this.#post.postId;
  }

  get post() {
    return this.#post;
  }

  /** Whether it plays or is written to, so that it must not be moved away. */
  get isInUse() {
    const video = this.element.querySelector("video");
    const typing = this.element.querySelector("textarea:focus");
    return Boolean((video && !video.paused) || typing);
  }

  wouldChangeHeight(post) {
    return post.text !== this.#post.text || post.description !== this.#post.description;
  }

  /** Show a newer state of the post. */
  update(post) {
    const before = this.#post;
    if (Date.now() < this.#settledAt) {
      post = { ...post, likeCount: before.likeCount };
    }
    this.#post = { ...post, author: post.author ?? before.author };
    if (this.wouldChangeHeight(before)) this.#fillWords();
    this.#media?.update(this.#post);
    if (before.commentCount !== post.commentCount) this.#thread?.refresh();
    if (before.likeCount !== post.likeCount) this.#app.likes.watch(this);
    this.#showCounts();
  }

  /** Read the post anew. */
  async refresh() {
    try {
      this.update(await this.#app.api.get(`/v1/posts/${this.postId}`));
    } catch (problem) {
      if (problem.status === 404) this.#onDeleted(this.postId);
    }
  }

  /** Tell whether whoever reads has liked it. */
  tellLiked(isLiked, names) {
    if (Date.now() >= this.#settledAt) this.#isLiked = isLiked;
    this.#likers = names;
    this.#showCounts();
  }

  async toggleLike() {
    const wasLiked = this.#isLiked;
    this.#setLiked(!wasLiked, wasLiked ? -1 : 1);
    const { userId } = this.#app.session;
    try {
      if (wasLiked) await this.#app.api.delete(`/v1/likes?userId=${userId}&postId=${this.postId}`);
      else await this.#like(userId);
      this.#app.likes.note(this.postId, !wasLiked);
    } catch (problem) {
      this.#setLiked(wasLiked, wasLiked ? 1 : -1);
      toastProblem(problem);
    }
  }

  async toggleComments() {
    const section = this.element.querySelector(".comments");
    const button = this.element.querySelector("[data-do=comments]");
    const opens = section.hidden;
    if (opens) {
      const onSent = () => this.refresh();
      this.#thread ??= new CommentThread(this.#app, this.#post, section, { onSent });
      button.setAttribute("aria-busy", "true");
      await this.#thread.refresh();
      button.removeAttribute("aria-busy");
    }
    glide(this.element, () => {
      section.hidden = !opens;
      button.setAttribute("aria-expanded", String(opens));
    });
    if (opens) this.#thread.focus();
  }

  async #like(userId) {
    const body = { userId, postId: this.postId };
    const { status } = await this.#app.api.post("/v1/likes", body, { status: true });
    // 200: it was liked before, on another device, and is counted already.
    if (status === 200) this.#setLiked(true, -1);
  }

  #setLiked(isLiked, change) {
    this.#settledAt = Date.now() + SETTLE_MS;
    this.#isLiked = isLiked;
    this.#post = { ...this.#post, likeCount: Math.max(this.#post.likeCount + change, 0) };
    this.#showCounts();
  }

  #fillHead() {
    const { author, createdAt, postId } = this.#post;
    postsMade += 1;
    const name = this.element.querySelector(".post-author");
    name.id = `post-author-${postsMade}`;
    name.textContent = author.name;
    name.href = `#/users/${author.userId}`;
    const time = this.element.querySelector(".post-time");
    time.href = `#/posts/${postId}`;
    tellTime(time.querySelector("time"), createdAt);
    this.element.querySelector(".avatar-link").href = name.href;
    paintAvatar(this.element.querySelector(".avatar"), author);
    this.element.querySelector(".post-tools").hidden = author.userId !== this.#app.session.userId;
  }

  /** Put in words and media; the promise is kept when all of it can be seen. */
  #fillBody() {
    const body = this.element.querySelector(".post-body");
    this.#fillWords();
    if (!this.#post.mediaUrl) return Promise.resolve();
    this.#media = new MediaView(this.#post);
    body.prepend(this.#media.element);
    return this.#media.whole;
  }

  #fillWords() {
    const body = this.element.querySelector(".post-body");
    body.querySelector(".post-text")?.remove();
    const { text, description, hashtags } = this.#post;
    const words = text ?? description ?? "";
    if (words) {
      const paragraph = textElement(words, "post-text");
      paragraph.id = `post-text-${this.element.querySelector(".post-author").id}`;
      const ids = [this.element.querySelector(".post-author").id, paragraph.id];
      this.element.setAttribute("aria-labelledby", ids.join(" "));
      paragraph.classList.toggle("short", words.length < 90 && !this.#post.mediaUrl);
      body.append(paragraph);
    } else {
      this.element.setAttribute("aria-labelledby", this.element.querySelector(".post-author").id);
    }
    const others = hashtags.filter((tag) => !words.includes(`#${tag}`));
    const tags = this.element.querySelector(".post-tags");
    tags.hidden = others.length === 0;
    tags.textContent = others.map((tag) => `#${tag}`).join(" ");
  }

  #showCounts() {
    const like = this.element.querySelector("[data-do=like]");
    like.setAttribute("aria-pressed", String(this.#isLiked));
    setText(like.querySelector(".act-count"), count(this.#post.likeCount));
    const others = this.#post.likeCount - (this.#isLiked ? 1 : 0);
    setText(this.element.querySelector(".liked-by"), likedBy(this.#likers, others));
    const likes = this.#post.likeCount === 1 ? "like" : "likes";
    setText(like.querySelector(".act-words"), `${likes}. I like it`);
    const comments = this.element.querySelector("[data-do=comments]");
    setText(comments.querySelector(".act-count"), count(this.#post.commentCount));
    setText(
      comments.querySelector(".act-words"),
      this.#post.commentCount === 1 ? "comment" : "comments",
    );
  }

  #wire() {
    const acts = {
      like: () => this.toggleLike(),
      comments: () => this.toggleComments(),
      link: () => this.#copyLink(),
      edit: () => this.#edit(),
      delete: () => this.#delete(),
    };
    for (const [name, act] of Object.entries(acts)) {
      this.element.querySelector(`[data-do=${name}]`).addEventListener("click", act);
    }
  }

  async #copyLink() {
    const url = new URL(`#/posts/${this.postId}`, location.href).href;
    try {
      await navigator.clipboard.writeText(url);
      toast("Link copied.");
    } catch {
      toast(url);
    }
  }

  async #edit() {
    const field = this.#post.mediaUrl ? "description" : "text";
    const saved = await edited(this.#app, this.#post, field);
    if (saved) {
      glide(this.element, () => this.update({ ...this.#post, ...saved }));
      announce("Saved.");
    }
  }

  async #delete() {
    const words = "It goes from everybody's feed, with its likes and comments.";
    if (!(await confirmed("Delete this post?", words, "Delete"))) return;
    try {
      await this.#app.api.delete(`/v1/posts/${this.postId}`);
      this.#onDeleted(this.postId);
      toast("Deleted.");
    } catch (problem) {
      if (problem.status === 404) this.#onDeleted(this.postId);
      else toastProblem(problem);
    }
  }
}

const compact = new Intl.NumberFormat(undefined, { notation: "compact" });

function count(number) {
  return number < 1000 ? String(number) : compact.format(number);
}

/** Return who else likes it; `others` are as many, of whom some `names` are known. */
function likedBy(names, others) {
  if (names.length === 0 || others === 0) return "";
  const [first, second] = names;
  if (others === 1) return `Liked by ${first}`;
  if (others === 2 && second) return `Liked by ${first} and ${second}`;
  return `Liked by ${first} and ${count(others - 1)} ${others === 2 ? "other" : "others"}`;
}

function setText(place, text) {
  if (place.textContent !== text) place.textContent = text;
}
