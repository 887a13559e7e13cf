// The list of chats beside the one that is open.

import { arrange, byId, el, say } from "./dom.js";
import { excerpt } from "./text.js";
import { briefly, fully } from "./when.js";

const items = new Map();

/** Shows username's chats; openID is the one that is open, or null. */
export function showList(chats, openID, username) {
  const all = chats.all();
  for (const id of items.keys()) {
    if (!chats.get(id)) items.delete(id);
  }
  arrange(byId("chats"), all.map((chat) => item(chat, chat.id === openID, username)));
  byId("no-chats").hidden = !chats.listed || all.length > 0;
}

/** Forgets the chats of whoever was signed in. */
export function clearList() {
  items.clear();
  byId("chats").replaceChildren();
}

/** Gives a chat's link the keyboard's focus. */
export function focusChat(id) {
  items.get(id)?.querySelector("a").focus();
}

function item(chat, open, username) {
  let node = items.get(chat.id);
  if (!node) {
    node = el("li", {},
      el("a", { href: `#/${chat.id}`, "data-chat": chat.id },
        el("bdi", { class: "name" }),
        el("time", {}),
        el("span", { class: "preview", dir: "auto" }),
        el("span", { class: "unread" })));
    items.set(chat.id, node);
  }
  const link = node.firstChild;
  const [name, time, preview, unread] = link.children;
  const { last } = chat;

  if (open) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
  link.dataset.unread = chat.unread;
  say(name, chat.name);
  say(preview, last ? `${last.author === username ? "You" : last.author}: ${last.deleted ? "This message was deleted." : excerpt(last.text)}` : "No messages yet");

  const moment = last && new Date(last.created_at);
  say(time, moment ? briefly(moment) : "");
  if (moment) {
    time.dateTime = last.created_at;
    time.title = fully(moment);
  }

  say(unread, chat.unread > 99 ? "99+" : String(chat.unread));
  unread.hidden = chat.unread === 0;
  unread.setAttribute("aria-label", `${chat.unread} unread`);
  return node;
}
