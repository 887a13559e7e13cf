// The dialog about the chat that is open: who is in it, adding and removing
// members, leaving, deleting.

import { arrange, byId, el, say } from "./dom.js";
import { confirm, onSubmit, openDialog, sentence, showSentence } from "./forms.js";

const ROLES = ["guest", "member", "admin", "owner"];

/**
 * The dialog. The caller gives it `put(chat, username, role)` (role undefined:
 * as it is), `remove(chat, username)`, `leave(chat)` and `erase(chat)`.
 */
export class Details {
  #dialog = byId("details");
  #given;
  #username;
  #chat = null;

  constructor(username, given, signal) {
    this.#username = username;
    this.#given = given;
    byId("leave-chat").addEventListener("click", () => this.#leave(), { signal });
    byId("delete-chat").addEventListener("click", () => this.#erase(), { signal });
  }

  /** Adds whom the form names. */
  async add(username) {
    await this.#given.put(this.#chat, username);
    byId("add-member-form").reset();
    byId("add-member-username").focus();
  }

  open(chat) {
    this.#chat = chat;
    byId("add-member-form").reset();
    showSentence(byId("details-error"), "");
    byId("members").replaceChildren();
    openDialog(this.#dialog);
    this.show(chat);
    byId("details-heading").focus();
  }

  get isOpen() {
    return this.#dialog.open;
  }

  /** Shows the chat as it is now, if the dialog is open. */
  show(chat) {
    if (!this.#dialog.open) return;
    if (!chat || chat.id !== this.#chat.id) {
      this.#dialog.close();
      return;
    }
    this.#chat = chat;
    say(byId("details-heading"), chat.name);
    const kind = chat.visibility === "public" ? "Public: everybody who is signed in may join." : "Private: owners and admins add members.";
    say(byId("details-about"), `${chat.id} · ${kind}`);
    byId("add-member-form").hidden = !chat.manages;
    byId("delete-chat").hidden = chat.role !== "owner";
    if (!chat.members) return;
    const { role, remove } = document.activeElement?.dataset ?? {};
    arrange(byId("members"), chat.members.map((member) => this.#row(chat, member)));
    // The row that had the focus may have been made anew.
    if (role) byId("members").querySelector(`[data-role="${role}"]`)?.focus();
    if (remove) (byId("members").querySelector(`[data-remove="${remove}"]`) ?? byId("details-heading")).focus();
  }

  #row(chat, member) {
    const { username, display_name: displayName = username, role } = member;
    const own = username === this.#username;
    // A row that still says the truth keeps its focus.
    const key = JSON.stringify([member, chat.role]);
    const known = [...byId("members").children].find((row) => row.dataset.key === key);
    if (known) return showPresence(known, chat);
    const mayRemove = !own && (chat.role === "owner" || (chat.role === "admin" && role !== "owner"));
    const row = el("li", { "data-username": username, "data-key": key },
      el("span", { class: "who" },
        el("bdi", { class: "name" }, own ? `${displayName} (you)` : displayName),
        displayName === username ? null : el("span", { class: "hint" }, username)),
      el("span", { class: "here" }, "here"),
      chat.role === "owner" ? this.#roleChoice(member) : el("span", { class: "role" }, role === "member" ? "" : role));
    if (mayRemove) {
      const button = el("button", { class: "quiet", "aria-label": `Remove ${username}`, "data-remove": username }, "Remove");
      button.addEventListener("click", () => this.#remove(username));
      row.append(button);
    }
    return showPresence(row, chat);
  }

  #roleChoice({ username, role }) {
    const choice = el("select", { "aria-label": `Role of ${username}`, "data-role": username },
      ...ROLES.map((value) => el("option", { value, selected: value === role }, value)));
    choice.addEventListener("change", async () => {
      const done = await this.#try(() => this.#given.put(this.#chat, username, choice.value));
      if (!done) choice.value = role;
    });
    return choice;
  }

  async #remove(username) {
    const chat = this.#chat;
    if (await confirm(`Remove ${username}?`, `${username} will no longer see what is said in ${chat.name}.`, "Remove")) {
      await this.#try(() => this.#given.remove(chat, username));
    }
  }

  async #leave() {
    const chat = this.#chat;
    const back = chat.visibility === "public" ? "You can join it again whenever you like." : "To come back, somebody has to add you.";
    if (await confirm(`Leave ${chat.name}?`, back, "Leave")) await this.#try(() => this.#given.leave(chat));
  }

  async #erase() {
    const chat = this.#chat;
    if (await confirm(`Delete ${chat.name}?`, "Everything that was said in it is erased, for everybody and for good.", "Delete")) {
      await this.#try(() => this.#given.erase(chat));
    }
  }

  async #try(work) {
    showSentence(byId("details-error"), "");
    try {
      await work();
      return true;
    } catch (error) {
      showSentence(byId("details-error"), sentence(error));
      return false;
    }
  }
}

/** Has a member's row say whether the member is here. */
function showPresence(row, { present }) {
  row.querySelector(".here").hidden = !present?.has(row.dataset.username);
  return row;
}

/** Wires the form that adds a member; add(username) does it. Called once. */
export function prepareAddMember(add) {
  onSubmit(byId("add-member-form"), async ({ username }) => {
    showSentence(byId("details-error"), "");
    try {
      await add(username.trim());
    } catch (error) {
      showSentence(byId("details-error"), sentence(error));
      byId("add-member-username").focus();
    }
  });
}
