// Server-sent events over fetch, since an EventSource cannot send a token.

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
// The server sends something every 15 s; a connection that is silent for longer is dead.
const SILENCE_MS = 40_000;

/**
 * Follows a stream, and resumes it after the last event when it breaks.
 *
 * A window that nobody sees lets go of its connection, of which a browser has only six for a
 * server, and resumes where it was when it is seen again.
 */
export class EventStream {
  #api;
  #path;
  #lastEventId;
  #onEvent;
  #connection = null;
  #isOn = true;
  #failures = 0;

  constructor(api, path, { lastEventId, onEvent }) {
    this.#api = api;
    this.#path = path;
    this.#lastEventId = lastEventId;
    this.#onEvent = onEvent;
    document.addEventListener("visibilitychange", this.#onVisibility);
    this.#run();
  }

  stop() {
    this.#isOn = false;
    this.#connection?.abort();
    document.removeEventListener("visibilitychange", this.#onVisibility);
  }

  #onVisibility = () => {
    if (document.hidden) this.#connection?.abort();
    else this.#wakeUp?.();
  };

  #wakeUp = null;

  async #run() {
    while (this.#isOn) {
      if (!document.hidden) await this.#follow();
      if (this.#isOn) await this.#pause();
    }
  }

  async #follow() {
    this.#connection = new AbortController();
    const { signal } = this.#connection;
    try {
      const response = await this.#api.stream(this.#path, {
        lastEventId: this.#lastEventId, signal,
      });
      await this.#read(response.body.pipeThrough(new TextDecoderStream()).getReader());
    } catch {
      this.#failures += 1;
    } finally {
      this.#connection.abort();
    }
  }

  async #read(reader) {
    let rest = "";
    for (;;) {
      const silence = setTimeout(() => this.#connection.abort(), SILENCE_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(silence));
      if (done) return;
      this.#failures = 0;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) this.#take(block);
    }
  }

  #take(block) {
    const fields = new Map();
    for (const line of block.split("\n")) {
      const [name, ...value] = line.split(": ");
      fields.set(name, value.join(": "));
    }
    if (!fields.has("data")) return;
    this.#lastEventId = fields.get("id") ?? this.#lastEventId;
    this.#onEvent(JSON.parse(fields.get("data")));
  }

  #pause() {
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** this.#failures, LONGEST_WAIT_MS);
    return new Promise((resolve) => {
      this.#wakeUp = resolve;
      if (!document.hidden) setTimeout(resolve, waitMs * (0.5 + Math.random() / 2));
    });
  }
}
