// Moments as a person reads them, in the browser's language and time zone.

import { el } from "./dom.js";

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "short" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const datedYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const long = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const longYear = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const near = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

/** A key that is the same for moments of the same day. */
export const dayOf = (moment) => `${moment.getFullYear()}-${moment.getMonth() + 1}-${moment.getDate()}`;

/** The time of day. */
export const timeOf = (moment) => clock.format(moment);

/** Everything about a moment. */
export const fully = (moment) => full.format(moment);

/** A day, for a heading between messages. */
export function dayName(moment) {
  const ago = daysAgo(moment);
  if (ago === 0) return "Today";
  if (ago === 1) return "Yesterday";
  return (thisYear(moment) ? long : longYear).format(moment);
}

/** An element with a moment of the service's. */
export function moment(text) {
  const at = new Date(text);
  return el("time", { datetime: text, title: fully(at) }, near.format(at));
}

/** A moment, as short as it can be told from others. */
export function briefly(moment) {
  const ago = daysAgo(moment);
  if (ago <= 0) return clock.format(moment);
  if (ago < 7) return weekday.format(moment);
  return (thisYear(moment) ? date : datedYear).format(moment);
}

function thisYear(moment) {
  return moment.getFullYear() === new Date().getFullYear();
}

function daysAgo(moment) {
  const midnight = (of) => Date.UTC(of.getFullYear(), of.getMonth(), of.getDate());
  return Math.round((midnight(new Date()) - midnight(moment)) / 86_400_000);
}
