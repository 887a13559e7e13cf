// The door: logging in and signing up.

import { byId } from "./dom.js";
import { clearErrors, onSubmit, showSentence } from "./forms.js";

const reasons = {
  over: "Your session is over. Log in again to go on where you were.",
  elsewhere: "You have logged out in another tab.",
};

/** Wires the two forms to a session. Called once. */
export function prepareEntry(session) {
  onSubmit(byId("login-form"), ({ username, password }) => session.logIn(username.trim(), password));
  onSubmit(byId("signup-form"), ({ username, display_name: displayName, password }) =>
    session.signUp(username.trim(), displayName.trim(), password));
  byId("show-signup").addEventListener("click", () => choose("signup"));
  byId("show-login").addEventListener("click", () => choose("login"));
}

/** Shows the login form, with the reason why there is nobody signed in. */
export function showEntry(reason) {
  for (const form of document.querySelectorAll("#entry form")) {
    form.reset();
    clearErrors(form);
  }
  showSentence(byId("entry-notice"), reasons[reason] ?? "");
  choose("login");
}

function choose(which) {
  const username = byId("login-form").hidden ? byId("signup-username").value : byId("login-username").value;
  for (const name of ["login", "signup"]) byId(`${name}-form`).hidden = name !== which;
  const input = byId(`${which}-username`);
  if (!input.value) input.value = username;
  input.focus();
}
