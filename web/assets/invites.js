// The list of invites, and the dialog that makes one.

import { path } from "./api.js";
import { prepareCopy } from "./copy.js";
import { byId, el } from "./dom.js";
import { clearErrors, confirm, onSubmit, openDialog } from "./forms.js";
import { inviteLink } from "./invite.js";
import { PagedList } from "./paged.js";
import { moment } from "./when.js";

/** Wires the list, and returns it: {open, close}. Called once. */
export function prepareInvites(session) {
  const form = byId("new-invite-form");
  const list = new PagedList(session, {
    name: "invites", rows: byId("invites"), more: byId("more-invites"), state: byId("invites-state"),
    heading: byId("invites-heading"), none: "There are none.", row,
  });

  byId("open-new-invite").addEventListener("click", () => {
    form.reset();
    clearErrors(form);
    openDialog(byId("new-invite"));
    byId("new-invite-uses").focus();
  });
  onSubmit(form, async ({ uses, expires_in: expiresIn, chat }) => {
    const wanted = { uses: Number(uses), expires_in: expiresIn };
    if (chat.trim()) wanted.chat = chat.trim();
    const made = list.add(await session.call("POST", "invites", wanted));
    byId("new-invite").close();
    made.querySelector("button").focus();
  }, { not_found: "chat" });

  function row({ code, chat, signup, uses, used, created_by: creator, expires_at: expires }) {
    const link = el("input", { readonly: true, value: inviteLink(code), "aria-label": "Address of the invite" });
    const copy = el("button", { type: "button", "aria-label": "Copy the invite" }, "Copy");
    const revoke = el("button", { type: "button", class: "quiet", "aria-label": `Revoke the invite by ${creator}` }, "Revoke");
    prepareCopy(copy, link);
    const li = el("li", { "data-id": code },
      el("span", { class: "who" },
        el("span", { class: "row" }, link, copy),
        el("span", { class: "row" },
          el("span", { class: "hint" },
            [signup ? "to sign up" : null, chat ? `to join ${chat}` : null].filter(Boolean).join(" and "),
            ` · used ${used} of ${uses} · by `, el("bdi", {}, creator), " · ends ", moment(expires)),
          revoke)));
    revoke.addEventListener("click", async () => {
      if (!await confirm("Revoke this invite?", "Nobody can use it any more.", "Revoke")) return;
      await list.try(async () => {
        await session.call("DELETE", path`invites/${code}`);
        list.remove(li);
      });
    });
    return li;
  }

  return {
    open: () => list.open("invites?limit=50"),
    close: () => list.clear(),
  };
}
