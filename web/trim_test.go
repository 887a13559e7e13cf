package web

import "testing"

// history is a service whose lobby has 1,000 messages, and 200 in reserve that come in live.
const history = `
const message = (id, text = "as it was") => ({ id, seq: id, chat: "lobby", author: "bob", text, created_at: "2026-01-02T03:04:05.678Z" });
let takes = 0;
const serve = async (method, path, query) => {
	if (path.startsWith("messages/")) return message(Number(path.slice(9)));
	const before = Number(query.get("before") ?? 1_001);
	await new Promise((resolve) => setTimeout(resolve, takes));
	return { messages: Array.from({ length: 50 }, (_, i) => message(before - 50 + i)), cursor: 1_000 };
};
/** Tells of a change, and returns a reference to it that does not keep it. */
const edit = (chats, id, position) => {
	const data = message(id, "as it is");
	chats.apply("message.edited", data, position);
	return new WeakRef(data);
};
`

func TestAChangeIsForgottenWithItsMessage(t *testing.T) {
	got := play[struct{ Known, Kept int }](t, history+`
const chats = await begin(serve);
const lobby = chats.get("lobby");
chats.load(lobby);
await advance(0);
const changes = [];
let position = 1_000;
for (let id = 901; id <= 1_000; id++) changes.push(edit(chats, id, ++position));
await advance(0);
const known = lobby.messages.filter(({ text }) => text === "as it is").length;
for (let i = 0; i < 200; i++) {
	const id = ++position;
	chats.apply("message", message(id), id);
}
await advance(0);
chats.rest(lobby);
await advance(0);
gc();
console.log(JSON.stringify({ known, kept: changes.filter((change) => change.deref()).length }));
`)
	if got.Known != 50 || got.Kept != 0 {
		t.Errorf("of 100 changes 50 are of known messages, and %d are shown; %d are kept behind the messages", got.Known, got.Kept)
	}
}

func TestAnAnswerDoesNotUndoAChangeThatWasQuicker(t *testing.T) {
	got := play[map[string][]string](t, history+`
const chats = await begin(serve);
const lobby = chats.get("lobby");
takes = 1_000;
chats.load(lobby);
await advance(500);
edit(chats, 960, 1_001);
await advance(600);
chats.older(lobby);
chats.quoted(lobby, 5);
edit(chats, 5, 1_002);
await advance(500);
edit(chats, 910, 1_003);
await advance(600);
const text = (id) => lobby.message(id)?.text ?? "unknown";
console.log(JSON.stringify({ texts: [text(960), text(910), text(5), text(961)] }));
`)
	for i, want := range []string{"as it is", "as it is", "as it is", "as it was"} {
		if text := got["texts"][i]; text != want {
			t.Errorf("the text at %d is %q, want %q", i, text, want)
		}
	}
}
