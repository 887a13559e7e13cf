// Messages on their way. One that was taken into the outbox is posted until the
// service has answered: each carries its client_id from the beginning, so that a
// lost answer neither loses nor doubles it.

import { LATE } from "./api.js";
import { tab } from "./kept.js";
import { until } from "./retry.js";

const KEY = "parley.outbox";

/**
 * The outbox of a user. It fires "change", "posted" (`detail` is the message as
 * stored), and "refused" (`detail` is {entry, error}): then the entry is out of
 * it, and its text belongs to whoever listens.
 *
 * What a chat is sent keeps its order. Entries survive a reload of the page.
 */
export class Outbox extends EventTarget {
  #session;
  #signal;
  #username;
  #entries;
  #sending = new Set();

  constructor(session, signal) {
    super();
    this.#session = session;
    this.#username = session.user.username;
    this.#signal = signal;
    this.#entries = this.#kept().filter(({ by }) => by === this.#username).map((entry) => this.#watched(entry));
  }

  /** Whether nothing is on its way. */
  get empty() {
    return this.#entries.length === 0;
  }

  /** Whether anything on its way takes longer than it should. */
  get late() {
    return this.#entries.some(({ state }) => state !== "sending");
  }

  /**
   * What is on its way to a chat, in order: {clientID, text, state}. The state is
   * "sending", "late" where there is no answer yet, or "troubled" where an attempt failed.
   */
  of(chatID) {
    return this.#entries.filter(({ chat }) => chat === chatID);
  }

  /** Goes on with what an earlier page left. */
  start() {
    for (const chat of new Set(this.#entries.map((entry) => entry.chat))) this.#send(chat);
  }

  add(chat, text) {
    this.#entries.push(this.#watched({ clientID: newID(), chat, text, by: this.#username }));
    this.#keep();
    this.#send(chat);
  }

  /** Notes that the stream has brought the message: its answer is not needed. */
  arrived({ author, client_id: clientID }) {
    if (author !== this.#username || !clientID) return;
    const entry = this.#entries.find((candidate) => candidate.clientID === clientID);
    if (entry) this.#remove(entry);
  }

  /** Gives up what has not been posted yet. */
  clear() {
    for (const entry of [...this.#entries]) this.#remove(entry);
  }

  async #send(chat) {
    if (this.#sending.has(chat)) return;
    this.#sending.add(chat);
    for (let entry; !this.#signal.aborted && (entry = this.of(chat)[0]);) await this.#post(entry);
    this.#sending.delete(chat);
  }

  async #post(entry) {
    const body = { chat: entry.chat, text: entry.text, client_id: entry.clientID };
    try {
      const message = await until(() => this.#session.call("POST", "messages", body), {
        signal: AbortSignal.any([entry.done.signal, this.#signal]),
        onTrouble: () => this.#mark(entry, "troubled"),
      });
      this.dispatchEvent(new CustomEvent("posted", { detail: message }));
      this.#remove(entry);
    } catch (error) {
      // Aborted: the message has arrived, or the user is signed out and the
      // entry waits for him to come back.
      if (entry.done.signal.aborted || this.#signal.aborted) return;
      this.#remove(entry);
      this.dispatchEvent(new CustomEvent("refused", { detail: { entry, error } }));
    }
  }

  /** An entry of the outbox, which is late from some time on. */
  #watched(kept) {
    const entry = { ...kept, state: "sending", done: new AbortController() };
    const timer = setTimeout(() => entry.state === "sending" && this.#mark(entry, "late"), LATE);
    AbortSignal.any([entry.done.signal, this.#signal]).addEventListener("abort", () => clearTimeout(timer));
    return entry;
  }

  #mark(entry, state) {
    entry.state = state;
    this.#changed();
  }

  #remove(entry) {
    const at = this.#entries.indexOf(entry);
    if (at < 0) return;
    this.#entries.splice(at, 1);
    entry.done.abort();
    this.#keep();
  }

  #kept() {
    return tab.read(KEY) ?? [];
  }

  /** Writes the user's entries beside those that others left in this tab. */
  #keep() {
    const others = this.#kept().filter(({ by }) => by !== this.#username);
    const own = this.#entries.map(({ clientID, chat, text, by }) => ({ clientID, chat, text, by }));
    const all = [...others, ...own];
    tab.write(KEY, all.length > 0 ? all : null);
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new CustomEvent("change"));
  }
}

/**
 * A UUID of version 7 (RFC 9562): it begins with the time, so that the service's index of
 * keys grows at its end. randomUUID makes version 4, and would take a secure context.
 */
function newID() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const time = new DataView(bytes.buffer);
  const now = Date.now();
  time.setUint16(0, now / 2 ** 32);
  time.setUint32(2, now);
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
