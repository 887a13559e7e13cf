// What the page adds to the client's calls.

/** How long an answer may take until the page says that it waits for it. */
export const LATE = 5_000;

/** The calls that have waited for longer than LATE. It fires "change". */
class LateCalls extends EventTarget {
  count = 0;

  /** Watches a request until its answer begins. */
  async watch(answer) {
    let counted = 0;
    const timer = setTimeout(() => this.#add(counted = 1), LATE);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
      if (counted) this.#add(-1);
    }
  }

  #add(n) {
    this.count += n;
    this.dispatchEvent(new CustomEvent("change"));
  }
}

export const lateCalls = new LateCalls();

/** A path whose parts come from outside. */
export const path = (strings, ...parts) => String.raw({ raw: strings }, ...parts.map(encodeURIComponent));
