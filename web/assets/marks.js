// How far the user has read each chat, kept in this browser.

import { browser, onWritten } from "./kept.js";

/** The read marks of one user: positions in the log, by chat. */
export class Marks {
  #key;
  #marks;

  /** changed is called when another tab has moved a mark. */
  constructor(username, changed, signal) {
    this.#key = `parley.read.${username}`;
    this.#read();
    onWritten(this.#key, () => {
      this.#read();
      changed();
    }, signal);
  }

  /** The position up to which the chat was read; undefined if it never was here. */
  get(chatID) {
    return this.#marks[chatID];
  }

  /** Moves the chat's mark to position. */
  set(chatID, position) {
    if (this.#marks[chatID] === position) return;
    this.#read();
    this.#marks[chatID] = position;
    browser.write(this.#key, this.#marks);
  }

  /** Forgets everything, here and for the other tabs. */
  clear() {
    this.#marks = {};
    browser.write(this.#key, null);
  }

  #read() {
    // Without a prototype a chat may be called "constructor".
    this.#marks = Object.assign(Object.create(null), browser.read(this.#key));
  }
}
