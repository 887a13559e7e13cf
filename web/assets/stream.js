// Everything that happens in the user's chats, live, over one EventSource.

import { passes } from "./api.js";
import { hurry, pause } from "./retry.js";

/** The events that have a place in the log; "message" is EventSource's own. */
const KINDS = [
  "message", "chat.updated", "chat.deleted", "chat.joined", "chat.left",
  "member.joined", "member.updated", "member.left",
];

const CHECK = 5_000;
const PATIENCE = 45_000;
const MOST_PATIENCE = 300_000;

/**
 * A page that is hidden for this long lets go of its connection: over HTTP/1.1 a browser
 * has six to a host, for all its tabs together.
 */
const HIDDEN = 3_000;

/** How often, on average, a hidden page reads what it missed: its title counts it. */
const GLANCE = 60_000;

/** A connection that comes back within this time is not worth a word. */
const GRACE = 700;

/**
 * A stream that keeps its place over whatever happens to its connection. Its
 * state is "connecting" until it is "live" for the first time, then "live",
 * "reconnecting" or "offline"; "resting" while the page is hidden, and "connecting"
 * again when it is back in view.
 *
 * The caller gives: `renew()`, which gets new tokens or throws; `onState(state)`;
 * `onEvent(kind, data, position)`; `onLost()`, the place is gone: what was read
 * before has to be read again; `onEnding()`, the token ends soon.
 */
export class Stream {
  state = "connecting";
  #given;
  /** The last position given, as the service wrote it: a number may be too large here. */
  #cursor = null;
  #source = null;
  #closed = new AbortController();
  #heard = 0;
  #patience = PATIENCE;
  #grace = 0;
  #failed = 0;
  #recovering = false;
  #wasLive = false;
  /** Whether the connection was let go of, because the page is hidden. */
  #resting = false;
  #hiding = 0;
  #glancing = 0;

  constructor(given) {
    this.#given = given;
  }

  /** Follows what comes after cursor, a string; or from now where it is null. */
  open(cursor) {
    this.#cursor = cursor;
    const { signal } = this.#closed;
    const checking = setInterval(() => this.#check(), CHECK);
    signal.addEventListener("abort", () => clearInterval(checking));
    addEventListener("online", () => {
      this.#tell("reconnecting");
      if (this.#source !== null) this.#connect();
      hurry();
    }, { signal });
    addEventListener("offline", () => this.#tell("offline"), { signal });
    document.addEventListener("visibilitychange", () => this.#turned(), { signal });
    // A page in the browser's back and forward cache has no connections.
    addEventListener("pagehide", () => this.#rest(), { signal });
    addEventListener("pageshow", (event) => event.persisted && this.#turned(), { signal });
    if (document.hidden) this.#rest();
    else this.#connect();
  }

  close() {
    this.#closed.abort();
    this.#drop();
    for (const timer of [this.#grace, this.#hiding, this.#glancing]) clearTimeout(timer);
  }

  /** Goes with the page, which was hidden or has come back into view. */
  #turned() {
    clearTimeout(this.#hiding);
    if (document.hidden) this.#hiding = setTimeout(() => this.#rest(), HIDDEN);
    else if (this.#resting) this.#wake();
    else this.#check();
  }

  #rest() {
    this.#resting = true;
    this.#drop();
    this.#set("resting");
    this.#glanceLater();
  }

  #wake() {
    this.#resting = false;
    clearTimeout(this.#glancing);
    this.#tell("connecting");
    if (this.#recovering) hurry();
    else this.#connect();
  }

  /** Takes what a resting stream missed, now and then. The connection ends at "ready". */
  #glanceLater() {
    clearTimeout(this.#glancing);
    // Random, so that many hidden pages do not all do it at once.
    this.#glancing = setTimeout(() => {
      if (!this.#recovering) this.#connect();
      this.#glanceLater();
    }, GLANCE * (0.75 + Math.random() / 2));
  }

  #connect() {
    this.#drop();
    let unplaced = this.#cursor === null;
    const url = new URL("stream", document.baseURI);
    url.searchParams.set("after", this.#cursor ?? "now");
    const source = new EventSource(url);
    this.#source = source;
    this.#heard = Date.now();
    const on = (name, handle) => source.addEventListener(name, (event) => {
      if (source !== this.#source) return;
      this.#heard = Date.now();
      if (event.lastEventId) this.#cursor = event.lastEventId;
      handle(event);
    });

    for (const kind of KINDS) {
      on(kind, (event) => this.#given.onEvent(kind, JSON.parse(event.data), Number(event.lastEventId)));
    }
    on("ready", () => {
      this.#failed = 0;
      this.#wasLive = true;
      this.#tell("live");
      hurry();
      if (unplaced) this.#given.onLost();
      unplaced = false; // the browser's own reconnects go on from the first's place
      if (this.#resting) this.#drop();
    });
    let pinged = this.#heard;
    on("ping", () => {
      // The service may have been set to speak less often than is usual.
      this.#patience = Math.min(Math.max(PATIENCE, 3 * (this.#heard - pinged)), MOST_PATIENCE);
      pinged = this.#heard;
    });
    on("reset", () => this.#given.onLost());
    on("auth", () => this.#given.onEnding());
    on("bye", (event) => {
      const { reason } = JSON.parse(event.data);
      // After any other end the browser comes back by itself, from its place.
      if (reason === "expired" || reason === "revoked") this.#recover();
    });
    source.onerror = () => {
      if (source !== this.#source) return;
      this.#tell("reconnecting");
      if (source.readyState === EventSource.CLOSED) this.#recover();
    };
  }

  /**
   * Comes back where the browser does not: it gives up for good on any status but
   * 200, and does not tell it. Most often it is a token that has run out, while
   * the machine slept.
   */
  async #recover() {
    this.#drop();
    this.#tell("reconnecting");
    this.#recovering = true;
    const renewed = await this.#renewed();
    this.#recovering = false;
    if (renewed && !this.#closed.signal.aborted && !this.#resting) this.#connect();
  }

  /** Gets new tokens, however long it takes, and says whether there are any. */
  async #renewed() {
    const { signal } = this.#closed;
    for (;;) {
      try {
        if (this.#failed++ > 0) await pause(this.#failed - 2, null, signal);
        await this.#given.renew();
        return true;
      } catch (error) {
        if (signal.aborted || !passes(error)) return false;
      }
    }
  }

  /**
   * Looks whether the service, which says something every 15 s or so, is still
   * there: nobody tells a machine that slept, or changed its network, that its
   * connections are dead.
   */
  #check() {
    if (this.#source === null) return;
    if (Date.now() - this.#heard < this.#patience) return;
    if (this.#resting) {
      this.#drop();
      return;
    }
    this.#patience = Math.min(2 * this.#patience, MOST_PATIENCE);
    this.#tell("reconnecting");
    this.#connect();
  }

  #drop() {
    this.#source?.close();
    this.#source = null;
  }

  #tell(state) {
    if (this.#resting) return;
    if (!navigator.onLine && state !== "live") state = "offline";
    if (state === "reconnecting") {
      if (this.state === "connecting" && !this.#wasLive) return;
      if (this.state === "live" || this.state === "connecting") {
        this.#grace ||= setTimeout(() => this.#set(state), GRACE);
        return;
      }
    }
    this.#set(state);
  }

  #set(state) {
    clearTimeout(this.#grace);
    this.#grace = 0;
    if (this.#closed.signal.aborted || this.state === state) return;
    this.state = state;
    this.#given.onState(state);
  }
}
