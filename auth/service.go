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

// How long a session lasts unless told otherwise: from its last refresh on, and in all.
const (
	SessionIdle = 30 * 24 * time.Hour
	SessionMost = 90 * 24 * time.Hour
)

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
	// Idle is how long a session lasts unused, and Most how long it lasts in all; 0 is
	// SessionIdle and SessionMost.
	Idle, Most time.Duration
	// Renewed is told of each session that a refresh renewed; nil is nobody. It does not
	// block.
	Renewed func(username, session string)
	// Refreshing refuses a session that refreshes too often, before it does; nil is nobody. It
	// does not block.
	Refreshing func(session string) error
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
	idle, most  time.Duration
	renewed     func(username, session string)
	refreshing  func(session string) error
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
		idle:        cmp.Or(o.Idle, SessionIdle),
		most:        cmp.Or(o.Most, SessionMost),
		renewed:     o.Renewed,
		refreshing:  o.Refreshing,
		now:         o.Now,
		passwords:   passwords,
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.renewed == nil {
		s.renewed = func(string, string) {}
	}
	if s.refreshing == nil {
		s.refreshing = func(string) error { return nil }
	}
	return s
}

// SignUp is what somebody says who wants to be a user.
type SignUp struct {
	Username, Password string
	// DisplayName is the username if empty.
	DisplayName string
	// Invite is the code of the invite by which the user signs up; empty without one.
	Invite string
	// Address is the client's, by which hashing is shared fairly; empty where it is
	// unknown.
	Address string
}

// Check says all that is no good about it, or nil.
func (u SignUp) Check() error {
	if err := chat.Checks(chat.CheckUsername(u.Username), checkPassword(u.Password), u.checkDisplayName()); err != nil {
		return err
	}
	return CheckNewPassword("password", u.Password, chat.User{Username: u.Username, DisplayName: u.DisplayName})
}

func (u SignUp) checkDisplayName() error {
	if u.DisplayName == "" {
		return nil
	}
	return chat.CheckDisplayName(u.DisplayName)
}

// SignUp makes a user. chat.ErrInvalid, chat.ErrWeakPassword, chat.ErrUsernameTaken, chat.ErrInviteNotFound,
// chat.ErrBusy.
func (s *Service) SignUp(ctx context.Context, u SignUp) (chat.User, error) {
	if err := u.Check(); err != nil {
		return chat.User{}, err
	}
	if u.Invite != "" { // before a password is hashed for nothing
		if err := s.store.CheckSignUpInvite(ctx, u.Invite); err != nil {
			return chat.User{}, fmt.Errorf("looking at an invite: %w", err)
		}
	}
	hash, err := s.passwords.hash(ctx, caller{u.Address, u.Username}, u.Password)
	if err != nil {
		return chat.User{}, fmt.Errorf("hashing a password: %w", err)
	}
	user, err := s.store.CreateUser(ctx, NewUser{
		Username: u.Username, DisplayName: cmp.Or(u.DisplayName, u.Username), PasswordHash: hash, Invite: u.Invite,
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
	// UserAgent is what the client says it is, and SeenAt its whole address: by these its user
	// knows the session again.
	UserAgent, SeenAt string
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
	var account Account
	matches, err := s.passwords.compareRead(ctx, i.caller(), i.Password, func() (hash string, err error) {
		account, err = s.account(ctx, i.Username)
		return account.PasswordHash, err
	})
	if err != nil {
		return chat.Login{}, fmt.Errorf("comparing a password: %w", err)
	}
	if !matches || account.Disabled || account.Username == "" {
		return chat.Login{}, chat.ErrBadCredentials
	}
	return s.begin(ctx, account, i)
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
		account.PasswordHash = nobodysHash
	}
	return account, nil
}

// begin stores a new session of the account and gives its first tokens.
func (s *Service) begin(ctx context.Context, account Account, i SignIn) (chat.Login, error) {
	first := firstRefreshToken(rand.Text())
	now := s.now()
	login, tokens, err := s.issue(account.User, first, now, now)
	if err != nil {
		return chat.Login{}, err
	}
	err = s.store.CreateSession(ctx, NewSession{
		Session:      Session{ID: first.session, Username: account.Username, CreatedAt: tokens.RefreshedAt, SessionTokens: tokens},
		PasswordHash: account.PasswordHash,
		UserAgent:    chat.Cut(i.UserAgent, chat.MaxUserAgent), Address: i.SeenAt,
	})
	if err != nil {
		return chat.Login{}, fmt.Errorf("storing a session: %w", err)
	}
	return login, nil
}

// issue makes what is given out with a refresh token that nobody has had before,
// and what is stored of it, in a session that was created before.
func (s *Service) issue(user chat.User, refresh refreshToken, created, now time.Time) (chat.Login, SessionTokens, error) {
	now = now.Truncate(time.Millisecond)
	ends := now.Add(s.idle)
	if last := created.Truncate(time.Millisecond).Add(s.most); last.Before(ends) {
		ends = last
	}
	access, expires, err := s.signer.Sign(user.Username, refresh.session)
	if err != nil {
		return chat.Login{}, SessionTokens{}, fmt.Errorf("signing: %w", err)
	}
	tokens := SessionTokens{
		Generation:     refresh.generation,
		RefreshHash:    refresh.hash(),
		RefreshedAt:    now,
		RefreshExpires: ends,
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
