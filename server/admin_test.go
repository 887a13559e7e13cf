package server_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// person is a user as an admin sees it.
type person struct {
	Username    string `json:"username"`
	DisplayName string `json:"display_name"`
	Admin       bool   `json:"admin"`
	Bot         bool   `json:"bot"`
	Disabled    bool   `json:"disabled"`
}

// people are the names on a page of users, and the address of the next page.
func (h *house) people(path string, who []string) (names []string, next string) {
	h.t.Helper()
	a := h.do("GET", path, "", who...).want(200)
	var page struct{ Users []person }
	a.into(&page)
	for _, u := range page.Users {
		names = append(names, u.Username)
	}
	next, _, _ = strings.Cut(strings.TrimPrefix(a.header.Get("Link"), "<"), ">")
	return names, next
}

func TestAnAdminListsChangesAndClosesUsers(t *testing.T) {
	t.Parallel()
	h := open(t)
	root, ann := h.user("root"), h.user("ann")
	h.user("ana")
	asRoot := with(root, "Content-Type", asJSON)

	names, next := h.people("/users?limit=2", root)
	rest, last := h.people(next, root)
	if got := strings.Join(append(names, rest...), " "); got != "ana ann root" || last != "" {
		t.Errorf("the pages list %s, and %q is next", got, last)
	}
	if names, _ := h.people("/users?q=an", root); !slices.Equal(names, []string{"ana", "ann"}) {
		t.Errorf("an… are %q", names)
	}
	h.do("GET", "/users?q=An", "", root...).refused(400, "invalid_request", "q")
	h.do("GET", "/users?after=%00", "", root...).refused(400, "invalid_request", "after")

	// An admin alone.
	for _, row := range []struct{ method, path, body string }{
		{"GET", "/users", ""}, {"GET", "/users/ann", ""}, {"PATCH", "/users/ann", `{"admin":true}`},
		{"PUT", "/users/ann/password", `{"new_password":"correct-horse-battery-2"}`}, {"DELETE", "/users/ann", ""},
		{"POST", "/users", `{"username":"robot","bot":true}`},
	} {
		h.do(row.method, row.path, row.body, with(ann, "Content-Type", asJSON)...).refused(403, "forbidden")
		h.do(row.method, row.path, row.body, "Content-Type", asJSON).refused(401, "unauthenticated")
	}
	for _, path := range []string{"/users/nobody", "/users/NO", "/users/%00"} {
		h.do("GET", path, "", root...).refused(404, "not_found")
		h.do("PATCH", path, `{}`, asRoot...).refused(404, "not_found")
		h.do("DELETE", path, "", root...).refused(404, "not_found")
		h.do("PUT", path+"/password", `{"new_password":"correct-horse-battery-2"}`, asRoot...).refused(404, "not_found")
	}

	var u person
	h.do("PATCH", "/users/ann", `{"display_name":"Ann of the Hill"}`, asRoot...).want(200).into(&u)
	if u != (person{Username: "ann", DisplayName: "Ann of the Hill"}) {
		t.Errorf("ann is %+v", u)
	}
	h.do("PATCH", "/users/ann", `{"display_name":""}`, asRoot...).refused(400, "invalid_request", "display_name")
	h.do("PATCH", "/users/ann", `{"username":"bob"}`, asRoot...).refused(400, "invalid_request", "username")
	h.do("PATCH", "/users/root", `{"admin":false}`, asRoot...).refused(409, "last_admin")
	h.do("PATCH", "/users/root", `{"disabled":true}`, asRoot...).refused(409, "last_admin")
	h.do("DELETE", "/users/root", "", root...).refused(409, "last_admin")

	// What ended with the disabling stays over.
	h.do("PATCH", "/users/ann", `{"disabled":true}`, asRoot...).want(200)
	h.do("GET", "/me", "", ann...).refused(401, "session_ended")
	h.do("POST", "/login", "username=ann&password="+password, "Content-Type", asForm).refused(401, "invalid_credentials")
	h.do("PATCH", "/users/ann", `{"disabled":false}`, asRoot...).want(200).into(&u)
	if u.Disabled {
		t.Errorf("ann is %+v", u)
	}
	h.do("GET", "/me", "", ann...).refused(401, "session_ended")
	ann = bearer(h.logIn("ann").Token)

	// Another password ends the sessions.
	h.do("PUT", "/users/ann/password", `{"new_password":"short"}`, asRoot...).refused(400, "invalid_request", "new_password")
	h.do("PUT", "/users/ann/password", `{"new_password":"qwertyuiop"}`, asRoot...).refused(400, "weak_password", "new_password")
	h.do("GET", "/me", "", ann...).want(200)
	const another = "another-correct-horse"
	h.secrets = append(h.secrets, another)
	h.do("PUT", "/users/ann/password", `{"new_password":"`+another+`"}`, asRoot...).want(204)
	h.do("GET", "/me", "", ann...).refused(401, "session_ended")
	h.do("POST", "/login", "username=ann&password="+password, "Content-Type", asForm).refused(401, "invalid_credentials")
	h.do("POST", "/login", "username=ann&cookie=true&password="+another, "Content-Type", asForm).want(200)

	// A bot has no password, and is no admin.
	h.do("POST", "/users", `{"username":"robot","bot":true}`, asRoot...).want(201).into(&u)
	if !u.Bot || u.Admin {
		t.Errorf("the bot is %+v", u)
	}
	h.do("POST", "/users", `{"username":"robot2","bot":true,"password":"`+password+`"}`, asRoot...).refused(400, "invalid_request", "password")
	h.do("PATCH", "/users/robot", `{"admin":true}`, asRoot...).refused(400, "invalid_request", "admin")
	h.do("PUT", "/users/robot/password", `{"new_password":"`+another+`"}`, asRoot...).refused(400, "invalid_request", "new_password")
	h.do("POST", "/login", "username=robot&password="+password, "Content-Type", asForm).refused(401, "invalid_credentials")

	// A closed account is gone, and its name is taken for ever.
	h.do("DELETE", "/users/ann", `{"erase_messages":"yes"}`, asRoot...).refused(400, "invalid_request", "erase_messages")
	h.do("DELETE", "/users/ann", `{"erase_messages":true}`, asRoot...).want(204)
	h.do("GET", "/users/ann", "", root...).refused(404, "not_found")
	h.do("POST", "/login", "username=ann&password="+another, "Content-Type", asForm).refused(401, "invalid_credentials")
	h.do("POST", "/users", "username=ann&password="+password, "Content-Type", asForm).refused(409, "username_taken")
	if names, _ := h.people("/users", root); !slices.Equal(names, []string{"ana", "robot", "root"}) {
		t.Errorf("the users are %q", names)
	}
}

func TestAnAccountOfManyChatsIsClosedUnderItsStreams(t *testing.T) {
	t.Parallel()
	h := open(t)
	root, bob := h.user("root"), h.user("bob")
	const chats = 40
	for i := range chats {
		id := fmt.Sprint("den-", i)
		h.chat(id, root)
		h.do("PUT", "/chats/"+id+"/members/bob", "", root...).want(200)
	}
	h.chat("bobs", bob)
	h.do("PUT", "/chats/bobs/members/root", "", bob...).want(200)
	h.do("DELETE", "/users/bob", "", root...).refused(409, "last_owner")
	h.do("DELETE", "/chats/bobs/members/root", "", bob...).want(204)

	h.say("den-0", "to-be-erased", bob)
	own, one, all := h.follow("/stream", bob...), h.follow("/chats/den-0/stream", bob...), h.follow("/stream", root...)
	for _, s := range []*stream{own, one, all} {
		s.until("event: ready")
	}
	h.do("DELETE", "/users/bob", `{"erase_messages":true}`, with(root, "Content-Type", asJSON)...).want(204)
	own.until(`{"reason":"revoked"}`)
	one.until(`{"reason":"revoked"}`)
	for range chats {
		if block := all.until("event: member.left"); !strings.Contains(block, `"username":"bob"`) {
			t.Errorf("not bob's leaving: %s", block)
		}
	}
	h.do("POST", "/messages", "chat=den-0&text=again", with(bob, "Content-Type", asForm)...).refused(401, "session_ended")
	h.eventually("the text is gone", func() bool {
		return !strings.Contains(h.do("GET", "/chats/den-0/messages", "", root...).want(200).body, "to-be-erased")
	})
	h.do("POST", "/chats", `{"id":"bobs"}`, with(root, "Content-Type", asJSON)...).refused(409, "chat_exists")
	h.do("GET", "/chats/bobs", "", root...).refused(404, "not_found")
}

// invitation is an invite.
type invitation struct {
	Code   string  `json:"code"`
	SignUp bool    `json:"signup"`
	Chat   *string `json:"chat"`
	Uses   int     `json:"uses"`
	Used   int     `json:"used"`
}

// invite makes an invite.
func (h *house) invite(body string, who []string) (inv invitation) {
	h.t.Helper()
	h.do("POST", "/invites", body, with(who, "Content-Type", asJSON)...).want(201).into(&inv)
	h.secrets = append(h.secrets, inv.Code)
	return inv
}

func TestWhereSignUpIsClosedAnInviteLetsOneIn(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"invite", "closed"} {
		data := t.TempDir()
		first := open(t, func(s *settings) { s.Data = data })
		first.user("root")
		first.drained()
		h := open(t, func(s *settings) { s.Data, s.Signup = data, mode })
		root := bearer(h.logIn("root").Token)
		signUp := func(name, code string) answer {
			return h.do("POST", "/users", `{"username":"`+name+`","password":"`+password+`","invite":"`+code+`"}`, "Content-Type", asJSON)
		}
		h.do("POST", "/users", "username=ann&password="+password, "Content-Type", asForm).refused(403, "signup_closed")
		h.chat("den", root)
		both := h.invite(`{"chat":"den"}`, root)
		if !both.SignUp || both.Uses != 1 || len(both.Code) < 26 {
			t.Errorf("an admin's invite is %+v", both)
		}
		signUp("ann", "AAAAAAAAAAAAAAAAAAAAAAAAAA").refused(404, "invite_not_found")
		signUp("ann", "no code").refused(404, "invite_not_found")
		signUp("ann", "").refused(400, "invalid_request", "invite")

		statuses := make([]int, 2)
		var all sync.WaitGroup
		for i, name := range []string{"ann", "bob"} {
			all.Go(func() { statuses[i] = signUp(name, both.Code).status })
		}
		all.Wait()
		if slices.Sort(statuses); !slices.Equal(statuses, []int{201, 404}) {
			t.Errorf("two at once were answered %v", statuses)
		}
		if a := h.do("GET", "/chats/den/members", "", root...).want(200); strings.Count(a.body, `"role":"member"`) != 1 {
			t.Errorf("the members are %s", a.body)
		}

		// An admin makes users, and nobody else does.
		h.do("POST", "/users", "username=cat&password="+password, with(root, "Content-Type", asForm)...).want(201)
		cat := bearer(h.logIn("cat").Token)
		h.do("POST", "/users", "username=dan&password="+password, with(cat, "Content-Type", asForm)...).refused(403, "forbidden")
		h.do("POST", "/users", "username=dan&password="+password, "Authorization", "Bearer x", "Content-Type", asForm).refused(401, "invalid_token")
		byCookie := with(h.cookies("root"), "Content-Type", asForm)
		h.do("POST", "/users", "username=dan&password="+password, with(byCookie, "Origin", "https://elsewhere.example")...).refused(403, "foreign_origin")
		h.do("POST", "/users", "username=dan&password="+password, byCookie...).want(201)
	}
}

func TestAnInviteLetsIntoItsChat(t *testing.T) {
	t.Parallel()
	h := open(t)
	root, ann, bob := h.user("root"), h.user("ann"), h.user("bob")
	h.chat("den", ann)
	asAnn := with(ann, "Content-Type", asJSON)
	for body, field := range map[string]string{
		`{"chat":"den","uses":0}`: "uses", `{"chat":"den","uses":1001}`: "uses", `{"chat":"den","uses":"1"}`: "uses",
		`{"chat":"den","expires_in":"0s"}`: "expires_in", `{"chat":"den","expires_in":"-1h"}`: "expires_in",
		`{"chat":"den","expires_in":"8761h"}`: "expires_in", `{"chat":"den","expires_in":"soon"}`: "expires_in", `{"chat":""}`: "chat",
	} {
		h.do("POST", "/invites", body, asAnn...).refused(400, "invalid_request", field)
	}
	h.do("POST", "/invites", `{}`, asAnn...).refused(403, "forbidden")
	h.do("POST", "/invites", `{"chat":"den"}`, with(bob, "Content-Type", asJSON)...).refused(404, "not_found")
	h.do("POST", "/invites", `{"chat":"NO"}`, asAnn...).refused(404, "not_found")

	inv := h.invite(`{"chat":"den","uses":2,"expires_in":"8760h"}`, ann)
	if inv.SignUp || inv.Chat == nil || *inv.Chat != "den" {
		t.Errorf("an owner's invite is %+v", inv)
	}
	enter := func(who []string, code string) answer { return h.do("POST", "/invites/"+code, "", who...) }
	enter(ann, inv.Code).want(200)
	for range 2 {
		if a := enter(bob, inv.Code).want(200); !strings.Contains(a.body, `"id":"den"`) || !strings.Contains(a.body, `"role":"member"`) {
			t.Errorf("bob is in %s", a.body)
		}
	}
	if a := h.do("GET", "/invites", "", ann...).want(200); !strings.Contains(a.body, `"used":1`) {
		t.Errorf("who is in already uses something up: %s", a.body)
	}
	enter(root, h.invite(`{}`, root).Code).refused(404, "invite_not_found")
	enter(root, "no-code").refused(404, "invite_not_found")
	h.do("POST", "/users", `{"username":"eve","password":"`+password+`","invite":"`+inv.Code+`"}`, "Content-Type", asJSON).refused(404, "invite_not_found")

	var page struct{ Invites []invitation }
	a := h.do("GET", "/invites?limit=1", "", root...).want(200)
	a.into(&page)
	if len(page.Invites) != 1 || !strings.Contains(a.header.Get("Link"), `rel="next"`) {
		t.Errorf("an admin sees %s, %s", a.body, a.header.Get("Link"))
	}
	h.do("DELETE", "/invites/"+inv.Code, "", bob...).refused(404, "invite_not_found")
	h.do("DELETE", "/invites/"+inv.Code, "", root...).want(204)
	enter(root, inv.Code).refused(404, "invite_not_found")
}
