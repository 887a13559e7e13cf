// Notifications of the browser's, for users who asked for them.

import { byId, say } from "./dom.js";
import { browser, onWritten } from "./kept.js";
import { excerpt } from "./text.js";

/** The lock that each tab in view holds, together with the others. */
const IN_VIEW = "parley.in-view";

/** Whether a user wants to be notified, and how that is done. */
export class Notifications {
  #key;
  #changed;
  #box = byId("notify");

  /** changed is called when the choice was made, here or in another tab. */
  constructor(username, changed, signal) {
    this.#key = `parley.notify.${username}`;
    this.#changed = changed;
    byId("notifying").hidden = globalThis.Notification === undefined;
    this.#box.checked = this.wanted;
    say(byId("notify-state"), "");
    this.#box.addEventListener("change", () => this.#choose(), { signal });
    onWritten(this.#key, () => {
      this.#box.checked = this.wanted;
      changed();
    }, signal);
    document.addEventListener("visibilitychange", tellInView, { signal });
    tellInView();
  }

  /** Whether the user wants to be notified, and the browser allows it. */
  get wanted() {
    return browser.read(this.#key) === true && globalThis.Notification?.permission === "granted";
  }

  /** Tells of a message unless a tab is in view; a click opens the chat. */
  async tell(chat, message, open) {
    if (!document.hidden || !this.wanted || await anyInView()) return;
    // Each tab of the browser does this. The browser shows what has the same tag once.
    const shown = new Notification(`${message.author} in ${chat.name}`, { body: excerpt(message.text), tag: `parley ${message.id}` });
    shown.addEventListener("click", () => {
      window.focus();
      open(chat.id);
      shown.close();
    });
  }

  async #choose() {
    say(byId("notify-state"), "");
    if (this.#box.checked && await Notification.requestPermission() !== "granted") {
      this.#box.checked = false;
      say(byId("notify-state"), "The browser does not allow it. You can change that in its settings for this page.");
    }
    browser.write(this.#key, this.#box.checked || null);
    this.#changed();
  }
}

/** Holds the lock from now until the tab is hidden. */
function tellInView() {
  navigator.locks?.request(IN_VIEW, { mode: "shared" }, () => document.hidden ? null : new Promise((hidden) => {
    document.addEventListener("visibilitychange", hidden, { once: true });
  })).catch(() => {});
}

async function anyInView() {
  const { held } = await navigator.locks?.query() ?? { held: [] };
  return held.some(({ name }) => name === IN_VIEW);
}
