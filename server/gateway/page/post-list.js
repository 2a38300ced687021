// A list of posts without an end: the next page is read before its place comes into view.

import { element } from "./elements.js";
import { glide } from "./glide.js";
import { isNewer } from "./ids.js";
import { PostView } from "./post.js";

// How far below the window a page is read ahead.
const AHEAD = "1500px";

/** Posts, newest first. `pages` has `next()`; `nothing` is the element shown if there are none. */
export class PostList {
  #app;
  #pages;
  #nothing;
  #views = new Map();
  #isReading = false;
  #isEnded = false;

  constructor(app, pages, { nothing, label }) {
    this.#app = app;
    this.#pages = pages;
    this.#nothing = nothing;
    this.list = element("div", { class: "posts", role: "feed", "aria-label": label });
    this.foot = element("div", { class: "foot" });
    this.element = element("section", { class: "post-list" }, this.list, this.foot);
    this.#watcher = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) this.more();
    }, { rootMargin: AHEAD });
  }

  #watcher;

  get postIds() {
    return [...this.#views.keys()];
  }

  get views() {
    return [...this.list.children].map((article) => this.#views.get(article.dataset.postId));
  }

  /** Read and show the next posts; returns when they are shown. */
  async more() {
    if (this.#isReading || this.#isEnded) return;
    this.#isReading = true;
    this.#watcher.unobserve(this.foot);
    this.list.setAttribute("aria-busy", "true");
    this.#tell(skeleton());
    try {
      this.#isEnded = await this.#readOn();
      this.#tell(this.#isEnded ? this.#end() : "");
    } catch (problem) {
      this.#tell(this.#failure(problem));
      return;
    } finally {
      this.#isReading = false;
      this.list.setAttribute("aria-busy", "false");
    }
    if (!this.#isEnded) this.#watcher.observe(this.foot);
  }

  /** Read again from the top on, for posts that were not there before; what is shown stays. */
  restart(pages) {
    this.#pages = pages;
    this.#isEnded = false;
    if (this.#isReading) return;
    this.#tell("");
    this.#watcher.unobserve(this.foot);
    this.#watcher.observe(this.foot);
  }

  removeBy(userId) {
    for (const view of this.views) {
      if (view.post.author.userId === userId) this.remove(view.postId);
    }
  }

  /** Put posts, newest first, above all others, with a glide. Their views must be whole. */
  putOnTop(views) {
    const fresh = views.filter((view) => !this.#views.has(view.postId));
    glide(this.list, () => {
      for (const view of fresh.reverse()) this.#put(view);
    });
    for (const view of fresh) view.element.classList.add("fresh");
    if (this.#isEnded && this.#views.size > 0) this.#tell(this.#end());
  }

  /** Return a view of a post, not shown yet. */
  view(post) {
    return new PostView(this.#app, post, { onDeleted: (postId) => this.remove(postId) });
  }

  /** Read a post anew, if it is in the list. */
  refresh(postId) {
    this.#views.get(postId)?.refresh();
  }

  has(postId) {
    return this.#views.has(postId);
  }

  /** Show the newest state of a post that is in the list. */
  update(post) {
    const view = this.#views.get(post.postId);
    if (view?.wouldChangeHeight(post)) glide(this.list, () => view.update(post));
    else view?.update(post);
  }

  remove(postId) {
    const view = this.#views.get(postId);
    if (!view) return;
    const isFocused = view.element.contains(document.activeElement);
    const neighbour = view.element.nextElementSibling ?? view.element.previousElementSibling;
    this.#views.delete(postId);
    glide(this.list, () => view.element.remove());
    if (isFocused) neighbour?.focus();
    if (this.#views.size === 0 && this.#isEnded) this.#tell(this.#end());
  }

  /** Show pages until one has something new; whether that was the end. */
  async #readOn() {
    for (;;) {
      const pages = this.#pages;
      const { items, isLast } = await pages.next();
      const shown = await this.#append(items);
      if (isLast && pages === this.#pages) return true;
      if (shown > 0) return false;
    }
  }

  /** Show the views in order, each as soon as it and those above it are whole; how many. */
  async #append(posts) {
    const views = posts.filter((post) => !this.has(post.postId)).map((post) => this.view(post));
    for (const view of views) {
      await view.whole;
      // What says that more is coming makes room for what has come: it is not pushed away by it.
      this.foot.remove();
      this.#put(view);
      this.element.append(this.foot);
    }
    return views.length;
  }

  #put(view) {
    // It may have come another way while its picture was awaited.
    if (this.#views.has(view.postId)) return;
    const below = [...this.list.children].find((article) =>
      isNewer(view.postId, article.dataset.postId),
    );
    this.#views.set(view.postId, view);
    this.list.insertBefore(view.element, below ?? null);
  }

  #tell(what) {
    this.foot.replaceChildren(what);
  }

  #end() {
    if (this.#views.size === 0) return this.#nothing();
    return element("p", { class: "end" }, "That is all of it.");
  }

  #failure(problem) {
    const again = element("button", { type: "button", class: "button plain" }, "Try again");
    again.addEventListener("click", () => this.more());
    const words = element("p", { role: "alert" }, problem.message);
    return element("div", { class: "nothing" }, words, again);
  }
}

function skeleton() {
  const line = (width) => element("span", { class: `bone ${width}` });
  return element(
    "div",
    { class: "skeleton", "aria-hidden": "true" },
    line("head"), line("long"), line("short"),
  );
}
