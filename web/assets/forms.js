// Forms and dialogs: what is the same for all of them.

import { Problem } from "../client.js";
import { byId, say } from "./dom.js";

/** The refusals that name no field, and the field that each is about, by their codes. */
const ABOUT = {
  username_taken: "username",
  wrong_password: "password",
  signup_closed: "invite",
  invite_not_found: "invite",
};

/**
 * Runs submit(values, data) when the form is sent, once at a time, and shows what it
 * throws beside the field that it is about: `about` adds to ABOUT for this form. What was
 * typed stays as it is.
 */
export function onSubmit(form, submit, about = {}) {
  let busy = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    form.setAttribute("aria-busy", "true");
    clearErrors(form);
    try {
      const data = new FormData(form);
      await submit(Object.fromEntries(data), data);
    } catch (error) {
      showError(form, error, { ...ABOUT, ...about });
    } finally {
      busy = false;
      form.removeAttribute("aria-busy");
    }
  });
}

/** Shows an error: field by field where it names fields of the form, else below. */
function showError(form, error, about) {
  const rest = [];
  let first = null;
  for (const { field, text } of faults(error, about)) {
    const named = form.elements.namedItem(field);
    const input = named instanceof RadioNodeList ? named[0] : named;
    const place = input?.closest(".field");
    if (!place) {
      rest.push(field);
      continue;
    }
    const id = `${form.id}-${field}-error`;
    const folded = place.closest("details");
    if (folded) folded.open = true;
    const line = document.createElement("span");
    line.className = "error";
    line.id = id;
    line.textContent = text;
    place.append(line);
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-errormessage", id);
    first ??= input;
  }
  if (!first || rest.length > 0) {
    showSentence(form.querySelector(":scope > .error"), sentence(error));
  }
  (first ?? form.querySelector("input:not([type=radio])"))?.focus();
}

/** What an error finds wrong: [{field, text}], where text is a sentence. */
function faults(error, about) {
  if (error.errors?.length > 0) return error.errors.map(({ field, message }) => ({ field, text: `It ${message}.` }));
  return error.code in about ? [{ field: about[error.code], text: error.message }] : [];
}

/** Takes the errors off a form. */
export function clearErrors(form) {
  for (const line of form.querySelectorAll(".field > .error")) line.remove();
  for (const input of form.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-errormessage");
  }
  showSentence(form.querySelector(":scope > .error"), "");
}

/** Shows a sentence in an element that is hidden while there is none. */
export function showSentence(element, text) {
  if (!element) return;
  say(element, text);
  element.hidden = text === "";
}

/** What an error says to a person: what is wrong with the fields, where that is said. */
export function sentence(error) {
  if (!(error instanceof Problem)) return "Something went wrong on this page. Reload it and try again.";
  const fields = error.errors.map(({ field, message }) => `${field} ${message}`).join("; ");
  return fields ? `${fields.charAt(0).toUpperCase()}${fields.slice(1)}.` : error.message;
}

/** Opens a dialog; its [data-close] buttons, Escape and a press beside it close it. */
export function openDialog(dialog) {
  if (!dialog.open) dialog.showModal();
}

/** Makes all dialogs of the page close as they should. Called once. */
export function prepareDialogs() {
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("pointerdown", (event) => {
      if (event.target !== dialog) return;
      const box = dialog.getBoundingClientRect();
      const inside = event.clientX >= box.left && event.clientX <= box.right
        && event.clientY >= box.top && event.clientY <= box.bottom;
      if (!inside) dialog.close();
    });
    for (const button of dialog.querySelectorAll("[data-close]")) {
      button.addEventListener("click", () => dialog.close());
    }
  }
}

/** Closes whatever dialog is open. */
export function closeDialogs() {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
}

/** Asks a question and tells whether the answer was yes. */
export function confirm(question, consequence, yes) {
  const dialog = byId("confirm");
  if (dialog.open) return Promise.resolve(false);
  say(byId("confirm-question"), question);
  say(byId("confirm-consequence"), consequence);
  say(byId("confirm-yes"), yes);
  return new Promise((resolve) => {
    const done = new AbortController();
    const { signal } = done;
    const answer = (value) => {
      done.abort();
      dialog.close();
      resolve(value);
    };
    byId("confirm-yes").addEventListener("click", () => answer(true), { signal });
    byId("confirm-no").addEventListener("click", () => answer(false), { signal });
    dialog.addEventListener("close", () => answer(false), { signal });
    dialog.showModal();
    byId("confirm-no").focus();
  });
}
