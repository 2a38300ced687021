// Somebody's page, and the page of one post.

import { element, paintAvatar } from "./elements.js";
import { authored, Pages } from "./pages.js";
import { followButton } from "./people.js";
import { PostList } from "./post-list.js";

/** Somebody's posts below their name. */
export class ProfileView {
  #app;
  #userId;
  #list = null;

  constructor(app, userId) {
    this.#app = app;
    this.#userId = userId;
    this.title = "A person";
    this.element = element("div", { class: "view" }, element("h1", { class: "unseen", tabindex: "-1" }, "A person"));
  }

  get list() {
    return this.#list;
  }

  async shown() {
    if (this.#list) return;
    let user;
    try {
      user = await this.#app.people.user(this.#userId);
    } catch (problem) {
      this.element.append(missing("There is nobody here", problem));
      return;
    }
    this.title = user.name;
    this.#app.retitle(this);
    const head = this.#head(user);
    const pages = authored(new Pages(this.#app.api, `/v1/users/${user.userId}/posts`, { limit: 10 }), user);
    this.#list = new PostList(this.#app, pages, {
      nothing: () => element("p", { class: "end" }, `${user.name} has not posted yet.`),
      label: `Posts by ${user.name}`,
    });
    this.element.replaceChildren(head, this.#list.element);
    await this.#list.more();
  }

  #head(user) {
    const avatar = element("span", { class: "avatar large", "aria-hidden": "true" });
    paintAvatar(avatar, user);
    const count = (number, word, side) =>
      element("a", { href: `#/users/${user.userId}/${side}` }, element("b", {}, String(number)), ` ${word}`);
    const followers = user.followerCount === 1 ? "follower" : "followers";
    return element(
      "header", { class: "card profile" }, avatar,
      element(
        "div", { class: "profile-who" },
        element("h1", { tabindex: "-1" }, user.name),
        element("p", { class: "profile-counts" }, count(user.followerCount, followers, "followers"), count(user.followeeCount, "following", "followees")),
      ),
      user.userId === this.#app.session.userId ? "" : followButton(this.#app, user),
    );
  }
}

/** One post with its comments open. */
export class PostPage {
  #app;
  #postId;
  #list = null;

  title = "A post";

  constructor(app, postId) {
    this.#app = app;
    this.#postId = postId;
    this.element = element("div", { class: "view" }, element("h1", { class: "unseen", tabindex: "-1" }, "A post"));
  }

  get list() {
    return this.#list;
  }

  async shown() {
    if (this.#list) return;
    const nothing = () => element("p", { class: "end" }, "This post is not there any more.");
    const pages = { next: async () => ({ items: await this.#read(), isLast: true }) };
    this.#list = new PostList(this.#app, pages, { nothing, label: "A post" });
    this.element.append(this.#list.element);
    await this.#list.more();
    const [view] = this.#list.views;
    if (!view) return;
    this.#list.foot.replaceChildren();
    await view.toggleComments();
  }

  async #read() {
    try {
      const post = await this.#app.api.get(`/v1/posts/${this.#postId}`);
      const name = await this.#app.people.name(post.userId);
      return [{ ...post, author: { userId: post.userId, name } }];
    } catch (problem) {
      if (problem.status === 404) return [];
      throw problem;
    }
  }
}

/** What is shown for an address that leads nowhere. */
export class NowhereView {
  title = "Nothing here";

  constructor() {
    this.element = element(
      "div", { class: "view" },
      element("h1", { tabindex: "-1" }, this.title),
      element(
        "div", { class: "nothing" },
        element("p", {}, "The link may be wrong."),
        element("a", { class: "button", href: "#/" }, "Home"),
      ),
    );
  }
}

function missing(title, problem) {
  const words = problem.status === 404 ? "The link may be wrong." : problem.message;
  return element("div", { class: "nothing" }, element("h2", {}, title), element("p", {}, words));
}
