// What is new: the first page of the feed, asked for twice a second while somebody looks.

const LOOK_MS = 500;
const SLOWEST_MS = 20_000;
const PAGE = 20;

/**
 * Reads the first page of the feed again and again and hands it on.
 *
 * After a failure it waits longer each time; in a window that nobody sees it does not ask at all.
 */
export class Live {
  #app;
  #onPage;
  #timer = null;
  #isOn = false;
  #failures = 0;

  constructor(app, onPage) {
    this.#app = app;
    this.#onPage = onPage;
    this.#wake = () => {
      if (this.#isOn && !document.hidden) this.#next(0);
    };
    document.addEventListener("visibilitychange", this.#wake);
    addEventListener("online", this.#wake);
  }

  #wake;

  start() {
    this.#isOn = true;
    this.#next(LOOK_MS);
  }

  stop() {
    this.#isOn = false;
    clearTimeout(this.#timer);
    document.removeEventListener("visibilitychange", this.#wake);
    removeEventListener("online", this.#wake);
  }

  #next(waitMs) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), waitMs);
  }

  async #look() {
    if (!this.#isOn || document.hidden) return;
    let waitMs = LOOK_MS;
    try {
      const { userId } = this.#app.session;
      const page = await this.#app.api.get(`/v1/feeds/${userId}?limit=${PAGE}`);
      this.#failures = 0;
      this.#app.tellReached(true);
      if (this.#isOn) await this.#onPage(page);
    } catch (problem) {
      this.#failures += 1;
      if (problem.status === 0) this.#app.tellReached(false);
      const laterMs = Math.min(LOOK_MS * 2 ** this.#failures, SLOWEST_MS);
      waitMs = Math.max(laterMs, (problem.retryAfterS ?? 0) * 1000);
    }
    if (this.#isOn) this.#next(waitMs);
  }
}
