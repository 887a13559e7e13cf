package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/chat"
)

// TicketTTL is how long a stream ticket waits for its stream.
const TicketTTL = 30 * time.Second

// Tickets makes stream tickets, which open a stream for a page that can send no header
// (EventSource), and what its browser keeps of them for coming back. Both are texts that
// the service has authenticated (HMAC-SHA-256); that a ticket was used is all that is
// stored. The methods may be called by many goroutines at once.
type Tickets struct {
	store TicketStore
	// keys authenticate; the first is the one that makes.
	keys [][]byte
	now  func() time.Time
}

// TicketStore is what tickets need of the store. Its methods answer as those of [Store].
type TicketStore interface {
	// TicketSession reads the actor's session, if it goes on, and whether a ticket was used.
	// chat.ErrSessionEnded.
	TicketSession(ctx context.Context, actor chat.Actor, ticket string) (s Session, spent bool, err error)
	// SpendTicket notes that a user's ticket was used, until expires, and says whether that was
	// the first time.
	SpendTicket(ctx context.Context, username, id string, expires chat.Time) (first bool, err error)
}

// NewTickets makes tickets by the first of some keys, and takes those of all. now is the
// clock; nil is time.Now.
func NewTickets(store TicketStore, keys [][]byte, now func() time.Time) *Tickets {
	if now == nil {
		now = time.Now
	}
	return &Tickets{store, keys, now}
}

// place is from where a stream is opened: a page's origin, empty for what is no page of
// another origin; and the stream's path.
type place struct {
	Origin string `json:"o,omitempty"`
	Path   string `json:"p,omitempty"`
}

// ticket is what stands in one. That of a cookie has neither ID nor end.
type ticket struct {
	ID       string              `json:"i,omitempty"`
	Username string              `json:"u"`
	Session  string              `json:"s"`
	Kind     chat.CredentialKind `json:"k,omitempty"`
	Scopes   chat.Scope          `json:"c,omitempty"`
	Chats    chat.ChatSet        `json:"r,omitempty"`
	place
	Expires int64 `json:"e,omitempty"` // Unix milliseconds
}

// What the two kinds of texts begin with, so that neither is taken for the other.
const (
	ticketPrefix = "pt_"
	returnPrefix = "pr_"
)

// Make makes a ticket for the actor's session, and all that restricts it, for a stream that a page of the origin opens
// under the path; an empty path is any stream's. It works once, until expires.
func (t *Tickets) Make(actor chat.Actor, origin, path string) (text string, expires chat.Time) {
	expires = chat.NewTime(t.now().Add(TicketTTL))
	return t.sign(ticketPrefix, ticket{
		ID: rand.Text(), Username: actor.Username, Session: actor.Session,
		Kind: actor.Kind, Scopes: actor.Scopes, Chats: actor.Chats,
		place: place{origin, path}, Expires: expires.UnixMilli(),
	}), expires
}

// Redeem tells whom a ticket speaks for, when a stream is opened with it from a page of an
// origin under a path, and gives what the page's browser comes back with: the same ticket,
// which is spent then, and this. returned is what the browser kept of an earlier answer.
// The actor's credential is the session: it ends when that does. chat.ErrBadTicket;
// chat.ErrUnavailable.
func (t *Tickets) Redeem(ctx context.Context, text, returned, origin, path string) (actor chat.Actor, comeBack string, err error) {
	asked, ok := t.read(ticketPrefix, text)
	if !ok || asked.Origin != origin || asked.Path != "" && asked.Path != path {
		return chat.Actor{}, "", chat.ErrBadTicket
	}
	// What is asked of the store from here on is asked for a user who is known.
	actor = chat.Actor{Username: asked.Username, Session: asked.Session, Kind: asked.Kind, Scopes: asked.Scopes, Chats: asked.Chats}
	session, spent, err := t.store.TicketSession(ctx, actor, asked.ID)
	switch {
	case errors.Is(err, chat.ErrSessionEnded):
		return chat.Actor{}, "", chat.ErrBadTicket
	case err != nil:
		return chat.Actor{}, "", fmt.Errorf("reading a ticket's session: %w", err)
	case !t.now().Before(session.RefreshExpires):
		return chat.Actor{}, "", chat.ErrBadTicket
	}
	first := false
	if !spent && t.now().UnixMilli() < asked.Expires { // else nothing need be written
		if first, err = t.store.SpendTicket(ctx, asked.Username, asked.ID, chat.TimeFromMilli(asked.Expires)); err != nil {
			return chat.Actor{}, "", fmt.Errorf("spending a ticket: %w", err)
		}
	}
	here := asked
	here.ID, here.Expires, here.place = "", 0, place{origin, path}
	if !first {
		if kept, ok := t.read(returnPrefix, returned); !ok || kept != here {
			return chat.Actor{}, "", chat.ErrBadTicket
		}
	}
	actor.Issued, actor.Expires = chat.NewTime(session.CreatedAt), chat.NewTime(session.RefreshExpires)
	return actor, t.sign(returnPrefix, here), nil
}

// sign writes a ticket as a text.
func (t *Tickets) sign(prefix string, v ticket) string {
	payload, err := json.Marshal(v)
	if err != nil { // strings and numbers have a JSON form
		panic(err)
	}
	text := prefix + base64url.EncodeToString(payload)
	return text + "." + base64url.EncodeToString(sum(t.keys[0], text))
}

// read reads what sign has written, under any of the keys.
func (t *Tickets) read(prefix, text string) (v ticket, ok bool) {
	signed, mac, found := strings.Cut(text, ".")
	if !found || !strings.HasPrefix(signed, prefix) {
		return v, false
	}
	given, err := base64url.DecodeString(mac)
	if err != nil {
		return v, false
	}
	for _, key := range t.keys {
		if !hmac.Equal(given, sum(key, signed)) {
			continue
		}
		payload, err := base64url.DecodeString(signed[len(prefix):])
		return v, err == nil && json.Unmarshal(payload, &v) == nil
	}
	return v, false
}

func sum(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
