// The dialog about script tokens: the user's own, or those of a bot.

import { path } from "./api.js";
import { prepareCopy } from "./copy.js";
import { byId, el, say } from "./dom.js";
import { clearErrors, confirm, onSubmit, openDialog } from "./forms.js";
import { PagedList } from "./paged.js";
import { moment } from "./when.js";

/**
 * Wires the dialog. The function that is returned opens it for the tokens at a path of the
 * service, below a heading. Called once.
 */
export function prepareTokens(session) {
  const form = byId("new-token-form");
  const fresh = byId("fresh-token-text");
  let place = "";

  const list = new PagedList(session, {
    name: "tokens", rows: byId("token-rows"), more: byId("more-tokens"), state: byId("tokens-state"),
    heading: byId("tokens-heading"), none: "There are none.", row,
  });

  prepareCopy(byId("copy-token"), fresh);
  // What is shown only once does not stay in the document.
  byId("tokens").addEventListener("close", () => {
    showFresh("");
    list.clear();
  });

  onSubmit(form, async ({ name, chats, expires_in: expiresIn }, data) => {
    const wanted = { name: name.trim(), scopes: data.getAll("scopes"), expires_in: expiresIn };
    const ids = chats.split(/[\s,]+/).filter(Boolean);
    if (ids.length > 0) wanted.chats = ids;
    const { token, ...made } = await session.call("POST", place, wanted);
    form.reset();
    byId("make-token").open = false;
    list.add(made);
    showFresh(token);
    fresh.focus();
    fresh.select();
  });

  function showFresh(token) {
    fresh.value = token;
    byId("fresh-token").hidden = token === "";
    say(byId("copy-token"), "Copy");
  }

  function row(token) {
    const { id, name, scopes, chats, last_used_at: used, expires_at: expires } = token;
    const button = el("button", { type: "button", class: "quiet", "aria-label": `Revoke ${name}` }, "Revoke");
    const li = el("li", { "data-id": id },
      el("span", { class: "who" },
        el("bdi", { class: "name" }, name),
        el("span", { class: "hint" }, `${scopes.join(", ")} ${chats ? `in ${chats.join(", ")}` : "in all chats"}`),
        el("span", { class: "hint" }, used ? "Last used " : "Never used", used && moment(used), " · ends ", moment(expires))),
      button);
    button.addEventListener("click", async () => {
      if (!await confirm(`Revoke ${name}?`, "Whatever uses this token stops working at once.", "Revoke")) return;
      await list.try(async () => {
        await session.call("DELETE", `${place}/${path`${id}`}`);
        list.remove(li);
      });
    });
    return li;
  }

  return (tokensPath, heading) => {
    place = tokensPath;
    form.reset();
    clearErrors(form);
    byId("make-token").open = false;
    say(byId("tokens-heading"), heading);
    openDialog(byId("tokens"));
    byId("tokens-heading").focus();
    list.open(place);
  };
}
