// Follows all chats of a user, posts each line of standard input, and prints what happens as
// lines of JSON.
import { createInterface } from "node:readline";

import { Parley } from "parley-client";

const [url, username, password, chat] = process.argv.slice(2);
const tell = (...words) => console.log(JSON.stringify(words));

const parley = new Parley({ url });
parley.addEventListener("end", ({ detail }) => tell("end", detail.reason));
await parley.logIn(username, password);
const following = parley.follow(({ event, data }) => {
  if (event === "message") tell("message", data.text);
}, { onState: (state) => tell("state", state) });
for await (const text of createInterface({ input: process.stdin })) {
  parley.post(chat, text).then(({ text }) => tell("posted", text), ({ code }) => tell("refused", code));
}
following.close();
