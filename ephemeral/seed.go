package ephemeral

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parley/auth"
	"parley/chat"
)

// Seed is what a server holds when it starts.
type Seed struct {
	Users []SeedUser `json:"users"`
	Chats []SeedChat `json:"chats"`
	// Messages are posted in this order.
	Messages []SeedMessage `json:"messages"`
}

// SeedUser is a user.
type SeedUser struct {
	Username string `json:"username"`
	// Password is made up if empty.
	Password    string `json:"password"`
	DisplayName string `json:"display_name"`
	Admin       bool   `json:"admin"`
}

// SeedChat is a chat. Its owner is a user of the seed.
type SeedChat struct {
	ID         string          `json:"id"`
	Title      string          `json:"title"`
	Visibility chat.Visibility `json:"visibility"`
	Owner      string          `json:"owner"`
	Members    []SeedMember    `json:"members"`
}

// SeedMember is a member beside the owner: a user of the seed, as [chat.RoleMember] unless
// another role is given.
type SeedMember struct {
	Username string    `json:"username"`
	Role     chat.Role `json:"role"`
}

// SeedMessage is a message. Its author is a member of the chat.
type SeedMessage struct {
	Chat   string `json:"chat"`
	Author string `json:"author"`
	Text   string `json:"text"`
}

// Default is what a server holds of which nothing else is said: ann, who is an admin, and
// bob, and the public chat lobby, which is ann's and which both are in.
func Default() Seed {
	return Seed{
		Users: []SeedUser{{Username: "ann", Admin: true}, {Username: "bob"}},
		Chats: []SeedChat{{ID: "lobby", Visibility: chat.Public, Owner: "ann", Members: []SeedMember{{Username: "bob"}}}},
	}
}

// ReadSeed reads a seed from JSON. Its error names the first place that is no good, as a
// JSON pointer (RFC 6901), and is one line.
func ReadSeed(text []byte) (Seed, error) {
	var s Seed
	if err := json.Unmarshal(text, &s, json.RejectUnknownMembers(true)); err != nil {
		return Seed{}, misread(text, err)
	}
	return s, s.Check()
}

// misread says where JSON is none, or is not a seed's.
func misread(text []byte, err error) error {
	at, pointer := int64(0), jsontext.Pointer("")
	if wrong, ok := errors.AsType[*json.SemanticError](err); ok {
		at, pointer, err = wrong.ByteOffset, wrong.JSONPointer, wrong
		if wrong.Err != nil {
			err = wrong.Err
		}
	}
	if wrong, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at, pointer, err = wrong.ByteOffset, wrong.JSONPointer, wrong.Err
	}
	line := 1 + strings.Count(string(text[:min(int64(len(text)), at)]), "\n")
	return fmt.Errorf("line %d, %s: %s", line, orRoot(pointer), oneLine(err))
}

func orRoot(p jsontext.Pointer) string {
	if p == "" {
		return "the whole"
	}
	return string(p)
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// Check says what is no good about the seed, or nil.
func (s Seed) Check() error {
	users := make(map[string]bool)
	for i, u := range s.Users {
		if err := u.check(users); err != nil {
			return at(err, "/users/%d", i)
		}
		users[u.Username] = true
	}
	members := make(map[string]map[string]chat.Role)
	for i, ch := range s.Chats {
		if err := ch.check(users, members); err != nil {
			return at(err, "/chats/%d", i)
		}
		members[ch.ID] = ch.roles()
	}
	for i, m := range s.Messages {
		if err := m.check(members); err != nil {
			return at(err, "/messages/%d", i)
		}
	}
	return nil
}

// misplaced is a mistake and where it is.
type misplaced struct {
	where string
	err   error
}

func (m *misplaced) Error() string { return m.where + ": " + oneLine(m.err) }
func (m *misplaced) Unwrap() error { return m.err }

// at puts a place in front of a mistake's own.
func at(err error, format string, args ...any) error {
	where := fmt.Sprintf(format, args...)
	if inner, ok := err.(*misplaced); ok {
		return &misplaced{where + inner.where, inner.err}
	}
	var refused *chat.Error
	if errors.As(err, &refused) && len(refused.Fields) > 0 {
		return &misplaced{where + "/" + refused.Fields[0].Field, errors.New(refused.Fields[0].Message)}
	}
	return &misplaced{where, err}
}

func (u SeedUser) check(users map[string]bool) error {
	if users[u.Username] {
		return at(fmt.Errorf("there are two users %q", u.Username), "/username")
	}
	return u.signUp().Check()
}

// signUp is the user as it is made; a password that is not given is made up anew each time.
func (u SeedUser) signUp() auth.SignUp {
	if u.Password == "" {
		u.Password = rand.Text()
	}
	return auth.SignUp{Username: u.Username, Password: u.Password, DisplayName: u.DisplayName}
}

func (ch SeedChat) check(users map[string]bool, chats map[string]map[string]chat.Role) error {
	if chats[ch.ID] != nil {
		return at(fmt.Errorf("there are two chats %q", ch.ID), "/id")
	}
	if err := chat.CheckChatID(ch.ID); err != nil {
		return err
	}
	if err := (chat.NewChat{ID: ch.ID, Title: ch.Title, Visibility: ch.visibility()}).Check(); err != nil {
		return err
	}
	if !users[ch.Owner] {
		return at(unknownUser(ch.Owner), "/owner")
	}
	met := map[string]bool{ch.Owner: true}
	for i, m := range ch.Members {
		if err := m.check(users, met); err != nil {
			return at(err, "/members/%d", i)
		}
		met[m.Username] = true
	}
	return nil
}

func (ch SeedChat) visibility() chat.Visibility {
	if ch.Visibility == "" {
		return chat.Private
	}
	return ch.Visibility
}

// roles are the roles of all who are in the chat.
func (ch SeedChat) roles() map[string]chat.Role {
	roles := map[string]chat.Role{ch.Owner: chat.RoleOwner}
	for _, m := range ch.Members {
		roles[m.Username] = m.role()
	}
	return roles
}

func (m SeedMember) check(users, met map[string]bool) error {
	switch {
	case !users[m.Username]:
		return at(unknownUser(m.Username), "/username")
	case met[m.Username]:
		return at(fmt.Errorf("%s is in the chat already", m.Username), "/username")
	}
	return m.role().Check()
}

func (m SeedMember) role() chat.Role {
	if m.Role == "" {
		return chat.RoleMember
	}
	return m.Role
}

func (m SeedMessage) check(members map[string]map[string]chat.Role) error {
	switch role := members[m.Chat][m.Author]; {
	case members[m.Chat] == nil:
		return at(fmt.Errorf("there is no chat %q", m.Chat), "/chat")
	case role == "":
		return at(fmt.Errorf("%q is not in the chat %s", m.Author, m.Chat), "/author")
	case role == chat.RoleGuest:
		return at(fmt.Errorf("%q is a guest of the chat %s, and posts nothing", m.Author, m.Chat), "/author")
	}
	return chat.CheckText(m.Text)
}

func unknownUser(name string) error { return fmt.Errorf("there is no user %q", name) }
