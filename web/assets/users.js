// The list of the service's users, and the dialog that adds one.

import { byId, el } from "./dom.js";
import { clearErrors, onSubmit, openDialog } from "./forms.js";
import { PagedList } from "./paged.js";
import { prepareUser } from "./user.js";

const PAGE = 50;

/**
 * Wires the list, and returns it: {open, close}. `openTokens(path, heading)` shows script
 * tokens; `changed()` is called when the admin's own rights have changed. Called once.
 */
export function prepareUsers(session, { openTokens, changed }) {
  const finding = byId("find-users-form");
  const adding = byId("new-user-form");

  const list = new PagedList(session, {
    name: "users", rows: byId("users"), more: byId("more-users"), state: byId("users-state"),
    heading: byId("users-heading"), none: "No username begins with this.", row,
  });
  const manage = prepareUser(session, { openTokens, changed });

  const open = (prefix) => list.open(`users?${new URLSearchParams({ limit: PAGE, ...(prefix && { q: prefix }) })}`);
  onSubmit(finding, ({ q }) => open(q.trim()));

  byId("open-new-user").addEventListener("click", () => {
    adding.reset();
    clearErrors(adding);
    openDialog(byId("new-user"));
    byId("new-user-username").focus();
  });
  onSubmit(adding, async ({ kind, username, display_name: displayName, password }) => {
    const wanted = { username: username.trim() };
    if (displayName.trim()) wanted.display_name = displayName.trim();
    if (kind === "bot") wanted.bot = true;
    else wanted.password = password;
    const made = list.add(await session.call("POST", "users", wanted));
    adding.reset();
    byId("new-user").close();
    made.querySelector("button").focus();
  });

  function row(user) {
    const button = el("button", { type: "button", "aria-haspopup": "dialog", "aria-label": `Manage ${user.username}` }, "Manage");
    const li = el("li", { "data-id": user.username }, who(user), button);
    button.addEventListener("click", () => manage(user, {
      show(now) {
        user = now;
        li.firstChild.replaceWith(who(user));
      },
      remove: () => list.remove(li),
    }));
    return li;
  }

  return {
    open() {
      finding.reset();
      open("");
    },
    close() {
      list.clear();
      adding.reset();
    },
  };
}

function who({ username, display_name: displayName, admin, bot, disabled }) {
  const tag = (text, shown) => shown ? el("span", { class: "tag" }, text) : null;
  return el("span", { class: "who" },
    el("span", { class: "tagged" },
      el("bdi", { class: "name" }, username), tag("admin", admin), tag("bot", bot), tag("disabled", disabled)),
    displayName === username ? null : el("bdi", { class: "hint" }, displayName));
}
