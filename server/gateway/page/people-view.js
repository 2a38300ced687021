// Finding people: suggestions, somebody's link, and one's own link to give away.

import { element, showError } from "./elements.js";
import { glide } from "./glide.js";
import { Pages } from "./pages.js";
import { personItem } from "./people.js";
import { toast } from "./say.js";

const SUGGESTED = 12;
const BESIDE = 5;

/** The view with everything that finds somebody. */
export class PeopleView {
  #app;
  #list = element("ul", { class: "people" });

  title = "People";

  constructor(app) {
    this.#app = app;
    this.element = element(
      "div", { class: "view" },
      element("h1", { tabindex: "-1" }, "People"),
      element("section", { class: "card", "aria-labelledby": "suggested" }, element("h2", { id: "suggested" }, "You might follow"), this.#list),
      this.#byLink(),
      this.#ownLink(),
    );
  }

  async shown() {
    await fillSuggestions(this.#app, this.#list, SUGGESTED);
  }

  #byLink() {
    const input = element("input", { name: "who", autocomplete: "off", spellcheck: "false", inputmode: "url" });
    const form = element(
      "form", { class: "card", novalidate: true },
      element("h2", {}, "Somebody sent you a link?"),
      element("p", { class: "form-error", role: "alert", hidden: true }),
      element(
        "div", { class: "inline-form" },
        element("label", { class: "field grow" }, "Link or number of a person", input),
        element("button", { type: "submit", class: "button" }, "Find"),
      ),
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const [userId] = input.value.match(/\d+(?=\D*$)/) ?? [];
      try {
        if (!userId) throw new Error("Expected a link to somebody’s page, or the number at its end.");
        await this.#app.people.user(userId);
        location.hash = `#/users/${userId}`;
      } catch (problem) {
        showError(form, problem.status === 404 ? "There is nobody with this number." : problem.message);
      }
    });
    return form;
  }

  #ownLink() {
    const { userId } = this.#app.session;
    const url = new URL(`#/users/${userId}`, location.href).href;
    const copy = element("button", { type: "button", class: "button plain" }, "Copy my link");
    copy.addEventListener("click", () =>
      navigator.clipboard.writeText(url).then(() => toast("Link copied."), () => toast(url)),
    );
    return element(
      "section", { class: "card", "aria-labelledby": "own-link" },
      element("h2", { id: "own-link" }, "Let others find you"),
      element("p", { class: "hint" }, "Whoever opens this link can follow you."),
      element("div", { class: "inline-form" }, element("code", { class: "own-link" }, url), copy),
    );
  }
}

/** Those who follow somebody, or whom somebody follows. */
export class FollowView {
  #app;
  #userId;
  #pages;
  #list = element("ul", { class: "people" });
  #more = element("button", { type: "button", class: "button plain", hidden: true }, "Show more");

  constructor(app, userId, side) {
    this.#app = app;
    this.#userId = userId;
    this.title = side === "followers" ? "Followers" : "Following";
    this.#pages = new Pages(app.api, `/v1/users/${userId}/${side}`, { limit: 50 });
    this.#more.addEventListener("click", () => this.#next());
    this.element = element(
      "div", { class: "view" }, element("h1", { tabindex: "-1" }, this.title),
      element("section", { class: "card" }, this.#list, this.#more),
    );
  }

  async shown() {
    if (this.#list.childElementCount > 0) return;
    const name = await this.#app.people.name(this.#userId);
    this.element.querySelector("h1").textContent =
      this.title === "Followers" ? `Who follows ${name}` : `Whom ${name} follows`;
    await this.#next();
  }

  async #next() {
    const { items, isLast } = await this.#pages.next();
    this.#list.append(...items.map((user) => personItem(this.#app, user)));
    this.#more.hidden = isLast;
    if (this.#list.childElementCount === 0) this.#list.append(element("li", { class: "hint" }, "Nobody yet."));
  }
}

/** Keep suggestions beside the feed. */
export function showBeside(app) {
  const list = element("ul", { class: "people" });
  const beside = document.getElementById("beside");
  const box = element("section", { class: "card" }, element("h2", {}, "You might follow"), list);
  const foot = element("p", { class: "fine" }, "The calls behind this page are described at ", element("a", { href: "/docs" }, "/docs"), ".");
  beside.replaceChildren();
  fillSuggestions(app, list, BESIDE).then((count) => {
    beside.replaceChildren(count > 0 ? box : "", foot);
  });
}

async function fillSuggestions(app, list, most) {
  const found = await app.people.suggestions(most).catch(() => []);
  const items = found.map(({ user, why }) => personItem(app, user, why));
  const nobody = "Nobody to suggest yet. Open the link that somebody has given you, or give yours away.";
  if (items.length === 0) items.push(element("li", { class: "hint" }, nobody));
  glide(list, () => list.replaceChildren(...items));
  return found.length;
}
