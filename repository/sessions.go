package repository

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"parley/auth"
	"parley/chat"
	"parley/repository/posts"
)

// sessionColumns are those of a sessionRow, from a table sessions called s.
const sessionColumns = `s.id, s.username, s.created_at, s.access_expires_at,
	s.refresh_hash, s.refresh_generation, s.refreshed_at, s.refresh_expires_at`

// sessionRow is a session as it is stored; its times are milliseconds.
type sessionRow struct {
	ID             string `db:"id"`
	Username       string `db:"username"`
	CreatedAt      int64  `db:"created_at"`
	AccessExpires  int64  `db:"access_expires_at"`
	RefreshHash    []byte `db:"refresh_hash"`
	Generation     int64  `db:"refresh_generation"`
	RefreshedAt    int64  `db:"refreshed_at"`
	RefreshExpires int64  `db:"refresh_expires_at"`
}

func (s sessionRow) session() auth.Session {
	return auth.Session{ID: s.ID, Username: s.Username, CreatedAt: time.UnixMilli(s.CreatedAt).UTC(), SessionTokens: auth.SessionTokens{
		Generation:     s.Generation,
		RefreshHash:    s.RefreshHash,
		RefreshedAt:    time.UnixMilli(s.RefreshedAt).UTC(),
		RefreshExpires: time.UnixMilli(s.RefreshExpires).UTC(),
		AccessExpires:  time.UnixMilli(s.AccessExpires).UTC(),
	}}
}

// CreateSession implements [auth.Store]. That the user may log in is asked again
// behind the lock: the user may have been disabled, or have got another password, while the
// password was verified.
func (r *Repository) CreateSession(ctx context.Context, s auth.NewSession) (err error) {
	defer wrap(&err, "creating a session")
	_, err = write(ctx, r, s.Username, func(ctx context.Context, tx *transaction) (none struct{}, err error) {
		welcome, err := tx.exists(ctx, `SELECT 1 FROM users WHERE username = ? AND disabled_pos IS NULL AND password_hash = ?`,
			s.Username, s.PasswordHash)
		switch {
		case err != nil:
			return none, err
		case !welcome:
			return none, chat.ErrBadCredentials
		}
		if err := tx.makeRoom(ctx, s.Username, r.maxSignIns); err != nil {
			return none, err
		}
		tx.later(`INSERT INTO sessions (id, username, created_at, access_expires_at,
				refresh_hash, refresh_generation, refreshed_at, refresh_expires_at, user_agent, address)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			s.ID, s.Username, s.CreatedAt.UnixMilli(), s.AccessExpires.UnixMilli(),
			s.RefreshHash, s.Generation, s.RefreshedAt.UnixMilli(), s.RefreshExpires.UnixMilli(), s.UserAgent, s.Address)
		return none, nil
	})
	return err
}

// someSignIns are sign-ins of a user that go on, the longest unused first: here, or at
// another issuer. The limit bounds what is sorted.
const someSignIns = `SELECT id FROM (SELECT id, refreshed_at FROM sessions
		WHERE username = ? AND kind IN ('sign-in', 'foreign') AND ended_pos IS NULL AND id <> ? LIMIT ?) s
	ORDER BY refreshed_at, id LIMIT ?`

// makeRoom ends the sign-in of a user that has been unused for longest where there are most
// of them; 0 is any number.
func (tx *transaction) makeRoom(ctx context.Context, username string, most int) error {
	if most == 0 {
		return nil
	}
	var ids []string
	if err := tx.all(ctx, &ids, someSignIns, username, "", most+endedAtOnce, most+endedAtOnce); err != nil {
		return err
	}
	for i := 0; i <= len(ids)-most; i++ {
		tx.endSession(username, ids[i])
	}
	return nil
}

// endedAtOnce bounds how many sign-ins end in one transaction.
const endedAtOnce = 100

// endSignIns ends sign-ins of a user but for one, and says whether there may be more.
func (tx *transaction) endSignIns(ctx context.Context, username, but string) (more bool, err error) {
	var ids []string
	if err := tx.all(ctx, &ids, someSignIns, username, but, endedAtOnce, endedAtOnce); err != nil {
		return false, err
	}
	for _, id := range ids {
		tx.endSession(username, id)
	}
	return len(ids) == endedAtOnce, nil
}

// endSession ends a session that goes on at the position of its event.
func (tx *transaction) endSession(username, id string) {
	pos := tx.append(chat.Event{Kind: chat.KindSessionEnded, Username: username, Session: id})
	tx.later(`UPDATE sessions SET ended_pos = ?, refresh_expires_at = `+endedUntil+` WHERE id = ?`, pos, tx.now.UnixMilli(), id)
}

// Session implements [auth.Store].
func (r *Repository) Session(ctx context.Context, id string) (_ auth.Session, now time.Time, err error) {
	defer wrap(&err, "reading a session")
	type timedRow struct {
		sessionRow
		Now int64 `db:"now"`
	}
	row, err := read(ctx, r, func(ctx context.Context, h handle) (row timedRow, err error) {
		err = h.get(ctx, &row, `SELECT `+sessionColumns+`, `+h.d.now+` AS now
			FROM sessions s WHERE s.id = ? AND `+posts.LiveSession, id)
		if errors.Is(err, sql.ErrNoRows) {
			err = chat.ErrSessionEnded
		}
		return row, err
	})
	return row.session(), time.UnixMilli(row.Now).UTC(), err
}

// RenewSession implements [auth.Store].
func (r *Repository) RenewSession(ctx context.Context, id string, generation int64, next auth.SessionTokens) (_ bool, err error) {
	defer wrap(&err, "renewing a session")
	return write(ctx, r, id, func(ctx context.Context, tx *transaction) (bool, error) {
		n, err := tx.exec(ctx, `UPDATE sessions AS s SET access_expires_at = ?,
				refresh_hash = ?, refresh_generation = ?, refreshed_at = ?, refresh_expires_at = ?
			WHERE id = ? AND refresh_generation = ? AND `+posts.LiveSession,
			next.AccessExpires.UnixMilli(),
			next.RefreshHash, next.Generation, next.RefreshedAt.UnixMilli(), next.RefreshExpires.UnixMilli(),
			id, generation)
		return n == 1, err
	})
}

// EndSession implements [auth.Store].
func (r *Repository) EndSession(ctx context.Context, id string) (err error) {
	defer wrap(&err, "ending a session")
	_, err = write(ctx, r, id, func(ctx context.Context, tx *transaction) (none struct{}, err error) {
		var username string
		err = tx.get(ctx, &username, `SELECT username FROM sessions s WHERE id = ? AND `+posts.LiveSession, id)
		if errors.Is(err, sql.ErrNoRows) {
			return none, nil
		}
		if err != nil {
			return none, err
		}
		tx.endSession(username, id)
		return none, nil
	})
	return err
}
