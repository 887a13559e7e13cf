package auth

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"parley/chat"
)

// tokenMemory is a [TokenStore] in memory that counts what it is asked.
type tokenMemory struct {
	mu     sync.Mutex
	tokens map[string]StoredToken
	asked  int
	used   []chat.Time
	// broken, if set, is what every method answers.
	broken error
	// hold, if set, is waited for before an answer.
	hold chan struct{}
}

func (m *tokenMemory) ScriptToken(_ context.Context, id string) (StoredToken, error) {
	if m.hold != nil {
		<-m.hold
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	stored, ok := m.tokens[id]
	switch {
	case m.broken != nil:
		return StoredToken{}, m.broken
	case !ok:
		return StoredToken{}, chat.ErrNotFound
	}
	return stored, nil
}

func (m *tokenMemory) TokenUsed(_ string, at chat.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used = append(m.used, at)
}

// scriptDesk is a store with one token of ann's, and a clock.
type scriptDesk struct {
	*ScriptTokens
	store *tokenMemory
	token ScriptToken
	actor chat.Actor
	clock time.Time
}

func newScriptDesk() *scriptDesk {
	d := &scriptDesk{clock: noon, token: NewScriptToken()}
	d.actor = chat.Actor{
		Username: "ann", Session: d.token.ID(), Kind: chat.ScriptToken, Scopes: chat.ScopeRead, Chats: "lobby",
		Issued: chat.NewTime(noon), Expires: chat.NewTime(noon.Add(time.Hour)),
	}
	d.store = &tokenMemory{tokens: map[string]StoredToken{
		d.token.ID(): {Hash: d.token.Hash(), Actor: d.actor, LastUsed: chat.TimeFromMilli(0)},
	}}
	d.ScriptTokens = NewScriptTokens(d.store, func() time.Time { return d.clock })
	return d
}

// wantVerified wants a token to speak for the desk's actor; refused wants an error.
func (d *scriptDesk) wantVerified(t *testing.T, text string, refused error) {
	t.Helper()
	actor, err := d.Verify(t.Context(), text)
	switch {
	case refused == nil && (err != nil || actor != d.actor):
		t.Errorf("got %+v, %v; want %+v", actor, err, d.actor)
	case refused != nil && (!errors.Is(err, refused) || actor != chat.Actor{}):
		t.Errorf("got %+v, %v; want %v", actor, err, refused)
	}
}

func TestAScriptTokenSpeaksForItsUserUntilItEnds(t *testing.T) {
	d := newScriptDesk()
	d.clock = noon.Add(time.Hour - time.Millisecond)
	for range 3 {
		d.wantVerified(t, d.token.Text(), nil)
	}
	d.clock = noon.Add(time.Hour)
	d.wantVerified(t, d.token.Text(), chat.ErrBadScriptToken)
	if d.store.asked != 1 {
		t.Errorf("the store was asked %d times for one token", d.store.asked)
	}
}

func TestAScriptTokenOfTheRightIDWithAnotherSecretIsRefused(t *testing.T) {
	d := newScriptDesk()
	body := chat.TokenPrefix + d.token.ID() + NewScriptToken().Text()[33:76]
	for range 2 { // cold and warm
		d.wantVerified(t, body+tokenChecksum(body), chat.ErrBadScriptToken)
	}
	d.wantVerified(t, d.token.Text(), nil)
	if n := len(d.store.used); n != 1 {
		t.Errorf("%d uses were noted, want that of the good token alone", n)
	}
}

func TestWhatIsNoScriptTokenIsAskedOfNoStore(t *testing.T) {
	d := newScriptDesk()
	text := d.token.Text()
	for _, bad := range []string{"", "parley_", text[:len(text)-1] + "!", text + "x"} {
		d.wantVerified(t, bad, chat.ErrBadScriptToken)
	}
	unknown := NewScriptToken().Text()
	for range 3 {
		d.wantVerified(t, unknown, chat.ErrBadScriptToken)
	}
	if d.store.asked != 1 {
		t.Errorf("the store was asked %d times, want once, for the unknown one", d.store.asked)
	}
}

func TestMadeUpTokensPushOutNoGoodOnes(t *testing.T) {
	d := newScriptDesk()
	d.wantVerified(t, d.token.Text(), nil)
	for range maxUnknownTokens + 100 {
		d.wantVerified(t, NewScriptToken().Text(), chat.ErrBadScriptToken)
	}
	if n := d.unknown.Len(); n != maxUnknownTokens {
		t.Errorf("%d unknown ids are remembered, want %d", n, maxUnknownTokens)
	}
	asked := d.store.asked
	d.wantVerified(t, d.token.Text(), nil)
	if d.store.asked != asked {
		t.Error("the good token was forgotten")
	}
}

func TestAStoreThatIsAwayRefusesNoScriptToken(t *testing.T) {
	d := newScriptDesk()
	d.store.broken = chat.ErrUnavailable
	d.wantVerified(t, d.token.Text(), chat.ErrUnavailable)
	d.store.broken = nil
	d.wantVerified(t, d.token.Text(), nil)
	d.store.broken = chat.ErrUnavailable
	d.wantVerified(t, d.token.Text(), nil) // it is known by now
}

func TestManyThatComeWithOneScriptTokenAskOnce(t *testing.T) {
	d := newScriptDesk()
	d.store.hold = make(chan struct{})
	gone, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := d.Verify(gone, d.token.Text())
		left <- err
	}()
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller that gave up got %v", err)
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { d.wantVerified(t, d.token.Text(), nil) })
	}
	close(d.store.hold)
	all.Wait()
	// A caller may come when an answer was just given and is not looked for any more.
	if d.store.asked > 2 {
		t.Errorf("the store was asked %d times", d.store.asked)
	}
}

func TestTheUseOfAScriptTokenIsNotedOnceAMinute(t *testing.T) {
	d := newScriptDesk()
	var want []chat.Time
	for minute := range 3 {
		at := noon.Add(time.Duration(minute) * noteUseEvery)
		want = append(want, chat.NewTime(at))
		for _, after := range []time.Duration{0, time.Second, noteUseEvery - time.Millisecond} {
			d.clock = at.Add(after)
			d.wantVerified(t, d.token.Text(), nil)
		}
	}
	if len(d.store.used) != len(want) || d.store.used[0] != want[0] || d.store.used[2] != want[2] {
		t.Errorf("noted were %v, want %v", d.store.used, want)
	}
}

func BenchmarkAWarmScriptToken(b *testing.B) {
	d := newScriptDesk()
	text := d.token.Text()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Verify(b.Context(), text); err != nil {
			b.Fatal(err)
		}
	}
	if d.store.asked != 1 {
		b.Fatalf("the store was asked %d times", d.store.asked)
	}
}
