// The feed: one's followees' posts and one's own, newest first, new ones as they come.

import { Composer } from "./composer.js";
import { element, icon } from "./elements.js";
import { wantsCalm } from "./glide.js";
import { isNewer, newestFirst } from "./ids.js";
import { Live } from "./live.js";
import { authored, Merged, Pages } from "./pages.js";
import { PostList } from "./post-list.js";
import { announce } from "./say.js";

const PAGE = 10;
// Below this much scrolling somebody is at the top.
const TOP_PX = 60;

/** The home view. It stays while others are shown, so that a reader finds it as it was. */
export class Home {
  #app;
  #list;
  #composer;
  #live;
  #chip;
  #waiting = [];
  #coming = new Set();
  #missing = new Set();
  #scrollY = 0;
  #isStopped = false;

  title = "Home";

  constructor(app) {
    this.#app = app;
    this.#list = new PostList(app, this.#pages(), {
      nothing: () => this.#nothing(), label: "Your feed",
    });
    this.#composer = new Composer(app, (post) => this.#posted(post));
    this.#chip = this.#makeChip();
    this.#live = new Live(app, (page) => this.#look(page));
    this.element = element(
      "div", { class: "view home" },
      element("h1", { class: "unseen", tabindex: "-1" }, "Home"),
      this.#composer.element,
      element("div", { class: "chip-place" }, this.#chip),
      this.#list.element,
    );
    addEventListener("scroll", this.#onScroll, { passive: true });
    app.people.addEventListener("followed", () => this.#list.restart(this.#pages()));
    app.people.addEventListener("unfollowed", ({ detail }) => this.#list.removeBy(detail.userId));
  }

  get list() {
    return this.#list;
  }

  async start() {
    await this.#list.more();
    if (!this.#isStopped) this.#live.start();
  }

  stop() {
    this.#isStopped = true;
    this.#live.stop();
    this.#composer.stop();
    removeEventListener("scroll", this.#onScroll);
  }

  shown() {
    scrollTo({ top: this.#scrollY, behavior: "instant" });
  }

  hidden() {
    this.#scrollY = scrollY;
  }

  write() {
    this.#composer.focus();
  }

  /** Show what waits, and the top. */
  showNew() {
    this.#scrollY = 0;
    this.#release();
    scrollTo({ top: 0, behavior: wantsCalm() ? "instant" : "smooth" });
  }

  #onScroll = () => {
    if (scrollY < TOP_PX && this.#waiting.length > 0 && this.#isShown) this.#release();
  };

  get #isShown() {
    return this.element.isConnected;
  }

  #pages() {
    const { api, session } = this.#app;
    const feed = new Pages(api, `/v1/feeds/${session.userId}`, { limit: PAGE });
    const own = new Pages(api, `/v1/users/${session.userId}/posts`, { limit: PAGE });
    return new Merged(feed, authored(own, session.user), { limit: PAGE });
  }

  async #posted(post) {
    const view = this.#list.view(post);
    await view.whole;
    this.#list.putOnTop([view]);
    announce("Your post is there.");
  }

  /** Take the first page as it is now: new posts come, changes show, what is gone goes. */
  async #look({ items, nextCursor }) {
    const waiting = new Map(this.#waiting.map((view) => [view.postId, view]));
    for (const post of items) {
      this.#list.update(post);
      waiting.get(post.postId)?.update(post);
    }
    this.#dropGone(items, nextCursor);
    const isKnown = ({ postId }) =>
      this.#list.has(postId) || this.#coming.has(postId) || waiting.has(postId);
    const coming = items.filter((post) => !isKnown(post) && this.#belongs(post));
    if (coming.length === 0) return;
    for (const post of coming) this.#coming.add(post.postId);
    const views = coming.map((post) => this.#list.view(post));
    // The next look need not wait for a picture.
    Promise.all(views.map((view) => view.whole)).then(() => this.#arrived(views));
  }

  /** Whether a post belongs above what is shown, or between: not below, where pages go on. */
  #belongs(post) {
    const oldest = this.#list.postIds.sort(newestFirst).at(-1);
    return oldest === undefined || isNewer(post.postId, oldest);
  }

  /** Drop posts that two pages in a row are without: the first may have been older than they. */
  #dropGone(items, nextCursor) {
    const present = new Set(items.map((post) => post.postId));
    const oldest = nextCursor === null ? "0" : items.at(-1).postId;
    const isMissing = ({ postId, post }) =>
      isNewer(postId, oldest) && !present.has(postId) &&
      post.author.userId !== this.#app.session.userId;
    const missing = this.#list.views.filter(isMissing).map((view) => view.postId);
    for (const postId of missing) if (this.#missing.has(postId)) this.#list.remove(postId);
    this.#missing = new Set(missing);
    this.#waiting = this.#waiting.filter((view) => !isMissing(view));
    this.#showChip();
  }

  #arrived(views) {
    for (const view of views) this.#coming.delete(view.postId);
    this.#waiting = [...this.#waiting, ...views.filter((view) => !this.#list.has(view.postId))];
    this.#waiting.sort((one, other) => newestFirst(one.postId, other.postId));
    const who = [...new Set(views.map((view) => view.post.author.name))].join(", ");
    announce(views.length === 1 ? `A new post by ${who}.` : `New posts by ${who}.`);
    if (this.#mayMove) this.#release();
    else this.#showChip();
  }

  /** Whether the feed may move: nobody reads further down, types into it or watches a video. */
  get #mayMove() {
    const isCalm = wantsCalm() && this.#list.postIds.length > 0;
    const isUsed = this.#list.views.some((view) => view.isInUse);
    const top = this.#isShown ? scrollY : this.#scrollY;
    return top < TOP_PX && !isUsed && !isCalm && !document.querySelector("dialog[open]");
  }

  #release() {
    const views = this.#waiting;
    this.#waiting = [];
    if (views.length > 0) this.#list.putOnTop(views);
    this.#showChip();
  }

  #makeChip() {
    const chip = element("button", { type: "button", class: "chip", hidden: true });
    chip.append(icon("up"), element("span"));
    chip.addEventListener("click", () => {
      this.showNew();
      this.#list.list.firstElementChild?.focus({ preventScroll: true });
    });
    return chip;
  }

  #showChip() {
    const count = this.#waiting.length;
    this.#chip.hidden = count === 0;
    this.#chip.lastElementChild.textContent = count === 1 ? "1 new post" : `${count} new posts`;
  }

  #nothing() {
    return element(
      "div", { class: "nothing" },
      element("h2", {}, "It is quiet here"),
      element("p", {}, "Your feed is what the people you follow post. Follow somebody, or write the first post yourself."),
      element("a", { class: "button", href: "#/people" }, "Find people"),
    );
  }
}
