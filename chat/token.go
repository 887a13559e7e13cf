package chat

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	// TokenPrefix begins every script token, and nothing else that is a credential here.
	TokenPrefix = "parley_"

	// MaxTokens is how many script tokens a user may have.
	MaxTokens     = 100
	MaxTokenName  = 64
	MaxTokenChats = 100
	// MaxTokenLife is how long a script token lives at most, and unless something shorter is
	// asked for.
	MaxTokenLife = 365 * 24 * time.Hour
	minTokenLife = time.Second
)

// IsScriptToken says that a bearer is a script token, good or bad.
func IsScriptToken(bearer string) bool { return strings.HasPrefix(bearer, TokenPrefix) }

// Token is a script token as its user sees it, without its secret.
type Token struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
	// Chats are those that the token is restricted to; nil is no restriction.
	Chats     *[]string `json:"chats"`
	CreatedAt Time      `json:"created_at"`
	ExpiresAt Time      `json:"expires_at"`
	// LastUsedAt is exact to some minutes; nil says that the token was not used yet.
	LastUsedAt *Time `json:"last_used_at"`
}

// TokenRequest is what a client says of a script token that it wants.
type TokenRequest struct {
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
	// Chats restricts the token; nil is no restriction.
	Chats []string `json:"chats"`
	// ExpiresIn is a duration such as "720h"; nil is [MaxTokenLife].
	ExpiresIn *string `json:"expires_in"`
}

// NewToken is a script token to be made.
type NewToken struct {
	Name   string
	Scopes Scope
	Chats  ChatSet
	Life   time.Duration
}

// Read is the token that is asked for. It names all that is no good about the request.
func (r TokenRequest) Read() (NewToken, error) {
	n := NewToken{Name: r.Name}
	var scopes, chats, life error
	n.Scopes, scopes = ParseScopes("scopes", r.Scopes)
	n.Chats, chats = readTokenChats(r.Chats)
	n.Life, life = readTokenLife(r.ExpiresIn)
	return n, Checks(checkString("name", r.Name, 1, MaxTokenName), scopes, chats, life)
}

// readTokenChats refuses an empty list, which would be taken for no restriction.
func readTokenChats(ids []string) (ChatSet, error) {
	switch {
	case ids == nil:
		return AllChats, nil
	case len(ids) == 0:
		return AllChats, Invalid("chats", "must not be empty: leave it out for all chats")
	case len(ids) > MaxTokenChats:
		return AllChats, Invalid("chats", "must be at most 100")
	case slices.ContainsFunc(ids, func(id string) bool { return CheckChatID(id) != nil }):
		return AllChats, UnknownTokenChat
	}
	return NewChatSet(ids), nil
}

// UnknownTokenChat refuses to restrict a script token to a chat that its user may not know
// of, whether there is such a chat or not.
var UnknownTokenChat = Invalid("chats", "must be ids of chats that the token's user is in, or of public ones")

func readTokenLife(given *string) (time.Duration, error) {
	if given == nil {
		return MaxTokenLife, nil
	}
	d, err := time.ParseDuration(*given)
	if err != nil || d < minTokenLife || d > MaxTokenLife {
		return 0, Invalid("expires_in", "must be a time with its unit, such as 720h, from 1s to 8760h, which is a year")
	}
	return d, nil
}

var tokenIDForm = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// CheckTokenID says why s is no script token's id, or nil.
func CheckTokenID(s string) error {
	if !tokenIDForm.MatchString(s) {
		return Invalid("id", "must be the id of a script token")
	}
	return nil
}
