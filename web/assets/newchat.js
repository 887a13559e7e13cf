// The dialog that makes a chat.

import { byId } from "./dom.js";
import { clearErrors, onSubmit, openDialog } from "./forms.js";

/** Wires the dialog; make(chat) asks the service. Called once. */
export function prepareNewChat(make) {
  const form = byId("new-chat-form");
  byId("open-new-chat").addEventListener("click", () => {
    form.reset();
    clearErrors(form);
    openDialog(byId("new-chat"));
    byId("new-chat-title").focus();
  });
  onSubmit(form, async ({ title, id, visibility }) => {
    const wanted = { title: title.trim(), visibility };
    if (id.trim()) wanted.id = id.trim();
    await make(wanted);
    byId("new-chat").close();
  });
}
