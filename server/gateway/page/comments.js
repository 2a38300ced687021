// The comments on a post, as a conversation: the oldest on top, replies below what they answer.

import { SendKey } from "./api.js";
import { Draft } from "./drafts.js";
import { allFromTemplate, element, fromTemplate, onSendKey, paintAvatar, showError } from "./elements.js";
import { glide } from "./glide.js";
import { newestFirst } from "./ids.js";
import { Pages } from "./pages.js";
import { announce } from "./say.js";
import { textElement } from "./text.js";
import { tellTime } from "./times.js";

const PAGE = 30;

/** The comments below a post, and the form for another one. */
export class CommentThread {
  #app;
  #post;
  #section;
  #pages = null;
  #comments = new Map();
  #replyTo = null;
  #draft;
  #onSent;
  #sendKey = new SendKey();

  constructor(app, post, section, { onSent }) {
    this.#app = app;
    this.#post = post;
    this.#onSent = onSent;
    this.#section = section;
    this.#draft = new Draft(app.session.userId, `comment:${post.postId}`);
    section.append(allFromTemplate("comments"));
    this.#wire();
  }

  /** Read the newest comments; those that were read before stay. */
  async refresh() {
    const path = `/v1/posts/${this.#post.postId}/comments`;
    const isFirst = this.#pages === null;
    const pages = new Pages(this.#app.api, path, { limit: PAGE });
    await this.#read(pages, isFirst);
  }

  focus() {
    this.#field.focus({ preventScroll: true });
  }

  get #field() {
    return this.#section.querySelector("textarea");
  }

  async #read(pages, keepsPages) {
    try {
      const { items, isLast } = await pages.next();
      for (const comment of items) this.#comments.set(comment.commentId, comment);
      if (keepsPages) {
        this.#pages = pages;
        this.#section.querySelector(".earlier").hidden = isLast;
      }
      glide(this.#section, () => this.#show());
    } catch (problem) {
      showError(this.#section.querySelector("form"), problem.message);
    }
  }

  #show() {
    const thread = this.#section.querySelector(".thread");
    const oldestFirst = [...this.#comments.values()].sort(
      (one, other) => -newestFirst(one.commentId, other.commentId),
    );
    const shown = new Map(
      [...thread.querySelectorAll(".comment")].map((item) => [item.dataset.commentId, item]),
    );
    for (const comment of oldestFirst) {
      const item = shown.get(comment.commentId) ?? this.#item(comment);
      const list = this.#listFor(comment, thread);
      if (item.parentElement !== list) list.insertBefore(item, laterThan(comment, list));
    }
  }

  /** Return the list that a comment belongs in: replies go below the comment that began it. */
  #listFor(comment, thread) {
    let root = comment;
    while (this.#comments.has(root.parentCommentId)) {
      root = this.#comments.get(root.parentCommentId);
    }
    if (root === comment) return thread;
    const item = thread.querySelector(`[data-comment-id="${CSS.escape(root.commentId)}"]`);
    const found = item.querySelector(":scope > .comment-main > .replies");
    if (found) return found;
    const replies = element("ol", { class: "replies" });
    item.querySelector(".comment-main").append(replies);
    return replies;
  }

  #item(comment) {
    const item = fromTemplate("comment");
    item.dataset.commentId = comment.commentId;
    paintAvatar(item.querySelector(".avatar"), comment.author);
    const author = item.querySelector(".post-author");
    author.textContent = comment.author.name;
    author.href = `#/users/${comment.author.userId}`;
    tellTime(item.querySelector("time"), comment.createdAt);
    item.querySelector(".comment-text").replaceWith(textElement(comment.comment, "comment-text"));
    item.querySelector("[data-do=reply]").addEventListener("click", () => this.#answer(comment));
    return item;
  }

  #answer(comment) {
    this.#replyTo = comment;
    const note = this.#section.querySelector(".replying");
    note.hidden = comment === null;
    note.querySelector("span").textContent = comment ? `In reply to ${comment.author.name}.` : "";
    this.#field.focus();
  }

  #wire() {
    const form = this.#section.querySelector("form");
    this.#draft.keep(this.#field);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send(form);
    });
    onSendKey(this.#field, () => form.requestSubmit());
    form.querySelector("[data-do=no-reply]").addEventListener("click", () => this.#answer(null));
    this.#section.querySelector(".earlier").addEventListener("click", () =>
      this.#read(this.#pages, true),
    );
  }

  async #send(form) {
    // What is typed from here on belongs to the next comment.
    const written = this.#field.value;
    const answered = this.#replyTo;
    const comment = written.trim();
    const button = form.querySelector("[type=submit]");
    if (!comment || button.disabled) return;
    const body = { userId: this.#app.session.userId, postId: this.#post.postId, comment };
    if (answered) body.parentCommentId = answered.commentId;
    button.disabled = true;
    showError(form, null);
    try {
      const made = await this.#app.api.post("/v1/comments", body, { key: this.#sendKey.for(body) });
      this.#sendKey.done();
      this.#comments.set(made.commentId, { ...made, author: this.#app.session.user });
      this.#draft.drop(written);
      if (answered === this.#replyTo) this.#answer(null);
      glide(this.#section, () => this.#show());
      this.#onSent();
      announce("Your comment is there.");
    } catch (problem) {
      glide(form, () => showError(form, `${problem.message} Your comment is kept here; it was not sent.`));
    } finally {
      button.disabled = false;
    }
  }
}

function laterThan(comment, list) {
  return (
    [...list.children].find(
      (item) => newestFirst(item.dataset.commentId, comment.commentId) < 0,
    ) ?? null
  );
}
