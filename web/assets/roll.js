// A list of a chat's people, which the stream keeps up to date.

/** How long it is at the least, and once more at random, from one reading of a list to the next. */
const LEAST = 5_000;

/** Within which time a list is read anew after something that happens to many pages at once. */
export const SOON = 5_000;

/**
 * A list that is read once, changed by what the stream tells, and read anew where the stream
 * does not tell all: never twice at once, and however often that is wanted, once in a while.
 */
export class Roll {
  /** The list as it is now, or null while it was never read. */
  known = null;
  /** When it is to be read, and not before when. */
  #due = 0;
  #earliest = 0;
  #timer;
  /** What has changed since a reading began, or null while there is none. */
  #changes = null;

  /** Wants the list to be read anew, at some moment within a time. */
  want(within = 0) {
    this.#due = Math.min(this.#due, Date.now() + Math.random() * within);
  }

  /** Changes the list, and what is being read of it, which may be older. */
  change(apply) {
    if (this.known) apply(this.known);
    this.#changes?.push(apply);
  }

  /** Reads the list by ask() where that is wanted; before its time, it has due() called then. */
  async read(ask, due) {
    if (this.#changes || this.#due === Infinity) return;
    clearTimeout(this.#timer);
    const wait = Math.max(this.#due, this.#earliest) - Date.now();
    if (wait > 0) {
      this.#timer = setTimeout(due, wait);
      return;
    }
    this.#due = Infinity;
    this.#earliest = Date.now() + LEAST * (1 + Math.random());
    this.#changes = [];
    try {
      const read = await ask();
      for (const apply of this.#changes) apply(read);
      this.known = read;
    } finally {
      this.#changes = null;
      due();
    }
  }
}
