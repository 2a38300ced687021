// What somebody has typed and not yet sent, kept on the device, for each user apart.

import { device } from "./storage.js";

const PREFIX = "socialfeed:draft";

/** The draft of one text, such as "post" or "comment:17". */
export class Draft {
  #key;
  #field = null;

  constructor(userId, what) {
    this.#key = `${PREFIX}:${userId}:${what}`;
  }

  get text() {
    return device.get(this.#key) ?? "";
  }

  set text(text) {
    device.set(this.#key, text);
  }

  /** Put the draft into a field, and keep what is typed there. */
  keep(field) {
    this.#field = field;
    field.value = this.text;
    field.addEventListener("input", () => {
      this.text = field.value;
    });
  }

  /**
   * Take what was sent out of the field, which may have been typed into since.
   *
   * What was added to it stays, without the space between; a text that was changed stays as it is.
   */
  drop(sent) {
    const { value } = this.#field;
    if (value.startsWith(sent)) {
      const rest = value.slice(sent.length).trimStart();
      // Keeps the caret with the words it is in.
      this.#field.setRangeText("", 0, value.length - rest.length, "preserve");
    }
    this.text = this.#field.value;
  }

  clear() {
    this.text = "";
  }
}
