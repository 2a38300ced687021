// Uploads: a signed URL is asked for, and the file goes straight to where media are stored.

import { Problem } from "./api.js";

// An upload of which nothing moves for so long has failed: whoever waits is told, and may try again.
const QUIET_MS = 30_000;
// What a URL took once it does not take again: an answer was lost, and the browser has sent it twice.
const ALREADY_THERE = 412;
const STOPPED = "The upload was stopped.";

/** One file on its way; tells "progress" with `share`, and can be cancelled and begun again. */
export class Upload extends EventTarget {
  #app;
  #request = null;
  #isCancelled = false;

  constructor(app, file) {
    super();
    this.#app = app;
    this.file = file;
    this.share = 0;
    this.mediaUrl = null;
  }

  /** Send the file; returns its media URL. */
  async send() {
    const { userId } = this.#app.session;
    const { type: contentType, size: sizeBytes } = this.file;
    this.share = 0;
    const asked = { userId, contentType, sizeBytes };
    const signed = await this.#app.api.post("/v1/media/uploads", asked).catch(refuseSize);
    if (this.#isCancelled) throw new Problem(STOPPED);
    await this.#put(signed);
    this.mediaUrl = signed.mediaUrl;
    return signed.mediaUrl;
  }

  cancel() {
    this.#isCancelled = true;
    this.#request?.abort();
  }

  get isCancelled() {
    return this.#isCancelled;
  }

  // fetch tells nothing of the progress of what it sends.
  #put({ uploadUrl, method, headers }) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      this.#request = request;
      request.open(method, uploadUrl);
      for (const [name, value] of Object.entries(headers)) {
        if (!/^(host|content-length)$/i.test(name)) request.setRequestHeader(name, value);
      }
      const fail = (words, status = 0) => reject(new Problem(words, { status }));
      const giveUp = () => {
        fail("Nothing of the upload has moved for a while.");
        request.abort();
      };
      let quiet = setTimeout(giveUp, QUIET_MS);
      request.upload.addEventListener("progress", ({ loaded, total }) => {
        clearTimeout(quiet);
        quiet = setTimeout(giveUp, QUIET_MS);
        this.share = total ? loaded / total : 0;
        this.dispatchEvent(new Event("progress"));
      });
      request.addEventListener("loadend", () => clearTimeout(quiet));
      request.addEventListener("load", () => {
        if (request.status < 300 || request.status === ALREADY_THERE) resolve();
        else fail(refusal(request.status), request.status);
      });
      request.addEventListener("error", () => fail(broken(uploadUrl)));
      request.addEventListener("abort", () => fail(STOPPED));
      request.send(this.file);
    });
  }
}

/** Return why a file could not be sent; where it goes is not always where the page comes from. */
function broken(uploadUrl) {
  const { origin } = new URL(uploadUrl);
  if (origin === location.origin) return "The connection broke during the upload.";
  return (
    `This browser could not reach ${origin}, where files go. ` +
    "If that is no address of this server, whoever runs it has to tell its address (--public-url)."
  );
}

/** Tell how large a file may be, in people's units, if its size is what the server refuses. */
function refuseSize(problem) {
  const refused = problem.fields?.find(({ field }) => field === "sizeBytes");
  if (!refused) throw problem;
  const [, most] = /at most (\d+) bytes/.exec(refused.message) ?? [];
  const words = most ? ` The most is ${bytesText(Number(most))}.` : "";
  throw new Problem(`This file is too large.${words}`, { status: problem.status });
}

/** Return a number of bytes as people say it. */
export function bytesText(bytes) {
  if (bytes < 1e6) return `${Math.max(Math.round(bytes / 1e3), 1)} kB`;
  return `${(bytes / 1e6).toFixed(1).replace(/\.0$/, "")} MB`;
}

function refusal(status) {
  if (status === 413) return "This file is too large.";
  if (status === 415 || status === 400) return "This file is not what it says it is.";
  if (status === 403) return "The time for this upload has run out.";
  return "The upload has failed.";
}
