package auth

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

const (
	page       = "https://pages.example"
	streamPath = "/chats/den/stream"
)

var (
	ticketKey    = DeriveKey([]byte("a secret of at least thirty-two bytes"), "stream ticket")
	newTicketKey = DeriveKey([]byte("the secret that follows, thirty-two"), "stream ticket")
)

// spending is a store that remembers which tickets were spent, and refuses to write that again.
type spending struct {
	*memory
	spent map[string]chat.Time
}

// TicketSession implements [TicketStore].
func (s spending) TicketSession(ctx context.Context, actor chat.Actor, ticket string) (Session, bool, error) {
	session, _, err := s.Session(ctx, actor.Session)
	_, spent := s.spent[ticket]
	return session, spent, err
}

// SpendTicket implements [TicketStore].
func (s spending) SpendTicket(_ context.Context, username, id string, expires chat.Time) (bool, error) {
	if _, again := s.spent[id]; again || username != "ann" {
		return false, fmt.Errorf("%s spends %s again", username, id)
	}
	s.spent[id] = expires
	return true, nil
}

// booth gives out tickets for ann, whose session is at the desk.
type booth struct {
	*desk
	*Tickets
	login chat.Login
	spent map[string]chat.Time
}

func newBooth(t *testing.T) *booth {
	t.Helper()
	b := &booth{desk: newDesk(t), spent: map[string]chat.Time{}}
	b.login = b.logIn(t)
	b.underKeys(ticketKey)
	return b
}

// underKeys goes on with other keys, as after a restart.
func (b *booth) underKeys(keys ...[]byte) {
	b.Tickets = NewTickets(spending{b.desk.store, b.spent}, keys, b.clock)
}

func (b *booth) ticket(t *testing.T) string {
	t.Helper()
	text, expires := b.Make(chat.Actor{Username: "ann", Session: sessionOf(t, b.login.RefreshToken)}, page, streamPath)
	if !expires.Time().Equal(b.clock().Add(TicketTTL)) {
		t.Errorf("made at %v, it ends at %v", b.clock(), expires)
	}
	return text
}

// opens redeems a ticket, with what the browser kept, and returns what it is given to keep.
func (b *booth) opens(t *testing.T, ticket, kept string) string {
	t.Helper()
	actor, comeBack, err := b.Redeem(t.Context(), ticket, kept, page, streamPath)
	if err != nil || actor.Username != "ann" || actor.Session != sessionOf(t, b.login.RefreshToken) {
		t.Fatalf("redeemed for %+v, %v", actor, err)
	}
	return comeBack
}

func (b *booth) refuses(t *testing.T, ticket, kept string) {
	t.Helper()
	_, _, err := b.Redeem(t.Context(), ticket, kept, page, streamPath)
	wantError(t, err, chat.ErrBadTicket)
}

func TestATicketIsGoodFor30Seconds(t *testing.T) {
	if TicketTTL != 30*time.Second {
		t.Errorf("it lives for %s", TicketTTL)
	}
	b := newBooth(t)
	inTime, late := b.ticket(t), b.ticket(t)
	b.advance(TicketTTL - time.Millisecond)
	b.opens(t, inTime, "")
	b.advance(time.Millisecond)
	b.refuses(t, late, "")
	b.refuses(t, inTime, "")
	if ends := slices.Collect(maps.Values(b.spent)); len(ends) != 1 || !ends[0].Time().Equal(b.clock()) {
		t.Errorf("spent until %v, want the one that was used in time, until its end", ends)
	}
}

func TestTheReturnCookieOpensTheStreamAgainBesideAnExpiredTicket(t *testing.T) {
	b := newBooth(t)
	ticket := b.ticket(t)
	kept := b.opens(t, ticket, "")
	b.advance(time.Minute)
	other := b.ticket(t)
	for range 3 {
		b.advance(24 * time.Hour)
		b.refuses(t, ticket, "")
		kept = b.opens(t, ticket, kept)
	}
	// It is for the session, so that any ticket of the same page will do beside it.
	b.opens(t, other, kept)
	// Its session is the only end that it has.
	b.advance(SessionIdle - 3*24*time.Hour - time.Minute - time.Millisecond)
	kept = b.opens(t, ticket, kept)
	b.advance(time.Millisecond)
	b.refuses(t, ticket, kept)
}

func TestATicketThatIsSpentWritesNothing(t *testing.T) {
	b := newBooth(t)
	ticket := b.ticket(t)
	kept := b.opens(t, ticket, "")
	b.refuses(t, ticket, "") // the store refuses to be told again
	b.opens(t, ticket, kept)
}

func TestATicketOutlivesARotation(t *testing.T) {
	b := newBooth(t)
	unused, used := b.ticket(t), b.ticket(t)
	kept := b.opens(t, used, "")

	b.underKeys(newTicketKey, ticketKey)
	b.opens(t, unused, "")
	b.refuses(t, used, "")
	keptAnew := b.opens(t, used, kept)
	next := b.ticket(t)

	b.underKeys(newTicketKey)
	b.refuses(t, used, kept)
	b.refuses(t, used, keptAnew)
	b.opens(t, next, "")
	b.refuses(t, next, kept)
	b.opens(t, next, keptAnew) // the cookie was signed by the new key
}

func TestNoOtherTextIsATicket(t *testing.T) {
	b := newBooth(t)
	ticket := b.ticket(t)
	kept := b.opens(t, ticket, "")
	script := NewScriptToken().text
	elsewhere := NewTickets(nil, [][]byte{refreshKey}, b.clock) // a key of the same secret, for something else
	foreign, _ := elsewhere.Make(chat.Actor{Username: "ann", Session: sessionOf(t, b.login.RefreshToken)}, page, streamPath)
	for name, text := range map[string]string{
		"the return cookie":                  kept,
		"the return cookie under its prefix": ticketPrefix + strings.TrimPrefix(kept, returnPrefix),
		"an access token":                    b.login.Token,
		"a refresh token":                    b.login.RefreshToken,
		"a script token":                     script,
		"one by another kind's key":          foreign,
		"nothing":                            "",
	} {
		if actor, _, err := b.Redeem(t.Context(), text, kept, page, streamPath); err == nil {
			t.Errorf("%s as a ticket speaks for %+v", name, actor)
		}
	}
	for name, text := range map[string]string{
		"the ticket":                        ticket,
		"the ticket under the other prefix": returnPrefix + strings.TrimPrefix(ticket, ticketPrefix),
		"an unused ticket":                  b.ticket(t),
		"an unused one under its prefix":    returnPrefix + strings.TrimPrefix(b.ticket(t), ticketPrefix),
		"an access token":                   b.login.Token,
		"a refresh token":                   b.login.RefreshToken,
		"a script token":                    script,
		"one by another kind's key":         returnPrefix + strings.TrimPrefix(foreign, ticketPrefix),
	} {
		if actor, _, err := b.Redeem(t.Context(), ticket, text, page, streamPath); err == nil {
			t.Errorf("%s as a return cookie speaks for %+v", name, actor)
		}
	}
	for name, text := range map[string]string{"a ticket": b.ticket(t), "a return cookie": kept} {
		_, err := b.Refresh(t.Context(), text)
		wantError(t, err, chat.ErrBadRefreshToken)
		wantError(t, b.LogOutByRefreshToken(t.Context(), text), chat.ErrBadRefreshToken)
		if _, ok := readScriptToken(text); ok {
			t.Errorf("%s is read as a script token", name)
		}
	}
	b.opens(t, ticket, kept)
}
