// The part of the page for admins of the service: users, bots and invites.

import { byId, say } from "./dom.js";
import { sentence } from "./forms.js";
import { prepareInvites } from "./invites.js";
import { prepareUsers } from "./users.js";

/**
 * Wires the part, and returns it: {open, close}. `openTokens(path, heading)` shows script
 * tokens. Called once.
 */
export function prepareAdministration(session, openTokens) {
  const state = byId("administration-state");
  const users = prepareUsers(session, { openTokens, changed: refresh });
  const invites = prepareInvites(session);

  function show(text) {
    say(state, text);
    state.hidden = text === "";
    byId("administration-parts").hidden = text !== "";
  }

  /** Asks whether the user is an admin now, and shows what that allows. */
  async function refresh() {
    try {
      await session.look();
    } catch (error) {
      show(sentence(error));
      return;
    }
    if (!session.user.admin) {
      show("This part is for the admins of the service. You are not one of them.");
      return;
    }
    show("");
    users.open();
    invites.open();
  }

  return {
    name: "Administration",
    open() {
      show("Reading…");
      byId("administration-heading").focus();
      refresh();
    },
    close() {
      users.close();
      invites.close();
    },
  };
}
