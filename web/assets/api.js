// The service's HTTP contract: a call, its answer, and how it fails.

const PATIENCE = 20_000;

/** How long an answer may take until the page says that it waits for it. */
export const LATE = 5_000;

/** The calls that have waited for longer than LATE. It fires "change". */
class LateCalls extends EventTarget {
  count = 0;

  /** Watches one call; the function that it returns is called at the call's end. */
  watch() {
    let counted = 0;
    const timer = setTimeout(() => this.#add(counted = 1), LATE);
    return () => {
      clearTimeout(timer);
      if (counted) this.#add(-1);
    };
  }

  #add(n) {
    this.count += n;
    this.dispatchEvent(new CustomEvent("change"));
  }
}

export const lateCalls = new LateCalls();

/** A refusal: the problem document (RFC 9457) that the service answered with. */
export class Problem extends Error {
  constructor(status, document, retryAfter) {
    super(document.detail || document.title || `The service answered with status ${status}.`);
    this.status = status;
    this.code = document.code ?? "";
    /** The fields that are no good: [{field, message}]. */
    this.errors = Array.isArray(document.errors) ? document.errors : [];
    /** How many milliseconds the service asks to wait; 0 if it does not. */
    this.retryAfter = retryAfter;
  }

  /** The sentence for a person: what is wrong with the fields, where that is said. */
  get sentence() {
    const fields = this.errors.map(({ field, message }) => `${field} ${message}`).join("; ");
    return fields ? `${capital(fields)}.` : this.message;
  }
}

/** No answer, or none from the service: whether it did the work is not known. */
export class Unreachable extends Error {
  constructor(cause) {
    super("The service cannot be reached.", { cause });
  }

  get sentence() {
    return this.message;
  }
}

/** Whether the same call may well succeed a little later. */
export function passes(error) {
  if (error instanceof Unreachable) return true;
  return error instanceof Problem && (error.status >= 500 || error.status === 408 || error.status === 429);
}

/**
 * Calls the service and returns its answer's JSON, or null where it has none.
 * Throws a Problem or Unreachable.
 */
export async function send(method, path, body) {
  return (await exchange(method, path, body)).answer;
}

/**
 * As send; returns {answer, date, next}, where date is the service's clock (ms) or NaN, and
 * next the path of the list's next page, or null.
 */
export async function exchange(method, path, body) {
  let response;
  let text;
  const ended = lateCalls.watch();
  try {
    response = await fetch(new URL(path, document.baseURI), {
      method,
      headers: body === undefined
        ? { Accept: "application/json" }
        : { Accept: "application/json", "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE),
    });
    text = await response.text();
  } catch (error) {
    throw new Unreachable(error);
  } finally {
    ended();
  }
  if (!response.ok) {
    throw new Problem(response.status, parse(text) ?? {}, 1000 * (Number(response.headers.get("Retry-After")) || 0));
  }
  const date = Date.parse(response.headers.get("Date"));
  // Of the next page's address only the query is taken, which holds whatever path the
  // service is mounted at.
  const query = response.headers.get("Link")?.match(/<[^>?]*(\?[^>]*)>; rel="next"/)?.[1];
  const next = query ? path.split("?")[0] + query : null;
  if (response.status === 204) return { answer: null, date, next };
  const answer = parse(text);
  // A page of some gateway in between is no answer of the service.
  if (answer === null) throw new Unreachable();
  return { answer, date, next };
}

/** A path whose parts come from outside. */
export const path = (strings, ...parts) => String.raw({ raw: strings }, ...parts.map(encodeURIComponent));

function parse(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
