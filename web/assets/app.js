// The page: ties the session, the chats, the stream and the views together.

import { prepareAccount } from "./account.js";
import { prepareAdministration } from "./administration.js";
import { Problem } from "../client.js";
import { LATE, lateCalls, path } from "./api.js";
import { prepareBrowse } from "./browse.js";
import { Changes } from "./changes.js";
import { Chats } from "./chats.js";
import { Details, prepareAddMember } from "./details.js";
import { byId, narrow, say } from "./dom.js";
import { prepareEntry, showEntry } from "./entry.js";
import { closeDialogs, confirm, prepareDialogs, sentence } from "./forms.js";
import { forgetInvite, invited } from "./invite.js";
import { clearList, focusChat, showList } from "./list.js";
import { prepareNewChat } from "./newchat.js";
import { dismiss, notice } from "./notice.js";
import { Notifications } from "./notify.js";
import { Room } from "./room.js";
import { Session } from "./session.js";
import { prepareTokens } from "./tokens.js";

/** The events that are live only. */
const SIGNALS = new Set(["typing", "presence", "read"]);

const states = {
  connecting: "Connecting…",
  live: "Live",
  waiting: "No answer yet…",
  resting: "Paused",
  reconnecting: "Reconnecting…",
  offline: "Offline",
  closed: "Not connected",
};

/** Everything that belongs to one user's being signed in, and ends with it. */
class Visit {
  #session;
  #ended = new AbortController();
  #notifications;
  #chats;
  #outbox;
  #following = null;
  #room;
  #details;
  /** The sheet that is open, by its name, or null. */
  #sheet = null;
  #parting = null;
  #scheduled = false;

  constructor(session) {
    this.#session = session;
    const { signal } = this.#ended;
    const { username } = session.user;

    this.#chats = new Chats(session, signal);
    this.#notifications = new Notifications(username, () => this.#listen(), signal);
    this.#outbox = session.outbox;
    const changes = new Changes(session, this.#chats);
    this.#room = new Room(username, {
      post: (chat, text, replyTo) => session.post(chat.id, text, { reply_to: replyTo }),
      may: (message) => changes.may(message),
      react: (message, emoji) => changes.react(message, emoji),
      edit: (message, text) => changes.edit(message, text),
      reload: (message) => changes.reload(message),
      erase: (message) => changes.erase(message),
      quoted: (chat, id) => this.#chats.quoted(chat, id),
      typed: (chat) => this.#chats.typed(chat),
      older: (chat) => this.#chats.older(chat),
      load: (chat) => this.#chats.load(chat),
      trim: (chat, most) => chat.trim(most),
      seen: (chat) => this.#chats.seen(chat),
    }, signal);
    this.#details = new Details(username, {
      put: (chat, name, role) => session.call("PUT", path`chats/${chat.id}/members/${name}`, role ? { role } : {}),
      remove: (chat, name) => session.call("DELETE", path`chats/${chat.id}/members/${name}`),
      leave: (chat) => this.#part(chat, path`chats/${chat.id}/members/${username}`),
      erase: (chat) => this.#part(chat, path`chats/${chat.id}`),
    }, signal);

    this.#chats.addEventListener("change", () => this.#changed());
    this.#chats.addEventListener("message", ({ detail }) => this.#arrived(detail));
    this.#chats.addEventListener("gone", ({ detail }) => this.#gone(detail));
    session.addEventListener("change", () => this.#changed(), { signal });
    session.addEventListener("posted", ({ detail }) => this.#chats.posted(detail), { signal });
    session.addEventListener("refused", ({ detail }) => this.#refused(detail), { signal });
    lateCalls.addEventListener("change", () => this.#changed(), { signal });
    addEventListener("hashchange", () => this.#route(), { signal });
    byId("open-details").addEventListener("click", () => {
      // In a chat of many no signal tells who comes and goes.
      this.#chats.doubtPresence();
      this.#details.open(this.#room.chat);
    }, { signal });
  }

  async begin() {
    this.showUser();
    this.#showState();
    document.body.dataset.view = "app";
    document.body.dataset.pane = "list";
    this.#show();
    let cursor;
    try {
      cursor = await this.#chats.list();
    } catch (error) {
      // Where the session is over the visit has ended; anything else is said.
      if (!this.#ended.signal.aborted) notice(sentence(error));
      return;
    }
    if (this.#ended.signal.aborted) return;
    this.#follow(cursor);
    await this.#route();
  }

  /** Follows what comes after a position, or from now where it is null. */
  #follow(after) {
    let unplaced = after === null;
    this.#following = this.#session.follow(({ event, id, data }) => {
      // What happened between the list and the stream's beginning is in the list as it is now.
      if (event === "reset" || event === "ready" && unplaced) this.#chats.list().catch(() => {});
      else if (id) this.#chats.apply(event, data, id);
      else if (SIGNALS.has(event)) this.#chats.signal(event, data);
      if (event !== "ready") return;
      unplaced = false;
      this.#chats.doubtSignals();
    }, { after, onState: (state) => this.#heard(state), rests: !this.#notifications.wanted });
    this.#showState();
  }

  /** Takes how the service is heard. A tab that another one tells what happens gets no "ready". */
  #heard(state) {
    if (state === "live") this.#chats.doubtSignals();
    this.#showState();
  }

  /** Takes what the user wants of notifications: for them a hidden page stays connected. */
  #listen() {
    if (this.#following) this.#following.rests = !this.#notifications.wanted;
  }

  end() {
    this.#ended.abort();
    this.#following?.close();
    this.#room.open(null);
    this.#closeSheet();
    clearList();
    dismiss();
    closeDialogs();
    document.title = "parley";
  }

  showUser() {
    const { username, display_name: displayName, admin } = this.#session.user;
    say(byId("me-name"), displayName);
    byId("me").title = `Signed in as ${username}`;
    byId("to-administration").hidden = !admin;
  }

  /** Whether the user may log out without losing what he wrote. */
  async mayEnd() {
    return this.#outbox.entries.length === 0
      || confirm("Log out now?", "Something you wrote has not been sent yet. It would be lost.", "Log out");
  }

  /** Takes away what the browser keeps of the user. */
  forgetAll() {
    this.#outbox.clear();
    this.#room.clear();
    history.replaceState(null, "", location.pathname);
  }

  async make(wanted) {
    const chat = await this.#session.call("POST", "chats", wanted);
    this.#chats.take(chat);
    go(chat.id);
  }

  async publicChats() {
    return (await this.#session.pages("chats?visibility=public&limit=500", "chats")).flat();
  }

  isMember(id) {
    return this.#chats.get(id) !== undefined;
  }

  async join({ id }) {
    await this.#session.call("PUT", path`chats/${id}/members/${this.#session.user.username}`, {});
    this.#chats.take(await this.#session.call("GET", path`chats/${id}`));
  }

  addMember(username) {
    return this.#details.add(username);
  }

  /** Opens what the address names: a sheet, a chat, or the question whether to use an invite. */
  async #route() {
    if (!this.#chats.listed) return;
    const sheet = location.hash.slice(1);
    if (Object.hasOwn(sheets, sheet)) {
      this.#openSheet(sheet);
      return;
    }
    const code = invited();
    if (code) {
      this.#open(null);
      await this.#accept(code);
      return;
    }
    const id = /^#\/([a-z0-9-]+)$/.exec(location.hash)?.[1] ?? null;
    const chat = id && this.#chats.get(id);
    if (chat) {
      this.#open(chat);
      return;
    }
    this.#open(null);
    if (id) await this.#knock(id);
  }

  #open(chat) {
    const before = this.#room.chat;
    if (chat && before?.id === chat.id) return;
    const sheet = this.#sheet;
    this.#closeSheet();
    this.#chats.turn(before, chat);
    this.#room.open(chat);
    document.body.dataset.pane = chat ? "room" : "list";
    this.#show();
    if (chat) this.#room.focus();
    else if (before && narrow.matches) focusChat(before.id);
    else if (sheet) byId(`to-${sheet}`).focus();
  }

  #openSheet(name) {
    if (this.#sheet === name) return;
    this.#open(null);
    this.#sheet = name;
    document.body.dataset.pane = name;
    this.#show();
    sheets[name].open();
  }

  #closeSheet() {
    if (this.#sheet === null) return;
    closeDialogs();
    sheets[this.#sheet].close();
    this.#sheet = null;
  }

  /** Asks whether to use an invite, and uses it. */
  async #accept(code) {
    forgetInvite();
    if (!await confirm("Use this invite?", "You join the chat that it is for.", "Join")) return;
    try {
      const chat = await this.#session.call("POST", path`invites/${code}`);
      this.#chats.take(chat);
      go(chat.id);
    } catch (error) {
      if (!this.#ended.signal.aborted) notice(sentence(error));
    }
  }

  /** Offers to join a chat that the user is not in but that the address names. */
  async #knock(id) {
    try {
      const chat = await this.#session.call("GET", path`chats/${id}`);
      if (await confirm(`Join ${chat.title || chat.id}?`, "It is a public chat that you are not in.", "Join")) {
        await this.join(chat);
        this.#route();
        return;
      }
    } catch (error) {
      if (this.#ended.signal.aborted) return;
      notice(error instanceof Problem && error.status === 404
        ? `There is no chat “${id}”, or it is private and you are not in it.` : sentence(error));
    }
    go(null);
  }

  #changed() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (!this.#ended.signal.aborted) this.#show();
    });
  }

  #show() {
    const openID = this.#room.chat?.id ?? null;
    const chat = openID === null ? null : this.#chats.get(openID);
    if (chat) {
      this.#room.show(chat, this.#outbox.of(openID));
      this.#chats.loadMembers(chat, this.#details.isOpen).catch(() => {});
      this.#chats.loadPresence(chat).catch(() => {});
    } else if (openID !== null && this.#chats.listed) {
      this.#open(null);
      go(null);
    }
    this.#details.show(chat);
    this.#showState();
    showList(this.#chats, openID, this.#session.user.username);
    const { unread } = this.#chats;
    const open = chat?.name ?? sheets[this.#sheet]?.name;
    const name = open ? `${open} · parley` : "parley";
    document.title = unread > 0 ? `(${unread}) ${name}` : name;
  }

  /** Shows how the service is heard, and that it does not answer where it should. */
  #showState() {
    const heard = this.#following?.state ?? "connecting";
    const late = lateCalls.count > 0 || this.#outbox.entries.some(({ trouble, since }) => trouble || Date.now() - since >= LATE);
    const state = heard === "live" && late ? "waiting" : heard;
    byId("status").dataset.state = state;
    say(byId("status"), states[state]);
    const away = heard === "offline" || heard === "reconnecting";
    const waiting = this.#outbox.entries.length;
    byId("offline").hidden = !away;
    say(byId("offline"), !away ? "" : `${heard === "offline" ? "You are offline." : "The service does not answer."} ${
      waiting === 0 ? "What you write is sent when the line is back."
        : waiting === 1 ? "1 message waits to be sent." : `${waiting} messages wait to be sent.`}`);
  }

  #arrived(message) {
    const chat = this.#chats.get(message.chat);
    if (chat && message.author !== this.#session.user.username) this.#notifications.tell(chat, message, go);
    if (message.chat === this.#room.chat?.id && message.author !== this.#session.user.username) {
      say(byId("announcer"), `${message.author}: ${message.text}`);
    }
  }

  #gone({ id, name, deleted }) {
    if (this.#room.chat?.id === id && this.#parting !== id) notice(deleted ? `${name} was deleted.` : `You are no longer in ${name}.`);
  }

  #refused({ post, error }) {
    if (this.#chats.get(post.chat)) this.#room.giveBack(post.chat, post.text, error);
    else notice(`Not sent: “${post.text}”. ${sentence(error)}`);
  }

  /** Ends what the user has to do with a chat, of which he need not be told. */
  async #part(chat, url) {
    this.#parting = chat.id;
    try {
      await this.#session.call("DELETE", url);
      this.#chats.drop(chat.id);
    } finally {
      this.#parting = null;
    }
  }
}

/** Names the open chat in the address, so that back, reload and links work. */
function go(id) {
  location.hash = id === null ? "" : `#/${id}`;
}

const session = new Session();
let visit = null;

const openTokens = prepareTokens(session);
/** The parts of the page that take a chat's place, by their names in the address. */
const sheets = {
  account: prepareAccount(session, { openTokens, leave }),
  administration: prepareAdministration(session, openTokens),
};

session.addEventListener("user", () => visit?.showUser());

session.addEventListener("begin", () => {
  visit?.end();
  visit = new Visit(session);
  visit.begin();
});

session.addEventListener("end", ({ detail: { reason } }) => {
  // Nothing of one user may stay on the screen, or be posted, as another.
  if (reason === "other") {
    location.reload();
    return;
  }
  visit?.end();
  visit = null;
  document.body.dataset.view = "entry";
  showEntry(reason);
});

/** Ends the session by what end() does, and what the browser keeps of its user. */
async function leave(end) {
  const leaving = visit;
  await end();
  leaving.forgetAll();
}

byId("logout").addEventListener("click", async () => {
  if (!await visit.mayEnd()) return;
  try {
    await leave(() => session.logOut());
  } catch (error) {
    notice(`You are still logged in. ${sentence(error)}`);
  }
});

byId("notice-close").addEventListener("click", dismiss);
prepareDialogs();
prepareEntry(session);
prepareNewChat((wanted) => visit.make(wanted));
prepareBrowse({
  list: () => visit.publicChats(),
  isMember: (id) => visit.isMember(id),
  join: (chat) => visit.join(chat),
  open: go,
});
prepareAddMember((username) => visit.addMember(username));

lateCalls.addEventListener("change", () => {
  if (lateCalls.count > 0) say(byId("loading"), "The service has not answered yet…");
});
session.resume((error) => say(byId("loading"), `${sentence(error)} Trying again…`));
