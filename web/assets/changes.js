// What a user does with messages that are there already.

import { path } from "./api.js";
import { confirm, sentence } from "./forms.js";
import { notice } from "./notice.js";

/** Changes messages of the chats. */
export class Changes {
  #session;
  #chats;

  constructor(session, chats) {
    this.#session = session;
    this.#chats = chats;
  }

  /** What of all this the user may do with a message. */
  may({ chat: id, author }) {
    const chat = this.#chats.get(id);
    const speaks = chat !== undefined && chat.role !== "guest";
    const own = author === this.#session.user.username;
    return { react: speaks, reply: speaks, edit: speaks && own, erase: speaks && own || chat?.manages === true };
  }

  /** The message as it is now, with what a change of just this text has to name. */
  async reload({ id }) {
    const { answer, headers } = await this.#session.ask("GET", path`messages/${id}`);
    this.#chats.changed(answer);
    return { ...answer, etag: headers.get("ETag") };
  }

  async edit({ id, etag }, text) {
    this.#chats.changed(await this.#session.call("PATCH", path`messages/${id}`, { text }, { headers: { "If-Match": etag } }));
  }

  async erase({ id, author }) {
    const whose = author === this.#session.user.username ? "your" : `${author}’s`;
    if (!await confirm(`Delete ${whose} message?`, "Its text is erased, for everybody and for good.", "Delete")) return;
    await this.#try(() => this.#session.call("DELETE", path`messages/${id}`));
  }

  /** Adds the user's reaction, or takes it back. */
  react({ id, reactions }, emoji) {
    const method = reactions?.[emoji]?.mine ? "DELETE" : "PUT";
    return this.#try(async () => this.#chats.changed(await this.#session.call(method, path`messages/${id}/reactions/${emoji}`)));
  }

  async #try(work) {
    try {
      await work();
    } catch (error) {
      notice(sentence(error));
    }
  }
}
