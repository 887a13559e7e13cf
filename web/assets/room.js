// The chat that is open: its messages and the box to write in.

import { arrange, byId, composed, el, say, touch } from "./dom.js";
import { sentence, showSentence } from "./forms.js";
import { tab } from "./kept.js";
import { dayName, dayOf, fully, timeOf } from "./when.js";

/** How near the end counts as being there, and how near the beginning asks for more. */
const NEAR_END = 48;
const NEAR_BEGINNING = 240;

/** Messages of one author within this time stand together. */
const TOGETHER = 5 * 60_000;

const HUES = 8;

/** What is said of a message on its way. */
const states = {
  sending: "Sending…",
  late: "No answer yet…",
  troubled: "Not sent yet, trying again…",
};

/**
 * The open chat's view. The caller gives it `post(chat, text)`, `older(chat)`,
 * `load(chat)`, and `seen(chat)`, called when the user can see the newest message.
 */
export class Room {
  chat = null;
  #given;
  #username;
  #log = byId("log");
  #text = byId("text");
  #nodes = new Map();
  #days = new Map();
  #drafts;
  #refusals = new Map();
  #atEnd = true;
  #below = 0;
  #last = 0;
  #loadingOlder = false;
  /** The position read up to when the chat was opened, for the line before what is new. */
  #read = Infinity;
  #newLine = el("li", { class: "new-line", role: "separator" }, "New");

  constructor(username, given, signal) {
    this.#username = username;
    this.#given = given;
    this.#drafts = new Map(Object.entries(tab.read(`parley.drafts.${username}`) ?? {}));
    const on = (target, name, handle) => target.addEventListener(name, handle, { signal });
    on(this.#log, "scroll", () => this.#scrolled());
    on(byId("older"), "click", () => this.#older());
    on(byId("newest"), "click", () => {
      this.#toEnd();
      this.#text.focus();
    });
    on(byId("composer"), "submit", (event) => {
      event.preventDefault();
      this.#post();
    });
    on(this.#text, "keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || composed(event)) return;
      event.preventDefault();
      this.#post();
    });
    on(this.#text, "input", () => {
      this.#draft(this.chat.id, this.#text.value);
      this.#refuse(this.chat.id, "");
      this.#fit();
    });
    on(document, "visibilitychange", () => this.#see());
    on(window, "focus", () => this.#see());
    // What was at the end stays there when the window or the box changes size.
    const resized = new ResizeObserver(() => this.#atEnd && this.#toEnd());
    resized.observe(this.#log);
    resized.observe(byId("messages"));
    signal.addEventListener("abort", () => resized.disconnect());
  }

  /** Shows another chat, or none; read is the position up to which it was read. */
  open(chat, read) {
    this.chat = chat;
    this.#nodes.clear();
    this.#days.clear();
    byId("messages").replaceChildren();
    this.#atEnd = true;
    this.#below = 0;
    this.#last = 0;
    this.#loadingOlder = false;
    if (!chat) return;
    this.#read = chat.unread > 0 ? read ?? Infinity : Infinity;
    this.#text.value = this.#drafts.get(chat.id) ?? "";
    showSentence(byId("composer-error"), this.#refusals.get(chat.id) ?? "");
    this.#fit();
    this.#given.load(chat);
  }

  /** Forgets what was written but not sent. */
  clear() {
    this.#drafts.clear();
    tab.write(`parley.drafts.${this.#username}`, null);
  }

  /** Puts the keyboard where it is of most use, without raising one on a screen. */
  focus() {
    (touch.matches ? byId("room-title") : this.#text).focus();
  }

  /** Gives a text back that could not be posted, with the reason. */
  giveBack(chatID, text, error) {
    const draft = this.#drafts.get(chatID);
    this.#draft(chatID, draft ? `${text}\n${draft}` : text);
    this.#refuse(chatID, `Not sent. ${sentence(error)}`);
    if (this.chat?.id !== chatID) return;
    this.#text.value = this.#drafts.get(chatID);
    this.#fit();
  }

  /** Shows the chat as it is now, and behind its messages those on their way. */
  show(chat, onTheirWay) {
    // Listing again makes the chat anew.
    this.chat = chat;
    this.#given.load(chat);
    this.#showHead();
    const { messages } = chat;
    const list = byId("messages");
    const newest = messages.at(-1)?.id ?? 0;
    const fresh = this.#last === 0 ? 0
      : messages.filter(({ id, author }) => id > this.#last && author !== this.#username).length;
    this.#last = Math.max(this.#last, newest);

    // What the user looks at keeps its place when older messages come in above.
    const anchor = list.querySelector("[data-id]");
    const before = anchor?.offsetTop;
    arrange(list, this.#lines(messages, onTheirWay));
    if (!this.#atEnd) this.#below += fresh;
    this.#showEdges();
    if (this.#atEnd) this.#toEnd();
    else if (anchor?.isConnected) this.#log.scrollTop += anchor.offsetTop - before;
    this.#see();
  }

  #showHead() {
    const { chat } = this;
    say(byId("room-title"), chat.name);
    const about = [chat.visibility === "public" ? "Public" : "Private"];
    if (chat.members) about.push(chat.members.length === 1 ? "1 member" : `${chat.members.length} members`);
    if (chat.title) about.unshift(chat.id);
    say(byId("room-about"), about.join(" · "));
  }

  #showEdges() {
    const { chat } = this;
    byId("older").hidden = !(chat.history === "loaded" && chat.earlier);
    say(byId("older"), this.#loadingOlder ? "Reading earlier messages…" : "Earlier messages");
    const state = {
      none: "",
      loading: chat.messages.length > 0 ? "" : "Reading…",
      loaded: byId("messages").childElementCount > 0 ? "" : "Nothing has been said here yet. Say the first word.",
      failed: chat.failure && sentence(chat.failure),
    }[chat.history];
    showSentence(byId("log-state"), state);
    const newest = byId("newest");
    newest.hidden = this.#atEnd;
    say(newest, this.#below > 0 ? `${this.#below} new ↓` : "Newest ↓");
  }

  /** The lines of the log, in order: days, messages, and messages on their way. */
  #lines(messages, onTheirWay) {
    const lines = [];
    let previous = null;
    let marked = false;
    const known = new Set();
    for (const message of messages) {
      const at = new Date(message.created_at);
      const day = dayOf(at);
      if (previous?.day !== day) {
        lines.push(this.#day(day, at));
        previous = null;
      }
      if (!marked && message.id > this.#read && message.author !== this.#username) {
        lines.push(this.#newLine);
        marked = true;
        previous = null;
      }
      const joined = previous?.author === message.author && at - previous.at < TOGETHER;
      lines.push(this.#message(message, at, joined));
      known.add(message.client_id);
      previous = { day, at, author: message.author };
    }
    for (const entry of onTheirWay) {
      if (!known.has(entry.clientID)) lines.push(this.#onItsWay(entry));
    }
    const kept = new Set(lines);
    for (const [key, node] of this.#nodes) {
      if (!kept.has(node)) this.#nodes.delete(key);
    }
    return lines;
  }

  #day(day, at) {
    let node = this.#days.get(day);
    if (!node) {
      node = el("li", { class: "day", role: "separator" }, el("time", { datetime: at.toISOString() }));
      this.#days.set(day, node);
    }
    say(node.firstChild, dayName(at));
    return node;
  }

  #message(message, at, joined) {
    let node = this.#nodes.get(message.id);
    if (!node) {
      const own = message.author === this.#username;
      node = el("li", { class: own ? "message own" : "message", "data-id": message.id, "data-author": message.author },
        el("p", { class: "meta" },
          el("bdi", { class: "author", "data-hue": hue(message.author) }, own ? "You" : message.author),
          el("time", { datetime: message.created_at, title: fully(at) }, timeOf(at))),
        el("p", { class: "text", dir: "auto" }, message.text));
      this.#nodes.set(message.id, node);
    }
    node.classList.toggle("joined", joined);
    return node;
  }

  #onItsWay(entry) {
    let node = this.#nodes.get(entry.clientID);
    if (!node) {
      node = el("li", { class: "message own pending", "data-client-id": entry.clientID },
        el("p", { class: "meta" }, el("span", { class: "state" })),
        el("p", { class: "text", dir: "auto" }, entry.text));
      this.#nodes.set(entry.clientID, node);
    }
    node.classList.toggle("late", entry.state === "late");
    node.classList.toggle("troubled", entry.state === "troubled");
    say(node.querySelector(".state"), states[entry.state]);
    return node;
  }

  #post() {
    const text = this.#text.value;
    if (text.trim() === "") return;
    this.#draft(this.chat.id, "");
    this.#text.value = "";
    this.#refuse(this.chat.id, "");
    this.#fit();
    this.#atEnd = true;
    this.#read = Infinity;
    this.#given.post(this.chat, text);
    this.#text.focus();
  }

  /** Keeps what was written but not sent, over a reload too. */
  #draft(chatID, text) {
    if (text) this.#drafts.set(chatID, text);
    else this.#drafts.delete(chatID);
    tab.write(`parley.drafts.${this.#username}`, this.#drafts.size > 0 ? Object.fromEntries(this.#drafts) : null);
  }

  #refuse(chatID, text) {
    if (text) this.#refusals.set(chatID, text);
    else this.#refusals.delete(chatID);
    if (this.chat?.id === chatID) showSentence(byId("composer-error"), text);
  }

  async #older() {
    const { chat } = this;
    if (this.#loadingOlder || !chat?.earlier || chat.history !== "loaded") return;
    this.#loadingOlder = true;
    this.#showEdges();
    try {
      await this.#given.older(chat);
    } catch {
      // The button is still there.
    } finally {
      this.#loadingOlder = false;
      if (this.chat?.id === chat.id) this.#showEdges();
    }
  }

  #scrolled() {
    if (!this.chat) return;
    const { scrollTop, scrollHeight, clientHeight } = this.#log;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
    if (this.#atEnd) this.#below = 0;
    if (scrollTop < NEAR_BEGINNING && scrollHeight > clientHeight) this.#older();
    this.#showEdges();
    this.#see();
  }

  #toEnd() {
    this.#atEnd = true;
    this.#below = 0;
    this.#log.scrollTop = this.#log.scrollHeight;
    byId("newest").hidden = true;
  }

  /** Tells that the newest message is before the user's eyes, if it is. */
  #see() {
    const { chat } = this;
    if (chat?.history === "loaded" && this.#atEnd && document.visibilityState === "visible") this.#given.seen(chat);
  }

  /** Makes the box as high as what is in it; the style sheet says how high at the most. */
  #fit() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight}px`;
  }
}

/** One of a few colours, the same for the same name. */
function hue(name) {
  let sum = 7;
  for (const char of name) sum = (31 * sum + char.codePointAt(0)) % 65_521;
  return sum % HUES;
}
