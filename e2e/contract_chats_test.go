package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// chatFields are those of a chat to its member; strangerFields to somebody else.
var (
	chatFields     = []string{"id", "title", "visibility", "role", "head", "unread", "last_message", "created_at"}
	strangerFields = []string{"id", "title", "visibility", "role", "created_at"}
	memberFields   = []string{"username", "display_name", "role", "joined_at"}
)

// newChat is an answer's chat, in which nothing was said.
func newChat(a *reply) map[string]any {
	a.t.Helper()
	o := a.mediaType(jsonKind).object()
	if !fieldsOfNewChat(o) {
		a.errorf("the fields should be %q", chatFields)
	}
	return o
}

// fieldsOfNewChat leaves open how it is told that there is no last message.
func fieldsOfNewChat(o map[string]any) bool {
	o = maps.Clone(o)
	if o["last_message"] == nil {
		o["last_message"] = "none"
	}
	return fieldsAre(o, chatFields...)
}

// listed follows a list's pages to the end.
func listed(t testing.TB, p *process, who *account, path, query, name string) (all []map[string]any) {
	t.Helper()
	for more := true; more; more = query != "" {
		page := ask(t, p, "GET", path+query, "", bearer(who.token)).is(200)
		all = append(all, objects(t, page.fields(name)[name])...)
		query = linked(t, page, "next", path)
	}
	return all
}

func chatOf(t testing.TB, p *process, who *account, chatID string) map[string]any {
	t.Helper()
	return ask(t, p, "GET", "/chats/"+chatID, "", bearer(who.token)).is(200).object()
}

// roleOf is the role that the list of members shows, "" for nobody.
func roleOf(t testing.TB, p *process, by *account, chatID string, who *account) string {
	t.Helper()
	list := ask(t, p, "GET", "/chats/"+chatID+"/members", "", bearer(by.token)).is(200).fields("members")
	for _, m := range objects(t, list["members"]) {
		if m["username"] == who.name {
			return fmt.Sprint(m["role"])
		}
	}
	return ""
}

// headOf is the position of the chat's latest event.
func headOf(t testing.TB, p *process, who *account, chatID string) int64 {
	t.Helper()
	return integer(t, chatOf(t, p, who, chatID)["head"])
}

func integer(t testing.TB, value any) int64 {
	t.Helper()
	number, ok := value.(json.Number)
	n, err := strconv.ParseInt(number.String(), 10, 64)
	if !ok || err != nil {
		t.Errorf("%v is no whole number", value)
	}
	return n
}

func TestContractChatsAreMadeReadChangedAndDeleted(t *testing.T) {
	t.Parallel()
	p := serve(t)
	olga, adam, mia, nora := newAccount(t, p), newAccount(t, p), newAccount(t, p), newAccount(t, p)

	t.Run("a chat is private and its maker's unless said", func(t *testing.T) {
		made := newChat(ask(t, p, "POST", "/chats", `{}`, bearer(olga.token)).is(201))
		if id, _ := made["id"].(string); !regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`).MatchString(id) {
			t.Errorf("the id made up is %v", made["id"])
		}
		if made["visibility"] != "private" || made["role"] != "owner" || made["last_message"] != nil || integer(t, made["unread"]) != 0 || integer(t, made["head"]) < 1 {
			t.Errorf("the chat is %v", made)
		}
		checkMoments(t, made, "created_at")
		read := newChat(ask(t, p, "GET", "/chats/"+idOf(made), "", bearer(olga.token)).is(200))
		if fmt.Sprint(read) != fmt.Sprint(made) {
			t.Errorf("made as %v and read as %v", made, read)
		}
		members := objects(t, ask(t, p, "GET", "/chats/"+idOf(made)+"/members", "", bearer(olga.token)).is(200).fields("members")["members"])
		if len(members) != 1 || !fieldsAre(members[0], memberFields...) || members[0]["username"] != olga.name || members[0]["role"] != "owner" {
			t.Errorf("the members are %v", members)
		}
		checkMoments(t, members[0], "joined_at")
	})
	t.Run("an id is of its pattern", func(t *testing.T) {
		for _, id := range []string{"", "Lobby", "-lobby", "lo_bby", "lo.bby", "löbby", "lo/bby", strings.Repeat("a", 65)} {
			ask(t, p, "POST", "/chats", fmt.Sprintf(`{"id":%q}`, id), bearer(olga.token)).problem(400, "").names("id")
		}
		long := madeUp("0-")
		long += strings.Repeat("z", 64-len(long))
		ask(t, p, "POST", "/chats", fmt.Sprintf(`{"id":%q}`, long), bearer(olga.token)).is(201)
	})
	t.Run("title and visibility are bounded", func(t *testing.T) {
		long := strings.Repeat("𝒜", 200)
		made := ask(t, p, "POST", "/chats", fmt.Sprintf(`{"title":%q,"visibility":"public"}`, long), bearer(olga.token)).is(201).object()
		if made["title"] != long || made["visibility"] != "public" {
			t.Errorf("the chat is %v", made)
		}
		ask(t, p, "POST", "/chats", fmt.Sprintf(`{"title":%q}`, strings.Repeat("a", 201)), bearer(olga.token)).problem(400, "").names("title")
		ask(t, p, "POST", "/chats", `{"title":"a\u0000b"}`, bearer(olga.token)).problem(400, "").names("title")
		ask(t, p, "POST", "/chats", `{"title":"a\ud800b"}`, bearer(olga.token)).problem(400, "")
		ask(t, p, "POST", "/chats", `{"visibility":"secret"}`, bearer(olga.token)).problem(400, "").names("visibility")
		ask(t, p, "POST", "/chats", `{"owner":"olga"}`, bearer(olga.token)).problem(400, "").names("owner")
		ask(t, p, "PATCH", "/chats/"+idOf(made), fmt.Sprintf(`{"title":%q}`, strings.Repeat("a", 201)), bearer(olga.token)).problem(400, "").names("title")
		ask(t, p, "PATCH", "/chats/"+idOf(made), `{"visibility":"secret"}`, bearer(olga.token)).problem(400, "").names("visibility")
		ask(t, p, "PATCH", "/chats/"+idOf(made), `{"id":"another"}`, bearer(olga.token)).problem(400, "").names("id")
	})
	t.Run("a form makes a chat", func(t *testing.T) {
		id := madeUp("c")
		made := newChat(ask(t, p, "POST", "/chats", "id="+id+"&title=A+%26+B&visibility=public", ofKind(formKind), bearer(olga.token)).is(201))
		if made["id"] != id || made["title"] != "A & B" || made["visibility"] != "public" {
			t.Errorf("the chat is %v", made)
		}
		ask(t, p, "POST", "/chats", "id=-lobby", ofKind(formKind), bearer(olga.token)).problem(400, "").names("id")
		ask(t, p, "POST", "/chats", "colour=red", ofKind(formKind), bearer(olga.token)).problem(400, "").names("colour")
		ask(t, p, "POST", "/chats", "title=Lobby&title=Hall", ofKind(formKind), bearer(olga.token)).problem(400, "").names("title")
	})
	t.Run("an id is used once, deleted or not", func(t *testing.T) {
		id := makeChatOf(t, p, olga, "private")
		again := fmt.Sprintf(`{"id":%q}`, id)
		ask(t, p, "POST", "/chats", again, bearer(olga.token)).problem(409, "chat_exists")
		ask(t, p, "POST", "/chats", again, bearer(nora.token)).problem(409, "chat_exists")
		m := say(t, p, olga, id, newText())
		ask(t, p, "DELETE", "/chats/"+id, "", bearer(olga.token)).is(204)
		ask(t, p, "POST", "/chats", again, bearer(olga.token)).problem(409, "chat_exists")
		ask(t, p, "POST", "/chats", again, bearer(nora.token)).problem(409, "chat_exists")
		for _, path := range []string{"/chats/" + id, "/chats/" + id + "/members", "/chats/" + id + "/messages", "/chats/" + id + "/stream", "/messages/" + idOf(m)} {
			ask(t, p, "GET", path, "", bearer(olga.token)).problem(404, "")
		}
		ask(t, p, "DELETE", "/chats/"+id, "", bearer(olga.token)).problem(404, "")
	})
	t.Run("owner and admin change it, the owner deletes it", func(t *testing.T) {
		id := makeChatOf(t, p, olga, "private")
		putMember(t, p, olga, id, adam, "admin")
		putMember(t, p, olga, id, mia, "member")
		for _, who := range []*account{olga, adam} {
			title := madeUp("title")
			changed := newChat(ask(t, p, "PATCH", "/chats/"+id, fmt.Sprintf(`{"title":%q}`, title), bearer(who.token)).is(200))
			if changed["title"] != title || changed["visibility"] != "private" {
				t.Errorf("the chat is %v", changed)
			}
		}
		head := headOf(t, p, olga, id)
		ask(t, p, "PATCH", "/chats/"+id, `{"title":"Mine now"}`, bearer(mia.token)).problem(403, "")
		ask(t, p, "PATCH", "/chats/"+id, `{"title":"Mine now"}`, bearer(nora.token)).problem(404, "")
		ask(t, p, "DELETE", "/chats/"+id, "", bearer(mia.token)).problem(403, "")
		ask(t, p, "DELETE", "/chats/"+id, "", bearer(adam.token)).problem(403, "")
		if now := headOf(t, p, olga, id); now != head {
			t.Errorf("refused requests moved the head from %d to %d", head, now)
		}
		ask(t, p, "PATCH", "/chats/"+id, `{"visibility":"public"}`, bearer(adam.token)).is(200)
		ask(t, p, "GET", "/chats/"+id, "", bearer(nora.token)).is(200)
		ask(t, p, "PATCH", "/chats/"+id, `{"title":"Mine now"}`, bearer(nora.token)).problem(403, "")
		ask(t, p, "DELETE", "/chats/"+id, "", bearer(nora.token)).problem(403, "")
		ask(t, p, "DELETE", "/chats/"+id, "", bearer(olga.token)).is(204)
		ask(t, p, "GET", "/chats/"+id, "", bearer(nora.token)).problem(404, "")
	})
	t.Run("one's list is one's own, the public one is what may be joined", func(t *testing.T) {
		private, public, gone := makeChatOf(t, p, olga, "private"), makeChatOf(t, p, olga, "public"), makeChatOf(t, p, olga, "public")
		ask(t, p, "DELETE", "/chats/"+gone, "", bearer(olga.token)).is(204)
		putMember(t, p, olga, private, mia, "member")
		list := func(who *account, query string) map[string]map[string]any {
			found := make(map[string]map[string]any)
			for _, c := range listed(t, p, who, "/chats", query, "chats") {
				found[idOf(c)] = c
			}
			return found
		}
		mine := list(mia, "")
		if mine[private] == nil || mine[public] != nil || mine[gone] != nil {
			t.Errorf("mia's chats are %v", mine)
		}
		if !fieldsOfNewChat(mine[private]) || mine[private]["role"] != "member" {
			t.Errorf("mia's chat is %v", mine[private])
		}
		if found := list(nora, ""); len(found) != 0 {
			t.Errorf("nora's chats are %v", found)
		}
		if !strings.Contains(string(ask(t, p, "GET", "/chats", "", bearer(nora.token)).body), `"chats":[]`) {
			t.Error("no chats should be an empty list")
		}
		open := list(nora, "?visibility=public")
		if open[public] == nil || open[private] != nil || open[gone] != nil {
			t.Errorf("what may be joined is %v", open)
		}
		if c := open[public]; !fieldsAre(c, strangerFields...) || c["role"] != nil {
			t.Errorf("to a stranger the chat is %v", c)
		}
	})
	t.Run("unread counts others' messages after one's join", func(t *testing.T) {
		id := makeChatOf(t, p, olga, "public")
		say(t, p, olga, id, newText())
		ask(t, p, "PUT", "/chats/"+id+"/members/"+mia.name, `{}`, bearer(mia.token)).is(200)
		if c := chatOf(t, p, mia, id); integer(t, c["unread"]) != 0 {
			t.Errorf("before her time: %v", c)
		}
		for range 3 {
			say(t, p, olga, id, newText())
		}
		say(t, p, mia, id, newText())
		last := say(t, p, mia, id, newText())
		c := chatOf(t, p, mia, id)
		if integer(t, c["unread"]) != 3 || fmt.Sprint(c["head"]) != idOf(last) {
			t.Errorf("mia's chat is %v", c)
		}
		if m, _ := c["last_message"].(map[string]any); fmt.Sprint(m) != fmt.Sprint(last) {
			t.Errorf("the last message is %v, not %v", c["last_message"], last)
		}
		if c := chatOf(t, p, olga, id); integer(t, c["unread"]) != 2 {
			t.Errorf("olga's chat is %v", c)
		}
		putMember(t, p, olga, id, adam, "member")
		if head := headOf(t, p, olga, id); head <= integer(t, last["id"]) {
			t.Errorf("the head %d does not count the join behind message %v", head, last["id"])
		}
		// A new interval begins to count anew.
		removeMember(t, p, mia, id, mia)
		say(t, p, olga, id, newText())
		putMember(t, p, mia, id, mia, "member")
		say(t, p, olga, id, newText())
		if c := chatOf(t, p, mia, id); integer(t, c["unread"]) != 1 {
			t.Errorf("back again, mia's chat is %v", c)
		}
	})
}

func TestContractMembersAreMadeAndUnmadeByRole(t *testing.T) {
	t.Parallel()
	p := serve(t)
	cast := make(map[string]*account)
	for _, name := range []string{"olga", "omar", "adam", "ada", "mia", "max", "nora"} {
		cast[name] = newAccount(t, p)
	}
	cast["ghost"] = &account{name: madeUp("u")}
	roles := map[string]string{"olga": "owner", "omar": "owner", "adam": "admin", "ada": "admin", "mia": "member", "max": "member"}

	for _, row := range []struct {
		visibility, by, method, who, body string
		status                            int
		code                              string // of the refusal, if it is named
		role                              string // afterwards; "" for nobody
	}{
		{"private", "olga", "PUT", "nora", `{}`, 200, "", "member"},
		{"private", "olga", "PUT", "nora", `{"role":"member"}`, 200, "", "member"},
		{"private", "olga", "PUT", "nora", `{"role":"admin"}`, 200, "", "admin"},
		{"private", "olga", "PUT", "nora", `{"role":"owner"}`, 200, "", "owner"},
		{"private", "olga", "PUT", "mia", `{"role":"admin"}`, 200, "", "admin"},
		{"private", "olga", "PUT", "mia", `{"role":"owner"}`, 200, "", "owner"},
		{"private", "olga", "PUT", "adam", `{"role":"member"}`, 200, "", "member"},
		{"private", "olga", "PUT", "adam", `{}`, 200, "", "admin"},
		{"private", "olga", "PUT", "omar", `{"role":"member"}`, 200, "", "member"},
		{"private", "olga", "PUT", "omar", `{}`, 200, "", "owner"},
		{"private", "olga", "PUT", "olga", `{"role":"member"}`, 200, "", "member"},
		{"private", "olga", "PUT", "ghost", `{}`, 404, "", ""},
		{"private", "olga", "PUT", "nora", `{"role":"king"}`, 400, "", ""},
		{"private", "olga", "PUT", "nora", `{"role":7}`, 400, "", ""},
		{"private", "olga", "PUT", "nora", `{"colour":"red"}`, 400, "", ""},
		{"private", "adam", "PUT", "nora", `{}`, 200, "", "member"},
		{"private", "adam", "PUT", "nora", `{"role":"admin"}`, 200, "", "admin"},
		{"private", "adam", "PUT", "nora", `{"role":"owner"}`, 403, "", ""},
		{"private", "adam", "PUT", "mia", `{"role":"admin"}`, 200, "", "admin"},
		{"private", "adam", "PUT", "mia", `{"role":"owner"}`, 403, "", "member"},
		{"private", "adam", "PUT", "ada", `{"role":"member"}`, 200, "", "member"},
		{"private", "adam", "PUT", "omar", `{"role":"member"}`, 403, "", "owner"},
		{"private", "adam", "PUT", "omar", `{"role":"admin"}`, 403, "", "owner"},
		{"private", "adam", "PUT", "omar", `{}`, 200, "", "owner"},
		{"private", "adam", "PUT", "adam", `{"role":"owner"}`, 403, "", "admin"},
		{"private", "mia", "PUT", "nora", `{}`, 403, "", ""},
		{"private", "mia", "PUT", "max", `{"role":"admin"}`, 403, "", "member"},
		{"private", "mia", "PUT", "mia", `{"role":"admin"}`, 403, "", "member"},
		{"private", "mia", "PUT", "mia", `{"role":"owner"}`, 403, "", "member"},
		{"private", "nora", "PUT", "nora", `{}`, 404, "", ""},
		{"private", "nora", "PUT", "nora", `{"role":"owner"}`, 404, "", ""},
		{"private", "nora", "PUT", "mia", `{}`, 404, "", "member"},
		{"public", "nora", "PUT", "nora", `{}`, 200, "", "member"},
		{"public", "nora", "PUT", "nora", `{"role":"member"}`, 200, "", "member"},
		{"public", "nora", "PUT", "nora", `{"role":"admin"}`, 403, "", ""},
		{"public", "nora", "PUT", "nora", `{"role":"owner"}`, 403, "", ""},
		{"public", "nora", "PUT", "mia", `{"role":"admin"}`, 403, "", "member"},
		{"public", "mia", "PUT", "mia", `{}`, 200, "", "member"},
		{"public", "mia", "PUT", "mia", `{"role":"member"}`, 200, "", "member"},
		{"public", "mia", "PUT", "mia", `{"role":"admin"}`, 403, "", "member"},
		{"public", "mia", "PUT", "nora", `{}`, 403, "", ""},
		{"public", "adam", "PUT", "adam", `{}`, 200, "", "admin"},

		{"private", "mia", "DELETE", "mia", "", 204, "", ""},
		{"private", "mia", "DELETE", "max", "", 403, "", "member"},
		{"private", "mia", "DELETE", "adam", "", 403, "", "admin"},
		{"private", "mia", "DELETE", "omar", "", 403, "", "owner"},
		{"private", "adam", "DELETE", "mia", "", 204, "", ""},
		{"private", "adam", "DELETE", "ada", "", 204, "", ""},
		{"private", "adam", "DELETE", "adam", "", 204, "", ""},
		{"private", "adam", "DELETE", "omar", "", 403, "", "owner"},
		{"private", "adam", "DELETE", "nora", "", 404, "", ""},
		{"private", "olga", "DELETE", "mia", "", 204, "", ""},
		{"private", "olga", "DELETE", "adam", "", 204, "", ""},
		{"private", "olga", "DELETE", "omar", "", 204, "", ""},
		{"private", "olga", "DELETE", "olga", "", 204, "", ""},
		{"private", "olga", "DELETE", "nora", "", 404, "", ""},
		{"private", "olga", "DELETE", "ghost", "", 404, "", ""},
		{"private", "nora", "DELETE", "mia", "", 404, "", "member"},
		{"private", "nora", "DELETE", "nora", "", 404, "", ""},
		{"public", "nora", "DELETE", "mia", "", 403, "", "member"},
	} {
		t.Run(fmt.Sprintf("%s %s %s %s%s", row.visibility, row.by, row.method, row.who, row.body), func(t *testing.T) {
			t.Parallel()
			id := makeChatOf(t, p, cast["olga"], row.visibility)
			for name, role := range roles {
				// Omar is there as the owner who is left when olga goes.
				if name != "olga" && (name == "omar" || name == row.by || name == row.who) {
					putMember(t, p, cast["olga"], id, cast[name], role)
				}
			}
			watcher := cast["omar"]
			if row.who == "omar" {
				watcher = cast["olga"]
			}
			head := headOf(t, p, watcher, id)
			before := roleOf(t, p, watcher, id, cast[row.who])
			answer := ask(t, p, row.method, "/chats/"+id+"/members/"+cast[row.who].name, row.body, bearer(cast[row.by].token))
			if row.status < 300 {
				answer.is(row.status)
			} else {
				answer.problem(row.status, row.code)
			}
			after := roleOf(t, p, watcher, id, cast[row.who])
			if after != row.role {
				answer.errorf("the role is %q, should be %q", after, row.role)
			}
			if moved := headOf(t, p, watcher, id) != head; moved != (before != after) {
				answer.errorf("from %q to %q: that something was written is %v", before, after, moved)
			}
		})
	}

	olga, adam, omar := cast["olga"], cast["adam"], cast["omar"]
	t.Run("the last owner can neither leave nor step down", func(t *testing.T) {
		id := makeChatOf(t, p, olga, "private")
		putMember(t, p, olga, id, adam, "admin")
		path := "/chats/" + id + "/members/" + olga.name
		head := headOf(t, p, olga, id)
		ask(t, p, "DELETE", path, "", bearer(olga.token)).problem(409, "last_owner")
		ask(t, p, "PUT", path, `{"role":"member"}`, bearer(olga.token)).problem(409, "last_owner")
		ask(t, p, "PUT", path, `{"role":"admin"}`, bearer(olga.token)).problem(409, "last_owner")
		ask(t, p, "DELETE", path, "", bearer(adam.token)).problem(403, "")
		ask(t, p, "PUT", path, `{"role":"member"}`, bearer(adam.token)).problem(403, "")
		if now := headOf(t, p, olga, id); now != head || roleOf(t, p, adam, id, olga) != "owner" {
			t.Errorf("refused requests moved the head from %d to %d", head, now)
		}
		putMember(t, p, olga, id, omar, "owner")
		ask(t, p, "DELETE", path, "", bearer(olga.token)).is(204)
		ask(t, p, "DELETE", "/chats/"+id+"/members/"+omar.name, "", bearer(omar.token)).problem(409, "last_owner")
	})
	t.Run("of two owners who leave at once one stays", func(t *testing.T) {
		for range 5 {
			id := makeChatOf(t, p, olga, "private")
			putMember(t, p, olga, id, omar, "owner")
			answers := make([]*reply, 2)
			var both sync.WaitGroup
			for i, who := range []*account{olga, omar} {
				both.Go(func() {
					answers[i] = ask(t, p, "DELETE", "/chats/"+id+"/members/"+who.name, "", bearer(who.token))
				})
			}
			both.Wait()
			if answers[0].status == 204 {
				answers[1].problem(409, "last_owner")
			} else {
				answers[0].problem(409, "last_owner")
				answers[1].is(204)
			}
		}
	})
	t.Run("who has left is no member", func(t *testing.T) {
		id := makeChatOf(t, p, olga, "private")
		putMember(t, p, olga, id, adam, "admin")
		removeMember(t, p, adam, id, adam)
		path := "/chats/" + id + "/members/" + adam.name
		ask(t, p, "DELETE", path, "", bearer(adam.token)).problem(404, "")
		ask(t, p, "DELETE", path, "", bearer(olga.token)).problem(404, "")
		ask(t, p, "PUT", path, `{}`, bearer(adam.token)).problem(404, "")
		putMember(t, p, olga, id, adam, "member")
		if role := roleOf(t, p, olga, id, adam); role != "member" {
			t.Errorf("he came back as %q", role)
		}
	})
	t.Run("without role a new member is member, whatever he was", func(t *testing.T) {
		id := makeChatOf(t, p, olga, "private")
		putMember(t, p, olga, id, adam, "admin")
		removeMember(t, p, olga, id, adam)
		ask(t, p, "PUT", "/chats/"+id+"/members/"+adam.name, `{}`, bearer(olga.token)).is(200)
		if role := roleOf(t, p, olga, id, adam); role != "member" {
			t.Errorf("he came back as %q", role)
		}
	})
}

func TestContractAChatThatIsNotOnesOwnIsHidden(t *testing.T) {
	t.Parallel()
	p := serve(t)
	olga, mia, nora := newAccount(t, p), newAccount(t, p), newAccount(t, p)
	as := bearer(nora.token)

	t.Run("a private one is as one that does not exist", func(t *testing.T) {
		private, nowhere := makeChatOf(t, p, olga, "private"), madeUp("c")
		putMember(t, p, olga, private, mia, "member")
		// What the documents say of either is compared under one name.
		alike := func(method, path, body string) {
			t.Helper()
			hidden := ask(t, p, method, strings.ReplaceAll(path, "CHAT", private), strings.ReplaceAll(body, "CHAT", private), as).problem(404, "")
			missing := ask(t, p, method, strings.ReplaceAll(path, "CHAT", nowhere), strings.ReplaceAll(body, "CHAT", nowhere), as).problem(404, "")
			hidden.body = []byte(strings.ReplaceAll(string(hidden.body), private, nowhere))
			hidden.sameAs(missing)
		}
		alike("GET", "/chats/CHAT", "")
		alike("PATCH", "/chats/CHAT", `{"title":"Mine now"}`)
		alike("DELETE", "/chats/CHAT", "")
		alike("GET", "/chats/CHAT/members", "")
		alike("PUT", "/chats/CHAT/members/"+nora.name, `{}`)
		alike("PUT", "/chats/CHAT/members/"+nora.name, `{"role":"owner"}`)
		alike("PUT", "/chats/CHAT/members/"+mia.name, `{}`)
		alike("DELETE", "/chats/CHAT/members/"+mia.name, "")
		alike("DELETE", "/chats/CHAT/members/"+nora.name, "")
		alike("GET", "/chats/CHAT/messages", "")
		alike("GET", "/chats/CHAT/messages?before=1", "")
		alike("POST", "/chats/CHAT/messages", fmt.Sprintf(`{"text":%q}`, newText()))
		alike("POST", "/messages", fmt.Sprintf(`{"chat":"CHAT","text":%q}`, newText()))
		alike("POST", "/messages", fmt.Sprintf(`{"chat":"CHAT","text":%q,"reply_to":1,"client_id":"a-client-id"}`, newText()))
		alike("GET", "/chats/CHAT/stream", "")
		alike("GET", "/chats/CHAT/stream?after=earliest", "")
	})
	t.Run("so are its messages", func(t *testing.T) {
		private, own := makeChatOf(t, p, olga, "private"), makeChatOf(t, p, nora, "private")
		m := say(t, p, olga, private, newText())
		hidden := ask(t, p, "GET", "/messages/"+idOf(m), "", as).problem(404, "")
		missing := ask(t, p, "GET", "/messages/999999999", "", as).problem(404, "")
		hidden.body = []byte(strings.ReplaceAll(string(hidden.body), "/messages/"+idOf(m), "/messages/999999999"))
		hidden.sameAs(missing)
		reply := func(id string) *reply {
			return ask(t, p, "POST", "/chats/"+own+"/messages", fmt.Sprintf(`{"text":%q,"reply_to":%s}`, newText(), id), as).problem(400, "").names("reply_to")
		}
		reply(idOf(m)).sameAs(reply("999999999"))
	})
	t.Run("who has left is outside", func(t *testing.T) {
		private := makeChatOf(t, p, olga, "private")
		putMember(t, p, olga, private, nora, "member")
		m := say(t, p, nora, private, newText())
		removeMember(t, p, nora, private, nora)
		for _, path := range []string{"/chats/" + private, "/chats/" + private + "/members", "/chats/" + private + "/messages", "/chats/" + private + "/stream", "/messages/" + idOf(m)} {
			ask(t, p, "GET", path, "", as).problem(404, "")
		}
		ask(t, p, "POST", "/chats/"+private+"/messages", newText(), ofKind(textKind), as).problem(404, "")
	})
	t.Run("one that is no longer public is hidden", func(t *testing.T) {
		id := makeChatOf(t, p, olga, "public")
		ask(t, p, "GET", "/chats/"+id, "", as).is(200)
		ask(t, p, "PATCH", "/chats/"+id, `{"visibility":"private"}`, bearer(olga.token)).is(200)
		ask(t, p, "GET", "/chats/"+id, "", as).problem(404, "")
		ask(t, p, "PUT", "/chats/"+id+"/members/"+nora.name, `{}`, as).problem(404, "")
		ask(t, p, "GET", "/chats/"+id+"/stream", "", as).problem(404, "")
	})
	t.Run("a public one can be seen, what is in it needs membership", func(t *testing.T) {
		public := makeChatOf(t, p, olga, "public")
		m := say(t, p, olga, public, newText())
		c := ask(t, p, "GET", "/chats/"+public, "", as).is(200).fields(strangerFields...)
		if c["role"] != nil {
			t.Errorf("to a stranger the chat is %v", c)
		}
		for _, path := range []string{
			"/chats/" + public + "/members", "/chats/" + public + "/messages", "/chats/" + public + "/stream",
			"/chats/" + public + "/stream?after=earliest", "/messages/" + idOf(m),
		} {
			ask(t, p, "GET", path, "", as).problem(403, "not_a_member")
		}
		ask(t, p, "POST", "/chats/"+public+"/messages", newText(), ofKind(textKind), as).problem(403, "not_a_member")
		ask(t, p, "POST", "/messages", fmt.Sprintf(`{"chat":%q,"text":%q}`, public, newText()), as).problem(403, "not_a_member")
		ask(t, p, "PUT", "/chats/"+public+"/members/"+nora.name, `{}`, as).is(200)
		ask(t, p, "GET", "/messages/"+idOf(m), "", as).is(200)
		ask(t, p, "GET", "/chats/"+public, "", as).is(200).fields(chatFields...)
		members := objects(t, ask(t, p, "GET", "/chats/"+public+"/members", "", as).is(200).fields("members")["members"])
		if len(members) != 2 || !slices.ContainsFunc(members, func(m map[string]any) bool { return m["username"] == nora.name }) {
			t.Errorf("the members are %v", members)
		}
	})
}

func TestContractAChatWithoutMessagesHasNullForTheLast(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann := newAccount(t, p)
	ask(t, p, "POST", "/chats", `{}`, bearer(ann.token)).is(201).fields(chatFields...)
}
