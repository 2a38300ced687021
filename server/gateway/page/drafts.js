// What somebody has typed and not yet sent, kept on the device, for each user apart.

const PREFIX = "socialfeed:draft";

/** The draft of one text, such as "post" or "comment:17". */
export class Draft {
  #key;

  constructor(userId, what) {
    this.#key = `${PREFIX}:${userId}:${what}`;
  }

  get text() {
    return localStorage.getItem(this.#key) ?? "";
  }

  set text(text) {
    try {
      if (text) localStorage.setItem(this.#key, text);
      else localStorage.removeItem(this.#key);
    } catch {
      // Storage is full or denied: the text stays in its field for as long as the page is open.
    }
  }

  /** Put the draft into a field, and keep what is typed there. */
  keep(field) {
    field.value = this.text;
    field.addEventListener("input", () => {
      this.text = field.value;
    });
  }

  clear() {
    this.text = "";
  }
}
