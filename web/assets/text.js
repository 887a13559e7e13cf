// A text as elements: links that can be followed, and code as code. All else stays text.

import { el } from "./dom.js";

/** Code between two lines of three backticks; the first of them may name a language. */
const CODE = /^```[^\n`]*\n([^]*?)\n?```[ \t]*(?:\n|$)/gm;
const LINK = /\bhttps?:\/\/[^\s<>"`]+/gi;

/** The nodes that show a text. */
export function shownText(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(CODE)) {
    nodes.push(...withLinks(text.slice(at, found.index)), el("pre", {}, el("code", {}, found[1])));
    at = found.index + found[0].length;
  }
  nodes.push(...withLinks(text.slice(at)));
  return nodes;
}

/** The beginning of a text for where there is room for a line or two: code without the lines around it. */
export function excerpt(text) {
  return text.replace(CODE, "$1\n").slice(0, 200);
}

function withLinks(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(LINK)) {
    const address = withoutSentence(found[0]);
    if (!URL.canParse(address)) continue;
    nodes.push(text.slice(at, found.index), el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, address));
    at = found.index + address.length;
  }
  nodes.push(text.slice(at));
  return nodes.filter((node) => node !== "");
}

/** An address without what belongs to the sentence around it. */
function withoutSentence(address) {
  const trimmed = address.replace(/[.,;:!?'’*_]+$/, "");
  const closes = trimmed.endsWith(")") && trimmed.split(")").length > trimmed.split("(").length;
  return closes ? withoutSentence(trimmed.slice(0, -1)) : trimmed;
}
