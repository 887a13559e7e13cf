// Copying a text that stands in an input.

import { say } from "./dom.js";
import { notice } from "./notice.js";

/** Has the button copy what the input holds. Called once for each button. */
export function prepareCopy(button, input) {
  button.addEventListener("click", async () => {
    input.select();
    try {
      await navigator.clipboard.writeText(input.value);
      say(button, "Copied");
    } catch {
      // A browser has no clipboard for a page that came over plain HTTP.
      input.focus();
      notice("This browser does not let the page copy. The text is selected: copy it by hand.");
    }
  });
}
