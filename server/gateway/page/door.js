// Signing up and signing in.

import { allFromTemplate, showError } from "./elements.js";
import { announce } from "./say.js";

/** Show the door; whoever comes through begins the session. */
export function showDoor(app, message = "") {
  const door = document.getElementById("door");
  door.replaceChildren(allFromTemplate("door"));
  door.hidden = false;
  document.title = "Sign in · socialfeed";
  const form = door.querySelector("form");
  let isNew = false;
  const turn = () => {
    isNew = !isNew;
    tellKind(form, isNew);
  };
  door.querySelector("#door-switch").addEventListener("click", turn);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    enter(app, form, isNew);
  });
  if (message) showError(form, message);
}

/** Hide the door; whether somebody has just come through it. */
export function hideDoor() {
  const door = document.getElementById("door");
  const wasShown = !door.hidden;
  door.hidden = true;
  door.replaceChildren();
  return wasShown;
}

function tellKind(form, isNew) {
  const title = isNew ? "Create an account" : "Sign in";
  form.querySelector(".form-title").textContent = title;
  form.querySelector("[type=submit]").textContent = title;
  form.querySelector("#password-hint").hidden = !isNew;
  form.password.autocomplete = isNew ? "new-password" : "current-password";
  if (isNew) form.password.setAttribute("aria-describedby", "password-hint");
  else form.password.removeAttribute("aria-describedby");
  const change = form.querySelector(".switch");
  change.querySelector("span").textContent = isNew ? "Been here before?" : "New here?";
  change.querySelector("button").textContent = isNew ? "Sign in" : "Create an account";
  showError(form, null);
  announce(title);
}

async function enter(app, form, isNew) {
  const button = form.querySelector("[type=submit]");
  const name = form.elements.name.value.trim();
  const password = form.password.value;
  const wrong = missing(form, name, password, isNew);
  if (wrong) {
    showError(form, wrong);
    return;
  }
  button.disabled = true;
  showError(form, null);
  try {
    const path = isNew ? "/v1/users" : "/v1/tokens";
    const signed = await app.api.post(path, { name, password }, { isPublic: true });
    app.session.begin({ ...signed, name }, { stays: form.stay.checked });
  } catch (problem) {
    showError(form, doorWords(problem, name));
  } finally {
    button.disabled = false;
  }
}

function missing(form, name, password, isNew) {
  if (!name) {
    form.elements.name.focus();
    return "Tell your name.";
  }
  const { minLength } = form.password;
  if (isNew && password.length < minLength) {
    form.password.focus();
    return `A password needs at least ${minLength} characters.`;
  }
  if (!password) {
    form.password.focus();
    return "Tell your password.";
  }
  return null;
}

function doorWords(problem, name) {
  if (problem.status === 401) return "There is nobody with this name and password.";
  if (problem.status === 409) return `The name ${name} is taken.`;
  return problem.message;
}
