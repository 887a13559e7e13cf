package chat

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of what is stored, in code points.
const (
	MaxText        = 8000
	MaxTitle       = 200
	MaxDisplayName = 64
	MaxClientID    = 128
	MaxOrigin      = 64
	MinPassword    = 8
	MaxPassword    = 256
)

// How many messages a part of a chat's history holds.
const (
	DefaultHistory = 50
	MaxHistory     = 200
)

var (
	usernameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,31}$`)
	// A namespace stands behind the names of another issuer's users.
	namespaceForm   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)
	anyUsernameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,31}(@[a-z0-9][a-z0-9-]{0,31})?$`)
	chatIDForm      = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
)

// CheckUsername says why s is no username of a user of this service's own, or nil.
func CheckUsername(s string) error {
	if !usernameForm.MatchString(s) {
		return Invalid("username", "must be 1 to 32 of a-z, 0-9, '.', '_' and '-', and begin with a letter or digit")
	}
	return nil
}

// CheckAnyUsername says why s is no username, or nil: one of this service's own, or that of
// another issuer's user, <name>@<namespace>.
func CheckAnyUsername(s string) error {
	if !anyUsernameForm.MatchString(s) {
		return Invalid("username", "must be a username, or one with '@' and a namespace behind it")
	}
	return nil
}

// CheckNamespace says why s cannot stand behind the '@' of usernames, or nil.
func CheckNamespace(s string) error {
	if !namespaceForm.MatchString(s) {
		return Invalid("namespace", "must be 1 to 32 of a-z, 0-9 and '-', and begin with a letter or digit")
	}
	return nil
}

// CutNamespace parts a username; foreign says that it is that of another issuer's user.
func CutNamespace(username string) (name, namespace string, foreign bool) {
	return strings.Cut(username, "@")
}

// CheckChatID says why s is no chat's id, or nil.
func CheckChatID(s string) error {
	if !chatIDForm.MatchString(s) {
		return Invalid("id", "must be 1 to 64 of a-z, 0-9 and '-', and begin with a letter or digit")
	}
	return nil
}

// CheckPassword says why s is no password, or nil. It is told under the name that the
// caller's field has.
func CheckPassword(field, s string) error { return checkString(field, s, MinPassword, MaxPassword) }

// CheckDisplayName says why s is no display name, or nil.
func CheckDisplayName(s string) error { return checkString("display_name", s, 1, MaxDisplayName) }

// CheckText says why s is no message's text, or nil.
func CheckText(s string) error { return checkString("text", s, 1, MaxText) }

// CheckOrigin says why s is no [Post.Origin], or nil; empty is none, and good. It
// is told under the name that the caller's field has.
func CheckOrigin(field, s string) error { return checkToken(field, s, MaxOrigin) }

// Check says all that is no good about the chat to be made, or nil.
func (n NewChat) Check() error {
	var id error
	if n.ID != "" {
		id = CheckChatID(n.ID)
	}
	return Checks(id, checkTitle(n.Title), n.Visibility.check())
}

// Check says all that is no good about the change, or nil.
func (c ChatChange) Check() error {
	var title, visibility error
	if c.Title != nil {
		title = checkTitle(*c.Title)
	}
	if c.Visibility != nil {
		visibility = c.Visibility.check()
	}
	return Checks(title, visibility)
}

// Check says all that is no good about the post, or nil. It says nothing of
// whether the chat and the message replied to exist.
func (p Post) Check() error {
	var replyTo error
	if p.ReplyTo < 0 {
		replyTo = Invalid("reply_to", "must be the id of a message")
	}
	return Checks(
		CheckText(p.Text),
		replyTo,
		checkToken("client_id", p.ClientID, MaxClientID),
		CheckOrigin("X-Origin", p.Origin),
	)
}

// Check says why r is no role, or nil. The empty string is none.
func (r Role) Check() error {
	switch r {
	case RoleGuest, RoleMember, RoleAdmin, RoleOwner:
		return nil
	}
	return Invalid("role", `must be "guest", "member", "admin" or "owner"`)
}

// Cut is the valid UTF-8 of s without control characters, at most so many code points of it:
// a form in which what a client says of itself can be stored and shown.
func Cut(s string, most int) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "") {
		if most == 0 {
			break
		}
		if !unicode.IsControl(r) {
			b.WriteRune(r)
			most--
		}
	}
	return b.String()
}

func checkTitle(s string) error { return checkString("title", s, 0, MaxTitle) }

func (v Visibility) check() error {
	switch v {
	case Private, Public:
		return nil
	}
	return Invalid("visibility", `must be "private" or "public"`)
}

// checkString holds what is true of every string that is stored: valid UTF-8,
// no NUL (which PostgreSQL refuses where SQLite takes it), and a bounded number
// of code points.
func checkString(field, s string, min, max int) error {
	switch {
	case !utf8.ValidString(s):
		return Invalid(field, "must be valid UTF-8")
	case strings.ContainsRune(s, 0):
		return Invalid(field, "must not contain NUL")
	}
	n := utf8.RuneCountInString(s)
	switch {
	case n < min && min == 1:
		return Invalid(field, "must not be empty")
	case n < min:
		return Invalid(field, fmt.Sprintf("must have at least %d characters", min))
	case n > max:
		return Invalid(field, fmt.Sprintf("must have at most %d characters", max))
	}
	return nil
}

// checkToken takes visible ASCII (RFC 9110 section 5.6.2 and the delimiters),
// at most max of it, or nothing.
func checkToken(field, s string, max int) error {
	if len(s) > max {
		return Invalid(field, fmt.Sprintf("must have at most %d characters", max))
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return Invalid(field, "must be visible ASCII")
		}
	}
	return nil
}
