// Messages: toasts for the eye, and a live region for screen readers.

const TOAST_MS = 6_000;

/** Tell screen readers, when they have a moment. */
export function announce(text) {
  const announcer = document.getElementById("announcer");
  // The same text twice is read twice only if the region was empty in between.
  announcer.textContent = "";
  setTimeout(() => {
    announcer.textContent = text;
  }, 50);
}

/** Show a message for a while; with `href` it is a link. */
export function toast(text, { href, isError = false } = {}) {
  const shown = document.createElement(href ? "a" : "div");
  if (href) shown.href = href;
  shown.className = isError ? "toast error" : "toast";
  shown.textContent = text;
  const remove = () => shown.remove();
  let timer = setTimeout(remove, TOAST_MS);
  const hold = () => clearTimeout(timer);
  const letGo = () => {
    timer = setTimeout(remove, TOAST_MS);
  };
  shown.addEventListener("mouseenter", hold);
  shown.addEventListener("mouseleave", letGo);
  shown.addEventListener("focus", hold);
  shown.addEventListener("blur", letGo);
  shown.addEventListener("click", remove);
  document.getElementById("toasts").append(shown);
  announce(text);
}

/** Tell that something has failed. */
export function toastProblem(problem) {
  toast(problem.message, { isError: true });
}
