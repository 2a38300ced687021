// What others did with one's posts: counted on the bell, told as it happens, listed in a view.

import { element, icon } from "./elements.js";
import { newestFirst } from "./ids.js";
import { Pages } from "./pages.js";
import { toast } from "./say.js";
import { EventStream } from "./stream.js";
import { tellTime } from "./times.js";

const PAGE = 30;
const MOST_COUNTED = 99;

/** The notifications of whoever is signed in; tells "changed". */
export class Notifications extends EventTarget {
  #app;
  #pages;
  #stream = null;
  #known = new Map();
  #isStopped = false;
  hasMore = true;

  constructor(app) {
    super();
    this.#app = app;
    this.#pages = new Pages(app.api, this.#path, { limit: PAGE });
  }

  get #path() {
    return `/v1/notifications/${this.#app.session.userId}`;
  }

  /** Newest first. */
  get items() {
    return [...this.#known.values()].sort(
      (one, other) => newestFirst(one.notificationId, other.notificationId),
    );
  }

  get unread() {
    return this.items.filter((item) => !item.read).length;
  }

  async start() {
    // The stream goes on from the newest one that was listed, so that none falls in between.
    await this.more().catch(() => {});
    if (this.#isStopped) return;
    this.#stream = new EventStream(this.#app.api, `${this.#path}/stream`, {
      lastEventId: this.items[0]?.notificationId ?? "0",
      onEvent: (notification) => this.#came(notification),
    });
  }

  stop() {
    this.#isStopped = true;
    this.#stream?.stop();
  }

  async more() {
    const { items, isLast } = await this.#pages.next();
    await this.#take(items);
    this.hasMore = !isLast;
    this.#changed();
  }

  async markRead() {
    const [newest] = this.items;
    if (!newest || this.unread === 0) return;
    const upTo = newest.notificationId;
    await this.#app.api.post(`${this.#path}/read`, { upTo });
    for (const item of this.items) item.read = true;
    this.#changed();
  }

  async #came(notification) {
    if (this.#known.has(notification.notificationId)) return;
    const [item] = await this.#take([notification]);
    this.#changed();
    this.#app.refreshPost(item.postId);
    toast(`${item.actorName} ${deed(item)}`, { href: target(item) });
  }

  async #take(items) {
    const names = await Promise.all(items.map((item) => this.#app.people.name(item.actorId)));
    return items.map((item, at) => {
      const named = { ...item, actorName: names[at] };
      this.#known.set(item.notificationId, named);
      return named;
    });
  }

  #changed() {
    this.dispatchEvent(new Event("changed"));
  }
}

/** Show how many are unread on the bell. */
export function showBadge(notifications) {
  const badge = document.getElementById("badge");
  const { unread } = notifications;
  badge.hidden = unread === 0;
  const shown = unread > MOST_COUNTED ? `${MOST_COUNTED}+` : String(unread);
  badge.replaceChildren(shown, element("span", { class: "unseen" }, " unread"));
}

/** The view that lists them. */
export class NotificationsView {
  #notifications;
  // What was unread when it was opened, which stays marked until it is left.
  #fresh = new Set();
  #list = element("ol", { class: "notes card" });
  #foot = element("div", { class: "foot" });

  title = "Notifications";

  constructor(app) {
    this.#notifications = app.notifications;
    this.element = element(
      "div", { class: "view" },
      element("h1", { tabindex: "-1" }, "Notifications"), this.#list, this.#foot,
    );
  }

  shown() {
    this.#notifications.addEventListener("changed", this.#show);
    this.#show();
  }

  hidden() {
    this.#notifications.removeEventListener("changed", this.#show);
  }

  #show = () => {
    const { items, hasMore } = this.#notifications;
    for (const item of items) if (!item.read) this.#fresh.add(item.notificationId);
    const isFresh = (item) => this.#fresh.has(item.notificationId);
    this.#list.replaceChildren(...items.map((item) => noteElement(item, isFresh(item))));
    this.#list.hidden = items.length === 0;
    this.#foot.replaceChildren(...this.#footOf(items, hasMore));
    this.#notifications.markRead().catch(() => {});
  };

  #footOf(items, hasMore) {
    if (items.length === 0) {
      const words = "When somebody likes or answers a post of yours, it is told here.";
      return [element("div", { class: "nothing" }, element("h2", {}, "Nothing yet"), element("p", {}, words))];
    }
    if (!hasMore) return [];
    const more = element("button", { type: "button", class: "button plain" }, "Show more");
    more.addEventListener("click", () => this.#notifications.more().catch(() => {}));
    return [more];
  }
}

function noteElement(item, isFresh) {
  const time = element("time");
  tellTime(time, item.createdAt);
  const link = element(
    "a", { class: "note-link", href: target(item) },
    element("b", {}, item.actorName), ` ${deed(item)}`,
  );
  const kind = item.kind === "like" ? "heart" : "comment";
  return element(
    "li", { class: isFresh ? "note unread" : "note" },
    element("span", { class: `note-kind of-${kind}` }, icon(kind)), link, time,
  );
}

function deed(item) {
  if (item.kind === "reply") return "replied to your comment";
  return item.kind === "like" ? "likes your post" : "commented on your post";
}

function target(item) {
  return `#/posts/${item.postId}`;
}
