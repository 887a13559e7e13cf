// Small values that outlive the page: in this browser (for all its tabs) or in
// this tab. Where the browser refuses to keep them they are simply not there.

function keptIn(name) {
  return {
    /** Whether the browser keeps values at all. */
    get keeps() {
      try {
        return window[name] !== null;
      } catch {
        return false;
      }
    },
    read(key) {
      try {
        return JSON.parse(window[name].getItem(key));
      } catch {
        return null;
      }
    },
    write(key, value) {
      try {
        if (value === null) window[name].removeItem(key);
        else window[name].setItem(key, JSON.stringify(value));
      } catch {
        // Full, or forbidden.
      }
    },
  };
}

export const browser = keptIn("localStorage");
export const tab = keptIn("sessionStorage");

/** Calls changed when another tab writes this key of the browser's. */
export function onWritten(key, changed, signal) {
  addEventListener("storage", (event) => {
    if (event.storageArea === localStorage && (event.key === key || event.key === null)) changed();
  }, { signal });
}
