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

/** A connection that comes back within this time is not worth a word. */
const GRACE = 700;

/**
 * A stream that keeps its place over whatever happens to its connection. Its
 * state is "connecting" until it is "live" for the first time, then "live",
 * "reconnecting" or "offline".
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
    document.addEventListener("visibilitychange", () => this.#check(), { signal });
    // A page in the browser's back and forward cache has no connections.
    addEventListener("pageshow", (event) => event.persisted && this.#connect(), { signal });
    this.#connect();
  }

  close() {
    this.#closed.abort();
    this.#drop();
    clearTimeout(this.#grace);
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
      this.#tell("live");
      hurry();
      if (unplaced) this.#given.onLost();
      unplaced = false; // the browser's own reconnects go on from the first's place
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
    const { signal } = this.#closed;
    try {
      if (this.#failed++ > 0) await pause(this.#failed - 2, null, signal);
      await this.#given.renew();
    } catch (error) {
      if (!signal.aborted && passes(error)) this.#recover();
      return;
    }
    if (!signal.aborted && this.#source === null) this.#connect();
  }

  /**
   * Looks whether the service, which says something every 15 s or so, is still
   * there: nobody tells a machine that slept, or changed its network, that its
   * connections are dead.
   */
  #check() {
    if (this.#source === null) return;
    if (Date.now() - this.#heard < this.#patience) return;
    this.#patience = Math.min(2 * this.#patience, MOST_PATIENCE);
    this.#tell("reconnecting");
    this.#connect();
  }

  #drop() {
    this.#source?.close();
    this.#source = null;
  }

  #tell(state) {
    if (!navigator.onLine && state !== "live") state = "offline";
    if (state === "reconnecting") {
      if (this.state === "connecting") return;
      if (this.state === "live") {
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
