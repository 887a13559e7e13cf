package auth

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"parley/chat"
)

// noon is what the clock of every test shows at its beginning.
var noon = time.Date(2026, 5, 17, 12, 0, 0, 0, time.UTC)

// memory is a [Store] that keeps what the interface promises, in memory, so that
// the tests here decide what happens between two of its calls.
type memory struct {
	mu       sync.Mutex
	accounts map[string]Account
	sessions map[string]Session
	ended    map[string]bool
	// now is the store's clock.
	now func() time.Time
	// asked are the usernames that Account was asked for.
	asked []string
	// beforeRenew, if set, is called before a renewal takes the lock.
	beforeRenew func()
	// broken, if set, is what every method answers.
	broken error
}

func newMemory() *memory {
	return &memory{accounts: map[string]Account{}, sessions: map[string]Session{}, ended: map[string]bool{}}
}

func (m *memory) CreateUser(_ context.Context, u NewUser) (chat.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return chat.User{}, m.broken
	}
	if _, taken := m.accounts[u.Username]; taken {
		return chat.User{}, chat.ErrUsernameTaken
	}
	user := chat.User{Username: u.Username, DisplayName: u.DisplayName, CreatedAt: chat.NewTime(noon)}
	m.accounts[u.Username] = Account{User: user, PasswordHash: u.PasswordHash}
	return user, nil
}

func (m *memory) CheckSignUpInvite(context.Context, string) error { return chat.ErrInviteNotFound }

func (m *memory) Permit(_ context.Context, actor chat.Actor, action chat.Action) error {
	account, err := m.Account(context.Background(), actor.Username)
	if err != nil {
		return err
	}
	return chat.Decide(actor, action, "", chat.Standing{Live: true, Admin: account.Admin})
}

func (m *memory) MakeUser(ctx context.Context, _ chat.Actor, u NewUser) (chat.User, error) {
	return m.CreateUser(ctx, u)
}

func (m *memory) SetPassword(_ context.Context, _ chat.Actor, username, hash string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	account := m.accounts[username]
	account.PasswordHash = hash
	m.accounts[username] = account
	return m.broken
}

func (m *memory) Account(_ context.Context, username string) (Account, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, username)
	if m.broken != nil {
		return Account{}, m.broken
	}
	account, ok := m.accounts[username]
	if !ok {
		return Account{}, chat.ErrNotFound
	}
	return account, nil
}

func (m *memory) DisableUser(_ context.Context, username string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	account, ok := m.accounts[username]
	if !ok {
		return chat.ErrNotFound
	}
	account.Disabled = true
	m.accounts[username] = account
	return m.broken
}

func (m *memory) CloseOwnAccount(ctx context.Context, actor chat.Actor, _ bool) error {
	return m.DisableUser(ctx, actor.Username)
}

func (m *memory) SetOwnPassword(_ context.Context, actor chat.Actor, was, hash string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.live(actor.Session); err != nil {
		return err
	}
	account := m.accounts[actor.Username]
	if account.PasswordHash != was {
		return chat.ErrWrongPassword
	}
	account.PasswordHash = hash
	m.accounts[actor.Username] = account
	for id, s := range m.sessions {
		if s.Username == actor.Username && id != actor.Session {
			m.ended[id] = true
		}
	}
	return nil
}

// live reads a session as every method must see it; the lock is held.
func (m *memory) live(id string) (Session, error) {
	if m.broken != nil {
		return Session{}, m.broken
	}
	s, ok := m.sessions[id]
	if !ok || m.ended[id] || m.accounts[s.Username].Disabled {
		return Session{}, chat.ErrSessionEnded
	}
	return s, nil
}

func (m *memory) User(_ context.Context, actor chat.Actor) (chat.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.live(actor.Session)
	if err != nil {
		return chat.User{}, err
	}
	if s.Username != actor.Username {
		return chat.User{}, chat.ErrSessionEnded
	}
	return m.accounts[s.Username].User, nil
}

func (m *memory) CreateSession(_ context.Context, s NewSession) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return m.broken
	}
	if account, ok := m.accounts[s.Username]; !ok || account.Disabled || account.PasswordHash != s.PasswordHash {
		return chat.ErrBadCredentials
	}
	m.sessions[s.ID] = s.Session
	return nil
}

func (m *memory) Session(_ context.Context, id string) (Session, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.live(id)
	return s, m.now(), err
}

func (m *memory) RenewSession(_ context.Context, id string, generation int64, next SessionTokens) (bool, error) {
	if m.beforeRenew != nil {
		m.beforeRenew()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.live(id)
	if err != nil || s.Generation != generation {
		return false, m.broken
	}
	s.SessionTokens = next
	m.sessions[id] = s
	return true, nil
}

func (m *memory) EndSession(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return m.broken
	}
	m.ended[id] = true
	return nil
}

func (m *memory) isLive(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := m.live(id)
	return err == nil
}

func (m *memory) stored(id string) Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sessions[id]
}

func (m *memory) breakWith(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = err
}

// holds says whether anything stored of sessions has the bytes in it.
func (m *memory) holds(part []byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sessions {
		if bytes.Contains(s.RefreshHash, part) {
			return true
		}
	}
	return false
}

// signer gives tokens that tell whom they are for.
type signer struct{ now func() time.Time }

func (s signer) Sign(username, session string) (string, time.Time, error) {
	expires := s.now().Add(10 * time.Minute).Truncate(time.Second)
	return "access:" + username + ":" + session + ":" + expires.Format(time.TimeOnly), expires, nil
}

// desk is a service with its store and clock in the test's hands.
type desk struct {
	*Service
	store *memory
	mu    sync.Mutex
	time  time.Time
}

var refreshKey = DeriveKey([]byte("a secret of at least thirty-two bytes"), "refresh token")

func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{store: newMemory(), time: noon}
	d.store.now = d.clock
	d.Service = New(Options{Store: d.store, Signer: signer{d.clock}, RefreshKeys: [][]byte{refreshKey}, Now: d.clock})
	return d
}

func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.time
}

func (d *desk) advance(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.time = d.time.Add(by)
}

const password = "correct-horse"

// passwordHash is computed once: hashing is slow on purpose.
var passwordHash = sync.OnceValues(func() (string, error) { return HashPassword(context.Background(), password) })

// ann makes her a user, as a sign-up does.
func (d *desk) ann(t testing.TB) chat.User {
	t.Helper()
	hash, err := passwordHash()
	if err != nil {
		t.Fatal(err)
	}
	user, err := d.store.CreateUser(t.Context(), NewUser{Username: "ann", DisplayName: "ann", PasswordHash: hash})
	if err != nil && !errors.Is(err, chat.ErrUsernameTaken) {
		t.Fatal(err)
	}
	user.Username, user.DisplayName = "ann", "ann"
	return user
}

// logIn begins a session of ann's, as a login does once the password was right.
func (d *desk) logIn(t testing.TB) chat.Login {
	t.Helper()
	login, err := d.begin(t.Context(), Account{User: d.ann(t), PasswordHash: d.store.accounts["ann"].PasswordHash}, SignIn{})
	if err != nil {
		t.Fatal(err)
	}
	return login
}

func (d *desk) refresh(t testing.TB, token string) chat.Login {
	t.Helper()
	login, err := d.Refresh(t.Context(), token)
	if err != nil {
		t.Fatalf("refresh: %v", err)
	}
	return login
}

// sessionOf is the id in a refresh token.
func sessionOf(t testing.TB, token string) string {
	t.Helper()
	parsed, ok := parseRefreshToken(token)
	if !ok {
		t.Fatalf("no refresh token: %q", token)
	}
	return parsed.session
}
