// Who is signed in. The tokens are in cookies that no script can read; what is
// known here is whose they are and when they end.

import { Problem, exchange, passes, send } from "./api.js";
import { browser, onWritten } from "./kept.js";
import { until } from "./retry.js";

const KEY = "parley.session";
const LOCK = "parley.refresh";
const LOCK_PATIENCE = 10_000;
const SECOND = 1_000;

/**
 * A session. It fires "begin" when somebody is signed in, "user" when what is known of
 * the user has changed, and "end" when nobody is signed in any more, with `detail.reason`:
 * "logout", "closed" (the user's account was), "over" (the service says so), "elsewhere"
 * (another tab logged out), or "none" (nobody was).
 *
 * All tabs of a browser share the cookies, and so the session. What one of them
 * learns of it is written down for the others.
 */
export class Session extends EventTarget {
  /** {username, display_name, admin} of who is signed in, or null. */
  user = null;
  #renewing = null;
  #timer = 0;
  /** What this tab does to end the session: {reason, done}, or null. Others may know of it before its answer is here. */
  #leaving = null;

  constructor() {
    super();
    onWritten(KEY, () => this.#noticed());
  }

  /**
   * Finds out whether the browser is signed in already, however long it takes. It asks
   * only where a session was written down and may live: a refusal would stand in the
   * browser's console.
   */
  async resume(onTrouble) {
    const nobody = browser.keeps && browser.read(KEY) === null;
    if (nobody || !await this.#find(onTrouble)) this.#end("none");
  }

  async logIn(username, password) {
    const answer = await this.#tokens("login", { username, password, cookie: true });
    this.#begin(answer.user);
  }

  /** Makes a user, whom it does not log in. */
  async signUp(user) {
    await send("POST", "users", user);
  }

  /** Reads anew who is signed in. */
  async look() {
    this.#is(await this.call("GET", "me"));
  }

  async rename(displayName) {
    this.#is(await this.call("PATCH", "me", { display_name: displayName }));
  }

  async logOut() {
    await this.#leave("logout", async () => {
      try {
        await send("POST", "logout");
      } catch (error) {
        if (!unauthenticated(error)) throw error;
      }
    });
  }

  /** Closes the user's account, which ends the session. */
  async closeAccount(password, eraseMessages) {
    // While it is left, a session is not renewed: its token has to be good before.
    await this.look();
    await this.#leave("closed", () => send("DELETE", "me", { password, erase_messages: eraseMessages }));
  }

  /** Does what ends the session, of which the stream may tell before the answer does. */
  async #leave(reason, work) {
    this.#leaving = { reason, done: work().then(() => this.#end(reason)) };
    try {
      await this.#leaving.done;
    } finally {
      this.#leaving = null;
    }
  }

  #is(user) {
    this.user = user;
    this.dispatchEvent(new CustomEvent("user"));
  }

  /**
   * Calls the service as the user. A 401 means that the access token has run
   * out: the session is renewed and the call made once more. Where it cannot be
   * renewed it has ended, and the 401 is thrown.
   */
  async call(method, path, body) {
    return (await this.#exchange(method, path, body)).answer;
  }

  /** Reads a page of a list: what stands under the name, and the next page's path or null. */
  async page(path, name) {
    const { answer, next } = await this.#exchange("GET", path);
    return { items: answer[name], next };
  }

  /** Reads a whole list: what stands under the name on each of its pages. */
  async pages(path, name) {
    const pages = [];
    for (let next = path; next; ) {
      const page = await this.page(next, name);
      pages.push(page.items);
      next = page.next;
    }
    return pages;
  }

  async #exchange(method, path, body) {
    try {
      return await exchange(method, path, body);
    } catch (error) {
      if (!unauthenticated(error)) throw error;
    }
    await this.renew();
    try {
      return await exchange(method, path, body);
    } catch (error) {
      if (unauthenticated(error)) this.#end("over");
      throw error;
    }
  }

  /**
   * Gets new tokens. Streams that are open live on with them. With `ahead` it
   * does not where they are nearly new, because another tab was quicker. Throws if
   * it cannot; if that is for good the session has ended.
   */
  renew({ ahead = false } = {}) {
    this.#renewing ??= this.#renew(ahead).finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #renew(ahead) {
    if (this.#leaving) {
      // The stream may end before the logout's answer is here.
      await this.#leaving.done.catch(() => {});
      if (!this.user) throw new Error("Nobody is signed in.");
    }
    const before = browser.read(KEY)?.deadline;
    await exclusively(async () => {
      // While this tab waited for its turn another one may have done the work.
      const shared = browser.read(KEY);
      const left = (shared?.deadline ?? 0) - Date.now();
      if (left > 0 && shared.deadline !== before) return;
      if (left > 0 && ahead && left > 0.75 * shared.life) return;
      try {
        const answer = await this.#tokens("refresh");
        if (this.user && answer.user.username !== this.user.username) location.reload();
      } catch (error) {
        if (!passes(error)) this.#end("over");
        throw error;
      }
    });
    this.#schedule();
  }

  /**
   * Makes a call that gives new tokens and writes down how long they live, by
   * this machine's clock: the service's may be another. The service tells its own
   * in whole seconds, so that up to one more may have gone by.
   */
  async #tokens(path, body) {
    const asked = Date.now();
    const { answer, date } = await exchange("POST", path, body);
    const life = Math.max(0, Date.parse(answer.expires_at) - (date + SECOND || asked));
    browser.write(KEY, { username: answer.user.username, deadline: asked + life, life });
    return answer;
  }

  #begin(user) {
    this.user = user;
    const shared = browser.read(KEY);
    if (shared?.username !== user.username) browser.write(KEY, { username: user.username, deadline: 0, life: 0 });
    this.#schedule();
    this.dispatchEvent(new CustomEvent("begin"));
  }

  #end(reason) {
    const was = this.user;
    if (this.#leaving) reason = this.#leaving.reason;
    this.user = null;
    clearTimeout(this.#timer);
    if (reason !== "elsewhere") browser.write(KEY, null);
    if (was || reason === "none") this.dispatchEvent(new CustomEvent("end", { detail: { reason } }));
  }

  /** The stream says when a token is about to end; this is for when there is none. */
  #schedule() {
    clearTimeout(this.#timer);
    const { deadline, life } = browser.read(KEY) ?? {};
    if (!this.user || !life) return;
    const ahead = Math.min(30_000, life / 4);
    this.#timer = setTimeout(() => this.renew({ ahead: true }).catch(() => {}), Math.max(0, deadline - Date.now() - ahead));
  }

  /** Another tab has logged in, logged out or renewed. */
  #noticed() {
    const shared = browser.read(KEY);
    if (shared?.username === this.user?.username) this.#schedule();
    else if (!shared) this.#end("elsewhere");
    // Nothing of one user may stay on the screen, or be posted, as another.
    else if (this.user) location.reload();
    else this.#find();
  }

  /** Whose session it is. A token that has run out is renewed first: it would be refused. */
  async #owner() {
    const { deadline } = browser.read(KEY) ?? {};
    if (deadline && deadline <= Date.now()) await this.renew();
    return this.call("GET", "me");
  }

  async #find(onTrouble) {
    try {
      this.#begin(await until(() => this.#owner(), { onTrouble }));
      return true;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return false;
    }
  }
}

function unauthenticated(error) {
  return error instanceof Problem && error.status === 401;
}

/**
 * Runs work while no other tab runs its own, so that two do not spend the same
 * refresh token. Where the browser has no such lock (it takes a secure context),
 * or another tab does not let go of it, the service's grace for a token that was
 * just spent has to do.
 */
async function exclusively(work) {
  if (!navigator.locks) return work();
  let begun = false;
  try {
    return await navigator.locks.request(LOCK, { signal: AbortSignal.timeout(LOCK_PATIENCE) }, () => {
      begun = true;
      return work();
    });
  } catch (error) {
    if (begun) throw error;
    return work();
  }
}
