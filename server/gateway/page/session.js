// Who is signed in, in this tab: kept for the tab, or for the device if that was asked for.

const KEY = "socialfeed:session";

/** The session; tells "changed" when somebody signs in or out, "expired" when the token ends. */
export class Session extends EventTarget {
  #user = read(sessionStorage) ?? read(localStorage);

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
    sessionStorage.setItem(KEY, text);
    if (stays) localStorage.setItem(KEY, text);
    this.dispatchEvent(new Event("changed"));
  }

  end() {
    if (!this.#user) return;
    sessionStorage.removeItem(KEY);
    if (read(localStorage)?.token === this.#user.token) localStorage.removeItem(KEY);
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

function read(storage) {
  try {
    const user = JSON.parse(storage.getItem(KEY));
    return user?.userId && user.name && user.token ? user : null;
  } catch {
    return null;
  }
}
