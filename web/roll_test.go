package web

import (
	"slices"
	"testing"
)

// people is a service whose lobby has members, all of whom are here, and a page that shows it.
const people = `
const members = new Map(Array.from({ length: 1_600 }, (_, i) => ["m" + String(i).padStart(5, "0"), "member"]));
const displayName = (username) => username.toUpperCase();
let takes = 500, most = 0, running = 0;
const serve = async (method, path, query) => {
	most = Math.max(most, ++running);
	const { items, headers } = pageOf([...members.keys()].sort(), query);
	await new Promise((resolve) => setTimeout(resolve, takes));
	running--;
	const whole = items.map((username) => ({ username, display_name: displayName(username), role: members.get(username) }));
	return path.endsWith("/presence") ? { present: items, headers } : { members: whole, headers };
};
let position = 9;
const tell = (chats, kind, username, role = "member") => {
	if (kind === "member.left") members.delete(username);
	else members.set(username, role);
	chats.apply(kind, { chat: "lobby", username, role }, ++position);
};
/** A page that shows the lobby, and the dialog of its members where that is open. */
const show = async () => {
	const chats = await begin(serve);
	const page = { chats, dialog: false, lobby: chats.get("lobby") };
	page.show = () => {
		chats.loadMembers(page.lobby, page.dialog);
		chats.loadPresence(page.lobby);
	};
	chats.addEventListener("change", page.show);
	page.show();
	return page;
};
const roles = (list) => list.map(({ username, role }) => username + " " + role).join();
const truth = () => [...members].sort(([a], [b]) => a < b ? -1 : 1).map((one) => one.join(" ")).join();
`

func TestManyJoinsCostAPageFewRequests(t *testing.T) {
	got := play[struct {
		Members, Presence, AtOnce int
		True, Here                bool
	}](t, people+`
const { chats, lobby } = await show();
await advance(60_000);
asked.length = most = 0;
for (let i = 0; i < 500; i++) {
	tell(chats, "member.joined", "j" + i);
	if (i % 5 === 0) tell(chats, "member.left", "m00" + (100 + i));
	if (i % 5 === 1) tell(chats, "member.updated", "m00" + (100 + i), "admin");
	await advance(20);
}
await advance(30_000);
console.log(JSON.stringify({
	members: count("chats/lobby/members"), presence: count("chats/lobby/presence"), atOnce: most,
	true: roles(lobby.members) === truth(), here: [...lobby.present].sort().join() === [...members.keys()].sort().join(),
}));
`)
	if got.Members != 0 {
		t.Errorf("the members are asked for %d times", got.Members)
	}
	// Four pages at a time, for ten seconds every five or more, and once behind the last join.
	if got.Presence == 0 || got.Presence > 4*4 {
		t.Errorf("presence is asked for %d times", got.Presence)
	}
	if got.AtOnce > 1 {
		t.Errorf("%d requests run at once", got.AtOnce)
	}
	if !got.True || !got.Here {
		t.Errorf("the list is the service's: %t; so is who is here: %t", got.True, got.Here)
	}
}

func TestPagesAskForPresenceAtDifferentMomentsBehindAJoin(t *testing.T) {
	got := play[[]int](t, people+`
takes = 0;
const pages = [];
for (let i = 0; i < 20; i++) pages.push(await show());
await advance(60_000);
const joined = Date.now();
members.set("j", "member");
const moments = [];
for (const { chats, lobby } of pages) {
	chats.apply("member.joined", { chat: "lobby", username: "j", role: "member" }, 10);
	chats.addEventListener("change", () => {
		if (lobby.present.has("j")) moments.push(Math.round(Date.now() - joined));
	});
}
await advance(30_000);
console.log(JSON.stringify(moments));
`)
	if len(got) < 20 || slices.Max(got) > 6_000 || slices.Max(got)-slices.Min(got) < 1_000 {
		t.Errorf("20 pages know who is here behind %v ms", got)
	}
}

func TestWhatChangesWhileAListIsReadIsInIt(t *testing.T) {
	got := play[struct{ True, Here bool }](t, people+`
takes = 2_000;
const { chats, lobby } = await show();
await advance(7_000); // on the last of four pages
tell(chats, "member.joined", "a");
tell(chats, "member.left", "m00001");
tell(chats, "member.updated", "m00002", "admin");
chats.signal("presence", { chat: "lobby", username: "m00003", present: false });
chats.signal("presence", { chat: "lobby", username: "z", present: true });
await advance(1_100);
const here = new Set(members.keys());
here.delete("m00003");
here.delete("a"); // of whom the next reading tells
here.add("z");
console.log(JSON.stringify({
	true: roles(lobby.members) === truth(), here: [...lobby.present].sort().join() === [...here].sort().join(),
}));
`)
	if !got.True || !got.Here {
		t.Errorf("the list is the service's: %t; so is who is here: %t", got.True, got.Here)
	}
}

func TestDisplayNamesAreReadWhereTheyAreShown(t *testing.T) {
	got := play[struct {
		Before, Opened, Open int
		Names                []string
	}](t, people+`
const page = await show();
const names = () => page.lobby.members.filter(({ username }) => username.startsWith("j")).map(({ display_name }) => display_name ?? null);
await advance(60_000);
asked.length = 0;
tell(page.chats, "member.joined", "j1");
await advance(60_000);
const before = count("chats/lobby/members");
page.dialog = true;
page.show();
await advance(3_000);
const opened = count("chats/lobby/members");
for (let i = 2; i < 100; i++) tell(page.chats, "member.joined", "j" + i);
await advance(30_000);
console.log(JSON.stringify({ before, opened, open: count("chats/lobby/members"), names: names() }));
`)
	if got.Before != 0 || got.Opened != 4 || got.Open != 8 {
		t.Errorf("the members are asked for %d times without the dialog, %d with it, %d behind more joins; want 0, 4, 8", got.Before, got.Opened, got.Open)
	}
	if len(got.Names) != 99 || got.Names[0] != "J1" || slices.Contains(got.Names, "") {
		t.Errorf("the names are %q", got.Names)
	}
}
