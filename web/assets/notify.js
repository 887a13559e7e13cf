// Notifications of the browser's, for users who asked for them.

import { byId, say } from "./dom.js";
import { browser } from "./kept.js";

const KEY = "parley.notify";

/** Whether the user wants to be notified, and the browser allows it. */
export const notifies = () => browser.read(KEY) === true && globalThis.Notification?.permission === "granted";

/** Wires the choice; changed() is called when it was made. Called once. */
export function prepareNotify(changed) {
  const box = byId("notify");
  byId("notifying").hidden = globalThis.Notification === undefined;
  box.checked = notifies();
  box.addEventListener("change", async () => {
    say(byId("notify-state"), "");
    if (box.checked && await Notification.requestPermission() !== "granted") {
      box.checked = false;
      say(byId("notify-state"), "The browser does not allow it. You can change that in its settings for this page.");
    }
    browser.write(KEY, box.checked || null);
    changed();
  });
}

/** Tells of a message that nobody is looking at; pressing it opens the chat. */
export function notify(chat, message, open) {
  if (!document.hidden || !notifies()) return;
  // All tabs of the browser tell of it, and it is shown once.
  const shown = new Notification(`${message.author} in ${chat.name}`, { body: message.text.slice(0, 200), tag: `parley ${message.id}` });
  shown.addEventListener("click", () => {
    window.focus();
    open(chat.id);
    shown.close();
  });
}
