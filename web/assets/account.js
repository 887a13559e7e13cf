// The part of the page about the user's own account.

import { byId, say } from "./dom.js";
import { clearErrors, confirm, onSubmit } from "./forms.js";
import { notice } from "./notice.js";
import { prepareSessions } from "./sessions.js";

/**
 * Wires the part, and returns it: {open, close}. `openTokens(path, heading)` shows script
 * tokens; `leave(end)` does what ends the user's being signed in. Called once.
 */
export function prepareAccount(session, { openTokens, leave }) {
  const sessions = prepareSessions(session);
  const forms = [byId("profile-form"), byId("password-form"), byId("close-account-form")];

  onSubmit(byId("profile-form"), async ({ display_name: displayName }) => {
    await session.rename(displayName.trim());
    notice("Your display name is saved.");
  });

  onSubmit(byId("password-form"), async (passwords) => {
    await session.call("PUT", "me/password", passwords);
    byId("password-form").reset();
    notice("Your password is changed.");
    sessions.open("me/sessions");
  });

  onSubmit(byId("close-account-form"), async ({ password, erase_messages: erase }) => {
    const consequence = erase ? "Your messages are erased, for everybody and for good." : "There is no way back.";
    if (!await confirm("Close your account?", consequence, "Close account")) return;
    await leave(() => session.closeAccount(password, erase !== undefined));
  });

  byId("open-own-tokens").addEventListener("click", () => openTokens("me/tokens", "Your script tokens"));

  return {
    name: "Account",
    open() {
      say(byId("account-username"), session.user.username);
      byId("profile-display-name").value = session.user.display_name;
      byId("account-heading").focus();
      sessions.open("me/sessions");
    },
    close() {
      sessions.clear();
      for (const form of forms) {
        form.reset();
        clearErrors(form);
      }
    },
  };
}
