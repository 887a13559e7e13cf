package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"parley/chat"
)

const (
	// Grace is how long a spent refresh token still gets the successor that it
	// got before, as long as that was not used.
	Grace = 30 * time.Second
	// maxChain bounds how far behind the present token an older one is still
	// proven; at one refresh in ten minutes it is ten weeks.
	maxChain = 10_000
	// maxTurns bounds how far behind the present token an older one is still proven where
	// the secret was rotated in between: it takes the square of that, half of that square, 20,000
	// successors, which take some 20 ms.
	maxTurns = 200
	// maxLooks bounds how often a refresh looks at the session again because
	// another one came between. A spent token is in grace at the second look and
	// out of it at the third, so more are never needed.
	maxLooks = 4
)

// Refresh gives a session new tokens for its refresh token, which is spent by
// that. A spent one gets the same successor again for [Grace] as long as nobody
// used it; otherwise its session ends. chat.ErrBadRefreshToken for that, and for
// a token that is forged, expired, or of a session that is over; what Options.Refreshing
// refuses with.
func (s *Service) Refresh(ctx context.Context, text string) (chat.Login, error) {
	presented, ok := parseRefreshToken(text)
	if !ok {
		return chat.Login{}, chat.ErrBadRefreshToken
	}
	for look := range maxLooks {
		session, now, present, err := s.prove(ctx, presented)
		if err == nil && look == 0 {
			err = s.refreshing(session.ID) // of a proven token: nobody else can use the session's rate up
		}
		if err != nil {
			return chat.Login{}, err
		}
		spent := session.Generation - presented.generation
		inGrace := spent == 1 && now.Before(session.RefreshedAt.Add(Grace))
		if spent > 0 && !inGrace {
			return chat.Login{}, s.endReused(ctx, session.ID)
		}
		if !now.Before(session.RefreshExpires) {
			return chat.Login{}, chat.ErrBadRefreshToken
		}
		user, err := s.store.User(ctx, chat.Actor{Username: session.Username, Session: session.ID})
		if err != nil {
			return chat.Login{}, badIfOver("reading a session's user", err)
		}
		login, tokens, err := s.next(user, session, now, present, inGrace)
		if err != nil {
			return chat.Login{}, err
		}
		renewed, err := s.store.RenewSession(ctx, session.ID, session.Generation, tokens)
		if err != nil {
			return chat.Login{}, badIfOver("renewing a session", err)
		}
		if renewed {
			s.renewed(session.Username, session.ID)
			return login, nil
		}
	}
	return chat.Login{}, fmt.Errorf("refreshing against others: %w", chat.ErrUnavailable)
}

// next makes the session's next tokens; in grace its present ones again, with an
// access token that lives as long as any. now is the store's clock: the grace that it
// begins may be asked for at another instance.
func (s *Service) next(user chat.User, session Session, now time.Time, present refreshToken, inGrace bool) (chat.Login, SessionTokens, error) {
	if !inGrace {
		return s.issue(user, present.successor(s.refreshKeys[0]), session.CreatedAt, now)
	}
	login, tokens, err := s.issue(user, present, session.CreatedAt, now)
	if err != nil {
		return chat.Login{}, SessionTokens{}, err
	}
	// The refresh token is not new: its grace and its end stay where they were.
	tokens.RefreshedAt = session.RefreshedAt
	tokens.RefreshExpires = session.RefreshExpires
	login.RefreshExpiresAt = chat.NewTime(session.RefreshExpires)
	if tokens.AccessExpires.Before(session.AccessExpires) {
		tokens.AccessExpires = session.AccessExpires
	}
	return login, tokens, nil
}

// LogOutByRefreshToken ends the session of a refresh token, also of a spent or
// expired one. chat.ErrBadRefreshToken for a forged one, and where the session is
// over.
func (s *Service) LogOutByRefreshToken(ctx context.Context, text string) error {
	presented, ok := parseRefreshToken(text)
	if !ok {
		return chat.ErrBadRefreshToken
	}
	session, _, _, err := s.prove(ctx, presented)
	if err != nil {
		return err
	}
	return s.LogOut(ctx, session.ID)
}

// prove reads the session of a token, and the store's clock, and shows that the service
// made the token, by walking its successors up to the present one, which it returns.
// chat.ErrBadRefreshToken where that fails; nothing is done to a session for it.
func (s *Service) prove(ctx context.Context, presented refreshToken) (Session, time.Time, refreshToken, error) {
	session, now, err := s.store.Session(ctx, presented.session)
	if err != nil {
		return Session{}, now, refreshToken{}, badIfOver("reading a session", err)
	}
	spent := session.Generation - presented.generation
	if spent < 0 || spent > maxChain {
		return Session{}, now, refreshToken{}, chat.ErrBadRefreshToken
	}
	present, ok := s.present(presented, spent, session.RefreshHash)
	if !ok {
		return Session{}, now, refreshToken{}, chat.ErrBadRefreshToken
	}
	return session, now, present, nil
}

// present walks a token's successors up to the one with the hash. Where the secret was
// rotated on the way, the first of them are of the previous key; how many is not stored, so
// each number is tried, and for a long way only none and all.
func (s *Service) present(presented refreshToken, spent int64, hash []byte) (refreshToken, bool) {
	turn := presented
	for before := int64(0); ; before++ {
		if before == 0 || before == spent || spent <= maxTurns {
			present := turn.walk(s.refreshKeys[0], spent-before)
			if subtle.ConstantTimeCompare(present.hash(), hash) == 1 {
				return present, true
			}
		}
		if before == spent || len(s.refreshKeys) == 1 {
			return refreshToken{}, false
		}
		turn = turn.successor(s.refreshKeys[1])
	}
}

// endReused ends a session of which a copied token was used, for the owner's
// sake also where the one who used it hangs up before the answer.
func (s *Service) endReused(ctx context.Context, session string) error {
	if err := s.LogOut(context.WithoutCancel(ctx), session); err != nil {
		return err
	}
	return chat.ErrBadRefreshToken
}

// badIfOver tells somebody with a refresh token of a session that is over that
// the token is no good; other errors are the store's.
func badIfOver(doing string, err error) error {
	if errors.Is(err, chat.ErrSessionEnded) {
		return chat.ErrBadRefreshToken
	}
	return fmt.Errorf("%s: %w", doing, err)
}
