// What can be done with a message: one menu for all of them, beside the one it is about.

import { byId } from "./dom.js";

/**
 * The menu. The caller gives it what is done: `react(message, emoji)`, `reply(message)`,
 * `edit(message)` and `erase(message)`, and `may(message)`, which says what of it the user
 * may do: {react, reply, edit, erase}.
 */
export class MessageMenu {
  #menu = byId("message-menu");
  #given;
  #message = null;
  #button = null;

  constructor(given, signal) {
    this.#given = given;
    const on = (name, handle) => this.#menu.addEventListener(name, handle, { signal });
    on("click", ({ target }) => this.#choose(target.closest("button")));
    on("keydown", (event) => this.#pressed(event));
    on("toggle", ({ newState }) => this.#button?.setAttribute("aria-expanded", String(newState === "open")));
  }

  open(message, button) {
    this.close();
    this.#message = message;
    this.#button = button;
    const may = this.#given.may(message);
    byId("menu-emoji").hidden = !may.react;
    byId("menu-reply").hidden = !may.reply;
    byId("menu-edit").hidden = !may.edit;
    byId("menu-erase").hidden = !may.erase;
    this.#menu.showPopover();
    this.#place(button.getBoundingClientRect());
    this.#items()[0]?.focus();
  }

  close() {
    if (this.#menu.matches(":popover-open")) this.#menu.hidePopover();
  }

  /** Puts the menu beside a box, and inside the window. */
  #place(box) {
    const { offsetWidth: width, offsetHeight: height } = this.#menu;
    const left = Math.min(box.left, innerWidth - width - 8);
    const below = box.bottom + 4;
    const top = below + height > innerHeight ? box.top - height - 4 : below;
    this.#menu.style.left = `${Math.max(8, left)}px`;
    this.#menu.style.top = `${Math.max(8, top)}px`;
  }

  #items() {
    return [...this.#menu.querySelectorAll("button")].filter((button) => button.offsetParent !== null || button.getClientRects().length > 0);
  }

  #choose(button) {
    if (!button) return;
    const message = this.#message;
    this.#button?.focus();
    this.close();
    if (button.dataset.emoji) this.#given.react(message, button.dataset.emoji);
    else this.#given[button.dataset.does](message);
  }

  #pressed(event) {
    const items = this.#items();
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    items.at(to % items.length).focus();
  }
}
