// The dialog with which an admin manages one user.

import { path } from "./api.js";
import { byId, el, say } from "./dom.js";
import { clearErrors, confirm, onSubmit, openDialog, sentence, showSentence } from "./forms.js";
import { notice } from "./notice.js";
import { moment } from "./when.js";

/**
 * Wires the dialog. `openTokens(path, heading)` shows script tokens; `changed()` is called
 * when the admin's own rights have changed. The function that is returned opens the dialog
 * for a user, whose row is told of changes: {show(user), remove()}. Called once.
 */
export function prepareUser(session, { openTokens, changed }) {
  const dialog = byId("user");
  let user = null;
  let row = null;

  byId("user-tokens").addEventListener("click", () =>
    openTokens(path`users/${user.username}/tokens`, `Script tokens of ${user.username}`));
  byId("user-admin").addEventListener("click", () => user.admin
    ? change({ admin: false }, `Make ${user.username} no admin?`, "It loses what this part of the page does.", "Unmake admin")
    : change({ admin: true }, `Make ${user.username} an admin?`, "An admin manages all users, invites and bots, and other admins.", "Make admin"));
  byId("user-disabled").addEventListener("click", () => user.disabled
    ? change({ disabled: false })
    : change({ disabled: true }, `Disable ${user.username}?`, "Its sessions and script tokens end at once, and it cannot log in.", "Disable"));

  onSubmit(byId("user-password-form"), async (body) => {
    await session.call("PUT", path`users/${user.username}/password`, body);
    byId("user-password-form").reset();
    byId("user-set-password").open = false;
    byId("user-heading").focus();
    notice(`The password of ${user.username} is set.`);
  });
  onSubmit(byId("user-delete-form"), async ({ erase_messages: erase }) => {
    const consequence = erase ? "Its messages are erased, for everybody and for good." : "The username can never be used again.";
    if (!await confirm(`Delete ${user.username}?`, consequence, "Delete")) return;
    await session.call("DELETE", path`users/${user.username}`, { erase_messages: erase !== undefined });
    dialog.close();
    row.remove();
  });

  async function change(wanted, question, consequence, yes) {
    if (question && !await confirm(question, consequence, yes)) return;
    showSentence(byId("user-error"), "");
    try {
      user = await session.call("PATCH", path`users/${user.username}`, wanted);
    } catch (error) {
      showSentence(byId("user-error"), sentence(error));
      return;
    }
    row.show(user);
    show();
    if (user.username !== session.user.username || user.admin) return;
    dialog.close();
    changed();
  }

  function show() {
    const { username, display_name: displayName, admin, bot, disabled, created_at: created } = user;
    const facts = [displayName === username ? null : displayName, bot && "bot", admin && "admin", disabled && "disabled"].filter(Boolean);
    say(byId("user-heading"), username);
    byId("user-about").replaceChildren(...facts.flatMap((fact) => [el("bdi", {}, fact), " · "]), "since ", moment(created));
    say(byId("user-admin"), admin ? "Unmake admin" : "Make admin");
    say(byId("user-disabled"), disabled ? "Enable" : "Disable");
    byId("user-admin").hidden = bot;
    byId("user-set-password").hidden = bot;
    byId("user-tokens").hidden = !bot;
  }

  return (of, itsRow) => {
    user = of;
    row = itsRow;
    for (const part of dialog.querySelectorAll("details")) part.open = false;
    for (const form of dialog.querySelectorAll("form")) {
      form.reset();
      clearErrors(form);
    }
    showSentence(byId("user-error"), "");
    show();
    openDialog(dialog);
    byId("user-heading").focus();
  };
}
