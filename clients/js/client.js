/* @ts-self-types="./client.d.ts" */

const page = typeof document !== "undefined";
const locks = page && navigator.locks;

export class Problem extends Error {
  constructor(status, document, retryAfter = 0, cause) {
    super(document?.detail ?? (status ? `The service answered with status ${status}.` : "The service cannot be reached."), { cause });
    Object.assign(this, { code: "", errors: [], ...document, status, retryAfter });
  }

  get passes() {
    return !this.status || this.status >= 500 || this.status === 408 || this.status === 429;
  }
}

const unreachable = (cause) => new Problem(0, null, 0, cause);
const refused = ({ status }) => status === 401;

// Seconds or a date (RFC 9110); a timer takes NaN for 0.
function asked(wait) {
  const left = /^\d+$/.test(wait) ? 1_000 * wait : /GMT$/.test(wait) && Date.parse(wait) - Date.now();
  return Math.min(Math.max(0, left || 0), 3_600_000);
}

const waiting = new Set();
const hurry = () => waiting.forEach((end) => end());

function pause(failed, asked = 0, signal) {
  // Jitter spreads reconnects after a common outage.
  const guess = Math.min(15_000, 500 * 2 ** failed) * (0.5 + Math.random() / 2);
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      waiting.delete(end);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.max(guess, asked));
    if (!asked) waiting.add(end);
    signal?.addEventListener("abort", end);
  });
}

export async function until(attempt, { signal, onTrouble } = {}) {
  for (let failed = 0; ; failed++) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!error.passes) throw error;
      onTrouble?.(error);
      await pause(failed, error.retryAfter, signal);
    }
  }
}

export function kept(storage) {
  const attempt = (work) => {
    try {
      return work(storage());
    } catch {
      return null;
    }
  };
  return {
    keeps: () => attempt(Boolean),
    read: (key) => attempt((store) => JSON.parse(store.getItem(key))),
    write: (key, value) => attempt((store) => value === null ? store.removeItem(key) : store.setItem(key, JSON.stringify(value))),
  };
}

function memory() {
  const values = {};
  return { getItem: (key) => values[key], setItem: (key, value) => values[key] = value, removeItem: (key) => delete values[key] };
}

export class Parley extends EventTarget {
  user = null;
  #url;
  #foreign;
  #options;
  #key;
  #session;
  #store;
  #renewing;
  #timer;
  #leaving;

  constructor(options) {
    super();
    this.#options = { url: ".", patience: 45_000, fetch: (...request) => fetch(...request), ...options };
    const { url, storage } = this.#options;
    this.#url = new URL(url, import.meta.url);
    this.#foreign = !page || this.#url.origin !== location.origin;
    this.#key = this.#foreign ? `parley ${this.#url}` : "parley";
    const own = storage ?? (page ? null : memory());
    this.#session = `${this.#key}.session`;
    this.#store = kept(() => own ?? localStorage);
    this.outbox = outbox(this, kept(() => own ?? sessionStorage), this.#key);
    if (page) addEventListener("storage", ({ key }) => (key ?? this.#session) === this.#session && this.#noticed());
  }

  async resume(onTrouble) {
    const mayBe = this.#options.token || this.#shared || !this.#store.keeps();
    const user = mayBe && await until(async () => {
      if (this.#shared?.life && this.#shared.deadline <= Date.now()) await this.renew();
      return this.call("GET", "me");
    }, { onTrouble }).catch(() => null);
    if (user) this.#begin(user);
    else this.#end("none");
    return this.user;
  }

  async logIn(username, password) {
    this.#begin(await this.#tokens("login", { username, password, cookie: !this.#foreign }));
    return this.user;
  }

  logOut() {
    return this.leave("logout", () => this.#exchange("POST", "logout").catch((error) => {
      if (!refused(error)) throw error;
    }));
  }

  async leave(reason, work) {
    const done = work().then(() => this.#end(reason));
    this.#leaving = { reason, done };
    return done.finally(() => this.#leaving = null);
  }

  post(chat, text, more) {
    return this.outbox.add({ chat, text, ...more });
  }

  follow(onEvent, options) {
    return follow(this, onEvent, { ...this.#options, store: this.#store, key: `${this.#key} ${this.user?.username} `, ...options });
  }

  async call(...request) {
    return (await this.ask(...request)).answer;
  }

  async ask(...request) {
    try {
      return await this.#exchange(...request);
    } catch (error) {
      if (!refused(error)) throw error;
    }
    await this.renew();
    return this.#exchange(...request).catch((error) => {
      if (refused(error)) this.#end("over");
      throw error;
    });
  }

  async #exchange(method, path, body, { headers, signal = AbortSignal.timeout(20_000) } = {}) {
    const request = { method, headers: { Accept: "application/json", ...headers }, signal };
    if (body) {
      request.headers["Content-Type"] = "application/json";
      request.body = JSON.stringify(body);
    }
    const response = await this.#send(path, request);
    try {
      return { answer: response.status === 204 ? null : await response.json(), headers: response.headers };
    } catch (error) {
      throw unreachable(error);
    }
  }

  async #send(path, request, bare) {
    const { token, fetch } = this.#options;
    let response;
    try {
      const bearer = typeof token === "function" ? await token() : token ?? this.#shared?.token;
      if (bearer && !bare) request.headers.Authorization = `Bearer ${bearer}`;
      response = await fetch(new URL(path, this.#url), { cache: "no-store", ...request });
    } catch (error) {
      throw unreachable(error);
    }
    if (response.ok) return response;
    throw new Problem(response.status, await response.json().catch(() => null), asked(response.headers.get("Retry-After")));
  }

  async open(path, query, signal) {
    const ticketed = page && this.#foreign && !this.#options.token;
    if (ticketed) query += `&ticket=${(await this.call("POST", "stream-tickets", { path: new URL(path, this.#url).pathname })).ticket}`;
    return this.#send(path + query, { headers: { Accept: "text/event-stream" }, signal }, ticketed);
  }

  renew(ahead) {
    return this.#renewing ??= this.#renew(ahead).finally(() => this.#renewing = null);
  }

  async #renew(ahead) {
    if (this.#options.token) return;
    await this.#leaving?.done.then(() => { throw new Problem(401); }, () => {});
    const before = this.#shared?.deadline;
    const work = async () => {
      const { deadline = 0, life, refresh } = this.#shared ?? {};
      const left = deadline - Date.now();
      if (left > 0 && (deadline !== before || ahead && left > 0.75 * life)) return;
      try {
        const user = await this.#tokens("refresh", refresh && { refresh_token: refresh });
        if (this.user && user.username !== this.user.username) this.#end("other");
      } catch (error) {
        if (!error.passes) this.#end("over");
        throw error;
      }
    };
    // Two tabs must not spend one refresh token.
    if (!locks) await work();
    else await locks.request(`${this.#key}.refresh`, { signal: AbortSignal.timeout(10_000) }, work).catch((error) => {
      if (error.name !== "TimeoutError") throw error;
      return work();
    });
    this.#schedule();
  }

  async #tokens(path, body) {
    const asked = Date.now();
    const { answer, headers } = await this.#exchange("POST", path, body);
    const { user, token, refresh_token: refresh, expires_at: expires } = answer;
    // The service tells its clock in whole seconds.
    const life = Math.max(0, Date.parse(expires) - (Date.parse(headers.get("Date")) + 1_000 || asked));
    this.#shared = { username: user.username, deadline: asked + life, life, token, refresh };
    return user;
  }

  get #shared() {
    return this.#store.read(this.#session);
  }

  set #shared(session) {
    this.#store.write(this.#session, session);
  }

  #begin(user) {
    const { username } = this.user = user;
    if (!this.#options.token && this.#shared?.username !== username) this.#shared = { username, deadline: 0, life: 0 };
    this.#schedule();
    this.dispatchEvent(new Event("begin"));
    this.outbox.open(username);
  }

  #end(reason) {
    const was = this.user;
    reason = this.#leaving?.reason ?? reason;
    this.user = null;
    this.outbox.close();
    clearTimeout(this.#timer);
    if (reason !== "elsewhere" && reason !== "other") this.#shared = null;
    if (was || reason === "none") this.dispatchEvent(detailed("end", { reason }));
  }

  #schedule() {
    clearTimeout(this.#timer);
    const { deadline, life } = this.#shared ?? {};
    if (!this.user || !life) return;
    this.#timer = setTimeout(() => this.renew(true).catch(() => {}), Math.max(0, deadline - Date.now() - Math.min(30_000, life / 4)));
    this.#timer.unref?.();
  }

  #noticed() {
    const shared = this.#shared;
    if (shared?.username === this.user?.username) this.#schedule();
    else if (this.user) this.#end(shared ? "other" : "elsewhere");
    else this.resume();
  }
}

function parse(block) {
  const frame = { event: "message" };
  for (const [, name, value] of block.matchAll(/(\w*): ([^\n]*)/g)) frame[name] = value;
  if (frame.id) frame.id = Number(frame.id);
  if (frame.data) frame.data = JSON.parse(frame.data);
  return frame;
}

function follow(parley, onEvent, { chat, after, onState, patience, store, key, rests = true }) {
  const path = chat ? `chats/${encodeURIComponent(chat)}/stream` : "stream";
  const name = key + path;
  const closed = new AbortController();
  let told = "connecting";
  const following = { state: told, rests, close };
  let cursor = after === undefined ? store.read(name) : after;
  let channel, turn, leads, check, catching, hiding, glancing, grace, ready, resting;
  let heard = 0, polling = 0;

  function close() {
    closed.abort();
    clearInterval(looking);
    rest();
  }

  function set(state) {
    clearTimeout(grace);
    grace = null;
    if (closed.signal.aborted || following.state === state) return;
    following.state = state;
    onState?.(state);
  }

  function tell(state) {
    if (state !== "live" && globalThis.navigator?.onLine === false) state = "offline";
    told = state;
    if (resting) return;
    if (state === "reconnecting" && /live|conn/.test(following.state)) grace ??= setTimeout(set, 700, state);
    else set(state);
  }

  function take(events, position) {
    for (const event of events) {
      if (closed.signal.aborted) return;
      if (event.id <= cursor && event.event !== "reset") continue;
      cursor = event.id ?? cursor;
      if (event.event === "message") parley.outbox.arrived(event.data);
      try {
        onEvent(event);
      } catch (error) {
        queueMicrotask(() => { throw error; });
      }
    }
    if (!(cursor >= position)) cursor = position;
    if (cursor) store.write(name, cursor);
  }

  function pass(events, position = cursor) {
    channel?.postMessage({ from: cursor ?? position, events, position, state: ready ? "live" : told });
    take(events, position);
  }

  async function poll(wait) {
    const options = wait ? { headers: { Prefer: `wait=${wait}` }, signal: AbortSignal.timeout(35_000) } : {};
    const page = await parley.call("GET", `${path}?after=${cursor ?? "now"}`, undefined, options);
    (leads ? pass : take)(page.events, page.cursor);
    return page.events.length > 0;
  }

  function catchUp() {
    return catching ??= (async () => {
      while (await poll(0));
    })().finally(() => catching = null);
  }

  function hear({ asks, from, events, position, state }) {
    if (leads && asks) pass([]);
    if (leads || asks) return;
    heard = Date.now();
    cursor ??= from;
    const all = () => {
      if (from <= cursor) take(events, position);
      tell(state);
    };
    if (from > cursor) catchUp().then(all, () => {});
    else all();
  }

  async function stream(signal) {
    const own = new AbortController();
    signal.addEventListener("abort", () => own.abort(), { signal: own.signal });
    let silent;
    let pinged = heard = Date.now();
    check = () => {
      silent = Date.now() - heard > (ready ? patience : 4_000);
      if (silent) own.abort();
    };
    try {
      const { body } = await parley.open(path, `?after=${cursor ?? "now"}`, own.signal);
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; ;) {
        const { done, value } = await reader.read();
        if (done) throw unreachable();
        heard = Date.now();
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        const frames = blocks.map(parse);
        const events = frames.filter(({ data }) => data);
        const begins = events.some(({ event }) => event === "ready");
        ready ||= begins;
        pass(events, frames.findLast(({ id }) => id)?.id);
        if (ready) tell("live");
        if (begins) hurry();
        for (const { event, data } of events) {
          if (event === "auth") parley.renew(true).catch(() => {});
          if (event === "ping") {
            patience = Math.min(Math.max(patience, 3 * (heard - pinged)), 300_000);
            pinged = heard;
          }
          if (event === "bye") throw new Problem({ expired: 401, revoked: 401, left: 410, deleted: 410 }[data.reason]);
        }
      }
    } catch (error) {
      if (silent && ready) patience = Math.min(2 * patience, 300_000);
      else if (silent) {
        // Something on the way buffers: a poll will tell.
        polling = Date.now() + 600_000;
        return;
      }
      throw error instanceof Problem ? error : unreachable(error);
    } finally {
      check = null;
      own.abort();
    }
  }

  async function lead(signal) {
    leads = true;
    signal.addEventListener("abort", () => leads = false);
    for (let failed = 0; !signal.aborted; failed++) {
      ready = false;
      try {
        if (Date.now() > polling) await stream(signal);
        while (!signal.aborted && Date.now() < polling) {
          await poll(ready ? 20 : 0);
          ready = true;
          tell("live");
        }
      } catch (error) {
        if (signal.aborted) return;
        polling = 0;
        if (ready) failed = 0;
        ready = false;
        tell("reconnecting");
        pass([]);
        const trouble = refused(error) && failed < 4 ? await parley.renew().catch((further) => further) : error;
        if (trouble && !trouble.passes) {
          set("closed");
          onEvent({ event: "problem", data: trouble });
          return close();
        }
        await pause(failed, trouble?.retryAfter, signal);
      }
    }
  }

  function contend(steal) {
    turn?.abort();
    turn = new AbortController();
    const { signal } = turn;
    heard = Date.now();
    if (!locks || !parley.user) return lead(signal);
    channel ??= new BroadcastChannel(name);
    channel.onmessage = ({ data }) => hear(data);
    channel.postMessage({ asks: true });
    locks.request(name, steal ? { steal } : { signal }, () => lead(signal))
      .catch(() => {})
      .then(() => setTimeout(() => signal.aborted || contend(), 1_000));
  }

  function look() {
    check?.();
    if (!resting && !leads && Date.now() - heard > patience) contend(true);
  }

  function rest() {
    resting = true;
    turn?.abort();
    channel?.close();
    channel = null;
    set("resting");
    clearInterval(glancing);
    if (!closed.signal.aborted) glancing = setInterval(() => catchUp().catch(() => {}), 60_000 * (0.75 + Math.random() / 2));
  }

  function wake() {
    resting = false;
    clearInterval(glancing);
    tell("connecting");
    contend();
  }

  function turned() {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(() => following.rests && rest(), 3_000);
    else if (resting) wake();
    else look();
  }

  if (page) {
    const on = (target, name, handle) => target.addEventListener(name, handle, { signal: closed.signal });
    on(window, "online", () => {
      hurry();
      if (!resting) wake();
    });
    on(window, "offline", () => tell("offline"));
    on(document, "visibilitychange", turned);
    on(window, "pagehide", rest);
    on(window, "pageshow", ({ persisted }) => persisted && turned());
  }
  const looking = setInterval(look, 5_000);
  if (page && document.hidden && rests) rest();
  else wake();
  return following;
}

function outbox(parley, store, key) {
  const entries = [];
  const sending = new Set();
  let name;

  const of = (chat) => entries.filter(({ post }) => post.chat === chat);
  const tell = (name, detail) => parley.dispatchEvent(detailed(name, detail));

  function keep() {
    store.write(name, entries.length > 0 ? entries.map(({ post }) => post) : null);
    tell("change");
  }

  function enter(post) {
    const entry = { post, since: Date.now(), done: new AbortController() };
    entry.answer = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
    entry.answer.catch(() => {});
    entries.push(entry);
    send(post.chat);
    return entry;
  }

  function remove(entry) {
    entries.splice(entries.indexOf(entry), 1);
    entry.done.abort();
    keep();
  }

  async function send(chat) {
    if (sending.has(chat)) return;
    sending.add(chat);
    for (let entry; (entry = of(chat)[0]);) {
      const { post, done: { signal } } = entry;
      const onTrouble = (error) => {
        entry.trouble = error;
        tell("change");
      };
      try {
        const message = await until(() => parley.call("POST", "messages", post), { signal, onTrouble });
        if (signal.aborted) continue;
        tell("posted", message);
        entry.resolve(message);
        remove(entry);
      } catch (error) {
        if (signal.aborted) continue;
        remove(entry);
        entry.reject(error);
        tell("refused", { post, error });
      }
    }
    sending.delete(chat);
  }

  function close() {
    for (const { done } of entries.splice(0)) done.abort();
  }

  return {
    of,
    close,
    entries,
    open(username) {
      name = `${key}.outbox.${username}`;
      for (const post of store.read(name) ?? []) enter(post);
    },
    clear() {
      close();
      keep();
    },
    add(post) {
      const { answer } = enter({ ...post, client_id: newID() });
      keep();
      return answer;
    },
    arrived(message) {
      const entry = entries.find(({ post }) => post.client_id === message.client_id);
      if (!entry || message.author !== parley.user?.username) return;
      entry.resolve(message);
      remove(entry);
    },
  };
}

// Node 18 has no CustomEvent and no crypto.
const detailed = (name, detail) => Object.assign(new Event(name), { detail });

// UUIDv7: the service's index of keys grows at its end.
function newID() {
  const time = Date.now().toString(16).padStart(12, "0").replace(/.{8}/, "$&-");
  return time + "-7xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, () => Math.floor(Math.random() * 16).toString(16));
}
