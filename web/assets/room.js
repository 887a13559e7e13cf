// The chat that is open: its messages.

import { Composer, mayTakeFocus } from "./composer.js";
import { arrange, byId, el, say } from "./dom.js";
import { sentence, showSentence } from "./forms.js";
import { MessageMenu } from "./menu.js";
import { messageLine, pendingLine, showProgress } from "./message.js";
import { dayName, dayOf } from "./when.js";

/** How near the end counts as being there, and how near an edge asks for more. */
const NEAR_END = 48;
const NEAR_EDGE = 600;

/** How many messages are in the document at the most, and how many more are asked for. */
const SHOWN = 200;
const STEP = 50;

/** How many of those who are here are named. */
const NAMED = 3;

/** Messages of one author within this time stand together. */
const TOGETHER = 5 * 60_000;

/**
 * The open chat's view. The caller gives it what the composer and the menu are given, and
 * `older(chat)`, `load(chat)`, `trim(chat, most)`, which leaves the last messages,
 * `quoted(chat, id)`, which returns a message of the chat or undefined while it is not known,
 * and `seen(chat)`, called when the user can see the newest message.
 */
export class Room {
  chat = null;
  #given;
  #username;
  #log = byId("log");
  #composer;
  #menu;
  /** The lines in the document, by the id of their message, with what they were made of. */
  #lines = new Map();
  #days = new Map();
  #onTheirWay = [];
  /** The ids between which messages are shown; the last is Infinity at the end of the chat. */
  #first = 0;
  #last = Infinity;
  #atEnd = true;
  #below = 0;
  #newest = 0;
  #loadingOlder = false;
  /** How much was unread when the chat was opened, and its last message then: what is new. */
  #unread = 0;
  #until = 0;
  /** The message up to which all was read then, which is known once what is new has been loaded. */
  #read = Infinity;
  #newLine = el("li", { class: "new-line" }, "New");

  constructor(username, given, signal) {
    this.#username = username;
    this.#given = given;
    this.#menu = new MessageMenu({ ...given, reply: (message) => this.#composer.reply(message), edit: (message) => this.#edit(message) }, signal);
    this.#composer = new Composer(username, {
      ...given,
      post: (...post) => this.#post(...post),
      editLast: () => this.#editLast(),
    }, signal);
    const on = (target, name, handle) => target.addEventListener(name, handle, { signal });
    on(this.#log, "scroll", () => this.#scrolled());
    on(byId("older"), "click", () => this.#older());
    on(byId("newest"), "click", () => {
      this.#toEnd();
      this.#composer.focus();
    });
    on(byId("messages"), "click", (event) => this.#clicked(event));
    on(byId("messages"), "keydown", (event) => this.#pressed(event));
    on(document, "visibilitychange", () => this.#see());
    on(window, "focus", () => this.#see());
    // What was at the end stays there when the window or the box changes size.
    const resized = new ResizeObserver(() => this.#atEnd && this.#scrollToEnd());
    resized.observe(this.#log);
    resized.observe(byId("messages"));
    signal.addEventListener("abort", () => resized.disconnect());
  }

  /** Shows another chat, or none. */
  open(chat) {
    this.chat = chat;
    this.#lines.clear();
    this.#days.clear();
    byId("messages").replaceChildren();
    this.#menu.close();
    this.#atEnd = true;
    this.#below = 0;
    this.#newest = 0;
    this.#first = 0;
    this.#last = Infinity;
    this.#loadingOlder = false;
    this.#composer.open(chat);
    if (!chat) return;
    this.#unread = chat.unread;
    this.#until = chat.last?.id ?? 0;
    this.#read = Infinity;
    this.#given.load(chat);
  }

  /** Forgets what was written but not sent. */
  clear() {
    this.#composer.clear();
  }

  /** Puts the keyboard where it is of most use, without raising one on a screen. */
  focus() {
    if (mayTakeFocus()) this.#composer.focus();
    else byId("room-title").focus();
  }

  giveBack(chatID, text, error) {
    this.#composer.giveBack(chatID, text, error);
  }

  /** Shows the chat as it is now, and behind its messages those on their way. */
  show(chat, onTheirWay) {
    // Listing again makes the chat anew, without what was read of its past.
    if (this.chat !== chat) this.#last = Infinity;
    this.chat = chat;
    this.#onTheirWay = onTheirWay;
    this.#given.load(chat);
    this.#composer.show(chat);
    this.#showHead();
    const { messages } = chat;
    const fresh = this.#newest === 0 ? 0
      : messages.filter(({ id, author }) => id > this.#newest && author !== this.#username).length;
    this.#newest = Math.max(this.#newest, messages.at(-1)?.id ?? 0);
    this.#findNew();
    if (!this.#atEnd) this.#below += fresh;
    this.#render();
    this.#see();
  }

  /** Counts back to the first of the messages that are new. */
  #findNew() {
    if (this.#unread === 0) return;
    const news = this.chat.messages.filter(({ id, author }) => id <= this.#until && author !== this.#username);
    if (news.length < this.#unread) return;
    this.#read = news.at(-this.#unread).id - 1;
    this.#unread = 0;
  }

  /** Lays out the part of the chat that is shown. What the user looks at keeps its place. */
  #render() {
    const shown = this.#part();
    const anchor = this.#atEnd ? null : this.#topmost();
    const before = anchor?.offsetTop;
    arrange(byId("messages"), this.#arranged(shown));
    this.#showEdges();
    if (this.#atEnd) this.#scrollToEnd();
    else if (anchor?.isConnected) this.#log.scrollTop += anchor.offsetTop - before;
  }

  /** The messages that are shown: at the end the newest, else those around where the user is. */
  #part() {
    const { messages } = this.chat;
    if (this.#atEnd) {
      // At the end nobody looks at what comes before the first message in the document.
      if (messages.length > 2 * SHOWN) this.#given.trim(this.chat, SHOWN);
      this.#last = Infinity;
      this.#first = (messages.at(-SHOWN) ?? messages[0])?.id ?? 0;
    }
    const from = this.#index(this.#first);
    // What comes in while the past is read is shown once the end is reached.
    if (this.#last === Infinity && messages.length - from > 2 * SHOWN) this.#last = messages[from + SHOWN].id;
    return messages.slice(from, this.#last === Infinity ? undefined : this.#index(this.#last) + 1);
  }

  /** Where the first message stands that is not before an id. */
  #index(id) {
    const { messages } = this.chat;
    let from = 0;
    let to = messages.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (messages[middle].id < id) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** The first line that the user sees any of. */
  #topmost() {
    const { scrollTop } = this.#log;
    return [...byId("messages").children].find((line) => line.dataset.id && line.offsetTop + line.offsetHeight > scrollTop);
  }

  /** Moves the part that is shown by some messages, and says whether there were any. */
  #move(by) {
    const { messages } = this.chat;
    const first = this.#index(this.#first);
    const last = this.#last === Infinity ? messages.length - 1 : this.#index(this.#last);
    if (by < 0 ? first === 0 : last === messages.length - 1) return false;
    const from = by < 0 ? Math.max(0, first + by) : first;
    const to = by > 0 ? Math.min(messages.length - 1, last + by) : last;
    this.#first = messages[by > 0 ? Math.max(from, to - SHOWN + 1) : from].id;
    const end = by < 0 ? Math.min(to, from + SHOWN - 1) : to;
    this.#last = end === messages.length - 1 ? Infinity : messages[end].id;
    this.#render();
    return true;
  }

  #showHead() {
    const { chat } = this;
    say(byId("room-title"), chat.name);
    const about = [chat.visibility === "public" ? "Public" : "Private"];
    if (chat.members) about.push(chat.members.length === 1 ? "1 member" : `${chat.members.length} members`);
    if (chat.title) about.unshift(chat.id);
    const here = [...chat.present ?? []].filter((name) => name !== this.#username);
    if (here.length > 0) about.push(`${here.length <= NAMED ? here.join(", ") : here.length} here`);
    say(byId("room-about"), about.join(" · "));
    say(byId("typing"), typists([...chat.typing.keys()]));
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
  #arranged(messages) {
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
      const line = this.#line(message);
      line.classList.toggle("joined", previous?.author === message.author && at - previous.at < TOGETHER);
      lines.push(line);
      known.add(message.client_id);
      previous = { day, at, author: message.author };
    }
    if (this.#last === Infinity) {
      for (const entry of this.#onTheirWay) {
        if (!known.has(entry.post.client_id)) lines.push(this.#pending(entry));
      }
    }
    const kept = new Set(lines);
    for (const [key, { line }] of this.#lines) {
      if (!kept.has(line)) this.#lines.delete(key);
    }
    this.#makeReachable(lines);
    return lines;
  }

  #day(day, at) {
    let node = this.#days.get(day);
    if (!node) {
      node = el("li", { class: "day" }, el("time", { datetime: at.toISOString() }));
      this.#days.set(day, node);
    }
    say(node.firstChild, dayName(at));
    return node;
  }

  #line(message) {
    const quoted = message.reply_to ? this.#given.quoted(this.chat, message.reply_to) : null;
    const known = this.#lines.get(message.id);
    if (known?.message === message && known.quoted === quoted) return known.line;
    const line = messageLine(message, quoted, this.#username);
    this.#lines.set(message.id, { line, message, quoted });
    if (known?.line.contains(document.activeElement)) this.#keepFocus(known.line, line);
    return line;
  }

  /** Has a line that takes another's place take its focus. */
  #keepFocus(before, line) {
    const { does, emoji } = document.activeElement.dataset;
    before.replaceWith(line);
    (line.querySelector(emoji ? `[data-emoji="${emoji}"]` : `[data-does="${does}"]`) ?? line.querySelector(".more") ?? this.#log).focus();
  }

  #pending(entry) {
    const key = entry.post.client_id;
    let line = this.#lines.get(key)?.line;
    if (!line) {
      line = pendingLine(entry);
      this.#lines.set(key, { line });
    }
    showProgress(line, entry);
    return line;
  }

  /** Has the Tab key come to the actions of one message; the arrows go to the others. */
  #makeReachable(lines) {
    const buttons = lines.map((line) => line.querySelector(".more")).filter(Boolean);
    if (buttons.some((button) => button.tabIndex === 0)) return;
    if (buttons.length > 0) buttons.at(-1).tabIndex = 0;
  }

  #pressed(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || !event.target.matches(".more")) return;
    event.preventDefault();
    const buttons = [...byId("messages").querySelectorAll(".more")];
    const to = buttons[buttons.indexOf(event.target) + step];
    if (!to) return;
    event.target.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  }

  #clicked({ target }) {
    const button = target.closest("button");
    const id = Number(button?.closest("[data-id]")?.dataset.id);
    const message = id && this.chat.messages[this.#index(id)];
    if (!message) return;
    const { does, emoji } = button.dataset;
    if (does === "more") this.#menu.open(message, button);
    else if (does === "react") this.#given.react(message, emoji);
    else if (does === "quoted") this.#goTo(message.reply_to);
  }

  /** Shows a message of the past, as far as it was read. */
  #goTo(id) {
    const at = this.#index(id);
    if (this.chat.messages[at]?.id !== id) return;
    this.#atEnd = false;
    this.#first = this.chat.messages[Math.max(0, at - STEP)].id;
    const end = at + SHOWN - STEP;
    this.#last = end >= this.chat.messages.length - 1 ? Infinity : this.chat.messages[end].id;
    this.#render();
    const { line } = this.#lines.get(id);
    line.scrollIntoView({ block: "center" });
    line.querySelector(".more")?.focus({ preventScroll: true });
  }

  #editLast() {
    const last = this.chat.messages.findLast(({ author, deleted }) => author === this.#username && !deleted);
    if (last && this.#given.may(last).edit) this.#edit(last);
  }

  async #edit(message) {
    const { chat } = this;
    const fresh = await this.#given.reload(message).catch(() => null);
    if (fresh && !fresh.deleted && this.chat?.id === chat.id) this.#composer.edit(fresh);
  }

  #post(chat, text, replyTo) {
    this.#atEnd = true;
    this.#read = Infinity;
    this.#unread = 0;
    this.#given.post(chat, text, replyTo);
  }

  async #older() {
    const { chat } = this;
    if (this.#move(-STEP)) return;
    if (this.#loadingOlder || !chat?.earlier || chat.history !== "loaded") return;
    this.#loadingOlder = true;
    this.#showEdges();
    try {
      await this.#given.older(chat);
      if (this.chat?.id === chat.id) this.#move(-STEP);
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
    const left = scrollHeight - scrollTop - clientHeight;
    this.#atEnd = this.#last === Infinity && left < NEAR_END;
    if (this.#atEnd) this.#below = 0;
    else if (scrollTop < NEAR_EDGE && scrollHeight > clientHeight) this.#older();
    else if (left < NEAR_EDGE && this.#last !== Infinity) this.#move(STEP);
    this.#showEdges();
    this.#see();
  }

  #toEnd() {
    this.#atEnd = true;
    this.#below = 0;
    this.#render();
  }

  #scrollToEnd() {
    this.#below = 0;
    this.#log.scrollTop = this.#log.scrollHeight;
    byId("newest").hidden = true;
  }

  /** Tells that the newest message is before the user's eyes, if it is. */
  #see() {
    const { chat } = this;
    if (chat?.history === "loaded" && this.#atEnd && document.visibilityState === "visible") this.#given.seen(chat);
  }
}

/** Who types, as a sentence. */
function typists(names) {
  if (names.length === 0) return "";
  if (names.length > NAMED) return "Several people are typing…";
  const last = names.pop();
  return names.length === 0 ? `${last} is typing…` : `${names.join(", ")} and ${last} are typing…`;
}
