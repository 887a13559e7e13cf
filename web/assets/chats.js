// The user's chats as the page knows them, kept up to date by the stream.

import { Problem, until } from "../client.js";
import { path } from "./api.js";
import { Roll, SOON } from "./roll.js";

const PAGE = 50;
const LIST_PAGE = 500;

/** How many pages are read of who is here: more names than anybody looks at. */
const PRESENT_PAGES = 20;

/** How long somebody counts as typing, and how often the user's own typing is told. */
const TYPES = 6_000;
const TELL_TYPING = 3_000;

/** How often it is told how far the user has read a chat. */
const TELL_READ = 1_000;

/** How many messages a chat that is not looked at keeps. */
const KEPT = 100;

/** The events that tell how a message has changed. */
const CHANGES = new Set(["message.edited", "message.deleted", "reaction"]);

/** The events that tell who is in a chat. */
const MEMBERSHIPS = new Set(["member.joined", "member.updated", "member.left"]);

/** A chat, and as much of its history as was read. */
class Chat {
  messages = [];
  /** "none", "loading", "loaded", or "failed" with its failure. */
  history = "none";
  failure = null;
  /** Whether there may be messages before the first of messages. */
  earlier = false;
  /** [{username, display_name, role}] by username; without a display_name whom the stream alone has named. */
  membership = new Roll();
  /** The ids of the messages that were read because others answer them. */
  quotesAsked = new Set();
  /** The set of the usernames of who is here. */
  presence = new Roll();
  /** Who types, with the timers that end it. */
  typing = new Map();
  typed = 0;
  /** The message up to which the user has read, as far as the page knows. */
  read = 0;
  /** The message up to which it was told that the user has read, and whether it is being told. */
  toldRead = 0;
  tellingRead = false;
  /** The messages in messages, and those that they answer, by their ids. */
  #known = new Map();
  #ids = new Set();
  /** How many answers are waited for that bring messages. */
  #readings = 0;
  /** How messages were changed during that, and at which position: an answer may be older. */
  #changes = new Map();

  constructor(answer) {
    this.id = answer.id;
    /** How many messages of others the user has not read, and the position up to which they are counted. */
    this.unread = 0;
    this.counted = 0;
    /** The position up to which everything that happened in the chat is in here. */
    this.told = 0;
    this.update(answer);
  }

  /** Takes what the service says of the chat, unless it is older than what is known. */
  update(answer) {
    if (answer.head < this.told) return;
    this.told = answer.head;
    this.head = answer.head;
    this.title = answer.title;
    this.visibility = answer.visibility;
    this.role = answer.role;
    this.last = answer.last_message ?? null;
    this.count(answer);
  }

  /** Takes the service's count of what is unread, unless the user has read all of that since. */
  count({ head, unread, last_message: last }) {
    this.counted = head;
    this.unread = (last?.id ?? 0) <= this.read ? 0 : unread ?? 0;
  }

  /** Counts a message that came in. */
  countOne({ id }) {
    if (id > this.counted && id > this.read) this.unread++;
  }

  /** Takes that the user has read up to a message, and returns whether that is all there is. */
  readUpTo(id) {
    this.read = Math.max(this.read, id);
    const all = this.read >= (this.last?.id ?? 0);
    if (all) this.unread = 0;
    return all;
  }

  get name() {
    return this.title || this.id;
  }

  /** Who is in the chat, or null while that is not known. */
  get members() {
    return this.membership.known;
  }

  /** Who is here, or null while that is not known. */
  get present() {
    return this.presence.known;
  }

  get manages() {
    return this.role === "owner" || this.role === "admin";
  }

  /** Adds messages, each once, in the order of the log, as they were at a position. */
  add(messages, position) {
    const fresh = messages.filter(({ id }) => !this.#ids.has(id)).map((message) => this.#asChanged(message, position));
    if (fresh.length === 0) return;
    for (const message of fresh) {
      this.#ids.add(message.id);
      this.#known.set(message.id, message);
    }
    const inOrder = this.messages.length === 0 || fresh[0].id > this.messages.at(-1).id;
    this.messages.push(...fresh);
    if (!inOrder) this.messages.sort((a, b) => a.id - b.id);
  }

  /** Takes a message as it was at a position, which was read because another one answers it. */
  quote(message, position) {
    this.#known.set(message.id, this.#asChanged(message, position));
  }

  /** Takes a change of a message, which is what an event at a position says. */
  change(message, position) {
    // An answer that is asked for from now on holds the change itself.
    if (this.#readings > 0) this.#changes.set(message.id, { message, position });
    this.replace(message);
  }

  /** Does what asks for messages, and adds them as they were at the answer's position. */
  async reading(work) {
    this.#readings++;
    try {
      await work();
    } finally {
      this.#readings--;
      if (this.#readings === 0) this.#changes.clear();
    }
  }

  /** Shows a message as it is now, where it is shown. */
  replace(message) {
    if (this.#known.has(message.id)) this.#known.set(message.id, message);
    const at = this.messages.findIndex(({ id }) => id === message.id);
    if (at >= 0) this.messages[at] = message;
    if (this.last?.id === message.id) this.last = message;
  }

  /** A message that is known, or undefined. */
  message(id) {
    return this.#known.get(id);
  }

  /** Forgets all but the last messages and those that they answer; they can be read again. */
  trim(most = KEPT) {
    // The newest part of the history, while it is being read, has to meet what is here.
    if (this.history === "loading" || this.messages.length <= most) return;
    this.messages.splice(0, this.messages.length - most);
    this.#ids = new Set(this.messages.map(({ id }) => id));
    const answered = new Set(this.messages.map(({ reply_to: id }) => id));
    const needed = (id) => this.#ids.has(id) || answered.has(id);
    this.#known = new Map([...this.#known].filter(([id]) => needed(id)));
    this.quotesAsked = new Set([...this.quotesAsked].filter(needed));
    this.earlier = true;
  }

  #asChanged(message, position) {
    const change = this.#changes.get(message.id);
    return change?.position > position ? change.message : message;
  }
}

/**
 * The chats that the user is in. It fires "change" after anything changed,
 * "message" for each message that comes in live (`detail` is the message), and
 * "gone" when a chat is no longer the user's (`detail` is {id, name, deleted}).
 *
 * What the stream tells is applied one after the other, and waits for the
 * answers that it depends on: a message never overtakes its chat, and a list that
 * was asked for before an event does not undo it.
 */
export class Chats extends EventTarget {
  /** Whether the list has been read at least once. */
  listed = false;
  #session;
  #signal;
  #username;
  #chats = new Map();
  /** The id of the chat that is open. */
  #open;
  #queue = Promise.resolve();
  /** Whether it is waited for that the unread are counted again. */
  #recounts = false;

  constructor(session, signal) {
    super();
    this.#session = session;
    this.#username = session.user.username;
    this.#signal = signal;
  }

  get(id) {
    return this.#chats.get(id);
  }

  /** All chats, those with the latest messages first. */
  all() {
    const latest = (chat) => chat.last?.id ?? chat.head;
    return [...this.#chats.values()].sort((a, b) => latest(b) - latest(a));
  }

  /** How many messages wait in all chats together. */
  get unread() {
    let sum = 0;
    for (const chat of this.#chats.values()) sum += chat.unread;
    return sum;
  }

  /**
   * Reads the list, and forgets what was known before. Returns the position from
   * which a stream has to be followed to miss nothing that the list lacks, as a
   * string; null if the list does not tell, because it is empty.
   */
  list() {
    return this.#enqueue(async () => {
      const pages = await this.#until(() => this.#session.pages(`chats?limit=${LIST_PAGE}`, "chats"));
      const chats = pages.flat();
      this.#chats = new Map(chats.map((answer) => [answer.id, new Chat(answer)]));
      this.listed = true;
      this.#changed();
      // What happened since the first page was read may be missing from it.
      const cursor = Math.max(0, ...pages[0].map(({ head }) => head));
      return cursor > 0 ? String(cursor) : null;
    });
  }

  /** Applies what the stream tells. */
  apply(kind, data, position) {
    this.#enqueue(async () => {
      await this.#apply(kind, data, position);
      this.#changed();
    }).catch(() => {});
  }

  /** Takes a signal: what is live only and has no place in the log. */
  signal(kind, { chat: id, username, present, id: read }) {
    const chat = this.get(id);
    if (!chat) return;
    if (kind === "typing" && username !== this.#username) this.#types(chat, username);
    if (kind === "presence") chat.presence.change((here) => present ? here.add(username) : here.delete(username));
    if (kind === "read" && username === this.#username) {
      chat.toldRead = Math.max(chat.toldRead, read);
      if (!chat.readUpTo(read)) this.#recount();
    }
    this.#changed();
  }

  /** Asks anew for what signals tell, of which some may have been missed: who is where, and what was read elsewhere. */
  doubtSignals() {
    this.doubtPresence();
    this.#recount();
  }

  /** Wants to know anew who is where. */
  doubtPresence() {
    for (const chat of this.#chats.values()) chat.presence.want();
    this.#changed();
  }

  /** Reads who is here, unless that is known. */
  loadPresence(chat) {
    const url = path`chats/${chat.id}/presence?limit=${LIST_PAGE}`;
    return this.#read(chat.presence, async () => new Set((await this.#session.pages(url, "present", PRESENT_PAGES)).flat()));
  }

  /** Tells the others that the user types, now and then. */
  typed(chat) {
    if (Date.now() - chat.typed < TELL_TYPING) return;
    chat.typed = Date.now();
    this.#session.call("POST", path`chats/${chat.id}/typing`, {}).catch(() => {});
  }

  /** Takes a chat that the service answered with, as the user's own. */
  take(answer) {
    const known = this.get(answer.id);
    if (known) known.update(answer);
    else this.#chats.set(answer.id, new Chat(answer));
    this.#changed();
    return this.get(answer.id);
  }

  /** Drops a chat that the user has left or deleted. */
  drop(id) {
    if (this.#chats.delete(id)) this.#changed();
  }

  /** Adds a message that the service answered with. */
  posted(message) {
    const chat = this.get(message.chat);
    if (!chat || chat.history === "none") return;
    chat.add([message], chat.told);
    this.#changed();
  }

  /** Takes a message that the service answered with, after it was changed. */
  changed(message) {
    this.get(message.chat)?.replace(message);
    this.#changed();
  }

  /** The message of a chat that another one answers; undefined as long as it is not known. */
  quoted(chat, id) {
    const known = chat.message(id);
    if (!known) this.#readQuoted(chat, id);
    return known;
  }

  /** Reads the newest part of a chat's history, unless that was tried already. */
  async load(chat) {
    if (chat.history !== "none") return;
    chat.history = "loading";
    this.#changed();
    try {
      const url = path`chats/${chat.id}/messages?limit=${PAGE}`;
      await chat.reading(async () => {
        const { messages, cursor } = await this.#until(() => this.#session.call("GET", url));
        chat.add(messages, cursor);
        chat.earlier = messages.length === PAGE;
      });
      chat.history = "loaded";
    } catch (error) {
      chat.history = "failed";
      chat.failure = error;
    }
    this.#changed();
  }

  /** Gets the chats that the user leaves and comes to ready for that; either may be null. */
  turn(from, to) {
    this.#open = to?.id;
    for (const chat of [from, to]) {
      chat?.trim();
      if (chat?.history === "failed") chat.history = "none";
    }
  }

  /** Reads the part of the history before what is known of it. */
  async older(chat) {
    const first = chat.messages[0]?.id;
    const url = path`chats/${chat.id}/messages?limit=${PAGE}&before=${first}`;
    await chat.reading(async () => {
      const { messages, cursor } = await this.#until(() => this.#session.call("GET", url));
      // If the chat was trimmed meanwhile, there would be a hole behind these.
      if (chat.messages[0]?.id !== first) return;
      chat.add(messages, cursor);
      chat.earlier = messages.length === PAGE;
    });
    this.#changed();
  }

  /** Reads who is in a chat, unless that is known; `named` is whether their display names are asked for. */
  async loadMembers(chat, named = false) {
    const lacks = !chat.members || named && chat.members.some(({ display_name: name }) => name === undefined);
    const url = path`chats/${chat.id}/members?limit=${LIST_PAGE}`;
    if (lacks) await this.#read(chat.membership, async () => (await this.#session.pages(url, "members")).flat());
  }

  /** Notes that the user has seen everything that the chat holds. */
  seen(chat) {
    const { unread } = chat;
    chat.readUpTo(chat.last?.id ?? 0);
    if (chat.read > chat.toldRead) this.#tellRead(chat);
    if (unread > 0) this.#changed();
  }

  /**
   * Asks the service again how much is unread. Nothing but a message adds to that, so there
   * is no need where nothing is.
   */
  #recount() {
    if (this.#recounts) return;
    this.#recounts = true;
    this.#enqueue(async () => {
      this.#recounts = false;
      if (this.unread === 0) return;
      const answers = (await this.#session.pages(`chats?limit=${LIST_PAGE}`, "chats")).flat();
      for (const answer of answers) this.get(answer.id)?.count(answer);
      this.#changed();
    }).catch(() => {}); // The next time the line is back it is tried again.
  }

  async #apply(kind, data, position) {
    if (kind === "chat.joined") return this.#joined(data.chat);
    const chat = this.get(data.chat);
    if (!chat) return;
    if (kind === "message" || CHANGES.has(kind)) data = this.#withMine(data, chat.message(data.id));
    if (kind === "message" && chat.history !== "none") chat.add([data], position);
    // The chat that is open is trimmed by what shows it, which knows where the user reads.
    if (chat.id !== this.#open && chat.messages.length > 2 * KEPT) chat.trim();
    if (CHANGES.has(kind)) chat.change(data, position);
    if (MEMBERSHIPS.has(kind)) this.#memberChanged(chat, kind, data);
    if (position <= chat.told) return;
    chat.told = position;
    chat.head = position;

    switch (kind) {
      case "message":
        chat.last = data;
        this.#ceases(chat, data.author);
        if (data.author !== this.#username) chat.countOne(data);
        this.dispatchEvent(new CustomEvent("message", { detail: data }));
        break;
      case "chat.updated":
        chat.title = data.title;
        chat.visibility = data.visibility;
        break;
      case "chat.left":
      case "chat.deleted":
        this.#chats.delete(chat.id);
        this.dispatchEvent(new CustomEvent("gone", {
          detail: { id: chat.id, name: chat.name, deleted: kind === "chat.deleted" },
        }));
        break;
      case "member.updated":
        if (data.username === this.#username) chat.role = data.role;
        break;
    }
  }

  #memberChanged(chat, kind, { username, role }) {
    if (kind === "member.left") {
      chat.membership.change((members) => {
        const at = members.findIndex((member) => member.username === username);
        if (at >= 0) members.splice(at, 1);
      });
      chat.presence.change((present) => present.delete(username));
      return;
    }
    chat.membership.change((members) => {
      const behind = members.findIndex((member) => member.username >= username);
      const at = behind < 0 ? members.length : behind;
      const known = members[at]?.username === username;
      members.splice(at, known ? 1 : 0, { ...known && members[at], username, role });
    });
    chat.membership.want(SOON);
    // Somebody who follows already is here from the joining on, without a signal.
    if (kind === "member.joined") chat.presence.want(SOON);
  }

  #types(chat, username) {
    clearTimeout(chat.typing.get(username));
    chat.typing.set(username, setTimeout(() => this.#ceases(chat, username), TYPES));
  }

  #ceases(chat, username) {
    clearTimeout(chat.typing.get(username));
    if (chat.typing.delete(username)) this.#changed();
  }

  /** Tells the user's other devices how far the chat was read, at most once in TELL_READ. */
  async #tellRead(chat) {
    if (chat.tellingRead) return;
    chat.tellingRead = true;
    while (!this.#signal.aborted && chat.read > chat.toldRead) {
      const id = chat.read;
      try {
        await this.#session.call("PUT", path`chats/${chat.id}/read`, { id });
        chat.toldRead = Math.max(chat.toldRead, id);
      } catch {
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, TELL_READ));
    }
    chat.tellingRead = false;
  }

  /** A message out of a frame, which is the same for everybody, with the user's reactions. */
  #withMine(message, known) {
    if (!message.reactions) return message;
    const reactions = Object.entries(message.reactions).map(([emoji, { count, users }]) => {
      const unseen = count > users.length && known?.reactions?.[emoji]?.mine === true;
      return [emoji, { count, users, mine: unseen || users.includes(this.#username) }];
    });
    return { ...message, reactions: Object.fromEntries(reactions) };
  }

  async #readQuoted(chat, id) {
    if (chat.quotesAsked.has(id)) return;
    chat.quotesAsked.add(id);
    try {
      const asked = chat.told;
      await chat.reading(async () => chat.quote(await this.#until(() => this.#session.call("GET", path`messages/${id}`)), asked));
      this.#changed();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
    }
  }

  async #joined(id) {
    try {
      this.take(await this.#until(() => this.#session.call("GET", path`chats/${id}`)));
    } catch (error) {
      // It is gone again already; the stream will say so.
      if (!(error instanceof Problem)) throw error;
    }
  }

  /** Reads a list of a chat's people where that is wanted. */
  async #read(roll, ask) {
    try {
      await roll.read(() => this.#until(ask), () => this.#changed());
    } catch (error) {
      // Left this moment: the stream will say so.
      if (!(error instanceof Problem)) throw error;
    }
  }

  #until(attempt) {
    return until(attempt, { signal: this.#signal });
  }

  #enqueue(work) {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => {});
    return done;
  }

  #changed() {
    this.dispatchEvent(new CustomEvent("change"));
  }
}
