package chat

import (
	"slices"
	"strings"
)

// Actor is the user on whose behalf a request is made. It comes from a verified
// credential and from nothing else in the request. Two are equal if all that is decided by
// them is.
type Actor struct {
	// Username is the token's subject, and so the author of what is posted.
	Username string
	// Session is the sign-in that the token belongs to, or what stands for one: a script
	// token, or the session of another issuer. When it ends, everything asked in its name
	// is refused with [ErrSessionEnded].
	Session string
	Kind    CredentialKind
	// Scopes and Chats are what a script token is restricted to; of other credentials they
	// say nothing.
	Scopes Scope
	Chats  ChatSet
	// Issued is when the credential was made, and Expires when it ends.
	Issued, Expires Time
}

// CredentialKind is what a credential is.
type CredentialKind uint8

const (
	// SignIn is a session of this service's own.
	SignIn CredentialKind = iota
	// ScriptToken is a token that a user or an admin made for a script.
	ScriptToken
	// ForeignToken is a token of another issuer.
	ForeignToken
	// Operator is a command that works on the database itself. It may do what admins may,
	// and has neither a user nor a session. No request has it.
	Operator
)

// Scope is a set of what a script token may be used for.
type Scope uint8

const (
	// ScopeRead reads and follows.
	ScopeRead Scope = 1 << iota
	// ScopePost posts messages.
	ScopePost
	// ScopeManage creates, changes, joins and leaves chats, and manages their members.
	ScopeManage
)

// scopeNames are the words for the scopes, in their order.
var scopeNames = [...]string{"read", "post", "manage"}

// Names are the words for the scopes in the set.
func (s Scope) Names() []string {
	names := []string{}
	for i, name := range scopeNames {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

func (s Scope) String() string { return strings.Join(s.Names(), " ") }

// ParseScopes is the set of the scopes with these names. It refuses an unknown one, and
// none at all, under the field's name.
func ParseScopes(field string, names []string) (set Scope, err error) {
	for _, name := range names {
		i := slices.Index(scopeNames[:], name)
		if i < 0 {
			return 0, Invalid(field, `must be of "read", "post" and "manage"`)
		}
		set |= 1 << i
	}
	if set == 0 {
		return 0, Invalid(field, "must not be empty")
	}
	return set, nil
}

// ChatSet is the set of chats that a script token is restricted to, as one comparable
// value: the ids in order with a space between.
type ChatSet string

// AllChats is no restriction.
const AllChats ChatSet = ""

// NewChatSet is the set of some chats; of none, it is [AllChats].
func NewChatSet(ids []string) ChatSet {
	return ChatSet(strings.Join(slices.Compact(slices.Sorted(slices.Values(ids))), " "))
}

// IDs are the ids of the chats, in order; nil for [AllChats].
func (s ChatSet) IDs() []string {
	if s == AllChats {
		return nil
	}
	return strings.Split(string(s), " ")
}

// Has says whether a chat is in the set.
func (s ChatSet) Has(chatID string) bool {
	if s == AllChats {
		return true
	}
	for id := range strings.SplitSeq(string(s), " ") {
		if id == chatID {
			return true
		}
	}
	return false
}
