package auth

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"parley/chat"
)

// RefreshTTL is how long a refresh token lives.
const RefreshTTL = 30 * 24 * time.Hour

// Signer makes access tokens.
type Signer interface {
	// Sign makes an access token for a session of the user. It ends at expires, a
	// whole second.
	Sign(username, session string) (token string, expires time.Time, err error)
}

// Options are what a [Service] stands on.
type Options struct {
	Store  Store
	Signer Signer
	// RefreshKeys derive the successors of refresh tokens: the first new ones, and the
	// second, if any, those from before the secret was rotated. All instances of a service
	// have the same ones; see [DeriveKey].
	RefreshKeys [][]byte
	// Renewed is told of each session that a refresh renewed; nil is nobody. It does not
	// block.
	Renewed func(username, session string)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Service signs up, logs in, refreshes and logs out. All its methods may be
// called by many goroutines at once; besides the errors that they name they
// answer the store's.
type Service struct {
	store       Store
	signer      Signer
	refreshKeys [][]byte
	renewed     func(username, session string)
	now         func() time.Time
	passwords   *gate
}

// New makes a service. Without a Signer it can sign up and log out, and nothing
// else.
func New(o Options) *Service {
	s := &Service{
		store:       o.Store,
		signer:      o.Signer,
		refreshKeys: o.RefreshKeys,
		renewed:     o.Renewed,
		now:         o.Now,
		passwords:   passwords,
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.renewed == nil {
		s.renewed = func(string, string) {}
	}
	return s
}

// SignUp is what somebody says who wants to be a user.
type SignUp struct {
	Username, Password string
	// DisplayName is the username if empty.
	DisplayName string
	// Address is the client's, by which hashing is shared fairly; empty where it is
	// unknown.
	Address string
}

// Check says all that is no good about it, or nil.
func (u SignUp) Check() error {
	var displayName error
	if u.DisplayName != "" {
		displayName = chat.CheckDisplayName(u.DisplayName)
	}
	return chat.Checks(chat.CheckUsername(u.Username), checkPassword(u.Password), displayName)
}

// SignUp makes a user. chat.ErrInvalid, chat.ErrUsernameTaken, chat.ErrBusy.
func (s *Service) SignUp(ctx context.Context, u SignUp) (chat.User, error) {
	if err := u.Check(); err != nil {
		return chat.User{}, err
	}
	hash, err := s.passwords.hash(ctx, caller{u.Address, u.Username}, u.Password)
	if err != nil {
		return chat.User{}, fmt.Errorf("hashing a password: %w", err)
	}
	user, err := s.store.CreateUser(ctx, NewUser{
		Username: u.Username, DisplayName: cmp.Or(u.DisplayName, u.Username), PasswordHash: hash,
	})
	if err != nil {
		return chat.User{}, fmt.Errorf("storing a user: %w", err)
	}
	return user, nil
}

// SignIn is what a client says that wants to begin a session.
type SignIn struct {
	Username, Password string
	// Address is the client's, by which hashing is shared fairly; empty where it is
	// unknown.
	Address string
}

// caller is the client as the gate tells it from others. All that is no username
// is one, and so bounded in length.
func (i SignIn) caller() caller {
	if chat.CheckUsername(i.Username) != nil {
		return caller{address: i.Address}
	}
	return caller{i.Address, i.Username}
}

// LogIn begins a session. chat.ErrBadCredentials, which neither says nor shows
// by the time it takes whether there is such a user; chat.ErrBusy.
func (s *Service) LogIn(ctx context.Context, i SignIn) (chat.Login, error) {
	account, err := s.account(ctx, i.Username)
	if err != nil {
		return chat.Login{}, err
	}
	matches, err := s.passwords.compare(ctx, i.caller(), i.Password, account.PasswordHash)
	if err != nil {
		return chat.Login{}, fmt.Errorf("comparing a password: %w", err)
	}
	if !matches || account.Disabled || account.Username == "" {
		return chat.Login{}, chat.ErrBadCredentials
	}
	return s.begin(ctx, account.User)
}

// account reads the account of a username; for one that nobody has, an account
// without a name, whose hash costs as much as any and matches nothing.
func (s *Service) account(ctx context.Context, username string) (Account, error) {
	// What is no username is asked of no store: it could hold what a database
	// refuses to read.
	if chat.CheckUsername(username) != nil {
		return Account{PasswordHash: nobodysHash}, nil
	}
	account, err := s.store.Account(ctx, username)
	switch {
	case errors.Is(err, chat.ErrNotFound):
		return Account{PasswordHash: nobodysHash}, nil
	case err != nil:
		return Account{}, fmt.Errorf("reading an account: %w", err)
	case account.PasswordHash == "": // a bot, or a user of another issuer
		return Account{PasswordHash: nobodysHash}, nil
	}
	return account, nil
}

// begin stores a new session of the user and gives its first tokens.
func (s *Service) begin(ctx context.Context, user chat.User) (chat.Login, error) {
	first := firstRefreshToken(rand.Text())
	login, tokens, err := s.issue(user, first, s.now())
	if err != nil {
		return chat.Login{}, err
	}
	err = s.store.CreateSession(ctx, Session{ID: first.session, Username: user.Username, SessionTokens: tokens})
	if err != nil {
		return chat.Login{}, fmt.Errorf("storing a session: %w", err)
	}
	return login, nil
}

// issue makes what is given out with a refresh token that nobody has had before,
// and what is stored of it.
func (s *Service) issue(user chat.User, refresh refreshToken, now time.Time) (chat.Login, SessionTokens, error) {
	now = now.Truncate(time.Millisecond)
	access, expires, err := s.signer.Sign(user.Username, refresh.session)
	if err != nil {
		return chat.Login{}, SessionTokens{}, fmt.Errorf("signing: %w", err)
	}
	tokens := SessionTokens{
		Generation:     refresh.generation,
		RefreshHash:    refresh.hash(),
		RefreshedAt:    now,
		RefreshExpires: now.Add(RefreshTTL),
		AccessExpires:  expires,
	}
	return newLogin(user, access, refresh, tokens), tokens, nil
}

// newLogin is the answer that tells a client of its tokens.
func newLogin(user chat.User, access string, refresh refreshToken, tokens SessionTokens) chat.Login {
	return chat.Login{
		Token:            access,
		TokenType:        "Bearer",
		ExpiresAt:        chat.NewTime(tokens.AccessExpires),
		RefreshToken:     refresh.String(),
		RefreshExpiresAt: chat.NewTime(tokens.RefreshExpires),
		User:             user,
	}
}

// LogOut ends a session; one that is over stays over.
func (s *Service) LogOut(ctx context.Context, session string) error {
	if err := s.store.EndSession(ctx, session); err != nil {
		return fmt.Errorf("ending a session: %w", err)
	}
	return nil
}
