// Lists of the API that are read page by page.

import { isNewer } from "./ids.js";

/** A list behind a path: `next` answers `{items, isLast}`, again after a failure. */
export class Pages {
  #api;
  #path;
  #limit;
  #cursor = null;
  #isLast = false;

  constructor(api, path, { limit = 20 } = {}) {
    this.#api = api;
    this.#path = path;
    this.#limit = limit;
  }

  async next() {
    if (this.#isLast) return { items: [], isLast: true };
    const cursor = this.#cursor ? `&cursor=${encodeURIComponent(this.#cursor)}` : "";
    const page = await this.#api.get(`${this.#path}?limit=${this.#limit}${cursor}`);
    this.#cursor = page.nextCursor;
    this.#isLast = page.nextCursor === null;
    return { items: page.items, isLast: this.#isLast };
  }

  /** Return all items, or the first `most`. */
  async all(most) {
    const items = [];
    while (!this.#isLast && items.length < most) items.push(...(await this.next()).items);
    return items;
  }
}

/** Let posts of one author carry that author, as those of a feed do. */
export function authored(pages, author) {
  return {
    async next() {
      const { items, isLast } = await pages.next();
      return { items: items.map((post) => ({ ...post, author })), isLast };
    },
  };
}

/** Two lists of posts as one, the newest first, without reading either further than needed. */
export class Merged {
  #sources;
  #limit;

  constructor(first, second, { limit = 10 } = {}) {
    this.#limit = limit;
    this.#sources = [first, second].map((pages) => ({ pages, ahead: [], isLast: false }));
  }

  async next() {
    const items = [];
    while (items.length < this.#limit) {
      await Promise.all(this.#sources.map(refill));
      const left = this.#sources.filter((source) => source.ahead.length > 0);
      if (left.length === 0) return { items, isLast: true };
      const newest = left.reduce((best, source) =>
        isNewer(source.ahead[0].postId, best.ahead[0].postId) ? source : best,
      );
      items.push(newest.ahead.shift());
    }
    return { items, isLast: false };
  }
}

async function refill(source) {
  while (source.ahead.length === 0 && !source.isLast) {
    const page = await source.pages.next();
    source.ahead.push(...page.items);
    source.isLast = page.isLast;
  }
}
