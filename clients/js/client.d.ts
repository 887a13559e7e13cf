/**
 * The client of parley for browsers and for Node 18 and newer: log in, post, follow.
 *
 * A page of the service's own origin is signed in by cookies that no script can read.
 * Elsewhere tokens are kept in `storage`: in a browser localStorage, in Node memory.
 *
 * These declarations say what the module promises, README.md how it keeps that.
 */

export interface User {
  username: string;
  display_name: string;
  admin: boolean;
  bot: boolean;
  disabled: boolean;
  created_at: string;
}

export interface Message {
  /** The message's position in the log: it grows in commit order over the whole service. */
  id: number;
  seq: number;
  chat: string;
  author: string;
  text: string;
  created_at: string;
  edited_at?: string;
  deleted?: boolean;
  reply_to?: number;
  client_id?: string;
  reactions?: Record<string, { count: number; users: string[]; mine?: boolean }>;
}

/**
 * What a stream tells, by the names of the HTTP contract: "message", "message.edited",
 * "member.joined", "typing", "ready", "reset" and the others. Durable events have an id.
 * "problem" is the last event of all: its data is a Problem, after which nothing is followed.
 */
export interface StreamEvent {
  event: string;
  id?: number;
  data: any;
}

/** A refusal (RFC 9457), or with status 0 no answer: whether the work was done is not known. */
export class Problem extends Error {
  status: number;
  code: string;
  detail?: string;
  errors: { field: string; message: string }[];
  /** How many milliseconds the service, or a proxy, asks to wait: an hour at most, 0 if neither does. */
  retryAfter: number;
  /** Whether the same call may well succeed a little later. */
  readonly passes: boolean;
}

export interface Options {
  /** Where the service is. A browser takes the folder that this module came from; Node has to be told. */
  url?: string | URL;
  /** A script token, another issuer's token, or what gets one: then there is no login. */
  token?: string | (() => string | Promise<string>);
  /** Where tokens, places and posts on their way are kept, in the form of localStorage. */
  storage?: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  fetch?: typeof fetch;
  /** How long a stream may be silent until it counts as dead, in milliseconds: 45,000. */
  patience?: number;
}

export interface FollowOptions {
  /** One chat; all of the user's where none is named. */
  chat?: string;
  /** Behind which position to begin: a number, "earliest", or null for now. Where it is left out, where an earlier page or an earlier run left off. */
  after?: number | "earliest" | null;
  onState?(state: State): void;
  /** Whether a page that is hidden lets go of its connection, and looks about once a minute: true. */
  rests?: boolean;
}

/** "reconnecting" is told only where it takes longer than a moment; "resting" means hidden. */
export type State = "connecting" | "live" | "reconnecting" | "offline" | "resting" | "closed";

export interface Following {
  readonly state: State;
  rests: boolean;
  close(): void;
}

/** A message on its way. */
export interface Entry {
  post: { chat: string; text: string; reply_to?: number; client_id: string };
  /** When it was given, or this page found it, in milliseconds. */
  since: number;
  /** Why the last attempt failed, which will be followed by others. */
  trouble?: Problem;
  answer: Promise<Message>;
}

/** The messages on their way. They outlive a reload of the page. */
export interface Outbox {
  readonly entries: readonly Entry[];
  /** Those of a chat, in their order. */
  of(chat: string): Entry[];
  /** Gives up what is not sent. */
  clear(): void;
}

/**
 * The service, and who is signed in. It fires
 * - "begin" when somebody is signed in;
 * - "end" when nobody is any more, with detail.reason: "logout", "over" (the service says so),
 *   "elsewhere" (another tab logged out), "other" (another tab is somebody else: load the
 *   page anew), "none" (nobody was), or what leave was given;
 * - "change" when something on its way has changed, "posted" (detail is the message) and
 *   "refused" (detail is {post, error}).
 */
export class Parley extends EventTarget {
  constructor(options?: Options);
  user: User | null;
  readonly outbox: Outbox;

  /** Finds out whether somebody is signed in already, however long it takes; null if not. */
  resume(onTrouble?: (error: Problem) => void): Promise<User | null>;
  logIn(username: string, password: string): Promise<User>;
  logOut(): Promise<void>;
  /** Does other work that ends the session, of which tabs and streams may hear before its answer is here. */
  leave(reason: string, work: () => Promise<unknown>): Promise<void>;
  /** Gets new tokens; open streams live on with them. `ahead`: not where they are nearly new. */
  renew(ahead?: boolean): Promise<void>;

  /**
   * Posts, again and again until the service has answered; the message is stored once, and
   * what one chat is sent keeps its order. Rejects where the service refuses it.
   */
  post(chat: string, text: string, more?: { reply_to?: number }): Promise<Message>;

  /**
   * Gives every event once and in order, over lost connections, restarts and page loads. All
   * tabs of a browser share one connection. A stream that is buffered on the way is replaced
   * by long polling from the same place.
   */
  follow(onEvent: (event: StreamEvent) => void, options?: FollowOptions): Following;

  /** Calls the service and returns the answer's JSON; null where it has none. Throws a Problem. */
  call<T = any>(method: string, path: string, body?: unknown, options?: CallOptions): Promise<T>;
  /** As call; returns the answer's headers too. */
  ask<T = any>(method: string, path: string, body?: unknown, options?: CallOptions): Promise<{ answer: T; headers: Headers }>;
}

export interface CallOptions {
  headers?: Record<string, string>;
  /** Ends the call; without one it may take 20 seconds. */
  signal?: AbortSignal;
}

/** Tries again, with growing pauses, what fails in a way that passes. */
export function until<T>(attempt: () => Promise<T>, options?: { signal?: AbortSignal; onTrouble?(error: Problem): void }): Promise<T>;

/** Small values in a storage; where it refuses to keep them they are not there. */
export function kept(storage: () => Options["storage"]): {
  keeps(): boolean | null;
  read(key: string): any;
  write(key: string, value: unknown): void;
};
