// The list of the user's sessions.

import { path } from "./api.js";
import { byId, el } from "./dom.js";
import { confirm } from "./forms.js";
import { PagedList } from "./paged.js";
import { moment } from "./when.js";

/** Wires the list, and returns it. Called once. */
export function prepareSessions(session) {
  const list = new PagedList(session, {
    name: "sessions", rows: byId("sessions"), more: byId("more-sessions"), state: byId("sessions-state"),
    heading: byId("sessions-heading"), none: "There are none.", row,
  });

  byId("end-other-sessions").addEventListener("click", async () => {
    if (!await confirm("End all other sessions?", "Wherever else you are signed in, you have to log in again.", "End them")) return;
    await list.try(async () => {
      await session.call("DELETE", "me/sessions");
      await list.open("me/sessions");
    });
  });

  function row({ id, current, last_used_at: used, user_agent: userAgent, address }) {
    const client = clientName(userAgent);
    const li = el("li", { "data-id": id },
      el("span", { class: "who" },
        el("span", { class: "name", title: userAgent }, client),
        el("span", { class: "hint" }, address ? `${address} · ` : "", "last used ", moment(used))));
    if (current) {
      li.append(el("span", { class: "tag" }, "this one"));
      return li;
    }
    const button = el("button", { type: "button", class: "quiet", "aria-label": `End the session of ${client}` }, "End this one");
    button.addEventListener("click", () => list.try(async () => {
      await session.call("DELETE", path`me/sessions/${id}`);
      list.remove(li);
    }));
    li.append(button);
    return li;
  }

  return list;
}

// The more particular ones first: nearly all call themselves Safari, and Android Linux.
const BROWSERS = { Edg: "Edge", OPR: "Opera", Firefox: "Firefox", Chrome: "Chrome", Safari: "Safari" };
const SYSTEMS = { Android: "Android", iPhone: "iPhone", iPad: "iPad", Windows: "Windows", CrOS: "ChromeOS", "Mac OS": "macOS", Linux: "Linux" };

/** What a person calls a client, by what it says of itself. */
function clientName(userAgent) {
  const known = (names) => names[Object.keys(names).find((part) => userAgent.includes(part))];
  const browser = known(BROWSERS);
  const system = known(SYSTEMS);
  if (!browser) return userAgent.slice(0, 60) || "An unnamed client";
  return system ? `${browser} on ${system}` : browser;
}
