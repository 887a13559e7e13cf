// Trying again after what will pass, with growing pauses.

import { passes } from "./api.js";

const FIRST = 500;
const LONGEST = 15_000;

const hurrying = new EventTarget();

/** Ends the pauses of all who wait only because they guess: things look better. */
export function hurry() {
  hurrying.dispatchEvent(new Event("hurry"));
}

/**
 * Waits before the attempt that follows `failed` ones that failed, the last of
 * them with error; at least as long as the service asked for. Rejects when
 * signal aborts.
 */
export function pause(failed, error, signal) {
  // Random, so that those who lost the same server do not all return at once.
  const guess = Math.min(LONGEST, FIRST * 2 ** Math.min(failed, 10)) * (0.5 + Math.random() / 2);
  const asked = error?.retryAfter ?? 0;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const done = new AbortController();
    const timer = setTimeout(finish, Math.max(guess, asked));
    function finish() {
      clearTimeout(timer);
      done.abort();
      resolve();
    }
    if (!asked) hurrying.addEventListener("hurry", finish, { signal: done.signal });
    signal?.addEventListener("abort", () => {
      reject(signal.reason);
      finish();
    }, { signal: done.signal });
  });
}

/**
 * Returns what attempt returns, trying again for as long as its failures are of
 * the kind that passes. Other failures, and the signal's, are thrown.
 */
export async function until(attempt, { signal, onTrouble } = {}) {
  for (let failed = 0; ; failed++) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!passes(error)) throw error;
      onTrouble?.(error);
      await pause(failed, error, signal);
    }
  }
}
