// What is kept on the device or for the tab. A browser may deny it, or be full: the page goes on.

class Place {
  #open;

  constructor(open) {
    this.#open = open;
  }

  /** Return the text under a key; null if there is none, or none may be kept. */
  get(key) {
    try {
      return this.#open().getItem(key);
    } catch {
      return null;
    }
  }

  /** Keep a text, or none if it is empty. */
  set(key, text) {
    try {
      if (text) this.#open().setItem(key, text);
      else this.#open().removeItem(key);
    } catch {
      // Denied or full: what is not kept lasts as long as the page is open.
    }
  }
}

// Where storage is denied, even to name it throws.
export const device = new Place(() => localStorage);
export const tab = new Place(() => sessionStorage);
