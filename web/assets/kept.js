// Small values that outlive the page: in this browser (for all its tabs) or in
// this tab. Where the browser refuses to keep them they are simply not there.

import { kept } from "../client.js";

export const browser = kept(() => localStorage);
export const tab = kept(() => sessionStorage);

/** Calls changed when another tab writes this key of the browser's. */
export function onWritten(key, changed, signal) {
  addEventListener("storage", (event) => {
    if (event.storageArea === localStorage && (event.key === key || event.key === null)) changed();
  }, { signal });
}
