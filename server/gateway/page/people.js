// People: their names, whom one follows, and whom one might.

import { element, fromTemplate, paintAvatar } from "./elements.js";
import { Pages } from "./pages.js";
import { announce, toastProblem } from "./say.js";

// Whom one follows is read up to here; beyond, a button may say Follow to one who is followed.
const MOST_READ = 1_000;
const PEOPLE_ASKED = 8;
const FOLLOWEES_OF_EACH = 20;

/** What is known of people; tells "followed" and "unfollowed", with the user. */
export class People extends EventTarget {
  #app;
  #names = new Map();
  #followees = null;

  constructor(app) {
    super();
    this.#app = app;
  }

  async user(userId) {
    const user = await this.#app.api.get(`/v1/users/${userId}`);
    this.#names.set(userId, user.name);
    return user;
  }

  /** Return somebody's name; names do not change. */
  async name(userId) {
    if (!this.#names.has(userId)) {
      await this.user(userId).catch(() => {});
    }
    return this.#names.get(userId) ?? "Somebody";
  }

  /** Return whom one follows, by id. */
  followees() {
    this.#followees ??= this.#readFollowees();
    return this.#followees;
  }

  async isFollowed(userId) {
    return (await this.followees()).has(userId);
  }

  async follow(user) {
    const followerId = this.#app.session.userId;
    await this.#app.api.post("/v1/follow", { followerId, followeeId: user.userId });
    (await this.followees()).set(user.userId, user);
    this.#tell("followed", user);
  }

  async unfollow(user) {
    const followerId = this.#app.session.userId;
    await this.#app.api.delete(`/v1/follow?followerId=${followerId}&followeeId=${user.userId}`);
    (await this.followees()).delete(user.userId);
    this.#tell("unfollowed", user);
  }

  /**
   * Return people to follow, each with the reason: those whom this server welcomes with, who
   * follow one already, and whom those one follows follow, the most often found first.
   */
  async suggestions(most) {
    const { userId } = this.#app.session;
    const followees = await this.followees();
    const found = new Map();
    const note = (user, why) => {
      if (user.userId === userId || followees.has(user.userId)) return;
      const entry = found.get(user.userId) ?? { user, why, times: 0 };
      entry.times += 1;
      found.set(user.userId, entry);
    };
    await this.#noteOthers(note, followees);
    if (found.size < most) for (const user of await this.#welcome()) note(user, "New here? Start with them");
    return [...found.values()].sort((one, other) => other.times - one.times).slice(0, most);
  }

  async #noteOthers(note, followees) {
    const { userId } = this.#app.session;
    const followers = await this.#list(`/v1/users/${userId}/followers`, FOLLOWEES_OF_EACH);
    for (const user of followers) note(user, "Follows you");
    const asked = [...followees.values()].slice(0, PEOPLE_ASKED);
    const theirs = await Promise.all(
      asked.map((user) => this.#list(`/v1/users/${user.userId}/followees`, FOLLOWEES_OF_EACH)),
    );
    theirs.forEach((users, at) => {
      for (const user of users) note(user, `Followed by ${asked[at].name}`);
    });
  }

  async #welcome() {
    const { userIds } = await this.#app.api.get("/page/welcome.json");
    const users = await Promise.allSettled(userIds.map((userId) => this.user(userId)));
    return users.filter((each) => each.status === "fulfilled").map((each) => each.value);
  }

  async #readFollowees() {
    const path = `/v1/users/${this.#app.session.userId}/followees`;
    const users = await this.#list(path, MOST_READ, 100);
    return new Map(users.map((user) => [user.userId, user]));
  }

  async #list(path, most, limit = most) {
    return new Pages(this.#app.api, path, { limit }).all(most);
  }

  #tell(what, user) {
    this.dispatchEvent(new CustomEvent(what, { detail: user }));
  }
}

/** Return a button that follows a user, and ends it. */
export function followButton(app, user) {
  const button = element("button", { type: "button", class: "button small follow" });
  let isFollowed = false;
  const show = () => {
    button.setAttribute("aria-pressed", String(isFollowed));
    button.replaceChildren(
      isFollowed ? "Following" : "Follow", element("span", { class: "unseen" }, ` ${user.name}`),
    );
  };
  const learn = () => app.people.isFollowed(user.userId).then((followed) => {
    isFollowed = followed;
    show();
  }).catch(() => {});
  button.addEventListener("click", async () => {
    if (button.disabled) return;
    button.disabled = true;
    try {
      if (isFollowed) await app.people.unfollow(user);
      else await app.people.follow(user);
      announce(isFollowed ? `You no longer follow ${user.name}.` : `You follow ${user.name}.`);
      await learn();
    } catch (problem) {
      toastProblem(problem);
    } finally {
      button.disabled = false;
      button.focus();
    }
  });
  show();
  learn();
  return button;
}

/** Return somebody as an entry of a list, with a reason or another word on them. */
export function personItem(app, user, why = "") {
  const item = fromTemplate("person");
  paintAvatar(item.querySelector(".avatar"), user);
  const link = item.querySelector("a");
  link.textContent = user.name;
  link.href = `#/users/${user.userId}`;
  item.querySelector(".person-why").textContent = why;
  if (user.userId !== app.session.userId) item.append(followButton(app, user));
  return item;
}
