// The client of the API: every call to the server but uploads goes through here.

// A call that takes longer has failed: whoever waits is told, and may try again.
const TIMEOUT_MS = 20_000;

/** What a call has failed with. `status` is 0 if the server was not reached. */
export class Problem extends Error {
  constructor(message, { status = 0, fields = [], retryAfterS = 0 } = {}) {
    super(message);
    this.status = status;
    this.fields = fields;
    this.retryAfterS = retryAfterS;
  }
}

/** Calls the API as whoever is signed in. */
export class Api {
  #session;

  constructor(session) {
    this.#session = session;
  }

  get(path, options) {
    return this.#call("GET", path, options);
  }

  post(path, body, options) {
    return this.#call("POST", path, { ...options, body });
  }

  patch(path, body) {
    return this.#call("PATCH", path, { body });
  }

  delete(path) {
    return this.#call("DELETE", path);
  }

  /** Open a stream; its events come after `lastEventId`. */
  async stream(path, { lastEventId, signal }) {
    const headers = { ...this.#headers(), "Last-Event-ID": lastEventId };
    return answered(await reached(path, { headers, signal, cache: "no-store" }));
  }

  async #call(method, path, { body, key, isPublic = false, status = false } = {}) {
    const headers = isPublic ? {} : this.#headers();
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (key) headers["Idempotency-Key"] = key;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const response = await reached(path, { method, headers, body: sent, signal });
    try {
      await answered(response);
    } catch (problem) {
      if (problem.status === 401 && !isPublic) this.#session.expire();
      throw problem;
    }
    const document = response.status === 204 ? null : await response.json();
    return status ? { status: response.status, document } : document;
  }

  #headers() {
    return { Authorization: `Bearer ${this.#session.token}` };
  }
}

/**
 * The key under which the server takes a repeated call for the same one.
 *
 * It is new with another body, and once the call was answered: the same words again are new ones.
 */
export class SendKey {
  #body = null;
  #key = null;

  for(body) {
    const text = JSON.stringify(body);
    if (text !== this.#body) {
      this.#body = text;
      this.#key = newKey();
    }
    return this.#key;
  }

  /** The call has succeeded. */
  done() {
    this.#body = null;
  }
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function reached(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The server could not be reached.");
  }
}

async function answered(response) {
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  const { detail, title, errors: fields = [] } = problem;
  throw new Problem(words(response.status, detail ?? title, fields), {
    status: response.status,
    fields,
    retryAfterS: Number(response.headers.get("Retry-After")) || 0,
  });
}

function words(status, detail, fields) {
  if (status === 429) return "That was a lot at once. Wait a moment, then try again.";
  if (status === 503) return "The server is busy. Try again in a moment.";
  if (status >= 500) return "The server has failed. Try again in a moment.";
  if (fields.length > 0) return fields.map((each) => `${each.field}: ${each.message}`).join("; ");
  return detail ?? "The server does not take this.";
}
