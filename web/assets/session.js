// Who is signed in at the page: the client, and what only the page asks of the service.

import { Parley } from "../client.js";
import { lateCalls } from "./api.js";

/** A request for events waits for them, and so is never late. */
const waits = ({ headers }) => headers.Accept === "text/event-stream" || headers.Prefer !== undefined;

/** The client. It also fires "user" when what is known of the user has changed. */
export class Session extends Parley {
  constructor() {
    super({ fetch: (url, request) => waits(request) ? fetch(url, request) : lateCalls.watch(fetch(url, request)) });
  }

  /** Makes a user, whom it does not log in. */
  async signUp(user) {
    await this.call("POST", "users", user);
  }

  /** Reads anew who is signed in. */
  async look() {
    this.#is(await this.call("GET", "me"));
  }

  async rename(displayName) {
    this.#is(await this.call("PATCH", "me", { display_name: displayName }));
  }

  /** Closes the user's account, which ends the session. */
  async closeAccount(password, eraseMessages) {
    // While it is left, a session is not renewed: its token has to be good before.
    await this.look();
    await this.leave("closed", () => this.call("DELETE", "me", { password, erase_messages: eraseMessages }));
  }

  /** Reads a page of a list: what stands under the name, and the next page's path or null. */
  async page(path, name) {
    const { answer, headers } = await this.ask("GET", path);
    // Of the next page's address only the query is taken, which holds whatever path the
    // service is mounted at.
    const query = headers.get("Link")?.match(/<[^>?]*(\?[^>]*)>; rel="next"/)?.[1];
    return { items: answer[name], next: query ? path.split("?")[0] + query : null };
  }

  /** Reads a whole list, or its first pages: what stands under the name on each of them. */
  async pages(path, name, most = Infinity) {
    const pages = [];
    for (let next = path; next && pages.length < most; ) {
      const page = await this.page(next, name);
      pages.push(page.items);
      next = page.next;
    }
    return pages;
  }

  #is(user) {
    this.user = user;
    this.dispatchEvent(new CustomEvent("user"));
  }
}
