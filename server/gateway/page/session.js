// Who is signed in, in this tab: kept for the tab, or for the device if that was asked for.

import { device, tab } from "./storage.js";

const KEY = "socialfeed:session";

/** The session; tells "changed" when somebody signs in or out, "expired" when the token ends. */
export class Session extends EventTarget {
  #user = read(tab) ?? read(device);

  get user() {
    return this.#user;
  }

  get userId() {
    return this.#user?.userId;
  }

  get token() {
    return this.#user?.token;
  }

  begin({ userId, name, token }, { stays }) {
    this.#user = { userId, name, token };
    const text = JSON.stringify(this.#user);
    tab.set(KEY, text);
    if (stays) device.set(KEY, text);
    this.dispatchEvent(new Event("changed"));
  }

  end() {
    if (!this.#user) return;
    tab.set(KEY, "");
    if (read(device)?.token === this.#user.token) device.set(KEY, "");
    this.#user = null;
    this.dispatchEvent(new Event("changed"));
  }

  /** End a session whose token is not good any more. */
  expire() {
    if (!this.#user) return;
    this.dispatchEvent(new Event("expired"));
    this.end();
  }
}

function read(place) {
  try {
    const user = JSON.parse(place.get(KEY));
    return user?.userId && user.name && user.token ? user : null;
  } catch {
    return null;
  }
}
