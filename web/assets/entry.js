// The door: logging in and signing up.

import { byId } from "./dom.js";
import { clearErrors, onSubmit, showSentence } from "./forms.js";
import { forgetInvite, invited } from "./invite.js";

const reasons = {
  over: "Your session is over. Log in again to go on where you were.",
  elsewhere: "You have logged out in another tab.",
  closed: "Your account is closed.",
};

/** Wires the two forms to a session. Called once. */
export function prepareEntry(session) {
  onSubmit(byId("login-form"), ({ username, password }) => session.logIn(username.trim(), password));
  onSubmit(byId("signup-form"), async ({ username, display_name: displayName, password, invite }) => {
    const user = { username: username.trim(), password };
    if (displayName.trim()) user.display_name = displayName.trim();
    if (invite.trim()) user.invite = invite.trim();
    await session.signUp(user);
    // Signing up has used it: there is nothing left to be asked.
    forgetInvite();
    await session.logIn(user.username, password);
  });
  addEventListener("hashchange", () => {
    if (!session.user && invited()) showInvite();
  });
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
  if (invited() && !reasons[reason]) showInvite();
}

/** Shows the form for signing up, with the invite that the address names. */
function showInvite() {
  choose("signup");
  byId("signup-invited").open = true;
  byId("signup-invite").value = invited();
}

function choose(which) {
  const username = byId("login-form").hidden ? byId("signup-username").value : byId("login-username").value;
  for (const name of ["login", "signup"]) byId(`${name}-form`).hidden = name !== which;
  const input = byId(`${which}-username`);
  if (!input.value) input.value = username;
  input.focus();
}
