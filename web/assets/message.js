// A message as a line of the log.

import { LATE } from "./api.js";
import { el, say } from "./dom.js";
import { excerpt, shownText } from "./text.js";
import { fully, timeOf } from "./when.js";

const HUES = 8;

/** What is said of a message on its way. */
const states = {
  sending: "Sending…",
  late: "No answer yet…",
  troubled: "Not sent yet, trying again…",
};

/**
 * A line for a message. `quoted` is the message that it answers, undefined while it is not
 * known and null if it answers none; `username` is the user's.
 */
export function messageLine(message, quoted, username) {
  const { id, author, deleted } = message;
  const at = new Date(message.created_at);
  const own = author === username;
  const line = el("li", { class: `message${own ? " own" : ""}${deleted ? " deleted" : ""}`, "data-id": id, "data-author": author },
    el("p", { class: "meta" },
      el("bdi", { class: "author", "data-hue": hue(author) }, own ? "You" : author),
      el("time", { datetime: message.created_at, title: fully(at) }, timeOf(at))),
    quoted === null || deleted ? null : quote(message, quoted, username),
    el("div", { class: "body" },
      el("div", { class: "text", dir: "auto" }, ...deleted ? ["This message was deleted."] : shownText(message.text)),
      deleted ? null : el("button", {
        type: "button", class: "more quiet", tabindex: "-1", "data-does": "more",
        "aria-haspopup": "menu", "aria-expanded": "false", "aria-controls": "message-menu",
        "aria-label": `Actions for the message by ${own ? "you" : author}, ${timeOf(at)}`,
      }, "⋯")));
  if (message.edited_at && !deleted) {
    line.querySelector(".meta").append(el("span", { class: "edited", title: `Edited ${fully(new Date(message.edited_at))}` }, "edited"));
    line.classList.add("changed");
  }
  const reactions = Object.entries(message.reactions ?? {});
  if (reactions.length > 0 && !deleted) line.append(el("ul", { class: "reactions", "aria-label": "Reactions" }, ...reactions.map(reaction)));
  return line;
}

function quote({ reply_to: id }, quoted, username) {
  const text = quoted === undefined ? "An earlier message" : quoted.deleted ? "This message was deleted." : excerpt(quoted.text);
  return el("button", { type: "button", class: "quote", "data-does": "quoted", "data-quoted": id },
    el("span", { class: "unseen" }, "In answer to "),
    quoted && el("bdi", { class: "author", "data-hue": hue(quoted.author) }, quoted.author === username ? "You" : quoted.author),
    el("span", { class: "quoted-text", dir: "auto" }, text));
}

function reaction([emoji, { count, users, mine }]) {
  const others = count - users.length;
  const who = users.join(", ") + (others > 0 ? ` and ${others} more` : "");
  return el("li", {}, el("button", {
    type: "button", "data-does": "react", "data-emoji": emoji, "aria-pressed": String(mine === true), title: who,
    "aria-label": `${emoji}, ${count}: ${who}`,
  }, `${emoji} ${count}`));
}

/** A line for a message on its way. */
export function pendingLine({ post }) {
  return el("li", { class: "message own pending", "data-client-id": post.client_id },
    el("p", { class: "meta" }, el("span", { class: "state" })),
    el("div", { class: "body" }, el("div", { class: "text", dir: "auto" }, ...shownText(post.text))));
}

/** Says at a line how far its message has come. */
export function showProgress(line, { trouble, since }) {
  const state = trouble ? "troubled" : Date.now() - since >= LATE ? "late" : "sending";
  line.classList.toggle("late", state === "late");
  line.classList.toggle("troubled", state === "troubled");
  say(line.querySelector(".state"), states[state]);
}

/** One of a few colours, the same for the same name. */
function hue(name) {
  let sum = 7;
  for (const char of name) sum = (31 * sum + char.codePointAt(0)) % 65_521;
  return sum % HUES;
}
