// Places of the page: what stands after the # decides which view is shown.

/** Shows the view of the place in the address; `views` makes one from a place's parts. */
export class Router {
  #views;
  #main = document.getElementById("main");
  #shown = null;
  #onHash = () => this.show();
  // A link to where one is changes no address.
  #onClick = (event) => {
    const link = event.target.closest("a");
    if (link && link.hash === (location.hash || "#/")) this.show();
  };

  constructor(views) {
    this.#views = views;
  }

  get shown() {
    return this.#shown;
  }

  /** Show the place in the address; `isEntered` if whoever looks has just come in. */
  start({ isEntered = false } = {}) {
    addEventListener("hashchange", this.#onHash);
    document.querySelector(".rail").addEventListener("click", this.#onClick);
    return this.show({ isFirst: true, isEntered });
  }

  stop() {
    removeEventListener("hashchange", this.#onHash);
    document.querySelector(".rail").removeEventListener("click", this.#onClick);
    this.#shown?.hidden?.();
    this.#main.replaceChildren();
  }

  async show({ isFirst = false, isEntered = false } = {}) {
    // The skip link and others that lead within the page are none of ours.
    const isPlace = location.hash === "" || location.hash.startsWith("#/");
    if (!isPlace && !isFirst) return;
    const address = isPlace ? location.hash : "";
    const [place = "", ...parts] = address.replace(/^#\//, "").split("/").filter(Boolean);
    const view = this.#views(place, parts);
    if (view === this.#shown) {
      view.showNew?.();
      return;
    }
    this.#shown?.hidden?.();
    this.#shown = view;
    this.#main.replaceChildren(view.element);
    document.title = `${view.title} · socialfeed`;
    this.#mark(place, parts);
    scrollTo({ top: 0, behavior: "instant" });
    // Whoever does not see the change is put where it happened.
    if (!isFirst || isEntered) view.element.querySelector("h1")?.focus({ preventScroll: true });
    await view.shown?.();
  }

  #mark(place, parts) {
    const own = document.getElementById("own-page").getAttribute("href");
    for (const link of document.querySelectorAll(".places a")) {
      const isOwn = link.id === "own-page" && own === `#/${[place, ...parts].join("/")}`;
      const isHere = isOwn || link.dataset.place === (place || "home");
      if (isHere) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }
}
