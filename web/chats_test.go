package web

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"parley/e2e/need"
)

// stage is what a script finds that plays the page's part in Node: a session whose service
// is serve(method, path, query, body), a list of what it was asked, and a clock that stands
// until it is advanced.
const stage = `
import { Chats } from "./assets/chats.js";
import { Session } from "./assets/session.js";

// Node 18 has no CustomEvent.
globalThis.CustomEvent ??= class extends Event {
	constructor(name, { detail } = {}) {
		super(name);
		this.detail = detail;
	}
};

let now = 1_800_000_000_000;
Date.now = () => now;
let timers = [];
globalThis.setTimeout = (fire, delay = 0) => {
	const timer = { fire, at: now + delay };
	timers.push(timer);
	return timer;
};
globalThis.clearTimeout = (timer) => timers = timers.filter((other) => other !== timer);

/** Waits until all is done that needs no time. */
export async function settle() {
	for (let i = 0; i < 50; i++) await new Promise(setImmediate);
}

export async function advance(time) {
	for (const end = now + time; ; ) {
		await settle();
		const timer = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
		now = Math.max(now, timer?.at ?? end);
		if (!timer) return;
		clearTimeout(timer);
		timer.fire();
	}
}

export const asked = [];
export const count = (path) => asked.filter((one) => one === "GET " + path).length;

/** The user's chats, of which the list has been read. */
export async function begin(serve) {
	globalThis.fetch = async (url, { method, body }) => {
		const path = url.pathname.slice(new URL(".", import.meta.url).pathname.length);
		asked.push(method + " " + path);
		const { headers, ...answer } = path === "chats"
			? { chats: ["lobby", "hall"].map((id) => ({ id, title: "", visibility: "public", role: "member", head: 9, unread: 0, last_message: null })) }
			: await serve(method, path, url.searchParams, body && JSON.parse(body));
		return new Response(JSON.stringify(answer), { headers });
	};
	const session = new Session();
	session.user = { username: "ann" };
	const chats = new Chats(session, new AbortController().signal);
	await chats.list();
	return chats;
}

/** A page of names, and where the next one begins. */
export function pageOf(names, query, item = (name) => name) {
	const rest = names.filter((name) => name > (query.get("after") ?? ""));
	const limit = Number(query.get("limit") ?? 100);
	const page = rest.slice(0, limit);
	const headers = rest.length > limit ? { Link: '</chats/lobby/any?limit=' + limit + '&after=' + page.at(-1) + '>; rel="next"' } : {};
	return { items: page.map(item), headers };
}
`

// play runs a script on the stage, and returns what it prints as JSON.
func play[T any](t *testing.T, script string) (told T) {
	t.Helper()
	folder := t.TempDir()
	contents := map[string][]byte{
		"package.json": []byte(`{"type":"module"}`),
		"stage.js":     []byte(stage),
		"script.js":    []byte(`import { settle, advance, asked, count, begin, pageOf } from "./stage.js";` + script),
	}
	for at, f := range served {
		if filepath.Ext(at) == ".js" {
			contents[filepath.FromSlash(at)] = f.Content
		}
	}
	for name, content := range contents {
		at := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	node := exec.CommandContext(t.Context(), need.Node(t), "--expose-gc", filepath.Join(folder, "script.js"))
	node.Stderr = os.Stderr
	out, err := node.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &told); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return told
}

func TestPresenceIsReadToItsEndButNotWithoutOne(t *testing.T) {
	type read struct{ Present, Requests int }
	got := play[map[string]read](t, `
const told = {};
for (const people of [3, 1_234, 50_000]) {
	const names = Array.from({ length: people }, (_, i) => "p" + String(i).padStart(6, "0"));
	const chats = await begin((method, path, query) => {
		const { items, headers } = pageOf(names, query);
		return { present: items, headers };
	});
	const lobby = chats.get("lobby");
	asked.length = 0;
	await chats.loadPresence(lobby);
	told[people] = { present: lobby.present.size, requests: count("chats/lobby/presence") };
}
console.log(JSON.stringify(told));
`)
	for people, want := range map[string]read{"3": {3, 1}, "1234": {1234, 3}, "50000": {10_000, 20}} {
		if got[people] != want {
			t.Errorf("of %s people the page reads %+v, want %+v", people, got[people], want)
		}
	}
}
