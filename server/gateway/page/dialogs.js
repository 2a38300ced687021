// Questions that want an answer first. The browser keeps the focus in them, and closes on Escape.

import { Draft } from "./drafts.js";
import { onSendKey, showError } from "./elements.js";
import { hashtagsOf } from "./text.js";

/** Ask; whether the answer was yes. */
export async function confirmed(title, words, yes) {
  const dialog = document.getElementById("confirm-dialog");
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector(".dialog-words").textContent = words;
  dialog.querySelector("[value=yes]").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  await closed(dialog);
  return dialog.returnValue === "yes";
}

/**
 * Let somebody edit the `field` of a post, "text" or "description".
 *
 * Returns what was saved, or null if nothing was. A text that could not be saved is kept as a draft.
 */
export async function edited(app, post, field) {
  const dialog = document.getElementById("edit-dialog");
  const area = dialog.querySelector("textarea");
  const form = dialog.querySelector("form");
  const draft = new Draft(app.session.userId, `edit:${post.postId}`);
  dialog.querySelector(".field span").textContent = field === "text" ? "Text" : "Description";
  area.maxLength = Number(area.dataset[field]);
  area.value = draft.text || (post[field] ?? "");
  showError(form, null);
  let saved = null;
  const saving = new AbortController();
  const { signal } = saving;
  const save = async () => {
    const written = area.value;
    try {
      saved = await changed(app, post, field, written.trim());
      // Typed into meanwhile: that is saved with the next press.
      if (area.value !== written) return;
      draft.clear();
      dialog.close();
    } catch (problem) {
      draft.text = area.value;
      showError(form, `${problem.message} What you typed is kept here.`);
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  }, { signal });
  form.querySelector("[data-do=close]").addEventListener("click", () => {
    draft.clear();
    dialog.close();
  }, { signal });
  area.addEventListener("input", () => { draft.text = area.value; }, { signal });
  dialog.showModal();
  area.focus();
  await closed(dialog);
  saving.abort();
  return saved;
}

/** Show the list of shortcuts. */
export function showKeys() {
  document.getElementById("keys-dialog").showModal();
}

/** Let Ctrl+Enter save in the dialog that edits. */
export function wireDialogs() {
  const dialog = document.getElementById("edit-dialog");
  const form = dialog.querySelector("form");
  onSendKey(dialog.querySelector("textarea"), () => form.requestSubmit());
}

async function changed(app, post, field, text) {
  if (field === "text" && !text) throw new Error("A post needs some words.");
  const before = hashtagsOf(post[field] ?? "");
  const others = post.hashtags.filter((tag) => !before.includes(tag));
  const hashtags = [...new Set([...hashtagsOf(text), ...others])];
  return app.api.patch(`/v1/posts/${post.postId}`, { [field]: text, hashtags });
}

function closed(dialog) {
  return new Promise((resolve) => {
    dialog.addEventListener("close", resolve, { once: true });
  });
}
