// The dialog with the public chats that may be joined.

import { byId, el, say } from "./dom.js";
import { openDialog, sentence, showSentence } from "./forms.js";

/**
 * Wires the dialog. `list()` answers with the public chats, `isMember(id)` says
 * whether the user is in one, `join(chat)` joins it and `open(id)` opens it.
 * Called once.
 */
export function prepareBrowse({ list, isMember, join, open }) {
  const dialog = byId("browse");
  const rows = byId("public-chats");

  byId("open-browse").addEventListener("click", async () => {
    rows.replaceChildren();
    showSentence(byId("browse-error"), "");
    say(byId("browse-state"), "Reading…");
    openDialog(dialog);
    byId("browse-heading").focus();
    try {
      const chats = await list();
      rows.replaceChildren(...chats.map(row));
      say(byId("browse-state"), chats.length === 0
        ? "There are no public chats yet. Make one with “New chat”."
        : "Everybody who is signed in may join these.");
    } catch (error) {
      say(byId("browse-state"), "");
      showSentence(byId("browse-error"), sentence(error));
    }
  });

  function row(chat) {
    const member = isMember(chat.id);
    const button = el("button", { "data-join": chat.id, class: member ? "quiet" : null, "aria-label": `${member ? "Open" : "Join"} ${chat.title || chat.id}` },
      member ? "Open" : "Join");
    button.addEventListener("click", async () => {
      if (button.getAttribute("aria-busy")) return;
      button.setAttribute("aria-busy", "true");
      showSentence(byId("browse-error"), "");
      try {
        if (!isMember(chat.id)) await join(chat);
        dialog.close();
        open(chat.id);
      } catch (error) {
        showSentence(byId("browse-error"), sentence(error));
      } finally {
        button.removeAttribute("aria-busy");
      }
    });
    return el("li", { "data-chat": chat.id },
      el("span", { class: "who" },
        el("bdi", { class: "name" }, chat.title || chat.id),
        chat.title ? el("span", { class: "hint" }, chat.id) : null),
      button);
  }
}
