// A sentence over the page that goes away by itself.

import { byId, say } from "./dom.js";

const STAYS = 10_000;

let timer = 0;

/** Shows a sentence for a while, or until it is dismissed. */
export function notice(text) {
  const box = byId("notice");
  // Shown anew, it comes to stand above a dialog that was opened meanwhile.
  if (box.matches(":popover-open")) box.hidePopover();
  box.showPopover();
  say(byId("notice-text"), text);
  clearTimeout(timer);
  timer = setTimeout(dismiss, STAYS);
}

/** Takes the notice away. */
export function dismiss() {
  clearTimeout(timer);
  const box = byId("notice");
  if (box.matches(":popover-open")) box.hidePopover();
}
