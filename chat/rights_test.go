package chat

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite docs/authorisation.md")

func TestEveryActionHasARight(t *testing.T) {
	for action := range actions {
		r := rights[action]
		switch {
		case action == NoAction:
			if r != (right{}) {
				t.Errorf("NoAction has a right: %+v", r)
			}
		case r.name == "":
			t.Errorf("action %d has no row in the table of rights", action)
		case r.least != noRole && r.about != aboutChat:
			t.Errorf("%s: takes a role in no chat", r.name)
		case r.admin && r.scope != 0:
			t.Errorf("%s: a script token reaches administration", r.name)
		}
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	const chatID = "den"
	person := Actor{Username: "ann", Session: "s"}
	script := func(scopes Scope, chats ...string) Actor {
		return Actor{Username: "ann", Session: "t", Kind: ScriptToken, Scopes: scopes, Chats: NewChatSet(chats)}
	}
	in := func(role Role) Standing { return Standing{Live: true, Visibility: Private, Role: role} }
	for _, c := range []struct {
		what   string
		actor  Actor
		action Action
		s      Standing
		want   error
	}{
		{"a session that is over", person, ReadMessages, Standing{Visibility: Private, Role: RoleOwner}, ErrSessionEnded},
		{"a guest reads", person, ReadMessages, in(RoleGuest), nil},
		{"a guest posts", person, PostMessage, in(RoleGuest), ErrReadOnly},
		{"a guest manages", person, ManageMembers, in(RoleGuest), ErrReadOnly},
		{"a guest leaves", person, LeaveChat, in(RoleGuest), nil},
		{"a member posts", person, PostMessage, in(RoleMember), nil},
		{"a member manages", person, ManageMembers, in(RoleMember), ErrForbidden},
		{"an admin manages", person, ManageMembers, in(RoleAdmin), nil},
		{"an admin makes an owner", person, ManageOwners, in(RoleAdmin), ErrForbidden},
		{"an owner makes an owner", person, ManageOwners, in(RoleOwner), nil},
		{"a stranger reads of a private chat", person, ReadMessages, in(noRole), ErrNotFound},
		{"a stranger reads of a public chat", person, ReadMessages, Standing{Live: true, Visibility: Public}, ErrNotAMember},
		{"a stranger sees a public chat", person, ReadChat, Standing{Live: true, Visibility: Public}, nil},
		{"somebody reads of no chat", person, ReadChat, Standing{Live: true}, ErrNotFound},
		{"a user administers", person, ReadUsers, Standing{Live: true}, ErrForbidden},
		{"an admin of the service administers", person, ReadUsers, Standing{Live: true, Admin: true}, nil},
		{"an admin of the service reads of a private chat", person, ReadMessages, Standing{Live: true, Admin: true, Visibility: Private}, ErrNotFound},
		{"a script reads without the scope", script(ScopePost), ReadMessages, in(RoleMember), ErrInsufficientScope},
		{"a script posts", script(ScopePost), PostMessage, in(RoleMember), nil},
		{"a script of another chat posts", script(ScopePost, "other"), PostMessage, in(RoleMember), ErrInsufficientScope},
		{"a script of this chat posts", script(ScopePost, "other", chatID), PostMessage, in(RoleMember), nil},
		{"a script of some chats makes one", script(ScopeManage, chatID), CreateChat, Standing{Live: true}, ErrInsufficientScope},
		{"an admin's script administers", script(ScopeRead | ScopePost | ScopeManage), ReadUsers, Standing{Live: true, Admin: true}, ErrInsufficientScope},
		{"a script changes the password", script(ScopeManage), ChangeOwnPassword, Standing{Live: true}, ErrInsufficientScope},
		{"a script's guest posts", script(ScopePost), PostMessage, in(RoleGuest), ErrReadOnly},
		{"a user of another issuer makes a script token", Actor{Kind: ForeignToken}, MakeOwnTokens, Standing{Live: true}, ErrForbidden},
		{"nobody knows what", person, NoAction, in(RoleOwner), ErrForbidden},
	} {
		if got := Decide(c.actor, c.action, chatID, c.s); !errors.Is(got, c.want) {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

func TestTheTableOfRightsIsDocumented(t *testing.T) {
	const file = "../docs/authorisation.md"
	if *update {
		if err := os.WriteFile(file, []byte(documentRights()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != documentRights() {
		t.Errorf("%s is not what the table of rights says; write it with: go test ./chat -update", file)
	}
}

// documentRights is docs/authorisation.md.
func documentRights() string {
	var b strings.Builder
	b.WriteString(`# Who may do what

This page is written by ` + "`go test ./chat -update`" + ` from the table of rights in chat/rights.go, by which one
function (` + "`chat.Decide`" + `) decides every request, inside the transaction that does what was asked. What the credential
alone decides is refused before anything is read. [server/testdata/authorisation.txt](../server/testdata/authorisation.txt)
holds the answer of every route to every kind of caller.

- **Role** is the least role in the chat: guest, member, admin, owner; each may do what those before it may. To one
  who may not know of a private chat, it does not exist (404). In a public chat, what needs a role is 403 ` + "`not_a_member`" + ` for
  others; what a guest may not do is 403 ` + "`read_only`" + `, and what another role may not do is 403 ` + "`forbidden`" + `.
- **Service admin** says that it takes an admin of the service. An admin has no rights in chats beyond its own role
  there, except that it may invite to any of them.
- **Script token** is the scope that a script token needs; – is that no script token may. One that is restricted to some
  chats reaches those alone: other chats, and what makes or names new ones, are 403 ` + "`insufficient_scope`" + `.

| action | role in the chat | service admin | script token |
|---|---|---|---|
`)
	for action := range actions {
		r := rights[action]
		if r.name == "" {
			continue
		}
		role, admin, scope := "–", "", "–"
		switch {
		case r.least != noRole:
			role = string(r.least)
		case r.about == aboutChat:
			role = "none: the chat can be seen"
		}
		if r.admin {
			admin = "yes"
		}
		if r.scope != 0 {
			scope = r.scope.String()
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.name, role, admin, scope)
	}
	return b.String()
}
