// The box to write in: a new message, an answer to one, or another text for an own one.

import { byId, composed, say, touch } from "./dom.js";
import { sentence, showSentence } from "./forms.js";
import { tab } from "./kept.js";
import { excerpt } from "./text.js";

/**
 * The box of the chat that is open. The caller gives it `post(chat, text, replyTo)`,
 * `edit(message, text)`, which throws where it is refused, `reload(message)`, which returns
 * it as it is now, `typed(chat)`, called while something is written, and `editLast()`, called
 * when the user wants to go back to the last message.
 */
export class Composer {
  #given;
  #chat = null;
  #text = byId("text");
  #drafts;
  #key;
  #refusals = new Map();
  /** The message that is answered or edited, and which of them; null for a new message. */
  #about = null;

  constructor(username, given, signal) {
    this.#given = given;
    this.#key = `parley.drafts.${username}`;
    this.#drafts = new Map(Object.entries(tab.read(this.#key) ?? {}));
    const on = (target, name, handle) => target.addEventListener(name, handle, { signal });
    on(byId("composer"), "submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    on(this.#text, "keydown", (event) => this.#pressed(event));
    on(this.#text, "input", () => {
      if (this.#about?.kind !== "edit") this.#draft(this.#chat.id, this.#text.value);
      this.#refuse(this.#chat.id, "");
      this.#fit();
      if (this.#text.value.trim() !== "") this.#given.typed(this.#chat);
    });
    on(byId("about-cancel"), "click", () => this.#drop());
  }

  open(chat) {
    this.#chat = chat;
    this.#show(null);
    if (!chat) return;
    this.#text.value = this.#drafts.get(chat.id) ?? "";
    showSentence(byId("composer-error"), this.#refusals.get(chat.id) ?? "");
    this.#fit();
  }

  /** Takes the chat as it is now. */
  show(chat) {
    this.#chat = chat;
    byId("composer").hidden = chat.role === "guest";
  }

  focus() {
    this.#text.focus();
  }

  /** Forgets what was written but not sent. */
  clear() {
    this.#drafts.clear();
    tab.write(this.#key, null);
  }

  reply(message) {
    this.#drop();
    this.#show({ kind: "reply", message });
    this.focus();
  }

  edit(message) {
    this.#show({ kind: "edit", message });
    this.#text.value = message.text;
    this.#fit();
    this.focus();
    this.#text.setSelectionRange(message.text.length, message.text.length);
  }

  /** Gives a text back that could not be posted, with the reason. */
  giveBack(chatID, text, error) {
    const draft = this.#drafts.get(chatID);
    this.#draft(chatID, draft ? `${text}\n${draft}` : text);
    this.#refuse(chatID, `Not sent. ${sentence(error)}`);
    if (this.#chat?.id !== chatID) return;
    this.#text.value = this.#drafts.get(chatID);
    this.#fit();
  }

  #pressed(event) {
    if (composed(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#send();
    } else if (event.key === "Escape" && this.#about) {
      event.preventDefault();
      this.#drop();
    } else if (event.key === "ArrowUp" && this.#text.value === "" && !this.#about) {
      event.preventDefault();
      this.#given.editLast();
    }
  }

  async #send() {
    const text = this.#text.value;
    if (text.trim() === "") return;
    const about = this.#about;
    if (about?.kind === "edit") {
      await this.#change(about, text);
      return;
    }
    this.#draft(this.#chat.id, "");
    this.#text.value = "";
    this.#refuse(this.#chat.id, "");
    this.#show(null);
    this.#fit();
    this.#given.post(this.#chat, text, about?.message.id);
    this.focus();
  }

  async #change(about, text) {
    const chat = this.#chat;
    try {
      if (text !== about.message.text) await this.#given.edit(about.message, text);
      if (this.#about === about) this.#drop();
    } catch (error) {
      const failure = error.status === 412 ? await this.#overtaken(chat, about) ?? error : error;
      if (this.#chat?.id === chat.id) showSentence(byId("composer-error"), `Not changed. ${sentence(failure)}`);
    }
  }

  /**
   * Has the next attempt of an edit be one of the text as it is now, because another edit was
   * quicker. Returns what failed, or null.
   */
  async #overtaken(chat, about) {
    try {
      const message = await this.#given.reload(about.message);
      // The user may have gone to another chat or message meanwhile, whose text this is not.
      if (this.#chat?.id === chat.id && this.#about === about) this.#show({ kind: "edit", message });
      return null;
    } catch (error) {
      return error;
    }
  }

  /** Goes back to a new message, and to what was written of one. */
  #drop() {
    if (this.#about?.kind === "edit") this.#text.value = this.#drafts.get(this.#chat.id) ?? "";
    this.#show(null);
    this.#refuse(this.#chat.id, "");
    this.#fit();
    this.focus();
  }

  #show(about) {
    this.#about = about;
    byId("about").hidden = about === null;
    say(byId("send"), about?.kind === "edit" ? "Save" : "Send");
    if (!about) return;
    say(byId("about-what"), about.kind === "edit" ? "Editing your message" : `Answering ${about.message.author}`);
    say(byId("about-text"), excerpt(about.message.text));
  }

  /** Keeps what was written but not sent, over a reload too. */
  #draft(chatID, text) {
    if (text) this.#drafts.set(chatID, text);
    else this.#drafts.delete(chatID);
    tab.write(this.#key, this.#drafts.size > 0 ? Object.fromEntries(this.#drafts) : null);
  }

  #refuse(chatID, text) {
    if (text) this.#refusals.set(chatID, text);
    else this.#refusals.delete(chatID);
    if (this.#chat?.id === chatID) showSentence(byId("composer-error"), text);
  }

  /** Makes the box as high as what is in it; the style sheet says how high at the most. */
  #fit() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight}px`;
  }
}

/** Whether the box may take the keyboard by itself: not where that would raise one on a screen. */
export const mayTakeFocus = () => !touch.matches && !byId("composer").hidden;
