// Elements from templates and by name. Text goes in as text: no markup is ever made of it.

/** Return a new element with these attributes and children (elements, or texts). */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Return a copy of what is in a template of the page. */
export function fromTemplate(name) {
  return allFromTemplate(name).firstElementChild;
}

/** Return a copy of all that is in a template of the page. */
export function allFromTemplate(name) {
  const { content } = document.getElementById(`${name}-template`);
  // A template's content is of another document, in which no picture is ever decoded.
  return document.importNode(content, true);
}

/** Return a picture from the page's symbols. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Give somebody's avatar its letter and its colour, the same each time. */
export function paintAvatar(avatar, { userId, name }) {
  const letter = [...name.trim()][0] ?? "?";
  avatar.textContent = letter.toLocaleUpperCase();
  let hash = 7;
  for (const digit of userId) hash = (hash * 31 + digit.charCodeAt(0)) % 360;
  avatar.style.setProperty("--hue", String(hash));
}

/** Show a message in the element meant for errors of a form, or hide it again. */
export function showError(form, message) {
  const place = form.querySelector(".form-error");
  place.hidden = !message;
  place.textContent = message ?? "";
}

/** Do `act` with Ctrl+Enter or Cmd+Enter in a text. */
export function onSendKey(textarea, act) {
  textarea.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) {
      event.preventDefault();
      act();
    }
  });
}
