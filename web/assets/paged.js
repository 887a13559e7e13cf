// A list of the service's, shown a page at a time.

import { say } from "./dom.js";
import { sentence } from "./forms.js";

/**
 * A list in the page. `session` reads it; `name` is the list's in the answers; `rows`,
 * `more`, `state` and `heading` are its elements; `row(item)` makes the element of one
 * item, with the item's id in data-id; `none` is what an empty list says.
 */
export class PagedList {
  #session;
  #given;
  #next = null;
  /** Counts what was shown, so that an answer to an earlier question is not. */
  #turn = 0;

  constructor(session, given) {
    this.#session = session;
    this.#given = given;
    given.more.addEventListener("click", () => this.#showMore());
  }

  /** Shows the list at the path from its beginning. */
  async open(path) {
    this.clear();
    say(this.#given.state, "Reading…");
    await this.#read(path);
  }

  clear() {
    this.#turn++;
    this.#next = null;
    this.#given.rows.replaceChildren();
    this.#given.more.hidden = true;
    say(this.#given.state, "");
  }

  /** Puts an item that is new at the list's beginning. */
  add(item) {
    const row = this.#given.row(item);
    this.#given.rows.prepend(row);
    this.#sayWhetherEmpty();
    return row;
  }

  /** Takes a row away; its focus goes to the row beside it. */
  remove(row) {
    const beside = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    this.#sayWhetherEmpty();
    (beside?.querySelector("button") ?? this.#given.heading).focus();
  }

  /** Does what a button of the list is for, and says where it fails. */
  async try(work) {
    say(this.#given.state, "");
    try {
      await work();
    } catch (error) {
      say(this.#given.state, sentence(error));
    }
  }

  async #showMore() {
    const { rows, more } = this.#given;
    const shown = rows.childElementCount;
    more.hidden = true;
    await this.#read(this.#next);
    rows.children[shown]?.querySelector("button")?.focus();
  }

  async #read(path) {
    const turn = this.#turn;
    const { rows, more, state, name, row } = this.#given;
    try {
      const { items, next } = await this.#session.page(path, name);
      if (turn !== this.#turn) return;
      const present = new Set([...rows.children].map((child) => child.dataset.id));
      rows.append(...items.map(row).filter((made) => !present.has(made.dataset.id)));
      this.#next = next;
      more.hidden = next === null;
      this.#sayWhetherEmpty();
    } catch (error) {
      if (turn !== this.#turn) return;
      more.hidden = this.#next === null;
      say(state, sentence(error));
    }
  }

  #sayWhetherEmpty() {
    say(this.#given.state, this.#given.rows.childElementCount === 0 ? this.#given.none : "");
  }
}
